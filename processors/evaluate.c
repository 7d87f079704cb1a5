/* Evaluation of expressions over batches: the walk, calls, tests, and sub-batches.
 *
 * A call evaluates its arguments, ORs their nulls together (strict functions are not computed there), and
 * runs the kernel once for the whole batch. If all arguments are constant the call is computed for one row
 * and stays constant. Nothing is evaluated for a batch without rows.
 */
#include "processors/evaluate.h"

#include <string.h>

#include "base/invariant.h"

/* Columns of the input that an expression reads. */
static void columns_mark(const struct expression *expression, uint8_t *used)
{
	if (expression->kind == EXPR_COLUMN)
		used[expression->column] = 1;
	for (size_t i = 0; i < expression->argument_count; i++)
		columns_mark(expression->arguments[i], used);
}

/* The listed rows of the input, only those columns filled that `expression` reads. */
static struct batch *rows_pick(const struct evaluator *evaluator, const struct expression *expression,
	const uint32_t *rows, uint32_t count)
{
	const struct batch *input = evaluator->input;
	struct arena *arena = evaluator->arena;
	uint8_t *used = arena_alloc_zeroed(arena, input->column_count);
	columns_mark(expression, used);
	struct batch *picked = arena_alloc_zeroed(arena, sizeof *picked);
	picked->row_count = count;
	picked->column_count = input->column_count;
	picked->columns = arena_alloc_zeroed(arena, input->column_count * sizeof *picked->columns);
	for (uint32_t c = 0; c < input->column_count; c++) {
		if (used[c] != 0)
			picked->columns[c] = column_gather(arena, &input->columns[c], rows, count);
		else
			picked->columns[c].type = input->columns[c].type;
	}
	return picked;
}

status operand_evaluate_rows(const struct evaluator *evaluator, const struct expression *expression,
	const uint32_t *rows, uint32_t count, struct operand *out)
{
	if (count == evaluator->input->row_count)
		return operand_evaluate(evaluator, expression, out);
	if (count == 0) {
		*out = (struct operand){.column = column_make(evaluator->arena, expression->type, 0, false)};
		return STATUS_OK;
	}
	struct evaluator inner = *evaluator;
	inner.input = rows_pick(evaluator, expression, rows, count);
	return operand_evaluate(&inner, expression, out);
}

struct column operand_expand(const struct evaluator *evaluator, const struct operand *operand)
{
	if (!operand->constant)
		return operand->column;
	struct value value = column_value(&operand->column, 0);
	return column_constant(evaluator->arena, &value, evaluator->input->row_count);
}

static struct operand operand_of_value(const struct evaluator *evaluator, const struct value *value)
{
	return (struct operand){.column = column_constant(evaluator->arena, value, 1), .constant = true};
}

static struct operand operand_of_null(const struct evaluator *evaluator, struct type type)
{
	struct value null = {.type = type, .null = true};
	return operand_of_value(evaluator, &null);
}

#define SCATTER(value_type, member)                                                                          \
	do {                                                                                                     \
		const value_type *restrict from = source->column.member;                                             \
		value_type *restrict to = target->member;                                                            \
		if (rows == NULL && mask != 0)                                                                       \
			memcpy(to, from, count * sizeof *to);                                                            \
		for (uint32_t i = 0; i < count && rows == NULL && mask == 0; i++)                                    \
			to[i] = from[0];                                                                                 \
		for (uint32_t i = 0; i < count && rows != NULL; i++)                                                 \
			to[rows[i]] = from[i & mask];                                                                    \
	} while (0)

void operand_scatter(const struct evaluator *evaluator, const struct operand *source, const uint32_t *rows,
	uint32_t count, struct column *target)
{
	if (count == 0)
		return;
	uint32_t mask = source->constant ? 0 : UINT32_MAX;
	if (source->column.nulls != NULL)
		column_ensure_nulls(target, evaluator->input->row_count, evaluator->arena);
	if (target->nulls != NULL) {
		for (uint32_t i = 0; i < count; i++)
			target->nulls[rows != NULL ? rows[i] : i] = column_is_null(&source->column, i & mask);
	}
	switch (type_physical(target->type.id)) {
	case PHYS_BOOL:
		SCATTER(uint8_t, booleans);
		break;
	case PHYS_I64:
		SCATTER(int64_t, i64);
		break;
	case PHYS_F64:
		SCATTER(double, f64);
		break;
	case PHYS_DECIMAL:
		SCATTER(struct decimal, decimals);
		break;
	case PHYS_TEXT:
		SCATTER(struct text, texts);
		break;
	case PHYS_INTERVAL:
		SCATTER(struct interval, intervals);
		break;
	}
}

