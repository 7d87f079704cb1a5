/* Relations by name: tables, view versions, common table expressions, functions of the catalog, TUMBLE
 * windows.
 *
 * A query reads views as they are stored; a view's own plan is bound down to tables, so here a view's
 * definition is bound in place of its name, with the catalog it was created under.
 */
#include "base/invariant.h"
#include "processors/bind.h"
#include "zset/datetime.h"

static void use_add(struct binder *binder, const struct sql_relation *relation)
{
	struct bind_uses *uses = binder->uses;
	if (uses == NULL)
		return;
	int64_t version = relation->kind == SQL_VIEW ? relation->version : 0;
	for (size_t i = 0; i < uses->count; i++) {
		if (uses->items[i].kind == relation->kind && uses->items[i].version == version &&
			strcmp(uses->items[i].name, relation->name) == 0)
			return;
	}
	if (uses->count == uses->capacity) {
		size_t capacity = uses->capacity == 0 ? 8 : uses->capacity * 2;
		struct sql_use *items = arena_alloc(binder->arena, capacity * sizeof *items);
		if (uses->count != 0)
			memcpy(items, uses->items, uses->count * sizeof *items);
		uses->items = items;
		uses->capacity = capacity;
	}
	uses->items[uses->count++] = (struct sql_use){
		.name = arena_copy_string(binder->arena, relation->name), .kind = relation->kind, .version = version};
}

/* ---- views, expanded ---- */

static status definition_bind(struct binder *binder, const struct sql_script *script, const struct plan **out)
{
	const struct sql_statement *statement = &script->statements[0];
	if (script->statement_count != 1 || statement->kind != SQL_SELECT)
		return error_raise(STATUS_INTERNAL, "the definition is not one query");
	binder->tree = statement->tree;
	return bind_select(binder, binder->tree->node->select_stmt, NULL, true, out);
}

static status definition_check(const struct sql_relation *relation, const struct plan *plan)
{
	if (plan->schema.field_count != relation->visible_count)
		return error_raise(STATUS_INTERNAL, "the definition gives %zu columns, not %zu",
			plan->schema.field_count, relation->visible_count);
	return STATUS_OK;
}

static status expansion_check(
	const struct binder *binder, const struct sql_relation *relation, int32_t location)
{
	for (const struct bind_expansion *outer = binder->expansions; outer != NULL; outer = outer->outer) {
		if (outer->version == relation->version && strcmp(outer->name, relation->name) == 0)
			return bind_fail(STATUS_INVALID, binder, bind_position(binder, location),
				"view \"%s\" version %lld is defined by itself", relation->name,
				(long long)relation->version);
	}
	return STATUS_OK;
}

static status view_expand(
	struct binder *binder, const struct sql_relation *relation, int32_t location, const struct plan **out)
{
	struct bind_expansion expansion = {relation->name, relation->version, binder->expansions};
	struct binder inner = {
		.arena = binder->arena,
		.catalog = relation->scope != NULL ? relation->scope : binder->catalog,
		.limits = binder->limits,
		.for_view = true,
		.expanded = true,
		.expansions = &expansion,
	};
	struct sql_script *script = NULL;
	status code = expansion_check(binder, relation, location);
	if (code == STATUS_OK)
		code = bind_enter(binder, location);
	if (code != STATUS_OK)
		return code;
	code = sql_parse(slice_of_string(relation->definition), binder->arena, &script);
	if (code == STATUS_OK)
		code = definition_bind(&inner, script, out);
	if (code == STATUS_OK)
		code = definition_check(relation, *out);
	sql_script_release(script);
	bind_leave(binder);
	if (code == STATUS_OK)
		return STATUS_OK;
	error_position(bind_position(binder, location));
	if (strstr(error_current()->text, "in the definition of view") != NULL)
		return code;
	return error_note(
		code, "in the definition of view \"%s\" version %lld", relation->name, (long long)relation->version);
}

