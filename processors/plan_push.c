/* Filters down. A predicate stops where it could see rows it would not have seen and fail on them: one that
 * can fail (a division, a narrowing cast) crosses projections and unions, which change no rows, but neither
 * joins nor aggregates.
 */
#include "processors/plan_push.h"

#include "base/invariant.h"

enum {
	SUBSTITUTED_SIZE_MAX = 64
}; /* nodes; larger predicates stay above a projection that computes their columns */

/* LIKE fails on patterns that end in an escape; a constant one can be looked at. */
static bool like_is_safe(const struct expression *expression)
{
	if (!expression_is_operator(expression, "~~") && !expression_is_operator(expression, "~~*"))
		return false;
	const struct expression *pattern = expression->arguments[1];
	if (pattern->kind != EXPR_CONSTANT || expression_can_fail(expression->arguments[0]))
		return false;
	struct text text = pattern->value.text;
	return pattern->value.null || text.size == 0 || text.data[text.size - 1] != '\\';
}

static bool predicate_can_fail(const struct expression *predicate)
{
	if (like_is_safe(predicate))
		return false;
	if (predicate->kind != EXPR_AND && predicate->kind != EXPR_OR && predicate->kind != EXPR_NOT)
		return expression_can_fail(predicate);
	for (size_t i = 0; i < predicate->argument_count; i++) {
		if (predicate_can_fail(predicate->arguments[i]))
			return true;
	}
	return false;
}

bool predicate_may_move(const struct expression *predicate)
{
	return !predicate_can_fail(predicate) && !expression_is_volatile(predicate);
}

const struct plan *plan_filtered(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	struct arena *arena = simplifier->arena;
	for (size_t i = 0; i < conjuncts->count; i++) {
		if (expression_is_false_or_null(conjuncts->items[i]))
			return plan_make_values(arena, &plan->schema, NULL, 0);
	}
	if (conjuncts->count == 0)
		return plan;
	return plan_make_filter(arena, plan, expression_and(arena, conjuncts->items, conjuncts->count));
}

/* Is the projection's expression used at most once by the outer ones, or free to repeat? */
static bool projection_may_merge(
	const struct plan *inner, const struct expression *const *outer, size_t outer_count, struct arena *arena)
{
	size_t count = inner->schema.field_count;
	uint32_t *uses = arena_alloc_zeroed(arena, count * sizeof *uses);
	for (size_t i = 0; i < outer_count; i++)
		expression_count_columns(outer[i], uses);
	for (size_t i = 0; i < count; i++) {
		const struct expression *expression = inner->project.expressions[i];
		bool free_to_repeat = expression->argument_count == 0;
		if (expression_is_volatile(expression) || (uses[i] > 1 && !free_to_repeat))
			return false;
	}
	return true;
}

const struct plan *plan_projected(const struct simplifier *simplifier, const struct plan *child,
	const struct expression *const *expressions, const char *const *names, size_t count)
{
	struct arena *arena = simplifier->arena;
	if (child->kind != PLAN_PROJECT || !projection_may_merge(child, expressions, count, arena))
		return plan_make_project(arena, child, expressions, names, count);
	const struct expression **merged = arena_alloc(arena, count * sizeof *merged);
	const char **merged_names = arena_alloc(arena, count * sizeof *merged_names);
	for (size_t i = 0; i < count; i++) {
		merged[i] = expression_substitute(arena, expressions[i], child->project.expressions);
		merged_names[i] = names != NULL ? names[i] : NULL;
		if (merged_names[i] == NULL && expressions[i]->kind == EXPR_COLUMN)
			merged_names[i] = child->schema.fields[expressions[i]->column].name;
	}
	return plan_projected(simplifier, child->children[0], merged, merged_names, count);
}

static const struct plan *push_scan(
	const struct simplifier *simplifier, const struct plan *scan, const struct expression_list *conjuncts)
{
	struct expression_list left = *conjuncts;
	if (!simplifier->for_circuit && conjuncts->count > 0) {
		left.items =
			arena_copy(simplifier->arena, conjuncts->items, conjuncts->count * sizeof *conjuncts->items);
		scan = plan_bound_scan(simplifier->arena, scan, left.items, &left.count);
	}
	return plan_filtered(simplifier, scan, &left);
}

/* Does substituting the projection into the predicate repeat no real work and keep it small? */
static bool predicate_may_substitute(const struct expression *predicate, const struct plan *project)
{
	size_t count = project->schema.field_count;
	size_t size = expression_size(predicate);
	if (size > SUBSTITUTED_SIZE_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!expression_uses_columns(predicate, i, i + 1))
			continue;
		const struct expression *expression = project->project.expressions[i];
		if (expression_is_volatile(expression))
			return false;
		size += expression_size(expression);
		if (size > SUBSTITUTED_SIZE_MAX)
			return false;
	}
	return true;
}

