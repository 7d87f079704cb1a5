/* Fetch. */
#include "support_kafka.h"

#include <time.h>

#include "base/file.h"
#include "base/hash.h"

static struct kafka_fetch_response_partition *fetched(
	struct kafka_fixture *fixture, int16_t version, const struct kafka_fetch_request *message)
{
	struct kafka_fetch_response *answer = ask(fixture, 1, version, message);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->session_id, 0);
	return answer->topics->partitions;
}

/* Offsets of the first and behind the last record, checking that all between are there. */
static int64_t records_check(struct slice bytes, int64_t first)
{
	struct record_iterator iterator;
	struct record record;
	record_iterator_init(&iterator, bytes);
	int64_t next = first;
	while (record_iterator_next(&iterator, &record) == STATUS_OK) {
		assert_int_equal(record.offset, next);
		next += 1;
	}
	record_iterator_deinit(&iterator);
	return next;
}

static void records_come_back_in_every_version(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	topic_fill(fixture, "t", 1, 3, 10);
	for (int16_t version = 4; version <= 12; version++) {
		struct kafka_fetch_response_partition *answer =
			fetched(fixture, version, fetch_make(fixture, "t", 1, 0, 1, 1000));
		assert_int_equal(answer->error_code, KAFKA_NONE);
		assert_int_equal(records_check(answer->records, 0), 30);
		assert_int_equal(answer->high_watermark, 30);
		assert_int_equal(answer->last_stable_offset, 30);
		assert_int_equal(answer->log_start_offset, version >= 5 ? 0 : -1);
		assert_int_equal(answer->aborted_transactions_count, -1);
	}
	struct kafka_fetch_request *committed = fetch_make(fixture, "t", 1, 0, 1, 1000);
	committed->isolation_level = 1;
	assert_int_equal(fetched(fixture, 11, committed)->aborted_transactions_count, 0);
}

static void offset_at_the_high_watermark_is_empty_and_no_error(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 1, 10);
	struct kafka_fetch_response_partition *answer =
		fetched(fixture, 11, fetch_make(fixture, "t", 0, 10, 1, 0));
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->records.size, 0);
	assert_int_equal(answer->high_watermark, 10); /* "HW/LSO omitted" */
	assert_int_equal(answer->last_stable_offset, 10);
}

static void mid_batch_fetch_returns_the_batch(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 3, 10);
	struct kafka_fetch_response_partition *answer =
		fetched(fixture, 11, fetch_make(fixture, "t", 0, 17, 1, 0));
	assert_int_equal(records_check(answer->records, 10), 30);
}

static void offsets_outside_the_log_are_out_of_range(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 1, 10);
	/* An error answers at once, however long the client would wait. */
	assert_int_equal(fetched(fixture, 11, fetch_make(fixture, "t", 0, 11, 1, 100000))->error_code,
		KAFKA_OFFSET_OUT_OF_RANGE);
	assert_int_equal(fetched(fixture, 11, fetch_make(fixture, "t", 0, -1, 1, 100000))->error_code,
		KAFKA_OFFSET_OUT_OF_RANGE);
	assert_int_equal(fetched(fixture, 11, fetch_make(fixture, "t", 1, 0, 1, 100000))->error_code,
		KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	struct kafka_fetch_request *epoch = fetch_make(fixture, "t", 0, 0, 1, 100000);
	epoch->topics->partitions->current_leader_epoch = 1;
	assert_int_equal(fetched(fixture, 11, epoch)->error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
	epoch->topics->partitions->current_leader_epoch = 0;
	assert_int_equal(fetched(fixture, 11, epoch)->error_code, KAFKA_NONE);
}

static void send_fetch(struct kafka_fixture *fixture, const struct kafka_fetch_request *message)
{
	struct buffer bytes = {0};
	request_append(fixture, 1, 11, message, &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	buffer_deinit(&bytes);
}

static void append_directly(struct kafka_fixture *fixture, const char *topic, int32_t records)
{
	struct buffer batch = {0};
	const struct topic *found;
	int64_t offset;
	batch_make(&batch, records, 5000, CODEC_NONE, NULL);
	assert_int_equal(topic_find(fixture->log, topic, &found), STATUS_OK);
	assert_int_equal(
		log_append_wait(fixture->log, topic_partition(found, 0), batch.data, batch.size, &offset), STATUS_OK);
	buffer_deinit(&batch);
}

/* "empty fetch not long-polled" */
static void an_empty_fetch_is_long_polled_until_records_arrive(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 1, 500));
	assert_false(answer_is_there(fixture));
	assert_int_equal(kafka_session_deadline_ms(fixture->session), fixture->now_ms + 500);
	fixture->now_ms += 499;
	assert_int_equal(turn(fixture), STATUS_OK);
	assert_false(answer_is_there(fixture));
	int advances = fixture->advances;
	append_directly(fixture, "t", 5);
	for (int i = 0; i < 1000000 && fixture->advances == advances; i++)
		;
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(records_check(answer->topics->partitions->records, 0), 5);
	assert_int_equal(kafka_session_deadline_ms(fixture->session), INT64_MAX);
}

