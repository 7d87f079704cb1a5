/* Groups and steps of an aggregate; see aggregate.h for the picture and the invariants.
 *
 *   out = Σ over touched groups  −old(group) + new(group)          each term only if the group is (was) there
 *
 * A chunk: encode and hash the group columns, find or insert all slots, read back those that may be in the
 * store, remember what touched groups looked like, then update cell by cell. A group is there while the
 * weight of its rows is positive; a global aggregate's single group always is.
 */
#include "processors/aggregate.h"

#include <string.h>

#include "base/invariant.h"
#include "processors/operator.h"

enum { CHUNK_ROWS = 2048, EMIT_GROUPS = 2048 };

/* ---- what is accepted ---- */

static status refuse(const struct aggregate_call *call, const char *name, struct type type)
{
	(void)call;
	status code = error_raise(STATUS_UNSUPPORTED, "%s(%s) is not supported", name, type_name(type.id));
	if (type.id == TYPE_INTERVAL)
		error_hint("Aggregate extract(epoch FROM …) of the interval instead.");
	else
		error_hint("Cast the argument to a number.");
	return code;
}

static status check_call(const struct plan *plan, const struct aggregate_call *call)
{
	if (call->argument < 0)
		return STATUS_OK;
	struct type type = plan->children[0]->schema.fields[call->argument].type;
	bool number = type_is_numeric(type.id), interval = type.id == TYPE_INTERVAL;
	if (call->kind == AGGREGATE_SUM && ((!number && !interval) || (interval && call->distinct)))
		return refuse(call, call->distinct ? "sum(DISTINCT)" : "sum", type);
	if (call->kind == AGGREGATE_AVG && !number)
		return refuse(call, "avg", type);
	if ((call->kind == AGGREGATE_BOOL_AND || call->kind == AGGREGATE_BOOL_OR) && type.id != TYPE_BOOL)
		return refuse(call, "bool_and/bool_or", type);
	return STATUS_OK;
}

