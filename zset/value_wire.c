/* Values in PostgreSQL's binary wire form, big-endian. Pure functions, any thread.
 *
 *   bool 1 byte · int2/4/8 · float4/8 IEEE · text, bytea: the bytes
 *   date 4 bytes, days since 2000-01-01 · timestamp 8 bytes, µs since 2000-01-01 · ±infinity: greatest, least
 * integer interval  µs 8 bytes, days 4, months 4 numeric
 * ┌─────────┬────────┬──────┬────────┬──────────────────────────────┐ │ ndigits │ weight │ sign │ dscale │
 * digits, base 10000, 2 bytes … │   first digit × 10000^weight
 *             └─────────┴────────┴──────┴────────┴──────────────────────────────┘
 */
#include "base/invariant.h"
#include "zset/calendar.h"
#include "zset/datetime.h"
#include "zset/decimal.h"
#include "zset/value_check.h"
#include "zset/wide.h"

enum { NUMERIC_POSITIVE = 0x0000, NUMERIC_NEGATIVE = 0x4000, NUMERIC_GROUPS_MAX = 24 };

#define POSTGRES_EPOCH_US (POSTGRES_EPOCH_DAYS * MICROSECONDS_PER_DAY)

/* Groups of four digits, aligned at the point: first those after it, least significant first. */
static void numeric_send(const struct decimal *decimal, struct buffer *out)
{
	u128 magnitude = decimal->value < 0 ? -(u128)decimal->value : (u128)decimal->value;
	uint16_t groups[NUMERIC_GROUPS_MAX];
	int count = 0, fraction_groups = (decimal->scale + 3) / 4;
	if (decimal->scale % 4 != 0) {
		/* The last group after the point is not full: its digits move up. */
		int held = decimal->scale % 4;
		groups[count++] =
			(uint16_t)((uint32_t)(magnitude % decimal_powers[held]) * (uint32_t)decimal_powers[4 - held]);
		magnitude /= decimal_powers[held];
	}
	for (; magnitude != 0; magnitude /= 10000)
		groups[count++] = (uint16_t)(magnitude % 10000);
	int first = 0;
	while (first < count && groups[first] == 0)
		first++;
	while (count > first && groups[count - 1] == 0)
		count--;
	bool negative = decimal->value < 0;
	buffer_append_be16(out, (uint16_t)(count - first));
	buffer_append_be16(out, (uint16_t)(count > first ? count - fraction_groups - 1 : 0));
	buffer_append_be16(out, negative ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE);
	buffer_append_be16(out, (uint16_t)decimal->scale);
	for (int i = count - 1; i >= first; i--)
		buffer_append_be16(out, groups[i]);
}

static void float_send(const struct value *value, struct buffer *out)
{
	if (value->type.id == TYPE_FLOAT4) {
		float narrow = (float)value->f64;
		uint32_t bits;
		memcpy(&bits, &narrow, sizeof bits);
		buffer_append_be32(out, bits);
		return;
	}
	uint64_t bits;
	memcpy(&bits, &value->f64, sizeof bits);
	buffer_append_be64(out, bits);
}

static uint32_t date_to_wire(int64_t days)
{
	if (days == TIMESTAMP_INFINITY)
		return (uint32_t)INT32_MAX;
	if (days == TIMESTAMP_MINUS_INFINITY)
		return (uint32_t)INT32_MIN;
	return (uint32_t)(days - POSTGRES_EPOCH_DAYS);
}

static uint64_t timestamp_to_wire(int64_t timestamp_us)
{
	if (timestamp_us == TIMESTAMP_INFINITY || timestamp_us == TIMESTAMP_MINUS_INFINITY)
		return (uint64_t)timestamp_us;
	return (uint64_t)timestamp_us - (uint64_t)POSTGRES_EPOCH_US;
}

/* An array of one dimension, from 0. */
static void int2vector_send(const struct text *text, struct buffer *out)
{
	enum { INT2_OID = 21, INT2_SIZE = 2 };
	uint32_t count = 0;
	for (uint32_t i = 0; i < text->size; i++)
		count += text->data[i] != ' ' && (i == 0 || text->data[i - 1] == ' ');
	buffer_append_be32(out, 1);
	buffer_append_be32(out, 0);
	buffer_append_be32(out, INT2_OID);
	buffer_append_be32(out, count);
	buffer_append_be32(out, 0);
	uint32_t number = 0;
	for (uint32_t i = 0; i < text->size; i++) {
		if (text->data[i] != ' ')
			number = number * 10 + (uint32_t)(text->data[i] - '0');
		if (text->data[i] == ' ' || i + 1 == text->size) {
			buffer_append_be32(out, INT2_SIZE);
			buffer_append_be16(out, (uint16_t)number);
			number = 0;
		}
	}
}

