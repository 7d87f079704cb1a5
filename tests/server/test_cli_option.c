/* Options, conditions of gates, addresses, paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/cli_diff.h"

struct given {
	const char *topic;
	int64_t count;
	double tolerance;
	bool follow, wait;
	struct cli_texts conditions;
	enum cli_output output;
	struct cli_texts arguments;
};

static status parse(struct given *given, const char *const *words, int count)
{
	char *argv[16] = {(char *)(uintptr_t) "kappa", (char *)(uintptr_t) "verb"};
	*given = (struct given){.wait = true};
	const struct cli_option options[] = {
		{"--topic", 't', CLI_TEXT, &given->topic},
		{"--count", 0, CLI_INTEGER, &given->count},
		{"--tolerance", 0, CLI_NUMBER, &given->tolerance},
		{"--follow", 'f', CLI_FLAG, &given->follow},
		{"--no-wait", 0, CLI_NO_FLAG, &given->wait},
		{"--if", 0, CLI_TEXTS, &given->conditions},
		{"--output", 'o', CLI_OUTPUT, &given->output},
	};
	for (int i = 0; i < count; i++)
		argv[i + 2] = (char *)(uintptr_t)words[i];
	return cli_options_parse(options, sizeof options / sizeof options[0], count + 2, argv, &given->arguments);
}

#define parsed(given, ...)                                                                                   \
	parse(given, (const char *const[]){__VA_ARGS__},                                                         \
		(int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void options_are_read_in_all_their_forms(void **state)
{
	(void)state;
	struct given given;
	assert_int_equal(
		parsed(&given, "--topic", "a", "x", "--count=7", "-f", "--if", "p", "--if=q", "-ojson", "y"),
		STATUS_OK);
	assert_string_equal(given.topic, "a");
	assert_int_equal(given.count, 7);
	assert_true(given.follow);
	assert_int_equal(given.conditions.count, 2);
	assert_string_equal(given.conditions.texts[1], "q");
	assert_int_equal(given.output, CLI_OUTPUT_JSON);
	assert_int_equal(given.arguments.count, 2);
	assert_string_equal(given.arguments.texts[1], "y");
	assert_int_equal(
		parsed(&given, "--no-wait", "--tolerance", "0.5", "-t=b", "--", "--topic", "-"), STATUS_OK);
	assert_false(given.wait);
	assert_true(given.tolerance == 0.5);
	assert_string_equal(given.topic, "=b");
	assert_int_equal(given.arguments.count, 2);
	assert_string_equal(given.arguments.texts[0], "--topic");
	assert_int_equal(parsed(&given, "-"), STATUS_OK); /* standard input */
	assert_int_equal(given.arguments.count, 1);
}

static void wrong_options_are_refused_by_name(void **state)
{
	(void)state;
	struct given given;
	assert_int_equal(parsed(&given, "--nope"), STATUS_INVALID);
	assert_non_null(strstr(error_current()->text, "--nope"));
	assert_int_equal(parsed(&given, "--topi", "x"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "--count", "7x"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "--count", "-1"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "--count", "99999999999999999999"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "--tolerance", "nan"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "--topic"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "--follow=yes"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "-fx"), STATUS_INVALID);
	assert_int_equal(parsed(&given, "-o", "xml"), STATUS_INVALID);
}

static bool holds(const char *condition)
{
	struct cli_condition parsed_condition;
	double value;
	json_t *diff = json_pack(
		"{s:i, s:i, s:i, s:f}", "only_left", 0, "only_right", 5, "changed", 100, "match_score", 0.25);
	assert_int_equal(cli_condition_parse(condition, &parsed_condition), STATUS_OK);
	bool result = cli_condition_holds(&parsed_condition, diff, &value);
	json_decref(diff);
	return result;
}

static void gates_compare_as_written(void **state)
{
	(void)state;
	assert_false(holds("changed_rows < 100"));
	assert_true(holds("changed_rows<=100"));
	assert_true(holds(" only_left = 0 "));
	assert_true(holds("only_left == 0"));
	assert_false(holds("only_right = 0"));
	assert_true(holds("match_score >= .25"));
	assert_false(holds("match_score > 0.25"));
	struct cli_condition condition;
	const char *const wrong[] = {"", "changed_rows", "changed_rows <", "rows < 1", "changed_rows ! 1",
		"changed_rows < 1 and only_left = 0", "changed_rows < nan", "changed < 1"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(cli_condition_parse(wrong[i], &condition), STATUS_INVALID);
}

static void a_missing_number_opens_no_gate(void **state)
{
	(void)state;
	struct cli_condition condition;
	double value;
	json_t *empty = json_object();
	assert_int_equal(cli_condition_parse("changed_rows < 100", &condition), STATUS_OK);
	assert_false(cli_condition_holds(&condition, empty, &value));
	json_decref(empty);
}

static void addresses_are_checked(void **state)
{
	(void)state;
	struct cli_http *http;
	const char *const right[] = {"127.0.0.1:8088", "http://localhost:80/", "[::1]:8088"};
	const char *const wrong[] = {
		"", "localhost", ":80", "localhost:", "localhost:x", "http://localhost:80/path"};
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		assert_int_equal(cli_http_create(right[i], &http), STATUS_OK);
		cli_http_destroy(http);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(cli_http_create(wrong[i], &http), STATUS_INVALID);
}

static void paths_are_escaped(void **state)
{
	(void)state;
	char *path = cli_url("/views/%s/diff?left=%lld&x=%s", "a b/ä@2", 7LL, "1+1&c=%");
	assert_string_equal(path, "/views/a%20b%2F%C3%A4%402/diff?left=7&x=1%2B1%26c%3D%25");
	mem_free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read_in_all_their_forms),
		cmocka_unit_test(wrong_options_are_refused_by_name),
		cmocka_unit_test(gates_compare_as_written),
		cmocka_unit_test(a_missing_number_opens_no_gate),
		cmocka_unit_test(addresses_are_checked),
		cmocka_unit_test(paths_are_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
