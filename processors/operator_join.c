/* Equi-joins of two deltas, incrementally.
 *
 * Inner: bilinear, answered as rows arrive, in whatever order the inputs bring them:
 *
 *     ΔL arrives:  out += ΔL ⋈ R,  L += ΔL          R and L include what arrived earlier in this step,
 *     ΔR arrives:  out += L ⋈ ΔR,  R += ΔR          so ΔL ⋈ ΔR is counted exactly once
 *
 * A residual filters the joined rows (linear). Rows with a null in the key meet nothing and are not kept.
 *
 * Left, semi, anti without a residual: a left row's fate hangs on n(k) = Σ weight of the right rows under its
 * key, so they are owed at the end of the step, per key whose left rows changed or whose n(k) went from 0 to
 * positive or back:
 *
 *     anti(L, R)[k] = L[k] if n(k) = 0, else ∅        semi = L[k] if n(k) > 0
 *     Δ = after − before:  unchanged fate: ΔL[k] or nothing;  gained: + L after;  lost: − L before
 *     left = inner + anti with nulls for the right columns
 *
 * With a residual rows under one key have fates of their own: each left row l keeps n(l) = Σ weight of the
 * right rows that pass with it. It counts them whenever it comes, by meeting R; while it is there, ΔR keeps
 * the count right.
 *
 * State: one space per side, see arrangement.h; semi and anti without a residual keep only counts of the
 * right side.
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/arrangement.h"
#include "processors/operator.h"

struct join_operator {
	struct circuit_operator base;
	enum join_kind kind;
	bool counted; /* not inner, with a residual */
	struct arrangement sides[2];
	const uint32_t *keys[2];
	uint32_t column_counts[2];
	struct arena scratch; /* of the pushed chunk */
	struct arena out;     /* of the batch being emitted */
	struct arrangement_match match;
};

static struct join_operator *join_of(const struct circuit_operator *node)
{
	return (struct join_operator *)(void *)(uintptr_t)node;
}

static const struct evaluation no_parameters;

/* ---- output ---- */

/* The joined rows of the current matches, left columns first, whichever side is probing. */
static status pairs_make(
	struct join_operator *join, size_t side, const struct batch *batch, struct batch **out)
{
	const struct arrangement_match *match = &join->match;
	struct batch *pairs = arena_alloc_zeroed(&join->out, sizeof *pairs);
	uint32_t left = join->column_counts[0], own = join->column_counts[side], at = side == 0 ? 0 : left;
	pairs->row_count = match->count;
	pairs->column_count = left + join->column_counts[1];
	pairs->columns = arena_alloc_zeroed(&join->out, pairs->column_count * sizeof *pairs->columns);
	for (uint32_t c = 0; c < own; c++)
		pairs->columns[at + c] = column_gather(&join->out, &batch->columns[c], match->rows, match->count);
	at = side == 0 ? left : 0;
	const struct schema *other = &join->base.plan->children[1 - side]->schema;
	for (uint32_t c = 0; c < other->field_count; c++)
		pairs->columns[at + c].type = other->fields[c].type;
	arrangement_columns(&join->sides[1 - side], match->cells, match->count, &join->out, pairs->columns + at);
	pairs->weights = arena_alloc(&join->out, match->count * sizeof *pairs->weights);
	bool overflow = false;
	for (uint32_t i = 0; i < match->count; i++)
		overflow |= __builtin_mul_overflow(
			match->weights[i], batch_weight(batch, match->rows[i]), &pairs->weights[i]);
	*out = pairs;
	return overflow ? error_raise(STATUS_OUT_OF_RANGE, "too many equal rows in a join") : STATUS_OK;
}

/* Left rows probing: partners[] of the chunk's rows. Right rows probing: the arranged left rows gain or lose.
 */
static status pairs_count(struct join_operator *join, size_t side, const struct batch *batch,
	const uint32_t *rows, uint32_t count, int64_t *partners)
{
	const struct arrangement_match *match = &join->match;
	bool overflow = false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t pair = rows[i];
		if (side == 0) {
			int64_t *sum = &partners[match->rows[pair]];
			overflow |= __builtin_add_overflow(*sum, match->weights[pair], sum);
			continue;
		}
		arrangement_touch(&join->sides[0], match->entries[pair]);
		int64_t *sum = &arrangement_counted(&join->sides[0], match->entries[pair])->partners;
		overflow |= __builtin_add_overflow(*sum, batch_weight(batch, match->rows[pair]), sum);
	}
	return overflow ? error_raise(STATUS_OUT_OF_RANGE, "too many equal rows in a join") : STATUS_OK;
}

