/* What a request costs in proportion to its size: requests made to be as dear as possible, of every API and
 * version, and what is answered when the same thing is named many times.
 */
#include "support_kafka.h"

#include <time.h>

#include "log/topic_config.h"

enum {
	ELEMENTS = 4000,
	ELEMENTS_NESTED = 15, /* of every array, in each other */
	CONFIGURED_TOPIC = 2,
	CONFIGURED_BROKER = 4,
};

/* ---- requests of every form ---- */

enum naming { NAME_EMPTY, NAME_TOPIC, NAME_NEW, NAME_IMPOSSIBLE, NAMINGS };

struct bomb {
	struct arena *arena;
	enum naming naming;
	int target;      /* which of the request's arrays is long; −1 = all are, a little */
	int next;        /* array met, in the order of the tables */
	int32_t element; /* of an array, met last */
	int16_t version;
};

static bool is_array(enum kafka_type type)
{
	return type == KAFKA_ARRAY || type == KAFKA_INT32S || type == KAFKA_INT64S || type == KAFKA_STRINGS;
}

static int arrays_count(const struct kafka_schema *schema)
{
	int count = 0;
	for (size_t i = 0; i < schema->field_count; i++)
		if (is_array(schema->fields[i].type))
			count += 1 + (schema->fields[i].element != NULL ? arrays_count(schema->fields[i].element) : 0);
	return count;
}

static struct slice bomb_name(const struct bomb *bomb)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	int32_t i = bomb->element;
	char text[4] = {
		letters[i % 62], letters[i / 62 % 62], bomb->naming == NAME_IMPOSSIBLE ? '!' : '\0', '\0'};
	if (bomb->naming == NAME_EMPTY)
		return slice_of_string("");
	if (bomb->naming == NAME_TOPIC)
		return slice_of_string("t");
	return slice_of_string(arena_copy_string(bomb->arena, text));
}

/* Values that let a request get far. */
static int64_t bomb_number(const struct bomb *bomb, const struct kafka_field *field)
{
	if (strcmp(field->name, "resource_type") == 0)
		return bomb->element % 2 == 0 ? CONFIGURED_TOPIC : CONFIGURED_BROKER;
	if (strcmp(field->name, "num_partitions") == 0 || strcmp(field->name, "acks") == 0)
		return 1;
	if (strcmp(field->name, "count") == 0)
		return 2;
	if (strcmp(field->name, "replication_factor") == 0 || strcmp(field->name, "timestamp") == 0)
		return -1;
	return field->default_value;
}

static void struct_fill(struct bomb *bomb, const struct kafka_schema *schema, uint8_t *base);

static void array_fill(struct bomb *bomb, const struct kafka_field *field, uint8_t *base)
{
	int self = bomb->next++;
	int below = field->element != NULL ? arrays_count(field->element) : 0;
	bool on_the_way = bomb->target > self && bomb->target <= self + below;
	int32_t count = bomb->target == self ? ELEMENTS
					: on_the_way         ? 1
					: bomb->target == -1 ? ELEMENTS_NESTED
										 : 0;
	size_t size = field->type == KAFKA_ARRAY    ? field->element->size
				  : field->type == KAFKA_INT32S ? sizeof(int32_t)
				  : field->type == KAFKA_INT64S ? sizeof(int64_t)
												: sizeof(struct slice);
	uint8_t *items = field->type == KAFKA_ARRAY ? kafka_struct_new(bomb->arena, field->element, count)
												: arena_alloc_zeroed(bomb->arena, (size_t)count * size);
	for (int32_t i = 0; i < count; i++) {
		bomb->element = i;
		bomb->next = self + 1;
		if (field->type == KAFKA_ARRAY)
			struct_fill(bomb, field->element, items + (size_t)i * size);
		else if (field->type == KAFKA_STRINGS)
			((struct slice *)(void *)items)[i] = bomb_name(bomb);
		else if (field->type == KAFKA_INT32S)
			((int32_t *)(void *)items)[i] = i;
	}
	bomb->next = self + 1 + below;
	memcpy(base + field->offset, &items, sizeof items);
	memcpy(base + field->count_offset, &count, sizeof count);
}

