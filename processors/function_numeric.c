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

DECIMAL_KERNEL(add, decimal_add)
DECIMAL_KERNEL(subtract, decimal_subtract)
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
};
FUNCTION_LIST(function_list_numeric, functions);
