/* zset/value_*.c: text and binary forms against PostgreSQL's (golden_value_text.txt, golden_wire.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support.h"

static struct arena arena;
static struct buffer text;

/* "numeric(5,2)", "varchar(3)", "bigint". */
static struct type type_from(const char *name)
{
	char bare[64];
	int first = -1, second = -1;
	struct type type = type_of(TYPE_UNKNOWN);
	int parts = sscanf(name, "%63[^(](%d,%d)", bare, &first, &second);
	assert_int_equal(type_parse(bare, &type.id), STATUS_OK);
	if (parts == 3)
		type.modifier = first << 16 | second;
	else if (parts == 2)
		type.modifier = first;
	return type;
}

static void check_text(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 3);
	golden_unescape(fields[1]);
	golden_unescape(fields[2]);
	struct type type = type_from(fields[0]);
	const char *wanted = fields[2];
	if (type.id == TYPE_BOOL && wanted[0] != '!')
		wanted = wanted[0] == 't' ? "t" : "f"; /* the table holds casts to text */
	if (type.id == TYPE_NUMERIC &&
		(strcasecmp(fields[1], "nan") == 0 || strstr(fields[1], "nf") != NULL ||
			strcmp(fields[1], "1e400") == 0 || strncmp(fields[1], "1e-", 3) == 0 ||
			strcmp(fields[1], "3.5e38") == 0 || strcmp(fields[1], "3.4e38") == 0) &&
		strcmp(wanted, "!22P02") != 0)
		wanted = "!22003"; /* documented limits: no NaN, 38 digits */
	struct value value;
	text.size = 0;
	status code = value_parse(type, slice_of_string(fields[1]), &arena, &value);
	if (code == STATUS_OK)
		value_format(&value, &text);
	char what[128];
	(void)snprintf(what, sizeof what, "%s '%s'", fields[0], fields[1]);
	golden_compare(line, what, wanted, golden_result(code, &text));
}

static void test_text_forms_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("value text", golden_read("golden_value_text.txt", check_text));
}

static void check_wire(size_t line, char **fields, size_t field_count)
{
	assert_int_equal(field_count, 3);
	golden_unescape(fields[1]);
	struct type type = type_from(fields[0]);
	struct value value, back;
	assert_int_equal(value_parse(type, slice_of_string(fields[1]), &arena, &value), STATUS_OK);
	struct buffer wire;
	buffer_init(&wire);
	value_send(&value, &wire);
	text.size = 0;
	for (size_t i = 0; i < wire.size; i++)
		buffer_printf(&text, "%02x", wire.data[i]);
	golden_compare(line, fields[0], fields[2], golden_result(STATUS_OK, &text));
	/* And back, exactly. */
	text.size = 0;
	status code = value_receive(type, buffer_slice(&wire), &arena, &back);
	if (code == STATUS_OK)
		value_format(&back, &text);
	const char *wanted = type.id == TYPE_BOOL ? (fields[1][0] == 't' ? "t" : "f") : fields[1];
	golden_compare(line, fields[0], wanted, golden_result(code, &text));
	/* A byte more or less is refused where the size is fixed. */
	if (type_wire_size(type.id) > 0) {
		assert_int_equal(
			value_receive(type, slice_of(wire.data, wire.size - 1), &arena, &back), STATUS_BAD_TEXT);
		assert_string_equal(error_current()->sqlstate, "22P03");
	}
	buffer_deinit(&wire);
}

static void test_binary_forms_are_postgresqls(void **unused)
{
	(void)unused;
	golden_check("wire", golden_read("golden_wire.txt", check_wire));
}

static void test_hostile_binary_is_refused_quietly(void **unused)
{
	(void)unused;
	struct random random = random_from_environment(__func__);
	for (int round = 0; round < 50000; round++) {
		uint32_t size = random_below(&random, 24);
		uint8_t *bytes = mem_alloc(size);
		for (uint32_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(random_below(&random, 3) == 0 ? random_below(&random, 256)
															   : random_below(&random, 5));
		if (size >= 8)
			bytes[1] = (uint8_t)((size - 8) / 2); /* as a numeric: a fitting count of digits */
		struct value value;
		struct type type = type_of((enum type_id)random_below(&random, TYPE_COUNT));
		if (value_receive(type, slice_of(bytes, size), &arena, &value) == STATUS_OK) {
			text.size = 0;
			value_format(&value, &text);
		}
		mem_free(bytes);
	}
}

static void test_text_must_be_utf8_without_nul(void **unused)
{
	(void)unused;
	static const char *const bad[] = {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
		"\xc3", "long enough for words\xe2\x82", "\x80"};
	struct value value;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
			value_parse(type_of(TYPE_TEXT), slice_of_string(bad[i]), &arena, &value), STATUS_BAD_ENCODING);
	assert_int_equal(
		value_parse(type_of(TYPE_TEXT), slice_of("eight by\0te", 11), &arena, &value), STATUS_BAD_ENCODING);
	assert_int_equal(
		value_parse(type_of(TYPE_TEXT), slice_of_string("äöü € 😀 \xf4\x8f\xbf\xbf"), &arena, &value),
		STATUS_OK);
	assert_int_equal(
		value_receive(type_of(TYPE_TEXT), slice_of_string("\xff"), &arena, &value), STATUS_BAD_ENCODING);
}

static int open_arena(void **unused)
{
	(void)unused;
	arena_init(&arena);
	buffer_init(&text);
	return 0;
}

static int close_arena(void **unused)
{
	(void)unused;
	arena_deinit(&arena);
	buffer_deinit(&text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_forms_are_postgresqls),
		cmocka_unit_test(test_binary_forms_are_postgresqls),
		cmocka_unit_test(test_hostile_binary_is_refused_quietly),
		cmocka_unit_test(test_text_must_be_utf8_without_nul),
	};
	return cmocka_run_group_tests_name("zset/value_io", tests, open_arena, close_arena);
}
