/* Queries against the naive evaluator, and what only queries do: bounds, order, limits, cancelling, budgets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/invariant.h"
#include "processors/query.h"
#include "support_circuit.h"

/* ---- relations over rows ---- */

struct fixture {
	struct arena arena;
	struct naive_rows tables[TABLE_COUNT];
	uint32_t batch_rows;    /* of a scan's batch */
	struct key_range range; /* of the last scan, values copied */
	struct value range_values[4];
	uint64_t row_limit;
	uint64_t batches_given;
	uint32_t open_relations;
	uint64_t cancel_after; /* batches; 0 = never */
};

struct test_relation {
	struct relation relation;
	struct fixture *fixture;
	const struct naive_rows *rows;
};

struct test_scan {
	struct scan scan;
	struct test_relation *relation;
	size_t at;
	uint8_t wanted[COLUMN_COUNT];
};

static status scan_next(struct scan *base, struct arena *arena, struct batch **out)
{
	struct test_scan *scan = (struct test_scan *)(void *)base;
	const struct naive_rows *rows = scan->relation->rows;
	size_t left = rows->count - scan->at, count = scan->relation->fixture->batch_rows;
	if (left == 0)
		return STATUS_END;
	count = count < left ? count : left;
	struct batch *batch = naive_batch(arena, test_schema(), rows, scan->at, count);
	scan->at += count;
	for (unsigned c = 0; c < COLUMN_COUNT; c++) {
		if (!scan->wanted[c])
			batch->columns[c].values = NULL;
	}
	scan->relation->fixture->batches_given++;
	*out = batch;
	return STATUS_OK;
}

static void scan_close(struct scan *scan)
{
	mem_free(scan);
}

static status relation_open(struct relation *base, const struct scan_request *request, struct scan **out)
{
	struct test_relation *relation = (struct test_relation *)(void *)base;
	struct fixture *fixture = relation->fixture;
	struct test_scan *scan = mem_alloc_zeroed(1, sizeof *scan);
	*scan = (struct test_scan){.scan = {scan_next, scan_close}, .relation = relation};
	for (size_t i = 0; i < request->column_count; i++) {
		assert_true(i == 0 || request->columns[i - 1] < request->columns[i]);
		scan->wanted[request->columns[i]] = 1;
	}
	fixture->range = request->range;
	for (size_t i = 0; i < request->range.prefix_count; i++)
		fixture->range_values[i] = request->range.prefix[i];
	if (request->range.low != NULL)
		fixture->range_values[2] = *request->range.low;
	if (request->range.high != NULL)
		fixture->range_values[3] = *request->range.high;
	fixture->row_limit = request->row_limit;
	*out = &scan->scan;
	return STATUS_OK;
}

static void relation_release(struct relation *base)
{
	((struct test_relation *)(void *)base)->fixture->open_relations--;
	mem_free(base);
}

static status open_relation(void *context, const struct plan *scan, struct relation **out)
{
	struct fixture *fixture = context;
	struct test_relation *relation = mem_alloc_zeroed(1, sizeof *relation);
	relation->relation =
		(struct relation){.schema = *test_schema(), .open = relation_open, .release = relation_release};
	relation->fixture = fixture;
	relation->rows = &fixture->tables[test_table_of(scan)];
	fixture->open_relations++;
	*out = &relation->relation;
	return STATUS_OK;
}

static bool cancelled(void *context)
{
	const struct fixture *fixture = context;
	return fixture->cancel_after != 0 && fixture->batches_given >= fixture->cancel_after;
}

static struct query_context context_of(struct fixture *fixture)
{
	return (struct query_context){.open_relation = open_relation,
		.context = fixture,
		.cancelled = cancelled,
		.cancel_context = fixture};
}

static void fixture_init(struct fixture *fixture, struct random *random, size_t rows)
{
	*fixture = (struct fixture){.batch_rows = 1 + random_below(random, 60)};
	struct naive_rows lists[TABLE_COUNT];
	for (unsigned table = 0; table < TABLE_COUNT; table++)
		lists[table] = (struct naive_rows){.width = COLUMN_COUNT};
	const struct change *changes = changes_random(random, &fixture->arena, rows);
	for (size_t i = 0; i < rows; i++)
		naive_add(&fixture->arena, &lists[changes[i].table], changes[i].row.values, changes[i].row.weight);
	for (unsigned table = 0; table < TABLE_COUNT; table++)
		fixture->tables[table] = naive_net(&fixture->arena, test_schema(), &lists[table]);
}

static void fixture_deinit(struct fixture *fixture)
{
	assert_int_equal(fixture->open_relations, 0);
	arena_deinit(&fixture->arena);
}

