/* A store keeps what it is told: random steps against a model, reopening, snapshots, ranges, netting, and
 * what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "support_views.h"

static uint64_t seed_from_environment(void)
{
	const char *text = getenv("KAPPA_TEST_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240601;
	print_message("seed %llu\n", (unsigned long long)seed);
	return seed;
}

static void play(bool keyed, size_t ingest_entries_min, uint64_t seed)
{
	struct fixture fixture;
	fixture_setup(&fixture, seed);
	struct model model = {.keyed = keyed}, *old_models = mem_alloc_zeroed(4, sizeof *old_models);
	struct view_snapshot *old[4] = {0};
	fixture_open(&fixture, keyed);
	assert_true(view_store_is_empty(fixture.store));
	for (uint32_t step = 0; step < 60; step++) {
		view_store_set_ingest_entries_min(fixture.store, ingest_entries_min);
		struct model before = model;
		uint32_t changes = random_below(&fixture, 10) == 0 ? 200 : random_below(&fixture, 12);
		struct view_commit *commit = step_make(&fixture, &model, changes);
		if (random_below(&fixture, 6) == 0) {
			view_commit_abandon(commit);
			model = before;
		} else {
			step_finish(&fixture, &model, commit);
			assert_false(view_store_is_empty(fixture.store));
		}
		if (random_below(&fixture, 3) == 0) {
			uint32_t slot = random_below(&fixture, 4);
			view_snapshot_release(old[slot]);
			old[slot] = view_snapshot_take(fixture.store);
			old_models[slot] = model;
		}
		uint32_t check = random_below(&fixture, 4);
		if (old[check] != NULL)
			snapshot_check(&fixture, old[check], &old_models[check]);
		states_check(&fixture, &model);
		if (random_below(&fixture, 8) != 0)
			continue;
		for (size_t i = 0; i < 4; i++) {
			view_snapshot_release(old[i]);
			old[i] = NULL;
		}
		fixture_close(&fixture);
		fixture_open(&fixture, keyed);
		struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
		snapshot_check(&fixture, snapshot, &model);
		view_snapshot_release(snapshot);
		states_check(&fixture, &model);
	}
	for (size_t i = 0; i < 4; i++)
		view_snapshot_release(old[i]);
	mem_free(old_models);
	fixture_teardown(&fixture);
}

static void random_steps_of_a_keyed_view_match_the_model(void **state)
{
	(void)state;
	uint64_t seed = seed_from_environment();
	play(true, SIZE_MAX, seed);
	play(true, 1, seed + 1);  /* every step ingested */
	play(true, 40, seed + 2); /* mixed */
}

static void random_steps_of_an_unkeyed_view_match_the_model(void **state)
{
	(void)state;
	uint64_t seed = seed_from_environment();
	play(false, SIZE_MAX, seed + 3);
	play(false, 1, seed + 4);
	play(false, 40, seed + 5);
}

/* ---- snapshots ---- */

static void snapshots_outlive_the_store_and_its_directory(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 1);
	struct model model = {.keyed = true};
	fixture_open(&fixture, true);
	for (int i = 0; i < 4; i++) {
		view_store_set_ingest_entries_min(fixture.store, i == 1 ? 1 : SIZE_MAX);
		step_finish(&fixture, &model, step_make(&fixture, &model, 300));
	}
	struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
	struct view_snapshot *shared = view_snapshot_retain(snapshot);
	view_snapshot_release(snapshot);
	fixture_close(&fixture);
	assert_int_equal(view_store_destroy(fixture.path), STATUS_OK);
	assert_false(file_exists(fixture.path));
	snapshot_check(&fixture, shared, &model);
	view_snapshot_release(shared);
	assert_int_equal(view_store_destroy(fixture.path), STATUS_OK);
	fixture_teardown(&fixture);
}

struct taker {
	struct view_store *store;
	atomic_bool stop;
	uint64_t taken, read_through;
	bool wrong;
};

static void *take_snapshots(void *context)
{
	struct taker *taker = context;
	while (!atomic_load(&taker->stop)) {
		struct view_snapshot *snapshot = view_snapshot_take(taker->store);
		if (!snapshot_is_of_one_step(snapshot))
			taker->wrong = true;
		taker->taken++;
		view_snapshot_release(snapshot);
	}
	return NULL;
}

