/* See base64.h. */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buffer *out, struct slice bytes)
{
	for (size_t at = 0; at < bytes.size; at += 3) {
		size_t left = bytes.size - at;
		uint32_t group = (uint32_t)bytes.data[at] << 16;
		if (left > 1)
			group |= (uint32_t)bytes.data[at + 1] << 8;
		if (left > 2)
			group |= bytes.data[at + 2];
		buffer_append_byte(out, (uint8_t)alphabet[group >> 18]);
		buffer_append_byte(out, (uint8_t)alphabet[group >> 12 & 63]);
		buffer_append_byte(out, left > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=');
		buffer_append_byte(out, left > 2 ? (uint8_t)alphabet[group & 63] : '=');
	}
}

static int32_t digit_of(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* Four characters to up to three bytes; how many, or 0 when they are none of ours. */
static size_t group_decode(const uint8_t *at, bool last, uint8_t bytes[3])
{
	size_t padding = !last || at[3] != '=' ? 0 : at[2] == '=' ? 2 : 1;
	uint32_t group = 0;
	for (size_t i = 0; i < 4; i++) {
		int32_t digit = i < 4 - padding ? digit_of(at[i]) : 0;
		if (digit < 0)
			return 0;
		group = group << 6 | (uint32_t)digit;
	}
	bytes[0] = (uint8_t)(group >> 16);
	bytes[1] = (uint8_t)(group >> 8);
	bytes[2] = (uint8_t)group;
	bool stray = (padding == 1 && bytes[2] != 0) || (padding == 2 && (bytes[1] != 0 || bytes[2] != 0));
	return stray ? 0 : 3 - padding;
}

status base64_decode(struct slice text, struct buffer *out)
{
	size_t before = out->size;
	bool good = text.size % 4 == 0;
	for (size_t at = 0; good && at < text.size; at += 4) {
		uint8_t bytes[3];
		size_t count = group_decode(text.data + at, at + 4 == text.size, bytes);
		good = count != 0;
		buffer_append(out, bytes, count);
	}
	if (good)
		return STATUS_OK;
	out->size = before;
	return error_raise(STATUS_PROTOCOL, "not base64");
}
