/* CreateTopics and DeleteTopics. Both change the log durably and so run on a worker thread, one topic
 * after the other; each topic has its own outcome. A topic that is named twice is refused, once, as by Kafka.
 */
#include "base/diag.h"
#include "ingest/kafka_request.h"
#include "log/topic_config.h"

/* ---- CreateTopics ---- */

static void topic_refuse(struct kafka_create_topics_response_topic *to, int16_t error_code, const char *why)
{
	to->error_code = error_code;
	to->error_message = slice_of_string(why);
}

/* Replicas assigned by hand: every partition, in any order, to us alone. */
static bool assignments_check(
	struct kafka_request *request, const struct kafka_create_topics_request_topic *from)
{
	int32_t count = from->assignments_count;
	bool *seen = arena_alloc_zeroed(&request->arena, (size_t)count);
	for (int32_t i = 0; i < count; i++) {
		const struct kafka_create_topics_assignment *assignment = &from->assignments[i];
		int32_t index = assignment->partition_index;
		if (index < 0 || index >= count || seen[index] || assignment->broker_ids_count != 1 ||
			assignment->broker_ids[0] != request->broker->node_id)
			return false;
		seen[index] = true;
	}
	return true;
}

static bool partitions_decide(struct kafka_request *request,
	const struct kafka_create_topics_request_topic *from, struct kafka_create_topics_response_topic *to,
	struct topic_config *config)
{
	int32_t partitions = from->num_partitions;
	if (from->assignments_count != 0) {
		if (from->num_partitions != -1 || from->replication_factor != -1) {
			topic_refuse(to, KAFKA_INVALID_REQUEST, "give either counts or an assignment, not both");
			return false;
		}
		if (!assignments_check(request, from)) {
			topic_refuse(
				to, KAFKA_INVALID_REPLICA_ASSIGNMENT, "every partition once, each on the only broker");
			return false;
		}
		partitions = from->assignments_count;
	} else if (from->replication_factor != 1 && from->replication_factor != -1) {
		topic_refuse(to, KAFKA_INVALID_REPLICATION_FACTOR,
			arena_printf(&request->arena, "replication factor %d; there is one broker, so only 1 is possible",
				from->replication_factor));
		return false;
	}
	if (partitions == -1)
		partitions = config->partitions; /* KIP-464: the broker's default */
	if (partitions < 1 || partitions > TOPIC_PARTITIONS_MAX) {
		topic_refuse(to, KAFKA_INVALID_PARTITIONS,
			arena_printf(
				&request->arena, "%d partitions; 1 to %d are possible", partitions, TOPIC_PARTITIONS_MAX));
		return false;
	}
	config->partitions = partitions;
	return true;
}

static bool configs_decide(struct kafka_request *request,
	const struct kafka_create_topics_request_topic *from, struct kafka_create_topics_response_topic *to,
	struct topic_config *config)
{
	for (int32_t i = 0; i < from->configs_count; i++) {
		const char *name = kafka_text(&request->arena, from->configs[i].name);
		struct slice value = from->configs[i].value;
		const char *text = value.data != NULL ? kafka_text(&request->arena, value) : NULL;
		if (topic_config_set(config, name, text) != STATUS_OK) {
			topic_refuse(to, KAFKA_INVALID_CONFIG, (const char *)kafka_error_text(&request->arena).data);
			return false;
		}
	}
	return true;
}

static bool name_decide(struct kafka_request *request, struct kafka_create_topics_response_topic *to)
{
	struct slice name = to->name;
	const char *text = kafka_text(&request->arena, name);
	if (!kafka_may(request, USER_DEPLOY, name)) {
		topic_refuse(to, KAFKA_TOPIC_AUTHORIZATION_FAILED, "not allowed to create this topic");
		return false;
	}
	if (strlen(text) != name.size || topic_name_check(text) != STATUS_OK) {
		topic_refuse(to, KAFKA_INVALID_TOPIC_EXCEPTION,
			strlen(text) != name.size ? "a topic's name has a zero byte"
									  : (const char *)kafka_error_text(&request->arena).data);
		return false;
	}
	if (kafka_topic_is_internal(name)) {
		topic_refuse(to, KAFKA_INVALID_TOPIC_EXCEPTION, "names beginning with __ belong to internal topics");
		return false;
	}
	if (kafka_topic_find(request->broker->log, name) != NULL) {
		topic_refuse(
			to, KAFKA_TOPIC_ALREADY_EXISTS, arena_printf(&request->arena, "topic '%s' already exists", text));
		return false;
	}
	return true;
}

