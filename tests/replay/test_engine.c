/* The engine end to end without sockets: tables, views, deployments, promotion, restarts, and the invariant
 * that a view is a pure function of the log prefix.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support_engine.h"

static const char orders_table[] =
	"CREATE TABLE orders (customer text, amount bigint) WITH (topic = 'orders', partitions = 2)";
static const char totals_v1[] = "CREATE MATERIALIZED VIEW totals AS SELECT customer, count(*) AS n, "
								"sum(amount) AS total FROM orders GROUP BY customer";
static const char totals_v2[] =
	"CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT customer, count(*) AS n, sum(amount) AS "
	"total FROM orders WHERE amount > 0 GROUP BY customer";

static void expect_rows(struct world *world, const char *view, int64_t version, const char *expected)
{
	char *rows = world_rows(world, view, version);
	assert_string_equal(rows, expected);
	mem_free(rows);
}

static void first_orders(struct world *world)
{
	world_produce(
		world, "orders", 0, "{\"customer\":\"ann\",\"amount\":5}\n{\"customer\":\"bob\",\"amount\":-2}");
	world_produce(world, "orders", 1,
		"{\"customer\":\"ann\",\"amount\":7}\nnot json\n{\"customer\":\"cid\",\"amount\":1}");
}

static void view_follows_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	first_orders(world);
	world_sql(world, totals_v1);
	world_wait(world, "totals", 1);
	expect_rows(world, "totals", 0, "ann|2|12\nbob|1|-2\ncid|1|1\n");
	world_produce(world, "orders", 0, "{\"customer\":\"bob\",\"amount\":10}");
	world_wait(world, "totals", 1);
	expect_rows(world, "totals", 0, "ann|2|12\nbob|2|8\ncid|1|1\n");
	struct publication *publication = engine_publication(world->engine);
	assert_int_equal(view_snapshot_bad_count(publication_snapshot(publication, "totals", 0)), 1);
	publication_release(publication);
	world_close(world);
}

static void a_view_holds_history_and_follows_the_log(void **state)
{
	(void)state;
	world_run(view_follows_body);
}

static void deploy_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	first_orders(world);
	world_sql(world, totals_v1);
	world_wait(world, "totals", 1);
	world_sql(world, totals_v2);
	world_wait(world, "totals", 2);
	expect_rows(world, "totals", 0, "ann|2|12\nbob|1|-2\ncid|1|1\n"); /* version 1 stays live */
	expect_rows(world, "totals", 2, "ann|2|12\ncid|1|1\n");

	struct arena arena;
	arena_init(&arena);
	struct diff_options options = {.left = 1, .right = 2, .sample_max = 10};
	struct diff_result diff;
	assert_int_equal(engine_diff(world->engine, "totals", &options, &arena, &diff), STATUS_OK);
	assert_true(diff.keyed);
	assert_int_equal(diff.equal, 2);
	assert_int_equal(diff.only_left, 1);
	assert_int_equal(diff.only_right, 0);
	assert_int_equal(diff.changed, 0);
	assert_int_equal(diff.sample_count, 1);
	assert_string_equal(diff.samples[0].key[0], "bob");
	arena_deinit(&arena);

	int64_t version = 0;
	assert_int_equal(engine_promote(world->engine, "totals", 2, &version), STATUS_OK);
	assert_int_equal(version, 2);
	expect_rows(world, "totals", 0, "ann|2|12\ncid|1|1\n");
	assert_int_equal(engine_rollback(world->engine, "totals", &version), STATUS_OK);
	assert_int_equal(version, 1);
	expect_rows(world, "totals", 0, "ann|2|12\nbob|1|-2\ncid|1|1\n");
	assert_int_equal(engine_rollback(world->engine, "totals", &version), STATUS_INVALID);
	assert_int_equal(engine_promote(world->engine, "totals", 2, &version), STATUS_OK);
	world_reopen(world);
	world_wait(world, "totals", 2);
	expect_rows(world, "totals", 0, "ann|2|12\ncid|1|1\n");
	assert_int_equal(engine_drop_view(world->engine, "totals", 2, false), STATUS_INVALID); /* it is live */
	assert_int_equal(engine_drop_view(world->engine, "totals", 1, false), STATUS_OK);
	assert_int_equal(engine_rollback(world->engine, "totals", &version), STATUS_NOT_FOUND);
	world_close(world);
}

