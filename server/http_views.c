/* Views over HTTP: list, rows, and the verbs on versions. Every answer says of which version, offset vector
 * and watermark it is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "processors/query.h"
#include "server/http_message.h"

enum { VIEW_LIMIT_MAX = 1000000 };

/* ---- shared ---- */

status http_view_name(
	const struct http_request *request, const char *segment, const char **name, int64_t *version)
{
	const char *at = strrchr(segment, '@');
	*name = segment;
	*version = 0;
	if (at == NULL)
		return STATUS_OK;
	char *end;
	long long number = strtoll(at + 1, &end, 10);
	if (at == segment || at[1] == '\0' || *end != '\0' || number < 1) {
		status code = error_raise(STATUS_INVALID, "\"%s\" names no view version", segment);
		error_hint("Write delays for the live version, delays@2 for version 2.");
		return code;
	}
	char *copy = arena_copy(request->arena, segment, (size_t)(at - segment) + 1);
	copy[at - segment] = '\0';
	*name = copy;
	*version = number;
	return STATUS_OK;
}

static json_t *text_json(const struct value *value)
{
	struct buffer text;
	buffer_init(&text);
	value_format(value, &text);
	json_t *json = json_stringn((const char *)text.data, text.size);
	buffer_deinit(&text);
	return json != NULL ? json : json_null();
}

json_t *http_value_json(const struct value *value)
{
	static const int64_t exact = INT64_C(1) << 53; /* JSON readers keep numbers as doubles */
	if (value->null)
		return json_null();
	switch (value->type.id) {
	case TYPE_BOOL:
		return json_boolean(value->boolean);
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		if (value->i64 <= exact && value->i64 >= -exact)
			return json_integer((json_int_t)value->i64);
		return text_json(value);
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
		return isfinite(value->f64) ? json_real(value->f64) : text_json(value);
	default:
		return text_json(value); /* numeric as text keeps its digits and its scale */
	}
}

json_t *http_offsets_json(const struct offset_vector *offsets)
{
	json_t *list = json_array();
	for (size_t i = 0; offsets != NULL && i < offsets->count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:I}", "topic", offsets->entries[i].topic, "partition",
					  (int)offsets->entries[i].partition, "offset", (json_int_t)offsets->entries[i].offset));
	return list;
}

static json_t *timestamp_json(int64_t timestamp_us)
{
	if (timestamp_us == INT64_MIN)
		return json_null();
	struct value value = {.type = type_of(TYPE_TIMESTAMPTZ), .i64 = timestamp_us};
	return text_json(&value);
}

/* ---- list ---- */

static json_t *version_json(const struct version_status *status)
{
	char digest[33];
	digest_format(status->digest, digest);
	json_t *json = json_pack("{s:s, s:I, s:s, s:b, s:I, s:s, s:s, s:s?, s:I, s:I, s:I, s:f, s:f}", "view",
		status->view, "version", (json_int_t)status->version, "state", status->state_name, "live",
		(int)status->live, "deployment", (json_int_t)status->deployment, "query", status->query, "upstreams",
		status->upstreams, "error", status->error, "records_done", (json_int_t)status->records_done,
		"records_total", (json_int_t)status->records_total, "lag_records", (json_int_t)status->lag_records,
		"records_per_second", status->records_per_second, "eta_seconds", status->eta_seconds);
	json_object_set_new(
		json, "row_count", status->row_count < 0 ? json_null() : json_integer(status->row_count));
	json_object_set_new(json, "bad_records", json_integer((json_int_t)status->bad_records));
	json_object_set_new(json, "missed_records", json_integer((json_int_t)status->missed_records));
	json_object_set_new(json, "digest", status->row_count < 0 ? json_null() : json_string(digest));
	json_object_set_new(json, "watermark", timestamp_json(status->watermark_us));
	json_object_set_new(json, "memory_bytes", json_integer((json_int_t)status->memory_bytes));
	json_object_set_new(json, "disk_bytes", json_integer((json_int_t)status->disk_bytes));
	json_object_set_new(json, "created_ms", json_integer(status->created_ms));
	json_object_set_new(json, "fingerprint", json_string(status->fingerprint));
	json_object_set_new(json, "offsets", http_offsets_json(status->offsets));
	return json;
}

