/* Starting from files that were cut, flipped, deleted or swapped. The rule (L4): a torn tail of the active
 * segment is cut off; other damage to records is reported with file and position, at start or at the latest
 * by the reader; derived files are rebuilt. */
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { BATCHES = 24, RECORDS = 3, TOTAL = BATCHES * RECORDS };

/* Topic t: batches of 3 records in segments of a few batches each. */
static int setup_sized(void **state, int64_t segment_bytes, size_t value_size)
{
	static struct fixture fixture;
	fixture_begin(&fixture, segment_bytes);
	*state = &fixture;
	topic_make(&fixture, "t", 1);
	struct partition *partition = partition_of(&fixture, "t", 0);
	for (int64_t first = 0; first < TOTAL; first += RECORDS)
		append_values(fixture.log, partition, first, RECORDS, value_size);
	fixture_close(&fixture);
	return 0;
}

static int setup(void **state)
{
	return setup_sized(state, 900, 20);
}

/* Large enough for entries in the index files. */
static int setup_indexed(void **state)
{
	return setup_sized(state, 14000, 800);
}

static int teardown(void **state)
{
	fixture_end(*state);
	return 0;
}

/* The segments of topic t. */
struct segments {
	int64_t bases[32];
	size_t count;
};

static struct segments segments_of(const struct fixture *fixture)
{
	struct segments segments = {.count = 0};
	struct directory_list list;
	char dir[FIXTURE_PATH_MAX * 2];
	(void)snprintf(dir, sizeof dir, "%s/t-0", fixture->log_dir);
	assert_ok(directory_list(dir, &list));
	for (size_t i = 0; i < list.count; i++) {
		long long base;
		int end = 0;
		if (sscanf(list.names[i], "%lld.log%n", &base, &end) == 1 && end == (int)strlen(list.names[i])) {
			assert_true(segments.count < 32);
			segments.bases[segments.count++] = base;
		}
	}
	directory_list_free(&list);
	assert_true(segments.count >= 4);
	return segments;
}

static int64_t active_base(const struct fixture *fixture)
{
	struct segments segments = segments_of(fixture);
	return segments.bases[segments.count - 1];
}

/* Where each batch of a segment begins, and its end as the last entry. */
static size_t batch_positions(const struct buffer *bytes, size_t *positions)
{
	size_t count = 0, at = 0;
	while (at < bytes->size) {
		positions[count++] = at;
		at += (size_t)get_be32(bytes->data + at + 8) + 12;
	}
	positions[count] = at;
	assert_int_equal(at, bytes->size);
	return count;
}

static void assert_damaged(struct fixture *fixture, const char *file, const char *position)
{
	assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
	if (strstr(error_current()->text, file) == NULL || strstr(error_current()->text, position) == NULL)
		fail_msg("\"%s\" does not name %s and %s", error_current()->text, file, position);
}

static void a_cut_at_any_byte_of_the_last_batches_loses_only_what_is_not_whole(void **state)
{
	struct fixture *fixture = *state;
	struct buffer whole;
	char path[FIXTURE_PATH_MAX];
	size_t positions[BATCHES + 1];
	int64_t base = active_base(fixture);
	buffer_init(&whole);
	segment_file(fixture, "t", base, "log", path);
	file_load(path, &whole);
	size_t count = batch_positions(&whole, positions);
	assert_true(count >= 2);
	for (size_t cut = positions[count - 2]; cut <= whole.size; cut++) {
		struct buffer part = whole;
		part.size = cut;
		file_store(path, &part);
		size_t kept = count - 2 + (cut >= positions[count - 1]) + (cut >= positions[count]);
		fixture_open(fixture);
		struct partition *partition = partition_of(fixture, "t", 0);
		int64_t end = base + (int64_t)kept * RECORDS;
		assert_int_equal(partition_high_watermark(partition), end);
		assert_int_equal(check_values(partition, 0, NULL), end);
		if (cut % 7 == 0) {
			assert_int_equal(append_values(fixture->log, partition, end, RECORDS, 20), end);
			fixture_reopen(fixture);
			assert_int_equal(check_values(partition_of(fixture, "t", 0), 0, NULL), end + RECORDS);
		}
		fixture_close(fixture);
	}
	buffer_deinit(&whole);
}

