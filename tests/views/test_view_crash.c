/* kill -9 at any moment leaves an exact step (V1): a child process commits numbered steps of all kinds until
 * it is killed; then the directory is opened, and rows, counts, digest and offsets must all be those of one
 * and the same step, not older than the last one the child had reported as finished.
 *
 * Step i (from 1 on): every key k < WIDTH holds the row (k, variant of i, k) – so all rows change with every
 * step – one state entry says i, and the offset is i. Every third step is ingested as files, the others are
 * batches.
 *
 * KAPPA_TEST_KILLS sets the number of kills.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support_views.h"

enum { WIDTH = 40, KILLS_DEFAULT = 50 };

static uint32_t variant_of(int64_t step)
{
	return (uint32_t)(step % MODEL_VARIANTS);
}

static void step_commit(struct fixture *fixture, int64_t step)
{
	arena_reset(&fixture->arena);
	struct view_layout layout = fixture_layout(true);
	struct batch *batch = batch_make(&fixture->arena, &layout.schema, 2 * WIDTH, true, true);
	uint32_t row = 0;
	for (int64_t k = 0; k < WIDTH; k++) {
		if (step > 1) {
			row_fill(batch, row, k, variant_of(step - 1), &fixture->arena);
			batch->weights[row++] = -1;
		}
		row_fill(batch, row, k, variant_of(step), &fixture->arena);
		batch->weights[row++] = 1;
	}
	batch->row_count = row;
	view_store_set_ingest_entries_min(fixture->store, step % 3 == 0 ? 1 : SIZE_MAX);
	struct view_commit *commit = view_commit_begin(fixture->store);
	if (view_commit_rows(commit, batch) != STATUS_OK)
		abort();
	struct state_writer *states = view_commit_state(commit);
	states->put(states, 1, slice_of_string("step"), slice_of(&step, sizeof step));
	struct offset_entry entry = {"t", 0, step, INT64_MIN, 0};
	struct offset_vector offsets = {&entry, 1};
	if (view_commit_finish(commit, &offsets) != STATUS_OK) {
		(void)fprintf(stderr, "%s\n", error_current()->text);
		abort();
	}
}

/* In the child: commits until killed, reporting through shared memory. */
static _Noreturn void child_run(const char *path, _Atomic int64_t *reported)
{
	struct fixture fixture = {0};
	arena_init(&fixture.arena);
	(void)snprintf(fixture.path, sizeof fixture.path, "%s", path);
	struct view_layout layout = fixture_layout(true);
	if (view_environment_create(16 << 20, &fixture.environment) != STATUS_OK ||
		view_store_open(fixture.environment, fixture.path, &layout, &fixture.store) != STATUS_OK) {
		(void)fprintf(stderr, "%s\n", error_current()->text);
		abort();
	}
	struct offset_vector offsets;
	view_store_offsets(fixture.store, &fixture.arena, &offsets);
	int64_t step = offsets.count != 0 ? offsets.entries[0].offset : 0;
	for (;;) {
		step_commit(&fixture, ++step);
		atomic_store(reported, step);
	}
}

/* In a second child, so that no RocksDB thread lives in the process that forks: returns the step found. */
static _Noreturn void child_check(const char *path, _Atomic int64_t *found)
{
	struct fixture fixture = {0};
	arena_init(&fixture.arena);
	(void)snprintf(fixture.path, sizeof fixture.path, "%s", path);
	struct view_layout layout = fixture_layout(true);
	if (view_environment_create(16 << 20, &fixture.environment) != STATUS_OK ||
		view_store_open(fixture.environment, fixture.path, &layout, &fixture.store) != STATUS_OK) {
		(void)fprintf(stderr, "%s\n", error_current()->text);
		_exit(1);
	}
	struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
	const struct offset_vector *offsets = view_snapshot_offsets(snapshot);
	int64_t step = offsets->count != 0 ? offsets->entries[0].offset : 0, rows, stored = 0;
	struct digest digest, expected = {0, 0};
	bool good = snapshot_scan(snapshot, &digest, &rows) == STATUS_OK &&
				digest_equal(digest, view_snapshot_digest(snapshot));
	good = good && rows == view_snapshot_row_count(snapshot) && rows == (step != 0 ? WIDTH : 0);
	/* The rows are those of the step the offsets name. */
	struct batch *batch = batch_make(&fixture.arena, &layout.schema, WIDTH, true, false);
	for (uint32_t k = 0; k < WIDTH; k++)
		row_fill(batch, k, k, variant_of(step), &fixture.arena);
	if (step != 0)
		digest_add(&expected, batch);
	good = good && digest_equal(digest, expected);
	struct buffer value = {0};
	struct state_store *states = view_store_state(fixture.store);
	if (states->get(states, 1, slice_of_string("step"), &value) == STATUS_OK && value.size == sizeof stored)
		memcpy(&stored, value.data, sizeof stored);
	if (!good || stored != step) {
		(void)fprintf(stderr, "offset %lld, state of step %lld, %lld rows, digest %s\n", (long long)step,
			(long long)stored, (long long)rows, good ? "right" : "wrong");
		_exit(1);
	}
	atomic_store(found, step);
	view_snapshot_release(snapshot);
	view_store_close(fixture.store);
	_exit(0);
}

static void a_killed_store_is_at_an_exact_step(void **state)
{
	(void)state;
	const char *kills_text = getenv("KAPPA_TEST_KILLS");
	int kills = kills_text != NULL ? atoi(kills_text) : KILLS_DEFAULT;
	char dir[] = "/tmp/kappa-crash-XXXXXX", path[64], remove[80];
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/view@1", dir);
	_Atomic int64_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	_Atomic int64_t *reported = &shared[0], *found = &shared[1];
	int64_t last = 0;
	for (int i = 0; i < kills; i++) {
		pid_t child = fork();
		if (child == 0)
			child_run(path, reported);
		/* Mostly up to 30 ms after its first step, sometimes within opening. */
		int64_t before = *reported;
		struct timespec tick = {0, 1000000L};
		for (int waited = 0; i % 5 != 0 && *reported == before && waited < 10000; waited++)
			nanosleep(&tick, NULL);
		struct timespec wait = {0, (i * 37 % 31) * 1000000L + i * 7919 % 1000000};
		nanosleep(&wait, NULL);
		kill(child, SIGKILL);
		int ended;
		assert_int_equal(waitpid(child, &ended, 0), child);
		assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
		child = fork();
		if (child == 0)
			child_check(path, found);
		assert_int_equal(waitpid(child, &ended, 0), child);
		assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
		assert_true(*found >= *reported); /* kill -9 loses nothing that was written */
		assert_true(*found >= last);
		last = *found;
	}
	print_message("%d kills, %lld steps\n", kills, (long long)last);
	assert_true(last > 0);
	(void)snprintf(remove, sizeof remove, "rm -rf %s", dir);
	assert_int_equal(system(remove), 0);
	munmap((void *)(uintptr_t)shared, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_killed_store_is_at_an_exact_step)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
