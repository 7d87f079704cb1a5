/* Exact sums of doubles; see aggregate_float.h for the representation. */
#include "processors/aggregate_float.h"

#include <math.h>

#include "base/invariant.h"

typedef unsigned __int128 u128;

/* Bits: 2046 positions + 53 of mantissa + 63 of a weight + 63 of a count + sign, rounded up to limbs. */
enum { NARROW_LIMBS = 3, WIDE_LIMBS = 36, UNIT_EXPONENT = -1074, ENCODED_SPECIAL = 1 };

struct float_wide {
	uint64_t limb[WIDE_LIMBS];
	int64_t nan_count, plus_count, minus_count; /* infinities */
};

/* A non-negative integer of at most 192 bits that stands at limb `at`. */
struct addend {
	uint64_t limb[3];
	int at;
};

static struct addend addend_make(u128 magnitude, unsigned position)
{
	struct addend addend = {.at = (int)(position / 64)};
	unsigned shift = position % 64;
	uint64_t low = (uint64_t)magnitude, high = (uint64_t)(magnitude >> 64);
	addend.limb[0] = low << shift;
	addend.limb[1] = high << shift;
	if (shift != 0) {
		addend.limb[1] |= low >> (64 - shift);
		addend.limb[2] = high >> (64 - shift);
	}
	return addend;
}

/* ---- wide ---- */

static void wide_add(struct float_wide *wide, const struct addend *addend, bool negative)
{
	uint64_t carry = 0;
	for (int i = addend->at; i < WIDE_LIMBS; i++) {
		int k = i - addend->at;
		if (k >= 3 && carry == 0)
			return;
		uint64_t part = k < 3 ? addend->limb[k] : 0;
		u128 sum = negative ? (u128)wide->limb[i] - part - carry : (u128)wide->limb[i] + part + carry;
		wide->limb[i] = (uint64_t)sum;
		carry = (uint64_t)(sum >> 64) & 1;
	}
}

static void widen(struct float_sum *sum, struct pool *pool)
{
	struct float_wide *wide = pool_alloc(pool, sizeof *wide);
	memset(wide, 0, sizeof *wide);
	if (sum->kind == FLOAT_SUM_NARROW) {
		uint64_t sign = sum->limb[NARROW_LIMBS - 1] >> 63 != 0 ? UINT64_MAX : 0;
		for (int i = sum->base; i < WIDE_LIMBS; i++)
			wide->limb[i] = i - sum->base < NARROW_LIMBS ? sum->limb[i - sum->base] : sign;
	}
	*sum = (struct float_sum){.kind = FLOAT_SUM_WIDE};
	sum->wide = wide;
}

static status add_special(struct float_sum *sum, double value, int64_t weight, struct pool *pool)
{
	if (sum->kind != FLOAT_SUM_WIDE)
		widen(sum, pool);
	int64_t *count = isnan(value) ? &sum->wide->nan_count
					 : value > 0  ? &sum->wide->plus_count
								  : &sum->wide->minus_count;
	if (__builtin_add_overflow(*count, weight, count))
		return error_raise(STATUS_OUT_OF_RANGE, "too many rows in a sum");
	return STATUS_OK;
}

/* ---- narrow ---- */

/* Moves the window so that it starts at limb `base`; false if digits would fall out. */
static bool narrow_move(struct float_sum *sum, int base)
{
	int shift = sum->base - base; /* > 0: towards smaller numbers */
	uint64_t sign = sum->limb[NARROW_LIMBS - 1] >> 63 != 0 ? UINT64_MAX : 0;
	uint64_t moved[NARROW_LIMBS];
	for (int i = 0; i < NARROW_LIMBS; i++) {
		int from = i - shift;
		moved[i] = from < 0 ? 0 : from < NARROW_LIMBS ? sum->limb[from] : sign;
	}
	for (int i = 0; i < NARROW_LIMBS; i++) {
		int to = i + shift;
		if ((to >= NARROW_LIMBS && sum->limb[i] != sign) || (to < 0 && sum->limb[i] != 0))
			return false;
	}
	if ((moved[NARROW_LIMBS - 1] >> 63 != 0) != (sign != 0))
		return false;
	memcpy(sum->limb, moved, sizeof moved);
	sum->base = (int16_t)base;
	return true;
}

static bool narrow_add(struct float_sum *sum, const struct addend *addend, bool negative)
{
	int length = addend->limb[2] != 0 ? 3 : addend->limb[1] != 0 ? 2 : 1;
	if (addend->at < sum->base && !narrow_move(sum, addend->at))
		return false;
	if (addend->at + length > sum->base + NARROW_LIMBS &&
		!narrow_move(sum, addend->at + length - NARROW_LIMBS))
		return false;
	int first = addend->at - sum->base;
	if (first < 0)
		return false;
	uint64_t next[NARROW_LIMBS], carry = 0;
	for (int i = 0; i < NARROW_LIMBS - 1; i++) {
		uint64_t part = i >= first ? addend->limb[i - first] : 0;
		u128 total = negative ? (u128)sum->limb[i] - part - carry : (u128)sum->limb[i] + part + carry;
		next[i] = (uint64_t)total;
		carry = (uint64_t)(total >> 64) & 1;
	}
	__int128 part = (__int128)addend->limb[NARROW_LIMBS - 1 - first] + carry;
	__int128 top = (__int128)(int64_t)sum->limb[NARROW_LIMBS - 1] + (negative ? -part : part);
	if (top != (int64_t)top)
		return false;
	next[NARROW_LIMBS - 1] = (uint64_t)top;
	memcpy(sum->limb, next, sizeof next);
	return true;
}

