/* Comparisons = <> < <= > >= of numbers, booleans, times. Algebra: the total order of PostgreSQL's btree for
 * each type; NaN equals NaN and is greatest; ±infinity of times are the ends of int64, so times compare as
 * integers.
 *
 * The loops have no branches and fail never; rows under nulls are compared too, their results ignored.
 */
#include "processors/function_family.h"
#include "zset/datetime.h"
#include "zset/decimal.h"

/* One kernel; `condition` speaks of a and b. Three loops, so that a constant stays in a register. */
#define COMPARISON(name, value_type, member, condition)                                                      \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		const value_type *left = call->arguments[0].member;                                                  \
		const value_type *right = call->arguments[1].member;                                                 \
		uint8_t *restrict out = call->result->booleans;                                                      \
		uint32_t row_count = call->row_count;                                                                \
		if ((call->constant_arguments & 2u) != 0) {                                                          \
			const value_type b = right[0];                                                                   \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const value_type a = left[row];                                                              \
				out[row] = (uint8_t)(condition);                                                             \
			}                                                                                                \
		} else if ((call->constant_arguments & 1u) != 0) {                                                   \
			const value_type a = left[0];                                                                    \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const value_type b = right[row];                                                             \
				out[row] = (uint8_t)(condition);                                                             \
			}                                                                                                \
		} else {                                                                                             \
			for (uint32_t row = 0; row < row_count; row++) {                                                 \
				const value_type a = left[row], b = right[row];                                              \
				out[row] = (uint8_t)(condition);                                                             \
			}                                                                                                \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}

COMPARISON(integer_eq, int64_t, i64, a == b)
COMPARISON(integer_ne, int64_t, i64, a != b)
COMPARISON(integer_lt, int64_t, i64, a < b)
COMPARISON(integer_le, int64_t, i64, a <= b)
COMPARISON(integer_gt, int64_t, i64, a > b)
COMPARISON(integer_ge, int64_t, i64, a >= b)

/* Only a NaN differs from itself. */
COMPARISON(float_eq, double, f64, (a == b) | ((a != a) & (b != b)))
COMPARISON(float_ne, double, f64, !((a == b) | ((a != a) & (b != b))))
COMPARISON(float_lt, double, f64, (a < b) | ((a == a) & (b != b)))
COMPARISON(float_le, double, f64, (a <= b) | (b != b))
COMPARISON(float_gt, double, f64, (a > b) | ((a != a) & (b == b)))
COMPARISON(float_ge, double, f64, (a >= b) | (a != a))

COMPARISON(boolean_eq, uint8_t, booleans, a == b)
COMPARISON(boolean_ne, uint8_t, booleans, a != b)
COMPARISON(boolean_lt, uint8_t, booleans, a < b)
COMPARISON(boolean_le, uint8_t, booleans, a <= b)
COMPARISON(boolean_gt, uint8_t, booleans, a > b)
COMPARISON(boolean_ge, uint8_t, booleans, a >= b)

/* Decimals and intervals must not be read where they are null: their comparisons rely on well-formed values.
 */
#define ORDER_COMPARISON(name, value_type, member, order, condition)                                         \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		const value_type *left = call->arguments[0].member;                                                  \
		const value_type *right = call->arguments[1].member;                                                 \
		uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);                        \
		for (uint32_t row = 0; row < call->row_count; row++) {                                               \
			if (kernel_skips(call, row))                                                                     \
				continue;                                                                                    \
			int compared = order(&left[row & left_mask], &right[row & right_mask]);                          \
			call->result->booleans[row] = (uint8_t)(compared condition 0);                                   \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}

/* Numbers of one column mostly share their scale. */
static inline int decimal_order(const struct decimal *left, const struct decimal *right)
{
	if (left->scale == right->scale)
		return (left->value > right->value) - (left->value < right->value);
	return decimal_compare(left, right);
}

ORDER_COMPARISON(decimal_eq, struct decimal, decimals, decimal_order, ==)
ORDER_COMPARISON(decimal_ne, struct decimal, decimals, decimal_order, !=)
ORDER_COMPARISON(decimal_lt, struct decimal, decimals, decimal_order, <)
ORDER_COMPARISON(decimal_le, struct decimal, decimals, decimal_order, <=)
ORDER_COMPARISON(decimal_gt, struct decimal, decimals, decimal_order, >)
ORDER_COMPARISON(decimal_ge, struct decimal, decimals, decimal_order, >=)

ORDER_COMPARISON(interval_eq, struct interval, intervals, interval_compare, ==)
ORDER_COMPARISON(interval_ne, struct interval, intervals, interval_compare, !=)
ORDER_COMPARISON(interval_lt, struct interval, intervals, interval_compare, <)
ORDER_COMPARISON(interval_le, struct interval, intervals, interval_compare, <=)
ORDER_COMPARISON(interval_gt, struct interval, intervals, interval_compare, >)
ORDER_COMPARISON(interval_ge, struct interval, intervals, interval_compare, >=)

status comparison_equal(const struct kernel_call *call)
{
	switch (type_physical(call->arguments[0].type.id)) {
	case PHYS_BOOL:
		return boolean_eq(call);
	case PHYS_I64:
		return integer_eq(call);
	case PHYS_F64:
		return float_eq(call);
	case PHYS_DECIMAL:
		return decimal_eq(call);
	case PHYS_TEXT:
		return text_equal(call);
	case PHYS_INTERVAL:
		return interval_eq(call);
	}
	return STATUS_INTERNAL;
}

#define SIX(a, b, family)                                                                                    \
	F2("=", BOOL, a, b, STRICT, family##_eq), F2("<>", BOOL, a, b, STRICT, family##_ne),                     \
		F2("<", BOOL, a, b, STRICT, family##_lt), F2("<=", BOOL, a, b, STRICT, family##_le),                 \
		F2(">", BOOL, a, b, STRICT, family##_gt), F2(">=", BOOL, a, b, STRICT, family##_ge)

static const struct function functions[] = {
	SIX(INT2, INT2, integer),
	SIX(INT2, INT4, integer),
	SIX(INT2, INT8, integer),
	SIX(INT4, INT2, integer),
	SIX(INT4, INT4, integer),
	SIX(INT4, INT8, integer),
	SIX(INT8, INT2, integer),
	SIX(INT8, INT4, integer),
	SIX(INT8, INT8, integer),
	SIX(FLOAT4, FLOAT4, float),
	SIX(FLOAT4, FLOAT8, float),
	SIX(FLOAT8, FLOAT4, float),
	SIX(FLOAT8, FLOAT8, float),
	SIX(NUMERIC, NUMERIC, decimal),
	SIX(BOOL, BOOL, boolean),
	SIX(DATE, DATE, integer),
	SIX(TIMESTAMP, TIMESTAMP, integer),
	SIX(TIMESTAMPTZ, TIMESTAMPTZ, integer),
	SIX(TIMESTAMP, TIMESTAMPTZ, integer), /* sessions are in UTC */
	SIX(TIMESTAMPTZ, TIMESTAMP, integer),
	SIX(INTERVAL, INTERVAL, interval),
};
FUNCTION_LIST(function_list_comparison, functions);
