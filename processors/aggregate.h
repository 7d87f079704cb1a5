/* The state of one PLAN_AGGREGATE: groups, their accumulators, and what of it is remembered where. Shared by
 * circuits (incremental) and queries (everything in one step). Private to processors/.
 *
 *   absorb …  →  step_end  →  emit … until END  →  flush  →  committed [→ evict]
 *
 * A group is a table slot whose payload is the weight of its rows followed by cells, the accumulators.
 * Several aggregate calls share cells (avg uses sum's and count's). What a row adds to a cell is multiplied
 * by the row's weight under the cell's source: 0 where the argument is null or the filter is not true.
 *
 *   call  avg(x) FILTER (WHERE f)  →  cells COUNT, SUM_I64  →  source (argument x, filter f)
 *   call  sum(DISTINCT x)          →  cells COUNT, SUM_I64  →  source (value set of x): +1 when a value
 * appears, −1 when it goes call  max(x), retractable      →  cell EXTREME          →  value set of x with a
 * heap per group
 *
 * A value set holds (group, value) → weight in a table and a space of the state store of its own.
 *
 * Invariants
 *   A1  Between steps every slot in memory has weight > 0 (a global aggregate's single slot: ≥ 0) and has
 * been emitted. A2  A slot touched in a step is in the dirty list with a copy of its payload as it was
 * emitted, or NULL if it was not. A3  A group that was not read back from the store has all of its values in
 * memory; its heaps are complete. A4  Every value in memory with weight ≠ 0 is in its group's heap
 * (extremes).
 */
#ifndef KAPPA_PROCESSORS_AGGREGATE_H
#define KAPPA_PROCESSORS_AGGREGATE_H

#include "processors/aggregate_float.h"
#include "processors/plan.h"
#include "processors/table.h"
#include "zset/state_store.h"

typedef __int128 cell_i128 __attribute__((aligned(8))); /* payloads are 8-byte aligned */

enum cell_kind {
	CELL_COUNT,        /* int64_t: Σ weight */
	CELL_SUM_I64,      /* int64_t: Σ value × weight, of smallint and integer */
	CELL_SUM_I128,     /* cell_i128, of bigint */
	CELL_SUM_DECIMAL,  /* struct cell_decimal */
	CELL_SUM_FLOAT,    /* struct float_sum */
	CELL_SUM_INTERVAL, /* struct cell_interval */
	CELL_TRUE,         /* int64_t: Σ weight of true values */
	CELL_SCALE,        /* struct cell_scale: the greatest display scale among the values */
	CELL_EXTREME,      /* int64_t in value order, or struct cell_bytes; then a heap pointer if retractable */
};

struct cell_decimal {
	cell_i128 value; /* at `scale` */
	int64_t scale;   /* the greatest ever seen: never shrinks, unlike the sum's display scale */
};

struct cell_interval {
	int64_t months, days, microseconds;
};

struct scale_histogram;

struct cell_scale {
	struct scale_histogram *histogram; /* NULL: all `count` values have scale `scale` */
	int64_t count;
	uint8_t scale; /* greatest scale present; with a histogram as of the last settling */
	uint8_t reserved[7];
};

/* Bytes in the pool: an extreme of text, numeric or interval in its order-preserving encoding. */
struct cell_bytes {
	uint8_t *data;
	uint32_t size;
	uint32_t capacity; /* CELL_SHARED: a payload copy of this step reads the same bytes */
};
#define CELL_SHARED (UINT32_C(1) << 31)

struct cell {
	enum cell_kind kind;
	enum physical physical; /* of the argument */
	struct type type;
	uint32_t column; /* argument */
	uint32_t source;
	uint32_t offset;  /* in the payload */
	uint32_t present; /* EXTREME: offset of the byte that says whether there is a value */
	uint32_t heap;    /* EXTREME, retractable: offset of the heap pointer */
	bool maximum;
	int32_t values; /* EXTREME, retractable: its value set; −1 = none */
};

enum { SOURCE_NONE = -1 };

struct weight_source {
	int32_t argument; /* nullable argument column, or SOURCE_NONE */
	int32_t filter;
	int32_t values; /* DISTINCT: the value set whose transitions are the weights */
	/* of the chunk being absorbed: */
	bool ready;
	const int64_t *weights; /* NULL = all +1 */
};

