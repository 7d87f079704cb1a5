/* See group.h: what each request means in each state. The way from generation to generation is in
 * group_rebalance.c. */
#include "base/invariant.h"
#include "ingest/group_internal.h"

const char *group_state_name(enum group_state state)
{
	static const char *const names[] = {
		"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"};
	return names[state];
}

struct group *kafka_group_create(struct slice id, const struct group_options *options)
{
	struct group *group = mem_alloc_zeroed(1, sizeof *group);
	group->id = slice_own(id);
	group->options = options;
	group->ended_end = &group->ended;
	return group;
}

static void pending_remove(struct group *group, struct group_pending *pending)
{
	struct group_pending **link = &group->pending;
	while (*link != pending)
		link = &(*link)->next;
	*link = pending->next;
	group->pending_count--;
	slice_free(&pending->member_id);
	mem_free(pending);
}

void kafka_group_destroy(struct group *group)
{
	if (group == NULL)
		return;
	INVARIANT(group->ended == NULL);
	while (group->members != NULL)
		member_free(group, group->members);
	while (group->pending != NULL)
		pending_remove(group, group->pending);
	group_offsets_deinit(&group->offsets);
	slice_free(&group->id);
	slice_free(&group->protocol_type);
	slice_free(&group->protocol);
	mem_free(group);
}

struct group_call *group_take_ended(struct group *group)
{
	struct group_call *ended = group->ended;
	group->ended = NULL;
	group->ended_end = &group->ended;
	return ended;
}

void group_kill(struct group *group, int16_t error_code)
{
	for (struct group_member *member = group->members; member != NULL; member = member->next)
		member_calls_end(group, member, error_code);
	group->state = GROUP_DEAD;
}

void group_check(const struct group *group)
{
	int32_t members = 0;
	for (const struct group_member *member = group->members; member != NULL; member = member->next) {
		members += 1;
		INVARIANT(member->join == NULL || group->state == GROUP_PREPARING);
		INVARIANT(member->sync == NULL || group->state == GROUP_COMPLETING);
	}
	INVARIANT(members == group->member_count);
	INVARIANT(group->state != GROUP_EMPTY || members == 0);
	INVARIANT(group->state != GROUP_STABLE || (members > 0 && group->protocol.data != NULL));
	INVARIANT(group->state != GROUP_PREPARING || members > 0);
}

/* ---- JoinGroup ---- */

static int16_t join_check(const struct group *group, const struct group_join *join)
{
	const struct group_options *options = group->options;
	if (join->session_timeout_ms < options->session_timeout_ms_min ||
		join->session_timeout_ms > options->session_timeout_ms_max)
		return KAFKA_INVALID_SESSION_TIMEOUT;
	if (join->who.member_id.size > GROUP_ID_SIZE_MAX || join->who.instance_id.size > GROUP_ID_SIZE_MAX ||
		(join->who.instance_id.data != NULL && join->who.instance_id.size == 0))
		return KAFKA_INVALID_REQUEST;
	if (join->protocol_type.size == 0 || join->protocol_count <= 0)
		return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
	return KAFKA_NONE;
}

/* May a member say this, beside (or instead of) what it has said? */
static int16_t join_admit(
	const struct group *group, const struct group_join *join, const struct group_member *self)
{
	if (!group_protocol_fits(group, join, self))
		return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
	size_t bytes = group->member_bytes - (self != NULL ? self->bytes : 0) + join_bytes(join);
	return bytes > GROUP_METADATA_BYTES_MAX ? KAFKA_GROUP_MAX_SIZE_REACHED : KAFKA_NONE;
}

static void protocol_type_set(struct group *group, const struct group_join *join)
{
	slice_free(&group->protocol_type);
	group->protocol_type = slice_own(join->protocol_type);
}

