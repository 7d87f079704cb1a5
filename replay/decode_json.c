/* The reference reader of JSON records: RFC 8259, complete, one byte at a time.
 *
 * A record is read in two passes. The first validates the whole text (grammar, UTF-8, escapes, surrogate
 * pairs, depth) and lists the members of the object; the second gives each column the member that names it:
 *
 *   a key equal to the column's name beats one that equals it only in lower case (as PostgreSQL folds
 * identifiers); among keys of the same rank the last wins; no key → null.
 *
 * Connect's envelope: an object of exactly the two members "schema" and "payload" stands for its payload, if
 * that is an object or null, and no column of the table is called schema or payload. A null payload is a null
 * record value.
 *
 * Keys that no column has are validated and passed over.
 */
#include <stdio.h>

#include "base/hash.h"
#include "replay/decode_internal.h"

/* One pass over untrusted bytes; at ≤ end always, and nothing past end is looked at. */
struct json_reader {
	struct decoder *decoder;
	const uint8_t *at, *end;
	bool explain;
};

static bool json_fail(struct json_reader *reader, const char *what)
{
	if (reader->explain)
		decode_fail(reader->decoder, "invalid JSON at byte %zu: %s",
			(size_t)(reader->at - reader->decoder->record_begin) + 1, what);
	return false;
}

static void skip_space(struct json_reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\t' || *reader->at == '\r'))
		reader->at++;
}

