/* A hash table of slots keyed by a few column values: groups of an aggregate, keys and rows of a join side.
 *
 *   index   open addressing, 8 bytes per entry: hash (32 bits) | slot number (32 bits); 0 = free
 *   slots   fixed size, in slabs that never move:  header | key | payload
 *
 *   key of a slot   TABLE_KEY_ONE    8 bytes: one boolean, integer, date, timestamp or float column
 *                   TABLE_KEY_TWO   16 bytes: two of them; nulls are bits in the header
 *                   TABLE_KEY_BYTES 16 bytes: pointer and size of bytes in the pool (any columns,
 * order-preserving encoding of zset/key.h)
 *
 * Work is done for a whole chunk of rows: hash all, prefetch index entries, prefetch slots, then compare. The
 * index grows before a chunk is looked up, so slot numbers and pointers stay good during it (and as long as
 * the slot is not removed).
 *
 * Not thread-safe: one table, one owner at a time.
 */
#ifndef KAPPA_PROCESSORS_TABLE_H
#define KAPPA_PROCESSORS_TABLE_H

#include "processors/pool.h"
#include "zset/batch.h"

enum table_key { TABLE_KEY_ONE, TABLE_KEY_TWO, TABLE_KEY_BYTES };

enum { TABLE_ROWS_MAX = 4096 /* rows looked up at once */, TABLE_SLAB_SHIFT = 10 };

struct table_slot {
	uint32_t dirty;    /* changed since the last commit */
	uint8_t null_bits; /* packed keys: bit c = key column c is null */
	uint8_t flags;     /* the owner's */
	uint16_t reserved;
};

struct table_slot_bytes {
	struct table_slot header;
	const uint8_t *data;
	uint32_t size;
	uint32_t reserved;
};

struct table_slot_packed {
	struct table_slot header;
	int64_t parts[2]; /* the second is there for TABLE_KEY_TWO only */
};

struct table {
	enum table_key kind;
	uint32_t payload_offset;
	uint32_t slot_size;
	uint64_t *index;
	uint64_t index_mask;
	uint32_t count;     /* slots in use */
	uint32_t slot_next; /* numbers from here on have never been used; 0 is never used */
	uint32_t free_head; /* list of removed slots */
	uint8_t **slabs;
	uint32_t slab_count, slab_capacity;
	uint8_t **blocks; /* what slabs lie in */
	uint32_t block_count;
	size_t block_bytes;
	struct pool *pool; /* borrowed */
};

/* The keys of a chunk of rows, in an arena. */
struct table_keys {
	enum table_key kind;
	uint32_t count;
	const int64_t *parts[2];  /* packed kinds; 0 under a null */
	const uint8_t *null_bits; /* packed kinds; NULL = no nulls */
	const uint8_t *bytes;     /* TABLE_KEY_BYTES: row i has bytes[offsets[i] … offsets[i + 1]) */
	const uint32_t *offsets;
	uint64_t *hashes;
};

/* The kind that suits key columns of these types. */
enum table_key table_key_kind(const struct type *types, size_t count);
/* Encodes the key columns of all rows (at most TABLE_ROWS_MAX). Packed parts may borrow from the batch.
 * TOO_LARGE. */
status table_keys_make(enum table_key kind, const struct batch *batch, const uint32_t *columns,
	size_t column_count, struct arena *arena, struct table_keys *out) MUST_USE;
/* Computes hashes of keys made by hand. */
void table_keys_hash(struct table_keys *keys, struct arena *arena);
/* The keys of slots of a table, to look them up in another one of the same kind. TOO_LARGE. */
status table_keys_of_slots(const struct table *table, const uint32_t *ids, uint32_t count,
	struct arena *arena, struct table_keys *out) MUST_USE;
/* Reads a slot's key columns into row `row` of `columns` (which have nulls). Text borrows from the slot, or
 * lies in the arena. */
status table_key_columns(const struct table *table, const struct table_slot *slot, struct column *columns,
	size_t column_count, uint32_t row, struct arena *arena) MUST_USE;
/* Appends the order-preserving encoding of the slot's key: what names the slot in the state store. */
void table_key_encode(const struct table *table, const struct table_slot *slot, const struct type *types,
	size_t column_count, struct buffer *out);

void table_init(struct table *table, enum table_key kind, size_t payload_size, struct pool *pool);
void table_deinit(struct table *table);
/* Forgets all slots; the pool must be reset with it. */
void table_clear(struct table *table);
size_t table_memory_bytes(const struct table *table);

static inline struct table_slot *table_slot_at(const struct table *table, uint32_t id)
{
	return (struct table_slot *)(void *)(table->slabs[id >> TABLE_SLAB_SHIFT] +
										 (size_t)(id & ((1u << TABLE_SLAB_SHIFT) - 1)) * table->slot_size);
}
static inline void *table_payload(const struct table *table, const struct table_slot *slot)
{
	return (uint8_t *)(uintptr_t)slot + table->payload_offset;
}
static inline struct slice table_slot_key(const struct table_slot *slot)
{
	const struct table_slot_bytes *bytes = (const struct table_slot_bytes *)(const void *)slot;
	return (struct slice){bytes->data, bytes->size};
}
static inline const int64_t *table_slot_parts(const struct table_slot *slot)
{
	return ((const struct table_slot_packed *)(const void *)slot)->parts;
}

/* The slots of the keys; those that were not there are inserted with a zeroed payload, and the rows that
 * inserted them are listed in `fresh`. All arrays have room for keys->count. */
void table_upsert(struct table *table, const struct table_keys *keys, uint32_t *ids, uint32_t *fresh,
	uint32_t *fresh_count);
/* The slots of the keys, 0 = not there. */
void table_find(const struct table *table, const struct table_keys *keys, uint32_t *ids);
/* Removes a slot and its key bytes; the number is used again. */
void table_remove(struct table *table, uint32_t id);

#endif
