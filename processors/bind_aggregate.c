/* Aggregate calls: which there are, what types they take and give, where they may stand. */
#include "base/invariant.h"
#include "processors/bind.h"

static const struct {
	const char *name;
	enum aggregate_kind kind;
} aggregates[] = {
	{"count", AGGREGATE_COUNT},
	{"sum", AGGREGATE_SUM},
	{"avg", AGGREGATE_AVG},
	{"min", AGGREGATE_MIN},
	{"max", AGGREGATE_MAX},
	{"bool_and", AGGREGATE_BOOL_AND},
	{"every", AGGREGATE_BOOL_AND},
	{"bool_or", AGGREGATE_BOOL_OR},
};
enum { AGGREGATES = sizeof aggregates / sizeof aggregates[0] };

/* PostgreSQL has them, we do not (yet). */
static const char *const known_elsewhere[] = {"array_agg", "string_agg", "json_agg", "jsonb_agg",
	"json_object_agg", "jsonb_object_agg", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop",
	"var_samp", "corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept", "bit_and", "bit_or",
	"bit_xor", "mode", "percentile_cont", "percentile_disc", "any_value", "xmlagg", "range_agg"};

static bool aggregate_find(const char *name, enum aggregate_kind *kind)
{
	for (size_t i = 0; i < AGGREGATES; i++) {
		if (strcmp(aggregates[i].name, name) == 0) {
			*kind = aggregates[i].kind;
			return true;
		}
	}
	return false;
}

bool bind_is_aggregate(const char *name)
{
	enum aggregate_kind kind;
	if (aggregate_find(name, &kind))
		return true;
	for (size_t i = 0; i < sizeof known_elsewhere / sizeof known_elsewhere[0]; i++) {
		if (strcmp(known_elsewhere[i], name) == 0)
			return true;
	}
	return false;
}

static enum type_id sum_type(enum type_id argument)
{
	switch (argument) {
	case TYPE_INT2:
	case TYPE_INT4:
		return TYPE_INT8;
	case TYPE_INT8:
	case TYPE_NUMERIC:
		return TYPE_NUMERIC;
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
	case TYPE_INTERVAL:
		return argument;
	default:
		return TYPE_UNKNOWN;
	}
}

static enum type_id average_type(enum type_id argument)
{
	switch (argument) {
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
	case TYPE_NUMERIC:
		return TYPE_NUMERIC;
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
		return TYPE_FLOAT8;
	case TYPE_INTERVAL:
		return TYPE_INTERVAL;
	default:
		return TYPE_UNKNOWN;
	}
}

static enum type_id extreme_type(enum type_id argument)
{
	switch (argument) {
	case TYPE_VARCHAR:
	case TYPE_UNKNOWN:
		return TYPE_TEXT;
	case TYPE_BOOL:
	case TYPE_BYTEA:
	case TYPE_INT2VECTOR:
		return TYPE_UNKNOWN;
	default:
		return argument;
	}
}

/* The result's type; the argument is cast to *argument_type. TYPE_UNKNOWN: there is no such aggregate. */
static enum type_id aggregate_type(enum aggregate_kind kind, enum type_id given, enum type_id *argument_type)
{
	enum type_id result = TYPE_UNKNOWN;
	*argument_type = given;
	switch (kind) {
	case AGGREGATE_COUNT_STAR:
	case AGGREGATE_COUNT:
		*argument_type = given == TYPE_UNKNOWN ? TYPE_TEXT : given;
		return TYPE_INT8;
	case AGGREGATE_SUM:
		return sum_type(given);
	case AGGREGATE_AVG:
		return average_type(given);
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		result = extreme_type(given);
		*argument_type = result;
		return result;
	case AGGREGATE_BOOL_AND:
	case AGGREGATE_BOOL_OR:
		*argument_type = TYPE_BOOL;
		return given == TYPE_BOOL || given == TYPE_UNKNOWN ? TYPE_BOOL : TYPE_UNKNOWN;
	}
	return result;
}

static status aggregate_misplaced(struct binder *binder, const struct bind_place *place, int32_t position)
{
	if (place->in_aggregate)
		return bind_fail(STATUS_GROUPING, binder, position, "aggregate function calls cannot be nested");
	return bind_fail(
		STATUS_GROUPING, binder, position, "aggregate functions are not allowed in %s", place->clause);
}

static status aggregate_no_such(struct binder *binder, const char *name, enum type_id type, int32_t position)
{
	if (type == TYPE_UNKNOWN) {
		(void)bind_fail(STATUS_AMBIGUOUS, binder, position, "function %s(unknown) is not unique", name);
		error_sqlstate("42725");
		error_hint("Could not choose a best candidate function. You might need to add explicit type casts.");
		return STATUS_AMBIGUOUS;
	}
	(void)bind_fail(
		STATUS_UNKNOWN_FUNCTION, binder, position, "function %s(%s) does not exist", name, type_name(type));
	error_hint(
		"No function matches the given name and argument types. You might need to add explicit type casts.");
	return STATUS_UNKNOWN_FUNCTION;
}

