/* Exact sums of doubles: every addition and retraction is exact, the result is rounded once, so the order and
 * grouping of rows cannot be seen in it.
 *
 * A finite double is an integer multiple of 2^-1074, so a sum of them is a (big) two's complement integer in
 * that unit. Usually the doubles of a group are of like size and the integer fits a window of three 64-bit
 * limbs, which lies in the accumulator itself:
 *
 *     value = (limb[0] + limb[1] 2^64 + limb[2] 2^128) × 2^(64 base − 1074),   limb[2] signed
 *
 * What does not fit (1e300 beside 1e-300, NaN, infinities) moves to a wide one, which holds every possible
 * sum of 2^63 doubles and counts the special values. All-zero memory is the empty sum.
 */
#ifndef KAPPA_PROCESSORS_AGGREGATE_FLOAT_H
#define KAPPA_PROCESSORS_AGGREGATE_FLOAT_H

#include "base/bytes.h"
#include "base/status.h"
#include "processors/pool.h"

enum float_sum_kind { FLOAT_SUM_ZERO, FLOAT_SUM_NARROW, FLOAT_SUM_WIDE };

struct float_wide;

struct float_sum {
	union {
		uint64_t limb[3];
		struct {
			struct float_wide *wide; /* in the pool */
			double rounded;          /* as of the last float_sum_settle() */
			double rounded_float4;
		};
	};
	int16_t base;
	uint8_t kind;
	uint8_t overflow; /* wide: the rounded sum of finite numbers is infinite */
	uint8_t overflow_float4;
	uint8_t reserved[3];
};

/* Adds value × weight. OUT_OF_RANGE when a count of special values leaves 64 bits. */
status float_sum_add(struct float_sum *sum, double value, int64_t weight, struct pool *pool) MUST_USE;
/* Brings the rounded values of a wide sum up to date; copies of the sum taken afterwards can be rounded
 * whatever happens to the original. */
void float_sum_settle(struct float_sum *sum);
/* The sum rounded to nearest even, as double or as float; OUT_OF_RANGE when finite numbers sum to more than
 * the type holds. */
status float_sum_round(const struct float_sum *sum, bool float4, double *out) MUST_USE;
void float_sum_free(struct float_sum *sum, struct pool *pool);
bool float_sum_is_zero(const struct float_sum *sum);

void float_sum_encode(const struct float_sum *sum, struct buffer *out);
/* Fills an empty sum; settles it. DAMAGED. */
status float_sum_decode(struct cursor *bytes, struct float_sum *sum, struct pool *pool) MUST_USE;

#endif
