/* Accumulating: for each cell one tight loop over the rows of a chunk, by payload pointer.
 *
 *   cell(group(row)) += value(row) × weight(row)          weight under the cell's source, 0 = does not count
 *
 * Two loops per cell: without weights (append-only, no nulls, no filter) and with. Overflow is gathered in a
 * flag and raised once; values of rows that do not count are never looked at where they could overflow (they
 * are multiplied by 0).
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/aggregate.h"
#include "zset/decimal.h"

static status sum_overflow(const char *type)
{
	return error_raise(STATUS_OUT_OF_RANGE, "%s out of range in an aggregate", type);
}

/* ---- sources ---- */

static const int64_t *weights_masked(
	const struct batch *batch, const struct weight_source *source, struct arena *arena)
{
	const uint8_t *nulls = source->argument >= 0 ? batch->columns[source->argument].nulls : NULL;
	if (nulls == NULL && source->filter < 0)
		return batch->weights;
	uint32_t count = batch->row_count;
	int64_t *weights = arena_alloc(arena, count * sizeof *weights);
	for (uint32_t i = 0; i < count; i++)
		weights[i] = batch->weights != NULL ? batch->weights[i] : 1;
	for (uint32_t i = 0; nulls != NULL && i < count; i++)
		weights[i] = nulls[i] != 0 ? 0 : weights[i];
	if (source->filter < 0)
		return weights;
	const struct column *filter = &batch->columns[source->filter];
	for (uint32_t i = 0; i < count; i++)
		weights[i] = filter->booleans[i] != 0 ? weights[i] : 0;
	for (uint32_t i = 0; filter->nulls != NULL && i < count; i++)
		weights[i] = filter->nulls[i] != 0 ? 0 : weights[i];
	return weights;
}

status source_weights(
	struct aggregate *aggregate, struct aggregate_chunk *chunk, uint32_t index, const int64_t **out)
{
	struct weight_source *source = &aggregate->sources[index];
	if (!source->ready) {
		if (source->values < 0) {
			source->weights = weights_masked(chunk->batch, source, &aggregate->scratch);
		} else {
			struct value_set *values = &aggregate->values[source->values];
			const int64_t *weights;
			int64_t *transitions = arena_alloc(&aggregate->scratch, chunk->count * sizeof *transitions);
			status code = source_weights(aggregate, chunk, values->source, &weights);
			if (code == STATUS_OK)
				code = values_update(aggregate, values, chunk, weights, transitions);
			if (code != STATUS_OK)
				return code;
			source->weights = transitions;
		}
		source->ready = true;
	}
	*out = source->weights;
	return STATUS_OK;
}

/* ---- cells ---- */

#define CELL(type) ((type *)(void *)(payloads[i] + offset))

static status update_count(
	const struct cell *cell, const struct aggregate_chunk *chunk, const int64_t *weights)
{
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset, count = chunk->count;
	bool overflow = false;
	if (weights == NULL) {
		for (uint32_t i = 0; i < count; i++)
			(*CELL(int64_t))++;
		return STATUS_OK;
	}
	for (uint32_t i = 0; i < count; i++)
		overflow |= __builtin_add_overflow(*CELL(int64_t), weights[i], CELL(int64_t));
	return overflow ? sum_overflow("bigint") : STATUS_OK;
}

static status update_true(
	const struct cell *cell, const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const uint8_t *values = chunk->batch->columns[cell->column].booleans;
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset;
	bool overflow = false;
	for (uint32_t i = 0; i < chunk->count; i++) {
		int64_t weight = values[i] == 0 ? 0 : weights != NULL ? weights[i] : 1;
		overflow |= __builtin_add_overflow(*CELL(int64_t), weight, CELL(int64_t));
	}
	return overflow ? sum_overflow("bigint") : STATUS_OK;
}

static status update_sum_i64(
	const struct cell *cell, const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const int64_t *values = chunk->batch->columns[cell->column].i64;
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset, count = chunk->count;
	bool overflow = false;
	if (weights == NULL) {
		for (uint32_t i = 0; i < count; i++)
			overflow |= __builtin_add_overflow(*CELL(int64_t), values[i], CELL(int64_t));
		return overflow ? sum_overflow("bigint") : STATUS_OK;
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t part;
		overflow |= __builtin_mul_overflow(values[i], weights[i], &part);
		overflow |= __builtin_add_overflow(*CELL(int64_t), part, CELL(int64_t));
	}
	return overflow ? sum_overflow("bigint") : STATUS_OK;
}

