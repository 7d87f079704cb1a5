/* zset/key.c: bytes order as rows do, equal bytes mean equal rows, decoding gives the canonical value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"
#include "zset/decimal.h"
#include "zset/key.h"

static const enum type_id types[] = {
	TYPE_BOOL, TYPE_INT8, TYPE_FLOAT8, TYPE_NUMERIC, TYPE_TEXT, TYPE_INTERVAL};

static int sign(int order)
{
	return order < 0 ? -1 : order > 0;
}

static void test_key_order_is_row_order(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 60; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 4);
		struct batch *batch = random_batch(&random, &arena, &schema, 60);
		uint32_t columns[4] = {0, 1, 2, 3};
		struct buffer keys[60];
		for (uint32_t row = 0; row < 60; row++) {
			buffer_init(&keys[row]);
			key_encode(batch, row, columns, batch->column_count, &keys[row]);
		}
		for (uint32_t a = 0; a < 60; a++) {
			for (uint32_t b = 0; b < 60; b++) {
				int by_key = slice_compare(buffer_slice(&keys[a]), buffer_slice(&keys[b]));
				assert_int_equal(sign(by_key), sign(row_compare(batch, a, batch, b)));
				assert_int_equal(by_key == 0, row_equal(batch, a, batch, b));
			}
		}
		for (uint32_t row = 0; row < 60; row++)
			buffer_deinit(&keys[row]);
		arena_deinit(&arena);
	}
}

static void test_decoded_key_is_equal_and_encodes_alike(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	struct arena arena;
	arena_init(&arena);
	for (int round = 0; round < 30000; round++) {
		struct value value = random_value(&random, &arena, types[random_below(&random, 6)]);
		value.null = random_below(&random, 10) == 0;
		struct buffer key, again;
		buffer_init(&key);
		buffer_init(&again);
		key_encode_value(&value, &key);
		struct cursor cursor = cursor_of(buffer_slice(&key));
		struct value decoded;
		assert_int_equal(key_decode_value(&cursor, value.type, &arena, &decoded), STATUS_OK);
		assert_int_equal(cursor_left(&cursor), 0);
		assert_int_equal(decoded.null, value.null);
		if (!value.null)
			assert_int_equal(value_compare(&value, &decoded), 0);
		if (!value.null && value.type.id == TYPE_NUMERIC) {
			struct decimal canonical = decimal_canonical(&value.decimal);
			assert_true(canonical.value == decoded.decimal.value);
			assert_int_equal(canonical.scale, decoded.decimal.scale);
		}
		key_encode_value(&decoded, &again);
		assert_true(slice_equal(buffer_slice(&key), buffer_slice(&again)));
		buffer_deinit(&key);
		buffer_deinit(&again);
	}
	arena_deinit(&arena);
}

static void test_key_of_a_prefix_is_a_prefix(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	struct arena arena;
	arena_init(&arena);
	struct schema schema = random_schema(&random, &arena, 4);
	struct batch *batch = random_batch(&random, &arena, &schema, 100);
	uint32_t columns[4] = {0, 1, 2, 3};
	for (uint32_t row = 0; row < 100; row++) {
		struct buffer part, whole, next;
		buffer_init(&part);
		buffer_init(&whole);
		buffer_init(&next);
		key_encode(batch, row, columns, 1, &part);
		key_encode(batch, row, columns, batch->column_count, &whole);
		assert_true(part.size <= whole.size && memcmp(part.data, whole.data, part.size) == 0);
		assert_true(key_successor(buffer_slice(&part), &next));
		assert_true(slice_compare(buffer_slice(&whole), buffer_slice(&next)) < 0);
		assert_true(slice_compare(buffer_slice(&part), buffer_slice(&next)) < 0);
		buffer_deinit(&part);
		buffer_deinit(&whole);
		buffer_deinit(&next);
	}
	arena_deinit(&arena);
}

static void test_successor_of_all_ff_does_not_exist(void **unused)
{
	(void)unused;
	struct buffer out;
	buffer_init(&out);
	assert_false(key_successor(slice_of("\xff\xff", 2), &out));
	assert_false(key_successor(slice_of("", 0), &out));
	assert_int_equal(out.size, 0);
	assert_true(key_successor(slice_of("a\xff\xff", 3), &out));
	assert_int_equal(out.size, 1);
	assert_int_equal(out.data[0], 'b');
	buffer_deinit(&out);
}

static void test_damaged_keys_are_refused(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	struct arena arena;
	arena_init(&arena);
	size_t refused = 0;
	for (int round = 0; round < 30000; round++) {
		struct value value = random_value(&random, &arena, types[random_below(&random, 6)]), decoded;
		struct buffer key;
		buffer_init(&key);
		key_encode_value(&value, &key);
		/* Cut short, it never decodes; with a byte changed it may, but reads nothing outside. */
		uint8_t *copy = mem_alloc(key.size);
		memcpy(copy, key.data, key.size);
		uint32_t cut = random_below(&random, (uint32_t)key.size);
		struct cursor cursor = cursor_of(slice_of(copy, cut));
		assert_int_equal(key_decode_value(&cursor, value.type, &arena, &decoded), STATUS_DAMAGED);
		copy[random_below(&random, (uint32_t)key.size)] ^= (uint8_t)(1 + random_below(&random, 255));
		cursor = cursor_of(slice_of(copy, key.size));
		refused += key_decode_value(&cursor, value.type, &arena, &decoded) != STATUS_OK;
		mem_free(copy);
		buffer_deinit(&key);
	}
	assert_true(refused > 1000);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_order_is_row_order),
		cmocka_unit_test(test_decoded_key_is_equal_and_encodes_alike),
		cmocka_unit_test(test_key_of_a_prefix_is_a_prefix),
		cmocka_unit_test(test_successor_of_all_ff_does_not_exist),
		cmocka_unit_test(test_damaged_keys_are_refused),
	};
	return cmocka_run_group_tests_name("zset/key", tests, NULL, NULL);
}
