/* Reading a partition by offset and by time. See partition.h. */
#include <inttypes.h>

#include "base/invariant.h"
#include "log/partition_internal.h"
#include "log/partition_place.h"

/* ---- reading ---- */

/* Reads whole batches from place->position on, but none from `end_offset` on, into the room after out->size;
 * sets *total and the offset that follows them. */
static status batches_read(const struct place *place, int64_t offset, int64_t end_offset, size_t bytes_max,
	struct buffer *out, size_t *total, int64_t *next_offset)
{
	size_t left = (size_t)(place->limit - place->position), size = bytes_max, end = 0;
	int64_t expected = -1;
	if (size < RECORD_BATCH_HEADER_SIZE)
		size = RECORD_BATCH_HEADER_SIZE;
	if (size > left)
		size = left;
	uint8_t *at = buffer_reserve(out, size);
	status result = place_read(place, place->position, at, size);
	while (result == STATUS_OK && size - end >= RECORD_BATCH_HEADER_SIZE) {
		struct batch_extent extent;
		int64_t position = place->position + (int64_t)end;
		result = place_extent(place, at + end, position, &extent);
		if (result != STATUS_OK)
			break;
		if (expected < 0 ? extent.base_offset > offset || extent.last_offset < offset
						 : extent.base_offset != expected) {
			result = place_damage(place, position, "the base offset does not follow the batch before");
			break;
		}
		if (end != 0 && extent.base_offset >= end_offset)
			break;
		if ((size_t)extent.size > size - end) {
			if (end != 0)
				break;
			/* At least one batch, whatever the limit. */
			at = buffer_reserve(out, (size_t)extent.size);
			result =
				place_read(place, place->position + (int64_t)size, at + size, (size_t)extent.size - size);
			size = (size_t)extent.size;
		}
		end += (size_t)extent.size;
		expected = extent.last_offset + 1;
	}
	if (result == STATUS_OK && end == 0)
		result = place_damage(place, place->position, "less than a batch header is left");
	if (result == STATUS_OK) {
		*total = end;
		*next_offset = expected;
	}
	return result;
}

/* Bytes of the batches without records at the beginning of whole batches. */
static size_t empty_size(struct slice bytes)
{
	size_t size = 0;
	while (size < bytes.size) {
		struct batch_extent extent;
		INVARIANT(batch_extent_read(bytes.data + size, &extent)); /* batches_read() checked it */
		if (!extent.empty)
			break;
		size += (size_t)extent.size;
	}
	return size;
}

/* One read; *next_offset is set to the offset behind it. */
static status partition_read_once(struct partition *partition, int64_t offset, int64_t end_offset,
	size_t bytes_max, struct buffer *out, int64_t *next_offset)
{
	struct place place;
	size_t total = 0;
	status result = place_find(partition, offset, end_offset, false, &place);
	if (result != STATUS_OK)
		return result;
	result = place_advance(&place, offset);
	if (result == STATUS_OK)
		result = batches_read(&place, offset, end_offset, bytes_max, out, &total, next_offset);
	if (result == STATUS_OK)
		out->size += total;
	place_leave(partition, &place, result == STATUS_OK ? *next_offset : -1, place.position + (int64_t)total);
	return result;
}

status partition_read_all(struct partition *partition, int64_t offset, size_t bytes_max, struct buffer *out)
{
	int64_t next_offset;
	return partition_read_once(partition, offset, INT64_MAX, bytes_max, out, &next_offset);
}

status partition_read(struct partition *partition, int64_t offset, size_t bytes_max, struct buffer *out)
{
	return partition_read_until(partition, offset, INT64_MAX, bytes_max, out);
}

status partition_read_until(
	struct partition *partition, int64_t offset, int64_t end_offset, size_t bytes_max, struct buffer *out)
{
	size_t from = out->size;
	for (;;) {
		int64_t next_offset = 0;
		status result = partition_read_once(partition, offset, end_offset, bytes_max, out, &next_offset);
		if (result != STATUS_OK)
			return result;
		/* Compaction leaves batches without records. Readers that have more to read are spared those in
		 * front. */
		size_t empty = empty_size(slice_of(out->data + from, out->size - from));
		if (empty == 0 || next_offset >= end_offset || next_offset >= atomic_load(&partition->high_watermark))
			return STATUS_OK;
		memmove(out->data + from, out->data + from + empty, out->size - from - empty);
		out->size -= empty;
		if (out->size != from)
			return STATUS_OK;
		offset = next_offset;
	}
}