enum value_use { VALUES_DISTINCT, VALUES_MINIMUM, VALUES_MAXIMUM };

struct value_set {
	enum value_use use;
	uint32_t column, source;
	enum physical physical;
	struct type type;
	uint32_t heap; /* extremes: offset of the heap pointer in the group's payload */
	uint16_t space;
	struct table table; /* (group slot, value) → struct value_payload */
	uint32_t *dirty;
	uint32_t dirty_count, dirty_capacity;
};

struct value_payload {
	int64_t weight;
};

enum value_flags { VALUE_IN_HEAP = 1, VALUE_DEAD = 2 /* in the heap with weight 0, counted there */ };
enum group_flags { GROUP_EMITTED = 1, GROUP_READ_BACK = 2 };

/* The values of one group, best first. Entries of weight 0 leave it lazily. */
struct value_heap {
	uint32_t count, capacity;
	uint32_t dead;
	bool complete; /* every value of the group is here; else only those touched since the group was read back
					*/
	uint32_t ids[];
};

/* How a call's result is made of cells. */
struct call_output {
	enum aggregate_kind kind;
	struct type type;
	enum physical physical; /* of the argument */
	int32_t count;          /* cell, −1 = the group's weight */
	int32_t cell;           /* sum, true count or extreme; −1 = none */
	int32_t scale;          /* CELL_SCALE of a numeric sum; −1 = none */
	int32_t fixed_scale;    /* of a numeric argument with a modifier; −1 */
};

struct dirty_group {
	uint32_t id;
	uint8_t *before; /* payload as last emitted; NULL = the group was not there */
};

struct aggregate {
	const struct plan *plan;
	const struct schema *input;
	bool append_only; /* input has no retractions */
	struct state_store *store;
	uint16_t space, space_count;
	bool complete; /* no group is in the store only */

	struct arena memory; /* layout */
	struct cell *cells;
	size_t cell_count;
	struct weight_source *sources;
	size_t source_count;
	struct value_set *values;
	size_t values_count;
	struct call_output *outputs;
	struct type *group_types;
	int32_t *group_scales; /* per group column: CELL_SCALE of an unconstrained numeric, −1 */
	size_t payload_size;

	struct pool pool;
	struct table groups;
	uint32_t global_id; /* the single slot of a global aggregate; 0 = not looked up yet */
	struct dirty_group *dirty;
	size_t dirty_count, dirty_capacity;
	size_t emitted;       /* of the dirty list */
	struct arena befores; /* payload copies of this step */
	struct arena scratch; /* of the chunk */
};

/* The chunk of rows being absorbed. */
struct aggregate_chunk {
	const struct batch *batch;
	uint32_t count;
	uint32_t *ids;      /* group slots */
	uint8_t **payloads; /* their payloads */
};

static inline int64_t *payload_weight(const uint8_t *payload)
{
	return (int64_t *)(void *)(uintptr_t)payload;
}
static inline void *cell_at(const uint8_t *payload, const struct cell *cell)
{
	return (void *)(uintptr_t)(payload + cell->offset);
}
static inline bool extreme_is_bytes(enum physical physical)
{
	return physical == PHYS_TEXT || physical == PHYS_DECIMAL || physical == PHYS_INTERVAL;
}
/* −inf < … < −0 < 0 < … < inf < NaN as integers. */
static inline int64_t f64_extreme(double value)
{
	if (value != value)
		return INT64_MAX;
	int64_t bits;
	__builtin_memcpy(&bits, &value, sizeof bits);
	return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}

static inline double f64_from_extreme(int64_t order)
{
	double value;
	order =
		order == INT64_MAX ? INT64_C(0x7ff8000000000000) : order ^ (int64_t)((uint64_t)(order >> 63) >> 1);
	__builtin_memcpy(&value, &order, sizeof value);
	return value;
}

/* ---- aggregate.c ---- */

/* UNSUPPORTED with a hint for calls that have no implementation. */
status aggregate_check(const struct plan *plan) MUST_USE;
/* `store` may be NULL when store_empty (queries). The plan must outlive the aggregate. Uses the spaces from
 * `space` on, space_count of them. */