/* ---- names ---- */

static status cte_bind(struct binder *binder, const struct bind_cte *cte, const struct plan **out)
{
	struct binder inner = *binder;
	inner.ctes = cte->visible;
	const PgQuery__CommonTableExpr *definition = cte->definition;
	status code = bind_enter(binder, definition->location);
	if (code != STATUS_OK)
		return code;
	code = bind_select(&inner, definition->ctequery->select_stmt, NULL, true, out);
	bind_leave(binder);
	if (code != STATUS_OK || definition->n_aliascolnames == 0)
		return code;
	size_t count = (*out)->schema.field_count;
	if (definition->n_aliascolnames > count) {
		(void)bind_fail(STATUS_SYNTAX, binder, bind_position(binder, definition->location),
			"WITH query \"%s\" has %zu columns available but %zu columns specified", cte->name, count,
			definition->n_aliascolnames);
		error_sqlstate("42P10");
		return STATUS_SYNTAX;
	}
	const char **names = arena_alloc(binder->arena, count * sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = i < definition->n_aliascolnames ? sql_string_of(definition->aliascolnames[i])
												   : (*out)->schema.fields[i].name;
	*out = plan_make_renamed(binder->arena, *out, names);
	return STATUS_OK;
}

static const struct bind_cte *cte_find(const struct binder *binder, const struct sql_name *name)
{
	if (name->schema_name != NULL || name->version != 0)
		return NULL;
	for (const struct bind_cte *cte = binder->ctes; cte != NULL; cte = cte->visible) {
		if (strcmp(cte->name, name->name) == 0)
			return cte;
	}
	return NULL;
}

status bind_relation(struct binder *binder, const struct sql_name *name, int32_t location,
	const struct sql_relation **relation, const struct plan **out)
{
	*relation = NULL;
	const struct bind_cte *cte = cte_find(binder, name);
	if (cte != NULL)
		return cte_bind(binder, cte, out);
	int32_t position = bind_position(binder, location);
	struct sql_relation *found = arena_alloc_zeroed(binder->arena, sizeof *found);
	status code = binder->catalog->find(
		binder->catalog, name->schema_name, name->name, name->version, binder->arena, found);
	if (code != STATUS_OK)
		return bind_positioned(code, position);
	use_add(binder, found);
	*relation = found;
	if (binder->for_view && found->kind == SQL_SYSTEM)
		return bind_unsupported(binder, location, "A view is a function of the records of tables alone.",
			"system relation \"%s\" in a view", found->name);
	if (binder->for_view && found->kind == SQL_VIEW)
		return view_expand(binder, found, location, out);
	*out = plan_make_scan(binder->arena, found);
	return STATUS_OK;
}

/* ---- functions of the catalog ---- */

static status function_value(struct binder *binder, const sql_node *node, const char *name, struct value *out)
{
	struct bind_place place = {.clause = "arguments of functions in FROM"};
	const struct expression *argument;
	status code = bind_expression(binder, &place, node, &argument);
	if (code == STATUS_OK)
		code = bind_settle(binder, argument, &argument);
	if (code == STATUS_UNKNOWN_COLUMN || code == STATUS_UNKNOWN_RELATION)
		return bind_unsupported(binder, bind_location(node), "Write the values as constants or parameters.",
			"a column as argument of %s()", name);
	if (code != STATUS_OK)
		return code;
	if (argument->kind == EXPR_PARAMETER) {
		*out = (struct value){.type = {SQL_ARGUMENT_PARAMETER, (int32_t)argument->parameter}, .null = true};
		return STATUS_OK;
	}
	if (argument->kind != EXPR_CONSTANT)
		return bind_unsupported(binder, bind_location(node), "Write the values as constants or parameters.",
			"anything but constants as arguments of %s()", name);
	*out = argument->value;
	return STATUS_OK;
}

status bind_relation_function(
	struct binder *binder, const PgQuery__FuncCall *call, const struct plan **out, size_t *visible_count)
{
	struct sql_catalog *catalog = binder->catalog;
	const char *schema_name;
	const char *name = sql_qualified_of(call->funcname, call->n_funcname, &schema_name);
	if (catalog->find_function == NULL)
		return STATUS_NOT_FOUND;
	struct value *values = arena_alloc_zeroed(binder->arena, call->n_args * sizeof *values);
	for (size_t i = 0; i < call->n_args; i++) {
		status code = function_value(binder, call->args[i], name, &values[i]);
		/* Names without a schema may be anybody's: let the caller say what is wrong. */
		if (code != STATUS_OK)
			return schema_name == NULL ? STATUS_NOT_FOUND : code;
	}
	struct sql_relation *found = arena_alloc_zeroed(binder->arena, sizeof *found);
	status code =
		catalog->find_function(catalog, schema_name, name, values, call->n_args, binder->arena, found);
	if (code == STATUS_UNKNOWN_FUNCTION)
		return STATUS_NOT_FOUND;
	if (code != STATUS_OK)
		return bind_positioned(code, bind_position(binder, call->location));
	if (binder->for_view)
		return bind_unsupported(binder, call->location,
			"A view is a function of the records of tables alone.", "function %s() in a view", name);
	*out = plan_make_scan(binder->arena, found);
	*visible_count = found->visible_count;
	return STATUS_OK;
}

/* ---- TUMBLE(relation, column, size) ---- */

static status window_relation(struct binder *binder, const sql_node *node,
	const struct sql_relation **relation, const struct plan **out)
{
	const PgQuery__ColumnRef *reference = node->column_ref;
	const char *schema_name;
	if (node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || reference->n_fields > 2 ||
		sql_string_of(reference->fields[reference->n_fields - 1]) == NULL)
		return bind_fail(STATUS_SYNTAX, binder, bind_position(binder, bind_location(node)),
			"the first argument of TUMBLE must be the name of a table or view");
	struct sql_name name = {0};
	const char *written = sql_qualified_of(reference->fields, reference->n_fields, &schema_name);
	sql_name_split(written, binder->arena, &name.name, &name.version);
	name.schema_name = schema_name;
	int64_t noted = sql_version_at(binder->tree, reference->location);
	if (noted != 0)
		name.version = noted;
	return bind_relation(binder, &name, reference->location, relation, out);
}

static status window_column(struct binder *binder, const struct plan *plan, const char *alias,
	const sql_node *node, const struct expression **out)
{
	const char *name = node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF
						   ? sql_string_of(node->column_ref->fields[node->column_ref->n_fields - 1])
						   : NULL;
	int32_t position = bind_position(binder, bind_location(node));
	if (name == NULL)
		return bind_fail(STATUS_SYNTAX, binder, position,
			"the second argument of TUMBLE must be a column of the relation");
	int32_t column = schema_find(&plan->schema, name);
	if (column < 0) {
		struct bind_scope *scope = bind_scope_of(binder, plan, alias, NULL, 0, plan->schema.field_count);
		return bind_unknown_column(binder, scope, NULL, name, bind_location(node));
	}
	struct type type = plan->schema.fields[column].type;
	if (type.id != TYPE_TIMESTAMP && type.id != TYPE_TIMESTAMPTZ) {
		(void)bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"TUMBLE needs a timestamp column, \"%s\" is %s", name, type_name(type.id));
		error_hint("Cast it in a subquery or an upstream view.");
		return STATUS_TYPE_MISMATCH;
	}
	struct expression *expression = expression_column(binder->arena, (uint32_t)column, type);
	expression->position = position;
	*out = expression;
	return STATUS_OK;
}

