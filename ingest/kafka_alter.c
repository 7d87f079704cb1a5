/* AlterConfigs and IncrementalAlterConfigs. A topic's alteration is one change of its configuration, made of
 * all the entries sent, or none. The broker's settings are given when the server starts: writing back what
 * DescribeConfigs says of them is accepted, changing them is not.
 *
 * What views need is not let go: POLICY_VIOLATION naming them, unless kappa.trim.force=true is set.
 */
#include "base/diag.h"
#include "ingest/kafka_request.h"
#include "log/topic_config.h"

enum {
	RESOURCE_TOPIC = 2,
	RESOURCE_BROKER = 4,
	/* Operations of IncrementalAlterConfigs; AlterConfigs sets. */
	OPERATION_SET = 0,
	OPERATION_DELETE = 1,
	OPERATION_APPEND = 2,
	OPERATION_SUBTRACT = 3,
};

/* Both requests' resources in one shape. */
struct alteration {
	struct kafka_request *request;
	bool replaces; /* AlterConfigs: what is not sent goes back to its default */
	bool validate_only;
	const struct kafka_incremental_alter_configs_resource *resource;
	/* Of the broker; looked up once for all that is compared with them. */
	const struct kafka_broker_value *broker_values;
	size_t broker_value_count;
};

/* ---- a topic's entries ---- */

/* Members of a list go in or out. */
static status list_change(struct topic_config *config, const char *name, int8_t operation, const char *value)
{
	const struct topic_config_entry *entry = topic_config_entry_find(name);
	struct topic_config members = *config;
	if (entry == NULL || entry->type != TOPIC_CONFIG_LIST)
		return error_raise(STATUS_INVALID, "%.200s is no list: nothing can be appended or subtracted", name);
	status result = topic_config_set(&members, name, value);
	if (result != STATUS_OK)
		return result;
	int64_t now = entry->get(config), changed = entry->get(&members);
	now = operation == OPERATION_APPEND ? now | changed : now & ~changed;
	if (now == 0)
		return error_raise(STATUS_INVALID, "%s would be empty", name);
	entry->set(config, now);
	return STATUS_OK;
}

static status entry_change(struct kafka_request *request, struct topic_config *config,
	const struct kafka_incremental_alter_configs_config *change)
{
	const char *name = kafka_text(&request->arena, change->name);
	const char *value = change->value.data != NULL ? kafka_text(&request->arena, change->value) : NULL;
	switch (change->config_operation) {
	case OPERATION_SET:
		if (value == NULL)
			return error_raise(STATUS_INVALID, "%.200s is to be set, but to nothing", name);
		return topic_config_set(config, name, value);
	case OPERATION_DELETE:
		return topic_config_set(config, name, NULL);
	case OPERATION_APPEND:
	case OPERATION_SUBTRACT:
		return list_change(config, name, change->config_operation, value != NULL ? value : "");
	default:
		return error_raise(STATUS_INVALID, "operation %d is none", change->config_operation);
	}
}

static status topic_change(void *context, struct topic_config *config)
{
	const struct alteration *alteration = context;
	status result = STATUS_OK;
	if (alteration->replaces) {
		struct topic_config defaults = topic_config_default();
		defaults.partitions = config->partitions;
		*config = defaults;
	}
	for (int32_t i = 0; i < alteration->resource->configs_count && result == STATUS_OK; i++)
		result = entry_change(alteration->request, config, &alteration->resource->configs[i]);
	return result;
}

static void result_refuse(
	struct kafka_request *request, struct kafka_alter_configs_result *to, int16_t error_code, const char *why)
{
	to->error_code = error_code;
	to->error_message =
		why != NULL ? slice_of_string(why) : kafka_error_text(&request->arena); /* the current error's */
}

static void topic_alter_one(struct alteration *alteration, struct kafka_alter_configs_result *to)
{
	struct kafka_request *request = alteration->request;
	struct slice name = alteration->resource->resource_name;
	if (!kafka_may(request, USER_DEPLOY, name)) {
		result_refuse(request, to, KAFKA_TOPIC_AUTHORIZATION_FAILED, "not allowed to alter this topic");
		return;
	}
	const struct topic *topic = kafka_topic_find(request->broker->log, name);
	if (topic == NULL) {
		result_refuse(request, to, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "there is no such topic");
		return;
	}
	if (topic->config->internal || kafka_topic_is_internal(name)) {
		result_refuse(request, to, KAFKA_INVALID_TOPIC_EXCEPTION, "internal topics cannot be altered");
		return;
	}
	status result;
	if (alteration->validate_only) {
		struct topic_config config = *topic->config;
		result = topic_change(alteration, &config);
		if (result == STATUS_OK)
			result = topic_config_check(&config);
	} else {
		diag(DIAG_INFO, "audit", "topic_alteration", "listener=kafka principal=\"%s\" topic=%s",
			kafka_principal(request), topic->name);
		result = topic_alter_with(request->broker->log, topic->name, topic_change, alteration);
	}
	if (result != STATUS_OK)
		result_refuse(
			request, to, result == STATUS_INVALID ? KAFKA_INVALID_CONFIG : kafka_error_of(result), NULL);
}

/* ---- the broker's ---- */

