/* See snapshot.h for the layout. */
#include "log/snapshot.h"

#include "base/diag.h"
#include "base/hash.h"
#include "base/invariant.h"

static const char magic[] = "KAPSNAP2";

enum { AT_CRC = 8, AT_FIELDS = 12, AT_PRODUCERS_CRC = 68, AT_PRODUCERS_SIZE = 72 };

void snapshot_write(
	const char *dir, const struct segment_summary *summary, const struct producer_state *producers)
{
	struct buffer bytes, encoded;
	char path[SEGMENT_PATH_MAX];
	buffer_init(&bytes);
	buffer_init(&encoded);
	if (producers != NULL)
		producer_state_encode(producers, &encoded);
	buffer_append(&bytes, magic, 8);
	buffer_append_be32(&bytes, 0); /* the CRC's place */
	buffer_append_be64(&bytes, (uint64_t)summary->base_offset);
	buffer_append_be64(&bytes, (uint64_t)summary->next_offset);
	buffer_append_be64(&bytes, (uint64_t)summary->size);
	buffer_append_be64(&bytes, (uint64_t)summary->max_timestamp_ms);
	buffer_append_be64(&bytes, (uint64_t)summary->max_timestamp_offset);
	buffer_append_be32(&bytes, summary->offsets_size);
	buffer_append_be32(&bytes, summary->offsets_crc);
	buffer_append_be32(&bytes, summary->times_size);
	buffer_append_be32(&bytes, summary->times_crc);
	buffer_append_be32(&bytes, crc32c(0, encoded.data, encoded.size));
	buffer_append_be32(&bytes, (uint32_t)encoded.size);
	buffer_append_be32(&bytes, summary->aborted_size);
	buffer_append_be32(&bytes, summary->aborted_crc);
	buffer_append_be64(&bytes, 0);
	INVARIANT(bytes.size == SNAPSHOT_SUMMARY_SIZE);
	put_be32(bytes.data + AT_CRC, crc32c(0, bytes.data + AT_FIELDS, bytes.size - AT_FIELDS));
	buffer_append(&bytes, encoded.data, encoded.size);
	segment_path(path, dir, summary->next_offset, SEGMENT_SNAPSHOT);
	if (file_write_all(path, buffer_slice(&bytes)) != STATUS_OK)
		diag(DIAG_WARN, "log", "snapshot_not_written", "file=\"%s\" error=\"%s\"", path,
			error_current()->text);
	buffer_deinit(&bytes);
	buffer_deinit(&encoded);
}

static bool summary_is_intact(const uint8_t *bytes)
{
	return memcmp(bytes, magic, 8) == 0 &&
		   get_be32(bytes + AT_CRC) == crc32c(0, bytes + AT_FIELDS, SNAPSHOT_SUMMARY_SIZE - AT_FIELDS);
}

status snapshot_read_summary(const char *dir, int64_t offset, struct segment_summary *out)
{
	char path[SEGMENT_PATH_MAX];
	uint8_t bytes[SNAPSHOT_SUMMARY_SIZE];
	struct file file = {-1, NULL};
	size_t got = 0;
	segment_path(path, dir, offset, SEGMENT_SNAPSHOT);
	bool believed = file_open(&file, path, FILE_READ) == STATUS_OK &&
					file_read(&file, 0, bytes, sizeof bytes, &got) == STATUS_OK && got == sizeof bytes &&
					summary_is_intact(bytes);
	file_close(&file);
	if (!believed)
		return STATUS_NOT_FOUND;
	struct cursor cursor = cursor_of(slice_of(bytes + AT_FIELDS, sizeof bytes - AT_FIELDS));
	struct segment_summary summary;
	summary.base_offset = (int64_t)cursor_be64(&cursor);
	summary.next_offset = (int64_t)cursor_be64(&cursor);
	summary.size = (int64_t)cursor_be64(&cursor);
	summary.max_timestamp_ms = (int64_t)cursor_be64(&cursor);
	summary.max_timestamp_offset = (int64_t)cursor_be64(&cursor);
	summary.offsets_size = cursor_be32(&cursor);
	summary.offsets_crc = cursor_be32(&cursor);
	summary.times_size = cursor_be32(&cursor);
	summary.times_crc = cursor_be32(&cursor);
	(void)cursor_be64(&cursor); /* the producers' */
	summary.aborted_size = cursor_be32(&cursor);
	summary.aborted_crc = cursor_be32(&cursor);
	if (summary.next_offset != offset)
		return STATUS_NOT_FOUND; /* a copy of another's */
	*out = summary;
	return STATUS_OK;
}

status snapshot_read_producers(const char *dir, int64_t offset, struct producer_state *out)
{
	char path[SEGMENT_PATH_MAX];
	struct buffer bytes;
	buffer_init(&bytes);
	segment_path(path, dir, offset, SEGMENT_SNAPSHOT);
	status result = STATUS_NOT_FOUND;
	if (file_read_all(path, SNAPSHOT_SIZE_MAX, &bytes) == STATUS_OK && bytes.size > SNAPSHOT_SUMMARY_SIZE &&
		summary_is_intact(bytes.data)) {
		struct slice encoded =
			slice_of(bytes.data + SNAPSHOT_SUMMARY_SIZE, bytes.size - SNAPSHOT_SUMMARY_SIZE);
		if (encoded.size == get_be32(bytes.data + AT_PRODUCERS_SIZE) &&
			crc32c(0, encoded.data, encoded.size) == get_be32(bytes.data + AT_PRODUCERS_CRC) &&
			producer_state_decode(out, encoded) == STATUS_OK)
			result = STATUS_OK;
	}
	buffer_deinit(&bytes);
	if (result != STATUS_OK)
		producer_state_deinit(out);
	return result;
}

void snapshot_replace_summary(const char *dir, const struct segment_summary *summary)
{
	struct producer_state producers;
	producer_state_init(&producers);
	bool known = snapshot_read_producers(dir, summary->next_offset, &producers) == STATUS_OK;
	snapshot_write(dir, summary, known ? &producers : NULL);
	producer_state_deinit(&producers);
}
