/* The hash table against a plain array, at sizes where it prefetches, grows by huge pages and closes gaps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/table.h"
#include "support_plan.h"
#include "zset/key.h"

enum { KEYS = 60000, CHUNK = 3000 };

struct model {
	uint32_t ids[KEYS]; /* 0 = not in the table */
	int64_t payloads[KEYS];
};

static struct batch *keys_batch(
	struct arena *arena, struct random *random, enum table_key kind, uint32_t count, uint32_t *numbers)
{
	struct field fields[2] = {{"a", {TYPE_INT8, -1}, false}, {"b", {TYPE_INT8, -1}, false}};
	if (kind == TABLE_KEY_BYTES)
		fields[1].type.id = TYPE_TEXT;
	struct schema schema = {fields, kind == TABLE_KEY_ONE ? 1 : 2};
	struct batch *batch = batch_make(arena, &schema, count, true, false);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = numbers[i] = random_below(random, KEYS);
		batch->columns[0].i64[i] = (int64_t)number * 1000;
		if (kind == TABLE_KEY_ONE) {
			batch->columns[0].nulls[i] = number == 7;
			continue;
		}
		/* Key n and key n + 1 share the first column. */
		batch->columns[0].i64[i] = number / 2;
		batch->columns[1].nulls[i] = number % 100 == 1;
		if (kind == TABLE_KEY_TWO) {
			batch->columns[1].i64[i] = number % 2;
		} else {
			const char *text = arena_printf(arena, "%u%s", number % 2, number % 3 == 0 ? "-and-more" : "");
			batch->columns[1].texts[i] = (struct text){.data = text, .size = (uint32_t)strlen(text)};
		}
	}
	return batch;
}

static void table_agrees(enum table_key kind)
{
	static const uint32_t columns[2] = {0, 1};
	struct random random = {kind + 1u};
	struct model *model = mem_alloc_zeroed(1, sizeof *model);
	struct pool pool;
	struct table table;
	struct arena arena = {0};
	pool_init(&pool);
	table_init(&table, kind, sizeof(int64_t), &pool);
	for (int round = 0; round < 120; round++) {
		uint32_t numbers[CHUNK], ids[CHUNK], fresh[CHUNK], fresh_count = 0;
		struct batch *batch = keys_batch(&arena, &random, kind, CHUNK, numbers);
		struct table_keys keys;
		assert_int_equal(
			table_keys_make(kind, batch, columns, batch->column_count, &arena, &keys), STATUS_OK);
		table_find(&table, &keys, ids);
		for (uint32_t i = 0; i < CHUNK; i++)
			assert_int_equal(ids[i], model->ids[numbers[i]]);
		/* Growing, then shrinking. */
		if (round % 60 < 40) {
			table_upsert(&table, &keys, ids, fresh, &fresh_count);
			for (uint32_t i = 0; i < fresh_count; i++)
				assert_int_equal(model->ids[numbers[fresh[i]]], 0);
			for (uint32_t i = 0; i < CHUNK; i++) {
				int64_t *payload = table_payload(&table, table_slot_at(&table, ids[i]));
				model->ids[numbers[i]] = ids[i];
				assert_int_equal(*payload, model->payloads[numbers[i]]);
				*payload += numbers[i];
				model->payloads[numbers[i]] += numbers[i];
			}
		} else {
			for (uint32_t i = 0; i < CHUNK; i++) {
				if (model->ids[numbers[i]] == 0)
					continue;
				table_remove(&table, model->ids[numbers[i]]);
				model->ids[numbers[i]] = 0;
				model->payloads[numbers[i]] = 0;
			}
		}
		arena_reset(&arena);
	}
	uint32_t count = 0;
	for (uint32_t number = 0; number < KEYS; number++)
		count += model->ids[number] != 0;
	assert_int_equal(table.count, count);
	arena_deinit(&arena);
	table_deinit(&table);
	pool_deinit(&pool);
	mem_free(model);
}