static json_t *versions_json(struct server *server, struct arena *arena, const char *view, bool live_only)
{
	struct version_status *versions;
	size_t count;
	engine_versions(server_engine(server), arena, &versions, &count);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		bool wanted =
			(view == NULL || strcmp(view, versions[i].view) == 0) && (!live_only || versions[i].live);
		if (wanted)
			json_array_append_new(list, version_json(&versions[i]));
	}
	return list;
}

status http_versions(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	json_t *list = versions_json(server, request->arena, http_parameter(request, "view"), false);
	http_answer_json(response, json_pack("{s:o}", "versions", list));
	return STATUS_OK;
}

status http_views_list(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	http_answer_json(
		response, json_pack("{s:o}", "views", versions_json(server, request->arena, NULL, true)));
	return STATUS_OK;
}

/* ---- rows ---- */

static void append_identifier(struct buffer *sql, const char *name)
{
	buffer_append_byte(sql, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buffer_append_byte(sql, '"');
		buffer_append_byte(sql, (uint8_t)*name);
	}
	buffer_append_byte(sql, '"');
}

struct reading {
	struct publication *publication;
	const struct http_request *request;
	const char *view;
	int64_t version;
	struct view_snapshot *snapshot;
	struct value *values; /* of the filter's parameters */
	size_t value_count;
};

static bool is_control(const char *name)
{
	return strcmp(name, "limit") == 0 || strcmp(name, "offset") == 0 || strcmp(name, "version") == 0;
}

/* SELECT * FROM "view@n" WHERE "column" = $1 AND … LIMIT … OFFSET …: the binder makes a key lookup of it
 * where it can. */
static status reading_sql(
	const struct reading *reading, const char **filters, size_t *filter_count, struct buffer *sql)
{
	const struct http_request *request = reading->request;
	char *name = arena_printf(request->arena, "%s@%lld", reading->view, (long long)reading->version);
	int64_t limit;
	int64_t offset;
	status code = http_integer(request, "limit", 0, VIEW_LIMIT_MAX, HTTP_ROWS_DEFAULT, &limit);
	if (code == STATUS_OK)
		code = http_integer(request, "offset", 0, INT64_MAX, 0, &offset);
	if (code != STATUS_OK)
		return code;
	buffer_append_string(sql, "SELECT * FROM ");
	append_identifier(sql, name);
	*filter_count = 0;
	for (size_t i = 0; i < request->parameter_count; i++) {
		if (is_control(request->parameters[i].name))
			continue;
		buffer_append_string(sql, *filter_count == 0 ? " WHERE " : " AND ");
		append_identifier(sql, request->parameters[i].name);
		filters[(*filter_count)++] = request->parameters[i].value;
		buffer_printf(sql, " = $%zu", *filter_count);
	}
	buffer_printf(sql, " LIMIT %lld OFFSET %lld", (long long)limit, (long long)offset);
	return STATUS_OK;
}

static status reading_bind(struct reading *reading, const struct plan **plan)
{
	struct arena *arena = reading->request->arena;
	const char *filters[HTTP_PARAMETERS_MAX];
	size_t filter_count;
	struct buffer sql;
	buffer_init(&sql);
	status code = reading_sql(reading, filters, &filter_count, &sql);
	struct sql_script *script = NULL;
	if (code == STATUS_OK)
		code = sql_parse(buffer_slice(&sql), arena, &script);
	struct sql_parameters parameters = {0};
	if (code == STATUS_OK)
		code = sql_bind_query(
			&script->statements[0], publication_catalog(reading->publication), &parameters, arena, plan);
	if (script != NULL)
		sql_script_release(script);
	buffer_deinit(&sql);
	if (code != STATUS_OK)
		return code;
	reading->values = arena_alloc(arena, parameters.count * sizeof *reading->values);
	reading->value_count = parameters.count;
	for (size_t i = 0; code == STATUS_OK && i < parameters.count; i++)
		code = value_parse(
			type_of(parameters.types[i]), slice_of_string(filters[i]), arena, &reading->values[i]);
	return code;
}

