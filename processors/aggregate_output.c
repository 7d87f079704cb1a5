/* From cells to result columns: PostgreSQL's results and types. Leaf loops over payload pointers; nothing is
 * changed.
 *
 *   sum, avg, min, max, bool_and, bool_or of no values are null; counts are 0
 *   sum(smallint, integer) bigint; sum(bigint) numeric; avg(integers, numeric) numeric with the scale of
 * numeric division
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/aggregate.h"
#include "zset/decimal.h"

struct result {
	const struct aggregate *aggregate;
	const struct call_output *call;
	uint8_t *const *payloads;
	uint32_t count;
	struct arena *arena;
	struct column *out; /* with nulls */
	uint32_t row;       /* first row to fill */
};

static inline int64_t result_count(const struct result *result, uint32_t i)
{
	const uint8_t *payload = result->payloads[i];
	if (result->call->count < 0)
		return *payload_weight(payload);
	return *(int64_t *)cell_at(payload, &result->aggregate->cells[result->call->count]);
}

static const struct cell *result_cell(const struct result *result)
{
	return &result->aggregate->cells[result->call->cell];
}

static void output_count(const struct result *result)
{
	int64_t *values = result->out->i64 + result->row;
	for (uint32_t i = 0; i < result->count; i++)
		values[i] = result_count(result, i);
}

static void output_boolean(const struct result *result)
{
	const struct cell *cell = result_cell(result);
	bool all = result->call->kind == AGGREGATE_BOOL_AND;
	for (uint32_t i = 0; i < result->count; i++) {
		int64_t count = result_count(result, i), trues = *(int64_t *)cell_at(result->payloads[i], cell);
		result->out->booleans[result->row + i] = all ? trues == count : trues != 0;
		result->out->nulls[result->row + i] = count == 0;
	}
}

/* ---- sums ---- */

/* Exact: the digits dropped are zeros. */
static status decimal_at_scale(__int128 value, int64_t from, int32_t to, struct decimal *out)
{
	for (; from > to; from--)
		value /= 10;
	struct decimal wide;
	status code = decimal_from_i128(value, &wide);
	if (code != STATUS_OK)
		return code;
	*out = (struct decimal){.value = value, .scale = (int32_t)from};
	return from < to ? decimal_round(out, to, out) : STATUS_OK;
}

static status sum_as_decimal(const struct result *result, uint32_t i, struct decimal *out)
{
	const uint8_t *payload = result->payloads[i];
	const struct cell *cell = result_cell(result);
	const struct call_output *call = result->call;
	if (cell->kind == CELL_SUM_I64) {
		*out = decimal_from_i64(*(int64_t *)cell_at(payload, cell));
		return STATUS_OK;
	}
	if (cell->kind == CELL_SUM_I128)
		return decimal_from_i128(*(cell_i128 *)cell_at(payload, cell), out);
	const struct cell_decimal *sum = cell_at(payload, cell);
	int32_t scale = call->fixed_scale;
	if (call->scale >= 0)
		scale = ((struct cell_scale *)cell_at(payload, &result->aggregate->cells[call->scale]))->scale;
	return decimal_at_scale(sum->value, sum->scale, scale, out);
}

static status output_numeric(const struct result *result)
{
	bool average = result->call->kind == AGGREGATE_AVG;
	for (uint32_t i = 0; i < result->count; i++) {
		uint32_t row = result->row + i;
		int64_t count = result_count(result, i);
		struct decimal *value = &result->out->decimals[row];
		*value = (struct decimal){0};
		result->out->nulls[row] = count == 0;
		if (count == 0)
			continue;
		struct decimal sum, rows = decimal_from_i64(count);
		status code = sum_as_decimal(result, i, &sum);
		if (code == STATUS_OK && average)
			code = decimal_divide(&sum, &rows, &sum);
		if (code != STATUS_OK)
			return code;
		*value = sum;
	}
	return STATUS_OK;
}

static void output_bigint(const struct result *result)
{
	const struct cell *cell = result_cell(result);
	for (uint32_t i = 0; i < result->count; i++) {
		result->out->i64[result->row + i] = *(int64_t *)cell_at(result->payloads[i], cell);
		result->out->nulls[result->row + i] = result_count(result, i) == 0;
	}
}

static status output_float(const struct result *result)
{
	const struct cell *cell = result_cell(result);
	bool average = result->call->kind == AGGREGATE_AVG;
	bool float4 = result->call->type.id == TYPE_FLOAT4;
	for (uint32_t i = 0; i < result->count; i++) {
		int64_t count = result_count(result, i);
		double sum = 0;
		if (count != 0) {
			status code = float_sum_round(cell_at(result->payloads[i], cell), float4, &sum);
			if (code != STATUS_OK)
				return code;
		}
		result->out->f64[result->row + i] = average && count != 0 ? sum / (double)count : sum;
		result->out->nulls[result->row + i] = count == 0;
	}
	return STATUS_OK;
}

static status output_interval(const struct result *result)
{
	const struct cell *cell = result_cell(result);
	for (uint32_t i = 0; i < result->count; i++) {
		const struct cell_interval *sum = cell_at(result->payloads[i], cell);
		if (sum->months != (int32_t)sum->months || sum->days != (int32_t)sum->days) {
			status code = error_raise(STATUS_OUT_OF_RANGE, "interval out of range");
			error_sqlstate("22008");
			return code;
		}
		result->out->intervals[result->row + i] = (struct interval){
			.months = (int32_t)sum->months, .days = (int32_t)sum->days, .microseconds = sum->microseconds};
		result->out->nulls[result->row + i] = result_count(result, i) == 0;
	}
	return STATUS_OK;
}

