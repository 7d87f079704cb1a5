/* Arithmetic and bit operations of smallint, integer, bigint. Algebra: the exact result, or an error when the
 * type cannot hold it; division truncates toward zero, the remainder has the dividend's sign.
 *
 * Loops compute all rows in wrapping arithmetic and only OR together whether any row left its type; when one
 * did, the rows are looked at one by one, because rows to skip may hold anything. Values of the two small
 * types lie in int64 too, so their sums and products are exact in 64 bits and one range check suffices.
 */
#include "processors/function_cast.h"
#include "processors/function_family.h"

/* Runs `body` for every row with a and b; three loops, so that a constant stays in a register. */
#define EACH_PAIR(call, body)                                                                                \
	do {                                                                                                     \
		const int64_t *left = (call)->arguments[0].i64, *right = (call)->arguments[1].i64;                   \
		int64_t *restrict out = (call)->result->i64;                                                         \
		uint32_t row_count = (call)->row_count;                                                              \
		if (((call)->constant_arguments & 2u) != 0) {                                                        \
			const int64_t b = right[0];                                                                      \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const int64_t a = left[row];                                                                 \
				body;                                                                                        \
			}                                                                                                \
		} else if (((call)->constant_arguments & 1u) != 0) {                                                 \
			const int64_t a = left[0];                                                                       \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const int64_t b = right[row];                                                                \
				body;                                                                                        \
			}                                                                                                \
		} else {                                                                                             \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const int64_t a = left[row], b = right[row];                                                 \
				body;                                                                                        \
			}                                                                                                \
		}                                                                                                    \
	} while (0)

static inline bool integer_fits(int64_t value, enum type_id type)
{
	return type == TYPE_INT2 ? value == (int16_t)value : type == TYPE_INT4 ? value == (int32_t)value : true;
}

/* A value v fits a small type iff (v + half) >> bits == 0 in unsigned arithmetic. */
struct range {
	uint64_t half;
	unsigned bits;
};

static inline struct range range_of(enum type_id type)
{
	return type == TYPE_INT2 ? (struct range){UINT64_C(1) << 15, 16} : (struct range){UINT64_C(1) << 31, 32};
}

/* Raises if some row that counts overflows. */
static status overflow_find(const struct kernel_call *call, bool (*overflows)(int64_t, int64_t, enum type_id))
{
	uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);
	for (uint32_t row = 0; row < call->row_count; row++) {
		int64_t left = call->arguments[0].i64[row & left_mask];
		int64_t right = call->arguments[1].i64[row & right_mask];
		if (!kernel_skips(call, row) && overflows(left, right, call->result_type.id))
			return integer_out_of_range(call->result_type.id);
	}
	return STATUS_OK;
}

#define OVERFLOWS(name, builtin)                                                                             \
	static bool name(int64_t left, int64_t right, enum type_id type)                                         \
	{                                                                                                        \
		int64_t value;                                                                                       \
		return builtin(left, right, &value) || !integer_fits(value, type);                                   \
	}
OVERFLOWS(add_overflows, __builtin_add_overflow)
OVERFLOWS(subtract_overflows, __builtin_sub_overflow)
OVERFLOWS(multiply_overflows, __builtin_mul_overflow)

#define SMALL_KERNEL(name, symbol, overflows)                                                                \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		struct range range = range_of(call->result_type.id);                                                 \
		uint64_t over = 0;                                                                                   \
		EACH_PAIR(call, {                                                                                    \
			uint64_t value = (uint64_t)a symbol(uint64_t) b;                                                 \
			out[row] = (int64_t)value;                                                                       \
			over |= (value + range.half) >> range.bits;                                                      \
		});                                                                                                  \
		return over == 0 ? STATUS_OK : overflow_find(call, overflows);                                       \
	}
SMALL_KERNEL(small_add, +, add_overflows)
SMALL_KERNEL(small_subtract, -, subtract_overflows)
SMALL_KERNEL(small_multiply, *, multiply_overflows)

static status bigint_add(const struct kernel_call *call)
{
	uint64_t over = 0;
	EACH_PAIR(call, {
		uint64_t value = (uint64_t)a + (uint64_t)b;
		out[row] = (int64_t)value;
		over |= ((uint64_t)a ^ value) & ((uint64_t)b ^ value);
	});
	return over >> 63 == 0 ? STATUS_OK : overflow_find(call, add_overflows);
}

static status bigint_subtract(const struct kernel_call *call)
{
	uint64_t over = 0;
	EACH_PAIR(call, {
		uint64_t value = (uint64_t)a - (uint64_t)b;
		out[row] = (int64_t)value;
		over |= ((uint64_t)a ^ (uint64_t)b) & ((uint64_t)a ^ value);
	});
	return over >> 63 == 0 ? STATUS_OK : overflow_find(call, subtract_overflows);
}

