/* Hash join in a query: the right side is arranged by key, then the left side probes it batch by batch.
 *
 *   inner   every pair of equal keys that passes the residual
 *   left    the same, and left rows without such a pair, followed by nulls
 *   semi    left rows with at least one such pair;  anti: left rows with none
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/arrangement.h"
#include "processors/query_node.h"

struct join_node {
	struct query_node base;
	bool built;
	struct arrangement right;
	const struct batch *input; /* the left child's batch */
	uint32_t input_at;
	struct batch *chunk; /* the part of it that is probing; NULL = none */
	struct arena chunk_arena;
	struct arrangement_probe probe;
	bool probing;
	uint8_t *matched;
	struct arrangement_match match;
};

/* ---- build ---- */

/* Key slots need keys without nulls: the positions of such rows. */
static uint32_t rows_with_keys(
	const struct batch *batch, const uint32_t *columns, size_t count, uint32_t *rows)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < batch->row_count; i++) {
		bool null = false;
		for (size_t k = 0; k < count; k++)
			null |= column_is_null(&batch->columns[columns[k]], i);
		rows[kept] = i;
		kept += !null;
	}
	return kept;
}

static status build_chunk(struct join_node *node, const struct batch *batch, struct arena *arena)
{
	const struct plan *plan = node->base.plan;
	uint32_t *rows = arena_alloc(arena, batch->row_count * sizeof *rows);
	uint32_t count = rows_with_keys(batch, plan->join.right_keys, plan->join.key_count, rows);
	if (count == 0)
		return STATUS_OK;
	if (count != batch->row_count)
		batch = batch_gather(arena, batch, rows, count);
	struct table_keys keys;
	status code = table_keys_make(
		node->right.keys.kind, batch, plan->join.right_keys, plan->join.key_count, arena, &keys);
	return code == STATUS_OK ? arrangement_add(&node->right, batch, &keys, arena, NULL) : code;
}

static status build(struct join_node *node)
{
	const struct plan *plan = node->base.plan;
	const struct schema *schema = &plan->children[1]->schema;
	struct plan keyless = *plan;
	keyless.join.key_count = 0;
	uint8_t *kept = arena_alloc(&node->base.query->memory, schema->field_count);
	operator_child_columns(&keyless, 1, node->base.needed, kept);
	arrangement_init(&node->right, schema->fields, schema->field_count, kept, plan->join.right_keys,
		plan->join.key_count, false);
	node->built = true;
	struct arena arena = {0};
	const struct batch *batch;
	status code;
	while ((code = query_pull(node->base.children[1], &batch)) == STATUS_OK) {
		for (uint32_t from = 0; code == STATUS_OK && from < batch->row_count; from += OPERATOR_ROWS) {
			uint32_t count =
				batch->row_count - from < OPERATOR_ROWS ? batch->row_count - from : OPERATOR_ROWS;
			arena_reset(&arena);
			code = build_chunk(node, batch_part(batch, from, count, &arena), &arena);
		}
		if (code == STATUS_OK)
			code = query_account(&node->base, arrangement_memory_bytes(&node->right));
		if (code != STATUS_OK)
			break;
	}
	arena_deinit(&arena);
	return code == STATUS_END ? STATUS_OK : code;
}

/* ---- probe ---- */

/* The next part of the left side and the key slots its rows meet. */
static status chunk_start(struct join_node *node)
{
	const struct plan *plan = node->base.plan;
	status code = STATUS_OK;
	if (node->input == NULL || node->input_at == node->input->row_count) {
		code = query_pull(node->base.children[0], &node->input);
		if (code != STATUS_OK) {
			node->input = NULL;
			return code;
		}
		node->input_at = 0;
	}
	uint32_t count = node->input->row_count - node->input_at;
	count = count < OPERATOR_ROWS ? count : OPERATOR_ROWS;
	struct arena *arena = &node->chunk_arena;
	arena_reset(arena);
	node->chunk = batch_part(node->input, node->input_at, count, arena);
	node->input_at += count;
	uint32_t *rows = arena_alloc(arena, count * sizeof *rows);
	uint32_t keyed = rows_with_keys(node->chunk, plan->join.left_keys, plan->join.key_count, rows);
	const struct batch *batch = keyed == count ? node->chunk : batch_gather(arena, node->chunk, rows, keyed);
	struct table_keys keys;
	code = table_keys_make(
		node->right.keys.kind, batch, plan->join.left_keys, plan->join.key_count, arena, &keys);
	uint32_t *ids = arena_alloc(arena, keyed * sizeof *ids);
	if (code == STATUS_OK)
		code = arrangement_lookup(&node->right, &keys, arena, ids);
	if (code != STATUS_OK)
		return code;
	uint32_t *all = arena_alloc_zeroed(arena, count * sizeof *all); /* 0 = meets nothing */
	for (uint32_t i = 0; i < keyed; i++)
		all[rows[i]] = ids[i];
	arrangement_prefetch(&node->right, all, count);
	node->probe = (struct arrangement_probe){.ids = all, .count = count};
	node->probing = true;
	node->matched = arena_alloc_zeroed(arena, count);
	return STATUS_OK;
}

