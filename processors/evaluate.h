/* Inside of the evaluator: operands, sub-batches and blending, shared by evaluate*.c.
 *
 * An operand is what a node evaluates to: a column of the batch's rows, or one row that stands for all of
 * them. Constants stay one row as long as a kernel can take them so; whole subtrees over constants are
 * computed once per batch.
 */
#ifndef KAPPA_PROCESSORS_EVALUATE_H
#define KAPPA_PROCESSORS_EVALUATE_H

#include "processors/expression.h"

struct operand {
	struct column column;
	bool constant; /* the column has one row, valid for all */
};

struct evaluator {
	const struct batch *input;
	const struct evaluation *evaluation;
	struct arena *arena;
};

/* A row of an operand. */
static inline uint32_t operand_row(const struct operand *operand, uint32_t row)
{
	return operand->constant ? 0 : row;
}

/* Evaluates a node for all rows of evaluator->input. */
status operand_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;
/* Only for the listed rows (ascending); the result has `count` rows, in that order. No rows: nothing is
 * evaluated. */
status operand_evaluate_rows(const struct evaluator *evaluator, const struct expression *expression,
	const uint32_t *rows, uint32_t count, struct operand *out) MUST_USE;
struct column operand_expand(const struct evaluator *evaluator, const struct operand *operand);

/* target[rows[i]] = source row i (rows NULL: target[i] = source row i), for i < count. `target` gets nulls
 * when needed. */
void operand_scatter(const struct evaluator *evaluator, const struct operand *source, const uint32_t *rows,
	uint32_t count, struct column *target);
/* Where choice[row] == wanted: target[row] = source row. */
void operand_blend(const struct evaluator *evaluator, const struct operand *source, const uint16_t *choice,
	uint16_t wanted, struct column *target);

/* The kinds that decide which of their arguments are evaluated for which rows. */
status and_or_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;
status case_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;
status coalesce_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;
/* GREATEST, LEAST, DISTINCT, IN. */
status extreme_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;
status distinct_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;
status in_evaluate(
	const struct evaluator *evaluator, const struct expression *expression, struct operand *out) MUST_USE;

#endif
