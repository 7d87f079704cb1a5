/* What equality ignores, taken away: one representative per class of equal values, shared by compare, hash,
 * key codec and sort so that they cannot disagree. Pure inline functions; private to zset/.
 */
#ifndef KAPPA_ZSET_CANONICAL_H
#define KAPPA_ZSET_CANONICAL_H

#include <string.h>

#include "zset/batch.h"

/* Orders doubles as unsigned integers: −inf < … < −0 = 0 < … < inf < NaN (all NaNs alike). */
static inline uint64_t f64_order(double value)
{
	uint64_t bits;
	if (value != value)
		return UINT64_C(0xfff8000000000000);
	value += 0.0; /* −0 becomes 0 */
	memcpy(&bits, &value, sizeof bits);
	return bits >> 63 != 0 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline double f64_from_order(uint64_t order)
{
	uint64_t bits = order >> 63 != 0 ? order & ~(UINT64_C(1) << 63) : ~order;
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static inline uint64_t i64_order(int64_t value)
{
	return (uint64_t)value ^ UINT64_C(1) << 63;
}

/* Months of 30 days, days of 24 hours, as PostgreSQL compares intervals. */
static inline __int128 interval_span(const struct interval *interval)
{
	const __int128 day = INT64_C(86400000000);
	return ((__int128)interval->months * 30 + interval->days) * day + interval->microseconds;
}

/* row_compare() without the columns before `first_column` (compare.c). */
int row_compare_from(const struct batch *left, uint32_t left_row, const struct batch *right,
	uint32_t right_row, uint32_t first_column);

static inline int texts_compare(const struct text *left, const struct text *right)
{
	uint32_t common = left->size < right->size ? left->size : right->size;
	int order = common == 0 ? 0 : memcmp(left->data, right->data, common);
	if (order != 0)
		return order < 0 ? -1 : 1;
	return left->size < right->size ? -1 : left->size > right->size;
}

static inline bool texts_equal(const struct text *left, const struct text *right)
{
	return left->size == right->size && (left->size == 0 || memcmp(left->data, right->data, left->size) == 0);
}

#endif
