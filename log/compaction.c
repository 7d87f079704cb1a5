/* See compaction.h. */
#include "log/compaction.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/batch_rewrite.h"
#include "log/key_map.h"
#include "log/partition_internal.h"

enum { READ_BYTES = 1 << 20, WRITE_BYTES = 1 << 20, STATE_SIZE = 28 };

struct compaction {
	struct partition *partition;
	const struct compaction_options *options;
	struct compaction_result *counts;
	struct segment_summary *segments; /* sealed, oldest first */
	size_t segment_count;             /* those old enough */
	struct key_map map;
	int64_t map_from, map_end; /* the map knows all keys between these */
	int64_t horizon_ms;        /* the earliest of those that stay */
	struct buffer bytes, keep;

	/* The segment being written. */
	struct file file;
	struct segment *fresh;
	struct buffer unwritten;
	int64_t written;
	bool rebuilt; /* some batch is not as it was */
};

/* ---- how far compaction has come: "clean_state", derived ---- */

static const char magic[] = "KAPCLEAN";

static void state_path(char path[SEGMENT_PATH_MAX], const char *dir)
{
	int length = snprintf(path, SEGMENT_PATH_MAX, "%s/clean_state", dir);
	INVARIANT(length > 0 && length < SEGMENT_PATH_MAX);
}

/*  0 "KAPCLEAN"   8 i64 offset   16 i64 horizon   24 u32 CRC-32C of bytes 0–23 */
static void state_need(struct partition *partition)
{
	char path[SEGMENT_PATH_MAX];
	struct buffer bytes;
	struct clean_state state = {.known = true, .horizon_ms = BATCH_HORIZON_NONE};
	if (partition->clean.known)
		return;
	state_path(path, partition->dir);
	buffer_init(&bytes);
	if (file_exists(path) && file_read_all(path, SEGMENT_PATH_MAX, &bytes) == STATUS_OK &&
		bytes.size == STATE_SIZE && memcmp(bytes.data, magic, 8) == 0 &&
		get_be32(bytes.data + 24) == crc32c(0, bytes.data, 24)) {
		state.offset = (int64_t)get_be64(bytes.data + 8);
		state.horizon_ms = (int64_t)get_be64(bytes.data + 16);
	}
	buffer_deinit(&bytes);
	partition->clean = state;
}

static void state_write(const struct partition *partition)
{
	char path[SEGMENT_PATH_MAX];
	uint8_t bytes[STATE_SIZE];
	state_path(path, partition->dir);
	memcpy(bytes, magic, 8);
	put_be64(bytes + 8, (uint64_t)partition->clean.offset);
	put_be64(bytes + 16, (uint64_t)partition->clean.horizon_ms);
	put_be32(bytes + 24, crc32c(0, bytes, 24));
	if (file_write_all(path, slice_of(bytes, sizeof bytes)) != STATUS_OK)
		diag(DIAG_WARN, "log", "clean_state_not_written", "error=\"%s\"", error_current()->text);
}

/* ---- reading ---- */

static status still_wanted(const struct compaction *compaction)
{
	const struct compaction_options *options = compaction->options;
	if (options->cancelled != NULL && options->cancelled(options->context))
		return STATUS_CANCELLED;
	return STATUS_OK;
}

/* Calls `visit` for each whole batch with from ≤ last offset and base offset < to, CRC verified. END from it
 * ends the walk with OK. */
static status batches_walk(struct compaction *compaction, int64_t from, int64_t to,
	status (*visit)(struct compaction *compaction, struct slice bytes, const struct record_batch *batch))
{
	status result = STATUS_OK;
	while (result == STATUS_OK && from < to) {
		compaction->bytes.size = 0;
		result = still_wanted(compaction);
		if (result == STATUS_OK)
			result = partition_read_all(compaction->partition, from, READ_BYTES, &compaction->bytes);
		struct slice left = buffer_slice(&compaction->bytes);
		while (result == STATUS_OK && left.size != 0) {
			struct record_batch batch;
			result = record_batch_verify(left, &batch);
			if (result != STATUS_OK) {
				result = error_raise(STATUS_DAMAGED, "%s", error_current()->text);
				return partition_note_damage(compaction->partition, left, result);
			}
			from = batch.base_offset + batch.last_offset_delta + 1;
			if (batch.base_offset >= to)
				return STATUS_OK;
			result = visit(compaction, slice_of(left.data, batch.size), &batch);
			left = slice_of(left.data + batch.size, left.size - batch.size);
		}
	}
	return result == STATUS_END ? STATUS_OK : result;
}

