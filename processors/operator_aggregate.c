/* The aggregate as an operator: absorbs deltas during the step, owes f(new) − f(old) at its end; see
 * aggregate.h. */
#include "processors/aggregate.h"
#include "processors/operator.h"

struct aggregate_operator {
	struct operator base;
	struct aggregate *aggregate;
	struct arena out; /* of the batch being emitted */
};

static struct aggregate *aggregate_of(const struct operator* operator)
{
	return ((const struct aggregate_operator *)(const void *)operator)->aggregate;
}

static status aggregate_push(
	struct operator* operator, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	(void)arena;
	return aggregate_absorb(aggregate_of(operator), batch);
}

static status aggregate_end(struct operator* operator)
{
	struct aggregate_operator *self = (struct aggregate_operator *)(void *)operator;
	status code = aggregate_step_end(self->aggregate);
	while (code == STATUS_OK) {
		struct batch *batch;
		arena_reset(&self->out);
		code = aggregate_emit(self->aggregate, &self->out, &batch);
		if (code == STATUS_OK)
			code = operator_emit(operator, batch, &self->out);
	}
	arena_reset(&self->out);
	return code == STATUS_END ? STATUS_OK : code;
}

static status flush(struct operator* operator, struct state_writer * writer)
{
	return aggregate_flush(aggregate_of(operator), writer);
}

static void committed(struct operator* operator)
{
	aggregate_committed(aggregate_of(operator));
}

static size_t memory_bytes(const struct operator* operator)
{
	return aggregate_memory_bytes(aggregate_of(operator));
}

static size_t dirty_bytes(const struct operator* operator)
{
	return aggregate_dirty_bytes(aggregate_of(operator));
}

static void evict(struct operator* operator)
{
	aggregate_evict(aggregate_of(operator));
}

static void destroy(struct operator* operator)
{
	struct aggregate_operator *self = (struct aggregate_operator *)(void *)operator;
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
	const struct plan *plan, uint8_t *needed, struct operator_state *state, struct operator** out)
{
	struct aggregate *aggregate;
	status code = aggregate_create(plan, plan->children[0]->append_only, state->store, state->store_empty,
		state->space_next, &aggregate);
	if (code != STATUS_OK)
		return code;
	state->space_next = (uint16_t)(state->space_next + aggregate->space_count);
	struct aggregate_operator *self = mem_alloc_zeroed(1, sizeof *self);
	self->base = (struct operator){.class = &aggregate_class, .plan = plan, .needed = needed};
	self->aggregate = aggregate;
	*out = &self->base;
	return STATUS_OK;
}
