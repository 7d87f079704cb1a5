/* What a view store costs: commits of many sizes as batches and as ingested files, point reads, scans,
 * snapshots. One thread.
 *
 *   bench_store [rows] [directory]
 *
 * Rows are (k bigint, category text, count bigint, sum numeric, avg float8), keyed by k, about 45 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "views/store_internal.h"

enum { BATCH = 50000 };

static struct field fields[] = {
	{"k", {TYPE_INT8, -1}, true},
	{"category", {TYPE_TEXT, -1}, true},
	{"count", {TYPE_INT8, -1}, true},
	{"sum", {TYPE_NUMERIC, -1}, true},
	{"avg", {TYPE_FLOAT8, -1}, true},
};
static const uint32_t key[] = {0};

static void check(status result, const char *what)
{
	if (result == STATUS_OK)
		return;
	(void)fprintf(stderr, "%s: %s\n", what, error_current()->text);
	exit(1);
}

static void row_set(struct batch *batch, uint32_t row, uint64_t k, uint64_t version, int64_t weight)
{
	static const char *const names[] = {"Google", "Facebook", "Baidu", "Apple"};
	uint64_t hash = hash_mix(k * 31 + version);
	batch->columns[0].i64[row] = (int64_t)k;
	const char *name = names[hash % 4];
	batch->columns[1].texts[row] = (struct text){.data = name, .size = (uint32_t)strlen(name)};
	batch->columns[2].i64[row] = (int64_t)(hash >> 50);
	batch->columns[3].decimals[row] = (struct decimal){.value = (int64_t)(hash >> 30), .scale = 2};
	batch->columns[4].f64[row] = (double)(hash >> 20) / 16;
	batch->weights[row] = weight;
}

/* Commits `rows` changed rows in steps of `step`; version 0 inserts, later ones replace. Returns rows/s. */
static double commit_rows(
	struct view_store *store, uint64_t rows, uint64_t step, uint64_t range, uint64_t version)
{
	struct arena arena;
	arena_init(&arena);
	struct schema schema = {fields, 5};
	int64_t begin = clock_monotonic_ns(), made_ns = 0;
	for (uint64_t at = 0; at < rows; at += step) {
		struct view_commit *commit = view_commit_begin(store);
		for (uint64_t done = 0; done < step; done += BATCH) {
			int64_t making = clock_monotonic_ns();
			uint64_t count = step - done < BATCH ? step - done : BATCH;
			struct batch *batch = batch_make(&arena, &schema, (uint32_t)(2 * count), false, true);
			uint32_t row = 0;
			for (uint64_t i = 0; i < count; i++) {
				/* A permutation of the range, so that keys come in no order. */
				uint64_t k = (at + done + i) * 2654435761u % range;
				if (version != 0)
					row_set(batch, row++, k, version - 1, -1);
				row_set(batch, row++, k, version, 1);
			}
			batch->row_count = row;
			made_ns += clock_monotonic_ns() - making;
			check(view_commit_rows(commit, batch), "rows");
			arena_reset(&arena);
		}
		struct offset_entry entry = {"bids", 0, (int64_t)at, 0, 0};
		struct offset_vector offsets = {&entry, 1};
		check(view_commit_finish(commit, &offsets), "commit");
	}
	double seconds = (double)(clock_monotonic_ns() - begin - made_ns) / 1e9;
	arena_deinit(&arena);
	return (double)rows / seconds;
}

