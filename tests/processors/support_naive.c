#include "support_naive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "zset/decimal.h"
#include "zset/key.h"

/* ---- rows ---- */

void naive_add(struct arena *arena, struct naive_rows *rows, const struct value *values, int64_t weight)
{
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity != 0 ? rows->capacity * 2 : 16;
		struct naive_row *grown = arena_alloc(arena, capacity * sizeof *grown);
		if (rows->count != 0)
			memcpy(grown, rows->rows, rows->count * sizeof *grown);
		rows->rows = grown;
		rows->capacity = capacity;
	}
	struct naive_row *row = &rows->rows[rows->count++];
	*row = (struct naive_row){arena_copy(arena, values, rows->width * sizeof *values), weight};
	/* NaNs are all shown alike. */
	for (size_t c = 0; c < rows->width; c++) {
		if (type_physical(values[c].type.id) == PHYS_F64 && !values[c].null && isnan(values[c].f64))
			row->values[c].f64 = (double)NAN;
	}
}

struct batch *naive_batch(struct arena *arena, const struct schema *schema, const struct naive_rows *rows,
	size_t from, size_t count)
{
	struct batch *batch = batch_make(arena, schema, (uint32_t)count, true, true);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t c = 0; c < schema->field_count; c++)
			column_set(&batch->columns[c], i, &rows->rows[from + i].values[c]);
		batch->weights[i] = rows->rows[from + i].weight;
	}
	return batch;
}

void naive_add_batch(struct arena *arena, struct naive_rows *rows, const struct batch *batch)
{
	const struct batch *copy = batch_copy(arena, batch);
	struct value *values = arena_alloc(arena, rows->width * sizeof *values);
	for (uint32_t i = 0; i < copy->row_count; i++) {
		for (uint32_t c = 0; c < rows->width; c++)
			values[c] = column_value(&copy->columns[c], i);
		naive_add(arena, rows, values, batch_weight(copy, i));
	}
}

struct net_entry {
	struct slice bytes;
	const struct naive_row *row;
};

static int net_compare(const void *left, const void *right)
{
	return slice_compare(((const struct net_entry *)left)->bytes, ((const struct net_entry *)right)->bytes);
}

struct naive_rows naive_net(struct arena *arena, const struct schema *schema, const struct naive_rows *rows)
{
	struct naive_rows net = {.width = rows->width};
	struct net_entry *entries = arena_alloc(arena, rows->count * sizeof *entries);
	const struct batch *batch = naive_batch(arena, schema, rows, 0, rows->count);
	for (uint32_t i = 0; i < rows->count; i++) {
		struct buffer bytes;
		buffer_init(&bytes);
		row_encode(batch, i, &bytes);
		entries[i].bytes = slice_of(arena_copy(arena, bytes.data, bytes.size), bytes.size);
		entries[i].row = &rows->rows[i];
		buffer_deinit(&bytes);
	}
	qsort(entries, rows->count, sizeof *entries, net_compare);
	for (size_t i = 0; i < rows->count;) {
		int64_t weight = 0;
		size_t first = i;
		for (; i < rows->count && net_compare(&entries[first], &entries[i]) == 0; i++)
			weight += entries[i].row->weight;
		if (weight != 0)
			naive_add(arena, &net, entries[first].row->values, weight);
	}
	return net;
}

void naive_print(const struct schema *schema, const struct naive_row *row)
{
	struct buffer text;
	buffer_init(&text);
	for (size_t c = 0; c < schema->field_count; c++) {
		buffer_append_string(&text, c != 0 ? " | " : "");
		if (row->values[c].null)
			buffer_append_string(&text, "NULL");
		else
			value_format(&row->values[c], &text);
	}
	printf("  %+lld  %.*s\n", (long long)row->weight, (int)text.size, (const char *)text.data);
	buffer_deinit(&text);
}

static bool rows_same(
	const struct schema *schema, const struct naive_row *left, const struct naive_row *right)
{
	struct arena arena = {0};
	struct naive_rows both = {.width = schema->field_count};
	naive_add(&arena, &both, left->values, left->weight);
	naive_add(&arena, &both, right->values, -right->weight);
	bool same = naive_net(&arena, schema, &both).count == 0;
	arena_deinit(&arena);
	return same;
}

