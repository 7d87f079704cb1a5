/* Lookup of system relations and functions, and their scans. */
#include "server/system_catalog.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "processors/catalog_id.h"
#include "server/system_internal.h"

/* What a function's scan needs from the binding: lies in the plan's arena. */
struct system_handle {
	const struct system_definition *definition;
	const char *arguments[SYSTEM_ARGUMENTS_MAX];
	/* 1-based number of the parameter that is the argument; 0 = it is in `arguments`. */
	uint32_t parameters[SYSTEM_ARGUMENTS_MAX];
	size_t argument_count;
};

/* schema_name NULL: wherever it is. */
static const struct system_definition *definition_find(
	const struct system_definition *definitions, const char *schema_name, const char *name)
{
	for (; definitions->name != NULL; definitions++) {
		if (strcmp(definitions->name, name) == 0 &&
			(schema_name == NULL || strcmp(definitions->schema_name, schema_name) == 0))
			return definitions;
	}
	return NULL;
}

static void relation_describe(const struct system_definition *definition, const struct system_handle *handle,
	struct arena *arena, struct sql_relation *out)
{
	size_t count = 0;
	while (count < SYSTEM_COLUMNS_MAX && definition->columns[count].name != NULL)
		count++;
	struct field *fields = arena_alloc_zeroed(arena, count * sizeof *fields);
	uint32_t *keys = arena_alloc(arena, SYSTEM_KEYS_MAX * sizeof *keys);
	size_t key_count = 0;
	for (size_t i = 0; i < count; i++)
		fields[i] =
			(struct field){.name = definition->columns[i].name, .type = type_of(definition->columns[i].type)};
	for (; key_count < SYSTEM_KEYS_MAX && definition->keys[key_count] != NULL; key_count++) {
		int32_t column = schema_find(&(struct schema){fields, count}, definition->keys[key_count]);
		INVARIANT(column >= 0);
		keys[key_count] = (uint32_t)column;
		fields[column].not_null = true;
	}
	*out = (struct sql_relation){
		.kind = SQL_SYSTEM,
		.schema_name = definition->schema_name,
		.name = definition->name,
		.schema = {fields, count},
		.visible_count = count - definition->hidden_count,
		.key_columns = keys,
		.key_count = key_count,
		.unordered = true,
		.empty = definition->fill == NULL,
		.oid = definition->signature == NULL ? system_relation_oid(definition) : 0,
		/* A function of one column gives one row: it may stand in an expression. */
		.has_key = key_count > 0 || (definition->signature != NULL && count == 1 && !definition->gives_rows),
		.row_estimate = UINT64_MAX,
		.handle = arena_copy(arena, handle, sizeof *handle),
	};
}

const struct system_definition *const system_relation_lists[] = {
	system_relations, postgres_catalogs, postgres_empty_catalogs, postgres_relations, NULL};

uint32_t system_relation_oid(const struct system_definition *definition)
{
	enum { LIST_MAX = 250 };
	bool pg_catalog = strcmp(definition->schema_name, "pg_catalog") == 0;
	uint32_t schema = strcmp(definition->schema_name, "kappa") == 0 ? 0 : pg_catalog ? 1 : 2;
	for (uint32_t list = 0; system_relation_lists[list] != NULL; list++) {
		for (uint32_t i = 0; system_relation_lists[list][i].name != NULL; i++) {
			INVARIANT(i < LIST_MAX);
			if (&system_relation_lists[list][i] == definition)
				return CATALOG_OID_SYSTEM_MIN + schema * CATALOG_OID_SYSTEM_SCHEMA + list * LIST_MAX + i;
		}
	}
	INVARIANT(false); /* it is in one of them */
	return 0;
}

static bool schema_is_system(const char *name)
{
	return strcmp(name, "kappa") == 0 || strcmp(name, "pg_catalog") == 0 ||
		   strcmp(name, "information_schema") == 0;
}

static status relation_refuse(const char *schema_name, const char *name)
{
	error_raise(STATUS_UNKNOWN_RELATION, "relation \"%s%s%s\" does not exist",
		schema_name != NULL ? schema_name : "", schema_name != NULL ? "." : "", name);
	if (schema_name != NULL && strcmp(schema_name, "kappa") == 0)
		error_hint(
			"Schema kappa has versions, replays, views, tables, columns, topics, partitions, bad_records, "
			"deployments, settings, counters, users.");
	else
		error_hint("Not all of PostgreSQL's catalogs are there; schema kappa tells of tables, views and "
				   "their versions.");
	return STATUS_UNKNOWN_RELATION;
}

