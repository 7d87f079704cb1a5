/* Deployments and diffs over HTTP. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/http_message.h"

/* ---- deploy ---- */

static json_t *items_json(const struct deploy_result *result)
{
	json_t *items = json_array();
	for (size_t i = 0; i < result->item_count; i++) {
		const struct deploy_item *item = &result->items[i];
		json_array_append_new(
			items, json_pack("{s:s, s:I, s:I, s:s, s:s}", "view", item->view, "version",
					   (json_int_t)item->version, "from_version", (json_int_t)item->from_version, "action",
					   deploy_action_name(item->action), "reason", item->reason));
	}
	return items;
}

/* Every statement of the script must define a view. */
static status deploy_script(struct server *server, const struct http_request *request,
	const struct sql_script *script, bool plan_only, struct http_response *response)
{
	struct arena *arena = request->arena;
	const struct sql_statement **statements =
		arena_alloc(arena, script->statement_count * sizeof *statements);
	size_t count = 0;
	for (size_t i = 0; i < script->statement_count; i++) {
		const struct sql_statement *statement = &script->statements[i];
		if (statement->kind == SQL_EMPTY)
			continue;
		if (statement->kind != SQL_CREATE_VIEW) {
			status code =
				error_raise(STATUS_INVALID, "a deployment consists of CREATE MATERIALIZED VIEW statements");
			error_position(statement->text_position);
			error_hint("Run other statements with kappa sql or POST /sql.");
			return code;
		}
		status allowed = http_may(request, USER_DEPLOY, statement->create_view.name.name);
		if (allowed != STATUS_OK)
			return allowed;
		statements[count++] = statement;
	}
	if (count == 0)
		return error_raise(STATUS_INVALID, "nothing to deploy: the script defines no view");
	struct deploy_request deploy = {statements, count, true, plan_only};
	struct deploy_result result;
	status code = engine_deploy(server_engine(server), &deploy, arena, &result);
	if (code != STATUS_OK)
		return code;
	for (size_t i = 0; !plan_only && i < result.item_count; i++)
		http_audit(request, "view_deployed", result.items[i].view);
	response->code = result.deployment != 0 ? 202 : 200;
	http_answer_json(response,
		json_pack("{s:I, s:o}", "deployment", (json_int_t)result.deployment, "items", items_json(&result)));
	return STATUS_OK;
}

status http_deploy(struct server *server, const struct http_request *request, struct http_response *response)
{
	struct slice sql = request->body;
	json_t *body = NULL;
	bool plan_only = http_parameter(request, "plan_only") != NULL;
	if (strcmp(request->content_type, "application/json") == 0) {
		status code = http_body_json(request, &body);
		if (code != STATUS_OK)
			return code;
		json_t *text = json_object_get(body, "sql");
		if (!json_is_string(text)) {
			json_decref(body);
			return error_raise(STATUS_INVALID, "the body needs a string \"sql\"");
		}
		sql = slice_of(json_string_value(text), json_string_length(text));
		plan_only = plan_only || json_is_true(json_object_get(body, "plan_only"));
	}
	struct sql_script *script = NULL;
	status code = sql_parse(sql, request->arena, &script);
	if (code == STATUS_OK) {
		code = deploy_script(server, request, script, plan_only, response);
		sql_script_release(script);
	}
	json_decref(body);
	return code;
}

/* ---- diff ---- */

static json_t *texts_json(const char *const *texts, size_t count)
{
	if (texts == NULL)
		return json_null();
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, texts[i] != NULL ? json_string(texts[i]) : json_null());
	return list;
}

static json_t *samples_json(const struct diff_result *diff)
{
	static const char *const kinds[] = {"only_left", "only_right", "changed"};
	json_t *samples = json_array();
	for (size_t i = 0; i < diff->sample_count; i++) {
		const struct diff_sample *sample = &diff->samples[i];
		size_t key_count = diff->keyed ? diff->key_count : diff->column_count;
		json_array_append_new(samples,
			json_pack("{s:s, s:o, s:o, s:o, s:I}", "kind", kinds[sample->kind], "key",
				texts_json(sample->key, key_count), "left", texts_json(sample->left, diff->column_count),
				"right", texts_json(sample->right, diff->column_count), "weight",
				(json_int_t)sample->weight));
	}
	return samples;
}

static json_t *diff_columns_json(const struct diff_result *diff)
{
	json_t *columns = json_array();
	for (size_t i = 0; i < diff->column_count; i++) {
		const struct diff_column *column = &diff->columns[i];
		json_array_append_new(
			columns, json_pack("{s:s, s:b, s:I, s:f, s:f, s:f, s:f}", "name", column->name, "numeric",
						 (int)column->numeric, "changed", (json_int_t)column->changed, "delta_sum",
						 column->delta_sum, "delta_min", column->delta_min, "delta_max", column->delta_max,
						 "delta_absolute_max", column->delta_absolute_max));
	}
	return columns;
}

static json_t *diff_json(const struct diff_result *diff)
{
	json_t *json = json_pack("{s:s, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "view", diff->view,
		"left", (json_int_t)diff->left, "right", (json_int_t)diff->right, "keyed", (int)diff->keyed,
		"rows_left", (json_int_t)diff->rows_left, "rows_right", (json_int_t)diff->rows_right, "equal",
		(json_int_t)diff->equal, "only_left", (json_int_t)diff->only_left, "only_right",
		(json_int_t)diff->only_right, "changed", (json_int_t)diff->changed, "match_score", diff->match_score);
	json_object_set_new(json, "offsets", http_offsets_json(diff->offsets));
	json_object_set_new(
		json, "columns_only_left", texts_json(diff->columns_only_left, diff->columns_only_left_count));
	json_object_set_new(
		json, "columns_only_right", texts_json(diff->columns_only_right, diff->columns_only_right_count));
	json_object_set_new(json, "key_columns", texts_json(diff->key_columns, diff->key_count));
	json_object_set_new(json, "columns", diff_columns_json(diff));
	json_object_set_new(json, "samples", samples_json(diff));
	return json;
}

status http_view_diff(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	struct diff_options options = {0};
	int64_t samples;
	status code = http_integer(request, "left", 1, INT64_MAX, 0, &options.left);
	if (code == STATUS_OK)
		code = http_integer(request, "right", 1, INT64_MAX, 0, &options.right);
	if (code == STATUS_OK)
		code = http_integer(request, "samples", 0, DIFF_SAMPLES_MAX, 20, &samples);
	if (code != STATUS_OK)
		return code;
	options.sample_max = (size_t)samples;
	const char *tolerance = http_parameter(request, "tolerance");
	if (tolerance != NULL) {
		char *end;
		options.tolerance = strtod(tolerance, &end);
		if (*tolerance == '\0' || *end != '\0' || !isfinite(options.tolerance) || options.tolerance < 0)
			return error_raise(
				STATUS_INVALID, "parameter tolerance is \"%s\", not a number from 0", tolerance);
	}
	struct diff_result diff;
	code = engine_diff(server_engine(server), request->segments[1], &options, request->arena, &diff);
	if (code == STATUS_OK)
		http_answer_json(response, diff_json(&diff));
	return code;
}
