/* Plan nodes and what follows from their children: schema, append_only, key.
 *
 *   node          append_only                                   key
 *   scan          the relation's                                the relation's, if all its columns are
 * scanned values        yes                                           at most one row: none needed filter
 * child's                                       child's; all its columns fixed by = : at most one row project
 * child's                                       child's, if all its columns pass through aggregate     only
 * DISTINCT of append-only input            the groups; global: at most one row inner join    both append-only
 * both keys; one side's where the other side's key is joined on left join     no as inner, but the left key
 * is always in it semi, anti    semi: both append-only; anti: no              left's union all     all
 * append-only                               none sort          child's child's limit         no child's;
 * LIMIT 1: at most one row
 */
#include "processors/plan_build.h"

#include "base/invariant.h"

static struct plan *plan_of(
	struct arena *arena, enum plan_kind kind, const struct plan *const *children, size_t count)
{
	struct plan *plan = arena_alloc_zeroed(arena, sizeof *plan);
	plan->kind = kind;
	plan->child_count = count;
	if (count != 0)
		plan->children = arena_copy(arena, children, count * sizeof *children);
	return plan;
}

static void key_copy(struct plan *plan, const struct plan *child)
{
	plan->has_key = child->has_key;
	plan->key_columns = child->key_columns;
	plan->key_count = child->key_count;
}

static struct schema schema_make(struct arena *arena, size_t count)
{
	return (struct schema){arena_alloc_zeroed(arena, count * sizeof(struct field)), count};
}

struct plan *plan_make_scan(struct arena *arena, const struct sql_relation *relation)
{
	struct plan *plan = plan_of(arena, PLAN_SCAN, NULL, 0);
	plan->schema = schema_copy(&relation->schema, arena);
	plan->append_only = relation->append_only;
	plan->scan.schema_name =
		arena_copy_string(arena, relation->schema_name != NULL ? relation->schema_name : "public");
	plan->scan.name = arena_copy_string(arena, relation->name);
	plan->scan.version = relation->kind == SQL_VIEW ? relation->version : 0;
	plan->scan.handle = relation->handle;
	plan->scan.row_estimate = relation->row_estimate;
	plan->scan.unordered = relation->unordered;
	plan->scan.empty = relation->empty;
	plan->scan.columns = arena_alloc(arena, plan->schema.field_count * sizeof(uint32_t));
	for (uint32_t i = 0; i < plan->schema.field_count; i++)
		plan->scan.columns[i] = i;
	plan->has_key = relation->has_key || relation->key_count > 0;
	plan->key_count = relation->key_count;
	plan->key_columns = arena_copy(arena, relation->key_columns, relation->key_count * sizeof(uint32_t));
	return plan;
}

struct plan *plan_make_narrow_scan(struct arena *arena, const struct plan *scan, const uint8_t *used)
{
	struct plan *plan = arena_copy(arena, scan, sizeof *scan);
	plan->schema = schema_make(arena, scan->schema.field_count);
	plan->schema.field_count = 0;
	plan->scan.columns = arena_alloc(arena, scan->schema.field_count * sizeof(uint32_t));
	plan->key_columns = arena_alloc(arena, scan->key_count * sizeof(uint32_t));
	size_t keys_found = 0;
	for (uint32_t i = 0; i < scan->schema.field_count; i++) {
		if (!used[i])
			continue;
		uint32_t at = (uint32_t)plan->schema.field_count++;
		plan->schema.fields[at] = scan->schema.fields[i];
		plan->scan.columns[at] = scan->scan.columns[i];
		for (size_t k = 0; k < scan->key_count; k++) {
			if (scan->key_columns[k] == i) {
				plan->key_columns[k] = at;
				keys_found++;
			}
		}
	}
	if (keys_found != scan->key_count) {
		plan->has_key = false;
		plan->key_count = 0;
	}
	return plan;
}

struct plan *plan_make_bounded_scan(
	struct arena *arena, const struct plan *scan, const struct scan_bounds *bounds)
{
	struct plan *plan = arena_copy(arena, scan, sizeof *scan);
	plan->scan.bounds = *bounds;
	if (scan->has_key && bounds->prefix_count == scan->key_count)
		plan->key_count = 0;
	return plan;
}

