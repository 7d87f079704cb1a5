/* Making, gathering, joining and copying columns and batches. Everything is allocated in the caller's arena;
 * inputs are never changed. Loops run over one column at a time.
 */
#include "zset/batch.h"

#include <string.h>

#include "base/invariant.h"

struct schema schema_copy(const struct schema *schema, struct arena *arena)
{
	struct schema copy = {NULL, schema->field_count};
	copy.fields = arena_alloc(arena, schema->field_count * sizeof *copy.fields);
	for (size_t i = 0; i < schema->field_count; i++) {
		copy.fields[i] = schema->fields[i];
		copy.fields[i].name = arena_copy_string(arena, schema->fields[i].name);
	}
	return copy;
}

bool schema_equal_types(const struct schema *left, const struct schema *right)
{
	if (left->field_count != right->field_count)
		return false;
	for (size_t i = 0; i < left->field_count; i++) {
		if (left->fields[i].type.id != right->fields[i].type.id ||
			left->fields[i].type.modifier != right->fields[i].type.modifier)
			return false;
	}
	return true;
}

int32_t schema_find(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		if (strcmp(schema->fields[i].name, name) == 0)
			return (int32_t)i;
	}
	return -1;
}

struct column column_make(struct arena *arena, struct type type, uint32_t row_count, bool with_nulls)
{
	struct column column = {.type = type};
	column.values = arena_alloc(arena, row_count * physical_size(type_physical(type.id)));
	if (with_nulls)
		column.nulls = arena_alloc_zeroed(arena, row_count);
	return column;
}

void column_ensure_nulls(struct column *column, uint32_t row_count, struct arena *arena)
{
	if (column->nulls == NULL)
		column->nulls = arena_alloc_zeroed(arena, row_count);
}

struct value column_value(const struct column *column, uint32_t row)
{
	struct value value = {.type = column->type, .null = column_is_null(column, row)};
	if (value.null)
		return value;
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		value.boolean = column->booleans[row] != 0;
		break;
	case PHYS_I64:
		value.i64 = column->i64[row];
		break;
	case PHYS_F64:
		value.f64 = column->f64[row];
		break;
	case PHYS_DECIMAL:
		value.decimal = column->decimals[row];
		break;
	case PHYS_TEXT:
		value.text = column->texts[row];
		break;
	case PHYS_INTERVAL:
		value.interval = column->intervals[row];
		break;
	}
	return value;
}

void column_set(struct column *column, uint32_t row, const struct value *value)
{
	enum physical physical = type_physical(column->type.id);
	if (value->null) {
		INVARIANT(column->nulls != NULL);
		column->nulls[row] = 1;
		size_t size = physical_size(physical);
		memset((uint8_t *)column->values + row * size, 0, size);
		return;
	}
	INVARIANT(physical == type_physical(value->type.id));
	if (column->nulls != NULL)
		column->nulls[row] = 0;
	switch (physical) {
	case PHYS_BOOL:
		column->booleans[row] = value->boolean;
		break;
	case PHYS_I64:
		column->i64[row] = value->i64;
		break;
	case PHYS_F64:
		column->f64[row] = value->f64;
		break;
	case PHYS_DECIMAL:
		column->decimals[row] = value->decimal;
		break;
	case PHYS_TEXT:
		column->texts[row] = value->text;
		break;
	case PHYS_INTERVAL:
		column->intervals[row] = value->interval;
		break;
	}
}

struct column column_constant(struct arena *arena, const struct value *value, uint32_t row_count)
{
	struct column column = column_make(arena, value->type, row_count, value->null);
	if (row_count == 0)
		return column;
	column_set(&column, 0, value);
	size_t size = physical_size(type_physical(value->type.id));
	uint8_t *values = column.values;
	/* Doubling copies; every copy is of whole values. */
	for (size_t filled = 1; filled < row_count;) {
		size_t more = filled <= row_count - filled ? filled : row_count - filled;
		memcpy(values + filled * size, values, more * size);
		filled += more;
	}
	if (column.nulls != NULL)
		memset(column.nulls, 1, row_count);
	return column;
}

/* One loop per value size; -O3 turns them into plain loads and stores. */
#define GATHER(type_name, to, from)                                                                          \
	do {                                                                                                     \
		type_name *restrict target = (to);                                                                   \
		const type_name *restrict source = (from);                                                           \
		for (uint32_t i = 0; i < count; i++)                                                                 \
			target[i] = source[rows[i]];                                                                     \
	} while (0)

struct column column_gather(
	struct arena *arena, const struct column *column, const uint32_t *rows, uint32_t count)
{
	struct column out = {.type = column->type};
	if (column->nulls != NULL) {
		out.nulls = arena_alloc(arena, count);
		GATHER(uint8_t, out.nulls, column->nulls);
	}
	if (column->values == NULL)
		return out; /* an unwanted column of a scan */
	enum physical physical = type_physical(column->type.id);
	out.values = arena_alloc(arena, count * physical_size(physical));
	switch (physical) {
	case PHYS_BOOL:
		GATHER(uint8_t, out.booleans, column->booleans);
		break;
	case PHYS_I64:
		GATHER(int64_t, out.i64, column->i64);
		break;
	case PHYS_F64:
		GATHER(double, out.f64, column->f64);
		break;
	case PHYS_DECIMAL:
		GATHER(struct decimal, out.decimals, column->decimals);
		break;
	case PHYS_TEXT:
		GATHER(struct text, out.texts, column->texts);
		break;
	case PHYS_INTERVAL:
		GATHER(struct interval, out.intervals, column->intervals);
		break;
	}
	return out;
}

