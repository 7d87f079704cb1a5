/* Tables as psql, CSV and JSON show them. That aligned tables equal psql's is tested against psql in
 * tests/e2e. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "server/cli_internal.h"

static void check(void (*print)(const struct cli_table *table, struct buffer *out),
	const struct cli_table *table, const char *expected)
{
	struct buffer out;
	buffer_init(&out);
	print(table, &out);
	buffer_append_byte(&out, 0);
	assert_string_equal((const char *)out.data, expected);
	buffer_deinit(&out);
}

static void aligned(const struct cli_table *table, struct buffer *out)
{
	cli_table_aligned(table, true, out);
}

static void airports(struct cli_table *table)
{
	cli_table_init(table);
	cli_table_column(table, "origin", CLI_COLUMN_TEXT);
	cli_table_column(table, "flights", CLI_COLUMN_NUMBER);
	cli_table_column(table, "avg", CLI_COLUMN_NUMBER);
	cli_table_column(table, "hub", CLI_COLUMN_BOOL);
	cli_table_cell(table, "ATL");
	cli_table_cell(table, "117436");
	cli_table_cellf(table, "%.2f", 9.934);
	cli_table_cell(table, "t");
	cli_table_cell(table, NULL);
	cli_table_cell(table, "7");
	cli_table_cell(table, "NaN");
	cli_table_cell(table, NULL);
}

static void numbers_stand_right_and_names_in_the_middle(void **state)
{
	(void)state;
	struct cli_table table;
	airports(&table);
	assert_int_equal(cli_table_rows(&table), 2);
	check(aligned, &table,
		" origin | flights | avg  | hub \n"
		"--------+---------+------+-----\n"
		" ATL    |  117436 | 9.93 | t\n"
		"        |       7 |  NaN | \n"
		"(2 rows)\n\n");
	check(cli_table_csv, &table, "origin,flights,avg,hub\nATL,117436,9.93,t\n,7,NaN,\n");
	check(cli_table_json, &table,
		"[\n  {\"origin\": \"ATL\", \"flights\": 117436, \"avg\": 9.93, \"hub\": true},\n"
		"  {\"origin\": null, \"flights\": 7, \"avg\": \"NaN\", \"hub\": null}\n]\n");
	cli_table_deinit(&table);
}

static void lines_of_a_cell_are_continued_with_a_plus(void **state)
{
	(void)state;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "q", CLI_COLUMN_TEXT);
	cli_table_column(&table, "n", CLI_COLUMN_NUMBER);
	cli_table_column(&table, "last", CLI_COLUMN_TEXT);
	cli_table_cell(&table, "SELECT\n  1");
	cli_table_cell(&table, "5");
	cli_table_cell(&table, "a\nbc");
	check(aligned, &table,
		"   q    | n | last \n"
		"--------+---+------\n"
		" SELECT+| 5 | a   +\n"
		"   1    |   | bc\n"
		"(1 row)\n\n");
	cli_table_deinit(&table);
}

static void width_is_counted_in_columns_of_the_terminal(void **state)
{
	(void)state;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "x", CLI_COLUMN_TEXT);
	cli_table_column(&table, "y", CLI_COLUMN_TEXT);
	cli_table_cell(&table, "é");
	cli_table_cell(&table, "a\tb");
	cli_table_cell(&table, "日本");
	cli_table_cell(&table, "\x01\r");
	check(aligned, &table,
		"  x   |     y     \n"
		"------+-----------\n"
		" é    | a       b\n"
		" 日本 | \\x01\\r\n"
		"(2 rows)\n\n");
	cli_table_deinit(&table);
}

static void no_rows_and_no_columns_are_shown_as_such(void **state)
{
	(void)state;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "a", CLI_COLUMN_NUMBER);
	check(aligned, &table, " a \n---\n(0 rows)\n\n");
	check(cli_table_csv, &table, "a\n");
	check(cli_table_json, &table, "[]\n");
	cli_table_deinit(&table);
}

static void csv_quotes_what_needs_it_and_tells_empty_from_null(void **state)
{
	(void)state;
	struct cli_table table;
	cli_table_init(&table);
	cli_table_column(&table, "a,b", CLI_COLUMN_TEXT);
	cli_table_column(&table, "c", CLI_COLUMN_TEXT);
	cli_table_cell(&table, "say \"x\"");
	cli_table_cell(&table, "");
	cli_table_cell(&table, "two\nlines");
	cli_table_cell(&table, NULL);
	check(cli_table_csv, &table, "\"a,b\",c\n\"say \"\"x\"\"\",\"\"\n\"two\nlines\",\n");
	cli_table_deinit(&table);
}

int main(void)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_stand_right_and_names_in_the_middle),
		cmocka_unit_test(lines_of_a_cell_are_continued_with_a_plus),
		cmocka_unit_test(width_is_counted_in_columns_of_the_terminal),
		cmocka_unit_test(no_rows_and_no_columns_are_shown_as_such),
		cmocka_unit_test(csv_quotes_what_needs_it_and_tells_empty_from_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
