/* Transactions in one partition: what is open, what is aborted, where the stable part ends, and that all of
 * it comes back whatever of the derived files is lost. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "log/producer_state.h"
#include "log/transaction_index.h"

enum { PRODUCERS = 6, STEPS = 400, OFFSETS_MAX = 4000 };

/* What the test believes: one slot per offset. */
struct model {
	int64_t owner[OFFSETS_MAX]; /* number of the transaction; −1 = none, −2 = a marker */
	int64_t end;
	int64_t first_open[PRODUCERS]; /* −1 = not open */
	int64_t transaction[PRODUCERS];
	int32_t sequence[PRODUCERS];
	int64_t transactions;
	bool aborted[STEPS + 1];
	size_t abort_count;
};

static void model_begin(struct model *model)
{
	*model = (struct model){0};
	for (int i = 0; i < PRODUCERS; i++)
		model->first_open[i] = -1;
}

static int64_t model_stable(const struct model *model)
{
	int64_t stable = model->end;
	for (int i = 0; i < PRODUCERS; i++)
		if (model->first_open[i] >= 0 && model->first_open[i] < stable)
			stable = model->first_open[i];
	return stable;
}

static void write_records(struct fixture *fixture, struct model *model, int who, int32_t count, bool inside)
{
	struct record_batch_producer producer = {
		.id = 100 + who, .epoch = 0, .base_sequence = model->sequence[who], .transactional = true};
	int64_t base = -1;
	assert_ok(append_try(fixture->log, partition_of(fixture, "t", 0), model->end, count, 40,
		inside ? &producer : NULL, &base));
	assert_int_equal(base, model->end);
	if (inside && model->first_open[who] < 0) {
		model->first_open[who] = base;
		model->transaction[who] = model->transactions++;
	}
	for (int32_t i = 0; i < count; i++)
		model->owner[model->end++] = inside ? model->transaction[who] : -1;
	if (inside)
		model->sequence[who] += count;
}

static void write_marker(
	struct fixture *fixture, struct model *model, int who, enum transaction_marker marker)
{
	struct buffer batch;
	int64_t base = -1;
	buffer_init(&batch);
	transaction_marker_build(100 + who, 0, marker, 0, 999999999, &batch);
	assert_ok(log_append_wait(fixture->log, partition_of(fixture, "t", 0), batch.data, batch.size, &base));
	buffer_deinit(&batch);
	assert_int_equal(base, model->end);
	model->owner[model->end++] = -2;
	if (model->first_open[who] >= 0 && marker == MARKER_ABORT) {
		model->aborted[model->transaction[who]] = true;
		model->abort_count++;
	}
	model->first_open[who] = -1;
}

static bool model_shows(const struct model *model, int64_t offset)
{
	int64_t owner = model->owner[offset];
	return owner == -1 || (owner >= 0 && !model->aborted[owner]);
}

/* Reads [from, to) as committed and compares record by record. */
static void check_committed(
	struct partition *partition, const struct model *model, int64_t from, int64_t to, size_t bytes_max)
{
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record;
	status result = STATUS_OK;
	int64_t expected = from, at = from, next = 0;
	buffer_init(&bytes);
	while (result == STATUS_OK) {
		bytes.size = 0;
		result = partition_read_committed(partition, at, to, bytes_max, &bytes, &next);
		if (result != STATUS_OK)
			break;
		record_iterator_init(&iterator, buffer_slice(&bytes));
		while (record_iterator_next(&iterator, &record) == STATUS_OK) {
			if (record.offset < at)
				continue;
			while (expected < record.offset)
				assert_false(model_shows(model, expected++));
			assert_true(model_shows(model, record.offset));
			assert_int_equal(atoll((const char *)record.value.data), record.offset);
			expected = record.offset + 1;
		}
		record_iterator_deinit(&iterator);
		assert_true(next > at);
		at = next;
	}
	assert_int_equal(result, STATUS_END);
	assert_int_equal(at, to);
	while (expected < to)
		assert_false(model_shows(model, expected++));
	buffer_deinit(&bytes);
}

/* The aborted list is sorted, and hides exactly what was aborted. */
static void check_aborted_list(
	struct partition *partition, const struct model *model, int64_t from, int64_t to)
{
	struct aborted_transaction *aborted;
	size_t count;
	partition_aborted(partition, from, to, &aborted, &count);
	for (size_t i = 1; i < count; i++)
		assert_true(aborted[i - 1].first_offset < aborted[i].first_offset);
	for (int64_t offset = from; offset < to; offset++) {
		int64_t owner = model->owner[offset];
		bool listed = false;
		for (size_t i = 0; i < count; i++)
			listed = listed || (owner >= 0 && model->owner[aborted[i].first_offset] == owner &&
								   aborted[i].first_offset <= offset && offset < aborted[i].last_offset);
		assert_int_equal(listed, owner >= 0 && model->aborted[owner]);
	}
	for (size_t i = 0; i < count; i++)
		assert_true(aborted[i].last_offset >= from && aborted[i].first_offset < to);
	mem_free(aborted);
}