static void an_empty_fetch_ends_when_its_time_is_over(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 1, 500));
	fixture->now_ms = kafka_session_deadline_ms(fixture->session);
	assert_int_equal(turn(fixture), STATUS_OK);
	assert_true(answer_is_there(fixture));
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(answer->topics->partitions->records.size, 0);
	/* A fetch of nothing waits as well. */
	struct kafka_fetch_request *nothing = MAKE(fixture, fetch_request);
	nothing->min_bytes = 1;
	nothing->max_wait_ms = 10;
	send_fetch(fixture, nothing);
	assert_false(answer_is_there(fixture));
	fixture->now_ms += 10;
	assert_int_equal(turn(fixture), STATUS_OK);
	assert_true(answer_is_there(fixture));
}

static void min_bytes_gathers_over_several_appends(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 350, 100000));
	int appends = 0;
	while (!answer_is_there(fixture) && appends < 20) {
		append_directly(fixture, "t", 3); /* about 100 bytes */
		appends += 1;
		assert_int_equal(turn(fixture), STATUS_OK);
	}
	assert_in_range(appends, 3, 5);
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_true(answer->topics->partitions->records.size >= 350);
	assert_int_equal(records_check(answer->topics->partitions->records, 0), 3 * appends);
}

static void a_topic_deleted_while_waited_for_is_said(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 1, 100000));
	assert_false(answer_is_there(fixture));
	assert_int_equal(topic_delete(fixture->log, "t"), STATUS_OK);
	assert_int_equal(turn(fixture), STATUS_OK);
	assert_true(answer_is_there(fixture));
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

static void an_error_in_one_partition_comes_with_the_records_of_the_others(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 1, 10);
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 1000);
	message->topics->partitions_count = 2;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, 2);
	message->topics->partitions[0].partition = 7;
	message->topics->partitions[1].partition_max_bytes = 1000000;
	struct kafka_fetch_response_partition *answer = fetched(fixture, 11, message);
	assert_int_equal(answer[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(records_check(answer[1].records, 0), 10);
}

static void limits_hold_but_the_first_batch_always_comes(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	topic_fill(fixture, "t", 0, 4, 100); /* four batches of about 1.2 KB each */
	topic_fill(fixture, "t", 1, 4, 100);
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 0);
	message->max_bytes = 1;
	message->topics->partitions->partition_max_bytes = 1;
	struct kafka_fetch_response_partition *answer = fetched(fixture, 11, message);
	assert_int_equal(records_check(answer->records, 0), 100);
	/* Two partitions: the first may exceed its limit, the second may not. */
	message->max_bytes = 1000000;
	message->topics->partitions_count = 2;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, 2);
	message->topics->partitions[1].partition = 1;
	message->topics->partitions[0].partition_max_bytes = 10;
	message->topics->partitions[1].partition_max_bytes = 10;
	fixture->broker->fetch_turn = 0;
	answer = fetched(fixture, 11, message);
	assert_int_equal(records_check(answer[0].records, 0), 100);
	assert_int_equal(answer[1].records.size, 0);
	assert_int_equal(answer[1].error_code, KAFKA_NONE);
	/* The whole answer's limit cuts the second partition. */
	size_t one = answer[0].records.size;
	message->topics->partitions[0].partition_max_bytes = message->topics->partitions[1].partition_max_bytes =
		1000000;
	message->max_bytes = (int32_t)(one * 5 + one / 2);
	fixture->broker->fetch_turn = 0;
	answer = fetched(fixture, 11, message);
	assert_int_equal(records_check(answer[0].records, 0), 400);
	assert_int_equal(records_check(answer[1].records, 0), 100);
}

