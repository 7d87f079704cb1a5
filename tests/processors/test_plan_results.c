/* Plans give PostgreSQL's results: golden_query.txt's queries are bound, simplified, and run over its tables.
 * Each is also run in the form a circuit gets (no key bounds, where a view may be written so), which must
 * give the same rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/invariant.h"
#include "processors/query.h"
#include "support_catalog.h"

enum { TABLES_MAX = 8, ROWS_MAX = 256, PATH_SIZE_MAX = 512, RESULT_ROWS_MAX = 4096 };

/* ---- tables in memory ---- */

struct table {
	char *name;
	struct schema schema; /* the catalog's, hidden columns included */
	size_t visible_count;
	const uint32_t *key_columns;
	size_t key_count;
	struct value (*rows)[24];
	uint32_t row_count;
};

struct fixture {
	struct arena arena;
	struct table tables[TABLES_MAX];
	size_t table_count;
};

struct memory_relation {
	struct relation base;
	const struct table *table;
};

struct memory_scan {
	struct scan base;
	struct batch *batch;
	bool done;
};

static bool range_admits(const struct table *table, const struct value *row, const struct key_range *range)
{
	for (size_t k = 0; k < range->prefix_count; k++) {
		const struct value *value = &row[table->key_columns[k]];
		assert_int_equal(range->prefix[k].type.id, value->type.id);
		if (value->null || value_compare(value, &range->prefix[k]) != 0)
			return false;
	}
	if (range->low == NULL && range->high == NULL)
		return true;
	const struct value *next = &row[table->key_columns[range->prefix_count]];
	/* As bytes a null is greater than everything: an open upper end admits it. */
	if (range->low != NULL && !next->null) {
		int order = value_compare(next, range->low);
		if (order < 0 || (order == 0 && !range->low_inclusive))
			return false;
	}
	if (range->high == NULL)
		return true;
	if (next->null)
		return false;
	int order = value_compare(next, range->high);
	return order < 0 || (order == 0 && range->high_inclusive);
}

static status memory_scan_next(struct scan *scan, struct arena *arena, struct batch **out)
{
	struct memory_scan *memory = (struct memory_scan *)(void *)scan;
	if (memory->done)
		return STATUS_END;
	memory->done = true;
	*out = batch_copy(arena, memory->batch);
	return STATUS_OK;
}

static void memory_scan_close(struct scan *scan)
{
	mem_free(scan);
}

static struct arena *relation_arena; /* of the running query */

static status memory_open(struct relation *relation, const struct scan_request *request, struct scan **out)
{
	const struct table *table = ((struct memory_relation *)(void *)relation)->table;
	struct memory_scan *scan = mem_alloc_zeroed(1, sizeof *scan);
	scan->base = (struct scan){memory_scan_next, memory_scan_close};
	uint32_t count = 0;
	for (uint32_t r = 0; r < table->row_count; r++)
		count += range_admits(table, table->rows[r], &request->range);
	scan->batch = batch_make(relation_arena, &table->schema, count, true, false);
	for (uint32_t r = 0, to = 0; r < table->row_count; r++) {
		if (!range_admits(table, table->rows[r], &request->range))
			continue;
		for (uint32_t c = 0; c < table->schema.field_count; c++)
			column_set(&scan->batch->columns[c], to, &table->rows[r][c]);
		to++;
	}
	*out = &scan->base;
	return STATUS_OK;
}

static void memory_release(struct relation *relation)
{
	mem_free(relation);
}

static status relation_open(void *context, const struct plan *scan, struct relation **out)
{
	struct fixture *fixture = context;
	for (size_t i = 0; i < fixture->table_count; i++) {
		const struct table *table = &fixture->tables[i];
		if (strcmp(table->name, scan->scan.name) != 0)
			continue;
		struct memory_relation *relation = mem_alloc_zeroed(1, sizeof *relation);
		relation->table = table;
		relation->base = (struct relation){.schema = table->schema,
			.key_columns = table->key_columns,
			.key_count = table->key_count,
			.row_estimate = table->row_count,
			.open = memory_open,
			.release = memory_release};
		*out = &relation->base;
		return STATUS_OK;
	}
	return error_raise(STATUS_UNKNOWN_RELATION, "no table %s", scan->scan.name);
}

