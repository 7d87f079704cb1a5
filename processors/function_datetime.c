/* Functions of dates and timestamps: fields, truncation, construction, the clock, time zones. Times are in
 * UTC throughout, so a timestamp and a timestamptz of one moment are the same number.
 */
#include <math.h>
#include <string.h>

#include "processors/function_family.h"
#include "processors/utf8.h"
#include "zset/datetime.h"
#include "zset/decimal.h"

static status datetime_out_of_range(const char *text)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "%s", text);
	error_sqlstate("22008");
	return STATUS_OUT_OF_RANGE;
}

static bool is_infinite(int64_t time)
{
	return time == TIMESTAMP_INFINITY || time == TIMESTAMP_MINUS_INFINITY;
}

/* The first argument names a field; parsed again only when it is not constant. */
struct field_reader {
	bool parsed;
	enum datetime_field field;
};

static status field_read(struct field_reader *reader, const struct kernel_call *call, uint32_t row)
{
	if (reader->parsed && kernel_mask(call, 0) == 0)
		return STATUS_OK;
	struct text name = text_argument(call, 0, row);
	status result = datetime_field_parse(text_slice(&name), &reader->field);
	reader->parsed = result == STATUS_OK;
	return result;
}

/* A floor division by a unit of fixed length; inlined for each, since dividing by a constant is several times
 * faster. */
static inline __attribute__((always_inline)) void truncate_to_unit(
	const struct kernel_call *call, int64_t unit)
{
	const int64_t *restrict from = call->arguments[1].i64;
	int64_t *restrict to = call->result->i64;
	for (uint32_t row = 0; row < call->row_count; row++) {
		int64_t rest = from[row] % unit;
		int64_t floor = (int64_t)((uint64_t)from[row] - (uint64_t)(rest < 0 ? rest + unit : rest));
		to[row] = is_infinite(from[row]) ? from[row] : floor;
	}
}

/* Constant units that need no calendar: true when done. */
static bool truncate_timestamps_fast(const struct kernel_call *call)
{
	enum datetime_field field;
	struct text name = call->arguments[0].texts[0];
	if (kernel_mask(call, 0) != 0 || datetime_field_parse(text_slice(&name), &field) != STATUS_OK)
		return false;
	switch (field) {
	case FIELD_DAY:
		truncate_to_unit(call, MICROSECONDS_PER_DAY);
		return true;
	case FIELD_HOUR:
		truncate_to_unit(call, 3600 * MICROSECONDS_PER_SECOND);
		return true;
	case FIELD_MINUTE:
		truncate_to_unit(call, 60 * MICROSECONDS_PER_SECOND);
		return true;
	case FIELD_SECOND:
		truncate_to_unit(call, MICROSECONDS_PER_SECOND);
		return true;
	default:
		return false;
	}
}

