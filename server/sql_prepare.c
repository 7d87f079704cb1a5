/* Prepared statements: text to trees once, trees to plans whenever definitions changed. */
#include <string.h>

#include "base/invariant.h"
#include "server/sql_internal.h"

enum { LOOKUP_LITERALS_MAX = 16 };

/* ---- text ---- */

static status text_parse(struct slice bytes, struct sql_text **out)
{
	struct sql_text *text = mem_alloc_zeroed(1, sizeof *text);
	text->references = 1;
	arena_init(&text->arena);
	/* The statements borrow from the text. */
	struct slice copy = slice_of(arena_copy(&text->arena, bytes.data, bytes.size), bytes.size);
	status parsed = sql_parse(copy, &text->arena, &text->script);
	if (parsed != STATUS_OK) {
		arena_deinit(&text->arena);
		mem_free(text);
		return parsed;
	}
	*out = text;
	return STATUS_OK;
}

static void text_release(struct sql_text *text)
{
	if (--text->references > 0)
		return;
	sql_script_release(text->script);
	arena_deinit(&text->arena);
	mem_free(text);
}

/* ---- prepared ---- */

static struct sql_prepared *prepared_create(struct sql_text *text, const struct sql_statement *statement,
	const enum type_id *types, size_t type_count)
{
	struct sql_prepared *prepared = mem_alloc_zeroed(1, sizeof *prepared);
	prepared->references = 1;
	prepared->text = text;
	text->references++;
	prepared->statement = statement;
	if (type_count > 0) {
		prepared->declared = mem_alloc(type_count * sizeof *types);
		memcpy(prepared->declared, types, type_count * sizeof *types);
		prepared->declared_count = type_count;
	}
	return prepared;
}

status sql_prepare(struct sql_session *session, struct slice bytes, const enum type_id *types,
	size_t type_count, struct sql_prepared **out)
{
	(void)session;
	struct sql_text *text = NULL;
	status result = text_parse(bytes, &text);
	if (result != STATUS_OK)
		return result;
	const struct sql_statement *statement = NULL;
	for (size_t i = 0; i < text->script->statement_count; i++) {
		const struct sql_statement *candidate = &text->script->statements[i];
		if (candidate->kind == SQL_EMPTY)
			continue;
		if (statement != NULL) {
			result = error_raise(STATUS_SYNTAX, "cannot insert multiple commands into a prepared statement");
			break;
		}
		statement = candidate;
	}
	if (result == STATUS_OK)
		*out = prepared_create(text, statement, types, type_count);
	text_release(text);
	return result;
}

status sql_prepare_script(
	struct sql_session *session, struct slice bytes, struct sql_prepared ***out, size_t *count)
{
	(void)session;
	struct sql_text *text = NULL;
	status parsed = text_parse(bytes, &text);
	if (parsed != STATUS_OK)
		return parsed;
	size_t statement_count = text->script->statement_count;
	struct sql_prepared **statements = mem_alloc_zeroed(statement_count + 1, sizeof(struct sql_prepared *));
	for (size_t i = 0; i < statement_count; i++)
		statements[i] = prepared_create(text, &text->script->statements[i], NULL, 0);
	text_release(text);
	*out = statements;
	*count = statement_count;
	return STATUS_OK;
}

struct sql_prepared *sql_prepared_retain(struct sql_prepared *prepared)
{
	prepared->references++;
	return prepared;
}

void sql_prepared_release(struct sql_prepared *prepared)
{
	if (prepared == NULL || --prepared->references > 0)
		return;
	bound_release(prepared->bound);
	text_release(prepared->text);
	mem_free(prepared->declared);
	mem_free(prepared);
}

enum sql_statement_kind sql_prepared_kind(const struct sql_prepared *prepared)
{
	return prepared->statement != NULL ? prepared->statement->kind : SQL_EMPTY;
}

bool sql_prepared_is_empty(const struct sql_prepared *prepared)
{
	return sql_prepared_kind(prepared) == SQL_EMPTY;
}

/* ---- binding ---- */

struct sql_bound *bound_retain(struct sql_bound *bound)
{
	bound->references++;
	return bound;
}

void bound_release(struct sql_bound *bound)
{
	if (bound == NULL || --bound->references > 0)
		return;
	arena_deinit(&bound->arena);
	mem_free(bound);
}

/* One row or a few, found without scanning: a chain of filters and projections over literals, or over a scan
 * of a view for which EXPLAIN says Key Lookup. */
static bool plan_is_lookup(const struct plan *plan)
{
	const struct plan *node = plan;
	while (node->kind == PLAN_FILTER || node->kind == PLAN_PROJECT || node->kind == PLAN_LIMIT)
		node = node->children[0];
	if (node->kind == PLAN_VALUES)
		return node->values.row_count <= LOOKUP_LITERALS_MAX;
	if (node->kind != PLAN_SCAN || node->scan.version == 0)
		return false;
	struct buffer text;
	buffer_init(&text);
	plan_explain(node, &text);
	buffer_append_byte(&text, 0);
	bool found = strstr((const char *)text.data, "Key Lookup") != NULL;
	buffer_deinit(&text);
	return found;
}

static void columns_text(struct sql_bound *bound, const char *const *names, size_t count)
{
	bound->columns.fields = arena_alloc_zeroed(&bound->arena, count * sizeof(struct field));
	bound->columns.field_count = count;
	for (size_t i = 0; i < count; i++)
		bound->columns.fields[i] = (struct field){.name = names[i], .type = type_of(TYPE_TEXT)};
}

