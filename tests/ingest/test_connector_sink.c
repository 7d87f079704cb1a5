/* The sink: every record is in the file once, wherever the process ends, whatever happens to the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/memory.h"
#include "ingest/connector_sink.h"
#include "ingest/internal_topic.h"

enum { ROUNDS = 6 };

static struct {
	char dir[64], log_dir[80], path[80];
	struct log *log;
	struct connector_config config;
	struct connector_sink *sink;
	char *position; /* as the log has it */
	int appended;
} test;

#define assert_ok(call)                                                                                      \
	do {                                                                                                     \
		status assert_result = (call);                                                                       \
		if (assert_result != STATUS_OK)                                                                      \
			print_error("%s\n", error_current()->text);                                                      \
		assert_int_equal(assert_result, STATUS_OK);                                                          \
	} while (0)

/* ---- dying: from the nth operation on nothing happens any more ---- */

static struct {
	int nth; /* 0 = never */
	int seen;
	bool torn; /* the first write that fails writes half */
	bool dead;
} death;
static pthread_mutex_t death_lock = PTHREAD_MUTEX_INITIALIZER;

static int death_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context;
	bool changes = event->operation != FILE_OP_READ && event->operation != FILE_OP_OPEN;
	pthread_mutex_lock(&death_lock);
	bool first = !death.dead && changes && ++death.seen == death.nth;
	death.dead = death.dead || first;
	int answer = death.dead ? EIO : 0;
	pthread_mutex_unlock(&death_lock);
	if (first && death.torn && event->operation == FILE_OP_WRITE)
		*written = event->size / 2;
	return answer;
}

/* ---- lives ---- */

static status visit(void *context, const struct record *record)
{
	(void)context;
	mem_free(test.position);
	test.position = mem_alloc(record->value.size + 1);
	memcpy(test.position, record->value.data, record->value.size);
	test.position[record->value.size] = '\0';
	return STATUS_OK;
}

static status save(void *context, const char *position)
{
	(void)context;
	return internal_topic_append(test.log, "__positions", "sink/x", position);
}

static void log_up(void)
{
	struct log_options options = {.dir = test.log_dir};
	assert_ok(log_open(&options, &test.log));
}

static status sink_up(void)
{
	mem_free(test.position);
	test.position = NULL;
	assert_ok(internal_topic_read(test.log, "__positions", visit, NULL));
	struct connector_sink_options options = {
		.log = test.log, .config = &test.config, .position = test.position, .save = save};
	return connector_sink_open(&options, &test.sink);
}

static void down(void)
{
	connector_sink_close(test.sink);
	test.sink = NULL;
	log_close(test.log);
	test.log = NULL;
}

static void configure(const char *text)
{
	struct properties properties;
	properties_init(&properties);
	assert_ok(properties_parse(&properties, slice_of_string(text)));
	properties_set(&properties, "file", test.path);
	connector_config_deinit(&test.config);
	assert_ok(connector_config_read(&properties, &test.config));
	properties_deinit(&properties);
}

static int begin(void **state)
{
	(void)state;
	memset(&test, 0, sizeof test);
	(void)snprintf(test.dir, sizeof test.dir, "/tmp/kappa-sink-XXXXXX");
	assert_non_null(mkdtemp(test.dir));
	(void)snprintf(test.log_dir, sizeof test.log_dir, "%s/log", test.dir);
	(void)snprintf(test.path, sizeof test.path, "%s/test.sink.txt", test.dir);
	diag_set_level((enum diag_level)(DIAG_ERROR + 1));
	configure("name=x\nconnector.class=FileStreamSink\ntopics=a,b\nvalue.converter=StringConverter");
	log_up();
	struct topic_config config = topic_config_default();
	config.partitions = 2;
	assert_ok(topic_create(test.log, "a", &config));
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (test.log != NULL)
		down();
	connector_config_deinit(&test.config);
	mem_free(test.position);
	assert_ok(directory_remove(test.dir));
	return 0;
}

static void batch_append(const char *topic_name, int32_t partition, struct buffer *batch)
{
	const struct topic *topic;
	int64_t offset;
	assert_ok(topic_find(test.log, topic_name, &topic));
	assert_ok(
		log_append_wait(test.log, topic_partition(topic, partition), batch->data, batch->size, &offset));
	buffer_deinit(batch);
}

/* A record of producer 7's open transaction in partition 0 of "a"; text NULL: the transaction ends so. */
static void append_in_transaction(int32_t sequence, const char *text, enum transaction_marker end)
{
	struct record_batch_producer producer = {.id = 7, .base_sequence = sequence, .transactional = true};
	struct record_batch_builder builder;
	struct buffer batch;
	buffer_init(&batch);
	record_batch_builder_init(&builder);
	if (text == NULL) {
		transaction_marker_build(7, 0, end, 0, 1, &batch);
	} else {
		record_batch_builder_add(&builder, 1, (struct slice){0}, slice_of_string(text), NULL, 0);
		assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, &producer, &batch));
	}
	record_batch_builder_deinit(&builder);
	batch_append("a", 0, &batch);
}

