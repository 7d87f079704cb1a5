/* OffsetCommit, OffsetFetch, OffsetDelete: messages nest partitions in topics, the coordinator has them in
 * one list; these handlers are the way between the two.
 */
#include "ingest/kafka_group.h"

/* ---- OffsetCommit ---- */

static void commit_begin(struct kafka_request *request, struct kafka_group_wait *wait, int64_t now_ms)
{
	const struct kafka_offset_commit_request *message = request->message;
	struct group_commit commit = {
		.group = message->group_id,
		.who = {message->member_id, message->group_instance_id},
		.generation = message->generation_id,
		.retention_ms = message->retention_time_ms, /* negative, whatever the number: the broker's */
	};
	for (int32_t t = 0; t < message->topics_count; t++)
		commit.count += message->topics[t].partitions_count;
	commit.offsets = arena_alloc_zeroed(&request->arena, (size_t)commit.count * sizeof *commit.offsets);
	struct group_offset *to = commit.offsets;
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_offset_commit_request_topic *topic = &message->topics[t];
		for (int32_t p = 0; p < topic->partitions_count; p++, to++) {
			const struct kafka_offset_commit_request_partition *from = &topic->partitions[p];
			*to = (struct group_offset){
				.topic = topic->name,
				.partition = from->partition_index,
				.offset = from->committed_offset,
				.leader_epoch = from->committed_leader_epoch,
				.metadata = from->committed_metadata,
				.error_code = kafka_may(request, USER_READ, topic->name) ? KAFKA_NONE
																		 : KAFKA_TOPIC_AUTHORIZATION_FAILED,
			};
		}
	}
	wait->own = commit.offsets;
	group_coordinator_commit(request->broker->groups, &commit, wait->calls, now_ms);
}

enum kafka_progress kafka_offset_commit_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_offset_commit_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL)
		commit_begin(request, wait, now_ms);
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	int16_t error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
	const struct group_offset *offset = wait != NULL ? wait->own : NULL;
	struct kafka_offset_commit_response *answer = KAFKA_NEW(&request->arena, offset_commit_response, 1);
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, offset_commit_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		struct kafka_offset_commit_response_topic *to = &answer->topics[t];
		to->name = message->topics[t].name;
		to->partitions_count = message->topics[t].partitions_count;
		to->partitions = KAFKA_NEW(&request->arena, offset_commit_response_partition, to->partitions_count);
		for (int32_t p = 0; p < to->partitions_count; p++) {
			to->partitions[p].partition_index = message->topics[t].partitions[p].partition_index;
			to->partitions[p].error_code = error_code != KAFKA_NONE ? error_code : offset->error_code;
			if (offset != NULL)
				offset++;
		}
	}
	return kafka_request_answer(request, answer);
}

/* ---- OffsetFetch ---- */

/* One group's part of a fetch: since version 8 there are several. */
struct fetching {
	struct slice group_id;
	struct kafka_offset_fetch_request_topic *topics;
	int32_t topics_count; /* −1 = all */
	struct group_offset *offsets;
	int32_t count;
};

/* Each group is answered once, however often it was asked: "all" of it may be much, and asking costs little.
 */
static int32_t fetching_unique(struct kafka_request *request, struct fetching *list, int32_t count)
{
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, count);
	int32_t unique = 0;
	for (int32_t g = 0; g < count; g++)
		kafka_mentions_add(mentions, list[g].group_id, 0);
	kafka_mentions_finish(mentions);
	for (int32_t g = 0; g < count; g++)
		if (mentions->kinds[g] != KAFKA_MENTIONED_AGAIN)
			list[unique++] = list[g];
	return unique;
}

