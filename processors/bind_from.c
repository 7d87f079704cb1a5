/* FROM: relations side by side, joins, and which names reach what. Conditions stay in the join's residual or
 * the filter above; the simplifier finds the keys.
 */
#include "base/invariant.h"
#include "processors/bind.h"

/* ---- scopes ---- */

struct bind_scope *bind_scope_of(struct binder *binder, const struct plan *plan, const char *alias,
	const char *schema_name, int64_t version, size_t visible_count)
{
	size_t count = plan->schema.field_count;
	struct bind_scope *scope = arena_alloc_zeroed(binder->arena, sizeof *scope);
	struct bind_column *columns = arena_alloc(binder->arena, count * sizeof *columns);
	for (uint32_t i = 0; i < count; i++)
		columns[i] = (struct bind_column){plan->schema.fields[i].name, i, i >= visible_count};
	scope->plan = plan;
	scope->ranges = arena_alloc_zeroed(binder->arena, sizeof *scope->ranges);
	scope->range_count = 1;
	scope->ranges[0] = (struct bind_range){.alias = alias,
		.schema_name = schema_name,
		.version = version,
		.columns = columns,
		.column_count = count};
	scope->names = arena_copy(binder->arena, columns, count * sizeof *columns);
	scope->name_count = count;
	return scope;
}

static struct bind_column *columns_shifted(
	struct binder *binder, const struct bind_column *columns, size_t count, uint32_t by)
{
	struct bind_column *shifted = arena_copy(binder->arena, columns, count * sizeof *columns);
	for (size_t i = 0; i < count; i++)
		shifted[i].index += by;
	return shifted;
}

/* Left and right side by side; the plan is the given one. */
static struct bind_scope *scope_join(struct binder *binder, const struct bind_scope *left,
	const struct bind_scope *right, const struct plan *plan)
{
	struct arena *arena = binder->arena;
	uint32_t by = (uint32_t)left->plan->schema.field_count;
	struct bind_scope *scope = arena_alloc_zeroed(arena, sizeof *scope);
	scope->plan = plan;
	scope->range_count = left->range_count + right->range_count;
	scope->ranges = arena_alloc(arena, scope->range_count * sizeof *scope->ranges);
	for (size_t i = 0; i < scope->range_count; i++) {
		if (i < left->range_count) {
			scope->ranges[i] = left->ranges[i];
			continue;
		}
		scope->ranges[i] = right->ranges[i - left->range_count];
		scope->ranges[i].columns =
			columns_shifted(binder, scope->ranges[i].columns, scope->ranges[i].column_count, by);
	}
	scope->name_count = left->name_count + right->name_count;
	scope->names = arena_alloc(arena, scope->name_count * sizeof *scope->names);
	const struct bind_column *right_names = columns_shifted(binder, right->names, right->name_count, by);
	for (size_t i = 0; i < scope->name_count; i++)
		scope->names[i] = i < left->name_count ? left->names[i] : right_names[i - left->name_count];
	return scope;
}

static status scopes_check_distinct(
	struct binder *binder, const struct bind_scope *left, const struct bind_scope *right)
{
	if (left->range_count + right->range_count > BIND_RELATIONS_MAX)
		return bind_fail(
			STATUS_TOO_LARGE, binder, 0, "a FROM clause can name at most %d relations", BIND_RELATIONS_MAX);
	for (size_t l = 0; l < left->range_count; l++) {
		for (size_t r = 0; r < right->range_count; r++) {
			const struct bind_range *a = &left->ranges[l], *b = &right->ranges[r];
			bool same_schema = a->schema_name == NULL || b->schema_name == NULL ||
							   strcmp(a->schema_name, b->schema_name) == 0;
			if (a->unreachable || b->unreachable || !same_schema || a->version != b->version ||
				strcmp(a->alias, b->alias) != 0)
				continue;
			(void)bind_fail(
				STATUS_AMBIGUOUS, binder, 0, "table name \"%s\" specified more than once", a->alias);
			error_sqlstate("42712");
			return STATUS_AMBIGUOUS;
		}
	}
	return STATUS_OK;
}

/* ---- aliases ---- */

