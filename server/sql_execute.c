/* Execution: statements to cursors. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"
#include "server/sql_internal.h"

enum { NANOSECONDS_PER_MILLISECOND = 1000000, QUERY_MEMORY_DEFAULT = 1 << 30 };

/* ---- time and cancellation ---- */

bool session_is_cancelled(void *context)
{
	struct sql_cursor *cursor = context;
	if (atomic_load_explicit(&cursor->session->cancelled, memory_order_relaxed))
		return true;
	if (cursor->deadline_ns != 0 && clock_monotonic_ns() > cursor->deadline_ns)
		cursor->timed_out = true;
	return cursor->timed_out;
}

/* The statement's time runs only while it runs, not while a suspended portal waits for its client. */
static void clock_start(struct sql_cursor *cursor)
{
	if (cursor->timeout_ns > 0)
		cursor->deadline_ns = clock_monotonic_ns() + cursor->timeout_ns - cursor->spent_ns;
}

static status clock_stop(struct sql_cursor *cursor, status result)
{
	if (cursor->timeout_ns > 0) {
		cursor->spent_ns = clock_monotonic_ns() - (cursor->deadline_ns - cursor->timeout_ns);
		cursor->deadline_ns = 0;
	}
	if (result != STATUS_CANCELLED)
		return result;
	if (cursor->timed_out)
		error_raise(STATUS_CANCELLED, "canceling statement due to statement timeout");
	else if (atomic_load(&cursor->session->cancelled))
		error_raise(STATUS_CANCELLED, "canceling statement due to user request");
	return STATUS_CANCELLED;
}

/* ---- SELECT ---- */

static status relation_open(void *context, const struct plan *scan, struct relation **out)
{
	struct sql_cursor *cursor = context;
	struct publication *publication = cursor->reading->publication;
	if (strcmp(scan->scan.schema_name, "public") == 0)
		return publication_open_relation(publication, scan, out);
	struct system_context system = {
		.session = cursor->session,
		.publication = publication,
		.parameters = cursor->parameters,
		.parameter_count = cursor->parameter_count,
		.cancelled = session_is_cancelled,
		.cancel_context = cursor,
	};
	return system_relation_open(&system, scan, out);
}

struct query_context cursor_query_context(struct sql_cursor *cursor, const struct evaluation *evaluation)
{
	size_t memory_bytes_max = cursor->session->environment.query_memory_bytes_max;
	return (struct query_context){
		.open_relation = relation_open,
		.context = cursor,
		.evaluation = *evaluation,
		.memory_bytes_max = memory_bytes_max > 0 ? memory_bytes_max : QUERY_MEMORY_DEFAULT,
		.cancelled = session_is_cancelled,
		.cancel_context = cursor,
	};
}

static status select_execute(struct sql_cursor *cursor, const struct evaluation *evaluation)
{
	struct query_context context = cursor_query_context(cursor, evaluation);
	return query_open(cursor->bound->plan, &context, &cursor->query);
}

/* ---- EXPLAIN, SHOW ---- */

/* A batch of text cells, row by row; cells lie in the cursor's arena. */
static void rows_give(struct sql_cursor *cursor, const char *const *cells, size_t row_count)
{
	size_t width = cursor->columns.field_count;
	struct batch *batch = batch_make(&cursor->arena, &cursor->columns, (uint32_t)row_count, false, false);
	for (size_t row = 0; row < row_count; row++) {
		for (size_t i = 0; i < width; i++) {
			const char *cell = cells[row * width + i];
			batch->columns[i].texts[row] = (struct text){.data = cell, .size = (uint32_t)strlen(cell)};
		}
	}
	cursor->rows = batch;
}

static void explain_execute(struct sql_cursor *cursor)
{
	struct buffer text;
	buffer_init(&text);
	plan_explain(cursor->bound->plan, &text);
	char *lines = arena_alloc(&cursor->arena, text.size + 1);
	memcpy(lines, text.data, text.size);
	lines[text.size] = '\0';
	size_t line_max = 1;
	for (size_t i = 0; i < text.size; i++)
		line_max += text.data[i] == '\n';
	buffer_deinit(&text);
	const char **cells = arena_alloc(&cursor->arena, line_max * sizeof *cells);
	size_t count = 0;
	char *place = NULL;
	for (char *line = strtok_r(lines, "\n", &place); line != NULL; line = strtok_r(NULL, "\n", &place))
		cells[count++] = line;
	rows_give(cursor, cells, count);
}

