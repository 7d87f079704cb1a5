/* Arithmetic on numerics: a 128-bit integer and a display scale. Pure functions, any thread.
 *
 * Results have the value and the scale PostgreSQL gives: a sum the larger scale, a product the sum of the
 * scales, a quotient what numeric_scale_of_quotient() says, rounded half away from zero. What needs more than
 * 38 digits, or more than 38 digits after the point, is refused. The usual case stays within 128 bits; wide.h
 * takes what does not.
 */
#include "zset/decimal.h"

#include "base/invariant.h"
#include "zset/wide.h"

#define P(exponent) ((u128)UINT64_C(1##exponent))
#define P19 P(0000000000000000000)
const u128 decimal_powers[DECIMAL_DIGITS_MAX + 1] = {P(), P(0), P(00), P(000), P(0000), P(00000), P(000000),
	P(0000000), P(00000000), P(000000000), P(0000000000), P(00000000000), P(000000000000), P(0000000000000),
	P(00000000000000), P(000000000000000), P(0000000000000000), P(00000000000000000), P(000000000000000000),
	P19, P19 *P(0), P19 *P(00), P19 *P(000), P19 *P(0000), P19 *P(00000), P19 *P(000000), P19 *P(0000000),
	P19 *P(00000000), P19 *P(000000000), P19 *P(0000000000), P19 *P(00000000000), P19 *P(000000000000),
	P19 *P(0000000000000), P19 *P(00000000000000), P19 *P(000000000000000), P19 *P(0000000000000000),
	P19 *P(00000000000000000), P19 *P(000000000000000000), P19 *P19};

enum { SCALE_MAX = DECIMAL_DIGITS_MAX };

static status overflow(void)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "numeric field overflow: the result needs more than %d digits",
		DECIMAL_DIGITS_MAX);
	error_hint("Round operands first, or compute in double precision.");
	return STATUS_OUT_OF_RANGE;
}

static inline u128 magnitude_of(__int128 value)
{
	return value < 0 ? -(u128)value : (u128)value;
}

static inline bool fits(u128 magnitude)
{
	return magnitude < decimal_powers[DECIMAL_DIGITS_MAX];
}

static inline struct decimal decimal_make(u128 magnitude, bool negative, int32_t scale)
{
	__int128 value = (__int128)magnitude;
	return (struct decimal){.value = negative ? -value : value, .scale = scale};
}

/* *out = value × 10^digits when that still has at most 38 digits. */
static inline bool shift_up(__int128 value, int32_t digits, __int128 *out)
{
	if (digits == 0) {
		*out = value;
		return true;
	}
	if (digits > DECIMAL_DIGITS_MAX || magnitude_of(value) >= decimal_powers[DECIMAL_DIGITS_MAX - digits])
		return value == 0 ? (*out = 0, true) : false;
	*out = value * (__int128)decimal_powers[digits];
	return true;
}

static status decimal_from_magnitude(
	const struct wide *wide, bool negative, int32_t scale, struct decimal *out)
{
	if (scale > SCALE_MAX || !wide_fits_u128(wide) || !fits(wide_low(wide)))
		return overflow();
	*out = decimal_make(wide_low(wide), negative, scale);
	return STATUS_OK;
}

struct decimal decimal_from_i64(int64_t value)
{
	return (struct decimal){.value = value};
}

status decimal_from_i128(__int128 value, struct decimal *out)
{
	if (!fits(magnitude_of(value)))
		return overflow();
	*out = (struct decimal){.value = value};
	return STATUS_OK;
}

