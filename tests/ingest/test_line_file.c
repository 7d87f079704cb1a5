/* A file that grows, rotates, is truncated, and is found again: every line once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "ingest/line_file.h"

static char directory[64], path[128];
static struct line_file *file;
static struct line_file_position place; /* after the last line that was read */
static bool placed;
static struct buffer seen; /* lines, each followed by a space */
static struct line_file_limits limits;
static struct line_file_options options;

static const char *name_of(const char *name)
{
	static char full[2][256];
	static int turn;
	turn ^= 1;
	(void)snprintf(full[turn], sizeof full[turn], "%s/%s", directory, name);
	return full[turn];
}

static void write_to(const char *name, const char *text, int flags)
{
	int fd = open(name_of(name), O_WRONLY | O_CREAT | flags, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static void append(const char *name, const char *text)
{
	/* Files written one after the other shall have other times. */
	struct timespec pause = {0, 12 * 1000000};
	(void)nanosleep(&pause, NULL);
	write_to(name, text, O_APPEND);
}

static void rotate(const char *from, const char *to)
{
	char old[256];
	(void)snprintf(old, sizeof old, "%s", name_of(from));
	assert_int_equal(rename(old, name_of(to)), 0);
}

static void reopen(bool follow)
{
	line_file_close(file);
	file = NULL;
	options.follow = follow;
	assert_int_equal(line_file_open(path, placed ? &place : NULL, &options, &file), STATUS_OK);
	line_file_grace_set(file, 0);
}

/* Reads until there is nothing now; what came since the last call. Positions go through their text. */
static const char *read_on(void)
{
	struct buffer lines, token;
	int32_t count;
	status result;
	buffer_init(&lines);
	buffer_init(&token);
	seen.size = 0;
	while ((result = line_file_read(file, &limits, &lines, &count, &place)) == STATUS_OK) {
		int32_t newlines = 0;
		for (size_t i = 0; i < lines.size; i++) {
			newlines += lines.data[i] == '\n';
			buffer_append_byte(&seen, lines.data[i] == '\n' ? ' ' : lines.data[i]);
		}
		assert_int_equal(newlines, count);
		token.size = 0;
		line_file_position_format(&place, &token);
		buffer_append_byte(&token, 0);
		assert_int_equal(line_file_position_parse((const char *)token.data, &place), STATUS_OK);
		placed = true;
	}
	assert_int_equal(result, STATUS_END);
	buffer_deinit(&lines);
	buffer_deinit(&token);
	buffer_append_byte(&seen, 0);
	return (const char *)seen.data;
}

static int begin(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof directory, "/tmp/kappa-file-XXXXXX");
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof path, "%s/app.log", directory);
	placed = false;
	limits = (struct line_file_limits){1 << 20, 1 << 22, 1000};
	buffer_init(&seen);
	return 0;
}

static int end(void **state)
{
	(void)state;
	line_file_close(file);
	file = NULL;
	buffer_deinit(&seen);
	return directory_remove(directory) == STATUS_OK ? 0 : -1;
}

static void growth_is_read_once(void **state)
{
	(void)state;
	append("app.log", "a\nb\n");
	reopen(true);
	assert_string_equal(read_on(), "a b ");
	assert_string_equal(read_on(), "");
	append("app.log", "c\nha");
	assert_string_equal(read_on(), "c ");
	append("app.log", "lf\n");
	assert_string_equal(read_on(), "half ");
}

static void a_restart_goes_on_at_the_position(void **state)
{
	(void)state;
	append("app.log", "a\nb\nc");
	reopen(true);
	assert_string_equal(read_on(), "a b ");
	reopen(true);
	assert_string_equal(read_on(), "");
	append("app.log", "\nd\n");
	reopen(true);
	assert_string_equal(read_on(), "c d ");
}

static void empty_lines_and_carriage_returns_are_dropped(void **state)
{
	(void)state;
	append("app.log", "\n\na\r\n\r\nb\n\n");
	reopen(true);
	assert_string_equal(read_on(), "a b ");
	reopen(false);
	assert_string_equal(read_on(), "");
}

static void empty_lines_are_kept_when_asked_for(void **state)
{
	(void)state;
	append("app.log", "\na\r\n\r\n");
	options.keep_empty = true;
	reopen(true);
	assert_string_equal(read_on(), " a  ");
	options.keep_empty = false;
}

static void the_last_line_without_newline_waits_for_a_follower_only(void **state)
{
	(void)state;
	append("app.log", "a\nb");
	reopen(true);
	assert_string_equal(read_on(), "a ");
	reopen(false);
	assert_string_equal(read_on(), "b ");
	reopen(false);
	assert_string_equal(read_on(), "");
}

