/* What a record means: JSON, CSV and text into typed columns, bad records in words, hidden columns, ranges of
 * offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "support_decode.h"

/* Both readers must say `expected`: a row, or "bad: " and the error. */
static void expect_record(
	enum decode_format format, const char *columns, const char *record, const char *expected)
{
	for (int reference = 0; reference < 2; reference++) {
		struct table_fixture table;
		table_setup(&table, format, columns);
		/* Twice: the second time the fast reader knows the shape. */
		table_add(&table, record);
		table_add(&table, record);
		table_run(&table, reference != 0);
		const char *got;
		if (table.result.batch->row_count == 2) {
			got = table_row(&table, 1, false);
			assert_string_equal(table_row(&table, 0, false), got);
		} else {
			assert_int_equal(table.result.batch->row_count, 0);
			assert_int_equal(table.result.bad_count, 2);
			assert_string_equal(table.result.bad[0].error, table.result.bad[1].error);
			got = arena_printf(&table.arena, "bad: %s", table.result.bad[1].error);
		}
		assert_string_equal(got, expected);
		assert_int_equal(table.result.record_count, 2);
		table_teardown(&table);
	}
}

static void json(const char *columns, const char *record, const char *expected)
{
	expect_record(DECODE_JSON, columns, record, expected);
}

static void csv(const char *columns, const char *record, const char *expected)
{
	expect_record(DECODE_CSV, columns, record, expected);
}

static void json_fields_fill_columns_by_name(void **state)
{
	(void)state;
	json("a int, b text", "{\"a\":1,\"b\":\"x\"}", "1|x");
	json("a int, b text", " { \"b\" : \"x\" , \"a\" : 1 } \n", "1|x");
	json("a int, b text", "{\"c\":[1,{\"a\":2}],\"a\":1}", "1|null");
	json("a int, b text", "{}", "null|null");
	json("a int, b text", "{\"a\":null,\"b\":\"\"}", "null|");
	json("a int", "{\"\\u0061\":7}", "7");
	json("a int", "{\"a\":1,\"a\":2}", "2");
	json("a int", "{\"a\":\"no\",\"a\":2}", "2");
}

static void json_keys_match_exactly_before_folded(void **state)
{
	(void)state;
	json("delay int", "{\"Delay\":1}", "1");
	json("delay int", "{\"delay\":1,\"DELAY\":2}", "1");
	json("delay int", "{\"DELAY\":2,\"delay\":1}", "1");
	json("delay int", "{\"DELAY\":2,\"Delay\":3}", "3");
	json("Delay int", "{\"delay\":1}", "null");
	json("Delay int, delay int", "{\"Delay\":1,\"DELAY\":2}", "1|2");
}

static void json_numbers_fit_their_columns(void **state)
{
	(void)state;
	json("a bigint", "{\"a\":-9223372036854775808}", "-9223372036854775808");
	json("a bigint", "{\"a\":9223372036854775807}", "9223372036854775807");
	json("a bigint", "{\"a\":9223372036854775808}",
		"bad: field \"a\": cannot read 9223372036854775808 as bigint: out of range");
	json("a int", "{\"a\":2147483648}", "bad: field \"a\": cannot read 2147483648 as integer: out of range");
	json("a smallint", "{\"a\":-32768}", "-32768");
	json("a smallint", "{\"a\":-32769}", "bad: field \"a\": cannot read -32769 as smallint: out of range");
	json("a int", "{\"a\":1.0}", "1");
	json("a int", "{\"a\":1e3}", "1000");
	json("a int", "{\"a\":1.50}", "bad: field \"a\": cannot read 1.50 as integer");
	json("a int", "{\"a\":\"12\"}", "12");
	json("a int", "{\"a\":\"1.0\"}", "bad: field \"a\": cannot read \"1.0\" as integer");
	json("a int", "{\"a\":true}", "bad: field \"a\": cannot read true as integer");
	json("a int", "{\"a\":[1]}", "bad: field \"a\": cannot read [1] as integer");
	json("a int", "{\"a\":-0}", "0");
	json("a numeric", "{\"a\":1.50}", "1.50");
	json("a numeric", "{\"a\":-0.001}", "-0.001");
	json("a numeric", "{\"a\":12345678901234567890.12}", "12345678901234567890.12");
	json("a float8", "{\"a\":0.1}", "0.1");
	json("a float8", "{\"a\":-0}", "-0");
	json("a float8", "{\"a\":1e22}", "1e+22");
	json("a float8", "{\"a\":123456789012345678}", "1.2345678901234568e+17");
	json("a float8", "{\"a\":2.2250738585072011e-308}", "2.225073858507201e-308");
	json("a float8", "{\"a\":9007199254740993}", "9.007199254740992e+15");
	json("a real", "{\"a\":16777217}", "1.6777216e+07");
	json("a text", "{\"a\":1.50}", "1.50");
	json("a text", "{\"a\":-1e5}", "-1e5");
}

