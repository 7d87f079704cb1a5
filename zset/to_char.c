/* to_char(timestamp, pattern): PostgreSQL's template patterns. Pure functions, any thread.
 *
 *   [FM|TM] keyword [TH|th|SP]   |   "quoted text"   |   \"   |   any other character, as it is
 *
 * A keyword is written all in capitals or all in small letters; names of days and months also Capitalised,
 * and they come out in the case they were asked for, padded to nine characters unless FM or TM stands before.
 * Years BC are shown positive, as PostgreSQL does. Zone names (TZ) are refused: a timestamp without time zone
 * has none to show, and the function is not told which of the two types it is given.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/invariant.h"
#include "zset/calendar.h"

enum keyword {
	KEY_AD_DOTS,
	KEY_AM_DOTS,
	KEY_AD,
	KEY_AM,
	KEY_CC,
	KEY_DAY,
	KEY_DDD,
	KEY_DD,
	KEY_DY,
	KEY_D,
	KEY_FF,
	KEY_FX,
	KEY_HH24,
	KEY_HH12,
	KEY_IDDD,
	KEY_ID,
	KEY_IW,
	KEY_IYYY,
	KEY_IYY,
	KEY_IY,
	KEY_I,
	KEY_J,
	KEY_MI,
	KEY_MM,
	KEY_MONTH,
	KEY_MON,
	KEY_MS,
	KEY_OF,
	KEY_Q,
	KEY_RM,
	KEY_SSSS,
	KEY_SS,
	KEY_TZH,
	KEY_TZM,
	KEY_TZ,
	KEY_US,
	KEY_WW,
	KEY_W,
	KEY_Y_YYY,
	KEY_YYYY,
	KEY_YYY,
	KEY_YY,
	KEY_Y,
};

/* Longer ones before those they start with. */
static const struct {
	const char *name;
	enum keyword keyword;
	bool capitalised; /* may be written Like This */
} keywords[] = {
	{"A.D.", KEY_AD_DOTS, false},
	{"A.M.", KEY_AM_DOTS, false},
	{"AD", KEY_AD, false},
	{"AM", KEY_AM, false},
	{"B.C.", KEY_AD_DOTS, false},
	{"BC", KEY_AD, false},
	{"CC", KEY_CC, false},
	{"DAY", KEY_DAY, true},
	{"DDD", KEY_DDD, false},
	{"DD", KEY_DD, false},
	{"DY", KEY_DY, true},
	{"D", KEY_D, false},
	{"FF1", KEY_FF, false},
	{"FF2", KEY_FF, false},
	{"FF3", KEY_FF, false},
	{"FF4", KEY_FF, false},
	{"FF5", KEY_FF, false},
	{"FF6", KEY_FF, false},
	{"FX", KEY_FX, false},
	{"HH24", KEY_HH24, false},
	{"HH12", KEY_HH12, false},
	{"HH", KEY_HH12, false},
	{"IDDD", KEY_IDDD, false},
	{"ID", KEY_ID, false},
	{"IW", KEY_IW, false},
	{"IYYY", KEY_IYYY, false},
	{"IYY", KEY_IYY, false},
	{"IY", KEY_IY, false},
	{"I", KEY_I, false},
	{"J", KEY_J, false},
	{"MI", KEY_MI, false},
	{"MM", KEY_MM, false},
	{"MONTH", KEY_MONTH, true},
	{"MON", KEY_MON, true},
	{"MS", KEY_MS, false},
	{"OF", KEY_OF, false},
	{"P.M.", KEY_AM_DOTS, false},
	{"PM", KEY_AM, false},
	{"Q", KEY_Q, false},
	{"RM", KEY_RM, false},
	{"SSSSS", KEY_SSSS, false},
	{"SSSS", KEY_SSSS, false},
	{"SS", KEY_SS, false},
	{"TZH", KEY_TZH, false},
	{"TZM", KEY_TZM, false},
	{"TZ", KEY_TZ, false},
	{"US", KEY_US, false},
	{"WW", KEY_WW, false},
	{"W", KEY_W, false},
	{"Y,YYY", KEY_Y_YYY, false},
	{"YYYY", KEY_YYYY, false},
	{"YYY", KEY_YYY, false},
	{"YY", KEY_YY, false},
	{"Y", KEY_Y, false},
};

enum casing { CASE_UPPER, CASE_CAPITALISED, CASE_LOWER };

struct item {
	enum keyword keyword;
	enum casing casing;
	bool fill;    /* no FM: padded */
	char ordinal; /* 'T' ST ND RD TH, 't' st nd rd th, 0 none */
	char digit;   /* of FF1 … FF6 */
};

