/* Views and table scans over topics that transactions write to: what they show is what was committed, live,
 * after a redeployment, and after everything but the log was deleted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "base/memory.h"
#include "log/record_batch.h"
#include "support_engine.h"

enum { PRODUCERS = 3, PARTITIONS = 2, TEXT_MAX = 4096 };

static uint64_t seed;

static uint64_t below(uint64_t bound)
{
	seed += 0x9e3779b97f4a7c15ULL;
	return hash_mix(seed) % bound;
}

static struct partition *partition_at(struct world *world, const char *name, int32_t number)
{
	const struct topic *topic;
	assert_int_equal(topic_find(world->log, name, &topic), STATUS_OK);
	return topic_partition(topic, number);
}

/* The records of a producer's transaction, as lines of JSON; empty = none open. */
struct writing {
	char lines[TEXT_MAX];
	int32_t sequence;
};

static void write_line(
	struct world *world, int who, int32_t number, struct writing *writing, const char *line, enum codec codec)
{
	struct record_batch_producer producer = {
		.id = 50 + who, .base_sequence = writing->sequence++, .transactional = true};
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t offset;
	buffer_init(&batch);
	record_batch_builder_init(&builder);
	record_batch_builder_add(&builder, 1000000, (struct slice){0}, slice_of_string(line), NULL, 0);
	assert_int_equal(record_batch_builder_finish(&builder, codec, &producer, &batch), STATUS_OK);
	assert_int_equal(
		log_append_wait(world->log, partition_at(world, "t", number), batch.data, batch.size, &offset),
		STATUS_OK);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
	(void)snprintf(writing->lines + strlen(writing->lines), TEXT_MAX - strlen(writing->lines), "%s\n", line);
}

static void write_marker(struct world *world, int who, int32_t number, enum transaction_marker marker)
{
	struct buffer batch;
	int64_t offset;
	buffer_init(&batch);
	transaction_marker_build(50 + who, 0, marker, 0, 2000000, &batch);
	assert_int_equal(
		log_append_wait(world->log, partition_at(world, "t", number), batch.data, batch.size, &offset),
		STATUS_OK);
	buffer_deinit(&batch);
}

static void check_equal(struct world *world, const char *left, const char *right, int64_t version)
{
	world_wait(world, left, version);
	world_wait(world, right, version);
	char *expected = world_rows(world, right, version), *found = world_rows(world, left, version);
	assert_string_equal(found, expected);
	mem_free(expected);
	mem_free(found);
}

static void transaction_end(
	struct world *world, struct writing writings[PARTITIONS][PRODUCERS], int who, int32_t number, bool commit)
{
	struct writing *writing = &writings[number][who];
	write_marker(world, who, number, commit ? MARKER_COMMIT : MARKER_ABORT);
	if (commit && writing->lines[0] != '\0')
		world_produce(world, "c", number, writing->lines);
	writing->lines[0] = '\0';
}

/* Topic "t" gets transactions, plain records between them, aborts; topic "c" only what was committed. Leaves
 * none open: what lies behind an open transaction is not shown yet. */
static void scribble(struct world *world, struct writing writings[PARTITIONS][PRODUCERS], int steps)
{
	for (int step = 0; step < steps; step++) {
		int who = (int)below(PRODUCERS);
		int32_t number = (int32_t)below(PARTITIONS);
		struct writing *writing = &writings[number][who];
		char line[64];
		uint64_t dice = below(100);
		(void)snprintf(line, sizeof line, "{\"k\": \"k%d\", \"v\": %d}", (int)below(5), (int)below(1000));
		if (dice < 60 && strlen(writing->lines) < TEXT_MAX - 64) {
			write_line(world, who, number, writing, line, dice < 10 ? CODEC_GZIP : CODEC_NONE);
		} else if (dice < 70) {
			world_produce(world, "t", number, line);
			world_produce(world, "c", number, line);
		} else {
			transaction_end(world, writings, who, number, dice < 85);
		}
	}
	for (int32_t number = 0; number < PARTITIONS; number++)
		for (int who = 0; who < PRODUCERS; who++)
			transaction_end(world, writings, who, number, below(2) == 0);
}

