/* Numerics as text and as floating point. Pure functions, any thread.
 *
 * The scale of a parsed numeric is the count of digits written after the point, less the exponent, never
 * below 0: "1.50" has scale 2, "1.5e1" scale 0, "1e-3" scale 3.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/invariant.h"
#include "zset/decimal.h"
#include "zset/wide.h"

static status bad_text(struct slice text)
{
	int shown = text.size > 64 ? 64 : (int)text.size;
	return error_raise(STATUS_BAD_TEXT, "invalid input syntax for type numeric: \"%.*s%s\"", shown,
		(const char *)text.data, text.size > 64 ? "…" : "");
}

static status overflow(void)
{
	return error_raise(
		STATUS_OUT_OF_RANGE, "numeric field overflow: more than %d digits", DECIMAL_DIGITS_MAX);
}

struct digits {
	u128 value;
	uint64_t count; /* of digits seen, zeros and all */
	bool overflow;
};

static const char *digits_read(const char *at, const char *end, struct digits *digits)
{
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');
		digits->count++;
		if (digits->overflow || digits->value >= decimal_powers[DECIMAL_DIGITS_MAX - 1])
			digits->overflow = true;
		else
			digits->value = digits->value * 10 + digit;
	}
	return at;
}

/* After the e: false when there is no number. Saturates far outside of what a numeric can hold. */
static bool exponent_read(const char **at, const char *end, int64_t *exponent)
{
	const char *p = *at;
	bool negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end || *p < '0' || *p > '9')
		return false;
	int64_t value = 0;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		value = value > 1000000 ? value : value * 10 + (*p - '0');
	*exponent = negative ? -value : value;
	*at = p;
	return true;
}

static bool word_is(const char *at, const char *end, const char *word)
{
	size_t size = strlen(word);
	return (size_t)(end - at) == size && strncasecmp(at, word, size) == 0;
}

status decimal_parse(struct slice text, struct decimal *out)
{
	const char *at = (const char *)text.data, *end = at + text.size;
	while (at < end && isspace((unsigned char)*at))
		at++;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	bool negative = at < end && *at == '-';
	const char *number = at;
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (word_is(number, end, "nan") || word_is(at, end, "inf") || word_is(at, end, "infinity"))
		return error_raise(STATUS_OUT_OF_RANGE, "numeric NaN and infinity are not supported");
	struct digits digits = {0};
	at = digits_read(at, end, &digits);
	int64_t scale = 0;
	if (at < end && *at == '.') {
		uint64_t before = digits.count;
		at = digits_read(at + 1, end, &digits);
		scale = (int64_t)(digits.count - before);
	}
	if (digits.count == 0)
		return bad_text(text);
	if (at < end && (*at == 'e' || *at == 'E')) {
		int64_t exponent = 0;
		at++;
		if (!exponent_read(&at, end, &exponent))
			return bad_text(text);
		scale -= exponent;
	}
	if (at != end)
		return bad_text(text);
	if (digits.overflow || scale > DECIMAL_DIGITS_MAX)
		return overflow();
	if (scale < 0) {
		if (digits.value != 0 &&
			(scale < -DECIMAL_DIGITS_MAX || digits.value >= decimal_powers[DECIMAL_DIGITS_MAX + scale]))
			return overflow();
		digits.value = digits.value == 0 ? 0 : digits.value * decimal_powers[-scale];
		scale = 0;
	}
	__int128 value = (__int128)digits.value;
	*out = (struct decimal){.value = negative ? -value : value, .scale = (int32_t)scale};
	return STATUS_OK;
}

/* Writes the digits right-aligned before `end`, at least `least` of them; returns the first. */
static char *digits_write(u128 magnitude, int32_t least, char *end)
{
	char *at = end;
	while (magnitude >> 64 != 0) {
		uint64_t part = (uint64_t)(magnitude % decimal_powers[18]);
		magnitude /= decimal_powers[18];
		for (int i = 0; i < 18; i++, part /= 10)
			*--at = (char)('0' + part % 10);
	}
	for (uint64_t part = (uint64_t)magnitude; part != 0; part /= 10)
		*--at = (char)('0' + part % 10);
	while (end - at < least)
		*--at = '0';
	return at;
}

void decimal_format(const struct decimal *value, struct buffer *out)
{
	char digits[64];
	INVARIANT(value->scale >= 0 && value->scale <= DECIMAL_DIGITS_MAX);
	u128 magnitude = value->value < 0 ? -(u128)value->value : (u128)value->value;
	char *end = digits + sizeof digits;
	char *at = digits_write(magnitude, value->scale + 1, end);
	if (value->value < 0)
		buffer_append_byte(out, '-');
	buffer_append(out, at, (size_t)(end - at) - (size_t)value->scale);
	if (value->scale > 0) {
		buffer_append_byte(out, '.');
		buffer_append(out, end - value->scale, (size_t)value->scale);
	}
}

double decimal_to_f64(const struct decimal *value)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13,
		1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	/* Both operands exact: one division rounds once. */
	const __int128 exact = (__int128)1 << 53;
	if (value->value <= exact && value->value >= -exact && value->scale <= 22)
		return (double)(int64_t)value->value / powers[value->scale];
	char text[64];
	u128 magnitude = value->value < 0 ? -(u128)value->value : (u128)value->value;
	char exponent[8];
	int size = snprintf(exponent, sizeof exponent, "e-%d", value->scale);
	char *end = text + sizeof text - 1 - size;
	char *at = digits_write(magnitude, 1, end);
	memcpy(end, exponent, (size_t)size + 1);
	double result = strtod(at, NULL);
	return value->value < 0 ? -result : result;
}

status decimal_from_f64(double value, bool is_float4, struct decimal *out)
{
	if (isnan(value) || isinf(value))
		return error_raise(
			STATUS_OUT_OF_RANGE, "cannot convert %s to numeric", isnan(value) ? "NaN" : "infinity");
	if (fabs(value) < (is_float4 ? 1e6 : 1e15) && value == (double)(int64_t)value) {
		*out = decimal_from_i64((int64_t)value);
		return STATUS_OK;
	}
	char text[40];
	int size = snprintf(text, sizeof text, "%.*g", is_float4 ? 6 : 15, value);
	return decimal_parse(slice_of(text, (size_t)size), out);
}
