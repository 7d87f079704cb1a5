/* Metadata and DescribeCluster: one broker, which leads every partition and is the controller.
 * Unknown topics asked for by name are created (on a worker thread) where broker and client both allow it.
 */
#include "base/diag.h"
#include "ingest/kafka_request.h"

/* ---- brokers ---- */

static struct kafka_metadata_broker *metadata_broker(struct kafka_request *request)
{
	struct kafka_metadata_broker *broker = KAFKA_NEW(&request->arena, metadata_broker, 1);
	broker->node_id = request->broker->node_id;
	broker->host = slice_of_string(request->broker->host);
	broker->port = request->broker->port;
	return broker;
}

enum kafka_progress kafka_describe_cluster_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_describe_cluster_request *message = request->message;
	struct kafka_describe_cluster_response *answer = KAFKA_NEW(&request->arena, describe_cluster_response, 1);
	answer->endpoint_type = message->endpoint_type;
	if (message->endpoint_type != 1) {
		answer->error_code = KAFKA_INVALID_REQUEST;
		answer->error_message =
			slice_of_string("only brokers can be described; there are no separate controllers");
		return kafka_request_answer(request, answer);
	}
	answer->cluster_id = slice_of_string(request->broker->cluster_id);
	answer->controller_id = request->broker->node_id;
	answer->brokers_count = 1;
	answer->brokers = KAFKA_NEW(&request->arena, describe_cluster_broker, 1);
	answer->brokers->broker_id = request->broker->node_id;
	answer->brokers->host = slice_of_string(request->broker->host);
	answer->brokers->port = request->broker->port;
	return kafka_request_answer(request, answer);
}

/* ---- topics ---- */

static void metadata_topic_fill(
	struct kafka_request *request, const struct topic *topic, struct kafka_metadata_topic *to)
{
	to->name = slice_of_string(topic->name);
	const struct topic_config *config = topic->config; /* partitions may be added meanwhile */
	to->is_internal = config->internal;
	to->partitions_count = config->partitions;
	to->partitions = KAFKA_NEW(&request->arena, metadata_partition, config->partitions);
	for (int32_t p = 0; p < config->partitions; p++) {
		struct kafka_metadata_partition *partition = &to->partitions[p];
		partition->partition_index = p;
		partition->leader_id = request->broker->node_id;
		partition->leader_epoch = KAFKA_LEADER_EPOCH;
		partition->replica_nodes = partition->isr_nodes = &request->broker->node_id;
		partition->replica_nodes_count = partition->isr_nodes_count = 1;
	}
}

static bool metadata_name_is_valid(struct slice name)
{
	char text[TOPIC_NAME_MAX + 1];
	if (name.size > TOPIC_NAME_MAX || (name.size != 0 && memchr(name.data, 0, name.size) != NULL))
		return false;
	if (name.size != 0)
		memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	return topic_name_check(text) == STATUS_OK;
}

static bool metadata_wants_all(const struct kafka_request *request)
{
	const struct kafka_metadata_request *message = request->message;
	/* Version 0 has no null: there, empty means all. Later, empty means none. */
	return request->layout.version == 0 ? message->topics_count == 0 : message->topics_count < 0;
}

static void metadata_fill_all(struct kafka_request *request, struct kafka_metadata_response *answer)
{
	const struct topic **topics;
	size_t count;
	topic_list(request->broker->log, &topics, &count);
	answer->topics = KAFKA_NEW(&request->arena, metadata_topic, (int32_t)count);
	for (size_t i = 0; i < count; i++) {
		if (!topics[i]->config->internal && kafka_may_describe(request, slice_of_string(topics[i]->name)))
			metadata_topic_fill(request, topics[i], &answer->topics[answer->topics_count++]);
	}
	mem_free(topics);
}

static void metadata_fill_name(
	struct kafka_request *request, struct slice name, struct kafka_metadata_topic *to)
{
	to->name = name;
	if (!kafka_may_describe(request, name)) {
		to->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		return;
	}
	const struct topic *topic = kafka_topic_find(request->broker->log, name);
	if (topic != NULL) {
		metadata_topic_fill(request, topic, to);
		return;
	}
	to->error_code =
		metadata_name_is_valid(name) ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_INVALID_TOPIC_EXCEPTION;
}

/* Each name is answered once, however often it was asked: partitions are many, and asking costs two bytes. */
static void metadata_fill_named(struct kafka_request *request, struct kafka_metadata_response *answer)
{
	const struct kafka_metadata_request *message = request->message;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, message->topics_count);
	for (int32_t i = 0; i < message->topics_count; i++)
		kafka_mentions_add(mentions, message->topics[i].name, 0);
	kafka_mentions_finish(mentions);
	answer->topics = KAFKA_NEW(&request->arena, metadata_topic, mentions->unique);
	for (int32_t i = 0; i < message->topics_count; i++)
		if (mentions->kinds[i] != KAFKA_MENTIONED_AGAIN)
			metadata_fill_name(request, message->topics[i].name, &answer->topics[answer->topics_count++]);
}

static void metadata_answer(struct kafka_request *request)
{
	struct kafka_metadata_response *answer = KAFKA_NEW(&request->arena, metadata_response, 1);
	answer->brokers = metadata_broker(request);
	answer->brokers_count = 1;
	answer->cluster_id = slice_of_string(request->broker->cluster_id);
	answer->controller_id = request->broker->node_id;
	if (metadata_wants_all(request))
		metadata_fill_all(request, answer);
	else
		metadata_fill_named(request, answer);
	request->state = answer;
}

/* ---- creation on first mention ---- */

static bool metadata_creates(const struct kafka_request *request, struct slice name)
{
	return kafka_may(request, USER_DEPLOY, name) && !kafka_topic_is_internal(name) &&
		   kafka_topic_find(request->broker->log, name) == NULL;
}

static bool metadata_needs_creation(const struct kafka_request *request)
{
	const struct kafka_metadata_request *message = request->message;
	if (!request->broker->auto_create_topics || !message->allow_auto_topic_creation)
		return false;
	for (int32_t i = 0; i < message->topics_count; i++) {
		if (metadata_creates(request, message->topics[i].name))
			return true;
	}
	return false;
}

static void metadata_create_and_answer(struct kafka_request *request)
{
	const struct kafka_metadata_request *message = request->message;
	for (int32_t i = 0; i < message->topics_count; i++) {
		struct slice name = message->topics[i].name;
		if (!metadata_creates(request, name) || !metadata_name_is_valid(name))
			continue;
		const char *text = kafka_text(&request->arena, name);
		struct topic_config config = topic_config_default();
		status result = topic_create(request->broker->log, text, &config);
		/* The answer then says that the topic is unknown, and the client asks again. */
		if (result != STATUS_OK && result != STATUS_EXISTS)
			diag(DIAG_WARN, "kafka", "topic_not_created", "topic=%s error=\"%s\"", text,
				error_current()->text);
	}
	metadata_answer(request);
}

enum kafka_progress kafka_metadata_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state == NULL && metadata_needs_creation(request)) {
		kafka_request_block(request, metadata_create_and_answer);
		return KAFKA_WAITS;
	}
	if (request->state == NULL)
		metadata_answer(request);
	return kafka_request_answer(request, request->state);
}