static void partitions_take_turns_at_being_first(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 3);
	int served[3] = {0};
	for (int32_t p = 0; p < 3; p++)
		topic_fill(fixture, "t", p, 1, 10);
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 0);
	message->max_bytes = 1;
	message->topics->partitions_count = 3;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, 3);
	for (int32_t p = 0; p < 3; p++)
		message->topics->partitions[p].partition = p;
	for (int i = 0; i < 6; i++) {
		struct kafka_fetch_response_partition *answer = fetched(fixture, 11, message);
		for (int32_t p = 0; p < 3; p++)
			served[p] += answer[p].records.size != 0;
	}
	for (int32_t p = 0; p < 3; p++)
		assert_int_equal(served[p], 2);
}

/* What the server does when the log has moved: how many wakes it takes. */
static int look(struct kafka_fixture *fixture)
{
	int before = fixture->wakes;
	kafka_waits_look(fixture->broker->waits);
	return fixture->wakes - before;
}

static void only_a_fetch_whose_partition_moved_is_woken(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_make(fixture, "other", 1);
	(void)look(fixture);
	assert_int_equal(look(fixture), 0); /* nobody waits */
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 1, 500));
	assert_false(answer_is_there(fixture));
	assert_int_equal(look(fixture), 0);
	append_directly(fixture, "other", 5);
	assert_int_equal(look(fixture), 0);
	append_directly(fixture, "t", 5);
	assert_int_equal(look(fixture), 1);
	assert_int_equal(look(fixture), 0); /* once */
	assert_int_equal(turn(fixture), STATUS_OK);
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(records_check(answer->topics->partitions->records, 0), 5);
	append_directly(fixture, "t", 5);
	assert_int_equal(look(fixture), 0); /* answered: it waits no more */
}

static void a_fetch_waits_on_for_more_bytes_and_is_woken_again(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 200, 500));
	for (int i = 0; i < 2; i++) {
		append_directly(fixture, "t", 1);
		assert_int_equal(look(fixture), 1);
		assert_int_equal(turn(fixture), STATUS_OK);
	}
	assert_false(answer_is_there(fixture));
	append_directly(fixture, "t", 50);
	assert_int_equal(look(fixture), 1);
	assert_int_equal(turn(fixture), STATUS_OK);
	assert_true(answer_is_there(fixture));
	(void)answer_take(fixture, 1, 11, NULL);
}

static void a_fetch_is_woken_when_its_topic_is_deleted(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	(void)look(fixture);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 1, 500));
	assert_int_equal(topic_delete(fixture->log, "t"), STATUS_OK);
	assert_int_equal(look(fixture), 1);
	assert_int_equal(turn(fixture), STATUS_OK);
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

static void a_session_that_goes_while_it_waits_is_not_woken(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	(void)look(fixture);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 0, 1, 500));
	fixture_session_renew(fixture);
	append_directly(fixture, "t", 5);
	assert_int_equal(look(fixture), 0);
}

