/* The fast reader says what the reference reader says: seeded records of changing shapes, most of them good,
 * many mutated by a byte, are decoded by both; rows, nulls, bad records and their words must be the same.
 * That the fast reader is really taken is checked too.
 *
 * KAPPA_TEST_SEED chooses the seed, KAPPA_TEST_ROUNDS the number of rounds (of 200 records each).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support_decode.h"

enum { ROUND_RECORDS = 200, ROUNDS_DEFAULT = 400 };

static uint64_t random_state;

static uint64_t random_word(void)
{
	random_state += 0x9e3779b97f4a7c15ULL;
	return hash_mix(random_state);
}

static unsigned random_below(unsigned limit)
{
	return (unsigned)(random_word() % limit);
}

static const char *pick(const char *const *choices, size_t count)
{
	return choices[random_below((unsigned)count)];
}
#define PICK(choices) pick(choices, sizeof(choices) / sizeof(choices)[0])

/* ---- records ---- */

static const char *const strings[] = {"\"\"", "\"x\"", "\"Apple\"", "\"gr\xc3\xbc\xc3\x9f\"", "\"a\\nb\"",
	"\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"0123456789abcdef\"", "\"0123456789abcdef0123456789abcdefg\"",
	"\"\\u0000\"", "\"12\"", "\"-7\"", "\"1.5\"", "\"true\"", "\"\xff\"",
	"\"\xe2\x82\xac uro, a longer one, sixteen and more\"", "\"\\\"quoted\\\"\""};
static const char *const numbers[] = {"0", "-0", "1", "-1", "7", "42", "65536", "2147483647", "2147483648",
	"-2147483648", "123456789012345678", "1234567890123456789", "9223372036854775807", "9223372036854775808",
	"12345678", "1234567", "123456789", "01", "1.0", "1.5", "-0.001", "1e3", "1E-3", "1.25e+2", "1e400",
	"0.1", "3.141592653589793", "1.", ".5", "-", "1577836800000", "99999999999999999999999999999999999999",
	"9007199254740993"};
static const char *const times[] = {"\"2001-01-01T00:03:00\"", "\"2001-01-01 00:03:00.5\"",
	"\"2001-01-02 23:59:59.123456\"", "\"2001-01-01 00:03:00.1234567\"", "\"2001-01-01T00:03:00Z\"",
	"\"2001-01-01T00:03:00+02\"", "\"2001-02-29 00:00:00\"", "\"2001-01-01\"", "\"2004-02-29\"",
	"\"infinity\"", "\"2001-01-01 24:00:00\"", "\"2001-01-01 00:60:00\"", "\"2001-1-1 00:00:00\"",
	"\"2001-01-0112:00:00\"", "\"0000-01-01 00:00:00\"", "\"2001-01-01 00:03:00.\"", "\"2001-01-01x\""};
static const char *const others[] = {"null", "true", "false", "{}", "[]", "{\"a\":1}", "[1,2,[3]]",
	"{\"x\":{\"y\":[null]}}", "nul", "tru", "[1,]", "{\"a\"}", ""};

static void append_value(struct buffer *out)
{
	switch (random_below(8)) {
	case 0:
	case 1:
		buffer_append_string(out, PICK(strings));
		break;
	case 2:
	case 3:
		buffer_append_string(out, PICK(numbers));
		break;
	case 4:
		buffer_append_string(out, PICK(times));
		break;
	case 5:
		buffer_append_string(out, PICK(others));
		break;
	case 6:
		buffer_printf(out, "%lld", (long long)random_word() >> random_below(64));
		break;
	default:
		buffer_printf(out, "\"%.*s\"", (int)random_below(60),
			"the quick brown fox jumps over the lazy dog and then some more of it");
		break;
	}
}

/* A value that the column will mostly take, so that records are mostly good. */
static void append_value_of(struct buffer *out, enum type_id type)
{
	if (random_below(12) == 0) {
		append_value(out);
		return;
	}
	switch (type) {
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		buffer_printf(out, "%lld", (long long)random_word() >> (49 + random_below(15)));
		break;
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
	case TYPE_NUMERIC:
		buffer_printf(
			out, "%lld.%02u", (long long)random_word() >> (32 + random_below(32)), random_below(100));
		break;
	case TYPE_BOOL:
		buffer_append_string(out, random_below(2) != 0 ? "true" : "false");
		break;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		buffer_printf(out, "\"2001-%02u-%02u %02u:%02u:%02u.%03u\"", 1 + random_below(12),
			1 + random_below(28), random_below(24), random_below(60), random_below(60), random_below(1000));
		break;
	case TYPE_DATE:
		buffer_printf(out, "\"2001-%02u-%02u\"", 1 + random_below(12), 1 + random_below(28));
		break;
	default:
		buffer_append_string(out, PICK(strings));
		break;
	}
}

