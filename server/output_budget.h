/* Memory for output that clients have not taken yet: one budget for all connections that share it.
 *
 * It bounds nothing by itself: while it is spent, connections make do with less each
 * (connection_is_clogged()), and what asks for more than that is put off or refused. Any thread.
 */
#ifndef KAPPA_SERVER_OUTPUT_BUDGET_H
#define KAPPA_SERVER_OUTPUT_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct output_budget {
	size_t bytes_max;
	atomic_size_t bytes; /* held now */
};

/* The budget may be NULL: never spent. */
static inline bool output_budget_is_spent(struct output_budget *budget)
{
	return budget != NULL && atomic_load_explicit(&budget->bytes, memory_order_relaxed) > budget->bytes_max;
}

static inline void output_budget_take(struct output_budget *budget, size_t bytes)
{
	if (budget != NULL)
		atomic_fetch_add_explicit(&budget->bytes, bytes, memory_order_relaxed);
}

static inline void output_budget_give(struct output_budget *budget, size_t bytes)
{
	if (budget != NULL)
		atomic_fetch_sub_explicit(&budget->bytes, bytes, memory_order_relaxed);
}

#endif
