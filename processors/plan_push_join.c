/* Joins: which conditions are keys, which inputs come first.
 *
 * The binder makes joins without keys, all conditions in the residual or in a filter above. Here a cluster of
 * inner joins (FROM a, b, c WHERE …, a JOIN b ON …) is taken apart into its inputs and the conditions over
 * them:
 *
 *   one input       pushed into it, if it may move
 *   l = r           a key, where l and r are of two sides; an expression is computed below the join
 *   anything else   the residual of the first join that has all its columns
 *
 * Inputs are joined in the order written, except that one linked by an equality goes before one that would
 * be a cross product. Left, semi and anti joins stay where they are. A projection restores the order of the
 * columns.
 */
#include "processors/plan_push.h"

#include "base/invariant.h"

/* ---- one side of a join, with the keys computed on it ---- */

struct join_side {
	const struct plan *plan;
	struct expression_list computed;
};

/* The column of the side that holds the key; computed ones come behind the side's own. */
static uint32_t side_key(struct join_side *side, struct arena *arena, const struct expression *key)
{
	if (key->kind == EXPR_COLUMN)
		return key->column;
	uint32_t own = (uint32_t)side->plan->schema.field_count;
	for (size_t i = 0; i < side->computed.count; i++) {
		if (expression_equal(side->computed.items[i], key))
			return own + (uint32_t)i;
	}
	expression_list_add(&side->computed, arena, key);
	return own + (uint32_t)side->computed.count - 1;
}

static const struct plan *side_plan(const struct join_side *side, const struct simplifier *simplifier)
{
	struct arena *arena = simplifier->arena;
	if (side->computed.count == 0)
		return side->plan;
	struct expression_list all = {0};
	for (uint32_t i = 0; i < side->plan->schema.field_count; i++)
		expression_list_add(&all, arena, expression_column(arena, i, side->plan->schema.fields[i].type));
	for (size_t i = 0; i < side->computed.count; i++)
		expression_list_add(&all, arena, side->computed.items[i]);
	return plan_projected(simplifier, side->plan, all.items, NULL, all.count);
}

static const struct expression *relabelled(
	struct arena *arena, const struct expression *expression, struct type type)
{
	const struct function *cast;
	if (cast_find(expression->type.id, type_of(type.id), CAST_IMPLICIT, &cast) != STATUS_OK || cast == NULL ||
		(cast->flags & FUNCTION_RELABEL) == 0)
		return NULL;
	return expression_call(arena, cast, &expression, 1);
}

/* Keys compare as bytes of one type: integer = bigint does if the integer is called one. */
static bool keys_align(struct arena *arena, const struct expression **left, const struct expression **right)
{
	if ((*left)->type.id == (*right)->type.id)
		return true;
	const struct expression *wider = relabelled(arena, *left, (*right)->type);
	if (wider != NULL) {
		*left = wider;
		return true;
	}
	wider = relabelled(arena, *right, (*left)->type);
	if (wider != NULL)
		*right = wider;
	return wider != NULL;
}

struct join_keys {
	uint32_t *left, *right;
	size_t count;
};

static struct join_keys keys_make(struct arena *arena, size_t count_max)
{
	return (struct join_keys){arena_alloc(arena, count_max * sizeof(uint32_t)),
		arena_alloc(arena, count_max * sizeof(uint32_t)), 0};
}

static void keys_add(struct join_keys *keys, uint32_t left, uint32_t right)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->left[i] == left && keys->right[i] == right)
			return;
	}
	keys->left[keys->count] = left;
	keys->right[keys->count++] = right;
}

/* Brings the columns of `plan` into the order of positions[0…count), under the names of `schema`. */
static const struct plan *columns_restored(const struct simplifier *simplifier, const struct plan *plan,
	const struct schema *schema, const uint32_t *positions)
{
	struct arena *arena = simplifier->arena;
	bool in_place = plan->schema.field_count == schema->field_count;
	struct expression_list columns = {0};
	const char **names = arena_alloc(arena, schema->field_count * sizeof *names);
	for (uint32_t i = 0; i < schema->field_count; i++) {
		in_place = in_place && positions[i] == i;
		names[i] = schema->fields[i].name;
		expression_list_add(&columns, arena, expression_column(arena, positions[i], schema->fields[i].type));
	}
	return in_place ? plan : plan_projected(simplifier, plan, columns.items, names, columns.count);
}

/* ---- clusters of inner joins ---- */

struct join_input {
	const struct plan *plan;
	uint32_t offset, count; /* its columns in the cluster's schema */
	struct expression_list own;
	bool joined;
};

