/* Text functions that measure, cut and map characters. Positions and lengths count characters, not bytes,
 * from 1. */
#include <string.h>

#include "processors/function_family.h"
#include "processors/utf8.h"

static status length(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		const struct text *text = &call->arguments[0].texts[row];
		call->result->i64[row] = utf8_count(text->data, text->size);
	}
	return STATUS_OK;
}

static status octet_length(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = call->arguments[0].texts[row].size;
	return STATUS_OK;
}

static status bit_length(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = (int64_t)call->arguments[0].texts[row].size * 8;
	return STATUS_OK;
}

static bool text_is_ascii(struct text text)
{
	uint8_t bits = 0;
	for (uint32_t i = 0; i < text.size; i++)
		bits |= (uint8_t)text.data[i];
	return bits < 0x80;
}

/* ASCII letters from `first` on change case. */
static void ascii_map(const char *restrict from, char *restrict to, uint32_t size, uint8_t first)
{
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)from[i];
		to[i] = (char)(byte ^ (uint8_t)((uint8_t)(byte - first) < 26 ? 0x20 : 0));
	}
}

/* Maps characters one to one; a character may change its number of bytes. */
static status text_map(const struct kernel_call *call, uint32_t (*map)(uint32_t), uint8_t first)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text from = call->arguments[0].texts[row];
		if (text_is_ascii(from)) {
			char *to = text_writer_reserve(&writer, from.size);
			ascii_map(from.data, to, from.size, first);
			call->result->texts[row] = text_writer_commit(&writer, from.size);
			continue;
		}
		char *to = text_writer_reserve(&writer, (size_t)from.size * 4);
		uint32_t size = 0;
		for (uint32_t at = 0; at < from.size;) {
			uint32_t width = utf8_width(from.data, from.size, at);
			size += utf8_encode(map(utf8_decode(from.data + at, width)), to + size);
			at += width;
		}
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

static status lower(const struct kernel_call *call)
{
	return text_map(call, utf8_lower, 'A');
}

static status upper(const struct kernel_call *call)
{
	return text_map(call, utf8_upper, 'a');
}

static status initcap(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text from = call->arguments[0].texts[row];
		char *to = text_writer_reserve(&writer, (size_t)from.size * 4);
		uint32_t size = 0;
		bool inside = false;
		for (uint32_t at = 0; at < from.size;) {
			uint32_t width = utf8_width(from.data, from.size, at);
			uint32_t code = utf8_decode(from.data + at, width);
			size += utf8_encode(inside ? utf8_lower(code) : utf8_upper(code), to + size);
			inside = utf8_alphanumeric(code);
			at += width;
		}
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

/* Characters [first, end) of a text, 1-based; borrowed from it. */
static struct text text_cut(struct text text, int64_t first, int64_t end)
{
	if (first < 1)
		first = 1;
	if (end <= first)
		return (struct text){.data = text.data};
	uint32_t from = utf8_skip(text.data, text.size, 0, (uint64_t)(first - 1));
	uint32_t to = utf8_skip(text.data, text.size, from, (uint64_t)(end - first));
	return (struct text){.data = text.data + from, .size = to - from};
}

static status substring_from(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	call->result->texts[row] = text_cut(text_argument(call, 0, row), i64_argument(call, 1, row), INT64_MAX);
	return STATUS_OK;
}

static status substring_negative(void)
{
	(void)error_raise(STATUS_INVALID, "negative substring length not allowed");
	error_sqlstate("22011");
	return STATUS_INVALID;
}

static status substring(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		int64_t first = i64_argument(call, 1, row), count = i64_argument(call, 2, row);
		if (count < 0)
			return substring_negative();
		call->result->texts[row] = text_cut(text_argument(call, 0, row), first, first + count);
	}
	return STATUS_OK;
}

/* Bytes [first, end), 1-based. */
static struct text bytes_cut(struct text bytes, int64_t first, int64_t end)
{
	int64_t from = first < 1 ? 0 : first - 1, to = end - 1 > bytes.size ? bytes.size : end - 1;
	if (to <= from)
		return (struct text){.data = bytes.data};
	return (struct text){.data = bytes.data + from, .size = (uint32_t)(to - from)};
}

static status bytes_substring(const struct kernel_call *call)
{
	bool open = call->argument_count == 2;
	EACH_ROW(call, row)
	{
		int64_t first = i64_argument(call, 1, row), count = open ? 0 : i64_argument(call, 2, row);
		if (count < 0)
			return substring_negative();
		call->result->texts[row] =
			bytes_cut(text_argument(call, 0, row), first, open ? INT64_MAX : first + count);
	}
	return STATUS_OK;
}