static status update_sum_i128(
	const struct cell *cell, const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const int64_t *values = chunk->batch->columns[cell->column].i64;
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset, count = chunk->count;
	bool overflow = false;
	for (uint32_t i = 0; i < count; i++) {
		__int128 part = weights == NULL ? values[i] : (__int128)values[i] * weights[i], sum;
		overflow |= __builtin_add_overflow((__int128)*CELL(cell_i128), part, &sum);
		*CELL(cell_i128) = sum;
	}
	return overflow ? sum_overflow("numeric") : STATUS_OK;
}

/* x × 10^digits; true on overflow. */
static bool scale_up(__int128 *value, int64_t digits)
{
	for (; digits > 0; digits--) {
		if (__builtin_mul_overflow(*value, 10, value))
			return true;
	}
	return false;
}

static bool decimal_add_weighted(struct cell_decimal *sum, const struct decimal *value, int64_t weight)
{
	__int128 part = value->value, total = sum->value;
	if (value->scale > sum->scale) {
		if (scale_up(&total, value->scale - sum->scale))
			return true;
		sum->scale = value->scale;
	}
	if (scale_up(&part, sum->scale - value->scale) || __builtin_mul_overflow(part, weight, &part) ||
		__builtin_add_overflow(total, part, &total))
		return true;
	sum->value = total;
	return false;
}

static status update_sum_decimal(
	const struct cell *cell, const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const struct decimal *values = chunk->batch->columns[cell->column].decimals;
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset;
	for (uint32_t i = 0; i < chunk->count; i++) {
		int64_t weight = weights != NULL ? weights[i] : 1;
		if (weight != 0 && decimal_add_weighted(CELL(struct cell_decimal), &values[i], weight))
			return sum_overflow("numeric");
	}
	return STATUS_OK;
}

