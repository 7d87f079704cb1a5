/* Timestamps and dates as text. Pure functions, any thread.
 *
 * Input: the strict ISO form has a path of its own, since event times come in it by the million; everything
 * else is cut into tokens whose meaning is found by their shape and by what is known already:
 *
 *   2001-02-03  02/03/2001  3-Feb-2001  20010203  2001.034  J2451944  February 3, 2001     a date
 *   04:05:06.789  04:05 PM  T040506                                                        a time of day
 *   Z  +02  -0330  +05:30  UTC  PST                                                        a zone
 *   epoch  infinity  -infinity                                                             on their own
 *
 * Ambiguous numbers are month, day, year (DateStyle "ISO, MDY"). now, today and their like are refused: what
 * a record means may not depend on when it is read.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "zset/calendar.h"

struct moment {
	struct civil civil;
	int64_t time_us;      /* since midnight; a leap second or 24:00 may reach the next day */
	int32_t zone_seconds; /* east of UTC */
	bool has_year, has_month, has_day, has_day_of_year, has_julian, has_time, has_zone, bc;
	bool has_text_month;
	int32_t year_digits, day_of_year;
	int64_t julian;
	int32_t meridian; /* 0 none, 1 AM, 2 PM */
	bool out_of_range, zone_out_of_range;
};

struct reader {
	const char *at, *end;
	struct moment moment;
	bool after_t;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool at_digit(const struct reader *reader)
{
	return reader->at < reader->end && is_digit(*reader->at);
}

static bool at_char(const struct reader *reader, char wanted)
{
	return reader->at < reader->end && *reader->at == wanted;
}

/* Digits, at most nine of them significant; returns how many there were. */
static int32_t read_digits(struct reader *reader, int32_t *value)
{
	int32_t count = 0, sum = 0;
	for (; at_digit(reader); reader->at++, count++) {
		if (sum >= 100000000)
			reader->moment.out_of_range = true;
		else
			sum = sum * 10 + (*reader->at - '0');
	}
	*value = sum;
	return count;
}

/* At '.': a fraction of a second in microseconds, rounded as PostgreSQL rounds it. */
static int64_t read_fraction(struct reader *reader)
{
	char text[40] = "0";
	size_t size = 1;
	for (bool first = true; reader->at < reader->end && (first || is_digit(*reader->at)); first = false) {
		if (size < sizeof text - 1)
			text[size++] = *reader->at;
		reader->at++;
	}
	text[size] = '\0';
	return (int64_t)rint(strtod(text, NULL) * 1e6);
}

static bool set_time(struct moment *moment, int32_t hour, int32_t minute, int32_t second, int64_t fraction_us)
{
	if (moment->has_time)
		return false;
	moment->has_time = true;
	moment->civil.hour = hour;
	moment->civil.minute = minute;
	moment->civil.second = second;
	moment->civil.microsecond = (int32_t)fraction_us;
	if (minute > 59 || second > 60 || hour > 24 ||
		(hour == 24 && (minute > 0 || second > 0 || fraction_us > 0)))
		moment->out_of_range = true;
	return true;
}

/* At ':' after the hour. */
static bool read_time(struct reader *reader, int32_t hour)
{
	int32_t minute = 0, second = 0;
	int64_t fraction_us = 0;
	reader->at++;
	if (read_digits(reader, &minute) == 0)
		return false;
	if (at_char(reader, ':')) {
		reader->at++;
		if (read_digits(reader, &second) == 0)
			return false;
		if (at_char(reader, '.'))
			fraction_us = read_fraction(reader);
	}
	return set_time(&reader->moment, hour, minute, second, fraction_us);
}

static bool set_year(struct moment *moment, int32_t year, int32_t digits)
{
	if (moment->has_year)
		return false;
	moment->has_year = true;
	moment->civil.year = year;
	moment->year_digits = digits;
	return true;
}

static bool set_month(struct moment *moment, int32_t month)
{
	if (moment->has_month)
		return false;
	moment->has_month = true;
	moment->civil.month = month;
	return true;
}

static bool set_day(struct moment *moment, int32_t day)
{
	if (moment->has_day)
		return false;
	moment->has_day = true;
	moment->civil.day = day;
	return true;
}

static int32_t month_of_word(const char *word, size_t size)
{
	static const char *const names[] = {"january", "february", "march", "april", "may", "june", "july",
		"august", "september", "october", "november", "december"};
	for (int32_t i = 0; i < 12; i++) {
		bool whole = size == strlen(names[i]), cut = size == 3 || (size == 4 && i == 8);
		if ((whole || cut) && strncasecmp(names[i], word, size) == 0)
			return i + 1;
	}
	return 0;
}

static bool is_weekday(const char *word, size_t size)
{
	static const char *const names[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
		"saturday", "sun", "mon", "tue", "tues", "wed", "weds", "thu", "thur", "thurs", "fri", "sat"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (size == strlen(names[i]) && strncasecmp(names[i], word, size) == 0)
			return true;
	}
	return false;
}

/* PostgreSQL's default abbreviations that mean one thing to most people; all of fixed offset. */
static bool zone_of_word(const char *word, size_t size, int32_t *seconds)
{
	static const struct {
		const char *name;
		int8_t hours;
	} zones[] = {{"z", 0}, {"utc", 0}, {"gmt", 0}, {"zulu", 0}, {"ut", 0}, {"wet", 0}, {"west", 1},
		{"bst", 1}, {"cet", 1}, {"cest", 2}, {"eet", 2}, {"eest", 3}, {"msk", 3}, {"jst", 9}, {"est", -5},
		{"edt", -4}, {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7},
		{"akst", -9}, {"akdt", -8}, {"hst", -10}};
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
		if (size == strlen(zones[i].name) && strncasecmp(zones[i].name, word, size) == 0) {
			*seconds = zones[i].hours * 3600;
			return true;
		}
	}
	return false;
}

