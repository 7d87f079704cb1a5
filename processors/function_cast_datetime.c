/* Casts among date, timestamp and timestamptz (in UTC, so the two timestamps are the same number). */
#include "processors/function_cast.h"
#include "processors/function_family.h"
#include "zset/datetime.h"

status cast_date_to_timestamp(const struct kernel_call *call)
{
	/* 294277-01-01, PostgreSQL's first date beyond the timestamps; the earliest date is the earliest
	 * timestamp's. */
	int64_t end = date_from_civil(294277, 1, 1);
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		int64_t days = call->arguments[0].i64[row];
		if (days == TIMESTAMP_INFINITY || days == TIMESTAMP_MINUS_INFINITY) {
			call->result->i64[row] = days;
			continue;
		}
		if (days >= end) {
			(void)error_raise(STATUS_OUT_OF_RANGE, "date out of range for timestamp");
			error_sqlstate("22008");
			return STATUS_OUT_OF_RANGE;
		}
		call->result->i64[row] = days * MICROSECONDS_PER_DAY;
	}
	return STATUS_OK;
}

status cast_timestamp_to_date(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		int64_t timestamp = call->arguments[0].i64[row];
		int64_t days = timestamp / MICROSECONDS_PER_DAY - (timestamp % MICROSECONDS_PER_DAY < 0);
		bool infinite = timestamp == TIMESTAMP_INFINITY || timestamp == TIMESTAMP_MINUS_INFINITY;
		call->result->i64[row] = infinite ? timestamp : days;
	}
	return STATUS_OK;
}
