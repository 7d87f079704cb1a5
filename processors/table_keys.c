/* Key columns of a chunk of rows to table keys and back; see table.h. The bytes are those of zset/key.h. */
#include <math.h>
#include <string.h>

#include "base/invariant.h"
#include "processors/table.h"
#include "zset/decimal.h"
#include "zset/key.h"

static bool type_is_packed(enum type_id id)
{
	enum physical physical = type_physical(id);
	return physical == PHYS_BOOL || physical == PHYS_I64 || physical == PHYS_F64;
}

enum table_key table_key_kind(const struct type *types, size_t count)
{
	if (count == 0 || count > 2)
		return TABLE_KEY_BYTES;
	for (size_t c = 0; c < count; c++) {
		if (!type_is_packed(types[c].id))
			return TABLE_KEY_BYTES;
	}
	return count == 1 ? TABLE_KEY_ONE : TABLE_KEY_TWO;
}

/* ---- packed ---- */

static inline int64_t f64_part(double value)
{
	int64_t part;
	value = isnan(value) ? (double)NAN : value + 0.0; /* −0 becomes 0 */
	memcpy(&part, &value, sizeof part);
	return part;
}

static const int64_t *packed_part(const struct column *column, uint32_t row_count, struct arena *arena)
{
	enum physical physical = type_physical(column->type.id);
	if (physical == PHYS_I64 && column->nulls == NULL)
		return column->i64;
	int64_t *part = arena_alloc(arena, row_count * sizeof *part);
	if (physical == PHYS_I64)
		memcpy(part, column->i64, row_count * sizeof *part);
	else if (physical == PHYS_F64)
		for (uint32_t i = 0; i < row_count; i++)
			part[i] = f64_part(column->f64[i]);
	else
		for (uint32_t i = 0; i < row_count; i++)
			part[i] = column->booleans[i] != 0;
	for (uint32_t i = 0; column->nulls != NULL && i < row_count; i++)
		part[i] = column->nulls[i] != 0 ? 0 : part[i];
	return part;
}

static void packed_make(const struct batch *batch, const uint32_t *columns, size_t column_count,
	struct arena *arena, struct table_keys *out)
{
	uint8_t *bits = NULL;
	for (size_t c = 0; c < column_count; c++) {
		const struct column *column = &batch->columns[columns[c]];
		out->parts[c] = packed_part(column, batch->row_count, arena);
		if (column->nulls == NULL)
			continue;
		if (bits == NULL)
			bits = arena_alloc_zeroed(arena, batch->row_count);
		for (uint32_t i = 0; i < batch->row_count; i++)
			bits[i] = (uint8_t)(bits[i] | (column->nulls[i] != 0) << c);
	}
	out->null_bits = bits;
}

/* ---- bytes ---- */

enum { KEY_VALUE = 1, KEY_NULL = 2, KEY_SIZE_MAX_OTHER = 40 };

static size_t text_key_size(const struct text *text)
{
	size_t zeros = 0;
	const char *at = text->data, *end = at + text->size;
	while (at < end && (at = memchr(at, 0, (size_t)(end - at))) != NULL) {
		zeros++;
		at++;
	}
	return 3 + (size_t)text->size + zeros;
}

/* An upper bound that is exact for the usual columns. */
static void sizes_add(const struct column *column, uint32_t row_count, size_t *sizes)
{
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		for (uint32_t i = 0; i < row_count; i++)
			sizes[i] += 2;
		break;
	case PHYS_I64:
	case PHYS_F64:
		for (uint32_t i = 0; i < row_count; i++)
			sizes[i] += 9;
		break;
	case PHYS_TEXT:
		for (uint32_t i = 0; i < row_count; i++)
			sizes[i] += column_is_null(column, i) ? 1 : text_key_size(&column->texts[i]);
		break;
	case PHYS_DECIMAL:
	case PHYS_INTERVAL:
		for (uint32_t i = 0; i < row_count; i++)
			sizes[i] += KEY_SIZE_MAX_OTHER;
		break;
	}
}

