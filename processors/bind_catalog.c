/* What tools ask of PostgreSQL's catalogs beside plain SQL: functions and casts that look something up by an
 * object's id, and the few forms of arrays and records their queries are made of.
 *
 *   pg_get_viewdef(x)      the column "viewdef" of the row of pg_class whose oid is x: a left join
 *   x::regclass            of a literal its id; of an id its name
 *   (_pg_expandarray(v)).n each row once per element of the vector v, as (element, number): a join with the
 *                          numbers up to its length; a record is its text, "(3,1)"
 *
 * Vectors and arrays are text too ("1 2", '{a,b}'): there is no type for them.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "processors/bind.h"

enum { VECTOR_ELEMENTS_MAX = 1664 }; /* columns of a relation */

/* ---- looking up by id ---- */

/* `result` of the row of pg_catalog.relation whose `key` equals the subject. */
static status bind_lookup(struct binder *binder, const struct bind_place *place, const char *relation,
	const char *key, const char *result, const struct expression *subject, int32_t location,
	const struct expression **out)
{
	if (place->subqueries == NULL)
		return bind_unsupported(
			binder, location, "Join pg_catalog.pg_class.", "looking up a catalog in %s", place->clause);
	if (binder->for_view)
		return bind_unsupported(binder, location, "A view is a function of the records of tables alone.",
			"looking up a catalog in a view");
	struct sql_relation *found = arena_alloc_zeroed(binder->arena, sizeof *found);
	status code = binder->catalog->find(binder->catalog, "pg_catalog", relation, 0, binder->arena, found);
	if (code != STATUS_OK)
		return bind_positioned(code, bind_position(binder, location));
	const struct plan *plan = plan_make_scan(binder->arena, found);
	int32_t key_column = schema_find(&plan->schema, key), column = schema_find(&plan->schema, result);
	INVARIANT(key_column >= 0 && column >= 0);
	struct type key_type = plan->schema.fields[key_column].type;
	code = bind_coerce(binder, subject, key_type, CAST_ASSIGNMENT, bind_position(binder, location), &subject);
	if (code != STATUS_OK)
		return code;
	const struct expression *sides[] = {expression_column(binder->arena, (uint32_t)key_column, key_type),
		expression_column(binder->arena, COLUMN_OUTER, key_type)};
	struct bind_subquery subquery = {.kind = ATTACH_LOOKUP, .plan = plan, .column = (uint32_t)column};
	code = bind_function(binder, "=", sides, 2, bind_position(binder, location), &subquery.condition);
	if (code == STATUS_OK)
		*out = bind_attached(binder, place, subquery, &subject, 1, plan->schema.fields[column].type);
	return code;
}

/* Functions of (oid [, more that changes nothing]). */
static const struct {
	const char *name, *relation, *key, *result;
	size_t arguments_max;
} lookups[] = {
	{"pg_get_viewdef", "pg_class", "oid", "viewdef", 2},
	{"pg_get_constraintdef", "pg_constraint", "oid", "condef", 2},
	{"pg_get_indexdef", "pg_index", "indexrelid", "indexdef", 1},
	{"pg_table_size", "pg_class", "oid", "relsize", 1},
	{"pg_relation_size", "pg_class", "oid", "relsize", 1},
	{"pg_total_relation_size", "pg_class", "oid", "relsize", 1},
};

/* pg_get_indexdef(index, column, pretty): the whole definition for column 0, else the column's name. */
static status bind_index_column(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const struct expression *index, const struct expression **out)
{
	const struct expression *whole, *names, *element[2], *is_whole;
	int32_t position = bind_position(binder, call->location);
	status code =
		bind_lookup(binder, place, "pg_index", "indexrelid", "indexdef", index, call->location, &whole);
	if (code == STATUS_OK)
		code = bind_lookup(
			binder, place, "pg_index", "indexrelid", "indexcolumns", index, call->location, &names);
	if (code == STATUS_OK)
		code = bind_expression(binder, place, call->args[1], &element[1]);
	if (code == STATUS_OK)
		code = bind_coerce(binder, element[1], type_of(TYPE_INT4), CAST_ASSIGNMENT, position, &element[1]);
	if (code != STATUS_OK)
		return code;
	struct value zero = {.type = type_of(TYPE_INT4)};
	const struct expression *sides[] = {element[1], expression_constant(binder->arena, &zero)};
	element[0] = names;
	const struct expression *column;
	code = bind_function(binder, "=", sides, 2, position, &is_whole);
	if (code == STATUS_OK)
		code = bind_function(binder, "[]", element, 2, position, &column);
	if (code != STATUS_OK)
		return code;
	const struct expression *arguments[] = {is_whole, whole, column};
	*out = bind_fold(binder, expression_of(binder->arena, EXPR_CASE, type_of(TYPE_TEXT), arguments, 3));
	return STATUS_OK;
}

