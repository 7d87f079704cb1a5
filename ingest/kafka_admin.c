/* Administration of partitions: adding them, deleting records, where they lie. And what there is nothing to
 * administer of: one broker elects no leaders and reassigns nothing, and rights are roles of users, not ACLs.
 */
#include <sys/statvfs.h>

#include "base/diag.h"
#include "ingest/kafka_request.h"

/* ---- CreatePartitions ---- */

static status partitions_grow(void *context, struct topic_config *config)
{
	int32_t count = *(const int32_t *)context;
	if (count > TOPIC_PARTITIONS_MAX || count <= config->partitions)
		return error_raise(STATUS_OUT_OF_RANGE, "the topic has %d partitions; more can be added, up to %d",
			config->partitions, TOPIC_PARTITIONS_MAX);
	config->partitions = count;
	return STATUS_OK;
}

/* Replicas assigned by hand: one list for each partition added, naming us alone. */
static bool assignments_fit(
	const struct kafka_request *request, const struct kafka_create_partitions_topic *from, int32_t added)
{
	if (from->assignments_count < 0)
		return true;
	bool fits = from->assignments_count == added;
	for (int32_t i = 0; i < from->assignments_count && fits; i++)
		fits = from->assignments[i].broker_ids_count == 1 &&
			   from->assignments[i].broker_ids[0] == request->broker->node_id;
	return fits;
}

static int16_t partitions_create_one(struct kafka_request *request,
	const struct kafka_create_partitions_topic *from, bool validate_only, const char **why)
{
	int32_t count = from->count;
	if (!kafka_may(request, USER_DEPLOY, from->name)) {
		*why = "not allowed to alter this topic";
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	}
	const struct topic *topic = kafka_topic_find(request->broker->log, from->name);
	if (topic == NULL) {
		*why = "there is no such topic";
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	}
	if (topic->config->internal || kafka_topic_is_internal(from->name)) {
		*why = "internal topics cannot be altered";
		return KAFKA_INVALID_TOPIC_EXCEPTION;
	}
	struct topic_config config = *topic->config;
	if (!assignments_fit(request, from, count - config.partitions)) {
		*why = "one list of replicas for each partition added, each of the only broker";
		return KAFKA_INVALID_REPLICA_ASSIGNMENT;
	}
	status result = validate_only
						? partitions_grow(&count, &config)
						: topic_alter_with(request->broker->log, topic->name, partitions_grow, &count);
	if (result == STATUS_OK && !validate_only)
		diag(DIAG_INFO, "audit", "partitions_added", "listener=kafka principal=\"%s\" topic=%s partitions=%d",
			kafka_principal(request), topic->name, count);
	if (result == STATUS_OK)
		return KAFKA_NONE;
	*why = (const char *)kafka_error_text(&request->arena).data;
	return result == STATUS_OUT_OF_RANGE ? KAFKA_INVALID_PARTITIONS : kafka_error_of(result);
}

static void partitions_create(struct kafka_request *request)
{
	const struct kafka_create_partitions_request *message = request->message;
	struct kafka_create_partitions_response *answer =
		KAFKA_NEW(&request->arena, create_partitions_response, 1);
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, message->topics_count);
	for (int32_t i = 0; i < message->topics_count; i++)
		kafka_mentions_add(mentions, message->topics[i].name, 0);
	kafka_mentions_finish(mentions);
	answer->results = KAFKA_NEW(&request->arena, create_partitions_result, mentions->unique);
	for (int32_t i = 0; i < message->topics_count; i++) {
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		struct kafka_create_partitions_result *to = &answer->results[answer->results_count++];
		const char *why = "the request names this topic more than once";
		to->name = message->topics[i].name;
		to->error_code = KAFKA_INVALID_REQUEST;
		if (mentions->kinds[i] == KAFKA_MENTIONED_ONCE) {
			why = NULL;
			to->error_code =
				partitions_create_one(request, &message->topics[i], message->validate_only, &why);
		}
		if (why != NULL)
			to->error_message = slice_of_string(why);
	}
	request->state = answer;
}

enum kafka_progress kafka_create_partitions_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, partitions_create);
	return KAFKA_WAITS;
}

/* ---- DeleteRecords ---- */

