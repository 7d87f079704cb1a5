/* Compaction against a map: whatever is appended, rewritten, restarted or cut short, the newest value of each
 * key stays what it was, and every record that stays is at its offset. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/memory.h"
#include "log/key_map.h"

enum { KEYS_MAX = 400, OFFSETS_MAX = 20000 };

static _Atomic int64_t now_ms;

static int64_t fake_now(void)
{
	return atomic_load(&now_ms);
}

/* ---- the model: every record ever appended, by offset ---- */

struct model_record {
	int32_t key;     /* −1 = none */
	int32_t version; /* of the value; −1 = the key's deletion */
	int64_t timestamp_ms;
};

static struct {
	struct model_record records[OFFSETS_MAX];
	int64_t count;
} model;

static int setup_sized(void **state, int64_t segment_bytes)
{
	static struct fixture fixture;
	atomic_store(&now_ms, 1000000);
	clock_inject_wall_ms(fake_now);
	model.count = 0;
	fixture_begin(&fixture, segment_bytes);
	struct topic_config config = topic_config_default();
	config.cleanup_policy = CLEANUP_COMPACT;
	config.dirty_ratio_min = 0;
	config.delete_retention_ms = 1000;
	assert_ok(topic_create(fixture.log, "t", &config));
	*state = &fixture;
	return 0;
}

static int setup(void **state)
{
	return setup_sized(state, 3000);
}

static int teardown(void **state)
{
	fixture_end(*state);
	clock_inject_wall_ms(NULL);
	return 0;
}

static struct partition *part(struct fixture *fixture)
{
	return partition_of(fixture, "t", 0);
}

static void record_add(struct record_batch_builder *builder, const struct model_record *record)
{
	char key[16], value[80];
	struct record_header header = {slice_of_string("h"), slice_of_string("x")};
	(void)snprintf(key, sizeof key, "key-%d", record->key);
	int size =
		snprintf(value, sizeof value, "%d:%d%*s", record->key, record->version, record->version % 40, "");
	record_batch_builder_add(builder, record->timestamp_ms,
		record->key < 0 ? (struct slice){0} : slice_of_string(key),
		record->version < 0 ? (struct slice){0} : slice_of(value, (size_t)size), &header,
		record->version % 3 == 0);
}

static void append_records(struct fixture *fixture, const struct model_record *records, int32_t count,
	enum codec codec, const struct record_batch_producer *producer)
{
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t base_offset = -1;
	buffer_init(&batch);
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < count; i++)
		record_add(&builder, &records[i]);
	assert_ok(record_batch_builder_finish(&builder, codec, producer, &batch));
	assert_ok(log_append_wait(fixture->log, part(fixture), batch.data, batch.size, &base_offset));
	assert_int_equal(base_offset, model.count);
	assert_true(model.count + count <= OFFSETS_MAX);
	memcpy(&model.records[model.count], records, (size_t)count * sizeof *records);
	model.count += count;
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

static void append_random(struct fixture *fixture, struct random *random, int32_t keys)
{
	struct model_record records[12];
	int32_t count = 1 + (int32_t)random_below(random, 12);
	for (int32_t i = 0; i < count; i++) {
		bool deletes = random_below(random, 10) == 0;
		records[i] = (struct model_record){
			.key = random_below(random, 50) == 0 ? -1 : (int32_t)random_below(random, (uint64_t)keys),
			.version = deletes ? -1 : (int32_t)model.count + i,
			.timestamp_ms = fake_now() + (int64_t)random_below(random, 100) - 50,
		};
		if (records[i].key < 0)
			records[i].version = (int32_t)model.count + i;
	}
	append_records(fixture, records, count, (enum codec)random_below(random, 5), NULL);
}

/* ---- reading ---- */

struct seen {
	bool there[OFFSETS_MAX];
	int64_t count;
	int64_t newest[KEYS_MAX]; /* offset of the key's newest record there; −1 = none */
};

