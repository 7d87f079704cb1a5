/* Scripts become statements: kinds, names, versions, options, texts and positions; what is refused says where
 * and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "support_catalog.h"

struct fixture {
	struct arena arena;
	struct sql_script *script;
};

static int setup(void **state)
{
	struct fixture *fixture = mem_alloc_zeroed(1, sizeof *fixture);
	arena_init(&fixture->arena);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	sql_script_release(fixture->script);
	arena_deinit(&fixture->arena);
	mem_free(fixture);
	return 0;
}

static status parse(struct fixture *fixture, const char *text)
{
	sql_script_release(fixture->script);
	fixture->script = NULL;
	return sql_parse(slice_of_string(text), &fixture->arena, &fixture->script);
}

static const struct sql_statement *parse_one(struct fixture *fixture, const char *text)
{
	if (parse(fixture, text) != STATUS_OK)
		fail_msg("%s: %s", text, error_current()->text);
	assert_int_equal(fixture->script->statement_count, 1);
	return &fixture->script->statements[0];
}

static void assert_refused(struct fixture *fixture, const char *text, const char *expected)
{
	struct buffer error;
	buffer_init(&error);
	assert_int_not_equal(parse(fixture, text), STATUS_OK);
	support_describe_error(&error);
	buffer_append_byte(&error, 0);
	if (strcmp((const char *)error.data, expected) != 0)
		fail_msg("%s\n  got      %s\n  expected %s", text, (const char *)error.data, expected);
	buffer_deinit(&error);
}

static void statements_are_recognised(void **state)
{
	static const struct {
		const char *text;
		enum sql_statement_kind kind;
		const char *tag;
	} cases[] = {
		{"select 1", SQL_SELECT, "SELECT"},
		{"values (1)", SQL_SELECT, "SELECT"},
		{"table x", SQL_SELECT, "SELECT"},
		{"with a as (select 1) select * from a", SQL_SELECT, "SELECT"},
		{"insert into t values (1)", SQL_INSERT, "INSERT"},
		{"create table t (a int)", SQL_CREATE_TABLE, "CREATE TABLE"},
		{"create materialized view v as select 1", SQL_CREATE_VIEW, "CREATE MATERIALIZED VIEW"},
		{"drop table t", SQL_DROP_TABLE, "DROP TABLE"},
		{"drop materialized view v", SQL_DROP_VIEW, "DROP MATERIALIZED VIEW"},
		{"explain select 1", SQL_EXPLAIN, "EXPLAIN"},
		{"explain (costs off, format text) select 1", SQL_EXPLAIN, "EXPLAIN"},
		{"set x to y", SQL_SET, "SET"},
		{"set session characteristics as transaction isolation level serializable", SQL_SET, "SET"},
		{"show x", SQL_SHOW, "SHOW"},
		{"show all", SQL_SHOW, "SHOW"},
		{"reset all", SQL_RESET, "RESET"},
		{"begin", SQL_BEGIN, "BEGIN"},
		{"begin isolation level read committed", SQL_BEGIN, "BEGIN"},
		{"start transaction read only", SQL_BEGIN, "START TRANSACTION"},
		{"commit", SQL_COMMIT, "COMMIT"},
		{"end", SQL_COMMIT, "COMMIT"},
		{"rollback", SQL_ROLLBACK, "ROLLBACK"},
		{"abort", SQL_ROLLBACK, "ROLLBACK"},
		{"savepoint a", SQL_SAVEPOINT, "SAVEPOINT"},
		{"release a", SQL_SAVEPOINT, "RELEASE"},
		{"rollback to a", SQL_SAVEPOINT, "ROLLBACK"},
		{"discard all", SQL_DISCARD, "DISCARD ALL"},
		{"deallocate x", SQL_DEALLOCATE, "DEALLOCATE"},
		{"close all", SQL_CLOSE, "CLOSE CURSOR"},
		{"unlisten *", SQL_UNLISTEN, "UNLISTEN"},
		{"", SQL_EMPTY, ""},
		{" ; -- nothing\n /* at all */ ;", SQL_EMPTY, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct sql_statement *statement = parse_one(*state, cases[i].text);
		if (statement->kind != cases[i].kind || strcmp(statement->tag, cases[i].tag) != 0)
			fail_msg("%s: kind %d, tag %s", cases[i].text, statement->kind, statement->tag);
	}
}

