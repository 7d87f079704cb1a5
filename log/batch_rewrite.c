/* See batch_rewrite.h; the layout of a batch is in record_batch.h. */
#include "log/batch_rewrite.h"

#include "base/hash.h"
#include "base/invariant.h"
#include "log/compress.h"
#include "log/record_batch_layout.h"

int64_t batch_horizon(struct slice bytes)
{
	bool has = (get_be16(bytes.data + AT_ATTRIBUTES) & ATTRIBUTE_HORIZON) != 0;
	return has ? (int64_t)get_be64(bytes.data + AT_BASE_TIMESTAMP) : BATCH_HORIZON_NONE;
}

/* Length and CRC of the batch from byte `from` to the end of `out`. */
static void batch_seal(struct buffer *out, size_t from)
{
	uint8_t *at = out->data + from;
	size_t size = out->size - from;
	put_be32(at + AT_LENGTH, (uint32_t)(size - LENGTH_FROM));
	put_be32(at + AT_CRC, crc32c(0, at + AT_ATTRIBUTES, size - AT_ATTRIBUTES));
}

void batch_append_filler(struct buffer *out, int64_t base_offset, int64_t last_offset)
{
	size_t from = out->size;
	INVARIANT(last_offset >= base_offset && last_offset - base_offset <= INT32_MAX);
	uint8_t *at = buffer_reserve(out, RECORD_BATCH_HEADER_SIZE);
	memset(at, 0, RECORD_BATCH_HEADER_SIZE);
	put_be64(at, (uint64_t)base_offset);
	at[AT_MAGIC] = 2;
	put_be32(at + AT_LAST_OFFSET_DELTA, (uint32_t)(last_offset - base_offset));
	put_be64(at + AT_BASE_TIMESTAMP, UINT64_MAX);
	put_be64(at + AT_MAX_TIMESTAMP, UINT64_MAX);
	put_be64(at + AT_PRODUCER_ID, UINT64_MAX);
	put_be16(at + AT_PRODUCER_EPOCH, UINT16_MAX);
	put_be32(at + AT_BASE_SEQUENCE, UINT32_MAX);
	out->size += RECORD_BATCH_HEADER_SIZE;
	batch_seal(out, from);
}

void batch_append_empty(struct buffer *out, struct slice bytes)
{
	size_t from = out->size;
	buffer_append(out, bytes.data, RECORD_BATCH_HEADER_SIZE);
	uint8_t *at = out->data + from;
	/* What is not there is not compressed, and not to be forgotten later. */
	uint16_t attributes = get_be16(at + AT_ATTRIBUTES) & (uint16_t) ~(ATTRIBUTE_CODEC | ATTRIBUTE_HORIZON);
	put_be16(at + AT_ATTRIBUTES, attributes);
	put_be32(at + AT_COUNT, 0);
	batch_seal(out, from);
}

static void field_append(struct buffer *out, struct slice field)
{
	if (field.data == NULL) {
		buffer_append_zigzag(out, -1);
		return;
	}
	buffer_append_zigzag(out, (int64_t)field.size);
	buffer_append(out, field.data, field.size);
}

static void record_append(struct buffer *out, struct buffer *scratch, const struct record *record,
	int64_t base_offset, int64_t base_timestamp_ms)
{
	scratch->size = 0;
	buffer_append_byte(scratch, 0); /* attributes */
	buffer_append_zigzag(scratch, (int64_t)((uint64_t)record->timestamp_ms - (uint64_t)base_timestamp_ms));
	buffer_append_zigzag(scratch, record->offset - base_offset);
	field_append(scratch, record->key);
	field_append(scratch, record->value);
	buffer_append_zigzag(scratch, record->header_count);
	if (record->headers.size != 0)
		buffer_append(scratch, record->headers.data, record->headers.size);
	buffer_append_zigzag(out, (int64_t)scratch->size);
	buffer_append(out, scratch->data, scratch->size);
}

/* The kept records, uncompressed. */
static status records_collect(struct slice bytes, const uint8_t *keep, int64_t base_timestamp_ms,
	struct buffer *out, int32_t *count, int64_t *max_timestamp_ms)
{
	struct record_iterator iterator;
	struct record record;
	struct buffer scratch;
	status result;
	buffer_init(&scratch);
	record_iterator_init(&iterator, bytes);
	*count = 0;
	for (size_t i = 0; (result = record_iterator_next(&iterator, &record)) == STATUS_OK; i++) {
		if (keep[i] == 0)
			continue;
		if (*count == 0 || record.timestamp_ms > *max_timestamp_ms)
			*max_timestamp_ms = record.timestamp_ms;
		record_append(out, &scratch, &record, iterator.batch.base_offset, base_timestamp_ms);
		*count += 1;
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&scratch);
	return result == STATUS_END ? STATUS_OK : result;
}

status batch_append_fewer(struct buffer *out, struct slice bytes, const uint8_t *keep, int64_t horizon_ms)
{
	size_t from = out->size;
	uint16_t attributes = get_be16(bytes.data + AT_ATTRIBUTES);
	int64_t base_timestamp_ms = (int64_t)get_be64(bytes.data + AT_BASE_TIMESTAMP), max_timestamp_ms = 0;
	int32_t count = 0;
	struct buffer records;
	if (horizon_ms != BATCH_HORIZON_NONE && batch_horizon(bytes) == BATCH_HORIZON_NONE) {
		attributes |= ATTRIBUTE_HORIZON;
		base_timestamp_ms = horizon_ms;
	}
	buffer_init(&records);
	status result = records_collect(bytes, keep, base_timestamp_ms, &records, &count, &max_timestamp_ms);
	if (result == STATUS_OK) {
		INVARIANT(count > 0);
		buffer_append(out, bytes.data, RECORD_BATCH_HEADER_SIZE);
		result = compress_append((enum codec)(attributes & ATTRIBUTE_CODEC), buffer_slice(&records), out);
	}
	buffer_deinit(&records);
	if (result != STATUS_OK) {
		out->size = from;
		return result;
	}
	uint8_t *at = out->data + from;
	put_be16(at + AT_ATTRIBUTES, attributes);
	put_be64(at + AT_BASE_TIMESTAMP, (uint64_t)base_timestamp_ms);
	put_be64(at + AT_MAX_TIMESTAMP, (uint64_t)max_timestamp_ms);
	put_be32(at + AT_COUNT, (uint32_t)count);
	batch_seal(out, from);
	return STATUS_OK;
}
