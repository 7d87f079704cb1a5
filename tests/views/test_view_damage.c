/* A directory that cannot be believed is DAMAGED, at opening or at reading, never a crash and never wrong
 * rows (V2): every kind of file deleted, cut, emptied, and flipped at seeded places; another fingerprint;
 * missing directories.
 *
 * The opening and reading is done in a child process, so that an abort would be seen as such.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "support_views.h"

enum { OUTCOME_SAME, OUTCOME_OLDER, OUTCOME_DAMAGED, OUTCOME_OTHER, OUTCOME_WRONG };

static uint64_t property_of(rocksdb_t *db, const char *name)
{
	uint64_t value;
	if (rocksdb_property_int(db, name, &value) != 0)
		abort();
	return value;
}

/* Until no compaction runs or is due: one that is killed leaves files that no manifest names yet. One may
 * begin or end between the two questions, so the answer has to stay the same for a while. */
static void compactions_wait(rocksdb_t *db)
{
	int calm = 0;
	for (int waited_ms = 0; calm < 10; waited_ms++) {
		bool busy = property_of(db, "rocksdb.compaction-pending") != 0 ||
					property_of(db, "rocksdb.num-running-compactions") != 0;
		calm = busy ? 0 : calm + 1;
		if (waited_ms > 60000) {
			(void)fprintf(stderr, "RocksDB does not stop compacting\n");
			abort();
		}
		(void)usleep(1000);
	}
}

static bool is_live(const rocksdb_livefiles_t *live, const char *name)
{
	for (int i = 0; i < rocksdb_livefiles_count(live); i++)
		if (strcmp(rocksdb_livefiles_name(live, i) + 1, name) == 0) /* after a slash */
			return true;
	return false;
}

/* What a compaction has replaced may stay for hours when a file was ingested meanwhile. */
static void replaced_files_remove(const struct fixture *fixture)
{
	const rocksdb_livefiles_t *live = rocksdb_livefiles(fixture->store->db);
	struct directory_list files;
	if (directory_list(fixture->path, &files) != STATUS_OK)
		abort();
	for (size_t i = 0; i < files.count; i++) {
		char path[512];
		(void)snprintf(path, sizeof path, "%s/%s", fixture->path, files.names[i]);
		if (strstr(path, ".sst") != NULL && !is_live(live, files.names[i]))
			(void)unlink(path); /* RocksDB may be faster */
	}
	rocksdb_livefiles_destroy(live);
	directory_list_free(&files);
}

/* Makes a store with several files, each of which is needed, and a WAL that matters. */
static void store_build(const char *path)
{
	struct fixture fixture = {.random = 11};
	arena_init(&fixture.arena);
	(void)snprintf(fixture.path, sizeof fixture.path, "%s", path);
	if (view_environment_create(16 << 20, &fixture.environment) != STATUS_OK)
		abort();
	struct model model = {.keyed = true};
	fixture_open(&fixture, true);
	for (int i = 0; i < 12; i++) {
		view_store_set_ingest_entries_min(fixture.store, i % 4 == 1 ? 1 : SIZE_MAX);
		step_finish(&fixture, &model, step_make(&fixture, &model, 100));
	}
	compactions_wait(fixture.store->db);
	replaced_files_remove(&fixture);
	/* Not closed: the manifest ends with the last ingestion and the WAL holds what came after it, as after a
	 * kill. */
}

