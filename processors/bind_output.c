/* What the parser's tree tells without binding: where a node begins, and the name PostgreSQL gives an unnamed
 * output column (its FigureColname).
 */
#include "processors/bind.h"

static int32_t leftmost(int32_t left, int32_t right)
{
	if (left < 0)
		return right;
	return right < 0 || left < right ? left : right;
}

int32_t bind_location(const sql_node *node)
{
	if (node == NULL)
		return -1;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return node->column_ref->location;
	case PG_QUERY__NODE__NODE_A_CONST:
		return node->a_const->location;
	case PG_QUERY__NODE__NODE_PARAM_REF:
		return node->param_ref->location;
	case PG_QUERY__NODE__NODE_A_EXPR: {
		/* A long chain leans to the left; do not recurse along it. */
		int32_t location = node->a_expr->location;
		while (node != NULL && node->node_case == PG_QUERY__NODE__NODE_A_EXPR) {
			location = leftmost(location, node->a_expr->location);
			node = node->a_expr->lexpr;
		}
		return node == NULL || node->node_case == PG_QUERY__NODE__NODE_LIST
				   ? location
				   : leftmost(location, bind_location(node));
	}
	case PG_QUERY__NODE__NODE_TYPE_CAST: {
		int32_t location = node->type_cast->location;
		while (node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) {
			location = leftmost(location, node->type_cast->location);
			location = leftmost(location, node->type_cast->type_name->location);
			node = node->type_cast->arg;
		}
		return leftmost(location, bind_location(node));
	}
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return node->func_call->location;
	case PG_QUERY__NODE__NODE_BOOL_EXPR: {
		const PgQuery__BoolExpr *expression = node->bool_expr;
		bool negation = expression->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR;
		return negation ? expression->location : bind_location(expression->args[0]);
	}
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return bind_location(node->null_test->arg);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return bind_location(node->boolean_test->arg);
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		return node->case_expr->location;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		return node->coalesce_expr->location;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return node->min_max_expr->location;
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		return node->sqlvalue_function->location;
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return leftmost(node->sub_link->location, bind_location(node->sub_link->testexpr));
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		return node->row_expr->location;
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
		return node->a_array_expr->location;
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return leftmost(node->collate_clause->location, bind_location(node->collate_clause->arg));
	case PG_QUERY__NODE__NODE_A_INDIRECTION:
		return bind_location(node->a_indirection->arg);
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
		return node->set_to_default->location;
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		return node->range_var->location;
	case PG_QUERY__NODE__NODE_RES_TARGET:
		return node->res_target->location;
	default:
		return -1;
	}
}

static int name_figure(const sql_node *node, const char **name, int depth);

static int name_of_list(sql_node *const *fields, size_t count, const char **name)
{
	for (size_t i = count; i-- > 0;) {
		if (sql_string_of(fields[i]) != NULL) {
			*name = sql_string_of(fields[i]);
			return 2;
		}
	}
	return 0;
}

static int name_of_value_function(const PgQuery__SQLValueFunction *function, const char **name)
{
	switch (function->op) {
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
		*name = "current_date";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
		*name = "current_timestamp";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
		*name = "localtimestamp";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
		*name = "current_role";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
		*name = "current_user";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
		*name = "user";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
		*name = "session_user";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
		*name = "current_catalog";
		break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
		*name = "current_schema";
		break;
	default:
		return 0;
	}
	return 2;
}

static int name_of_sublink(const PgQuery__SubLink *link, const char **name, int depth)
{
	if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) {
		*name = "exists";
		return 2;
	}
	if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK) {
		*name = "array";
		return 2;
	}
	if (link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
		return 0;
	const PgQuery__SelectStmt *select = link->subselect->select_stmt;
	if (select->n_target_list == 0)
		return 0;
	const PgQuery__ResTarget *target = select->target_list[0]->res_target;
	if (target->name != NULL && target->name[0] != '\0') {
		*name = target->name;
		return 2;
	}
	return name_figure(target->val, name, depth + 1);
}

/* 0: no name, 1: a weak one (of a type), 2: a good one. */
static int name_figure(const sql_node *node, const char **name, int depth)
{
	int strength;
	const char *schema_name;
	if (node == NULL || depth > SQL_DEPTH_MAX)
		return 0;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return name_of_list(node->column_ref->fields, node->column_ref->n_fields, name);
	case PG_QUERY__NODE__NODE_A_INDIRECTION:
		strength = name_of_list(node->a_indirection->indirection, node->a_indirection->n_indirection, name);
		return strength != 0 ? strength : name_figure(node->a_indirection->arg, name, depth + 1);
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		*name = sql_qualified_of(node->func_call->funcname, node->func_call->n_funcname, &schema_name);
		return 2;
	case PG_QUERY__NODE__NODE_A_EXPR:
		if (node->a_expr->kind != PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
			return 0;
		*name = "nullif";
		return 2;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		strength = name_figure(node->type_cast->arg, name, depth + 1);
		if (strength > 1)
			return strength;
		*name = sql_qualified_of(
			node->type_cast->type_name->names, node->type_cast->type_name->n_names, &schema_name);
		return 1;
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return name_figure(node->collate_clause->arg, name, depth + 1);
	case PG_QUERY__NODE__NODE_GROUPING_FUNC:
		*name = "grouping";
		return 2;
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return name_of_sublink(node->sub_link, name, depth);
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		strength = name_figure(node->case_expr->defresult, name, depth + 1);
		if (strength > 1)
			return strength;
		*name = "case";
		return 1;
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
		*name = "array";
		return 2;
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		*name = "row";
		return 2;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		*name = "coalesce";
		return 2;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		*name = node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
		return 2;
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		return name_of_value_function(node->sqlvalue_function, name);
	default:
		return 0;
	}
}

const char *bind_output_name(const sql_node *node)
{
	const char *name = "?column?";
	return name_figure(node, &name, 0) != 0 ? name : "?column?";
}
