/* ListOffsets and OffsetForLeaderEpoch: where a partition begins, ends, or reaches a time.
 * A search by time reads index and records, so it runs on a worker thread.
 */
#include "ingest/kafka_request.h"

enum {
	TIMESTAMP_LATEST = -1,
	TIMESTAMP_EARLIEST = -2,
	TIMESTAMP_MAX = -3, /* since version 7 */
	ISOLATION_READ_COMMITTED = 1,
};

/* ---- ListOffsets ---- */

static void offset_found(
	struct kafka_list_offsets_response_partition *to, int64_t offset, int64_t timestamp_ms)
{
	to->offset = offset;
	to->timestamp = timestamp_ms;
	to->leader_epoch = KAFKA_LEADER_EPOCH;
}

/* `end`: what lies behind is not there for who reads committed records. */
static void offset_search(struct partition *partition,
	const struct kafka_list_offsets_request_partition *from, int64_t end,
	struct kafka_list_offsets_response_partition *to)
{
	int64_t offset, timestamp_ms;
	status result = from->timestamp == TIMESTAMP_MAX
						? partition_find_max_time(partition, &offset, &timestamp_ms)
						: partition_find_time(partition, from->timestamp, &offset, &timestamp_ms);
	if (result == STATUS_OK && offset < end)
		offset_found(to, offset, timestamp_ms);
	else if (result != STATUS_OK &&
			 result != STATUS_NOT_FOUND) /* no such record: offset −1, timestamp −1, no error */
		to->error_code = kafka_error_of(result);
}

static void offset_answer(struct kafka_request *request, struct slice topic,
	const struct kafka_list_offsets_request_partition *from, struct kafka_list_offsets_response_partition *to)
{
	if (!kafka_may_describe(request, topic)) {
		to->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		return;
	}
	struct partition *partition = kafka_partition_find(request->broker->log, topic, from->partition_index);
	if (partition == NULL) {
		to->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
		return;
	}
	to->error_code = kafka_leader_epoch_check(from->current_leader_epoch);
	if (to->error_code != KAFKA_NONE)
		return;
	const struct kafka_list_offsets_request *message = request->message;
	int64_t end = message->isolation_level == ISOLATION_READ_COMMITTED
					  ? partition_last_stable_offset(partition)
					  : partition_high_watermark(partition);
	if (from->timestamp == TIMESTAMP_LATEST)
		offset_found(to, end, -1);
	else if (from->timestamp == TIMESTAMP_EARLIEST)
		offset_found(to, partition_log_start(partition), -1);
	else if (from->timestamp >= 0 || (from->timestamp == TIMESTAMP_MAX && request->layout.version >= 7))
		offset_search(
			partition, from, message->isolation_level == ISOLATION_READ_COMMITTED ? end : INT64_MAX, to);
	else
		to->error_code = KAFKA_UNSUPPORTED_VERSION; /* as Kafka, to a timestamp of a later version */
}

/* As Kafka, a partition that is asked for twice is answered INVALID_REQUEST; nothing is searched for it. */
static struct kafka_mentions *offsets_mentions(struct kafka_request *request)
{
	const struct kafka_list_offsets_request *message = request->message;
	int32_t count = 0;
	for (int32_t t = 0; t < message->topics_count; t++)
		count += message->topics[t].partitions_count;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, count);
	for (int32_t t = 0; t < message->topics_count; t++)
		for (int32_t p = 0; p < message->topics[t].partitions_count; p++)
			kafka_mentions_add(
				mentions, message->topics[t].name, message->topics[t].partitions[p].partition_index);
	kafka_mentions_finish(mentions);
	return mentions;
}

static void offsets_answer(struct kafka_request *request)
{
	const uint8_t *kind = offsets_mentions(request)->kinds;
	const struct kafka_list_offsets_request *message = request->message;
	struct kafka_list_offsets_response *answer = KAFKA_NEW(&request->arena, list_offsets_response, 1);
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, list_offsets_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_list_offsets_request_topic *from = &message->topics[t];
		struct kafka_list_offsets_response_topic *to = &answer->topics[t];
		to->name = from->name;
		to->partitions_count = from->partitions_count;
		to->partitions = KAFKA_NEW(&request->arena, list_offsets_response_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++) {
			to->partitions[p].partition_index = from->partitions[p].partition_index;
			if (*kind++ == KAFKA_MENTIONED_ONCE)
				offset_answer(request, from->name, &from->partitions[p], &to->partitions[p]);
			else
				to->partitions[p].error_code = KAFKA_INVALID_REQUEST;
		}
	}
	request->state = answer;
}

static bool offsets_need_search(const struct kafka_list_offsets_request *message)
{
	for (int32_t t = 0; t < message->topics_count; t++) {
		for (int32_t p = 0; p < message->topics[t].partitions_count; p++) {
			int64_t timestamp = message->topics[t].partitions[p].timestamp;
			if (timestamp != TIMESTAMP_LATEST && timestamp != TIMESTAMP_EARLIEST)
				return true;
		}
	}
	return false;
}

enum kafka_progress kafka_list_offsets_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	if (request->state == NULL && offsets_need_search(request->message)) {
		kafka_request_block(request, offsets_answer);
		return KAFKA_WAITS;
	}
	if (request->state == NULL)
		offsets_answer(request);
	return kafka_request_answer(request, request->state);
}

/* ---- OffsetForLeaderEpoch: there has only ever been one leader, in one epoch ---- */

static void leader_epoch_answer(struct kafka_request *request, struct slice topic,
	const struct kafka_leader_epoch_request_partition *from, struct kafka_leader_epoch_response_partition *to)
{
	to->partition = from->partition;
	if (!kafka_may_describe(request, topic)) {
		to->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		return;
	}
	struct partition *partition = kafka_partition_find(request->broker->log, topic, from->partition);
	if (partition == NULL) {
		to->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
		return;
	}
	to->error_code = kafka_leader_epoch_check(from->current_leader_epoch);
	if (to->error_code != KAFKA_NONE || from->leader_epoch != KAFKA_LEADER_EPOCH)
		return; /* an epoch that never was: −1, −1 */
	to->leader_epoch = KAFKA_LEADER_EPOCH;
	to->end_offset = partition_high_watermark(partition);
}

enum kafka_progress kafka_leader_epoch_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_leader_epoch_request *message = request->message;
	struct kafka_leader_epoch_response *answer = KAFKA_NEW(&request->arena, leader_epoch_response, 1);
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, leader_epoch_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_leader_epoch_request_topic *from = &message->topics[t];
		struct kafka_leader_epoch_response_topic *to = &answer->topics[t];
		to->topic = from->topic;
		to->partitions_count = from->partitions_count;
		to->partitions = KAFKA_NEW(&request->arena, leader_epoch_response_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++)
			leader_epoch_answer(request, from->topic, &from->partitions[p], &to->partitions[p]);
	}
	return kafka_request_answer(request, answer);
}