static void append_object(struct buffer *out, const struct table_fixture *table, unsigned spacing)
{
	static const char *const colons[] = {":", ": ", " : "}, *const commas[] = {",", ", ", ",\n\t"};
	buffer_append_byte(out, '{');
	unsigned count = (unsigned)table->options.visible_count, members = 0;
	unsigned first = random_below(8) == 0 ? random_below(count) : 0;
	for (unsigned i = 0; i < count; i++) {
		const struct field *field = &table->fields[(first + i) % count];
		if (random_below(20) == 0)
			continue; /* missing */
		unsigned times_met = random_below(60) == 0 ? 2 : 1;
		for (; times_met > 0; times_met--) {
			buffer_append_string(out, members++ == 0 ? "" : commas[spacing]);
			if (random_below(40) == 0)
				buffer_printf(out, "\"%c%s\"", field->name[0] & ~0x20, field->name + 1);
			else
				buffer_printf(out, "\"%s\"", field->name);
			buffer_append_string(out, colons[spacing]);
			append_value_of(out, field->type.id);
		}
		if (random_below(30) == 0) {
			buffer_printf(out, "%s\"other%u\"%s", commas[spacing], random_below(3), colons[spacing]);
			append_value(out);
		}
	}
	buffer_append_byte(out, '}');
}

static void append_record(struct buffer *out, const struct table_fixture *table)
{
	unsigned spacing = random_below(16) == 0 ? 1 + random_below(2) : 0;
	switch (random_below(24)) {
	case 0:
		buffer_append_string(out, "{\"schema\":{\"type\":\"struct\"},\"payload\":");
		append_object(out, table, spacing);
		buffer_append_string(out, "}");
		break;
	case 1:
		buffer_append_string(out, "{\"payload\":");
		append_object(out, table, spacing);
		buffer_append_string(out, random_below(4) == 0 ? "}" : ",\"schema\":null}");
		break;
	case 2: /* looks like an envelope, and is none */
		buffer_append_string(out, "{\"schema\":1,\"payload\":");
		append_value(out);
		buffer_append_string(out, random_below(2) == 0 ? ",\"c0\":1}" : "}");
		break;
	default:
		append_object(out, table, spacing);
		break;
	}
	if (random_below(40) == 0)
		buffer_append_string(out, "\n");
	if (random_below(8) != 0 || out->size == 0)
		return;
	/* a mutation */
	size_t at = random_word() % out->size;
	static const char bytes[] = "{}[]\",:\\ .eE-+0019tfn\x01\x80\xc3\xff";
	switch (random_below(4)) {
	case 0:
		out->data[at] = (uint8_t)bytes[random_below(sizeof bytes - 1)];
		break;
	case 1:
		memmove(out->data + at, out->data + at + 1, out->size - at - 1);
		out->size--;
		break;
	case 2:
		out->size = at; /* cut off */
		break;
	default:
		buffer_append_byte(out, 0);
		memmove(out->data + at + 1, out->data + at, out->size - at - 1);
		out->data[at] = (uint8_t)bytes[random_below(sizeof bytes - 1)];
		break;
	}
}

/* ---- comparing ---- */

static bool values_same(const struct value *left, const struct value *right)
{
	if (left->null || right->null)
		return left->null && right->null;
	switch (type_physical(left->type.id)) {
	case PHYS_BOOL:
		return left->boolean == right->boolean;
	case PHYS_I64:
		return left->i64 == right->i64;
	case PHYS_F64:
		return memcmp(&left->f64, &right->f64, sizeof left->f64) == 0;
	case PHYS_DECIMAL:
		return left->decimal.value == right->decimal.value && left->decimal.scale == right->decimal.scale;
	case PHYS_TEXT:
		return slice_equal(
			slice_of(left->text.data, left->text.size), slice_of(right->text.data, right->text.size));
	case PHYS_INTERVAL:
		return memcmp(&left->interval, &right->interval, sizeof left->interval) == 0;
	}
	return false;
}

