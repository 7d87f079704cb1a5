/* Subqueries in expressions.
 *
 * As a whole condition of WHERE they are joins, and may be correlated through their own WHERE:
 *
 *   EXISTS (S)         semi join                       NOT EXISTS (S)    anti join
 *   x IN (S)           semi join on x = y              x NOT IN (S)      anti join on x = y, see below
 *
 * x NOT IN (S) is true where no y of S makes x = y true or null. Where neither side can be null that is an
 * anti join; otherwise a correlated one takes "(x = y) is not false" as its condition, and an uncorrelated
 * one keeps the hash join and asks two facts of S besides: is it empty, does it hold a null.
 *
 * As a value they are joined to the plan (bind_attach): a scalar subquery's only row, EXISTS as count(*) > 0,
 * IN by a left join that marks the matches. Of these only scalar subqueries may be correlated, through their
 * WHERE: a left join whose conditions must identify the subquery's row.
 */
#include "base/invariant.h"
#include "processors/bind.h"

/* ---- facts about a subquery's rows ---- */

static const struct expression *column_of(struct binder *binder, const struct plan *plan, uint32_t column)
{
	return expression_column(binder->arena, column, plan->schema.fields[column].type);
}

/* One row of (count(*), count(column 0)). */
static const struct plan *plan_counts(struct binder *binder, const struct plan *plan)
{
	struct aggregate_call calls[2] = {
		{.kind = AGGREGATE_COUNT_STAR, .argument = -1, .filter = -1, .type = type_of(TYPE_INT8)},
		{.kind = AGGREGATE_COUNT, .argument = 0, .filter = -1, .type = type_of(TYPE_INT8)},
	};
	size_t count = plan->schema.field_count > 0 ? 2 : 1;
	return plan_make_aggregate(binder->arena, plan, NULL, 0, calls, count, true);
}

static status count_is_zero(
	struct binder *binder, const struct expression *count, bool zero, const struct expression **out)
{
	struct value nothing = {.type = type_of(TYPE_INT8)};
	const struct expression *sides[] = {count, expression_constant(binder->arena, &nothing)};
	return bind_function(binder, zero ? "=" : ">", sides, 2, 0, out);
}

/* One row of (is it empty, does column 0 hold a null). Made distinct: in a circuit it then changes when the
 * facts do, not whenever a row comes. */
static status plan_facts(struct binder *binder, const struct plan *plan, const struct plan **out)
{
	const struct plan *counts = plan_counts(binder, plan);
	const struct expression *facts[2];
	const struct expression *sides[] = {column_of(binder, counts, 1), column_of(binder, counts, 0)};
	status code = count_is_zero(binder, sides[1], true, &facts[0]);
	if (code == STATUS_OK)
		code = bind_function(binder, "<", sides, 2, 0, &facts[1]);
	if (code != STATUS_OK)
		return code;
	const char *const names[] = {"empty", "has_null"};
	*out = plan_make_distinct(binder->arena, plan_make_project(binder->arena, counts, facts, names, 2));
	return STATUS_OK;
}

/* ---- as values ---- */

static status bind_scalar(struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link,
	const struct expression **out);
static status bind_array(struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link,
	const struct expression **out);

static status sublink_place_check(
	struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link)
{
	if (place->subqueries == NULL)
		return bind_unsupported(
			binder, link->location, "Move it into WHERE, or join it.", "a subquery in %s", place->clause);
	return STATUS_OK;
}

static status bind_exists_value(struct binder *binder, const struct bind_place *place,
	const PgQuery__SubLink *link, const struct expression **out)
{
	const struct plan *plan;
	const struct expression *some;
	status code = bind_select(binder, link->subselect->select_stmt, place->scope, true, &plan);
	if (code != STATUS_OK)
		return code;
	const struct plan *counts = plan_counts(binder, plan);
	code = count_is_zero(binder, column_of(binder, counts, 0), false, &some);
	if (code != STATUS_OK)
		return code;
	plan = plan_make_project(binder->arena, counts, &some, (const char *const[]){"exists"}, 1);
	*out = bind_attached(binder, place, (struct bind_subquery){.plan = plan}, NULL, 0, type_of(TYPE_BOOL));
	return STATUS_OK;
}

