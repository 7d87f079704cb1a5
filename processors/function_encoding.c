/* Between bytes and text: encode, decode, convert_from, convert_to, md5, to_hex. */
#include <string.h>

#include "processors/function_family.h"
#include "processors/md5.h"
#include "processors/utf8.h"

enum encoding { ENCODING_HEX, ENCODING_BASE64, ENCODING_ESCAPE };

static bool name_is(struct text name, const char *wanted)
{
	size_t size = strlen(wanted);
	if (name.size != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (utf8_lower((uint8_t)name.data[i]) != (uint8_t)wanted[i])
			return false;
	}
	return true;
}

static status encoding_find(struct text name, enum encoding *out)
{
	if (name_is(name, "hex"))
		*out = ENCODING_HEX;
	else if (name_is(name, "base64"))
		*out = ENCODING_BASE64;
	else if (name_is(name, "escape"))
		*out = ENCODING_ESCAPE;
	else
		return error_raise(STATUS_INVALID, "unrecognized encoding: \"%.*s\"",
			(int)(name.size < 60 ? name.size : 60), name.data);
	return STATUS_OK;
}

static void hex_encode(struct text bytes, struct buffer *out)
{
	for (uint32_t i = 0; i < bytes.size; i++) {
		uint8_t byte = (uint8_t)bytes.data[i];
		buffer_append_byte(out, (uint8_t) "0123456789abcdef"[byte >> 4]);
		buffer_append_byte(out, (uint8_t) "0123456789abcdef"[byte & 15]);
	}
}

/* Lines of 76 characters, as RFC 2045 wants it and PostgreSQL does. */
static void base64_encode(struct text bytes, struct buffer *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t column = 0;
	for (uint32_t i = 0; i < bytes.size; i += 3) {
		uint32_t left = bytes.size - i;
		uint32_t word = (uint32_t)(uint8_t)bytes.data[i] << 16;
		word |= left > 1 ? (uint32_t)(uint8_t)bytes.data[i + 1] << 8 : 0;
		word |= left > 2 ? (uint32_t)(uint8_t)bytes.data[i + 2] : 0;
		if (column == 76) {
			buffer_append_byte(out, '\n');
			column = 0;
		}
		column += 4;
		buffer_append_byte(out, (uint8_t)digits[word >> 18]);
		buffer_append_byte(out, (uint8_t)digits[word >> 12 & 63]);
		buffer_append_byte(out, left > 1 ? (uint8_t)digits[word >> 6 & 63] : '=');
		buffer_append_byte(out, left > 2 ? (uint8_t)digits[word & 63] : '=');
	}
}

static void escape_encode(struct text bytes, struct buffer *out)
{
	for (uint32_t i = 0; i < bytes.size; i++) {
		uint8_t byte = (uint8_t)bytes.data[i];
		if (byte == 0 || byte >= 0x80)
			buffer_printf(out, "\\%03o", byte);
		else if (byte == '\\')
			buffer_append_string(out, "\\\\");
		else
			buffer_append_byte(out, byte);
	}
}

static int hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if ((byte | 32) >= 'a' && (byte | 32) <= 'f')
		return (byte | 32) - 'a' + 10;
	return -1;
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static status hex_decode(struct text text, struct buffer *out)
{
	for (uint32_t i = 0; i < text.size;) {
		if (is_space(text.data[i])) {
			i++;
			continue;
		}
		int high = hex_digit((uint8_t)text.data[i]);
		int low = i + 1 < text.size ? hex_digit((uint8_t)text.data[i + 1]) : -1;
		if (high >= 0 && i + 1 == text.size)
			return error_raise(STATUS_INVALID, "invalid hexadecimal data: odd number of digits");
		if (high < 0 || low < 0)
			return error_raise(
				STATUS_INVALID, "invalid hexadecimal digit: \"%c\"", text.data[high < 0 ? i : i + 1]);
		buffer_append_byte(out, (uint8_t)(high << 4 | low));
		i += 2;
	}
	return STATUS_OK;
}