/* What patterns are made of, computed once. */
struct view {
	struct civil civil;
	int64_t days;
	int32_t weekday; /* 1 = Monday */
	int32_t day_of_year, iso_year, iso_week;
	int32_t year, iso_year_shown; /* BC made positive */
};

static bool matches(struct slice pattern, size_t at, const char *name, enum casing casing)
{
	for (size_t i = 0; name[i] != '\0'; i++) {
		if (at + i >= pattern.size)
			return false;
		bool lower = casing == CASE_LOWER || (casing == CASE_CAPITALISED && i > 0);
		char wanted = lower ? (char)tolower((unsigned char)name[i]) : name[i];
		if ((char)pattern.data[at + i] != wanted)
			return false;
	}
	return true;
}

/* Bytes of the keyword at `at`, 0 = none. */
static size_t keyword_find(struct slice pattern, size_t at, struct item *item)
{
	for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++) {
		for (int casing = CASE_UPPER; casing <= CASE_LOWER; casing++) {
			if ((casing == CASE_CAPITALISED && !keywords[k].capitalised) ||
				!matches(pattern, at, keywords[k].name, (enum casing)casing))
				continue;
			item->keyword = keywords[k].keyword;
			item->casing = (enum casing)casing;
			item->digit = keywords[k].keyword == KEY_FF ? keywords[k].name[2] : '\0';
			return strlen(keywords[k].name);
		}
	}
	return 0;
}

static bool either_case(struct slice pattern, size_t at, const char *upper)
{
	return matches(pattern, at, upper, CASE_UPPER) || matches(pattern, at, upper, CASE_LOWER);
}

static void put_ordinal(const struct item *item, size_t from, struct buffer *out)
{
	if (item->ordinal == '\0')
		return;
	uint8_t last = out->data[out->size - 1];
	bool teen = out->size - from > 1 && out->data[out->size - 2] == '1';
	int which = teen || last < '1' || last > '3' ? 3 : last - '1';
	static const char *const upper[] = {"ST", "ND", "RD", "TH"}, *const lower[] = {"st", "nd", "rd", "th"};
	buffer_append_string(out, item->ordinal == 'T' ? upper[which] : lower[which]);
}

static void put_number(const struct item *item, int64_t value, int width, struct buffer *out)
{
	size_t from = out->size;
	buffer_printf(out, "%0*lld", item->fill ? width + (value < 0 ? 1 : 0) : 0, (long long)value);
	put_ordinal(item, from, out);
}

/* Fractions keep their zeros, FM or not. */
static void put_fraction(const struct item *item, int32_t value, int width, struct buffer *out)
{
	size_t from = out->size;
	buffer_printf(out, "%0*d", width, value);
	put_ordinal(item, from, out);
}

/* `name` is Capitalised; only `size` letters of it are taken; padded to `width`. */
static void put_name(const struct item *item, const char *name, size_t size, size_t width, struct buffer *out)
{
	size_t length = strlen(name) < size ? strlen(name) : size;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		if (item->casing == CASE_UPPER)
			c = (char)toupper((unsigned char)c);
		if (item->casing == CASE_LOWER)
			c = (char)tolower((unsigned char)c);
		buffer_append_byte(out, (uint8_t)c);
	}
	for (size_t i = length; item->fill && i < width; i++)
		buffer_append_byte(out, ' ');
}

static void put_choice(
	const struct item *item, bool second, const char *first_word, const char *second_word, struct buffer *out)
{
	const char *word = second ? second_word : first_word;
	for (; *word != '\0'; word++)
		buffer_append_byte(
			out, (uint8_t)(item->casing == CASE_LOWER ? tolower((unsigned char)*word) : *word));
}

static void put_time(const struct item *item, const struct civil *civil, struct buffer *out)
{
	static const int32_t units[] = {100000, 10000, 1000, 100, 10, 1};
	int32_t second_of_day = (civil->hour * 60 + civil->minute) * 60 + civil->second;
	switch (item->keyword) {
	case KEY_AM_DOTS:
		put_choice(item, civil->hour >= 12, "A.M.", "P.M.", out);
		break;
	case KEY_AM:
		put_choice(item, civil->hour >= 12, "AM", "PM", out);
		break;
	case KEY_HH24:
		put_number(item, civil->hour, 2, out);
		break;
	case KEY_HH12:
		put_number(item, civil->hour % 12 == 0 ? 12 : civil->hour % 12, 2, out);
		break;
	case KEY_MI:
		put_number(item, civil->minute, 2, out);
		break;
	case KEY_SS:
		put_number(item, civil->second, 2, out);
		break;
	case KEY_SSSS:
		put_number(item, second_of_day, 1, out);
		break;
	case KEY_MS:
		put_fraction(item, civil->microsecond / 1000, 3, out);
		break;
	case KEY_US:
		put_fraction(item, civil->microsecond, 6, out);
		break;
	case KEY_FF:
		put_fraction(item, civil->microsecond / units[item->digit - '1'], item->digit - '0', out);
		break;
	case KEY_OF:
	case KEY_TZH:
		buffer_append_string(out, "+00");
		break;
	default:
		INVARIANT(item->keyword == KEY_TZM);
		buffer_append_string(out, "00");
	}
}

