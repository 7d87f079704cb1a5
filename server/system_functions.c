/* Schema kappa: the verbs. Each is a function that does its work when it is scanned and tells in a row what
 * it did. */
#include <string.h>

#include "server/system_internal.h"

/* A verb changes definitions: the session's next statement sees it. */
static status verb_done(struct system_call *call, status result)
{
	if (result == STATUS_OK)
		session_definitions_changed(call->context.session);
	return result;
}

static status version_result(struct system_rows *rows, const char *view, int64_t version)
{
	status result = system_rows_begin(rows);
	if (result != STATUS_OK)
		return result;
	rows_text(rows, view);
	rows_i64(rows, version);
	return STATUS_OK;
}

/* ---- promote, rollback, drop, pause ---- */

static status promote_fill(struct system_call *call, struct system_rows *rows)
{
	const char *view = NULL;
	int64_t version = 0, promoted = 0;
	status result = call_text(call, 0, &view);
	if (result == STATUS_OK)
		result = call_i64(call, 1, 0, &version);
	if (result == STATUS_OK)
		result = verb_done(call, engine_promote(call_engine(call), view, version, &promoted));
	return result == STATUS_OK ? version_result(rows, view, promoted) : result;
}

static status rollback_fill(struct system_call *call, struct system_rows *rows)
{
	const char *view = NULL;
	int64_t version = 0;
	status result = call_text(call, 0, &view);
	if (result == STATUS_OK)
		result = verb_done(call, engine_rollback(call_engine(call), view, &version));
	return result == STATUS_OK ? version_result(rows, view, version) : result;
}

static status drop_version_fill(struct system_call *call, struct system_rows *rows)
{
	const char *view = NULL;
	int64_t version = 0;
	status result = call_text(call, 0, &view);
	if (result == STATUS_OK)
		result = call_i64(call, 1, 0, &version);
	if (result == STATUS_OK && version < 1) {
		error_raise(STATUS_INVALID, "kappa.drop_version needs a version number");
		error_hint("DROP MATERIALIZED VIEW %s drops the view with all its versions.", view);
		return STATUS_INVALID;
	}
	if (result == STATUS_OK)
		result = verb_done(call, engine_drop_view(call_engine(call), view, version, false));
	return result == STATUS_OK ? version_result(rows, view, version) : result;
}

/* The newest version of the view that is on its way; paused ones when `paused`. */
static status replay_find(struct system_call *call, const char *view, bool paused, int64_t *out)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	int64_t found = 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(versions[i].view, view) == 0 &&
			versions[i].state == (paused ? VERSION_PAUSED : VERSION_REPLAYING))
			found = versions[i].version;
	}
	if (found == 0)
		return error_raise(
			STATUS_NOT_FOUND, "no version of \"%s\" is %s", view, paused ? "paused" : "replaying");
	*out = found;
	return STATUS_OK;
}

static status pause_or_resume(struct system_call *call, struct system_rows *rows, bool pause)
{
	const char *view = NULL;
	int64_t version = 0;
	status result = call_text(call, 0, &view);
	if (result == STATUS_OK)
		result = call_i64(call, 1, 0, &version);
	if (result == STATUS_OK && version == 0)
		result = replay_find(call, view, !pause, &version);
	if (result == STATUS_OK)
		result = engine_pause(call_engine(call), view, version, pause);
	return result == STATUS_OK ? version_result(rows, view, version) : result;
}

static status pause_fill(struct system_call *call, struct system_rows *rows)
{
	return pause_or_resume(call, rows, true);
}

static status resume_fill(struct system_call *call, struct system_rows *rows)
{
	return pause_or_resume(call, rows, false);
}

/* ---- verify ---- */

static status verify_fill(struct system_call *call, struct system_rows *rows)
{
	const char *view = NULL;
	int64_t version = 0;
	struct verify_result verified;
	status result = call_text(call, 0, &view);
	if (result == STATUS_OK)
		result = call_i64(call, 1, 0, &version);
	if (result == STATUS_OK)
		result = engine_verify(call_engine(call), view, version, NULL, NULL, &call->arena, &verified);
	if (result == STATUS_OK)
		result = system_rows_begin(rows);
	if (result != STATUS_OK)
		return result;
	rows_text(rows, verified.view);
	rows_i64(rows, verified.version);
	rows_bool(rows, verified.equal);
	rows_i64(rows, verified.rows_kept);
	rows_i64(rows, verified.rows_rebuilt);
	rows_digest(rows, verified.kept);
	rows_digest(rows, verified.rebuilt);
	rows_i64(rows, verified.records);
	rows_f64(rows, verified.seconds);
	return STATUS_OK;
}

