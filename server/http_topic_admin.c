/* Topics altered over HTTP: configuration, partitions, records removed from the beginning. Names and texts of
 * configuration are those of log/topic_config.h, the same as over the Kafka protocol. Runs on workers.
 */
#include <stdlib.h>
#include <string.h>

#include "log/topic_config.h"
#include "server/http_message.h"

static status topic_of(struct server *server, const struct http_request *request, const struct topic **out)
{
	status code = topic_find(server_log(server), request->segments[1], out);
	if (code == STATUS_OK && (*out)->config->internal)
		return error_raise(STATUS_INVALID, "topic \"%s\" is internal", (*out)->name);
	return code;
}

json_t *http_topic_config_json(const struct topic_config *config)
{
	json_t *json = json_object();
	for (size_t i = 0; i < topic_config_entry_count(); i++) {
		char text[TOPIC_CONFIG_TEXT_MAX];
		topic_config_text(topic_config_entry(i), config, text);
		json_object_set_new(json, topic_config_entry(i)->name, json_string(text));
	}
	return json;
}

/* {"name": "text" | number | true | null (the default), …} */
status http_topic_config_apply(struct topic_config *config, json_t *changes)
{
	const char *name;
	json_t *value;
	if (changes != NULL && !json_is_object(changes))
		return error_raise(STATUS_INVALID, "\"config\" is an object of names and values");
	json_object_foreach(changes, name, value)
	{
		char *text = json_is_string(value) || json_is_null(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
		status code = topic_config_set(config, name, json_is_string(value) ? json_string_value(value) : text);
		free(text);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static status config_change(void *context, struct topic_config *config)
{
	json_t *body = context;
	status code = http_topic_config_apply(config, json_object_get(body, "config"));
	/* The permission stays: what is configured is done again and again. */
	if (json_is_true(json_object_get(body, "force")))
		config->trim_force = true;
	return code;
}

/* The topic of the path and the body, which is the caller's to release when OK. */
static status topic_and_body(
	struct server *server, const struct http_request *request, const struct topic **topic, json_t **body)
{
	status code = topic_of(server, request, topic);
	return code == STATUS_OK ? http_body_json(request, body) : code;
}

status http_topic_alter(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	json_t *body;
	status code = topic_and_body(server, request, &topic, &body);
	if (code != STATUS_OK)
		return code;
	code = json_object_get(body, "config") != NULL
			   ? topic_alter_with(server_log(server), topic->name, config_change, body)
			   : error_raise(STATUS_INVALID, "the body needs a \"config\"");
	json_decref(body);
	if (code == STATUS_OK)
		http_answer_json(response,
			json_pack("{s:s, s:o}", "name", topic->name, "config", http_topic_config_json(topic->config)));
	return code;
}

static status partitions_change(void *context, struct topic_config *config)
{
	json_int_t count = *(json_int_t *)context;
	if (count <= config->partitions || count > TOPIC_PARTITIONS_MAX)
		return error_raise(STATUS_INVALID, "the topic has %d partitions; it can get more, up to %d",
			config->partitions, TOPIC_PARTITIONS_MAX);
	config->partitions = (int32_t)count;
	return STATUS_OK;
}

status http_topic_add_partitions(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	json_t *body;
	status code = topic_and_body(server, request, &topic, &body);
	if (code != STATUS_OK)
		return code;
	json_int_t count = json_integer_value(json_object_get(body, "partitions"));
	json_decref(body);
	code = topic_alter_with(server_log(server), topic->name, partitions_change, &count);
	if (code == STATUS_OK)
		http_answer_json(response,
			json_pack("{s:s, s:i}", "name", topic->name, "partitions", (int)topic->config->partitions));
	return code;
}

/* `before` NULL: all there is now. */
static status partition_trim_json(struct server *server, const struct topic *topic, int32_t number,
	const json_t *before, bool force, json_t *results)
{
	struct partition *partition = topic_partition(topic, number);
	int64_t offset = json_is_integer(before) ? json_integer_value(before) : PARTITION_TRIM_ALL;
	int64_t end = partition_high_watermark(partition);
	if (offset < 0 && json_is_integer(before))
		return error_raise(STATUS_INVALID, "\"before\" is an offset, or \"end\"");
	status code = partition_trim(server_log(server), partition, offset > end ? end : offset, force);
	if (code == STATUS_OK)
		json_array_append_new(results, json_pack("{s:i, s:I, s:I}", "partition", (int)number, "log_start",
										   (json_int_t)partition_log_start(partition), "high_watermark",
										   (json_int_t)partition_high_watermark(partition)));
	return code;
}

status http_topic_trim(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	json_t *body;
	status code = topic_and_body(server, request, &topic, &body);
	if (code != STATUS_OK)
		return code;
	json_t *before = json_object_get(body, "before"), *which = json_object_get(body, "partition");
	bool force = json_is_true(json_object_get(body, "force"));
	bool all = json_is_string(before) && strcmp(json_string_value(before), "end") == 0;
	int32_t partitions = topic->config->partitions;
	json_int_t number = json_is_integer(which) ? json_integer_value(which) : -1;
	json_t *results = json_array();
	if (!all && !json_is_integer(before))
		code = error_raise(STATUS_INVALID, "the body needs \"before\": an offset, or \"end\"");
	else if (which != NULL && (number < 0 || number >= partitions))
		code =
			error_raise(STATUS_INVALID, "topic \"%s\" has partitions 0 to %d", topic->name, partitions - 1);
	for (int32_t i = 0; code == STATUS_OK && i < partitions; i++)
		if (which == NULL || i == number)
			code = partition_trim_json(server, topic, i, before, force, results);
	json_decref(body);
	if (code == STATUS_OK)
		http_answer_json(response, json_pack("{s:s, s:o}", "name", topic->name, "partitions", results));
	else
		json_decref(results);
	return code;
}