static void append_text(const char *topic_name, int32_t partition, const char *text)
{
	const struct topic *topic;
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t offset;
	assert_ok(topic_find(test.log, topic_name, &topic));
	record_batch_builder_init(&builder);
	buffer_init(&batch);
	record_batch_builder_add(&builder, 1, (struct slice){0}, slice_of_string(text), NULL, 0);
	assert_ok(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch));
	assert_ok(log_append_wait(test.log, topic_partition(topic, partition), batch.data, batch.size, &offset));
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

/* Numbered lines, in turn to both partitions of "a". */
static void append(int count)
{
	for (int i = 0; i < count; i++) {
		char text[32];
		(void)snprintf(text, sizeof text, "line %d", test.appended);
		append_text("a", test.appended % 2, text);
		test.appended++;
	}
}

/* Until there is nothing to do. */
static status work(void)
{
	bool did = true;
	status result = STATUS_OK;
	while (result == STATUS_OK && did)
		result = connector_sink_step(test.sink, &did);
	return result;
}

static const char *content(void)
{
	static struct buffer text;
	text.size = 0;
	if (file_exists(test.path))
		assert_ok(file_read_all(test.path, 1 << 20, &text));
	buffer_append_byte(&text, 0);
	return (const char *)text.data;
}

/* Every line that was appended is there once; each partition's in order; nothing else but `others`. */
static void judge(int others)
{
	int lines = 0, last[2] = {-1, -1}, known = 0;
	const char *text = content();
	for (const char *at = text; *at != '\0'; lines++) {
		int number = -1;
		if (sscanf(at, "line %d", &number) == 1 && number >= 0 && number < test.appended) {
			assert_true(number > last[number % 2]);
			last[number % 2] = number;
			known++;
		}
		const char *newline = strchr(at, '\n');
		assert_non_null(newline);
		at = newline + 1;
	}
	assert_int_equal(known, test.appended);
	assert_int_equal(lines, known + others);
}

static void sweep(bool torn)
{
	int places = 0;
	bool died = true;
	for (int nth = 1; died; nth++) {
		assert_int_equal(begin(NULL), 0);
		death.nth = nth;
		death.seen = 0;
		death.torn = torn;
		death.dead = false;
		assert_ok(sink_up());
		bool alive = true;
		for (int round = 0; round < ROUNDS && alive; round++) {
			append(3);
			file_inject(death_hook, NULL);
			alive = work() == STATUS_OK && (round % 2 == 0 || connector_sink_settle(test.sink) == STATUS_OK);
			file_inject(NULL, NULL);
		}
		died = death.dead;
		places += died;
		down();
		log_up();
		assert_ok(sink_up());
		assert_ok(work());
		judge(0);
		/* And it goes on; a redo may be killed as well, and is done again. */
		append(2);
		assert_ok(work());
		down();
		log_up();
		assert_ok(sink_up());
		judge(0);
		assert_int_equal(end(NULL), 0);
	}
	print_message("%d places\n", places);
	assert_true(places > 20);
}

static void no_kill_loses_or_repeats_a_record(void **state)
{
	(void)state;
	sweep(false);
}

static void no_torn_write_loses_or_repeats_a_record(void **state)
{
	(void)state;
	sweep(true);
}

static void records_are_lines_and_the_file_comes_with_the_first(void **state)
{
	(void)state;
	assert_ok(sink_up());
	assert_ok(work());
	assert_false(file_exists(test.path));
	append_text("a", 0, "foo");
	append_text("a", 0, "");
	assert_ok(work());
	assert_string_equal(content(), "foo\n\n");
	int64_t records;
	struct buffer position;
	buffer_init(&position);
	connector_sink_progress(test.sink, &records, &position);
	assert_int_equal(records, 2);
	assert_memory_equal(position.data, "a-0@2", 5);
	buffer_deinit(&position);
}

static void a_topic_that_comes_later_is_read_and_one_made_anew_is_read_anew(void **state)
{
	(void)state;
	struct topic_config config = topic_config_default();
	assert_ok(sink_up());
	append(2);
	assert_ok(work());
	assert_ok(topic_create(test.log, "b", &config));
	append_text("b", 0, "first");
	assert_ok(work());
	assert_ok(topic_delete(test.log, "b"));
	assert_ok(work());
	assert_ok(topic_create(test.log, "b", &config));
	append_text("b", 0, "second");
	assert_ok(work());
	judge(2);
	assert_non_null(strstr(content(), "first\nsecond\n"));
	down();
	log_up();
	assert_ok(sink_up());
	assert_ok(work());
	judge(2);
}

