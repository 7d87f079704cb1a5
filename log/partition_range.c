/* Finding where batches lie without reading them, for readers that have the kernel send them
 * (base/file_range.h).
 *
 *   position            mark                target
 *   [first][ … not looked at … ][one][two][three]      The offset index knows a batch shortly before the end;
 *    header                      header header header   from there a few headers tell where the last one
 * ends.
 */
#include "base/file_range.h"
#include "log/partition_internal.h"
#include "log/partition_place.h"

enum { WALK_BYTES = 2 * SEGMENT_INDEX_INTERVAL };

/* Headers one behind the other, read in pieces that hold the small batches of an index interval. */
struct walk {
	const struct place *place;
	int64_t position; /* of bytes[0] */
	size_t size;
	uint8_t bytes[WALK_BYTES];
};

/* Reads at most `size_max` bytes ahead. */
static status walk_extent(struct walk *walk, int64_t position, size_t size_max, struct batch_extent *extent)
{
	const struct place *place = walk->place;
	if (place->limit - position < RECORD_BATCH_HEADER_SIZE)
		return place_damage(place, position, "less than a batch header is left");
	if (walk->size == 0 || position + RECORD_BATCH_HEADER_SIZE > walk->position + (int64_t)walk->size) {
		int64_t left = place->limit - position;
		walk->size = left < (int64_t)size_max ? (size_t)left : size_max;
		walk->position = position;
		status result = place_read(place, position, walk->bytes, walk->size);
		if (result != STATUS_OK)
			return result;
	}
	return place_extent(place, walk->bytes + (position - walk->position), position, extent);
}

struct span {
	int64_t size;
	int64_t next_offset;
};

/* The index's last batch before byte `target` of which the span may have something: more than the first
 * batch, nothing from `end_offset` on. False when there is none. */
static bool mark_find(struct partition *partition, const struct place *place, const struct span *first,
	int64_t target, int64_t end_offset, struct segment_mark *mark)
{
	pthread_mutex_lock(&partition->lock);
	bool found = segment_index_before(&place->segment->index, target, end_offset, mark);
	pthread_mutex_unlock(&partition->lock);
	return found && mark->position > place->position + first->size;
}

/* Makes the first batch's span one of as many as fit. */
static status span_extend(
	struct partition *partition, struct walk *walk, int64_t end_offset, int64_t bytes_max, struct span *span)
{
	const struct place *place = walk->place;
	int64_t target = bytes_max < place->limit - place->position ? place->position + bytes_max : place->limit;
	int64_t at = place->position + span->size, expected = span->next_offset;
	struct segment_mark mark;
	bool marked = mark_find(partition, place, span, target, end_offset, &mark);
	if (marked)
		at = mark.position;
	while (at < target) {
		struct batch_extent extent;
		status result = walk_extent(walk, at, WALK_BYTES, &extent);
		if (result != STATUS_OK)
			return result;
		if (marked ? extent.last_offset != mark.last_offset || extent.base_offset <= expected
				   : extent.base_offset != expected)
			return place_damage(place, at, "the base offset does not follow the batches before");
		span->size = at - place->position;
		span->next_offset = extent.base_offset;
		if (extent.base_offset >= end_offset || extent.size > target - at)
			break;
		marked = false;
		at += extent.size;
		span->size = at - place->position;
		span->next_offset = expected = extent.last_offset + 1;
	}
	return STATUS_OK;
}

/* Size 0: the first batch is empty. */
static status span_find(struct partition *partition, const struct place *place, int64_t offset,
	int64_t end_offset, size_t bytes_max, struct span *span)
{
	struct walk walk;
	struct batch_extent first;
	walk.place = place;
	walk.size = 0;
	status result = walk_extent(&walk, place->position, RECORD_BATCH_HEADER_SIZE, &first);
	if (result != STATUS_OK)
		return result;
	if (first.base_offset > offset || first.last_offset < offset)
		return place_damage(place, place->position, "the base offset does not follow the batch before");
	*span = (struct span){first.empty ? 0 : first.size, first.last_offset + 1};
	if (first.empty)
		return STATUS_OK;
	return span_extend(
		partition, &walk, end_offset, bytes_max < INT64_MAX ? (int64_t)bytes_max : INT64_MAX, span);
}

status partition_range(struct partition *partition, int64_t offset, int64_t end_offset, size_t bytes_max,
	struct file_range *out, int64_t *next_offset)
{
	struct place place;
	struct span span = {0, -1};
	*out = (struct file_range){.fd = -1};
	status result = place_find(partition, offset, end_offset, true, &place);
	if (result != STATUS_OK)
		return result;
	result = place_advance(&place, offset);
	if (result == STATUS_OK)
		result = span_find(partition, &place, offset, end_offset, bytes_max, &span);
	if (result == STATUS_OK && span.size != 0)
		result = file_range_open(&place.segment->file, place.position, (size_t)span.size, out);
	if (out->fd >= 0)
		*next_offset = span.next_offset;
	place_leave(partition, &place, out->fd >= 0 ? span.next_offset : -1, place.position + span.size);
	return result;
}
