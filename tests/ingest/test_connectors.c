/* Connectors: what was asked for is in the log and comes back from it; files are touched only where allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "ingest/connectors.h"

static struct {
	char dir[64], log_dir[80], source[80], sink[80];
	struct log *log;
	struct sources *sources;
	struct connectors *_Atomic connectors; /* the log calls back before it is there */
	const char *directories;
	size_t count_max;
	struct arena arena;
} test;

#define assert_ok(call)                                                                                      \
	do {                                                                                                     \
		status assert_result = (call);                                                                       \
		if (assert_result != STATUS_OK)                                                                      \
			print_error("%s\n", error_current()->text);                                                      \
		assert_int_equal(assert_result, STATUS_OK);                                                          \
	} while (0)

static void advanced(void *context)
{
	(void)context;
	connectors_wake(test.connectors);
}

static void up(void)
{
	struct log_options log_options = {.dir = test.log_dir, .advanced = advanced};
	assert_ok(log_open(&log_options, &test.log));
	test.sources = sources_create(test.log);
	struct connectors_options options = {
		.log = test.log,
		.sources = test.sources,
		.directories = test.directories,
		.private_directory = test.log_dir,
		.count_max = test.count_max,
	};
	struct connectors *connectors;
	assert_ok(connectors_open(&options, &connectors));
	test.connectors = connectors;
}

static void down(void)
{
	connectors_stop(test.connectors);
	log_close(test.log);
	connectors_close(test.connectors);
	test.connectors = NULL;
	sources_destroy(test.sources);
}

static int begin(void **state)
{
	(void)state;
	memset(&test, 0, sizeof test);
	(void)snprintf(test.dir, sizeof test.dir, "/tmp/kappa-connect-XXXXXX");
	assert_non_null(mkdtemp(test.dir));
	(void)snprintf(test.log_dir, sizeof test.log_dir, "%s/log", test.dir);
	(void)snprintf(test.source, sizeof test.source, "%s/test.txt", test.dir);
	(void)snprintf(test.sink, sizeof test.sink, "%s/test.sink.txt", test.dir);
	diag_set_level((enum diag_level)(DIAG_ERROR + 1));
	arena_init(&test.arena);
	up();
	return 0;
}

static int end(void **state)
{
	(void)state;
	down();
	arena_deinit(&test.arena);
	assert_ok(directory_remove(test.dir));
	return 0;
}

/* "name=…\n…" with the file added. */
static status configure(const char *text, const char *file, bool replace)
{
	struct properties properties;
	bool created = false;
	properties_init(&properties);
	assert_ok(properties_parse(&properties, slice_of_string(text)));
	properties_set(&properties, "file", file);
	status result = replace ? connectors_configure(test.connectors, &properties, &created)
							: connectors_create(test.connectors, &properties);
	properties_deinit(&properties);
	return result;
}

#define SOURCE "name=a\nconnector.class=FileStreamSource\ntopic=t\n"
#define SINK "name=b\nconnector.class=FileStreamSink\ntopics=t\n"