static struct batch *batch_shell(struct arena *arena, uint32_t row_count, uint32_t column_count)
{
	struct batch *batch = arena_alloc_zeroed(arena, sizeof *batch);
	batch->row_count = row_count;
	batch->column_count = column_count;
	batch->columns = arena_alloc_zeroed(arena, column_count * sizeof *batch->columns);
	return batch;
}

struct batch *batch_make(
	struct arena *arena, const struct schema *schema, uint32_t row_count, bool with_nulls, bool with_weights)
{
	struct batch *batch = batch_shell(arena, row_count, (uint32_t)schema->field_count);
	for (uint32_t c = 0; c < batch->column_count; c++)
		batch->columns[c] = column_make(arena, schema->fields[c].type, row_count, with_nulls);
	if (with_weights)
		batch->weights = arena_alloc(arena, row_count * sizeof *batch->weights);
	return batch;
}

struct batch *batch_gather(
	struct arena *arena, const struct batch *batch, const uint32_t *rows, uint32_t count)
{
	struct batch *out = batch_shell(arena, count, batch->column_count);
	for (uint32_t c = 0; c < batch->column_count; c++)
		out->columns[c] = column_gather(arena, &batch->columns[c], rows, count);
	if (batch->weights != NULL) {
		out->weights = arena_alloc(arena, count * sizeof *out->weights);
		GATHER(int64_t, out->weights, batch->weights);
	}
	return out;
}

/* Gives the texts of the column bytes of their own: one allocation for all of them. */
static void column_own_texts(struct arena *arena, struct column *column, uint32_t row_count)
{
	size_t total = 0;
	for (uint32_t row = 0; row < row_count; row++)
		total += column_is_null(column, row) ? 0 : column->texts[row].size;
	char *bytes = arena_alloc(arena, total);
	for (uint32_t row = 0; row < row_count; row++) {
		struct text *text = &column->texts[row];
		if (column_is_null(column, row))
			*text = (struct text){.data = bytes};
		if (text->size != 0)
			memcpy(bytes, text->data, text->size);
		text->data = bytes;
		bytes += text->size;
	}
}

struct batch *batch_copy(struct arena *arena, const struct batch *batch)
{
	struct batch *out = batch_shell(arena, batch->row_count, batch->column_count);
	uint32_t row_count = batch->row_count;
	for (uint32_t c = 0; c < batch->column_count; c++) {
		const struct column *from = &batch->columns[c];
		struct column *to = &out->columns[c];
		to->type = from->type;
		if (from->nulls != NULL)
			to->nulls = arena_copy(arena, from->nulls, row_count);
		if (from->values == NULL)
			continue;
		enum physical physical = type_physical(from->type.id);
		to->values = arena_copy(arena, from->values, row_count * physical_size(physical));
		if (physical == PHYS_TEXT)
			column_own_texts(arena, to, row_count);
	}
	if (batch->weights != NULL)
		out->weights = arena_copy(arena, batch->weights, row_count * sizeof *out->weights);
	return out;
}

static struct column column_concatenate(
	struct arena *arena, const struct batch *const *batches, size_t count, uint32_t index, uint32_t row_count)
{
	struct column out = {.type = batches[0]->columns[index].type};
	enum physical physical = type_physical(out.type.id);
	size_t size = physical_size(physical);
	bool with_nulls = false;
	for (size_t b = 0; b < count; b++) {
		const struct column *from = &batches[b]->columns[index];
		INVARIANT(type_physical(from->type.id) == physical);
		with_nulls = with_nulls || (from->nulls != NULL && batches[b]->row_count != 0);
	}
	out.values = arena_alloc(arena, row_count * size);
	if (with_nulls)
		out.nulls = arena_alloc(arena, row_count);
	size_t at = 0;
	for (size_t b = 0; b < count; b++) {
		const struct column *from = &batches[b]->columns[index];
		uint32_t rows = batches[b]->row_count;
		if (rows == 0)
			continue;
		uint8_t *target = (uint8_t *)out.values + at * size;
		if (from->values != NULL)
			memcpy(target, from->values, rows * size);
		else
			memset(target, 0, rows * size);
		if (with_nulls && from->nulls != NULL)
			memcpy(out.nulls + at, from->nulls, rows);
		else if (with_nulls)
			memset(out.nulls + at, 0, rows);
		at += rows;
	}
	return out;
}

struct batch *batch_concatenate(struct arena *arena, const struct batch *const *batches, size_t count)
{
	INVARIANT(count > 0);
	uint64_t row_count = 0;
	bool with_weights = false;
	for (size_t b = 0; b < count; b++) {
		INVARIANT(batches[b]->column_count == batches[0]->column_count);
		row_count += batches[b]->row_count;
		with_weights = with_weights || batches[b]->weights != NULL;
	}
	INVARIANT(row_count <= UINT32_MAX);
	struct batch *out = batch_shell(arena, (uint32_t)row_count, batches[0]->column_count);
	for (uint32_t c = 0; c < out->column_count; c++)
		out->columns[c] = column_concatenate(arena, batches, count, c, (uint32_t)row_count);
	if (!with_weights)
		return out;
	out->weights = arena_alloc(arena, row_count * sizeof *out->weights);
	int64_t *at = out->weights;
	for (size_t b = 0; b < count; b++) {
		uint32_t rows = batches[b]->row_count;
		for (uint32_t row = 0; row < rows; row++)
			at[row] = batch_weight(batches[b], row);
		at += rows;
	}
	return out;
}
