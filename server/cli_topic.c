/* kappa topic: create, list, describe, delete. */
#include <inttypes.h>
#include <string.h>

#include "server/cli_internal.h"

static void cell_grouped(struct cli_table *table, enum cli_output output, int64_t number)
{
	struct buffer text;
	if (output != CLI_OUTPUT_TABLE) {
		cli_table_cellf(table, "%" PRId64, number);
		return;
	}
	buffer_init(&text);
	cli_format_grouped(&text, number);
	buffer_append_byte(&text, 0);
	cli_table_cell(table, (const char *)text.data);
	buffer_deinit(&text);
}

static void cell_bytes(struct cli_table *table, enum cli_output output, int64_t bytes)
{
	struct buffer text;
	if (output != CLI_OUTPUT_TABLE) {
		cli_table_cellf(table, "%" PRId64, bytes);
		return;
	}
	buffer_init(&text);
	cli_format_bytes(&text, (uint64_t)bytes);
	buffer_append_byte(&text, 0);
	cli_table_cell(table, (const char *)text.data);
	buffer_deinit(&text);
}

static int topic_create_run(
	const struct cli *cli, const char *name, int64_t partitions, int64_t segment_bytes)
{
	json_t *request = json_pack("{s:s, s:I}", "name", name, "partitions", (json_int_t)partitions);
	if (segment_bytes > 0)
		json_object_set_new(request, "segment_bytes", json_integer(segment_bytes));
	int code = cli_ask(cli, "POST", "/topics", request, NULL);
	if (code == CLI_OK)
		printf(
			"created topic %s with %" PRId64 " partition%s\n", name, partitions, partitions == 1 ? "" : "s");
	return code;
}

static int topic_list_run(const struct cli *cli, bool internal)
{
	json_t *answer;
	int code = cli_ask(cli, "GET", "/topics", NULL, &answer);
	if (code != CLI_OK)
		return code;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "topic", CLI_COLUMN_TEXT);
	cli_table_column(&table, "partitions", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "records", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "bytes", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "tables", CLI_COLUMN_TEXT);
	size_t i;
	json_t *topic;
	json_array_foreach(json_object_get(answer, "topics"), i, topic)
	{
		if (cli_json_true(topic, "internal") && !internal)
			continue;
		cli_table_cell(&table, cli_json_text(topic, "name"));
		cli_table_cellf(&table, "%" PRId64, cli_json_integer(topic, "partitions", 0));
		cell_grouped(&table, cli->output, cli_json_integer(topic, "records", 0));
		cell_bytes(&table, cli->output, cli_json_integer(topic, "bytes", 0));
		cli_table_cell(&table, cli_json_text(topic, "tables"));
	}
	cli_table_print(&table, cli->output, true);
	cli_table_deinit(&table);
	json_decref(answer);
	return CLI_OK;
}

static void config_print(const json_t *config)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)config, key, value)
	{
		if (json_is_integer(value) && json_integer_value(value) < 0)
			printf("%s: unlimited\n", key);
		else if (json_is_integer(value))
			printf("%s: %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
		else if (json_is_string(value))
			printf("%s: %s\n", key, json_string_value(value));
	}
}

static int topic_describe_run(const struct cli *cli, const char *name)
{
	json_t *answer;
	char *path = cli_url("/topics/%s", name);
	int code = cli_ask(cli, "GET", path, NULL, &answer);
	mem_free(path);
	if (code != CLI_OK)
		return code;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "partition", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "log_start", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "high_watermark", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "bytes", CLI_COLUMN_NUMBER);
	size_t i;
	json_t *partition;
	json_array_foreach(json_object_get(answer, "partitions"), i, partition)
	{
		cli_table_cellf(&table, "%" PRId64, cli_json_integer(partition, "partition", 0));
		cell_grouped(&table, cli->output, cli_json_integer(partition, "log_start", 0));
		cell_grouped(&table, cli->output, cli_json_integer(partition, "high_watermark", 0));
		cell_bytes(&table, cli->output, cli_json_integer(partition, "bytes", 0));
	}
	if (cli->output == CLI_OUTPUT_JSON) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		if (cli->output == CLI_OUTPUT_TABLE) {
			printf("topic: %s\n", name);
			config_print(json_object_get(answer, "config"));
			const char *tables = cli_json_text(answer, "tables");
			printf("tables: %s\n\n", *tables != '\0' ? tables : "none");
		}
		cli_table_print(&table, cli->output, true);
	}
	cli_table_deinit(&table);
	json_decref(answer);
	return CLI_OK;
}

static int topic_delete_run(const struct cli *cli, const char *name)
{
	char *path = cli_url("/topics/%s", name);
	int code = cli_ask(cli, "DELETE", path, NULL, NULL);
	mem_free(path);
	if (code == CLI_OK)
		printf("deleted topic %s\n", name);
	return code;
}

int cli_topic(struct cli *cli)
{
	int64_t partitions = 1, segment_bytes = 0;
	bool internal = false;
	const struct cli_option options[] = {
		{"--partitions", 0, CLI_INTEGER, &partitions},
		{"--segment-bytes", 0, CLI_INTEGER, &segment_bytes},
		{"--internal", 0, CLI_FLAG, &internal},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 1, 2);
	if (code != CLI_OK)
		return code;
	const char *action = arguments.texts[0];
	const char *name = arguments.count == 2 ? arguments.texts[1] : NULL;
	bool needs_name = strcmp(action, "list") != 0;
	if (needs_name != (name != NULL)) {
		error_raise(STATUS_INVALID, needs_name ? "a topic's name is needed" : "list takes no name");
		return cli_usage_error(cli);
	}
	if (strcmp(action, "create") == 0)
		return topic_create_run(cli, name, partitions, segment_bytes);
	if (strcmp(action, "list") == 0)
		return topic_list_run(cli, internal);
	if (strcmp(action, "describe") == 0)
		return topic_describe_run(cli, name);
	if (strcmp(action, "delete") == 0)
		return topic_delete_run(cli, name);
	error_raise(STATUS_INVALID, "\"%s\" is none of create, list, describe, delete", action);
	return cli_usage_error(cli);
}
