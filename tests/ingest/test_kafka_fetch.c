/* Fetch, ListOffsets and OffsetForLeaderEpoch. */
#include "support_kafka.h"

static void fill(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int batches, int32_t records)
{
	for (int i = 0; i < batches; i++) {
		struct buffer batch = {0};
		batch_make(&batch, records, 1000 + 1000 * i, CODEC_NONE, NULL);
		assert_int_equal(produce(fixture, topic, partition, buffer_slice(&batch))->error_code, KAFKA_NONE);
		buffer_deinit(&batch);
	}
}

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
	fill(fixture, "t", 1, 3, 10);
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
	fill(fixture, "t", 0, 1, 10);
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
	fill(fixture, "t", 0, 3, 10);
	struct kafka_fetch_response_partition *answer =
		fetched(fixture, 11, fetch_make(fixture, "t", 0, 17, 1, 0));
	assert_int_equal(records_check(answer->records, 10), 30);
}

static void offsets_outside_the_log_are_out_of_range(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	fill(fixture, "t", 0, 1, 10);
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
static void an_empty_fetch_waits_until_records_arrive(void **state)
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
	fill(fixture, "t", 0, 1, 10);
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
	fill(fixture, "t", 0, 4, 100); /* four batches of about 1.2 KB each */
	fill(fixture, "t", 1, 4, 100);
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
		fill(fixture, "t", p, 1, 10);
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
	/* Near the end it reads at once. */
	fixture->calls_held = true;
	send_fetch(fixture, fetch_make(fixture, "t", 0, 25000, 1, 1000));
	assert_null(fixture->calls);
	assert_true(answer_is_there(fixture));
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

/* ---- ListOffsets ---- */

static void offsets_are_listed_by_end_start_and_time(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	fill(fixture, "t", 0, 3, 10); /* timestamps 1000 … 1009, 2000 … 2009, 3000 … 3009 */
	assert_int_equal(list_offset(fixture, "t", 0, -1)->offset, 30);
	assert_int_equal(list_offset(fixture, "t", 0, -2)->offset, 0);
	struct kafka_list_offsets_response_partition *answer = list_offset(fixture, "t", 0, -3);
	assert_int_equal(answer->offset, 29);
	assert_int_equal(answer->timestamp, 3009);
	answer = list_offset(fixture, "t", 0, 2000);
	assert_int_equal(answer->offset, 10);
	assert_int_equal(answer->timestamp, 2000);
	assert_int_equal(answer->leader_epoch, 0);
	assert_int_equal(list_offset(fixture, "t", 0, 1500)->offset, 10);
	assert_int_equal(list_offset(fixture, "t", 0, 0)->offset, 0);
	assert_int_equal(list_offset(fixture, "t", 1, -1)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(list_offset(fixture, "t", 0, -9)->error_code, KAFKA_UNSUPPORTED_VERSION);
}

static void time_query_finds_the_record_not_the_batch(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	fill(fixture, "t", 0, 3, 10);
	struct kafka_list_offsets_response_partition *answer = list_offset(fixture, "t", 0, 2005);
	assert_int_equal(answer->offset, 15);
	assert_int_equal(answer->timestamp, 2005);
}

static void time_query_beyond_the_last_record_answers_minus_one(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	fill(fixture, "t", 0, 3, 10);
	struct kafka_list_offsets_response_partition *answer = list_offset(fixture, "t", 0, 3010);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->offset, -1);
	assert_int_equal(answer->timestamp, -1);
	assert_int_equal(answer->leader_epoch, -1);
	topic_make(fixture, "empty", 1);
	answer = list_offset(fixture, "empty", 0, -3);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->offset, -1);
}

static void the_only_leader_epoch_ends_at_the_high_watermark(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	fill(fixture, "t", 0, 1, 10);
	struct kafka_leader_epoch_request *message = MAKE(fixture, leader_epoch_request);
	message->topics_count = 1;
	message->topics = MAKE(fixture, leader_epoch_request_topic);
	message->topics->topic = slice_of_string("t");
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, leader_epoch_request_partition);
	struct kafka_leader_epoch_response *answer = ask(fixture, 23, 4, message);
	assert_int_equal(answer->topics->partitions->leader_epoch, 0);
	assert_int_equal(answer->topics->partitions->end_offset, 10);
	message->topics->partitions->leader_epoch = 5;
	answer = ask(fixture, 23, 2, message);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_NONE);
	assert_int_equal(answer->topics->partitions->end_offset, -1);
	message->topics->partitions->current_leader_epoch = 5;
	answer = ask(fixture, 23, 3, message);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_back_in_every_version),
		TEST(offset_at_the_high_watermark_is_empty_and_no_error),
		TEST(mid_batch_fetch_returns_the_batch),
		TEST(offsets_outside_the_log_are_out_of_range),
		TEST(an_empty_fetch_waits_until_records_arrive),
		TEST(an_empty_fetch_ends_when_its_time_is_over),
		TEST(min_bytes_gathers_over_several_appends),
		TEST(a_topic_deleted_while_waited_for_is_said),
		TEST(an_error_in_one_partition_comes_with_the_records_of_the_others),
		TEST(limits_hold_but_the_first_batch_always_comes),
		TEST(partitions_take_turns_at_being_first),
		TEST(only_a_fetch_whose_partition_moved_is_woken),
		TEST(a_fetch_waits_on_for_more_bytes_and_is_woken_again),
		TEST(a_fetch_is_woken_when_its_topic_is_deleted),
		TEST(a_session_that_goes_while_it_waits_is_not_woken),
		TEST(a_reader_far_behind_reads_on_a_worker),
		TEST(fetch_sessions_are_declined),
		TEST(reading_a_whole_topic_fetch_by_fetch_gives_every_record_once),
		TEST(offsets_are_listed_by_end_start_and_time),
		TEST(time_query_finds_the_record_not_the_batch),
		TEST(time_query_beyond_the_last_record_answers_minus_one),
		TEST(the_only_leader_epoch_ends_at_the_high_watermark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
