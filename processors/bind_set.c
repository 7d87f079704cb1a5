/* UNION [ALL], VALUES, WITH: selects made of selects. */
#include "base/invariant.h"
#include "processors/bind.h"

enum { UNION_ARMS_MAX = 1000 };

/* ---- UNION ---- */

struct union_arms {
	const PgQuery__SelectStmt **items;
	size_t count;
};

static bool select_is_bare_union(const PgQuery__SelectStmt *select)
{
	return select->op == PG_QUERY__SET_OPERATION__SETOP_UNION && select->n_sort_clause == 0 &&
		   select->limit_count == NULL && select->limit_offset == NULL && select->with_clause == NULL;
}

/* a UNION ALL b UNION ALL c leans to the left and is taken apart in a loop, however long. Under a plain
 * UNION, whose result is made distinct anyway, arms of every kind of union may be flattened. */
static status union_collect(struct binder *binder, const PgQuery__SelectStmt *top, struct union_arms *arms)
{
	const PgQuery__SelectStmt **reversed = arena_alloc(binder->arena, UNION_ARMS_MAX * sizeof *reversed);
	size_t count = 0;
	const PgQuery__SelectStmt *at = top;
	while (at == top || (select_is_bare_union(at) && (!top->all || at->all))) {
		if (count + 2 > UNION_ARMS_MAX)
			return bind_fail(
				STATUS_TOO_LARGE, binder, 0, "a UNION can have at most %d parts", UNION_ARMS_MAX);
		reversed[count++] = at->rarg;
		at = at->larg;
	}
	reversed[count++] = at;
	arms->items = arena_alloc(binder->arena, count * sizeof *arms->items);
	arms->count = count;
	for (size_t i = 0; i < count; i++)
		arms->items[i] = reversed[count - 1 - i];
	return STATUS_OK;
}

/* The column as an expression over the arm: a literal itself, so that its text can still become any type. */
static const struct expression *arm_column(struct binder *binder, const struct plan *arm, uint32_t column)
{
	const struct expression *written = arm->kind == PLAN_PROJECT ? arm->project.expressions[column] : NULL;
	if (written != NULL && written->argument_count == 0 && written->kind != EXPR_COLUMN)
		return written;
	struct expression *expression = expression_column(binder->arena, column, arm->schema.fields[column].type);
	if (written != NULL)
		expression->position = written->position;
	return expression;
}

static status union_align(struct binder *binder, const struct plan **arms, size_t arm_count)
{
	size_t count = arms[0]->schema.field_count;
	const struct expression **cells = arena_alloc(binder->arena, arm_count * count * sizeof *cells);
	const struct expression **column = arena_alloc(binder->arena, arm_count * sizeof *column);
	struct type *types = arena_alloc(binder->arena, count * sizeof *types);
	for (uint32_t i = 0; i < count; i++) {
		for (size_t a = 0; a < arm_count; a++)
			column[a] = arm_column(binder, arms[a], i);
		status code = bind_common_type(binder, column, arm_count, "UNION", &types[i]);
		if (code != STATUS_OK)
			return code;
		for (size_t a = 0; a < arm_count; a++)
			cells[a * count + i] = column[a];
	}
	const char **names = arena_alloc(binder->arena, count * sizeof *names);
	for (uint32_t i = 0; i < count; i++)
		names[i] = arms[0]->schema.fields[i].name;
	for (size_t a = 0; a < arm_count; a++)
		arms[a] = plan_make_project(binder->arena, arms[a], cells + a * count, names, count);
	return STATUS_OK;
}

static status bind_union(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	const struct plan **out)
{
	struct union_arms arms = {0};
	status code = union_collect(binder, select, &arms);
	if (code != STATUS_OK)
		return code;
	const struct plan **plans = arena_alloc(binder->arena, arms.count * sizeof *plans);
	for (size_t a = 0; a < arms.count; a++) {
		code = bind_select(binder, arms.items[a], parent, false, &plans[a]);
		if (code != STATUS_OK)
			return code;
		if (plans[a]->schema.field_count != plans[0]->schema.field_count) {
			const PgQuery__SelectStmt *arm = arms.items[a];
			int32_t location = arm->n_target_list > 0 ? arm->target_list[0]->res_target->location : -1;
			return bind_fail(STATUS_SYNTAX, binder, bind_position(binder, location),
				"each UNION query must have the same number of columns");
		}
	}
	code = union_align(binder, plans, arms.count);
	if (code != STATUS_OK)
		return code;
	*out = plan_make_union(binder->arena, plans, arms.count);
	if (!select->all)
		*out = plan_make_distinct(binder->arena, *out);
	return STATUS_OK;
}

