/* Z-set batches: typed columns and a weight per row; what flows between operators.
 *
 * A Z-set maps rows to integer weights: +1 is an insert, −1 a retraction, sums of deltas give the collection.
 * A batch is a list of (row, weight); the same row may occur more than once until it is consolidated.
 *
 *   batch: row_count
 *     columns[0]  type, values[row_count], nulls[row_count] or NULL (no null in it)
 *     columns[1]  …
 *     weights[row_count] or NULL (all +1: an append-only batch)
 *
 * Ownership: columns, weights and text bytes lie in the arena of the step that made them (or borrow from an
 * input that outlives the step); a batch handed on is immutable. A column whose values pointer is NULL is not
 * materialised: nobody may read it, gather and copy pass it through. Values under a null are unspecified but
 * valid memory (kernels may read them, text size is 0). Row order carries no meaning in a Z-set.
 */
#ifndef KAPPA_ZSET_BATCH_H
#define KAPPA_ZSET_BATCH_H

#include "zset/type.h"

struct field {
	const char *name; /* borrowed from the schema's arena */
	struct type type;
	bool not_null; /* known to hold no nulls */
};

struct schema {
	struct field *fields;
	size_t field_count;
};

enum { SCHEMA_FIELDS_MAX = 1600 }; /* PostgreSQL's limit of columns in a table */

struct schema schema_copy(const struct schema *schema, struct arena *arena);
bool schema_equal_types(const struct schema *left, const struct schema *right);
/* Index of the field or −1. Names compare exactly. */
int32_t schema_find(const struct schema *schema, const char *name);

struct column {
	struct type type;
	uint8_t *nulls; /* 1 = null; NULL when the column holds none */
	union {
		void *values;
		uint8_t *booleans;
		int64_t *i64;
		double *f64;
		struct decimal *decimals;
		struct text *texts;
		struct interval *intervals;
	};
};

struct batch {
	uint32_t row_count;
	uint32_t column_count;
	struct column *columns;
	int64_t *weights;
};

enum { BATCH_ROWS_MAX = 1 << 20, BATCH_ROWS_TYPICAL = 4096 };

static inline bool column_is_null(const struct column *column, uint32_t row)
{
	return column->nulls != NULL && column->nulls[row] != 0;
}
static inline int64_t batch_weight(const struct batch *batch, uint32_t row)
{
	return batch->weights != NULL ? batch->weights[row] : 1;
}

/* Values are not initialised; nulls is NULL unless with_nulls (then all 0). */
struct column column_make(struct arena *arena, struct type type, uint32_t row_count, bool with_nulls);
/* Gives the column a nulls array (zeroed) if it has none. */
void column_ensure_nulls(struct column *column, uint32_t row_count, struct arena *arena);
struct value column_value(const struct column *column, uint32_t row);
/* Text is not copied. The column must have nulls if value is null. */
void column_set(struct column *column, uint32_t row, const struct value *value);
/* All rows equal to `value`. */
struct column column_constant(struct arena *arena, const struct value *value, uint32_t row_count);
/* Rows picked by `rows` (indexes into column), in that order. */
struct column column_gather(
	struct arena *arena, const struct column *column, const uint32_t *rows, uint32_t count);

struct batch *batch_make(
	struct arena *arena, const struct schema *schema, uint32_t row_count, bool with_nulls, bool with_weights);
struct batch *batch_gather(
	struct arena *arena, const struct batch *batch, const uint32_t *rows, uint32_t count);
/* Deep copy including text bytes. */
struct batch *batch_copy(struct arena *arena, const struct batch *batch);
/* One batch with the rows of all; columns agree in type. Text is borrowed. */
struct batch *batch_concatenate(struct arena *arena, const struct batch *const *batches, size_t count);
/* Equal rows merged, weights summed, zeros dropped; sorted by row_compare. Weights always present unless all
 * are +1 and the input had none. OUT_OF_RANGE when a weight leaves 64 bits. */
status batch_consolidate(struct arena *arena, const struct batch *batch, struct batch **out) MUST_USE;

/* Equality as GROUP BY sees it: nulls equal, NaN equal NaN, 1.0 equals 1.00, -0 equals 0. */
bool row_equal(const struct batch *left, uint32_t left_row, const struct batch *right, uint32_t right_row);
/* A total order compatible with row_equal; nulls last in each column. */
int row_compare(const struct batch *left, uint32_t left_row, const struct batch *right, uint32_t right_row);
/* Hash compatible with row_equal for the listed columns, over all rows at once; `hashes` has row_count
 * entries. Stable across processes and releases. */
void batch_hash(const struct batch *batch, const uint32_t *columns, size_t column_count, uint64_t *hashes);

/* Order-independent digest of a Z-set: Σ weight × hash(row) mod 2^128, over the rows' exact output (1.0
 * and 1.00 differ). Linear: digest(a + b) = digest(a) + digest(b), so it is maintained from deltas alone. */
struct digest {
	uint64_t low, high;
};
void digest_add(struct digest *digest, const struct batch *delta);
bool digest_equal(struct digest left, struct digest right);
void digest_format(struct digest digest, char text[33]); /* 32 hex digits */

#endif
