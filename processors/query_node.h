/* The nodes of a running query: pull-based, one per plan node (and one that repeats rows of weight n).
 * Private to query*.c.
 *
 *   next   the node's next batch, never empty, weights ≥ 1 or NULL; it stays good until the node's next
 * `next`. END.
 *
 * A node's batches lie in node->arena. Nodes that only transform their child's batch share the child's arena,
 * which the producer below resets: a point lookup fills one small arena.
 */
#ifndef KAPPA_PROCESSORS_QUERY_NODE_H
#define KAPPA_PROCESSORS_QUERY_NODE_H

#include "processors/operator.h"
#include "processors/query.h"

enum { QUERY_MEMORY_DEFAULT = 1024 * 1024 * 1024, QUERY_ROWS = 4096 };

struct query {
	struct arena memory; /* nodes */
	struct query_context context;
	struct query_node *root;
	size_t memory_bytes; /* held by blocking nodes */
};

struct query_node {
	status (*next)(struct query_node *node, const struct batch **out);
	void (*close)(struct query_node *node); /* frees what is not in query->memory; may be NULL */
	struct query *query;
	const struct plan *plan;
	const uint8_t *needed; /* output columns that are read above */
	struct query_node **children;
	size_t child_count;
	struct arena own, *arena;
	size_t memory_bytes; /* as last told to query_account() */
};

/* CANCELLED when the client asked for it. */
status query_poll(const struct query *query) MUST_USE;
/* The node now holds `bytes`; OUT_OF_MEMORY when the query holds too much. */
status query_account(struct query_node *node, size_t bytes) MUST_USE;
static inline status query_pull(struct query_node *node, const struct batch **out)
{
	return node->next(node, out);
}

/* Each turns `node`, whose common fields are set, into one of its kind. */
struct query_node *query_aggregate_make(struct query *query);
struct query_node *query_join_make(struct query *query);
/* The sort gives no more than the first `row_limit` rows (UINT64_MAX: all). */
struct query_node *query_sort_make(struct query *query, uint64_t row_limit);

#endif
