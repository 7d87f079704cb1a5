/* Sources: what they append is in the log exactly once, and they know where they stand after any restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "ingest/source.h"
#include "log/producer_state.h"
#include "log/record_batch.h"

struct fixture {
	char dir[64], log_dir[80];
	struct log *log;
	struct sources *sources;
	struct arena arena;
	struct source_state opened;
};

#define assert_ok(call)                                                                                      \
	do {                                                                                                     \
		status assert_result = (call);                                                                       \
		if (assert_result != STATUS_OK)                                                                      \
			print_error("%s\n", error_current()->text);                                                      \
		assert_int_equal(assert_result, STATUS_OK);                                                          \
	} while (0)

static void up(struct fixture *fixture)
{
	struct log_options options = {.dir = fixture->log_dir};
	assert_ok(log_open(&options, &fixture->log));
	fixture->sources = sources_create(fixture->log);
}

static void down(struct fixture *fixture)
{
	sources_destroy(fixture->sources);
	log_close(fixture->log);
}

static void restart(struct fixture *fixture)
{
	down(fixture);
	up(fixture);
}

static void make_topic(struct fixture *fixture, const char *name, int32_t partitions)
{
	struct topic_config config = topic_config_default();
	config.partitions = partitions;
	assert_ok(topic_create(fixture->log, name, &config));
}

static int begin(void **state)
{
	struct fixture *fixture = mem_alloc_zeroed(1, sizeof *fixture);
	diag_set_level(DIAG_ERROR);
	(void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/kappa-source-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(fixture->log_dir, sizeof fixture->log_dir, "%s/log", fixture->dir);
	arena_init(&fixture->arena);
	up(fixture);
	make_topic(fixture, "t", 1);
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;
	down(fixture);
	arena_deinit(&fixture->arena);
	status result = directory_remove(fixture->dir);
	mem_free(fixture);
	return result == STATUS_OK ? 0 : -1;
}

static void source_opens(struct fixture *fixture, const char *id)
{
	assert_ok(source_open(fixture->sources, id, "t", -1, &fixture->arena, &fixture->opened));
}

/* Appends with the sequence that is due. */
static status try_lines(struct fixture *fixture, const char *id, const char *lines, const char *position)
{
	struct source_appended appended;
	status result = source_append(fixture->sources, id, "t", fixture->opened.session,
		fixture->opened.next_sequence, slice_of_string(position), slice_of_string(lines), &appended);
	if (result == STATUS_OK)
		fixture->opened.next_sequence += appended.count;
	return result;
}

/* All values of the partition, a space after each. */
static void check_values(struct fixture *fixture, int32_t partition, const char *expected)
{
	const struct topic *topic;
	struct buffer bytes, values;
	struct record_iterator iterator;
	struct record record;
	buffer_init(&bytes);
	buffer_init(&values);
	assert_ok(topic_find(fixture->log, "t", &topic));
	status result = STATUS_OK;
	for (int64_t offset = 0; result == STATUS_OK; offset = record.offset + 1) {
		bytes.size = 0;
		result = partition_read(topic_partition(topic, partition), offset, 1 << 20, &bytes);
		record_iterator_init(&iterator, buffer_slice(&bytes));
		while (result == STATUS_OK && record_iterator_next(&iterator, &record) == STATUS_OK) {
			buffer_append(&values, record.value.data, record.value.size);
			buffer_append_byte(&values, ' ');
		}
		record_iterator_deinit(&iterator);
	}
	assert_int_equal(result, STATUS_END);
	buffer_append_byte(&values, 0);
	assert_string_equal((char *)values.data, expected);
	buffer_deinit(&bytes);
	buffer_deinit(&values);
}

static void a_new_source_stands_nowhere(void **state)
{
	struct fixture *fixture = *state;
	source_opens(fixture, "/var/log/a");
	assert_null(fixture->opened.position);
	assert_int_equal(fixture->opened.next_sequence, 0);
	assert_true(fixture->opened.batch_bytes_max > 0);
}