/* Opens and reads everything. */
static int store_outcome(const char *path, const char *fingerprint)
{
	struct view_environment *environment;
	if (view_environment_create(16 << 20, &environment) != STATUS_OK)
		return OUTCOME_OTHER;
	struct view_layout layout = fixture_layout(true);
	layout.fingerprint = fingerprint;
	struct view_store *store;
	status result = view_store_open(environment, path, &layout, &store);
	if (result != STATUS_OK) {
		if (result != STATUS_DAMAGED)
			(void)fprintf(stderr, "%s: %s\n", status_name(result), error_current()->text);
		return result == STATUS_DAMAGED ? OUTCOME_DAMAGED : OUTCOME_OTHER;
	}
	struct view_snapshot *snapshot = view_snapshot_take(store);
	struct digest digest;
	int64_t rows;
	const struct offset_vector *offsets = view_snapshot_offsets(snapshot);
	int outcome = offsets->count == 2 && offsets->entries[0].offset == 24 ? OUTCOME_SAME : OUTCOME_OLDER;
	result = snapshot_scan(snapshot, &digest, &rows);
	if (result != STATUS_OK) {
		if (result != STATUS_DAMAGED)
			(void)fprintf(stderr, "%s: %s\n", status_name(result), error_current()->text);
		outcome = result == STATUS_DAMAGED ? OUTCOME_DAMAGED : OUTCOME_OTHER;
	} else if (!digest_equal(digest, view_snapshot_digest(snapshot)) ||
			   rows != view_snapshot_row_count(snapshot)) {
		outcome = OUTCOME_WRONG;
	}
	view_snapshot_release(snapshot);
	view_store_close(store);
	view_environment_destroy(environment);
	return outcome;
}

static int in_child(
	int (*work)(const char *path, const char *fingerprint), const char *path, const char *fingerprint)
{
	pid_t child = fork();
	if (child == 0)
		_exit(work(path, fingerprint));
	int ended;
	assert_int_equal(waitpid(child, &ended, 0), child);
	if (!WIFEXITED(ended))
		fail_msg("the store crashed (signal %d)", WTERMSIG(ended));
	return WEXITSTATUS(ended);
}

static int build_work(const char *path, const char *fingerprint)
{
	(void)fingerprint;
	store_build(path);
	return 0;
}

struct damage_fixture {
	char dir[64], original[96], copy[96];
	struct directory_list files;
};

/* A fresh copy; returns the path of one of its files. */
static const char *copy_make(struct damage_fixture *fixture, const char *name)
{
	static char path[512];
	char command[512];
	(void)snprintf(
		command, sizeof command, "rm -rf %s && cp -r %s %s", fixture->copy, fixture->original, fixture->copy);
	assert_int_equal(system(command), 0);
	(void)snprintf(path, sizeof path, "%s/%s", fixture->copy, name);
	return path;
}

