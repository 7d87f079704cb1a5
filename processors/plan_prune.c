/* Only the columns that are used, down to the scans: decoding a column costs more than anything done with it.
 *
 * A pass answers with a plan whose columns include the wanted ones and a map of where they went; projections
 * that only pick columns dissolve into the map. Joins and unions get exactly what they need, since they keep
 * or line up rows.
 */
#include "processors/plan_push.h"

#include "base/invariant.h"

static uint8_t *marks_make(struct arena *arena, const struct plan *plan)
{
	return arena_alloc_zeroed(arena, plan->schema.field_count);
}

static uint32_t *map_make(struct arena *arena, const struct plan *plan)
{
	return arena_alloc_zeroed(arena, plan->schema.field_count * sizeof(uint32_t));
}

/* `plan` with exactly the columns map[i] for used[i], in the order of i; map becomes 0, 1, 2, … */
static const struct plan *columns_exactly(const struct simplifier *simplifier, const struct plan *plan,
	const struct schema *schema, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	struct expression_list columns = {0};
	bool in_place = true;
	for (uint32_t i = 0; i < schema->field_count; i++) {
		if (!used[i])
			continue;
		in_place = in_place && map[i] == columns.count;
		uint32_t to = (uint32_t)columns.count;
		expression_list_add(
			&columns, arena, expression_column(arena, map[i], plan->schema.fields[map[i]].type));
		map[i] = to;
	}
	if (in_place && columns.count == plan->schema.field_count)
		return plan;
	return plan_projected(simplifier, plan, columns.items, NULL, columns.count);
}

static const struct plan *prune_exactly(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	const struct plan *pruned = plan_prune(simplifier, plan, used, map);
	return columns_exactly(simplifier, pruned, &plan->schema, used, map);
}

static const struct plan *prune_scan(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < plan->schema.field_count; i++)
		map[i] = used[i] ? next++ : 0;
	return plan_make_narrow_scan(simplifier->arena, plan, used);
}

static const struct plan *prune_values(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	struct schema schema = {arena_alloc_zeroed(arena, plan->schema.field_count * sizeof(struct field)), 0};
	for (uint32_t i = 0; i < plan->schema.field_count; i++) {
		if (!used[i])
			continue;
		map[i] = (uint32_t)schema.field_count;
		schema.fields[schema.field_count++] = plan->schema.fields[i];
	}
	const struct expression ***rows = arena_alloc(arena, plan->values.row_count * sizeof *rows);
	for (size_t r = 0; r < plan->values.row_count; r++) {
		rows[r] = arena_alloc(arena, schema.field_count * sizeof *rows[r]);
		for (uint32_t i = 0; i < plan->schema.field_count; i++) {
			if (used[i])
				rows[r][map[i]] = plan->values.rows[r][i];
		}
	}
	return plan_make_values(arena, &schema, rows, plan->values.row_count);
}

static const struct plan *prune_filter(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	uint8_t *needed = arena_copy(simplifier->arena, used, plan->schema.field_count);
	expression_mark_columns(plan->filter.predicate, needed);
	const struct plan *child = plan_prune(simplifier, plan->children[0], needed, map);
	return plan_make_filter(
		simplifier->arena, child, expression_remap(simplifier->arena, plan->filter.predicate, map));
}

static const struct plan *prune_project(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	const struct plan *child = plan->children[0];
	uint8_t *needed = marks_make(arena, child);
	bool only_columns = true;
	for (uint32_t i = 0; i < plan->schema.field_count; i++) {
		if (!used[i])
			continue;
		expression_mark_columns(plan->project.expressions[i], needed);
		only_columns = only_columns && plan->project.expressions[i]->kind == EXPR_COLUMN;
	}
	uint32_t *child_map = map_make(arena, child);
	const struct plan *pruned = plan_prune(simplifier, child, needed, child_map);
	struct expression_list expressions = {0};
	const char **names = arena_alloc(arena, plan->schema.field_count * sizeof *names);
	for (uint32_t i = 0; i < plan->schema.field_count; i++) {
		if (!used[i])
			continue;
		const struct expression *expression =
			expression_remap(arena, plan->project.expressions[i], child_map);
		if (only_columns) {
			map[i] = expression->column;
			continue;
		}
		map[i] = (uint32_t)expressions.count;
		names[expressions.count] = plan->schema.fields[i].name;
		expression_list_add(&expressions, arena, expression);
	}
	if (only_columns)
		return pruned;
	return plan_projected(simplifier, pruned, expressions.items, names, expressions.count);
}

static const struct plan *prune_aggregate(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	const struct plan *child = plan->children[0];
	size_t group_count = plan->aggregate.group_count;
	uint8_t *needed = marks_make(arena, child);
	struct aggregate_call *calls = arena_alloc(arena, plan->aggregate.call_count * sizeof *calls);
	size_t call_count = 0;
	for (uint32_t i = 0; i < group_count; i++) {
		needed[plan->aggregate.groups[i]] = 1;
		map[i] = i;
	}
	for (size_t i = 0; i < plan->aggregate.call_count; i++) {
		bool only_one = plan->aggregate.global && i + 1 == plan->aggregate.call_count && call_count == 0;
		if (!used[group_count + i] &&
			!only_one) /* a global aggregate keeps a column, to be one row of something */
			continue;
		map[group_count + i] = (uint32_t)(group_count + call_count);
		calls[call_count++] = plan->aggregate.calls[i];
		if (plan->aggregate.calls[i].argument >= 0)
			needed[plan->aggregate.calls[i].argument] = 1;
		if (plan->aggregate.calls[i].filter >= 0)
			needed[plan->aggregate.calls[i].filter] = 1;
	}
	uint32_t *child_map = map_make(arena, child);
	const struct plan *pruned = plan_prune(simplifier, child, needed, child_map);
	uint32_t *groups = arena_alloc(arena, group_count * sizeof *groups);
	for (size_t i = 0; i < group_count; i++)
		groups[i] = child_map[plan->aggregate.groups[i]];
	for (size_t i = 0; i < call_count; i++) {
		if (calls[i].argument >= 0)
			calls[i].argument = (int32_t)child_map[calls[i].argument];
		if (calls[i].filter >= 0)
			calls[i].filter = (int32_t)child_map[calls[i].filter];
	}
	return plan_make_aggregate(arena, pruned, groups, group_count, calls, call_count, plan->aggregate.global);
}

