/* Where batches lie, found without reading them: the same bytes as a read returns, and few of them touched.
 */
#include "support.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file_range.h"
#include "log/partition.h"

enum { SEGMENT_BYTES = 100000 };

static int setup(void **state)
{
	static struct fixture fixture;
	fixture_begin(&fixture, SEGMENT_BYTES);
	*state = &fixture;
	topic_make(&fixture, "t", 1);
	return 0;
}

static int teardown(void **state)
{
	file_inject(NULL, NULL);
	fixture_end(*state);
	return 0;
}

static void range_load(const struct file_range *range, struct buffer *out)
{
	out->size = 0;
	uint8_t *at = buffer_reserve(out, range->size + 1);
	assert_int_equal(pread(range->fd, at, range->size, range->position), (ssize_t)range->size);
	out->size = range->size;
}

/* The range and the read agree on `offset`; returns where reading goes on. */
static int64_t check_range(
	struct partition *partition, int64_t offset, int64_t end_offset, size_t bytes_max, struct file_range *out)
{
	struct buffer expected, found;
	int64_t next = -1;
	buffer_init(&expected);
	buffer_init(&found);
	assert_ok(partition_range(partition, offset, end_offset, bytes_max, out, &next));
	assert_ok(partition_read_until(partition, offset, end_offset, bytes_max, &expected));
	assert_true(out->fd >= 0);
	range_load(out, &found);
	assert_int_equal(found.size, expected.size);
	assert_memory_equal(found.data, expected.data, expected.size);
	assert_int_equal(next, record_batches_end(buffer_slice(&expected), -1));
	buffer_deinit(&expected);
	buffer_deinit(&found);
	return next;
}

static void append_marker(struct fixture *fixture, int64_t producer_id)
{
	struct buffer batch;
	int64_t base;
	buffer_init(&batch);
	transaction_marker_build(producer_id, 0, MARKER_COMMIT, 0, 1000, &batch);
	assert_ok(log_append_wait(fixture->log, partition_of(fixture, "t", 0), batch.data, batch.size, &base));
	buffer_deinit(&batch);
}

/* Runs of small batches, some of them markers, and some that are larger than a segment. */
static int64_t append_mixture(struct fixture *fixture, struct random *random, int batches)
{
	struct partition *partition = partition_of(fixture, "t", 0);
	for (int i = 0; i < batches; i++) {
		int64_t end = partition_high_watermark(partition);
		uint64_t kind = random_below(random, 100);
		if (kind < 4)
			append_values(fixture->log, partition, end, 1 + (int32_t)kind, 20000 + 40000 * kind);
		else if (kind < 20)
			append_values(fixture->log, partition, end, 10, random_below(random, 1000));
		else if (kind < 25)
			append_marker(fixture, 7);
		else
			append_values(
				fixture->log, partition, end, 1 + (int32_t)random_below(random, 3), random_below(random, 50));
	}
	return partition_high_watermark(partition);
}

static void a_range_holds_what_a_read_returns(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	struct file_range range;
	int64_t end = append_mixture(fixture, &random, 3000);
	/* The second round finds indexes on disk instead of in memory. */
	for (int round = 0; round < 2; round++) {
		struct partition *partition = partition_of(fixture, "t", 0);
		for (int i = 0; i < 3000; i++) {
			int64_t offset = (int64_t)random_below(&random, (uint64_t)end);
			int64_t end_offset = INT64_MAX;
			if (random_below(&random, 2) == 0)
				end_offset = offset + 1 + (int64_t)random_below(&random, 1000);
			size_t bytes_max = random_below(&random, 1u << random_below(&random, 19));
			/* Some readers go on where they ended. */
			for (int reads = 0; reads < 3 && offset < end && offset < end_offset; reads++) {
				offset = check_range(partition, offset, end_offset, bytes_max, &range);
				file_range_close(&range);
			}
		}
		fixture_reopen(fixture);
	}
}

