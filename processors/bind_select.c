/* One SELECT: the order in which its clauses are bound is PostgreSQL's, the order in which they become plan
 * nodes is that of their meaning.
 *
 *   FROM → WHERE → [PROJECT → AGGREGATE → HAVING] → PROJECT (select list, hidden sort columns) → [DISTINCT] →
 * [SORT] → [LIMIT] → [PROJECT without the hidden ones]
 */
#include "base/invariant.h"
#include "processors/bind.h"

struct select {
	struct bind_scope *scope;
	struct bind_targets targets;
	struct bind_grouping grouping;
	struct bind_subqueries subqueries;
	const struct expression *having;
	struct sort_key *sort_keys;
	size_t sort_key_count;
	bool distinct;
};

/* ---- the select list ---- */

void bind_target_add(struct binder *binder, struct bind_targets *targets, struct bind_target target)
{
	if (targets->count == targets->capacity) {
		size_t capacity = targets->capacity == 0 ? 16 : targets->capacity * 2;
		struct bind_target *items = arena_alloc(binder->arena, capacity * sizeof *items);
		if (targets->count != 0)
			memcpy(items, targets->items, targets->count * sizeof *items);
		targets->items = items;
		targets->capacity = capacity;
	}
	targets->items[targets->count++] = target;
}

static void targets_add_columns(struct binder *binder, const struct bind_scope *scope,
	const struct bind_column *columns, size_t count, int32_t position, struct bind_targets *out)
{
	for (size_t i = 0; i < count; i++) {
		if (columns[i].hidden)
			continue;
		struct expression *column = expression_column(
			binder->arena, columns[i].index, scope->plan->schema.fields[columns[i].index].type);
		column->position = position;
		bind_target_add(binder, out, (struct bind_target){.name = columns[i].name, .expression = column});
	}
}

/* * and t.* */
static status bind_star(struct binder *binder, const struct bind_place *place, const PgQuery__ColumnRef *star,
	struct bind_targets *out)
{
	int32_t position = bind_position(binder, star->location);
	const struct bind_scope *scope = place->scope;
	if (star->n_fields == 1) {
		if (scope->range_count == 0)
			return bind_fail(
				STATUS_SYNTAX, binder, position, "SELECT * with no tables specified is not valid");
		targets_add_columns(binder, scope, scope->names, scope->name_count, position, out);
		return STATUS_OK;
	}
	const char *schema_name;
	const char *alias = sql_qualified_of(star->fields, star->n_fields - 1, &schema_name);
	bool ambiguous;
	const struct bind_range *range = bind_find_range(scope, schema_name, alias, &ambiguous);
	if (ambiguous) {
		(void)bind_fail(STATUS_AMBIGUOUS, binder, position, "table reference \"%s\" is ambiguous", alias);
		error_sqlstate("42P09");
		return STATUS_AMBIGUOUS;
	}
	if (range == NULL)
		return bind_missing_range(binder, scope, alias, star->location);
	targets_add_columns(binder, scope, range->columns, range->column_count, position, out);
	return STATUS_OK;
}

