/* Value sets: (group, value) → weight, for DISTINCT aggregates and for min and max over inputs with
 * retractions.
 *
 *   in memory   a table keyed by group slot and value; for extremes a binary heap per group, best value first
 *   stored      space of the set:  group key, value in order (complemented for max)  →  weight
 *
 * Heap entries whose weight became 0 stay until they surface or until they are half of the heap; only then is
 * their slot removed. A group that was read back starts with an incomplete heap: it holds the values touched
 * since. While the stored extreme itself is not retracted to 0, the new extreme is the better of it and the
 * heap's best; when it is, the group's values are loaded by a prefix scan, once.
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/aggregate.h"
#include "zset/decimal.h"
#include "zset/key.h"

enum { GROUP_ID_SIZE = 4, HEAP_CAPACITY_MIN = 6, HEAP_DEAD_SLACK = 16, INTERVAL_SIZE = 16 };

static inline struct value_payload *value_at(const struct value_set *values, uint32_t id)
{
	return table_payload(&values->table, table_slot_at(&values->table, id));
}

static inline struct value_heap **heap_link(const struct value_set *values, uint8_t *payload)
{
	return (struct value_heap **)(void *)(payload + values->heap);
}

/* ---- values as bytes ---- */

void value_bytes(const struct column *column, uint32_t row, bool exact, struct buffer *out)
{
	key_encode_column(column, row, out);
	if (!exact)
		return;
	if (type_physical(column->type.id) == PHYS_DECIMAL) {
		buffer_append_byte(out, (uint8_t)column->decimals[row].scale);
	} else if (type_physical(column->type.id) == PHYS_INTERVAL) {
		const struct interval *interval = &column->intervals[row];
		buffer_append_be32(out, (uint32_t)interval->months ^ UINT32_C(1) << 31);
		buffer_append_be32(out, (uint32_t)interval->days ^ UINT32_C(1) << 31);
		buffer_append_be64(out, (uint64_t)interval->microseconds ^ UINT64_C(1) << 63);
	}
}

status value_from_bytes(
	struct slice bytes, struct type type, bool exact, struct arena *arena, struct value *out)
{
	struct cursor cursor = cursor_of(bytes);
	status code = key_decode_value(&cursor, type, arena, out);
	if (code != STATUS_OK || !exact)
		return code;
	if (type_physical(type.id) == PHYS_DECIMAL)
		return decimal_round(&out->decimal, cursor_u8(&cursor), &out->decimal);
	if (type_physical(type.id) == PHYS_INTERVAL) {
		out->interval.months = (int32_t)(cursor_be32(&cursor) ^ UINT32_C(1) << 31);
		out->interval.days = (int32_t)(cursor_be32(&cursor) ^ UINT32_C(1) << 31);
		out->interval.microseconds = (int64_t)(cursor_be64(&cursor) ^ UINT64_C(1) << 63);
	}
	return cursor.failed ? error_raise(STATUS_DAMAGED, "stored value is cut short") : STATUS_OK;
}

/* ---- keys of rows ---- */

static int64_t packed_value(const struct value_set *values, const struct column *column, uint32_t row)
{
	switch (values->physical) {
	case PHYS_BOOL:
		return column->booleans[row] != 0;
	case PHYS_F64:
		/* DISTINCT: −0 equals 0. Extremes keep what they are shown as. */
		return f64_extreme(values->use == VALUES_DISTINCT ? column->f64[row] + 0.0 : column->f64[row]);
	default:
		return column->i64[row];
	}
}

