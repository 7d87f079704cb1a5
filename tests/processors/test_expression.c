/* Evaluation: three-valued logic, which rows reach a branch that fails, constants and columns alike,
 * canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "processors/expression.h"

struct fixture {
	struct arena arena;
};

static int open_arena(void **state)
{
	struct fixture *fixture = mem_alloc_zeroed(1, sizeof *fixture);
	arena_init(&fixture->arena);
	*state = fixture;
	return 0;
}

static int close_arena(void **state)
{
	struct fixture *fixture = *state;
	arena_deinit(&fixture->arena);
	mem_free(fixture);
	return 0;
}

/* ---- making expressions ---- */

static const struct expression *integer(struct arena *arena, int64_t number)
{
	struct value value = {.type = type_of(TYPE_INT4), .i64 = number};
	return expression_constant(arena, &value);
}

static const struct expression *null_of(struct arena *arena, enum type_id id)
{
	struct value value = {.type = type_of(id), .null = true};
	return expression_constant(arena, &value);
}

static const struct expression *boolean(struct arena *arena, int truth) /* −1 = null */
{
	struct value value = {.type = type_of(TYPE_BOOL), .null = truth<0, .boolean = truth> 0};
	return expression_constant(arena, &value);
}

static const struct expression *text(struct arena *arena, const char *characters)
{
	struct value value = {
		.type = type_of(TYPE_TEXT), .text = {.data = characters, .size = (uint32_t)strlen(characters)}};
	return expression_constant(arena, &value);
}

static const struct expression *column(struct arena *arena, uint32_t index, enum type_id id)
{
	return expression_column(arena, index, type_of(id));
}

