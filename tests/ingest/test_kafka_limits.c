/* Limits of a connection and of a fetch, with the values that a broker has by default and with small ones. */
#include "support_kafka.h"

#include <semaphore.h>

/* ---- produces under way ---- */

/* An append whose done() holds the log's writer: whatever comes behind it stays under way. */
struct held_append {
	struct append append;
	struct buffer batch;
	sem_t entered, let_go;
};

static void held_done(struct append *append)
{
	struct held_append *held = append->context;
	sem_post(&held->entered);
	while (sem_wait(&held->let_go) != 0)
		continue;
}

static void writer_hold(struct kafka_fixture *fixture, struct held_append *held)
{
	const struct topic *topic = kafka_topic_find(fixture->log, slice_of_string("t"));
	struct record_batch checked;
	assert_int_equal(sem_init(&held->entered, 0, 0), 0);
	assert_int_equal(sem_init(&held->let_go, 0, 0), 0);
	batch_make(&held->batch, 1, 1000, CODEC_NONE, NULL);
	assert_int_equal(record_batch_check(held->batch.data, held->batch.size, &checked), STATUS_OK);
	held->append = (struct append){.partition = topic_partition(topic, 0),
		.batch = held->batch.data,
		.batch_size = held->batch.size,
		.done = held_done,
		.context = held};
	assert_int_equal(log_append(fixture->log, &held->append), STATUS_OK);
	while (sem_wait(&held->entered) != 0)
		continue;
}

/* 40 are sent at once; how many of them have started while none could end. All are answered in the end. */
static uint64_t produces_under_way(struct kafka_fixture *fixture)
{
	enum { SENT = 40 };
	struct held_append held = {0};
	struct buffer bytes = {0}, batch = {0};
	batch_make(&batch, 1, 1000, CODEC_NONE, NULL);
	for (int i = 0; i < SENT; i++)
		request_append(fixture, 0, 9, produce_make(fixture, "t", 0, -1, buffer_slice(&batch)), &bytes);
	writer_hold(fixture, &held);
	uint64_t before = fixture->broker->requests;
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	uint64_t started = fixture->broker->requests - before;
	assert_false(kafka_session_wants_bytes(fixture->session)); /* the others wait, and hold the client back */
	assert_int_equal(turn(fixture), STATUS_OK);
	assert_int_equal(fixture->broker->requests - before, started);
	assert_false(answer_is_there(fixture));
	sem_post(&held.let_go);
	for (int i = 0; i < SENT; i++) {
		struct kafka_produce_response *answer = answer_take(fixture, 0, 9, NULL);
		assert_int_equal(answer->topics->partitions->error_code, KAFKA_NONE);
	}
	assert_true(kafka_session_wants_bytes(fixture->session));
	buffer_deinit(&bytes);
	buffer_deinit(&batch);
	buffer_deinit(&held.batch);
	sem_destroy(&held.entered);
	sem_destroy(&held.let_go);
	return started;
}

/* Another broker over the same log, before anything was asked of the first. */
static void broker_renew(struct kafka_fixture *fixture, struct kafka_broker_options options)
{
	options.log = fixture->log;
	options.groups = fixture->broker->groups;
	options.transactions = fixture->broker->transactions;
	options.answer_memory = fixture->broker->answer_memory;
	kafka_session_destroy(fixture->session);
	fixture->session = NULL;
	kafka_broker_destroy(fixture->broker);
	fixture->broker = kafka_broker_create(&options);
	fixture_session_renew(fixture);
}

static void a_connection_has_32_produces_under_way_and_no_more(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	assert_int_equal(produces_under_way(fixture), 32);
	struct kafka_broker_options options = kafka_broker_options_default();
	options.in_flight_max = 5;
	broker_renew(fixture, options);
	assert_int_equal(produces_under_way(fixture), 5);
}

/* ---- fetches ---- */

static void batch_put(struct kafka_fixture *fixture, int32_t partition, int32_t records)
{
	struct buffer batch = {0};
	batch_make(&batch, records, 1000, CODEC_NONE, NULL);
	assert_int_equal(produce(fixture, "t", partition, buffer_slice(&batch))->error_code, KAFKA_NONE);
	buffer_deinit(&batch);
}

static size_t fetched_bytes(struct kafka_fixture *fixture, const struct kafka_fetch_request *message)
{
	struct kafka_fetch_response *answer = ask(fixture, 1, 12, message);
	size_t bytes = 0;
	for (int32_t t = 0; t < answer->topics_count; t++)
		for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
			assert_int_equal(answer->topics[t].partitions[p].error_code, KAFKA_NONE);
			bytes += answer->topics[t].partitions[p].records.size;
		}
	return bytes;
}

