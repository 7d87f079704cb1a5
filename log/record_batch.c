/* See record_batch.h for the layout. One parser of a record serves both check and iteration:
 * record_parse(), a leaf over pointers with a fast path for short varints. */
#include "log/record_batch.h"

#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/compress.h"
#include "log/record_batch_layout.h"

enum {
	ATTRIBUTE_KNOWN = 0x3f,
	MARKER_KEY_SIZE = 4, /* i16 version, i16 type */
	MARKER_TYPE_ABORT = 0,
	MARKER_TYPE_COMMIT = 1,
};

_Static_assert(AT_COUNT + 4 == RECORD_BATCH_HEADER_SIZE, "the header ends with the count");

/* ---- header ---- */

/* A marker is a control batch whose only record has the key {i16 version, i16 0 abort | 1 commit}. Control
 * records of other types are for brokers among themselves and say nothing here. */
static enum transaction_marker marker_decode(const uint8_t *at, const struct record_batch *batch);

static void header_decode(const uint8_t *at, struct record_batch *out)
{
	uint16_t attributes = get_be16(at + AT_ATTRIBUTES);
	*out = (struct record_batch){
		.base_offset = (int64_t)get_be64(at + AT_BASE_OFFSET),
		.size = (size_t)get_be32(at + AT_LENGTH) + LENGTH_FROM,
		.leader_epoch = (int32_t)get_be32(at + AT_LEADER_EPOCH),
		.crc = get_be32(at + AT_CRC),
		.codec = (enum codec)(attributes & ATTRIBUTE_CODEC),
		.log_append_time = (attributes & ATTRIBUTE_LOG_APPEND_TIME) != 0,
		.transactional = (attributes & ATTRIBUTE_TRANSACTIONAL) != 0,
		.control = (attributes & ATTRIBUTE_CONTROL) != 0,
		.last_offset_delta = (int32_t)get_be32(at + AT_LAST_OFFSET_DELTA),
		.base_timestamp_ms = (int64_t)get_be64(at + AT_BASE_TIMESTAMP),
		.max_timestamp_ms = (int64_t)get_be64(at + AT_MAX_TIMESTAMP),
		.producer_id = (int64_t)get_be64(at + AT_PRODUCER_ID),
		.producer_epoch = (int16_t)get_be16(at + AT_PRODUCER_EPOCH),
		.base_sequence = (int32_t)get_be32(at + AT_BASE_SEQUENCE),
		.count = (int32_t)get_be32(at + AT_COUNT),
	};
}

status record_batch_header(struct slice bytes, struct record_batch *out)
{
	if (bytes.size < LENGTH_FROM) {
		out->size = 0;
		return error_raise(STATUS_INCOMPLETE, "a record batch header needs %d bytes, %zu are there",
			RECORD_BATCH_HEADER_SIZE, bytes.size);
	}
	uint32_t length = get_be32(bytes.data + AT_LENGTH);
	if (length < RECORD_BATCH_HEADER_SIZE - LENGTH_FROM || length > INT32_MAX - LENGTH_FROM)
		return error_raise(STATUS_BAD_BATCH, "record batch length %d is impossible", (int32_t)length);
	if (bytes.size > AT_MAGIC && bytes.data[AT_MAGIC] != MAGIC)
		return error_raise(
			STATUS_BAD_BATCH, "record batch has magic %d, not 2", (int8_t)bytes.data[AT_MAGIC]);
	if (bytes.size < (size_t)length + LENGTH_FROM) {
		out->size = (size_t)length + LENGTH_FROM;
		return error_raise(
			STATUS_INCOMPLETE, "a record batch of %zu bytes, %zu are there", out->size, bytes.size);
	}
	struct record_batch batch;
	header_decode(bytes.data, &batch);
	if (batch.base_offset < 0 || batch.base_offset > INT64_MAX - INT32_MAX)
		return error_raise(
			STATUS_BAD_BATCH, "record batch has base offset %lld", (long long)batch.base_offset);
	if (batch.last_offset_delta < 0)
		return error_raise(
			STATUS_BAD_BATCH, "record batch has last offset delta %d", batch.last_offset_delta);
	/* Fewer records than offsets is legal in a compacted log. */
	if (batch.count < 0 || batch.count - 1 > batch.last_offset_delta)
		return error_raise(STATUS_BAD_BATCH, "record batch has %d records for last offset delta %d",
			batch.count, batch.last_offset_delta);
	if (batch.codec > CODEC_ZSTD)
		return error_raise(
			STATUS_BAD_BATCH, "record batch has unknown compression codec %d", (int)batch.codec);
	if (batch.control)
		batch.marker = marker_decode(bytes.data, &batch);
	*out = batch;
	return STATUS_OK;
}

