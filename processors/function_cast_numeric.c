/* Casts between numeric types. Algebra: a cast keeps the value, rounds it as PostgreSQL does (float to
 * integer half to even, numeric to integer half away from zero), or fails when the type cannot hold it.
 *
 * Loops run over all rows at once and only note whether any row failed; the failing row is looked for
 * afterwards, because rows to skip may hold anything.
 */
#include "processors/function_cast.h"

#include <math.h>

#include "processors/function_family.h"
#include "zset/decimal.h"

status integer_out_of_range(enum type_id type)
{
	return error_raise(STATUS_OUT_OF_RANGE, "%s out of range", type_name(type));
}

static void integer_limits(enum type_id type, int64_t *low, int64_t *high)
{
	*low = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
	*high = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

status cast_integer_narrow(const struct kernel_call *call)
{
	const int64_t *restrict from = call->arguments[0].i64;
	int64_t *restrict to = call->result->i64;
	int64_t low, high;
	integer_limits(call->result_type.id, &low, &high);
	uint64_t outside = 0;
	for (uint32_t row = 0; row < call->row_count; row++) {
		to[row] = from[row];
		outside |= (uint64_t)((from[row] < low) | (from[row] > high));
	}
	for (uint32_t row = 0; row < call->row_count && outside != 0; row++) {
		if ((from[row] < low || from[row] > high) && !kernel_skips(call, row))
			return integer_out_of_range(call->result_type.id);
	}
	return STATUS_OK;
}

status cast_integer_to_float4(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->f64[row] = (float)call->arguments[0].i64[row];
	return STATUS_OK;
}

status cast_integer_to_float8(const struct kernel_call *call)
{
	const int64_t *restrict from = call->arguments[0].i64;
	double *restrict to = call->result->f64;
	for (uint32_t row = 0; row < call->row_count; row++)
		to[row] = (double)from[row];
	return STATUS_OK;
}

status cast_integer_to_numeric(const struct kernel_call *call)
{
	bool constrained = call->result_type.modifier >= 0;
	for (uint32_t row = 0; row < call->row_count; row++) {
		struct decimal *to = &call->result->decimals[row];
		if (kernel_skips(call, row))
			continue;
		*to = decimal_from_i64(call->arguments[0].i64[row]);
		if (!constrained)
			continue;
		status result = decimal_apply_modifier(to, call->result_type.modifier, to);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

status cast_integer_to_boolean(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->booleans[row] = call->arguments[0].i64[row] != 0;
	return STATUS_OK;
}

status cast_boolean_to_integer(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = call->arguments[0].booleans[row] != 0;
	return STATUS_OK;
}

status cast_float8_to_float4(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		double from = call->arguments[0].f64[row];
		float to = (float)from;
		if (isinf(to) && !isinf(from))
			return error_raise(STATUS_OUT_OF_RANGE, "value out of range: overflow");
		if (to == 0.0f && from != 0.0)
			return error_raise(STATUS_OUT_OF_RANGE, "value out of range: underflow");
		call->result->f64[row] = to;
	}
	return STATUS_OK;
}

status cast_float_to_integer(const struct kernel_call *call)
{
	enum type_id type = call->result_type.id;
	/* Exact powers of two, so the comparisons are exact too. */
	double low = type == TYPE_INT2 ? -0x1p15 : type == TYPE_INT4 ? -0x1p31 : -0x1p63;
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		double rounded = rint(call->arguments[0].f64[row]);
		if (!(rounded >= low && rounded < -low))
			return integer_out_of_range(type);
		call->result->i64[row] = (int64_t)rounded;
	}
	return STATUS_OK;
}

status cast_float_to_numeric(const struct kernel_call *call)
{
	bool is_float4 = call->arguments[0].type.id == TYPE_FLOAT4;
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		struct decimal *to = &call->result->decimals[row];
		double from = call->arguments[0].f64[row];
		/* Too small for 38 digits, but then it is zero at any numeric(p,s)'s scale. */
		if (call->result_type.modifier >= 0 && fabs(from) < 1e-30)
			from = 0;
		status result = decimal_from_f64(from, is_float4, to);
		if (result == STATUS_OK && call->result_type.modifier >= 0)
			result = decimal_apply_modifier(to, call->result_type.modifier, to);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

status cast_numeric_to_float(const struct kernel_call *call)
{
	bool to_float4 = call->result_type.id == TYPE_FLOAT4;
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		double value = decimal_to_f64(&call->arguments[0].decimals[row]);
		/* 38 digits fit a float: nothing overflows, but 1e-38 and its like lie at its lower end. */
		if (to_float4 && (float)value == 0.0f && value != 0.0)
			return error_raise(STATUS_OUT_OF_RANGE, "value out of range: underflow");
		call->result->f64[row] = to_float4 ? (double)(float)value : value;
	}
	return STATUS_OK;
}

status cast_numeric_to_integer(const struct kernel_call *call)
{
	enum type_id type = call->result_type.id;
	int64_t low, high;
	integer_limits(type, &low, &high);
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		int64_t value;
		if (decimal_to_i64(&call->arguments[0].decimals[row], &value) != STATUS_OK || value < low ||
			value > high)
			return integer_out_of_range(type);
		call->result->i64[row] = value;
	}
	return STATUS_OK;
}

status cast_numeric_to_numeric(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		status result = decimal_apply_modifier(
			&call->arguments[0].decimals[row], call->result_type.modifier, &call->result->decimals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}