static void struct_fill(struct bomb *bomb, const struct kafka_schema *schema, uint8_t *base)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		void *at = base + field->offset;
		int64_t number = bomb_number(bomb, field);
		if (is_array(field->type))
			array_fill(bomb, field, base);
		else if (field->type == KAFKA_STRING && field->nullable_from == NEVER)
			*(struct slice *)at = bomb_name(bomb);
		else if (field->type == KAFKA_BOOL)
			*(bool *)at = true;
		else if (field->type == KAFKA_INT8)
			*(int8_t *)at = (int8_t)number;
		else if (field->type == KAFKA_INT16)
			*(int16_t *)at = (int16_t)number;
		else if (field->type == KAFKA_INT32)
			*(int32_t *)at = (int32_t)number;
	}
}

/* Bytes it cost beyond what any request may. */
static int64_t bomb_ask(struct kafka_fixture *fixture, const struct kafka_api *api, const struct bomb *form)
{
	struct bomb bomb = *form;
	struct buffer bytes = {0};
	uint8_t *message = kafka_struct_new(bomb.arena, api->request, 1);
	struct_fill(&bomb, api->request, message);
	request_append(fixture, api->key, bomb.version, message, &bytes);
	uint64_t cost = fixture->broker->request_memory_bytes + fixture->broker->bytes_sent;
	status result = kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms);
	for (int i = 0; i < 20000 && result == STATUS_OK && !answer_is_there(fixture); i++) {
		result = turn(fixture);
		if (i > 3 && !answer_is_there(fixture))
			(void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	if (result == STATUS_OK && !answer_is_there(fixture))
		print_error("%s %d, array %d, naming %d is not answered\n", api->name, bomb.version, bomb.target,
			bomb.naming);
	assert_true(result != STATUS_OK || answer_is_there(fixture));
	cost = fixture->broker->request_memory_bytes + fixture->broker->bytes_sent - cost;
	fixture->sent.size = 0;
	if (result != STATUS_OK)
		fixture_session_renew(fixture);
	int64_t allowed = KAFKA_REQUEST_BYTES_FREE + KAFKA_REQUEST_BYTES_PER_BYTE * (int64_t)bytes.size;
	if ((int64_t)cost > allowed)
		print_error("%s %d, array %d, naming %d: %zu bytes cost %llu, allowed are %lld\n", api->name,
			bomb.version, bomb.target, bomb.naming, bytes.size, (unsigned long long)cost, (long long)allowed);
	buffer_deinit(&bytes);
	return (int64_t)cost - allowed;
}

static void no_request_costs_more_than_a_small_multiple_of_its_size(void **state)
{
	struct kafka_fixture *fixture = *state;
	int too_dear = 0;
	fixture->broker->auto_create_topics = false;
	for (size_t i = 0; i < kafka_api_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		int arrays = arrays_count(api->request);
		for (int16_t version = api->version_min; version <= api->version_max; version++)
			for (int target = -1; target < arrays; target++)
				for (enum naming naming = 0; naming < NAMINGS; naming++) {
					/* CreateTopics 0 cannot but create them. */
					if (api->key == 19 && version == 0 && naming == NAME_NEW)
						continue;
					if (kafka_topic_find(fixture->log, slice_of_string("t")) == NULL)
						topic_make(fixture, "t", 1);
					struct arena arena;
					arena_init(&arena);
					struct bomb bomb = {
						.arena = &arena, .naming = naming, .target = target, .version = version};
					too_dear += bomb_ask(fixture, api, &bomb) > 0;
					arena_deinit(&arena);
				}
	}
	assert_int_equal(too_dear, 0);
}

/* ---- the same thing many times ---- */

enum { TIMES = 3000 };

static struct slice *same_name(struct kafka_fixture *fixture, const char *name)
{
	struct slice *names = arena_alloc(&fixture->arena, TIMES * sizeof *names);
	for (int i = 0; i < TIMES; i++)
		names[i] = slice_of_string(name);
	return names;
}

static void a_resource_asked_for_many_times_is_described_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct kafka_describe_configs_request *message = MAKE(fixture, describe_configs_request);
	message->resources_count = TIMES;
	message->resources = KAFKA_NEW(&fixture->arena, describe_configs_resource, TIMES);
	for (int i = 0; i < TIMES; i++) {
		message->resources[i].resource_type = i % 2 == 0 ? CONFIGURED_BROKER : CONFIGURED_TOPIC;
		message->resources[i].resource_name = slice_of_string(i % 2 == 0 ? "1" : "t");
	}
	struct kafka_describe_configs_response *answer = ask(fixture, 32, 4, message);
	assert_int_equal(answer->results_count, 2); /* in the order of their first mention */
	assert_int_equal(answer->results[0].resource_type, CONFIGURED_BROKER);
	assert_int_equal(answer->results[1].resource_type, CONFIGURED_TOPIC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(answer->results[i].error_code, KAFKA_NONE);
		assert_true(answer->results[i].configs_count > 10);
	}
}

