/* The binder: trees and names in, typed plans out. Internal to bind*.c.
 *
 * A FROM clause is a plan whose columns are those of all its relations side by side; a scope says which names
 * reach which of them. Expressions are bound against a scope. What cannot be said by a column of the FROM
 * plan yet gets a column number from one of three ranges, resolved before the plan is handed on:
 *
 *   COLUMN_AGGREGATE + i   the i-th aggregate call of the select; becomes a column of the AGGREGATE
 *   COLUMN_SUBQUERY + i    the i-th subquery used as a value; joined to the plan when the expression is
 * placed COLUMN_OUTER + i       column i of the enclosing query, in the condition of a semi or anti join
 */
#ifndef KAPPA_PROCESSORS_BIND_H
#define KAPPA_PROCESSORS_BIND_H

#include "processors/plan_build.h"
#include "processors/sql_internal.h"

enum {
	COLUMN_OUTER = 0x10000000,
	COLUMN_SUBQUERY = 0x20000000,
	COLUMN_AGGREGATE = 0x40000000,
	BIND_WORK_MAX = 500000,   /* nodes bound for one statement, views and CTEs expanded */
	BIND_RELATIONS_MAX = 100, /* in one FROM */
};

/* Shared by all levels and views of one statement. */
struct bind_limits {
	uint32_t depth;
	uint32_t work;
};

struct bind_cte {
	const char *name;
	const PgQuery__CommonTableExpr *definition;
	const struct bind_cte *visible; /* the CTEs it may name: those before it, and outer ones */
};

/* What one text (the statement's, or a view's definition) is bound with. A copy with changed fields binds
 * parts of it. */
struct binder {
	struct arena *arena;
	struct sql_catalog *catalog;
	const struct sql_tree *tree;
	struct sql_parameters *parameters; /* NULL: none may occur */
	struct bind_limits *limits;
	const struct bind_cte *ctes; /* visible, innermost first */
	bool for_view;               /* bound for a circuit: views are expanded */
	bool expanded;          /* inside another view's definition: positions would point into the wrong text */
	struct bind_uses *uses; /* NULL: not collected */
	const struct bind_expansion *expansions;
};

/* The views being expanded, innermost first: a view cannot be defined by itself. */
struct bind_expansion {
	const char *name;
	int64_t version;
	const struct bind_expansion *outer;
};

struct bind_uses {
	struct sql_use *items;
	size_t count, capacity;
};

struct bind_column {
	const char *name;
	uint32_t index;
	bool hidden; /* not in * */
};

/* A relation in FROM, as names reach it. */
struct bind_range {
	const char *alias;         /* what qualifies its columns */
	const char *relation_name; /* under the alias; NULL for anything but a relation */
	const char *schema_name;   /* of a relation without alias; else NULL */
	int64_t version;           /* as written, of a relation without alias */
	struct bind_column *columns;
	size_t column_count;
	bool unreachable; /* inside of an aliased join */
};

struct bind_scope {
	struct bind_scope *parent; /* the enclosing query's, for correlation */
	bool outer_allowed;        /* may names reach the parent now? */
	const struct plan *plan;
	struct bind_range *ranges;
	size_t range_count;
	struct bind_column *names; /* what unqualified names and * see: merged columns of USING once */
	size_t name_count;
};

struct bind_aggregate {
	enum aggregate_kind kind;
	const struct expression *argument; /* NULL for count(*) */
	const struct expression *filter;   /* NULL = none */
	bool distinct;
	struct type type;
};

struct bind_aggregates {
	struct bind_aggregate *items;
	size_t count, capacity;
};

/* What an expression takes from outside the FROM plan: a subquery's value and its like. It is joined to the
 * plan, and its column stands behind the plan's own. In the expression it is an attached column
 * (COLUMN_SUBQUERY
 * + its index) whose arguments are over the FROM plan, so that what rewrites expressions reaches them. */
