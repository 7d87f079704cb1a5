/* What can be read like a table: a view version's snapshot, a topic's log, a system relation.
 *
 * The query executor asks for a scan with the columns it needs and, where the relation is ordered by a key, a
 * key range; the relation answers with batches. Implementations live above (views/, replay/, server/).
 */
#ifndef KAPPA_ZSET_RELATION_H
#define KAPPA_ZSET_RELATION_H

#include "zset/batch.h"

/* Equality on the first `prefix_count` key columns, then optionally a range on the next one. */
struct key_range {
	const struct value *prefix; /* of the key columns' own types, non-null */
	size_t prefix_count;
	const struct value *low, *high; /* bounds on key column [prefix_count]; NULL = open */
	bool low_inclusive, high_inclusive;
};

struct scan_request {
	const uint32_t
		*columns; /* wanted columns of the schema, ascending; other columns of the batches may be unset */
	size_t column_count;
	struct key_range range;           /* only when the relation has key_count > 0; else empty */
	uint64_t row_limit;               /* a hint: the reader will not need more rows; UINT64_MAX = no limit */
	bool (*cancelled)(void *context); /* polled between batches; may be NULL */
	void *cancel_context;
};

struct scan {
	/* Next batch: all columns of the schema present (unwanted ones may hold nulls), weights ≥ 1 or NULL.
	 * It lies in `arena` or is borrowed until close. END after the last. CANCELLED. */
	status (*next)(struct scan *scan, struct arena *arena, struct batch **out);
	void (*close)(struct scan *scan); /* frees the scan */
};

struct relation {
	struct schema schema;
	const uint32_t
		*key_columns; /* rows come in this key's order and are unique under it; key_count = 0: no key */
	size_t key_count;
	/* Rough number of rows for the planner's choice of join sides; UINT64_MAX = unknown. */
	uint64_t row_estimate;
	status (*open)(struct relation *relation, const struct scan_request *request, struct scan **out);
	void (*release)(struct relation *relation); /* the last use is over; frees it */
};

#endif
