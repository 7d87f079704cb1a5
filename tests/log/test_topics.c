/* The topic registry: what it promises to remember, and what interrupted work leaves behind. */
#include "log/topic_config.h"
#include "support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/memory.h"

static int setup(void **state)
{
	static struct fixture fixture;
	fixture_begin(&fixture, 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	return 0;
}

static void path_in_log(const struct fixture *fixture, const char *name, char path[FIXTURE_PATH_MAX * 2])
{
	(void)snprintf(path, FIXTURE_PATH_MAX * 2, "%s/%s", fixture->log_dir, name);
}

static void topics_and_their_configuration_survive_reopen(void **state)
{
	struct fixture *fixture = *state;
	const struct topic *topic;
	struct topic_config config = topic_config_default();
	config.partitions = 3;
	config.segment_bytes = 12345;
	config.message_bytes_max = 6789;
	assert_ok(topic_create(fixture->log, "orders.v1_x-2", &config));
	config = topic_config_default();
	config.internal = true;
	assert_ok(topic_create(fixture->log, "__offsets", &config));
	for (int round = 0; round < 2; round++) {
		assert_ok(topic_find(fixture->log, "orders.v1_x-2", &topic));
		assert_string_equal(topic->name, "orders.v1_x-2");
		assert_int_equal(topic->config->partitions, 3);
		assert_int_equal(topic->config->segment_bytes, 12345);
		assert_int_equal(topic->config->message_bytes_max, 6789);
		assert_int_equal(topic->config->retention_ms, -1);
		assert_int_equal(topic->config->retention_bytes, -1);
		assert_false(topic->config->internal);
		for (int32_t i = 0; i < 3; i++) {
			assert_ptr_equal(partition_topic(topic_partition(topic, i)), topic);
			assert_int_equal(partition_number(topic_partition(topic, i)), i);
		}
		assert_ok(topic_find(fixture->log, "__offsets", &topic));
		assert_true(topic->config->internal);
		assert_int_equal(topic->config->segment_bytes, 256 << 20);
		assert_int_equal(topic->config->message_bytes_max, 16 << 20);
		const struct topic **list;
		size_t count;
		topic_list(fixture->log, &list, &count);
		assert_int_equal(count, 3);
		assert_string_equal(list[0]->name, "__kappa_topics");
		assert_string_equal(list[1]->name, "__offsets");
		assert_string_equal(list[2]->name, "orders.v1_x-2");
		mem_free(list);
		fixture_reopen(fixture);
	}
	assert_int_equal(topic_find(fixture->log, "orders", &topic), STATUS_NOT_FOUND);
}

static void what_cannot_be_a_topic_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct topic_config config = topic_config_default();
	char long_name[TOPIC_NAME_MAX + 2];
	memset(long_name, 'x', sizeof long_name);
	long_name[TOPIC_NAME_MAX + 1] = '\0';
	const char *const bad[] = {"", ".", "..", "a/b", "a b", "ä", "a\n", long_name};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(topic_create(fixture->log, bad[i], &config), STATUS_INVALID);
	config.partitions = 0;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_INVALID);
	config.partitions = TOPIC_PARTITIONS_MAX + 1;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_INVALID);
	config = topic_config_default();
	config.segment_bytes = (int64_t)INT32_MAX + 1;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_INVALID);
	config = topic_config_default();
	config.retention_ms = -2;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_INVALID);
	config = topic_config_default();
	config.cleanup_policy = 0;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_INVALID);
	config = topic_config_default();
	config.internal = true;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_INVALID);
	/* The longest name works, with the largest number. */
	long_name[TOPIC_NAME_MAX] = '\0';
	config = topic_config_default();
	config.partitions = 12;
	assert_ok(topic_create(fixture->log, long_name, &config));
	assert_int_equal(topic_create(fixture->log, long_name, &config), STATUS_EXISTS);
	assert_ok(topic_delete(fixture->log, long_name));
	assert_int_equal(topic_delete(fixture->log, long_name), STATUS_NOT_FOUND);
	assert_int_equal(topic_delete(fixture->log, "__kappa_topics"), STATUS_INVALID);
}

