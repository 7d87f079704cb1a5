/* Linear operators: the delta of the output is the same function of the delta of the input, so they keep
 * nothing.
 *
 *   Δσ(X) = σ(ΔX)      Δπ(X) = π(ΔX)      Δ(X ∪ Y) = ΔX ∪ ΔY      weights pass through
 *
 * VALUES is a constant: its delta is itself in the first step and nothing from then on; that it has been
 * given is remembered in the store under an empty key.
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/operator.h"

/* ---- transformations of batches ---- */

struct batch *batch_part(const struct batch *batch, uint32_t from, uint32_t count, struct arena *arena)
{
	struct batch *part = arena_copy(arena, batch, sizeof *batch);
	part->row_count = count;
	part->columns = arena_copy(arena, batch->columns, batch->column_count * sizeof *batch->columns);
	for (uint32_t c = 0; c < part->column_count; c++) {
		struct column *column = &part->columns[c];
		if (column->values != NULL)
			column->values = (uint8_t *)column->values + from * physical_size(type_physical(column->type.id));
		if (column->nulls != NULL)
			column->nulls += from;
	}
	if (part->weights != NULL)
		part->weights += from;
	return part;
}

/* Gathering what nobody reads is the filter's main cost: such columns lose their values first. */
static const struct batch *batch_strip(const struct batch *batch, const uint8_t *needed, struct arena *arena)
{
	if (needed == NULL)
		return batch;
	struct batch *strip = arena_copy(arena, batch, sizeof *batch);
	strip->columns = arena_copy(arena, batch->columns, batch->column_count * sizeof *batch->columns);
	for (uint32_t c = 0; c < strip->column_count; c++) {
		if (needed[c] != 0)
			continue;
		strip->columns[c].values = NULL;
		strip->columns[c].nulls = NULL;
	}
	return strip;
}

status batch_filter(const struct expression *predicate, const struct batch *batch, const uint8_t *needed,
	const struct evaluation *evaluation, struct arena *arena, const struct batch **out)
{
	uint32_t *rows = arena_alloc(arena, batch->row_count * sizeof *rows), count;
	status code = expression_select(predicate, batch, evaluation, arena, rows, &count);
	if (code != STATUS_OK)
		return code;
	if (count == batch->row_count)
		*out = batch;
	else
		*out = batch_gather(arena, batch_strip(batch, needed, arena), rows, count);
	return STATUS_OK;
}

status batch_project(const struct plan *plan, const struct batch *batch, const uint8_t *needed,
	const struct evaluation *evaluation, struct arena *arena, const struct batch **out)
{
	struct batch *projected = arena_alloc(arena, sizeof *projected);
	*projected = (struct batch){.row_count = batch->row_count,
		.column_count = (uint32_t)plan->schema.field_count,
		.weights = batch->weights};
	projected->columns = arena_alloc_zeroed(arena, projected->column_count * sizeof *projected->columns);
	for (uint32_t c = 0; c < projected->column_count; c++) {
		struct column *column = &projected->columns[c];
		column->type = plan->schema.fields[c].type;
		if (needed != NULL && needed[c] == 0)
			continue;
		status code = expression_evaluate(plan->project.expressions[c], batch, evaluation, arena, column);
		if (code != STATUS_OK)
			return code;
		column->type = plan->schema.fields[c].type;
	}
	*out = projected;
	return STATUS_OK;
}

status batch_values(
	const struct plan *plan, const struct evaluation *evaluation, struct arena *arena, struct batch **out)
{
	uint32_t row_count = (uint32_t)plan->values.row_count;
	struct batch *batch = batch_make(arena, &plan->schema, row_count, true, false);
	for (uint32_t row = 0; row < row_count; row++) {
		for (uint32_t c = 0; c < batch->column_count; c++) {
			struct value value;
			status code = expression_evaluate_constant(plan->values.rows[row][c], evaluation, arena, &value);
			if (code != STATUS_OK)
				return code;
			column_set(&batch->columns[c], row, &value);
		}
	}
	*out = batch;
	return STATUS_OK;
}