/* Part of an aborted transaction? All are decided: compaction ends at the last stable offset. */
static bool batch_is_aborted(struct partition *partition, const struct record_batch *batch)
{
	struct aborted_transaction *aborted;
	size_t count;
	bool found = false;
	if (!batch->transactional || batch->control)
		return false;
	partition_aborted(
		partition, batch->base_offset, batch->base_offset + batch->last_offset_delta + 1, &aborted, &count);
	for (size_t i = 0; i < count && !found; i++)
		found = aborted[i].producer_id == batch->producer_id &&
				aborted[i].first_offset <= batch->base_offset && batch->base_offset < aborted[i].last_offset;
	mem_free(aborted);
	return found;
}

/* ---- 1. the map ---- */

static status batch_map(struct compaction *compaction, struct slice bytes, const struct record_batch *batch)
{
	struct record_iterator iterator;
	struct record record;
	status result;
	if (batch->control || batch->count == 0 || batch_is_aborted(compaction->partition, batch))
		return STATUS_OK;
	record_iterator_init(&iterator, bytes);
	while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
		/* The map may have been full in the middle of this batch before. */
		if (record.offset < compaction->map_from || record.key.data == NULL)
			continue;
		if (!key_map_put(&compaction->map, record.key, record.offset)) {
			compaction->map_end = record.offset;
			break;
		}
	}
	record_iterator_deinit(&iterator);
	if (result == STATUS_OK)
		return STATUS_END; /* full */
	return result == STATUS_END ? STATUS_OK : result;
}

/* ---- 2. which records stay ---- */

static bool record_stays(
	const struct compaction *compaction, const struct record *record, int64_t horizon_ms, bool aborted)
{
	if (aborted)
		return false;
	if (record->key.data == NULL || record->offset >= compaction->map_end)
		return true;
	if (key_map_find(&compaction->map, record->key) > record->offset)
		return false;
	return record->value.data != NULL || horizon_ms > compaction->options->now_ms;
}

struct verdict {
	int32_t kept, deletions; /* deletions: of those kept */
};

/* Fills compaction->keep. */
static status batch_judge(
	struct compaction *compaction, struct slice bytes, const struct record_batch *batch, struct verdict *out)
{
	bool aborted = batch_is_aborted(compaction->partition, batch);
	struct record_iterator iterator;
	struct record record;
	struct verdict verdict = {0};
	int64_t horizon_ms = batch_horizon(bytes);
	status result;
	compaction->keep.size = 0;
	record_iterator_init(&iterator, bytes);
	while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
		bool stays = record_stays(compaction, &record, horizon_ms, aborted);
		buffer_append_byte(&compaction->keep, stays);
		verdict.kept += stays;
		verdict.deletions += stays && record.key.data != NULL && record.value.data == NULL;
	}
	record_iterator_deinit(&iterator);
	if (result != STATUS_END)
		return result;
	*out = verdict;
	return STATUS_OK;
}

/* Is it the newest batch of its producer? Then its header stays: it tells the producer's sequence. */
static bool batch_is_newest(struct partition *partition, const struct record_batch *batch)
{
	struct producer_position position;
	if (batch->producer_id < 0)
		return false;
	pthread_mutex_lock(&partition->lock);
	bool known = producer_state_position(&partition->producers, batch->producer_id, &position) == STATUS_OK;
	pthread_mutex_unlock(&partition->lock);
	return known && position.last_base_offset == batch->base_offset;
}

/* ---- 3. writing ---- */

static status unwritten_flush(struct compaction *compaction)
{
	status result = file_write(&compaction->file, compaction->written, buffer_slice(&compaction->unwritten));
	compaction->written += (int64_t)compaction->unwritten.size;
	compaction->unwritten.size = 0;
	return result;
}

