/* Recovery: from the files of a partition's directory to a partition that can go on.
 *
 *   1. Which segments are there?  The first begins at or before the log start; what lies wholly before
 *      it, and what compaction had not finished, is a left-over and goes. A derived file without its .log
 *      means that a segment is missing.
 *   2. Sealed segments. One with a summary (in the next segment's snapshot) is believed when its size
 *      matches, the chain of batches from its last index entry ends exactly at its end and at the next
 *      segment's base offset, and its transaction index is as the summary says. Any doubt: every byte of
 *      it is verified, and its derived files are written anew. One that then ends where a later segment than
 *      the next begins is a compacted one that took the place of those between, which go. What does not add
 *      up is DAMAGED.
 *   3. Verifying a segment applies its batches to the state of producers and transactions before it, which
 *      the snapshot at its base offset tells. Where that cannot be believed, the segment before is verified,
 *      too; before the first segment of a trimmed log nothing is known then. The active segment is always
 *      verified, so that in the end the state is known.
 *   4. The active segment is verified in full. Damage with no intact batch behind it is a torn tail
 *      and is cut off; damage with an intact batch behind it is DAMAGED (invariant L4).
 *   5. The active segment and the directory are synced before anything is visible: batches that were
 *      written but not yet synced when the last process died become acknowledged only now.
 */
#include <inttypes.h>

#include "base/diag.h"
#include "base/hash.h"
#include "base/memory.h"
#include "log/partition.h"
#include "log/snapshot.h"

struct recovery {
	struct partition *partition;
	int64_t *bases; /* of the segments, ascending */
	size_t count, capacity;
	struct segment_summary *summaries; /* of the sealed ones that are believed */
	bool *verify;                      /* in full */
	struct segment *segment;           /* being verified */
};

static void base_add(struct recovery *recovery, int64_t base)
{
	if (recovery->count == recovery->capacity) {
		recovery->capacity = recovery->capacity == 0 ? 16 : recovery->capacity * 2;
		recovery->bases = mem_resize(recovery->bases, recovery->capacity * sizeof *recovery->bases);
	}
	recovery->bases[recovery->count++] = base;
}

