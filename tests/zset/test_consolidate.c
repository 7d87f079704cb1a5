/* zset/consolidate.c: the same rows and weights as a naive merge, sorted, without zeros. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"
#include "zset/decimal.h"

/* Quadratic: the sum of weights of rows equal to (of, row). */
static int64_t naive_weight(const struct batch *batch, const struct batch *of, uint32_t row)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < batch->row_count; i++) {
		if (row_equal(batch, i, of, row))
			sum += batch_weight(batch, i);
	}
	return sum;
}

static void check_consolidated(struct arena *arena, const struct batch *batch)
{
	struct batch *out = NULL;
	assert_int_equal(batch_consolidate(arena, batch, &out), STATUS_OK);
	assert_int_equal(out->column_count, batch->column_count);
	for (uint32_t row = 0; row < out->row_count; row++) {
		assert_int_not_equal(batch_weight(out, row), 0);
		assert_int_equal(batch_weight(out, row), naive_weight(batch, out, row));
		if (row > 0)
			assert_true(row_compare(out, row - 1, out, row) < 0);
	}
	for (uint32_t row = 0; row < batch->row_count; row++)
		assert_int_equal(naive_weight(out, batch, row), naive_weight(batch, batch, row));
}

static void test_random_batches_consolidate_as_naively(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 150; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 3);
		uint32_t row_count = round % 10 == 0 ? 600 : random_below(&random, 80);
		check_consolidated(&arena, random_batch(&random, &arena, &schema, row_count));
		arena_deinit(&arena);
	}
}

/* One type per batch and enough rows that radix sort, merge sort by comparison and every key depth are used.
 */
static void test_every_type_consolidates_in_bulk(void **unused)
{
	(void)unused;
	static const enum type_id types[] = {
		TYPE_BOOL, TYPE_INT8, TYPE_FLOAT8, TYPE_NUMERIC, TYPE_TEXT, TYPE_INTERVAL};
	struct random random = random_from_environment(__func__);
	for (int t = 0; t < 6; t++) {
		struct arena arena;
		arena_init(&arena);
		struct field field = {.name = "c", .type = type_of(types[t])};
		struct schema schema = {&field, 1};
		check_consolidated(&arena, random_batch(&random, &arena, &schema, 1500));
		arena_deinit(&arena);
	}
}

static void test_append_only_batch_without_repeats_keeps_no_weights(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct field field = {.name = "c", .type = type_of(TYPE_INT8)};
	struct schema schema = {&field, 1};
	struct batch *batch = batch_make(&arena, &schema, 3, false, false), *out;
	batch->columns[0].i64[0] = 3;
	batch->columns[0].i64[1] = 1;
	batch->columns[0].i64[2] = 2;
	assert_int_equal(batch_consolidate(&arena, batch, &out), STATUS_OK);
	assert_null(out->weights);
	assert_int_equal(out->row_count, 3);
	assert_int_equal(out->columns[0].i64[0], 1);
	batch->columns[0].i64[2] = 1;
	assert_int_equal(batch_consolidate(&arena, batch, &out), STATUS_OK);
	assert_int_equal(out->row_count, 2);
	assert_int_equal(out->weights[0], 2);
	assert_int_equal(out->weights[1], 1);
	arena_deinit(&arena);
}

static void test_weight_overflow_is_refused_but_transient_overflow_is_not(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct field field = {.name = "c", .type = type_of(TYPE_INT8)};
	struct schema schema = {&field, 1};
	struct batch *batch = batch_make(&arena, &schema, 3, false, true), *out = NULL;
	memset(batch->columns[0].i64, 0, 3 * sizeof(int64_t));
	batch->weights[0] = INT64_MAX;
	batch->weights[1] = 1;
	batch->weights[2] = -1;
	assert_int_equal(batch_consolidate(&arena, batch, &out), STATUS_OK);
	assert_int_equal(out->weights[0], INT64_MAX);
	batch->weights[2] = 1;
	struct batch *before = out;
	assert_int_equal(batch_consolidate(&arena, batch, &out), STATUS_OUT_OF_RANGE);
	assert_ptr_equal(out, before);
	arena_deinit(&arena);
}

static void test_batches_without_rows_or_columns_consolidate(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct schema schema = {NULL, 0};
	struct batch *batch = batch_make(&arena, &schema, 0, false, false), *out;
	assert_int_equal(batch_consolidate(&arena, batch, &out), STATUS_OK);
	assert_int_equal(out->row_count, 0);
	batch = batch_make(&arena, &schema, 20, false, false);
	assert_int_equal(batch_consolidate(&arena, batch, &out), STATUS_OK);
	assert_int_equal(out->row_count, 1);
	assert_int_equal(out->weights[0], 20);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_batches_consolidate_as_naively),
		cmocka_unit_test(test_every_type_consolidates_in_bulk),
		cmocka_unit_test(test_append_only_batch_without_repeats_keeps_no_weights),
		cmocka_unit_test(test_weight_overflow_is_refused_but_transient_overflow_is_not),
		cmocka_unit_test(test_batches_without_rows_or_columns_consolidate),
	};
	return cmocka_run_group_tests_name("zset/consolidate", tests, NULL, NULL);
}
