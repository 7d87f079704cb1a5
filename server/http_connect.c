/* Kafka Connect's REST interface; see http_connect.h. */
#include "server/http_connect.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/connectors.h"

/* ---- errors, in Connect's shape ---- */

static int code_of(status code)
{
	switch (code) {
	case STATUS_NOT_FOUND:
		return 404;
	case STATUS_EXISTS:
		return 409;
	case STATUS_SHUTDOWN:
	case STATUS_BACKPRESSURE:
		return 503;
	case STATUS_IO:
	case STATUS_NO_SPACE:
	case STATUS_POISONED:
	case STATUS_DAMAGED:
	case STATUS_INTERNAL:
	case STATUS_OUT_OF_MEMORY:
		return 500;
	default:
		return 400;
	}
}

/* Answers the error on this thread's trace; always OK, because it is answered then. */
static status refuse_with(struct http_response *response, int code)
{
	const struct error *error = error_current();
	struct buffer text;
	buffer_init(&text);
	buffer_append_string(&text, error->text);
	if (error->hint[0] != '\0')
		buffer_printf(&text, "\nHint: %s", error->hint);
	response->code = code;
	json_t *message = json_stringn((const char *)text.data, text.size);
	http_answer_json(response, json_pack("{s:i, s:o}", "error_code", code, "message",
								   message != NULL ? message : json_string(status_words(error->code))));
	buffer_deinit(&text);
	return STATUS_OK;
}

static status refuse(struct http_response *response, status code)
{
	return refuse_with(response, code_of(code));
}

/* ---- shapes ---- */

static json_t *config_json(struct server *server, const struct connector_status *connector)
{
	(void)server;
	json_t *config = json_object();
	for (size_t i = 0; i < connector->property_count; i++)
		json_object_set_new(
			config, connector->properties[i].key, json_string(connector->properties[i].value));
	return config;
}

/* {"name", "config", "tasks", "type"} */
static json_t *info_json(struct server *server, const struct connector_status *connector)
{
	return json_pack("{s:s, s:o, s:[{s:s, s:i}], s:s}", "name", connector->name, "config",
		config_json(server, connector), "tasks", "connector", connector->name, "task", 0, "type",
		connector_kind_name(connector->kind));
}

static json_t *state_json(struct server *server, const struct connector_status *connector, bool trace)
{
	char worker[300];
	const struct server_config *config = server_get_config(server);
	(void)snprintf(
		worker, sizeof worker, "%.200s:%lld", config->listen_address, (long long)config->http_port);
	json_t *json = json_pack(
		"{s:s, s:s}", "state", connector_state_name(connector->state), "worker_id", (const char *)worker);
	if (trace && connector->trace != NULL)
		json_object_set_new(json, "trace", json_string(connector->trace));
	return json;
}

static json_t *task_json(struct server *server, const struct connector_status *connector)
{
	json_t *task = state_json(server, connector, true);
	json_object_set_new(task, "id", json_integer(0));
	return task;
}

/* {"name", "connector": {…}, "tasks": [{"id", …}], "type"}. What fails is the task, as with Kafka's. */
static json_t *status_json(struct server *server, const struct connector_status *connector)
{
	struct connector_status whole = *connector;
	if (whole.state == CONNECTOR_FAILED)
		whole.state = CONNECTOR_RUNNING;
	return json_pack("{s:s, s:o, s:[o], s:s}", "name", connector->name, "connector",
		state_json(server, &whole, false), "tasks", task_json(server, connector), "type",
		connector_kind_name(connector->kind));
}

static json_t *tasks_json(struct server *server, const struct connector_status *connector)
{
	json_t *config = config_json(server, connector);
	json_object_set_new(config, "task.class",
		json_string(connector->kind == CONNECTOR_SOURCE
						? "org.apache.kafka.connect.file.FileStreamSourceTask"
						: "org.apache.kafka.connect.file.FileStreamSinkTask"));
	return json_pack(
		"[{s:{s:s, s:i}, s:o}]", "id", "connector", connector->name, "task", 0, "config", config);
}

/* ---- reading ---- */

static status find(struct server *server, const struct http_request *request, struct connector_status *out)
{
	return connectors_find(server_connectors(server), request->segments[1], request->arena, out);
}

status http_connect_list(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	struct connector_status *list;
	size_t count;
	bool status = false, info = false;
	for (size_t i = 0; i < request->parameter_count; i++) {
		if (strcmp(request->parameters[i].name, "expand") != 0)
			continue;
		status = status || strcmp(request->parameters[i].value, "status") == 0;
		info = info || strcmp(request->parameters[i].value, "info") == 0;
	}
	connectors_list(server_connectors(server), request->arena, &list, &count);
	json_t *answer = status || info ? json_object() : json_array();
	for (size_t i = 0; i < count; i++) {
		if (json_is_array(answer)) {
			json_array_append_new(answer, json_string(list[i].name));
			continue;
		}
		json_t *entry = json_object();
		if (status)
			json_object_set_new(entry, "status", status_json(server, &list[i]));
		if (info)
			json_object_set_new(entry, "info", info_json(server, &list[i]));
		json_object_set_new(answer, list[i].name, entry);
	}
	http_answer_json(response, answer);
	return STATUS_OK;
}

/* Answers with the shape that `of` makes of the connector in the path. */
static status answer_with(struct server *server, const struct http_request *request,
	struct http_response *response,
	json_t *(*of)(struct server *server, const struct connector_status *connector))
{
	struct connector_status connector;
	status result = find(server, request, &connector);
	if (result != STATUS_OK)
		return refuse(response, result);
	http_answer_json(response, of(server, &connector));
	return STATUS_OK;
}

status http_connect_info(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return answer_with(server, request, response, info_json);
}