static void snapshots_taken_while_steps_are_written_are_of_one_step(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 2);
	struct model model = {.keyed = true};
	fixture_open(&fixture, true);
	struct taker taker = {.store = fixture.store};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, take_snapshots, &taker), 0);
	for (int i = 0; i < 150; i++) {
		view_store_set_ingest_entries_min(fixture.store, i % 5 == 0 ? 1 : SIZE_MAX);
		step_finish(&fixture, &model, step_make(&fixture, &model, 60));
	}
	atomic_store(&taker.stop, true);
	pthread_join(thread, NULL);
	assert_false(taker.wrong);
	assert_true(taker.taken > 0);
	fixture_teardown(&fixture);
}

struct glance {
	struct view_store *store;
	int64_t delay_ns; /* from the beginning of the write */
	struct view_snapshot *snapshot;
};

/* Takes one snapshot while the first write is under way, or just after it. */
static void *glance_take(void *context)
{
	struct glance *glance = context;
	while (atomic_load(&glance->store->writes_begun) == 0)
		continue;
	int64_t from = clock_monotonic_ns();
	while (clock_monotonic_ns() - from < glance->delay_ns)
		continue;
	glance->snapshot = view_snapshot_take(glance->store);
	return NULL;
}

/* The very first files overlap nothing: RocksDB would let snapshots see them that were taken while it wrote
 * its manifest. */
static void snapshots_taken_while_the_first_files_are_ingested_do_not_see_them_later(void **state)
{
	(void)state;
	enum { TRIES = 64 };
	int64_t duration_ns = 0; /* of the write in the try before */
	for (uint32_t try = 0; try < TRIES; try++) {
		struct fixture fixture;
		fixture_setup(&fixture, try);
		struct model model = {.keyed = true};
		fixture_open(&fixture, true);
		view_store_set_ingest_entries_min(fixture.store, 1);
		struct glance glance = {.store = fixture.store, .delay_ns = duration_ns * try / TRIES};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, glance_take, &glance), 0);
		struct view_commit *commit = step_make(&fixture, &model, 60);
		int64_t from = clock_monotonic_ns();
		step_finish(&fixture, &model, commit);
		duration_ns = clock_monotonic_ns() - from;
		pthread_join(thread, NULL);
		assert_true(snapshot_is_of_one_step(glance.snapshot));
		view_snapshot_release(glance.snapshot);
		fixture_teardown(&fixture);
	}
}

/* ---- ranges ---- */

/* A keyed view of (a int, b text) whose key is both. */
static struct view_layout pair_layout(void)
{
	static struct field fields[] = {
		{"a", {TYPE_INT4, -1}, false}, {"b", {TYPE_TEXT, -1}, false}, {"v", {TYPE_INT8, -1}, true}};
	static const uint32_t key[] = {0, 1};
	return (struct view_layout){{fields, 3}, true, key, 2, "pairs"};
}

/* Rows a = −2…2 and null, b = "", "x", "x\0", "y", null; v numbers them. */
static void pairs_insert(struct fixture *fixture, struct view_store *store)
{
	static const struct text texts[] = {{"", 0, 0}, {"x", 1, 0}, {"x\0", 2, 0}, {"y", 1, 0}, {"", 0, 0}};
	struct view_layout layout = pair_layout();
	struct batch *batch = batch_make(&fixture->arena, &layout.schema, 30, true, false);
	for (uint32_t row = 0; row < 30; row++) {
		batch->columns[0].i64[row] = (int64_t)(row / 5) - 2;
		batch->columns[0].nulls[row] = row / 5 == 5;
		batch->columns[1].texts[row] = texts[row % 5];
		batch->columns[1].nulls[row] = row % 5 == 4;
		batch->columns[2].i64[row] = row;
	}
	struct view_commit *commit = view_commit_begin(store);
	assert_int_equal(view_commit_rows(commit, batch), STATUS_OK);
	struct offset_vector offsets = {NULL, 0};
	assert_int_equal(view_commit_finish(commit, &offsets), STATUS_OK);
}

static void expect_range(
	struct fixture *fixture, struct relation *relation, const struct key_range *range, const char *expected)
{
	struct scan_request request = {.row_limit = UINT64_MAX, .range = *range};
	struct scan *scan;
	assert_int_equal(relation->open(relation, &request, &scan), STATUS_OK);
	struct buffer got = {0};
	struct batch *batch;
	while (scan->next(scan, &fixture->arena, &batch) == STATUS_OK)
		for (uint32_t row = 0; row < batch->row_count; row++)
			buffer_printf(&got, "%lld ", (long long)batch->columns[2].i64[row]);
	buffer_append_byte(&got, 0);
	assert_string_equal((const char *)got.data, expected);
	buffer_deinit(&got);
	scan->close(scan);
}