static void value_keys(const struct value_set *values, const struct aggregate_chunk *chunk,
	const uint32_t *rows, uint32_t count, struct arena *arena, struct buffer *bytes, struct table_keys *out)
{
	const struct column *column = &chunk->batch->columns[values->column];
	*out = (struct table_keys){.kind = values->table.kind, .count = count};
	if (out->kind == TABLE_KEY_TWO) {
		int64_t *groups = arena_alloc(arena, count * sizeof *groups);
		int64_t *parts = arena_alloc(arena, count * sizeof *parts);
		for (uint32_t i = 0; i < count; i++) {
			groups[i] = chunk->ids[rows[i]];
			parts[i] = packed_value(values, column, rows[i]);
		}
		out->parts[0] = groups;
		out->parts[1] = parts;
	} else {
		uint32_t *offsets = arena_alloc(arena, (count + 1) * sizeof *offsets);
		for (uint32_t i = 0; i < count; i++) {
			offsets[i] = (uint32_t)bytes->size;
			buffer_append_be32(bytes, chunk->ids[rows[i]]);
			value_bytes(column, rows[i], values->use != VALUES_DISTINCT, bytes);
		}
		offsets[count] = (uint32_t)bytes->size;
		out->offsets = offsets;
		out->bytes = bytes->data;
	}
	table_keys_hash(out, arena);
}

/* ---- names in the store ---- */

static void suffix_encode(const struct value_set *values, uint32_t id, struct buffer *out)
{
	const struct table_slot *slot = table_slot_at(&values->table, id);
	size_t from = out->size;
	if (values->table.kind == TABLE_KEY_TWO) {
		buffer_append_be64(out, (uint64_t)table_slot_parts(slot)[1] ^ UINT64_C(1) << 63);
	} else {
		struct slice key = table_slot_key(slot);
		buffer_append(out, key.data + GROUP_ID_SIZE, key.size - GROUP_ID_SIZE);
	}
	for (size_t i = from; values->use == VALUES_MAXIMUM && i < out->size; i++)
		out->data[i] = (uint8_t)~out->data[i];
}

static uint32_t value_group(const struct value_set *values, uint32_t id)
{
	const struct table_slot *slot = table_slot_at(&values->table, id);
	if (values->table.kind == TABLE_KEY_TWO)
		return (uint32_t)table_slot_parts(slot)[0];
	return get_be32(table_slot_key(slot).data);
}

static status weight_decode(struct slice bytes, int64_t *out)
{
	struct cursor cursor = cursor_of(bytes);
	*out = cursor_zigzag(&cursor);
	if (cursor.failed || cursor_left(&cursor) != 0)
		return error_raise(STATUS_DAMAGED, "stored weight of an aggregate's value is damaged");
	return STATUS_OK;
}

static status weight_read_back(struct aggregate *aggregate, struct value_set *values, uint32_t id)
{
	struct buffer key, value;
	buffer_init(&key);
	buffer_init(&value);
	group_key(aggregate, value_group(values, id), &key);
	suffix_encode(values, id, &key);
	status code = aggregate->store->get(aggregate->store, values->space, buffer_slice(&key), &value);
	if (code == STATUS_OK)
		code = weight_decode(buffer_slice(&value), &value_at(values, id)->weight);
	else if (code == STATUS_NOT_FOUND)
		code = STATUS_OK;
	buffer_deinit(&key);
	buffer_deinit(&value);
	return code;
}

/* ---- heap ---- */

static bool value_better(const struct value_set *values, uint32_t left, uint32_t right)
{
	const struct table_slot *a = table_slot_at(&values->table, left),
							*b = table_slot_at(&values->table, right);
	int order;
	if (values->table.kind == TABLE_KEY_TWO) {
		int64_t x = table_slot_parts(a)[1], y = table_slot_parts(b)[1];
		order = x < y ? -1 : x > y;
	} else {
		order = slice_compare(table_slot_key(a), table_slot_key(b)); /* same group: same first bytes */
	}
	return values->use == VALUES_MAXIMUM ? order > 0 : order < 0;
}

static size_t heap_size(uint32_t capacity)
{
	return sizeof(struct value_heap) + capacity * sizeof(uint32_t);
}

static struct value_heap *heap_grow(struct pool *pool, struct value_heap *heap, uint32_t capacity)
{
	struct value_heap *grown = pool_alloc(pool, heap_size(capacity));
	if (heap != NULL) {
		memcpy(grown, heap, heap_size(heap->count));
		pool_free(pool, heap, heap_size(heap->capacity));
	} else {
		*grown = (struct value_heap){0};
	}
	grown->capacity = capacity;
	return grown;
}

