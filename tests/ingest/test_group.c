/* One group as a state machine: what each request means in each state, and what time does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/group_internal.h"

enum { SESSION_MS = 10000, REBALANCE_MS = 30000, CALLS = 64 };

static const struct group_options options = {
	.session_timeout_ms_min = 6000, .session_timeout_ms_max = 1800000, .members_max = 5};
static const struct group_options options_delay = {.session_timeout_ms_min = 6000,
	.session_timeout_ms_max = 1800000,
	.members_max = 5,
	.initial_delay_ms = 200};

struct fixture {
	struct group *group;
	struct arena arena;
	struct group_call calls[CALLS];
	bool ended[CALLS];
	int32_t count;
	int64_t now_ms;
};

static void group_new(struct fixture *fixture, const struct group_options *with)
{
	kafka_group_destroy(fixture->group);
	fixture->group = kafka_group_create(slice_of_string("g"), with);
}

static int set_up(void **state)
{
	struct fixture *fixture = mem_alloc_zeroed(1, sizeof *fixture);
	arena_init(&fixture->arena);
	fixture->now_ms = 1000;
	group_new(fixture, &options);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	group_kill(fixture->group, KAFKA_COORDINATOR_NOT_AVAILABLE);
	(void)group_take_ended(fixture->group);
	kafka_group_destroy(fixture->group);
	arena_deinit(&fixture->arena);
	mem_free(fixture);
	return 0;
}

/* Notes which calls have ended; every machine's step is followed by its own check. */
static void settle(struct fixture *fixture)
{
	group_check(fixture->group);
	for (struct group_call *call = group_take_ended(fixture->group), *next; call != NULL; call = next) {
		next = call->next;
		assert_false(fixture->ended[call - fixture->calls]);
		fixture->ended[call - fixture->calls] = true;
	}
}

static struct group_call *call_new(struct fixture *fixture)
{
	assert_true(fixture->count < CALLS);
	struct group_call *call = &fixture->calls[fixture->count++];
	call->arena = &fixture->arena;
	return call;
}

static bool has_ended(struct fixture *fixture, const struct group_call *call)
{
	return fixture->ended[call - fixture->calls];
}

static const char *text(struct fixture *fixture, struct slice bytes)
{
	return arena_printf(&fixture->arena, "%.*s", (int)bytes.size, (const char *)bytes.data);
}

struct say {
	const char *member_id, *instance_id, *metadata, *protocols;
	int32_t rebalance_timeout_ms;
	bool id_first;
};

static struct group_call *join(struct fixture *fixture, struct say say)
{
	struct group_protocol protocols[4];
	int32_t count = 0;
	struct slice metadata = slice_of_string(say.metadata != NULL ? say.metadata : "wants");
	const char *at = say.protocols != NULL ? say.protocols : "range";
	while (*at != '\0') {
		size_t size = strcspn(at, ",");
		protocols[count++] = (struct group_protocol){slice_of(at, size), metadata};
		at += size + (at[size] == ',');
	}
	struct group_join message = {
		.who = {slice_of_string(say.member_id != NULL ? say.member_id : ""),
			say.instance_id != NULL ? slice_of_string(say.instance_id) : (struct slice){0}},
		.client_id = slice_of_string("c"),
		.client_host = slice_of_string("/here"),
		.session_timeout_ms = SESSION_MS,
		.rebalance_timeout_ms = say.rebalance_timeout_ms != 0 ? say.rebalance_timeout_ms : REBALANCE_MS,
		.protocol_type = slice_of_string("consumer"),
		.protocols = protocols,
		.protocol_count = count,
		.id_first = say.id_first,
	};
	struct group_call *call = call_new(fixture);
	group_join(fixture->group, &message, call, fixture->now_ms);
	settle(fixture);
	return call;
}