static void rotation_while_reading_finishes_the_old_file_first(void **state)
{
	(void)state;
	append("app.log", "a\n");
	reopen(true);
	assert_string_equal(read_on(), "a ");
	append("app.log", "b\nc");
	rotate("app.log", "app.log.1");
	assert_string_equal(read_on(), "b "); /* no new file yet: it may go on */
	append("app.log", "d\n");
	assert_string_equal(read_on(), "c d ");
	append("app.log", "e\n");
	assert_string_equal(read_on(), "e ");
}

static void late_writes_to_a_rotated_file_are_waited_for(void **state)
{
	(void)state;
	append("app.log", "a\n");
	reopen(true);
	line_file_grace_set(file, 100);
	assert_string_equal(read_on(), "a ");
	rotate("app.log", "app.log.1");
	append("app.log", "c\n");
	assert_string_equal(read_on(), "");
	append("app.log.1", "b\n");
	assert_string_equal(read_on(), "b ");
	assert_string_equal(read_on(), "");
	struct timespec pause = {0, 120 * 1000000};
	(void)nanosleep(&pause, NULL);
	assert_string_equal(read_on(), "c ");
}

static void rotation_while_stopped_finds_the_old_file_by_its_inode(void **state)
{
	(void)state;
	append("app.log", "a\nb\n");
	reopen(true);
	assert_string_equal(read_on(), "a b ");
	append("app.log", "c\nd");
	rotate("app.log", "app.log.1");
	append("app.log", "e\n");
	reopen(false);
	assert_string_equal(read_on(), "c d e ");
}

static void several_rotations_while_stopped_lose_nothing(void **state)
{
	(void)state;
	append("app.log.9", "old\n"); /* rotated before anybody read: not ours */
	append("app.log", "a\n");
	reopen(true);
	assert_string_equal(read_on(), "a ");
	append("app.log", "b\n");
	rotate("app.log", "app.log.1");
	append("app.log", "c\n");
	rotate("app.log.1", "app.log.2");
	rotate("app.log", "app.log.1");
	append("app.log.bak", "copy\n"); /* no rotation: other name */
	append("app-20260727.log", "d\n");
	append("app.log", "e\n");
	reopen(true);
	assert_string_equal(read_on(), "b c d e ");
	reopen(true);
	assert_string_equal(read_on(), "");
}

static void a_stop_between_rotated_files_goes_on_there(void **state)
{
	(void)state;
	append("app.log", "a\n");
	reopen(true);
	assert_string_equal(read_on(), "a ");
	rotate("app.log", "app.log.2");
	append("app.log.1", "b\nc\n");
	append("app.log", "d\n");
	struct buffer lines;
	int32_t count;
	buffer_init(&lines);
	limits.lines_max = 1;
	reopen(true);
	assert_int_equal(line_file_read(file, &limits, &lines, &count, &place), STATUS_OK);
	assert_memory_equal(lines.data, "b\n", 2);
	buffer_deinit(&lines);
	reopen(true);
	assert_string_equal(read_on(), "c d ");
}

static void a_lost_file_is_skipped_to_those_after_it(void **state)
{
	(void)state;
	append("app.log", "a\n");
	reopen(true);
	assert_string_equal(read_on(), "a ");
	assert_int_equal(unlink(path), 0);
	append("app.log.1", "b\n");
	append("app.log", "c\n");
	line_file_close(file); /* with its descriptor the inode is free */
	file = NULL;
	reopen(true);
	assert_string_equal(read_on(), "b c ");
}

static void truncation_in_place_begins_anew(void **state)
{
	(void)state;
	append("app.log", "aaaa\nbbbb\n");
	reopen(true);
	assert_string_equal(read_on(), "aaaa bbbb ");
	write_to("app.log", "c\n", O_TRUNC);
	assert_string_equal(read_on(), "c ");
	write_to("app.log", "dddd\neeee\nffff\n", O_TRUNC); /* longer than before */
	assert_string_equal(read_on(), "dddd eeee ffff ");
	write_to("app.log", "g\n", O_TRUNC);
	reopen(true);
	assert_string_equal(read_on(), "g ");
	write_to("app.log", "hhhh\niiii\n", O_TRUNC);
	reopen(true);
	assert_string_equal(read_on(), "hhhh iiii ");
}

static void a_file_that_is_not_there_is_waited_for_when_followed(void **state)
{
	(void)state;
	options.follow = false;
	assert_int_equal(line_file_open(path, NULL, &options, &file), STATUS_INVALID);
	file = NULL;
	reopen(true);
	assert_string_equal(read_on(), "");
	append("app.log", "a\n");
	assert_string_equal(read_on(), "a ");
}

