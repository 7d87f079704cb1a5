/* Mathematical functions of double precision, and random(). Algebra: the C library's (correct to the last
 * digit or nearly so: results of exp, ln, power and the trigonometric functions may differ in the last digit
 * between C libraries); what has no finite result is an error, as in PostgreSQL.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"
#include "processors/function_family.h"

static status domain_error(const char *sqlstate, const char *text)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "%s", text);
	error_sqlstate(sqlstate);
	return STATUS_OUT_OF_RANGE;
}

static status overflow_error(void)
{
	return error_raise(STATUS_OUT_OF_RANGE, "value out of range: overflow");
}

static status underflow_error(void)
{
	return error_raise(STATUS_OUT_OF_RANGE, "value out of range: underflow");
}

/* Functions that cannot fail. */
#define TOTAL(name, expression)                                                                              \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		for (uint32_t row = 0; row < call->row_count; row++) {                                               \
			double x = call->arguments[0].f64[row];                                                          \
			call->result->f64[row] = (expression);                                                           \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}
TOTAL(float_ceil, ceil(x))
TOTAL(float_floor, floor(x))
TOTAL(float_round, rint(x))
TOTAL(float_trunc, trunc(x))
TOTAL(float_sign, x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0)
TOTAL(float_cbrt, cbrt(x))
TOTAL(float_atan, atan(x))
TOTAL(float_tanh, tanh(x))
TOTAL(float_asinh, asinh(x))
TOTAL(float_radians, x *(M_PI / 180.0))

/* Functions that check their argument or result row by row: `body` sets value or returns. */
#define CHECKED(name, body)                                                                                  \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		EACH_ROW(call, row)                                                                                  \
		{                                                                                                    \
			double x = call->arguments[0].f64[row], value;                                                   \
			body;                                                                                            \
			call->result->f64[row] = value;                                                                  \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}

static status square_root_negative(void)
{
	return domain_error("2201F", "cannot take square root of a negative number");
}

