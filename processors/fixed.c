/* Fixed-point arithmetic by the school methods, and series and iterations on top of it. Every operation loses
 * less than one unit in the 90th digit; what the functions need of that (squarings, iterations) leaves more
 * than 70 right ones.
 */
#include "processors/fixed.h"

#include <math.h>

#include "base/invariant.h"

enum { BASE = 1000000000, WIDE_LIMBS = 2 * FIXED_LIMBS };

static status fixed_overflow(void)
{
	return error_raise(STATUS_OUT_OF_RANGE, "value overflows numeric format: more than 38 digits");
}

bool fixed_is_zero(const struct fixed *value)
{
	uint32_t bits = 0;
	for (int i = 0; i < FIXED_LIMBS; i++)
		bits |= value->limb[i];
	return bits == 0;
}

static int magnitude_compare(const uint32_t *left, const uint32_t *right)
{
	for (int i = FIXED_LIMBS - 1; i >= 0; i--) {
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	}
	return 0;
}

/* Multiplies and adds in place; false when a carry is left over. */
static bool magnitude_scale(uint32_t *limb, uint32_t factor, uint32_t addend)
{
	uint64_t carry = addend;
	for (int i = 0; i < FIXED_LIMBS; i++) {
		carry += (uint64_t)limb[i] * factor;
		limb[i] = (uint32_t)(carry % BASE);
		carry /= BASE;
	}
	return carry == 0;
}

static void magnitude_divide_small(uint32_t *limb, uint32_t divisor)
{
	uint64_t rest = 0;
	for (int i = FIXED_LIMBS - 1; i >= 0; i--) {
		rest = rest * BASE + limb[i];
		limb[i] = (uint32_t)(rest / divisor);
		rest %= divisor;
	}
}

struct fixed fixed_from_decimal(const struct decimal *value)
{
	struct fixed out = {.negative = value->value < 0};
	unsigned __int128 rest =
		out.negative ? -(unsigned __int128)value->value : (unsigned __int128)value->value;
	for (int i = FIXED_FRACTION_LIMBS; rest != 0; i++) {
		out.limb[i] = (uint32_t)(rest % BASE);
		rest /= BASE;
	}
	int32_t scale = value->scale;
	for (; scale >= FIXED_LIMB_DIGITS; scale -= FIXED_LIMB_DIGITS)
		magnitude_divide_small(out.limb, BASE);
	for (; scale > 0; scale--)
		magnitude_divide_small(out.limb, 10);
	return out;
}

status fixed_to_decimal(const struct fixed *value, int32_t scale, struct decimal *out)
{
	INVARIANT(scale >= 0);
	if (scale > 38)
		return fixed_overflow();
	struct fixed scaled = *value;
	for (int32_t i = 0; i < scale; i++) {
		if (!magnitude_scale(scaled.limb, 10, 0))
			return fixed_overflow();
	}
	bool up = scaled.limb[FIXED_FRACTION_LIMBS - 1] >= BASE / 2;
	unsigned __int128 digits = 0;
	unsigned __int128 limit = 1;
	for (int i = 0; i < 38; i++)
		limit *= 10;
	for (int i = FIXED_LIMBS - 1; i >= FIXED_FRACTION_LIMBS; i--) {
		if (digits > limit / BASE)
			return fixed_overflow();
		digits = digits * BASE + scaled.limb[i];
	}
	digits += up;
	if (digits >= limit)
		return fixed_overflow();
	*out = (struct decimal){.value = value->negative ? -(__int128)digits : (__int128)digits, .scale = scale};
	return STATUS_OK;
}

static void sign_normalise(struct fixed *value)
{
	value->negative = value->negative && !fixed_is_zero(value);
}

static status magnitude_add(const struct fixed *left, const struct fixed *right, struct fixed *out)
{
	uint32_t carry = 0;
	struct fixed sum = {.negative = left->negative};
	for (int i = 0; i < FIXED_LIMBS; i++) {
		uint32_t limb = left->limb[i] + right->limb[i] + carry;
		carry = limb >= BASE;
		sum.limb[i] = carry != 0 ? limb - BASE : limb;
	}
	*out = sum;
	return carry == 0 ? STATUS_OK : fixed_overflow();
}

/* |left| − |right|, with left's sign if |left| is the greater, else the opposite. */
static void magnitude_subtract(const struct fixed *left, const struct fixed *right, struct fixed *out)
{
	bool swapped = magnitude_compare(left->limb, right->limb) < 0;
	const struct fixed *more = swapped ? right : left, *less = swapped ? left : right;
	struct fixed difference = {.negative = left->negative != swapped};
	uint32_t borrow = 0;
	for (int i = 0; i < FIXED_LIMBS; i++) {
		uint32_t taken = less->limb[i] + borrow;
		borrow = more->limb[i] < taken;
		difference.limb[i] = more->limb[i] + (borrow != 0 ? BASE : 0) - taken;
	}
	sign_normalise(&difference);
	*out = difference;
}

