/* The session as a machine: framing, order, limits, backpressure, and being destroyed at bad moments. */
#include "support_kafka.h"

#include "base/hash.h"

static status feed(struct kafka_fixture *fixture, const void *bytes, size_t size)
{
	return kafka_session_receive(fixture->session, slice_of(bytes, size), fixture->now_ms);
}

static void every_advertised_version_is_answered(void **state)
{
	struct kafka_fixture *fixture = *state;
	for (size_t i = 0; i < kafka_api_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		for (int16_t version = api->version_min; version <= api->version_max; version++) {
			void *message = kafka_struct_new(&fixture->arena, api->request, 1);
			if (api->key == 0)
				((struct kafka_produce_request *)message)->acks = 1;
			(void)ask(fixture, api->key, version, message);
		}
	}
}

static void a_request_may_arrive_byte_by_byte(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer bytes = {0};
	request_append(fixture, 3, 9, MAKE(fixture, metadata_request), &bytes);
	request_append(fixture, 18, 3, MAKE(fixture, api_versions_request), &bytes);
	for (size_t i = 0; i < bytes.size; i++) {
		assert_true(kafka_session_wants_bytes(fixture->session));
		assert_int_equal(feed(fixture, bytes.data + i, 1), STATUS_OK);
	}
	int32_t id;
	struct kafka_metadata_response *metadata = answer_take(fixture, 3, 9, &id);
	assert_int_equal(id, 1);
	assert_int_equal(metadata->brokers_count, 1);
	(void)answer_take(fixture, 18, 3, &id);
	assert_int_equal(id, 2);
	buffer_deinit(&bytes);
}

/* Produce, Metadata, Produce, … all in one receive, cut at random places: answers in order, effects too. */
static void pipelined_requests_are_answered_in_order(void **state)
{
	struct kafka_fixture *fixture = *state;
	uint64_t seed = 77;
	print_message("seed %llu\n", (unsigned long long)seed);
	topic_make(fixture, "t", 1);
	struct buffer bytes = {0}, batch = {0}, big = {0};
	batch_make(&batch, 3, 1000, CODEC_NONE, NULL);
	batch_make(&big, 3000, 1000, CODEC_NONE, NULL);
	for (int i = 0; i < 60; i++) {
		struct slice records = i % 5 == 1 ? buffer_slice(&big) : buffer_slice(&batch);
		if (i % 7 == 3)
			request_append(fixture, 3, 4, MAKE(fixture, metadata_request), &bytes);
		else if (i % 7 == 5)
			request_append(fixture, 1, 11, fetch_make(fixture, "t", 0, 0, 1, 100), &bytes);
		else
			request_append(fixture, 0, 9, produce_make(fixture, "t", 0, -1, records), &bytes);
	}
	for (size_t at = 0; at < bytes.size;) {
		size_t size = hash_mix(seed++) % 60000;
		if (size > bytes.size - at)
			size = bytes.size - at;
		assert_int_equal(feed(fixture, bytes.data + at, size), STATUS_OK);
		at += size;
	}
	int64_t next_offset = 0;
	for (int i = 0; i < 60; i++) {
		int32_t id;
		if (i % 7 == 3) {
			(void)answer_take(fixture, 3, 4, &id);
		} else if (i % 7 == 5) {
			struct kafka_fetch_response *answer = answer_take(fixture, 1, 11, &id);
			/* All produced before it in the stream is there, nothing after it. */
			assert_int_equal(answer->topics->partitions->high_watermark, next_offset);
		} else {
			struct kafka_produce_response *answer = answer_take(fixture, 0, 9, &id);
			assert_int_equal(answer->topics->partitions->error_code, KAFKA_NONE);
			assert_int_equal(answer->topics->partitions->base_offset, next_offset);
			next_offset += i % 5 == 1 ? 3000 : 3;
		}
		assert_int_equal(id, i + 1);
	}
	buffer_deinit(&bytes);
	buffer_deinit(&batch);
	buffer_deinit(&big);
}

static void requests_overlap_only_among_produces(void **state)
{
	struct kafka_fixture *fixture = *state;
	fixture->calls_held = true;
	struct buffer bytes = {0};
	struct kafka_create_topics_request *create = MAKE(fixture, create_topics_request);
	request_append(fixture, 19, 4, create, &bytes);
	request_append(fixture, 18, 0, MAKE(fixture, api_versions_request), &bytes);
	assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_OK);
	/* The second waits in the inbound buffer for the first, and more bytes are not wanted. */
	assert_false(answer_is_there(fixture));
	assert_false(kafka_session_wants_bytes(fixture->session));
	fixture->calls_held = false;
	int32_t id;
	(void)answer_take(fixture, 19, 4, &id);
	assert_int_equal(id, 1);
	(void)answer_take(fixture, 18, 0, &id);
	assert_int_equal(id, 2);
	assert_true(kafka_session_wants_bytes(fixture->session));
	assert_true(fixture->wakes > 0);
	buffer_deinit(&bytes);
}

