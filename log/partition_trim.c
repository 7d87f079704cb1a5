/* What takes records away from a partition: the log start, removing segments before it, replacing segments by
 * compacted ones. See partition.h; who decides is cleaner.c and log.c.
 *
 * The log start is a file of its own beside the segments, replaced atomically:
 *
 *   "log_start":  0 "KAPSTRT1"   8 i64 offset   16 u32 CRC-32C of bytes 0–15        (big-endian)
 *
 * It moves first and durably, then files go. So at the next start whatever lies wholly before it is a
 * left-over, and a first segment that begins after it is missing.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/cleaner.h"
#include "log/partition_internal.h"
#include "log/snapshot.h"
#include "log/topics.h"
#include "log/topics_internal.h"

/* ---- the log start ---- */

static const char magic[] = "KAPSTRT1";

enum { START_SIZE = 20 };

static void start_path(char path[SEGMENT_PATH_MAX], const char *dir)
{
	int length = snprintf(path, SEGMENT_PATH_MAX, "%s/log_start", dir);
	INVARIANT(length > 0 && length < SEGMENT_PATH_MAX);
}

status partition_start_read(const char *dir, int64_t *offset)
{
	char path[SEGMENT_PATH_MAX];
	struct buffer bytes;
	start_path(path, dir);
	*offset = 0;
	if (!file_exists(path))
		return STATUS_OK;
	buffer_init(&bytes);
	status result = file_read_all(path, SEGMENT_PATH_MAX, &bytes);
	bool intact = result == STATUS_OK && bytes.size == START_SIZE && memcmp(bytes.data, magic, 8) == 0 &&
				  get_be32(bytes.data + 16) == crc32c(0, bytes.data, 16) &&
				  (int64_t)get_be64(bytes.data + 8) >= 0;
	if (intact)
		*offset = (int64_t)get_be64(bytes.data + 8);
	buffer_deinit(&bytes);
	if (result == STATUS_OK && !intact) {
		result = error_raise(
			STATUS_DAMAGED, "%s is damaged at byte 0: it does not tell where the log starts", path);
		error_hint("Restore the file from a copy. Removing it means that the log starts at offset 0.");
	}
	return result;
}

static status start_write(const char *dir, int64_t offset)
{
	char path[SEGMENT_PATH_MAX];
	uint8_t bytes[START_SIZE];
	start_path(path, dir);
	memcpy(bytes, magic, 8);
	put_be64(bytes + 8, (uint64_t)offset);
	put_be32(bytes + 16, crc32c(0, bytes, 16));
	return file_replace(path, slice_of(bytes, sizeof bytes));
}

static void start_set(struct partition *partition, int64_t offset)
{
	pthread_mutex_lock(&partition->lock);
	atomic_store(&partition->log_start, offset);
	transaction_index_trim(&partition->aborted, offset);
	pthread_mutex_unlock(&partition->lock);
}

status partition_start_move(struct partition *partition, int64_t offset)
{
	status result = STATUS_OK;
	if (!partition_use(partition))
		return partition_missing(partition);
	pthread_mutex_lock(&partition->start_lock);
	if (offset > atomic_load(&partition->log_start)) {
		result = start_write(partition->dir, offset);
		if (result == STATUS_OK)
			start_set(partition, offset);
	}
	pthread_mutex_unlock(&partition->start_lock);
	partition_unuse(partition);
	return result;
}

status partition_trim(struct log *log, struct partition *partition, int64_t offset, bool force)
{
	const struct topic *topic = partition->topic;
	const struct topic_config *config = topic->config;
	int64_t end = atomic_load(&partition->high_watermark);
	if (partition == log->registry)
		return error_raise(STATUS_INVALID, "the topic registry \"%s\" cannot be trimmed", topic->name);
	if (offset == PARTITION_TRIM_ALL)
		offset = end;
	if (offset < 0 || offset > end)
		return error_raise(STATUS_OUT_OF_RANGE,
			"%s-%d cannot be trimmed to offset %" PRId64 "; it ends at %" PRId64, topic->name,
			partition->number, offset, end);
	if ((config->cleanup_policy & CLEANUP_DELETE) == 0) {
		error_raise(
			STATUS_INVALID, "topic \"%s\" is compacted only; its records are not trimmed", topic->name);
		error_hint("Set cleanup.policy to delete, or to compact,delete.");
		return STATUS_INVALID;
	}
	status result = STATUS_OK;
	if (offset > atomic_load(&partition->log_start) && !force && !config->trim_force)
		result = topic_needed_check(log, topic->name, "trimming");
	if (result == STATUS_OK)
		result = partition_start_move(partition, offset);
	if (result == STATUS_OK)
		cleaner_wake(log->cleaner);
	return result == STATUS_OK ? result
							   : error_note(result, "while trimming %s-%d", topic->name, partition->number);
}

/* ---- segments ---- */

struct segment_summary *partition_sealed(struct partition *partition, size_t *count)
{
	pthread_mutex_lock(&partition->lock);
	size_t sealed = partition->segment_count - 1;
	struct segment_summary *summaries = mem_alloc((sealed + 1) * sizeof *summaries);
	for (size_t i = 0; i < sealed; i++)
		summaries[i] = partition->segments[i]->summary;
	pthread_mutex_unlock(&partition->lock);
	*count = sealed;
	return summaries;
}

