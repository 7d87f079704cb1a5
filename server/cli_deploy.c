/* kappa deploy, kappa plan: files of views to a deployment, and its replay watched. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/cli_progress.h"
#include "server/cli_sql.h"

/* All files are one deployment, hence one text; an error's position is told in its own file. */
struct scripts {
	struct buffer text;
	struct cli_texts names;
	size_t starts[CLI_ARGUMENTS_MAX]; /* byte where a file's text begins */
};

static status scripts_read(struct scripts *scripts, const struct cli_texts *names)
{
	scripts->names = *names;
	for (size_t i = 0; i < names->count; i++) {
		scripts->starts[i] = scripts->text.size;
		status result = cli_script_read(names->texts[i], &scripts->text);
		if (result != STATUS_OK)
			return result;
		buffer_append_string(
			&scripts->text, "\n;\n"); /* a file may end without a semicolon, or in a comment */
	}
	buffer_append_byte(&scripts->text, 0);
	return STATUS_OK;
}

static size_t byte_of_character(const char *text, int64_t position)
{
	size_t at = 0;
	for (; text[at] != '\0'; at++)
		if (((unsigned char)text[at] & 0xc0) != 0x80 && --position == 0)
			break;
	return at;
}

static int64_t characters(const char *text, size_t size)
{
	int64_t count = 0;
	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

/* Says the refusal with the picture of the file it is about. */
static int scripts_refused(const struct scripts *scripts, const struct cli_answer *answer)
{
	json_error_t why;
	const char *text = (const char *)scripts->text.data;
	json_t *json = json_loadb((const char *)answer->body.data, answer->body.size, 0, &why);
	json_t *error = json_object_get(json, "error");
	int64_t position = cli_json_integer(error, "position", 0);
	if (position <= 0) {
		json_decref(json);
		return cli_refused(answer, NULL);
	}
	size_t byte = byte_of_character(text, position), file = 0;
	while (file + 1 < scripts->names.count && scripts->starts[file + 1] <= byte)
		file++;
	const char *start = text + scripts->starts[file];
	size_t end = file + 1 < scripts->names.count ? scripts->starts[file + 1] : scripts->text.size - 1;
	char *own = strndup(start, end - scripts->starts[file]);
	json_object_set_new(error, "position", json_integer(position - characters(text, scripts->starts[file])));
	struct buffer out;
	buffer_init(&out);
	buffer_printf(&out, "%s: ", scripts->names.texts[file]);
	cli_error_answer(&out, json, own);
	(void)fwrite(out.data, 1, out.size, stderr);
	buffer_deinit(&out);
	free(own);
	json_decref(json);
	return CLI_REFUSED;
}

static int deployment_request(
	const struct cli *cli, const struct scripts *scripts, bool plan_only, json_t **out)
{
	struct cli_http *http;
	struct cli_answer answer;
	json_error_t why;
	int code = CLI_OK;
	json_t *request =
		json_pack("{s:s, s:b}", "sql", (const char *)scripts->text.data, "plan_only", (int)plan_only);
	if (request == NULL) {
		error_raise(STATUS_INVALID, "the files are not valid UTF-8");
		return cli_usage_error(cli);
	}
	if (cli_http_create(cli->address, &http) != STATUS_OK) {
		json_decref(request);
		return cli_usage_error(cli);
	}
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (cli_http_send(http, "POST", "/deployments", "application/json", slice_of_string(text)) != STATUS_OK ||
		cli_http_receive(http, &answer) != STATUS_OK) {
		cli_error_say();
		code = CLI_UNREACHABLE;
	} else if (answer.code >= 400) {
		code = scripts_refused(scripts, &answer);
	} else if ((*out = json_loadb((const char *)answer.body.data, answer.body.size, 0, &why)) == NULL) {
		fprintf(stderr, "kappa: the server's answer is not JSON: %s\n", why.text);
		code = CLI_REFUSED;
	}
	free(text);
	cli_http_destroy(http);
	return code;
}

static bool item_changes(const json_t *item)
{
	return strcmp(cli_json_text(item, "action"), "unchanged") != 0;
}

static void items_print(const struct cli *cli, const json_t *items)
{
	struct cli_table table;
	size_t i;
	json_t *item;
	cli_table_init(&table);
	cli_table_column(&table, "view", CLI_COLUMN_TEXT);
	cli_table_column(&table, "version", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "action", CLI_COLUMN_TEXT);
	cli_table_column(&table, "replaces", CLI_COLUMN_TEXT);
	cli_table_column(&table, "reason", CLI_COLUMN_TEXT);
	json_array_foreach(items, i, item)
	{
		int64_t from = cli_json_integer(item, "from_version", 0);
		cli_table_cell(&table, cli_json_text(item, "view"));
		cli_table_cellf(&table, "%" PRId64, cli_json_integer(item, "version", 0));
		cli_table_cell(&table, cli_json_text(item, "action"));
		if (from > 0 && item_changes(item))
			cli_table_cellf(&table, "%s@%" PRId64, cli_json_text(item, "view"), from);
		else
			cli_table_cell(&table, NULL);
		cli_table_cell(&table, cli_json_text(item, "reason"));
	}
	cli_table_print(&table, cli->output, false);
	cli_table_deinit(&table);
}

static size_t items_changed(const json_t *items)
{
	size_t i, count = 0;
	json_t *item;
	json_array_foreach(items, i, item) count += item_changes(item);
	return count;
}

/* What to do next with what is there now. */
static void next_print(const json_t *items)
{
	size_t i;
	json_t *item;
	json_array_foreach(items, i, item)
	{
		int64_t from = cli_json_integer(item, "from_version", 0),
				version = cli_json_integer(item, "version", 0);
		const char *view = cli_json_text(item, "view");
		if (!item_changes(item) || from <= 0 || strcmp(cli_json_text(item, "action"), "dependent") == 0)
			continue;
		printf("next: kappa diff %s %" PRId64 " %" PRId64 ", then kappa promote %s %" PRId64 "\n", view, from,
			version, view, version);
	}
}

static int deployment_watch(const struct cli *cli, const json_t *items, int64_t began_ns)
{
	size_t i, count = 0;
	json_t *item;
	struct cli_watched *watched = mem_alloc_zeroed(json_array_size(items) + 1, sizeof *watched);
	json_array_foreach(items, i, item) if (item_changes(item)) watched[count++] =
		(struct cli_watched){cli_json_text(item, "view"), cli_json_integer(item, "version", 0),
			cli_json_integer(item, "from_version", 0)};
	int code = cli_progress_watch(cli, watched, count, began_ns);
	mem_free(watched);
	return code;
}

static int deploy_run(const struct cli *cli, const struct scripts *scripts, bool plan_only, bool wait)
{
	json_t *answer;
	int64_t began_ns = clock_monotonic_ns();
	int code = deployment_request(cli, scripts, plan_only, &answer);
	if (code != CLI_OK)
		return code;
	const json_t *items = json_object_get(answer, "items");
	bool talks = cli->output == CLI_OUTPUT_TABLE;
	items_print(cli, items);
	size_t changed = items_changed(items);
	if (talks && changed == 0)
		printf("nothing to deploy: the logic is the same\n");
	if (talks && changed != 0)
		printf("\n");
	(void)fflush(stdout);
	if (!plan_only && wait && talks && changed != 0) {
		code = deployment_watch(cli, items, began_ns);
		if (code == CLI_OK)
			next_print(items);
	} else if (talks && changed != 0) {
		printf(plan_only ? "nothing was built: kappa deploy does it\n"
						 : "deployment %" PRId64 " replays in the background: kappa status shows it\n",
			cli_json_integer(answer, "deployment", 0));
	}
	json_decref(answer);
	return code;
}

static int deploy_begin(struct cli *cli, bool plan_only)
{
	bool wait = true;
	const struct cli_option options[] = {
		{"--plan", 0, CLI_FLAG, &plan_only},
		{"--wait", 0, CLI_FLAG, &wait},
		{"--no-wait", 0, CLI_NO_FLAG, &wait},
	};
	struct cli_texts arguments;
	struct scripts scripts = {0};
	int code = cli_begin(
		cli, options, plan_only ? 0 : sizeof options / sizeof options[0], &arguments, 1, CLI_ARGUMENTS_MAX);
	if (code == CLI_OK && scripts_read(&scripts, &arguments) != STATUS_OK)
		code = cli_usage_error(cli);
	if (code == CLI_OK)
		code = deploy_run(cli, &scripts, plan_only, wait);
	buffer_deinit(&scripts.text);
	return code;
}

int cli_deploy(struct cli *cli)
{
	return deploy_begin(cli, false);
}

int cli_plan(struct cli *cli)
{
	return deploy_begin(cli, true);
}