static void a_full_queue_stalls_the_session_and_loses_nothing(void **state)
{
	struct kafka_fixture *fixture = *state;
	fixture_close(fixture);
	fixture_open(fixture, 1); /* room for one batch only */
	topic_make(fixture, "t", 1);
	struct buffer bytes = {0}, batch = {0};
	batch_make(&batch, 2, 1000, CODEC_NONE, NULL);
	enum { PARTS = 400 };
	struct kafka_produce_request *message = produce_make(fixture, "t", 0, -1, buffer_slice(&batch));
	struct kafka_produce_request_partition *parts =
		KAFKA_NEW(&fixture->arena, produce_request_partition, PARTS);
	for (int32_t i = 0; i < PARTS; i++)
		parts[i].records = buffer_slice(&batch);
	message->topics->partitions = parts;
	message->topics->partitions_count = PARTS;
	request_append(fixture, 0, 9, message, &bytes);
	request_append(fixture, 0, 9, produce_make(fixture, "t", 0, -1, buffer_slice(&batch)), &bytes);
	assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_OK);
	int stalls = 0;
	while (!answer_is_there(fixture)) {
		if (!kafka_session_wants_bytes(fixture->session) &&
			kafka_session_deadline_ms(fixture->session) < fixture->now_ms + 100)
			stalls += 1;
		assert_int_equal(turn(fixture), STATUS_OK);
	}
	assert_true(stalls > 0);
	int32_t id;
	struct kafka_produce_response *answer = answer_take(fixture, 0, 9, &id);
	for (int32_t i = 0; i < PARTS; i++) {
		assert_int_equal(answer->topics->partitions[i].error_code, KAFKA_NONE);
		assert_int_equal(answer->topics->partitions[i].base_offset, 2 * i);
	}
	answer = answer_take(fixture, 0, 9, &id);
	assert_int_equal(answer->topics->partitions->base_offset, 2 * PARTS);
	buffer_deinit(&bytes);
	buffer_deinit(&batch);
}

static void a_slow_reader_stops_its_own_requests(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer bytes = {0};
	request_append(fixture, 18, 0, MAKE(fixture, api_versions_request), &bytes);
	fixture->clogged = true;
	assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_OK);
	assert_false(answer_is_there(fixture));
	assert_false(kafka_session_wants_bytes(fixture->session));
	fixture->clogged = false;
	(void)answer_take(fixture, 18, 0, NULL);
	buffer_deinit(&bytes);
}

static void destroying_with_appends_under_way_is_safe(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer batch = {0};
	batch_make(&batch, 100, 1000, CODEC_NONE, NULL);
	for (int round = 0; round < 50; round++) {
		struct buffer bytes = {0};
		for (int i = 0; i < 10; i++)
			request_append(fixture, 0, 9, produce_make(fixture, "t", 0, -1, buffer_slice(&batch)), &bytes);
		assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_OK);
		kafka_session_destroy(fixture->session);
		int wakes = fixture->wakes;
		fixture->session = NULL;
		fixture_restart(fixture);
		assert_int_equal(fixture->wakes, wakes); /* none after destroy */
		buffer_deinit(&bytes);
	}
	buffer_deinit(&batch);
}

static void destroying_with_a_blocking_call_under_way_is_safe(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer bytes = {0};
	request_append(fixture, 22, 0, MAKE(fixture, init_producer_id_request), &bytes);
	fixture->calls_held = true;
	assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_OK);
	assert_non_null(fixture->calls);
	fixture_restart(fixture); /* destroys the session, then runs the call */
	assert_null(fixture->calls);
	buffer_deinit(&bytes);
}

static void frames_of_impossible_size_close_the_connection(void **state)
{
	struct kafka_fixture *fixture = *state;
	assert_int_equal(feed(fixture, "\x7f\xff\xff\xff", 4), STATUS_TOO_LARGE);
	fixture_session_renew(fixture);
	assert_int_equal(feed(fixture, "\x00\x00\x00\x07", 4), STATUS_PROTOCOL);
	fixture_session_renew(fixture);
	assert_int_equal(feed(fixture, "\xff\xff\xff\xff", 4), STATUS_TOO_LARGE);
	fixture_session_renew(fixture);
	assert_int_equal(feed(fixture, "GET / HTTP/1.1\r\n", 16), STATUS_TOO_LARGE);
	assert_non_null(strstr(error_current()->hint, "HTTP"));
	assert_false(kafka_session_wants_bytes(fixture->session));
	fixture_session_renew(fixture);
	fixture->broker->request_bytes_max = 1000;
	assert_int_equal(feed(fixture, "\x00\x00\x03\xe9", 4), STATUS_TOO_LARGE);
}

