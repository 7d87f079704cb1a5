/* Printing records; see cli_record.h. */
#include "server/cli_record.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "ingest/converter.h"

void cli_record_format_init(struct cli_record_format *format)
{
	*format = (struct cli_record_format){
		.value = true,
		.key_separator = "\t",
		.header_separator = ",",
		.line_separator = "\n",
		.null_literal = "null",
	};
}

status cli_record_property(struct cli_record_format *format, const char *property)
{
	const struct {
		const char *name;
		bool *flag;
		const char **text;
	} known[] = {
		{"print.timestamp", &format->timestamp, NULL},
		{"print.partition", &format->partition, NULL},
		{"print.offset", &format->offset, NULL},
		{"print.headers", &format->headers, NULL},
		{"print.key", &format->key, NULL},
		{"print.value", &format->value, NULL},
		{"key.separator", NULL, &format->key_separator},
		{"headers.separator", NULL, &format->header_separator},
		{"line.separator", NULL, &format->line_separator},
		{"null.literal", NULL, &format->null_literal},
	};
	size_t size = strcspn(property, "=");
	const char *value = property[size] == '=' ? property + size + 1 : "";
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strlen(known[i].name) != size || memcmp(known[i].name, property, size) != 0)
			continue;
		bool yes = strcasecmp(value, "true") == 0;
		if (known[i].text != NULL)
			*known[i].text = value;
		else if (!yes && strcasecmp(value, "false") != 0)
			return error_raise(STATUS_INVALID, "--property %s: true or false is expected", property);
		else
			*known[i].flag = yes;
		return STATUS_OK;
	}
	error_raise(STATUS_INVALID, "there is no property \"%.*s\"", (int)size, property);
	error_hint(
		"print.timestamp, print.partition, print.offset, print.headers, print.key, print.value=true|false; "
		"key.separator, headers.separator, line.separator, null.literal=TEXT");
	return STATUS_INVALID;
}

/* ---- as Kafka's console consumer ---- */

static void bytes_append(const struct cli_record_format *format, struct slice bytes, struct buffer *out)
{
	if (bytes.data == NULL)
		buffer_append_string(out, format->null_literal);
	else
		buffer_append(out, bytes.data, bytes.size);
}

static void headers_append(const struct cli_record_format *format, struct record *record, struct buffer *out)
{
	struct record_header header;
	if (record->header_count == 0)
		buffer_append_string(out, "NO_HEADERS");
	for (bool first = true; record_header_next(record, &header) == STATUS_OK; first = false) {
		if (!first)
			buffer_append_string(out, format->header_separator);
		buffer_append(out, header.key.data, header.key.size);
		buffer_append_byte(out, ':');
		bytes_append(format, header.value, out);
	}
}

static void text_append(const struct cli_record_format *format, int32_t partition, bool log_append_time,
	struct record *record, struct buffer *out)
{
	const char *separator = format->key_separator;
	size_t before = out->size;
	if (format->timestamp && record->timestamp_ms == -1)
		buffer_append_string(out, "NO_TIMESTAMP");
	else if (format->timestamp)
		buffer_printf(
			out, "%s:%" PRId64, log_append_time ? "LogAppendTime" : "CreateTime", record->timestamp_ms);
	if (format->partition)
		buffer_printf(out, "%sPartition:%d", out->size != before ? separator : "", partition);
	if (format->offset)
		buffer_printf(out, "%sOffset:%" PRId64, out->size != before ? separator : "", record->offset);
	bool any = format->timestamp || format->partition || format->offset;
	if (format->headers) {
		buffer_append_string(out, any ? separator : "");
		headers_append(format, record, out);
	}
	any = any || format->headers;
	if (format->key) {
		buffer_append_string(out, any ? separator : "");
		bytes_append(format, record->key, out);
	}
	any = any || format->key;
	if (format->value) {
		buffer_append_string(out, any ? separator : "");
		bytes_append(format, record->value, out);
	}
	buffer_append_string(out, format->line_separator);
}

/* ---- JSON, CSV ---- */

static void base64_append(struct slice bytes, struct buffer *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < bytes.size; i += 3) {
		uint32_t group = (uint32_t)bytes.data[i] << 16;
		group |= i + 1 < bytes.size ? (uint32_t)bytes.data[i + 1] << 8 : 0;
		group |= i + 2 < bytes.size ? bytes.data[i + 2] : 0;
		for (unsigned j = 0; j < 4; j++)
			buffer_append_byte(out, i + j > bytes.size ? '=' : (uint8_t)digits[group >> (18 - 6 * j) & 63]);
	}
}

