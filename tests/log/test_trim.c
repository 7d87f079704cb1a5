/* Taking records away from the beginning: by hand, by age, by size. The log start moves durably first; what
 * is gone stays gone, and nothing else goes. */
#include "support.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/memory.h"

enum { BATCHES = 24, RECORDS = 3, TOTAL = BATCHES * RECORDS };

static int64_t now_ms;

static int64_t fake_now(void)
{
	return now_ms;
}

/* Topic t: records 0 … 71 of timestamps 1000 … 1071, in segments of a few batches each. */
static int setup(void **state)
{
	static struct fixture fixture;
	now_ms = 1000;
	clock_inject_wall_ms(fake_now);
	fixture_begin(&fixture, 900);
	*state = &fixture;
	topic_make(&fixture, "t", 1);
	struct partition *partition = partition_of(&fixture, "t", 0);
	for (int64_t first = 0; first < TOTAL; first += RECORDS)
		append_values(fixture.log, partition, first, RECORDS, 20);
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	clock_inject_wall_ms(NULL);
	return 0;
}

static struct partition *part(struct fixture *fixture)
{
	return partition_of(fixture, "t", 0);
}

static size_t segment_files(const struct fixture *fixture, int64_t *first)
{
	struct directory_list list;
	char dir[FIXTURE_PATH_MAX * 2];
	size_t count = 0;
	(void)snprintf(dir, sizeof dir, "%s/t-0", fixture->log_dir);
	assert_ok(directory_list(dir, &list));
	for (size_t i = 0; i < list.count; i++) {
		long long base;
		int end = 0;
		if (sscanf(list.names[i], "%lld.log%n", &base, &end) == 1 && end == (int)strlen(list.names[i]) &&
			count++ == 0)
			*first = base;
	}
	directory_list_free(&list);
	return count;
}

static void check_start(struct fixture *fixture, int64_t start)
{
	struct partition *partition = part(fixture);
	struct buffer bytes;
	int64_t offset, timestamp_ms;
	buffer_init(&bytes);
	assert_int_equal(partition_log_start(partition), start);
	if (start > 0)
		assert_int_equal(partition_read(partition, start - 1, 100, &bytes), STATUS_OUT_OF_RANGE);
	assert_int_equal(bytes.size, 0);
	assert_int_equal(check_values(partition, start, NULL), TOTAL - start);
	if (start < TOTAL) {
		assert_ok(partition_find_time(partition, 0, &offset, &timestamp_ms));
		assert_int_equal(offset, start);
		assert_int_equal(timestamp_ms, 1000 + start);
		assert_ok(partition_find_max_time(partition, &offset, &timestamp_ms));
		assert_int_equal(offset, TOTAL - 1);
	} else {
		assert_int_equal(partition_find_time(partition, 0, &offset, &timestamp_ms), STATUS_NOT_FOUND);
		assert_int_equal(partition_find_max_time(partition, &offset, &timestamp_ms), STATUS_NOT_FOUND);
	}
	buffer_deinit(&bytes);
}

static void trimmed_records_are_out_of_range_and_stay_so(void **state)
{
	struct fixture *fixture = *state;
	int64_t first = -1;
	size_t files = segment_files(fixture, &first);
	assert_true(files >= 4);
	for (int64_t start = 1; start <= TOTAL; start += 7) {
		assert_ok(partition_trim(fixture->log, part(fixture), start, false));
		assert_ok(partition_trim(fixture->log, part(fixture), start - 1, false)); /* never down */
		check_start(fixture, start);
		fixture_reopen(fixture);
		check_start(fixture, start);
		log_clean(fixture->log);
		check_start(fixture, start);
		(void)segment_files(fixture, &first);
		assert_true(first <= start);
	}
	assert_true(segment_files(fixture, &first) < files);
	assert_int_equal(partition_trim(fixture->log, part(fixture), TOTAL + 1, true), STATUS_OUT_OF_RANGE);
	assert_int_equal(partition_trim(fixture->log, part(fixture), -2, true), STATUS_OUT_OF_RANGE);
}