/* Filters the current matches by the residual, counts partners where they are kept, emits. */
static status emit_pairs(
	struct join_operator *join, size_t side, const struct batch *batch, int64_t *partners)
{
	const struct expression *residual = join->base.plan->join.residual;
	struct batch *pairs;
	status code = pairs_make(join, side, batch, &pairs);
	if (code != STATUS_OK || residual == NULL)
		return code == STATUS_OK ? operator_emit(&join->base, pairs, &join->out) : code;
	uint32_t *rows = arena_alloc(&join->out, pairs->row_count * sizeof *rows), count;
	code = expression_select(residual, pairs, &no_parameters, &join->out, rows, &count);
	if (code == STATUS_OK && join->counted)
		code = pairs_count(join, side, batch, rows, count, partners);
	if (code != STATUS_OK || join->kind == JOIN_SEMI || join->kind == JOIN_ANTI)
		return code;
	for (uint32_t c = 0; c < pairs->column_count; c++) {
		if (join->base.needed[c] == 0)
			pairs->columns[c] = (struct column){.type = pairs->columns[c].type}; /* was for the residual */
	}
	return operator_emit(&join->base, batch_gather(&join->out, pairs, rows, count), &join->out);
}

static status probe(struct join_operator *join, size_t side, const struct batch *batch, const uint32_t *ids,
	int64_t *partners)
{
	const struct arrangement *other = &join->sides[1 - side];
	struct arrangement_probe cursor = {.ids = ids, .count = batch->row_count};
	arrangement_prefetch(other, ids, batch->row_count);
	for (bool more = true; more;) {
		more = arrangement_next(other, &cursor, OPERATOR_ROWS, &join->match);
		if (join->match.count == 0)
			continue;
		arena_reset(&join->out);
		status code = emit_pairs(join, side, batch, partners);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* Left rows without a partner: as they are, or followed by nulls. */
static status emit_left(struct join_operator *join, struct batch *left, struct arena *arena)
{
	if (join->kind != JOIN_LEFT)
		return operator_emit(&join->base, left, arena);
	const struct schema *schema = &join->base.plan->schema;
	struct column *columns = arena_alloc(arena, schema->field_count * sizeof *columns);
	memcpy(columns, left->columns, left->column_count * sizeof *columns);
	for (uint32_t c = left->column_count; c < schema->field_count; c++) {
		columns[c] = column_make(arena, schema->fields[c].type, left->row_count, true);
		memset(
			columns[c].values, 0, left->row_count * physical_size(type_physical(schema->fields[c].type.id)));
		memset(columns[c].nulls, 1, left->row_count);
	}
	left->columns = columns;
	left->column_count = (uint32_t)schema->field_count;
	return operator_emit(&join->base, left, arena);
}

/* ---- a chunk ---- */

/* Rows whose key has no null; the others go to `nulls` (NULL when there are none). */
static const struct batch *split_nulls(
	struct join_operator *join, size_t side, const struct batch *batch, struct batch **nulls)
{
	const struct plan *plan = join->base.plan;
	uint8_t *null = NULL;
	*nulls = NULL;
	for (size_t k = 0; k < plan->join.key_count; k++) {
		const uint8_t *column = batch->columns[join->keys[side][k]].nulls;
		if (column == NULL)
			continue;
		if (null == NULL)
			null = arena_alloc_zeroed(&join->scratch, batch->row_count);
		for (uint32_t i = 0; i < batch->row_count; i++)
			null[i] |= column[i];
	}
	if (null == NULL)
		return batch;
	uint32_t *rows = arena_alloc(&join->scratch, batch->row_count * sizeof *rows), kept = 0, dropped = 0;
	for (uint32_t i = 0; i < batch->row_count; i++) {
		rows[kept] = i;
		kept += null[i] == 0;
	}
	if (kept == batch->row_count)
		return batch;
	const struct batch *good = batch_gather(&join->scratch, batch, rows, kept);
	for (uint32_t i = 0; i < batch->row_count; i++) {
		rows[dropped] = i;
		dropped += null[i] != 0;
	}
	*nulls = batch_gather(&join->scratch, batch, rows, dropped);
	return good;
}

/* The chunk's rows meet the other side's integral. */
static status meet(struct join_operator *join, size_t side, const struct batch *batch,
	const struct table_keys *keys, int64_t *partners)
{
	uint32_t *ids = arena_alloc(&join->scratch, keys->count * sizeof *ids);
	status code = arrangement_lookup(&join->sides[1 - side], keys, &join->scratch, ids);
	return code == STATUS_OK ? probe(join, side, batch, ids, partners) : code;
}

/* A left row that comes, or comes again, counts its partners; while it is there, right rows keep the count
 * right. */
static status push_counted(
	struct join_operator *join, const struct batch *batch, const struct table_keys *keys)
{
	struct arrangement *left = &join->sides[0];
	uint32_t *rows = arena_alloc(&join->scratch, batch->row_count * sizeof *rows);
	int64_t *partners = arena_alloc_zeroed(&join->scratch, batch->row_count * sizeof *partners);
	status code = arrangement_add(left, batch, keys, &join->scratch, rows);
	if (code == STATUS_OK)
		code = meet(join, 0, batch, keys, partners);
	for (uint32_t i = 0; code == STATUS_OK && i < batch->row_count; i++)
		arrangement_counted(left, rows[i])->partners = partners[i];
	return code;
}

static status push_chunk(struct join_operator *join, size_t side, const struct batch *batch)
{
	struct batch *nulls;
	batch = split_nulls(join, side, batch, &nulls);
	bool keeps_nulls = side == 0 && (join->kind == JOIN_LEFT || join->kind == JOIN_ANTI);
	if (nulls != NULL && keeps_nulls) {
		status code = emit_left(join, nulls, &join->scratch);
		if (code != STATUS_OK)
			return code;
	}
	if (batch->row_count == 0)
		return STATUS_OK;
	struct table_keys keys;
	status code = table_keys_make(join->sides[side].keys.kind, batch, join->keys[side],
		join->base.plan->join.key_count, &join->scratch, &keys);
	if (code != STATUS_OK)
		return code;
	if (join->counted && side == 0)
		return push_counted(join, batch, &keys);
	if (join->counted || join->kind == JOIN_INNER || join->kind == JOIN_LEFT)
		code = meet(join, side, batch, &keys, NULL);
	return code == STATUS_OK ? arrangement_add(&join->sides[side], batch, &keys, &join->scratch, NULL) : code;
}

static status join_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)arena;
	struct join_operator *join = join_of(node);
	status code = STATUS_OK;
	for (uint32_t from = 0; code == STATUS_OK && from < batch->row_count; from += OPERATOR_ROWS) {
		uint32_t count = batch->row_count - from < OPERATOR_ROWS ? batch->row_count - from : OPERATOR_ROWS;
		arena_reset(&join->scratch);
		code = push_chunk(join, input, batch_part(batch, from, count, &join->scratch));
	}
	return code;
}