static void garbage_behind_the_last_batch_is_cut_off(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes;
	char path[FIXTURE_PATH_MAX];
	struct random random = random_begin();
	buffer_init(&bytes);
	segment_file(fixture, "t", active_base(fixture), "log", path);
	file_load(path, &bytes);
	size_t size = bytes.size;
	for (int i = 0; i < 20; i++) {
		bytes.size = size;
		size_t extra = random_below(&random, 3000) + 1;
		bool zeros = i % 2 == 0; /* what some file systems leave after a power loss */
		for (size_t n = 0; n < extra; n++)
			buffer_append_byte(&bytes, zeros ? 0 : (uint8_t)random_below(&random, 256));
		file_store(path, &bytes);
		fixture_open(fixture);
		assert_int_equal(check_values(partition_of(fixture, "t", 0), 0, NULL), TOTAL);
		fixture_close(fixture);
		struct buffer now;
		buffer_init(&now);
		file_load(path, &now);
		assert_int_equal(now.size, size);
		buffer_deinit(&now);
	}
	buffer_deinit(&bytes);
}

static void damage_before_an_intact_batch_is_reported_not_cut(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes, now;
	char path[FIXTURE_PATH_MAX], expected[32];
	size_t positions[BATCHES + 1];
	buffer_init(&bytes);
	buffer_init(&now);
	/* Enough batches in the active segment to damage the second last. */
	fixture_open(fixture);
	struct partition *partition = partition_of(fixture, "t", 0);
	append_values(fixture->log, partition, TOTAL, RECORDS, 20);
	append_values(fixture->log, partition, TOTAL + RECORDS, RECORDS, 20);
	fixture_close(fixture);
	segment_file(fixture, "t", active_base(fixture), "log", path);
	file_load(path, &bytes);
	size_t count = batch_positions(&bytes, positions);
	assert_true(count >= 2);
	size_t at = positions[count - 2];
	(void)snprintf(expected, sizeof expected, "byte %zu", at);
	/* The length, the magic, the CRC, the records; and a whole batch of zeros. */
	const size_t places[] = {at + 9, at + 16, at + 18, at + 70};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		bytes.data[places[i]] ^= 0x10;
		file_store(path, &bytes);
		assert_damaged(fixture, path, expected);
		bytes.data[places[i]] ^= 0x10;
	}
	memset(bytes.data + at, 0, positions[count - 1] - at);
	file_store(path, &bytes);
	assert_damaged(fixture, path, expected);
	file_load(path, &now);
	assert_true(slice_equal(buffer_slice(&now), buffer_slice(&bytes))); /* nothing was cut away */
	buffer_deinit(&bytes);
	buffer_deinit(&now);
}

/* Opens and reads all of topic t. OK: everything that is there is right. */
static status open_and_read(struct fixture *fixture, int64_t *end)
{
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record;
	int64_t offset = 0;
	status result = fixture_try_open(fixture);
	if (result != STATUS_OK)
		return result;
	struct partition *partition = partition_of(fixture, "t", 0);
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	while ((result = partition_read(partition, offset, 500, &bytes)) == STATUS_OK) {
		record_iterator_reset(&iterator, buffer_slice(&bytes));
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			char expected[48];
			(void)snprintf(expected, sizeof expected, "%lld....................", (long long)offset);
			assert_int_equal(record.offset, offset);
			assert_int_equal(record.timestamp_ms, 1000 + offset);
			assert_memory_equal(record.value.data, expected, 20);
			offset++;
		}
		bytes.size = 0;
		if (result != STATUS_END)
			break;
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	if (result == STATUS_END) {
		assert_int_equal(offset, partition_high_watermark(partition));
		result = STATUS_OK;
	}
	*end = offset;
	/* A wrong index would answer wrongly here. */
	for (int64_t i = offset - 1; i >= 0 && result == STATUS_OK; i -= 5) {
		int64_t found, timestamp;
		result = partition_find_time(partition, 1000 + i, &found, &timestamp);
		if (result != STATUS_OK)
			break;
		assert_int_equal(found, i);
		struct record_batch batch;
		buffer_init(&bytes);
		result = partition_read(partition, i, 0, &bytes);
		if (result == STATUS_OK) {
			assert_ok(record_batch_header(buffer_slice(&bytes), &batch));
			assert_true(batch.base_offset <= i && i <= batch.base_offset + batch.last_offset_delta);
		}
		buffer_deinit(&bytes);
	}
	struct error error = *error_current();
	fixture_close(fixture);
	error_restore(&error);
	return result;
}

