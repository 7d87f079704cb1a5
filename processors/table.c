/* Looking up, inserting and removing slots, a chunk of rows at a time; see table.h.
 *
 * Linear probing; the entry's 32 hash bits are both a filter and the entry's home (index capacity ≤ 2^32), so
 * neither growing nor removing has to visit slots of other keys. A removed entry is closed by shifting back
 * what follows, so there are no tombstones and a table that shrank is as fast as one that never grew.
 */
#include "processors/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/invariant.h"

enum {
	TABLE_INDEX_MIN = 64,
	TABLE_SLAB_ROWS = 1 << TABLE_SLAB_SHIFT,
	/* Below this many slots everything is in the cache and prefetching only costs. */
	TABLE_PREFETCH_MIN = 4096,
	TABLE_HUGE_PAGE = 2 * 1024 * 1024,
	TABLE_SMALL_SLABS = 8,
	CACHE_LINE = 64,
};

static const uint64_t hash_second = UINT64_C(0x9e3779b97f4a7c15);
static const uint64_t hash_nulls = UINT64_C(0xd6e8feb86659fd93);

void table_init(struct table *table, enum table_key kind, size_t payload_size, struct pool *pool)
{
	size_t key_size = kind == TABLE_KEY_ONE ? sizeof(int64_t) : 2 * sizeof(int64_t);
	size_t offset = sizeof(struct table_slot) + key_size;
	size_t size = (offset + payload_size + 7) & ~(size_t)7;
	INVARIANT(size < UINT32_MAX);
	*table = (struct table){
		.kind = kind,
		.payload_offset = (uint32_t)offset,
		.slot_size = (uint32_t)size,
		.pool = pool,
		.slot_next = 1,
	};
}

/* Large pieces come in huge pages where the system has them: a table is read at random, and its page table
 * entries would compete for the cache with its slots. */
