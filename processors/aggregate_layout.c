/* From aggregate calls to cells: which accumulators a group needs, which of them calls share, and where they
 * lie in the payload. See aggregate.h. Everything lies in aggregate->memory and is constant afterwards.
 */
#include "base/invariant.h"
#include "processors/aggregate.h"

struct layout {
	struct aggregate *aggregate;
	uint32_t offset; /* next free byte of the payload */
	uint32_t present_count;
};

static int32_t nullable(const struct aggregate *aggregate, int32_t column)
{
	return column >= 0 && !aggregate->input->fields[column].not_null ? column : SOURCE_NONE;
}

static uint32_t source_find(struct aggregate *aggregate, int32_t argument, int32_t filter, int32_t values)
{
	for (uint32_t i = 0; i < aggregate->source_count; i++) {
		const struct weight_source *source = &aggregate->sources[i];
		if (source->argument == argument && source->filter == filter && source->values == values)
			return i;
	}
	aggregate->sources[aggregate->source_count] =
		(struct weight_source){.argument = argument, .filter = filter, .values = values};
	return (uint32_t)aggregate->source_count++;
}

static int32_t values_find(struct aggregate *aggregate, enum value_use use, uint32_t column, uint32_t source)
{
	for (size_t i = 0; i < aggregate->values_count; i++) {
		const struct value_set *values = &aggregate->values[i];
		if (values->use == use && values->column == column && values->source == source)
			return (int32_t)i;
	}
	struct type type = aggregate->input->fields[column].type;
	aggregate->values[aggregate->values_count] = (struct value_set){
		.use = use,
		.column = column,
		.source = source,
		.physical = type_physical(type.id),
		.type = type,
		.space = (uint16_t)(aggregate->space + aggregate->space_count++),
	};
	return (int32_t)aggregate->values_count++;
}

static uint32_t cell_size(enum cell_kind kind, enum physical physical)
{
	switch (kind) {
	case CELL_COUNT:
	case CELL_SUM_I64:
	case CELL_TRUE:
		return sizeof(int64_t);
	case CELL_SUM_I128:
		return sizeof(cell_i128);
	case CELL_SUM_DECIMAL:
		return sizeof(struct cell_decimal);
	case CELL_SUM_FLOAT:
		return sizeof(struct float_sum);
	case CELL_SUM_INTERVAL:
		return sizeof(struct cell_interval);
	case CELL_SCALE:
		return sizeof(struct cell_scale);
	case CELL_EXTREME:
		return extreme_is_bytes(physical) ? sizeof(struct cell_bytes) : sizeof(int64_t);
	}
	INVARIANT(false && "a cell kind");
	return 0;
}

static int32_t cell_find(
	struct layout *layout, enum cell_kind kind, uint32_t column, uint32_t source, bool maximum)
{
	struct aggregate *aggregate = layout->aggregate;
	for (size_t i = 0; i < aggregate->cell_count; i++) {
		const struct cell *cell = &aggregate->cells[i];
		bool same_column = kind == CELL_COUNT || cell->column == column;
		if (cell->kind == kind && same_column && cell->source == source && cell->maximum == maximum)
			return (int32_t)i;
	}
	struct type type =
		aggregate->input->field_count != 0 ? aggregate->input->fields[column].type : type_of(TYPE_INT8);
	struct cell *cell = &aggregate->cells[aggregate->cell_count];
	*cell = (struct cell){
		.kind = kind,
		.type = type,
		.physical = type_physical(type.id),
		.column = column,
		.source = source,
		.offset = layout->offset,
		.maximum = maximum,
		.values = -1,
	};
	layout->offset += cell_size(kind, cell->physical);
	if (kind == CELL_EXTREME) {
		cell->present = layout->present_count++;
		if (!aggregate->append_only) {
			cell->values = values_find(aggregate, maximum ? VALUES_MAXIMUM : VALUES_MINIMUM, column, source);
			cell->heap = layout->offset;
			aggregate->values[cell->values].heap = cell->heap;
			layout->offset += sizeof(struct value_heap *);
		}
	}
	return (int32_t)aggregate->cell_count++;
}

/* −1 where the group's own weight already counts the rows. */
static int32_t count_cell(struct layout *layout, uint32_t source)
{
	const struct weight_source *weights = &layout->aggregate->sources[source];
	if (weights->argument == SOURCE_NONE && weights->filter == SOURCE_NONE && weights->values == SOURCE_NONE)
		return -1;
	return cell_find(layout, CELL_COUNT, 0, source, false);
}

static enum cell_kind sum_kind(enum type_id id)
{
	switch (type_physical(id)) {
	case PHYS_F64:
		return CELL_SUM_FLOAT;
	case PHYS_DECIMAL:
		return CELL_SUM_DECIMAL;
	case PHYS_INTERVAL:
		return CELL_SUM_INTERVAL;
	default:
		return id == TYPE_INT8 ? CELL_SUM_I128 : CELL_SUM_I64;
	}
}

