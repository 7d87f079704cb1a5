/* Topics altered over the wire: configuration, partitions, records deleted; and what is refused. */
#include "support_kafka.h"

#include "log/topic_config.h"

enum { TOPIC = 2, BROKER = 4, SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3 };

static struct kafka_describe_configs_result *described(
	struct kafka_fixture *fixture, int8_t type, const char *name)
{
	struct kafka_describe_configs_request *message = MAKE(fixture, describe_configs_request);
	message->include_synonyms = message->include_documentation = true;
	message->resources_count = 1;
	message->resources = MAKE(fixture, describe_configs_resource);
	message->resources->resource_type = type;
	message->resources->resource_name = slice_of_string(name);
	message->resources->configuration_keys_count = -1;
	struct kafka_describe_configs_response *answer = ask(fixture, 32, 4, message);
	assert_int_equal(answer->results->error_code, KAFKA_NONE);
	return answer->results;
}

static struct slice value_of(struct kafka_fixture *fixture, const char *topic, const char *name)
{
	struct kafka_describe_configs_result *result = described(fixture, TOPIC, topic);
	for (int32_t i = 0; i < result->configs_count; i++)
		if (slice_equal(result->configs[i].name, slice_of_string(name)))
			return result->configs[i].value;
	fail();
	return (struct slice){0};
}

static void check_value(
	struct kafka_fixture *fixture, const char *topic, const char *name, const char *expected)
{
	struct slice value = value_of(fixture, topic, name);
	assert_int_equal(value.size, strlen(expected));
	assert_memory_equal(value.data, expected, value.size);
}

/* One entry, incrementally. */
static int16_t change(struct kafka_fixture *fixture, const char *topic, int8_t operation, const char *name,
	const char *value, bool validate_only)
{
	struct kafka_incremental_alter_configs_request *message =
		MAKE(fixture, incremental_alter_configs_request);
	message->validate_only = validate_only;
	message->resources_count = 1;
	message->resources = MAKE(fixture, incremental_alter_configs_resource);
	message->resources->resource_type = TOPIC;
	message->resources->resource_name = slice_of_string(topic);
	message->resources->configs_count = 1;
	message->resources->configs = MAKE(fixture, incremental_alter_configs_config);
	message->resources->configs->name = slice_of_string(name);
	message->resources->configs->config_operation = operation;
	message->resources->configs->value = value != NULL ? slice_of_string(value) : (struct slice){0};
	struct kafka_alter_configs_response *answer = ask(fixture, 44, validate_only ? 0 : 1, message);
	assert_int_equal(answer->responses_count, 1);
	assert_true(answer->responses->error_code == KAFKA_NONE || answer->responses->error_message.size > 0);
	return answer->responses->error_code;
}

static void described_configs_are_not_rejected_on_write_back(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	assert_int_equal(change(fixture, "t", SET, "retention.ms", "86400000", false), KAFKA_NONE);
	assert_int_equal(change(fixture, "t", SET, "cleanup.policy", "compact,delete", false), KAFKA_NONE);
	static const struct {
		int8_t type;
		const char *name;
	} resources[] = {{TOPIC, "t"}, {BROKER, "1"}, {BROKER, ""}};
	for (size_t r = 0; r < sizeof resources / sizeof resources[0]; r++) {
		struct kafka_describe_configs_result *result =
			described(fixture, resources[r].type, resources[r].name);
		assert_true(result->configs_count > 10);
		struct kafka_alter_configs_request *message = MAKE(fixture, alter_configs_request);
		message->resources_count = 1;
		message->resources = MAKE(fixture, alter_configs_resource);
		message->resources->resource_type = resources[r].type;
		message->resources->resource_name = slice_of_string(resources[r].name);
		message->resources->configs_count = result->configs_count;
		message->resources->configs = KAFKA_NEW(&fixture->arena, alter_configs_config, result->configs_count);
		for (int32_t i = 0; i < result->configs_count; i++) {
			assert_true(result->configs[i].documentation.size > 0);
			assert_true(result->configs[i].synonyms_count >= 1);
			message->resources->configs[i].name = result->configs[i].name;
			message->resources->configs[i].value = result->configs[i].value;
		}
		for (int16_t version = 0; version <= 2; version++) {
			struct kafka_alter_configs_response *answer = ask(fixture, 33, version, message);
			assert_int_equal(answer->responses->error_code, KAFKA_NONE);
			assert_int_equal(answer->responses->resource_type, resources[r].type);
		}
	}
	check_value(fixture, "t", "retention.ms", "86400000");
	check_value(fixture, "t", "cleanup.policy", "compact,delete");
	/* AlterConfigs replaces: what is not sent goes back to its default. */
	struct kafka_alter_configs_request *message = MAKE(fixture, alter_configs_request);
	message->resources_count = 1;
	message->resources = MAKE(fixture, alter_configs_resource);
	message->resources->resource_type = TOPIC;
	message->resources->resource_name = slice_of_string("t");
	message->validate_only = true;
	assert_int_equal(
		((struct kafka_alter_configs_response *)ask(fixture, 33, 2, message))->responses->error_code, 0);
	check_value(fixture, "t", "retention.ms", "86400000");
	message->validate_only = false;
	assert_int_equal(
		((struct kafka_alter_configs_response *)ask(fixture, 33, 2, message))->responses->error_code, 0);
	check_value(fixture, "t", "retention.ms", "-1");
	check_value(fixture, "t", "cleanup.policy", "delete");
}

