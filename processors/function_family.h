/* What the files of function kernels (function_*.c) share: the tables they hand to the registry, and the few
 * idioms all kernels use.
 *
 * A kernel writes row `r` of the result from row `r` of its arguments; a constant argument has row 0 only, so
 * arguments are read at `r & mask`. Hot kernels instead write three loops (column∘column, column∘constant,
 * constant∘column). A kernel may leave results of skipped rows unset; texts of skipped rows were zeroed by
 * the caller.
 */
#ifndef KAPPA_PROCESSORS_FUNCTION_FAMILY_H
#define KAPPA_PROCESSORS_FUNCTION_FAMILY_H

#include "processors/expression.h"
#include "processors/function.h"

struct function_list {
	const struct function *functions;
	size_t count;
};

#define FUNCTION_LIST(name, table)                                                                           \
	const struct function_list name = {table, sizeof(table) / sizeof((table)[0])}

/* Calls whose arguments are all constant come as one row of columns, so kernels of one argument never see a
 * constant. */
extern const struct function_list function_list_comparison;
extern const struct function_list function_list_text_comparison;
extern const struct function_list function_list_integer;
extern const struct function_list function_list_float;
extern const struct function_list function_list_numeric;
extern const struct function_list function_list_math;
extern const struct function_list function_list_transcendental;
extern const struct function_list function_list_text;
extern const struct function_list function_list_trim;
extern const struct function_list function_list_concat;
extern const struct function_list function_list_encoding;
extern const struct function_list function_list_pattern;
extern const struct function_list function_list_regex;
extern const struct function_list function_list_datetime;
extern const struct function_list function_list_datetime_parse;
extern const struct function_list function_list_interval;
extern const struct function_list function_list_format;
extern const struct function_list function_list_catalog;

/* "=" of two arguments of one type, whatever it is. */
status comparison_equal(const struct kernel_call *call) MUST_USE;
status text_equal(const struct kernel_call *call) MUST_USE;

/* PostgreSQL's type categories, and whether the type is the preferred one of its category. */
char type_category(enum type_id id);
bool type_preferred(enum type_id id);
/* Is there an implicit cast (or no need of one)? */
bool type_coercible(enum type_id from, enum type_id to);

#define F1(symbol, result, a, flags, kernel)                                                                 \
	{                                                                                                        \
		symbol, TYPE_##result, 1, (flags), {TYPE_##a}, kernel                                                \
	}
#define F2(symbol, result, a, b, flags, kernel)                                                              \
	{                                                                                                        \
		symbol, TYPE_##result, 2, (flags), {TYPE_##a, TYPE_##b}, kernel                                      \
	}
#define F0(symbol, result, flags, kernel)                                                                    \
	{                                                                                                        \
		symbol, TYPE_##result, 0, (flags), {TYPE_UNKNOWN}, kernel                                            \
	}
#define F4(symbol, result, a, b, c, d, flags, kernel)                                                        \
	{                                                                                                        \
		symbol, TYPE_##result, 4, (flags), {TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d}, kernel                  \
	}
#define F3(symbol, result, a, b, c, flags, kernel)                                                           \
	{                                                                                                        \
		symbol, TYPE_##result, 3, (flags), {TYPE_##a, TYPE_##b, TYPE_##c}, kernel                            \
	}
enum { STRICT = FUNCTION_STRICT, FAILS = FUNCTION_FAILS, STRICT_FAILS = FUNCTION_STRICT | FUNCTION_FAILS };

/* Row index mask of an argument: 0 for a constant, all ones otherwise. */
static inline uint32_t kernel_mask(const struct kernel_call *call, size_t argument)
{
	return (call->constant_arguments >> argument & 1u) != 0 ? 0 : UINT32_MAX;
}

static inline bool kernel_skips(const struct kernel_call *call, uint32_t row)
{
	return call->skip != NULL && call->skip[row] != 0;
}

/* Makes the result null at `row`. */
static inline void kernel_set_null(const struct kernel_call *call, uint32_t row)
{
	column_ensure_nulls(call->result, call->row_count, call->arena);
	call->result->nulls[row] = 1;
	if (type_physical(call->result_type.id) == PHYS_TEXT)
		call->result->texts[row] = (struct text){0};
}

/* Row `row` of an argument, constant or not. */
static inline struct text text_argument(const struct kernel_call *call, size_t argument, uint32_t row)
{
	return call->arguments[argument].texts[row & kernel_mask(call, argument)];
}
static inline int64_t i64_argument(const struct kernel_call *call, size_t argument, uint32_t row)
{
	return call->arguments[argument].i64[row & kernel_mask(call, argument)];
}
static inline double f64_argument(const struct kernel_call *call, size_t argument, uint32_t row)
{
	return call->arguments[argument].f64[row & kernel_mask(call, argument)];
}
static inline const struct decimal *decimal_argument(
	const struct kernel_call *call, size_t argument, uint32_t row)
{
	return &call->arguments[argument].decimals[row & kernel_mask(call, argument)];
}
static inline const struct interval *interval_argument(
	const struct kernel_call *call, size_t argument, uint32_t row)
{
	return &call->arguments[argument].intervals[row & kernel_mask(call, argument)];
}

/* Runs the statement for every row that counts; `return` leaves the kernel. */
#define EACH_ROW(call, row)                                                                                  \
	for (uint32_t row = 0; row < (call)->row_count; row++)                                                   \
		if (!kernel_skips(call, row))

static inline struct slice text_slice(const struct text *text)
{
	return slice_of(text->data, text->size);
}

/* Text bytes for the rows of one result, taken from the arena in chunks rather than row by row. */
struct text_writer {
	struct arena *arena;
	char *at;
	size_t left;
};

static inline struct text_writer text_writer_of(const struct kernel_call *call)
{
	return (struct text_writer){.arena = call->arena};
}

/* Room for `size` bytes; text_writer_commit() keeps the first `used` of them. */
char *text_writer_reserve(struct text_writer *writer, size_t size);
static inline struct text text_writer_commit(struct text_writer *writer, size_t used)
{
	struct text text = {.data = writer->at, .size = (uint32_t)used};
	writer->at += used;
	writer->left -= used;
	return text;
}
/* Copies bytes; TOO_LARGE beyond TEXT_SIZE_MAX. */
status text_writer_put(struct text_writer *writer, struct slice bytes, struct text *out) MUST_USE;
/* Raises TOO_LARGE for a result of `size` bytes beyond TEXT_SIZE_MAX. */
status text_size_check(size_t size) MUST_USE;

#endif
