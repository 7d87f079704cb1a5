/* Produce and InitProducerId: what is acknowledged is durable, what is wrong is said. */
#include "support_kafka.h"

#include "base/hash.h"

static void resign(struct buffer *batch)
{
	put_be32(batch->data + 17, crc32c(0, batch->data + 21, batch->size - 21));
}

static int64_t high_watermark(struct kafka_fixture *fixture, const char *topic)
{
	const struct topic *found;
	assert_int_equal(topic_find(fixture->log, topic, &found), STATUS_OK);
	return partition_high_watermark(topic_partition(found, 0));
}

static void every_version_and_acks_appends_durably(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer batch = {0};
	batch_make(&batch, 5, 1000, CODEC_NONE, NULL);
	int64_t offset = 0;
	for (int16_t version = 3; version <= 9; version++) {
		for (int16_t acks = -1; acks <= 1; acks += 2) {
			struct kafka_produce_response *answer =
				ask(fixture, 0, version, produce_make(fixture, "t", 0, acks, buffer_slice(&batch)));
			assert_int_equal(answer->topics->partitions->error_code, KAFKA_NONE);
			assert_int_equal(answer->topics->partitions->base_offset, offset);
			assert_int_equal(answer->topics->partitions->log_append_time_ms, -1);
			assert_int_equal(answer->topics->partitions->log_start_offset, version >= 5 ? 0 : -1);
			offset += 5;
			assert_int_equal(high_watermark(fixture, "t"), offset);
		}
	}
	fixture_restart(fixture);
	assert_int_equal(high_watermark(fixture, "t"), offset);
	assert_int_equal(fixture->broker->records_appended, 0);
	buffer_deinit(&batch);
}

