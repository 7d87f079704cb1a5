/* Rows as psql's aligned tables, CSV or JSON; see cli_internal.h. */
#include "server/cli_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/invariant.h"

void cli_table_init(struct cli_table *table)
{
	memset(table, 0, sizeof *table);
	arena_init(&table->arena);
}

void cli_table_deinit(struct cli_table *table)
{
	arena_deinit(&table->arena);
	mem_free(table->names);
	mem_free(table->kinds);
	mem_free(table->cells);
}

void cli_table_column(struct cli_table *table, const char *name, enum cli_column_kind kind)
{
	INVARIANT(table->cell_count == 0);
	if (table->column_count == table->column_capacity) {
		table->column_capacity = table->column_capacity == 0 ? 16 : table->column_capacity * 2;
		table->names = mem_resize(table->names, table->column_capacity * sizeof *table->names);
		table->kinds = mem_resize(table->kinds, table->column_capacity * sizeof *table->kinds);
	}
	table->names[table->column_count] = arena_copy_string(&table->arena, name);
	table->kinds[table->column_count++] = kind;
}

static void cell_add(struct cli_table *table, const char *owned)
{
	if (table->cell_count == table->cell_capacity) {
		table->cell_capacity = table->cell_capacity == 0 ? 256 : table->cell_capacity * 2;
		table->cells = mem_resize(table->cells, table->cell_capacity * sizeof *table->cells);
	}
	table->cells[table->cell_count++] = owned;
}

void cli_table_cell(struct cli_table *table, const char *text)
{
	cell_add(table, text != NULL ? arena_copy_string(&table->arena, text) : NULL);
}

void cli_table_cellf(struct cli_table *table, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = arena_alloc(&table->arena, (size_t)(size > 0 ? size : 0) + 1);
	text[0] = '\0';
	if (size > 0)
		(void)vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	cell_add(table, text);
}

size_t cli_table_rows(const struct cli_table *table)
{
	return table->column_count == 0 ? 0 : table->cell_count / table->column_count;
}

/* ---- aligned ---- */

/* Columns of the character at `text`, its bytes in *used. Bytes that are no character count one. */
static size_t character_width(const char *text, size_t size, size_t *used)
{
	mbstate_t state = {0};
	wchar_t character;
	size_t bytes = mbrtowc(&character, text, size, &state);
	if (bytes == 0 || bytes > size) {
		*used = 1;
		return 1;
	}
	*used = bytes;
	int width = wcwidth(character);
	return width < 0 ? 1 : (size_t)width;
}

size_t cli_text_width(const char *text, size_t size)
{
	size_t width = 0, used;
	for (size_t at = 0; at < size; at += used)
		width += character_width(text + at, size - at, &used);
	return width;
}

/* A cell's text as it may be shown: tabs as spaces to the next eighth column, other control characters as
 * \xNN. Newlines stay; they separate the cell's lines. */
static void text_show(const char *text, struct buffer *out)
{
	size_t column = 0, used;
	size_t size = strlen(text);
	for (size_t at = 0; at < size; at += used) {
		unsigned char byte = (unsigned char)text[at];
		used = 1;
		if (byte == '\n') {
			buffer_append_byte(out, byte);
			column = 0;
		} else if (byte == '\t') {
			do
				buffer_append_byte(out, ' ');
			while (++column % 8 != 0);
		} else if (byte == '\r') {
			buffer_append_string(out, "\\r");
			column += 2;
		} else if (byte < 0x20 || byte == 0x7f) {
			buffer_printf(out, "\\x%02X", byte);
			column += 4;
		} else {
			column += character_width(text + at, size - at, &used);
			buffer_append(out, text + at, used);
		}
	}
	buffer_append_byte(out, 0);
}

static size_t line_size(const char *text)
{
	return strcspn(text, "\n");
}

