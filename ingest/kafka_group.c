/* JoinGroup, SyncGroup, Heartbeat, LeaveGroup: from messages to the coordinator and back. A join or sync may
 * be parked there for as long as a rebalance takes; the session is told to let go of it when its client goes.
 */
#include "ingest/kafka_group.h"

#include "base/clock.h"

/* ---- waiting ---- */

static void call_done(struct group_call *call)
{
	kafka_request_leave(call->context);
}

static void wait_cancel(struct kafka_request *request)
{
	struct kafka_group_wait *wait = request->state;
	int64_t now_ms = clock_monotonic_ns() / 1000000;
	for (int32_t i = 0; i < wait->count; i++)
		if (group_coordinator_drop(request->broker->groups, &wait->calls[i], now_ms))
			kafka_request_leave(request);
}

struct kafka_group_wait *kafka_group_wait_new(struct kafka_request *request, int32_t count)
{
	if (request->broker->groups == NULL)
		return NULL;
	struct kafka_group_wait *wait = arena_alloc_zeroed(&request->arena, sizeof *wait);
	wait->request = request;
	wait->count = count;
	wait->calls = arena_alloc_zeroed(&request->arena, (size_t)count * sizeof *wait->calls);
	for (int32_t i = 0; i < count; i++) {
		wait->calls[i].arena = &request->arena;
		wait->calls[i].done = call_done;
		wait->calls[i].context = request;
		kafka_request_enter(request);
	}
	request->state = wait;
	request->cancel = wait_cancel;
	return wait;
}

bool kafka_group_wait_over(const struct kafka_request *request)
{
	return atomic_load_explicit(&request->outside, memory_order_acquire) == 0;
}

/* ---- JoinGroup ---- */

static void join_begin(struct kafka_request *request, struct kafka_group_wait *wait, int64_t now_ms)
{
	const struct kafka_join_group_request *message = request->message;
	struct group_join join = {
		.who = {message->member_id, message->group_instance_id},
		.client_id = request->client_id.data != NULL ? request->client_id : slice_of_string(""),
		.client_host = kafka_request_host(request),
		.session_timeout_ms = message->session_timeout_ms,
		.rebalance_timeout_ms = message->rebalance_timeout_ms,
		.protocol_type = message->protocol_type,
		.protocol_count = message->protocols_count,
		.id_first = request->layout.version >= 4,
	};
	struct group_protocol *protocols =
		arena_alloc(&request->arena, (size_t)message->protocols_count * sizeof *protocols);
	for (int32_t i = 0; i < message->protocols_count; i++)
		protocols[i] = (struct group_protocol){message->protocols[i].name, message->protocols[i].metadata};
	join.protocols = protocols;
	group_coordinator_join(request->broker->groups, message->group_id, &join, wait->calls, now_ms);
}

static void join_answer(
	struct kafka_request *request, const struct group_call *call, struct kafka_join_group_response *answer)
{
	answer->error_code = call->error_code;
	if (call->member_id.data != NULL)
		answer->member_id = call->member_id;
	if (call->error_code != KAFKA_NONE)
		return;
	answer->generation_id = call->generation;
	answer->protocol_type = call->protocol_type;
	answer->protocol_name = call->protocol;
	answer->leader = call->leader;
	answer->members_count = call->member_count;
	answer->members = KAFKA_NEW(&request->arena, join_group_response_member, call->member_count);
	for (int32_t i = 0; i < call->member_count; i++) {
		answer->members[i].member_id = call->members[i].member_id;
		answer->members[i].group_instance_id = call->members[i].instance_id;
		answer->members[i].metadata = call->members[i].metadata;
	}
}

enum kafka_progress kafka_join_group_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_join_group_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL)
		join_begin(request, wait, now_ms);
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	struct kafka_join_group_response *answer = KAFKA_NEW(&request->arena, join_group_response, 1);
	answer->member_id = message->member_id;
	answer->error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
	if (wait != NULL)
		join_answer(request, wait->calls, answer);
	return kafka_request_answer(request, answer);
}

/* ---- SyncGroup ---- */

