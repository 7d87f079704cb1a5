/* Transactions as a client meets them: a session over a real log, restarts, and what KAFKA clients rely on.
 * Several tests are named after mistakes that other brokers made. */
#include "support_kafka.h"

static struct kafka_init_producer_id_response *init_at(
	struct kafka_fixture *fixture, const char *id, const struct transaction_producer *known, int16_t version)
{
	struct kafka_init_producer_id_request *message = MAKE(fixture, init_producer_id_request);
	message->transactional_id = slice_of_string(id);
	message->transaction_timeout_ms = 60000;
	if (known != NULL) {
		message->producer_id = known->id;
		message->producer_epoch = known->epoch;
	}
	return ask(fixture, 22, version, message);
}

/* As clients do: asks again while an older transaction is being aborted. */
static struct transaction_producer init(struct kafka_fixture *fixture, const char *id)
{
	struct kafka_init_producer_id_response *answer;
	do
		answer = init_at(fixture, id, NULL, 4);
	while (answer->error_code == KAFKA_CONCURRENT_TRANSACTIONS);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	return (struct transaction_producer){answer->producer_id, answer->producer_epoch};
}

static int16_t add_at(struct kafka_fixture *fixture, const char *id, struct transaction_producer producer,
	const char *topic, int32_t partition, int16_t version)
{
	struct kafka_add_partitions_request *message = MAKE(fixture, add_partitions_request);
	message->transactional_id = slice_of_string(id);
	message->producer_id = producer.id;
	message->producer_epoch = producer.epoch;
	message->topics_count = 1;
	message->topics = MAKE(fixture, add_partitions_request_topic);
	message->topics->name = slice_of_string(topic);
	message->topics->partitions_count = 1;
	message->topics->partitions = arena_alloc(&fixture->arena, sizeof(int32_t));
	message->topics->partitions[0] = partition;
	struct kafka_add_partitions_response *answer;
	do
		answer = ask(fixture, 24, version, message);
	while (answer->topics->partitions->error_code == KAFKA_CONCURRENT_TRANSACTIONS);
	assert_int_equal(answer->topics->partitions->partition_index, partition);
	return answer->topics->partitions->error_code;
}

static int16_t add(struct kafka_fixture *fixture, const char *id, struct transaction_producer producer,
	const char *topic, int32_t partition)
{
	return add_at(fixture, id, producer, topic, partition, 3);
}

static int16_t end_at(struct kafka_fixture *fixture, const char *id, struct transaction_producer producer,
	bool commit, int16_t version)
{
	struct kafka_end_txn_request *message = MAKE(fixture, end_txn_request);
	message->transactional_id = slice_of_string(id);
	message->producer_id = producer.id;
	message->producer_epoch = producer.epoch;
	message->committed = commit;
	return ((struct kafka_end_txn_response *)ask(fixture, 26, version, message))->error_code;
}

static int16_t end(
	struct kafka_fixture *fixture, const char *id, struct transaction_producer producer, bool commit)
{
	return end_at(fixture, id, producer, commit, 3);
}

/* Produces `count` records as part of the transaction; id NULL: says none. */
static int16_t put(struct kafka_fixture *fixture, const char *id, struct transaction_producer producer,
	int32_t sequence, int32_t partition, int32_t count)
{
	struct record_batch_producer as = {producer.id, producer.epoch, sequence, true};
	struct buffer batch = {0};
	batch_make(&batch, count, 1000, CODEC_NONE, &as);
	struct kafka_produce_request *message = produce_make(fixture, "t", partition, -1, buffer_slice(&batch));
	if (id != NULL)
		message->transactional_id = slice_of_string(id);
	struct kafka_produce_response *answer = ask(fixture, 0, 9, message);
	buffer_deinit(&batch);
	return answer->topics->partitions->error_code;
}

static void put_plain(struct kafka_fixture *fixture, int32_t count)
{
	struct buffer batch = {0};
	batch_make(&batch, count, 1000, CODEC_NONE, NULL);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_NONE);
	buffer_deinit(&batch);
}

