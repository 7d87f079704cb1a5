/* kappa topic: create, list, describe, alter, add-partitions, trim, delete. */
#include <inttypes.h>
#include <stdlib.h>
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

/* CONFIG=VALUE…; without value (CONFIG=), the default. NULL when one is neither. */
static json_t *configs_parse(const struct cli_texts *arguments, size_t first)
{
	json_t *config = json_object();
	for (size_t i = first; i < arguments->count; i++) {
		const char *text = arguments->texts[i], *equals = strchr(text, '=');
		if (equals == NULL || equals == text) {
			error_raise(STATUS_INVALID, "\"%s\" is not CONFIG=VALUE", text);
			json_decref(config);
			return NULL;
		}
		char *name = mem_copy_string(text);
		name[equals - text] = '\0';
		json_object_set_new(config, name, equals[1] != '\0' ? json_string(equals + 1) : json_null());
		mem_free(name);
	}
	return config;
}

static int topic_create_run(const struct cli *cli, const char *name, int64_t partitions,
	int64_t segment_bytes, const struct cli_texts *arguments)
{
	json_t *config = configs_parse(arguments, 2);
	if (config == NULL)
		return cli_usage_error(cli);
	json_t *request =
		json_pack("{s:s, s:I, s:o}", "name", name, "partitions", (json_int_t)partitions, "config", config);
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
		const char *text = json_string_value(value);
		bool unlimited = strncmp(key, "retention.", 10) == 0 && text != NULL && strcmp(text, "-1") == 0;
		if (text != NULL)
			printf("%s: %s\n", key, unlimited ? "unlimited" : text);
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
			printf("tables: %s\n", *tables != '\0' ? tables : "none");
			const char *views = cli_json_text(answer, "views");
			printf("needed from the beginning by: %s\n\n", *views != '\0' ? views : "nobody");
		}
		cli_table_print(&table, cli->output, true);
	}
	cli_table_deinit(&table);
	json_decref(answer);
	return CLI_OK;
}

static int topic_alter_run(const struct cli *cli, const struct cli_texts *arguments, bool force)
{
	const char *name = arguments->texts[1];
	json_t *config = configs_parse(arguments, 2), *answer;
	if (config != NULL && json_object_size(config) == 0) {
		error_raise(STATUS_INVALID, "alter needs CONFIG=VALUE");
		json_decref(config);
		config = NULL;
	}
	if (config == NULL)
		return cli_usage_error(cli);
	char *path = cli_url("/topics/%s/config", name);
	int code =
		cli_ask(cli, "POST", path, json_pack("{s:o, s:b}", "config", config, "force", (int)force), &answer);
	mem_free(path);
	if (code != CLI_OK)
		return code;
	if (cli->output == CLI_OUTPUT_JSON) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		printf("altered topic %s\n", name);
	}
	json_decref(answer);
	return CLI_OK;
}

static int topic_add_partitions_run(const struct cli *cli, const struct cli_texts *arguments)
{
	const char *name = arguments->texts[1];
	char *end = NULL;
	long long count = arguments->count == 3 ? strtoll(arguments->texts[2], &end, 10) : 0;
	if (end == NULL || *end != '\0' || count < 1) {
		error_raise(STATUS_INVALID, "add-partitions needs how many partitions there shall be");
		return cli_usage_error(cli);
	}
	char *path = cli_url("/topics/%s/partitions", name);
	int code = cli_ask(cli, "POST", path, json_pack("{s:I}", "partitions", (json_int_t)count), NULL);
	mem_free(path);
	if (code == CLI_OK)
		printf("topic %s has %lld partitions\n", name, count);
	return code;
}

static int topic_trim_run(
	const struct cli *cli, const char *name, const char *before, int64_t partition, bool force)
{
	char *end = NULL;
	bool all = before != NULL && strcmp(before, "end") == 0;
	long long offset = before != NULL && !all ? strtoll(before, &end, 10) : 0;
	if (before == NULL || (!all && (end == before || *end != '\0' || offset < 0))) {
		error_raise(STATUS_INVALID, "trim needs --before OFFSET, or --before end");
		return cli_usage_error(cli);
	}
	json_t *request = json_pack(
			   "{s:o, s:b}", "before", all ? json_string("end") : json_integer(offset), "force", (int)force),
		   *answer;
	if (partition >= 0)
		json_object_set_new(request, "partition", json_integer(partition));
	char *path = cli_url("/topics/%s/trim", name);
	int code = cli_ask(cli, "POST", path, request, &answer);
	mem_free(path);
	if (code != CLI_OK)
		return code;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "partition", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "log_start", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "high_watermark", CLI_COLUMN_NUMBER);
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(answer, "partitions"), i, entry)
	{
		cli_table_cellf(&table, "%" PRId64, cli_json_integer(entry, "partition", 0));
		cell_grouped(&table, cli->output, cli_json_integer(entry, "log_start", 0));
		cell_grouped(&table, cli->output, cli_json_integer(entry, "high_watermark", 0));
	}
	cli_table_print(&table, cli->output, true);
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
	int64_t partitions = 1, segment_bytes = 0, partition = -1;
	const char *before = NULL;
	bool internal = false, force = false;
	const struct cli_option options[] = {
		{"--partitions", 0, CLI_INTEGER, &partitions},
		{"--segment-bytes", 0, CLI_INTEGER, &segment_bytes},
		{"--internal", 0, CLI_FLAG, &internal},
		{"--before", 0, CLI_TEXT, &before},
		{"--partition", 0, CLI_INTEGER, &partition},
		{"--force", 0, CLI_FLAG, &force},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 1, 32);
	if (code != CLI_OK)
		return code;
	const char *action = arguments.texts[0];
	const char *name = arguments.count >= 2 ? arguments.texts[1] : NULL;
	bool needs_name = strcmp(action, "list") != 0;
	if (needs_name != (name != NULL)) {
		error_raise(STATUS_INVALID, needs_name ? "a topic's name is needed" : "list takes no name");
		return cli_usage_error(cli);
	}
	if (strcmp(action, "create") == 0)
		return topic_create_run(cli, name, partitions, segment_bytes, &arguments);
	if (strcmp(action, "alter") == 0)
		return topic_alter_run(cli, &arguments, force);
	if (strcmp(action, "add-partitions") == 0)
		return topic_add_partitions_run(cli, &arguments);
	if (arguments.count > 2) {
		error_raise(STATUS_INVALID, "\"%s\" is one argument too many", arguments.texts[2]);
		return cli_usage_error(cli);
	}
	if (strcmp(action, "trim") == 0)
		return topic_trim_run(cli, name, before, partition, force);
	if (strcmp(action, "list") == 0)
		return topic_list_run(cli, internal);
	if (strcmp(action, "describe") == 0)
		return topic_describe_run(cli, name);
	if (strcmp(action, "delete") == 0)
		return topic_delete_run(cli, name);
	error_raise(STATUS_INVALID,
		"\"%s\" is none of create, list, describe, alter, add-partitions, trim, delete", action);
	return cli_usage_error(cli);
}