static bool set_zone(struct moment *moment, int32_t seconds)
{
	if (moment->has_zone)
		return false;
	moment->has_zone = true;
	moment->zone_seconds = seconds;
	return true;
}

/* At the sign of +hh, +hhmm, +hh:mm, +hh:mm:ss. */
static bool read_zone(struct reader *reader)
{
	bool west = *reader->at++ == '-';
	int32_t hours = 0, minutes = 0, seconds = 0;
	int32_t digits = read_digits(reader, &hours);
	if (digits == 0)
		return false;
	if (digits > 4) {
		seconds = hours % 100;
		hours /= 100;
	}
	if (digits > 2) {
		minutes = hours % 100;
		hours /= 100;
	} else if (at_char(reader, ':')) {
		reader->at++;
		if (read_digits(reader, &minutes) == 0)
			return false;
		if (at_char(reader, ':')) {
			reader->at++;
			if (read_digits(reader, &seconds) == 0)
				return false;
		}
	}
	if (hours > 15 || minutes > 59 || seconds > 59) {
		reader->moment.zone_out_of_range = true;
		return true;
	}
	int32_t offset = (hours * 60 + minutes) * 60 + seconds;
	return set_zone(&reader->moment, west ? -offset : offset);
}

struct part {
	int32_t value, digits; /* digits 0: a month's name */
};

static bool read_part(struct reader *reader, struct part *part)
{
	part->digits = read_digits(reader, &part->value);
	if (part->digits > 0)
		return true;
	const char *from = reader->at;
	while (reader->at < reader->end && isalpha((unsigned char)*reader->at))
		reader->at++;
	part->value = month_of_word(from, (size_t)(reader->at - from));
	return part->value != 0;
}

/* Three parts, or a year and a day of the year, separated alike; the first is read, `at` is at the separator.
 */
