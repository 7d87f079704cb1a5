/* Topic names, configurations, and the registry's records as JSON. See topics.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "log/record_batch.h"
#include "log/topics.h"

#define PRODUCER_IDS_KEY "/producer_ids" /* no topic can have this name */

static const char *const kind_names[] = {
	[TOPIC_CREATED] = "topic_created",
	[TOPIC_DELETED] = "topic_deleted",
	[TOPIC_PRODUCER_IDS] = "producer_ids",
};

struct topic_config topic_config_default(void)
{
	return (struct topic_config){.partitions = 1, .retention_ms = -1, .retention_bytes = -1};
}

status topic_name_check(const char *name)
{
	size_t size = strlen(name);
	if (size == 0)
		return error_raise(STATUS_INVALID, "a topic name is empty");
	if (size > TOPIC_NAME_MAX)
		return error_raise(
			STATUS_INVALID, "a topic name has %zu characters, at most %d are allowed", size, TOPIC_NAME_MAX);
	for (const char *at = name; *at != '\0'; at++) {
		bool allowed = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
					   (*at >= '0' && *at <= '9') || *at == '.' || *at == '_' || *at == '-';
		if (!allowed)
			return error_raise(STATUS_INVALID,
				"topic name \"%s\" has a character other than a-z A-Z 0-9 . _ - at position %d", name,
				(int)(at - name) + 1);
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_raise(STATUS_INVALID, "a topic cannot be named \"%s\"", name);
	return STATUS_OK;
}

status topic_config_check(const struct topic_config *config)
{
	if (config->partitions < 1 || config->partitions > TOPIC_PARTITIONS_MAX)
		return error_raise(STATUS_INVALID, "a topic has 1 to %d partitions, not %d", TOPIC_PARTITIONS_MAX,
			config->partitions);
	if (config->segment_bytes < 0 || config->segment_bytes > INT32_MAX)
		return error_raise(
			STATUS_INVALID, "segment.bytes is 1 to %d, not %" PRId64, INT32_MAX, config->segment_bytes);
	if (config->message_bytes_max < 0)
		return error_raise(
			STATUS_INVALID, "max.message.bytes is at least 1, not %d", config->message_bytes_max);
	if (config->retention_ms < -1 || config->retention_bytes < -1)
		return error_raise(STATUS_INVALID, "retention is -1 (unlimited) or more");
	/* Retention is stored with the topic, but nothing trims a log yet: a limit that would silently not be
	 * kept is refused. */
	if (config->retention_ms != -1 || config->retention_bytes != -1) {
		error_raise(STATUS_UNSUPPORTED, "retention limits are not supported");
		error_hint("Leave retention.ms and retention.bytes at -1: the log keeps every record.");
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

static json_t *event_json(const struct topic_event *event)
{
	const struct topic_config *config = &event->config;
	switch (event->kind) {
	case TOPIC_CREATED:
		return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "type", kind_names[event->kind], "partitions",
			(json_int_t)config->partitions, "segment_bytes", (json_int_t)config->segment_bytes,
			"retention_ms", (json_int_t)config->retention_ms, "retention_bytes",
			(json_int_t)config->retention_bytes, "message_bytes_max", (json_int_t)config->message_bytes_max,
			"internal", (int)config->internal);
	case TOPIC_DELETED:
		return json_pack("{s:s}", "type", kind_names[event->kind]);
	case TOPIC_PRODUCER_IDS:
		break;
	}
	return json_pack(
		"{s:s, s:I}", "type", kind_names[event->kind], "next", (json_int_t)event->producer_id_next);
}

status topic_event_encode(const struct topic_event *event, struct buffer *out)
{
	struct record_batch_builder builder;
	json_t *json = event_json(event);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (text == NULL)
		return error_raise(STATUS_INTERNAL, "a topic record cannot be written as JSON");
	const char *key = event->kind == TOPIC_PRODUCER_IDS ? PRODUCER_IDS_KEY : event->name;
	record_batch_builder_init(&builder);
	record_batch_builder_add(&builder, clock_wall_ms(), slice_of_string(key), slice_of_string(text), NULL, 0);
	status result = record_batch_builder_finish(&builder, CODEC_NONE, NULL, out);
	record_batch_builder_deinit(&builder);
	free(text); /* jansson's */
	return result;
}

static bool kind_parse(const char *text, enum topic_event_kind *out)
{
	for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++) {
		if (strcmp(text, kind_names[i]) == 0) {
			*out = (enum topic_event_kind)i;
			return true;
		}
	}
	return false;
}

static bool config_parse(json_t *json, struct topic_config *out)
{
	json_int_t partitions, segment_bytes, retention_ms, retention_bytes, message_bytes_max;
	int internal;
	if (json_unpack(json, "{s:I, s:I, s:I, s:I, s:I, s:b}", "partitions", &partitions, "segment_bytes",
			&segment_bytes, "retention_ms", &retention_ms, "retention_bytes", &retention_bytes,
			"message_bytes_max", &message_bytes_max, "internal", &internal) != 0 ||
		partitions < 1 || partitions > TOPIC_PARTITIONS_MAX || segment_bytes < 1 || message_bytes_max < 1 ||
		message_bytes_max > INT32_MAX)
		return false;
	*out = (struct topic_config){
		.partitions = (int32_t)partitions,
		.segment_bytes = segment_bytes,
		.retention_ms = retention_ms,
		.retention_bytes = retention_bytes,
		.message_bytes_max = (int32_t)message_bytes_max,
		.internal = internal != 0,
	};
	return true;
}

static status event_parse(const char *name, json_t *json, struct topic_event *out)
{
	struct topic_event event = {0};
	const char *type = json_string_value(json_object_get(json, "type"));
	if (type == NULL)
		return error_raise(STATUS_DAMAGED, "a record of the topic registry has no type");
	if (!kind_parse(type, &event.kind)) {
		error_raise(STATUS_UNSUPPORTED, "a record of the topic registry has the unknown type \"%s\"", type);
		error_hint("The data directory was used by a later release; start that one.");
		return STATUS_UNSUPPORTED;
	}
	if (event.kind == TOPIC_PRODUCER_IDS) {
		event.producer_id_next = json_integer_value(json_object_get(json, "next"));
		if (event.producer_id_next <= 0)
			return error_raise(STATUS_DAMAGED, "a record of the topic registry reserves no producer ids");
	} else {
		status result = topic_name_check(name);
		if (result != STATUS_OK)
			return error_raise(STATUS_DAMAGED, "a record of the topic registry names no possible topic");
		memcpy(event.name, name, strlen(name) + 1);
		if (event.kind == TOPIC_CREATED &&
			(!config_parse(json, &event.config) || topic_config_check(&event.config) != STATUS_OK))
			return error_raise(STATUS_DAMAGED, "the registry's configuration of topic %s is invalid", name);
	}
	*out = event;
	return STATUS_OK;
}

status topic_event_decode(struct slice key, struct slice value, struct topic_event *out)
{
	char name[TOPIC_NAME_MAX + 1];
	if (key.data == NULL || value.data == NULL || key.size >= sizeof name)
		return error_raise(STATUS_DAMAGED, "a record of the topic registry lacks its key or value");
	memcpy(name, key.data, key.size);
	name[key.size] = '\0';
	json_t *json = json_loadb((const char *)value.data, value.size, JSON_REJECT_DUPLICATES, NULL);
	if (json == NULL)
		return error_raise(STATUS_DAMAGED, "the registry's record of topic %s is no JSON", name);
	status result = event_parse(name, json, out);
	json_decref(json);
	return result;
}