static status query_rows(struct fixture *fixture, const struct plan *plan,
	const struct query_context *context, struct naive_rows *out)
{
	struct query *query;
	const struct batch *batch;
	*out = (struct naive_rows){.width = plan->schema.field_count};
	status code = query_open(plan, context, &query);
	if (code != STATUS_OK)
		return code;
	while ((code = query_next(query, &batch)) == STATUS_OK) {
		assert_null(batch->weights);
		assert_true(batch->row_count > 0);
		naive_add_batch(&fixture->arena, out, batch);
	}
	query_close(query);
	return code == STATUS_END ? STATUS_OK : code;
}

static const struct naive_rows *table_of(void *context, const struct plan *scan)
{
	return &((struct fixture *)context)->tables[test_table_of(scan)];
}

/* ---- tests ---- */

static struct plan *plan_over(struct arena *arena, enum plan_kind kind, const struct plan *child)
{
	struct plan *plan = plan_filter(arena, child, NULL);
	plan->kind = kind;
	return plan;
}

static const struct expression *bigint(struct arena *arena, int64_t number)
{
	struct value value = {.type = type_of(TYPE_INT8), .i64 = number};
	return expression_constant(arena, &value);
}

static struct plan *plan_sorted(struct random *random, struct arena *arena, const struct plan *child)
{
	struct plan *plan = plan_over(arena, PLAN_SORT, child);
	plan->sort.key_count = 1 + random_below(random, 3);
	plan->sort.keys = arena_alloc(arena, plan->sort.key_count * sizeof *plan->sort.keys);
	for (size_t k = 0; k < plan->sort.key_count; k++)
		plan->sort.keys[k] = (struct sort_key){random_below(random, (uint32_t)child->schema.field_count),
			random_chance(random, 50), random_chance(random, 50)};
	return plan;
}

static struct plan *plan_limited(struct arena *arena, const struct plan *child, int64_t limit, int64_t offset)
{
	struct plan *plan = plan_over(arena, PLAN_LIMIT, child);
	plan->limit.limit = limit >= 0 ? bigint(arena, limit) : NULL;
	plan->limit.offset = offset > 0 ? bigint(arena, offset) : NULL;
	return plan;
}

static void report(const struct plan *plan, uint64_t seed)
{
	struct buffer text;
	buffer_init(&text);
	plan_explain(plan, &text);
	printf("seed %llu\n%.*s\n", (unsigned long long)seed, (int)text.size, (const char *)text.data);
	buffer_deinit(&text);
}

static void random_plans_give_what_the_naive_evaluator_says(void **state)
{
	(void)state;
	const char *seeds = getenv("KAPPA_SEEDS");
	uint64_t count = seeds != NULL ? strtoull(seeds, NULL, 10) : 150;
	for (uint64_t seed = 1; seed <= count; seed++) {
		struct random random = {seed};
		struct fixture fixture;
		struct arena arena = {0};
		struct plan *plan = plan_random(&random, &arena, random_below(&random, 6));
		/* Queries take residuals on any join. */
		for (struct plan *node = plan; node->child_count != 0;
			 node = (struct plan *)(uintptr_t)node->children[0]) {
			if (node->kind == PLAN_JOIN && node->join.residual == NULL && random_chance(&random, 50)) {
				uint32_t right = random_below(&random, (uint32_t)node->children[1]->schema.field_count);
				struct type type = node->children[1]->schema.fields[right].type;
				const struct expression *column =
					expression_column(&arena, (uint32_t)node->children[0]->schema.field_count + right, type);
				node->join.residual = expression_compare(&arena, "<=", column, column);
			}
		}
		fixture_init(&fixture, &random, plan_join_count(plan) > 1 ? 60 : 250);
		struct query_context context = context_of(&fixture);
		struct naive_rows got, expected = naive_evaluate(&fixture.arena, plan, table_of, &fixture);
		status code = query_rows(&fixture, plan, &context, &got);
		if (code != STATUS_OK)
			printf("%s\n", error_current()->text);
		bool same = code == STATUS_OK && naive_same(&plan->schema, &got, &expected);
		if (!same)
			report(plan, seed);
		assert_true(same);
		fixture_deinit(&fixture);
		arena_deinit(&arena);
	}
}

static bool in_order(const struct plan *sort, const struct naive_rows *rows)
{
	for (size_t i = 1; i < rows->count; i++) {
		for (size_t k = 0; k < sort->sort.key_count; k++) {
			const struct sort_key *key = &sort->sort.keys[k];
			const struct value *a = &rows->rows[i - 1].values[key->column],
							   *b = &rows->rows[i].values[key->column];
			int order = a->null || b->null ? (a->null - b->null) * (key->nulls_first ? -1 : 1)
						: key->descending  ? -value_compare(a, b)
										   : value_compare(a, b);
			if (order > 0)
				return false;
			if (order < 0)
				break;
		}
	}
	return true;
}

