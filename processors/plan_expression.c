/* Rewriting bound expressions and asking about their columns. Trees are immutable: a rewrite shares what it
 * keeps. */
#include "base/invariant.h"
#include "processors/plan_build.h"

enum { FOLDED_TEXT_SIZE_MAX = 4096 };

const struct expression *expression_fold(struct arena *arena, const struct expression *expression)
{
	if (expression->argument_count == 0 || expression->type.id == TYPE_UNKNOWN)
		return expression;
	for (size_t i = 0; i < expression->argument_count; i++) {
		if (expression->arguments[i]->kind != EXPR_CONSTANT)
			return expression;
	}
	if (!expression_is_constant(expression))
		return expression;
	struct arena scratch;
	arena_init(&scratch);
	struct evaluation evaluation = {0};
	struct value value;
	/* What fails is left to fail when, and only if, it is evaluated. */
	if (expression_evaluate_constant(expression, &evaluation, &scratch, &value) == STATUS_OK &&
		(value.null || type_physical(value.type.id) != PHYS_TEXT ||
			value.text.size <= FOLDED_TEXT_SIZE_MAX)) {
		value.type = expression->type;
		struct expression *folded = expression_constant(arena, &value);
		folded->position = expression->position;
		expression = folded;
	}
	arena_deinit(&scratch);
	return expression;
}

const struct expression *expression_rewrite(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	const struct expression *replaced = rewriter->replace(rewriter, expression);
	if (replaced != NULL)
		return replaced;
	struct expression *copy = NULL;
	for (size_t i = 0; i < expression->argument_count; i++) {
		const struct expression *argument = expression_rewrite(rewriter, expression->arguments[i]);
		if (argument == expression->arguments[i])
			continue;
		if (copy == NULL) {
			copy = arena_copy(rewriter->arena, expression, sizeof *expression);
			copy->arguments = arena_copy(rewriter->arena, expression->arguments,
				expression->argument_count * sizeof *expression->arguments);
		}
		copy->arguments[i] = argument;
	}
	if (copy == NULL)
		return expression;
	return rewriter->fold ? expression_fold(rewriter->arena, copy) : copy;
}

static const struct expression *column_at(
	struct expression_rewriter *rewriter, const struct expression *expression, uint32_t column)
{
	if (column == expression->column)
		return expression;
	struct expression *copy = arena_copy(rewriter->arena, expression, sizeof *expression);
	copy->column = column;
	return copy;
}

static const struct expression *replace_remapped(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	const uint32_t *map = rewriter->context;
	return expression->kind == EXPR_COLUMN ? column_at(rewriter, expression, map[expression->column]) : NULL;
}

const struct expression *expression_remap(
	struct arena *arena, const struct expression *expression, const uint32_t *map)
{
	struct expression_rewriter rewriter = {replace_remapped, arena, (void *)(uintptr_t)map, false};
	return expression_rewrite(&rewriter, expression);
}

static const struct expression *replace_shifted(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	if (expression->kind != EXPR_COLUMN)
		return NULL;
	int64_t to = (int64_t)expression->column + *(const int64_t *)rewriter->context;
	INVARIANT(to >= 0 && to <= UINT32_MAX);
	return column_at(rewriter, expression, (uint32_t)to);
}

const struct expression *expression_shift(
	struct arena *arena, const struct expression *expression, int64_t by)
{
	struct expression_rewriter rewriter = {replace_shifted, arena, &by, false};
	return expression_rewrite(&rewriter, expression);
}

static const struct expression *replace_substituted(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	const struct expression *const *expressions = rewriter->context;
	return expression->kind == EXPR_COLUMN ? expressions[expression->column] : NULL;
}

const struct expression *expression_substitute(
	struct arena *arena, const struct expression *expression, const struct expression *const *expressions)
{
	struct expression_rewriter rewriter = {replace_substituted, arena, (void *)(uintptr_t)expressions, true};
	return expression_rewrite(&rewriter, expression);
}

void expression_mark_columns(const struct expression *expression, uint8_t *used)
{
	if (expression->kind == EXPR_COLUMN)
		used[expression->column] = 1;
	for (size_t i = 0; i < expression->argument_count; i++)
		expression_mark_columns(expression->arguments[i], used);
}