static bool read_date(struct reader *reader, struct part first)
{
	struct moment *moment = &reader->moment;
	struct part second, third;
	char separator = *reader->at++;
	if (moment->has_time) /* as in PostgreSQL */
		return false;
	if (!read_part(reader, &second))
		return false;
	if (!at_char(reader, separator)) {
		if (first.digits < 4 || second.digits != 3 || moment->has_day_of_year)
			return false;
		moment->has_day_of_year = true;
		moment->day_of_year = second.value;
		return set_year(moment, first.value, first.digits);
	}
	reader->at++;
	if (!read_part(reader, &third))
		return false;
	if (first.digits == 0) /* Feb-03-2001 */
		return set_month(moment, first.value) && set_day(moment, second.value) &&
			   set_year(moment, third.value, third.digits) && second.digits > 0 && third.digits > 0;
	if (first.digits >= 3) /* 2001-02-03, 2001-Feb-03 */
		return set_year(moment, first.value, first.digits) && set_month(moment, second.value) &&
			   set_day(moment, third.value) && third.digits > 0;
	if (second.digits == 0) /* 03-Feb-2001 */
		return set_day(moment, first.value) && set_month(moment, second.value) &&
			   set_year(moment, third.value, third.digits) && third.digits > 0;
	return set_month(moment, first.value) && set_day(moment, second.value) &&
		   set_year(moment, third.value, third.digits) && third.digits > 0;
}

static bool date_known(const struct moment *moment)
{
	return moment->has_year && ((moment->has_month && moment->has_day) || moment->has_day_of_year);
}

/* Digits with nothing attached: their count and what is known already say what they are. */
static bool place_number(struct reader *reader, int32_t value, int32_t digits)
{
	struct moment *moment = &reader->moment;
	if ((date_known(moment) || reader->after_t) &&
		(digits == 6 || digits == 4 || (digits == 2 && reader->after_t))) {
		int64_t fraction_us = digits == 6 && at_char(reader, '.') ? read_fraction(reader) : 0;
		if (digits == 6)
			return set_time(moment, value / 10000, value / 100 % 100, value % 100, fraction_us);
		return digits == 4 ? set_time(moment, value / 100, value % 100, 0, 0)
						   : set_time(moment, value, 0, 0, 0);
	}
	if (!moment->has_year && !moment->has_month && !moment->has_day && digits == 8)
		return set_year(moment, value / 10000, 4) && set_month(moment, value / 100 % 100) &&
			   set_day(moment, value % 100);
	if (!moment->has_year && !moment->has_month && !moment->has_day && digits == 6)
		return set_year(moment, value / 10000, 2) && set_month(moment, value / 100 % 100) &&
			   set_day(moment, value % 100);
	if (digits >= 3)
		return set_year(moment, value, digits);
	if (!moment->has_text_month && !moment->has_month)
		return set_month(moment, value);
	return moment->has_day ? set_year(moment, value, digits) : set_day(moment, value);
}

static bool read_number(struct reader *reader)
{
	struct part part;
	part.digits = read_digits(reader, &part.value);
	if (at_char(reader, ':'))
		return read_time(reader, part.value);
	if (!reader->after_t && reader->at + 1 < reader->end &&
		(*reader->at == '-' || *reader->at == '/' || *reader->at == '.') &&
		isalnum((unsigned char)reader->at[1]) && !reader->moment.has_year && !reader->moment.has_day)
		return read_date(reader, part);
	return place_number(reader, part.value, part.digits);
}

static bool word_is(const char *word, size_t size, const char *wanted)
{
	return size == strlen(wanted) && strncasecmp(word, wanted, size) == 0;
}

