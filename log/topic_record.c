/* Topic names, configurations, and the registry's records as JSON. See topics.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "log/record_batch.h"
#include "log/topic_config.h"
#include "log/topics.h"

#define PRODUCER_IDS_KEY "/producer_ids" /* no topic can have this name */

static const char *const kind_names[] = {
	[TOPIC_CREATED] = "topic_created",
	[TOPIC_ALTERED] = "topic_altered",
	[TOPIC_DELETED] = "topic_deleted",
	[TOPIC_PRODUCER_IDS] = "producer_ids",
};

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

static json_t *config_json(const char *type, const struct topic_config *config)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:f, s:b}", "type", type,
		"partitions", (json_int_t)config->partitions, "segment_bytes", (json_int_t)config->segment_bytes,
		"retention_ms", (json_int_t)config->retention_ms, "retention_bytes",
		(json_int_t)config->retention_bytes, "message_bytes_max", (json_int_t)config->message_bytes_max,
		"internal", (int)config->internal, "cleanup_policy", (json_int_t)config->cleanup_policy, "segment_ms",
		(json_int_t)config->segment_ms, "delete_retention_ms", (json_int_t)config->delete_retention_ms,
		"compaction_lag_ms_min", (json_int_t)config->compaction_lag_ms_min, "compaction_lag_ms_max",
		(json_int_t)config->compaction_lag_ms_max, "dirty_ratio_min", config->dirty_ratio_min, "trim_force",
		(int)config->trim_force);
}

static json_t *event_json(const struct topic_event *event)
{
	switch (event->kind) {
	case TOPIC_CREATED:
	case TOPIC_ALTERED:
		return config_json(kind_names[event->kind], &event->config);
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

/* What came after the first release is optional: a record without it means the default. */
static bool config_parse(json_t *json, struct topic_config *out)
{
	struct topic_config defaults = topic_config_default();
	json_int_t partitions, segment_bytes, retention_ms, retention_bytes, message_bytes_max;
	json_int_t cleanup_policy = defaults.cleanup_policy, segment_ms = defaults.segment_ms;
	json_int_t delete_retention_ms = defaults.delete_retention_ms;
	json_int_t lag_ms_min = defaults.compaction_lag_ms_min, lag_ms_max = defaults.compaction_lag_ms_max;
	double dirty_ratio_min = defaults.dirty_ratio_min;
	int internal, trim_force = 0;
	if (json_unpack(json, "{s:I, s:I, s:I, s:I, s:I, s:b, s?I, s?I, s?I, s?I, s?I, s?F, s?b}", "partitions",
			&partitions, "segment_bytes", &segment_bytes, "retention_ms", &retention_ms, "retention_bytes",
			&retention_bytes, "message_bytes_max", &message_bytes_max, "internal", &internal,
			"cleanup_policy", &cleanup_policy, "segment_ms", &segment_ms, "delete_retention_ms",
			&delete_retention_ms, "compaction_lag_ms_min", &lag_ms_min, "compaction_lag_ms_max", &lag_ms_max,
			"dirty_ratio_min", &dirty_ratio_min, "trim_force", &trim_force) != 0 ||
		partitions < 1 || partitions > TOPIC_PARTITIONS_MAX || segment_bytes < 1 || message_bytes_max < 1 ||
		message_bytes_max > INT32_MAX || cleanup_policy < 1 || cleanup_policy > 3)
		return false;
	*out = (struct topic_config){
		.partitions = (int32_t)partitions,
		.internal = internal != 0,
		.trim_force = trim_force != 0,
		.cleanup_policy = (unsigned)cleanup_policy,
		.segment_bytes = segment_bytes,
		.segment_ms = segment_ms,
		.retention_ms = retention_ms,
		.retention_bytes = retention_bytes,
		.message_bytes_max = (int32_t)message_bytes_max,
		.delete_retention_ms = delete_retention_ms,
		.compaction_lag_ms_min = lag_ms_min,
		.compaction_lag_ms_max = lag_ms_max,
		.dirty_ratio_min = dirty_ratio_min,
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
		if (event.kind != TOPIC_DELETED &&
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