static struct group_call *sync(struct fixture *fixture, const char *member_id, int32_t generation,
	const char *for_member, const char *assignment)
{
	struct group_assignment one = {slice_of_string(for_member != NULL ? for_member : ""),
		slice_of_string(assignment != NULL ? assignment : "")};
	struct group_sync message = {.who = {.member_id = slice_of_string(member_id)},
		.generation = generation,
		.assignments = &one,
		.assignment_count = for_member != NULL};
	struct group_call *call = call_new(fixture);
	group_sync(fixture->group, &message, call, fixture->now_ms);
	settle(fixture);
	return call;
}

static int16_t heartbeat(struct fixture *fixture, const char *member_id, int32_t generation)
{
	struct group_identity who = {.member_id = slice_of_string(member_id)};
	int16_t error_code = group_heartbeat(fixture->group, &who, generation, fixture->now_ms);
	settle(fixture);
	return error_code;
}

static int16_t leave(struct fixture *fixture, const char *member_id)
{
	struct group_identity who = {.member_id = slice_of_string(member_id)};
	int16_t error_code = group_leave(fixture->group, &who, fixture->now_ms);
	settle(fixture);
	return error_code;
}

static void pass(struct fixture *fixture, int64_t ms)
{
	fixture->now_ms += ms;
	group_tick(fixture->group, fixture->now_ms);
	settle(fixture);
}

/* A stable group of one; its member's id. */
static const char *one_stable(struct fixture *fixture, const char *instance_id)
{
	struct group_call *call = join(fixture, (struct say){.instance_id = instance_id});
	assert_true(has_ended(fixture, call));
	assert_int_equal(call->error_code, KAFKA_NONE);
	const char *id = text(fixture, call->member_id);
	assert_int_equal(sync(fixture, id, call->generation, id, "all")->error_code, KAFKA_NONE);
	assert_int_equal(fixture->group->state, GROUP_STABLE);
	return id;
}

/* A second member; both join, generation 2 is stable. */
static const char *second_stable(struct fixture *fixture, const char *first, const char *instance_id)
{
	struct group_call *second = join(fixture, (struct say){.instance_id = instance_id});
	assert_false(has_ended(fixture, second));
	assert_int_equal(heartbeat(fixture, first, 1), KAFKA_REBALANCE_IN_PROGRESS);
	struct group_call *again = join(fixture, (struct say){.member_id = first});
	assert_true(has_ended(fixture, second) && has_ended(fixture, again));
	const char *id = text(fixture, second->member_id);
	(void)sync(fixture, id, 2, NULL, NULL);
	(void)sync(fixture, first, 2, id, "half");
	assert_int_equal(fixture->group->state, GROUP_STABLE);
	return id;
}

/* ---- joining ---- */

static void a_generation_is_made_when_all_have_joined_and_not_by_every_join(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	assert_int_equal(fixture->group->generation, 1);
	struct group_call *second = join(fixture, (struct say){0});
	struct group_call *third = join(fixture, (struct say){0});
	assert_int_equal(fixture->group->generation, 1);
	struct group_call *again = join(fixture, (struct say){.member_id = first});
	assert_true(has_ended(fixture, second) && has_ended(fixture, third) && has_ended(fixture, again));
	assert_int_equal(fixture->group->generation, 2);
	/* The members are told to the leader only. */
	assert_int_equal(again->member_count, 3);
	assert_int_equal(second->member_count, 0);
	assert_string_equal(text(fixture, second->leader), first);
	assert_true(fixture->group->changed);
}

static void a_new_dynamic_member_is_given_an_id_first(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *call = join(fixture, (struct say){.id_first = true});
	assert_int_equal(call->error_code, KAFKA_MEMBER_ID_REQUIRED);
	assert_int_equal(fixture->group->state, GROUP_EMPTY);
	const char *id = text(fixture, call->member_id);
	call = join(fixture, (struct say){.member_id = id, .id_first = true});
	assert_int_equal(call->error_code, KAFKA_NONE);
	assert_string_equal(text(fixture, call->member_id), id);
	/* An id that is not taken up is forgotten. */
	call = join(fixture, (struct say){.id_first = true});
	pass(fixture, SESSION_MS);
	assert_int_equal(join(fixture, (struct say){.member_id = text(fixture, call->member_id)})->error_code,
		KAFKA_UNKNOWN_MEMBER_ID);
}