/* ---- the golden file ---- */

static FILE *golden_open(const char *name)
{
	char path[PATH_SIZE_MAX];
	(void)snprintf(path, sizeof path, "%s/%s", KAPPA_TEST_DIR, name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	return file;
}

static void table_begin(struct fixture *fixture, const char *name)
{
	assert_true(fixture->table_count < TABLES_MAX);
	struct table *table = &fixture->tables[fixture->table_count++];
	struct sql_relation relation;
	assert_int_equal(
		support_catalog()->find(support_catalog(), NULL, name, 0, &fixture->arena, &relation), STATUS_OK);
	*table = (struct table){.name = arena_copy_string(&fixture->arena, name),
		.schema = relation.schema,
		.visible_count = relation.visible_count,
		.key_columns = relation.key_columns,
		.key_count = relation.key_count,
		.rows = arena_alloc_zeroed(&fixture->arena, ROWS_MAX * sizeof *table->rows)};
}

static void table_add_row(struct fixture *fixture, char *line)
{
	struct table *table = &fixture->tables[fixture->table_count - 1];
	assert_true(table->row_count < ROWS_MAX);
	struct value *row = table->rows[table->row_count++];
	for (size_t c = 0; c < table->schema.field_count; c++) {
		struct type type = table->schema.fields[c].type;
		const char *text = c < table->visible_count ? strsep(&line, "\t") : NULL;
		row[c] = (struct value){.type = type, .null = true};
		if (text != NULL && strcmp(text, "\\N") != 0)
			assert_int_equal(value_parse(type, slice_of_string(text), &fixture->arena, &row[c]), STATUS_OK);
	}
}

/* ---- running ---- */

struct result {
	char *rows[RESULT_ROWS_MAX];
	size_t row_count;
};

static int line_compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void result_add(struct result *result, const struct batch *batch, uint32_t row, struct arena *arena)
{
	struct buffer line;
	buffer_init(&line);
	for (uint32_t c = 0; c < batch->column_count; c++) {
		struct value value = column_value(&batch->columns[c], row);
		if (c > 0)
			buffer_append_byte(&line, '\t');
		if (value.null)
			buffer_append_string(&line, "\\N");
		else
			value_format(&value, &line);
	}
	buffer_append_byte(&line, 0);
	assert_true(result->row_count < RESULT_ROWS_MAX);
	result->rows[result->row_count++] = arena_copy(arena, line.data, line.size);
	buffer_deinit(&line);
}

static status plan_run(
	struct fixture *fixture, const struct plan *plan, struct arena *arena, struct result *result)
{
	struct query_context context = {.open_relation = relation_open, .context = fixture};
	struct query *query = NULL;
	relation_arena = arena;
	result->row_count = 0;
	status code = query_open(plan, &context, &query);
	const struct batch *batch;
	while (code == STATUS_OK && (code = query_next(query, &batch)) == STATUS_OK) {
		for (uint32_t row = 0; row < batch->row_count; row++)
			result_add(result, batch, row, arena);
	}
	query_close(query);
	return code == STATUS_END ? STATUS_OK : code;
}

static bool is_ordered(const char *sql)
{
	const char *last = strrchr(sql, ')');
	return strstr(last != NULL ? last : sql, "ORDER BY") != NULL;
}

static void result_check(const char *what, const char *sql, status code, struct result *got,
	const struct result *expected, const char *expected_error, size_t *wrong)
{
	if (expected_error != NULL || code != STATUS_OK) {
		if (code != STATUS_OK && expected_error != NULL &&
			strcmp(error_current()->sqlstate, expected_error) == 0)
			return;
		print_error("%s of %s\n  got %s: %s\n", what, sql,
			code == STATUS_OK ? "rows" : error_current()->sqlstate,
			code == STATUS_OK ? "" : error_current()->text);
		(*wrong)++;
		return;
	}
	if (!is_ordered(sql) || strcmp(what, "the view") == 0)
		qsort(got->rows, got->row_count, sizeof *got->rows, line_compare);
	bool same = got->row_count == expected->row_count;
	for (size_t i = 0; same && i < got->row_count; i++)
		same = strcmp(got->rows[i], expected->rows[i]) == 0;
	if (same)
		return;
	print_error("%s of %s\n", what, sql);
	for (size_t i = 0; i < got->row_count || i < expected->row_count; i++)
		print_error("  %-40s | %s\n", i < expected->row_count ? expected->rows[i] : "-",
			i < got->row_count ? got->rows[i] : "-");
	(*wrong)++;
}

/* The same query as a view of tables, for those that may be one. Views it reads are expanded to the tables
 * below. */
static void view_check(struct fixture *fixture, const char *sql, struct result *expected,
	const char *expected_error, struct arena *arena, size_t *views, size_t *wrong)
{
	const struct plan *plan;
	struct result *got = arena_alloc(arena, sizeof *got);
	if (strstr(sql, "LIMIT") != NULL || strstr(sql, "delays") != NULL || strstr(sql, "hourly") != NULL ||
		sql_bind_view(sql, support_catalog(), arena, &plan, NULL, NULL) != STATUS_OK)
		return;
	(*views)++;
	status code = plan_run(fixture, plan, arena, got);
	if (is_ordered(sql))
		qsort(expected->rows, expected->row_count, sizeof *expected->rows, line_compare);
	result_check("the view", sql, code, got, expected, expected_error, wrong);
}

static void query_check(struct fixture *fixture, const char *sql, struct result *expected,
	const char *expected_error, size_t *views, size_t *wrong)
{
	struct arena arena;
	arena_init(&arena);
	struct sql_script *script = NULL;
	struct sql_parameters parameters = {0};
	const struct plan *plan;
	struct result *got = arena_alloc(&arena, sizeof *got);
	status code = sql_parse(slice_of_string(sql), &arena, &script);
	if (code == STATUS_OK)
		code = sql_bind_query(&script->statements[0], support_catalog(), &parameters, &arena, &plan);
	if (code == STATUS_UNSUPPORTED) {
		print_message("refused: %s: %s\n", sql, error_current()->text);
	} else {
		if (code == STATUS_OK)
			code = plan_run(fixture, plan, &arena, got);
		result_check("the query", sql, code, got, expected, expected_error, wrong);
		view_check(fixture, sql, expected, expected_error, &arena, views, wrong);
	}
	sql_script_release(script);
	arena_deinit(&arena);
}

static void queries_give_postgresqls_rows(void **state)
{
	(void)state;
	struct fixture fixture = {0};
	arena_init(&fixture.arena);
	struct result *expected = mem_alloc_zeroed(1, sizeof *expected);
	char *line = NULL, *sql = NULL, *expected_error = NULL;
	size_t capacity = 0, queries = 0, views = 0, wrong = 0;
	FILE *file = golden_open("golden_query.txt");
	bool more = true;
	while (more) {
		more = getline(&line, &capacity, file) > 0;
		if (more)
			line[strcspn(line, "\n")] = '\0';
		if ((!more || line[0] == 'Q') && sql != NULL) {
			query_check(&fixture, sql, expected, expected_error, &views, &wrong);
			queries++;
			expected->row_count = 0;
			expected_error = NULL;
		}
		if (!more)
			break;
		if (line[0] == 'T')
			table_begin(&fixture, strtok(line + 2, "\t"));
		else if (line[0] == 'D')
			table_add_row(&fixture, line + 2);
		else if (line[0] == 'Q')
			sql = arena_copy_string(&fixture.arena, line + 2);
		else if (line[0] == 'R')
			expected->rows[expected->row_count++] = arena_copy_string(&fixture.arena, line + 2);
		else if (line[0] == 'E')
			expected_error = arena_copy_string(&fixture.arena, line + 2);
	}
	print_message("%zu queries, %zu of them also as views, %zu wrong\n", queries, views, wrong);
	free(line);
	(void)fclose(file);
	mem_free(expected);
	arena_deinit(&fixture.arena);
	assert_true(queries > 100);
	assert_true(views > 60);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_give_postgresqls_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