static void json_strings_are_unescaped_and_checked(void **state)
{
	(void)state;
	json("a text", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
		"\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
	json("a text", "{\"a\":\"gr\xc3\xbc\xc3\x9f\"}", "gr\xc3\xbc\xc3\x9f");
	json("a text", "{\"a\":\"\\u0000\"}",
		"bad: field \"a\": cannot read \"\\u0000\" as text: invalid UTF-8 or a zero byte");
	json("a text", "{\"a\":\"\xff\"}", "bad: invalid JSON at byte 7: invalid UTF-8 in the string");
	json("a text", "{\"b\":\"\xc0\x80\"}", "bad: invalid JSON at byte 7: invalid UTF-8 in the string");
	json("a text", "{\"a\":\"\xed\xa0\x80\"}", "bad: invalid JSON at byte 7: invalid UTF-8 in the string");
	json("a text", "{\"a\":\"\\ud800\"}", "bad: invalid JSON at byte 7: unpaired surrogate");
	json("a text", "{\"a\":\"\\ud800\\u0041\"}", "bad: invalid JSON at byte 7: unpaired surrogate");
	json("a text", "{\"a\":\"\\x\"}", "bad: invalid JSON at byte 7: unknown escape");
	json("a text", "{\"a\":\"x\ty\"}", "bad: invalid JSON at byte 8: control character in a string");
	json("a text", "{\"a\":\"x", "bad: invalid JSON at byte 8: the string does not end");
	json("a int", "{\"a\":\"\\u0031\"}", "1");
}

static void json_objects_go_into_text_columns(void **state)
{
	(void)state;
	json("a text", "{\"a\":{\"b\": [1, 2]}}", "{\"b\": [1, 2]}");
	json("a text", "{\"a\":[]}", "[]");
	json("a bool, b bool", "{\"a\":true,\"b\":false}", "t|f");
	json("a text, b bool", "{\"a\":true,\"b\":\"yes\"}", "true|t");
	json("a bool", "{\"a\":1}", "t");
	json("a bool", "{\"a\":\"maybe\"}", "bad: field \"a\": cannot read \"maybe\" as boolean");
	json("a bytea", "{\"a\":\"\\\\x00ff\"}", "\\x00ff");
	json("a interval", "{\"a\":\"1 day 02:00\"}", "1 day 02:00:00");
}

static void json_times_are_read_as_text_and_as_numbers(void **state)
{
	(void)state;
	json("a timestamp", "{\"a\":\"2001-01-01T00:03:00\"}", "2001-01-01 00:03:00");
	json("a timestamp", "{\"a\":\"2001-01-01 00:03:00.5Z\"}", "2001-01-01 00:03:00.5");
	json("a timestamp", "{\"a\":\"2001-01-01 00:03:00.123456\"}", "2001-01-01 00:03:00.123456");
	json("a timestamptz", "{\"a\":\"2001-01-01T02:03:00+02:00\"}", "2001-01-01 00:03:00+00");
	json("a timestamp", "{\"a\":\"2001-01-01\"}", "2001-01-01 00:00:00");
	json("a timestamp", "{\"a\":\"2000-02-29 23:59:59\"}", "2000-02-29 23:59:59");
	json("a timestamp", "{\"a\":\"2001-01-01 24:00:00\"}", "2001-01-02 00:00:00");
	json("a timestamp", "{\"a\":1577836800123}", "2020-01-01 00:00:00.123");
	json("a timestamp", "{\"a\":-1}", "1969-12-31 23:59:59.999");
	json("a timestamp", "{\"a\":\"2001-13-01 00:00:00\"}",
		"bad: field \"a\": cannot read \"2001-13-01 00:00:00\" as timestamp without time zone: out of range");
	json("a timestamp", "{\"a\":\"2001-02-29 00:00:00\"}",
		"bad: field \"a\": cannot read \"2001-02-29 00:00:00\" as timestamp without time zone: out of range");
	json("a timestamp", "{\"a\":9223372036854775807}",
		"bad: field \"a\": cannot read 9223372036854775807 as timestamp without time zone: out of range");
	json("a date", "{\"a\":\"2001-01-01\"}", "2001-01-01");
	json("a date", "{\"a\":11323}", "2001-01-01");
	json("a date", "{\"a\":\"yesterdayish\"}", "bad: field \"a\": cannot read \"yesterdayish\" as date");
}

static void json_connect_envelope_is_opened(void **state)
{
	(void)state;
	json("a int", "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"a\":1}}", "1");
	json("a int", "{\"payload\":{\"a\":1},\"schema\":null}", "1");
	json("a int", "{\"payload\":{},\"schema\":null}", "null");
	json("a int", "{\"schema\":{},\"payload\":null}", "bad: null value");
	/* not an envelope: a third member, a payload that is no object, a column of that name */
	json("a int", "{\"schema\":{},\"payload\":{\"a\":1},\"a\":2}", "2");
	json("a int", "{\"schema\":{},\"payload\":[1]}", "null");
	json("payload text", "{\"schema\":{},\"payload\":{\"a\":1}}", "{\"a\":1}");
	json("a int", "{\"payload\":{\"a\":1}}", "null");
}

static void json_malformed_records_are_bad(void **state)
{
	(void)state;
	json("a int", "", "bad: the record is empty; a JSON object is expected");
	json("a int", "  ", "bad: the record is empty; a JSON object is expected");
	json("a int", "[1]", "bad: a JSON object is expected, not [1]");
	json("a int", "{\"a\":1", "bad: invalid JSON at byte 7: a comma or } is expected");
	json("a int", "{\"a\":1}}", "bad: invalid JSON at byte 8: something follows the object");
	json("a int", "{\"a\":1,}", "bad: invalid JSON at byte 8: a key in quotes is expected");
	json("a int", "{\"a\":01}", "bad: invalid JSON at byte 7: a number must not begin with 0");
	json("a int", "{\"a\":+1}", "bad: invalid JSON at byte 6: a value is expected");
	json("a int", "{\"a\":.5}", "bad: invalid JSON at byte 6: a value is expected");
	json("a int", "{\"a\":1.}", "bad: invalid JSON at byte 8: a digit is expected");
	json("a int", "{\"a\":1e}", "bad: invalid JSON at byte 8: a digit is expected");
	json("a int", "{\"a\":NaN}", "bad: invalid JSON at byte 6: a value is expected");
	json("a int", "{\"a\":tru}", "bad: invalid JSON at byte 6: a value is expected");
	json("a int", "{a:1}", "bad: invalid JSON at byte 2: a key in quotes is expected");
	json("a int", "{\"a\" 1}", "bad: invalid JSON at byte 6: a colon is expected");
	json("a int", "{\"a\":1 \"b\":2}", "bad: invalid JSON at byte 8: a comma or } is expected");
	json("a int", "{\"b\":[1,],\"a\":1}", "bad: invalid JSON at byte 9: a value is expected");
	json("a int", "{\"b\":[1}", "bad: invalid JSON at byte 8: a comma or ] is expected");
	json("a int", "{\"b\":{\"c\":[{}]],\"a\":1}", "bad: invalid JSON at byte 15: a comma or } is expected");
	json("a int", "{\"b\":{\"c\":[{}, [[]], {\"d\":{}}]},\"a\":1}", "1");
}

static void json_nesting_is_limited(void **state)
{
	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		struct table_fixture table;
		table_setup(&table, DECODE_JSON, "a int");
		struct buffer text = {0};
		buffer_append_string(&text, "{\"b\":");
		for (int i = 0; i < JSON_DEPTH_MAX + extra; i++)
			buffer_append_byte(&text, '[');
		for (int i = 0; i < JSON_DEPTH_MAX + extra; i++)
			buffer_append_byte(&text, ']');
		buffer_append_string(&text, ",\"a\":1}");
		table_add_slice(&table, (struct slice){0}, buffer_slice(&text));
		table_run(&table, false);
		assert_int_equal(table.result.batch->row_count, extra == 0 ? 1 : 0);
		if (extra == 1)
			assert_non_null(strstr(table.result.bad[0].error, "nested too deeply"));
		buffer_deinit(&text);
		table_teardown(&table);
	}
}