static int16_t records_delete_one(
	struct kafka_request *request, struct slice name, int32_t number, int64_t offset, int64_t *low_watermark)
{
	if (!kafka_may(request, USER_DEPLOY, name))
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (kafka_topic_is_internal(name))
		return KAFKA_INVALID_TOPIC_EXCEPTION;
	struct partition *partition = kafka_partition_find(request->broker->log, name, number);
	if (partition == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	status result = partition_trim(request->broker->log, partition, offset, false);
	if (result != STATUS_OK) {
		/* The answer has no place for words. */
		diag(DIAG_WARN, "kafka", "records_not_deleted", "principal=\"%s\" error=\"%s\"",
			kafka_principal(request), error_current()->text);
		return result == STATUS_INVALID ? KAFKA_POLICY_VIOLATION : kafka_error_of(result);
	}
	*low_watermark = partition_log_start(partition);
	diag(DIAG_INFO, "audit", "records_deleted",
		"listener=kafka principal=\"%s\" topic=%s partition=%d log_start=%lld", kafka_principal(request),
		partition_topic(partition)->name, number, (long long)*low_watermark);
	return KAFKA_NONE;
}

static void records_delete(struct kafka_request *request)
{
	const struct kafka_delete_records_request *message = request->message;
	struct kafka_delete_records_response *answer = KAFKA_NEW(&request->arena, delete_records_response, 1);
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, delete_records_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_delete_records_request_topic *from = &message->topics[t];
		struct kafka_delete_records_response_topic *to = &answer->topics[t];
		to->name = from->name;
		to->partitions_count = from->partitions_count;
		to->partitions =
			KAFKA_NEW(&request->arena, delete_records_response_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++) {
			to->partitions[p].partition_index = from->partitions[p].partition_index;
			to->partitions[p].error_code =
				records_delete_one(request, from->name, from->partitions[p].partition_index,
					from->partitions[p].offset, &to->partitions[p].low_watermark);
		}
	}
	request->state = answer;
}

enum kafka_progress kafka_delete_records_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, records_delete);
	return KAFKA_WAITS;
}

/* ---- DescribeLogDirs ---- */

static bool partition_is_asked(const struct kafka_describe_log_dirs_request_topic *asked, int32_t number)
{
	/* Null was "all"; an empty list of a named topic is all of it, too, as Kafka answers it. */
	bool found = asked == NULL || asked->partitions_count <= 0;
	for (int32_t i = 0; !found && i < asked->partitions_count; i++)
		found = asked->partitions[i] == number;
	return found;
}

static void log_dir_topic(struct kafka_request *request, const struct topic *topic,
	const struct kafka_describe_log_dirs_request_topic *asked, struct kafka_describe_log_dirs_topic *to)
{
	int32_t partitions = topic->config->partitions, count = 0;
	for (int32_t number = 0; number < partitions; number++)
		count += partition_is_asked(asked, number);
	to->name = slice_of_string(topic->name);
	to->partitions = KAFKA_NEW(&request->arena, describe_log_dirs_partition, count);
	for (int32_t number = 0; number < partitions; number++) {
		if (!partition_is_asked(asked, number))
			continue;
		struct kafka_describe_log_dirs_partition *partition = &to->partitions[to->partitions_count++];
		partition->partition_index = number;
		partition->partition_size = (int64_t)partition_bytes(topic_partition(topic, number));
	}
}

static void log_dir_all(struct kafka_request *request, struct kafka_describe_log_dirs_result *to)
{
	const struct topic **topics;
	size_t count;
	topic_list(request->broker->log, &topics, &count);
	to->topics = KAFKA_NEW(&request->arena, describe_log_dirs_topic, (int32_t)count);
	for (size_t i = 0; i < count; i++)
		if (kafka_may_describe(request, slice_of_string(topics[i]->name)))
			log_dir_topic(request, topics[i], NULL, &to->topics[to->topics_count++]);
	mem_free(topics);
}

/* A topic of which all is asked is answered once, however often; what is asked by number is as long as its
 * answer. */
static void log_dir_named(struct kafka_request *request, struct kafka_describe_log_dirs_result *to)
{
	const struct kafka_describe_log_dirs_request *message = request->message;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, message->topics_count);
	for (int32_t i = 0; i < message->topics_count; i++)
		kafka_mentions_add(mentions, message->topics[i].topic, message->topics[i].partitions_count <= 0);
	kafka_mentions_finish(mentions);
	to->topics = KAFKA_NEW(&request->arena, describe_log_dirs_topic, message->topics_count);
	for (int32_t i = 0; i < message->topics_count; i++) {
		const struct kafka_describe_log_dirs_request_topic *asked = &message->topics[i];
		const struct topic *topic = kafka_topic_find(request->broker->log, asked->topic);
		bool again = asked->partitions_count <= 0 && mentions->kinds[i] == KAFKA_MENTIONED_AGAIN;
		if (topic != NULL && !again && kafka_may_describe(request, asked->topic))
			log_dir_topic(request, topic, asked, &to->topics[to->topics_count++]);
	}
}

static void log_dirs_describe(struct kafka_request *request)
{
	const struct kafka_describe_log_dirs_request *message = request->message;
	struct kafka_describe_log_dirs_response *answer =
		KAFKA_NEW(&request->arena, describe_log_dirs_response, 1);
	struct kafka_describe_log_dirs_result *to = KAFKA_NEW(&request->arena, describe_log_dirs_result, 1);
	struct statvfs space;
	answer->results_count = 1;
	answer->results = to;
	to->log_dir = slice_of_string(log_directory(request->broker->log));
	if (statvfs(log_directory(request->broker->log), &space) == 0) {
		to->total_bytes = (int64_t)(space.f_blocks * space.f_frsize);
		to->usable_bytes = (int64_t)(space.f_bavail * space.f_frsize);
	}
	if (message->topics_count < 0)
		log_dir_all(request, to);
	else
		log_dir_named(request, to);
	request->state = answer;
}

