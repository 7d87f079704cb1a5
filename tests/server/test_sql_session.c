/* SQL sessions over a real log and engine: what statements do, and what they see when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "server/sql_session.h"

struct appliance {
	char dir[64], log_dir[96], views_dir[96];
	struct log *log;
	struct engine *engine;
	struct sql_environment environment;
	struct buffer shown; /* the last answer */
	char notice[ERROR_TEXT_MAX];
};

static struct appliance appliance;

static void log_advanced(void *context)
{
	struct appliance *self = context;
	struct engine *engine = __atomic_load_n(&self->engine, __ATOMIC_ACQUIRE);
	if (engine != NULL)
		engine_wake(engine);
}

static int setup(void **state)
{
	(void)state;
	memset(&appliance, 0, sizeof appliance);
	snprintf(appliance.dir, sizeof appliance.dir, "/tmp/kappa-session-XXXXXX");
	assert_non_null(mkdtemp(appliance.dir));
	snprintf(appliance.log_dir, sizeof appliance.log_dir, "%s/log", appliance.dir);
	snprintf(appliance.views_dir, sizeof appliance.views_dir, "%s/views", appliance.dir);
	struct log_options log_options = {
		.dir = appliance.log_dir, .advanced = log_advanced, .context = &appliance};
	assert_int_equal(log_open(&log_options, &appliance.log), STATUS_OK);
	struct engine_options engine_options = {
		.log = appliance.log, .dir = appliance.views_dir, .workers = 2, .memory_bytes_max = 64 << 20};
	struct engine *engine = NULL;
	assert_int_equal(engine_open(&engine_options, &engine), STATUS_OK);
	__atomic_store_n(&appliance.engine, engine, __ATOMIC_RELEASE);
	appliance.environment = (struct sql_environment){.log = appliance.log, .engine = engine};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_stop(appliance.engine);
	log_close(appliance.log);
	engine_close(appliance.engine);
	buffer_deinit(&appliance.shown);
	assert_int_equal(directory_remove(appliance.dir), STATUS_OK);
	return 0;
}

static void notice_keep(void *context, enum sql_severity severity, const struct error *notice)
{
	(void)severity;
	struct appliance *self = context;
	snprintf(self->notice, sizeof self->notice, "%s", notice->text);
}

static struct sql_session *session_open(void)
{
	struct sql_session_options options = {.user = "ann", .notice = notice_keep, .context = &appliance};
	return sql_session_create(&appliance.environment, &options);
}

/* ---- running statements, and showing what they answer ---- */

static void row_show(struct buffer *out, const struct batch *batch, uint32_t row)
{
	for (uint32_t i = 0; i < batch->column_count; i++) {
		if (i > 0)
			buffer_append_byte(out, '|');
		struct value value = column_value(&batch->columns[i], row);
		if (value.type.id == TYPE_UNKNOWN)
			value.type.id = TYPE_TEXT;
		if (value.null)
			buffer_append_string(out, "null");
		else
			value_format(&value, out);
	}
	buffer_append_byte(out, '\n');
}

static status cursor_show(struct sql_cursor *cursor, struct buffer *out)
{
	const struct batch *batch = NULL;
	uint64_t count = 0;
	status result = STATUS_OK;
	while ((result = sql_cursor_next(cursor, &batch)) == STATUS_OK) {
		for (uint32_t row = 0; row < batch->row_count; row++, count++)
			row_show(out, batch, row);
	}
	if (result != STATUS_END)
		return result;
	char tag[64];
	sql_cursor_tag(cursor, count, tag);
	buffer_printf(out, "%s;", tag);
	return STATUS_OK;
}

static status script_show(struct sql_session *session, const char *text, struct buffer *out)
{
	struct sql_prepared **statements = NULL;
	size_t count = 0;
	status result = sql_prepare_script(session, slice_of_string(text), &statements, &count);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < count && result == STATUS_OK; i++) {
		struct sql_cursor *cursor = NULL;
		if (sql_prepared_is_empty(statements[i]))
			continue;
		result = sql_execute(session, statements[i], NULL, 0, &cursor);
		if (result == STATUS_OK)
			result = cursor_show(cursor, out);
		sql_cursor_close(cursor);
	}
	for (size_t i = 0; i < count; i++)
		sql_prepared_release(statements[i]);
	mem_free(statements);
	return result;
}