status fixed_add(const struct fixed *left, const struct fixed *right, struct fixed *out)
{
	if (left->negative == right->negative)
		return magnitude_add(left, right, out);
	magnitude_subtract(left, right, out);
	return STATUS_OK;
}

status fixed_subtract(const struct fixed *left, const struct fixed *right, struct fixed *out)
{
	struct fixed negated = *right;
	negated.negative = !right->negative && !fixed_is_zero(right);
	return fixed_add(left, &negated, out);
}

status fixed_multiply(const struct fixed *left, const struct fixed *right, struct fixed *out)
{
	uint32_t wide[WIDE_LIMBS] = {0};
	for (int i = 0; i < FIXED_LIMBS; i++) {
		uint64_t carry = 0;
		if (left->limb[i] == 0)
			continue;
		for (int j = 0; j < FIXED_LIMBS; j++) {
			carry += (uint64_t)left->limb[i] * right->limb[j] + wide[i + j];
			wide[i + j] = (uint32_t)(carry % BASE);
			carry /= BASE;
		}
		wide[i + FIXED_LIMBS] = (uint32_t)carry;
	}
	for (int i = FIXED_LIMBS + FIXED_FRACTION_LIMBS; i < WIDE_LIMBS; i++) {
		if (wide[i] != 0)
			return fixed_overflow();
	}
	struct fixed product = {.negative = left->negative != right->negative};
	for (int i = 0; i < FIXED_LIMBS; i++)
		product.limb[i] = wide[i + FIXED_FRACTION_LIMBS];
	sign_normalise(&product);
	*out = product;
	return STATUS_OK;
}

/* rest −= divisor × factor; rest has one limb more. False when that would be negative (rest is then
 * unspecified). */
static bool rest_reduce(uint32_t *rest, const uint32_t *divisor, uint64_t factor)
{
	int64_t borrow = 0;
	uint64_t carry = 0;
	for (int i = 0; i <= FIXED_LIMBS; i++) {
		carry += i < FIXED_LIMBS ? divisor[i] * factor : 0;
		int64_t limb = (int64_t)rest[i] - (int64_t)(carry % BASE) + borrow;
		carry /= BASE;
		borrow = limb < 0 ? -1 : 0;
		rest[i] = (uint32_t)(limb < 0 ? limb + BASE : limb);
	}
	return borrow == 0 && carry == 0;
}

/* The greatest factor with divisor × factor ≤ rest, by bisection: 30 trials, no case analysis. */
static uint32_t quotient_limb(uint32_t *rest, const uint32_t *divisor)
{
	uint32_t low = 0, high = BASE;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2, trial[FIXED_LIMBS + 1];
		memcpy(trial, rest, sizeof trial);
		if (rest_reduce(trial, divisor, middle))
			low = middle;
		else
			high = middle;
	}
	if (low != 0)
		(void)rest_reduce(rest, divisor, low);
	return low;
}

status fixed_divide(const struct fixed *left, const struct fixed *right, struct fixed *out)
{
	INVARIANT(!fixed_is_zero(right));
	uint32_t rest[FIXED_LIMBS + 1] = {0};
	struct fixed quotient = {.negative = left->negative != right->negative};
	/* Long division of left × BASE^FRACTION, limb by limb from the top. */
	for (int i = FIXED_LIMBS + FIXED_FRACTION_LIMBS - 1; i >= 0; i--) {
		memmove(rest + 1, rest, FIXED_LIMBS * sizeof *rest);
		rest[0] = i >= FIXED_FRACTION_LIMBS ? left->limb[i - FIXED_FRACTION_LIMBS] : 0;
		uint32_t limb = quotient_limb(rest, right->limb);
		if (i < FIXED_LIMBS)
			quotient.limb[i] = limb;
		else if (limb != 0)
			return fixed_overflow();
	}
	sign_normalise(&quotient);
	*out = quotient;
	return STATUS_OK;
}

static struct fixed fixed_one(void)
{
	struct fixed one = {0};
	one.limb[FIXED_FRACTION_LIMBS] = 1;
	return one;
}

static double fixed_to_double(const struct fixed *value)
{
	double sum = 0;
	for (int i = FIXED_LIMBS - 1; i >= 0; i--)
		sum += value->limb[i] * pow(1e9, i - FIXED_FRACTION_LIMBS);
	return value->negative ? -sum : sum;
}

