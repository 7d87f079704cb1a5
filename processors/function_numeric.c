/* Arithmetic of numeric. The algebra, result scales included, is zset/decimal.h's. */
#include "processors/function_family.h"
#include "zset/decimal.h"

#define DECIMAL_KERNEL(name, operation)                                                                      \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		const struct decimal *left = call->arguments[0].decimals, *right = call->arguments[1].decimals;      \
		uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);                        \
		for (uint32_t row = 0; row < call->row_count; row++) {                                               \
			if (kernel_skips(call, row))                                                                     \
				continue;                                                                                    \
			status result =                                                                                  \
				operation(&left[row & left_mask], &right[row & right_mask], &call->result->decimals[row]);   \
			if (result != STATUS_OK)                                                                         \
				return result;                                                                               \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}

/* Numbers of one column mostly share their scale; their sum then needs no more than a check of its size. */
static inline status sum_of(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	const __int128 limit = (__int128)10000000000000000000ULL * 10000000000000000000ULL; /* 10^38 */
	__int128 sum = left->value + right->value;
	if (left->scale != right->scale || sum >= limit || sum <= -limit)
		return decimal_add(left, right, out);
	*out = (struct decimal){.value = sum, .scale = left->scale};
	return STATUS_OK;
}

static inline status difference_of(
	const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	struct decimal negated = *right;
	negated.value = -right->value;
	return sum_of(left, &negated, out);
}

/* The quotient's integer part. */
static status decimal_div(const struct decimal *left, const struct decimal *right, struct decimal *out)
{
	struct decimal rest, whole, quotient;
	status result = decimal_modulo(left, right, &rest);
	if (result == STATUS_OK)
		result = decimal_subtract(left, &rest, &whole);
	if (result == STATUS_OK)
		result = decimal_divide(&whole, right, &quotient);
	if (result == STATUS_OK)
		result = decimal_truncate(&quotient, 0, out);
	return result;
}

DECIMAL_KERNEL(add, sum_of)
DECIMAL_KERNEL(subtract, difference_of)
DECIMAL_KERNEL(multiply, decimal_multiply)
DECIMAL_KERNEL(divide, decimal_divide)
DECIMAL_KERNEL(modulo, decimal_modulo)
DECIMAL_KERNEL(div_whole, decimal_div)

static status negate(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (!kernel_skips(call, row))
			call->result->decimals[row] = decimal_negate(&call->arguments[0].decimals[row]);
	}
	return STATUS_OK;
}

static status plus(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (!kernel_skips(call, row))
			call->result->decimals[row] = call->arguments[0].decimals[row];
	}
	return STATUS_OK;
}

static status absolute(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		const struct decimal *value = &call->arguments[0].decimals[row];
		call->result->decimals[row] = value->value < 0 ? decimal_negate(value) : *value;
	}
	return STATUS_OK;
}

#define DECIMAL_MAP(name, operation)                                                                         \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		EACH_ROW(call, row)                                                                                  \
		{                                                                                                    \
			const struct decimal *value = &call->arguments[0].decimals[row];                                 \
			struct decimal *out = &call->result->decimals[row];                                              \
			status result = operation;                                                                       \
			if (result != STATUS_OK)                                                                         \
				return result;                                                                               \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}
DECIMAL_MAP(ceil_whole, decimal_ceil(value, out))
DECIMAL_MAP(floor_whole, decimal_floor(value, out))
DECIMAL_MAP(round_whole, decimal_round(value, 0, out))
DECIMAL_MAP(truncate_whole, decimal_truncate(value, 0, out))

static status sign(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		const struct decimal *value = &call->arguments[0].decimals[row];
		call->result->decimals[row] = decimal_from_i64((value->value > 0) - (value->value < 0));
	}
	return STATUS_OK;
}

