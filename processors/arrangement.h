/* One side of a join, kept: join key → rows with weights. Shared by circuits (with a store behind) and
 * queries (without).
 *
 *   keys   table slot per join key  →  weight of its rows, head of their list
 *   rows   table slot per (key, exact row)  →  weight, neighbours in the key's list; the row itself lies in
 * the pool as
 *
 *          ┌─ 8 ─────┬───────────── fixed ────────────┬─ 1 per column ─┬────────────┐
 *          │ key slot│ cell │ cell │ …   8-byte aligned │ nulls          │ text bytes │
 *          └─────────┴────────────────────────────────┴────────────────┴────────────┘
 *          a cell is the value; of text, offset and size of its bytes. Equal rows are equal bytes.
 *
 *   stored key = join key (zset/key.h) + row from the cells on; value = weight, zigzag varint [partners]
 *
 * Only the columns in `needed` are kept: equal rows after dropping the others are merged, which a join cannot
 * see.
 *
 * A key read from the store is either complete (all of its rows are in memory) or holds just those touched
 * since; a lookup completes it. Rows whose key has a null never match and must not be given.
 *
 * Not thread-safe: one arrangement, one owner at a time.
 */
#ifndef KAPPA_PROCESSORS_ARRANGEMENT_H
#define KAPPA_PROCESSORS_ARRANGEMENT_H

#include "processors/table.h"
#include "zset/state_store.h"

struct row_field {
	uint32_t column;
	struct type type;
	enum physical physical;
	uint32_t offset; /* of the cell */
};

struct key_payload {
	int64_t weight; /* Σ of its rows' weights, when complete */
	int64_t before; /* as of the last commit, when in the dirty list */
	uint32_t head;  /* first row */
	uint32_t complete;
};

struct row_payload {
	int64_t weight;
	int64_t before; /* as of the last commit, when dirty */
	uint32_t next, previous;
};

/* With `counted`: outer joins with a residual keep with each left row how many right rows pass it. */
struct row_payload_counted {
	struct row_payload row;
	int64_t partners;
	int64_t partners_before; /* as of the last commit, when dirty */
};

struct arrangement {
	struct row_field *fields;
	size_t field_count;
	uint32_t null_offset, fixed_size;
	struct type *key_types;
	const uint32_t *key_columns;
	size_t key_count;
	struct state_store *store;
	uint16_t space;
	bool complete;   /* no key is in the store only */
	bool whole_keys; /* touched keys are completed, and their weights right (outer joins) */
	bool counted;    /* rows have partners; stored values are weight, partners */
	struct arena memory;
	struct pool pool;
	struct table keys, rows;
	uint32_t *dirty_rows;
	uint32_t dirty_count, dirty_capacity;
	uint32_t *dirty_keys; /* whole_keys only */
	uint32_t dirty_key_count, dirty_key_capacity;
};

/* `columns` are the fields of the side's rows, `needed[c]` says which are kept. */
void arrangement_init(struct arrangement *arrangement, const struct field *columns, size_t column_count,
	const uint8_t *needed, const uint32_t *key_columns, size_t key_count, bool counted);
void arrangement_deinit(struct arrangement *arrangement);
/* The key slots of the keys, complete; 0 = no rows. At most TABLE_ROWS_MAX. */
status arrangement_lookup(struct arrangement *arrangement, const struct table_keys *keys, struct arena *arena,
	uint32_t *ids) MUST_USE;
/* Adds the rows with their weights; keys are those of the rows. `row_ids`, if not NULL, gets their slots. */
status arrangement_add(struct arrangement *arrangement, const struct batch *batch,
	const struct table_keys *keys, struct arena *arena, uint32_t *row_ids) MUST_USE;
/* Marks a row as about to change in this step. */
void arrangement_touch(struct arrangement *arrangement, uint32_t row_id);
/* INTERNAL when a row has been retracted more often than inserted. */
status arrangement_check(const struct arrangement *arrangement) MUST_USE;
void arrangement_flush(struct arrangement *arrangement, struct state_writer *writer);
void arrangement_committed(struct arrangement *arrangement);
void arrangement_evict(struct arrangement *arrangement);
size_t arrangement_memory_bytes(const struct arrangement *arrangement);
size_t arrangement_dirty_bytes(const struct arrangement *arrangement);

/* Pairs of probing rows and arranged rows, some at a time. */
struct arrangement_match {
	uint32_t *rows;        /* probing row */
	uint32_t *entries;     /* arranged row: slot, */
	const uint8_t **cells; /* its cells, */
	int64_t *weights;      /* its weight */
	uint32_t count;
};
struct arrangement_probe {
	const uint32_t *ids; /* key slot per probing row, from arrangement_lookup() */
	uint32_t count;
	bool started;
	uint32_t row, entry; /* where to go on */
};
void arrangement_prefetch(const struct arrangement *arrangement, const uint32_t *ids, uint32_t count);
/* Fills `match` with up to `capacity` pairs; false when there are no more (count may then be 0). */
bool arrangement_next(const struct arrangement *arrangement, struct arrangement_probe *probe,
	uint32_t capacity, struct arrangement_match *match);
/* Values of kept columns of arranged rows: columns[base + field.column] of a joined batch. Text borrows from
 * the rows. */
void arrangement_columns(const struct arrangement *arrangement, const uint8_t *const *cells, uint32_t count,
	struct arena *arena, struct column *columns);

static inline struct key_payload *arrangement_key(const struct arrangement *arrangement, uint32_t id)
{
	return table_payload(&arrangement->keys, table_slot_at(&arrangement->keys, id));
}
static inline struct row_payload *arrangement_row(const struct arrangement *arrangement, uint32_t id)
{
	return table_payload(&arrangement->rows, table_slot_at(&arrangement->rows, id));
}
static inline struct row_payload_counted *arrangement_counted(
	const struct arrangement *arrangement, uint32_t id)
{
	return table_payload(&arrangement->rows, table_slot_at(&arrangement->rows, id));
}
enum { ARRANGEMENT_ROW_HEAD = 8 };
static inline const uint8_t *arrangement_cells(const struct arrangement *arrangement, uint32_t id)
{
	return table_slot_key(table_slot_at(&arrangement->rows, id)).data + ARRANGEMENT_ROW_HEAD;
}

#endif
