/* zset/row.c: what was encoded comes back exactly; damage is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"
#include "zset/key.h"

static bool cell_identical(const struct value *left, const struct value *right)
{
	if (left->null || right->null)
		return left->null == right->null;
	switch (type_physical(left->type.id)) {
	case PHYS_BOOL:
		return left->boolean == right->boolean;
	case PHYS_I64:
		return left->i64 == right->i64;
	case PHYS_F64:
		return memcmp(&left->f64, &right->f64, sizeof left->f64) == 0;
	case PHYS_DECIMAL:
		return left->decimal.value == right->decimal.value && left->decimal.scale == right->decimal.scale;
	case PHYS_TEXT:
		return left->text.size == right->text.size &&
			   memcmp(left->text.data, right->text.data, left->text.size) == 0;
	case PHYS_INTERVAL:
		return left->interval.months == right->interval.months &&
			   left->interval.days == right->interval.days &&
			   left->interval.microseconds == right->interval.microseconds;
	}
	return false;
}

static void test_rows_come_back_exactly(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 100; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 20);
		struct batch *batch = random_batch(&random, &arena, &schema, 50);
		struct batch *copy = batch_make(&arena, &schema, 50, true, false);
		for (uint32_t row = 0; row < 50; row++) {
			struct buffer bytes;
			buffer_init(&bytes);
			row_encode(batch, row, &bytes);
			assert_int_equal(row_decode(buffer_slice(&bytes), &arena, false, copy, row), STATUS_OK);
			buffer_deinit(&bytes);
			for (uint32_t c = 0; c < batch->column_count; c++) {
				struct value before = column_value(&batch->columns[c], row);
				struct value after = column_value(&copy->columns[c], row);
				assert_true(cell_identical(&before, &after));
			}
		}
		arena_deinit(&arena);
	}
}

static void test_borrowed_text_points_into_the_bytes(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct field field = {.name = "t", .type = type_of(TYPE_TEXT)};
	struct schema schema = {&field, 1};
	struct batch *batch = batch_make(&arena, &schema, 1, true, false);
	batch->columns[0].texts[0] = (struct text){.data = "hello", .size = 5};
	struct buffer bytes;
	buffer_init(&bytes);
	row_encode(batch, 0, &bytes);
	struct batch *copy = batch_make(&arena, &schema, 1, true, false);
	assert_int_equal(row_decode(buffer_slice(&bytes), NULL, true, copy, 0), STATUS_OK);
	assert_ptr_equal(copy->columns[0].texts[0].data, bytes.data + 2);
	buffer_deinit(&bytes);
	arena_deinit(&arena);
}

static void test_damaged_rows_are_refused(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 500; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 12);
		struct batch *batch = random_batch(&random, &arena, &schema, 4);
		struct batch *copy = batch_make(&arena, &schema, 1, true, false);
		struct buffer bytes;
		buffer_init(&bytes);
		row_encode(batch, random_below(&random, 4), &bytes);
		/* An allocation of its own size, so that a read outside is seen. */
		for (size_t cut = 0; cut < bytes.size; cut++) {
			uint8_t *part = mem_alloc(cut);
			memcpy(part, bytes.data, cut);
			assert_int_equal(row_decode(slice_of(part, cut), &arena, false, copy, 0), STATUS_DAMAGED);
			mem_free(part);
		}
		bytes.data[random_below(&random, (uint32_t)bytes.size)] ^= (uint8_t)(1 + random_below(&random, 255));
		(void)!row_decode(buffer_slice(&bytes), &arena, false, copy, 0);
		buffer_append_byte(&bytes, 0);
		(void)!row_decode(buffer_slice(&bytes), &arena, false, copy, 0);
		buffer_deinit(&bytes);
		arena_deinit(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_come_back_exactly),
		cmocka_unit_test(test_borrowed_text_points_into_the_bytes),
		cmocka_unit_test(test_damaged_rows_are_refused),
	};
	return cmocka_run_group_tests_name("zset/row", tests, NULL, NULL);
}
