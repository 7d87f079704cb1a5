/* Expressions: the dispatch over the parser's nodes, and what all of them share: casts, conditions, common
 * types, folding.
 *
 * Untyped literals stay TYPE_UNKNOWN constants until their surroundings decide; so do parameters, whose
 * inferred type is kept in binder->parameters the first time something asks for one.
 */
#include "processors/bind.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/invariant.h"

/* ---- errors and limits ---- */

int32_t bind_position(const struct binder *binder, int32_t location)
{
	return binder->expanded ? 0 : sql_tree_position(binder->tree, location);
}

status bind_fail(status code, const struct binder *binder, int32_t position, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)error_raise(code, "%s", text);
	error_position(binder->expanded ? 0 : position);
	return code;
}

status bind_unsupported(
	const struct binder *binder, int32_t location, const char *hint, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)error_raise(STATUS_UNSUPPORTED, "%s is not supported", text);
	if (hint != NULL)
		error_hint("%s", hint);
	error_position(bind_position(binder, location));
	return STATUS_UNSUPPORTED;
}

status bind_positioned(status code, int32_t position)
{
	if (error_current()->position == 0)
		error_position(position);
	return code;
}

status bind_enter(struct binder *binder, int32_t location)
{
	if (binder->limits->depth >= SQL_DEPTH_MAX)
		return bind_fail(STATUS_TOO_LARGE, binder, bind_position(binder, location),
			"the statement is nested more than %d levels deep", SQL_DEPTH_MAX);
	if (binder->limits->work >= BIND_WORK_MAX)
		return bind_fail(STATUS_TOO_LARGE, binder, bind_position(binder, location),
			"the statement is too complex: more than %d parts with its views expanded", BIND_WORK_MAX);
	binder->limits->depth++;
	binder->limits->work++;
	return STATUS_OK;
}

void bind_leave(struct binder *binder)
{
	binder->limits->depth--;
}

bool bind_is_top(const struct binder *binder)
{
	return binder->limits->depth == 1;
}

/* ---- constants ---- */

const struct expression *bind_fold(struct binder *binder, const struct expression *expression)
{
	return expression_fold(binder->arena, expression);
}

const struct expression *bind_null(struct binder *binder, struct type type)
{
	struct value value = {.type = type, .null = true};
	return expression_constant(binder->arena, &value);
}

const struct expression *bind_boolean_constant(struct binder *binder, bool boolean)
{
	struct value value = {.type = type_of(TYPE_BOOL), .boolean = boolean};
	return expression_constant(binder->arena, &value);
}

const struct expression *bind_test(
	struct binder *binder, enum expression_test test, const struct expression *argument)
{
	struct expression *result = expression_of(binder->arena, EXPR_TEST, type_of(TYPE_BOOL), &argument, 1);
	result->test = test;
	result->position = argument->position;
	return bind_fold(binder, result);
}

/* AND, OR, NOT; constants in them are settled where three-valued logic allows. */
const struct expression *bind_combine(
	struct binder *binder, enum expression_kind kind, const struct expression *const *arguments, size_t count)
{
	struct type boolean = type_of(TYPE_BOOL);
	if (kind == EXPR_NOT)
		return bind_fold(binder, expression_of(binder->arena, kind, boolean, arguments, 1));
	struct expression_list kept = {0};
	for (size_t i = 0; i < count; i++) {
		bool constant = arguments[i]->kind == EXPR_CONSTANT && !arguments[i]->value.null;
		bool decides = constant && arguments[i]->value.boolean == (kind == EXPR_OR);
		if (decides)
			return arguments[i];
		if (!constant)
			expression_list_add(&kept, binder->arena, arguments[i]);
	}
	if (kept.count == 0)
		return bind_boolean_constant(binder, kind == EXPR_AND);
	if (kept.count == 1)
		return kept.items[0];
	return bind_fold(binder, expression_of(binder->arena, kind, boolean, kept.items, kept.count));
}

/* ---- casts ---- */