/* A new member, and with it a new generation. `member_id` is the group's from now on. */
static void join_add(struct group *group, const struct group_join *join, struct slice member_id, bool named,
	struct group_call *call, int64_t now_ms)
{
	if (group->member_count == 0)
		protocol_type_set(group, join);
	struct group_member *member = member_add(group, join, member_id, now_ms);
	member->named = named;
	if (group->state == GROUP_PREPARING)
		rebalance_newcomer(group, now_ms);
	else
		rebalance_begin(group, now_ms);
	call_park_join(group, member, call);
	rebalance_check(group, now_ms);
}

static void join_pending(
	struct group *group, const struct group_join *join, struct group_call *call, int64_t now_ms)
{
	struct group_pending *pending = mem_alloc_zeroed(1, sizeof *pending);
	pending->member_id = member_id_make(group, join);
	pending->deadline_ms = now_ms + join->session_timeout_ms;
	pending->next = group->pending;
	group->pending = pending;
	group->pending_count++;
	call->member_id = slice_keep(call->arena, pending->member_id);
	call_end(group, call, KAFKA_MEMBER_ID_REQUIRED);
}

/* The member has something new to say, or leads: everybody comes together again. */
static void join_again(struct group *group, struct group_member *member, const struct group_join *join,
	struct group_call *call, int64_t now_ms)
{
	if (group->member_count == 1)
		protocol_type_set(group, join);
	member_update(group, member, join);
	member_alive(member, now_ms);
	if (group->state != GROUP_PREPARING)
		rebalance_begin(group, now_ms);
	call_park_join(group, member, call);
	rebalance_check(group, now_ms);
}

/* Would the group go on as it is with what this member says now? Its metadata may differ in what it owned;
 * what it wants must not. */
static bool static_is_unchanged(
	const struct group *group, struct slice metadata_before, const struct group_member *member)
{
	struct slice chosen = group_protocol_choose(group);
	if (chosen.data == NULL || !slice_equal(chosen, group->protocol))
		return false;
	struct slice before, now, metadata = member_metadata(member, group->protocol);
	if (!subscription_topics(metadata_before, &before) || !subscription_topics(metadata, &now))
		return slice_equal(metadata_before, metadata);
	return slice_equal(before, now);
}

/* A static member comes back, as a new process: it gets a new id, the old one is fenced. In a stable group
 * that is all that happens; if it led, the answer names its old id as the leader, so that it does not assign
 * anew. */
static void join_static_return(struct group *group, struct group_member *member,
	const struct group_join *join, struct group_call *call, int64_t now_ms)
{
	member_calls_end(group, member, KAFKA_FENCED_INSTANCE_ID);
	struct slice id_before = member->member_id;
	struct slice metadata_before = slice_own(member_metadata(member, group->protocol));
	bool led = group->leader == member;
	member->member_id = member_id_make(group, join);
	member->named = false;
	if (group->member_count == 1)
		protocol_type_set(group, join);
	member_update(group, member, join);
	member_alive(member, now_ms);
	if (group->state == GROUP_STABLE && static_is_unchanged(group, metadata_before, member)) {
		group->changed = true;
		call_end_joined(
			group, call, member, led || group->leader == NULL ? id_before : group->leader->member_id);
	} else {
		if (group->state != GROUP_PREPARING)
			rebalance_begin(group, now_ms);
		call_park_join(group, member, call);
		rebalance_check(group, now_ms);
	}
	slice_free(&id_before);
	slice_free(&metadata_before);
}

static void join_new(
	struct group *group, const struct group_join *join, struct group_call *call, int64_t now_ms)
{
	bool is_static = join->who.instance_id.data != NULL;
	struct group_member *self = is_static ? member_find_static(group, join->who.instance_id) : NULL;
	int16_t refused = join_admit(group, join, self);
	if (refused == KAFKA_NONE && self == NULL &&
		group->member_count + group->pending_count >= group->options->members_max)
		refused = KAFKA_GROUP_MAX_SIZE_REACHED;
	if (refused != KAFKA_NONE)
		call_end(group, call, refused);
	else if (self != NULL)
		join_static_return(group, self, join, call, now_ms);
	else if (join->id_first && !is_static)
		join_pending(group, join, call, now_ms);
	else
		join_add(group, join, member_id_make(group, join), false, call, now_ms);
}