status aggregate_check(const struct plan *plan)
{
	for (size_t i = 0; i < plan->aggregate.call_count; i++) {
		status code = check_call(plan, &plan->aggregate.calls[i]);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* ---- life ---- */

status aggregate_create(const struct plan *plan, bool append_only, struct state_store *store,
	bool store_empty, uint16_t space, struct aggregate **out)
{
	status code = aggregate_check(plan);
	if (code != STATUS_OK)
		return code;
	INVARIANT(store != NULL || store_empty);
	struct aggregate *aggregate = mem_alloc_zeroed(1, sizeof *aggregate);
	aggregate->plan = plan;
	aggregate->input = &plan->children[0]->schema;
	aggregate->append_only = append_only;
	aggregate->store = store;
	aggregate->space = space;
	aggregate->complete = store_empty;
	aggregate_layout(aggregate);
	pool_init(&aggregate->pool);
	enum table_key kind = table_key_kind(aggregate->group_types, plan->aggregate.group_count);
	table_init(&aggregate->groups, kind, aggregate->payload_size, &aggregate->pool);
	for (size_t i = 0; i < aggregate->values_count; i++) {
		struct value_set *values = &aggregate->values[i];
		kind = extreme_is_bytes(values->physical) ? TABLE_KEY_BYTES : TABLE_KEY_TWO;
		table_init(&values->table, kind, sizeof(struct value_payload), &aggregate->pool);
	}
	*out = aggregate;
	return STATUS_OK;
}

void aggregate_destroy(struct aggregate *aggregate)
{
	if (aggregate == NULL)
		return;
	for (size_t i = 0; i < aggregate->values_count; i++) {
		table_deinit(&aggregate->values[i].table);
		mem_free(aggregate->values[i].dirty);
	}
	table_deinit(&aggregate->groups);
	pool_deinit(&aggregate->pool);
	mem_free(aggregate->dirty);
	arena_deinit(&aggregate->befores);
	arena_deinit(&aggregate->scratch);
	arena_deinit(&aggregate->memory);
	mem_free(aggregate);
}

void aggregate_evict(struct aggregate *aggregate)
{
	INVARIANT(aggregate->dirty_count == 0 && aggregate->store != NULL);
	for (size_t i = 0; i < aggregate->values_count; i++) {
		INVARIANT(aggregate->values[i].dirty_count == 0);
		table_clear(&aggregate->values[i].table);
	}
	table_clear(&aggregate->groups);
	pool_reset(&aggregate->pool);
	aggregate->global_id = 0;
	aggregate->complete = false;
}

size_t aggregate_memory_bytes(const struct aggregate *aggregate)
{
	size_t bytes = sizeof *aggregate + aggregate->memory.used_bytes + aggregate->pool.memory_bytes;
	bytes += table_memory_bytes(&aggregate->groups) + aggregate->dirty_capacity * sizeof *aggregate->dirty;
	for (size_t i = 0; i < aggregate->values_count; i++) {
		bytes += table_memory_bytes(&aggregate->values[i].table);
		bytes += aggregate->values[i].dirty_capacity * sizeof(uint32_t);
	}
	return bytes + aggregate->befores.used_bytes + aggregate->scratch.used_bytes;
}

size_t aggregate_dirty_bytes(const struct aggregate *aggregate)
{
	/* A group's or value's key and value as the store will hold them, roughly. */
	size_t bytes = aggregate->dirty_count * (aggregate->groups.slot_size + sizeof *aggregate->dirty);
	for (size_t i = 0; i < aggregate->values_count; i++)
		bytes += aggregate->values[i].dirty_count * (size_t)aggregate->values[i].table.slot_size * 2;
	return bytes + aggregate->befores.used_bytes;
}

/* ---- absorbing ---- */

/* Remembers the group as it was emitted, before the step's first change to it. */
static void group_touch(struct aggregate *aggregate, uint32_t id, struct table_slot *slot)
{
	if (aggregate->dirty_count == aggregate->dirty_capacity) {
		aggregate->dirty_capacity = aggregate->dirty_capacity != 0 ? aggregate->dirty_capacity * 2 : 64;
		aggregate->dirty = mem_resize(aggregate->dirty, aggregate->dirty_capacity * sizeof *aggregate->dirty);
	}
	struct dirty_group *dirty = &aggregate->dirty[aggregate->dirty_count++];
	*dirty = (struct dirty_group){.id = id};
	slot->dirty = 1;
	if ((slot->flags & GROUP_EMITTED) == 0)
		return;
	uint8_t *payload = table_payload(&aggregate->groups, slot);
	dirty->before = arena_copy(&aggregate->befores, payload, aggregate->payload_size);
	for (size_t i = 0; i < aggregate->cell_count; i++) {
		const struct cell *cell = &aggregate->cells[i];
		if (cell->kind == CELL_EXTREME && extreme_is_bytes(cell->physical))
			((struct cell_bytes *)cell_at(payload, cell))->capacity |= CELL_SHARED;
	}
}

static status global_slot(struct aggregate *aggregate)
{
	if (aggregate->global_id != 0)
		return STATUS_OK;
	uint32_t offsets[2] = {0, 0}, id, row, fresh;
	struct table_keys keys = {
		.kind = TABLE_KEY_BYTES, .count = 1, .bytes = (const uint8_t *)"", .offsets = offsets};
	table_keys_hash(&keys, &aggregate->scratch);
	table_upsert(&aggregate->groups, &keys, &id, &row, &fresh);
	bool found = false;
	status code = aggregate->complete ? STATUS_OK : group_read_back(aggregate, id, &found);
	if (code == STATUS_OK)
		aggregate->global_id = id;
	return code;
}

static status chunk_slots(struct aggregate *aggregate, struct aggregate_chunk *chunk)
{
	const struct plan *plan = aggregate->plan;
	if (plan->aggregate.global) {
		status code = global_slot(aggregate);
		for (uint32_t i = 0; code == STATUS_OK && i < chunk->count; i++)
			chunk->ids[i] = aggregate->global_id;
		return code;
	}
	struct table_keys keys;
	status code = table_keys_make(aggregate->groups.kind, chunk->batch, plan->aggregate.groups,
		plan->aggregate.group_count, &aggregate->scratch, &keys);
	if (code != STATUS_OK)
		return code;
	uint32_t *fresh = arena_alloc(&aggregate->scratch, chunk->count * sizeof *fresh), fresh_count;
	table_upsert(&aggregate->groups, &keys, chunk->ids, fresh, &fresh_count);
	for (uint32_t i = 0; code == STATUS_OK && !aggregate->complete && i < fresh_count; i++) {
		bool found;
		code = group_read_back(aggregate, chunk->ids[fresh[i]], &found);
	}
	return code;
}

static status chunk_absorb(struct aggregate *aggregate, const struct batch *batch)
{
	struct arena *arena = &aggregate->scratch;
	struct aggregate_chunk chunk = {.batch = batch, .count = batch->row_count};
	chunk.ids = arena_alloc(arena, chunk.count * sizeof *chunk.ids);
	chunk.payloads = arena_alloc(arena, chunk.count * sizeof *chunk.payloads);
	status code = chunk_slots(aggregate, &chunk);
	if (code != STATUS_OK)
		return code;
	for (uint32_t i = 0; i < chunk.count; i++) {
		struct table_slot *slot = table_slot_at(&aggregate->groups, chunk.ids[i]);
		chunk.payloads[i] = table_payload(&aggregate->groups, slot);
		if (slot->dirty == 0)
			group_touch(aggregate, chunk.ids[i], slot);
	}
	return aggregate_update(aggregate, &chunk);
}

status aggregate_absorb(struct aggregate *aggregate, const struct batch *batch)
{
	status code = STATUS_OK;
	for (uint32_t from = 0; code == STATUS_OK && from < batch->row_count; from += CHUNK_ROWS) {
		uint32_t count = batch->row_count - from < CHUNK_ROWS ? batch->row_count - from : CHUNK_ROWS;
		arena_reset(&aggregate->scratch);
		code = chunk_absorb(aggregate, batch_part(batch, from, count, &aggregate->scratch));
	}
	return code;
}

/* ---- the end of a step ---- */

/* With no rows left nothing can be left in the sums, unless some operator below retracted what it never gave.
 */
static bool cell_is_empty(const struct cell *cell, const uint8_t *payload)
{
	const void *at = cell_at(payload, cell);
	switch (cell->kind) {
	case CELL_COUNT:
	case CELL_SUM_I64:
	case CELL_TRUE:
		return *(const int64_t *)at == 0;
	case CELL_SUM_I128:
		return *(const cell_i128 *)at == 0;
	case CELL_SUM_DECIMAL:
		return ((const struct cell_decimal *)at)->value == 0;
	case CELL_SUM_FLOAT:
		return float_sum_is_zero(at);
	case CELL_SUM_INTERVAL: {
		const struct cell_interval *sum = at;
		return sum->months == 0 && sum->days == 0 && sum->microseconds == 0;
	}
	case CELL_SCALE:
		return scale_is_zero(at);
	case CELL_EXTREME:
		return payload[cell->present] == 0;
	}
	return false;
}

static status group_settle(struct aggregate *aggregate, uint32_t id)
{
	uint8_t *payload = table_payload(&aggregate->groups, table_slot_at(&aggregate->groups, id));
	int64_t weight = *payload_weight(payload);
	for (size_t i = 0; i < aggregate->cell_count; i++) {
		const struct cell *cell = &aggregate->cells[i];
		status code = STATUS_OK;
		if (cell->kind == CELL_SUM_FLOAT)
			float_sum_settle(cell_at(payload, cell));
		else if (cell->kind == CELL_SCALE)
			scale_settle(cell_at(payload, cell));
		else if (cell->values >= 0)
			code = values_settle(aggregate, cell, id);
		if (code != STATUS_OK)
			return code;
		if (weight == 0 && !cell_is_empty(cell, payload))
			return error_raise(STATUS_INTERNAL, "an aggregate's group lost its rows but not their values");
	}
	if (weight < 0)
		return error_raise(STATUS_INTERNAL, "an aggregate's group had more rows retracted than inserted");
	return STATUS_OK;
}

status aggregate_step_end(struct aggregate *aggregate)
{
	status code = STATUS_OK;
	aggregate->emitted = 0;
	arena_reset(&aggregate->scratch);
	if (aggregate->plan->aggregate.global) {
		code = global_slot(aggregate);
		if (code != STATUS_OK)
			return code;
		struct table_slot *slot = table_slot_at(&aggregate->groups, aggregate->global_id);
		if ((slot->flags & GROUP_EMITTED) == 0 && slot->dirty == 0)
			group_touch(aggregate, aggregate->global_id, slot);
	}
	for (size_t i = 0; code == STATUS_OK && i < aggregate->values_count; i++)
		code = values_check(&aggregate->values[i]);
	for (size_t i = 0; code == STATUS_OK && i < aggregate->dirty_count; i++)
		code = group_settle(aggregate, aggregate->dirty[i].id);
	return code;
}

static uint8_t *group_payload(const struct aggregate *aggregate, uint32_t id)
{
	return table_payload(&aggregate->groups, table_slot_at(&aggregate->groups, id));
}

static bool group_is_there(const struct aggregate *aggregate, uint32_t id)
{
	return aggregate->plan->aggregate.global || *payload_weight(group_payload(aggregate, id)) > 0;
}

/* Exactly equal, as a reader would see them. */
static bool values_same(const struct column *column, uint32_t a, uint32_t b)
{
	if (column_is_null(column, a) || column_is_null(column, b))
		return column_is_null(column, a) && column_is_null(column, b);
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		return column->booleans[a] == column->booleans[b];
	case PHYS_I64:
		return column->i64[a] == column->i64[b];
	case PHYS_F64:
		return memcmp(&column->f64[a], &column->f64[b], sizeof column->f64[a]) == 0;
	case PHYS_DECIMAL:
		return column->decimals[a].value == column->decimals[b].value &&
			   column->decimals[a].scale == column->decimals[b].scale;
	case PHYS_TEXT:
		return column->texts[a].size == column->texts[b].size &&
			   (column->texts[a].size == 0 ||
				   memcmp(column->texts[a].data, column->texts[b].data, column->texts[a].size) == 0);
	case PHYS_INTERVAL:
		return memcmp(&column->intervals[a], &column->intervals[b], sizeof column->intervals[a]) == 0;
	}
	return false;
}

struct emission {
	uint32_t ids[2 * EMIT_GROUPS];
	uint8_t *payloads[2 * EMIT_GROUPS];
	uint32_t before_count, count;
	uint32_t pairs[EMIT_GROUPS]; /* row before + 1 of the group whose new row is before_count + i; 0 = was not
									there */
};

static void emission_fill(
	const struct aggregate *aggregate, size_t from, size_t end, struct emission *emission)
{
	uint32_t before = 0, after = 0;
	for (size_t i = from; i < end; i++) {
		const struct dirty_group *dirty = &aggregate->dirty[i];
		if (dirty->before == NULL)
			continue;
		emission->ids[before] = dirty->id;
		emission->payloads[before++] = dirty->before;
	}
	uint32_t old = 0;
	for (size_t i = from; i < end; i++) {
		const struct dirty_group *dirty = &aggregate->dirty[i];
		old += dirty->before != NULL;
		if (!group_is_there(aggregate, dirty->id))
			continue;
		emission->ids[before + after] = dirty->id;
		emission->payloads[before + after] = group_payload(aggregate, dirty->id);
		emission->pairs[after++] = dirty->before != NULL ? old : 0;
	}
	emission->before_count = before;
	emission->count = before + after;
}

/* Drops pairs of equal rows and gives the rest their signs. */
static struct batch *emission_net(const struct aggregate *aggregate, const struct emission *emission,
	struct batch *batch, struct arena *arena)
{
	uint32_t before = emission->before_count, kept = 0;
	if (before == 0)
		return batch;
	uint8_t *dropped = arena_alloc_zeroed(arena, emission->count);
	size_t groups = aggregate->plan->aggregate.group_count;
	for (uint32_t i = before; i < emission->count; i++) {
		if (emission->pairs[i - before] == 0)
			continue;
		uint32_t old = emission->pairs[i - before] - 1;
		bool same = true;
		for (uint32_t c = 0; same && c < batch->column_count; c++) {
			/* Only an unconstrained numeric key can be shown differently. */
			if (c >= groups || aggregate->group_scales[c] >= 0)
				same = values_same(&batch->columns[c], old, i);
		}
		dropped[old] = dropped[i] = same;
	}
	uint32_t *rows = arena_alloc(arena, emission->count * sizeof *rows);
	batch->weights = arena_alloc(arena, emission->count * sizeof *batch->weights);
	for (uint32_t i = 0; i < emission->count; i++) {
		batch->weights[i] = i < before ? -1 : 1;
		rows[kept] = i;
		kept += dropped[i] == 0;
	}
	return kept == emission->count ? batch : batch_gather(arena, batch, rows, kept);
}

status aggregate_emit(struct aggregate *aggregate, struct arena *arena, struct batch **out)
{
	while (aggregate->emitted < aggregate->dirty_count) {
		size_t from = aggregate->emitted, end = from + EMIT_GROUPS;
		if (end > aggregate->dirty_count)
			end = aggregate->dirty_count;
		struct emission *emission = arena_alloc(arena, sizeof *emission);
		emission_fill(aggregate, from, end, emission);
		struct batch *batch = batch_make(arena, &aggregate->plan->schema, emission->count, true, false);
		status code =
			aggregate_output(aggregate, emission->ids, emission->payloads, emission->count, arena, batch, 0);
		if (code != STATUS_OK)
			return code;
		batch = emission_net(aggregate, emission, batch, arena);
		aggregate->emitted = end;
		if (batch->row_count == 0)
			continue;
		*out = batch;
		return STATUS_OK;
	}
	return STATUS_END;
}

/* ---- commit ---- */

status aggregate_flush(struct aggregate *aggregate, struct state_writer *writer)
{
	struct buffer key, value;
	buffer_init(&key);
	buffer_init(&value);
	for (size_t i = 0; i < aggregate->dirty_count; i++) {
		const struct dirty_group *dirty = &aggregate->dirty[i];
		key.size = 0;
		value.size = 0;
		group_key(aggregate, dirty->id, &key);
		if (group_is_there(aggregate, dirty->id)) {
			group_encode(aggregate, group_payload(aggregate, dirty->id), &value);
			writer->put(writer, aggregate->space, buffer_slice(&key), buffer_slice(&value));
		} else if (dirty->before != NULL) {
			writer->remove(writer, aggregate->space, buffer_slice(&key));
		}
	}
	buffer_deinit(&key);
	buffer_deinit(&value);
	for (size_t i = 0; i < aggregate->values_count; i++)
		values_flush(aggregate, &aggregate->values[i], writer);
	return STATUS_OK;
}

/* The copy of the payload goes: bytes it alone still refers to are freed, shared ones belong to the group
 * again. */
static void before_release(struct aggregate *aggregate, const struct dirty_group *dirty)
{
	uint8_t *payload = group_payload(aggregate, dirty->id);
	for (size_t i = 0; i < aggregate->cell_count; i++) {
		const struct cell *cell = &aggregate->cells[i];
		if (cell->kind != CELL_EXTREME || !extreme_is_bytes(cell->physical))
			continue;
		struct cell_bytes *before = cell_at(dirty->before, cell), *now = cell_at(payload, cell);
		if (before->data == now->data)
			now->capacity &= ~CELL_SHARED;
		else
			bytes_free(&aggregate->pool, before);
	}
}

static void group_remove(struct aggregate *aggregate, uint32_t id)
{
	uint8_t *payload = group_payload(aggregate, id);
	for (size_t i = 0; i < aggregate->cell_count; i++) {
		const struct cell *cell = &aggregate->cells[i];
		if (cell->kind == CELL_SUM_FLOAT)
			float_sum_free(cell_at(payload, cell), &aggregate->pool);
		else if (cell->kind == CELL_SCALE)
			scale_free(cell_at(payload, cell), &aggregate->pool);
		else if (cell->kind == CELL_EXTREME && extreme_is_bytes(cell->physical))
			bytes_free(&aggregate->pool, cell_at(payload, cell));
		if (cell->values >= 0)
			values_drop_group(aggregate, &aggregate->values[cell->values], payload);
	}
	table_remove(&aggregate->groups, id);
}

void aggregate_committed(struct aggregate *aggregate)
{
	for (size_t i = 0; i < aggregate->values_count; i++)
		values_committed(aggregate, &aggregate->values[i]);
	for (size_t i = 0; i < aggregate->dirty_count; i++) {
		const struct dirty_group *dirty = &aggregate->dirty[i];
		struct table_slot *slot = table_slot_at(&aggregate->groups, dirty->id);
		slot->dirty = 0;
		slot->flags |= GROUP_EMITTED;
		if (dirty->before != NULL)
			before_release(aggregate, dirty);
		if (!group_is_there(aggregate, dirty->id))
			group_remove(aggregate, dirty->id);
	}
	aggregate->dirty_count = 0;
	aggregate->emitted = 0;
	arena_reset(&aggregate->befores);
	arena_reset(&aggregate->scratch);
	if (aggregate->dirty_capacity > 65536) {
		mem_free(aggregate->dirty);
		aggregate->dirty = NULL;
		aggregate->dirty_capacity = 0;
	}
}