static status coerce_literal(struct binder *binder, const struct expression *literal, struct type to,
	int32_t position, const struct expression **out)
{
	struct value value = {.type = type_of(to.id), .null = true};
	if (!literal->value.null) {
		struct slice text = slice_of(literal->value.text.data, literal->value.text.size);
		status code = value_parse(type_of(to.id), text, binder->arena, &value);
		if (code != STATUS_OK)
			return bind_positioned(code, literal->position != 0 ? literal->position : position);
	}
	struct expression *constant = expression_constant(binder->arena, &value);
	constant->position = literal->position;
	*out = constant;
	return STATUS_OK;
}

/* The parameter takes the type it is asked for first. */
static const struct expression *parameter_decide(
	struct binder *binder, const struct expression *parameter, enum type_id id)
{
	enum type_id *decided = &binder->parameters->types[parameter->parameter];
	if (*decided == TYPE_UNKNOWN)
		*decided = id;
	struct expression *typed = arena_copy(binder->arena, parameter, sizeof *parameter);
	typed->type = type_of(*decided);
	return typed;
}

status bind_coerce(struct binder *binder, const struct expression *expression, struct type to,
	enum cast_context context, int32_t position, const struct expression **out)
{
	status code = STATUS_OK;
	if (expression->type.id == TYPE_UNKNOWN && expression->kind == EXPR_CONSTANT && to.id != TYPE_UNKNOWN)
		code = coerce_literal(binder, expression, to, position, &expression);
	else if (expression->type.id == TYPE_UNKNOWN && expression->kind == EXPR_PARAMETER)
		expression = parameter_decide(binder, expression, to.id);
	if (code != STATUS_OK)
		return code;
	if (expression->type.id == to.id && (to.modifier < 0 || expression->type.modifier == to.modifier)) {
		*out = expression;
		return STATUS_OK;
	}
	const struct function *cast = NULL;
	code = cast_find(expression->type.id, to, context, &cast);
	if (code != STATUS_OK)
		return bind_positioned(code, binder->expanded ? 0 : position);
	if (cast == NULL) {
		struct expression *same = arena_copy(binder->arena, expression, sizeof *expression);
		same->type = to;
		*out = same;
		return STATUS_OK;
	}
	struct expression *call = expression_call(binder->arena, cast, &expression, 1);
	call->type = to;
	call->position = expression->position;
	*out = bind_fold(binder, call);
	return STATUS_OK;
}

status bind_settle(struct binder *binder, const struct expression *expression, const struct expression **out)
{
	if (expression->type.id != TYPE_UNKNOWN) {
		*out = expression;
		return STATUS_OK;
	}
	return bind_coerce(binder, expression, type_of(TYPE_TEXT), CAST_EXPLICIT, expression->position, out);
}

status bind_boolean(struct binder *binder, const struct expression *expression, const char *what,
	const struct expression **out)
{
	if (expression->type.id != TYPE_BOOL && expression->type.id != TYPE_UNKNOWN)
		return bind_fail(STATUS_TYPE_MISMATCH, binder, expression->position,
			"argument of %s must be type boolean, not type %s", what, type_name(expression->type.id));
	return bind_coerce(binder, expression, type_of(TYPE_BOOL), CAST_IMPLICIT, expression->position, out);
}

status bind_condition(struct binder *binder, const struct bind_place *place, const sql_node *node,
	const char *what, const struct expression **out)
{
	const struct expression *expression;
	status code = bind_expression(binder, place, node, &expression);
	return code != STATUS_OK ? code : bind_boolean(binder, expression, what, out);
}

/* Which of the types cannot be brought together with those before it? */
static size_t types_first_misfit(const enum type_id *types, size_t count, const char *construct)
{
	enum type_id common;
	for (size_t i = 2; i < count; i++) {
		if (type_common(types, i, construct, &common) != STATUS_OK)
			return i - 1;
	}
	return count - 1;
}