/* ---- ORDER BY and LIMIT over a finished result ---- */

static status order_misused(struct binder *binder, const sql_node *node)
{
	(void)bind_fail(STATUS_UNSUPPORTED, binder, bind_position(binder, bind_location(node)),
		"invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
	error_hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
	return STATUS_UNSUPPORTED;
}

static status bind_order_of_result(struct binder *binder, const PgQuery__SelectStmt *select,
	const struct plan *plan, const struct plan **out)
{
	size_t key_count = select->n_sort_clause;
	struct bind_targets targets = {0};
	for (uint32_t i = 0; i < plan->schema.field_count; i++)
		bind_target_add(binder, &targets,
			(struct bind_target){.name = plan->schema.fields[i].name,
				.expression = expression_column(binder->arena, i, plan->schema.fields[i].type)});
	targets.visible_count = targets.count;
	struct sort_key *keys = arena_alloc_zeroed(binder->arena, key_count * sizeof *keys);
	for (size_t i = 0; i < key_count; i++) {
		const PgQuery__SortBy *sort = select->sort_clause[i]->sort_by;
		int64_t target;
		status code = bind_sort_key_of(binder, sort, &keys[i]);
		if (code == STATUS_OK)
			code = bind_target_find(binder, &targets, NULL, sort->node, "ORDER BY", &target);
		if (code != STATUS_OK)
			return code;
		if (target < 0 && sort->node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
			sort->node->column_ref->n_fields == 1)
			return bind_unknown_column(binder, NULL, NULL, sql_string_of(sort->node->column_ref->fields[0]),
				sort->node->column_ref->location);
		if (target < 0)
			return order_misused(binder, sort->node);
		keys[i].column = (uint32_t)target;
	}
	bool limited = select->limit_count != NULL || select->limit_offset != NULL;
	if (key_count > 0 && !binder->for_view && (limited || bind_is_top(binder)))
		plan = plan_make_sort(binder->arena, plan, keys, key_count);
	return bind_limit(binder, select, plan, out);
}

status bind_set_operation(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	const struct plan **out)
{
	const struct plan *plan = NULL;
	bool intersect = select->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT;
	if (select->op != PG_QUERY__SET_OPERATION__SETOP_UNION)
		return bind_unsupported(binder,
			sql_token_location(
				binder->tree, intersect ? PG_QUERY__TOKEN__INTERSECT : PG_QUERY__TOKEN__EXCEPT),
			"Use IN, NOT IN, EXISTS or NOT EXISTS.", "%s", intersect ? "INTERSECT" : "EXCEPT");
	status code = bind_union(binder, select, parent, &plan);
	return code != STATUS_OK ? code : bind_order_of_result(binder, select, plan, out);
}

/* ---- VALUES ---- */

static status values_row(struct binder *binder, struct bind_scope *parent, const PgQuery__List *list,
	const struct expression **row)
{
	struct bind_scope scope = {.parent = parent};
	scope.plan = plan_make_values(binder->arena, &(struct schema){NULL, 0}, NULL, 0);
	struct bind_place place = {.scope = &scope, .clause = "VALUES"};
	for (size_t c = 0; c < list->n_items; c++) {
		status code = bind_expression(binder, &place, list->items[c], &row[c]);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* One type per column. A single row keeps its untyped literals unless `settle`. */
static status values_align(struct binder *binder, const struct expression ***rows, size_t row_count,
	size_t count, bool settle, struct schema *schema)
{
	const struct expression **column = arena_alloc(binder->arena, row_count * sizeof *column);
	*schema = (struct schema){arena_alloc_zeroed(binder->arena, count * sizeof(struct field)), count};
	for (size_t c = 0; c < count; c++) {
		struct field *field = &schema->fields[c];
		field->name = arena_printf(binder->arena, "column%zu", c + 1);
		bool all_unknown = true;
		for (size_t r = 0; r < row_count; r++) {
			column[r] = rows[r][c];
			all_unknown = all_unknown && column[r]->type.id == TYPE_UNKNOWN;
		}
		if (all_unknown && !settle) {
			field->type = type_of(TYPE_UNKNOWN);
			continue;
		}
		status code = bind_common_type(binder, column, row_count, "VALUES", &field->type);
		if (code != STATUS_OK)
			return code;
		for (size_t r = 0; r < row_count; r++)
			rows[r][c] = column[r];
	}
	return STATUS_OK;
}

status bind_values(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	bool settle, const struct plan **out)
{
	size_t row_count = select->n_values_lists;
	size_t count = select->values_lists[0]->list->n_items;
	const struct expression ***rows = arena_alloc(binder->arena, row_count * sizeof *rows);
	for (size_t r = 0; r < row_count; r++) {
		const PgQuery__List *list = select->values_lists[r]->list;
		if (list->n_items != count)
			return bind_fail(STATUS_SYNTAX, binder,
				bind_position(binder, list->n_items > 0 ? bind_location(list->items[0]) : -1),
				"VALUES lists must all be the same length");
		rows[r] = arena_alloc(binder->arena, count * sizeof *rows[r]);
		status code = values_row(binder, parent, list, rows[r]);
		if (code != STATUS_OK)
			return code;
	}
	struct schema schema;
	status code = values_align(binder, rows, row_count, count, settle || row_count > 1, &schema);
	if (code != STATUS_OK)
		return code;
	const struct plan *plan = plan_make_values(binder->arena, &schema, rows, row_count);
	if (row_count == 1 && !settle)
		plan = plan_make_project(binder->arena,
			plan_make_values(binder->arena, &(struct schema){NULL, 0}, rows, 1), rows[0],
			(const char *const *)NULL, count);
	return bind_order_of_result(binder, select, plan, out);
}

/* ---- WITH ---- */

static status bind_with(struct binder *binder, const PgQuery__WithClause *with)
{
	if (with->recursive)
		return bind_unsupported(
			binder, with->location, "Write WITH; a query cannot read its own result.", "WITH RECURSIVE");
	const struct bind_cte *outer = binder->ctes;
	for (size_t i = 0; i < with->n_ctes; i++) {
		const PgQuery__CommonTableExpr *definition = with->ctes[i]->common_table_expr;
		for (const struct bind_cte *other = binder->ctes; other != outer; other = other->visible) {
			if (strcmp(other->name, definition->ctename) == 0) {
				(void)bind_fail(STATUS_AMBIGUOUS, binder, bind_position(binder, definition->location),
					"WITH query name \"%s\" specified more than once", definition->ctename);
				error_sqlstate("42712");
				return STATUS_AMBIGUOUS;
			}
		}
		if (definition->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
			return bind_unsupported(binder, definition->location, "Run it as a statement of its own.",
				"a statement that writes in WITH");
		struct bind_cte *cte = arena_alloc(binder->arena, sizeof *cte);
		*cte =
			(struct bind_cte){.name = definition->ctename, .definition = definition, .visible = binder->ctes};
		binder->ctes = cte;
	}
	return STATUS_OK;
}

status bind_select(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	bool settle, const struct plan **out)
{
	struct binder inner = *binder; /* its CTEs are visible here and below only */
	status code = bind_enter(binder, -1);
	if (code != STATUS_OK)
		return code;
	if (select->into_clause != NULL)
		code = bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__INTO),
			"Use CREATE MATERIALIZED VIEW, or CREATE TABLE and INSERT … SELECT.", "SELECT INTO");
	else if (select->n_locking_clause > 0)
		code = bind_unsupported(binder, sql_token_location(binder->tree, PG_QUERY__TOKEN__FOR),
			"Readers see snapshots; nothing needs a lock.", "FOR UPDATE or FOR SHARE");
	if (code == STATUS_OK && select->with_clause != NULL)
		code = bind_with(&inner, select->with_clause);
	if (code == STATUS_OK && select->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
		code = bind_set_operation(&inner, select, parent, out);
	else if (code == STATUS_OK && select->n_values_lists > 0)
		code = bind_values(&inner, select, parent, settle, out);
	else if (code == STATUS_OK)
		code = bind_select_core(&inner, select, parent, settle, out);
	bind_leave(binder);
	return code;
}