/* |value| < 10^72. */
static struct fixed fixed_from_double(double value)
{
	struct fixed out = {.negative = value < 0};
	double rest = fabs(value) / pow(1e9, FIXED_LIMBS - 1 - FIXED_FRACTION_LIMBS);
	for (int i = FIXED_LIMBS - 1; i >= 0; i--) {
		double limb = floor(rest);
		out.limb[i] = (uint32_t)limb;
		rest = (rest - limb) * 1e9;
	}
	sign_normalise(&out);
	return out;
}

/* e^x for 0 ≤ x: halved until small, summed by Taylor's series, squared back. */
static status exp_positive(const struct fixed *value, struct fixed *out)
{
	struct fixed small = *value, term = fixed_one(), sum = fixed_one();
	unsigned halvings = 0;
	for (; fixed_to_double(&small) > 1.0 / 256; halvings++)
		magnitude_divide_small(small.limb, 2);
	for (uint32_t n = 1; !fixed_is_zero(&term); n++) {
		status result = fixed_multiply(&term, &small, &term);
		magnitude_divide_small(term.limb, n);
		if (result == STATUS_OK)
			result = fixed_add(&sum, &term, &sum);
		if (result != STATUS_OK)
			return result;
	}
	for (; halvings > 0; halvings--) {
		status result = fixed_multiply(&sum, &sum, &sum);
		if (result != STATUS_OK)
			return result;
	}
	*out = sum;
	return STATUS_OK;
}

status fixed_exp(const struct fixed *value, struct fixed *out)
{
	/* e^±187 is where the integer part overflows; beyond −208 nothing is left of 90 digits. */
	double rough = fixed_to_double(value);
	if (rough > 187)
		return fixed_overflow();
	if (rough < -208) {
		*out = (struct fixed){0};
		return STATUS_OK;
	}
	struct fixed half = *value, one = fixed_one();
	half.negative = false;
	if (!value->negative)
		return exp_positive(&half, out);
	/* Halved, so that e^x does not overflow before it is inverted. */
	magnitude_divide_small(half.limb, 2);
	status result = exp_positive(&half, &half);
	if (result == STATUS_OK)
		result = fixed_divide(&one, &half, &half);
	return result == STATUS_OK ? fixed_multiply(&half, &half, out) : result;
}

/* Halley's iteration y += 2 (x − e^y) / (x + e^y): each step triples the right digits of the 15 that log()
 * has. */
status fixed_ln(const struct fixed *value, struct fixed *out)
{
	struct fixed y = fixed_from_double(log(fixed_to_double(value)));
	for (int i = 0; i < 2; i++) {
		struct fixed power, above, below, step;
		status result = fixed_exp(&y, &power);
		if (result == STATUS_OK)
			result = fixed_subtract(value, &power, &above);
		if (result == STATUS_OK)
			result = fixed_add(value, &power, &below);
		if (result == STATUS_OK)
			result = fixed_divide(&above, &below, &step);
		if (result == STATUS_OK)
			result = fixed_add(&step, &step, &step);
		if (result == STATUS_OK)
			result = fixed_add(&y, &step, &y);
		if (result != STATUS_OK)
			return result;
	}
	*out = y;
	return STATUS_OK;
}

/* Newton's iteration y = (y + x / y) / 2: each step doubles the right digits. */
status fixed_sqrt(const struct fixed *value, struct fixed *out)
{
	if (fixed_is_zero(value)) {
		*out = *value;
		return STATUS_OK;
	}
	struct fixed y = fixed_from_double(sqrt(fixed_to_double(value)));
	for (int i = 0; i < 3; i++) {
		struct fixed quotient;
		status result = fixed_divide(value, &y, &quotient);
		if (result == STATUS_OK)
			result = fixed_add(&y, &quotient, &y);
		if (result != STATUS_OK)
			return result;
		magnitude_divide_small(y.limb, 2);
	}
	*out = y;
	return STATUS_OK;
}

status fixed_power(const struct fixed *base, uint64_t exponent, struct fixed *out)
{
	struct fixed product = fixed_one(), square = *base;
	while (exponent != 0) {
		status result = STATUS_OK;
		if (exponent & 1)
			result = fixed_multiply(&product, &square, &product);
		exponent >>= 1;
		if (result == STATUS_OK && exponent != 0 && !fixed_is_zero(&square))
			result = fixed_multiply(&square, &square, &square);
		if (result != STATUS_OK)
			return result;
		if (fixed_is_zero(&product))
			break;
	}
	*out = product;
	return STATUS_OK;
}