static const struct expression *call(
	struct arena *arena, const char *name, const struct expression *left, const struct expression *right)
{
	const struct expression *arguments[2] = {left, right};
	enum type_id types[2] = {left->type.id, right == NULL ? TYPE_UNKNOWN : right->type.id};
	size_t count = right == NULL ? 1 : 2;
	const struct function *function;
	assert_int_equal(function_resolve(name, types, count, &function), STATUS_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(function->arguments[i], types[i]);
	return expression_call(arena, function, arguments, count);
}

static const struct expression *node(
	struct arena *arena, enum expression_kind kind, enum type_id id, size_t count, ...)
{
	const struct expression *arguments[64];
	va_list list;
	va_start(list, count);
	for (size_t i = 0; i < count; i++)
		arguments[i] = va_arg(list, const struct expression *);
	va_end(list);
	return expression_of(arena, kind, type_of(id), arguments, count);
}

/* A batch of integer columns; INT64_MIN stands for null. */
#define NIL INT64_MIN
static struct batch *integers(struct arena *arena, uint32_t rows, uint32_t columns, const int64_t *values)
{
	struct batch *batch = arena_alloc_zeroed(arena, sizeof *batch);
	batch->row_count = rows;
	batch->column_count = columns;
	batch->columns = arena_alloc_zeroed(arena, columns * sizeof *batch->columns);
	for (uint32_t c = 0; c < columns; c++) {
		batch->columns[c] = column_make(arena, type_of(TYPE_INT4), rows, false);
		for (uint32_t row = 0; row < rows; row++) {
			int64_t value = values[row * columns + c];
			batch->columns[c].i64[row] = value == NIL ? 0 : value;
			if (value != NIL)
				continue;
			column_ensure_nulls(&batch->columns[c], rows, arena);
			batch->columns[c].nulls[row] = 1;
		}
	}
	return batch;
}

/* The column as text, "1,_,3". */
static const char *shown(struct arena *arena, const struct column *column, uint32_t rows)
{
	struct buffer out = {0};
	for (uint32_t row = 0; row < rows; row++) {
		struct value value = column_value(column, row);
		if (row > 0)
			buffer_append_byte(&out, ',');
		if (value.null)
			buffer_append_byte(&out, '_');
		else
			value_format(&value, &out);
	}
	buffer_append_byte(&out, 0);
	const char *copy = arena_copy_string(arena, (const char *)out.data);
	buffer_deinit(&out);
	return copy;
}

static const char *evaluated(
	struct arena *arena, const struct expression *expression, const struct batch *batch)
{
	struct column out;
	status result = expression_evaluate(expression, batch, NULL, arena, &out);
	if (result != STATUS_OK)
		return status_name(result);
	return shown(arena, &out, batch->row_count);
}

/* ---- logic ---- */

static int and_of(int left, int right)
{
	return left == 0 || right == 0 ? 0 : left < 0 || right < 0 ? -1 : 1;
}

static int or_of(int left, int right)
{
	return left == 1 || right == 1 ? 1 : left < 0 || right < 0 ? -1 : 0;
}

static int truth_of(const struct value *value)
{
	return value->null ? -1 : value->boolean;
}

static void connectives_follow_three_valued_logic(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	/* All nine pairs, as constants and as columns. */
	struct batch *batch = arena_alloc_zeroed(arena, sizeof *batch);
	*batch = (struct batch){.row_count = 9, .column_count = 2};
	batch->columns = arena_alloc(arena, 2 * sizeof *batch->columns);
	for (uint32_t c = 0; c < 2; c++) {
		batch->columns[c] = column_make(arena, type_of(TYPE_BOOL), 9, true);
		for (uint32_t row = 0; row < 9; row++) {
			int truth = (int)(c == 0 ? row / 3 : row % 3) - 1;
			batch->columns[c].booleans[row] =
				truth < 0 ? (uint8_t)row : (uint8_t)truth; /* garbage under nulls */
			batch->columns[c].nulls[row] = truth < 0;
		}
	}
	for (int kind = 0; kind < 2; kind++) {
		enum expression_kind which = kind == 0 ? EXPR_AND : EXPR_OR;
		const struct expression *of_columns =
			node(arena, which, TYPE_BOOL, 2, column(arena, 0, TYPE_BOOL), column(arena, 1, TYPE_BOOL));
		struct column out;
		assert_int_equal(expression_evaluate(of_columns, batch, NULL, arena, &out), STATUS_OK);
		for (int row = 0; row < 9; row++) {
			int left = row / 3 - 1, right = row % 3 - 1;
			int expected = kind == 0 ? and_of(left, right) : or_of(left, right);
			struct value value = column_value(&out, (uint32_t)row);
			assert_int_equal(truth_of(&value), expected);
			const struct expression *constant =
				node(arena, which, TYPE_BOOL, 2, boolean(arena, left), boolean(arena, right));
			assert_int_equal(expression_evaluate_constant(constant, NULL, arena, &value), STATUS_OK);
			assert_int_equal(truth_of(&value), expected);
			const struct expression *mixed =
				node(arena, which, TYPE_BOOL, 2, boolean(arena, left), column(arena, 1, TYPE_BOOL));
			struct column mixed_out;
			assert_int_equal(expression_evaluate(mixed, batch, NULL, arena, &mixed_out), STATUS_OK);
			value = column_value(&mixed_out, (uint32_t)row);
			assert_int_equal(truth_of(&value), expected);
		}
	}
}

static void tests_of_truth_and_null_are_never_null(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	static const int expected[6][3] = {/* of null, false, true */
		[TEST_NULL] = {1, 0, 0},
		[TEST_NOT_NULL] = {0, 1, 1},
		[TEST_TRUE] = {0, 0, 1},
		[TEST_NOT_TRUE] = {1, 1, 0},
		[TEST_FALSE] = {0, 1, 0},
		[TEST_NOT_FALSE] = {1, 0, 1}};
	for (int test = 0; test < 6; test++) {
		for (int truth = -1; truth <= 1; truth++) {
			const struct expression *argument = boolean(arena, truth);
			struct expression *expression = expression_of(arena, EXPR_TEST, type_of(TYPE_BOOL), &argument, 1);
			expression->test = (enum expression_test)test;
			struct value value;
			assert_int_equal(expression_evaluate_constant(expression, NULL, arena, &value), STATUS_OK);
			assert_int_equal(truth_of(&value), expected[test][truth + 1]);
		}
		int64_t numbers[] = {1, NIL, 0};
		struct batch *batch = integers(arena, 3, 1, numbers);
		if (test != TEST_NULL && test != TEST_NOT_NULL)
			continue;
		const struct expression *argument = column(arena, 0, TYPE_INT4);
		struct expression *expression = expression_of(arena, EXPR_TEST, type_of(TYPE_BOOL), &argument, 1);
		expression->test = (enum expression_test)test;
		assert_string_equal(evaluated(arena, expression, batch), test == TEST_NULL ? "f,t,f" : "t,f,t");
	}
}

/* ---- rows that reach a failing branch ---- */

static const struct expression *divides(struct arena *arena) /* #0 / #1 */
{
	return call(arena, "/", column(arena, 0, TYPE_INT4), column(arena, 1, TYPE_INT4));
}

static void a_failing_operand_is_evaluated_only_for_undecided_rows(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {6, 3, 6, 0, NIL, 0, 9, NIL, 8, 2};
	struct batch *batch = integers(arena, 5, 2, values);
	const struct expression *nonzero = call(arena, "<>", column(arena, 1, TYPE_INT4), integer(arena, 0));
	const struct expression *zero = call(arena, "=", column(arena, 1, TYPE_INT4), integer(arena, 0));
	const struct expression *quotient_over_2 = call(arena, ">", divides(arena), integer(arena, 2));
	assert_true(expression_can_fail(quotient_over_2));
	assert_false(expression_can_fail(nonzero));
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_AND, TYPE_BOOL, 2, nonzero, quotient_over_2), batch), "f,f,f,_,t");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_OR, TYPE_BOOL, 2, zero, quotient_over_2), batch), "f,t,t,_,t");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_AND, TYPE_BOOL, 2, quotient_over_2, nonzero), batch),
		"DIVISION_BY_ZERO");
	uint32_t rows[5], count;
	assert_int_equal(expression_select(node(arena, EXPR_AND, TYPE_BOOL, 2, nonzero, quotient_over_2), batch,
						 NULL, arena, rows, &count),
		STATUS_OK);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0], 4);
}

