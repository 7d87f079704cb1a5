/* Building and running a query: scans, the linear nodes, VALUES, UNION ALL, LIMIT; see query.h and
 * query_node.h.
 *
 * Relations are opened by query_open, all of them, so that the query sees what was there when it started;
 * their scans start with the first batch that is asked for.
 */
#include "processors/query.h"

#include <string.h>

#include "base/invariant.h"
#include "processors/query_node.h"

status query_poll(const struct query *query)
{
	if (query->context.cancelled != NULL && query->context.cancelled(query->context.cancel_context))
		return error_raise(STATUS_CANCELLED, "canceling statement due to user request");
	return STATUS_OK;
}

status query_account(struct query_node *node, size_t bytes)
{
	struct query *query = node->query;
	query->memory_bytes += bytes - node->memory_bytes;
	node->memory_bytes = bytes;
	if (query->memory_bytes <= query->context.memory_bytes_max)
		return STATUS_OK;
	status code = error_raise(STATUS_OUT_OF_MEMORY,
		"the query needs more than its memory budget of %zu bytes", query->context.memory_bytes_max);
	error_hint(
		"Select fewer rows or groups, or make the query a materialized view: its state may live on disk.");
	return code;
}

static void *node_make(struct query *query, size_t size)
{
	return arena_alloc_zeroed(&query->memory, size);
}

/* ---- scan ---- */

struct scan_node {
	struct query_node base;
	struct relation *relation;
	struct scan *scan;
	bool empty; /* a bound is null: no row compares true */
	struct scan_request request;
};

static status bound_evaluate(struct scan_node *node, const struct expression *expression, struct value *out)
{
	struct query *query = node->base.query;
	status code = expression_evaluate_constant(expression, &query->context.evaluation, &query->memory, out);
	if (code == STATUS_OK && out->null)
		node->empty = true;
	return code;
}

static status bounds_evaluate(struct scan_node *node)
{
	const struct scan_bounds *bounds = &node->base.plan->scan.bounds;
	struct key_range *range = &node->request.range;
	status code = STATUS_OK;
	if (bounds->prefix_count == 0 && bounds->low == NULL && bounds->high == NULL)
		return STATUS_OK;
	struct value *values = node_make(node->base.query, (bounds->prefix_count + 2) * sizeof *values);
	for (size_t i = 0; code == STATUS_OK && i < bounds->prefix_count; i++)
		code = bound_evaluate(node, bounds->prefix[i], &values[i]);
	struct value *low = &values[bounds->prefix_count], *high = low + 1;
	if (code == STATUS_OK && bounds->low != NULL)
		code = bound_evaluate(node, bounds->low, low);
	if (code == STATUS_OK && bounds->high != NULL)
		code = bound_evaluate(node, bounds->high, high);
	range->prefix = values;
	range->prefix_count = bounds->prefix_count;
	range->low = bounds->low != NULL ? low : NULL;
	range->high = bounds->high != NULL ? high : NULL;
	range->low_inclusive = bounds->low_inclusive;
	range->high_inclusive = bounds->high_inclusive;
	return code;
}

/* The relation's columns that are read, ascending and each once. */
static void columns_wanted(struct scan_node *node)
{
	const struct plan *plan = node->base.plan;
	size_t count = node->relation->schema.field_count, wanted = 0;
	uint8_t *marks = node_make(node->base.query, count);
	uint32_t *columns = node_make(node->base.query, count * sizeof *columns);
	for (size_t c = 0; c < plan->schema.field_count; c++) {
		INVARIANT(plan->scan.columns[c] < count);
		if (node->base.needed[c] != 0)
			marks[plan->scan.columns[c]] = 1;
	}
	for (uint32_t c = 0; c < count; c++) {
		columns[wanted] = c;
		wanted += marks[c];
	}
	node->request.columns = columns;
	node->request.column_count = wanted;
}

static status scan_start(struct scan_node *node)
{
	struct query *query = node->base.query;
	status code = bounds_evaluate(node);
	if (code != STATUS_OK || node->empty)
		return code;
	columns_wanted(node);
	node->request.cancelled = query->context.cancelled;
	node->request.cancel_context = query->context.cancel_context;
	return node->relation->open(node->relation, &node->request, &node->scan);
}

