/* Encoding and decoding of the meta value. Leaf functions, any thread.
 *
 * Fields, in order: fingerprint (length, bytes), digest low and high (8 bytes each, big-endian), row count
 * (zigzag), bad records, commits, number of offset entries; per entry topic (length, bytes), partition,
 * offset, greatest event time, missed offsets (zigzag each; version 1 had no missed ones).
 */
#include "views/meta.h"

#include "base/hash.h"
#include "base/invariant.h"

enum { META_MAGIC = 0x4b565331, /* KVS1 */ META_VERSION = 2, META_HEAD = 12, META_ENTRY_MIN = 4 };

static void append_bytes(struct buffer *out, const void *data, size_t size)
{
	buffer_append_varint(out, size);
	buffer_append(out, data, size);
}

void meta_encode(const struct view_meta *meta, struct buffer *out)
{
	size_t head = out->size;
	buffer_append_be32(out, META_MAGIC);
	buffer_append_be32(out, META_VERSION);
	buffer_append_be32(out, 0);
	append_bytes(out, meta->fingerprint, strlen(meta->fingerprint));
	buffer_append_be64(out, meta->digest.low);
	buffer_append_be64(out, meta->digest.high);
	buffer_append_zigzag(out, meta->row_count);
	buffer_append_varint(out, meta->bad_count);
	buffer_append_varint(out, meta->commit_count);
	buffer_append_varint(out, meta->offsets.count);
	for (size_t i = 0; i < meta->offsets.count; i++) {
		const struct offset_entry *entry = &meta->offsets.entries[i];
		append_bytes(out, entry->topic, strlen(entry->topic));
		buffer_append_zigzag(out, entry->partition);
		buffer_append_zigzag(out, entry->offset);
		buffer_append_zigzag(out, entry->max_event_time_us);
		buffer_append_zigzag(out, entry->missed);
	}
	uint8_t *bytes = out->data + head;
	put_be32(bytes + 8, crc32c(0, bytes + META_HEAD, out->size - head - META_HEAD));
}

static char *read_string(struct cursor *cursor, struct arena *arena, uint64_t size_max)
{
	uint64_t size = cursor_varint(cursor);
	if (size > size_max)
		cursor->failed = true;
	struct slice text = cursor_bytes(cursor, cursor->failed ? 0 : (size_t)size);
	char *copy = arena_alloc(arena, text.size + 1);
	if (text.size != 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = 0;
	return copy;
}

static void read_entry(
	struct cursor *cursor, struct arena *arena, uint32_t version, struct offset_entry *entry)
{
	entry->topic = read_string(cursor, arena, cursor_left(cursor));
	int64_t partition = cursor_zigzag(cursor);
	if (partition < INT32_MIN || partition > INT32_MAX)
		cursor->failed = true;
	entry->partition = (int32_t)partition;
	entry->offset = cursor_zigzag(cursor);
	entry->max_event_time_us = cursor_zigzag(cursor);
	entry->missed = version > 1 ? cursor_zigzag(cursor) : 0;
}

status meta_decode(struct slice bytes, struct arena *arena, struct view_meta *out)
{
	struct cursor cursor = cursor_of(bytes);
	uint32_t magic = cursor_be32(&cursor), version = cursor_be32(&cursor), crc = cursor_be32(&cursor);
	if (cursor.failed || magic != META_MAGIC)
		return error_raise(STATUS_DAMAGED, "the view's meta record is not one (%zu bytes)", bytes.size);
	if (version < 1 || version > META_VERSION)
		return error_raise(STATUS_DAMAGED, "the view's meta record has version %u; this program reads %d",
			version, META_VERSION);
	if (crc32c(0, cursor.at, cursor_left(&cursor)) != crc)
		return error_raise(STATUS_DAMAGED, "the view's meta record fails its checksum");
	struct view_meta meta = {0};
	const char *fingerprint = read_string(&cursor, arena, FINGERPRINT_SIZE_MAX);
	memcpy(meta.fingerprint, fingerprint, strlen(fingerprint) + 1);
	meta.digest.low = cursor_be64(&cursor);
	meta.digest.high = cursor_be64(&cursor);
	meta.row_count = cursor_zigzag(&cursor);
	meta.bad_count = cursor_varint(&cursor);
	meta.commit_count = cursor_varint(&cursor);
	uint64_t count = cursor_varint(&cursor);
	if (count > cursor_left(&cursor) / META_ENTRY_MIN)
		cursor.failed = true;
	else
		meta.offsets.entries = arena_alloc(arena, (size_t)count * sizeof *meta.offsets.entries);
	for (; !cursor.failed && meta.offsets.count < count; meta.offsets.count++)
		read_entry(&cursor, arena, version, &meta.offsets.entries[meta.offsets.count]);
	if (cursor.failed || cursor_left(&cursor) != 0)
		return error_raise(STATUS_DAMAGED, "the view's meta record is malformed");
	*out = meta;
	return STATUS_OK;
}

struct offset_vector offset_vector_copy(const struct offset_vector *offsets, struct arena *arena)
{
	struct offset_vector copy = {NULL, offsets->count};
	copy.entries = arena_alloc(arena, offsets->count * sizeof *copy.entries);
	for (size_t i = 0; i < offsets->count; i++) {
		copy.entries[i] = offsets->entries[i];
		copy.entries[i].topic = arena_copy_string(arena, offsets->entries[i].topic);
	}
	return copy;
}