struct cluster {
	const struct simplifier *simplifier;
	struct join_input *inputs;
	size_t input_count;
	struct expression_list conditions;
	uint8_t *touches;    /* [condition × input_count + input] */
	bool *used;          /* per condition */
	uint32_t *positions; /* of the cluster's columns in `joined` */
	const struct plan *joined;
};

static const struct plan *below_filters(const struct plan *plan)
{
	while (plan->kind == PLAN_FILTER)
		plan = plan->children[0];
	return plan;
}

static bool plan_is_inner_join(const struct plan *plan)
{
	return plan->kind == PLAN_JOIN && plan->join.kind == JOIN_INNER;
}

static size_t inputs_count(const struct plan *plan)
{
	const struct plan *below = below_filters(plan);
	return plan_is_inner_join(below) ? inputs_count(below->children[0]) + inputs_count(below->children[1])
									 : 1;
}

static void conditions_add(struct cluster *cluster, const struct expression *condition, uint32_t offset)
{
	struct arena *arena = cluster->simplifier->arena;
	expression_list_add_conjuncts(&cluster->conditions, arena, expression_shift(arena, condition, offset));
}

static void cluster_collect(struct cluster *cluster, const struct plan *plan, uint32_t offset)
{
	const struct plan *below = below_filters(plan);
	if (!plan_is_inner_join(below)) {
		cluster->inputs[cluster->input_count++] =
			(struct join_input){.plan = plan, .offset = offset, .count = (uint32_t)plan->schema.field_count};
		return;
	}
	INVARIANT(below->join.key_count == 0);
	cluster_collect(cluster, below->children[0], offset);
	cluster_collect(cluster, below->children[1], offset + (uint32_t)below->children[0]->schema.field_count);
	if (below->join.residual != NULL)
		conditions_add(cluster, below->join.residual, offset);
	for (; plan != below; plan = plan->children[0])
		conditions_add(cluster, plan->filter.predicate, offset);
}

static void touches_mark(const struct cluster *cluster, const struct expression *expression, uint8_t *touches)
{
	for (size_t i = 0; i < cluster->input_count; i++) {
		const struct join_input *input = &cluster->inputs[i];
		touches[i] = expression_uses_columns(expression, input->offset, input->offset + input->count);
	}
}

/* Single-input conditions go into their input; those over no input, and those that may not move, stay for the
 * top. */
static void cluster_sort_conditions(struct cluster *cluster, struct expression_list *top)
{
	struct arena *arena = cluster->simplifier->arena;
	for (size_t c = 0; c < cluster->conditions.count; c++) {
		const struct expression *condition = cluster->conditions.items[c];
		uint8_t *touches = cluster->touches + c * cluster->input_count;
		touches_mark(cluster, condition, touches);
		size_t touched = 0, last = 0;
		for (size_t i = 0; i < cluster->input_count; i++) {
			touched += touches[i];
			last = touches[i] ? i : last;
		}
		if (touched > 1 && !expression_is_volatile(condition))
			continue;
		cluster->used[c] = true;
		if (touched == 1 && predicate_may_move(condition))
			expression_list_add(&cluster->inputs[last].own, arena,
				expression_shift(arena, condition, -(int64_t)cluster->inputs[last].offset));
		else
			expression_list_add(top, arena, condition);
	}
}

static bool touches_only_joined(const struct cluster *cluster, const uint8_t *touches, size_t besides)
{
	for (size_t i = 0; i < cluster->input_count; i++) {
		if (touches[i] && i != besides && !cluster->inputs[i].joined)
			return false;
	}
	return true;
}

/* Is the condition l = r with l over what is joined and r over `next`, or the other way round? */
static bool condition_is_key(const struct cluster *cluster, const struct expression *condition, size_t next,
	const struct expression **left, const struct expression **right)
{
	if (!expression_is_operator(condition, "="))
		return false;
	uint8_t *touches = arena_alloc(cluster->simplifier->arena, cluster->input_count);
	for (size_t side = 0; side < 2; side++) {
		touches_mark(cluster, condition->arguments[side], touches);
		size_t touched = 0;
		for (size_t i = 0; i < cluster->input_count; i++)
			touched += touches[i];
		if (touched != 1 || !touches[next])
			continue;
		*right = condition->arguments[side];
		*left = condition->arguments[1 - side];
		touches_mark(cluster, *left, touches);
		return !touches[next] && expression_uses_columns(*left, 0, UINT32_MAX) &&
			   touches_only_joined(cluster, touches, SIZE_MAX) &&
			   keys_align(cluster->simplifier->arena, left, right);
	}
	return false;
}