status http_connect_config(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return answer_with(server, request, response, config_json);
}

status http_connect_status(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return answer_with(server, request, response, status_json);
}

status http_connect_tasks(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return answer_with(server, request, response, tasks_json);
}

static status task_find(
	struct server *server, const struct http_request *request, struct connector_status *out)
{
	status result = find(server, request, out);
	if (result == STATUS_OK && strcmp(request->segments[3], "0") != 0)
		result = error_raise(STATUS_NOT_FOUND, "Unknown task: %s-%.20s", out->name, request->segments[3]);
	return result;
}

status http_connect_task_status(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	struct connector_status connector;
	status result = task_find(server, request, &connector);
	if (result != STATUS_OK)
		return refuse(response, result);
	http_answer_json(response, task_json(server, &connector));
	return STATUS_OK;
}

status http_connect_plugins(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	(void)server;
	(void)request;
	http_answer_json(response, json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "class", CONNECTOR_SINK_CLASS,
								   "type", "sink", "version", KAPPA_VERSION, "class", CONNECTOR_SOURCE_CLASS,
								   "type", "source", "version", KAPPA_VERSION));
	return STATUS_OK;
}

/* ---- changing ---- */

/* Values may be given as strings, numbers or switches; they are text, as Connect keeps them. */
static status properties_read(const json_t *config, struct properties *properties)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)config, key, value)
	{
		if (json_is_string(value)) {
			properties_set(properties, key, json_string_value(value));
		} else if (json_is_integer(value) || json_is_real(value) || json_is_boolean(value)) {
			char *text = json_dumps(value, JSON_ENCODE_ANY);
			properties_set(properties, key, text);
			free(text);
		} else {
			return error_raise(
				STATUS_INVALID, "property \"%.200s\" is neither text, a number nor a switch", key);
		}
	}
	return STATUS_OK;
}

/* The body as an object; NULL when it is answered already. */
static json_t *body_need(const struct http_request *request, struct http_response *response)
{
	json_t *body;
	if (strcmp(request->content_type, "application/json") != 0) {
		error_raise(STATUS_INVALID, "the body must be JSON and say so");
		error_hint("Send the header Content-Type: application/json.");
		(void)refuse_with(response, 415);
		return NULL;
	}
	status result = http_body_json(request, &body);
	if (result == STATUS_OK)
		return body;
	(void)refuse(response, result);
	return NULL;
}

/* The configuration's name is the connector's; it may be left out, but not be another. */
static status name_settle(struct properties *properties, const char *name)
{
	const char *given = properties_get(properties, "name");
	if (given != NULL && strcmp(given, name) != 0)
		return error_raise(STATUS_INVALID,
			"Connector name configuration (%.200s) doesn't match connector name in the request (%.200s)",
			given, name);
	properties_set(properties, "name", name);
	return STATUS_OK;
}

static status created_answer(struct server *server, const char *name, const struct http_request *request,
	struct http_response *response)
{
	struct connector_status connector;
	status result = connectors_find(server_connectors(server), name, request->arena, &connector);
	if (result != STATUS_OK) /* deleted by somebody else this moment */
		return refuse(response, result);
	http_answer_json(response, info_json(server, &connector));
	return STATUS_OK;
}

static status create(struct server *server, const json_t *body, struct properties *properties)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const json_t *config = json_object_get(body, "config");
	if (!json_is_object(config))
		return error_raise(STATUS_INVALID, "the body needs a \"config\": {\"name\": …, \"config\": {…}}");
	status result = properties_read(config, properties);
	if (result == STATUS_OK && name != NULL)
		result = name_settle(properties, name);
	return result == STATUS_OK ? connectors_create(server_connectors(server), properties) : result;
}

status http_connect_create(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	json_t *body = body_need(request, response);
	struct properties properties;
	if (body == NULL)
		return STATUS_OK;
	properties_init(&properties);
	status result = create(server, body, &properties);
	json_decref(body);
	if (result == STATUS_OK) {
		response->code = 201;
		result = created_answer(server, properties_get(&properties, "name"), request, response);
	} else {
		result = refuse(response, result);
	}
	properties_deinit(&properties);
	return result;
}

status http_connect_configure(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	json_t *body = body_need(request, response);
	struct properties properties;
	bool created = false;
	if (body == NULL)
		return STATUS_OK;
	properties_init(&properties);
	status result = properties_read(body, &properties);
	json_decref(body);
	if (result == STATUS_OK)
		result = name_settle(&properties, request->segments[1]);
	if (result == STATUS_OK)
		result = connectors_configure(server_connectors(server), &properties, &created);
	if (result == STATUS_OK) {
		response->code = created ? 201 : 200;
		result = created_answer(server, request->segments[1], request, response);
	} else {
		result = refuse(response, result);
	}
	properties_deinit(&properties);
	return result;
}

/* Done: answers `code` without a body. */
static status done(struct http_response *response, status result, int code)
{
	if (result != STATUS_OK)
		return refuse(response, result);
	response->code = code;
	response->content_type = "text/plain"; /* of nothing */
	return STATUS_OK;
}

status http_connect_pause(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return done(response, connectors_pause(server_connectors(server), request->segments[1]), 202);
}

status http_connect_resume(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return done(response, connectors_resume(server_connectors(server), request->segments[1]), 202);
}

status http_connect_restart(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return done(response, connectors_restart(server_connectors(server), request->segments[1]), 204);
}

status http_connect_task_restart(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	struct connector_status connector;
	status result = task_find(server, request, &connector);
	if (result == STATUS_OK)
		result = connectors_restart(server_connectors(server), request->segments[1]);
	return done(response, result, 204);
}

status http_connect_delete(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	return done(response, connectors_delete(server_connectors(server), request->segments[1]), 204);
}