static void case_evaluates_branches_only_where_they_are_taken(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {6, 3, 6, 0, NIL, 0, 9, NIL, 8, 2};
	struct batch *batch = integers(arena, 5, 2, values);
	const struct expression *zero = call(arena, "=", column(arena, 1, TYPE_INT4), integer(arena, 0));
	const struct expression *null_y =
		call(arena, "=", column(arena, 1, TYPE_INT4), null_of(arena, TYPE_INT4));
	assert_string_equal(evaluated(arena,
							node(arena, EXPR_CASE, TYPE_INT4, 5, null_y, integer(arena, -1), zero,
								integer(arena, 100), divides(arena)),
							batch),
		"2,100,100,_,4");
	/* Conditions are tried in order: the second may fail only where the first is not true. */
	const struct expression *small = call(arena, "<", divides(arena), integer(arena, 3));
	assert_string_equal(evaluated(arena,
							node(arena, EXPR_CASE, TYPE_INT4, 5, zero, integer(arena, 1), small,
								integer(arena, 2), integer(arena, 3)),
							batch),
		"2,1,1,3,3");
	/* Without anything that fails: blended. */
	assert_string_equal(evaluated(arena,
							node(arena, EXPR_CASE, TYPE_INT4, 3, zero, column(arena, 0, TYPE_INT4),
								column(arena, 1, TYPE_INT4)),
							batch),
		"3,6,_,_,2");
	assert_string_equal(
		evaluated(arena,
			node(arena, EXPR_CASE, TYPE_TEXT, 3, zero, text(arena, "zero"), null_of(arena, TYPE_TEXT)),
			batch),
		"_,zero,zero,_,_");
}