static void a_script_is_split_and_positions_stay_those_of_the_script(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "select 1; -- one; two\n select 'a;b' as \"x;y\";;\n /* é */ select (3) ; ";
	assert_int_equal(parse(fixture, text), STATUS_OK);
	assert_int_equal(fixture->script->statement_count, 3);
	assert_string_equal(fixture->script->statements[0].text, "select 1");
	assert_string_equal(fixture->script->statements[1].text, "select 'a;b' as \"x;y\"");
	assert_int_equal(fixture->script->statements[1].text_position, 24);
	assert_string_equal(fixture->script->statements[2].text, "select (3)");
	assert_int_equal(fixture->script->statements[2].text_position, 57);
	assert_refused(fixture, "select 1; select 'é', * from", "42601 @29: syntax error at end of input");
	assert_refused(fixture, "select 1; select é é é", "42601 @22: syntax error at or near \"é\"");
	assert_refused(fixture, "select 'é' 'abc", "42601 @12: unterminated quoted string at or near \"'abc\"");
}

static void a_released_script_keeps_its_statements_readable(void **state)
{
	struct fixture *fixture = *state;
	const struct sql_statement *statement =
		parse_one(fixture, "create table \"T\" (a int, b numeric(10,2) not null) with (topic = 'x')");
	sql_script_release(fixture->script);
	assert_string_equal(statement->create_table.name.name, "T");
	assert_string_equal(statement->create_table.options[0].value, "x");
	assert_null(statement->tree);
}

static void tables_have_columns_keys_and_options(void **state)
{
	const struct sql_statement *statement = parse_one(*state,
		"CREATE TABLE IF NOT EXISTS public.t (id bigint PRIMARY KEY, amount decimal(10,2) NOT NULL, note "
		"varchar(20) NULL, "
		"at timestamp with time zone, f float, r real, b bool, s smallint, d date, i interval, x bytea, "
		"t timestamp without time zone, n numeric) WITH (topic = 'x', partitions = 3, ratio = -2.5, format = "
		"json, "
		"compact = true, bare)");
	assert_true(statement->create_table.if_not_exists);
	assert_string_equal(statement->create_table.name.schema_name, "public");
	assert_string_equal(statement->create_table.name.name, "t");
	assert_int_equal(statement->create_table.name.position, 28);
	static const struct type types[] = {{TYPE_INT8, -1}, {TYPE_NUMERIC, 10 << 16 | 2}, {TYPE_VARCHAR, 20},
		{TYPE_TIMESTAMPTZ, -1}, {TYPE_FLOAT8, -1}, {TYPE_FLOAT4, -1}, {TYPE_BOOL, -1}, {TYPE_INT2, -1},
		{TYPE_DATE, -1}, {TYPE_INTERVAL, -1}, {TYPE_BYTEA, -1}, {TYPE_TIMESTAMP, -1}, {TYPE_NUMERIC, -1}};
	assert_int_equal(statement->create_table.column_count, sizeof types / sizeof types[0]);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		assert_int_equal(statement->create_table.columns[i].type.id, types[i].id);
		assert_int_equal(statement->create_table.columns[i].type.modifier, types[i].modifier);
	}
	assert_true(statement->create_table.columns[0].not_null);
	assert_true(statement->create_table.columns[1].not_null);
	assert_false(statement->create_table.columns[2].not_null);
	assert_int_equal(statement->create_table.primary_key_count, 1);
	assert_string_equal(statement->create_table.primary_key[0], "id");
	static const char *const options[][2] = {{"topic", "x"}, {"partitions", "3"}, {"ratio", "-2.5"},
		{"format", "json"}, {"compact", "true"}, {"bare", "true"}};
	assert_int_equal(statement->create_table.option_count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(statement->create_table.options[i].name, options[i][0]);
		assert_string_equal(statement->create_table.options[i].value, options[i][1]);
	}
	statement = parse_one(*state, "create table t (a int, b text, primary key (b, a))");
	assert_int_equal(statement->create_table.primary_key_count, 2);
	assert_string_equal(statement->create_table.primary_key[0], "b");
	assert_true(statement->create_table.columns[0].not_null);
}

