/* UTF-8 text by characters. Text in columns is valid UTF-8 (its readers see to that); on other bytes these
 * functions count and step in some defined way and never read outside the text.
 */
#ifndef KAPPA_PROCESSORS_UTF8_H
#define KAPPA_PROCESSORS_UTF8_H

#include "base/bytes.h"

static inline bool utf8_starts_character(uint8_t byte)
{
	return (byte & 0xc0) != 0x80;
}

/* Characters in it. */
static inline uint32_t utf8_count(const char *data, uint32_t size)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < size; i++)
		count += utf8_starts_character((uint8_t)data[i]);
	return count;
}

/* Bytes of the character at `at`; requires at < size. */
static inline uint32_t utf8_width(const char *data, uint32_t size, uint32_t at)
{
	uint32_t end = at + 1;
	while (end < size && !utf8_starts_character((uint8_t)data[end]))
		end++;
	return end - at;
}

/* Byte position `characters` characters after `at`, or the end. */
static inline uint32_t utf8_skip(const char *data, uint32_t size, uint32_t at, uint64_t characters)
{
	while (characters > 0 && at < size) {
		at += utf8_width(data, size, at);
		characters--;
	}
	return at;
}

/* The code point of a character of `width` bytes. */
uint32_t utf8_decode(const char *data, uint32_t width);
/* Writes up to 4 bytes; returns how many. */
uint32_t utf8_encode(uint32_t code, char *out);
/* Is it valid UTF-8 (no surrogates, no overlong forms)? `invalid_at` gets the first bad byte's position. */
bool utf8_valid(struct slice bytes, size_t *invalid_at);

/* Simple (one to one) case mapping of Unicode 14, the same on every machine. */
uint32_t utf8_lower(uint32_t code);
uint32_t utf8_upper(uint32_t code);
/* Letter or digit, for initcap: ASCII exactly; beyond it everything but punctuation, spaces and symbols'
 * blocks. */
bool utf8_alphanumeric(uint32_t code);

#endif