static int base64_digit(char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

static status base64_decode(struct text text, struct buffer *out)
{
	uint32_t word = 0, digits = 0, padding = 0;
	for (uint32_t i = 0; i < text.size; i++) {
		char byte = text.data[i];
		if (is_space(byte))
			continue;
		int digit = byte == '=' ? 0 : base64_digit(byte);
		if (byte == '=' && (digits < 2 || padding == 2))
			return error_raise(STATUS_INVALID, "unexpected \"=\" while decoding base64 sequence");
		if (digit < 0 || (byte != '=' && padding != 0))
			return error_raise(
				STATUS_INVALID, "invalid symbol \"%c\" found while decoding base64 sequence", byte);
		padding += byte == '=';
		word = word << 6 | (uint32_t)digit;
		if (++digits < 4)
			continue;
		buffer_append_byte(out, (uint8_t)(word >> 16));
		if (padding < 2)
			buffer_append_byte(out, (uint8_t)(word >> 8));
		if (padding < 1)
			buffer_append_byte(out, (uint8_t)word);
		word = 0;
		digits = 0;
	}
	if (digits == 0)
		return STATUS_OK;
	(void)error_raise(STATUS_INVALID, "invalid base64 end sequence");
	error_hint("Input data is missing padding, is truncated, or is otherwise corrupted.");
	return STATUS_INVALID;
}

static bool is_octal(char byte, char most)
{
	return byte >= '0' && byte <= most;
}

static status escape_decode(struct text text, struct buffer *out)
{
	for (uint32_t i = 0; i < text.size;) {
		const char *at = text.data + i;
		uint32_t left = text.size - i;
		if (at[0] != '\\') {
			buffer_append_byte(out, (uint8_t)at[0]);
			i++;
		} else if (left >= 4 && is_octal(at[1], '3') && is_octal(at[2], '7') && is_octal(at[3], '7')) {
			buffer_append_byte(out, (uint8_t)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0')));
			i += 4;
		} else if (left >= 2 && at[1] == '\\') {
			buffer_append_byte(out, '\\');
			i += 2;
		} else {
			return error_raise(STATUS_BAD_TEXT, "invalid input syntax for type bytea");
		}
	}
	return STATUS_OK;
}

/* encode(bytea, name), decode(text, name). */
static status recode(const struct kernel_call *call, bool decode)
{
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		struct text from = text_argument(call, 0, row);
		enum encoding encoding = ENCODING_HEX;
		scratch.size = 0;
		result = encoding_find(text_argument(call, 1, row), &encoding);
		if (result == STATUS_OK && decode)
			result = encoding == ENCODING_HEX      ? hex_decode(from, &scratch)
					 : encoding == ENCODING_BASE64 ? base64_decode(from, &scratch)
												   : escape_decode(from, &scratch);
		else if (result == STATUS_OK && encoding == ENCODING_HEX)
			hex_encode(from, &scratch);
		else if (result == STATUS_OK && encoding == ENCODING_BASE64)
			base64_encode(from, &scratch);
		else if (result == STATUS_OK)
			escape_encode(from, &scratch);
		if (result == STATUS_OK)
			result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	return result;
}

static status encode(const struct kernel_call *call)
{
	return recode(call, false);
}

static status decode(const struct kernel_call *call)
{
	return recode(call, true);
}

static status encoding_check(struct text name)
{
	if (name_is(name, "utf8") || name_is(name, "utf-8") || name_is(name, "unicode"))
		return STATUS_OK;
	(void)error_raise(STATUS_UNSUPPORTED, "conversion from or to encoding \"%.*s\" is not supported",
		(int)(name.size < 60 ? name.size : 60), name.data);
	error_hint("Only UTF8 is.");
	return STATUS_UNSUPPORTED;
}

static status convert_from(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text from = text_argument(call, 0, row);
		status result = encoding_check(text_argument(call, 1, row));
		if (result != STATUS_OK)
			return result;
		size_t at;
		bool valid = utf8_valid(text_slice(&from), &at);
		if (valid && from.size != 0 && memchr(from.data, 0, from.size) != NULL) {
			at = (size_t)((const char *)memchr(from.data, 0, from.size) - from.data);
			valid = false;
		}
		if (!valid)
			return error_raise(STATUS_BAD_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0x%02x",
				(unsigned)(uint8_t)from.data[at]);
		call->result->texts[row] = from;
	}
	return STATUS_OK;
}

static status convert_to(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result = encoding_check(text_argument(call, 1, row));
		if (result != STATUS_OK)
			return result;
		call->result->texts[row] = text_argument(call, 0, row);
	}
	return STATUS_OK;
}

static status md5(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		uint8_t digest[16];
		md5_digest(text_slice(&call->arguments[0].texts[row]), digest);
		char *to = text_writer_reserve(&writer, 32);
		for (size_t i = 0; i < 16; i++) {
			to[2 * i] = "0123456789abcdef"[digest[i] >> 4];
			to[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
		}
		call->result->texts[row] = text_writer_commit(&writer, 32);
	}
	return STATUS_OK;
}

static status to_hex(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	bool is_int4 = call->arguments[0].type.id == TYPE_INT4;
	EACH_ROW(call, row)
	{
		uint64_t value = (uint64_t)call->arguments[0].i64[row];
		value = is_int4 ? (uint32_t)value : value;
		unsigned digits = 1;
		while (digits < 16 && value >> (4 * digits) != 0)
			digits++;
		char *to = text_writer_reserve(&writer, 16);
		for (unsigned i = 0; i < digits; i++)
			to[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 15];
		call->result->texts[row] = text_writer_commit(&writer, digits);
	}
	return STATUS_OK;
}

static const struct function functions[] = {
	F2("encode", TEXT, BYTEA, TEXT, STRICT_FAILS, encode),
	F2("decode", BYTEA, TEXT, TEXT, STRICT_FAILS, decode),
	F2("convert_from", TEXT, BYTEA, TEXT, STRICT_FAILS, convert_from),
	F2("convert_to", BYTEA, TEXT, TEXT, STRICT_FAILS, convert_to),
	F1("md5", TEXT, TEXT, STRICT, md5),
	F1("md5", TEXT, BYTEA, STRICT, md5),
	F1("to_hex", TEXT, INT4, STRICT, to_hex),
	F1("to_hex", TEXT, INT8, STRICT, to_hex),
};
FUNCTION_LIST(function_list_encoding, functions);
