/* A SQL session without an engine, for tests and fuzzing of the protocol: it takes the place of
 * server/sql_*.c when it is linked. Statements are single words with an argument, separated by semicolons:
 *
 *   rows N      N rows (id bigint, name text), in batches of 7          lookup N   the same, may run on the
 * loop echo        one row of the parameters ($1 bigint, $2 text)          wide N     one row with N bytes of
 * text begin, commit, rollback, command, notice, set, syntax, fail, late (fails after 10 rows), forget [name]
 */
#ifndef KAPPA_TESTS_FAKE_SESSION_H
#define KAPPA_TESTS_FAKE_SESSION_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/sql_session.h"

struct sql_session {
	struct sql_session_options options;
	enum sql_transaction transaction;
	atomic_bool cancelled;
	char application_name[64];
};

struct sql_prepared {
	size_t references;
	char word[16];
	char argument[32];
	uint64_t number;
	enum type_id types[2];
	struct field fields[2];
	struct schema columns;
};

struct sql_cursor {
	struct arena arena;
	struct sql_session *session;
	struct sql_prepared *prepared;
	const struct value *values;
	uint64_t given;
	struct arena batch;
};

static size_t fake_open_count; /* sessions, prepared statements and cursors alive */

struct sql_session *sql_session_create(
	const struct sql_environment *environment, const struct sql_session_options *options)
{
	(void)environment;
	struct sql_session *session = mem_alloc_zeroed(1, sizeof *session);
	session->options = *options;
	session->transaction = SQL_TRANSACTION_IDLE;
	fake_open_count++;
	return session;
}

void sql_session_destroy(struct sql_session *session)
{
	fake_open_count -= session != NULL;
	mem_free(session);
}

void sql_session_cancel(struct sql_session *session)
{
	atomic_store(&session->cancelled, true);
}

status sql_session_set(struct sql_session *session, const char *name, const char *value)
{
	if (strcmp(name, "application_name") == 0)
		snprintf(session->application_name, sizeof session->application_name, "%s", value);
	else if (strcmp(name, "client_encoding") == 0 && strcmp(value, "UTF8") != 0)
		return error_raise(STATUS_INVALID, "only UTF8");
	return STATUS_OK;
}

const char *sql_session_get(const struct sql_session *session, const char *name)
{
	return strcmp(name, "application_name") == 0 ? session->application_name : "15.6";
}

const char *sql_session_reported(size_t index)
{
	static const char *const names[] = {"server_version", "application_name", NULL};
	return names[index];
}

enum sql_transaction sql_session_transaction(const struct sql_session *session)
{
	return session->transaction;
}

void sql_session_fail(struct sql_session *session)
{
	if (session->transaction == SQL_TRANSACTION_OPEN)
		session->transaction = SQL_TRANSACTION_FAILED;
}

const struct schema *sql_session_cursor_columns(struct sql_session *session, const char *name)
{
	(void)session;
	(void)name;
	return NULL;
}

static bool fake_is(const struct sql_prepared *prepared, const char *word)
{
	return strcmp(prepared->word, word) == 0;
}

static bool fake_has_rows(const struct sql_prepared *prepared)
{
	return fake_is(prepared, "rows") || fake_is(prepared, "lookup") || fake_is(prepared, "echo") ||
		   fake_is(prepared, "wide") || fake_is(prepared, "late");
}

static struct sql_prepared *fake_prepare(const char *text, size_t size)
{
	struct sql_prepared *prepared = mem_alloc_zeroed(1, sizeof *prepared);
	char copy[64];
	snprintf(copy, sizeof copy, "%.*s", (int)(size < 60 ? size : 60), text);
	sscanf(copy, "%15s %31s", prepared->word, prepared->argument);
	prepared->number = strtoull(prepared->argument, NULL, 10);
	prepared->number = prepared->number > 100000 ? 100000 : prepared->number;
	prepared->references = 1;
	prepared->types[0] = TYPE_INT8;
	prepared->types[1] = TYPE_TEXT;
	prepared->fields[0] = (struct field){.name = "id", .type = type_of(TYPE_INT8)};
	prepared->fields[1] = (struct field){.name = "name", .type = type_of(TYPE_TEXT)};
	prepared->columns = (struct schema){prepared->fields, fake_has_rows(prepared) ? 2 : 0};
	fake_open_count++;
	return prepared;
}

status sql_prepare(struct sql_session *session, struct slice text, const enum type_id *types,
	size_t type_count, struct sql_prepared **out)
{
	(void)session;
	(void)types;
	(void)type_count;
	if (text.size >= 6 && memcmp(text.data, "syntax", 6) == 0) {
		error_raise(STATUS_SYNTAX, "syntax error at or near \"syntax\"\nwhile parsing");
		error_position(1);
		error_hint("Write better.");
		return STATUS_SYNTAX;
	}
	*out = fake_prepare((const char *)text.data, text.size);
	return STATUS_OK;
}