status float_sum_add(struct float_sum *sum, double value, int64_t weight, struct pool *pool)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
	uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
	if (exponent == 0x7ff)
		return add_special(sum, value, weight, pool);
	if (exponent != 0)
		mantissa |= UINT64_C(1) << 52;
	if (mantissa == 0 || weight == 0)
		return STATUS_OK;
	bool negative = (bits >> 63 != 0) != (weight < 0);
	u128 magnitude = (u128)mantissa * (u128)(weight < 0 ? -(uint64_t)weight : (uint64_t)weight);
	struct addend addend = addend_make(magnitude, exponent != 0 ? exponent - 1 : 0);
	if (sum->kind == FLOAT_SUM_ZERO) {
		sum->kind = FLOAT_SUM_NARROW;
		sum->base = (int16_t)addend.at;
	}
	if (sum->kind == FLOAT_SUM_NARROW) {
		if (narrow_add(sum, &addend, negative))
			return STATUS_OK;
		widen(sum, pool);
	}
	wide_add(sum->wide, &addend, negative);
	return STATUS_OK;
}

/* ---- rounding ---- */

static unsigned magnitude_bits(const uint64_t *limbs, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		if (limbs[i] != 0)
			return (unsigned)(64 * i + 64 - __builtin_clzll(limbs[i]));
	}
	return 0;
}

static bool any_bit_below(const uint64_t *limbs, unsigned position)
{
	for (unsigned i = 0; i < position / 64; i++) {
		if (limbs[i] != 0)
			return true;
	}
	return position % 64 != 0 && (limbs[position / 64] & ((UINT64_C(1) << position % 64) - 1)) != 0;
}

/* At most 64 bits starting at `position`. */
static uint64_t bits_from(const uint64_t *limbs, int count, unsigned position)
{
	unsigned limb = position / 64, shift = position % 64;
	if ((int)limb >= count)
		return 0;
	uint64_t bits = limbs[limb] >> shift;
	if (shift != 0 && (int)limb + 1 < count)
		bits |= limbs[limb + 1] << (64 - shift);
	return bits;
}

/* `limbs` is a two's complement number and is overwritten; its unit is 2^unit. */
static double limbs_round(uint64_t *limbs, int count, int unit, bool float4)
{
	bool negative = limbs[count - 1] >> 63 != 0;
	uint64_t carry = 1;
	for (int i = 0; negative && i < count; i++) {
		limbs[i] = ~limbs[i] + carry;
		carry = carry != 0 && limbs[i] == 0;
	}
	unsigned bits = magnitude_bits(limbs, count), precision = float4 ? 24 : 53;
	/* The last place: that of the precision, but not below the smallest subnormal. */
	int lowest = (float4 ? -149 : UNIT_EXPONENT) - unit;
	int drop = (int)bits - (int)precision;
	drop = drop < lowest ? lowest : drop;
	drop = drop < 0 ? 0 : drop;
	uint64_t kept = bits_from(limbs, count, (unsigned)drop);
	if (drop > 0 && (unsigned)drop <= bits) {
		bool half = bits_from(limbs, count, (unsigned)drop - 1) & 1;
		if (half && (any_bit_below(limbs, (unsigned)drop - 1) || (kept & 1) != 0))
			kept++;
	}
	double result = ldexp((double)kept, drop + unit);
	if (float4 && result > 0x1.fffffep127)
		result = HUGE_VAL;
	return negative ? -result : result;
}

static double wide_round(const struct float_wide *wide, bool float4, bool *overflow)
{
	*overflow = false;
	if (wide->nan_count != 0 || (wide->plus_count != 0 && wide->minus_count != 0))
		return (double)NAN;
	if (wide->plus_count != 0)
		return HUGE_VAL;
	if (wide->minus_count != 0)
		return -HUGE_VAL;
	uint64_t limbs[WIDE_LIMBS];
	memcpy(limbs, wide->limb, sizeof limbs);
	double result = limbs_round(limbs, WIDE_LIMBS, UNIT_EXPONENT, float4);
	*overflow = isinf(result);
	return result;
}

void float_sum_settle(struct float_sum *sum)
{
	if (sum->kind != FLOAT_SUM_WIDE)
		return;
	bool overflow, overflow_float4;
	sum->rounded = wide_round(sum->wide, false, &overflow);
	sum->rounded_float4 = wide_round(sum->wide, true, &overflow_float4);
	sum->overflow = overflow;
	sum->overflow_float4 = overflow_float4;
}

