/* The order-preserving key codec. Appends to the caller's buffer; pure functions, any thread.
 *
 * A decimal is written so that memcmp sees sign, then magnitude, then digits:
 *
 *   80                      zero
 *   80+e  p1 p2 … 00        positive: e = 40 + power of ten (value = 0.d1d2d3… × 10^power), pairs of digits +
 * 1, end 80−e  ~p1 ~p2 … FF      negative: everything complemented
 *
 * Digits end at the last non-zero one, so 1.0, 1.00 and 1 share one encoding. power is −37 … 38, hence the
 * bias. An interval is its span (30-day months, 24-hour days) in microseconds: 16 bytes big-endian, sign
 * flipped.
 */
#include "zset/key.h"

#include "base/invariant.h"
#include "zset/canonical.h"
#include "zset/wide.h"

enum { KEY_VALUE = 1, KEY_NULL = 2, DECIMAL_ZERO = 0x80, DECIMAL_BIAS = 40 };

static void encode_be64(struct buffer *out, uint64_t word)
{
	uint8_t *at = buffer_reserve(out, 9);
	at[0] = KEY_VALUE;
	put_be64(at + 1, word);
	out->size += 9;
}

static void encode_text(struct buffer *out, const struct text *text)
{
	uint8_t *at = buffer_reserve(out, 3 + 2 * (size_t)text->size), *start = at;
	const char *from = text->data, *end = from + text->size;
	*at++ = KEY_VALUE;
	while (from < end) {
		const char *zero = memchr(from, 0, (size_t)(end - from));
		size_t plain = (size_t)((zero != NULL ? zero : end) - from);
		memcpy(at, from, plain);
		at += plain;
		from += plain;
		if (zero != NULL) {
			*at++ = 0x00;
			*at++ = 0xff;
			from++;
		}
	}
	*at++ = 0;
	*at++ = 0;
	out->size += (size_t)(at - start);
}

/* Decimal digits of the magnitude without trailing zeros; returns how many, *dropped how many zeros there
 * were. */
static int32_t digits_of(u128 magnitude, uint8_t digits[40], int32_t *dropped)
{
	uint8_t reversed[40];
	int32_t count = 0;
	while (magnitude >> 64 != 0) {
		reversed[count++] = (uint8_t)(magnitude % 10);
		magnitude /= 10;
	}
	for (uint64_t small = (uint64_t)magnitude; small != 0; small /= 10)
		reversed[count++] = (uint8_t)(small % 10);
	int32_t zeros = 0;
	while (reversed[zeros] == 0)
		zeros++;
	for (int32_t i = zeros; i < count; i++)
		digits[count - 1 - i] = reversed[i];
	*dropped = zeros;
	return count - zeros;
}

static void encode_decimal(struct buffer *out, const struct decimal *decimal)
{
	uint8_t *at = buffer_reserve(out, 32), *start = at;
	*at++ = KEY_VALUE;
	if (decimal->value == 0) {
		*at++ = DECIMAL_ZERO;
		out->size += 2;
		return;
	}
	bool negative = decimal->value < 0;
	uint8_t digits[40], flip = negative ? 0xff : 0;
	int32_t zeros;
	int32_t count = digits_of(negative ? -(u128)decimal->value : (u128)decimal->value, digits, &zeros);
	int32_t exponent = count + zeros - decimal->scale + DECIMAL_BIAS;
	*at++ = (uint8_t)(negative ? DECIMAL_ZERO - exponent : DECIMAL_ZERO + exponent);
	if (count % 2 != 0)
		digits[count] = 0;
	for (int32_t i = 0; i < count; i += 2)
		*at++ = (uint8_t)((digits[i] * 10 + digits[i + 1] + 1) ^ flip);
	*at++ = flip;
	out->size += (size_t)(at - start);
}