/* ---- column needs ---- */

static void expression_columns(const struct expression *expression, uint8_t *needed)
{
	if (expression->kind == EXPR_COLUMN)
		needed[expression->column] = 1;
	for (size_t i = 0; i < expression->argument_count; i++)
		expression_columns(expression->arguments[i], needed);
}

static void join_columns(const struct plan *plan, size_t child, const uint8_t *needed, uint8_t *child_needed)
{
	size_t left_count = plan->children[0]->schema.field_count;
	size_t count = plan->children[child]->schema.field_count, from = child == 0 ? 0 : left_count;
	bool both = plan->join.kind == JOIN_INNER || plan->join.kind == JOIN_LEFT;
	const uint32_t *keys = child == 0 ? plan->join.left_keys : plan->join.right_keys;
	for (size_t k = 0; k < plan->join.key_count; k++)
		child_needed[keys[k]] = 1;
	for (size_t c = 0; c < count && (child == 0 || both); c++)
		child_needed[c] |= needed[from + c];
	if (plan->join.residual == NULL)
		return;
	uint8_t *read = mem_alloc_zeroed(left_count + plan->children[1]->schema.field_count, 1);
	expression_columns(plan->join.residual, read);
	for (size_t c = 0; c < count; c++)
		child_needed[c] |= read[from + c];
	mem_free(read);
}

static void aggregate_needs(const struct plan *plan, uint8_t *child_needed)
{
	for (size_t g = 0; g < plan->aggregate.group_count; g++)
		child_needed[plan->aggregate.groups[g]] = 1;
	for (size_t i = 0; i < plan->aggregate.call_count; i++) {
		const struct aggregate_call *call = &plan->aggregate.calls[i];
		if (call->argument >= 0)
			child_needed[call->argument] = 1;
		if (call->filter >= 0)
			child_needed[call->filter] = 1;
	}
}

void operator_child_columns(
	const struct plan *plan, size_t child, const uint8_t *needed, uint8_t *child_needed)
{
	size_t count = plan->children[child]->schema.field_count;
	memset(child_needed, 0, count);
	switch (plan->kind) {
	case PLAN_FILTER:
		memcpy(child_needed, needed, count);
		expression_columns(plan->filter.predicate, child_needed);
		break;
	case PLAN_PROJECT:
		for (size_t c = 0; c < plan->schema.field_count; c++) {
			if (needed[c] != 0)
				expression_columns(plan->project.expressions[c], child_needed);
		}
		break;
	case PLAN_AGGREGATE:
		aggregate_needs(plan, child_needed);
		break;
	case PLAN_JOIN:
		join_columns(plan, child, needed, child_needed);
		break;
	case PLAN_NUMBER:
		memset(child_needed, 1, count); /* ties are broken by the whole row */
		break;
	default: /* union, sort, limit: rows pass as they are */
		memcpy(child_needed, needed, count);
		break;
	}
}

/* ---- operators ---- */

static const struct evaluation no_parameters; /* views have none, and no clock */

static void linear_destroy(struct circuit_operator *node)
{
	mem_free(node);
}

static struct circuit_operator *linear_create(
	const struct operator_class *class, const struct plan *plan, uint8_t *needed)
{
	struct circuit_operator *node = mem_alloc_zeroed(1, sizeof *node);
	node->class = class;
	node->plan = plan;
	node->needed = needed;
	return node;
}

/* A batch of the whole relation arrives: pick the scanned columns. */
static status scan_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	const struct plan *plan = node->plan;
	struct batch picked = *batch;
	picked.column_count = (uint32_t)plan->schema.field_count;
	picked.columns = arena_alloc(arena, picked.column_count * sizeof *picked.columns);
	for (uint32_t c = 0; c < picked.column_count; c++) {
		INVARIANT(plan->scan.columns[c] < batch->column_count);
		picked.columns[c] = batch->columns[plan->scan.columns[c]];
	}
	return operator_emit(node, &picked, arena);
}