/* x and y of x IN (SELECT y …), cast to what "=" compares. */
static status membership_cast(
	struct binder *binder, const struct expression **subject, const struct plan **plan, int32_t position)
{
	enum type_id types[] = {(*subject)->type.id, (*plan)->schema.fields[0].type.id};
	const struct function *equals;
	const struct expression *column = column_of(binder, *plan, 0);
	status code = function_resolve("=", types, 2, &equals);
	if (code != STATUS_OK)
		return bind_positioned(code, position);
	code = bind_coerce(binder, *subject, type_of(function_argument_type(equals, 0, types[0])), CAST_IMPLICIT,
		position, subject);
	if (code == STATUS_OK)
		code = bind_coerce(binder, column, type_of(function_argument_type(equals, 1, types[1])),
			CAST_IMPLICIT, position, &column);
	if (code == STATUS_OK && column->kind != EXPR_COLUMN)
		*plan = plan_make_project(binder->arena, *plan, &column, NULL, 1);
	return code;
}

/* The matches, once each, with a column that is true. */
static const struct plan *plan_matches(struct binder *binder, const struct plan *plan)
{
	const struct expression *column = column_of(binder, plan, 0);
	const struct plan *known =
		plan_make_filter(binder->arena, plan, bind_test(binder, TEST_NOT_NULL, column));
	const struct plan *distinct = plan_make_distinct(binder->arena, known);
	const struct expression *columns[] = {column, bind_boolean_constant(binder, true)};
	return plan_make_project(binder->arena, distinct, columns, (const char *const[]){"value", "matches"}, 2);
}

/* CASE WHEN matched THEN true WHEN empty THEN false WHEN x IS NULL OR has_null THEN NULL ELSE false END */
static status bind_in_value(struct binder *binder, const struct bind_place *place,
	const PgQuery__SubLink *link, const struct expression **out)
{
	struct arena *arena = binder->arena;
	const struct expression *subject;
	const struct plan *plan, *facts;
	int32_t position = bind_position(binder, link->location);
	status code = bind_expression(binder, place, link->testexpr, &subject);
	if (code == STATUS_OK)
		code = bind_select(binder, link->subselect->select_stmt, place->scope, true, &plan);
	if (code != STATUS_OK)
		return code;
	if (plan->schema.field_count != 1)
		return bind_fail(STATUS_SYNTAX, binder, position, "subquery has too %s columns",
			plan->schema.field_count == 0 ? "few" : "many");
	code = membership_cast(binder, &subject, &plan, position);
	if (code == STATUS_OK)
		code = plan_facts(binder, plan, &facts);
	if (code != STATUS_OK)
		return code;
	uint32_t match = bind_subquery_add(binder, place->subqueries,
		(struct bind_subquery){.kind = ATTACH_MEMBERSHIP, .plan = plan_matches(binder, plan), .column = 1});
	uint32_t empty = bind_subquery_add(binder, place->subqueries, (struct bind_subquery){.plan = facts});
	uint32_t has_null =
		bind_subquery_add(binder, place->subqueries, (struct bind_subquery){.plan = facts, .column = 1});
	struct type boolean = type_of(TYPE_BOOL);
	/* It carries x as its argument, so that what rewrites expressions reaches it. */
	const struct expression *matched = bind_attached_column(binder, match, &subject, 1, boolean);
	const struct expression *undecided[] = {
		bind_test(binder, TEST_NULL, subject), expression_column(arena, COLUMN_SUBQUERY + has_null, boolean)};
	const struct expression *arguments[] = {bind_test(binder, TEST_TRUE, matched),
		bind_boolean_constant(binder, true), expression_column(arena, COLUMN_SUBQUERY + empty, boolean),
		bind_boolean_constant(binder, false), bind_combine(binder, EXPR_OR, undecided, 2),
		bind_null(binder, boolean), bind_boolean_constant(binder, false)};
	*out = expression_of(arena, EXPR_CASE, boolean, arguments, 7);
	return STATUS_OK;
}