status sql_prepare_script(
	struct sql_session *session, struct slice text, struct sql_prepared ***out, size_t *count)
{
	struct sql_prepared **list = NULL;
	size_t made = 0;
	const char *at = (const char *)text.data, *end = at + text.size;
	while (at < end) {
		const char *stop = memchr(at, ';', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		struct sql_prepared *prepared = NULL;
		status result = sql_prepare(session, slice_of(at, (size_t)(stop - at)), NULL, 0, &prepared);
		if (result != STATUS_OK) {
			while (made > 0)
				sql_prepared_release(list[--made]);
			mem_free(list);
			return result;
		}
		list = mem_resize(list, (made + 1) * sizeof(struct sql_prepared *));
		list[made++] = prepared;
		at = stop + 1;
	}
	*out = list;
	*count = made;
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
	fake_open_count--;
	mem_free(prepared);
}

enum sql_statement_kind sql_prepared_kind(const struct sql_prepared *prepared)
{
	return sql_prepared_is_empty(prepared) ? SQL_EMPTY : SQL_SELECT;
}

bool sql_prepared_is_empty(const struct sql_prepared *prepared)
{
	return prepared->word[0] == '\0';
}

status sql_prepared_describe(struct sql_session *session, struct sql_prepared *prepared,
	const enum type_id **parameter_types, size_t *parameter_count, const struct schema **columns)
{
	(void)session;
	*parameter_types = prepared->types;
	*parameter_count = fake_is(prepared, "echo") ? 2 : 0;
	*columns = &prepared->columns;
	return STATUS_OK;
}

bool sql_prepared_is_inline(struct sql_session *session, struct sql_prepared *prepared)
{
	(void)session;
	return fake_is(prepared, "lookup");
}

static status fake_command(struct sql_session *session, struct sql_prepared *prepared)
{
	struct sql_session_options *options = &session->options;
	if (fake_is(prepared, "begin"))
		session->transaction = SQL_TRANSACTION_OPEN;
	else if (fake_is(prepared, "commit") || fake_is(prepared, "rollback"))
		session->transaction = SQL_TRANSACTION_IDLE;
	else if (session->transaction == SQL_TRANSACTION_FAILED)
		return error_raise(STATUS_NOT_READY, "transaction is aborted");
	else if (fake_is(prepared, "notice"))
		options->notice(options->context, SQL_NOTICE, &(struct error){.text = "look", .sqlstate = "00000"});
	else if (fake_is(prepared, "set"))
		options->parameter_changed(options->context, "application_name", prepared->argument);
	else if (fake_is(prepared, "forget"))
		return options->forget(
			options->context, SQL_NAMED_STATEMENT, prepared->argument[0] != '\0' ? prepared->argument : NULL);
	else if (fake_is(prepared, "fail"))
		return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
	return STATUS_OK;
}

status sql_execute(struct sql_session *session, struct sql_prepared *prepared, const struct value *values,
	size_t value_count, struct sql_cursor **out)
{
	if (fake_is(prepared, "echo") && value_count != 2)
		return error_raise(STATUS_PROTOCOL, "echo takes two parameters");
	status result = fake_command(session, prepared);
	if (result != STATUS_OK)
		return result;
	struct sql_cursor *cursor = mem_alloc_zeroed(1, sizeof *cursor);
	arena_init(&cursor->arena);
	arena_init(&cursor->batch);
	cursor->session = session;
	cursor->prepared = sql_prepared_retain(prepared);
	cursor->values = values;
	fake_open_count++;
	*out = cursor;
	return STATUS_OK;
}

const struct schema *sql_cursor_columns(const struct sql_cursor *cursor)
{
	return &cursor->prepared->columns;
}

static uint64_t fake_total(const struct sql_cursor *cursor)
{
	if (fake_is(cursor->prepared, "echo") || fake_is(cursor->prepared, "wide"))
		return 1;
	return fake_is(cursor->prepared, "late") ? 1000 : cursor->prepared->number;
}

status sql_cursor_next(struct sql_cursor *cursor, const struct batch **out)
{
	uint64_t total = fake_total(cursor);
	if (atomic_load(&cursor->session->cancelled))
		return error_raise(STATUS_CANCELLED, "cancelled");
	if (fake_is(cursor->prepared, "late") && cursor->given >= 10)
		return error_raise(STATUS_OUT_OF_RANGE, "too late");
	if (cursor->given >= total)
		return STATUS_END;
	arena_reset(&cursor->batch);
	uint32_t count = total - cursor->given < 7 ? (uint32_t)(total - cursor->given) : 7;
	struct batch *batch = batch_make(&cursor->batch, &cursor->prepared->columns, count, true, false);
	for (uint32_t row = 0; row < count; row++) {
		char *text = arena_printf(&cursor->batch, "row %llu", (unsigned long long)(cursor->given + row));
		struct value id = {.type = type_of(TYPE_INT8), .i64 = (int64_t)(cursor->given + row)};
		struct value name = {
			.type = type_of(TYPE_TEXT), .text = {.data = text, .size = (uint32_t)strlen(text)}};
		if (fake_is(cursor->prepared, "wide")) {
			name.text.data = arena_alloc_zeroed(&cursor->batch, cursor->prepared->number);
			name.text.size = (uint32_t)cursor->prepared->number;
		}
		column_set(&batch->columns[0], row, fake_is(cursor->prepared, "echo") ? &cursor->values[0] : &id);
		column_set(&batch->columns[1], row, fake_is(cursor->prepared, "echo") ? &cursor->values[1] : &name);
	}
	cursor->given += count;
	*out = batch;
	return STATUS_OK;
}

void sql_cursor_tag(const struct sql_cursor *cursor, uint64_t row_count, char tag[64])
{
	if (fake_has_rows(cursor->prepared))
		snprintf(tag, 64, "SELECT %llu", (unsigned long long)row_count);
	else
		snprintf(tag, 64, "%s", cursor->prepared->word);
}

void sql_cursor_close(struct sql_cursor *cursor)
{
	if (cursor == NULL)
		return;
	fake_open_count--;
	sql_prepared_release(cursor->prepared);
	arena_deinit(&cursor->batch);
	arena_deinit(&cursor->arena);
	mem_free(cursor);
}

#endif