/* Rows as lines of a|b, then "TAG;". An error as "!SQLSTATE text". */
static const char *run(struct sql_session *session, const char *text)
{
	struct buffer *out = &appliance.shown;
	out->size = 0;
	if (script_show(session, text, out) != STATUS_OK) {
		sql_session_fail(session);
		out->size = 0;
		buffer_printf(out, "!%s %s", error_current()->sqlstate, error_current()->text);
	}
	buffer_append_byte(out, 0);
	return (const char *)out->data;
}

static void run_expects(struct sql_session *session, const char *text, const char *expected)
{
	const char *answer = run(session, text);
	if (strcmp(answer, expected) != 0)
		print_error("%s\n  gave     %s\n  not      %s\n", text, answer, expected);
	assert_string_equal(answer, expected);
}

static void run_fails(struct sql_session *session, const char *text, const char *sqlstate)
{
	const char *answer = run(session, text);
	if (answer[0] != '!' || strncmp(answer + 1, sqlstate, 5) != 0)
		print_error("%s\n  gave     %s\n  not      %s\n", text, answer, sqlstate);
	assert_int_equal(answer[0], '!');
	assert_int_equal(strncmp(answer + 1, sqlstate, 5), 0);
}

static void sales_create(struct sql_session *session)
{
	run_expects(session,
		"CREATE TABLE sales (shop text, amount int);"
		"CREATE MATERIALIZED VIEW totals AS SELECT shop, sum(amount) AS total, count(*) AS n FROM sales "
		"GROUP BY shop",
		"CREATE TABLE;CREATE MATERIALIZED VIEW;");
}

/* ---- INSERT ---- */

static void an_insert_is_in_the_views_the_session_reads_next(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	for (int i = 1; i <= 20; i++) {
		char expected[64];
		snprintf(expected, sizeof expected, "INSERT 0 1;a|%d|%d\nSELECT 1;", i * 5, i);
		run_expects(session, "INSERT INTO sales VALUES ('a', 5); SELECT * FROM totals", expected);
	}
	sql_session_destroy(session);
}

static void inserted_values_come_back_exactly_in_every_format(void **state)
{
	(void)state;
	static const char *const formats[] = {"json", "csv"};
	struct sql_session *session = session_open();
	for (size_t i = 0; i < 2; i++) {
		char text[1024];
		snprintf(text, sizeof text,
			"CREATE TABLE f%zu (t text, i bigint, n numeric, d double precision, b boolean, s timestamp, y "
			"date, z "
			"timestamptz, x bytea, v interval) WITH (format = '%s')",
			i, formats[i]);
		run_expects(session, text, "CREATE TABLE;");
		snprintf(text, sizeof text,
			"INSERT INTO f%zu VALUES (E'a\"b,\\n\\t\\\\ \\x01 \xc3\xa4', 9007199254740993, 1.50, 0.1, true, "
			"'2001-02-03 04:05:06.7', '2020-02-29', '2001-02-03 04:05:06+02', '\\x00ff', '1 day 02:00'),"
			"('', null, -0.00, 'Infinity', false, 'infinity', null, null, '', null), (null, null, null, "
			"'NaN', null, "
			"null, null, null, null, null)",
			i);
		run_expects(session, text, "INSERT 0 3;");
		snprintf(text, sizeof text, "SELECT t, i, n, d, b, s, y, z, x, v FROM f%zu ORDER BY _offset", i);
		run_expects(session, text,
			"a\"b,\n\t\\ \x01 \xc3\xa4|9007199254740993|1.50|0.1|t|2001-02-03 "
			"04:05:06.7|2020-02-29|2001-02-03 "
			"02:05:06+00|\\x00ff|1 day 02:00:00\n"
			"|null|0.00|Infinity|f|infinity|null|null|\\x|null\n"
			"null|null|null|NaN|null|null|null|null|null|null\n"
			"SELECT 3;");
	}
	run_expects(session,
		"CREATE TABLE lines (line text) WITH (format = 'text'); INSERT INTO lines VALUES ('one, \"two\"'), "
		"('');"
		"SELECT line FROM lines ORDER BY _offset",
		"CREATE TABLE;INSERT 0 2;one, \"two\"\n\nSELECT 2;");
	run_fails(session, "INSERT INTO lines VALUES (null)", "23502");
	sql_session_destroy(session);
}