static void measure_reads(struct view_store *store, uint64_t range)
{
	struct arena arena;
	arena_init(&arena);
	int64_t begin = clock_monotonic_ns();
	enum { SNAPSHOTS = 100000, GETS = 200000 };
	for (int i = 0; i < SNAPSHOTS; i++)
		view_snapshot_release(view_snapshot_take(store));
	printf("%-58s %10.2f us\n", "snapshot taken and released",
		(double)(clock_monotonic_ns() - begin) / SNAPSHOTS / 1e3);
	struct view_snapshot *snapshot = view_snapshot_take(store);
	struct relation *relation = view_snapshot_relation(snapshot);
	struct scan *scan;
	struct batch *batch;
	for (int pass = 0; pass < 2; pass++) {
		begin = clock_monotonic_ns();
		for (uint64_t i = 0; i < GETS; i++) {
			struct value k = {.type = type_of(TYPE_INT8), .null = false};
			k.i64 = (int64_t)(hash_mix(i) % range % 50000);
			struct scan_request request = {
				.row_limit = UINT64_MAX, .range = {.prefix = &k, .prefix_count = 1}};
			check(relation->open(relation, &request, &scan), "open");
			check(scan->next(scan, &arena, &batch), "next");
			scan->close(scan);
			arena_reset(&arena);
		}
		printf("%-58s %10.2f us\n",
			pass == 0 ? "row by key (50 000 hot keys, cold)" : "row by key (50 000 hot keys, warm)",
			(double)(clock_monotonic_ns() - begin) / GETS / 1e3);
	}
	begin = clock_monotonic_ns();
	uint64_t rows = 0;
	struct scan_request all = {.row_limit = UINT64_MAX};
	check(relation->open(relation, &all, &scan), "open");
	while (scan->next(scan, &arena, &batch) == STATUS_OK) {
		rows += batch->row_count;
		arena_reset(&arena);
	}
	scan->close(scan);
	printf("%-58s %10.0f rows/s\n", "scan of all rows",
		(double)rows * 1e9 / (double)(clock_monotonic_ns() - begin));
	relation->release(relation);
	view_snapshot_release(snapshot);
	arena_deinit(&arena);
}

int main(int argc, char **argv)
{
	uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	char dir[256];
	(void)snprintf(dir, sizeof dir, "%s/kappa-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (rows == 0 || mkdtemp(dir) == NULL)
		return 2;
	struct view_environment *environment;
	check(view_environment_create((size_t)256 << 20, &environment), "environment");
	struct view_layout layout = {{fields, 5}, true, key, 1, "bench"};
	char path[300];
	(void)snprintf(path, sizeof path, "%s/view", dir);
	printf("store: %llu rows; making the batches is not counted\n", (unsigned long long)rows);
	static const uint64_t steps[] = {1, 100, 5000, 20000, 50000, 200000};
	for (int ingested = 0; ingested < 2; ingested++) {
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			if (ingested != 0 && steps[i] < 5000)
				continue;
			struct view_store *store;
			check(view_store_open(environment, path, &layout, &store), "open");
			view_store_set_ingest_entries_min(store, ingested != 0 ? 1 : SIZE_MAX);
			uint64_t some = steps[i] == 1 ? 100000 : steps[i] == 100 ? 300000 : rows - rows % steps[i];
			double fresh = commit_rows(store, some, steps[i], some, 0);
			double changed = commit_rows(store, some, steps[i], some, 1);
			printf("steps of %6llu rows, %-9s  insert %10.0f, replace %10.0f rows/s\n",
				(unsigned long long)steps[i], ingested != 0 ? "ingested" : "batches", fresh, changed);
			view_store_close(store);
			check(view_store_destroy(path), "destroy");
		}
	}
	struct view_store *store;
	check(view_store_open(environment, path, &layout, &store), "open");
	view_store_set_ingest_entries_min(store, 1);
	printf(
		"%-58s %10.0f rows/s\n", "one step of all rows, ingested", commit_rows(store, rows, rows, rows, 0));
	measure_reads(store, rows);
	view_store_close(store);
	int64_t begin = clock_monotonic_ns();
	check(view_store_open(environment, path, &layout, &store), "open");
	printf("%-58s %10.2f ms\n", "opening", (double)(clock_monotonic_ns() - begin) / 1e6);
	view_store_close(store);
	check(view_store_destroy(path), "destroy");
	view_environment_destroy(environment);
	return rmdir(dir) == 0 ? 0 : 1;
}