static status reading_relation(void *context, const struct plan *scan, struct relation **out)
{
	return publication_open_relation(((struct reading *)context)->publication, scan, out);
}

static void append_rows(
	const struct batch *batch, const struct schema *schema, bool lines, struct buffer *out, bool *first)
{
	for (uint32_t row = 0; row < batch->row_count; row++) {
		json_t *object = json_object();
		for (size_t i = 0; i < schema->field_count; i++) {
			struct value value = column_value(&batch->columns[i], row);
			json_object_set_new(object, schema->fields[i].name, http_value_json(&value));
		}
		char *text = json_dumps(object, JSON_COMPACT);
		if (!*first)
			buffer_append_byte(out, lines ? '\n' : ',');
		buffer_append_string(out, text);
		*first = false;
		free(text);
		json_decref(object);
	}
}

static status reading_run(struct reading *reading, const struct plan *plan, bool lines, struct buffer *out)
{
	struct query_context context = {
		.open_relation = reading_relation,
		.context = reading,
		.evaluation = {.parameters = reading->values, .parameter_count = reading->value_count},
		.cancelled = reading->request->gone,
		.cancel_context = reading->request->gone_context,
	};
	struct query *query;
	status code = query_open(plan, &context, &query);
	if (code != STATUS_OK)
		return code;
	bool first = true;
	const struct batch *batch;
	while ((code = query_next(query, &batch)) == STATUS_OK)
		append_rows(batch, &plan->schema, lines, out, &first);
	query_close(query);
	if (lines && !first)
		buffer_append_byte(out, '\n');
	return code == STATUS_END ? STATUS_OK : code;
}

static json_t *columns_json(const struct schema *schema, struct arena *arena)
{
	json_t *columns = json_array();
	for (size_t i = 0; i < schema->field_count; i++)
		json_array_append_new(columns, json_pack("{s:s, s:s}", "name", schema->fields[i].name, "type",
										   type_format(schema->fields[i].type, arena)));
	return columns;
}

/* The watermark as the engine tells it; the snapshot's own vector and count. */
static json_t *reading_head(struct server *server, const struct reading *reading, const struct plan *plan)
{
	struct arena *arena = reading->request->arena;
	struct version_status *versions;
	size_t count;
	int64_t watermark_us = INT64_MIN;
	engine_versions(server_engine(server), arena, &versions, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(versions[i].view, reading->view) == 0 && versions[i].version == reading->version)
			watermark_us = versions[i].watermark_us;
	return json_pack("{s:s, s:I, s:o, s:o, s:I, s:o}", "view", reading->view, "version",
		(json_int_t)reading->version, "offsets", http_offsets_json(view_snapshot_offsets(reading->snapshot)),
		"watermark", timestamp_json(watermark_us), "row_count",
		(json_int_t)view_snapshot_row_count(reading->snapshot), "columns",
		columns_json(&plan->schema, arena));
}

static status answer_rows(struct server *server, struct reading *reading, struct http_response *response)
{
	const struct plan *plan;
	status code = reading_bind(reading, &plan);
	if (code != STATUS_OK)
		return code;
	reading->snapshot = publication_snapshot(reading->publication, reading->view, reading->version);
	bool lines = strstr(reading->request->accept, "ndjson") != NULL;
	struct buffer rows;
	buffer_init(&rows);
	code = reading_run(reading, plan, lines, &rows); /* NOT_READY when there is no snapshot */
	if (code == STATUS_OK && lines) {
		response->content_type = "application/x-ndjson";
		buffer_append(&response->body, rows.data, rows.size);
	} else if (code == STATUS_OK) {
		http_answer_json(response, reading_head(server, reading, plan));
		response->body.size -= 2; /* "}\n": the rows become the last member */
		buffer_append_string(&response->body, ",\"rows\":[");
		buffer_append(&response->body, rows.data, rows.size);
		buffer_append_string(&response->body, "]}\n");
	}
	buffer_deinit(&rows);
	return code;
}

