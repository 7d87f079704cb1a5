/* tests/golden/generated/messages.txt: bodies of every API and version we advertise, made with Apache Kafka's
 * own descriptions (tests/peers/java/Messages.java; `record_golden.py messages` makes the file anew).
 *
 * Three lines for each version: the layout of request and response, by names, types and what may be null; a
 * pair of bodies in which every field has a value of its own; a pair with null wherever it is allowed.
 */
#include "support_hex.h"
#include "support_kafka.h"

#include <ctype.h>
#include <string.h>

enum { LINE_SIZE_MAX = 16 * 1024, LINES_OF_A_VERSION = 3 };

struct message_line {
	const struct kafka_api *api;
	struct kafka_layout layout;
	char request[LINE_SIZE_MAX], response[LINE_SIZE_MAX];
};

static bool line_is_layout(const struct message_line *line)
{
	return line->request[0] == '(';
}

/* Calls visit for each line; fails when there are none. */
static void each_line(void (*visit)(const struct message_line *line, void *with), void *with)
{
	static struct message_line line;
	FILE *file = fopen(KAPPA_TEST_DIR "/../golden/generated/messages.txt", "r");
	size_t count = 0;
	int16_t key;
	assert_non_null(file);
	while (fscanf(file, "%hd %hd %16383s %16383s", &key, &line.layout.version, line.request, line.response) ==
		   4) {
		line.api = kafka_api_find(key);
		if (line.api == NULL || line.layout.version < line.api->version_min ||
			line.layout.version > line.api->version_max)
			fail_msg("API %d version %d is not advertised", key, line.layout.version);
		line.layout.flexible = line.layout.version >= line.api->flexible_from;
		visit(&line, with);
		count++;
	}
	assert_true(feof(file));
	(void)fclose(file);
	assert_true(count > 0);
}

/* ---- all of them are there ---- */

struct version_count {
	const struct kafka_api *api;
	int16_t version;
	int lines;
};

static void version_count_line(const struct message_line *line, void *with)
{
	struct version_count *wanted = with;
	if (line->api == wanted->api && line->layout.version == wanted->version)
		wanted->lines++;
}

static void every_advertised_version_has_bodies_made_by_kafka(void **state)
{
	(void)state;
	for (size_t i = 0; i < kafka_api_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		for (int16_t version = api->version_min; version <= api->version_max; version++) {
			struct version_count wanted = {api, version, 0};
			each_line(version_count_line, &wanted);
			if (wanted.lines != LINES_OF_A_VERSION)
				fail_msg("%s %d: %d lines, not %d: run record_golden.py messages", api->name, version,
					wanted.lines, LINES_OF_A_VERSION);
		}
	}
}

/* ---- names, types, nulls ---- */

static const char *type_name(enum kafka_type type)
{
	static const char *const names[] = {[KAFKA_BOOL] = "boolean",
		[KAFKA_INT8] = "int8",
		[KAFKA_INT16] = "int16",
		[KAFKA_INT32] = "int32",
		[KAFKA_INT64] = "int64",
		[KAFKA_UUID] = "uuid",
		[KAFKA_STRING] = "string",
		[KAFKA_BYTES] = "bytes",
		[KAFKA_INT32S] = "[int32]",
		[KAFKA_INT64S] = "[int64]",
		[KAFKA_STRINGS] = "[string]"};
	return names[type];
}

static void schema_print(struct buffer *out, const struct kafka_schema *schema, int16_t version);

static void field_print(struct buffer *out, const struct kafka_field *field, int16_t version)
{
	if (field->tag >= 0)
		buffer_printf(out, "#%d", field->tag);
	buffer_printf(out, "%s:%s", field->name, version >= field->nullable_from ? "?" : "");
	if (field->type == KAFKA_ARRAY) {
		buffer_printf(out, "[");
		schema_print(out, field->element, version);
		buffer_printf(out, "]");
	} else {
		buffer_printf(out, "%s", type_name(field->type));
	}
}

static void schema_print(struct buffer *out, const struct kafka_schema *schema, int16_t version)
{
	const char *separator = "(";
	for (int tagged = 0; tagged < 2; tagged++) {
		for (size_t i = 0; i < schema->field_count; i++) {
			const struct kafka_field *field = &schema->fields[i];
			if (version < field->from || version > field->to || (field->tag >= 0) != tagged)
				continue;
			buffer_printf(out, "%s", separator);
			field_print(out, field, version);
			separator = ",";
		}
	}
	buffer_printf(out, "%s)", separator[0] == '(' ? "(" : "");
}

