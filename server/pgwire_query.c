/* Queries: the simple protocol (Query) and the extended one (Parse, Bind, Describe, Execute, Close, Sync).
 *
 * A message that is malformed inside is an error of that message, not of the connection: its frame was sound.
 */

#include "server/pgwire_internal.h"

/* The rows of a cursor that a portal or a simple query has begun to send. */
struct sending {
	struct sql_cursor *cursor;
	const struct pgwire_formats *formats;
	const struct batch *batch;
	uint32_t row;
};

static void fail_extended(struct pgwire *pgwire)
{
	if (pgwire->phase == PGWIRE_PHASE_FINISHED)
		return; /* the client is gone */
	pgwire_error(pgwire);
	pgwire->skipping = true;
}

static status malformed(const char *message)
{
	return error_raise(STATUS_PROTOCOL, "the %s message is malformed", message);
}

/* Sends up to `limit` rows (0 = all). *done when the cursor has ended. */
static status rows_send(
	struct pgwire *pgwire, struct sending *sending, uint64_t limit, uint64_t *sent, bool *done)
{
	for (;;) {
		while (sending->batch != NULL && sending->row < sending->batch->row_count) {
			if (limit > 0 && *sent == limit)
				return STATUS_OK;
			status result = message_data_row(&pgwire->output, sending->batch, sending->row, sending->formats);
			if (result == STATUS_OK)
				result = pgwire_flush_large(pgwire);
			if (result != STATUS_OK)
				return result;
			sending->row++;
			++*sent;
		}
		if (limit > 0 && *sent == limit)
			return STATUS_OK;
		sending->batch = NULL;
		sending->row = 0;
		status result = sql_cursor_next(sending->cursor, &sending->batch);
		if (result == STATUS_END) {
			*done = true;
			return STATUS_OK;
		}
		if (result != STATUS_OK)
			return result;
	}
}

static void complete_send(struct pgwire *pgwire, const struct sql_cursor *cursor, uint64_t row_count)
{
	char tag[64];
	sql_cursor_tag(cursor, row_count, tag);
	message_command_complete(&pgwire->output, tag);
}

/* ---- simple ---- */

static status statement_run(struct pgwire *pgwire, struct sql_prepared *prepared)
{
	if (sql_prepared_is_empty(prepared))
		return STATUS_OK;
	struct sql_cursor *cursor = NULL;
	status result = sql_execute(pgwire->session, prepared, NULL, 0, &cursor);
	if (result != STATUS_OK)
		return result;
	const struct schema *columns = sql_cursor_columns(cursor);
	uint64_t sent = 0;
	if (columns->field_count > 0) {
		message_row_description(&pgwire->output, columns, NULL);
		struct sending sending = {.cursor = cursor};
		bool done = false;
		result = rows_send(pgwire, &sending, 0, &sent, &done);
	}
	if (result == STATUS_OK)
		complete_send(pgwire, cursor, sent);
	sql_cursor_close(cursor);
	return result;
}

static status script_run(struct pgwire *pgwire, const char *text)
{
	struct sql_prepared **statements = NULL;
	size_t count = 0;
	status result = sql_prepare_script(pgwire->session, slice_of_string(text), &statements, &count);
	if (result != STATUS_OK)
		return result;
	bool any = false;
	for (size_t i = 0; i < count && result == STATUS_OK; i++) {
		any = any || !sql_prepared_is_empty(statements[i]);
		result = statement_run(pgwire, statements[i]);
	}
	for (size_t i = 0; i < count; i++)
		sql_prepared_release(statements[i]);
	mem_free(statements);
	if (!any && result == STATUS_OK)
		message_plain(&pgwire->output, 'I'); /* EmptyQueryResponse */
	return result;
}

void pgwire_simple_query(struct pgwire *pgwire, struct cursor *body)
{
	/* As in PostgreSQL, a simple query takes the unnamed statement and portal with it. */
	pgwire_portal_remove(pgwire, "");
	pgwire_statement_remove(pgwire, "");
	const char *text = cursor_string(body);
	status result = body->failed ? malformed("Query") : script_run(pgwire, text);
	if (pgwire->phase == PGWIRE_PHASE_FINISHED)
		return;
	if (result != STATUS_OK)
		pgwire_error(pgwire);
	pgwire_sync(pgwire);
}