struct plan *plan_make_values(
	struct arena *arena, const struct schema *schema, const struct expression ***rows, size_t row_count)
{
	struct plan *plan = plan_of(arena, PLAN_VALUES, NULL, 0);
	plan->schema = schema_copy(schema, arena);
	plan->append_only = true;
	plan->has_key = row_count <= 1;
	plan->values.rows = rows;
	plan->values.row_count = row_count;
	for (size_t c = 0; c < schema->field_count; c++) {
		bool not_null = true;
		for (size_t r = 0; r < row_count; r++)
			not_null = not_null && expression_is_not_null(rows[r][c], schema);
		plan->schema.fields[c].not_null = not_null;
	}
	return plan;
}

/* Is a column fixed to one value by "column = constant or parameter"? */
static bool column_is_fixed(const struct expression *predicate, uint32_t column)
{
	if (predicate->kind == EXPR_AND) {
		for (size_t i = 0; i < predicate->argument_count; i++) {
			if (column_is_fixed(predicate->arguments[i], column))
				return true;
		}
		return false;
	}
	if (!expression_is_operator(predicate, "="))
		return false;
	for (size_t i = 0; i < 2; i++) {
		const struct expression *side = predicate->arguments[i], *other = predicate->arguments[1 - i];
		while (side->kind == EXPR_CALL && (side->function->flags & FUNCTION_RELABEL) != 0)
			side = side->arguments[0];
		if (side->kind == EXPR_COLUMN && side->column == column &&
			!expression_uses_columns(other, 0, UINT32_MAX) && !expression_is_volatile(other))
			return true;
	}
	return false;
}

struct plan *plan_make_filter(
	struct arena *arena, const struct plan *child, const struct expression *predicate)
{
	INVARIANT(predicate->type.id == TYPE_BOOL);
	struct plan *plan = plan_of(arena, PLAN_FILTER, &child, 1);
	plan->schema = child->schema;
	plan->append_only = child->append_only;
	plan->filter.predicate = predicate;
	key_copy(plan, child);
	bool all_fixed = plan->has_key;
	for (size_t k = 0; k < plan->key_count; k++)
		all_fixed = all_fixed && column_is_fixed(predicate, plan->key_columns[k]);
	if (all_fixed)
		plan->key_count = 0;
	return plan;
}

/* The column an expression passes through unchanged, or −1. */
static int64_t column_passed(const struct expression *expression)
{
	while (expression->kind == EXPR_CALL && (expression->function->flags & FUNCTION_RELABEL) != 0)
		expression = expression->arguments[0];
	return expression->kind == EXPR_COLUMN ? (int64_t)expression->column : -1;
}

struct plan *plan_make_project(struct arena *arena, const struct plan *child,
	const struct expression *const *expressions, const char *const *names, size_t count)
{
	struct plan *plan = plan_of(arena, PLAN_PROJECT, &child, 1);
	plan->schema = schema_make(arena, count);
	plan->append_only = child->append_only;
	plan->project.expressions = arena_copy(arena, expressions, count * sizeof *expressions);
	for (size_t i = 0; i < count; i++) {
		const char *name = names != NULL ? names[i] : NULL;
		if (name == NULL && expressions[i]->kind == EXPR_COLUMN)
			name = child->schema.fields[expressions[i]->column].name;
		plan->schema.fields[i] =
			(struct field){.name = name != NULL ? arena_copy_string(arena, name) : "?column?",
				.type = expressions[i]->type,
				.not_null = expression_is_not_null(expressions[i], &child->schema)};
	}
	plan->has_key = child->has_key;
	plan->key_count = child->key_count;
	plan->key_columns = arena_alloc(arena, child->key_count * sizeof(uint32_t));
	for (size_t k = 0; k < child->key_count; k++) {
		uint32_t i = 0;
		while (i < count && column_passed(expressions[i]) != (int64_t)child->key_columns[k])
			i++;
		if (i == count) {
			plan->has_key = false;
			plan->key_count = 0;
			break;
		}
		plan->key_columns[k] = i;
	}
	return plan;
}

const char *aggregate_name(enum aggregate_kind kind)
{
	static const char *const names[] = {
		[AGGREGATE_COUNT_STAR] = "count",
		[AGGREGATE_COUNT] = "count",
		[AGGREGATE_SUM] = "sum",
		[AGGREGATE_AVG] = "avg",
		[AGGREGATE_MIN] = "min",
		[AGGREGATE_MAX] = "max",
		[AGGREGATE_BOOL_AND] = "bool_and",
		[AGGREGATE_BOOL_OR] = "bool_or",
	};
	return names[kind];
}

