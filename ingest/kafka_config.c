/* DescribeConfigs: the log's table of topic configuration (log/topic_config.h) and the broker's own settings
 * in Kafka's names; altering is in kafka_alter.c. Whatever is described can be written back: an entry that
 * cannot be changed accepts the value it has, and nothing else.
 */
#include <stdio.h>

#include "base/invariant.h"
#include "ingest/kafka_request.h"
#include "log/topic_config.h"

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
	TYPE_DOUBLE = 6,
	TYPE_LIST = 7,
};

static int8_t protocol_type(enum topic_config_type type)
{
	static const int8_t types[] = {
		[TOPIC_CONFIG_BOOLEAN] = TYPE_BOOLEAN,
		[TOPIC_CONFIG_STRING] = TYPE_STRING,
		[TOPIC_CONFIG_INT] = TYPE_INT,
		[TOPIC_CONFIG_LONG] = TYPE_LONG,
		[TOPIC_CONFIG_DOUBLE] = TYPE_DOUBLE,
		[TOPIC_CONFIG_LIST] = TYPE_LIST,
	};
	return types[type];
}

static const char *entry_value(
	struct arena *arena, const struct topic_config_entry *entry, const struct topic_config *config)
{
	char text[TOPIC_CONFIG_TEXT_MAX];
	topic_config_text(entry, config, text);
	return arena_copy_string(arena, text);
}

static int8_t entry_source(const struct topic_config_entry *entry, const struct topic_config *config)
{
	return topic_config_is_default(entry, config) ? SOURCE_DEFAULT : SOURCE_DYNAMIC_TOPIC;
}

struct kafka_create_topics_response_config *kafka_config_list(
	struct arena *arena, const struct topic_config *config, int32_t *count)
{
	int32_t entries = (int32_t)topic_config_entry_count();
	struct kafka_create_topics_response_config *list =
		KAFKA_NEW(arena, create_topics_response_config, entries);
	for (int32_t i = 0; i < entries; i++) {
		const struct topic_config_entry *entry = topic_config_entry((size_t)i);
		list[i].name = slice_of_string(entry->name);
		list[i].value = slice_of_string(entry_value(arena, entry, config));
		list[i].config_source = entry_source(entry, config);
		list[i].read_only = entry->fixed != NULL;
	}
	*count = entries;
	return list;
}