static void topics_named_twice_are_refused_once_and_the_others_are_created(void **state)
{
	struct kafka_fixture *fixture = *state;
	static const char *const names[] = {"a", "twice", "b", "twice", "twice"};
	struct kafka_create_topics_request *create = MAKE(fixture, create_topics_request);
	create->topics_count = 5;
	create->topics = KAFKA_NEW(&fixture->arena, create_topics_request_topic, 5);
	for (int i = 0; i < 5; i++) {
		create->topics[i].name = slice_of_string(names[i]);
		create->topics[i].num_partitions = 1;
		create->topics[i].replication_factor = 1;
	}
	struct kafka_create_topics_response *created = ask(fixture, 19, 7, create);
	assert_int_equal(created->topics_count, 3);
	assert_int_equal(created->topics[0].error_code, KAFKA_NONE);
	assert_true(slice_equal(created->topics[1].name, slice_of_string("twice")));
	assert_int_equal(created->topics[1].error_code, KAFKA_INVALID_REQUEST);
	assert_true(created->topics[1].error_message.size > 0);
	assert_int_equal(created->topics[2].error_code, KAFKA_NONE);
	assert_null(kafka_topic_find(fixture->log, slice_of_string("twice")));
	struct kafka_create_partitions_request *grow = MAKE(fixture, create_partitions_request);
	grow->topics_count = 3;
	grow->topics = KAFKA_NEW(&fixture->arena, create_partitions_topic, 3);
	for (int i = 0; i < 3; i++) {
		grow->topics[i].name = slice_of_string(i < 2 ? "a" : "b");
		grow->topics[i].count = 2 + i;
	}
	struct kafka_create_partitions_response *grown = ask(fixture, 37, 3, grow);
	assert_int_equal(grown->results_count, 2);
	assert_int_equal(grown->results[0].error_code, KAFKA_INVALID_REQUEST);
	assert_int_equal(grown->results[1].error_code, KAFKA_NONE);
	assert_int_equal(kafka_topic_find(fixture->log, slice_of_string("a"))->config->partitions, 1);
	assert_int_equal(kafka_topic_find(fixture->log, slice_of_string("b"))->config->partitions, 4);
}

static void topics_to_be_deleted_twice_stay(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "a", 1);
	topic_make(fixture, "b", 1);
	for (int16_t version = 5; version <= 6; version++) {
		struct kafka_delete_topics_request *message = MAKE(fixture, delete_topics_request);
		struct slice names[] = {slice_of_string("a"), slice_of_string("a"), slice_of_string("none")};
		message->topic_names = names;
		message->topic_names_count = version < 6 ? 3 : 0;
		message->topics = KAFKA_NEW(&fixture->arena, delete_topics_request_topic, 3);
		message->topics_count = version < 6 ? 0 : 3;
		message->topics[0].name = slice_of_string("b"); /* 1 and 2: the same id */
		kafka_topic_uuid(kafka_topic_find(fixture->log, slice_of_string("a")), message->topics[1].topic_id);
		memcpy(message->topics[2].topic_id, message->topics[1].topic_id, 16);
		struct kafka_delete_topics_response *answer = ask(fixture, 20, version, message);
		assert_int_equal(answer->responses_count, 2);
		const struct kafka_delete_topics_result *twice = &answer->responses[version < 6 ? 0 : 1];
		assert_int_equal(twice->error_code, KAFKA_INVALID_REQUEST);
		assert_true(twice->error_message.size > 0);
		assert_non_null(kafka_topic_find(fixture->log, slice_of_string("a")));
	}
	assert_null(kafka_topic_find(fixture->log, slice_of_string("b")));
}

static void a_resource_altered_twice_is_refused_and_stays_as_it_is(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	topic_make(fixture, "u", 1);
	struct kafka_incremental_alter_configs_request *message =
		MAKE(fixture, incremental_alter_configs_request);
	message->resources_count = 3;
	message->resources = KAFKA_NEW(&fixture->arena, incremental_alter_configs_resource, 3);
	for (int i = 0; i < 3; i++) {
		message->resources[i].resource_type = CONFIGURED_TOPIC;
		message->resources[i].resource_name = slice_of_string(i < 2 ? "t" : "u");
		message->resources[i].configs_count = 1;
		message->resources[i].configs = MAKE(fixture, incremental_alter_configs_config);
		message->resources[i].configs->name = slice_of_string("retention.ms");
		message->resources[i].configs->value = slice_of_string("86400000");
	}
	struct kafka_alter_configs_response *answer = ask(fixture, 44, 1, message);
	assert_int_equal(answer->responses_count, 2);
	assert_int_equal(answer->responses[0].error_code, KAFKA_INVALID_REQUEST);
	assert_int_equal(answer->responses[1].error_code, KAFKA_NONE);
	assert_int_equal(kafka_topic_find(fixture->log, slice_of_string("t"))->config->retention_ms, -1);
	assert_int_equal(kafka_topic_find(fixture->log, slice_of_string("u"))->config->retention_ms, 86400000);
}

