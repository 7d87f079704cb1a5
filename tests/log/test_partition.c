/* Appending, rolling and reading one partition, by offset and by time. */
#include "support.h"

#include <string.h>

static int setup(void **state)
{
	static struct fixture fixture;
	fixture_begin(&fixture, 4000);
	*state = &fixture;
	topic_make(&fixture, "t", 1);
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	return 0;
}

static void appended_records_are_read_back_and_survive_reopen(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	assert_int_equal(partition_high_watermark(partition), 0);
	for (int64_t first = 0; first < 1000; first += 10)
		assert_int_equal(append_values(fixture->log, partition, first, 10, 40), first);
	assert_int_equal(partition_high_watermark(partition), 1000);
	assert_int_equal(partition_log_start(partition), 0);
	assert_int_equal(check_values(partition, 0, NULL), 1000);
	uint64_t bytes = partition_bytes(partition);
	assert_true(bytes > 40000);
	fixture_reopen(fixture);
	partition = partition_of(fixture, "t", 0);
	assert_int_equal(partition_high_watermark(partition), 1000);
	assert_int_equal(partition_bytes(partition), bytes);
	assert_int_equal(check_values(partition, 0, NULL), 1000);
	assert_int_equal(append_values(fixture->log, partition, 1000, 5, 0), 1000);
	assert_int_equal(check_values(partition, 0, NULL), 1005);
}

static void segments_roll_at_their_size(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	char path[FIXTURE_PATH_MAX];
	/* About 500 bytes a batch: seven fit 4000. */
	for (int64_t first = 0; first < 200; first += 10)
		append_values(fixture->log, partition, first, 10, 40);
	segment_file(fixture, "t", 70, "log", path);
	assert_true(file_exists(path));
	segment_file(fixture, "t", 70, "snapshot", path);
	assert_true(file_exists(path));
	segment_file(fixture, "t", 0, "index", path);
	assert_true(file_exists(path));
	segment_file(fixture, "t", 0, "timeindex", path);
	assert_true(file_exists(path));
	/* A batch larger than a segment has one of its own. */
	append_values(fixture->log, partition, 200, 10, 1000);
	append_values(fixture->log, partition, 210, 10, 1000);
	segment_file(fixture, "t", 210, "log", path);
	assert_true(file_exists(path));
	assert_int_equal(check_values(partition, 0, NULL), 220);
	fixture_reopen(fixture);
	assert_int_equal(check_values(partition_of(fixture, "t", 0), 0, NULL), 220);
}

static void a_read_begins_with_the_batch_that_contains_the_offset(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct random random = random_begin();
	struct buffer bytes;
	struct record_batch batch;
	int64_t end = 0;
	buffer_init(&bytes);
	for (int i = 0; i < 400; i++) {
		int32_t count = (int32_t)random_below(&random, 20) + 1;
		append_values(fixture->log, partition, end, count, random_below(&random, 300));
		end += count;
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			int64_t offset = (int64_t)random_below(&random, (uint64_t)end);
			size_t bytes_max = random_below(&random, 8000);
			bytes.size = 0;
			buffer_append_string(&bytes, "before");
			assert_ok(partition_read(partition, offset, bytes_max, &bytes));
			assert_memory_equal(bytes.data, "before", 6);
			struct slice left = slice_of(bytes.data + 6, bytes.size - 6);
			assert_ok(record_batch_verify(left, &batch));
			assert_true(batch.base_offset <= offset && offset <= batch.base_offset + batch.last_offset_delta);
			assert_true(left.size <= bytes_max || left.size == batch.size);
			while (left.size != 0) { /* whole batches only */
				assert_ok(record_batch_verify(left, &batch));
				left = slice_of(left.data + batch.size, left.size - batch.size);
			}
		}
		/* The second round finds indexes on disk instead of in memory. */
		fixture_reopen(fixture);
		partition = partition_of(fixture, "t", 0);
	}
	buffer_deinit(&bytes);
}

static void reads_outside_of_the_log_say_so(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct buffer bytes;
	buffer_init(&bytes);
	assert_int_equal(partition_read(partition, 0, 100, &bytes), STATUS_END);
	append_values(fixture->log, partition, 0, 10, 40);
	assert_int_equal(partition_read(partition, 10, 100, &bytes), STATUS_END);
	assert_int_equal(partition_read(partition, 11, 100, &bytes), STATUS_OUT_OF_RANGE);
	assert_int_equal(partition_read(partition, -1, 100, &bytes), STATUS_OUT_OF_RANGE);
	assert_int_equal(bytes.size, 0);
	buffer_deinit(&bytes);
}

