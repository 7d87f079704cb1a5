/* Fields of timestamps and intervals: their names, and extract(). Pure functions, any thread.
 *
 * Values and scales are PostgreSQL 15's: seconds and epoch carry six digits, milliseconds three, all else
 * none; there is no year 0, so years, decades, centuries and millennia BC are negative and start with −1.
 */
#include <strings.h>

#include "base/invariant.h"
#include "zset/calendar.h"
#include "zset/decimal.h"

static const struct {
	const char *name;
	enum datetime_field field;
} field_names[] = {
	/* The first name of a field is the one shown. */
	{"microseconds", FIELD_MICROSECOND},
	{"microsecond", FIELD_MICROSECOND},
	{"us", FIELD_MICROSECOND},
	{"usec", FIELD_MICROSECOND},
	{"usecs", FIELD_MICROSECOND},
	{"usecond", FIELD_MICROSECOND},
	{"useconds", FIELD_MICROSECOND},
	{"milliseconds", FIELD_MILLISECOND},
	{"millisecond", FIELD_MILLISECOND},
	{"ms", FIELD_MILLISECOND},
	{"msec", FIELD_MILLISECOND},
	{"msecs", FIELD_MILLISECOND},
	{"msecond", FIELD_MILLISECOND},
	{"mseconds", FIELD_MILLISECOND},
	{"second", FIELD_SECOND},
	{"seconds", FIELD_SECOND},
	{"sec", FIELD_SECOND},
	{"secs", FIELD_SECOND},
	{"s", FIELD_SECOND},
	{"minute", FIELD_MINUTE},
	{"minutes", FIELD_MINUTE},
	{"min", FIELD_MINUTE},
	{"mins", FIELD_MINUTE},
	{"m", FIELD_MINUTE},
	{"hour", FIELD_HOUR},
	{"hours", FIELD_HOUR},
	{"hr", FIELD_HOUR},
	{"hrs", FIELD_HOUR},
	{"h", FIELD_HOUR},
	{"day", FIELD_DAY},
	{"days", FIELD_DAY},
	{"d", FIELD_DAY},
	{"week", FIELD_WEEK},
	{"weeks", FIELD_WEEK},
	{"w", FIELD_WEEK},
	{"month", FIELD_MONTH},
	{"months", FIELD_MONTH},
	{"mon", FIELD_MONTH},
	{"mons", FIELD_MONTH},
	{"quarter", FIELD_QUARTER},
	{"qtr", FIELD_QUARTER},
	{"year", FIELD_YEAR},
	{"years", FIELD_YEAR},
	{"yr", FIELD_YEAR},
	{"yrs", FIELD_YEAR},
	{"y", FIELD_YEAR},
	{"decade", FIELD_DECADE},
	{"decades", FIELD_DECADE},
	{"dec", FIELD_DECADE},
	{"decs", FIELD_DECADE},
	{"century", FIELD_CENTURY},
	{"centuries", FIELD_CENTURY},
	{"cent", FIELD_CENTURY},
	{"c", FIELD_CENTURY},
	{"millennium", FIELD_MILLENNIUM},
	{"millennia", FIELD_MILLENNIUM},
	{"mil", FIELD_MILLENNIUM},
	{"mils", FIELD_MILLENNIUM},
	{"dow", FIELD_DOW},
	{"isodow", FIELD_ISODOW},
	{"doy", FIELD_DOY},
	{"isoyear", FIELD_ISOYEAR},
	{"epoch", FIELD_EPOCH},
	{"julian", FIELD_JULIAN},
	{"jd", FIELD_JULIAN},
	{"j", FIELD_JULIAN},
	{"timezone", FIELD_TIMEZONE},
};

const char *datetime_field_name(enum datetime_field field)
{
	for (size_t i = 0; i < sizeof field_names / sizeof field_names[0]; i++) {
		if (field_names[i].field == field)
			return field_names[i].name;
	}
	return "unknown";
}

status datetime_field_parse(struct slice name, enum datetime_field *out)
{
	for (size_t i = 0; i < sizeof field_names / sizeof field_names[0]; i++) {
		if (strlen(field_names[i].name) == name.size &&
			strncasecmp(field_names[i].name, (const char *)name.data, name.size) == 0) {
			*out = field_names[i].field;
			return STATUS_OK;
		}
	}
	int shown = name.size > 40 ? 40 : (int)name.size;
	return error_raise(STATUS_INVALID, "unit \"%.*s\" not recognized", shown, (const char *)name.data);
}

static status unsupported(enum datetime_field field, const char *type)
{
	return error_raise(
		STATUS_UNSUPPORTED, "unit \"%s\" not supported for type %s", datetime_field_name(field), type);
}

static struct decimal scaled(__int128 value, int32_t scale)
{
	return (struct decimal){.value = value, .scale = scale};
}

/* Years of a calendar without a year 0. */
static int64_t year_span(enum datetime_field field, int32_t year)
{
	switch (field) {
	case FIELD_DECADE:
		return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
	case FIELD_CENTURY:
		return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100);
	case FIELD_MILLENNIUM:
		return year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000);
	default:
		return year > 0 ? year : year - 1;
	}
}

