/* Segments: life cycle and indexes. Walking and verifying their bytes is in segment_scan.c. */
#include "log/segment.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"

static const char *const suffixes[] = {
	[SEGMENT_LOG] = "log",
	[SEGMENT_INDEX] = "index",
	[SEGMENT_TIMEINDEX] = "timeindex",
	[SEGMENT_SNAPSHOT] = "snapshot",
	[SEGMENT_TXNINDEX] = "txnindex",
	[SEGMENT_CLEANED] = "log.cleaned",
};

/* ---- paths ---- */

void segment_path(char path[SEGMENT_PATH_MAX], const char *dir, int64_t base_offset, enum segment_file kind)
{
	int length = snprintf(path, SEGMENT_PATH_MAX, "%s/%020" PRId64 ".%s", dir, base_offset, suffixes[kind]);
	INVARIANT(length > 0 && length < SEGMENT_PATH_MAX); /* log_open() bounds the directory's path */
}

bool segment_name_parse(const char *name, enum segment_file kind, int64_t *base_offset)
{
	int64_t value = 0;
	for (int i = 0; i < SEGMENT_OFFSET_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, name[i] - '0', &value))
			return false;
	}
	if (name[SEGMENT_OFFSET_DIGITS] != '.' || strcmp(name + SEGMENT_OFFSET_DIGITS + 1, suffixes[kind]) != 0)
		return false;
	*base_offset = value;
	return true;
}

/* ---- indexes ---- */

void segment_index_init(struct segment_index *index, int64_t base_offset)
{
	*index = (struct segment_index){.base_offset = base_offset, .max_timestamp_ms = SEGMENT_TIME_NONE};
}

void segment_index_deinit(struct segment_index *index)
{
	buffer_deinit(&index->offsets);
	buffer_deinit(&index->times);
}

/* Only growing timestamps make entries, from 0 on: as in Kafka, −1 means "none". */
static void index_add_time(struct segment_index *index)
{
	int64_t last_ms = -1;
	if (index->times.size != 0)
		last_ms = (int64_t)get_be64(index->times.data + index->times.size - SEGMENT_TIME_ENTRY_SIZE);
	if (index->max_timestamp_ms <= last_ms)
		return;
	buffer_append_be64(&index->times, (uint64_t)index->max_timestamp_ms);
	buffer_append_be32(&index->times, (uint32_t)(index->max_timestamp_offset - index->base_offset));
}

void segment_index_add(struct segment_index *index, const struct record_batch *batch, int64_t position)
{
	int64_t last_offset = batch->base_offset + batch->last_offset_delta;
	INVARIANT(last_offset - index->base_offset <= INT32_MAX && position <= INT32_MAX);
	/* A marker is no record that a search by time could find. */
	if (!batch->control && batch->count != 0 && batch->max_timestamp_ms > index->max_timestamp_ms) {
		index->max_timestamp_ms = batch->max_timestamp_ms;
		index->max_timestamp_offset = last_offset;
	}
	if (index->bytes_since_entry > SEGMENT_INDEX_INTERVAL) {
		buffer_append_be32(&index->offsets, (uint32_t)(last_offset - index->base_offset));
		buffer_append_be32(&index->offsets, (uint32_t)position);
		index_add_time(index);
		index->bytes_since_entry = 0;
	}
	index->bytes_since_entry += (int64_t)batch->size;
}

void segment_index_seal(struct segment_index *index)
{
	index_add_time(index);
}

static struct segment_mark index_mark(const struct segment_index *index, size_t number)
{
	const uint8_t *entry = index->offsets.data + number * SEGMENT_OFFSET_ENTRY_SIZE;
	return (struct segment_mark){
		.position = (int64_t)get_be32(entry + 4),
		.last_offset = index->base_offset + (int64_t)get_be32(entry),
	};
}

