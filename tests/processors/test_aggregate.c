/* Accumulators: exact float sums, values that come and go, results at their limits, what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/aggregate.h"
#include "support_circuit.h"

/* ---- float sums ---- */

static double rounded(struct float_sum *sum)
{
	double value;
	float_sum_settle(sum);
	assert_int_equal(float_sum_round(sum, false, &value), STATUS_OK);
	return value;
}

static void add(struct float_sum *sum, struct pool *pool, double value, int64_t weight)
{
	assert_int_equal(float_sum_add(sum, value, weight, pool), STATUS_OK);
}

static void a_sum_of_doubles_is_exact_and_rounded_once(void **state)
{
	(void)state;
	struct pool pool;
	struct float_sum sum = {0};
	pool_init(&pool);
	add(&sum, &pool, 1e300, 1);
	add(&sum, &pool, 1, 1);
	add(&sum, &pool, 1e-300, 1);
	add(&sum, &pool, 1e300, -1);
	assert_true(rounded(&sum) == 1);
	add(&sum, &pool, 1, -1);
	assert_true(rounded(&sum) == 1e-300);
	add(&sum, &pool, 1e-300, -1);
	assert_true(float_sum_is_zero(&sum));
	/* Ten tenths are exactly 1 + 2^-54·k before rounding: the nearest double is 1. */
	add(&sum, &pool, 0.1, 10);
	assert_true(rounded(&sum) == 1.0);
	float_sum_free(&sum, &pool);
	pool_deinit(&pool);
}

static void rounding_is_to_nearest_with_ties_to_even(void **state)
{
	(void)state;
	static const struct {
		double parts[3];
		double result;
	} cases[] = {
		{{0x1p53, 1, 0}, 0x1p53},             /* tie, down to even */
		{{0x1p53, 1, 0x1p-1000}, 0x1p53 + 2}, /* a hair above the tie */
		{{0x1p53 + 2, 1, 0}, 0x1p53 + 4},     /* tie, up to even */
		{{-0x1p53, -1, -0x1p-1000}, -(0x1p53 + 2)},
		{{0x1p-1074, 0x1p-1074, 0}, 0x1p-1073},      /* subnormals */
		{{0x1p1023, 0x1p1023, -0x1p1023}, 0x1p1023}, /* overflows on the way only */
		{{-0.0, 0, 0}, 0},
	};
	struct pool pool;
	pool_init(&pool);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct float_sum sum = {0};
		for (size_t k = 0; k < 3; k++)
			add(&sum, &pool, cases[i].parts[k], 1);
		assert_true(rounded(&sum) == cases[i].result);
		float_sum_free(&sum, &pool);
	}
	pool_deinit(&pool);
}

static void a_sum_beyond_the_type_is_an_error_and_special_values_are_not(void **state)
{
	(void)state;
	struct pool pool;
	struct float_sum sum = {0};
	double value;
	pool_init(&pool);
	add(&sum, &pool, 1e308, 2);
	float_sum_settle(&sum);
	assert_int_equal(float_sum_round(&sum, false, &value), STATUS_OUT_OF_RANGE);
	add(&sum, &pool, HUGE_VAL, 1);
	assert_true(rounded(&sum) == HUGE_VAL);
	add(&sum, &pool, -HUGE_VAL, 1);
	assert_true(isnan(rounded(&sum)));
	add(&sum, &pool, HUGE_VAL, -1);
	assert_true(rounded(&sum) == -HUGE_VAL);
	add(&sum, &pool, -HUGE_VAL, -1);
	add(&sum, &pool, 1e308, -1);
	assert_true(rounded(&sum) == 1e308);
	float_sum_settle(&sum);
	assert_int_equal(float_sum_round(&sum, true, &value), STATUS_OUT_OF_RANGE); /* too large for real */
	float_sum_free(&sum, &pool);
	pool_deinit(&pool);
}

/* Doubles of any size: bits at random, or small integers over a power of two. */
static double double_random(struct random *random)
{
	if (random_chance(random, 70))
		return ((double)random_below(random, 2000001) - 1000000) / (double)(1 << random_below(random, 20));
	uint64_t bits = random_next(random);
	double value;
	memcpy(&value, &bits, sizeof value);
	return isfinite(value) ? value : 1;
}