enum kafka_progress kafka_describe_log_dirs_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state != NULL)
		return kafka_request_answer(request, request->state);
	kafka_request_block(request, log_dirs_describe);
	return KAFKA_WAITS;
}

/* ---- ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments ---- */

enum kafka_progress kafka_elect_leaders_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_elect_leaders_request *message = request->message;
	struct kafka_elect_leaders_response *answer = KAFKA_NEW(&request->arena, elect_leaders_response, 1);
	int32_t topics = message->topic_partitions_count > 0 ? message->topic_partitions_count : 0;
	answer->replica_election_results_count = topics; /* null was "all that need it": none does */
	answer->replica_election_results = KAFKA_NEW(&request->arena, elect_leaders_topic, topics);
	for (int32_t t = 0; t < topics; t++) {
		const struct kafka_elect_leaders_request_topic *from = &message->topic_partitions[t];
		struct kafka_elect_leaders_topic *to = &answer->replica_election_results[t];
		to->topic = from->topic;
		to->partition_result_count = from->partitions_count;
		to->partition_result = KAFKA_NEW(&request->arena, elect_leaders_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++) {
			struct kafka_elect_leaders_partition *result = &to->partition_result[p];
			result->partition_id = from->partitions[p];
			bool there =
				kafka_may_describe(request, from->topic) &&
				kafka_partition_find(request->broker->log, from->topic, result->partition_id) != NULL;
			result->error_code = there ? KAFKA_ELECTION_NOT_NEEDED : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
			result->error_message =
				slice_of_string(there ? "the only broker leads it" : "there is no such partition");
		}
	}
	return kafka_request_answer(request, answer);
}

static void reassignment_refuse(const struct kafka_request *request,
	const struct kafka_alter_reassignments_request_partition *from,
	struct kafka_alter_reassignments_partition *to)
{
	to->partition_index = from->partition_index;
	if (from->replicas_count < 0) {
		to->error_code = KAFKA_NO_REASSIGNMENT_IN_PROGRESS;
		to->error_message = slice_of_string("nothing is being reassigned");
	} else if (from->replicas_count != 1 || from->replicas[0] != request->broker->node_id) {
		to->error_code = KAFKA_INVALID_REPLICA_ASSIGNMENT;
		to->error_message = slice_of_string("there is one broker; every partition is on it");
	}
}

enum kafka_progress kafka_alter_reassignments_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_alter_reassignments_request *message = request->message;
	struct kafka_alter_reassignments_response *answer =
		KAFKA_NEW(&request->arena, alter_reassignments_response, 1);
	answer->responses_count = message->topics_count;
	answer->responses = KAFKA_NEW(&request->arena, alter_reassignments_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_alter_reassignments_request_topic *from = &message->topics[t];
		struct kafka_alter_reassignments_topic *to = &answer->responses[t];
		to->name = from->name;
		to->partitions_count = from->partitions_count;
		to->partitions = KAFKA_NEW(&request->arena, alter_reassignments_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++)
			reassignment_refuse(request, &from->partitions[p], &to->partitions[p]);
	}
	return kafka_request_answer(request, answer);
}

enum kafka_progress kafka_list_reassignments_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	return kafka_request_answer(request, KAFKA_NEW(&request->arena, list_reassignments_response, 1));
}

/* ---- ACLs ---- */

static const char acls_are_not[] =
	"there are no ACLs: what a user may do are roles, given with CREATE USER and GRANT in SQL";

enum kafka_progress kafka_describe_acls_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	struct kafka_describe_acls_response *answer = KAFKA_NEW(&request->arena, describe_acls_response, 1);
	answer->error_code = KAFKA_SECURITY_DISABLED;
	answer->error_message = slice_of_string(acls_are_not);
	return kafka_request_answer(request, answer);
}

enum kafka_progress kafka_create_acls_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_create_acls_request *message = request->message;
	struct kafka_create_acls_response *answer = KAFKA_NEW(&request->arena, create_acls_response, 1);
	answer->results_count = message->creations_count;
	answer->results = KAFKA_NEW(&request->arena, acl_creation_result, message->creations_count);
	for (int32_t i = 0; i < message->creations_count; i++) {
		answer->results[i].error_code = KAFKA_SECURITY_DISABLED;
		answer->results[i].error_message = slice_of_string(acls_are_not);
	}
	return kafka_request_answer(request, answer);
}

enum kafka_progress kafka_delete_acls_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_delete_acls_request *message = request->message;
	struct kafka_delete_acls_response *answer = KAFKA_NEW(&request->arena, delete_acls_response, 1);
	answer->filter_results_count = message->filters_count;
	answer->filter_results = KAFKA_NEW(&request->arena, delete_acls_result, message->filters_count);
	for (int32_t i = 0; i < message->filters_count; i++) {
		answer->filter_results[i].error_code = KAFKA_SECURITY_DISABLED;
		answer->filter_results[i].error_message = slice_of_string(acls_are_not);
	}
	return kafka_request_answer(request, answer);
}