static status filter_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	const struct batch *kept;
	status code =
		batch_filter(node->plan->filter.predicate, batch, node->needed, &no_parameters, arena, &kept);
	return code == STATUS_OK ? operator_emit(node, kept, arena) : code;
}

static status project_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	const struct batch *projected;
	status code = batch_project(node->plan, batch, node->needed, &no_parameters, arena, &projected);
	return code == STATUS_OK ? operator_emit(node, projected, arena) : code;
}

static status union_push(
	struct circuit_operator *node, size_t input, const struct batch *batch, struct arena *arena)
{
	(void)input;
	return operator_emit(node, batch, arena);
}

static const struct operator_class scan_class = {.push = scan_push, .destroy = linear_destroy};
static const struct operator_class filter_class = {.push = filter_push, .destroy = linear_destroy};
static const struct operator_class project_class = {.push = project_push, .destroy = linear_destroy};
static const struct operator_class union_class = {.push = union_push, .destroy = linear_destroy};

struct circuit_operator *operator_scan_create(const struct plan *plan, uint8_t *needed)
{
	return linear_create(&scan_class, plan, needed);
}
struct circuit_operator *operator_filter_create(const struct plan *plan, uint8_t *needed)
{
	return linear_create(&filter_class, plan, needed);
}
struct circuit_operator *operator_project_create(const struct plan *plan, uint8_t *needed)
{
	return linear_create(&project_class, plan, needed);
}
struct circuit_operator *operator_union_create(const struct plan *plan, uint8_t *needed)
{
	return linear_create(&union_class, plan, needed);
}

/* ---- VALUES ---- */

struct values_operator {
	struct circuit_operator base;
	struct state_store *store;
	uint16_t space;
	bool known; /* `given` has been looked up */
	bool given;
	bool dirty;
	struct arena scratch;
};

static const uint8_t values_mark = 1;

static status values_lookup(struct values_operator *values)
{
	struct buffer mark;
	buffer_init(&mark);
	status code = values->store->get(values->store, values->space, slice_of("", 0), &mark);
	buffer_deinit(&mark);
	if (code != STATUS_OK && code != STATUS_NOT_FOUND)
		return code;
	values->given = code == STATUS_OK;
	values->known = true;
	return STATUS_OK;
}

static status values_step_end(struct circuit_operator *node)
{
	struct values_operator *values = (struct values_operator *)(void *)node;
	status code = values->known ? STATUS_OK : values_lookup(values);
	if (code != STATUS_OK || values->given)
		return code;
	values->given = values->dirty = true;
	struct batch *rows;
	code = batch_values(node->plan, &no_parameters, &values->scratch, &rows);
	if (code == STATUS_OK)
		code = operator_emit(node, rows, &values->scratch);
	arena_deinit(&values->scratch);
	return code;
}

static status values_flush(struct circuit_operator *node, struct state_writer *writer)
{
	struct values_operator *values = (struct values_operator *)(void *)node;
	if (values->dirty)
		writer->put(writer, values->space, slice_of("", 0), slice_of(&values_mark, sizeof values_mark));
	return STATUS_OK;
}

static void values_committed(struct circuit_operator *node)
{
	((struct values_operator *)(void *)node)->dirty = false;
}

static void values_destroy(struct circuit_operator *node)
{
	arena_deinit(&((struct values_operator *)(void *)node)->scratch);
	mem_free(node);
}

static const struct operator_class values_class = {
	.step_end = values_step_end,
	.flush = values_flush,
	.committed = values_committed,
	.destroy = values_destroy,
};

struct circuit_operator *operator_values_create(
	const struct plan *plan, uint8_t *needed, struct operator_state *state)
{
	struct values_operator *values = mem_alloc_zeroed(1, sizeof *values);
	values->base = (struct circuit_operator){.class = &values_class, .plan = plan, .needed = needed};
	values->store = state->store;
	values->space = state->space_next++;
	values->known = state->store_empty;
	return &values->base;
}
