/* AND, OR, CASE, COALESCE: which arguments are evaluated for which rows.
 *
 * What cannot fail is evaluated for all rows and blended: one pass without branches is cheaper than picking
 * rows. What can fail is evaluated only for the rows that reach it in SQL's order: those rows are gathered,
 * evaluated, scattered back.
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/evaluate.h"

/* Three-valued booleans as two planes: known true, known false; neither is null. */
struct truth {
	uint8_t *yes, *no;
};

static void truth_combine(struct truth *truth, const struct operand *operand, const uint32_t *rows,
	uint32_t count, bool conjunction)
{
	uint32_t mask = operand->constant ? 0 : UINT32_MAX;
	const uint8_t *values = operand->column.booleans, *nulls = operand->column.nulls;
	uint8_t *restrict all = conjunction ? truth->yes : truth->no; /* needs every argument */
	uint8_t *restrict any = conjunction ? truth->no : truth->yes; /* one argument decides */
	uint8_t all_value = conjunction;
	if (rows == NULL && nulls == NULL && !operand->constant) {
		uint8_t flip = all_value ^ 1u;
		for (uint32_t row = 0; row < count; row++) {
			uint8_t agrees = values[row] ^ flip;
			all[row] &= agrees;
			any[row] |= agrees ^ 1u;
		}
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows != NULL ? rows[i] : i;
		uint8_t known = nulls == NULL || nulls[i & mask] == 0;
		uint8_t agrees = values[i & mask] == all_value;
		all[row] &= known & agrees;
		any[row] |= known & (agrees ^ 1u);
	}
}

/* The rows that no argument has decided yet. */
static uint32_t truth_undecided(
	const struct truth *truth, bool conjunction, uint32_t row_count, uint32_t *rows)
{
	const uint8_t *decided = conjunction ? truth->no : truth->yes;
	uint32_t count = 0;
	for (uint32_t row = 0; row < row_count; row++) {
		rows[count] = row;
		count += decided[row] ^ 1u;
	}
	return count;
}

static struct operand truth_operand(
	const struct evaluator *evaluator, const struct truth *truth, struct type type, bool constant)
{
	uint32_t row_count = constant ? 1 : evaluator->input->row_count;
	struct column column = {.type = type, .booleans = truth->yes};
	uint8_t all_known = 1;
	for (uint32_t row = 0; row < row_count; row++)
		all_known &= truth->yes[row] | truth->no[row];
	if (all_known == 0) {
		column.nulls = truth->no;
		for (uint32_t row = 0; row < row_count; row++)
			column.nulls[row] = (uint8_t)((truth->yes[row] | truth->no[row]) ^ 1u);
	}
	return (struct operand){.column = column, .constant = constant};
}

status and_or_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	bool conjunction = expression->kind == EXPR_AND, constant = true;
	uint32_t row_count = evaluator->input->row_count;
	struct truth truth = {arena_alloc(evaluator->arena, row_count), arena_alloc(evaluator->arena, row_count)};
	memset(truth.yes, conjunction, row_count);
	memset(truth.no, !conjunction, row_count);
	uint32_t *rows = NULL;
	for (size_t i = 0; i < expression->argument_count; i++) {
		const struct expression *argument = expression->arguments[i];
		struct operand operand;
		uint32_t count = row_count;
		const uint32_t *picked = NULL;
		if (i > 0 && expression_can_fail(argument)) {
			if (rows == NULL)
				rows = arena_alloc(evaluator->arena, row_count * sizeof *rows);
			count = truth_undecided(&truth, conjunction, row_count, rows);
			if (count == 0)
				continue;
			picked = count == row_count ? NULL : rows;
		}
		status result = picked == NULL ? operand_evaluate(evaluator, argument, &operand)
									   : operand_evaluate_rows(evaluator, argument, picked, count, &operand);
		if (result != STATUS_OK)
			return result;
		constant = constant && operand.constant && picked == NULL;
		truth_combine(&truth, &operand, picked, count, conjunction);
	}
	*out = truth_operand(evaluator, &truth, expression->type, constant);
	return STATUS_OK;
}

/* Splits `rows` by a condition over them: those for which it is true, and the others (false or null), both in
 * order. */
static uint32_t rows_split(
	const struct operand *condition, const uint32_t *rows, uint32_t count, uint32_t *matched, uint32_t *rest)
{
	uint32_t mask = condition->constant ? 0 : UINT32_MAX;
	uint32_t yes = 0, no = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows[i];
		bool match =
			!column_is_null(&condition->column, i & mask) && condition->column.booleans[i & mask] != 0;
		matched[yes] = row;
		rest[no] = row; /* rest may be rows itself: no ≤ i */
		yes += match;
		no += !match;
	}
	return yes;
}

/* Evaluates for the listed rows and puts the values there. */
static status branch_evaluate(const struct evaluator *evaluator, const struct expression *branch,
	const uint32_t *rows, uint32_t count, struct column *target)
{
	struct operand operand;
	status result = operand_evaluate_rows(evaluator, branch, rows, count, &operand);
	if (result == STATUS_OK)
		operand_scatter(evaluator, &operand, rows, count, target);
	return result;
}