static void encode_interval(struct buffer *out, const struct interval *interval)
{
	__int128 span = interval_span(interval);
	uint8_t *at = buffer_reserve(out, 17);
	at[0] = KEY_VALUE;
	put_be64(at + 1, i64_order((int64_t)(span >> 64)));
	put_be64(at + 9, (uint64_t)span);
	out->size += 17;
}

static void encode_bool(struct buffer *out, bool value)
{
	buffer_append_byte(out, KEY_VALUE);
	buffer_append_byte(out, value ? 1 : 0);
}

void key_encode_column(const struct column *column, uint32_t row, struct buffer *out)
{
	if (column_is_null(column, row)) {
		buffer_append_byte(out, KEY_NULL);
		return;
	}
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		encode_bool(out, column->booleans[row] != 0);
		break;
	case PHYS_I64:
		encode_be64(out, i64_order(column->i64[row]));
		break;
	case PHYS_F64:
		encode_be64(out, f64_order(column->f64[row]));
		break;
	case PHYS_DECIMAL:
		encode_decimal(out, &column->decimals[row]);
		break;
	case PHYS_TEXT:
		encode_text(out, &column->texts[row]);
		break;
	case PHYS_INTERVAL:
		encode_interval(out, &column->intervals[row]);
		break;
	}
}

void key_encode_value(const struct value *value, struct buffer *out)
{
	if (value->null) {
		buffer_append_byte(out, KEY_NULL);
		return;
	}
	switch (type_physical(value->type.id)) {
	case PHYS_BOOL:
		encode_bool(out, value->boolean);
		break;
	case PHYS_I64:
		encode_be64(out, i64_order(value->i64));
		break;
	case PHYS_F64:
		encode_be64(out, f64_order(value->f64));
		break;
	case PHYS_DECIMAL:
		encode_decimal(out, &value->decimal);
		break;
	case PHYS_TEXT:
		encode_text(out, &value->text);
		break;
	case PHYS_INTERVAL:
		encode_interval(out, &value->interval);
		break;
	}
}

void key_encode(
	const struct batch *batch, uint32_t row, const uint32_t *columns, size_t column_count, struct buffer *out)
{
	for (size_t c = 0; c < column_count; c++)
		key_encode_column(&batch->columns[columns[c]], row, out);
}

static status damaged(const char *what)
{
	return error_raise(STATUS_DAMAGED, "key is damaged: %s", what);
}

static status decode_text(struct cursor *bytes, struct arena *arena, struct text *out)
{
	const uint8_t *at = bytes->at, *end = bytes->end;
	size_t size = 0;
	for (;; at += 2, size++) {
		const uint8_t *zero = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
		if (zero == NULL || end - zero < 2)
			return damaged("text without end");
		size += (size_t)(zero - at);
		at = zero;
		if (zero[1] == 0x00)
			break;
		if (zero[1] != 0xff)
			return damaged("unknown escape in text");
	}
	if (size > TEXT_SIZE_MAX)
		return damaged("text too large");
	char *data = arena_alloc(arena, size), *to = data;
	for (const uint8_t *from = bytes->at; from < at; from++) {
		*to++ = (char)*from;
		if (*from == 0)
			from++;
	}
	bytes->at = at + 2;
	*out = (struct text){.data = data, .size = (uint32_t)size};
	return STATUS_OK;
}

