/* What drivers and tools ask PostgreSQL when they connect: information functions, settings, and
 * information_schema's tables and columns.
 */
#include <string.h>

#include "server/system_internal.h"
#include "server/system_pg_catalog.h"

/* ---- functions: one row, one column ---- */

static status text_row(struct system_rows *rows, const char *text)
{
	status result = system_rows_begin(rows);
	if (result == STATUS_OK)
		rows_text(rows, text);
	return result;
}

static status version_fill(struct system_call *call, struct system_rows *rows)
{
	(void)call;
	return text_row(rows, "PostgreSQL 15.6 (Kappa " KAPPA_VERSION ")");
}

static status schema_fill(struct system_call *call, struct system_rows *rows)
{
	(void)call;
	return text_row(rows, "public");
}

static status database_fill(struct system_call *call, struct system_rows *rows)
{
	return text_row(rows, call->context.session->database);
}

static status user_fill(struct system_call *call, struct system_rows *rows)
{
	return text_row(rows, call->context.session->user);
}

static status backend_pid_fill(struct system_call *call, struct system_rows *rows)
{
	status result = system_rows_begin(rows);
	if (result == STATUS_OK)
		rows_i64(rows, call->context.session->options.backend_pid);
	return result;
}

static status recovery_fill(struct system_call *call, struct system_rows *rows)
{
	(void)call;
	status result = system_rows_begin(rows);
	if (result == STATUS_OK)
		rows_bool(rows, false);
	return result;
}

/* There are no advisory locks to unlock: pools call it to reset a connection. */
static status unlock_fill(struct system_call *call, struct system_rows *rows)
{
	(void)call;
	return text_row(rows, "");
}

static bool argument_is_true(const struct system_call *call, size_t index)
{
	if (index >= call->argument_count || call->arguments[index] == NULL)
		return false;
	return strchr("tTyY1", call->arguments[index][0]) != NULL;
}

static status current_setting_fill(struct system_call *call, struct system_rows *rows)
{
	const char *name = NULL;
	status result = call_text(call, 0, &name);
	if (result != STATUS_OK)
		return result;
	const char *value = sql_settings_get(call->context.session->settings, name, NULL);
	if (value == NULL && !argument_is_true(call, 1)) {
		error_raise(STATUS_INVALID, "unrecognized configuration parameter \"%.100s\"", name);
		error_sqlstate("42704");
		return STATUS_INVALID;
	}
	return text_row(rows, value);
}

static status set_config_fill(struct system_call *call, struct system_rows *rows)
{
	const char *name = NULL, *value = NULL;
	status result = call_text(call, 0, &name);
	if (result == STATUS_OK)
		result = call_text(call, 1, &value);
	if (result == STATUS_OK)
		result = sql_session_set(call->context.session, name, value);
	if (result != STATUS_OK)
		return result;
	return text_row(rows, sql_settings_get(call->context.session->settings, name, NULL));
}

static status series_fill(struct system_call *call, struct system_rows *rows)
{
	int64_t first = 0, last = 0, step = 0;
	status result = call_i64(call, 0, 0, &first);
	if (result == STATUS_OK)
		result = call_i64(call, 1, 0, &last);
	if (result == STATUS_OK)
		result = call_i64(call, 2, 1, &step);
	if (result == STATUS_OK && step == 0)
		result = error_raise(STATUS_INVALID, "step size cannot equal zero");
	for (int64_t at = first; result == STATUS_OK && (step > 0 ? at <= last : at >= last);) {
		result = rows_put(rows, "l", at);
		if (__builtin_add_overflow(at, step, &at))
			break;
	}
	return result;
}

/* ---- pg_settings ---- */

static status pg_settings_fill(struct system_call *call, struct system_rows *rows)
{
	const char *name = NULL, *value = NULL, *words = NULL;
	status result = STATUS_OK;
	const struct sql_settings *settings = call->context.session->settings;
	for (size_t i = 0; sql_settings_describe(settings, i, &name, &value, &words); i++) {
		result = system_rows_begin(rows);
		if (result != STATUS_OK)
			break;
		rows_text(rows, name);
		rows_text(rows, value);
		rows_text(rows, words);
	}
	/* What tools ask of PostgreSQL's limits. */
	if (result == STATUS_OK)
		result = rows_put(rows, "ttt", "max_index_keys", "32", "Shows the maximum number of index keys.");
	return result;
}

