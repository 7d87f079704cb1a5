/* Casts from and to text: input syntax and output form of every type, and varchar(n).
 *
 * Text in a column is valid UTF-8 (readers of records check it), so characters are counted by their lead
 * bytes.
 */
#include "processors/function_cast.h"
#include "processors/function_family.h"

void cast_text_append(const struct value *value, struct buffer *out)
{
	if (value->type.id == TYPE_BOOL)
		buffer_append_string(out, value->boolean ? "true" : "false");
	else
		value_format(value, out);
}

status cast_from_text(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		struct value value;
		status result =
			value_parse(call->result_type, text_slice(&call->arguments[0].texts[row]), call->arena, &value);
		if (result != STATUS_OK)
			return result;
		column_set(call->result, row, &value);
	}
	return STATUS_OK;
}

/* Bytes of the first `characters` characters, or all; *cut says whether something is left over. */
static uint32_t characters_size(const struct text *text, uint32_t characters)
{
	uint32_t at = 0, seen = 0;
	for (; at < text->size; at++) {
		bool starts = ((uint8_t)text->data[at] & 0xc0) != 0x80;
		if (starts && seen++ == characters)
			break;
	}
	return at;
}

static status varchar_fit(struct text *text, int32_t characters_max, bool cut_silently)
{
	if (characters_max < 0 || text->size <= (uint32_t)characters_max)
		return STATUS_OK;
	uint32_t size = characters_size(text, (uint32_t)characters_max);
	for (uint32_t at = size; at < text->size && !cut_silently; at++) {
		if (text->data[at] == ' ')
			continue;
		(void)error_raise(STATUS_TOO_LARGE, "value too long for type character varying(%d)", characters_max);
		error_sqlstate("22001");
		return STATUS_TOO_LARGE;
	}
	text->size = size;
	return STATUS_OK;
}

static status varchar_cast(const struct kernel_call *call, bool cut_silently)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		struct text *to = &call->result->texts[row];
		*to = call->arguments[0].texts[row];
		status result = varchar_fit(to, call->result_type.modifier, cut_silently);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

status cast_varchar_cut(const struct kernel_call *call)
{
	return varchar_cast(call, true);
}

status cast_varchar_assign(const struct kernel_call *call)
{
	return varchar_cast(call, false);
}

static status format_cast(const struct kernel_call *call, int32_t characters_max, bool cut_silently)
{
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	for (uint32_t row = 0; row < call->row_count && result == STATUS_OK; row++) {
		if (kernel_skips(call, row))
			continue;
		struct value value = column_value(&call->arguments[0], row);
		scratch.size = 0;
		cast_text_append(&value, &scratch);
		struct text *to = &call->result->texts[row];
		result = text_writer_put(&writer, buffer_slice(&scratch), to);
		if (result == STATUS_OK)
			result = varchar_fit(to, characters_max, cut_silently);
	}
	buffer_deinit(&scratch);
	return result;
}

status cast_to_text(const struct kernel_call *call)
{
	return format_cast(call, -1, true);
}

status cast_to_varchar_cut(const struct kernel_call *call)
{
	return format_cast(call, call->result_type.modifier, true);
}

status cast_to_varchar_assign(const struct kernel_call *call)
{
	return format_cast(call, call->result_type.modifier, false);
}