static bool base_known(const struct recovery *recovery, int64_t base)
{
	for (size_t low = 0, high = recovery->count; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (recovery->bases[middle] == base)
			return true;
		if (recovery->bases[middle] < base)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static status missing_raise(const struct recovery *recovery, int64_t base)
{
	char path[SEGMENT_PATH_MAX];
	segment_path(path, recovery->partition->dir, base, SEGMENT_LOG);
	error_raise(STATUS_DAMAGED, "segment %s is missing at byte 0", path);
	error_hint("Restore the file from a copy. Delete the whole directory only to give its records up.");
	return STATUS_DAMAGED;
}

/* Finds the segments, removes what compaction had not finished. Names sort as their offsets do: 20 digits. */
static status entries_read(struct recovery *recovery, const struct directory_list *list)
{
	const char *dir = recovery->partition->dir;
	int64_t base;
	for (size_t i = 0; i < list->count; i++) {
		char path[SEGMENT_PATH_MAX];
		if (segment_name_parse(list->names[i], SEGMENT_LOG, &base))
			base_add(recovery, base);
		if (!segment_name_parse(list->names[i], SEGMENT_CLEANED, &base))
			continue;
		segment_path(path, dir, base, SEGMENT_CLEANED);
		status result = file_remove(path);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* Segments wholly before the log start: their removal was interrupted. */
static status trimmed_remove(struct recovery *recovery)
{
	struct partition *partition = recovery->partition;
	int64_t start = atomic_load(&partition->log_start);
	size_t first = 0;
	if (recovery->count == 0 || recovery->bases[0] > start)
		return missing_raise(recovery, start);
	while (first + 1 < recovery->count && recovery->bases[first + 1] <= start) {
		status result = segment_derived_remove(partition->dir, recovery->bases[first]);
		if (result == STATUS_OK)
			result = segment_log_remove(partition->dir, recovery->bases[first]);
		if (result != STATUS_OK)
			return result;
		first++;
	}
	recovery->count -= first;
	memmove(recovery->bases, recovery->bases + first, recovery->count * sizeof *recovery->bases);
	return STATUS_OK;
}

/* A derived file without its .log. Those before the first segment were on their way out. */
static status derived_check(struct recovery *recovery, const char *name)
{
	int64_t base;
	if ((!segment_name_parse(name, SEGMENT_SNAPSHOT, &base) &&
			!segment_name_parse(name, SEGMENT_TXNINDEX, &base) &&
			!segment_name_parse(name, SEGMENT_INDEX, &base) &&
			!segment_name_parse(name, SEGMENT_TIMEINDEX, &base)) ||
		base_known(recovery, base))
		return STATUS_OK;
	if (base < recovery->bases[0])
		return segment_derived_remove(recovery->partition->dir, base);
	return missing_raise(recovery, base);
}

static status segments_list(struct recovery *recovery)
{
	struct directory_list list;
	struct partition *partition = recovery->partition;
	int64_t start = 0;
	status result = directory_list(partition->dir, &list);
	if (result == STATUS_NOT_FOUND)
		return missing_raise(recovery, 0);
	if (result != STATUS_OK)
		return result;
	result = partition_start_read(partition->dir, &start);
	atomic_store(&partition->log_start, start);
	if (result == STATUS_OK)
		result = entries_read(recovery, &list);
	if (result == STATUS_OK)
		result = trimmed_remove(recovery);
	/* Index files and snapshots are written after the name of their .log is durable. */
	for (size_t i = 0; i < list.count && result == STATUS_OK; i++)
		result = derived_check(recovery, list.names[i]);
	directory_list_free(&list);
	return result;
}

static status damage_raise(const struct segment *segment, int64_t position, const char *why)
{
	error_raise(STATUS_DAMAGED, "%s is damaged at byte %" PRId64 ": %s", segment->file.path, position, why);
	error_hint("Restore the file from a copy. Records behind the damage would be lost if it were cut there.");
	return STATUS_DAMAGED;
}

/* Each intact batch of a segment that is verified in full. */
static void batch_visit(void *context, const struct record_batch *batch, int64_t position)
{
	struct recovery *recovery = context;
	struct partition *partition = recovery->partition;
	segment_publish(recovery->segment, batch);
	/* Nobody knows when it was written: when its producer says, unless that is in the future. */
	if (position == 0 && batch->max_timestamp_ms >= 0 &&
		batch->max_timestamp_ms < recovery->segment->began_ms)
		recovery->segment->began_ms = batch->max_timestamp_ms;
	producer_state_append(&partition->producers, batch, &partition->aborted);
	producer_state_publish(&partition->producers, batch);
}

static status segment_verify(struct recovery *recovery, struct segment *segment, struct segment_scan *scan)
{
	recovery->segment = segment;
	segment->index_loaded = true;
	*scan = (struct segment_scan){
		.base_offset = segment->summary.base_offset, .next_offset = segment->summary.base_offset};
	status result = file_size(&segment->file, &scan->size);
	return result == STATUS_OK ? segment_scan(&segment->file, scan, batch_visit, recovery) : result;
}

static bool index_size_is(const char *dir, int64_t base, enum segment_file kind, uint32_t size)
{
	char path[SEGMENT_PATH_MAX];
	struct file file = {-1, NULL};
	int64_t found = -1;
	segment_path(path, dir, base, kind);
	if (file_open(&file, path, FILE_READ) != STATUS_OK || file_size(&file, &found) != STATUS_OK)
		found = -1;
	file_close(&file);
	return found == (int64_t)size;
}

/* Where the last entry of the .index file points; 0 when it has none, −1 when it cannot be right. */
static int64_t index_last_position(const char *dir, const struct segment_summary *summary)
{
	char path[SEGMENT_PATH_MAX];
	uint8_t entry[SEGMENT_OFFSET_ENTRY_SIZE];
	struct file file = {-1, NULL};
	size_t got = 0;
	int64_t position = -1;
	if (summary->offsets_size == 0)
		return 0;
	segment_path(path, dir, summary->base_offset, SEGMENT_INDEX);
	if (file_open(&file, path, FILE_READ) == STATUS_OK &&
		file_read(&file, (int64_t)summary->offsets_size - (int64_t)sizeof entry, entry, sizeof entry, &got) ==
			STATUS_OK &&
		got == sizeof entry)
		position = (int64_t)get_be32(entry + 4);
	file_close(&file);
	return position < summary->size ? position : -1;
}

/* Can the sealed segment be believed without reading all of it? Of its transaction index the size is looked
 * at here, the rest when it is loaded. */
static bool sealed_believe(
	const char *dir, int64_t base, int64_t next_offset, struct segment_summary *summary)
{
	char path[SEGMENT_PATH_MAX];
	struct file file = {-1, NULL};
	int64_t size = -1;
	segment_path(path, dir, base, SEGMENT_LOG);
	if (snapshot_read_summary(dir, next_offset, summary) != STATUS_OK || summary->base_offset != base ||
		file_open(&file, path, FILE_READ) != STATUS_OK)
		return false;
	struct segment_scan scan = {
		.base_offset = base, .position = index_last_position(dir, summary), .next_offset = -1};
	bool believed = file_size(&file, &size) == STATUS_OK && size == summary->size &&
					index_size_is(dir, base, SEGMENT_INDEX, summary->offsets_size) &&
					index_size_is(dir, base, SEGMENT_TIMEINDEX, summary->times_size) && scan.position >= 0;
	scan.size = size;
	believed = believed && segment_scan(&file, &scan, NULL, NULL) == STATUS_OK && !scan.damaged &&
			   scan.next_offset == next_offset;
	file_close(&file);
	return believed;
}

/* Is what the transaction index of the believed segment says as it was written? */
static bool aborted_believe(const char *dir, const struct segment_summary *summary)
{
	struct transaction_index index;
	transaction_index_init(&index);
	bool believed = transaction_index_load(&index, dir, summary) == STATUS_OK;
	transaction_index_deinit(&index);
	return believed;
}

static bool producers_believe(const char *dir, int64_t offset)
{
	struct producer_state producers;
	producer_state_init(&producers);
	bool believed = snapshot_read_producers(dir, offset, &producers) == STATUS_OK;
	producer_state_deinit(&producers);
	return believed;
}

/* Decides which segments are verified: the doubtful ones, the active one, and before each of them as many as
 * it takes to know the producers. */
static void recovery_plan(struct recovery *recovery)
{
	const char *dir = recovery->partition->dir;
	recovery->summaries = mem_alloc_zeroed(recovery->count, sizeof *recovery->summaries);
	recovery->verify = mem_alloc_zeroed(recovery->count, sizeof *recovery->verify);
	for (size_t i = recovery->count; i-- > 0;) {
		if (i + 1 == recovery->count)
			recovery->verify[i] = true;
		else if (!recovery->verify[i])
			recovery->verify[i] =
				!sealed_believe(dir, recovery->bases[i], recovery->bases[i + 1], &recovery->summaries[i]) ||
				!aborted_believe(dir, &recovery->summaries[i]);
		if (recovery->verify[i] && i != 0 && !producers_believe(dir, recovery->bases[i]))
			recovery->verify[i - 1] = true;
	}
}

/* The state of producers before segment `number`, which is verified next. */
static status producers_restore(struct recovery *recovery, size_t number)
{
	struct partition *partition = recovery->partition;
	if (number != 0 && recovery->verify[number - 1])
		return STATUS_OK; /* what the segment before left */
	producer_state_deinit(&partition->producers);
	if (number == 0) { /* nothing, or what a trimmed log still tells of what came before */
		if (recovery->bases[0] != 0 &&
			snapshot_read_producers(partition->dir, recovery->bases[0], &partition->producers) != STATUS_OK)
			diag(DIAG_INFO, "log", "producers_forgotten", "dir=\"%s\" offset=%" PRId64, partition->dir,
				recovery->bases[0]);
		return STATUS_OK;
	}
	if (snapshot_read_producers(partition->dir, recovery->bases[number], &partition->producers) == STATUS_OK)
		return STATUS_OK;
	return error_raise(STATUS_IO, "a snapshot of %s changed while it was read", partition->dir);
}

/* Verified in full, the segment ends at `next_offset`. Were those between there and where a later one begins
 * replaced by it? Then they go, and recovery begins again without them: NOT_READY. */
static status replaced_remove(const struct recovery *recovery, size_t number, int64_t next_offset)
{
	size_t last = number + 1;
	while (last < recovery->count && recovery->bases[last] < next_offset)
		last++;
	if (last == number + 1 || last == recovery->count || recovery->bases[last] != next_offset)
		return STATUS_OK;
	for (size_t i = number + 1; i < last; i++) {
		status result = segment_derived_remove(recovery->partition->dir, recovery->bases[i]);
		if (result == STATUS_OK)
			result = directory_sync(recovery->partition->dir);
		if (result == STATUS_OK)
			result = segment_log_remove(recovery->partition->dir, recovery->bases[i]);
		if (result != STATUS_OK)
			return result;
	}
	diag(DIAG_INFO, "log", "replaced_removed", "dir=\"%s\" from=%" PRId64 " to=%" PRId64,
		recovery->partition->dir, recovery->bases[number + 1], next_offset);
	return STATUS_NOT_READY;
}

static status sealed_verify(struct recovery *recovery, struct segment *segment, size_t number)
{
	struct partition *partition = recovery->partition;
	int64_t next_offset = recovery->bases[number + 1];
	struct segment_scan scan;
	char path[SEGMENT_PATH_MAX];
	segment_path(path, partition->dir, segment->summary.base_offset, SEGMENT_LOG);
	status result = file_open(&segment->file, path, FILE_READ);
	if (result == STATUS_OK)
		result = segment_verify(recovery, segment, &scan);
	if (result != STATUS_OK)
		return result;
	if (scan.damaged)
		return damage_raise(segment, scan.position, scan.why);
	if (scan.next_offset != next_offset)
		result = replaced_remove(recovery, number, scan.next_offset);
	if (result != STATUS_OK)
		return result;
	if (scan.next_offset != next_offset)
		return damage_raise(segment, scan.position, "the next segment does not begin where it ends");
	segment_seal(segment);
	segment_index_write(&segment->index, partition->dir);
	transaction_index_write(&partition->aborted, partition->dir, &segment->summary);
	snapshot_write(partition->dir, &segment->summary, &partition->producers);
	diag(DIAG_INFO, "log", "segment_verified", "file=\"%s\" bytes=%" PRId64, path, scan.size);
	/* Memory and files are for readers to ask for. */
	segment_index_deinit(&segment->index);
	segment->index_loaded = false;
	file_close(&segment->file);
	return STATUS_OK;
}

static status sealed_recover(struct recovery *recovery, size_t number)
{
	struct partition *partition = recovery->partition;
	struct segment *segment = segment_allocate(recovery->bases[number]);
	partition_segment_add(partition, segment);
	if (recovery->verify[number])
		return sealed_verify(recovery, segment, number);
	segment->summary = recovery->summaries[number];
	segment->sealed = true;
	if (transaction_index_load(&partition->aborted, partition->dir, &segment->summary) != STATUS_OK)
		return error_raise(STATUS_IO, "a transaction index of %s changed while it was read", partition->dir);
	return STATUS_OK;
}

static status tail_cut(struct segment *segment, const struct segment_scan *scan)
{
	int64_t found = -1;
	status result = segment_search(&segment->file, scan->position + 1, scan->size, scan->next_offset, &found);
	if (result != STATUS_OK)
		return result;
	if (found >= 0) {
		damage_raise(segment, scan->position, scan->why);
		return error_note(STATUS_DAMAGED, "an intact batch follows at byte %" PRId64, found);
	}
	diag(DIAG_WARN, "log", "torn_tail_cut",
		"file=\"%s\" position=%" PRId64 " bytes=%" PRId64 " next_offset=%" PRId64 " why=\"%s\"",
		segment->file.path, scan->position, scan->size - scan->position, scan->next_offset, scan->why);
	return file_truncate(&segment->file, scan->position);
}

static status active_recover(struct recovery *recovery)
{
	struct partition *partition = recovery->partition;
	struct segment *segment = segment_allocate(recovery->bases[recovery->count - 1]);
	struct segment_scan scan;
	char path[SEGMENT_PATH_MAX];
	partition_segment_add(partition, segment);
	segment_path(path, partition->dir, segment->summary.base_offset, SEGMENT_LOG);
	status result = file_open(&segment->file, path, FILE_UPDATE);
	if (result == STATUS_OK)
		result = segment_verify(recovery, segment, &scan);
	if (result == STATUS_OK && scan.damaged)
		result = tail_cut(segment, &scan);
	if (result == STATUS_OK)
		result = file_sync(&segment->file);
	if (result == STATUS_OK)
		result = directory_sync(partition->dir);
	return result;
}

/* Once; NOT_READY, without an error, when it has to begin again. */
static status recovery_run(struct partition *partition)
{
	struct recovery recovery = {.partition = partition};
	status result = segments_list(&recovery);
	if (result == STATUS_OK)
		recovery_plan(&recovery);
	for (size_t i = 0; i < recovery.count && result == STATUS_OK; i++) {
		if (recovery.verify[i])
			result = producers_restore(&recovery, i);
		if (result == STATUS_OK)
			result = i + 1 < recovery.count ? sealed_recover(&recovery, i) : active_recover(&recovery);
	}
	mem_free(recovery.bases);
	mem_free(recovery.summaries);
	mem_free(recovery.verify);
	return result;
}

status partition_recover(struct partition *partition)
{
	status result;
	while ((result = recovery_run(partition)) == STATUS_NOT_READY) {
		for (size_t i = 0; i < partition->segment_count; i++)
			segment_destroy(partition->segments[i]);
		partition->segment_count = 0;
		producer_state_deinit(&partition->producers);
		partition->aborted.count = 0;
	}
	if (result != STATUS_OK)
		return error_note(result, "while recovering %s-%d", partition->topic->name, partition->number);
	const struct segment *active = partition_active(partition);
	uint64_t bytes = 0;
	for (size_t i = 0; i < partition->segment_count; i++)
		bytes += (uint64_t)partition->segments[i]->summary.size;
	partition->next_offset = active->summary.next_offset;
	partition->write_position = active->summary.size;
	atomic_store(&partition->high_watermark, active->summary.next_offset);
	int64_t first_open = producer_state_first_open(&partition->producers);
	atomic_store(&partition->last_stable_offset,
		first_open < active->summary.next_offset ? first_open : active->summary.next_offset);
	atomic_store(&partition->bytes, bytes);
	if (atomic_load(&partition->log_start) > partition->next_offset) {
		error_raise(STATUS_DAMAGED, "%s-%d starts at offset %" PRId64 " but ends at %" PRId64,
			partition->topic->name, partition->number, atomic_load(&partition->log_start),
			partition->next_offset);
		error_hint("Records at the end of %s were lost; restore the directory from a copy.", partition->dir);
		return STATUS_DAMAGED;
	}
	return STATUS_OK;
}