void value_send(const struct value *value, struct buffer *out)
{
	INVARIANT(!value->null);
	switch (value->type.id) {
	case TYPE_BOOL:
		buffer_append_byte(out, value->boolean ? 1 : 0);
		break;
	case TYPE_INT2:
		buffer_append_be16(out, (uint16_t)value->i64);
		break;
	case TYPE_INT4:
		buffer_append_be32(out, (uint32_t)value->i64);
		break;
	case TYPE_INT8:
		buffer_append_be64(out, (uint64_t)value->i64);
		break;
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
		float_send(value, out);
		break;
	case TYPE_NUMERIC:
		numeric_send(&value->decimal, out);
		break;
	case TYPE_INT2VECTOR:
		int2vector_send(&value->text, out);
		break;
	case TYPE_UNKNOWN:
	case TYPE_TEXT:
	case TYPE_VARCHAR:
	case TYPE_BYTEA:
		buffer_append(out, value->text.data, value->text.size);
		break;
	case TYPE_DATE:
		buffer_append_be32(out, date_to_wire(value->i64));
		break;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		buffer_append_be64(out, timestamp_to_wire(value->i64));
		break;
	case TYPE_INTERVAL:
		buffer_append_be64(out, (uint64_t)value->interval.microseconds);
		buffer_append_be32(out, (uint32_t)value->interval.days);
		buffer_append_be32(out, (uint32_t)value->interval.months);
		break;
	case TYPE_COUNT:
		INVARIANT(value->type.id != TYPE_COUNT);
	}
}

static status bad_binary(struct type type)
{
	(void)error_raise(STATUS_BAD_TEXT, "incorrect binary data format for type %s", type_name(type.id));
	error_sqlstate("22P03");
	return STATUS_BAD_TEXT;
}

static status numeric_overflow(void)
{
	return error_raise(
		STATUS_OUT_OF_RANGE, "numeric field overflow: more than %d digits", DECIMAL_DIGITS_MAX);
}

/* magnitude × 10^exponent, truncated; OUT_OF_RANGE past 38 digits. */
static status numeric_scale(struct wide *magnitude, int32_t exponent)
{
	if (exponent < 0) {
		for (; exponent < -DECIMAL_DIGITS_MAX; exponent += DECIMAL_DIGITS_MAX)
			(void)wide_divide(magnitude, decimal_powers[DECIMAL_DIGITS_MAX]);
		(void)wide_divide(magnitude, decimal_powers[-exponent]);
	} else if (wide_low(magnitude) != 0 || !wide_fits_u128(magnitude)) {
		if (exponent > DECIMAL_DIGITS_MAX || !wide_multiply(magnitude, decimal_powers[exponent]))
			return numeric_overflow();
	}
	if (!wide_fits_u128(magnitude) || wide_low(magnitude) >= decimal_powers[DECIMAL_DIGITS_MAX])
		return numeric_overflow();
	return STATUS_OK;
}

static status numeric_receive(struct type type, struct slice bytes, struct decimal *out)
{
	struct cursor cursor = cursor_of(bytes);
	uint16_t count = cursor_be16(&cursor);
	int16_t weight = (int16_t)cursor_be16(&cursor);
	uint16_t sign = cursor_be16(&cursor), scale = cursor_be16(&cursor);
	if (cursor.failed || cursor_left(&cursor) != 2 * (size_t)count)
		return bad_binary(type);
	if (sign == 0xc000 || sign == 0xd000 || sign == 0xf000)
		return error_raise(STATUS_OUT_OF_RANGE, "numeric NaN and infinity are not supported");
	if (sign != NUMERIC_POSITIVE && sign != NUMERIC_NEGATIVE)
		return bad_binary(type);
	if (scale > DECIMAL_DIGITS_MAX)
		return numeric_overflow();
	struct wide magnitude = wide_from(0);
	for (uint16_t i = 0; i < count; i++) {
		uint16_t group = cursor_be16(&cursor);
		struct wide next = wide_from(group);
		if (group >= 10000)
			return bad_binary(type);
		if (!wide_multiply(&magnitude, 10000) || !wide_add(&magnitude, &next))
			return numeric_overflow();
	}
	status code = numeric_scale(&magnitude, 4 * (weight - (int32_t)count + 1) + scale);
	if (code != STATUS_OK)
		return code;
	__int128 value = (__int128)wide_low(&magnitude);
	struct decimal decimal = {.value = sign == NUMERIC_NEGATIVE ? -value : value, .scale = scale};
	return decimal_apply_modifier(&decimal, type.modifier, out);
}

