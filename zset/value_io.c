/* Values as text: PostgreSQL's input and output syntax per type. Pure functions, any thread. */
#include <ctype.h>
#include <strings.h>

#include "base/invariant.h"
#include "zset/datetime.h"
#include "zset/decimal.h"
#include "zset/float_text.h"
#include "zset/type.h"
#include "zset/value_check.h"

static status bad_text(struct type type, struct slice text)
{
	int shown = text.size > 64 ? 64 : (int)text.size;
	return error_raise(STATUS_BAD_TEXT, "invalid input syntax for type %s: \"%.*s%s\"", type_name(type.id),
		shown, (const char *)text.data, text.size > 64 ? "…" : "");
}

static struct slice trimmed(struct slice text)
{
	while (text.size > 0 && isspace(text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && isspace(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* A prefix of true, false, yes, no; on, of, off; 1, 0. */
static status bool_parse(struct type type, struct slice text, bool *out)
{
	static const struct {
		const char *word;
		size_t size_min;
		bool value;
	} words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false}, {"on", 2, true},
		{"off", 2, false}, {"1", 1, true}, {"0", 1, false}};
	struct slice word = trimmed(text);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (word.size >= words[i].size_min && word.size <= strlen(words[i].word) &&
			strncasecmp((const char *)word.data, words[i].word, word.size) == 0) {
			*out = words[i].value;
			return STATUS_OK;
		}
	}
	return bad_text(type, text);
}

static status integer_parse(struct type type, struct slice text, int64_t *out)
{
	struct slice word = trimmed(text);
	const uint8_t *at = word.data, *end = at + word.size;
	bool negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (at == end)
		return bad_text(type, text);
	uint64_t magnitude = 0;
	bool overflow = false;
	for (; at < end; at++) {
		if (*at < '0' || *at > '9')
			return bad_text(type, text);
		overflow = __builtin_mul_overflow(magnitude, UINT64_C(10), &magnitude) || overflow;
		overflow = __builtin_add_overflow(magnitude, (uint64_t)(*at - '0'), &magnitude) || overflow;
	}
	uint64_t limit = type.id == TYPE_INT2 ? INT16_MAX : type.id == TYPE_INT4 ? INT32_MAX : INT64_MAX;
	if (overflow || magnitude > limit + (negative ? 1 : 0)) {
		int shown = text.size > 64 ? 64 : (int)text.size;
		return error_raise(STATUS_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s", shown,
			(const char *)text.data, type_name(type.id));
	}
	*out = (int64_t)(negative ? -magnitude : magnitude);
	return STATUS_OK;
}

static int hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static status bytea_from_hex(struct slice text, uint8_t *data, uint32_t *size)
{
	uint32_t count = 0;
	for (size_t at = 2; at < text.size; at++) {
		if (isspace(text.data[at]))
			continue;
		int high = hex_digit(text.data[at]);
		int low = at + 1 < text.size ? hex_digit(text.data[at + 1]) : 0;
		if (high < 0 || low < 0) {
			(void)error_raise(STATUS_INVALID, "invalid hexadecimal digit in bytea");
			return STATUS_INVALID;
		}
		if (at + 1 == text.size)
			return error_raise(STATUS_INVALID, "invalid hexadecimal data: odd number of digits");
		data[count++] = (uint8_t)(high * 16 + low);
		at++;
	}
	*size = count;
	return STATUS_OK;
}

static bool is_octal(uint8_t byte, uint8_t last)
{
	return byte >= '0' && byte <= last;
}

static status bytea_from_escapes(struct type type, struct slice text, uint8_t *data, uint32_t *size)
{
	uint32_t count = 0;
	const uint8_t *in = text.data;
	for (size_t at = 0; at < text.size;) {
		size_t left = text.size - at;
		if (in[at] != '\\') {
			data[count++] = in[at++];
		} else if (left >= 4 && is_octal(in[at + 1], '3') && is_octal(in[at + 2], '7') &&
				   is_octal(in[at + 3], '7')) {
			data[count++] = (uint8_t)((in[at + 1] - '0') * 64 + (in[at + 2] - '0') * 8 + (in[at + 3] - '0'));
			at += 4;
		} else if (left >= 2 && in[at + 1] == '\\') {
			data[count++] = '\\';
			at += 2;
		} else {
			return bad_text(type, text);
		}
	}
	*size = count;
	return STATUS_OK;
}

static status bytea_parse(struct type type, struct slice text, struct arena *arena, struct text *out)
{
	if (text.size / 2 > TEXT_SIZE_MAX)
		return error_raise(STATUS_TOO_LARGE, "bytea of more than %d bytes", TEXT_SIZE_MAX);
	uint8_t *data = arena_alloc(arena, text.size);
	uint32_t size = 0;
	bool hex = text.size >= 2 && text.data[0] == '\\' && (text.data[1] == 'x' || text.data[1] == 'X');
	status code = hex ? bytea_from_hex(text, data, &size) : bytea_from_escapes(type, text, data, &size);
	if (code == STATUS_OK && size > TEXT_SIZE_MAX)
		return error_raise(STATUS_TOO_LARGE, "bytea of more than %d bytes", TEXT_SIZE_MAX);
	if (code == STATUS_OK)
		*out = (struct text){.data = (const char *)data, .size = size};
	return code;
}

static status numeric_parse(struct type type, struct slice text, struct decimal *out)
{
	struct decimal decimal;
	status code = decimal_parse(text, &decimal);
	return code == STATUS_OK ? decimal_apply_modifier(&decimal, type.modifier, out) : code;
}

status value_parse(struct type type, struct slice text, struct arena *arena, struct value *out)
{
	struct value value = {.type = type};
	status code = STATUS_OK;
	switch (type.id) {
	case TYPE_BOOL:
		code = bool_parse(type, text, &value.boolean);
		break;
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		code = integer_parse(type, text, &value.i64);
		break;
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
		code = float_parse(text, type.id == TYPE_FLOAT4, &value.f64);
		break;
	case TYPE_NUMERIC:
		code = numeric_parse(type, text, &value.decimal);
		break;
	case TYPE_UNKNOWN:
	case TYPE_INT2VECTOR:
	case TYPE_TEXT:
	case TYPE_VARCHAR:
		code = text_check(type, text, &value.text);
		if (code == STATUS_OK)
			value.text.data = arena_copy(arena, value.text.data, value.text.size);
		break;
	case TYPE_BYTEA:
		code = bytea_parse(type, text, arena, &value.text);
		break;
	case TYPE_DATE:
		code = date_parse(text, &value.i64);
		break;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		code = timestamp_parse(text, type.id == TYPE_TIMESTAMPTZ, &value.i64);
		break;
	case TYPE_INTERVAL:
		code = interval_parse(text, &value.interval);
		break;
	case TYPE_COUNT:
		INVARIANT(type.id != TYPE_COUNT);
	}
	if (code == STATUS_OK)
		*out = value;
	return code;
}

static void integer_format(int64_t value, struct buffer *out)
{
	char digits[20], *at = digits + sizeof digits;
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	do {
		*--at = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude != 0);
	if (value < 0)
		*--at = '-';
	buffer_append(out, at, (size_t)(digits + sizeof digits - at));
}

static void bytea_format(const struct text *text, struct buffer *out)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t *at = buffer_reserve(out, 2 + 2 * (size_t)text->size);
	*at++ = '\\';
	*at++ = 'x';
	for (uint32_t i = 0; i < text->size; i++) {
		*at++ = (uint8_t)hex[(uint8_t)text->data[i] >> 4];
		*at++ = (uint8_t)hex[text->data[i] & 15];
	}
	out->size += 2 + 2 * (size_t)text->size;
}

void value_format(const struct value *value, struct buffer *out)
{
	INVARIANT(!value->null);
	switch (value->type.id) {
	case TYPE_BOOL:
		buffer_append_byte(out, value->boolean ? 't' : 'f');
		break;
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		integer_format(value->i64, out);
		break;
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
		float_format(value->f64, value->type.id == TYPE_FLOAT4, out);
		break;
	case TYPE_NUMERIC:
		decimal_format(&value->decimal, out);
		break;
	case TYPE_UNKNOWN:
	case TYPE_INT2VECTOR:
	case TYPE_TEXT:
	case TYPE_VARCHAR:
		buffer_append(out, value->text.data, value->text.size);
		break;
	case TYPE_BYTEA:
		bytea_format(&value->text, out);
		break;
	case TYPE_DATE:
		date_format(value->i64, out);
		break;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		timestamp_format(value->i64, value->type.id == TYPE_TIMESTAMPTZ, out);
		break;
	case TYPE_INTERVAL:
		interval_format(&value->interval, out);
		break;
	case TYPE_COUNT:
		INVARIANT(value->type.id != TYPE_COUNT);
	}
}