/* The same of a group's partitions: an offset may have kilobytes of metadata. */
static void fetching_drop_repeated(struct kafka_request *request, struct fetching *one)
{
	int32_t asked = 0;
	for (int32_t t = 0; t < one->topics_count; t++)
		asked += one->topics[t].partition_indexes_count;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, asked);
	for (int32_t t = 0; t < one->topics_count; t++)
		for (int32_t p = 0; p < one->topics[t].partition_indexes_count; p++)
			kafka_mentions_add(mentions, one->topics[t].name, one->topics[t].partition_indexes[p]);
	kafka_mentions_finish(mentions);
	const uint8_t *kind = mentions->kinds;
	for (int32_t t = 0; t < one->topics_count; t++) {
		struct kafka_offset_fetch_request_topic *topic = &one->topics[t];
		int32_t kept = 0;
		for (int32_t p = 0; p < topic->partition_indexes_count; p++)
			if (*kind++ != KAFKA_MENTIONED_AGAIN)
				topic->partition_indexes[kept++] = topic->partition_indexes[p];
		topic->partition_indexes_count = kept;
	}
	one->count = mentions->unique;
}

static struct fetching *fetching_new(struct kafka_request *request, int32_t *count)
{
	const struct kafka_offset_fetch_request *message = request->message;
	bool many = request->layout.version >= 8;
	*count = many ? message->groups_count : 1;
	struct fetching *list = arena_alloc_zeroed(&request->arena, (size_t)*count * sizeof *list);
	if (!many)
		*list = (struct fetching){message->group_id, message->topics, message->topics_count, NULL, 0};
	for (int32_t g = 0; many && g < *count; g++)
		list[g] = (struct fetching){
			message->groups[g].group_id, message->groups[g].topics, message->groups[g].topics_count, NULL, 0};
	*count = fetching_unique(request, list, *count);
	for (int32_t g = 0; g < *count; g++) {
		struct fetching *one = &list[g];
		fetching_drop_repeated(request, one);
		struct group_offset *to = one->offsets =
			arena_alloc_zeroed(&request->arena, (size_t)one->count * sizeof *to);
		for (int32_t t = 0; t < one->topics_count; t++)
			for (int32_t p = 0; p < one->topics[t].partition_indexes_count; p++)
				*to++ = (struct group_offset){.topic = one->topics[t].name,
					.partition = one->topics[t].partition_indexes[p],
					.offset = -1,
					.leader_epoch = -1,
					.metadata = slice_of_string("")};
	}
	return list;
}

static struct kafka_offset_fetch_response_partition *partitions_answer(
	struct kafka_request *request, const struct group_offset *offsets, int32_t count, int16_t error_code)
{
	if (count > 0 && !kafka_may_describe(request, offsets->topic))
		error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
	struct kafka_offset_fetch_response_partition *list =
		KAFKA_NEW(&request->arena, offset_fetch_response_partition, count);
	for (int32_t i = 0; i < count; i++) {
		list[i].partition_index = offsets[i].partition;
		list[i].error_code = error_code != KAFKA_NONE ? error_code : offsets[i].error_code;
		if (list[i].error_code != KAFKA_NONE)
			continue;
		list[i].committed_offset = offsets[i].offset;
		list[i].committed_leader_epoch = offsets[i].leader_epoch;
		list[i].metadata = offsets[i].metadata;
	}
	return list;
}

/* Offsets lie together by topic, whether asked for or all. */
static struct kafka_offset_fetch_response_topic *topics_answer(
	struct kafka_request *request, const struct fetching *one, int16_t error_code, int32_t *count)
{
	int32_t topics_max = one->topics_count >= 0 ? one->topics_count : one->count;
	struct kafka_offset_fetch_response_topic *list =
		KAFKA_NEW(&request->arena, offset_fetch_response_topic, topics_max);
	*count = 0;
	const struct group_offset *offset = one->offsets;
	for (int32_t t = 0; t < one->topics_count; t++) {
		int32_t partitions = one->topics[t].partition_indexes_count;
		list[t].name = one->topics[t].name;
		list[t].partitions_count = partitions;
		list[t].partitions = partitions_answer(request, offset, partitions, error_code);
		offset += partitions;
		*count += 1;
	}
	for (int32_t i = 0, end; one->topics_count < 0 && i < one->count; i = end) {
		for (end = i + 1; end < one->count && slice_equal(one->offsets[end].topic, one->offsets[i].topic);)
			end++;
		if (!kafka_may_describe(request, one->offsets[i].topic))
			continue;
		struct kafka_offset_fetch_response_topic *to = &list[(*count)++];
		to->name = one->offsets[i].topic;
		to->partitions_count = end - i;
		to->partitions = partitions_answer(request, &one->offsets[i], end - i, error_code);
	}
	return list;
}