static void batches_keep_their_limits_and_long_lines_pass(void **state)
{
	(void)state;
	struct buffer text, lines;
	int32_t count, total = 0;
	buffer_init(&text);
	buffer_init(&lines);
	for (int i = 0; i < 300; i++)
		buffer_printf(&text, "line %d\n", i);
	for (int i = 0; i < 5000; i++)
		buffer_append_byte(&text, 'x');
	buffer_append_string(&text, "\nend\n");
	buffer_append_byte(&text, 0);
	append("app.log", (const char *)text.data);
	limits = (struct line_file_limits){400, 6000, 7};
	reopen(true);
	status result;
	while ((result = line_file_read(file, &limits, &lines, &count, &place)) == STATUS_OK) {
		assert_true(count <= 7 && (lines.size <= 400 || count == 1));
		total += count;
	}
	assert_int_equal(result, STATUS_END);
	assert_int_equal(total, 302);
	limits.bytes_max = 4000;
	placed = false;
	reopen(true);
	while ((result = line_file_read(file, &limits, &lines, &count, &place)) == STATUS_OK)
		;
	assert_int_equal(result, STATUS_TOO_LARGE);
	assert_non_null(strstr(error_current()->text, "app.log"));
	buffer_deinit(&text);
	buffer_deinit(&lines);
}

static void seeded_life_of_a_log_file_loses_and_repeats_nothing(void **state)
{
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	const char *given = getenv("KAPPA_SEED");
	if (given != NULL)
		seed = (unsigned)strtoul(given, NULL, 10);
	print_message("seed %u\n", seed);
	struct buffer written, got;
	buffer_init(&written);
	buffer_init(&got);
	int line = 0, rotations = 0;
	append("app.log", "first\n"); /* before a first line is read there is no place to go on from */
	reopen(true);
	assert_string_equal(read_on(), "first ");
	for (int i = 0; i < 150; i++) {
		char text[64];
		switch (rand_r(&seed) % 8) {
		case 0: { /* rotates, shifting the numbers up as logrotate does */
			for (int n = rotations; n > 0; n--) {
				char old[32], new[32];
				(void)snprintf(old, sizeof old, "app.log.%d", n);
				(void)snprintf(new, sizeof new, "app.log.%d", n + 1);
				rotate(old, new);
			}
			rotate("app.log", "app.log.1");
			rotations++;
			append("app.log", "");
			break;
		}
		case 1:
			reopen(true);
			break;
		case 2:
			limits.lines_max = 1 + rand_r(&seed) % 5;
			const char *more = read_on();
			buffer_append(&got, more, strlen(more));
			break;
		default:
			for (int n = rand_r(&seed) % 4; n >= 0; n--) {
				(void)snprintf(text, sizeof text, "%d\n", line);
				append("app.log", text);
				buffer_printf(&written, "%d ", line++);
			}
		}
	}
	reopen(true);
	const char *rest = read_on();
	buffer_append(&got, rest, strlen(rest));
	buffer_append_byte(&written, 0);
	buffer_append_byte(&got, 0);
	assert_string_equal((char *)got.data, (char *)written.data);
	buffer_deinit(&written);
	buffer_deinit(&got);
}

static void foreign_positions_are_refused(void **state)
{
	(void)state;
	struct line_file_position position;
	const char *const wrong[] = {"", "1:2:3", "1:2:-3:ff:5", "1:2:3:ff:5:6", "x:2:3:ff:5", "1:2:3:ff:5 "};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(line_file_position_parse(wrong[i], &position), STATUS_INVALID);
}

int main(void)
{
#define with_files(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		with_files(growth_is_read_once),
		with_files(a_restart_goes_on_at_the_position),
		with_files(empty_lines_and_carriage_returns_are_dropped),
		with_files(empty_lines_are_kept_when_asked_for),
		with_files(the_last_line_without_newline_waits_for_a_follower_only),
		with_files(rotation_while_reading_finishes_the_old_file_first),
		with_files(late_writes_to_a_rotated_file_are_waited_for),
		with_files(rotation_while_stopped_finds_the_old_file_by_its_inode),
		with_files(several_rotations_while_stopped_lose_nothing),
		with_files(a_stop_between_rotated_files_goes_on_there),
		with_files(a_lost_file_is_skipped_to_those_after_it),
		with_files(truncation_in_place_begins_anew),
		with_files(a_file_that_is_not_there_is_waited_for_when_followed),
		with_files(batches_keep_their_limits_and_long_lines_pass),
		with_files(seeded_life_of_a_log_file_loses_and_repeats_nothing),
		cmocka_unit_test(foreign_positions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
