/* Function calls: registered functions, casts written as calls, facts the catalog answers. */
#include "base/invariant.h"
#include "processors/bind.h"

static status refuse_volatile(struct binder *binder, const struct function *function, int32_t position)
{
	if (!binder->for_view || (function->flags & FUNCTION_VOLATILE) == 0)
		return STATUS_OK;
	(void)bind_fail(STATUS_UNSUPPORTED, binder, position, "%s() is not supported in a view", function->name);
	error_hint("A view is a function of its records alone. Use their event time, or _timestamp; ask for "
			   "now() in the "
			   "query that reads the view.");
	return STATUS_UNSUPPORTED;
}

status bind_function(struct binder *binder, const char *name, const struct expression *const *arguments,
	size_t count, int32_t position, const struct expression **out)
{
	enum type_id *types = arena_alloc(binder->arena, count * sizeof *types);
	const struct expression **cast = arena_alloc(binder->arena, count * sizeof *cast);
	const struct function *function;
	for (size_t i = 0; i < count; i++)
		types[i] = arguments[i]->type.id;
	status code = function_resolve(name, types, count, &function);
	if (code != STATUS_OK)
		return bind_positioned(code, position);
	code = refuse_volatile(binder, function, position);
	for (size_t i = 0; i < count && code == STATUS_OK; i++) {
		enum type_id wanted = function_argument_type(function, i, types[i]);
		code = bind_coerce(binder, arguments[i], type_of(wanted), CAST_IMPLICIT, position, &cast[i]);
	}
	if (code != STATUS_OK)
		return code;
	struct expression *call = expression_call(binder->arena, function, cast, count);
	call->position = position;
	*out = bind_fold(binder, call);
	return STATUS_OK;
}

/* ---- functions of the catalog, as values ---- */

static status bind_catalog_value(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const char *name, const struct expression **out)
{
	const struct plan *plan;
	size_t visible_count;
	status code = bind_relation_function(binder, call, &plan, &visible_count);
	if (code != STATUS_OK)
		return code;
	if (visible_count != 1 || !plan->has_key || plan->key_count != 0)
		return bind_unsupported(binder, call->location,
			"It gives rows: use it in FROM, or alone in the SELECT list.", "%s() in an expression", name);
	if (place->subqueries == NULL)
		return bind_unsupported(binder, call->location, NULL, "%s() in %s", name, place->clause);
	*out = bind_attached(
		binder, place, (struct bind_subquery){.plan = plan}, NULL, 0, plan->schema.fields[0].type);
	return STATUS_OK;
}

/* ---- what a call may not carry ---- */

static status call_refuse(
	struct binder *binder, const PgQuery__FuncCall *call, const char *name, bool aggregate)
{
	int32_t position = bind_position(binder, call->location);
	if (call->agg_within_group)
		return bind_unsupported(binder, call->location, NULL, "WITHIN GROUP");
	if (call->func_variadic)
		return bind_unsupported(binder, call->location, "Write the arguments out.", "VARIADIC");
	for (size_t i = 0; i < call->n_args; i++) {
		if (call->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
			return bind_unsupported(binder, call->args[i]->named_arg_expr->location,
				"Give arguments by position.", "a named argument");
	}
	if (aggregate)
		return STATUS_OK;
	status code = STATUS_OK;
	if (call->agg_star)
		code = bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"%s(*) specified, but %s is not an aggregate function", name, name);
	else if (call->agg_distinct)
		code = bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"DISTINCT specified, but %s is not an aggregate function", name);
	else if (call->agg_filter != NULL)
		code = bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"FILTER specified, but %s is not an aggregate function", name);
	else if (call->n_agg_order > 0)
		code = bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"ORDER BY specified, but %s is not an aggregate function", name);
	if (code != STATUS_OK)
		error_sqlstate("42809");
	return code;
}

static status bind_arguments(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const struct expression ***out)
{
	const struct expression **arguments = arena_alloc(binder->arena, call->n_args * sizeof *arguments);
	for (size_t i = 0; i < call->n_args; i++) {
		status code = bind_expression(binder, place, call->args[i], &arguments[i]);
		if (code != STATUS_OK)
			return code;
	}
	*out = arguments;
	return STATUS_OK;
}

/* date(x), float8(x): a type's name called with one argument is a cast. */
static bool call_is_cast(const PgQuery__FuncCall *call, const char *name, enum type_id *type)
{
	if (call->n_args != 1 || function_exists(name))
		return false;
	return type_parse(name, type) == STATUS_OK && *type != TYPE_UNKNOWN;
}

status bind_call(struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call,
	const struct expression **out)
{
	const char *schema_name;
	const char *name = sql_qualified_of(call->funcname, call->n_funcname, &schema_name);
	bool builtin = schema_name == NULL || strcmp(schema_name, "pg_catalog") == 0;
	bool aggregate = builtin && bind_is_aggregate(name);
	status code = call_refuse(binder, call, name, aggregate);
	if (code != STATUS_OK)
		return code;
	if (call->over != NULL)
		return bind_window_call(binder, place, call, name, out);
	if (aggregate)
		return bind_aggregate_call(binder, place, call, name, out);
	bool done;
	code = bind_catalog_call(binder, place, call, schema_name, name, &done, out);
	if (code != STATUS_OK || done)
		return code;
	int32_t position = bind_position(binder, call->location);
	const struct expression **arguments;
	enum type_id cast_to;
	if (!builtin || !function_exists(name)) {
		code = bind_catalog_value(binder, place, call, name, out);
		if (code != STATUS_NOT_FOUND)
			return code;
	}
	code = bind_arguments(binder, place, call, &arguments);
	if (code != STATUS_OK)
		return code;
	if (builtin && call_is_cast(call, name, &cast_to))
		return bind_coerce(binder, arguments[0], type_of(cast_to), CAST_EXPLICIT, position, out);
	if (!builtin)
		name = arena_printf(binder->arena, "%s.%s", schema_name, name);
	return bind_function(binder, name, arguments, call->n_args, position, out);
}