/* The bytes from `from` on of compaction->unwritten are the next batch. */
static status batch_written(struct compaction *compaction, size_t from)
{
	struct record_batch batch;
	struct slice bytes = slice_of(compaction->unwritten.data + from, compaction->unwritten.size - from);
	INVARIANT(record_batch_header(bytes, &batch) == STATUS_OK);
	if (compaction->fresh->summary.size + (int64_t)batch.size > INT32_MAX)
		return error_raise(STATUS_TOO_LARGE, "a compacted segment would be larger than 2 GiB");
	segment_publish(compaction->fresh, &batch);
	return compaction->unwritten.size >= WRITE_BYTES ? unwritten_flush(compaction) : STATUS_OK;
}

/* A filler up to `offset`, where the next batch or the segment's end is. */
static status gap_fill(struct compaction *compaction, int64_t offset)
{
	int64_t next_offset = compaction->fresh->summary.next_offset;
	size_t from = compaction->unwritten.size;
	if (next_offset == offset)
		return STATUS_OK;
	batch_append_filler(&compaction->unwritten, next_offset, offset - 1);
	return batch_written(compaction, from);
}

static status batch_copy(struct compaction *compaction, struct slice bytes)
{
	size_t from = compaction->unwritten.size;
	buffer_append(&compaction->unwritten, bytes.data, bytes.size);
	return batch_written(compaction, from);
}

static status batch_shrink(
	struct compaction *compaction, struct slice bytes, const struct record_batch *batch)
{
	struct verdict verdict;
	int64_t last_offset = batch->base_offset + batch->last_offset_delta;
	int64_t horizon_ms = batch_horizon(bytes);
	status result = batch_judge(compaction, bytes, batch, &verdict);
	if (result != STATUS_OK)
		return result;
	if (verdict.kept == 0 && !batch_is_newest(compaction->partition, batch))
		return STATUS_OK; /* part of a gap */
	result = gap_fill(compaction, batch->base_offset);
	size_t from = compaction->unwritten.size;
	if (result != STATUS_OK)
		return result;
	/* Older records of a deleted key are gone below map_end: from now on the deletion's time runs. */
	bool starts =
		verdict.deletions != 0 && horizon_ms == BATCH_HORIZON_NONE && last_offset < compaction->map_end;
	if (starts && __builtin_add_overflow(compaction->options->now_ms,
					  compaction->options->config->delete_retention_ms, &horizon_ms))
		horizon_ms = BATCH_HORIZON_NONE - 1;
	if (verdict.deletions != 0 && horizon_ms < compaction->horizon_ms)
		compaction->horizon_ms = horizon_ms;
	if (verdict.kept == batch->count && !starts)
		return batch_copy(compaction, bytes);
	compaction->rebuilt = true;
	if (verdict.kept == 0)
		batch_append_empty(&compaction->unwritten, bytes);
	else
		result = batch_append_fewer(&compaction->unwritten, bytes, compaction->keep.data, horizon_ms);
	return result == STATUS_OK ? batch_written(compaction, from) : result;
}

static status batch_rewrite(
	struct compaction *compaction, struct slice bytes, const struct record_batch *batch)
{
	bool whole = batch->control || batch->base_offset >= compaction->map_end;
	/* The first batch read of a segment may be one that the trimmed part ends in. */
	if (batch->base_offset < compaction->fresh->summary.next_offset)
		return error_raise(STATUS_CANCELLED, "the log was trimmed meanwhile");
	if (batch->count == 0 && !batch->control && !batch_is_newest(compaction->partition, batch))
		return STATUS_OK;
	if (batch->count != 0 && !whole)
		return batch_shrink(compaction, bytes, batch);
	status result = gap_fill(compaction, batch->base_offset);
	return result == STATUS_OK ? batch_copy(compaction, bytes) : result;
}

static void fresh_path(const struct compaction *compaction, char path[SEGMENT_PATH_MAX])
{
	segment_path(path, compaction->partition->dir, compaction->fresh->summary.base_offset, SEGMENT_CLEANED);
}

