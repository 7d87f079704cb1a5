/* Records to columns: the typed reading of a topic that CREATE TABLE declares.
 *
 * A decoder turns the records of raw batches into one Z-set batch (weights NULL) with the table's visible
 * columns and the hidden ones. Only wanted columns are materialised. A record that cannot be read becomes a
 * bad record, not an error; so decoding is a pure function of the record and the table's definition.
 *
 *   json  one object per record. Fields by name (case-sensitive first, then as folded), missing → null, null
 * → null. Numbers, strings and booleans go into any column type their text can be read as; objects and arrays
 * go into text columns as their JSON text. Connect's {"schema":…, "payload":…} envelope is opened. Duplicate
 * keys: the last wins. csv   RFC 4180 fields in column order, delimiter option; empty unquoted field → null
 *   text  one column, the record's bytes as UTF-8
 *
 * A null record value (tombstone) yields no row in an append-only table (it is counted as a bad record "null
 * value"). JSON does not tell 1 from 1.0: a number of integral value goes into an integer column however it
 * is written; a string does not ("1.0" is no integer). A record with two keys that fold to one column takes
 * the one written exactly so. _timestamp is the record's, in µs; what does not fit is ±infinity.
 *
 * Date/time columns take text in PostgreSQL's syntax; numbers are milliseconds since the epoch for
 * timestamp(tz), days for date.
 *
 * JSON speed: the decoder learns the shape (key order) of the last record and tries it first; whatever does
 * not match, down to any escaped, non-ASCII or odd number, goes to the general tokenizer, which is the
 * reference.
 */
#ifndef KAPPA_REPLAY_DECODE_H
#define KAPPA_REPLAY_DECODE_H

#include "base/bytes.h"
#include "base/status.h"
#include "zset/batch.h"

enum decode_format { DECODE_JSON, DECODE_CSV, DECODE_TEXT };

/* The hidden columns follow the visible ones in this order. */
enum { HIDDEN_PARTITION, HIDDEN_OFFSET, HIDDEN_TIMESTAMP, HIDDEN_KEY, HIDDEN_COUNT };
/* _partition integer, _offset bigint, _timestamp timestamptz, _key bytea */

struct decode_options {
	enum decode_format format;
	char csv_delimiter;        /* default ',' */
	bool csv_header;           /* records equal to the column names are skipped */
	int32_t event_time_column; /* visible column (timestamp, timestamptz or date) or −1 */
	struct schema schema;      /* visible and hidden columns; borrowed while the decoder lives */
	size_t visible_count;
	const uint8_t
		*wanted; /* per column of the schema: 1 = materialise. NOT NULL and type errors are found in *all*
				  * visible columns whatever is wanted, so that bad records do not depend on who asks. */
};

struct decode_bad {
	int64_t offset, timestamp_ms;
	const char *error; /* in the arena */
};

struct decode_result {
	struct batch *batch; /* rows in offset order; columns of options.schema, unwanted ones values == NULL */
	struct decode_bad *bad; /* in offset order */
	size_t bad_count;
	int64_t next_offset;       /* one past what was looked at; < to when the bytes end before, or after
								* BATCH_ROWS_MAX rows:	   go on from there */
	int64_t max_event_time_us; /* INT64_MIN = none */
	uint64_t record_count;     /* rows + bad + skipped */
};

struct decoder;

status decoder_create(const struct decode_options *options, struct decoder **out) MUST_USE;
void decoder_destroy(struct decoder *decoder); /* accepts NULL */
/* Decodes the records with from ≤ offset < to of `bytes` (whole record batches, as partition_read() returns
 * them). Text may borrow from `bytes` or from the arena: both must outlive the batch. One decoder, one
 * thread. DAMAGED when a batch is. */
status decoder_run(struct decoder *decoder, struct slice bytes, int32_t partition, int64_t from, int64_t to,
	struct arena *arena, struct decode_result *out) MUST_USE;

#endif