/* A reader far behind is served by a worker thread; the network thread does not read for it. */
static void a_reader_far_behind_reads_on_a_worker(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	for (int i = 0; i < 3; i++)
		append_directly(fixture, "t", 10000);
	fixture->calls_held = true;
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 1000);
	send_fetch(fixture, message);
	assert_non_null(fixture->calls);
	assert_false(answer_is_there(fixture));
	/* A deadline that is over meanwhile must not make the server turn in a loop. */
	assert_true(kafka_session_deadline_ms(fixture->session) == INT64_MAX);
	fixture->calls_held = false;
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(records_check(answer->topics->partitions->records, 0), 30000);
	/* Near the end it reads at once, counted in bytes: few records may be many of them. */
	append_directly(fixture, "t", 10);
	fixture->calls_held = true;
	send_fetch(fixture, fetch_make(fixture, "t", 0, 30000, 1, 1000));
	assert_null(fixture->calls);
	assert_int_equal(
		records_check(
			((struct kafka_fetch_response *)answer_take(fixture, 1, 11, NULL))->topics->partitions->records,
			30000),
		30010);
	send_fetch(fixture, fetch_make(fixture, "t", 0, 29999, 1, 1000));
	assert_non_null(fixture->calls);
	fixture->calls_held = false;
	(void)answer_take(fixture, 1, 11, NULL);
}

static void fetch_sessions_are_declined(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 0, 0);
	message->session_epoch = 0; /* "make me a session" */
	struct kafka_fetch_response *answer = ask(fixture, 1, 12, message);
	assert_int_equal(answer->session_id, 0);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->topics_count, 1);
	message->session_id = 12345;
	message->session_epoch = 1;
	answer = ask(fixture, 1, 12, message);
	assert_int_equal(answer->error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
	message->session_id = 0;
	answer = ask(fixture, 1, 12, message);
	assert_int_equal(answer->error_code, KAFKA_INVALID_FETCH_SESSION_EPOCH);
}

static void reading_a_whole_topic_fetch_by_fetch_gives_every_record_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	for (int i = 0; i < 60; i++)
		append_directly(fixture, "t", 1 + 37 * (i % 11));
	const struct topic *topic;
	assert_int_equal(topic_find(fixture->log, "t", &topic), STATUS_OK);
	int64_t end = partition_high_watermark(topic_partition(topic, 0));
	int64_t next = 0;
	while (next < end) {
		struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, next, 1, 0);
		message->topics->partitions->partition_max_bytes = 5000;
		struct kafka_fetch_response_partition *answer = fetched(fixture, 12, message);
		assert_true(answer->records.size > 0);
		next = records_check(answer->records, next);
	}
	assert_int_equal(next, end);
}

/* ---- records sent straight from their files ---- */

static struct partition *partition_of(struct kafka_fixture *fixture, const char *name, int32_t number)
{
	const struct topic *topic;
	assert_int_equal(topic_find(fixture->log, name, &topic), STATUS_OK);
	return topic_partition(topic, number);
}

static void append_bytes(struct kafka_fixture *fixture, struct partition *partition, struct buffer *batch)
{
	int64_t offset;
	assert_int_equal(log_append_wait(fixture->log, partition, batch->data, batch->size, &offset), STATUS_OK);
	buffer_deinit(batch);
}

static uint64_t random_below(uint64_t *state, uint64_t bound)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return hash_mix(*state) % bound;
}

/* Many small records, some batches of a hundred kilobytes and more, and transactions, half of them aborted.
 */
