/* zset/decimal*.c against PostgreSQL's answers (golden_decimal_*.txt), and its algebra on random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support.h"
#include "zset/decimal.h"
#include "zset/wide.h"

static struct decimal parse(const char *text)
{
	struct decimal value = {0};
	if (decimal_parse(slice_of_string(text), &value) != STATUS_OK)
		printf("%s: %s\n", text, error_current()->text);
	return value;
}

/* PostgreSQL's result does not fit 38 digits: refusing it is the promise then. */
static bool beyond_limit(const char *result)
{
	size_t digits = 0, scale = 0;
	bool point = false, leading = true;
	for (const char *at = result; *at != '\0'; at++) {
		if (*at == '.')
			point = true;
		if (*at < '0' || *at > '9')
			continue;
		leading = leading && *at == '0';
		digits += leading ? 0 : 1;
		scale += point ? 1 : 0;
	}
	return digits > 38 || scale > 38;
}

static void compare(
	size_t line, const char *what, const char *wanted, status code, const struct decimal *result)
{
	struct buffer text;
	buffer_init(&text);
	if (code == STATUS_OK)
		decimal_format(result, &text);
	if (wanted[0] != '!' && beyond_limit(wanted))
		wanted = "!22003";
	golden_compare(line, what, wanted, golden_result(code, &text));
	buffer_deinit(&text);
}

static void check_arithmetic(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 4);
	struct decimal left = parse(fields[1]), right = parse(fields[2]), result = {0};
	status code = STATUS_OK;
	switch (fields[0][0]) {
	case '+':
		code = decimal_add(&left, &right, &result);
		break;
	case '-':
		code = decimal_subtract(&left, &right, &result);
		assert_int_equal(decimal_compare(&left, &right) < 0, fields[3][0] == '-');
		break;
	case '*':
		code = decimal_multiply(&left, &right, &result);
		break;
	case '/':
		code = decimal_divide(&left, &right, &result);
		break;
	default:
		code = decimal_modulo(&left, &right, &result);
	}
	compare(line, fields[0], fields[3], code, &result);
}

static void test_arithmetic_is_postgresqls(void **unused)
{
	(void)unused;
	golden_check("arithmetic", golden_read("golden_decimal_arithmetic.txt", check_arithmetic));
}

static void check_rounding(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 10);
	struct decimal value = parse(fields[0]), result = {0};
	int32_t scale = atoi(fields[1]);
	compare(line, "round", fields[2], decimal_round(&value, scale, &result), &result);
	compare(line, "trunc", fields[3], decimal_truncate(&value, scale, &result), &result);
	compare(line, "ceil", fields[4], decimal_ceil(&value, &result), &result);
	compare(line, "floor", fields[5], decimal_floor(&value, &result), &result);
	int64_t whole = 0;
	status code = decimal_to_i64(&value, &whole);
	result = decimal_from_i64(whole);
	compare(line, "bigint", fields[6], code, &result);
	struct buffer text;
	buffer_init(&text);
	struct value f64 = {.type = type_of(TYPE_FLOAT8), .f64 = decimal_to_f64(&value)};
	value_format(&f64, &text);
	golden_compare(line, "float8", fields[7], golden_result(STATUS_OK, &text));
	buffer_deinit(&text);
	compare(line, "numeric(20,4)", fields[8], decimal_apply_modifier(&value, 20 << 16 | 4, &result), &result);
	result = decimal_canonical(&value);
	compare(line, "canonical", fields[9], STATUS_OK, &result);
}

static void test_rounding_and_casts_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("rounding", golden_read("golden_decimal_rounding.txt", check_rounding));
}

static void check_text(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 2);
	golden_unescape(fields[0]);
	struct decimal result = {0};
	compare(line, fields[0], fields[1], decimal_parse(slice_of_string(fields[0]), &result), &result);
}

static void test_text_is_read_as_postgresql_reads_it(void **unused)
{
	(void)unused;
	golden_check("text", golden_read("golden_decimal_text.txt", check_text));
}

static void test_limits_are_refused_not_rounded(void **unused)
{
	(void)unused;
	struct decimal most = parse("99999999999999999999999999999999999999"), one = decimal_from_i64(1),
				   out = {0};
	struct decimal tiny = parse("0.00000000000000000000000000000000000001"), tenth = parse("0.1");
	assert_int_equal(decimal_add(&most, &one, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_add(&most, &most, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_add(&most, &tenth, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_multiply(&most, &most, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_multiply(&tiny, &tenth, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_divide(&most, &tiny, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_round(&tenth, 39, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_round(&most, -1, &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_parse(slice_of_string("NaN"), &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_parse(slice_of_string("1e38"), &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_from_i128((__int128)decimal_powers[38], &out), STATUS_OUT_OF_RANGE);
	assert_int_equal(decimal_divide(&one, &out, &out), STATUS_DIVISION_BY_ZERO);
	assert_true(out.value == 0); /* untouched by failures */
	struct decimal nearly = decimal_negate(&most);
	assert_int_equal(decimal_add(&most, &nearly, &out), STATUS_OK);
	assert_int_equal(decimal_compare(&most, &tiny), 1);
	assert_int_equal(decimal_compare(&nearly, &tiny), -1);
}

/* A shifted operand past 38 digits whose sum fits again. */
static void test_sum_may_pass_the_limit_on_its_way(void **unused)
{
	(void)unused;
	struct decimal large = parse("10000000000000000000000000000000000000"), out;
	struct decimal near = parse("-9999999999999999999999999999999999999.9");
	assert_int_equal(decimal_add(&large, &near, &out), STATUS_OK);
	assert_true(out.value == 1 && out.scale == 1);
}

static void test_wide_division_inverts_multiplication(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 200000; round++) {
		u128 quotient =
			((u128)random_word(&random) << 64 | random_word(&random)) >> random_below(&random, 128);
		u128 divisor =
			((u128)random_word(&random) << 64 | random_word(&random)) >> random_below(&random, 128);
		if (random_below(&random, 4) == 0)
			divisor |= ~(u128)0 << 64; /* estimates are worst for all ones */
		if (divisor == 0)
			continue;
		u128 remainder = ((u128)random_word(&random) << 64 | random_word(&random)) % divisor;
		struct wide wide = wide_from(quotient), add = wide_from(remainder);
		assert_true(wide_multiply(&wide, divisor));
		if (!wide_add(&wide, &add))
			continue;
		assert_true(wide_divide(&wide, divisor) == remainder);
		assert_true(wide_fits_u128(&wide) && wide_low(&wide) == quotient);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic_is_postgresqls),
		cmocka_unit_test(test_rounding_and_casts_are_postgresqls),
		cmocka_unit_test(test_text_is_read_as_postgresql_reads_it),
		cmocka_unit_test(test_limits_are_refused_not_rounded),
		cmocka_unit_test(test_sum_may_pass_the_limit_on_its_way),
		cmocka_unit_test(test_wide_division_inverts_multiplication),
	};
	return cmocka_run_group_tests_name("zset/decimal", tests, NULL, NULL);
}