static void null_in_a_not_null_column_is_bad(void **state)
{
	(void)state;
	json("a int !, b int", "{\"b\":1}", "bad: field \"a\": missing, but the column is NOT NULL");
	json("a int !, b int", "{\"a\":null,\"b\":1}", "bad: field \"a\": null, but the column is NOT NULL");
	json("a int !, b int", "{\"a\":1}", "1|null");
	csv("a int !, b int", ",1", "bad: field \"a\": empty, but the column is NOT NULL");
}

static void excerpts_are_short_and_printable(void **state)
{
	(void)state;
	char record[256], expected[256];
	(void)snprintf(record, sizeof record, "{\"a\":\"%0100d\"}", 0);
	(void)snprintf(
		expected, sizeof expected, "bad: field \"a\": cannot read \"%064d\xe2\x80\xa6\" as date", 0);
	json("a date", record, expected);
	csv("a int", "\x01\xfe", "bad: field \"a\": cannot read \"??\" as integer: invalid UTF-8 or a zero byte");
}

static void bad_records_do_not_depend_on_what_is_wanted(void **state)
{
	(void)state;
	for (unsigned wanted = 0; wanted < 8; wanted++) {
		struct table_fixture table;
		table_setup(&table, DECODE_JSON, "a int !, b timestamp, c text");
		for (unsigned c = 0; c < 3; c++)
			table.wanted[c] = wanted >> c & 1;
		table_add(&table, "{\"a\":1,\"b\":\"2001-01-01 00:00:00\",\"c\":\"x\"}");
		table_add(&table, "{\"a\":2,\"b\":\"2001-01-01 00:00:00\",\"c\":\"x\"}");
		table_add(&table, "{\"a\":\"x\",\"b\":\"2001-01-01 00:00:00\",\"c\":\"x\"}");
		table_add(&table, "{\"a\":3,\"b\":\"2001-01-01 00:00:61\",\"c\":\"x\"}");
		table_add(&table, "{\"a\":null,\"b\":null,\"c\":null}");
		table_add(&table, "{\"a\":4,\"b\":null,\"c\":\"\\u0000\"}");
		table_add(&table, "{\"a\":5,\"c\":null}");
		table_run(&table, false);
		assert_int_equal(table.result.batch->row_count, 3);
		assert_int_equal(table.result.bad_count, 4);
		assert_int_equal(table.result.bad[0].offset, 2);
		assert_int_equal(table.result.bad[3].offset, 5);
		for (unsigned c = 0; c < 3; c++)
			assert_int_equal(table.result.batch->columns[c].values != NULL, wanted >> c & 1);
		if (wanted == 7)
			assert_string_equal(table_row(&table, 2, false), "5|null|null");
		table_teardown(&table);
	}
}

