/* The functions, operators and casts of the dialect: one registry of static descriptors, PostgreSQL's names,
 * argument types and results.
 *
 * Operators are functions named by their symbol ("+", "<", "||", "~~" for LIKE, "~~*" for ILIKE, "-" with one
 * argument for negation). Casts are found by types (cast_find). Kernels compute whole columns.
 */
#ifndef KAPPA_PROCESSORS_FUNCTION_H
#define KAPPA_PROCESSORS_FUNCTION_H

#include "zset/batch.h"

struct evaluation;

struct kernel_call {
	const struct column *arguments; /* argument_count columns of row_count rows, except: */
	uint32_t
		constant_arguments; /* bit i set: argument i is the same for all rows, its column has row 0 only */
	size_t argument_count;
	uint32_t row_count;
	/* Rows to leave alone (some argument is null, for strict functions); NULL = none. Their result is null;
	 * the kernel must neither fail on them nor rely on their values. */
	const uint8_t *skip;
	const struct evaluation *evaluation;
	struct arena *arena;
	struct column
		*result; /* made by the caller: values uninitialised, nulls = skip (or NULL); a kernel that yields
				  * further nulls calls column_ensure_nulls (the caller never shares the array) */
	struct type result_type;
};

enum function_flags {
	FUNCTION_STRICT = 1,   /* any null argument gives null; the evaluator does it */
	FUNCTION_FAILS = 2,    /* may fail for some non-null arguments */
	FUNCTION_VOLATILE = 4, /* depends on more than its arguments (now(), random()); refused in views */
	FUNCTION_VARIADIC = 8, /* the last argument type repeats, one or more times */
	FUNCTION_STABLE = 16,  /* with VOLATILE: the same for all rows of one query (now()) */
	FUNCTION_RELABEL = 32, /* value and physical form stay, only the type changes: no kernel */
	FUNCTION_CAST = 64,    /* found by cast_find(), shown as x::type */
};

/* In function.arguments: takes any type as it is. */
#define FUNCTION_TYPE_ANY TYPE_COUNT

enum { FUNCTION_ARGUMENTS_MAX = 6 };

struct function {
	const char *name;
	enum type_id result;
	uint8_t argument_count;
	uint8_t flags;
	enum type_id arguments[FUNCTION_ARGUMENTS_MAX];
	status (*kernel)(const struct kernel_call *call);
	/* Result modifier or type refinement is never needed beyond `result` except for casts to
	 * numeric(p,s)/varchar(n): their kernels read result_type.modifier. */
};

/* Resolves like PostgreSQL (exact match, then implicit casts, preferred types, unknown literals as anything):
 * `arguments` are the written types (TYPE_UNKNOWN for untyped literals and parameters).
 * UNKNOWN_FUNCTION names the signature and hints at near names; AMBIGUOUS. */
status function_resolve(
	const char *name, const enum type_id *arguments, size_t count, const struct function **out) MUST_USE;
/* The type argument `index` (0-based, also of the repeated ones) of a resolved call has to be cast to;
 * `given` is the written type. Use this rather than function->arguments[index]. */
enum type_id function_argument_type(const struct function *function, size_t index, enum type_id given);
/* Is there any function of this name (any arguments)? */
bool function_exists(const char *name);

enum cast_context { CAST_IMPLICIT, CAST_ASSIGNMENT, CAST_EXPLICIT };

/* The cast as a one-argument function; *out = NULL when the types need no work (binary coercible, or the same
 * type without a modifier to apply). TYPE_MISMATCH when there is none in this context. TYPE_UNKNOWN casts by
 * input syntax. The call's expression.type must be set to `to` when it has a modifier: kernels read it. */
status cast_find(
	enum type_id from, struct type to, enum cast_context context, const struct function **out) MUST_USE;
/* The common type of CASE branches, UNION columns, IN lists… (PostgreSQL's select_common_type); TYPE_UNKNOWN
 * entries yield, all unknown gives TEXT. TYPE_MISMATCH. */
status type_common(
	const enum type_id *types, size_t count, const char *construct, enum type_id *out) MUST_USE;

#endif
