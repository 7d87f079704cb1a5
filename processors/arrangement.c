/* Adding, finding, loading and committing the rows of a join side; see arrangement.h. */
#include "processors/arrangement.h"

#include <string.h>

#include "base/invariant.h"
#include "processors/arrangement_row.h"

void arrangement_init(struct arrangement *arrangement, const struct field *columns, size_t column_count,
	const uint8_t *needed, const uint32_t *key_columns, size_t key_count, bool counted)
{
	*arrangement = (struct arrangement){
		.key_columns = key_columns, .key_count = key_count, .complete = true, .counted = counted};
	struct arena *memory = &arrangement->memory;
	arrangement->fields = arena_alloc(memory, column_count * sizeof *arrangement->fields);
	uint32_t offset = 0;
	for (uint32_t c = 0; c < column_count; c++) {
		if (needed[c] == 0)
			continue;
		enum physical physical = type_physical(columns[c].type.id);
		arrangement->fields[arrangement->field_count++] =
			(struct row_field){.column = c, .type = columns[c].type, .physical = physical, .offset = offset};
		offset += row_cell_size(physical);
	}
	arrangement->null_offset = offset;
	arrangement->fixed_size = offset + (uint32_t)arrangement->field_count;
	arrangement->key_types = arena_alloc(memory, key_count * sizeof *arrangement->key_types);
	for (size_t k = 0; k < key_count; k++)
		arrangement->key_types[k] = columns[key_columns[k]].type;
	pool_init(&arrangement->pool);
	table_init(&arrangement->keys, table_key_kind(arrangement->key_types, key_count),
		sizeof(struct key_payload), &arrangement->pool);
	table_init(&arrangement->rows, TABLE_KEY_BYTES,
		counted ? sizeof(struct row_payload_counted) : sizeof(struct row_payload), &arrangement->pool);
}

void arrangement_deinit(struct arrangement *arrangement)
{
	table_deinit(&arrangement->keys);
	table_deinit(&arrangement->rows);
	pool_deinit(&arrangement->pool);
	mem_free(arrangement->dirty_rows);
	mem_free(arrangement->dirty_keys);
	arena_deinit(&arrangement->memory);
}

void arrangement_evict(struct arrangement *arrangement)
{
	INVARIANT(
		arrangement->dirty_count == 0 && arrangement->dirty_key_count == 0 && arrangement->store != NULL);
	table_clear(&arrangement->keys);
	table_clear(&arrangement->rows);
	pool_reset(&arrangement->pool);
	arrangement->complete = false;
}

size_t arrangement_memory_bytes(const struct arrangement *arrangement)
{
	return table_memory_bytes(&arrangement->keys) + table_memory_bytes(&arrangement->rows) +
		   arrangement->pool.memory_bytes + arrangement->memory.used_bytes +
		   ((size_t)arrangement->dirty_capacity + arrangement->dirty_key_capacity) * sizeof(uint32_t);
}

size_t arrangement_dirty_bytes(const struct arrangement *arrangement)
{
	return (size_t)arrangement->dirty_count *
		   (arrangement->rows.slot_size + 2 * (size_t)arrangement->fixed_size);
}

/* ---- rows of a key ---- */

static void row_link(struct arrangement *arrangement, uint32_t key_id, uint32_t row_id)
{
	struct key_payload *key = arrangement_key(arrangement, key_id);
	struct row_payload *row = arrangement_row(arrangement, row_id);
	row->next = key->head;
	row->previous = 0;
	if (key->head != 0)
		arrangement_row(arrangement, key->head)->previous = row_id;
	key->head = row_id;
}

static uint32_t row_key_id(const struct arrangement *arrangement, uint32_t row_id)
{
	uint32_t key_id;
	memcpy(&key_id, table_slot_key(table_slot_at(&arrangement->rows, row_id)).data, sizeof key_id);
	return key_id;
}

static void row_remove(struct arrangement *arrangement, uint32_t row_id)
{
	struct row_payload *row = arrangement_row(arrangement, row_id);
	uint32_t key_id = row_key_id(arrangement, row_id);
	struct key_payload *key = arrangement_key(arrangement, key_id);
	if (row->previous != 0)
		arrangement_row(arrangement, row->previous)->next = row->next;
	else
		key->head = row->next;
	if (row->next != 0)
		arrangement_row(arrangement, row->next)->previous = row->previous;
	table_remove(&arrangement->rows, row_id);
	if (key->head == 0 && arrangement->complete)
		table_remove(&arrangement->keys, key_id);
}

/* ---- reading back ---- */