static void flip_sweep(
	struct fixture *fixture, struct random *random, int64_t base, const char *suffix, bool records)
{
	struct buffer bytes;
	char path[FIXTURE_PATH_MAX];
	size_t positions[BATCHES + 1], tail = 0;
	buffer_init(&bytes);
	segment_file(fixture, "t", base, suffix, path);
	file_load(path, &bytes);
	assert_true(bytes.size != 0);
	bool active = records && base == active_base(fixture);
	if (active)
		tail = positions[batch_positions(&bytes, positions) - 1];
	for (size_t at = 0; at < bytes.size; at++) {
		uint8_t flip = (uint8_t)(1u << random_below(random, 8));
		int64_t end = 0;
		bytes.data[at] ^= flip;
		file_store(path, &bytes);
		status result = open_and_read(fixture, &end);
		bytes.data[at] ^= flip;
		file_store(path, &bytes);
		if (!records) {
			if (result != STATUS_OK)
				fail_msg("%s of a derived file, byte %zu of %s: %s", status_name(result), at, path,
					error_current()->text);
			assert_int_equal(end, TOTAL);
		} else if (active && at >= tail) {
			assert_int_equal(result, STATUS_OK); /* looks torn */
			assert_int_equal(end, TOTAL - RECORDS);
		} else if (result != STATUS_DAMAGED) {
			fail_msg("byte %zu of %s: %s", at, path, status_name(result));
		}
	}
	buffer_deinit(&bytes);
}

static void every_flipped_byte_is_detected(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	struct segments segments = segments_of(fixture);
	flip_sweep(fixture, &random, segments.bases[segments.count - 1], "log", true);
	flip_sweep(fixture, &random, segments.bases[1], "log", true);
}

static void every_flipped_byte_of_a_derived_file_is_made_good(void **state)
{
	struct fixture *fixture = *state;
	struct random random = random_begin();
	struct segments segments = segments_of(fixture);
	flip_sweep(fixture, &random, segments.bases[1], "index", false);
	flip_sweep(fixture, &random, segments.bases[1], "timeindex", false);
	flip_sweep(fixture, &random, segments.bases[2], "snapshot", false);
	flip_sweep(fixture, &random, segments.bases[segments.count - 1], "snapshot", false);
}

static void a_shorter_or_longer_sealed_segment_is_damage(void **state)
{
	struct fixture *fixture = *state;
	struct segments segments = segments_of(fixture);
	struct buffer bytes;
	char path[FIXTURE_PATH_MAX];
	size_t positions[BATCHES + 1];
	buffer_init(&bytes);
	segment_file(fixture, "t", segments.bases[1], "log", path);
	file_load(path, &bytes);
	size_t count = batch_positions(&bytes, positions), size = bytes.size;
	const size_t sizes[] = {0, 1, positions[1], positions[count - 1], positions[count - 1] + 5, size - 1};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		bytes.size = sizes[i];
		file_store(path, &bytes);
		assert_damaged(fixture, path, "byte ");
	}
	bytes.size = size;
	buffer_append_string(&bytes, "more");
	file_store(path, &bytes);
	assert_damaged(fixture, path, "byte ");
	bytes.size = size;
	file_store(path, &bytes);
	fixture_open(fixture);
	buffer_deinit(&bytes);
}