static void hidden_columns_say_where_a_row_comes_from(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "a int");
	table_add(&table, "{\"a\":1}");
	table_add(&table, "bad");
	table_add_slice(&table, slice_of_string("k"), slice_of_string("{\"a\":2}"));
	table_add_slice(&table, slice_of_string("k"), (struct slice){0});
	table_run(&table, false);
	assert_int_equal(table.result.batch->row_count, 2);
	assert_null(table.result.batch->weights);
	assert_string_equal(table_row(&table, 0, true), "1|3|0|1970-01-01 00:00:01+00|null");
	assert_string_equal(table_row(&table, 1, true), "2|3|2|1970-01-01 00:00:01.002+00|\\x6b");
	assert_int_equal(table.result.bad_count, 2);
	assert_int_equal(table.result.bad[0].offset, 1);
	assert_int_equal(table.result.bad[0].timestamp_ms, 1001);
	assert_string_equal(table.result.bad[1].error, "null value");
	assert_int_equal(table.result.record_count, 4);
	assert_int_equal(table.result.next_offset, 4);
	table_teardown(&table);
}

static void a_range_of_offsets_is_cut_out(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "a int");
	char text[32];
	for (int i = 0; i < 30; i++) {
		(void)snprintf(text, sizeof text, "{\"a\":%d}", i);
		table_add(&table, text);
		if (i % 10 == 9)
			table_seal(&table, i == 19 ? CODEC_LZ4 : CODEC_NONE);
	}
	struct decoder *decoder;
	assert_int_equal(decoder_create(&table.options, &decoder), STATUS_OK);
	for (int64_t from = 0; from <= 30; from += 3) {
		for (int64_t to = from; to <= 33; to += 4) {
			assert_int_equal(
				decoder_run(decoder, buffer_slice(&table.bytes), 0, from, to, &table.arena, &table.result),
				STATUS_OK);
			int64_t end = to < 30 ? to : 30;
			assert_int_equal(table.result.batch->row_count, end - from);
			assert_int_equal(table.result.next_offset, end);
			if (end > from)
				assert_int_equal(table.result.batch->columns[0].i64[0], from);
		}
	}
	decoder_destroy(decoder);
	table_teardown(&table);
}