static void put_year(const struct item *item, const struct view *view, struct buffer *out)
{
	size_t from = out->size;
	switch (item->keyword) {
	case KEY_Y_YYY:
		buffer_printf(out, "%d,%03d", view->year / 1000, view->year % 1000);
		put_ordinal(item, from, out);
		break;
	case KEY_YYYY:
		put_number(item, view->year, 4, out);
		break;
	case KEY_YYY:
		put_number(item, view->year % 1000, 3, out);
		break;
	case KEY_YY:
		put_number(item, view->year % 100, 2, out);
		break;
	case KEY_Y:
		put_number(item, view->year % 10, 1, out);
		break;
	case KEY_IYYY:
		put_number(item, view->iso_year_shown, 4, out);
		break;
	case KEY_IYY:
		put_number(item, view->iso_year_shown % 1000, 3, out);
		break;
	case KEY_IY:
		put_number(item, view->iso_year_shown % 100, 2, out);
		break;
	case KEY_I:
		put_number(item, view->iso_year_shown % 10, 1, out);
		break;
	default: {
		INVARIANT(item->keyword == KEY_CC);
		int32_t year = view->civil.year, century = year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
		put_number(item, century, 2, out);
	}
	}
}

static void put_date(const struct item *item, const struct view *view, struct buffer *out)
{
	static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December"};
	static const char *const days[] = {
		"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
	static const char *const roman[] = {
		"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};
	const struct civil *civil = &view->civil;
	switch (item->keyword) {
	case KEY_AD_DOTS:
		put_choice(item, civil->year <= 0, "A.D.", "B.C.", out);
		break;
	case KEY_AD:
		put_choice(item, civil->year <= 0, "AD", "BC", out);
		break;
	case KEY_MONTH:
		put_name(item, months[civil->month - 1], 9, 9, out);
		break;
	case KEY_MON:
		put_name(item, months[civil->month - 1], 3, 3, out);
		break;
	case KEY_MM:
		put_number(item, civil->month, 2, out);
		break;
	case KEY_RM:
		put_name(item, roman[civil->month - 1], 4, 4, out);
		break;
	case KEY_DAY:
		put_name(item, days[view->weekday - 1], 9, 9, out);
		break;
	case KEY_DY:
		put_name(item, days[view->weekday - 1], 3, 3, out);
		break;
	case KEY_DDD:
		put_number(item, view->day_of_year, 3, out);
		break;
	case KEY_IDDD:
		put_number(item, (view->iso_week - 1) * 7 + view->weekday, 3, out);
		break;
	case KEY_DD:
		put_number(item, civil->day, 2, out);
		break;
	case KEY_D:
		put_number(item, view->weekday % 7 + 1, 1, out);
		break;
	case KEY_ID:
		put_number(item, view->weekday, 1, out);
		break;
	case KEY_WW:
		put_number(item, (view->day_of_year - 1) / 7 + 1, 2, out);
		break;
	case KEY_IW:
		put_number(item, view->iso_week, 2, out);
		break;
	case KEY_W:
		put_number(item, (civil->day - 1) / 7 + 1, 1, out);
		break;
	case KEY_Q:
		put_number(item, (civil->month - 1) / 3 + 1, 1, out);
		break;
	default:
		INVARIANT(item->keyword == KEY_J);
		put_number(item, view->days - DATE_FIRST, 1, out);
	}
}

static status put_item(const struct item *item, const struct view *view, struct buffer *out)
{
	switch (item->keyword) {
	case KEY_FX:
		return STATUS_OK;
	case KEY_TZ:
		(void)error_raise(STATUS_UNSUPPORTED, "to_char pattern \"TZ\" is not supported");
		error_hint("All times are UTC; write \"UTC\" in double quotes, or use OF or TZH.");
		return STATUS_UNSUPPORTED;
	case KEY_AM_DOTS:
	case KEY_AM:
	case KEY_HH24:
	case KEY_HH12:
	case KEY_MI:
	case KEY_SS:
	case KEY_SSSS:
	case KEY_MS:
	case KEY_US:
	case KEY_FF:
	case KEY_OF:
	case KEY_TZH:
	case KEY_TZM:
		put_time(item, &view->civil, out);
		return STATUS_OK;
	case KEY_CC:
	case KEY_Y_YYY:
	case KEY_YYYY:
	case KEY_YYY:
	case KEY_YY:
	case KEY_Y:
	case KEY_IYYY:
	case KEY_IYY:
	case KEY_IY:
	case KEY_I:
		put_year(item, view, out);
		return STATUS_OK;
	default:
		put_date(item, view, out);
		return STATUS_OK;
	}
}

static void view_make(int64_t timestamp_us, struct view *view)
{
	int64_t time_us = timestamp_us % MICROSECONDS_PER_DAY;
	time_us += time_us < 0 ? MICROSECONDS_PER_DAY : 0;
	view->days = (timestamp_us - time_us) / MICROSECONDS_PER_DAY;
	civil_from_timestamp(timestamp_us, &view->civil);
	view->weekday = date_weekday(view->days);
	view->day_of_year = (int32_t)(view->days - date_from_civil(view->civil.year, 1, 1)) + 1;
	date_iso_week(view->days, &view->iso_year, &view->iso_week);
	view->year = view->civil.year > 0 ? view->civil.year : 1 - view->civil.year;
	view->iso_year_shown = view->iso_year > 0 ? view->iso_year : 1 - view->iso_year;
}

/* At '"': up to the closing one, backslash escapes; returns where the pattern goes on. */
static size_t put_quoted(struct slice pattern, size_t at, struct buffer *out)
{
	for (at++; at < pattern.size && pattern.data[at] != '"'; at++) {
		if (pattern.data[at] == '\\' && at + 1 < pattern.size)
			at++;
		buffer_append_byte(out, pattern.data[at]);
	}
	return at + 1;
}

/* Microseconds within which the item's text stays the same: a day, an hour, … */
static int64_t item_unit_us(const struct item *item)
{
	switch (item->keyword) {
	case KEY_MS:
	case KEY_US:
	case KEY_FF:
		return 1;
	case KEY_SS:
	case KEY_SSSS:
		return MICROSECONDS_PER_SECOND;
	case KEY_MI:
		return 60 * MICROSECONDS_PER_SECOND;
	case KEY_HH24:
	case KEY_HH12:
	case KEY_AM:
	case KEY_AM_DOTS:
		return 3600 * MICROSECONDS_PER_SECOND;
	default:
		return MICROSECONDS_PER_DAY;
	}
}

int64_t timestamp_to_char_unit_us(struct slice pattern)
{
	int64_t unit_us = MICROSECONDS_PER_DAY;
	for (size_t at = 0; at < pattern.size;) {
		struct item item = {.fill = true};
		size_t size = keyword_find(pattern, at, &item);
		if (size != 0 && item_unit_us(&item) < unit_us)
			unit_us = item_unit_us(&item);
		at += size != 0
				  ? size
				  : 1; /* quoted text may look like a keyword: the unit is then only finer than need be */
	}
	return unit_us;
}

status timestamp_to_char(int64_t timestamp_us, struct slice pattern, struct buffer *out)
{
	if (timestamp_us == TIMESTAMP_INFINITY || timestamp_us == TIMESTAMP_MINUS_INFINITY)
		return error_raise(STATUS_OUT_OF_RANGE, "to_char of an infinite timestamp");
	struct view view;
	view_make(timestamp_us, &view);
	size_t size_before = out->size;
	for (size_t at = 0; at < pattern.size;) {
		struct item item = {.fill = true};
		if (either_case(pattern, at, "FM") || either_case(pattern, at, "TM")) {
			item.fill = false;
			at += 2;
			if (at == pattern.size)
				break;
		}
		size_t size = keyword_find(pattern, at, &item);
		if (size != 0) {
			at += size;
			if (either_case(pattern, at, "TH"))
				item.ordinal = (char)pattern.data[at];
			if (item.ordinal != '\0' || matches(pattern, at, "SP", CASE_UPPER))
				at += 2;
			status code = put_item(&item, &view, out);
			if (code != STATUS_OK) {
				out->size = size_before;
				return code;
			}
		} else if (pattern.data[at] == '"') {
			at = put_quoted(pattern, at, out);
		} else {
			if (pattern.data[at] == '\\' && at + 1 < pattern.size && pattern.data[at + 1] == '"')
				at++;
			buffer_append_byte(out, pattern.data[at++]);
		}
	}
	return STATUS_OK;
}
