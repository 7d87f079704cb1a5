/* Fixed-point decimal numbers with 90 digits after the point and 81 before it: the intermediate results of
 * exp, ln, power and square root of numerics, whose own results have at most 38 digits. Plain values, no
 * state; the functions here are the only ones that look inside.
 */
#ifndef KAPPA_PROCESSORS_FIXED_H
#define KAPPA_PROCESSORS_FIXED_H

#include "zset/decimal.h"

enum { FIXED_LIMBS = 19, FIXED_FRACTION_LIMBS = 10, FIXED_LIMB_DIGITS = 9 };

struct fixed {
	bool negative;              /* never with all limbs 0 */
	uint32_t limb[FIXED_LIMBS]; /* base 10^9, least significant first */
};

struct fixed fixed_from_decimal(const struct decimal *value);
/* Rounds half away from zero to `scale` digits; OUT_OF_RANGE when that needs more than 38 digits. */
status fixed_to_decimal(const struct fixed *value, int32_t scale, struct decimal *out) MUST_USE;
bool fixed_is_zero(const struct fixed *value);

/* These truncate below the last digit. OUT_OF_RANGE when the integer part overflows. */
status fixed_add(const struct fixed *left, const struct fixed *right, struct fixed *out) MUST_USE;
status fixed_subtract(const struct fixed *left, const struct fixed *right, struct fixed *out) MUST_USE;
status fixed_multiply(const struct fixed *left, const struct fixed *right, struct fixed *out) MUST_USE;
status fixed_divide(
	const struct fixed *left, const struct fixed *right, struct fixed *out) MUST_USE; /* right ≠ 0 */

status fixed_exp(const struct fixed *value, struct fixed *out) MUST_USE;
status fixed_ln(const struct fixed *value, struct fixed *out) MUST_USE;   /* value > 0 */
status fixed_sqrt(const struct fixed *value, struct fixed *out) MUST_USE; /* value ≥ 0 */
/* By repeated squaring; exponent ≥ 0. */
status fixed_power(const struct fixed *base, uint64_t exponent, struct fixed *out) MUST_USE;

#endif