static struct kafka_fetch_response_partition *fetch(
	struct kafka_fixture *fixture, int64_t offset, bool committed, int16_t version)
{
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, offset, 0, 0);
	message->isolation_level = committed;
	struct kafka_fetch_response *answer = ask(fixture, 1, version, message);
	return answer->topics->partitions;
}

/* The offset behind the last batch of a fetch. */
static int64_t fetched_to(const struct kafka_fetch_response_partition *answer)
{
	int64_t to = -1;
	struct record_batch batch;
	for (struct slice bytes = answer->records; bytes.size != 0;
		 bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size)) {
		assert_int_equal(record_batch_header(bytes, &batch), STATUS_OK);
		to = batch.base_offset + batch.last_offset_delta + 1;
	}
	return to;
}

static int64_t end_offset(struct kafka_fixture *fixture, bool committed)
{
	struct kafka_list_offsets_request *message = MAKE(fixture, list_offsets_request);
	message->isolation_level = committed;
	message->topics_count = 1;
	message->topics = MAKE(fixture, list_offsets_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, list_offsets_request_partition);
	message->topics->partitions->timestamp = -1;
	struct kafka_list_offsets_response *answer = ask(fixture, 2, 7, message);
	return answer->topics->partitions->offset;
}

static struct partition *partition_zero(struct kafka_fixture *fixture)
{
	const struct topic *topic;
	assert_int_equal(topic_find(fixture->log, "t", &topic), STATUS_OK);
	return topic_partition(topic, 0);
}