static void float_sums_do_not_depend_on_order_and_survive_storage(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 300; seed++) {
		struct random random = {seed};
		struct pool pool;
		struct float_sum forth = {0}, back = {0};
		double values[64];
		uint32_t count = 1 + random_below(&random, 64);
		pool_init(&pool);
		for (uint32_t i = 0; i < count; i++)
			add(&forth, &pool, values[i] = double_random(&random), i % 5 == 0 ? 3 : 1);
		for (uint32_t i = count; i > 0; i--) {
			add(&back, &pool, double_random(&random), 0);
			double noise = double_random(&random);
			add(&back, &pool, noise, 1);
			add(&back, &pool, values[i - 1], (i - 1) % 5 == 0 ? 3 : 1);
			add(&back, &pool, noise, -1);
		}
		float_sum_settle(&forth);
		float_sum_settle(&back);
		double a = 0, b = 1, c = 2;
		status forth_code = float_sum_round(&forth, false, &a);
		assert_int_equal(forth_code, float_sum_round(&back, false, &b));
		struct buffer bytes;
		struct float_sum stored;
		buffer_init(&bytes);
		float_sum_encode(&back, &bytes);
		struct cursor cursor = cursor_of(buffer_slice(&bytes));
		assert_int_equal(float_sum_decode(&cursor, &stored, &pool), STATUS_OK);
		assert_int_equal(forth_code, float_sum_round(&stored, false, &c));
		if (forth_code == STATUS_OK)
			assert_true(a == b && b == c);
		buffer_deinit(&bytes);
		pool_deinit(&pool);
	}
}

/* ---- values that come and go ---- */

static struct change change_of(
	struct arena *arena, struct random *random, int64_t id, int64_t amount, int64_t weight)
{
	struct change change = {.table = TABLE_A};
	change.row.values = arena_alloc(arena, COLUMN_COUNT * sizeof *change.row.values);
	for (unsigned c = 0; c < COLUMN_COUNT; c++)
		change.row.values[c] = (struct value){.type = test_schema()->fields[c].type, .null = true};
	change.row.values[COLUMN_ID] = (struct value){.type = type_of(TYPE_INT4), .i64 = id};
	change.row.values[COLUMN_SMALL] = (struct value){.type = type_of(TYPE_INT2), .i64 = 0};
	change.row.values[COLUMN_AMOUNT] = (struct value){.type = type_of(TYPE_INT8), .i64 = amount};
	const char *name = arena_printf(arena, "%020lld", (long long)amount);
	change.row.values[COLUMN_NAME] =
		(struct value){.type = type_of(TYPE_TEXT), .text = {.data = name, .size = (uint32_t)strlen(name)}};
	change.row.weight = weight;
	(void)random;
	return change;
}

static void extremes_stay_right_while_thousands_of_values_come_and_go(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {7};
	uint32_t columns[] = {COLUMN_ID, COLUMN_AMOUNT, COLUMN_NAME}, group = 0;
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 3);
	struct aggregate_call calls[] = {
		aggregate_call_of(scan, AGGREGATE_MIN, 1),
		aggregate_call_of(scan, AGGREGATE_MAX, 1),
		aggregate_call_of(scan, AGGREGATE_MIN, 2),
		aggregate_call_of(scan, AGGREGATE_MAX, 2),
		aggregate_call_of(scan, AGGREGATE_COUNT, 1),
	};
	calls[4].distinct = true;
	const struct plan *plan = plan_aggregate(&arena, scan, &group, 1, calls, 5);
	struct bench bench;
	bench_init(&bench, plan, 0);
	enum { STEPS = 60, ROWS = 40 };
	int64_t amounts[STEPS * ROWS];
	/* A window of values slides along, one way and then the other: old extremes go all the time. */
	for (uint32_t step = 0; step < STEPS; step++) {
		struct change changes[2 * ROWS];
		uint32_t count = 0;
		for (uint32_t i = 0; i < ROWS; i++) {
			int64_t base = step < STEPS / 2 ? step : STEPS - step;
			amounts[step * ROWS + i] = base * 100 + random_below(&random, 300);
			changes[count++] = change_of(&arena, &random, i % 2, amounts[step * ROWS + i], 1);
			if (step >= 5)
				changes[count++] = change_of(&arena, &random, i % 2, amounts[(step - 5) * ROWS + i], -1);
		}
		assert_int_equal(bench_step(&bench, changes, count, &random), STATUS_OK);
		if (step % 10 == 9) {
			assert_true(bench_is_right(&bench));
			bench_restart(&bench);
		}
	}
	assert_true(bench_is_right(&bench));
	/* Entries of values that are gone do not pile up in the store. */
	assert_true(bench.store.committed.count < 5 * 2 * ROWS * 6);
	bench_deinit(&bench);
	arena_deinit(&arena);
}

