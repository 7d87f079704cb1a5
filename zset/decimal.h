/* numeric: 38 decimal digits in a 128-bit integer and a display scale. Results (value and scale) are
 * PostgreSQL's (src/backend/utils/adt/numeric.c documents the rules: select_div_scale and friends); what
 * would need more than 38 digits is STATUS_OUT_OF_RANGE, never a silently rounded value.
 */
#ifndef KAPPA_ZSET_DECIMAL_H
#define KAPPA_ZSET_DECIMAL_H

#include "zset/type.h"

struct decimal decimal_from_i64(int64_t value);
/* scale digits are taken from the value's decimal text form with 15 significant digits, as PostgreSQL's
 * float8→numeric; NaN and infinities OUT_OF_RANGE. float4 uses 6 digits. */
status decimal_from_f64(double value, bool is_float4, struct decimal *out) MUST_USE;
status decimal_from_i128(__int128 value, struct decimal *out) MUST_USE;
status decimal_parse(struct slice text, struct decimal *out) MUST_USE;
void decimal_format(const struct decimal *value, struct buffer *out);
double decimal_to_f64(const struct decimal *value);
/* Rounds half away from zero; OUT_OF_RANGE beyond int64. */
status decimal_to_i64(const struct decimal *value, int64_t *out) MUST_USE;

status decimal_add(const struct decimal *left, const struct decimal *right, struct decimal *out) MUST_USE;
status decimal_subtract(
	const struct decimal *left, const struct decimal *right, struct decimal *out) MUST_USE;
status decimal_multiply(
	const struct decimal *left, const struct decimal *right, struct decimal *out) MUST_USE;
/* PostgreSQL's result scale: at least 16 significant digits, at least the inputs' scales. DIVISION_BY_ZERO.
 */
status decimal_divide(const struct decimal *left, const struct decimal *right, struct decimal *out) MUST_USE;
status decimal_modulo(const struct decimal *left, const struct decimal *right, struct decimal *out) MUST_USE;
/* To `scale` digits after the point (may be negative: tens, hundreds), half away from zero / toward zero. */
status decimal_round(const struct decimal *value, int32_t scale, struct decimal *out) MUST_USE;
status decimal_truncate(const struct decimal *value, int32_t scale, struct decimal *out) MUST_USE;
status decimal_floor(const struct decimal *value, struct decimal *out) MUST_USE;
status decimal_ceil(const struct decimal *value, struct decimal *out) MUST_USE;
struct decimal decimal_negate(const struct decimal *value);
/* Numeric order: 1.0 equals 1.00. */
int decimal_compare(const struct decimal *left, const struct decimal *right);
/* Trailing zeros stripped: equal numbers have equal canonical forms (keys, hashes). */
struct decimal decimal_canonical(const struct decimal *value);
/* Applies numeric(precision, scale); modifier as in struct type. OUT_OF_RANGE "numeric field overflow". */
status decimal_apply_modifier(const struct decimal *value, int32_t modifier, struct decimal *out) MUST_USE;

#endif
