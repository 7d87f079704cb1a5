/* See transaction.h for the drawing. The rules are Kafka's (KIP-98, KIP-360), but for two: an InitProducerId
 * with a stale epoch does not abort what a newer producer has under way, and an EndTxn of a transaction in
 * which nothing happened is a success, because there is nothing to decide (Kafka answers INVALID_TXN_STATE,
 * which clients that resume a transaction after a restart cannot get out of). */
#include "ingest/transaction.h"

#include <jansson.h>

#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/kafka_error.h"
#include "log/record_batch.h"

enum { EPOCH_EXHAUSTED = INT16_MAX - 1 }; /* one more is kept for fencing */

static const char *const state_names[] = {
	[TRANSACTION_EMPTY] = "Empty",
	[TRANSACTION_ONGOING] = "Ongoing",
	[TRANSACTION_PREPARE_COMMIT] = "PrepareCommit",
	[TRANSACTION_PREPARE_ABORT] = "PrepareAbort",
	[TRANSACTION_COMPLETE_COMMIT] = "CompleteCommit",
	[TRANSACTION_COMPLETE_ABORT] = "CompleteAbort",
	[TRANSACTION_DEAD] = "Dead",
};

const char *transaction_state_name(enum transaction_state state)
{
	return state_names[state];
}

/* ---- values ---- */

void transaction_value_init(struct transaction_value *value)
{
	*value = (struct transaction_value){
		.producer_id = -1, .previous_producer_id = -1, .epoch = -1, .previous_epoch = -1};
}

static void partitions_clear(struct transaction_value *value)
{
	for (int32_t i = 0; i < value->partition_count; i++)
		mem_free(value->partitions[i].topic);
	mem_free(value->partitions);
	value->partitions = NULL;
	value->partition_count = 0;
}

void transaction_value_deinit(struct transaction_value *value)
{
	partitions_clear(value);
	transaction_value_init(value);
}

/* A copy without the partitions. */
static struct transaction_value value_begin(
	const struct transaction_value *now, enum transaction_state state, int64_t wall_ms)
{
	struct transaction_value next = *now;
	next.partitions = NULL;
	next.partition_count = 0;
	next.state = state;
	next.update_wall_ms = wall_ms;
	return next;
}

static int partition_order(const struct transaction_partition *left, struct slice topic, int32_t number)
{
	int order = slice_compare(slice_of_string(left->topic), topic);
	return order != 0 ? order : (left->number > number) - (left->number < number);
}