static status show_bind(
	struct sql_session *session, const struct sql_statement *statement, struct sql_bound *bound)
{
	const char *names[] = {"name", "setting", "description"};
	if (statement->setting.name == NULL || strcmp(statement->setting.name, "all") == 0) {
		columns_text(bound, names, 3);
		return STATUS_OK;
	}
	const char *canonical = NULL;
	if (sql_settings_get(session->settings, statement->setting.name, &canonical) == NULL) {
		error_raise(STATUS_INVALID, "unrecognized configuration parameter \"%s\"", statement->setting.name);
		error_sqlstate("42704");
		error_hint("SHOW ALL lists the settings.");
		return STATUS_INVALID;
	}
	names[0] = arena_copy_string(&bound->arena, canonical);
	columns_text(bound, names, 1);
	return STATUS_OK;
}

/* The columns are those of the cursor as it is now: bound anew every time. */
static status fetch_bind(
	struct sql_session *session, const struct sql_statement *statement, struct sql_bound *bound)
{
	bound->generation = UINT64_MAX;
	struct sql_declared *declared = NULL;
	status found = declared_find(session, statement->cursor.name, &declared);
	if (found == STATUS_OK && !statement->cursor.move)
		bound->columns = schema_copy(sql_cursor_columns(declared->cursor), &bound->arena);
	return found;
}

static status statement_bind(struct sql_session *session, const struct sql_statement *statement,
	struct publication *publication, struct sql_bound *bound)
{
	static const char *const explain_column[] = {"QUERY PLAN"};
	struct system_catalog catalog;
	system_catalog_init(&catalog, publication_catalog(publication), session);
	status result = STATUS_OK;
	switch (statement->kind) {
	case SQL_SELECT:
		result = sql_bind_query(statement, &catalog.base, &bound->parameters, &bound->arena, &bound->plan);
		if (result == STATUS_OK) {
			bound->columns = bound->plan->schema;
			bound->is_lookup = plan_is_lookup(bound->plan);
		}
		return result;
	case SQL_DECLARE:
		return sql_bind_query(
			statement->explained, &catalog.base, &bound->parameters, &bound->arena, &bound->plan);
	case SQL_FETCH:
		return fetch_bind(session, statement, bound);
	case SQL_EXPLAIN:
		columns_text(bound, explain_column, 1);
		return sql_bind_query(
			statement->explained, &catalog.base, &bound->parameters, &bound->arena, &bound->plan);
	case SQL_INSERT:
		return sql_bind_insert(statement, &catalog.base, &bound->parameters, &bound->arena, &bound->insert);
	case SQL_SHOW:
		bound->keeps = true;
		return show_bind(session, statement, bound);
	default:
		bound->keeps = true;
		return STATUS_OK;
	}
}

static status bound_create(struct sql_session *session, struct sql_prepared *prepared,
	struct publication *publication, struct sql_bound **out)
{
	struct sql_bound *bound = mem_alloc_zeroed(1, sizeof *bound);
	bound->references = 1;
	arena_init(&bound->arena);
	bound->generation = publication_generation(publication);
	bound->parameters.count = prepared->declared_count;
	bound->parameters.types =
		arena_copy(&bound->arena, prepared->declared, prepared->declared_count * sizeof *prepared->declared);
	status result = STATUS_OK;
	if (prepared->statement != NULL)
		result = statement_bind(session, prepared->statement, publication, bound);
	else
		bound->keeps = true;
	if (result != STATUS_OK) {
		bound_release(bound);
		return result;
	}
	*out = bound;
	return STATUS_OK;
}

static bool columns_agree(const struct schema *left, const struct schema *right)
{
	if (!schema_equal_types(left, right))
		return false;
	for (size_t i = 0; i < left->field_count; i++) {
		if (strcmp(left->fields[i].name, right->fields[i].name) != 0)
			return false;
	}
	return true;
}

status prepared_bind(
	struct sql_session *session, struct sql_prepared *prepared, struct publication *publication)
{
	struct sql_bound *old = prepared->bound;
	if (old != NULL && (old->keeps || old->generation == publication_generation(publication)))
		return STATUS_OK;
	struct sql_bound *bound = NULL;
	status result = bound_create(session, prepared, publication, &bound);
	if (result != STATUS_OK)
		return result;
	if (old != NULL && prepared->shown && !columns_agree(&old->columns, &bound->columns)) {
		bound_release(bound);
		error_raise(STATUS_UNSUPPORTED, "cached plan must not change result type");
		error_hint("Definitions changed since the statement was prepared: prepare it again.");
		return STATUS_UNSUPPORTED;
	}
	bound_release(old);
	prepared->bound = bound;
	return STATUS_OK;
}

status sql_prepared_describe(struct sql_session *session, struct sql_prepared *prepared,
	const enum type_id **parameter_types, size_t *parameter_count, const struct schema **columns)
{
	struct sql_reading *reading = session_reading(session, false);
	status bound = prepared_bind(session, prepared, reading->publication);
	reading_release(reading);
	if (bound != STATUS_OK)
		return bound;
	prepared->shown = true;
	*parameter_types = prepared->bound->parameters.types;
	*parameter_count = prepared->bound->parameters.count;
	*columns = &prepared->bound->columns;
	return STATUS_OK;
}

bool sql_prepared_is_inline(struct sql_session *session, struct sql_prepared *prepared)
{
	const struct sql_bound *bound = prepared->bound;
	if (prepared->statement == NULL)
		return bound != NULL;
	if (bound == NULL || !bound->is_lookup || session->wrote)
		return false;
	struct sql_reading *reading = session_reading(session, false);
	bool present = bound->generation == publication_generation(reading->publication);
	reading_release(reading);
	return present;
}