static void views_keep_their_query_as_written(void **state)
{
	const struct sql_statement *statement =
		parse_one(*state, "CREATE MATERIALIZED VIEW IF NOT EXISTS v WITH (emit = 'final') AS\n  SELECT  a AS "
						  "b FROM delays@2 -- that one\n "
						  "WHERE a = ' as ' WITH DATA ;");
	assert_string_equal(
		statement->create_view.query, "SELECT  a AS b FROM delays@2 -- that one\n WHERE a = ' as '");
	assert_int_equal(statement->create_view.query_position, 68);
	assert_true(statement->create_view.if_not_exists);
	assert_false(statement->create_view.or_replace);
	assert_string_equal(statement->create_view.options[0].name, "emit");
	statement = parse_one(*state, "create or replace materialized view \"My View\" as (select 1)");
	assert_true(statement->create_view.or_replace);
	assert_string_equal(statement->create_view.name.name, "My View");
	assert_int_equal(statement->create_view.name.position, 37);
	assert_string_equal(statement->create_view.query, "(select 1)");
}

static void versions_are_read_off_names(void **state)
{
	const struct sql_statement *statement = parse_one(*state,
		"drop materialized view if exists delays@2, public.hourly@13, \"a@4\", plain, \"b\"@5 cascade");
	static const struct sql_name names[] = {{NULL, "delays", 2, 34}, {"public", "hourly", 13, 44},
		{NULL, "a", 4, 62}, {NULL, "plain", 0, 69}, {NULL, "b", 5, 76}};
	assert_int_equal(statement->drop.name_count, 5);
	assert_true(statement->drop.if_exists);
	assert_true(statement->drop.cascade);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(statement->drop.names[i].name, names[i].name);
		assert_int_equal(statement->drop.names[i].version, names[i].version);
		assert_int_equal(statement->drop.names[i].position, names[i].position);
	}
	(void)parse_one(*state, "select * from delays@1 a join \"delays\"@2 b using (x) where a.y = @ -5");
	(void)parse_one(*state, "select * from tumble(delays@2, x, interval '1 day')");
	assert_refused(*state, "select a@2 from t",
		"42601 @9: syntax error at or near \"@\" [name@version names a version of a view; only a relation "
		"may be written so.]");
	assert_refused(*state, "drop materialized view a@2.b",
		"42601 @26: trailing junk after numeric literal at or near \"2.b\"");
	assert_refused(*state, "select * from delays@0", "42601 @22: versions are numbered from 1");
	assert_refused(*state, "select * from delays @2", "42601 @22: syntax error at or near \"@\"");
	assert_refused(*state, "select * from delays@99999999999", "42601 @21: syntax error at or near \"@\"");
	assert_refused(*state, "drop table t@2", "22023 @12: a table has no versions");
	assert_refused(*state, "create materialized view v@2 as select 1",
		"22023 @26: a view is created without a version number [CREATE OR REPLACE MATERIALIZED VIEW v "
		"deploys the next "
		"version.]");
}

