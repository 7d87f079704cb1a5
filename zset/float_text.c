/* Floating point as text, shortest round trip. Pure functions, any thread (the "C" numeric locale is
 * assumed).
 *
 * A decimal reads back as v when it lies strictly between the midpoints of v and its neighbours. The printed
 * digits are the shortest such decimal, and the closest to v among those. Correctly rounded digits (printf)
 * are the closest of their length, so growing the length until one reads back finds it, with two exceptions
 * that are looked after:
 * - reading rounds a midpoint to even, PostgreSQL does not count midpoints as reading back;
 * - below a power of two the gap is half of that above, so the closest may miss and the next one up may hit.
 * Every decimal of 15 (6) digits or fewer survives a normal double (float), so the search starts there.
 */
#include "zset/float_text.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "zset/wide.h"

_Static_assert(LDBL_MANT_DIG > DBL_MANT_DIG, "midpoints of doubles are exact in long double");

enum { DIGITS_MAX = 17, TEXT_MAX = 400 };

struct shape {
	int digits_min, digits_max;
	int exponent_fixed_max; /* from here on scientific */
	double normal_min;
	double midpoint_from, midpoint_to; /* a decimal of so few digits can be a midpoint only between these */
};

static const struct shape shapes[2] = {
	{DBL_DIG, 17, 15, DBL_MIN, 4503599627370496.0, 1e40},
	{FLT_DIG, 9, 6, FLT_MIN, 1e4, 1e20},
};

struct decimal_digits {
	char digits[DIGITS_MAX + 1]; /* no point, no sign */
	int count;
	int exponent; /* of the first digit */
};

/* "d.ddde±x" to digits and exponent. */
static void digits_scan(const char *text, struct decimal_digits *out)
{
	out->count = 0;
	const char *at = text;
	for (; *at != 'e'; at++) {
		if (*at != '.')
			out->digits[out->count++] = *at;
	}
	out->exponent = atoi(at + 1);
}

static double read_back(const struct decimal_digits *digits, bool is_float4)
{
	char text[40];
	(void)snprintf(
		text, sizeof text, "%.*se%d", digits->count, digits->digits, digits->exponent - digits->count + 1);
	return is_float4 ? (double)strtof(text, NULL) : strtod(text, NULL);
}

/* Whether the digits are exactly halfway between value and its neighbour in the direction of `toward`. */
static bool is_midpoint(const struct decimal_digits *digits, double value, double toward, bool is_float4)
{
	long double neighbour = is_float4 ? (long double)nextafterf((float)value, (float)toward)
									  : (long double)nextafter(value, toward);
	char text[64];
	/* 41 digits write any midpoint below 10^40 exactly. */
	(void)snprintf(text, sizeof text, "%.40Le", ((long double)value + neighbour) / 2);
	for (int i = 0, at = 0; text[at] != 'e'; at++) {
		if (text[at] == '.')
			continue;
		if (text[at] != (i < digits->count ? digits->digits[i] : '0'))
			return false;
		i++;
	}
	return true;
}

static bool reads_back(const struct decimal_digits *digits, double value, bool is_float4)
{
	const struct shape *shape = &shapes[is_float4];
	if (read_back(digits, is_float4) != value)
		return false;
	if (value < shape->midpoint_from || value > shape->midpoint_to)
		return true;
	return !is_midpoint(digits, value, INFINITY, is_float4) && !is_midpoint(digits, value, 0, is_float4);
}

/* Adds one to the last digit; false when that changes the number of digits. */
static bool digits_increment(struct decimal_digits *digits)
{
	for (int i = digits->count - 1; i >= 0; i--) {
		if (digits->digits[i] != '9') {
			digits->digits[i]++;
			return true;
		}
		digits->digits[i] = '0';
	}
	return false;
}

static bool is_power_of_two(double value)
{
	int exponent;
	return frexp(value, &exponent) == 0.5;
}

/* The usual sizes, 10^-5 … 2^53 (2^24), exactly in 128 bits: value = mantissa × 2^exponent is scaled by 10^k
 * to 17 (9) digits before the point. In units of 2^(exponent − 1) / 10^k the value is `scaled`, the distance
 * to either midpoint 10^k and one of the last digit 2^shift; then multiples of ever larger powers of ten are
 * tried while one still lies strictly between the midpoints. */
static bool digits_scaled(double value, bool is_float4, struct decimal_digits *out)
{
	int exponent, log10 = -5, count_max = shapes[is_float4].digits_max, bits = is_float4 ? 24 : 53;
	double fraction = frexp(value, &exponent);
	if (value < 1e-5 || exponent > bits || fraction == 0.5)
		return false;
	u128 mantissa = (u128)ldexp(fraction, bits);
	exponent -= bits;
	for (double power = 1e-4; log10 < 16 && value >= power; power *= 10)
		log10++;
	int k = count_max - 1 - log10, shift = 1 - exponent;
	u128 midpoint = decimal_powers[k], scaled = 2 * mantissa * midpoint;
	uint64_t whole = (uint64_t)(scaled >> shift), power = 1;
	u128 part = scaled - ((u128)whole << shift);
	u128 below = part, above = ((u128)1 << shift) - part; /* distances to multiples of `power` */
	int dropped = 0;
	if (below >= midpoint && above >= midpoint)
		return false; /* one digit short */
	for (; dropped < count_max; dropped++) {
		u128 next_below = ((u128)(whole % (power * 10)) << shift) + part;
		u128 next_above = ((u128)(power * 10) << shift) - next_below;
		if (next_below >= midpoint && next_above >= midpoint)
			break;
		power *= 10;
		below = next_below;
		above = next_above;
	}
	uint64_t digits = whole / power;
	if (above < below || (above == below && digits % 2 != 0))
		digits++;
	char text[24];
	int count = 0;
	for (uint64_t rest = digits; rest != 0; rest /= 10)
		text[count++] = (char)('0' + rest % 10);
	if (count == 0 || count > DIGITS_MAX)
		return false;
	for (int i = 0; i < count; i++)
		out->digits[i] = text[count - 1 - i];
	out->count = count;
	out->exponent = count - 1 + dropped - k;
	return true;
}