static bool extract_date_part(enum datetime_field field, int64_t days, struct decimal *out)
{
	struct civil civil;
	int32_t iso_year, week;
	int64_t value = 0;
	civil_from_date(days, &civil);
	switch (field) {
	case FIELD_DAY:
		value = civil.day;
		break;
	case FIELD_MONTH:
		value = civil.month;
		break;
	case FIELD_QUARTER:
		value = (civil.month - 1) / 3 + 1;
		break;
	case FIELD_WEEK:
		date_iso_week(days, &iso_year, &week);
		value = week;
		break;
	case FIELD_ISOYEAR:
		date_iso_week(days, &iso_year, &week);
		value = iso_year > 0 ? iso_year : iso_year - 1;
		break;
	case FIELD_YEAR:
	case FIELD_DECADE:
	case FIELD_CENTURY:
	case FIELD_MILLENNIUM:
		value = year_span(field, civil.year);
		break;
	case FIELD_DOW:
		value = date_weekday(days) % 7;
		break;
	case FIELD_ISODOW:
		value = date_weekday(days);
		break;
	case FIELD_DOY:
		value = days - date_from_civil(civil.year, 1, 1) + 1;
		break;
	default:
		return false;
	}
	*out = decimal_from_i64(value);
	return true;
}

static status refuse_infinity(void)
{
	return error_raise(STATUS_OUT_OF_RANGE, "cannot extract a field from an infinite date or timestamp");
}

/* Of a time of day or of an interval's microseconds. */
static bool extract_time_part(enum datetime_field field, int64_t time_us, struct decimal *out)
{
	switch (field) {
	case FIELD_MICROSECOND:
		*out = scaled(time_us % (60 * MICROSECONDS_PER_SECOND), 0);
		return true;
	case FIELD_MILLISECOND:
		*out = scaled(time_us % (60 * MICROSECONDS_PER_SECOND), 3);
		return true;
	case FIELD_SECOND:
		*out = scaled(time_us % (60 * MICROSECONDS_PER_SECOND), 6);
		return true;
	case FIELD_MINUTE:
		*out = scaled(time_us / (60 * MICROSECONDS_PER_SECOND) % 60, 0);
		return true;
	case FIELD_HOUR:
		*out = scaled(time_us / (3600 * MICROSECONDS_PER_SECOND), 0);
		return true;
	default:
		return false;
	}
}

status timestamp_extract(enum datetime_field field, int64_t timestamp_us, struct decimal *out)
{
	if (timestamp_us == TIMESTAMP_INFINITY || timestamp_us == TIMESTAMP_MINUS_INFINITY)
		return refuse_infinity();
	int64_t time_us = timestamp_us % MICROSECONDS_PER_DAY;
	time_us += time_us < 0 ? MICROSECONDS_PER_DAY : 0;
	int64_t days = (timestamp_us - time_us) / MICROSECONDS_PER_DAY;
	if (extract_time_part(field, time_us, out) || extract_date_part(field, days, out))
		return STATUS_OK;
	switch (field) {
	case FIELD_EPOCH:
		*out = scaled(timestamp_us, 6);
		return STATUS_OK;
	case FIELD_TIMEZONE:
		*out = scaled(0, 0); /* UTC */
		return STATUS_OK;
	case FIELD_JULIAN: {
		struct decimal day = decimal_from_i64(days - DATE_FIRST), fraction;
		struct decimal time = decimal_from_i64(time_us), whole = decimal_from_i64(MICROSECONDS_PER_DAY);
		status code = decimal_divide(&time, &whole, &fraction);
		return code == STATUS_OK ? decimal_add(&day, &fraction, out) : code;
	}
	default:
		return unsupported(field, "timestamp");
	}
}

status date_extract(enum datetime_field field, int64_t days, struct decimal *out)
{
	if (days == TIMESTAMP_INFINITY || days == TIMESTAMP_MINUS_INFINITY)
		return refuse_infinity();
	if (extract_date_part(field, days, out))
		return STATUS_OK;
	switch (field) {
	case FIELD_EPOCH:
		*out = decimal_from_i64(days * 86400);
		return STATUS_OK;
	case FIELD_JULIAN:
		*out = decimal_from_i64(days - DATE_FIRST);
		return STATUS_OK;
	default:
		return unsupported(field, "date");
	}
}

status interval_extract(enum datetime_field field, const struct interval *interval, struct decimal *out)
{
	int64_t years = interval->months / 12, months = interval->months % 12;
	if (extract_time_part(field, interval->microseconds, out))
		return STATUS_OK;
	switch (field) {
	case FIELD_DAY:
		*out = decimal_from_i64(interval->days);
		return STATUS_OK;
	case FIELD_MONTH:
		*out = decimal_from_i64(months);
		return STATUS_OK;
	case FIELD_QUARTER:
		*out = decimal_from_i64(months / 3 + 1);
		return STATUS_OK;
	case FIELD_YEAR:
		*out = decimal_from_i64(years);
		return STATUS_OK;
	case FIELD_DECADE:
		*out = decimal_from_i64(years / 10);
		return STATUS_OK;
	case FIELD_CENTURY:
		*out = decimal_from_i64(years / 100);
		return STATUS_OK;
	case FIELD_MILLENNIUM:
		*out = decimal_from_i64(years / 1000);
		return STATUS_OK;
	case FIELD_EPOCH: {
		/* Here, and only here, a year is 365.25 days. */
		int64_t seconds = years * 31557600 + months * 30 * 86400 + (int64_t)interval->days * 86400;
		*out = scaled((__int128)seconds * MICROSECONDS_PER_SECOND + interval->microseconds, 6);
		return STATUS_OK;
	}
	default:
		return unsupported(field, "interval");
	}
}
