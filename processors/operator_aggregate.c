/* The aggregate as an operator: absorbs deltas during the step, owes f(new) − f(old) at its end; see
 * aggregate.h. */
#include "processors/aggregate.h"
#include "processors/operator.h"

struct aggregate_operator {
	struct circuit_operator base;
	struct aggregate *aggregate;
	struct arena out; /* of the batch being emitted */
};

static struct aggregate *aggregate_of(const struct circuit_operator *node)
{
	return ((const struct aggregate_operator *)(const void *)node)->aggregate;
}

static status aggregate_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	(void)arena;
	return aggregate_absorb(aggregate_of(node), batch);
}

static status aggregate_end(struct circuit_operator *node)
{
	struct aggregate_operator *self = (struct aggregate_operator *)(void *)node;
	status code = aggregate_step_end(self->aggregate);
	while (code == STATUS_OK) {
		struct batch *batch;
		arena_reset(&self->out);
		code = aggregate_emit(self->aggregate, &self->out, &batch);
		if (code == STATUS_OK)
			code = operator_emit(node, batch, &self->out);
	}
	arena_reset(&self->out);
	return code == STATUS_END ? STATUS_OK : code;
}

static status flush(struct circuit_operator *node, struct state_writer *writer)
{
	return aggregate_flush(aggregate_of(node), writer);
}

static void committed(struct circuit_operator *node)
{
	aggregate_committed(aggregate_of(node));
}

static size_t memory_bytes(const struct circuit_operator *node)
{
	return aggregate_memory_bytes(aggregate_of(node));
}

static size_t dirty_bytes(const struct circuit_operator *node)
{
	return aggregate_dirty_bytes(aggregate_of(node));
}

static void evict(struct circuit_operator *node)
{
	aggregate_evict(aggregate_of(node));
}

static void destroy(struct circuit_operator *node)
{
	struct aggregate_operator *self = (struct aggregate_operator *)(void *)node;
	aggregate_destroy(self->aggregate);
	arena_deinit(&self->out);
	mem_free(self);
}

static const struct operator_class aggregate_class = {
	.push = aggregate_push,
	.step_end = aggregate_end,
	.flush = flush,
	.committed = committed,
	.memory_bytes = memory_bytes,
	.dirty_bytes = dirty_bytes,
	.evict = evict,
	.destroy = destroy,
};

status operator_aggregate_create(
	const struct plan *plan, uint8_t *needed, struct operator_state *state, struct circuit_operator **out)
{
	struct aggregate *aggregate;
	status code = aggregate_create(plan, plan->children[0]->append_only, state->store, state->store_empty,
		state->space_next, &aggregate);
	if (code != STATUS_OK)
		return code;
	state->space_next = (uint16_t)(state->space_next + aggregate->space_count);
	struct aggregate_operator *self = mem_alloc_zeroed(1, sizeof *self);
	self->base = (struct circuit_operator){.class = &aggregate_class, .plan = plan, .needed = needed};
	self->aggregate = aggregate;
	*out = &self->base;
	return STATUS_OK;
}