static void coalesce_takes_the_first_that_is_not_null(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {NIL, 3, 6, 0, NIL, NIL, 9, NIL};
	struct batch *batch = integers(arena, 4, 2, values);
	const struct expression *a = column(arena, 0, TYPE_INT4), *b = column(arena, 1, TYPE_INT4);
	assert_string_equal(evaluated(arena, node(arena, EXPR_COALESCE, TYPE_INT4, 2, a, b), batch), "3,6,_,9");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_COALESCE, TYPE_INT4, 3, a, b, integer(arena, 7)), batch),
		"3,6,7,9");
	/* #0 / #1 would fail in row 1, which does not get there. */
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_COALESCE, TYPE_INT4, 2, a, divides(arena)), batch), "_,6,_,9");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_COALESCE, TYPE_INT4, 2, integer(arena, 5), divides(arena)), batch),
		"5,5,5,5");
}

/* ---- sets ---- */

static void in_is_three_valued_and_finds_in_long_lists(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {1, 5, 2, 5, NIL, 5, 7, 7, 100, NIL};
	struct batch *batch = integers(arena, 5, 2, values);
	const struct expression *a = column(arena, 0, TYPE_INT4), *b = column(arena, 1, TYPE_INT4);
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_IN, TYPE_BOOL, 3, a, integer(arena, 1), integer(arena, 7)), batch),
		"t,f,_,t,f");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_IN, TYPE_BOOL, 3, a, integer(arena, 1), null_of(arena, TYPE_INT4)),
			batch),
		"t,_,_,_,_");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_IN, TYPE_BOOL, 3, a, integer(arena, 2), b), batch), "f,t,_,t,_");
	const struct expression *list[60];
	list[0] = a;
	for (size_t i = 1; i < 60; i++)
		list[i] = integer(arena, (int64_t)((i * 37) % 59) * 2); /* even numbers up to 116 */
	assert_string_equal(
		evaluated(arena, expression_of(arena, EXPR_IN, type_of(TYPE_BOOL), list, 60), batch), "f,t,_,f,t");
	list[30] = null_of(arena, TYPE_INT4);
	const char *with_null =
		evaluated(arena, expression_of(arena, EXPR_IN, type_of(TYPE_BOOL), list, 60), batch);
	assert_string_equal(with_null, "_,t,_,_,t");
	/* An item that fails is not looked at where another matched. */
	const struct expression *quotient =
		call(arena, "/", integer(arena, 14), call(arena, "-", a, integer(arena, 1)));
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_IN, TYPE_BOOL, 3, a, integer(arena, 1), quotient), batch),
		"t,f,_,f,f");
}

static void greatest_least_and_distinct_treat_nulls_their_way(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {1, 5, 5, 5, NIL, 5, 7, NIL, NIL, NIL};
	struct batch *batch = integers(arena, 5, 2, values);
	const struct expression *a = column(arena, 0, TYPE_INT4), *b = column(arena, 1, TYPE_INT4);
	assert_string_equal(evaluated(arena, node(arena, EXPR_GREATEST, TYPE_INT4, 2, a, b), batch), "5,5,5,7,_");
	assert_string_equal(evaluated(arena, node(arena, EXPR_LEAST, TYPE_INT4, 2, a, b), batch), "1,5,5,7,_");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_GREATEST, TYPE_INT4, 3, a, b, integer(arena, 6)), batch),
		"6,6,6,7,6");
	assert_string_equal(evaluated(arena, node(arena, EXPR_DISTINCT, TYPE_BOOL, 2, a, b), batch), "t,f,t,t,f");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_DISTINCT, TYPE_BOOL, 2, a, integer(arena, 5)), batch), "t,f,t,t,t");
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_DISTINCT, TYPE_BOOL, 2, null_of(arena, TYPE_INT4), b), batch),
		"t,t,t,f,f");
	assert_string_equal(
		evaluated(
			arena, node(arena, EXPR_GREATEST, TYPE_TEXT, 2, text(arena, "b"), text(arena, "aa")), batch),
		"b,b,b,b,b");
}

