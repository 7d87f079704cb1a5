/* Building a circuit from a plan and driving its steps; see circuit.h for the contract, operator.h for the
 * parts.
 *
 *   sources → operators (children before parents) → way out → the caller's sink
 *
 * Spaces of the state store are handed out in the order operators are built, which the plan alone decides.
 *
 * A pushed batch goes through in chunks of OPERATOR_ROWS with an arena of the circuit's own that is reset
 * after each, so that intermediate columns stay in the cache; nothing pushed is kept beyond the push, and the
 * step's arena is not needed.
 */
#include "processors/circuit.h"

#include <string.h>

#include "base/invariant.h"
#include "processors/aggregate.h"
#include "processors/operator.h"

enum { CIRCUIT_MEMORY_DEFAULT = 256 * 1024 * 1024 };

struct way_out {
	struct circuit_operator base;
	struct circuit_sink *sink; /* of the call that is running */
};

struct circuit {
	struct arena memory;
	struct arena chunk;
	size_t memory_bytes_max;
	bool can_evict;
	struct way_out out;
	struct circuit_operator **operators; /* children before parents */
	size_t operator_count;
	struct circuit_operator **sources;
	size_t source_count;
};

/* ---- what is accepted ---- */

static status check_scan(const struct plan *plan)
{
	const struct scan_bounds *bounds = &plan->scan.bounds;
	if (bounds->prefix_count != 0 || bounds->low != NULL || bounds->high != NULL)
		return error_raise(STATUS_INTERNAL, "the plan of a view scans \"%s\" by key range", plan->scan.name);
	return STATUS_OK;
}

static status check_node(const struct plan *plan)
{
	switch (plan->kind) {
	case PLAN_SCAN:
		return check_scan(plan);
	case PLAN_AGGREGATE:
		return aggregate_check(plan);
	case PLAN_JOIN:
	case PLAN_VALUES:
	case PLAN_FILTER:
	case PLAN_PROJECT:
	case PLAN_UNION_ALL:
		return STATUS_OK;
	case PLAN_SORT:
	case PLAN_NUMBER:
	case PLAN_LIMIT:
		break;
	}
	status code = error_raise(STATUS_UNSUPPORTED, "%s is not supported in a view",
		plan->kind == PLAN_SORT     ? "ORDER BY"
		: plan->kind == PLAN_NUMBER ? "row_number()"
									: "LIMIT or OFFSET");
	error_hint("A view is a set of rows: sort and limit when you select from it.");
	return code;
}

status circuit_check(const struct plan *plan)
{
	for (size_t i = 0; i < plan->child_count; i++) {
		status code = circuit_check(plan->children[i]);
		if (code != STATUS_OK)
			return code;
	}
	return check_node(plan);
}

/* ---- building ---- */

static status out_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	(void)arena;
	struct circuit_sink *sink = ((struct way_out *)(void *)node)->sink;
	return sink->push(sink, batch);
}

static const struct operator_class out_class = {.push = out_push};

static size_t plan_count(const struct plan *plan)
{
	size_t count = 1;
	for (size_t i = 0; i < plan->child_count; i++)
		count += plan_count(plan->children[i]);
	return count;
}

static status node_create(struct circuit *circuit, const struct plan *plan, uint8_t *needed,
	struct operator_state *state, struct circuit_operator **out)
{
	switch (plan->kind) {
	case PLAN_SCAN:
		*out = operator_scan_create(plan, needed);
		circuit->sources[circuit->source_count++] = *out;
		return STATUS_OK;
	case PLAN_VALUES:
		*out = operator_values_create(plan, needed, state);
		return STATUS_OK;
	case PLAN_FILTER:
		*out = operator_filter_create(plan, needed);
		return STATUS_OK;
	case PLAN_PROJECT:
		*out = operator_project_create(plan, needed);
		return STATUS_OK;
	case PLAN_UNION_ALL:
		*out = operator_union_create(plan, needed);
		return STATUS_OK;
	case PLAN_AGGREGATE:
		return operator_aggregate_create(plan, needed, state, out);
	case PLAN_JOIN:
		*out = operator_join_create(plan, needed, state, &circuit->memory);
		return STATUS_OK;
	case PLAN_SORT:
	case PLAN_NUMBER:
	case PLAN_LIMIT:
		break;
	}
	return error_raise(STATUS_INTERNAL, "a plan that was checked cannot be built");
}

static status tree_create(struct circuit *circuit, const struct plan *plan, uint8_t *needed,
	struct operator_state *state, struct circuit_operator **out)
{
	struct circuit_operator **children = arena_alloc(&circuit->memory, plan->child_count * sizeof *children);
	for (size_t i = 0; i < plan->child_count; i++) {
		uint8_t *child_needed = arena_alloc(&circuit->memory, plan->children[i]->schema.field_count);
		operator_child_columns(plan, i, needed, child_needed);
		status code = tree_create(circuit, plan->children[i], child_needed, state, &children[i]);
		if (code != STATUS_OK)
			return code;
	}
	status code = node_create(circuit, plan, needed, state, out);
	if (code != STATUS_OK)
		return code;
	circuit->operators[circuit->operator_count++] = *out;
	for (size_t i = 0; i < plan->child_count; i++) {
		children[i]->parent = *out;
		children[i]->parent_input = i;
	}
	return STATUS_OK;
}