static status window_size(struct binder *binder, const sql_node *node, const struct expression **out)
{
	struct bind_place place = {.clause = "the size of a window"};
	const struct expression *size;
	int32_t position = bind_position(binder, bind_location(node));
	status code = bind_expression(binder, &place, node, &size);
	if (code == STATUS_OK)
		code = bind_coerce(binder, size, type_of(TYPE_INTERVAL), CAST_IMPLICIT, position, &size);
	if (code != STATUS_OK)
		return code;
	if (size->kind != EXPR_CONSTANT || size->value.null)
		return bind_fail(
			STATUS_INVALID, binder, position, "the size of a window must be a constant interval");
	const struct interval *interval = &size->value.interval;
	if (interval->months != 0) {
		(void)bind_fail(STATUS_UNSUPPORTED, binder, position, "windows of months or years are not supported");
		error_hint("Months differ in length: group by date_trunc('month', …).");
		return STATUS_UNSUPPORTED;
	}
	if (interval->days < 0 || interval->microseconds < 0 ||
		(interval->days == 0 && interval->microseconds == 0))
		return bind_fail(STATUS_INVALID, binder, position, "the size of a window must be positive");
	*out = size;
	return STATUS_OK;
}

/* window_start = date_bin(size, column, 'epoch'); window_end = window_start + size: [start, end), UTC. */
static status window_start(struct binder *binder, const struct expression *column,
	const struct expression *size, int32_t position, const struct expression **out)
{
	struct value epoch = {.type = column->type, .i64 = 0};
	const struct expression *bin[] = {size, column, expression_constant(binder->arena, &epoch)};
	return bind_function(binder, "date_bin", bin, 3, position, out);
}

