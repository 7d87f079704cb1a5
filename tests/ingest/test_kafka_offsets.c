/* ListOffsets and OffsetForLeaderEpoch. */
#include "support_kafka.h"

static void offsets_are_listed_by_end_start_and_time(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 3, 10); /* timestamps 1000 … 1009, 2000 … 2009, 3000 … 3009 */
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

/* "ListOffsets v0 advertised with v1 meaning": v0 answers with the starts of segments, v1 with one offset. */
static void list_offsets_v0_is_neither_advertised_nor_answered_with_the_meaning_of_v1(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 1, 10);
	struct kafka_api_versions_response *answer = ask(fixture, 18, 0, MAKE(fixture, api_versions_request));
	for (int32_t i = 0; i < answer->api_keys_count; i++) {
		if (answer->api_keys[i].api_key == 2)
			assert_int_equal(answer->api_keys[i].min_version, 1);
	}
	/* Of "t", partition 0, the newest segment start: replica −1, time −1, one offset at most. */
	static const uint8_t request[] = {0, 0, 0, 41, 0, 2, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0,
		0, 1};
	struct slice bytes = slice_of(request, sizeof request);
	status result = kafka_session_receive(fixture->session, bytes, fixture->now_ms);
	assert_int_equal(result, STATUS_UNSUPPORTED);
	assert_false(answer_is_there(fixture));
}

static void time_query_finds_the_record_not_the_batch(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 3, 10);
	struct kafka_list_offsets_response_partition *answer = list_offset(fixture, "t", 0, 2005);
	assert_int_equal(answer->offset, 15);
	assert_int_equal(answer->timestamp, 2005);
}

static void time_query_beyond_the_last_record_answers_minus_one(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_fill(fixture, "t", 0, 3, 10);
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
	topic_fill(fixture, "t", 0, 1, 10);
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
		TEST(offsets_are_listed_by_end_start_and_time),
		TEST(list_offsets_v0_is_neither_advertised_nor_answered_with_the_meaning_of_v1),
		TEST(time_query_finds_the_record_not_the_batch),
		TEST(time_query_beyond_the_last_record_answers_minus_one),
		TEST(the_only_leader_epoch_ends_at_the_high_watermark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