static int hex_value(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hex digits, or −1. */
static int32_t hex4(const uint8_t *at, const uint8_t *end)
{
	if (end - at < 4)
		return -1;
	int32_t value = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(at[i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* At a backslash. */
static bool read_escape(struct json_reader *reader)
{
	const uint8_t *at = reader->at + 1;
	if (at == reader->end)
		return json_fail(reader, "the string does not end");
	if (*at != 'u') {
		if (memchr("\"\\/bfnrt", *at, 8) == NULL)
			return json_fail(reader, "unknown escape");
		reader->at = at + 1;
		return true;
	}
	int32_t unit = hex4(at + 1, reader->end);
	if (unit < 0)
		return json_fail(reader, "\\u needs four hexadecimal digits");
	at += 5;
	if (unit >= 0xd800 && unit <= 0xdfff) {
		bool paired = unit < 0xdc00 && reader->end - at >= 6 && at[0] == '\\' && at[1] == 'u';
		int32_t low = paired ? hex4(at + 2, reader->end) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return json_fail(reader, "unpaired surrogate");
		at += 6;
	}
	reader->at = at;
	return true;
}

/* At the opening quote; leaves the reader after the closing one. */
static bool read_string(struct json_reader *reader, struct slice *text, bool *escaped)
{
	const uint8_t *begin = ++reader->at;
	bool ascii = true;
	*escaped = false;
	for (;;) {
		if (reader->at == reader->end)
			return json_fail(reader, "the string does not end");
		uint8_t byte = *reader->at;
		if (byte == '"')
			break;
		if (byte < 0x20)
			return json_fail(reader, "control character in a string");
		if (byte == '\\') {
			*escaped = true;
			if (!read_escape(reader))
				return false;
			continue;
		}
		ascii = ascii && byte < 0x80;
		reader->at++;
	}
	*text = slice_of(begin, (size_t)(reader->at - begin));
	if (!ascii && !decode_utf8_valid(text->data, text->size)) {
		reader->at = begin;
		return json_fail(reader, "invalid UTF-8 in the string");
	}
	reader->at++;
	return true;
}

static bool read_digits(struct json_reader *reader)
{
	const uint8_t *begin = reader->at;
	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return reader->at != begin || json_fail(reader, "a digit is expected");
}

static bool read_number(struct json_reader *reader, struct slice *text)
{
	const uint8_t *begin = reader->at;
	if (*reader->at == '-')
		reader->at++;
	if (reader->at < reader->end && *reader->at == '0') {
		reader->at++;
		if (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
			return json_fail(reader, "a number must not begin with 0");
	} else if (!read_digits(reader)) {
		return false;
	}
	if (reader->at < reader->end && *reader->at == '.') {
		reader->at++;
		if (!read_digits(reader))
			return false;
	}
	if (reader->at < reader->end && (*reader->at | 0x20) == 'e') {
		reader->at++;
		if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
			reader->at++;
		if (!read_digits(reader))
			return false;
	}
	*text = slice_of(begin, (size_t)(reader->at - begin));
	return true;
}

static bool read_word(struct json_reader *reader, const char *word, size_t size)
{
	if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
		return json_fail(reader, "a value is expected");
	reader->at += size;
	return true;
}

/* Anything but an object or an array. */
static bool read_scalar(struct json_reader *reader, struct token *out)
{
	const uint8_t *begin = reader->at;
	bool escaped;
	switch (*begin) {
	case '"':
		if (!read_string(reader, &out->text, &escaped))
			return false;
		out->kind = escaped ? TOKEN_STRING_ESCAPED : TOKEN_STRING;
		return true;
	case 't':
		out->kind = TOKEN_TRUE;
		out->text = slice_of(begin, 4);
		return read_word(reader, "true", 4);
	case 'f':
		out->kind = TOKEN_FALSE;
		out->text = slice_of(begin, 5);
		return read_word(reader, "false", 5);
	case 'n':
		out->kind = TOKEN_NULL;
		out->text = slice_of(begin, 4);
		return read_word(reader, "null", 4);
	default:
		if (*begin != '-' && (*begin < '0' || *begin > '9'))
			return json_fail(reader, "a value is expected");
		out->kind = TOKEN_NUMBER;
		return read_number(reader, &out->text);
	}
}

/* A member's key and colon, up to where its value begins. */
static bool read_key(struct json_reader *reader, struct slice *key)
{
	bool escaped;
	if (reader->at == reader->end || *reader->at != '"')
		return json_fail(reader, "a key in quotes is expected");
	if (!read_string(reader, key, &escaped))
		return false;
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != ':')
		return json_fail(reader, "a colon is expected");
	reader->at++;
	skip_space(reader);
	return true;
}

/* At { or [; the reader is left after the matching bracket. Not recursive: bit d of `objects` says what level
 * d is. */
static bool read_container(struct json_reader *reader)
{
	uint64_t objects[JSON_DEPTH_MAX / 64] = {0};
	unsigned depth = 0;
	bool value_expected = true; /* else: after a value */
	do {
		skip_space(reader);
		if (reader->at == reader->end)
			return json_fail(reader, "the text ends within an object or array");
		uint8_t byte = *reader->at;
		bool closed = false;
		if (value_expected && (byte == '{' || byte == '[')) {
			if (depth == JSON_DEPTH_MAX)
				return json_fail(reader, "nested too deeply");
			uint64_t bit = UINT64_C(1) << (depth % 64);
			objects[depth / 64] = byte == '{' ? objects[depth / 64] | bit : objects[depth / 64] & ~bit;
			depth++;
			reader->at++;
			skip_space(reader);
			uint8_t close = byte == '{' ? '}' : ']';
			closed = reader->at < reader->end && *reader->at == close;
			if (!closed) {
				struct slice key;
				if (byte == '{' && !read_key(reader, &key))
					return false;
				continue; /* its first value */
			}
		} else if (value_expected) {
			struct token token;
			if (!read_scalar(reader, &token))
				return false;
			value_expected = false;
			continue;
		}
		bool object = (objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1) != 0;
		byte = *reader->at;
		if (closed || byte == (object ? '}' : ']')) {
			reader->at++;
			depth--;
			value_expected = false;
			continue;
		}
		if (byte != ',')
			return json_fail(reader, object ? "a comma or } is expected" : "a comma or ] is expected");
		reader->at++;
		skip_space(reader);
		struct slice key;
		if (object && !read_key(reader, &key))
			return false;
		value_expected = true;
	} while (depth > 0);
	return true;
}

static bool read_value(struct json_reader *reader, struct token *out)
{
	const uint8_t *begin = reader->at;
	if (begin == reader->end)
		return json_fail(reader, "a value is expected");
	if (*begin != '{' && *begin != '[')
		return read_scalar(reader, out);
	out->kind = *begin == '{' ? TOKEN_OBJECT : TOKEN_ARRAY;
	if (!read_container(reader))
		return false;
	out->text = slice_of(begin, (size_t)(reader->at - begin));
	return true;
}

const uint8_t *json_value(
	struct decoder *decoder, const uint8_t *at, const uint8_t *end, bool explain, struct token *out)
{
	struct json_reader reader = {decoder, at, end, explain};
	return read_value(&reader, out) ? reader.at : NULL;
}

static void append_utf8(struct buffer *out, uint32_t code)
{
	uint8_t bytes[4];
	size_t size = 0;
	if (code < 0x80) {
		bytes[size++] = (uint8_t)code;
	} else if (code < 0x800) {
		bytes[size++] = (uint8_t)(0xc0 | code >> 6);
		bytes[size++] = (uint8_t)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		bytes[size++] = (uint8_t)(0xe0 | code >> 12);
		bytes[size++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		bytes[size++] = (uint8_t)(0x80 | (code & 0x3f));
	} else {
		bytes[size++] = (uint8_t)(0xf0 | code >> 18);
		bytes[size++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		bytes[size++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		bytes[size++] = (uint8_t)(0x80 | (code & 0x3f));
	}
	buffer_append(out, bytes, size);
}

void json_unescape(struct slice text, struct buffer *out)
{
	const uint8_t *at = text.data, *end = at + text.size;
	(void)buffer_reserve(out, text.size + 1);
	while (at < end) {
		const uint8_t *stop = memchr(at, '\\', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		buffer_append(out, at, (size_t)(stop - at));
		if (stop == end)
			return;
		static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
		const char *name = memchr(names, stop[1], 5);
		at = stop + 2;
		if (stop[1] == 'u') {
			uint32_t code = (uint32_t)hex4(at, end);
			at += 4;
			if (code >= 0xd800 && code <= 0xdfff) {
				code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)hex4(at + 2, end) - 0xdc00);
				at += 6;
			}
			append_utf8(out, code);
		} else {
			buffer_append_byte(out, name != NULL ? (uint8_t)bytes[name - names] : stop[1]);
		}
	}
}

/* ---- the members of the record ---- */

static struct json_member *member_add(struct decoder *decoder)
{
	if (decoder->member_count == decoder->member_capacity) {
		decoder->member_capacity = decoder->member_capacity == 0 ? 32 : decoder->member_capacity * 2;
		decoder->members = mem_resize(decoder->members, decoder->member_capacity * sizeof *decoder->members);
	}
	return &decoder->members[decoder->member_count++];
}

/* At {; lists its members and leaves the reader after }. */
static bool read_members(struct json_reader *reader)
{
	reader->decoder->member_count = 0;
	reader->at++;
	skip_space(reader);
	if (reader->at < reader->end && *reader->at == '}') {
		reader->at++;
		return true;
	}
	for (;;) {
		struct slice key;
		struct token value;
		if (!read_key(reader, &key))
			return false;
		const uint8_t *begin = reader->at;
		if (!read_value(reader, &value))
			return false;
		*member_add(reader->decoder) =
			(struct json_member){.key = key, .value_begin = begin, .value_end = reader->at, .value = value};
		skip_space(reader);
		if (reader->at == reader->end || (*reader->at != ',' && *reader->at != '}'))
			return json_fail(reader, "a comma or } is expected");
		bool last = *reader->at++ == '}';
		if (last)
			return true;
		skip_space(reader);
	}
}

/* A key without its escapes; valid until the next call. */
static struct slice key_text(struct decoder *decoder, struct slice key)
{
	if (memchr(key.data, '\\', key.size) == NULL)
		return key;
	decoder->text.size = 0;
	json_unescape(key, &decoder->text);
	return buffer_slice(&decoder->text);
}

static bool key_is(struct decoder *decoder, const struct json_member *member, const char *name)
{
	return slice_equal(key_text(decoder, member->key), slice_of_string(name));
}

/* The payload's token if the members are Connect's envelope. */
static const struct token *envelope_payload(struct decoder *decoder)
{
	if (!decoder->envelope || decoder->member_count != 2)
		return NULL;
	const struct json_member *members = decoder->members;
	size_t payload = key_is(decoder, &members[0], "payload") ? 0 : 1;
	if (!key_is(decoder, &members[payload], "payload") || !key_is(decoder, &members[1 - payload], "schema"))
		return NULL;
	const struct token *value = &members[payload].value;
	return value->kind == TOKEN_OBJECT || value->kind == TOKEN_NULL ? value : NULL;
}

static void members_match(struct decoder *decoder)
{
	for (size_t c = 0; c < decoder->options.visible_count; c++)
		decoder->winners[c] = -1;
	for (size_t m = 0; m < decoder->member_count; m++) {
		struct json_member *member = &decoder->members[m];
		member->column = decode_find_column(decoder, key_text(decoder, member->key), &member->exact);
		if (member->column < 0)
			continue;
		int32_t *winner = &decoder->winners[member->column];
		if (*winner < 0 || member->exact || !decoder->members[*winner].exact)
			*winner = (int32_t)m;
	}
}

/* Every column from its member; errors in column order. */
static bool members_put(struct decoder *decoder)
{
	static const struct token missing = {.kind = TOKEN_NULL};
	for (uint32_t c = 0; c < decoder->options.visible_count; c++) {
		int32_t winner = decoder->winners[c];
		const struct token *token = winner < 0 ? &missing : &decoder->members[winner].value;
		if (decode_put_token(decoder, c, token))
			continue;
		if (winner < 0)
			decode_fail(decoder, "field \"%s\": missing, but the column is NOT NULL",
				decode_excerpt(decoder, slice_of(decoder->columns[c].name, decoder->columns[c].name_size)));
		else
			decode_explain_token(decoder, c, token);
		return false;
	}
	return true;
}

enum read_result json_read(struct decoder *decoder, struct slice record)
{
	struct json_reader reader = {decoder, record.data, record.data + record.size, true};
	decoder->record_begin = record.data;
	skip_space(&reader);
	if (reader.at == reader.end) {
		decode_fail(decoder, "the record is empty; a JSON object is expected");
		return READ_BAD;
	}
	if (*reader.at != '{') {
		struct token token;
		if (read_value(&reader, &token))
			decode_fail(decoder, "a JSON object is expected, not %s", decode_excerpt(decoder, token.text));
		return READ_BAD;
	}
	if (!read_members(&reader))
		return READ_BAD;
	skip_space(&reader);
	if (reader.at != reader.end) {
		(void)json_fail(&reader, "something follows the object");
		return READ_BAD;
	}
	const struct token *payload = envelope_payload(decoder);
	decoder->enveloped = payload != NULL;
	if (payload != NULL && payload->kind == TOKEN_NULL) {
		decode_fail(decoder, "null value");
		return READ_BAD;
	}
	if (payload != NULL) {
		reader.at = payload->text.data;
		reader.end = reader.at + payload->text.size;
		if (!read_members(&reader))
			return READ_BAD;
	}
	members_match(decoder);
	if (!members_put(decoder))
		return READ_BAD;
	if (decoder->shape != NULL)
		shape_learn(decoder, record);
	return READ_ROW;
}
