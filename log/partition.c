/* Partitions: life cycle, their segments' files and indexes, rolling. Reading is in partition_read.c, taking
 * records away in partition_trim.c. See partition.h for the invariants. */
#include "log/partition_internal.h"

#include <inttypes.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/snapshot.h"

/* ---- life cycle ---- */

struct partition *partition_allocate(const struct topic *topic, int32_t number, const char *dir)
{
	struct partition *partition = mem_alloc_zeroed(1, sizeof *partition);
	partition->topic = topic;
	partition->number = number;
	partition->dir = mem_copy_string(dir);
	partition->pending_end = &partition->pending;
	producer_state_init(&partition->producers);
	transaction_index_init(&partition->aborted);
	INVARIANT(pthread_mutex_init(&partition->lock, NULL) == 0 &&
			  pthread_mutex_init(&partition->start_lock, NULL) == 0 &&
			  pthread_cond_init(&partition->left, NULL) == 0);
	return partition;
}

void partition_destroy(struct partition *partition)
{
	if (partition == NULL)
		return;
	for (size_t i = 0; i < partition->segment_count; i++)
		segment_destroy(partition->segments[i]);
	mem_free(partition->segments);
	producer_state_deinit(&partition->producers);
	transaction_index_deinit(&partition->aborted);
	(void)pthread_cond_destroy(&partition->left);
	(void)pthread_mutex_destroy(&partition->start_lock);
	(void)pthread_mutex_destroy(&partition->lock);
	mem_free(partition->dir);
	mem_free(partition);
}

void partition_segment_add(struct partition *partition, struct segment *segment)
{
	if (partition->segment_count == partition->segment_capacity) {
		partition->segment_capacity = partition->segment_capacity == 0 ? 4 : partition->segment_capacity * 2;
		partition->segments =
			mem_resize(partition->segments, partition->segment_capacity * sizeof *partition->segments);
	}
	partition->segments[partition->segment_count++] = segment;
}

status partition_create(struct partition *partition)
{
	struct segment *segment = NULL;
	status result = directory_create(partition->dir);
	if (result == STATUS_OK)
		result = segment_create(&segment, partition->dir, 0);
	if (result == STATUS_OK)
		partition_segment_add(partition, segment);
	return result;
}

status partition_missing(const struct partition *partition)
{
	return error_raise(STATUS_NOT_FOUND, "topic %s was deleted", partition->topic->name);
}

status partition_enter(struct partition *partition)
{
	if (partition->deleted)
		return partition_missing(partition);
	partition->users++;
	return STATUS_OK;
}

void partition_leave(struct partition *partition)
{
	INVARIANT(partition->users > 0);
	if (--partition->users == 0 && partition->deleted)
		pthread_cond_broadcast(&partition->left);
}

void partition_delete(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	partition->deleted = true;
	while (partition->users != 0)
		pthread_cond_wait(&partition->left, &partition->lock);
	for (size_t i = 0; i < partition->segment_count; i++)
		file_close(&partition->segments[i]->file);
	pthread_mutex_unlock(&partition->lock);
}

bool partition_use(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	bool there = partition_enter(partition) == STATUS_OK;
	pthread_mutex_unlock(&partition->lock);
	return there;
}

void partition_unuse(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	partition_leave(partition);
	pthread_mutex_unlock(&partition->lock);
}

bool partition_is_deleted(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	bool deleted = partition->deleted;
	pthread_mutex_unlock(&partition->lock);
	return deleted;
}

/* ---- the writer's ---- */

void segment_release(struct segment *segment)
{
	INVARIANT(segment->file_users > 0);
	if (--segment->file_users == 0 && segment->retired)
		segment_destroy(segment);
}

void segment_retire(struct partition *partition, struct segment *segment)
{
	INVARIANT(segment->sealed && !segment->retired);
	if (segment->file.fd >= 0)
		partition->sealed_open--;
	if (segment->index_loaded)
		partition->sealed_index_bytes -= segment_index_bytes(&segment->index);
	for (size_t i = 0; i < PARTITION_HINTS; i++)
		if (partition->hints[i].segment == segment)
			partition->hints[i] = (struct partition_hint){0};
	segment->retired = true;
	if (segment->file_users == 0)
		segment_destroy(segment);
}

/* The sealed segments whose files were not read for longest are not tracked: any idle one may go. */
static void sealed_files_trim(struct partition *partition, const struct segment *keep)
{
	for (size_t i = 0; i < partition->segment_count; i++) {
		struct segment *segment = partition->segments[i];
		if (partition->sealed_open <= PARTITION_SEALED_OPEN_MAX)
			return;
		if (segment != keep && segment->sealed && segment->file_users == 0 && segment->file.fd >= 0) {
			file_close(&segment->file);
			partition->sealed_open--;
		}
	}
}

void sealed_indexes_trim(struct partition *partition, const struct segment *keep)
{
	for (size_t i = 0; i < partition->segment_count; i++) {
		struct segment *segment = partition->segments[i];
		if (partition->sealed_index_bytes <= PARTITION_INDEX_BYTES_MAX)
			return;
		if (segment != keep && segment->sealed && segment->file_users == 0 && segment->index_loaded) {
			partition->sealed_index_bytes -= segment_index_bytes(&segment->index);
			segment_index_deinit(&segment->index);
			segment->index_loaded = false;
		}
	}
}

