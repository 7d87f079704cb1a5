/* See producer_state.h. A chained hash table over an array, threaded by a list in order of last
 * append, so that forgetting the longest silent producer takes constant time and depends on
 * the log alone. */
#include "log/producer_state.h"

#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"

enum { CAPACITY_FIRST = 16, NONE = -1 };

void producer_state_init(struct producer_state *state)
{
	*state = (struct producer_state){.newest = NONE, .oldest = NONE};
}

void producer_state_deinit(struct producer_state *state)
{
	mem_free(state->producers);
	mem_free(state->buckets);
	mem_free(state->open);
	producer_state_init(state);
}

/* There are as many buckets as room for producers: a power of two. */
static int32_t *bucket_of(const struct producer_state *state, int64_t id)
{
	return &state->buckets[hash_mix((uint64_t)id) & (uint64_t)(state->capacity - 1)];
}

static struct producer *producer_find(const struct producer_state *state, int64_t id)
{
	if (state->capacity == 0)
		return NULL;
	for (int32_t at = *bucket_of(state, id); at != NONE; at = state->producers[at].chain)
		if (state->producers[at].id == id)
			return &state->producers[at];
	return NULL;
}

static void state_grow(struct producer_state *state)
{
	state->capacity = state->capacity == 0 ? CAPACITY_FIRST : state->capacity * 2;
	size_t capacity = (size_t)state->capacity;
	state->producers = mem_resize(state->producers, capacity * sizeof *state->producers);
	state->buckets = mem_resize(state->buckets, capacity * sizeof *state->buckets);
	for (size_t i = 0; i < capacity; i++)
		state->buckets[i] = NONE;
	for (int32_t at = 0; at < state->count; at++) {
		int32_t *bucket = bucket_of(state, state->producers[at].id);
		state->producers[at].chain = *bucket;
		*bucket = at;
	}
}

static void list_take(struct producer_state *state, int32_t at)
{
	struct producer *producer = &state->producers[at];
	if (producer->older != NONE)
		state->producers[producer->older].newer = producer->newer;
	else
		state->oldest = producer->newer;
	if (producer->newer != NONE)
		state->producers[producer->newer].older = producer->older;
	else
		state->newest = producer->older;
}

static void list_put_newest(struct producer_state *state, int32_t at)
{
	struct producer *producer = &state->producers[at];
	producer->newer = NONE;
	producer->older = state->newest;
	if (state->newest != NONE)
		state->producers[state->newest].newer = at;
	else
		state->oldest = at;
	state->newest = at;
}

/* Forgets the longest silent producer without an open transaction and returns its place. There is one: at
 * most TRANSACTIONS_OPEN_MAX have one, and they are few among the longest silent. */
static int32_t oldest_forget(struct producer_state *state)
{
	int32_t at = state->oldest;
	while (state->producers[at].transaction_first_offset >= 0)
		at = state->producers[at].newer;
	int32_t *link = bucket_of(state, state->producers[at].id);
	while (*link != at)
		link = &state->producers[*link].chain;
	*link = state->producers[at].chain;
	list_take(state, at);
	return at;
}

static struct producer *producer_add(struct producer_state *state, int64_t id, int16_t epoch)
{
	int32_t at;
	if (state->count == PRODUCERS_MAX) {
		at = oldest_forget(state);
	} else {
		if (state->count == state->capacity)
			state_grow(state);
		at = state->count++;
	}
	struct producer *producer = &state->producers[at];
	int32_t *bucket = bucket_of(state, id);
	*producer = (struct producer){.id = id, .epoch = epoch, .transaction_first_offset = -1, .chain = *bucket};
	*bucket = at;
	list_put_newest(state, at);
	return producer;
}

/* ---- open transactions ---- */

/* Transactions begin in the order of their offsets, so a new one goes to the end; a snapshot brings them in
 * the order of their producers. */
static void open_add(struct producer_state *state, struct producer *producer, int64_t first_offset)
{
	if (state->open_count == state->open_capacity) {
		state->open_capacity = state->open_capacity == 0 ? 4 : state->open_capacity * 2;
		state->open = mem_resize(state->open, state->open_capacity * sizeof *state->open);
	}
	size_t at = state->open_count++;
	for (; at > 0 && state->open[at - 1].first_offset > first_offset; at--)
		state->open[at] = state->open[at - 1];
	state->open[at] = (struct open_transaction){producer->id, first_offset, producer->epoch};
	producer->transaction_first_offset = first_offset;
}

