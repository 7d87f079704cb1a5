/* Views written in SQL, bound and run as circuits, give PostgreSQL's rows: golden_query.txt's queries that
 * may be views, fed row by row and in larger steps, in random order, with rows that go and come back, and
 * with restarts between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/circuit.h"
#include "support_catalog.h"
#include "support_plan.h"
#include "support_store.h"

enum {
	TABLES_MAX = 8,
	ROWS_MAX = 256,
	PATH_SIZE_MAX = 512,
	LINES_MAX = 4096,
	CHANGES_MAX = 8 * TABLES_MAX * ROWS_MAX
};

struct table {
	const char *name;
	struct schema schema; /* hidden columns included */
	size_t visible_count;
	struct naive_rows rows;
};

static struct fixture {
	struct arena arena;
	struct table tables[TABLES_MAX];
	size_t table_count;
} fixture;

/* ---- the catalog, whose tables may or may not take retractions ---- */

static bool tables_append_only;

static status catalog_find(struct sql_catalog *catalog, const char *schema_name, const char *name,
	int64_t version, struct arena *arena, struct sql_relation *out)
{
	(void)catalog;
	status code = support_catalog()->find(support_catalog(), schema_name, name, version, arena, out);
	if (code == STATUS_OK)
		out->append_only = tables_append_only;
	return code;
}

static status catalog_find_function(struct sql_catalog *catalog, const char *schema_name, const char *name,
	const struct value *arguments, size_t argument_count, struct arena *arena, struct sql_relation *out)
{
	(void)catalog;
	return support_catalog()->find_function(
		support_catalog(), schema_name, name, arguments, argument_count, arena, out);
}

static struct sql_catalog catalog = {catalog_find, catalog_find_function};

/* ---- the golden file ---- */

static void table_begin(const char *name)
{
	struct sql_relation relation;
	assert_true(fixture.table_count < TABLES_MAX);
	assert_int_equal(catalog_find(NULL, NULL, name, 0, &fixture.arena, &relation), STATUS_OK);
	fixture.tables[fixture.table_count++] = (struct table){.name = arena_copy_string(&fixture.arena, name),
		.schema = relation.schema,
		.visible_count = relation.visible_count,
		.rows = {.width = relation.schema.field_count}};
}

static void table_add_row(char *line)
{
	struct table *table = &fixture.tables[fixture.table_count - 1];
	struct value values[32];
	for (size_t c = 0; c < table->schema.field_count; c++) {
		struct type type = table->schema.fields[c].type;
		const char *text = c < table->visible_count ? strsep(&line, "\t") : NULL;
		values[c] = (struct value){.type = type, .null = true};
		if (text != NULL && strcmp(text, "\\N") != 0)
			assert_int_equal(value_parse(type, slice_of_string(text), &fixture.arena, &values[c]), STATUS_OK);
	}
	naive_add(&fixture.arena, &table->rows, values, 1);
}

static const struct table *table_of(const struct plan *scan)
{
	for (size_t i = 0; i < fixture.table_count; i++) {
		if (strcmp(fixture.tables[i].name, scan->scan.name) == 0)
			return &fixture.tables[i];
	}
	fail_msg("no table %s", scan->scan.name);
	return NULL;
}

/* ---- one view ---- */

struct lines {
	char *texts[LINES_MAX];
	size_t count;
};

struct view {
	const struct plan *plan;
	struct circuit *circuit;
	struct memory_store store;
	struct arena arena;
	struct naive_rows output;
	struct circuit_sink sink;
};

struct step_change {
	const struct table *table;
	struct naive_row row;
};

static status view_push(struct circuit_sink *sink, const struct batch *delta)
{
	struct view *view = (struct view *)(void *)((uint8_t *)sink - offsetof(struct view, sink));
	naive_add_batch(&view->arena, &view->output, delta);
	return STATUS_OK;
}

static void view_open(struct view *view, bool store_empty)
{
	struct circuit_options options = {.store = &view->store.store, .store_empty = store_empty};
	assert_int_equal(circuit_create(view->plan, &options, &view->circuit), STATUS_OK);
}