/* Record i of the log has this timestamp: not monotone, with ties. */
static int64_t jumpy_time(int64_t number)
{
	return 5000 + number * 10 + (number % 7 == 0 ? 500 : 0) - number % 3;
}

static void jumpy_append(struct fixture *fixture, int64_t first, int32_t count)
{
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t base = 0;
	buffer_init(&batch);
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < count; i++)
		record_batch_builder_add(&builder, jumpy_time(first + i), (struct slice){0},
			slice_of_string("some value of some length"), NULL, 0);
	assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch));
	assert_ok(log_append_wait(fixture->log, partition_of(fixture, "t", 0), batch.data, batch.size, &base));
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

static void time_finds_the_first_record_at_or_after(void **state)
{
	struct fixture *fixture = *state;
	int64_t offset, timestamp;
	enum { COUNT = 2000 };
	assert_int_equal(
		partition_find_time(partition_of(fixture, "t", 0), 0, &offset, &timestamp), STATUS_NOT_FOUND);
	assert_int_equal(
		partition_find_max_time(partition_of(fixture, "t", 0), &offset, &timestamp), STATUS_NOT_FOUND);
	for (int64_t first = 0; first < COUNT; first += 4)
		jumpy_append(fixture, first, 4);
	for (int round = 0; round < 2; round++) {
		struct partition *partition = partition_of(fixture, "t", 0);
		for (int64_t wanted = 4000; wanted < 5000 + COUNT * 10 + 600; wanted += 37) {
			int64_t expected = 0;
			while (expected < COUNT && jumpy_time(expected) < wanted)
				expected++;
			status result = partition_find_time(partition, wanted, &offset, &timestamp);
			if (expected == COUNT) {
				assert_int_equal(result, STATUS_NOT_FOUND);
			} else {
				assert_ok(result);
				assert_int_equal(offset, expected);
				assert_int_equal(timestamp, jumpy_time(expected));
			}
		}
		int64_t latest = 0;
		for (int64_t i = 0; i < COUNT; i++)
			if (jumpy_time(i) > jumpy_time(latest))
				latest = i;
		assert_ok(partition_find_max_time(partition, &offset, &timestamp));
		assert_int_equal(offset, latest);
		assert_int_equal(timestamp, jumpy_time(latest));
		fixture_reopen(fixture);
	}
}

static void batches_that_break_the_rules_are_refused_at_the_door(void **state)
{
	struct fixture *fixture = *state;
	struct topic_config config = topic_config_default();
	struct buffer batch;
	int64_t base;
	buffer_init(&batch);
	config.message_bytes_max = 500;
	assert_ok(topic_create(fixture->log, "small", &config));
	struct partition *small = partition_of(fixture, "small", 0);
	assert_int_equal(append_try(fixture->log, small, 0, 10, 100, NULL, &base), STATUS_TOO_LARGE);
	assert_ok(append_try(fixture->log, small, 0, 10, 0, NULL, &base));
	batch_build(&batch, 0, 1, 0, NULL);
	batch_build(&batch, 1, 1, 0, NULL);
	assert_int_equal(log_append_wait(fixture->log, small, batch.data, batch.size, &base), STATUS_BAD_BATCH);
	assert_int_equal(
		log_append_wait(fixture->log, small, batch.data, batch.size / 2 - 1, &base), STATUS_INCOMPLETE);
	batch.data[16] = 1; /* magic */
	assert_int_equal(
		log_append_wait(fixture->log, small, batch.data, batch.size / 2, &base), STATUS_BAD_BATCH);
	assert_int_equal(partition_high_watermark(small), 10);
	buffer_deinit(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(appended_records_are_read_back_and_survive_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(segments_roll_at_their_size, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_read_begins_with_the_batch_that_contains_the_offset, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_outside_of_the_log_say_so, setup, teardown),
		cmocka_unit_test_setup_teardown(time_finds_the_first_record_at_or_after, setup, teardown),
		cmocka_unit_test_setup_teardown(
			batches_that_break_the_rules_are_refused_at_the_door, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
