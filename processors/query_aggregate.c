/* GROUP BY in a query: everything is absorbed in one step without a store behind, then emitted once; see
 * aggregate.h. */
#include "processors/aggregate.h"
#include "processors/query_node.h"

struct aggregate_node {
	struct query_node base;
	struct aggregate *aggregate; /* NULL until the first batch is asked for */
};

static status absorb_all(struct aggregate_node *node)
{
	/* What a query reads is there: no retractions, whatever the plan says of the view. */
	status code = aggregate_create(node->base.plan, true, NULL, true, 0, &node->aggregate);
	const struct batch *batch;
	while (code == STATUS_OK && (code = query_pull(node->base.children[0], &batch)) == STATUS_OK) {
		code = aggregate_absorb(node->aggregate, batch);
		if (code == STATUS_OK)
			code = query_account(&node->base, aggregate_memory_bytes(node->aggregate));
	}
	return code == STATUS_END ? aggregate_step_end(node->aggregate) : code;
}

static status aggregate_next(struct query_node *base, const struct batch **out)
{
	struct aggregate_node *node = (struct aggregate_node *)(void *)base;
	status code = node->aggregate == NULL ? absorb_all(node) : STATUS_OK;
	struct batch *batch;
	arena_reset(&base->own);
	if (code == STATUS_OK)
		code = aggregate_emit(node->aggregate, &base->own, &batch);
	if (code == STATUS_OK)
		*out = batch;
	return code;
}

static void aggregate_close(struct query_node *base)
{
	aggregate_destroy(((struct aggregate_node *)(void *)base)->aggregate);
}

struct query_node *query_aggregate_make(struct query *query)
{
	struct aggregate_node *node = arena_alloc_zeroed(&query->memory, sizeof *node);
	node->base.next = aggregate_next;
	node->base.close = aggregate_close;
	return &node->base;
}