/* ---- _pg_expandarray ---- */

static status expansion_numbers(struct binder *binder, int32_t location, const struct plan **out)
{
	struct value bounds[2] = {
		{.type = type_of(TYPE_INT8), .i64 = 1}, {.type = type_of(TYPE_INT8), .i64 = VECTOR_ELEMENTS_MAX}};
	struct sql_relation *found = arena_alloc_zeroed(binder->arena, sizeof *found);
	status code = binder->catalog->find_function == NULL
					  ? error_raise(STATUS_UNKNOWN_FUNCTION, "function generate_series does not exist")
					  : binder->catalog->find_function(binder->catalog, "pg_catalog", "generate_series",
							bounds, 2, binder->arena, found);
	if (code != STATUS_OK)
		return bind_positioned(code, bind_position(binder, location));
	*out = plan_make_scan(binder->arena, found);
	return STATUS_OK;
}

/* Calls with the same argument advance together. */
static bool expansion_find(struct binder *binder, const struct bind_place *place,
	const struct expression *condition, const struct expression *vector, const struct expression **number)
{
	for (size_t i = 0; i < place->subqueries->count; i++) {
		const struct bind_subquery *subquery = &place->subqueries->items[i];
		if (subquery->kind != ATTACH_EXPANSION || !expression_equal(subquery->condition, condition))
			continue;
		*number = bind_attached_column(binder, (uint32_t)i, &vector, 1, type_of(TYPE_INT8));
		return true;
	}
	return false;
}

static status bind_expansion(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const struct expression **out)
{
	const struct expression *vector, *number, *length = NULL;
	int32_t position = bind_position(binder, call->location);
	if (place->subqueries == NULL || binder->for_view || strcmp(place->clause, "the SELECT list") != 0)
		return bind_unsupported(
			binder, call->location, "Use it in the SELECT list of a query.", "_pg_expandarray() here");
	if (call->n_args != 1)
		return bind_fail(
			STATUS_UNKNOWN_FUNCTION, binder, position, "_pg_expandarray takes one argument, a vector");
	status code = bind_expression(binder, place, call->args[0], &vector);
	if (code != STATUS_OK)
		return code;
	if (vector->type.id != TYPE_INT2VECTOR)
		return bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"_pg_expandarray needs an int2vector, not %s", type_name(vector->type.id));
	struct bind_subquery subquery = {.kind = ATTACH_EXPANSION};
	code = expansion_numbers(binder, call->location, &subquery.plan);
	const struct expression *outer = expression_column(binder->arena, COLUMN_OUTER, vector->type);
	if (code == STATUS_OK)
		code = bind_function(binder, "cardinality", &outer, 1, position, &length);
	if (code != STATUS_OK)
		return code;
	const struct expression *sides[] = {expression_column(binder->arena, 0, type_of(TYPE_INT8)), length};
	code = bind_function(binder, "<=", sides, 2, position, &subquery.condition);
	if (code != STATUS_OK)
		return code;
	if (!expansion_find(binder, place, subquery.condition, vector, &number))
		number = bind_attached(binder, place, subquery, &vector, 1, type_of(TYPE_INT8));
	const struct expression *record[] = {vector, number};
	return bind_function(binder, "_pg_expandarray", record, 2, position, out);
}