static void a_changed_view_is_replayed_diffed_promoted_and_rolled_back(void **state)
{
	(void)state;
	world_run(deploy_body);
}

static void unchanged_body(struct world *world)
{
	world_open(world, 1, 0, 0);
	world_sql(world, orders_table);
	world_sql(world, totals_v1);
	world_sql(world,
		"CREATE OR REPLACE MATERIALIZED VIEW totals AS /* same */ SELECT o.customer, count( * ) n,\n"
		"  sum(o.amount) AS total FROM orders AS o GROUP BY 1");
	struct arena arena;
	arena_init(&arena);
	struct version_status *versions;
	size_t count;
	engine_versions(world->engine, &arena, &versions, &count);
	assert_int_equal(count, 1);
	arena_deinit(&arena);
	world_close(world);
}

static void formatting_alone_deploys_nothing(void **state)
{
	(void)state;
	world_run(unchanged_body);
}

static void dependents_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	first_orders(world);
	world_sql(world, totals_v1);
	world_sql(world,
		"CREATE MATERIALIZED VIEW summary AS SELECT count(*) AS customers, sum(total) AS total FROM totals");
	world_wait(world, "summary", 1);
	expect_rows(world, "summary", 0, "3|11\n");
	world_sql(world, totals_v2);
	world_wait(world, "totals", 2);
	world_wait(world, "summary", 2);
	expect_rows(world, "summary", 0, "3|11\n");
	expect_rows(world, "summary", 2, "2|13\n");
	int64_t version;
	assert_int_equal(engine_promote(world->engine, "totals", 2, &version), STATUS_OK);
	expect_rows(world, "summary", 0, "2|13\n");
	assert_int_equal(engine_rollback(world->engine, "summary", &version), STATUS_OK);
	expect_rows(world, "totals", 0, "ann|2|12\nbob|1|-2\ncid|1|1\n");
	assert_int_equal(engine_drop_table(world->engine, "orders"), STATUS_DEPENDENT);
	assert_int_equal(engine_drop_view(world->engine, "totals", 0, false), STATUS_DEPENDENT);
	assert_int_equal(engine_drop_view(world->engine, "totals", 0, true), STATUS_OK);
	assert_int_equal(engine_drop_table(world->engine, "orders"), STATUS_OK);
	world_close(world);
}

static void dependents_are_staged_promoted_and_rolled_back_with_it(void **state)
{
	(void)state;
	world_run(dependents_body);
}

static void empty_body(struct world *world)
{
	world_open(world, 1, 0, 0);
	world_sql(world, orders_table);
	world_sql(world, "CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n, max(amount) AS top FROM orders");
	world_wait(world, "n", 1);
	expect_rows(world, "n", 0, "0|\n");
	world_produce(world, "orders", 1, "{\"customer\":\"ann\",\"amount\":5}");
	world_wait(world, "n", 1);
	expect_rows(world, "n", 0, "1|5\n");
	world_close(world);
}

static void a_global_aggregate_has_its_row_before_any_record(void **state)
{
	(void)state;
	world_run(empty_body);
}

/* A poison record stops its version, and nothing else. */
static void failure_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	world_sql(world, totals_v1);
	world_sql(
		world, "CREATE MATERIALIZED VIEW inverse AS SELECT customer, 100 / amount AS share FROM orders");
	world_wait(world, "inverse", 1);
	world_produce(world, "orders", 0, "{\"customer\":\"ann\",\"amount\":0}");
	world_wait(world, "totals", 1);
	expect_rows(world, "totals", 0, "ann|1|0\n");
	struct arena arena;
	arena_init(&arena);
	struct version_status *versions;
	size_t count;
	engine_versions(world->engine, &arena, &versions, &count);
	assert_int_equal(count, 2);
	assert_string_equal(versions[0].state_name, "failed");
	assert_non_null(strstr(versions[0].error, "division by zero"));
	arena_deinit(&arena);
	world_close(world);
}

static void a_failing_version_stops_alone(void **state)
{
	(void)state;
	world_run(failure_body);
}