/* round(numeric, integer), trunc(numeric, integer); a negative count rounds to tens, hundreds … */
static status to_scale(
	const struct kernel_call *call, status (*operation)(const struct decimal *, int32_t, struct decimal *))
{
	EACH_ROW(call, row)
	{
		int64_t scale = i64_argument(call, 1, row);
		int32_t bounded = (int32_t)(scale < -2000 ? -2000 : scale > 2000 ? 2000 : scale);
		status result = operation(decimal_argument(call, 0, row), bounded, &call->result->decimals[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status round_to(const struct kernel_call *call)
{
	return to_scale(call, decimal_round);
}

static status truncate_to(const struct kernel_call *call)
{
	return to_scale(call, decimal_truncate);
}

static status scale(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	call->result->i64[row] = call->arguments[0].decimals[row].scale;
	return STATUS_OK;
}

static status scale_least(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	call->result->i64[row] = decimal_canonical(&call->arguments[0].decimals[row]).scale;
	return STATUS_OK;
}

static status trim_scale(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	call->result->decimals[row] = decimal_canonical(&call->arguments[0].decimals[row]);
	return STATUS_OK;
}

static status bucket_invalid(const char *text)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "%s", text);
	error_sqlstate("2201G");
	return STATUS_OUT_OF_RANGE;
}

/* 1 + floor((operand − low) × count / (high − low)), computed exactly. */
static status bucket_inside(const struct decimal *operand, const struct decimal *low,
	const struct decimal *high, int64_t count, int64_t *out)
{
	struct decimal part, width, buckets = decimal_from_i64(count), bucket;
	status result = decimal_subtract(operand, low, &part);
	if (result == STATUS_OK)
		result = decimal_subtract(high, low, &width);
	if (result == STATUS_OK)
		result = decimal_multiply(&part, &buckets, &part);
	if (result == STATUS_OK)
		result = decimal_div(&part, &width, &bucket);
	if (result == STATUS_OK)
		result = decimal_to_i64(&bucket, out);
	if (result == STATUS_OK)
		*out += 1;
	return result;
}

static status width_bucket(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		const struct decimal *operand = decimal_argument(call, 0, row), *low = decimal_argument(call, 1, row),
							 *high = decimal_argument(call, 2, row);
		int64_t count = i64_argument(call, 3, row), *out = &call->result->i64[row];
		int order = decimal_compare(low, high);
		if (count <= 0)
			return bucket_invalid("count must be greater than zero");
		if (order == 0)
			return bucket_invalid("lower bound cannot equal upper bound");
		int to_low = decimal_compare(operand, low), to_high = decimal_compare(operand, high);
		status result = STATUS_OK;
		if (order < 0 ? to_low < 0 : to_low > 0)
			*out = 0;
		else if (order < 0 ? to_high >= 0 : to_high <= 0)
			*out = count + 1;
		else
			result = bucket_inside(operand, low, high, count, out);
		if (result == STATUS_OK && *out > INT32_MAX)
			result = error_raise(STATUS_OUT_OF_RANGE, "integer out of range");
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static const struct function functions[] = {
	F2("+", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, add),
	F2("-", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, subtract),
	F2("*", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, multiply),
	F2("/", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, divide),
	F2("%", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, modulo),
	F2("mod", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, modulo),
	F2("div", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, div_whole),
	F1("-", NUMERIC, NUMERIC, STRICT, negate),
	F1("+", NUMERIC, NUMERIC, STRICT, plus),
	F1("abs", NUMERIC, NUMERIC, STRICT, absolute),
	F1("@", NUMERIC, NUMERIC, STRICT, absolute),
	F1("ceil", NUMERIC, NUMERIC, STRICT_FAILS, ceil_whole),
	F1("ceiling", NUMERIC, NUMERIC, STRICT_FAILS, ceil_whole),
	F1("floor", NUMERIC, NUMERIC, STRICT_FAILS, floor_whole),
	F1("round", NUMERIC, NUMERIC, STRICT_FAILS, round_whole),
	F2("round", NUMERIC, NUMERIC, INT4, STRICT_FAILS, round_to),
	F1("trunc", NUMERIC, NUMERIC, STRICT_FAILS, truncate_whole),
	F2("trunc", NUMERIC, NUMERIC, INT4, STRICT_FAILS, truncate_to),
	F1("sign", NUMERIC, NUMERIC, STRICT, sign),
	F1("scale", INT4, NUMERIC, STRICT, scale),
	F1("min_scale", INT4, NUMERIC, STRICT, scale_least),
	F1("trim_scale", NUMERIC, NUMERIC, STRICT, trim_scale),
	F4("width_bucket", INT4, NUMERIC, NUMERIC, NUMERIC, INT4, STRICT_FAILS, width_bucket),
};
FUNCTION_LIST(function_list_numeric, functions);
