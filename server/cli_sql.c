/* kappa sql: statements from the command line, a file or standard input; answers as psql prints them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli_internal.h"
#include "server/cli_sql.h"

/* ---- reading ---- */

status cli_script_read(const char *path, struct buffer *out)
{
	bool is_input = strcmp(path, "-") == 0;
	FILE *file = is_input ? stdin : fopen(path, "re");
	if (file == NULL)
		return error_raise(STATUS_INVALID, "%s: %s", path, strerror(errno));
	size_t got;
	do {
		enum { CHUNK = 64 * 1024 };
		uint8_t *room = buffer_reserve(out, CHUNK);
		got = fread(room, 1, CHUNK, file);
		out->size += got;
	} while (got != 0);
	bool failed = ferror(file) != 0;
	int why = errno;
	if (!is_input)
		(void)fclose(file);
	if (failed)
		return error_raise(STATUS_INVALID, "%s: %s", is_input ? "standard input" : path, strerror(why));
	if (out->size != 0 && memchr(out->data, 0, out->size) != NULL)
		return error_raise(STATUS_INVALID, "%s is no text: it has a zero byte", path);
	return STATUS_OK;
}

/* Only returns when psql cannot be started. */
static void psql_start(const char *user)
{
	const char *address = getenv("KAPPA_PG");
	if (address == NULL || *address == '\0')
		address = "127.0.0.1:5433";
	char host[256] = "";
	const char *colon = strrchr(address, ':');
	if (colon == NULL || (size_t)(colon - address) >= sizeof host)
		return;
	memcpy(host, address, (size_t)(colon - address));
	const char *password = getenv("KAPPA_PASSWORD");
	if (password != NULL && *password != '\0')
		(void)setenv("PGPASSWORD", password, 0);
	(void)execlp("psql", "psql", "-X", "-h", host, "-p", colon + 1, "-U", user != NULL ? user : "kappa",
		"kappa", (char *)NULL);
}

/* ---- answers ---- */

static enum cli_column_kind column_kind(const char *type)
{
	static const char *const numbers[] = {"smallint", "integer", "bigint", "numeric", "real",
		"double precision", "int2", "int4", "int8", "float4", "float8", "oid"};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strncmp(type, numbers[i], strlen(numbers[i])) == 0 && strchr(type, '[') == NULL)
			return CLI_COLUMN_NUMBER;
	return strncmp(type, "bool", 4) == 0 ? CLI_COLUMN_BOOL : CLI_COLUMN_TEXT;
}

void cli_result_table(const json_t *result, struct cli_table *table)
{
	size_t i, c;
	json_t *column, *row, *cell;
	json_array_foreach(json_object_get(result, "columns"), i, column)
		cli_table_column(table, cli_json_text(column, "name"), column_kind(cli_json_text(column, "type")));
	json_array_foreach(json_object_get(result, "rows"), i, row) json_array_foreach(row, c, cell)
		cli_table_cell(table, json_string_value(cell));
}

static void notices_print(const json_t *result)
{
	size_t i;
	json_t *notice;
	json_array_foreach(json_object_get(result, "notices"), i, notice)
	{
		const char *severity = cli_json_text(notice, "severity");
		fprintf(
			stderr, "%s:  %s\n", *severity != '\0' ? severity : "NOTICE", cli_json_text(notice, "message"));
		if (*cli_json_text(notice, "hint") != '\0')
			fprintf(stderr, "HINT:  %s\n", cli_json_text(notice, "hint"));
	}
}

static void result_print(const json_t *result, enum cli_output output)
{
	notices_print(result);
	if (json_array_size(json_object_get(result, "columns")) == 0) {
		const char *tag = cli_json_text(result, "tag");
		/* The other formats are for programs: rows only. */
		if (*tag != '\0' && output == CLI_OUTPUT_TABLE)
			printf("%s\n", tag);
		return;
	}
	struct cli_table table;
	cli_table_init(&table);
	cli_result_table(result, &table);
	cli_table_print(&table, output, true);
	cli_table_deinit(&table);
}

static int answer_print(const struct cli_answer *answer, const char *sql, enum cli_output output)
{
	json_error_t why;
	json_t *json = json_loadb((const char *)answer->body.data, answer->body.size, 0, &why);
	size_t i;
	json_t *result;
	json_array_foreach(json_object_get(json, "results"), i, result) result_print(result, output);
	(void)fflush(stdout); /* before what went wrong */
	json_decref(json);
	return answer->code >= 400 ? cli_refused(answer, sql) : CLI_OK;
}

int cli_sql_run(const struct cli *cli, const char *sql)
{
	struct cli_http *http;
	struct cli_answer answer;
	if (cli_http_create(cli->address, &http) != STATUS_OK)
		return cli_usage_error(cli);
	json_t *request = json_pack("{s:s}", "query", sql);
	char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	int code = CLI_OK;
	if (text == NULL) {
		error_raise(STATUS_INVALID, "the statements are not valid UTF-8");
		code = cli_usage_error(cli);
	} else if (cli_http_send(http, "POST", "/sql", "application/json", slice_of_string(text)) != STATUS_OK ||
			   cli_http_receive(http, &answer) != STATUS_OK) {
		cli_error_say();
		code = CLI_UNREACHABLE;
	} else {
		code = answer_print(&answer, sql, cli->output);
	}
	free(text);
	cli_http_destroy(http);
	return code;
}

int cli_sql(struct cli *cli)
{
	const char *command = NULL, *file = NULL;
	const struct cli_option options[] = {
		{"--command", 'c', CLI_TEXT, &command},
		{"--file", 'f', CLI_TEXT, &file},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 0, 0);
	if (code != CLI_OK)
		return code;
	if (command != NULL && file != NULL) {
		error_raise(STATUS_INVALID, "-c and -f exclude each other");
		return cli_usage_error(cli);
	}
	if (command != NULL)
		return cli_sql_run(cli, command);
	if (file == NULL && isatty(STDIN_FILENO) && cli->output == CLI_OUTPUT_TABLE)
		psql_start(cli->user);
	struct buffer script;
	buffer_init(&script);
	if (cli_script_read(file != NULL ? file : "-", &script) != STATUS_OK) {
		code = cli_usage_error(cli);
	} else {
		buffer_append_byte(&script, 0);
		code = cli_sql_run(cli, (const char *)script.data);
	}
	buffer_deinit(&script);
	return code;
}