static status bigint_multiply(const struct kernel_call *call)
{
	unsigned over = 0;
	EACH_PAIR(call, { over |= __builtin_mul_overflow(a, b, &out[row]); });
	return over == 0 ? STATUS_OK : overflow_find(call, multiply_overflows);
}

static status division_by_zero(void)
{
	return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
}

/* Quotients of 32-bit values are exact in double precision, and dividing there is several times faster than
 * in 64-bit integers: a quotient that is not whole is at least 1/|b| away from the next whole number, far
 * more than a rounding error. */
static inline int64_t small_quotient(int64_t a, int64_t b)
{
	return (int64_t)((double)(int32_t)a / (double)(b == 0 ? 1 : (int32_t)b));
}

static inline int64_t bigint_quotient(int64_t a, int64_t b)
{
	if (((uint64_t)a | (uint64_t)b) >> 32 == 0)
		return (uint32_t)a / (b == 0 ? 1 : (uint32_t)b);
	/* Zero divisors and INT64_MIN / -1 trap. */
	if (b == -1)
		return (int64_t)(0 - (uint64_t)a);
	return a / (b == 0 ? 1 : b);
}

/* Raises for the first row that counts and divides by zero, or the type's least value by -1. */
static status quotient_fault_find(const struct kernel_call *call, bool overflows_too)
{
	enum type_id type = call->result_type.id;
	int64_t least = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		int64_t divisor = i64_argument(call, 1, row);
		if (divisor == 0)
			return division_by_zero();
		if (overflows_too && divisor == -1 && i64_argument(call, 0, row) == least)
			return integer_out_of_range(type);
	}
	return STATUS_OK;
}

static status small_divide(const struct kernel_call *call)
{
	unsigned suspect = 0;
	EACH_PAIR(call, {
		suspect |= (unsigned)(b == 0) | (unsigned)(b == -1);
		out[row] = small_quotient(a, b);
	});
	return suspect == 0 ? STATUS_OK : quotient_fault_find(call, true);
}

static status bigint_divide(const struct kernel_call *call)
{
	unsigned suspect = 0;
	EACH_PAIR(call, {
		suspect |= (unsigned)(b == 0) | (unsigned)(b == -1);
		out[row] = bigint_quotient(a, b);
	});
	return suspect == 0 ? STATUS_OK : quotient_fault_find(call, true);
}

static status small_modulo(const struct kernel_call *call)
{
	unsigned suspect = 0;
	EACH_PAIR(call, {
		suspect |= (unsigned)(b == 0);
		out[row] = (int32_t)a - small_quotient(a, b) * (int32_t)b;
	});
	return suspect == 0 ? STATUS_OK : quotient_fault_find(call, false);
}

static status bigint_modulo(const struct kernel_call *call)
{
	unsigned suspect = 0;
	EACH_PAIR(call, {
		suspect |= (unsigned)(b == 0);
		out[row] = (int64_t)((uint64_t)a - (uint64_t)bigint_quotient(a, b) * (uint64_t)b);
	});
	return suspect == 0 ? STATUS_OK : quotient_fault_find(call, false);
}

static status negate(const struct kernel_call *call)
{
	enum type_id type = call->result_type.id;
	int64_t least = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
	for (uint32_t row = 0; row < call->row_count; row++) {
		int64_t value = call->arguments[0].i64[row];
		if (value == least && !kernel_skips(call, row))
			return integer_out_of_range(type);
		call->result->i64[row] = (int64_t)(0 - (uint64_t)value);
	}
	return STATUS_OK;
}

static status absolute(const struct kernel_call *call)
{
	enum type_id type = call->result_type.id;
	int64_t least = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
	for (uint32_t row = 0; row < call->row_count; row++) {
		int64_t value = call->arguments[0].i64[row];
		if (value == least && !kernel_skips(call, row))
			return integer_out_of_range(type);
		call->result->i64[row] = value < 0 ? (int64_t)(0 - (uint64_t)value) : value;
	}
	return STATUS_OK;
}

static status plus(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = call->arguments[0].i64[row];
	return STATUS_OK;
}

static status bit_and(const struct kernel_call *call)
{
	EACH_PAIR(call, out[row] = a & b);
	return STATUS_OK;
}

static status bit_or(const struct kernel_call *call)
{
	EACH_PAIR(call, out[row] = a | b);
	return STATUS_OK;
}

static status bit_xor(const struct kernel_call *call)
{
	EACH_PAIR(call, out[row] = a ^ b);
	return STATUS_OK;
}

static status bit_not(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->i64[row] = ~call->arguments[0].i64[row];
	return STATUS_OK;
}