static void a_refused_insert_leaves_nothing_behind(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	run_expects(session, "CREATE TABLE t (a int NOT NULL)", "CREATE TABLE;");
	run_fails(session, "INSERT INTO t VALUES (1), (null)", "23502");
	run_fails(session, "INSERT INTO t SELECT 1 / (2 - x.a) FROM (VALUES (1), (2)) x(a)", "22012");
	run_fails(session, "INSERT INTO t VALUES ('many')", "22P02");
	run_fails(session, "INSERT INTO nowhere VALUES (1)", "42P01");
	run_expects(session, "SELECT count(*) FROM t", "0\nSELECT 1;");
	sql_session_destroy(session);
}

static void partitions_take_turns(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	run_expects(session,
		"CREATE TABLE t (a int) WITH (partitions = 3); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); "
		"INSERT INTO "
		"t VALUES (3); SELECT count(*) FROM (SELECT DISTINCT _partition FROM t) p",
		"CREATE TABLE;INSERT 0 1;INSERT 0 1;INSERT 0 1;3\nSELECT 1;");
	sql_session_destroy(session);
}

/* ---- transactions ---- */

static void a_transaction_reads_one_snapshot(void **state)
{
	(void)state;
	struct sql_session *reader = session_open(), *writer = session_open();
	sales_create(writer);
	run_expects(
		writer, "INSERT INTO sales VALUES ('a', 1); SELECT total FROM totals", "INSERT 0 1;1\nSELECT 1;");
	run_expects(reader, "BEGIN; SELECT total FROM totals", "BEGIN;1\nSELECT 1;");
	run_expects(
		writer, "INSERT INTO sales VALUES ('a', 1); SELECT total FROM totals", "INSERT 0 1;2\nSELECT 1;");
	run_expects(reader, "SELECT total FROM totals", "1\nSELECT 1;");
	assert_int_equal(sql_session_transaction(reader), SQL_TRANSACTION_OPEN);
	run_expects(reader, "COMMIT; SELECT total FROM totals", "COMMIT;2\nSELECT 1;");
	sql_session_destroy(reader);
	sql_session_destroy(writer);
}

static void inserts_of_a_transaction_are_there_after_commit_and_only_then(void **state)
{
	(void)state;
	struct sql_session *session = session_open(), *other = session_open();
	sales_create(session);
	run_expects(session, "BEGIN; INSERT INTO sales VALUES ('a', 1), ('a', 2)", "BEGIN;INSERT 0 2;");
	run_expects(other, "SELECT count(*) FROM sales", "0\nSELECT 1;");
	run_expects(session, "SAVEPOINT s; INSERT INTO sales VALUES ('b', 1); ROLLBACK TO SAVEPOINT s",
		"SAVEPOINT;INSERT 0 1;ROLLBACK;");
	run_expects(session, "COMMIT; SELECT * FROM totals", "COMMIT;a|3|2\nSELECT 1;");
	run_expects(session, "BEGIN; INSERT INTO sales VALUES ('c', 1); ROLLBACK; SELECT count(*) FROM sales",
		"BEGIN;INSERT 0 1;ROLLBACK;2\nSELECT 1;");
	sql_session_destroy(other);
	sql_session_destroy(session);
}

static void a_failed_transaction_takes_only_its_end(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	run_expects(
		session, "CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1)", "CREATE TABLE;BEGIN;INSERT 0 1;");
	run_fails(session, "SELECT 1 / 0", "22012");
	assert_int_equal(sql_session_transaction(session), SQL_TRANSACTION_FAILED);
	run_fails(session, "SELECT 1", "25P02");
	run_fails(session, "SAVEPOINT s", "25P02");
	run_expects(session, "COMMIT", "ROLLBACK;");
	run_expects(session, "SELECT count(*) FROM t", "0\nSELECT 1;");
	run_expects(session, "BEGIN; SAVEPOINT \"S 1\"", "BEGIN;SAVEPOINT;");
	run_fails(session, "SELECT 1 / 0", "22012");
	run_expects(session, "ROLLBACK TO \"S 1\"; SELECT 1; COMMIT", "ROLLBACK;1\nSELECT 1;COMMIT;");
	run_fails(session, "SAVEPOINT outside", "25P01");
	run_expects(session, "COMMIT", "COMMIT;");
	assert_string_equal(appliance.notice, "there is no transaction in progress");
	sql_session_destroy(session);
}

