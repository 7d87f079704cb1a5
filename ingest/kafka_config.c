/* Topic and broker configuration in Kafka's names: one table, used to describe, to create and to check.
 * Whatever DescribeConfigs says can be written back to CreateTopics: an entry we cannot change accepts the
 * value it has, and nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/kafka_request.h"

/* The protocol's numbers. */
enum {
	RESOURCE_TOPIC = 2,
	RESOURCE_BROKER = 4,
	SOURCE_DYNAMIC_TOPIC = 1,
	SOURCE_STATIC_BROKER = 4,
	SOURCE_DEFAULT = 5,
	TYPE_BOOLEAN = 1,
	TYPE_STRING = 2,
	TYPE_INT = 3,
	TYPE_LONG = 5,
	TYPE_LIST = 7,
};

/* The log's documented defaults, for entries where 0 means "the default". */
enum { SEGMENT_BYTES_DEFAULT = 256 * 1024 * 1024, MESSAGE_BYTES_DEFAULT = 16 * 1024 * 1024 };

struct entry {
	const char *name;
	const char *fixed; /* the only value possible; NULL: a number of struct topic_config */
	int64_t (*get)(const struct topic_config *config);
	void (*set)(struct topic_config *config, int64_t value);
	int64_t min, max;
	int8_t type;
	const char *documentation;
};

static int64_t retention_ms_get(const struct topic_config *config)
{
	return config->retention_ms;
}

static void retention_ms_set(struct topic_config *config, int64_t value)
{
	config->retention_ms = value;
}

static int64_t retention_bytes_get(const struct topic_config *config)
{
	return config->retention_bytes;
}

static void retention_bytes_set(struct topic_config *config, int64_t value)
{
	config->retention_bytes = value;
}

static int64_t segment_bytes_get(const struct topic_config *config)
{
	return config->segment_bytes != 0 ? config->segment_bytes : SEGMENT_BYTES_DEFAULT;
}

static void segment_bytes_set(struct topic_config *config, int64_t value)
{
	config->segment_bytes = value;
}

static int64_t message_bytes_get(const struct topic_config *config)
{
	return config->message_bytes_max != 0 ? config->message_bytes_max : MESSAGE_BYTES_DEFAULT;
}

static void message_bytes_set(struct topic_config *config, int64_t value)
{
	config->message_bytes_max = (int32_t)value;
}

static const struct entry entries[] = {
	{"cleanup.policy", "delete", NULL, NULL, 0, 0, TYPE_LIST, "Old segments are deleted, never compacted."},
	{"compression.type", "producer", NULL, NULL, 0, 0, TYPE_STRING,
		"Batches are kept as the producer sent them."},
	{"max.message.bytes", NULL, message_bytes_get, message_bytes_set, 1024, 1024 * 1024 * 1024, TYPE_INT,
		"The largest record batch, compressed."},
	{"message.timestamp.type", "CreateTime", NULL, NULL, 0, 0, TYPE_STRING, "Timestamps are the producer's."},
	{"min.insync.replicas", "1", NULL, NULL, 0, 0, TYPE_INT, "Acknowledged means on this machine's disk."},
	{"retention.bytes", NULL, retention_bytes_get, retention_bytes_set, -1, INT64_MAX, TYPE_LONG,
		"Bytes kept per partition; -1 = unlimited."},
	{"retention.ms", NULL, retention_ms_get, retention_ms_set, -1, INT64_MAX, TYPE_LONG,
		"Milliseconds a record is kept; -1 = unlimited."},
	{"segment.bytes", NULL, segment_bytes_get, segment_bytes_set, 64 * 1024, INT32_MAX, TYPE_INT,
		"The size at which a new segment file is begun."},
	{"unclean.leader.election.enable", "false", NULL, NULL, 0, 0, TYPE_BOOLEAN, "There is no election."},
};

enum { ENTRIES = sizeof entries / sizeof entries[0] };

