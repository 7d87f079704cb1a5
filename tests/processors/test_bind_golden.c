/* Names, types, parameter types and errors are PostgreSQL's: golden_sql.txt, line by line. Where Kappa
 * differs on purpose (or refuses), golden_sql_deviations.txt says how, in the same form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support_catalog.h"

enum { DEVIATIONS_MAX = 200, PATH_SIZE_MAX = 512 };

struct deviation {
	char *line;
	const char *sql, *expected;
	bool used;
};

static FILE *golden_open(const char *name)
{
	char path[PATH_SIZE_MAX];
	(void)snprintf(path, sizeof path, "%s/%s", KAPPA_TEST_DIR, name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	return file;
}

/* Splits "sql\t=>\texpected"; NULL for comments and empty lines. */
static const char *line_split(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	char *arrow = strstr(line, "\t=>\t");
	if (line[0] == '#' || arrow == NULL)
		return NULL;
	*arrow = '\0';
	return arrow + 4;
}

static void describe_plan(
	const struct plan *plan, const struct sql_parameters *parameters, struct arena *arena, struct buffer *out)
{
	buffer_append_string(out, "OK|");
	for (size_t i = 0; i < parameters->count; i++)
		buffer_printf(out, "%s%s", i == 0 ? "" : ", ", type_name(parameters->types[i]));
	buffer_append_byte(out, '|');
	for (size_t i = 0; plan != NULL && i < plan->schema.field_count; i++)
		buffer_printf(out, "%s%s %s", i == 0 ? "" : ", ", plan->schema.fields[i].name,
			type_format(plan->schema.fields[i].type, arena));
}

static void describe(const char *sql, struct arena *arena, struct buffer *out)
{
	struct sql_script *script = NULL;
	struct sql_parameters parameters = {0};
	const struct plan *plan = NULL;
	struct sql_insert insert;
	status code = sql_parse(slice_of_string(sql), arena, &script);
	if (code == STATUS_OK && script->statements[0].kind == SQL_INSERT)
		code = sql_bind_insert(&script->statements[0], support_catalog(), &parameters, arena, &insert);
	else if (code == STATUS_OK)
		code = sql_bind_query(&script->statements[0], support_catalog(), &parameters, arena, &plan);
	if (code == STATUS_OK) {
		describe_plan(plan, &parameters, arena, out);
	} else {
		const struct error *error = error_current();
		assert_int_equal(error->code, code);
		buffer_printf(out, "ERROR|%s|%d|%s|%s", error->sqlstate, error->position, error->text, error->hint);
	}
	buffer_append_byte(out, 0);
	sql_script_release(script);
}

static size_t deviations_read(struct deviation *deviations)
{
	FILE *file = golden_open("golden_sql_deviations.txt");
	size_t count = 0, capacity = 0;
	char *line = NULL;
	while (getline(&line, &capacity, file) > 0) {
		const char *expected = line_split(line);
		if (expected == NULL)
			continue;
		assert_true(count < DEVIATIONS_MAX);
		deviations[count++] = (struct deviation){line, line, expected, false};
		line = NULL;
		capacity = 0;
	}
	free(line);
	(void)fclose(file);
	return count;
}

static const char *deviation_of(struct deviation *deviations, size_t count, const char *sql)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(deviations[i].sql, sql) == 0) {
			deviations[i].used = true;
			return deviations[i].expected;
		}
	}
	return NULL;
}

static void statements_bind_as_postgresql_describes_them(void **state)
{
	(void)state;
	struct deviation deviations[DEVIATIONS_MAX];
	size_t deviation_count = deviations_read(deviations), wrong = 0, lines = 0, capacity = 0;
	FILE *file = golden_open("golden_sql.txt");
	char *line = NULL;
	while (getline(&line, &capacity, file) > 0) {
		const char *expected = line_split(line);
		if (expected == NULL)
			continue;
		struct arena arena;
		struct buffer got;
		arena_init(&arena);
		buffer_init(&got);
		describe(line, &arena, &got);
		const char *deviation = deviation_of(deviations, deviation_count, line);
		if (strcmp((const char *)got.data, deviation != NULL ? deviation : expected) != 0) {
			print_error("%s\n  PostgreSQL %s\n  got        %s\n", line, expected, (const char *)got.data);
			wrong++;
		}
		if (deviation != NULL && strcmp(deviation, expected) == 0)
			print_error("no longer a deviation: %s\n", line);
		buffer_deinit(&got);
		arena_deinit(&arena);
		lines++;
	}
	free(line);
	(void)fclose(file);
	for (size_t i = 0; i < deviation_count; i++) {
		if (!deviations[i].used)
			print_error("a deviation of no statement: %s\n", deviations[i].sql);
		wrong += !deviations[i].used;
		free(deviations[i].line);
	}
	assert_true(lines > 200);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_bind_as_postgresql_describes_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