/* ---- diff ---- */

static status diff_run(struct system_call *call, size_t sample_max, struct diff_result *out)
{
	const char *view = NULL;
	struct diff_options options = {.sample_max = sample_max};
	status result = call_text(call, 0, &view);
	if (result == STATUS_OK)
		result = call_i64(call, 1, 0, &options.left);
	if (result == STATUS_OK)
		result = call_i64(call, 2, 0, &options.right);
	if (result == STATUS_OK)
		result = call_f64(call, 3, 0, &options.tolerance);
	if (result == STATUS_OK && !(options.tolerance >= 0))
		result = error_raise(STATUS_INVALID, "the tolerance of a diff cannot be negative");
	if (result == STATUS_OK)
		result = engine_diff(call_engine(call), view, &options, &call->arena, out);
	return result;
}

/* "a, null, c": a key or a row as one text. */
static void cells_text(struct system_rows *rows, const char *const *cells, size_t count)
{
	struct buffer text;
	buffer_init(&text);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buffer_append_string(&text, ", ");
		buffer_append_string(&text, cells[i] != NULL ? cells[i] : "null");
	}
	rows_bytes(rows, buffer_slice(&text));
	buffer_deinit(&text);
}

/* A row that only one side has: the columns that are compared, as one text on that side. */
static status diff_absent_row(
	struct system_rows *rows, const struct diff_result *diff, const struct diff_sample *sample)
{
	status result = system_rows_begin(rows);
	if (result != STATUS_OK)
		return result;
	bool left = sample->kind == DIFF_ONLY_LEFT;
	const char *const *cells = (const char *const *)(left ? sample->left : sample->right);
	rows_text(rows, left ? "only_left" : "only_right");
	cells_text(rows, (const char *const *)sample->key, diff->key_count);
	rows_null(rows);
	for (int side = 0; side < 2; side++) {
		if ((side == 0) == left && cells != NULL)
			cells_text(rows, cells, diff->column_count);
		else
			rows_null(rows);
	}
	rows_i64(rows, sample->weight);
	return STATUS_OK;
}

static bool cells_equal(const char *left, const char *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	return strcmp(left, right) == 0;
}

static status diff_changed_rows(
	struct system_rows *rows, const struct diff_result *diff, const struct diff_sample *sample)
{
	for (size_t i = 0; i < diff->column_count; i++) {
		if (cells_equal(sample->left[i], sample->right[i]))
			continue;
		status result = system_rows_begin(rows);
		if (result != STATUS_OK)
			return result;
		rows_text(rows, "changed");
		cells_text(rows, (const char *const *)sample->key, diff->key_count);
		rows_text(rows, diff->columns[i].name);
		rows_text(rows, sample->left[i]);
		rows_text(rows, sample->right[i]);
		rows_i64(rows, sample->weight);
	}
	return STATUS_OK;
}

static status diff_fill(struct system_call *call, struct system_rows *rows)
{
	struct diff_result diff;
	status result = diff_run(call, DIFF_SAMPLES_MAX, &diff);
	for (size_t i = 0; result == STATUS_OK && i < diff.sample_count; i++) {
		const struct diff_sample *sample = &diff.samples[i];
		result = sample->kind == DIFF_CHANGED ? diff_changed_rows(rows, &diff, sample)
											  : diff_absent_row(rows, &diff, sample);
	}
	return result;
}

static void names_text(struct system_rows *rows, const char *const *names, size_t count)
{
	if (count == 0)
		rows_null(rows);
	else
		cells_text(rows, names, count);
}

