/* The coordinator: when calls end, what is recorded, what a restart finds, and what expires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/diag.h"
#include "ingest/group_coordinator_internal.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static int64_t wall_ms;

static int64_t wall_now(void)
{
	return wall_ms;
}

struct fixture {
	struct group_coordinator *coordinator;
	struct group_coordinator_options options;
	struct arena arena;
	struct buffer stored; /* durable batches, one behind the other */
	struct buffer flying;
	bool is_flying, full;
	uint64_t incarnation; /* of topic "t", partitions 0 to 3 */
	int64_t now_ms;
};

static status store_append(void *context, struct buffer *batch)
{
	struct fixture *fixture = context;
	if (fixture->full)
		return error_raise(STATUS_BACKPRESSURE, "full");
	fixture->flying = *batch;
	fixture->is_flying = true;
	return STATUS_OK;
}

static uint64_t store_incarnation(void *context, struct slice topic, int32_t partition)
{
	struct fixture *fixture = context;
	return slice_equal(topic, slice_of_string("t")) && partition >= 0 && partition < 4 ? fixture->incarnation
																					   : 0;
}

static void coordinator_open(struct fixture *fixture)
{
	fixture->coordinator = group_coordinator_create(&fixture->options);
	assert_int_equal(group_coordinator_load(fixture->coordinator, buffer_slice(&fixture->stored)), STATUS_OK);
	group_coordinator_loaded(fixture->coordinator, fixture->now_ms);
}

/* One batch becomes durable, or fails. */
static void land(struct fixture *fixture, status result)
{
	if (!fixture->is_flying)
		return;
	struct buffer batch = fixture->flying;
	fixture->is_flying = false;
	if (result == STATUS_OK)
		buffer_append(&fixture->stored, batch.data, batch.size);
	buffer_deinit(&batch);
	group_coordinator_appended(fixture->coordinator, result);
}

static void land_all(struct fixture *fixture)
{
	while (fixture->is_flying)
		land(fixture, STATUS_OK);
}

static void restart(struct fixture *fixture)
{
	land(fixture, STATUS_SHUTDOWN);
	group_coordinator_destroy(fixture->coordinator);
	coordinator_open(fixture);
}