status bind_catalog_call(struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call,
	const char *schema_name, const char *name, bool *done, const struct expression **out)
{
	const struct expression *subject;
	*done = true;
	if (strcmp(name, "_pg_expandarray") == 0 && schema_name != NULL &&
		strcmp(schema_name, "information_schema") == 0)
		return bind_expansion(binder, place, call, out);
	bool builtin = schema_name == NULL || strcmp(schema_name, "pg_catalog") == 0;
	for (size_t i = 0; i < sizeof lookups / sizeof lookups[0] && builtin; i++) {
		bool index_column = strcmp(name, "pg_get_indexdef") == 0 && call->n_args == 3;
		bool count_fits = call->n_args >= 1 && call->n_args <= lookups[i].arguments_max;
		if (strcmp(lookups[i].name, name) != 0 || !(count_fits || index_column))
			continue;
		status code = bind_expression(binder, place, call->args[0], &subject);
		if (code != STATUS_OK)
			return code;
		if (index_column)
			return bind_index_column(binder, place, call, subject, out);
		return bind_lookup(binder, place, lookups[i].relation, lookups[i].key, lookups[i].result, subject,
			call->location, out);
	}
	*done = false;
	return STATUS_OK;
}

/* ---- casts ---- */

/* 'public.points', '"Points"', '16402'. */
static status regclass_literal(
	struct binder *binder, struct text text, int32_t position, const struct expression **out)
{
	char *name = arena_printf(binder->arena, "%.*s", (int)text.size, text.data), *dot = NULL, *end = NULL;
	struct value id = {.type = type_of(TYPE_INT8)};
	id.i64 = strtoll(name, &end, 10);
	if (name[0] == '\0' || *end != '\0') {
		const char *schema_name = NULL;
		bool quoted = name[0] == '"';
		for (char *at = name; *at != '\0' && !quoted; at++) {
			*at = (char)tolower((unsigned char)*at);
			dot = *at == '.' && dot == NULL ? at : dot;
		}
		if (quoted && text.size >= 2 && name[text.size - 1] == '"') {
			name[text.size - 1] = '\0';
			name++;
		}
		if (dot != NULL) {
			*dot = '\0';
			schema_name = name;
			name = dot + 1;
		}
		struct sql_relation found = {0};
		status code = binder->catalog->find(binder->catalog, schema_name, name, 0, binder->arena, &found);
		if (code != STATUS_OK)
			return bind_positioned(code, position);
		id.i64 = found.oid;
	}
	struct expression *constant = expression_constant(binder->arena, &id);
	constant->position = position;
	*out = constant;
	return STATUS_OK;
}

static status bind_regclass(struct binder *binder, const struct bind_place *place,
	const struct expression *argument, int32_t location, const struct expression **out)
{
	if (argument->type.id == TYPE_UNKNOWN && argument->kind == EXPR_CONSTANT && !argument->value.null)
		return regclass_literal(binder, argument->value.text, bind_position(binder, location), out);
	if (type_is_string(argument->type.id)) {
		status code = bind_settle(binder, argument, &argument);
		return code != STATUS_OK
				   ? code
				   : bind_lookup(binder, place, "pg_class", "relname", "oid", argument, location, out);
	}
	return bind_lookup(binder, place, "pg_class", "oid", "regclass", argument, location, out);
}

