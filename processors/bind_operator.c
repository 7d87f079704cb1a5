/* Operators: plain ones by name, and the grammar's own forms (IN, BETWEEN, LIKE, NULLIF, IS DISTINCT FROM).
 */
#include <strings.h>

#include "base/invariant.h"
#include "processors/bind.h"

static const char *operator_name(const PgQuery__AExpr *expression)
{
	const char *schema_name;
	return sql_qualified_of(expression->name, expression->n_name, &schema_name);
}

static bool node_is_row(const sql_node *node)
{
	return node != NULL && node->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

static status bind_pair(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression *pair[2])
{
	if (node_is_row(expression->lexpr) || node_is_row(expression->rexpr))
		return bind_unsupported(
			binder, expression->location, "Compare the columns one by one.", "a comparison of rows");
	status code = bind_expression(binder, place, expression->lexpr, &pair[0]);
	return code != STATUS_OK ? code : bind_expression(binder, place, expression->rexpr, &pair[1]);
}

static status bind_plain(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression **out)
{
	const struct expression *pair[2];
	int32_t position = bind_position(binder, expression->location);
	const char *name = operator_name(expression);
	status code;
	if (expression->lexpr == NULL) {
		code = bind_expression(binder, place, expression->rexpr, &pair[0]);
		return code != STATUS_OK ? code : bind_function(binder, name, pair, 1, position, out);
	}
	code = bind_pair(binder, place, expression, pair);
	return code != STATUS_OK ? code : bind_function(binder, name, pair, 2, position, out);
}

static status bind_negated(struct binder *binder, const char *name, const struct expression *const *arguments,
	int32_t position, const struct expression **out)
{
	const struct expression *positive;
	status code = bind_function(binder, name, arguments, 2, position, &positive);
	if (code == STATUS_OK)
		*out = bind_combine(binder, EXPR_NOT, &positive, 1);
	return code;
}

static status bind_like(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression **out)
{
	const struct expression *pair[2];
	const char *name = operator_name(expression);
	int32_t position = bind_position(binder, expression->location);
	status code = bind_pair(binder, place, expression, pair);
	if (code != STATUS_OK)
		return code;
	if (name[0] == '!')
		return bind_negated(binder, name + 1, pair, position, out);
	return bind_function(binder, name, pair, 2, position, out);
}

/* a IS [NOT] DISTINCT FROM b: cast to what "=" would compare. */
static status bind_distinct(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression **out)
{
	const struct expression *pair[2], *equality;
	status code = bind_pair(binder, place, expression, pair);
	if (code != STATUS_OK)
		return code;
	const struct function *equals;
	enum type_id types[2] = {pair[0]->type.id, pair[1]->type.id};
	int32_t position = bind_position(binder, expression->location);
	code = function_resolve("=", types, 2, &equals);
	if (code != STATUS_OK)
		return bind_positioned(code, position);
	for (size_t i = 0; i < 2 && code == STATUS_OK; i++)
		code = bind_coerce(binder, pair[i], type_of(function_argument_type(equals, i, types[i])),
			CAST_IMPLICIT, position, &pair[i]);
	if (code != STATUS_OK)
		return code;
	equality = bind_fold(binder, expression_of(binder->arena, EXPR_DISTINCT, type_of(TYPE_BOOL), pair, 2));
	bool negated = expression->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT;
	*out = negated ? bind_combine(binder, EXPR_NOT, &equality, 1) : equality;
	return STATUS_OK;
}

/* NULLIF(a, b) is CASE WHEN a = b THEN NULL ELSE a END, of the type "=" compares a in. */
static status bind_nullif(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression **out)
{
	const struct expression *pair[2], *equality;
	int32_t position = bind_position(binder, expression->location);
	status code = bind_pair(binder, place, expression, pair);
	if (code == STATUS_OK)
		code = bind_function(binder, "=", pair, 2, position, &equality);
	if (code != STATUS_OK)
		return code;
	const struct function *equals;
	enum type_id types[2] = {pair[0]->type.id, pair[1]->type.id};
	code = function_resolve("=", types, 2, &equals);
	if (code != STATUS_OK)
		return bind_positioned(code, position);
	struct type type = type_of(function_argument_type(equals, 0, types[0]));
	code = bind_coerce(binder, pair[0], type, CAST_IMPLICIT, position, &pair[0]);
	if (code != STATUS_OK)
		return code;
	const struct expression *arguments[] = {equality, bind_null(binder, pair[0]->type), pair[0]};
	*out = bind_fold(binder, expression_of(binder->arena, EXPR_CASE, pair[0]->type, arguments, 3));
	return STATUS_OK;
}

/* arguments[0] IN (arguments[1…]): of one type if there is one, else a chain of "=" (whose errors then name
 * the types). */
static status bind_membership(struct binder *binder, const struct expression **arguments, size_t count,
	int32_t position, const struct expression **out)
{
	enum type_id *types = arena_alloc(binder->arena, count * sizeof *types), common;
	for (size_t i = 0; i < count; i++)
		types[i] = arguments[i]->type.id;
	if (type_common(types, count, "IN", &common) == STATUS_OK) {
		for (size_t i = 0; i < count; i++) {
			status code =
				bind_coerce(binder, arguments[i], type_of(common), CAST_IMPLICIT, position, &arguments[i]);
			if (code != STATUS_OK)
				return code;
		}
		*out = bind_fold(binder, expression_of(binder->arena, EXPR_IN, type_of(TYPE_BOOL), arguments, count));
		return STATUS_OK;
	}
	const struct expression **parts = arena_alloc(binder->arena, count * sizeof *parts);
	for (size_t i = 1; i < count; i++) {
		const struct expression *pair[] = {arguments[0], arguments[i]};
		status code = bind_function(binder, "=", pair, 2, position, &parts[i - 1]);
		if (code != STATUS_OK)
			return code;
	}
	*out = bind_combine(binder, EXPR_OR, parts, count - 1);
	return STATUS_OK;
}

static status bind_in(struct binder *binder, const struct bind_place *place, const sql_node *subject,
	sql_node *const *items, size_t count, int32_t location, bool negated, const struct expression **out)
{
	if (node_is_row(subject))
		return bind_unsupported(binder, location, "Compare the columns one by one.", "a comparison of rows");
	const struct expression **arguments = arena_alloc(binder->arena, (count + 1) * sizeof *arguments);
	status code = bind_expression(binder, place, subject, &arguments[0]);
	for (size_t i = 0; i < count && code == STATUS_OK; i++)
		code = bind_expression(binder, place, items[i], &arguments[i + 1]);
	if (code != STATUS_OK)
		return code;
	const struct expression *membership;
	code = bind_membership(binder, arguments, count + 1, bind_position(binder, location), &membership);
	if (code != STATUS_OK)
		return code;
	*out = negated ? bind_combine(binder, EXPR_NOT, &membership, 1) : membership;
	return STATUS_OK;
}

/* The elements of '{a,"b c",NULL}', or of the same cast to an array type, as literals; false if it is
 * neither. */
static bool array_literal(struct binder *binder, const sql_node *node, struct expression_list *elements)
{
	if (node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST && node->type_cast->type_name->n_array_bounds > 0)
		node = node->type_cast->arg;
	if (node->node_case != PG_QUERY__NODE__NODE_A_CONST || node->a_const->isnull ||
		node->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
		return false;
	const char *at = node->a_const->sval->sval;
	size_t size = strlen(at);
	if (size < 2 || at[0] != '{' || at[size - 1] != '}')
		return false;
	const char *end = at++ + size - 1;
	while (at < end) {
		struct buffer element;
		bool quoted = *at == '"', open = quoted;
		buffer_init(&element);
		for (at += quoted; at < end && (open || *at != ','); at++) {
			if (*at == '\\' && at + 1 < end)
				buffer_append_byte(&element, (uint8_t) * ++at);
			else if (*at == '"')
				open = false;
			else
				buffer_append_byte(&element, (uint8_t)*at);
		}
		struct value value = {.type = type_of(TYPE_UNKNOWN)};
		value.text = (struct text){
			.data = arena_copy(binder->arena, element.data, element.size), .size = (uint32_t)element.size};
		value.null = !quoted && element.size == 4 && strncasecmp(value.text.data, "null", 4) == 0;
		buffer_deinit(&element);
		expression_list_add(elements, binder->arena, expression_constant(binder->arena, &value));
		at += at < end;
	}
	return true;
}

static status bind_in_literal(struct binder *binder, const struct bind_place *place, const sql_node *subject,
	const struct expression_list *elements, int32_t position, bool negated, const struct expression **out)
{
	struct expression_list arguments = {0};
	const struct expression *membership;
	status code = bind_expression(binder, place, subject, &membership);
	if (code != STATUS_OK)
		return code;
	expression_list_add(&arguments, binder->arena, membership);
	for (size_t i = 0; i < elements->count; i++)
		expression_list_add(&arguments, binder->arena, elements->items[i]);
	code = STATUS_OK;
	if (elements->count == 0)
		membership = bind_boolean_constant(binder, false);
	else
		code = bind_membership(binder, arguments.items, arguments.count, position, &membership);
	if (code == STATUS_OK)
		*out = negated ? bind_combine(binder, EXPR_NOT, &membership, 1) : membership;
	return code;
}

/* = ANY (ARRAY[…]) is IN, <> ALL (ARRAY[…]) is NOT IN; so with the literal '{…}'. */
static status bind_quantified(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression **out)
{
	bool any = expression->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY;
	const char *name = operator_name(expression);
	const sql_node *right = expression->rexpr;
	if (strcmp(name, any ? "=" : "<>") == 0 && right->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR &&
		right->a_array_expr->n_elements > 0)
		return bind_in(binder, place, expression->lexpr, right->a_array_expr->elements,
			right->a_array_expr->n_elements, expression->location, !any, out);
	struct expression_list elements = {0};
	if (strcmp(name, any ? "=" : "<>") == 0 && array_literal(binder, right, &elements))
		return bind_in_literal(binder, place, expression->lexpr, &elements,
			bind_position(binder, expression->location), !any, out);
	return bind_unsupported(
		binder, expression->location, "Use IN (…) or NOT IN (…).", "%s over an array", any ? "ANY" : "ALL");
}

static status bind_range_test(struct binder *binder, const struct expression *subject,
	const struct expression *low, const struct expression *high, int32_t position,
	const struct expression **out)
{
	const struct expression *parts[2];
	status code =
		bind_function(binder, ">=", (const struct expression *[]){subject, low}, 2, position, &parts[0]);
	if (code == STATUS_OK)
		code =
			bind_function(binder, "<=", (const struct expression *[]){subject, high}, 2, position, &parts[1]);
	if (code == STATUS_OK)
		*out = bind_combine(binder, EXPR_AND, parts, 2);
	return code;
}

static status bind_between(struct binder *binder, const struct bind_place *place,
	const PgQuery__AExpr *expression, const struct expression **out)
{
	PgQuery__AExprKind kind = expression->kind;
	bool negated = kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
				   kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
	bool symmetric = kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
					 kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
	const PgQuery__List *bounds = expression->rexpr->list;
	int32_t position = bind_position(binder, expression->location);
	const struct expression *subject, *low, *high, *tests[2];
	status code = bind_expression(binder, place, expression->lexpr, &subject);
	if (code == STATUS_OK)
		code = bind_expression(binder, place, bounds->items[0], &low);
	if (code == STATUS_OK)
		code = bind_expression(binder, place, bounds->items[1], &high);
	if (code == STATUS_OK)
		code = bind_range_test(binder, subject, low, high, position, &tests[0]);
	if (code == STATUS_OK && symmetric)
		code = bind_range_test(binder, subject, high, low, position, &tests[1]);
	if (code != STATUS_OK)
		return code;
	const struct expression *test = symmetric ? bind_combine(binder, EXPR_OR, tests, 2) : tests[0];
	*out = negated ? bind_combine(binder, EXPR_NOT, &test, 1) : test;
	return STATUS_OK;
}

status bind_operator(struct binder *binder, const struct bind_place *place, const PgQuery__AExpr *expression,
	const struct expression **out)
{
	switch (expression->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		return bind_plain(binder, place, expression, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
		return bind_quantified(binder, place, expression, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
		return bind_distinct(binder, place, expression, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
		return bind_nullif(binder, place, expression, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return bind_in(binder, place, expression->lexpr, expression->rexpr->list->items,
			expression->rexpr->list->n_items, expression->location,
			strcmp(operator_name(expression), "<>") == 0, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
		return bind_like(binder, place, expression, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
		return bind_between(binder, place, expression, out);
	default:
		return bind_unsupported(binder, expression->location, NULL, "this operator");
	}
}