static size_t cluster_next(const struct cluster *cluster)
{
	size_t first = SIZE_MAX;
	const struct expression *left, *right;
	for (size_t i = 0; i < cluster->input_count; i++) {
		if (cluster->inputs[i].joined)
			continue;
		first = first == SIZE_MAX ? i : first;
		for (size_t c = 0; c < cluster->conditions.count; c++) {
			if (!cluster->used[c] && cluster->touches[c * cluster->input_count + i] &&
				condition_is_key(cluster, cluster->conditions.items[c], i, &left, &right))
				return i;
		}
	}
	return first;
}

static void cluster_join(struct cluster *cluster, size_t next, bool last)
{
	const struct simplifier *simplifier = cluster->simplifier;
	struct arena *arena = simplifier->arena;
	struct join_input *input = &cluster->inputs[next];
	struct join_side left_side = {.plan = cluster->joined};
	struct join_side right_side = {.plan = plan_push(simplifier, input->plan, &input->own)};
	struct join_keys keys = keys_make(arena, cluster->conditions.count);
	struct expression_list residual = {0};
	for (size_t c = 0; c < cluster->conditions.count; c++) {
		const struct expression *condition = cluster->conditions.items[c], *left, *right;
		if (cluster->used[c] ||
			!touches_only_joined(cluster, cluster->touches + c * cluster->input_count, next))
			continue;
		if (condition_is_key(cluster, condition, next, &left, &right)) {
			uint32_t left_key =
				side_key(&left_side, arena, expression_remap(arena, left, cluster->positions));
			uint32_t right_key =
				side_key(&right_side, arena, expression_shift(arena, right, -(int64_t)input->offset));
			keys_add(&keys, left_key, right_key);
		} else if (last || predicate_may_move(condition)) {
			expression_list_add(&residual, arena, condition);
		} else {
			continue;
		}
		cluster->used[c] = true;
	}
	const struct plan *left = side_plan(&left_side, simplifier), *right = side_plan(&right_side, simplifier);
	for (uint32_t i = 0; i < input->count; i++)
		cluster->positions[input->offset + i] = (uint32_t)left->schema.field_count + i;
	for (size_t i = 0; i < residual.count; i++)
		residual.items[i] = expression_remap(arena, residual.items[i], cluster->positions);
	cluster->joined = plan_make_join(arena, JOIN_INNER, left, right, keys.left, keys.right, keys.count,
		expression_and(arena, residual.items, residual.count));
	input->joined = true;
}

static const struct plan *push_inner(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	struct arena *arena = simplifier->arena;
	struct cluster cluster = {.simplifier = simplifier};
	cluster.inputs = arena_alloc_zeroed(arena, inputs_count(plan) * sizeof *cluster.inputs);
	cluster_collect(&cluster, plan, 0);
	for (size_t i = 0; i < conjuncts->count; i++)
		expression_list_add(&cluster.conditions, arena, conjuncts->items[i]);
	cluster.touches = arena_alloc_zeroed(arena, cluster.conditions.count * cluster.input_count);
	cluster.used = arena_alloc_zeroed(arena, cluster.conditions.count * sizeof *cluster.used);
	cluster.positions = arena_alloc_zeroed(arena, plan->schema.field_count * sizeof *cluster.positions);
	struct expression_list top = {0};
	cluster_sort_conditions(&cluster, &top);
	struct join_input *first = &cluster.inputs[0];
	cluster.joined = plan_push(simplifier, first->plan, &first->own);
	first->joined = true;
	for (uint32_t i = 0; i < first->count; i++)
		cluster.positions[i] = i;
	for (size_t joined = 1; joined < cluster.input_count; joined++)
		cluster_join(&cluster, cluster_next(&cluster), joined + 1 == cluster.input_count);
	return plan_filtered(
		simplifier, columns_restored(simplifier, cluster.joined, &plan->schema, cluster.positions), &top);
}

/* ---- left, semi, anti ---- */

struct outer_parts {
	struct expression_list left, right, keys, residual, top;
};