static void a_length_alone_allocates_little(void **state)
{
	struct kafka_fixture *fixture = *state;
	assert_int_equal(feed(fixture, "\x06\x00\x00\x00", 4), STATUS_OK); /* 96 MiB will follow */
	size_t room;
	(void)kafka_session_room(fixture->session, &room);
	assert_true(room < 100000);
}

static void unknown_apis_and_versions_close_the_connection_after_due_answers(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer bytes = {0}, batch = {0};
	batch_make(&batch, 1, 1000, CODEC_NONE, NULL);
	request_append(fixture, 0, 9, produce_make(fixture, "t", 0, 1, buffer_slice(&batch)), &bytes);
	buffer_append(&bytes, "\0\0\0\x0a\x03\xe7\0\0\0\0\0\x02\0\0", 14); /* API 999 */
	status result = feed(fixture, bytes.data, bytes.size);
	if (result == STATUS_OK)
		expect_failure(fixture, STATUS_UNSUPPORTED);
	assert_true(answer_is_there(fixture));
	fixture_session_renew(fixture);
	assert_int_equal(feed(fixture, "\0\0\0\x0a\0\x03\0\x63\0\0\0\x02\0\0", 14), STATUS_UNSUPPORTED);
	buffer_deinit(&bytes);
	buffer_deinit(&batch);
}

static void malformed_bodies_close_the_connection(void **state)
{
	struct kafka_fixture *fixture = *state;
	for (size_t i = 0; i < kafka_api_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		struct buffer bytes = {0};
		request_append(
			fixture, api->key, api->version_max, kafka_struct_new(&fixture->arena, api->request, 1), &bytes);
		bytes.size -= 1;
		put_be32(bytes.data, (uint32_t)bytes.size - 4);
		assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_PROTOCOL);
		buffer_deinit(&bytes);
		fixture_session_renew(fixture);
	}
	/* A client id longer than the frame. */
	assert_int_equal(feed(fixture, "\0\0\0\x0a\0\x12\0\0\0\0\0\x02\x7f\xff", 14), STATUS_PROTOCOL);
}

/* ---- mistakes others made ---- */

static void api_versions_response_header_is_v0_even_for_v3(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer bytes = {0};
	request_append(fixture, 18, 3, MAKE(fixture, api_versions_request), &bytes);
	assert_int_equal(feed(fixture, bytes.data, bytes.size), STATUS_OK);
	/* length, correlation id, and at once the error code: no tagged fields between */
	assert_memory_equal(fixture->sent.data + 4, "\0\0\0\x01\0\0", 6);
	assert_int_equal(fixture->sent.data[10], kafka_api_count + 1); /* compact array */
	buffer_deinit(&bytes);
}

static void unsupported_api_versions_version_is_answered_in_v0_with_error_35_and_not_closed(void **state)
{
	struct kafka_fixture *fixture = *state;
	assert_int_equal(feed(fixture, "\0\0\0\x0f\0\x12\0\x63\0\0\0\x09\0\x03xyz\x00\x00", 19), STATUS_OK);
	int32_t id;
	struct kafka_api_versions_response *answer = answer_take(fixture, 18, 0, &id);
	assert_int_equal(id, 9);
	assert_int_equal(answer->error_code, 35);
	assert_int_equal(answer->api_keys_count, (int32_t)kafka_api_count);
	answer = ask(fixture, 18, 3, MAKE(fixture, api_versions_request));
	assert_int_equal(answer->error_code, 0);
}

static void flexible_request_header_keeps_client_id_non_compact(void **state)
{
	struct kafka_fixture *fixture = *state;
	/* ApiVersions 3: i16 client id length, the header's tagged fields, compact software name and version. */
	static const uint8_t golden[] = {0, 0, 0, 30, 0, 18, 0, 3, 0, 0, 0, 5, 0, 7, 'r', 'd', 'k', 'a', 'f', 'k',
		'a', 0,                          /* header's tagged fields */
		7, 'k', 'a', 'f', 'k', 'c', 'a', /* compact: 6 + 1 */
		4, '1', '.', '7',                /* 3 + 1 */
		0};
	assert_int_equal(sizeof golden, 34);
	assert_int_equal(feed(fixture, golden, sizeof golden), STATUS_OK);
	int32_t id;
	(void)answer_take(fixture, 18, 3, &id);
	assert_int_equal(id, 5);
	/* A null client id. */
	assert_int_equal(feed(fixture, "\0\0\0\x0a\0\x12\0\0\0\0\0\x06\xff\xff", 14), STATUS_OK);
	(void)answer_take(fixture, 18, 0, &id);
	assert_int_equal(id, 6);
}

