/* kappa promote, rollback, drop, verify, pause, resume: verbs on views and their versions. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli_diff.h"
#include "server/cli_progress.h"

/* Prints the answer as JSON, or the text. */
static void answer_print(const struct cli *cli, const json_t *answer, const struct buffer *text)
{
	if (cli->output == CLI_OUTPUT_JSON) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else if (cli->output == CLI_OUTPUT_CSV) {
		struct cli_table table;
		const char *key;
		json_t *value;
		cli_table_init(&table);
		json_object_foreach((json_t *)(uintptr_t)answer, key, value)
			cli_table_column(&table, key, CLI_COLUMN_TEXT);
		json_object_foreach((json_t *)(uintptr_t)answer, key, value)
		{
			char *dumped = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
			cli_table_cell(&table, dumped != NULL ? dumped : json_string_value(value));
			free(dumped);
		}
		cli_table_print(&table, CLI_OUTPUT_CSV, false);
		cli_table_deinit(&table);
	} else {
		(void)fwrite(text->data, 1, text->size, stdout);
	}
}

/* ---- promote ---- */

static bool live_in(const json_t *versions, const json_t *entry)
{
	const json_t *found =
		cli_version_find(versions, cli_json_text(entry, "view"), cli_json_integer(entry, "version", 0));
	return found != NULL && cli_json_true(found, "live");
}

/* Other views whose live version is another than `before`. */
static void companions_describe(
	const struct cli *cli, const json_t *before, const char *view, struct buffer *out)
{
	json_t *answer, *entry;
	size_t i;
	const char *separator = ", and with it ";
	if (cli_ask(cli, "GET", "/versions", NULL, &answer) != CLI_OK)
		return;
	json_array_foreach(json_object_get(answer, "versions"), i, entry)
	{
		const char *other = cli_json_text(entry, "view");
		if (strcmp(other, view) == 0 || !cli_json_true(entry, "live") || live_in(before, entry))
			continue;
		buffer_printf(out, "%s%s@%" PRId64, separator, other, cli_json_integer(entry, "version", 0));
		separator = ", ";
	}
	json_decref(answer);
}

/* Posts to a path that changes what is live, and says what is now: "delays@2 is live, and with it …". */
static int live_change(
	const struct cli *cli, const char *view, const char *path, json_t *request, const char *words)
{
	json_t *before, *answer;
	struct buffer text;
	int code = cli_ask(cli, "GET", "/versions", NULL, &before);
	if (code != CLI_OK) {
		json_decref(request);
		return code;
	}
	code = cli_ask(cli, "POST", path, request, &answer);
	if (code == CLI_OK) {
		buffer_init(&text);
		buffer_printf(&text, "%s@%" PRId64 " is %s", view, cli_json_integer(answer, "version", 0), words);
		companions_describe(cli, before, view, &text);
		buffer_append_byte(&text, '\n');
		answer_print(cli, answer, &text);
		buffer_deinit(&text);
		json_decref(answer);
	}
	json_decref(before);
	return code;
}

/* The gate: CLI_DIFFERENT when a condition does not hold. *version gets the one that was compared. */
static int gate_check(const struct cli *cli, const char *view, int64_t *version,
	const struct cli_texts *texts, double tolerance)
{
	struct cli_condition conditions[CLI_ARGUMENTS_MAX];
	for (size_t i = 0; i < texts->count; i++)
		if (cli_condition_parse(texts->texts[i], &conditions[i]) != STATUS_OK)
			return cli_usage_error(cli);
	struct buffer path;
	json_t *diff;
	buffer_init(&path);
	buffer_append_string(&path, "/views/");
	cli_url_escape(&path, view);
	buffer_printf(&path, "/diff?samples=0&tolerance=%.17g", tolerance);
	if (*version != 0)
		buffer_printf(&path, "&right=%" PRId64, *version);
	buffer_append_byte(&path, 0);
	int code = cli_ask(cli, "GET", (const char *)path.data, NULL, &diff);
	buffer_deinit(&path);
	if (code != CLI_OK)
		return code;
	*version = cli_json_integer(diff, "right", *version);
	for (size_t i = 0; i < texts->count; i++) {
		double value;
		if (cli_condition_holds(&conditions[i], diff, &value))
			continue;
		fprintf(stderr, "kappa: %s@%" PRId64 " is not promoted: %s is %.10g, and \"%s\" was asked\n", view,
			*version, conditions[i].name, value, texts->texts[i]);
		code = CLI_DIFFERENT;
	}
	if (code != CLI_OK)
		fprintf(stderr, "hint: kappa diff %s %" PRId64 " %" PRId64 "\n", view,
			cli_json_integer(diff, "left", 0), *version);
	json_decref(diff);
	return code;
}

static int promote_run(const struct cli *cli, const char *view, int64_t version)
{
	json_t *request = json_object();
	char *path = cli_url("/views/%s/promote", view);
	if (version != 0)
		json_object_set_new(request, "version", json_integer(version));
	int code = live_change(cli, view, path, request, "live");
	mem_free(path);
	return code;
}

/* The version at the end of "delays@2", cut off; 0 when there is none. INVALID. */
static status version_cut(char *view, int64_t *version)
{
	char *at = strrchr(view, '@'), *end;
	*version = 0;
	if (at == NULL)
		return STATUS_OK;
	long long number = strtoll(at + 1, &end, 10);
	if (at == view || end == at + 1 || *end != '\0' || number < 1 || number == LLONG_MAX)
		return error_raise(STATUS_INVALID, "\"%s\" names no version", view);
	*at = '\0';
	*version = number;
	return STATUS_OK;
}