/* Written as a selection between old and new value, which vectorises; a store under an if does not. */
#define BLEND(value_type, member)                                                                            \
	do {                                                                                                     \
		const value_type *from = source->column.member;                                                      \
		value_type *to = target->member;                                                                     \
		if (source->constant) {                                                                              \
			const value_type constant = from[0];                                                             \
			for (uint32_t row = 0; row < row_count; row++)                                                   \
				to[row] = choice[row] == wanted ? constant : to[row];                                        \
		} else {                                                                                             \
			for (uint32_t row = 0; row < row_count; row++)                                                   \
				to[row] = choice[row] == wanted ? from[row] : to[row];                                       \
		}                                                                                                    \
	} while (0)

void operand_blend(const struct evaluator *evaluator, const struct operand *source, const uint16_t *choice,
	uint16_t wanted, struct column *target)
{
	uint32_t row_count = evaluator->input->row_count;
	if (source->column.nulls != NULL)
		column_ensure_nulls(target, row_count, evaluator->arena);
	if (target->nulls != NULL) {
		for (uint32_t row = 0; row < row_count; row++) {
			if (choice[row] == wanted)
				target->nulls[row] = column_is_null(&source->column, operand_row(source, row));
		}
	}
	switch (type_physical(target->type.id)) {
	case PHYS_BOOL:
		BLEND(uint8_t, booleans);
		break;
	case PHYS_I64:
		BLEND(int64_t, i64);
		break;
	case PHYS_F64:
		BLEND(double, f64);
		break;
	case PHYS_DECIMAL:
		BLEND(struct decimal, decimals);
		break;
	case PHYS_TEXT:
		BLEND(struct text, texts);
		break;
	case PHYS_INTERVAL:
		BLEND(struct interval, intervals);
		break;
	}
}

/* What a kernel gets: at most 32 arguments may stay constant, one bit each. */
enum { CONSTANT_BITS = 32 };

struct call_arguments {
	struct operand *operands;
	struct column *columns;
	size_t count;
	uint32_t constants;
	bool all_constant;
	bool some_null_constant;
};

static status arguments_evaluate(
	const struct evaluator *evaluator, const struct expression *call, struct call_arguments *out)
{
	size_t count = call->argument_count;
	out->count = count;
	out->operands = arena_alloc(evaluator->arena, count * sizeof *out->operands);
	out->columns = arena_alloc(evaluator->arena, count * sizeof *out->columns);
	out->constants = 0;
	out->all_constant = true;
	out->some_null_constant = false;
	for (size_t i = 0; i < count; i++) {
		struct operand *operand = &out->operands[i];
		status result = operand_evaluate(evaluator, call->arguments[i], operand);
		if (result != STATUS_OK)
			return result;
		out->all_constant = out->all_constant && operand->constant;
		if (operand->constant && column_is_null(&operand->column, 0))
			out->some_null_constant = true;
	}
	for (size_t i = 0; i < count; i++) {
		struct operand *operand = &out->operands[i];
		out->columns[i] = operand->column;
		if (out->all_constant || !operand->constant)
			continue;
		if (i < CONSTANT_BITS)
			out->constants |= UINT32_C(1) << i;
		else
			out->columns[i] = operand_expand(evaluator, operand);
	}
	return STATUS_OK;
}

/* The rows in which some argument is null, as an array of their own; NULL when there are none. */
static uint8_t *arguments_nulls(
	const struct evaluator *evaluator, const struct call_arguments *arguments, uint32_t row_count)
{
	uint8_t *nulls = NULL;
	for (size_t i = 0; i < arguments->count; i++) {
		const uint8_t *restrict from = arguments->columns[i].nulls;
		if (from == NULL || (i < CONSTANT_BITS && (arguments->constants >> i & 1u) != 0))
			continue; /* null constants were dealt with before */
		if (nulls == NULL) {
			nulls = arena_copy(evaluator->arena, from, row_count);
			continue;
		}
		uint8_t *restrict to = nulls;
		for (uint32_t row = 0; row < row_count; row++)
			to[row] |= from[row];
	}
	return nulls;
}