static status scan_next(struct query_node *base, const struct batch **out)
{
	struct scan_node *node = (struct scan_node *)(void *)base;
	status code = query_poll(base->query);
	if (code == STATUS_OK && node->scan == NULL && !node->empty)
		code = scan_start(node);
	if (code == STATUS_OK && node->empty)
		code = STATUS_END;
	struct batch *batch = NULL;
	while (code == STATUS_OK && (batch == NULL || batch->row_count == 0)) {
		arena_reset(base->arena);
		code = node->scan->next(node->scan, base->arena, &batch);
	}
	if (code != STATUS_OK)
		return code;
	struct batch *picked = arena_copy(base->arena, batch, sizeof *batch);
	picked->column_count = (uint32_t)base->plan->schema.field_count;
	picked->columns = arena_alloc(base->arena, picked->column_count * sizeof *picked->columns);
	for (uint32_t c = 0; c < picked->column_count; c++)
		picked->columns[c] = batch->columns[base->plan->scan.columns[c]];
	*out = picked;
	return STATUS_OK;
}

static void scan_close(struct query_node *base)
{
	struct scan_node *node = (struct scan_node *)(void *)base;
	if (node->scan != NULL)
		node->scan->close(node->scan);
	if (node->relation != NULL)
		node->relation->release(node->relation);
}

static status scan_make(
	struct query *query, const struct plan *plan, uint64_t row_limit, struct query_node **out)
{
	struct scan_node *node = node_make(query, sizeof *node);
	node->base.next = scan_next;
	node->base.close = scan_close;
	node->request.row_limit = row_limit;
	*out = &node->base;
	return query->context.open_relation(query->context.context, plan, &node->relation);
}

/* ---- linear nodes ---- */

static status filter_next(struct query_node *node, const struct batch **out)
{
	const struct batch *batch;
	do {
		status code = query_pull(node->children[0], &batch);
		if (code == STATUS_OK)
			code = batch_filter(node->plan->filter.predicate, batch, node->needed,
				&node->query->context.evaluation, node->arena, &batch);
		if (code != STATUS_OK)
			return code;
	} while (batch->row_count == 0);
	*out = batch;
	return STATUS_OK;
}

static status project_next(struct query_node *node, const struct batch **out)
{
	const struct batch *batch;
	status code = query_pull(node->children[0], &batch);
	if (code != STATUS_OK)
		return code;
	return batch_project(node->plan, batch, node->needed, &node->query->context.evaluation, node->arena, out);
}

struct sequence_node {
	struct query_node base;
	size_t at; /* child, or 1 when VALUES have been given */
};

static status union_next(struct query_node *base, const struct batch **out)
{
	struct sequence_node *node = (struct sequence_node *)(void *)base;
	arena_reset(&base->own); /* of the nodes above */
	for (; node->at < base->child_count; node->at++) {
		status code = query_pull(base->children[node->at], out);
		if (code != STATUS_END)
			return code;
	}
	return STATUS_END;
}

static status values_next(struct query_node *base, const struct batch **out)
{
	struct sequence_node *node = (struct sequence_node *)(void *)base;
	if (node->at++ != 0 || base->plan->values.row_count == 0)
		return STATUS_END;
	struct batch *batch;
	status code = batch_values(base->plan, &base->query->context.evaluation, base->arena, &batch);
	if (code == STATUS_OK)
		*out = batch;
	return code;
}

/* ---- rows of weight n, n times ---- */

struct repeat_node {
	struct query_node base;
	const struct batch *batch; /* the child's, being repeated */
	uint32_t row;
	int64_t given; /* of that row */
};

static bool weights_are_one(const struct batch *batch)
{
	for (uint32_t i = 0; i < batch->row_count; i++) {
		if (batch->weights[i] != 1)
			return false;
	}
	return true;
}