status http_view_rows(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	struct reading reading = {.request = request};
	status code = http_view_name(request, request->segments[1], &reading.view, &reading.version);
	if (code == STATUS_OK && reading.version == 0)
		code = http_integer(request, "version", 1, INT64_MAX, 0, &reading.version);
	if (code != STATUS_OK)
		return code;
	reading.publication = engine_publication(server_engine(server));
	if (reading.version == 0)
		reading.version = publication_live_version(reading.publication, reading.view);
	if (reading.version == 0) {
		code = error_raise(
			STATUS_UNKNOWN_RELATION, "view \"%s\" does not exist, or no version of it is live", reading.view);
		error_hint("GET /versions lists views and versions.");
	} else {
		code = answer_rows(server, &reading, response);
	}
	publication_release(reading.publication);
	return code;
}

/* ---- verbs ---- */

static json_t *named_version(const char *view, int64_t version)
{
	return json_pack("{s:s, s:I}", "view", view, "version", (json_int_t)version);
}

status http_view_promote(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const char *view;
	int64_t version;
	json_t *body = NULL;
	status code = http_view_name(request, request->segments[1], &view, &version);
	if (code == STATUS_OK)
		code = http_body_json(request, &body);
	if (code != STATUS_OK)
		return code;
	json_t *given = json_object_get(body, "version");
	if (given != NULL && (!json_is_integer(given) || json_integer_value(given) < 1))
		code = error_raise(STATUS_INVALID, "\"version\" must be a whole number from 1");
	else if (given != NULL)
		version = json_integer_value(given);
	json_decref(body);
	if (code == STATUS_OK)
		code = engine_promote(server_engine(server), view, version, &version);
	if (code == STATUS_OK)
		http_answer_json(response, named_version(view, version));
	return code;
}

status http_view_rollback(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const char *view = request->segments[1];
	int64_t version = 0;
	status code = engine_rollback(server_engine(server), view, &version);
	if (code == STATUS_OK)
		http_answer_json(response, named_version(view, version));
	return code;
}

status http_view_drop(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const char *view;
	int64_t version;
	status code = http_view_name(request, request->segments[1], &view, &version);
	const char *cascade = http_parameter(request, "cascade");
	if (code == STATUS_OK)
		code = engine_drop_view(
			server_engine(server), view, version, cascade != NULL && strcmp(cascade, "true") == 0);
	if (code == STATUS_OK)
		http_answer_json(response, json_pack("{s:s}", "dropped", request->segments[1]));
	return code;
}

static status set_paused(
	struct server *server, const struct http_request *request, struct http_response *response, bool pause)
{
	const char *view;
	int64_t version;
	status code = http_view_name(request, request->segments[1], &view, &version);
	if (code == STATUS_OK && version == 0)
		code = error_raise(STATUS_INVALID, "say which version: %s@N", view);
	if (code == STATUS_OK)
		code = engine_pause(server_engine(server), view, version, pause);
	if (code == STATUS_OK)
		http_answer_json(response, named_version(view, version));
	return code;
}

status http_view_pause(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return set_paused(server, request, response, true);
}

status http_view_resume(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return set_paused(server, request, response, false);
}

status http_view_verify(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const char *view;
	int64_t version;
	struct verify_result result;
	status code = http_view_name(request, request->segments[1], &view, &version);
	if (code == STATUS_OK)
		code = engine_verify(server_engine(server), view, version, NULL, NULL, request->arena, &result);
	if (code != STATUS_OK)
		return code;
	char kept[33];
	char rebuilt[33];
	digest_format(result.kept, kept);
	digest_format(result.rebuilt, rebuilt);
	http_answer_json(response,
		json_pack("{s:s, s:I, s:b, s:s, s:s, s:I, s:I, s:I, s:f}", "view", result.view, "version",
			(json_int_t)result.version, "equal", (int)result.equal, "kept", kept, "rebuilt", rebuilt,
			"rows_kept", (json_int_t)result.rows_kept, "rows_rebuilt", (json_int_t)result.rows_rebuilt,
			"records", (json_int_t)result.records, "seconds", result.seconds));
	return STATUS_OK;
}