/* Both brought to the larger scale in 256 bits: the sum may fit where a shifted operand does not. */
static status add_wide(__int128 left, int32_t left_shift, __int128 right, int32_t right_shift, int32_t scale,
	struct decimal *out)
{
	struct wide a = wide_from(magnitude_of(left)), b = wide_from(magnitude_of(right));
	/* 10^38 × 10^38 < 2^256: neither multiplication overflows. */
	INVARIANT(
		wide_multiply(&a, decimal_powers[left_shift]) && wide_multiply(&b, decimal_powers[right_shift]));
	bool negative = left < 0;
	if ((left < 0) == (right < 0)) {
		INVARIANT(wide_add(&a, &b));
		return decimal_from_magnitude(&a, negative, scale, out);
	}
	if (wide_compare(&a, &b) >= 0) {
		wide_subtract(&a, &b);
		return decimal_from_magnitude(&a, negative, scale, out);
	}
	wide_subtract(&b, &a);
	return decimal_from_magnitude(&b, !negative, scale, out);
}

static status add(__int128 left, int32_t left_scale, __int128 right, int32_t right_scale, struct decimal *out)
{
	int32_t scale = left_scale > right_scale ? left_scale : right_scale;
	__int128 a, b, sum;
	if (shift_up(left, scale - left_scale, &a) && shift_up(right, scale - right_scale, &b) &&
		!__builtin_add_overflow(a, b, &sum) && fits(magnitude_of(sum))) {
		*out = (struct decimal){.value = sum, .scale = scale};
		return STATUS_OK;
	}
	return add_wide(left, scale - left_scale, right, scale - right_scale, scale, out);
}

status decimal_add(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	return add(left->value, left->scale, right->value, right->scale, out);
}

status decimal_subtract(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	return add(left->value, left->scale, -right->value, right->scale, out);
}

static inline bool is_i64(__int128 value)
{
	return value == (int64_t)value;
}

status decimal_multiply(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	int32_t scale = left->scale + right->scale;
	if (scale > SCALE_MAX)
		return overflow();
	if (is_i64(left->value) && is_i64(right->value)) {
		__int128 product = left->value * right->value;
		if (!fits(magnitude_of(product)))
			return overflow();
		*out = (struct decimal){.value = product, .scale = scale};
		return STATUS_OK;
	}
	struct wide product = wide_from(magnitude_of(left->value));
	INVARIANT(wide_multiply(&product, magnitude_of(right->value)));
	return decimal_from_magnitude(&product, (left->value < 0) != (right->value < 0), scale, out);
}

static int32_t digits_of(u128 magnitude)
{
	int32_t digits = 0;
	if (magnitude >= decimal_powers[19])
		digits = 19;
	while (digits <= DECIMAL_DIGITS_MAX - 1 && magnitude >= decimal_powers[digits])
		digits++;
	return digits;
}

/* PostgreSQL keeps base-10000 digits. Finds the first non-zero one and its power of 10000 (its weight). */
static void first_digit(const struct decimal *value, int32_t *weight, int32_t *digit)
{
	u128 magnitude = magnitude_of(value->value);
	if (magnitude == 0) {
		*weight = 0;
		*digit = 0;
		return;
	}
	int32_t exponent = digits_of(magnitude) - value->scale - 1; /* of the first decimal digit */
	*weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
	int32_t shift = value->scale + 4 * *weight;
	*digit = shift >= 0 ? (int32_t)(magnitude / decimal_powers[shift])
						: (int32_t)(magnitude * decimal_powers[-shift]);
}

/* At least 16 significant digits counted in whole base-10000 digits, and no fewer than either operand shows.
 * The first digits tell whether the quotient's weight is one lower; when they are equal it is assumed to be.
 */
static int32_t scale_of_quotient(const struct decimal *left, const struct decimal *right)
{
	int32_t left_weight, left_digit, right_weight, right_digit;
	first_digit(left, &left_weight, &left_digit);
	first_digit(right, &right_weight, &right_digit);
	int32_t weight = left_weight - right_weight - (left_digit <= right_digit ? 1 : 0);
	int32_t scale = 16 - 4 * weight;
	if (scale < left->scale)
		scale = left->scale;
	return scale < right->scale ? right->scale : scale;
}

