/* One token → one value of a column. Simple forms are converted here without a call into the type library;
 * everything else is value_parse(), so a field means what PostgreSQL's input syntax says. A simple form is
 * only taken where its result is the same as the general one's (tests compare the two).
 *
 * JSON numbers into integer columns: JSON does not tell 1 from 1.0, so a number whose value is integral is
 * taken (1.0, 1e3), 1.5 is not. In a string, "1.0" is text and no integer, as in PostgreSQL.
 */
#include <stdarg.h>
#include <stdio.h>

#include "replay/decode_internal.h"
#include "replay/decode_scan.h"
#include "zset/datetime.h"
#include "zset/decimal.h"

/* Powers of ten a double holds exactly. */
static const double power10_f64[23] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool decode_utf8_valid(const uint8_t *at, size_t size)
{
	const uint8_t *end = at + size;
	while (at < end) {
		if (end - at >= 8 && (scan_load(at) & 0x8080808080808080ULL) == 0) {
			at += 8;
			continue;
		}
		uint8_t lead = *at++;
		if (lead < 0x80)
			continue;
		/* RFC 3629: the second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
		 */
		unsigned more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
		uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
		uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
		if (lead < 0xc2 || lead > 0xf4 || (size_t)(end - at) < more || at[0] < low || at[0] > high)
			return false;
		for (unsigned i = 1; i < more; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return false;
		}
		at += more;
	}
	return true;
}

const char *decode_excerpt(struct decoder *decoder, struct slice bytes)
{
	size_t size = bytes.size < DECODE_EXCERPT_MAX ? bytes.size : DECODE_EXCERPT_MAX;
	bool cut = size < bytes.size;
	/* Not within a character. */
	while (cut && size > 0 && (bytes.data[size] & 0xc0) == 0x80)
		size--;
	if (cut && size == 0)
		size = DECODE_EXCERPT_MAX;
	char *text = arena_alloc(decoder->arena, size + 4);
	bool valid = decode_utf8_valid(bytes.data, size);
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = bytes.data[i];
		bool shown = byte >= 0x20 && byte != 0x7f && (byte < 0x80 || valid);
		text[i] = shown ? (char)byte : '?';
	}
	memcpy(text + size, cut ? "\xe2\x80\xa6" : "\0\0\0", 3);
	text[size + 3] = 0;
	return text;
}

/* ---- storing ---- */

static inline void put_i64(struct decoder *decoder, const struct decode_column *column, int64_t value)
{
	if (column->values != NULL)
		((int64_t *)column->values)[decoder->row] = value;
}

static inline void put_f64(struct decoder *decoder, const struct decode_column *column, double value)
{
	if (column->values != NULL)
		((double *)column->values)[decoder->row] = value;
}

static inline void put_text(struct decoder *decoder, const struct decode_column *column, struct slice text)
{
	if (column->values != NULL)
		((struct text *)column->values)[decoder->row] =
			(struct text){.data = (const char *)text.data, .size = (uint32_t)text.size};
}

static inline void put_decimal(
	struct decoder *decoder, const struct decode_column *column, struct decimal value)
{
	if (column->values != NULL)
		((struct decimal *)column->values)[decoder->row] = value;
}

/* Why not, for the error text. */
static bool refuse(struct decoder *decoder, status reason)
{
	decoder->reason = reason;
	return false;
}

static void put_value(struct decoder *decoder, const struct decode_column *column, const struct value *value)
{
	if (column->values == NULL)
		return;
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		((uint8_t *)column->values)[decoder->row] = value->boolean;
		break;
	case PHYS_I64:
		put_i64(decoder, column, value->i64);
		break;
	case PHYS_F64:
		put_f64(decoder, column, value->f64);
		break;
	case PHYS_DECIMAL:
		put_decimal(decoder, column, value->decimal);
		break;
	case PHYS_TEXT:
		((struct text *)column->values)[decoder->row] = value->text;
		break;
	case PHYS_INTERVAL:
		((struct interval *)column->values)[decoder->row] = value->interval;
		break;
	}
}

/* ---- converting ---- */

