/* Interval arithmetic. An interval is months, days, microseconds, which do not convert into each other by
 * themselves: 1 month is not 30 days until something (comparison, multiplication by a fraction, justify_*)
 * says so.
 */
#include <math.h>

#include "processors/function_family.h"
#include "zset/datetime.h"

static status interval_out_of_range(void)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "interval out of range");
	error_sqlstate("22008");
	return STATUS_OUT_OF_RANGE;
}

static status interval_add(const struct interval *left, const struct interval *right, struct interval *out)
{
	if (__builtin_add_overflow(left->months, right->months, &out->months) ||
		__builtin_add_overflow(left->days, right->days, &out->days) ||
		__builtin_add_overflow(left->microseconds, right->microseconds, &out->microseconds))
		return interval_out_of_range();
	return STATUS_OK;
}

static status interval_subtract(
	const struct interval *left, const struct interval *right, struct interval *out)
{
	if (__builtin_sub_overflow(left->months, right->months, &out->months) ||
		__builtin_sub_overflow(left->days, right->days, &out->days) ||
		__builtin_sub_overflow(left->microseconds, right->microseconds, &out->microseconds))
		return interval_out_of_range();
	return STATUS_OK;
}

static status plus(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result = interval_add(
			interval_argument(call, 0, row), interval_argument(call, 1, row), &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status minus(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result = interval_subtract(
			interval_argument(call, 0, row), interval_argument(call, 1, row), &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status negate(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result = interval_negate(&call->arguments[0].intervals[row], &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static bool fits_int32(double value)
{
	return value >= -0x1p31 && value < 0x1p31;
}

static bool fits_int64(double value)
{
	return value >= -0x1p63 && value < 0x1p63;
}

/* To the microsecond, where only the noise of binary fractions lies below. */
static double round_to_micro(double value)
{
	return rint(value * 1e6) / 1e6;
}

/* Scales to `months` months, `days` days, `time` microseconds, all with fractions: a fraction of a month goes
 * on as days of 30 to the month, a fraction of a day as time. */
static status interval_of_fractions(double months, double days, double time, struct interval *out)
{
	if (!fits_int32(months) || !fits_int32(days))
		return interval_out_of_range();
	out->months = (int32_t)months;
	out->days = (int32_t)days;
	double month_rest_days = round_to_micro((months - out->months) * 30.0);
	double whole_days = trunc(month_rest_days);
	double rest_seconds = round_to_micro((days - out->days + month_rest_days - whole_days) * 86400.0);
	/* The two fractions may make up another day. */
	if (fabs(rest_seconds) >= 86400.0) {
		double more = trunc(rest_seconds / 86400.0);
		whole_days += more;
		rest_seconds -= more * 86400.0;
	}
	if (__builtin_add_overflow(out->days, (int32_t)whole_days, &out->days))
		return interval_out_of_range();
	double microseconds = rint(time + rest_seconds * 1e6);
	if (!fits_int64(microseconds))
		return interval_out_of_range();
	out->microseconds = (int64_t)microseconds;
	return STATUS_OK;
}

static status times(const struct kernel_call *call)
{
	size_t span_argument = call->arguments[0].type.id == TYPE_INTERVAL ? 0 : 1;
	EACH_ROW(call, row)
	{
		const struct interval *span = interval_argument(call, span_argument, row);
		double factor = f64_argument(call, 1 - span_argument, row);
		status result = interval_of_fractions(span->months * factor, span->days * factor,
			(double)span->microseconds * factor, &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status divide(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		const struct interval *span = interval_argument(call, 0, row);
		double divisor = f64_argument(call, 1, row);
		if (divisor == 0)
			return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
		status result = interval_of_fractions(span->months / divisor, span->days / divisor,
			(double)span->microseconds / divisor, &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* date or timestamp ± interval; the interval may come first. */
static status shift(const struct kernel_call *call, bool subtract)
{
	size_t span_argument = call->arguments[0].type.id == TYPE_INTERVAL ? 0 : 1;
	size_t time_argument = 1 - span_argument;
	bool from_date = call->arguments[time_argument].type.id == TYPE_DATE;
	EACH_ROW(call, row)
	{
		struct interval span = *interval_argument(call, span_argument, row);
		int64_t time = i64_argument(call, time_argument, row);
		status result = subtract ? interval_negate(&span, &span) : STATUS_OK;
		if (result != STATUS_OK)
			return result;
		bool infinite = time == TIMESTAMP_INFINITY || time == TIMESTAMP_MINUS_INFINITY;
		if (from_date && !infinite && __builtin_mul_overflow(time, MICROSECONDS_PER_DAY, &time)) {
			(void)error_raise(STATUS_OUT_OF_RANGE, "date out of range for timestamp");
			error_sqlstate("22008");
			return STATUS_OUT_OF_RANGE;
		}
		result = timestamp_add_interval(time, &span, &call->result->i64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status shift_forward(const struct kernel_call *call)
{
	return shift(call, false);
}

static status shift_back(const struct kernel_call *call)
{
	return shift(call, true);
}

static int32_t days_in_month(int32_t year, int32_t month)
{
	int64_t next = month == 12 ? date_from_civil(year + 1, 1, 1) : date_from_civil(year, month + 1, 1);
	return (int32_t)(next - date_from_civil(year, month, 1));
}

static int64_t civil_microseconds(const struct civil *civil)
{
	return ((civil->hour * INT64_C(60) + civil->minute) * 60 + civil->second) * MICROSECONDS_PER_SECOND +
		   civil->microsecond;
}

/* Years, months, days and time between two moments as one counts them on a calendar, each field from 0 up; a
 * borrowed day takes the length of the month in which the earlier moment lies. */
static struct interval calendar_age(int64_t later, int64_t earlier)
{
	struct civil to, from;
	civil_from_timestamp(later, &to);
	civil_from_timestamp(earlier, &from);
	int64_t time = civil_microseconds(&to) - civil_microseconds(&from);
	int32_t days = to.day - from.day, months = (to.year - from.year) * 12 + to.month - from.month;
	if (time < 0) {
		time += MICROSECONDS_PER_DAY;
		days--;
	}
	if (days < 0) {
		days += days_in_month(from.year, from.month);
		months--;
	}
	return (struct interval){.microseconds = time, .days = days, .months = months};
}

static status age_between(int64_t left, int64_t right, struct interval *out)
{
	if (left == TIMESTAMP_INFINITY || left == TIMESTAMP_MINUS_INFINITY || right == TIMESTAMP_INFINITY ||
		right == TIMESTAMP_MINUS_INFINITY) {
		(void)error_raise(STATUS_OUT_OF_RANGE, "timestamp out of range");
		error_sqlstate("22008");
		return STATUS_OUT_OF_RANGE;
	}
	if (left >= right) {
		*out = calendar_age(left, right);
		return STATUS_OK;
	}
	struct interval back = calendar_age(right, left);
	return interval_negate(&back, out);
}

static status age(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result = age_between(
			i64_argument(call, 0, row), i64_argument(call, 1, row), &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* From today's midnight back. */
static status age_of(const struct kernel_call *call)
{
	int64_t today = timestamp_window_start(call->evaluation->now_us, MICROSECONDS_PER_DAY);
	EACH_ROW(call, row)
	{
		status result = age_between(today, i64_argument(call, 0, row), &call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status truncate_months(enum datetime_field field, struct interval *span)
{
	int32_t step = field == FIELD_MILLENNIUM ? 12000
				   : field == FIELD_CENTURY  ? 1200
				   : field == FIELD_DECADE   ? 120
				   : field == FIELD_YEAR     ? 12
				   : field == FIELD_QUARTER  ? 3
											 : 1;
	*span = (struct interval){.months = span->months / step * step};
	return STATUS_OK;
}

static status truncate_time(int64_t unit_us, struct interval *span)
{
	span->microseconds = span->microseconds / unit_us * unit_us;
	return STATUS_OK;
}

static status interval_truncate(enum datetime_field field, struct slice name, struct interval *span)
{
	switch (field) {
	case FIELD_MILLENNIUM:
	case FIELD_CENTURY:
	case FIELD_DECADE:
	case FIELD_YEAR:
	case FIELD_QUARTER:
	case FIELD_MONTH:
		return truncate_months(field, span);
	case FIELD_DAY:
		return truncate_time(INT64_MAX, span);
	case FIELD_HOUR:
		return truncate_time(3600 * MICROSECONDS_PER_SECOND, span);
	case FIELD_MINUTE:
		return truncate_time(60 * MICROSECONDS_PER_SECOND, span);
	case FIELD_SECOND:
		return truncate_time(MICROSECONDS_PER_SECOND, span);
	case FIELD_MILLISECOND:
		return truncate_time(1000, span);
	case FIELD_MICROSECOND:
		return STATUS_OK;
	case FIELD_WEEK:
	case FIELD_TIMEZONE:
		return error_raise(STATUS_UNSUPPORTED, "unit \"%.*s\" not supported for type interval",
			(int)(name.size < 60 ? name.size : 60), (const char *)name.data);
	default:
		return error_raise(STATUS_INVALID, "unit \"%.*s\" not recognized for type interval",
			(int)(name.size < 60 ? name.size : 60), (const char *)name.data);
	}
}

static status truncate_interval(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text name = text_argument(call, 0, row);
		struct interval *span = &call->result->intervals[row];
		enum datetime_field field;
		status result = datetime_field_parse(text_slice(&name), &field);
		*span = *interval_argument(call, 1, row);
		if (result == STATUS_OK)
			result = interval_truncate(field, text_slice(&name), span);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* Whole days out of the time, then both of one sign. */
static status hours_justify(struct interval *span)
{
	int64_t days = span->microseconds / MICROSECONDS_PER_DAY;
	span->microseconds -= days * MICROSECONDS_PER_DAY;
	if (__builtin_add_overflow(span->days, (int32_t)days, &span->days))
		return interval_out_of_range();
	if (span->days > 0 && span->microseconds < 0) {
		span->microseconds += MICROSECONDS_PER_DAY;
		span->days--;
	} else if (span->days < 0 && span->microseconds > 0) {
		span->microseconds -= MICROSECONDS_PER_DAY;
		span->days++;
	}
	return STATUS_OK;
}

static status days_justify(struct interval *span)
{
	int32_t months = span->days / 30;
	span->days -= months * 30;
	if (__builtin_add_overflow(span->months, months, &span->months))
		return interval_out_of_range();
	if (span->months > 0 && span->days < 0) {
		span->days += 30;
		span->months--;
	} else if (span->months < 0 && span->days > 0) {
		span->days -= 30;
		span->months++;
	}
	return STATUS_OK;
}

/* All three of one sign. */
static status interval_justify(struct interval *span)
{
	int64_t carried = span->microseconds / MICROSECONDS_PER_DAY;
	span->microseconds -= carried * MICROSECONDS_PER_DAY;
	if (__builtin_add_overflow(span->days, (int32_t)carried, &span->days))
		return interval_out_of_range();
	int32_t months = span->days / 30;
	span->days -= months * 30;
	if (__builtin_add_overflow(span->months, months, &span->months))
		return interval_out_of_range();
	bool days_negative = span->days < 0 || (span->days == 0 && span->microseconds < 0);
	bool days_positive = span->days > 0 || (span->days == 0 && span->microseconds > 0);
	if (span->months > 0 && days_negative) {
		span->days += 30;
		span->months--;
	} else if (span->months < 0 && days_positive) {
		span->days -= 30;
		span->months++;
	}
	if (span->days > 0 && span->microseconds < 0) {
		span->microseconds += MICROSECONDS_PER_DAY;
		span->days--;
	} else if (span->days < 0 && span->microseconds > 0) {
		span->microseconds -= MICROSECONDS_PER_DAY;
		span->days++;
	}
	return STATUS_OK;
}

static status justify(const struct kernel_call *call, status (*one)(struct interval *))
{
	EACH_ROW(call, row)
	{
		call->result->intervals[row] = call->arguments[0].intervals[row];
		status result = one(&call->result->intervals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status justify_hours(const struct kernel_call *call)
{
	return justify(call, hours_justify);
}

static status justify_days(const struct kernel_call *call)
{
	return justify(call, days_justify);
}

static status justify_interval(const struct kernel_call *call)
{
	return justify(call, interval_justify);
}

#define CLOCK_FAILS (FUNCTION_STRICT | FUNCTION_VOLATILE | FUNCTION_STABLE | FUNCTION_FAILS)
#define SHIFT(result, type)                                                                                  \
	F2("+", result, type, INTERVAL, STRICT_FAILS, shift_forward),                                            \
		F2("+", result, INTERVAL, type, STRICT_FAILS, shift_forward),                                        \
		F2("-", result, type, INTERVAL, STRICT_FAILS, shift_back)

static const struct function functions[] = {
	F2("+", INTERVAL, INTERVAL, INTERVAL, STRICT_FAILS, plus),
	F2("-", INTERVAL, INTERVAL, INTERVAL, STRICT_FAILS, minus),
	F1("-", INTERVAL, INTERVAL, STRICT_FAILS, negate),
	F2("*", INTERVAL, INTERVAL, FLOAT8, STRICT_FAILS, times),
	F2("*", INTERVAL, FLOAT8, INTERVAL, STRICT_FAILS, times),
	F2("/", INTERVAL, INTERVAL, FLOAT8, STRICT_FAILS, divide),
	SHIFT(TIMESTAMP, DATE),
	SHIFT(TIMESTAMP, TIMESTAMP),
	SHIFT(TIMESTAMPTZ, TIMESTAMPTZ),
	F2("age", INTERVAL, TIMESTAMP, TIMESTAMP, STRICT_FAILS, age),
	F2("age", INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ, STRICT_FAILS, age),
	F1("age", INTERVAL, TIMESTAMP, CLOCK_FAILS, age_of),
	F1("age", INTERVAL, TIMESTAMPTZ, CLOCK_FAILS, age_of),
	F2("date_trunc", INTERVAL, TEXT, INTERVAL, STRICT_FAILS, truncate_interval),
	F1("justify_hours", INTERVAL, INTERVAL, STRICT_FAILS, justify_hours),
	F1("justify_days", INTERVAL, INTERVAL, STRICT_FAILS, justify_days),
	F1("justify_interval", INTERVAL, INTERVAL, STRICT_FAILS, justify_interval),
};
FUNCTION_LIST(function_list_interval, functions);