enum bind_attachment {
	ATTACH_ROW,        /* column `column` of the plan's only row, null without a row */
	ATTACH_MEMBERSHIP, /* `column` of the row whose first column equals argument 0, null without one */
	ATTACH_LOOKUP,     /* `column` of the one row for which the condition holds, null without one */
	ATTACH_EXPANSION,  /* the same, each row once per row for which the condition holds */
	ATTACH_NUMBER,     /* row_number(): the first `partition_count` arguments are PARTITION BY */
};

struct bind_subquery {
	enum bind_attachment kind;
	const struct plan *plan; /* not of ATTACH_NUMBER */
	uint32_t column;
	/* Over the plan's columns; COLUMN_OUTER + i is argument i of the attached column. */
	const struct expression *condition;
	size_t partition_count;
	struct sort_key *sort_keys; /* per argument; columns are not set */
};

struct bind_subqueries {
	struct bind_subquery *items;
	size_t count, capacity;
};

/* Where an expression stands: what it may refer to and what an error calls it. */
struct bind_place {
	struct bind_scope *scope;
	const char *clause;                 /* "WHERE", "JOIN conditions", "GROUP BY"… */
	struct bind_aggregates *aggregates; /* NULL: aggregates are not allowed here */
	struct bind_subqueries *subqueries; /* NULL: subqueries are not allowed here */
	bool in_aggregate;
};

/* ---- errors and limits ---- */

int32_t bind_position(const struct binder *binder, int32_t location);
status bind_fail(status code, const struct binder *binder, int32_t position, const char *format, ...)
	PRINTF_LIKE(4, 5);
status bind_unsupported(const struct binder *binder, int32_t location, const char *hint, const char *format,
	...) PRINTF_LIKE(4, 5);
/* The current error gets this position unless it has one. */
status bind_positioned(status code, int32_t position);
/* One level deeper; bind_leave() undoes it. TOO_LARGE. */
status bind_enter(struct binder *binder, int32_t location) MUST_USE;
void bind_leave(struct binder *binder);
/* Is the select being bound the statement itself, not part of one? The order of its rows is then seen. */
bool bind_is_top(const struct binder *binder);
/* Where a tree begins, for errors; −1 = unknown. */
int32_t bind_location(const sql_node *node);

/* ---- expressions (bind_expression.c, bind_operator.c, bind_call.c, bind_constant.c) ---- */

status bind_expression(struct binder *binder, const struct bind_place *place, const sql_node *node,
	const struct expression **out) MUST_USE;
/* The same, as a boolean; `what` names the argument in the error ("WHERE", "AND", "CASE/WHEN"). */
status bind_condition(struct binder *binder, const struct bind_place *place, const sql_node *node,
	const char *what, const struct expression **out) MUST_USE;
status bind_constant(
	struct binder *binder, const PgQuery__AConst *constant, const struct expression **out) MUST_USE;
status bind_parameter(
	struct binder *binder, const PgQuery__ParamRef *reference, const struct expression **out) MUST_USE;
status bind_cast(struct binder *binder, const struct bind_place *place, const PgQuery__TypeCast *cast,
	const struct expression **out) MUST_USE;
status bind_operator(struct binder *binder, const struct bind_place *place, const PgQuery__AExpr *expression,
	const struct expression **out) MUST_USE;
status bind_call(struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call,
	const struct expression **out) MUST_USE;
status bind_aggregate_call(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const char *name, const struct expression **out) MUST_USE;
/* Is it the name of an aggregate, one we have or one we know of? */
bool bind_is_aggregate(const char *name);
status bind_case(struct binder *binder, const struct bind_place *place, const PgQuery__CaseExpr *expression,
	const struct expression **out) MUST_USE;
/* COALESCE, GREATEST, LEAST. */
status bind_common_call(struct binder *binder, const struct bind_place *place, enum expression_kind kind,
	const char *name, sql_node *const *nodes, size_t count, int32_t location,
	const struct expression **out) MUST_USE;
status bind_column(struct binder *binder, const struct bind_place *place, const PgQuery__ColumnRef *reference,
	const struct expression **out) MUST_USE;
status bind_sublink(struct binder *binder, const struct bind_place *place, const PgQuery__SubLink *link,
	const struct expression **out) MUST_USE;

