/* Dates, timestamps and intervals: proleptic Gregorian, UTC, microseconds since 1970-01-01 00:00.
 * Range: 4713-01-01 BC … 294276 AD as PostgreSQL's timestamps; INT64_MAX/MIN are ±infinity.
 */
#ifndef KAPPA_ZSET_DATETIME_H
#define KAPPA_ZSET_DATETIME_H

#include "zset/type.h"

#define MICROSECONDS_PER_SECOND INT64_C(1000000)
#define MICROSECONDS_PER_DAY INT64_C(86400000000)
#define POSTGRES_EPOCH_DAYS INT64_C(10957) /* 2000-01-01 */
#define TIMESTAMP_INFINITY INT64_MAX
#define TIMESTAMP_MINUS_INFINITY INT64_MIN

struct civil {
	int32_t year; /* astronomical: 0 = 1 BC */
	int32_t month, day, hour, minute, second, microsecond;
};

int64_t date_from_civil(int32_t year, int32_t month, int32_t day); /* days since 1970-01-01 */
void civil_from_timestamp(int64_t timestamp_us, struct civil *out);
int64_t timestamp_from_civil(const struct civil *civil);

/* ISO 8601 and PostgreSQL's usual inputs ('2001-01-01', '2001-01-01T00:03:00.5Z', '… +02', 'infinity',
 * 'epoch'). with_zone false: a zone in the text is ignored, as PostgreSQL does for timestamp. BAD_DATETIME,
 * OUT_OF_RANGE. */
status timestamp_parse(struct slice text, bool with_zone, int64_t *out) MUST_USE;
status date_parse(struct slice text, int64_t *days) MUST_USE;
status interval_parse(struct slice text, struct interval *out) MUST_USE;
void timestamp_format(int64_t timestamp_us, bool with_zone, struct buffer *out);
void date_format(int64_t days, struct buffer *out);
void interval_format(const struct interval *interval, struct buffer *out); /* IntervalStyle postgres */

/* Months are added first (clamped to the month's length), then days, then microseconds. */
status timestamp_add_interval(int64_t timestamp_us, const struct interval *interval, int64_t *out) MUST_USE;
status interval_negate(const struct interval *interval, struct interval *out) MUST_USE;
/* timestamp − timestamp: days and time, as PostgreSQL. */
struct interval timestamp_difference(int64_t left, int64_t right);
/* Compares by 30-day months and 24-hour days, as PostgreSQL. */
int interval_compare(const struct interval *left, const struct interval *right);

enum datetime_field {
	FIELD_MICROSECOND,
	FIELD_MILLISECOND,
	FIELD_SECOND,
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DAY,
	FIELD_WEEK,
	FIELD_MONTH,
	FIELD_QUARTER,
	FIELD_YEAR,
	FIELD_DECADE,
	FIELD_CENTURY,
	FIELD_MILLENNIUM,
	FIELD_DOW,
	FIELD_ISODOW,
	FIELD_DOY,
	FIELD_ISOYEAR,
	FIELD_EPOCH,
	FIELD_JULIAN,
	FIELD_TIMEZONE,
};
/* "hour", "hours", "hr" …; BAD_TEXT-like INVALID naming the unit. */
status datetime_field_parse(struct slice name, enum datetime_field *out) MUST_USE;
/* date_trunc; UNSUPPORTED for fields it does not take. */
status timestamp_truncate(enum datetime_field field, int64_t timestamp_us, int64_t *out) MUST_USE;
/* extract(): numeric with PostgreSQL's scale (6 for second, millisecond 3, epoch 6, else 0). */
status timestamp_extract(enum datetime_field field, int64_t timestamp_us, struct decimal *out) MUST_USE;
/* Of a date: epoch and julian are whole numbers, fields of the time of day are UNSUPPORTED. */
status date_extract(enum datetime_field field, int64_t days, struct decimal *out) MUST_USE;
status interval_extract(
	enum datetime_field field, const struct interval *interval, struct decimal *out) MUST_USE;
/* to_char(timestamp, pattern), PostgreSQL's template patterns; UNSUPPORTED names the pattern it does not
 * know. */
status timestamp_to_char(int64_t timestamp_us, struct slice pattern, struct buffer *out) MUST_USE;
/* All timestamps of one epoch-aligned span of this length have the same text under the pattern: what callers
 * may remember texts by. 1 … MICROSECONDS_PER_DAY. */
int64_t timestamp_to_char_unit_us(struct slice pattern);
/* Start of the epoch-aligned window of `size_us` that contains the timestamp (floor, also before 1970). */
int64_t timestamp_window_start(int64_t timestamp_us, int64_t size_us);

#endif
