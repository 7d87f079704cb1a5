/* See writer.h for the journey of a group.
 *
 * Failure (invariant L3): when a write or sync of a partition fails, every append of the group that
 * touches it fails, the partition is poisoned, and nothing of the group is published. Appends that
 * were refused by the producer rules keep their verdict.
 */
#include "log/writer.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/partition.h"
#include "log/record_batch.h"

struct writer {
	/* Constant. */
	size_t queue_bytes_max;
	void (*advanced)(void *context);
	void *context;
	pthread_t thread;

	/* Any thread, under `lock`. */
	pthread_mutex_t lock;
	pthread_cond_t work; /* for the writer: something to do */
	pthread_cond_t room; /* for writer_enqueue(wait) */
	struct append *queue, **queue_end;
	size_t queue_bytes;
	bool notify, stop;

	/* The writer thread's. */
	struct partition *group; /* partitions the group touches, in order of first touch */
	struct partition **group_end;
	struct slice *parts; /* what one write gathers */
	size_t parts_capacity;
	bool moved; /* some watermark */
};

/* ---- completing ---- */

static void append_complete(struct append *append, status result)
{
	append->result = result;
	append->done(append); /* its memory may be gone now */
}

/* Ends all that is pending of a partition; with `failure` those that would have succeeded fail. */
static void pending_complete(struct partition *partition, status failure)
{
	struct append *append = partition->pending, *next;
	partition->pending = NULL;
	partition->pending_end = &partition->pending;
	partition->pending_count = 0;
	for (; append != NULL; append = next) {
		next = append->next;
		append_complete(
			append, append->result == STATUS_OK && failure != STATUS_OK ? failure : append->result);
	}
}

static void pending_fail(struct partition *partition)
{
	status failure = error_current()->code;
	partition_poison(partition);
	/* Offsets that were assigned are given back with the file's tail; nobody saw them. */
	pending_complete(partition, failure == STATUS_NO_SPACE ? STATUS_NO_SPACE : STATUS_IO);
}

/* ---- write, sync, publish ---- */

static bool append_has_bytes(const struct append *append)
{
	return append->result == STATUS_OK && !append->duplicate;
}

/* One gathering write of all pending batches. */
static status pending_write(struct writer *writer, struct partition *partition)
{
	size_t count = 0, bytes = 0;
	if (partition->pending_count > writer->parts_capacity) {
		writer->parts_capacity = partition->pending_count * 2;
		writer->parts = mem_resize(writer->parts, writer->parts_capacity * sizeof *writer->parts);
	}
	for (const struct append *append = partition->pending; append != NULL; append = append->next) {
		if (!append_has_bytes(append))
			continue;
		writer->parts[count++] = slice_of(append->batch, append->batch_size);
		bytes += append->batch_size;
	}
	if (count == 0)
		return STATUS_OK;
	int64_t from = partition->write_position - (int64_t)bytes;
	const struct file *file = &partition_active(partition)->file;
	status result = file_write_parts(file, from, writer->parts, count);
	if (result == STATUS_OK && writer->group != NULL && writer->group->group_next != NULL)
		file_write_out(file, from, (int64_t)bytes); /* the files of a group go to disk side by side */
	return result;
}

/* The pending batches are durable: makes them visible. */
static void pending_publish(struct writer *writer, struct partition *partition)
{
	uint64_t bytes = 0;
	struct segment *active = partition_active(partition);
	pthread_mutex_lock(&partition->lock);
	for (const struct append *append = partition->pending; append != NULL; append = append->next) {
		struct record_batch batch;
		if (!append_has_bytes(append))
			continue;
		INVARIANT(record_batch_header(slice_of(append->batch, append->batch_size), &batch) == STATUS_OK);
		segment_publish(active, &batch);
		producer_state_publish(&partition->producers, &batch);
		bytes += append->batch_size;
	}
	INVARIANT(active->summary.size == partition->write_position &&
			  active->summary.next_offset == partition->next_offset);
	atomic_store(&partition->high_watermark, partition->next_offset);
	/* All that was admitted is published now, markers too (P2). */
	int64_t first_open = producer_state_first_open(&partition->producers);
	INVARIANT(first_open >= atomic_load(&partition->last_stable_offset));
	atomic_store(&partition->last_stable_offset,
		first_open < partition->next_offset ? first_open : partition->next_offset);
	atomic_fetch_add(&partition->bytes, bytes);
	pthread_mutex_unlock(&partition->lock);
	writer->moved = writer->moved || bytes != 0;
}