static void append_history(
	struct kafka_fixture *fixture, struct partition *partition, uint64_t *random, int batches, bool decided)
{
	static uint8_t filling[200 * 1024];
	struct record_batch_producer producers[3] = {{10, 0, 0, true}, {11, 0, 0, true}, {12, 0, 0, true}};
	bool open[3] = {0};
	for (int i = 0; i < batches; i++) {
		struct buffer batch = {0};
		uint64_t kind = random_below(random, 10), who = random_below(random, 3);
		int32_t count = 1 + (int32_t)random_below(random, 4000);
		if (kind == 0) {
			struct record_batch_builder builder;
			record_batch_builder_init(&builder);
			record_batch_builder_add(&builder, 1000, (struct slice){0},
				slice_of(filling, 60000 + random_below(random, sizeof filling - 60000)), NULL, 0);
			assert_int_equal(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch), STATUS_OK);
			record_batch_builder_deinit(&builder);
		} else if (kind < 5) {
			batch_make(&batch, count, 1000, CODEC_NONE, NULL);
		} else if (kind < 8 || !open[who]) {
			batch_make(&batch, count, 1000, CODEC_NONE, &producers[who]);
			producers[who].base_sequence += count;
			open[who] = true;
		} else {
			transaction_marker_build(producers[who].id, 0,
				random_below(random, 2) == 0 ? MARKER_ABORT : MARKER_COMMIT, 0, 1000, &batch);
			open[who] = false;
		}
		append_bytes(fixture, partition, &batch);
	}
	for (int who = 0; who < 3 && decided; who++) {
		struct buffer batch = {0};
		transaction_marker_build(producers[who].id, 0, MARKER_ABORT, 0, 1000, &batch);
		append_bytes(fixture, partition, &batch);
	}
}

/* The answer's bytes as they were sent. */
static void fetch_bytes(struct kafka_fixture *fixture, int16_t version,
	const struct kafka_fetch_request *message, struct buffer *out)
{
	struct buffer bytes = {0};
	fixture->broker->fetch_turn = 0;
	request_append(fixture, 1, version, message, &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	for (int i = 0; i < 1000 && !answer_is_there(fixture); i++)
		assert_int_equal(turn(fixture), STATUS_OK);
	assert_true(answer_is_there(fixture));
	assert_int_equal(fixture->sent.size, get_be32(fixture->sent.data) + 4);
	buffer_deinit(&bytes);
	buffer_deinit(out);
	*out = fixture->sent;
	fixture->sent = (struct buffer){0};
	put_be32(out->data + 4, 0); /* the correlation id */
}

static int32_t one_of(uint64_t *random, const int32_t *list, size_t count)
{
	return list[random_below(random, count)];
}

/* Both ways; returns how many ranges there were. */
static int answers_compare(
	struct kafka_fixture *fixture, int16_t version, const struct kafka_fetch_request *message)
{
	struct buffer copied = {0}, sent = {0};
	fixture->ranges_refused = true;
	fixture_session_renew(fixture);
	fetch_bytes(fixture, version, message, &copied);
	assert_int_equal(fixture->ranges_sent, 0);
	fixture->ranges_refused = false;
	fixture_session_renew(fixture);
	uint64_t before = fixture->broker->bytes_sent;
	fetch_bytes(fixture, version, message, &sent);
	assert_int_equal(sent.size, copied.size);
	assert_memory_equal(sent.data, copied.data, sent.size);
	assert_int_equal(fixture->broker->bytes_sent - before, sent.size);
	buffer_deinit(&copied);
	buffer_deinit(&sent);
	return fixture->ranges_sent;
}

static void answers_are_the_same_whether_copied_or_sent_from_files(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const int32_t limits[] = {1, 70000, 300000, 1000000, 50000000}, sizes_min[] = {1, 500000, 5000000};
	enum { PARTITIONS = 3 };
	const char *given = getenv("KAPPA_TEST_SEED");
	uint64_t random = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("seed: KAPPA_TEST_SEED=%llu\n", (unsigned long long)random);
	struct partition *partitions[PARTITIONS];
	int ranges = 0;
	topic_make(fixture, "t", PARTITIONS);
	for (int32_t p = 0; p < PARTITIONS; p++) {
		partitions[p] = partition_of(fixture, "t", p);
		append_history(fixture, partitions[p], &random, 120, p == 0);
	}
	for (int i = 0; i < 200; i++) {
		struct kafka_fetch_request *message =
			fetch_make(fixture, "t", 0, 0, one_of(&random, sizes_min, 3), 0);
		message->isolation_level = (int8_t)random_below(&random, 2);
		message->max_bytes = one_of(&random, limits, 5);
		int32_t count = 1 + (int32_t)random_below(&random, PARTITIONS);
		message->topics->partitions_count = count;
		message->topics->partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, count);
		for (int32_t p = 0; p < count; p++) {
			int64_t end = partition_high_watermark(partitions[p]);
			message->topics->partitions[p].partition = p;
			message->topics->partitions[p].fetch_offset = (int64_t)random_below(&random, (uint64_t)end);
			message->topics->partitions[p].partition_max_bytes = one_of(&random, limits, 5);
		}
		ranges += answers_compare(fixture, (int16_t)(4 + random_below(&random, 9)), message);
	}
	assert_true(ranges > 50);
	/* All of a partition: a range and, behind it, what the next segments have. A reader of committed records
	 * learns what to leave out. */
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 50000000, 0);
	message->isolation_level = 1;
	message->topics->partitions->partition_max_bytes = 50000000;
	assert_int_equal(answers_compare(fixture, 11, message), 1);
	struct kafka_fetch_response_partition *answer = fetched(fixture, 11, message);
	assert_true(answer->records.size > 1024 * 1024); /* a segment's size */
	assert_true(answer->aborted_transactions_count > 0);
}

