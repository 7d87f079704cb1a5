/* Expression trees: making them and asking about them. Immutable once built; no state, any thread. */
#include "processors/expression.h"

#include <string.h>

#include "base/invariant.h"

struct expression *expression_of(struct arena *arena, enum expression_kind kind, struct type type,
	const struct expression *const *arguments, size_t count)
{
	struct expression *expression = arena_alloc_zeroed(arena, sizeof *expression);
	expression->kind = kind;
	expression->type = type;
	expression->argument_count = count;
	if (count != 0)
		expression->arguments = arena_copy(arena, arguments, count * sizeof *arguments);
	return expression;
}

struct expression *expression_constant(struct arena *arena, const struct value *value)
{
	struct expression *expression = expression_of(arena, EXPR_CONSTANT, value->type, NULL, 0);
	expression->value = *value;
	if (value->null || type_physical(value->type.id) != PHYS_TEXT)
		return expression;
	/* The caller's bytes may not live as long as the plan. */
	expression->value.text.data = arena_copy(arena, value->text.data, value->text.size);
	return expression;
}

struct expression *expression_column(struct arena *arena, uint32_t column, struct type type)
{
	struct expression *expression = expression_of(arena, EXPR_COLUMN, type, NULL, 0);
	expression->column = column;
	return expression;
}

struct expression *expression_call(struct arena *arena, const struct function *function,
	const struct expression *const *arguments, size_t count)
{
	INVARIANT(count == function->argument_count ||
			  ((function->flags & FUNCTION_VARIADIC) != 0 && count > function->argument_count));
	struct expression *call = expression_of(arena, EXPR_CALL, type_of(function->result), arguments, count);
	call->function = function;
	return call;
}

static bool name_is(const struct function *function, const char *name)
{
	return strcmp(function->name, name) == 0;
}

/* Dividing integers by a constant other than 0 and -1 (which may overflow). */
static bool divides_safely(const struct expression *call)
{
	const struct function *function = call->function;
	if (!name_is(function, "/") && !name_is(function, "%") && !name_is(function, "mod"))
		return false;
	const struct expression *divisor = call->arguments[1];
	return type_physical(function->result) == PHYS_I64 && divisor->kind == EXPR_CONSTANT &&
		   !divisor->value.null && divisor->value.i64 != 0 && divisor->value.i64 != -1;
}

/* LIKE with a constant pattern without escapes. */
static bool matches_safely(const struct expression *call)
{
	const struct function *function = call->function;
	if (!name_is(function, "~~") && !name_is(function, "!~~") && !name_is(function, "~~*") &&
		!name_is(function, "!~~*"))
		return false;
	const struct expression *pattern = call->arguments[1];
	return pattern->kind == EXPR_CONSTANT && !pattern->value.null &&
		   (pattern->value.text.size == 0 ||
			   memchr(pattern->value.text.data, '\\', pattern->value.text.size) == NULL);
}

/* Casts of integers to numeric without precision. */
static bool casts_safely(const struct expression *call)
{
	const struct function *function = call->function;
	return (function->flags & FUNCTION_CAST) != 0 && function->result == TYPE_NUMERIC &&
		   type_physical(function->arguments[0]) == PHYS_I64 && call->type.modifier < 0;
}

bool expression_can_fail(const struct expression *expression)
{
	if (expression->kind == EXPR_CALL && (expression->function->flags & FUNCTION_FAILS) != 0 &&
		!divides_safely(expression) && !matches_safely(expression) && !casts_safely(expression))
		return true;
	for (size_t i = 0; i < expression->argument_count; i++) {
		if (expression_can_fail(expression->arguments[i]))
			return true;
	}
	return false;
}

bool expression_is_constant(const struct expression *expression)
{
	if (expression->kind == EXPR_COLUMN || expression->kind == EXPR_PARAMETER)
		return false;
	if (expression->kind == EXPR_CALL && (expression->function->flags & FUNCTION_VOLATILE) != 0)
		return false;
	for (size_t i = 0; i < expression->argument_count; i++) {
		if (!expression_is_constant(expression->arguments[i]))
			return false;
	}
	return true;
}

/* Equal to the last digit shown: 1.0 and 1.00 are different constants, and so are 0.0 and -0.0. */
static bool constant_equal(const struct value *left, const struct value *right)
{
	if (left->null || right->null)
		return left->null == right->null;
	switch (type_physical(left->type.id)) {
	case PHYS_BOOL:
		return left->boolean == right->boolean;
	case PHYS_I64:
		return left->i64 == right->i64;
	case PHYS_F64:
		return memcmp(&left->f64, &right->f64, sizeof left->f64) == 0;
	case PHYS_DECIMAL:
		return left->decimal.value == right->decimal.value && left->decimal.scale == right->decimal.scale;
	case PHYS_TEXT:
		return slice_equal(
			slice_of(left->text.data, left->text.size), slice_of(right->text.data, right->text.size));
	case PHYS_INTERVAL:
		return left->interval.months == right->interval.months &&
			   left->interval.days == right->interval.days &&
			   left->interval.microseconds == right->interval.microseconds;
	}
	return false;
}

bool expression_equal(const struct expression *left, const struct expression *right)
{
	if (left == right)
		return true;
	if (left->kind != right->kind || left->type.id != right->type.id ||
		left->type.modifier != right->type.modifier || left->argument_count != right->argument_count)
		return false;
	switch (left->kind) {
	case EXPR_CONSTANT:
		return constant_equal(&left->value, &right->value);
	case EXPR_COLUMN:
		return left->column == right->column;
	case EXPR_PARAMETER:
		return left->parameter == right->parameter;
	case EXPR_CALL:
		/* A volatile call is a new value each time it is written, unless it is one per query. */
		if (left->function != right->function ||
			(left->function->flags & (FUNCTION_VOLATILE | FUNCTION_STABLE)) == FUNCTION_VOLATILE)
			return false;
		break;
	case EXPR_TEST:
		if (left->test != right->test)
			return false;
		break;
	default:
		break;
	}
	for (size_t i = 0; i < left->argument_count; i++) {
		if (!expression_equal(left->arguments[i], right->arguments[i]))
			return false;
	}
	return true;
}