static void settings_are_read(void **state)
{
	static const struct {
		const char *text, *name, *value;
	} cases[] = {
		{"set search_path to a, \"B\", 'c'", "search_path", "a, B, c"},
		{"set extra_float_digits = 3", "extra_float_digits", "3"},
		{"set time zone 'UTC'", "timezone", "UTC"},
		{"set names 'utf8'", "client_encoding", "utf8"},
		{"set x to default", "x", NULL},
		{"set local x = on", "x", "on"},
		{"set transaction isolation level serializable", "TRANSACTION", ""},
		{"set session characteristics as transaction read only", "SESSION CHARACTERISTICS", ""},
		{"show transaction isolation level", "transaction_isolation", NULL},
		{"show all", "all", NULL},
		{"reset all", "all", NULL},
		{"reset x", "x", NULL},
		{"deallocate all", NULL, NULL},
		{"close c", "c", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct sql_statement *statement = parse_one(*state, cases[i].text);
		const char *name = statement->setting.name, *value = statement->setting.value;
		if ((name == NULL) != (cases[i].name == NULL) || (name != NULL && strcmp(name, cases[i].name) != 0) ||
			(value == NULL) != (cases[i].value == NULL) ||
			(value != NULL && strcmp(value, cases[i].value) != 0))
			fail_msg("%s: name %s, value %s", cases[i].text, name, value);
	}
}

static void what_is_not_supported_says_so_with_a_hint(void **state)
{
	static const char *const cases[][2] = {
		{"select 1; update t set a = 1",
			"0A000 @11: UPDATE is not supported [Tables are logs of records: INSERT a new record.]"},
		{"create view v as select 1", "0A000 @1: CREATE VIEW is not supported [Use CREATE MATERIALIZED VIEW: "
									  "views are kept up to date.]"},
		{"create table t as select 1",
			"0A000 @14: CREATE TABLE AS is not supported [Use CREATE MATERIALIZED VIEW, or "
			"CREATE TABLE and INSERT … SELECT.]"},
		{"create temp table t (a int)",
			"0A000 @19: TEMPORARY or UNLOGGED is not supported [A table is a typed reading "
			"of a topic; use CREATE TABLE.]"},
		{"create table t (a json)",
			"0A000 @19: type json is not supported [Use text; the fields of JSON records become "
			"columns of a table.]"},
		{"create table t (a int[])", "0A000 @19: an array type is not supported [Use one row per element.]"},
		{"create table t (a int default 1)", "0A000 @23: DEFAULT is not supported [Columns may be NOT NULL, "
											 "a table may have a PRIMARY KEY; a view can "
											 "check or fill in the rest.]"},
		{"create table t (a int, a text)", "42701 @24: column \"a\" specified more than once"},
		{"create table t (a int, primary key (b))", "42703 @1: column \"b\" named in key does not exist"},
		{"create table t (_offset int)",
			"42701 @17: column name \"_offset\" conflicts with a system column name"},
		{"create table t (a numeric(50,2))", "0A000 @19: numeric(50,2) is not supported [Numerics hold up to "
											 "38 digits, with a scale of 0 to 38.]"},
		{"create table t (a int) with (x = 1, x = 2)", "42601 @37: option \"x\" is given more than once"},
		{"drop view v",
			"0A000 @1: this DROP is not supported [There are tables and materialized views: DROP TABLE, DROP "
			"MATERIALIZED VIEW.]"},
		{"refresh materialized view v", "0A000 @1: REFRESH MATERIALIZED VIEW is not supported [Views are "
										"always up to date; CREATE OR REPLACE "
										"MATERIALIZED VIEW deploys changed logic.]"},
		{"explain analyze select 1",
			"0A000 @9: EXPLAIN ANALYZE is not supported [Use EXPLAIN alone; it shows the plan "
			"without running it.]"},
		{"grant select on t to x", "0A000 @1: GRANT or REVOKE is not supported [Roles are granted: GRANT "
								   "\"read:orders\" TO ann, GRANT admin "
								   "TO bob.]"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_refused(*state, cases[i][0], cases[i][1]);
}

static void hostile_texts_are_refused_by_their_size_and_bytes(void **state)
{
	struct fixture *fixture = *state;
	char *large = mem_alloc(SQL_TEXT_SIZE_MAX + 2);
	memset(large, ' ', SQL_TEXT_SIZE_MAX + 1);
	large[SQL_TEXT_SIZE_MAX + 1] = '\0';
	assert_int_equal(parse(fixture, large), STATUS_TOO_LARGE);
	mem_free(large);
	static const char *const bad[] = {"select '\xff'", "select '\xc3'", "select '\xe0\x80\x80'",
		"select '\xed\xa0\x80'", "select '\xf4\x90\x80\x80'", "select '\xc0\x80'"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(parse(fixture, bad[i]), STATUS_BAD_ENCODING);
	assert_int_equal(
		sql_parse(slice_of("select\0 1", 9), &fixture->arena, &fixture->script), STATUS_BAD_ENCODING);
	assert_int_equal(parse(fixture, "select 'é €\U0001F600'"), STATUS_OK);
}

static char *chain_make(const char *head, const char *link, size_t count)
{
	size_t link_size = strlen(link), head_size = strlen(head);
	char *text = mem_alloc(head_size + count * link_size + 1);
	memcpy(text, head, head_size + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(text + head_size + i * link_size, link, link_size + 1);
	return text;
}

struct chains_result {
	const char *failed; /* the link of the chain that was not treated as expected */
	status code;
};

/* A chain as long as the token limit lets it be: parsed on whatever stack there is, refused by its depth when
 * bound. */
static status chain_try(struct arena *arena, const char *head, const char *link)
{
	size_t tokens_of_link = 2;
	for (const char *at = link; *at != '\0'; at++)
		tokens_of_link += strchr(" ()|:", *at) != NULL;
	char *text = chain_make(head, link, (SQL_TOKENS_MAX - 10) / tokens_of_link);
	struct sql_script *script = NULL;
	struct sql_parameters parameters = {0};
	const struct plan *plan;
	status code = sql_parse(slice_of_string(text), arena, &script);
	if (code == STATUS_OK)
		code = sql_bind_query(&script->statements[0], support_catalog(), &parameters, arena, &plan) ==
					   STATUS_TOO_LARGE
				   ? STATUS_OK
				   : STATUS_INTERNAL;
	sql_script_release(script);
	mem_free(text);
	return code;
}

/* Runs on a thread of its own, where assertions of the test program may not be used. */
static void *chains_run(void *argument)
{
	static const char *const chains[][2] = {{"select 1", "+1"}, {"select 1", " union select 1"},
		{"select 1", "::int"}, {"select 1 from a", " join a on true"}, {"select 1", " is not true"},
		{"select x", "||f(1)"}};
	struct chains_result *result = argument;
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof chains / sizeof chains[0] && result->code == STATUS_OK; i++) {
		result->code = chain_try(&arena, chains[i][0], chains[i][1]);
		result->failed = chains[i][1];
	}
	arena_deinit(&arena);
	return NULL;
}

static void long_chains_overflow_no_stack_however_small(void **state)
{
	struct fixture *fixture = *state;
	struct chains_result result = {0};
	pthread_attr_t attributes;
	pthread_t thread;
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstacksize(&attributes, 512 * 1024), 0);
	assert_int_equal(pthread_create(&thread, &attributes, chains_run, &result), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attributes), 0);
	if (result.code != STATUS_OK)
		fail_msg("%s: %s", result.failed, status_name(result.code));
	char *text = chain_make("select 1", "+1", SQL_TOKENS_MAX);
	assert_int_equal(parse(fixture, text), STATUS_TOO_LARGE);
	mem_free(text);
}

static void positions_are_shown_as_psql_shows_them(void **state)
{
	static const struct {
		const char *text;
		int32_t position;
		const char *expected;
	} cases[] = {
		{"select foo", 8, "LINE 1: select foo\n               ^\n"},
		{"select\n  é, foo\nfrom t", 13, "LINE 2:   é, foo\n             ^\n"},
		{"select 1", 9, "LINE 1: select 1\n                ^\n"},
		{"a\n\n\tb", 5, "LINE 3: \tb\n        \t^\n"},
		{"select", 0, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buffer out;
		buffer_init(&out);
		sql_position_describe(cases[i].text, cases[i].position, &out);
		buffer_append_byte(&out, 0);
		assert_string_equal((const char *)out.data, cases[i].expected);
		buffer_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(statements_are_recognised, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_script_is_split_and_positions_stay_those_of_the_script, setup, teardown),
		cmocka_unit_test_setup_teardown(a_released_script_keeps_its_statements_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(tables_have_columns_keys_and_options, setup, teardown),
		cmocka_unit_test_setup_teardown(views_keep_their_query_as_written, setup, teardown),
		cmocka_unit_test_setup_teardown(versions_are_read_off_names, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_supported_says_so_with_a_hint, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_texts_are_refused_by_their_size_and_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(long_chains_overflow_no_stack_however_small, setup, teardown),
		cmocka_unit_test(positions_are_shown_as_psql_shows_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