static status diff_summary_fill(struct system_call *call, struct system_rows *rows)
{
	struct diff_result diff;
	status result = diff_run(call, 0, &diff);
	if (result == STATUS_OK)
		result = system_rows_begin(rows);
	if (result != STATUS_OK)
		return result;
	rows_text(rows, diff.view);
	rows_i64(rows, diff.left);
	rows_i64(rows, diff.right);
	rows_i64(rows, diff.rows_left);
	rows_i64(rows, diff.rows_right);
	rows_i64(rows, diff.equal);
	rows_i64(rows, diff.only_left);
	rows_i64(rows, diff.only_right);
	rows_i64(rows, diff.changed);
	rows_f64(rows, diff.match_score);
	names_text(rows, (const char *const *)diff.key_columns, diff.keyed ? diff.key_count : 0);
	names_text(rows, (const char *const *)diff.columns_only_left, diff.columns_only_left_count);
	names_text(rows, (const char *const *)diff.columns_only_right, diff.columns_only_right_count);
	rows_offsets(rows, diff.offsets);
	return STATUS_OK;
}

static void delta_cell(struct system_rows *rows, const struct diff_column *column, double delta)
{
	if (column->numeric && column->changed > 0)
		rows_f64(rows, delta);
	else
		rows_null(rows);
}

static status diff_columns_fill(struct system_call *call, struct system_rows *rows)
{
	struct diff_result diff;
	status result = diff_run(call, 0, &diff);
	for (size_t i = 0; result == STATUS_OK && i < diff.column_count; i++) {
		const struct diff_column *column = &diff.columns[i];
		result = system_rows_begin(rows);
		if (result != STATUS_OK)
			break;
		rows_text(rows, column->name);
		rows_bool(rows, column->numeric);
		rows_i64(rows, column->changed);
		delta_cell(rows, column, column->delta_sum);
		delta_cell(rows, column, column->delta_min);
		delta_cell(rows, column, column->delta_max);
		delta_cell(rows, column, column->delta_absolute_max);
	}
	return result;
}

/* ---- deploy, plan ---- */

static status statements_collect(
	struct system_call *call, struct sql_script *script, const struct sql_statement ***out, size_t *count)
{
	const struct sql_statement **statements =
		arena_alloc(&call->arena, script->statement_count * sizeof *statements);
	size_t kept = 0;
	for (size_t i = 0; i < script->statement_count; i++) {
		const struct sql_statement *statement = &script->statements[i];
		if (statement->kind == SQL_EMPTY)
			continue;
		if (statement->kind != SQL_CREATE_VIEW) {
			error_raise(STATUS_UNSUPPORTED,
				"a deployment is made of CREATE MATERIALIZED VIEW statements, not of %s", statement->tag);
			error_hint("Create tables first, with CREATE TABLE.");
			return STATUS_UNSUPPORTED;
		}
		status allowed = session_may(
			call->context.session, USER_DEPLOY, "materialized view", statement->create_view.name.name);
		if (allowed != STATUS_OK)
			return allowed;
		statements[kept++] = statement;
	}
	if (kept == 0)
		return error_raise(STATUS_INVALID, "there is no CREATE MATERIALIZED VIEW statement to deploy");
	*out = statements;
	*count = kept;
	return STATUS_OK;
}

static status deploy_rows(struct system_rows *rows, const struct deploy_result *deployed)
{
	for (size_t i = 0; i < deployed->item_count; i++) {
		const struct deploy_item *item = &deployed->items[i];
		status result = system_rows_begin(rows);
		if (result != STATUS_OK)
			return result;
		if (deployed->deployment != 0)
			rows_i64(rows, deployed->deployment);
		else
			rows_null(rows);
		rows_text(rows, item->view);
		rows_i64(rows, item->version);
		if (item->from_version != 0)
			rows_i64(rows, item->from_version);
		else
			rows_null(rows);
		rows_text(rows, deploy_action_name(item->action));
		rows_text(rows, item->reason);
	}
	return STATUS_OK;
}

