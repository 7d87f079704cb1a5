/* See partition_place.h. */
#include "log/partition_place.h"

#include <inttypes.h>

#include "log/partition_internal.h"

/* The last segment whose base offset is ≤ offset. */
static struct segment *segment_of_offset(const struct partition *partition, int64_t offset)
{
	size_t low = 0, high = partition->segment_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (partition->segments[middle]->summary.base_offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return partition->segments[low];
}

/* @locks held */
static status offset_check(const struct partition *partition, int64_t offset)
{
	int64_t start = atomic_load(&partition->log_start);
	int64_t end = atomic_load(&partition->high_watermark);
	if (offset == end)
		return STATUS_END;
	if (offset < start || offset > end)
		return error_raise(STATUS_OUT_OF_RANGE,
			"offset %" PRId64 " of %s-%d is outside of %" PRId64 " … %" PRId64, offset,
			partition->topic->name, partition->number, start, end);
	return STATUS_OK;
}

/* Where in the segment a reader that goes on at `offset` finds it. False: no reader has left word. @locks
 * held */
static bool hint_find(
	const struct partition *partition, const struct segment *segment, int64_t offset, int64_t *position)
{
	for (size_t i = 0; i < PARTITION_HINTS; i++) {
		const struct partition_hint *hint = &partition->hints[i];
		if (hint->segment == segment && hint->offset == offset) {
			*position = hint->position;
			return true;
		}
	}
	return false;
}

/* One try. @locks held; may be dropped meanwhile */
static status place_try(
	struct partition *partition, int64_t offset, int64_t end_offset, bool indexed, struct place *out)
{
	status result = offset_check(partition, offset);
	if (result != STATUS_OK)
		return result;
	if (offset >= end_offset)
		return STATUS_END;
	struct segment *segment = segment_of_offset(partition, offset);
	result = segment_acquire(partition, segment);
	if (result != STATUS_OK)
		return result;
	struct place place = {segment, 0, 0, offset == segment->summary.base_offset};
	if (!place.exact)
		place.exact = hint_find(partition, segment, offset, &place.position);
	if (!place.exact || indexed) {
		result = segment_index_need(partition, segment);
		if (result != STATUS_OK) {
			segment_release(segment);
			return result;
		}
	}
	if (!place.exact)
		place.position = segment_index_position(&segment->index, offset);
	place.limit = segment->summary.size;
	*out = place;
	return STATUS_OK;
}

int64_t partition_bytes_ahead(struct partition *partition, int64_t offset)
{
	int64_t ahead = INT64_MAX, position;
	pthread_mutex_lock(&partition->lock);
	const struct segment *active = partition_active(partition);
	if (offset >= active->summary.next_offset) {
		ahead = 0;
	} else if (offset >= active->summary.base_offset) {
		if (!hint_find(partition, active, offset, &position))
			position = segment_index_position(&active->index, offset);
		ahead = active->summary.size - position;
	}
	pthread_mutex_unlock(&partition->lock);
	return ahead;
}

status place_find(
	struct partition *partition, int64_t offset, int64_t end_offset, bool indexed, struct place *out)
{
	pthread_mutex_lock(&partition->lock);
	status result = partition_enter(partition);
	if (result == STATUS_OK) {
		do {
			result = place_try(partition, offset, end_offset, indexed, out);
		} while (result == STATUS_NOT_READY);
		if (result != STATUS_OK)
			partition_leave(partition);
	}
	pthread_mutex_unlock(&partition->lock);
	return result;
}

void place_leave(
	struct partition *partition, const struct place *place, int64_t next_offset, int64_t position)
{
	pthread_mutex_lock(&partition->lock);
	if (next_offset >= 0 && !place->segment->retired)
		partition->hints[partition->hint_next++ % PARTITION_HINTS] =
			(struct partition_hint){next_offset, place->segment, position};
	segment_release(place->segment);
	partition_leave(partition);
	pthread_mutex_unlock(&partition->lock);
}

status place_damage(const struct place *place, int64_t position, const char *why)
{
	error_raise(
		STATUS_DAMAGED, "%s is damaged at byte %" PRId64 ": %s", place->segment->file.path, position, why);
	error_hint("Restore the file from a copy; what was derived from it can be rebuilt.");
	return STATUS_DAMAGED;
}

status place_read(const struct place *place, int64_t position, uint8_t *at, size_t size)
{
	size_t got = 0;
	status result = file_read(&place->segment->file, position, at, size, &got);
	if (result == STATUS_OK && got < size)
		result = place_damage(place, position + (int64_t)got, "the file was cut off");
	return result;
}

status place_extent(
	const struct place *place, const uint8_t *at, int64_t position, struct batch_extent *extent)
{
	if (!batch_extent_read(at, extent))
		return place_damage(place, position, "no batch begins here");
	if (extent->size > place->limit - position)
		return place_damage(place, position, "the batch runs past the end of the segment");
	return STATUS_OK;
}

status place_advance(struct place *place, int64_t offset)
{
	uint8_t bytes[2 * SEGMENT_INDEX_INTERVAL];
	while (!place->exact) {
		size_t size = sizeof bytes, at = 0;
		if (place->limit - place->position < (int64_t)size)
			size = (size_t)(place->limit - place->position);
		if (size < RECORD_BATCH_HEADER_SIZE)
			return place_damage(place, place->position, "the offset is missing");
		status result = place_read(place, place->position, bytes, size);
		if (result != STATUS_OK)
			return result;
		while (!place->exact && size - at >= RECORD_BATCH_HEADER_SIZE) {
			struct batch_extent extent;
			result = place_extent(place, bytes + at, place->position, &extent);
			if (result != STATUS_OK)
				return result;
			if (extent.base_offset > offset)
				return place_damage(place, place->position, "the offsets have a gap");
			if (extent.last_offset >= offset) {
				place->exact = true;
			} else {
				place->position += extent.size;
				if ((size_t)extent.size > size - at)
					break;
				at += (size_t)extent.size;
			}
		}
	}
	return STATUS_OK;
}