static void the_initial_delay_lets_others_come(void **state)
{
	struct fixture *fixture = *state;
	group_new(fixture, &options_delay);
	struct group_call *first = join(fixture, (struct say){0});
	pass(fixture, 150);
	struct group_call *second = join(fixture, (struct say){0});
	pass(fixture, 150);
	assert_false(has_ended(fixture, first));
	assert_int_equal(group_deadline_ms(fixture->group), fixture->now_ms + 50);
	pass(fixture, 50);
	assert_true(has_ended(fixture, first) && has_ended(fixture, second));
	assert_int_equal(fixture->group->generation, 1);
}

static void a_lost_answer_is_given_again_without_a_new_generation(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *call = join(fixture, (struct say){0});
	const char *id = text(fixture, call->member_id);
	call = join(fixture, (struct say){.member_id = id});
	assert_int_equal(call->generation, 1);
	assert_int_equal(call->member_count, 1);
	(void)sync(fixture, id, 1, id, "all");
	const char *second = second_stable(fixture, id, NULL);
	/* A follower of a stable group: the same; the leader, or new metadata: a new generation. */
	call = join(fixture, (struct say){.member_id = second});
	assert_true(has_ended(fixture, call));
	assert_int_equal(call->generation, 2);
	call = join(fixture, (struct say){.member_id = second, .metadata = "wants more"});
	assert_false(has_ended(fixture, call));
	assert_int_equal(fixture->group->state, GROUP_PREPARING);
}

static void the_leader_joining_again_begins_a_rebalance(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	const char *second = second_stable(fixture, first, NULL);
	struct group_call *call = join(fixture, (struct say){.member_id = first});
	assert_false(has_ended(fixture, call));
	assert_int_equal(heartbeat(fixture, second, 2), KAFKA_REBALANCE_IN_PROGRESS);
}

static void the_protocol_most_members_prefer_is_chosen(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *first = join(fixture, (struct say){.protocols = "range,sticky,roundrobin"});
	const char *id = text(fixture, first->member_id);
	struct group_call *second = join(fixture, (struct say){.protocols = "roundrobin,sticky"});
	(void)join(fixture, (struct say){.protocols = "roundrobin,sticky,other"});
	(void)join(fixture, (struct say){.member_id = id, .protocols = "range,sticky,roundrobin"});
	assert_string_equal(text(fixture, second->protocol), "roundrobin");
	/* Who knows nothing that all know is not let in. */
	struct group_call *stranger = join(fixture, (struct say){.protocols = "range"});
	assert_int_equal(stranger->error_code, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
	assert_int_equal(fixture->group->state, GROUP_COMPLETING);
}

static void impossible_joins_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct group_protocol range = {slice_of_string("range"), slice_of_string("x")};
	const struct group_join good = {.who = {.member_id = slice_of_string("")},
		.session_timeout_ms = SESSION_MS,
		.protocol_type = slice_of_string("consumer"),
		.protocols = &range,
		.protocol_count = 1};
	const struct {
		int32_t session_timeout_ms, protocol_count;
		const char *protocol_type;
		int16_t expected;
	} cases[] = {{5999, 1, "consumer", KAFKA_INVALID_SESSION_TIMEOUT},
		{1800001, 1, "consumer", KAFKA_INVALID_SESSION_TIMEOUT},
		{SESSION_MS, 0, "consumer", KAFKA_INCONSISTENT_GROUP_PROTOCOL},
		{SESSION_MS, 1, "", KAFKA_INCONSISTENT_GROUP_PROTOCOL}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct group_join message = good;
		message.session_timeout_ms = cases[i].session_timeout_ms;
		message.protocol_count = cases[i].protocol_count;
		message.protocol_type = slice_of_string(cases[i].protocol_type);
		struct group_call *call = call_new(fixture);
		group_join(fixture->group, &message, call, fixture->now_ms);
		settle(fixture);
		assert_int_equal(call->error_code, cases[i].expected);
	}
	char *large = arena_alloc_zeroed(&fixture->arena, GROUP_METADATA_BYTES_MAX + 1);
	range.metadata = slice_of(large, GROUP_METADATA_BYTES_MAX);
	struct group_call *call = call_new(fixture);
	group_join(fixture->group, &good, call, fixture->now_ms);
	settle(fixture);
	assert_int_equal(call->error_code, KAFKA_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(join(fixture, (struct say){.member_id = "nobody"})->error_code, KAFKA_UNKNOWN_MEMBER_ID);
}

static void ids_of_members_beyond_1024_bytes_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char id[1026];
	memset(id, 'i', sizeof id);
	id[1025] = '\0';
	assert_int_equal(join(fixture, (struct say){.member_id = id})->error_code, KAFKA_INVALID_REQUEST);
	assert_int_equal(join(fixture, (struct say){.instance_id = id})->error_code, KAFKA_INVALID_REQUEST);
	id[1024] = '\0';
	assert_int_equal(join(fixture, (struct say){.member_id = id})->error_code, KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(join(fixture, (struct say){.instance_id = id})->error_code, KAFKA_NONE);
}

static void a_group_has_a_largest_size(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 4; i++)
		(void)join(fixture, (struct say){0});
	(void)join(fixture, (struct say){.id_first = true}); /* ids that were given out count */
	assert_int_equal(join(fixture, (struct say){0})->error_code, KAFKA_GROUP_MAX_SIZE_REACHED);
}