static status logarithm_undefined(double x)
{
	return domain_error(
		"2201E", x == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number");
}

static status input_out_of_range(void)
{
	return domain_error("22003", "input is out of range");
}

CHECKED(float_sqrt, {
	if (x < 0)
		return square_root_negative();
	value = sqrt(x);
})
CHECKED(float_exp, {
	value = exp(x);
	if (isinf(value) && !isinf(x))
		return overflow_error();
	if (value == 0 && !isinf(x))
		return underflow_error();
})
CHECKED(float_ln, {
	if (x <= 0)
		return logarithm_undefined(x);
	value = log(x);
})
CHECKED(float_log10, {
	if (x <= 0)
		return logarithm_undefined(x);
	value = log10(x);
})
CHECKED(float_sin, {
	if (isinf(x))
		return input_out_of_range();
	value = sin(x);
})
CHECKED(float_cos, {
	if (isinf(x))
		return input_out_of_range();
	value = cos(x);
})
CHECKED(float_tan, {
	if (isinf(x))
		return input_out_of_range();
	value = tan(x);
})
CHECKED(float_cot, {
	if (isinf(x))
		return input_out_of_range();
	value = x == 0 ? copysign(INFINITY, x) : 1.0 / tan(x);
})
CHECKED(float_asin, {
	if (x < -1 || x > 1)
		return input_out_of_range();
	value = asin(x);
})
CHECKED(float_acos, {
	if (x < -1 || x > 1)
		return input_out_of_range();
	value = acos(x);
})
CHECKED(float_sinh, value = sinh(x))
CHECKED(float_cosh, value = cosh(x))
CHECKED(float_acosh, {
	if (x < 1)
		return input_out_of_range();
	value = acosh(x);
})
CHECKED(float_atanh, {
	if (x < -1 || x > 1)
		return input_out_of_range();
	value = x == -1 ? -INFINITY : x == 1 ? INFINITY : atanh(x);
})
CHECKED(float_degrees, {
	value = x / (M_PI / 180.0);
	if (isinf(value) && !isinf(x))
		return overflow_error();
})

static status power_one(double x, double y, double *out)
{
	if (isnan(x) || isnan(y)) {
		*out = y == 0 || x == 1 ? 1.0 : NAN;
		return STATUS_OK;
	}
	if (x == 0 && y < 0)
		return domain_error("2201F", "zero raised to a negative power is undefined");
	if (x < 0 && !isinf(y) && floor(y) != y)
		return domain_error(
			"2201F", "a negative number raised to a non-integer power yields a complex result");
	*out = pow(x, y);
	if (isinf(x) || isinf(y))
		return STATUS_OK;
	if (isinf(*out))
		return overflow_error();
	return *out == 0 && x != 0 ? underflow_error() : STATUS_OK;
}

static status float_power(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result =
			power_one(f64_argument(call, 0, row), f64_argument(call, 1, row), &call->result->f64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status float_atan2(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	call->result->f64[row] = atan2(f64_argument(call, 0, row), f64_argument(call, 1, row));
	return STATUS_OK;
}

static status pi(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->f64[row] = M_PI;
	return STATUS_OK;
}

static status bucket_of(double operand, double low, double high, int64_t count, int64_t *out)
{
	if (count <= 0)
		return domain_error("2201G", "count must be greater than zero");
	if (isnan(operand) || isnan(low) || isnan(high))
		return domain_error("2201G", "operand, lower bound, and upper bound cannot be NaN");
	if (isinf(low) || isinf(high))
		return domain_error("2201G", "lower and upper bounds must be finite");
	if (low == high)
		return domain_error("2201G", "lower bound cannot equal upper bound");
	bool rising = low < high;
	if (rising ? operand < low : operand > low) {
		*out = 0;
	} else if (rising ? operand >= high : operand <= high) {
		*out = count + 1;
	} else {
		double part = (operand - low) / (high - low) * (double)count;
		int64_t bucket = (int64_t)part + 1;
		*out = bucket > count ? count : bucket; /* rounding may reach the bound that the operand lies below */
	}
	if (*out > INT32_MAX)
		return error_raise(STATUS_OUT_OF_RANGE, "integer out of range");
	return STATUS_OK;
}

static status width_bucket(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		status result = bucket_of(f64_argument(call, 0, row), f64_argument(call, 1, row),
			f64_argument(call, 2, row), i64_argument(call, 3, row), &call->result->i64[row]);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* A counter through a mixing function (as SplitMix64 does it), begun at a random point for each thread. */
static status random_kernel(const struct kernel_call *call)
{
	static _Thread_local uint64_t state;
	if (state == 0 && getrandom(&state, sizeof state, 0) != (ssize_t)sizeof state)
		state = (uint64_t)(uintptr_t)&state;
	for (uint32_t row = 0; row < call->row_count; row++) {
		state += UINT64_C(0x9e3779b97f4a7c15);
		call->result->f64[row] = (double)(hash_mix(state) >> 11) * 0x1p-53;
	}
	return STATUS_OK;
}

static const struct function functions[] = {
	F1("ceil", FLOAT8, FLOAT8, STRICT, float_ceil),
	F1("ceiling", FLOAT8, FLOAT8, STRICT, float_ceil),
	F1("floor", FLOAT8, FLOAT8, STRICT, float_floor),
	F1("round", FLOAT8, FLOAT8, STRICT, float_round),
	F1("trunc", FLOAT8, FLOAT8, STRICT, float_trunc),
	F1("sign", FLOAT8, FLOAT8, STRICT, float_sign),
	F1("sqrt", FLOAT8, FLOAT8, STRICT_FAILS, float_sqrt),
	F1("|/", FLOAT8, FLOAT8, STRICT_FAILS, float_sqrt),
	F1("cbrt", FLOAT8, FLOAT8, STRICT, float_cbrt),
	F1("||/", FLOAT8, FLOAT8, STRICT, float_cbrt),
	F1("exp", FLOAT8, FLOAT8, STRICT_FAILS, float_exp),
	F1("ln", FLOAT8, FLOAT8, STRICT_FAILS, float_ln),
	F1("log", FLOAT8, FLOAT8, STRICT_FAILS, float_log10),
	F1("log10", FLOAT8, FLOAT8, STRICT_FAILS, float_log10),
	F2("power", FLOAT8, FLOAT8, FLOAT8, STRICT_FAILS, float_power),
	F2("pow", FLOAT8, FLOAT8, FLOAT8, STRICT_FAILS, float_power),
	F2("^", FLOAT8, FLOAT8, FLOAT8, STRICT_FAILS, float_power),
	F1("sin", FLOAT8, FLOAT8, STRICT_FAILS, float_sin),
	F1("cos", FLOAT8, FLOAT8, STRICT_FAILS, float_cos),
	F1("tan", FLOAT8, FLOAT8, STRICT_FAILS, float_tan),
	F1("cot", FLOAT8, FLOAT8, STRICT_FAILS, float_cot),
	F1("asin", FLOAT8, FLOAT8, STRICT_FAILS, float_asin),
	F1("acos", FLOAT8, FLOAT8, STRICT_FAILS, float_acos),
	F1("atan", FLOAT8, FLOAT8, STRICT, float_atan),
	F2("atan2", FLOAT8, FLOAT8, FLOAT8, STRICT, float_atan2),
	F1("sinh", FLOAT8, FLOAT8, STRICT, float_sinh),
	F1("cosh", FLOAT8, FLOAT8, STRICT, float_cosh),
	F1("tanh", FLOAT8, FLOAT8, STRICT, float_tanh),
	F1("asinh", FLOAT8, FLOAT8, STRICT, float_asinh),
	F1("acosh", FLOAT8, FLOAT8, STRICT_FAILS, float_acosh),
	F1("atanh", FLOAT8, FLOAT8, STRICT_FAILS, float_atanh),
	F1("degrees", FLOAT8, FLOAT8, STRICT_FAILS, float_degrees),
	F1("radians", FLOAT8, FLOAT8, STRICT, float_radians),
	F0("pi", FLOAT8, STRICT, pi),
	F4("width_bucket", INT4, FLOAT8, FLOAT8, FLOAT8, INT4, STRICT_FAILS, width_bucket),
	F0("random", FLOAT8, FUNCTION_VOLATILE, random_kernel),
};
FUNCTION_LIST(function_list_math, functions);
