/* Text functions that trim, pad, replace and split. Characters are those of UTF-8. */
#include <string.h>

#include "processors/function_family.h"
#include "processors/utf8.h"

/* Is the character (`width` bytes at `at`) one of `set`? */
static bool set_contains(struct text set, const char *at, uint32_t width)
{
	for (uint32_t i = 0; i < set.size;) {
		uint32_t here = utf8_width(set.data, set.size, i);
		if (here == width && memcmp(set.data + i, at, width) == 0)
			return true;
		i += here;
	}
	return false;
}

static struct text trim_left(struct text text, struct text set)
{
	uint32_t at = 0;
	while (at < text.size) {
		uint32_t width = utf8_width(text.data, text.size, at);
		if (!set_contains(set, text.data + at, width))
			break;
		at += width;
	}
	return (struct text){.data = text.data + at, .size = text.size - at};
}

static struct text trim_right(struct text text, struct text set)
{
	while (text.size > 0) {
		uint32_t start = text.size - 1;
		while (start > 0 && !utf8_starts_character((uint8_t)text.data[start]))
			start--;
		if (!set_contains(set, text.data + start, text.size - start))
			break;
		text.size = start;
	}
	return text;
}

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

static status trim(const struct kernel_call *call, unsigned sides)
{
	const struct text space = {.data = " ", .size = 1};
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row);
		struct text set = call->argument_count == 2 ? text_argument(call, 1, row) : space;
		if ((sides & TRIM_LEFT) != 0)
			text = trim_left(text, set);
		if ((sides & TRIM_RIGHT) != 0)
			text = trim_right(text, set);
		call->result->texts[row] = text;
	}
	return STATUS_OK;
}

static status btrim(const struct kernel_call *call)
{
	return trim(call, TRIM_LEFT | TRIM_RIGHT);
}

static status ltrim(const struct kernel_call *call)
{
	return trim(call, TRIM_LEFT);
}

static status rtrim(const struct kernel_call *call)
{
	return trim(call, TRIM_RIGHT);
}

static status length_too_large(void)
{
	return error_raise(STATUS_TOO_LARGE, "requested length too large");
}

/* Writes `count` characters of `fill`, over and over; returns the bytes written. */
static size_t fill_write(struct text fill, uint64_t count, char *to)
{
	size_t size = 0;
	uint32_t at = 0;
	for (; count > 0; count--) {
		uint32_t width = utf8_width(fill.data, fill.size, at);
		memcpy(to + size, fill.data + at, width);
		size += width;
		at = at + width == fill.size ? 0 : at + width;
	}
	return size;
}

static status pad(const struct kernel_call *call, bool on_left)
{
	struct text_writer writer = text_writer_of(call);
	const struct text space = {.data = " ", .size = 1};
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row);
		struct text fill = call->argument_count == 3 ? text_argument(call, 2, row) : space;
		int64_t wanted = i64_argument(call, 1, row);
		uint64_t length = wanted < 0 ? 0 : (uint64_t)wanted;
		uint64_t have = utf8_count(text.data, text.size);
		if (length <= have || fill.size == 0) {
			text.size = utf8_skip(text.data, text.size, 0, length);
			call->result->texts[row] = text;
			continue;
		}
		uint64_t missing = length - have;
		if (missing * 4 + text.size > TEXT_SIZE_MAX)
			return length_too_large();
		char *to = text_writer_reserve(&writer, missing * 4 + text.size);
		size_t size = 0;
		if (on_left)
			size = fill_write(fill, missing, to);
		if (text.size != 0)
			memcpy(to + size, text.data, text.size);
		size += text.size;
		if (!on_left)
			size += fill_write(fill, missing, to + size);
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

static status lpad(const struct kernel_call *call)
{
	return pad(call, true);
}

static status rpad(const struct kernel_call *call)
{
	return pad(call, false);
}

static status repeat(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row);
		int64_t times = i64_argument(call, 1, row);
		uint64_t size = times <= 0 ? 0 : (uint64_t)times * text.size;
		if (size > TEXT_SIZE_MAX)
			return length_too_large();
		char *to = text_writer_reserve(&writer, size);
		for (uint64_t at = 0; at < size; at += text.size)
			memcpy(to + at, text.data, text.size);
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

/* Where `needle` (not empty) next occurs in text[at…), or the text's size. */
static uint32_t text_find(struct text text, struct text needle, uint32_t at)
{
	if (at >= text.size)
		return text.size;
	const char *found = memmem(text.data + at, text.size - at, needle.data, needle.size);
	return found == NULL ? text.size : (uint32_t)(found - text.data);
}

static status replace(const struct kernel_call *call)
{
	struct buffer scratch;
	buffer_init(&scratch);
	struct text_writer writer = text_writer_of(call);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row), from = text_argument(call, 1, row),
					to = text_argument(call, 2, row);
		if (from.size == 0 || text_find(text, from, 0) == text.size) {
			call->result->texts[row] = text;
			continue;
		}
		scratch.size = 0;
		for (uint32_t at = 0; at < text.size && result == STATUS_OK;) {
			uint32_t found = text_find(text, from, at);
			buffer_append(&scratch, text.data + at, found - at);
			if (found < text.size)
				buffer_append(&scratch, to.data, to.size);
			at = found + (found < text.size ? from.size : 0);
			result = text_size_check(scratch.size);
		}
		if (result == STATUS_OK)
			result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	return result;
}