/* Must write what key_encode_column() writes; the common cases without its calls. */
static uint8_t *key_put(const struct column *column, uint32_t row, uint8_t *at, struct buffer *other)
{
	if (column_is_null(column, row)) {
		*at++ = KEY_NULL;
		return at;
	}
	enum physical physical = type_physical(column->type.id);
	if (physical == PHYS_I64) {
		*at = KEY_VALUE;
		put_be64(at + 1, (uint64_t)column->i64[row] ^ UINT64_C(1) << 63);
		return at + 9;
	}
	if (physical == PHYS_TEXT) {
		const struct text *text = &column->texts[row];
		if (text->size == 0 || memchr(text->data, 0, text->size) == NULL) {
			*at++ = KEY_VALUE;
			if (text->size != 0)
				memcpy(at, text->data, text->size);
			at += text->size;
			*at++ = 0;
			*at++ = 0;
			return at;
		}
	}
	other->size = 0;
	key_encode_column(column, row, other);
	memcpy(at, other->data, other->size);
	return at + other->size;
}

static status bytes_make(const struct batch *batch, const uint32_t *columns, size_t column_count,
	struct arena *arena, struct table_keys *out)
{
	uint32_t row_count = batch->row_count;
	size_t *sizes = arena_alloc_zeroed(arena, row_count * sizeof *sizes), total = 0;
	for (size_t c = 0; c < column_count; c++)
		sizes_add(&batch->columns[columns[c]], row_count, sizes);
	for (uint32_t i = 0; i < row_count; i++)
		total += sizes[i];
	if (total > UINT32_MAX)
		return error_raise(STATUS_TOO_LARGE, "keys of %u rows take %zu bytes", row_count, total);
	uint8_t *bytes = arena_alloc(arena, total), *at = bytes;
	uint32_t *offsets = arena_alloc(arena, (row_count + 1) * sizeof *offsets);
	struct buffer other;
	buffer_init(&other);
	for (uint32_t i = 0; i < row_count; i++) {
		offsets[i] = (uint32_t)(at - bytes);
		for (size_t c = 0; c < column_count; c++)
			at = key_put(&batch->columns[columns[c]], i, at, &other);
	}
	buffer_deinit(&other);
	offsets[row_count] = (uint32_t)(at - bytes);
	INVARIANT((size_t)(at - bytes) <= total);
	out->bytes = bytes;
	out->offsets = offsets;
	return STATUS_OK;
}

status table_keys_make(enum table_key kind, const struct batch *batch, const uint32_t *columns,
	size_t column_count, struct arena *arena, struct table_keys *out)
{
	INVARIANT(batch->row_count <= TABLE_ROWS_MAX);
	*out = (struct table_keys){.kind = kind, .count = batch->row_count};
	status code = STATUS_OK;
	if (kind == TABLE_KEY_BYTES)
		code = bytes_make(batch, columns, column_count, arena, out);
	else
		packed_make(batch, columns, column_count, arena, out);
	if (code == STATUS_OK)
		table_keys_hash(out, arena);
	return code;
}

/* ---- and back ---- */

static void packed_of_slots(const struct table *table, const uint32_t *ids, uint32_t count,
	struct arena *arena, struct table_keys *out)
{
	uint8_t *bits = arena_alloc(arena, count);
	for (size_t c = 0; c < (table->kind == TABLE_KEY_TWO ? 2u : 1u); c++) {
		int64_t *parts = arena_alloc(arena, count * sizeof *parts);
		for (uint32_t i = 0; i < count; i++) {
			const struct table_slot *slot = table_slot_at(table, ids[i]);
			parts[i] = table_slot_parts(slot)[c];
			bits[i] = slot->null_bits;
		}
		out->parts[c] = parts;
	}
	out->null_bits = bits;
}

