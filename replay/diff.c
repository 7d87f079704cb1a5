/* Diff: two versions of a view at one offset vector.
 *
 * Keyed (both versions have the same key): a merge of two ordered scans, in constant memory; rows with equal
 * keys are compared column by column. Otherwise rows are compared whole, as bags, over the columns both have:
 * sorted in memory, within a limit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "replay/engine_internal.h"
#include "zset/decimal.h"
#include "zset/key.h"

#define DIFF_BAG_BYTES_MAX ((size_t)1 << 30)

struct side {
	struct version *version;
	struct view_snapshot *snapshot;
	const struct schema *schema;
	struct relation *relation;
	struct scan *scan;
	struct arena arena; /* of the current batch */
	struct batch *batch;
	uint32_t row;
	bool ended;
	uint32_t *columns; /* compared columns, then as in the result; parallel between sides */
	uint32_t *keys;
	struct buffer key; /* of the current row */
};

struct comparison {
	struct side left, right;
	struct arena *arena;
	const struct diff_options *options;
	struct diff_result result;
	size_t sample_max;
};

static status side_open(struct side *side)
{
	side->schema = view_snapshot_schema(side->snapshot);
	side->relation = view_snapshot_relation(side->snapshot);
	uint32_t *all = mem_alloc(side->schema->field_count * sizeof *all);
	for (uint32_t i = 0; i < side->schema->field_count; i++)
		all[i] = i;
	struct scan_request request = {
		.columns = all,
		.column_count = side->schema->field_count,
		.row_limit = UINT64_MAX,
	};
	status code = side->relation->open(side->relation, &request, &side->scan);
	mem_free(all);
	return code;
}

static void side_close(struct side *side)
{
	if (side->scan != NULL)
		side->scan->close(side->scan);
	if (side->relation != NULL)
		side->relation->release(side->relation);
	arena_deinit(&side->arena);
	buffer_deinit(&side->key);
}

static status next_batch(struct side *side)
{
	arena_reset(&side->arena);
	status code = side->scan->next(side->scan, &side->arena, &side->batch);
	side->row = 0;
	side->ended = code == STATUS_END;
	return side->ended ? STATUS_OK : code;
}

/* To the next row; its key is then in side->key. */
static status side_advance(struct side *side, size_t key_count)
{
	side->row++;
	status code = STATUS_OK;
	while (code == STATUS_OK && !side->ended && (side->batch == NULL || side->row >= side->batch->row_count))
		code = next_batch(side);
	if (code == STATUS_OK && !side->ended) {
		side->key.size = 0;
		key_encode(side->batch, side->row, side->keys, key_count, &side->key);
	}
	return code;
}

static const char *format_value(struct arena *arena, const struct value *value)
{
	if (value->null)
		return NULL;
	struct buffer text;
	buffer_init(&text);
	value_format(value, &text);
	buffer_append_byte(&text, 0);
	const char *copy = arena_copy_string(arena, (const char *)text.data);
	buffer_deinit(&text);
	return copy;
}

static const char **format_columns(
	struct comparison *comparison, const struct side *side, const uint32_t *columns, size_t count)
{
	const char **texts = arena_alloc(comparison->arena, count * sizeof *texts);
	for (size_t i = 0; i < count; i++) {
		struct value value = column_value(&side->batch->columns[columns[i]], side->row);
		texts[i] = format_value(comparison->arena, &value);
	}
	return texts;
}

static void sample(
	struct comparison *comparison, enum diff_kind kind, const struct side *left, const struct side *right)
{
	struct diff_result *result = &comparison->result;
	if (result->sample_count >= comparison->sample_max)
		return;
	const struct side *any = left != NULL ? left : right;
	result->samples[result->sample_count++] = (struct diff_sample){
		.kind = kind,
		.key = format_columns(comparison, any, any->keys, result->key_count),
		.left = left != NULL ? format_columns(comparison, left, left->columns, result->column_count) : NULL,
		.right =
			right != NULL ? format_columns(comparison, right, right->columns, result->column_count) : NULL,
		.weight = 1,
	};
}