status decimal_divide(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	if (right->value == 0)
		return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
	int32_t scale = scale_of_quotient(left, right);
	if (scale > SCALE_MAX)
		return overflow();
	int32_t shift = scale + right->scale - left->scale; /* ≥ 0, since scale ≥ left->scale */
	struct wide quotient = wide_from(magnitude_of(left->value));
	if (shift > DECIMAL_DIGITS_MAX) {
		/* A dividend past 256 bits over a 38-digit divisor is a quotient past 38 digits. */
		if (!wide_multiply(&quotient, decimal_powers[DECIMAL_DIGITS_MAX]))
			return overflow();
		shift -= DECIMAL_DIGITS_MAX;
	}
	if (!wide_multiply(&quotient, decimal_powers[shift]))
		return overflow();
	u128 divisor = magnitude_of(right->value);
	u128 remainder = wide_divide(&quotient, divisor);
	if (remainder >= divisor - remainder) {
		struct wide one = wide_from(1);
		INVARIANT(wide_add(&quotient, &one));
	}
	return decimal_from_magnitude(&quotient, (left->value < 0) != (right->value < 0), scale, out);
}

status decimal_modulo(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	if (right->value == 0)
		return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
	int32_t scale = left->scale > right->scale ? left->scale : right->scale;
	struct wide dividend = wide_from(magnitude_of(left->value));
	struct wide divisor = wide_from(magnitude_of(right->value));
	INVARIANT(wide_multiply(&dividend, decimal_powers[scale - left->scale]));
	INVARIANT(wide_multiply(&divisor, decimal_powers[scale - right->scale]));
	/* Only one of the two was shifted: a divisor past 128 bits is larger than the dividend. */
	struct wide remainder = dividend;
	if (wide_fits_u128(&divisor))
		remainder = wide_from(wide_divide(&dividend, wide_low(&divisor)));
	return decimal_from_magnitude(&remainder, left->value < 0, scale, out);
}

enum rounding { ROUND_HALF_AWAY, ROUND_TO_ZERO, ROUND_DOWN, ROUND_UP };

static u128 round_magnitude(u128 magnitude, bool negative, int32_t dropped, enum rounding rounding)
{
	if (dropped > DECIMAL_DIGITS_MAX) /* less than a tenth of the last digit kept */
		return magnitude != 0 &&
			   ((rounding == ROUND_UP && !negative) || (rounding == ROUND_DOWN && negative));
	u128 divisor = decimal_powers[dropped], quotient, remainder;
	if (magnitude >> 64 == 0 && divisor >> 64 == 0) {
		quotient = (uint64_t)magnitude / (uint64_t)divisor;
		remainder = (uint64_t)magnitude % (uint64_t)divisor;
	} else {
		quotient = magnitude / divisor;
		remainder = magnitude % divisor;
	}
	bool away = false;
	switch (rounding) {
	case ROUND_HALF_AWAY:
		away = remainder >= divisor - remainder;
		break;
	case ROUND_TO_ZERO:
		break;
	case ROUND_DOWN:
		away = negative && remainder != 0;
		break;
	case ROUND_UP:
		away = !negative && remainder != 0;
		break;
	}
	return quotient + (away ? 1 : 0);
}

static status rescale(const struct decimal *value, int32_t scale, enum rounding rounding, struct decimal *out)
{
	/* PostgreSQL's own limits; nothing with 38 digits changes beyond them. */
	if (scale > 2000)
		scale = 2000;
	if (scale < -2000)
		scale = -2000;
	if (scale >= value->scale) {
		__int128 shifted;
		if (scale > SCALE_MAX || !shift_up(value->value, scale - value->scale, &shifted))
			return overflow();
		*out = (struct decimal){.value = shifted, .scale = scale};
		return STATUS_OK;
	}
	bool negative = value->value < 0;
	u128 kept = round_magnitude(magnitude_of(value->value), negative, value->scale - scale, rounding);
	__int128 result = (__int128)kept;
	if (scale < 0) {
		if (!shift_up(result, -scale, &result))
			return overflow();
		scale = 0;
	}
	if (!fits((u128)result))
		return overflow();
	*out = decimal_make((u128)result, negative, scale);
	return STATUS_OK;
}