static void a_missing_segment_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct segments segments = segments_of(fixture);
	for (int without_derived = 0; without_derived < 2; without_derived++) {
		for (size_t i = 0; i < segments.count; i++) {
			/* The last one's absence is known from its derived files only. */
			if (without_derived && i == segments.count - 1)
				continue;
			static const char *const suffixes[] = {"index", "timeindex", "snapshot"};
			char saved[FIXTURE_PATH_MAX * 2], dir[FIXTURE_PATH_MAX * 2], path[FIXTURE_PATH_MAX];
			(void)snprintf(saved, sizeof saved, "%s/saved", fixture->dir);
			(void)snprintf(dir, sizeof dir, "%s/t-0", fixture->log_dir);
			directory_copy(dir, saved);
			for (size_t s = 0; s < 3 && without_derived; s++) {
				segment_file(fixture, "t", segments.bases[i], suffixes[s], path);
				if (file_exists(path))
					assert_ok(file_remove(path));
			}
			segment_file(fixture, "t", segments.bases[i], "log", path);
			assert_ok(file_remove(path));
			assert_int_equal(fixture_try_open(fixture), STATUS_DAMAGED);
			assert_ok(directory_remove(dir));
			assert_ok(file_rename(saved, dir));
		}
	}
	fixture_open(fixture);
	assert_int_equal(check_values(partition_of(fixture, "t", 0), 0, NULL), TOTAL);
}

static void two_swapped_segments_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct segments segments = segments_of(fixture);
	struct buffer left, right;
	char left_path[FIXTURE_PATH_MAX], right_path[FIXTURE_PATH_MAX];
	buffer_init(&left);
	buffer_init(&right);
	segment_file(fixture, "t", segments.bases[1], "log", left_path);
	segment_file(fixture, "t", segments.bases[2], "log", right_path);
	file_load(left_path, &left);
	file_load(right_path, &right);
	file_store(left_path, &right);
	file_store(right_path, &left);
	assert_damaged(fixture, left_path, "byte 0");
	buffer_deinit(&left);
	buffer_deinit(&right);
}

enum ruin { RUIN_DELETE, RUIN_EMPTY, RUIN_SHORTEN, RUIN_ZERO, RUIN_KINDS };

static void derived_files_are_rebuilt_as_they_were(void **state)
{
	struct fixture *fixture = *state;
	static const char *const suffixes[] = {"index", "timeindex", "snapshot"};
	struct segments segments = segments_of(fixture);
	struct buffer before, after;
	buffer_init(&before);
	buffer_init(&after);
	for (int ruin = 0; ruin < RUIN_KINDS; ruin++) {
		for (size_t s = 0; s < 3; s++) {
			for (size_t i = s == 2 ? 1 : 0; i + 1 < segments.count; i++) {
				char path[FIXTURE_PATH_MAX];
				int64_t end = 0;
				segment_file(fixture, "t", segments.bases[i], suffixes[s], path);
				file_load(path, &before);
				struct buffer ruined = before;
				if (ruin == RUIN_DELETE)
					assert_ok(file_remove(path));
				else if (ruin == RUIN_EMPTY)
					ruined.size = 0;
				else if (ruin == RUIN_SHORTEN && ruined.size != 0)
					ruined.size--;
				if (ruin != RUIN_DELETE && ruin != RUIN_ZERO)
					file_store(path, &ruined);
				if (ruin == RUIN_ZERO) {
					buffer_init(&ruined);
					memset(buffer_reserve(&ruined, before.size), 0, before.size);
					ruined.size = before.size;
					file_store(path, &ruined);
					buffer_deinit(&ruined);
				}
				assert_ok(open_and_read(fixture, &end));
				assert_int_equal(end, TOTAL);
				file_load(path, &after);
				if (s != 2) /* a snapshot may now lack the producers, which the next one has */
					assert_true(slice_equal(buffer_slice(&before), buffer_slice(&after)));
				assert_true(after.size >= 92 || s != 2);
			}
		}
	}
	/* All of them at once. */
	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < segments.count; i++) {
			char path[FIXTURE_PATH_MAX];
			segment_file(fixture, "t", segments.bases[i], suffixes[s], path);
			if (file_exists(path))
				assert_ok(file_remove(path));
		}
	}
	int64_t end = 0;
	assert_ok(open_and_read(fixture, &end));
	assert_int_equal(end, TOTAL);
	buffer_deinit(&before);
	buffer_deinit(&after);
}