static status repeat_next(struct query_node *base, const struct batch **out)
{
	struct repeat_node *node = (struct repeat_node *)(void *)base;
	uint32_t rows[QUERY_ROWS], count = 0;
	while (count == 0) {
		if (node->batch == NULL) {
			status code = query_pull(base->children[0], &node->batch);
			if (code != STATUS_OK) {
				node->batch = NULL;
				return code;
			}
			node->row = 0;
			node->given = 0;
			if (node->batch->weights == NULL || weights_are_one(node->batch)) {
				struct batch *plain = arena_copy(base->children[0]->arena, node->batch, sizeof *plain);
				plain->weights = NULL;
				node->batch = NULL;
				*out = plain;
				return STATUS_OK;
			}
		}
		for (; node->row < node->batch->row_count && count < QUERY_ROWS; node->row++, node->given = 0) {
			int64_t weight = node->batch->weights[node->row];
			if (weight < 0)
				return error_raise(STATUS_INTERNAL, "a query met a row of negative weight");
			for (; node->given < weight && count < QUERY_ROWS; node->given++)
				rows[count++] = node->row;
			if (node->given < weight)
				break;
		}
		if (node->row == node->batch->row_count && count == 0)
			node->batch = NULL;
	}
	arena_reset(&base->own);
	struct batch *repeated = batch_gather(&base->own, node->batch, rows, count);
	repeated->weights = NULL;
	*out = repeated;
	if (node->row == node->batch->row_count)
		node->batch = NULL;
	return STATUS_OK;
}

static struct query_node *repeat_make(struct query *query, struct query_node *child)
{
	struct repeat_node *node = node_make(query, sizeof *node);
	node->base.next = repeat_next;
	node->base.query = query;
	node->base.plan = child->plan;
	node->base.needed = child->needed;
	node->base.children = node_make(query, sizeof(struct query_node *));
	node->base.children[0] = child;
	node->base.child_count = 1;
	node->base.arena = &node->base.own;
	return &node->base;
}

/* ---- limit ---- */

struct limit_node {
	struct query_node base;
	uint64_t skip, left;
};

static status limit_next(struct query_node *base, const struct batch **out)
{
	struct limit_node *node = (struct limit_node *)(void *)base;
	const struct batch *batch;
	uint64_t skipped;
	do {
		if (node->left == 0)
			return STATUS_END;
		status code = query_pull(base->children[0], &batch);
		if (code != STATUS_OK)
			return code;
		skipped = batch->row_count < node->skip ? batch->row_count : node->skip;
		node->skip -= skipped;
	} while (skipped == batch->row_count);
	uint64_t count = batch->row_count - skipped;
	count = count < node->left ? count : node->left;
	node->left -= count;
	arena_reset(&base->own);
	*out = batch_part(batch, (uint32_t)skipped, (uint32_t)count, &base->own);
	return STATUS_OK;
}

static status count_evaluate(struct query *query, const struct expression *expression, const char *clause,
	const char *sqlstate, uint64_t *out)
{
	struct value value;
	if (expression == NULL)
		return STATUS_OK;
	status code =
		expression_evaluate_constant(expression, &query->context.evaluation, &query->memory, &value);
	if (code != STATUS_OK || value.null)
		return code;
	if (value.i64 < 0) {
		code = error_raise(STATUS_INVALID, "%s must not be negative", clause);
		error_sqlstate(sqlstate);
		return code;
	}
	*out = (uint64_t)value.i64;
	return STATUS_OK;
}

static status limit_make(struct query *query, const struct plan *plan, struct limit_node **out)
{
	struct limit_node *node = node_make(query, sizeof *node);
	node->base.next = limit_next;
	node->left = UINT64_MAX;
	*out = node;
	status code = count_evaluate(query, plan->limit.offset, "OFFSET", "2201X", &node->skip);
	return code == STATUS_OK ? count_evaluate(query, plan->limit.limit, "LIMIT", "2201W", &node->left) : code;
}

/* ---- the tree ---- */

struct build {
	const uint8_t *needed;
	uint64_t row_limit; /* the node above will not read more rows */
};

static status node_build(
	struct query *query, const struct plan *plan, struct build build, struct query_node **out);