/* ---- rows and errors ---- */

static void columns_not_materialised_are_left_alone(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {6, 3, 6, 0, 9, 3};
	struct batch *batch = integers(arena, 3, 2, values);
	struct column *columns = arena_alloc_zeroed(arena, 3 * sizeof *columns);
	columns[0] = batch->columns[0];
	columns[1] = batch->columns[1];
	columns[2].type = type_of(TYPE_TEXT);
	struct batch wide = {.row_count = 3, .column_count = 3, .columns = columns};
	const struct expression *nonzero = call(arena, "<>", column(arena, 1, TYPE_INT4), integer(arena, 0));
	const struct expression *large = call(arena, ">", divides(arena), integer(arena, 2));
	assert_string_equal(
		evaluated(arena, node(arena, EXPR_AND, TYPE_BOOL, 2, nonzero, large), &wide), "f,f,t");
}

static void an_error_carries_the_position_of_its_call(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {6, 0};
	struct batch *batch = integers(arena, 1, 2, values);
	struct expression *quotient = arena_copy(arena, divides(arena), sizeof *quotient);
	quotient->position = 17;
	struct column out;
	assert_int_equal(
		expression_evaluate(call(arena, "+", quotient, integer(arena, 1)), batch, NULL, arena, &out),
		STATUS_DIVISION_BY_ZERO);
	assert_int_equal(error_current()->position, 17);
	assert_string_equal(error_current()->sqlstate, "22012");
	/* No rows, no error. */
	batch->row_count = 0;
	assert_int_equal(expression_evaluate(quotient, batch, NULL, arena, &out), STATUS_OK);
}

static void overflow_in_rows_that_are_null_is_no_error(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {INT32_MAX, NIL, 1, 1};
	struct batch *batch = integers(arena, 2, 2, values);
	batch->columns[1].i64[0] = INT32_MAX; /* under the null */
	const struct expression *sum = call(arena, "+", column(arena, 0, TYPE_INT4), column(arena, 1, TYPE_INT4));
	assert_string_equal(evaluated(arena, sum, batch), "_,2");
	batch->columns[1].nulls[0] = 0;
	assert_string_equal(evaluated(arena, sum, batch), "OUT_OF_RANGE");
	assert_string_equal(error_current()->text, "integer out of range");
}

static void parameters_are_constants_of_the_run(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const int64_t values[] = {1, 2, 3};
	struct batch *batch = integers(arena, 3, 1, values);
	struct expression *parameter = expression_of(arena, EXPR_PARAMETER, type_of(TYPE_INT4), NULL, 0);
	parameter->parameter = 0;
	const struct expression *sum = call(arena, "+", column(arena, 0, TYPE_INT4), parameter);
	assert_false(expression_is_constant(sum));
	struct value value = {.type = type_of(TYPE_INT4), .i64 = 10};
	struct evaluation evaluation = {.parameters = &value, .parameter_count = 1};
	struct column out;
	assert_int_equal(expression_evaluate(sum, batch, &evaluation, arena, &out), STATUS_OK);
	assert_string_equal(shown(arena, &out, 3), "11,12,13");
	evaluation.parameter_count = 0;
	assert_int_equal(expression_evaluate(sum, batch, &evaluation, arena, &out), STATUS_INVALID);
	assert_string_equal(error_current()->sqlstate, "42P02");
}

