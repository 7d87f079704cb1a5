/* Metadata, topics, configuration, coordinators: what administration tools see and do. */
#include "support_kafka.h"

static struct kafka_metadata_response *metadata_of(
	struct kafka_fixture *fixture, int16_t version, const char *const *names, int32_t count, bool create)
{
	struct kafka_metadata_request *message = MAKE(fixture, metadata_request);
	message->allow_auto_topic_creation = create;
	message->topics_count = count;
	message->topics = count >= 0 ? KAFKA_NEW(&fixture->arena, metadata_request_topic, count) : NULL;
	for (int32_t i = 0; i < count; i++)
		message->topics[i].name = slice_of_string(names[i]);
	return ask(fixture, 3, version, message);
}

static void metadata_tells_null_from_empty(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "a", 1);
	topic_make(fixture, "b", 3);
	assert_int_equal(metadata_of(fixture, 0, NULL, 0, false)->topics_count, 2); /* v0: empty is all */
	for (int16_t version = 1; version <= 9; version++) {
		assert_int_equal(metadata_of(fixture, version, NULL, 0, false)->topics_count, 0);
		struct kafka_metadata_response *all = metadata_of(fixture, version, NULL, -1, false);
		assert_int_equal(all->topics_count, 2); /* internal topics are hidden */
		assert_int_equal(all->topics[1].partitions_count, 3);
		assert_int_equal(all->topics[1].partitions[2].partition_index, 2);
		assert_int_equal(all->topics[1].partitions[2].leader_id, 1);
		assert_int_equal(all->topics[1].partitions[2].isr_nodes[0], 1);
		assert_int_equal(all->topics[1].partitions[2].leader_epoch, version >= 7 ? 0 : -1);
	}
}

static void controller_id_is_among_the_brokers(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_metadata_response *answer = metadata_of(fixture, 9, NULL, 0, false);
	assert_int_equal(answer->brokers_count, 1);
	assert_int_equal(answer->controller_id, answer->brokers[0].node_id);
	assert_true(slice_equal(answer->brokers[0].host, slice_of_string("127.0.0.1")));
	assert_int_equal(answer->brokers[0].port, 9092);
	assert_true(slice_equal(answer->cluster_id, slice_of_string("kappa")));
	struct kafka_describe_cluster_response *cluster =
		ask(fixture, 60, 1, MAKE(fixture, describe_cluster_request));
	assert_int_equal(cluster->controller_id, cluster->brokers[0].broker_id);
}