static void results_same(const struct decode_result *left, const struct decode_result *right)
{
	assert_int_equal(left->batch->row_count, right->batch->row_count);
	assert_int_equal(left->bad_count, right->bad_count);
	assert_int_equal(left->next_offset, right->next_offset);
	assert_int_equal(left->max_event_time_us, right->max_event_time_us);
	for (size_t i = 0; i < left->bad_count; i++) {
		assert_int_equal(left->bad[i].offset, right->bad[i].offset);
		assert_string_equal(left->bad[i].error, right->bad[i].error);
	}
	for (uint32_t c = 0; c < left->batch->column_count; c++) {
		for (uint32_t row = 0; left->batch->columns[c].values != NULL && row < left->batch->row_count;
			 row++) {
			struct value a = column_value(&left->batch->columns[c], row);
			struct value b = column_value(&right->batch->columns[c], row);
			if (!values_same(&a, &b))
				fail_msg("column %u, row %u differ", c, row);
		}
	}
}

/* One table, several runs with the same two decoders. */
static void round_play(const char *columns, bool partly_wanted, unsigned runs)
{
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, columns);
	for (size_t c = 0; partly_wanted && c < table.options.schema.field_count; c++)
		table.wanted[c] = random_below(2) != 0;
	for (size_t c = 0; c < table.options.visible_count; c++) {
		enum type_id type = table.fields[c].type.id;
		if (type == TYPE_TIMESTAMP || type == TYPE_DATE)
			table.options.event_time_column = (int32_t)c;
	}
	struct decoder *fast, *reference;
	assert_int_equal(decoder_create(&table.options, &fast), STATUS_OK);
	assert_int_equal(decoder_create(&table.options, &reference), STATUS_OK);
	decoder_disable_shapes(reference);
	struct buffer record = {0};
	for (unsigned run = 0; run < runs; run++) {
		table.bytes.size = 0;
		table.next_offset = 0;
		for (int i = 0; i < ROUND_RECORDS; i++) {
			record.size = 0;
			append_record(&record, &table);
			(void)buffer_reserve(&record, 1);
			table_add_slice(&table, (struct slice){0}, buffer_slice(&record));
			if (random_below(50) == 0)
				table_seal(&table, random_below(2) == 0 ? CODEC_NONE : CODEC_LZ4);
		}
		table_decode(&table, reference);
		struct decode_result expected = table.result;
		table_decode(&table, fast);
		/* Text of the first result lies in bytes that are gone; decode it again from the ones that are there.
		 */
		assert_int_equal(decoder_run(reference, slice_of(table.exact, table.bytes.size), 3, 0,
							 table.next_offset, &table.arena, &expected),
			STATUS_OK);
		results_same(&table.result, &expected);
		arena_reset(&table.arena);
	}
	buffer_deinit(&record);
	decoder_destroy(fast);
	decoder_destroy(reference);
	table_teardown(&table);
}

static void fast_reader_agrees_with_reference(void **state)
{
	(void)state;
	const char *seed = getenv("KAPPA_TEST_SEED"), *rounds_text = getenv("KAPPA_TEST_ROUNDS");
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : 0x5eed;
	unsigned rounds = rounds_text != NULL ? (unsigned)strtoul(rounds_text, NULL, 10) : ROUNDS_DEFAULT;
	print_message("seed %llu, %u rounds\n", (unsigned long long)random_state, rounds);
	static const char *const tables[] = {
		"c0 bigint, c1 text, c2 timestamp, c3 double",
		"c0 int !, c1 text",
		"c0 text, c1 numeric, c2 date, c3 bool, c4 smallint, c5 real",
		"c0 timestamptz, c1 bytea, c2 interval, c3 varchar, c4 bigint",
		"c0 double",
	};
	for (unsigned round = 0; round < rounds; round += 4) {
		char columns[512];
		(void)snprintf(columns, sizeof columns, "%s", PICK(tables));
		for (char *at = columns; (at = strstr(at, "double")) != NULL;)
			memcpy(at, "float8", 6);
		round_play(columns, random_below(3) == 0, 4);
	}
}

/* More columns than a word has bits. */
static void wide_tables_agree_with_reference(void **state)
{
	(void)state;
	random_state = 77;
	struct buffer columns = {0};
	for (int c = 0; c < 80; c++)
		buffer_printf(&columns, "%sc%d int", c == 0 ? "" : ",", c);
	buffer_append_byte(&columns, 0);
	round_play((const char *)columns.data, false, 3);
	buffer_deinit(&columns);
}