struct plan *plan_make_aggregate(struct arena *arena, const struct plan *child, const uint32_t *groups,
	size_t group_count, const struct aggregate_call *calls, size_t call_count, bool global)
{
	struct plan *plan = plan_of(arena, PLAN_AGGREGATE, &child, 1);
	plan->schema = schema_make(arena, group_count + call_count);
	plan->append_only = child->append_only && call_count == 0 && !global;
	plan->has_key = true;
	plan->key_count = group_count;
	plan->key_columns = arena_alloc(arena, group_count * sizeof(uint32_t));
	plan->aggregate.groups = arena_copy(arena, groups, group_count * sizeof *groups);
	plan->aggregate.group_count = group_count;
	plan->aggregate.calls = arena_copy(arena, calls, call_count * sizeof *calls);
	plan->aggregate.call_count = call_count;
	plan->aggregate.global = global;
	for (uint32_t i = 0; i < group_count; i++) {
		plan->schema.fields[i] = child->schema.fields[groups[i]];
		plan->key_columns[i] = i;
		/* 1.5 is shown as 1.50 from when that comes: the row changes. */
		if (plan->schema.fields[i].type.id == TYPE_NUMERIC && plan->schema.fields[i].type.modifier < 0)
			plan->append_only = false;
	}
	for (size_t i = 0; i < call_count; i++) {
		bool counts = calls[i].kind == AGGREGATE_COUNT_STAR || calls[i].kind == AGGREGATE_COUNT;
		plan->schema.fields[group_count + i] =
			(struct field){.name = aggregate_name(calls[i].kind), .type = calls[i].type, .not_null = counts};
	}
	return plan;
}

struct plan *plan_make_distinct(struct arena *arena, const struct plan *child)
{
	size_t count = child->schema.field_count;
	uint32_t *groups = arena_alloc(arena, count * sizeof *groups);
	for (uint32_t i = 0; i < count; i++)
		groups[i] = i;
	return plan_make_aggregate(arena, child, groups, count, NULL, 0, false);
}

/* At most one row of `plan` has given values in these columns. */
static bool keys_identify(const struct plan *plan, const uint32_t *columns, size_t count)
{
	if (!plan->has_key)
		return false;
	for (size_t k = 0; k < plan->key_count; k++) {
		size_t i = 0;
		while (i < count && columns[i] != plan->key_columns[k])
			i++;
		if (i == count)
			return false;
	}
	return true;
}

static void join_key(struct plan *plan, struct arena *arena)
{
	const struct plan *left = plan->children[0], *right = plan->children[1];
	if (plan->join.kind == JOIN_SEMI || plan->join.kind == JOIN_ANTI) {
		key_copy(plan, left);
		return;
	}
	bool left_alone = left->has_key && keys_identify(right, plan->join.right_keys, plan->join.key_count);
	bool right_alone = plan->join.kind == JOIN_INNER && right->has_key &&
					   keys_identify(left, plan->join.left_keys, plan->join.key_count);
	plan->has_key = left->has_key && right->has_key;
	if (!plan->has_key)
		return;
	size_t from_left = right_alone && !left_alone ? 0 : left->key_count;
	size_t from_right = left_alone ? 0 : right->key_count;
	plan->key_count = from_left + from_right;
	plan->key_columns = arena_alloc(arena, plan->key_count * sizeof(uint32_t));
	for (size_t k = 0; k < from_left; k++)
		plan->key_columns[k] = left->key_columns[k];
	for (size_t k = 0; k < from_right; k++)
		plan->key_columns[from_left + k] = right->key_columns[k] + (uint32_t)left->schema.field_count;
}

struct plan *plan_make_join(struct arena *arena, enum join_kind kind, const struct plan *left,
	const struct plan *right, const uint32_t *left_keys, const uint32_t *right_keys, size_t key_count,
	const struct expression *residual)
{
	struct plan *plan = plan_of(arena, PLAN_JOIN, (const struct plan *const[]){left, right}, 2);
	bool left_only = kind == JOIN_SEMI || kind == JOIN_ANTI;
	size_t left_count = left->schema.field_count;
	plan->schema = schema_make(arena, left_count + (left_only ? 0 : right->schema.field_count));
	for (size_t i = 0; i < plan->schema.field_count; i++) {
		plan->schema.fields[i] =
			i < left_count ? left->schema.fields[i] : right->schema.fields[i - left_count];
		if (kind == JOIN_LEFT && i >= left_count)
			plan->schema.fields[i].not_null = false;
	}
	plan->append_only = (kind == JOIN_INNER || kind == JOIN_SEMI) && left->append_only && right->append_only;
	plan->join.kind = kind;
	plan->join.left_keys = arena_copy(arena, left_keys, key_count * sizeof *left_keys);
	plan->join.right_keys = arena_copy(arena, right_keys, key_count * sizeof *right_keys);
	plan->join.key_count = key_count;
	plan->join.residual = residual;
	join_key(plan, arena);
	return plan;
}

