/* Words for numbers, and a replay's line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <locale.h>
#include <string.h>

#include "server/cli_internal.h"

static char text[512];

#define formatted(call)                                                                                      \
	do {                                                                                                     \
		struct buffer out;                                                                                   \
		buffer_init(&out);                                                                                   \
		call;                                                                                                \
		buffer_append_byte(&out, 0);                                                                         \
		assert_true(out.size <= sizeof text);                                                                \
		memcpy(text, out.data, out.size);                                                                    \
		buffer_deinit(&out);                                                                                 \
	} while (0)

static const char *grouped(int64_t number)
{
	formatted(cli_format_grouped(&out, number));
	return text;
}

static const char *shortened(double number)
{
	formatted(cli_format_short(&out, number));
	return text;
}

static const char *bytes(uint64_t number)
{
	formatted(cli_format_bytes(&out, number));
	return text;
}

static const char *seconds(double number)
{
	formatted(cli_format_seconds(&out, number));
	return text;
}

static const char *percent(int64_t done, int64_t total)
{
	formatted(cli_format_percent(&out, done, total));
	return text;
}

static const char *bar(int64_t done, int64_t total)
{
	formatted(cli_format_bar(&out, done, total));
	return text;
}

static const char *progress(const struct cli_progress *of)
{
	formatted(cli_format_progress(&out, of));
	return text;
}

static void thousands_are_grouped(void **state)
{
	(void)state;
	assert_string_equal(grouped(0), "0");
	assert_string_equal(grouped(999), "999");
	assert_string_equal(grouped(3000000), "3,000,000");
	assert_string_equal(grouped(-1234), "-1,234");
	assert_string_equal(grouped(INT64_MIN), "-9,223,372,036,854,775,808");
}

static void numbers_are_shortened_to_three_digits(void **state)
{
	(void)state;
	assert_string_equal(shortened(0), "0");
	assert_string_equal(shortened(999), "999");
	assert_string_equal(shortened(999.6), "1.0K");
	assert_string_equal(shortened(3149999), "3.1M");
	assert_string_equal(shortened(81300), "81.3K");
	assert_string_equal(shortened(99960), "100K");
	assert_string_equal(shortened(999999), "1.0M");
	assert_string_equal(shortened(2.4e9), "2.4G");
	assert_string_equal(bytes(0), "0 B");
	assert_string_equal(bytes(1023), "1023 B");
	assert_string_equal(bytes(1536), "1.5 KiB");
	assert_string_equal(bytes(1048575), "1.0 MiB");
	assert_string_equal(bytes(UINT64_MAX), "16.0 EiB");
}

static void durations_read_naturally(void **state)
{
	(void)state;
	assert_string_equal(seconds(0.04), "0.0 s");
	assert_string_equal(seconds(0.31), "0.3 s");
	assert_string_equal(seconds(9.96), "10 s");
	assert_string_equal(seconds(59.7), "1 min 0 s");
	assert_string_equal(seconds(125), "2 min 5 s");
	assert_string_equal(seconds(3720), "1 h 2 min");
	assert_string_equal(seconds(-1), "?");
}

static void only_what_is_done_is_100_percent(void **state)
{
	(void)state;
	assert_string_equal(percent(0, 0), "100.0%");
	assert_string_equal(percent(0, 10), "0.0%");
	assert_string_equal(percent(813, 1000), "81.3%");
	assert_string_equal(percent(999999, 1000000), "99.9%");
	assert_string_equal(percent(1000000, 1000000), "100.0%");
	assert_string_equal(percent(INT64_MAX - 1, INT64_MAX), "99.9%");
	assert_string_equal(bar(0, 5), "░░░░░░░░░░");
	assert_string_equal(bar(813, 1000), "████████░░");
	assert_string_equal(bar(999, 1000), "█████████░");
	assert_string_equal(bar(5, 5), "██████████");
}

static void a_replay_is_one_line(void **state)
{
	(void)state;
	struct cli_progress of = {
		.view = "delays",
		.version = 2,
		.from_version = 1,
		.state = "replaying",
		.done = 3089400,
		.total = 3800000,
		.records_per_second = 2.4e6,
		.eta_seconds = 0.3,
	};
	assert_string_equal(progress(&of),
		"delays@2  replaying  ████████░░  81.3%   3.1M/3.8M records  2.4M rec/s  "
		"ETA 0.3 s   (delays@1 stays live)");
	of.records_per_second = 0;
	of.eta_seconds = -1;
	of.name_width = 12;
	assert_string_equal(progress(&of),
		"delays@2      replaying  ████████░░  81.3%   3.1M/3.8M records   (delays@1 stays live)");
	of = (struct cli_progress){
		.view = "v", .version = 1, .state = "live", .done = 10, .total = 10, .elapsed_seconds = 1.6};
	assert_string_equal(
		progress(&of), "v@1  caught up  ██████████  100.0%  10/10 records  in 1.6 s   (live)");
}

int main(void)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_are_grouped),
		cmocka_unit_test(numbers_are_shortened_to_three_digits),
		cmocka_unit_test(durations_read_naturally),
		cmocka_unit_test(only_what_is_done_is_100_percent),
		cmocka_unit_test(a_replay_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