/* ---- what is owed at the end of a step: rows whose fate hangs on the other side ---- */

struct owed {
	struct join_operator *join;
	uint32_t count;
	const uint8_t *cells[OPERATOR_ROWS];
	int64_t weights[OPERATOR_ROWS];
};

static status owed_emit(struct owed *owed)
{
	struct join_operator *join = owed->join;
	if (owed->count == 0)
		return STATUS_OK;
	arena_reset(&join->out);
	const struct schema *schema = &join->base.plan->children[0]->schema;
	struct batch *left = arena_alloc_zeroed(&join->out, sizeof *left);
	left->row_count = owed->count;
	left->column_count = (uint32_t)schema->field_count;
	left->columns = arena_alloc_zeroed(&join->out, schema->field_count * sizeof *left->columns);
	for (uint32_t c = 0; c < left->column_count; c++)
		left->columns[c].type = schema->fields[c].type;
	arrangement_columns(&join->sides[0], owed->cells, owed->count, &join->out, left->columns);
	left->weights = arena_copy(&join->out, owed->weights, owed->count * sizeof *left->weights);
	owed->count = 0;
	return emit_left(join, left, &join->out);
}

static status owe(struct owed *owed, uint32_t row_id, int64_t weight)
{
	if (weight == 0)
		return STATUS_OK;
	owed->cells[owed->count] = arrangement_cells(&owed->join->sides[0], row_id);
	owed->weights[owed->count++] = weight;
	return owed->count == OPERATOR_ROWS ? owed_emit(owed) : STATUS_OK;
}