enum kafka_progress kafka_offset_fetch_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_offset_fetch_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	int32_t count;
	struct fetching *list = wait != NULL ? wait->own : fetching_new(request, &count);
	if (wait == NULL && (wait = kafka_group_wait_new(request, count)) != NULL) {
		wait->own = list;
		for (int32_t g = 0; g < count; g++)
			group_coordinator_fetch(request->broker->groups, list[g].group_id, &list[g].offsets,
				&list[g].count, list[g].topics_count < 0, message->require_stable, &wait->calls[g]);
	}
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	if (wait != NULL)
		count = wait->count;
	struct kafka_offset_fetch_response *answer = KAFKA_NEW(&request->arena, offset_fetch_response, 1);
	if (request->layout.version < 8) {
		answer->error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
		answer->topics = topics_answer(request, list, answer->error_code, &answer->topics_count);
		return kafka_request_answer(request, answer);
	}
	answer->groups_count = count;
	answer->groups = KAFKA_NEW(&request->arena, offset_fetch_response_group, count);
	for (int32_t g = 0; g < count; g++) {
		struct kafka_offset_fetch_response_group *to = &answer->groups[g];
		to->group_id = list[g].group_id;
		to->error_code = wait != NULL ? wait->calls[g].error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
		to->topics = topics_answer(request, &list[g], to->error_code, &to->topics_count);
	}
	return kafka_request_answer(request, answer);
}

/* ---- OffsetDelete ---- */

static void delete_begin(struct kafka_request *request, struct kafka_group_wait *wait)
{
	const struct kafka_offset_delete_request *message = request->message;
	int32_t count = 0;
	for (int32_t t = 0; t < message->topics_count; t++)
		count += message->topics[t].partitions_count;
	struct group_offset *offsets = wait->own =
		arena_alloc_zeroed(&request->arena, (size_t)count * sizeof *offsets);
	for (int32_t t = 0, i = 0; t < message->topics_count; t++)
		for (int32_t p = 0; p < message->topics[t].partitions_count; p++, i++)
			offsets[i] = (struct group_offset){.topic = message->topics[t].name,
				.partition = message->topics[t].partitions[p].partition_index};
	group_coordinator_offsets_delete(request->broker->groups, message->group_id, offsets, count, wait->calls);
}

enum kafka_progress kafka_offset_delete_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_offset_delete_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL)
		delete_begin(request, wait);
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	struct kafka_offset_delete_response *answer = KAFKA_NEW(&request->arena, offset_delete_response, 1);
	answer->error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
	if (answer->error_code != KAFKA_NONE)
		return kafka_request_answer(request, answer);
	const struct group_offset *offset = wait->own;
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, offset_delete_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++) {
		struct kafka_offset_delete_response_topic *to = &answer->topics[t];
		to->name = message->topics[t].name;
		to->partitions_count = message->topics[t].partitions_count;
		to->partitions = KAFKA_NEW(&request->arena, offset_delete_response_partition, to->partitions_count);
		for (int32_t p = 0; p < to->partitions_count; p++, offset++) {
			to->partitions[p].partition_index = offset->partition;
			to->partitions[p].error_code = offset->error_code;
		}
	}
	return kafka_request_answer(request, answer);
}