static void what_others_append_stays(void **state)
{
	(void)state;
	assert_ok(file_write_all(test.path, slice_of_string("header\n")));
	assert_ok(sink_up());
	append(3);
	assert_ok(work());
	FILE *file = fopen(test.path, "a");
	assert_true(file != NULL && fputs("mine\n", file) >= 0 && fclose(file) == 0);
	append(3);
	assert_ok(work());
	down(); /* killed: nothing was settled */
	file = fopen(test.path, "a");
	assert_true(file != NULL && fputs("also mine\n", file) >= 0 && fclose(file) == 0);
	log_up();
	assert_ok(sink_up());
	append(3);
	assert_ok(work());
	judge(3);
	assert_non_null(strstr(content(), "header\n"));
	assert_non_null(strstr(content(), "\nmine\n"));
	assert_non_null(strstr(content(), "\nalso mine\n"));
}

static void only_what_was_committed_is_written(void **state)
{
	(void)state;
	assert_ok(sink_up());
	append_in_transaction(0, "aborted", MARKER_NONE);
	append_text("a", 0, "between");
	assert_ok(work());
	assert_string_equal(content(), ""); /* nothing behind an open transaction is decided */
	append_in_transaction(0, NULL, MARKER_ABORT);
	assert_ok(work());
	assert_string_equal(content(), "between\n");
	append_in_transaction(1, "committed", MARKER_NONE);
	append_in_transaction(0, NULL, MARKER_COMMIT);
	assert_ok(work());
	assert_string_equal(content(), "between\ncommitted\n");
	down(); /* killed: the same plan from the same records */
	log_up();
	assert_ok(sink_up());
	assert_ok(work());
	assert_string_equal(content(), "between\ncommitted\n");
}

static void a_rotated_file_is_left_and_a_new_one_begun(void **state)
{
	(void)state;
	char rotated[100];
	(void)snprintf(rotated, sizeof rotated, "%s.1", test.path);
	assert_ok(sink_up());
	append(3);
	assert_ok(work());
	assert_ok(file_rename(test.path, rotated));
	append_text("a", 0, "new");
	assert_ok(work());
	assert_string_equal(content(), "new\n");
	assert_ok(connector_sink_settle(test.sink));
	assert_ok(file_remove(test.path));
	down();
	log_up();
	assert_ok(sink_up());
	append_text("a", 0, "newer");
	assert_ok(work());
	assert_string_equal(content(), "newer\n");
}

static void a_record_that_cannot_be_converted_stops_it_behind_those_before(void **state)
{
	(void)state;
	configure("name=x\nconnector.class=FileStreamSink\ntopics=a\nvalue.converter.schemas.enable=false");
	assert_ok(sink_up());
	append_text("a", 0, "\"good\"");
	append_text("a", 0, "bad");
	append_text("a", 0, "\"after\"");
	assert_int_equal(work(), STATUS_BAD_RECORD);
	assert_non_null(strstr(error_current()->text, "topic a, partition 0, offset 1"));
	assert_string_equal(content(), "good\n");
	connector_sink_close(test.sink);
	configure("name=x\nconnector.class=FileStreamSink\ntopics=a\nvalue.converter.schemas.enable=false\n"
			  "errors.tolerance=all");
	assert_ok(sink_up());
	assert_ok(work());
	assert_string_equal(content(), "good\nafter\n");
}

static void what_is_no_regular_file_is_refused(void **state)
{
	(void)state;
	assert_ok(directory_create(test.path));
	assert_ok(sink_up());
	append(1);
	assert_int_equal(work(), STATUS_INVALID);
}

static void a_position_of_another_kind_is_damage(void **state)
{
	(void)state;
	assert_ok(save(NULL, "{\"type\":\"sink\"}"));
	assert_int_equal(sink_up(), STATUS_DAMAGED);
}

#define with_log(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kill_loses_or_repeats_a_record),
		cmocka_unit_test(no_torn_write_loses_or_repeats_a_record),
		with_log(records_are_lines_and_the_file_comes_with_the_first),
		with_log(a_topic_that_comes_later_is_read_and_one_made_anew_is_read_anew),
		with_log(what_others_append_stays),
		with_log(only_what_was_committed_is_written),
		with_log(a_rotated_file_is_left_and_a_new_one_begun),
		with_log(a_record_that_cannot_be_converted_stops_it_behind_those_before),
		with_log(what_is_no_regular_file_is_refused),
		with_log(a_position_of_another_kind_is_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