/* Where the partition is, or would be. */
static int32_t partition_place(
	const struct transaction_value *value, struct slice topic, int32_t number, bool *there)
{
	int32_t low = 0, high = value->partition_count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (partition_order(&value->partitions[middle], topic, number) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = low < value->partition_count && partition_order(&value->partitions[low], topic, number) == 0;
	return low;
}

bool transaction_has(const struct transaction_value *value, struct slice topic, int32_t number)
{
	bool there;
	(void)partition_place(value, topic, number, &there);
	return there;
}

static void partitions_add(
	struct transaction_value *value, const struct transaction_partition *partitions, int32_t count)
{
	size_t room = (size_t)value->partition_count + (size_t)count;
	if (count == 0)
		return;
	value->partitions = mem_resize(value->partitions, room * sizeof *value->partitions);
	for (int32_t i = 0; i < count; i++) {
		bool there;
		int32_t at =
			partition_place(value, slice_of_string(partitions[i].topic), partitions[i].number, &there);
		if (there)
			continue;
		memmove(&value->partitions[at + 1], &value->partitions[at],
			(size_t)(value->partition_count - at) * sizeof *value->partitions);
		value->partitions[at] =
			(struct transaction_partition){mem_copy_string(partitions[i].topic), partitions[i].number};
		value->partition_count++;
	}
}

static bool state_is_idle(enum transaction_state state)
{
	return state == TRANSACTION_EMPTY || state == TRANSACTION_COMPLETE_COMMIT ||
		   state == TRANSACTION_COMPLETE_ABORT;
}

/* ---- InitProducerId ---- */

/* KIP-360: a producer that says who it is gets the next epoch only if it is the newest, or if it was and asks
 * again because the answer was lost. */
static bool init_is_fenced(const struct transaction_value *now, const struct transaction_init *asked)
{
	if (asked->producer_id < 0 || now->epoch < 0)
		return false;
	if (asked->producer_id == now->producer_id)
		return asked->epoch != now->epoch && (asked->epoch != now->previous_epoch || asked->epoch < 0);
	return asked->producer_id != now->previous_producer_id || asked->epoch < 0 ||
		   asked->epoch != now->previous_epoch;
}

/* Is it the repetition of an InitProducerId that was carried out? */
static bool init_is_repeated(const struct transaction_value *now, const struct transaction_init *asked)
{
	return asked->producer_id >= 0 && now->epoch >= 0 &&
		   (asked->producer_id != now->producer_id || asked->epoch != now->epoch);
}

int16_t transaction_init_next(const struct transaction_value *now, bool pending,
	const struct transaction_init *asked, int64_t wall_ms, struct transaction_value *next)
{
	if (asked->timeout_ms <= 0 || asked->timeout_ms > TRANSACTION_TIMEOUT_MS_MAX)
		return KAFKA_INVALID_TRANSACTION_TIMEOUT;
	if (pending || transaction_is_prepared(now))
		return KAFKA_CONCURRENT_TRANSACTIONS;
	if (init_is_fenced(now, asked))
		return KAFKA_PRODUCER_FENCED;
	if (now->state == TRANSACTION_ONGOING) {
		if (init_is_repeated(now, asked))
			return KAFKA_PRODUCER_FENCED; /* its newer self is at work already */
		transaction_fence_next(now, wall_ms, next);
		return KAFKA_NONE;
	}
	INVARIANT(state_is_idle(now->state) && now->partition_count == 0);
	*next = value_begin(now, TRANSACTION_EMPTY, wall_ms);
	next->timeout_ms = asked->timeout_ms;
	next->offsets = false;
	next->start_wall_ms = 0;
	if (init_is_repeated(now, asked))
		return KAFKA_NONE;
	next->previous_epoch = asked->producer_id >= 0 ? now->epoch : -1;
	if (now->epoch >= EPOCH_EXHAUSTED || now->epoch < 0) {
		next->previous_producer_id = now->producer_id;
		next->producer_id = asked->fresh_producer_id;
		next->epoch = 0;
	} else {
		next->epoch = (int16_t)(now->epoch + 1);
	}
	return KAFKA_NONE;
}

/* ---- the transaction ---- */

static int16_t producer_check(
	const struct transaction_value *now, const struct transaction_producer *producer)
{
	if (now->epoch < 0 || producer->id != now->producer_id)
		return KAFKA_INVALID_PRODUCER_ID_MAPPING;
	return producer->epoch != now->epoch ? KAFKA_PRODUCER_FENCED : KAFKA_NONE;
}

int16_t transaction_add_next(const struct transaction_value *now, bool pending,
	const struct transaction_producer *producer, const struct transaction_partition *partitions,
	int32_t count, bool offsets, int64_t wall_ms, bool *same, struct transaction_value *next)
{
	int16_t refused = producer_check(now, producer);
	if (refused != KAFKA_NONE)
		return refused;
	if (pending || transaction_is_prepared(now))
		return KAFKA_CONCURRENT_TRANSACTIONS;
	bool ongoing = now->state == TRANSACTION_ONGOING;
	*same = ongoing && (!offsets || now->offsets);
	for (int32_t i = 0; i < count && *same; i++)
		*same = transaction_has(now, slice_of_string(partitions[i].topic), partitions[i].number);
	if (*same)
		return KAFKA_NONE;
	*next = value_begin(now, TRANSACTION_ONGOING, wall_ms);
	next->offsets = offsets || (ongoing && now->offsets);
	if (!ongoing)
		next->start_wall_ms = wall_ms;
	partitions_add(next, now->partitions, now->partition_count);
	partitions_add(next, partitions, count);
	if (next->partition_count <= TRANSACTION_PARTITIONS_MAX)
		return KAFKA_NONE;
	transaction_value_deinit(next);
	return KAFKA_INVALID_REQUEST;
}

static void prepare_next(const struct transaction_value *now, enum transaction_state state, int64_t wall_ms,
	struct transaction_value *next)
{
	INVARIANT(now->state == TRANSACTION_ONGOING);
	*next = value_begin(now, state, wall_ms);
	partitions_add(next, now->partitions, now->partition_count);
}

int16_t transaction_end_next(const struct transaction_value *now, bool pending,
	const struct transaction_producer *producer, bool commit, int64_t wall_ms, bool *same,
	struct transaction_value *next)
{
	int16_t refused = producer_check(now, producer);
	*same = false;
	if (refused != KAFKA_NONE)
		return refused;
	if (pending)
		return KAFKA_CONCURRENT_TRANSACTIONS;
	switch (now->state) {
	case TRANSACTION_ONGOING:
		prepare_next(now, commit ? TRANSACTION_PREPARE_COMMIT : TRANSACTION_PREPARE_ABORT, wall_ms, next);
		return KAFKA_NONE;
	case TRANSACTION_EMPTY:
		*same = true; /* nothing to decide: must not wedge */
		return KAFKA_NONE;
	case TRANSACTION_COMPLETE_COMMIT:
	case TRANSACTION_COMPLETE_ABORT: /* asked again, when the same was decided */
		*same = commit == (now->state == TRANSACTION_COMPLETE_COMMIT);
		return *same ? KAFKA_NONE : KAFKA_INVALID_TXN_STATE;
	case TRANSACTION_PREPARE_COMMIT:
	case TRANSACTION_PREPARE_ABORT:
		return commit == (now->state == TRANSACTION_PREPARE_COMMIT) ? KAFKA_CONCURRENT_TRANSACTIONS
																	: KAFKA_INVALID_TXN_STATE;
	case TRANSACTION_DEAD:
		break;
	}
	return KAFKA_INVALID_TXN_STATE;
}

void transaction_fence_next(
	const struct transaction_value *now, int64_t wall_ms, struct transaction_value *next)
{
	INVARIANT(now->epoch < INT16_MAX); /* InitProducerId leaves one, and an abort is followed by one */
	prepare_next(now, TRANSACTION_PREPARE_ABORT, wall_ms, next);
	next->epoch = (int16_t)(now->epoch + 1);
	next->previous_epoch = -1;
}

void transaction_complete_next(
	const struct transaction_value *now, int64_t wall_ms, struct transaction_value *next)
{
	INVARIANT(transaction_is_prepared(now));
	bool commit = now->state == TRANSACTION_PREPARE_COMMIT;
	*next = value_begin(now, commit ? TRANSACTION_COMPLETE_COMMIT : TRANSACTION_COMPLETE_ABORT, wall_ms);
	next->offsets = false;
}

int16_t transaction_write_check(const struct transaction_value *now, bool ending,
	const struct transaction_producer *producer, struct slice topic, int32_t number)
{
	int16_t refused = producer_check(now, producer);
	if (refused != KAFKA_NONE)
		return refused == KAFKA_PRODUCER_FENCED ? KAFKA_INVALID_PRODUCER_EPOCH : refused;
	if (now->state != TRANSACTION_ONGOING || ending)
		return KAFKA_INVALID_TXN_STATE;
	bool added = topic.data == NULL ? now->offsets : transaction_has(now, topic, number);
	return added ? KAFKA_NONE : KAFKA_INVALID_TXN_STATE;
}

/* ---- the record ---- */

static void value_print(const struct transaction_value *value, struct buffer *out)
{
	buffer_printf(out,
		"{\"state\":\"%s\",\"producer_id\":%lld,\"epoch\":%d,\"previous_producer_id\":%lld,\"previous_"
		"epoch\":%d,"
		"\"timeout_ms\":%d,\"start_ms\":%lld,\"update_ms\":%lld,\"offsets\":%s,\"partitions\":{",
		transaction_state_name(value->state), (long long)value->producer_id, value->epoch,
		(long long)value->previous_producer_id, value->previous_epoch, value->timeout_ms,
		(long long)value->start_wall_ms, (long long)value->update_wall_ms, value->offsets ? "true" : "false");
	for (int32_t i = 0; i < value->partition_count; i++) {
		const struct transaction_partition *partition = &value->partitions[i];
		bool same = i > 0 && strcmp(value->partitions[i - 1].topic, partition->topic) == 0;
		/* Topics' names need no escaping: topic_name_check(). */
		if (same)
			buffer_printf(out, ",%d", partition->number);
		else
			buffer_printf(out, "%s\"%s\":[%d", i > 0 ? "]," : "", partition->topic, partition->number);
	}
	buffer_append_string(out, value->partition_count != 0 ? "]}}" : "}}");
}

status transaction_record_encode(
	struct slice id, const struct transaction_value *value, int64_t wall_ms, struct buffer *out)
{
	struct record_batch_builder builder;
	struct buffer text;
	buffer_init(&text);
	value_print(value, &text);
	struct slice bytes = value->state == TRANSACTION_DEAD ? (struct slice){0} : buffer_slice(&text);
	record_batch_builder_init(&builder);
	record_batch_builder_add(&builder, wall_ms, id, bytes, NULL, 0);
	status result = record_batch_builder_finish(&builder, CODEC_NONE, NULL, out);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&text);
	return result;
}