static void a_large_group_in_memory_forgets_values_that_are_gone(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {8};
	uint32_t columns[] = {COLUMN_ID, COLUMN_AMOUNT};
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 2);
	struct aggregate_call call = aggregate_call_of(scan, AGGREGATE_MIN, 1);
	const struct plan *plan = plan_aggregate(&arena, scan, NULL, 0, &call, 1);
	struct bench bench;
	bench_init(&bench, plan, 0);
	size_t memory_bytes = 0;
	/* The minimum stays; what comes above it goes again, out of the heap's sight. */
	for (uint32_t step = 0; step < 200; step++) {
		struct change changes[100];
		for (uint32_t i = 0; i < 100; i++) {
			int64_t amount = (step * 100 + i) * 7 % 5000 + step;
			changes[i] = change_of(&arena, &random, 1, step == 0 && i == 0 ? -5 : amount, 1);
		}
		assert_int_equal(bench_step(&bench, changes, 100, NULL), STATUS_OK);
		for (uint32_t i = step == 0; i < 100; i++)
			changes[i].row.weight = -1;
		uint32_t kept = step == 0;
		assert_int_equal(bench_step(&bench, changes + kept, 100 - kept, NULL), STATUS_OK);
		if (step == 20)
			memory_bytes = circuit_memory_bytes(bench.circuit);
	}
	assert_true(bench_is_right(&bench));
	assert_true(circuit_memory_bytes(bench.circuit) <= memory_bytes);
	struct change gone = change_of(&arena, &random, 1, -5, -1);
	assert_int_equal(bench_step(&bench, &gone, 1, NULL), STATUS_OK);
	assert_true(bench_is_right(&bench));
	bench_deinit(&bench);
	arena_deinit(&arena);
}

static void the_next_extreme_is_right_after_the_heap_was_cleared_of_dead_values(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {12};
	uint32_t columns[] = {COLUMN_ID, COLUMN_AMOUNT};
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 2);
	struct aggregate_call calls[] = {
		aggregate_call_of(scan, AGGREGATE_MIN, 1), aggregate_call_of(scan, AGGREGATE_MAX, 1)};
	struct bench bench;
	bench_init(&bench, plan_aggregate(&arena, scan, NULL, 0, calls, 2), 0);
	enum { VALUES = 300, GONE = 200 };
	struct change changes[VALUES];
	for (uint32_t i = 0; i < VALUES; i++)
		changes[i] = change_of(&arena, &random, 1, random_below(&random, 1000000), 1);
	assert_int_equal(bench_step(&bench, changes, VALUES, &random), STATUS_OK);
	/* Most go: more than half of the heap is dead. */
	for (uint32_t i = 0; i < VALUES; i++)
		changes[i].row.weight = -1;
	assert_int_equal(bench_step(&bench, changes + 50, GONE, NULL), STATUS_OK);
	for (uint32_t i = 0; i < 50; i++) {
		assert_int_equal(bench_step(&bench, &changes[i], 1, NULL), STATUS_OK);
		assert_int_equal(bench_step(&bench, &changes[VALUES - 1 - i], 1, NULL), STATUS_OK);
		assert_true(bench_is_right(&bench));
	}
	bench_deinit(&bench);
	arena_deinit(&arena);
}

/* ---- limits ---- */

static void a_group_retracted_more_often_than_inserted_is_an_internal_error(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {9};
	uint32_t columns[] = {COLUMN_ID, COLUMN_AMOUNT}, group = 0;
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 2);
	struct aggregate_call call = aggregate_call_of(scan, AGGREGATE_SUM, 1);
	const struct plan *plan = plan_aggregate(&arena, scan, &group, 1, &call, 1);
	struct bench bench;
	bench_init(&bench, plan, 0);
	struct change change = change_of(&arena, &random, 1, 5, -1);
	assert_int_equal(bench_step(&bench, &change, 1, NULL), STATUS_INTERNAL);
	bench_deinit(&bench);
	/* The right number of rows, but not the same rows. */
	bench_init(&bench, plan, 0);
	struct change changes[] = {change_of(&arena, &random, 1, 5, 1), change_of(&arena, &random, 1, 6, -1)};
	assert_int_equal(bench_step(&bench, changes, 2, NULL), STATUS_INTERNAL);
	bench_deinit(&bench);
	arena_deinit(&arena);
}

static void a_global_aggregate_has_a_row_before_any_input_and_only_one_ever(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {10};
	uint32_t columns[] = {COLUMN_ID, COLUMN_AMOUNT};
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 2);
	struct aggregate_call calls[] = {
		aggregate_call_of(scan, AGGREGATE_COUNT_STAR, -1), aggregate_call_of(scan, AGGREGATE_MAX, 1)};
	const struct plan *plan = plan_aggregate(&arena, scan, NULL, 0, calls, 2);
	struct bench bench;
	bench_init(&bench, plan, 0);
	assert_int_equal(bench_step(&bench, NULL, 0, NULL), STATUS_OK);
	assert_int_equal(bench.output.count, 1);
	assert_int_equal(bench.output.rows[0].values[0].i64, 0);
	assert_true(bench.output.rows[0].values[1].null);
	bench_restart(&bench);
	assert_int_equal(bench_step(&bench, NULL, 0, NULL), STATUS_OK);
	assert_int_equal(bench.output.count, 1);
	struct change change = change_of(&arena, &random, 1, 5, 1);
	assert_int_equal(bench_step(&bench, &change, 1, NULL), STATUS_OK);
	change.row.weight = -1;
	assert_int_equal(bench_step(&bench, &change, 1, NULL), STATUS_OK);
	assert_int_equal(bench.output.count, 5);
	assert_true(bench_is_right(&bench));
	bench_deinit(&bench);
	arena_deinit(&arena);
}