static bool value_as_double(const struct value *value, double *out)
{
	switch (type_physical(value->type.id)) {
	case PHYS_I64:
		*out = (double)value->i64;
		return type_is_numeric(value->type.id);
	case PHYS_F64:
		*out = value->f64;
		return true;
	case PHYS_DECIMAL:
		*out = decimal_to_f64(&value->decimal);
		return true;
	case PHYS_BOOL:
	case PHYS_TEXT:
	case PHYS_INTERVAL:
		break;
	}
	return false;
}

static bool values_equal(struct arena *arena, const struct value *left, const struct value *right)
{
	if (left->null || right->null)
		return left->null == right->null;
	if (left->type.id == right->type.id)
		return value_compare(left, right) == 0;
	double a;
	double b;
	if (value_as_double(left, &a) && value_as_double(right, &b))
		return a == b;
	return strcmp(format_value(arena, left), format_value(arena, right)) == 0;
}

/* True when the column differs; notes by how much. */
static bool compare_column(struct comparison *comparison, size_t index)
{
	struct side *left = &comparison->left;
	struct side *right = &comparison->right;
	struct value old = column_value(&left->batch->columns[left->columns[index]], left->row);
	struct value new = column_value(&right->batch->columns[right->columns[index]], right->row);
	struct diff_column *column = &comparison->result.columns[index];
	if (values_equal(&left->arena, &old, &new))
		return false;
	double before = 0;
	double after = 0;
	if (column->numeric && !old.null && !new.null && value_as_double(&old, &before) &&
		value_as_double(&new, &after)) {
		double delta = after - before;
		if (fabs(delta) <= comparison->options->tolerance)
			return false;
		bool first = column->delta_absolute_max == 0;
		column->delta_sum += delta;
		column->delta_min = first || delta < column->delta_min ? delta : column->delta_min;
		column->delta_max = first || delta > column->delta_max ? delta : column->delta_max;
		if (fabs(delta) > column->delta_absolute_max)
			column->delta_absolute_max = fabs(delta);
	}
	column->changed++;
	return true;
}

static void compare_rows(struct comparison *comparison)
{
	bool differs = false;
	for (size_t i = 0; i < comparison->result.column_count; i++)
		if (compare_column(comparison, i))
			differs = true;
	if (!differs) {
		comparison->result.equal++;
		return;
	}
	comparison->result.changed++;
	sample(comparison, DIFF_CHANGED, &comparison->left, &comparison->right);
}

static status diff_keyed(struct comparison *comparison)
{
	struct side *left = &comparison->left;
	struct side *right = &comparison->right;
	size_t key_count = comparison->result.key_count;
	status code = side_advance(left, key_count);
	if (code == STATUS_OK)
		code = side_advance(right, key_count);
	while (code == STATUS_OK && !(left->ended && right->ended)) {
		int order = left->ended    ? 1
					: right->ended ? -1
								   : slice_compare(buffer_slice(&left->key), buffer_slice(&right->key));
		if (order < 0) {
			comparison->result.only_left++;
			sample(comparison, DIFF_ONLY_LEFT, left, NULL);
		} else if (order > 0) {
			comparison->result.only_right++;
			sample(comparison, DIFF_ONLY_RIGHT, NULL, right);
		} else {
			compare_rows(comparison);
		}
		if (order <= 0)
			code = side_advance(left, key_count);
		if (code == STATUS_OK && order >= 0)
			code = side_advance(right, key_count);
	}
	return code;
}

/* ---- bags ---- */

struct bag_row {
	struct slice bytes; /* row codec over the compared columns */
	int64_t left, right;
};

struct bag {
	struct arena arena;
	struct bag_row *rows;
	size_t count, capacity;
};

