/* The topic registry: what it promises to remember, and what interrupted work leaves behind. */
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
		assert_int_equal(topic->config.partitions, 3);
		assert_int_equal(topic->config.segment_bytes, 12345);
		assert_int_equal(topic->config.message_bytes_max, 6789);
		assert_int_equal(topic->config.retention_ms, -1);
		assert_int_equal(topic->config.retention_bytes, -1);
		assert_false(topic->config.internal);
		for (int32_t i = 0; i < 3; i++) {
			assert_ptr_equal(partition_topic(topic->partitions[i]), topic);
			assert_int_equal(partition_number(topic->partitions[i]), i);
		}
		assert_ok(topic_find(fixture->log, "__offsets", &topic));
		assert_true(topic->config.internal);
		assert_int_equal(topic->config.segment_bytes, 256 << 20);
		assert_int_equal(topic->config.message_bytes_max, 16 << 20);
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
	config.retention_ms = 1000;
	assert_int_equal(topic_create(fixture->log, "t", &config), STATUS_UNSUPPORTED);
	assert_true(error_current()->hint[0] != '\0');
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
	struct partition *old = first->partitions[0];
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
	assert_int_equal(partition_high_watermark(second->partitions[0]), 0);
	append_values(fixture->log, second->partitions[0], 0, 3, 0);
	fixture_reopen(fixture);
	assert_ok(topic_find(fixture->log, "t", &second));
	assert_int_equal(second->incarnation, incarnation);
	assert_int_equal(second->config.partitions, 1);
	assert_int_equal(check_values(second->partitions[0], 0, NULL), 3);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
