/* Queries and views become the plans of golden_plan.txt: their columns, their derived facts, their nodes; or
 * the errors written there. And what must not matter to a plan's canonical text does not.
 *
 * golden_plan.txt is made of blocks, "> query|view SQL", then what is expected. With KAPPA_GOLDEN_WRITE=file
 * in the environment the test writes what it got in the same form, to be read before it replaces the old.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support_catalog.h"

enum { PATH_SIZE_MAX = 512, LINE_SIZE_MAX = 4096 };

static FILE *golden_open(const char *name)
{
	char path[PATH_SIZE_MAX];
	(void)snprintf(path, sizeof path, "%s/%s", KAPPA_TEST_DIR, name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	return file;
}

static void describe_facts(const struct plan *plan, struct arena *arena, struct buffer *out)
{
	buffer_append_string(out, "columns");
	for (size_t i = 0; i < plan->schema.field_count; i++)
		buffer_printf(out, "%s %s %s%s", i == 0 ? "" : ",", plan->schema.fields[i].name,
			type_format(plan->schema.fields[i].type, arena),
			plan->schema.fields[i].not_null ? " not null" : "");
	if (plan->has_key) {
		buffer_append_string(out, "; key (");
		for (size_t i = 0; i < plan->key_count; i++)
			buffer_printf(out, "%s%s", i == 0 ? "" : ", ", plan->schema.fields[plan->key_columns[i]].name);
		buffer_append_byte(out, ')');
	}
	buffer_append_string(out, plan->append_only ? "; append-only\n" : "\n");
}

static status bind_query(const char *sql, struct arena *arena, const struct plan **out)
{
	struct sql_script *script = NULL;
	struct sql_parameters parameters = {0};
	status code = sql_parse(slice_of_string(sql), arena, &script);
	if (code == STATUS_OK)
		code = sql_bind_query(&script->statements[0], support_catalog(), &parameters, arena, out);
	sql_script_release(script);
	return code;
}

/* `line` is "query SQL" or "view SQL". */
static void describe(const char *line, struct buffer *out)
{
	struct arena arena;
	arena_init(&arena);
	const struct plan *plan;
	struct sql_use *uses;
	size_t use_count = 0;
	bool view = strncmp(line, "view ", 5) == 0;
	status code = view ? sql_bind_view(line + 5, support_catalog(), &arena, &plan, &uses, &use_count)
					   : bind_query(line + 6, &arena, &plan);
	out->size = 0;
	if (code != STATUS_OK) {
		support_describe_error(out);
		buffer_append_byte(out, '\n');
	} else {
		for (size_t i = 0; i < use_count; i++)
			buffer_printf(out, "%s%s@%d", i == 0 ? "uses " : ", ", uses[i].name, (int)uses[i].version);
		if (use_count > 0)
			buffer_append_byte(out, '\n');
		describe_facts(plan, &arena, out);
		plan_explain(plan, out);
	}
	buffer_append_byte(out, 0);
	arena_deinit(&arena);
}

static void block_check(const char *line, const struct buffer *expected, FILE *rewritten, size_t *wrong)
{
	struct buffer got;
	buffer_init(&got);
	describe(line, &got);
	if (strcmp((const char *)got.data, expected->size == 0 ? "" : (const char *)expected->data) != 0) {
		print_error("%s\n-- expected\n%s-- got\n%s", line,
			expected->size == 0 ? "" : (const char *)expected->data, (const char *)got.data);
		(*wrong)++;
	}
	if (rewritten != NULL)
		(void)fprintf(rewritten, "\n> %s\n%s", line, (const char *)got.data);
	buffer_deinit(&got);
}

static void statements_become_the_plans_written_down(void **state)
{
	(void)state;
	FILE *file = golden_open("golden_plan.txt");
	const char *rewritten_path = getenv("KAPPA_GOLDEN_WRITE");
	FILE *rewritten = rewritten_path != NULL ? fopen(rewritten_path, "w") : NULL;
	struct buffer expected;
	buffer_init(&expected);
	char line[LINE_SIZE_MAX], current[LINE_SIZE_MAX] = "";
	size_t wrong = 0, blocks = 0;
	bool more = true;
	while (more) {
		more = fgets(line, sizeof line, file) != NULL;
		bool starts = more && line[0] == '>';
		if ((!more || starts) && current[0] != '\0') {
			buffer_append_byte(&expected, 0);
			block_check(current, &expected, rewritten, &wrong);
			blocks++;
		}
		if (starts) {
			line[strcspn(line, "\n")] = '\0';
			(void)snprintf(current, sizeof current, "%s", line + 2);
			expected.size = 0;
		} else if (more && line[0] != '\n' && line[0] != '#' && current[0] != '\0') {
			buffer_append_string(&expected, line);
		} else if (more && line[0] == '#' && rewritten != NULL) {
			(void)fputs(line, rewritten);
		}
	}
	if (rewritten != NULL)
		(void)fclose(rewritten);
	(void)fclose(file);
	buffer_deinit(&expected);
	assert_true(blocks > 60);
	assert_int_equal(wrong, 0);
}

