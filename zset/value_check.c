/* UTF-8 and length checks of text values. Pure functions, any thread. */
#include "zset/value_check.h"

/* Bytes of the character at `at`; 0 when it is not well-formed (overlong, surrogate, past U+10FFFF, cut) or
 * NUL. */
static size_t character_size(const uint8_t *at, size_t left)
{
	uint8_t head = at[0];
	if (head < 0x80)
		return head != 0 ? 1 : 0;
	size_t size = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : 2;
	if (head < 0xc2 || head > 0xf4 || left < size)
		return 0;
	/* Only the second byte's range depends on the first. */
	uint8_t low = head == 0xe0 ? 0xa0 : head == 0xf0 ? 0x90 : 0x80;
	uint8_t high = head == 0xed ? 0x9f : head == 0xf4 ? 0x8f : 0xbf;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

static bool is_plain(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	/* No high bit, and no zero byte (which would borrow into its high bit). */
	return ((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0;
}

static status bad_encoding(const uint8_t *at)
{
	return error_raise(
		STATUS_BAD_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0x%02x", (unsigned)*at);
}

status text_check(struct type type, struct slice text, struct text *out)
{
	if (text.size > TEXT_SIZE_MAX)
		return error_raise(STATUS_TOO_LARGE, "text of more than %d bytes", TEXT_SIZE_MAX);
	size_t limit = type.id == TYPE_VARCHAR && type.modifier >= 0 ? (size_t)type.modifier : SIZE_MAX;
	size_t characters = 0, kept = text.size;
	for (size_t at = 0; at < text.size;) {
		if (limit == SIZE_MAX && text.size - at >= 8 && is_plain(text.data + at)) {
			at += 8;
			continue;
		}
		size_t size = character_size(text.data + at, text.size - at);
		if (size == 0)
			return bad_encoding(text.data + at);
		if (characters == limit)
			kept = at;
		if (characters >= limit && text.data[at] != ' ') {
			(void)error_raise(STATUS_TOO_LARGE, "value too long for type character varying(%zu)", limit);
			error_sqlstate("22001");
			return STATUS_TOO_LARGE;
		}
		characters++;
		at += size;
	}
	*out = (struct text){.data = (const char *)text.data, .size = (uint32_t)kept};
	return STATUS_OK;
}