static bool read_word(struct reader *reader)
{
	struct moment *moment = &reader->moment;
	const char *word = reader->at;
	while (reader->at < reader->end && isalpha((unsigned char)*reader->at))
		reader->at++;
	size_t size = (size_t)(reader->at - word);
	int32_t zone;
	if (word_is(word, size, "t")) {
		reader->after_t = true;
		return at_digit(reader);
	}
	if (word_is(word, size, "j") && at_digit(reader)) {
		int32_t value;
		(void)read_digits(reader, &value);
		moment->julian = value;
		moment->has_julian = true;
		return true;
	}
	if (word_is(word, size, "am") || word_is(word, size, "pm")) {
		moment->meridian = (word[0] | 0x20) == 'a' ? 1 : 2;
		return true;
	}
	if (word_is(word, size, "bc") || word_is(word, size, "ad")) {
		moment->bc = (word[0] | 0x20) == 'b';
		return true;
	}
	int32_t month = month_of_word(word, size);
	if (month != 0) {
		struct part part = {month, 0};
		if (at_char(reader, '-') && reader->at + 1 < reader->end && is_digit(reader->at[1]))
			return read_date(reader, part);
		if (moment->has_month && !moment->has_text_month && !moment->has_day) {
			/* "8 January": what was taken for a month is the day. */
			moment->has_month = false;
			moment->has_day = true;
			moment->civil.day = moment->civil.month;
		}
		moment->has_text_month = true;
		return set_month(moment, month);
	}
	if (is_weekday(word, size))
		return true;
	if (zone_of_word(word, size, &zone))
		return set_zone(moment, zone);
	return false;
}

static bool read_tokens(struct reader *reader)
{
	while (reader->at < reader->end) {
		char c = *reader->at;
		bool read = true;
		if (isspace((unsigned char)c) || c == ',')
			reader->at++;
		else if (is_digit(c))
			read = read_number(reader);
		else if (isalpha((unsigned char)c))
			read = read_word(reader);
		else if ((c == '+' || c == '-') && (reader->moment.has_time || date_known(&reader->moment)))
			read = read_zone(reader);
		else
			read = false;
		if (!read)
			return false;
	}
	return true;
}

/* Exactly `count` digits, or a negative sum. */
static inline int32_t fixed_digits(const char *at, int count)
{
	int32_t sum = 0;
	for (int i = 0; i < count; i++) {
		if (!is_digit(at[i]))
			return -1;
		sum = sum * 10 + (at[i] - '0');
	}
	return sum;
}