static void check_all(struct fixture *fixture, const struct model *model, struct random *random)
{
	struct partition *partition = partition_of(fixture, "t", 0);
	int64_t stable = model_stable(model);
	assert_int_equal(partition_high_watermark(partition), model->end);
	assert_int_equal(partition_last_stable_offset(partition), stable);
	struct open_transaction *open;
	size_t open_count, model_open = 0;
	partition_open_transactions(partition, &open, &open_count);
	for (int i = 0; i < PRODUCERS; i++)
		model_open += model->first_open[i] >= 0;
	assert_int_equal(open_count, model_open);
	if (open_count != 0)
		assert_int_equal(open[0].first_offset, stable);
	mem_free(open);
	if (stable == 0)
		return;
	check_committed(partition, model, 0, stable, 1 + random_below(random, 5000));
	int64_t from = (int64_t)random_below(random, (uint64_t)stable);
	check_aborted_list(
		partition, model, from, from + 1 + (int64_t)random_below(random, (uint64_t)(stable - from)));
	check_aborted_list(partition, model, 0, stable);
}

/* Removes or damages a random choice of the derived files. */
static void derived_files_lose(const struct fixture *fixture, struct random *random, size_t *aborted_files)
{
	struct directory_list list;
	char dir[FIXTURE_PATH_MAX + 8], path[FIXTURE_PATH_MAX * 2];
	(void)snprintf(dir, sizeof dir, "%s/t-0", fixture->log_dir);
	assert_ok(directory_list(dir, &list));
	for (size_t i = 0; i < list.count; i++) {
		const char *suffix = strchr(list.names[i], '.');
		*aborted_files += strcmp(suffix, ".txnindex") == 0;
		if (strcmp(suffix, ".log") == 0 || random_below(random, 4) != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", dir, list.names[i]);
		struct buffer bytes;
		buffer_init(&bytes);
		file_load(path, &bytes);
		if (bytes.size == 0 || random_below(random, 2) == 0) {
			assert_ok(file_remove(path));
		} else {
			bytes.data[random_below(random, bytes.size)] ^= 1;
			file_store(path, &bytes);
		}
		buffer_deinit(&bytes);
	}
	directory_list_free(&list);
}

static void transactions_read_back_as_they_were_decided(void **state)
{
	(void)state;
	struct random random = random_begin();
	size_t aborts = 0, aborted_files = 0;
	for (int round = 0; round < 8; round++) {
		struct fixture fixture;
		struct model *model = mem_alloc(sizeof *model);
		model_begin(model);
		fixture_begin(&fixture, round % 2 == 0 ? 2000 : 100000);
		topic_make(&fixture, "t", 1);
		int64_t stable = 0;
		for (int step = 0; step < STEPS; step++) {
			int who = (int)random_below(&random, PRODUCERS);
			uint64_t dice = random_below(&random, 100);
			if (dice < 55)
				write_records(&fixture, model, who, 1 + (int32_t)random_below(&random, 6), dice < 45);
			else if (dice < 97)
				write_marker(&fixture, model, who, dice < 75 ? MARKER_COMMIT : MARKER_ABORT);
			else {
				fixture_close(&fixture);
				derived_files_lose(&fixture, &random, &aborted_files);
				fixture_open(&fixture);
			}
			assert_true(model_stable(model) >= stable); /* never moves back */
			stable = model_stable(model);
			if (step % 10 == 0 || dice >= 97)
				check_all(&fixture, model, &random);
		}
		aborts += model->abort_count;
		fixture_end(&fixture);
		mem_free(model);
	}
	print_message("%zu transactions aborted, %zu index files met\n", aborts, aborted_files);
	assert_true(aborts > 50 && aborted_files > 10);
}

static void read_committed_is_bounded_by_the_last_stable_offset_not_the_high_watermark(void **state)
{
	(void)state;
	struct fixture fixture;
	struct model *model = mem_alloc(sizeof *model);
	struct buffer bytes;
	int64_t next = -1;
	model_begin(model);
	buffer_init(&bytes);
	fixture_begin(&fixture, 0);
	topic_make(&fixture, "t", 1);
	struct partition *partition = partition_of(&fixture, "t", 0);
	write_records(&fixture, model, 0, 3, false);
	write_records(&fixture, model, 1, 2, true);
	write_records(&fixture, model, 0, 4, false);
	assert_int_equal(partition_high_watermark(partition), 9);
	assert_int_equal(partition_last_stable_offset(partition), 3);
	assert_ok(partition_read_committed(partition, 0, INT64_MAX, 1 << 20, &bytes, &next));
	assert_int_equal(next, 3);
	assert_int_equal(partition_read_committed(partition, 3, INT64_MAX, 1 << 20, &bytes, &next), STATUS_END);
	write_marker(&fixture, model, 1, MARKER_COMMIT);
	assert_int_equal(partition_last_stable_offset(partition), 10);
	assert_ok(partition_read_committed(partition, 3, INT64_MAX, 1 << 20, &bytes, &next));
	assert_int_equal(next, 10);
	buffer_deinit(&bytes);
	fixture_end(&fixture);
	mem_free(model);
}

static void a_marker_written_again_changes_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	struct model *model = mem_alloc(sizeof *model);
	struct aborted_transaction *aborted;
	size_t count;
	model_begin(model);
	fixture_begin(&fixture, 0);
	topic_make(&fixture, "t", 1);
	struct partition *partition = partition_of(&fixture, "t", 0);
	write_records(&fixture, model, 1, 2, true);
	for (int i = 0; i < 3; i++)
		write_marker(&fixture, model, 1, MARKER_ABORT);
	write_marker(&fixture, model, 2, MARKER_COMMIT); /* of a producer that wrote nothing here */
	partition_aborted(partition, 0, model->end, &aborted, &count);
	assert_int_equal(count, 1);
	assert_int_equal(aborted[0].first_offset, 0);
	assert_int_equal(aborted[0].last_offset, 2);
	mem_free(aborted);
	write_records(&fixture, model, 1, 1, true);
	assert_int_equal(partition_last_stable_offset(partition), model->end - 1);
	fixture_end(&fixture);
	mem_free(model);
}

