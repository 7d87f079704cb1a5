/* Circuits against the naive evaluator: any plan, any steps, restarts and memory budgets give the same rows.
 * KAPPA_SEED=n runs one seed, KAPPA_SEEDS=n that many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_circuit.h"

struct configuration {
	size_t step_rows;
	size_t memory_bytes_max;
	uint32_t restart_percent;
	bool shuffled;
};

static const struct configuration configurations[] = {
	{4096, 0, 0, false},
	{64, 0, 0, true},
	{7, 0, 20, true},
	{2, 1, 0, false},
	{1, 0, 0, false},
	{64, 1, 30, true},
	{7, 200000, 0, false},
};

static bool run(const struct plan *plan, const struct change *changes, size_t count,
	const struct configuration *configuration, struct random *random, struct digest *digest)
{
	struct bench bench;
	bench_init(&bench, plan, configuration->memory_bytes_max);
	bool right = true;
	size_t step_rows = configuration->step_rows, steps = 0;
	for (size_t from = 0; right && (from < count || steps == 0); from += step_rows, steps++) {
		size_t rows = count - from < step_rows ? count - from : step_rows;
		if (random_chance(random, configuration->restart_percent))
			bench_restart(&bench);
		status code = bench_step(&bench, changes + from, rows, configuration->shuffled ? random : NULL);
		if (code != STATUS_OK) {
			printf("step of rows %zu…: %s: %s\n", from, status_name(code), error_current()->text);
			right = false;
		}
		if (right && random_chance(random, 2))
			right = bench_is_right(&bench);
	}
	right = right && bench_is_right(&bench);
	*digest = bench.digest;
	bench_deinit(&bench);
	return right;
}

static bool seed_is_right(uint64_t seed)
{
	struct arena arena = {0};
	struct random random = {seed};
	const struct plan *plan = plan_random(&random, &arena, 1 + random_below(&random, 5));
	static const size_t counts[] = {250, 100, 45, 30};
	size_t joins = plan_join_count(plan), count = counts[joins < 3 ? joins : 3];
	const struct change *changes = changes_random(&random, &arena, count);
	struct digest first = {0}, digest;
	bool right = true;
	for (size_t i = 0; right && i < sizeof configurations / sizeof configurations[0]; i++) {
		right = run(plan, changes, count, &configurations[i], &random, &digest);
		if (i == 0)
			first = digest;
		if (right && !digest_equal(first, digest)) {
			printf("digests differ\n");
			right = false;
		}
		if (!right)
			printf("seed %llu, steps of %zu rows, budget %zu, restarts %u%%\n", (unsigned long long)seed,
				configurations[i].step_rows, configurations[i].memory_bytes_max,
				configurations[i].restart_percent);
	}
	if (!right) {
		struct buffer text;
		buffer_init(&text);
		plan_explain(plan, &text);
		printf("%.*s\n", (int)text.size, (const char *)text.data);
		buffer_deinit(&text);
	}
	arena_deinit(&arena);
	return right;
}

static uint64_t environment_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void random_plans_give_what_the_naive_evaluator_says_however_they_are_stepped(void **state)
{
	(void)state;
	uint64_t first = environment_number("KAPPA_SEED", 1), count = environment_number("KAPPA_SEEDS", 60);
	if (getenv("KAPPA_SEED") != NULL && getenv("KAPPA_SEEDS") == NULL)
		count = 1;
	for (uint64_t seed = first; seed < first + count; seed++)
		assert_true(seed_is_right(seed));
}

/* Enough groups and rows for prefetching, growing tables and many batches of output; too many for the naive
 * evaluator. */
static const struct plan *plan_large(struct arena *arena, unsigned which)
{
	uint32_t columns[] = {COLUMN_AMOUNT, COLUMN_NAME, COLUMN_MEASURE, COLUMN_RATE}, key = 0, both[] = {0, 1};
	struct plan *a = plan_scan(arena, TABLE_A, columns, 4), *b = plan_scan(arena, TABLE_B, columns, 4);
	struct plan *input = which == 0 ? a
						 : which == 3
							 ? plan_union(arena, a, b)
							 : plan_join(arena, which == 1 ? JOIN_INNER : JOIN_LEFT, a, b, &key, &key, 1);
	struct aggregate_call calls[] = {
		aggregate_call_of(input, AGGREGATE_COUNT_STAR, -1),
		aggregate_call_of(input, AGGREGATE_MAX, 1),
		aggregate_call_of(input, AGGREGATE_SUM, 2),
		aggregate_call_of(input, AGGREGATE_AVG, 3),
		aggregate_call_of(input, AGGREGATE_COUNT, 1),
		aggregate_call_of(input, AGGREGATE_MIN, 3),
	};
	calls[4].distinct = true;
	return plan_aggregate(arena, input, which == 3 ? both : &key, which == 3 ? 2 : 1, calls, 6);
}

