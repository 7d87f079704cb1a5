/* What the decoder's files share: columns being filled, tokens, and the two readers of a JSON record.
 *
 *   decode.c        life cycle, the walk over records, hidden columns, bad records
 *   decode_value.c  one token → one value of a column (the only place that knows how text becomes a type)
 *   decode_json.c   the reference reader: a complete RFC 8259 tokenizer, fields by name, errors in words
 *   decode_shape.c  the fast reader: replays record shapes that the reference reader has accepted before
 *   decode_csv.c    CSV and plain text
 *
 * Not public. One decoder belongs to one thread.
 *
 * Invariant of a row slot: while a record is read into slot `row`, nulls[row] of every column may be changed;
 * a reader that fails leaves the slot to be cleaned (decode_row_clear) before the next record is read into
 * it.
 */
#ifndef KAPPA_REPLAY_DECODE_INTERNAL_H
#define KAPPA_REPLAY_DECODE_INTERNAL_H

#include "replay/decode.h"

/* Bytes that may be read (not used) past the end of every record: scans load whole words. */
enum { DECODE_PADDING = 128 };
/* Nesting beyond this makes a record bad. */
enum { JSON_DEPTH_MAX = 512 };
enum { DECODE_EXCERPT_MAX = 64 };
/* Columns whose presence is kept in a word; one bit stays free. */
enum { MET_COLUMNS = 63 };

/* How a column takes values; finer than its physical form. */
enum column_kind {
	COLUMN_BOOL,
	COLUMN_INTEGER, /* smallint, integer, bigint: range in min, max */
	COLUMN_FLOAT8,
	COLUMN_FLOAT4,
	COLUMN_NUMERIC,
	COLUMN_TEXT, /* text, varchar */
	COLUMN_TIMESTAMP,
	COLUMN_DATE,
	COLUMN_OTHER, /* bytea, interval: always through value_parse */
};

struct decode_column {
	void *values;   /* of the current run; NULL = checked but not kept */
	uint8_t *nulls; /* of the current run; NULL = no null so far */
	int64_t min, max;
	const char *name;
	uint32_t name_size;
	enum column_kind kind;
	struct type type;
	bool not_null, kept;
};

enum token_kind {
	TOKEN_NULL,
	TOKEN_TRUE,
	TOKEN_FALSE,
	TOKEN_NUMBER,
	TOKEN_STRING,         /* bytes between the quotes, no escapes in them */
	TOKEN_STRING_ESCAPED, /* bytes between the quotes, escapes are valid */
	TOKEN_OBJECT,
	TOKEN_ARRAY,
};

struct token {
	enum token_kind kind;
	struct slice text;
};

struct json_member {
	struct slice key;                       /* between the quotes, as written */
	const uint8_t *value_begin, *value_end; /* the value's whole text */
	struct token value;
	int32_t column; /* −1: no such column */
	bool exact;     /* name matched as written, not only folded */
};

struct shape;

struct decoder {
	struct decode_options options;
	struct decode_column *columns; /* visible ones, then hidden ones */
	size_t column_count;
	uint32_t *names; /* open addressing over visible columns: index + 1, 0 = free */
	size_t names_mask;
	bool envelope; /* Connect's envelope is opened: no column is called schema or payload */

	/* the current run */
	struct arena *arena;
	uint32_t row; /* the slot being filled = rows so far */
	uint32_t capacity;
	char *error;   /* of the record that was just refused; in the arena */
	status reason; /* why the last decode_put_… said no */

	/* scratch, reused */
	struct json_member *members;
	size_t member_count, member_capacity;
	int32_t *winners;            /* per visible column: member index or −1 */
	bool enveloped;              /* the members are a payload's */
	const uint8_t *record_begin; /* for positions in errors */
	struct buffer text;

	struct shape *shape; /* NULL: reference reader only */
	uint64_t met_all; /* the set of all visible columns; unreachable when there are more than MET_COLUMNS */
	/* the last date converted: neighbours in a log mostly share it */
	uint64_t day_head; /* "YYYY-MM-"; 0 = none yet */
	uint16_t day_tail; /* "DD" */
	int64_t day;
};

enum read_result { READ_ROW, READ_BAD, READ_SKIP };

/* ---- decode.c ---- */

/* Marks column `index` of the current slot null. */
void decode_put_null(struct decoder *decoder, uint32_t index);
/* Undoes what a failed reader left in the current slot. */
void decode_row_clear(struct decoder *decoder);
/* Sets decoder->error. */
void decode_fail(struct decoder *decoder, const char *format, ...) PRINTF_LIKE(2, 3);
/* The visible column a key names, or −1. */
int32_t decode_find_column(const struct decoder *decoder, struct slice key, bool *exact);
/* Tests: the reference reader only. Call before the first run. */
void decoder_disable_shapes(struct decoder *decoder);

/* ---- decode_value.c ---- */

/* Reads a token into the current slot of a visible column. False: it cannot be read as the column's type or
 * is null in a NOT NULL column; the column's slot is then unspecified. */
bool decode_put_token(struct decoder *decoder, uint32_t index, const struct token *token);
/* The same for text that is not JSON; valid UTF-8 is checked here. */
bool decode_put_text(struct decoder *decoder, uint32_t index, struct slice text);
/* Says in decoder->error why one of the two has just failed. */
void decode_explain_token(struct decoder *decoder, uint32_t index, const struct token *token);
void decode_explain_text(struct decoder *decoder, uint32_t index, struct slice text);
/* "YYYY-MM-DD", "YYYY-MM-DD[T ]HH:MM:SS[.f…]" with or without Z; false = not of this form, take the general
 * way. May read DECODE_PADDING bytes past `text`. */
bool decode_date_simple(struct decoder *decoder, struct slice text, int64_t *days);
/* The end of the timestamp that begins at `at`; it may lie past what the caller owns. NULL: none of this
 * form. */
const uint8_t *decode_timestamp_scan(struct decoder *decoder, const uint8_t *at, int64_t *out);
bool decode_timestamp_simple(struct decoder *decoder, struct slice text, int64_t *out);
bool decode_utf8_valid(const uint8_t *at, size_t size);
/* A printable piece of untrusted bytes: at most DECODE_EXCERPT_MAX of them; in the arena. */
const char *decode_excerpt(struct decoder *decoder, struct slice bytes);

/* ---- decode_json.c ---- */

/* Scans the value that begins at `at` (validating it wholly) and returns its end; NULL if it is malformed,
 * with words in decoder->error if `explain`. */
const uint8_t *json_value(
	struct decoder *decoder, const uint8_t *at, const uint8_t *end, bool explain, struct token *out);
/* Appends the text of an escaped JSON string. The escapes are valid. */
void json_unescape(struct slice text, struct buffer *out);
enum read_result json_read(struct decoder *decoder, struct slice record);

/* ---- decode_shape.c ---- */

struct shape *shape_create(size_t visible_count);
void shape_destroy(struct shape *shape);
/* True: the record has been read into the current slot. False: not by this reader. `record` is padded. */
bool shape_read(struct decoder *decoder, struct slice record);
/* The reference reader has accepted `record`; its members are in decoder->members. */
void shape_learn(struct decoder *decoder, struct slice record);

/* ---- decode_csv.c ---- */

enum read_result csv_read(struct decoder *decoder, struct slice record);
enum read_result text_read(struct decoder *decoder, struct slice record);

#endif
