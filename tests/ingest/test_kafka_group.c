/* Consumer groups as clients meet them: requests in, answers out, in every version; connections that go. */
#include "support_kafka.h"

#include "ingest/group_log.h"

static struct kafka_join_group_request *join_make(struct kafka_fixture *fixture, const char *member_id)
{
	struct kafka_join_group_request *message = MAKE(fixture, join_group_request);
	message->group_id = slice_of_string("g");
	message->session_timeout_ms = 10000;
	message->rebalance_timeout_ms = 20000;
	message->member_id = slice_of_string(member_id);
	message->protocol_type = slice_of_string("consumer");
	message->protocols_count = 1;
	message->protocols = MAKE(fixture, join_group_request_protocol);
	message->protocols->name = slice_of_string("range");
	message->protocols->metadata = slice_of("\0\0\0\0\0\1\0\1t", 9);
	return message;
}

static const char *text(struct kafka_fixture *fixture, struct slice bytes)
{
	return arena_printf(&fixture->arena, "%.*s", (int)bytes.size, (const char *)bytes.data);
}

static struct kafka_sync_group_response *sync_as(struct kafka_fixture *fixture, int16_t version,
	const char *member_id, int32_t generation, const char *assignment)
{
	struct kafka_sync_group_request *message = MAKE(fixture, sync_group_request);
	message->group_id = slice_of_string("g");
	message->member_id = slice_of_string(member_id);
	message->generation_id = generation;
	message->protocol_type = slice_of_string("consumer");
	message->protocol_name = slice_of_string("range");
	if (assignment != NULL) {
		message->assignments_count = 1;
		message->assignments = MAKE(fixture, sync_group_request_assignment);
		message->assignments->member_id = slice_of_string(member_id);
		message->assignments->assignment = slice_of_string(assignment);
	}
	return ask(fixture, 14, version, message);
}

static int16_t heartbeat_as(
	struct kafka_fixture *fixture, int16_t version, const char *member_id, int32_t generation)
{
	struct kafka_heartbeat_request *message = MAKE(fixture, heartbeat_request);
	message->group_id = slice_of_string("g");
	message->member_id = slice_of_string(member_id);
	message->generation_id = generation;
	return ((struct kafka_heartbeat_response *)ask(fixture, 12, version, message))->error_code;
}

static struct kafka_leave_group_response *leave_as(
	struct kafka_fixture *fixture, int16_t version, const char *member_id)
{
	struct kafka_leave_group_request *message = MAKE(fixture, leave_group_request);
	message->group_id = slice_of_string("g");
	message->member_id = slice_of_string(member_id);
	message->members_count = 1;
	message->members = MAKE(fixture, leave_group_request_member);
	message->members->member_id = slice_of_string(member_id);
	return ask(fixture, 13, version, message);
}

static struct kafka_offset_commit_request *commit_make(
	struct kafka_fixture *fixture, int32_t partition, int64_t offset)
{
	struct kafka_offset_commit_request *message = MAKE(fixture, offset_commit_request);
	message->group_id = slice_of_string("g");
	message->topics_count = 1;
	message->topics = MAKE(fixture, offset_commit_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, offset_commit_request_partition);
	message->topics->partitions->partition_index = partition;
	message->topics->partitions->committed_offset = offset;
	return message;
}

static int16_t commit(
	struct kafka_fixture *fixture, int16_t version, struct kafka_offset_commit_request *message)
{
	struct kafka_offset_commit_response *answer = ask(fixture, 8, version, message);
	assert_int_equal(answer->topics_count, 1);
	assert_int_equal(answer->topics->partitions_count, 1);
	return answer->topics->partitions->error_code;
}

static struct kafka_offset_fetch_response *fetch(struct kafka_fixture *fixture, int16_t version, bool all)
{
	static int32_t partitions[] = {0, 1};
	struct kafka_offset_fetch_request *message = MAKE(fixture, offset_fetch_request);
	struct kafka_offset_fetch_request_topic *topic = MAKE(fixture, offset_fetch_request_topic);
	topic->name = slice_of_string("t");
	topic->partition_indexes = partitions;
	topic->partition_indexes_count = 2;
	message->group_id = slice_of_string("g");
	message->topics = topic;
	message->topics_count = all ? -1 : 1;
	message->groups_count = 1;
	message->groups = MAKE(fixture, offset_fetch_request_group);
	message->groups->group_id = message->group_id;
	message->groups->topics = message->topics;
	message->groups->topics_count = message->topics_count;
	return ask(fixture, 9, version, message);
}