static void write_line(const char *text)
{
	FILE *file = fopen(test.source, "a");
	assert_true(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void wait_sunk(const char *expected)
{
	struct buffer text;
	buffer_init(&text);
	for (int i = 0; i < 10000; i++) {
		text.size = 0;
		if (file_exists(test.sink))
			assert_ok(file_read_all(test.sink, 1 << 20, &text));
		if (slice_equal(buffer_slice(&text), slice_of_string(expected)))
			break;
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	buffer_append_byte(&text, 0);
	assert_string_equal((const char *)text.data, expected);
	buffer_deinit(&text);
}

static struct connector_status state_of(const char *name)
{
	struct connector_status found;
	assert_ok(connectors_find(test.connectors, name, &test.arena, &found));
	return found;
}

static void lines_go_from_file_to_file_over_restarts(void **state)
{
	(void)state;
	assert_ok(configure(SOURCE, test.source, false));
	assert_ok(configure(SINK, test.sink, false));
	write_line("foo\n\nbar \"x\"\n");
	wait_sunk("foo\n\nbar \"x\"\n");
	down();
	write_line("while away\n");
	up();
	wait_sunk("foo\n\nbar \"x\"\nwhile away\n");
	write_line("half a li");
	write_line("ne\n");
	wait_sunk("foo\n\nbar \"x\"\nwhile away\nhalf a line\n");
	assert_string_equal(state_of("a").topics, "t");
	struct connector_status *list;
	size_t count;
	connectors_list(test.connectors, &test.arena, &list, &count);
	assert_int_equal(count, 2);
	assert_string_equal(list[0].name, "a");
	assert_int_equal(list[1].kind, CONNECTOR_SINK);
}

static void a_paused_connector_stays_so_over_restarts(void **state)
{
	(void)state;
	assert_ok(configure(SOURCE, test.source, false));
	assert_ok(configure(SINK, test.sink, false));
	write_line("one\n");
	wait_sunk("one\n");
	assert_ok(connectors_pause(test.connectors, "b"));
	assert_ok(connectors_pause(test.connectors, "b"));
	down();
	up();
	assert_int_equal(state_of("b").state, CONNECTOR_PAUSED);
	assert_int_equal(state_of("a").state, CONNECTOR_RUNNING);
	write_line("two\n");
	(void)nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
	wait_sunk("one\n");
	assert_ok(connectors_resume(test.connectors, "b"));
	wait_sunk("one\ntwo\n");
}

static void a_deleted_connector_is_gone_but_goes_on_when_made_again(void **state)
{
	(void)state;
	assert_ok(configure(SOURCE, test.source, false));
	assert_ok(configure(SINK, test.sink, false));
	write_line("one\n");
	wait_sunk("one\n");
	assert_ok(connectors_delete(test.connectors, "a"));
	assert_ok(connectors_delete(test.connectors, "b"));
	assert_int_equal(connectors_delete(test.connectors, "b"), STATUS_NOT_FOUND);
	down();
	up();
	struct connector_status found;
	assert_int_equal(connectors_find(test.connectors, "a", &test.arena, &found), STATUS_NOT_FOUND);
	assert_int_equal(connectors_pause(test.connectors, "a"), STATUS_NOT_FOUND);
	write_line("two\n");
	assert_ok(configure(SOURCE, test.source, false));
	assert_ok(configure(SINK, test.sink, true));
	wait_sunk("one\ntwo\n");
}

static void a_name_is_taken_once_and_changed_on_request(void **state)
{
	(void)state;
	assert_ok(configure(SOURCE, test.source, false));
	assert_int_equal(configure(SOURCE, test.source, false), STATUS_EXISTS);
	assert_ok(configure(SOURCE "value.converter=StringConverter\n", test.source, true));
	assert_ok(configure(SINK "value.converter=StringConverter\n", test.sink, false));
	write_line("{\"a\":1}\n");
	wait_sunk("{\"a\":1}\n");
	assert_int_equal(configure(SOURCE "nonsense=1\n", test.source, true), STATUS_INVALID);
	assert_int_equal(configure(SOURCE "transforms=x\n", test.source, true), STATUS_UNSUPPORTED);
	assert_int_equal(state_of("a").state, CONNECTOR_RUNNING);
}

static void connectors_beyond_the_limit_are_refused_and_those_there_are_go_on(void **state)
{
	(void)state;
	down();
	test.count_max = 2;
	up();
	assert_ok(configure(SOURCE, test.source, false));
	assert_ok(configure(SINK, test.sink, false));
	assert_int_equal(
		configure("name=c\nconnector.class=FileStreamSink\ntopics=t\n", test.sink, false), STATUS_TOO_LARGE);
	assert_non_null(strstr(error_current()->text, "2 connectors"));
	assert_ok(configure(SINK, test.sink, true)); /* another configuration is no other connector */
	down();
	up();
	assert_int_equal(
		configure("name=c\nconnector.class=FileStreamSink\ntopics=t\n", test.sink, true), STATUS_TOO_LARGE);
	write_line("one\n");
	wait_sunk("one\n");
	assert_ok(connectors_delete(test.connectors, "a"));
	assert_ok(configure("name=c\nconnector.class=FileStreamSink\ntopics=t\n", test.sink, true));
}

static void a_sink_of_more_than_100_topics_is_refused(void **state)
{
	(void)state;
	for (int count = 100; count <= 101; count++) {
		struct buffer text = {0};
		buffer_append_string(&text, "name=wide\nconnector.class=FileStreamSink\ntopics=t0");
		for (int i = 1; i < count; i++)
			buffer_printf(&text, ",t%d", i);
		buffer_append(&text, "\n", 2);
		assert_int_equal(
			configure((const char *)text.data, test.sink, true), count == 100 ? STATUS_OK : STATUS_TOO_LARGE);
		buffer_deinit(&text);
	}
	assert_non_null(strstr(error_current()->text, "more than 100 topics"));
}

static void what_fails_says_so_and_is_tried_again_on_request(void **state)
{
	(void)state;
	assert_ok(directory_create(test.sink));
	assert_ok(configure(SOURCE, test.source, false));
	assert_ok(configure(SINK, test.sink, false));
	write_line("one\n");
	for (int i = 0; i < 10000 && state_of("b").state != CONNECTOR_FAILED; i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	struct connector_status failed = state_of("b");
	assert_int_equal(failed.state, CONNECTOR_FAILED);
	assert_non_null(strstr(failed.trace, "regular file"));
	assert_int_equal(rmdir(test.sink), 0);
	assert_ok(connectors_restart(test.connectors, "b"));
	wait_sunk("one\n");
}

static void only_files_below_the_allowed_directories_are_touched(void **state)
{
	(void)state;
	char allowed[80], inside[100], beside[100], own[120], link[100], through[120];
	(void)snprintf(allowed, sizeof allowed, "%s/in", test.dir);
	(void)snprintf(inside, sizeof inside, "%s/x", allowed);
	(void)snprintf(beside, sizeof beside, "%s2", allowed);
	(void)snprintf(own, sizeof own, "%s/x", test.log_dir);
	(void)snprintf(link, sizeof link, "%s/link", allowed);
	(void)snprintf(through, sizeof through, "%s/x", link);
	assert_ok(directory_create(allowed));
	assert_int_equal(symlink(test.dir, link), 0);
	assert_int_equal(
		configure(SOURCE, own, false), STATUS_INVALID); /* the appliance's, whatever is allowed */
	down();
	test.directories = allowed;
	up();
	assert_int_equal(configure(SOURCE, beside, false), STATUS_INVALID);
	assert_non_null(strstr(error_current()->hint, "--connect-dirs"));
	assert_int_equal(configure(SOURCE, through, false), STATUS_INVALID);
	assert_int_equal(configure(SOURCE, test.source, false), STATUS_INVALID);
	assert_ok(configure(SOURCE, inside, false));
	down();
	test.directories = "";
	up();
	assert_int_equal(state_of("a").state, CONNECTOR_FAILED); /* asked at every start */
	assert_int_equal(configure(SINK, inside, false), STATUS_INVALID);
}

#define with_log(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_log(lines_go_from_file_to_file_over_restarts),
		with_log(a_paused_connector_stays_so_over_restarts),
		with_log(a_deleted_connector_is_gone_but_goes_on_when_made_again),
		with_log(a_name_is_taken_once_and_changed_on_request),
		with_log(what_fails_says_so_and_is_tried_again_on_request),
		with_log(connectors_beyond_the_limit_are_refused_and_those_there_are_go_on),
		with_log(a_sink_of_more_than_100_topics_is_refused),
		with_log(only_files_below_the_allowed_directories_are_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
