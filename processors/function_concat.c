/* Joining texts: ||, concat, concat_ws. || of text and anything else takes the other's text form as a cast
 * gives it; concat and concat_ws take any types as their output form, and leave nulls out.
 */
#include <string.h>

#include "processors/function_cast.h"
#include "processors/function_family.h"

static status concatenate(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text left = text_argument(call, 0, row), right = text_argument(call, 1, row);
		size_t size = (size_t)left.size + right.size;
		status result = text_size_check(size);
		if (result != STATUS_OK)
			return result;
		char *to = text_writer_reserve(&writer, size);
		if (left.size != 0)
			memcpy(to, left.data, left.size);
		if (right.size != 0)
			memcpy(to + left.size, right.data, right.size);
		call->result->texts[row] = text_writer_commit(&writer, size);
	}
	return STATUS_OK;
}

/* One side is text, the other is not. */
static status concatenate_any(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		scratch.size = 0;
		for (size_t i = 0; i < 2; i++) {
			struct value value = column_value(&call->arguments[i], row & kernel_mask(call, i));
			cast_text_append(&value, &scratch);
		}
		result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	return result;
}

/* Arguments from `first` on, `separator` (NULL: none) between those that are not null. */
static void row_join(const struct kernel_call *call, uint32_t row, size_t first, const struct text *separator,
	struct buffer *out)
{
	bool some = false;
	for (size_t i = first; i < call->argument_count; i++) {
		uint32_t from = i < 32 ? row & kernel_mask(call, i) : row;
		if (column_is_null(&call->arguments[i], from))
			continue;
		if (some && separator != NULL)
			buffer_append(out, separator->data, separator->size);
		some = true;
		struct value value = column_value(&call->arguments[i], from);
		value_format(&value, out);
	}
}

static status concat(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	for (uint32_t row = 0; row < call->row_count && result == STATUS_OK; row++) {
		scratch.size = 0;
		row_join(call, row, 0, NULL, &scratch);
		result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
	}
	buffer_deinit(&scratch);
	return result;
}

static status concat_ws(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	for (uint32_t row = 0; row < call->row_count && result == STATUS_OK; row++) {
		uint32_t from = row & kernel_mask(call, 0);
		if (column_is_null(&call->arguments[0], from)) {
			kernel_set_null(call, row);
			continue;
		}
		scratch.size = 0;
		row_join(call, row, 1, &call->arguments[0].texts[from], &scratch);
		result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
	}
	buffer_deinit(&scratch);
	return result;
}

#define WITH_TEXT(type)                                                                                      \
	F2("||", TEXT, TEXT, type, STRICT_FAILS, concatenate_any),                                               \
		F2("||", TEXT, type, TEXT, STRICT_FAILS, concatenate_any)

static const struct function functions[] = {
	F2("||", TEXT, TEXT, TEXT, STRICT_FAILS, concatenate),
	F2("||", BYTEA, BYTEA, BYTEA, STRICT_FAILS, concatenate),
	WITH_TEXT(BOOL),
	WITH_TEXT(INT2),
	WITH_TEXT(INT4),
	WITH_TEXT(INT8),
	WITH_TEXT(FLOAT4),
	WITH_TEXT(FLOAT8),
	WITH_TEXT(NUMERIC),
	WITH_TEXT(BYTEA),
	WITH_TEXT(DATE),
	WITH_TEXT(TIMESTAMP),
	WITH_TEXT(TIMESTAMPTZ),
	WITH_TEXT(INTERVAL),
	{"concat", TYPE_TEXT, 1, FUNCTION_VARIADIC | FUNCTION_FAILS, {FUNCTION_TYPE_ANY}, concat},
	{"concat_ws", TYPE_TEXT, 2, FUNCTION_VARIADIC | FUNCTION_FAILS, {TYPE_TEXT, FUNCTION_TYPE_ANY},
		concat_ws},
};
FUNCTION_LIST(function_list_concat, functions);