static void *memory_take(size_t size)
{
	if (size < TABLE_HUGE_PAGE)
		return mem_alloc(size);
	size = (size + TABLE_HUGE_PAGE - 1) & ~(size_t)(TABLE_HUGE_PAGE - 1);
	void *memory = aligned_alloc(TABLE_HUGE_PAGE, size);
	if (memory == NULL)
		return mem_alloc(size);
	(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

void table_deinit(struct table *table)
{
	for (uint32_t i = 0; i < table->block_count; i++)
		mem_free(table->blocks[i]);
	mem_free(table->blocks);
	mem_free(table->slabs);
	mem_free(table->index);
	*table = (struct table){.kind = table->kind,
		.payload_offset = table->payload_offset,
		.slot_size = table->slot_size,
		.pool = table->pool,
		.slot_next = 1};
}

void table_clear(struct table *table)
{
	table_deinit(table);
}

size_t table_memory_bytes(const struct table *table)
{
	size_t bytes = table->index != NULL ? (table->index_mask + 1) * sizeof *table->index : 0;
	return bytes + table->block_bytes + table->slab_capacity * sizeof *table->slabs * 2;
}

/* ---- hashing ---- */

static inline uint64_t hash_one(int64_t part, uint8_t nulls)
{
	return hash_mix((uint64_t)part + nulls * hash_nulls);
}

static inline uint64_t hash_two(int64_t first, int64_t second, uint8_t nulls)
{
	uint64_t word = (uint64_t)first * hash_second;
	word ^= word >> 32;
	return hash_mix(word + (uint64_t)second + nulls * hash_nulls);
}

void table_keys_hash(struct table_keys *keys, struct arena *arena)
{
	uint64_t *hashes = arena_alloc(arena, keys->count * sizeof *hashes);
	const int64_t *first = keys->parts[0], *second = keys->parts[1];
	const uint8_t *nulls = keys->null_bits;
	switch (keys->kind) {
	case TABLE_KEY_ONE:
		for (uint32_t i = 0; i < keys->count; i++)
			hashes[i] = hash_one(first[i], nulls != NULL ? nulls[i] : 0);
		break;
	case TABLE_KEY_TWO:
		for (uint32_t i = 0; i < keys->count; i++)
			hashes[i] = hash_two(first[i], second[i], nulls != NULL ? nulls[i] : 0);
		break;
	case TABLE_KEY_BYTES:
		for (uint32_t i = 0; i < keys->count; i++)
			hashes[i] =
				hash_bytes(keys->bytes + keys->offsets[i], keys->offsets[i + 1] - keys->offsets[i], 0);
		break;
	}
	keys->hashes = hashes;
}

static uint64_t slot_hash(const struct table *table, const struct table_slot *slot)
{
	const int64_t *parts = table_slot_parts(slot);
	switch (table->kind) {
	case TABLE_KEY_ONE:
		return hash_one(parts[0], slot->null_bits);
	case TABLE_KEY_TWO:
		return hash_two(parts[0], parts[1], slot->null_bits);
	case TABLE_KEY_BYTES:
		break;
	}
	struct slice key = table_slot_key(slot);
	return hash_bytes(key.data, key.size, 0);
}

/* ---- index ---- */

static inline uint64_t entry_make(uint64_t hash, uint32_t id)
{
	return hash << 32 | id;
}
static inline uint32_t entry_hash(uint64_t entry)
{
	return (uint32_t)(entry >> 32);
}

static void index_put(uint64_t *index, uint64_t mask, uint64_t entry)
{
	uint64_t at = entry_hash(entry) & mask;
	while (index[at] != 0)
		at = (at + 1) & mask;
	index[at] = entry;
}

/* Room for `extra` more slots at a load of at most 5/8. */
static void index_reserve(struct table *table, uint32_t extra)
{
	uint64_t needed = (uint64_t)table->count + extra;
	uint64_t capacity = table->index != NULL ? table->index_mask + 1 : 0;
	if (capacity != 0 && needed * 8 <= capacity * 5)
		return;
	uint64_t grown = capacity != 0 ? capacity : TABLE_INDEX_MIN;
	while (needed * 8 > grown * 5)
		grown *= 2;
	INVARIANT(grown <= UINT64_C(1) << 32);
	uint64_t *index = memset(memory_take(grown * sizeof *index), 0, grown * sizeof *index);
	for (uint64_t i = 0; i < capacity; i++) {
		if (table->index[i] != 0)
			index_put(index, grown - 1, table->index[i]);
	}
	mem_free(table->index);
	table->index = index;
	table->index_mask = grown - 1;
}

/* A small table takes slab by slab, a large one blocks of a huge page. */
static void block_add(struct table *table)
{
	size_t slab_size = (size_t)TABLE_SLAB_ROWS * table->slot_size, slabs = 1;
	if (table->slab_count >= TABLE_SMALL_SLABS && slab_size < TABLE_HUGE_PAGE)
		slabs = TABLE_HUGE_PAGE / slab_size;
	size_t size = slabs > 1 ? (size_t)TABLE_HUGE_PAGE : slab_size;
	uint8_t *block = memory_take(size);
	table->blocks[table->block_count++] = block;
	table->block_bytes += size;
	for (size_t i = 0; i < slabs; i++)
		table->slabs[table->slab_count++] = block + i * slab_size;
}

static void slab_add(struct table *table)
{
	uint32_t most = table->slab_count + TABLE_HUGE_PAGE / (TABLE_SLAB_ROWS * sizeof(struct table_slot));
	if (most > table->slab_capacity) {
		table->slab_capacity = 2 * most;
		table->slabs = mem_resize(table->slabs, table->slab_capacity * sizeof *table->slabs);
		table->blocks = mem_resize(table->blocks, table->slab_capacity * sizeof *table->blocks);
	}
	block_add(table);
}

static uint32_t slot_take(struct table *table)
{
	uint32_t id = table->free_head;
	if (id != 0) {
		memcpy(&table->free_head, table_slot_at(table, id), sizeof table->free_head);
	} else {
		INVARIANT(table->slot_next != UINT32_MAX);
		id = table->slot_next++;
		if (id >> TABLE_SLAB_SHIFT >= table->slab_count)
			slab_add(table);
	}
	memset(table_slot_at(table, id), 0, table->slot_size);
	table->count++;
	return id;
}

/* ---- one key ---- */

static inline bool key_equal(
	enum table_key kind, const struct table_slot *slot, const struct table_keys *keys, uint32_t row)
{
	if (kind == TABLE_KEY_BYTES) {
		struct slice key = table_slot_key(slot);
		uint32_t size = keys->offsets[row + 1] - keys->offsets[row];
		return key.size == size && memcmp(key.data, keys->bytes + keys->offsets[row], size) == 0;
	}
	const int64_t *parts = table_slot_parts(slot);
	bool equal = parts[0] == keys->parts[0][row];
	if (kind == TABLE_KEY_TWO)
		equal = equal && parts[1] == keys->parts[1][row];
	return equal && slot->null_bits == (keys->null_bits != NULL ? keys->null_bits[row] : 0);
}

static void key_store(struct table *table, uint32_t id, const struct table_keys *keys, uint32_t row)
{
	struct table_slot *slot = table_slot_at(table, id);
	if (table->kind == TABLE_KEY_BYTES) {
		struct table_slot_bytes *bytes = (struct table_slot_bytes *)(void *)slot;
		bytes->size = keys->offsets[row + 1] - keys->offsets[row];
		uint8_t *data = pool_alloc(table->pool, bytes->size);
		memcpy(data, keys->bytes + keys->offsets[row], bytes->size);
		bytes->data = data;
		return;
	}
	struct table_slot_packed *packed = (struct table_slot_packed *)(void *)slot;
	slot->null_bits = keys->null_bits != NULL ? keys->null_bits[row] : 0;
	packed->parts[0] = keys->parts[0][row];
	if (table->kind == TABLE_KEY_TWO)
		packed->parts[1] = keys->parts[1][row];
}

/* Where the probe for row ended: its entry, or the free place it would go to. `at`: where to start, from the
 * key's home on but not beyond its entry. */
static inline __attribute__((always_inline)) uint64_t probe(
	const struct table *table, enum table_key kind, const struct table_keys *keys, uint32_t row, uint64_t at)
{
	uint32_t hash = (uint32_t)keys->hashes[row];
	for (;; at = (at + 1) & table->index_mask) {
		uint64_t entry = table->index[at];
		if (entry == 0)
			return at;
		if (entry_hash(entry) == hash && key_equal(kind, table_slot_at(table, (uint32_t)entry), keys, row))
			return at;
	}
}

/* ---- chunks ---- */

/* Where each row's probe starts. In a large table three passes bring in index entries, then the slots whose
 * hash agrees, then their key bytes: many misses at once instead of one after the other. The places found
 * stay good starts while the chunk inserts, since inserting fills free places only. */
static void starts_find(const struct table *table, const struct table_keys *keys, uint32_t *starts)
{
	const uint64_t *hashes = keys->hashes, *index = table->index;
	uint64_t mask = table->index_mask;
	uint32_t count = keys->count;
	if (table->count < TABLE_PREFETCH_MIN) {
		for (uint32_t i = 0; i < count; i++)
			starts[i] = (uint32_t)(hashes[i] & mask);
		return;
	}
	bool wide = table->slot_size > CACHE_LINE / 2; /* a slot may well reach into the next line */
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(&index[hashes[i] & mask]);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = hashes[i] & mask;
		while (index[at] != 0 && entry_hash(index[at]) != (uint32_t)hashes[i])
			at = (at + 1) & mask;
		starts[i] = (uint32_t)at;
		const struct table_slot *slot = index[at] != 0 ? table_slot_at(table, (uint32_t)index[at]) : NULL;
		if (slot == NULL)
			continue;
		__builtin_prefetch(slot, 1);
		if (wide)
			__builtin_prefetch((const uint8_t *)slot + CACHE_LINE, 1);
	}
	for (uint32_t i = 0; table->kind == TABLE_KEY_BYTES && i < count; i++) {
		uint64_t entry = index[starts[i]];
		if (entry != 0)
			__builtin_prefetch(table_slot_key(table_slot_at(table, (uint32_t)entry)).data);
	}
}

static inline __attribute__((always_inline)) void upsert_rows(struct table *table, enum table_key kind,
	const struct table_keys *keys, uint32_t *ids, uint32_t *fresh, uint32_t *fresh_count)
{
	uint32_t starts[TABLE_ROWS_MAX], inserted = 0;
	starts_find(table, keys, starts);
	for (uint32_t row = 0; row < keys->count; row++) {
		uint64_t at = probe(table, kind, keys, row, starts[row]);
		uint64_t entry = table->index[at];
		if (__builtin_expect(entry == 0, 0)) {
			uint32_t id = slot_take(table);
			key_store(table, id, keys, row);
			table->index[at] = entry = entry_make(keys->hashes[row], id);
			fresh[inserted++] = row;
		}
		ids[row] = (uint32_t)entry;
	}
	*fresh_count = inserted;
}

void table_upsert(
	struct table *table, const struct table_keys *keys, uint32_t *ids, uint32_t *fresh, uint32_t *fresh_count)
{
	INVARIANT(keys->kind == table->kind && keys->count <= TABLE_ROWS_MAX);
	index_reserve(table, keys->count);
	switch (table->kind) {
	case TABLE_KEY_ONE:
		upsert_rows(table, TABLE_KEY_ONE, keys, ids, fresh, fresh_count);
		break;
	case TABLE_KEY_TWO:
		upsert_rows(table, TABLE_KEY_TWO, keys, ids, fresh, fresh_count);
		break;
	case TABLE_KEY_BYTES:
		upsert_rows(table, TABLE_KEY_BYTES, keys, ids, fresh, fresh_count);
		break;
	}
}

static inline __attribute__((always_inline)) void find_rows(
	const struct table *table, enum table_key kind, const struct table_keys *keys, uint32_t *ids)
{
	uint32_t starts[TABLE_ROWS_MAX];
	starts_find(table, keys, starts);
	for (uint32_t row = 0; row < keys->count; row++)
		ids[row] = (uint32_t)table->index[probe(table, kind, keys, row, starts[row])];
}

void table_find(const struct table *table, const struct table_keys *keys, uint32_t *ids)
{
	INVARIANT(keys->kind == table->kind && keys->count <= TABLE_ROWS_MAX);
	if (table->count == 0) {
		memset(ids, 0, keys->count * sizeof *ids);
		return;
	}
	switch (table->kind) {
	case TABLE_KEY_ONE:
		find_rows(table, TABLE_KEY_ONE, keys, ids);
		break;
	case TABLE_KEY_TWO:
		find_rows(table, TABLE_KEY_TWO, keys, ids);
		break;
	case TABLE_KEY_BYTES:
		find_rows(table, TABLE_KEY_BYTES, keys, ids);
		break;
	}
}

void table_remove(struct table *table, uint32_t id)
{
	struct table_slot *slot = table_slot_at(table, id);
	uint64_t mask = table->index_mask, at = slot_hash(table, slot) & mask;
	while ((uint32_t)table->index[at] != id) {
		INVARIANT(table->index[at] != 0);
		at = (at + 1) & mask;
	}
	/* Close the gap: an entry may move back if its home is not after the gap. */
	for (uint64_t next = (at + 1) & mask; table->index[next] != 0; next = (next + 1) & mask) {
		uint64_t home = entry_hash(table->index[next]) & mask;
		if (((next - home) & mask) >= ((next - at) & mask)) {
			table->index[at] = table->index[next];
			at = next;
		}
	}
	table->index[at] = 0;
	if (table->kind == TABLE_KEY_BYTES) {
		struct slice key = table_slot_key(slot);
		pool_free(table->pool, (void *)(uintptr_t)key.data, key.size);
	}
	memcpy(slot, &table->free_head, sizeof table->free_head);
	table->free_head = id;
	table->count--;
}