static void outer_sort_conditions(const struct simplifier *simplifier, const struct plan *plan,
	const struct expression_list *conjuncts, struct outer_parts *parts)
{
	struct arena *arena = simplifier->arena;
	uint32_t left_count = (uint32_t)plan->children[0]->schema.field_count;
	for (size_t i = 0; i < conjuncts->count; i++) {
		const struct expression *predicate = conjuncts->items[i];
		bool on_left = expression_uses_columns(predicate, 0, left_count) &&
					   !expression_uses_columns(predicate, left_count, UINT32_MAX);
		expression_list_add(
			on_left && predicate_may_move(predicate) ? &parts->left : &parts->top, arena, predicate);
	}
	struct expression_list conditions = {0};
	if (plan->join.residual != NULL)
		expression_list_add_conjuncts(&conditions, arena, plan->join.residual);
	for (size_t i = 0; i < conditions.count; i++) {
		const struct expression *condition = conditions.items[i];
		bool on_left = expression_uses_columns(condition, 0, left_count);
		bool on_right = expression_uses_columns(condition, left_count, UINT32_MAX);
		if (on_right && !on_left && predicate_may_move(condition))
			expression_list_add(
				&parts->right, arena, expression_shift(arena, condition, -(int64_t)left_count));
		else if (on_left && !on_right && plan->join.kind == JOIN_SEMI && predicate_may_move(condition))
			expression_list_add(&parts->left, arena, condition);
		else if (on_left && (on_right || predicate_may_move(condition)))
			expression_list_add(&parts->keys, arena, condition);
		else
			expression_list_add(&parts->residual, arena, condition);
	}
}

/* A condition on the left row alone, which may not filter it: "it holds" = true is a key like any other, and
 * a join without a residual is one that a circuit takes. */
static void outer_left_key(struct arena *arena, const struct expression *condition,
	const struct expression **left, const struct expression **right)
{
	struct expression *holds = expression_of(arena, EXPR_TEST, type_of(TYPE_BOOL), &condition, 1);
	holds->test = TEST_TRUE;
	struct value yes = {.type = type_of(TYPE_BOOL), .boolean = true};
	*left = holds;
	*right = expression_constant(arena, &yes);
}

static bool outer_key(struct arena *arena, const struct expression *condition, uint32_t left_count,
	const struct expression **left, const struct expression **right)
{
	if (!expression_uses_columns(condition, left_count, UINT32_MAX)) {
		outer_left_key(arena, condition, left, right);
		return true;
	}
	if (!expression_is_operator(condition, "=") || expression_is_volatile(condition))
		return false;
	for (size_t side = 0; side < 2; side++) {
		*left = condition->arguments[side];
		*right = condition->arguments[1 - side];
		if (expression_uses_columns(*left, 0, left_count) &&
			!expression_uses_columns(*left, left_count, UINT32_MAX) &&
			expression_uses_columns(*right, left_count, UINT32_MAX) &&
			!expression_uses_columns(*right, 0, left_count))
			return keys_align(arena, left, right);
	}
	return false;
}

static const struct plan *push_outer(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	struct arena *arena = simplifier->arena;
	uint32_t left_count = (uint32_t)plan->children[0]->schema.field_count;
	uint32_t right_count = (uint32_t)plan->children[1]->schema.field_count;
	INVARIANT(plan->join.key_count == 0);
	struct outer_parts parts = {0};
	outer_sort_conditions(simplifier, plan, conjuncts, &parts);
	struct join_side left_side = {.plan = plan_push(simplifier, plan->children[0], &parts.left)};
	struct join_side right_side = {.plan = plan_push(simplifier, plan->children[1], &parts.right)};
	struct join_keys keys = keys_make(arena, parts.keys.count);
	for (size_t i = 0; i < parts.keys.count; i++) {
		const struct expression *left, *right;
		if (!outer_key(arena, parts.keys.items[i], left_count, &left, &right)) {
			expression_list_add(&parts.residual, arena, parts.keys.items[i]);
			continue;
		}
		uint32_t left_key = side_key(&left_side, arena, left);
		keys_add(&keys, left_key,
			side_key(&right_side, arena, expression_shift(arena, right, -(int64_t)left_count)));
	}
	const struct plan *left = side_plan(&left_side, simplifier), *right = side_plan(&right_side, simplifier);
	uint32_t *positions = arena_alloc(arena, (left_count + right_count) * sizeof *positions);
	for (uint32_t i = 0; i < left_count + right_count; i++)
		positions[i] = i < left_count ? i : (uint32_t)left->schema.field_count + i - left_count;
	for (size_t i = 0; i < parts.residual.count; i++)
		parts.residual.items[i] = expression_remap(arena, parts.residual.items[i], positions);
	const struct plan *join = plan_make_join(arena, plan->join.kind, left, right, keys.left, keys.right,
		keys.count, expression_and(arena, parts.residual.items, parts.residual.count));
	return plan_filtered(
		simplifier, columns_restored(simplifier, join, &plan->schema, positions), &parts.top);
}

const struct plan *plan_push_join(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts)
{
	return plan->join.kind == JOIN_INNER ? push_inner(simplifier, plan, conjuncts)
										 : push_outer(simplifier, plan, conjuncts);
}
