/* How fast operators are by themselves: decoded columns in, deltas out, one core, nothing on disk. Seconds
 * are the process's own (processor time), so that a busy machine shows less.
 *
 *   bench_circuit [rows per case, in millions]
 *
 * Prints a table and asserts nothing. Each case is run five times; median, least and greatest are shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "processors/circuit.h"
#include "processors/query.h"

enum { RUNS = 5, BATCH_ROWS = 65536, COLUMNS = 4 };

static size_t rows_per_run = 8000000;

static double seconds_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(status code)
{
	if (code == STATUS_OK)
		return;
	fprintf(stderr, "bench: %s: %s\n", status_name(code), error_current()->text);
	exit(1);
}

/* ---- input: key, second key, price, text; all made beforehand ---- */

static struct field fields[COLUMNS] = {
	{"key", {TYPE_INT8, -1}, true},
	{"minute", {TYPE_INT8, -1}, true},
	{"price", {TYPE_INT8, -1}, true},
	{"name", {TYPE_TEXT, -1}, true},
};
static const struct schema schema = {fields, COLUMNS};

static struct batch **input_make(struct arena *arena, size_t groups, size_t *count)
{
	*count = rows_per_run / BATCH_ROWS;
	struct batch **batches = arena_alloc(arena, *count * sizeof *batches);
	uint64_t number = 0;
	for (size_t b = 0; b < *count; b++) {
		batches[b] = batch_make(arena, &schema, BATCH_ROWS, false, false);
		for (uint32_t i = 0; i < BATCH_ROWS; i++, number++) {
			uint64_t random = hash_mix(number + 1);
			batches[b]->columns[0].i64[i] = (int64_t)(random % groups);
			batches[b]->columns[1].i64[i] = (int64_t)(number / 1000000);
			batches[b]->columns[2].i64[i] = (int64_t)(random >> 40);
			char *name = arena_alloc(arena, 16);
			int size = snprintf(name, 16, "name-%08llu", (unsigned long long)(random % groups));
			batches[b]->columns[3].texts[i] = (struct text){.data = name, .size = (uint32_t)size};
		}
	}
	return batches;
}

/* ---- plans ---- */

static struct plan *node_make(
	struct arena *arena, enum plan_kind kind, const struct plan *child, size_t field_count)
{
	struct plan *plan = arena_alloc_zeroed(arena, sizeof *plan);
	plan->kind = kind;
	plan->append_only = kind == PLAN_SCAN;
	plan->children = arena_copy(arena, &child, sizeof child);
	plan->child_count = child != NULL;
	plan->schema.field_count = field_count;
	plan->schema.fields = arena_alloc_zeroed(arena, field_count * sizeof(struct field));
	return plan;
}

static struct plan *scan_make(struct arena *arena)
{
	static uint32_t columns[COLUMNS] = {0, 1, 2, 3};
	struct plan *plan = node_make(arena, PLAN_SCAN, NULL, COLUMNS);
	plan->schema = schema;
	plan->scan.name = "bids";
	plan->scan.columns = columns;
	return plan;
}

static struct plan *group_make(struct arena *arena, const struct plan *child, const uint32_t *groups,
	size_t group_count, const struct aggregate_call *calls, size_t call_count)
{
	struct plan *plan = node_make(arena, PLAN_AGGREGATE, child, group_count + call_count);
	plan->aggregate.groups = arena_copy(arena, groups, group_count * sizeof *groups);
	plan->aggregate.group_count = group_count;
	plan->aggregate.calls = arena_copy(arena, calls, call_count * sizeof *calls);
	plan->aggregate.call_count = call_count;
	for (size_t g = 0; g < group_count; g++)
		plan->schema.fields[g] = child->schema.fields[groups[g]];
	for (size_t c = 0; c < call_count; c++)
		plan->schema.fields[group_count + c] = (struct field){"result", calls[c].type, false};
	return plan;
}

static struct aggregate_call call(enum aggregate_kind kind, int32_t argument, enum type_id type)
{
	return (struct aggregate_call){.kind = kind, .argument = argument, .filter = -1, .type = type_of(type)};
}