static status bag_collect(struct bag *bag, struct side *side, size_t column_count, bool is_left)
{
	struct buffer bytes;
	buffer_init(&bytes);
	status code = STATUS_OK;
	for (;;) {
		code = next_batch(side);
		if (code != STATUS_OK || side->ended)
			break;
		struct column *columns = arena_alloc(&side->arena, column_count * sizeof *columns);
		for (size_t i = 0; i < column_count; i++)
			columns[i] = side->batch->columns[side->columns[i]];
		struct batch projected = {
			side->batch->row_count, (uint32_t)column_count, columns, side->batch->weights};
		for (uint32_t row = 0; row < projected.row_count; row++) {
			if (bag->count == bag->capacity) {
				bag->capacity = bag->capacity == 0 ? 1024 : bag->capacity * 2;
				bag->rows = mem_resize(bag->rows, bag->capacity * sizeof *bag->rows);
			}
			bytes.size = 0;
			row_encode(&projected, row, &bytes);
			int64_t weight = batch_weight(&projected, row);
			bag->rows[bag->count++] = (struct bag_row){
				.bytes = slice_of(arena_copy(&bag->arena, bytes.data, bytes.size), bytes.size),
				.left = is_left ? weight : 0,
				.right = is_left ? 0 : weight,
			};
		}
		if (bag->arena.used_bytes + bag->capacity * sizeof *bag->rows > DIFF_BAG_BYTES_MAX) {
			code = error_raise(
				STATUS_TOO_LARGE, "the views have no common key and are too large to compare whole (1 GiB)");
			error_hint("Give both versions a key: GROUP BY makes one.");
			break;
		}
	}
	buffer_deinit(&bytes);
	return code;
}

static int bag_order(const void *left, const void *right)
{
	return slice_compare(((const struct bag_row *)left)->bytes, ((const struct bag_row *)right)->bytes);
}

static status bag_sample(struct comparison *comparison, const struct schema *schema,
	const struct bag_row *row, enum diff_kind kind, int64_t weight)
{
	struct diff_result *result = &comparison->result;
	if (result->sample_count >= comparison->sample_max)
		return STATUS_OK;
	struct batch *batch = batch_make(comparison->arena, schema, 1, true, false);
	status code = row_decode(row->bytes, comparison->arena, false, batch, 0);
	if (code != STATUS_OK)
		return code;
	const char **texts = arena_alloc(comparison->arena, schema->field_count * sizeof *texts);
	for (size_t i = 0; i < schema->field_count; i++) {
		struct value value = column_value(&batch->columns[i], 0);
		texts[i] = format_value(comparison->arena, &value);
	}
	result->samples[result->sample_count++] = (struct diff_sample){
		.kind = kind,
		.key = texts,
		.left = kind == DIFF_ONLY_LEFT ? texts : NULL,
		.right = kind == DIFF_ONLY_RIGHT ? texts : NULL,
		.weight = weight,
	};
	return STATUS_OK;
}

static status bag_compare(struct comparison *comparison, struct bag *bag)
{
	struct diff_result *result = &comparison->result;
	struct field *fields = arena_alloc(comparison->arena, result->column_count * sizeof *fields);
	for (size_t i = 0; i < result->column_count; i++)
		fields[i] = comparison->left.schema->fields[comparison->left.columns[i]];
	struct schema schema = {fields, result->column_count};
	qsort(bag->rows, bag->count, sizeof *bag->rows, bag_order);
	status code = STATUS_OK;
	for (size_t i = 0; i < bag->count && code == STATUS_OK;) {
		struct bag_row sum = bag->rows[i];
		for (i++; i < bag->count && slice_equal(bag->rows[i].bytes, sum.bytes); i++) {
			sum.left += bag->rows[i].left;
			sum.right += bag->rows[i].right;
		}
		int64_t both = sum.left < sum.right ? sum.left : sum.right;
		result->equal += both;
		result->only_left += sum.left - both;
		result->only_right += sum.right - both;
		if (sum.left > both)
			code = bag_sample(comparison, &schema, &sum, DIFF_ONLY_LEFT, sum.left - both);
		else if (sum.right > both)
			code = bag_sample(comparison, &schema, &sum, DIFF_ONLY_RIGHT, sum.right - both);
	}
	return code;
}