/* Takes `count` segments away from place `first` and puts `fresh` there (NULL: nothing). @locks held */
static void segments_exchange(struct partition *partition, size_t first, size_t count, struct segment *fresh)
{
	uint64_t bytes = 0;
	for (size_t i = first; i < first + count; i++) {
		bytes += (uint64_t)partition->segments[i]->summary.size;
		segment_retire(partition, partition->segments[i]);
	}
	size_t kept = fresh != NULL ? 1 : 0;
	memmove(&partition->segments[first + kept], &partition->segments[first + count],
		(partition->segment_count - first - count) * sizeof *partition->segments);
	partition->segment_count -= count - kept;
	atomic_fetch_sub(&partition->bytes, bytes);
	if (fresh == NULL)
		return;
	partition->segments[first] = fresh;
	atomic_fetch_add(&partition->bytes, (uint64_t)fresh->summary.size);
	partition->sealed_index_bytes += segment_index_bytes(&fresh->index);
}

void partition_reclaim(struct partition *partition)
{
	int64_t bases[16];
	size_t count;
	do {
		pthread_mutex_lock(&partition->lock);
		int64_t start = atomic_load(&partition->log_start);
		for (count = 0; count < sizeof bases / sizeof bases[0] && count + 1 < partition->segment_count &&
						partition->segments[count + 1]->summary.base_offset <= start;
			 count++)
			bases[count] = partition->segments[count]->summary.base_offset;
		if (count != 0)
			segments_exchange(partition, 0, count, NULL);
		pthread_mutex_unlock(&partition->lock);
		/* Whatever stays goes at the next start: the log start is durable. */
		for (size_t i = 0; i < count; i++)
			if (segment_derived_remove(partition->dir, bases[i]) != STATUS_OK ||
				segment_log_remove(partition->dir, bases[i]) != STATUS_OK)
				diag(DIAG_WARN, "log", "trimmed_not_removed", "error=\"%s\"", error_current()->text);
	} while (count != 0);
}

/* What the segments that `fresh` replaced have left on disk. A failure leaves it for the next start. */
static status replaced_remove(const char *dir, const int64_t *bases, size_t count)
{
	status result = STATUS_OK;
	for (size_t i = 1; i < count && result == STATUS_OK; i++)
		result = segment_derived_remove(dir, bases[i]);
	/* Recovery takes a derived file without its .log for a sign of loss: they go first, durably. */
	if (result == STATUS_OK && count > 1)
		result = directory_sync(dir);
	for (size_t i = 1; i < count && result == STATUS_OK; i++)
		result = segment_log_remove(dir, bases[i]);
	return result;
}

status partition_replace(struct partition *partition, struct segment *fresh, size_t count)
{
	char from[SEGMENT_PATH_MAX], to[SEGMENT_PATH_MAX];
	struct segment_summary summary = fresh->summary;
	int64_t *bases = mem_alloc(count * sizeof *bases);
	segment_path(from, partition->dir, summary.base_offset, SEGMENT_CLEANED);
	segment_path(to, partition->dir, summary.base_offset, SEGMENT_LOG);
	pthread_mutex_lock(&partition->lock);
	size_t first = 0;
	while (partition->segments[first]->summary.base_offset != summary.base_offset)
		first++;
	INVARIANT(first + count < partition->segment_count &&
			  partition->segments[first + count]->summary.base_offset == summary.next_offset);
	bool same_size = partition->segments[first]->summary.size == summary.size;
	for (size_t i = 0; i < count; i++)
		bases[i] = partition->segments[first + i]->summary.base_offset;
	pthread_mutex_unlock(&partition->lock);
	status result = STATUS_OK;
	if (same_size) {
		/* Recovery knows a replaced segment by its size; this one would be believed to be the old. */
		result = segment_index_remove(partition->dir, summary.base_offset);
		if (result == STATUS_OK)
			result = directory_sync(partition->dir);
	}
	if (result == STATUS_OK) {
		/* Renamed under the lock: who opens a segment's file sees afterwards that the segment was retired. */
		pthread_mutex_lock(&partition->lock);
		transaction_index_write(&partition->aborted, partition->dir, &fresh->summary);
		result = file_rename(from, to);
		if (result == STATUS_OK) {
			fresh->file_users++; /* its index stays while it is written below */
			segments_exchange(partition, first, count, fresh);
		}
		pthread_mutex_unlock(&partition->lock);
	}
	if (result != STATUS_OK) {
		segment_destroy(fresh);
		mem_free(bases);
		return result;
	}
	summary = fresh->summary;
	result = directory_sync(partition->dir);
	if (result == STATUS_OK)
		result = replaced_remove(partition->dir, bases, count);
	segment_index_write(&fresh->index, partition->dir);
	snapshot_replace_summary(partition->dir, &summary);
	pthread_mutex_lock(&partition->lock);
	segment_release(fresh);
	sealed_indexes_trim(partition, NULL);
	pthread_mutex_unlock(&partition->lock);
	mem_free(bases);
	return result;
}