static status case_evaluate_rows(
	const struct evaluator *evaluator, const struct expression *expression, struct column *target)
{
	uint32_t left = evaluator->input->row_count;
	uint32_t *rows = arena_alloc(evaluator->arena, left * sizeof *rows);
	uint32_t *matched = arena_alloc(evaluator->arena, left * sizeof *matched);
	for (uint32_t row = 0; row < left; row++)
		rows[row] = row;
	size_t pairs = expression->argument_count / 2;
	for (size_t i = 0; i < pairs && left > 0; i++) {
		struct operand condition;
		status result =
			operand_evaluate_rows(evaluator, expression->arguments[2 * i], rows, left, &condition);
		if (result != STATUS_OK)
			return result;
		uint32_t count = rows_split(&condition, rows, left, matched, rows);
		result = branch_evaluate(evaluator, expression->arguments[2 * i + 1], matched, count, target);
		if (result != STATUS_OK)
			return result;
		left -= count;
	}
	return branch_evaluate(evaluator, expression->arguments[2 * pairs], rows, left, target);
}

/* Marks rows not chosen for a branch yet where the condition is true. */
static void choice_mark(const struct operand *condition, uint32_t row_count, uint16_t branch, uint16_t none,
	uint16_t *restrict choice)
{
	const uint8_t *restrict values = condition->column.booleans, *restrict nulls = condition->column.nulls;
	if (condition->constant) {
		bool match = values[0] != 0 && (nulls == NULL || nulls[0] == 0);
		for (uint32_t row = 0; row < row_count && match; row++)
			choice[row] = choice[row] == none ? branch : choice[row];
	} else if (nulls == NULL) {
		for (uint32_t row = 0; row < row_count; row++) {
			bool match = (values[row] != 0) & (choice[row] == none);
			choice[row] = match ? branch : choice[row];
		}
	} else {
		for (uint32_t row = 0; row < row_count; row++) {
			bool match = (values[row] != 0) & (nulls[row] == 0) & (choice[row] == none);
			choice[row] = match ? branch : choice[row];
		}
	}
}

static status case_evaluate_dense(
	const struct evaluator *evaluator, const struct expression *expression, struct column *target)
{
	uint32_t row_count = evaluator->input->row_count;
	uint16_t *choice = arena_alloc(evaluator->arena, row_count * sizeof *choice);
	uint16_t pairs = (uint16_t)(expression->argument_count / 2);
	for (uint32_t row = 0; row < row_count; row++)
		choice[row] = pairs;
	for (uint16_t i = 0; i < pairs; i++) {
		struct operand condition;
		status result = operand_evaluate(evaluator, expression->arguments[2 * i], &condition);
		if (result != STATUS_OK)
			return result;
		choice_mark(&condition, row_count, i, pairs, choice);
	}
	/* ELSE everywhere, then the others over it. */
	for (uint16_t i = pairs;; i--) {
		struct operand branch;
		size_t argument = i < pairs ? 2 * (size_t)i + 1 : 2 * (size_t)pairs;
		status result = operand_evaluate(evaluator, expression->arguments[argument], &branch);
		if (result != STATUS_OK)
			return result;
		if (i == pairs)
			operand_scatter(evaluator, &branch, NULL, row_count, target);
		else
			operand_blend(evaluator, &branch, choice, i, target);
		if (i == 0)
			return STATUS_OK;
	}
}

status case_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	INVARIANT(expression->argument_count % 2 == 1);
	uint32_t row_count = evaluator->input->row_count;
	struct column column = column_make(evaluator->arena, expression->type, row_count, false);
	/* Only the first condition is evaluated for all rows anyway. */
	bool dense = expression->argument_count / 2 < UINT16_MAX;
	for (size_t i = 1; i < expression->argument_count && dense; i++)
		dense = !expression_can_fail(expression->arguments[i]);
	status result;
	if (dense)
		result = case_evaluate_dense(evaluator, expression, &column);
	else
		result = case_evaluate_rows(evaluator, expression, &column);
	if (result == STATUS_OK)
		*out = (struct operand){.column = column};
	return result;
}

status coalesce_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	struct operand first;
	status result = operand_evaluate(evaluator, expression->arguments[0], &first);
	if (result != STATUS_OK)
		return result;
	if (first.column.nulls == NULL || (first.constant && first.column.nulls[0] == 0)) {
		*out = first;
		out->column.type = expression->type;
		return STATUS_OK;
	}
	uint32_t row_count = evaluator->input->row_count;
	struct column column = column_make(evaluator->arena, expression->type, row_count, false);
	operand_scatter(evaluator, &first, NULL, row_count, &column);
	uint32_t *rows = arena_alloc(evaluator->arena, row_count * sizeof *rows);
	for (size_t i = 1; i < expression->argument_count; i++) {
		uint32_t left = 0;
		for (uint32_t row = 0; row < row_count; row++) {
			rows[left] = row;
			left += column.nulls[row] != 0;
		}
		if (left == 0)
			break;
		result = branch_evaluate(evaluator, expression->arguments[i], rows, left, &column);
		if (result != STATUS_OK)
			return result;
	}
	*out = (struct operand){.column = column};
	return STATUS_OK;
}