void expression_count_columns(const struct expression *expression, uint32_t *counts)
{
	if (expression->kind == EXPR_COLUMN)
		counts[expression->column]++;
	for (size_t i = 0; i < expression->argument_count; i++)
		expression_count_columns(expression->arguments[i], counts);
}

bool expression_uses_columns(const struct expression *expression, uint32_t from, uint32_t to)
{
	if (expression->kind == EXPR_COLUMN && expression->column >= from && expression->column < to)
		return true;
	for (size_t i = 0; i < expression->argument_count; i++) {
		if (expression_uses_columns(expression->arguments[i], from, to))
			return true;
	}
	return false;
}

bool expression_is_volatile(const struct expression *expression)
{
	if (expression->kind == EXPR_CALL && (expression->function->flags & FUNCTION_VOLATILE) != 0)
		return true;
	for (size_t i = 0; i < expression->argument_count; i++) {
		if (expression_is_volatile(expression->arguments[i]))
			return true;
	}
	return false;
}

size_t expression_size(const struct expression *expression)
{
	size_t size = 1;
	for (size_t i = 0; i < expression->argument_count; i++)
		size += expression_size(expression->arguments[i]);
	return size;
}

bool expression_is_not_null(const struct expression *expression, const struct schema *input)
{
	bool any = false, all = true;
	switch (expression->kind) {
	case EXPR_CONSTANT:
		return !expression->value.null;
	case EXPR_COLUMN:
		return expression->column < input->field_count && input->fields[expression->column].not_null;
	case EXPR_TEST:
	case EXPR_DISTINCT:
		return true;
	case EXPR_CALL:
		return (expression->function->flags & FUNCTION_RELABEL) != 0 &&
			   expression_is_not_null(expression->arguments[0], input);
	case EXPR_CASE:
		for (size_t i = 1; i < expression->argument_count; i += 2)
			all = all && expression_is_not_null(expression->arguments[i], input);
		return all && expression_is_not_null(expression->arguments[expression->argument_count - 1], input);
	case EXPR_PARAMETER:
		return false;
	default:
		for (size_t i = 0; i < expression->argument_count; i++) {
			bool not_null = expression_is_not_null(expression->arguments[i], input);
			any = any || not_null;
			all = all && not_null;
		}
		return expression->kind == EXPR_COALESCE || expression->kind == EXPR_GREATEST ||
					   expression->kind == EXPR_LEAST
				   ? any
				   : all;
	}
}

bool expression_is_true(const struct expression *expression)
{
	return expression->kind == EXPR_CONSTANT && expression->type.id == TYPE_BOOL && !expression->value.null &&
		   expression->value.boolean;
}

bool expression_is_false_or_null(const struct expression *expression)
{
	return expression->kind == EXPR_CONSTANT && expression->type.id == TYPE_BOOL &&
		   (expression->value.null || !expression->value.boolean);
}

bool expression_is_operator(const struct expression *expression, const char *name)
{
	return expression->kind == EXPR_CALL && expression->argument_count == 2 &&
		   strcmp(expression->function->name, name) == 0;
}

void expression_list_add(
	struct expression_list *list, struct arena *arena, const struct expression *expression)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
		const struct expression **items = arena_alloc(arena, capacity * sizeof *items);
		if (list->count != 0)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = expression;
}

void expression_list_add_conjuncts(
	struct expression_list *list, struct arena *arena, const struct expression *expression)
{
	if (expression->kind == EXPR_AND) {
		for (size_t i = 0; i < expression->argument_count; i++)
			expression_list_add_conjuncts(list, arena, expression->arguments[i]);
	} else if (!expression_is_true(expression)) {
		expression_list_add(list, arena, expression);
	}
}

const struct expression *expression_and(
	struct arena *arena, const struct expression *const *items, size_t count)
{
	if (count == 0)
		return NULL;
	if (count == 1)
		return items[0];
	struct expression *conjunction = expression_of(arena, EXPR_AND, type_of(TYPE_BOOL), items, count);
	conjunction->position = items[0]->position;
	return conjunction;
}