/* Both grow from entry to entry. */
bool segment_index_before(
	const struct segment_index *index, int64_t position, int64_t offset, struct segment_mark *out)
{
	size_t low = 0, high = index->offsets.size / SEGMENT_OFFSET_ENTRY_SIZE;
	while (low < high) { /* the number of entries before */
		size_t middle = low + (high - low) / 2;
		struct segment_mark mark = index_mark(index, middle);
		if (mark.position < position && mark.last_offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low != 0)
		*out = index_mark(index, low - 1);
	return low != 0;
}

int64_t segment_index_position(const struct segment_index *index, int64_t offset)
{
	struct segment_mark mark;
	return segment_index_before(index, INT64_MAX, offset + 1, &mark) ? mark.position : 0;
}

int64_t segment_index_offset_of_time(const struct segment_index *index, int64_t timestamp_ms)
{
	const uint8_t *entries = index->times.data;
	size_t low = 0, high = index->times.size / SEGMENT_TIME_ENTRY_SIZE;
	while (low < high) { /* the number of entries < timestamp_ms */
		size_t middle = low + (high - low) / 2;
		if ((int64_t)get_be64(entries + middle * SEGMENT_TIME_ENTRY_SIZE) < timestamp_ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return index->base_offset;
	return index->base_offset + (int64_t)get_be32(entries + (low - 1) * SEGMENT_TIME_ENTRY_SIZE + 8) + 1;
}

static void index_file_write(
	const char *dir, int64_t base_offset, enum segment_file kind, const struct buffer *entries)
{
	char path[SEGMENT_PATH_MAX];
	segment_path(path, dir, base_offset, kind);
	if (file_write_all(path, buffer_slice(entries)) != STATUS_OK)
		diag(DIAG_WARN, "log", "index_not_written", "file=\"%s\" error=\"%s\"", path, error_current()->text);
}

void segment_index_write(const struct segment_index *index, const char *dir)
{
	index_file_write(dir, index->base_offset, SEGMENT_INDEX, &index->offsets);
	index_file_write(dir, index->base_offset, SEGMENT_TIMEINDEX, &index->times);
}

static bool index_file_read(const char *dir, int64_t base_offset, enum segment_file kind, uint32_t size,
	uint32_t crc, struct buffer *out)
{
	char path[SEGMENT_PATH_MAX];
	segment_path(path, dir, base_offset, kind);
	return file_read_all(path, size, out) == STATUS_OK && out->size == size &&
		   crc32c(0, out->data, out->size) == crc;
}

static void index_add_visit(void *context, const struct record_batch *batch, int64_t position)
{
	segment_index_add(context, batch, position);
}

static status index_rebuild(const char *dir, const struct segment_summary *summary, struct segment_index *out)
{
	char path[SEGMENT_PATH_MAX];
	struct file file = {-1, NULL};
	segment_path(path, dir, summary->base_offset, SEGMENT_LOG);
	status result = file_open(&file, path, FILE_READ);
	struct segment_scan scan = {
		.base_offset = summary->base_offset, .next_offset = summary->base_offset, .size = summary->size};
	if (result == STATUS_OK)
		result = segment_scan(&file, &scan, index_add_visit, out);
	file_close(&file);
	if (result != STATUS_OK)
		return error_note(result, "while rebuilding the index of %s", path);
	if (scan.damaged || scan.next_offset != summary->next_offset)
		return error_raise(STATUS_DAMAGED, "%s is damaged at byte %" PRId64 ": %s", path, scan.position,
			scan.damaged ? scan.why : "it ends too early");
	segment_index_seal(out);
	segment_index_write(out, dir);
	diag(DIAG_INFO, "log", "index_rebuilt", "file=\"%s\"", path);
	return STATUS_OK;
}

status segment_index_load(const char *dir, const struct segment_summary *summary, struct segment_index *out)
{
	struct segment_index index;
	segment_index_init(&index, summary->base_offset);
	bool intact = index_file_read(dir, summary->base_offset, SEGMENT_INDEX, summary->offsets_size,
					  summary->offsets_crc, &index.offsets) &&
				  index_file_read(dir, summary->base_offset, SEGMENT_TIMEINDEX, summary->times_size,
					  summary->times_crc, &index.times);
	index.max_timestamp_ms = summary->max_timestamp_ms;
	index.max_timestamp_offset = summary->max_timestamp_offset;
	if (!intact) {
		segment_index_deinit(&index);
		segment_index_init(&index, summary->base_offset);
		status result = index_rebuild(dir, summary, &index);
		if (result != STATUS_OK) {
			segment_index_deinit(&index);
			return result;
		}
	}
	*out = index;
	return STATUS_OK;
}

/* ---- the segment ---- */

struct segment *segment_allocate(int64_t base_offset)
{
	struct segment *segment = mem_alloc_zeroed(1, sizeof *segment);
	segment->file = (struct file){-1, NULL};
	segment_index_init(&segment->index, base_offset);
	segment->summary = (struct segment_summary){
		.base_offset = base_offset, .next_offset = base_offset, .max_timestamp_ms = SEGMENT_TIME_NONE};
	return segment;
}

void segment_destroy(struct segment *segment)
{
	if (segment == NULL)
		return;
	file_close(&segment->file);
	segment_index_deinit(&segment->index);
	mem_free(segment);
}

static status segment_file_remove(const char *dir, int64_t base_offset, enum segment_file kind)
{
	char path[SEGMENT_PATH_MAX];
	segment_path(path, dir, base_offset, kind);
	return file_exists(path) ? file_remove(path) : STATUS_OK;
}

status segment_index_remove(const char *dir, int64_t base_offset)
{
	status result = segment_file_remove(dir, base_offset, SEGMENT_INDEX);
	return result == STATUS_OK ? segment_file_remove(dir, base_offset, SEGMENT_TIMEINDEX) : result;
}

status segment_derived_remove(const char *dir, int64_t base_offset)
{
	status result = segment_index_remove(dir, base_offset);
	if (result == STATUS_OK)
		result = segment_file_remove(dir, base_offset, SEGMENT_TXNINDEX);
	if (result == STATUS_OK)
		result = segment_file_remove(dir, base_offset, SEGMENT_SNAPSHOT);
	return result;
}

status segment_log_remove(const char *dir, int64_t base_offset)
{
	return segment_file_remove(dir, base_offset, SEGMENT_LOG);
}

status segment_create(struct segment **out, const char *dir, int64_t base_offset)
{
	char path[SEGMENT_PATH_MAX];
	struct segment *segment = segment_allocate(base_offset);
	segment_path(path, dir, base_offset, SEGMENT_LOG);
	status result = file_open(&segment->file, path, FILE_CREATE);
	if (result == STATUS_OK)
		result = directory_sync(dir);
	if (result != STATUS_OK) {
		segment_destroy(segment);
		return result;
	}
	segment->index_loaded = true;
	*out = segment;
	return STATUS_OK;
}

void segment_publish(struct segment *segment, const struct record_batch *batch)
{
	struct segment_summary *summary = &segment->summary;
	INVARIANT(!segment->sealed && batch->base_offset == summary->next_offset);
	if (summary->size == 0)
		segment->began_ms = clock_wall_ms();
	segment_index_add(&segment->index, batch, summary->size);
	summary->size += (int64_t)batch->size;
	summary->next_offset = batch->base_offset + batch->last_offset_delta + 1;
	summary->max_timestamp_ms = segment->index.max_timestamp_ms;
	summary->max_timestamp_offset = segment->index.max_timestamp_offset;
}

void segment_seal(struct segment *segment)
{
	struct segment_summary *summary = &segment->summary;
	struct segment_index *index = &segment->index;
	INVARIANT(!segment->sealed && segment->index_loaded);
	segment_index_seal(index);
	summary->offsets_size = (uint32_t)index->offsets.size;
	summary->offsets_crc = crc32c(0, index->offsets.data, index->offsets.size);
	summary->times_size = (uint32_t)index->times.size;
	summary->times_crc = crc32c(0, index->times.data, index->times.size);
	segment->sealed = true;
}