static void configs_change_one_by_one_and_survive_a_restart(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	assert_int_equal(change(fixture, "t", APPEND, "cleanup.policy", "compact", false), KAFKA_NONE);
	check_value(fixture, "t", "cleanup.policy", "compact,delete");
	assert_int_equal(change(fixture, "t", SUBTRACT, "cleanup.policy", "delete", false), KAFKA_NONE);
	check_value(fixture, "t", "cleanup.policy", "compact");
	assert_int_equal(
		change(fixture, "t", SUBTRACT, "cleanup.policy", "compact", false), KAFKA_INVALID_CONFIG);
	assert_int_equal(change(fixture, "t", SET, "min.cleanable.dirty.ratio", "0.01", false), KAFKA_NONE);
	assert_int_equal(change(fixture, "t", SET, "segment.ms", "60000", true), KAFKA_NONE);
	fixture_restart(fixture);
	check_value(fixture, "t", "cleanup.policy", "compact");
	check_value(fixture, "t", "min.cleanable.dirty.ratio", "0.01");
	check_value(fixture, "t", "segment.ms", "604800000"); /* validate_only changed nothing */
	assert_int_equal(change(fixture, "t", DELETE, "min.cleanable.dirty.ratio", NULL, false), KAFKA_NONE);
	check_value(fixture, "t", "min.cleanable.dirty.ratio", "0.5");
	assert_int_equal(change(fixture, "t", SET, "retention.ms", "soon", false), KAFKA_INVALID_CONFIG);
	assert_int_equal(change(fixture, "t", SET, "retention.ms", NULL, false), KAFKA_INVALID_CONFIG);
	assert_int_equal(change(fixture, "t", SET, "no.such", "1", false), KAFKA_INVALID_CONFIG);
	assert_int_equal(change(fixture, "t", 9, "retention.ms", "1", false), KAFKA_INVALID_CONFIG);
	assert_int_equal(change(fixture, "t", APPEND, "retention.ms", "1", false), KAFKA_INVALID_CONFIG);
	assert_int_equal(
		change(fixture, "t", SET, "message.timestamp.type", "LogAppendTime", false), KAFKA_INVALID_CONFIG);
	assert_int_equal(change(fixture, "t", SET, "max.compaction.lag.ms", "5", true), KAFKA_NONE);
	assert_int_equal(
		change(fixture, "gone", SET, "retention.ms", "1", false), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(
		change(fixture, "__kappa_topics", SET, "retention.ms", "1", false), KAFKA_INVALID_TOPIC_EXCEPTION);
}

static void max_message_bytes_is_enforced_when_altered(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer batch = {0};
	topic_make(fixture, "t", 1);
	batch_make(&batch, 300, 1000, CODEC_NONE, NULL);
	assert_true(batch.size > 2000);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_NONE);
	assert_int_equal(change(fixture, "t", SET, "max.message.bytes", "2000", false), KAFKA_NONE);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_MESSAGE_TOO_LARGE);
	assert_int_equal(change(fixture, "t", DELETE, "max.message.bytes", NULL, false), KAFKA_NONE);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_NONE);
	buffer_deinit(&batch);
}