static void large_inputs_give_one_digest_however_they_are_stepped(void **state)
{
	(void)state;
	static const struct {
		size_t step_rows, memory_bytes_max;
		bool restarts;
	} steppings[] = {{15000, 0, false}, {4096, 1 << 20, false}, {700, 0, true}};
	struct arena arena = {0};
	struct random random = {77};
	enum { CHANGES = 15000 };
	const struct change *changes = changes_random(&random, &arena, CHANGES);
	for (unsigned which = 0; which < 4; which++) {
		struct digest first = {0};
		for (size_t i = 0; i < sizeof steppings / sizeof steppings[0]; i++) {
			struct bench bench;
			bench_init(&bench, plan_large(&arena, which), steppings[i].memory_bytes_max);
			for (size_t from = 0; from < CHANGES; from += steppings[i].step_rows) {
				size_t rows =
					CHANGES - from < steppings[i].step_rows ? CHANGES - from : steppings[i].step_rows;
				assert_int_equal(bench_step(&bench, changes + from, rows, NULL), STATUS_OK);
				if (steppings[i].restarts && from / steppings[i].step_rows % 5 == 4)
					bench_restart(&bench);
			}
			if (i == 0)
				first = bench.digest;
			assert_true(digest_equal(first, bench.digest));
			bench_deinit(&bench);
		}
	}
	arena_deinit(&arena);
}

static void change_push(struct bench *bench, size_t source, const struct value *values, int64_t weight)
{
	struct arena arena = {0};
	struct naive_rows rows = {.width = COLUMN_COUNT};
	naive_add(&arena, &rows, values, weight);
	naive_add(&bench->arena, &bench->tables[source == 0 ? TABLE_A : TABLE_B], values, weight);
	assert_int_equal(circuit_push(bench->circuit, source, naive_batch(&arena, test_schema(), &rows, 0, 1),
						 &arena, &bench->sink),
		STATUS_OK);
	arena_deinit(&arena);
}

static void step_finish(struct bench *bench)
{
	assert_int_equal(circuit_step_end(bench->circuit, &bench->arena, &bench->sink), STATUS_OK);
	assert_int_equal(circuit_flush(bench->circuit, &bench->store.writer), STATUS_OK);
	store_commit(&bench->store);
	circuit_committed(bench->circuit);
	assert_true(bench_is_right(bench));
}

/* Within one step a left row goes, its partner goes or comes, and the left row comes again. */
static void a_left_row_that_comes_again_has_the_partners_of_then(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct random random = {1};
	uint32_t columns[] = {COLUMN_ID, COLUMN_SMALL}, key = 0;
	for (int kind = JOIN_LEFT; kind <= JOIN_ANTI; kind++) {
		for (int residual = 0; residual < 2; residual++) {
			struct plan *join =
				plan_join(&arena, (enum join_kind)kind, plan_scan(&arena, TABLE_A, columns, 2),
					plan_scan(&arena, TABLE_B, columns, 2), &key, &key, 1);
			if (residual != 0)
				join->join.residual =
					expression_compare(&arena, "<=", expression_column(&arena, 1, type_of(TYPE_INT2)),
						expression_column(&arena, 3, type_of(TYPE_INT2)));
			struct value values[COLUMN_COUNT];
			for (unsigned c = 0; c < COLUMN_COUNT; c++)
				values[c] = value_random(&random, &arena, (enum test_column)c);
			struct bench bench;
			bench_init(&bench, join, 0);
			change_push(&bench, 0, values, 1);
			change_push(&bench, 1, values, 1);
			step_finish(&bench);
			for (int partner = -1; partner <= 1; partner += 2) {
				change_push(&bench, 0, values, -1);
				change_push(&bench, 1, values, partner);
				change_push(&bench, 0, values, 1);
				step_finish(&bench);
			}
			bench_deinit(&bench);
		}
	}
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_plans_give_what_the_naive_evaluator_says_however_they_are_stepped),
		cmocka_unit_test(a_left_row_that_comes_again_has_the_partners_of_then),
		cmocka_unit_test(large_inputs_give_one_digest_however_they_are_stepped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
