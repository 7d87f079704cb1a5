/* Groups on a real log: created once, compacted, read again. */
#include "support_kafka.h"

#include "ingest/group_record.h"

static void call_done(struct group_call *call)
{
	atomic_store((_Atomic bool *)call->context, true);
}

static int16_t commit(struct kafka_fixture *fixture, int32_t partition, int64_t offset)
{
	_Atomic bool done = false;
	struct group_offset to = {.topic = slice_of_string("t"),
		.partition = partition,
		.offset = offset,
		.leader_epoch = -1,
		.metadata = slice_of_string("")};
	struct group_call call = {.arena = &fixture->arena, .done = call_done, .context = &done};
	struct group_commit message = {.group = slice_of_string("g"),
		.who = {.member_id = slice_of_string("")},
		.generation = -1,
		.retention_ms = -1,
		.offsets = &to,
		.count = 1};
	group_coordinator_commit(fixture->broker->groups, &message, &call, fixture->now_ms);
	while (!atomic_load(&done))
		;
	return call.error_code != KAFKA_NONE ? call.error_code : to.error_code;
}

static int64_t committed(struct kafka_fixture *fixture, int32_t partition)
{
	struct group_offset *offsets;
	int32_t count;
	group_coordinator_offsets(
		fixture->broker->groups, slice_of_string("g"), &fixture->arena, &offsets, &count);
	for (int32_t i = 0; i < count; i++)
		if (offsets[i].partition == partition)
			return offsets[i].offset;
	return -1;
}

static const struct topic *groups_topic(struct kafka_fixture *fixture)
{
	const struct topic *topic;
	assert_int_equal(topic_find(fixture->log, GROUPS_TOPIC_NAME, &topic), STATUS_OK);
	return topic;
}

static void the_groups_topic_is_internal_and_compacted(void **state)
{
	struct kafka_fixture *fixture = *state;
	assert_true(groups_topic(fixture)->config->internal);
	assert_int_equal(groups_topic(fixture)->config->cleanup_policy, CLEANUP_COMPACT);
	uint64_t incarnation = groups_topic(fixture)->incarnation;
	fixture_restart(fixture);
	assert_true(groups_topic(fixture)->incarnation == incarnation);
}

static void offsets_are_the_same_after_compaction(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 3);
	/* Small segments, sealed as soon as they may be. */
	struct topic_config config = *groups_topic(fixture)->config;
	config.segment_bytes = 64 * 1024;
	config.dirty_ratio_min = 0;
	config.delete_retention_ms = 0;
	assert_int_equal(topic_alter(fixture->log, GROUPS_TOPIC_NAME, &config), STATUS_OK);
	for (int64_t offset = 0; offset < 1500; offset++)
		assert_int_equal(commit(fixture, (int32_t)(offset % 2), offset), KAFKA_NONE);
	assert_int_equal(commit(fixture, 2, 77), KAFKA_NONE);
	uint64_t before = partition_bytes(topic_partition(groups_topic(fixture), 0));
	fixture_restart(fixture);
	log_clean(fixture->log);
	assert_true(partition_bytes(topic_partition(groups_topic(fixture), 0)) < before / 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(committed(fixture, 0), 1498);
		assert_int_equal(committed(fixture, 1), 1499);
		assert_int_equal(committed(fixture, 2), 77);
		fixture_restart(fixture);
	}
}

static void a_damaged_record_is_told_with_its_offset(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct record_batch_builder builder;
	struct buffer batch = {0};
	int64_t offset;
	record_batch_builder_init(&builder);
	record_batch_builder_add(&builder, 1, slice_of("\0\1", 2), slice_of("\0\3", 2), NULL, 0);
	assert_int_equal(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch), STATUS_OK);
	assert_int_equal(log_append_wait(fixture->log, topic_partition(groups_topic(fixture), 0), batch.data,
						 batch.size, &offset),
		STATUS_OK);
	struct group_coordinator_options options = group_coordinator_options_default();
	struct group_log *groups;
	assert_int_equal(group_log_open(fixture->log, &options, 0, &groups), STATUS_DAMAGED);
	assert_non_null(strstr(error_current()->text, "offset 0"));
	assert_non_null(strstr(error_current()->text, GROUPS_TOPIC_NAME));
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_groups_topic_is_internal_and_compacted),
		TEST(offsets_are_the_same_after_compaction),
		TEST(a_damaged_record_is_told_with_its_offset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