static struct plan *join_make(struct arena *arena, const struct plan *left, const struct plan *right)
{
	static uint32_t key = 0;
	struct plan *plan = node_make(arena, PLAN_JOIN, left, 2 * COLUMNS);
	const struct plan *children[2] = {left, right};
	plan->children = arena_copy(arena, children, sizeof children);
	plan->child_count = 2;
	plan->append_only = true;
	memcpy(plan->schema.fields, fields, sizeof fields);
	memcpy(plan->schema.fields + COLUMNS, fields, sizeof fields);
	plan->join.left_keys = plan->join.right_keys = &key;
	plan->join.key_count = 1;
	return plan;
}

/* ---- running ---- */

struct counting_sink {
	struct circuit_sink sink;
	uint64_t rows;
};

static status count_rows(struct circuit_sink *sink, const struct batch *delta)
{
	((struct counting_sink *)(void *)sink)->rows += delta->row_count;
	return STATUS_OK;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return a < b ? -1 : a > b;
}

static void print_line(const char *name, size_t rows, double *seconds, uint64_t out_rows, size_t memory_bytes)
{
	qsort(seconds, RUNS, sizeof *seconds, compare);
	double million = (double)rows / 1e6;
	printf("%-44s %8.1f %8.1f %8.1f %10.1f %10llu %8.1f\n", name, million / seconds[RUNS / 2],
		million / seconds[RUNS - 1], million / seconds[0], seconds[RUNS / 2] * 1e9 / (double)rows,
		(unsigned long long)out_rows, (double)memory_bytes / 1e6);
	(void)fflush(stdout);
}

/* `first` goes into source 1 before the clock starts (the build side of a join). */
static void run(const char *name, const struct plan *plan, struct batch **batches, size_t count,
	struct batch **first, size_t first_count)
{
	double seconds[RUNS];
	uint64_t rows = 0;
	size_t memory_bytes = 0;
	for (int i = 0; i < RUNS; i++) {
		struct circuit_options options = {.store_empty = true, .memory_bytes_max = SIZE_MAX};
		struct circuit *circuit;
		struct arena arena = {0};
		struct counting_sink sink = {{count_rows}, 0};
		must(circuit_create(plan, &options, &circuit));
		for (size_t b = 0; b < first_count; b++)
			must(circuit_push(circuit, 1, first[b], &arena, &sink.sink));
		double start = seconds_now();
		for (size_t b = 0; b < count; b++)
			must(circuit_push(circuit, 0, batches[b], &arena, &sink.sink));
		must(circuit_step_end(circuit, &arena, &sink.sink));
		seconds[i] = seconds_now() - start;
		memory_bytes = circuit_memory_bytes(circuit);
		circuit_destroy(circuit);
		arena_deinit(&arena);
		rows = sink.rows;
	}
	print_line(name, count * BATCH_ROWS, seconds, rows, memory_bytes);
}

static void run_groups(size_t groups)
{
	struct arena arena = {0};
	size_t count;
	char name[80];
	struct batch **batches = input_make(&arena, groups, &count);
	const struct plan *scan = scan_make(&arena);
	uint32_t by_key[] = {0, 1}, by_name[] = {3};
	struct aggregate_call one[] = {call(AGGREGATE_SUM, 2, TYPE_NUMERIC)};
	struct aggregate_call eight[] = {
		call(AGGREGATE_COUNT_STAR, -1, TYPE_INT8),
		call(AGGREGATE_SUM, 2, TYPE_NUMERIC),
		call(AGGREGATE_AVG, 2, TYPE_NUMERIC),
		call(AGGREGATE_MIN, 2, TYPE_INT8),
		call(AGGREGATE_MAX, 2, TYPE_INT8),
		call(AGGREGATE_MIN, 1, TYPE_INT8),
		call(AGGREGATE_MAX, 1, TYPE_INT8),
		call(AGGREGATE_SUM, 1, TYPE_NUMERIC),
	};
	struct aggregate_call distinct[] = {call(AGGREGATE_COUNT, 1, TYPE_INT8)};
	distinct[0].distinct = true;
	snprintf(name, sizeof name, "sum by bigint, %zu groups", groups);
	run(name, group_make(&arena, scan, by_key, 1, one, 1), batches, count, NULL, 0);
	snprintf(name, sizeof name, "8 aggregates by bigint, %zu groups", groups);
	run(name, group_make(&arena, scan, by_key, 1, eight, 8), batches, count, NULL, 0);
	snprintf(name, sizeof name, "sum by two bigints, %zu+ groups", groups);
	run(name, group_make(&arena, scan, by_key, 2, one, 1), batches, count, NULL, 0);
	snprintf(name, sizeof name, "sum by text, %zu groups", groups);
	run(name, group_make(&arena, scan, by_name, 1, one, 1), batches, count, NULL, 0);
	snprintf(name, sizeof name, "count(distinct) by bigint, %zu groups", groups);
	run(name, group_make(&arena, scan, by_key, 1, distinct, 1), batches, count, NULL, 0);
	arena_deinit(&arena);
}

