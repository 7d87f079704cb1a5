/* Calendar arithmetic on timestamps and intervals. Pure functions, any thread.
 *
 * Days are counted from 1970-01-01 in the proleptic Gregorian calendar with an astronomical year (0 = 1 BC).
 * The arithmetic starts years on 1 March, so that the leap day is the last of its year, and works in eras of
 * 400 years (146097 days), which makes it exact for negative years too. Results outside of PostgreSQL's
 * earliest timestamp (4714-11-24 BC) or of 64 bits (294247-01-10) are refused.
 */
#include "zset/datetime.h"

#include "base/invariant.h"
#include "zset/calendar.h"
#include "zset/canonical.h"

static inline int64_t floor_divide(int64_t dividend, int64_t divisor)
{
	int64_t quotient = dividend / divisor;
	return quotient - (dividend % divisor < 0 ? 1 : 0);
}

static status out_of_range(const char *type)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "%s out of range", type);
	error_sqlstate("22008"); /* PostgreSQL's "datetime field overflow" */
	return STATUS_OUT_OF_RANGE;
}

int64_t date_from_civil(int32_t year, int32_t month, int32_t day)
{
	int64_t y = (int64_t)year - (month <= 2 ? 1 : 0);
	int64_t era = floor_divide(y, 400), year_of_era = y - era * 400;
	int64_t month_of_year = (month + 9) % 12; /* March = 0 */
	int64_t day_of_year = (153 * month_of_year + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468; /* 0000-03-01 to 1970-01-01 */
}

void civil_from_date(int64_t days, struct civil *out)
{
	int64_t shifted = days + 719468;
	int64_t era = floor_divide(shifted, 146097), day_of_era = shifted - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_of_year = (5 * day_of_year + 2) / 153;
	*out = (struct civil){0};
	out->day = (int32_t)(day_of_year - (153 * month_of_year + 2) / 5 + 1);
	out->month = (int32_t)(month_of_year < 10 ? month_of_year + 3 : month_of_year - 9);
	out->year = (int32_t)(year_of_era + era * 400 + (out->month <= 2 ? 1 : 0));
}

void civil_from_timestamp(int64_t timestamp_us, struct civil *out)
{
	int64_t days = floor_divide(timestamp_us, MICROSECONDS_PER_DAY);
	int64_t rest = timestamp_us - days * MICROSECONDS_PER_DAY;
	civil_from_date(days, out);
	out->microsecond = (int32_t)(rest % MICROSECONDS_PER_SECOND);
	rest /= MICROSECONDS_PER_SECOND;
	out->second = (int32_t)(rest % 60);
	out->minute = (int32_t)(rest / 60 % 60);
	out->hour = (int32_t)(rest / 3600);
}

int64_t civil_time_us(const struct civil *civil)
{
	return ((civil->hour * INT64_C(60) + civil->minute) * 60 + civil->second) * MICROSECONDS_PER_SECOND +
		   civil->microsecond;
}

int64_t timestamp_from_civil(const struct civil *civil)
{
	return date_from_civil(civil->year, civil->month, civil->day) * MICROSECONDS_PER_DAY +
		   civil_time_us(civil);
}

status timestamp_from_wide(__int128 timestamp_us, int64_t *out)
{
	if (timestamp_us < TIMESTAMP_FIRST || timestamp_us >= TIMESTAMP_INFINITY)
		return out_of_range("timestamp");
	*out = (int64_t)timestamp_us;
	return STATUS_OK;
}

status timestamp_from_days(int64_t days, int64_t time_us, int64_t *out)
{
	return timestamp_from_wide((__int128)days * MICROSECONDS_PER_DAY + time_us, out);
}

bool year_is_leap(int32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t month_days(int32_t year, int32_t month)
{
	static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && year_is_leap(year) ? 1 : 0);
}

/* 1 = Monday … 7 = Sunday. */
int32_t date_weekday(int64_t days)
{
	int64_t since_monday = (days + 3) % 7; /* 1970-01-01 was a Thursday */
	return (int32_t)(since_monday < 0 ? since_monday + 7 : since_monday) + 1;
}

/* The week's Thursday decides its year; week 1 holds the first Thursday. */
void date_iso_week(int64_t days, int32_t *iso_year, int32_t *week)
{
	int64_t thursday = days - date_weekday(days) + 4;
	struct civil civil;
	civil_from_date(thursday, &civil);
	*iso_year = civil.year;
	*week = (int32_t)((thursday - date_from_civil(civil.year, 1, 1)) / 7) + 1;
}

static bool timestamp_is_infinite(int64_t timestamp_us)
{
	return timestamp_us == TIMESTAMP_INFINITY || timestamp_us == TIMESTAMP_MINUS_INFINITY;
}

status timestamp_add_interval(int64_t timestamp_us, const struct interval *interval, int64_t *out)
{
	if (timestamp_is_infinite(timestamp_us)) {
		*out = timestamp_us;
		return STATUS_OK;
	}
	int64_t result = timestamp_us;
	if (interval->months != 0) {
		struct civil civil;
		civil_from_timestamp(result, &civil);
		int64_t months = (int64_t)civil.year * 12 + (civil.month - 1) + interval->months;
		int64_t year = floor_divide(months, 12);
		if (year < INT32_MIN / 2 || year > INT32_MAX / 2)
			return out_of_range("timestamp");
		civil.year = (int32_t)year;
		civil.month = (int32_t)(months - year * 12) + 1;
		int32_t last = month_days(civil.year, civil.month);
		if (civil.day > last)
			civil.day = last;
		status code = timestamp_from_days(
			date_from_civil(civil.year, civil.month, civil.day), civil_time_us(&civil), &result);
		if (code != STATUS_OK)
			return code;
	}
	if (interval->days != 0) {
		status code = timestamp_from_wide((__int128)interval->days * MICROSECONDS_PER_DAY + result, &result);
		if (code != STATUS_OK)
			return code;
	}
	return timestamp_from_wide((__int128)result + interval->microseconds, out);
}

status interval_negate(const struct interval *interval, struct interval *out)
{
	if (interval->months == INT32_MIN || interval->days == INT32_MIN || interval->microseconds == INT64_MIN)
		return out_of_range("interval");
	*out = (struct interval){-interval->microseconds, -interval->days, -interval->months};
	return STATUS_OK;
}

struct interval timestamp_difference(int64_t left, int64_t right)
{
	__int128 difference = (__int128)left - right;
	return (struct interval){
		.microseconds = (int64_t)(difference % MICROSECONDS_PER_DAY),
		.days = (int32_t)(difference / MICROSECONDS_PER_DAY),
	};
}

int interval_compare(const struct interval *left, const struct interval *right)
{
	__int128 a = interval_span(left), b = interval_span(right);
	return a < b ? -1 : a > b;
}

int64_t timestamp_window_start(int64_t timestamp_us, int64_t size_us)
{
	INVARIANT(size_us > 0);
	if (timestamp_is_infinite(timestamp_us))
		return timestamp_us;
	return floor_divide(timestamp_us, size_us) * size_us;
}

/* The first year of the ten, hundred or thousand years; centuries and millennia start with a year 1. */
static int32_t year_truncate(enum datetime_field field, int32_t year)
{
	switch (field) {
	case FIELD_DECADE:
		return (int32_t)floor_divide(year, 10) * 10;
	case FIELD_CENTURY:
		return (int32_t)floor_divide(year - 1, 100) * 100 + 1;
	case FIELD_MILLENNIUM:
		return (int32_t)floor_divide(year - 1, 1000) * 1000 + 1;
	default:
		return year;
	}
}

status timestamp_truncate(enum datetime_field field, int64_t timestamp_us, int64_t *out)
{
	int64_t unit_us = 0;
	switch (field) {
	case FIELD_MICROSECOND:
		unit_us = 1;
		break;
	case FIELD_MILLISECOND:
		unit_us = 1000;
		break;
	case FIELD_SECOND:
		unit_us = MICROSECONDS_PER_SECOND;
		break;
	case FIELD_MINUTE:
		unit_us = 60 * MICROSECONDS_PER_SECOND;
		break;
	case FIELD_HOUR:
		unit_us = 3600 * MICROSECONDS_PER_SECOND;
		break;
	case FIELD_DAY:
	case FIELD_WEEK:
		unit_us = MICROSECONDS_PER_DAY;
		break;
	case FIELD_MONTH:
	case FIELD_QUARTER:
	case FIELD_YEAR:
	case FIELD_DECADE:
	case FIELD_CENTURY:
	case FIELD_MILLENNIUM:
		break;
	default:
		(void)error_raise(
			STATUS_UNSUPPORTED, "unit \"%s\" not supported by date_trunc", datetime_field_name(field));
		error_sqlstate("22023");
		return STATUS_UNSUPPORTED;
	}
	if (timestamp_is_infinite(timestamp_us)) {
		*out = timestamp_us;
		return STATUS_OK;
	}
	if (unit_us != 0) {
		int64_t floored = floor_divide(timestamp_us, unit_us);
		if (field == FIELD_WEEK)
			floored -= date_weekday(floored) - 1;
		return timestamp_from_wide((__int128)floored * unit_us, out);
	}
	struct civil civil;
	civil_from_timestamp(timestamp_us, &civil);
	int32_t month = field == FIELD_MONTH     ? civil.month
					: field == FIELD_QUARTER ? (civil.month - 1) / 3 * 3 + 1
											 : 1;
	return timestamp_from_days(date_from_civil(year_truncate(field, civil.year), month, 1), 0, out);
}
