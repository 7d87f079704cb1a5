/* The row codec: compact and exact, for the value part of a stored row. Pure functions, any thread.
 *
 *   ┌───────────────────────────┬──────────┬──────────┬─────
 *   │ null bits, ⌈columns / 8⌉  │ column 0 │ column 1 │ …     nothing is written for a null
 *   └───────────────────────────┴──────────┴──────────┴─────
 *   bool      1 byte
 *   i64       zigzag varint
 *   f64       8 bytes, big-endian bits
 *   decimal   1 byte: scale, +80 when wide; then zigzag varint, or 16 bytes big-endian
 *   text      varint size, bytes
 *   interval  zigzag varints: months, days, microseconds
 *
 * Column count and types are the schema's and not repeated; bytes left over are damage.
 */
#include "base/invariant.h"
#include "zset/canonical.h"
#include "zset/key.h"
#include "zset/wide.h"

enum { DECIMAL_WIDE = 0x80 };

static void encode_f64(struct buffer *out, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	buffer_append_be64(out, bits);
}

static void encode_decimal(struct buffer *out, const struct decimal *decimal)
{
	uint8_t scale = (uint8_t)decimal->scale;
	if (decimal->value == (int64_t)decimal->value) {
		buffer_append_byte(out, scale);
		buffer_append_zigzag(out, (int64_t)decimal->value);
		return;
	}
	buffer_append_byte(out, scale | DECIMAL_WIDE);
	buffer_append_be64(out, (uint64_t)(decimal->value >> 64));
	buffer_append_be64(out, (uint64_t)decimal->value);
}

static void encode_cell(struct buffer *out, const struct column *column, uint32_t row)
{
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		buffer_append_byte(out, column->booleans[row] != 0);
		break;
	case PHYS_I64:
		buffer_append_zigzag(out, column->i64[row]);
		break;
	case PHYS_F64:
		encode_f64(out, column->f64[row]);
		break;
	case PHYS_DECIMAL:
		encode_decimal(out, &column->decimals[row]);
		break;
	case PHYS_TEXT:
		buffer_append_varint(out, column->texts[row].size);
		buffer_append(out, column->texts[row].data, column->texts[row].size);
		break;
	case PHYS_INTERVAL:
		buffer_append_zigzag(out, column->intervals[row].months);
		buffer_append_zigzag(out, column->intervals[row].days);
		buffer_append_zigzag(out, column->intervals[row].microseconds);
		break;
	}
}

void row_encode(const struct batch *batch, uint32_t row, struct buffer *out)
{
	size_t bitmap_size = (batch->column_count + 7u) / 8u, bitmap_at = out->size;
	memset(buffer_reserve(out, bitmap_size), 0, bitmap_size);
	out->size += bitmap_size;
	for (uint32_t c = 0; c < batch->column_count; c++) {
		if (column_is_null(&batch->columns[c], row))
			out->data[bitmap_at + c / 8] |= (uint8_t)(1u << c % 8);
		else
			encode_cell(out, &batch->columns[c], row);
	}
}

static double decode_f64(struct cursor *bytes)
{
	uint64_t bits = cursor_be64(bytes);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static struct decimal decode_decimal(struct cursor *bytes)
{
	uint8_t head = cursor_u8(bytes);
	struct decimal decimal = {.scale = head & ~DECIMAL_WIDE};
	if ((head & DECIMAL_WIDE) == 0) {
		decimal.value = cursor_zigzag(bytes);
	} else {
		uint64_t high = cursor_be64(bytes), low = cursor_be64(bytes);
		decimal.value = (__int128)((u128)high << 64 | low);
	}
	const __int128 limit = (__int128)decimal_powers[DECIMAL_DIGITS_MAX];
	if (decimal.scale > DECIMAL_DIGITS_MAX || decimal.value >= limit || decimal.value <= -limit)
		bytes->failed = true;
	return decimal;
}

static int32_t decode_i32(struct cursor *bytes)
{
	int64_t value = cursor_zigzag(bytes);
	if (value != (int32_t)value)
		bytes->failed = true;
	return (int32_t)value;
}

static struct text decode_text(struct cursor *bytes, struct arena *arena, bool borrow)
{
	uint64_t size = cursor_varint(bytes);
	if (size > cursor_left(bytes) || size > TEXT_SIZE_MAX) {
		bytes->failed = true;
		return (struct text){0};
	}
	struct slice data = cursor_bytes(bytes, (size_t)size);
	const void *kept = borrow ? data.data : arena_copy(arena, data.data, data.size);
	return (struct text){.data = kept, .size = (uint32_t)size};
}

static void decode_cell(
	struct cursor *bytes, struct arena *arena, bool borrow, struct column *column, uint32_t row)
{
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL: {
		uint8_t byte = cursor_u8(bytes);
		bytes->failed = bytes->failed || byte > 1;
		column->booleans[row] = byte != 0;
		break;
	}
	case PHYS_I64:
		column->i64[row] = cursor_zigzag(bytes);
		break;
	case PHYS_F64:
		column->f64[row] = decode_f64(bytes);
		break;
	case PHYS_DECIMAL:
		column->decimals[row] = decode_decimal(bytes);
		break;
	case PHYS_TEXT:
		column->texts[row] = decode_text(bytes, arena, borrow);
		break;
	case PHYS_INTERVAL:
		column->intervals[row].months = decode_i32(bytes);
		column->intervals[row].days = decode_i32(bytes);
		column->intervals[row].microseconds = cursor_zigzag(bytes);
		break;
	}
}

status row_decode(struct slice bytes, struct arena *arena, bool borrow, struct batch *batch, uint32_t row)
{
	INVARIANT(row < batch->row_count);
	struct cursor cursor = cursor_of(bytes);
	struct slice bitmap = cursor_bytes(&cursor, (batch->column_count + 7u) / 8u);
	if (cursor.failed)
		return error_raise(STATUS_DAMAGED, "row is damaged: null bits cut short");
	for (uint32_t c = 0; c < batch->column_count; c++) {
		struct column *column = &batch->columns[c];
		if ((bitmap.data[c / 8] >> c % 8 & 1) != 0) {
			const struct value null = {.type = column->type, .null = true};
			column_set(column, row, &null);
			continue;
		}
		decode_cell(&cursor, arena, borrow, column, row);
		if (cursor.failed)
			return error_raise(STATUS_DAMAGED, "row is damaged: column %u of %u", c + 1, batch->column_count);
		if (column->nulls != NULL)
			column->nulls[row] = 0;
	}
	if (cursor_left(&cursor) != 0)
		return error_raise(STATUS_DAMAGED, "row is damaged: %zu bytes left over", cursor_left(&cursor));
	return STATUS_OK;
}