static bool sublink_is(const PgQuery__SubLink *link, PgQuery__SubLinkType type, const char *operation)
{
	const char *schema_name;
	if (link->sub_link_type != type)
		return false;
	if (link->n_oper_name == 0)
		return strcmp(operation, "=") == 0;
	return strcmp(sql_qualified_of(link->oper_name, link->n_oper_name, &schema_name), operation) == 0;
}

static status sublink_refuse(struct binder *binder, const PgQuery__SubLink *link)
{
	if (link->testexpr != NULL && link->testexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR)
		return bind_unsupported(
			binder, link->location, "Use EXISTS with a condition per column.", "a comparison of rows");
	return bind_unsupported(binder, link->location, "Compare with min() or max() of the subquery.",
		"ANY or ALL with this operator");
}

static bool testexpr_is_plain(const PgQuery__SubLink *link)
{
	return link->testexpr != NULL && link->testexpr->node_case != PG_QUERY__NODE__NODE_ROW_EXPR;
}

status bind_sublink(struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link,
	const struct expression **out)
{
	status code = sublink_place_check(binder, place, link);
	if (code != STATUS_OK)
		return code;
	if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
		return bind_scalar(binder, place, link, out);
	if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
		return bind_array(binder, place, link, out);
	if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
		return bind_exists_value(binder, place, link, out);
	bool in = sublink_is(link, PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK, "=");
	bool not_in = sublink_is(link, PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK, "<>");
	if ((!in && !not_in) || !testexpr_is_plain(link))
		return sublink_refuse(binder, link);
	code = bind_in_value(binder, place, link, out);
	if (code == STATUS_OK && not_in)
		*out = bind_combine(binder, EXPR_NOT, out, 1);
	return code;
}

/* ---- as conditions: semi and anti joins ---- */

struct semi_join {
	struct binder *binder;
	struct bind_scope *outer;
	const PgQuery__SubLink *link;
	bool anti, membership, scalar;
	const struct plan *plan;           /* the subquery's side */
	struct expression_list correlated; /* over its columns and COLUMN_OUTER */
	const struct expression *subject;  /* x, over the outer columns */
	uint32_t column;                   /* y in plan */
};

/* May its WHERE be taken apart, each condition into the join or below it? */
static bool select_is_simple(const PgQuery__SelectStmt *select)
{
	return select->op == PG_QUERY__SET_OPERATION__SETOP_NONE && select->n_values_lists == 0 &&
		   select->n_group_clause == 0 && select->having_clause == NULL && select->limit_count == NULL &&
		   select->limit_offset == NULL && select->n_window_clause == 0 && select->with_clause == NULL &&
		   select->into_clause == NULL && select->n_locking_clause == 0 && select->n_distinct_clause == 0;
}

static status semi_condition(
	struct semi_join *semi, struct bind_scope *inner, const sql_node *node, struct expression_list *local)
{
	struct binder *binder = semi->binder;
	struct bind_subqueries subqueries = {0};
	struct bind_place place = {.scope = inner, .clause = "WHERE", .subqueries = &subqueries};
	const struct expression *condition;
	bool done;
	status code = bind_semi_join(binder, inner, node, &done);
	if (code != STATUS_OK || done)
		return code;
	inner->outer_allowed = true;
	code = bind_condition(binder, &place, node, "WHERE", &condition);
	inner->outer_allowed = false;
	if (code != STATUS_OK)
		return code;
	bool correlated = expression_uses_columns(condition, COLUMN_OUTER, COLUMN_SUBQUERY);
	if (correlated && subqueries.count > 0)
		return bind_unsupported(binder, bind_location(node), "Write a join.",
			"a correlated condition that itself has a subquery");
	if (!correlated)
		code = bind_attach(binder, &subqueries, &inner->plan, &condition, 1);
	if (code == STATUS_OK)
		expression_list_add_conjuncts(correlated ? &semi->correlated : local, binder->arena, condition);
	return code;
}