static status diff_bags(struct comparison *comparison)
{
	struct bag bag = {0};
	arena_init(&bag.arena);
	status code = bag_collect(&bag, &comparison->left, comparison->result.column_count, true);
	if (code == STATUS_OK)
		code = bag_collect(&bag, &comparison->right, comparison->result.column_count, false);
	if (code == STATUS_OK)
		code = bag_compare(comparison, &bag);
	mem_free(bag.rows);
	arena_deinit(&bag.arena);
	return code;
}

/* ---- set-up ---- */

static bool same_key(const struct plan *left, const struct plan *right)
{
	if (!left->has_key || !right->has_key || left->key_count != right->key_count)
		return false;
	for (size_t i = 0; i < left->key_count; i++) {
		const struct field *a = &left->schema.fields[left->key_columns[i]];
		const struct field *b = &right->schema.fields[right->key_columns[i]];
		if (strcmp(a->name, b->name) != 0 || a->type.id != b->type.id)
			return false;
	}
	return true;
}

static bool is_key(const struct plan *plan, uint32_t column)
{
	for (size_t i = 0; i < plan->key_count; i++)
		if (plan->key_columns[i] == column)
			return true;
	return false;
}

static const char **columns_missing(
	struct comparison *comparison, const struct schema *from, const struct schema *in, size_t *count)
{
	const char **names = arena_alloc(comparison->arena, from->field_count * sizeof *names);
	*count = 0;
	for (size_t i = 0; i < from->field_count; i++)
		if (schema_find(in, from->fields[i].name) < 0)
			names[(*count)++] = arena_copy_string(comparison->arena, from->fields[i].name);
	return names;
}

/* Pairs columns by name; whole-row comparison also needs equal types. */
static void pair_columns(struct comparison *comparison)
{
	struct arena *arena = comparison->arena;
	struct diff_result *result = &comparison->result;
	const struct plan *left = comparison->left.version->plan;
	const struct plan *right = comparison->right.version->plan;
	result->keyed = same_key(left, right);
	size_t capacity = left->schema.field_count;
	result->columns = arena_alloc_zeroed(arena, capacity * sizeof *result->columns);
	comparison->left.columns = arena_alloc(arena, capacity * sizeof(uint32_t));
	comparison->right.columns = arena_alloc(arena, capacity * sizeof(uint32_t));
	for (uint32_t i = 0; i < capacity; i++) {
		const struct field *field = &left->schema.fields[i];
		int32_t other = schema_find(&right->schema, field->name);
		if (other < 0 || (result->keyed && is_key(left, i)))
			continue;
		enum type_id other_type = right->schema.fields[other].type.id;
		if (!result->keyed && other_type != field->type.id)
			continue;
		size_t at = result->column_count++;
		comparison->left.columns[at] = i;
		comparison->right.columns[at] = (uint32_t)other;
		result->columns[at].name = arena_copy_string(arena, field->name);
		result->columns[at].numeric = type_is_numeric(field->type.id) && type_is_numeric(other_type);
	}
	result->columns_only_left =
		columns_missing(comparison, &left->schema, &right->schema, &result->columns_only_left_count);
	result->columns_only_right =
		columns_missing(comparison, &right->schema, &left->schema, &result->columns_only_right_count);
	comparison->left.keys = left->key_columns;
	comparison->right.keys = right->key_columns;
	result->key_count = result->keyed ? left->key_count : 0;
	result->key_columns = arena_alloc(arena, result->key_count * sizeof *result->key_columns);
	for (size_t i = 0; i < result->key_count; i++)
		result->key_columns[i] = arena_copy_string(arena, left->schema.fields[left->key_columns[i]].name);
}

