/* Rows of an arrangement as bytes: batches to rows and back, column by column; see arrangement.h. */
#include <math.h>
#include <string.h>

#include "base/invariant.h"
#include "processors/arrangement_row.h"

uint32_t row_cell_size(enum physical physical)
{
	switch (physical) {
	case PHYS_INTERVAL:
		return 16;
	case PHYS_DECIMAL:
		return 24;
	default:
		return 8;
	}
}

static void sizes_add(const struct column *column, uint32_t count, size_t *sizes)
{
	for (uint32_t i = 0; i < count; i++)
		sizes[i] += column_is_null(column, i) ? 0 : column->texts[i].size;
}

/* Text of a row goes behind what earlier text columns put there; ends[i] is where. */
static void put_texts(const struct row_field *field, const struct column *column, uint32_t count,
	uint8_t *const *rows, uint32_t *ends)
{
	for (uint32_t i = 0; i < count; i++) {
		if (column_is_null(column, i))
			continue;
		const struct text *text = &column->texts[i];
		uint32_t cell[2] = {ends[i], text->size};
		memcpy(rows[i] + field->offset, cell, sizeof cell);
		if (text->size != 0)
			memcpy(rows[i] + ends[i], text->data, text->size);
		ends[i] += text->size;
	}
}

static void put_value(const struct row_field *field, const struct column *column, uint32_t i, uint8_t *cell)
{
	switch (field->physical) {
	case PHYS_BOOL:
		*cell = column->booleans[i] != 0;
		break;
	case PHYS_F64: {
		double value = isnan(column->f64[i]) ? (double)NAN : column->f64[i];
		memcpy(cell, &value, sizeof value);
		break;
	}
	case PHYS_DECIMAL:
		memcpy(cell, &column->decimals[i].value, sizeof column->decimals[i].value);
		memcpy(cell + sizeof column->decimals[i].value, &column->decimals[i].scale, sizeof(int32_t));
		break;
	case PHYS_INTERVAL:
		memcpy(cell, &column->intervals[i], sizeof column->intervals[i]);
		break;
	default:
		memcpy(cell, &column->i64[i], sizeof column->i64[i]);
		break;
	}
}

static void put_column(
	const struct row_field *field, const struct column *column, uint32_t count, uint8_t *const *rows)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!column_is_null(column, i))
			put_value(field, column, i, rows[i] + field->offset);
	}
}

status rows_encode(const struct arrangement *arrangement, const struct batch *batch, const uint32_t *key_ids,
	struct arena *arena, struct table_keys *out)
{
	uint32_t count = batch->row_count;
	size_t *sizes = arena_alloc(arena, count * sizeof *sizes), total = 0;
	for (uint32_t i = 0; i < count; i++)
		sizes[i] = ARRANGEMENT_ROW_HEAD + arrangement->fixed_size;
	for (size_t f = 0; f < arrangement->field_count; f++) {
		if (arrangement->fields[f].physical == PHYS_TEXT)
			sizes_add(&batch->columns[arrangement->fields[f].column], count, sizes);
	}
	for (uint32_t i = 0; i < count; i++)
		total += sizes[i];
	if (total > UINT32_MAX)
		return error_raise(STATUS_TOO_LARGE, "%u rows of a join take %zu bytes", count, total);
	uint8_t *bytes = arena_alloc(arena, total), *at = bytes;
	uint8_t **rows = arena_alloc(arena, count * sizeof *rows);
	uint32_t *offsets = arena_alloc(arena, (count + 1) * sizeof *offsets);
	uint32_t *ends = arena_alloc(arena, count * sizeof *ends);
	for (uint32_t i = 0; i < count; i++) {
		offsets[i] = (uint32_t)(at - bytes);
		memset(at, 0, ARRANGEMENT_ROW_HEAD + arrangement->fixed_size);
		memcpy(at, &key_ids[i], sizeof key_ids[i]);
		rows[i] = at + ARRANGEMENT_ROW_HEAD;
		ends[i] = arrangement->fixed_size;
		at += sizes[i];
	}
	offsets[count] = (uint32_t)total;
	for (size_t f = 0; f < arrangement->field_count; f++) {
		const struct row_field *field = &arrangement->fields[f];
		const struct column *column = &batch->columns[field->column];
		for (uint32_t i = 0; column->nulls != NULL && i < count; i++)
			rows[i][arrangement->null_offset + f] = column->nulls[i] != 0;
		if (field->physical == PHYS_TEXT)
			put_texts(field, column, count, rows, ends);
		else
			put_column(field, column, count, rows);
	}
	*out = (struct table_keys){.kind = TABLE_KEY_BYTES, .count = count, .bytes = bytes, .offsets = offsets};
	table_keys_hash(out, arena);
	return STATUS_OK;
}

static void get_value(const struct row_field *field, struct column *column, uint32_t i, const uint8_t *row)
{
	const uint8_t *cell = row + field->offset;
	switch (field->physical) {
	case PHYS_BOOL:
		column->booleans[i] = *cell;
		break;
	case PHYS_DECIMAL:
		column->decimals[i] = (struct decimal){0};
		memcpy(&column->decimals[i].value, cell, sizeof column->decimals[i].value);
		memcpy(&column->decimals[i].scale, cell + sizeof column->decimals[i].value, sizeof(int32_t));
		break;
	case PHYS_INTERVAL:
		memcpy(&column->intervals[i], cell, sizeof column->intervals[i]);
		break;
	case PHYS_TEXT: {
		uint32_t text[2];
		memcpy(text, cell, sizeof text);
		column->texts[i] = (struct text){.data = (const char *)row + text[0], .size = text[1]};
		break;
	}
	default:
		memcpy(&column->i64[i], cell, sizeof column->i64[i]); /* doubles too: eight bytes */
		break;
	}
}

void arrangement_columns(const struct arrangement *arrangement, const uint8_t *const *cells, uint32_t count,
	struct arena *arena, struct column *columns)
{
	for (size_t f = 0; f < arrangement->field_count; f++) {
		const struct row_field *field = &arrangement->fields[f];
		struct column *column = &columns[field->column];
		*column = column_make(arena, field->type, count, false);
		bool nulls = false;
		for (uint32_t i = 0; i < count; i++) {
			get_value(field, column, i, cells[i]);
			nulls |= cells[i][arrangement->null_offset + f] != 0;
		}
		if (!nulls)
			continue;
		column->nulls = arena_alloc(arena, count);
		for (uint32_t i = 0; i < count; i++)
			column->nulls[i] = cells[i][arrangement->null_offset + f];
	}
}

status row_check(const struct arrangement *arrangement, struct slice row)
{
	bool good = row.size >= arrangement->fixed_size;
	for (size_t f = 0; good && f < arrangement->field_count; f++) {
		const struct row_field *field = &arrangement->fields[f];
		good = row.data[arrangement->null_offset + f] <= 1;
		if (field->physical != PHYS_TEXT)
			continue;
		uint32_t text[2];
		memcpy(text, row.data + field->offset, sizeof text);
		good = good && text[0] <= row.size && text[1] <= row.size - text[0];
	}
	return good ? STATUS_OK : error_raise(STATUS_DAMAGED, "stored row of a join is damaged");
}