static int set_up(void **state)
{
	struct fixture *fixture = mem_alloc_zeroed(1, sizeof *fixture);
	arena_init(&fixture->arena);
	clock_inject_wall_ms(wall_now);
	wall_ms = 1700000000000;
	fixture->now_ms = 1000;
	fixture->incarnation = 7;
	fixture->options = group_coordinator_options_default();
	fixture->options.group.initial_delay_ms = 0;
	fixture->options.store = (struct group_store){fixture, store_append, store_incarnation};
	coordinator_open(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	land(fixture, STATUS_SHUTDOWN);
	group_coordinator_destroy(fixture->coordinator);
	buffer_deinit(&fixture->stored);
	arena_deinit(&fixture->arena);
	clock_inject_wall_ms(NULL);
	mem_free(fixture);
	return 0;
}

static void call_done(struct group_call *call)
{
	*(bool *)call->context = true;
}

static bool is_done(const struct group_call *call)
{
	return *(const bool *)call->context;
}

static struct group_call *call_new(struct fixture *fixture)
{
	struct group_call *call = arena_alloc_zeroed(&fixture->arena, sizeof *call);
	call->arena = &fixture->arena;
	call->done = call_done;
	call->context = arena_alloc_zeroed(&fixture->arena, sizeof(bool));
	return call;
}

static const struct slice G = {(const uint8_t *)"g", 1};

static struct group_offset *offset_new(struct fixture *fixture, int32_t partition, int64_t offset)
{
	struct group_offset *to = arena_alloc_zeroed(&fixture->arena, sizeof *to);
	*to = (struct group_offset){.topic = slice_of_string("t"),
		.partition = partition,
		.offset = offset,
		.leader_epoch = 2,
		.metadata = slice_of_string("note")};
	return to;
}

static struct group_call *commit_of(struct fixture *fixture, const char *group, struct group_offset *offset,
	int64_t retention_ms, int64_t producer_id)
{
	struct group_call *call = call_new(fixture);
	struct group_commit commit = {.group = slice_of_string(group),
		.generation = -1,
		.retention_ms = retention_ms,
		.offsets = offset,
		.count = 1,
		.who = {.member_id = slice_of_string("")}};
	if (producer_id < 0)
		group_coordinator_commit(fixture->coordinator, &commit, call, fixture->now_ms);
	else
		group_coordinator_stage(fixture->coordinator, producer_id, &commit, call, fixture->now_ms);
	return call;
}

static int16_t commit(struct fixture *fixture, int32_t partition, int64_t offset)
{
	struct group_offset *to = offset_new(fixture, partition, offset);
	struct group_call *call = commit_of(fixture, "g", to, -1, -1);
	land_all(fixture);
	assert_true(is_done(call));
	return call->error_code != KAFKA_NONE ? call->error_code : to->error_code;
}

static struct group_offset *fetch(struct fixture *fixture, int32_t partition, bool stable)
{
	struct group_offset *offset = offset_new(fixture, partition, 0);
	int32_t count = 1;
	struct group_call *call = call_new(fixture);
	group_coordinator_fetch(fixture->coordinator, G, &offset, &count, false, stable, call);
	land_all(fixture);
	assert_true(is_done(call));
	assert_int_equal(call->error_code, KAFKA_NONE);
	return offset;
}

static void end(struct fixture *fixture, int64_t producer_id, bool commits)
{
	struct group_call *call = call_new(fixture);
	group_coordinator_stage_end(fixture->coordinator, producer_id, commits, call, fixture->now_ms);
	land_all(fixture);
	assert_true(is_done(call));
	assert_int_equal(call->error_code, KAFKA_NONE);
}

static struct group_call *join(struct fixture *fixture, const char *member_id, const char *topic)
{
	struct buffer metadata = {0};
	buffer_append(&metadata, "\0\0\0\0\0\1", 6);
	buffer_append_be16(&metadata, (uint16_t)strlen(topic));
	buffer_append_string(&metadata, topic);
	struct group_protocol range = {slice_of_string("range"), buffer_slice(&metadata)};
	struct group_join message = {.who = {.member_id = slice_of_string(member_id)},
		.client_id = slice_of_string("c"),
		.client_host = slice_of_string("/h"),
		.session_timeout_ms = 10000,
		.rebalance_timeout_ms = 20000,
		.protocol_type = slice_of_string("consumer"),
		.protocols = &range,
		.protocol_count = 1};
	struct group_call *call = call_new(fixture);
	group_coordinator_join(fixture->coordinator, G, &message, call, fixture->now_ms);
	buffer_deinit(&metadata);
	return call;
}

static struct group_call *sync(struct fixture *fixture, const struct group_call *joined)
{
	struct group_assignment all = {joined->member_id, slice_of_string("all")};
	struct group_sync message = {.who = {.member_id = joined->member_id},
		.generation = joined->generation,
		.assignments = &all,
		.assignment_count = 1};
	struct group_call *call = call_new(fixture);
	group_coordinator_sync(fixture->coordinator, G, &message, call, fixture->now_ms);
	return call;
}

static int16_t heartbeat(struct fixture *fixture, const struct group_call *joined)
{
	struct group_identity who = {.member_id = joined->member_id};
	struct group_call *call = call_new(fixture);
	group_coordinator_heartbeat(fixture->coordinator, G, &who, joined->generation, call, fixture->now_ms);
	land_all(fixture);
	assert_true(is_done(call));
	return call->error_code;
}

static struct group_call *member_stable(struct fixture *fixture)
{
	struct group_call *joined = join(fixture, "", "t");
	land_all(fixture);
	struct group_call *synced = sync(fixture, joined);
	land_all(fixture);
	assert_true(is_done(synced));
	assert_int_equal(synced->error_code, KAFKA_NONE);
	return joined;
}

static struct group_description *described(struct fixture *fixture)
{
	struct group_description *out = arena_alloc(&fixture->arena, sizeof *out);
	group_coordinator_describe(fixture->coordinator, G, &fixture->arena, out);
	return out;
}

static void tick(struct fixture *fixture, int64_t ms)
{
	fixture->now_ms += ms;
	wall_ms += ms;
	group_coordinator_tick(fixture->coordinator, fixture->now_ms);
	land_all(fixture);
}

/* ---- durable before told ---- */

static void nothing_is_answered_before_its_record_is_durable(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *joined = join(fixture, "", "t");
	assert_false(is_done(joined));
	struct group_offset *offset = offset_new(fixture, 0, 5);
	struct group_call *committed = commit_of(fixture, "other", offset, -1, -1);
	land(fixture, STATUS_OK);
	assert_true(is_done(joined));
	assert_false(is_done(committed));
	/* Who asks meanwhile hears of it only when it is durable, too. */
	int32_t count = 1;
	struct group_offset *asked = offset_new(fixture, 0, 0);
	struct group_call *fetched = call_new(fixture);
	group_coordinator_fetch(
		fixture->coordinator, slice_of_string("other"), &asked, &count, false, false, fetched);
	assert_false(is_done(fetched));
	land(fixture, STATUS_OK);
	assert_true(is_done(committed) && is_done(fetched));
	assert_int_equal(asked->offset, 5);
}

static void commits_that_come_meanwhile_share_one_batch(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *calls[20];
	for (int32_t i = 0; i < 20; i++)
		calls[i] = commit_of(fixture, "g", offset_new(fixture, i % 4, i), -1, -1);
	land(fixture, STATUS_OK);
	assert_true(is_done(calls[0]));
	assert_false(is_done(calls[1]));
	land(fixture, STATUS_OK);
	for (int32_t i = 0; i < 20; i++)
		assert_true(is_done(calls[i]));
	assert_false(fixture->is_flying);
}

static void a_failed_write_stops_groups_and_says_so(void **state)
{
	struct fixture *fixture = *state;
	diag_set_level(DIAG_ERROR + 1);
	struct group_call *joined = join(fixture, "", "t");
	land(fixture, STATUS_IO);
	assert_true(is_done(joined));
	assert_int_equal(joined->error_code, KAFKA_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(joined->member_count, 0);
	assert_true(group_coordinator_failed(fixture->coordinator));
	struct group_offset *offset = offset_new(fixture, 0, 5);
	struct group_call *later = commit_of(fixture, "g", offset, -1, -1);
	assert_true(is_done(later));
	assert_int_equal(later->error_code, KAFKA_COORDINATOR_NOT_AVAILABLE);
	assert_false(fixture->is_flying);
	diag_set_level(DIAG_INFO);
}

static void a_full_store_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	tick(fixture, GROUP_RETRY_MS);
	tick(fixture, GROUP_RETRY_MS); /* the first sweep is over */
	fixture->full = true;
	struct group_call *call = commit_of(fixture, "g", offset_new(fixture, 0, 5), -1, -1);
	assert_false(fixture->is_flying);
	assert_int_equal(group_coordinator_deadline_ms(fixture->coordinator), fixture->now_ms + GROUP_RETRY_MS);
	fixture->full = false;
	tick(fixture, GROUP_RETRY_MS);
	assert_true(is_done(call));
	assert_int_equal(fetch(fixture, 0, false)->offset, 5);
}

static void a_dropped_call_is_never_answered(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *held = commit_of(fixture, "g", offset_new(fixture, 0, 5), -1, -1);
	assert_true(group_coordinator_drop(fixture->coordinator, held, fixture->now_ms));
	land_all(fixture);
	assert_false(is_done(held));
	struct group_call *joined = member_stable(fixture);
	struct group_call *parked = join(fixture, "", "t");
	assert_true(group_coordinator_drop(fixture->coordinator, parked, fixture->now_ms));
	assert_false(group_coordinator_drop(fixture->coordinator, joined, fixture->now_ms));
	assert_int_equal(described(fixture)->member_count, 1);
}

/* ---- restarts ---- */

static void members_go_on_after_a_restart_and_generations_never_go_back(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *joined = member_stable(fixture);
	assert_int_equal(joined->generation, 1);
	restart(fixture);
	assert_int_equal(described(fixture)->state, GROUP_STABLE);
	assert_true(slice_equal(described(fixture)->members->assignment, slice_of_string("all")));
	assert_int_equal(heartbeat(fixture, joined), KAFKA_NONE);
	struct group_call *synced = sync(fixture, joined);
	assert_true(slice_equal(synced->assignment, slice_of_string("all")));
	/* Another joins, generation 2 is told, and the appliance dies before the leader has assigned. */
	struct group_call *second = join(fixture, "", "t");
	char *id = arena_printf(
		&fixture->arena, "%.*s", (int)joined->member_id.size, (const char *)joined->member_id.data);
	struct group_call *again = join(fixture, id, "t");
	land_all(fixture);
	assert_true(is_done(second) && is_done(again));
	assert_int_equal(again->generation, 2);
	restart(fixture);
	assert_int_equal(described(fixture)->state, GROUP_PREPARING);
	assert_int_equal(described(fixture)->generation, 2);
	assert_int_equal(sync(fixture, again)->error_code, KAFKA_REBALANCE_IN_PROGRESS);
	again = join(fixture, id, "t");
	tick(fixture, 20000);
	assert_true(is_done(again));
	assert_int_equal(again->generation, 3);
	assert_int_equal(again->member_count, 1); /* the other never came back */
}

static void who_does_not_come_back_after_a_restart_is_out(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *joined = member_stable(fixture);
	restart(fixture);
	tick(fixture, 9999);
	assert_int_equal(described(fixture)->member_count, 1);
	tick(fixture, 1);
	assert_int_equal(described(fixture)->state, GROUP_EMPTY);
	assert_int_equal(described(fixture)->generation, 2);
	assert_int_equal(heartbeat(fixture, joined), KAFKA_UNKNOWN_MEMBER_ID);
	restart(fixture);
	assert_int_equal(described(fixture)->generation, 2);
}

static void offsets_survive_a_restart_whole(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(commit(fixture, 0, 5), KAFKA_NONE);
	assert_int_equal(commit(fixture, 0, 6), KAFKA_NONE);
	assert_int_equal(commit(fixture, 3, INT64_MAX), KAFKA_NONE);
	restart(fixture);
	struct group_offset *found = fetch(fixture, 0, false);
	assert_int_equal(found->offset, 6);
	assert_int_equal(found->leader_epoch, 2);
	assert_true(slice_equal(found->metadata, slice_of_string("note")));
	assert_int_equal(fetch(fixture, 3, false)->offset, INT64_MAX);
	/* None: −1, no error, and never null metadata. */
	found = fetch(fixture, 1, false);
	assert_int_equal(found->offset, -1);
	assert_int_equal(found->error_code, KAFKA_NONE);
	assert_non_null(found->metadata.data);
}

static void records_of_a_later_release_and_damaged_ones_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *key, *value;
		size_t key_size, value_size;
		status expected;
	} cases[] = {{"\0\7\0\1g", "\0\3", 5, 2, STATUS_UNSUPPORTED}, {"\0\1\0\1g", "\0\3", 5, 2, STATUS_DAMAGED},
		{"\0\2\0\1g", "\0\3\0", 5, 3, STATUS_DAMAGED}, {"\0\2\0\1g", "\0\x9", 5, 2, STATUS_DAMAGED},
		{"", "", 0, 0, STATUS_DAMAGED}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct record_batch_builder builder;
		struct buffer batch = {0};
		record_batch_builder_init(&builder);
		record_batch_builder_add(&builder, 1, slice_of(cases[i].key, cases[i].key_size),
			slice_of(cases[i].value, cases[i].value_size), NULL, 0);
		assert_int_equal(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch), STATUS_OK);
		assert_int_equal(
			group_coordinator_load(fixture->coordinator, buffer_slice(&batch)), cases[i].expected);
		record_batch_builder_deinit(&builder);
		buffer_deinit(&batch);
	}
}

