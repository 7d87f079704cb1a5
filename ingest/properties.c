/* Java's .properties syntax; see properties.h. */
#include "ingest/properties.h"

#include "base/invariant.h"
#include "base/memory.h"

void properties_init(struct properties *properties)
{
	*properties = (struct properties){0};
}

void properties_deinit(struct properties *properties)
{
	for (size_t i = 0; i < properties->count; i++) {
		mem_free(properties->list[i].key);
		mem_free(properties->list[i].value);
	}
	mem_free(properties->list);
	properties_init(properties);
}

static struct property *property_find(const struct properties *properties, const char *key)
{
	for (size_t i = 0; i < properties->count; i++)
		if (strcmp(properties->list[i].key, key) == 0)
			return &properties->list[i];
	return NULL;
}

const char *properties_get(const struct properties *properties, const char *key)
{
	const struct property *property = property_find(properties, key);
	return property != NULL ? property->value : NULL;
}

void properties_set(struct properties *properties, const char *key, const char *value)
{
	char *copy = mem_copy_string(value); /* before the old one goes: it may be the same */
	struct property *property = property_find(properties, key);
	if (property != NULL) {
		mem_free(property->value);
		property->value = copy;
		return;
	}
	if (properties->count == properties->capacity) {
		properties->capacity = properties->capacity == 0 ? 16 : properties->capacity * 2;
		properties->list = mem_resize(properties->list, properties->capacity * sizeof *properties->list);
	}
	properties->list[properties->count++] = (struct property){mem_copy_string(key), copy};
}

void properties_copy(struct properties *to, const struct properties *from)
{
	for (size_t i = 0; i < from->count; i++)
		properties_set(to, from->list[i].key, from->list[i].value);
}

bool properties_equal(const struct properties *left, const struct properties *right)
{
	if (left->count != right->count)
		return false;
	for (size_t i = 0; i < left->count; i++) {
		const char *other = properties_get(right, left->list[i].key);
		if (other == NULL || strcmp(other, left->list[i].value) != 0)
			return false;
	}
	return true;
}

/* ---- parsing ---- */

struct parsing {
	struct cursor text;
	int line; /* 1-based, of the next byte */
};

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\f';
}

static bool is_line_end(uint8_t byte)
{
	return byte == '\n' || byte == '\r';
}

static bool at_end(const struct parsing *parsing)
{
	return parsing->text.at == parsing->text.end;
}

/* \n, \r or \r\n. */
static void line_end_skip(struct parsing *parsing)
{
	if (at_end(parsing))
		return;
	uint8_t byte = *parsing->text.at++;
	if (byte == '\r' && !at_end(parsing) && *parsing->text.at == '\n')
		parsing->text.at++;
	parsing->line++;
}

static void blanks_skip(struct parsing *parsing)
{
	while (!at_end(parsing) && is_blank(*parsing->text.at))
		parsing->text.at++;
}

/* The next logical line, escapes still in it and continuations joined; false at the end of the text. Comment
 * and blank lines are left out. */
static bool line_take(struct parsing *parsing, struct buffer *line)
{
	line->size = 0;
	for (;;) {
		blanks_skip(parsing);
		if (at_end(parsing))
			return false;
		uint8_t first = *parsing->text.at;
		if (!is_line_end(first) && first != '#' && first != '!')
			break;
		while (!at_end(parsing) && !is_line_end(*parsing->text.at))
			parsing->text.at++;
		line_end_skip(parsing);
	}
	while (!at_end(parsing) && !is_line_end(*parsing->text.at)) {
		uint8_t byte = *parsing->text.at++;
		if (byte == '\\' && at_end(parsing))
			break;
		if (byte == '\\' && is_line_end(*parsing->text.at)) {
			line_end_skip(parsing);
			blanks_skip(parsing);
			continue;
		}
		buffer_append_byte(line, byte);
		if (byte == '\\')
			buffer_append_byte(line, *parsing->text.at++);
	}
	return true;
}