static void order_by_orders_and_limit_takes_its_first_rows(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 120; seed++) {
		struct random random = {seed};
		struct fixture fixture;
		struct arena arena = {0};
		fixture_init(&fixture, &random, 300);
		struct plan *child = plan_random(&random, &arena, random_below(&random, 2));
		struct plan *sort = plan_sorted(&random, &arena, child);
		struct query_context context = context_of(&fixture);
		struct naive_rows all, some, expected = naive_evaluate(&fixture.arena, child, table_of, &fixture);
		assert_int_equal(query_rows(&fixture, sort, &context, &all), STATUS_OK);
		bool right = naive_same(&child->schema, &all, &expected) && in_order(sort, &all);
		if (!right)
			report(sort, seed);
		assert_true(right);
		int64_t limit = random_below(&random, 40),
				offset = random_below(&random, 3) * random_below(&random, 90);
		struct plan *limited = plan_limited(&arena, sort, limit, offset);
		assert_int_equal(query_rows(&fixture, limited, &context, &some), STATUS_OK);
		struct naive_rows part = all;
		part.rows += (size_t)offset < all.count ? (size_t)offset : all.count;
		part.count -= (size_t)(part.rows - all.rows);
		part.count = part.count < (size_t)limit ? part.count : (size_t)limit;
		assert_true(naive_same(&child->schema, &some, &part));
		fixture_deinit(&fixture);
		arena_deinit(&arena);
	}
}

static void top_n_of_many_rows_keeps_few(void **state)
{
	(void)state;
	struct random random = {3};
	struct fixture fixture;
	struct arena arena = {0};
	fixture_init(&fixture, &random, 0);
	struct naive_rows *rows = &fixture.tables[TABLE_A];
	struct value values[COLUMN_COUNT];
	rows->width = COLUMN_COUNT;
	for (uint32_t i = 0; i < 60000; i++) {
		if (i % 1000 == 0) {
			for (unsigned c = 0; c < COLUMN_COUNT; c++)
				values[c] = value_random(&random, &fixture.arena, (enum test_column)c);
		}
		values[COLUMN_AMOUNT] = (struct value){.type = type_of(TYPE_INT8), .i64 = (i * 7919) % 60000};
		naive_add(&fixture.arena, rows, values, 1);
	}
	fixture.batch_rows = 1000;
	uint32_t column = COLUMN_AMOUNT;
	struct plan *sort = plan_over(&arena, PLAN_SORT, plan_scan(&arena, TABLE_A, &column, 1));
	struct sort_key key = {0, true, false};
	sort->sort.keys = &key;
	sort->sort.key_count = 1;
	struct query_context context = context_of(&fixture);
	context.memory_bytes_max = 1 << 20; /* 60 000 rows need more */
	struct naive_rows got;
	assert_int_equal(query_rows(&fixture, plan_limited(&arena, sort, 3, 1), &context, &got), STATUS_OK);
	assert_int_equal(got.count, 3);
	assert_int_equal(got.rows[0].values[0].i64, 59998);
	assert_int_equal(got.rows[2].values[0].i64, 59996);
	assert_int_equal(query_rows(&fixture, sort, &context, &got), STATUS_OUT_OF_MEMORY);
	assert_true(error_current()->hint[0] != '\0');
	fixture_deinit(&fixture);
	arena_deinit(&arena);
}

static void a_limit_stops_reading_early_and_says_so_to_the_relation(void **state)
{
	(void)state;
	struct random random = {4};
	struct fixture fixture;
	struct arena arena = {0};
	fixture_init(&fixture, &random, 600);
	fixture.batch_rows = 5;
	uint32_t columns[] = {COLUMN_NAME, COLUMN_ID};
	struct plan *scan = plan_scan(&arena, TABLE_LOG, columns, 2);
	struct plan *project = plan_columns(&arena, scan, columns, 1);
	project->project.expressions[0] = expression_column(&arena, 1, type_of(TYPE_INT4));
	project->schema.fields[0] = scan->schema.fields[1];
	struct query_context context = context_of(&fixture);
	struct naive_rows got;
	assert_int_equal(query_rows(&fixture, plan_limited(&arena, project, 6, 3), &context, &got), STATUS_OK);
	assert_int_equal(got.count, 6);
	assert_int_equal(fixture.row_limit, 9);
	assert_true(fixture.batches_given <= 2);
	assert_int_equal(query_rows(&fixture, plan_limited(&arena, project, 0, 0), &context, &got), STATUS_OK);
	assert_int_equal(got.count, 0);
	struct plan *negative = plan_limited(&arena, project, 1, 0);
	negative->limit.limit = bigint(&arena, -1);
	assert_int_equal(query_rows(&fixture, negative, &context, &got), STATUS_INVALID);
	assert_string_equal(error_current()->sqlstate, "2201W");
	fixture_deinit(&fixture);
	arena_deinit(&arena);
}