static bool state_parse(const char *text, enum transaction_state *out)
{
	for (size_t i = 0; i < TRANSACTION_DEAD; i++) {
		if (strcmp(text, state_names[i]) == 0) {
			*out = (enum transaction_state)i;
			return true;
		}
	}
	return false;
}

static bool partitions_parse(json_t *json, struct transaction_value *out)
{
	const char *topic;
	json_t *numbers, *number;
	size_t i;
	json_object_foreach(json, topic, numbers)
	{
		json_array_foreach(numbers, i, number)
		{
			struct transaction_partition partition = {
				mem_copy_string(topic), (int32_t)json_integer_value(number)};
			if (json_integer_value(number) >= 0 && json_integer_value(number) <= INT32_MAX)
				partitions_add(out, &partition, 1);
			mem_free(partition.topic);
		}
	}
	bool idle = state_is_idle(out->state);
	return json_is_object(json) && (!idle || out->partition_count == 0);
}

static status value_parse(json_t *json, struct transaction_value *out)
{
	json_int_t producer_id, epoch, previous_producer_id, previous_epoch, timeout_ms, start_ms, update_ms;
	const char *state;
	json_t *partitions;
	int offsets;
	if (json_unpack(json, "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "state", &state,
			"producer_id", &producer_id, "epoch", &epoch, "previous_producer_id", &previous_producer_id,
			"previous_epoch", &previous_epoch, "timeout_ms", &timeout_ms, "start_ms", &start_ms, "update_ms",
			&update_ms, "offsets", &offsets, "partitions", &partitions) != 0 ||
		producer_id < 0 || epoch < 0 || epoch > INT16_MAX || previous_epoch < -1 ||
		previous_epoch > INT16_MAX || timeout_ms < 0 || timeout_ms > TRANSACTION_TIMEOUT_MS_MAX)
		return error_raise(STATUS_DAMAGED, "a transaction's record lacks a field, or one is out of range");
	*out = (struct transaction_value){
		.producer_id = producer_id,
		.previous_producer_id = previous_producer_id,
		.epoch = (int16_t)epoch,
		.previous_epoch = (int16_t)previous_epoch,
		.timeout_ms = (int32_t)timeout_ms,
		.start_wall_ms = start_ms,
		.update_wall_ms = update_ms,
		.offsets = offsets != 0,
	};
	if (!state_parse(state, &out->state)) {
		error_raise(STATUS_UNSUPPORTED, "a transaction's record has the unknown state \"%s\"", state);
		error_hint("The data directory was used by a later release; start that one.");
		return STATUS_UNSUPPORTED;
	}
	if (!partitions_parse(partitions, out)) {
		transaction_value_deinit(out);
		return error_raise(STATUS_DAMAGED, "a transaction's record has partitions in state %s", state);
	}
	return STATUS_OK;
}

status transaction_record_decode(struct slice value, struct transaction_value *out)
{
	struct transaction_value parsed;
	transaction_value_init(&parsed);
	if (value.data == NULL) {
		parsed.state = TRANSACTION_DEAD;
		*out = parsed;
		return STATUS_OK;
	}
	json_t *json = json_loadb((const char *)value.data, value.size, JSON_REJECT_DUPLICATES, NULL);
	if (json == NULL)
		return error_raise(STATUS_DAMAGED, "a transaction's record is no JSON");
	status result = value_parse(json, &parsed);
	json_decref(json);
	if (result == STATUS_OK)
		*out = parsed;
	return result;
}