/* Three batches of about 120 KB, more offsets than are read at once. */
static void append_far(struct kafka_fixture *fixture, const char *topic)
{
	topic_make(fixture, topic, 1);
	for (int i = 0; i < 3; i++)
		append_directly(fixture, topic, 10000);
}

static struct kafka_fetch_request *fetch_make_two(
	struct kafka_fixture *fixture, struct slice first, struct slice second, int32_t partition_max_bytes)
{
	struct kafka_fetch_request *message = fetch_make(fixture, "", 0, 0, 1, 1000);
	struct kafka_fetch_request_topic *topics = KAFKA_NEW(&fixture->arena, fetch_request_topic, 2);
	message->topics->partitions->partition_max_bytes = partition_max_bytes;
	topics[0] = topics[1] = message->topics[0];
	topics[0].name = first;
	topics[1].name = second;
	message->topics = topics;
	message->topics_count = 2;
	fixture->broker->fetch_turn = 0;
	return message;
}

static void an_encrypted_connection_gets_bytes(void **state)
{
	struct kafka_fixture *fixture = *state;
	append_far(fixture, "t");
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 1000);
	assert_int_equal(records_check(fetched(fixture, 11, message)->records, 0), 30000);
	assert_int_equal(fixture->ranges_sent, 1);
	fixture_session_renew(fixture);
	kafka_session_secured(fixture->session, NULL);
	assert_int_equal(records_check(fetched(fixture, 11, message)->records, 0), 30000);
	assert_int_equal(fixture->ranges_sent, 0);
}

static void little_is_copied_while_memory_is_short(void **state)
{
	struct kafka_fixture *fixture = *state;
	append_far(fixture, "t");
	append_far(fixture, "u");
	struct kafka_fetch_request *message =
		fetch_make_two(fixture, slice_of_string("t"), slice_of_string("u"), 1000000);
	struct kafka_fetch_response *answer = ask(fixture, 1, 11, message);
	size_t usual = answer->topics[0].partitions->records.size + answer->topics[1].partitions->records.size;
	assert_true(usual > 600000);
	fixture->scarce = true;
	fixture->broker->fetch_turn = 0;
	answer = ask(fixture, 1, 11, message);
	if (fixture->ranges_refused) {
		assert_in_range(answer->topics[0].partitions->records.size, 1, 256 * 1024);
		assert_int_equal(answer->topics[1].partitions->records.size, 0);
	} else { /* what the kernel sends takes none */
		assert_int_equal(
			answer->topics[0].partitions->records.size + answer->topics[1].partitions->records.size, usual);
	}
	assert_int_equal(answer->topics[0].partitions->error_code + answer->topics[1].partitions->error_code, 0);
	/* The first batch comes all the same. */
	struct buffer large = {0};
	batch_make(&large, 40000, 1000, CODEC_NONE, NULL);
	assert_true(large.size > 256 * 1024);
	topic_make(fixture, "large", 1);
	size_t size = large.size;
	append_bytes(fixture, kafka_partition_find(fixture->log, slice_of_string("large"), 0), &large);
	assert_int_equal(fetched(fixture, 11, fetch_make(fixture, "large", 0, 0, 1, 1000))->records.size, size);
}