/* Where a record ends, the next begins: nothing of it may be taken for the first. */
static void every_prefix_of_a_record_agrees_with_reference(void **state)
{
	(void)state;
	static const char record[] = "{\"c0\":12345678901,\"c1\":\"text and text and text\",\"c2\":\"2001-01-01 "
								 "00:03:00.250\",\"c3\":1.25}";
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "c0 bigint, c1 text, c2 timestamp, c3 float8");
	for (size_t size = 0; size < sizeof record; size++) {
		table_add(&table, record);
		table_add_slice(&table, (struct slice){0}, slice_of(record, size));
	}
	table_run(&table, false);
	assert_int_equal(table.result.batch->row_count, sizeof record + 1);
	assert_int_equal(table.result.bad_count, sizeof record - 1);
	struct decode_result fast = table.result;
	struct decoder *reference;
	assert_int_equal(decoder_create(&table.options, &reference), STATUS_OK);
	decoder_disable_shapes(reference);
	struct decode_result expected;
	assert_int_equal(decoder_run(reference, slice_of(table.exact, table.bytes.size), 3, 0, table.next_offset,
						 &table.arena, &expected),
		STATUS_OK);
	results_same(&fast, &expected);
	decoder_destroy(reference);
	table_teardown(&table);
}

/* Reads one record with the fast reader alone. */
static bool fast_alone(struct decoder *decoder, struct table_fixture *table, const char *text)
{
	uint8_t *padded = arena_alloc_zeroed(&table->arena, strlen(text) + DECODE_PADDING);
	memcpy(padded, text, strlen(text));
	decoder->arena = &table->arena;
	decoder->row = 0;
	return shape_read(decoder, slice_of(padded, strlen(text)));
}

static void learned_shapes_are_taken(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "a bigint, b text, c timestamp");
	struct decoder *decoder;
	assert_int_equal(decoder_create(&table.options, &decoder), STATUS_OK);
	table_add(&table, "{\"a\":1,\"b\":\"x\",\"c\":\"2001-01-01 00:00:00\"}");
	table_add(&table, "{\"a\":1,\"c\":\"2001-01-01 00:00:00\"}");
	table_add(&table, "{\"schema\":{},\"payload\":{\"a\":1,\"zz\":[1]}}");
	table_decode(&table, decoder);
	assert_int_equal(table.result.bad_count, 0);
	assert_true(fast_alone(decoder, &table, "{\"a\":-77,\"b\":\"\xc3\xbc\",\"c\":null}"));
	assert_true(fast_alone(decoder, &table, "{\"a\":5,\"b\":\"esc\\u0061ped\",\"c\":1234}"));
	assert_true(fast_alone(decoder, &table, "{\"a\":2,\"c\":\"2002-01-01T00:00:00Z\"}"));
	assert_true(fast_alone(decoder, &table, "{\"schema\":{},\"payload\":{\"a\":9,\"zz\":{}}}"));
	/* wrappers are not mixed, and nothing is taken that was not there */
	assert_false(fast_alone(decoder, &table, "{\"schema\":{},\"payload\":{\"a\":9,\"zz\":{}}"));
	assert_false(fast_alone(decoder, &table, "{\"a\":2,\"c\":null}}"));
	assert_false(fast_alone(decoder, &table, "{\"a\":2,\"c\":null"));
	assert_false(fast_alone(decoder, &table, "{\"a\":2,\"c\":nul}"));
	assert_false(fast_alone(decoder, &table, "{\"a\":02,\"c\":null}"));
	decoder_destroy(decoder);
	table_teardown(&table);
}

/* Keys without end: the graph stays bounded and the records are still read. */
static void endless_keys_are_read(void **state)
{
	(void)state;
	struct table_fixture table;
	table_setup(&table, DECODE_JSON, "a int");
	char text[64];
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof text, "{\"key%d\":1,\"a\":%d}", i, i);
		table_add(&table, text);
	}
	table_run(&table, false);
	assert_int_equal(table.result.batch->row_count, 5000);
	assert_int_equal(table.result.batch->columns[0].i64[4999], 4999);
	table_teardown(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fast_reader_agrees_with_reference),
		cmocka_unit_test(wide_tables_agree_with_reference),
		cmocka_unit_test(every_prefix_of_a_record_agrees_with_reference),
		cmocka_unit_test(learned_shapes_are_taken),
		cmocka_unit_test(endless_keys_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