static void a_sum_that_does_not_fit_its_type_is_out_of_range(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {11};
	uint32_t columns[] = {COLUMN_ID};
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 1);
	struct aggregate_call call = aggregate_call_of(scan, AGGREGATE_SUM, 0);
	const struct plan *plan = plan_aggregate(&arena, scan, NULL, 0, &call, 1);
	struct bench bench;
	bench_init(&bench, plan, 0);
	struct change change = change_of(&arena, &random, INT32_MAX, 0, INT64_C(1) << 33);
	assert_int_equal(bench_step(&bench, &change, 1, NULL), STATUS_OUT_OF_RANGE);
	assert_string_equal(error_current()->sqlstate, "22003");
	bench_deinit(&bench);
	arena_deinit(&arena);
}

static void what_has_no_incremental_form_is_refused_with_a_hint(void **state)
{
	(void)state;
	struct arena arena = {0};
	uint32_t columns[] = {COLUMN_ID, COLUMN_DURATION};
	struct plan *scan = plan_scan(&arena, TABLE_A, columns, 2);
	struct aggregate_call call = aggregate_call_of(scan, AGGREGATE_AVG, 1);
	assert_int_equal(circuit_check(plan_aggregate(&arena, scan, NULL, 0, &call, 1)), STATUS_UNSUPPORTED);
	assert_true(error_current()->hint[0] != '\0');
	struct plan limit = *plan_columns(&arena, scan, columns, 1);
	limit.kind = PLAN_LIMIT;
	assert_int_equal(circuit_check(&limit), STATUS_UNSUPPORTED);
	assert_true(error_current()->hint[0] != '\0');
	arena_deinit(&arena);
}

/* ---- size ---- */

static void a_group_with_eight_aggregates_takes_at_most_128_bytes(void **state)
{
	(void)state;
	struct arena arena = {0};
	uint32_t columns[] = {COLUMN_AMOUNT, COLUMN_ID, COLUMN_FLAG}, group = 1;
	struct plan *scan = plan_scan(&arena, TABLE_LOG, columns, 3);
	scan->schema.fields[0].not_null = true;
	/* Nexmark q17: counts by rank, min, max, avg, sum of price. */
	struct aggregate_call calls[] = {
		aggregate_call_of(scan, AGGREGATE_COUNT_STAR, -1),
		aggregate_call_of(scan, AGGREGATE_COUNT_STAR, -1),
		aggregate_call_of(scan, AGGREGATE_COUNT_STAR, -1),
		aggregate_call_of(scan, AGGREGATE_COUNT_STAR, -1),
		aggregate_call_of(scan, AGGREGATE_MIN, 0),
		aggregate_call_of(scan, AGGREGATE_MAX, 0),
		aggregate_call_of(scan, AGGREGATE_AVG, 0),
		aggregate_call_of(scan, AGGREGATE_SUM, 0),
	};
	calls[1].filter = 2;
	const struct plan *plan = plan_aggregate(&arena, scan, &group, 1, calls, 8);
	struct aggregate *aggregate;
	assert_int_equal(aggregate_create(plan, true, NULL, true, 0, &aggregate), STATUS_OK);
	assert_true(aggregate->groups.slot_size + 24 <= 128); /* index entries at the lowest load: 8 × 2 × 8/5 */
	aggregate_destroy(aggregate);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sum_of_doubles_is_exact_and_rounded_once),
		cmocka_unit_test(rounding_is_to_nearest_with_ties_to_even),
		cmocka_unit_test(a_sum_beyond_the_type_is_an_error_and_special_values_are_not),
		cmocka_unit_test(float_sums_do_not_depend_on_order_and_survive_storage),
		cmocka_unit_test(extremes_stay_right_while_thousands_of_values_come_and_go),
		cmocka_unit_test(a_large_group_in_memory_forgets_values_that_are_gone),
		cmocka_unit_test(the_next_extreme_is_right_after_the_heap_was_cleared_of_dead_values),
		cmocka_unit_test(a_group_retracted_more_often_than_inserted_is_an_internal_error),
		cmocka_unit_test(a_global_aggregate_has_a_row_before_any_input_and_only_one_ever),
		cmocka_unit_test(a_sum_that_does_not_fit_its_type_is_out_of_range),
		cmocka_unit_test(what_has_no_incremental_form_is_refused_with_a_hint),
		cmocka_unit_test(a_group_with_eight_aggregates_takes_at_most_128_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
