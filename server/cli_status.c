/* kappa status, kappa replay: versions as they are now. */
#include <inttypes.h>
#include <string.h>

#include "server/cli_internal.h"

static const char *formatted(struct buffer *text)
{
	buffer_append_byte(text, 0);
	return (const char *)text->data;
}

static void cell_grouped(
	struct cli_table *table, enum cli_output output, const json_t *entry, const char *name)
{
	const json_t *value = json_object_get(entry, name);
	struct buffer text;
	buffer_init(&text);
	if (!json_is_integer(value))
		cli_table_cell(table, NULL);
	else if (output != CLI_OUTPUT_TABLE)
		cli_table_cellf(table, "%" PRId64, (int64_t)json_integer_value(value));
	else {
		cli_format_grouped(&text, json_integer_value(value));
		cli_table_cell(table, formatted(&text));
	}
	buffer_deinit(&text);
}

static bool is_replaying(const json_t *entry)
{
	const char *state = cli_json_text(entry, "state");
	return strcmp(state, "replaying") == 0 || strcmp(state, "paused") == 0;
}

/* "81.3%" of a replay, or how far behind the log the version is. */
static void cell_progress(struct cli_table *table, const json_t *entry)
{
	struct buffer text;
	buffer_init(&text);
	if (is_replaying(entry)) {
		cli_format_percent(
			&text, cli_json_integer(entry, "records_done", 0), cli_json_integer(entry, "records_total", 0));
		cli_table_cell(table, formatted(&text));
	} else if (cli_json_integer(entry, "lag_records", 0) > 0) {
		cli_format_short(&text, (double)cli_json_integer(entry, "lag_records", 0));
		buffer_append_string(&text, " behind");
		cli_table_cell(table, formatted(&text));
	} else {
		cli_table_cell(table, "up to date");
	}
	buffer_deinit(&text);
}

static void cell_bytes(struct cli_table *table, enum cli_output output, const json_t *entry, const char *name)
{
	int64_t bytes = cli_json_integer(entry, name, 0);
	struct buffer text;
	if (output != CLI_OUTPUT_TABLE) {
		cli_table_cellf(table, "%" PRId64, bytes);
		return;
	}
	buffer_init(&text);
	cli_format_bytes(&text, (uint64_t)bytes);
	cli_table_cell(table, formatted(&text));
	buffer_deinit(&text);
}

static void status_columns(struct cli_table *table, enum cli_output output)
{
	cli_table_column(table, "view", CLI_COLUMN_TEXT);
	cli_table_column(table, "state", CLI_COLUMN_TEXT);
	cli_table_column(table, "rows", CLI_COLUMN_NUMBER);
	cli_table_column(table, "progress", CLI_COLUMN_TEXT);
	if (output != CLI_OUTPUT_TABLE) {
		cli_table_column(table, "records_done", CLI_COLUMN_NUMBER);
		cli_table_column(table, "records_total", CLI_COLUMN_NUMBER);
		cli_table_column(table, "lag_records", CLI_COLUMN_NUMBER);
	}
	cli_table_column(table, "bad records", CLI_COLUMN_NUMBER);
	if (output != CLI_OUTPUT_TABLE)
		cli_table_column(table, "missed_records", CLI_COLUMN_NUMBER);
	cli_table_column(table, "watermark", CLI_COLUMN_TEXT);
	cli_table_column(table, "memory", CLI_COLUMN_NUMBER);
	cli_table_column(table, "disk", CLI_COLUMN_NUMBER);
	cli_table_column(table, "reads", CLI_COLUMN_TEXT);
}

static void status_row(struct cli_table *table, enum cli_output output, const json_t *entry)
{
	const json_t *watermark = json_object_get(entry, "watermark");
	cli_table_cellf(
		table, "%s@%" PRId64, cli_json_text(entry, "view"), cli_json_integer(entry, "version", 0));
	cli_table_cell(table, cli_json_text(entry, "state"));
	cell_grouped(table, output, entry, "row_count");
	cell_progress(table, entry);
	if (output != CLI_OUTPUT_TABLE) {
		cell_grouped(table, output, entry, "records_done");
		cell_grouped(table, output, entry, "records_total");
		cell_grouped(table, output, entry, "lag_records");
	}
	cell_grouped(table, output, entry, "bad_records");
	if (output != CLI_OUTPUT_TABLE)
		cell_grouped(table, output, entry, "missed_records");
	cli_table_cell(table, json_string_value(watermark));
	cell_bytes(table, output, entry, "memory_bytes");
	cell_bytes(table, output, entry, "disk_bytes");
	cli_table_cell(table, cli_json_text(entry, "upstreams"));
}

static void counted(size_t count, const char *one, const char *many)
{
	printf("%zu %s", count, count == 1 ? one : many);
}

