/* GROUP BY: a projection computes groups, arguments and filters as columns, an AGGREGATE works on columns,
 * and what stands above it is rewritten to its output.
 */
#include "base/invariant.h"
#include "processors/bind.h"

static uint32_t list_find_or_add(
	struct expression_list *list, struct arena *arena, const struct expression *expression)
{
	for (size_t i = 0; i < list->count; i++) {
		if (expression_equal(list->items[i], expression))
			return (uint32_t)i;
	}
	expression_list_add(list, arena, expression);
	return (uint32_t)list->count - 1;
}

status bind_aggregate_plan(struct binder *binder, struct bind_scope *scope,
	struct bind_subqueries *subqueries, const struct bind_grouping *grouping, const struct plan **out)
{
	struct arena *arena = binder->arena;
	struct expression_list inputs = {0};
	uint32_t *groups = arena_alloc(arena, grouping->group_count * sizeof *groups);
	struct aggregate_call *calls = arena_alloc_zeroed(arena, grouping->aggregates.count * sizeof *calls);
	for (size_t i = 0; i < grouping->group_count; i++) {
		groups[i] = (uint32_t)i;
		expression_list_add(&inputs, arena, grouping->groups[i]);
	}
	for (size_t i = 0; i < grouping->aggregates.count; i++) {
		const struct bind_aggregate *aggregate = &grouping->aggregates.items[i];
		calls[i] = (struct aggregate_call){.kind = aggregate->kind,
			.argument = -1,
			.filter = -1,
			.distinct = aggregate->distinct,
			.type = aggregate->type};
		if (aggregate->argument != NULL)
			calls[i].argument = (int32_t)list_find_or_add(&inputs, arena, aggregate->argument);
		if (aggregate->filter != NULL)
			calls[i].filter = (int32_t)list_find_or_add(&inputs, arena, aggregate->filter);
	}
	const struct plan *plan = scope->plan;
	status code = bind_attach(binder, subqueries, &plan, inputs.items, inputs.count);
	if (code != STATUS_OK)
		return code;
	plan = plan_make_project(arena, plan, inputs.items, NULL, inputs.count);
	*out = plan_make_aggregate(
		arena, plan, groups, grouping->group_count, calls, grouping->aggregates.count, grouping->global);
	return STATUS_OK;
}

struct over_groups {
	struct binder *binder;
	const struct bind_scope *scope;
	const struct bind_grouping *grouping;
	const struct expression *ungrouped; /* the first column that is neither grouped nor aggregated */
};

static const struct expression *column_of_group(
	struct over_groups *context, const struct expression *expression, uint32_t column)
{
	struct expression *copy = expression_column(context->binder->arena, column, expression->type);
	copy->position = expression->position;
	return copy;
}

static const struct expression *replace_grouped(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	struct over_groups *context = rewriter->context;
	const struct bind_grouping *grouping = context->grouping;
	for (size_t i = 0; i < grouping->group_count; i++) {
		if (expression_equal(grouping->groups[i], expression))
			return column_of_group(context, expression, (uint32_t)i);
	}
	if (expression->kind != EXPR_COLUMN)
		return NULL;
	if (expression->column >= COLUMN_AGGREGATE)
		return column_of_group(
			context, expression, (uint32_t)grouping->group_count + expression->column - COLUMN_AGGREGATE);
	if (expression->column >= COLUMN_SUBQUERY)
		return NULL; /* joined above the aggregate; its argument is rewritten */
	if (context->ungrouped == NULL)
		context->ungrouped = expression;
	return expression;
}

status bind_over_groups(struct binder *binder, const struct bind_scope *scope,
	const struct bind_grouping *grouping, const struct expression *expression, const struct expression **out)
{
	struct over_groups context = {.binder = binder, .scope = scope, .grouping = grouping};
	struct expression_rewriter rewriter = {replace_grouped, binder->arena, &context, false};
	*out = expression_rewrite(&rewriter, expression);
	if (context.ungrouped == NULL)
		return STATUS_OK;
	return bind_fail(STATUS_GROUPING, binder, context.ungrouped->position,
		"column \"%s\" must appear in the GROUP BY clause or be used in an aggregate function",
		bind_column_label(scope, context.ungrouped->column, binder->arena));
}