bool naive_same(const struct schema *schema, const struct naive_rows *left, const struct naive_rows *right)
{
	struct arena arena = {0};
	struct naive_rows a = naive_net(&arena, schema, left), b = naive_net(&arena, schema, right);
	bool same = a.count == b.count;
	size_t at = 0, common = a.count < b.count ? a.count : b.count;
	while (at < common && rows_same(schema, &a.rows[at], &b.rows[at]))
		at++;
	same = same && at == common;
	if (!same) {
		printf("%zu rows against %zu; they differ at row %zu:\n", a.count, b.count, at);
		for (size_t i = at; i < at + 3; i++) {
			if (i < a.count)
				naive_print(schema, &a.rows[i]);
			if (i < b.count) {
				printf("  against\n");
				naive_print(schema, &b.rows[i]);
			}
		}
	}
	arena_deinit(&arena);
	return same;
}

/* ---- values ---- */

static bool values_equal(const struct value *left, const struct value *right)
{
	if (left->null || right->null)
		return left->null && right->null;
	return value_compare(left, right) == 0;
}

/* Beyond value_compare(): what a reader can tell apart. */
static int value_compare_exact(const struct value *left, const struct value *right)
{
	int order = value_compare(left, right);
	if (order != 0)
		return order;
	switch (type_physical(left->type.id)) {
	case PHYS_DECIMAL:
		return left->decimal.scale < right->decimal.scale ? -1 : left->decimal.scale > right->decimal.scale;
	case PHYS_F64:
		return signbit(left->f64) == signbit(right->f64) ? 0 : signbit(left->f64) ? -1 : 1;
	case PHYS_INTERVAL: {
		const struct interval *a = &left->interval, *b = &right->interval;
		if (a->months != b->months)
			return a->months < b->months ? -1 : 1;
		return a->days < b->days ? -1 : a->days > b->days;
	}
	default:
		return 0;
	}
}

static struct value evaluate_row(struct arena *arena, const struct expression *expression,
	const struct schema *schema, const struct naive_row *row)
{
	struct naive_rows one = {
		.rows = (struct naive_row *)(uintptr_t)row, .count = 1, .width = schema->field_count};
	struct evaluation evaluation = {0};
	struct column column;
	status code =
		expression_evaluate(expression, naive_batch(arena, schema, &one, 0, 1), &evaluation, arena, &column);
	if (code != STATUS_OK)
		printf("naive: %s\n", error_current()->text);
	INVARIANT(code == STATUS_OK);
	struct value value = column_value(&column, 0);
	return value;
}

static bool is_true(const struct value *value)
{
	return !value->null && value->boolean;
}

/* ---- aggregates ---- */

struct group {
	struct value *keys;
	struct naive_rows rows;
};

static struct value null_value(struct type type)
{
	return (struct value){.type = type, .null = true};
}

/* The argument's values that count, with their weights; DISTINCT: each once. */
static struct naive_rows arguments_of(
	struct arena *arena, const struct aggregate_call *call, const struct naive_rows *rows)
{
	struct naive_rows out = {.width = 1};
	/* Which of several equal values comes first is nobody's business: extremes are taken over all. */
	bool distinct = call->distinct && call->kind != AGGREGATE_MIN && call->kind != AGGREGATE_MAX;
	for (size_t i = 0; i < rows->count; i++) {
		const struct naive_row *row = &rows->rows[i];
		if (call->filter >= 0 && !is_true(&row->values[call->filter]))
			continue;
		struct value value = {.type = type_of(TYPE_INT8)};
		if (call->argument >= 0)
			value = row->values[call->argument];
		if (value.null)
			continue;
		bool repeated = false;
		for (size_t k = 0; distinct && k < out.count; k++)
			repeated = repeated || values_equal(&value, &out.rows[k].values[0]);
		if (!repeated)
			naive_add(arena, &out, &value, distinct ? 1 : row->weight);
	}
	return out;
}