/* Since version 5 the answer has the whole configuration, which is a hundred times what was asked: told while
 * there is room, and where there is none that is said. Whether the topic was created has its own code. */
static void topic_tell_configs(struct kafka_request *request, const struct topic_config *config,
	struct kafka_create_topics_response_topic *to)
{
	if (request->layout.version < 5)
		return;
	if (kafka_answer_has_room(request, kafka_config_list_size()))
		to->configs = kafka_config_list(&request->arena, config, &to->configs_count);
	else
		to->topic_config_error_code = KAFKA_INVALID_REQUEST;
}

static void topic_create_one(
	struct kafka_request *request, int32_t which, struct kafka_create_topics_response_topic *to)
{
	const struct kafka_create_topics_request *message = request->message;
	const struct kafka_create_topics_request_topic *from = &message->topics[which];
	struct topic_config config = topic_config_default();
	to->name = from->name;
	if (!name_decide(request, to) || !partitions_decide(request, from, to, &config) ||
		!configs_decide(request, from, to, &config))
		return;
	if (message->validate_only && topic_config_check(&config) != STATUS_OK) {
		topic_refuse(to, KAFKA_INVALID_CONFIG, (const char *)kafka_error_text(&request->arena).data);
		return;
	}
	if (!message->validate_only) {
		status result = topic_create(request->broker->log, kafka_text(&request->arena, from->name), &config);
		if (result != STATUS_OK) {
			/* The name was checked, so what the log does not take is the configuration. */
			bool refused = result == STATUS_UNSUPPORTED || result == STATUS_INVALID;
			topic_refuse(to, refused ? KAFKA_INVALID_CONFIG : kafka_error_of(result),
				(const char *)kafka_error_text(&request->arena).data);
			return;
		}
		diag(DIAG_INFO, "audit", "topic_created", "listener=kafka principal=\"%s\" topic=%s",
			kafka_principal(request), kafka_text(&request->arena, from->name));
		const struct topic *topic = kafka_topic_find(request->broker->log, from->name);
		if (topic != NULL)
			kafka_topic_uuid(topic, to->topic_id);
	}
	to->num_partitions = config.partitions;
	to->replication_factor = 1;
	topic_tell_configs(request, &config, to);
}

static void topics_create(struct kafka_request *request)
{
	const struct kafka_create_topics_request *message = request->message;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, message->topics_count);
	for (int32_t i = 0; i < message->topics_count; i++)
		kafka_mentions_add(mentions, message->topics[i].name, 0);
	kafka_mentions_finish(mentions);
	struct kafka_create_topics_response *answer = KAFKA_NEW(&request->arena, create_topics_response, 1);
	answer->topics = KAFKA_NEW(&request->arena, create_topics_response_topic, mentions->unique);
	for (int32_t i = 0; i < message->topics_count; i++) {
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		struct kafka_create_topics_response_topic *to = &answer->topics[answer->topics_count++];
		to->name = message->topics[i].name;
		if (mentions->kinds[i] == KAFKA_MENTIONED_ONCE)
			topic_create_one(request, i, to);
		else
			topic_refuse(to, KAFKA_INVALID_REQUEST, "the request names this topic more than once");
	}
	request->state = answer;
}

enum kafka_progress kafka_create_topics_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, topics_create);
	return KAFKA_WAITS;
}

/* ---- DeleteTopics ---- */

static const struct topic *topic_find_uuid(struct log *log, const uint8_t uuid[16])
{
	const struct topic **topics, *found = NULL;
	size_t count;
	topic_list(log, &topics, &count);
	for (size_t i = 0; i < count && found == NULL; i++) {
		uint8_t other[16];
		kafka_topic_uuid(topics[i], other);
		if (memcmp(uuid, other, sizeof other) == 0)
			found = topics[i];
	}
	mem_free(topics);
	return found;
}

static void topic_delete_one(
	struct kafka_request *request, const struct topic *topic, struct kafka_delete_topics_result *to)
{
	if (!kafka_may(request, USER_DEPLOY, slice_of_string(topic->name))) {
		to->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		to->error_message = slice_of_string("not allowed to delete this topic");
		return;
	}
	kafka_topic_uuid(topic, to->topic_id);
	to->name = slice_of_string(topic->name);
	if (topic->config->internal || kafka_topic_is_internal(to->name)) {
		to->error_code = KAFKA_INVALID_TOPIC_EXCEPTION;
		to->error_message = slice_of_string("internal topics cannot be deleted");
		return;
	}
	diag(DIAG_INFO, "audit", "topic_deletion", "listener=kafka principal=\"%s\" topic=%s",
		kafka_principal(request), topic->name);
	status result = topic_delete(request->broker->log, topic->name);
	if (result != STATUS_OK) {
		to->error_code = kafka_error_of(result);
		to->error_message = kafka_error_text(&request->arena);
	}
}

