/* Bound expressions and their vectorised evaluation.
 *
 * An expression tree is immutable, lies in its plan's arena and is typed: arguments of a call already have
 * exactly the types the function takes (the binder inserted the casts). Evaluation runs whole columns: a node
 * is evaluated for all rows of the input batch by leaf kernels over arrays. SQL's evaluation order is kept
 * where it can be seen: CASE, COALESCE, AND, OR evaluate a branch that can fail only for the rows that reach
 * it.
 */
#ifndef KAPPA_PROCESSORS_EXPRESSION_H
#define KAPPA_PROCESSORS_EXPRESSION_H

#include "processors/function.h"
#include "zset/batch.h"

enum expression_kind {
	EXPR_CONSTANT,  /* value */
	EXPR_COLUMN,    /* column: index into the input batch */
	EXPR_PARAMETER, /* parameter: 0-based index into evaluation.parameters */
	EXPR_CALL,      /* function(arguments…): operators and casts are calls too */
	EXPR_AND,       /* two or more booleans, three-valued */
	EXPR_OR,
	EXPR_NOT,
	EXPR_TEST,     /* test of arguments[0]; never null */
	EXPR_DISTINCT, /* arguments[0] IS DISTINCT FROM arguments[1], same type; never null */
	EXPR_CASE,     /* when, then, when, then, …, else (always there; a null constant if not written) */
	EXPR_COALESCE,
	EXPR_GREATEST, /* nulls ignored */
	EXPR_LEAST,
	EXPR_IN, /* arguments[0] IN (arguments[1…]), all of one type; NOT IN is NOT of it */
};

enum expression_test { TEST_NULL, TEST_NOT_NULL, TEST_TRUE, TEST_NOT_TRUE, TEST_FALSE, TEST_NOT_FALSE };

struct expression {
	enum expression_kind kind;
	struct type type;
	int32_t position; /* 1-based character position in the SQL text, 0 = none; for errors */
	const struct expression **arguments;
	size_t argument_count;
	union {
		struct value value;
		uint32_t column;
		uint32_t parameter;
		const struct function *function;
		enum expression_test test;
	};
};

/* What evaluation needs besides rows. */
struct evaluation {
	const struct value *parameters; /* of the types the binder inferred */
	size_t parameter_count;
	int64_t now_us; /* now(), current_date: the query's start; views may not use them (the binder refuses) */
};

/* Evaluates for every row of `input`. The result lies in `arena` or is a column of the input. Errors carry
 * the expression's position. */
status expression_evaluate(const struct expression *expression, const struct batch *input,
	const struct evaluation *evaluation, struct arena *arena, struct column *out) MUST_USE;
/* The rows for which a boolean expression is true, ascending; `rows` has room for input->row_count. */
status expression_select(const struct expression *expression, const struct batch *input,
	const struct evaluation *evaluation, struct arena *arena, uint32_t *rows, uint32_t *count) MUST_USE;
/* Evaluates an expression without column references. */
status expression_evaluate_constant(const struct expression *expression, const struct evaluation *evaluation,
	struct arena *arena, struct value *out) MUST_USE;
/* False only when no input whatever makes the evaluation fail (1/x, casts, overflow can fail). */
bool expression_can_fail(const struct expression *expression);
/* No column, parameter or volatile function in it. */
bool expression_is_constant(const struct expression *expression);
/* Structural equality; positions do not matter. */
bool expression_equal(const struct expression *left, const struct expression *right);
/* SQL-like text; `names[i]` names column i (NULL: "#i"). Canonical: equal trees give equal text; types of
 * constants and casts are shown. */
void expression_format(const struct expression *expression, const struct schema *names, struct buffer *out);

/* Constructors; everything lies in the arena. */
struct expression *expression_constant(struct arena *arena, const struct value *value);
struct expression *expression_column(struct arena *arena, uint32_t column, struct type type);
struct expression *expression_call(struct arena *arena, const struct function *function,
	const struct expression *const *arguments, size_t count);
struct expression *expression_of(struct arena *arena, enum expression_kind kind, struct type type,
	const struct expression *const *arguments, size_t count);

#endif