/* YYYY-MM-DD[(T| )HH:MM:SS[.ffffff][Z]] with every field in range; anything else is for the tokens. */
static bool parse_iso(struct slice text, int64_t *days, int64_t *time_us)
{
	const char *at = (const char *)text.data;
	if (text.size < 10 || at[4] != '-' || at[7] != '-')
		return false;
	int32_t year = fixed_digits(at, 4), month = fixed_digits(at + 5, 2), day = fixed_digits(at + 8, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	int64_t microseconds = 0;
	if (text.size > 10) {
		if (text.size < 19 || (at[10] != 'T' && at[10] != ' ') || at[13] != ':' || at[16] != ':')
			return false;
		int32_t hour = fixed_digits(at + 11, 2), minute = fixed_digits(at + 14, 2),
				second = fixed_digits(at + 17, 2);
		if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
			return false;
		microseconds = ((hour * INT64_C(60) + minute) * 60 + second) * MICROSECONDS_PER_SECOND;
		size_t rest = 19;
		if (rest < text.size && at[rest] == '.') {
			int64_t unit = 100000;
			for (rest++; rest < text.size && is_digit(at[rest]); rest++, unit /= 10) {
				if (unit == 0)
					return false; /* digits to round */
				microseconds += (at[rest] - '0') * unit;
			}
		}
		if (rest < text.size && at[rest] == 'Z')
			rest++;
		if (rest != text.size)
			return false;
	}
	*days = date_from_civil(year, month, day);
	*time_us = microseconds;
	return true;
}

/* Checks what was read and brings the date to `days` and the time to `time_us`. */
static bool moment_resolve(struct moment *moment, int64_t *days)
{
	struct civil *civil = &moment->civil;
	if (moment->meridian != 0) {
		if (civil->hour > 12 || !moment->has_time)
			moment->out_of_range = true;
		civil->hour = civil->hour % 12 + (moment->meridian == 2 ? 12 : 0);
	}
	moment->time_us = civil_time_us(civil);
	if (moment->has_julian) {
		*days = moment->julian + DATE_FIRST;
		return !moment->has_year && !moment->has_month && !moment->has_day;
	}
	if (!moment->has_year || (!moment->has_day_of_year && (!moment->has_month || !moment->has_day)))
		return false;
	if (moment->bc) {
		moment->out_of_range = moment->out_of_range || civil->year <= 0;
		civil->year = 1 - civil->year;
	} else if (moment->year_digits <= 2) {
		civil->year += civil->year < 70 ? 2000 : 1900;
	} else if (civil->year <= 0) {
		moment->out_of_range = true;
	}
	if (moment->out_of_range || civil->year > 5874897)
		return moment->out_of_range = true;
	if (moment->has_day_of_year) {
		if (moment->day_of_year < 1 || moment->day_of_year > (year_is_leap(civil->year) ? 366 : 365))
			moment->out_of_range = true;
		*days = date_from_civil(civil->year, 1, 1) + moment->day_of_year - 1;
		return true;
	}
	if (civil->month < 1 || civil->month > 12 || civil->day < 1 ||
		civil->day > month_days(civil->year, civil->month))
		return moment->out_of_range = true;
	*days = date_from_civil(civil->year, civil->month, civil->day);
	return true;
}

static status bad_datetime(const char *type, struct slice text)
{
	int shown = text.size > 64 ? 64 : (int)text.size;
	return error_raise(STATUS_BAD_DATETIME, "invalid input syntax for type %s: \"%.*s\"", type, shown,
		(const char *)text.data);
}

static status out_of_range(const char *what, const char *sqlstate, struct slice text)
{
	int shown = text.size > 64 ? 64 : (int)text.size;
	(void)error_raise(STATUS_OUT_OF_RANGE, "%s: \"%.*s\"", what, shown, (const char *)text.data);
	error_sqlstate(sqlstate);
	return STATUS_OUT_OF_RANGE;
}

/* Words that stand for a whole value. Sets *known. */
static status parse_special(const struct reader *reader, const char *type, int64_t *out, bool *known)
{
	static const char *const relative[] = {"now", "today", "tomorrow", "yesterday", "allballs"};
	size_t size = (size_t)(reader->end - reader->at);
	*known = true;
	if (word_is(reader->at, size, "infinity") || word_is(reader->at, size, "+infinity")) {
		*out = TIMESTAMP_INFINITY;
		return STATUS_OK;
	}
	if (word_is(reader->at, size, "-infinity")) {
		*out = TIMESTAMP_MINUS_INFINITY;
		return STATUS_OK;
	}
	if (word_is(reader->at, size, "epoch")) {
		*out = 0;
		return STATUS_OK;
	}
	for (size_t i = 0; i < sizeof relative / sizeof relative[0]; i++) {
		if (!word_is(reader->at, size, relative[i]))
			continue;
		(void)error_raise(
			STATUS_UNSUPPORTED, "\"%s\" is not supported as a value of type %s", relative[i], type);
		error_hint("What a view holds may not depend on when it is computed; give the date itself.");
		return STATUS_UNSUPPORTED;
	}
	*known = false;
	return STATUS_OK;
}

/* Days and time since midnight; with *special, *days is the whole value. */
static status parse(struct slice text, const char *type, struct reader *reader, int64_t *days, bool *special)
{
	*reader = (struct reader){.at = (const char *)text.data, .end = (const char *)text.data + text.size};
	while (reader->at < reader->end && isspace((unsigned char)*reader->at))
		reader->at++;
	while (reader->end > reader->at && isspace((unsigned char)reader->end[-1]))
		reader->end--;
	*special = false;
	status code = parse_special(reader, type, days, special);
	if (code != STATUS_OK || *special)
		return code;
	if (!read_tokens(reader) || !moment_resolve(&reader->moment, days))
		return bad_datetime(type, text);
	if (reader->moment.zone_out_of_range)
		return out_of_range("time zone displacement out of range", "22009", text);
	if (reader->moment.out_of_range)
		return out_of_range("date/time field value out of range", "22008", text);
	return STATUS_OK;
}

status timestamp_parse(struct slice text, bool with_zone, int64_t *out)
{
	struct reader reader;
	int64_t value, iso_time_us;
	bool special;
	if (parse_iso(text, &value, &iso_time_us)) {
		*out = value * MICROSECONDS_PER_DAY + iso_time_us; /* years 1 to 9999 are in range */
		return STATUS_OK;
	}
	const char *type = type_name(with_zone ? TYPE_TIMESTAMPTZ : TYPE_TIMESTAMP);
	status code = parse(text, type, &reader, &value, &special);
	if (code != STATUS_OK)
		return code;
	if (!special) {
		int64_t time_us = reader.moment.time_us;
		if (with_zone)
			time_us -= reader.moment.zone_seconds * MICROSECONDS_PER_SECOND;
		if (timestamp_from_days(value, time_us, &value) != STATUS_OK)
			return out_of_range("timestamp out of range", "22008", text);
	}
	*out = value;
	return STATUS_OK;
}

status date_parse(struct slice text, int64_t *days)
{
	struct reader reader;
	int64_t value, iso_time_us;
	bool special;
	if (parse_iso(text, days, &iso_time_us))
		return STATUS_OK;
	status code = parse(text, type_name(TYPE_DATE), &reader, &value, &special);
	if (code != STATUS_OK)
		return code;
	if (!special && (value < DATE_FIRST || value > DATE_LAST))
		return out_of_range("date out of range", "22008", text);
	*days = value;
	return STATUS_OK;
}

/* Fixed two digits; values are below 100. */
static uint8_t *put_two(uint8_t *at, int32_t value)
{
	*at++ = (uint8_t)('0' + value / 10);
	*at++ = (uint8_t)('0' + value % 10);
	return at;
}

static void civil_date_format(const struct civil *civil, struct buffer *out)
{
	int32_t year = civil->year > 0 ? civil->year : 1 - civil->year;
	if (year > 9999) {
		buffer_printf(out, "%d", year);
	} else {
		uint8_t *at = buffer_reserve(out, 4);
		(void)put_two(put_two(at, year / 100), year % 100);
		out->size += 4;
	}
	uint8_t *at = buffer_reserve(out, 6);
	*at++ = '-';
	at = put_two(at, civil->month);
	*at++ = '-';
	(void)put_two(at, civil->day);
	out->size += 6;
}

void fraction_format(uint32_t microseconds, struct buffer *out)
{
	if (microseconds == 0)
		return;
	char digits[7] = ".";
	size_t size = 1;
	for (uint32_t unit = 100000; microseconds != 0; unit /= 10) {
		digits[size++] = (char)('0' + microseconds / unit);
		microseconds %= unit;
	}
	buffer_append(out, digits, size);
}

static bool infinity_format(int64_t value, struct buffer *out)
{
	if (value == TIMESTAMP_INFINITY)
		buffer_append_string(out, "infinity");
	else if (value == TIMESTAMP_MINUS_INFINITY)
		buffer_append_string(out, "-infinity");
	else
		return false;
	return true;
}

void timestamp_format(int64_t timestamp_us, bool with_zone, struct buffer *out)
{
	if (infinity_format(timestamp_us, out))
		return;
	struct civil civil;
	civil_from_timestamp(timestamp_us, &civil);
	civil_date_format(&civil, out);
	uint8_t *at = buffer_reserve(out, 9);
	*at++ = ' ';
	at = put_two(at, civil.hour);
	*at++ = ':';
	at = put_two(at, civil.minute);
	*at++ = ':';
	(void)put_two(at, civil.second);
	out->size += 9;
	fraction_format((uint32_t)civil.microsecond, out);
	if (with_zone)
		buffer_append_string(out, "+00");
	if (civil.year <= 0)
		buffer_append_string(out, " BC");
}

void date_format(int64_t days, struct buffer *out)
{
	if (infinity_format(days, out))
		return;
	struct civil civil;
	civil_from_date(days, &civil);
	civil_date_format(&civil, out);
	if (civil.year <= 0)
		buffer_append_string(out, " BC");
}
