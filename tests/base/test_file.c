/* The file seam: results, errors, and what an injected fault may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static char dir[256];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/kappa-file-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	file_inject(NULL, NULL);
	return directory_remove(dir) == STATUS_OK ? 0 : -1;
}

static const char *in_dir(const char *name)
{
	static char paths[4][512];
	static int next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static void bytes_are_read_back_where_they_were_written(void **state)
{
	(void)state;
	struct file file = {-1, NULL};
	char text[32];
	size_t got;
	int64_t size;
	assert_int_equal(file_open(&file, in_dir("f"), FILE_CREATE), STATUS_OK);
	assert_int_equal(file_write(&file, 0, slice_of_string("hello")), STATUS_OK);
	assert_int_equal(file_write(&file, 7, slice_of_string("world")), STATUS_OK);
	assert_int_equal(file_sync(&file), STATUS_OK);
	assert_int_equal(file_size(&file, &size), STATUS_OK);
	assert_int_equal(size, 12);
	assert_int_equal(file_read(&file, 0, text, sizeof text, &got), STATUS_OK);
	assert_int_equal(got, 12);
	assert_memory_equal(text, "hello\0\0world", 12);
	assert_int_equal(file_read(&file, 100, text, sizeof text, &got), STATUS_OK);
	assert_int_equal(got, 0);
	assert_int_equal(file_truncate(&file, 4), STATUS_OK);
	assert_int_equal(file_read(&file, 0, text, sizeof text, &got), STATUS_OK);
	assert_int_equal(got, 4);
	file_close(&file);
	assert_int_equal(file.fd, -1);
}

static void many_parts_are_one_write(void **state)
{
	(void)state;
	enum { PARTS = 3000 };
	static struct slice parts[PARTS];
	static const uint8_t letters[26] = "abcdefghijklmnopqrstuvwxyz";
	struct buffer expected, found;
	struct file file = {-1, NULL};
	buffer_init(&expected);
	buffer_init(&found);
	for (size_t i = 0; i < PARTS; i++) {
		parts[i] = slice_of(letters, i % 27); /* some of them empty */
		buffer_append(&expected, parts[i].data, parts[i].size);
	}
	assert_int_equal(file_open(&file, in_dir("f"), FILE_CREATE), STATUS_OK);
	assert_int_equal(file_write_parts(&file, 0, parts, PARTS), STATUS_OK);
	file_close(&file);
	assert_int_equal(file_read_all(in_dir("f"), 1 << 20, &found), STATUS_OK);
	assert_true(slice_equal(buffer_slice(&expected), buffer_slice(&found)));
	buffer_deinit(&expected);
	buffer_deinit(&found);
}

static void errors_name_the_path_and_tell_kinds_apart(void **state)
{
	(void)state;
	struct file file = {-1, NULL};
	struct buffer bytes;
	buffer_init(&bytes);
	assert_int_equal(file_open(&file, in_dir("none"), FILE_READ), STATUS_NOT_FOUND);
	assert_non_null(strstr(error_current()->text, in_dir("none")));
	assert_int_equal(file_open(&file, in_dir("none"), FILE_UPDATE), STATUS_NOT_FOUND);
	assert_int_equal(file_write_all(in_dir("f"), slice_of_string("12345")), STATUS_OK);
	assert_int_equal(file_open(&file, in_dir("f"), FILE_CREATE), STATUS_EXISTS);
	assert_int_equal(directory_create(dir), STATUS_EXISTS);
	assert_int_equal(file_remove(in_dir("none")), STATUS_NOT_FOUND);
	assert_int_equal(file_rename(in_dir("none"), in_dir("g")), STATUS_NOT_FOUND);
	assert_int_equal(file_read_all(in_dir("f"), 4, &bytes), STATUS_TOO_LARGE);
	assert_int_equal(directory_sync(in_dir("none")), STATUS_NOT_FOUND);
	assert_int_equal(file.fd, -1);
	buffer_deinit(&bytes);
}