static uint32_t batch_crc(const uint8_t *batch, size_t size)
{
	return crc32c(0, batch + AT_ATTRIBUTES, size - AT_ATTRIBUTES);
}

int64_t record_batches_end(struct slice bytes, int64_t otherwise)
{
	int64_t end = otherwise;
	struct record_batch batch;
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK) {
		end = batch.base_offset + batch.last_offset_delta + 1;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
	return end;
}

status record_batch_verify(struct slice bytes, struct record_batch *out)
{
	struct record_batch batch;
	status result = record_batch_header(bytes, &batch);
	if (result != STATUS_OK) {
		if (result == STATUS_INCOMPLETE)
			out->size = batch.size;
		return result;
	}
	uint32_t crc = batch_crc(bytes.data, batch.size);
	if (crc != batch.crc)
		return error_raise(STATUS_BAD_BATCH, "record batch at offset %lld has CRC %08x, its bytes give %08x",
			(long long)batch.base_offset, batch.crc, crc);
	*out = batch;
	return STATUS_OK;
}

/* ---- records ---- */

/* Returns where the varint ends, NULL when it is cut off or longer than 10 bytes. */
static const uint8_t *varint_read_long(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 70 && at < end; shift += 7) {
		uint8_t byte = *at++;
		if (shift == 63 && byte > 1)
			return NULL; /* would not fit 64 bits */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*out = value;
			return at;
		}
	}
	return NULL;
}