status partition_roll(struct partition *partition)
{
	struct segment *old = partition_active(partition), *fresh = NULL;
	INVARIANT(partition->pending == NULL && partition->write_position == old->summary.size);
	status result = segment_create(&fresh, partition->dir, partition->next_offset);
	if (result != STATUS_OK)
		return result;
	/* Only this thread changes the active segment, producers and transactions: sealing may read them
	 * unlocked, but a reader looks at `sealed` and the index, so those change under the lock. */
	pthread_mutex_lock(&partition->lock);
	segment_seal(old);
	partition_segment_add(partition, fresh);
	partition->sealed_open++;
	partition->sealed_index_bytes += segment_index_bytes(&old->index);
	old->file_users++; /* its index stays while it is written below */
	sealed_files_trim(partition, NULL);
	pthread_mutex_unlock(&partition->lock);
	segment_index_write(&old->index, partition->dir);
	transaction_index_write(&partition->aborted, partition->dir, &old->summary);
	snapshot_write(partition->dir, &old->summary, &partition->producers);
	pthread_mutex_lock(&partition->lock);
	segment_release(old);
	sealed_indexes_trim(partition, old);
	pthread_mutex_unlock(&partition->lock);
	partition->write_position = 0;
	return STATUS_OK;
}

void partition_poison(struct partition *partition)
{
	struct error failure = *error_current();
	pthread_mutex_lock(&partition->lock);
	struct segment *active = partition_active(partition);
	int64_t size = active->summary.size;
	partition->poison = failure;
	atomic_store(&partition->poisoned, true);
	pthread_mutex_unlock(&partition->lock);
	diag(DIAG_ERROR, "log", "partition_poisoned",
		"topic=%s partition=%d high_watermark=%" PRId64 " error=\"%s\"", partition->topic->name,
		partition->number, atomic_load(&partition->high_watermark), failure.text);
	if (file_truncate(&active->file, size) != STATUS_OK)
		diag(DIAG_WARN, "log", "unacknowledged_not_cut", "error=\"%s\"", error_current()->text);
	error_restore(&failure);
}

/* ---- segments for readers ---- */

status segment_acquire(struct partition *partition, struct segment *segment)
{
	segment->file_users++;
	if (segment->file.fd >= 0)
		return STATUS_OK;
	char path[SEGMENT_PATH_MAX];
	struct file file = {-1, NULL};
	segment_path(path, partition->dir, segment->summary.base_offset, SEGMENT_LOG);
	pthread_mutex_unlock(&partition->lock);
	status result = file_open(&file, path, FILE_READ);
	pthread_mutex_lock(&partition->lock);
	if (segment->retired)
		result = STATUS_NOT_READY;
	else if (result == STATUS_NOT_FOUND)
		result = error_raise(STATUS_DAMAGED, "segment %s is missing", path);
	if (result != STATUS_OK || segment->file.fd >= 0) {
		file_close(&file); /* failed, or another reader was faster */
	} else {
		segment->file = file;
		partition->sealed_open++;
		sealed_files_trim(partition, segment);
	}
	if (result != STATUS_OK)
		segment_release(segment);
	return result;
}

status segment_index_need(struct partition *partition, struct segment *segment)
{
	if (segment->index_loaded)
		return STATUS_OK;
	struct segment_summary summary = segment->summary; /* sealed: constant */
	struct segment_index index;
	pthread_mutex_unlock(&partition->lock);
	status result = segment_index_load(partition->dir, &summary, &index);
	pthread_mutex_lock(&partition->lock);
	if (segment->retired || result != STATUS_OK || segment->index_loaded) {
		if (result == STATUS_OK)
			segment_index_deinit(&index); /* another reader was faster, or nobody needs it any more */
		return segment->retired ? STATUS_NOT_READY : result;
	}
	segment->index = index;
	segment->index_loaded = true;
	partition->sealed_index_bytes += segment_index_bytes(&index);
	sealed_indexes_trim(partition, segment);
	return STATUS_OK;
}

/* ---- what a partition says of itself ---- */

const struct topic *partition_topic(const struct partition *partition)
{
	return partition->topic;
}

int32_t partition_number(const struct partition *partition)
{
	return partition->number;
}

int64_t partition_high_watermark(const struct partition *partition)
{
	return atomic_load(&partition->high_watermark);
}

int64_t partition_log_start(const struct partition *partition)
{
	return atomic_load(&partition->log_start);
}

uint64_t partition_bytes(const struct partition *partition)
{
	return atomic_load(&partition->bytes);
}

status partition_producer(struct partition *partition, int64_t producer_id, struct producer_position *out)
{
	pthread_mutex_lock(&partition->lock);
	status result = producer_state_position(&partition->producers, producer_id, out);
	pthread_mutex_unlock(&partition->lock);
	if (result != STATUS_OK)
		return error_raise(result, "%s-%d does not know producer %" PRId64, partition->topic->name,
			partition->number, producer_id);
	return STATUS_OK;
}
