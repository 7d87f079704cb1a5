/* Making plan nodes, and rewriting expressions: what the binder and the simplifier share.
 *
 * Every node is made by a plan_make_*() function, which derives the schema, append_only and the key from the
 * children; a pass over a plan therefore rebuilds nodes instead of changing them, and the derived facts stay
 * true. All results lie in the arena; children are shared, not copied.
 */
#ifndef KAPPA_PROCESSORS_PLAN_BUILD_H
#define KAPPA_PROCESSORS_PLAN_BUILD_H

#include "processors/plan.h"
#include "processors/sql.h"

/* All columns of the relation, visible and hidden. */
struct plan *plan_make_scan(struct arena *arena, const struct sql_relation *relation);
/* The same scan of columns [i] with used[i] != 0. */
struct plan *plan_make_narrow_scan(struct arena *arena, const struct plan *scan, const uint8_t *used);
struct plan *plan_make_bounded_scan(
	struct arena *arena, const struct plan *scan, const struct scan_bounds *bounds);
struct plan *plan_make_values(
	struct arena *arena, const struct schema *schema, const struct expression ***rows, size_t row_count);
struct plan *plan_make_filter(
	struct arena *arena, const struct plan *child, const struct expression *predicate);
/* names[i] NULL: the column's own name, "?column?" for other expressions. */
struct plan *plan_make_project(struct arena *arena, const struct plan *child,
	const struct expression *const *expressions, const char *const *names, size_t count);
struct plan *plan_make_aggregate(struct arena *arena, const struct plan *child, const uint32_t *groups,
	size_t group_count, const struct aggregate_call *calls, size_t call_count, bool global);
/* Groups by all columns. */
struct plan *plan_make_distinct(struct arena *arena, const struct plan *child);
struct plan *plan_make_join(struct arena *arena, enum join_kind kind, const struct plan *left,
	const struct plan *right, const uint32_t *left_keys, const uint32_t *right_keys, size_t key_count,
	const struct expression *residual);
struct plan *plan_make_union(struct arena *arena, const struct plan *const *children, size_t count);
struct plan *plan_make_sort(
	struct arena *arena, const struct plan *child, const struct sort_key *keys, size_t key_count);
/* The first `partition_count` keys are PARTITION BY, the others ORDER BY. */
struct plan *plan_make_number(struct arena *arena, const struct plan *child, const struct sort_key *keys,
	size_t key_count, size_t partition_count);
struct plan *plan_make_limit(struct arena *arena, const struct plan *child, const struct expression *limit,
	const struct expression *offset);
/* A copy with other column names. */
struct plan *plan_make_renamed(struct arena *arena, const struct plan *plan, const char *const *names);
/* Exactly one row, whatever the input: a global aggregate or one literal row, under projections. */
bool plan_is_single_row(const struct plan *plan);

/* No row can come out: a relation that never has any is read. */
bool plan_is_empty(const struct plan *plan);

/* Pushes filters down, turns equalities into join keys, orders inner joins, bounds scans by keys (unless
 * `for_circuit`), merges projections and filters, reads only the columns that are used. Same rows, same
 * schema. */
const struct plan *plan_simplify(struct arena *arena, const struct plan *plan, bool for_circuit);

/* Moves key equalities and ranges of `conjuncts` into the bounds of a scan of all columns; *count shrinks by
 * what the bounds cover entirely. Returns the scan, bounded or as it was. */
const struct plan *plan_bound_scan(
	struct arena *arena, const struct plan *scan, const struct expression **conjuncts, size_t *count);

/* ---- expressions ---- */

/* Replaces nodes: replace() returns the new node, or NULL to keep this one and go on with its arguments. */
struct expression_rewriter {
	const struct expression *(*replace)(
		struct expression_rewriter *rewriter, const struct expression *expression);
	struct arena *arena;
	void *context;
	bool fold; /* what becomes constant by it is computed */
};
const struct expression *expression_rewrite(
	struct expression_rewriter *rewriter, const struct expression *expression);
/* The constant that a node with constant arguments comes to; the node itself when it fails, is volatile, or
 * gives a long text. */
const struct expression *expression_fold(struct arena *arena, const struct expression *expression);
/* Column i becomes column map[i]. */
const struct expression *expression_remap(
	struct arena *arena, const struct expression *expression, const uint32_t *map);
/* Column i becomes column i + by. */
const struct expression *expression_shift(
	struct arena *arena, const struct expression *expression, int64_t by);
/* Column i becomes expressions[i]. */
const struct expression *expression_substitute(
	struct arena *arena, const struct expression *expression, const struct expression *const *expressions);
/* Sets used[i] = 1 for every column i in it. */
void expression_mark_columns(const struct expression *expression, uint8_t *used);
/* Adds to counts[i] the number of times column i occurs. */
void expression_count_columns(const struct expression *expression, uint32_t *counts);
/* Does any column with from ≤ index < to occur? */
bool expression_uses_columns(const struct expression *expression, uint32_t from, uint32_t to);
bool expression_is_volatile(const struct expression *expression);
size_t expression_size(const struct expression *expression);
/* Known never to be null, given the columns' not_null. */
bool expression_is_not_null(const struct expression *expression, const struct schema *input);
bool expression_is_true(const struct expression *expression);          /* the constant true */
bool expression_is_false_or_null(const struct expression *expression); /* constants */
/* A comparison operator of this name with two arguments? */
bool expression_is_operator(const struct expression *expression, const char *name);

/* A growing list in an arena. */
struct expression_list {
	const struct expression **items;
	size_t count, capacity;
};
void expression_list_add(
	struct expression_list *list, struct arena *arena, const struct expression *expression);
/* Adds the arguments of (nested) ANDs, or the expression itself; drops the constant true. */
void expression_list_add_conjuncts(
	struct expression_list *list, struct arena *arena, const struct expression *expression);
/* The AND of all; NULL for none. */
const struct expression *expression_and(
	struct arena *arena, const struct expression *const *items, size_t count);

#endif