static void topic_delete_named(
	struct kafka_request *request, struct slice name, struct kafka_delete_topics_result *to)
{
	to->name = name;
	if (!kafka_may(request, USER_DEPLOY, name)) {
		to->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		to->error_message = slice_of_string("not allowed to delete this topic");
		return;
	}
	const struct topic *topic = kafka_topic_find(request->broker->log, name);
	if (topic != NULL) {
		topic_delete_one(request, topic, to);
		return;
	}
	to->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	to->error_message = slice_of_string("there is no such topic");
}

/* Since version 6: by name, or by id where the name is null. */
static void topic_delete_item(struct kafka_request *request,
	const struct kafka_delete_topics_request_topic *from, struct kafka_delete_topics_result *to)
{
	if (from->name.data != NULL) {
		topic_delete_named(request, from->name, to);
		return;
	}
	const struct topic *topic = topic_find_uuid(request->broker->log, from->topic_id);
	if (topic != NULL) {
		topic_delete_one(request, topic, to);
		return;
	}
	memcpy(to->topic_id, from->topic_id, sizeof to->topic_id);
	to->error_code = KAFKA_UNKNOWN_TOPIC_ID;
	to->error_message = slice_of_string("there is no topic of this id");
}

static void topic_refuse_repeated(struct slice name, struct kafka_delete_topics_result *to)
{
	to->name = name;
	to->error_code = KAFKA_INVALID_REQUEST;
	to->error_message = slice_of_string("the request names this topic more than once");
}

/* Until version 5: names alone. */
static void topics_delete_named(struct kafka_request *request, struct kafka_delete_topics_response *answer)
{
	const struct kafka_delete_topics_request *message = request->message;
	const struct kafka_mentions *mentions =
		kafka_mentions_of_names(&request->arena, message->topic_names, message->topic_names_count);
	answer->responses = KAFKA_NEW(&request->arena, delete_topics_result, mentions->unique);
	for (int32_t i = 0; i < message->topic_names_count; i++) {
		struct kafka_delete_topics_result *to = &answer->responses[answer->responses_count];
		if (mentions->kinds[i] == KAFKA_MENTIONED_ONCE)
			topic_delete_named(request, message->topic_names[i], to);
		else if (mentions->kinds[i] == KAFKA_MENTIONED_FIRST)
			topic_refuse_repeated(message->topic_names[i], to);
		else
			continue;
		answer->responses_count += 1;
	}
}

enum { MENTION_NAME, MENTION_UUID };

/* Since version 6: names and ids. */
static void topics_delete_items(struct kafka_request *request, struct kafka_delete_topics_response *answer)
{
	const struct kafka_delete_topics_request *message = request->message;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, message->topics_count);
	for (int32_t i = 0; i < message->topics_count; i++) {
		const struct kafka_delete_topics_request_topic *from = &message->topics[i];
		if (from->name.data != NULL)
			kafka_mentions_add(mentions, from->name, MENTION_NAME);
		else
			kafka_mentions_add(mentions, slice_of(from->topic_id, sizeof from->topic_id), MENTION_UUID);
	}
	kafka_mentions_finish(mentions);
	answer->responses = KAFKA_NEW(&request->arena, delete_topics_result, mentions->unique);
	for (int32_t i = 0; i < message->topics_count; i++) {
		const struct kafka_delete_topics_request_topic *from = &message->topics[i];
		struct kafka_delete_topics_result *to = &answer->responses[answer->responses_count];
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		answer->responses_count += 1;
		if (mentions->kinds[i] == KAFKA_MENTIONED_ONCE) {
			topic_delete_item(request, from, to);
			continue;
		}
		topic_refuse_repeated(from->name, to);
		if (from->name.data == NULL)
			memcpy(to->topic_id, from->topic_id, sizeof to->topic_id);
	}
}

static void topics_delete(struct kafka_request *request)
{
	struct kafka_delete_topics_response *answer = KAFKA_NEW(&request->arena, delete_topics_response, 1);
	if (request->layout.version < 6)
		topics_delete_named(request, answer);
	else
		topics_delete_items(request, answer);
	request->state = answer;
}

enum kafka_progress kafka_delete_topics_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, topics_delete);
	return KAFKA_WAITS;
}