static bool pending_has_bytes(const struct partition *partition)
{
	return partition->write_position != partition_active(partition)->summary.size;
}

/* The second half of a commit. Without new bytes (duplicates, refusals) there is nothing to sync: what a
 * duplicate repeats was synced before, or is among the new bytes. */
static void pending_sync(struct writer *writer, struct partition *partition)
{
	if (partition->pending == NULL)
		return;
	if (pending_has_bytes(partition)) {
		if (file_sync(&partition_active(partition)->file) != STATUS_OK) {
			pending_fail(partition);
			return;
		}
		pending_publish(writer, partition);
	}
	pending_complete(partition, STATUS_OK);
}

static void pending_commit(struct writer *writer, struct partition *partition)
{
	if (pending_write(writer, partition) != STATUS_OK)
		pending_fail(partition);
	else
		pending_sync(writer, partition);
}

/* ---- admitting ---- */

static void pending_add(struct partition *partition, struct append *append, status result)
{
	append->result = result;
	append->next = NULL;
	*partition->pending_end = append;
	partition->pending_end = &append->next;
	partition->pending_count++;
}

/* Does the batch still fit the active segment? A segment holds at least one batch. */
static bool segment_has_room(const struct partition *partition, const struct record_batch *batch)
{
	int64_t base = partition_active(partition)->summary.base_offset;
	int64_t last = partition->next_offset + batch->last_offset_delta;
	return partition->write_position == 0 ||
		   (partition->write_position + (int64_t)batch->size <= partition->topic->config->segment_bytes &&
			   last - base <= INT32_MAX);
}

/* Rolls to a new segment; false when the partition is now poisoned. */
static bool segment_make_room(struct writer *writer, struct partition *partition)
{
	pending_commit(writer, partition);
	if (atomic_load(&partition->poisoned))
		return false;
	if (partition_roll(partition) != STATUS_OK) {
		partition_poison(partition);
		return false;
	}
	return true;
}

/* Gives the batch its offset, or finds that it must not be appended. */
static void append_admit(struct writer *writer, struct append *append)
{
	struct partition *partition = append->partition;
	struct record_batch batch;
	struct producer_batch original;
	append->duplicate = false;
	append->base_offset = -1;
	if (atomic_load(&partition->poisoned)) {
		append_complete(append, STATUS_POISONED);
		return;
	}
	if (append->batch == NULL) {
		bool rolled = partition->write_position == 0 || segment_make_room(writer, partition);
		append_complete(append, rolled ? STATUS_OK : STATUS_POISONED);
		return;
	}
	status result = record_batch_header(slice_of(append->batch, append->batch_size), &batch);
	INVARIANT(result == STATUS_OK); /* writer_enqueue() asked */
	result = producer_state_check(&partition->producers, &batch, &original);
	if (result == STATUS_EXISTS) {
		append->duplicate = true;
		append->base_offset = original.base_offset;
		result = STATUS_OK;
	} else if (result == STATUS_OK) {
		if (!segment_has_room(partition, &batch) && !segment_make_room(writer, partition)) {
			append_complete(append, STATUS_POISONED);
			return;
		}
		append->base_offset = batch.base_offset = partition->next_offset;
		put_be64(append->batch, (uint64_t)batch.base_offset);
		put_be32(append->batch + 12, 0); /* leader epoch; neither is covered by the CRC */
		pthread_mutex_lock(&partition->lock);
		producer_state_append(&partition->producers, &batch, &partition->aborted);
		pthread_mutex_unlock(&partition->lock);
		partition->next_offset += batch.last_offset_delta + 1;
		partition->write_position += (int64_t)batch.size;
	}
	pending_add(partition, append, result);
}

/* ---- the group ---- */

static bool group_join(struct writer *writer, struct partition *partition)
{
	if (partition->in_group)
		return true;
	if (!partition_use(partition))
		return false;
	partition->in_group = true;
	partition->group_next = NULL;
	*writer->group_end = partition;
	writer->group_end = &partition->group_next;
	return true;
}

static void group_process(struct writer *writer, struct append *append)
{
	struct append *next;
	writer->group = NULL;
	writer->group_end = &writer->group;
	for (; append != NULL; append = next) {
		next = append->next;
		if (group_join(writer, append->partition)) {
			append_admit(writer, append);
		} else {
			append->duplicate = false;
			append->base_offset = -1;
			append_complete(append, STATUS_NOT_FOUND);
		}
	}
	for (struct partition *partition = writer->group; partition != NULL; partition = partition->group_next)
		if (pending_write(writer, partition) != STATUS_OK)
			pending_fail(partition);
	for (struct partition *partition = writer->group; partition != NULL; partition = partition->group_next) {
		pending_sync(writer, partition);
		INVARIANT(partition->pending == NULL);
		partition->in_group = false;
		partition_unuse(partition);
	}
}