static void acks_0_is_not_answered_but_appended(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer batch = {0}, bytes = {0};
	batch_make(&batch, 5, 1000, CODEC_NONE, NULL);
	request_append(fixture, 0, 9, produce_make(fixture, "t", 0, 0, buffer_slice(&batch)), &bytes);
	request_append(fixture, 18, 0, MAKE(fixture, api_versions_request), &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	int32_t id;
	(void)answer_take(fixture, 18, 0, &id);
	assert_int_equal(id, 2); /* the first answer is the second request's */
	assert_int_equal(fixture->sent.size, 0);
	assert_int_equal(high_watermark(fixture, "t"), 5);
	buffer_deinit(&batch);
	buffer_deinit(&bytes);
}

static void an_error_with_acks_0_closes_the_connection(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer batch = {0}, bytes = {0};
	batch_make(&batch, 5, 1000, CODEC_NONE, NULL);
	request_append(fixture, 0, 9, produce_make(fixture, "nosuch", 0, 0, buffer_slice(&batch)), &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_PROTOCOL);
	assert_non_null(strstr(error_current()->text, "nosuch-0"));
	buffer_deinit(&batch);
	buffer_deinit(&bytes);
}

static int16_t produced(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, struct slice batch)
{
	struct kafka_produce_response_partition *answer = produce(fixture, topic, partition, batch);
	if (answer->error_code != KAFKA_NONE) {
		assert_int_equal(answer->base_offset, -1);
		assert_true(answer->error_message.size > 0);
	}
	return answer->error_code;
}

static void each_error_has_its_code(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer batch = {0};
	batch_make(&batch, 3, 1000, CODEC_NONE, NULL);
	struct slice good = buffer_slice(&batch);
	assert_int_equal(produced(fixture, "nosuch", 0, good), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(produced(fixture, "t", 1, good), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(produced(fixture, "t", -1, good), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(produced(fixture, "", 0, good), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(produced(fixture, "__kappa_topics", 0, good), KAFKA_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(produced(fixture, "t", 0, (struct slice){0}), KAFKA_INVALID_RECORD);
	assert_int_equal(produced(fixture, "t", 0, slice_of(batch.data, batch.size - 1)), KAFKA_CORRUPT_MESSAGE);
	batch.data[70] ^= 1;
	assert_int_equal(produced(fixture, "t", 0, good), KAFKA_CORRUPT_MESSAGE);
	batch.data[70] ^= 1;
	batch.data[16] = 1;
	assert_int_equal(produced(fixture, "t", 0, good), KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT);
	batch.data[16] = 2;
	put_be16(batch.data + 21, 0x20);
	resign(&batch);
	assert_int_equal(produced(fixture, "t", 0, good), KAFKA_INVALID_RECORD); /* control batch */
	put_be16(batch.data + 21, 0x08);
	resign(&batch);
	assert_int_equal(produced(fixture, "t", 0, good), KAFKA_INVALID_TIMESTAMP);
	put_be16(batch.data + 21, 0x01);
	resign(&batch);
	assert_int_equal(produced(fixture, "t", 0, good), 76); /* UNSUPPORTED_COMPRESSION_TYPE: not gzip */
	put_be16(batch.data + 21, 0);
	resign(&batch);
	assert_int_equal(produced(fixture, "t", 0, good), KAFKA_NONE);
	(void)buffer_reserve(&batch, batch.size);
	buffer_append(&batch, batch.data, batch.size);
	assert_int_equal(produced(fixture, "t", 0, buffer_slice(&batch)), KAFKA_INVALID_RECORD); /* two batches */
	assert_int_equal(high_watermark(fixture, "t"), 3);
	buffer_deinit(&batch);
}

static void a_request_refused_as_a_whole_says_so_for_each_partition(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer batch = {0};
	batch_make(&batch, 3, 1000, CODEC_NONE, NULL);
	struct kafka_produce_request *message = produce_make(fixture, "t", 0, 2, buffer_slice(&batch));
	struct kafka_produce_response *answer = ask(fixture, 0, 8, message);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_INVALID_REQUIRED_ACKS);
	message = produce_make(fixture, "t", 0, -1, buffer_slice(&batch));
	message->transactional_id = slice_of_string("tx");
	fixture->broker->transactions = NULL; /* an appliance that does not serve them */
	answer = ask(fixture, 0, 8, message);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	answer = ask(fixture, 0, 2, produce_make(fixture, "t", 0, -1, buffer_slice(&batch)));
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_UNSUPPORTED_VERSION);
	assert_int_equal(high_watermark(fixture, "t"), 0);
	buffer_deinit(&batch);
}

static void one_bad_partition_does_not_spoil_the_others(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 3);
	struct buffer batch = {0};
	batch_make(&batch, 3, 1000, CODEC_ZSTD, NULL);
	struct kafka_produce_request *message = produce_make(fixture, "t", 0, -1, (struct slice){0});
	message->topics->partitions_count = 3;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, produce_request_partition, 3);
	for (int32_t i = 0; i < 3; i++) {
		message->topics->partitions[i].index = 2 - i;
		message->topics->partitions[i].records = slice_of(batch.data, batch.size - (i == 1));
	}
	struct kafka_produce_response *answer = ask(fixture, 0, 9, message);
	assert_int_equal(answer->topics->partitions[0].error_code, KAFKA_NONE);
	assert_int_equal(answer->topics->partitions[1].error_code, KAFKA_CORRUPT_MESSAGE);
	assert_int_equal(answer->topics->partitions[2].error_code, KAFKA_NONE);
	assert_int_equal(answer->topics->partitions[2].index, 0);
	buffer_deinit(&batch);
}

static void all_codecs_are_stored_as_they_came(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer stored = {0};
	int64_t offset = 0;
	for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
		struct buffer batch = {0};
		batch_make(&batch, 100, 1000, (enum codec)codec, NULL);
		assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->base_offset, offset);
		const struct topic *topic;
		assert_int_equal(topic_find(fixture->log, "t", &topic), STATUS_OK);
		stored.size = 0;
		assert_int_equal(partition_read(topic_partition(topic, 0), offset, 1, &stored), STATUS_OK);
		assert_int_equal(get_be64(stored.data), offset);
		assert_int_equal(stored.size, batch.size);
		assert_memory_equal(stored.data + 16, batch.data + 16, batch.size - 16);
		offset += 100;
		buffer_deinit(&batch);
	}
	buffer_deinit(&stored);
}

/* ---- producer ids ---- */

static struct kafka_init_producer_id_response *init_producer(struct kafka_fixture *fixture, int16_t version)
{
	return ask(fixture, 22, version, MAKE(fixture, init_producer_id_request));
}

static void every_producer_gets_an_id_of_its_own_across_restarts(void **state)
{
	struct kafka_fixture *fixture = *state;
	int64_t last = -1;
	for (int round = 0; round < 3; round++) {
		for (int16_t version = 0; version <= 4; version++) {
			struct kafka_init_producer_id_response *answer = init_producer(fixture, version);
			assert_int_equal(answer->error_code, KAFKA_NONE);
			assert_int_equal(answer->producer_epoch, 0);
			assert_true(answer->producer_id > last);
			last = answer->producer_id;
		}
		fixture_restart(fixture);
	}
}