static status payload_decode(const struct arrangement *arrangement, uint32_t row_id, struct slice stored)
{
	struct cursor cursor = cursor_of(stored);
	arrangement_row(arrangement, row_id)->weight = cursor_zigzag(&cursor);
	if (arrangement->counted)
		arrangement_counted(arrangement, row_id)->partners = cursor_zigzag(&cursor);
	if (cursor.failed || cursor_left(&cursor) != 0)
		return error_raise(STATUS_DAMAGED, "stored weight of a join's row is damaged");
	return STATUS_OK;
}

static void payload_encode(const struct arrangement *arrangement, uint32_t row_id, struct buffer *out)
{
	buffer_append_zigzag(out, arrangement_row(arrangement, row_id)->weight);
	if (arrangement->counted)
		buffer_append_zigzag(out, arrangement_counted(arrangement, row_id)->partners);
}

struct load {
	struct arrangement *arrangement;
	struct arena *arena;
	uint32_t key_id;
	size_t prefix_size;
	struct buffer row;
};

static status load_visit(void *context, struct slice stored_key, struct slice stored)
{
	struct load *load = context;
	struct arrangement *arrangement = load->arrangement;
	struct slice cells = {stored_key.data + load->prefix_size, stored_key.size - load->prefix_size};
	status code = row_check(arrangement, cells);
	if (code != STATUS_OK)
		return code;
	uint8_t head[ARRANGEMENT_ROW_HEAD] = {0};
	memcpy(head, &load->key_id, sizeof load->key_id);
	load->row.size = 0;
	buffer_append(&load->row, head, sizeof head);
	buffer_append(&load->row, cells.data, cells.size);
	uint32_t offsets[2] = {0, (uint32_t)load->row.size}, row_id, fresh_row, fresh;
	struct table_keys keys = {
		.kind = TABLE_KEY_BYTES, .count = 1, .bytes = load->row.data, .offsets = offsets};
	table_keys_hash(&keys, load->arena);
	table_upsert(&arrangement->rows, &keys, &row_id, &fresh_row, &fresh);
	if (fresh == 0)
		return STATUS_OK; /* what is in memory is newer; its weight is counted already */
	code = payload_decode(arrangement, row_id, stored);
	arrangement_key(arrangement, load->key_id)->weight += arrangement_row(arrangement, row_id)->weight;
	row_link(arrangement, load->key_id, row_id);
	return code;
}

static void key_encode_slot(const struct arrangement *arrangement, uint32_t key_id, struct buffer *out)
{
	table_key_encode(&arrangement->keys, table_slot_at(&arrangement->keys, key_id), arrangement->key_types,
		arrangement->key_count, out);
}

static status key_complete(struct arrangement *arrangement, uint32_t key_id, struct arena *arena)
{
	struct load load = {.arrangement = arrangement, .arena = arena, .key_id = key_id};
	struct buffer prefix;
	buffer_init(&load.row);
	buffer_init(&prefix);
	key_encode_slot(arrangement, key_id, &prefix);
	load.prefix_size = prefix.size;
	status code = arrangement->store->scan(
		arrangement->store, arrangement->space, buffer_slice(&prefix), load_visit, &load);
	buffer_deinit(&load.row);
	buffer_deinit(&prefix);
	arrangement_key(arrangement, key_id)->complete = 1;
	return code;
}

static status row_read_back(struct arrangement *arrangement, uint32_t key_id, uint32_t row_id)
{
	struct buffer key, value;
	buffer_init(&key);
	buffer_init(&value);
	key_encode_slot(arrangement, key_id, &key);
	struct slice row = table_slot_key(table_slot_at(&arrangement->rows, row_id));
	buffer_append(&key, row.data + ARRANGEMENT_ROW_HEAD, row.size - ARRANGEMENT_ROW_HEAD);
	status code = arrangement->store->get(arrangement->store, arrangement->space, buffer_slice(&key), &value);
	if (code == STATUS_OK) {
		code = payload_decode(arrangement, row_id, buffer_slice(&value));
		arrangement_key(arrangement, key_id)->weight += arrangement_row(arrangement, row_id)->weight;
	} else if (code == STATUS_NOT_FOUND) {
		code = STATUS_OK;
	}
	buffer_deinit(&key);
	buffer_deinit(&value);
	return code;
}

status arrangement_lookup(
	struct arrangement *arrangement, const struct table_keys *keys, struct arena *arena, uint32_t *ids)
{
	if (arrangement->complete) {
		table_find(&arrangement->keys, keys, ids);
		return STATUS_OK;
	}
	uint32_t *fresh = arena_alloc(arena, keys->count * sizeof *fresh), fresh_count;
	table_upsert(&arrangement->keys, keys, ids, fresh, &fresh_count);
	status code = STATUS_OK;
	for (uint32_t i = 0; code == STATUS_OK && i < keys->count; i++) {
		if (arrangement_key(arrangement, ids[i])->complete == 0)
			code = key_complete(arrangement, ids[i], arena);
	}
	return code;
}