static void *writer_run(void *argument)
{
	struct writer *writer = argument;
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (writer->queue == NULL && !writer->notify && !writer->stop)
			pthread_cond_wait(&writer->work, &writer->lock);
		if (writer->queue == NULL && !writer->notify)
			break;
		struct append *group = writer->queue;
		writer->moved = writer->notify;
		writer->notify = false;
		writer->queue = NULL;
		writer->queue_end = &writer->queue;
		writer->queue_bytes = 0;
		pthread_cond_broadcast(&writer->room);
		pthread_mutex_unlock(&writer->lock);
		group_process(writer, group);
		if (writer->moved && writer->advanced != NULL)
			writer->advanced(writer->context);
		pthread_mutex_lock(&writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* ---- any thread ---- */

static status append_check(const struct append *append, const struct topic *topic)
{
	struct record_batch batch;
	int32_t bytes_max = topic->config->message_bytes_max;
	status result = record_batch_header(slice_of(append->batch, append->batch_size), &batch);
	if (result == STATUS_OK && batch.size != append->batch_size)
		result = error_raise(
			STATUS_BAD_BATCH, "%zu bytes follow the record batch", append->batch_size - batch.size);
	if (result != STATUS_OK)
		return error_note(
			result, "while appending to %s-%d", topic->name, partition_number(append->partition));
	if (append->batch_size > (size_t)bytes_max) {
		error_raise(STATUS_TOO_LARGE, "a record batch of %zu bytes; topic %s takes at most %d",
			append->batch_size, topic->name, bytes_max);
		error_hint("Send smaller batches, or raise the topic's max.message.bytes.");
		return STATUS_TOO_LARGE;
	}
	return STATUS_OK;
}

status writer_enqueue(struct writer *writer, struct append *append, bool wait)
{
	struct partition *partition = append->partition;
	const struct topic *topic = partition_topic(partition);
	status result = append->batch != NULL ? append_check(append, topic) : STATUS_OK;
	if (result != STATUS_OK)
		return result;
	if (atomic_load(&partition->poisoned))
		return error_raise(STATUS_POISONED, "%s-%d takes no appends after a failed write or sync",
			topic->name, partition->number);
	pthread_mutex_lock(&writer->lock);
	while (result == STATUS_OK && writer->queue != NULL &&
		   writer->queue_bytes + append->batch_size > writer->queue_bytes_max) {
		if (writer->stop)
			break;
		if (wait)
			pthread_cond_wait(&writer->room, &writer->lock);
		else
			result = STATUS_BACKPRESSURE;
	}
	if (result == STATUS_OK && writer->stop)
		result = STATUS_SHUTDOWN;
	if (result == STATUS_OK) {
		append->next = NULL;
		*writer->queue_end = append;
		writer->queue_end = &append->next;
		writer->queue_bytes += append->batch_size;
		pthread_cond_signal(&writer->work);
	}
	pthread_mutex_unlock(&writer->lock);
	if (result != STATUS_OK)
		return error_raise(result, "the log's writer: %s", status_words(result));
	return STATUS_OK;
}

void writer_notify(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->notify = true;
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
}

status writer_create(
	struct writer **out, size_t queue_bytes_max, void (*advanced)(void *context), void *context)
{
	struct writer *writer = mem_alloc_zeroed(1, sizeof *writer);
	writer->queue_bytes_max = queue_bytes_max;
	writer->advanced = advanced;
	writer->context = context;
	writer->queue_end = &writer->queue;
	INVARIANT(pthread_mutex_init(&writer->lock, NULL) == 0 && pthread_cond_init(&writer->work, NULL) == 0 &&
			  pthread_cond_init(&writer->room, NULL) == 0);
	int failed = pthread_create(&writer->thread, NULL, writer_run, writer);
	if (failed != 0) {
		mem_free(writer);
		return error_from_errno(failed, "starting the log's writer");
	}
	*out = writer;
	return STATUS_OK;
}

void writer_destroy(struct writer *writer)
{
	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_cond_broadcast(&writer->room);
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	(void)pthread_cond_destroy(&writer->work);
	(void)pthread_cond_destroy(&writer->room);
	(void)pthread_mutex_destroy(&writer->lock);
	mem_free(writer->parts);
	mem_free(writer);
}