status bind_catalog_cast(struct binder *binder, const struct bind_place *place, const PgQuery__TypeCast *cast,
	bool *done, const struct expression **out)
{
	const PgQuery__TypeName *type = cast->type_name;
	const char *schema_name;
	const char *name = sql_qualified_of(type->names, type->n_names, &schema_name);
	const struct expression *argument;
	*done = false;
	if (strncmp(name, "reg", 3) != 0 || type->n_array_bounds > 0 ||
		(schema_name != NULL && strcmp(schema_name, "pg_catalog") != 0))
		return STATUS_OK;
	bool regclass = strcmp(name, "regclass") == 0, regtype = strcmp(name, "regtype") == 0;
	bool regnamespace = strcmp(name, "regnamespace") == 0, regrole = strcmp(name, "regrole") == 0;
	bool regproc = strcmp(name, "regproc") == 0 || strcmp(name, "regprocedure") == 0;
	if (!regclass && !regtype && !regnamespace && !regrole && !regproc)
		return STATUS_OK;
	*done = true;
	int32_t location = cast->location >= 0 ? cast->location : type->location;
	status code = bind_expression(binder, place, cast->arg, &argument);
	if (code != STATUS_OK)
		return code;
	if (regclass)
		return bind_regclass(binder, place, argument, location, out);
	if (type_is_string(argument->type.id)) {
		/* Of a name: functions are named by their names here, types and the others have ids to look up. */
		if (regproc)
			return bind_settle(binder, argument, out);
		code = bind_settle(binder, argument, &argument);
		if (code != STATUS_OK)
			return code;
		if (regtype)
			return bind_function(binder, "to_regtype", &argument, 1, bind_position(binder, location), out);
		return regnamespace
				   ? bind_lookup(binder, place, "pg_namespace", "nspname", "oid", argument, location, out)
				   : bind_lookup(binder, place, "pg_roles", "rolname", "oid", argument, location, out);
	}
	if (regtype) {
		const struct expression *arguments[] = {argument, bind_null(binder, type_of(TYPE_INT4))};
		return bind_function(binder, "format_type", arguments, 2, bind_position(binder, location), out);
	}
	if (regnamespace)
		return bind_lookup(binder, place, "pg_namespace", "oid", "nspname", argument, location, out);
	if (regrole)
		return bind_lookup(binder, place, "pg_roles", "oid", "rolname", argument, location, out);
	return bind_lookup(binder, place, "pg_proc", "oid", "proname", argument, location, out);
}

/* ---- subscripts and fields ---- */

static status bind_subscript(struct binder *binder, const struct bind_place *place,
	const struct expression *array, const PgQuery__AIndices *indices, const struct expression **out)
{
	const struct expression *arguments[] = {array, NULL};
	int32_t location = bind_location(indices->uidx);
	if (indices->is_slice || indices->uidx == NULL)
		return bind_unsupported(binder, location, "Take one element.", "a slice of an array");
	status code = bind_expression(binder, place, indices->uidx, &arguments[1]);
	if (code == STATUS_OK)
		code = bind_coerce(binder, arguments[1], type_of(TYPE_INT4), CAST_ASSIGNMENT,
			bind_position(binder, location), &arguments[1]);
	if (code != STATUS_OK)
		return code;
	if (array->type.id != TYPE_TEXT && array->type.id != TYPE_INT2VECTOR)
		return bind_unsupported(
			binder, location, "Use one column per element.", "a subscript of %s", type_name(array->type.id));
	return bind_function(binder, "[]", arguments, 2, bind_position(binder, location), out);
}

/* Only records of _pg_expandarray: (x, n). */
static status bind_field(struct binder *binder, const struct expression *record, const char *name,
	int32_t location, const struct expression **out)
{
	bool first = name != NULL && strcmp(name, "x") == 0, second = name != NULL && strcmp(name, "n") == 0;
	if (record->type.id != TYPE_TEXT || (!first && !second))
		return bind_unsupported(binder, location, "Use one column per field.", "a field selection");
	struct value number = {.type = type_of(TYPE_INT4), .i64 = first ? 1 : 2};
	const struct expression *arguments[] = {record, expression_constant(binder->arena, &number)};
	return bind_function(binder, ".", arguments, 2, bind_position(binder, location), out);
}

status bind_indirection(struct binder *binder, const struct bind_place *place,
	const PgQuery__AIndirection *indirection, const struct expression **out)
{
	const struct expression *value;
	status code = bind_expression(binder, place, indirection->arg, &value);
	for (size_t i = 0; i < indirection->n_indirection && code == STATUS_OK; i++) {
		const sql_node *step = indirection->indirection[i];
		if (step->node_case == PG_QUERY__NODE__NODE_A_INDICES)
			code = bind_subscript(binder, place, value, step->a_indices, &value);
		else
			code = bind_field(binder, value, sql_string_of(step), bind_location(indirection->arg), &value);
	}
	if (code == STATUS_OK)
		*out = value;
	return code;
}
