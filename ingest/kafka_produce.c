/* Produce: record batches go from the request's frame to the log without a copy.
 *
 *   prepare ─► append each partition's batch, in order ─► all done() ─► answer
 *                 │ queue full: KAFKA_STALLED, goes on at the same batch
 *
 * The batch stays where the frame has it; the log rewrites its base offset in place. The request holds the
 * frame until its last append is done, so acks=0 and acks=1 are as durable as acks=all before anybody is
 * told.
 */
#include <stdio.h>

#include "base/invariant.h"
#include "ingest/kafka_request.h"
#include "ingest/transaction_coordinator.h"
#include "log/record_batch.h"

struct produce_item {
	struct append append;
	struct kafka_request *request;
	struct slice topic;
	const struct kafka_produce_request_partition *from;
	struct kafka_produce_response_partition *to;
	int32_t records;
	bool transactional;
	struct transaction_producer producer;
	status appended; /* what log_append() said */
};

struct produce {
	struct kafka_produce_response *answer;
	struct produce_item *items;
	int32_t count, next; /* items before `next` were given to the log, or refused */
};

/* The writer thread's. */
static void produce_append_done(struct append *append)
{
	struct produce_item *item = append->context;
	kafka_request_leave(item->request);
}

static void item_refuse(struct produce_item *item, int16_t error_code, struct slice words)
{
	item->to->error_code = error_code;
	item->to->error_message = words;
	atomic_fetch_add_explicit(&item->request->broker->batches_refused, 1, memory_order_relaxed);
}

/* The code of a batch the broker must not take; formats that are merely old have one of their own. */
static int16_t batch_error_of(status code)
{
	return code == STATUS_UNSUPPORTED ? KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT : kafka_error_of(code);
}

/* Of a batch that was checked. */
static bool records_have_keys(struct slice batch)
{
	struct record_iterator iterator;
	struct record record;
	bool have = true;
	record_iterator_init(&iterator, batch);
	while (have && record_iterator_next(&iterator, &record) == STATUS_OK)
		have = record.key.data != NULL;
	record_iterator_deinit(&iterator);
	return have;
}

/* Everything that can be said of a batch before the log sees it. */
static bool item_check(struct produce_item *item)
{
	struct kafka_request *request = item->request;
	if (!kafka_may(request, USER_WRITE, item->topic)) {
		item_refuse(
			item, KAFKA_TOPIC_AUTHORIZATION_FAILED, slice_of_string("not allowed to write to this topic"));
		return false;
	}
	if (kafka_topic_is_internal(item->topic)) {
		item_refuse(item, KAFKA_INVALID_TOPIC_EXCEPTION, slice_of_string("internal topics are not writable"));
		return false;
	}
	item->append.partition = kafka_partition_find(request->broker->log, item->topic, item->from->index);
	if (item->append.partition == NULL) {
		item_refuse(item, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, slice_of_string("there is no such partition"));
		return false;
	}
	struct slice records = item->from->records;
	if (records.size == 0) {
		item_refuse(item, KAFKA_INVALID_RECORD, slice_of_string("a produce request needs a record batch"));
		return false;
	}
	int32_t bytes_max = partition_topic(item->append.partition)->config->message_bytes_max;
	if (bytes_max > 0 && records.size > (size_t)bytes_max) {
		item_refuse(item, KAFKA_MESSAGE_TOO_LARGE,
			slice_of_string(arena_printf(&request->arena,
				"record batch of %zu bytes, max.message.bytes is %d", records.size, bytes_max)));
		return false;
	}
	/* The frame is ours; the const of a slice is about borrowing. */
	item->append.batch = (uint8_t *)(uintptr_t)records.data;
	item->append.batch_size = records.size;
	struct record_batch batch;
	status result = record_batch_check(item->append.batch, records.size, &batch);
	if (result != STATUS_OK) {
		item_refuse(item, batch_error_of(result), kafka_error_text(&request->arena));
		return false;
	}
	const struct kafka_produce_request *message = request->message;
	if (batch.transactional && message->transactional_id.data == NULL) {
		item_refuse(item, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
			slice_of_string("a transactional record batch in a request without transactional id"));
		return false;
	}
	bool compacted = (partition_topic(item->append.partition)->config->cleanup_policy & CLEANUP_COMPACT) != 0;
	if (compacted && !records_have_keys(records)) {
		item_refuse(item, KAFKA_INVALID_RECORD, slice_of_string("records of a compacted topic need a key"));
		return false;
	}
	item->transactional = batch.transactional;
	item->producer = (struct transaction_producer){batch.producer_id, batch.producer_epoch};
	item->records = batch.count;
	return true;
}

static void item_give(void *context)
{
	struct produce_item *item = context;
	item->appended = log_append(item->request->broker->log, &item->append);
}

/* Part of a transaction: only if the partition was added to it, and it goes on. Whether it does, and the
 * append, are one step, so that nothing comes behind the marker. */
static int16_t item_give_transactional(struct produce_item *item)
{
	const struct kafka_produce_request *message = item->request->message;
	return transaction_coordinator_write(item->request->broker->transactions, message->transactional_id,
		&item->producer, item->topic, item->from->index, item_give, item);
}