status partition_note_damage(struct partition *partition, struct slice bytes, status code)
{
	struct error error = *error_current();
	struct record_batch batch;
	int64_t offset = -1; /* of the damaged batch */
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK) {
		offset = batch.base_offset;
		if (record_batch_verify(bytes, &batch) != STATUS_OK)
			break;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
	struct place place;
	if (bytes.size == 0 || offset < 0 || place_find(partition, offset, INT64_MAX, false, &place) != STATUS_OK)
		return error_restore(&error);
	status found = place_advance(&place, offset);
	char path[SEGMENT_PATH_MAX];
	segment_path(path, partition->dir, place.segment->summary.base_offset, SEGMENT_LOG);
	place_leave(partition, &place, -1, 0);
	code = error_restore(&error);
	if (found != STATUS_OK)
		return code;
	code = error_note(code, "in %s at byte %" PRId64, path, place.position);
	error_hint("Restore the file from a copy; what was derived from it can be rebuilt.");
	return code;
}

/* ---- reading by time ---- */

enum { TIME_READ_BYTES = 256 * 1024 };

/* The first record with timestamp ≥ timestamp_ms in whole batches; END when there is none. Skips batches
 * that cannot hold it without unpacking them. */
static status batches_find_time(
	struct slice bytes, int64_t timestamp_ms, int64_t from, int64_t *next_offset, struct record *out)
{
	struct record_iterator iterator;
	status result = STATUS_END;
	while (bytes.size != 0) {
		struct batch_extent extent;
		INVARIANT(batch_extent_read(bytes.data, &extent)); /* partition_read() checked it */
		if (extent.max_timestamp_ms >= timestamp_ms) {
			record_iterator_init(&iterator, slice_of(bytes.data, (size_t)extent.size));
			while ((result = record_iterator_next(&iterator, out)) == STATUS_OK)
				if (out->timestamp_ms >= timestamp_ms && out->offset >= from)
					break;
			record_iterator_deinit(&iterator);
			if (result != STATUS_END)
				return result;
		}
		*next_offset = extent.last_offset + 1;
		bytes = slice_of(bytes.data + extent.size, bytes.size - (size_t)extent.size);
	}
	return result;
}

/* From `offset` on; NOT_FOUND. */
static status records_find_time(
	struct partition *partition, int64_t offset, int64_t timestamp_ms, struct record *out)
{
	struct buffer bytes;
	int64_t from = offset; /* a batch may begin before it */
	buffer_init(&bytes);
	status result;
	do {
		bytes.size = 0;
		result = partition_read(partition, offset, TIME_READ_BYTES, &bytes);
		if (result != STATUS_OK)
			break;
		result = batches_find_time(buffer_slice(&bytes), timestamp_ms, from, &offset, out);
	} while (result == STATUS_END);
	buffer_deinit(&bytes);
	if (result == STATUS_END)
		result = error_raise(STATUS_NOT_FOUND, "no record of %s-%d has timestamp %" PRId64 " or later",
			partition->topic->name, partition->number, timestamp_ms);
	return result;
}

/* Where to begin looking: an offset before which all records are older. @locks held; may be dropped */
static status time_start_try(struct partition *partition, int64_t timestamp_ms, int64_t *offset)
{
	*offset = atomic_load(&partition->high_watermark);
	for (size_t i = 0; i < partition->segment_count; i++) {
		struct segment *segment = partition->segments[i];
		if (segment->summary.max_timestamp_ms < timestamp_ms || segment->summary.size == 0)
			continue;
		status result = segment_acquire(partition, segment);
		if (result != STATUS_OK)
			return result;
		result = segment_index_need(partition, segment);
		if (result == STATUS_OK)
			*offset = segment_index_offset_of_time(&segment->index, timestamp_ms);
		segment_release(segment);
		return result;
	}
	return STATUS_OK;
}