int cli_promote(struct cli *cli)
{
	struct cli_texts arguments, conditions = {.count = 0};
	double tolerance = 0;
	int64_t version = 0;
	const struct cli_option options[] = {
		{"--if", 0, CLI_TEXTS, &conditions},
		{"--tolerance", 0, CLI_NUMBER, &tolerance},
	};
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 1, 2);
	if (code != CLI_OK)
		return code;
	char *view = mem_copy_string(arguments.texts[0]);
	status result = version_cut(view, &version);
	if (result == STATUS_OK && arguments.count == 2) {
		char *end;
		long long number = strtoll(arguments.texts[1], &end, 10);
		if (version != 0 || end == arguments.texts[1] || *end != '\0' || number < 1 || number == LLONG_MAX)
			result = error_raise(STATUS_INVALID, "\"%s\" is no version", arguments.texts[1]);
		version = number;
	}
	if (result != STATUS_OK)
		code = cli_usage_error(cli);
	if (code == CLI_OK && conditions.count != 0)
		code = gate_check(cli, view, &version, &conditions, tolerance);
	if (code == CLI_OK)
		code = promote_run(cli, view, version);
	mem_free(view);
	return code;
}

/* ---- the others ---- */

int cli_rollback(struct cli *cli)
{
	struct cli_texts arguments;
	int code = cli_begin(cli, NULL, 0, &arguments, 1, 1);
	if (code != CLI_OK)
		return code;
	char *path = cli_url("/views/%s/rollback", arguments.texts[0]);
	code = live_change(cli, arguments.texts[0], path, NULL, "live again");
	mem_free(path);
	return code;
}

int cli_drop(struct cli *cli)
{
	struct cli_texts arguments;
	bool cascade = false;
	const struct cli_option options[] = {{"--cascade", 0, CLI_FLAG, &cascade}};
	int code = cli_begin(cli, options, 1, &arguments, 1, 1);
	if (code != CLI_OK)
		return code;
	char *path = cli_url(cascade ? "/views/%s?cascade=true" : "/views/%s", arguments.texts[0]);
	code = cli_ask(cli, "DELETE", path, NULL, NULL);
	mem_free(path);
	if (code == CLI_OK)
		printf("dropped %s\n", arguments.texts[0]);
	return code;
}

static void verify_describe(const json_t *answer, struct buffer *out)
{
	bool equal = cli_json_true(answer, "equal");
	int64_t records = cli_json_integer(answer, "records", 0);
	double seconds = cli_json_real(answer, "seconds", 0);
	buffer_printf(out, "%s@%" PRId64 " %s: a replay of ", cli_json_text(answer, "view"),
		cli_json_integer(answer, "version", 0), equal ? "verified" : "DIFFERS");
	cli_format_grouped(out, records);
	buffer_append_string(out, " records from offset zero gives ");
	cli_format_grouped(out, cli_json_integer(answer, "rows_rebuilt", 0));
	buffer_append_string(out, equal ? " rows, the same as served (" : " rows that are not those served (");
	cli_format_seconds(out, seconds);
	if (seconds > 0 && records > 0) {
		buffer_append_string(out, ", ");
		cli_format_short(out, (double)records / seconds);
		buffer_append_string(out, " rec/s");
	}
	buffer_append_string(out, ")\n");
	if (equal) {
		buffer_printf(out, "digest %s\n", cli_json_text(answer, "kept"));
		return;
	}
	buffer_printf(out, "served:   ");
	cli_format_grouped(out, cli_json_integer(answer, "rows_kept", 0));
	buffer_printf(out, " rows, digest %s\nreplayed: ", cli_json_text(answer, "kept"));
	cli_format_grouped(out, cli_json_integer(answer, "rows_rebuilt", 0));
	buffer_printf(out, " rows, digest %s\n", cli_json_text(answer, "rebuilt"));
}

int cli_verify(struct cli *cli)
{
	struct cli_texts arguments;
	struct buffer text;
	json_t *answer;
	int code = cli_begin(cli, NULL, 0, &arguments, 1, 1);
	if (code != CLI_OK)
		return code;
	char *path = cli_url("/views/%s/verify", arguments.texts[0]);
	code = cli_ask(cli, "POST", path, NULL, &answer);
	mem_free(path);
	if (code != CLI_OK)
		return code;
	buffer_init(&text);
	verify_describe(answer, &text);
	answer_print(cli, answer, &text);
	buffer_deinit(&text);
	code = cli_json_true(answer, "equal") ? CLI_OK : CLI_DIFFERENT;
	json_decref(answer);
	return code;
}

static int pause_run(struct cli *cli, const char *action, const char *done)
{
	struct cli_texts arguments;
	int code = cli_begin(cli, NULL, 0, &arguments, 1, 1);
	if (code != CLI_OK)
		return code;
	struct buffer path;
	buffer_init(&path);
	buffer_append_string(&path, "/views/");
	cli_url_escape(&path, arguments.texts[0]);
	buffer_printf(&path, "/%s%c", action, 0);
	code = cli_ask(cli, "POST", (const char *)path.data, NULL, NULL);
	buffer_deinit(&path);
	if (code == CLI_OK)
		printf("%s %s\n", done, arguments.texts[0]);
	return code;
}

int cli_pause(struct cli *cli)
{
	return pause_run(cli, "pause", "paused");
}

int cli_resume(struct cli *cli)
{
	return pause_run(cli, "resume", "resumed");
}