static void sync_begin(struct kafka_request *request, struct kafka_group_wait *wait, int64_t now_ms)
{
	const struct kafka_sync_group_request *message = request->message;
	struct group_sync sync = {
		.who = {message->member_id, message->group_instance_id},
		.generation = message->generation_id,
		.protocol_type = message->protocol_type,
		.protocol = message->protocol_name,
		.assignment_count = message->assignments_count,
	};
	struct group_assignment *assignments =
		arena_alloc(&request->arena, (size_t)message->assignments_count * sizeof *assignments);
	for (int32_t i = 0; i < message->assignments_count; i++)
		assignments[i] =
			(struct group_assignment){message->assignments[i].member_id, message->assignments[i].assignment};
	sync.assignments = assignments;
	group_coordinator_sync(request->broker->groups, message->group_id, &sync, wait->calls, now_ms);
}

enum kafka_progress kafka_sync_group_run(struct kafka_request *request, int64_t now_ms)
{
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL)
		sync_begin(request, wait, now_ms);
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	struct kafka_sync_group_response *answer = KAFKA_NEW(&request->arena, sync_group_response, 1);
	answer->error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
	if (answer->error_code == KAFKA_NONE) {
		answer->protocol_type = wait->calls->protocol_type;
		answer->protocol_name = wait->calls->protocol;
		answer->assignment = wait->calls->assignment;
	}
	return kafka_request_answer(request, answer);
}

/* ---- Heartbeat ---- */

enum kafka_progress kafka_heartbeat_run(struct kafka_request *request, int64_t now_ms)
{
	const struct kafka_heartbeat_request *message = request->message;
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL) {
		struct group_identity who = {message->member_id, message->group_instance_id};
		group_coordinator_heartbeat(
			request->broker->groups, message->group_id, &who, message->generation_id, wait->calls, now_ms);
	}
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	struct kafka_heartbeat_response *answer = KAFKA_NEW(&request->arena, heartbeat_response, 1);
	answer->error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
	return kafka_request_answer(request, answer);
}

/* ---- LeaveGroup ---- */

struct leaving {
	struct group_identity *who;
	int16_t *errors;
	int32_t count;
};

static void leave_begin(struct kafka_request *request, struct kafka_group_wait *wait, int64_t now_ms)
{
	const struct kafka_leave_group_request *message = request->message;
	struct leaving *leaving = wait->own = arena_alloc_zeroed(&request->arena, sizeof *leaving);
	bool one = request->layout.version < 3;
	leaving->count = one ? 1 : message->members_count;
	leaving->who = arena_alloc_zeroed(&request->arena, (size_t)leaving->count * sizeof *leaving->who);
	leaving->errors = arena_alloc_zeroed(&request->arena, (size_t)leaving->count * sizeof *leaving->errors);
	if (one)
		leaving->who->member_id = message->member_id;
	for (int32_t i = 0; !one && i < leaving->count; i++)
		leaving->who[i] =
			(struct group_identity){message->members[i].member_id, message->members[i].group_instance_id};
	group_coordinator_leave(request->broker->groups, message->group_id, leaving->who, leaving->errors,
		leaving->count, wait->calls, now_ms);
}

enum kafka_progress kafka_leave_group_run(struct kafka_request *request, int64_t now_ms)
{
	struct kafka_group_wait *wait = request->state;
	if (wait == NULL && (wait = kafka_group_wait_new(request, 1)) != NULL)
		leave_begin(request, wait, now_ms);
	if (!kafka_group_wait_over(request))
		return KAFKA_WAITS;
	struct kafka_leave_group_response *answer = KAFKA_NEW(&request->arena, leave_group_response, 1);
	answer->error_code = wait != NULL ? wait->calls->error_code : KAFKA_COORDINATOR_NOT_AVAILABLE;
	if (answer->error_code != KAFKA_NONE)
		return kafka_request_answer(request, answer);
	const struct leaving *leaving = wait->own;
	if (request->layout.version < 3) {
		answer->error_code = leaving->errors[0];
		return kafka_request_answer(request, answer);
	}
	answer->members_count = leaving->count;
	answer->members = KAFKA_NEW(&request->arena, leave_group_response_member, leaving->count);
	for (int32_t i = 0; i < leaving->count; i++) {
		answer->members[i].member_id = leaving->who[i].member_id;
		answer->members[i].group_instance_id = leaving->who[i].instance_id;
		answer->members[i].error_code = leaving->errors[i];
	}
	return kafka_request_answer(request, answer);
}