static void limits_at_the_edges_of_batches_are_exact(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct file_range range;
	struct buffer one;
	for (int64_t i = 0; i < 300; i++)
		append_values(fixture->log, partition, 100 + 2 * i, 2, 20);
	buffer_init(&one);
	assert_ok(partition_read(partition, 0, 1, &one));
	for (size_t batches = 1; batches <= 300; batches++)
		for (int more = -1; more <= 1; more++) {
			size_t bytes_max = batches * one.size + (size_t)(more + 1) - 1;
			int64_t next = check_range(partition, 0, INT64_MAX, bytes_max, &range);
			file_range_close(&range);
			assert_int_equal(next, 2 * (more < 0 && batches > 1 ? batches - 1 : batches));
			/* An end inside of a batch does not cut it. */
			next = check_range(partition, 0, (int64_t)batches * 2 + more, SIZE_MAX, &range);
			file_range_close(&range);
			assert_int_equal(next, 2 * (more > 0 && batches < 300 ? batches + 1 : batches));
		}
	buffer_deinit(&one);
}

/* ---- what is touched ---- */

static _Atomic uint64_t reads, bytes_read;

static int count_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context, (void)written;
	size_t length = strlen(event->path);
	if (event->operation == FILE_OP_READ && strcmp(event->path + length - 4, ".log") == 0) {
		atomic_fetch_add(&reads, 1);
		atomic_fetch_add(&bytes_read, event->size);
	}
	return 0;
}

static void a_range_reads_few_headers_and_goes_on_without_a_search(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct file_range range;
	int64_t next = -1, again = -1;
	for (int64_t i = 0; i < 1100; i++)
		append_values(fixture->log, partition, i, 1, 20);
	assert_true(partition_bytes(partition) > 95000 && partition_bytes(partition) < SEGMENT_BYTES);
	file_inject(count_hook, NULL);
	atomic_store(&reads, 0);
	atomic_store(&bytes_read, 0);
	assert_ok(partition_range(partition, 100, INT64_MAX, 50000, &range, &next));
	assert_true(range.size > 49900 && range.size <= 50000);
	file_range_close(&range);
	assert_true(atomic_load(&bytes_read) < 20000);
	/* Two reads: the first header, and those at the end. */
	atomic_store(&reads, 0);
	assert_ok(partition_range(partition, next, INT64_MAX, 30000, &range, &again));
	file_range_close(&range);
	assert_int_equal(atomic_load(&reads), 2);
	assert_true(again > next);
}

/* ---- what a range outlives ---- */

static void a_range_stays_readable_when_its_records_are_trimmed_and_its_topic_deleted(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	struct partition *partition = partition_of(fixture, "t", 0);
	struct file_range old, active;
	struct buffer before, after;
	int64_t next;
	buffer_init(&before);
	buffer_init(&after);
	int64_t end = append_mixture(fixture, &random, 1000);
	check_range(partition, 0, INT64_MAX, 50000, &old);
	range_load(&old, &before);
	assert_ok(partition_trim(fixture->log, partition, end - 1, true));
	log_clean(fixture->log);
	char path[FIXTURE_PATH_MAX];
	segment_file(fixture, "t", 0, "log", path);
	assert_false(file_exists(path));
	range_load(&old, &after);
	assert_true(after.size == before.size && memcmp(after.data, before.data, after.size) == 0);
	file_range_close(&old);
	check_range(partition, end - 1, INT64_MAX, 50000, &active);
	range_load(&active, &before);
	/* Nobody waits for it. */
	assert_ok(topic_delete(fixture->log, "t"));
	assert_int_equal(partition_range(partition, end - 1, INT64_MAX, 50000, &old, &next), STATUS_NOT_FOUND);
	assert_int_equal(old.fd, -1);
	range_load(&active, &after);
	assert_true(after.size == before.size && memcmp(after.data, before.data, after.size) == 0);
	file_range_close(&active);
	buffer_deinit(&before);
	buffer_deinit(&after);
}

static void append_keyed(struct fixture *fixture, const char *key, int32_t count)
{
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t base;
	buffer_init(&batch);
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < count; i++)
		record_batch_builder_add(&builder, 1000 + i, slice_of_string(key),
			slice_of_string("some value of about fifty bytes, to fill segments"), NULL, 0);
	assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch));
	assert_ok(log_append_wait(fixture->log, partition_of(fixture, "c", 0), batch.data, batch.size, &base));
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

