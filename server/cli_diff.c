/* kappa diff: two versions at one offset vector, side by side; and conditions on the difference. */
#include "server/cli_diff.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- conditions ---- */

static const char *skip_spaces(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

status cli_condition_parse(const char *text, struct cli_condition *out)
{
	static const struct {
		const char *name, *field;
	} names[] = {{"only_left", "only_left"}, {"only_right", "only_right"}, {"changed_rows", "changed"},
		{"match_score", "match_score"}};
	static const struct {
		const char *text;
		enum cli_operator operator;
	} operators[] = {{"<=", CLI_LESS_OR_EQUAL}, {">=", CLI_GREATER_OR_EQUAL}, {"==", CLI_EQUAL},
		{"<", CLI_LESS}, {">", CLI_GREATER}, {"=", CLI_EQUAL}};
	struct cli_condition condition = {.name = NULL};
	const char *at = skip_spaces(text);
	size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strlen(names[i].name) == size && memcmp(names[i].name, at, size) == 0) {
			condition.name = names[i].name;
			condition.field = names[i].field;
		}
	at = skip_spaces(at + size);
	size_t taken = 0;
	for (size_t i = 0; i < sizeof operators / sizeof operators[0] && taken == 0; i++)
		if (strncmp(at, operators[i].text, strlen(operators[i].text)) == 0) {
			condition.operator= operators[i].operator;
			taken = strlen(operators[i].text);
		}
	at = skip_spaces(at + taken);
	char *end;
	condition.number = strtod(at, &end);
	if (condition.name == NULL || taken == 0 || end == at || *skip_spaces(end) != '\0' ||
		!isfinite(condition.number)) {
		error_raise(STATUS_INVALID, "\"%s\" is no condition", text);
		error_hint(
			"A condition is only_left, only_right, changed_rows or match_score, then < <= > >= or =, then a "
			"number: --if 'changed_rows < 100'.");
		return STATUS_INVALID;
	}
	*out = condition;
	return STATUS_OK;
}

bool cli_condition_holds(const struct cli_condition *condition, const json_t *diff, double *value)
{
	double left = cli_json_real(diff, condition->field, NAN);
	*value = left;
	switch (condition->operator) {
	case CLI_LESS:
		return left < condition->number;
	case CLI_LESS_OR_EQUAL:
		return left <= condition->number;
	case CLI_GREATER:
		return left > condition->number;
	case CLI_GREATER_OR_EQUAL:
		return left >= condition->number;
	case CLI_EQUAL:
		return left == condition->number;
	}
	return false;
}

/* ---- words ---- */

static size_t list_size(const json_t *diff, const char *name)
{
	return json_array_size(json_object_get(diff, name));
}

bool cli_diff_is_equal(const json_t *diff)
{
	return cli_json_integer(diff, "only_left", 0) == 0 && cli_json_integer(diff, "only_right", 0) == 0 &&
		   cli_json_integer(diff, "changed", 0) == 0 && list_size(diff, "columns_only_left") == 0 &&
		   list_size(diff, "columns_only_right") == 0;
}

static void offsets_describe(const json_t *diff, struct buffer *out)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(diff, "offsets"), i, entry)
	{
		buffer_printf(out, "%s%s-%" PRId64 ":", i == 0 ? "" : ", ", cli_json_text(entry, "topic"),
			cli_json_integer(entry, "partition", 0));
		cli_format_grouped(out, cli_json_integer(entry, "offset", 0));
	}
	if (list_size(diff, "offsets") == 0)
		buffer_append_string(out, "0");
}

static void grouped(struct buffer *out, const char *before, int64_t number, const char *after)
{
	buffer_append_string(out, before);
	cli_format_grouped(out, number);
	buffer_append_string(out, after);
}

static void columns_missing_describe(
	const json_t *diff, const char *name, int64_t version, struct buffer *out)
{
	size_t i;
	json_t *column;
	json_array_foreach(json_object_get(diff, name), i, column)
	{
		if (i == 0)
			buffer_printf(out, "columns only in @%" PRId64 ": ", version);
		buffer_printf(out, "%s%s", i == 0 ? "" : ", ", json_string_value(column));
	}
	if (list_size(diff, name) != 0)
		buffer_append_byte(out, '\n');
}