/* A negative count means all but the last (left) or first (right) that many. */
static status left(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row);
		int64_t count = i64_argument(call, 1, row);
		if (count < 0)
			count += utf8_count(text.data, text.size);
		call->result->texts[row] = text_cut(text, 1, count + 1);
	}
	return STATUS_OK;
}

static status right(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row);
		int64_t count = i64_argument(call, 1, row);
		int64_t skipped = count < 0 ? -count : (int64_t)utf8_count(text.data, text.size) - count;
		call->result->texts[row] = text_cut(text, skipped + 1, INT64_MAX);
	}
	return STATUS_OK;
}

static status reverse(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text from = call->arguments[0].texts[row];
		char *to = text_writer_reserve(&writer, from.size);
		for (uint32_t at = 0; at < from.size;) {
			uint32_t width = utf8_width(from.data, from.size, at);
			memcpy(to + from.size - at - width, from.data + at, width);
			at += width;
		}
		call->result->texts[row] = text_writer_commit(&writer, from.size);
	}
	return STATUS_OK;
}

/* 1-based character position of `needle`, 0 if it does not occur. */
static status position(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row), needle = text_argument(call, 1, row);
		const char *found = needle.size == 0 ? text.data
							: text.size == 0 ? NULL
											 : memmem(text.data, text.size, needle.data, needle.size);
		if (needle.size == 0)
			call->result->i64[row] = 1;
		else
			call->result->i64[row] =
				found == NULL ? 0 : (int64_t)utf8_count(text.data, (uint32_t)(found - text.data)) + 1;
	}
	return STATUS_OK;
}

static status starts_with(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row), prefix = text_argument(call, 1, row);
		call->result->booleans[row] = prefix.size <= text.size &&
									  (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
	}
	return STATUS_OK;
}

static status ascii(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text text = call->arguments[0].texts[row];
		call->result->i64[row] =
			text.size == 0 ? 0 : utf8_decode(text.data, utf8_width(text.data, text.size, 0));
	}
	return STATUS_OK;
}

static status chr(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		int64_t code = call->arguments[0].i64[row];
		if (code < 0)
			return error_raise(STATUS_INVALID, "character number must be positive");
		if (code == 0)
			return error_raise(STATUS_TOO_LARGE, "null character not permitted");
		if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return error_raise(STATUS_TOO_LARGE,
				code > 0x10ffff ? "requested character too large for encoding: %lld"
								: "requested character not valid for encoding: %lld",
				(long long)code);
		char *to = text_writer_reserve(&writer, 4);
		call->result->texts[row] = text_writer_commit(&writer, utf8_encode((uint32_t)code, to));
	}
	return STATUS_OK;
}

static const struct function functions[] = {
	F1("length", INT4, TEXT, STRICT, length),
	F1("length", INT4, BYTEA, STRICT, octet_length),
	F1("char_length", INT4, TEXT, STRICT, length),
	F1("character_length", INT4, TEXT, STRICT, length),
	F1("octet_length", INT4, TEXT, STRICT, octet_length),
	F1("octet_length", INT4, BYTEA, STRICT, octet_length),
	F1("bit_length", INT4, TEXT, STRICT, bit_length),
	F1("bit_length", INT4, BYTEA, STRICT, bit_length),
	F1("lower", TEXT, TEXT, STRICT, lower),
	F1("upper", TEXT, TEXT, STRICT, upper),
	F1("initcap", TEXT, TEXT, STRICT, initcap),
	F2("substring", TEXT, TEXT, INT4, STRICT, substring_from),
	F3("substring", TEXT, TEXT, INT4, INT4, STRICT_FAILS, substring),
	F2("substring", BYTEA, BYTEA, INT4, STRICT, bytes_substring),
	F3("substring", BYTEA, BYTEA, INT4, INT4, STRICT_FAILS, bytes_substring),
	F2("substr", TEXT, TEXT, INT4, STRICT, substring_from),
	F3("substr", TEXT, TEXT, INT4, INT4, STRICT_FAILS, substring),
	F2("substr", BYTEA, BYTEA, INT4, STRICT, bytes_substring),
	F3("substr", BYTEA, BYTEA, INT4, INT4, STRICT_FAILS, bytes_substring),
	F2("left", TEXT, TEXT, INT4, STRICT, left),
	F2("right", TEXT, TEXT, INT4, STRICT, right),
	F1("reverse", TEXT, TEXT, STRICT, reverse),
	F2("position", INT4, TEXT, TEXT, STRICT, position),
	F2("strpos", INT4, TEXT, TEXT, STRICT, position),
	F2("starts_with", BOOL, TEXT, TEXT, STRICT, starts_with),
	F2("^@", BOOL, TEXT, TEXT, STRICT, starts_with),
	F1("ascii", INT4, TEXT, STRICT, ascii),
	F1("chr", TEXT, INT4, STRICT_FAILS, chr),
};
FUNCTION_LIST(function_list_text, functions);
