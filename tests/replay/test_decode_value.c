/* Conversions done in line mean what the type library says: seeded and mutated texts through both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support_decode.h"

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
	random_state += 0x9e3779b97f4a7c15ULL;
	return (unsigned)(hash_mix(random_state) % limit);
}

static void mutate(char *text, const char *bytes)
{
	if (random_below(3) == 0)
		text[random_below((unsigned)strlen(text))] = bytes[random_below((unsigned)strlen(bytes))];
}

static void random_timestamp(char *text, size_t size)
{
	(void)snprintf(text, size, "%04u-%02u-%02u%c%02u:%02u:%02u",
		random_below(20) == 0 ? random_below(9999) : 2000 + random_below(30), random_below(14),
		random_below(33), random_below(4) != 0 ? ' ' : 'T', random_below(26), random_below(62),
		random_below(62));
	if (random_below(2) == 0)
		(void)snprintf(text + strlen(text), size - strlen(text), ".%.*s", (int)random_below(9), "502945671");
	if (random_below(6) == 0)
		(void)snprintf(text + strlen(text), size - strlen(text), "Z");
	if (random_below(6) == 0)
		text[10] = 0;
	mutate(text, "0123456789-:. TZ+a");
}

static void random_number(char *text, size_t size)
{
	(void)snprintf(text, size, "%s%.*s", random_below(3) == 0 ? "-" : "", (int)(1 + random_below(22)),
		&"9081726354453627180912345"[random_below(3)]);
	if (random_below(2) == 0)
		(void)snprintf(
			text + strlen(text), size - strlen(text), ".%.*s", (int)(1 + random_below(9)), "0506070809");
	if (random_below(4) == 0)
		(void)snprintf(text + strlen(text), size - strlen(text), "e%d", (int)random_below(60) - 30);
}

/* What decode_put_… makes of it must be what value_parse makes of it. */
static void same_as_library(struct decoder *decoder, struct table_fixture *table, uint32_t column,
	const char *text, enum token_kind kind)
{
	decoder->arena = &table->arena;
	decoder->row = 0;
	int64_t slot[4] = {0};
	decoder->columns[column].values = slot;
	char padded[256] = {0};
	memcpy(padded, text, strlen(text));
	struct token token = {kind, slice_of(padded, strlen(text))};
	bool put = decode_put_token(decoder, column, &token);
	struct value value;
	status result = value_parse(table->fields[column].type, token.text, &table->arena, &value);
	if (put != (result == STATUS_OK))
		fail_msg("'%s' as %s: %s by the decoder, %s by the library", text,
			type_name(table->fields[column].type.id), put ? "read" : "refused",
			result == STATUS_OK ? "read" : error_current()->text);
	if (!put)
		return;
	const struct column read = {.type = table->fields[column].type, .values = slot};
	struct value got = column_value(&read, 0);
	bool same = type_physical(got.type.id) == PHYS_DECIMAL
					? got.decimal.value == value.decimal.value && got.decimal.scale == value.decimal.scale
					: got.i64 == value.i64;
	if (!same)
		fail_msg("'%s' as %s: another value", text, type_name(table->fields[column].type.id));
}

static void conversions_in_line_are_the_librarys(void **state)
{
	(void)state;
	const char *seed = getenv("KAPPA_TEST_SEED");
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : 4711;
	print_message("seed %llu\n", (unsigned long long)random_state);
	struct table_fixture table;
	table_setup(
		&table, DECODE_JSON, "a timestamp, b timestamptz, c date, d bigint, e float8, f numeric, g smallint");
	struct decoder *decoder;
	assert_int_equal(decoder_create(&table.options, &decoder), STATUS_OK);
	char text[128];
	for (int i = 0; i < 60000; i++) {
		random_timestamp(text, sizeof text);
		for (uint32_t c = 0; c < 3; c++)
			same_as_library(decoder, &table, c, text, TOKEN_STRING);
		random_number(text, sizeof text);
		same_as_library(decoder, &table, 4, text, TOKEN_NUMBER);
		same_as_library(decoder, &table, 5, text, TOKEN_NUMBER);
		mutate(text, "0123456789-. +");
		same_as_library(decoder, &table, 3, text, TOKEN_STRING);
		same_as_library(decoder, &table, 6, text, TOKEN_STRING);
		if (table.arena.used_bytes > 1 << 20)
			arena_reset(&table.arena);
	}
	decoder_destroy(decoder);
	table_teardown(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(conversions_in_line_are_the_librarys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