static void open_remove(struct producer_state *state, struct producer *producer)
{
	size_t at = 0;
	while (state->open[at].first_offset != producer->transaction_first_offset)
		at++;
	INVARIANT(at < state->open_count && state->open[at].producer_id == producer->id);
	state->open_count--;
	memmove(&state->open[at], &state->open[at + 1], (state->open_count - at) * sizeof *state->open);
	producer->transaction_first_offset = -1;
}

static void transaction_end(struct producer_state *state, struct producer *producer,
	const struct record_batch *batch, struct transaction_index *index)
{
	if (producer->transaction_first_offset < 0)
		return; /* nothing was written here, or the marker is written again after a restart */
	struct aborted_transaction ended = {
		.producer_id = producer->id,
		.first_offset = producer->transaction_first_offset,
		.last_offset = batch->base_offset,
	};
	open_remove(state, producer);
	if (batch->marker != MARKER_ABORT)
		return;
	int64_t first_open = producer_state_first_open(state);
	ended.last_stable_offset = first_open < batch->base_offset + 1 ? first_open : batch->base_offset + 1;
	transaction_index_add(index, &ended);
}

/* ---- the rules ---- */

/* `count` sequences later; they run 0 … INT32_MAX and then from 0 again. */
static int32_t sequence_after(int32_t sequence, int32_t count)
{
	return (int32_t)(((uint32_t)sequence + (uint32_t)count) & INT32_MAX);
}

/* May the batch be part of, or begin, a transaction? `producer` is NULL when unknown. */
static status transaction_check(
	const struct producer_state *state, const struct producer *producer, const struct record_batch *batch)
{
	bool open = producer != NULL && producer->transaction_first_offset >= 0;
	if (open && (!batch->transactional || batch->producer_epoch != producer->epoch))
		return STATUS_TRANSACTION_STATE;
	if (!open && batch->transactional && !batch->control && state->open_count >= TRANSACTIONS_OPEN_MAX)
		return STATUS_BACKPRESSURE;
	return STATUS_OK;
}

status producer_state_check(
	const struct producer_state *state, const struct record_batch *batch, struct producer_batch *original)
{
	if (batch->producer_id < 0)
		return STATUS_OK;
	const struct producer *producer = producer_find(state, batch->producer_id);
	if (producer == NULL)
		return transaction_check(state, NULL, batch);
	if (batch->producer_epoch < producer->epoch)
		return STATUS_STALE_PRODUCER_EPOCH;
	if (batch->base_sequence < 0)
		return STATUS_OK; /* a marker carries a producer id but no sequence */
	/* A marker may have brought the newer epoch, and nothing of it is known yet. */
	if (batch->producer_epoch > producer->epoch || producer->batch_count == 0)
		return batch->base_sequence == 0 ? transaction_check(state, producer, batch)
										 : STATUS_OUT_OF_ORDER_SEQUENCE;
	int32_t last_sequence = sequence_after(batch->base_sequence, batch->last_offset_delta);
	for (uint8_t i = 0; i < producer->batch_count; i++) {
		const struct producer_batch *known = &producer->batches[i];
		if (known->first_sequence == batch->base_sequence && known->last_sequence == last_sequence) {
			*original = *known;
			return STATUS_EXISTS;
		}
	}
	int32_t newest = producer->batches[producer->batch_count - 1].last_sequence;
	if (sequence_after(newest, 1) != batch->base_sequence)
		return STATUS_OUT_OF_ORDER_SEQUENCE;
	return transaction_check(state, producer, batch);
}

void producer_state_append(
	struct producer_state *state, const struct record_batch *batch, struct transaction_index *index)
{
	if (batch->producer_id < 0)
		return;
	struct producer *producer = producer_find(state, batch->producer_id);
	if (producer == NULL) {
		producer = producer_add(state, batch->producer_id, batch->producer_epoch);
	} else {
		int32_t at = (int32_t)(producer - state->producers);
		list_take(state, at);
		list_put_newest(state, at);
	}
	if (batch->producer_epoch != producer->epoch) {
		producer->epoch = batch->producer_epoch;
		producer->batch_count = 0;
	}
	if (batch->control && batch->marker != MARKER_NONE)
		transaction_end(state, producer, batch, index);
	else if (batch->transactional && !batch->control && producer->transaction_first_offset < 0)
		open_add(state, producer, batch->base_offset);
	if (batch->base_sequence < 0)
		return;
	if (producer->batch_count == PRODUCER_BATCHES_MAX) {
		memmove(&producer->batches[0], &producer->batches[1],
			(PRODUCER_BATCHES_MAX - 1) * sizeof producer->batches[0]);
		producer->batch_count--;
	}
	producer->batches[producer->batch_count++] = (struct producer_batch){
		.first_sequence = batch->base_sequence,
		.last_sequence = sequence_after(batch->base_sequence, batch->last_offset_delta),
		.base_offset = batch->base_offset,
		.last_offset = batch->base_offset + batch->last_offset_delta,
	};
}

