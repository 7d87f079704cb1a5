/* UTF-8: decoding, encoding, checking, and case by binary search in utf8_case.c's tables. */
#include "processors/utf8.h"

#include "processors/utf8_case.h"

uint32_t utf8_decode(const char *data, uint32_t width)
{
	const uint8_t *bytes = (const uint8_t *)data;
	switch (width) {
	case 1:
		return bytes[0];
	case 2:
		return (uint32_t)(bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f);
	case 3:
		return (uint32_t)(bytes[0] & 0x0f) << 12 | (uint32_t)(bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f);
	default:
		return (uint32_t)(bytes[0] & 0x07) << 18 | (uint32_t)(bytes[1] & 0x3f) << 12 |
			   (uint32_t)(bytes[2] & 0x3f) << 6 | (bytes[3] & 0x3f);
	}
}

uint32_t utf8_encode(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Bytes a character starting with `lead` has, 0 if none does. */
static size_t width_of_lead(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	return lead >= 0xc2 && lead < 0xe0   ? 2
		   : lead >= 0xe0 && lead < 0xf0 ? 3
		   : lead >= 0xf0 && lead < 0xf5 ? 4
										 : 0;
}

bool utf8_valid(struct slice bytes, size_t *invalid_at)
{
	for (size_t at = 0; at < bytes.size;) {
		size_t width = width_of_lead(bytes.data[at]);
		bool valid = width != 0 && width <= bytes.size - at;
		for (size_t i = 1; valid && i < width; i++)
			valid = !utf8_starts_character(bytes.data[at + i]);
		if (valid && width >= 3) {
			uint32_t code = utf8_decode((const char *)bytes.data + at, (uint32_t)width);
			valid = width == 3 ? code >= 0x800 && (code < 0xd800 || code > 0xdfff)
							   : code >= 0x10000 && code <= 0x10ffff;
		}
		if (!valid) {
			*invalid_at = at;
			return false;
		}
		at += width;
	}
	return true;
}

static uint32_t case_map(const struct utf8_case_run *runs, size_t count, uint32_t code)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct utf8_case_run *run = &runs[middle];
		if (code < run->first)
			high = middle;
		else if (code > run->last)
			low = middle + 1;
		else
			return (code - run->first) % run->step == 0 ? (uint32_t)((int32_t)code + run->delta) : code;
	}
	return code;
}

uint32_t utf8_lower(uint32_t code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z' ? code + 32 : code;
	return case_map(utf8_lower_runs, utf8_lower_run_count, code);
}

uint32_t utf8_upper(uint32_t code)
{
	if (code < 0x80)
		return code >= 'a' && code <= 'z' ? code - 32 : code;
	return case_map(utf8_upper_runs, utf8_upper_run_count, code);
}

bool utf8_alphanumeric(uint32_t code)
{
	if (code < 0x80)
		return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
	if (code < 0xc0)
		return code == 0xaa || code == 0xb5 || code == 0xba;
	if (code == 0xd7 || code == 0xf7)
		return false;
	/* General punctuation to miscellaneous symbols and arrows; CJK punctuation. */
	return !(code >= 0x2000 && code < 0x2c00) && !(code >= 0x3000 && code < 0x3005) &&
		   !(code >= 0x3008 && code < 0x3021);
}