static status call_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	static const struct evaluation nothing = {0};
	const struct function *function = expression->function;
	struct call_arguments arguments;
	status result = arguments_evaluate(evaluator, expression, &arguments);
	if (result != STATUS_OK)
		return result;
	bool strict = (function->flags & FUNCTION_STRICT) != 0;
	if (strict && arguments.some_null_constant) {
		*out = operand_of_null(evaluator, expression->type);
		return STATUS_OK;
	}
	if ((function->flags & FUNCTION_RELABEL) != 0) {
		*out = arguments.operands[0];
		out->column.type = expression->type;
		return STATUS_OK;
	}
	bool per_row = (function->flags & (FUNCTION_VOLATILE | FUNCTION_STABLE)) == FUNCTION_VOLATILE;
	bool constant = arguments.all_constant && !per_row;
	uint32_t row_count = constant ? 1 : evaluator->input->row_count;
	if (arguments.all_constant && !constant && arguments.count != 0) {
		for (size_t i = 0; i < arguments.count; i++)
			arguments.columns[i] = operand_expand(evaluator, &arguments.operands[i]);
	}
	struct column column = column_make(evaluator->arena, expression->type, row_count, false);
	if (strict)
		column.nulls = arguments_nulls(evaluator, &arguments, row_count);
	if (column.nulls != NULL && type_physical(expression->type.id) == PHYS_TEXT)
		memset(column.values, 0, row_count * sizeof(struct text));
	struct kernel_call call = {
		.arguments = arguments.columns,
		.constant_arguments = arguments.constants,
		.argument_count = arguments.count,
		.row_count = row_count,
		.skip = column.nulls,
		.evaluation = evaluator->evaluation != NULL ? evaluator->evaluation : &nothing,
		.arena = evaluator->arena,
		.result = &column,
		.result_type = expression->type,
	};
	result = function->kernel(&call);
	if (result != STATUS_OK) {
		if (error_current()->position == 0 && expression->position > 0)
			error_position(expression->position);
		return result;
	}
	*out = (struct operand){.column = column, .constant = constant};
	return STATUS_OK;
}

static status not_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	struct operand argument;
	status result = operand_evaluate(evaluator, expression->arguments[0], &argument);
	if (result != STATUS_OK)
		return result;
	uint32_t row_count = argument.constant ? 1 : evaluator->input->row_count;
	struct column column = column_make(evaluator->arena, expression->type, row_count, false);
	for (uint32_t row = 0; row < row_count; row++)
		column.booleans[row] = (uint8_t)(argument.column.booleans[row] ^ 1u);
	column.nulls = argument.column.nulls; /* nobody changes it: the result is finished */
	*out = (struct operand){.column = column, .constant = argument.constant};
	return STATUS_OK;
}

static status test_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	struct operand argument;
	status result = operand_evaluate(evaluator, expression->arguments[0], &argument);
	if (result != STATUS_OK)
		return result;
	uint32_t row_count = argument.constant ? 1 : evaluator->input->row_count;
	struct column column = column_make(evaluator->arena, expression->type, row_count, false);
	enum expression_test test = expression->test;
	bool of_null = test == TEST_NULL || test == TEST_NOT_NULL;
	uint8_t wanted = test == TEST_TRUE || test == TEST_NOT_TRUE;
	uint8_t negated = test == TEST_NOT_NULL || test == TEST_NOT_TRUE || test == TEST_NOT_FALSE;
	for (uint32_t row = 0; row < row_count; row++) {
		uint8_t null = column_is_null(&argument.column, row);
		uint8_t yes = of_null ? null : (uint8_t)(!null & (argument.column.booleans[row] == wanted));
		column.booleans[row] = yes ^ negated;
	}
	*out = (struct operand){.column = column, .constant = argument.constant};
	return STATUS_OK;
}

static status parameter_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	const struct evaluation *evaluation = evaluator->evaluation;
	if (evaluation == NULL || expression->parameter >= evaluation->parameter_count) {
		(void)error_raise(STATUS_INVALID, "there is no parameter $%u", expression->parameter + 1);
		error_sqlstate("42P02");
		error_position(expression->position);
		return STATUS_INVALID;
	}
	struct value value = evaluation->parameters[expression->parameter];
	if (!value.null && type_physical(value.type.id) != type_physical(expression->type.id)) {
		(void)error_raise(STATUS_TYPE_MISMATCH, "parameter $%u is of type %s, not %s",
			expression->parameter + 1, type_name(value.type.id), type_name(expression->type.id));
		error_position(expression->position);
		return STATUS_TYPE_MISMATCH;
	}
	value.type = expression->type;
	*out = operand_of_value(evaluator, &value);
	return STATUS_OK;
}