static status semi_where(struct semi_join *semi, struct bind_scope *inner, const sql_node *where)
{
	struct expression_list local = {0};
	status code = STATUS_OK;
	bool conjunction = where != NULL && where->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
					   where->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
	if (conjunction) {
		for (size_t i = 0; i < where->bool_expr->n_args && code == STATUS_OK; i++)
			code = semi_condition(semi, inner, where->bool_expr->args[i], &local);
	} else if (where != NULL) {
		code = semi_condition(semi, inner, where, &local);
	}
	if (code != STATUS_OK)
		return code;
	if (local.count > 0)
		inner->plan = plan_make_filter(
			semi->binder->arena, inner->plan, expression_and(semi->binder->arena, local.items, local.count));
	return STATUS_OK;
}

static status semi_column_count(struct semi_join *semi, size_t count)
{
	if ((!semi->membership && !semi->scalar) || count == 1)
		return STATUS_OK;
	if (semi->scalar)
		return bind_fail(STATUS_SYNTAX, semi->binder, bind_position(semi->binder, semi->link->location),
			"subquery must return only one column");
	return bind_fail(STATUS_SYNTAX, semi->binder, bind_position(semi->binder, semi->link->location),
		"subquery has too %s columns", count == 0 ? "few" : "many");
}

/* FROM and WHERE of a simple select; *simple = false when it turns out to aggregate. */
static status semi_simple_side(struct semi_join *semi, const PgQuery__SelectStmt *select, bool *simple)
{
	struct binder *binder = semi->binder;
	struct bind_scope *inner;
	struct bind_targets targets = {0};
	struct bind_aggregates aggregates = {0};
	struct bind_subqueries subqueries = {0};
	status code = bind_from(binder, select->from_clause, select->n_from_clause, semi->outer, &inner);
	if (code == STATUS_OK)
		code = semi_where(semi, inner, select->where_clause);
	struct bind_place place = {
		.scope = inner, .clause = "the SELECT list", .aggregates = &aggregates, .subqueries = &subqueries};
	if (code == STATUS_OK)
		code = bind_target_list(binder, &place, select->target_list, select->n_target_list, &targets);
	*simple = aggregates.count == 0;
	if (code != STATUS_OK || !*simple)
		return code;
	code = semi_column_count(semi, targets.visible_count);
	if (code != STATUS_OK)
		return code;
	semi->plan = inner->plan;
	if (!semi->membership && !semi->scalar)
		return STATUS_OK;
	const struct expression *value;
	code = bind_settle(binder, targets.items[0].expression, &value);
	if (code == STATUS_OK)
		code = bind_attach(binder, &subqueries, &semi->plan, &value, 1);
	if (code != STATUS_OK)
		return code;
	struct expression_list columns = {0};
	semi->column = (uint32_t)semi->plan->schema.field_count;
	for (uint32_t i = 0; i < semi->column; i++)
		expression_list_add(&columns, binder->arena, column_of(binder, semi->plan, i));
	expression_list_add(&columns, binder->arena, value);
	semi->plan = plan_make_project(binder->arena, semi->plan, columns.items, NULL, columns.count);
	return STATUS_OK;
}

static status semi_side(struct semi_join *semi)
{
	const PgQuery__SelectStmt *select = semi->link->subselect->select_stmt;
	bool simple = select_is_simple(select);
	if (simple) {
		status code = semi_simple_side(semi, select, &simple);
		if (code != STATUS_OK || simple)
			return code;
		semi->correlated = (struct expression_list){0};
	}
	semi->column = 0;
	status code = bind_select(semi->binder, select, semi->outer, true, &semi->plan);
	return code != STATUS_OK ? code : semi_column_count(semi, semi->plan->schema.field_count);
}

/* COLUMN_OUTER + i is column i of the left side, the subquery's own columns come after the left ones. */
static const struct expression *replace_outer(
	struct expression_rewriter *rewriter, const struct expression *expression)
{
	const uint32_t *left_count = rewriter->context;
	if (expression->kind != EXPR_COLUMN)
		return NULL;
	uint32_t column = expression->column >= COLUMN_OUTER ? expression->column - COLUMN_OUTER
														 : expression->column + *left_count;
	struct expression *copy = expression_column(rewriter->arena, column, expression->type);
	copy->position = expression->position;
	return copy;
}

