/* SQL over HTTP: a script in, one result per statement out. Values as text, the way psql shows them. Each
 * request is a session of its own. Rows are limited by the answer's size.
 */
#include <string.h>

#include "server/http_message.h"

enum { SQL_ANSWER_BYTES_MAX = 256 * 1024 * 1024 };

struct answering {
	json_t *notices;
	size_t bytes;
};

static void note(void *context, enum sql_severity severity, const struct error *notice)
{
	struct answering *answering = context;
	json_array_append_new(answering->notices,
		json_pack("{s:s, s:s, s:s}", "severity", severity == SQL_NOTICE ? "NOTICE" : "WARNING", "message",
			notice->text, "hint", notice->hint));
}

static json_t *row_json(const struct batch *batch, uint32_t row, struct answering *answering)
{
	json_t *values = json_array();
	struct buffer text;
	buffer_init(&text);
	for (uint32_t i = 0; i < batch->column_count; i++) {
		struct value value = column_value(&batch->columns[i], row);
		text.size = 0;
		if (!value.null)
			value_format(&value, &text);
		json_t *json = value.null ? json_null() : json_stringn((const char *)text.data, text.size);
		json_array_append_new(values, json != NULL ? json : json_null());
		answering->bytes += text.size + 64;
	}
	buffer_deinit(&text);
	return values;
}

static json_t *columns_json(const struct schema *schema, struct arena *arena)
{
	json_t *columns = json_array();
	for (size_t i = 0; i < schema->field_count; i++)
		json_array_append_new(columns, json_pack("{s:s, s:s}", "name", schema->fields[i].name, "type",
										   type_format(schema->fields[i].type, arena)));
	return columns;
}

static status run_statement(struct sql_session *session, struct sql_prepared *prepared,
	struct answering *answering, struct arena *arena, json_t **out)
{
	const enum type_id *types;
	size_t type_count;
	const struct schema *columns;
	struct sql_cursor *cursor = NULL;
	status code = sql_prepared_describe(session, prepared, &types, &type_count, &columns);
	if (code == STATUS_OK && type_count != 0) {
		code = error_raise(STATUS_UNSUPPORTED, "parameters are not supported over HTTP");
		error_hint("Use a PostgreSQL driver, or write the values into the statement.");
	}
	if (code == STATUS_OK)
		code = sql_execute(session, prepared, NULL, 0, &cursor);
	if (code != STATUS_OK)
		return code;
	const struct schema *schema = sql_cursor_columns(cursor);
	json_t *head = columns_json(schema, arena);
	json_t *rows = json_array();
	uint64_t row_count = 0;
	const struct batch *batch;
	while (schema->field_count != 0 && (code = sql_cursor_next(cursor, &batch)) == STATUS_OK) {
		for (uint32_t row = 0; row < batch->row_count; row++)
			json_array_append_new(rows, row_json(batch, row, answering));
		row_count += batch->row_count;
		if (answering->bytes > SQL_ANSWER_BYTES_MAX) {
			code = error_raise(STATUS_TOO_LARGE, "the answer is larger than %d bytes", SQL_ANSWER_BYTES_MAX);
			error_hint("Add a LIMIT, or read over the PostgreSQL protocol, which streams.");
			break;
		}
	}
	if (code == STATUS_OK || code == STATUS_END) {
		code = STATUS_OK;
		char tag[64];
		sql_cursor_tag(cursor, row_count, tag);
		*out = json_pack(
			"{s:s, s:O, s:O, s:O}", "tag", tag, "columns", head, "rows", rows, "notices", answering->notices);
	}
	json_decref(head);
	json_decref(rows);
	sql_cursor_close(cursor);
	return code;
}

static status run_script(struct sql_session *session, struct slice query, struct answering *answering,
	struct arena *arena, json_t *results)
{
	struct sql_prepared **statements;
	size_t count;
	status code = sql_prepare_script(session, query, &statements, &count);
	if (code != STATUS_OK)
		return code;
	for (size_t i = 0; i < count; i++) {
		json_t *result = NULL;
		answering->notices = json_array();
		if (code == STATUS_OK && !sql_prepared_is_empty(statements[i]))
			code = run_statement(session, statements[i], answering, arena, &result);
		if (result != NULL)
			json_array_append_new(results, result);
		json_decref(answering->notices);
	}
	for (size_t i = 0; i < count; i++)
		sql_prepared_release(statements[i]);
	mem_free(statements);
	return code;
}

status http_sql(struct server *server, const struct http_request *request, struct http_response *response)
{
	json_t *body = NULL;
	struct slice query = request->body;
	if (strcmp(request->content_type, "application/json") == 0) {
		status code = http_body_json(request, &body);
		if (code != STATUS_OK)
			return code;
		json_t *text = json_object_get(body, "query");
		if (!json_is_string(text)) {
			json_decref(body);
			return error_raise(STATUS_INVALID, "the body needs a string \"query\"");
		}
		query = slice_of(json_string_value(text), json_string_length(text));
	}
	struct answering answering = {0};
	struct sql_session_options options = {.notice = note,
		.context = &answering,
		.user = request->user != NULL ? request->user->name : NULL,
		.authenticated = request->user != NULL};
	struct sql_session *session = sql_session_create(server_sql(server), &options);
	json_t *results = json_array();
	status code = run_script(session, query, &answering, request->arena, results);
	struct error error = *error_current();
	sql_session_destroy(session);
	json_decref(body);
	if (code == STATUS_OK) {
		http_answer_json(response, json_pack("{s:o}", "results", results));
		return STATUS_OK;
	}
	/* What ran before the error did happen: say so beside it. */
	(void)error_restore(&error);
	http_answer_error(response, code);
	json_t *answer = json_loadb((const char *)response->body.data, response->body.size, 0, NULL);
	json_object_set_new(answer, "results", results);
	http_answer_json(response, answer);
	return STATUS_OK;
}