static struct decimal as_decimal(const struct value *value, bool distinct)
{
	if (type_physical(value->type.id) == PHYS_I64)
		return decimal_from_i64(value->i64);
	return distinct ? decimal_canonical(&value->decimal) : value->decimal;
}

static struct value sum_decimal(
	const struct aggregate_call *call, const struct naive_rows *rows, int64_t count)
{
	struct value result = {.type = call->type};
	struct decimal sum = {0};
	for (size_t i = 0; i < rows->count; i++) {
		struct decimal value = as_decimal(&rows->rows[i].values[0], call->distinct);
		if (call->distinct && rows->rows[i].values[0].type.modifier >= 0)
			value = rows->rows[i].values[0].decimal;
		struct decimal weight = decimal_from_i64(rows->rows[i].weight);
		INVARIANT(decimal_multiply(&value, &weight, &value) == STATUS_OK);
		INVARIANT(decimal_add(&sum, &value, &sum) == STATUS_OK);
	}
	struct decimal rows_counted = decimal_from_i64(count);
	if (call->kind == AGGREGATE_AVG)
		INVARIANT(decimal_divide(&sum, &rows_counted, &sum) == STATUS_OK);
	result.decimal = sum;
	return result;
}

/* Exact in 113 bits for the values tests use. */
static struct value sum_float(const struct aggregate_call *call, const struct naive_rows *rows, int64_t count)
{
	struct value result = {.type = call->type};
	__float128 sum = 0;
	double special = 0;
	for (size_t i = 0; i < rows->count; i++) {
		double value = rows->rows[i].values[0].f64;
		if (isfinite(value))
			sum += (__float128)value * rows->rows[i].weight;
		else
			special += value;
	}
	result.f64 = special != 0 ? special : call->type.id == TYPE_FLOAT4 ? (double)(float)sum : (double)sum;
	if (call->kind == AGGREGATE_AVG)
		result.f64 /= (double)count;
	return result;
}

static struct value sum_of(const struct aggregate_call *call, const struct naive_rows *rows, int64_t count)
{
	struct value result = {.type = call->type};
	switch (type_physical(call->type.id)) {
	case PHYS_DECIMAL:
		return sum_decimal(call, rows, count);
	case PHYS_F64:
		return sum_float(call, rows, count);
	case PHYS_INTERVAL:
		for (size_t i = 0; i < rows->count; i++) {
			const struct interval *part = &rows->rows[i].values[0].interval;
			result.interval.months += part->months * (int32_t)rows->rows[i].weight;
			result.interval.days += part->days * (int32_t)rows->rows[i].weight;
			result.interval.microseconds += part->microseconds * rows->rows[i].weight;
		}
		return result;
	default:
		for (size_t i = 0; i < rows->count; i++)
			result.i64 += rows->rows[i].values[0].i64 * rows->rows[i].weight;
		return result;
	}
}

static struct value extreme_of(const struct aggregate_call *call, const struct naive_rows *rows)
{
	struct value best = rows->rows[0].values[0];
	for (size_t i = 1; i < rows->count; i++) {
		int order = value_compare_exact(&rows->rows[i].values[0], &best);
		if (call->kind == AGGREGATE_MAX ? order > 0 : order < 0)
			best = rows->rows[i].values[0];
	}
	best.type = call->type;
	return best;
}

static struct value call_evaluate(
	struct arena *arena, const struct aggregate_call *call, const struct naive_rows *group)
{
	struct naive_rows rows = arguments_of(arena, call, group);
	struct value result = {.type = call->type};
	int64_t count = 0, trues = 0;
	for (size_t i = 0; i < rows.count; i++) {
		count += rows.rows[i].weight;
		if (rows.rows[i].values[0].type.id == TYPE_BOOL && rows.rows[i].values[0].boolean)
			trues += rows.rows[i].weight;
	}
	if (call->kind == AGGREGATE_COUNT_STAR || call->kind == AGGREGATE_COUNT) {
		result.i64 = count;
		return result;
	}
	if (count == 0)
		return null_value(call->type);
	switch (call->kind) {
	case AGGREGATE_SUM:
	case AGGREGATE_AVG:
		return sum_of(call, &rows, count);
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		return extreme_of(call, &rows);
	case AGGREGATE_BOOL_AND:
		result.boolean = trues == count;
		return result;
	default:
		result.boolean = trues != 0;
		return result;
	}
}

