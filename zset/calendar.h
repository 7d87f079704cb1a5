/* Calendar helpers that datetime*.c and to_char.c share. Pure functions; private to zset/. */
#ifndef KAPPA_ZSET_CALENDAR_H
#define KAPPA_ZSET_CALENDAR_H

#include "zset/datetime.h"

/* 4714-11-24 BC, Julian day 0: the earliest timestamp and date. */
#define DATE_FIRST INT64_C(-2440588)
#define TIMESTAMP_FIRST (DATE_FIRST * MICROSECONDS_PER_DAY)
/* 5874897-12-31, PostgreSQL's latest date. */
#define DATE_LAST INT64_C(2145042540)

void civil_from_date(int64_t days, struct civil *out); /* time of day 0 */
int64_t civil_time_us(const struct civil *civil);      /* since midnight */
/* OUT_OF_RANGE outside of what a timestamp may be. */
status timestamp_from_wide(__int128 timestamp_us, int64_t *out) MUST_USE;
status timestamp_from_days(int64_t days, int64_t time_us, int64_t *out) MUST_USE;
bool year_is_leap(int32_t year);
int32_t month_days(int32_t year, int32_t month);
int32_t date_weekday(int64_t days); /* 1 = Monday … 7 = Sunday */
void date_iso_week(int64_t days, int32_t *iso_year, int32_t *week);
/* ".5", ".000001": without trailing zeros; nothing for 0. */
void fraction_format(uint32_t microseconds, struct buffer *out);
const char *datetime_field_name(enum datetime_field field);

#endif