static void a_topic_created_again_knows_nothing_of_its_former_life(void **state)
{
	struct fixture *fixture = *state;
	const struct topic *first, *second;
	struct buffer bytes;
	char path[FIXTURE_PATH_MAX * 2];
	int64_t base;
	buffer_init(&bytes);
	topic_make(fixture, "t", 2);
	assert_ok(topic_find(fixture->log, "t", &first));
	struct partition *old = topic_partition(first, 0);
	append_values(fixture->log, old, 0, 10, 0);
	assert_ok(topic_delete(fixture->log, "t"));
	assert_int_equal(topic_find(fixture->log, "t", &second), STATUS_NOT_FOUND);
	path_in_log(fixture, "t-0", path);
	assert_false(file_exists(path));
	/* Old pointers are still good to ask. */
	assert_int_equal(append_try(fixture->log, old, 0, 1, 0, NULL, &base), STATUS_NOT_FOUND);
	assert_int_equal(partition_read(old, 0, 100, &bytes), STATUS_NOT_FOUND);
	assert_int_equal(partition_find_time(old, 0, &base, &base), STATUS_NOT_FOUND);
	assert_string_equal(partition_topic(old)->name, "t");
	topic_make(fixture, "t", 1);
	assert_ok(topic_find(fixture->log, "t", &second));
	assert_ptr_not_equal(first, second);
	assert_int_not_equal(first->incarnation, second->incarnation);
	uint64_t incarnation = second->incarnation;
	assert_int_equal(partition_high_watermark(topic_partition(second, 0)), 0);
	append_values(fixture->log, topic_partition(second, 0), 0, 3, 0);
	fixture_reopen(fixture);
	assert_ok(topic_find(fixture->log, "t", &second));
	assert_int_equal(second->incarnation, incarnation);
	assert_int_equal(second->config->partitions, 1);
	assert_int_equal(check_values(topic_partition(second, 0), 0, NULL), 3);
	path_in_log(fixture, "t-1", path);
	assert_false(file_exists(path));
	buffer_deinit(&bytes);
}

static void directories_of_an_interrupted_deletion_go_away(void **state)
{
	struct fixture *fixture = *state;
	char kept[FIXTURE_PATH_MAX * 2], dir[FIXTURE_PATH_MAX * 2], deleted[FIXTURE_PATH_MAX * 2];
	topic_make(fixture, "t", 1);
	append_values(fixture->log, partition_of(fixture, "t", 0), 0, 10, 0);
	path_in_log(fixture, "t-0", dir);
	path_in_log(fixture, "t-0.7.deleted", deleted);
	(void)snprintf(kept, sizeof kept, "%s/kept", fixture->dir);
	directory_copy(dir, kept);
	assert_ok(topic_delete(fixture->log, "t"));
	fixture_close(fixture);
	/* The record was written, the directory not yet renamed. */
	directory_copy(kept, dir);
	directory_copy(kept, deleted);
	fixture_open(fixture);
	assert_false(file_exists(dir));
	assert_false(file_exists(deleted));
	/* The same while the log runs: a new topic of that name begins empty. */
	directory_copy(kept, dir);
	topic_make(fixture, "t", 1);
	assert_int_equal(partition_high_watermark(partition_of(fixture, "t", 0)), 0);
	fixture_reopen(fixture);
	assert_int_equal(partition_high_watermark(partition_of(fixture, "t", 0)), 0);
}

static void directories_of_an_interrupted_creation_go_away(void **state)
{
	struct fixture *fixture = *state;
	char dir[FIXTURE_PATH_MAX * 2], file[FIXTURE_PATH_MAX * 3];
	fixture_close(fixture);
	path_in_log(fixture, "t-0", dir);
	assert_ok(directory_create(dir));
	path_in_log(fixture, "t-1", dir);
	assert_ok(directory_create(dir));
	(void)snprintf(file, sizeof file, "%s/00000000000000000000.log", dir);
	assert_ok(file_write_all(file, (struct slice){0}));
	fixture_open(fixture);
	assert_false(file_exists(dir));
	topic_make(fixture, "t", 2);
	append_values(fixture->log, partition_of(fixture, "t", 1), 0, 1, 0);
}