size_t kafka_config_list_size(void)
{
	enum { VALUE_TYPICAL = 16 };
	return topic_config_entry_count() * (sizeof(struct kafka_create_topics_response_config) + VALUE_TYPICAL);
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

/* Where a value comes from: the value in force first, then what it overrides. */
static void describe_synonyms(struct kafka_request *request, struct kafka_describe_configs_config *config,
	const char *default_name, const char *default_value)
{
	bool overridden = config->config_source != SOURCE_DEFAULT;
	config->synonyms = KAFKA_NEW(&request->arena, describe_configs_synonym, 2);
	struct kafka_describe_configs_synonym *next = config->synonyms;
	if (overridden) {
		next->name = config->name;
		next->value = config->value;
		next->source = config->config_source;
		next++;
	}
	if (default_name != NULL) {
		next->name = slice_of_string(default_name);
		next->value = slice_of_string(default_value);
		next->source = SOURCE_DEFAULT;
		next++;
	}
	config->synonyms_count = (int32_t)(next - config->synonyms);
}

static void describe_topic(struct kafka_request *request,
	const struct kafka_describe_configs_resource *resource, struct kafka_describe_configs_result *result)
{
	if (!kafka_may_describe(request, resource->resource_name)) {
		result->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		result->error_message = slice_of_string("not allowed to describe this topic");
		return;
	}
	const struct kafka_describe_configs_request *message = request->message;
	const struct topic *topic = kafka_topic_find(request->broker->log, resource->resource_name);
	if (topic == NULL) {
		result->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
		result->error_message = slice_of_string("there is no such topic");
		return;
	}
	const struct topic_config *config = topic->config, defaults = topic_config_default();
	size_t entries = topic_config_entry_count(), asked = 0;
	for (size_t i = 0; i < entries; i++)
		asked += key_is_asked(resource, topic_config_entry(i)->name);
	result->configs = KAFKA_NEW(&request->arena, describe_configs_config, (int32_t)asked);
	for (size_t i = 0; i < entries; i++) {
		const struct topic_config_entry *entry = topic_config_entry(i);
		if (!key_is_asked(resource, entry->name))
			continue;
		struct kafka_describe_configs_config *to = &result->configs[result->configs_count++];
		to->name = slice_of_string(entry->name);
		to->value = slice_of_string(entry_value(&request->arena, entry, config));
		to->read_only = entry->fixed != NULL;
		to->config_source = entry_source(entry, config);
		to->is_default = to->config_source == SOURCE_DEFAULT;
		to->config_type = protocol_type(entry->type);
		if (message->include_documentation)
			to->documentation = slice_of_string(entry->documentation);
		if (message->include_synonyms)
			describe_synonyms(request, to, entry->broker_name != NULL ? entry->broker_name : entry->name,
				entry_value(&request->arena, entry, &defaults));
	}
}

/* ---- the broker's ---- */

/* Settings of the server in Kafka's names, then the defaults of topics. None can be altered over the wire. */
const struct kafka_broker_value *kafka_config_broker_values(struct kafka_request *request, size_t *out_count)
{
	struct kafka_broker *broker = request->broker;
	struct arena *arena = &request->arena;
	struct topic_config defaults = topic_config_default();
	const struct kafka_broker_value own[] = {
		{"auto.create.topics.enable", broker->auto_create_topics ? "true" : "false",
			"Metadata for an unknown topic creates it.", TYPE_BOOLEAN},
		{"broker.id", arena_printf(arena, "%d", broker->node_id), "This broker's node id.", TYPE_INT},
		{"default.replication.factor", "1", "There is one broker.", TYPE_INT},
		{"delete.topic.enable", "true", "Topics can be deleted.", TYPE_BOOLEAN},
		{"fetch.max.bytes", arena_printf(arena, "%d", broker->fetch_bytes_max),
			"The largest answer to a fetch.", TYPE_INT},
		{"num.partitions", arena_printf(arena, "%d", defaults.partitions),
			"Partitions of a topic when nobody says how many.", TYPE_INT},
		{"offsets.topic.replication.factor", "1", "There is one broker.", TYPE_INT},
		{"socket.request.max.bytes", arena_printf(arena, "%d", broker->request_bytes_max),
			"The largest request.", TYPE_INT},
	};
	size_t count = sizeof own / sizeof own[0];
	struct kafka_broker_value *values = arena_alloc(arena, KAFKA_BROKER_VALUES_MAX * sizeof *values);
	INVARIANT(count + topic_config_entry_count() <= KAFKA_BROKER_VALUES_MAX);
	memcpy(values, own, sizeof own);
	for (size_t i = 0; i < topic_config_entry_count(); i++) {
		const struct topic_config_entry *entry = topic_config_entry(i);
		if (entry->broker_name != NULL)
			values[count++] = (struct kafka_broker_value){entry->broker_name,
				entry_value(arena, entry, &defaults), entry->documentation, protocol_type(entry->type)};
	}
	*out_count = count;
	return values;
}

bool kafka_config_broker_is_named(const struct kafka_request *request, struct slice name)
{
	char node_id[16];
	(void)snprintf(node_id, sizeof node_id, "%d", request->broker->node_id);
	return name.size == 0 || slice_equal(name, slice_of_string(node_id));
}

static void describe_broker(struct kafka_request *request,
	const struct kafka_describe_configs_resource *resource, struct kafka_describe_configs_result *result)
{
	if (!kafka_may_some(request, USER_ADMIN)) {
		result->error_code = KAFKA_CLUSTER_AUTHORIZATION_FAILED;
		result->error_message = slice_of_string("only admins may describe the broker");
		return;
	}
	const struct kafka_describe_configs_request *message = request->message;
	if (!kafka_config_broker_is_named(request, resource->resource_name)) {
		result->error_code = KAFKA_INVALID_REQUEST;
		result->error_message =
			slice_of_string(arena_printf(&request->arena, "the only broker is %d", request->broker->node_id));
		return;
	}
	size_t count;
	const struct kafka_broker_value *values = kafka_config_broker_values(request, &count);
	result->configs = KAFKA_NEW(&request->arena, describe_configs_config, (int32_t)count);
	for (size_t i = 0; i < count; i++) {
		if (!key_is_asked(resource, values[i].name))
			continue;
		struct kafka_describe_configs_config *to = &result->configs[result->configs_count++];
		to->name = slice_of_string(values[i].name);
		to->value = slice_of_string(values[i].value);
		to->read_only = true;
		to->config_source = SOURCE_STATIC_BROKER;
		to->config_type = values[i].type;
		if (message->include_documentation)
			to->documentation = slice_of_string(values[i].documentation);
		if (message->include_synonyms)
			describe_synonyms(request, to, NULL, NULL);
	}
}

static void resource_describe(struct kafka_request *request,
	const struct kafka_describe_configs_resource *resource, struct kafka_describe_configs_result *result)
{
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

/* Each resource is answered once, however often it was asked: an answer has kilobytes, and asking costs few
 * bytes. */
enum kafka_progress kafka_describe_configs_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_describe_configs_request *message = request->message;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, message->resources_count);
	for (int32_t i = 0; i < message->resources_count; i++)
		kafka_mentions_add(
			mentions, message->resources[i].resource_name, message->resources[i].resource_type);
	kafka_mentions_finish(mentions);
	struct kafka_describe_configs_response *answer = KAFKA_NEW(&request->arena, describe_configs_response, 1);
	answer->results = KAFKA_NEW(&request->arena, describe_configs_result, mentions->unique);
	for (int32_t i = 0; i < message->resources_count; i++)
		if (mentions->kinds[i] != KAFKA_MENTIONED_AGAIN)
			resource_describe(request, &message->resources[i], &answer->results[answer->results_count++]);
	return kafka_request_answer(request, answer);
}