static void every_api_is_advertised_with_the_versions_clients_look_for(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_api_versions_response *answer = ask(fixture, 18, 0, MAKE(fixture, api_versions_request));
	static const struct {
		int16_t key, min, max;
	} wanted[] = {{0, 0, 9}, {1, 4, 12}, {2, 1, 7}, {3, 0, 9}, {8, 2, 8}, {9, 1, 8}, {10, 0, 4}, {11, 0, 7},
		{12, 0, 4}, {13, 0, 5}, {14, 0, 5}, {15, 0, 5}, {16, 0, 4}, {17, 0, 1}, {18, 0, 3}, {19, 0, 7},
		{20, 0, 6}, {21, 0, 2}, {22, 0, 4}, {23, 2, 4}, {24, 0, 3}, {25, 0, 3}, {26, 0, 3}, {28, 0, 3},
		{29, 0, 3}, {30, 0, 3}, {31, 0, 3}, {32, 0, 4}, {33, 0, 2}, {35, 0, 4}, {36, 0, 2}, {37, 0, 3},
		{42, 0, 2}, {43, 0, 2}, {44, 0, 1}, {45, 0, 0}, {46, 0, 0}, {47, 0, 0}, {60, 0, 1}, {61, 0, 0},
		{65, 0, 0}, {66, 0, 1}};
	assert_int_equal(answer->api_keys_count, sizeof wanted / sizeof wanted[0]);
	for (int32_t i = 0; i < answer->api_keys_count; i++) {
		assert_int_equal(answer->api_keys[i].api_key, wanted[i].key);
		assert_int_equal(answer->api_keys[i].min_version, wanted[i].min);
		assert_int_equal(answer->api_keys[i].max_version, wanted[i].max);
	}
}

/* Bytes of good requests with a few of them changed: any answer or failure will do, but a clean one. */
static void mutated_requests_do_no_harm(void **state)
{
	struct kafka_fixture *fixture = *state;
	uint64_t seed = 4242;
	print_message("seed %llu\n", (unsigned long long)seed);
	topic_make(fixture, "t", 2);
	struct buffer batch = {0};
	batch_make(&batch, 3, 1000, CODEC_LZ4, NULL);
	for (int round = 0; round < 600; round++) {
		const struct kafka_api *api = &kafka_apis[hash_mix(seed++) % kafka_api_count];
		int16_t span = (int16_t)(api->version_max - api->version_min + 1);
		int16_t version = (int16_t)(api->version_min + (int16_t)(hash_mix(seed++) % (uint64_t)span));
		struct buffer bytes = {0};
		void *message = kafka_struct_new(&fixture->arena, api->request, 1);
		if (api->key == 0)
			message = produce_make(fixture, "t", 0, 1, buffer_slice(&batch));
		else if (api->key == 1)
			message = fetch_make(fixture, "t", 1, 0, 0, 0);
		request_append(fixture, api->key, version, message, &bytes);
		for (uint64_t i = 0; i < 1 + hash_mix(seed) % 4; i++)
			bytes.data[4 + hash_mix(seed + i) % (bytes.size - 4)] = (uint8_t)(hash_mix(seed + i) >> 40);
		seed += 7;
		status result = feed(fixture, bytes.data, bytes.size);
		if (result == STATUS_OK)
			result = turn(fixture);
		fixture->sent.size = 0;
		if (result != STATUS_OK || round % 20 == 0) {
			fixture_session_renew(fixture);
		}
		buffer_deinit(&bytes);
		arena_reset(&fixture->arena);
	}
	buffer_deinit(&batch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_advertised_version_is_answered),
		TEST(a_request_may_arrive_byte_by_byte),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(requests_overlap_only_among_produces),
		TEST(a_full_queue_stalls_the_session_and_loses_nothing),
		TEST(a_slow_reader_stops_its_own_requests),
		TEST(destroying_with_appends_under_way_is_safe),
		TEST(destroying_with_a_blocking_call_under_way_is_safe),
		TEST(frames_of_impossible_size_close_the_connection),
		TEST(a_length_alone_allocates_little),
		TEST(unknown_apis_and_versions_close_the_connection_after_due_answers),
		TEST(malformed_bodies_close_the_connection),
		TEST(api_versions_response_header_is_v0_even_for_v3),
		TEST(unsupported_api_versions_version_is_answered_in_v0_with_error_35_and_not_closed),
		TEST(flexible_request_header_keeps_client_id_non_compact),
		TEST(every_api_is_advertised_with_the_versions_clients_look_for),
		TEST(mutated_requests_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