static size_t text_width(const char *text)
{
	size_t widest = 0;
	for (;;) {
		size_t size = line_size(text);
		size_t width = cli_text_width(text, size);
		widest = width > widest ? width : widest;
		if (text[size] == '\0')
			return widest;
		text += size + 1;
	}
}

static void spaces(struct buffer *out, size_t count)
{
	while (count-- != 0)
		buffer_append_byte(out, ' ');
}

struct layout {
	struct arena arena;
	size_t columns;
	const char **cells; /* names first, then rows; shown form */
	size_t *widths;
	const char **rest; /* per column, of the row being printed: the lines still to come; NULL = none */
};

static const char *layout_text(struct layout *layout, const char *text)
{
	struct buffer shown;
	if (text == NULL)
		return "";
	bool plain = true;
	for (const char *at = text; *at != '\0' && plain; at++)
		plain = (unsigned char)*at >= 0x20 && *at != 0x7f;
	if (plain)
		return text;
	buffer_init(&shown);
	text_show(text, &shown);
	const char *copy = arena_copy_string(&layout->arena, (const char *)shown.data);
	buffer_deinit(&shown);
	return copy;
}

/* All lines of a row. Continued cells are marked with + at the end of a line, as psql does. */
static void row_print(struct layout *layout, const struct cli_table *table, const char *const *cells,
	bool header, struct buffer *out)
{
	for (size_t c = 0; c < layout->columns; c++)
		layout->rest[c] = cells[c];
	for (bool more = true; more;) {
		more = false;
		for (size_t c = 0; c < layout->columns; c++) {
			bool ended = layout->rest[c] == NULL; /* on an earlier line */
			const char *text = ended ? "" : layout->rest[c];
			size_t size = line_size(text);
			size_t width = cli_text_width(text, size);
			size_t room = layout->widths[c] - width;
			bool last = c + 1 == layout->columns;
			bool goes_on = text[size] == '\n';
			layout->rest[c] = goes_on ? text + size + 1 : NULL;
			more = more || goes_on;
			bool right = !header && table->kinds[c] == CLI_COLUMN_NUMBER;
			size_t before = header ? room / 2 : right && !(ended && last) ? room : 0;
			buffer_append_byte(out, ' ');
			spaces(out, before);
			buffer_append(out, text, size);
			if (!last || header || goes_on)
				spaces(out, room - before);
			if (goes_on)
				buffer_append_byte(out, '+');
			else if (!last || header)
				buffer_append_byte(out, ' ');
			if (!last)
				buffer_append_byte(out, '|');
		}
		buffer_append_byte(out, '\n');
	}
}

static void ruler_print(const struct layout *layout, struct buffer *out)
{
	for (size_t c = 0; c < layout->columns; c++) {
		if (c != 0)
			buffer_append_byte(out, '+');
		for (size_t i = 0; i < layout->widths[c] + 2; i++)
			buffer_append_byte(out, '-');
	}
	buffer_append_byte(out, '\n');
}

void cli_table_aligned(const struct cli_table *table, bool footer, struct buffer *out)
{
	size_t columns = table->column_count, rows = cli_table_rows(table);
	struct layout layout = {.columns = columns};
	arena_init(&layout.arena);
	layout.cells = arena_alloc(&layout.arena, (rows + 1) * columns * sizeof *layout.cells);
	layout.widths = arena_alloc_zeroed(&layout.arena, (columns + 1) * sizeof *layout.widths);
	layout.rest = arena_alloc(&layout.arena, (columns + 1) * sizeof *layout.rest);
	for (size_t i = 0; i < (rows + 1) * columns; i++) {
		const char *text = layout_text(&layout, i < columns ? table->names[i] : table->cells[i - columns]);
		size_t width = text_width(text);
		layout.cells[i] = text;
		if (width > layout.widths[i % columns])
			layout.widths[i % columns] = width;
	}
	if (columns != 0) {
		row_print(&layout, table, layout.cells, true, out);
		ruler_print(&layout, out);
	} else {
		buffer_append_string(out, "--\n");
	}
	for (size_t row = 1; row <= rows; row++)
		row_print(&layout, table, layout.cells + row * columns, false, out);
	if (footer)
		buffer_printf(out, "(%zu row%s)\n\n", rows, rows == 1 ? "" : "s");
	arena_deinit(&layout.arena);
}