static status node_create(
	struct query *query, const struct plan *plan, struct build *build, struct query_node **out)
{
	struct query_node *node = NULL;
	struct limit_node *limit;
	switch (plan->kind) {
	case PLAN_SCAN:
		return scan_make(query, plan, build->row_limit, out);
	case PLAN_LIMIT: {
		status code = limit_make(query, plan, &limit);
		uint64_t rows = limit->left > UINT64_MAX - limit->skip ? UINT64_MAX : limit->left + limit->skip;
		build->row_limit = rows < build->row_limit ? rows : build->row_limit;
		*out = &limit->base;
		return code;
	}
	case PLAN_FILTER:
		node = node_make(query, sizeof *node);
		node->next = filter_next;
		break;
	case PLAN_PROJECT:
		node = node_make(query, sizeof *node);
		node->next = project_next;
		break;
	case PLAN_UNION_ALL:
		node = node_make(query, sizeof(struct sequence_node));
		node->next = union_next;
		break;
	case PLAN_VALUES:
		node = node_make(query, sizeof(struct sequence_node));
		node->next = values_next;
		break;
	case PLAN_AGGREGATE:
		node = query_aggregate_make(query);
		break;
	case PLAN_JOIN:
		node = query_join_make(query);
		break;
	case PLAN_SORT:
	case PLAN_NUMBER:
		node = query_sort_make(query, plan->kind == PLAN_SORT ? build->row_limit : UINT64_MAX);
		break;
	}
	/* Only these give as many rows as they take. */
	if (plan->kind != PLAN_PROJECT && plan->kind != PLAN_UNION_ALL)
		build->row_limit = UINT64_MAX;
	*out = node;
	return STATUS_OK;
}

static status child_build(struct query *query, struct query_node *node, size_t index, struct build build)
{
	const struct plan *child = node->plan->children[index];
	uint8_t *needed = node_make(query, child->schema.field_count);
	operator_child_columns(node->plan, index, build.needed, needed);
	if (node->plan->kind == PLAN_SORT || node->plan->kind == PLAN_NUMBER)
		memset(needed, 1, child->schema.field_count); /* ties are broken by the whole row */
	build.needed = needed;
	status code = node_build(query, child, build, &node->children[index]);
	if (code == STATUS_OK && node->plan->kind == PLAN_LIMIT)
		node->children[index] = repeat_make(query, node->children[index]);
	return code;
}

static bool shares_arena(enum plan_kind kind)
{
	return kind == PLAN_FILTER || kind == PLAN_PROJECT;
}

static status node_build(
	struct query *query, const struct plan *plan, struct build build, struct query_node **out)
{
	struct query_node *node = NULL;
	status code = node_create(query, plan, &build, &node);
	*out = node; /* a partly built tree is closed by query_close() */
	node->query = query;
	node->plan = plan;
	node->needed = build.needed;
	node->arena = &node->own;
	node->children = node_make(query, plan->child_count * sizeof(struct query_node *));
	node->child_count = plan->child_count;
	for (size_t i = 0; code == STATUS_OK && i < plan->child_count; i++)
		code = child_build(query, node, i, build);
	if (code == STATUS_OK && shares_arena(plan->kind))
		node->arena = node->children[0]->arena;
	return code;
}

static void node_close(struct query_node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->child_count; i++)
		node_close(node->children[i]);
	if (node->close != NULL)
		node->close(node);
	arena_deinit(&node->own);
}

status query_open(const struct plan *plan, const struct query_context *context, struct query **out)
{
	struct query *query = mem_alloc_zeroed(1, sizeof *query);
	query->context = *context;
	if (query->context.memory_bytes_max == 0)
		query->context.memory_bytes_max = QUERY_MEMORY_DEFAULT;
	uint8_t *needed = node_make(query, plan->schema.field_count);
	memset(needed, 1, plan->schema.field_count);
	status code = node_build(query, plan, (struct build){needed, UINT64_MAX}, &query->root);
	if (code != STATUS_OK) {
		query_close(query);
		return code;
	}
	query->root = repeat_make(query, query->root);
	*out = query;
	return STATUS_OK;
}

status query_next(struct query *query, const struct batch **out)
{
	status code = query_poll(query);
	return code == STATUS_OK ? query_pull(query->root, out) : code;
}

void query_close(struct query *query)
{
	if (query == NULL)
		return;
	node_close(query->root);
	arena_deinit(&query->memory);
	mem_free(query);
}