static void compaction_leaves_open_ranges_and_batches_without_records_to_the_copying_read(void **state)
{
	struct fixture *fixture = *state;
	struct topic_config config = topic_config_default();
	struct file_range old, range;
	struct buffer before, after;
	int64_t next = -1;
	buffer_init(&before);
	buffer_init(&after);
	config.partitions = 1;
	config.cleanup_policy = CLEANUP_COMPACT;
	config.dirty_ratio_min = 0;
	assert_ok(topic_create(fixture->log, "c", &config));
	struct partition *partition = partition_of(fixture, "c", 0);
	append_keyed(fixture, "first", 10);
	for (int i = 0; i < 300; i++)
		append_keyed(fixture, "a", 10);
	append_keyed(fixture, "b", 10);
	for (int i = 0; i < 300; i++)
		append_keyed(fixture, "c", 10);
	check_range(partition, 0, INT64_MAX, 50000, &old);
	range_load(&old, &before);
	log_clean(fixture->log);
	range_load(&old, &after);
	assert_true(after.size == before.size && memcmp(after.data, before.data, after.size) == 0);
	file_range_close(&old);
	/* The batch of "first" has its last record; what follows is empty up to the last "a". */
	check_range(partition, 0, INT64_MAX, 50000, &range);
	assert_true(range.size < before.size);
	file_range_close(&range);
	assert_ok(partition_range(partition, 500, INT64_MAX, 50000, &range, &next));
	assert_int_equal(range.fd, -1);
	after.size = 0;
	assert_ok(partition_read(partition, 500, 50000, &after));
	struct record_batch batch;
	assert_ok(record_batch_header(buffer_slice(&after), &batch));
	assert_int_equal(batch.base_offset, 3000);
	check_range(partition, 3009, INT64_MAX, 50000, &range);
	file_range_close(&range);
	buffer_deinit(&before);
	buffer_deinit(&after);
}

/* ---- what goes wrong ---- */

static void ranges_outside_of_the_log_say_so(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct file_range range;
	int64_t next = 42;
	append_values(fixture->log, partition, 0, 10, 40);
	assert_int_equal(partition_range(partition, 10, INT64_MAX, 100, &range, &next), STATUS_END);
	assert_int_equal(partition_range(partition, 5, 5, 100, &range, &next), STATUS_END);
	assert_int_equal(partition_range(partition, 11, INT64_MAX, 100, &range, &next), STATUS_OUT_OF_RANGE);
	assert_int_equal(partition_range(partition, -1, INT64_MAX, 100, &range, &next), STATUS_OUT_OF_RANGE);
	assert_int_equal(range.fd, -1);
	assert_int_equal(next, 42);
}

static void a_process_without_descriptors_is_told_and_holds_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct file_range range;
	struct rlimit limit, none;
	int64_t next;
	append_values(fixture->log, partition, 0, 10, 40);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	status result = partition_range(partition, 0, INT64_MAX, 100, &range, &next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(result, STATUS_IO);
	assert_int_equal(range.fd, -1);
	assert_ok(topic_delete(fixture->log, "t")); /* waits for those who hold something */
}

static void spoil(const char *path, int64_t position, uint8_t mask)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, position), 1);
	byte ^= mask;
	assert_int_equal(pwrite(fd, &byte, 1, position), 1);
	assert_int_equal(close(fd), 0);
}

static void expect_damage(struct partition *partition, const char *path, int64_t position)
{
	struct file_range range;
	int64_t next;
	char expected[FIXTURE_PATH_MAX + 64];
	assert_int_equal(partition_range(partition, 0, INT64_MAX, 50000, &range, &next), STATUS_DAMAGED);
	assert_int_equal(range.fd, -1);
	(void)snprintf(expected, sizeof expected, "%s is damaged at byte %lld:", path, (long long)position);
	assert_non_null(strstr(error_current()->text, expected));
	assert_true(error_current()->hint[0] != '\0');
}