/* FROM t EMIT …, FROM a ASOF JOIN b: the grammar takes the word for an alias. */
static status alias_check(struct binder *binder, const PgQuery__Alias *alias, int32_t location)
{
	if (strcmp(alias->aliasname, "emit") == 0)
		return bind_unsupported(binder, location,
			"Write WITH (emit = 'final') in CREATE MATERIALIZED VIEW; for a relation called so, quote "
			"another alias.",
			"EMIT");
	if (strcmp(alias->aliasname, "asof") == 0)
		return bind_unsupported(binder, location, "Join on a range of time instead.", "ASOF JOIN");
	return STATUS_OK;
}

/* AS alias (names…): the first columns take the names. */
static status alias_columns(struct binder *binder, const PgQuery__Alias *alias, int32_t location,
	size_t visible_count, const struct plan **plan)
{
	if (alias == NULL || alias->n_colnames == 0)
		return STATUS_OK;
	if (alias->n_colnames > visible_count) {
		(void)bind_fail(STATUS_SYNTAX, binder, bind_position(binder, location),
			"table \"%s\" has %zu columns available but %zu columns specified", alias->aliasname,
			visible_count, alias->n_colnames);
		error_sqlstate("42P10");
		return STATUS_SYNTAX;
	}
	size_t count = (*plan)->schema.field_count;
	struct expression_list columns = {0};
	const char **names = arena_alloc(binder->arena, count * sizeof *names);
	for (uint32_t i = 0; i < count; i++) {
		names[i] = i < alias->n_colnames ? sql_string_of(alias->colnames[i]) : (*plan)->schema.fields[i].name;
		expression_list_add(
			&columns, binder->arena, expression_column(binder->arena, i, (*plan)->schema.fields[i].type));
	}
	*plan = plan_make_project(binder->arena, *plan, columns.items, names, count);
	return STATUS_OK;
}

static status scope_under_alias(struct binder *binder, const struct plan *plan, const PgQuery__Alias *alias,
	const char *default_name, const struct sql_relation *relation, size_t visible_count, int32_t location,
	struct bind_scope **out)
{
	status code = alias != NULL ? alias_check(binder, alias, location) : STATUS_OK;
	if (code == STATUS_OK)
		code = alias_columns(binder, alias, location, visible_count, &plan);
	if (code != STATUS_OK)
		return code;
	bool named = alias == NULL && relation != NULL;
	*out = bind_scope_of(binder, plan, alias != NULL ? alias->aliasname : default_name,
		named ? relation->schema_name : NULL, named && relation->kind == SQL_VIEW ? relation->version : 0,
		visible_count);
	(*out)->ranges[0].relation_name = relation != NULL ? relation->name : NULL;
	return STATUS_OK;
}

/* ---- relations and functions ---- */

static status bind_range_var(struct binder *binder, const PgQuery__RangeVar *range, struct bind_scope **out)
{
	struct sql_name name;
	const struct sql_relation *relation;
	const struct plan *plan;
	status code = sql_name_of(binder->tree, range, binder->arena, &name);
	if (code == STATUS_OK)
		code = bind_relation(binder, &name, range->location, &relation, &plan);
	if (code != STATUS_OK)
		return code;
	size_t visible =
		relation != NULL && plan->kind == PLAN_SCAN ? relation->visible_count : plan->schema.field_count;
	return scope_under_alias(binder, plan, range->alias, name.name, relation, visible, range->location, out);
}

static status bind_range_subselect(struct binder *binder, const PgQuery__RangeSubselect *range,
	struct bind_scope *parent, struct bind_scope **out)
{
	const struct plan *plan;
	int32_t location = -1;
	if (range->lateral)
		return bind_unsupported(
			binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__LATERAL_P), "Write a join.", "LATERAL");
	if (range->alias == NULL) {
		(void)bind_fail(STATUS_SYNTAX, binder,
			bind_position(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__FROM)),
			"subquery in FROM must have an alias");
		error_hint("For example, FROM (SELECT ...) [AS] foo.");
		return STATUS_SYNTAX;
	}
	status code = bind_select(binder, range->subquery->select_stmt, parent, true, &plan);
	if (code != STATUS_OK)
		return code;
	return scope_under_alias(binder, plan, range->alias, NULL, NULL, plan->schema.field_count, location, out);
}

static struct plan *plan_one_row(struct binder *binder)
{
	const struct expression ***rows = arena_alloc_zeroed(binder->arena, sizeof *rows);
	rows[0] = arena_alloc_zeroed(binder->arena, sizeof **rows);
	struct schema none = {arena_alloc(binder->arena, 0), 0};
	return plan_make_values(binder->arena, &none, rows, 1);
}