static void the_brokers_settings_are_not_altered_over_the_wire(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const char *const names[] = {"broker.id", "no.such.setting"};
	for (size_t i = 0; i < 2; i++) {
		struct kafka_alter_configs_request *message = MAKE(fixture, alter_configs_request);
		message->resources_count = 1;
		message->resources = MAKE(fixture, alter_configs_resource);
		message->resources->resource_type = BROKER;
		message->resources->configs_count = 1;
		message->resources->configs = MAKE(fixture, alter_configs_config);
		message->resources->configs->name = slice_of_string(names[i]);
		message->resources->configs->value = slice_of_string("7");
		struct kafka_alter_configs_response *answer = ask(fixture, 33, 1, message);
		assert_int_equal(answer->responses->error_code, KAFKA_INVALID_CONFIG);
		assert_true(answer->responses->error_message.size > 0);
	}
}

/* ---- partitions ---- */

static struct kafka_create_partitions_request *grow_make(
	struct kafka_fixture *fixture, const char *topic, int32_t count)
{
	struct kafka_create_partitions_request *message = MAKE(fixture, create_partitions_request);
	message->topics_count = 1;
	message->topics = MAKE(fixture, create_partitions_topic);
	message->topics->name = slice_of_string(topic);
	message->topics->count = count;
	message->topics->assignments_count = -1;
	return message;
}

static int16_t grown(
	struct kafka_fixture *fixture, int16_t version, const struct kafka_create_partitions_request *message)
{
	struct kafka_create_partitions_response *answer = ask(fixture, 37, version, message);
	assert_int_equal(answer->results_count, 1);
	assert_true(answer->results->error_code == KAFKA_NONE || answer->results->error_message.size > 0);
	return answer->results->error_code;
}

static int32_t partitions_of(struct kafka_fixture *fixture, const char *topic)
{
	const struct topic *found;
	assert_int_equal(topic_find(fixture->log, topic, &found), STATUS_OK);
	return found->config->partitions;
}