/* ---- every version ---- */

static void a_member_joins_syncs_beats_and_leaves_in_every_version(void **state)
{
	struct kafka_fixture *fixture = *state;
	for (int16_t version = 0; version <= 7; version++) {
		struct kafka_join_group_response *joined = ask(fixture, 11, version, join_make(fixture, ""));
		if (version >= 4) {
			assert_int_equal(joined->error_code, KAFKA_MEMBER_ID_REQUIRED);
			joined = ask(fixture, 11, version, join_make(fixture, text(fixture, joined->member_id)));
		}
		assert_int_equal(joined->error_code, KAFKA_NONE);
		assert_int_equal(joined->generation_id, 2 * version + 1);
		assert_true(slice_equal(joined->leader, joined->member_id));
		assert_true(slice_equal(joined->protocol_name, slice_of_string("range")));
		assert_int_equal(joined->members_count, 1);
		assert_int_equal(joined->members->metadata.size, 9);
		const char *id = text(fixture, joined->member_id);
		int16_t five = version > 5 ? 5 : version, four = version > 4 ? 4 : version;
		struct kafka_sync_group_response *synced = sync_as(fixture, five, id, joined->generation_id, "mine");
		assert_int_equal(synced->error_code, KAFKA_NONE);
		assert_true(slice_equal(synced->assignment, slice_of_string("mine")));
		assert_int_equal(heartbeat_as(fixture, four, id, joined->generation_id), KAFKA_NONE);
		struct kafka_describe_groups_request *describe = MAKE(fixture, describe_groups_request);
		struct slice names[] = {slice_of_string("g"), slice_of_string("g"), slice_of_string("h")};
		describe->groups = names;
		describe->groups_count = 3;
		struct kafka_describe_groups_response *described = ask(fixture, 15, five, describe);
		assert_int_equal(described->groups_count, 2); /* each once */
		assert_true(slice_equal(described->groups->group_state, slice_of_string("Stable")));
		assert_true(slice_equal(described->groups->members->client_host, slice_of_string("/127.0.0.1")));
		assert_true(slice_equal(described->groups->members->client_id, slice_of_string("test")));
		assert_true(slice_equal(described->groups->members->member_assignment, slice_of_string("mine")));
		assert_true(slice_equal(described->groups[1].group_state, slice_of_string("Dead")));
		struct kafka_leave_group_response *left = leave_as(fixture, five, id);
		assert_int_equal(left->error_code, KAFKA_NONE);
		assert_int_equal(left->members_count, five >= 3 ? 1 : 0);
		assert_true(left->members_count == 0 || left->members->error_code == KAFKA_NONE);
		left = leave_as(fixture, five, id);
		assert_int_equal(five >= 3 ? left->members->error_code : left->error_code, KAFKA_UNKNOWN_MEMBER_ID);
		struct kafka_list_groups_response *listed =
			ask(fixture, 16, four, MAKE(fixture, list_groups_request));
		assert_int_equal(listed->groups_count, 1);
		assert_true(slice_equal(listed->groups->protocol_type, slice_of_string("consumer")));
	}
}

static void offset_fetch_metadata_is_never_null(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	for (int16_t version = 2; version <= 8; version++) {
		struct kafka_offset_commit_request *message = commit_make(fixture, 0, 100 + version);
		message->topics->partitions->committed_metadata =
			(struct slice){0}; /* null, as some clients send it */
		assert_int_equal(commit(fixture, version, message), KAFKA_NONE);
	}
	for (int16_t version = 1; version <= 8; version++) {
		struct kafka_offset_fetch_response *answer = fetch(fixture, version, false);
		const struct kafka_offset_fetch_response_topic *topic =
			version >= 8 ? answer->groups->topics : answer->topics;
		assert_int_equal(topic->partitions_count, 2);
		assert_int_equal(topic->partitions[0].committed_offset, 108);
		/* Nothing was committed: −1, and that is no error. */
		assert_int_equal(topic->partitions[1].committed_offset, -1);
		for (int32_t p = 0; p < 2; p++) {
			assert_int_equal(topic->partitions[p].error_code, KAFKA_NONE);
			assert_non_null(topic->partitions[p].metadata.data);
			assert_int_equal(topic->partitions[p].metadata.size, 0);
		}
		if (version < 2)
			continue;
		answer = fetch(fixture, version, true);
		topic = version >= 8 ? answer->groups->topics : answer->topics;
		assert_int_equal(version >= 8 ? answer->groups->topics_count : answer->topics_count, 1);
		assert_int_equal(topic->partitions_count, 1);
	}
}