static status deploy_or_plan(struct system_call *call, struct system_rows *rows, bool plan_only)
{
	const char *text = NULL;
	struct sql_script *script = NULL;
	status result = call_text(call, 0, &text);
	if (result == STATUS_OK)
		result = sql_parse(slice_of_string(text), &call->arena, &script);
	if (result != STATUS_OK)
		return result;
	struct deploy_request request = {.allow_replace = true, .plan_only = plan_only};
	const struct sql_statement **statements = NULL;
	struct deploy_result deployed = {0};
	result = statements_collect(call, script, &statements, &request.statement_count);
	request.statements = statements;
	if (result == STATUS_OK)
		result = engine_deploy(call_engine(call), &request, &call->arena, &deployed);
	for (size_t i = 0; !plan_only && result == STATUS_OK && i < deployed.item_count; i++)
		session_audit(call->context.session, "view_deployed", deployed.items[i].view);
	if (!plan_only)
		result = verb_done(call, result);
	sql_script_release(script);
	return result == STATUS_OK ? deploy_rows(rows, &deployed) : result;
}

static status deploy_fill(struct system_call *call, struct system_rows *rows)
{
	return deploy_or_plan(call, rows, false);
}

static status plan_fill(struct system_call *call, struct system_rows *rows)
{
	return deploy_or_plan(call, rows, true);
}

/* clang-format off */
#define VERSION_COLUMNS {"view", TYPE_TEXT}, {"version", TYPE_INT8}
#define DEPLOY_COLUMNS {"deployment", TYPE_INT8}, {"view", TYPE_TEXT}, {"version", TYPE_INT8}, \
	{"from_version", TYPE_INT8}, {"action", TYPE_TEXT}, {"reason", TYPE_TEXT}

const struct system_definition system_functions[] = {
	{"kappa", "promote", "view [, version]", 1, 2, promote_fill, {VERSION_COLUMNS}},
	{"kappa", "rollback", "view", 1, 1, rollback_fill, {VERSION_COLUMNS}},
	{"kappa", "drop_version", "view, version", 2, 2, drop_version_fill, {VERSION_COLUMNS}},
	{"kappa", "pause", "view [, version]", 1, 2, pause_fill, {VERSION_COLUMNS}},
	{"kappa", "resume", "view [, version]", 1, 2, resume_fill, {VERSION_COLUMNS}},
	{"kappa", "verify", "view [, version]", 1, 2, verify_fill, {
		VERSION_COLUMNS, {"is_equal", TYPE_BOOL}, {"rows_kept", TYPE_INT8}, {"rows_rebuilt", TYPE_INT8},
		{"digest_kept", TYPE_TEXT}, {"digest_rebuilt", TYPE_TEXT}, {"record_count", TYPE_INT8},
		{"duration_seconds", TYPE_FLOAT8}}},
	{"kappa", "diff", "view [, left_version, right_version [, tolerance]]", 1, 4, diff_fill, {
		{"kind", TYPE_TEXT}, {"key", TYPE_TEXT}, {"column_name", TYPE_TEXT}, {"left_value", TYPE_TEXT},
		{"right_value", TYPE_TEXT}, {"weight", TYPE_INT8}}},
	{"kappa", "diff_summary", "view [, left_version, right_version [, tolerance]]", 1, 4, diff_summary_fill, {
		{"view", TYPE_TEXT}, {"left_version", TYPE_INT8}, {"right_version", TYPE_INT8}, {"rows_left", TYPE_INT8},
		{"rows_right", TYPE_INT8}, {"equal_rows", TYPE_INT8}, {"only_left_rows", TYPE_INT8},
		{"only_right_rows", TYPE_INT8}, {"changed_rows", TYPE_INT8}, {"match_score", TYPE_FLOAT8},
		{"key_columns", TYPE_TEXT}, {"columns_only_left", TYPE_TEXT}, {"columns_only_right", TYPE_TEXT},
		{"offsets", TYPE_TEXT}}},
	{"kappa", "diff_columns", "view [, left_version, right_version [, tolerance]]", 1, 4, diff_columns_fill, {
		{"column_name", TYPE_TEXT}, {"is_numeric", TYPE_BOOL}, {"changed_rows", TYPE_INT8}, {"delta_sum", TYPE_FLOAT8},
		{"delta_min", TYPE_FLOAT8}, {"delta_max", TYPE_FLOAT8}, {"delta_absolute_max", TYPE_FLOAT8}}},
	{"kappa", "deploy", "sql", 1, 1, deploy_fill, {DEPLOY_COLUMNS}},
	{"kappa", "plan", "sql", 1, 1, plan_fill, {DEPLOY_COLUMNS}},
	{0},
};
/* clang-format on */