static void show_execute(struct sql_cursor *cursor, const struct sql_statement *statement)
{
	const struct sql_settings *settings = cursor->session->settings;
	struct arena *arena = &cursor->arena;
	if (cursor->columns.field_count == 1) {
		const char *value = sql_settings_get(settings, statement->setting.name, NULL);
		value = arena_copy_string(arena, value != NULL ? value : "");
		rows_give(cursor, &value, 1);
		return;
	}
	size_t count = 0;
	const char *name = NULL, *value = NULL, *words = NULL;
	while (sql_settings_describe(settings, count, &name, &value, &words))
		count++;
	const char **cells = arena_alloc(arena, count * 3 * sizeof *cells);
	for (size_t i = 0; sql_settings_describe(settings, i, &name, &value, &words); i++) {
		cells[i * 3] = name;
		cells[i * 3 + 1] = arena_copy_string(arena, value);
		cells[i * 3 + 2] = words;
	}
	rows_give(cursor, cells, count);
}

/* ---- session commands ---- */

static status forget(struct sql_session *session, enum sql_named named, const char *name)
{
	if (session->options.forget == NULL)
		return STATUS_OK;
	return session->options.forget(session->options.context, named, name);
}

static status discard_execute(struct sql_session *session, const char *tag)
{
	if (strcmp(tag, "DISCARD ALL") != 0)
		return STATUS_OK; /* plans, sequences, temporary tables: there are none to discard */
	if (session->transaction != SQL_TRANSACTION_IDLE) {
		error_raise(STATUS_NOT_READY, "DISCARD ALL cannot run inside a transaction block");
		error_sqlstate("25001");
		return STATUS_NOT_READY;
	}
	status result = forget(session, SQL_NAMED_PORTAL, NULL);
	if (result == STATUS_OK)
		result = forget(session, SQL_NAMED_STATEMENT, NULL);
	return result == STATUS_OK ? sql_session_set(session, "all", NULL) : result;
}

static status close_execute(struct sql_cursor *cursor, const char *name)
{
	if (name == NULL)
		cursor->tag = "CLOSE CURSOR ALL";
	bool closed = declared_close(cursor->session, name);
	return closed && name != NULL ? STATUS_OK : forget(cursor->session, SQL_NAMED_PORTAL, name);
}

static status command_execute(struct sql_cursor *cursor, const struct sql_statement *statement)
{
	struct sql_session *session = cursor->session;
	switch (statement->kind) {
	case SQL_SET:
		return sql_session_set(session, statement->setting.name, statement->setting.value);
	case SQL_RESET:
		return sql_session_set(session, statement->setting.name, NULL);
	case SQL_BEGIN:
	case SQL_COMMIT:
	case SQL_ROLLBACK:
	case SQL_SAVEPOINT:
		return transaction_execute(session, statement, &cursor->tag);
	case SQL_DISCARD:
		return discard_execute(session, statement->tag);
	case SQL_DEALLOCATE:
		if (statement->setting.name == NULL)
			cursor->tag = "DEALLOCATE ALL";
		return forget(session, SQL_NAMED_STATEMENT, statement->setting.name);
	case SQL_CLOSE:
		return close_execute(cursor, statement->setting.name);
	case SQL_FETCH:
		return fetch_execute(cursor, statement);
	case SQL_UNLISTEN:
		return STATUS_OK;
	case SQL_CREATE_USER:
	case SQL_ALTER_USER:
	case SQL_DROP_USER:
	case SQL_GRANT:
		return user_execute(session, statement);
	default:
		return define_execute(cursor, statement);
	}
}

/* ---- sql_execute ---- */

static bool is_for_failed_transaction(const struct sql_statement *statement)
{
	return statement->kind == SQL_ROLLBACK || statement->kind == SQL_COMMIT ||
		   (statement->kind == SQL_SAVEPOINT && strcmp(statement->tag, "ROLLBACK") == 0);
}

static bool reads_rows(enum sql_statement_kind kind)
{
	return kind == SQL_SELECT || kind == SQL_DECLARE || kind == SQL_INSERT || kind == SQL_EXPLAIN;
}

static status statement_execute(
	struct sql_cursor *cursor, struct sql_prepared *prepared, const struct evaluation *evaluation)
{
	const struct sql_statement *statement = prepared->statement;
	switch (statement->kind) {
	case SQL_SELECT:
		return select_execute(cursor, evaluation);
	case SQL_INSERT:
		return insert_execute(cursor, evaluation);
	case SQL_DECLARE:
		return declare_execute(cursor, prepared);
	case SQL_EXPLAIN:
		explain_execute(cursor);
		return STATUS_OK;
	case SQL_SHOW:
		show_execute(cursor, statement);
		return STATUS_OK;
	default:
		return command_execute(cursor, statement);
	}
}

/* Copies the parameters' values: portals may end before their cursor reads them. */
static const struct value *values_copy(struct arena *arena, const struct value *values, size_t count)
{
	struct value *copies = arena_copy(arena, values, count * sizeof *values);
	for (size_t i = 0; i < count; i++) {
		if (!copies[i].null && type_physical(copies[i].type.id) == PHYS_TEXT)
			copies[i].text.data = arena_copy(arena, copies[i].text.data, copies[i].text.size);
	}
	return copies;
}