static void summary_describe(const json_t *diff, struct buffer *out)
{
	const char *view = cli_json_text(diff, "view");
	int64_t left = cli_json_integer(diff, "left", 0), right = cli_json_integer(diff, "right", 0);
	double score = cli_json_real(diff, "match_score", 0);
	buffer_printf(out, "%s@%" PRId64 " → %s@%" PRId64 ", both at offsets ", view, left, view, right);
	offsets_describe(diff, out);
	buffer_append_string(out, "\nmatch score ");
	cli_format_percent(out, (int64_t)floor(score * 1e6), 1000000);
	int64_t equal = cli_json_integer(diff, "equal", 0);
	grouped(out, ":  ", equal, equal == 1 ? " row equal, " : " rows equal, ");
	if (json_is_true(json_object_get(diff, "keyed")))
		grouped(out, "", cli_json_integer(diff, "changed", 0), " changed, ");
	grouped(out, "", cli_json_integer(diff, "only_left", 0), "");
	buffer_printf(out, " only in @%" PRId64 ", ", left);
	grouped(out, "", cli_json_integer(diff, "only_right", 0), "");
	buffer_printf(out, " only in @%" PRId64 "\n", right);
	columns_missing_describe(diff, "columns_only_left", left, out);
	columns_missing_describe(diff, "columns_only_right", right, out);
}

static void columns_describe(const json_t *diff, struct buffer *out)
{
	struct cli_table table;
	size_t i;
	json_t *column;
	bool any = false;
	cli_table_init(&table);
	cli_table_column(&table, "column", CLI_COLUMN_TEXT);
	cli_table_column(&table, "changed", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "sum of changes", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "smallest", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "largest", CLI_COLUMN_NUMBER);
	json_array_foreach(json_object_get(diff, "columns"), i, column)
	{
		int64_t changed = cli_json_integer(column, "changed", 0);
		bool deltas = changed != 0 && cli_json_true(column, "numeric");
		any = any || changed != 0;
		cli_table_cell(&table, cli_json_text(column, "name"));
		cli_table_cellf(&table, "%" PRId64, changed);
		const char *const names[] = {"delta_sum", "delta_min", "delta_max"};
		for (size_t n = 0; n < 3; n++) {
			if (deltas)
				cli_table_cellf(&table, "%+.10g", cli_json_real(column, names[n], 0));
			else
				cli_table_cell(&table, NULL);
		}
	}
	if (any) {
		buffer_append_byte(out, '\n');
		cli_table_aligned(&table, false, out);
	}
	cli_table_deinit(&table);
}

static const char *text_of(const json_t *list, size_t index)
{
	return json_string_value(json_array_get(list, index));
}

