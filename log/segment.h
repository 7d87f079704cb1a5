/* One segment of a partition: <base offset, 20 digits>.log and what is known about it.
 *
 *   .log        record batches, one behind the other
 *   .index      i32 offset − base of the batch's last record | i32 byte position of the batch
 *   .timeindex  i64 largest timestamp so far | i32 offset − base of the batch that brought it
 *   .txnindex   the aborted transactions whose marker is in it (transaction_index.h); only when there are any
 *
 * All big-endian, as Apache Kafka writes them; an index entry about every SEGMENT_INDEX_INTERVAL
 * bytes. A sealed segment never changes (compaction replaces it as a whole). Its indexes are derived: they
 * are used only when they have the size and CRC its summary tells, and are rebuilt from the .log otherwise.
 *
 * Owned by the partition; fields under the partition's lock unless said otherwise.
 */
#ifndef KAPPA_LOG_SEGMENT_H
#define KAPPA_LOG_SEGMENT_H

#include "base/bytes.h"
#include "base/file.h"
#include "base/status.h"
#include "log/record_batch.h"

enum {
	SEGMENT_INDEX_INTERVAL = 4096,
	SEGMENT_OFFSET_ENTRY_SIZE = 8,
	SEGMENT_TIME_ENTRY_SIZE = 12,
	SEGMENT_PATH_MAX = 4096,
	SEGMENT_OFFSET_DIGITS = 20,
};

/* No record yet: smaller than every timestamp. */
#define SEGMENT_TIME_NONE INT64_MIN

/* ---- paths ---- */

/* SEGMENT_CLEANED: a .log that compaction is writing, "….log.cleaned". */
enum segment_file {
	SEGMENT_LOG,
	SEGMENT_INDEX,
	SEGMENT_TIMEINDEX,
	SEGMENT_SNAPSHOT,
	SEGMENT_TXNINDEX,
	SEGMENT_CLEANED,
};
/* "<dir>/00000000000000000042.index" */
void segment_path(char path[SEGMENT_PATH_MAX], const char *dir, int64_t base_offset, enum segment_file kind);
/* Is `name` a file of that kind? Then its base offset. */
bool segment_name_parse(const char *name, enum segment_file kind, int64_t *base_offset);

/* ---- indexes ---- */

struct segment_index {
	int64_t base_offset;
	struct buffer offsets; /* .index, as on disk */
	struct buffer times;   /* .timeindex, as on disk */
	int64_t bytes_since_entry;
	int64_t max_timestamp_ms;     /* of all batches added */
	int64_t max_timestamp_offset; /* last offset of the first batch that reached it */
};

void segment_index_init(struct segment_index *index, int64_t base_offset);
void segment_index_deinit(struct segment_index *index);
/* In offset order; `position` is where the batch begins. */
void segment_index_add(struct segment_index *index, const struct record_batch *batch, int64_t position);
/* After the last batch: the time index ends with the segment's largest timestamp. */
void segment_index_seal(struct segment_index *index);
/* A batch boundary at or before the batch that contains `offset`, at most about two intervals before. */
int64_t segment_index_position(const struct segment_index *index, int64_t offset);
/* An entry of the offset index: a batch. */
struct segment_mark {
	int64_t position;
	int64_t last_offset;
};
/* The last batch of the index that begins before byte `position` and ends before `offset`; false when there
 * is none. */
bool segment_index_before(
	const struct segment_index *index, int64_t position, int64_t offset, struct segment_mark *out);
/* All records before the returned offset are older than `timestamp_ms`. */
int64_t segment_index_offset_of_time(const struct segment_index *index, int64_t timestamp_ms);
static inline size_t segment_index_bytes(const struct segment_index *index)
{
	return index->offsets.size + index->times.size;
}

/* ---- the segment ---- */