static void record_check(const struct record *record)
{
	char key[16], value[80];
	const struct model_record *expected = &model.records[record->offset];
	assert_true(record->offset < model.count);
	assert_int_equal(record->timestamp_ms, expected->timestamp_ms);
	(void)snprintf(key, sizeof key, "key-%d", expected->key);
	int size = snprintf(
		value, sizeof value, "%d:%d%*s", expected->key, expected->version, expected->version % 40, "");
	assert_int_equal(record->header_count, expected->version % 3 == 0);
	assert_true(
		expected->key < 0 ? record->key.data == NULL : slice_equal(record->key, slice_of_string(key)));
	assert_true(expected->version < 0 ? record->value.data == NULL
									  : slice_equal(record->value, slice_of(value, (size_t)size)));
}

/* Reads all by the rule for readers: go on behind the last batch. Each record is as it was appended. */
static void look(struct fixture *fixture, size_t bytes_max, struct seen *seen)
{
	struct partition *partition = part(fixture);
	struct record_iterator iterator;
	struct record record;
	struct buffer bytes;
	int64_t start = partition_log_start(partition), offset = start, last = -1;
	status result;
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	memset(seen, 0, sizeof *seen);
	for (int i = 0; i < KEYS_MAX; i++)
		seen->newest[i] = -1;
	while ((result = partition_read(partition, offset, bytes_max, &bytes)) == STATUS_OK) {
		struct slice left = buffer_slice(&bytes);
		record_iterator_reset(&iterator, left);
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			record_check(&record);
			if (record.offset < start)
				continue; /* the first batch began before */
			assert_true(record.offset > last);
			last = record.offset;
			seen->there[record.offset] = true;
			seen->count++;
			if (model.records[record.offset].key >= 0)
				seen->newest[model.records[record.offset].key] = record.offset;
		}
		assert_int_equal(result, STATUS_END);
		while (left.size != 0) {
			struct record_batch batch;
			assert_ok(record_batch_header(left, &batch));
			assert_true(batch.base_offset + batch.last_offset_delta >= offset);
			offset = batch.base_offset + batch.last_offset_delta + 1;
			left = slice_of(left.data + batch.size, left.size - batch.size);
		}
		bytes.size = 0;
	}
	assert_int_equal(result, STATUS_END);
	assert_int_equal(offset, model.count);
	assert_int_equal(partition_high_watermark(partition), model.count);
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
}

/* The newest record of each key is there; its deletion may be gone, but then nothing older came back. */
static void check_newest(const struct seen *seen)
{
	static int64_t newest[KEYS_MAX];
	for (int i = 0; i < KEYS_MAX; i++)
		newest[i] = -1;
	for (int64_t offset = 0; offset < model.count; offset++) {
		int32_t key = model.records[offset].key;
		if (key >= 0)
			newest[key] = offset;
		else
			assert_true(seen->there[offset]); /* without key: kept */
	}
	for (int i = 0; i < KEYS_MAX; i++) {
		bool deleted = newest[i] >= 0 && model.records[newest[i]].version < 0;
		if (seen->newest[i] != newest[i] && !(deleted && seen->newest[i] < 0)) {
			print_error("key %d: newest at %lld, seen at %lld\n", i, (long long)newest[i],
				(long long)seen->newest[i]);
			fail();
		}
	}
}

static struct seen seen;

static void look_and_check(struct fixture *fixture)
{
	look(fixture, 100000, &seen);
	check_newest(&seen);
}

static void seal_all(struct fixture *fixture)
{
	/* More than a segment of records without key: the segments before are sealed. */
	struct model_record records[10];
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 10; i++)
			records[i] = (struct model_record){-1, 39 + 40 * (round + i), fake_now()};
		append_records(fixture, records, 10, CODEC_NONE, NULL);
	}
}

static size_t files_of(const struct fixture *fixture, const char *suffix)
{
	struct directory_list list;
	char dir[FIXTURE_PATH_MAX * 2];
	size_t count = 0, length = strlen(suffix);
	(void)snprintf(dir, sizeof dir, "%s/t-0", fixture->log_dir);
	assert_ok(directory_list(dir, &list));
	for (size_t i = 0; i < list.count; i++)
		count += strlen(list.names[i]) > length &&
				 strcmp(list.names[i] + strlen(list.names[i]) - length, suffix) == 0;
	directory_list_free(&list);
	return count;
}

/* ---- tests ---- */