static void packed_and_byte_keys_are_found_inserted_and_removed(void **state)
{
	(void)state;
	table_agrees(TABLE_KEY_ONE);
	table_agrees(TABLE_KEY_TWO);
	table_agrees(TABLE_KEY_BYTES);
}

static void slots_name_their_keys_as_the_key_codec_does(void **state)
{
	(void)state;
	struct random random = {5};
	struct arena arena = {0};
	for (unsigned round = 0; round < 200; round++) {
		uint32_t columns[3], count = 1 + random_below(&random, 3);
		struct type types[3];
		struct naive_rows rows = {.width = COLUMN_COUNT};
		for (uint32_t c = 0; c < count; c++) {
			columns[c] = random_below(&random, COLUMN_COUNT);
			types[c] = test_schema()->fields[columns[c]].type;
		}
		for (uint32_t i = 0; i < 50; i++) {
			struct value values[COLUMN_COUNT];
			for (unsigned c = 0; c < COLUMN_COUNT; c++)
				values[c] = value_random(&random, &arena, (enum test_column)c);
			naive_add(&arena, &rows, values, 1);
		}
		struct batch *batch = naive_batch(&arena, test_schema(), &rows, 0, 50);
		struct pool pool;
		struct table table;
		struct table_keys keys;
		uint32_t ids[50], fresh[50], fresh_count;
		pool_init(&pool);
		table_init(&table, table_key_kind(types, count), 8, &pool);
		assert_int_equal(table_keys_make(table.kind, batch, columns, count, &arena, &keys), STATUS_OK);
		table_upsert(&table, &keys, ids, fresh, &fresh_count);
		for (uint32_t i = 0; i < 50; i++) {
			struct buffer got, expected;
			buffer_init(&got);
			buffer_init(&expected);
			table_key_encode(&table, table_slot_at(&table, ids[i]), types, count, &got);
			key_encode(batch, i, columns, count, &expected);
			assert_true(slice_equal(buffer_slice(&got), buffer_slice(&expected)));
			buffer_deinit(&got);
			buffer_deinit(&expected);
			/* And read back as equal values. */
			struct column values[3];
			for (uint32_t c = 0; c < count; c++)
				values[c] = column_make(&arena, types[c], 1, true);
			assert_int_equal(
				table_key_columns(&table, table_slot_at(&table, ids[i]), values, count, 0, &arena),
				STATUS_OK);
			for (uint32_t c = 0; c < count; c++) {
				struct value a = column_value(&values[c], 0),
							 b = column_value(&batch->columns[columns[c]], i);
				assert_int_equal(a.null, b.null);
				if (!a.null)
					assert_int_equal(value_compare(&a, &b), 0);
			}
		}
		table_deinit(&table);
		pool_deinit(&pool);
		arena_reset(&arena);
	}
	arena_deinit(&arena);
}

static void pieces_of_a_pool_do_not_overlap_and_are_used_again(void **state)
{
	(void)state;
	struct random random = {6};
	struct pool pool;
	struct {
		uint8_t *data;
		size_t size;
		uint8_t mark;
	} pieces[500] = {{0}};
	pool_init(&pool);
	size_t high = 0;
	for (unsigned round = 0; round < 100000; round++) {
		uint32_t i = random_below(&random, 500);
		for (size_t b = 0; b < pieces[i].size; b++)
			assert_int_equal(pieces[i].data[b], pieces[i].mark);
		pool_free(&pool, pieces[i].data, pieces[i].size);
		pieces[i].size = random_chance(&random, 2) ? random_below(&random, 5000) : random_below(&random, 100);
		pieces[i].data = pool_alloc(&pool, pieces[i].size);
		pieces[i].mark = (uint8_t)round;
		memset(pieces[i].data, pieces[i].mark, pieces[i].size);
		if (round == 50000)
			high = pool.memory_bytes;
	}
	assert_true(pool.memory_bytes < 2 * high);
	pool_deinit(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_and_byte_keys_are_found_inserted_and_removed),
		cmocka_unit_test(slots_name_their_keys_as_the_key_codec_does),
		cmocka_unit_test(pieces_of_a_pool_do_not_overlap_and_are_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