/* ---- what tools ask of PostgreSQL's catalogs (bind_catalog.c, bind_window.c) ---- */

/* A function that looks something up by an object's id (pg_get_viewdef, pg_get_indexdef …), or
 * _pg_expandarray: *done = false if it is neither. */
status bind_catalog_call(struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call,
	const char *schema_name, const char *name, bool *done, const struct expression **out) MUST_USE;
/* x::regclass and its relatives; *done = false for other types. */
status bind_catalog_cast(struct binder *binder, const struct bind_place *place, const PgQuery__TypeCast *cast,
	bool *done, const struct expression **out) MUST_USE;
/* vector[i], (record).x */
status bind_indirection(struct binder *binder, const struct bind_place *place,
	const PgQuery__AIndirection *indirection, const struct expression **out) MUST_USE;
/* row_number() OVER (…) */
status bind_window_call(struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call,
	const char *name, const struct expression **out) MUST_USE;

/* A call of the registered function, its arguments cast as it needs; folded when constant. */
status bind_function(struct binder *binder, const char *name, const struct expression *const *arguments,
	size_t count, int32_t position, const struct expression **out) MUST_USE;
/* The cast; input syntax for untyped literals, inference for parameters. */
status bind_coerce(struct binder *binder, const struct expression *expression, struct type to,
	enum cast_context context, int32_t position, const struct expression **out) MUST_USE;
/* Untyped literals and parameters that nothing decided become text. */
status bind_settle(
	struct binder *binder, const struct expression *expression, const struct expression **out) MUST_USE;
status bind_boolean(struct binder *binder, const struct expression *expression, const char *what,
	const struct expression **out) MUST_USE;
/* Casts all to their common type in place; `first` is asked for first in PostgreSQL's order of preference. */
status bind_common_type(struct binder *binder, const struct expression **expressions, size_t count,
	const char *construct, struct type *out) MUST_USE;
/* The constant an expression comes to, or the expression. */
const struct expression *bind_fold(struct binder *binder, const struct expression *expression);
const struct expression *bind_null(struct binder *binder, struct type type);
const struct expression *bind_boolean_constant(struct binder *binder, bool value);
const struct expression *bind_combine(struct binder *binder, enum expression_kind kind,
	const struct expression *const *arguments, size_t count);
const struct expression *bind_test(
	struct binder *binder, enum expression_test test, const struct expression *argument);
/* The name PostgreSQL gives an unnamed output column. */
const char *bind_output_name(const sql_node *node);

/* ---- FROM (bind_from.c, bind_relation.c, bind_name.c) ---- */

status bind_from(struct binder *binder, sql_node *const *items, size_t count, struct bind_scope *parent,
	struct bind_scope **out) MUST_USE;
/* A table, view, or CTE by name, unaliased. */
status bind_relation(struct binder *binder, const struct sql_name *name, int32_t location,
	const struct sql_relation **relation, const struct plan **out) MUST_USE;
/* A function of the catalog as a relation; arguments are constants. NOT_FOUND when the catalog has no such
 * function. */
status bind_relation_function(struct binder *binder, const PgQuery__FuncCall *call, const struct plan **out,
	size_t *visible_count) MUST_USE;
status bind_windowed(struct binder *binder, const PgQuery__FuncCall *call, const struct plan **out,
	const struct sql_relation **relation) MUST_USE;
/* `plan` under an alias as a scope of its own. */
struct bind_scope *bind_scope_of(struct binder *binder, const struct plan *plan, const char *alias,
	const char *schema_name, int64_t version, size_t visible_count);
/* 42P01 for a qualifier nothing in FROM answers to. */
status bind_missing_range(
	struct binder *binder, const struct bind_scope *scope, const char *qualifier, int32_t location);
const struct bind_range *bind_find_range(
	const struct bind_scope *scope, const char *schema_name, const char *alias, bool *ambiguous);
status bind_unknown_column(struct binder *binder, const struct bind_scope *scope, const char *qualifier,
	const char *name, int32_t location);
/* PostgreSQL's name of a column of the FROM plan: "t.x". */
const char *bind_column_label(const struct bind_scope *scope, uint32_t column, struct arena *arena);