static void a_file_is_replaced_whole(void **state)
{
	(void)state;
	struct buffer bytes;
	buffer_init(&bytes);
	assert_int_equal(file_replace(in_dir("f"), slice_of_string("a long first version")), STATUS_OK);
	assert_int_equal(file_replace(in_dir("f"), slice_of_string("second")), STATUS_OK);
	assert_int_equal(file_read_all(in_dir("f"), 100, &bytes), STATUS_OK);
	assert_true(slice_equal(buffer_slice(&bytes), slice_of_string("second")));
	assert_false(file_exists(in_dir("f.new")));
	buffer_deinit(&bytes);
}

static void a_directory_is_listed_in_order_and_removed_whole(void **state)
{
	(void)state;
	struct directory_list list;
	assert_int_equal(directory_create(in_dir("d")), STATUS_OK);
	assert_int_equal(directory_create(in_dir("d/sub")), STATUS_OK);
	assert_int_equal(file_write_all(in_dir("d/b"), slice_of_string("x")), STATUS_OK);
	assert_int_equal(file_write_all(in_dir("d/a"), slice_of_string("x")), STATUS_OK);
	assert_int_equal(file_write_all(in_dir("d/sub/c"), slice_of_string("x")), STATUS_OK);
	assert_int_equal(directory_list(in_dir("d"), &list), STATUS_OK);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.names[0], "a");
	assert_string_equal(list.names[1], "b");
	assert_string_equal(list.names[2], "sub");
	directory_list_free(&list);
	assert_int_equal(directory_sync_parent(in_dir("d")), STATUS_OK);
	assert_int_equal(directory_remove(in_dir("d")), STATUS_OK);
	assert_false(file_exists(in_dir("d")));
}

static void a_lock_keeps_others_out_until_closed(void **state)
{
	(void)state;
	struct file first = {-1, NULL}, second = {-1, NULL};
	assert_int_equal(file_lock(&first, in_dir("lock")), STATUS_OK);
	assert_int_equal(file_lock(&second, in_dir("lock")), STATUS_LOCKED);
	assert_int_equal(second.fd, -1);
	file_close(&first);
	assert_int_equal(file_lock(&second, in_dir("lock")), STATUS_OK);
	file_close(&second);
}

struct plan {
	enum file_operation operation;
	int error;
	size_t written;
	int asked;
};

static int plan_hook(void *context, const struct file_event *event, size_t *written)
{
	struct plan *plan = context;
	if (event->operation != plan->operation)
		return 0;
	plan->asked++;
	*written = plan->written;
	return plan->error;
}

static void an_injected_fault_fails_its_operation_only(void **state)
{
	(void)state;
	struct file file = {-1, NULL};
	struct buffer bytes;
	buffer_init(&bytes);
	assert_int_equal(file_open(&file, in_dir("f"), FILE_CREATE), STATUS_OK);
	struct plan plan = {FILE_OP_WRITE, ENOSPC, 3, 0};
	file_inject(plan_hook, &plan);
	assert_int_equal(file_write(&file, 0, slice_of_string("hello")), STATUS_NO_SPACE);
	assert_int_equal(file_read_all(in_dir("f"), 100, &bytes), STATUS_OK);
	assert_true(slice_equal(buffer_slice(&bytes), slice_of_string("hel"))); /* torn */
	plan = (struct plan){FILE_OP_SYNC, EIO, 0, 0};
	assert_int_equal(file_write(&file, 0, slice_of_string("hello")), STATUS_OK);
	assert_int_equal(file_sync(&file), STATUS_IO);
	assert_int_equal(plan.asked, 1);
	plan = (struct plan){FILE_OP_RENAME, EIO, 0, 0};
	assert_int_equal(file_rename(in_dir("f"), in_dir("g")), STATUS_IO);
	assert_true(file_exists(in_dir("f")));
	file_inject(NULL, NULL);
	assert_int_equal(file_sync(&file), STATUS_OK);
	file_close(&file);
	buffer_deinit(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_are_read_back_where_they_were_written, setup, teardown),
		cmocka_unit_test_setup_teardown(many_parts_are_one_write, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_name_the_path_and_tell_kinds_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_is_listed_in_order_and_removed_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lock_keeps_others_out_until_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(an_injected_fault_fails_its_operation_only, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