/* Adds x = y to the join's conditions, or for NOT IN what keeps three-valued logic; *facts if S must be asked
 * more. */
static status semi_membership(
	struct semi_join *semi, struct expression_list *conditions, const struct plan **facts)
{
	struct binder *binder = semi->binder;
	struct arena *arena = binder->arena;
	const struct plan *left = semi->outer->plan;
	uint32_t left_count = (uint32_t)left->schema.field_count;
	const struct field *field = &semi->plan->schema.fields[semi->column];
	const struct expression *equality,
		*sides[] = {semi->subject, expression_column(arena, left_count + semi->column, field->type)};
	status code =
		bind_function(binder, "=", sides, 2, bind_position(binder, semi->link->location), &equality);
	if (code != STATUS_OK)
		return code;
	bool never_null = field->not_null && expression_is_not_null(semi->subject, &left->schema);
	if (!semi->anti || never_null) {
		expression_list_add(conditions, arena, equality);
		return STATUS_OK;
	}
	if (semi->correlated.count > 0) {
		expression_list_add(conditions, arena, bind_test(binder, TEST_NOT_FALSE, equality));
		return STATUS_OK;
	}
	expression_list_add(conditions, arena, equality);
	const struct expression *value = column_of(binder, semi->plan, semi->column);
	return plan_facts(binder, plan_make_project(arena, semi->plan, &value, NULL, 1), facts);
}

/* WHERE empty OR (x IS NOT NULL AND NOT has_null) */
static void semi_ask_facts(struct semi_join *semi, const struct plan *facts)
{
	struct binder *binder = semi->binder;
	uint32_t base = (uint32_t)semi->outer->plan->schema.field_count;
	struct type boolean = type_of(TYPE_BOOL);
	const struct expression *empty = expression_column(binder->arena, base, boolean);
	const struct expression *has_null = expression_column(binder->arena, base + 1, boolean);
	const struct expression *known[] = {
		bind_test(binder, TEST_NOT_NULL, semi->subject), bind_combine(binder, EXPR_NOT, &has_null, 1)};
	const struct expression *either[] = {empty, bind_combine(binder, EXPR_AND, known, 2)};
	const struct plan *joined =
		plan_make_join(binder->arena, JOIN_INNER, semi->outer->plan, facts, NULL, NULL, 0, NULL);
	semi->outer->plan = plan_make_filter(binder->arena, joined, bind_combine(binder, EXPR_OR, either, 2));
}

static status semi_bind(struct semi_join *semi)
{
	struct binder *binder = semi->binder;
	struct bind_subqueries none = {0};
	status code = STATUS_OK;
	if (semi->membership) {
		struct bind_place place = {.scope = semi->outer, .clause = "WHERE", .subqueries = &none};
		code = bind_expression(binder, &place, semi->link->testexpr, &semi->subject);
		if (code == STATUS_OK)
			code = bind_attach(binder, &none, &semi->outer->plan, &semi->subject, 1);
	}
	if (code == STATUS_OK)
		code = semi_side(semi);
	if (code != STATUS_OK)
		return code;
	uint32_t left_count = (uint32_t)semi->outer->plan->schema.field_count;
	struct expression_rewriter rewriter = {replace_outer, binder->arena, &left_count, false};
	struct expression_list conditions = {0};
	const struct plan *facts = NULL;
	for (size_t i = 0; i < semi->correlated.count; i++)
		expression_list_add(
			&conditions, binder->arena, expression_rewrite(&rewriter, semi->correlated.items[i]));
	if (semi->membership)
		code = semi_membership(semi, &conditions, &facts);
	if (code != STATUS_OK)
		return code;
	semi->outer->plan = plan_make_join(binder->arena, semi->anti ? JOIN_ANTI : JOIN_SEMI, semi->outer->plan,
		semi->plan, NULL, NULL, 0, expression_and(binder->arena, conditions.items, conditions.count));
	if (facts != NULL)
		semi_ask_facts(semi, facts);
	return STATUS_OK;
}