/* Topic "t" with two records, and three of a transaction of "x" that is open. */
static struct transaction_producer open_transaction(struct kafka_fixture *fixture)
{
	topic_make(fixture, "t", 1);
	struct transaction_producer producer = init(fixture, "x");
	put_plain(fixture, 2);
	assert_int_equal(add(fixture, "x", producer, "t", 0), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", producer, 0, 0, 3), KAFKA_NONE);
	return producer;
}

/* ---- ---- */

/* "read_committed bounded by HW" */
static void read_committed_is_not_bounded_by_the_high_watermark_but_by_the_last_stable_offset(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct transaction_producer producer = open_transaction(fixture);
	put_plain(fixture, 4);
	struct kafka_fetch_response_partition *answer = fetch(fixture, 0, true, 12);
	assert_int_equal(fetched_to(answer), 2);
	assert_int_equal(answer->high_watermark, 9);
	assert_int_equal(answer->last_stable_offset, 2);
	assert_int_equal(fetch(fixture, 2, true, 12)->records.size, 0);
	assert_int_equal(fetched_to(fetch(fixture, 0, false, 12)), 9);
	assert_int_equal(end_offset(fixture, true), 2);
	assert_int_equal(end_offset(fixture, false), 9);
	assert_int_equal(fetch(fixture, 10, true, 12)->error_code, KAFKA_OFFSET_OUT_OF_RANGE);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
	/* Who is told that it committed can read it. */
	answer = fetch(fixture, 2, true, 12);
	assert_int_equal(fetched_to(answer), 10);
	assert_int_equal(answer->aborted_transactions_count, 0);
	assert_int_equal(end_offset(fixture, true), 10);
}

/* A fetch that finds nothing waits; what it is answered in the end. */
static struct kafka_fetch_response_partition *fetch_parked(
	struct kafka_fixture *fixture, int64_t offset, bool committed, bool end_by_append)
{
	struct buffer bytes = {0};
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, offset, 1, 500);
	message->isolation_level = committed;
	request_append(fixture, 1, 12, message, &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	assert_false(answer_is_there(fixture));
	if (end_by_append) {
		int64_t at;
		bytes.size = 0;
		batch_make(&bytes, 1, 1000, CODEC_NONE, NULL);
		assert_int_equal(
			log_append_wait(fixture->log, partition_zero(fixture), bytes.data, bytes.size, &at), STATUS_OK);
	} else {
		fixture->now_ms += 500;
	}
	buffer_deinit(&bytes);
	return ((struct kafka_fetch_response *)answer_take(fixture, 1, 12, NULL))->topics->partitions;
}

/* "HW/LSO omitted" */
static void the_high_watermark_and_the_last_stable_offset_are_in_every_answer(void **state)
{
	struct kafka_fixture *fixture = *state;
	(void)open_transaction(fixture);
	const struct kafka_fetch_response_partition *answer;
	for (int16_t version = 4; version <= 12; version++) {
		for (int64_t offset = 0; offset <= 6; offset++) { /* records, nothing, and out of range */
			for (int committed = 0; committed < 2; committed++) {
				answer = fetch(fixture, offset, committed, version);
				assert_int_equal(answer->error_code, offset <= 5 ? KAFKA_NONE : KAFKA_OFFSET_OUT_OF_RANGE);
				assert_int_equal(answer->high_watermark, 5);
				assert_int_equal(answer->last_stable_offset, 2);
			}
		}
	}
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 500);
	message->topics->partitions->current_leader_epoch = 1;
	answer = ((struct kafka_fetch_response *)ask(fixture, 1, 12, message))->topics->partitions;
	assert_int_equal(answer->error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
	assert_int_equal(answer->high_watermark, 5);
	assert_int_equal(answer->last_stable_offset, 2);
	for (int committed = 0; committed < 2; committed++) {
		answer = fetch_parked(fixture, committed ? 2 : 5, committed, false);
		assert_int_equal(answer->records.size, 0);
		assert_int_equal(answer->high_watermark, 5);
		assert_int_equal(answer->last_stable_offset, 2);
	}
	answer = fetch_parked(fixture, 5, false, true);
	assert_int_equal(fetched_to(answer), 6);
	assert_int_equal(answer->high_watermark, 6);
	assert_int_equal(answer->last_stable_offset, 2);
}

/* "aborted list unsorted" */
static void the_aborted_list_is_sorted_and_for_read_committed_only(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const char *const ids[] = {"a", "b", "c", "d"};
	struct transaction_producer producers[4];
	topic_make(fixture, "t", 1);
	for (int i = 0; i < 4; i++) {
		producers[i] = init(fixture, ids[i]);
		assert_int_equal(add(fixture, ids[i], producers[i], "t", 0), KAFKA_NONE);
		assert_int_equal(put(fixture, ids[i], producers[i], 0, 0, 1), KAFKA_NONE);
	}
	/* They end in another order than they began, and one commits. */
	assert_int_equal(end(fixture, "d", producers[3], false), KAFKA_NONE);
	assert_int_equal(end(fixture, "b", producers[1], true), KAFKA_NONE);
	assert_int_equal(end(fixture, "c", producers[2], false), KAFKA_NONE);
	assert_int_equal(end(fixture, "a", producers[0], false), KAFKA_NONE);
	for (int round = 0; round < 2; round++) {
		for (int16_t version = 4; version <= 12; version++) {
			struct kafka_fetch_response_partition *answer = fetch(fixture, 0, true, version);
			assert_int_equal(answer->aborted_transactions_count, 3);
			for (int i = 0; i < 3; i++) {
				static const int order[] = {0, 2, 3};
				assert_int_equal(answer->aborted_transactions[i].producer_id, producers[order[i]].id);
				assert_int_equal(answer->aborted_transactions[i].first_offset, order[i]);
			}
			assert_int_equal(fetch(fixture, 0, false, version)->aborted_transactions_count, -1);
		}
		fixture_restart(fixture);
	}
}

/* "EndTxn on an empty transaction must not wedge" */
static void the_end_of_an_empty_transaction_does_not_wedge(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct transaction_producer producer = init(fixture, "x");
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
	assert_int_equal(end(fixture, "x", producer, false), KAFKA_NONE);
	/* Partitions added, but nothing written. */
	assert_int_equal(add(fixture, "x", producer, "t", 0), KAFKA_NONE);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE); /* asked again */
	assert_int_equal(end(fixture, "x", producer, false), KAFKA_INVALID_TXN_STATE);
	assert_int_equal(add(fixture, "x", producer, "t", 0), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", producer, 0, 0, 1), KAFKA_NONE);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
}

static void an_init_while_ongoing_aborts_and_fences(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct transaction_producer zombie = init(fixture, "x");
	assert_int_equal(add(fixture, "x", zombie, "t", 0), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", zombie, 0, 0, 1), KAFKA_NONE);
	assert_int_equal(init_at(fixture, "x", NULL, 4)->error_code, KAFKA_CONCURRENT_TRANSACTIONS);
	struct transaction_producer heir = init(fixture, "x");
	assert_int_equal(heir.id, zombie.id);
	assert_true(heir.epoch > zombie.epoch);
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 2);
	assert_int_equal(fetch(fixture, 0, true, 12)->aborted_transactions_count, 1);
	assert_int_equal(end_at(fixture, "x", zombie, true, 3), KAFKA_PRODUCER_FENCED);
	assert_int_equal(end_at(fixture, "x", zombie, true, 1), KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(add_at(fixture, "x", zombie, "t", 0, 2), KAFKA_PRODUCER_FENCED);
	assert_int_equal(add_at(fixture, "x", zombie, "t", 0, 0), KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(put(fixture, "x", zombie, 1, 0, 1), KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(init_at(fixture, "x", &zombie, 4)->error_code, KAFKA_PRODUCER_FENCED);
	assert_int_equal(init_at(fixture, "x", &zombie, 3)->error_code, KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(add(fixture, "x", heir, "t", 0), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", heir, 0, 0, 1), KAFKA_NONE);
	assert_int_equal(end(fixture, "x", heir, true), KAFKA_NONE);
}

static void a_batch_is_taken_only_while_its_partition_is_part_of_the_transaction(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	struct transaction_producer producer = init(fixture, "x");
	assert_int_equal(put(fixture, "x", producer, 0, 0, 1), KAFKA_INVALID_TXN_STATE);
	assert_int_equal(add(fixture, "x", producer, "t", 1), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", producer, 0, 0, 1), KAFKA_INVALID_TXN_STATE);
	assert_int_equal(put(fixture, "x", producer, 0, 1, 1), KAFKA_NONE);
	assert_int_equal(put(fixture, NULL, producer, 1, 1, 1), KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	assert_int_equal(put(fixture, "y", producer, 1, 1, 1), KAFKA_INVALID_PRODUCER_ID_MAPPING);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", producer, 1, 1, 1), KAFKA_INVALID_TXN_STATE);
	assert_int_equal(partition_high_watermark(partition_zero(fixture)), 0);
	/* All partitions of a request or none. */
	assert_int_equal(add(fixture, "x", producer, "t", 9), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(add(fixture, "x", producer, "__kappa_groups", 0), KAFKA_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(add(fixture, "y", producer, "t", 0), KAFKA_INVALID_PRODUCER_ID_MAPPING);
	assert_int_equal(add(fixture, "", producer, "t", 0), KAFKA_INVALID_REQUEST);
}

static void control_batches_of_clients_are_refused(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer batch = {0};
	topic_make(fixture, "t", 1);
	transaction_marker_build(1, 0, MARKER_COMMIT, 0, 1000, &batch);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_INVALID_RECORD);
	buffer_deinit(&batch);
}

static void a_transaction_timeout_out_of_bounds_is_refused(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const int32_t bad[] = {0, -1, TRANSACTION_TIMEOUT_MS_MAX + 1};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct kafka_init_producer_id_request *message = MAKE(fixture, init_producer_id_request);
		message->transactional_id = slice_of_string("x");
		message->transaction_timeout_ms = bad[i];
		struct kafka_init_producer_id_response *answer = ask(fixture, 22, 4, message);
		assert_int_equal(answer->error_code, KAFKA_INVALID_TRANSACTION_TIMEOUT);
	}
}

static void a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct transaction_coordinator *coordinator = fixture->broker->transactions;
	topic_make(fixture, "t", 1);
	struct transaction_producer producer = init(fixture, "x");
	assert_int_equal(add(fixture, "x", producer, "t", 0), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", producer, 0, 0, 1), KAFKA_NONE);
	transaction_coordinator_tick(coordinator, fixture->now_ms + 59000);
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 0);
	transaction_coordinator_tick(coordinator, fixture->now_ms + 70000);
	struct transaction_producer heir = init(fixture, "x");
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 2);
	assert_int_equal(heir.epoch, producer.epoch + 2); /* the abort's, and its own */
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_PRODUCER_FENCED);
}

static void an_ongoing_transaction_goes_on_after_a_restart(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct transaction_producer producer = init(fixture, "x");
	assert_int_equal(add(fixture, "x", producer, "t", 0), KAFKA_NONE);
	assert_int_equal(put(fixture, "x", producer, 0, 0, 1), KAFKA_NONE);
	fixture_restart(fixture);
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 0);
	assert_int_equal(put(fixture, "x", producer, 0, 0, 1), KAFKA_NONE); /* sent again: stored once */
	assert_int_equal(put(fixture, "x", producer, 1, 0, 1), KAFKA_NONE);
	assert_int_equal(partition_high_watermark(partition_zero(fixture)), 2);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
	fixture_restart(fixture);
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 3);
	assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE); /* the answer was lost */
}

/* "coordinator stuck in Prepare": the decision was recorded, then the power went. */
static void a_coordinator_is_not_stuck_in_prepare_after_a_restart(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	for (int round = 0; round < 4; round++) {
		bool commit = round % 2 == 0;
		struct transaction_producer producer = init(fixture, "x");
		assert_int_equal(add(fixture, "x", producer, "t", 0), KAFKA_NONE);
		assert_int_equal(put(fixture, "x", producer, 0, 0, 2), KAFKA_NONE);
		struct arena arena;
		arena_init(&arena);
		struct transaction_description about;
		assert_true(transaction_coordinator_describe(
			fixture->broker->transactions, slice_of_string("x"), &arena, &about));
		about.value.state = commit ? TRANSACTION_PREPARE_COMMIT : TRANSACTION_PREPARE_ABORT;
		struct buffer record = {0};
		assert_int_equal(
			transaction_record_encode(slice_of_string("x"), &about.value, 0, &record), STATUS_OK);
		const struct topic *topic;
		int64_t offset, before = partition_high_watermark(partition_zero(fixture));
		assert_int_equal(topic_find(fixture->log, TRANSACTIONS_TOPIC_NAME, &topic), STATUS_OK);
		assert_int_equal(
			log_append_wait(fixture->log, topic_partition(topic, 0), record.data, record.size, &offset),
			STATUS_OK);
		if (round >= 2) { /* one marker was written already */
			record.size = 0;
			transaction_marker_build(
				producer.id, producer.epoch, commit ? MARKER_COMMIT : MARKER_ABORT, 0, 1000, &record);
			assert_int_equal(
				log_append_wait(fixture->log, partition_zero(fixture), record.data, record.size, &offset),
				STATUS_OK);
		}
		buffer_deinit(&record);
		arena_deinit(&arena);
		fixture_restart(fixture);
		/* Answered only when it is over. */
		(void)init(fixture, "x");
		assert_int_equal(
			partition_last_stable_offset(partition_zero(fixture)), before + (round >= 2 ? 2 : 1));
		assert_int_equal(fetch(fixture, before - 2, true, 12)->aborted_transactions_count, !commit);
	}
}

static void an_open_transaction_that_nobody_knows_is_aborted_at_start(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct record_batch_producer lost = {777, 3, 0, true};
	struct buffer batch = {0};
	int64_t offset;
	batch_make(&batch, 2, 1000, CODEC_NONE, &lost);
	assert_int_equal(
		log_append_wait(fixture->log, partition_zero(fixture), batch.data, batch.size, &offset), STATUS_OK);
	buffer_deinit(&batch);
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 0);
	fixture_restart(fixture);
	assert_int_equal(partition_last_stable_offset(partition_zero(fixture)), 3);
	assert_int_equal(fetch(fixture, 0, true, 12)->aborted_transactions_count, 1);
}

/* "producers expired by timestamp −1" */
static void producers_are_not_expired_by_timestamp_minus_1(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct record_batch_producer producer = {.id = 5};
	struct buffer batch = {0};
	batch_make(&batch, 1, -1, CODEC_NONE, &producer);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->base_offset, 0);
	put_plain(fixture, 3);
	fixture_restart(fixture);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->base_offset, 0);
	assert_int_equal(partition_high_watermark(partition_zero(fixture)), 4);
	buffer_deinit(&batch);
}

