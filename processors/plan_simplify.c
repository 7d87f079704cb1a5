/* The binder makes plans the way the text reads; here they take the shape that executors want.
 *
 *   push    filters down, equalities into join keys and scan bounds (plan_push.c, plan_push_join.c,
 * plan_bounds.c) prune   only the columns that are used (plan_prune.c)
 *
 * Deterministic and free of statistics: a version's fingerprint is made of the result, so equal text must
 * always give an equal plan.
 */
#include "processors/plan_push.h"

/* The wanted columns in their order, under their names; nothing on top if they already are. */
static const struct plan *plan_finished(const struct simplifier *simplifier, const struct plan *plan,
	const struct schema *schema, const uint32_t *map)
{
	struct arena *arena = simplifier->arena;
	size_t count = schema->field_count;
	bool in_place = plan->schema.field_count == count, same_names = in_place;
	struct expression_list columns = {0};
	const char **names = arena_alloc(arena, count * sizeof *names);
	for (uint32_t i = 0; i < count; i++) {
		in_place = in_place && map[i] == i;
		same_names = same_names && strcmp(plan->schema.fields[i].name, schema->fields[i].name) == 0;
		names[i] = schema->fields[i].name;
		expression_list_add(
			&columns, arena, expression_column(arena, map[i], plan->schema.fields[map[i]].type));
	}
	if (in_place && same_names)
		return plan;
	/* A scan's own names are the relation's: EXPLAIN shows them. */
	if (in_place && plan->kind != PLAN_SCAN)
		return plan_make_renamed(arena, plan, names);
	return plan_projected(simplifier, plan, columns.items, names, count);
}

const struct plan *plan_simplify(struct arena *arena, const struct plan *plan, bool for_circuit)
{
	struct simplifier simplifier = {arena, for_circuit};
	struct expression_list none = {0};
	const struct plan *pushed = plan_push(&simplifier, plan, &none);
	size_t count = plan->schema.field_count;
	uint8_t *used = arena_alloc(arena, count);
	memset(used, 1, count);
	uint32_t *map = arena_alloc_zeroed(arena, count * sizeof *map);
	const struct plan *pruned = plan_prune(&simplifier, pushed, used, map);
	return plan_finished(&simplifier, pruned, &plan->schema, map);
}