static status catalog_find(struct sql_catalog *base, const char *schema_name, const char *name,
	int64_t version, struct arena *arena, struct sql_relation *out)
{
	struct system_catalog *catalog = (struct system_catalog *)base;
	if (schema_name == NULL || !schema_is_system(schema_name)) {
		status found = catalog->inner->find(catalog->inner, schema_name, name, version, arena, out);
		if (found == STATUS_OK)
			out->oid = catalog_oid('r', out->name);
		if (found != STATUS_UNKNOWN_RELATION || schema_name != NULL || version != 0)
			return found;
	}
	const struct system_definition *definition = NULL;
	for (size_t i = 0; system_relation_lists[i] != NULL && definition == NULL; i++)
		definition = definition_find(system_relation_lists[i], schema_name, name);
	/* information_schema is not on the search path. */
	bool hidden = definition != NULL && schema_name == NULL &&
				  strcmp(definition->schema_name, "information_schema") == 0;
	if (definition == NULL || hidden || version != 0) {
		if (schema_name != NULL || strncmp(name, "pg_", 3) == 0)
			return relation_refuse(schema_name, name);
		/* The inner catalog's error knows similar names. */
		return catalog->inner->find(catalog->inner, schema_name, name, version, arena, out);
	}
	struct system_handle handle = {.definition = definition};
	relation_describe(definition, &handle, arena, out);
	return STATUS_OK;
}

/* ---- functions ---- */

static const char *argument_text(const struct value *value, struct arena *arena)
{
	if (value->null)
		return NULL;
	struct buffer text;
	buffer_init(&text);
	struct value shown = *value;
	if (shown.type.id == TYPE_UNKNOWN)
		shown.type.id = TYPE_TEXT;
	value_format(&shown, &text);
	buffer_append_byte(&text, 0);
	const char *copy = arena_copy(arena, text.data, text.size);
	buffer_deinit(&text);
	return copy;
}

/* UNKNOWN_FUNCTION lets the binder go on looking; in schema kappa there is nowhere else to look. */
static status function_refuse(const char *schema_name, const char *name)
{
	if (schema_name == NULL || strcmp(schema_name, "kappa") != 0)
		return error_raise(STATUS_UNKNOWN_FUNCTION, "function %s does not exist", name);
	error_raise(STATUS_INVALID, "function kappa.%s does not exist", name);
	error_sqlstate("42883");
	error_hint("Schema kappa has promote, rollback, drop_version, pause, resume, verify, diff, diff_columns, "
			   "diff_summary, deploy, plan.");
	return STATUS_INVALID;
}

static status catalog_find_function(struct sql_catalog *base, const char *schema_name, const char *name,
	const struct value *arguments, size_t argument_count, struct arena *arena, struct sql_relation *out)
{
	(void)base;
	const struct system_definition *definition = NULL;
	/* Verbs are called by their schema's name, so that no verb is called by mistake. */
	if (schema_name != NULL && strcmp(schema_name, "kappa") == 0)
		definition = definition_find(system_functions, schema_name, name);
	else
		definition = definition_find(postgres_functions, schema_name, name);
	if (definition == NULL)
		return function_refuse(schema_name, name);
	if (argument_count < definition->arguments_min || argument_count > definition->arguments_max) {
		error_raise(STATUS_INVALID, "function %s.%s does not take %zu arguments", definition->schema_name,
			name, argument_count);
		error_sqlstate("42883");
		error_hint("It is %s.%s(%s).", definition->schema_name, name, definition->signature);
		return STATUS_INVALID;
	}
	struct system_handle handle = {.definition = definition, .argument_count = argument_count};
	INVARIANT(argument_count <= SYSTEM_ARGUMENTS_MAX);
	for (size_t i = 0; i < argument_count; i++) {
		if (arguments[i].type.id == SQL_ARGUMENT_PARAMETER)
			handle.parameters[i] = (uint32_t)arguments[i].type.modifier + 1;
		else
			handle.arguments[i] = argument_text(&arguments[i], arena);
	}
	relation_describe(definition, &handle, arena, out);
	return STATUS_OK;
}

void system_catalog_init(
	struct system_catalog *catalog, struct sql_catalog *inner, const struct sql_session *session)
{
	*catalog = (struct system_catalog){
		.base = {.find = catalog_find, .find_function = catalog_find_function},
		.inner = inner,
		.session = session,
	};
}

/* ---- rows ---- */

