/* CSV and plain text records.
 *
 * CSV: one record of the log is one RFC 4180 record; a line end after it is allowed. A field is quoted when
 * its first byte is a quote; within, "" is a quote, and delimiters and line ends are text. An empty unquoted
 * field is null, a quoted empty one is the empty string. The number of fields must be the number of columns.
 * A UTF-8 byte order mark is passed over.
 */
#include "replay/decode_internal.h"

struct csv_field {
	struct slice text; /* without the outer quotes; of a copy if it had "" in it */
	bool null;
	const char *broken; /* what is wrong with it; NULL = nothing */
};

static bool has_line_end(struct slice text)
{
	return memchr(text.data, '\n', text.size) != NULL || memchr(text.data, '\r', text.size) != NULL;
}

/* Reads a field and leaves *at at the delimiter or the end. */
static struct csv_field csv_field_read(struct decoder *decoder, const uint8_t **at, const uint8_t *end)
{
	struct csv_field field = {0};
	const uint8_t *begin = *at;
	uint8_t delimiter = (uint8_t)decoder->options.csv_delimiter;
	if (begin == end || *begin != '"') {
		const uint8_t *stop = memchr(begin, delimiter, (size_t)(end - begin));
		*at = stop != NULL ? stop : end;
		field.text = slice_of(begin, (size_t)(*at - begin));
		field.null = field.text.size == 0;
		if (memchr(begin, '"', field.text.size) != NULL)
			field.broken = "a quote within an unquoted field";
		else if (has_line_end(field.text))
			field.broken = "a line end within an unquoted field";
		return field;
	}
	bool doubled = false;
	const uint8_t *stop = ++begin;
	while ((stop = memchr(stop, '"', (size_t)(end - stop))) != NULL && stop + 1 < end && stop[1] == '"') {
		doubled = true;
		stop += 2;
	}
	if (stop == NULL) {
		*at = end;
		field.broken = "a quoted field does not end";
		return field;
	}
	field.text = slice_of(begin, (size_t)(stop - begin));
	*at = stop + 1;
	if (*at != end && **at != delimiter)
		field.broken = "something follows a quoted field";
	if (doubled) {
		uint8_t *copy = arena_alloc(decoder->arena, field.text.size + DECODE_PADDING);
		size_t size = 0;
		for (const uint8_t *from = begin; from < stop; from++) {
			copy[size++] = *from;
			from += *from == '"';
		}
		memset(copy + size, 0, DECODE_PADDING);
		field.text = slice_of(copy, size);
	}
	return field;
}

static struct slice csv_trim(struct slice record)
{
	if (record.size >= 3 && memcmp(record.data, "\xef\xbb\xbf", 3) == 0)
		record = slice_of(record.data + 3, record.size - 3);
	if (record.size > 0 && record.data[record.size - 1] == '\n')
		record.size--;
	if (record.size > 0 && record.data[record.size - 1] == '\r')
		record.size--;
	return record;
}

static bool csv_is_header(struct decoder *decoder, struct slice record)
{
	const uint8_t *at = record.data, *end = at + record.size;
	for (size_t c = 0; c < decoder->options.visible_count; c++) {
		struct csv_field field = csv_field_read(decoder, &at, end);
		bool last = c + 1 == decoder->options.visible_count;
		if (field.broken != NULL || !slice_equal(field.text, slice_of_string(decoder->columns[c].name)) ||
			(at == end) != last)
			return false;
		at += !last;
	}
	return true;
}

/* One field into its column. */
static bool csv_put(struct decoder *decoder, uint32_t index, const struct csv_field *field)
{
	const struct decode_column *column = &decoder->columns[index];
	struct slice name = slice_of(column->name, column->name_size);
	if (field->broken != NULL) {
		decode_fail(decoder, "field \"%s\": %s", decode_excerpt(decoder, name), field->broken);
		return false;
	}
	if (!field->null) {
		if (decode_put_text(decoder, index, field->text))
			return true;
		decode_explain_text(decoder, index, field->text);
		return false;
	}
	if (column->not_null) {
		decode_fail(
			decoder, "field \"%s\": empty, but the column is NOT NULL", decode_excerpt(decoder, name));
		return false;
	}
	decode_put_null(decoder, index);
	return true;
}

enum read_result csv_read(struct decoder *decoder, struct slice record)
{
	record = csv_trim(record);
	if (decoder->options.csv_header && csv_is_header(decoder, record))
		return READ_SKIP;
	const uint8_t *at = record.data, *end = at + record.size;
	size_t expected = decoder->options.visible_count, count = 0;
	for (;; at++) {
		struct csv_field field = csv_field_read(decoder, &at, end);
		if (count < expected && !csv_put(decoder, (uint32_t)count, &field))
			return READ_BAD;
		count++;
		if (at == end)
			break;
	}
	if (count == expected)
		return READ_ROW;
	decode_fail(decoder, "%zu fields where the table has %zu columns", count, expected);
	return READ_BAD;
}

enum read_result text_read(struct decoder *decoder, struct slice record)
{
	if (decode_put_text(decoder, 0, record))
		return READ_ROW;
	decode_explain_text(decoder, 0, record);
	return READ_BAD;
}