/* ---- extended ---- */

static status statement_parse(struct pgwire *pgwire, struct cursor *body)
{
	const char *name = cursor_string(body);
	const char *text = cursor_string(body);
	size_t count = cursor_be16(body);
	if (body->failed || cursor_left(body) < count * 4)
		return malformed("Parse");
	enum type_id *types = mem_alloc(count * sizeof *types + 1);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && result == STATUS_OK; i++)
		result = parameter_type_from_oid(cursor_be32(body), &types[i]);
	struct sql_prepared *prepared = NULL;
	if (result == STATUS_OK)
		result = sql_prepare(pgwire->session, slice_of_string(text), types, count, &prepared);
	mem_free(types);
	return result == STATUS_OK ? pgwire_statement_add(pgwire, name, prepared) : result;
}

void pgwire_parse(struct pgwire *pgwire, struct cursor *body)
{
	if (statement_parse(pgwire, body) != STATUS_OK)
		fail_extended(pgwire);
	else
		message_plain(&pgwire->output, '1');
}

static status statement_lookup(struct pgwire *pgwire, const char *name, struct pgwire_statement **out)
{
	*out = pgwire_statement_find(pgwire, name);
	if (*out != NULL)
		return STATUS_OK;
	if (name[0] == '\0')
		error_raise(STATUS_NOT_FOUND, "unnamed prepared statement does not exist");
	else
		error_raise(STATUS_NOT_FOUND, "prepared statement \"%.64s\" does not exist", name);
	error_sqlstate("26000");
	return STATUS_NOT_FOUND;
}

static status portal_lookup(struct pgwire *pgwire, const char *name, struct pgwire_portal **out)
{
	*out = pgwire_portal_find(pgwire, name);
	if (*out != NULL)
		return STATUS_OK;
	error_raise(STATUS_NOT_FOUND, "portal \"%.64s\" does not exist", name);
	error_sqlstate("34000");
	return STATUS_NOT_FOUND;
}

/* Format codes: i16 count, i16 each; none, one for all, or one per value. */
static status formats_read(
	struct cursor *body, struct arena *arena, const char *what, struct pgwire_formats *out)
{
	size_t count = cursor_be16(body);
	if (body->failed || cursor_left(body) < count * 2)
		return malformed("Bind");
	out->count = count;
	out->codes = arena_alloc(arena, count * sizeof *out->codes);
	for (size_t i = 0; i < count; i++) {
		out->codes[i] = cursor_be16(body);
		if (out->codes[i] > PGWIRE_BINARY)
			return error_raise(STATUS_PROTOCOL, "%s format code %u is unknown", what, out->codes[i]);
	}
	return STATUS_OK;
}

static status formats_check(const struct pgwire_formats *formats, const char *what, size_t needed)
{
	if (formats->count <= 1 || formats->count == needed)
		return STATUS_OK;
	return error_raise(
		STATUS_PROTOCOL, "bind message has %zu %s formats but %zu values", formats->count, what, needed);
}

static status values_read(struct cursor *body, struct pgwire_portal *portal,
	const struct pgwire_formats *formats, const enum type_id *types)
{
	for (size_t i = 0; i < portal->value_count; i++) {
		struct value *value = &portal->values[i];
		*value = (struct value){.type = type_of(types[i] == TYPE_UNKNOWN ? TYPE_TEXT : types[i])};
		uint32_t size = cursor_be32(body);
		if (size == UINT32_MAX) {
			value->null = true;
			continue;
		}
		struct slice bytes = cursor_bytes(body, size);
		if (body->failed)
			return malformed("Bind");
		status result = parameter_read(types[i], formats_of(formats, i), bytes, &portal->arena, value);
		if (result != STATUS_OK)
			return error_note(result, "while reading parameter $%zu", i + 1);
	}
	return STATUS_OK;
}