static void a_second_opener_is_locked_out(void **state)
{
	struct fixture *fixture = *state;
	struct log_options options = {.dir = fixture->log_dir};
	struct log *second;
	fixture_open(fixture);
	assert_int_equal(log_open(&options, &second), STATUS_LOCKED);
}

static status idempotent_append(struct fixture *fixture, int64_t value, int32_t sequence, int64_t *base)
{
	struct record_batch_producer producer = {.id = 77, .epoch = 0, .base_sequence = sequence};
	return append_try(fixture->log, partition_of(fixture, "t", 0), value, 1, 20, &producer, base);
}

static void a_batch_sent_again_after_reopen_gets_its_first_offset(void **state)
{
	struct fixture *fixture = *state;
	struct producer_position position;
	int64_t base = -1, end = 0;
	fixture_open(fixture);
	for (int32_t i = 0; i < 40; i++) { /* through several segments */
		assert_ok(idempotent_append(fixture, TOTAL + i, i, &base));
		assert_int_equal(base, TOTAL + i);
	}
	fixture_close(fixture);
	struct segments segments = segments_of(fixture);
	for (int round = 0; round < 4; round++) {
		char path[FIXTURE_PATH_MAX];
		/* With all snapshots, without the newest, without any, with those rebuilt. */
		for (size_t i = segments.count - 1; i > 0 && (round == 1 || round == 2); i--) {
			segment_file(fixture, "t", segments.bases[i], "snapshot", path);
			assert_ok(file_remove(path));
			if (round == 1)
				break;
		}
		fixture_open(fixture);
		for (int32_t i = 35; i < 40; i++) {
			assert_ok(idempotent_append(fixture, TOTAL + i, i, &base));
			assert_int_equal(base, TOTAL + i);
		}
		assert_int_equal(idempotent_append(fixture, 0, 34, &base), STATUS_OUT_OF_ORDER_SEQUENCE);
		assert_int_equal(idempotent_append(fixture, 0, 41, &base), STATUS_OUT_OF_ORDER_SEQUENCE);
		assert_ok(partition_producer(partition_of(fixture, "t", 0), 77, &position));
		assert_int_equal(position.last_sequence, 39);
		assert_int_equal(position.last_offset, TOTAL + 39);
		assert_int_equal(partition_producer(partition_of(fixture, "t", 0), 78, &position), STATUS_NOT_FOUND);
		fixture_close(fixture);
	}
	assert_ok(open_and_read(fixture, &end));
	assert_int_equal(end, TOTAL + 40); /* nothing twice */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_cut_at_any_byte_of_the_last_batches_loses_only_what_is_not_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_behind_the_last_batch_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_before_an_intact_batch_is_reported_not_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_byte_is_detected, setup, teardown),
		cmocka_unit_test_setup_teardown(
			every_flipped_byte_of_a_derived_file_is_made_good, setup_indexed, teardown),
		cmocka_unit_test_setup_teardown(a_shorter_or_longer_sealed_segment_is_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_segment_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(two_swapped_segments_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(derived_files_are_rebuilt_as_they_were, setup_indexed, teardown),
		cmocka_unit_test_setup_teardown(a_second_opener_is_locked_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_batch_sent_again_after_reopen_gets_its_first_offset, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
