/* IS DISTINCT FROM, GREATEST, LEAST, IN: what compares several values of one type. Equality and order are
 * those of the operators = and <.
 */
#include <stdlib.h>
#include <string.h>

#include "processors/evaluate.h"
#include "processors/function_family.h"

/* left = right as a kernel; false in rows in which either is null. */
static status operands_equal(
	const struct evaluator *evaluator, const struct operand *left, const struct operand *right, uint8_t *out)
{
	struct column columns[2] = {left->column, right->column};
	struct column result = {.type = type_of(TYPE_BOOL), .booleans = out};
	bool both_constant = left->constant && right->constant;
	uint32_t row_count = both_constant ? 1 : evaluator->input->row_count;
	uint8_t *skip = NULL;
	for (size_t side = 0; side < 2; side++) {
		const struct operand *operand = side == 0 ? left : right;
		if (operand->column.nulls == NULL)
			continue;
		if (skip == NULL)
			skip = arena_alloc_zeroed(evaluator->arena, row_count);
		for (uint32_t row = 0; row < row_count; row++)
			skip[row] |= operand->column.nulls[operand_row(operand, row)];
	}
	struct kernel_call call = {
		.arguments = columns,
		.argument_count = 2,
		.constant_arguments = both_constant ? 0 : (uint32_t)left->constant | (uint32_t)right->constant << 1,
		.row_count = row_count,
		.skip = skip,
		.evaluation = evaluator->evaluation,
		.arena = evaluator->arena,
		.result = &result,
		.result_type = result.type,
	};
	status compared = comparison_equal(&call);
	for (uint32_t row = 0; row < row_count && skip != NULL; row++)
		out[row] = skip[row] != 0 ? 0 : out[row];
	return compared;
}

status distinct_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	struct operand sides[2];
	for (size_t i = 0; i < 2; i++) {
		status result = operand_evaluate(evaluator, expression->arguments[i], &sides[i]);
		if (result != STATUS_OK)
			return result;
	}
	bool constant = sides[0].constant && sides[1].constant;
	uint32_t row_count = constant ? 1 : evaluator->input->row_count;
	struct column column = column_make(evaluator->arena, expression->type, row_count, false);
	status result = operands_equal(evaluator, &sides[0], &sides[1], column.booleans);
	if (result != STATUS_OK)
		return result;
	for (uint32_t row = 0; row < row_count; row++) {
		unsigned left = column_is_null(&sides[0].column, operand_row(&sides[0], row));
		unsigned right = column_is_null(&sides[1].column, operand_row(&sides[1], row));
		unsigned differ = column.booleans[row] == 0;
		column.booleans[row] = (uint8_t)((left ^ right) | (differ & (left ^ 1u)));
	}
	*out = (struct operand){.column = column, .constant = constant};
	return STATUS_OK;
}

/* Replaces best[row] by the candidate's where that is greater (or less) or best is null. */
static void extreme_take(
	struct column *best, const struct operand *candidate, uint32_t row_count, bool greatest)
{
	enum physical physical = type_physical(best->type.id);
	for (uint32_t row = 0; row < row_count; row++) {
		uint32_t from = operand_row(candidate, row);
		if (column_is_null(&candidate->column, from))
			continue;
		bool take = column_is_null(best, row);
		if (!take && physical == PHYS_I64) {
			int64_t here = best->i64[row], there = candidate->column.i64[from];
			take = greatest ? there > here : there < here;
		} else if (!take) {
			struct value here = column_value(best, row), there = column_value(&candidate->column, from);
			there.type = here.type;
			int order = value_compare(&there, &here);
			take = greatest ? order > 0 : order < 0;
		}
		if (!take)
			continue;
		struct value value = column_value(&candidate->column, from);
		column_set(best, row, &value);
	}
}

status extreme_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	uint32_t row_count = evaluator->input->row_count;
	struct column best = column_make(evaluator->arena, expression->type, row_count, false);
	for (size_t i = 0; i < expression->argument_count; i++) {
		struct operand operand;
		status result = operand_evaluate(evaluator, expression->arguments[i], &operand);
		if (result != STATUS_OK)
			return result;
		if (i == 0)
			operand_scatter(evaluator, &operand, NULL, row_count, &best);
		else
			extreme_take(&best, &operand, row_count, expression->kind == EXPR_GREATEST);
	}
	*out = (struct operand){.column = best};
	return STATUS_OK;
}

/* IN's three-valued state: matched, and whether some item compared was null. */
struct membership {
	uint8_t *matched;
	uint8_t *unknown;
};

/* Constant lists longer than this are sorted and searched; shorter ones compared one by one, column-wise. */
enum { LIST_LINEAR_MAX = 12 };

static int value_order(const void *left, const void *right)
{
	return value_compare(left, right);
}