status bind_semi_join(struct binder *binder, struct bind_scope *scope, const sql_node *condition, bool *done)
{
	struct semi_join semi = {.binder = binder, .outer = scope};
	*done = false;
	if (condition->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
		condition->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR) {
		semi.anti = true;
		condition = condition->bool_expr->args[0];
	}
	if (condition->node_case != PG_QUERY__NODE__NODE_SUB_LINK)
		return STATUS_OK;
	const PgQuery__SubLink *link = condition->sub_link;
	semi.link = link;
	if (sublink_is(link, PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK, "<>")) {
		semi.anti = !semi.anti;
		semi.membership = true;
	} else if (sublink_is(link, PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK, "=")) {
		semi.membership = true;
	} else if (link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) {
		return STATUS_OK;
	}
	if (semi.membership && !testexpr_is_plain(link))
		return STATUS_OK;
	*done = true;
	status code = bind_enter(binder, link->location);
	if (code != STATUS_OK)
		return code;
	code = semi_bind(&semi);
	bind_leave(binder);
	return code;
}

/* ---- scalar subqueries ---- */

static bool is_outer(const struct expression *expression)
{
	return !expression_uses_columns(expression, 0, COLUMN_OUTER);
}

/* Do the correlated conditions say what the column is, for each row outside? */
static bool scalar_fixes_column(const struct semi_join *semi, uint32_t column)
{
	for (size_t i = 0; i < semi->correlated.count; i++) {
		const struct expression *condition = semi->correlated.items[i];
		for (size_t side = 0; side < 2 && expression_is_operator(condition, "="); side++) {
			const struct expression *inner = condition->arguments[side];
			while (inner->kind == EXPR_CALL && (inner->function->flags & FUNCTION_RELABEL) != 0)
				inner = inner->arguments[0];
			if (inner->kind == EXPR_COLUMN && inner->column == column &&
				is_outer(condition->arguments[1 - side]))
				return true;
		}
	}
	return false;
}

static bool scalar_is_one_row(const struct semi_join *semi)
{
	bool one_row = semi->plan->has_key;
	for (size_t k = 0; k < semi->plan->key_count && one_row; k++)
		one_row = scalar_fixes_column(semi, semi->plan->key_columns[k]);
	return one_row || plan_is_empty(semi->plan);
}

/* The outer columns of the conditions become the attached column's arguments: what rewrites expressions
 * reaches them there. */
static const struct expression *scalar_lookup(
	struct semi_join *semi, const struct bind_place *place, struct type type)
{
	struct binder *binder = semi->binder;
	uint32_t outer_count = (uint32_t)place->scope->plan->schema.field_count;
	uint8_t *used = arena_alloc_zeroed(binder->arena, outer_count + (size_t)1);
	for (uint32_t i = 0; i < outer_count; i++) {
		for (size_t c = 0; c < semi->correlated.count; c++)
			used[i] |=
				expression_uses_columns(semi->correlated.items[c], COLUMN_OUTER + i, COLUMN_OUTER + i + 1);
	}
	struct expression_list subjects = {0};
	uint32_t *map = arena_alloc(binder->arena, (outer_count + (size_t)1) * sizeof *map);
	for (uint32_t i = 0; i < outer_count; i++) {
		map[i] = (uint32_t)subjects.count;
		if (used[i])
			expression_list_add(&subjects, binder->arena, column_of(binder, place->scope->plan, i));
	}
	struct bind_subquery subquery = {.kind = ATTACH_LOOKUP, .plan = semi->plan, .column = semi->column};
	const struct expression *condition =
		expression_and(binder->arena, semi->correlated.items, semi->correlated.count);
	subquery.condition = bind_renumber_outer(binder, condition, map);
	return bind_attached(binder, place, subquery, subjects.items, subjects.count, type);
}

static status bind_scalar_plan(struct binder *binder, const struct bind_place *place,
	const PgQuery__SubLink *link, const struct plan *plan, const struct expression **out)
{
	if (!plan->has_key || plan->key_count != 0)
		return bind_unsupported(binder, link->location,
			"Aggregate it (max(…)), compare its key, or add LIMIT 1, so that it gives one row at most.",
			"a scalar subquery that may give several rows");
	*out = bind_attached(
		binder, place, (struct bind_subquery){.plan = plan}, NULL, 0, plan->schema.fields[0].type);
	return STATUS_OK;
}