/* Each character that occurs in `from` becomes the one at the same place in `to`, or goes away if there is
 * none. */
static status translate(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row), from = text_argument(call, 1, row),
					to = text_argument(call, 2, row);
		status result = text_size_check((size_t)text.size * 4);
		if (result != STATUS_OK)
			return result;
		char *out = text_writer_reserve(&writer, (size_t)text.size * 4);
		size_t size = 0;
		for (uint32_t at = 0; at < text.size;) {
			uint32_t width = utf8_width(text.data, text.size, at);
			uint32_t from_at = 0, to_at = 0;
			bool found = false;
			while (from_at < from.size && !found) {
				uint32_t here = utf8_width(from.data, from.size, from_at);
				found = here == width && memcmp(from.data + from_at, text.data + at, width) == 0;
				from_at += here;
				if (!found && to_at < to.size)
					to_at += utf8_width(to.data, to.size, to_at);
			}
			const char *source = found ? to.data + to_at : text.data + at;
			uint32_t bytes = !found ? width : to_at < to.size ? utf8_width(to.data, to.size, to_at) : 0;
			if (bytes != 0)
				memcpy(out + size, source, bytes);
			size += bytes;
			at += width;
		}
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

/* The field-th part between separators, 1-based; nothing if there are fewer. */
static struct text part_find(struct text text, struct text separator, int64_t field)
{
	uint32_t at = 0;
	for (;;) {
		uint32_t found = text_find(text, separator, at);
		if (--field == 0)
			return (struct text){.data = text.data + at, .size = found - at};
		if (found == text.size)
			return (struct text){.data = text.data};
		at = found + separator.size;
	}
}

static status split_part(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row), separator = text_argument(call, 1, row);
		int64_t field = i64_argument(call, 2, row);
		if (field == 0)
			return error_raise(STATUS_INVALID, "field position must not be zero");
		const struct text nothing = {.data = text.data};
		if (separator.size == 0) {
			call->result->texts[row] = field == 1 || field == -1 ? text : nothing;
			continue;
		}
		if (field < 0) { /* from the end: count the fields first */
			int64_t fields = 1;
			for (uint32_t at = text_find(text, separator, 0); at < text.size;
				 at = text_find(text, separator, at + separator.size))
				fields++;
			field += fields + 1;
		}
		call->result->texts[row] = field > 0 ? part_find(text, separator, field) : nothing;
	}
	return STATUS_OK;
}

/* overlay(text placing new from first for count); count defaults to the new text's length. */
static status overlay(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text text = text_argument(call, 0, row), with = text_argument(call, 1, row);
		int64_t first = i64_argument(call, 2, row);
		int64_t count =
			call->argument_count == 4 ? i64_argument(call, 3, row) : utf8_count(with.data, with.size);
		if (first <= 0) {
			(void)error_raise(STATUS_INVALID, "negative substring length not allowed");
			error_sqlstate("22011");
			return STATUS_INVALID;
		}
		uint32_t head = utf8_skip(text.data, text.size, 0, (uint64_t)(first - 1));
		int64_t tail_first = first + count - 1;
		uint32_t tail = tail_first <= 0 ? 0 : utf8_skip(text.data, text.size, 0, (uint64_t)tail_first);
		size_t size = (size_t)head + with.size + (text.size - tail);
		status result = text_size_check(size);
		if (result != STATUS_OK)
			return result;
		char *to = text_writer_reserve(&writer, size);
		if (head != 0)
			memcpy(to, text.data, head);
		if (with.size != 0)
			memcpy(to + head, with.data, with.size);
		if (tail < text.size)
			memcpy(to + head + with.size, text.data + tail, text.size - tail);
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

static const struct function functions[] = {
	F1("btrim", TEXT, TEXT, STRICT, btrim),
	F2("btrim", TEXT, TEXT, TEXT, STRICT, btrim),
	F1("ltrim", TEXT, TEXT, STRICT, ltrim),
	F2("ltrim", TEXT, TEXT, TEXT, STRICT, ltrim),
	F1("rtrim", TEXT, TEXT, STRICT, rtrim),
	F2("rtrim", TEXT, TEXT, TEXT, STRICT, rtrim),
	F2("lpad", TEXT, TEXT, INT4, STRICT_FAILS, lpad),
	F3("lpad", TEXT, TEXT, INT4, TEXT, STRICT_FAILS, lpad),
	F2("rpad", TEXT, TEXT, INT4, STRICT_FAILS, rpad),
	F3("rpad", TEXT, TEXT, INT4, TEXT, STRICT_FAILS, rpad),
	F2("repeat", TEXT, TEXT, INT4, STRICT_FAILS, repeat),
	F3("replace", TEXT, TEXT, TEXT, TEXT, STRICT_FAILS, replace),
	F3("translate", TEXT, TEXT, TEXT, TEXT, STRICT_FAILS, translate),
	F3("split_part", TEXT, TEXT, TEXT, INT4, STRICT_FAILS, split_part),
	F3("overlay", TEXT, TEXT, TEXT, INT4, STRICT_FAILS, overlay),
	F4("overlay", TEXT, TEXT, TEXT, INT4, INT4, STRICT_FAILS, overlay),
};
FUNCTION_LIST(function_list_trim, functions);