static status portal_fill(struct pgwire *pgwire, struct cursor *body, struct pgwire_portal *portal)
{
	const enum type_id *types = NULL;
	const struct schema *columns = NULL;
	size_t type_count = 0;
	status result = sql_prepared_describe(pgwire->session, portal->prepared, &types, &type_count, &columns);
	if (result != STATUS_OK)
		return result;
	struct pgwire_formats formats = {0};
	result = formats_read(body, &portal->arena, "parameter", &formats);
	if (result != STATUS_OK)
		return result;
	portal->value_count = cursor_be16(body);
	if (body->failed)
		return malformed("Bind");
	if (portal->value_count != type_count)
		return error_raise(STATUS_PROTOCOL,
			"bind message supplies %zu parameters, but the prepared statement requires %zu",
			portal->value_count, type_count);
	result = formats_check(&formats, "parameter", type_count);
	if (result != STATUS_OK)
		return result;
	portal->values = arena_alloc(&portal->arena, type_count * sizeof *portal->values);
	result = values_read(body, portal, &formats, types);
	if (result == STATUS_OK)
		result = formats_read(body, &portal->arena, "result", &portal->formats);
	if (result == STATUS_OK)
		result = formats_check(&portal->formats, "result", columns->field_count);
	return result;
}

static status portal_bind(struct pgwire *pgwire, struct cursor *body)
{
	const char *portal_name = cursor_string(body);
	const char *statement_name = cursor_string(body);
	if (body->failed)
		return malformed("Bind");
	struct pgwire_statement *statement = NULL;
	status result = statement_lookup(pgwire, statement_name, &statement);
	if (result != STATUS_OK)
		return result;
	struct pgwire_portal *portal = NULL;
	result = pgwire_portal_add(pgwire, portal_name, statement->prepared, &portal);
	if (result != STATUS_OK)
		return result;
	result = portal_fill(pgwire, body, portal);
	if (result != STATUS_OK)
		pgwire_portal_remove(pgwire, portal_name);
	return result;
}

void pgwire_bind(struct pgwire *pgwire, struct cursor *body)
{
	if (portal_bind(pgwire, body) != STATUS_OK)
		fail_extended(pgwire);
	else
		message_plain(&pgwire->output, '2');
}

static void columns_send(
	struct pgwire *pgwire, const struct schema *columns, const struct pgwire_formats *formats)
{
	if (columns->field_count > 0)
		message_row_description(&pgwire->output, columns, formats);
	else
		message_plain(&pgwire->output, 'n'); /* NoData */
}

static status statement_describe(struct pgwire *pgwire, const char *name)
{
	struct pgwire_statement *statement = NULL;
	status result = statement_lookup(pgwire, name, &statement);
	const enum type_id *types = NULL;
	const struct schema *columns = NULL;
	size_t type_count = 0;
	if (result == STATUS_OK)
		result = sql_prepared_describe(pgwire->session, statement->prepared, &types, &type_count, &columns);
	if (result != STATUS_OK)
		return result;
	message_parameter_description(&pgwire->output, types, type_count);
	columns_send(pgwire, columns, NULL);
	return STATUS_OK;
}

static status portal_describe(struct pgwire *pgwire, const char *name)
{
	struct pgwire_portal *portal = NULL;
	const enum type_id *types = NULL;
	const struct schema *columns = sql_session_cursor_columns(pgwire->session, name);
	size_t type_count = 0;
	if (columns != NULL && pgwire_portal_find(pgwire, name) == NULL) {
		columns_send(pgwire, columns, NULL);
		return STATUS_OK;
	}
	status result = portal_lookup(pgwire, name, &portal);
	if (result != STATUS_OK)
		return result;
	if (portal->cursor != NULL)
		columns = sql_cursor_columns(portal->cursor);
	else
		result = sql_prepared_describe(pgwire->session, portal->prepared, &types, &type_count, &columns);
	if (result == STATUS_OK)
		columns_send(pgwire, columns, &portal->formats);
	return result;
}

void pgwire_describe(struct pgwire *pgwire, struct cursor *body)
{
	uint8_t kind = cursor_u8(body);
	const char *name = cursor_string(body);
	status result = STATUS_OK;
	if (body->failed || (kind != 'S' && kind != 'P'))
		result = malformed("Describe");
	else if (kind == 'S')
		result = statement_describe(pgwire, name);
	else
		result = portal_describe(pgwire, name);
	if (result != STATUS_OK)
		fail_extended(pgwire);
}