static void shared_scan_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	struct buffer lines;
	buffer_init(&lines);
	for (int i = 0; i < 20000; i++)
		buffer_printf(&lines, "{\"customer\":\"c%d\",\"amount\":%d}\n", i % 97, i);
	buffer_append_byte(&lines, 0);
	world_produce(world, "orders", 0, (char *)lines.data);
	buffer_deinit(&lines);
	world_deploy(world,
		"CREATE MATERIALIZED VIEW one AS SELECT customer, count(*) AS n FROM orders GROUP BY customer;"
		"CREATE MATERIALIZED VIEW two AS SELECT customer, sum(amount) AS s FROM orders GROUP BY customer;"
		"CREATE MATERIALIZED VIEW three AS SELECT max(amount) AS top FROM orders");
	world_wait(world, "one", 1);
	world_wait(world, "two", 1);
	world_wait(world, "three", 1);
	expect_rows(world, "three", 1, "19999\n");
	struct engine_counters counters;
	engine_counters(world->engine, &counters);
	assert_int_equal(counters.replayed_records, 20000);
	world_close(world);
}

static void views_deployed_together_share_one_scan(void **state)
{
	(void)state;
	world_run(shared_scan_body);
}

/* ---- I6, I7 ---- */

enum { RECORDS = 600 };

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(random_state >> 33) % limit;
}

static const char *const pure_views[] = {
	"CREATE MATERIALIZED VIEW a AS SELECT k, count(*) AS n, sum(v) AS s, avg(v) AS m, min(v) AS lo, max(v) "
	"AS hi, count(DISTINCT v) AS d "
	"FROM events GROUP BY k",
	"CREATE MATERIALIZED VIEW b AS SELECT n, count(*) AS keys, max(s) AS top, min(hi) AS low FROM a GROUP BY "
	"n",
	"CREATE MATERIALIZED VIEW c AS SELECT e.v, a.k, a.s FROM events e JOIN a ON e.k = a.k WHERE e.v % 7 = 0",
	"CREATE MATERIALIZED VIEW d AS SELECT window_start, count(*) AS n, sum(f) AS f FROM TUMBLE(events, t, "
	"INTERVAL '1 minute') GROUP BY "
	"window_start",
	"CREATE MATERIALIZED VIEW e AS SELECT k, v FROM events WHERE v < 20 UNION ALL SELECT n, keys FROM b",
};
enum { PURE_VIEWS = sizeof pure_views / sizeof pure_views[0] };
static const char *const pure_names[] = {"a", "b", "c", "d", "e"};

static void produce_events(struct world *world, uint32_t count)
{
	struct buffer lines;
	buffer_init(&lines);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t key = random_below(3) == 0 ? random_below(1000) : random_below(12);
		if (random_below(50) == 0)
			buffer_printf(&lines, "{\"k\":\"not a number\"}\n");
		else
			buffer_printf(&lines, "{\"k\":%u,\"v\":%d,\"f\":%g,\"t\":\"2026-01-01T00:%02u:%02u\"}\n", key,
				(int)random_below(100) - 50, (double)random_below(1000000) / 7.0, random_below(60),
				random_below(60));
	}
	buffer_append_byte(&lines, 0);
	world_produce(world, "events", (int32_t)random_below(3), (char *)lines.data);
	buffer_deinit(&lines);
}

struct trial {
	uint64_t seed;
	unsigned workers;
	uint32_t step_rows;
	size_t circuit_bytes;
	bool restarts, views_first;
};

static struct digest pure_digests[PURE_VIEWS];
static struct trial current_trial;
static bool first_trial;

static void create_pure_views(struct world *world)
{
	for (size_t i = 0; i < PURE_VIEWS; i++)
		world_sql(world, pure_views[i]);
}

