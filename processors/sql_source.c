/* Byte offsets, character positions, lines and carets. Pure functions over text; any thread. */
#include "processors/sql_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_SHOWN_MAX = 60 };

static bool byte_starts_character(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

int32_t sql_source_position(const struct sql_source *source, size_t byte)
{
	if (byte > source->size)
		byte = source->size;
	if (source->marks == NULL)
		return (int32_t)byte + 1;
	size_t from = byte / SOURCE_MARK_BYTES;
	uint32_t characters = source->marks[from];
	for (size_t i = from * SOURCE_MARK_BYTES; i < byte; i++)
		characters += byte_starts_character(source->text[i]);
	return (int32_t)characters + 1;
}

int32_t sql_tree_position(const struct sql_tree *tree, int32_t location)
{
	return location < 0 ? 0 : sql_source_position(tree->source, tree->base + (size_t)location);
}

status sql_fail(status code, const struct sql_tree *tree, int32_t location, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)error_raise(code, "%s", text);
	error_position(sql_tree_position(tree, location));
	return code;
}

status sql_unsupported(
	const struct sql_tree *tree, int32_t location, const char *hint, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)error_raise(STATUS_UNSUPPORTED, "%s is not supported", text);
	if (hint != NULL)
		error_hint("%s", hint);
	error_position(sql_tree_position(tree, location));
	return STATUS_UNSUPPORTED;
}

/* psql's picture: "LINE 2: " and the line, a caret under the character. Long lines are shown around it. */
void sql_position_describe(const char *text, int32_t position, struct buffer *out)
{
	if (position < 1)
		return;
	size_t at = 0, line_start = 0;
	int32_t line = 1, column = 0, character = 0;
	for (; text[at] != '\0'; at++) {
		if (byte_starts_character(text[at]) && ++character == position)
			break;
		if (text[at] == '\n') {
			line++;
			line_start = at + 1;
		}
	}
	for (size_t i = line_start; i < at; i++)
		column += byte_starts_character(text[i]);
	const char *start = text + line_start;
	const char *before = "";
	int32_t skipped = column > LINE_SHOWN_MAX ? column - LINE_SHOWN_MAX / 2 : 0;
	for (int32_t i = 0; i < skipped; column--, i++) {
		start++;
		while (!byte_starts_character(*start))
			start++;
		before = "...";
	}
	size_t size = 0;
	for (int32_t shown = 0; start[size] != '\0' && start[size] != '\n' && start[size] != '\r'; size++) {
		shown += byte_starts_character(start[size]);
		if (shown > column + LINE_SHOWN_MAX)
			break;
	}
	char label[32];
	int label_size = snprintf(label, sizeof label, "LINE %d: ", line);
	buffer_printf(out, "%s%s%.*s\n", label, before, (int)size, start);
	for (int32_t i = 0; i < label_size + (int32_t)strlen(before); i++)
		buffer_append_byte(out, ' ');
	/* Tabs stay tabs, so that the caret stands where the terminal put the character. */
	const char *under = start;
	for (int32_t i = 0; i < column && *under != '\0'; i++) {
		buffer_append_byte(out, *under == '\t' ? '\t' : ' ');
		do
			under++;
		while (!byte_starts_character(*under));
	}
	buffer_append_string(out, "^\n");
}