static void a_transaction_sees_the_definitions_it_made(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	run_expects(session, "BEGIN; SELECT 1; CREATE TABLE t (a int); SELECT count(*) FROM t; COMMIT",
		"BEGIN;1\nSELECT 1;CREATE TABLE;0\nSELECT 1;COMMIT;");
	sql_session_destroy(session);
}

static void a_declared_cursor_gives_its_rows_in_portions(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	run_expects(session, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6)",
		"CREATE TABLE;INSERT 0 6;");
	run_fails(session, "DECLARE c CURSOR FOR SELECT 1", "25P01");
	run_expects(session,
		"BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT a FROM t ORDER BY a; FETCH c; FETCH FORWARD 2 FROM c; "
		"MOVE 1 IN c; "
		"FETCH ALL FROM c; FETCH c; CLOSE c",
		"BEGIN;DECLARE CURSOR;1\nFETCH 1;2\n3\nFETCH 2;MOVE 1;5\n6\nFETCH 2;FETCH 0;CLOSE CURSOR;");
	run_fails(session, "FETCH c", "34000");
	run_expects(session, "ROLLBACK; BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT",
		"ROLLBACK;BEGIN;DECLARE CURSOR;COMMIT;");
	run_fails(session, "FETCH c", "34000");
	run_expects(session,
		"DECLARE \"h H\" CURSOR WITH HOLD FOR SELECT a FROM t ORDER BY a; INSERT INTO t VALUES (0); FETCH 1 "
		"FROM \"h H\"",
		"DECLARE CURSOR;INSERT 0 1;1\nFETCH 1;");
	run_fails(session, "DECLARE \"h H\" CURSOR WITH HOLD FOR SELECT 1", "42P03");
	run_fails(session, "FETCH BACKWARD 1 FROM \"h H\"", "0A000");
	run_expects(session, "CLOSE ALL", "CLOSE CURSOR ALL;");
	sql_session_destroy(session);
}

/* ---- versions ---- */

static void a_replaced_view_is_diffed_promoted_and_rolled_back(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	run_expects(session,
		"INSERT INTO sales VALUES ('a', 1), ('a', -1), ('b', 2); SELECT * FROM totals ORDER BY shop",
		"INSERT 0 3;a|0|2\nb|2|1\nSELECT 2;");
	run_expects(session,
		"CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT shop, sum(greatest(amount, 0)) AS total, "
		"count(*) AS n "
		"FROM sales GROUP BY shop",
		"CREATE MATERIALIZED VIEW;");
	assert_non_null(strstr(appliance.notice, "kappa.promote('totals', 2)"));
	assert_int_equal(engine_wait_caught_up(appliance.engine, "totals", 2, NULL, NULL), STATUS_OK);
	run_expects(session, "SELECT * FROM totals ORDER BY shop", "a|0|2\nb|2|1\nSELECT 2;");
	run_expects(session, "SELECT * FROM totals@2 ORDER BY shop", "a|1|2\nb|2|1\nSELECT 2;");
	run_expects(session,
		"SELECT kind, key, column_name, left_value, right_value FROM kappa.diff('totals', 1, 2)",
		"changed|a|total|0|1\nSELECT 1;");
	run_expects(session,
		"SELECT equal_rows, changed_rows, match_score FROM kappa.diff_summary('totals', 1, 2)",
		"1|1|0.5\nSELECT 1;");
	run_expects(session,
		"SELECT column_name, changed_rows, delta_sum FROM kappa.diff_columns('totals') ORDER BY 1",
		"n|0|null\ntotal|1|1\nSELECT 2;");
	run_expects(session, "SELECT kappa.promote('totals', 2); SELECT total FROM totals WHERE shop = 'a'",
		"totals|2\nSELECT 1;1\nSELECT 1;");
	run_expects(session, "SELECT view, version, state, is_live FROM kappa.versions ORDER BY version",
		"totals|1|standby|f\ntotals|2|live|t\nSELECT 2;");
	run_expects(session, "SELECT kappa.rollback('totals'); SELECT total FROM totals WHERE shop = 'a'",
		"totals|1\nSELECT 1;0\nSELECT 1;");
	run_expects(session, "SELECT is_equal, record_count FROM kappa.verify('totals')", "t|3\nSELECT 1;");
	run_expects(session, "SELECT kappa.drop_version('totals', 2); SELECT count(*) FROM kappa.versions",
		"totals|2\nSELECT 1;1\nSELECT 1;");
	sql_session_destroy(session);
}

