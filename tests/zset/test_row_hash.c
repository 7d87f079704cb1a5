/* zset/row_hash.c: equal rows hash alike, few others do; the digest is linear, order-independent and exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"

static const uint32_t columns[8] = {0, 1, 2, 3, 4, 5, 6, 7};

static void test_hashes_agree_with_equality(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 60; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 4);
		struct batch *batch = random_batch(&random, &arena, &schema, 150);
		uint64_t hashes[150];
		batch_hash(batch, columns, batch->column_count, hashes);
		for (uint32_t a = 0; a < 150; a++)
			for (uint32_t b = 0; b < 150; b++)
				assert_int_equal(row_equal(batch, a, batch, b), hashes[a] == hashes[b]);
		arena_deinit(&arena);
	}
}

static struct batch *one_i64(struct arena *arena, int64_t value)
{
	struct field field = {.name = "c", .type = type_of(TYPE_INT8)};
	struct schema schema = {&field, 1};
	struct batch *batch = batch_make(arena, &schema, 1, false, false);
	batch->columns[0].i64[0] = value;
	return batch;
}

static struct digest digest_of(const struct batch *batch)
{
	struct digest digest = {0, 0};
	digest_add(&digest, batch);
	return digest;
}

/* Digests are stored: these numbers may only change together with the engine's fingerprint. */
static void test_stored_hashes_stay_what_they_are(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct batch *batch = one_i64(&arena, 42);
	uint64_t hash;
	batch_hash(batch, columns, 1, &hash);
	char text[33];
	digest_format(digest_of(batch), text);
	assert_int_equal(hash, UINT64_C(0x863242bf0351c0d0));
	assert_string_equal(text, "12cacdbd83da05b4b94ed49f874b047f");
	arena_deinit(&arena);
}

static void test_digest_is_linear_and_order_independent(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 60; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 5);
		uint32_t row_count = 1 + random_below(&random, 1500);
		struct batch *batch = random_batch(&random, &arena, &schema, row_count);
		struct digest whole = digest_of(batch), parts = {0, 0};
		/* Shuffle, then add in two parts. */
		uint32_t *rows = arena_alloc(&arena, row_count * sizeof *rows);
		for (uint32_t i = 0; i < row_count; i++)
			rows[i] = i;
		for (uint32_t i = row_count; i > 1; i--) {
			uint32_t j = random_below(&random, i), moved = rows[i - 1];
			rows[i - 1] = rows[j];
			rows[j] = moved;
		}
		uint32_t half = random_below(&random, row_count);
		digest_add(&parts, batch_gather(&arena, batch, rows, half));
		digest_add(&parts, batch_gather(&arena, batch, rows + half, row_count - half));
		assert_true(digest_equal(whole, parts));
		/* Taking everything away again leaves nothing. */
		struct batch *negative = batch_copy(&arena, batch);
		for (uint32_t i = 0; i < row_count; i++)
			negative->weights[i] = -negative->weights[i];
		digest_add(&parts, negative);
		assert_true(digest_equal(parts, (struct digest){0, 0}));
		/* One more of any row is noticed. */
		digest_add(&parts, batch_gather(&arena, one_i64(&arena, random_i64(&random)), rows, 0));
		assert_true(digest_equal(parts, (struct digest){0, 0}));
		digest_add(&parts, one_i64(&arena, random_i64(&random)));
		assert_false(digest_equal(parts, (struct digest){0, 0}));
		arena_deinit(&arena);
	}
}

static struct digest digest_of_value(struct arena *arena, struct value value)
{
	struct column column = column_constant(arena, &value, 1);
	struct batch batch = {.row_count = 1, .column_count = 1, .columns = &column};
	return digest_of(&batch);
}

static void test_digest_sees_what_equality_ignores(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct value a = {.type = type_of(TYPE_NUMERIC)}, b = a;
	a.decimal = (struct decimal){.value = 10, .scale = 1};
	b.decimal = (struct decimal){.value = 100, .scale = 2};
	assert_int_equal(value_compare(&a, &b), 0);
	assert_false(digest_equal(digest_of_value(&arena, a), digest_of_value(&arena, b)));
	a = b = (struct value){.type = type_of(TYPE_FLOAT8)};
	b.f64 = -0.0;
	assert_int_equal(value_compare(&a, &b), 0);
	assert_false(digest_equal(digest_of_value(&arena, a), digest_of_value(&arena, b)));
	a = b = (struct value){.type = type_of(TYPE_INTERVAL)};
	a.interval.months = 1;
	b.interval.days = 30;
	assert_int_equal(value_compare(&a, &b), 0);
	assert_false(digest_equal(digest_of_value(&arena, a), digest_of_value(&arena, b)));
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes_agree_with_equality),
		cmocka_unit_test(test_stored_hashes_stay_what_they_are),
		cmocka_unit_test(test_digest_is_linear_and_order_independent),
		cmocka_unit_test(test_digest_sees_what_equality_ignores),
	};
	return cmocka_run_group_tests_name("zset/row_hash", tests, NULL, NULL);
}