/* What we call otherwise, mostly so that the same thing has one name in every message. */
static bool is_name_of(struct slice ours, struct slice theirs)
{
	static const char *const names[][2] = {{"topics", "responses"}, {"topics", "topic_data"},
		{"topics", "v3_and_below_topics"}, {"topics", "results_by_topic_v3_and_below"}, {"name", "topic"},
		{"partitions", "partition_data"}, {"partitions", "data"}, {"partitions", "partition_responses"},
		{"partitions", "results_by_partition"}, {"partition_index", "partition"}, {"index", "partition"},
		{"error_code", "partition_error_code"}, {"forgotten_topics", "forgotten_topics_data"},
		{"generation_id", "generation_id_or_member_epoch"},
		{"transactional_id", "v3_and_below_transactional_id"}, {"producer_id", "v3_and_below_producer_id"},
		{"producer_epoch", "v3_and_below_producer_epoch"},
		/* what only old releases call so */
		{"bytes", "records"}, {"records", "record_set"}, {"timeout_ms", "timeout"},
		{"log_append_time_ms", "log_append_time"}, {"resource_type_filter", "resource_type"},
		{"resource_name_filter", "resource_name"}, {"principal_filter", "principal"}, {"host_filter", "host"},
		{"results", "creation_responses"}, {"filter_results", "filter_responses"}, {"results", "resources"},
		{"configs", "config_entries"}, {"name", "config_name"}, {"value", "config_value"},
		{"configuration_keys", "config_names"}, {"results", "log_dirs"}, {"partition_size", "size"},
		{"is_future_key", "is_future"}};
	if (slice_equal(ours, theirs))
		return true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (slice_equal(ours, slice_of_string(names[i][0])) &&
			slice_equal(theirs, slice_of_string(names[i][1])))
			return true;
	}
	return false;
}

/* A name, or one other character. */
static struct slice token_take(struct slice *text)
{
	size_t size = 0;
	while (size < text->size && (isalnum(text->data[size]) || text->data[size] == '_'))
		size++;
	struct slice token = slice_of(text->data, size == 0 && text->size > 0 ? 1 : size);
	*text = slice_of(text->data + token.size, text->size - token.size);
	return token;
}

static bool layouts_are_equal(struct slice ours, struct slice theirs)
{
	while (ours.size > 0 || theirs.size > 0) {
		if (!is_name_of(token_take(&ours), token_take(&theirs)))
			return false;
	}
	return true;
}

static void line_compare_layout(const struct message_line *line, void *with)
{
	int *different = with;
	if (!line_is_layout(line))
		return;
	for (int request = 0; request < 2; request++) {
		struct buffer ours = {0};
		const char *theirs = request ? line->request : line->response;
		schema_print(&ours, request ? line->api->request : line->api->response, line->layout.version);
		if (!layouts_are_equal(buffer_slice(&ours), slice_of_string(theirs))) {
			print_error("%s %d, %s:\n  Kafka's %s\n  ours    %.*s\n", line->api->name, line->layout.version,
				request ? "request" : "response", theirs, (int)ours.size, (const char *)ours.data);
			++*different;
		}
		buffer_deinit(&ours);
	}
}

static void names_types_and_nulls_are_kafkas_in_every_version(void **state)
{
	(void)state;
	int different = 0;
	each_line(line_compare_layout, &different);
	assert_int_equal(different, 0);
}

/* ---- bytes ---- */

static void line_round_trip(const struct message_line *line, void *with)
{
	int *different = with;
	if (line_is_layout(line))
		return;
	for (int request = 0; request < 2; request++) {
		struct arena arena = {0};
		struct buffer written = {0};
		const struct kafka_schema *schema = request ? line->api->request : line->api->response;
		struct slice bytes = hex_read(&arena, request ? line->request : line->response);
		struct cursor cursor = cursor_of(bytes);
		void *message = NULL;
		if (kafka_read(&cursor, schema, line->layout, &arena, INT32_MAX, &message) != STATUS_OK ||
			cursor_left(&cursor) != 0) {
			print_error("%s %d, %s: %s, %zu bytes left\n", line->api->name, line->layout.version,
				schema->name, message == NULL ? error_current()->text : "read", cursor_left(&cursor));
			++*different;
		} else {
			kafka_write(&written, schema, line->layout, message);
			if (!slice_equal(buffer_slice(&written), bytes)) {
				print_error("%s %d, %s: %zu bytes came out of %zu, or other ones\n", line->api->name,
					line->layout.version, schema->name, written.size, bytes.size);
				++*different;
			}
		}
		buffer_deinit(&written);
		arena_deinit(&arena);
	}
}

static void bodies_made_by_kafka_are_read_and_written_back_in_every_version(void **state)
{
	(void)state;
	int different = 0;
	each_line(line_round_trip, &different);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_advertised_version_has_bodies_made_by_kafka),
		cmocka_unit_test(names_types_and_nulls_are_kafkas_in_every_version),
		cmocka_unit_test(bodies_made_by_kafka_are_read_and_written_back_in_every_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