static status output_sum(const struct result *result)
{
	switch (type_physical(result->call->type.id)) {
	case PHYS_I64:
		output_bigint(result);
		return STATUS_OK;
	case PHYS_DECIMAL:
		return output_numeric(result);
	case PHYS_F64:
		return output_float(result);
	case PHYS_INTERVAL:
		return output_interval(result);
	default:
		break;
	}
	INVARIANT(false && "a type of sum or avg");
	return STATUS_INTERNAL;
}

/* ---- extremes ---- */

static void output_packed(const struct result *result)
{
	const struct cell *cell = result_cell(result);
	for (uint32_t i = 0; i < result->count; i++) {
		const uint8_t *payload = result->payloads[i];
		uint32_t row = result->row + i;
		int64_t value = *(int64_t *)cell_at(payload, cell);
		result->out->nulls[row] = payload[cell->present] == 0;
		if (cell->physical == PHYS_BOOL) {
			result->out->booleans[row] = value != 0;
		} else if (cell->physical == PHYS_F64) {
			result->out->f64[row] = f64_from_extreme(value);
		} else {
			result->out->i64[row] = value;
		}
	}
}

static status output_extreme(const struct result *result)
{
	const struct cell *cell = result_cell(result);
	if (!extreme_is_bytes(cell->physical)) {
		output_packed(result);
		return STATUS_OK;
	}
	for (uint32_t i = 0; i < result->count; i++) {
		const uint8_t *payload = result->payloads[i];
		const struct cell_bytes *bytes = cell_at(payload, cell);
		struct value value = {.type = cell->type, .null = payload[cell->present] == 0};
		status code = STATUS_OK;
		if (!value.null)
			code =
				value_from_bytes(slice_of(bytes->data, bytes->size), cell->type, true, result->arena, &value);
		if (code != STATUS_OK)
			return code;
		column_set(result->out, result->row + i, &value);
	}
	return STATUS_OK;
}

/* ---- rows ---- */

static status output_call(const struct result *result)
{
	switch (result->call->kind) {
	case AGGREGATE_COUNT_STAR:
	case AGGREGATE_COUNT:
		output_count(result);
		return STATUS_OK;
	case AGGREGATE_SUM:
	case AGGREGATE_AVG:
		return output_sum(result);
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		return output_extreme(result);
	case AGGREGATE_BOOL_AND:
	case AGGREGATE_BOOL_OR:
		output_boolean(result);
		return STATUS_OK;
	}
	INVARIANT(false && "an aggregate");
	return STATUS_INTERNAL;
}

/* The usual key: one or two integer columns. */
static void output_integer_keys(
	const struct aggregate *aggregate, const uint32_t *ids, uint32_t count, struct batch *out, uint32_t row)
{
	for (size_t g = 0; g < aggregate->plan->aggregate.group_count; g++) {
		int64_t *values = out->columns[g].i64 + row;
		uint8_t *nulls = out->columns[g].nulls + row;
		for (uint32_t i = 0; i < count; i++) {
			const struct table_slot *slot = table_slot_at(&aggregate->groups, ids[i]);
			values[i] = table_slot_parts(slot)[g];
			nulls[i] = slot->null_bits >> g & 1;
		}
	}
}

static status output_keys(struct aggregate *aggregate, const uint32_t *ids, uint8_t *const *payloads,
	uint32_t count, struct arena *arena, struct batch *out, uint32_t row)
{
	size_t groups = aggregate->plan->aggregate.group_count;
	bool integers = aggregate->groups.kind != TABLE_KEY_BYTES;
	for (size_t g = 0; g < groups; g++)
		integers = integers && type_physical(aggregate->group_types[g].id) == PHYS_I64;
	if (integers) {
		output_integer_keys(aggregate, ids, count, out, row);
		return STATUS_OK;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct table_slot *slot = table_slot_at(&aggregate->groups, ids[i]);
		status code = table_key_columns(&aggregate->groups, slot, out->columns, groups, row + i, arena);
		if (code != STATUS_OK)
			return code;
	}
	for (size_t g = 0; g < groups; g++) {
		if (aggregate->group_scales[g] < 0)
			continue;
		const struct cell *cell = &aggregate->cells[aggregate->group_scales[g]];
		for (uint32_t i = 0; i < count; i++) {
			const struct cell_scale *scale = cell_at(payloads[i], cell);
			struct decimal *value = &out->columns[g].decimals[row + i];
			if (out->columns[g].nulls[row + i] != 0)
				continue;
			status code = decimal_round(value, scale->scale, value);
			if (code != STATUS_OK)
				return code;
		}
	}
	return STATUS_OK;
}

status aggregate_output(struct aggregate *aggregate, const uint32_t *ids, uint8_t *const *payloads,
	uint32_t count, struct arena *arena, struct batch *out, uint32_t row)
{
	const struct plan *plan = aggregate->plan;
	size_t groups = plan->aggregate.group_count;
	status code = output_keys(aggregate, ids, payloads, count, arena, out, row);
	for (size_t c = 0; code == STATUS_OK && c < plan->aggregate.call_count; c++) {
		struct result result = {
			aggregate, &aggregate->outputs[c], payloads, count, arena, &out->columns[groups + c], row};
		code = output_call(&result);
	}
	return code;
}