/* A batch with the given flags, offered to a bare state. */
static status offer(struct producer_state *producers, int64_t offset, int64_t id, int16_t epoch,
	int32_t sequence, bool transactional)
{
	struct record_batch batch = {.base_offset = offset,
		.producer_id = id,
		.producer_epoch = epoch,
		.base_sequence = sequence,
		.transactional = transactional,
		.count = 1};
	struct producer_batch original;
	status result = producer_state_check(producers, &batch, &original);
	if (result == STATUS_OK)
		producer_state_append(producers, &batch, NULL);
	return result;
}

static void a_marker_of_a_newer_epoch_fences_the_zombie(void **state)
{
	(void)state;
	struct producer_state producers;
	struct transaction_index index;
	producer_state_init(&producers);
	transaction_index_init(&index);
	assert_int_equal(offer(&producers, 0, 7, 3, 0, true), STATUS_OK);
	struct record_batch marker = {.base_offset = 1,
		.producer_id = 7,
		.producer_epoch = 4,
		.base_sequence = -1,
		.count = 1,
		.transactional = true,
		.control = true,
		.marker = MARKER_ABORT};
	producer_state_append(&producers, &marker, &index);
	assert_int_equal(index.count, 1);
	assert_int_equal(offer(&producers, 2, 7, 3, 1, true), STATUS_STALE_PRODUCER_EPOCH);
	assert_int_equal(offer(&producers, 2, 7, 4, 1, true), STATUS_OUT_OF_ORDER_SEQUENCE);
	assert_int_equal(offer(&producers, 2, 7, 4, 0, true), STATUS_OK);
	transaction_index_deinit(&index);
	producer_state_deinit(&producers);
}

static void a_plain_batch_inside_a_transaction_is_refused(void **state)
{
	(void)state;
	struct producer_state producers;
	producer_state_init(&producers);
	assert_int_equal(offer(&producers, 0, 7, 0, 0, true), STATUS_OK);
	assert_int_equal(offer(&producers, 1, 7, 0, 1, false), STATUS_TRANSACTION_STATE);
	assert_int_equal(offer(&producers, 1, 7, 1, 0, true), STATUS_TRANSACTION_STATE); /* no marker between */
	assert_int_equal(offer(&producers, 1, 7, 0, 1, true), STATUS_OK);
	producer_state_deinit(&producers);
}

static void a_producer_with_an_open_transaction_is_never_forgotten(void **state)
{
	(void)state;
	struct producer_state producers;
	producer_state_init(&producers);
	int64_t offset = 0;
	assert_int_equal(offer(&producers, offset++, 0, 0, 0, true), STATUS_OK);
	for (int64_t id = 1; id <= PRODUCERS_MAX + 10; id++)
		assert_int_equal(offer(&producers, offset++, id, 0, 0, false), STATUS_OK);
	assert_int_equal(producer_state_first_open(&producers), 0);
	assert_int_equal(offer(&producers, offset, 0, 0, 0, true), STATUS_EXISTS);
	producer_state_deinit(&producers);
}