static void an_answer_to_a_fetch_has_a_largest_size_or_one_batch(void **state)
{
	struct kafka_fixture *fixture = *state;
	assert_int_equal(fixture->broker->fetch_bytes_max, 55 * 1024 * 1024);
	struct kafka_broker_options options = kafka_broker_options_default();
	options.fetch_bytes_max = 10000;
	broker_renew(fixture, options);
	topic_make(fixture, "t", 3);
	for (int i = 0; i < 10; i++)
		batch_put(fixture, i % 2, 100); /* some 1.2 KB */
	batch_put(fixture, 2, 2000);
	struct kafka_fetch_request *message = fetch_make(fixture, "t", 0, 0, 1, 0);
	message->max_bytes = INT32_MAX;
	message->topics->partitions_count = 2;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, 2);
	message->topics->partitions[1].partition = 1;
	message->topics->partitions[0].partition_max_bytes = INT32_MAX;
	message->topics->partitions[1].partition_max_bytes = INT32_MAX;
	assert_in_range(fetched_bytes(fixture, message), 8000, 10000);
	message->topics->partitions[0].partition = 2;
	message->topics->partitions_count = 1;
	assert_in_range(fetched_bytes(fixture, message), 20000, 30000);
}

/* ---- many partitions ---- */

enum { TOPICS = 5, PARTITIONS = 100, ALL = TOPICS * PARTITIONS };

static const char *topic_name(struct kafka_fixture *fixture, int32_t t)
{
	return arena_printf(&fixture->arena, "t%d", t);
}

/* How many records the partition is given. */
static int32_t records_of(int32_t t, int32_t p)
{
	return 1 + (t * PARTITIONS + p) % 7;
}

