/* Java's .properties syntax: what java.util.Properties.load() makes of a text is what we make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ingest/properties.h"

static struct properties properties;

static status parse(const char *text)
{
	properties_deinit(&properties);
	return properties_parse(&properties, slice_of_string(text));
}

static void assert_property(const char *key, const char *value)
{
	assert_non_null(properties_get(&properties, key));
	assert_string_equal(properties_get(&properties, key), value);
}

static void kafkas_own_files_are_read(void **state)
{
	(void)state;
	assert_int_equal(parse("# Licensed to the Apache Software Foundation\r\n\r\n"
						   "name=local-file-source\r\nconnector.class=FileStreamSource\r\ntasks.max=1\r\n"
						   "file=test.txt\r\ntopic=connect-test"),
		STATUS_OK);
	assert_int_equal(properties.count, 5);
	assert_property("name", "local-file-source");
	assert_property("topic", "connect-test");
}

static void separators_and_blanks_are_as_in_java(void **state)
{
	(void)state;
	assert_int_equal(
		parse("  a = 1 \nb:2\nc 3\nd\t:\f 4\ne\nf=\n! g=5\n  # h=6\ni==x\nj = = y\n"), STATUS_OK);
	assert_property("a", "1 "); /* a value keeps its trailing blanks */
	assert_property("b", "2");
	assert_property("c", "3");
	assert_property("d", "4");
	assert_property("e", "");
	assert_property("f", "");
	assert_null(properties_get(&properties, "g"));
	assert_null(properties_get(&properties, "h"));
	assert_property("i", "=x");
	assert_property("j", "= y");
}

static void lines_go_on_after_an_odd_number_of_backslashes(void **state)
{
	(void)state;
	assert_int_equal(
		parse("topics = a,\\\n    b,\\\r\n\tc\nd=e\\\\\nf=\\\n# no comment\ng=last\\"), STATUS_OK);
	assert_property("topics", "a,b,c");
	assert_property("d", "e\\");
	assert_property("f", "# no comment");
	assert_property("g", "last");
}

static void escapes_are_undone_in_keys_and_values(void **state)
{
	(void)state;
	assert_int_equal(
		parse("a\\=b\\:c\\ d = \\t\\n\\q\\\\ \nu\\u0041=\\u00e9\\u20AC\\ud83d\\ude00\n"), STATUS_OK);
	assert_property("a=b:c d", "\t\nq\\ ");
	assert_property("uA", "\u00e9\u20ac\U0001f600");
}

static void the_last_of_a_key_counts_in_its_first_place(void **state)
{
	(void)state;
	assert_int_equal(parse("a=1\nb=2\na=3\n"), STATUS_OK);
	assert_int_equal(properties.count, 2);
	assert_property("a", "3");
	assert_string_equal(properties.list[0].key, "a");
}

static void what_is_malformed_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_int_equal(parse("a=1\nb=\\u12g4\n"), STATUS_SYNTAX);
	assert_non_null(strstr(error_current()->text, "line 2"));
	assert_int_equal(parse("a=\\ud83dx"), STATUS_SYNTAX);
	assert_int_equal(parse("a=\\udc00"), STATUS_SYNTAX);
	assert_int_equal(parse("a=\\u12"), STATUS_SYNTAX);
	properties_deinit(&properties);
	assert_int_equal(properties_parse(&properties, slice_of("a=\0b", 4)), STATUS_SYNTAX);
}

static void no_bytes_whatever_are_read_beyond_their_end(void **state)
{
	(void)state;
	static const char alphabet[] = "a=: \\\n\ru0d8#!\t";
	uint64_t random = 20261122;
	print_message("seed %llu\n", (unsigned long long)random);
	for (int round = 0; round < 20000; round++) {
		uint8_t *text = malloc(24);
		size_t size = (size_t)(round % 24);
		for (size_t i = 0; i < size; i++) {
			random = random * UINT64_C(6364136223846793005) + 1;
			text[i] = (uint8_t)alphabet[(random >> 33) % (sizeof alphabet - 1)];
		}
		properties_deinit(&properties);
		(void)!properties_parse(&properties, slice_of(text, size));
		free(text);
	}
}

static int end(void **state)
{
	(void)state;
	properties_deinit(&properties);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(kafkas_own_files_are_read, end),
		cmocka_unit_test_teardown(separators_and_blanks_are_as_in_java, end),
		cmocka_unit_test_teardown(lines_go_on_after_an_odd_number_of_backslashes, end),
		cmocka_unit_test_teardown(escapes_are_undone_in_keys_and_values, end),
		cmocka_unit_test_teardown(the_last_of_a_key_counts_in_its_first_place, end),
		cmocka_unit_test_teardown(what_is_malformed_is_refused_with_its_line, end),
		cmocka_unit_test_teardown(no_bytes_whatever_are_read_beyond_their_end, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