static void a_transactional_id_is_refused_clearly(void **state)
{
	struct kafka_fixture *fixture = *state;
	fixture->broker->transactions = NULL; /* an appliance that does not serve them */
	struct kafka_init_producer_id_request *message = MAKE(fixture, init_producer_id_request);
	message->transactional_id = slice_of_string("tx");
	struct kafka_init_producer_id_response *answer = ask(fixture, 22, 4, message);
	assert_int_equal(answer->error_code, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	assert_int_equal(answer->producer_id, -1);
}

/* "no dedupe window → duplicates after kill": the same batch again, also after a restart, is answered with
 * the original's offset and stored once. */
static void the_dedupe_window_survives_a_restart_and_a_resent_batch_makes_no_duplicate(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct record_batch_producer producer = {.id = init_producer(fixture, 0)->producer_id};
	struct buffer batches[5] = {{0}};
	for (int i = 0; i < 5; i++) {
		producer.base_sequence = 10 * i;
		batch_make(&batches[i], 10, 1000, CODEC_NONE, &producer);
		assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batches[i]))->base_offset, 10 * i);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5; i++) {
			struct kafka_produce_response_partition *answer =
				produce(fixture, "t", 0, buffer_slice(&batches[i]));
			assert_int_equal(answer->error_code, KAFKA_NONE);
			assert_int_equal(answer->base_offset, 10 * i);
		}
		assert_int_equal(high_watermark(fixture, "t"), 50);
		fixture_restart(fixture);
	}
	for (int i = 0; i < 5; i++)
		buffer_deinit(&batches[i]);
}

static void gaps_and_old_epochs_are_refused_and_sequences_wrap(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct record_batch_producer producer = {.id = init_producer(fixture, 0)->producer_id, .epoch = 1};
	const struct {
		int16_t epoch;
		int32_t sequence;
		int16_t expected;
	} steps[] = {
		{1, INT32_MAX - 3,
			KAFKA_NONE},            /* an unknown producer may start anywhere: 3 records to INT32_MAX − 1 */
		{1, INT32_MAX, KAFKA_NONE}, /* INT32_MAX, 0, 1 */
		{1, 3, 45},                 /* OUT_OF_ORDER_SEQUENCE_NUMBER: 2 is next */
		{1, 2, KAFKA_NONE},
		{0, 5, 47}, /* INVALID_PRODUCER_EPOCH */
		{2, 0, KAFKA_NONE},
	};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct buffer batch = {0};
		producer.epoch = steps[i].epoch;
		producer.base_sequence = steps[i].sequence;
		batch_make(&batch, 3, -1, CODEC_NONE, &producer);
		assert_int_equal(produced(fixture, "t", 0, buffer_slice(&batch)), steps[i].expected);
		buffer_deinit(&batch);
	}
}

static void max_message_bytes_is_enforced(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct topic_config config = topic_config_default();
	config.message_bytes_max = 2000;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_OK);
	struct buffer small = {0}, large = {0};
	batch_make(&small, 100, 1000, CODEC_NONE, NULL);
	batch_make(&large, 300, 1000, CODEC_NONE, NULL);
	assert_true(small.size <= 2000 && large.size > 2000);
	assert_int_equal(produced(fixture, "t", 0, buffer_slice(&small)), KAFKA_NONE);
	assert_int_equal(produced(fixture, "t", 0, buffer_slice(&large)), KAFKA_MESSAGE_TOO_LARGE);
	buffer_deinit(&small);
	buffer_deinit(&large);
}

static void counters_count_what_became_durable(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct record_batch_producer producer = {.id = init_producer(fixture, 0)->producer_id};
	struct buffer batch = {0};
	batch_make(&batch, 7, 1000, CODEC_NONE, &producer);
	(void)produce(fixture, "t", 0, buffer_slice(&batch));
	(void)produce(fixture, "t", 0, buffer_slice(&batch)); /* a duplicate counts once */
	(void)produce(fixture, "nosuch", 0, buffer_slice(&batch));
	assert_int_equal(fixture->broker->batches_appended, 1);
	assert_int_equal(fixture->broker->records_appended, 7);
	assert_int_equal(fixture->broker->batches_refused, 1);
	buffer_deinit(&batch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_version_and_acks_appends_durably),
		TEST(acks_0_is_not_answered_but_appended),
		TEST(an_error_with_acks_0_closes_the_connection),
		TEST(each_error_has_its_code),
		TEST(a_request_refused_as_a_whole_says_so_for_each_partition),
		TEST(one_bad_partition_does_not_spoil_the_others),
		TEST(all_codecs_are_stored_as_they_came),
		TEST(every_producer_gets_an_id_of_its_own_across_restarts),
		TEST(a_transactional_id_is_refused_clearly),
		TEST(the_dedupe_window_survives_a_restart_and_a_resent_batch_makes_no_duplicate),
		TEST(gaps_and_old_epochs_are_refused_and_sequences_wrap),
		TEST(max_message_bytes_is_enforced),
		TEST(counters_count_what_became_durable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