static int64_t weight_before(const struct arrangement *side, uint32_t row_id)
{
	const struct row_payload *row = arrangement_row(side, row_id);
	return table_slot_at(&side->rows, row_id)->dirty != 0 ? row->before : row->weight;
}

static bool shown(const struct join_operator *join, int64_t partners)
{
	return join->kind == JOIN_SEMI ? partners > 0 : partners == 0;
}

/* Slots of `other` under the keys of `ids` in `side`, some at a time. */
static status translate(
	struct join_operator *join, size_t side, const uint32_t *ids, uint32_t count, uint32_t *others)
{
	struct table_keys keys;
	arena_reset(&join->scratch);
	status code = table_keys_of_slots(&join->sides[side].keys, ids, count, &join->scratch, &keys);
	return code == STATUS_OK ? arrangement_lookup(&join->sides[1 - side], &keys, &join->scratch, others)
							 : code;
}

/* Right keys that gained their first or lost their last row: all left rows under them change sides. */
static status owe_fates(struct join_operator *join, struct owed *owed)
{
	const struct arrangement *left = &join->sides[0], *right = &join->sides[1];
	uint32_t others[OPERATOR_ROWS];
	for (uint32_t from = 0; from < right->dirty_key_count; from += OPERATOR_ROWS) {
		uint32_t count = right->dirty_key_count - from;
		count = count < OPERATOR_ROWS ? count : OPERATOR_ROWS;
		status code = translate(join, 1, right->dirty_keys + from, count, others);
		for (uint32_t i = 0; code == STATUS_OK && i < count; i++) {
			const struct key_payload *key = arrangement_key(right, right->dirty_keys[from + i]);
			bool was = shown(join, key->before), is = shown(join, key->weight);
			if (was == is || others[i] == 0)
				continue;
			uint32_t row_id = arrangement_key(left, others[i])->head;
			for (; code == STATUS_OK && row_id != 0; row_id = arrangement_row(left, row_id)->next)
				code = owe(
					owed, row_id, is ? arrangement_row(left, row_id)->weight : -weight_before(left, row_id));
		}
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* Left rows that changed under keys whose fate did not: ΔL where shown. */
static status owe_rows(struct join_operator *join, struct owed *owed)
{
	const struct arrangement *left = &join->sides[0], *right = &join->sides[1];
	uint32_t others[OPERATOR_ROWS];
	for (uint32_t from = 0; from < left->dirty_key_count; from += OPERATOR_ROWS) {
		uint32_t count = left->dirty_key_count - from;
		count = count < OPERATOR_ROWS ? count : OPERATOR_ROWS;
		status code = translate(join, 0, left->dirty_keys + from, count, others);
		for (uint32_t i = 0; code == STATUS_OK && i < count; i++) {
			int64_t partners = 0, partners_before = 0;
			if (others[i] != 0) {
				const struct key_payload *key = arrangement_key(right, others[i]);
				bool dirty = table_slot_at(&right->keys, others[i])->dirty != 0;
				partners = key->weight;
				partners_before = dirty ? key->before : key->weight;
			}
			if (!shown(join, partners) || !shown(join, partners_before))
				continue;
			uint32_t row_id = arrangement_key(left, left->dirty_keys[from + i])->head;
			for (; code == STATUS_OK && row_id != 0; row_id = arrangement_row(left, row_id)->next)
				code = owe(owed, row_id, arrangement_row(left, row_id)->weight - weight_before(left, row_id));
		}
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* With counts every row's fate is its own: Δ = after − before, each only while it is shown. */
static status owe_counted(struct join_operator *join, struct owed *owed)
{
	const struct arrangement *left = &join->sides[0];
	status code = STATUS_OK;
	for (uint32_t i = 0; code == STATUS_OK && i < left->dirty_count; i++) {
		const struct row_payload_counted *row = arrangement_counted(left, left->dirty_rows[i]);
		int64_t after = shown(join, row->partners) ? row->row.weight : 0;
		int64_t before = shown(join, row->partners_before) ? row->row.before : 0;
		code = owe(owed, left->dirty_rows[i], after - before);
	}
	return code;
}

static status join_step_end(struct circuit_operator *node)
{
	struct join_operator *join = join_of(node);
	status code = arrangement_check(&join->sides[0]);
	if (code == STATUS_OK)
		code = arrangement_check(&join->sides[1]);
	if (code != STATUS_OK || join->kind == JOIN_INNER)
		return code;
	struct owed *owed = mem_alloc(sizeof *owed);
	owed->join = join;
	owed->count = 0;
	if (join->counted)
		code = owe_counted(join, owed);
	else
		code = owe_fates(join, owed);
	if (code == STATUS_OK && !join->counted)
		code = owe_rows(join, owed);
	if (code == STATUS_OK)
		code = owed_emit(owed);
	mem_free(owed);
	return code;
}

/* ---- life ---- */

static status join_flush(struct circuit_operator *node, struct state_writer *writer)
{
	struct join_operator *join = join_of(node);
	arrangement_flush(&join->sides[0], writer);
	arrangement_flush(&join->sides[1], writer);
	return STATUS_OK;
}

static void join_committed(struct circuit_operator *node)
{
	struct join_operator *join = join_of(node);
	arrangement_committed(&join->sides[0]);
	arrangement_committed(&join->sides[1]);
	arena_reset(&join->scratch);
	arena_reset(&join->out);
}

static size_t join_memory_bytes(const struct circuit_operator *node)
{
	const struct join_operator *join = join_of(node);
	return sizeof *join + arrangement_memory_bytes(&join->sides[0]) +
		   arrangement_memory_bytes(&join->sides[1]);
}

static size_t join_dirty_bytes(const struct circuit_operator *node)
{
	const struct join_operator *join = join_of(node);
	return arrangement_dirty_bytes(&join->sides[0]) + arrangement_dirty_bytes(&join->sides[1]);
}

static void join_evict(struct circuit_operator *node)
{
	struct join_operator *join = join_of(node);
	arrangement_evict(&join->sides[0]);
	arrangement_evict(&join->sides[1]);
}

static void join_destroy(struct circuit_operator *node)
{
	struct join_operator *join = join_of(node);
	arrangement_deinit(&join->sides[0]);
	arrangement_deinit(&join->sides[1]);
	arena_deinit(&join->scratch);
	arena_deinit(&join->out);
	mem_free(join->match.rows);
	mem_free(join->match.entries);
	mem_free(join->match.cells);
	mem_free(join->match.weights);
	mem_free(join);
}

static const struct operator_class join_class = {
	.push = join_push,
	.step_end = join_step_end,
	.flush = join_flush,
	.committed = join_committed,
	.memory_bytes = join_memory_bytes,
	.dirty_bytes = join_dirty_bytes,
	.evict = join_evict,
	.destroy = join_destroy,
};

struct circuit_operator *operator_join_create(
	const struct plan *plan, uint8_t *needed, struct operator_state *state, struct arena *arena)
{
	struct join_operator *join = mem_alloc_zeroed(1, sizeof *join);
	join->base = (struct circuit_operator){.class = &join_class, .plan = plan, .needed = needed};
	join->kind = plan->join.kind;
	join->counted = join->kind != JOIN_INNER && plan->join.residual != NULL;
	join->keys[0] = plan->join.left_keys;
	join->keys[1] = plan->join.right_keys;
	for (size_t side = 0; side < 2; side++) {
		const struct schema *schema = &plan->children[side]->schema;
		struct arrangement *arrangement = &join->sides[side];
		join->column_counts[side] = (uint32_t)schema->field_count;
		/* Kept: what is read above or by the residual. The key columns only if they are, too. */
		struct plan keyless = *plan;
		keyless.join.key_count = 0;
		uint8_t *kept = arena_alloc(arena, schema->field_count);
		operator_child_columns(&keyless, side, needed, kept);
		arrangement_init(arrangement, schema->fields, schema->field_count, kept, join->keys[side],
			plan->join.key_count, side == 0 && join->counted);
		arrangement->store = state->store;
		arrangement->space = state->space_next++;
		arrangement->complete = state->store_empty;
		arrangement->whole_keys = join->kind != JOIN_INNER && !join->counted;
	}
	join->match.rows = mem_alloc(OPERATOR_ROWS * sizeof *join->match.rows);
	join->match.entries = mem_alloc(OPERATOR_ROWS * sizeof *join->match.entries);
	join->match.cells = mem_alloc(OPERATOR_ROWS * sizeof *join->match.cells);
	join->match.weights = mem_alloc(OPERATOR_ROWS * sizeof *join->match.weights);
	return &join->base;
}