status operand_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	switch (expression->kind) {
	case EXPR_CONSTANT: {
		struct value value = expression->value;
		value.type = expression->type;
		*out = operand_of_value(evaluator, &value);
		return STATUS_OK;
	}
	case EXPR_COLUMN:
		INVARIANT(expression->column < evaluator->input->column_count);
		*out = (struct operand){.column = evaluator->input->columns[expression->column]};
		INVARIANT(out->column.values != NULL || evaluator->input->row_count == 0);
		return STATUS_OK;
	case EXPR_PARAMETER:
		return parameter_evaluate(evaluator, expression, out);
	case EXPR_CALL:
		return call_evaluate(evaluator, expression, out);
	case EXPR_NOT:
		return not_evaluate(evaluator, expression, out);
	case EXPR_TEST:
		return test_evaluate(evaluator, expression, out);
	case EXPR_AND:
	case EXPR_OR:
		return and_or_evaluate(evaluator, expression, out);
	case EXPR_CASE:
		return case_evaluate(evaluator, expression, out);
	case EXPR_COALESCE:
		return coalesce_evaluate(evaluator, expression, out);
	case EXPR_DISTINCT:
		return distinct_evaluate(evaluator, expression, out);
	case EXPR_GREATEST:
	case EXPR_LEAST:
		return extreme_evaluate(evaluator, expression, out);
	case EXPR_IN:
		return in_evaluate(evaluator, expression, out);
	}
	INVARIANT(expression->kind <= EXPR_IN);
	return STATUS_INTERNAL;
}

status expression_evaluate(const struct expression *expression, const struct batch *input,
	const struct evaluation *evaluation, struct arena *arena, struct column *out)
{
	struct evaluator evaluator = {input, evaluation, arena};
	if (input->row_count == 0) {
		*out = column_make(arena, expression->type, 0, false);
		return STATUS_OK;
	}
	struct operand operand;
	status result = operand_evaluate(&evaluator, expression, &operand);
	if (result != STATUS_OK)
		return result;
	*out = operand_expand(&evaluator, &operand);
	return STATUS_OK;
}

/* Appends the true rows without a branch: always written, counted only when true. */
static uint32_t rows_compress(const struct column *booleans, uint32_t row_count, uint32_t *rows)
{
	uint32_t count = 0;
	const uint8_t *values = booleans->booleans, *nulls = booleans->nulls;
	if (nulls == NULL) {
		for (uint32_t row = 0; row < row_count; row++) {
			rows[count] = row;
			count += values[row];
		}
		return count;
	}
	for (uint32_t row = 0; row < row_count; row++) {
		rows[count] = row;
		count += (uint32_t)(values[row] & (nulls[row] ^ 1u));
	}
	return count;
}

status expression_select(const struct expression *expression, const struct batch *input,
	const struct evaluation *evaluation, struct arena *arena, uint32_t *rows, uint32_t *count)
{
	struct evaluator evaluator = {input, evaluation, arena};
	INVARIANT(expression->type.id == TYPE_BOOL);
	if (input->row_count == 0) {
		*count = 0;
		return STATUS_OK;
	}
	struct operand operand;
	status result = operand_evaluate(&evaluator, expression, &operand);
	if (result != STATUS_OK)
		return result;
	if (operand.constant) {
		bool all = !column_is_null(&operand.column, 0) && operand.column.booleans[0] != 0;
		for (uint32_t row = 0; row < input->row_count && all; row++)
			rows[row] = row;
		*count = all ? input->row_count : 0;
		return STATUS_OK;
	}
	*count = rows_compress(&operand.column, input->row_count, rows);
	return STATUS_OK;
}

status expression_evaluate_constant(const struct expression *expression, const struct evaluation *evaluation,
	struct arena *arena, struct value *out)
{
	const struct batch one_row = {.row_count = 1};
	struct evaluator evaluator = {&one_row, evaluation, arena};
	struct operand operand;
	status result = operand_evaluate(&evaluator, expression, &operand);
	if (result != STATUS_OK)
		return result;
	*out = column_value(&operand.column, 0);
	return STATUS_OK;
}