static struct value int_value(int64_t number)
{
	struct value value = {.type = type_of(TYPE_INT4), .null = false};
	value.i64 = number;
	return value;
}

static struct value text_value(const char *text)
{
	struct value value = {.type = type_of(TYPE_TEXT), .null = false};
	value.text = (struct text){.data = text, .size = (uint32_t)strlen(text)};
	return value;
}

static void key_ranges_select_what_comparisons_select(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 3);
	struct view_layout layout = pair_layout();
	struct view_store *store;
	assert_int_equal(view_store_open(fixture.environment, fixture.path, &layout, &store), STATUS_OK);
	pairs_insert(&fixture, store);
	struct view_snapshot *snapshot = view_snapshot_take(store);
	struct relation *relation = view_snapshot_relation(snapshot);
	assert_int_equal(relation->key_count, 2);
	assert_int_equal(relation->row_estimate, 30);
	struct value zero = int_value(0), one = int_value(1), x = text_value("x"), none = text_value("zzz");
	struct value zero_x[] = {zero, x}, zero_none[] = {zero, none};
	struct key_range all = {0};
	expect_range(&fixture, relation, &all,
		"0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 ");
	struct key_range equal = {.prefix = &zero, .prefix_count = 1};
	expect_range(&fixture, relation, &equal, "10 11 12 13 14 ");
	struct key_range whole = {.prefix = zero_x, .prefix_count = 2};
	expect_range(&fixture, relation, &whole, "11 ");
	struct key_range missing = {.prefix = zero_none, .prefix_count = 2};
	expect_range(&fixture, relation, &missing, "");
	struct key_range above = {.low = &zero};
	expect_range(&fixture, relation, &above, "15 16 17 18 19 20 21 22 23 24 ");
	struct key_range between = {.low = &zero, .high = &one, .low_inclusive = true};
	expect_range(&fixture, relation, &between, "10 11 12 13 14 ");
	struct key_range to_one = {.high = &one, .high_inclusive = true};
	expect_range(&fixture, relation, &to_one, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ");
	struct key_range backwards = {.low = &one, .high = &zero, .low_inclusive = true, .high_inclusive = true};
	expect_range(&fixture, relation, &backwards, "");
	struct key_range text_above = {.prefix = &zero, .prefix_count = 1, .low = &x};
	expect_range(&fixture, relation, &text_above, "12 13 ");
	struct key_range text_from = {
		.prefix = &zero, .prefix_count = 1, .low = &x, .low_inclusive = true, .high = &none};
	expect_range(&fixture, relation, &text_from, "11 12 13 ");
	struct key_range text_below = {.prefix = &zero, .prefix_count = 1, .high = &x};
	expect_range(&fixture, relation, &text_below, "10 ");
	relation->release(relation);
	view_snapshot_release(snapshot);
	view_store_close(store);
	fixture_teardown(&fixture);
}

static bool always(void *context)
{
	(void)context;
	return true;
}

static void scans_obey_cancellation_and_grow_their_batches(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 4);
	fixture_open(&fixture, true);
	struct view_layout layout = fixture_layout(true);
	struct batch *batch = batch_make(&fixture.arena, &layout.schema, 10000, true, false);
	for (uint32_t row = 0; row < 10000; row++)
		row_fill(batch, row, row, 0, &fixture.arena);
	struct view_commit *commit = view_commit_begin(fixture.store);
	assert_int_equal(view_commit_rows(commit, batch), STATUS_OK);
	struct offset_vector offsets = {NULL, 0};
	assert_int_equal(view_commit_finish(commit, &offsets), STATUS_OK);
	struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
	struct relation *relation = view_snapshot_relation(snapshot);
	view_snapshot_release(snapshot); /* the relation keeps it */
	struct scan *scan;
	struct scan_request request = {.row_limit = UINT64_MAX};
	assert_int_equal(relation->open(relation, &request, &scan), STATUS_OK);
	uint32_t total = 0, first = 0, greatest = 0;
	while (scan->next(scan, &fixture.arena, &batch) == STATUS_OK) {
		first = first == 0 ? batch->row_count : first;
		greatest = batch->row_count > greatest ? batch->row_count : greatest;
		total += batch->row_count;
	}
	assert_int_equal(scan->next(scan, &fixture.arena, &batch), STATUS_END);
	scan->close(scan);
	assert_int_equal(total, 10000);
	assert_true(first < 100 && greatest == BATCH_ROWS_TYPICAL);
	/* A limit is a hint: the first batch is that small, and more can be had. */
	request.row_limit = 5;
	assert_int_equal(relation->open(relation, &request, &scan), STATUS_OK);
	assert_int_equal(scan->next(scan, &fixture.arena, &batch), STATUS_OK);
	assert_int_equal(batch->row_count, 5);
	assert_int_equal(scan->next(scan, &fixture.arena, &batch), STATUS_OK);
	scan->close(scan);
	request.cancelled = always;
	assert_int_equal(relation->open(relation, &request, &scan), STATUS_OK);
	assert_int_equal(scan->next(scan, &fixture.arena, &batch), STATUS_CANCELLED);
	scan->close(scan);
	relation->release(relation);
	fixture_teardown(&fixture);
}

