/* zset/batch.c: gathering, joining, copying keep every value, null and weight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"

static void test_gathered_rows_are_the_rows_asked_for(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 50; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 6);
		struct batch *batch = random_batch(&random, &arena, &schema, 40);
		uint32_t rows[70];
		for (int i = 0; i < 70; i++)
			rows[i] = random_below(&random, 40);
		struct batch *out = batch_gather(&arena, batch, rows, 70);
		assert_int_equal(out->row_count, 70);
		for (uint32_t i = 0; i < 70; i++) {
			assert_int_equal(row_compare(out, i, batch, rows[i]), 0);
			assert_int_equal(batch_weight(out, i), batch_weight(batch, rows[i]));
		}
		arena_deinit(&arena);
	}
}

static void test_concatenation_holds_all_rows_in_order(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 50; round++) {
		struct arena arena;
		arena_init(&arena);
		struct schema schema = random_schema(&random, &arena, 6);
		const struct batch *batches[3];
		for (int b = 0; b < 3; b++) {
			struct batch *batch = random_batch(&random, &arena, &schema, random_below(&random, 30));
			if (random_below(&random, 2) == 0)
				batch->weights = NULL;
			batches[b] = batch;
		}
		struct batch *out = batch_concatenate(&arena, batches, 3);
		uint32_t at = 0;
		for (int b = 0; b < 3; b++) {
			for (uint32_t row = 0; row < batches[b]->row_count; row++, at++) {
				assert_int_equal(row_compare(out, at, batches[b], row), 0);
				assert_int_equal(batch_weight(out, at), batch_weight(batches[b], row));
			}
		}
		assert_int_equal(out->row_count, at);
		arena_deinit(&arena);
	}
}

static void test_copy_survives_its_source(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	struct arena source, kept;
	arena_init(&kept);
	for (int round = 0; round < 20; round++) {
		arena_init(&source);
		struct schema schema = random_schema(&random, &source, 6);
		struct batch *batch = random_batch(&random, &source, &schema, 30);
		struct digest before = {0, 0}, after = {0, 0};
		digest_add(&before, batch);
		struct batch *copy = batch_copy(&kept, batch);
		arena_deinit(&source); /* the sanitizer sees any byte that was not copied */
		digest_add(&after, copy);
		assert_true(digest_equal(before, after));
	}
	arena_deinit(&kept);
}

static void test_constant_column_repeats_value_and_null(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	struct arena arena;
	arena_init(&arena);
	for (uint32_t rows = 0; rows < 40; rows++) {
		struct value value = random_value(&random, &arena, TYPE_NUMERIC);
		struct column column = column_constant(&arena, &value, rows);
		value.null = true;
		struct column nulls = column_constant(&arena, &value, rows);
		value.null = false;
		for (uint32_t row = 0; row < rows; row++) {
			struct value got = column_value(&column, row);
			assert_false(got.null);
			assert_int_equal(value_compare(&got, &value), 0);
			assert_true(column_value(&nulls, row).null);
		}
	}
	arena_deinit(&arena);
}

static void test_schema_finds_fields_by_exact_name(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	struct field fields[] = {
		{.name = "a", .type = type_of(TYPE_INT4)}, {.name = "b", .type = type_of(TYPE_TEXT)}};
	struct schema schema = {fields, 2}, copy = schema_copy(&schema, &arena);
	assert_int_equal(schema_find(&copy, "b"), 1);
	assert_int_equal(schema_find(&copy, "B"), -1);
	assert_true(schema_equal_types(&schema, &copy));
	copy.fields[1].type.modifier = 3;
	assert_false(schema_equal_types(&schema, &copy));
	assert_ptr_not_equal(copy.fields[0].name, fields[0].name);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gathered_rows_are_the_rows_asked_for),
		cmocka_unit_test(test_concatenation_holds_all_rows_in_order),
		cmocka_unit_test(test_copy_survives_its_source),
		cmocka_unit_test(test_constant_column_repeats_value_and_null),
		cmocka_unit_test(test_schema_finds_fields_by_exact_name),
	};
	return cmocka_run_group_tests_name("zset/batch", tests, NULL, NULL);
}