/* Equal keys are shown once: as 0 rather than −0, numerics with the greatest scale among the rows. */
static void key_merge(struct value *shown, const struct value *other)
{
	if (shown->null)
		return;
	if (type_physical(shown->type.id) == PHYS_F64)
		shown->f64 += 0.0;
	if (type_physical(shown->type.id) == PHYS_DECIMAL && other->decimal.scale > shown->decimal.scale)
		shown->decimal = other->decimal;
}

static struct naive_rows evaluate_aggregate(
	struct arena *arena, const struct plan *plan, const struct naive_rows *input)
{
	size_t key_count = plan->aggregate.group_count, group_count = 0;
	struct group *groups = arena_alloc(arena, (input->count + 1) * sizeof *groups);
	if (plan->aggregate.global)
		groups[group_count++] = (struct group){.rows = {.width = input->width}};
	for (size_t i = 0; i < input->count; i++) {
		struct value *keys = arena_alloc(arena, key_count * sizeof *keys);
		for (size_t k = 0; k < key_count; k++)
			keys[k] = input->rows[i].values[plan->aggregate.groups[k]];
		size_t g = 0;
		for (; g < group_count; g++) {
			bool equal = true;
			for (size_t k = 0; k < key_count; k++)
				equal = equal && values_equal(&keys[k], &groups[g].keys[k]);
			if (equal)
				break;
		}
		if (g == group_count)
			groups[group_count++] = (struct group){.keys = keys, .rows = {.width = input->width}};
		for (size_t k = 0; k < key_count; k++)
			key_merge(&groups[g].keys[k], &keys[k]);
		naive_add(arena, &groups[g].rows, input->rows[i].values, input->rows[i].weight);
	}
	struct naive_rows out = {.width = plan->schema.field_count};
	struct value *values = arena_alloc(arena, out.width * sizeof *values);
	for (size_t g = 0; g < group_count; g++) {
		if (key_count != 0)
			memcpy(values, groups[g].keys, key_count * sizeof *values);
		for (size_t c = 0; c < plan->aggregate.call_count; c++)
			values[key_count + c] = call_evaluate(arena, &plan->aggregate.calls[c], &groups[g].rows);
		naive_add(arena, &out, values, 1);
	}
	return out;
}

/* ---- joins ---- */

static bool rows_join(struct arena *arena, const struct plan *plan, const struct naive_row *left,
	const struct naive_row *right, struct value *pair)
{
	size_t left_width = plan->children[0]->schema.field_count,
		   right_width = plan->children[1]->schema.field_count;
	for (size_t k = 0; k < plan->join.key_count; k++) {
		const struct value *a = &left->values[plan->join.left_keys[k]];
		const struct value *b = &right->values[plan->join.right_keys[k]];
		if (a->null || b->null || value_compare(a, b) != 0)
			return false;
	}
	memcpy(pair, left->values, left_width * sizeof *pair);
	memcpy(pair + left_width, right->values, right_width * sizeof *pair);
	if (plan->join.residual == NULL)
		return true;
	struct schema both = {
		arena_alloc(arena, (left_width + right_width) * sizeof(struct field)), left_width + right_width};
	memcpy(both.fields, plan->children[0]->schema.fields, left_width * sizeof(struct field));
	memcpy(both.fields + left_width, plan->children[1]->schema.fields, right_width * sizeof(struct field));
	struct naive_row row = {pair, 1};
	struct value passes = evaluate_row(arena, plan->join.residual, &both, &row);
	return is_true(&passes);
}