static status date_receive(uint32_t wire, int64_t *out)
{
	int32_t days = (int32_t)wire;
	if (days == INT32_MAX || days == INT32_MIN) {
		*out = days == INT32_MAX ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
		return STATUS_OK;
	}
	int64_t since_1970 = days + POSTGRES_EPOCH_DAYS;
	if (since_1970 < DATE_FIRST || since_1970 > DATE_LAST)
		return error_raise(STATUS_OUT_OF_RANGE, "date out of range");
	*out = since_1970;
	return STATUS_OK;
}

static status timestamp_receive(uint64_t wire, int64_t *out)
{
	int64_t since_2000 = (int64_t)wire;
	if (since_2000 == TIMESTAMP_INFINITY || since_2000 == TIMESTAMP_MINUS_INFINITY) {
		*out = since_2000;
		return STATUS_OK;
	}
	return timestamp_from_wide((__int128)since_2000 + POSTGRES_EPOCH_US, out);
}

static double float_from_bits(bool is_float4, uint64_t bits)
{
	if (is_float4) {
		uint32_t narrow_bits = (uint32_t)bits;
		float narrow;
		memcpy(&narrow, &narrow_bits, sizeof narrow);
		return (double)narrow;
	}
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static status fixed_receive(struct type type, struct cursor *cursor, struct value *value)
{
	switch (type.id) {
	case TYPE_BOOL:
		value->boolean = cursor_u8(cursor) != 0;
		return STATUS_OK;
	case TYPE_INT2:
		value->i64 = (int16_t)cursor_be16(cursor);
		return STATUS_OK;
	case TYPE_INT4:
		value->i64 = (int32_t)cursor_be32(cursor);
		return STATUS_OK;
	case TYPE_INT8:
		value->i64 = (int64_t)cursor_be64(cursor);
		return STATUS_OK;
	case TYPE_FLOAT4:
		value->f64 = float_from_bits(true, cursor_be32(cursor));
		return STATUS_OK;
	case TYPE_FLOAT8:
		value->f64 = float_from_bits(false, cursor_be64(cursor));
		return STATUS_OK;
	case TYPE_DATE:
		return date_receive(cursor_be32(cursor), &value->i64);
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return timestamp_receive(cursor_be64(cursor), &value->i64);
	default:
		INVARIANT(type.id == TYPE_INTERVAL);
		value->interval.microseconds = (int64_t)cursor_be64(cursor);
		value->interval.days = (int32_t)cursor_be32(cursor);
		value->interval.months = (int32_t)cursor_be32(cursor);
		return STATUS_OK;
	}
}

status value_receive(struct type type, struct slice bytes, struct arena *arena, struct value *out)
{
	struct value value = {.type = type};
	status code = STATUS_OK;
	if (type.id == TYPE_NUMERIC) {
		code = numeric_receive(type, bytes, &value.decimal);
	} else if (type.id == TYPE_BYTEA) {
		if (bytes.size > TEXT_SIZE_MAX)
			return error_raise(STATUS_TOO_LARGE, "bytea of more than %d bytes", TEXT_SIZE_MAX);
		value.text =
			(struct text){.data = arena_copy(arena, bytes.data, bytes.size), .size = (uint32_t)bytes.size};
	} else if (type_physical(type.id) == PHYS_TEXT) {
		code = text_check(type, bytes, &value.text);
		if (code == STATUS_OK)
			value.text.data = arena_copy(arena, value.text.data, value.text.size);
	} else {
		if (bytes.size != (size_t)type_wire_size(type.id))
			return bad_binary(type);
		struct cursor cursor = cursor_of(bytes);
		code = fixed_receive(type, &cursor, &value);
	}
	if (code == STATUS_OK)
		*out = value;
	return code;
}