/* False: the log's queue is full. */
static bool item_append(struct produce_item *item)
{
	int16_t refused = KAFKA_NONE;
	kafka_request_enter(item->request);
	if (item->transactional)
		refused = item_give_transactional(item);
	else
		item_give(item);
	if (refused != KAFKA_NONE) {
		kafka_request_leave(item->request);
		item->append.partition = NULL;
		item_refuse(item, refused, slice_of_string("the partition is not part of an ongoing transaction"));
		return true;
	}
	status result = item->appended;
	if (result == STATUS_OK)
		return true;
	kafka_request_leave(item->request);
	if (result == STATUS_BACKPRESSURE)
		return false;
	item->append.partition = NULL;
	item_refuse(item, kafka_error_of(result), kafka_error_text(&item->request->arena));
	return true;
}

static struct produce *produce_prepare(struct kafka_request *request)
{
	struct arena *arena = &request->arena;
	const struct kafka_produce_request *message = request->message;
	struct produce *produce = arena_alloc_zeroed(arena, sizeof *produce);
	produce->answer = KAFKA_NEW(arena, produce_response, 1);
	produce->answer->topics_count = message->topics_count;
	produce->answer->topics = KAFKA_NEW(arena, produce_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++)
		produce->count += message->topics[t].partitions_count;
	produce->items = arena_alloc_zeroed(arena, (size_t)produce->count * sizeof *produce->items);
	struct produce_item *item = produce->items;
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_produce_request_topic *from = &message->topics[t];
		struct kafka_produce_response_topic *to = &produce->answer->topics[t];
		to->name = from->name;
		to->partitions_count = from->partitions_count;
		to->partitions = KAFKA_NEW(arena, produce_response_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++, item++) {
			to->partitions[p].index = from->partitions[p].index;
			item->request = request;
			item->topic = from->name;
			item->from = &from->partitions[p];
			item->to = &to->partitions[p];
			item->append.done = produce_append_done;
			item->append.context = item;
		}
	}
	return produce;
}

/* A reason to refuse the request as a whole. */
static int16_t produce_refuse(const struct kafka_request *request, const char **why)
{
	const struct kafka_produce_request *message = request->message;
	if (request->layout.version < 3) {
		*why = "Produce versions 0 to 2 carry message formats before v2, which are not stored";
		return KAFKA_UNSUPPORTED_VERSION;
	}
	if (message->acks < -1 || message->acks > 1) {
		*why = "acks must be -1, 0 or 1";
		return KAFKA_INVALID_REQUIRED_ACKS;
	}
	if (message->transactional_id.data != NULL && request->broker->transactions == NULL) {
		*why = "transactions are not supported; leave transactional.id unset";
		return KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	}
	return KAFKA_NONE;
}

static void item_finish(struct produce_item *item)
{
	struct kafka_broker *broker = item->request->broker;
	if (item->to->error_code != KAFKA_NONE)
		return;
	struct append *append = &item->append;
	if (append->result != STATUS_OK) {
		item_refuse(item, kafka_error_of(append->result), slice_of_string(status_words(append->result)));
		return;
	}
	item->to->base_offset = append->base_offset;
	item->to->log_start_offset = partition_log_start(append->partition);
	if (append->duplicate)
		return;
	atomic_fetch_add_explicit(&broker->batches_appended, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&broker->records_appended, (uint64_t)item->records, memory_order_relaxed);
}

/* With acks=0 nobody reads an answer; an error is said by closing the connection. */
static void produce_finish_silently(struct kafka_request *request, const struct produce *produce)
{
	request->silent = true;
	for (int32_t i = 0; i < produce->count; i++) {
		const struct produce_item *item = &produce->items[i];
		if (item->to->error_code == KAFKA_NONE)
			continue;
		request->failure = STATUS_PROTOCOL;
		(void)snprintf(request->failure_text, sizeof request->failure_text,
			"produce with acks=0 to %.*s-%d failed with Kafka error %d: %.*s", (int)item->topic.size,
			(const char *)item->topic.data, item->from->index, item->to->error_code,
			(int)item->to->error_message.size, (const char *)item->to->error_message.data);
		return;
	}
}

enum kafka_progress kafka_produce_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	struct produce *produce = request->state;
	if (produce == NULL) {
		request->state = produce = produce_prepare(request);
		const char *why;
		int16_t refused = produce_refuse(request, &why);
		for (; refused != KAFKA_NONE && produce->next < produce->count; produce->next++)
			item_refuse(&produce->items[produce->next], refused, slice_of_string(why));
	}
	for (; produce->next < produce->count; produce->next++) {
		struct produce_item *item = &produce->items[produce->next];
		/* A batch that met a full queue has been checked already. */
		if (item->append.partition == NULL && !item_check(item)) {
			item->append.partition = NULL;
			continue;
		}
		if (!item_append(item))
			return KAFKA_STALLED;
	}
	if (atomic_load_explicit(&request->outside, memory_order_acquire) != 0)
		return KAFKA_WAITS;
	for (int32_t i = 0; i < produce->count; i++)
		item_finish(&produce->items[i]);
	const struct kafka_produce_request *message = request->message;
	if (message->acks == 0)
		produce_finish_silently(request, produce);
	return kafka_request_answer(request, produce->answer);
}