void producer_state_publish(struct producer_state *state, const struct record_batch *batch)
{
	if (batch->producer_id < 0 || batch->base_sequence < 0)
		return;
	struct producer *producer = producer_find(state, batch->producer_id);
	if (producer == NULL)
		return; /* forgotten meanwhile */
	producer->published = (struct producer_position){
		.epoch = batch->producer_epoch,
		.last_sequence = sequence_after(batch->base_sequence, batch->last_offset_delta),
		.last_base_offset = batch->base_offset,
		.last_offset = batch->base_offset + batch->last_offset_delta,
	};
	producer->is_published = true;
}

status producer_state_position(
	const struct producer_state *state, int64_t producer_id, struct producer_position *out)
{
	const struct producer *producer = producer_find(state, producer_id);
	if (producer == NULL || !producer->is_published)
		return STATUS_NOT_FOUND;
	*out = producer->published;
	return STATUS_OK;
}

void producer_state_list(const struct producer_state *state, struct producer_description **out, size_t *count)
{
	*count = 0;
	*out = mem_alloc(((size_t)state->count + 1) * sizeof **out);
	for (int32_t at = state->oldest; at != NONE; at = state->producers[at].newer) {
		const struct producer *producer = &state->producers[at];
		(*out)[(*count)++] = (struct producer_description){
			.id = producer->id,
			.epoch = producer->epoch,
			.last_sequence =
				producer->batch_count != 0 ? producer->batches[producer->batch_count - 1].last_sequence : -1,
			.transaction_first_offset = producer->transaction_first_offset,
		};
	}
}

void producer_state_encode(const struct producer_state *state, struct buffer *out)
{
	buffer_append_be32(out, (uint32_t)state->count);
	for (int32_t at = state->oldest; at != NONE; at = state->producers[at].newer) {
		const struct producer *producer = &state->producers[at];
		buffer_append_be64(out, (uint64_t)producer->id);
		buffer_append_be16(out, (uint16_t)producer->epoch);
		buffer_append_be64(out, (uint64_t)producer->transaction_first_offset);
		buffer_append_byte(out, producer->batch_count);
		for (uint8_t i = 0; i < producer->batch_count; i++) {
			buffer_append_be32(out, (uint32_t)producer->batches[i].first_sequence);
			buffer_append_be32(out, (uint32_t)producer->batches[i].last_sequence);
			buffer_append_be64(out, (uint64_t)producer->batches[i].base_offset);
			buffer_append_be64(out, (uint64_t)producer->batches[i].last_offset);
		}
	}
}

status producer_state_decode(struct producer_state *state, struct slice bytes)
{
	struct cursor cursor = cursor_of(bytes);
	INVARIANT(state->count == 0);
	uint32_t count = cursor_be32(&cursor);
	if (count > PRODUCERS_MAX)
		return error_raise(STATUS_DAMAGED, "%u producers in a snapshot", count);
	for (uint32_t i = 0; i < count && !cursor.failed; i++) {
		int64_t id = (int64_t)cursor_be64(&cursor);
		int16_t epoch = (int16_t)cursor_be16(&cursor);
		int64_t transaction_first_offset = (int64_t)cursor_be64(&cursor);
		uint8_t batch_count = cursor_u8(&cursor);
		if (cursor.failed || id < 0 || batch_count > PRODUCER_BATCHES_MAX ||
			producer_find(state, id) != NULL) {
			cursor.failed = true;
			break;
		}
		struct producer *producer = producer_add(state, id, epoch);
		producer->batch_count = batch_count;
		if (transaction_first_offset >= 0)
			open_add(state, producer, transaction_first_offset);
		for (uint8_t b = 0; b < batch_count; b++) {
			struct producer_batch *batch = &producer->batches[b];
			batch->first_sequence = (int32_t)cursor_be32(&cursor);
			batch->last_sequence = (int32_t)cursor_be32(&cursor);
			batch->base_offset = (int64_t)cursor_be64(&cursor);
			batch->last_offset = (int64_t)cursor_be64(&cursor);
			producer->published = (struct producer_position){
				epoch, batch->last_sequence, batch->base_offset, batch->last_offset};
			producer->is_published = true;
		}
	}
	if (cursor.failed || cursor_left(&cursor) != 0)
		return error_raise(STATUS_DAMAGED, "producers in a snapshot do not add up");
	return STATUS_OK;
}
