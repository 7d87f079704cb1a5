/* How a group gets from one generation to the next; the drawing is in group.h.
 *
 *   rebalance_begin ─► PREPARING: members join, and are parked
 *        all joined, or time is up ─► generation + 1, protocol, leader; joins end ─► COMPLETING
 *        leader's sync ─► assignments, syncs end ─► STABLE
 *
 * Who does not join in time is out, but a static member that has not come back yet stays until its session
 * ends: that is what static membership is for. Who has joined and does not sync in time is out as well.
 */
#include "base/invariant.h"
#include "ingest/group_internal.h"

/* ---- calls ---- */

void call_end(struct group *group, struct group_call *call, int16_t error_code)
{
	call->error_code = error_code;
	call->member = NULL;
	call->next = NULL;
	*group->ended_end = call;
	group->ended_end = &call->next;
}

static void call_unpark(struct group *group, struct group_call **parked, int16_t error_code)
{
	struct group_call *call = *parked;
	*parked = NULL;
	if (call != NULL)
		call_end(group, call, error_code);
}

void member_calls_end(struct group *group, struct group_member *member, int16_t error_code)
{
	call_unpark(group, &member->join, error_code);
	call_unpark(group, &member->sync, error_code);
}

/* A member has one connection that counts, the newest; an older call of it is nobody's any more. */
void call_park_join(struct group *group, struct group_member *member, struct group_call *call)
{
	member_calls_end(group, member, KAFKA_REBALANCE_IN_PROGRESS);
	member->join = call;
	call->member = member;
}

void call_park_sync(struct group *group, struct group_member *member, struct group_call *call)
{
	member_calls_end(group, member, KAFKA_REBALANCE_IN_PROGRESS);
	member->sync = call;
	call->member = member;
}

static void call_list_members(const struct group *group, struct group_call *call)
{
	call->members = arena_alloc(call->arena, (size_t)group->member_count * sizeof *call->members);
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		call->members[call->member_count++] = (struct group_call_member){
			.member_id = slice_keep(call->arena, member->member_id),
			.instance_id = slice_keep(call->arena, member->instance_id),
			.metadata = slice_keep(call->arena, member_metadata(member, group->protocol)),
		};
}

void call_end_joined(
	struct group *group, struct group_call *call, struct group_member *member, struct slice leader)
{
	call->generation = group->generation;
	call->protocol_type = slice_keep(call->arena, group->protocol_type);
	call->protocol = slice_keep(call->arena, group->protocol);
	call->leader = slice_keep(call->arena, leader);
	call->member_id = slice_keep(call->arena, member->member_id);
	if (slice_equal(leader, member->member_id))
		call_list_members(group, call);
	member->named = true;
	call_end(group, call, KAFKA_NONE);
}

void call_end_synced(struct group *group, struct group_call *call, const struct group_member *member)
{
	call->protocol_type = slice_keep(call->arena, group->protocol_type);
	call->protocol = slice_keep(call->arena, group->protocol);
	call->assignment = slice_keep(call->arena, member->assignment);
	call_end(group, call, KAFKA_NONE);
}

/* ---- PREPARING ---- */

static int64_t rebalance_timeout_ms(const struct group *group)
{
	int64_t longest = 0;
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		if (member->rebalance_timeout_ms > longest)
			longest = member->rebalance_timeout_ms;
	return longest;
}

void rebalance_begin(struct group *group, int64_t now_ms)
{
	INVARIANT(group->state != GROUP_PREPARING && group->state != GROUP_DEAD);
	for (struct group_member *member = group->members; member != NULL; member = member->next)
		call_unpark(group, &member->sync, KAFKA_REBALANCE_IN_PROGRESS);
	group->delay_ms = 0;
	if (group->state == GROUP_EMPTY && group->options->initial_delay_ms > 0) {
		group->delay_ms = now_ms + group->options->initial_delay_ms;
		group->delay_until_ms = now_ms + rebalance_timeout_ms(group);
	}
	group->state = GROUP_PREPARING;
	group->rebalance_deadline_ms = now_ms + rebalance_timeout_ms(group);
}

void rebalance_newcomer(struct group *group, int64_t now_ms)
{
	if (group->delay_ms == 0)
		return;
	int64_t until_ms = now_ms + group->options->initial_delay_ms;
	group->delay_ms = until_ms < group->delay_until_ms ? until_ms : group->delay_until_ms;
}

static void group_become_empty(struct group *group)
{
	group->state = GROUP_EMPTY;
	group->generation += 1;
	group->delay_ms = 0;
	slice_free(&group->protocol);
	group->changed = true;
}

static bool leader_elect(struct group *group)
{
	if (group->leader != NULL && group->leader->join != NULL)
		return true;
	for (struct group_member *member = group->members; member != NULL; member = member->next) {
		if (member->join == NULL)
			continue;
		group->leader = member;
		return true;
	}
	return false;
}