static void the_position_is_that_of_the_last_durable_batch(void **state)
{
	struct fixture *fixture = *state;
	source_opens(fixture, "a");
	int64_t producer_id = fixture->opened.producer_id;
	assert_ok(try_lines(fixture, "a", "one\ntwo\n", "pos-2"));
	assert_ok(try_lines(fixture, "a", "three\n\nfive", "pos-5"));
	for (int i = 0; i < 2; i++) {
		source_opens(fixture, "a");
		assert_int_equal(fixture->opened.producer_id, producer_id);
		assert_int_equal(fixture->opened.next_sequence, 5);
		assert_string_equal(fixture->opened.position, "pos-5");
		restart(fixture);
	}
	check_values(fixture, 0, "one two three  five ");
}

static void a_repeated_batch_is_not_appended_again(void **state)
{
	struct fixture *fixture = *state;
	struct source_appended first, again;
	source_opens(fixture, "a");
	for (int i = 0; i < 2; i++)
		assert_ok(source_append(fixture->sources, "a", "t", fixture->opened.session, 0, slice_of_string("p"),
			slice_of_string("one\n"), i == 0 ? &first : &again));
	assert_int_equal(first.base_offset, again.base_offset);
	assert_int_equal(source_append(fixture->sources, "a", "t", fixture->opened.session, 5,
						 slice_of_string("p"), slice_of_string("x\n"), &again),
		STATUS_OUT_OF_ORDER_SEQUENCE);
	check_values(fixture, 0, "one ");
}

static void only_the_newest_session_appends(void **state)
{
	struct fixture *fixture = *state;
	source_opens(fixture, "a");
	struct source_state older = fixture->opened;
	source_opens(fixture, "a");
	struct source_state newer = fixture->opened;
	fixture->opened = older;
	assert_int_equal(try_lines(fixture, "a", "zombie\n", "p"), STATUS_STALE_PRODUCER_EPOCH);
	fixture->opened = newer;
	assert_ok(try_lines(fixture, "a", "alive\n", "p"));
	restart(fixture);
	assert_int_equal(try_lines(fixture, "a", "of an earlier life\n", "p"), STATUS_STALE_PRODUCER_EPOCH);
	check_values(fixture, 0, "alive ");
}

static void sources_are_apart_by_id_and_topic(void **state)
{
	struct fixture *fixture = *state;
	struct source_state other;
	make_topic(fixture, "u", 1);
	source_opens(fixture, "a");
	assert_ok(try_lines(fixture, "a", "one\n", "p1"));
	assert_ok(source_open(fixture->sources, "a", "u", -1, &fixture->arena, &other));
	assert_null(other.position);
	assert_int_not_equal(other.producer_id, fixture->opened.producer_id);
	source_opens(fixture, "b");
	assert_null(fixture->opened.position);
	assert_ok(try_lines(fixture, "b", "two\n", "p2"));
	restart(fixture);
	source_opens(fixture, "a");
	assert_string_equal(fixture->opened.position, "p1");
	source_opens(fixture, "b");
	assert_string_equal(fixture->opened.position, "p2");
}

static void a_topic_made_anew_is_filled_anew(void **state)
{
	struct fixture *fixture = *state;
	source_opens(fixture, "a");
	assert_ok(try_lines(fixture, "a", "one\n", "p1"));
	assert_ok(topic_delete(fixture->log, "t"));
	make_topic(fixture, "t", 1);
	assert_int_equal(try_lines(fixture, "a", "two\n", "p2"), STATUS_STALE_PRODUCER_EPOCH);
	source_opens(fixture, "a");
	assert_null(fixture->opened.position);
	assert_ok(try_lines(fixture, "a", "one\n", "p1"));
	restart(fixture);
	source_opens(fixture, "a");
	assert_string_equal(fixture->opened.position, "p1");
	check_values(fixture, 0, "one ");
}

static void a_source_stays_in_its_partition(void **state)
{
	struct fixture *fixture = *state;
	struct source_state opened;
	assert_ok(topic_delete(fixture->log, "t"));
	make_topic(fixture, "t", 4);
	assert_int_equal(source_open(fixture->sources, "a", "t", 4, &fixture->arena, &opened), STATUS_INVALID);
	assert_ok(source_open(fixture->sources, "a", "t", 2, &fixture->arena, &fixture->opened));
	assert_ok(try_lines(fixture, "a", "one\n", "p"));
	restart(fixture);
	assert_int_equal(source_open(fixture->sources, "a", "t", 1, &fixture->arena, &opened), STATUS_INVALID);
	source_opens(fixture, "a");
	assert_int_equal(fixture->opened.partition, 2);
	assert_ok(try_lines(fixture, "a", "two\n", "p"));
	check_values(fixture, 2, "one two ");
}