status bind_common_type(struct binder *binder, const struct expression **expressions, size_t count,
	const char *construct, struct type *out)
{
	enum type_id *types = arena_alloc(binder->arena, count * sizeof *types), common;
	int32_t modifier = count > 0 ? expressions[0]->type.modifier : -1;
	for (size_t i = 0; i < count; i++) {
		types[i] = expressions[i]->type.id;
		if (types[i] != types[0] || expressions[i]->type.modifier != modifier)
			modifier = -1;
	}
	status code = type_common(types, count, construct, &common);
	if (code != STATUS_OK) {
		size_t misfit = types_first_misfit(types, count, construct);
		code = type_common(types, misfit + 1, construct, &common);
		return bind_positioned(code, expressions[misfit]->position);
	}
	for (size_t i = 0; i < count; i++) {
		code = bind_coerce(binder, expressions[i], type_of(common), CAST_IMPLICIT, expressions[i]->position,
			&expressions[i]);
		if (code != STATUS_OK)
			return code;
	}
	*out = (struct type){common, common == types[0] ? modifier : -1};
	return STATUS_OK;
}

/* ---- the dispatch ---- */

static status bind_boolean_expression(struct binder *binder, const struct bind_place *place,
	const PgQuery__BoolExpr *expression, const struct expression **out)
{
	static const struct {
		enum expression_kind kind;
		const char *name;
	} kinds[] = {
		[PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR] = {EXPR_AND, "AND"},
		[PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR] = {EXPR_OR, "OR"},
		[PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR] = {EXPR_NOT, "NOT"},
	};
	const struct expression **arguments = arena_alloc(binder->arena, expression->n_args * sizeof *arguments);
	for (size_t i = 0; i < expression->n_args; i++) {
		status code =
			bind_condition(binder, place, expression->args[i], kinds[expression->boolop].name, &arguments[i]);
		if (code != STATUS_OK)
			return code;
	}
	*out = bind_combine(binder, kinds[expression->boolop].kind, arguments, expression->n_args);
	return STATUS_OK;
}

static status bind_null_test(struct binder *binder, const struct bind_place *place,
	const PgQuery__NullTest *test, const struct expression **out)
{
	const struct expression *argument;
	status code = bind_expression(binder, place, test->arg, &argument);
	if (code == STATUS_OK)
		code = bind_settle(binder, argument, &argument);
	if (code != STATUS_OK)
		return code;
	bool is_null = test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL;
	*out = bind_test(binder, is_null ? TEST_NULL : TEST_NOT_NULL, argument);
	return STATUS_OK;
}