static void siphash_is_the_published_one(void **state)
{
	(void)state;
	/* The first vectors of SipHash-2-4 with 128 bits: key 00 … 0f, input empty and 00 … 0e. */
	const uint64_t secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t input[15];
	uint64_t out[2];
	for (uint8_t i = 0; i < sizeof input; i++)
		input[i] = i;
	siphash128(secret, slice_of(input, 0), out);
	assert_true(out[0] == 0xe6a825ba047f81a3 && out[1] == 0x930255c71472f66d);
	siphash128(secret, slice_of(input, sizeof input), out);
	assert_true(out[0] == 0x11a8b03399e99354 && out[1] == 0xd9c3cf970fec087e);
}

static void random_histories_keep_the_newest_value_of_each_key(void **state)
{
	(void)state;
	struct random random = random_begin();
	for (int history = 0; history < 12; history++) {
		void *fixture_state;
		setup_sized(&fixture_state, 1500 + (int64_t)random_below(&random, 6000));
		struct fixture *fixture = fixture_state;
		/* Sometimes a map of few keys: several passes. */
		fixture->clean_bytes_max = random_below(&random, 2) == 0 ? 1 : 0;
		fixture_reopen(fixture);
		int32_t keys = 1 + (int32_t)random_below(&random, KEYS_MAX - 1);
		for (int step = 0; step < 300; step++) {
			append_random(fixture, &random, keys);
			if (random_below(&random, 25) == 0)
				log_clean(fixture->log);
			if (random_below(&random, 40) == 0)
				fixture_reopen(fixture);
			atomic_fetch_add(&now_ms, (int64_t)random_below(&random, 100));
		}
		look_and_check(fixture);
		log_clean(fixture->log);
		look_and_check(fixture);
		for (size_t bytes_max = 1; bytes_max < 100000; bytes_max *= 30)
			look(fixture, bytes_max, &seen);
		fixture_reopen(fixture);
		look_and_check(fixture);
		struct clean_counters counters;
		log_clean_counters(fixture->log, &counters);
		assert_int_equal(counters.failures, 0);
		teardown(&fixture_state);
	}
}

static void compaction_leaves_one_record_a_key_and_little_else(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	for (int step = 0; step < 400; step++)
		append_random(fixture, &random, 10);
	seal_all(fixture);
	uint64_t before = partition_bytes(part(fixture));
	size_t files = files_of(fixture, ".log");
	log_clean(fixture->log);
	look_and_check(fixture);
	int64_t keyed = 0;
	for (int64_t offset = 0; offset < model.count; offset++)
		keyed += seen.there[offset] && model.records[offset].key >= 0;
	assert_true(keyed <= 10);
	assert_true(partition_bytes(part(fixture)) < before / 2);
	/* What has become small becomes one with its neighbours, at the next pass at the latest. */
	append_random(fixture, &random, 10);
	seal_all(fixture);
	log_clean(fixture->log);
	look_and_check(fixture);
	assert_true(files_of(fixture, ".log") < files);
	/* Nothing is due: nothing is done. */
	struct clean_counters first, second;
	log_clean_counters(fixture->log, &first);
	log_clean(fixture->log);
	log_clean_counters(fixture->log, &second);
	assert_int_equal(first.passes, second.passes);
	fixture_reopen(fixture);
	log_clean(fixture->log);
	log_clean_counters(fixture->log, &second);
	assert_int_equal(second.passes, 0); /* and this is remembered */
}

static void a_map_too_small_means_several_passes_not_failure(void **state)
{
	struct fixture *fixture = *state;
	fixture_close(fixture);
	fixture->clean_bytes_max = 1; /* 48 keys */
	fixture_open(fixture);
	struct model_record records[100];
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 100; i++) /* more keys in a batch than the map holds */
			records[i] = (struct model_record){(i * 7 + round) % 300, (int32_t)model.count + i, fake_now()};
		append_records(fixture, records, 100, CODEC_LZ4, NULL);
	}
	seal_all(fixture);
	log_clean(fixture->log);
	struct clean_counters counters;
	log_clean_counters(fixture->log, &counters);
	assert_true(counters.passes > 6);
	assert_int_equal(counters.failures, 0);
	look_and_check(fixture);
	int64_t keyed = 0;
	for (int64_t offset = 0; offset < model.count; offset++)
		keyed += seen.there[offset] && model.records[offset].key >= 0;
	int64_t distinct = 0;
	for (int i = 0; i < KEYS_MAX; i++)
		distinct += seen.newest[i] >= 0;
	assert_int_equal(keyed, distinct);
}

