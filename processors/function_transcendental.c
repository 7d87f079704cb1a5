/* sqrt, exp, ln, log and power of numeric. Results and their scales are PostgreSQL's: about 16 significant
 * digits, never fewer digits after the point than the arguments show; what needs more than 38 digits is
 * OUT_OF_RANGE.
 */
#include <math.h>

#include "processors/fixed.h"
#include "processors/function_family.h"

enum { SIGNIFICANT_DIGITS_MIN = 16, DISPLAY_SCALE_MAX = 1000 };

static status domain_error(const char *sqlstate, const char *text)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "%s", text);
	error_sqlstate(sqlstate);
	return STATUS_OUT_OF_RANGE;
}

static int32_t at_least(int32_t value, int32_t least)
{
	return value < least ? least : value;
}

/* floor(log10 |value|) of a value that is not 0. */
static int32_t decimal_exponent(const struct decimal *value)
{
	unsigned __int128 rest =
		value->value < 0 ? -(unsigned __int128)value->value : (unsigned __int128)value->value;
	int32_t digits = 0;
	for (; rest != 0; rest /= 10)
		digits++;
	return digits - 1 - value->scale;
}

static int32_t floor_division(int32_t value, int32_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

static status decimal_sqrt(const struct decimal *value, struct decimal *out)
{
	if (value->value < 0)
		return domain_error("2201F", "cannot take square root of a negative number");
	if (value->value == 0) {
		*out = (struct decimal){.scale = at_least(SIGNIFICANT_DIGITS_MIN - 1, value->scale)};
		return STATUS_OK;
	}
	/* The root's weight as PostgreSQL estimates it: from the number of base-10000 digits. */
	int32_t weight = (floor_division(decimal_exponent(value), 4) + 1) * 2 - 1;
	int32_t scale = at_least(at_least(SIGNIFICANT_DIGITS_MIN - weight, value->scale), 0);
	struct fixed root = fixed_from_decimal(value);
	status result = fixed_sqrt(&root, &root);
	return result == STATUS_OK ? fixed_to_decimal(&root, scale, out) : result;
}

static status decimal_exp(const struct decimal *value, struct decimal *out)
{
	double weight = decimal_to_f64(value) * 0.434294481903252;
	if (weight > DISPLAY_SCALE_MAX || weight < -DISPLAY_SCALE_MAX)
		weight = weight > 0 ? DISPLAY_SCALE_MAX : -DISPLAY_SCALE_MAX;
	int32_t scale = at_least(at_least(SIGNIFICANT_DIGITS_MIN - (int32_t)weight, value->scale), 0);
	struct fixed power = fixed_from_decimal(value);
	status result = fixed_exp(&power, &power);
	return result == STATUS_OK ? fixed_to_decimal(&power, scale, out) : result;
}

static status logarithm_check(const struct decimal *value)
{
	if (value->value > 0)
		return STATUS_OK;
	return domain_error("2201E",
		value->value == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number");
}

/* The decimal weight of ln(value), as PostgreSQL estimates it. */
static int32_t ln_weight(const struct decimal *value)
{
	const struct decimal one = {.value = 1}, low = {.value = 9, .scale = 1}, high = {.value = 11, .scale = 1};
	if (decimal_compare(value, &low) < 0 || decimal_compare(value, &high) > 0)
		return (int32_t)log10(fabs(log(decimal_to_f64(value))));
	struct decimal rest;
	if (decimal_subtract(value, &one, &rest) != STATUS_OK || rest.value == 0)
		return 0;
	return decimal_exponent(&rest);
}

static status decimal_ln(const struct decimal *value, struct decimal *out)
{
	status result = logarithm_check(value);
	if (result != STATUS_OK)
		return result;
	int32_t scale = at_least(at_least(SIGNIFICANT_DIGITS_MIN - ln_weight(value), value->scale), 0);
	struct fixed fixed = fixed_from_decimal(value);
	result = fixed_ln(&fixed, &fixed);
	return result == STATUS_OK ? fixed_to_decimal(&fixed, scale, out) : result;
}

static status decimal_log(const struct decimal *base, const struct decimal *value, struct decimal *out)
{
	status result = logarithm_check(base);
	if (result == STATUS_OK)
		result = logarithm_check(value);
	if (result != STATUS_OK)
		return result;
	int32_t scale = SIGNIFICANT_DIGITS_MIN - (ln_weight(value) - ln_weight(base));
	scale = at_least(at_least(at_least(scale, base->scale), value->scale), 0);
	struct fixed above = fixed_from_decimal(value), below = fixed_from_decimal(base);
	result = fixed_ln(&above, &above);
	if (result == STATUS_OK)
		result = fixed_ln(&below, &below);
	if (result == STATUS_OK && fixed_is_zero(&below))
		return error_raise(STATUS_DIVISION_BY_ZERO, "division by zero");
	if (result == STATUS_OK)
		result = fixed_divide(&above, &below, &above);
	return result == STATUS_OK ? fixed_to_decimal(&above, scale, out) : result;
}

static status decimal_log10(const struct decimal *value, struct decimal *out)
{
	const struct decimal ten = {.value = 10};
	return decimal_log(&ten, value, out);
}

/* Exponents that are integers of 32 bits: by multiplication, to the base's scale or 16 digits. */
static status power_integer(const struct decimal *base, int64_t exponent, struct decimal *out)
{
	int32_t scale = at_least(SIGNIFICANT_DIGITS_MIN, base->scale);
	struct fixed power = fixed_from_decimal(base), one = {0};
	one.limb[FIXED_FRACTION_LIMBS] = 1;
	status result = STATUS_OK;
	if (exponent < 0)
		result = fixed_divide(&one, &power, &power);
	if (result == STATUS_OK)
		result = fixed_power(&power, (uint64_t)(exponent < 0 ? -exponent : exponent), &power);
	return result == STATUS_OK ? fixed_to_decimal(&power, scale, out) : result;
}

static status power_general(const struct decimal *base, const struct decimal *exponent, struct decimal *out)
{
	struct fixed power = fixed_from_decimal(base), factor = fixed_from_decimal(exponent);
	status result = fixed_ln(&power, &power);
	if (result == STATUS_OK)
		result = fixed_multiply(&power, &factor, &power);
	if (result != STATUS_OK)
		return result;
	double weight = log(decimal_to_f64(base)) * decimal_to_f64(exponent) * 0.434294481903252;
	if (weight > DISPLAY_SCALE_MAX || weight < -DISPLAY_SCALE_MAX)
		weight = weight > 0 ? DISPLAY_SCALE_MAX : -DISPLAY_SCALE_MAX;
	int32_t scale = SIGNIFICANT_DIGITS_MIN - (int32_t)weight;
	scale = at_least(at_least(at_least(scale, base->scale), exponent->scale), 0);
	result = fixed_exp(&power, &power);
	return result == STATUS_OK ? fixed_to_decimal(&power, scale, out) : result;
}

static status decimal_power(const struct decimal *base, const struct decimal *exponent, struct decimal *out)
{
	struct decimal whole;
	status result = decimal_truncate(exponent, 0, &whole);
	if (result != STATUS_OK)
		return result;
	bool is_integer = decimal_compare(exponent, &whole) == 0;
	if (base->value == 0 && exponent->value < 0)
		return domain_error("2201F", "zero raised to a negative power is undefined");
	if (base->value < 0 && !is_integer)
		return domain_error(
			"2201F", "a negative number raised to a non-integer power yields a complex result");
	int64_t integer;
	if (is_integer && whole.value >= INT32_MIN && whole.value <= INT32_MAX) {
		integer = (int64_t)whole.value;
		return power_integer(base, integer, out);
	}
	if (base->value == 0) {
		*out = (struct decimal){.scale = SIGNIFICANT_DIGITS_MIN};
		return STATUS_OK;
	}
	if (base->value > 0)
		return power_general(base, exponent, out);
	/* A negative base and an integer exponent beyond 32 bits. */
	struct decimal positive = decimal_negate(base);
	result = power_general(&positive, exponent, out);
	if (result == STATUS_OK && (whole.value & 1) != 0)
		*out = decimal_negate(out);
	return result;
}

#define UNARY(name, operation)                                                                               \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		EACH_ROW(call, row)                                                                                  \
		{                                                                                                    \
			status result = operation(&call->arguments[0].decimals[row], &call->result->decimals[row]);      \
			if (result != STATUS_OK)                                                                         \
				return result;                                                                               \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}
UNARY(numeric_sqrt, decimal_sqrt)
UNARY(numeric_exp, decimal_exp)
UNARY(numeric_ln, decimal_ln)
UNARY(numeric_log10, decimal_log10)

#define BINARY(name, operation)                                                                              \
	static status name(const struct kernel_call *call)                                                       \
	{                                                                                                        \
		EACH_ROW(call, row)                                                                                  \
		{                                                                                                    \
			status result = operation(decimal_argument(call, 0, row), decimal_argument(call, 1, row),        \
				&call->result->decimals[row]);                                                               \
			if (result != STATUS_OK)                                                                         \
				return result;                                                                               \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}
BINARY(numeric_log, decimal_log)
BINARY(numeric_power, decimal_power)

static const struct function functions[] = {
	F1("sqrt", NUMERIC, NUMERIC, STRICT_FAILS, numeric_sqrt),
	F1("exp", NUMERIC, NUMERIC, STRICT_FAILS, numeric_exp),
	F1("ln", NUMERIC, NUMERIC, STRICT_FAILS, numeric_ln),
	F1("log", NUMERIC, NUMERIC, STRICT_FAILS, numeric_log10),
	F1("log10", NUMERIC, NUMERIC, STRICT_FAILS, numeric_log10),
	F2("log", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, numeric_log),
	F2("power", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, numeric_power),
	F2("pow", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, numeric_power),
	F2("^", NUMERIC, NUMERIC, NUMERIC, STRICT_FAILS, numeric_power),
};
FUNCTION_LIST(function_list_transcendental, functions);
