/* See support.h. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/hash.h"
#include "base/memory.h"

void assert_ok_at(status result, const char *call, const char *file, int line)
{
	if (result == STATUS_OK)
		return;
	print_error("%s: %s\n%s\n", call, status_name(result), error_current()->text);
	_fail(file, line);
}

void fixture_begin(struct fixture *fixture, int64_t segment_bytes)
{
	/* Durability is judged by what the file seam sees, not by pulling plugs: memory will do. */
	const char *base = getenv("TMPDIR");
	if (base == NULL)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	diag_set_level(DIAG_ERROR);
	*fixture = (struct fixture){.segment_bytes = segment_bytes};
	(void)snprintf(fixture->dir, sizeof fixture->dir - 8, "%s/kappa-log-XXXXXX", base);
	assert_non_null(mkdtemp(fixture->dir));
	memcpy(fixture->log_dir, fixture->dir, sizeof fixture->dir);
	strcat(fixture->log_dir, "/log");
	fixture_open(fixture);
}

status fixture_try_open(struct fixture *fixture)
{
	struct log_options options = {
		.dir = fixture->log_dir,
		.segment_bytes = fixture->segment_bytes,
		.needed = fixture->needed,
		.needed_context = fixture,
		.clean_interval_ms = -1,
		.clean_bytes_max = fixture->clean_bytes_max,
	};
	assert_null(fixture->log);
	return log_open(&options, &fixture->log);
}

void fixture_open(struct fixture *fixture)
{
	assert_ok(fixture_try_open(fixture));
}

void fixture_close(struct fixture *fixture)
{
	log_close(fixture->log);
	fixture->log = NULL;
}

void fixture_reopen(struct fixture *fixture)
{
	fixture_close(fixture);
	fixture_open(fixture);
}

void fixture_end(struct fixture *fixture)
{
	fixture_close(fixture);
	assert_ok(directory_remove(fixture->dir));
}

struct partition *partition_of(struct fixture *fixture, const char *name, int32_t number)
{
	const struct topic *topic;
	assert_ok(topic_find(fixture->log, name, &topic));
	assert_true(number < topic->config->partitions);
	return topic_partition(topic, number);
}

void topic_make(struct fixture *fixture, const char *name, int32_t partitions)
{
	struct topic_config config = topic_config_default();
	config.partitions = partitions;
	assert_ok(topic_create(fixture->log, name, &config));
}

void segment_file(const struct fixture *fixture, const char *topic, int64_t base, const char *suffix,
	char path[FIXTURE_PATH_MAX])
{
	int length = snprintf(
		path, FIXTURE_PATH_MAX, "%s/%s-0/%020lld.%s", fixture->log_dir, topic, (long long)base, suffix);
	assert_true(length < FIXTURE_PATH_MAX);
}

void batch_build(struct buffer *out, int64_t first, int32_t count, size_t value_size,
	const struct record_batch_producer *producer)
{
	struct record_batch_builder builder;
	struct buffer value;
	buffer_init(&value);
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < count; i++) {
		value.size = 0;
		buffer_printf(&value, "%lld", (long long)first + i);
		while (value.size < value_size)
			buffer_append_byte(&value, '.');
		record_batch_builder_add(
			&builder, 1000 + first + i, (struct slice){0}, buffer_slice(&value), NULL, 0);
	}
	assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, producer, out));
	record_batch_builder_deinit(&builder);
	buffer_deinit(&value);
}

status append_try(struct log *log, struct partition *partition, int64_t first, int32_t count,
	size_t value_size, const struct record_batch_producer *producer, int64_t *base_offset)
{
	struct buffer batch;
	buffer_init(&batch);
	batch_build(&batch, first, count, value_size, producer);
	status result = log_append_wait(log, partition, batch.data, batch.size, base_offset);
	buffer_deinit(&batch);
	return result;
}

int64_t append_values(
	struct log *log, struct partition *partition, int64_t first, int32_t count, size_t value_size)
{
	int64_t base_offset = -1;
	assert_ok(append_try(log, partition, first, count, value_size, NULL, &base_offset));
	return base_offset;
}

int64_t check_values(struct partition *partition, int64_t from, int64_t (*value_at)(int64_t offset))
{
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record;
	int64_t offset = from;
	status result;
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	while ((result = partition_read(partition, offset, 100000, &bytes)) == STATUS_OK) {
		record_iterator_reset(&iterator, buffer_slice(&bytes));
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			if (record.offset < offset)
				continue; /* the batch began before `from` */
			char text[32] = {0};
			assert_int_equal(record.offset, offset);
			memcpy(text, record.value.data, record.value.size < 31 ? record.value.size : 31);
			assert_int_equal(atoll(text), value_at != NULL ? value_at(offset) : offset);
			offset++;
		}
		if (result != STATUS_END)
			assert_ok(result);
		bytes.size = 0;
	}
	if (result != STATUS_END)
		assert_ok(result);
	assert_int_equal(offset, partition_high_watermark(partition));
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	return offset - from;
}

void file_load(const char *path, struct buffer *out)
{
	out->size = 0;
	assert_ok(file_read_all(path, SIZE_MAX / 8, out));
}

void file_store(const char *path, const struct buffer *bytes)
{
	assert_ok(file_write_all(path, buffer_slice(bytes)));
}

void directory_copy(const char *from, const char *to)
{
	struct directory_list list;
	struct buffer bytes;
	buffer_init(&bytes);
	assert_ok(directory_create(to));
	assert_ok(directory_list(from, &list));
	for (size_t i = 0; i < list.count; i++) {
		char source[FIXTURE_PATH_MAX * 2], target[FIXTURE_PATH_MAX * 2];
		struct stat about;
		(void)snprintf(source, sizeof source, "%s/%s", from, list.names[i]);
		(void)snprintf(target, sizeof target, "%s/%s", to, list.names[i]);
		assert_int_equal(stat(source, &about), 0);
		if (S_ISDIR(about.st_mode)) {
			directory_copy(source, target);
		} else {
			file_load(source, &bytes);
			file_store(target, &bytes);
		}
	}
	directory_list_free(&list);
	buffer_deinit(&bytes);
}

struct random random_begin(void)
{
	const char *given = getenv("KAPPA_TEST_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("seed: KAPPA_TEST_SEED=%llu\n", (unsigned long long)seed);
	return (struct random){seed};
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	random->state += 0x9e3779b97f4a7c15ULL;
	return hash_mix(random->state) % bound;
}
