/* See transaction_coordinator.h.
 *
 * An entry's value is what is durable (but for COMPLETE, see C1); `next` is being recorded while `pending`,
 * and everybody else who wants to change the id is told to come again. Records of an id reach the store in
 * order, so when its last one under way is durable, all are.
 */
#include "ingest/transaction_coordinator.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "ingest/kafka_error.h"
#include "log/record_batch.h"

enum {
	RETRY_MS = 100,
	COORDINATOR_EPOCH = 0, /* in markers: there has only ever been one coordinator */
};

struct transaction_mark {
	struct transaction_entry *entry;
	int32_t partition; /* index in value.partitions; −1 = the offsets */
	bool sent, done;
};

struct transaction_entry {
	struct slice id; /* owned */
	struct transaction_value value;
	struct transaction_value next;
	bool pending;         /* `next` is to be recorded … */
	bool unsent;          /* … but found no room */
	int32_t records_sent; /* and not durable yet */
	struct transaction_call *call;
	int64_t deadline_ms;            /* of ONGOING */
	struct transaction_mark *marks; /* of PREPARE */
	int32_t mark_count, marks_left;
	struct transaction_entry *offsets_next;
};

struct transaction_coordinator {
	struct transaction_coordinator_options options; /* constant */

	pthread_mutex_t lock;               /* guards the rest */
	struct transaction_entry **entries; /* by id */
	size_t count, capacity;
	int64_t due_ms; /* tick() has nothing to do before */
	bool failed;    /* C4 */
	/* What happens when the lock is released. */
	struct transaction_call *ended;
	struct transaction_entry *offsets; /* to be ended in their groups */
};

struct transaction_coordinator_options transaction_coordinator_options_default(void)
{
	return (struct transaction_coordinator_options){
		.ids_max = 100000, .id_expiry_ms = INT64_C(7) * 24 * 3600 * 1000};
}

/* ---- entries ---- */