static inline const uint8_t *varint_read(const uint8_t *at, const uint8_t *end, int64_t *out)
{
	uint64_t value;
	if (__builtin_expect(end - at >= 2, 1) && (at[0] & at[1] & 0x80) == 0) {
		/* One or two bytes: all lengths below 8 KiB. */
		bool two = (at[0] & 0x80) != 0;
		value = two ? (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7 : at[0];
		at += 1 + two;
	} else {
		at = varint_read_long(at, end, &value);
		if (at == NULL)
			return NULL;
	}
	*out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
	return at;
}

/* A length-prefixed field where −1 is null. */
static inline const uint8_t *field_read(const uint8_t *at, const uint8_t *end, struct slice *out)
{
	int64_t size;
	at = varint_read(at, end, &size);
	if (at == NULL)
		return NULL;
	if (size < 0) {
		*out = (struct slice){0};
		return size == -1 ? at : NULL;
	}
	if (size > end - at)
		return NULL;
	*out = slice_of(at, (size_t)size);
	return at + size;
}

struct record_parsed {
	int64_t timestamp_delta_ms, offset_delta;
	struct slice key, value, headers;
	int32_t header_count;
};

/* Parses the record at `at`; returns its end, NULL when it is malformed. */
static inline const uint8_t *record_parse(const uint8_t *at, const uint8_t *end, struct record_parsed *out)
{
	int64_t length, header_count;
	at = varint_read(at, end, &length);
	if (at == NULL || length < 1 || length > end - at)
		return NULL;
	end = at + length;
	at += 1; /* attributes: none are defined */
	if ((at = varint_read(at, end, &out->timestamp_delta_ms)) == NULL)
		return NULL;
	if ((at = varint_read(at, end, &out->offset_delta)) == NULL)
		return NULL;
	if ((at = field_read(at, end, &out->key)) == NULL)
		return NULL;
	if ((at = field_read(at, end, &out->value)) == NULL)
		return NULL;
	if ((at = varint_read(at, end, &header_count)) == NULL)
		return NULL;
	/* A header takes two bytes at least. */
	if (header_count < 0 || header_count > (end - at) / 2 || (header_count == 0 && at != end))
		return NULL;
	out->headers = slice_of(at, (size_t)(end - at));
	out->header_count = (int32_t)header_count;
	return end;
}

static enum transaction_marker marker_decode(const uint8_t *at, const struct record_batch *batch)
{
	struct record_parsed record;
	if (batch->codec != CODEC_NONE || batch->count != 1 || batch->producer_id < 0 ||
		record_parse(at + RECORD_BATCH_HEADER_SIZE, at + batch->size, &record) == NULL ||
		record.key.size < MARKER_KEY_SIZE)
		return MARKER_NONE;
	int16_t type = (int16_t)get_be16(record.key.data + 2);
	return type == MARKER_TYPE_ABORT    ? MARKER_ABORT
		   : type == MARKER_TYPE_COMMIT ? MARKER_COMMIT
										: MARKER_NONE;
}

status record_header_next(struct record *record, struct record_header *out)
{
	if (record->header_count == 0)
		return STATUS_END;
	struct record_header header;
	const uint8_t *end = record->headers.data + record->headers.size;
	const uint8_t *at = field_read(record->headers.data, end, &header.key);
	if (at != NULL && header.key.data != NULL)
		at = field_read(at, end, &header.value);
	if (at == NULL || header.key.data == NULL)
		return error_raise(
			STATUS_BAD_RECORD, "record at offset %lld has a malformed header", (long long)record->offset);
	record->headers = slice_of(at, (size_t)(end - at));
	record->header_count -= 1;
	*out = header;
	return STATUS_OK;
}

/* ---- a broker's questions to a client's batch ---- */

static status batch_check_rules(const struct record_batch *batch, uint16_t attributes)
{
	if (batch->count <= 0 || batch->count - 1 != batch->last_offset_delta)
		return error_raise(STATUS_BAD_RECORD, "record batch has %d records but last offset delta %d",
			batch->count, batch->last_offset_delta);
	if (batch->count > RECORD_BATCH_COUNT_MAX)
		return error_raise(STATUS_TOO_LARGE, "record batch has %d records, the limit is %d", batch->count,
			RECORD_BATCH_COUNT_MAX);
	if ((attributes & ~ATTRIBUTE_KNOWN) != 0)
		return error_raise(STATUS_BAD_RECORD, "record batch has unknown attributes 0x%x", attributes);
	if (batch->control)
		return error_raise(STATUS_BAD_RECORD, "clients may not write control batches");
	if (batch->log_append_time)
		return error_raise(STATUS_BAD_TIMESTAMP, "clients may not set log append time");
	if (batch->producer_id < 0) {
		if (batch->transactional)
			return error_raise(STATUS_BAD_RECORD, "a transactional record batch needs a producer id");
		/* Epoch and sequence mean nothing then: kafkajs and aiokafka send zeros. */
	} else if (batch->base_sequence < 0 || batch->producer_epoch < 0) {
		return error_raise(STATUS_BAD_RECORD, "producer %lld sent sequence %d with epoch %d",
			(long long)batch->producer_id, batch->base_sequence, batch->producer_epoch);
	}
	return STATUS_OK;
}

static bool headers_parse(struct slice headers, int32_t count)
{
	const uint8_t *at = headers.data;
	const uint8_t *end = headers.data + headers.size;
	for (int32_t i = 0; i < count; i++) {
		struct slice field;
		at = field_read(at, end, &field);
		if (at == NULL || field.data == NULL)
			return false;
		at = field_read(at, end, &field);
		if (at == NULL)
			return false;
	}
	return at == end;
}

/* Every record parses, offsets are dense, nothing follows the last. */
static status batch_check_records(
	const struct record_batch *batch, struct slice records, int64_t *max_timestamp_ms)
{
	const uint8_t *at = records.data;
	const uint8_t *end = records.data + records.size;
	int64_t max = INT64_MIN;
	for (int32_t i = 0; i < batch->count; i++) {
		struct record_parsed record;
		at = record_parse(at, end, &record);
		if (at == NULL || (record.header_count != 0 && !headers_parse(record.headers, record.header_count)))
			return error_raise(STATUS_BAD_RECORD, "record %d of %d is malformed", i, batch->count);
		if (record.offset_delta != i)
			return error_raise(STATUS_BAD_RECORD, "record %d of %d has offset delta %lld", i, batch->count,
				(long long)record.offset_delta);
		int64_t timestamp_ms;
		if (__builtin_add_overflow(batch->base_timestamp_ms, record.timestamp_delta_ms, &timestamp_ms))
			return error_raise(
				STATUS_BAD_TIMESTAMP, "record %d of %d has no possible timestamp", i, batch->count);
		if (timestamp_ms > max)
			max = timestamp_ms;
	}
	if (at != end)
		return error_raise(STATUS_BAD_RECORD, "%zu bytes follow the last record", (size_t)(end - at));
	*max_timestamp_ms = max;
	return STATUS_OK;
}

status record_batch_check(uint8_t *batch, size_t size, struct record_batch *out)
{
	if (size > AT_MAGIC && batch[AT_MAGIC] < MAGIC) {
		status old = error_raise(
			STATUS_UNSUPPORTED, "message format v%d is not supported, only record batch v2", batch[AT_MAGIC]);
		error_hint("use a client that speaks Kafka 0.11 or newer");
		return old;
	}
	struct record_batch header = {0};
	status result = record_batch_verify(slice_of(batch, size), &header);
	if (result == STATUS_INCOMPLETE)
		return error_raise(STATUS_BAD_BATCH, "record batch is cut off: %zu bytes are there", size);
	if (result != STATUS_OK)
		return result;
	if (header.size != size)
		return error_raise(
			STATUS_BAD_RECORD, "%zu bytes follow the record batch; one batch is allowed", size - header.size);
	result = batch_check_rules(&header, get_be16(batch + AT_ATTRIBUTES));
	if (result != STATUS_OK)
		return result;
	struct buffer inflated = {0};
	struct slice records = slice_of(batch + RECORD_BATCH_HEADER_SIZE, size - RECORD_BATCH_HEADER_SIZE);
	if (header.codec != CODEC_NONE) {
		result = decompress_append(header.codec, records, RECORD_BATCH_INFLATED_MAX, &inflated);
		if (inflated.data == NULL)
			(void)buffer_reserve(&inflated, 1);
		records = buffer_slice(&inflated);
	}
	int64_t max_timestamp_ms = 0;
	if (result == STATUS_OK)
		result = batch_check_records(&header, records, &max_timestamp_ms);
	buffer_deinit(&inflated);
	if (result != STATUS_OK)
		return result;
	if (header.max_timestamp_ms != max_timestamp_ms) {
		header.max_timestamp_ms = max_timestamp_ms;
		put_be64(batch + AT_MAX_TIMESTAMP, (uint64_t)max_timestamp_ms);
		header.crc = batch_crc(batch, size);
		put_be32(batch + AT_CRC, header.crc);
	}
	*out = header;
	return STATUS_OK;
}

/* ---- iteration over stored bytes ---- */

void record_iterator_init(struct record_iterator *iterator, struct slice bytes)
{
	*iterator = (struct record_iterator){.bytes = bytes};
}

void record_iterator_reset(struct record_iterator *iterator, struct slice bytes)
{
	struct buffer inflated = iterator->inflated;
	*iterator = (struct record_iterator){.bytes = bytes, .inflated = inflated};
}

void record_iterator_deinit(struct record_iterator *iterator)
{
	buffer_deinit(&iterator->inflated);
}

/* Opens the next batch that has records for a reader; END when there is none. */
static status iterator_open(struct record_iterator *iterator)
{
	while (iterator->bytes.size != 0) {
		struct record_batch batch = {0};
		if (record_batch_verify(iterator->bytes, &batch) != STATUS_OK)
			return error_raise(STATUS_DAMAGED, "%s", error_current()->text);
		struct slice records =
			slice_of(iterator->bytes.data + RECORD_BATCH_HEADER_SIZE, batch.size - RECORD_BATCH_HEADER_SIZE);
		if (!batch.control && batch.count != 0 && batch.codec != CODEC_NONE) {
			iterator->inflated.size = 0;
			if (decompress_append(batch.codec, records, RECORD_BATCH_INFLATED_MAX, &iterator->inflated) !=
				STATUS_OK)
				return error_raise(STATUS_DAMAGED, "record batch at offset %lld: %s",
					(long long)batch.base_offset, error_current()->text);
			records = buffer_slice(&iterator->inflated);
		}
		iterator->bytes.data += batch.size;
		iterator->bytes.size -= batch.size;
		if (batch.control || batch.count == 0)
			continue;
		iterator->batch = batch;
		iterator->records = cursor_of(records);
		iterator->left = batch.count;
		return STATUS_OK;
	}
	return STATUS_END;
}

status record_iterator_next(struct record_iterator *iterator, struct record *out)
{
	if (__builtin_expect(iterator->left == 0, 0)) {
		status result = iterator_open(iterator);
		if (result != STATUS_OK)
			return result;
	}
	const struct record_batch *batch = &iterator->batch;
	struct record_parsed record;
	const uint8_t *end = record_parse(iterator->records.at, iterator->records.end, &record);
	if (__builtin_expect(
			end == NULL || record.offset_delta < 0 || record.offset_delta > batch->last_offset_delta, 0))
		return error_raise(STATUS_DAMAGED, "record batch at offset %lld: record %d of %d is malformed",
			(long long)batch->base_offset, batch->count - iterator->left, batch->count);
	/* Wraps, as the builder does: what we wrote ourselves always reads back as it was. */
	int64_t timestamp_ms =
		(int64_t)((uint64_t)batch->base_timestamp_ms + (uint64_t)record.timestamp_delta_ms);
	iterator->records.at = end;
	iterator->left -= 1;
	out->offset = batch->base_offset + record.offset_delta;
	out->timestamp_ms = batch->log_append_time ? batch->max_timestamp_ms : timestamp_ms;
	out->key = record.key;
	out->value = record.value;
	out->header_count = record.header_count;
	out->headers = record.headers;
	return STATUS_OK;
}

/* ---- building ---- */

static inline uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline size_t varint_size(int64_t value)
{
	return (size_t)(70 - __builtin_clzll(zigzag(value) | 1)) / 7;
}

static inline uint8_t *varint_write(uint8_t *at, int64_t signed_value)
{
	uint64_t value = zigzag(signed_value);
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static size_t field_size(struct slice field)
{
	return field.data == NULL ? 1 : varint_size((int64_t)field.size) + field.size;
}

static uint8_t *field_write(uint8_t *at, struct slice field)
{
	if (field.data == NULL)
		return varint_write(at, -1);
	at = varint_write(at, (int64_t)field.size);
	if (field.size != 0)
		memcpy(at, field.data, field.size);
	return at + field.size;
}

void record_batch_builder_init(struct record_batch_builder *builder)
{
	*builder = (struct record_batch_builder){0};
}

void record_batch_builder_deinit(struct record_batch_builder *builder)
{
	buffer_deinit(&builder->records);
}

size_t record_batch_builder_size(const struct record_batch_builder *builder)
{
	return builder->records.size;
}

void record_batch_builder_add(struct record_batch_builder *builder, int64_t timestamp_ms, struct slice key,
	struct slice value, const struct record_header *headers, int32_t header_count)
{
	INVARIANT(header_count >= 0);
	if (builder->count == 0) {
		builder->base_timestamp_ms = builder->max_timestamp_ms = timestamp_ms;
		(void)buffer_reserve(&builder->records, RECORD_BATCH_HEADER_SIZE);
		builder->records.size = RECORD_BATCH_HEADER_SIZE;
	}
	if (timestamp_ms > builder->max_timestamp_ms)
		builder->max_timestamp_ms = timestamp_ms;
	/* Wraps for absurd pairs of timestamps; reading wraps back. */
	int64_t timestamp_delta_ms = (int64_t)((uint64_t)timestamp_ms - (uint64_t)builder->base_timestamp_ms);
	size_t length = 1 + varint_size(timestamp_delta_ms) + varint_size(builder->count) + field_size(key) +
					field_size(value) + varint_size(header_count);
	for (int32_t i = 0; i < header_count; i++)
		length += field_size(headers[i].key) + field_size(headers[i].value);
	size_t size = varint_size((int64_t)length) + length;
	uint8_t *begin = buffer_reserve(&builder->records, size);
	uint8_t *at = varint_write(begin, (int64_t)length);
	*at++ = 0;
	at = varint_write(at, timestamp_delta_ms);
	at = varint_write(at, builder->count);
	at = field_write(at, key);
	at = field_write(at, value);
	at = varint_write(at, header_count);
	for (int32_t i = 0; i < header_count; i++) {
		at = field_write(at, headers[i].key);
		at = field_write(at, headers[i].value);
	}
	INVARIANT(at == begin + size);
	builder->records.size += size;
	builder->count += 1;
}

static void header_encode(uint8_t *at, size_t size, const struct record_batch_builder *builder,
	enum codec codec, const struct record_batch_producer *producer)
{
	put_be64(at + AT_BASE_OFFSET, 0);
	put_be32(at + AT_LENGTH, (uint32_t)(size - LENGTH_FROM));
	put_be32(at + AT_LEADER_EPOCH, 0);
	at[AT_MAGIC] = MAGIC;
	bool transactional = producer != NULL && producer->transactional;
	put_be16(at + AT_ATTRIBUTES, (uint16_t)(codec | (transactional ? ATTRIBUTE_TRANSACTIONAL : 0)));
	put_be32(at + AT_LAST_OFFSET_DELTA, (uint32_t)(builder->count - 1));
	put_be64(at + AT_BASE_TIMESTAMP, (uint64_t)builder->base_timestamp_ms);
	put_be64(at + AT_MAX_TIMESTAMP, (uint64_t)builder->max_timestamp_ms);
	bool idempotent = producer != NULL && producer->id >= 0;
	put_be64(at + AT_PRODUCER_ID, idempotent ? (uint64_t)producer->id : UINT64_MAX);
	put_be16(at + AT_PRODUCER_EPOCH, idempotent ? (uint16_t)producer->epoch : UINT16_MAX);
	put_be32(at + AT_BASE_SEQUENCE, idempotent ? (uint32_t)producer->base_sequence : UINT32_MAX);
	put_be32(at + AT_COUNT, (uint32_t)builder->count);
	put_be32(at + AT_CRC, batch_crc(at, size));
}

status record_batch_builder_finish(struct record_batch_builder *builder, enum codec codec,
	const struct record_batch_producer *producer, struct buffer *out)
{
	if (builder->count == 0)
		return error_raise(STATUS_INVALID, "a record batch needs at least one record");
	if (builder->count > RECORD_BATCH_COUNT_MAX || builder->records.size > RECORD_BATCH_INFLATED_MAX)
		return error_raise(STATUS_TOO_LARGE, "%d records of %zu bytes are too many for one batch",
			builder->count, builder->records.size);
	size_t from = out->size;
	if (codec == CODEC_NONE) {
		buffer_append(out, builder->records.data, builder->records.size);
	} else {
		(void)buffer_reserve(out, RECORD_BATCH_HEADER_SIZE);
		out->size += RECORD_BATCH_HEADER_SIZE;
		struct slice records = slice_of(builder->records.data + RECORD_BATCH_HEADER_SIZE,
			builder->records.size - RECORD_BATCH_HEADER_SIZE);
		status result = compress_append(codec, records, out);
		if (result != STATUS_OK) {
			out->size = from;
			return result;
		}
	}
	header_encode(out->data + from, out->size - from, builder, codec, producer);
	builder->records.size = 0;
	builder->count = 0;
	return STATUS_OK;
}

void transaction_marker_build(int64_t producer_id, int16_t producer_epoch, enum transaction_marker marker,
	int32_t coordinator_epoch, int64_t timestamp_ms, struct buffer *out)
{
	uint8_t key[MARKER_KEY_SIZE], value[6];
	INVARIANT(marker != MARKER_NONE && producer_id >= 0 && producer_epoch >= 0);
	put_be16(key, 0);
	put_be16(key + 2, marker == MARKER_COMMIT ? MARKER_TYPE_COMMIT : MARKER_TYPE_ABORT);
	put_be16(value, 0);
	put_be32(value + 2, (uint32_t)coordinator_epoch);
	struct record_batch_builder builder;
	struct record_batch_producer producer = {producer_id, producer_epoch, -1, true};
	size_t from = out->size;
	record_batch_builder_init(&builder);
	record_batch_builder_add(
		&builder, timestamp_ms, slice_of(key, sizeof key), slice_of(value, sizeof value), NULL, 0);
	status result = record_batch_builder_finish(&builder, CODEC_NONE, &producer, out);
	INVARIANT(result == STATUS_OK); /* one small record, not compressed */
	record_batch_builder_deinit(&builder);
	uint8_t *batch = out->data + from;
	put_be16(batch + AT_ATTRIBUTES, ATTRIBUTE_TRANSACTIONAL | ATTRIBUTE_CONTROL);
	put_be32(batch + AT_CRC, batch_crc(batch, out->size - from));
}