static status bytes_of_slots(const struct table *table, const uint32_t *ids, uint32_t count,
	struct arena *arena, struct table_keys *out)
{
	size_t total = 0;
	for (uint32_t i = 0; i < count; i++)
		total += table_slot_key(table_slot_at(table, ids[i])).size;
	if (total > UINT32_MAX)
		return error_raise(STATUS_TOO_LARGE, "keys of %u rows take %zu bytes", count, total);
	uint8_t *bytes = arena_alloc(arena, total), *at = bytes;
	uint32_t *offsets = arena_alloc(arena, (count + 1) * sizeof *offsets);
	for (uint32_t i = 0; i < count; i++) {
		struct slice key = table_slot_key(table_slot_at(table, ids[i]));
		offsets[i] = (uint32_t)(at - bytes);
		if (key.size != 0)
			memcpy(at, key.data, key.size);
		at += key.size;
	}
	offsets[count] = (uint32_t)total;
	out->bytes = bytes;
	out->offsets = offsets;
	return STATUS_OK;
}

status table_keys_of_slots(const struct table *table, const uint32_t *ids, uint32_t count,
	struct arena *arena, struct table_keys *out)
{
	*out = (struct table_keys){.kind = table->kind, .count = count};
	status code = STATUS_OK;
	if (table->kind == TABLE_KEY_BYTES)
		code = bytes_of_slots(table, ids, count, arena, out);
	else
		packed_of_slots(table, ids, count, arena, out);
	if (code == STATUS_OK)
		table_keys_hash(out, arena);
	return code;
}

static struct value packed_value(struct type type, int64_t part, bool null)
{
	struct value value = {.type = type, .null = null};
	switch (type_physical(type.id)) {
	case PHYS_BOOL:
		value.boolean = part != 0;
		break;
	case PHYS_F64:
		memcpy(&value.f64, &part, sizeof part);
		break;
	default:
		value.i64 = part;
		break;
	}
	return value;
}

/* Text without zero bytes stands in the key as it is. */
static bool text_borrow(struct cursor *key, struct value *out)
{
	if (cursor_left(key) < 3 || key->at[0] != KEY_VALUE)
		return false;
	const uint8_t *from = key->at + 1, *zero = memchr(from, 0, (size_t)(key->end - from));
	if (zero == NULL || key->end - zero < 2 || zero[1] != 0)
		return false;
	out->null = false;
	out->text = (struct text){.data = (const char *)from, .size = (uint32_t)(zero - from)};
	key->at = zero + 2;
	return true;
}

static status bytes_columns(const struct table_slot *slot, struct column *columns, size_t column_count,
	uint32_t row, struct arena *arena)
{
	struct cursor key = cursor_of(table_slot_key(slot));
	for (size_t c = 0; c < column_count; c++) {
		struct value value = {.type = columns[c].type};
		status code = STATUS_OK;
		bool borrowed = type_physical(value.type.id) == PHYS_TEXT && text_borrow(&key, &value);
		if (!borrowed)
			code = key_decode_value(&key, columns[c].type, arena, &value);
		if (code == STATUS_OK && !value.null && value.type.id == TYPE_NUMERIC && value.type.modifier >= 0)
			code = decimal_apply_modifier(&value.decimal, value.type.modifier, &value.decimal);
		if (code != STATUS_OK)
			return code;
		column_set(&columns[c], row, &value);
	}
	return STATUS_OK;
}

status table_key_columns(const struct table *table, const struct table_slot *slot, struct column *columns,
	size_t column_count, uint32_t row, struct arena *arena)
{
	if (table->kind == TABLE_KEY_BYTES)
		return bytes_columns(slot, columns, column_count, row, arena);
	for (size_t c = 0; c < column_count; c++) {
		struct value value =
			packed_value(columns[c].type, table_slot_parts(slot)[c], (slot->null_bits >> c & 1) != 0);
		column_set(&columns[c], row, &value);
	}
	return STATUS_OK;
}

void table_key_encode(const struct table *table, const struct table_slot *slot, const struct type *types,
	size_t column_count, struct buffer *out)
{
	if (table->kind == TABLE_KEY_BYTES) {
		struct slice key = table_slot_key(slot);
		buffer_append(out, key.data, key.size);
		return;
	}
	for (size_t c = 0; c < column_count; c++) {
		struct value value =
			packed_value(types[c], table_slot_parts(slot)[c], (slot->null_bits >> c & 1) != 0);
		key_encode_value(&value, out);
	}
}
