/* Attaching: what expressions take from outside the FROM plan is joined to it, and their attached columns
 * become columns behind the plan's own. Columns that were there keep their numbers.
 */
#include "base/invariant.h"
#include "processors/bind.h"

uint32_t bind_subquery_add(
	struct binder *binder, struct bind_subqueries *subqueries, struct bind_subquery subquery)
{
	if (subqueries->count == subqueries->capacity) {
		size_t capacity = subqueries->capacity == 0 ? 8 : subqueries->capacity * 2;
		struct bind_subquery *items = arena_alloc(binder->arena, capacity * sizeof *items);
		if (subqueries->count != 0)
			memcpy(items, subqueries->items, subqueries->count * sizeof *items);
		subqueries->items = items;
		subqueries->capacity = capacity;
	}
	subqueries->items[subqueries->count++] = subquery;
	return (uint32_t)subqueries->count - 1;
}

struct expression *bind_attached_column(struct binder *binder, uint32_t subquery,
	const struct expression *const *arguments, size_t count, struct type type)
{
	struct expression *column = expression_of(binder->arena, EXPR_COLUMN, type, arguments, count);
	column->column = COLUMN_SUBQUERY + subquery;
	return column;
}

const struct expression *bind_attached(struct binder *binder, const struct bind_place *place,
	struct bind_subquery subquery, const struct expression *const *arguments, size_t count, struct type type)
{
	INVARIANT(place->subqueries != NULL);
	uint32_t index = bind_subquery_add(binder, place->subqueries, subquery);
	return bind_attached_column(binder, index, arguments, count, type);
}

static const struct expression *renumber(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	const uint32_t *map = rewriter->context;
	if (expression->kind != EXPR_COLUMN || expression->column < COLUMN_OUTER)
		return NULL;
	return expression_column(
		rewriter->arena, COLUMN_OUTER + map[expression->column - COLUMN_OUTER], expression->type);
}

const struct expression *bind_renumber_outer(
	struct binder *binder, const struct expression *expression, const uint32_t *map)
{
	struct expression_rewriter rewriter = {renumber, binder->arena, (void *)(uintptr_t)map, false};
	return expression_rewrite(&rewriter, expression);
}

/* ---- joining ---- */

struct attaching {
	struct binder *binder;
	struct bind_subqueries *subqueries;
	const struct plan *plan;
	uint32_t *bases; /* per subquery: where its columns begin; UINT32_MAX = not attached */
	status code;
};

static void attach_join(struct attaching *attaching, enum join_kind kind,
	const struct bind_subquery *subquery, const struct expression *condition)
{
	attaching->plan = plan_make_join(
		attaching->binder->arena, kind, attaching->plan, subquery->plan, NULL, NULL, 0, condition);
}

static status attach_membership(
	struct attaching *attaching, const struct bind_subquery *subquery, const struct expression *subject)
{
	uint32_t base = (uint32_t)attaching->plan->schema.field_count;
	const struct expression *sides[] = {
		subject, expression_column(attaching->binder->arena, base, subquery->plan->schema.fields[0].type)};
	const struct expression *condition;
	status code = bind_function(attaching->binder, "=", sides, 2, subject->position, &condition);
	if (code == STATUS_OK)
		attach_join(attaching, JOIN_LEFT, subquery, condition);
	return code;
}

struct condition_context {
	uint32_t base;
	const struct expression *const *arguments;
};

static const struct expression *replace_in_condition(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	const struct condition_context *context = rewriter->context;
	if (expression->kind != EXPR_COLUMN)
		return NULL;
	if (expression->column >= COLUMN_OUTER)
		return context->arguments[expression->column - COLUMN_OUTER];
	return expression_column(rewriter->arena, context->base + expression->column, expression->type);
}

static void attach_lookup(struct attaching *attaching, const struct bind_subquery *subquery,
	const struct expression *const *arguments)
{
	struct condition_context context = {(uint32_t)attaching->plan->schema.field_count, arguments};
	struct expression_rewriter rewriter = {replace_in_condition, attaching->binder->arena, &context, false};
	attach_join(attaching, subquery->kind == ATTACH_LOOKUP ? JOIN_LEFT : JOIN_INNER, subquery,
		expression_rewrite(&rewriter, subquery->condition));
}