static const char *entry_value(
	struct arena *arena, const struct entry *entry, const struct topic_config *config)
{
	return entry->fixed != NULL ? entry->fixed : arena_printf(arena, "%" PRId64, entry->get(config));
}

static bool entry_is_default(const struct entry *entry, const struct topic_config *config)
{
	struct topic_config defaults = topic_config_default();
	return entry->fixed != NULL || entry->get(config) == entry->get(&defaults);
}

status kafka_config_set(struct topic_config *config, const char *name, const char *value)
{
	const struct entry *entry = NULL;
	for (size_t i = 0; i < ENTRIES && entry == NULL; i++) {
		if (strcmp(entries[i].name, name) == 0)
			entry = &entries[i];
	}
	if (entry == NULL)
		return error_raise(STATUS_INVALID, "unknown topic config name: %.200s", name);
	if (value == NULL)
		return STATUS_OK;
	if (entry->fixed != NULL) {
		if (strcmp(value, entry->fixed) == 0)
			return STATUS_OK;
		return error_raise(STATUS_INVALID, "%s=%.100s is not supported, only %s", name, value, entry->fixed);
	}
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0')
		return error_raise(STATUS_INVALID, "%s=%.100s is not a number", name, value);
	if (number < entry->min || number > entry->max)
		return error_raise(STATUS_INVALID, "%s=%lld is not between %" PRId64 " and %" PRId64, name, number,
			entry->min, entry->max);
	entry->set(config, number);
	return STATUS_OK;
}

struct kafka_create_topics_response_config *kafka_config_list(
	struct arena *arena, const struct topic_config *config, int32_t *count)
{
	struct kafka_create_topics_response_config *list =
		KAFKA_NEW(arena, create_topics_response_config, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		list[i].name = slice_of_string(entries[i].name);
		list[i].value = slice_of_string(entry_value(arena, &entries[i], config));
		list[i].config_source = entry_is_default(&entries[i], config) ? SOURCE_DEFAULT : SOURCE_DYNAMIC_TOPIC;
	}
	*count = ENTRIES;
	return list;
}

/* ---- DescribeConfigs ---- */

static bool key_is_asked(const struct kafka_describe_configs_resource *resource, const char *name)
{
	/* Null and, since Kafka sends both, empty: all of them. */
	if (resource->configuration_keys_count <= 0)
		return true;
	for (int32_t i = 0; i < resource->configuration_keys_count; i++) {
		if (slice_equal(resource->configuration_keys[i], slice_of_string(name)))
			return true;
	}
	return false;
}

static void describe_entry(struct kafka_request *request, struct kafka_describe_configs_result *result,
	const char *name, const char *value, int8_t type, int8_t source, const char *documentation)
{
	const struct kafka_describe_configs_request *message = request->message;
	struct kafka_describe_configs_config *config = &result->configs[result->configs_count++];
	config->name = slice_of_string(name);
	config->value = slice_of_string(value);
	config->read_only = source == SOURCE_STATIC_BROKER;
	config->is_default = source == SOURCE_DEFAULT;
	config->config_source = source;
	config->config_type = type;
	if (message->include_documentation)
		config->documentation = slice_of_string(documentation);
	if (!message->include_synonyms)
		return;
	config->synonyms = KAFKA_NEW(&request->arena, describe_configs_synonym, 1);
	config->synonyms_count = 1;
	config->synonyms->name = config->name;
	config->synonyms->value = config->value;
	config->synonyms->source = source;
}

static void describe_topic(struct kafka_request *request,
	const struct kafka_describe_configs_resource *resource, struct kafka_describe_configs_result *result)
{
	const struct topic *topic = kafka_topic_find(request->broker->log, resource->resource_name);
	if (topic == NULL) {
		result->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
		result->error_message = slice_of_string("there is no such topic");
		return;
	}
	result->configs = KAFKA_NEW(&request->arena, describe_configs_config, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *entry = &entries[i];
		if (key_is_asked(resource, entry->name))
			describe_entry(request, result, entry->name, entry_value(&request->arena, entry, &topic->config),
				entry->type, entry_is_default(entry, &topic->config) ? SOURCE_DEFAULT : SOURCE_DYNAMIC_TOPIC,
				entry->documentation);
	}
}