static struct group_pending *pending_find(const struct group *group, const struct group_join *join)
{
	if (join->who.instance_id.data != NULL)
		return NULL;
	for (struct group_pending *pending = group->pending; pending != NULL; pending = pending->next)
		if (slice_equal(pending->member_id, join->who.member_id))
			return pending;
	return NULL;
}

static void join_known(
	struct group *group, const struct group_join *join, struct group_call *call, int64_t now_ms)
{
	struct group_pending *pending = pending_find(group, join);
	struct group_member *member = NULL;
	int16_t refused = pending == NULL ? member_identify(group, &join->who, &member) : KAFKA_NONE;
	if (refused == KAFKA_NONE)
		refused = join_admit(group, join, member);
	if (refused != KAFKA_NONE) {
		call_end(group, call, refused);
		return;
	}
	if (pending != NULL) {
		struct slice member_id = slice_own(pending->member_id);
		pending_remove(group, pending);
		join_add(group, join, member_id, true, call, now_ms);
		return;
	}
	member->named = true;
	/* An answer that was lost: the same again, and no new generation. The leader of a stable group joins
	 * because it wants a new one. */
	bool same = member_matches(member, join);
	if (same && (group->state == GROUP_COMPLETING ||
					(group->state == GROUP_STABLE && member != group->leader && group->leader != NULL))) {
		member_alive(member, now_ms);
		call_end_joined(
			group, call, member, group->leader != NULL ? group->leader->member_id : slice_of_string(""));
		return;
	}
	join_again(group, member, join, call, now_ms);
}

void group_join(struct group *group, const struct group_join *join, struct group_call *call, int64_t now_ms)
{
	call->generation = -1;
	int16_t refused = group->state == GROUP_DEAD ? KAFKA_COORDINATOR_NOT_AVAILABLE : join_check(group, join);
	if (refused != KAFKA_NONE)
		call_end(group, call, refused);
	else if (join->who.member_id.size == 0)
		join_new(group, join, call, now_ms);
	else
		join_known(group, join, call, now_ms);
}

/* ---- SyncGroup ---- */

static int16_t sync_check(
	const struct group *group, const struct group_sync *sync, struct group_member **member)
{
	if (group->state == GROUP_DEAD)
		return KAFKA_COORDINATOR_NOT_AVAILABLE;
	int16_t refused = member_identify(group, &sync->who, member);
	if (refused != KAFKA_NONE)
		return refused;
	if (sync->generation != group->generation)
		return KAFKA_ILLEGAL_GENERATION;
	if (group->state == GROUP_PREPARING)
		return KAFKA_REBALANCE_IN_PROGRESS;
	if ((sync->protocol_type.data != NULL && !slice_equal(sync->protocol_type, group->protocol_type)) ||
		(sync->protocol.data != NULL && !slice_equal(sync->protocol, group->protocol)))
		return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
	size_t bytes = 0;
	for (int32_t i = 0; i < sync->assignment_count; i++)
		bytes += sync->assignments[i].assignment.size;
	return bytes > GROUP_METADATA_BYTES_MAX ? KAFKA_INVALID_REQUEST : KAFKA_NONE;
}

void group_sync(struct group *group, const struct group_sync *sync, struct group_call *call, int64_t now_ms)
{
	struct group_member *member = NULL;
	int16_t refused = sync_check(group, sync, &member);
	if (refused != KAFKA_NONE) {
		call_end(group, call, refused);
		return;
	}
	member_alive(member, now_ms);
	member->synced = true;
	if (group->state == GROUP_STABLE) {
		call_end_synced(group, call, member);
		return;
	}
	INVARIANT(group->state == GROUP_COMPLETING);
	call_park_sync(group, member, call);
	if (member == group->leader)
		group_stabilize(group, sync, now_ms);
}