/* ---- syncing ---- */

static void followers_wait_for_the_leader(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	struct group_call *second = join(fixture, (struct say){0});
	(void)join(fixture, (struct say){.member_id = first});
	const char *id = text(fixture, second->member_id);
	struct group_call *waits = sync(fixture, id, 2, NULL, NULL);
	assert_false(has_ended(fixture, waits));
	assert_int_equal(heartbeat(fixture, id, 2), KAFKA_NONE);
	struct group_call *leads = sync(fixture, first, 2, id, "half");
	assert_true(has_ended(fixture, waits) && has_ended(fixture, leads));
	assert_string_equal(text(fixture, waits->assignment), "half");
	/* Whom the leader forgot has an empty assignment, and no null. */
	assert_int_equal(leads->error_code, KAFKA_NONE);
	assert_non_null(leads->assignment.data);
	assert_int_equal(leads->assignment.size, 0);
	assert_string_equal(text(fixture, sync(fixture, id, 2, NULL, NULL)->assignment), "half");
}

/* All members together. */
static void assignments_beyond_4_mib_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *leader = join(fixture, (struct say){0});
	enum { HALF = 2 * 1024 * 1024 };
	char *large = arena_alloc_zeroed(&fixture->arena, HALF + 1);
	for (int round = 0; round < 2; round++) {
		bool too_much = round == 0;
		struct group_assignment two[] = {{leader->member_id, slice_of(large, HALF)},
			{slice_of_string("other"), slice_of(large, HALF + (too_much ? 1 : 0))}};
		struct group_sync message = {.who = {.member_id = leader->member_id},
			.generation = leader->generation,
			.assignments = two,
			.assignment_count = 2};
		struct group_call *call = call_new(fixture);
		group_sync(fixture->group, &message, call, fixture->now_ms);
		settle(fixture);
		assert_true(has_ended(fixture, call));
		assert_int_equal(call->error_code, too_much ? KAFKA_INVALID_REQUEST : KAFKA_NONE);
		assert_int_equal(fixture->group->state, too_much ? GROUP_COMPLETING : GROUP_STABLE);
	}
}