struct plan *plan_make_union(struct arena *arena, const struct plan *const *children, size_t count)
{
	INVARIANT(count >= 2);
	struct plan *plan = plan_of(arena, PLAN_UNION_ALL, children, count);
	plan->schema = schema_copy(&children[0]->schema, arena);
	plan->append_only = true;
	for (size_t c = 0; c < count; c++) {
		INVARIANT(children[c]->schema.field_count == plan->schema.field_count);
		plan->append_only = plan->append_only && children[c]->append_only;
		for (size_t i = 0; i < plan->schema.field_count; i++) {
			struct field *field = &plan->schema.fields[i];
			const struct field *other = &children[c]->schema.fields[i];
			INVARIANT(field->type.id == other->type.id);
			field->not_null = field->not_null && other->not_null;
			if (field->type.modifier != other->type.modifier)
				field->type.modifier = -1;
		}
	}
	return plan;
}

struct plan *plan_make_sort(
	struct arena *arena, const struct plan *child, const struct sort_key *keys, size_t key_count)
{
	struct plan *plan = plan_of(arena, PLAN_SORT, &child, 1);
	plan->schema = child->schema;
	plan->append_only = child->append_only;
	key_copy(plan, child);
	plan->sort.keys = arena_copy(arena, keys, key_count * sizeof *keys);
	plan->sort.key_count = key_count;
	return plan;
}

struct plan *plan_make_number(struct arena *arena, const struct plan *child, const struct sort_key *keys,
	size_t key_count, size_t partition_count)
{
	struct plan *plan = plan_of(arena, PLAN_NUMBER, &child, 1);
	size_t count = child->schema.field_count;
	plan->schema = schema_make(arena, count + 1);
	memcpy(plan->schema.fields, child->schema.fields, count * sizeof(struct field));
	plan->schema.fields[count] =
		(struct field){.name = "row_number", .type = type_of(TYPE_INT8), .not_null = true};
	key_copy(plan, child);
	plan->sort.keys = arena_copy(arena, keys, key_count * sizeof *keys);
	plan->sort.key_count = key_count;
	plan->sort.partition_count = partition_count;
	return plan;
}

struct plan *plan_make_limit(struct arena *arena, const struct plan *child, const struct expression *limit,
	const struct expression *offset)
{
	struct plan *plan = plan_of(arena, PLAN_LIMIT, &child, 1);
	plan->schema = child->schema;
	key_copy(plan, child);
	plan->limit.limit = limit;
	plan->limit.offset = offset;
	if (limit != NULL && limit->kind == EXPR_CONSTANT && !limit->value.null && limit->value.i64 <= 1) {
		plan->has_key = true;
		plan->key_count = 0;
	}
	return plan;
}

struct plan *plan_make_renamed(struct arena *arena, const struct plan *plan, const char *const *names)
{
	struct plan *copy = arena_copy(arena, plan, sizeof *plan);
	copy->schema = schema_copy(&plan->schema, arena);
	for (size_t i = 0; i < copy->schema.field_count; i++)
		copy->schema.fields[i].name = arena_copy_string(arena, names[i]);
	return copy;
}

bool plan_is_single_row(const struct plan *plan)
{
	while (plan->kind == PLAN_PROJECT || plan->kind == PLAN_SORT ||
		   (plan->kind == PLAN_AGGREGATE && plan->aggregate.call_count == 0 && !plan->aggregate.global))
		plan = plan->children[0];
	return (plan->kind == PLAN_AGGREGATE && plan->aggregate.global) ||
		   (plan->kind == PLAN_VALUES && plan->values.row_count == 1);
}

bool plan_is_empty(const struct plan *plan)
{
	switch (plan->kind) {
	case PLAN_SCAN:
		return plan->scan.empty;
	case PLAN_FILTER:
	case PLAN_PROJECT:
	case PLAN_SORT:
	case PLAN_NUMBER:
	case PLAN_LIMIT:
		return plan_is_empty(plan->children[0]);
	case PLAN_JOIN: {
		bool either = plan->join.kind == JOIN_INNER || plan->join.kind == JOIN_SEMI;
		return plan_is_empty(plan->children[0]) || (either && plan_is_empty(plan->children[1]));
	}
	default:
		return false;
	}
}