static void compressed_batches_lend_text_that_lasts(void **state)
{
	(void)state;
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD};
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "a text, b int");
	char text[64];
	for (int i = 0; i < 500; i++) {
		(void)snprintf(text, sizeof text, "{\"a\":\"text-%d\",\"b\":%d}", i, i);
		table_add_slice(&table, slice_of(text, (size_t)(i % 7)), slice_of_string(text));
		if (i % 100 == 99)
			table_seal(&table, codecs[i / 100]);
	}
	table_run(&table, false);
	assert_int_equal(table.result.batch->row_count, 500);
	for (uint32_t i = 0; i < 500; i++) {
		(void)snprintf(text, sizeof text, "text-%u|%u", i, i);
		assert_string_equal(table_row(&table, i, false), text);
	}
	table_teardown(&table);
}

static void the_greatest_event_time_is_found(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "t timestamp, d date");
	table.options.event_time_column = 0;
	table.wanted[0] = 0;
	table_add(&table, "{\"t\":\"infinity\"}");
	table_add(&table, "{\"t\":1000}");
	table_add(&table, "{\"t\":3000}");
	table_add(&table, "{\"t\":null}");
	table_add(&table, "{\"t\":2000,\"d\":\"1970-01-02\"}");
	table_add(&table, "{\"t\":9000,\"d\":\"bad\"}");
	table_run(&table, false);
	assert_int_equal(table.result.max_event_time_us, 3000000);
	assert_null(table.result.batch->columns[0].values);
	table.options.event_time_column = 1;
	table_run(&table, false);
	assert_int_equal(table.result.max_event_time_us, INT64_C(86400000000));
	table_teardown(&table);
	table_setup(&table, DECODE_JSON, "t timestamp");
	table.options.event_time_column = 0;
	table_add(&table, "{}");
	table_run(&table, false);
	assert_int_equal(table.result.max_event_time_us, INT64_MIN);
	table_teardown(&table);
}