static void pure_body(struct world *world)
{
	const struct trial *trial = &current_trial;
	world_open(world, trial->workers, trial->step_rows, trial->circuit_bytes);
	world_sql(world, "CREATE TABLE events (k int, v int, f double precision, t timestamp) WITH (topic = "
					 "'events', partitions = 3, "
					 "event_time = 't')");
	if (trial->views_first)
		create_pure_views(world);
	random_state = trial->seed;
	for (uint32_t left = RECORDS; left != 0;) {
		uint32_t count = 1 + random_below(40);
		count = count < left ? count : left;
		produce_events(world, count);
		left -= count;
		if (trial->restarts && left % 3 == 0)
			world_reopen(world);
	}
	if (!trial->views_first)
		create_pure_views(world);
	for (size_t i = 0; i < PURE_VIEWS; i++) {
		world_wait(world, pure_names[i], 1);
		struct digest digest = world_digest(world, pure_names[i], 1);
		if (first_trial)
			pure_digests[i] = digest;
		if (!digest_equal(digest, pure_digests[i])) {
			char *rows = world_rows(world, pure_names[i], 1);
			fail_msg("view %s differs: seed %llu workers %u step_rows %u memory %zu restarts %d views_first "
					 "%d; rows:\n%s",
				pure_names[i], (unsigned long long)trial->seed, trial->workers, trial->step_rows,
				trial->circuit_bytes, trial->restarts, trial->views_first, rows);
		}
		struct arena arena;
		arena_init(&arena);
		struct verify_result verify;
		assert_int_equal(
			engine_verify(world->engine, pure_names[i], 1, NULL, NULL, &arena, &verify), STATUS_OK);
		assert_true(verify.equal);
		arena_deinit(&arena);
	}
	world_close(world);
}

static void a_view_is_a_pure_function_of_the_log_prefix(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{0, 1, 4096, 0, false, false},
		{0, 1, 1, 0, false, true},
		{0, 2, 2, 0, false, true},
		{0, 1, 7, 0, true, true},
		{0, 2, 64, 0, true, true},
		{0, 2, 4096, 0, false, true},
		{0, 2, 64, 1 << 16, true, true},
		{0, 1, 7, 1 << 14, false, true},
	};
	for (uint64_t seed = 1; seed <= 2; seed++) {
		first_trial = true;
		for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
			current_trial = trials[i];
			current_trial.seed = seed;
			world_run(pure_body);
			first_trial = false;
		}
	}
}

static void lost_views_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	first_orders(world);
	world_sql(world, totals_v1);
	world_sql(world, totals_v2);
	world_wait(world, "totals", 2);
	int64_t version;
	assert_int_equal(engine_promote(world->engine, "totals", 2, &version), STATUS_OK);
	struct digest before = world_digest(world, "totals", 2);
	world_delete_views(world);
	world_wait(world, "totals", 1);
	world_wait(world, "totals", 2);
	assert_true(digest_equal(before, world_digest(world, "totals", 0)));
	expect_rows(world, "totals", 1, "ann|2|12\nbob|1|-2\ncid|1|1\n");
	world_close(world);
}

static void everything_comes_back_from_the_log_alone(void **state)
{
	(void)state;
	world_run(lost_views_body);
}

/* ---- topics that change under their views ---- */

static status grow(void *context, struct topic_config *config)
{
	config->partitions = *(const int32_t *)context;
	return STATUS_OK;
}

static void partitions_set(struct world *world, int32_t count)
{
	assert_int_equal(topic_alter_with(world->log, "orders", grow, &count), STATUS_OK);
}

static void verify_expects(struct world *world, int64_t version, status expected)
{
	struct arena arena;
	struct verify_result result = {.equal = false};
	arena_init(&arena);
	status code = engine_verify(world->engine, "totals", version, NULL, NULL, &arena, &result);
	assert_int_equal(code, expected);
	assert_true(code != STATUS_OK || result.equal);
	arena_deinit(&arena);
}

static void growth_body(struct world *world)
{
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	first_orders(world);
	world_sql(world, totals_v1);
	world_wait(world, "totals", 1);
	partitions_set(world, 3);
	world_produce(world, "orders", 2, "{\"customer\":\"dan\",\"amount\":3}");
	world_wait(world, "totals", 1);
	expect_rows(world, "totals", 0, "ann|2|12\nbob|1|-2\ncid|1|1\ndan|1|3\n");
	verify_expects(world, 1, STATUS_OK);
	/* While versions replay, are opened again, or have nothing of their own to do. */
	for (int32_t i = 0; i < 5; i++) {
		char text[256], record[64];
		(void)snprintf(text, sizeof text,
			"CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT customer, count(*) AS n, "
			"sum(amount) AS total FROM orders WHERE amount > %d GROUP BY customer",
			i);
		world_deploy(world, text);
		partitions_set(world, 4 + i);
		(void)snprintf(record, sizeof record, "{\"customer\":\"eve\",\"amount\":%d}", i);
		for (int32_t partition = 0; partition < 4 + i; partition++)
			world_produce(world, "orders", partition, record);
		if (i == 2)
			world_reopen(world);
		world_wait(world, "totals", 2 + i);
	}
	for (int64_t version = 1; version <= 6; version++)
		verify_expects(world, version, STATUS_OK);
	expect_rows(world, "totals", 1, "ann|2|12\nbob|1|-2\ncid|1|1\ndan|1|3\neve|30|70\n");
	world_close(world);
}