static void a_deletion_is_shown_for_its_time_and_then_goes(void **state)
{
	struct fixture *fixture = *state;
	const struct model_record records[] = {
		{1, 1, fake_now()}, {2, 2, fake_now()}, {1, -1, fake_now()}, {3, 3, fake_now()}};
	append_records(fixture, records, 4, CODEC_ZSTD, NULL);
	seal_all(fixture);
	log_clean(fixture->log);
	look_and_check(fixture);
	assert_false(seen.there[0]);
	assert_true(seen.there[1] && seen.there[2] && seen.there[3]);
	atomic_fetch_add(&now_ms, 999);
	for (int life = 0; life < 2; life++) {
		log_clean(fixture->log);
		look(fixture, 100, &seen);
		assert_true(seen.there[2]);
		fixture_reopen(fixture);
	}
	atomic_fetch_add(&now_ms, 1);
	log_clean(fixture->log); /* nothing new is dirty: its time alone asks for it */
	look_and_check(fixture);
	assert_true(seen.there[1] && !seen.there[2] && seen.there[3]);
	struct clean_counters first, second;
	log_clean_counters(fixture->log, &first);
	log_clean(fixture->log);
	log_clean_counters(fixture->log, &second);
	assert_int_equal(first.passes, second.passes);
}

static void configure(struct fixture *fixture, void (*change)(struct topic_config *config))
{
	const struct topic *topic;
	assert_ok(topic_find(fixture->log, "t", &topic));
	struct topic_config config = *topic->config;
	change(&config);
	assert_ok(topic_alter(fixture->log, "t", &config));
}

static void lag_min(struct topic_config *config)
{
	config->compaction_lag_ms_min = 5000;
}

static void lag_max(struct topic_config *config)
{
	config->compaction_lag_ms_max = 7000;
	config->dirty_ratio_min = 1;
}

static void ratio_high(struct topic_config *config)
{
	config->dirty_ratio_min = 0.6;
}

static uint64_t passes_now(struct fixture *fixture)
{
	struct clean_counters counters;
	log_clean(fixture->log);
	log_clean_counters(fixture->log, &counters);
	return counters.passes;
}

static void what_is_too_new_or_too_little_waits(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	configure(fixture, lag_min);
	for (int step = 0; step < 100; step++)
		append_random(fixture, &random, 10);
	seal_all(fixture);
	assert_int_equal(passes_now(fixture), 0);
	atomic_fetch_add(&now_ms, 5100);
	uint64_t passes = passes_now(fixture);
	assert_int_not_equal(passes, 0);
	look_and_check(fixture);
	/* The clean part is far more than what comes now. */
	configure(fixture, ratio_high);
	seal_all(fixture);
	atomic_fetch_add(&now_ms, 5100);
	for (int step = 0; step < 10; step++)
		append_random(fixture, &random, 10);
	(void)passes_now(fixture);
	passes = passes_now(fixture);
	append_random(fixture, &random, 10);
	assert_int_equal(passes_now(fixture), passes);
	/* Unless it waited for too long; then even the active segment is sealed. */
	configure(fixture, lag_max);
	atomic_fetch_add(&now_ms, 7200);
	assert_true(passes_now(fixture) > passes);
	look_and_check(fixture);
	int64_t keyed = 0;
	for (int64_t offset = 0; offset < model.count; offset++)
		keyed += seen.there[offset] && model.records[offset].key >= 0;
	assert_true(keyed <= 10);
}