status rows_put(struct system_rows *rows, const char *format, ...)
{
	status result = system_rows_begin(rows);
	if (result != STATUS_OK)
		return result;
	va_list values;
	va_start(values, format);
	for (; *format != '\0'; format++) {
		switch (*format) {
		case 'b':
			rows_bool(rows, va_arg(values, int) != 0);
			break;
		case 'i':
			rows_i64(rows, va_arg(values, int));
			break;
		case 'l':
			rows_i64(rows, va_arg(values, int64_t));
			break;
		case 't':
			rows_text(rows, va_arg(values, const char *));
			break;
		default:
			INVARIANT(*format == 'n');
			rows_null(rows);
		}
	}
	va_end(values);
	return STATUS_OK;
}

/* ---- arguments ---- */

static status argument_refuse(const struct system_call *call, size_t index, const char *wanted)
{
	error_raise(STATUS_INVALID, "argument %zu of %s.%s must be %s", index + 1, call->definition->schema_name,
		call->definition->name, wanted);
	error_hint("It is %s.%s(%s).", call->definition->schema_name, call->definition->name,
		call->definition->signature);
	return STATUS_INVALID;
}

status call_text(const struct system_call *call, size_t index, const char **out)
{
	if (index >= call->argument_count || call->arguments[index] == NULL)
		return argument_refuse(call, index, "given and not null");
	*out = call->arguments[index];
	return STATUS_OK;
}

status call_i64(const struct system_call *call, size_t index, int64_t if_absent, int64_t *out)
{
	if (index >= call->argument_count || call->arguments[index] == NULL) {
		*out = if_absent;
		return STATUS_OK;
	}
	struct value value;
	if (value_parse(type_of(TYPE_INT8), slice_of_string(call->arguments[index]), NULL, &value) != STATUS_OK)
		return argument_refuse(call, index, "an integer");
	*out = value.i64;
	return STATUS_OK;
}

status call_f64(const struct system_call *call, size_t index, double if_absent, double *out)
{
	if (index >= call->argument_count || call->arguments[index] == NULL) {
		*out = if_absent;
		return STATUS_OK;
	}
	char *end = NULL;
	double number = strtod(call->arguments[index], &end);
	if (end == call->arguments[index] || *end != '\0')
		return argument_refuse(call, index, "a number");
	*out = number;
	return STATUS_OK;
}

/* ---- scans ---- */

/* Verbs change versions of the view that is their first argument, comparisons read it. */
static enum user_role call_role(const struct system_call *call)
{
	static const char *const verbs[] = {"promote", "rollback", "drop_version", "pause", "resume"};
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(call->definition->name, verbs[i]) == 0)
			return USER_DEPLOY;
	}
	return USER_READ;
}

/* deploy and plan look at each view of their text themselves; relations are for every user. */
static bool call_is_of_view(const struct system_call *call)
{
	return call->definition->signature != NULL && strcmp(call->definition->schema_name, "kappa") == 0 &&
		   call->argument_count > 0 && call->arguments[0] != NULL &&
		   strncmp(call->definition->signature, "view", 4) == 0;
}

static status call_access(struct system_call *call)
{
	if (!call_is_of_view(call))
		return STATUS_OK;
	return session_may(call->context.session, call_role(call), "materialized view", call->arguments[0]);
}

static void call_audit(struct system_call *call)
{
	if (call_is_of_view(call) && call_role(call) == USER_DEPLOY)
		session_audit(call->context.session, call->definition->name, call->arguments[0]);
}

static status call_fill(struct system_fill *fill, struct system_rows *rows)
{
	struct system_call *call = (struct system_call *)fill;
	status result = call_access(call);
	if (result == STATUS_OK && call->definition->fill != NULL)
		result = call->definition->fill(call, rows);
	if (result == STATUS_OK)
		call_audit(call);
	return result;
}

static void call_destroy(struct system_fill *fill)
{
	struct system_call *call = (struct system_call *)fill;
	arena_deinit(&call->arena);
	mem_free(call);
}

status system_relation_open(
	const struct system_context *context, const struct plan *scan, struct relation **out)
{
	const struct system_handle *handle = scan->scan.handle;
	INVARIANT(handle != NULL);
	struct system_call *call = mem_alloc_zeroed(1, sizeof *call);
	call->base.fill = call_fill;
	call->base.destroy = call_destroy;
	call->context = *context;
	call->definition = handle->definition;
	call->argument_count = handle->argument_count;
	arena_init(&call->arena);
	for (size_t i = 0; i < handle->argument_count; i++) {
		uint32_t number = handle->parameters[i];
		INVARIANT(number <= context->parameter_count);
		call->arguments[i] =
			number > 0 ? argument_text(&context->parameters[number - 1], &call->arena) : handle->arguments[i];
	}
	struct sql_relation described;
	relation_describe(handle->definition, handle, &call->arena, &described);
	*out = system_rows_relation(&described.schema, &call->base);
	return STATUS_OK;
}