static void trimming_all_frees_the_disk_and_offsets_go_on(void **state)
{
	struct fixture *fixture = *state;
	int64_t first = -1;
	assert_ok(partition_trim(fixture->log, part(fixture), PARTITION_TRIM_ALL, false));
	log_clean(fixture->log);
	assert_int_equal(segment_files(fixture, &first), 1);
	assert_int_equal(first, TOTAL);
	assert_int_equal(partition_bytes(part(fixture)), 0);
	for (int life = 0; life < 2; life++) {
		check_start(fixture, TOTAL);
		fixture_reopen(fixture);
	}
	assert_int_equal(append_values(fixture->log, part(fixture), TOTAL, 2, 0), TOTAL);
	fixture_reopen(fixture);
	assert_int_equal(check_values(part(fixture), TOTAL, NULL), 2);
	struct clean_counters counters;
	log_clean_counters(fixture->log, &counters);
	assert_int_equal(counters.failures, 0);
}

static void configure(struct fixture *fixture, const char *name, const char *value)
{
	const struct topic *topic;
	assert_ok(topic_find(fixture->log, "t", &topic));
	struct topic_config config = *topic->config;
	if (strcmp(name, "retention_ms") == 0)
		config.retention_ms = atoll(value);
	else if (strcmp(name, "retention_bytes") == 0)
		config.retention_bytes = atoll(value);
	else
		config.segment_ms = atoll(value);
	assert_ok(topic_alter(fixture->log, "t", &config));
}

static void retention_by_size_removes_whole_segments_until_the_rest_fits(void **state)
{
	struct fixture *fixture = *state;
	int64_t first = -1;
	uint64_t all = partition_bytes(part(fixture));
	configure(fixture, "retention_bytes", "2000");
	log_clean(fixture->log);
	uint64_t left = partition_bytes(part(fixture));
	assert_true(left < all && left >= 2000 && left < 2000 + 900);
	int64_t start = partition_log_start(part(fixture));
	assert_true(start > 0);
	(void)segment_files(fixture, &first);
	assert_int_equal(first, start);
	check_start(fixture, start);
	fixture_reopen(fixture);
	check_start(fixture, start);
}

static void retention_by_time_goes_by_a_segments_newest_record(void **state)
{
	struct fixture *fixture = *state;
	configure(fixture, "retention_ms", "50");
	now_ms = 1070;
	log_clean(fixture->log);
	int64_t start = partition_log_start(part(fixture));
	assert_true(start > 0 && start <= 20); /* offset 20 is of time 1020: 50 ms old, not older */
	check_start(fixture, start);
	now_ms = 10000;
	log_clean(fixture->log); /* the active segment is sealed, as all of it is too old */
	check_start(fixture, TOTAL);
	fixture_reopen(fixture);
	check_start(fixture, TOTAL);
}

static void retention_is_unlimited_unless_asked_for(void **state)
{
	struct fixture *fixture = *state;
	now_ms = INT64_C(100) * 365 * 24 * 3600 * 1000;
	log_clean(fixture->log);
	check_start(fixture, 0);
}

static void an_old_active_segment_is_sealed(void **state)
{
	struct fixture *fixture = *state;
	int64_t first;
	size_t before = segment_files(fixture, &first);
	log_clean(fixture->log);
	assert_int_equal(segment_files(fixture, &first), before);
	configure(fixture, "segment_ms", "500");
	now_ms = 1600;
	log_clean(fixture->log);
	assert_int_equal(segment_files(fixture, &first), before + 1);
	now_ms = 9999;
	log_clean(fixture->log); /* an empty one is left alone */
	assert_int_equal(segment_files(fixture, &first), before + 1);
	check_start(fixture, 0);
}

static _Atomic bool wanted;

static bool views_need(void *context, const char *topic, char *who, size_t who_size)
{
	(void)context;
	if (!atomic_load(&wanted) || strcmp(topic, "t") != 0)
		return false;
	(void)snprintf(who, who_size, "delays@1, delays@2");
	return true;
}

static void what_views_need_is_kept_unless_forced(void **state)
{
	struct fixture *fixture = *state;
	const struct topic *topic;
	fixture_close(fixture);
	fixture->needed = views_need;
	fixture_open(fixture);
	atomic_store(&wanted, true);
	assert_int_equal(partition_trim(fixture->log, part(fixture), 5, false), STATUS_DEPENDENT);
	assert_non_null(strstr(error_current()->text, "delays@1, delays@2"));
	assert_true(error_current()->hint[0] != '\0');
	assert_ok(topic_find(fixture->log, "t", &topic));
	struct topic_config config = *topic->config;
	config.retention_ms = 10;
	assert_int_equal(topic_alter(fixture->log, "t", &config), STATUS_DEPENDENT);
	config = *topic->config;
	config.cleanup_policy = CLEANUP_COMPACT;
	assert_int_equal(topic_alter(fixture->log, "t", &config), STATUS_DEPENDENT);
	config = *topic->config;
	config.segment_ms = 1000000;
	assert_ok(topic_alter(fixture->log, "t", &config)); /* takes nothing away */
	check_start(fixture, 0);
	/* Retention that was set before a view came waits for it. */
	atomic_store(&wanted, false);
	config.retention_ms = 10;
	assert_ok(topic_alter(fixture->log, "t", &config));
	atomic_store(&wanted, true);
	now_ms = 20000;
	log_clean(fixture->log);
	check_start(fixture, 0);
	struct clean_counters counters;
	log_clean_counters(fixture->log, &counters);
	assert_int_equal(counters.held, 1);
	/* Forced: once by the call, for good by the topic. */
	assert_ok(partition_trim(fixture->log, part(fixture), 5, true));
	check_start(fixture, 5);
	config.trim_force = true;
	assert_ok(topic_alter(fixture->log, "t", &config));
	log_clean(fixture->log);
	check_start(fixture, TOTAL);
}

