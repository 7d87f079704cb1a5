/* 256-bit unsigned integers: the intermediate results of 38-digit decimals. Plain values, no state; private
 * to zset/. Limbs are 64 bits, least significant first.
 */
#ifndef KAPPA_ZSET_WIDE_H
#define KAPPA_ZSET_WIDE_H

#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 u128;

enum { DECIMAL_DIGITS_MAX = 38 };

/* 10^0 … 10^38 (decimal.c). */
extern const u128 decimal_powers[DECIMAL_DIGITS_MAX + 1];

struct wide {
	uint64_t limb[4];
};

static inline struct wide wide_from(u128 value)
{
	return (struct wide){{(uint64_t)value, (uint64_t)(value >> 64), 0, 0}};
}

static inline bool wide_fits_u128(const struct wide *wide)
{
	return (wide->limb[2] | wide->limb[3]) == 0;
}

static inline u128 wide_low(const struct wide *wide)
{
	return (u128)wide->limb[1] << 64 | wide->limb[0];
}

static inline int wide_compare(const struct wide *left, const struct wide *right)
{
	for (int i = 3; i >= 0; i--) {
		if (left->limb[i] != right->limb[i])
			return left->limb[i] < right->limb[i] ? -1 : 1;
	}
	return 0;
}

static inline bool wide_add(struct wide *wide, const struct wide *other)
{
	u128 carry = 0;
	for (int i = 0; i < 4; i++) {
		carry += (u128)wide->limb[i] + other->limb[i];
		wide->limb[i] = (uint64_t)carry;
		carry >>= 64;
	}
	return carry == 0;
}

/* Requires wide ≥ other. */
static inline void wide_subtract(struct wide *wide, const struct wide *other)
{
	uint64_t borrow = 0;
	for (int i = 0; i < 4; i++) {
		u128 difference = (u128)wide->limb[i] - other->limb[i] - borrow;
		wide->limb[i] = (uint64_t)difference;
		borrow = (uint64_t)(difference >> 64) & 1;
	}
}

/* False when the product needs more than 256 bits; *wide is then unspecified. */
static inline bool wide_multiply(struct wide *wide, u128 factor)
{
	const uint64_t parts[2] = {(uint64_t)factor, (uint64_t)(factor >> 64)};
	uint64_t product[6] = {0};
	for (int i = 0; i < 4; i++) {
		uint64_t carry = 0;
		for (int j = 0; j < 2; j++) {
			u128 sum = (u128)wide->limb[i] * parts[j] + product[i + j] + carry;
			product[i + j] = (uint64_t)sum;
			carry = (uint64_t)(sum >> 64);
		}
		product[i + 2] = carry;
	}
	for (int i = 0; i < 4; i++)
		wide->limb[i] = product[i];
	return (product[4] | product[5]) == 0;
}

/* One digit of a long division in base 2^64: (*remainder × 2^64 + next) by a divisor whose top bit is set.
 * The estimate from the divisor's upper half is at most two too large (Knuth 4.3.1, theorem B), and the loop
 * below tests it against both halves, which makes it exact. */
static inline uint64_t wide_divide_step(u128 *remainder, uint64_t next, u128 divisor)
{
	uint64_t high = (uint64_t)(divisor >> 64), low = (uint64_t)divisor;
	uint64_t top = (uint64_t)(*remainder >> 64);
	uint64_t estimate = top >= high ? UINT64_MAX : (uint64_t)(*remainder / high);
	u128 rest = *remainder - (u128)estimate * high;
	while (rest >> 64 == 0 && (u128)estimate * low > (rest << 64 | next)) {
		estimate--;
		rest += high;
	}
	*remainder =
		(*remainder << 64 | next) - (u128)estimate * divisor; /* mod 2^128; the true value is < divisor */
	return estimate;
}

/* divisor > 0; *wide becomes the quotient; returns the remainder. */
static inline u128 wide_divide(struct wide *wide, u128 divisor)
{
	if (wide_fits_u128(wide)) {
		u128 dividend = wide_low(wide);
		*wide = wide_from(dividend / divisor);
		return dividend % divisor;
	}
	if (divisor >> 64 == 0) {
		uint64_t remainder = 0;
		for (int i = 3; i >= 0; i--) {
			u128 part = (u128)remainder << 64 | wide->limb[i];
			wide->limb[i] = (uint64_t)(part / (uint64_t)divisor);
			remainder = (uint64_t)(part % (uint64_t)divisor);
		}
		return remainder;
	}
	unsigned shift = (unsigned)__builtin_clzll((uint64_t)(divisor >> 64));
	u128 normal = divisor << shift;
	u128 remainder = shift == 0 ? 0 : wide->limb[3] >> (64 - shift);
	for (int i = 3; i >= 0; i--) {
		uint64_t next = wide->limb[i] << shift;
		if (shift != 0 && i > 0)
			next |= wide->limb[i - 1] >> (64 - shift);
		wide->limb[i] = wide_divide_step(&remainder, next, normal);
	}
	return remainder >> shift;
}

#endif