static void negative_retention_in_offset_commit_is_the_brokers(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	for (int16_t version = 2; version <= 4; version++) {
		struct kafka_offset_commit_request *message = commit_make(fixture, 0, version);
		message->retention_time_ms = version == 4 ? INT64_MIN : -version;
		assert_int_equal(commit(fixture, version, message), KAFKA_NONE);
		group_coordinator_tick(fixture->broker->groups, fixture->now_ms += 700000);
		assert_int_equal(fetch(fixture, 8, false)->groups->topics->partitions->committed_offset, version);
	}
}

static void sync_group_with_an_empty_assignment_is_no_error(void **state)
{
	struct kafka_fixture *fixture = *state;
	for (int16_t version = 0; version <= 5; version++) {
		struct kafka_join_group_response *joined = ask(fixture, 11, 3, join_make(fixture, ""));
		const char *id = text(fixture, joined->member_id);
		struct kafka_sync_group_response *synced = sync_as(fixture, version, id, joined->generation_id, NULL);
		assert_int_equal(synced->error_code, KAFKA_NONE);
		assert_non_null(synced->assignment.data);
		assert_int_equal(synced->assignment.size, 0);
		(void)leave_as(fixture, 0, id);
	}
}

static void offsets_and_groups_are_deleted(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	assert_int_equal(commit(fixture, 8, commit_make(fixture, 0, 5)), KAFKA_NONE);
	assert_int_equal(commit(fixture, 8, commit_make(fixture, 1, 6)), KAFKA_NONE);
	struct kafka_offset_delete_request *message = MAKE(fixture, offset_delete_request);
	message->group_id = slice_of_string("g");
	message->topics_count = 1;
	message->topics = MAKE(fixture, offset_delete_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, offset_delete_request_partition);
	struct kafka_offset_delete_response *answer = ask(fixture, 47, 0, message);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->topics->partitions->error_code, KAFKA_NONE);
	struct kafka_offset_fetch_response *found = fetch(fixture, 8, true);
	assert_int_equal(found->groups->topics->partitions_count, 1);
	assert_int_equal(found->groups->topics->partitions->partition_index, 1);
	for (int16_t version = 0; version <= 2; version++) {
		struct slice name = slice_of_string("g");
		struct kafka_delete_groups_request *delete = MAKE(fixture, delete_groups_request);
		delete->groups_names = &name;
		delete->groups_names_count = 1;
		struct kafka_delete_groups_response *deleted = ask(fixture, 42, version, delete);
		assert_int_equal(deleted->results->error_code, version == 0 ? KAFKA_NONE : KAFKA_GROUP_ID_NOT_FOUND);
	}
	fixture_restart(fixture);
	assert_int_equal(fetch(fixture, 8, true)->groups->topics_count, 0);
}

static void committed_offsets_and_members_are_there_after_a_restart(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct kafka_join_group_response *joined = ask(fixture, 11, 3, join_make(fixture, ""));
	const char *id = text(fixture, joined->member_id);
	(void)sync_as(fixture, 3, id, 1, "mine");
	for (int64_t offset = 1; offset <= 5; offset++) {
		struct kafka_offset_commit_request *message = commit_make(fixture, 0, offset);
		message->member_id = slice_of_string(id);
		message->generation_id = 1;
		assert_int_equal(commit(fixture, 7, message), KAFKA_NONE);
		fixture_restart(fixture);
		assert_int_equal(heartbeat_as(fixture, 0, id, 1), KAFKA_NONE);
		assert_int_equal(fetch(fixture, 5, false)->topics->partitions->committed_offset, offset);
	}
}

static void groups_without_a_name_are_refused(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_join_group_request *message = join_make(fixture, "");
	message->group_id = slice_of_string("");
	assert_int_equal(((struct kafka_join_group_response *)ask(fixture, 11, 5, message))->error_code,
		KAFKA_INVALID_GROUP_ID);
}

