/* InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit: from messages to the
 * transaction coordinator and back. The coordinator ends every call soon (it never waits for a client), so a
 * request whose session goes just stays until then.
 */
#include "base/invariant.h"
#include "ingest/kafka_group.h"
#include "ingest/kafka_request.h"
#include "ingest/transaction_coordinator.h"

struct transaction_wait {
	struct transaction_call call;
	void *own; /* the handler's */
};

static void call_done(struct transaction_call *call)
{
	kafka_request_leave(call->context);
}

/* Sets request->state. The call must then be given to the coordinator. */
static struct transaction_wait *wait_begin(struct kafka_request *request)
{
	struct transaction_wait *wait = arena_alloc_zeroed(&request->arena, sizeof *wait);
	wait->call.done = call_done;
	wait->call.context = request;
	request->state = wait;
	kafka_request_enter(request);
	return wait;
}

static bool wait_over(const struct kafka_request *request)
{
	return atomic_load_explicit(&request->outside, memory_order_acquire) == 0;
}

/* PRODUCER_FENCED is younger than some versions. */
static int16_t fenced_for_version(const struct kafka_request *request, int16_t error_code, int16_t version)
{
	bool old = request->layout.version < version;
	return error_code == KAFKA_PRODUCER_FENCED && old ? KAFKA_INVALID_PRODUCER_EPOCH : error_code;
}

/* ---- InitProducerId ---- */

struct producer_init {
	struct transaction_wait *wait; /* NULL: a new producer id is being reserved, which may block */
	int64_t producer_id;
	int16_t error_code;
};

static void producer_id_allocate(struct kafka_request *request)
{
	struct producer_init *init = request->state;
	status result = log_producer_id_allocate(request->broker->log, &init->producer_id);
	if (result != STATUS_OK)
		init->error_code = kafka_error_of(result);
}

static void init_begin(struct kafka_request *request, struct producer_init *init, int64_t now_ms)
{
	const struct kafka_init_producer_id_request *message = request->message;
	struct transaction_init asked = {
		.timeout_ms = message->transaction_timeout_ms,
		.producer_id = message->producer_id,
		.epoch = message->producer_epoch,
		.fresh_producer_id = init->producer_id,
	};
	init->wait = wait_begin(request);
	request->state = init;
	transaction_coordinator_init(
		request->broker->transactions, message->transactional_id, &asked, &init->wait->call, now_ms);
}

static enum kafka_progress init_answer(
	struct kafka_request *request, int16_t error_code, const struct transaction_producer *producer)
{
	struct kafka_init_producer_id_response *answer = KAFKA_NEW(&request->arena, init_producer_id_response, 1);
	answer->error_code = fenced_for_version(request, error_code, 4);
	if (error_code == KAFKA_NONE) {
		answer->producer_id = producer->id;
		answer->producer_epoch = producer->epoch;
	} else {
		answer->producer_epoch = -1;
	}
	return kafka_request_answer(request, answer);
}

enum kafka_progress kafka_init_producer_id_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_init_producer_id_request *message = request->message;
	bool transactional = message->transactional_id.data != NULL;
	struct producer_init *init = request->state;
	if (transactional && request->broker->transactions == NULL)
		return init_answer(request, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, NULL);
	if (init == NULL) {
		/* Without a transaction a client gets a new id with epoch 0, whatever it had, as from Kafka. With one
		 * it may turn out to need none; ids are plenty. */
		request->state = init = arena_alloc_zeroed(&request->arena, sizeof *init);
		kafka_request_block(request, producer_id_allocate);
		return KAFKA_WAITS;
	}
	if (!wait_over(request))
		return KAFKA_WAITS;
	if (init->error_code != KAFKA_NONE)
		return init_answer(request, init->error_code, NULL);
	if (!transactional)
		return init_answer(request, KAFKA_NONE, &(struct transaction_producer){init->producer_id, 0});
	if (init->wait == NULL)
		init_begin(request, init, now_ms);
	if (!wait_over(request))
		return KAFKA_WAITS;
	return init_answer(request, init->wait->call.error_code, &init->wait->call.producer);
}

/* ---- AddPartitionsToTxn ---- */

static int16_t partition_check(const struct kafka_request *request, struct slice topic, int32_t number)
{
	if (!kafka_may(request, USER_WRITE, topic))
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (kafka_topic_is_internal(topic))
		return KAFKA_INVALID_TOPIC_EXCEPTION;
	return kafka_partition_find(request->broker->log, topic, number) != NULL
			   ? KAFKA_NONE
			   : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
}