static size_t entry_place(const struct transaction_coordinator *coordinator, struct slice id)
{
	size_t low = 0, high = coordinator->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (slice_compare(coordinator->entries[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct transaction_entry *entry_find(
	const struct transaction_coordinator *coordinator, struct slice id)
{
	size_t at = entry_place(coordinator, id);
	bool there = at < coordinator->count && slice_equal(coordinator->entries[at]->id, id);
	return there ? coordinator->entries[at] : NULL;
}

static struct transaction_entry *entry_add(struct transaction_coordinator *coordinator, struct slice id)
{
	size_t at = entry_place(coordinator, id);
	if (coordinator->count == coordinator->capacity) {
		coordinator->capacity = coordinator->capacity == 0 ? 16 : coordinator->capacity * 2;
		coordinator->entries =
			mem_resize(coordinator->entries, coordinator->capacity * sizeof *coordinator->entries);
	}
	memmove(&coordinator->entries[at + 1], &coordinator->entries[at],
		(coordinator->count - at) * sizeof *coordinator->entries);
	struct transaction_entry *entry = mem_alloc_zeroed(1, sizeof *entry);
	uint8_t *bytes = mem_alloc(id.size + 1);
	memcpy(bytes, id.data, id.size);
	entry->id = slice_of(bytes, id.size);
	transaction_value_init(&entry->value);
	transaction_value_init(&entry->next);
	coordinator->entries[at] = entry;
	coordinator->count++;
	return entry;
}

static void entry_destroy(struct transaction_entry *entry)
{
	transaction_value_deinit(&entry->value);
	transaction_value_deinit(&entry->next);
	mem_free(entry->marks);
	mem_free((void *)(uintptr_t)entry->id.data);
	mem_free(entry);
}

static void entry_remove(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	size_t at = entry_place(coordinator, entry->id);
	coordinator->count--;
	memmove(&coordinator->entries[at], &coordinator->entries[at + 1],
		(coordinator->count - at) * sizeof *coordinator->entries);
	entry_destroy(entry);
}

/* ---- lock and what happens after it ---- */

static void coordinator_lock(struct transaction_coordinator *coordinator)
{
	INVARIANT(pthread_mutex_lock(&coordinator->lock) == 0);
}

static void call_end(
	struct transaction_coordinator *coordinator, struct transaction_call *call, int16_t error_code)
{
	call->error_code = error_code;
	call->next = coordinator->ended;
	coordinator->ended = call;
}

static void entry_call_end(
	struct transaction_coordinator *coordinator, struct transaction_entry *entry, int16_t error_code)
{
	if (entry->call != NULL)
		call_end(coordinator, entry->call, error_code);
	entry->call = NULL;
}

static void coordinator_unlock(struct transaction_coordinator *coordinator)
{
	struct transaction_call *ended = coordinator->ended;
	struct transaction_entry *offsets = coordinator->offsets;
	coordinator->ended = NULL;
	coordinator->offsets = NULL;
	INVARIANT(pthread_mutex_unlock(&coordinator->lock) == 0);
	while (ended != NULL) {
		struct transaction_call *next = ended->next;
		ended->done(ended);
		ended = next;
	}
	while (offsets != NULL) {
		/* Once it is called the entry may go on, or go. */
		struct transaction_entry *next = offsets->offsets_next;
		struct transaction_mark *mark = &offsets->marks[offsets->mark_count - 1];
		bool commit = offsets->value.state == TRANSACTION_PREPARE_COMMIT;
		coordinator->options.store.offsets_end(
			coordinator->options.store.context, offsets->value.producer_id, commit, mark);
		offsets = next;
	}
}

static void due_at(struct transaction_coordinator *coordinator, int64_t when_ms)
{
	if (when_ms < coordinator->due_ms)
		coordinator->due_ms = when_ms;
}

/* ---- recording ---- */

static void entry_apply(struct transaction_coordinator *coordinator, struct transaction_entry *entry);

static void coordinator_fail(
	struct transaction_coordinator *coordinator, struct transaction_entry *entry, status why)
{
	if (!coordinator->failed)
		diag(DIAG_ERROR, "transactions", "record_not_written", "error=\"%s\"", status_words(why));
	coordinator->failed = true;
	entry_call_end(coordinator, entry, KAFKA_COORDINATOR_NOT_AVAILABLE);
}

/* Gives `next` to the store. COMPLETE is applied at once (C1). */
static void next_send(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	struct buffer batch;
	buffer_init(&batch);
	INVARIANT(entry->pending);
	status result = transaction_record_encode(entry->id, &entry->next, clock_wall_ms(), &batch);
	if (result == STATUS_OK)
		result = coordinator->options.store.record(coordinator->options.store.context, &batch, entry);
	if (result != STATUS_OK)
		buffer_deinit(&batch);
	entry->unsent = result == STATUS_BACKPRESSURE;
	if (entry->unsent) {
		due_at(coordinator, INT64_MIN); /* the next tick, whenever it comes */
	} else if (result != STATUS_OK) {
		coordinator_fail(coordinator, entry, result);
	} else {
		entry->records_sent++;
		bool complete = entry->next.state == TRANSACTION_COMPLETE_COMMIT ||
						entry->next.state == TRANSACTION_COMPLETE_ABORT;
		if (complete)
			entry_apply(coordinator, entry);
	}
}

/* entry->next is set. */
static void entry_record(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	INVARIANT(!entry->pending);
	entry->pending = true;
	next_send(coordinator, entry);
}

/* ---- ending: markers ---- */

static bool mark_is_final(status result)
{
	/* A partition that is gone needs no marker; one that knows a newer epoch has had one since. */
	return result == STATUS_OK || result == STATUS_NOT_FOUND || result == STATUS_STALE_PRODUCER_EPOCH;
}

static void mark_finish(struct transaction_coordinator *coordinator, struct transaction_mark *mark)
{
	struct transaction_entry *entry = mark->entry;
	mark->done = true;
	if (--entry->marks_left != 0)
		return;
	transaction_complete_next(&entry->value, clock_wall_ms(), &entry->next);
	entry_record(coordinator, entry);
}

static void mark_send(struct transaction_coordinator *coordinator, struct transaction_mark *mark)
{
	struct transaction_entry *entry = mark->entry;
	const struct transaction_value *value = &entry->value;
	const struct transaction_partition *partition = &value->partitions[mark->partition];
	struct buffer batch;
	buffer_init(&batch);
	bool commit = value->state == TRANSACTION_PREPARE_COMMIT;
	transaction_marker_build(value->producer_id, value->epoch, commit ? MARKER_COMMIT : MARKER_ABORT,
		COORDINATOR_EPOCH, clock_wall_ms(), &batch);
	status result = coordinator->options.store.mark(
		coordinator->options.store.context, partition->topic, partition->number, &batch, mark);
	mark->sent = result == STATUS_OK;
	if (result != STATUS_OK)
		buffer_deinit(&batch);
	if (result == STATUS_NOT_FOUND)
		mark_finish(coordinator, mark);
	else if (result != STATUS_OK)
		due_at(coordinator, INT64_MIN);
	/* Decided is decided: who asked need not wait for a partition that fails. */
	if (result != STATUS_OK && result != STATUS_NOT_FOUND && result != STATUS_BACKPRESSURE)
		entry_call_end(coordinator, entry, KAFKA_NONE);
}

static void offsets_send(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	entry->marks[entry->mark_count - 1].sent = true;
	entry->offsets_next = coordinator->offsets;
	coordinator->offsets = entry;
}

/* What is not under way and not done goes to the store. The last one done completes the transaction and takes
 * the marks away, so the count is kept aside. */
static void marks_send(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	entry->marks_left++; /* nothing completes while the loop looks at the marks */
	for (int32_t i = 0; i < entry->mark_count; i++) {
		struct transaction_mark *mark = &entry->marks[i];
		if (mark->sent || mark->done)
			continue;
		if (mark->partition >= 0)
			mark_send(coordinator, mark);
		else
			offsets_send(coordinator, entry);
	}
	if (--entry->marks_left == 0) {
		transaction_complete_next(&entry->value, clock_wall_ms(), &entry->next);
		entry_record(coordinator, entry);
	}
}

static void marks_begin(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	bool offsets = entry->value.offsets && coordinator->options.store.offsets_end != NULL;
	entry->mark_count = entry->marks_left = entry->value.partition_count + offsets;
	entry->marks = mem_alloc_zeroed((size_t)entry->mark_count + 1, sizeof *entry->marks);
	for (int32_t i = 0; i < entry->mark_count; i++) {
		bool last = offsets && i == entry->mark_count - 1;
		entry->marks[i] = (struct transaction_mark){.entry = entry, .partition = last ? -1 : i};
	}
	marks_send(coordinator, entry);
}

/* ---- a value takes effect ---- */

static void entry_apply(struct transaction_coordinator *coordinator, struct transaction_entry *entry)
{
	INVARIANT(entry->pending && !entry->unsent);
	transaction_value_deinit(&entry->value);
	entry->value = entry->next;
	transaction_value_init(&entry->next);
	entry->pending = false;
	due_at(coordinator, INT64_MIN);
	switch (entry->value.state) {
	case TRANSACTION_PREPARE_COMMIT:
	case TRANSACTION_PREPARE_ABORT:
		marks_begin(coordinator, entry);
		return;
	case TRANSACTION_COMPLETE_COMMIT:
	case TRANSACTION_COMPLETE_ABORT:
		mem_free(entry->marks);
		entry->marks = NULL;
		entry->mark_count = entry->marks_left = 0;
		entry_call_end(coordinator, entry, KAFKA_NONE);
		return;
	case TRANSACTION_EMPTY:
		if (entry->call != NULL)
			entry->call->producer =
				(struct transaction_producer){entry->value.producer_id, entry->value.epoch};
		entry_call_end(coordinator, entry, KAFKA_NONE);
		return;
	case TRANSACTION_ONGOING:
		entry_call_end(coordinator, entry, KAFKA_NONE);
		return;
	case TRANSACTION_DEAD:
		INVARIANT(entry->call == NULL);
		entry_remove(coordinator, entry);
		return;
	}
}

void transaction_coordinator_recorded(
	struct transaction_coordinator *coordinator, struct transaction_entry *entry, status result)
{
	coordinator_lock(coordinator);
	INVARIANT(entry->records_sent > 0);
	entry->records_sent--;
	if (result != STATUS_OK)
		coordinator_fail(coordinator, entry, result);
	else if (entry->records_sent == 0 && entry->pending && !entry->unsent && !coordinator->failed)
		entry_apply(coordinator, entry);
	coordinator_unlock(coordinator);
}

void transaction_coordinator_marked(
	struct transaction_coordinator *coordinator, struct transaction_mark *mark, status result)
{
	coordinator_lock(coordinator);
	INVARIANT(mark->sent && !mark->done);
	mark->sent = false;
	if (mark_is_final(result)) {
		mark_finish(coordinator, mark);
	} else {
		diag(DIAG_WARN, "transactions", "marker_not_written", "error=\"%s\"", status_words(result));
		due_at(coordinator, INT64_MIN);
		entry_call_end(coordinator, mark->entry, KAFKA_NONE);
	}
	coordinator_unlock(coordinator);
}

/* ---- requests ---- */

static int16_t id_check(const struct transaction_coordinator *coordinator, struct slice id)
{
	if (id.size == 0 || id.size > TRANSACTION_ID_SIZE_MAX)
		return KAFKA_INVALID_REQUEST;
	return coordinator->failed ? KAFKA_COORDINATOR_NOT_AVAILABLE : KAFKA_NONE;
}

static void init_locked(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_init *asked, struct transaction_call *call)
{
	struct transaction_value fresh;
	int16_t refused = id_check(coordinator, id);
	struct transaction_entry *entry = entry_find(coordinator, id);
	transaction_value_init(&fresh);
	if (refused == KAFKA_NONE && entry == NULL && coordinator->count >= (size_t)coordinator->options.ids_max)
		refused = KAFKA_COORDINATOR_NOT_AVAILABLE;
	struct transaction_value next;
	if (refused == KAFKA_NONE)
		refused = transaction_init_next(entry != NULL ? &entry->value : &fresh,
			entry != NULL && entry->pending, asked, clock_wall_ms(), &next);
	if (refused != KAFKA_NONE) {
		call_end(coordinator, call, refused);
		return;
	}
	if (entry == NULL)
		entry = entry_add(coordinator, id);
	bool aborts = next.state == TRANSACTION_PREPARE_ABORT;
	entry->next = next;
	if (aborts)
		call_end(coordinator, call, KAFKA_CONCURRENT_TRANSACTIONS); /* it asks again */
	else
		entry->call = call;
	entry_record(coordinator, entry);
}

void transaction_coordinator_init(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_init *asked, struct transaction_call *call, int64_t now_ms)
{
	(void)now_ms;
	call->producer = (struct transaction_producer){-1, -1};
	coordinator_lock(coordinator);
	init_locked(coordinator, id, asked, call);
	coordinator_unlock(coordinator);
}

/* Common to requests about an id that exists: the entry, or NULL with the call ended. */
static struct transaction_entry *entry_of_call(
	struct transaction_coordinator *coordinator, struct slice id, struct transaction_call *call)
{
	int16_t refused = id_check(coordinator, id);
	struct transaction_entry *entry = entry_find(coordinator, id);
	if (refused == KAFKA_NONE && entry == NULL)
		refused = KAFKA_INVALID_PRODUCER_ID_MAPPING;
	if (refused == KAFKA_NONE)
		return entry;
	call_end(coordinator, call, refused);
	return NULL;
}

/* What a step function said: refused, nothing to do, or entry->next to be recorded. */
static void step_take(struct transaction_coordinator *coordinator, struct transaction_entry *entry,
	struct transaction_call *call, int16_t refused, bool same)
{
	if (refused != KAFKA_NONE || same) {
		call_end(coordinator, call, refused);
		return;
	}
	INVARIANT(entry->call == NULL);
	entry->call = call;
	entry_record(coordinator, entry);
}

void transaction_coordinator_add(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_producer *producer, const struct transaction_partition *partitions,
	int32_t count, bool offsets, struct transaction_call *call, int64_t now_ms)
{
	bool same = false;
	coordinator_lock(coordinator);
	struct transaction_entry *entry = entry_of_call(coordinator, id, call);
	if (entry != NULL) {
		int16_t refused = transaction_add_next(&entry->value, entry->pending, producer, partitions, count,
			offsets, clock_wall_ms(), &same, &entry->next);
		if (refused == KAFKA_NONE && !same && entry->value.state != TRANSACTION_ONGOING)
			entry->deadline_ms = now_ms + entry->value.timeout_ms;
		step_take(coordinator, entry, call, refused, same);
	}
	coordinator_unlock(coordinator);
}

void transaction_coordinator_end(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_producer *producer, bool commit, struct transaction_call *call, int64_t now_ms)
{
	bool same = false;
	(void)now_ms;
	coordinator_lock(coordinator);
	struct transaction_entry *entry = entry_of_call(coordinator, id, call);
	if (entry != NULL) {
		int16_t refused = transaction_end_next(
			&entry->value, entry->pending, producer, commit, clock_wall_ms(), &same, &entry->next);
		step_take(coordinator, entry, call, refused, same);
	}
	coordinator_unlock(coordinator);
}

int16_t transaction_coordinator_write(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_producer *producer, struct slice topic, int32_t partition,
	void (*write)(void *context), void *context)
{
	coordinator_lock(coordinator);
	int16_t refused = id_check(coordinator, id);
	const struct transaction_entry *entry = entry_find(coordinator, id);
	if (refused == KAFKA_NONE && entry == NULL)
		refused = KAFKA_INVALID_PRODUCER_ID_MAPPING;
	if (refused == KAFKA_NONE) {
		bool ending = entry->pending && transaction_is_prepared(&entry->next);
		refused = transaction_write_check(&entry->value, ending, producer, topic, partition);
	}
	if (refused == KAFKA_NONE)
		write(context);
	coordinator_unlock(coordinator);
	return refused;
}

/* ---- time ---- */

static void entry_tick(struct transaction_coordinator *coordinator, struct transaction_entry *entry,
	int64_t now_ms, int64_t wall_ms, int64_t *due_ms)
{
	enum transaction_state state = entry->value.state;
	if (entry->pending) {
		if (entry->unsent)
			next_send(coordinator, entry); /* may end the entry */
		*due_ms = now_ms + RETRY_MS < *due_ms ? now_ms + RETRY_MS : *due_ms;
	} else if (transaction_is_prepared(&entry->value)) {
		marks_send(coordinator, entry);
		*due_ms = now_ms + RETRY_MS < *due_ms ? now_ms + RETRY_MS : *due_ms;
	} else if (state == TRANSACTION_ONGOING) {
		if (entry->deadline_ms < *due_ms)
			*due_ms = entry->deadline_ms;
		if (now_ms < entry->deadline_ms)
			return;
		diag(DIAG_WARN, "transactions", "timed_out", "producer_id=%lld epoch=%d timeout_ms=%d",
			(long long)entry->value.producer_id, entry->value.epoch, entry->value.timeout_ms);
		transaction_fence_next(&entry->value, wall_ms, &entry->next);
		entry_record(coordinator, entry);
	} else {
		int64_t left_ms = entry->value.update_wall_ms + coordinator->options.id_expiry_ms - wall_ms;
		if (left_ms > 0) {
			*due_ms = now_ms + left_ms < *due_ms ? now_ms + left_ms : *due_ms;
			return;
		}
		entry->next = entry->value; /* has no partitions (T4) */
		entry->next.state = TRANSACTION_DEAD;
		entry_record(coordinator, entry);
	}
}

void transaction_coordinator_tick(struct transaction_coordinator *coordinator, int64_t now_ms)
{
	coordinator_lock(coordinator);
	if (!coordinator->failed && now_ms >= coordinator->due_ms) {
		int64_t wall_ms = clock_wall_ms(), due_ms = INT64_MAX;
		coordinator->due_ms = INT64_MAX;
		/* No entry goes away here: DEAD is applied when its record is durable. */
		for (size_t i = 0; i < coordinator->count; i++)
			entry_tick(coordinator, coordinator->entries[i], now_ms, wall_ms, &due_ms);
		due_at(coordinator, due_ms);
	}
	coordinator_unlock(coordinator);
}

/* ---- start and end ---- */

status transaction_coordinator_load(struct transaction_coordinator *coordinator, struct slice batches)
{
	struct record_iterator iterator;
	struct record record;
	status result;
	record_iterator_init(&iterator, batches);
	while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
		struct transaction_value value;
		if (record.key.size == 0)
			result = error_raise(STATUS_DAMAGED, "a transaction's record has no key");
		else
			result = transaction_record_decode(record.value, &value);
		if (result != STATUS_OK) {
			(void)error_note(result, "at offset %lld", (long long)record.offset);
			break;
		}
		struct transaction_entry *entry = entry_find(coordinator, record.key);
		if (value.state == TRANSACTION_DEAD) {
			if (entry != NULL)
				entry_remove(coordinator, entry);
			continue;
		}
		if (entry == NULL)
			entry = entry_add(coordinator, record.key);
		transaction_value_deinit(&entry->value);
		entry->value = value;
	}
	record_iterator_deinit(&iterator);
	return result == STATUS_END ? STATUS_OK : result;
}

void transaction_coordinator_loaded(struct transaction_coordinator *coordinator, int64_t now_ms)
{
	coordinator_lock(coordinator);
	for (size_t i = 0; i < coordinator->count; i++) {
		struct transaction_entry *entry = coordinator->entries[i];
		if (transaction_is_prepared(&entry->value))
			marks_begin(coordinator, entry);
		else
			entry->deadline_ms = now_ms + entry->value.timeout_ms;
	}
	coordinator->due_ms = now_ms;
	coordinator_unlock(coordinator);
}

bool transaction_coordinator_knows(
	struct transaction_coordinator *coordinator, int64_t producer_id, const char *topic, int32_t partition)
{
	bool known = false;
	coordinator_lock(coordinator);
	for (size_t i = 0; i < coordinator->count && !known; i++) {
		const struct transaction_value *value = &coordinator->entries[i]->value;
		known =
			value->producer_id == producer_id && transaction_has(value, slice_of_string(topic), partition);
	}
	coordinator_unlock(coordinator);
	return known;
}

struct transaction_coordinator *transaction_coordinator_create(
	const struct transaction_coordinator_options *options)
{
	struct transaction_coordinator *coordinator = mem_alloc_zeroed(1, sizeof *coordinator);
	coordinator->options = *options;
	coordinator->due_ms = INT64_MAX;
	INVARIANT(pthread_mutex_init(&coordinator->lock, NULL) == 0);
	return coordinator;
}

void transaction_coordinator_destroy(struct transaction_coordinator *coordinator)
{
	if (coordinator == NULL)
		return;
	coordinator_lock(coordinator);
	for (size_t i = 0; i < coordinator->count; i++)
		entry_call_end(coordinator, coordinator->entries[i], KAFKA_COORDINATOR_NOT_AVAILABLE);
	coordinator_unlock(coordinator);
	for (size_t i = 0; i < coordinator->count; i++)
		entry_destroy(coordinator->entries[i]);
	mem_free(coordinator->entries);
	(void)pthread_mutex_destroy(&coordinator->lock);
	mem_free(coordinator);
}

/* ---- administration ---- */

static void entry_describe(const struct transaction_entry *entry, bool partitions, struct arena *arena,
	struct transaction_description *out)
{
	const struct transaction_value *value = &entry->value;
	out->id = slice_of(arena_copy(arena, entry->id.data, entry->id.size), entry->id.size);
	out->value = *value;
	out->value.partitions = NULL;
	out->value.partition_count = 0;
	if (!partitions)
		return;
	out->value.partition_count = value->partition_count;
	out->value.partitions =
		arena_alloc(arena, (size_t)value->partition_count * sizeof *out->value.partitions);
	for (int32_t i = 0; i < value->partition_count; i++)
		out->value.partitions[i] = (struct transaction_partition){
			arena_copy_string(arena, value->partitions[i].topic), value->partitions[i].number};
}

bool transaction_coordinator_describe(struct transaction_coordinator *coordinator, struct slice id,
	struct arena *arena, struct transaction_description *out)
{
	coordinator_lock(coordinator);
	const struct transaction_entry *entry = entry_find(coordinator, id);
	bool there = entry != NULL && entry->value.epoch >= 0;
	if (there)
		entry_describe(entry, true, arena, out);
	coordinator_unlock(coordinator);
	return there;
}

void transaction_coordinator_list(struct transaction_coordinator *coordinator, struct arena *arena,
	struct transaction_description **out, int32_t *count)
{
	coordinator_lock(coordinator);
	*out = arena_alloc_zeroed(arena, (coordinator->count + 1) * sizeof **out);
	*count = 0;
	for (size_t i = 0; i < coordinator->count; i++)
		if (coordinator->entries[i]->value.epoch >= 0)
			entry_describe(coordinator->entries[i], false, arena, &(*out)[(*count)++]);
	coordinator_unlock(coordinator);
}