static void clock_functions_read_the_evaluation(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const struct function *now;
	assert_int_equal(function_resolve("now", NULL, 0, &now), STATUS_OK);
	const struct expression *expression = expression_call(arena, now, NULL, 0);
	assert_false(expression_is_constant(expression));
	struct evaluation evaluation = {.now_us = INT64_C(1000000000000000)};
	struct value value;
	assert_int_equal(expression_evaluate_constant(expression, &evaluation, arena, &value), STATUS_OK);
	assert_int_equal(value.i64, evaluation.now_us);
	assert_int_equal(value.type.id, TYPE_TIMESTAMPTZ);
	/* random() differs from row to row. */
	const struct function *random;
	assert_int_equal(function_resolve("random", NULL, 0, &random), STATUS_OK);
	const int64_t values[] = {1, 2, 3};
	struct column out;
	assert_int_equal(expression_evaluate(expression_call(arena, random, NULL, 0),
						 integers(arena, 3, 1, values), &evaluation, arena, &out),
		STATUS_OK);
	assert_true(out.f64[0] != out.f64[1] || out.f64[1] != out.f64[2]);
	assert_true(out.f64[0] >= 0 && out.f64[0] < 1);
}

/* A filter in pieces gives what the whole gives, whatever is constant and however rows fall. */
static void selection_agrees_with_evaluation_on_random_batches(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	uint64_t seed = 20261122;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 200; round++) {
		enum { ROWS = 67 };
		int64_t values[ROWS * 2];
		for (size_t i = 0; i < ROWS * 2; i++) {
			seed += 1;
			int64_t number = (int64_t)(hash_mix(seed) % 7) - 3;
			values[i] = number == 3 ? NIL : number;
		}
		struct batch *batch = integers(arena, ROWS, 2, values);
		const struct expression *a = column(arena, 0, TYPE_INT4), *b = column(arena, 1, TYPE_INT4);
		int64_t limit = round % 5 - 2;
		const struct expression *left = call(arena, "<", a, integer(arena, limit));
		const struct expression *right = call(arena, ">=", call(arena, "%", integer(arena, 6), b), a);
		const struct expression *guard = call(arena, "<>", b, integer(arena, 0));
		const struct expression *both = node(arena, EXPR_AND, TYPE_BOOL, 2, guard, right);
		const struct expression *whole = node(arena, EXPR_OR, TYPE_BOOL, 2, left, both);
		uint32_t rows[ROWS], count, expected = 0;
		assert_int_equal(expression_select(whole, batch, NULL, arena, rows, &count), STATUS_OK);
		for (uint32_t row = 0; row < ROWS; row++) {
			int64_t x = values[row * 2], y = values[row * 2 + 1];
			bool first = x != NIL && x < limit;
			bool second = y != NIL && y != 0 && x != NIL && 6 % y >= x;
			if (!first && !second)
				continue;
			assert_true(expected < count);
			assert_int_equal(rows[expected], row);
			expected++;
		}
		assert_int_equal(count, expected);
		arena_reset(arena);
	}
}

/* ---- text ---- */

static const char *formatted(
	struct arena *arena, const struct expression *expression, const struct schema *schema)
{
	struct buffer out = {0};
	expression_format(expression, schema, &out);
	buffer_append_byte(&out, 0);
	const char *copy = arena_copy_string(arena, (const char *)out.data);
	buffer_deinit(&out);
	return copy;
}