/* FROM f(…): a function of the catalog, or one row of a plain function's value. */
static status bind_plain_function(struct binder *binder, const sql_node *node, const char *name,
	const struct plan **out, size_t *visible_count)
{
	status code = STATUS_NOT_FOUND;
	if (!function_exists(name))
		code = bind_relation_function(binder, node->func_call, out, visible_count);
	if (code != STATUS_NOT_FOUND)
		return code;
	struct bind_place place = {.clause = "functions in FROM"};
	const struct expression *value;
	code = bind_expression(binder, &place, node, &value);
	if (code == STATUS_OK)
		code = bind_settle(binder, value, &value);
	if (code != STATUS_OK)
		return code;
	*out = plan_make_project(binder->arena, plan_one_row(binder), &value, &name, 1);
	*visible_count = 1;
	return STATUS_OK;
}

static status range_function_refuse(struct binder *binder, const PgQuery__RangeFunction *range)
{
	if (range->lateral || range->ordinality || range->is_rowsfrom || range->n_coldeflist > 0 ||
		range->n_functions != 1)
		return bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__FROM),
			"Write FROM f(…) alone.",
			"LATERAL, WITH ORDINALITY, ROWS FROM or a column definition list in FROM");
	return STATUS_OK;
}

static status bind_range_function(
	struct binder *binder, const PgQuery__RangeFunction *range, struct bind_scope **out)
{
	status code = range_function_refuse(binder, range);
	if (code != STATUS_OK)
		return code;
	const sql_node *node = range->functions[0]->list->items[0];
	if (node->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
		return bind_unsupported(binder, bind_location(node), NULL, "an expression in FROM");
	const PgQuery__FuncCall *call = node->func_call;
	const char *schema_name;
	const char *name = sql_qualified_of(call->funcname, call->n_funcname, &schema_name);
	const struct sql_relation *relation = NULL;
	const struct plan *plan;
	size_t visible = 0;
	if (schema_name == NULL && (strcmp(name, "hop") == 0 || strcmp(name, "session") == 0))
		return bind_unsupported(binder, call->location, "Use TUMBLE(relation, column, size).", "%s()", name);
	if (schema_name == NULL && strcmp(name, "tumble") == 0) {
		code = bind_windowed(binder, call, &plan, &relation);
		if (code != STATUS_OK)
			return code;
		bool whole = relation == NULL || plan->children[0]->children[0]->kind != PLAN_SCAN;
		visible = whole ? plan->schema.field_count : relation->visible_count + 2;
		return scope_under_alias(binder, plan, range->alias, relation != NULL ? relation->name : name, NULL,
			visible, call->location, out);
	}
	code = bind_plain_function(binder, node, name, &plan, &visible);
	if (code != STATUS_OK)
		return code;
	return scope_under_alias(binder, plan, range->alias, name, NULL, visible, call->location, out);
}

/* ---- joins ---- */

static status bind_from_item(
	struct binder *binder, const sql_node *node, struct bind_scope *parent, struct bind_scope **out);

static status using_find(struct binder *binder, const struct bind_scope *side, const char *name,
	const char *which, size_t name_count, size_t *out)
{
	size_t found = SIZE_MAX;
	for (size_t i = 0; i < name_count; i++) {
		if (side->names[i].hidden || strcmp(side->names[i].name, name) != 0)
			continue;
		if (found != SIZE_MAX)
			return bind_fail(STATUS_AMBIGUOUS, binder, 0,
				"common column name \"%s\" appears more than once in %s table", name, which);
		found = i;
	}
	if (found == SIZE_MAX)
		return bind_fail(STATUS_UNKNOWN_COLUMN, binder, 0,
			"column \"%s\" specified in USING clause does not exist in %s table", name, which);
	*out = found;
	return STATUS_OK;
}

struct using_join {
	struct expression_list conditions;
	struct bind_column *merged;
	size_t merged_count;
	uint8_t *dropped; /* names of the combined scope that a merged column stands for */
};

/* left.name = right.name; the merged column is the one of the outer side, or of the common type. */
static status using_add(struct binder *binder, const struct bind_scope *both, size_t left_names,
	size_t left_at, size_t right_at, bool right_outer, struct using_join *using)
{
	const struct bind_column *columns[] = {&both->names[left_at], &both->names[left_names + right_at]};
	const struct expression *sides[2], *equality;
	for (size_t i = 0; i < 2; i++)
		sides[i] = expression_column(
			binder->arena, columns[i]->index, both->plan->schema.fields[columns[i]->index].type);
	status code = bind_function(binder, "=", sides, 2, 0, &equality);
	if (code != STATUS_OK)
		return code;
	expression_list_add(&using->conditions, binder->arena, equality);
	enum type_id types[] = {sides[0]->type.id, sides[1]->type.id}, common;
	code = type_common(types, 2, "JOIN/USING", &common);
	if (code != STATUS_OK)
		return code;
	bool take_right = right_outer || (types[0] != common && types[1] == common);
	using->merged[using->merged_count] = *columns[take_right ? 1 : 0];
	using->merged[using->merged_count++].hidden = false;
	using->dropped[left_at] = using->dropped[left_names + right_at] = 1;
	return STATUS_OK;
}

static status bind_using(struct binder *binder, const PgQuery__JoinExpr *join, const struct bind_scope *left,
	const struct bind_scope *right, struct bind_scope *both, const struct expression **condition)
{
	struct arena *arena = binder->arena;
	size_t count_max = join->is_natural ? left->name_count : join->n_using_clause;
	bool right_outer = join->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT;
	struct using_join using = {.merged = arena_alloc(arena, count_max * sizeof *using.merged),
		.dropped = arena_alloc_zeroed(arena, both->name_count)};
	for (size_t i = 0; i < count_max; i++) {
		const char *name = join->is_natural ? left->names[i].name : sql_string_of(join->using_clause[i]);
		size_t left_at = 0, right_at = 0;
		if (join->is_natural && left->names[i].hidden)
			continue;
		if (join->is_natural) {
			size_t matches = 0;
			for (size_t r = 0; r < right->name_count; r++)
				matches += !right->names[r].hidden && strcmp(right->names[r].name, name) == 0;
			if (matches == 0)
				continue;
		}
		status code = using_find(binder, left, name, "left", left->name_count, &left_at);
		if (code == STATUS_OK)
			code = using_find(binder, right, name, "right", right->name_count, &right_at);
		if (code == STATUS_OK)
			code = using_add(binder, both, left->name_count, left_at, right_at, right_outer, &using);
		if (code != STATUS_OK)
			return code;
	}
	struct bind_column *names = arena_alloc(arena, both->name_count * sizeof *names);
	size_t count = using.merged_count;
	memcpy(names, using.merged, count * sizeof *names);
	for (size_t i = 0; i < both->name_count; i++) {
		if (!using.dropped[i])
			names[count++] = both->names[i];
	}
	both->names = names;
	both->name_count = count;
	*condition = expression_and(arena, using.conditions.items, using.conditions.count);
	return STATUS_OK;
}

/* a RIGHT JOIN b is b LEFT JOIN a with the columns put back in order. */
static const struct plan *plan_right_join(struct binder *binder, const struct plan *left,
	const struct plan *right, const struct expression *condition)
{
	uint32_t left_count = (uint32_t)left->schema.field_count,
			 right_count = (uint32_t)right->schema.field_count;
	uint32_t *map = arena_alloc(binder->arena, (left_count + right_count) * sizeof *map);
	for (uint32_t i = 0; i < left_count + right_count; i++)
		map[i] = i < left_count ? right_count + i : i - left_count;
	const struct expression *residual =
		condition != NULL ? expression_remap(binder->arena, condition, map) : NULL;
	const struct plan *join = plan_make_join(binder->arena, JOIN_LEFT, right, left, NULL, NULL, 0, residual);
	struct expression_list columns = {0};
	for (uint32_t i = 0; i < left_count + right_count; i++)
		expression_list_add(&columns, binder->arena,
			expression_column(binder->arena, map[i], join->schema.fields[map[i]].type));
	return plan_make_project(binder->arena, join, columns.items, NULL, columns.count);
}

static status bind_join_condition(struct binder *binder, const PgQuery__JoinExpr *join,
	const struct bind_scope *left, const struct bind_scope *right, struct bind_scope *both,
	const struct expression **condition)
{
	*condition = NULL;
	if (join->is_natural || join->n_using_clause > 0)
		return bind_using(binder, join, left, right, both, condition);
	if (join->quals == NULL)
		return STATUS_OK;
	struct bind_place place = {.scope = both, .clause = "JOIN conditions"};
	status code = bind_condition(binder, &place, join->quals, "JOIN/ON", condition);
	if (code == STATUS_OK && expression_is_true(*condition))
		*condition = NULL;
	return code;
}

static struct bind_scope *scope_aliased_join(
	struct binder *binder, struct bind_scope *scope, const char *alias)
{
	struct bind_range *ranges = arena_alloc(binder->arena, (scope->range_count + 1) * sizeof *ranges);
	memcpy(ranges, scope->ranges, scope->range_count * sizeof *ranges);
	for (size_t i = 0; i < scope->range_count; i++)
		ranges[i].unreachable = true;
	ranges[scope->range_count] =
		(struct bind_range){.alias = alias, .columns = scope->names, .column_count = scope->name_count};
	scope->ranges = ranges;
	scope->range_count++;
	return scope;
}

static status bind_join(
	struct binder *binder, const PgQuery__JoinExpr *join, struct bind_scope *parent, struct bind_scope **out)
{
	struct bind_scope *left, *right;
	status code = bind_from_item(binder, join->larg, parent, &left);
	if (code == STATUS_OK)
		code = bind_from_item(binder, join->rarg, parent, &right);
	if (code == STATUS_OK)
		code = scopes_check_distinct(binder, left, right);
	if (code != STATUS_OK)
		return code;
	if (join->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL)
		return bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__FULL),
			"Use a LEFT JOIN and UNION ALL what has no partner.", "FULL JOIN");
	if (join->join_using_alias != NULL || (join->alias != NULL && join->alias->n_colnames > 0))
		return bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__JOIN),
			"Name the columns in a subquery.", "an alias with column names on a join, or on USING");
	struct arena *arena = binder->arena;
	const struct plan *cross =
		plan_make_join(arena, JOIN_INNER, left->plan, right->plan, NULL, NULL, 0, NULL);
	struct bind_scope *both = scope_join(binder, left, right, cross);
	both->parent = parent;
	const struct expression *condition;
	code = bind_join_condition(binder, join, left, right, both, &condition);
	if (code != STATUS_OK)
		return code;
	if (join->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT)
		both->plan = plan_right_join(binder, left->plan, right->plan, condition);
	else
		both->plan =
			plan_make_join(arena, join->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT ? JOIN_LEFT : JOIN_INNER,
				left->plan, right->plan, NULL, NULL, 0, condition);
	*out = join->alias != NULL ? scope_aliased_join(binder, both, join->alias->aliasname) : both;
	return STATUS_OK;
}