static void deploying_the_same_logic_changes_nothing(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	run_expects(session,
		"SELECT view, version, action FROM kappa.plan('CREATE MATERIALIZED VIEW totals AS select SHOP, "
		"sum(amount) "
		"total, count(*) n from sales group by 1; CREATE MATERIALIZED VIEW more AS SELECT count(*) AS n FROM "
		"totals')",
		"totals|1|unchanged\nmore|1|create\nSELECT 2;");
	run_fails(session, "SELECT * FROM kappa.deploy('SELECT 1')", "0A000");
	run_fails(session, "SELECT * FROM kappa.deploy('CREATE MATERIALIZED VIEW v AS SELECT nope FROM sales')",
		"42703");
	run_expects(session,
		"SELECT view, version, action FROM kappa.deploy('CREATE MATERIALIZED VIEW more AS SELECT count(*) AS "
		"n FROM "
		"totals')",
		"more|1|create\nSELECT 1;");
	run_fails(session, "CREATE MATERIALIZED VIEW totals AS SELECT 1 AS one FROM sales", "42P07");
	sql_session_destroy(session);
}

/* ---- prepared statements ---- */

static struct sql_prepared *prepare(struct sql_session *session, const char *text)
{
	struct sql_prepared *prepared = NULL;
	assert_int_equal(sql_prepare(session, slice_of_string(text), NULL, 0, &prepared), STATUS_OK);
	const enum type_id *types = NULL;
	const struct schema *columns = NULL;
	size_t count = 0;
	assert_int_equal(sql_prepared_describe(session, prepared, &types, &count, &columns), STATUS_OK);
	return prepared;
}

static const char *execute(struct sql_session *session, struct sql_prepared *prepared, const char *parameter)
{
	struct buffer *out = &appliance.shown;
	struct value value = {
		.type = type_of(TYPE_TEXT), .text = {.data = parameter, .size = (uint32_t)strlen(parameter)}};
	struct sql_cursor *cursor = NULL;
	out->size = 0;
	status result = sql_execute(session, prepared, &value, 1, &cursor);
	if (result == STATUS_OK)
		result = cursor_show(cursor, out);
	sql_cursor_close(cursor);
	if (result != STATUS_OK)
		buffer_printf(out, "!%s %s", error_current()->sqlstate, error_current()->text);
	buffer_append_byte(out, 0);
	return (const char *)out->data;
}

static void a_key_lookup_needs_no_worker_unless_there_is_something_to_wait_for(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	run_expects(session, "INSERT INTO sales VALUES ('a', 1), ('b', 2); SELECT count(*) FROM totals",
		"INSERT 0 2;2\nSELECT 1;");
	struct sql_prepared *lookup = prepare(session, "SELECT total FROM totals WHERE shop = $1");
	struct sql_prepared *scan = prepare(session, "SELECT shop FROM totals WHERE total > 1 AND shop <> $1");
	assert_true(sql_prepared_is_inline(session, lookup));
	assert_false(sql_prepared_is_inline(session, scan));
	assert_string_equal(execute(session, lookup, "b"), "2\nSELECT 1;");
	assert_string_equal(execute(session, lookup, "c"), "SELECT 0;");
	assert_string_equal(execute(session, scan, "a"), "b\nSELECT 1;");
	run_expects(session, "INSERT INTO sales VALUES ('b', 5)", "INSERT 0 1;");
	assert_false(sql_prepared_is_inline(session, lookup));
	assert_string_equal(execute(session, lookup, "b"), "7\nSELECT 1;");
	assert_true(sql_prepared_is_inline(session, lookup));
	sql_prepared_release(lookup);
	sql_prepared_release(scan);
	sql_session_destroy(session);
}

