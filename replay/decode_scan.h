/* Leaf scans of the JSON fast path: runs of digits eight at a time, ends of strings sixteen or thirty-two
 * bytes at a time.
 *
 * All of them may load up to DECODE_PADDING bytes beyond what they look at; the decoder guarantees that
 * memory. Words are read little-endian; a big-endian machine takes the reference reader (SHAPE_SUPPORTED in
 * decode_shape.c).
 */
#ifndef KAPPA_REPLAY_DECODE_SCAN_H
#define KAPPA_REPLAY_DECODE_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static inline uint64_t scan_load(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

/* Eight bytes holding digit values 0…9, the first byte the most significant: pairs, then fours, then all. */
static inline uint64_t scan_digits_join(uint64_t digits)
{
	digits = (digits * 10 + (digits >> 8)) & 0x00ff00ff00ff00ffULL;
	digits = (digits * 100 + (digits >> 16)) & 0x0000ffff0000ffffULL;
	return (digits * 10000 + (digits >> 32)) & 0xffffffffULL;
}

static const uint64_t scan_power10[20] = {1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL,
	10000000ULL, 100000000ULL, 1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL,
	10000000000000ULL, 100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL,
	1000000000000000000ULL, 10000000000000000000ULL};

/* How many of the word's first bytes are digits (0…8); their values in *digits where they are. */
static inline unsigned scan_digit_count(uint64_t word, uint64_t *digits)
{
	uint64_t values = word ^ 0x3030303030303030ULL;
	/* A byte is no digit if its high nibble is set or adding 6 sets it. */
	uint64_t others =
		(values | ((values & 0x7f7f7f7f7f7f7f7fULL) + 0x0606060606060606ULL)) & 0xf0f0f0f0f0f0f0f0ULL;
	*digits = values;
	return others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
}

/* Reads a run of up to 19 digits; `count` is 20 when there are more. Returns its value. */
static inline uint64_t scan_digits(const uint8_t *at, unsigned *count)
{
	uint64_t digits;
	unsigned run = scan_digit_count(scan_load(at), &digits);
	if (run < 8) {
		*count = run;
		/* Shifting in zeros from below puts zeros before the first digit; two steps, as run may be 0. */
		return scan_digits_join(digits << 8 << (8 * (7 - run)));
	}
	uint64_t value = scan_digits_join(digits);
	run = scan_digit_count(scan_load(at + 8), &digits);
	if (run < 8) {
		*count = 8 + run;
		return value * scan_power10[run] + scan_digits_join(digits << 8 << (8 * (7 - run)));
	}
	value = value * 100000000 + scan_digits_join(digits);
	unsigned total = 16;
	for (at += 16; total < 20 && *at >= '0' && *at <= '9'; at++, total++) {
		if (total < 19)
			value = value * 10 + (uint64_t)(*at - '0');
	}
	*count = total;
	return value;
}

/* A JSON number of at most 18 digits. */
struct scan_number {
	uint64_t mantissa;    /* all digits, before and after the point */
	int32_t exponent;     /* as written after e */
	uint8_t fraction;     /* digits after the point */
	bool negative, plain; /* plain: neither point nor exponent */
};

/* Reads a number at `at` and returns its end; NULL when it is none, or longer than this handles. */
static inline const uint8_t *scan_number(const uint8_t *at, struct scan_number *out)
{
	out->negative = *at == '-';
	at += out->negative;
	unsigned whole;
	out->mantissa = scan_digits(at, &whole);
	if (whole == 0 || whole > 18 || (*at == '0' && whole != 1))
		return NULL;
	at += whole;
	out->exponent = 0;
	out->fraction = 0;
	out->plain = true;
	if (*at == '.') {
		unsigned fraction;
		uint64_t digits = scan_digits(at + 1, &fraction);
		if (fraction == 0 || whole + fraction > 18)
			return NULL;
		at += 1 + fraction;
		out->mantissa = out->mantissa * scan_power10[fraction] + digits;
		out->fraction = (uint8_t)fraction;
		out->plain = false;
	}
	if ((*at | 0x20) == 'e') {
		at++;
		bool negative = *at == '-';
		at += *at == '-' || *at == '+';
		unsigned count;
		uint64_t digits = scan_digits(at, &count);
		if (count == 0 || count > 8)
			return NULL;
		at += count;
		out->exponent = negative ? -(int32_t)digits : (int32_t)digits;
		out->plain = false;
	}
	return at;
}

/* The first quote, backslash or control byte at or after `at`; `end` or beyond when there is none before it.
 * *non_ascii is set when a byte ≥ 0x80 stands before it. */
static inline const uint8_t *scan_string_words(const uint8_t *at, const uint8_t *end, bool *non_ascii)
{
	for (; at < end; at++) {
		if (*at == '"' || *at == '\\' || *at < 0x20)
			break;
		if (*at >= 0x80)
			*non_ascii = true;
	}
	return at;
}

#if defined(__SSE2__)
static inline const uint8_t *scan_string(const uint8_t *at, const uint8_t *end, bool *non_ascii)
{
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
	unsigned high = 0;
	for (; at < end; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i stops = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
		stops = _mm_or_si128(stops, _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
		unsigned stop = (unsigned)_mm_movemask_epi8(stops);
		unsigned top = (unsigned)_mm_movemask_epi8(bytes);
		if (stop != 0) {
			high |= top & ((stop & -stop) - 1);
			at += __builtin_ctz(stop);
			break;
		}
		high |= top;
	}
	*non_ascii = high != 0;
	return at;
}
#else
static inline const uint8_t *scan_string(const uint8_t *at, const uint8_t *end, bool *non_ascii)
{
	*non_ascii = false;
	return scan_string_words(at, end, non_ascii);
}
#endif

#if defined(__x86_64__)
#define SCAN_WIDE_TARGET __attribute__((target("avx2,bmi,bmi2")))
/* Stops in the low half of the result, bytes ≥ 0x80 in the high half. */
SCAN_WIDE_TARGET static inline uint64_t scan_string_block(const uint8_t *at)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
	__m256i stops = _mm256_or_si256(
		_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')));
	stops = _mm256_or_si256(stops, _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes));
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes) << 32 | (uint32_t)_mm256_movemask_epi8(stops);
}

/* The same, thirty-two bytes and then sixty-four at a time: lengths that vary a little take the same
 * branches. */
SCAN_WIDE_TARGET static inline const uint8_t *scan_string_wide(
	const uint8_t *at, const uint8_t *end, bool *non_ascii)
{
	uint64_t block = scan_string_block(at);
	uint32_t stop = (uint32_t)block;
	if (stop != 0) {
		*non_ascii = ((uint32_t)(block >> 32) & (stop ^ (stop - 1))) != 0;
		return at + __builtin_ctz(stop);
	}
	uint64_t high = block >> 32;
	for (at += 32; at < end; at += 64) {
		uint64_t first = scan_string_block(at), second = scan_string_block(at + 32);
		uint64_t stops = (first & 0xffffffff) | second << 32;
		uint64_t tops = first >> 32 | (second & 0xffffffff00000000);
		if (stops != 0) {
			high |= tops & (stops ^ (stops - 1));
			at += __builtin_ctzll(stops);
			break;
		}
		high |= tops;
	}
	*non_ascii = high != 0;
	return at;
}
#endif

#endif