/* NULL: there is no such setting. */
static const char *broker_value(struct alteration *alteration, struct slice name)
{
	if (alteration->broker_values == NULL)
		alteration->broker_values =
			kafka_config_broker_values(alteration->request, &alteration->broker_value_count);
	for (size_t i = 0; i < alteration->broker_value_count; i++)
		if (slice_equal(name, slice_of_string(alteration->broker_values[i].name)))
			return alteration->broker_values[i].value;
	return NULL;
}

static void broker_alter_one(struct alteration *alteration, struct kafka_alter_configs_result *to)
{
	struct kafka_request *request = alteration->request;
	const struct kafka_incremental_alter_configs_resource *resource = alteration->resource;
	if (!kafka_may_some(request, USER_ADMIN)) {
		result_refuse(request, to, KAFKA_CLUSTER_AUTHORIZATION_FAILED, "only an admin alters the broker");
		return;
	}
	if (!kafka_config_broker_is_named(request, resource->resource_name)) {
		result_refuse(request, to, KAFKA_INVALID_REQUEST,
			arena_printf(&request->arena, "the only broker is %d", request->broker->node_id));
		return;
	}
	/* The first that is not as it is says why; the rest would only take room. */
	for (int32_t i = 0; i < resource->configs_count && to->error_code == KAFKA_NONE; i++) {
		const struct kafka_incremental_alter_configs_config *config = &resource->configs[i];
		const char *name = kafka_text(&request->arena, config->name);
		const char *present = broker_value(alteration, config->name);
		if (present == NULL)
			result_refuse(request, to, KAFKA_INVALID_CONFIG,
				arena_printf(&request->arena, "unknown broker config name: %.200s", name));
		else if (config->config_operation != OPERATION_SET || config->value.data == NULL ||
				 !slice_equal(config->value, slice_of_string(present)))
			result_refuse(request, to, KAFKA_INVALID_CONFIG,
				arena_printf(&request->arena,
					"%s is %s; the broker's settings are given when the server starts (kappa serve --help)",
					name, present));
	}
}

/* ---- requests ---- */

static void resource_alter(struct alteration *alteration,
	const struct kafka_incremental_alter_configs_resource *resource, struct kafka_alter_configs_result *to)
{
	alteration->resource = resource;
	if (resource->resource_type == RESOURCE_TOPIC)
		topic_alter_one(alteration, to);
	else if (resource->resource_type == RESOURCE_BROKER)
		broker_alter_one(alteration, to);
	else
		result_refuse(
			alteration->request, to, KAFKA_INVALID_REQUEST, "only topics and brokers have configuration");
}

/* A resource that is there more than once is refused, as by Kafka: nobody could say which of its
 * configurations is meant. It is answered once. */
static void resources_alter(struct alteration *alteration,
	const struct kafka_incremental_alter_configs_resource *resources, int32_t count)
{
	struct kafka_request *request = alteration->request;
	struct kafka_alter_configs_response *answer = KAFKA_NEW(&request->arena, alter_configs_response, 1);
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, count);
	for (int32_t i = 0; i < count; i++)
		kafka_mentions_add(mentions, resources[i].resource_name, resources[i].resource_type);
	kafka_mentions_finish(mentions);
	answer->responses = KAFKA_NEW(&request->arena, alter_configs_result, mentions->unique);
	request->state = answer;
	for (int32_t i = 0; i < count; i++) {
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		struct kafka_alter_configs_result *to = &answer->responses[answer->responses_count++];
		to->resource_type = resources[i].resource_type;
		to->resource_name = resources[i].resource_name;
		if (mentions->kinds[i] == KAFKA_MENTIONED_ONCE)
			resource_alter(alteration, &resources[i], to);
		else
			result_refuse(
				request, to, KAFKA_INVALID_REQUEST, "the request names this resource more than once");
	}
}

/* What AlterConfigs sends of a resource, as if it had been sent one by one. */
static void resource_convert(struct kafka_request *request, const struct kafka_alter_configs_resource *from,
	struct kafka_incremental_alter_configs_resource *to)
{
	to->resource_type = from->resource_type;
	to->resource_name = from->resource_name;
	to->configs_count = from->configs_count;
	to->configs = KAFKA_NEW(&request->arena, incremental_alter_configs_config, from->configs_count);
	for (int32_t c = 0; c < from->configs_count; c++) {
		to->configs[c].name = from->configs[c].name;
		to->configs[c].value = from->configs[c].value;
		to->configs[c].config_operation =
			from->configs[c].value.data != NULL ? OPERATION_SET : OPERATION_DELETE;
	}
}

static void configs_alter(struct kafka_request *request)
{
	const struct kafka_alter_configs_request *message = request->message;
	struct alteration alteration = {
		.request = request, .replaces = true, .validate_only = message->validate_only};
	struct kafka_incremental_alter_configs_resource *resources =
		KAFKA_NEW(&request->arena, incremental_alter_configs_resource, message->resources_count);
	for (int32_t i = 0; i < message->resources_count; i++)
		resource_convert(request, &message->resources[i], &resources[i]);
	resources_alter(&alteration, resources, message->resources_count);
}

static void configs_alter_incrementally(struct kafka_request *request)
{
	const struct kafka_incremental_alter_configs_request *message = request->message;
	struct alteration alteration = {.request = request, .validate_only = message->validate_only};
	resources_alter(&alteration, message->resources, message->resources_count);
}

enum kafka_progress kafka_alter_configs_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, configs_alter);
	return KAFKA_WAITS;
}

enum kafka_progress kafka_incremental_alter_configs_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, configs_alter_incrementally);
	return KAFKA_WAITS;
}