static status fresh_begin(struct compaction *compaction, int64_t base_offset)
{
	char path[SEGMENT_PATH_MAX];
	compaction->fresh = segment_allocate(base_offset);
	compaction->fresh->index_loaded = true;
	compaction->written = 0;
	compaction->unwritten.size = 0;
	compaction->rebuilt = false;
	fresh_path(compaction, path);
	return file_open(&compaction->file, path, FILE_REPLACE);
}

/* Nothing of it is needed. */
static void fresh_abandon(struct compaction *compaction)
{
	char path[SEGMENT_PATH_MAX];
	if (compaction->fresh == NULL)
		return;
	fresh_path(compaction, path);
	file_close(&compaction->file);
	if (file_exists(path) && file_remove(path) != STATUS_OK)
		diag(DIAG_WARN, "log", "cleaned_not_removed", "error=\"%s\"", error_current()->text);
	segment_destroy(compaction->fresh);
	compaction->fresh = NULL;
}

/* Puts it in the place of `count` segments of `old_size` bytes together, unless it is what they were. */
static status fresh_finish(struct compaction *compaction, size_t count, int64_t old_size)
{
	struct segment *fresh = compaction->fresh;
	int64_t size = fresh->summary.size;
	if (count == 1 && !compaction->rebuilt && size == old_size) {
		fresh_abandon(compaction);
		return STATUS_OK;
	}
	status result = unwritten_flush(compaction);
	if (result == STATUS_OK)
		result = file_sync(&compaction->file);
	if (result != STATUS_OK) {
		struct error error = *error_current();
		fresh_abandon(compaction);
		return error_restore(&error);
	}
	file_close(&compaction->file);
	compaction->fresh = NULL;
	segment_seal(fresh);
	result = partition_replace(compaction->partition, fresh, count);
	if (result == STATUS_OK) {
		compaction->counts->segments_compacted += count;
		compaction->counts->bytes_removed += old_size - size;
	}
	return result;
}

/* Copies the segment at `number`, without what may go, behind what has been written. */
static status segment_rewrite(struct compaction *compaction, size_t number)
{
	const struct segment_summary *summary = &compaction->segments[number];
	int64_t from = summary->base_offset, start = partition_log_start(compaction->partition);
	if (from < start)
		from = start;
	status result = batches_walk(compaction, from, summary->next_offset, batch_rewrite);
	return result == STATUS_OK ? gap_fill(compaction, summary->next_offset) : result;
}

/* Rewrites from segment *number on as many as make one; moves *number on. */
static status run_rewrite(struct compaction *compaction, size_t *number)
{
	size_t first = *number, at = first;
	const struct segment_summary *segments = compaction->segments;
	int64_t base_offset = segments[first].base_offset, old_size = 0;
	status result = fresh_begin(compaction, base_offset);
	while (result == STATUS_OK) {
		result = segment_rewrite(compaction, at);
		old_size += segments[at++].size;
		if (at == compaction->segment_count || segments[at].base_offset >= compaction->map_end ||
			compaction->fresh->summary.size + segments[at].size >
				compaction->options->config->segment_bytes ||
			segments[at].next_offset - 1 - base_offset > INT32_MAX)
			break;
	}
	if (result != STATUS_OK) {
		struct error error = *error_current();
		fresh_abandon(compaction);
		return result == STATUS_CANCELLED ? result : error_restore(&error);
	}
	*number = at;
	return fresh_finish(compaction, at - first, old_size);
}

/* ---- passes ---- */

/* One map's worth, or what is due in the clean part when nothing is dirty. */
static status pass_run(struct compaction *compaction, int64_t limit)
{
	struct partition *partition = compaction->partition;
	int64_t from = partition->clean.offset, start = partition_log_start(partition);
	if (from < start)
		from = start;
	key_map_clear(&compaction->map);
	compaction->map_from = from;
	compaction->map_end = limit;
	compaction->horizon_ms = BATCH_HORIZON_NONE;
	status result = batches_walk(compaction, from, limit, batch_map);
	size_t number = 0;
	while (number < compaction->segment_count && compaction->segments[number].next_offset <= start)
		number++;
	while (result == STATUS_OK && number < compaction->segment_count &&
		   compaction->segments[number].base_offset < compaction->map_end)
		result = run_rewrite(compaction, &number);
	if (result != STATUS_OK)
		return result;
	compaction->counts->passes++;
	partition->clean.offset = compaction->map_end;
	partition->clean.horizon_ms = compaction->horizon_ms;
	state_write(partition);
	return STATUS_OK;
}