static void list_search(const struct operand *subject, uint32_t row_count, struct value *list, size_t count,
	struct membership *membership)
{
	qsort(list, count, sizeof *list, value_order);
	for (uint32_t row = 0; row < row_count; row++) {
		uint32_t from = operand_row(subject, row);
		if (column_is_null(&subject->column, from))
			continue;
		struct value wanted = column_value(&subject->column, from);
		size_t low = 0, high = count;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			wanted.type = list[middle].type;
			int order = value_compare(&list[middle], &wanted);
			if (order == 0) {
				membership->matched[row] = 1;
				break;
			}
			if (order < 0)
				low = middle + 1;
			else
				high = middle;
		}
	}
}

/* One item compared with the rows still unmatched, or with all where that cannot be seen. */
static status item_compare(const struct evaluator *evaluator, const struct operand *subject,
	const struct expression *item, struct membership *membership)
{
	uint32_t row_count = evaluator->input->row_count;
	struct operand operand;
	status result;
	if (expression_can_fail(item)) {
		uint32_t *rows = arena_alloc(evaluator->arena, row_count * sizeof *rows);
		uint32_t count = 0;
		for (uint32_t row = 0; row < row_count; row++) {
			rows[count] = row;
			count += membership->matched[row] ^ 1u;
		}
		struct column values = column_make(evaluator->arena, item->type, row_count, true);
		memset(values.values, 0, row_count * physical_size(type_physical(item->type.id)));
		result = operand_evaluate_rows(evaluator, item, rows, count, &operand);
		if (result != STATUS_OK)
			return result;
		operand_scatter(evaluator, &operand, rows, count, &values);
		operand = (struct operand){.column = values};
	} else {
		result = operand_evaluate(evaluator, item, &operand);
		if (result != STATUS_OK)
			return result;
	}
	uint8_t *equal = arena_alloc(evaluator->arena, row_count);
	result = operands_equal(evaluator, subject, &operand, equal);
	if (result != STATUS_OK)
		return result;
	if (subject->constant && operand.constant && row_count > 1)
		memset(equal, equal[0], row_count);
	for (uint32_t row = 0; row < row_count; row++) {
		uint8_t null = column_is_null(&operand.column, operand_row(&operand, row));
		membership->matched[row] |= equal[row] & (null ^ 1u);
		membership->unknown[row] |= null;
	}
	return STATUS_OK;
}

/* Compares with all items that are the same for every row. */
static status list_compare(const struct evaluator *evaluator, const struct expression *expression,
	const struct operand *subject, struct membership *membership, uint8_t *done)
{
	uint32_t row_count = evaluator->input->row_count;
	struct value *list = arena_alloc(evaluator->arena, expression->argument_count * sizeof *list);
	size_t count = 0;
	for (size_t i = 1; i < expression->argument_count; i++) {
		const struct expression *item = expression->arguments[i];
		if (item->kind != EXPR_PARAMETER && !expression_is_constant(item))
			continue;
		struct value value;
		status result = expression_evaluate_constant(item, evaluator->evaluation, evaluator->arena, &value);
		if (result != STATUS_OK)
			return result;
		done[i] = 1;
		if (value.null)
			memset(membership->unknown, 1, row_count);
		else
			list[count++] = value;
	}
	if (count > LIST_LINEAR_MAX) {
		list_search(subject, row_count, list, count, membership);
		return STATUS_OK;
	}
	uint8_t *equal = arena_alloc(evaluator->arena, row_count);
	for (size_t i = 0; i < count; i++) {
		struct operand item = {.column = column_constant(evaluator->arena, &list[i], 1), .constant = true};
		status result = operands_equal(evaluator, subject, &item, equal);
		if (result != STATUS_OK)
			return result;
		uint32_t mask = subject->constant ? 0 : UINT32_MAX;
		for (uint32_t row = 0; row < row_count; row++)
			membership->matched[row] |= equal[row & mask];
	}
	return STATUS_OK;
}

status in_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out)
{
	uint32_t row_count = evaluator->input->row_count;
	struct operand subject;
	status result = operand_evaluate(evaluator, expression->arguments[0], &subject);
	if (result != STATUS_OK)
		return result;
	struct column column = column_make(evaluator->arena, expression->type, row_count, true);
	memset(column.booleans, 0, row_count);
	struct membership membership = {column.booleans, column.nulls};
	uint8_t *done = arena_alloc_zeroed(evaluator->arena, expression->argument_count);
	result = list_compare(evaluator, expression, &subject, &membership, done);
	for (size_t i = 1; i < expression->argument_count && result == STATUS_OK; i++) {
		if (done[i] == 0)
			result = item_compare(evaluator, &subject, expression->arguments[i], &membership);
	}
	if (result != STATUS_OK)
		return result;
	uint8_t some_null = 0;
	for (uint32_t row = 0; row < row_count; row++) {
		uint8_t null = column_is_null(&subject.column, operand_row(&subject, row));
		column.nulls[row] = (uint8_t)(null | (column.nulls[row] & (column.booleans[row] ^ 1u)));
		some_null |= column.nulls[row];
	}
	if (some_null == 0)
		column.nulls = NULL;
	*out = (struct operand){.column = column};
	return STATUS_OK;
}