/* value > 0 and finite. */
static void digits_shortest(double value, bool is_float4, struct decimal_digits *out)
{
	const struct shape *shape = &shapes[is_float4];
	char text[40];
	if (digits_scaled(value, is_float4, out))
		goto strip;
	for (int count = value >= shape->normal_min ? shape->digits_min : 1; count <= shape->digits_max;
		 count++) {
		(void)snprintf(text, sizeof text, "%.*e", count - 1, value);
		digits_scan(text, out);
		if (reads_back(out, value, is_float4))
			break;
		if (is_power_of_two(value)) {
			struct decimal_digits above = *out;
			if (digits_increment(&above) && reads_back(&above, value, is_float4)) {
				*out = above;
				break;
			}
		}
	}
strip:
	while (out->count > 1 && out->digits[out->count - 1] == '0')
		out->count--;
}

static void digits_print(const struct decimal_digits *digits, bool is_float4, struct buffer *out)
{
	int exponent = digits->exponent, count = digits->count;
	const char *all = digits->digits;
	if (exponent < -4 || exponent >= shapes[is_float4].exponent_fixed_max) {
		buffer_append_byte(out, (uint8_t)all[0]);
		if (count > 1) {
			buffer_append_byte(out, '.');
			buffer_append(out, all + 1, (size_t)count - 1);
		}
		buffer_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
		return;
	}
	if (exponent < 0) {
		buffer_append(out, "0.0000", (size_t)(1 - exponent));
		buffer_append(out, all, (size_t)count);
		return;
	}
	uint8_t *start = buffer_reserve(out, 2 * DIGITS_MAX), *at = start;
	for (int i = 0; i < count || i <= exponent; i++) {
		if (i == exponent + 1)
			*at++ = '.';
		*at++ = (uint8_t)(i < count ? all[i] : '0');
	}
	out->size += (size_t)(at - start);
}

void float_format(double value, bool is_float4, struct buffer *out)
{
	if (isnan(value)) {
		buffer_append_string(out, "NaN");
		return;
	}
	if (signbit(value))
		buffer_append_byte(out, '-');
	value = fabs(value);
	if (isinf(value)) {
		buffer_append_string(out, "Infinity");
		return;
	}
	if (value < (is_float4 ? 1e6 : 1e15) && value == (double)(int64_t)value) {
		char digits[20], *at = digits + sizeof digits;
		uint64_t whole = (uint64_t)value;
		do {
			*--at = (char)('0' + whole % 10);
			whole /= 10;
		} while (whole != 0);
		buffer_append(out, at, (size_t)(digits + sizeof digits - at));
		return;
	}
	struct decimal_digits digits;
	digits_shortest(value, is_float4, &digits);
	digits_print(&digits, is_float4, out);
}

static status float_bad(struct slice text, bool is_float4)
{
	int shown = text.size > 64 ? 64 : (int)text.size;
	return error_raise(STATUS_BAD_TEXT, "invalid input syntax for type %s: \"%.*s%s\"",
		type_name(is_float4 ? TYPE_FLOAT4 : TYPE_FLOAT8), shown, (const char *)text.data,
		text.size > 64 ? "…" : "");
}

/* `word` ends with a NUL and has no white space around it. */
static status float_read(struct slice text, const char *word, bool is_float4, double *out)
{
	static const struct {
		const char *name;
		double value;
	} names[] = {{"nan", NAN}, {"infinity", INFINITY}, {"+infinity", INFINITY}, {"-infinity", -INFINITY},
		{"inf", INFINITY}, {"+inf", INFINITY}, {"-inf", -INFINITY}};
	char *end;
	errno = 0;
	double value = is_float4 ? (double)strtof(word, &end) : strtod(word, &end);
	if (isnan(value) || isinf(value) || end == word) {
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			if (strcasecmp(word, names[i].name) == 0) {
				*out = names[i].value;
				return STATUS_OK;
			}
		}
	}
	if (end == word || *end != '\0' || isnan(value))
		return float_bad(text, is_float4);
	if (isinf(value) || (errno == ERANGE && value == 0))
		return error_raise(STATUS_OUT_OF_RANGE, "\"%.64s\" is out of range for type %s", word,
			type_name(is_float4 ? TYPE_FLOAT4 : TYPE_FLOAT8));
	*out = value;
	return STATUS_OK;
}

status float_parse(struct slice text, bool is_float4, double *out)
{
	const char *at = (const char *)text.data, *end = at + text.size;
	while (at < end && isspace((unsigned char)*at))
		at++;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	size_t size = (size_t)(end - at);
	char small[TEXT_MAX];
	if (size == 0 || memchr(at, 0, size) != NULL)
		return float_bad(text, is_float4);
	/* Longer texts exist (0.000…1): they are read whole, too. */
	char *word = size < sizeof small ? small : mem_alloc(size + 1);
	memcpy(word, at, size);
	word[size] = '\0';
	status code = float_read(text, word, is_float4, out);
	if (word != small)
		mem_free(word);
	return code;
}