static void syncs_of_another_generation_are_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	assert_int_equal(sync(fixture, first, 0, NULL, NULL)->error_code, KAFKA_ILLEGAL_GENERATION);
	assert_int_equal(sync(fixture, first, 2, NULL, NULL)->error_code, KAFKA_ILLEGAL_GENERATION);
	assert_int_equal(sync(fixture, "nobody", 1, NULL, NULL)->error_code, KAFKA_UNKNOWN_MEMBER_ID);
	(void)join(fixture, (struct say){0});
	assert_int_equal(sync(fixture, first, 1, NULL, NULL)->error_code, KAFKA_REBALANCE_IN_PROGRESS);
	assert_int_equal(heartbeat(fixture, first, 0), KAFKA_ILLEGAL_GENERATION);
}

static void a_new_member_ends_the_syncs_that_wait(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	struct group_call *second = join(fixture, (struct say){0});
	(void)join(fixture, (struct say){.member_id = first});
	struct group_call *waits = sync(fixture, text(fixture, second->member_id), 2, NULL, NULL);
	(void)join(fixture, (struct say){0});
	assert_true(has_ended(fixture, waits));
	assert_int_equal(waits->error_code, KAFKA_REBALANCE_IN_PROGRESS);
}

static void who_joins_and_never_syncs_is_out(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	struct group_call *second = join(fixture, (struct say){0});
	(void)join(fixture, (struct say){.member_id = first});
	const char *silent = text(fixture, second->member_id);
	(void)sync(fixture, first, 2, first, "all");
	assert_int_equal(fixture->group->state, GROUP_STABLE);
	/* It lives, by its heartbeats, but never asks for what it got. */
	for (int i = 0; i < 3; i++) {
		pass(fixture, SESSION_MS - 1);
		assert_int_equal(heartbeat(fixture, silent, 2), KAFKA_NONE);
		assert_int_equal(heartbeat(fixture, first, 2), KAFKA_NONE);
	}
	pass(fixture, 3);
	assert_int_equal(heartbeat(fixture, silent, 2), KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(heartbeat(fixture, first, 2), KAFKA_REBALANCE_IN_PROGRESS);
}

/* ---- leaving, dying ---- */

static void the_last_to_leave_empties_the_group_and_generations_go_on(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	assert_int_equal(leave(fixture, first), KAFKA_NONE);
	assert_int_equal(leave(fixture, first), KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(fixture->group->state, GROUP_EMPTY);
	assert_int_equal(fixture->group->generation, 2);
	assert_int_equal(join(fixture, (struct say){0})->generation, 3);
}

static void who_is_silent_for_its_session_timeout_is_out(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	const char *second = second_stable(fixture, first, NULL);
	pass(fixture, SESSION_MS - 1);
	assert_int_equal(heartbeat(fixture, first, 2), KAFKA_NONE);
	pass(fixture, 1);
	assert_int_equal(heartbeat(fixture, first, 2), KAFKA_REBALANCE_IN_PROGRESS);
	assert_int_equal(heartbeat(fixture, second, 2), KAFKA_UNKNOWN_MEMBER_ID);
}

static void who_does_not_join_within_the_rebalance_timeout_is_out(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	struct group_call *second = join(fixture, (struct say){0});
	for (int i = 0; i < 3; i++) {
		pass(fixture, REBALANCE_MS / 3);
		(void)heartbeat(fixture, first, 1); /* alive, but busy */
	}
	assert_true(has_ended(fixture, second));
	assert_int_equal(second->generation, 2);
	assert_int_equal(second->member_count, 1);
	assert_int_equal(heartbeat(fixture, first, 1), KAFKA_UNKNOWN_MEMBER_ID);
}

static void a_group_is_not_stuck_preparing_after_disconnects(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	/* Nobody knows the id of a first join: dropped, its member is gone at once. */
	struct group_call *call = join(fixture, (struct say){0});
	group_call_drop(fixture->group, call, fixture->now_ms);
	settle(fixture);
	struct group_call *again = join(fixture, (struct say){.member_id = first});
	assert_true(has_ended(fixture, again));
	assert_int_equal(again->generation, 2);
	assert_int_equal(again->member_count, 1);
	/* A known member gets its session timeout to come back. */
	call = join(fixture, (struct say){0});
	group_call_drop(fixture->group, call, fixture->now_ms);
	settle(fixture);
	again = join(fixture, (struct say){.member_id = first, .metadata = "new"});
	group_call_drop(fixture->group, again, fixture->now_ms);
	settle(fixture);
	pass(fixture, SESSION_MS + REBALANCE_MS);
	assert_int_equal(fixture->group->state, GROUP_EMPTY);
	assert_int_equal(group_deadline_ms(fixture->group), INT64_MAX);
}

/* ---- static members ---- */

static void a_static_member_comes_back_without_a_rebalance(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	const char *second = second_stable(fixture, first, "i");
	fixture->group->changed = false;
	struct group_call *back = join(fixture, (struct say){.instance_id = "i"});
	assert_true(has_ended(fixture, back));
	assert_int_equal(back->error_code, KAFKA_NONE);
	assert_int_equal(back->generation, 2);
	const char *id = text(fixture, back->member_id);
	assert_string_not_equal(id, second);
	assert_true(fixture->group->changed); /* its new id is to be recorded */
	assert_string_equal(text(fixture, sync(fixture, id, 2, NULL, NULL)->assignment), "half");
	assert_int_equal(heartbeat(fixture, first, 2), KAFKA_NONE);
	/* The process before it is fenced, whatever it asks. */
	struct group_identity old = {slice_of_string(second), slice_of_string("i")};
	assert_int_equal(group_heartbeat(fixture->group, &old, 2, fixture->now_ms), KAFKA_FENCED_INSTANCE_ID);
	assert_int_equal(
		group_commit_check(fixture->group, &old, 2, false, fixture->now_ms), KAFKA_FENCED_INSTANCE_ID);
	assert_int_equal(join(fixture, (struct say){.member_id = second, .instance_id = "i"})->error_code,
		KAFKA_FENCED_INSTANCE_ID);
}

static void a_static_leader_that_comes_back_does_not_assign_anew(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, "i");
	struct group_call *back = join(fixture, (struct say){.instance_id = "i"});
	assert_int_equal(back->generation, 1);
	assert_int_equal(back->member_count, 0);
	assert_string_equal(text(fixture, back->leader), first);
	const char *id = text(fixture, back->member_id);
	assert_string_equal(text(fixture, sync(fixture, id, 1, NULL, NULL)->assignment), "all");
}

static void a_static_member_that_wants_other_topics_begins_a_rebalance(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, NULL);
	(void)second_stable(fixture, first, "i");
	struct group_call *back = join(fixture, (struct say){.instance_id = "i", .metadata = "other"});
	assert_false(has_ended(fixture, back));
	assert_int_equal(fixture->group->state, GROUP_PREPARING);
}

