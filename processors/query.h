/* Runs a bound plan once over snapshots: ad-hoc SELECT, with the kernels and operators that circuits use.
 *
 *   query_open → query_next… → query_close.   One thread at a time.
 */
#ifndef KAPPA_PROCESSORS_QUERY_H
#define KAPPA_PROCESSORS_QUERY_H

#include "processors/plan.h"
#include "zset/relation.h"

struct query;

struct query_context {
	/* Gives the relation of a PLAN_SCAN as of this query's snapshot; the query releases it. */
	status (*open_relation)(void *context, const struct plan *scan, struct relation **out);
	void *context;
	struct evaluation evaluation;
	size_t memory_bytes_max;          /* of hash tables, sorts; 0 = 1 GiB; OUT_OF_MEMORY beyond */
	bool (*cancelled)(void *context); /* polled; may be NULL */
	void *cancel_context;
};

/* The context struct is copied, what it points to must outlive the query; so must the plan. */
status query_open(const struct plan *plan, const struct query_context *context, struct query **out) MUST_USE;
/* Next batch of result rows (weights all NULL: a row of weight n comes n times), valid until the next call.
 * END. */
status query_next(struct query *query, const struct batch **out) MUST_USE;
void query_close(struct query *query); /* accepts NULL */

#endif