static void partitions_are_added_in_every_version(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer batch = {0};
	topic_make(fixture, "t", 1);
	batch_make(&batch, 3, 1000, CODEC_NONE, NULL);
	for (int16_t version = 0; version <= 3; version++) {
		assert_int_equal(grown(fixture, version, grow_make(fixture, "t", 2 + version)), KAFKA_NONE);
		assert_int_equal(produce(fixture, "t", 1 + version, buffer_slice(&batch))->error_code, KAFKA_NONE);
	}
	assert_int_equal(grown(fixture, 2, grow_make(fixture, "t", 5)), KAFKA_INVALID_PARTITIONS);
	assert_int_equal(grown(fixture, 2, grow_make(fixture, "t", 4)), KAFKA_INVALID_PARTITIONS);
	assert_int_equal(grown(fixture, 2, grow_make(fixture, "t", 1025)), KAFKA_INVALID_PARTITIONS);
	assert_int_equal(grown(fixture, 2, grow_make(fixture, "gone", 4)), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(
		grown(fixture, 2, grow_make(fixture, "__kappa_topics", 4)), KAFKA_INVALID_TOPIC_EXCEPTION);
	/* Assigned by hand: each of the added ones, to the only broker. */
	struct kafka_create_partitions_request *message = grow_make(fixture, "t", 7);
	int32_t us = 1, another = 2;
	message->topics->assignments_count = 2;
	message->topics->assignments = KAFKA_NEW(&fixture->arena, create_partitions_assignment, 2);
	for (int i = 0; i < 2; i++) {
		message->topics->assignments[i].broker_ids = i == 0 ? &us : &another;
		message->topics->assignments[i].broker_ids_count = 1;
	}
	assert_int_equal(grown(fixture, 3, message), KAFKA_INVALID_REPLICA_ASSIGNMENT);
	message->topics->assignments[1].broker_ids = &us;
	message->validate_only = true;
	assert_int_equal(grown(fixture, 3, message), KAFKA_NONE);
	assert_int_equal(partitions_of(fixture, "t"), 5);
	message->validate_only = false;
	assert_int_equal(grown(fixture, 3, message), KAFKA_NONE);
	fixture_restart(fixture);
	assert_int_equal(partitions_of(fixture, "t"), 7);
	assert_int_equal(list_offset(fixture, "t", 4, -1)->offset, 3);
	buffer_deinit(&batch);
}

/* ---- records ---- */

static struct kafka_delete_records_response_partition *deleted(
	struct kafka_fixture *fixture, int16_t version, const char *topic, int32_t partition, int64_t offset)
{
	struct kafka_delete_records_request *message = MAKE(fixture, delete_records_request);
	message->topics_count = 1;
	message->topics = MAKE(fixture, delete_records_request_topic);
	message->topics->name = slice_of_string(topic);
	message->topics->partitions_count = 1;
	message->topics->partitions = MAKE(fixture, delete_records_request_partition);
	message->topics->partitions->partition_index = partition;
	message->topics->partitions->offset = offset;
	struct kafka_delete_records_response *answer = ask(fixture, 21, version, message);
	assert_int_equal(answer->topics->partitions->partition_index, partition);
	return answer->topics->partitions;
}

static void records_are_deleted_in_every_version_and_stay_deleted(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer batch = {0};
	topic_make(fixture, "t", 1);
	batch_make(&batch, 10, 1000, CODEC_NONE, NULL);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_NONE);
	for (int16_t version = 0; version <= 2; version++) {
		struct kafka_delete_records_response_partition *answer =
			deleted(fixture, version, "t", 0, 3 + version);
		assert_int_equal(answer->error_code, KAFKA_NONE);
		assert_int_equal(answer->low_watermark, 3 + version);
	}
	fixture_restart(fixture);
	assert_int_equal(list_offset(fixture, "t", 0, -2)->offset, 5);
	assert_int_equal(list_offset(fixture, "t", 0, 1000)->offset, 5); /* the first record at or after 1000 */
	struct kafka_fetch_response *fetched = ask(fixture, 1, 12, fetch_make(fixture, "t", 0, 4, 1, 100));
	assert_int_equal(fetched->topics->partitions->error_code, KAFKA_OFFSET_OUT_OF_RANGE);
	fetched = ask(fixture, 1, 12, fetch_make(fixture, "t", 0, 5, 1, 100));
	assert_int_equal(fetched->topics->partitions->error_code, KAFKA_NONE);
	assert_int_equal(fetched->topics->partitions->log_start_offset, 5);
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->log_start_offset, 5);
	assert_int_equal(deleted(fixture, 2, "t", 0, 21)->error_code, KAFKA_OFFSET_OUT_OF_RANGE);
	assert_int_equal(deleted(fixture, 2, "t", 0, 21)->low_watermark, -1);
	assert_int_equal(deleted(fixture, 2, "t", 1, 2)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(deleted(fixture, 2, "__kappa_topics", 0, 2)->error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(deleted(fixture, 2, "t", 0, -1)->low_watermark, 20); /* all of it */
	assert_int_equal(list_offset(fixture, "t", 0, -2)->offset, 20);
	assert_int_equal(change(fixture, "t", SET, "cleanup.policy", "compact", false), KAFKA_NONE);
	assert_int_equal(deleted(fixture, 2, "t", 0, -1)->error_code, KAFKA_POLICY_VIOLATION);
	/* Compacted topics take keyed records only: these have none. */
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_INVALID_RECORD);
	buffer_deinit(&batch);
}

static void log_dirs_are_described_in_every_version(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct buffer batch = {0};
	topic_make(fixture, "t", 3);
	batch_make(&batch, 10, 1000, CODEC_NONE, NULL);
	assert_int_equal(produce(fixture, "t", 1, buffer_slice(&batch))->error_code, KAFKA_NONE);
	struct kafka_describe_log_dirs_request *message = MAKE(fixture, describe_log_dirs_request);
	for (int16_t version = 0; version <= 4; version++) {
		int32_t second = 1;
		message->topics_count = -1;
		struct kafka_describe_log_dirs_response *all = ask(fixture, 35, version, message);
		assert_int_equal(all->results_count, 1);
		assert_true(all->results->topics_count >= 2); /* the registry, too */
		assert_true(slice_equal(all->results->log_dir, slice_of_string(fixture->dir)));
		assert_true(version < 4 || all->results->total_bytes > 0);
		message->topics_count = 1;
		message->topics = MAKE(fixture, describe_log_dirs_request_topic);
		message->topics->topic = slice_of_string("t");
		message->topics->partitions = &second;
		message->topics->partitions_count = 1;
		struct kafka_describe_log_dirs_response *one = ask(fixture, 35, version, message);
		assert_int_equal(one->results->topics_count, 1);
		assert_int_equal(one->results->topics->partitions_count, 1);
		assert_int_equal(one->results->topics->partitions->partition_index, 1);
		assert_int_equal(one->results->topics->partitions->partition_size, (int64_t)batch.size);
	}
	buffer_deinit(&batch);
}

