/* Ranges of files on their way to sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file_range.h"
#include "base/memory.h"

enum { FILE_BYTES = 4 * 1024 * 1024 };

static char dir[256], path[512];
static struct file file;
static uint8_t *content;
static int ends[2]; /* ours, which does not block, and the peer's */

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/kappa-range-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/segment", dir);
	content = mem_alloc(FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES; i++)
		content[i] = (uint8_t)(i * 31 + i / 251);
	file = (struct file){-1, NULL};
	assert_int_equal(file_open(&file, path, FILE_CREATE), STATUS_OK);
	assert_int_equal(file_write(&file, 0, slice_of(content, FILE_BYTES)), STATUS_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	file_close(&file);
	mem_free(content);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return directory_remove(dir) == STATUS_OK ? 0 : -1;
}

static void expect_received(size_t position, size_t size)
{
	uint8_t *got = mem_alloc(size);
	assert_int_equal(recv(ends[1], got, size, MSG_WAITALL), (ssize_t)size);
	assert_memory_equal(got, content + position, size);
	mem_free(got);
}

static void a_range_outlives_the_file_and_its_name(void **state)
{
	(void)state;
	struct file_range range;
	size_t sent;
	assert_int_equal(file_range_open(&file, 1000, 5000, &range), STATUS_OK);
	file_close(&file);
	assert_int_equal(file_remove(path), STATUS_OK);
	assert_int_equal(file_range_send(&range, ends[0], &sent), STATUS_OK);
	assert_int_equal(sent, 5000);
	assert_int_equal(range.size, 0);
	expect_received(1000, 5000);
	file_range_close(&range);
	assert_int_equal(range.fd, -1);
	file_range_close(&range);
}

static void a_full_socket_takes_a_part_and_later_the_rest(void **state)
{
	(void)state;
	struct file_range range;
	size_t sent, total = 0, rounds = 0;
	assert_int_equal(file_range_open(&file, 0, FILE_BYTES, &range), STATUS_OK);
	while (range.size != 0) {
		assert_int_equal(file_range_send(&range, ends[0], &sent), STATUS_OK);
		assert_true(sent != 0);
		assert_true(range.position == (int64_t)(total + sent));
		if (range.size != 0) {
			size_t more;
			assert_int_equal(file_range_send(&range, ends[0], &more), STATUS_OK);
			assert_int_equal(more, 0);
		}
		expect_received(total, sent);
		total += sent;
		rounds++;
	}
	assert_int_equal(total, FILE_BYTES);
	assert_true(rounds > 1);
	file_range_close(&range);
}

static void a_file_that_was_cut_is_damaged_and_a_peer_that_left_is_gone(void **state)
{
	(void)state;
	struct file_range range;
	size_t sent;
	assert_int_equal(file_range_open(&file, FILE_BYTES - 100, 200, &range), STATUS_OK);
	assert_int_equal(file_range_send(&range, ends[0], &sent), STATUS_DAMAGED);
	assert_int_equal(sent, 100);
	assert_non_null(strstr(error_current()->text, path));
	file_range_close(&range);
	(void)close(ends[1]);
	assert_int_equal(file_range_open(&file, 0, 200, &range), STATUS_OK);
	assert_int_equal(file_range_send(&range, ends[0], &sent), STATUS_CANCELLED);
	file_range_close(&range);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_range_outlives_the_file_and_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_socket_takes_a_part_and_later_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_that_was_cut_is_damaged_and_a_peer_that_left_is_gone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