static void heap_push(
	struct aggregate *aggregate, struct value_set *values, struct value_heap **link, uint32_t id)
{
	struct value_heap *heap = *link;
	if (heap->count == heap->capacity)
		*link = heap = heap_grow(&aggregate->pool, heap, heap->capacity * 2);
	uint32_t at = heap->count++;
	while (at > 0 && value_better(values, id, heap->ids[(at - 1) / 2])) {
		heap->ids[at] = heap->ids[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->ids[at] = id;
	table_slot_at(&values->table, id)->flags |= VALUE_IN_HEAP;
}

static void heap_sink(const struct value_set *values, struct value_heap *heap, uint32_t at)
{
	uint32_t id = heap->ids[at];
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && value_better(values, heap->ids[child + 1], heap->ids[child]))
			child++;
		if (!value_better(values, heap->ids[child], id))
			break;
		heap->ids[at] = heap->ids[child];
		at = child;
	}
	heap->ids[at] = id;
}

/* The entry left its heap. */
static void value_left(struct value_set *values, struct value_heap *heap, uint32_t id)
{
	struct table_slot *slot = table_slot_at(&values->table, id);
	if ((slot->flags & VALUE_DEAD) != 0)
		heap->dead--;
	slot->flags = 0;
	if (slot->dirty == 0)
		table_remove(&values->table, id);
}

/* Best value of weight ≠ 0, or 0. */
static uint32_t heap_best(struct value_set *values, struct value_heap *heap)
{
	while (heap->count != 0) {
		uint32_t id = heap->ids[0];
		if (value_at(values, id)->weight != 0)
			return id;
		heap->ids[0] = heap->ids[--heap->count];
		if (heap->count != 0)
			heap_sink(values, heap, 0);
		value_left(values, heap, id);
	}
	return 0;
}

static void heap_compact(struct value_set *values, struct value_heap *heap)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < heap->count; i++) {
		uint32_t id = heap->ids[i];
		if (value_at(values, id)->weight != 0)
			heap->ids[kept++] = id;
		else
			value_left(values, heap, id);
	}
	heap->count = kept;
	for (uint32_t i = kept / 2; i > 0; i--)
		heap_sink(values, heap, i - 1);
}

static struct value_heap **heap_of(struct aggregate *aggregate, struct value_set *values, uint32_t group)
{
	struct table_slot *slot = table_slot_at(&aggregate->groups, group);
	struct value_heap **link = heap_link(values, table_payload(&aggregate->groups, slot));
	if (*link == NULL) {
		*link = heap_grow(&aggregate->pool, NULL, HEAP_CAPACITY_MIN);
		(*link)->complete = (slot->flags & GROUP_READ_BACK) == 0;
	}
	return link;
}

/* ---- a chunk ---- */

static void value_dirty(struct value_set *values, uint32_t id)
{
	struct table_slot *slot = table_slot_at(&values->table, id);
	if (slot->dirty != 0)
		return;
	if (values->dirty_count == values->dirty_capacity) {
		values->dirty_capacity = values->dirty_capacity != 0 ? values->dirty_capacity * 2 : 64;
		values->dirty = mem_resize(values->dirty, values->dirty_capacity * sizeof *values->dirty);
	}
	values->dirty[values->dirty_count++] = id;
	slot->dirty = 1;
}

