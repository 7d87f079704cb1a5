/* Rows of a system relation, built value by value and read like any relation.
 *
 *   system_rows_begin(rows);  rows_text(rows, …);  rows_i64(rows, …);  …one call per column, in order
 *
 * The rows lie in their own arena and are complete before the first is read. What grows with data (bad
 * records) is bounded: OUT_OF_MEMORY beyond SYSTEM_ROWS_BYTES_MAX.
 *
 * Threads: one at a time.
 */
#ifndef KAPPA_SERVER_SYSTEM_ROWS_H
#define KAPPA_SERVER_SYSTEM_ROWS_H

#include "zset/batch.h"
#include "zset/relation.h"

enum { SYSTEM_ROWS_BYTES_MAX = 256 * 1024 * 1024 };

struct system_column {
	const char *name;
	enum type_id type;
};

struct system_rows {
	struct arena arena;
	struct schema schema;  /* borrowed from the relation */
	struct value **chunks; /* rows of values, chunk by chunk */
	size_t chunk_count, chunk_capacity;
	uint64_t row_count;
	size_t column;      /* next to be set in the current row */
	uint64_t row_limit; /* the reader needs no more */
};

/* Begins a row; every column must then be set, in order. OUT_OF_MEMORY; END when the reader needs no more
 * rows. */
status system_rows_begin(struct system_rows *rows) MUST_USE;
void rows_null(struct system_rows *rows);
void rows_text(struct system_rows *rows, const char *text); /* copied; NULL = null */
void rows_bytes(struct system_rows *rows, struct slice text);
void rows_i64(struct system_rows *rows, int64_t value); /* integers, dates, timestamps (µs) */
void rows_f64(struct system_rows *rows, double value);
void rows_bool(struct system_rows *rows, bool value);
void rows_timestamp_ms(struct system_rows *rows, int64_t timestamp_ms);

/* A relation of these columns whose rows `fill` makes when it is first opened. `owned` is freed with the
 * relation. */
struct system_fill {
	status (*fill)(struct system_fill *fill, struct system_rows *rows);
	void (*destroy)(struct system_fill *fill); /* frees it */
};
struct relation *system_rows_relation(const struct schema *schema, struct system_fill *fill);

#endif