/* What is known of a sealed segment without reading it; kept in the snapshot that follows it. */
struct segment_summary {
	int64_t base_offset, next_offset;
	int64_t size; /* of the .log, bytes */
	int64_t max_timestamp_ms, max_timestamp_offset;
	uint32_t offsets_size, offsets_crc;
	uint32_t times_size, times_crc;
	uint32_t aborted_size, aborted_crc; /* of the .txnindex; 0 0 = there is none */
};

struct segment {
	struct file file;   /* of the .log; the active segment's stays open */
	int32_t file_users; /* reads under way; not closed while there are any */
	bool sealed;
	bool retired;                   /* no longer the partition's; its last user frees it */
	int64_t began_ms;               /* wall time of the first batch, while active; see partition_recover() */
	bool index_loaded;              /* always, while active */
	struct segment_index index;     /* covers exactly `summary.size` bytes while active */
	struct segment_summary summary; /* size, next_offset, times: of what is published */
};

/* Remove the index files of a segment; all its derived files with the snapshot at its base; its .log. A file
 * that is not there is no failure. */
status segment_index_remove(const char *dir, int64_t base_offset) MUST_USE;
status segment_derived_remove(const char *dir, int64_t base_offset) MUST_USE;
status segment_log_remove(const char *dir, int64_t base_offset) MUST_USE;

/* An empty active segment: creates its .log (EXISTS when there is one) and syncs the directory. */
status segment_create(struct segment **out, const char *dir, int64_t base_offset) MUST_USE;
/* A segment with nothing known but its name; the file is not opened. */
struct segment *segment_allocate(int64_t base_offset);
/* Closes the file; accepts NULL. */
void segment_destroy(struct segment *segment);
/* A durable batch was appended at the segment's end. */
void segment_publish(struct segment *segment, const struct record_batch *batch);
/* Completes indexes and summary; nothing is written. */
void segment_seal(struct segment *segment);
/* Writes both index files. They are derived data, so a failure is only reported. */
void segment_index_write(const struct segment_index *index, const char *dir);
/* Reads the sealed segment's indexes into `out`, checked against `summary`; rebuilds them from the
 * .log when they are missing or wrong. DAMAGED when the .log itself is. */
status segment_index_load(
	const char *dir, const struct segment_summary *summary, struct segment_index *out) MUST_USE;

/* ---- walking ---- */

/* The part of a header that leads to the next batch, read without needing the whole batch. */
struct batch_extent {
	int64_t base_offset, last_offset;
	int64_t size;
	int64_t max_timestamp_ms;
	bool transactional; /* part of a transaction, or a marker */
	bool empty;         /* no records and no marker: what compaction leaves */
};
/* From RECORD_BATCH_HEADER_SIZE bytes; false when they cannot begin a batch of this log. */
bool batch_extent_read(const uint8_t *bytes, struct batch_extent *out);

/* Called for each intact batch, in order. */
typedef void (*segment_visit)(void *context, const struct record_batch *batch, int64_t position);

struct segment_scan {
	int64_t base_offset; /* in: of the segment */
	int64_t position;    /* in: a batch boundary; out: where the chain of intact batches ends */
	int64_t next_offset; /* in: the base offset expected there, −1 = any; out: the next expected */
	int64_t size;        /* in: of the file */
	bool damaged;        /* out: position < size, and no intact batch begins there */
	char why[256];       /* out, when damaged */
};
/* Verifies batch after batch: structure, CRC, dense offsets. OK also when it finds damage (see
 * scan->damaged); fails only when it cannot read. visit may be NULL. */
status segment_scan(
	const struct file *file, struct segment_scan *scan, segment_visit visit, void *context) MUST_USE;

/* Is there an intact batch of offset ≥ `offset_min` anywhere at or after byte `from`? Then *found is
 * its position, else −1. Tells a torn tail (none) from damage in the middle. */
status segment_search(
	const struct file *file, int64_t from, int64_t size, int64_t offset_min, int64_t *found) MUST_USE;

#endif