status float_sum_round(const struct float_sum *sum, bool float4, double *out)
{
	double result = 0;
	bool overflow = false;
	if (sum->kind == FLOAT_SUM_WIDE) {
		result = float4 ? sum->rounded_float4 : sum->rounded;
		overflow = float4 ? sum->overflow_float4 : sum->overflow;
	} else if (sum->kind == FLOAT_SUM_NARROW) {
		uint64_t limbs[NARROW_LIMBS];
		memcpy(limbs, sum->limb, sizeof limbs);
		result = limbs_round(limbs, NARROW_LIMBS, 64 * sum->base + UNIT_EXPONENT, float4);
		overflow = isinf(result);
	}
	if (overflow)
		return error_raise(STATUS_OUT_OF_RANGE, "value out of range: overflow");
	*out = result;
	return STATUS_OK;
}

void float_sum_free(struct float_sum *sum, struct pool *pool)
{
	if (sum->kind == FLOAT_SUM_WIDE)
		pool_free(pool, sum->wide, sizeof *sum->wide);
}

bool float_sum_is_zero(const struct float_sum *sum)
{
	if (sum->kind == FLOAT_SUM_ZERO)
		return true;
	if (sum->kind == FLOAT_SUM_NARROW)
		return (sum->limb[0] | sum->limb[1] | sum->limb[2]) == 0;
	for (int i = 0; i < WIDE_LIMBS; i++) {
		if (sum->wide->limb[i] != 0)
			return false;
	}
	return sum->wide->nan_count == 0 && sum->wide->plus_count == 0 && sum->wide->minus_count == 0;
}

/* ---- stored form: limb count, first limb's number, limbs (the last one signed), flag, special counts ----
 */

void float_sum_encode(const struct float_sum *sum, struct buffer *out)
{
	bool wide = sum->kind == FLOAT_SUM_WIDE;
	const uint64_t *limbs = wide ? sum->wide->limb : sum->limb;
	int first = 0, end = wide ? WIDE_LIMBS : sum->kind == FLOAT_SUM_NARROW ? NARROW_LIMBS : 0;
	while (first < end && limbs[first] == 0)
		first++;
	while (end - first > 1 && limbs[end - 1] == (limbs[end - 2] >> 63 != 0 ? UINT64_MAX : 0))
		end--;
	buffer_append_varint(out, (uint64_t)(end - first));
	if (end > first)
		buffer_append_varint(out, (uint64_t)(first + (wide ? 0 : sum->base)));
	for (int i = first; i < end; i++)
		buffer_append_be64(out, limbs[i]);
	bool special =
		wide && (sum->wide->nan_count != 0 || sum->wide->plus_count != 0 || sum->wide->minus_count != 0);
	buffer_append_byte(out, special ? ENCODED_SPECIAL : 0);
	if (!special)
		return;
	buffer_append_zigzag(out, sum->wide->nan_count);
	buffer_append_zigzag(out, sum->wide->plus_count);
	buffer_append_zigzag(out, sum->wide->minus_count);
}

status float_sum_decode(struct cursor *bytes, struct float_sum *sum, struct pool *pool)
{
	uint64_t count = cursor_varint(bytes), first = count != 0 ? cursor_varint(bytes) : 0;
	if (bytes->failed || count > WIDE_LIMBS || first > WIDE_LIMBS || first + count > WIDE_LIMBS)
		return error_raise(STATUS_DAMAGED, "stored float sum is damaged");
	uint64_t limbs[WIDE_LIMBS] = {0};
	for (uint64_t i = 0; i < count; i++)
		limbs[first + i] = cursor_be64(bytes);
	bool negative = count != 0 && limbs[first + count - 1] >> 63 != 0;
	for (uint64_t i = first + count; negative && i < WIDE_LIMBS; i++)
		limbs[i] = UINT64_MAX;
	*sum = (struct float_sum){.kind = FLOAT_SUM_ZERO};
	bool special = cursor_u8(bytes) == ENCODED_SPECIAL;
	if (special || count > NARROW_LIMBS) {
		widen(sum, pool);
		memcpy(sum->wide->limb, limbs, sizeof limbs);
	} else if (count != 0) {
		sum->kind = FLOAT_SUM_NARROW;
		sum->base = (int16_t)(first + NARROW_LIMBS <= WIDE_LIMBS ? first : WIDE_LIMBS - NARROW_LIMBS);
		memcpy(sum->limb, &limbs[sum->base], sizeof sum->limb);
	}
	if (special) {
		sum->wide->nan_count = cursor_zigzag(bytes);
		sum->wide->plus_count = cursor_zigzag(bytes);
		sum->wide->minus_count = cursor_zigzag(bytes);
	}
	if (bytes->failed)
		return error_raise(STATUS_DAMAGED, "stored float sum is cut short");
	float_sum_settle(sum);
	return STATUS_OK;
}