/* The plan, then the arguments, numbered by them, without them. Returns the number's column. */
static uint32_t attach_number(struct attaching *attaching, const struct bind_subquery *subquery,
	const struct expression *const *arguments, size_t count)
{
	struct arena *arena = attaching->binder->arena;
	uint32_t width = (uint32_t)attaching->plan->schema.field_count;
	struct expression_list columns = {0};
	for (uint32_t i = 0; i < width; i++)
		expression_list_add(
			&columns, arena, expression_column(arena, i, attaching->plan->schema.fields[i].type));
	struct sort_key *keys = arena_copy(arena, subquery->sort_keys, count * sizeof *keys);
	for (size_t i = 0; i < count; i++) {
		keys[i].column = (uint32_t)columns.count;
		expression_list_add(&columns, arena, arguments[i]);
	}
	const struct plan *plan = plan_make_project(arena, attaching->plan, columns.items, NULL, columns.count);
	attaching->plan = plan_make_number(arena, plan, keys, count, subquery->partition_count);
	return (uint32_t)columns.count;
}

static uint32_t attach_base(
	struct attaching *attaching, uint32_t index, const struct expression *const *arguments, size_t count)
{
	const struct bind_subquery *subquery = &attaching->subqueries->items[index];
	uint32_t base = (uint32_t)attaching->plan->schema.field_count;
	switch (subquery->kind) {
	case ATTACH_MEMBERSHIP:
		attaching->code = attach_membership(attaching, subquery, arguments[0]);
		return base;
	case ATTACH_LOOKUP:
	case ATTACH_EXPANSION:
		attach_lookup(attaching, subquery, arguments);
		return base;
	case ATTACH_NUMBER:
		return attach_number(attaching, subquery, arguments, count);
	case ATTACH_ROW:
		break;
	}
	for (size_t i = 0; i < attaching->subqueries->count; i++) {
		if (attaching->bases[i] != UINT32_MAX && attaching->subqueries->items[i].plan == subquery->plan)
			return attaching->bases[i];
	}
	attach_join(attaching, plan_is_single_row(subquery->plan) ? JOIN_INNER : JOIN_LEFT, subquery, NULL);
	return base;
}

static const struct expression *replace_attached(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	struct attaching *attaching = rewriter->context;
	if (expression->kind != EXPR_COLUMN || expression->column < COLUMN_SUBQUERY ||
		expression->column >= COLUMN_AGGREGATE || attaching->code != STATUS_OK)
		return NULL;
	uint32_t index = expression->column - COLUMN_SUBQUERY;
	struct expression_list arguments = {0};
	for (size_t i = 0; i < expression->argument_count; i++)
		expression_list_add(
			&arguments, rewriter->arena, expression_rewrite(rewriter, expression->arguments[i]));
	if (attaching->code != STATUS_OK)
		return expression;
	if (attaching->bases[index] == UINT32_MAX)
		attaching->bases[index] = attach_base(attaching, index, arguments.items, arguments.count);
	return expression_column(rewriter->arena,
		attaching->bases[index] + attaching->subqueries->items[index].column, expression->type);
}

status bind_attach(struct binder *binder, struct bind_subqueries *subqueries, const struct plan **plan,
	const struct expression **expressions, size_t count)
{
	if (subqueries->count == 0)
		return STATUS_OK;
	struct attaching attaching = {.binder = binder, .subqueries = subqueries, .plan = *plan};
	attaching.bases = arena_alloc(binder->arena, subqueries->count * sizeof *attaching.bases);
	for (size_t i = 0; i < subqueries->count; i++)
		attaching.bases[i] = UINT32_MAX;
	struct expression_rewriter rewriter = {replace_attached, binder->arena, &attaching, false};
	for (size_t i = 0; i < count; i++) {
		expressions[i] = expression_rewrite(&rewriter, expressions[i]);
		if (attaching.code != STATUS_OK)
			return attaching.code;
	}
	*plan = attaching.plan;
	return STATUS_OK;
}
