/* Converters; see converter.h. */
#include "ingest/converter.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char envelope_head[] = "{\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":\"";
static const char envelope_tail[] = "\"}";
enum { HEAD_SIZE = sizeof envelope_head - 1, TAIL_SIZE = sizeof envelope_tail - 1 };

status converter_kind_parse(const char *class_name, enum converter_kind *out)
{
	const char *dot = strrchr(class_name, '.');
	const char *name = dot != NULL ? dot + 1 : class_name;
	size_t package = (size_t)(name - class_name);
	static const char json[] = "org.apache.kafka.connect.json.";
	static const char string[] = "org.apache.kafka.connect.storage.";
	if (strcmp(name, "JsonConverter") == 0 && (package == 0 || strncmp(class_name, json, package) == 0)) {
		*out = CONVERTER_JSON;
		return STATUS_OK;
	}
	if (strcmp(name, "StringConverter") == 0 && (package == 0 || strncmp(class_name, string, package) == 0)) {
		*out = CONVERTER_STRING;
		return STATUS_OK;
	}
	error_raise(STATUS_INVALID, "there is no converter %s here", class_name);
	error_hint("org.apache.kafka.connect.json.JsonConverter and "
			   "org.apache.kafka.connect.storage.StringConverter are.");
	return STATUS_INVALID;
}

/* ---- to bytes ---- */

/* The size of the character at `at`, or 0: a byte that begins none, and *skip how many belong together as one
 * malformed character (Unicode's "maximal subpart"). */
static size_t character_size(const uint8_t *at, const uint8_t *end, size_t *skip)
{
	uint8_t first = at[0];
	size_t size = first < 0x80                     ? 1
				  : first >= 0xc2 && first <= 0xdf ? 2
				  : first >= 0xe0 && first <= 0xef ? 3
				  : first >= 0xf0 && first <= 0xf4 ? 4
												   : 0;
	uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	*skip = 1;
	for (size_t i = 1; i < size; i++) {
		if (at + i == end || at[i] < low || at[i] > high) {
			*skip = i;
			return 0;
		}
		low = 0x80;
		high = 0xbf;
	}
	return size;
}

static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void escape_append(struct buffer *out, uint8_t byte)
{
	static const char letters[] = "\b\t\n\f\r\"\\", escapes[] = "btnfr\"\\";
	const char *found = byte != 0 ? strchr(letters, byte) : NULL;
	if (found == NULL) {
		buffer_printf(out, "\\u%04X", byte);
		return;
	}
	buffer_append_byte(out, '\\');
	buffer_append_byte(out, (uint8_t)escapes[found - letters]);
}

static void string_append(struct buffer *out, struct slice line)
{
	const uint8_t *at = line.data, *end = line.data + line.size;
	size_t skip;
	while (at < end) {
		const uint8_t *from = at;
		while (at < end && is_plain(*at))
			at++;
		buffer_append(out, from, (size_t)(at - from));
		if (at == end)
			break;
		if (*at < 0x80) {
			escape_append(out, *at++);
			continue;
		}
		size_t size = character_size(at, end, &skip);
		if (size != 0)
			buffer_append(out, at, size);
		else
			buffer_append_string(out, "\xef\xbf\xbd");
		at += size != 0 ? size : skip;
	}
}

void converter_encode(const struct converter *converter, struct slice line, struct buffer *out)
{
	if (converter->kind == CONVERTER_STRING) {
		buffer_append(out, line.data, line.size);
	} else if (converter->schemas) {
		buffer_append(out, envelope_head, HEAD_SIZE);
		string_append(out, line);
		buffer_append(out, envelope_tail, TAIL_SIZE);
	} else {
		buffer_append_byte(out, '"');
		string_append(out, line);
		buffer_append_byte(out, '"');
	}
}

/* ---- to text ---- */

/* The shortest text that reads back as the number, as Java and JavaScript print it, but for exponents. */
static void real_append(struct buffer *out, double number)
{
	char text[40];
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	buffer_append_string(out, text);
	if (strspn(text, "-0123456789") == strlen(text))
		buffer_append_string(out, ".0");
}

static void json_append(struct buffer *out, const json_t *json)
{
	if (json_is_string(json)) {
		buffer_append(out, json_string_value(json), json_string_length(json));
	} else if (json_is_real(json)) {
		real_append(out, json_real_value(json));
	} else {
		char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
		buffer_append_string(out, text != NULL ? text : "null");
		free(text);
	}
}

static bool bytes_are_plain(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!is_plain(data[i]))
			return false;
	return true;
}

/* What our own and Kafka's file sources write nearly always; parsing JSON is twenty times as slow. */
static bool envelope_is_plain(struct slice bytes)
{
	return bytes.size >= HEAD_SIZE + TAIL_SIZE && memcmp(bytes.data, envelope_head, HEAD_SIZE) == 0 &&
		   memcmp(bytes.data + bytes.size - TAIL_SIZE, envelope_tail, TAIL_SIZE) == 0 &&
		   bytes_are_plain(bytes.data + HEAD_SIZE, bytes.size - HEAD_SIZE - TAIL_SIZE);
}

static status envelope_append(struct buffer *out, const json_t *json)
{
	const json_t *payload = json_object_get(json, "payload");
	if (json_object_size(json) != 2 || payload == NULL || json_object_get(json, "schema") == NULL) {
		error_raise(STATUS_BAD_RECORD, "JsonConverter with schemas.enable requires \"schema\" and "
									   "\"payload\" fields and may not contain "
									   "additional fields");
		error_hint(
			"If these are plain JSON data, set value.converter.schemas.enable=false in the connector's "
			"configuration.");
		return STATUS_BAD_RECORD;
	}
	json_append(out, payload);
	return STATUS_OK;
}

static struct slice trimmed(struct slice bytes)
{
	while (bytes.size != 0 && strchr(" \t\r\n", bytes.data[0]) != NULL && bytes.data[0] != 0) {
		bytes.data++;
		bytes.size--;
	}
	while (bytes.size != 0 && strchr(" \t\r\n", bytes.data[bytes.size - 1]) != NULL &&
		   bytes.data[bytes.size - 1] != 0)
		bytes.size--;
	return bytes;
}

status converter_decode(const struct converter *converter, struct slice bytes, struct buffer *out)
{
	json_error_t why;
	if (bytes.data == NULL) {
		buffer_append_string(out, "null");
		return STATUS_OK;
	}
	if (converter->kind == CONVERTER_STRING) {
		buffer_append(out, bytes.data, bytes.size);
		return STATUS_OK;
	}
	if (converter->schemas && envelope_is_plain(bytes)) {
		buffer_append(out, bytes.data + HEAD_SIZE, bytes.size - HEAD_SIZE - TAIL_SIZE);
		return STATUS_OK;
	}
	json_t *json = json_loadb((const char *)bytes.data, bytes.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (json == NULL) {
		error_raise(STATUS_BAD_RECORD, "converting the record's bytes failed: no JSON: %s", why.text);
		error_hint("value.converter=org.apache.kafka.connect.storage.StringConverter takes any text.");
		return STATUS_BAD_RECORD;
	}
	status result = STATUS_OK;
	struct slice text = trimmed(bytes);
	if (converter->schemas)
		result = envelope_append(out, json);
	else if (json_is_string(json))
		json_append(out, json);
	else /* as it stands: no digit of a number is lost */
		buffer_append(out, text.data, text.size);
	json_decref(json);
	return result;
}