static void text_is_canonical(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	struct field fields[] = {
		{"delay", type_of(TYPE_INT4), false}, {"Odd \"name\"", type_of(TYPE_INT4), false}};
	struct schema schema = {fields, 2};
	const struct expression *a = column(arena, 0, TYPE_INT4), *b = column(arena, 1, TYPE_INT4);
	assert_string_equal(
		formatted(arena, call(arena, "+", a, integer(arena, 5)), &schema), "(delay + 5::integer)");
	assert_string_equal(formatted(arena, call(arena, "-", b, NULL), &schema), "(- \"Odd \"\"name\"\"\")");
	assert_string_equal(formatted(arena, a, NULL), "#0");
	assert_string_equal(formatted(arena, text(arena, "it's"), NULL), "'it''s'::text");
	assert_string_equal(formatted(arena, null_of(arena, TYPE_DATE), NULL), "NULL::date");
	assert_string_equal(formatted(arena, call(arena, "abs", a, NULL), &schema), "abs(delay)");
	const struct function *cast;
	struct type target = {TYPE_NUMERIC, 10 << 16 | 2};
	assert_int_equal(cast_find(TYPE_INT4, target, CAST_EXPLICIT, &cast), STATUS_OK);
	struct expression *converted = expression_call(arena, cast, &a, 1);
	converted->type = target;
	assert_string_equal(formatted(arena, converted, &schema), "delay::numeric(10,2)");
	const struct expression *less = call(arena, "<", a, b);
	assert_string_equal(formatted(arena, node(arena, EXPR_CASE, TYPE_INT4, 3, less, a, b), NULL),
		"CASE WHEN (#0 < #1) THEN #0 ELSE #1 END");
	assert_string_equal(formatted(arena, node(arena, EXPR_IN, TYPE_BOOL, 3, a, b, integer(arena, 1)), NULL),
		"(#0 IN (#1, 1::integer))");
	assert_string_equal(formatted(arena, node(arena, EXPR_NOT, TYPE_BOOL, 1, less), NULL), "(NOT (#0 < #1))");
}

static void equality_is_of_structure(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const struct expression *a = column(arena, 0, TYPE_INT4);
	struct expression *one = arena_copy(arena, call(arena, "+", a, integer(arena, 5)), sizeof *one);
	one->position = 3;
	assert_true(expression_equal(one, call(arena, "+", a, integer(arena, 5))));
	assert_false(expression_equal(one, call(arena, "+", a, integer(arena, 6))));
	assert_false(expression_equal(one, call(arena, "-", a, integer(arena, 5))));
	assert_false(expression_equal(one, call(arena, "+", column(arena, 1, TYPE_INT4), integer(arena, 5))));
	assert_true(expression_is_constant(call(arena, "+", integer(arena, 1), integer(arena, 2))));
}

static void what_cannot_fail_is_known_not_to(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	const struct expression *a = column(arena, 0, TYPE_INT4), *t = column(arena, 1, TYPE_TEXT);
	assert_false(expression_can_fail(call(arena, "/", a, integer(arena, 2))));
	assert_true(expression_can_fail(call(arena, "/", a, integer(arena, 0))));
	assert_true(expression_can_fail(call(arena, "/", a, integer(arena, -1))));
	assert_true(expression_can_fail(call(arena, "+", a, integer(arena, 1))));
	assert_false(expression_can_fail(call(arena, "~~", t, text(arena, "a%"))));
	assert_true(expression_can_fail(call(arena, "~~", t, text(arena, "a\\"))));
	assert_false(expression_can_fail(call(arena, "<", a, integer(arena, 1))));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(connectives_follow_three_valued_logic),
		TEST(tests_of_truth_and_null_are_never_null),
		TEST(a_failing_operand_is_evaluated_only_for_undecided_rows),
		TEST(case_evaluates_branches_only_where_they_are_taken),
		TEST(coalesce_takes_the_first_that_is_not_null),
		TEST(in_is_three_valued_and_finds_in_long_lists),
		TEST(greatest_least_and_distinct_treat_nulls_their_way),
		TEST(columns_not_materialised_are_left_alone),
		TEST(an_error_carries_the_position_of_its_call),
		TEST(overflow_in_rows_that_are_null_is_no_error),
		TEST(parameters_are_constants_of_the_run),
		TEST(clock_functions_read_the_evaluation),
		TEST(selection_agrees_with_evaluation_on_random_batches),
		TEST(text_is_canonical),
		TEST(equality_is_of_structure),
		TEST(what_cannot_fail_is_known_not_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