static void partitions_fill(struct kafka_fixture *fixture, bool alike)
{
	struct kafka_produce_request *message = MAKE(fixture, produce_request);
	message->acks = -1;
	message->topics_count = TOPICS;
	message->topics = KAFKA_NEW(&fixture->arena, produce_request_topic, TOPICS);
	for (int32_t t = 0; t < TOPICS; t++) {
		struct kafka_produce_request_topic *topic = &message->topics[t];
		topic_make(fixture, topic_name(fixture, t), PARTITIONS);
		topic->name = slice_of_string(topic_name(fixture, t));
		topic->partitions_count = PARTITIONS;
		topic->partitions = KAFKA_NEW(&fixture->arena, produce_request_partition, PARTITIONS);
		for (int32_t p = 0; p < PARTITIONS; p++) {
			struct buffer batch = {0};
			batch_make(&batch, alike ? 3 : records_of(t, p), 1000, CODEC_NONE, NULL);
			topic->partitions[p].index = p;
			topic->partitions[p].records =
				slice_of(arena_copy(&fixture->arena, batch.data, batch.size), batch.size);
			buffer_deinit(&batch);
		}
	}
	struct kafka_produce_response *answer = ask(fixture, 0, 9, message);
	for (int32_t t = 0; t < TOPICS; t++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			assert_int_equal(answer->topics[t].partitions[p].error_code, KAFKA_NONE);
}

static struct kafka_fetch_request *fetch_all(struct kafka_fixture *fixture)
{
	struct kafka_fetch_request *message = MAKE(fixture, fetch_request);
	message->max_bytes = 50 * 1024 * 1024;
	message->topics_count = TOPICS;
	message->topics = KAFKA_NEW(&fixture->arena, fetch_request_topic, TOPICS);
	for (int32_t t = 0; t < TOPICS; t++) {
		message->topics[t].name = slice_of_string(topic_name(fixture, t));
		message->topics[t].partitions_count = PARTITIONS;
		message->topics[t].partitions = KAFKA_NEW(&fixture->arena, fetch_request_partition, PARTITIONS);
		for (int32_t p = 0; p < PARTITIONS; p++) {
			message->topics[t].partitions[p].partition = p;
			message->topics[t].partitions[p].partition_max_bytes = 1024 * 1024;
		}
	}
	return message;
}

static int32_t records_count(struct slice bytes)
{
	struct record_iterator iterator;
	struct record record;
	int32_t count = 0;
	record_iterator_init(&iterator, bytes);
	for (; record_iterator_next(&iterator, &record) == STATUS_OK; count++)
		assert_int_equal(record.offset, count);
	record_iterator_deinit(&iterator);
	return count;
}

static void a_fetch_of_500_partitions_is_answered_whole(void **state)
{
	struct kafka_fixture *fixture = *state;
	partitions_fill(fixture, false);
	struct kafka_fetch_response *answer = ask(fixture, 1, 12, fetch_all(fixture));
	assert_int_equal(answer->topics_count, TOPICS);
	for (int32_t t = 0; t < TOPICS; t++) {
		assert_int_equal(answer->topics[t].partitions_count, PARTITIONS);
		for (int32_t p = 0; p < PARTITIONS; p++) {
			const struct kafka_fetch_response_partition *partition = &answer->topics[t].partitions[p];
			assert_int_equal(partition->partition_index, p);
			assert_int_equal(partition->error_code, KAFKA_NONE);
			assert_int_equal(partition->high_watermark, records_of(t, p));
			assert_int_equal(records_count(partition->records), records_of(t, p));
		}
	}
}

/* A client that takes some 50 batches at a time and never gets further. */
static void of_500_partitions_each_gets_its_share_of_a_small_limit(void **state)
{
	struct kafka_fixture *fixture = *state;
	enum { SHARE = 50 };
	int32_t served[ALL] = {0};
	partitions_fill(fixture, true);
	struct buffer batch = {0};
	batch_make(&batch, 3, 1000, CODEC_NONE, NULL);
	struct kafka_fetch_request *message = fetch_all(fixture);
	message->max_bytes = (int32_t)(SHARE * batch.size);
	for (int round = 0; round < ALL; round++) {
		struct kafka_fetch_response *answer = ask(fixture, 1, 12, message);
		size_t bytes = 0;
		for (int32_t i = 0; i < ALL; i++) {
			const struct kafka_fetch_response_partition *partition =
				&answer->topics[i / PARTITIONS].partitions[i % PARTITIONS];
			assert_int_equal(partition->error_code, KAFKA_NONE);
			bytes += partition->records.size;
			served[i] += partition->records.size != 0;
		}
		assert_int_equal(bytes, message->max_bytes);
		arena_reset(&fixture->arena);
		message = fetch_all(fixture);
		message->max_bytes = (int32_t)(SHARE * batch.size);
	}
	for (int32_t i = 0; i < ALL; i++)
		assert_int_equal(served[i], SHARE);
	buffer_deinit(&batch);
}

/* ---- groups ---- */

static int16_t heartbeat_of(struct kafka_fixture *fixture, const char *group_id)
{
	struct kafka_heartbeat_request *message = MAKE(fixture, heartbeat_request);
	message->group_id = slice_of_string(group_id);
	message->member_id = slice_of_string("m");
	return ((struct kafka_heartbeat_response *)ask(fixture, 12, 4, message))->error_code;
}

static void ids_of_groups_beyond_1024_bytes_are_refused(void **state)
{
	struct kafka_fixture *fixture = *state;
	char id[1026];
	memset(id, 'i', sizeof id);
	id[1025] = '\0';
	struct kafka_join_group_request *join = MAKE(fixture, join_group_request);
	join->group_id = slice_of_string(id);
	join->session_timeout_ms = join->rebalance_timeout_ms = 10000;
	join->protocol_type = slice_of_string("consumer");
	join->protocols_count = 1;
	join->protocols = MAKE(fixture, join_group_request_protocol);
	struct kafka_join_group_response *joined = ask(fixture, 11, 7, join);
	assert_int_equal(joined->error_code, KAFKA_INVALID_GROUP_ID);
	struct kafka_offset_commit_request *commit = offset_commit_make(fixture, id);
	struct kafka_offset_commit_response *committed = ask(fixture, 8, 8, commit);
	assert_int_equal(committed->topics->partitions->error_code, KAFKA_INVALID_GROUP_ID);
	assert_int_equal(heartbeat_of(fixture, id), KAFKA_INVALID_GROUP_ID);
	id[1024] = '\0';
	join->group_id = commit->group_id = slice_of_string(id);
	joined = ask(fixture, 11, 7, join);
	assert_int_equal(joined->error_code, KAFKA_MEMBER_ID_REQUIRED);
	topic_make(fixture, "t", 1);
	committed = ask(fixture, 8, 8, commit);
	assert_int_not_equal(committed->topics->partitions->error_code, KAFKA_INVALID_GROUP_ID);
	assert_int_equal(heartbeat_of(fixture, id), KAFKA_UNKNOWN_MEMBER_ID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_has_32_produces_under_way_and_no_more),
		TEST(an_answer_to_a_fetch_has_a_largest_size_or_one_batch),
		TEST(a_fetch_of_500_partitions_is_answered_whole),
		TEST(of_500_partitions_each_gets_its_share_of_a_small_limit),
		TEST(ids_of_groups_beyond_1024_bytes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