static void damage_setup(struct damage_fixture *fixture)
{
	(void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/kappa-damage-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(fixture->original, sizeof fixture->original, "%s/a/b/view@1", fixture->dir);
	(void)snprintf(fixture->copy, sizeof fixture->copy, "%s/copy", fixture->dir);
	assert_int_equal(in_child(build_work, fixture->original, NULL), 0);
	assert_int_equal(directory_list(fixture->original, &fixture->files), STATUS_OK);
	(void)copy_make(fixture, "");
	assert_int_equal(in_child(store_outcome, fixture->copy, "keyed-1"), OUTCOME_SAME);
}

static void damage_teardown(struct damage_fixture *fixture)
{
	directory_list_free(&fixture->files);
	assert_int_equal(directory_remove(fixture->dir), STATUS_OK);
}

/* LOG, LOCK and OPTIONS files say nothing about the data. */
static bool matters(const char *name)
{
	return strncmp(name, "LOG", 3) != 0 && strcmp(name, "LOCK") != 0 && strncmp(name, "OPTIONS", 7) != 0 &&
		   strcmp(name, "IDENTITY") != 0 && strcmp(name, "ingest") != 0;
}

static bool is_wal(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot != NULL && strcmp(dot, ".log") == 0;
}

/* A damaged write-ahead log or manifest may end early: an exact older step. Everything else must be seen as
 * damage, or be of no consequence (a flipped bit in padding). */
static void expect_believable(const char *name, int outcome, bool removed)
{
	if (getenv("KAPPA_TEST_VERBOSE") != NULL)
		print_message("%s: outcome %d\n", name, outcome);
	bool history = is_wal(name) || strncmp(name, "MANIFEST", 8) == 0;
	bool good = outcome == OUTCOME_DAMAGED || (history && outcome == OUTCOME_OLDER) ||
				((!removed || is_wal(name)) && outcome == OUTCOME_SAME);
	if (!good)
		fail_msg("%s: outcome %d", name, outcome);
}

static void deleted_and_cut_files_are_damage(void **state)
{
	(void)state;
	struct damage_fixture fixture;
	damage_setup(&fixture);
	bool table = false, wal = false;
	for (size_t i = 0; i < fixture.files.count; i++) {
		const char *name = fixture.files.names[i];
		if (!matters(name))
			continue;
		table = table || strstr(name, ".sst") != NULL;
		wal = wal || is_wal(name);
		const char *path = copy_make(&fixture, name);
		assert_int_equal(file_remove(path), STATUS_OK);
		expect_believable(name, in_child(store_outcome, fixture.copy, "keyed-1"), true);
		/* A cut manifest loses whole edits: the case that must not leave a step out of the middle. */
		int cuts = strncmp(name, "MANIFEST", 8) == 0 ? 24 : 3;
		for (int cut = 0; cut < cuts; cut++) {
			path = copy_make(&fixture, name);
			struct file file = {-1, NULL};
			int64_t size;
			assert_int_equal(file_open(&file, path, FILE_UPDATE), STATUS_OK);
			assert_int_equal(file_size(&file, &size), STATUS_OK);
			if (size != 0)
				assert_int_equal(
					file_truncate(&file, cut + 1 == cuts ? size - 1 : size * cut / cuts), STATUS_OK);
			file_close(&file);
			expect_believable(name, in_child(store_outcome, fixture.copy, "keyed-1"), false);
		}
	}
	assert_true(table && wal);
	damage_teardown(&fixture);
}

static void flipped_bytes_are_damage_or_of_no_consequence(void **state)
{
	(void)state;
	struct damage_fixture fixture;
	damage_setup(&fixture);
	const char *flips_text = getenv("KAPPA_TEST_FLIPS");
	int flips = flips_text != NULL ? atoi(flips_text) : 12;
	uint64_t random = 5;
	int seen = 0;
	for (size_t i = 0; i < fixture.files.count; i++) {
		const char *name = fixture.files.names[i];
		for (int flip = 0; flip < flips && matters(name); flip++) {
			const char *path = copy_make(&fixture, name);
			struct buffer bytes = {0};
			assert_int_equal(file_read_all(path, 1 << 26, &bytes), STATUS_OK);
			if (bytes.size != 0) {
				random = random * 6364136223846793005ULL + 1442695040888963407ULL;
				bytes.data[(random >> 20) % bytes.size] ^= (uint8_t)(1u << (random >> 60) % 8);
				assert_int_equal(file_write_all(path, buffer_slice(&bytes)), STATUS_OK);
				int outcome = in_child(store_outcome, fixture.copy, "keyed-1");
				expect_believable(name, outcome, false);
				seen += outcome == OUTCOME_DAMAGED;
			}
			buffer_deinit(&bytes);
		}
	}
	assert_true(seen > 0);
	damage_teardown(&fixture);
}

static void another_fingerprint_is_damage_that_names_both(void **state)
{
	(void)state;
	struct damage_fixture damage;
	damage_setup(&damage);
	assert_int_equal(in_child(store_outcome, damage.original, "keyed-2"), OUTCOME_DAMAGED);
	damage_teardown(&damage);
	struct fixture fixture;
	fixture_setup(&fixture, 1);
	struct model model = {.keyed = true};
	fixture_open(&fixture, true);
	step_finish(&fixture, &model, step_make(&fixture, &model, 3));
	fixture_close(&fixture);
	struct view_layout layout = fixture_layout(true);
	layout.fingerprint = "keyed-2";
	assert_int_equal(
		view_store_open(fixture.environment, fixture.path, &layout, &fixture.store), STATUS_DAMAGED);
	assert_non_null(strstr(error_current()->text, "keyed-1"));
	assert_non_null(strstr(error_current()->text, "keyed-2"));
	/* destroyed and opened again it is new */
	assert_int_equal(view_store_destroy(fixture.path), STATUS_OK);
	assert_int_equal(view_store_open(fixture.environment, fixture.path, &layout, &fixture.store), STATUS_OK);
	assert_true(view_store_is_empty(fixture.store));
	fixture_teardown(&fixture);
}

static void what_an_interrupted_destroy_leaves_is_damage(void **state)
{
	(void)state;
	struct damage_fixture fixture;
	damage_setup(&fixture);
	assert_int_equal(file_remove(copy_make(&fixture, "CURRENT")), STATUS_OK);
	assert_int_equal(in_child(store_outcome, fixture.copy, "keyed-1"), OUTCOME_DAMAGED);
	assert_int_equal(view_store_destroy(fixture.copy), STATUS_OK);
	assert_false(file_exists(fixture.copy));
	assert_int_equal(in_child(store_outcome, fixture.copy, "keyed-1"), OUTCOME_OLDER); /* created: empty */
	damage_teardown(&fixture);
}

/* What a killed ingestion leaves behind is cleared away. */
static void leftover_files_are_removed(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_setup(&fixture, 1);
	struct model model = {.keyed = true};
	fixture_open(&fixture, true);
	step_finish(&fixture, &model, step_make(&fixture, &model, 3));
	fixture_close(&fixture);
	struct buffer path = {0};
	buffer_printf(&path, "%s/ingest", fixture.path);
	buffer_append_byte(&path, 0);
	assert_int_equal(directory_create((const char *)path.data), STATUS_OK);
	path.size--;
	buffer_append_string(&path, "/00000001.sst");
	buffer_append_byte(&path, 0);
	assert_int_equal(file_write_all((const char *)path.data, slice_of_string("half a file")), STATUS_OK);
	fixture_open(&fixture, true);
	assert_false(file_exists((const char *)path.data));
	view_store_set_ingest_entries_min(fixture.store, 1);
	step_finish(&fixture, &model, step_make(&fixture, &model, 30));
	struct view_snapshot *snapshot = view_snapshot_take(fixture.store);
	snapshot_check(&fixture, snapshot, &model);
	view_snapshot_release(snapshot);
	buffer_deinit(&path);
	fixture_teardown(&fixture);
}

static void meta_values_survive_their_codec_and_nothing_else(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct offset_entry entries[] = {{"a", 0, 5, 7, 0}, {"b", 3, INT64_MAX, INT64_MIN, 17}};
	struct view_meta meta = {.fingerprint = "f", .offsets = {entries, 2}, .digest = {1, 2}, .row_count = 9},
					 out;
	meta.bad_count = 4;
	meta.commit_count = 3;
	struct buffer bytes = {0};
	meta_encode(&meta, &bytes);
	assert_int_equal(meta_decode(buffer_slice(&bytes), &arena, &out), STATUS_OK);
	assert_string_equal(out.offsets.entries[1].topic, "b");
	assert_int_equal(out.offsets.entries[1].offset, INT64_MAX);
	assert_int_equal(out.offsets.entries[1].max_event_time_us, INT64_MIN);
	assert_int_equal(out.offsets.entries[0].missed, 0);
	assert_int_equal(out.offsets.entries[1].missed, 17);
	assert_int_equal(out.row_count, 9);
	for (size_t bit = 0; bit < bytes.size * 8; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(meta_decode(buffer_slice(&bytes), &arena, &out), STATUS_DAMAGED);
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < bytes.size; size++)
		assert_int_equal(meta_decode(slice_of(bytes.data, size), &arena, &out), STATUS_DAMAGED);
	buffer_deinit(&bytes);
	arena_deinit(&arena);
}

int main(void)
{
	/* Those that fork come first: no RocksDB thread lives here yet. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_and_cut_files_are_damage),
		cmocka_unit_test(flipped_bytes_are_damage_or_of_no_consequence),
		cmocka_unit_test(what_an_interrupted_destroy_leaves_is_damage),
		cmocka_unit_test(another_fingerprint_is_damage_that_names_both),
		cmocka_unit_test(leftover_files_are_removed),
		cmocka_unit_test(meta_values_survive_their_codec_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