/* ---- offsets ---- */

static void impossible_commits_are_refused_each_with_its_code(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(commit(fixture, 4, 1), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(commit(fixture, -1, 1), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(commit(fixture, 0, -3), KAFKA_INVALID_REQUEST);
	struct group_offset *offset = offset_new(fixture, 0, 1);
	offset->metadata = slice_of(
		arena_alloc_zeroed(&fixture->arena, GROUP_OFFSET_METADATA_MAX + 1), GROUP_OFFSET_METADATA_MAX);
	struct group_call *call = commit_of(fixture, "g", offset, -1, -1);
	land_all(fixture);
	assert_int_equal(offset->error_code, KAFKA_NONE);
	offset->metadata.size++;
	(void)commit_of(fixture, "g", offset, -1, -1);
	assert_int_equal(offset->error_code, KAFKA_OFFSET_METADATA_TOO_LARGE);
	fixture->options.offsets_max = 2;
	fixture->options.groups_max = 1;
	restart(fixture);
	assert_int_equal(commit(fixture, 1, 1), KAFKA_NONE);
	assert_int_equal(commit(fixture, 2, 1), KAFKA_INVALID_COMMIT_OFFSET_SIZE);
	assert_int_equal(commit(fixture, 1, 2), KAFKA_NONE);
	call = commit_of(fixture, "h", offset_new(fixture, 0, 1), -1, -1);
	assert_int_equal(call->error_code, KAFKA_GROUP_MAX_SIZE_REACHED);
}

static void a_new_incarnation_of_a_topic_has_no_offsets(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(commit(fixture, 0, 5), KAFKA_NONE);
	fixture->incarnation = 8;
	assert_int_equal(fetch(fixture, 0, false)->offset, -1);
	assert_int_equal(commit(fixture, 1, 9), KAFKA_NONE);
	restart(fixture);
	assert_int_equal(fetch(fixture, 0, false)->offset, -1);
	assert_int_equal(fetch(fixture, 1, false)->offset, 9);
}

static void offsets_expire_when_the_group_has_been_empty_long_enough(void **state)
{
	struct fixture *fixture = *state;
	struct group_call *joined = member_stable(fixture);
	assert_int_equal(commit(fixture, 0, 5), KAFKA_UNKNOWN_MEMBER_ID);
	struct group_offset *offset = offset_new(fixture, 0, 5);
	struct group_call *call = call_new(fixture);
	struct group_commit message = {.group = G,
		.who = {.member_id = joined->member_id},
		.generation = 1,
		.retention_ms = -1,
		.offsets = offset,
		.count = 1};
	group_coordinator_commit(fixture->coordinator, &message, call, fixture->now_ms);
	land_all(fixture);
	assert_int_equal(offset->error_code, KAFKA_NONE);
	/* As long as there are members nothing expires, however old. */
	wall_ms += 30 * (int64_t)DAY_MS;
	tick(fixture, 9000);
	group_coordinator_tick(fixture->coordinator, fixture->now_ms);
	assert_int_equal(heartbeat(fixture, joined), KAFKA_NONE);
	assert_int_equal(fetch(fixture, 0, false)->offset, 5);
	tick(fixture, 600001);
	assert_int_equal(described(fixture)->state, GROUP_EMPTY);
	tick(fixture, 6 * (int64_t)DAY_MS);
	assert_int_equal(fetch(fixture, 0, false)->offset, 5);
	tick(fixture, (int64_t)DAY_MS + 600001);
	assert_int_equal(fetch(fixture, 0, false)->offset, -1);
	tick(fixture, 600001);
	assert_int_equal(described(fixture)->state, GROUP_DEAD);
	restart(fixture); /* and it stays so */
	assert_int_equal(described(fixture)->state, GROUP_DEAD);
}

static void a_commits_own_retention_counts_and_a_negative_one_means_none(void **state)
{
	struct fixture *fixture = *state;
	(void)commit_of(fixture, "g", offset_new(fixture, 0, 5), DAY_MS, -1);
	(void)commit_of(fixture, "g", offset_new(fixture, 1, 6), -77, -1);
	(void)commit_of(fixture, "g", offset_new(fixture, 2, 7), INT64_MAX, -1);
	land_all(fixture);
	restart(fixture);
	tick(fixture, 2 * (int64_t)DAY_MS);
	assert_int_equal(fetch(fixture, 0, false)->offset, -1);
	assert_int_equal(fetch(fixture, 1, false)->offset, 6);
	assert_int_equal(fetch(fixture, 2, false)->offset, 7);
}

static void offsets_of_topics_that_members_read_are_not_deleted(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(commit(fixture, 0, 5), KAFKA_NONE);
	struct group_call *joined = join(fixture, "", "t");
	land_all(fixture);
	struct group_offset *offset = offset_new(fixture, 0, 0);
	group_coordinator_offsets_delete(fixture->coordinator, G, offset, 1, call_new(fixture));
	assert_int_equal(offset->error_code, KAFKA_GROUP_SUBSCRIBED_TO_TOPIC);
	struct group_identity who = {.member_id = joined->member_id};
	int16_t error_code;
	group_coordinator_leave(
		fixture->coordinator, G, &who, &error_code, 1, call_new(fixture), fixture->now_ms);
	assert_int_equal(error_code, KAFKA_NONE);
	offset->error_code = KAFKA_NONE;
	group_coordinator_offsets_delete(fixture->coordinator, G, offset, 1, call_new(fixture));
	land_all(fixture);
	assert_int_equal(offset->error_code, KAFKA_NONE);
	restart(fixture);
	assert_int_equal(fetch(fixture, 0, false)->offset, -1);
}

static void a_deleted_group_is_gone_for_good(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(commit(fixture, 0, 5), KAFKA_NONE);
	struct slice names[] = {G, slice_of_string("none")};
	int16_t errors[2];
	struct group_call *call = call_new(fixture);
	group_coordinator_delete(fixture->coordinator, names, errors, 2, call);
	assert_false(is_done(call));
	land_all(fixture);
	assert_true(is_done(call));
	assert_int_equal(errors[0], KAFKA_NONE);
	assert_int_equal(errors[1], KAFKA_GROUP_ID_NOT_FOUND);
	restart(fixture);
	assert_int_equal(described(fixture)->state, GROUP_DEAD);
	(void)member_stable(fixture);
	group_coordinator_delete(fixture->coordinator, names, errors, 1, call_new(fixture));
	assert_int_equal(errors[0], KAFKA_NON_EMPTY_GROUP);
}

/* ---- transactions ---- */

static void staged_offsets_are_unstable_until_their_transaction_ends(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(commit(fixture, 0, 5), KAFKA_NONE);
	(void)commit_of(fixture, "g", offset_new(fixture, 0, 8), -1, 70);
	(void)commit_of(fixture, "g", offset_new(fixture, 0, 9), -1, 70); /* the later counts */
	(void)commit_of(fixture, "g", offset_new(fixture, 1, 3), -1, 71);
	land_all(fixture);
	assert_int_equal(fetch(fixture, 0, false)->offset, 5);
	assert_int_equal(fetch(fixture, 0, true)->error_code, KAFKA_UNSTABLE_OFFSET_COMMIT);
	restart(fixture);
	assert_int_equal(fetch(fixture, 0, true)->error_code, KAFKA_UNSTABLE_OFFSET_COMMIT);
	end(fixture, 70, true);
	assert_int_equal(fetch(fixture, 0, true)->offset, 9);
	end(fixture, 71, false);
	assert_int_equal(fetch(fixture, 1, true)->offset, -1);
	end(fixture, 70, true); /* asked again: nothing to do */
	restart(fixture);
	assert_int_equal(fetch(fixture, 0, true)->offset, 9);
	assert_int_equal(fetch(fixture, 1, true)->offset, -1);
}

static void a_group_with_staged_offsets_is_not_deleted(void **state)
{
	struct fixture *fixture = *state;
	(void)commit_of(fixture, "g", offset_new(fixture, 0, 8), -1, 70);
	land_all(fixture);
	struct slice name = G;
	int16_t error_code;
	group_coordinator_delete(fixture->coordinator, &name, &error_code, 1, call_new(fixture));
	assert_int_equal(error_code, KAFKA_NON_EMPTY_GROUP);
	tick(fixture, 30 * (int64_t)DAY_MS);
	end(fixture, 70, true);
	assert_int_equal(fetch(fixture, 0, true)->offset, 8);
}

/* 10 000 unless said otherwise. */
static void a_producer_stages_a_limited_number_of_offsets(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture->options.staged_max, 10000);
	fixture->options.staged_max = 2;
	restart(fixture);
	static const struct {
		const char *group;
		int32_t partition;
		int64_t producer_id;
		int16_t expected;
	} steps[] = {
		{"g", 0, 70, KAFKA_NONE}, {"h", 0, 70, KAFKA_NONE}, {"g", 1, 70, KAFKA_INVALID_COMMIT_OFFSET_SIZE},
		{"g", 0, 70, KAFKA_NONE}, /* it has that one */
		{"g", 1, 71, KAFKA_NONE}, /* another producer */
	};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct group_offset *offset = offset_new(fixture, steps[i].partition, 10 + (int64_t)i);
		struct group_call *call = commit_of(fixture, steps[i].group, offset, -1, steps[i].producer_id);
		land_all(fixture);
		assert_int_equal(call->error_code, KAFKA_NONE);
		assert_int_equal(offset->error_code, steps[i].expected);
	}
	end(fixture, 70, true);
	assert_int_equal(fetch(fixture, 0, true)->offset, 13);
	struct group_offset *offset = offset_new(fixture, 2, 5);
	(void)commit_of(fixture, "g", offset, -1, 70); /* the next transaction */
	assert_int_equal(offset->error_code, KAFKA_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_answered_before_its_record_is_durable),
		TEST(commits_that_come_meanwhile_share_one_batch),
		TEST(a_failed_write_stops_groups_and_says_so),
		TEST(a_full_store_is_tried_again),
		TEST(a_dropped_call_is_never_answered),
		TEST(members_go_on_after_a_restart_and_generations_never_go_back),
		TEST(who_does_not_come_back_after_a_restart_is_out),
		TEST(offsets_survive_a_restart_whole),
		TEST(records_of_a_later_release_and_damaged_ones_are_refused),
		TEST(impossible_commits_are_refused_each_with_its_code),
		TEST(a_new_incarnation_of_a_topic_has_no_offsets),
		TEST(offsets_expire_when_the_group_has_been_empty_long_enough),
		TEST(a_commits_own_retention_counts_and_a_negative_one_means_none),
		TEST(offsets_of_topics_that_members_read_are_not_deleted),
		TEST(a_deleted_group_is_gone_for_good),
		TEST(staged_offsets_are_unstable_until_their_transaction_ends),
		TEST(a_group_with_staged_offsets_is_not_deleted),
		TEST(a_producer_stages_a_limited_number_of_offsets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
