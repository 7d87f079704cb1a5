/* zset/float_text.c against PostgreSQL's shortest digits (golden_float*.txt), and round trips of random bits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support.h"
#include "zset/decimal.h"
#include "zset/float_text.h"

static void compare_float(size_t line, const char *what, const char *wanted, double value, bool is_float4)
{
	struct buffer text;
	buffer_init(&text);
	float_format(value, is_float4, &text);
	golden_compare(line, what, wanted, golden_result(STATUS_OK, &text));
	buffer_deinit(&text);
}

static void compare_numeric(size_t line, const char *what, const char *wanted, double value, bool is_float4)
{
	struct decimal result;
	struct buffer text;
	buffer_init(&text);
	status code = decimal_from_f64(value, is_float4, &result);
	if (code == STATUS_OK)
		decimal_format(&result, &text);
	const char *point = strchr(wanted, '.');
	size_t digits = strlen(wanted) - (wanted[0] == '-') - (point != NULL);
	bool beyond = (point != NULL && strlen(point + 1) > 38) || (point == NULL && digits > 38);
	golden_compare(line, what, beyond ? "!22003" : wanted, golden_result(code, &text));
	buffer_deinit(&text);
}

static void check_both(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 5);
	double value;
	assert_int_equal(float_parse(slice_of_string(fields[0]), false, &value), STATUS_OK);
	compare_float(line, "float8", fields[1], value, false);
	compare_numeric(line, "float8 to numeric", fields[3], value, false);
	assert_int_equal(float_parse(slice_of_string(fields[0]), true, &value), STATUS_OK);
	compare_float(line, "float4", fields[2], value, true);
	compare_numeric(line, "float4 to numeric", fields[4], value, true);
}

static void test_digits_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("float", golden_read("golden_float.txt", check_both));
}

static void check_double(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 2);
	double value;
	assert_int_equal(float_parse(slice_of_string(fields[0]), false, &value), STATUS_OK);
	compare_float(line, "float8", fields[1], value, false);
}

static void test_extreme_doubles_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("float8", golden_read("golden_float8.txt", check_double));
}

static void test_any_bits_read_back_as_themselves(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	struct buffer text;
	buffer_init(&text);
	for (int round = 0; round < 50000; round++) {
		uint64_t bits = random_word(&random);
		double value, back;
		memcpy(&value, &bits, sizeof value);
		bool is_float4 = round % 2 == 0;
		if (is_float4) {
			uint32_t narrow_bits = (uint32_t)bits;
			float narrow;
			memcpy(&narrow, &narrow_bits, sizeof narrow);
			value = (double)narrow;
		}
		if (value != value)
			continue;
		text.size = 0;
		float_format(value, is_float4, &text);
		assert_int_equal(float_parse(buffer_slice(&text), is_float4, &back), STATUS_OK);
		assert_memory_equal(&value, &back, sizeof value);
	}
	buffer_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits_are_postgresqls),
		cmocka_unit_test(test_extreme_doubles_are_postgresqls),
		cmocka_unit_test(test_any_bits_read_back_as_themselves),
	};
	return cmocka_run_group_tests_name("zset/float_text", tests, NULL, NULL);
}