static void a_partition_added_is_read_by_running_and_replaying_versions(void **state)
{
	(void)state;
	world_run(growth_body);
}

static int64_t missed(struct world *world, int64_t version)
{
	struct arena arena;
	struct version_status *versions;
	size_t count;
	int64_t found = -1;
	arena_init(&arena);
	engine_versions(world->engine, &arena, &versions, &count);
	for (size_t i = 0; i < count; i++)
		if (versions[i].version == version)
			found = versions[i].missed_records;
	arena_deinit(&arena);
	return found;
}

static void trimmed_body(struct world *world)
{
	const struct topic *topic;
	char who[64];
	world_open(world, 2, 0, 0);
	world_sql(world, orders_table);
	assert_false(engine_needs_topic(world->engine, "orders", who, sizeof who)); /* a table alone does not */
	assert_true(engine_needs_topic(world->engine, "__kappa_catalog", who, sizeof who));
	first_orders(world);
	world_sql(world, totals_v1);
	world_wait(world, "totals", 1);
	assert_true(engine_needs_topic(world->engine, "orders", who, sizeof who));
	assert_string_equal(who, "totals@1");
	assert_int_equal(topic_find(world->log, "orders", &topic), STATUS_OK);
	assert_int_equal(partition_trim(world->log, topic_partition(topic, 1), 2, true), STATUS_OK);
	/* What was read stays; a new version has less, and says so. */
	world_sql(world, totals_v2);
	world_wait(world, "totals", 2);
	for (int life = 0; life < 2; life++) {
		expect_rows(world, "totals", 1, "ann|2|12\nbob|1|-2\ncid|1|1\n");
		expect_rows(world, "totals", 2, "ann|1|5\ncid|1|1\n");
		assert_int_equal(missed(world, 1), 0);
		assert_int_equal(missed(world, 2), 2);
		verify_expects(world, 1, STATUS_OUT_OF_RANGE);
		verify_expects(world, 2, STATUS_OK);
		assert_true(engine_needs_topic(world->engine, "orders", who, sizeof who));
		assert_string_equal(who, "totals@1, totals@2");
		world_reopen(world);
		world_wait(world, "totals", 1);
		world_wait(world, "totals", 2);
	}
	/* The views are lost: they come back without what the log no longer has. */
	world_delete_views(world);
	world_wait(world, "totals", 1);
	world_wait(world, "totals", 2);
	expect_rows(world, "totals", 1, "ann|1|5\nbob|1|-2\ncid|1|1\n");
	assert_int_equal(missed(world, 1), 2);
	verify_expects(world, 1, STATUS_OK);
	world_produce(world, "orders", 1, "{\"customer\":\"cid\",\"amount\":1}");
	world_wait(world, "totals", 1);
	expect_rows(world, "totals", 1, "ann|1|5\nbob|1|-2\ncid|2|2\n");
	world_close(world);
}

static void a_version_built_from_a_trimmed_topic_says_what_it_misses(void **state)
{
	(void)state;
	world_run(trimmed_body);
}

static int engine_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_view_holds_history_and_follows_the_log),
		cmocka_unit_test(a_changed_view_is_replayed_diffed_promoted_and_rolled_back),
		cmocka_unit_test(formatting_alone_deploys_nothing),
		cmocka_unit_test(dependents_are_staged_promoted_and_rolled_back_with_it),
		cmocka_unit_test(a_global_aggregate_has_its_row_before_any_record),
		cmocka_unit_test(a_failing_version_stops_alone),
		cmocka_unit_test(views_deployed_together_share_one_scan),
		cmocka_unit_test(a_view_is_a_pure_function_of_the_log_prefix),
		cmocka_unit_test(everything_comes_back_from_the_log_alone),
		cmocka_unit_test(a_partition_added_is_read_by_running_and_replaying_versions),
		cmocka_unit_test(a_version_built_from_a_trimmed_topic_says_what_it_misses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return world_main(argc, argv, engine_tests);
}