static void layout_sum(
	struct layout *layout, const struct aggregate_call *call, uint32_t source, struct call_output *output)
{
	uint32_t column = (uint32_t)call->argument;
	struct type type = layout->aggregate->input->fields[column].type;
	output->count = count_cell(layout, source);
	output->cell = cell_find(layout, sum_kind(type.id), column, source, false);
	if (type.id != TYPE_NUMERIC)
		return;
	if (type.modifier >= 0)
		output->fixed_scale = (int16_t)(type.modifier & 0xffff);
	else
		output->scale = cell_find(layout, CELL_SCALE, column, source, false);
}

static void layout_call(struct layout *layout, const struct aggregate_call *call, struct call_output *output)
{
	struct aggregate *aggregate = layout->aggregate;
	*output = (struct call_output){
		.kind = call->kind,
		.type = call->type,
		.count = -1,
		.cell = -1,
		.scale = -1,
		.fixed_scale = -1,
	};
	if (call->argument >= 0)
		output->physical = type_physical(aggregate->input->fields[call->argument].type.id);
	int32_t argument = call->kind == AGGREGATE_COUNT_STAR ? SOURCE_NONE : nullable(aggregate, call->argument);
	uint32_t source = source_find(aggregate, argument, call->filter, SOURCE_NONE);
	bool sums = call->kind == AGGREGATE_COUNT || call->kind == AGGREGATE_SUM || call->kind == AGGREGATE_AVG;
	/* min, max, bool_and, bool_or are the same with and without DISTINCT. */
	if (call->distinct && sums) {
		int32_t values = values_find(aggregate, VALUES_DISTINCT, (uint32_t)call->argument, source);
		source = source_find(aggregate, SOURCE_NONE, SOURCE_NONE, values);
	}
	uint32_t column = call->argument >= 0 ? (uint32_t)call->argument : 0;
	switch (call->kind) {
	case AGGREGATE_COUNT_STAR:
	case AGGREGATE_COUNT:
		output->count = count_cell(layout, source);
		break;
	case AGGREGATE_SUM:
	case AGGREGATE_AVG:
		layout_sum(layout, call, source, output);
		break;
	case AGGREGATE_BOOL_AND:
	case AGGREGATE_BOOL_OR:
		output->count = count_cell(layout, source);
		output->cell = cell_find(layout, CELL_TRUE, column, source, false);
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		output->cell = cell_find(layout, CELL_EXTREME, column, source, call->kind == AGGREGATE_MAX);
		break;
	}
}

/* Group keys keep the number but not the display scale (1.0 and 1.00 are one group): the rows' greatest is
 * shown. */
static void layout_groups(struct layout *layout)
{
	struct aggregate *aggregate = layout->aggregate;
	const struct plan *plan = aggregate->plan;
	for (size_t g = 0; g < plan->aggregate.group_count; g++) {
		uint32_t column = plan->aggregate.groups[g];
		aggregate->group_types[g] = aggregate->input->fields[column].type;
		aggregate->group_scales[g] = -1;
		if (aggregate->group_types[g].id != TYPE_NUMERIC || aggregate->group_types[g].modifier >= 0)
			continue;
		uint32_t source =
			source_find(aggregate, nullable(aggregate, (int32_t)column), SOURCE_NONE, SOURCE_NONE);
		aggregate->group_scales[g] = cell_find(layout, CELL_SCALE, column, source, false);
	}
}

void aggregate_layout(struct aggregate *aggregate)
{
	const struct plan *plan = aggregate->plan;
	size_t calls = plan->aggregate.call_count, groups = plan->aggregate.group_count;
	struct arena *memory = &aggregate->memory;
	struct layout layout = {aggregate, sizeof(int64_t), 0};
	aggregate->cells = arena_alloc_zeroed(memory, (3 * calls + groups + 1) * sizeof *aggregate->cells);
	aggregate->sources = arena_alloc_zeroed(memory, (2 * calls + groups + 1) * sizeof *aggregate->sources);
	aggregate->values = arena_alloc_zeroed(memory, (calls + 1) * sizeof *aggregate->values);
	aggregate->outputs = arena_alloc_zeroed(memory, (calls + 1) * sizeof *aggregate->outputs);
	aggregate->group_types = arena_alloc_zeroed(memory, (groups + 1) * sizeof *aggregate->group_types);
	aggregate->group_scales = arena_alloc_zeroed(memory, (groups + 1) * sizeof *aggregate->group_scales);
	aggregate->space_count = 1;
	layout_groups(&layout);
	for (size_t i = 0; i < calls; i++)
		layout_call(&layout, &plan->aggregate.calls[i], &aggregate->outputs[i]);
	for (size_t i = 0; i < aggregate->cell_count; i++)
		aggregate->cells[i].present += layout.offset;
	aggregate->payload_size = (layout.offset + layout.present_count + 7) & ~(size_t)7;
}