static bool texts_equal(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

static void sample_cells(const json_t *sample, size_t column_count, struct cli_table *table)
{
	const json_t *left = json_object_get(sample, "left"), *right = json_object_get(sample, "right");
	bool both = json_is_array(left) && json_is_array(right);
	for (size_t c = 0; c < column_count; c++) {
		const char *old = text_of(left, c), *new = text_of(right, c);
		if (!both)
			cli_table_cell(table, json_is_array(left) ? old : new);
		else if (texts_equal(old, new))
			cli_table_cell(table, old);
		else
			cli_table_cellf(table, "%s → %s", old != NULL ? old : "null", new != NULL ? new : "null");
	}
}

static const char *kind_word(const char *kind, int64_t left, int64_t right, char word[64])
{
	if (strcmp(kind, "changed") == 0)
		return "changed";
	(void)snprintf(word, 64, "only @%" PRId64, strcmp(kind, "only_left") == 0 ? left : right);
	return word;
}

void cli_diff_samples(const json_t *diff, struct cli_table *table)
{
	bool keyed = json_is_true(json_object_get(diff, "keyed"));
	size_t key_count = keyed ? list_size(diff, "key_columns") : 0, column_count = list_size(diff, "columns"),
		   i;
	json_t *column, *sample;
	cli_table_column(table, "row", CLI_COLUMN_TEXT);
	for (size_t k = 0; k < key_count; k++)
		cli_table_column(table, text_of(json_object_get(diff, "key_columns"), k), CLI_COLUMN_TEXT);
	json_array_foreach(json_object_get(diff, "columns"), i, column)
	{
		bool numeric = cli_json_true(column, "numeric");
		cli_table_column(table, cli_json_text(column, "name"), numeric ? CLI_COLUMN_NUMBER : CLI_COLUMN_TEXT);
	}
	if (!keyed)
		cli_table_column(table, "copies", CLI_COLUMN_NUMBER);
	json_array_foreach(json_object_get(diff, "samples"), i, sample)
	{
		char word[64];
		cli_table_cell(table, kind_word(cli_json_text(sample, "kind"), cli_json_integer(diff, "left", 0),
								  cli_json_integer(diff, "right", 0), word));
		for (size_t k = 0; k < key_count; k++)
			cli_table_cell(table, text_of(json_object_get(sample, "key"), k));
		sample_cells(sample, column_count, table);
		if (!keyed)
			cli_table_cellf(table, "%" PRId64, cli_json_integer(sample, "weight", 1));
	}
}

static void samples_describe(const json_t *diff, struct buffer *out)
{
	size_t shown = list_size(diff, "samples");
	int64_t all = cli_json_integer(diff, "only_left", 0) + cli_json_integer(diff, "only_right", 0) +
				  cli_json_integer(diff, "changed", 0);
	if (shown == 0)
		return;
	struct cli_table table;
	cli_table_init(&table);
	cli_diff_samples(diff, &table);
	buffer_append_byte(out, '\n');
	cli_table_aligned(&table, false, out);
	buffer_append_byte(out, '(');
	cli_format_grouped(out, (int64_t)shown);
	buffer_append_string(out, " of ");
	cli_format_grouped(out, all);
	buffer_append_string(out, " differing rows, old → new)\n");
	cli_table_deinit(&table);
}

void cli_diff_describe(const json_t *diff, struct buffer *out)
{
	summary_describe(diff, out);
	if (cli_diff_is_equal(diff)) {
		buffer_append_string(out, "no difference\n");
		return;
	}
	columns_describe(diff, out);
	samples_describe(diff, out);
}

/* ---- the verb ---- */

static int diff_print(const struct cli *cli, const json_t *diff)
{
	if (cli->output == CLI_OUTPUT_JSON) {
		(void)json_dumpf(diff, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else if (cli->output == CLI_OUTPUT_CSV) {
		struct cli_table table;
		cli_table_init(&table);
		cli_diff_samples(diff, &table);
		cli_table_print(&table, CLI_OUTPUT_CSV, false);
		cli_table_deinit(&table);
	} else {
		struct buffer text;
		buffer_init(&text);
		cli_diff_describe(diff, &text);
		(void)fwrite(text.data, 1, text.size, stdout);
		buffer_deinit(&text);
	}
	return cli_diff_is_equal(diff) ? CLI_OK : CLI_DIFFERENT;
}

/* "2" or "delays@2" or "@2". */
static status version_parse(const char *text, const char *view, int64_t *out)
{
	const char *at = strrchr(text, '@');
	bool named = at != NULL && (at == text || (strlen(view) == (size_t)(at - text) &&
												  strncmp(text, view, (size_t)(at - text)) == 0));
	const char *digits = at != NULL ? at + 1 : text;
	char *end;
	long long number = strtoll(digits, &end, 10);
	if ((at != NULL && !named) || end == digits || *end != '\0' || number < 1 || number == LLONG_MAX)
		return error_raise(STATUS_INVALID, "\"%s\" is no version of %s", text, view);
	*out = number;
	return STATUS_OK;
}

int cli_diff(struct cli *cli)
{
	double tolerance = 0;
	int64_t samples = 10, left = 0, right = 0;
	const struct cli_option options[] = {
		{"--tolerance", 0, CLI_NUMBER, &tolerance},
		{"--samples", 0, CLI_INTEGER, &samples},
	};
	struct cli_texts arguments;
	json_t *answer;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 1, 3);
	if (code != CLI_OK)
		return code;
	if (arguments.count == 2) {
		error_raise(STATUS_INVALID, "give both versions, or none for the live and the newest one");
		return cli_usage_error(cli);
	}
	const char *view = arguments.texts[0];
	if (arguments.count == 3 && (version_parse(arguments.texts[1], view, &left) != STATUS_OK ||
									version_parse(arguments.texts[2], view, &right) != STATUS_OK))
		return cli_usage_error(cli);
	struct buffer path;
	buffer_init(&path);
	buffer_append_string(&path, "/views/");
	cli_url_escape(&path, view);
	buffer_printf(&path, "/diff?samples=%" PRId64 "&tolerance=%.17g", samples, tolerance);
	if (left != 0)
		buffer_printf(&path, "&left=%" PRId64 "&right=%" PRId64, left, right);
	buffer_append_byte(&path, 0);
	code = cli_ask(cli, "GET", (const char *)path.data, NULL, &answer);
	buffer_deinit(&path);
	if (code != CLI_OK)
		return code;
	code = diff_print(cli, answer);
	json_decref(answer);
	return code;
}
