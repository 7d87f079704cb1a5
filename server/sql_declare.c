/* Cursors declared by SQL: DECLARE, FETCH, MOVE. A declared cursor is a running SELECT that the session
 * keeps; FETCH takes rows off it. Its snapshot is its own, so WITH HOLD needs no copy of the rows.
 */
#include <string.h>

#include "server/sql_internal.h"

/* ---- the session's cursors ---- */

static struct sql_declared **declared_link(struct sql_session *session, const char *name)
{
	struct sql_declared **link = &session->declared;
	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

status declared_find(struct sql_session *session, const char *name, struct sql_declared **out)
{
	*out = *declared_link(session, name);
	if (*out != NULL)
		return STATUS_OK;
	error_raise(STATUS_NOT_FOUND, "cursor \"%.64s\" does not exist", name);
	error_sqlstate("34000");
	return STATUS_NOT_FOUND;
}

static void declared_unlink(struct sql_session *session, struct sql_declared **link)
{
	struct sql_declared *declared = *link;
	*link = declared->next;
	session->declared_count--;
	sql_cursor_close(declared->cursor);
	sql_prepared_release(declared->prepared);
	mem_free(declared->name);
	mem_free(declared);
}

bool declared_close(struct sql_session *session, const char *name)
{
	if (name == NULL) {
		bool any = session->declared != NULL;
		while (session->declared != NULL)
			declared_unlink(session, &session->declared);
		return any;
	}
	struct sql_declared **link = declared_link(session, name);
	if (*link == NULL)
		return false;
	declared_unlink(session, link);
	return true;
}

void declared_end_transaction(struct sql_session *session)
{
	for (struct sql_declared **link = &session->declared; *link != NULL;) {
		if ((*link)->hold)
			link = &(*link)->next;
		else
			declared_unlink(session, link);
	}
}

const struct schema *sql_session_cursor_columns(struct sql_session *session, const char *name)
{
	struct sql_declared *declared = *declared_link(session, name);
	return declared != NULL ? sql_cursor_columns(declared->cursor) : NULL;
}

/* ---- DECLARE ---- */

static status declare_check(struct sql_session *session, const struct sql_statement *statement)
{
	if (session->transaction == SQL_TRANSACTION_IDLE && !statement->cursor.hold) {
		error_raise(STATUS_NOT_READY, "DECLARE CURSOR can only be used in transaction blocks");
		error_sqlstate("25P01");
		error_hint("BEGIN first, or declare it WITH HOLD.");
		return STATUS_NOT_READY;
	}
	if (*declared_link(session, statement->cursor.name) != NULL) {
		error_raise(STATUS_EXISTS, "cursor \"%.64s\" already exists", statement->cursor.name);
		error_sqlstate("42P03");
		return STATUS_EXISTS;
	}
	if (session->declared_count >= DECLARED_MAX)
		return error_raise(STATUS_TOO_LARGE, "the session has %d cursors already", DECLARED_MAX);
	return STATUS_OK;
}

/* `cursor` is DECLARE's own: it has the plan, the values and the snapshot; they move to one that outlives it.
 */
status declare_execute(struct sql_cursor *cursor, struct sql_prepared *prepared)
{
	struct sql_session *session = cursor->session;
	const struct sql_statement *statement = prepared->statement;
	status result = declare_check(session, statement);
	if (result != STATUS_OK)
		return result;
	struct sql_cursor *kept = mem_alloc_zeroed(1, sizeof *kept);
	arena_init(&kept->arena);
	kept->session = session;
	kept->kind = SQL_SELECT;
	kept->tag = "SELECT";
	kept->bound = bound_retain(cursor->bound);
	kept->columns = kept->bound->plan->schema;
	kept->reading = cursor->reading;
	cursor->reading = NULL;
	result = cursor_select(kept, cursor->parameters, cursor->parameter_count);
	/* The first rows now: a scan of a table reads the log as it is when the scan begins. */
	const struct batch *batch = NULL;
	if (result == STATUS_OK)
		result = sql_cursor_next(kept, &batch);
	if (result != STATUS_OK && result != STATUS_END) {
		sql_cursor_close(kept);
		return result;
	}
	struct sql_declared *declared = mem_alloc_zeroed(1, sizeof *declared);
	declared->name = mem_copy_string(statement->cursor.name);
	declared->prepared = sql_prepared_retain(prepared);
	declared->cursor = kept;
	declared->batch = batch;
	declared->done = result == STATUS_END;
	declared->hold = statement->cursor.hold;
	declared->next = session->declared;
	session->declared = declared;
	session->declared_count++;
	return STATUS_OK;
}

/* ---- FETCH, MOVE ---- */

/* Up to `count` rows; *taken says how many lie at `row` of *batch. END when there are none. */
static status rows_take(
	struct sql_declared *declared, int64_t count, const struct batch **batch, uint32_t *row, uint32_t *taken)
{
	while (declared->batch == NULL || declared->row == declared->batch->row_count) {
		declared->batch = NULL;
		declared->row = 0;
		if (declared->done)
			return STATUS_END;
		status result = sql_cursor_next(declared->cursor, &declared->batch);
		declared->done = result != STATUS_OK;
		if (result != STATUS_OK)
			return result;
	}
	uint32_t left = declared->batch->row_count - declared->row;
	*batch = declared->batch;
	*row = declared->row;
	*taken = count < left ? (uint32_t)count : left;
	declared->row += *taken;
	return STATUS_OK;
}

status fetch_execute(struct sql_cursor *cursor, const struct sql_statement *statement)
{
	if (!statement->cursor.move) {
		cursor->fetch_name = arena_copy_string(&cursor->arena, statement->cursor.name);
		cursor->fetch_left = statement->cursor.count;
		return STATUS_OK;
	}
	struct sql_declared *declared = NULL;
	status result = declared_find(cursor->session, statement->cursor.name, &declared);
	while (result == STATUS_OK && cursor->affected < (uint64_t)statement->cursor.count) {
		const struct batch *batch = NULL;
		uint32_t row = 0, taken = 0;
		result =
			rows_take(declared, statement->cursor.count - (int64_t)cursor->affected, &batch, &row, &taken);
		cursor->affected += taken;
	}
	return result == STATUS_END ? STATUS_OK : result;
}

status fetch_next(struct sql_cursor *cursor, const struct batch **out)
{
	struct sql_declared *declared = NULL;
	status result = declared_find(cursor->session, cursor->fetch_name, &declared);
	if (result == STATUS_OK && cursor->fetch_left == 0)
		result = STATUS_END;
	if (result != STATUS_OK)
		return result;
	const struct batch *batch = NULL;
	uint32_t row = 0, taken = 0;
	result = rows_take(declared, cursor->fetch_left, &batch, &row, &taken);
	if (result != STATUS_OK)
		return result;
	cursor->fetch_left -= taken;
	if (row == 0 && taken == batch->row_count) {
		*out = batch;
		return STATUS_OK;
	}
	arena_reset(&cursor->fetched);
	uint32_t *rows = arena_alloc(&cursor->fetched, taken * sizeof *rows);
	for (uint32_t i = 0; i < taken; i++)
		rows[i] = row + i;
	*out = batch_gather(&cursor->fetched, batch, rows, taken);
	return STATUS_OK;
}