/* Creation is one thing, telling the configuration another. */
static void the_configuration_of_new_topics_is_told_while_there_is_room(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_create_topics_request *message = MAKE(fixture, create_topics_request);
	message->validate_only = true;
	message->topics_count = TIMES;
	message->topics = KAFKA_NEW(&fixture->arena, create_topics_request_topic, TIMES);
	for (int i = 0; i < TIMES; i++) {
		message->topics[i].name = slice_of_string(arena_printf(&fixture->arena, "n%d", i));
		message->topics[i].num_partitions = 1;
		message->topics[i].replication_factor = 1;
	}
	struct kafka_create_topics_response *answer = ask(fixture, 19, 5, message);
	assert_int_equal(answer->topics_count, TIMES);
	int told = 0;
	for (int i = 0; i < TIMES; i++) {
		assert_int_equal(answer->topics[i].error_code, KAFKA_NONE);
		assert_int_equal(answer->topics[i].num_partitions, 1);
		bool here = answer->topics[i].topic_config_error_code == KAFKA_NONE;
		assert_int_equal(answer->topics[i].configs_count, here ? (int)topic_config_entry_count() : -1);
		assert_true(here || answer->topics[i].topic_config_error_code == KAFKA_INVALID_REQUEST);
		told += here;
	}
	assert_in_range(told, 100, TIMES - 100);
}

static void offsets_with_much_metadata_are_answered_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	struct kafka_offset_commit_request *commit = offset_commit_make(fixture, "g");
	commit->topics->partitions->committed_offset = 7;
	uint8_t *metadata = memset(arena_alloc(&fixture->arena, 4096), 'm', 4096);
	commit->topics->partitions->committed_metadata = slice_of(metadata, 4096);
	struct kafka_offset_commit_response *committed = ask(fixture, 8, 8, commit);
	assert_int_equal(committed->topics->partitions->error_code, KAFKA_NONE);
	struct kafka_offset_fetch_request *fetch = MAKE(fixture, offset_fetch_request);
	fetch->group_id = slice_of_string("g");
	fetch->topics_count = 2; /* the second names a partition of the first, and another */
	fetch->topics = KAFKA_NEW(&fixture->arena, offset_fetch_request_topic, 2);
	fetch->topics[0].name = fetch->topics[1].name = slice_of_string("t");
	fetch->topics[0].partition_indexes = arena_alloc_zeroed(&fixture->arena, TIMES * sizeof(int32_t));
	fetch->topics[0].partition_indexes_count = TIMES;
	int32_t both[] = {0, 1};
	fetch->topics[1].partition_indexes = both;
	fetch->topics[1].partition_indexes_count = 2;
	uint64_t before = fixture->broker->bytes_sent;
	struct kafka_offset_fetch_response *answer = ask(fixture, 9, 7, fetch);
	assert_true(fixture->broker->bytes_sent - before < 2 * 4096);
	assert_int_equal(answer->topics_count, 2);
	assert_int_equal(answer->topics[0].partitions_count, 1);
	assert_int_equal(answer->topics[0].partitions->committed_offset, 7);
	assert_int_equal(answer->topics[0].partitions->metadata.size, 4096);
	assert_int_equal(answer->topics[1].partitions_count, 1);
	assert_int_equal(answer->topics[1].partitions->partition_index, 1);
	assert_int_equal(answer->topics[1].partitions->committed_offset, -1);
}

static void all_of_a_topics_sizes_are_answered_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 100);
	struct kafka_describe_log_dirs_request *message = MAKE(fixture, describe_log_dirs_request);
	message->topics_count = TIMES;
	message->topics = KAFKA_NEW(&fixture->arena, describe_log_dirs_request_topic, TIMES);
	int32_t number = 7;
	for (int i = 0; i < TIMES; i++)
		message->topics[i].topic = slice_of_string("t");
	message->topics[5].partitions = &number;
	message->topics[5].partitions_count = 1;
	struct kafka_describe_log_dirs_response *answer = ask(fixture, 35, 4, message);
	assert_int_equal(answer->results->topics_count, 2);
	assert_int_equal(answer->results->topics[0].partitions_count, 100);
	assert_int_equal(answer->results->topics[1].partitions_count, 1);
	assert_int_equal(answer->results->topics[1].partitions->partition_index, 7);
}