static void the_newest_batch_of_a_producer_stays_known_without_its_records(void **state)
{
	struct fixture *fixture = *state;
	struct record_batch_producer producer = {.id = 77, .epoch = 3, .base_sequence = 0};
	struct producer_position position;
	const struct model_record records[] = {{1, 1, fake_now()}, {2, 2, fake_now()}};
	append_records(fixture, records, 2, CODEC_GZIP, &producer);
	producer.base_sequence = 2;
	append_records(fixture, records, 2, CODEC_GZIP, &producer);
	append_records(fixture, records, 2, CODEC_NONE, NULL); /* replaces all of it */
	seal_all(fixture);
	log_clean(fixture->log);
	look_and_check(fixture);
	assert_true(!seen.there[2] && !seen.there[3]);
	fixture_close(fixture);
	/* Without snapshots, producer state comes from the batches. */
	struct directory_list list;
	char dir[FIXTURE_PATH_MAX * 2], path[FIXTURE_PATH_MAX * 3];
	(void)snprintf(dir, sizeof dir, "%s/t-0", fixture->log_dir);
	assert_ok(directory_list(dir, &list));
	for (size_t i = 0; i < list.count; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, list.names[i]);
		if (strstr(list.names[i], ".snapshot") != NULL)
			assert_ok(file_remove(path));
	}
	directory_list_free(&list);
	fixture_open(fixture);
	assert_ok(partition_producer(part(fixture), 77, &position));
	assert_int_equal(position.epoch, 3);
	assert_int_equal(position.last_sequence, 3);
	assert_int_equal(position.last_base_offset, 2);
	/* It survives further compaction, merged into one segment or not. */
	append_records(fixture, records, 2, CODEC_NONE, NULL);
	seal_all(fixture);
	log_clean(fixture->log);
	fixture_reopen(fixture);
	assert_ok(partition_producer(part(fixture), 77, &position));
	assert_int_equal(position.last_sequence, 3);
}

static void a_reader_in_a_gap_is_given_what_follows(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes;
	struct record_batch batch;
	buffer_init(&bytes);
	struct model_record record = {1, 0, fake_now()};
	for (int i = 0; i < 200; i++, record.version++)
		append_records(fixture, &record, 1, CODEC_NONE, NULL);
	seal_all(fixture);
	log_clean(fixture->log);
	look_and_check(fixture);
	assert_false(seen.there[0] || seen.there[198]);
	for (int64_t offset = 0; offset < 200; offset += 19) {
		bytes.size = 0;
		assert_ok(partition_read(part(fixture), offset, 1, &bytes));
		assert_ok(record_batch_header(buffer_slice(&bytes), &batch));
		assert_int_equal(batch.base_offset, 199);
		assert_int_equal(batch.count, 1);
	}
	int64_t found, timestamp_ms;
	assert_ok(partition_find_time(part(fixture), 0, &found, &timestamp_ms));
	assert_int_equal(found, 199);
	buffer_deinit(&bytes);
}

static void compaction_and_retention_go_together(void **state)
{
	struct fixture *fixture = *state;
	struct topic_config config = topic_config_default();
	struct random random = random_begin();
	config.cleanup_policy = CLEANUP_COMPACT | CLEANUP_DELETE;
	config.retention_ms = 100000;
	config.dirty_ratio_min = 0;
	assert_ok(topic_alter(fixture->log, "t", &config));
	for (int step = 0; step < 200; step++)
		append_random(fixture, &random, 20);
	seal_all(fixture);
	log_clean(fixture->log);
	assert_ok(partition_trim(fixture->log, part(fixture), 300, false));
	log_clean(fixture->log);
	look(fixture, 1000, &seen);
	assert_false(seen.there[299]);
	atomic_fetch_add(&now_ms, 200000);
	log_clean(fixture->log);
	fixture_reopen(fixture);
	look(fixture, 1000, &seen);
	assert_int_equal(seen.count, 0);
	assert_int_equal(partition_log_start(part(fixture)), model.count);
	/* A topic that is only compacted is not trimmed. */
	config.cleanup_policy = CLEANUP_COMPACT;
	assert_ok(topic_alter(fixture->log, "t", &config));
	append_random(fixture, &random, 20);
	assert_int_equal(partition_trim(fixture->log, part(fixture), PARTITION_TRIM_ALL, true), STATUS_INVALID);
}

/* ---- transactions ---- */

