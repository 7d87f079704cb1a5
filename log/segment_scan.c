/* Walking a segment's bytes.
 *
 * A batch is intact here when its header decodes, its leader epoch is the 0 we write (the CRC
 * does not cover it), its base offset is the expected one (the CRC does not cover that either)
 * and its CRC is right.
 */
#include "log/segment.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"

enum {
	SCAN_CHUNK = 1 << 20,
	MAGIC = 2,
	AT_LENGTH = 8,
	AT_LEADER_EPOCH = 12,
	AT_MAGIC = 16,
	AT_ATTRIBUTES = 21,
	AT_LAST_OFFSET_DELTA = 23,
	AT_MAX_TIMESTAMP = 35,
	AT_COUNT = 57,
	LENGTH_FROM = 12,
	ATTRIBUTE_CONTROL = 0x20,
	ATTRIBUTES_TRANSACTIONAL = 0x30, /* transactional, control */
};

bool batch_extent_read(const uint8_t *bytes, struct batch_extent *out)
{
	uint32_t length = get_be32(bytes + AT_LENGTH);
	int64_t base_offset = (int64_t)get_be64(bytes);
	int32_t last_delta = (int32_t)get_be32(bytes + AT_LAST_OFFSET_DELTA);
	if (length < RECORD_BATCH_HEADER_SIZE - LENGTH_FROM || length > INT32_MAX - LENGTH_FROM ||
		bytes[AT_MAGIC] != MAGIC || get_be32(bytes + AT_LEADER_EPOCH) != 0 || base_offset < 0 ||
		base_offset > INT64_MAX - INT32_MAX || last_delta < 0)
		return false;
	uint16_t attributes = get_be16(bytes + AT_ATTRIBUTES);
	*out = (struct batch_extent){
		.base_offset = base_offset,
		.last_offset = base_offset + last_delta,
		.size = (int64_t)length + LENGTH_FROM,
		.max_timestamp_ms = (int64_t)get_be64(bytes + AT_MAX_TIMESTAMP),
		.transactional = (attributes & ATTRIBUTES_TRANSACTIONAL) != 0,
		.empty = get_be32(bytes + AT_COUNT) == 0 && (attributes & ATTRIBUTE_CONTROL) == 0,
	};
	return true;
}

/* A window over the file that follows the walk. */
struct window {
	const struct file *file;
	struct buffer bytes;
	int64_t position; /* of bytes.data[0] */
	int64_t size;     /* of the file */
};

/* Makes at least min(`need`, rest of the file) bytes at `position` available. */
static status window_at(struct window *window, int64_t position, size_t need, struct slice *out)
{
	size_t left = (size_t)(window->size - position), got = 0;
	if (need > left)
		need = left;
	size_t skip = (size_t)(position - window->position);
	if (skip > window->bytes.size || window->bytes.size - skip < need) {
		size_t want = need > SCAN_CHUNK ? need : SCAN_CHUNK;
		if (want > left)
			want = left;
		window->bytes.size = 0;
		uint8_t *at = buffer_reserve(&window->bytes, want);
		status result = file_read(window->file, position, at, want, &got);
		if (result != STATUS_OK)
			return result;
		if (got < need)
			return error_raise(STATUS_IO, "%s became shorter than %" PRId64 " bytes while it was read",
				window->file->path, window->size);
		window->bytes.size = got;
		window->position = position;
		skip = 0;
	}
	*out = slice_of(window->bytes.data + skip, window->bytes.size - skip);
	return STATUS_OK;
}

/* The reason why `bytes` do not begin with the batch expected; NULL when they do. */
static const char *batch_judge(
	struct slice bytes, const struct segment_scan *scan, struct record_batch *batch)
{
	status result = record_batch_verify(bytes, batch);
	if (result == STATUS_INCOMPLETE)
		return "the batch runs past the end of the file";
	if (result != STATUS_OK)
		return error_current()->text;
	if (batch->leader_epoch != 0)
		return "the leader epoch is not 0";
	if (scan->next_offset >= 0 && batch->base_offset != scan->next_offset)
		return "the base offset does not follow the batch before";
	if (batch->base_offset < scan->base_offset ||
		batch->base_offset + batch->last_offset_delta - scan->base_offset > INT32_MAX ||
		scan->position > INT32_MAX)
		return "the offset is out of the segment's range";
	return NULL;
}

status segment_scan(const struct file *file, struct segment_scan *scan, segment_visit visit, void *context)
{
	struct window window = {.file = file, .size = scan->size};
	status result = STATUS_OK;
	scan->damaged = false;
	while (scan->position < scan->size) {
		struct slice bytes;
		struct batch_extent extent;
		struct record_batch batch = {0};
		const char *why = NULL;
		result = window_at(&window, scan->position, RECORD_BATCH_HEADER_SIZE, &bytes);
		if (result != STATUS_OK)
			break;
		if (bytes.size < RECORD_BATCH_HEADER_SIZE) {
			why = "less than a batch header is left";
		} else if (!batch_extent_read(bytes.data, &extent)) {
			why = "no batch begins here";
		} else if (extent.size > scan->size - scan->position) {
			why = "the batch runs past the end of the file";
		} else {
			result = window_at(&window, scan->position, (size_t)extent.size, &bytes);
			if (result != STATUS_OK)
				break;
			why = batch_judge(bytes, scan, &batch);
		}
		if (why != NULL) {
			scan->damaged = true;
			(void)snprintf(scan->why, sizeof scan->why, "%.255s", why);
			break;
		}
		if (visit != NULL)
			visit(context, &batch, scan->position);
		scan->position += (int64_t)batch.size;
		scan->next_offset = batch.base_offset + batch.last_offset_delta + 1;
	}
	buffer_deinit(&window.bytes);
	return result;
}

status segment_search(const struct file *file, int64_t from, int64_t size, int64_t offset_min, int64_t *found)
{
	struct window window = {.file = file, .size = size};
	status result = STATUS_OK;
	*found = -1;
	for (int64_t at = from; at + RECORD_BATCH_HEADER_SIZE <= size && *found < 0; at++) {
		struct slice bytes = {0}; /* gcc 12 at -O3 cannot see that window_at() sets it */
		struct batch_extent extent;
		struct record_batch batch;
		result = window_at(&window, at, RECORD_BATCH_HEADER_SIZE, &bytes);
		if (result != STATUS_OK)
			break;
		if (!batch_extent_read(bytes.data, &extent) || extent.size > size - at ||
			extent.base_offset < offset_min || extent.base_offset - offset_min > INT32_MAX)
			continue;
		result = window_at(&window, at, (size_t)extent.size, &bytes);
		if (result != STATUS_OK)
			break;
		if (record_batch_verify(bytes, &batch) == STATUS_OK)
			*found = at;
	}
	buffer_deinit(&window.bytes);
	return result;
}
