/* Building and reading single protocol messages. */
#include "server/pgwire_message.h"

#include <string.h>

enum { MESSAGE_BYTES_MAX = 1 << 30 };

size_t message_begin(struct buffer *out, char type)
{
	buffer_append_byte(out, (uint8_t)type);
	size_t at = out->size;
	buffer_append_be32(out, 0);
	return at;
}

void message_end(struct buffer *out, size_t at)
{
	put_be32(out->data + at, (uint32_t)(out->size - at));
}

void message_string(struct buffer *out, const char *text)
{
	buffer_append(out, text, strlen(text) + 1);
}

void message_plain(struct buffer *out, char type)
{
	message_end(out, message_begin(out, type));
}

void message_ready_for_query(struct buffer *out, char transaction)
{
	size_t at = message_begin(out, 'Z');
	buffer_append_byte(out, (uint8_t)transaction);
	message_end(out, at);
}

void message_parameter_status(struct buffer *out, const char *name, const char *value)
{
	size_t at = message_begin(out, 'S');
	message_string(out, name);
	message_string(out, value);
	message_end(out, at);
}

void message_command_complete(struct buffer *out, const char *tag)
{
	size_t at = message_begin(out, 'C');
	message_string(out, tag);
	message_end(out, at);
}

static void field_append(struct buffer *out, char code, const char *text)
{
	buffer_append_byte(out, (uint8_t)code);
	message_string(out, text);
}

void message_error(struct buffer *out, char type, const char *severity, const struct error *error)
{
	size_t at = message_begin(out, type);
	field_append(out, 'S', severity);
	field_append(out, 'V', severity);
	field_append(out, 'C', error->sqlstate[0] != '\0' ? error->sqlstate : status_sqlstate(error->code));
	/* The first line is the message, the lines below say what was being done: PostgreSQL's CONTEXT. */
	const char *end = strchr(error->text, '\n');
	size_t primary_size = end != NULL ? (size_t)(end - error->text) : strlen(error->text);
	buffer_append_byte(out, 'M');
	if (primary_size == 0)
		buffer_append_string(out, status_words(error->code));
	buffer_append(out, error->text, primary_size);
	buffer_append_byte(out, 0);
	if (error->hint[0] != '\0')
		field_append(out, 'H', error->hint);
	if (error->position > 0) {
		buffer_append_byte(out, 'P');
		buffer_printf(out, "%d", error->position);
		buffer_append_byte(out, 0);
	}
	if (end != NULL && end[1] != '\0')
		field_append(out, 'W', end + 1);
	buffer_append_byte(out, 0);
	message_end(out, at);
}

enum pgwire_format formats_of(const struct pgwire_formats *formats, size_t column)
{
	if (formats == NULL || formats->count == 0)
		return PGWIRE_TEXT;
	return formats->codes[formats->count == 1 ? 0 : column] == PGWIRE_BINARY ? PGWIRE_BINARY : PGWIRE_TEXT;
}

/* An untyped literal that reaches the client is text to it, as in PostgreSQL. */
static enum type_id type_shown(enum type_id id)
{
	return id == TYPE_UNKNOWN ? TYPE_TEXT : id;
}

/* PostgreSQL's typmods count the header of a varlena. */
static int32_t modifier_shown(struct type type)
{
	enum { VARLENA_HEADER = 4 };
	return type.modifier < 0 ? -1 : type.modifier + VARLENA_HEADER;
}

void message_row_description(
	struct buffer *out, const struct schema *columns, const struct pgwire_formats *formats)
{
	size_t at = message_begin(out, 'T');
	buffer_append_be16(out, (uint16_t)columns->field_count);
	for (size_t i = 0; i < columns->field_count; i++) {
		const struct field *field = &columns->fields[i];
		enum type_id id = type_shown(field->type.id);
		message_string(out, field->name != NULL ? field->name : "?column?");
		buffer_append_be32(out, 0); /* no table */
		buffer_append_be16(out, 0); /* no column of it */
		buffer_append_be32(out, type_oid(id));
		buffer_append_be16(out, (uint16_t)type_wire_size(id));
		buffer_append_be32(out, (uint32_t)modifier_shown(field->type));
		buffer_append_be16(out, (uint16_t)formats_of(formats, i));
	}
	message_end(out, at);
}

void message_parameter_description(struct buffer *out, const enum type_id *types, size_t count)
{
	size_t at = message_begin(out, 't');
	buffer_append_be16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		buffer_append_be32(out, type_oid(type_shown(types[i])));
	message_end(out, at);
}

status message_data_row(
	struct buffer *out, const struct batch *batch, uint32_t row, const struct pgwire_formats *formats)
{
	size_t start = out->size;
	size_t at = message_begin(out, 'D');
	buffer_append_be16(out, (uint16_t)batch->column_count);
	for (uint32_t i = 0; i < batch->column_count; i++) {
		const struct column *column = &batch->columns[i];
		if (column_is_null(column, row)) {
			buffer_append_be32(out, UINT32_MAX);
			continue;
		}
		struct value value = column_value(column, row);
		value.type.id = type_shown(value.type.id);
		size_t size_at = out->size;
		buffer_append_be32(out, 0);
		if (formats_of(formats, i) == PGWIRE_BINARY)
			value_send(&value, out);
		else
			value_format(&value, out);
		put_be32(out->data + size_at, (uint32_t)(out->size - size_at - 4));
		if (out->size - start > MESSAGE_BYTES_MAX) {
			out->size = start;
			return error_raise(STATUS_TOO_LARGE, "a result row is larger than %d bytes", MESSAGE_BYTES_MAX);
		}
	}
	message_end(out, at);
	return STATUS_OK;
}

const char *cursor_string(struct cursor *cursor)
{
	const uint8_t *end = cursor->failed ? NULL : memchr(cursor->at, 0, cursor_left(cursor));
	if (end == NULL) {
		cursor->failed = true;
		cursor->at = cursor->end;
		return "";
	}
	const char *text = (const char *)cursor->at;
	cursor->at = end + 1;
	return text;
}

status parameter_type_from_oid(uint32_t oid, enum type_id *out)
{
	/* Text by another name: name, json, bpchar. */
	static const uint32_t text_like[] = {19, 114, 1042};
	if (oid == 0) {
		*out = TYPE_UNKNOWN;
		return STATUS_OK;
	}
	for (enum type_id id = 0; id < TYPE_COUNT; id++) {
		if (type_oid(id) == oid) {
			*out = id;
			return STATUS_OK;
		}
	}
	for (size_t i = 0; i < sizeof text_like / sizeof text_like[0]; i++) {
		if (text_like[i] == oid) {
			*out = TYPE_TEXT;
			return STATUS_OK;
		}
	}
	error_raise(STATUS_UNSUPPORTED, "parameters of the type with OID %u are not supported", oid);
	error_hint("Declare the parameter as text and cast it in the statement.");
	return STATUS_UNSUPPORTED;
}

status parameter_read(
	enum type_id type, enum pgwire_format format, struct slice bytes, struct arena *arena, struct value *out)
{
	struct type shown = type_of(type_shown(type));
	if (format == PGWIRE_BINARY)
		return value_receive(shown, bytes, arena, out);
	return value_parse(shown, bytes, arena, out);
}