static void append_in_transaction(struct fixture *fixture, const struct model_record *records, int32_t count,
	int64_t producer_id, int32_t sequence)
{
	struct record_batch_producer producer = {.id = producer_id, .epoch = 0, .base_sequence = sequence};
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t base_offset = -1;
	buffer_init(&batch);
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < count; i++)
		record_add(&builder, &records[i]);
	assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, &producer, &batch));
	batch.data[22] |= 0x10; /* transactional */
	put_be32(batch.data + 17, crc32c(0, batch.data + 21, batch.size - 21));
	assert_ok(log_append_wait(fixture->log, part(fixture), batch.data, batch.size, &base_offset));
	assert_int_equal(base_offset, model.count);
	memcpy(&model.records[model.count], records, (size_t)count * sizeof *records);
	model.count += count;
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

static void append_marker(struct fixture *fixture, int64_t producer_id, enum transaction_marker marker)
{
	struct buffer batch;
	int64_t base_offset = -1;
	buffer_init(&batch);
	transaction_marker_build(producer_id, 0, marker, 0, fake_now(), &batch);
	assert_ok(log_append_wait(fixture->log, part(fixture), batch.data, batch.size, &base_offset));
	assert_int_equal(base_offset, model.count);
	model.records[model.count++] = (struct model_record){-2, 0, 0}; /* nobody sees it */
	buffer_deinit(&batch);
}

static void transactions_count_when_committed_and_never_when_aborted(void **state)
{
	struct fixture *fixture = *state;
	const struct model_record first[] = {{1, 1, fake_now()}, {2, 2, fake_now()}, {3, 3, fake_now()}};
	const struct model_record second[] = {{1, 11, fake_now()}};
	const struct model_record third[] = {{2, 12, fake_now()}};
	const struct model_record fourth[] = {{3, 13, fake_now()}};
	append_records(fixture, first, 3, CODEC_NONE, NULL); /* offsets 0 1 2 */
	append_in_transaction(fixture, second, 1, 5, 0);     /* 3, committed */
	append_in_transaction(fixture, third, 1, 6, 0);      /* 4, aborted */
	append_marker(fixture, 5, MARKER_COMMIT);
	append_marker(fixture, 6, MARKER_ABORT);
	seal_all(fixture);
	int64_t open_from = model.count;
	append_in_transaction(fixture, fourth, 1, 7, 0); /* stays open */
	seal_all(fixture);
	log_clean(fixture->log);
	for (int life = 0; life < 2; life++) {
		look(fixture, 100000, &seen);
		assert_false(seen.there[0]);                  /* replaced by what was committed */
		assert_true(seen.there[1] && seen.there[2]);  /* not by what was aborted, or is open */
		assert_true(seen.there[3] && !seen.there[4]); /* what was aborted goes */
		assert_true(seen.there[open_from]);
		assert_int_equal(partition_last_stable_offset(part(fixture)), open_from);
		struct aborted_transaction *aborted;
		size_t count;
		partition_aborted(part(fixture), 0, open_from, &aborted, &count);
		assert_true(count <= 1 && (count == 0 || aborted->producer_id == 6));
		mem_free(aborted);
		fixture_reopen(fixture);
	}
	append_marker(fixture, 7, MARKER_COMMIT);
	seal_all(fixture);
	log_clean(fixture->log);
	look(fixture, 100000, &seen);
	assert_true(!seen.there[2] && seen.there[open_from]);
}

/* ---- ended in the middle ---- */

static struct {
	int64_t nth, seen;
	bool dead;
	bool fired;
} fault;

static int fault_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context;
	if (event->operation == FILE_OP_READ || event->operation == FILE_OP_OPEN)
		return 0;
	fault.seen++;
	bool hit = fault.seen == fault.nth || (fault.dead && fault.seen > fault.nth);
	fault.fired = fault.fired || hit;
	if (hit && event->operation == FILE_OP_WRITE)
		*written = event->size / 2;
	return hit ? EIO : 0;
}