status decimal_round(const struct decimal *value, int32_t scale, struct decimal *out)
{
	return rescale(value, scale, ROUND_HALF_AWAY, out);
}

status decimal_truncate(const struct decimal *value, int32_t scale, struct decimal *out)
{
	return rescale(value, scale, ROUND_TO_ZERO, out);
}

status decimal_floor(const struct decimal *value, struct decimal *out)
{
	return rescale(value, 0, ROUND_DOWN, out);
}

status decimal_ceil(const struct decimal *value, struct decimal *out)
{
	return rescale(value, 0, ROUND_UP, out);
}

struct decimal decimal_negate(const struct decimal *value)
{
	return (struct decimal){.value = -value->value, .scale = value->scale};
}

status decimal_to_i64(const struct decimal *value, int64_t *out)
{
	u128 magnitude = magnitude_of(value->value);
	if (value->scale != 0)
		magnitude = round_magnitude(magnitude, value->value < 0, value->scale, ROUND_HALF_AWAY);
	__int128 rounded = value->value < 0 ? -(__int128)magnitude : (__int128)magnitude;
	if (!is_i64(rounded))
		return error_raise(STATUS_OUT_OF_RANGE, "bigint out of range");
	*out = (int64_t)rounded;
	return STATUS_OK;
}

int decimal_compare(const struct decimal *left, const struct decimal *right)
{
	__int128 a = left->value, b = right->value;
	if ((a < 0) != (b < 0))
		return a < 0 ? -1 : 1;
	/* One that does not fit once shifted is the larger magnitude. */
	if (left->scale < right->scale && !shift_up(a, right->scale - left->scale, &a))
		return a < 0 ? -1 : 1;
	if (right->scale < left->scale && !shift_up(b, left->scale - right->scale, &b))
		return b < 0 ? 1 : -1;
	return a < b ? -1 : a > b;
}

struct decimal decimal_canonical(const struct decimal *value)
{
	if (value->scale == 0)
		return (struct decimal){.value = value->value};
	u128 magnitude = magnitude_of(value->value);
	int32_t scale = value->scale;
	if (magnitude == 0)
		return (struct decimal){0};
	while (scale >= 1 && magnitude >> 64 != 0) {
		if (magnitude % 10 != 0)
			return decimal_make(magnitude, value->value < 0, scale);
		magnitude /= 10;
		scale--;
	}
	uint64_t small = (uint64_t)magnitude;
	if (magnitude >> 64 != 0)
		return decimal_make(magnitude, value->value < 0, scale);
	for (; scale >= 4 && small % 10000 == 0; scale -= 4)
		small /= 10000;
	for (; scale >= 1 && small % 10 == 0; scale--)
		small /= 10;
	return decimal_make(small, value->value < 0, scale);
}

status decimal_apply_modifier(const struct decimal *value, int32_t modifier, struct decimal *out)
{
	if (modifier < 0) {
		*out = *value;
		return STATUS_OK;
	}
	int32_t precision = modifier >> 16, scale = (int16_t)(modifier & 0xffff);
	struct decimal rounded;
	status code = decimal_round(value, scale, &rounded);
	if (code != STATUS_OK)
		return code;
	int32_t digits = precision - scale + (scale < 0 ? 0 : scale); /* of the integer held */
	if (digits < DECIMAL_DIGITS_MAX && digits >= 0 && magnitude_of(rounded.value) >= decimal_powers[digits]) {
		(void)error_raise(STATUS_OUT_OF_RANGE, "numeric field overflow");
		error_hint("A field with precision %d, scale %d must round to an absolute value less than 10^%d.",
			precision, scale, precision - scale);
		return STATUS_OUT_OF_RANGE;
	}
	*out = rounded;
	return STATUS_OK;
}