static int64_t now_us(const struct sql_session *session)
{
	return session->transaction == SQL_TRANSACTION_IDLE ? clock_wall_ms() * 1000
														: session->transaction_start_us;
}

status cursor_select(struct sql_cursor *cursor, const struct value *values, size_t value_count)
{
	cursor->parameters = values_copy(&cursor->arena, values, value_count);
	cursor->parameter_count = value_count;
	struct evaluation evaluation = {
		.parameters = cursor->parameters,
		.parameter_count = value_count,
		.now_us = now_us(cursor->session),
	};
	return select_execute(cursor, &evaluation);
}

/* Everything of sql_execute() that may fail; the cursor is the caller's to close. */
static status cursor_run(
	struct sql_cursor *cursor, struct sql_prepared *prepared, const struct value *values, size_t value_count)
{
	struct sql_session *session = cursor->session;
	const struct sql_statement *statement = prepared->statement;
	status result = is_for_failed_transaction(statement) ? STATUS_OK : session_check(session);
	if (result == STATUS_OK && reads_rows(statement->kind))
		result = session_wait_for_writes(session);
	if (result != STATUS_OK)
		return result;
	cursor->reading =
		session_reading(session, statement->kind == SQL_SELECT || statement->kind == SQL_DECLARE);
	result = prepared_bind(session, prepared, cursor->reading->publication);
	if (result == STATUS_OK)
		result = access_check(session, statement, prepared->bound);
	if (result != STATUS_OK)
		return result;
	if (!reads_rows(statement->kind)) {
		reading_release(cursor->reading);
		cursor->reading = NULL;
	}
	cursor->bound = bound_retain(prepared->bound);
	cursor->columns = cursor->bound->columns;
	if (value_count != cursor->bound->parameters.count)
		return error_raise(STATUS_PROTOCOL, "the statement has %zu parameters, but %zu values were given",
			cursor->bound->parameters.count, value_count);
	cursor->parameters = values_copy(&cursor->arena, values, value_count);
	cursor->parameter_count = value_count;
	struct evaluation evaluation = {
		.parameters = cursor->parameters,
		.parameter_count = value_count,
		.now_us = now_us(session),
	};
	return statement_execute(cursor, prepared, &evaluation);
}

status sql_execute(struct sql_session *session, struct sql_prepared *prepared, const struct value *values,
	size_t value_count, struct sql_cursor **out)
{
	INVARIANT(prepared->statement != NULL);
	atomic_store(&session->cancelled, false);
	struct sql_cursor *cursor = mem_alloc_zeroed(1, sizeof *cursor);
	arena_init(&cursor->arena);
	cursor->session = session;
	cursor->kind = prepared->statement->kind;
	cursor->tag = prepared->statement->tag;
	cursor->timeout_ns = session->statement_timeout_ms * NANOSECONDS_PER_MILLISECOND;
	clock_start(cursor);
	status result = clock_stop(cursor, cursor_run(cursor, prepared, values, value_count));
	if (result != STATUS_OK) {
		sql_cursor_close(cursor);
		return result;
	}
	*out = cursor;
	return STATUS_OK;
}

/* ---- cursors ---- */

const struct schema *sql_cursor_columns(const struct sql_cursor *cursor)
{
	return &cursor->columns;
}

status sql_cursor_next(struct sql_cursor *cursor, const struct batch **out)
{
	if (cursor->fetch_name != NULL) {
		clock_start(cursor);
		return clock_stop(cursor, fetch_next(cursor, out));
	}
	if (cursor->query == NULL) {
		if (cursor->rows == NULL)
			return STATUS_END;
		*out = cursor->rows;
		cursor->rows = NULL;
		return STATUS_OK;
	}
	clock_start(cursor);
	return clock_stop(cursor, query_next(cursor->query, out));
}

void sql_cursor_tag(const struct sql_cursor *cursor, uint64_t row_count, char tag[64])
{
	if (cursor->kind == SQL_SELECT)
		snprintf(tag, 64, "SELECT %llu", (unsigned long long)row_count);
	else if (cursor->kind == SQL_INSERT)
		snprintf(tag, 64, "INSERT 0 %llu", (unsigned long long)cursor->affected);
	else if (cursor->kind == SQL_FETCH)
		snprintf(tag, 64, "%s %llu", cursor->tag,
			(unsigned long long)(cursor->columns.field_count > 0 ? row_count : cursor->affected));
	else
		snprintf(tag, 64, "%s", cursor->tag);
}

void sql_cursor_close(struct sql_cursor *cursor)
{
	if (cursor == NULL)
		return;
	query_close(cursor->query);
	bound_release(cursor->bound);
	reading_release(cursor->reading);
	arena_deinit(&cursor->fetched);
	arena_deinit(&cursor->arena);
	mem_free(cursor);
}