struct crowd {
	struct append append; /* first */
	struct buffer batch;
};

static atomic_int crowd_left;

static void crowd_done(struct append *append)
{
	assert_int_equal(append->result, STATUS_OK);
	atomic_fetch_sub(&crowd_left, 1);
}

/* So many other producers append that the partition forgets those that were silent for longest. */
static void crowd_appends(struct partition *partition, struct log *log)
{
	struct record_batch_builder builder;
	struct crowd *crowd = mem_alloc_zeroed(PRODUCERS_MAX, sizeof *crowd);
	atomic_store(&crowd_left, PRODUCERS_MAX);
	record_batch_builder_init(&builder);
	for (int32_t i = 0; i < PRODUCERS_MAX; i++) {
		struct record_batch_producer producer = {1000000 + i, 0, 0, false};
		record_batch_builder_add(&builder, 1, (struct slice){0}, slice_of_string("x"), NULL, 0);
		assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, &producer, &crowd[i].batch));
		crowd[i].append = (struct append){
			.partition = partition,
			.batch = crowd[i].batch.data,
			.batch_size = crowd[i].batch.size,
			.done = crowd_done,
		};
		while (log_append(log, &crowd[i].append) == STATUS_BACKPRESSURE)
			;
	}
	while (atomic_load(&crowd_left) != 0)
		(void)usleep(1000);
	record_batch_builder_deinit(&builder);
	for (int32_t i = 0; i < PRODUCERS_MAX; i++)
		buffer_deinit(&crowd[i].batch);
	mem_free(crowd);
}

static void a_source_that_the_partition_forgot_is_found_in_the_log(void **state)
{
	struct fixture *fixture = *state;
	const struct topic *topic;
	struct producer_position position;
	source_opens(fixture, "a");
	assert_ok(try_lines(fixture, "a", "one\n", "p1"));
	assert_ok(try_lines(fixture, "a", "two\nthree\n", "p3"));
	int64_t producer_id = fixture->opened.producer_id;
	assert_ok(topic_find(fixture->log, "t", &topic));
	crowd_appends(topic_partition(topic, 0), fixture->log);
	assert_int_equal(partition_producer(topic_partition(topic, 0), producer_id, &position), STATUS_NOT_FOUND);
	source_opens(fixture, "a");
	assert_string_equal(fixture->opened.position, "p3");
	assert_int_equal(fixture->opened.next_sequence, 3);
	assert_ok(try_lines(fixture, "a", "four\n", "p4"));
	source_opens(fixture, "a");
	assert_string_equal(fixture->opened.position, "p4");
}

static void wrong_requests_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct source_state opened;
	struct source_appended appended;
	assert_int_equal(source_open(fixture->sources, "", "t", -1, &fixture->arena, &opened), STATUS_INVALID);
	assert_int_equal(
		source_open(fixture->sources, "a", "nope", -1, &fixture->arena, &opened), STATUS_NOT_FOUND);
	assert_int_equal(
		source_open(fixture->sources, "a", "__kappa_topics", -1, &fixture->arena, &opened), STATUS_INVALID);
	source_opens(fixture, "a");
	assert_int_equal(try_lines(fixture, "a", "", "p"), STATUS_INVALID);
	assert_int_equal(try_lines(fixture, "a", "x\n", ""), STATUS_INVALID);
	assert_int_equal(source_append(fixture->sources, "a", "t", fixture->opened.session, -1,
						 slice_of_string("p"), slice_of_string("x\n"), &appended),
		STATUS_INVALID);
	assert_int_equal(try_lines(fixture, "never opened", "x\n", "p"), STATUS_STALE_PRODUCER_EPOCH);
	check_values(fixture, 0, "");
}

int main(void)
{
#define with_log(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		with_log(a_new_source_stands_nowhere),
		with_log(the_position_is_that_of_the_last_durable_batch),
		with_log(a_repeated_batch_is_not_appended_again),
		with_log(only_the_newest_session_appends),
		with_log(sources_are_apart_by_id_and_topic),
		with_log(a_topic_made_anew_is_filled_anew),
		with_log(a_source_stays_in_its_partition),
		with_log(a_source_that_the_partition_forgot_is_found_in_the_log),
		with_log(wrong_requests_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
