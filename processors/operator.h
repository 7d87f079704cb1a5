/* Operators: the nodes of a circuit. One per plan node, linked to their parent; deltas are pushed upwards.
 *
 *   push       a batch of one input's delta arrives; linear operators transform it and push on, stateful ones
 * absorb (aggregate) or answer at once and absorb (join) step_end   called children first: what is still owed
 * for this step is pushed flush      changed state to the store's write batch;   committed: it is in the
 * store;   evict: forget what can be read back
 *
 * Who makes a batch gives it an arena that it resets after the push has returned: nobody keeps a pushed batch
 * or what it points to. Functions a class lacks (NULL) do nothing.
 *
 * Column needs are settled at creation: needed[c] says whether anything above reads column c of the output.
 * What is not needed may be passed on without values (columns[c].values == NULL) and is not kept in state.
 */
#ifndef KAPPA_PROCESSORS_OPERATOR_H
#define KAPPA_PROCESSORS_OPERATOR_H

#include "processors/plan.h"
#include "zset/state_store.h"

enum { OPERATOR_ROWS = 2048 /* of a pushed batch, about: it should stay in the cache */ };

struct circuit_operator;

struct operator_class {
	status (*push)(
		struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena);
	status (*step_end)(struct circuit_operator *node);
	status (*flush)(struct circuit_operator *node, struct state_writer *writer);
	void (*committed)(struct circuit_operator *node);
	size_t (*memory_bytes)(const struct circuit_operator *node);
	size_t (*dirty_bytes)(const struct circuit_operator *node);
	void (*evict)(struct circuit_operator *node);
	void (*destroy)(struct circuit_operator *node);
};

struct circuit_operator {
	const struct operator_class *class;
	const struct plan *plan;
	struct circuit_operator *parent; /* of the root: the circuit's way out */
	size_t parent_input;
	uint8_t *needed; /* per output column; borrowed */
};

/* What stateful operators get from the circuit; each takes the spaces it needs. */
struct operator_state {
	struct state_store *store;
	bool store_empty;
	uint16_t space_next;
};

static inline status operator_emit(
	struct circuit_operator *node, const struct batch *batch, struct arena *arena)
{
	if (batch->row_count == 0)
		return STATUS_OK;
	return node->parent->class->push(node->parent, node->parent_input, batch, arena);
}

/* Constructors leave parent to the caller. `arena` holds what is constant and lives as long as the circuit.
 */
struct circuit_operator *operator_scan_create(const struct plan *plan, uint8_t *needed);
struct circuit_operator *operator_filter_create(const struct plan *plan, uint8_t *needed);
struct circuit_operator *operator_project_create(const struct plan *plan, uint8_t *needed);
struct circuit_operator *operator_union_create(const struct plan *plan, uint8_t *needed);
struct circuit_operator *operator_values_create(
	const struct plan *plan, uint8_t *needed, struct operator_state *state);
status operator_aggregate_create(const struct plan *plan, uint8_t *needed, struct operator_state *state,
	struct circuit_operator **out) MUST_USE;
/* Inner, left, semi, anti joins; see operator_join.c. `arena` as above. */
struct circuit_operator *operator_join_create(
	const struct plan *plan, uint8_t *needed, struct operator_state *state, struct arena *arena);

/* Which columns of child `child` the operator of `plan` reads, given what is needed of its output. */
void operator_child_columns(
	const struct plan *plan, size_t child, const uint8_t *needed, uint8_t *child_needed);

/* The stateless transformations, also used by queries. `needed` may be NULL: all. */
status batch_filter(const struct expression *predicate, const struct batch *batch, const uint8_t *needed,
	const struct evaluation *evaluation, struct arena *arena, const struct batch **out) MUST_USE;
status batch_project(const struct plan *plan, const struct batch *batch, const uint8_t *needed,
	const struct evaluation *evaluation, struct arena *arena, const struct batch **out) MUST_USE;
status batch_values(const struct plan *plan, const struct evaluation *evaluation, struct arena *arena,
	struct batch **out) MUST_USE;
/* Rows [from, from + count), borrowed. */
struct batch *batch_part(const struct batch *batch, uint32_t from, uint32_t count, struct arena *arena);

#endif