/* Goes on with a portal that has rows; it keeps its place in the batch for the next Execute. */
static status portal_fetch(struct pgwire *pgwire, struct pgwire_portal *portal, uint64_t limit)
{
	struct sending sending = {portal->cursor, &portal->formats, portal->batch, portal->row};
	uint64_t sent = 0;
	bool done = portal->done;
	status result = done ? STATUS_OK : rows_send(pgwire, &sending, limit, &sent, &done);
	portal->batch = sending.batch;
	portal->row = sending.row;
	portal->done = done || result != STATUS_OK;
	if (result != STATUS_OK)
		return result;
	if (done)
		complete_send(pgwire, portal->cursor, sent);
	else
		message_plain(&pgwire->output, 's'); /* PortalSuspended */
	return STATUS_OK;
}

static status portal_execute(struct pgwire *pgwire, struct cursor *body)
{
	const char *name = cursor_string(body);
	int32_t limit = (int32_t)cursor_be32(body);
	if (body->failed)
		return malformed("Execute");
	struct pgwire_portal *portal = NULL;
	status result = portal_lookup(pgwire, name, &portal);
	if (result != STATUS_OK)
		return result;
	if (sql_prepared_is_empty(portal->prepared)) {
		message_plain(&pgwire->output, 'I');
		return STATUS_OK;
	}
	if (portal->cursor == NULL) {
		struct sql_cursor *cursor = NULL;
		result = sql_execute(pgwire->session, portal->prepared, portal->values, portal->value_count, &cursor);
		if (result != STATUS_OK)
			return result;
		portal->cursor = cursor;
	} else if (sql_cursor_columns(portal->cursor)->field_count == 0) {
		return error_raise(STATUS_NOT_READY, "portal \"%.64s\" cannot be run again", name);
	}
	if (sql_cursor_columns(portal->cursor)->field_count == 0) {
		complete_send(pgwire, portal->cursor, 0);
		return STATUS_OK;
	}
	return portal_fetch(pgwire, portal, limit > 0 ? (uint64_t)limit : 0);
}

void pgwire_execute(struct pgwire *pgwire, struct cursor *body)
{
	if (portal_execute(pgwire, body) != STATUS_OK)
		fail_extended(pgwire);
}

void pgwire_close(struct pgwire *pgwire, struct cursor *body)
{
	uint8_t kind = cursor_u8(body);
	const char *name = cursor_string(body);
	if (body->failed || (kind != 'S' && kind != 'P')) {
		malformed("Close");
		fail_extended(pgwire);
		return;
	}
	/* Closing what is not there is no error. */
	if (kind == 'S')
		pgwire_statement_remove(pgwire, name);
	else
		pgwire_portal_remove(pgwire, name);
	message_plain(&pgwire->output, '3');
}

void pgwire_sync(struct pgwire *pgwire)
{
	pgwire->skipping = false;
	/* Portals live as long as their transaction; without BEGIN that one ends here. */
	if (sql_session_transaction(pgwire->session) == SQL_TRANSACTION_IDLE)
		pgwire_portals_clear(pgwire);
	message_ready_for_query(&pgwire->output, (char)sql_session_transaction(pgwire->session));
}

/* ---- loop or worker ---- */

static bool statement_is_inline(struct pgwire *pgwire, const char *name)
{
	const struct pgwire_statement *statement = pgwire_statement_find(pgwire, name);
	/* An unknown name is an error, and those are quick. */
	return statement == NULL || sql_prepared_is_inline(pgwire->session, statement->prepared);
}

static bool portal_is_inline(struct pgwire *pgwire, const char *name)
{
	const struct pgwire_portal *portal = pgwire_portal_find(pgwire, name);
	return portal == NULL ||
		   (portal->cursor == NULL && sql_prepared_is_inline(pgwire->session, portal->prepared));
}

bool pgwire_is_for_worker(struct pgwire *pgwire, char type, struct slice body)
{
	struct cursor cursor = cursor_of(body);
	switch (type) {
	case 'Q':
	case 'P':
		return true;
	case 'B':
		cursor_string(&cursor);
		return !statement_is_inline(pgwire, cursor_string(&cursor));
	case 'D':
		if (cursor_u8(&cursor) == 'S')
			return !statement_is_inline(pgwire, cursor_string(&cursor));
		return !portal_is_inline(pgwire, cursor_string(&cursor));
	case 'E':
		return !portal_is_inline(pgwire, cursor_string(&cursor));
	default:
		return false;
	}
}
