#include "support_kafka.h"

#include <ftw.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- the fake server ---- */

static void io_send(void *context, struct buffer *bytes)
{
	struct kafka_fixture *fixture = context;
	buffer_append(&fixture->sent, bytes->data, bytes->size);
	buffer_deinit(bytes);
}

static void io_send_range(void *context, struct file_range *range)
{
	struct kafka_fixture *fixture = context;
	uint8_t *at = buffer_reserve(&fixture->sent, range->size);
	assert_int_equal(pread(range->fd, at, range->size, range->position), (ssize_t)range->size);
	fixture->sent.size += range->size;
	fixture->ranges_sent += 1;
	file_range_close(range);
}

static bool io_clogged(void *context)
{
	return ((struct kafka_fixture *)context)->clogged;
}

static bool memory_is_scarce(void *context)
{
	return ((struct kafka_fixture *)context)->scarce;
}

static void memory_take(void *context, size_t bytes)
{
	atomic_fetch_add(&((struct kafka_fixture *)context)->memory_taken, bytes);
}

static void memory_give(void *context, size_t bytes)
{
	struct kafka_fixture *fixture = context;
	assert_true(atomic_fetch_sub(&fixture->memory_taken, bytes) >= bytes);
}

static void io_wake(void *context)
{
	atomic_fetch_add(&((struct kafka_fixture *)context)->wakes, 1);
}

static void log_advanced(void *context)
{
	atomic_fetch_add(&((struct kafka_fixture *)context)->advances, 1);
}

static void io_run_blocking(void *context, void (*function)(void *argument), void *argument)
{
	struct kafka_fixture *fixture = context;
	struct blocking_call **end = &fixture->calls;
	while (*end != NULL)
		end = &(*end)->next;
	*end = mem_alloc(sizeof **end);
	**end = (struct blocking_call){NULL, function, argument};
}

static void calls_run(struct kafka_fixture *fixture)
{
	while (fixture->calls != NULL) {
		struct blocking_call *call = fixture->calls;
		fixture->calls = call->next;
		call->function(call->argument);
		mem_free(call);
	}
}

void fixture_session_renew(struct kafka_fixture *fixture)
{
	kafka_session_destroy(fixture->session);
	struct kafka_session_io io = {.context = fixture,
		.send = io_send,
		.send_range = fixture->ranges_refused ? NULL : io_send_range,
		.clogged = io_clogged,
		.wake = io_wake,
		.run_blocking = io_run_blocking,
		.peer = "127.0.0.1:4711"};
	fixture->session = kafka_session_create(fixture->broker, &io);
	fixture->sent.size = 0;
	fixture->ranges_sent = 0;
}

void fixture_open(struct kafka_fixture *fixture, size_t queue_bytes_max)
{
	struct log_options options = {.dir = fixture->dir,
		.segment_bytes = 1024 * 1024,
		.queue_bytes_max = queue_bytes_max,
		.advanced = log_advanced,
		.context = fixture};
	assert_int_equal(log_open(&options, &fixture->log), STATUS_OK);
	struct kafka_broker_options broker = kafka_broker_options_default();
	broker.log = fixture->log;
	struct group_coordinator_options groups = group_coordinator_options_default();
	groups.group.initial_delay_ms = 0;
	assert_int_equal(group_log_open(fixture->log, &groups, fixture->now_ms, &fixture->groups), STATUS_OK);
	broker.groups = group_log_coordinator(fixture->groups);
	assert_int_equal(transaction_log_open(fixture->log, broker.groups, &fixture->transactions), STATUS_OK);
	transaction_log_begin(fixture->transactions, fixture->now_ms);
	broker.transactions = transaction_log_coordinator(fixture->transactions);
	broker.answer_memory = (struct kafka_answer_memory){fixture, memory_is_scarce, memory_take, memory_give};
	fixture->broker = kafka_broker_create(&broker);
	fixture_session_renew(fixture);
}

void fixture_close(struct kafka_fixture *fixture)
{
	kafka_session_destroy(fixture->session);
	fixture->session = NULL;
	calls_run(fixture);
	log_close(fixture->log);
	kafka_broker_destroy(fixture->broker);
	assert_int_equal(fixture->memory_taken, 0);
	transaction_log_close(fixture->transactions);
	group_log_close(fixture->groups);
	buffer_deinit(&fixture->sent);
}