static void bounds_are_evaluated_and_a_null_bound_reads_nothing(void **state)
{
	(void)state;
	struct random random = {5};
	struct fixture fixture;
	struct arena arena = {0};
	fixture_init(&fixture, &random, 100);
	uint32_t column = COLUMN_ID;
	struct plan *scan = plan_scan(&arena, TABLE_LOG, &column, 1);
	struct expression *parameter = expression_of(&arena, EXPR_PARAMETER, type_of(TYPE_INT8), NULL, 0);
	parameter->parameter = 0;
	const struct expression *prefix = bigint(&arena, 7);
	scan->scan.bounds =
		(struct scan_bounds){.prefix = &prefix, .prefix_count = 1, .low = parameter, .low_inclusive = true};
	struct query_context context = context_of(&fixture);
	struct value value = {.type = type_of(TYPE_INT8), .i64 = 12};
	context.evaluation.parameters = &value;
	context.evaluation.parameter_count = 1;
	struct naive_rows got;
	assert_int_equal(query_rows(&fixture, scan, &context, &got), STATUS_OK);
	assert_true(got.count != 0); /* this relation does not look at ranges */
	assert_int_equal(fixture.range.prefix_count, 1);
	assert_int_equal(fixture.range_values[0].i64, 7);
	assert_int_equal(fixture.range_values[2].i64, 12);
	assert_true(fixture.range.low_inclusive && fixture.range.high == NULL);
	value.null = true;
	fixture.batches_given = 0;
	assert_int_equal(query_rows(&fixture, scan, &context, &got), STATUS_OK);
	assert_int_equal(got.count, 0);
	assert_int_equal(fixture.batches_given, 0);
	fixture_deinit(&fixture);
	arena_deinit(&arena);
}

static void a_cancelled_query_ends(void **state)
{
	(void)state;
	struct random random = {6};
	struct fixture fixture;
	struct arena arena = {0};
	fixture_init(&fixture, &random, 300);
	fixture.batch_rows = 3;
	fixture.cancel_after = 5;
	uint32_t column = COLUMN_ID;
	struct plan *scan = plan_scan(&arena, TABLE_LOG, &column, 1);
	struct aggregate_call call = aggregate_call_of(scan, AGGREGATE_COUNT_STAR, -1);
	struct query_context context = context_of(&fixture);
	struct naive_rows got;
	assert_int_equal(query_rows(&fixture, plan_aggregate(&arena, scan, NULL, 0, &call, 1), &context, &got),
		STATUS_CANCELLED);
	assert_string_equal(error_current()->sqlstate, "57014");
	fixture_deinit(&fixture);
	arena_deinit(&arena);
}

static void hash_tables_beyond_the_budget_are_refused(void **state)
{
	(void)state;
	struct random random = {7};
	struct fixture fixture;
	struct arena arena = {0};
	fixture_init(&fixture, &random, 400);
	uint32_t columns[] = {COLUMN_ID, COLUMN_NAME}, key = 0;
	struct plan *scan = plan_scan(&arena, TABLE_LOG, columns, 2);
	struct query_context context = context_of(&fixture);
	struct naive_rows got;
	context.memory_bytes_max = 10000;
	assert_int_equal(query_rows(&fixture, plan_aggregate(&arena, scan, columns, 1, NULL, 0), &context, &got),
		STATUS_OUT_OF_MEMORY);
	struct plan *join = plan_join(&arena, JOIN_INNER, scan, scan, &key, &key, 1);
	assert_int_equal(query_rows(&fixture, join, &context, &got), STATUS_OUT_OF_MEMORY);
	assert_string_equal(error_current()->sqlstate, "53200");
	fixture_deinit(&fixture);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_plans_give_what_the_naive_evaluator_says),
		cmocka_unit_test(order_by_orders_and_limit_takes_its_first_rows),
		cmocka_unit_test(top_n_of_many_rows_keeps_few),
		cmocka_unit_test(a_limit_stops_reading_early_and_says_so_to_the_relation),
		cmocka_unit_test(bounds_are_evaluated_and_a_null_bound_reads_nothing),
		cmocka_unit_test(a_cancelled_query_ends),
		cmocka_unit_test(hash_tables_beyond_the_budget_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