static void a_prepared_statement_follows_promotions_unless_its_columns_change(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	run_expects(session, "INSERT INTO sales VALUES ('a', 1)", "INSERT 0 1;");
	struct sql_prepared *lookup = prepare(session, "SELECT * FROM totals WHERE shop = $1");
	assert_string_equal(execute(session, lookup, "a"), "a|1|1\nSELECT 1;");
	run(session,
		"CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT shop, sum(amount * 2) AS total, count(*) AS n "
		"FROM sales GROUP BY shop");
	assert_int_equal(engine_wait_caught_up(appliance.engine, "totals", 2, NULL, NULL), STATUS_OK);
	run_expects(session, "SELECT kappa.promote('totals', 2)", "totals|2\nSELECT 1;");
	assert_string_equal(execute(session, lookup, "a"), "a|2|1\nSELECT 1;");
	run(session,
		"CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT shop, sum(amount) AS total FROM sales GROUP BY "
		"shop");
	assert_int_equal(engine_wait_caught_up(appliance.engine, "totals", 3, NULL, NULL), STATUS_OK);
	run_expects(session, "SELECT kappa.promote('totals', 3)", "totals|3\nSELECT 1;");
	assert_string_equal(execute(session, lookup, "a"), "!0A000 cached plan must not change result type");
	sql_prepared_release(lookup);
	sql_session_destroy(session);
}

static void a_verb_takes_its_arguments_from_parameters(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	struct sql_prepared *promote = prepare(session, "SELECT * FROM kappa.promote($1)");
	assert_string_equal(execute(session, promote, "nothing"), "!42P01 view \"nothing\" does not exist");
	sql_prepared_release(promote);
	sql_session_destroy(session);
}

/* ---- settings, time, cancelling ---- */

static void settings_are_kept_checked_and_reset(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	run_expects(session, "SET application_name = 'x'; SHOW application_name", "SET;x\nSHOW;");
	run_expects(session, "SET statement_timeout TO '5s'; SHOW statement_timeout", "SET;5s\nSHOW;");
	run_expects(session, "RESET ALL; SHOW statement_timeout", "RESET;0\nSHOW;");
	run_expects(session, "SET TIME ZONE 'Europe/Paris'; SHOW timezone", "SET;UTC\nSHOW;");
	assert_non_null(strstr(appliance.notice, "UTC"));
	run_expects(session,
		"SET client_encoding = 'utf-8'; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET;SET;");
	run_fails(session, "SET client_encoding = 'LATIN1'", "22023");
	run_fails(session, "SET standard_conforming_strings = off", "22023");
	run_fails(session, "SET server_version = '9.6'", "55P02");
	run_fails(session, "SET no_such_thing = 1", "42704");
	run_fails(session, "SET kappa.no_such_thing = 1", "42704");
	run_expects(session, "SET mine.own = 'v'; SELECT current_setting('mine.own')", "SET;v\nSELECT 1;");
	run_expects(session, "SELECT set_config('application_name', 'y', false); SHOW application_name",
		"y\nSELECT 1;y\nSHOW;");
	sql_session_destroy(session);
}

/* Many rows, sorted, so that no row comes early. */
#define LONG_QUERY                                                                                           \
	"SELECT count(*) FROM (SELECT a.x * b.x * c.x * d.x * e.x AS p FROM n a, n b, n c, n d, n e) q GROUP "   \
	"BY p % 1000003 "

static void numbers_create(struct sql_session *session)
{
	run_expects(session, "CREATE TABLE n (x bigint)", "CREATE TABLE;");
	struct buffer text = {0};
	buffer_append_string(&text, "INSERT INTO n VALUES (1)");
	for (int i = 2; i <= 60; i++)
		buffer_printf(&text, ",(%d)", i);
	buffer_append_byte(&text, 0);
	run_expects(session, (const char *)text.data, "INSERT 0 60;");
	buffer_deinit(&text);
}

static void a_statement_ends_when_its_time_is_over(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	numbers_create(session);
	run_expects(session, "SET statement_timeout = '50ms'", "SET;");
	run_expects(session, "SELECT 1", "1\nSELECT 1;");
	const char *answer = run(session, LONG_QUERY);
	assert_string_equal(answer, "!57014 canceling statement due to statement timeout");
	sql_session_destroy(session);
}