void fixture_restart(struct kafka_fixture *fixture)
{
	fixture_close(fixture);
	fixture_open(fixture, 0);
}

int kafka_set_up(void **state)
{
	struct kafka_fixture *fixture = mem_alloc_zeroed(1, sizeof *fixture);
	(void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/kappa-kafka-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	arena_init(&fixture->arena);
	fixture->now_ms = clock_monotonic_ns() / 1000000;
	fixture_open(fixture, 0);
	*state = fixture;
	return 0;
}

int kafka_set_up_copying(void **state)
{
	kafka_set_up(state);
	struct kafka_fixture *fixture = *state;
	fixture->ranges_refused = true;
	fixture_session_renew(fixture);
	return 0;
}

static int entry_remove(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)type, (void)walk;
	return remove(path);
}

int kafka_tear_down(void **state)
{
	struct kafka_fixture *fixture = *state;
	fixture_close(fixture);
	arena_deinit(&fixture->arena);
	assert_int_equal(nftw(fixture->dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
	mem_free(fixture);
	return 0;
}

/* ---- requests and answers ---- */

void request_append(
	struct kafka_fixture *fixture, int16_t key, int16_t version, const void *message, struct buffer *out)
{
	const struct kafka_api *api = kafka_api_find(key);
	assert_non_null(api);
	size_t begin = out->size;
	bool flexible = version >= api->flexible_from;
	buffer_append_be32(out, 0);
	buffer_append_be16(out, (uint16_t)key);
	buffer_append_be16(out, (uint16_t)version);
	buffer_append_be32(out, (uint32_t)++fixture->correlation_id);
	buffer_append_be16(out, 4);
	buffer_append_string(out, "test");
	if (flexible)
		buffer_append_byte(out, 0);
	kafka_write(out, api->request, (struct kafka_layout){version, flexible}, message);
	put_be32(out->data + begin, (uint32_t)(out->size - begin - 4));
}

bool answer_is_there(const struct kafka_fixture *fixture)
{
	return fixture->sent.size >= 4 && fixture->sent.size >= get_be32(fixture->sent.data) + 4;
}

status turn(struct kafka_fixture *fixture)
{
	if (!fixture->calls_held)
		calls_run(fixture);
	return kafka_session_resume(fixture->session, fixture->now_ms);
}

static void rest(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

void *answer_take(struct kafka_fixture *fixture, int16_t key, int16_t version, int32_t *correlation_id)
{
	for (int i = 0; i < 20000 && !answer_is_there(fixture); i++) {
		assert_int_equal(turn(fixture), STATUS_OK);
		if (!answer_is_there(fixture))
			rest();
	}
	assert_true(answer_is_there(fixture));
	const struct kafka_api *api = kafka_api_find(key);
	size_t size = get_be32(fixture->sent.data);
	uint8_t *bytes = arena_copy(&fixture->arena, fixture->sent.data + 4, size);
	buffer_consume(&fixture->sent, size + 4);
	struct cursor cursor = cursor_of(slice_of(bytes, size));
	int32_t id = (int32_t)cursor_be32(&cursor);
	if (correlation_id != NULL)
		*correlation_id = id;
	bool flexible = version >= api->flexible_from;
	if (flexible && key != 18)
		assert_int_equal(cursor_varint(&cursor), 0);
	void *answer;
	assert_int_equal(kafka_read(&cursor, api->response, (struct kafka_layout){version, flexible},
						 &fixture->arena, INT32_MAX, &answer),
		STATUS_OK);
	assert_int_equal(cursor_left(&cursor), 0);
	return answer;
}

void *ask(struct kafka_fixture *fixture, int16_t key, int16_t version, const void *message)
{
	struct buffer bytes = {0};
	request_append(fixture, key, version, message, &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	buffer_deinit(&bytes);
	int32_t correlation_id;
	void *answer = answer_take(fixture, key, version, &correlation_id);
	assert_int_equal(correlation_id, fixture->correlation_id);
	return answer;
}

void expect_failure(struct kafka_fixture *fixture, status expected)
{
	status result = STATUS_OK;
	for (int i = 0; i < 5000 && result == STATUS_OK; i++) {
		result = turn(fixture);
		if (result == STATUS_OK)
			rest();
	}
	assert_int_equal(result, expected);
	assert_false(kafka_session_wants_bytes(fixture->session));
}

/* ---- verbs ---- */

void topic_make(struct kafka_fixture *fixture, const char *name, int32_t partitions)
{
	struct topic_config config = topic_config_default();
	config.partitions = partitions;
	assert_int_equal(topic_create(fixture->log, name, &config), STATUS_OK);
}

void batch_make(struct buffer *out, int32_t count, int64_t timestamp_ms, enum codec codec,
	const struct record_batch_producer *producer)
{
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < count; i++) {
		char value[16];
		(void)snprintf(value, sizeof value, "v%d", i);
		record_batch_builder_add(
			&builder, timestamp_ms + i, (struct slice){0}, slice_of_string(value), NULL, 0);
	}
	assert_int_equal(record_batch_builder_finish(&builder, codec, producer, out), STATUS_OK);
	record_batch_builder_deinit(&builder);
}

struct kafka_produce_request *produce_make(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int16_t acks, struct slice batch)
{
	struct kafka_produce_request *message = MAKE(fixture, produce_request);
	message->acks = acks;
	message->timeout_ms = 30000;
	message->topics_count = 1;
	message->topics = MAKE(fixture, produce_request_topic);
	message->topics->name = slice_of_string(arena_copy_string(&fixture->arena, topic));
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, produce_request_partition);
	message->topics->partitions->index = partition;
	message->topics->partitions->records = batch;
	return message;
}

struct kafka_produce_response_partition *produce(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, struct slice batch)
{
	struct kafka_produce_response *answer =
		ask(fixture, 0, 9, produce_make(fixture, topic, partition, -1, batch));
	assert_int_equal(answer->topics_count, 1);
	assert_true(slice_equal(answer->topics->name, slice_of_string(topic)));
	assert_int_equal(answer->topics->partitions_count, 1);
	assert_int_equal(answer->topics->partitions->index, partition);
	return answer->topics->partitions;
}

struct kafka_fetch_request *fetch_make(struct kafka_fixture *fixture, const char *topic, int32_t partition,
	int64_t offset, int32_t min_bytes, int32_t max_wait_ms)
{
	struct kafka_fetch_request *message = MAKE(fixture, fetch_request);
	message->min_bytes = min_bytes;
	message->max_wait_ms = max_wait_ms;
	message->max_bytes = 50 * 1024 * 1024;
	message->topics_count = 1;
	message->topics = MAKE(fixture, fetch_request_topic);
	message->topics->name = slice_of_string(arena_copy_string(&fixture->arena, topic));
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, fetch_request_partition);
	message->topics->partitions->partition = partition;
	message->topics->partitions->fetch_offset = offset;
	message->topics->partitions->partition_max_bytes = 1024 * 1024;
	return message;
}

struct kafka_list_offsets_response_partition *list_offset(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int64_t timestamp)
{
	struct kafka_list_offsets_request *message = MAKE(fixture, list_offsets_request);
	message->replica_id = -1;
	message->topics_count = 1;
	message->topics = MAKE(fixture, list_offsets_request_topic);
	message->topics->name = slice_of_string(topic);
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, list_offsets_request_partition);
	message->topics->partitions->partition_index = partition;
	message->topics->partitions->timestamp = timestamp;
	struct kafka_list_offsets_response *answer = ask(fixture, 2, 7, message);
	return answer->topics->partitions;
}

void topic_fill(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int batches, int32_t records)
{
	for (int i = 0; i < batches; i++) {
		struct buffer batch = {0};
		batch_make(&batch, records, 1000 + 1000 * i, CODEC_NONE, NULL);
		assert_int_equal(produce(fixture, topic, partition, buffer_slice(&batch))->error_code, KAFKA_NONE);
		buffer_deinit(&batch);
	}
}

struct kafka_offset_commit_request *offset_commit_make(struct kafka_fixture *fixture, const char *group)
{
	struct kafka_offset_commit_request *commit = KAFKA_NEW(&fixture->arena, offset_commit_request, 1);
	commit->group_id = slice_of_string(group);
	commit->generation_id = -1;
	commit->topics_count = 1;
	commit->topics = KAFKA_NEW(&fixture->arena, offset_commit_request_topic, 1);
	commit->topics->name = slice_of_string("t");
	commit->topics->partitions_count = 1;
	commit->topics->partitions = KAFKA_NEW(&fixture->arena, offset_commit_request_partition, 1);
	return commit;
}