static const struct plan *push_project(
	const struct simplifier *simplifier, const struct plan *project, const struct expression_list *conjuncts)
{
	struct arena *arena = simplifier->arena;
	struct expression_list down = {0}, here = {0};
	for (size_t i = 0; i < conjuncts->count; i++) {
		const struct expression *predicate = conjuncts->items[i];
		/* The order is kept: after one that must stay, those that can fail stay too. */
		bool moves = predicate_may_substitute(predicate, project) && !expression_is_volatile(predicate) &&
					 (here.count == 0 || !predicate_can_fail(predicate));
		if (moves)
			expression_list_add_conjuncts(
				&down, arena, expression_substitute(arena, predicate, project->project.expressions));
		else
			expression_list_add(&here, arena, predicate);
	}
	const struct plan *child = plan_push(simplifier, project->children[0], &down);
	size_t count = project->schema.field_count;
	const char **names = arena_alloc(arena, count * sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = project->schema.fields[i].name;
	return plan_filtered(
		simplifier, plan_projected(simplifier, child, project->project.expressions, names, count), &here);
}

/* Values that are equal for grouping but not the same (1.0 and 1.00, -0 and 0, '1 day' and '24 hours'): a
 * predicate on the group's representative is one on all its rows only if it compares it as a value. */
static bool group_pushable(const struct expression *predicate, const struct plan *aggregate)
{
	static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
	bool compares = false;
	for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++)
		compares = compares || (expression_is_operator(predicate, comparisons[i]) &&
								   predicate->arguments[0]->argument_count == 0 &&
								   predicate->arguments[1]->argument_count == 0);
	for (uint32_t i = 0; i < aggregate->aggregate.group_count; i++) {
		if (!expression_uses_columns(predicate, i, i + 1))
			continue;
		enum physical physical = type_physical(aggregate->schema.fields[i].type.id);
		if (physical != PHYS_BOOL && physical != PHYS_I64 && physical != PHYS_TEXT && !compares)
			return false;
	}
	return true;
}

static const struct plan *push_aggregate(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	struct arena *arena = simplifier->arena;
	struct expression_list down = {0}, here = {0};
	for (size_t i = 0; i < conjuncts->count; i++) {
		const struct expression *predicate = conjuncts->items[i];
		bool on_groups =
			!plan->aggregate.global &&
			!expression_uses_columns(predicate, (uint32_t)plan->aggregate.group_count, UINT32_MAX) &&
			expression_uses_columns(predicate, 0, UINT32_MAX);
		if (on_groups && predicate_may_move(predicate) && group_pushable(predicate, plan))
			expression_list_add(&down, arena, expression_remap(arena, predicate, plan->aggregate.groups));
		else
			expression_list_add(&here, arena, predicate);
	}
	const struct plan *child = plan_push(simplifier, plan->children[0], &down);
	return plan_filtered(simplifier,
		plan_make_aggregate(arena, child, plan->aggregate.groups, plan->aggregate.group_count,
			plan->aggregate.calls, plan->aggregate.call_count, plan->aggregate.global),
		&here);
}

static const struct plan *push_union(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	const struct plan **children = arena_alloc(simplifier->arena, plan->child_count * sizeof *children);
	struct expression_list down = {0}, here = {0};
	for (size_t i = 0; i < conjuncts->count; i++)
		expression_list_add(expression_is_volatile(conjuncts->items[i]) ? &here : &down, simplifier->arena,
			conjuncts->items[i]);
	for (size_t c = 0; c < plan->child_count; c++)
		children[c] = plan_push(simplifier, plan->children[c], &down);
	const struct plan *all = plan_make_union(simplifier->arena, children, plan->child_count);
	const char **names = arena_alloc(simplifier->arena, plan->schema.field_count * sizeof *names);
	for (size_t i = 0; i < plan->schema.field_count; i++)
		names[i] = plan->schema.fields[i].name;
	return plan_filtered(simplifier, plan_make_renamed(simplifier->arena, all, names), &here);
}

const struct plan *plan_push(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	struct arena *arena = simplifier->arena;
	struct expression_list none = {0}, both = {0};
	switch (plan->kind) {
	case PLAN_SCAN:
		return push_scan(simplifier, plan, conjuncts);
	case PLAN_VALUES:
		return plan_filtered(simplifier, plan, conjuncts);
	case PLAN_FILTER:
		expression_list_add_conjuncts(&both, arena, plan->filter.predicate);
		for (size_t i = 0; i < conjuncts->count; i++)
			expression_list_add(&both, arena, conjuncts->items[i]);
		return plan_push(simplifier, plan->children[0], &both);
	case PLAN_PROJECT:
		return push_project(simplifier, plan, conjuncts);
	case PLAN_AGGREGATE:
		return push_aggregate(simplifier, plan, conjuncts);
	case PLAN_JOIN:
		return plan_push_join(simplifier, plan, conjuncts);
	case PLAN_UNION_ALL:
		return push_union(simplifier, plan, conjuncts);
	case PLAN_SORT:
		return plan_make_sort(arena, plan_push(simplifier, plan->children[0], conjuncts), plan->sort.keys,
			plan->sort.key_count);
	case PLAN_NUMBER: /* a row left out would change the numbers of others */
		return plan_filtered(simplifier,
			plan_make_number(arena, plan_push(simplifier, plan->children[0], &none), plan->sort.keys,
				plan->sort.key_count, plan->sort.partition_count),
			conjuncts);
	case PLAN_LIMIT:
		return plan_filtered(simplifier,
			plan_make_limit(arena, plan_push(simplifier, plan->children[0], &none), plan->limit.limit,
				plan->limit.offset),
			conjuncts);
	}
	INVARIANT(false); /* no other kind of plan */
	return plan;
}