/* ---- information_schema ---- */

/* Calls visit for every table and every live view. */
struct relation_visit {
	struct system_call *call;
	struct system_rows *rows;
	status (*visit)(struct relation_visit *visit, const char *name, const char *type,
		const struct schema *schema, size_t visible_count);
};

static status relations_visit(struct relation_visit *visit)
{
	struct system_call *call = visit->call;
	struct publication *publication = call->context.publication;
	const struct table **tables = NULL;
	size_t count = 0;
	publication_tables(publication, &call->arena, &tables, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && result == STATUS_OK; i++)
		result =
			visit->visit(visit, tables[i]->name, "BASE TABLE", &tables[i]->schema, tables[i]->visible_count);
	struct version_status *versions = NULL;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	struct sql_catalog *catalog = publication_catalog(publication);
	for (size_t i = 0; i < count && result == STATUS_OK; i++) {
		struct sql_relation relation;
		if (versions[i].live &&
			catalog->find(catalog, NULL, versions[i].view, 0, &call->arena, &relation) == STATUS_OK)
			result = visit->visit(visit, versions[i].view, "VIEW", &relation.schema, relation.visible_count);
	}
	return result;
}

static status table_visit(struct relation_visit *visit, const char *name, const char *type,
	const struct schema *schema, size_t visible_count)
{
	(void)schema;
	(void)visible_count;
	status result = system_rows_begin(visit->rows);
	if (result != STATUS_OK)
		return result;
	rows_text(visit->rows, visit->call->context.session->database);
	rows_text(visit->rows, "public");
	rows_text(visit->rows, name);
	rows_text(visit->rows, type);
	return STATUS_OK;
}

static void precision_put(struct system_rows *rows, int32_t precision)
{
	if (precision < 0)
		rows_null(rows);
	else
		rows_i64(rows, precision);
}

static bool type_category_is_time(enum type_id id)
{
	return id == TYPE_TIMESTAMP || id == TYPE_TIMESTAMPTZ || id == TYPE_INTERVAL;
}

static status columns_visit(struct relation_visit *visit, const char *name, const char *type,
	const struct schema *schema, size_t visible_count)
{
	const char *database = visit->call->context.session->database;
	for (size_t i = 0; i < visible_count; i++) {
		const struct field *field = &schema->fields[i];
		bool integer = type_is_numeric(field->type.id) && type_physical(field->type.id) == PHYS_I64;
		bool numeric = field->type.id == TYPE_NUMERIC && field->type.modifier >= 0;
		status result =
			rows_put(visit->rows, "ttttlttt", database, "public", name, field->name, (int64_t)i + 1,
				field->not_null ? "NO" : "YES", type_name(field->type.id), catalog_type_name(field->type.id));
		if (result != STATUS_OK)
			return result;
		rows_null(visit->rows); /* column_default */
		precision_put(visit->rows,
			field->type.id == TYPE_VARCHAR && field->type.modifier >= 0 ? field->type.modifier : -1);
		precision_put(visit->rows, numeric   ? field->type.modifier >> 16
								   : integer ? 8 * type_wire_size(field->type.id)
											 : -1);
		precision_put(visit->rows, numeric ? (int16_t)(field->type.modifier & 0xffff) : integer ? 0 : -1);
		precision_put(visit->rows, type_category_is_time(field->type.id) ? 6 : -1);
		rows_text(visit->rows, "NO");    /* is_identity */
		rows_text(visit->rows, "NEVER"); /* is_generated */
		rows_text(visit->rows, strcmp(type, "VIEW") == 0 ? "NO" : "YES");
	}
	return STATUS_OK;
}

static status information_tables_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_visit visit = {call, rows, table_visit};
	return relations_visit(&visit);
}

static status information_columns_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_visit visit = {call, rows, columns_visit};
	return relations_visit(&visit);
}