static status truncate_timestamp(const struct kernel_call *call)
{
	struct field_reader reader = {0};
	if (call->row_count > 1 && truncate_timestamps_fast(call))
		return STATUS_OK;
	EACH_ROW(call, row)
	{
		if (is_infinite(i64_argument(call, 1, row))) {
			call->result->i64[row] = i64_argument(call, 1, row);
			continue;
		}
		status result = field_read(&reader, call, row);
		if (result == STATUS_OK && reader.field == FIELD_TIMEZONE)
			return error_raise(STATUS_UNSUPPORTED, "unit \"timezone\" not supported for type %s",
				type_name(call->result_type.id));
		if (result == STATUS_OK)
			result = timestamp_truncate(reader.field, i64_argument(call, 1, row), &call->result->i64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static bool field_is_of_day(enum datetime_field field)
{
	return field == FIELD_MICROSECOND || field == FIELD_MILLISECOND || field == FIELD_SECOND ||
		   field == FIELD_MINUTE || field == FIELD_HOUR;
}

/* Only a timestamptz has a time zone to tell; dates are refused where their fields are extracted. */
static status timezone_check(const struct kernel_call *call, uint32_t row, enum datetime_field field)
{
	enum type_id type = call->arguments[1].type.id;
	if (field != FIELD_TIMEZONE || (type == TYPE_TIMESTAMP && is_infinite(i64_argument(call, 1, row))) ||
		(type != TYPE_TIMESTAMP && type != TYPE_DATE))
		return STATUS_OK;
	return error_raise(STATUS_UNSUPPORTED, "unit \"timezone\" not supported for type %s", type_name(type));
}

/* Of an infinite moment these fields are null; the others (year, epoch …) are infinite themselves. */
static bool field_goes_round(enum datetime_field field)
{
	return field_is_of_day(field) || field == FIELD_DAY || field == FIELD_MONTH || field == FIELD_QUARTER ||
		   field == FIELD_WEEK || field == FIELD_DOW || field == FIELD_ISODOW || field == FIELD_DOY ||
		   field == FIELD_TIMEZONE;
}

static bool extracts_null(const struct kernel_call *call, uint32_t row, enum datetime_field field)
{
	enum type_id type = call->arguments[1].type.id;
	return type != TYPE_INTERVAL && is_infinite(i64_argument(call, 1, row)) && field_goes_round(field);
}

/* extract(hour …) and the like of finite moments: whole numbers, without a calendar. */
static bool time_of_day_extract(enum datetime_field field, int64_t time, struct decimal *out)
{
	int64_t unit = field == FIELD_HOUR ? 3600 * MICROSECONDS_PER_SECOND : 60 * MICROSECONDS_PER_SECOND;
	if ((field != FIELD_HOUR && field != FIELD_MINUTE) || is_infinite(time))
		return false;
	int64_t of_day = time % MICROSECONDS_PER_DAY;
	of_day += of_day < 0 ? MICROSECONDS_PER_DAY : 0;
	int64_t number = of_day / unit;
	*out = (struct decimal){.value = field == FIELD_HOUR ? number : number % 60};
	return true;
}

static status extract(const struct kernel_call *call)
{
	struct field_reader reader = {0};
	enum type_id type = call->arguments[1].type.id;
	EACH_ROW(call, row)
	{
		struct decimal *out = &call->result->decimals[row];
		status result = field_read(&reader, call, row);
		if (result == STATUS_OK)
			result = timezone_check(call, row, reader.field);
		if (result != STATUS_OK)
			return result;
		/* A date has no time of day, infinite or not: date_extract() says so. */
		int64_t time = type == TYPE_INTERVAL ? 0 : i64_argument(call, 1, row);
		bool refused = type == TYPE_DATE && field_is_of_day(reader.field);
		if (extracts_null(call, row, reader.field) && !refused) {
			kernel_set_null(call, row);
			continue;
		}
		if (type != TYPE_INTERVAL && type != TYPE_DATE && time_of_day_extract(reader.field, time, out))
			continue;
		if (type == TYPE_INTERVAL)
			result = interval_extract(reader.field, interval_argument(call, 1, row), out);
		else if (type == TYPE_DATE)
			result = date_extract(reader.field, refused ? 0 : time, out);
		else
			result = timestamp_extract(reader.field, time, out);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* An interval's length in seconds, summed in floating point as PostgreSQL sums it. */
static double interval_epoch(const struct interval *span)
{
	double seconds = (double)span->microseconds / 1e6;
	seconds += 365.25 * 86400.0 * (span->months / 12);
	seconds += 30.0 * 86400.0 * (span->months % 12);
	return seconds + 86400.0 * span->days;
}

static status interval_part(const struct interval *span, enum datetime_field field, double *out)
{
	struct decimal value;
	if (field == FIELD_EPOCH) {
		*out = interval_epoch(span);
		return STATUS_OK;
	}
	status result = interval_extract(field, span, &value);
	if (result == STATUS_OK)
		*out = decimal_to_f64(&value);
	return result;
}

static status timestamp_part(int64_t time, enum datetime_field field, double *out)
{
	struct decimal value;
	if (time_of_day_extract(field, time, &value)) {
		*out = (double)(int64_t)value.value;
		return STATUS_OK;
	}
	if (is_infinite(time)) {
		*out = time == TIMESTAMP_INFINITY ? INFINITY : -INFINITY;
		return STATUS_OK;
	}
	status result = timestamp_extract(field, time, &value);
	if (result == STATUS_OK)
		*out = decimal_to_f64(&value);
	return result;
}

/* A date counts as its midnight here, so that it has all fields. */
static status date_part(const struct kernel_call *call)
{
	struct field_reader reader = {0};
	enum type_id type = call->arguments[1].type.id;
	EACH_ROW(call, row)
	{
		double *out = &call->result->f64[row];
		status result = field_read(&reader, call, row);
		if (result == STATUS_OK)
			result = timezone_check(call, row, reader.field);
		if (result == STATUS_OK && extracts_null(call, row, reader.field)) {
			kernel_set_null(call, row);
			continue;
		}
		if (result == STATUS_OK && type == TYPE_INTERVAL) {
			result = interval_part(interval_argument(call, 1, row), reader.field, out);
		} else if (result == STATUS_OK) {
			int64_t time = i64_argument(call, 1, row);
			if (type == TYPE_DATE && !is_infinite(time) &&
				__builtin_mul_overflow(time, MICROSECONDS_PER_DAY, &time))
				return datetime_out_of_range("date out of range for timestamp");
			result = timestamp_part(time, reader.field, out);
		}
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* PostgreSQL's first and last date. */
static bool date_in_range(int64_t days)
{
	return days >= date_from_civil(-4713, 11, 24) && days <= date_from_civil(5874897, 12, 31);
}

static status date_shift(int64_t days, int64_t by, int64_t *out)
{
	if (is_infinite(days)) {
		*out = days;
		return STATUS_OK;
	}
	*out = days + by;
	return date_in_range(*out) ? STATUS_OK : datetime_out_of_range("date out of range");
}

static status date_plus_integer(const struct kernel_call *call)
{
	size_t date = call->arguments[0].type.id == TYPE_DATE ? 0 : 1;
	EACH_ROW(call, row)
	{
		status result = date_shift(
			i64_argument(call, date, row), i64_argument(call, 1 - date, row), &call->result->i64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status date_minus_integer(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result =
			date_shift(i64_argument(call, 0, row), -i64_argument(call, 1, row), &call->result->i64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status date_minus_date(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		int64_t left = i64_argument(call, 0, row), right = i64_argument(call, 1, row);
		if (is_infinite(left) || is_infinite(right))
			return datetime_out_of_range("cannot subtract infinite dates");
		call->result->i64[row] = left - right;
	}
	return STATUS_OK;
}

static status timestamp_minus_timestamp(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		int64_t left = i64_argument(call, 0, row), right = i64_argument(call, 1, row), unused;
		if (is_infinite(left) || is_infinite(right))
			return datetime_out_of_range("cannot subtract infinite timestamps");
		if (__builtin_sub_overflow(left, right, &unused))
			return datetime_out_of_range("interval out of range");
		call->result->intervals[row] = timestamp_difference(left, right);
	}
	return STATUS_OK;
}

static status make_date(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		int64_t year = i64_argument(call, 0, row), month = i64_argument(call, 1, row),
				day = i64_argument(call, 2, row);
		int32_t astronomical = (int32_t)(year < 0 ? year + 1 : year); /* year −1 is 1 BC */
		bool valid = year != 0 && year >= -4800 && year <= 5874897 && month >= 1 && month <= 12 && day >= 1 &&
					 day <= 31;
		int64_t days = 0;
		if (valid) {
			days = date_from_civil(astronomical, (int32_t)month, (int32_t)day);
			int64_t next = month == 12 ? date_from_civil(astronomical + 1, 1, 1)
									   : date_from_civil(astronomical, (int32_t)month + 1, 1);
			valid = days < next && date_in_range(days);
		}
		if (!valid) {
			(void)error_raise(STATUS_OUT_OF_RANGE, "date field value out of range: %lld-%02lld-%02lld",
				(long long)year, (long long)month, (long long)day);
			error_sqlstate("22008");
			return STATUS_OUT_OF_RANGE;
		}
		call->result->i64[row] = days;
	}
	return STATUS_OK;
}

static status timestamp_make(const int64_t field[5], double seconds, int64_t *out)
{
	int64_t year = field[0], month = field[1], day = field[2], hour = field[3], minute = field[4];
	int32_t astronomical = (int32_t)(year < 0 ? year + 1 : year);
	bool valid =
		year != 0 && year >= -4713 && year <= 294276 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
	int64_t days = 0;
	if (valid) {
		days = date_from_civil(astronomical, (int32_t)month, (int32_t)day);
		int64_t next = month == 12 ? date_from_civil(astronomical + 1, 1, 1)
								   : date_from_civil(astronomical, (int32_t)month + 1, 1);
		valid = days < next && date_in_range(days);
	}
	if (!valid) {
		(void)error_raise(STATUS_OUT_OF_RANGE, "date field value out of range: %lld-%02lld-%02lld",
			(long long)year, (long long)month, (long long)day);
		error_sqlstate("22008");
		return STATUS_OUT_OF_RANGE;
	}
	/* 24:00:00 and a second of 60 are allowed and carry over. */
	bool end_of_day = hour == 24 && minute == 0 && seconds == 0;
	if ((hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(seconds >= 0 && seconds <= 60)) &&
		!end_of_day) {
		(void)error_raise(STATUS_OUT_OF_RANGE, "time field value out of range: %lld:%02lld:%02g",
			(long long)hour, (long long)minute, seconds);
		error_sqlstate("22008");
		return STATUS_OUT_OF_RANGE;
	}
	*out = days * MICROSECONDS_PER_DAY + ((hour * 60 + minute) * 60) * MICROSECONDS_PER_SECOND +
		   (int64_t)rint(seconds * 1e6);
	return STATUS_OK;
}

static status make_timestamp(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		int64_t field[5];
		for (size_t i = 0; i < 5; i++)
			field[i] = i64_argument(call, i, row);
		status result = timestamp_make(field, f64_argument(call, 5, row), &call->result->i64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* Seconds since 1970, rounded as PostgreSQL does: relative to 2000. */
static status to_timestamp(const struct kernel_call *call)
{
	const double epoch = 86400.0 * (double)POSTGRES_EPOCH_DAYS;
	const double last = (double)date_from_civil(294277, 1, 1) * 86400.0;
	const double first = (double)date_from_civil(-4713, 11, 24) * 86400.0;
	EACH_ROW(call, row)
	{
		double seconds = call->arguments[0].f64[row];
		if (isnan(seconds))
			return datetime_out_of_range("timestamp cannot be NaN");
		if (isinf(seconds)) {
			call->result->i64[row] = seconds > 0 ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
			continue;
		}
		if (seconds < first || seconds >= last) {
			(void)error_raise(STATUS_OUT_OF_RANGE, "timestamp out of range: \"%g\"", seconds);
			error_sqlstate("22008");
			return STATUS_OUT_OF_RANGE;
		}
		call->result->i64[row] =
			(int64_t)rint((seconds - epoch) * 1e6) + POSTGRES_EPOCH_DAYS * MICROSECONDS_PER_DAY;
	}
	return STATUS_OK;
}

static status is_finite(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->booleans[row] = !is_infinite(call->arguments[0].i64[row]);
	return STATUS_OK;
}

static status always_finite(const struct kernel_call *call)
{
	memset(call->result->booleans, 1, call->row_count);
	return STATUS_OK;
}

static status now(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = call->evaluation->now_us;
	return STATUS_OK;
}

static status current_date(const struct kernel_call *call)
{
	int64_t now_us = call->evaluation->now_us;
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = timestamp_window_start(now_us, MICROSECONDS_PER_DAY) / MICROSECONDS_PER_DAY;
	return STATUS_OK;
}

static bool zone_is_utc(struct text name)
{
	static const char *const names[] = {"utc", "gmt", "z", "zulu", "uct", "universal", "greenwich", "etc/utc",
		"etc/gmt", "etc/uct", "etc/zulu", "etc/universal", "etc/greenwich", "+00", "-00", "+00:00", "-00:00",
		"+0", "0", "00"};
	char lowered[20];
	if (name.size >= sizeof lowered)
		return false;
	for (uint32_t i = 0; i < name.size; i++)
		lowered[i] = (char)utf8_lower((uint8_t)name.data[i]);
	lowered[name.size] = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(lowered, names[i]) == 0)
			return true;
	}
	return false;
}

/* AT TIME ZONE, between timestamp and timestamptz. */
static status timezone_kernel(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text zone = text_argument(call, 0, row);
		if (!zone_is_utc(zone)) {
			(void)error_raise(STATUS_UNSUPPORTED, "time zone \"%.*s\" is not supported",
				(int)(zone.size < 60 ? zone.size : 60), zone.data);
			error_hint("Times are kept and computed in UTC; AT TIME ZONE takes 'UTC' only.");
			return STATUS_UNSUPPORTED;
		}
		call->result->i64[row] = i64_argument(call, 1, row);
	}
	return STATUS_OK;
}

static status date_bin(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		const struct interval *stride = interval_argument(call, 0, row);
		int64_t time = i64_argument(call, 1, row), origin = i64_argument(call, 2, row), size, distance, whole;
		if (is_infinite(time)) {
			call->result->i64[row] = time;
			continue;
		}
		if (is_infinite(origin))
			return datetime_out_of_range("origin out of range");
		if (stride->months != 0)
			return error_raise(
				STATUS_UNSUPPORTED, "timestamps cannot be binned into intervals containing months or years");
		if (__builtin_mul_overflow((int64_t)stride->days, MICROSECONDS_PER_DAY, &size) ||
			__builtin_add_overflow(size, stride->microseconds, &size))
			return datetime_out_of_range("interval out of range");
		if (size <= 0)
			return datetime_out_of_range("stride must be greater than zero");
		if (__builtin_sub_overflow(time, origin, &distance))
			return datetime_out_of_range("interval out of range");
		int64_t rest = distance % size;
		whole = distance - rest;
		if (__builtin_add_overflow(origin, whole, &call->result->i64[row]) ||
			(rest < 0 && __builtin_sub_overflow(call->result->i64[row], size, &call->result->i64[row])))
			return datetime_out_of_range("timestamp out of range");
	}
	return STATUS_OK;
}

/* to_char is slow and neighbouring events share their day, hour or second: texts of late are kept by span. */
enum { CHAR_CACHE_SLOTS = 64 };

struct char_cache {
	struct text pattern;
	int64_t unit_us; /* 0: nothing kept yet */
	int64_t spans[CHAR_CACHE_SLOTS];
	struct text texts[CHAR_CACHE_SLOTS];
	bool used[CHAR_CACHE_SLOTS];
};

static size_t char_cache_slot(
	struct char_cache *cache, int64_t time_us, const struct text *pattern, int64_t *span)
{
	bool same = cache->unit_us != 0 && cache->pattern.size == pattern->size &&
				(cache->pattern.data == pattern->data ||
					memcmp(cache->pattern.data, pattern->data, pattern->size) == 0);
	if (!same) {
		cache->pattern = *pattern;
		cache->unit_us = timestamp_to_char_unit_us(text_slice(pattern));
		memset(cache->used, 0, sizeof cache->used);
	}
	*span = timestamp_window_start(time_us, cache->unit_us) / cache->unit_us;
	return (size_t)*span % CHAR_CACHE_SLOTS;
}

static status timestamp_text(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct char_cache cache;
	cache.unit_us = 0;
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		int64_t time = i64_argument(call, 0, row);
		struct text pattern = text_argument(call, 1, row);
		if (is_infinite(time) || pattern.size == 0) {
			kernel_set_null(call, row);
			continue;
		}
		int64_t span;
		size_t slot = char_cache_slot(&cache, time, &pattern, &span);
		if (cache.used[slot] && cache.spans[slot] == span) {
			call->result->texts[row] = cache.texts[slot];
			continue;
		}
		scratch.size = 0;
		result = timestamp_to_char(time, text_slice(&pattern), &scratch);
		if (result == STATUS_OK)
			result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
		cache.used[slot] = true;
		cache.spans[slot] = span;
		cache.texts[slot] = call->result->texts[row];
	}
	buffer_deinit(&scratch);
	return result;
}

#define CLOCK (FUNCTION_STRICT | FUNCTION_VOLATILE | FUNCTION_STABLE)
#define PARTS(type)                                                                                          \
	F2("extract", NUMERIC, TEXT, type, STRICT_FAILS, extract),                                               \
		F2("date_part", FLOAT8, TEXT, type, STRICT_FAILS, date_part)

static const struct function functions[] = {
	F2("date_trunc", TIMESTAMP, TEXT, TIMESTAMP, STRICT_FAILS, truncate_timestamp),
	F2("date_trunc", TIMESTAMPTZ, TEXT, TIMESTAMPTZ, STRICT_FAILS, truncate_timestamp),
	PARTS(DATE),
	PARTS(TIMESTAMP),
	PARTS(TIMESTAMPTZ),
	PARTS(INTERVAL),
	F2("+", DATE, DATE, INT4, STRICT_FAILS, date_plus_integer),
	F2("+", DATE, INT4, DATE, STRICT_FAILS, date_plus_integer),
	F2("-", DATE, DATE, INT4, STRICT_FAILS, date_minus_integer),
	F2("-", INT4, DATE, DATE, STRICT_FAILS, date_minus_date),
	F2("-", INTERVAL, TIMESTAMP, TIMESTAMP, STRICT_FAILS, timestamp_minus_timestamp),
	F2("-", INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ, STRICT_FAILS, timestamp_minus_timestamp),
	F3("make_date", DATE, INT4, INT4, INT4, STRICT_FAILS, make_date),
	{"make_timestamp", TYPE_TIMESTAMP, 6, STRICT_FAILS,
		{TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_FLOAT8}, make_timestamp},
	{"make_timestamptz", TYPE_TIMESTAMPTZ, 6, STRICT_FAILS,
		{TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_FLOAT8}, make_timestamp},
	F1("to_timestamp", TIMESTAMPTZ, FLOAT8, STRICT_FAILS, to_timestamp),
	F1("isfinite", BOOL, DATE, STRICT, is_finite),
	F1("isfinite", BOOL, TIMESTAMP, STRICT, is_finite),
	F1("isfinite", BOOL, TIMESTAMPTZ, STRICT, is_finite),
	F1("isfinite", BOOL, INTERVAL, STRICT, always_finite),
	F0("now", TIMESTAMPTZ, CLOCK, now),
	F0("current_timestamp", TIMESTAMPTZ, CLOCK, now),
	F0("transaction_timestamp", TIMESTAMPTZ, CLOCK, now),
	F0("statement_timestamp", TIMESTAMPTZ, CLOCK, now),
	F0("localtimestamp", TIMESTAMP, CLOCK, now),
	F0("current_date", DATE, CLOCK, current_date),
	F2("timezone", TIMESTAMP, TEXT, TIMESTAMPTZ, STRICT_FAILS, timezone_kernel),
	F2("timezone", TIMESTAMPTZ, TEXT, TIMESTAMP, STRICT_FAILS, timezone_kernel),
	F3("date_bin", TIMESTAMP, INTERVAL, TIMESTAMP, TIMESTAMP, STRICT_FAILS, date_bin),
	F3("date_bin", TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ, STRICT_FAILS, date_bin),
	F2("to_char", TEXT, TIMESTAMP, TEXT, STRICT_FAILS, timestamp_text),
	F2("to_char", TEXT, TIMESTAMPTZ, TEXT, STRICT_FAILS, timestamp_text),
};
FUNCTION_LIST(function_list_datetime, functions);