/* ARRAY(SELECT …): only of what is known to be empty, as in psql's queries. */
static status bind_array(struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link,
	const struct expression **out)
{
	const PgQuery__SelectStmt *select = link->subselect->select_stmt;
	const sql_node *from = select->n_from_clause == 1 ? select->from_clause[0] : NULL;
	if (from != NULL && from->node_case == PG_QUERY__NODE__NODE_RANGE_FUNCTION &&
		select->where_clause == NULL) {
		const sql_node *call = from->range_function->functions[0]->list->items[0];
		const char *schema_name;
		if (call->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && call->func_call->n_args == 1 &&
			strcmp(sql_qualified_of(call->func_call->funcname, call->func_call->n_funcname, &schema_name),
				"unnest") == 0) {
			const struct expression *array;
			status code = bind_expression(binder, place, call->func_call->args[0], &array);
			return code != STATUS_OK ? code
									 : bind_function(binder, "unnest", &array, 1,
										   bind_position(binder, link->location), out);
		}
	}
	struct semi_join semi = {.binder = binder, .outer = place->scope, .link = link, .scalar = true};
	status code = semi_side(&semi);
	if (code != STATUS_OK)
		return code;
	if (!plan_is_empty(semi.plan))
		return bind_unsupported(binder, link->location, "Use one row per element.", "ARRAY(SELECT …)");
	struct value empty = {.type = type_of(TYPE_TEXT), .text = {.data = "{}", .size = 2}};
	*out = expression_constant(binder->arena, &empty);
	return STATUS_OK;
}

static status bind_scalar(struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link,
	const struct expression **out)
{
	struct semi_join semi = {.binder = binder, .outer = place->scope, .link = link, .scalar = true};
	status code = semi_side(&semi);
	if (code != STATUS_OK)
		return code;
	const struct expression *value = column_of(binder, semi.plan, semi.column);
	if (semi.correlated.count == 0) {
		const struct plan *plan = plan_make_project(binder->arena, semi.plan, &value, NULL, 1);
		return bind_scalar_plan(binder, place, link, plan, out);
	}
	if (!scalar_is_one_row(&semi))
		return bind_unsupported(binder, link->location,
			"Compare all columns of its key with the enclosing query, or write a LEFT JOIN with GROUP BY.",
			"a correlated scalar subquery that may give several rows");
	*out = scalar_lookup(&semi, place, value->type);
	return STATUS_OK;
}

/* ---- WHERE ---- */

/* The simplifier moves plain conditions below the joins. */
status bind_where(struct binder *binder, struct bind_scope *scope, const sql_node *where)
{
	bool conjunction = where->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
					   where->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
	size_t count = conjunction ? where->bool_expr->n_args : 1;
	struct bind_subqueries subqueries = {0};
	struct bind_place place = {.scope = scope, .clause = "WHERE", .subqueries = &subqueries};
	struct expression_list conditions = {0};
	for (size_t i = 0; i < count; i++) {
		const sql_node *node = conjunction ? where->bool_expr->args[i] : where;
		const struct expression *condition;
		bool joined;
		status code = bind_semi_join(binder, scope, node, &joined);
		if (code == STATUS_OK && !joined) {
			code = bind_condition(binder, &place, node, conjunction ? "AND" : "WHERE", &condition);
			if (code == STATUS_OK)
				expression_list_add_conjuncts(&conditions, binder->arena, condition);
		}
		if (code != STATUS_OK)
			return code;
	}
	status code = bind_attach(binder, &subqueries, &scope->plan, conditions.items, conditions.count);
	if (code != STATUS_OK)
		return code;
	const struct expression *all = expression_and(binder->arena, conditions.items, conditions.count);
	if (all != NULL)
		scope->plan = plan_make_filter(binder->arena, scope->plan, all);
	return STATUS_OK;
}
