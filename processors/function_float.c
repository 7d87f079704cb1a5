/* Arithmetic of real and double precision. Algebra: IEEE 754, except that an overflow to infinity, an
 * underflow to zero and a division by zero are errors, as in PostgreSQL. Reals are computed in double and
 * rounded: for + - * / of two floats that gives the float operation's own result (double has more than twice
 * the digits).
 */
#include <float.h>
#include <math.h>

#include "processors/function_family.h"

enum float_fault { FAULT_NONE, FAULT_OVERFLOW, FAULT_UNDERFLOW, FAULT_ZERO };

static status float_fault_raise(enum float_fault fault)
{
	if (fault == FAULT_ZERO)
		return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
	return error_raise(STATUS_OUT_OF_RANGE,
		fault == FAULT_OVERFLOW ? "value out of range: overflow" : "value out of range: underflow");
}

/* Runs the loop with a and b; three loops, so that a constant stays in a register. */
#define EACH_PAIR(call, body)                                                                                \
	do {                                                                                                     \
		const double *left = (call)->arguments[0].f64, *right = (call)->arguments[1].f64;                    \
		double *restrict out = (call)->result->f64;                                                          \
		uint32_t row_count = (call)->row_count;                                                              \
		if (((call)->constant_arguments & 2u) != 0) {                                                        \
			const double b = right[0];                                                                       \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const double a = left[row];                                                                  \
				body;                                                                                        \
			}                                                                                                \
		} else if (((call)->constant_arguments & 1u) != 0) {                                                 \
			const double a = left[0];                                                                        \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const double b = right[row];                                                                 \
				body;                                                                                        \
			}                                                                                                \
		} else {                                                                                             \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const double a = left[row], b = right[row];                                                  \
				body;                                                                                        \
			}                                                                                                \
		}                                                                                                    \
	} while (0)

/* The first row that counts and is at fault. */
static status fault_find(const struct kernel_call *call, enum float_fault (*judge)(double, double, double))
{
	uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		enum float_fault fault = judge(call->arguments[0].f64[row & left_mask],
			call->arguments[1].f64[row & right_mask], call->result->f64[row]);
		if (fault != FAULT_NONE)
			return float_fault_raise(fault);
	}
	return STATUS_OK;
}

static enum float_fault sum_judge(double a, double b, double value)
{
	return isinf(value) && !isinf(a) && !isinf(b) ? FAULT_OVERFLOW : FAULT_NONE;
}

static enum float_fault product_judge(double a, double b, double value)
{
	if (isinf(value) && !isinf(a) && !isinf(b))
		return FAULT_OVERFLOW;
	return value == 0.0 && a != 0.0 && b != 0.0 ? FAULT_UNDERFLOW : FAULT_NONE;
}

static enum float_fault quotient_judge(double a, double b, double value)
{
	if (b == 0.0 && !isnan(a))
		return FAULT_ZERO;
	if (isinf(value) && !isinf(a))
		return FAULT_OVERFLOW;
	return value == 0.0 && a != 0.0 && !isinf(b) ? FAULT_UNDERFLOW : FAULT_NONE;
}

/* `suspect` is true for every fault and little else; whether it is one, the judge says. */
#define FLOAT_KERNEL(name, round_to, symbol, suspect, judge)                                                 \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		uint64_t over = 0;                                                                                   \
		EACH_PAIR(call, {                                                                                    \
			double value = (round_to)(a symbol b);                                                           \
			out[row] = value;                                                                                \
			over |= (uint64_t)(suspect);                                                                     \
		});                                                                                                  \
		return over == 0 ? STATUS_OK : fault_find(call, judge);                                              \
	}
#define INFINITE(value) (fabs(value) > DBL_MAX)
FLOAT_KERNEL(float8_add, double, +, INFINITE(value), sum_judge)
FLOAT_KERNEL(float8_subtract, double, -, INFINITE(value), sum_judge)
FLOAT_KERNEL(
	float8_multiply, double, *, INFINITE(value) | ((value == 0.0) & (a != 0.0) & (b != 0.0)), product_judge)
FLOAT_KERNEL(float4_add, float, +, INFINITE(value), sum_judge)
FLOAT_KERNEL(float4_subtract, float, -, INFINITE(value), sum_judge)
FLOAT_KERNEL(
	float4_multiply, float, *, INFINITE(value) | ((value == 0.0) & (a != 0.0) & (b != 0.0)), product_judge)
#define QUOTIENT_SUSPECT (b == 0.0) | INFINITE(value) | ((value == 0.0) & (a != 0.0))
/* A zero divisor divides by 1 instead: sanitizers take a float division by zero for a mistake. */
#define SAFE_DIVISOR(b) ((b) == 0.0 ? 1.0 : (b))
#define QUOTIENT_KERNEL(name, round_to)                                                                      \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		uint64_t over = 0;                                                                                   \
		EACH_PAIR(call, {                                                                                    \
			double value = (round_to)(a / SAFE_DIVISOR(b));                                                  \
			out[row] = value;                                                                                \
			over |= (uint64_t)(QUOTIENT_SUSPECT);                                                            \
		});                                                                                                  \
		return over == 0 ? STATUS_OK : fault_find(call, quotient_judge);                                     \
	}
QUOTIENT_KERNEL(float8_divide, double)
QUOTIENT_KERNEL(float4_divide, float)

static status negate(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->f64[row] = -call->arguments[0].f64[row];
	return STATUS_OK;
}

static status plus(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->f64[row] = call->arguments[0].f64[row];
	return STATUS_OK;
}

static status absolute(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->f64[row] = fabs(call->arguments[0].f64[row]);
	return STATUS_OK;
}

#define PAIR(result, a, b, size)                                                                             \
	F2("+", result, a, b, STRICT_FAILS, size##_add), F2("-", result, a, b, STRICT_FAILS, size##_subtract),   \
		F2("*", result, a, b, STRICT_FAILS, size##_multiply),                                                \
		F2("/", result, a, b, STRICT_FAILS, size##_divide)
#define OWN(type)                                                                                            \
	F1("-", type, type, STRICT, negate), F1("+", type, type, STRICT, plus),                                  \
		F1("abs", type, type, STRICT, absolute), F1("@", type, type, STRICT, absolute)

static const struct function functions[] = {
	PAIR(FLOAT4, FLOAT4, FLOAT4, float4),
	PAIR(FLOAT8, FLOAT4, FLOAT8, float8),
	PAIR(FLOAT8, FLOAT8, FLOAT4, float8),
	PAIR(FLOAT8, FLOAT8, FLOAT8, float8),
	OWN(FLOAT4),
	OWN(FLOAT8),
};
FUNCTION_LIST(function_list_float, functions);
