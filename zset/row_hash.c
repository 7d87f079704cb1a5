/* Hashes of rows, one column at a time over all rows of a batch. Leaf loops over arrays, no state, any
 * thread.
 *
 * batch_hash sees values as GROUP BY does (canonical.h). digest_add sees exactly what a reader would be
 * shown, so a numeric's scale, −0 and the make-up of an interval count. Both are stored across releases:
 * changing a constant or a formula here invalidates stored digests and must change the engine's fingerprint
 * with it.
 *
 *   h(row) = fold over columns of  h ← mix(h × K ^ word(value));   a null has a word and an offset of its own
 */
#include <stdio.h>

#include "base/hash.h"
#include "base/invariant.h"
#include "zset/batch.h"
#include "zset/canonical.h"
#include "zset/decimal.h"

static const uint64_t hash_seed = UINT64_C(0x6b61707061207a73);
static const uint64_t hash_step = UINT64_C(0x9e3779b97f4a7c15);
static const uint64_t hash_null = UINT64_C(0xd6e8feb86659fd93);

static inline uint64_t fold_word(uint64_t hash, uint64_t word)
{
	return hash_mix(hash * hash_step ^ word);
}

static inline uint64_t fold_null(uint64_t hash)
{
	return hash_mix((hash + hash_null) * hash_null);
}

static inline uint64_t fold_i128(uint64_t hash, __int128 value)
{
	uint64_t low = (uint64_t)value, high = (uint64_t)((unsigned __int128)value >> 64);
	/* The usual value fits 64 bits; its upper half then says nothing and costs nothing. */
	hash = fold_word(hash, low);
	return high == (uint64_t)((int64_t)low >> 63) ? hash : fold_word(hash, high);
}

/* The same fold of `word` over every row; the first loop, without nulls, is the one that counts. */
#define FOLD_COLUMN(fold, word)                                                                              \
	do {                                                                                                     \
		if (nulls == NULL) {                                                                                 \
			for (uint32_t i = 0; i < row_count; i++)                                                         \
				hashes[i] = fold(hashes[i], word);                                                           \
		} else {                                                                                             \
			for (uint32_t i = 0; i < row_count; i++)                                                         \
				hashes[i] = nulls[i] != 0 ? fold_null(hashes[i]) : fold(hashes[i], word);                    \
		}                                                                                                    \
	} while (0)

static inline uint64_t fold_text(uint64_t hash, const struct text *text)
{
	return hash_bytes(text->data, text->size, hash);
}

static inline uint64_t fold_decimal_canonical(uint64_t hash, const struct decimal *decimal)
{
	struct decimal canonical = decimal_canonical(decimal);
	return fold_i128(hash + (uint64_t)(uint32_t)canonical.scale, canonical.value);
}

static inline uint64_t fold_decimal_exact(uint64_t hash, const struct decimal *decimal)
{
	return fold_i128(hash + (uint64_t)(uint32_t)decimal->scale, decimal->value);
}

static inline uint64_t fold_interval_exact(uint64_t hash, const struct interval *interval)
{
	uint64_t calendar = (uint64_t)(uint32_t)interval->months << 32 | (uint32_t)interval->days;
	return fold_word(fold_word(hash, calendar), (uint64_t)interval->microseconds);
}

static inline uint64_t f64_exact(double value)
{
	uint64_t bits;
	if (value != value)
		return UINT64_C(0x7ff8000000000000); /* NaNs are all shown alike */
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static void hash_column(const struct column *column, uint32_t row_count, uint64_t *hashes)
{
	const uint8_t *nulls = column->nulls;
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		FOLD_COLUMN(fold_word, column->booleans[i] != 0);
		break;
	case PHYS_I64:
		FOLD_COLUMN(fold_word, (uint64_t)column->i64[i]);
		break;
	case PHYS_F64:
		FOLD_COLUMN(fold_word, f64_order(column->f64[i]));
		break;
	case PHYS_DECIMAL:
		FOLD_COLUMN(fold_decimal_canonical, &column->decimals[i]);
		break;
	case PHYS_TEXT:
		FOLD_COLUMN(fold_text, &column->texts[i]);
		break;
	case PHYS_INTERVAL:
		FOLD_COLUMN(fold_i128, interval_span(&column->intervals[i]));
		break;
	}
}

void batch_hash(const struct batch *batch, const uint32_t *columns, size_t column_count, uint64_t *hashes)
{
	for (uint32_t i = 0; i < batch->row_count; i++)
		hashes[i] = hash_seed;
	for (size_t c = 0; c < column_count; c++) {
		INVARIANT(columns[c] < batch->column_count);
		hash_column(&batch->columns[columns[c]], batch->row_count, hashes);
	}
}

static void digest_column(const struct column *column, uint32_t row_count, uint64_t *hashes)
{
	const uint8_t *nulls = column->nulls;
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		FOLD_COLUMN(fold_word, column->booleans[i] != 0);
		break;
	case PHYS_I64:
		FOLD_COLUMN(fold_word, (uint64_t)column->i64[i]);
		break;
	case PHYS_F64:
		FOLD_COLUMN(fold_word, f64_exact(column->f64[i]));
		break;
	case PHYS_DECIMAL:
		FOLD_COLUMN(fold_decimal_exact, &column->decimals[i]);
		break;
	case PHYS_TEXT:
		FOLD_COLUMN(fold_text, &column->texts[i]);
		break;
	case PHYS_INTERVAL:
		FOLD_COLUMN(fold_interval_exact, &column->intervals[i]);
		break;
	}
}

/* A slice of a column, so that a lane's hashes fit a small array on the stack. */
static struct column column_from_row(const struct column *column, uint32_t row)
{
	struct column part = *column;
	part.values = (uint8_t *)column->values + row * physical_size(type_physical(column->type.id));
	if (column->nulls != NULL)
		part.nulls = column->nulls + row;
	return part;
}

enum { DIGEST_ROWS = 512 };

static uint64_t digest_lane(const struct batch *delta, uint64_t seed)
{
	uint64_t hashes[DIGEST_ROWS], sum = 0;
	for (uint32_t from = 0; from < delta->row_count; from += DIGEST_ROWS) {
		uint32_t rows = delta->row_count - from < DIGEST_ROWS ? delta->row_count - from : DIGEST_ROWS;
		for (uint32_t i = 0; i < rows; i++)
			hashes[i] = seed;
		for (uint32_t c = 0; c < delta->column_count; c++) {
			struct column part = column_from_row(&delta->columns[c], from);
			digest_column(&part, rows, hashes);
		}
		for (uint32_t i = 0; i < rows; i++) {
			/* One more mix: sums of rows that differ in one small integer must not cancel in patterns. */
			uint64_t hash = hash_mix(hashes[i] + hash_step);
			sum += delta->weights != NULL ? (uint64_t)delta->weights[from + i] * hash : hash;
		}
	}
	return sum;
}

void digest_add(struct digest *digest, const struct batch *delta)
{
	digest->low += digest_lane(delta, UINT64_C(0x243f6a8885a308d3));
	digest->high += digest_lane(delta, UINT64_C(0x13198a2e03707344));
}

bool digest_equal(struct digest left, struct digest right)
{
	return left.low == right.low && left.high == right.high;
}

void digest_format(struct digest digest, char text[33])
{
	(void)snprintf(
		text, 33, "%016llx%016llx", (unsigned long long)digest.high, (unsigned long long)digest.low);
}