static void producers_of_a_partition_are_answered_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 1);
	struct buffer batch = {0};
	batch_make(&batch, 1, 1000, CODEC_NONE, &(struct record_batch_producer){.id = 5});
	assert_int_equal(produce(fixture, "t", 0, buffer_slice(&batch))->error_code, KAFKA_NONE);
	buffer_deinit(&batch);
	struct kafka_describe_producers_request *message = MAKE(fixture, describe_producers_request);
	message->topics_count = 1;
	message->topics = MAKE(fixture, describe_producers_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partition_indexes = arena_alloc_zeroed(&fixture->arena, TIMES * sizeof(int32_t));
	message->topics->partition_indexes_count = TIMES;
	struct kafka_describe_producers_response *answer = ask(fixture, 61, 0, message);
	assert_int_equal(answer->topics->partitions_count, 1);
	assert_int_equal(answer->topics->partitions->active_producers_count, 1);
}

static void names_that_cost_a_byte_are_answered_once(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct kafka_find_coordinator_request *find = MAKE(fixture, find_coordinator_request);
	find->coordinator_keys = same_name(fixture, "g");
	find->coordinator_keys_count = TIMES;
	struct kafka_find_coordinator_response *found = ask(fixture, 10, 4, find);
	assert_int_equal(found->coordinators_count, 1);
	struct kafka_describe_transactions_request *describe = MAKE(fixture, describe_transactions_request);
	describe->transactional_ids = same_name(fixture, "x");
	describe->transactional_ids_count = TIMES;
	struct kafka_describe_transactions_response *described = ask(fixture, 65, 0, describe);
	assert_int_equal(described->transaction_states_count, 1);
	struct kafka_delete_groups_request *delete = MAKE(fixture, delete_groups_request);
	delete->groups_names = same_name(fixture, "g");
	delete->groups_names_count = TIMES;
	struct kafka_delete_groups_response *deleted = ask(fixture, 42, 2, delete);
	assert_int_equal(deleted->results_count, 1);
	assert_int_equal(deleted->results->error_code, KAFKA_GROUP_ID_NOT_FOUND);
}

static void a_partition_whose_offset_is_asked_for_twice_is_refused(void **state)
{
	struct kafka_fixture *fixture = *state;
	topic_make(fixture, "t", 2);
	struct kafka_list_offsets_request *message = MAKE(fixture, list_offsets_request);
	message->replica_id = -1;
	message->topics_count = 1;
	message->topics = MAKE(fixture, list_offsets_request_topic);
	message->topics->name = slice_of_string("t");
	message->topics->partitions_count = 3;
	message->topics->partitions = KAFKA_NEW(&fixture->arena, list_offsets_request_partition, 3);
	for (int i = 0; i < 3; i++) {
		message->topics->partitions[i].partition_index = i / 2;
		message->topics->partitions[i].timestamp = i == 0 ? -1 : -2;
	}
	struct kafka_list_offsets_response *answer = ask(fixture, 2, 7, message);
	assert_int_equal(answer->topics->partitions_count, 3);
	assert_int_equal(answer->topics->partitions[0].error_code, KAFKA_INVALID_REQUEST);
	assert_int_equal(answer->topics->partitions[1].error_code, KAFKA_INVALID_REQUEST);
	assert_int_equal(answer->topics->partitions[2].error_code, KAFKA_NONE);
	assert_int_equal(answer->topics->partitions[2].offset, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_request_costs_more_than_a_small_multiple_of_its_size),
		TEST(a_resource_asked_for_many_times_is_described_once),
		TEST(topics_named_twice_are_refused_once_and_the_others_are_created),
		TEST(topics_to_be_deleted_twice_stay),
		TEST(a_resource_altered_twice_is_refused_and_stays_as_it_is),
		TEST(the_configuration_of_new_topics_is_told_while_there_is_room),
		TEST(offsets_with_much_metadata_are_answered_once),
		TEST(all_of_a_topics_sizes_are_answered_once),
		TEST(producers_of_a_partition_are_answered_once),
		TEST(names_that_cost_a_byte_are_answered_once),
		TEST(a_partition_whose_offset_is_asked_for_twice_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
