/* zset/datetime*.c, timestamp_text.c, interval_text.c, to_char.c against PostgreSQL's answers, and the
 * calendar against counting days one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support.h"
#include "zset/datetime.h"
#include "zset/decimal.h"

static struct buffer text;

static void compare_timestamp(
	size_t line, const char *what, const char *wanted, status code, int64_t result, bool with_zone)
{
	text.size = 0;
	if (code == STATUS_OK)
		timestamp_format(result, with_zone, &text);
	golden_compare(line, what, wanted, golden_result(code, &text));
}

static void compare_date(size_t line, const char *what, const char *wanted, status code, int64_t result)
{
	text.size = 0;
	if (code == STATUS_OK)
		date_format(result, &text);
	golden_compare(line, what, wanted, golden_result(code, &text));
}

static void compare_interval(
	size_t line, const char *what, const char *wanted, status code, const struct interval *result)
{
	text.size = 0;
	if (code == STATUS_OK)
		interval_format(result, &text);
	golden_compare(line, what, wanted, golden_result(code, &text));
}

static void compare_decimal(
	size_t line, const char *what, const char *wanted, status code, const struct decimal *result)
{
	text.size = 0;
	if (code == STATUS_OK)
		decimal_format(result, &text);
	golden_compare(line, what, wanted, golden_result(code, &text));
}

static int64_t timestamp_of(const char *word)
{
	int64_t result = 0;
	assert_int_equal(timestamp_parse(slice_of_string(word), false, &result), STATUS_OK);
	return result;
}

static struct interval interval_of(const char *word)
{
	struct interval result = {0};
	assert_int_equal(interval_parse(slice_of_string(word), &result), STATUS_OK);
	return result;
}

static void check_timestamp_text(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 4);
	golden_unescape(fields[0]);
	struct slice input = slice_of_string(fields[0]);
	int64_t result = 0;
	status code = timestamp_parse(input, false, &result);
	compare_timestamp(line, fields[0], fields[1], code, result, false);
	code = timestamp_parse(input, true, &result);
	compare_timestamp(line, fields[0], fields[2], code, result, true);
	code = date_parse(input, &result);
	compare_date(line, fields[0], fields[3], code, result);
}

static void test_timestamps_are_read_and_written_as_postgresql_does(void **unused)
{
	(void)unused;
	golden_check("timestamp text", golden_read("golden_timestamp_text.txt", check_timestamp_text));
}

static void check_arithmetic(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 6);
	int64_t from = timestamp_of(fields[0]), other = timestamp_of(fields[4]), result = 0;
	struct interval interval = interval_of(fields[1]), negated = {0};
	status code = timestamp_add_interval(from, &interval, &result);
	compare_timestamp(line, "+", fields[2], code, result, false);
	assert_int_equal(interval_negate(&interval, &negated), STATUS_OK);
	code = timestamp_add_interval(from, &negated, &result);
	compare_timestamp(line, "-", fields[3], code, result, false);
	struct interval difference = timestamp_difference(from, other);
	compare_interval(line, "difference", fields[5], STATUS_OK, &difference);
}

static void test_arithmetic_is_postgresqls(void **unused)
{
	(void)unused;
	golden_check("timestamp arithmetic", golden_read("golden_timestamp_arithmetic.txt", check_arithmetic));
}

static void check_fields(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 5);
	enum datetime_field field;
	assert_int_equal(datetime_field_parse(slice_of_string(fields[0]), &field), STATUS_OK);
	int64_t timestamp = timestamp_of(fields[1]), result = 0;
	struct decimal extracted;
	status code = timestamp_truncate(field, timestamp, &result);
	compare_timestamp(line, "date_trunc", fields[2], code, result, false);
	code = timestamp_extract(field, timestamp, &extracted);
	compare_decimal(line, "extract", fields[3], code, &extracted);
	int64_t time_us = timestamp % MICROSECONDS_PER_DAY;
	time_us += time_us < 0 ? MICROSECONDS_PER_DAY : 0;
	code = date_extract(field, (timestamp - time_us) / MICROSECONDS_PER_DAY, &extracted);
	compare_decimal(line, "extract from date", fields[4], code, &extracted);
}

static void test_fields_and_truncation_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("timestamp fields", golden_read("golden_timestamp_fields.txt", check_fields));
}

static void check_interval_text(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 2);
	struct interval result;
	status code = interval_parse(slice_of_string(fields[0]), &result);
	compare_interval(line, fields[0], fields[1], code, &result);
}

static void test_intervals_are_read_and_written_as_postgresql_does(void **unused)
{
	(void)unused;
	golden_check("interval text", golden_read("golden_interval_text.txt", check_interval_text));
}

static void check_interval_fields(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 3);
	enum datetime_field field;
	assert_int_equal(datetime_field_parse(slice_of_string(fields[0]), &field), STATUS_OK);
	struct interval interval = interval_of(fields[1]);
	struct decimal extracted;
	status code = interval_extract(field, &interval, &extracted);
	compare_decimal(line, "extract from interval", fields[2], code, &extracted);
}

static void test_interval_fields_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("interval fields", golden_read("golden_interval_fields.txt", check_interval_fields));
}

static void check_to_char(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 3);
	golden_unescape(fields[1]);
	golden_unescape(fields[2]);
	text.size = 0;
	status code = timestamp_to_char(timestamp_of(fields[0]), slice_of_string(fields[1]), &text);
	golden_compare(line, fields[1], fields[2], golden_result(code, &text));
}

static void test_to_char_is_postgresqls(void **unused)
{
	(void)unused;
	golden_check("to_char", golden_read("golden_to_char.txt", check_to_char));
}

static void test_calendar_counts_every_day(void **unused)
{
	(void)unused;
	static const int8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = date_from_civil(-4713, 1, 1), wrong = 0;
	assert_int_equal(date_from_civil(1970, 1, 1), 0);
	for (int32_t year = -4713; year < 3000; year++) {
		for (int32_t month = 1; month <= 12; month++) {
			bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
			int32_t length = lengths[month - 1] + (month == 2 && leap ? 1 : 0);
			for (int32_t day = 1; day <= length; day++, days++) {
				struct civil civil;
				civil_from_timestamp(days * MICROSECONDS_PER_DAY + MICROSECONDS_PER_DAY - 1, &civil);
				wrong += date_from_civil(year, month, day) != days || civil.year != year ||
						 civil.month != month || civil.day != day || civil.hour != 23 ||
						 civil.microsecond != 999999;
			}
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_windows_floor_before_1970_too(void **unused)
{
	(void)unused;
	assert_int_equal(timestamp_window_start(25, 10), 20);
	assert_int_equal(timestamp_window_start(20, 10), 20);
	assert_int_equal(timestamp_window_start(-1, 10), -10);
	assert_int_equal(timestamp_window_start(-10, 10), -10);
	assert_int_equal(timestamp_window_start(TIMESTAMP_INFINITY, 10), TIMESTAMP_INFINITY);
}

static void test_refusals_say_what_to_do(void **unused)
{
	(void)unused;
	int64_t result = 7;
	assert_int_equal(timestamp_parse(slice_of_string("now"), true, &result), STATUS_UNSUPPORTED);
	assert_true(strlen(error_current()->hint) > 0);
	assert_int_equal(timestamp_truncate(FIELD_DOW, 0, &result), STATUS_UNSUPPORTED);
	enum datetime_field field;
	assert_int_equal(datetime_field_parse(slice_of_string("fortnight"), &field), STATUS_INVALID);
	text.size = 0;
	buffer_append_string(&text, "kept");
	assert_int_equal(timestamp_to_char(0, slice_of_string("YYYY TZ"), &text), STATUS_UNSUPPORTED);
	assert_int_equal(text.size, 4);
	assert_int_equal(result, 7);
}

/* No byte string may trip a check or read outside; each is an allocation of its own for the sanitizer. */
static void test_hostile_text_is_refused_quietly(void **unused)
{
	(void)unused;
	static const char alphabet[] = "0123456789-:/. TZPYMDHSWJabcnov+,@\"";
	struct random random = random_from_environment(__func__);
	size_t accepted = 0;
	for (int round = 0; round < 100000; round++) {
		uint32_t size = random_below(&random, 24);
		uint8_t *bytes = mem_alloc(size);
		for (uint32_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)alphabet[random_below(&random, sizeof alphabet - 1)];
		int64_t moment;
		struct interval interval;
		accepted += timestamp_parse(slice_of(bytes, size), round % 2 == 0, &moment) == STATUS_OK;
		accepted += date_parse(slice_of(bytes, size), &moment) == STATUS_OK;
		accepted += interval_parse(slice_of(bytes, size), &interval) == STATUS_OK;
		text.size = 0;
		(void)!timestamp_to_char((int64_t)random_word(&random) >> 1, slice_of(bytes, size), &text);
		mem_free(bytes);
	}
	assert_true(accepted > 0);
}

static int open_text(void **unused)
{
	(void)unused;
	buffer_init(&text);
	return 0;
}

static int close_text(void **unused)
{
	(void)unused;
	buffer_deinit(&text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timestamps_are_read_and_written_as_postgresql_does),
		cmocka_unit_test(test_arithmetic_is_postgresqls),
		cmocka_unit_test(test_fields_and_truncation_are_postgresqls),
		cmocka_unit_test(test_intervals_are_read_and_written_as_postgresql_does),
		cmocka_unit_test(test_interval_fields_are_postgresqls),
		cmocka_unit_test(test_to_char_is_postgresqls),
		cmocka_unit_test(test_calendar_counts_every_day),
		cmocka_unit_test(test_windows_floor_before_1970_too),
		cmocka_unit_test(test_refusals_say_what_to_do),
		cmocka_unit_test(test_hostile_text_is_refused_quietly),
	};
	return cmocka_run_group_tests_name("zset/datetime", tests, open_text, close_text);
}