static void few_bytes_and_those_near_the_end_are_copied(void **state)
{
	struct kafka_fixture *fixture = *state;
	append_far(fixture, "t");
	append_directly(fixture, "t", 10);
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 30000, 1, 1000);
	assert_int_equal(records_check(fetched(fixture, 11, message)->records, 30000), 30010);
	message->topics->partitions->fetch_offset = 0;
	message->topics->partitions->partition_max_bytes = 60000;
	assert_int_equal(records_check(fetched(fixture, 11, message)->records, 0), 10000);
	assert_int_equal(fixture->ranges_sent, 0);
	topic_make(fixture, "few", 1);
	append_directly(fixture, "few", 10);
	struct kafka_fetch_response *answer =
		ask(fixture, 1, 11, fetch_make_two(fixture, slice_of_string("few"), slice_of_string("t"), 1000000));
	assert_int_equal(records_check(answer->topics[0].partitions->records, 0), 10);
	assert_int_equal(records_check(answer->topics[1].partitions->records, 0), 30010);
	assert_int_equal(fixture->ranges_sent, 1);
}

static void a_long_name_beside_a_range_is_copied(void **state)
{
	struct kafka_fixture *fixture = *state;
	enum { NAME_SIZE = 20000 };
	char name[NAME_SIZE];
	memset(name, 'n', NAME_SIZE);
	struct slice unknown = slice_of(name, NAME_SIZE);
	append_far(fixture, "t");
	struct kafka_fetch_response *answer =
		ask(fixture, 1, 11, fetch_make_two(fixture, unknown, slice_of_string("t"), 1000000));
	assert_true(slice_equal(answer->topics[0].name, unknown));
	assert_int_equal(answer->topics[0].partitions->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(records_check(answer->topics[1].partitions->records, 0), 30000);
	assert_int_equal(fixture->ranges_sent, 1);
}

static void a_fetch_of_many_partitions_takes_a_bounded_number_of_ranges(void **state)
{
	struct kafka_fixture *fixture = *state;
	enum { PARTITIONS = 70 };
	topic_make(fixture, "t", PARTITIONS);
	for (int32_t p = 0; p < PARTITIONS; p++) {
		struct buffer batch = {0};
		batch_make(&batch, 6000, 1000, CODEC_NONE, NULL);
		append_bytes(fixture, partition_of(fixture, "t", p), &batch);
	}
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 1000);
	message->topics->partitions_count = PARTITIONS;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, PARTITIONS);
	for (int32_t p = 0; p < PARTITIONS; p++) {
		message->topics->partitions[p].partition = p;
		message->topics->partitions[p].partition_max_bytes = 1000000;
	}
	struct kafka_fetch_response_partition *answer = fetched(fixture, 11, message);
	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_int_equal(records_check(answer[p].records, 0), 6000);
	assert_int_equal(fixture->ranges_sent, 64);
}

static size_t descriptors(void)
{
	struct directory_list list;
	assert_int_equal(directory_list("/proc/self/fd", &list), STATUS_OK);
	size_t count = list.count;
	directory_list_free(&list);
	return count;
}

static void calls_run_only(struct kafka_fixture *fixture)
{
	struct blocking_call *call = fixture->calls;
	assert_non_null(call);
	fixture->calls = call->next;
	call->function(call->argument);
	mem_free(call);
}

