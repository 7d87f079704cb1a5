/* Intervals as text, PostgreSQL's input forms and its IntervalStyle "postgres". Pure functions, any thread.
 *
 *   1 year 2 mons -3 days +04:05:06.7    @ 1 hour ago    1.5 days    1-2    3 04:05    P1Y2M3DT4H5M6S
 * P0001-02-03T04:05:06
 *
 * A fraction spills into the next smaller field: of a year into months (rounded), of a month into days of
 * 1/30, of a week into days, of a day into microseconds. Each field may be given once.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "zset/calendar.h"

struct reader {
	const char *at, *end;
	struct interval sum;
	uint32_t given;    /* bit per datetime_field */
	bool out_of_range; /* a field */
	bool sum_overflow; /* of fields that are each within range */
};

struct number {
	int64_t whole;
	double fraction; /* same sign as the number */
	bool negative, has_fraction, signed_explicitly;
};

static bool at_digit(const struct reader *reader)
{
	return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

static bool at_char(const struct reader *reader, char wanted)
{
	return reader->at < reader->end && *reader->at == wanted;
}

static void skip_space(struct reader *reader)
{
	while (reader->at < reader->end && isspace((unsigned char)*reader->at))
		reader->at++;
}

/* Digits; saturates and notes the overflow. */
static int64_t read_whole(struct reader *reader)
{
	int64_t value = 0;
	for (; at_digit(reader); reader->at++) {
		if (__builtin_mul_overflow(value, INT64_C(10), &value) ||
			__builtin_add_overflow(value, (int64_t)(*reader->at - '0'), &value)) {
			reader->out_of_range = true;
			value = 0;
		}
	}
	return value;
}

/* ".25" → 0.25, as strtod reads it. */
static double read_fraction(struct reader *reader)
{
	char text[40] = "0.";
	size_t size = 2;
	for (reader->at++; at_digit(reader); reader->at++) {
		if (size < sizeof text - 1)
			text[size++] = *reader->at;
	}
	text[size] = '\0';
	return strtod(text, NULL);
}

static bool read_number(struct reader *reader, struct number *out)
{
	*out = (struct number){0};
	if (at_char(reader, '-') || at_char(reader, '+')) {
		out->signed_explicitly = true;
		out->negative = *reader->at++ == '-';
		skip_space(reader);
	}
	bool digits = at_digit(reader);
	out->whole = read_whole(reader);
	if (at_char(reader, '.')) {
		const char *point = reader->at;
		out->has_fraction = true;
		out->fraction = read_fraction(reader);
		digits = digits || reader->at > point + 1;
	}
	if (out->negative) {
		out->whole = -out->whole;
		out->fraction = -out->fraction;
	}
	return digits;
}

static void add_us(struct reader *reader, __int128 microseconds)
{
	__int128 sum = microseconds + reader->sum.microseconds;
	if (sum != (int64_t)sum)
		reader->out_of_range = true;
	else
		reader->sum.microseconds = (int64_t)sum;
}

static void add_days(struct reader *reader, __int128 days)
{
	__int128 sum = days + reader->sum.days;
	if (sum != (int32_t)sum)
		reader->out_of_range = true;
	else
		reader->sum.days = (int32_t)sum;
}

static void add_months(struct reader *reader, __int128 months)
{
	__int128 sum = months + reader->sum.months;
	if (sum != (int32_t)sum)
		reader->sum_overflow = true;
	else
		reader->sum.months = (int32_t)sum;
}

/* fraction × scale microseconds, rounded. */
static void add_fraction_us(struct reader *reader, double fraction, double scale)
{
	add_us(reader, (__int128)rint(fraction * scale));
}

static void add_fraction_days(struct reader *reader, double fraction, int scale)
{
	double days = fraction * scale;
	double whole = trunc(days);
	add_days(reader, (__int128)whole);
	add_fraction_us(reader, days - whole, (double)MICROSECONDS_PER_DAY);
}

static void add_field(struct reader *reader, enum datetime_field field, const struct number *number)
{
	int64_t years = 1;
	switch (field) {
	case FIELD_MICROSECOND:
		add_us(reader, number->whole);
		add_fraction_us(reader, number->fraction, 1);
		break;
	case FIELD_MILLISECOND:
		add_us(reader, (__int128)number->whole * 1000);
		add_fraction_us(reader, number->fraction, 1e3);
		break;
	case FIELD_SECOND:
		add_us(reader, (__int128)number->whole * MICROSECONDS_PER_SECOND);
		add_fraction_us(reader, number->fraction, 1e6);
		break;
	case FIELD_MINUTE:
		add_us(reader, (__int128)number->whole * 60 * MICROSECONDS_PER_SECOND);
		add_fraction_us(reader, number->fraction, 60e6);
		break;
	case FIELD_HOUR:
		add_us(reader, (__int128)number->whole * 3600 * MICROSECONDS_PER_SECOND);
		add_fraction_us(reader, number->fraction, 3600e6);
		break;
	case FIELD_DAY:
		add_days(reader, number->whole);
		add_fraction_us(reader, number->fraction, (double)MICROSECONDS_PER_DAY);
		break;
	case FIELD_WEEK:
		add_days(reader, (__int128)number->whole * 7);
		add_fraction_days(reader, number->fraction, 7);
		break;
	case FIELD_MONTH:
		add_months(reader, number->whole);
		add_fraction_days(reader, number->fraction, 30);
		break;
	case FIELD_MILLENNIUM:
		years *= 10;
		/* fall through */
	case FIELD_CENTURY:
		years *= 10;
		/* fall through */
	case FIELD_DECADE:
		years *= 10;
		/* fall through */
	default: /* FIELD_YEAR */
		add_months(reader, (__int128)number->whole * years * 12);
		add_months(reader, (__int128)rint(number->fraction * (double)years * 12));
		break;
	}
}

static bool once(struct reader *reader, enum datetime_field field)
{
	uint32_t bit = UINT32_C(1) << field;
	bool first = (reader->given & bit) == 0;
	reader->given |= bit;
	return first;
}

/* After "hh" at ':': mm, mm:ss, mm:ss.f; or "mm:ss.f" when the second part has a fraction. */
static bool read_time(struct reader *reader, const struct number *first)
{
	int64_t parts[3] = {first->negative ? -first->whole : first->whole, 0, 0};
	int count = 1;
	double fraction = 0;
	bool has_fraction = false;
	while (count < 3 && at_char(reader, ':')) {
		reader->at++;
		if (!at_digit(reader)) {
			if (count == 1)
				return false;
			break;
		}
		parts[count++] = read_whole(reader);
	}
	if (at_char(reader, '.')) {
		has_fraction = true;
		fraction = read_fraction(reader);
	}
	if (count == 2 && has_fraction) {
		parts[2] = parts[1];
		parts[1] = parts[0];
		parts[0] = 0;
	}
	if (parts[1] > 59 || parts[2] > 60) {
		reader->out_of_range = true;
		return true;
	}
	__int128 time_us = (((__int128)parts[0] * 60 + parts[1]) * 60 + parts[2]) * MICROSECONDS_PER_SECOND +
					   (__int128)rint(fraction * 1e6);
	add_us(reader, first->negative ? -time_us : time_us);
	return once(reader, FIELD_HOUR) && once(reader, FIELD_MINUTE) && once(reader, FIELD_SECOND);
}

static bool read_unit(struct reader *reader, enum datetime_field *out)
{
	const char *from = reader->at;
	while (reader->at < reader->end && isalpha((unsigned char)*reader->at))
		reader->at++;
	struct slice word = slice_of(from, (size_t)(reader->at - from));
	if (word.size == 0 || datetime_field_parse(word, out) != STATUS_OK)
		return false;
	return *out <= FIELD_MILLENNIUM && *out != FIELD_QUARTER;
}

/* A number and what follows it: a time, a year-month, a unit, or nothing (days before a time, else seconds).
 */
static bool read_item(struct reader *reader)
{
	struct number number;
	if (!read_number(reader, &number))
		return false;
	if (at_char(reader, ':') && !number.has_fraction)
		return read_time(reader, &number);
	if (at_char(reader, '-') && !number.has_fraction) {
		reader->at++;
		if (!at_digit(reader))
			return false;
		int64_t months = read_whole(reader);
		if (months > 11)
			reader->out_of_range = true;
		add_months(reader, (__int128)number.whole * 12 + (number.negative ? -months : months));
		return once(reader, FIELD_YEAR) && once(reader, FIELD_MONTH);
	}
	skip_space(reader);
	enum datetime_field field = FIELD_SECOND;
	if (reader->at < reader->end && isalpha((unsigned char)*reader->at)) {
		if (!read_unit(reader, &field))
			return false;
	} else if (reader->at < reader->end) {
		/* "3 04:05": only a time may follow a bare number. */
		const char *look = reader->at;
		while (look < reader->end && (isdigit((unsigned char)*look) || *look == '-' || *look == '+'))
			look++;
		if (look == reader->end || *look != ':')
			return false;
		field = FIELD_DAY;
	}
	add_field(reader, field, &number);
	return once(reader, field);
}

static bool word_follows(struct reader *reader, const char *word)
{
	size_t size = strlen(word);
	if ((size_t)(reader->end - reader->at) < size || strncasecmp(reader->at, word, size) != 0)
		return false;
	const char *after = reader->at + size;
	if (after < reader->end && isalpha((unsigned char)*after))
		return false;
	reader->at = after;
	return true;
}

static void negate(struct reader *reader)
{
	struct interval negated;
	if (interval_negate(&reader->sum, &negated) != STATUS_OK)
		reader->out_of_range = true;
	else
		reader->sum = negated;
}

static bool read_items(struct reader *reader)
{
	size_t items = 0;
	for (skip_space(reader); reader->at < reader->end; skip_space(reader), items++) {
		if (at_char(reader, '@')) {
			reader->at++;
			continue;
		}
		if (items > 0 && word_follows(reader, "ago")) {
			skip_space(reader);
			negate(reader);
			return reader->at == reader->end;
		}
		if (!read_item(reader))
			return false;
	}
	return items > 0;
}

/* The alternative ISO format: 0001-02-03 and 04:05:06. */
static bool read_iso_fields(struct reader *reader, const struct number *first, bool in_time)
{
	struct number number = *first;
	static const enum datetime_field dates[] = {FIELD_YEAR, FIELD_MONTH, FIELD_DAY};
	static const enum datetime_field times[] = {FIELD_HOUR, FIELD_MINUTE, FIELD_SECOND};
	for (int i = 0; i < 3; i++) {
		enum datetime_field field = in_time ? times[i] : dates[i];
		add_field(reader, field, &number);
		if (!once(reader, field))
			return false;
		if (reader->at == reader->end || (!in_time && at_char(reader, 'T')))
			return true;
		if (i == 2 || !at_char(reader, in_time ? ':' : '-'))
			return false;
		reader->at++;
		if (!read_number(reader, &number))
			return false;
	}
	return false;
}

/* After the P. */
static bool read_iso(struct reader *reader)
{
	bool in_time = false;
	size_t items = 0;
	while (reader->at < reader->end) {
		struct number number;
		if (at_char(reader, 'T')) {
			in_time = true;
			items++;
			reader->at++;
			continue;
		}
		if (!read_number(reader, &number))
			return false;
		items++;
		if (reader->at == reader->end || at_char(reader, in_time ? ':' : '-') ||
			(!in_time && at_char(reader, 'T'))) {
			if (!read_iso_fields(reader, &number, in_time))
				return false;
			continue;
		}
		enum datetime_field field;
		switch (*reader->at++) {
		case 'Y':
			field = FIELD_YEAR;
			break;
		case 'M':
			field = in_time ? FIELD_MINUTE : FIELD_MONTH;
			break;
		case 'W':
			field = FIELD_WEEK;
			break;
		case 'D':
			field = FIELD_DAY;
			break;
		case 'H':
			field = FIELD_HOUR;
			break;
		case 'S':
			field = FIELD_SECOND;
			break;
		default:
			return false;
		}
		if (in_time != (field == FIELD_HOUR || field == FIELD_MINUTE || field == FIELD_SECOND))
			return false;
		add_field(reader, field, &number);
	}
	return items > 0;
}

status interval_parse(struct slice text, struct interval *out)
{
	struct reader reader = {.at = (const char *)text.data, .end = (const char *)text.data + text.size};
	int shown = text.size > 64 ? 64 : (int)text.size;
	skip_space(&reader);
	while (reader.end > reader.at && isspace((unsigned char)reader.end[-1]))
		reader.end--;
	bool iso = at_char(&reader, 'P');
	if (iso)
		reader.at++;
	bool read = iso ? read_iso(&reader) : read_items(&reader);
	if (!read)
		return error_raise(STATUS_BAD_DATETIME, "invalid input syntax for type interval: \"%.*s\"", shown,
			(const char *)text.data);
	if (reader.out_of_range || reader.sum_overflow) {
		(void)error_raise(STATUS_OUT_OF_RANGE, "interval field value out of range: \"%.*s\"", shown,
			(const char *)text.data);
		error_sqlstate(reader.out_of_range ? "22015" : "22008");
		return STATUS_OUT_OF_RANGE;
	}
	*out = reader.sum;
	return STATUS_OK;
}

struct writer {
	struct buffer *out;
	bool empty, after_negative;
};

static void write_part(struct writer *writer, int64_t value, const char *unit)
{
	if (value == 0)
		return;
	buffer_printf(writer->out, "%s%s%lld %s%s", writer->empty ? "" : " ",
		writer->after_negative && value > 0 ? "+" : "", (long long)value, unit, value != 1 ? "s" : "");
	writer->after_negative = value < 0;
	writer->empty = false;
}

void interval_format(const struct interval *interval, struct buffer *out)
{
	struct writer writer = {out, true, false};
	write_part(&writer, interval->months / 12, "year");
	write_part(&writer, interval->months % 12, "mon");
	write_part(&writer, interval->days, "day");
	if (interval->microseconds == 0 && !writer.empty)
		return;
	bool negative = interval->microseconds < 0;
	uint64_t rest = negative ? -(uint64_t)interval->microseconds : (uint64_t)interval->microseconds;
	uint32_t fraction = (uint32_t)(rest % 1000000);
	rest /= 1000000;
	buffer_printf(out, "%s%s%02llu:%02u:%02u", writer.empty ? "" : " ",
		negative ? "-" : (writer.after_negative ? "+" : ""), (unsigned long long)(rest / 3600),
		(unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
	fraction_format(fraction, out);
}