/* ---- CSV ---- */

static void csv_field(const char *text, struct buffer *out)
{
	if (text == NULL)
		return;
	if (text[0] != '\0' && strpbrk(text, "\",\r\n") == NULL) {
		buffer_append_string(out, text);
		return;
	}
	buffer_append_byte(out, '"'); /* also the empty text, which a null is not */
	for (; *text != '\0'; text++) {
		if (*text == '"')
			buffer_append_byte(out, '"');
		buffer_append_byte(out, (uint8_t)*text);
	}
	buffer_append_byte(out, '"');
}

static void csv_row(const char *const *fields, size_t count, struct buffer *out)
{
	for (size_t c = 0; c < count; c++) {
		if (c != 0)
			buffer_append_byte(out, ',');
		csv_field(fields[c], out);
	}
	buffer_append_byte(out, '\n');
}

void cli_table_csv(const struct cli_table *table, struct buffer *out)
{
	csv_row(table->names, table->column_count, out);
	for (size_t row = 0; row < cli_table_rows(table); row++)
		csv_row(table->cells + row * table->column_count, table->column_count, out);
}

/* ---- JSON ---- */

/* Does the text have the form of a JSON number? PostgreSQL's NaN and Infinity have not. */
static bool is_json_number(const char *text)
{
	text += *text == '-';
	if (*text < '0' || *text > '9' || (*text == '0' && text[1] >= '0' && text[1] <= '9'))
		return false;
	text += strspn(text, "0123456789");
	if (*text == '.') {
		size_t digits = strspn(text + 1, "0123456789");
		if (digits == 0)
			return false;
		text += digits + 1;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '+' || *text == '-';
		size_t digits = strspn(text, "0123456789");
		if (digits == 0)
			return false;
		text += digits;
	}
	return *text == '\0';
}

static void json_text(const char *text, struct buffer *out)
{
	json_t *value = json_string(text);
	char *dumped = value != NULL ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	buffer_append_string(out, dumped != NULL ? dumped : "null");
	free(dumped);
	json_decref(value);
}

static void json_cell(enum cli_column_kind kind, const char *text, struct buffer *out)
{
	if (text == NULL)
		buffer_append_string(out, "null");
	else if (kind == CLI_COLUMN_NUMBER && is_json_number(text))
		buffer_append_string(out, text);
	else if (kind == CLI_COLUMN_BOOL)
		buffer_append_string(out, text[0] == 't' ? "true" : "false");
	else
		json_text(text, out);
}

void cli_table_json(const struct cli_table *table, struct buffer *out)
{
	size_t rows = cli_table_rows(table);
	buffer_append_byte(out, '[');
	for (size_t row = 0; row < rows; row++) {
		buffer_append_string(out, row == 0 ? "\n  {" : ",\n  {");
		for (size_t c = 0; c < table->column_count; c++) {
			if (c != 0)
				buffer_append_string(out, ", ");
			json_text(table->names[c], out);
			buffer_append_string(out, ": ");
			json_cell(table->kinds[c], table->cells[row * table->column_count + c], out);
		}
		buffer_append_byte(out, '}');
	}
	buffer_append_string(out, rows == 0 ? "]\n" : "\n]\n");
}

void cli_table_print(const struct cli_table *table, enum cli_output output, bool footer)
{
	struct buffer text;
	buffer_init(&text);
	if (output == CLI_OUTPUT_JSON)
		cli_table_json(table, &text);
	else if (output == CLI_OUTPUT_CSV)
		cli_table_csv(table, &text);
	else
		cli_table_aligned(table, footer, &text);
	(void)fwrite(text.data, 1, text.size, stdout);
	buffer_deinit(&text);
}