/* ---- Heartbeat, LeaveGroup, OffsetCommit ---- */

int16_t group_heartbeat(
	struct group *group, const struct group_identity *who, int32_t generation, int64_t now_ms)
{
	struct group_member *member = NULL;
	if (group->state == GROUP_DEAD)
		return KAFKA_COORDINATOR_NOT_AVAILABLE;
	int16_t refused = member_identify(group, who, &member);
	if (refused != KAFKA_NONE)
		return refused;
	if (generation != group->generation)
		return KAFKA_ILLEGAL_GENERATION;
	member_alive(member, now_ms);
	return group->state == GROUP_PREPARING ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

int16_t group_leave(struct group *group, const struct group_identity *who, int64_t now_ms)
{
	if (group->state == GROUP_DEAD)
		return KAFKA_COORDINATOR_NOT_AVAILABLE;
	struct group_member *member = NULL;
	/* An administrator removes a static member by its instance id alone. */
	if (who->instance_id.data != NULL && who->member_id.size == 0) {
		member = member_find_static(group, who->instance_id);
		if (member == NULL)
			return KAFKA_UNKNOWN_MEMBER_ID;
	} else {
		struct group_join join = {.who = *who};
		struct group_pending *pending = pending_find(group, &join);
		if (pending != NULL) {
			pending_remove(group, pending);
			rebalance_check(group, now_ms);
			return KAFKA_NONE;
		}
		int16_t refused = member_identify(group, who, &member);
		if (refused != KAFKA_NONE)
			return refused;
	}
	member_remove(group, member, KAFKA_UNKNOWN_MEMBER_ID, now_ms);
	return KAFKA_NONE;
}

int16_t group_commit_check(struct group *group, const struct group_identity *who, int32_t generation,
	bool transactional, int64_t now_ms)
{
	struct group_member *member = NULL;
	if (group->state == GROUP_DEAD)
		return KAFKA_COORDINATOR_NOT_AVAILABLE;
	bool anonymous = generation < 0 && who->member_id.size == 0 && who->instance_id.data == NULL;
	if (generation < 0 && (group->state == GROUP_EMPTY || (transactional && anonymous)))
		return KAFKA_NONE;
	int16_t refused = member_identify(group, who, &member);
	if (refused != KAFKA_NONE)
		return refused;
	if (generation != group->generation)
		return KAFKA_ILLEGAL_GENERATION;
	member_alive(member, now_ms);
	/* Joined, and not yet told of what: the offsets are the next owner's. */
	return group->state == GROUP_COMPLETING ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

/* ---- clients that are gone; time ---- */

void group_call_drop(struct group *group, struct group_call *call, int64_t now_ms)
{
	struct group_member *member = call->member;
	call->member = NULL;
	if (member == NULL)
		return;
	if (member->sync == call)
		member->sync = NULL;
	if (member->join == call)
		member->join = NULL;
	member_alive(member, now_ms);
	/* Nobody knows its id: nobody comes again with it. */
	if (!member->named && member->instance_id.data == NULL)
		member_remove(group, member, KAFKA_UNKNOWN_MEMBER_ID, now_ms);
}

void group_tick(struct group *group, int64_t now_ms)
{
	if (group->state == GROUP_DEAD)
		return;
	struct group_pending *pending_next;
	for (struct group_pending *pending = group->pending; pending != NULL; pending = pending_next) {
		pending_next = pending->next;
		if (now_ms >= pending->deadline_ms)
			pending_remove(group, pending);
	}
	struct group_member *member = group->members;
	while (member != NULL) {
		bool dead = !member_is_parked(member) && now_ms >= member->deadline_ms;
		if (!dead) {
			member = member->next;
			continue;
		}
		/* A removal may end the rebalance, and others with it: begin again. */
		member_remove(group, member, KAFKA_UNKNOWN_MEMBER_ID, now_ms);
		member = group->members;
	}
	rebalance_check(group, now_ms);
	rebalance_tick(group, now_ms);
}