/* ---- SELECT (bind_select.c, bind_group.c, bind_set.c, bind_subquery.c) ---- */

/* settle: untyped output columns become text. */
status bind_select(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	bool settle, const struct plan **out) MUST_USE;
/* SELECT … FROM … WHERE … GROUP BY … without set operations; ORDER BY and LIMIT included. */
status bind_select_core(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	bool settle, const struct plan **out) MUST_USE;
status bind_set_operation(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	const struct plan **out) MUST_USE;
status bind_values(struct binder *binder, const PgQuery__SelectStmt *select, struct bind_scope *parent,
	bool settle, const struct plan **out) MUST_USE;
/* LIMIT and OFFSET of a select on top of a plan. */
status bind_limit(struct binder *binder, const PgQuery__SelectStmt *select, const struct plan *plan,
	const struct plan **out) MUST_USE;
/* The WHERE clause: conditions, semi and anti joins on top of scope->plan. */
status bind_where(struct binder *binder, struct bind_scope *scope, const sql_node *where) MUST_USE;

/* An item of the select list, bound. */
struct bind_target {
	const char *name;
	const struct expression *expression;
	const sql_node *node; /* NULL when it came from * */
};

struct bind_targets {
	struct bind_target *items;
	size_t count, capacity;
	size_t visible_count; /* the rest is for ORDER BY */
};

status bind_target_list(struct binder *binder, const struct bind_place *place, sql_node *const *nodes,
	size_t count, struct bind_targets *out) MUST_USE;
void bind_target_add(struct binder *binder, struct bind_targets *targets, struct bind_target target);
/* The target an ORDER BY or GROUP BY item means; −1 if it is an expression of its own. */
status bind_target_find(struct binder *binder, const struct bind_targets *targets,
	const struct bind_scope *scope, const sql_node *node, const char *clause, int64_t *out) MUST_USE;
status bind_sort_key_of(struct binder *binder, const PgQuery__SortBy *sort, struct sort_key *out) MUST_USE;

/* GROUP BY: the aggregated plan; expressions over the FROM plan and COLUMN_AGGREGATE become ones over its
 * output. */
struct bind_grouping {
	const struct expression **groups;
	size_t group_count;
	struct bind_aggregates aggregates;
	bool global;
};
status bind_aggregate_plan(struct binder *binder, struct bind_scope *scope,
	struct bind_subqueries *subqueries, const struct bind_grouping *grouping,
	const struct plan **out) MUST_USE;
status bind_over_groups(struct binder *binder, const struct bind_scope *scope,
	const struct bind_grouping *grouping, const struct expression *expression,
	const struct expression **out) MUST_USE;

status bind_insert(
	struct binder *binder, const PgQuery__InsertStmt *statement, struct sql_insert *out) MUST_USE;

/* Joins the subqueries that the expressions use to the plan and replaces their attached columns. */
status bind_attach(struct binder *binder, struct bind_subqueries *subqueries, const struct plan **plan,
	const struct expression **expressions, size_t count) MUST_USE;
uint32_t bind_subquery_add(
	struct binder *binder, struct bind_subqueries *subqueries, struct bind_subquery subquery);
/* The attached column of the subquery with that index. */
struct expression *bind_attached_column(struct binder *binder, uint32_t subquery,
	const struct expression *const *arguments, size_t count, struct type type);
/* Adds it and makes its attached column. place->subqueries is not NULL. */
const struct expression *bind_attached(struct binder *binder, const struct bind_place *place,
	struct bind_subquery subquery, const struct expression *const *arguments, size_t count, struct type type);
/* COLUMN_OUTER + i becomes COLUMN_OUTER + map[i]. */
const struct expression *bind_renumber_outer(
	struct binder *binder, const struct expression *expression, const uint32_t *map);
/* EXISTS (…), x IN (SELECT …) and their negations as a whole condition: *done = false if it is something
 * else. */
status bind_semi_join(
	struct binder *binder, struct bind_scope *scope, const sql_node *condition, bool *done) MUST_USE;

#endif