static status pairs_make(struct join_node *node, const struct batch **out)
{
	const struct arrangement_match *match = &node->match;
	struct arena *arena = &node->base.own;
	const struct schema *right = &node->base.plan->children[1]->schema;
	uint32_t left_count = node->chunk->column_count;
	struct batch *pairs = batch_gather(arena, node->chunk, match->rows, match->count);
	struct column *columns = arena_alloc_zeroed(arena, (left_count + right->field_count) * sizeof *columns);
	memcpy(columns, pairs->columns, left_count * sizeof *columns);
	for (uint32_t c = 0; c < right->field_count; c++)
		columns[left_count + c].type = right->fields[c].type;
	arrangement_columns(&node->right, match->cells, match->count, arena, columns + left_count);
	pairs->columns = columns;
	pairs->column_count = left_count + (uint32_t)right->field_count;
	int64_t *weights = arena_alloc(arena, match->count * sizeof *weights);
	bool overflow = false;
	for (uint32_t i = 0; i < match->count; i++)
		overflow |= __builtin_mul_overflow(batch_weight(pairs, i), match->weights[i], &weights[i]);
	if (overflow)
		return error_raise(STATUS_OUT_OF_RANGE, "too many equal rows in a join");
	pairs->weights = weights;
	*out = pairs;
	return STATUS_OK;
}

/* Applies the residual and notes which left rows have a partner. */
static status pairs_filter(struct join_node *node, const struct batch *pairs, const struct batch **out)
{
	const struct arrangement_match *match = &node->match;
	const struct expression *residual = node->base.plan->join.residual;
	struct arena *arena = &node->base.own;
	if (residual == NULL) {
		for (uint32_t i = 0; i < match->count; i++)
			node->matched[match->rows[i]] = 1;
		*out = pairs;
		return STATUS_OK;
	}
	uint32_t *rows = arena_alloc(arena, match->count * sizeof *rows), count;
	status code =
		expression_select(residual, pairs, &node->base.query->context.evaluation, arena, rows, &count);
	if (code != STATUS_OK)
		return code;
	for (uint32_t i = 0; i < count; i++)
		node->matched[match->rows[rows[i]]] = 1;
	*out = count == match->count ? pairs : batch_gather(arena, pairs, rows, count);
	return STATUS_OK;
}

/* All pairs of the chunk are through: left rows that are shown by themselves. */
static void chunk_finish(struct join_node *node, const struct batch **out)
{
	const struct plan *plan = node->base.plan;
	struct arena *arena = &node->base.own;
	uint32_t *rows = arena_alloc(arena, node->chunk->row_count * sizeof *rows), count = 0;
	bool wanted = plan->join.kind == JOIN_SEMI;
	for (uint32_t i = 0; plan->join.kind != JOIN_INNER && i < node->chunk->row_count; i++) {
		rows[count] = i;
		count += (node->matched[i] != 0) == wanted;
	}
	struct batch *left = batch_gather(arena, node->chunk, rows, count);
	node->chunk = NULL;
	*out = left;
	if (plan->join.kind != JOIN_LEFT || count == 0)
		return;
	struct column *columns = arena_alloc(arena, plan->schema.field_count * sizeof *columns);
	memcpy(columns, left->columns, left->column_count * sizeof *columns);
	for (uint32_t c = left->column_count; c < plan->schema.field_count; c++) {
		struct value null = {.type = plan->schema.fields[c].type, .null = true};
		columns[c] = column_constant(arena, &null, count);
	}
	left->columns = columns;
	left->column_count = (uint32_t)plan->schema.field_count;
}

static status chunk_next(struct join_node *node, const struct batch **out)
{
	bool pairs_shown = node->base.plan->join.kind == JOIN_INNER || node->base.plan->join.kind == JOIN_LEFT;
	while (node->probing) {
		arena_reset(&node->base.own);
		node->probing = arrangement_next(&node->right, &node->probe, OPERATOR_ROWS, &node->match);
		if (node->match.count == 0)
			continue;
		const struct batch *pairs = NULL;
		status code = query_poll(node->base.query);
		if (code == STATUS_OK)
			code = pairs_make(node, &pairs);
		if (code == STATUS_OK)
			code = pairs_filter(node, pairs, out);
		if (code != STATUS_OK || (pairs_shown && (*out)->row_count != 0))
			return code;
	}
	arena_reset(&node->base.own);
	chunk_finish(node, out);
	return STATUS_OK;
}

static status join_next(struct query_node *base, const struct batch **out)
{
	struct join_node *node = (struct join_node *)(void *)base;
	status code = node->built ? STATUS_OK : build(node);
	while (code == STATUS_OK) {
		if (node->chunk == NULL)
			code = chunk_start(node);
		if (code == STATUS_OK)
			code = chunk_next(node, out);
		if (code == STATUS_OK && (*out)->row_count != 0)
			break;
	}
	return code;
}

static void join_close(struct query_node *base)
{
	struct join_node *node = (struct join_node *)(void *)base;
	if (node->built)
		arrangement_deinit(&node->right);
	arena_deinit(&node->chunk_arena);
}

struct query_node *query_join_make(struct query *query)
{
	struct join_node *node = arena_alloc_zeroed(&query->memory, sizeof *node);
	node->base.next = join_next;
	node->base.close = join_close;
	node->match.rows = arena_alloc(&query->memory, OPERATOR_ROWS * sizeof *node->match.rows);
	node->match.entries = arena_alloc(&query->memory, OPERATOR_ROWS * sizeof *node->match.entries);
	node->match.cells = arena_alloc(&query->memory, OPERATOR_ROWS * sizeof *node->match.cells);
	node->match.weights = arena_alloc(&query->memory, OPERATOR_ROWS * sizeof *node->match.weights);
	return &node->base;
}
