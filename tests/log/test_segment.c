/* Names, index entries as Kafka lays them out, and lookups against a naive search. */
#include "support.h"

#include <string.h>

#include "log/segment.h"

static void names_are_twenty_digits(void **state)
{
	(void)state;
	char path[SEGMENT_PATH_MAX];
	int64_t base = -1;
	segment_path(path, "d", 42, SEGMENT_TIMEINDEX);
	assert_string_equal(path, "d/00000000000000000042.timeindex");
	assert_true(segment_name_parse("00000000000000000042.log", SEGMENT_LOG, &base));
	assert_int_equal(base, 42);
	assert_true(segment_name_parse("09223372036854775807.log", SEGMENT_LOG, &base));
	assert_int_equal(base, INT64_MAX);
	static const char *const bad[] = {"", "42.log", "00000000000000000042.index", "0000000000000000004x.log",
		"000000000000000000042.log", "00000000000000000042.logx", "00000000000000000042",
		"09223372036854775808.log"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(segment_name_parse(bad[i], SEGMENT_LOG, &base));
}

static void index_add(struct segment_index *index, int64_t base_offset, int32_t last_delta, size_t size,
	int64_t max_timestamp_ms, int64_t position)
{
	struct record_batch batch = {.base_offset = base_offset,
		.last_offset_delta = last_delta,
		.count = last_delta + 1,
		.size = size,
		.max_timestamp_ms = max_timestamp_ms};
	segment_index_add(index, &batch, position);
}

static void entries_are_laid_out_as_kafka_does(void **state)
{
	(void)state;
	struct segment_index index;
	segment_index_init(&index, 1000);
	index_add(&index, 1000, 9, 4097, 500, 0);    /* the first batch needs no entry */
	index_add(&index, 1010, 4, 3000, 700, 4097); /* more than 4096 bytes since */
	index_add(&index, 1015, 0, 1097, 600, 7097); /* 3000 since the entry */
	index_add(&index, 1016, 9, 100, 650, 8194);  /* 4097 since */
	index_add(&index, 1026, 1, 100, 900, 8294);
	segment_index_seal(&index);
	static const uint8_t offsets[] = {0, 0, 0, 14, 0, 0, 0x10, 0x01, 0, 0, 0, 25, 0, 0, 0x20, 0x02};
	assert_int_equal(index.offsets.size, sizeof offsets);
	assert_memory_equal(index.offsets.data, offsets, sizeof offsets);
	/* 650 brings nothing new over 700; the last entry is the largest of all. */
	static const uint8_t times[] = {
		0, 0, 0, 0, 0, 0, 0x02, 0xbc, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0x03, 0x84, 0, 0, 0, 27};
	assert_int_equal(index.times.size, sizeof times);
	assert_memory_equal(index.times.data, times, sizeof times);
	assert_int_equal(segment_index_position(&index, 1000), 0);
	assert_int_equal(segment_index_position(&index, 1013), 0);
	assert_int_equal(segment_index_position(&index, 1014), 4097);
	assert_int_equal(segment_index_position(&index, 1024), 4097);
	assert_int_equal(segment_index_position(&index, 1025), 8194);
	assert_int_equal(segment_index_position(&index, 5000), 8194);
	assert_int_equal(segment_index_offset_of_time(&index, 700), 1000);
	assert_int_equal(segment_index_offset_of_time(&index, 701), 1015);
	assert_int_equal(segment_index_offset_of_time(&index, 900), 1015);
	assert_int_equal(segment_index_offset_of_time(&index, 901), 1028);
	segment_index_deinit(&index);
}

static void lookups_never_overshoot(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	static int64_t bases[COUNT + 1], positions[COUNT], times[COUNT];
	struct random random = random_begin();
	struct segment_index index;
	int64_t offset = 70000, position = 0, time_ms = 0;
	segment_index_init(&index, offset);
	for (int i = 0; i < COUNT; i++) {
		int32_t last_delta = (int32_t)random_below(&random, 30);
		size_t size = random_below(&random, 2000) + 61;
		time_ms += (int64_t)random_below(&random, 100) - 40;
		bases[i] = offset;
		positions[i] = position;
		times[i] = time_ms;
		index_add(&index, offset, last_delta, size, time_ms, position);
		offset += last_delta + 1;
		position += (int64_t)size;
	}
	bases[COUNT] = offset;
	segment_index_seal(&index);
	for (int i = 0; i < COUNT; i++) {
		for (int64_t at = bases[i]; at < bases[i + 1]; at++) {
			int64_t found = segment_index_position(&index, at);
			assert_true(found <= positions[i] && positions[i] - found < 2 * SEGMENT_INDEX_INTERVAL);
		}
	}
	for (int64_t wanted = -500; wanted < time_ms + 1000; wanted += 13) {
		int64_t from = segment_index_offset_of_time(&index, wanted);
		for (int i = 0; i < COUNT && bases[i] < from; i++)
			assert_true(times[i] < wanted);
	}
	segment_index_deinit(&index);
}

static void a_search_finds_the_next_intact_batch(void **state)
{
	struct fixture *fixture = *state;
	struct file file = {-1, NULL};
	struct buffer bytes;
	char path[FIXTURE_PATH_MAX];
	int64_t found = -1;
	buffer_init(&bytes);
	for (int i = 0; i < 1000; i++)
		buffer_append_byte(&bytes, (uint8_t)(i * 7));
	size_t at = bytes.size;
	batch_build(&bytes, 0, 3, 500, NULL);
	put_be64(bytes.data + at, 77); /* its base offset */
	strcpy(path, fixture->dir);
	strcat(path, "/bytes");
	file_store(path, &bytes);
	assert_ok(file_open(&file, path, FILE_READ));
	assert_ok(segment_search(&file, 0, (int64_t)bytes.size, 70, &found));
	assert_int_equal(found, at);
	assert_ok(segment_search(&file, (int64_t)at + 1, (int64_t)bytes.size, 70, &found));
	assert_int_equal(found, -1);
	assert_ok(segment_search(&file, 0, (int64_t)bytes.size, 78, &found));
	assert_int_equal(found, -1); /* an offset that was already there is no evidence */
	assert_ok(segment_search(&file, 0, (int64_t)bytes.size - 1, 70, &found));
	assert_int_equal(found, -1);
	file_close(&file);
	buffer_deinit(&bytes);
}

static int setup(void **state)
{
	static struct fixture fixture;
	fixture_begin(&fixture, 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_twenty_digits),
		cmocka_unit_test(entries_are_laid_out_as_kafka_does),
		cmocka_unit_test(lookups_never_overshoot),
		cmocka_unit_test_setup_teardown(a_search_finds_the_next_intact_batch, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