/* ---- what there is not ---- */

static void acls_answer_security_disabled(void **state)
{
	struct kafka_fixture *fixture = *state;
	for (int16_t version = 0; version <= 3; version++) {
		struct kafka_describe_acls_response *acls =
			ask(fixture, 29, version, MAKE(fixture, describe_acls_request));
		assert_int_equal(acls->error_code, KAFKA_SECURITY_DISABLED);
		struct kafka_create_acls_request *create = MAKE(fixture, create_acls_request);
		create->creations_count = 2;
		create->creations = KAFKA_NEW(&fixture->arena, acl_creation, 2);
		struct kafka_create_acls_response *created = ask(fixture, 30, version, create);
		assert_int_equal(created->results_count, 2);
		assert_int_equal(created->results[1].error_code, KAFKA_SECURITY_DISABLED);
		struct kafka_delete_acls_request *filters = MAKE(fixture, delete_acls_request);
		filters->filters_count = 1;
		filters->filters = MAKE(fixture, acl_filter);
		struct kafka_delete_acls_response *gone = ask(fixture, 31, version, filters);
		assert_int_equal(gone->filter_results->error_code, KAFKA_SECURITY_DISABLED);
	}
}

static void leaders_and_replicas_stay_where_they_are(void **state)
{
	struct kafka_fixture *fixture = *state;
	int32_t partitions[] = {0, 5}, us = 1, another = 9;
	topic_make(fixture, "t", 1);
	for (int16_t version = 0; version <= 2; version++) {
		struct kafka_elect_leaders_request *elect = MAKE(fixture, elect_leaders_request);
		elect->topic_partitions_count = 1;
		elect->topic_partitions = MAKE(fixture, elect_leaders_request_topic);
		elect->topic_partitions->topic = slice_of_string("t");
		elect->topic_partitions->partitions = partitions;
		elect->topic_partitions->partitions_count = 2;
		struct kafka_elect_leaders_response *answer = ask(fixture, 43, version, elect);
		struct kafka_elect_leaders_partition *results = answer->replica_election_results->partition_result;
		assert_int_equal(results[0].error_code, KAFKA_ELECTION_NOT_NEEDED);
		assert_int_equal(results[1].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	}
	struct kafka_alter_reassignments_request *move = MAKE(fixture, alter_reassignments_request);
	move->topics_count = 1;
	move->topics = MAKE(fixture, alter_reassignments_request_topic);
	move->topics->name = slice_of_string("t");
	move->topics->partitions_count = 3;
	move->topics->partitions = KAFKA_NEW(&fixture->arena, alter_reassignments_request_partition, 3);
	move->topics->partitions[0].replicas_count = -1;
	move->topics->partitions[1].replicas = &us;
	move->topics->partitions[1].replicas_count = 1;
	move->topics->partitions[2].replicas = &another;
	move->topics->partitions[2].replicas_count = 1;
	struct kafka_alter_reassignments_response *moved = ask(fixture, 45, 0, move);
	assert_int_equal(moved->responses->partitions[0].error_code, KAFKA_NO_REASSIGNMENT_IN_PROGRESS);
	assert_int_equal(moved->responses->partitions[1].error_code, KAFKA_NONE);
	assert_int_equal(moved->responses->partitions[2].error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
	struct kafka_list_reassignments_request *list = MAKE(fixture, list_reassignments_request);
	list->topics_count = -1;
	struct kafka_list_reassignments_response *none = ask(fixture, 46, 0, list);
	assert_int_equal(none->error_code, KAFKA_NONE);
	assert_int_equal(none->topics_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(described_configs_are_not_rejected_on_write_back),
		TEST(configs_change_one_by_one_and_survive_a_restart),
		TEST(max_message_bytes_is_enforced_when_altered),
		TEST(the_brokers_settings_are_not_altered_over_the_wire),
		TEST(partitions_are_added_in_every_version),
		TEST(records_are_deleted_in_every_version_and_stay_deleted),
		TEST(log_dirs_are_described_in_every_version),
		TEST(acls_answer_security_disabled),
		TEST(leaders_and_replicas_stay_where_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