static inline int64_t integer_wrap(uint64_t value, enum type_id type)
{
	return type == TYPE_INT2 ? (int16_t)value : type == TYPE_INT4 ? (int32_t)value : (int64_t)value;
}

/* Counts are taken modulo the width the processor shifts by: 64 for bigint, 32 for the others. */
static status shift_left(const struct kernel_call *call)
{
	enum type_id type = call->result_type.id;
	uint64_t width = type == TYPE_INT8 ? 63 : 31;
	EACH_PAIR(call, out[row] = integer_wrap((uint64_t)a << ((uint64_t)b & width), type));
	return STATUS_OK;
}

static status shift_right(const struct kernel_call *call)
{
	uint64_t width = call->result_type.id == TYPE_INT8 ? 63 : 31;
	EACH_PAIR(call, out[row] = a >> ((uint64_t)b & width));
	return STATUS_OK;
}

static uint64_t gcd_of(uint64_t left, uint64_t right)
{
	while (right != 0) {
		uint64_t rest = left % right;
		left = right;
		right = rest;
	}
	return left;
}

static status gcd(const struct kernel_call *call)
{
	uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);
	enum type_id type = call->result_type.id;
	uint64_t most = type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		int64_t left = call->arguments[0].i64[row & left_mask];
		int64_t right = call->arguments[1].i64[row & right_mask];
		uint64_t value = gcd_of(left < 0 ? 0 - (uint64_t)left : (uint64_t)left,
			right < 0 ? 0 - (uint64_t)right : (uint64_t)right);
		if (value > most)
			return integer_out_of_range(type);
		call->result->i64[row] = (int64_t)value;
	}
	return STATUS_OK;
}

static status lcm(const struct kernel_call *call)
{
	uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);
	enum type_id type = call->result_type.id;
	uint64_t most = type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (kernel_skips(call, row))
			continue;
		int64_t left = call->arguments[0].i64[row & left_mask];
		int64_t right = call->arguments[1].i64[row & right_mask];
		uint64_t left_size = left < 0 ? 0 - (uint64_t)left : (uint64_t)left;
		uint64_t right_size = right < 0 ? 0 - (uint64_t)right : (uint64_t)right;
		uint64_t value = 0;
		if (left != 0 && right != 0 &&
			(__builtin_mul_overflow(left_size / gcd_of(left_size, right_size), right_size, &value) ||
				value > most))
			return integer_out_of_range(type);
		call->result->i64[row] = (int64_t)value;
	}
	return STATUS_OK;
}

#define PAIR(result, a, b, size)                                                                             \
	F2("+", result, a, b, STRICT_FAILS, size##_add), F2("-", result, a, b, STRICT_FAILS, size##_subtract),   \
		F2("*", result, a, b, STRICT_FAILS, size##_multiply),                                                \
		F2("/", result, a, b, STRICT_FAILS, size##_divide)
#define OWN(type, size)                                                                                      \
	F2("%", type, type, type, STRICT_FAILS, size##_modulo),                                                  \
		F2("mod", type, type, type, STRICT_FAILS, size##_modulo), F1("-", type, type, STRICT_FAILS, negate), \
		F1("+", type, type, STRICT, plus), F1("abs", type, type, STRICT_FAILS, absolute),                    \
		F1("@", type, type, STRICT_FAILS, absolute), F2("&", type, type, type, STRICT, bit_and),             \
		F2("|", type, type, type, STRICT, bit_or), F2("#", type, type, type, STRICT, bit_xor),               \
		F1("~", type, type, STRICT, bit_not), F2("<<", type, type, INT4, STRICT, shift_left),                \
		F2(">>", type, type, INT4, STRICT, shift_right)

static const struct function functions[] = {
	PAIR(INT2, INT2, INT2, small),
	PAIR(INT4, INT2, INT4, small),
	PAIR(INT4, INT4, INT2, small),
	PAIR(INT4, INT4, INT4, small),
	PAIR(INT8, INT2, INT8, bigint),
	PAIR(INT8, INT8, INT2, bigint),
	PAIR(INT8, INT4, INT8, bigint),
	PAIR(INT8, INT8, INT4, bigint),
	PAIR(INT8, INT8, INT8, bigint),
	OWN(INT2, small),
	OWN(INT4, small),
	OWN(INT8, bigint),
	F2("gcd", INT4, INT4, INT4, STRICT_FAILS, gcd),
	F2("gcd", INT8, INT8, INT8, STRICT_FAILS, gcd),
	F2("lcm", INT4, INT4, INT4, STRICT_FAILS, lcm),
	F2("lcm", INT8, INT8, INT8, STRICT_FAILS, lcm),
};
FUNCTION_LIST(function_list_integer, functions);