static void integer_append(int64_t number, struct buffer *out)
{
	uint8_t digits[20], *at = digits + sizeof digits;
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	do
		*--at = (uint8_t)('0' + left % 10);
	while ((left /= 10) != 0);
	if (number < 0)
		buffer_append_byte(out, '-');
	buffer_append(out, at, (size_t)(digits + sizeof digits - at));
}

static bool is_utf8(struct slice bytes)
{
	uint8_t seen = 0;
	for (size_t i = 0; i < bytes.size; i++)
		seen |= bytes.data[i];
	if (seen < 0x80)
		return true;
	json_t *text = json_stringn((const char *)bytes.data, bytes.size); /* NULL unless UTF-8 */
	json_decref(text);
	return text != NULL;
}

/* `,"key":"…"`, or `,"key_base64":"…"` when it is no UTF-8. */
static void json_field_append(const char *name, struct slice bytes, struct buffer *out)
{
	static const struct converter json = {CONVERTER_JSON, false};
	buffer_append_string(out, ",\"");
	buffer_append_string(out, name);
	if (bytes.data == NULL) {
		buffer_append_string(out, "\":null");
	} else if (is_utf8(bytes)) {
		buffer_append_string(out, "\":");
		converter_encode(&json, bytes, out);
	} else {
		buffer_append_string(out, "_base64\":\"");
		base64_append(bytes, out);
		buffer_append_byte(out, '"');
	}
}

static void json_append(int32_t partition, const struct record *record, struct buffer *out)
{
	buffer_append_string(out, "{\"offset\":");
	integer_append(record->offset, out);
	buffer_append_string(out, ",\"timestamp_ms\":");
	integer_append(record->timestamp_ms, out);
	json_field_append("key", record->key, out);
	json_field_append("value", record->value, out);
	buffer_append_string(out, ",\"partition\":");
	integer_append(partition, out);
	buffer_append_string(out, "}\n");
}

/* What is no text is base64, as in JSON. An empty text has quotes, a null has none. */
static void csv_field_append(struct slice bytes, struct buffer *out)
{
	if (bytes.data == NULL)
		return;
	if (memchr(bytes.data, 0, bytes.size) != NULL || !is_utf8(bytes)) {
		base64_append(bytes, out);
		return;
	}
	bool quoted = bytes.size == 0;
	static const char special[] = {'"', ',', '\r', '\n'};
	for (size_t i = 0; i < sizeof special && !quoted; i++)
		quoted = memchr(bytes.data, special[i], bytes.size) != NULL;
	if (quoted)
		buffer_append_byte(out, '"');
	while (quoted && bytes.size != 0) { /* quotes twice */
		const uint8_t *quote = memchr(bytes.data, '"', bytes.size);
		size_t size = quote != NULL ? (size_t)(quote - bytes.data) + 1 : bytes.size;
		buffer_append(out, bytes.data, size);
		if (quote != NULL)
			buffer_append_byte(out, '"');
		bytes = slice_of(bytes.data + size, bytes.size - size);
	}
	buffer_append(out, bytes.data, bytes.size);
	if (quoted)
		buffer_append_byte(out, '"');
}

static void csv_append(int32_t partition, const struct record *record, struct buffer *out)
{
	integer_append(partition, out);
	buffer_append_byte(out, ',');
	integer_append(record->offset, out);
	buffer_append_byte(out, ',');
	integer_append(record->timestamp_ms, out);
	buffer_append_byte(out, ',');
	csv_field_append(record->key, out);
	buffer_append_byte(out, ',');
	csv_field_append(record->value, out);
	buffer_append_byte(out, '\n');
}

void cli_record_head(const struct cli_record_format *format, struct buffer *out)
{
	if (format->output == CLI_OUTPUT_CSV)
		buffer_append_string(out, "partition,offset,timestamp_ms,key,value\n");
}

void cli_record_append(const struct cli_record_format *format, int32_t partition, bool log_append_time,
	struct record *record, struct buffer *out)
{
	if (format->output == CLI_OUTPUT_JSON)
		json_append(partition, record, out);
	else if (format->output == CLI_OUTPUT_CSV)
		csv_append(partition, record, out);
	else
		text_append(format, partition, log_append_time, record, out);
}