static void views_show_what_was_committed_live_and_replayed(struct world *world)
{
	struct writing(*writings)[PRODUCERS] = mem_alloc_zeroed(PARTITIONS, sizeof *writings);
	seed = getenv("KAPPA_TEST_SEED") != NULL ? strtoull(getenv("KAPPA_TEST_SEED"), NULL, 10)
											 : (uint64_t)time(NULL);
	print_message("seed: KAPPA_TEST_SEED=%llu\n", (unsigned long long)seed);
	world_open(world, 2, 7, 0);
	world_sql(world, "CREATE TABLE t (k text, v int) WITH (topic = 't', format = 'json', partitions = 2);"
					 "CREATE TABLE c (k text, v int) WITH (topic = 'c', format = 'json', partitions = 2);"
					 "CREATE MATERIALIZED VIEW vt AS SELECT k, count(*), sum(v) FROM t GROUP BY k;"
					 "CREATE MATERIALIZED VIEW vc AS SELECT k, count(*), sum(v) FROM c GROUP BY k;");
	for (int round = 0; round < 6; round++) {
		scribble(world, writings, 120);
		check_equal(world, "vt", "vc", 1);
	}
	world_deploy(
		world, "CREATE OR REPLACE MATERIALIZED VIEW vt AS SELECT k, v, count(*) FROM t GROUP BY k, v;");
	world_deploy(
		world, "CREATE OR REPLACE MATERIALIZED VIEW vc AS SELECT k, v, count(*) FROM c GROUP BY k, v;");
	check_equal(world, "vt", "vc", 2);
	scribble(world, writings, 100);
	check_equal(world, "vt", "vc", 1);
	check_equal(world, "vt", "vc", 2);
	world_delete_views(world);
	check_equal(world, "vt", "vc", 1);
	check_equal(world, "vt", "vc", 2);
	mem_free(writings);
	world_close(world);
}

static void a_record_is_seen_after_its_marker_and_an_open_transaction_holds_up_no_replay(struct world *world)
{
	struct writing writing = {.sequence = 0};
	world_open(world, 1, 0, 0);
	world_sql(world, "CREATE TABLE t (k text, v int) WITH (topic = 't', format = 'json');"
					 "CREATE MATERIALIZED VIEW a AS SELECT v FROM t;");
	world_produce(world, "t", 0, "{\"v\": 1}");
	write_line(world, 0, 0, &writing, "{\"v\": 2}", CODEC_NONE);
	world_produce(world, "t", 0, "{\"v\": 3}");
	world_wait(world, "a", 1);
	char *rows = world_rows(world, "a", 1);
	assert_string_equal(rows, "1\n"); /* 3 lies behind the open transaction */
	mem_free(rows);
	world_sql(world, "CREATE MATERIALIZED VIEW b AS SELECT v + 0 AS v FROM t;");
	world_wait(world, "b", 1); /* caught up with all that is decided */
	write_marker(world, 0, 0, MARKER_COMMIT);
	world_wait(world, "a", 1);
	world_wait(world, "b", 1);
	for (int i = 0; i < 2; i++) {
		rows = world_rows(world, i == 0 ? "a" : "b", 1);
		assert_string_equal(rows, "1\n2\n3\n");
		mem_free(rows);
	}
	world_close(world);
}

static void views_show_what_was_committed(void **state)
{
	(void)state;
	world_run(views_show_what_was_committed_live_and_replayed);
}

static void a_record_is_seen_after_its_marker(void **state)
{
	(void)state;
	world_run(a_record_is_seen_after_its_marker_and_an_open_transaction_holds_up_no_replay);
}

static int tests(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(views_show_what_was_committed),
		cmocka_unit_test(a_record_is_seen_after_its_marker),
	};
	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
	return world_main(argc, argv, tests);
}