/* Every partition with the same error, or its own where that is one. */
static struct kafka_add_partitions_response *partitions_answer(
	struct kafka_request *request, int16_t error_code, bool *refused)
{
	const struct kafka_add_partitions_request *message = request->message;
	struct kafka_add_partitions_response *answer = KAFKA_NEW(&request->arena, add_partitions_response, 1);
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, add_partitions_response_topic, message->topics_count);
	*refused = false;
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_add_partitions_request_topic *from = &message->topics[t];
		struct kafka_add_partitions_response_topic *to = &answer->topics[t];
		to->name = from->name;
		to->partitions_count = from->partitions_count;
		to->partitions =
			KAFKA_NEW(&request->arena, add_partitions_response_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++) {
			int16_t own = partition_check(request, from->name, from->partitions[p]);
			to->partitions[p].partition_index = from->partitions[p];
			to->partitions[p].error_code = own != KAFKA_NONE ? own : error_code;
			*refused = *refused || own != KAFKA_NONE;
		}
	}
	return answer;
}

static void add_begin(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_add_partitions_request *message = request->message;
	struct transaction_wait *wait = wait_begin(request);
	int32_t count = 0;
	for (int32_t t = 0; t < message->topics_count; t++)
		count += message->topics[t].partitions_count;
	struct transaction_partition *list = arena_alloc(&request->arena, (size_t)count * sizeof *list);
	for (int32_t t = 0, i = 0; t < message->topics_count; t++) {
		const struct kafka_add_partitions_request_topic *topic = &message->topics[t];
		char *name =
			arena_printf(&request->arena, "%.*s", (int)topic->name.size, (const char *)topic->name.data);
		for (int32_t p = 0; p < topic->partitions_count; p++)
			list[i++] = (struct transaction_partition){name, topic->partitions[p]};
	}
	struct transaction_producer producer = {message->producer_id, message->producer_epoch};
	transaction_coordinator_add(request->broker->transactions, message->transactional_id, &producer, list,
		count, false, &wait->call, now_ms);
}

enum kafka_progress kafka_add_partitions_run(struct kafka_request *request, int64_t now_ms)
{
	struct transaction_wait *wait = request->state;
	bool refused;
	if (request->broker->transactions == NULL)
		return kafka_request_answer(
			request, partitions_answer(request, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, &refused));
	if (wait == NULL) {
		/* All or none, as Kafka: those that were possible say that they were not attempted. */
		const void *answer = partitions_answer(request, KAFKA_OPERATION_NOT_ATTEMPTED, &refused);
		if (refused)
			return kafka_request_answer(request, answer);
		add_begin(request, now_ms);
		wait = request->state;
	}
	if (!wait_over(request))
		return KAFKA_WAITS;
	int16_t error_code = fenced_for_version(request, wait->call.error_code, 2);
	return kafka_request_answer(request, partitions_answer(request, error_code, &refused));
}

/* ---- AddOffsetsToTxn ---- */

enum kafka_progress kafka_add_offsets_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_add_offsets_request *message = request->message;
	struct kafka_add_offsets_response *answer = KAFKA_NEW(&request->arena, add_offsets_response, 1);
	struct transaction_wait *wait = request->state;
	if (request->broker->transactions == NULL || request->broker->groups == NULL) {
		answer->error_code = KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
		return kafka_request_answer(request, answer);
	}
	if (wait == NULL) {
		struct transaction_producer producer = {message->producer_id, message->producer_epoch};
		wait = wait_begin(request);
		transaction_coordinator_add(request->broker->transactions, message->transactional_id, &producer, NULL,
			0, true, &wait->call, now_ms);
	}
	if (!wait_over(request))
		return KAFKA_WAITS;
	answer->error_code = fenced_for_version(request, wait->call.error_code, 2);
	return kafka_request_answer(request, answer);
}

/* ---- EndTxn ---- */