static void too_many_open_transactions_are_pushed_back(void **state)
{
	(void)state;
	struct producer_state producers;
	producer_state_init(&producers);
	for (int64_t id = 0; id < TRANSACTIONS_OPEN_MAX; id++)
		assert_int_equal(offer(&producers, id, id, 0, 0, true), STATUS_OK);
	assert_int_equal(
		offer(&producers, TRANSACTIONS_OPEN_MAX, TRANSACTIONS_OPEN_MAX, 0, 0, true), STATUS_BACKPRESSURE);
	assert_int_equal(offer(&producers, TRANSACTIONS_OPEN_MAX, 5, 0, 1, true), STATUS_OK);
	producer_state_deinit(&producers);
}

static void snapshots_of_an_earlier_release_are_rebuilt_from_the_log(void **state)
{
	(void)state;
	struct fixture fixture;
	struct model *model = mem_alloc(sizeof *model);
	struct random random = random_begin();
	char path[FIXTURE_PATH_MAX], dir[FIXTURE_PATH_MAX + 8];
	struct buffer bytes;
	struct directory_list list;
	model_begin(model);
	buffer_init(&bytes);
	fixture_begin(&fixture, 1000);
	topic_make(&fixture, "t", 1);
	for (int i = 0; i < 40; i++) {
		write_records(&fixture, model, i % 3, 2, true);
		if (i % 4 == 3)
			write_marker(&fixture, model, i % 3, i % 8 == 3 ? MARKER_ABORT : MARKER_COMMIT);
	}
	fixture_close(&fixture);
	(void)snprintf(dir, sizeof dir, "%s/t-0", fixture.log_dir);
	assert_ok(directory_list(dir, &list));
	size_t aged = 0;
	for (size_t i = 0; i < list.count; i++) {
		if (strstr(list.names[i], ".snapshot") == NULL)
			continue;
		segment_file(&fixture, "t", atoll(list.names[i]), "snapshot", path);
		file_load(path, &bytes);
		assert_memory_equal(bytes.data, "KAPSNAP2", 8);
		bytes.data[7] = '1';
		file_store(path, &bytes);
		aged++;
	}
	directory_list_free(&list);
	assert_true(aged > 2);
	fixture_open(&fixture);
	check_all(&fixture, model, &random);
	file_load(path, &bytes);
	assert_memory_equal(bytes.data, "KAPSNAP2", 8);
	buffer_deinit(&bytes);
	fixture_end(&fixture);
	mem_free(model);
}

static void markers_are_laid_out_as_kafka_does(void **state)
{
	(void)state;
	struct buffer batch;
	struct record_batch header;
	buffer_init(&batch);
	transaction_marker_build(0x1122, 3, MARKER_COMMIT, 9, 1000, &batch);
	assert_ok(record_batch_verify(buffer_slice(&batch), &header));
	assert_true(header.control && header.transactional);
	assert_int_equal(header.marker, MARKER_COMMIT);
	assert_int_equal(header.producer_id, 0x1122);
	assert_int_equal(header.producer_epoch, 3);
	assert_int_equal(header.base_sequence, -1);
	/* length 16, attributes 0, Δtimestamp 0, Δoffset 0, key of 4 bytes, value of 6, no headers; zigzag */
	static const uint8_t record[] = {32, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 9, 0};
	assert_int_equal(batch.size, RECORD_BATCH_HEADER_SIZE + sizeof record);
	assert_memory_equal(batch.data + RECORD_BATCH_HEADER_SIZE, record, sizeof record);
	assert_int_equal(record_batch_check(batch.data, batch.size, &header), STATUS_BAD_RECORD);
	buffer_deinit(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactions_read_back_as_they_were_decided),
		cmocka_unit_test(read_committed_is_bounded_by_the_last_stable_offset_not_the_high_watermark),
		cmocka_unit_test(a_marker_written_again_changes_nothing),
		cmocka_unit_test(a_marker_of_a_newer_epoch_fences_the_zombie),
		cmocka_unit_test(a_plain_batch_inside_a_transaction_is_refused),
		cmocka_unit_test(a_producer_with_an_open_transaction_is_never_forgotten),
		cmocka_unit_test(too_many_open_transactions_are_pushed_back),
		cmocka_unit_test(snapshots_of_an_earlier_release_are_rebuilt_from_the_log),
		cmocka_unit_test(markers_are_laid_out_as_kafka_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