static status aggregate_count_wrong(
	struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call, const char *name)
{
	struct buffer types;
	buffer_init(&types);
	status code = STATUS_OK;
	for (size_t i = 0; i < call->n_args && code == STATUS_OK; i++) {
		const struct expression *argument;
		code = bind_expression(binder, place, call->args[i], &argument);
		if (code == STATUS_OK)
			buffer_printf(&types, "%s%s", i == 0 ? "" : ", ", type_name(argument->type.id));
	}
	if (code == STATUS_OK) {
		code = bind_fail(STATUS_UNKNOWN_FUNCTION, binder, bind_position(binder, call->location),
			"function %s(%.*s) does not exist", name, (int)types.size, (const char *)types.data);
		error_hint("No function matches the given name and argument types. You might need to add explicit "
				   "type casts.");
	}
	buffer_deinit(&types);
	return code;
}

static bool aggregate_equal(const struct bind_aggregate *left, const struct bind_aggregate *right)
{
	if (left->kind != right->kind || left->distinct != right->distinct ||
		(left->argument == NULL) != (right->argument == NULL) ||
		(left->filter == NULL) != (right->filter == NULL))
		return false;
	return (left->argument == NULL || expression_equal(left->argument, right->argument)) &&
		   (left->filter == NULL || expression_equal(left->filter, right->filter));
}

static uint32_t aggregate_add(
	struct binder *binder, struct bind_aggregates *list, const struct bind_aggregate *aggregate)
{
	for (size_t i = 0; i < list->count; i++) {
		if (aggregate_equal(&list->items[i], aggregate))
			return (uint32_t)i;
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
		struct bind_aggregate *items = arena_alloc(binder->arena, capacity * sizeof *items);
		if (list->count != 0)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *aggregate;
	return (uint32_t)list->count - 1;
}

static status bind_aggregate_argument(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const char *name, struct bind_aggregate *aggregate)
{
	int32_t position = bind_position(binder, call->location);
	if (call->agg_star && aggregate->kind == AGGREGATE_COUNT) {
		aggregate->kind = AGGREGATE_COUNT_STAR;
		aggregate->type = type_of(TYPE_INT8);
		return STATUS_OK;
	}
	if (aggregate->kind == AGGREGATE_COUNT && call->n_args == 0) {
		(void)bind_fail(STATUS_TYPE_MISMATCH, binder, position,
			"count(*) must be used to call a parameterless aggregate function");
		error_sqlstate("42809");
		return STATUS_TYPE_MISMATCH;
	}
	struct bind_place inside = *place;
	inside.aggregates = NULL;
	inside.in_aggregate = true;
	if (call->n_args != 1 || call->agg_star)
		return aggregate_count_wrong(binder, &inside, call, name);
	const struct expression *argument;
	status code = bind_expression(binder, &inside, call->args[0], &argument);
	if (code != STATUS_OK)
		return code;
	enum type_id wanted;
	enum type_id result = aggregate_type(aggregate->kind, argument->type.id, &wanted);
	if (result == TYPE_UNKNOWN)
		return aggregate_no_such(binder, name, argument->type.id, position);
	aggregate->type = type_of(result);
	return bind_coerce(binder, argument, type_of(wanted), CAST_IMPLICIT, position, &aggregate->argument);
}

status bind_aggregate_call(struct binder *binder, const struct bind_place *place,
	const PgQuery__FuncCall *call, const char *name, const struct expression **out)
{
	int32_t position = bind_position(binder, call->location);
	struct bind_aggregate aggregate = {.distinct = call->agg_distinct};
	if (!aggregate_find(name, &aggregate.kind))
		return bind_unsupported(binder, call->location,
			"Aggregates are count, sum, avg, min, max, bool_and, bool_or and every.", "the aggregate %s",
			name);
	if (place->aggregates == NULL)
		return aggregate_misplaced(binder, place, position);
	if (call->n_agg_order > 0)
		return bind_unsupported(binder, call->location,
			"No aggregate here depends on the order of its rows; leave it out.", "ORDER BY in an aggregate");
	status code = bind_aggregate_argument(binder, place, call, name, &aggregate);
	if (code != STATUS_OK)
		return code;
	/* The duplicates are no different to these. */
	if (aggregate.kind == AGGREGATE_MIN || aggregate.kind == AGGREGATE_MAX ||
		aggregate.kind == AGGREGATE_BOOL_AND || aggregate.kind == AGGREGATE_BOOL_OR)
		aggregate.distinct = false;
	if (call->agg_filter != NULL) {
		struct bind_place inside = *place;
		inside.aggregates = NULL;
		inside.in_aggregate = false;
		inside.clause = "FILTER";
		code = bind_condition(binder, &inside, call->agg_filter, "FILTER", &aggregate.filter);
		if (code != STATUS_OK)
			return code;
		if (expression_is_true(aggregate.filter))
			aggregate.filter = NULL;
	}
	uint32_t index = aggregate_add(binder, place->aggregates, &aggregate);
	struct expression *column = expression_column(binder->arena, COLUMN_AGGREGATE + index, aggregate.type);
	column->position = position;
	*out = column;
	return STATUS_OK;
}