/* One row per key: key i at row i. */
static struct batch **build_side(struct arena *arena, const struct batch *like, size_t keys, size_t *count)
{
	*count = (keys + BATCH_ROWS - 1) / BATCH_ROWS;
	struct batch **batches = arena_alloc(arena, *count * sizeof *batches);
	for (size_t b = 0; b < *count; b++) {
		batches[b] = batch_copy(arena, like);
		for (uint32_t i = 0; i < BATCH_ROWS; i++)
			batches[b]->columns[0].i64[i] = (int64_t)(b * BATCH_ROWS + i);
	}
	return batches;
}

static void run_join(size_t keys)
{
	struct arena arena = {0};
	size_t count, first_count;
	char name[80];
	struct batch **batches = input_make(&arena, keys, &count);
	struct batch **first = build_side(&arena, batches[0], keys, &first_count);
	const struct plan *join = join_make(&arena, scan_make(&arena), scan_make(&arena));
	uint32_t group = COLUMNS + 1;
	struct aggregate_call sum = call(AGGREGATE_SUM, 2, TYPE_NUMERIC);
	snprintf(name, sizeof name, "join, 1 match in %zu keys, then sum", keys);
	run(name, group_make(&arena, join, &group, 1, &sum, 1), batches, count, first, first_count);
	arena_deinit(&arena);
}

/* ---- queries: relations that give batches made beforehand ---- */

struct given {
	struct batch **batches;
	size_t count;
};

struct given_scan {
	struct scan base;
	struct given given;
	size_t at;
};

static struct given_scan scans[2];

static status lookup_next(struct scan *base, struct arena *arena, struct batch **out)
{
	struct given_scan *scan = (struct given_scan *)(void *)base;
	(void)arena;
	if (scan->at == scan->given.count)
		return STATUS_END;
	*out = scan->given.batches[scan->at++];
	return STATUS_OK;
}

static void lookup_close(struct scan *scan)
{
	(void)scan;
}

struct given_relation {
	struct relation base;
	struct given_scan *scan;
};

static status lookup_open(struct relation *relation, const struct scan_request *request, struct scan **out)
{
	struct given_scan *scan = ((struct given_relation *)(void *)relation)->scan;
	(void)request;
	scan->base = (struct scan){lookup_next, lookup_close};
	scan->at = 0;
	*out = &scan->base;
	return STATUS_OK;
}

static void lookup_release(struct relation *relation)
{
	(void)relation;
}

static struct given_relation relations[2] = {
	{{.open = lookup_open, .release = lookup_release}, &scans[0]},
	{{.open = lookup_open, .release = lookup_release}, &scans[1]},
};

/* The first scan of a query gets the first relation. */
static status relation_give(void *context, const struct plan *scan, struct relation **out)
{
	size_t *opened = context;
	(void)scan;
	relations[*opened].base.schema = schema;
	*out = &relations[(*opened)++].base;
	return STATUS_OK;
}

static uint64_t query_count(const struct plan *plan)
{
	size_t opened = 0;
	uint64_t rows = 0;
	struct query_context context = {
		.open_relation = relation_give, .context = &opened, .memory_bytes_max = SIZE_MAX};
	struct query *query;
	const struct batch *batch;
	must(query_open(plan, &context, &query));
	while (query_next(query, &batch) == STATUS_OK)
		rows += batch->row_count;
	query_close(query);
	return rows;
}