/* ---- adding ---- */

static void list_add(uint32_t **list, uint32_t *count, uint32_t *capacity, uint32_t id)
{
	if (*count == *capacity) {
		*capacity = *capacity != 0 ? *capacity * 2 : 64;
		*list = mem_resize(*list, *capacity * sizeof **list);
	}
	(*list)[(*count)++] = id;
}

static void key_touch(struct arrangement *arrangement, uint32_t key_id)
{
	struct table_slot *slot = table_slot_at(&arrangement->keys, key_id);
	if (!arrangement->whole_keys || slot->dirty != 0)
		return;
	struct key_payload *key = arrangement_key(arrangement, key_id);
	key->before = key->weight;
	slot->dirty = 1;
	list_add(
		&arrangement->dirty_keys, &arrangement->dirty_key_count, &arrangement->dirty_key_capacity, key_id);
}

void arrangement_touch(struct arrangement *arrangement, uint32_t row_id)
{
	struct table_slot *slot = table_slot_at(&arrangement->rows, row_id);
	if (slot->dirty != 0)
		return;
	struct row_payload *row = table_payload(&arrangement->rows, slot);
	slot->dirty = 1;
	row->before = row->weight;
	if (arrangement->counted)
		arrangement_counted(arrangement, row_id)->partners_before =
			arrangement_counted(arrangement, row_id)->partners;
	list_add(&arrangement->dirty_rows, &arrangement->dirty_count, &arrangement->dirty_capacity, row_id);
}

static status row_add(struct arrangement *arrangement, uint32_t key_id, uint32_t row_id, int64_t weight)
{
	struct row_payload *row = arrangement_row(arrangement, row_id);
	struct key_payload *key = arrangement_key(arrangement, key_id);
	arrangement_touch(arrangement, row_id);
	if (__builtin_add_overflow(row->weight, weight, &row->weight) ||
		__builtin_add_overflow(key->weight, weight, &key->weight))
		return error_raise(STATUS_OUT_OF_RANGE, "too many equal rows in a join");
	return STATUS_OK;
}

static status rows_add(struct arrangement *arrangement, const struct batch *batch, const uint32_t *key_ids,
	struct arena *arena, uint32_t *row_ids)
{
	struct table_keys rows;
	status code = rows_encode(arrangement, batch, key_ids, arena, &rows);
	if (code != STATUS_OK)
		return code;
	uint32_t *ids = row_ids != NULL ? row_ids : arena_alloc(arena, rows.count * sizeof *ids);
	uint32_t *fresh = arena_alloc(arena, rows.count * sizeof *fresh), fresh_count;
	table_upsert(&arrangement->rows, &rows, ids, fresh, &fresh_count);
	for (uint32_t i = 0; i < fresh_count; i++) {
		uint32_t head = arrangement_key(arrangement, key_ids[fresh[i]])->head;
		if (head != 0)
			__builtin_prefetch(table_slot_at(&arrangement->rows, head), 1); /* row_link() writes to it */
	}
	for (uint32_t i = 0; i < fresh_count; i++) {
		uint32_t key_id = key_ids[fresh[i]], row_id = ids[fresh[i]];
		row_link(arrangement, key_id, row_id);
		if (arrangement_key(arrangement, key_id)->complete == 0)
			code = row_read_back(arrangement, key_id, row_id);
		if (code != STATUS_OK)
			return code;
	}
	for (uint32_t i = 0; code == STATUS_OK && i < rows.count; i++)
		code = row_add(arrangement, key_ids[i], ids[i], batch_weight(batch, i));
	return code;
}

status arrangement_add(struct arrangement *arrangement, const struct batch *batch,
	const struct table_keys *keys, struct arena *arena, uint32_t *row_ids)
{
	uint32_t *key_ids = arena_alloc(arena, keys->count * sizeof *key_ids);
	uint32_t *fresh = arena_alloc(arena, keys->count * sizeof *fresh), fresh_count;
	table_upsert(&arrangement->keys, keys, key_ids, fresh, &fresh_count);
	status code = STATUS_OK;
	for (uint32_t i = 0; i < fresh_count; i++) {
		if (arrangement->complete)
			arrangement_key(arrangement, key_ids[fresh[i]])->complete = 1;
	}
	for (uint32_t i = 0; code == STATUS_OK && arrangement->whole_keys && i < keys->count; i++) {
		if (arrangement_key(arrangement, key_ids[i])->complete == 0)
			code = key_complete(arrangement, key_ids[i], arena);
		key_touch(arrangement, key_ids[i]);
	}
	return code == STATUS_OK ? rows_add(arrangement, batch, key_ids, arena, row_ids) : code;
}