static struct naive_rows evaluate_join(struct arena *arena, const struct plan *plan,
	const struct naive_rows *left, const struct naive_rows *right)
{
	struct naive_rows out = {.width = plan->schema.field_count};
	enum join_kind kind = plan->join.kind;
	struct value *pair = arena_alloc(arena, (left->width + right->width) * sizeof *pair);
	for (size_t l = 0; l < left->count; l++) {
		bool matched = false;
		for (size_t r = 0; r < right->count; r++) {
			if (!rows_join(arena, plan, &left->rows[l], &right->rows[r], pair))
				continue;
			matched = true;
			if (kind == JOIN_INNER || kind == JOIN_LEFT)
				naive_add(arena, &out, pair, left->rows[l].weight * right->rows[r].weight);
		}
		memcpy(pair, left->rows[l].values, left->width * sizeof *pair);
		for (size_t c = 0; c < right->width; c++)
			pair[left->width + c] = null_value(plan->children[1]->schema.fields[c].type);
		if ((kind == JOIN_SEMI && matched) || ((kind == JOIN_ANTI || kind == JOIN_LEFT) && !matched))
			naive_add(arena, &out, pair, left->rows[l].weight);
	}
	return out;
}

/* ---- plans ---- */

static struct naive_rows evaluate_scan(
	struct arena *arena, const struct plan *plan, const struct naive_rows *table)
{
	struct naive_rows out = {.width = plan->schema.field_count};
	struct value *values = arena_alloc(arena, out.width * sizeof *values);
	for (size_t i = 0; i < table->count; i++) {
		for (size_t c = 0; c < out.width; c++)
			values[c] = table->rows[i].values[plan->scan.columns[c]];
		naive_add(arena, &out, values, table->rows[i].weight);
	}
	return out;
}

static struct naive_rows evaluate_values(struct arena *arena, const struct plan *plan)
{
	struct naive_rows out = {.width = plan->schema.field_count};
	struct value *values = arena_alloc(arena, out.width * sizeof *values);
	struct evaluation evaluation = {0};
	for (size_t i = 0; i < plan->values.row_count; i++) {
		for (size_t c = 0; c < out.width; c++)
			INVARIANT(expression_evaluate_constant(plan->values.rows[i][c], &evaluation, arena, &values[c]) ==
					  STATUS_OK);
		naive_add(arena, &out, values, 1);
	}
	return out;
}

static struct naive_rows evaluate_linear(
	struct arena *arena, const struct plan *plan, const struct naive_rows *input)
{
	struct naive_rows out = {.width = plan->schema.field_count};
	const struct schema *schema = &plan->children[0]->schema;
	struct value *values = arena_alloc(arena, out.width * sizeof *values);
	for (size_t i = 0; i < input->count; i++) {
		const struct naive_row *row = &input->rows[i];
		if (plan->kind == PLAN_FILTER) {
			struct value passes = evaluate_row(arena, plan->filter.predicate, schema, row);
			if (is_true(&passes))
				naive_add(arena, &out, row->values, row->weight);
			continue;
		}
		for (size_t c = 0; c < out.width; c++)
			values[c] = evaluate_row(arena, plan->project.expressions[c], schema, row);
		naive_add(arena, &out, values, row->weight);
	}
	return out;
}

struct naive_rows naive_evaluate(
	struct arena *arena, const struct plan *plan, naive_table table, void *context)
{
	struct naive_rows inputs[8] = {{0}}, out = {.width = plan->schema.field_count};
	INVARIANT(plan->child_count <= 8);
	for (size_t i = 0; i < plan->child_count; i++)
		inputs[i] = naive_evaluate(arena, plan->children[i], table, context);
	switch (plan->kind) {
	case PLAN_SCAN:
		return evaluate_scan(arena, plan, table(context, plan));
	case PLAN_VALUES:
		return evaluate_values(arena, plan);
	case PLAN_FILTER:
	case PLAN_PROJECT:
		return evaluate_linear(arena, plan, &inputs[0]);
	case PLAN_AGGREGATE:
		return evaluate_aggregate(arena, plan, &inputs[0]);
	case PLAN_JOIN:
		return evaluate_join(arena, plan, &inputs[0], &inputs[1]);
	case PLAN_UNION_ALL:
		for (size_t i = 0; i < plan->child_count; i++)
			for (size_t r = 0; r < inputs[i].count; r++)
				naive_add(arena, &out, inputs[i].rows[r].values, inputs[i].rows[r].weight);
		return out;
	case PLAN_SORT:
	case PLAN_NUMBER:
	case PLAN_LIMIT:
		break;
	}
	return inputs[0]; /* order and limits: the tests look at them themselves */
}
