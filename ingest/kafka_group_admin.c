/* FindCoordinator, DescribeGroups, ListGroups, DeleteGroups. Each thing is answered once, however often it
 * was asked: a group is large, and asking costs a byte.
 */
#include "ingest/kafka_group.h"

/* ---- FindCoordinator: there is one broker, and it coordinates everything ---- */

enum { COORDINATOR_GROUP = 0, COORDINATOR_TRANSACTION = 1 };

static int16_t coordinator_check(const struct kafka_broker *broker, int8_t key_type, const char **why)
{
	*why = NULL;
	if (key_type != COORDINATOR_GROUP && key_type != COORDINATOR_TRANSACTION) {
		*why = "unknown coordinator type";
		return KAFKA_INVALID_REQUEST;
	}
	if (key_type == COORDINATOR_GROUP &&
		(broker->groups == NULL || group_coordinator_failed(broker->groups))) {
		*why = "groups are not served until the appliance is restarted: their records could not be written";
		return KAFKA_COORDINATOR_NOT_AVAILABLE;
	}
	return KAFKA_NONE;
}

enum kafka_progress kafka_find_coordinator_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_broker *broker = request->broker;
	const struct kafka_find_coordinator_request *message = request->message;
	struct kafka_find_coordinator_response *answer = KAFKA_NEW(&request->arena, find_coordinator_response, 1);
	const char *why;
	answer->error_code = coordinator_check(broker, message->key_type, &why);
	bool found = answer->error_code == KAFKA_NONE;
	answer->error_message = why != NULL ? slice_of_string(why) : (struct slice){0};
	answer->node_id = found ? broker->node_id : -1;
	answer->host = slice_of_string(found ? broker->host : "");
	answer->port = found ? broker->port : -1;
	const struct kafka_mentions *mentions =
		kafka_mentions_of_names(&request->arena, message->coordinator_keys, message->coordinator_keys_count);
	answer->coordinators = KAFKA_NEW(&request->arena, find_coordinator_item, mentions->unique);
	for (int32_t i = 0; i < message->coordinator_keys_count; i++) {
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		struct kafka_find_coordinator_item *to = &answer->coordinators[answer->coordinators_count++];
		to->key = message->coordinator_keys[i];
		to->node_id = answer->node_id;
		to->host = answer->host;
		to->port = answer->port;
		to->error_code = answer->error_code;
		to->error_message = answer->error_message;
	}
	return kafka_request_answer(request, answer);
}

/* ---- DescribeGroups ---- */

static struct slice or_empty(struct slice text)
{
	return text.data != NULL ? text : slice_of_string("");
}

static void group_describe(
	struct kafka_request *request, struct slice name, struct kafka_describe_groups_group *to)
{
	struct group_description group;
	to->group_id = name;
	if (request->broker->groups == NULL || group_coordinator_failed(request->broker->groups)) {
		to->error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
		return;
	}
	group_coordinator_describe(request->broker->groups, name, &request->arena, &group);
	to->group_state = slice_of_string(group_state_name(group.state));
	to->protocol_type = or_empty(group.protocol_type);
	to->protocol_data = or_empty(group.protocol);
	to->members_count = group.member_count;
	to->members = KAFKA_NEW(&request->arena, describe_groups_member, group.member_count);
	for (int32_t i = 0; i < group.member_count; i++) {
		const struct group_member_description *member = &group.members[i];
		to->members[i].member_id = member->member_id;
		to->members[i].group_instance_id = member->instance_id;
		to->members[i].client_id = or_empty(member->client_id);
		to->members[i].client_host = or_empty(member->client_host);
		to->members[i].member_metadata = or_empty(member->metadata);
		to->members[i].member_assignment = or_empty(member->assignment);
	}
}

enum kafka_progress kafka_describe_groups_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_describe_groups_request *message = request->message;
	struct kafka_describe_groups_response *answer = KAFKA_NEW(&request->arena, describe_groups_response, 1);
	const struct kafka_mentions *mentions =
		kafka_mentions_of_names(&request->arena, message->groups, message->groups_count);
	answer->groups = KAFKA_NEW(&request->arena, describe_groups_group, mentions->unique);
	for (int32_t i = 0; i < message->groups_count; i++)
		if (mentions->kinds[i] != KAFKA_MENTIONED_AGAIN)
			group_describe(request, message->groups[i], &answer->groups[answer->groups_count++]);
	return kafka_request_answer(request, answer);
}

/* ---- ListGroups ---- */

static bool state_is_asked(const struct kafka_list_groups_request *message, struct slice state)
{
	for (int32_t i = 0; i < message->states_filter_count; i++)
		if (slice_equal(message->states_filter[i], state))
			return true;
	return message->states_filter_count <= 0;
}

/* By state, so that a long filter is not gone through for each of many groups. */
static void states_look_up(const struct kafka_list_groups_request *message, bool asked[GROUP_DEAD + 1])
{
	for (int state = 0; state <= GROUP_DEAD; state++)
		asked[state] = state_is_asked(message, slice_of_string(group_state_name((enum group_state)state)));
}

enum kafka_progress kafka_list_groups_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	struct kafka_list_groups_response *answer = KAFKA_NEW(&request->arena, list_groups_response, 1);
	struct group_description *groups;
	int32_t count;
	if (request->broker->groups == NULL || group_coordinator_failed(request->broker->groups)) {
		answer->error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
		return kafka_request_answer(request, answer);
	}
	group_coordinator_list(request->broker->groups, &request->arena, &groups, &count);
	answer->groups = KAFKA_NEW(&request->arena, list_groups_group, count);
	bool asked[GROUP_DEAD + 1];
	states_look_up(request->message, asked);
	for (int32_t i = 0; i < count; i++) {
		struct slice state = slice_of_string(group_state_name(groups[i].state));
		if (!asked[groups[i].state])
			continue;
		struct kafka_list_groups_group *to = &answer->groups[answer->groups_count++];
		to->group_id = groups[i].group;
		to->protocol_type = or_empty(groups[i].protocol_type);
		to->group_state = state;
	}
	return kafka_request_answer(request, answer);
}

/* ---- DeleteGroups ---- */

static void names_keep_first(struct arena *arena, struct slice *names, int32_t *count)
{
	const struct kafka_mentions *mentions = kafka_mentions_of_names(arena, names, *count);
	int32_t kept = 0;
	for (int32_t i = 0; i < *count; i++)
		if (mentions->kinds[i] != KAFKA_MENTIONED_AGAIN)
			names[kept++] = names[i];
	*count = kept;
}

enum kafka_progress kafka_delete_groups_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	struct kafka_delete_groups_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL)
		names_keep_first(&request->arena, message->groups_names, &message->groups_names_count);
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL) {
		wait->own =
			arena_alloc_zeroed(&request->arena, (size_t)message->groups_names_count * sizeof(int16_t));
		group_coordinator_delete(request->broker->groups, message->groups_names, wait->own,
			message->groups_names_count, wait->calls);
	}
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	struct kafka_delete_groups_response *answer = KAFKA_NEW(&request->arena, delete_groups_response, 1);
	int16_t error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
	const int16_t *errors = wait != NULL ? wait->own : NULL;
	answer->results_count = message->groups_names_count;
	answer->results = KAFKA_NEW(&request->arena, delete_groups_result, message->groups_names_count);
	for (int32_t i = 0; i < message->groups_names_count; i++) {
		answer->results[i].group_id = message->groups_names[i];
		answer->results[i].error_code = error_code != KAFKA_NONE ? error_code : errors[i];
	}
	return kafka_request_answer(request, answer);
}