/* ---- offsets of groups ---- */

static int16_t stage(
	struct kafka_fixture *fixture, struct transaction_producer producer, int64_t offset, int16_t version)
{
	struct kafka_txn_commit_request *message = MAKE(fixture, txn_commit_request);
	message->transactional_id = slice_of_string("x");
	message->group_id = slice_of_string("g");
	message->producer_id = producer.id;
	message->producer_epoch = producer.epoch;
	message->member_id = slice_of_string("");
	message->topics_count = 1;
	message->topics = MAKE(fixture, txn_commit_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, txn_commit_request_partition);
	message->topics->partitions->committed_offset = offset;
	struct kafka_txn_commit_response *answer = ask(fixture, 28, version, message);
	return answer->topics->partitions->error_code;
}

static int16_t add_offsets(
	struct kafka_fixture *fixture, struct transaction_producer producer, int16_t version)
{
	struct kafka_add_offsets_request *message = MAKE(fixture, add_offsets_request);
	message->transactional_id = slice_of_string("x");
	message->producer_id = producer.id;
	message->producer_epoch = producer.epoch;
	message->group_id = slice_of_string("g");
	return ((struct kafka_add_offsets_response *)ask(fixture, 25, version, message))->error_code;
}

static int64_t committed_offset(struct kafka_fixture *fixture)
{
	struct kafka_offset_fetch_request *message = MAKE(fixture, offset_fetch_request);
	message->group_id = slice_of_string("g");
	message->topics_count = 1;
	message->topics = MAKE(fixture, offset_fetch_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partition_indexes_count = 1;
	message->topics->partition_indexes = arena_alloc_zeroed(&fixture->arena, sizeof(int32_t));
	struct kafka_offset_fetch_response *answer = ask(fixture, 9, 5, message);
	return answer->topics->partitions->committed_offset;
}

static void offsets_are_committed_with_their_transaction(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct transaction_producer producer = init(fixture, "x");
	assert_int_equal(stage(fixture, producer, 5, 3), KAFKA_INVALID_TXN_STATE);
	for (int16_t version = 0; version <= 3; version++) {
		int64_t offset = 10 + version;
		assert_int_equal(add_offsets(fixture, producer, version), KAFKA_NONE);
		assert_int_equal(stage(fixture, producer, offset, version), KAFKA_NONE);
		assert_int_equal(committed_offset(fixture), version == 0 ? -1 : offset - 1);
		if (version == 2)
			fixture_restart(fixture);
		assert_int_equal(end(fixture, "x", producer, true), KAFKA_NONE);
		assert_int_equal(committed_offset(fixture), offset);
	}
	assert_int_equal(add_offsets(fixture, producer, 3), KAFKA_NONE);
	assert_int_equal(stage(fixture, producer, 99, 3), KAFKA_NONE);
	assert_int_equal(end(fixture, "x", producer, false), KAFKA_NONE);
	assert_int_equal(committed_offset(fixture), 13);
	(void)init(fixture, "x");
	assert_int_equal(stage(fixture, producer, 99, 3), KAFKA_INVALID_PRODUCER_EPOCH);
}

/* ---- administration ---- */

static void what_is_under_way_can_be_looked_at(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 3);
	struct transaction_producer x = init(fixture, "x"), y = init(fixture, "y");
	assert_int_equal(add(fixture, "x", x, "t", 2), KAFKA_NONE);
	assert_int_equal(add(fixture, "x", x, "t", 0), KAFKA_NONE);
	put_plain(fixture, 2);
	assert_int_equal(put(fixture, "x", x, 0, 0, 3), KAFKA_NONE);
	struct slice ids[] = {slice_of_string("x"), slice_of_string("y"), slice_of_string("z")};
	struct kafka_describe_transactions_request *describe = MAKE(fixture, describe_transactions_request);
	describe->transactional_ids = ids;
	describe->transactional_ids_count = 3;
	struct kafka_describe_transactions_response *described = ask(fixture, 65, 0, describe);
	const struct kafka_describe_transactions_state *about = described->transaction_states;
	assert_true(slice_equal(about[0].transaction_state, slice_of_string("Ongoing")));
	assert_int_equal(about[0].producer_id, x.id);
	assert_int_equal(about[0].topics_count, 1);
	assert_int_equal(about[0].topics->partitions_count, 2);
	assert_int_equal(about[0].topics->partitions[1], 2);
	assert_true(slice_equal(about[1].transaction_state, slice_of_string("Empty")));
	assert_int_equal(about[2].error_code, KAFKA_TRANSACTIONAL_ID_NOT_FOUND);
	struct kafka_list_transactions_request *list = MAKE(fixture, list_transactions_request);
	struct kafka_list_transactions_response *listed = ask(fixture, 66, 1, list);
	assert_int_equal(listed->transaction_states_count, 2);
	struct slice filters[] = {slice_of_string("Empty"), slice_of_string("Nonsense")};
	list->state_filters = filters;
	list->state_filters_count = 2;
	listed = ask(fixture, 66, 0, list);
	assert_int_equal(listed->transaction_states_count, 1);
	assert_int_equal(listed->transaction_states->producer_id, y.id);
	assert_int_equal(listed->unknown_state_filters_count, 1);
	list = MAKE(fixture, list_transactions_request);
	list->producer_id_filters = &x.id;
	list->producer_id_filters_count = 1;
	listed = ask(fixture, 66, 0, list);
	assert_int_equal(listed->transaction_states_count, 1);
	assert_true(slice_equal(listed->transaction_states->transactional_id, slice_of_string("x")));
	int64_t several[] = {y.id + 1000, x.id, -5, y.id, x.id}; /* in no order */
	list->producer_id_filters = several;
	list->producer_id_filters_count = 5;
	listed = ask(fixture, 66, 0, list);
	assert_int_equal(listed->transaction_states_count, 2);
	list->producer_id_filters_count = 1;
	listed = ask(fixture, 66, 0, list);
	assert_int_equal(listed->transaction_states_count, 0);
	struct kafka_describe_producers_request *producers = MAKE(fixture, describe_producers_request);
	producers->topics = MAKE(fixture, describe_producers_request_topic);
	producers->topics_count = 1;
	producers->topics->name = slice_of_string("t");
	int32_t numbers[] = {0, 1, 9};
	producers->topics->partition_indexes = numbers;
	producers->topics->partition_indexes_count = 3;
	struct kafka_describe_producers_response *answer = ask(fixture, 61, 0, producers);
	const struct kafka_describe_producers_response_partition *found = answer->topics->partitions;
	assert_int_equal(found[0].active_producers_count, 1);
	assert_int_equal(found[0].active_producers->producer_id, x.id);
	assert_int_equal(found[0].active_producers->last_sequence, 2);
	assert_int_equal(found[0].active_producers->current_txn_start_offset, 2);
	assert_int_equal(found[1].active_producers_count, 0);
	assert_int_equal(found[2].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(read_committed_is_not_bounded_by_the_high_watermark_but_by_the_last_stable_offset),
		TEST(the_high_watermark_and_the_last_stable_offset_are_in_every_answer),
		TEST(the_aborted_list_is_sorted_and_for_read_committed_only),
		TEST(the_end_of_an_empty_transaction_does_not_wedge),
		TEST(an_init_while_ongoing_aborts_and_fences),
		TEST(a_batch_is_taken_only_while_its_partition_is_part_of_the_transaction),
		TEST(control_batches_of_clients_are_refused),
		TEST(a_transaction_timeout_out_of_bounds_is_refused),
		TEST(a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced),
		TEST(an_ongoing_transaction_goes_on_after_a_restart),
		TEST(a_coordinator_is_not_stuck_in_prepare_after_a_restart),
		TEST(an_open_transaction_that_nobody_knows_is_aborted_at_start),
		TEST(producers_are_not_expired_by_timestamp_minus_1),
		TEST(offsets_are_committed_with_their_transaction),
		TEST(what_is_under_way_can_be_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