/* The build side is one row per key; its time is measured apart and taken off. */
static void run_probe(size_t keys)
{
	struct arena arena = {0};
	struct given left, right;
	char name[80];
	left.batches = input_make(&arena, keys, &left.count);
	right.batches = build_side(&arena, left.batches[0], keys, &right.count);
	struct plan *scan = scan_make(&arena);
	struct plan *join = join_make(&arena, scan, scan);
	struct plan *project = node_make(&arena, PLAN_PROJECT, join, 2);
	project->project.expressions = arena_alloc(&arena, 2 * sizeof *project->project.expressions);
	for (uint32_t c = 0; c < 2; c++) {
		project->schema.fields[c] = fields[2];
		project->project.expressions[c] = expression_column(&arena, 2 + c * COLUMNS, fields[2].type);
	}
	double seconds[RUNS];
	uint64_t rows = 0;
	scans[1].given = right;
	for (int run = 0; run < RUNS; run++) {
		scans[0].given = (struct given){left.batches, 0};
		double start = seconds_now();
		(void)query_count(project);
		double build = seconds_now() - start;
		scans[0].given = left;
		start = seconds_now();
		rows = query_count(project);
		seconds[run] = seconds_now() - start - build;
	}
	snprintf(name, sizeof name, "probe of a query's join, %zu keys", keys);
	print_line(name, left.count * BATCH_ROWS, seconds, rows, 0);
	arena_deinit(&arena);
}

/* A query's own cost: one row by key through filter and projection. */

static void run_lookups(void)
{
	enum { LOOKUPS = 200000 };
	struct arena arena = {0};
	struct plan *scan = scan_make(&arena);
	const struct function *equals;
	enum type_id types[2] = {TYPE_INT8, TYPE_INT8};
	must(function_resolve("=", types, 2, &equals));
	struct value seven = {.type = type_of(TYPE_INT8), .i64 = 7};
	const struct expression *key = expression_constant(&arena, &seven);
	const struct expression *arguments[2] = {expression_column(&arena, 0, type_of(TYPE_INT8)), key};
	scan->scan.bounds = (struct scan_bounds){.prefix = &key, .prefix_count = 1};
	struct plan *filter = node_make(&arena, PLAN_FILTER, scan, COLUMNS);
	filter->schema = schema;
	filter->filter.predicate = expression_call(&arena, equals, arguments, 2);
	struct plan *project = node_make(&arena, PLAN_PROJECT, filter, 2);
	project->project.expressions = arena_alloc(&arena, 2 * sizeof *project->project.expressions);
	for (uint32_t c = 0; c < 2; c++) {
		project->schema.fields[c] = fields[c + 2];
		project->project.expressions[c] = expression_column(&arena, c + 2, fields[c + 2].type);
	}
	struct batch *row = batch_make(&arena, &schema, 1, false, false);
	for (uint32_t c = 0; c < 3; c++)
		row->columns[c].i64[0] = 7;
	row->columns[3].texts[0] = (struct text){.data = "seven", .size = 5};
	scans[0].given = (struct given){&row, 1};
	double seconds[RUNS];
	uint64_t rows = 0;
	for (int run = 0; run < RUNS; run++) {
		double start = seconds_now();
		for (int i = 0; i < LOOKUPS; i++)
			rows += query_count(project);
		seconds[run] = seconds_now() - start;
	}
	print_line("point lookup: open, next, close", LOOKUPS, seconds, rows / RUNS, 0);
	arena_deinit(&arena);
}

int main(int argument_count, char **arguments)
{
	if (argument_count > 1)
		rows_per_run = (size_t)(atof(arguments[1]) * 1e6);
	printf("%-44s %8s %8s %8s %10s %10s %8s\n", "operators, one core", "Mrows/s", "least", "greatest",
		"ns/row", "rows out", "MB");
	run_lookups();
	run_groups(1000);
	run_groups(100000);
	run_groups(1000000);
	run_join(1000);
	run_join(1000000);
	run_probe(1000);
	run_probe(1000000);
	return 0;
}