static status schemata_fill(struct system_call *call, struct system_rows *rows)
{
	static const char *const names[] = {"public", "kappa", "pg_catalog", "information_schema"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		status result = system_rows_begin(rows);
		if (result != STATUS_OK)
			return result;
		rows_text(rows, call->context.session->database);
		rows_text(rows, names[i]);
		rows_text(rows, "kappa");
	}
	return STATUS_OK;
}

/* clang-format off */
const struct system_definition postgres_functions[] = {
	{"pg_catalog", "version", "", 0, 0, version_fill, {{"version", TYPE_TEXT}}},
	{"pg_catalog", "current_schema", "", 0, 0, schema_fill, {{"current_schema", TYPE_TEXT}}},
	{"pg_catalog", "current_database", "", 0, 0, database_fill, {{"current_database", TYPE_TEXT}}},
	{"pg_catalog", "current_catalog", "", 0, 0, database_fill, {{"current_catalog", TYPE_TEXT}}},
	{"pg_catalog", "current_user", "", 0, 0, user_fill, {{"current_user", TYPE_TEXT}}},
	{"pg_catalog", "current_role", "", 0, 0, user_fill, {{"current_role", TYPE_TEXT}}},
	{"pg_catalog", "session_user", "", 0, 0, user_fill, {{"session_user", TYPE_TEXT}}},
	{"pg_catalog", "user", "", 0, 0, user_fill, {{"user", TYPE_TEXT}}},
	{"pg_catalog", "pg_backend_pid", "", 0, 0, backend_pid_fill, {{"pg_backend_pid", TYPE_INT4}}},
	{"pg_catalog", "pg_is_in_recovery", "", 0, 0, recovery_fill, {{"pg_is_in_recovery", TYPE_BOOL}}},
	{"pg_catalog", "pg_advisory_unlock_all", "", 0, 0, unlock_fill, {{"pg_advisory_unlock_all", TYPE_TEXT}}},
	{"pg_catalog", "current_setting", "name [, missing_ok]", 1, 2, current_setting_fill, {
		{"current_setting", TYPE_TEXT}}},
	{"pg_catalog", "generate_series", "first, last [, step]", 2, 3, series_fill, {{"generate_series", TYPE_INT8}},
		.gives_rows = true},
	{"pg_catalog", "set_config", "name, value, is_local", 2, 3, set_config_fill, {{"set_config", TYPE_TEXT}}},
	{0},
};

const struct system_definition postgres_relations[] = {
	{"pg_catalog", "pg_settings", NULL, 0, 0, pg_settings_fill, {
		{"name", TYPE_TEXT}, {"setting", TYPE_TEXT}, {"short_desc", TYPE_TEXT}}},
	{"information_schema", "schemata", NULL, 0, 0, schemata_fill, {
		{"catalog_name", TYPE_TEXT}, {"schema_name", TYPE_TEXT}, {"schema_owner", TYPE_TEXT}}},
	{"information_schema", "tables", NULL, 0, 0, information_tables_fill, {
		{"table_catalog", TYPE_TEXT}, {"table_schema", TYPE_TEXT}, {"table_name", TYPE_TEXT},
		{"table_type", TYPE_TEXT}}},
	{"information_schema", "columns", NULL, 0, 0, information_columns_fill, {
		{"table_catalog", TYPE_TEXT}, {"table_schema", TYPE_TEXT}, {"table_name", TYPE_TEXT},
		{"column_name", TYPE_TEXT}, {"ordinal_position", TYPE_INT4}, {"is_nullable", TYPE_TEXT},
		{"data_type", TYPE_TEXT}, {"udt_name", TYPE_TEXT}, {"column_default", TYPE_TEXT},
		{"character_maximum_length", TYPE_INT4}, {"numeric_precision", TYPE_INT4}, {"numeric_scale", TYPE_INT4},
		{"datetime_precision", TYPE_INT4}, {"is_identity", TYPE_TEXT}, {"is_generated", TYPE_TEXT},
		{"is_updatable", TYPE_TEXT}}},
	{0},
};
/* clang-format on */