static status time_start(struct partition *partition, int64_t timestamp_ms, int64_t *offset)
{
	status result;
	do {
		result = time_start_try(partition, timestamp_ms, offset);
	} while (result == STATUS_NOT_READY);
	int64_t start = atomic_load(&partition->log_start);
	if (result == STATUS_OK && *offset < start)
		*offset = start;
	return result;
}

status partition_find_time(
	struct partition *partition, int64_t timestamp_ms, int64_t *offset, int64_t *found_timestamp_ms)
{
	int64_t start = 0;
	struct record record;
	pthread_mutex_lock(&partition->lock);
	status result = partition_enter(partition);
	if (result == STATUS_OK) {
		result = time_start(partition, timestamp_ms, &start);
		partition_leave(partition);
	}
	pthread_mutex_unlock(&partition->lock);
	if (result == STATUS_OK)
		result = records_find_time(partition, start, timestamp_ms, &record);
	if (result != STATUS_OK)
		return result;
	*offset = record.offset;
	*found_timestamp_ms = record.timestamp_ms;
	return STATUS_OK;
}

/* The largest timestamp from the log start on, batch by batch: for when the segment that holds the largest is
 * trimmed in part. */
static status max_time_walk(struct partition *partition, int64_t *max_ms, int64_t *max_offset)
{
	struct buffer bytes;
	int64_t offset = atomic_load(&partition->log_start), start = offset;
	bool found = false;
	status result;
	buffer_init(&bytes);
	while ((result = partition_read(partition, offset, TIME_READ_BYTES, &bytes)) == STATUS_OK) {
		struct record_iterator iterator;
		struct record record;
		struct slice left = buffer_slice(&bytes);
		struct record_batch batch;
		record_iterator_init(&iterator, left);
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			if (record.offset < start || (found && record.timestamp_ms <= *max_ms))
				continue;
			found = true;
			*max_ms = record.timestamp_ms;
			*max_offset = record.offset;
		}
		record_iterator_deinit(&iterator);
		if (result != STATUS_END)
			break;
		for (; left.size != 0; left = slice_of(left.data + batch.size, left.size - batch.size)) {
			INVARIANT(record_batch_header(left, &batch) == STATUS_OK);
			offset = batch.base_offset + batch.last_offset_delta + 1;
		}
		bytes.size = 0;
	}
	buffer_deinit(&bytes);
	if (result != STATUS_END)
		return result;
	return found ? STATUS_OK : STATUS_NOT_FOUND;
}

status partition_find_max_time(struct partition *partition, int64_t *offset, int64_t *timestamp_ms)
{
	const struct segment_summary *latest = NULL;
	int64_t max_ms = 0, max_offset = 0;
	struct record record;
	pthread_mutex_lock(&partition->lock);
	int64_t start = atomic_load(&partition->log_start);
	for (size_t i = 0; i < partition->segment_count; i++) {
		const struct segment_summary *summary = &partition->segments[i]->summary;
		if (summary->next_offset > start && summary->max_timestamp_ms != SEGMENT_TIME_NONE &&
			(latest == NULL || summary->max_timestamp_ms > latest->max_timestamp_ms))
			latest = summary;
	}
	if (latest != NULL) {
		max_ms = latest->max_timestamp_ms;
		max_offset = latest->max_timestamp_offset;
	}
	bool deleted = partition->deleted, there = latest != NULL;
	pthread_mutex_unlock(&partition->lock);
	if (deleted)
		return partition_missing(partition);
	status result = there ? STATUS_OK : STATUS_NOT_FOUND;
	if (there && max_offset < start)
		result = max_time_walk(partition, &max_ms, &max_offset);
	if (result == STATUS_NOT_FOUND)
		return error_raise(STATUS_NOT_FOUND, "%s-%d is empty", partition->topic->name, partition->number);
	if (result == STATUS_OK)
		result = records_find_time(partition, max_offset, max_ms, &record);
	if (result != STATUS_OK)
		return result;
	*offset = record.offset;
	*timestamp_ms = record.timestamp_ms;
	return STATUS_OK;
}