static void compaction_ended_anywhere_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	struct random random = random_begin();
	for (int dead = 0; dead < 2; dead++) {
		for (int64_t nth = 1;; nth++) {
			void *fixture_state;
			setup_sized(&fixture_state, 2000);
			struct fixture *fixture = fixture_state;
			diag_set_level((enum diag_level)(DIAG_ERROR + 1));
			for (int step = 0; step < 60; step++)
				append_random(fixture, &random, 15);
			seal_all(fixture);
			fault.nth = nth;
			fault.seen = 0;
			fault.dead = dead != 0;
			fault.fired = false;
			file_inject(fault_hook, NULL);
			log_clean(fixture->log);
			bool fired = fault.fired;
			look_and_check(fixture);
			fixture_close(fixture);
			file_inject(NULL, NULL);
			fixture_open(fixture);
			look_and_check(fixture);
			assert_int_equal(files_of(fixture, ".cleaned"), 0);
			log_clean(fixture->log);
			look_and_check(fixture);
			fixture_reopen(fixture);
			look_and_check(fixture);
			teardown(&fixture_state);
			if (!fired) {
				print_message("%lld places\n", (long long)nth);
				break;
			}
		}
	}
}

/* ---- others at work ---- */

struct others {
	struct partition *partition;
	_Atomic bool stop;
	_Atomic int64_t rounds;
};

static void *read_on(void *argument)
{
	struct others *others = argument;
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record;
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	while (!atomic_load(&others->stop)) {
		int64_t offset = 0, last = -1;
		status result;
		bytes.size = 0;
		while ((result = partition_read(others->partition, offset, 700, &bytes)) == STATUS_OK) {
			struct slice left = buffer_slice(&bytes);
			record_iterator_reset(&iterator, left);
			while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
				assert_true(record.offset > last);
				last = record.offset;
			}
			assert_int_equal(result, STATUS_END);
			for (struct record_batch batch; left.size != 0;
				 left = slice_of(left.data + batch.size, left.size - batch.size)) {
				assert_ok(record_batch_header(left, &batch));
				offset = batch.base_offset + batch.last_offset_delta + 1;
			}
			bytes.size = 0;
		}
		if (result != STATUS_END)
			print_error("%s\n", error_current()->text);
		assert_int_equal(result, STATUS_END);
		int64_t found, timestamp_ms;
		result = partition_find_time(others->partition, 0, &found, &timestamp_ms);
		assert_true(result == STATUS_OK || result == STATUS_NOT_FOUND);
		atomic_fetch_add(&others->rounds, 1);
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	return NULL;
}

static void readers_go_on_while_segments_are_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	struct others others = {.partition = part(fixture)};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &others), 0);
	for (int step = 0; step < 600 || atomic_load(&others.rounds) < 20; step++) {
		if (step < 600)
			append_random(fixture, &random, 15);
		if (step % 10 == 0)
			log_clean(fixture->log);
	}
	atomic_store(&others.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	look_and_check(fixture);
}

static void a_topic_deleted_and_made_again_is_not_touched_by_the_old_ones_compaction(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	struct topic_config config = topic_config_default();
	config.cleanup_policy = CLEANUP_COMPACT;
	config.dirty_ratio_min = 0;
	for (int round = 0; round < 10; round++) {
		for (int step = 0; step < 100; step++)
			append_random(fixture, &random, 15);
		log_clean(fixture->log);
		assert_ok(topic_delete(fixture->log, "t"));
		assert_ok(topic_create(fixture->log, "t", &config));
		model.count = 0;
		append_random(fixture, &random, 15);
		log_clean(fixture->log);
		look_and_check(fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_is_the_published_one),
		cmocka_unit_test(random_histories_keep_the_newest_value_of_each_key),
		cmocka_unit_test_setup_teardown(compaction_leaves_one_record_a_key_and_little_else, setup, teardown),
		cmocka_unit_test_setup_teardown(a_map_too_small_means_several_passes_not_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(a_deletion_is_shown_for_its_time_and_then_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_new_or_too_little_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_newest_batch_of_a_producer_stays_known_without_its_records, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_in_a_gap_is_given_what_follows, setup, teardown),
		cmocka_unit_test_setup_teardown(compaction_and_retention_go_together, setup, teardown),
		cmocka_unit_test_setup_teardown(
			transactions_count_when_committed_and_never_when_aborted, setup, teardown),
		cmocka_unit_test(compaction_ended_anywhere_leaves_the_old_or_the_new),
		cmocka_unit_test_setup_teardown(readers_go_on_while_segments_are_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_topic_deleted_and_made_again_is_not_touched_by_the_old_ones_compaction, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