/* ---- steps that cannot be ---- */

static status commit_rows(struct fixture *fixture, bool keyed, const int64_t (*rows)[3], uint32_t count)
{
	struct view_layout layout = fixture_layout(keyed);
	struct batch *batch = batch_make(&fixture->arena, &layout.schema, count, true, true);
	for (uint32_t row = 0; row < count; row++) {
		row_fill(batch, row, rows[row][0], (uint32_t)rows[row][1], &fixture->arena);
		batch->weights[row] = rows[row][2];
	}
	struct view_commit *commit = view_commit_begin(fixture->store);
	assert_int_equal(view_commit_rows(commit, batch), STATUS_OK);
	struct offset_vector offsets = {NULL, 0};
	return view_commit_finish(commit, &offsets);
}

static void impossible_steps_are_refused_whole(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 5);
	fixture_open(&fixture, true);
	static const int64_t good[][3] = {{1, 0, 1}, {2, 0, 1}}, two_rows[][3] = {{3, 0, 1}, {3, 1, 1}};
	static const int64_t twice[][3] = {{3, 0, 2}},
						 nothing[][3] = {{3, 0, 1}, {3, 0, -1}, {1, 0, -1}, {1, 2, 1}};
	assert_int_equal(commit_rows(&fixture, true, good, 2), STATUS_OK);
	assert_int_equal(commit_rows(&fixture, true, two_rows, 2), STATUS_INTERNAL);
	assert_int_equal(commit_rows(&fixture, true, twice, 1), STATUS_INTERNAL);
#ifdef KAPPA_DEBUG
	static const int64_t occupied[][3] = {{1, 1, 1}}, not_there[][3] = {{1, 1, -1}};
	assert_int_equal(commit_rows(&fixture, true, occupied, 1), STATUS_INTERNAL);
	assert_int_equal(commit_rows(&fixture, true, not_there, 1), STATUS_INTERNAL);
#endif
	assert_int_equal(commit_rows(&fixture, true, nothing, 4), STATUS_OK);
	struct model model = {.keyed = true};
	model.weights[1][2] = model.weights[2][0] = 1;
	struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
	assert_int_equal(view_snapshot_row_count(snapshot), 2);
	snapshot_check(&fixture, snapshot, &model);
	view_snapshot_release(snapshot);
	fixture_close(&fixture);
	assert_int_equal(view_store_destroy(fixture.path), STATUS_OK);

	fixture_open(&fixture, false);
	static const int64_t some[][3] = {{1, 0, 3}, {1, 1, 1}}, fewer[][3] = {{1, 0, -2}},
						 too_few[][3] = {{1, 0, -2}, {2, 0, 5}};
	static const int64_t rest[][3] = {{1, 0, -1}};
	assert_int_equal(commit_rows(&fixture, false, some, 2), STATUS_OK);
	assert_int_equal(commit_rows(&fixture, false, fewer, 1), STATUS_OK);
	assert_int_equal(commit_rows(&fixture, false, too_few, 2), STATUS_INTERNAL);
	assert_int_equal(commit_rows(&fixture, false, rest, 1), STATUS_OK);
	struct model bag = {.keyed = false};
	bag.weights[1][1] = 1;
	snapshot = view_snapshot_take(fixture.store);
	snapshot_check(&fixture, snapshot, &bag);
	view_snapshot_release(snapshot);
	fixture_teardown(&fixture);
}

