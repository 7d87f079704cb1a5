/* Converters: byte for byte what Kafka Connect's write, and the text of what they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ingest/converter.h"

static const struct converter envelope = {CONVERTER_JSON, true}, plain = {CONVERTER_JSON, false},
							  string = {CONVERTER_STRING, true};
static struct buffer out;

static const char *encoded(const struct converter *converter, const char *line)
{
	out.size = 0;
	converter_encode(converter, slice_of_string(line), &out);
	buffer_append_byte(&out, 0);
	return (const char *)out.data;
}

/* NULL when it fails. */
static const char *decoded(const struct converter *converter, const char *record)
{
	out.size = 0;
	if (converter_decode(converter, slice_of_string(record), &out) != STATUS_OK)
		return NULL;
	buffer_append_byte(&out, 0);
	return (const char *)out.data;
}

#define HEAD "{\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":\""

static void a_line_becomes_what_kafka_writes(void **state)
{
	(void)state;
	assert_string_equal(encoded(&envelope, "foo"), HEAD "foo\"}");
	assert_string_equal(encoded(&envelope, ""), HEAD "\"}");
	assert_string_equal(encoded(&plain, "foo"), "\"foo\"");
	assert_string_equal(encoded(&string, "foo \"bar\""), "foo \"bar\"");
}

static void json_is_escaped_as_jackson_does(void **state)
{
	(void)state;
	assert_string_equal(encoded(&plain, "a\"b\\c/d\te\bf\fg\rh\x01i\x1fj\x7f"),
		"\"a\\\"b\\\\c/d\\te\\bf\\fg\\rh\\u0001i\\u001Fj\x7f\"");
	assert_string_equal(encoded(&plain, "\u00e9\u20ac\U0001f600"), "\"\u00e9\u20ac\U0001f600\"");
}

static void bytes_that_are_no_utf8_are_replaced_as_in_java(void **state)
{
	(void)state;
	assert_string_equal(encoded(&plain, "a\xff\xfe z"), "\"a\ufffd\ufffd z\"");
	assert_string_equal(encoded(&plain, "\xe2\x82!"), "\"\ufffd!\""); /* a cut character is one */
	assert_string_equal(encoded(&plain, "\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\""); /* a surrogate is none */
	assert_string_equal(encoded(&plain, "\xc0\xaf"), "\"\ufffd\ufffd\"");
	assert_string_equal(encoded(&plain, "\xf0\x9f\x98"), "\"\ufffd\"");
}

static void what_was_written_reads_back_as_the_line(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"foo", "", "a\"b\\c\td\x01", "\u00e9\U0001f600", "{\"payload\":1}", "null", "\"}"};
	const struct converter *const converters[] = {&envelope, &plain, &string};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		for (size_t j = 0; j < 3; j++) {
			char record[512];
			(void)snprintf(record, sizeof record, "%s", encoded(converters[j], lines[i]));
			assert_string_equal(decoded(converters[j], record), lines[i]);
		}
	}
}

static void payloads_that_are_no_strings_are_shown_as_json(void **state)
{
	(void)state;
	assert_string_equal(decoded(&envelope, "{\"schema\":{\"type\":\"int32\"},\"payload\":42}"), "42");
	assert_string_equal(decoded(&envelope, "{\"payload\":0.1,\"schema\":{}}"), "0.1");
	assert_string_equal(decoded(&envelope, "{\"payload\":2.0,\"schema\":{}}"), "2.0");
	assert_string_equal(decoded(&envelope, "{\"payload\":null,\"schema\":null}"), "null");
	assert_string_equal(
		decoded(&envelope, "{\"payload\":{\"a\": [1, true]},\"schema\":{}}"), "{\"a\":[1,true]}");
	assert_string_equal(decoded(&plain, " {\"a\": 1.10} \n"), "{\"a\": 1.10}");
	assert_string_equal(decoded(&plain, "123456789012345.10"), "123456789012345.10");
	out.size = 0;
	assert_int_equal(converter_decode(&string, (struct slice){0}, &out), STATUS_OK);
	assert_int_equal(out.size, 4); /* null */
}

static void what_is_no_envelope_is_refused_with_the_remedy(void **state)
{
	(void)state;
	assert_null(decoded(&envelope, "\"foo\""));
	assert_non_null(strstr(error_current()->hint, "schemas.enable=false"));
	assert_null(decoded(&envelope, "{\"schema\":{},\"payload\":\"a\",\"more\":1}"));
	assert_null(decoded(&envelope, "{\"payload\":\"a\"}"));
	assert_null(decoded(&envelope, HEAD "a\"b\"}"));
	assert_null(decoded(&envelope, "foo"));
	assert_non_null(strstr(error_current()->hint, "StringConverter"));
}

static void converters_go_by_their_class_names(void **state)
{
	(void)state;
	enum converter_kind kind;
	assert_int_equal(converter_kind_parse("org.apache.kafka.connect.json.JsonConverter", &kind), STATUS_OK);
	assert_int_equal(kind, CONVERTER_JSON);
	assert_int_equal(
		converter_kind_parse("org.apache.kafka.connect.storage.StringConverter", &kind), STATUS_OK);
	assert_int_equal(kind, CONVERTER_STRING);
	assert_int_equal(converter_kind_parse("StringConverter", &kind), STATUS_OK);
	assert_int_equal(converter_kind_parse("io.confluent.connect.avro.AvroConverter", &kind), STATUS_INVALID);
	assert_int_equal(converter_kind_parse("com.example.JsonConverter", &kind), STATUS_INVALID);
}

static int end(void **state)
{
	(void)state;
	buffer_deinit(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_becomes_what_kafka_writes),
		cmocka_unit_test(json_is_escaped_as_jackson_does),
		cmocka_unit_test(bytes_that_are_no_utf8_are_replaced_as_in_java),
		cmocka_unit_test(what_was_written_reads_back_as_the_line),
		cmocka_unit_test(payloads_that_are_no_strings_are_shown_as_json),
		cmocka_unit_test(what_is_no_envelope_is_refused_with_the_remedy),
		cmocka_unit_test(converters_go_by_their_class_names),
	};
	return cmocka_run_group_tests(tests, NULL, end);
}