static status view_step(struct view *view, const struct step_change *changes, size_t count)
{
	struct arena arena = {0};
	status code = STATUS_OK;
	for (size_t s = 0; code == STATUS_OK && s < circuit_source_count(view->circuit); s++) {
		const struct table *table = table_of(circuit_source(view->circuit, s));
		struct naive_rows delta = {.width = table->schema.field_count};
		for (size_t i = 0; i < count; i++) {
			if (changes[i].table == table)
				naive_add(&arena, &delta, changes[i].row.values, changes[i].row.weight);
		}
		code = circuit_push(view->circuit, s, naive_batch(&arena, &table->schema, &delta, 0, delta.count),
			&arena, &view->sink);
	}
	if (code == STATUS_OK)
		code = circuit_step_end(view->circuit, &arena, &view->sink);
	if (code == STATUS_OK)
		code = circuit_flush(view->circuit, &view->store.writer);
	store_commit(&view->store);
	circuit_committed(view->circuit);
	arena_deinit(&arena);
	return code;
}

/* Every row comes in the end; with retractions some come, go and come again, some extra ones come and go. */
static size_t changes_make(struct random *random, struct step_change *changes)
{
	size_t count = 0;
	for (size_t t = 0; t < fixture.table_count; t++) {
		for (size_t r = 0; r < fixture.tables[t].rows.count; r++) {
			unsigned visits = tables_append_only ? 1 : 1 + random_below(random, 3);
			for (unsigned v = 0; v < 2 * visits - 1; v++) {
				changes[count].table = &fixture.tables[t];
				changes[count].row = fixture.tables[t].rows.rows[r];
				changes[count++].row.weight = v % 2 == 0 ? 1 : -1;
			}
		}
	}
	return count;
}

/* Shuffles, but keeps a row's own comings and goings in order: they carry the same values. */
static void changes_shuffle(struct random *random, struct step_change *changes, size_t count)
{
	struct step_change *order = mem_alloc(count * sizeof *order);
	memcpy(order, changes, count * sizeof *order);
	for (size_t i = count; i > 1; i--) {
		size_t other = random_below(random, (uint32_t)i);
		struct step_change change = order[i - 1];
		order[i - 1] = order[other];
		order[other] = change;
	}
	/* The k-th place a row got carries its k-th change. */
	for (size_t i = 0; i < count; i++) {
		int64_t so_far = 0;
		for (size_t k = 0; k < i; k++)
			so_far += order[k].row.values == order[i].row.values ? order[k].row.weight : 0;
		order[i].row.weight = so_far == 0 ? 1 : -1;
	}
	memcpy(changes, order, count * sizeof *order);
	mem_free(order);
}

static int line_compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void lines_of(struct view *view, struct lines *out)
{
	struct naive_rows net = naive_net(&view->arena, &view->plan->schema, &view->output);
	out->count = 0;
	for (size_t i = 0; i < net.count; i++) {
		struct buffer line;
		buffer_init(&line);
		for (size_t c = 0; c < net.width; c++) {
			buffer_append_string(&line, c > 0 ? "\t" : "");
			if (net.rows[i].values[c].null)
				buffer_append_string(&line, "\\N");
			else
				value_format(&net.rows[i].values[c], &line);
		}
		buffer_append_byte(&line, 0);
		char *text = arena_copy(&view->arena, line.data, line.size);
		assert_true(net.rows[i].weight > 0);
		for (int64_t k = 0; k < net.rows[i].weight && out->count < LINES_MAX; k++)
			out->texts[out->count++] = text;
		buffer_deinit(&line);
	}
	qsort(out->texts, out->count, sizeof *out->texts, line_compare);
}