static status find_side(struct publication *publication, const char *view, int64_t number, struct side *side)
{
	side->version = catalog_version(publication->catalog, view, number);
	if (side->version == NULL) {
		status code =
			error_raise(STATUS_NOT_FOUND, "view \"%s\" has no version %lld", view, (long long)number);
		error_hint("SELECT * FROM kappa.versions WHERE view = '%s' lists its versions.", view);
		return code;
	}
	side->snapshot = publication_snapshot(publication, view, side->version->definition.number);
	if (side->snapshot == NULL) {
		status code = error_raise(STATUS_NOT_READY, "%s@%lld is not caught up: %lld of %lld records", view,
			(long long)side->version->definition.number, (long long)atomic_load(&side->version->records_done),
			(long long)atomic_load(&side->version->records_total));
		error_hint("Both versions must stand at one offset vector; wait for the replay to catch up.");
		return code;
	}
	return STATUS_OK;
}

/* Versions 0, 0: the live one against the newest other one. */
static status choose_versions(
	struct publication *publication, const char *name, int64_t *left, int64_t *right)
{
	const struct catalog_view *view = catalog_view(publication->catalog, name);
	if (view == NULL)
		return error_raise(STATUS_UNKNOWN_RELATION, "view \"%s\" does not exist", name);
	if (*left == 0)
		*left = view->live != 0 ? view->live : view->versions[0]->definition.number;
	for (size_t i = view->version_count; i > 0 && *right == 0; i--)
		if (view->versions[i - 1]->definition.number != *left)
			*right = view->versions[i - 1]->definition.number;
	if (*right == 0) {
		status code =
			error_raise(STATUS_INVALID, "view \"%s\" has only version %lld", name, (long long)*left);
		error_hint("Deploy changed logic first: kappa deploy FILE.sql");
		return code;
	}
	return STATUS_OK;
}

static status diff_publication(
	struct publication *publication, const char *view, struct comparison *comparison)
{
	struct diff_result *result = &comparison->result;
	int64_t left = comparison->options->left;
	int64_t right = comparison->options->right;
	status code = choose_versions(publication, view, &left, &right);
	if (code == STATUS_OK)
		code = find_side(publication, view, left, &comparison->left);
	if (code == STATUS_OK)
		code = find_side(publication, view, right, &comparison->right);
	if (code == STATUS_OK)
		code = side_open(&comparison->left);
	if (code == STATUS_OK)
		code = side_open(&comparison->right);
	if (code != STATUS_OK)
		return code;
	pair_columns(comparison);
	result->view = arena_copy_string(comparison->arena, view);
	result->left = left;
	result->right = right;
	result->rows_left = view_snapshot_row_count(comparison->left.snapshot);
	result->rows_right = view_snapshot_row_count(comparison->right.snapshot);
	const struct offset_vector *offsets = view_snapshot_offsets(comparison->right.snapshot);
	struct offset_vector *copy = arena_alloc(comparison->arena, sizeof *copy);
	copy->count = offsets->count;
	copy->entries = arena_copy(comparison->arena, offsets->entries, offsets->count * sizeof *copy->entries);
	for (size_t i = 0; i < copy->count; i++)
		copy->entries[i].topic = arena_copy_string(comparison->arena, copy->entries[i].topic);
	result->offsets = copy;
	comparison->sample_max = comparison->options->sample_max;
	if (comparison->sample_max > DIFF_SAMPLES_MAX)
		comparison->sample_max = DIFF_SAMPLES_MAX;
	result->samples = arena_alloc(comparison->arena, comparison->sample_max * sizeof *result->samples);
	code = result->keyed ? diff_keyed(comparison) : diff_bags(comparison);
	int64_t all = result->equal + result->changed + result->only_left + result->only_right;
	result->match_score = all == 0 ? 1.0 : (double)result->equal / (double)all;
	return code;
}

status engine_diff(struct engine *engine, const char *view, const struct diff_options *options,
	struct arena *arena, struct diff_result *out)
{
	struct publication *publication = engine_publication(engine);
	struct comparison comparison = {.arena = arena, .options = options};
	status code = diff_publication(publication, view, &comparison);
	side_close(&comparison.left);
	side_close(&comparison.right);
	publication_release(publication);
	if (code == STATUS_OK)
		*out = comparison.result;
	return code;
}