static status decode_decimal(struct cursor *bytes, struct decimal *out)
{
	uint8_t head = cursor_u8(bytes);
	if (bytes->failed)
		return damaged("numeric cut short");
	if (head == DECIMAL_ZERO) {
		*out = (struct decimal){0};
		return STATUS_OK;
	}
	bool negative = head < DECIMAL_ZERO;
	int32_t power = (negative ? DECIMAL_ZERO - head : head - DECIMAL_ZERO) - DECIMAL_BIAS;
	uint8_t flip = negative ? 0xff : 0;
	u128 magnitude = 0;
	int32_t count = 0;
	for (;;) {
		uint8_t pair = cursor_u8(bytes) ^ flip;
		if (bytes->failed)
			return damaged("numeric cut short");
		if (pair == 0)
			break;
		if (pair > 100 || count >= DECIMAL_DIGITS_MAX)
			return damaged("digits of a numeric");
		magnitude = magnitude * 100 + (pair - 1u);
		count += 2;
	}
	int32_t scale = count - power;
	for (; scale > 0 && magnitude != 0 && magnitude % 10 == 0; scale--)
		magnitude /= 10;
	if (magnitude == 0 || scale > DECIMAL_DIGITS_MAX || scale < -DECIMAL_DIGITS_MAX)
		return damaged("size of a numeric");
	if (scale < 0) {
		if (magnitude >= decimal_powers[DECIMAL_DIGITS_MAX + scale])
			return damaged("size of a numeric");
		magnitude *= decimal_powers[-scale];
		scale = 0;
	}
	if (magnitude >= decimal_powers[DECIMAL_DIGITS_MAX])
		return damaged("size of a numeric");
	*out = (struct decimal){.value = negative ? -(__int128)magnitude : (__int128)magnitude, .scale = scale};
	return STATUS_OK;
}

/* The canonical interval of a span: as many 30-day months as fit, then days, then the rest, all of one sign.
 */
static status decode_interval(struct cursor *bytes, struct interval *out)
{
	uint64_t high = cursor_be64(bytes), low = cursor_be64(bytes);
	if (bytes->failed)
		return damaged("interval cut short");
	__int128 span = (__int128)((u128)(high ^ UINT64_C(1) << 63) << 64 | low);
	const __int128 day = INT64_C(86400000000);
	__int128 months = span / (30 * day);
	months = months > INT32_MAX ? INT32_MAX : months < INT32_MIN ? INT32_MIN : months;
	span -= months * 30 * day;
	__int128 days = span / day;
	days = days > INT32_MAX ? INT32_MAX : days < INT32_MIN ? INT32_MIN : days;
	span -= days * day;
	if (span != (int64_t)span)
		return damaged("interval out of range");
	*out = (struct interval){.microseconds = (int64_t)span, .days = (int32_t)days, .months = (int32_t)months};
	return STATUS_OK;
}

static status decode_fixed(struct cursor *bytes, enum physical physical, struct value *value)
{
	if (physical == PHYS_BOOL) {
		uint8_t byte = cursor_u8(bytes);
		if (bytes->failed || byte > 1)
			return damaged("boolean");
		value->boolean = byte != 0;
		return STATUS_OK;
	}
	uint64_t word = cursor_be64(bytes);
	if (bytes->failed)
		return damaged("number cut short");
	if (physical == PHYS_I64)
		value->i64 = (int64_t)i64_order((int64_t)word);
	else
		value->f64 = f64_from_order(word);
	return STATUS_OK;
}

status key_decode_value(struct cursor *bytes, struct type type, struct arena *arena, struct value *out)
{
	struct value value = {.type = type};
	uint8_t tag = cursor_u8(bytes);
	if (bytes->failed || (tag != KEY_VALUE && tag != KEY_NULL))
		return damaged("neither null nor value");
	status code = STATUS_OK;
	value.null = tag == KEY_NULL;
	if (!value.null) {
		enum physical physical = type_physical(type.id);
		if (physical == PHYS_TEXT)
			code = decode_text(bytes, arena, &value.text);
		else if (physical == PHYS_DECIMAL)
			code = decode_decimal(bytes, &value.decimal);
		else if (physical == PHYS_INTERVAL)
			code = decode_interval(bytes, &value.interval);
		else
			code = decode_fixed(bytes, physical, &value);
	}
	if (code == STATUS_OK)
		*out = value;
	return code;
}

bool key_successor(struct slice prefix, struct buffer *out)
{
	size_t size = prefix.size;
	while (size > 0 && prefix.data[size - 1] == 0xff)
		size--;
	if (size == 0)
		return false;
	buffer_append(out, prefix.data, size);
	out->data[out->size - 1]++;
	return true;
}