status aggregate_create(const struct plan *plan, bool append_only, struct state_store *store,
	bool store_empty, uint16_t space, struct aggregate **out) MUST_USE;
void aggregate_destroy(struct aggregate *aggregate); /* accepts NULL */
status aggregate_absorb(struct aggregate *aggregate, const struct batch *batch) MUST_USE;
status aggregate_step_end(struct aggregate *aggregate) MUST_USE;
/* The next batch of changes (−old, +new) in the arena; END when all are out. */
status aggregate_emit(struct aggregate *aggregate, struct arena *arena, struct batch **out) MUST_USE;
status aggregate_flush(struct aggregate *aggregate, struct state_writer *writer) MUST_USE;
void aggregate_committed(struct aggregate *aggregate);
size_t aggregate_dirty_bytes(const struct aggregate *aggregate);
size_t aggregate_memory_bytes(const struct aggregate *aggregate);
/* Forgets everything; nothing may be dirty. */
void aggregate_evict(struct aggregate *aggregate);

/* ---- aggregate_layout.c ---- */

void aggregate_layout(struct aggregate *aggregate);

/* ---- aggregate_update.c ---- */

status aggregate_update(struct aggregate *aggregate, struct aggregate_chunk *chunk) MUST_USE;
/* The rows' weights under a source; NULL = all +1. */
status source_weights(struct aggregate *aggregate, struct aggregate_chunk *chunk, uint32_t source,
	const int64_t **out) MUST_USE;
void bytes_assign(struct pool *pool, struct cell_bytes *cell, const uint8_t *data, uint32_t size);
void bytes_free(struct pool *pool, struct cell_bytes *cell);

/* ---- aggregate_scale.c ---- */

status scale_add(struct cell_scale *cell, int32_t scale, int64_t weight, struct pool *pool) MUST_USE;
/* Without retractions only the greatest scale is kept. */
void scale_raise(struct cell_scale *cell, int32_t scale);
void scale_settle(struct cell_scale *cell);
bool scale_is_zero(const struct cell_scale *cell);
void scale_free(struct cell_scale *cell, struct pool *pool);
void scale_encode(const struct cell_scale *cell, struct buffer *out);
status scale_decode(struct cursor *bytes, struct cell_scale *cell, struct pool *pool) MUST_USE;

/* ---- aggregate_values.c ---- */

/* Applies a chunk to the value set. DISTINCT: `transitions` gets +1/−1/0 per row. */
status values_update(struct aggregate *aggregate, struct value_set *values, struct aggregate_chunk *chunk,
	const int64_t *weights, int64_t *transitions) MUST_USE;
/* Finds the extreme anew in a changed group and stores it in the cell. */
status values_settle(struct aggregate *aggregate, const struct cell *cell, uint32_t group) MUST_USE;
/* INTERNAL when a value has been retracted more often than inserted. */
status values_check(const struct value_set *values) MUST_USE;
void values_flush(struct aggregate *aggregate, struct value_set *values, struct state_writer *writer);
void values_committed(struct aggregate *aggregate, struct value_set *values);
/* The group is going: frees its heap and what is left in it. */
void values_drop_group(struct aggregate *aggregate, struct value_set *values, uint8_t *payload);
/* Order-preserving, exact bytes of a value of text, numeric, interval; `exact` keeps what equality ignores.
 */
void value_bytes(const struct column *column, uint32_t row, bool exact, struct buffer *out);
status value_from_bytes(
	struct slice bytes, struct type type, bool exact, struct arena *arena, struct value *out) MUST_USE;

/* ---- aggregate_output.c ---- */

/* Group columns and results of `count` groups: row i from ids[i] and payloads[i]. */
status aggregate_output(struct aggregate *aggregate, const uint32_t *ids, uint8_t *const *payloads,
	uint32_t count, struct arena *arena, struct batch *out, uint32_t row) MUST_USE;

/* ---- aggregate_state.c ---- */

void group_key(const struct aggregate *aggregate, uint32_t id, struct buffer *out);
void group_encode(const struct aggregate *aggregate, const uint8_t *payload, struct buffer *out);
/* Fills the payload from the store; *found false leaves it empty. */
status group_read_back(struct aggregate *aggregate, uint32_t id, bool *found) MUST_USE;

#endif