static status bind_boolean_test(struct binder *binder, const struct bind_place *place,
	const PgQuery__BooleanTest *test, const struct expression **out)
{
	static const struct {
		enum expression_test test;
		const char *name;
	} tests[] = {
		[PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = {TEST_TRUE, "IS TRUE"},
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = {TEST_NOT_TRUE, "IS NOT TRUE"},
		[PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = {TEST_FALSE, "IS FALSE"},
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = {TEST_NOT_FALSE, "IS NOT FALSE"},
		[PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = {TEST_NULL, "IS UNKNOWN"},
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = {TEST_NOT_NULL, "IS NOT UNKNOWN"},
	};
	const struct expression *argument;
	status code = bind_condition(binder, place, test->arg, tests[test->booltesttype].name, &argument);
	if (code == STATUS_OK)
		*out = bind_test(binder, tests[test->booltesttype].test, argument);
	return code;
}

/* now() cast to what the keyword gives; session facts are functions of the catalog. */
static status bind_value_function(struct binder *binder, const struct bind_place *place,
	const PgQuery__SQLValueFunction *function, const struct expression **out)
{
	const char *catalog_name = NULL;
	struct type type = type_of(TYPE_TIMESTAMPTZ);
	switch (function->op) {
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
		type = type_of(TYPE_DATE);
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
		type = type_of(TYPE_TIMESTAMP);
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
		catalog_name = "current_user";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
		catalog_name = "session_user";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
		catalog_name = "current_database";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
		catalog_name = "current_schema";
		break;
	default:
		return bind_unsupported(binder, function->location,
			"Use CURRENT_TIMESTAMP, LOCALTIMESTAMP or CURRENT_DATE.",
			"a time of day, or a timestamp with a precision,");
	}
	if (catalog_name == NULL) {
		const struct expression *now;
		int32_t position = bind_position(binder, function->location);
		status code = bind_function(binder, "now", NULL, 0, position, &now);
		return code != STATUS_OK ? code : bind_coerce(binder, now, type, CAST_EXPLICIT, position, out);
	}
	PgQuery__String name_string;
	pg_query__string__init(&name_string);
	name_string.sval = arena_copy_string(binder->arena, catalog_name);
	sql_node name_node;
	pg_query__node__init(&name_node);
	name_node.node_case = PG_QUERY__NODE__NODE_STRING;
	name_node.string = &name_string;
	sql_node *names[] = {&name_node};
	PgQuery__FuncCall call;
	pg_query__func_call__init(&call);
	call.funcname = names;
	call.n_funcname = 1;
	call.location = function->location;
	return bind_call(binder, place, &call, out);
}

static status bind_node(struct binder *binder, const struct bind_place *place, const sql_node *node,
	const struct expression **out)
{
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return bind_column(binder, place, node->column_ref, out);
	case PG_QUERY__NODE__NODE_A_CONST:
		return bind_constant(binder, node->a_const, out);
	case PG_QUERY__NODE__NODE_PARAM_REF:
		return bind_parameter(binder, node->param_ref, out);
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return bind_cast(binder, place, node->type_cast, out);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return bind_operator(binder, place, node->a_expr, out);
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return bind_call(binder, place, node->func_call, out);
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return bind_boolean_expression(binder, place, node->bool_expr, out);
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return bind_null_test(binder, place, node->null_test, out);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return bind_boolean_test(binder, place, node->boolean_test, out);
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		return bind_case(binder, place, node->case_expr, out);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		return bind_common_call(binder, place, EXPR_COALESCE, "COALESCE", node->coalesce_expr->args,
			node->coalesce_expr->n_args, node->coalesce_expr->location, out);
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
		bool greatest = node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
		return bind_common_call(binder, place, greatest ? EXPR_GREATEST : EXPR_LEAST,
			greatest ? "GREATEST" : "LEAST", node->min_max_expr->args, node->min_max_expr->n_args,
			node->min_max_expr->location, out);
	}
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		return bind_value_function(binder, place, node->sqlvalue_function, out);
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return bind_sublink(binder, place, node->sub_link, out);
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: {
		const char *schema_name;
		const PgQuery__CollateClause *clause = node->collate_clause;
		const char *name = sql_qualified_of(clause->collname, clause->n_collname, &schema_name);
		if (strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0 && strcmp(name, "default") != 0 &&
			strcmp(name, "ucs_basic") != 0)
			return bind_unsupported(binder, clause->location, "Text compares by bytes: collation \"C\".",
				"collation \"%s\"", name);
		return bind_expression(binder, place, clause->arg, out);
	}
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		return bind_unsupported(
			binder, node->row_expr->location, "Compare or list the columns one by one.", "a row value");
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
		return bind_unsupported(
			binder, node->a_array_expr->location, "Use IN (…), or one row per element.", "an array");
	case PG_QUERY__NODE__NODE_A_INDIRECTION:
		return bind_indirection(binder, place, node->a_indirection, out);
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
		return bind_fail(STATUS_SYNTAX, binder, bind_position(binder, node->set_to_default->location),
			"DEFAULT is not allowed in this context");
	case PG_QUERY__NODE__NODE_GROUPING_FUNC:
		return bind_unsupported(
			binder, node->grouping_func->location, "Write one view per grouping, or UNION ALL.", "GROUPING");
	default:
		return bind_unsupported(binder, bind_location(node), NULL, "this kind of expression");
	}
}

status bind_expression(struct binder *binder, const struct bind_place *place, const sql_node *node,
	const struct expression **out)
{
	const struct expression *expression;
	int32_t location = bind_location(node);
	status code = bind_enter(binder, location);
	if (code != STATUS_OK)
		return code;
	code = bind_node(binder, place, node, &expression);
	bind_leave(binder);
	if (code != STATUS_OK)
		return code;
	int32_t position = bind_position(binder, location);
	if (expression->position != position && position > 0) {
		/* Where it begins, as PostgreSQL points at expressions; errors about an operator point at that. */
		struct expression *placed = arena_copy(binder->arena, expression, sizeof *expression);
		placed->position = position;
		expression = placed;
	}
	*out = expression;
	return STATUS_OK;
}