static void a_static_member_away_stays_until_its_session_ends(void **state)
{
	struct fixture *fixture = *state;
	const char *first = one_stable(fixture, "i");
	struct group_call *second = join(fixture, (struct say){.rebalance_timeout_ms = 1000});
	(void)first;
	pass(fixture, SESSION_MS - 1);
	assert_false(has_ended(fixture, second));
	pass(fixture, 1);
	assert_true(has_ended(fixture, second));
	assert_int_equal(second->member_count, 1);
}

static void an_administrator_removes_a_static_member_by_its_instance_id(void **state)
{
	struct fixture *fixture = *state;
	(void)one_stable(fixture, "i");
	struct group_identity who = {slice_of_string(""), slice_of_string("j")};
	assert_int_equal(group_leave(fixture->group, &who, fixture->now_ms), KAFKA_UNKNOWN_MEMBER_ID);
	who.instance_id = slice_of_string("i");
	assert_int_equal(group_leave(fixture->group, &who, fixture->now_ms), KAFKA_NONE);
	assert_int_equal(fixture->group->state, GROUP_EMPTY);
}

/* ---- commits ---- */

static void only_owners_of_the_present_may_commit(void **state)
{
	struct fixture *fixture = *state;
	struct group_identity nobody = {.member_id = slice_of_string("")};
	assert_int_equal(group_commit_check(fixture->group, &nobody, -1, false, 0), KAFKA_NONE);
	const char *first = one_stable(fixture, NULL);
	struct group_identity who = {.member_id = slice_of_string(first)};
	assert_int_equal(group_commit_check(fixture->group, &nobody, -1, false, 0), KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(group_commit_check(fixture->group, &nobody, -1, true, 0), KAFKA_NONE);
	assert_int_equal(group_commit_check(fixture->group, &who, 1, false, fixture->now_ms), KAFKA_NONE);
	assert_int_equal(
		group_commit_check(fixture->group, &who, 0, false, fixture->now_ms), KAFKA_ILLEGAL_GENERATION);
	/* Before it gives its partitions up it may say how far it came; afterwards it may not. */
	(void)join(fixture, (struct say){0});
	assert_int_equal(group_commit_check(fixture->group, &who, 1, false, fixture->now_ms), KAFKA_NONE);
	(void)join(fixture, (struct say){.member_id = first});
	assert_int_equal(
		group_commit_check(fixture->group, &who, 1, false, fixture->now_ms), KAFKA_ILLEGAL_GENERATION);
	assert_int_equal(
		group_commit_check(fixture->group, &who, 2, false, fixture->now_ms), KAFKA_REBALANCE_IN_PROGRESS);
}

static void subscriptions_are_read_with_care(void **state)
{
	(void)state;
	static const char two[] = "\0\1\0\0\0\2\0\1a\0\2bc\0\0\0\0";
	struct slice list, metadata = slice_of(two, sizeof two - 1);
	assert_true(subscription_topics(metadata, &list));
	assert_int_equal(list.size, 11);
	assert_true(subscription_has(metadata, slice_of_string("a")));
	assert_true(subscription_has(metadata, slice_of_string("bc")));
	assert_false(subscription_has(metadata, slice_of_string("b")));
	for (size_t size = 0; size < 13; size++)
		assert_false(subscription_topics(slice_of(two, size), &list));
	assert_false(subscription_topics(slice_of("\0\1\xff\xff\xff\xff", 6), &list));
	assert_false(subscription_has(slice_of("\0\1\x7f\xff\xff\xff\0\1a", 9), slice_of_string("a")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_generation_is_made_when_all_have_joined_and_not_by_every_join),
		TEST(a_new_dynamic_member_is_given_an_id_first),
		TEST(the_initial_delay_lets_others_come),
		TEST(a_lost_answer_is_given_again_without_a_new_generation),
		TEST(the_leader_joining_again_begins_a_rebalance),
		TEST(the_protocol_most_members_prefer_is_chosen),
		TEST(impossible_joins_are_refused),
		TEST(ids_of_members_beyond_1024_bytes_are_refused),
		TEST(a_group_has_a_largest_size),
		TEST(followers_wait_for_the_leader),
		TEST(assignments_beyond_4_mib_are_refused),
		TEST(syncs_of_another_generation_are_refused),
		TEST(a_new_member_ends_the_syncs_that_wait),
		TEST(who_joins_and_never_syncs_is_out),
		TEST(the_last_to_leave_empties_the_group_and_generations_go_on),
		TEST(who_is_silent_for_its_session_timeout_is_out),
		TEST(who_does_not_join_within_the_rebalance_timeout_is_out),
		TEST(a_group_is_not_stuck_preparing_after_disconnects),
		TEST(a_static_member_comes_back_without_a_rebalance),
		TEST(a_static_leader_that_comes_back_does_not_assign_anew),
		TEST(a_static_member_that_wants_other_topics_begins_a_rebalance),
		TEST(a_static_member_away_stays_until_its_session_ends),
		TEST(an_administrator_removes_a_static_member_by_its_instance_id),
		TEST(only_owners_of_the_present_may_commit),
		TEST(subscriptions_are_read_with_care),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