static void records_that_no_topic_owns_are_refused_not_removed(void **state)
{
	struct fixture *fixture = *state;
	char dir[FIXTURE_PATH_MAX * 2], stranger[FIXTURE_PATH_MAX * 2];
	topic_make(fixture, "t", 1);
	append_values(fixture->log, partition_of(fixture, "t", 0), 0, 10, 0);
	fixture_close(fixture);
	path_in_log(fixture, "t-0", dir);
	path_in_log(fixture, "stranger-0", stranger);
	directory_copy(dir, stranger);
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	assert_non_null(strstr(error_current()->text, "stranger-0"));
	assert_true(file_exists(stranger));
	assert_ok(directory_remove(stranger));
	fixture_open(fixture);
}

static void a_lost_registry_or_partition_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char registry[FIXTURE_PATH_MAX * 2], dir[FIXTURE_PATH_MAX * 2], away[FIXTURE_PATH_MAX * 2];
	topic_make(fixture, "t", 1);
	append_values(fixture->log, partition_of(fixture, "t", 0), 0, 10, 0);
	fixture_close(fixture);
	path_in_log(fixture, "__kappa_topics-0", registry);
	path_in_log(fixture, "t-0", dir);
	(void)snprintf(away, sizeof away, "%s/away", fixture->dir);
	assert_ok(file_rename(registry, away));
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	assert_ok(directory_create(registry)); /* an empty one is no better */
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	if (file_exists(registry))
		assert_ok(directory_remove(registry));
	assert_ok(file_rename(away, registry));
	assert_ok(file_rename(dir, away));
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	assert_non_null(strstr(error_current()->text, "t-0"));
	assert_ok(file_rename(away, dir));
	fixture_open(fixture);
	assert_int_equal(check_values(partition_of(fixture, "t", 0), 0, NULL), 10);
}

static void producer_ids_are_never_given_twice(void **state)
{
	struct fixture *fixture = *state;
	int64_t last = -1, now = -1;
	for (int i = 0; i < 2500; i++) {
		assert_ok(log_producer_id_allocate(fixture->log, &now));
		assert_true(now > last);
		last = now;
		if (i % 400 == 0)
			fixture_reopen(fixture);
	}
}

static _Atomic int advanced_calls;

static void count_advanced(void *context)
{
	(void)context;
	advanced_calls++;
}

static void wait_for_advance(int before)
{
	for (int i = 0; i < 5000 && advanced_calls == before; i++)
		usleep(1000);
	assert_true(advanced_calls > before);
}

static void advanced_tells_of_appends_and_topics(void **state)
{
	struct fixture *fixture = *state;
	struct log_options options = {.dir = fixture->log_dir, .advanced = count_advanced};
	fixture_close(fixture);
	assert_ok(log_open(&options, &fixture->log));
	int before = advanced_calls;
	topic_make(fixture, "t", 1);
	wait_for_advance(before);
	usleep(20000); /* both the registry's append and the creation call; let them pass */
	before = advanced_calls;
	append_values(fixture->log, partition_of(fixture, "t", 0), 0, 1, 0);
	wait_for_advance(before);
}

static status add_two_partitions(void *context, struct topic_config *config)
{
	(void)context;
	config->partitions += 2;
	return STATUS_OK;
}

static status refuse(void *context, struct topic_config *config)
{
	(void)context;
	config->partitions = 100;
	return error_raise(STATUS_INVALID, "no");
}

static void an_altered_topic_stays_altered_and_old_readers_keep_what_they_hold(void **state)
{
	struct fixture *fixture = *state;
	const struct topic *topic;
	topic_make(fixture, "t", 2);
	assert_ok(topic_find(fixture->log, "t", &topic));
	const struct topic_config *before = topic->config;
	struct partition *first = topic_partition(topic, 0);
	append_values(fixture->log, first, 0, 10, 0);
	struct topic_config config = *before;
	config.message_bytes_max = 4321;
	config.segment_ms = 77;
	config.dirty_ratio_min = 0.25;
	assert_ok(topic_alter(fixture->log, "t", &config));
	assert_ok(topic_alter_with(fixture->log, "t", add_two_partitions, NULL));
	assert_int_equal(topic_alter_with(fixture->log, "t", refuse, NULL), STATUS_INVALID);
	assert_int_equal(before->partitions, 2); /* still readable, and as it was */
	assert_ptr_equal(topic_partition(topic, 0), first);
	append_values(fixture->log, topic_partition(topic, 3), 0, 4, 0);
	uint64_t incarnation = topic->incarnation;
	for (int life = 0; life < 2; life++) {
		assert_ok(topic_find(fixture->log, "t", &topic));
		assert_int_equal(topic->incarnation, incarnation);
		assert_int_equal(topic->config->partitions, 4);
		assert_int_equal(topic->config->message_bytes_max, 4321);
		assert_int_equal(topic->config->segment_ms, 77);
		assert_true(topic->config->dirty_ratio_min == 0.25);
		assert_int_equal(check_values(topic_partition(topic, 0), 0, NULL), 10);
		assert_int_equal(check_values(topic_partition(topic, 3), 0, NULL), 4);
		assert_int_equal(partition_high_watermark(topic_partition(topic, 2)), 0);
		fixture_reopen(fixture);
	}
}