static void utf8_append(struct buffer *out, uint32_t point)
{
	if (point < 0x80) {
		buffer_append_byte(out, (uint8_t)point);
	} else if (point < 0x800) {
		buffer_append_byte(out, (uint8_t)(0xc0 | point >> 6));
		buffer_append_byte(out, (uint8_t)(0x80 | (point & 0x3f)));
	} else if (point < 0x10000) {
		buffer_append_byte(out, (uint8_t)(0xe0 | point >> 12));
		buffer_append_byte(out, (uint8_t)(0x80 | (point >> 6 & 0x3f)));
		buffer_append_byte(out, (uint8_t)(0x80 | (point & 0x3f)));
	} else {
		buffer_append_byte(out, (uint8_t)(0xf0 | point >> 18));
		buffer_append_byte(out, (uint8_t)(0x80 | (point >> 12 & 0x3f)));
		buffer_append_byte(out, (uint8_t)(0x80 | (point >> 6 & 0x3f)));
		buffer_append_byte(out, (uint8_t)(0x80 | (point & 0x3f)));
	}
}

/* Four hex digits, which are not checked to be there by the cursor alone. */
static bool hex4(struct cursor *cursor, uint32_t *out)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t byte = cursor_u8(cursor);
		int digit = byte >= '0' && byte <= '9'   ? byte - '0'
					: byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
					: byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
												 : -1;
		if (digit < 0)
			return false;
		value = value << 4 | (uint32_t)digit;
	}
	*out = value;
	return !cursor->failed;
}

/* Behind "\u". Two escapes may be the halves of one character beyond the first plane. */
static bool unicode_take(struct cursor *cursor, struct buffer *out)
{
	uint32_t point, low;
	if (!hex4(cursor, &point) || point == 0 || (point >= 0xdc00 && point < 0xe000))
		return false;
	if (point >= 0xd800 && point < 0xdc00) {
		if (cursor_u8(cursor) != '\\' || cursor_u8(cursor) != 'u' || !hex4(cursor, &low) || low < 0xdc00 ||
			low > 0xdfff)
			return false;
		point = 0x10000 + ((point & 0x3ff) << 10 | (low & 0x3ff));
	}
	utf8_append(out, point);
	return true;
}

/* Unescapes up to the end of the line or, in a key, its end. */
static bool text_take(struct cursor *cursor, bool key, struct buffer *out)
{
	out->size = 0;
	while (cursor_left(cursor) != 0) {
		uint8_t byte = *cursor->at;
		if (key && (is_blank(byte) || byte == '=' || byte == ':'))
			break;
		cursor->at++;
		if (byte == 0)
			return false;
		if (byte != '\\') {
			buffer_append_byte(out, byte);
			continue;
		}
		byte = cursor_u8(cursor);
		if (byte == 'u') {
			if (!unicode_take(cursor, out))
				return false;
			continue;
		}
		buffer_append_byte(out, byte == 't'   ? '\t'
								: byte == 'n' ? '\n'
								: byte == 'r' ? '\r'
								: byte == 'f' ? '\f'
											  : byte);
	}
	buffer_append_byte(out, 0);
	return true;
}

status properties_parse(struct properties *properties, struct slice text)
{
	if (text.size > PROPERTIES_BYTES_MAX)
		return error_raise(STATUS_TOO_LARGE, "properties of more than %d bytes", PROPERTIES_BYTES_MAX);
	struct parsing parsing = {cursor_of(text), 1};
	struct buffer line, key, value;
	status result = STATUS_OK;
	buffer_init(&line);
	buffer_init(&key);
	buffer_init(&value);
	for (int number; result == STATUS_OK && line_take(&parsing, &line);) {
		number = parsing.line;
		struct cursor cursor = cursor_of(buffer_slice(&line));
		bool valid = text_take(&cursor, true, &key);
		while (cursor_left(&cursor) != 0 && is_blank(*cursor.at))
			cursor.at++;
		if (cursor_left(&cursor) != 0 && (*cursor.at == '=' || *cursor.at == ':'))
			cursor.at++;
		while (cursor_left(&cursor) != 0 && is_blank(*cursor.at))
			cursor.at++;
		valid = valid && text_take(&cursor, false, &value);
		if (!valid)
			result = error_raise(STATUS_SYNTAX, "line %d: a NUL or a malformed \\uXXXX escape", number);
		else if (properties->count == PROPERTIES_MAX)
			result = error_raise(STATUS_TOO_LARGE, "more than %d properties", PROPERTIES_MAX);
		else
			properties_set(properties, (const char *)key.data, (const char *)value.data);
	}
	buffer_deinit(&line);
	buffer_deinit(&key);
	buffer_deinit(&value);
	return result;
}