/* Whatever the type library makes of the text. */
static bool put_parsed(struct decoder *decoder, const struct decode_column *column, struct slice text)
{
	struct value value;
	status result = value_parse(column->type, text, decoder->arena, &value);
	if (result != STATUS_OK)
		return refuse(decoder, result);
	put_value(decoder, column, &value);
	return true;
}

/* Days since 1970 of "YYYY-MM-DD"; false: not a date of this form. The last one is remembered. */
static bool day_simple(struct decoder *decoder, const uint8_t *at, int64_t *days)
{
	uint64_t head = scan_load(at);
	uint16_t tail;
	memcpy(&tail, at + 8, sizeof tail);
	if (head == decoder->day_head && tail == decoder->day_tail) {
		*days = decoder->day;
		return true;
	}
	uint64_t digits;
	if (scan_digit_count(head, &digits) != 4 || at[4] != '-' || scan_digit_count(head >> 40, &digits) != 2 ||
		at[7] != '-' || scan_digit_count(tail, &digits) != 2)
		return false;
	int32_t year = (at[0] - '0') * 1000 + (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
	int32_t month = (at[5] - '0') * 10 + (at[6] - '0');
	int32_t day = (at[8] - '0') * 10 + (at[9] - '0');
	static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (year == 0 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1] + (month == 2 && leap))
		return false;
	decoder->day_head = head;
	decoder->day_tail = tail;
	decoder->day = date_from_civil(year, month, day);
	*days = decoder->day;
	return true;
}

bool decode_date_simple(struct decoder *decoder, struct slice text, int64_t *days)
{
	return text.size == 10 && day_simple(decoder, text.data, days);
}

const uint8_t *decode_timestamp_scan(struct decoder *decoder, const uint8_t *at, int64_t *out)
{
	int64_t days;
	if (!day_simple(decoder, at, &days) || (at[10] != 'T' && at[10] != ' '))
		return NULL;
	/* HH:MM:SS against "00:00:00": colons become 0, digits their values. */
	uint64_t time = scan_load(at + 11) ^ 0x30303a30303a3030ULL;
	uint64_t others =
		(time | ((time & 0x7f7f7f7f7f7f7f7fULL) + 0x0606060606060606ULL)) & 0xf0f0f0f0f0f0f0f0ULL;
	if (others != 0 || (time & 0x0000ff0000ff0000ULL) != 0)
		return NULL;
	/* Pairs of digits at bytes 0, 3, 6. */
	uint64_t pairs = time * 10 + (time >> 8);
	int64_t hour = (int64_t)(pairs & 0xff), minute = (int64_t)(pairs >> 24 & 0xff);
	int64_t second = (int64_t)(pairs >> 48 & 0xff);
	if (hour > 23 || minute > 59 || second > 59)
		return NULL;
	int64_t fraction_us = 0;
	at += 19;
	if (*at == '.') {
		uint64_t digits;
		unsigned run = scan_digit_count(scan_load(at + 1), &digits);
		if (run == 0 || run > 6)
			return NULL;
		fraction_us = (int64_t)(scan_digits_join(digits << 8 << (8 * (7 - run))) * scan_power10[6 - run]);
		at += 1 + run;
	}
	*out = days * MICROSECONDS_PER_DAY + ((hour * 60 + minute) * 60 + second) * MICROSECONDS_PER_SECOND +
		   fraction_us;
	return at + (*at == 'Z');
}

bool decode_timestamp_simple(struct decoder *decoder, struct slice text, int64_t *out)
{
	return text.size >= 19 && decode_timestamp_scan(decoder, text.data, out) == text.data + text.size;
}