/* ---- connections that wait and go ---- */

static void request_feed(struct kafka_fixture *fixture, int16_t key, int16_t version, const void *message)
{
	struct buffer bytes = {0};
	request_append(fixture, key, version, message, &bytes);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	buffer_deinit(&bytes);
}

static void another_send(void *context, struct buffer *bytes)
{
	(void)context;
	buffer_deinit(bytes);
}

static void another_wake(void *context)
{
	(void)context;
}

/* A second connection whose join waits; its answers go nowhere. */
static struct kafka_session *another_joins(struct kafka_fixture *fixture, const char *member_id)
{
	struct kafka_session_io io = {.context = fixture, .send = another_send, .wake = another_wake};
	struct kafka_session *session = kafka_session_create(fixture->broker, &io);
	struct buffer bytes = {0};
	request_append(fixture, 11, 3, join_make(fixture, member_id), &bytes);
	assert_int_equal(kafka_session_receive(session, buffer_slice(&bytes), fixture->now_ms), STATUS_OK);
	buffer_deinit(&bytes);
	return session;
}

static void a_parked_join_blocks_nobody_else(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_join_group_response *joined = ask(fixture, 11, 3, join_make(fixture, ""));
	const char *id = text(fixture, joined->member_id);
	(void)sync_as(fixture, 3, id, 1, "mine");
	struct kafka_session *other = another_joins(fixture, "");
	assert_int_equal(heartbeat_as(fixture, 3, id, 1), KAFKA_REBALANCE_IN_PROGRESS);
	joined = ask(fixture, 11, 3, join_make(fixture, id));
	assert_int_equal(joined->generation_id, 2);
	assert_int_equal(joined->members_count, 2);
	kafka_session_destroy(other);
}

static void a_client_that_disconnects_while_parked_leaves_cleanly(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_join_group_response *joined = ask(fixture, 11, 3, join_make(fixture, ""));
	const char *id = text(fixture, joined->member_id);
	(void)sync_as(fixture, 3, id, 1, "mine");
	/* A newcomer that nobody has told its id: gone at once, and the group goes on without it. */
	kafka_session_destroy(another_joins(fixture, ""));
	joined = ask(fixture, 11, 3, join_make(fixture, id));
	assert_int_equal(joined->members_count, 1);
	(void)sync_as(fixture, 3, id, joined->generation_id, "mine");
	/* The member itself, parked on a connection that breaks: it may come again on another. */
	struct kafka_session *third = another_joins(fixture, "");
	request_feed(fixture, 11, 3, join_make(fixture, id));
	fixture_session_renew(fixture);
	kafka_session_destroy(third);
	group_coordinator_tick(fixture->broker->groups, fixture->now_ms += 30000);
	struct group_description described;
	group_coordinator_describe(fixture->broker->groups, slice_of_string("g"), &fixture->arena, &described);
	assert_int_equal(described.member_count, 0);
}

static void without_a_coordinator_clients_are_told_to_try_again(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct group_coordinator *groups = fixture->broker->groups;
	fixture->broker->groups = NULL;
	assert_int_equal(
		((struct kafka_join_group_response *)ask(fixture, 11, 5, join_make(fixture, "")))->error_code,
		KAFKA_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(heartbeat_as(fixture, 0, "m", 1), KAFKA_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(commit(fixture, 8, commit_make(fixture, 0, 5)), KAFKA_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(fetch(fixture, 8, false)->groups->error_code, KAFKA_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(
		fetch(fixture, 1, false)->topics->partitions->error_code, KAFKA_COORDINATOR_NOT_AVAILABLE);
	fixture->broker->groups = groups;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_joins_syncs_beats_and_leaves_in_every_version),
		TEST(offset_fetch_metadata_is_never_null),
		TEST(negative_retention_in_offset_commit_is_the_brokers),
		TEST(sync_group_with_an_empty_assignment_is_no_error),
		TEST(offsets_and_groups_are_deleted),
		TEST(committed_offsets_and_members_are_there_after_a_restart),
		TEST(groups_without_a_name_are_refused),
		TEST(a_parked_join_blocks_nobody_else),
		TEST(a_client_that_disconnects_while_parked_leaves_cleanly),
		TEST(without_a_coordinator_clients_are_told_to_try_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