static void partitions_cannot_be_taken_away_nor_the_registry_be_altered(void **state)
{
	struct fixture *fixture = *state;
	struct topic_config config = topic_config_default();
	topic_make(fixture, "t", 3);
	config.partitions = 2;
	assert_int_equal(topic_alter(fixture->log, "t", &config), STATUS_INVALID);
	assert_true(error_current()->hint[0] != '\0');
	config.partitions = TOPIC_PARTITIONS_MAX + 1;
	assert_int_equal(topic_alter(fixture->log, "t", &config), STATUS_INVALID);
	config.partitions = 3;
	config.compaction_lag_ms_min = 5;
	config.compaction_lag_ms_max = 4;
	assert_int_equal(topic_alter(fixture->log, "t", &config), STATUS_INVALID);
	assert_int_equal(topic_alter(fixture->log, "nobody", &config), STATUS_NOT_FOUND);
	assert_int_equal(topic_alter(fixture->log, "__kappa_topics", &config), STATUS_INVALID);
}

static void every_configuration_described_can_be_written_back(void **state)
{
	(void)state;
	struct topic_config config = topic_config_default();
	config.cleanup_policy = CLEANUP_DELETE | CLEANUP_COMPACT;
	config.dirty_ratio_min = 0.125;
	config.retention_ms = 12345;
	struct topic_config written = topic_config_default();
	for (size_t i = 0; i < topic_config_entry_count(); i++) {
		const struct topic_config_entry *entry = topic_config_entry(i);
		char text[TOPIC_CONFIG_TEXT_MAX], again[TOPIC_CONFIG_TEXT_MAX];
		topic_config_text(entry, &config, text);
		assert_ok(topic_config_set(&written, entry->name, text));
		topic_config_text(entry, &written, again);
		assert_string_equal(text, again);
		assert_true(i == 0 || strcmp(topic_config_entry(i - 1)->name, entry->name) < 0);
		assert_ok(topic_config_set(&written, entry->name, NULL));
		assert_true(topic_config_is_default(entry, &written));
	}
	assert_int_equal(topic_config_set(&written, "cleanup.policy", "delete,shrink"), STATUS_INVALID);
	assert_int_equal(topic_config_set(&written, "cleanup.policy", ""), STATUS_INVALID);
	assert_int_equal(topic_config_set(&written, "message.timestamp.type", "LogAppendTime"), STATUS_INVALID);
	assert_int_equal(topic_config_set(&written, "min.cleanable.dirty.ratio", "1.5"), STATUS_INVALID);
	assert_int_equal(topic_config_set(&written, "retention.ms", "soon"), STATUS_INVALID);
	assert_int_equal(topic_config_set(&written, "no.such", "1"), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(topics_and_their_configuration_survive_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_a_topic_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_topic_created_again_knows_nothing_of_its_former_life, setup, teardown),
		cmocka_unit_test_setup_teardown(directories_of_an_interrupted_deletion_go_away, setup, teardown),
		cmocka_unit_test_setup_teardown(directories_of_an_interrupted_creation_go_away, setup, teardown),
		cmocka_unit_test_setup_teardown(records_that_no_topic_owns_are_refused_not_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_registry_or_partition_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(producer_ids_are_never_given_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(advanced_tells_of_appends_and_topics, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_altered_topic_stays_altered_and_old_readers_keep_what_they_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(
			partitions_cannot_be_taken_away_nor_the_registry_be_altered, setup, teardown),
		cmocka_unit_test(every_configuration_described_can_be_written_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