static void describe_broker(struct kafka_request *request,
	const struct kafka_describe_configs_resource *resource, struct kafka_describe_configs_result *result)
{
	struct kafka_broker *broker = request->broker;
	struct arena *arena = &request->arena;
	const char *node_id = arena_printf(arena, "%d", broker->node_id);
	if (resource->resource_name.size != 0 &&
		!slice_equal(resource->resource_name, slice_of_string(node_id))) {
		result->error_code = KAFKA_INVALID_REQUEST;
		result->error_message = slice_of_string(arena_printf(arena, "the only broker is %s", node_id));
		return;
	}
	struct topic_config defaults = topic_config_default();
	const struct {
		const char *name, *value;
		int8_t type;
	} values[] = {
		{"auto.create.topics.enable", broker->auto_create_topics ? "true" : "false", TYPE_BOOLEAN},
		{"broker.id", node_id, TYPE_INT},
		{"compression.type", "producer", TYPE_STRING},
		{"default.replication.factor", "1", TYPE_INT},
		{"fetch.max.bytes", arena_printf(arena, "%d", broker->fetch_bytes_max), TYPE_INT},
		{"log.cleanup.policy", "delete", TYPE_LIST},
		{"log.message.timestamp.type", "CreateTime", TYPE_STRING},
		{"log.retention.bytes", arena_printf(arena, "%" PRId64, defaults.retention_bytes), TYPE_LONG},
		{"log.retention.ms", arena_printf(arena, "%" PRId64, defaults.retention_ms), TYPE_LONG},
		{"log.segment.bytes", arena_printf(arena, "%" PRId64, segment_bytes_get(&defaults)), TYPE_INT},
		{"message.max.bytes", arena_printf(arena, "%" PRId64, message_bytes_get(&defaults)), TYPE_INT},
		{"min.insync.replicas", "1", TYPE_INT},
		{"num.partitions", arena_printf(arena, "%d", defaults.partitions), TYPE_INT},
		{"offsets.topic.replication.factor", "1", TYPE_INT},
		{"socket.request.max.bytes", arena_printf(arena, "%d", broker->request_bytes_max), TYPE_INT},
	};
	enum { VALUES = sizeof values / sizeof values[0] };
	result->configs = KAFKA_NEW(arena, describe_configs_config, VALUES);
	for (size_t i = 0; i < VALUES; i++) {
		if (key_is_asked(resource, values[i].name))
			describe_entry(
				request, result, values[i].name, values[i].value, values[i].type, SOURCE_STATIC_BROKER, "");
	}
}

enum kafka_progress kafka_describe_configs_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_describe_configs_request *message = request->message;
	struct kafka_describe_configs_response *answer = KAFKA_NEW(&request->arena, describe_configs_response, 1);
	answer->results_count = message->resources_count;
	answer->results = KAFKA_NEW(&request->arena, describe_configs_result, message->resources_count);
	for (int32_t i = 0; i < message->resources_count; i++) {
		const struct kafka_describe_configs_resource *resource = &message->resources[i];
		struct kafka_describe_configs_result *result = &answer->results[i];
		result->resource_type = resource->resource_type;
		result->resource_name = resource->resource_name;
		if (resource->resource_type == RESOURCE_TOPIC) {
			describe_topic(request, resource, result);
		} else if (resource->resource_type == RESOURCE_BROKER) {
			describe_broker(request, resource, result);
		} else {
			result->error_code = KAFKA_INVALID_REQUEST;
			result->error_message = slice_of_string("only topics and brokers have configuration");
		}
	}
	return kafka_request_answer(request, answer);
}