status circuit_create(const struct plan *plan, const struct circuit_options *options, struct circuit **out)
{
	status code = circuit_check(plan);
	if (code != STATUS_OK)
		return code;
	INVARIANT(options->store != NULL || options->store_empty);
	struct circuit *circuit = mem_alloc_zeroed(1, sizeof *circuit);
	size_t count = plan_count(plan);
	circuit->operators = arena_alloc(&circuit->memory, count * sizeof(struct circuit_operator *));
	circuit->sources = arena_alloc(&circuit->memory, count * sizeof(struct circuit_operator *));
	circuit->memory_bytes_max =
		options->memory_bytes_max != 0 ? options->memory_bytes_max : CIRCUIT_MEMORY_DEFAULT;
	circuit->can_evict = options->store != NULL;
	circuit->out.base.class = &out_class;
	uint8_t *needed = arena_alloc(&circuit->memory, plan->schema.field_count);
	memset(needed, 1, plan->schema.field_count);
	struct operator_state state = {options->store, options->store_empty, 0};
	struct circuit_operator *root;
	code = tree_create(circuit, plan, needed, &state, &root);
	if (code != STATUS_OK) {
		circuit_destroy(circuit);
		return code;
	}
	root->parent = &circuit->out.base;
	*out = circuit;
	return STATUS_OK;
}

void circuit_destroy(struct circuit *circuit)
{
	if (circuit == NULL)
		return;
	for (size_t i = 0; i < circuit->operator_count; i++)
		circuit->operators[i]->class->destroy(circuit->operators[i]);
	arena_deinit(&circuit->chunk);
	arena_deinit(&circuit->memory);
	mem_free(circuit);
}

size_t circuit_source_count(const struct circuit *circuit)
{
	return circuit->source_count;
}

const struct plan *circuit_source(const struct circuit *circuit, size_t source)
{
	INVARIANT(source < circuit->source_count);
	return circuit->sources[source]->plan;
}

/* ---- steps ---- */

status circuit_push(struct circuit *circuit, size_t source, const struct batch *batch, struct arena *arena,
	struct circuit_sink *sink)
{
	(void)arena;
	INVARIANT(source < circuit->source_count);
	struct circuit_operator *scan = circuit->sources[source];
	circuit->out.sink = sink;
	status code = STATUS_OK;
	for (uint32_t from = 0; code == STATUS_OK && from < batch->row_count; from += OPERATOR_ROWS) {
		uint32_t count = batch->row_count - from < OPERATOR_ROWS ? batch->row_count - from : OPERATOR_ROWS;
		arena_reset(&circuit->chunk);
		code = scan->class->push(scan, 0, batch_part(batch, from, count, &circuit->chunk), &circuit->chunk);
	}
	circuit->out.sink = NULL;
	return code;
}

status circuit_step_end(struct circuit *circuit, struct arena *arena, struct circuit_sink *sink)
{
	(void)arena;
	circuit->out.sink = sink;
	status code = STATUS_OK;
	for (size_t i = 0; code == STATUS_OK && i < circuit->operator_count; i++) {
		struct circuit_operator *node = circuit->operators[i];
		if (node->class->step_end != NULL)
			code = node->class->step_end(node);
	}
	circuit->out.sink = NULL;
	return code;
}

size_t circuit_dirty_bytes(const struct circuit *circuit)
{
	size_t bytes = 0;
	for (size_t i = 0; i < circuit->operator_count; i++) {
		const struct circuit_operator *node = circuit->operators[i];
		if (node->class->dirty_bytes != NULL)
			bytes += node->class->dirty_bytes(node);
	}
	return bytes;
}

status circuit_flush(struct circuit *circuit, struct state_writer *writer)
{
	status code = STATUS_OK;
	for (size_t i = 0; code == STATUS_OK && i < circuit->operator_count; i++) {
		struct circuit_operator *node = circuit->operators[i];
		if (node->class->flush != NULL)
			code = node->class->flush(node, writer);
	}
	return code;
}

/* Over budget, the largest states are forgotten first until half of the budget is free again: what is hot
 * comes back with one read per entry, and there is room for many before the next time. */
static void circuit_evict(struct circuit *circuit)
{
	while (circuit_memory_bytes(circuit) > circuit->memory_bytes_max / 2) {
		struct circuit_operator *largest = NULL;
		size_t largest_bytes = 0;
		for (size_t i = 0; i < circuit->operator_count; i++) {
			struct circuit_operator *node = circuit->operators[i];
			size_t bytes = node->class->evict != NULL ? node->class->memory_bytes(node) : 0;
			if (bytes > largest_bytes) {
				largest = node;
				largest_bytes = bytes;
			}
		}
		if (largest == NULL)
			return;
		largest->class->evict(largest);
		if (largest->class->memory_bytes(largest) >= largest_bytes)
			return; /* what is left is the least there can be */
	}
}

void circuit_committed(struct circuit *circuit)
{
	for (size_t i = 0; i < circuit->operator_count; i++) {
		struct circuit_operator *node = circuit->operators[i];
		if (node->class->committed != NULL)
			node->class->committed(node);
	}
	arena_reset(&circuit->chunk);
	if (circuit->can_evict && circuit_memory_bytes(circuit) > circuit->memory_bytes_max)
		circuit_evict(circuit);
}

size_t circuit_memory_bytes(const struct circuit *circuit)
{
	size_t bytes = sizeof *circuit + circuit->memory.used_bytes + circuit->chunk.used_bytes;
	for (size_t i = 0; i < circuit->operator_count; i++) {
		const struct circuit_operator *node = circuit->operators[i];
		if (node->class->memory_bytes != NULL)
			bytes += node->class->memory_bytes(node);
	}
	return bytes;
}