/* The end of PREPARING. */
static void rebalance_complete(struct group *group, int64_t now_ms)
{
	struct group_member *next;
	for (struct group_member *member = group->members; member != NULL; member = next) {
		next = member->next;
		if (member->join == NULL && member->instance_id.data == NULL)
			member_free(group, member);
	}
	if (group->members == NULL) {
		group_become_empty(group);
		return;
	}
	if (!leader_elect(group)) {
		/* Only static members that are away: they come back, or their sessions end. */
		group->rebalance_deadline_ms = now_ms + rebalance_timeout_ms(group);
		return;
	}
	struct slice protocol = group_protocol_choose(group);
	INVARIANT(protocol.data != NULL); /* who would not fit was not let in */
	slice_free(&group->protocol);
	group->protocol = slice_own(protocol);
	group->generation += 1;
	group->state = GROUP_COMPLETING;
	group->delay_ms = 0;
	group->rebalance_deadline_ms = now_ms + rebalance_timeout_ms(group);
	group->changed = true;
	for (struct group_member *member = group->members; member != NULL; member = member->next) {
		struct group_call *call = member->join;
		slice_free(&member->assignment);
		member->assignment = slice_own(slice_of_string(""));
		member->synced = false;
		member->join = NULL;
		if (call == NULL)
			continue;
		member_alive(member, now_ms);
		call_end_joined(group, call, member, group->leader->member_id);
	}
}

void rebalance_check(struct group *group, int64_t now_ms)
{
	if (group->state != GROUP_PREPARING)
		return;
	bool all = group->pending == NULL && group->delay_ms == 0;
	for (const struct group_member *member = group->members; member != NULL && all; member = member->next)
		all = member->join != NULL;
	if (all || group->members == NULL)
		rebalance_complete(group, now_ms);
}

/* ---- COMPLETING ---- */

void group_stabilize(struct group *group, const struct group_sync *sync, int64_t now_ms)
{
	for (int32_t i = 0; i < sync->assignment_count; i++) {
		struct group_member *member = member_find(group, sync->assignments[i].member_id);
		if (member == NULL)
			continue;
		slice_free(&member->assignment);
		member->assignment = slice_own(sync->assignments[i].assignment);
		if (member->assignment.data == NULL)
			member->assignment = slice_own(slice_of_string(""));
	}
	group->state = GROUP_STABLE;
	group->changed = true;
	for (struct group_member *member = group->members; member != NULL; member = member->next) {
		struct group_call *call = member->sync;
		member->sync = NULL;
		if (call == NULL)
			continue;
		member_alive(member, now_ms);
		call_end_synced(group, call, member);
	}
}

/* ---- leaving and time ---- */

void member_remove(struct group *group, struct group_member *member, int16_t error_code, int64_t now_ms)
{
	member_calls_end(group, member, error_code);
	member_free(group, member);
	if (group->state == GROUP_COMPLETING || group->state == GROUP_STABLE)
		rebalance_begin(group, now_ms);
	rebalance_check(group, now_ms);
}

static bool members_await_sync(const struct group *group)
{
	if (group->state != GROUP_COMPLETING && group->state != GROUP_STABLE)
		return false;
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		if (!member->synced)
			return true;
	return false;
}

/* Who has joined this generation and never asked for its assignment is out. */
static void unsynced_remove(struct group *group, int64_t now_ms)
{
	struct group_member *next;
	for (struct group_member *member = group->members; member != NULL; member = next) {
		next = member->next;
		if (member->synced)
			continue;
		member_calls_end(group, member, KAFKA_UNKNOWN_MEMBER_ID);
		member_free(group, member);
	}
	rebalance_begin(group, now_ms);
	rebalance_check(group, now_ms);
}

void rebalance_tick(struct group *group, int64_t now_ms)
{
	if (group->state == GROUP_PREPARING && group->delay_ms != 0 && now_ms >= group->delay_ms) {
		group->delay_ms = 0;
		rebalance_check(group, now_ms);
	}
	if (group->state == GROUP_PREPARING && now_ms >= group->rebalance_deadline_ms)
		rebalance_complete(group, now_ms);
	else if (members_await_sync(group) && now_ms >= group->rebalance_deadline_ms)
		unsynced_remove(group, now_ms);
}

int64_t group_deadline_ms(const struct group *group)
{
	int64_t deadline_ms = INT64_MAX;
	if (group->state == GROUP_PREPARING && group->delay_ms != 0)
		deadline_ms = group->delay_ms;
	if ((group->state == GROUP_PREPARING || members_await_sync(group)) &&
		group->rebalance_deadline_ms < deadline_ms)
		deadline_ms = group->rebalance_deadline_ms;
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		if (!member_is_parked(member) && member->deadline_ms < deadline_ms)
			deadline_ms = member->deadline_ms;
	for (const struct group_pending *pending = group->pending; pending != NULL; pending = pending->next)
		if (pending->deadline_ms < deadline_ms)
			deadline_ms = pending->deadline_ms;
	return deadline_ms;
}
