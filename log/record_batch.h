/* Record batch v2, Kafka's unit of writing, storing and compressing (KIP-98).
 *
 *   0        8      12      16 17      21   23     27       35        43        51   53       57     61
 *   |baseOff |length|epoch  |m |crc    |attr|lastΔ |baseTime|maxTime  |prodId   |pEp |baseSeq |count |records
 *
 * All integers big-endian. `length` counts from byte 12 on; CRC-32C covers byte 21 to the end, so
 * base offset and leader epoch are rewritten without touching it. Attributes: bits 0–2 codec, 3 log
 * append time, 4 transactional, 5 control.
 * A record: varint length, i8 attributes, varlong Δtimestamp, varint Δoffset, varint key length (−1 null) +
 * key, varint value length (−1 null) + value, varint header count, each varint key length + key, varint value
 * length + value.
 */
#ifndef KAPPA_LOG_RECORD_BATCH_H
#define KAPPA_LOG_RECORD_BATCH_H

#include "base/bytes.h"
#include "base/status.h"
#include "log/log.h"

enum {
	RECORD_BATCH_HEADER_SIZE = 61,
	RECORD_BATCH_COUNT_MAX = 1 << 20,              /* records in one batch */
	RECORD_BATCH_INFLATED_MAX = 256 * 1024 * 1024, /* decompressed bytes of one batch */
};

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD };

/* The header, decoded. */
struct record_batch {
	int64_t base_offset;
	size_t size; /* whole batch, 12 + length */
	int32_t leader_epoch;
	uint32_t crc;
	enum codec codec;
	bool log_append_time, transactional, control;
	int32_t last_offset_delta;
	int64_t base_timestamp_ms, max_timestamp_ms;
	int64_t producer_id; /* −1 = none */
	int16_t producer_epoch;
	int32_t base_sequence; /* −1 = none */
	int32_t count;
	enum transaction_marker marker; /* of a control batch; MARKER_NONE for one we do not know */
};

/* Decodes a header; INCOMPLETE when fewer bytes than the batch are there (`out->size` is then
 * set if the length was readable, else 0), BAD_BATCH when it cannot be one. Does not check the CRC. */
status record_batch_header(struct slice bytes, struct record_batch *out) MUST_USE;
/* One past the last offset of whole batches, as partition_read() returns them; `otherwise` when there are
 * none. A reader goes on there, not behind the last record it saw: compaction may have taken a batch's last
 * ones. */
int64_t record_batches_end(struct slice bytes, int64_t otherwise);
/* Header, CRC. What recovery asks of stored bytes. */
status record_batch_verify(struct slice bytes, struct record_batch *out) MUST_USE;
/* All that a broker must ask of a client's batch (KAFKA rules): magic 2, CRC, count = lastΔ + 1 > 0,
 * no control batch, sequences with producer ids, records decompress and parse, offsets dense.
 * Recomputes a wrong max timestamp (and then the CRC) in place. */
status record_batch_check(uint8_t *batch, size_t size, struct record_batch *out) MUST_USE;

struct record_header {
	struct slice key, value; /* value.data == NULL: null */
};

/* One record; slices are borrowed from the iterator's bytes until the next batch is opened. */
struct record {
	int64_t offset;
	int64_t timestamp_ms;
	struct slice key, value; /* data == NULL: null */
	int32_t header_count;
	struct slice headers; /* undecoded; see record_header_next() */
};

/* Walks the records of consecutive whole batches, as partition_read() returns them.
 * Verifies each batch's CRC (DAMAGED), decompresses into its own buffer, skips control batches.
 *
 *   record_iterator_init(&it, bytes);
 *   while ((s = record_iterator_next(&it, &record)) == STATUS_OK) …
 *   (s == STATUS_END at the end)
 *   record_iterator_deinit(&it);
 */
struct record_iterator {
	struct slice bytes;        /* what is left, from the next batch on */
	struct record_batch batch; /* the one being walked */
	struct cursor records;
	int32_t left;
	struct buffer inflated;
};

void record_iterator_init(struct record_iterator *iterator, struct slice bytes);
/* Reuses the inflate buffer. */
void record_iterator_reset(struct record_iterator *iterator, struct slice bytes);
status record_iterator_next(struct record_iterator *iterator, struct record *out) MUST_USE;
void record_iterator_deinit(struct record_iterator *iterator);
/* Borrowed from the record. END after the last. */
status record_header_next(struct record *record, struct record_header *out) MUST_USE;

/* Builds one batch. Usage: init, add…, finish. */
struct record_batch_builder {
	struct buffer records; /* uncompressed, after the header's room */
	int64_t base_timestamp_ms, max_timestamp_ms;
	int32_t count;
};

void record_batch_builder_init(struct record_batch_builder *builder);
/* data == NULL means null. Headers may be NULL when header_count is 0. */
void record_batch_builder_add(struct record_batch_builder *builder, int64_t timestamp_ms, struct slice key,
	struct slice value, const struct record_header *headers, int32_t header_count);
/* Bytes gathered so far. */
size_t record_batch_builder_size(const struct record_batch_builder *builder);
struct record_batch_producer {
	int64_t id; /* −1 = none */
	int16_t epoch;
	int32_t base_sequence;
	bool transactional;
};
/* Appends the finished batch (base offset 0) to `out` and empties the builder. producer may be NULL. */
status record_batch_builder_finish(struct record_batch_builder *builder, enum codec codec,
	const struct record_batch_producer *producer, struct buffer *out) MUST_USE;
void record_batch_builder_deinit(struct record_batch_builder *builder);

#endif