static void damage_is_raised_with_file_and_byte(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct file_range range;
	struct buffer one;
	char path[FIXTURE_PATH_MAX];
	enum { AT_MAGIC = 16, AT_LENGTH_HIGH = 8, AT_BASE_LOW = 7, AT_LAST_DELTA_LOW = 26 };
	for (int64_t i = 0; i < 600; i++)
		append_values(fixture->log, partition, 1000 + i, 1, 20);
	buffer_init(&one);
	assert_ok(partition_read(partition, 0, 1, &one));
	int64_t size = (int64_t)one.size, last = 50000 / size - 1; /* the last batch that fits */
	segment_file(fixture, "t", 0, "log", path);
	const struct {
		int64_t batch, byte;
		uint8_t mask;
	} cases[] = {
		{0, AT_MAGIC, 1},
		{0, AT_LENGTH_HIGH, 0x10},
		{0, AT_BASE_LOW, 1},
		{last, AT_MAGIC, 1},
		{last, AT_LENGTH_HIGH, 0x10},
		{last, AT_BASE_LOW, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t position = cases[i].batch * size;
		spoil(path, position + cases[i].byte, cases[i].mask);
		expect_damage(partition, path, position);
		spoil(path, position + cases[i].byte, cases[i].mask);
	}
	/* A batch that is not the one the index tells of: the entry is the one before the last of 50 000 bytes.
	 */
	int64_t marked = last;
	do {
		spoil(path, marked * size + AT_LAST_DELTA_LOW, 2);
		int64_t next;
		status result = partition_range(partition, 0, INT64_MAX, 50000, &range, &next);
		file_range_close(&range);
		if (result == STATUS_DAMAGED && strstr(error_current()->text, "batches before") != NULL) {
			char expected[64];
			(void)snprintf(expected, sizeof expected, "at byte %lld:", (long long)(marked * size));
			if (strstr(error_current()->text, expected) != NULL)
				break;
		}
		spoil(path, marked * size + AT_LAST_DELTA_LOW, 2);
	} while (--marked > last - 3 * 4096 / size);
	assert_true(marked > last - 3 * 4096 / size);
	spoil(path, marked * size + AT_LAST_DELTA_LOW, 2);
	check_range(partition, 0, INT64_MAX, 50000, &range);
	file_range_close(&range);
	assert_int_equal(truncate(path, last * size + 20), 0);
	expect_damage(partition, path, last * size + 20);
	buffer_deinit(&one);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Exact where a reader left word, a few KiB too many elsewhere, and not known in a sealed segment. */
static void memory_tells_how_many_bytes_lie_ahead(void **state)
{
	struct fixture *fixture = *state;
	struct partition *partition = partition_of(fixture, "t", 0);
	struct random random = random_begin();
	struct file_range range;
	assert_int_equal(partition_bytes_ahead(partition, 0), 0);
	int64_t end = append_mixture(fixture, &random, 1000);
	assert_int_equal(partition_bytes_ahead(partition, end), 0);
	assert_true(partition_bytes_ahead(partition, 0) == INT64_MAX);
	int64_t active = partition_active(partition)->summary.base_offset;
	assert_true(active > 0 && active < end - 1);
	assert_true(partition_bytes_ahead(partition, active - 1) == INT64_MAX);
	for (int64_t offset = active; offset < end; offset++) {
		int64_t guess = partition_bytes_ahead(partition, offset);
		int64_t next = check_range(partition, offset, INT64_MAX, SIZE_MAX, &range);
		assert_int_equal(next, end);
		int64_t slack = SEGMENT_INDEX_INTERVAL + partition->topic->config->message_bytes_max;
		assert_in_range(guess, range.size, (int64_t)range.size + slack);
		file_range_close(&range);
		next = check_range(partition, offset, INT64_MAX, 1, &range);
		int64_t exact = partition_bytes_ahead(partition, next);
		file_range_close(&range);
		if (next < end) {
			assert_int_equal(check_range(partition, next, INT64_MAX, SIZE_MAX, &range), end);
			assert_int_equal(exact, range.size);
			file_range_close(&range);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_range_holds_what_a_read_returns),
		TEST(limits_at_the_edges_of_batches_are_exact),
		TEST(a_range_reads_few_headers_and_goes_on_without_a_search),
		TEST(a_range_stays_readable_when_its_records_are_trimmed_and_its_topic_deleted),
		TEST(compaction_leaves_open_ranges_and_batches_without_records_to_the_copying_read),
		TEST(ranges_outside_of_the_log_say_so),
		TEST(a_process_without_descriptors_is_told_and_holds_nothing),
		TEST(damage_is_raised_with_file_and_byte),
		TEST(memory_tells_how_many_bytes_lie_ahead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
