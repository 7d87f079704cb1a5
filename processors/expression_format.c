/* Expressions as canonical SQL-like text: fully parenthesised, constants and casts with their types, so that
 * equal trees and only they give equal text. Part of a version's fingerprint: changing it rebuilds every
 * view.
 */
#include "processors/expression.h"

#include <ctype.h>
#include <string.h>

static void type_append(struct type type, struct buffer *out)
{
	struct arena scratch;
	arena_init(&scratch);
	buffer_append_string(out, type_format(type, &scratch));
	arena_deinit(&scratch);
}

/* Quoted unless it is a plain lower-case identifier. */
static void name_append(const char *name, struct buffer *out)
{
	bool plain = name[0] == '_' || islower((unsigned char)name[0]);
	for (const char *at = name; *at != '\0' && plain; at++)
		plain = *at == '_' || islower((unsigned char)*at) || isdigit((unsigned char)*at);
	if (plain) {
		buffer_append_string(out, name);
		return;
	}
	buffer_append_byte(out, '"');
	for (const char *at = name; *at != '\0'; at++) {
		if (*at == '"')
			buffer_append_byte(out, '"');
		buffer_append_byte(out, (uint8_t)*at);
	}
	buffer_append_byte(out, '"');
}

static void constant_append(const struct value *value, struct buffer *out)
{
	if (value->null) {
		buffer_append_string(out, "NULL");
	} else {
		struct buffer text;
		buffer_init(&text);
		value_format(value, &text);
		bool quoted = !type_is_numeric(value->type.id) && value->type.id != TYPE_BOOL;
		if (value->type.id == TYPE_BOOL) {
			buffer_append_string(out, value->boolean ? "true" : "false");
		} else if (!quoted) {
			buffer_append(out, text.data, text.size);
		} else {
			buffer_append_byte(out, '\'');
			for (size_t i = 0; i < text.size; i++) {
				if (text.data[i] == '\'')
					buffer_append_byte(out, '\'');
				buffer_append_byte(out, text.data[i]);
			}
			buffer_append_byte(out, '\'');
		}
		buffer_deinit(&text);
	}
	buffer_append_string(out, "::");
	type_append(value->type, out);
}

static void list_append(const struct expression *expression, size_t first, const char *separator,
	const struct schema *names, struct buffer *out)
{
	for (size_t i = first; i < expression->argument_count; i++) {
		if (i != first)
			buffer_append_string(out, separator);
		expression_format(expression->arguments[i], names, out);
	}
}

static void wrapped_append(const char *before, const struct expression *expression, const char *separator,
	const struct schema *names, struct buffer *out)
{
	buffer_append_string(out, before);
	list_append(expression, 0, separator, names, out);
	buffer_append_byte(out, ')');
}

static void call_append(const struct expression *call, const struct schema *names, struct buffer *out)
{
	const struct function *function = call->function;
	if ((function->flags & FUNCTION_CAST) != 0) {
		expression_format(call->arguments[0], names, out);
		buffer_append_string(out, "::");
		type_append(call->type, out);
		return;
	}
	bool is_operator = !isalpha((unsigned char)function->name[0]) && function->name[0] != '_';
	if (!is_operator) {
		buffer_append_string(out, function->name);
		wrapped_append("(", call, ", ", names, out);
		return;
	}
	buffer_append_byte(out, '(');
	if (call->argument_count == 1) {
		buffer_append_string(out, function->name);
		buffer_append_byte(out, ' ');
		expression_format(call->arguments[0], names, out);
	} else {
		expression_format(call->arguments[0], names, out);
		buffer_printf(out, " %s ", function->name);
		expression_format(call->arguments[1], names, out);
	}
	buffer_append_byte(out, ')');
}

static void case_append(const struct expression *expression, const struct schema *names, struct buffer *out)
{
	buffer_append_string(out, "CASE");
	size_t pairs = expression->argument_count / 2;
	for (size_t i = 0; i < pairs; i++) {
		buffer_append_string(out, " WHEN ");
		expression_format(expression->arguments[2 * i], names, out);
		buffer_append_string(out, " THEN ");
		expression_format(expression->arguments[2 * i + 1], names, out);
	}
	buffer_append_string(out, " ELSE ");
	expression_format(expression->arguments[2 * pairs], names, out);
	buffer_append_string(out, " END");
}

void expression_format(const struct expression *expression, const struct schema *names, struct buffer *out)
{
	static const char *const tests[] = {
		[TEST_NULL] = " IS NULL)",
		[TEST_NOT_NULL] = " IS NOT NULL)",
		[TEST_TRUE] = " IS TRUE)",
		[TEST_NOT_TRUE] = " IS NOT TRUE)",
		[TEST_FALSE] = " IS FALSE)",
		[TEST_NOT_FALSE] = " IS NOT FALSE)",
	};
	switch (expression->kind) {
	case EXPR_CONSTANT:
		constant_append(&expression->value, out);
		break;
	case EXPR_COLUMN:
		if (names != NULL && expression->column < names->field_count)
			name_append(names->fields[expression->column].name, out);
		else
			buffer_printf(out, "#%u", expression->column);
		break;
	case EXPR_PARAMETER:
		buffer_printf(out, "$%u", expression->parameter + 1);
		break;
	case EXPR_CALL:
		call_append(expression, names, out);
		break;
	case EXPR_AND:
		wrapped_append("(", expression, " AND ", names, out);
		break;
	case EXPR_OR:
		wrapped_append("(", expression, " OR ", names, out);
		break;
	case EXPR_NOT:
		wrapped_append("(NOT ", expression, " ", names, out);
		break;
	case EXPR_TEST:
		buffer_append_byte(out, '(');
		expression_format(expression->arguments[0], names, out);
		buffer_append_string(out, tests[expression->test]);
		break;
	case EXPR_DISTINCT:
		wrapped_append("(", expression, " IS DISTINCT FROM ", names, out);
		break;
	case EXPR_CASE:
		case_append(expression, names, out);
		break;
	case EXPR_COALESCE:
		wrapped_append("COALESCE(", expression, ", ", names, out);
		break;
	case EXPR_GREATEST:
		wrapped_append("GREATEST(", expression, ", ", names, out);
		break;
	case EXPR_LEAST:
		wrapped_append("LEAST(", expression, ", ", names, out);
		break;
	case EXPR_IN:
		buffer_append_byte(out, '(');
		expression_format(expression->arguments[0], names, out);
		buffer_append_string(out, " IN (");
		list_append(expression, 1, ", ", names, out);
		buffer_append_string(out, "))");
		break;
	}
}