static void ranges_leave_no_descriptor_open(void **state)
{
	struct kafka_fixture *fixture = *state;
	append_far(fixture, "t");
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 1000);
	size_t before = descriptors();
	assert_int_equal(records_check(fetched(fixture, 11, message)->records, 0), 30000);
	assert_int_equal(fixture->ranges_sent, 1);
	assert_int_equal(descriptors(), before);
	/* One that is not sent: the second batch, too large for its limit, is not the answer's first. */
	append_far(fixture, "u");
	before = descriptors();
	fixture->ranges_sent = 0;
	struct kafka_fetch_response *two =
		ask(fixture, 1, 11, fetch_make_two(fixture, slice_of_string("t"), slice_of_string("u"), 70000));
	assert_int_equal(records_check(two->topics[0].partitions->records, 0), 10000);
	assert_int_equal(two->topics[1].partitions->records.size, 0);
	assert_int_equal(fixture->ranges_sent, 1);
	assert_int_equal(descriptors(), before);
	fixture->calls_held = true;
	/* The session goes when the range was found, and before. */
	send_fetch(fixture, message);
	calls_run_only(fixture);
	assert_int_equal(descriptors(), before + 1);
	fixture_session_renew(fixture);
	assert_int_equal(descriptors(), before);
	send_fetch(fixture, message);
	fixture_session_renew(fixture);
	calls_run_only(fixture);
	assert_int_equal(descriptors(), before);
	/* The topic goes: what was found still comes. */
	send_fetch(fixture, message);
	calls_run_only(fixture);
	assert_int_equal(topic_delete(fixture->log, "t"), STATUS_OK);
	struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, NULL);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_NONE);
	assert_int_equal(records_check(answer->topics->partitions->records, 0), 30000);
	assert_int_equal(descriptors(), before - 1); /* nor the topic's own */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)
/* … also where all is sent as bytes. */
#define TEST_COPYING(name) cmocka_unit_test_setup_teardown(name, kafka_set_up_copying, kafka_tear_down)
#define TEST_BOTH(name) TEST(name), TEST_COPYING(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_BOTH(records_come_back_in_every_version),
		TEST_BOTH(offset_at_the_high_watermark_is_empty_and_no_error),
		TEST_BOTH(mid_batch_fetch_returns_the_batch),
		TEST_BOTH(offsets_outside_the_log_are_out_of_range),
		TEST_BOTH(an_empty_fetch_is_long_polled_until_records_arrive),
		TEST_BOTH(an_empty_fetch_ends_when_its_time_is_over),
		TEST_BOTH(min_bytes_gathers_over_several_appends),
		TEST_BOTH(a_topic_deleted_while_waited_for_is_said),
		TEST_BOTH(an_error_in_one_partition_comes_with_the_records_of_the_others),
		TEST_BOTH(limits_hold_but_the_first_batch_always_comes),
		TEST_BOTH(partitions_take_turns_at_being_first),
		TEST_BOTH(only_a_fetch_whose_partition_moved_is_woken),
		TEST_BOTH(a_fetch_waits_on_for_more_bytes_and_is_woken_again),
		TEST_BOTH(a_fetch_is_woken_when_its_topic_is_deleted),
		TEST_BOTH(a_session_that_goes_while_it_waits_is_not_woken),
		TEST_BOTH(a_reader_far_behind_reads_on_a_worker),
		TEST_BOTH(fetch_sessions_are_declined),
		TEST_BOTH(reading_a_whole_topic_fetch_by_fetch_gives_every_record_once),
		TEST(answers_are_the_same_whether_copied_or_sent_from_files),
		TEST(an_encrypted_connection_gets_bytes),
		TEST_BOTH(little_is_copied_while_memory_is_short),
		TEST(few_bytes_and_those_near_the_end_are_copied),
		TEST(a_long_name_beside_a_range_is_copied),
		TEST(a_fetch_of_many_partitions_takes_a_bounded_number_of_ranges),
		TEST(ranges_leave_no_descriptor_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