static void a_row_added_again_and_again_sums_up(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 6);
	fixture_open(&fixture, false);
	static const int64_t one[][3] = {{1, 0, 1}}, less[][3] = {{1, 0, -7}};
	struct model model = {.keyed = false};
	for (int i = 0; i < 200; i++) {
		view_store_set_ingest_entries_min(fixture.store, i % 50 == 0 ? 1 : SIZE_MAX);
		assert_int_equal(commit_rows(&fixture, false, i % 20 == 19 ? less : one, 1), STATUS_OK);
		model.weights[1][0] += i % 20 == 19 ? -7 : 1;
	}
	fixture_close(&fixture);
	fixture_open(&fixture, false);
	struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
	snapshot_check(&fixture, snapshot, &model);
	view_snapshot_release(snapshot);
	fixture_teardown(&fixture);
}

static void a_view_without_key_columns_holds_one_row(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 7);
	struct view_layout layout = fixture_layout(true);
	layout.key_count = 0;
	struct view_store *store;
	assert_int_equal(view_store_open(fixture.environment, fixture.path, &layout, &store), STATUS_OK);
	for (int64_t i = 0; i < 5; i++) {
		struct batch *batch = batch_make(&fixture.arena, &layout.schema, 2, true, true);
		row_fill(batch, 0, i, 0, &fixture.arena);
		row_fill(batch, 1, i - 1, 0, &fixture.arena);
		batch->weights[0] = 1;
		batch->weights[1] = -1;
		batch->row_count = i == 0 ? 1 : 2;
		struct view_commit *commit = view_commit_begin(store);
		assert_int_equal(view_commit_rows(commit, batch), STATUS_OK);
		struct offset_vector offsets = {NULL, 0};
		assert_int_equal(view_commit_finish(commit, &offsets), STATUS_OK);
	}
	struct view_snapshot *snapshot = view_snapshot_take(store);
	assert_true(snapshot_is_of_one_step(snapshot));
	assert_int_equal(view_snapshot_row_count(snapshot), 1);
	view_snapshot_release(snapshot);
	view_store_close(store);
	fixture_teardown(&fixture);
}

static void a_store_is_opened_once(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 8);
	fixture_open(&fixture, true);
	struct view_layout layout = fixture_layout(true);
	struct view_store *second;
	assert_int_equal(view_store_open(fixture.environment, fixture.path, &layout, &second), STATUS_LOCKED);
	fixture_teardown(&fixture);
}

static void large_steps_are_split_into_files(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 9);
	fixture_open(&fixture, true);
	struct view_commit *commit = view_commit_begin(fixture.store);
	/* 3 × 64 MiB of state in random order, then rows on top. */
	uint8_t value[16384] = {0};
	struct state_writer *states = view_commit_state(commit);
	for (uint32_t i = 0; i < 9000; i++) {
		uint32_t key = i * 2654435761u;
		for (size_t b = 0; b < sizeof value; b += 64)
			value[b] = (uint8_t)random_below(&fixture, 256);
		states->put(states, 1, slice_of(&key, sizeof key), slice_of(value, sizeof value));
	}
	assert_true(view_commit_bytes(commit) > (size_t)9000 * 16384);
	view_store_set_ingest_entries_min(fixture.store, 1);
	struct offset_vector offsets = {NULL, 0};
	assert_int_equal(view_commit_finish(commit, &offsets), STATUS_OK);
	assert_true(view_store_disk_bytes(fixture.store) > 0);
	for (uint32_t i = 0; i < 9000; i += 100) {
		uint32_t key = i * 2654435761u;
		struct buffer got = {0};
		struct state_store *store = view_store_state(fixture.store);
		assert_int_equal(store->get(store, 1, slice_of(&key, sizeof key), &got), STATUS_OK);
		assert_int_equal(got.size, sizeof value);
		buffer_deinit(&got);
	}
	fixture_teardown(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_of_a_keyed_view_match_the_model),
		cmocka_unit_test(random_steps_of_an_unkeyed_view_match_the_model),
		cmocka_unit_test(snapshots_outlive_the_store_and_its_directory),
		cmocka_unit_test(snapshots_taken_while_steps_are_written_are_of_one_step),
		cmocka_unit_test(snapshots_taken_while_the_first_files_are_ingested_do_not_see_them_later),
		cmocka_unit_test(key_ranges_select_what_comparisons_select),
		cmocka_unit_test(scans_obey_cancellation_and_grow_their_batches),
		cmocka_unit_test(impossible_steps_are_refused_whole),
		cmocka_unit_test(a_row_added_again_and_again_sums_up),
		cmocka_unit_test(a_view_without_key_columns_holds_one_row),
		cmocka_unit_test(a_store_is_opened_once),
		cmocka_unit_test(large_steps_are_split_into_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