/* The plan with one more column, at position `at`. */
static const struct plan *plan_with_column(struct binder *binder, const struct plan *plan, size_t at,
	const char *name, const struct expression *expression)
{
	size_t count = plan->schema.field_count;
	struct expression_list columns = {0};
	const char **names = arena_alloc(binder->arena, (count + 1) * sizeof *names);
	for (uint32_t i = 0; i <= count; i++) {
		if (i == at) {
			names[columns.count] = name;
			expression_list_add(&columns, binder->arena, expression);
		}
		if (i == count)
			break;
		names[columns.count] = plan->schema.fields[i].name;
		expression_list_add(
			&columns, binder->arena, expression_column(binder->arena, i, plan->schema.fields[i].type));
	}
	return plan_make_project(binder->arena, plan, columns.items, names, columns.count);
}

status bind_windowed(struct binder *binder, const PgQuery__FuncCall *call, const struct plan **out,
	const struct sql_relation **relation)
{
	int32_t position = bind_position(binder, call->location);
	const struct plan *plan;
	const struct expression *column = NULL, *size = NULL, *bounds[2];
	if (call->n_args != 3) {
		(void)bind_fail(STATUS_SYNTAX, binder, position, "TUMBLE takes a relation, a column and a size");
		error_hint("FROM TUMBLE(bids, date_time, INTERVAL '1 minute')");
		return STATUS_SYNTAX;
	}
	status code = window_relation(binder, call->args[0], relation, &plan);
	if (code == STATUS_OK)
		code = window_column(
			binder, plan, *relation != NULL ? (*relation)->name : "relation", call->args[1], &column);
	if (code == STATUS_OK)
		code = window_size(binder, call->args[2], &size);
	if (code == STATUS_OK)
		code = window_start(binder, column, size, position, &bounds[0]);
	if (code != STATUS_OK)
		return code;
	/* The window's columns come after the visible ones, before the hidden. */
	size_t visible =
		*relation != NULL && plan->kind == PLAN_SCAN ? (*relation)->visible_count : plan->schema.field_count;
	plan = plan_with_column(binder, plan, visible, "window_start", bounds[0]);
	const struct expression *start = expression_column(binder->arena, (uint32_t)visible, column->type);
	code = bind_function(binder, "+", (const struct expression *[]){start, size}, 2, position, &bounds[1]);
	if (code == STATUS_OK)
		*out = plan_with_column(binder, plan, visible + 1, "window_end", bounds[1]);
	return code;
}