static void a_damaged_or_lost_beginning_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes;
	char start[FIXTURE_PATH_MAX * 2], path[FIXTURE_PATH_MAX], lost[FIXTURE_PATH_MAX + 8];
	int64_t first;
	buffer_init(&bytes);
	assert_ok(partition_trim(fixture->log, part(fixture), 40, false));
	log_clean(fixture->log);
	fixture_close(fixture);
	(void)snprintf(start, sizeof start, "%s/t-0/log_start", fixture->log_dir);
	file_load(start, &bytes);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 1;
		file_store(start, &bytes);
		assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
		assert_non_null(strstr(error_current()->text, "log_start"));
		bytes.data[i] ^= 1;
	}
	/* Without it, the log seems to begin at 0, and what is not there is missing. */
	assert_ok(file_remove(start));
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	file_store(start, &bytes);
	(void)segment_files(fixture, &first);
	assert_true(first <= 40);
	segment_file(fixture, "t", first, "log", path);
	(void)snprintf(lost, sizeof lost, "%s.lost", path);
	assert_ok(file_rename(path, lost));
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	assert_ok(file_rename(lost, path));
	fixture_open(fixture);
	check_start(fixture, 40);
	buffer_deinit(&bytes);
}

/* ---- ended in the middle ---- */

static struct {
	int64_t nth, seen;
	bool dead; /* everything after it fails, too: the process has ended */
	bool fired;
} fault;

static int fault_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context;
	(void)written;
	if (event->operation == FILE_OP_READ || event->operation == FILE_OP_OPEN)
		return 0;
	fault.seen++;
	bool hit = fault.seen == fault.nth || (fault.dead && fault.seen > fault.nth);
	fault.fired = fault.fired || hit;
	return hit ? EIO : 0;
}

static void trimming_ended_anywhere_is_done_or_not(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		for (int64_t nth = 1;; nth++) {
			void *fixture_state;
			assert_int_equal(setup(&fixture_state), 0);
			struct fixture *fixture = fixture_state;
			diag_set_level((enum diag_level)(DIAG_ERROR + 1));
			fault.nth = nth;
			fault.seen = 0;
			fault.dead = dead != 0;
			fault.fired = false;
			file_inject(fault_hook, NULL);
			status result = partition_trim(fixture->log, part(fixture), 40, false);
			log_clean(fixture->log);
			bool fired = fault.fired;
			fixture_close(fixture);
			file_inject(NULL, NULL);
			fixture_open(fixture);
			int64_t start = partition_log_start(part(fixture));
			assert_true(start == 40 || start == 0);
			assert_true(result != STATUS_OK || start == 40);
			check_start(fixture, start);
			assert_ok(partition_trim(fixture->log, part(fixture), 40, false));
			log_clean(fixture->log);
			check_start(fixture, 40);
			int64_t first = -1;
			(void)segment_files(fixture, &first);
			assert_true(first > 20 && first <= 40);
			assert_int_equal(teardown(&fixture_state), 0);
			if (!fired)
				break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(trimmed_records_are_out_of_range_and_stay_so, setup, teardown),
		cmocka_unit_test_setup_teardown(trimming_all_frees_the_disk_and_offsets_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
			retention_by_size_removes_whole_segments_until_the_rest_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(retention_by_time_goes_by_a_segments_newest_record, setup, teardown),
		cmocka_unit_test_setup_teardown(retention_is_unlimited_unless_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_active_segment_is_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_views_need_is_kept_unless_forced, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_or_lost_beginning_is_refused, setup, teardown),
		cmocka_unit_test(trimming_ended_anywhere_is_done_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