static void *canceller(void *session)
{
	usleep(50000);
	sql_session_cancel(session);
	return NULL;
}

static void a_statement_can_be_cancelled_from_another_thread(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	numbers_create(session);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, canceller, session), 0);
	run_expects(session, LONG_QUERY, "!57014 canceling statement due to user request");
	pthread_join(thread, NULL);
	run_expects(session, "SELECT 1", "1\nSELECT 1;");
	sql_session_destroy(session);
}

/* ---- what the system tells of itself ---- */

static void the_system_tells_of_itself(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	run_expects(session, "SELECT table_name, topic, format, column_count FROM kappa.tables",
		"sales|sales|json|2\nSELECT 1;");
	run_expects(
		session, "SELECT view, live_version, version_count FROM kappa.views", "totals|1|1\nSELECT 1;");
	run_expects(session,
		"SELECT partition_count, record_count, used_by FROM kappa.topics WHERE topic = 'sales'",
		"1|0|sales\nSELECT 1;");
	run_expects(session,
		"SELECT column_name, type FROM kappa.columns WHERE relation = 'totals' ORDER BY ordinal",
		"shop|text\ntotal|bigint\nn|bigint\nSELECT 3;");
	run_expects(session, "SELECT count(*) FROM kappa.replays; SELECT count(*) FROM kappa.bad_records",
		"0\nSELECT 1;0\nSELECT 1;");
	run_expects(session, "SELECT current_user, current_database()", "ann|kappa\nSELECT 1;");
	run_fails(session, "SELECT * FROM kappa.nothing", "42P01");
	run_fails(session, "SELECT * FROM pg_catalog.pg_largeobject", "42P01");
	run_fails(session, "SELECT kappa.nothing(1)", "42883");
	run_fails(session, "SELECT kappa.promote()", "42883");
	run_fails(session, "SELECT kappa.promote(null)", "22023");
	run_fails(session, "SELECT kappa.promote('totals', 'two')", "22023");
	sql_session_destroy(session);
}

static void definitions_can_be_dropped_and_missing_ones_forgiven(void **state)
{
	(void)state;
	struct sql_session *session = session_open();
	sales_create(session);
	run_expects(session, "CREATE TABLE IF NOT EXISTS sales (shop text)", "CREATE TABLE;");
	assert_non_null(strstr(appliance.notice, "already exists, skipping"));
	run_fails(session, "CREATE TABLE sales (shop text)", "42P07");
	run_fails(session, "DROP TABLE sales", "2BP01");
	run_expects(
		session, "DROP MATERIALIZED VIEW totals; DROP TABLE sales", "DROP MATERIALIZED VIEW;DROP TABLE;");
	run_fails(session, "DROP TABLE sales", "42P01");
	run_expects(session, "DROP TABLE IF EXISTS sales", "DROP TABLE;");
	run_fails(session, "SELECT * FROM sales", "42P01");
	run_fails(session, "CREATE TABLE kappa.t (a int)", "0A000");
	sql_session_destroy(session);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_insert_is_in_the_views_the_session_reads_next),
		T(inserted_values_come_back_exactly_in_every_format),
		T(a_refused_insert_leaves_nothing_behind),
		T(partitions_take_turns),
		T(a_transaction_reads_one_snapshot),
		T(inserts_of_a_transaction_are_there_after_commit_and_only_then),
		T(a_failed_transaction_takes_only_its_end),
		T(a_transaction_sees_the_definitions_it_made),
		T(a_declared_cursor_gives_its_rows_in_portions),
		T(a_replaced_view_is_diffed_promoted_and_rolled_back),
		T(deploying_the_same_logic_changes_nothing),
		T(a_key_lookup_needs_no_worker_unless_there_is_something_to_wait_for),
		T(a_prepared_statement_follows_promotions_unless_its_columns_change),
		T(a_verb_takes_its_arguments_from_parameters),
		T(settings_are_kept_checked_and_reset),
		T(a_statement_ends_when_its_time_is_over),
		T(a_statement_can_be_cancelled_from_another_thread),
		T(the_system_tells_of_itself),
		T(definitions_can_be_dropped_and_missing_ones_forgiven),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