static char *canonical(const char *sql)
{
	struct arena arena;
	arena_init(&arena);
	const struct plan *plan;
	if (sql_bind_view(sql, support_catalog(), &arena, &plan, NULL, NULL) != STATUS_OK)
		fail_msg("%s: %s", sql, error_current()->text);
	struct buffer text;
	buffer_init(&text);
	plan_canonical(plan, &text);
	buffer_append_byte(&text, 0);
	char *copy = mem_copy_string((const char *)text.data);
	buffer_deinit(&text);
	arena_deinit(&arena);
	return copy;
}

static void formatting_aliases_and_detours_leave_the_canonical_text_alone(void **state)
{
	(void)state;
	static const char *const same[][2] = {
		{"SELECT origin, count(*) AS n FROM flights WHERE delay > 0 GROUP BY origin",
			"select  f.origin , count( * ) n -- how many\n from flights as f where f.delay>0 group by 1"},
		{"SELECT origin FROM flights WHERE delay > 0",
			"SELECT s.o AS origin FROM (SELECT origin AS o, delay AS d FROM flights) s WHERE d > 0"},
		{"SELECT origin FROM flights WHERE delay > 0",
			"WITH w AS (SELECT * FROM flights) SELECT origin FROM w WHERE delay > 0"},
		{"SELECT origin FROM flights WHERE delay > 1 + 1", "SELECT origin FROM flights WHERE delay > 2"},
		{"SELECT origin FROM flights WHERE delay > 0 AND distance > 1",
			"SELECT origin FROM (SELECT * FROM flights WHERE delay > 0) s WHERE distance > 1"},
		{"SELECT name FROM flights JOIN airports ON origin = code",
			"SELECT name FROM flights, airports WHERE origin = code"},
		{"SELECT origin FROM flights ORDER BY delay", "SELECT origin FROM flights"},
		{"SELECT origin FROM delays WHERE flights > 10", "SELECT origin FROM nested"},
		{"SELECT origin FROM delays@2", "SELECT origin FROM \"delays@2\""},
	};
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		char *left = canonical(same[i][0]), *right = canonical(same[i][1]);
		if (strcmp(left, right) != 0)
			fail_msg("differ:\n%s\n%s\n%s\n%s", same[i][0], left, same[i][1], right);
		mem_free(left);
		mem_free(right);
	}
}

static void every_change_of_logic_changes_the_canonical_text(void **state)
{
	(void)state;
	static const char *const different[] = {
		"SELECT origin FROM flights",
		"SELECT destination FROM flights",
		"SELECT origin AS o FROM flights",
		"SELECT origin FROM flights WHERE delay > 0",
		"SELECT origin FROM flights WHERE delay >= 0",
		"SELECT origin FROM flights WHERE delay > 1",
		"SELECT DISTINCT origin FROM flights",
		"SELECT origin, count(*) AS n FROM flights GROUP BY origin",
		"SELECT origin, count(delay) AS n FROM flights GROUP BY origin",
		"SELECT origin, count(DISTINCT delay) AS n FROM flights GROUP BY origin",
		"SELECT origin, sum(delay) AS n FROM flights GROUP BY origin",
		"SELECT origin, sum(delay) FILTER (WHERE delay > 0) AS n FROM flights GROUP BY origin",
		"SELECT origin, sum(delay) FILTER (WHERE delay > 1) AS n FROM flights GROUP BY origin",
		"SELECT origin, sum(delay)::int AS n FROM flights GROUP BY origin",
		"SELECT amount FROM orders",
		"SELECT amount::numeric(12,2) FROM orders",
		"SELECT amount::numeric(12,3) FROM orders",
		"SELECT name FROM flights JOIN airports ON origin = code",
		"SELECT name FROM flights LEFT JOIN airports ON origin = code",
		"SELECT name FROM flights JOIN airports ON destination = code",
		"SELECT code FROM airports UNION ALL SELECT origin FROM flights",
		"SELECT code FROM airports UNION SELECT origin FROM flights",
		"SELECT origin FROM flights WHERE origin IN (SELECT code FROM airports)",
		"SELECT origin FROM flights WHERE origin NOT IN (SELECT code FROM airports)",
		"SELECT avg_delay FROM delays@1",
		"SELECT avg_delay FROM delays@2",
		"SELECT 'a' AS x",
		"SELECT 'a'::varchar AS x",
		"SELECT 1.0 AS x",
		"SELECT 1.00 AS x",
	};
	enum { COUNT = sizeof different / sizeof different[0] };
	char *texts[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		texts[i] = canonical(different[i]);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(texts[i], texts[k]) == 0)
				fail_msg("the same:\n%s\n%s\n%s", different[i], different[k], texts[i]);
		}
	}
	for (size_t i = 0; i < COUNT; i++)
		mem_free(texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_become_the_plans_written_down),
		cmocka_unit_test(formatting_aliases_and_detours_leave_the_canonical_text_alone),
		cmocka_unit_test(every_change_of_logic_changes_the_canonical_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