status partition_first_time(struct partition *partition, int64_t base_offset, int64_t *timestamp_ms)
{
	struct buffer bytes;
	struct record_batch batch;
	int64_t start = partition_log_start(partition);
	buffer_init(&bytes);
	status result = partition_read(partition, base_offset > start ? base_offset : start, 1, &bytes);
	if (result == STATUS_END)
		result = STATUS_NOT_FOUND;
	if (result == STATUS_OK)
		result = record_batch_header(buffer_slice(&bytes), &batch);
	if (result == STATUS_OK)
		*timestamp_ms = batch.max_timestamp_ms;
	buffer_deinit(&bytes);
	return result;
}

/* Sealed segments old enough to be compacted, and where they end. */
static int64_t limit_find(struct compaction *compaction)
{
	const struct compaction_options *options = compaction->options;
	int64_t limit = 0, stable = partition_last_stable_offset(compaction->partition);
	size_t count = 0;
	while (count < compaction->segment_count) {
		const struct segment_summary *summary = &compaction->segments[count];
		if (options->config->compaction_lag_ms_min > 0 && summary->max_timestamp_ms != SEGMENT_TIME_NONE &&
			summary->max_timestamp_ms > options->now_ms - options->config->compaction_lag_ms_min)
			break;
		if (summary->next_offset > stable)
			break; /* a transaction is open: what becomes of it is not known yet */
		limit = summary->next_offset;
		count++;
	}
	compaction->segment_count = count;
	return limit;
}

/* Are dirty records older than max.compaction.lag.ms? */
static bool lag_is_over(const struct compaction *compaction, int64_t dirty_from)
{
	int64_t first_ms = 0, lag_ms = compaction->options->config->compaction_lag_ms_max;
	return lag_ms != INT64_MAX &&
		   partition_first_time(compaction->partition, dirty_from, &first_ms) == STATUS_OK && first_ms >= 0 &&
		   compaction->options->now_ms - first_ms > lag_ms;
}

static bool is_due(const struct compaction *compaction, int64_t limit)
{
	const struct clean_state *clean = &compaction->partition->clean;
	const struct topic_config *config = compaction->options->config;
	int64_t dirty = 0, all = 0;
	for (size_t i = 0; i < compaction->segment_count; i++) {
		all += compaction->segments[i].size;
		if (compaction->segments[i].next_offset > clean->offset)
			dirty += compaction->segments[i].size;
	}
	if (clean->horizon_ms <= compaction->options->now_ms)
		return limit > 0;
	return dirty != 0 &&
		   ((double)dirty / (double)all > config->dirty_ratio_min ||
			   (dirty == all && config->dirty_ratio_min >= 1) || lag_is_over(compaction, clean->offset));
}

status partition_compact(
	struct partition *partition, const struct compaction_options *options, struct compaction_result *counts)
{
	struct compaction compaction = {
		.partition = partition, .options = options, .counts = counts, .file = {-1, NULL}};
	*counts = (struct compaction_result){0};
	state_need(partition);
	status result = key_map_init(&compaction.map, options->map_bytes_max);
	bool more = result == STATUS_OK;
	while (more && result == STATUS_OK) {
		/* Anew for each pass: the one before has replaced segments. */
		compaction.segments = partition_sealed(partition, &compaction.segment_count);
		int64_t limit = limit_find(&compaction);
		if (limit < partition->clean.offset)
			limit = partition->clean.offset; /* the lag was made longer: what was compacted stays so */
		more = counts->passes != 0 ? partition->clean.offset < limit : is_due(&compaction, limit);
		if (more)
			result = pass_run(&compaction, limit);
		mem_free(compaction.segments);
	}
	key_map_deinit(&compaction.map);
	buffer_deinit(&compaction.bytes);
	buffer_deinit(&compaction.keep);
	buffer_deinit(&compaction.unwritten);
	return result;
}