enum kafka_progress kafka_end_txn_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_end_txn_request *message = request->message;
	struct kafka_end_txn_response *answer = KAFKA_NEW(&request->arena, end_txn_response, 1);
	struct transaction_wait *wait = request->state;
	if (request->broker->transactions == NULL) {
		answer->error_code = KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
		return kafka_request_answer(request, answer);
	}
	if (wait == NULL) {
		struct transaction_producer producer = {message->producer_id, message->producer_epoch};
		wait = wait_begin(request);
		transaction_coordinator_end(request->broker->transactions, message->transactional_id, &producer,
			message->committed, &wait->call, now_ms);
	}
	if (!wait_over(request))
		return KAFKA_WAITS;
	answer->error_code = fenced_for_version(request, wait->call.error_code, 2);
	return kafka_request_answer(request, answer);
}

/* ---- TxnOffsetCommit ---- */

struct staging {
	struct kafka_request *request;
	struct group_commit commit;
	struct kafka_group_wait *wait;
	int16_t refused;
	int64_t now_ms;
};

/* Under the transaction coordinator's lock: what is staged is staged before the transaction can end. */
static void staging_write(void *context)
{
	struct staging *staging = context;
	const struct kafka_txn_commit_request *message = staging->request->message;
	group_coordinator_stage(staging->request->broker->groups, message->producer_id, &staging->commit,
		staging->wait->calls, staging->now_ms);
}

static void staging_fill(struct kafka_request *request, struct group_commit *commit)
{
	const struct kafka_txn_commit_request *message = request->message;
	*commit = (struct group_commit){
		.group = message->group_id,
		.who = {message->member_id.data != NULL ? message->member_id : slice_of_string(""),
			message->group_instance_id},
		.generation = message->generation_id,
		.retention_ms = -1,
	};
	for (int32_t t = 0; t < message->topics_count; t++)
		commit->count += message->topics[t].partitions_count;
	commit->offsets = arena_alloc_zeroed(&request->arena, (size_t)commit->count * sizeof *commit->offsets);
	struct group_offset *to = commit->offsets;
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_txn_commit_request_topic *topic = &message->topics[t];
		bool allowed = kafka_may(request, USER_READ, topic->name);
		for (int32_t p = 0; p < topic->partitions_count; p++)
			*to++ = (struct group_offset){
				.topic = topic->name,
				.partition = topic->partitions[p].partition_index,
				.offset = topic->partitions[p].committed_offset,
				.leader_epoch = topic->partitions[p].committed_leader_epoch,
				.metadata = topic->partitions[p].committed_metadata,
				.error_code = allowed ? KAFKA_NONE : KAFKA_TOPIC_AUTHORIZATION_FAILED,
			};
	}
}

static struct staging *staging_begin(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_txn_commit_request *message = request->message;
	struct staging *staging = arena_alloc_zeroed(&request->arena, sizeof *staging);
	staging->request = request;
	staging->now_ms = now_ms;
	staging_fill(request, &staging->commit);
	if (request->broker->transactions == NULL) {
		staging->refused = KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
		return staging;
	}
	staging->wait = kafka_group_wait_new(request, 1);
	if (staging->wait == NULL) {
		staging->refused = KAFKA_COORDINATOR_NOT_AVAILABLE;
		return staging;
	}
	staging->wait->own = staging;
	struct transaction_producer producer = {message->producer_id, message->producer_epoch};
	staging->refused = transaction_coordinator_write(request->broker->transactions, message->transactional_id,
		&producer, (struct slice){0}, -1, staging_write, staging);
	if (staging->refused != KAFKA_NONE)
		kafka_request_leave(request); /* the groups never saw the call */
	return staging;
}

enum kafka_progress kafka_txn_commit_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_txn_commit_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	const struct staging *staging = wait != NULL ? wait->own : staging_begin(request, now_ms);
	if (!wait_over(request))
		return KAFKA_WAITS;
	int16_t error_code = staging->refused != KAFKA_NONE ? staging->refused : staging->wait->calls->error_code;
	const struct group_offset *offset = staging->commit.offsets;
	struct kafka_txn_commit_response *answer = KAFKA_NEW(&request->arena, txn_commit_response, 1);
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, txn_commit_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		struct kafka_txn_commit_response_topic *to = &answer->topics[t];
		to->name = message->topics[t].name;
		to->partitions_count = message->topics[t].partitions_count;
		to->partitions = KAFKA_NEW(&request->arena, txn_commit_response_partition, to->partitions_count);
		for (int32_t p = 0; p < to->partitions_count; p++, offset++) {
			to->partitions[p].partition_index = message->topics[t].partitions[p].partition_index;
			to->partitions[p].error_code = error_code != KAFKA_NONE ? error_code : offset->error_code;
		}
	}
	return kafka_request_answer(request, answer);
}