static bool view_is_right(const struct plan *plan, const struct step_change *changes, size_t count,
	size_t step_rows, const struct lines *expected, const char *sql)
{
	struct view view = {.plan = plan, .sink = {view_push}, .output = {.width = plan->schema.field_count}};
	struct lines *got = mem_alloc_zeroed(1, sizeof *got);
	store_init(&view.store);
	view_open(&view, true);
	status code = STATUS_OK;
	for (size_t from = 0, step = 0; code == STATUS_OK && from < count; from += step_rows, step++) {
		code = view_step(&view, changes + from, count - from < step_rows ? count - from : step_rows);
		if (step % 7 == 6) {
			circuit_destroy(view.circuit);
			view_open(&view, false);
		}
	}
	bool right = code == STATUS_OK;
	if (code != STATUS_OK)
		print_error("%s\n  %s\n", sql, error_current()->text);
	else
		lines_of(&view, got);
	right = right && got->count == expected->count;
	for (size_t i = 0; right && i < got->count; i++)
		right = strcmp(got->texts[i], expected->texts[i]) == 0;
	if (!right) {
		print_error("steps of %zu, append-only %d: %s\n", step_rows, tables_append_only, sql);
		for (size_t i = 0; i < got->count || i < expected->count; i++)
			print_error("  %-40s | %s\n", i < expected->count ? expected->texts[i] : "-",
				i < got->count ? got->texts[i] : "-");
	}
	circuit_destroy(view.circuit);
	store_deinit(&view.store);
	arena_deinit(&view.arena);
	mem_free(got);
	return right;
}

static void query_check(
	const char *sql, struct lines *expected, size_t *views, size_t *refused, size_t *wrong)
{
	static struct step_change changes[CHANGES_MAX];
	static const size_t steps[] = {CHANGES_MAX, 40, 3};
	qsort(expected->texts, expected->count, sizeof *expected->texts, line_compare);
	struct random random = {*views + 1};
	for (int append_only = 0; append_only < 2; append_only++) {
		struct arena arena = {0};
		const struct plan *plan;
		tables_append_only = append_only != 0;
		status code = sql_bind_view(sql, &catalog, &arena, &plan, NULL, NULL);
		if (code == STATUS_OK && circuit_check(plan) == STATUS_OK) {
			size_t count = changes_make(&random, changes);
			changes_shuffle(&random, changes, count);
			for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
				*wrong += !view_is_right(plan, changes, count, steps[i], expected, sql);
			*views += (size_t)append_only;
		} else if (code == STATUS_OK) {
			print_message("refused: %s: %s\n", sql, error_current()->text);
			(*refused)++;
		}
		arena_deinit(&arena);
	}
}

static FILE *golden_open(void)
{
	char path[PATH_SIZE_MAX];
	(void)snprintf(path, sizeof path, "%s/golden_query.txt", KAPPA_TEST_DIR);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	return file;
}

static void views_give_postgresqls_rows(void **state)
{
	(void)state;
	struct lines *expected = mem_alloc_zeroed(1, sizeof *expected);
	char *line = NULL, *sql = NULL;
	size_t capacity = 0, views = 0, refused = 0, wrong = 0;
	FILE *file = golden_open();
	bool fails = false;
	for (bool more = true; more;) {
		more = getline(&line, &capacity, file) > 0;
		if (more)
			line[strcspn(line, "\n")] = '\0';
		if ((!more || line[0] == 'Q') && sql != NULL) {
			/* Upstream views are expanded to their tables, whose rows are not those of the golden views. */
			if (!fails && strstr(sql, "LIMIT") == NULL && strstr(sql, "delays") == NULL &&
				strstr(sql, "hourly") == NULL)
				query_check(sql, expected, &views, &refused, &wrong);
			expected->count = 0;
			fails = false;
		}
		if (!more)
			break;
		if (line[0] == 'T')
			table_begin(strtok(line + 2, "\t"));
		else if (line[0] == 'D')
			table_add_row(line + 2);
		else if (line[0] == 'Q')
			sql = arena_copy_string(&fixture.arena, line + 2);
		else if (line[0] == 'R')
			expected->texts[expected->count++] = arena_copy_string(&fixture.arena, line + 2);
		else if (line[0] == 'E')
			fails = true;
	}
	print_message("%zu views, %zu refused, %zu wrong\n", views, refused, wrong);
	free(line);
	(void)fclose(file);
	mem_free(expected);
	arena_deinit(&fixture.arena);
	assert_true(views > 60);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_give_postgresqls_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
