/* Arithmetic of real and double precision. Algebra: IEEE 754, except that an overflow to infinity, an
 * underflow to zero and a division by zero are errors, as in PostgreSQL. Reals are computed in double and
 * rounded: for + - * / of two floats that gives the float operation's own result (double has more than twice
 * the digits).
 */
#include <math.h>
#include <string.h>

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

/* The first row that counts and is at fault; inlined, so that the judge is. */
static inline __attribute__((always_inline)) status fault_find(
	const struct kernel_call *call, enum float_fault (*judge)(double, double, double))
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

static inline enum float_fault sum_judge(double a, double b, double value)
{
	return isinf(value) && !isinf(a) && !isinf(b) ? FAULT_OVERFLOW : FAULT_NONE;
}

static inline enum float_fault product_judge(double a, double b, double value)
{
	if (isinf(value) && !isinf(a) && !isinf(b))
		return FAULT_OVERFLOW;
	return value == 0.0 && a != 0.0 && b != 0.0 ? FAULT_UNDERFLOW : FAULT_NONE;
}

static inline enum float_fault quotient_judge(double a, double b, double value)
{
	if (b == 0.0 && !isnan(a))
		return FAULT_ZERO;
	if (isinf(value) && !isinf(a))
		return FAULT_OVERFLOW;
	return value == 0.0 && a != 0.0 && !isinf(b) ? FAULT_UNDERFLOW : FAULT_NONE;
}

static inline uint64_t bits_without_sign(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits << 1;
}

/* Is any result infinite or NaN, or zero too? On the bits, by shifts and additions, which vectorise
 * everywhere; most batches have no such result, and in the others the judge looks at each row. */
static bool results_suspect(const double *values, uint32_t row_count, bool zeros_too)
{
	uint64_t infinite = 0, zero = 0;
	for (uint32_t row = 0; row < row_count; row++) {
		uint64_t bits = bits_without_sign(values[row]);
		infinite |= (bits >> 53) + 1; /* reaches 2^11 when all exponent bits are set */
		zero |= (bits - 1) & ~bits;   /* reaches bit 63 when there is no bit */
	}
	return infinite >> 11 != 0 || (zeros_too && zero >> 63 != 0);
}

#define FLOAT_KERNEL(name, round_to, symbol, zeros_too, judge)                                               \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		EACH_PAIR(call, out[row] = (round_to)(a symbol b));                                                  \
		if (!results_suspect(call->result->f64, call->row_count, zeros_too))                                 \
			return STATUS_OK;                                                                                \
		return fault_find(call, judge);                                                                      \
	}
FLOAT_KERNEL(float8_add, double, +, false, sum_judge)
FLOAT_KERNEL(float8_subtract, double, -, false, sum_judge)
FLOAT_KERNEL(float8_multiply, double, *, true, product_judge)
FLOAT_KERNEL(float4_add, float, +, false, sum_judge)
FLOAT_KERNEL(float4_subtract, float, -, false, sum_judge)
FLOAT_KERNEL(float4_multiply, float, *, true, product_judge)

/* A zero divisor divides by infinity instead: the result 0 is suspect, and sanitizers take a float division
 * by zero for a mistake. */
#define QUOTIENT_KERNEL(name, round_to)                                                                      \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		EACH_PAIR(call, out[row] = (round_to)(a / (b == 0.0 ? (double)INFINITY : b)));                       \
		if (!results_suspect(call->result->f64, call->row_count, true))                                      \
			return STATUS_OK;                                                                                \
		return fault_find(call, quotient_judge);                                                             \
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