/* ---- the clause ---- */

static status bind_from_item(
	struct binder *binder, const sql_node *node, struct bind_scope *parent, struct bind_scope **out)
{
	status code = bind_enter(binder, bind_location(node));
	if (code != STATUS_OK)
		return code;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		code = bind_range_var(binder, node->range_var, out);
		break;
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
		code = bind_range_subselect(binder, node->range_subselect, parent, out);
		break;
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
		code = bind_range_function(binder, node->range_function, out);
		break;
	case PG_QUERY__NODE__NODE_JOIN_EXPR:
		code = bind_join(binder, node->join_expr, parent, out);
		break;
	default:
		code = bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__TABLESAMPLE),
			"Filter by _partition or _offset.", "TABLESAMPLE or XMLTABLE in FROM");
		break;
	}
	bind_leave(binder);
	return code;
}

status bind_from(struct binder *binder, sql_node *const *items, size_t count, struct bind_scope *parent,
	struct bind_scope **out)
{
	struct bind_scope *scope = NULL;
	for (size_t i = 0; i < count; i++) {
		struct bind_scope *item;
		status code = bind_from_item(binder, items[i], parent, &item);
		if (code == STATUS_OK && scope != NULL)
			code = scopes_check_distinct(binder, scope, item);
		if (code != STATUS_OK)
			return code;
		scope = scope == NULL ? item
							  : scope_join(binder, scope, item,
									plan_make_join(binder->arena, JOIN_INNER, scope->plan, item->plan, NULL,
										NULL, 0, NULL));
	}
	if (scope == NULL) {
		scope = bind_scope_of(binder, plan_one_row(binder), "", NULL, 0, 0);
		scope->range_count = 0;
	}
	scope->parent = parent;
	scope->outer_allowed = false;
	*out = scope;
	return STATUS_OK;
}