/* The integer |n| < 10^18 that is the whole text, or false. */
static bool integer_simple(struct slice text, int64_t *out)
{
	if (text.size == 0 || text.size > 19)
		return false;
	unsigned count;
	bool negative = text.data[0] == '-';
	uint64_t value = scan_digits(text.data + negative, &count);
	if (count == 0 || count > 18 || count + negative != text.size)
		return false;
	*out = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static bool put_integer(struct decoder *decoder, const struct decode_column *column, int64_t value)
{
	if (value < column->min || value > column->max)
		return refuse(decoder, STATUS_OUT_OF_RANGE);
	put_i64(decoder, column, value);
	return true;
}

bool decode_put_text(struct decoder *decoder, uint32_t index, struct slice text)
{
	const struct decode_column *column = &decoder->columns[index];
	int64_t i64;
	switch (column->kind) {
	case COLUMN_INTEGER:
		if (integer_simple(text, &i64))
			return put_integer(decoder, column, i64);
		break;
	case COLUMN_TIMESTAMP:
		if (decode_timestamp_simple(decoder, text, &i64)) {
			put_i64(decoder, column, i64);
			return true;
		}
		break;
	case COLUMN_DATE:
		if (decode_date_simple(decoder, text, &i64)) {
			put_i64(decoder, column, i64);
			return true;
		}
		break;
	case COLUMN_TEXT:
		if (text.size > TEXT_SIZE_MAX)
			return refuse(decoder, STATUS_TOO_LARGE);
		if (memchr(text.data, 0, text.size) != NULL || !decode_utf8_valid(text.data, text.size))
			return refuse(decoder, STATUS_BAD_ENCODING);
		if (column->type.modifier >= 0 && text.size > (size_t)column->type.modifier)
			break; /* characters must be counted */
		put_text(decoder, column, text);
		return true;
	default:
		break;
	}
	if (!decode_utf8_valid(text.data, text.size))
		return refuse(decoder, STATUS_BAD_ENCODING);
	return put_parsed(decoder, column, text);
}

static bool put_number_f64(struct decoder *decoder, const struct decode_column *column, struct slice text,
	const struct scan_number *number)
{
	int32_t exponent = number->exponent - number->fraction;
	bool small = exponent >= -22 && exponent <= 22;
	/* Both operands are exact, so the one operation rounds correctly. */
	if (column->kind == COLUMN_FLOAT8 && small && number->mantissa <= UINT64_C(1) << 53) {
		double value = (double)number->mantissa;
		value = exponent < 0 ? value / power10_f64[-exponent] : value * power10_f64[exponent];
		put_f64(decoder, column, number->negative ? -value : value);
		return true;
	}
	if (column->kind == COLUMN_FLOAT4 && exponent >= -10 && exponent <= 10 && number->mantissa <= 1 << 24) {
		float value = (float)number->mantissa;
		float power = (float)power10_f64[exponent < 0 ? -exponent : exponent];
		value = exponent < 0 ? value / power : value * power;
		put_f64(decoder, column, (double)(number->negative ? -value : value));
		return true;
	}
	return put_parsed(decoder, column, text);
}

/* Milliseconds with `number`'s value, to microseconds. */
static bool put_milliseconds(struct decoder *decoder, const struct decode_column *column, int64_t ms)
{
	int64_t us;
	if (__builtin_mul_overflow(ms, 1000, &us) || us == TIMESTAMP_INFINITY || us == TIMESTAMP_MINUS_INFINITY)
		return refuse(decoder, STATUS_OUT_OF_RANGE);
	put_i64(decoder, column, us);
	return true;
}

/* Numbers that are long or not written as plain integers, for columns of 64-bit integers. */
static bool put_number_i64(struct decoder *decoder, const struct decode_column *column, struct slice text)
{
	struct decimal exact, whole;
	status result = decimal_parse(text, &exact);
	if (result != STATUS_OK)
		return refuse(decoder, result);
	result = decimal_truncate(&exact, 0, &whole);
	if (result != STATUS_OK)
		return refuse(decoder, result);
	if (decimal_compare(&exact, &whole) != 0)
		return refuse(decoder, STATUS_BAD_TEXT); /* a fraction */
	int64_t value;
	result = decimal_to_i64(&whole, &value);
	if (result != STATUS_OK)
		return refuse(decoder, result);
	return column->kind == COLUMN_TIMESTAMP ? put_milliseconds(decoder, column, value)
											: put_integer(decoder, column, value);
}

static bool put_number(struct decoder *decoder, const struct decode_column *column, struct slice text)
{
	struct scan_number number = {0};
	const uint8_t *end = scan_number(text.data, &number);
	bool simple = end == text.data + text.size;
	int64_t plain = simple ? (int64_t)number.mantissa : 0;
	plain = number.negative ? -plain : plain;
	switch (column->kind) {
	case COLUMN_INTEGER:
	case COLUMN_DATE:
		return simple && number.plain ? put_integer(decoder, column, plain)
									  : put_number_i64(decoder, column, text);
	case COLUMN_TIMESTAMP:
		return simple && number.plain ? put_milliseconds(decoder, column, plain)
									  : put_number_i64(decoder, column, text);
	case COLUMN_FLOAT4:
	case COLUMN_FLOAT8:
		return simple ? put_number_f64(decoder, column, text, &number) : put_parsed(decoder, column, text);
	case COLUMN_NUMERIC:
		if (!simple || number.exponent != 0 || column->type.modifier >= 0)
			return put_parsed(decoder, column, text);
		put_decimal(decoder, column, (struct decimal){.value = plain, .scale = number.fraction});
		return true;
	case COLUMN_TEXT:
		return decode_put_text(decoder, (uint32_t)(column - decoder->columns), text);
	case COLUMN_BOOL:
	case COLUMN_OTHER:
		return put_parsed(decoder, column, text);
	}
	return false;
}

bool decode_put_token(struct decoder *decoder, uint32_t index, const struct token *token)
{
	const struct decode_column *column = &decoder->columns[index];
	struct slice text = token->text;
	switch (token->kind) {
	case TOKEN_NULL:
		if (column->not_null)
			return refuse(decoder, STATUS_NOT_NULL);
		decode_put_null(decoder, index);
		return true;
	case TOKEN_TRUE:
	case TOKEN_FALSE:
		if (column->kind != COLUMN_BOOL)
			return decode_put_text(decoder, index, text);
		if (column->values != NULL)
			((uint8_t *)column->values)[decoder->row] = token->kind == TOKEN_TRUE;
		return true;
	case TOKEN_NUMBER:
		return put_number(decoder, column, text);
	case TOKEN_STRING:
		return decode_put_text(decoder, index, text);
	case TOKEN_STRING_ESCAPED: {
		/* In the arena: the column may keep it. */
		decoder->text.size = 0;
		json_unescape(text, &decoder->text);
		uint8_t *copy = arena_alloc(decoder->arena, decoder->text.size + DECODE_PADDING);
		memcpy(copy, decoder->text.data, decoder->text.size);
		memset(copy + decoder->text.size, 0, DECODE_PADDING);
		return decode_put_text(decoder, index, slice_of(copy, decoder->text.size));
	}
	case TOKEN_OBJECT:
	case TOKEN_ARRAY:
		if (column->kind != COLUMN_TEXT)
			return refuse(decoder, STATUS_BAD_TEXT);
		return decode_put_text(decoder, index, text);
	}
	return false;
}

/* ---- saying why not ---- */

static void explain(struct decoder *decoder, uint32_t index, struct slice text, const char *quote)
{
	const struct decode_column *column = &decoder->columns[index];
	const char *name = decode_excerpt(decoder, slice_of(column->name, column->name_size));
	if (decoder->reason == STATUS_NOT_NULL) {
		decode_fail(decoder, "field \"%s\": null, but the column is NOT NULL", name);
		return;
	}
	const char *why = "";
	if (decoder->reason == STATUS_OUT_OF_RANGE)
		why = ": out of range";
	else if (decoder->reason == STATUS_TOO_LARGE)
		why = ": too long";
	else if (decoder->reason == STATUS_BAD_ENCODING)
		why = ": invalid UTF-8 or a zero byte";
	decode_fail(decoder, "field \"%s\": cannot read %s%s%s as %s%s", name, quote,
		decode_excerpt(decoder, text), quote, type_format(column->type, decoder->arena), why);
}

void decode_explain_token(struct decoder *decoder, uint32_t index, const struct token *token)
{
	bool string = token->kind == TOKEN_STRING || token->kind == TOKEN_STRING_ESCAPED;
	explain(decoder, index, token->text, string ? "\"" : "");
}

void decode_explain_text(struct decoder *decoder, uint32_t index, struct slice text)
{
	explain(decoder, index, text, "\"");
}