static const struct plan *prune_join(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	const struct plan *left = plan->children[0], *right = plan->children[1];
	size_t left_count = left->schema.field_count, right_count = right->schema.field_count;
	bool left_only = plan->join.kind == JOIN_SEMI || plan->join.kind == JOIN_ANTI;
	uint8_t *needed = arena_alloc_zeroed(arena, left_count + right_count);
	memcpy(needed, used, plan->schema.field_count);
	if (plan->join.residual != NULL)
		expression_mark_columns(plan->join.residual, needed);
	for (size_t k = 0; k < plan->join.key_count; k++) {
		needed[plan->join.left_keys[k]] = 1;
		needed[left_count + plan->join.right_keys[k]] = 1;
	}
	uint32_t *both = arena_alloc_zeroed(arena, (left_count + right_count) * sizeof *both);
	const struct plan *pruned_left = prune_exactly(simplifier, left, needed, both);
	const struct plan *pruned_right =
		prune_exactly(simplifier, right, needed + left_count, both + left_count);
	struct join_side_keys {
		uint32_t *left, *right;
	} keys = {arena_alloc(arena, plan->join.key_count * sizeof(uint32_t)),
		arena_alloc(arena, plan->join.key_count * sizeof(uint32_t))};
	for (size_t k = 0; k < plan->join.key_count; k++) {
		keys.left[k] = both[plan->join.left_keys[k]];
		keys.right[k] = both[left_count + plan->join.right_keys[k]];
	}
	for (size_t i = left_count; i < left_count + right_count; i++)
		both[i] += (uint32_t)pruned_left->schema.field_count;
	for (size_t i = 0; i < left_count + (left_only ? 0 : right_count); i++)
		map[i] = both[i];
	const struct expression *residual =
		plan->join.residual != NULL ? expression_remap(arena, plan->join.residual, both) : NULL;
	return plan_make_join(arena, plan->join.kind, pruned_left, pruned_right, keys.left, keys.right,
		plan->join.key_count, residual);
}

static const struct plan *prune_union(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	const struct plan **children = arena_alloc(simplifier->arena, plan->child_count * sizeof *children);
	for (size_t c = 0; c < plan->child_count; c++)
		children[c] = prune_exactly(simplifier, plan->children[c], used, map);
	return plan_make_union(simplifier->arena, children, plan->child_count);
}

/* The number is always there. */
static const struct plan *prune_number(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	size_t count = plan->children[0]->schema.field_count;
	uint8_t *needed = arena_copy(arena, used, count);
	for (size_t k = 0; k < plan->sort.key_count; k++)
		needed[plan->sort.keys[k].column] = 1;
	const struct plan *child = plan_prune(simplifier, plan->children[0], needed, map);
	struct sort_key *keys = arena_copy(arena, plan->sort.keys, plan->sort.key_count * sizeof *keys);
	for (size_t k = 0; k < plan->sort.key_count; k++)
		keys[k].column = map[keys[k].column];
	map[count] = (uint32_t)child->schema.field_count;
	return plan_make_number(arena, child, keys, plan->sort.key_count, plan->sort.partition_count);
}

static const struct plan *prune_sort(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	uint8_t *needed = arena_copy(arena, used, plan->schema.field_count);
	for (size_t k = 0; k < plan->sort.key_count; k++)
		needed[plan->sort.keys[k].column] = 1;
	const struct plan *child = plan_prune(simplifier, plan->children[0], needed, map);
	struct sort_key *keys = arena_copy(arena, plan->sort.keys, plan->sort.key_count * sizeof *keys);
	for (size_t k = 0; k < plan->sort.key_count; k++)
		keys[k].column = map[keys[k].column];
	return plan_make_sort(arena, child, keys, plan->sort.key_count);
}

const struct plan *plan_prune(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map)
{
	switch (plan->kind) {
	case PLAN_SCAN:
		return prune_scan(simplifier, plan, used, map);
	case PLAN_VALUES:
		return prune_values(simplifier, plan, used, map);
	case PLAN_FILTER:
		return prune_filter(simplifier, plan, used, map);
	case PLAN_PROJECT:
		return prune_project(simplifier, plan, used, map);
	case PLAN_AGGREGATE:
		return prune_aggregate(simplifier, plan, used, map);
	case PLAN_JOIN:
		return prune_join(simplifier, plan, used, map);
	case PLAN_UNION_ALL:
		return prune_union(simplifier, plan, used, map);
	case PLAN_SORT:
		return prune_sort(simplifier, plan, used, map);
	case PLAN_NUMBER:
		return prune_number(simplifier, plan, used, map);
	case PLAN_LIMIT: {
		const struct plan *child = plan_prune(simplifier, plan->children[0], used, map);
		return plan_make_limit(simplifier->arena, child, plan->limit.limit, plan->limit.offset);
	}
	}
	INVARIANT(false); /* no other kind of plan */
	return plan;
}
