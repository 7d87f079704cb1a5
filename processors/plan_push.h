/* The simplifier's two passes; see plan_simplify.c. */
#ifndef KAPPA_PROCESSORS_PLAN_PUSH_H
#define KAPPA_PROCESSORS_PLAN_PUSH_H

#include "processors/plan_build.h"

struct simplifier {
	struct arena *arena;
	bool for_circuit;
};

/* `plan` filtered by all of `conjuncts` (over its columns), with every filter in it as far down as it may go.
 */
const struct plan *plan_push(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts);
/* The same for a join: conditions become keys, inner joins are ordered. */
const struct plan *plan_push_join(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts);
/* The filter, or the plan itself when there is nothing to filter, or no rows when nothing can pass. */
const struct plan *plan_filtered(
	const struct simplifier *simplifier, const struct plan *plan, const struct expression_list *conjuncts);
/* A projection, merged into the child's where no work is done twice by it. */
const struct plan *plan_projected(const struct simplifier *simplifier, const struct plan *child,
	const struct expression *const *expressions, const char *const *names, size_t count);
/* May the predicate be evaluated for rows that would not have reached it? */
bool predicate_may_move(const struct expression *predicate);

/* The plan with as few columns as serve used[]; map[i] is where column i went, for used columns. */
const struct plan *plan_prune(
	const struct simplifier *simplifier, const struct plan *plan, const uint8_t *used, uint32_t *map);

#endif