static bool node_is_star(const sql_node *node)
{
	return node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
		   node->column_ref->fields[node->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

/* Of a relation that never has rows, expressions are never evaluated: one that this dialect lacks is null
 * then. psql and drivers ask catalogs of what does not exist here (policies, publications …) with arrays and
 * lateral functions; the answer, no rows, is right whatever they would compute. */
static bool target_is_moot(const struct bind_place *place, status code)
{
	bool lacking = code == STATUS_UNSUPPORTED || code == STATUS_UNKNOWN_FUNCTION;
	return lacking && plan_is_empty(place->scope->plan) &&
		   (place->aggregates == NULL || place->aggregates->count == 0);
}

static status bind_target_expression(struct binder *binder, const struct bind_place *place,
	const sql_node *node, const struct expression **out)
{
	status code = bind_expression(binder, place, node, out);
	if (code == STATUS_OK || !target_is_moot(place, code))
		return code;
	*out = bind_null(binder, type_of(TYPE_TEXT));
	return STATUS_OK;
}

status bind_target_list(struct binder *binder, const struct bind_place *place, sql_node *const *nodes,
	size_t count, struct bind_targets *out)
{
	for (size_t i = 0; i < count; i++) {
		const PgQuery__ResTarget *target = nodes[i]->res_target;
		status code;
		if (node_is_star(target->val)) {
			code = bind_star(binder, place, target->val->column_ref, out);
		} else {
			bool named = target->name != NULL && target->name[0] != '\0';
			struct bind_target bound = {
				.name = named ? target->name : bind_output_name(target->val), .node = target->val};
			code = bind_target_expression(binder, place, target->val, &bound.expression);
			if (code == STATUS_OK)
				bind_target_add(binder, out, bound);
		}
		if (code != STATUS_OK)
			return code;
		if (out->count > SCHEMA_FIELDS_MAX)
			return bind_fail(STATUS_TOO_LARGE, binder, bind_position(binder, target->location),
				"target lists can have at most %d entries", SCHEMA_FIELDS_MAX);
	}
	out->visible_count = out->count;
	return STATUS_OK;
}

static status targets_settle(struct binder *binder, struct bind_targets *targets)
{
	for (size_t i = 0; i < targets->count; i++) {
		status code = bind_settle(binder, targets->items[i].expression, &targets->items[i].expression);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* ---- which target an ORDER BY or GROUP BY item means ---- */

static status target_by_position(struct binder *binder, const struct bind_targets *targets,
	const PgQuery__AConst *constant, const char *clause, int64_t *out)
{
	int32_t position = bind_position(binder, constant->location);
	if (constant->isnull || constant->val_case != PG_QUERY__A__CONST__VAL_IVAL)
		return bind_fail(STATUS_SYNTAX, binder, position, "non-integer constant in %s", clause);
	int32_t number = constant->ival->ival;
	if (number < 1 || (size_t)number > targets->visible_count) {
		(void)bind_fail(
			STATUS_SYNTAX, binder, position, "%s position %d is not in select list", clause, number);
		error_sqlstate("42P10");
		return STATUS_SYNTAX;
	}
	*out = number - 1;
	return STATUS_OK;
}

static bool scope_has_name(const struct bind_scope *scope, const char *name)
{
	for (size_t i = 0; i < scope->name_count; i++) {
		if (strcmp(scope->names[i].name, name) == 0)
			return true;
	}
	return false;
}

status bind_target_find(struct binder *binder, const struct bind_targets *targets,
	const struct bind_scope *scope, const sql_node *node, const char *clause, int64_t *out)
{
	*out = -1;
	if (node->node_case == PG_QUERY__NODE__NODE_A_CONST)
		return target_by_position(binder, targets, node->a_const, clause, out);
	if (node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || node->column_ref->n_fields != 1)
		return STATUS_OK;
	const char *name = sql_string_of(node->column_ref->fields[0]);
	/* GROUP BY prefers a column of the input to an output name, ORDER BY the other way round. */
	if (name == NULL || (strcmp(clause, "GROUP BY") == 0 && scope_has_name(scope, name)))
		return STATUS_OK;
	for (size_t i = 0; i < targets->visible_count; i++) {
		if (strcmp(targets->items[i].name, name) != 0)
			continue;
		if (*out >= 0 && !expression_equal(targets->items[*out].expression, targets->items[i].expression))
			return bind_fail(STATUS_AMBIGUOUS, binder, bind_position(binder, node->column_ref->location),
				"%s \"%s\" is ambiguous", clause, name);
		if (*out < 0)
			*out = (int64_t)i;
	}
	return STATUS_OK;
}

/* ---- GROUP BY ---- */

static status group_add(struct binder *binder, struct select *select, const sql_node *node)
{
	struct bind_place place = {
		.scope = select->scope, .clause = "GROUP BY", .subqueries = &select->subqueries};
	int64_t target;
	const struct expression *group;
	if (node->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
		return bind_unsupported(binder, node->grouping_set->location,
			"Write one view per grouping, or UNION ALL.", "GROUPING SETS, CUBE or ROLLUP");
	if (node->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
		/* GROUP BY (a, b) */
		for (size_t i = 0; i < node->row_expr->n_args; i++) {
			status code = group_add(binder, select, node->row_expr->args[i]);
			if (code != STATUS_OK)
				return code;
		}
		return STATUS_OK;
	}
	status code = bind_target_find(binder, &select->targets, select->scope, node, "GROUP BY", &target);
	if (code != STATUS_OK)
		return code;
	if (target >= 0)
		group = select->targets.items[target].expression;
	else
		code = bind_expression(binder, &place, node, &group);
	if (code == STATUS_OK && expression_uses_columns(group, COLUMN_AGGREGATE, UINT32_MAX))
		code = bind_fail(
			STATUS_GROUPING, binder, group->position, "aggregate functions are not allowed in GROUP BY");
	if (code == STATUS_OK)
		code = bind_settle(binder, group, &group);
	if (code != STATUS_OK)
		return code;
	for (size_t i = 0; i < select->grouping.group_count; i++) {
		if (expression_equal(select->grouping.groups[i], group))
			return STATUS_OK;
	}
	struct expression_list list = {
		select->grouping.groups, select->grouping.group_count, select->grouping.group_count};
	expression_list_add(&list, binder->arena, group);
	select->grouping.groups = list.items;
	select->grouping.group_count = list.count;
	return STATUS_OK;
}

/* ---- ORDER BY ---- */

status bind_sort_key_of(struct binder *binder, const PgQuery__SortBy *sort, struct sort_key *out)
{
	if (sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
		return bind_unsupported(binder, sort->location, "Use ASC or DESC.", "ORDER BY … USING");
	out->descending = sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
	out->nulls_first = sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
						   ? out->descending
						   : sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
	return STATUS_OK;
}

static status sort_target(
	struct binder *binder, struct select *select, const sql_node *node, uint32_t *column)
{
	int64_t target;
	status code = bind_target_find(binder, &select->targets, select->scope, node, "ORDER BY", &target);
	if (code != STATUS_OK)
		return code;
	if (target >= 0) {
		*column = (uint32_t)target;
		return STATUS_OK;
	}
	struct bind_place place = {.scope = select->scope,
		.clause = "ORDER BY",
		.aggregates = &select->grouping.aggregates,
		.subqueries = &select->subqueries};
	const struct expression *expression;
	code = bind_target_expression(binder, &place, node, &expression);
	if (code == STATUS_OK)
		code = bind_settle(binder, expression, &expression);
	if (code != STATUS_OK)
		return code;
	for (size_t i = 0; i < select->targets.count; i++) {
		if (expression_equal(select->targets.items[i].expression, expression)) {
			*column = (uint32_t)i;
			return STATUS_OK;
		}
	}
	if (select->distinct) {
		(void)bind_fail(STATUS_SYNTAX, binder, expression->position,
			"for SELECT DISTINCT, ORDER BY expressions must appear in select list");
		error_sqlstate("42P10");
		return STATUS_SYNTAX;
	}
	*column = (uint32_t)select->targets.count;
	bind_target_add(binder, &select->targets,
		(struct bind_target){.name = bind_output_name(node), .expression = expression, .node = node});
	return STATUS_OK;
}

static status bind_order(struct binder *binder, const PgQuery__SelectStmt *statement, struct select *select)
{
	select->sort_keys =
		arena_alloc_zeroed(binder->arena, statement->n_sort_clause * sizeof *select->sort_keys);
	for (size_t i = 0; i < statement->n_sort_clause; i++) {
		const PgQuery__SortBy *sort = statement->sort_clause[i]->sort_by;
		struct sort_key *key = &select->sort_keys[select->sort_key_count++];
		status code = bind_sort_key_of(binder, sort, key);
		if (code == STATUS_OK)
			code = sort_target(binder, select, sort->node, &key->column);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* ---- LIMIT ---- */

static status bind_count(
	struct binder *binder, const sql_node *node, const char *clause, const struct expression **out)
{
	*out = NULL;
	if (node == NULL || (node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->isnull))
		return STATUS_OK;
	if (binder->for_view)
		return bind_unsupported(binder, bind_location(node),
			"Which rows are first changes as records arrive; put LIMIT into the query that reads the view.",
			"%s in a view", clause);
	struct bind_place place = {.clause = clause};
	const struct expression *count;
	int32_t position = bind_position(binder, bind_location(node));
	if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
		(void)bind_fail(STATUS_SYNTAX, binder, position, "argument of %s must not contain variables", clause);
		error_sqlstate("42P10");
		return STATUS_SYNTAX;
	}
	status code = bind_expression(binder, &place, node, &count);
	if (code != STATUS_OK)
		return code;
	if (count->type.id != TYPE_UNKNOWN && !type_is_numeric(count->type.id))
		return bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"argument of %s must be type bigint, not type %s", clause, type_name(count->type.id));
	code = bind_coerce(binder, count, type_of(TYPE_INT8), CAST_ASSIGNMENT, position, &count);
	if (code != STATUS_OK)
		return code;
	if (count->kind == EXPR_CONSTANT && !count->value.null && count->value.i64 < 0) {
		bool limit = strcmp(clause, "LIMIT") == 0;
		(void)bind_fail(STATUS_INVALID, binder, position, "%s must not be negative", clause);
		error_sqlstate(limit ? "2201W" : "2201X");
		return STATUS_INVALID;
	}
	if (count->kind != EXPR_CONSTANT || !count->value.null)
		*out = count;
	return STATUS_OK;
}

status bind_limit(struct binder *binder, const PgQuery__SelectStmt *select, const struct plan *plan,
	const struct plan **out)
{
	const struct expression *limit, *offset;
	if (select->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES)
		return bind_unsupported(binder, bind_location(select->limit_count), "Use LIMIT.", "WITH TIES");
	status code = bind_count(binder, select->limit_count, "LIMIT", &limit);
	if (code == STATUS_OK)
		code = bind_count(binder, select->limit_offset, "OFFSET", &offset);
	if (code != STATUS_OK)
		return code;
	*out = limit == NULL && offset == NULL ? plan : plan_make_limit(binder->arena, plan, limit, offset);
	return STATUS_OK;
}

/* ---- putting it together ---- */

static status bind_clauses(
	struct binder *binder, const PgQuery__SelectStmt *statement, struct select *select, bool settle)
{
	struct bind_place place = {.scope = select->scope,
		.clause = "the SELECT list",
		.aggregates = &select->grouping.aggregates,
		.subqueries = &select->subqueries};
	status code =
		bind_target_list(binder, &place, statement->target_list, statement->n_target_list, &select->targets);
	if (code == STATUS_OK &&
		(settle || select->distinct || statement->n_group_clause > 0 || statement->n_sort_clause > 0))
		code = targets_settle(binder, &select->targets);
	for (size_t i = 0; i < statement->n_group_clause && code == STATUS_OK; i++)
		code = group_add(binder, select, statement->group_clause[i]);
	if (code == STATUS_OK && statement->having_clause != NULL) {
		place.clause = "HAVING";
		code = bind_condition(binder, &place, statement->having_clause, "HAVING", &select->having);
	}
	/* The order of a view's rows, or of a subquery's, means nothing; it is still checked. */
	if (code == STATUS_OK)
		code = bind_order(binder, statement, select);
	return code;
}

/* From here on expressions are over the aggregate's output. */
static status select_aggregate(struct binder *binder, const PgQuery__SelectStmt *statement,
	struct select *select, const struct plan **plan)
{
	bool grouped =
		statement->n_group_clause > 0 || select->grouping.aggregates.count > 0 || select->having != NULL;
	if (!grouped)
		return STATUS_OK;
	select->grouping.global = statement->n_group_clause == 0;
	for (size_t i = 0; i < select->targets.count; i++) {
		const struct expression **expression = &select->targets.items[i].expression;
		status code = bind_over_groups(binder, select->scope, &select->grouping, *expression, expression);
		if (code != STATUS_OK)
			return code;
	}
	if (select->having != NULL) {
		status code =
			bind_over_groups(binder, select->scope, &select->grouping, select->having, &select->having);
		if (code != STATUS_OK)
			return code;
	}
	return bind_aggregate_plan(binder, select->scope, &select->subqueries, &select->grouping, plan);
}

static status select_project(struct binder *binder, struct select *select, const struct plan **plan)
{
	size_t count = select->targets.count;
	const struct expression **expressions = arena_alloc(binder->arena, (count + 1) * sizeof *expressions);
	const char **names = arena_alloc(binder->arena, count * sizeof *names);
	size_t all = 0;
	for (; all < count; all++) {
		expressions[all] = select->targets.items[all].expression;
		names[all] = select->targets.items[all].name;
	}
	if (select->having != NULL)
		expressions[all++] = select->having;
	for (size_t i = 0; i < select->subqueries.count && select->having != NULL; i++) {
		if (select->subqueries.items[i].kind == ATTACH_NUMBER)
			return bind_unsupported(binder, -1, "Filter in a subquery, and number the rows it gives.",
				"row_number() in a SELECT with HAVING");
	}
	status code = bind_attach(binder, &select->subqueries, plan, expressions, all);
	if (code != STATUS_OK)
		return code;
	if (select->having != NULL && !expression_is_true(expressions[count]))
		*plan = plan_make_filter(binder->arena, *plan, expressions[count]);
	*plan = plan_make_project(binder->arena, *plan, expressions, names, count);
	return STATUS_OK;
}

static const struct plan *plan_first_columns(struct binder *binder, const struct plan *plan, size_t count)
{
	if (plan->schema.field_count == count)
		return plan;
	struct expression_list columns = {0};
	for (uint32_t i = 0; i < count; i++)
		expression_list_add(
			&columns, binder->arena, expression_column(binder->arena, i, plan->schema.fields[i].type));
	return plan_make_project(binder->arena, plan, columns.items, NULL, count);
}

static status select_refuse(struct binder *binder, const PgQuery__SelectStmt *statement)
{
	if (statement->n_window_clause > 0)
		return bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__WINDOW),
			"Use GROUP BY in a subquery and join its result.", "WINDOW");
	if (statement->group_distinct)
		return bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__GROUP_P),
			"Leave DISTINCT out.", "GROUP BY DISTINCT");
	/* DISTINCT is a list of one empty node, DISTINCT ON one of expressions. */
	if (statement->n_distinct_clause > 0 &&
		statement->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET)
		return bind_unsupported(binder, bind_location(statement->distinct_clause[0]),
			"Use GROUP BY with min() or max().", "DISTINCT ON");
	return STATUS_OK;
}

/* SELECT kappa.promote('delays', 2): a function of the catalog alone is the relation it gives. */
static status bind_lone_function(
	struct binder *binder, const PgQuery__SelectStmt *statement, const struct plan **out, bool *done)
{
	*done = false;
	if (statement->n_target_list != 1 || statement->n_from_clause != 0 || statement->where_clause != NULL ||
		statement->n_group_clause != 0 || statement->having_clause != NULL || statement->n_sort_clause != 0 ||
		statement->n_distinct_clause != 0)
		return STATUS_OK;
	const PgQuery__ResTarget *target = statement->target_list[0]->res_target;
	if (target->val->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
		return STATUS_OK;
	const PgQuery__FuncCall *call = target->val->func_call;
	const char *schema_name;
	const char *name = sql_qualified_of(call->funcname, call->n_funcname, &schema_name);
	bool builtin = schema_name == NULL || strcmp(schema_name, "pg_catalog") == 0;
	if (builtin && (function_exists(name) || bind_is_aggregate(name)))
		return STATUS_OK;
	size_t visible;
	status code = bind_relation_function(binder, call, out, &visible);
	if (code == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (code != STATUS_OK)
		return code;
	*out = plan_first_columns(binder, *out, visible);
	if (visible == 1) {
		bool named = target->name != NULL && target->name[0] != '\0';
		const char *names[] = {named ? target->name : name};
		const struct expression *column = expression_column(binder->arena, 0, (*out)->schema.fields[0].type);
		*out = plan_make_project(binder->arena, *out, &column, names, 1);
	}
	*done = true;
	return bind_limit(binder, statement, *out, out);
}

status bind_select_core(struct binder *binder, const PgQuery__SelectStmt *statement,
	struct bind_scope *parent, bool settle, const struct plan **out)
{
	struct select select = {.distinct = statement->n_distinct_clause > 0};
	bool done;
	status code = select_refuse(binder, statement);
	if (code == STATUS_OK)
		code = bind_lone_function(binder, statement, out, &done);
	if (code != STATUS_OK || done)
		return code;
	code = bind_from(binder, statement->from_clause, statement->n_from_clause, parent, &select.scope);
	if (code == STATUS_OK && statement->where_clause != NULL)
		code = bind_where(binder, select.scope, statement->where_clause);
	if (code == STATUS_OK)
		code = bind_clauses(binder, statement, &select, settle);
	if (code != STATUS_OK)
		return code;
	const struct plan *plan = select.scope->plan;
	code = select_aggregate(binder, statement, &select, &plan);
	if (code == STATUS_OK)
		code = select_project(binder, &select, &plan);
	if (code != STATUS_OK)
		return code;
	if (select.distinct)
		plan = plan_make_distinct(binder->arena, plan);
	bool limited = statement->limit_count != NULL || statement->limit_offset != NULL;
	if (select.sort_key_count > 0 && !binder->for_view && (limited || bind_is_top(binder)))
		plan = plan_make_sort(binder->arena, plan, select.sort_keys, select.sort_key_count);
	code = bind_limit(binder, statement, plan, &plan);
	if (code == STATUS_OK)
		*out = plan_first_columns(binder, plan, select.targets.visible_count);
	return code;
}