static void headline(const struct cli *cli, const json_t *versions)
{
	size_t i, views = 0, replaying = 0, failed = 0, behind = 0;
	const char *last = "";
	json_t *entry;
	json_array_foreach(versions, i, entry)
	{
		views += strcmp(last, cli_json_text(entry, "view")) != 0;
		last = cli_json_text(entry, "view");
		replaying += is_replaying(entry);
		failed += strcmp(cli_json_text(entry, "state"), "failed") == 0;
		behind += !is_replaying(entry) && cli_json_integer(entry, "lag_records", 0) > 0;
	}
	printf("kappa at %s: ", cli->address);
	counted(views, "view, ", "views, ");
	counted(json_array_size(versions), "version", "versions");
	if (replaying != 0)
		printf(", %zu replaying", replaying);
	if (failed != 0)
		printf(", %zu failed", failed);
	if (behind != 0)
		printf(", %zu behind the log", behind);
	printf("%s\n", replaying + failed + behind == 0 && views != 0 ? ", all up to date" : "");
}

static void failures_print(const json_t *versions)
{
	size_t i;
	json_t *entry;
	json_array_foreach(versions, i, entry) if (*cli_json_text(entry, "error") != '\0')
		printf("%s@%" PRId64 ": %s\n", cli_json_text(entry, "view"), cli_json_integer(entry, "version", 0),
			cli_json_text(entry, "error"));
}

/* A view whose topic was trimmed shows less than its SQL says: not to be overlooked. */
static void missed_print(const json_t *versions)
{
	size_t i;
	json_t *entry;
	json_array_foreach(versions, i, entry) if (cli_json_integer(entry, "missed_records", 0) > 0) printf(
		"%s@%" PRId64 ": %" PRId64 " records had been trimmed from the log before it could read them\n",
		cli_json_text(entry, "view"), cli_json_integer(entry, "version", 0),
		cli_json_integer(entry, "missed_records", 0));
}

int cli_status(struct cli *cli)
{
	struct cli_texts arguments;
	json_t *answer, *entry;
	size_t i;
	int code = cli_begin(cli, NULL, 0, &arguments, 0, 0);
	if (code == CLI_OK)
		code = cli_ask(cli, "GET", "/versions", NULL, &answer);
	if (code != CLI_OK)
		return code;
	const json_t *versions = json_object_get(answer, "versions");
	struct cli_table table;
	cli_table_init(&table);
	status_columns(&table, cli->output);
	json_array_foreach(versions, i, entry) status_row(&table, cli->output, entry);
	if (cli->output == CLI_OUTPUT_TABLE)
		headline(cli, versions);
	if (cli->output != CLI_OUTPUT_TABLE || json_array_size(versions) != 0) {
		if (cli->output == CLI_OUTPUT_TABLE)
			printf("\n");
		cli_table_print(&table, cli->output, false);
	}
	if (cli->output == CLI_OUTPUT_TABLE)
		failures_print(versions);
	if (cli->output == CLI_OUTPUT_TABLE)
		missed_print(versions);
	cli_table_deinit(&table);
	json_decref(answer);
	return CLI_OK;
}

/* ---- replays ---- */

static void replay_row(struct cli_table *table, enum cli_output output, const json_t *entry)
{
	double rate = cli_json_real(entry, "records_per_second", 0),
		   eta = cli_json_real(entry, "eta_seconds", -1);
	struct buffer text;
	cli_table_cellf(
		table, "%s@%" PRId64, cli_json_text(entry, "view"), cli_json_integer(entry, "version", 0));
	cli_table_cell(table, cli_json_text(entry, "state"));
	cell_progress(table, entry);
	cell_grouped(table, output, entry, "records_done");
	cell_grouped(table, output, entry, "records_total");
	if (output != CLI_OUTPUT_TABLE) {
		cli_table_cellf(table, "%.0f", rate);
		if (eta >= 0)
			cli_table_cellf(table, "%.1f", eta);
		else
			cli_table_cell(table, NULL);
		return;
	}
	buffer_init(&text);
	cli_format_short(&text, rate);
	cli_table_cell(table, formatted(&text));
	text.size = 0;
	cli_format_seconds(&text, eta);
	cli_table_cell(table, eta >= 0 ? formatted(&text) : NULL);
	buffer_deinit(&text);
}

int cli_replay(struct cli *cli)
{
	struct cli_texts arguments;
	json_t *answer, *entry;
	size_t i;
	int code = cli_begin(cli, NULL, 0, &arguments, 0, 0);
	if (code == CLI_OK)
		code = cli_ask(cli, "GET", "/versions", NULL, &answer);
	if (code != CLI_OK)
		return code;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "version", CLI_COLUMN_TEXT);
	cli_table_column(&table, "state", CLI_COLUMN_TEXT);
	cli_table_column(&table, "progress", CLI_COLUMN_TEXT);
	cli_table_column(&table, "records done", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "of", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "records/s", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "ETA", cli->output == CLI_OUTPUT_TABLE ? CLI_COLUMN_TEXT : CLI_COLUMN_NUMBER);
	json_array_foreach(json_object_get(answer, "versions"), i, entry) if (is_replaying(entry))
		replay_row(&table, cli->output, entry);
	if (cli->output == CLI_OUTPUT_TABLE && cli_table_rows(&table) == 0)
		printf("no replay is running\n");
	else
		cli_table_print(&table, cli->output, false);
	cli_table_deinit(&table);
	json_decref(answer);
	return CLI_OK;
}