/* ---- probing ---- */

void arrangement_prefetch(const struct arrangement *arrangement, const uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t head = ids[i] != 0 ? arrangement_key(arrangement, ids[i])->head : 0;
		if (head != 0)
			__builtin_prefetch(table_slot_at(&arrangement->rows, head));
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t head = ids[i] != 0 ? arrangement_key(arrangement, ids[i])->head : 0;
		if (head != 0)
			__builtin_prefetch(arrangement_cells(arrangement, head));
	}
}

bool arrangement_next(const struct arrangement *arrangement, struct arrangement_probe *probe,
	uint32_t capacity, struct arrangement_match *match)
{
	uint32_t count = 0;
	while (count < capacity) {
		if (probe->entry == 0) {
			if (probe->started)
				probe->row++;
			probe->started = true;
			if (probe->row >= probe->count)
				break;
			uint32_t id = probe->ids[probe->row];
			probe->entry = id != 0 ? arrangement_key(arrangement, id)->head : 0;
			continue;
		}
		const struct row_payload *row = arrangement_row(arrangement, probe->entry);
		match->rows[count] = probe->row;
		match->entries[count] = probe->entry;
		match->cells[count] = arrangement_cells(arrangement, probe->entry);
		match->weights[count] = row->weight;
		count += row->weight != 0;
		probe->entry = row->next;
	}
	match->count = count;
	return probe->entry != 0 || probe->row < probe->count;
}

/* ---- commit ---- */

status arrangement_check(const struct arrangement *arrangement)
{
	bool negative = false;
	for (uint32_t i = 0; i < arrangement->dirty_count; i++) {
		uint32_t row_id = arrangement->dirty_rows[i];
		int64_t weight = arrangement_row(arrangement, row_id)->weight;
		negative |= weight < 0;
		/* Nobody kept count for a row that is gone. */
		if (arrangement->counted && weight != 0)
			negative |= arrangement_counted(arrangement, row_id)->partners < 0;
	}
	if (negative)
		return error_raise(STATUS_INTERNAL, "a join's row was retracted more often than inserted");
	return STATUS_OK;
}

static bool row_changed(const struct arrangement *arrangement, uint32_t row_id)
{
	const struct row_payload *row = arrangement_row(arrangement, row_id);
	if (row->weight != row->before || row->weight == 0 || !arrangement->counted)
		return row->weight != row->before;
	const struct row_payload_counted *counted = arrangement_counted(arrangement, row_id);
	return counted->partners != counted->partners_before;
}

void arrangement_flush(struct arrangement *arrangement, struct state_writer *writer)
{
	struct buffer key, value;
	buffer_init(&key);
	buffer_init(&value);
	for (uint32_t i = 0; i < arrangement->dirty_count; i++) {
		uint32_t row_id = arrangement->dirty_rows[i];
		const struct row_payload *row = arrangement_row(arrangement, row_id);
		if (!row_changed(arrangement, row_id))
			continue;
		struct slice bytes = table_slot_key(table_slot_at(&arrangement->rows, row_id));
		key.size = 0;
		value.size = 0;
		key_encode_slot(arrangement, row_key_id(arrangement, row_id), &key);
		buffer_append(&key, bytes.data + ARRANGEMENT_ROW_HEAD, bytes.size - ARRANGEMENT_ROW_HEAD);
		payload_encode(arrangement, row_id, &value);
		if (row->weight != 0)
			writer->put(writer, arrangement->space, buffer_slice(&key), buffer_slice(&value));
		else
			writer->remove(writer, arrangement->space, buffer_slice(&key));
	}
	buffer_deinit(&key);
	buffer_deinit(&value);
}

void arrangement_committed(struct arrangement *arrangement)
{
	for (uint32_t i = 0; i < arrangement->dirty_key_count; i++)
		table_slot_at(&arrangement->keys, arrangement->dirty_keys[i])->dirty = 0;
	arrangement->dirty_key_count = 0;
	for (uint32_t i = 0; i < arrangement->dirty_count; i++) {
		uint32_t row_id = arrangement->dirty_rows[i];
		table_slot_at(&arrangement->rows, row_id)->dirty = 0;
		if (arrangement_row(arrangement, row_id)->weight == 0)
			row_remove(arrangement, row_id);
	}
	arrangement->dirty_count = 0;
}