static void asking_for_a_topic_creates_it_where_both_sides_allow(void **state)
{
	struct kafka_fixture *fixture = *state;
	const char *names[] = {"fresh", "bad name!", "__hidden", ""};
	struct kafka_metadata_response *answer = metadata_of(fixture, 9, names, 4, false);
	assert_int_equal(answer->topics_count, 4); /* in the order they were asked for */
	assert_int_equal(answer->topics[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(answer->topics[1].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(answer->topics[2].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(answer->topics[3].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
	answer = metadata_of(fixture, 9, names, 4, true);
	assert_int_equal(answer->topics[0].error_code, KAFKA_NONE);
	assert_int_equal(answer->topics[0].partitions_count, 1);
	assert_int_equal(answer->topics[2].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	fixture->broker->auto_create_topics = false;
	const char *other[] = {"other"};
	assert_int_equal(
		metadata_of(fixture, 1, other, 1, true)->topics[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	fixture_restart(fixture);
	assert_int_equal(metadata_of(fixture, 9, NULL, -1, false)->topics_count, 1);
}

static void a_topic_asked_for_many_times_is_answered_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "wide", 1000);
	const char *names[500];
	for (int i = 0; i < 500; i++)
		names[i] = "wide";
	assert_int_equal(metadata_of(fixture, 9, names, 500, false)->topics_count, 1);
}

static void internal_topics_are_shown_only_when_asked_for(void **state)
{
	struct kafka_fixture *fixture = *state;
	const char *names[] = {"__kappa_topics"};
	struct kafka_metadata_response *answer = metadata_of(fixture, 9, names, 1, true);
	assert_int_equal(answer->topics[0].error_code, KAFKA_NONE);
	assert_true(answer->topics[0].is_internal);
	assert_int_equal(metadata_of(fixture, 9, NULL, -1, true)->topics_count, 0);
}

/* ---- topics ---- */

static struct kafka_create_topics_request *create_make(
	struct kafka_fixture *fixture, const char *name, int32_t partitions, int16_t replicas)
{
	struct kafka_create_topics_request *message = MAKE(fixture, create_topics_request);
	message->topics_count = 1;
	message->topics = MAKE(fixture, create_topics_request_topic);
	message->topics->name = slice_of_string(name);
	message->topics->num_partitions = partitions;
	message->topics->replication_factor = replicas;
	return message;
}

static void create_config(struct kafka_fixture *fixture, struct kafka_create_topics_request *message,
	const char *name, const char *value)
{
	struct kafka_create_topics_request_topic *topic = message->topics;
	struct kafka_create_topics_request_config *configs =
		KAFKA_NEW(&fixture->arena, create_topics_request_config, topic->configs_count + 1);
	for (int32_t i = 0; i < topic->configs_count; i++)
		configs[i] = topic->configs[i];
	configs[topic->configs_count].name = slice_of_string(name);
	configs[topic->configs_count].value = slice_of_string(value);
	topic->configs = configs;
	topic->configs_count += 1;
}

static struct kafka_create_topics_response_topic *created(
	struct kafka_fixture *fixture, int16_t version, const struct kafka_create_topics_request *message)
{
	struct kafka_create_topics_response *answer = ask(fixture, 19, version, message);
	assert_int_equal(answer->topics_count, 1);
	return answer->topics;
}

static void topics_are_created_in_every_version(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const char *const names[] = {"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"};
	for (int16_t version = 0; version <= 7; version++) {
		struct kafka_create_topics_request *message = create_make(fixture, names[version], 2, 1);
		assert_int_equal(created(fixture, version, message)->error_code, KAFKA_NONE);
		assert_int_equal(created(fixture, version, message)->error_code, KAFKA_TOPIC_ALREADY_EXISTS);
	}
	fixture_restart(fixture);
	assert_int_equal(metadata_of(fixture, 9, NULL, -1, false)->topics_count, 8);
}

static void create_topics_accepts_replication_minus_one(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_create_topics_response_topic *answer =
		created(fixture, 5, create_make(fixture, "defaults", -1, -1));
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->num_partitions, 1);
	assert_int_equal(answer->replication_factor, 1);
}

static void topic_ids_are_never_zero_and_change_with_the_incarnation(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const uint8_t zero[16];
	uint8_t first[16];
	memcpy(first, created(fixture, 7, create_make(fixture, "t", 1, 1))->topic_id, 16);
	assert_memory_not_equal(first, zero, 16);
	struct kafka_delete_topics_request *message = MAKE(fixture, delete_topics_request);
	message->topics_count = 1;
	message->topics = MAKE(fixture, delete_topics_request_topic);
	memcpy(message->topics->topic_id, first, 16);
	struct kafka_delete_topics_response *deleted = ask(fixture, 20, 6, message);
	assert_int_equal(deleted->responses->error_code, KAFKA_NONE);
	assert_true(slice_equal(deleted->responses->name, slice_of_string("t")));
	deleted = ask(fixture, 20, 6, message);
	assert_int_equal(deleted->responses->error_code, KAFKA_UNKNOWN_TOPIC_ID);
	uint8_t *second = created(fixture, 7, create_make(fixture, "t", 1, 1))->topic_id;
	assert_memory_not_equal(first, second, 16);
}

static void impossible_topics_are_refused_with_words(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const struct {
		const char *name;
		int32_t partitions;
		int16_t replicas, expected;
	} cases[] = {
		{"t", 0, 1, KAFKA_INVALID_PARTITIONS},
		{"t", 1025, 1, KAFKA_INVALID_PARTITIONS},
		{"t", -2, 1, KAFKA_INVALID_PARTITIONS},
		{"t", 1, 3, KAFKA_INVALID_REPLICATION_FACTOR},
		{"a b", 1, 1, KAFKA_INVALID_TOPIC_EXCEPTION},
		{"..", 1, 1, KAFKA_INVALID_TOPIC_EXCEPTION},
		{"", 1, 1, KAFKA_INVALID_TOPIC_EXCEPTION},
		{"__mine", 1, 1, KAFKA_INVALID_TOPIC_EXCEPTION},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kafka_create_topics_response_topic *answer =
			created(fixture, 6, create_make(fixture, cases[i].name, cases[i].partitions, cases[i].replicas));
		assert_int_equal(answer->error_code, cases[i].expected);
		assert_true(answer->error_message.size > 0);
	}
	struct kafka_create_topics_request *message = create_make(fixture, "t", 1, 1);
	create_config(fixture, message, "cleanup.policy", "shrink");
	assert_int_equal(created(fixture, 6, message)->error_code, KAFKA_INVALID_CONFIG);
	message = create_make(fixture, "t", 1, 1);
	create_config(fixture, message, "no.such.thing", "1");
	assert_int_equal(created(fixture, 6, message)->error_code, KAFKA_INVALID_CONFIG);
	message = create_make(fixture, "t", 1, 1);
	create_config(fixture, message, "retention.ms", "soon");
	assert_int_equal(created(fixture, 6, message)->error_code, KAFKA_INVALID_CONFIG);
	assert_int_equal(metadata_of(fixture, 9, NULL, -1, false)->topics_count, 0);
}

static void validate_only_creates_nothing(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_create_topics_request *message = create_make(fixture, "t", 4, 1);
	message->validate_only = true;
	struct kafka_create_topics_response_topic *answer = created(fixture, 6, message);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->num_partitions, 4);
	assert_int_equal(metadata_of(fixture, 9, NULL, -1, false)->topics_count, 0);
}

static void replicas_assigned_by_hand_must_be_on_the_only_broker(void **state)
{
	struct kafka_fixture *fixture = *state;
	int32_t us = 1, other = 2;
	struct kafka_create_topics_request *message = create_make(fixture, "t", -1, -1);
	message->topics->assignments_count = 2;
	message->topics->assignments = KAFKA_NEW(&fixture->arena, create_topics_assignment, 2);
	for (int32_t i = 0; i < 2; i++) {
		message->topics->assignments[i].partition_index = 1 - i;
		message->topics->assignments[i].broker_ids = &us;
		message->topics->assignments[i].broker_ids_count = 1;
	}
	message->topics->assignments[1].broker_ids = &other;
	assert_int_equal(created(fixture, 5, message)->error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
	message->topics->assignments[1].broker_ids = &us;
	message->topics->assignments[1].partition_index = 1;
	assert_int_equal(created(fixture, 5, message)->error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
	message->topics->assignments[1].partition_index = 0;
	assert_int_equal(created(fixture, 5, message)->num_partitions, 2);
}

static void topics_are_deleted_in_every_version(void **state)
{
	struct kafka_fixture *fixture = *state;
	for (int16_t version = 0; version <= 6; version++) {
		topic_make(fixture, "t", 1);
		struct kafka_delete_topics_request *message = MAKE(fixture, delete_topics_request);
		struct slice names[] = {
			slice_of_string("t"), slice_of_string("nosuch"), slice_of_string("__kappa_topics")};
		message->topic_names = names;
		message->topic_names_count = 3;
		message->topics = KAFKA_NEW(&fixture->arena, delete_topics_request_topic, 3);
		message->topics_count = 3;
		for (int i = 0; i < 3; i++)
			message->topics[i].name = names[i];
		struct kafka_delete_topics_response *answer = ask(fixture, 20, version, message);
		assert_int_equal(answer->responses_count, 3);
		assert_int_equal(answer->responses[0].error_code, KAFKA_NONE);
		assert_int_equal(answer->responses[1].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(answer->responses[2].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
		assert_int_equal(metadata_of(fixture, 9, NULL, -1, false)->topics_count, 0);
	}
}

/* ---- configuration ---- */

static struct kafka_describe_configs_result *described(struct kafka_fixture *fixture, int16_t version,
	int8_t type, const char *name, struct slice *keys, int32_t key_count)
{
	struct kafka_describe_configs_request *message = MAKE(fixture, describe_configs_request);
	message->resources_count = 1;
	message->resources = MAKE(fixture, describe_configs_resource);
	message->resources->resource_type = type;
	message->resources->resource_name = slice_of_string(name);
	message->resources->configuration_keys = keys;
	message->resources->configuration_keys_count = key_count;
	message->include_documentation = message->include_synonyms = true;
	struct kafka_describe_configs_response *answer = ask(fixture, 32, version, message);
	assert_int_equal(answer->results_count, 1);
	return answer->results;
}

static struct kafka_describe_configs_config *config_find(
	struct kafka_describe_configs_result *result, const char *name)
{
	for (int32_t i = 0; i < result->configs_count; i++) {
		if (slice_equal(result->configs[i].name, slice_of_string(name)))
			return &result->configs[i];
	}
	return NULL;
}

/* "DescribeConfigs without cleanup.policy crashes Schema Registry" */
static void describe_configs_has_cleanup_policy(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	for (int16_t version = 0; version <= 4; version++) {
		struct kafka_describe_configs_result *result = described(fixture, version, 2, "t", NULL, -1);
		struct kafka_describe_configs_config *policy = config_find(result, "cleanup.policy");
		assert_non_null(policy);
		assert_true(slice_equal(policy->value, slice_of_string("delete")));
		if (version == 0)
			assert_true(policy->is_default);
		else
			assert_int_equal(policy->config_source, 5);
	}
	struct slice key = slice_of_string("retention.ms");
	struct kafka_describe_configs_result *one = described(fixture, 4, 2, "t", &key, 1);
	assert_int_equal(one->configs_count, 1);
	assert_true(slice_equal(one->configs[0].value, slice_of_string("-1")));
	assert_int_equal(
		described(fixture, 1, 2, "nosuch", NULL, -1)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_non_null(config_find(described(fixture, 1, 4, "1", NULL, -1), "auto.create.topics.enable"));
	assert_int_equal(described(fixture, 1, 4, "7", NULL, -1)->error_code, KAFKA_INVALID_REQUEST);
	assert_int_equal(described(fixture, 1, 9, "x", NULL, -1)->error_code, KAFKA_INVALID_REQUEST);
}

/* "described configs rejected on write-back" */
static void described_configs_are_accepted_on_write_back(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_create_topics_request *message = create_make(fixture, "t", 1, 1);
	create_config(fixture, message, "segment.bytes", "123456");
	create_config(fixture, message, "max.message.bytes", "5000");
	assert_int_equal(created(fixture, 5, message)->error_code, KAFKA_NONE);
	struct kafka_describe_configs_result *result = described(fixture, 4, 2, "t", NULL, -1);
	struct kafka_create_topics_request *copy = create_make(fixture, "copy", 1, 1);
	for (int32_t i = 0; i < result->configs_count; i++)
		create_config(fixture, copy, kafka_text(&fixture->arena, result->configs[i].name),
			kafka_text(&fixture->arena, result->configs[i].value));
	struct kafka_create_topics_response_topic *answer = created(fixture, 5, copy);
	assert_int_equal(answer->error_code, KAFKA_NONE);
	assert_int_equal(answer->configs_count, result->configs_count);
	struct kafka_describe_configs_config *segment =
		config_find(described(fixture, 4, 2, "copy", NULL, -1), "segment.bytes");
	assert_true(slice_equal(segment->value, slice_of_string("123456")));
	assert_int_equal(segment->config_source, 1);
}

/* ---- coordinators ---- */

static void find_coordinator_answers_v0_to_v3_in_fields_and_v4_in_a_batch(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_find_coordinator_request *message = MAKE(fixture, find_coordinator_request);
	struct slice keys[] = {slice_of_string("g1"), slice_of_string("g2")};
	message->key = keys[0];
	message->coordinator_keys = keys;
	message->coordinator_keys_count = 2;
	/* Groups and, from version 1 on, transactions: it is always this broker. */
	for (int16_t version = 0; version <= 3; version++) {
		message->key_type = version >= 2;
		struct kafka_find_coordinator_response *answer = ask(fixture, 10, version, message);
		assert_int_equal(answer->error_code, KAFKA_NONE);
		assert_int_equal(answer->node_id, fixture->broker->node_id);
		assert_int_equal(answer->port, fixture->broker->port);
	}
	struct kafka_find_coordinator_response *answer = ask(fixture, 10, 4, message);
	assert_int_equal(answer->coordinators_count, 2);
	for (int32_t i = 0; i < 2; i++) {
		assert_true(slice_equal(answer->coordinators[i].key, keys[i]));
		assert_int_equal(answer->coordinators[i].error_code, KAFKA_NONE);
		assert_int_equal(answer->coordinators[i].node_id, fixture->broker->node_id);
		assert_true(slice_equal(answer->coordinators[i].host, slice_of_string(fixture->broker->host)));
	}
	message->key_type = 2;
	answer = ask(fixture, 10, 1, message);
	assert_int_equal(answer->error_code, KAFKA_INVALID_REQUEST);
	assert_true(answer->error_message.size > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(metadata_tells_null_from_empty),
		TEST(controller_id_is_among_the_brokers),
		TEST(asking_for_a_topic_creates_it_where_both_sides_allow),
		TEST(a_topic_asked_for_many_times_is_answered_once),
		TEST(internal_topics_are_shown_only_when_asked_for),
		TEST(topics_are_created_in_every_version),
		TEST(create_topics_accepts_replication_minus_one),
		TEST(topic_ids_are_never_zero_and_change_with_the_incarnation),
		TEST(impossible_topics_are_refused_with_words),
		TEST(validate_only_creates_nothing),
		TEST(replicas_assigned_by_hand_must_be_on_the_only_broker),
		TEST(topics_are_deleted_in_every_version),
		TEST(describe_configs_has_cleanup_policy),
		TEST(described_configs_are_accepted_on_write_back),
		TEST(find_coordinator_answers_v0_to_v3_in_fields_and_v4_in_a_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