static status update_sum_float(struct aggregate *aggregate, const struct cell *cell,
	const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const double *values = chunk->batch->columns[cell->column].f64;
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset;
	for (uint32_t i = 0; i < chunk->count; i++) {
		int64_t weight = weights != NULL ? weights[i] : 1;
		if (weight == 0)
			continue;
		status code = float_sum_add(CELL(struct float_sum), values[i], weight, &aggregate->pool);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static bool product_add(int64_t value, int64_t weight, int64_t *sum)
{
	int64_t part;
	return __builtin_mul_overflow(value, weight, &part) || __builtin_add_overflow(*sum, part, sum);
}

static status update_sum_interval(
	const struct cell *cell, const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const struct interval *values = chunk->batch->columns[cell->column].intervals;
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset;
	bool overflow = false;
	for (uint32_t i = 0; i < chunk->count; i++) {
		int64_t weight = weights != NULL ? weights[i] : 1;
		if (weight == 0)
			continue;
		struct cell_interval *sum = CELL(struct cell_interval);
		overflow |= product_add(values[i].months, weight, &sum->months);
		overflow |= product_add(values[i].days, weight, &sum->days);
		overflow |= product_add(values[i].microseconds, weight, &sum->microseconds);
	}
	return overflow ? sum_overflow("interval") : STATUS_OK;
}

static status update_scale(struct aggregate *aggregate, const struct cell *cell,
	const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const struct decimal *values = chunk->batch->columns[cell->column].decimals;
	uint8_t *const *payloads = chunk->payloads;
	bool distinct = aggregate->sources[cell->source].values >= 0;
	uint32_t offset = cell->offset;
	for (uint32_t i = 0; i < chunk->count; i++) {
		int64_t weight = weights != NULL ? weights[i] : 1;
		if (weight == 0)
			continue;
		status code = STATUS_OK;
		/* DISTINCT: 1.0 may come and 1.00 go for the same value. */
		int32_t scale = distinct ? decimal_canonical(&values[i]).scale : values[i].scale;
		if (aggregate->append_only)
			scale_raise(CELL(struct cell_scale), scale);
		else
			code = scale_add(CELL(struct cell_scale), scale, weight, &aggregate->pool);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* ---- extremes without retractions ---- */

void bytes_assign(struct pool *pool, struct cell_bytes *cell, const uint8_t *data, uint32_t size)
{
	if ((cell->capacity & CELL_SHARED) != 0 || cell->capacity < size) {
		if ((cell->capacity & CELL_SHARED) == 0)
			bytes_free(pool, cell);
		cell->data = pool_alloc(pool, size);
		cell->capacity = size;
	}
	memcpy(cell->data, data, size);
	cell->size = size;
}

void bytes_free(struct pool *pool, struct cell_bytes *cell)
{
	pool_free(pool, cell->data, cell->capacity & ~CELL_SHARED);
	*cell = (struct cell_bytes){0};
}

static const int64_t *extreme_values(const struct column *column, uint32_t count, struct arena *arena)
{
	if (type_physical(column->type.id) == PHYS_I64)
		return column->i64;
	int64_t *values = arena_alloc(arena, count * sizeof *values);
	bool boolean = type_physical(column->type.id) == PHYS_BOOL;
	for (uint32_t i = 0; i < count; i++)
		values[i] = boolean ? column->booleans[i] != 0 : f64_extreme(column->f64[i]);
	return values;
}

static void update_extreme_packed(struct aggregate *aggregate, const struct cell *cell,
	const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const struct column *column = &chunk->batch->columns[cell->column];
	const int64_t *values = extreme_values(column, chunk->count, &aggregate->scratch);
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset;
	for (uint32_t i = 0; i < chunk->count; i++) {
		if (weights != NULL && weights[i] == 0)
			continue;
		int64_t *extreme = CELL(int64_t);
		uint8_t *present = payloads[i] + cell->present;
		bool better = *present == 0 || (cell->maximum ? values[i] > *extreme : values[i] < *extreme);
		if (better)
			*extreme = values[i];
		*present = 1;
	}
}

static void update_extreme_bytes(struct aggregate *aggregate, const struct cell *cell,
	const struct aggregate_chunk *chunk, const int64_t *weights)
{
	const struct column *column = &chunk->batch->columns[cell->column];
	uint8_t *const *payloads = chunk->payloads;
	uint32_t offset = cell->offset;
	struct buffer bytes;
	buffer_init(&bytes);
	for (uint32_t i = 0; i < chunk->count; i++) {
		if (weights != NULL && weights[i] == 0)
			continue;
		struct cell_bytes *extreme = CELL(struct cell_bytes);
		uint8_t *present = payloads[i] + cell->present;
		bytes.size = 0;
		value_bytes(column, i, true, &bytes);
		int order =
			*present != 0 ? slice_compare(buffer_slice(&bytes), slice_of(extreme->data, extreme->size)) : 0;
		if (*present == 0 || (cell->maximum ? order > 0 : order < 0))
			bytes_assign(&aggregate->pool, extreme, bytes.data, (uint32_t)bytes.size);
		*present = 1;
	}
	buffer_deinit(&bytes);
}

static status update_extreme(struct aggregate *aggregate, const struct cell *cell,
	struct aggregate_chunk *chunk, const int64_t *weights)
{
	if (cell->values >= 0)
		return values_update(aggregate, &aggregate->values[cell->values], chunk, weights, NULL);
	for (uint32_t i = 0; weights != NULL && i < chunk->count; i++) {
		if (weights[i] < 0)
			return error_raise(STATUS_INTERNAL, "a retraction came from an input planned as append-only");
	}
	if (extreme_is_bytes(cell->physical))
		update_extreme_bytes(aggregate, cell, chunk, weights);
	else
		update_extreme_packed(aggregate, cell, chunk, weights);
	return STATUS_OK;
}

static status update_cell(struct aggregate *aggregate, const struct cell *cell, struct aggregate_chunk *chunk)
{
	const int64_t *weights;
	status code = source_weights(aggregate, chunk, cell->source, &weights);
	if (code != STATUS_OK)
		return code;
	switch (cell->kind) {
	case CELL_COUNT:
		return update_count(cell, chunk, weights);
	case CELL_SUM_I64:
		return update_sum_i64(cell, chunk, weights);
	case CELL_SUM_I128:
		return update_sum_i128(cell, chunk, weights);
	case CELL_SUM_DECIMAL:
		return update_sum_decimal(cell, chunk, weights);
	case CELL_SUM_FLOAT:
		return update_sum_float(aggregate, cell, chunk, weights);
	case CELL_SUM_INTERVAL:
		return update_sum_interval(cell, chunk, weights);
	case CELL_TRUE:
		return update_true(cell, chunk, weights);
	case CELL_SCALE:
		return update_scale(aggregate, cell, chunk, weights);
	case CELL_EXTREME:
		return update_extreme(aggregate, cell, chunk, weights);
	}
	INVARIANT(false && "a cell kind");
	return STATUS_INTERNAL;
}

status aggregate_update(struct aggregate *aggregate, struct aggregate_chunk *chunk)
{
	static const struct cell rows = {.kind = CELL_COUNT, .offset = 0};
	for (size_t i = 0; i < aggregate->source_count; i++)
		aggregate->sources[i].ready = false;
	status code = update_count(&rows, chunk, chunk->batch->weights);
	for (size_t i = 0; code == STATUS_OK && i < aggregate->cell_count; i++)
		code = update_cell(aggregate, &aggregate->cells[i], chunk);
	return code;
}