/* Values that were not in memory may be in the store, if their group came from there. */
static status values_fresh(struct aggregate *aggregate, struct value_set *values, const uint32_t *groups,
	const uint32_t *ids, const uint32_t *fresh, uint32_t fresh_count)
{
	for (uint32_t i = 0; i < fresh_count; i++) {
		uint32_t group = groups[fresh[i]];
		if ((table_slot_at(&aggregate->groups, group)->flags & GROUP_READ_BACK) == 0)
			continue;
		if (values->use != VALUES_DISTINCT && (*heap_of(aggregate, values, group))->complete)
			continue;
		status code = weight_read_back(aggregate, values, ids[fresh[i]]);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static status value_add(struct aggregate *aggregate, struct value_set *values, uint32_t group, uint32_t id,
	int64_t weight, int64_t *transition)
{
	struct value_payload *payload = value_at(values, id);
	bool was = payload->weight > 0;
	if (__builtin_add_overflow(payload->weight, weight, &payload->weight))
		return error_raise(STATUS_OUT_OF_RANGE, "too many equal rows in an aggregate");
	*transition = (payload->weight > 0) - was;
	value_dirty(values, id);
	if (values->use != VALUES_DISTINCT && (table_slot_at(&values->table, id)->flags & VALUE_IN_HEAP) == 0)
		heap_push(aggregate, values, heap_of(aggregate, values, group), id);
	return STATUS_OK;
}

status values_update(struct aggregate *aggregate, struct value_set *values, struct aggregate_chunk *chunk,
	const int64_t *weights, int64_t *transitions)
{
	struct arena *arena = &aggregate->scratch;
	uint32_t *rows = arena_alloc(arena, chunk->count * sizeof *rows), count = 0;
	for (uint32_t i = 0; i < chunk->count; i++) {
		rows[count] = i;
		count += weights == NULL || weights[i] != 0;
	}
	if (transitions != NULL)
		memset(transitions, 0, chunk->count * sizeof *transitions);
	uint32_t *ids = arena_alloc(arena, count * sizeof *ids),
			 *fresh = arena_alloc(arena, count * sizeof *fresh);
	uint32_t *groups = arena_alloc(arena, count * sizeof *groups), fresh_count;
	for (uint32_t i = 0; i < count; i++)
		groups[i] = chunk->ids[rows[i]];
	struct buffer bytes;
	struct table_keys keys;
	buffer_init(&bytes);
	value_keys(values, chunk, rows, count, arena, &bytes, &keys);
	table_upsert(&values->table, &keys, ids, fresh, &fresh_count);
	buffer_deinit(&bytes);
	status code =
		aggregate->complete ? STATUS_OK : values_fresh(aggregate, values, groups, ids, fresh, fresh_count);
	for (uint32_t i = 0; code == STATUS_OK && i < count; i++) {
		int64_t transition = 0, weight = weights != NULL ? weights[rows[i]] : 1;
		code = value_add(aggregate, values, groups[i], ids[i], weight, &transition);
		if (transitions != NULL)
			transitions[rows[i]] = transition;
	}
	return code;
}

status values_check(const struct value_set *values)
{
	for (uint32_t i = 0; i < values->dirty_count; i++) {
		if (value_at(values, values->dirty[i])->weight < 0)
			return error_raise(
				STATUS_INTERNAL, "an aggregate's value was retracted more often than inserted");
	}
	return STATUS_OK;
}

/* ---- the new extreme ---- */

/* A slot of the set by one value of a group: found, or inserted. 0 = not there. */
static uint32_t value_slot(struct aggregate *aggregate, struct value_set *values, uint32_t group,
	struct slice value, bool insert, bool *fresh)
{
	struct buffer bytes;
	buffer_init(&bytes);
	struct table_keys keys = {.kind = values->table.kind, .count = 1};
	int64_t parts[2] = {group, 0};
	uint32_t offsets[2] = {0}, id, row, fresh_count = 0;
	if (keys.kind == TABLE_KEY_TWO) {
		memcpy(&parts[1], value.data, sizeof parts[1]);
		keys.parts[0] = &parts[0];
		keys.parts[1] = &parts[1];
	} else {
		buffer_append_be32(&bytes, group);
		buffer_append(&bytes, value.data, value.size);
		offsets[1] = (uint32_t)bytes.size;
		keys.bytes = bytes.data;
		keys.offsets = offsets;
	}
	table_keys_hash(&keys, &aggregate->scratch);
	if (insert)
		table_upsert(&values->table, &keys, &id, &row, &fresh_count);
	else
		table_find(&values->table, &keys, &id);
	buffer_deinit(&bytes);
	*fresh = fresh_count != 0;
	return id;
}

struct load {
	struct aggregate *aggregate;
	struct value_set *values;
	uint32_t group;
	size_t prefix_size;
	struct buffer value;
};

static status load_visit(void *context, struct slice key, struct slice stored)
{
	struct load *load = context;
	struct value_set *values = load->values;
	bool fresh, packed = values->table.kind == TABLE_KEY_TWO;
	load->value.size = 0;
	buffer_append(&load->value, key.data + load->prefix_size, key.size - load->prefix_size);
	for (size_t i = 0; values->use == VALUES_MAXIMUM && i < load->value.size; i++)
		load->value.data[i] = (uint8_t)~load->value.data[i];
	if (packed) {
		if (load->value.size != sizeof(int64_t))
			return error_raise(STATUS_DAMAGED, "stored value of an aggregate is damaged");
		int64_t part = (int64_t)(get_be64(load->value.data) ^ UINT64_C(1) << 63);
		memcpy(load->value.data, &part, sizeof part);
	}
	uint32_t id = value_slot(load->aggregate, values, load->group, buffer_slice(&load->value), true, &fresh);
	if (!fresh)
		return STATUS_OK; /* what is in memory is newer */
	status code = weight_decode(stored, &value_at(values, id)->weight);
	if (code == STATUS_OK)
		heap_push(load->aggregate, values, heap_of(load->aggregate, values, load->group), id);
	return code;
}

static status values_load(struct aggregate *aggregate, struct value_set *values, uint32_t group)
{
	struct load load = {aggregate, values, group, 0, {0}};
	struct buffer prefix;
	buffer_init(&load.value);
	buffer_init(&prefix);
	group_key(aggregate, group, &prefix);
	load.prefix_size = prefix.size;
	status code =
		aggregate->store->scan(aggregate->store, values->space, buffer_slice(&prefix), load_visit, &load);
	buffer_deinit(&load.value);
	buffer_deinit(&prefix);
	if (code == STATUS_OK)
		(*heap_of(aggregate, values, group))->complete = true;
	return code;
}

static struct slice extreme_slice(const struct cell *cell, const uint8_t *payload)
{
	if (!extreme_is_bytes(cell->physical))
		return slice_of(payload + cell->offset, sizeof(int64_t));
	const struct cell_bytes *bytes = cell_at(payload, cell);
	return slice_of(bytes->data, bytes->size);
}

static void extreme_set(struct aggregate *aggregate, const struct cell *cell, uint8_t *payload, uint32_t id)
{
	const struct value_set *values = &aggregate->values[cell->values];
	const struct table_slot *slot = table_slot_at(&values->table, id);
	payload[cell->present] = 1;
	if (!extreme_is_bytes(cell->physical)) {
		memcpy(payload + cell->offset, &table_slot_parts(slot)[1], sizeof(int64_t));
		return;
	}
	struct slice key = table_slot_key(slot);
	bytes_assign(&aggregate->pool, cell_at(payload, cell), key.data + GROUP_ID_SIZE,
		(uint32_t)(key.size - GROUP_ID_SIZE));
}

/* The stored extreme holds unless its value was touched and is gone; then everything has to be looked at. */
static status settle_incomplete(
	struct aggregate *aggregate, const struct cell *cell, uint32_t group, uint8_t *payload, bool *stands)
{
	struct value_set *values = &aggregate->values[cell->values];
	struct value_heap *heap = *heap_link(values, payload);
	*stands = false;
	if (payload[cell->present] == 0) {
		heap->complete = true; /* the store has no values of this group */
		return STATUS_OK;
	}
	bool fresh;
	uint32_t old = value_slot(aggregate, values, group, extreme_slice(cell, payload), false, &fresh);
	if (old != 0 && value_at(values, old)->weight == 0)
		return values_load(aggregate, values, group);
	uint32_t best = heap_best(values, heap);
	if (best == 0 || best == old) {
		*stands = true;
		return STATUS_OK;
	}
	/* `old` may live in the store only: compare by bytes. */
	struct slice stored = extreme_slice(cell, payload);
	const struct table_slot *slot = table_slot_at(&values->table, best);
	int order;
	if (extreme_is_bytes(cell->physical)) {
		struct slice key = table_slot_key(slot);
		order = slice_compare(slice_of(key.data + GROUP_ID_SIZE, key.size - GROUP_ID_SIZE), stored);
	} else {
		int64_t value;
		memcpy(&value, stored.data, sizeof value);
		order = table_slot_parts(slot)[1] < value ? -1 : table_slot_parts(slot)[1] > value;
	}
	*stands = cell->maximum ? order < 0 : order > 0;
	return STATUS_OK;
}

status values_settle(struct aggregate *aggregate, const struct cell *cell, uint32_t group)
{
	struct value_set *values = &aggregate->values[cell->values];
	uint8_t *payload = table_payload(&aggregate->groups, table_slot_at(&aggregate->groups, group));
	struct value_heap **link = heap_link(values, payload);
	if (*link == NULL)
		return STATUS_OK; /* no value of this cell was touched */
	if (!(*link)->complete) {
		bool stands;
		status code = settle_incomplete(aggregate, cell, group, payload, &stands);
		if (code != STATUS_OK || stands)
			return code;
	}
	uint32_t best = heap_best(values, *link);
	if (best != 0)
		extreme_set(aggregate, cell, payload, best);
	else
		payload[cell->present] = 0;
	return STATUS_OK;
}

/* ---- commit ---- */

void values_flush(struct aggregate *aggregate, struct value_set *values, struct state_writer *writer)
{
	struct buffer key, value;
	buffer_init(&key);
	buffer_init(&value);
	for (uint32_t i = 0; i < values->dirty_count; i++) {
		uint32_t id = values->dirty[i];
		int64_t weight = value_at(values, id)->weight;
		key.size = 0;
		value.size = 0;
		group_key(aggregate, value_group(values, id), &key);
		suffix_encode(values, id, &key);
		buffer_append_zigzag(&value, weight);
		if (weight != 0)
			writer->put(writer, values->space, buffer_slice(&key), buffer_slice(&value));
		else
			writer->remove(writer, values->space, buffer_slice(&key));
	}
	buffer_deinit(&key);
	buffer_deinit(&value);
}

static bool heap_is_stale(const struct value_heap *heap)
{
	return heap->dead > heap->count / 2 + HEAP_DEAD_SLACK;
}

static struct value_heap *group_heap(struct aggregate *aggregate, struct value_set *values, uint32_t group)
{
	return *heap_link(values, table_payload(&aggregate->groups, table_slot_at(&aggregate->groups, group)));
}

void values_committed(struct aggregate *aggregate, struct value_set *values)
{
	uint32_t stale = 0; /* groups, kept in the front of the list that is being read */
	for (uint32_t i = 0; i < values->dirty_count; i++) {
		uint32_t id = values->dirty[i];
		struct table_slot *slot = table_slot_at(&values->table, id);
		bool dead = value_at(values, id)->weight == 0;
		slot->dirty = 0;
		if ((slot->flags & VALUE_IN_HEAP) == 0) {
			if (dead)
				table_remove(&values->table, id);
			continue;
		}
		if (dead == ((slot->flags & VALUE_DEAD) != 0))
			continue;
		uint32_t group = value_group(values, id);
		struct value_heap *heap = group_heap(aggregate, values, group);
		slot->flags ^= VALUE_DEAD;
		heap->dead += dead ? 1 : UINT32_MAX;
		if (heap_is_stale(heap))
			values->dirty[stale++] = group;
	}
	for (uint32_t i = 0; i < stale; i++) {
		struct value_heap *heap = group_heap(aggregate, values, values->dirty[i]);
		if (heap_is_stale(heap))
			heap_compact(values, heap);
	}
	values->dirty_count = 0;
}

void values_drop_group(struct aggregate *aggregate, struct value_set *values, uint8_t *payload)
{
	struct value_heap *heap = *heap_link(values, payload);
	if (heap == NULL)
		return;
	for (uint32_t i = 0; i < heap->count; i++)
		table_remove(&values->table, heap->ids[i]);
	pool_free(&aggregate->pool, heap, heap_size(heap->capacity));
	*heap_link(values, payload) = NULL;
}