static void csv_fields_follow_rfc_4180(void **state)
{
	(void)state;
	csv("a int, b text", "1,x", "1|x");
	csv("a int, b text", "1,x\r\n", "1|x");
	csv("a int, b text", "1,\"x,\"\"y\"\"\nz\"", "1|x,\"y\"\nz");
	csv("a text, b text", ",\"\"", "null|");
	csv("a text", "", "null");
	csv("a text, b int, c timestamp", "\xef\xbb\xbfgr\xc3\xbc,7,2001-01-01T00:03:00",
		"gr\xc3\xbc|7|2001-01-01 00:03:00");
	csv("a numeric, b float8, c bool", "1.50,1e3,t", "1.50|1000|t");
	csv("a int, b text", "1", "bad: 1 fields where the table has 2 columns");
	csv("a int, b text", "1,2,3", "bad: 3 fields where the table has 2 columns");
	csv("a int", "x", "bad: field \"a\": cannot read \"x\" as integer");
	csv("a text", "\"x", "bad: field \"a\": a quoted field does not end");
	csv("a text", "\"x\"y", "bad: field \"a\": something follows a quoted field");
	csv("a text", "x\"y", "bad: field \"a\": a quote within an unquoted field");
	csv("a text", "x\ny", "bad: field \"a\": a line end within an unquoted field");
	csv("a text", "\xff", "bad: field \"a\": cannot read \"?\" as text: invalid UTF-8 or a zero byte");
}

static void csv_header_is_skipped_and_delimiter_obeyed(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_CSV, "a int, b text");
	table.options.csv_delimiter = ';';
	table.options.csv_header = true;
	table_add(&table, "\xef\xbb\xbf"
					  "a;\"b\"\n");
	table_add(&table, "1;x,y");
	table_add(&table, "a;b");
	table_add(&table, "a;b;c");
	table_run(&table, false);
	assert_int_equal(table.result.batch->row_count, 1);
	assert_string_equal(table_row(&table, 0, false), "1|x,y");
	assert_int_equal(table.result.bad_count, 1);
	assert_int_equal(table.result.record_count, 4);
	table_teardown(&table);
}

static void text_records_are_one_column(void **state)
{
	(void)state;
	expect_record(DECODE_TEXT, "line text", "hello \"w\xc3\xb6rld\", 1", "hello \"w\xc3\xb6rld\", 1");
	expect_record(DECODE_TEXT, "line text", "", "");
	expect_record(DECODE_TEXT, "line text", "\xff",
		"bad: field \"line\": cannot read \"?\" as text: invalid UTF-8 or a zero byte");
	expect_record(DECODE_TEXT, "n int", "42", "42");
	struct table_fixture table;
	table_setup(&table, DECODE_TEXT, "a text, b text");
	struct decoder *decoder;
	assert_int_equal(decoder_create(&table.options, &decoder), STATUS_INVALID);
	table_teardown(&table);
}

static void damaged_batches_are_reported(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "a int");
	table_add(&table, "{\"a\":1}");
	table_seal(&table, CODEC_NONE);
	table.bytes.data[table.bytes.size - 3] ^= 1;
	struct decoder *decoder;
	assert_int_equal(decoder_create(&table.options, &decoder), STATUS_OK);
	assert_int_equal(decoder_run(decoder, buffer_slice(&table.bytes), 0, 0, 1, &table.arena, &table.result),
		STATUS_DAMAGED);
	decoder_destroy(decoder);
	table_teardown(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_fields_fill_columns_by_name),
		cmocka_unit_test(json_keys_match_exactly_before_folded),
		cmocka_unit_test(json_numbers_fit_their_columns),
		cmocka_unit_test(json_strings_are_unescaped_and_checked),
		cmocka_unit_test(json_objects_go_into_text_columns),
		cmocka_unit_test(json_times_are_read_as_text_and_as_numbers),
		cmocka_unit_test(json_connect_envelope_is_opened),
		cmocka_unit_test(json_malformed_records_are_bad),
		cmocka_unit_test(json_nesting_is_limited),
		cmocka_unit_test(null_in_a_not_null_column_is_bad),
		cmocka_unit_test(excerpts_are_short_and_printable),
		cmocka_unit_test(bad_records_do_not_depend_on_what_is_wanted),
		cmocka_unit_test(hidden_columns_say_where_a_row_comes_from),
		cmocka_unit_test(a_range_of_offsets_is_cut_out),
		cmocka_unit_test(compressed_batches_lend_text_that_lasts),
		cmocka_unit_test(the_greatest_event_time_is_found),
		cmocka_unit_test(csv_fields_follow_rfc_4180),
		cmocka_unit_test(csv_header_is_skipped_and_delimiter_obeyed),
		cmocka_unit_test(text_records_are_one_column),
		cmocka_unit_test(damaged_batches_are_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
