#include "support_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/invariant.h"

uint64_t random_next(struct random *random)
{
	uint64_t word = random->state += UINT64_C(0x9e3779b97f4a7c15);
	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

uint32_t random_below(struct random *random, uint32_t limit)
{
	return (uint32_t)(random_next(random) % limit);
}

bool random_chance(struct random *random, uint32_t percent)
{
	return random_below(random, 100) < percent;
}

/* ---- tables ---- */

static struct field test_fields[COLUMN_COUNT] = {
	[COLUMN_ID] = {"id", {TYPE_INT4, -1}, true},
	[COLUMN_NAME] = {"name", {TYPE_TEXT, -1}, false},
	[COLUMN_AMOUNT] = {"amount", {TYPE_INT8, -1}, false},
	[COLUMN_RATE] = {"rate", {TYPE_NUMERIC, -1}, false},
	[COLUMN_PRICE] = {"price", {TYPE_NUMERIC, 10 << 16 | 2}, false},
	[COLUMN_MEASURE] = {"measure", {TYPE_FLOAT8, -1}, false},
	[COLUMN_FLAG] = {"flag", {TYPE_BOOL, -1}, false},
	[COLUMN_AT] = {"at", {TYPE_TIMESTAMP, -1}, false},
	[COLUMN_SMALL] = {"small", {TYPE_INT2, -1}, true},
	[COLUMN_DURATION] = {"duration", {TYPE_INTERVAL, -1}, false},
	[COLUMN_REAL] = {"real", {TYPE_FLOAT4, -1}, false},
};
static const struct schema schema = {test_fields, COLUMN_COUNT};
static const char *const table_names[TABLE_COUNT] = {"a", "b", "log"};

const struct schema *test_schema(void)
{
	return &schema;
}

const char *test_table_name(enum test_table table)
{
	return table_names[table];
}

enum test_table test_table_of(const struct plan *scan)
{
	for (unsigned table = 0; table < TABLE_COUNT; table++) {
		if (strcmp(scan->scan.name, table_names[table]) == 0)
			return (enum test_table)table;
	}
	INVARIANT(false && "a test table");
	return TABLE_A;
}

static struct value text_value(const char *text, uint32_t size)
{
	return (struct value){.type = type_of(TYPE_TEXT), .text = {.data = text, .size = size}};
}

static struct value text_random(struct random *random, struct arena *arena)
{
	switch (random_below(random, 8)) {
	case 0:
		return text_value("", 0);
	case 1:
		return text_value("a", 1);
	case 2:
		return text_value("a\0", 2);
	case 3:
		return text_value("a\0b", 3);
	case 4: {
		char *data = arena_alloc(arena, 3000);
		memset(data, 'x', 3000);
		data[2999] = (char)('a' + random_below(random, 2));
		return text_value(data, 3000);
	}
	default: {
		char *data = arena_printf(arena, "name %u", random_below(random, 6));
		return text_value(data, (uint32_t)strlen(data));
	}
	}
}

static struct value numeric_random(struct random *random)
{
	static const int64_t powers[] = {1, 10, 100, 1000};
	uint32_t scale = random_below(random, 4);
	struct value value = {.type = type_of(TYPE_NUMERIC)};
	/* Few numbers in several spellings: 1.5, 1.50, 1.500. */
	value.decimal.value = ((__int128)random_below(random, 9) - 4) * powers[scale];
	if (scale > 0 && random_chance(random, 50))
		value.decimal.value += 5 * powers[scale - 1];
	value.decimal.scale = (int32_t)scale;
	return value;
}

static struct value float_random(struct random *random, enum type_id type)
{
	static const double specials[] = {-0.0, 0.0, NAN, HUGE_VAL, -HUGE_VAL, 8589934592.0, -0.125};
	struct value value = {.type = type_of(type)};
	value.f64 = ((double)random_below(random, 41) - 20) / 8;
	if (random_chance(random, 10))
		value.f64 = specials[random_below(random, sizeof specials / sizeof specials[0])];
	return value;
}

static struct value interval_random(struct random *random)
{
	struct value value = {.type = type_of(TYPE_INTERVAL)};
	/* '1 month', '30 days', '29 days 24 hours' are equal and look different. */
	switch (random_below(random, 4)) {
	case 0:
		value.interval.months = (int32_t)random_below(random, 3);
		break;
	case 1:
		value.interval.days = 30;
		break;
	case 2:
		value.interval = (struct interval){.days = 29, .microseconds = INT64_C(86400000000)};
		break;
	default:
		value.interval.microseconds = (int64_t)random_below(random, 5) - 2;
		break;
	}
	return value;
}

struct value value_random(struct random *random, struct arena *arena, enum test_column column)
{
	struct value value = {.type = test_fields[column].type};
	if (!test_fields[column].not_null && random_chance(random, 15)) {
		value.null = true;
		return value;
	}
	switch (column) {
	case COLUMN_ID:
		value.i64 = random_below(random, 12);
		break;
	case COLUMN_NAME:
		return text_random(random, arena);
	case COLUMN_AMOUNT:
		value.i64 = (int64_t)random_below(random, 15) - 7;
		if (random_chance(random, 20))
			value.i64 = (int64_t)(random_next(random) % 2000000000000) - 1000000000000;
		break;
	case COLUMN_RATE:
		return numeric_random(random);
	case COLUMN_PRICE:
		value.decimal = (struct decimal){.value = (__int128)random_below(random, 2000) - 1000, .scale = 2};
		break;
	case COLUMN_MEASURE:
		return float_random(random, TYPE_FLOAT8);
	case COLUMN_FLAG:
		value.boolean = random_chance(random, 50);
		break;
	case COLUMN_AT:
		value.i64 = (int64_t)random_below(random, 10) * 86400000000;
		if (random_chance(random, 5))
			value.i64 = INT64_MAX;
		break;
	case COLUMN_SMALL:
		value.i64 = (int64_t)random_below(random, 6) - 3;
		break;
	case COLUMN_DURATION:
		return interval_random(random);
	default:
		return float_random(random, TYPE_FLOAT4);
	}
	return value;
}

/* ---- builders ---- */

static struct plan *plan_make(struct arena *arena, enum plan_kind kind, const struct plan *const *children,
	size_t child_count, size_t field_count)
{
	struct plan *plan = arena_alloc_zeroed(arena, sizeof *plan);
	plan->kind = kind;
	plan->children = arena_copy(arena, children, child_count * sizeof(const struct plan *));
	plan->child_count = child_count;
	plan->schema.fields = arena_alloc_zeroed(arena, field_count * sizeof(struct field));
	plan->schema.field_count = field_count;
	return plan;
}

struct plan *plan_scan(struct arena *arena, enum test_table table, const uint32_t *columns, size_t count)
{
	struct plan *plan = plan_make(arena, PLAN_SCAN, NULL, 0, count);
	plan->append_only = table == TABLE_LOG;
	plan->scan.schema_name = "public";
	plan->scan.name = table_names[table];
	plan->scan.columns = arena_copy(arena, columns, count * sizeof *columns);
	for (size_t c = 0; c < count; c++)
		plan->schema.fields[c] = test_fields[columns[c]];
	return plan;
}

struct plan *plan_filter(struct arena *arena, const struct plan *child, const struct expression *predicate)
{
	struct plan *plan = plan_make(arena, PLAN_FILTER, &child, 1, child->schema.field_count);
	memcpy(plan->schema.fields, child->schema.fields, child->schema.field_count * sizeof(struct field));
	plan->append_only = child->append_only;
	plan->filter.predicate = predicate;
	return plan;
}

struct plan *plan_columns(
	struct arena *arena, const struct plan *child, const uint32_t *columns, size_t count)
{
	struct plan *plan = plan_make(arena, PLAN_PROJECT, &child, 1, count);
	plan->append_only = child->append_only;
	plan->project.expressions = arena_alloc(arena, count * sizeof *plan->project.expressions);
	for (size_t c = 0; c < count; c++) {
		plan->schema.fields[c] = child->schema.fields[columns[c]];
		plan->project.expressions[c] = expression_column(arena, columns[c], plan->schema.fields[c].type);
	}
	return plan;
}

struct plan *plan_aggregate(struct arena *arena, const struct plan *child, const uint32_t *groups,
	size_t group_count, const struct aggregate_call *calls, size_t call_count)
{
	struct plan *plan = plan_make(arena, PLAN_AGGREGATE, &child, 1, group_count + call_count);
	plan->aggregate.groups = arena_copy(arena, groups, group_count * sizeof *groups);
	plan->aggregate.group_count = group_count;
	plan->aggregate.calls = arena_copy(arena, calls, call_count * sizeof *calls);
	plan->aggregate.call_count = call_count;
	plan->aggregate.global = group_count == 0;
	plan->append_only = child->append_only && call_count == 0 && group_count != 0;
	for (size_t g = 0; g < group_count; g++) {
		plan->schema.fields[g] = child->schema.fields[groups[g]];
		/* Its display scale may rise. */
		if (plan->schema.fields[g].type.id == TYPE_NUMERIC && plan->schema.fields[g].type.modifier < 0)
			plan->append_only = false;
	}
	for (size_t c = 0; c < call_count; c++)
		plan->schema.fields[group_count + c] = (struct field){"aggregate", calls[c].type, false};
	return plan;
}

struct plan *plan_join(struct arena *arena, enum join_kind kind, const struct plan *left,
	const struct plan *right, const uint32_t *left_keys, const uint32_t *right_keys, size_t key_count)
{
	const struct plan *children[2] = {left, right};
	size_t left_count = left->schema.field_count;
	bool both = kind == JOIN_INNER || kind == JOIN_LEFT;
	size_t count = left_count + (both ? right->schema.field_count : 0);
	struct plan *plan = plan_make(arena, PLAN_JOIN, children, 2, count);
	plan->append_only = (kind == JOIN_INNER || kind == JOIN_SEMI) && left->append_only && right->append_only;
	plan->join.kind = kind;
	plan->join.left_keys = arena_copy(arena, left_keys, key_count * sizeof *left_keys);
	plan->join.right_keys = arena_copy(arena, right_keys, key_count * sizeof *right_keys);
	plan->join.key_count = key_count;
	memcpy(plan->schema.fields, left->schema.fields, left_count * sizeof(struct field));
	for (size_t c = left_count; c < count; c++) {
		plan->schema.fields[c] = right->schema.fields[c - left_count];
		if (kind == JOIN_LEFT)
			plan->schema.fields[c].not_null = false;
	}
	return plan;
}

struct plan *plan_union(struct arena *arena, const struct plan *left, const struct plan *right)
{
	const struct plan *children[2] = {left, right};
	struct plan *plan = plan_make(arena, PLAN_UNION_ALL, children, 2, left->schema.field_count);
	memcpy(plan->schema.fields, left->schema.fields, left->schema.field_count * sizeof(struct field));
	plan->append_only = left->append_only && right->append_only;
	return plan;
}

struct plan *plan_values(struct arena *arena, size_t row_count)
{
	struct plan *plan = plan_make(arena, PLAN_VALUES, NULL, 0, 2);
	plan->append_only = true;
	plan->schema.fields[0] = (struct field){"column1", type_of(TYPE_INT4), false};
	plan->schema.fields[1] = (struct field){"column2", type_of(TYPE_TEXT), false};
	plan->values.row_count = row_count;
	plan->values.rows = arena_alloc(arena, row_count * sizeof *plan->values.rows);
	for (size_t i = 0; i < row_count; i++) {
		plan->values.rows[i] = arena_alloc(arena, 2 * sizeof(const struct expression *));
		struct value number = {.type = type_of(TYPE_INT4), .i64 = (int64_t)i};
		struct value name = text_value("a", 1);
		name.null = i % 3 == 2;
		plan->values.rows[i][0] = expression_constant(arena, &number);
		plan->values.rows[i][1] = expression_constant(arena, &name);
	}
	return plan;
}

static struct type call_type(enum aggregate_kind kind, struct type argument)
{
	bool real = type_physical(argument.id) == PHYS_F64;
	switch (kind) {
	case AGGREGATE_COUNT_STAR:
	case AGGREGATE_COUNT:
		return type_of(TYPE_INT8);
	case AGGREGATE_SUM:
		if (argument.id == TYPE_INT2 || argument.id == TYPE_INT4)
			return type_of(TYPE_INT8);
		return type_of(argument.id == TYPE_INT8 ? TYPE_NUMERIC : argument.id);
	case AGGREGATE_AVG:
		return type_of(real ? TYPE_FLOAT8 : TYPE_NUMERIC);
	case AGGREGATE_BOOL_AND:
	case AGGREGATE_BOOL_OR:
		return type_of(TYPE_BOOL);
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		break;
	}
	return argument;
}

struct aggregate_call aggregate_call_of(const struct plan *child, enum aggregate_kind kind, int32_t argument)
{
	struct type type = type_of(TYPE_INT8);
	if (argument >= 0)
		type = child->schema.fields[argument].type;
	return (struct aggregate_call){
		.kind = kind, .argument = argument, .filter = -1, .type = call_type(kind, type)};
}

const struct expression *expression_compare(
	struct arena *arena, const char *name, const struct expression *left, const struct expression *right)
{
	const struct function *function;
	enum type_id types[2] = {left->type.id, right->type.id};
	const struct expression *arguments[2] = {left, right};
	INVARIANT(function_resolve(name, types, 2, &function) == STATUS_OK);
	return expression_call(arena, function, arguments, 2);
}

/* ---- random plans ---- */

size_t plan_join_count(const struct plan *plan)
{
	size_t count = plan->kind == PLAN_JOIN;
	for (size_t i = 0; i < plan->child_count; i++)
		count += plan_join_count(plan->children[i]);
	return count;
}

static struct plan *scan_random(struct random *random, struct arena *arena)
{
	uint32_t columns[COLUMN_COUNT], count = 0;
	for (uint32_t c = 0; c < COLUMN_COUNT; c++)
		columns[c] = c;
	for (uint32_t c = COLUMN_COUNT - 1; c > 0; c--) {
		uint32_t other = random_below(random, c + 1), column = columns[c];
		columns[c] = columns[other];
		columns[other] = column;
	}
	count = 2 + random_below(random, COLUMN_COUNT - 1);
	return plan_scan(arena, (enum test_table)random_below(random, TABLE_COUNT), columns, count);
}

static const struct expression *column_of(struct arena *arena, const struct plan *plan, uint32_t column)
{
	return expression_column(arena, column, plan->schema.fields[column].type);
}

static enum test_column column_like(enum type_id type)
{
	for (unsigned c = 0; c < COLUMN_COUNT; c++) {
		if (test_fields[c].type.id == type)
			return (enum test_column)c;
	}
	return COLUMN_ID;
}

static const struct expression *predicate_random(
	struct random *random, struct arena *arena, const struct plan *plan)
{
	static const char *const functions[] = {"<", "<=", ">", ">=", "=", "<>"};
	uint32_t column = random_below(random, (uint32_t)plan->schema.field_count);
	const struct expression *left = column_of(arena, plan, column);
	if (random_chance(random, 15)) {
		struct expression *test = expression_of(arena, EXPR_TEST, type_of(TYPE_BOOL), &left, 1);
		test->test = random_chance(random, 50) ? TEST_NULL : TEST_NOT_NULL;
		return test;
	}
	struct value value;
	do
		value = value_random(random, arena, column_like(left->type.id));
	while (value.null);
	value.type.modifier = -1;
	return expression_compare(
		arena, functions[random_below(random, 6)], left, expression_constant(arena, &value));
}

static struct plan *project_random(struct random *random, struct arena *arena, const struct plan *child)
{
	uint32_t columns[6], count = 1 + random_below(random, 6);
	for (uint32_t c = 0; c < count; c++)
		columns[c] = random_below(random, (uint32_t)child->schema.field_count);
	struct plan *plan = plan_columns(arena, child, columns, count);
	for (uint32_t c = 0; c < count; c++) {
		struct field *field = &plan->schema.fields[c];
		if (field->type.id != TYPE_INT4 || random_chance(random, 50))
			continue;
		struct value one = {.type = type_of(TYPE_INT4), .i64 = 1};
		plan->project.expressions[c] =
			expression_compare(arena, "+", plan->project.expressions[c], expression_constant(arena, &one));
		*field = (struct field){"sum", type_of(TYPE_INT4), false};
	}
	return plan;
}

static bool call_is_valid(const struct aggregate_call *call, const struct plan *child)
{
	if (call->argument < 0)
		return call->kind == AGGREGATE_COUNT_STAR;
	enum type_id type = child->schema.fields[call->argument].type.id;
	switch (call->kind) {
	case AGGREGATE_SUM:
		return type_is_numeric(type) || (type == TYPE_INTERVAL && !call->distinct);
	case AGGREGATE_AVG:
		return type_is_numeric(type);
	case AGGREGATE_BOOL_AND:
	case AGGREGATE_BOOL_OR:
		return type == TYPE_BOOL;
	case AGGREGATE_COUNT_STAR:
		return false;
	default:
		return true;
	}
}

static struct plan *aggregate_random(struct random *random, struct arena *arena, const struct plan *child)
{
	uint32_t width = (uint32_t)child->schema.field_count;
	uint32_t groups[3], group_count = random_below(random, 4);
	for (uint32_t g = 0; g < group_count; g++) {
		/* Equal intervals may look different, and which one a group shows is the key's choice. */
		do
			groups[g] = random_below(random, width);
		while (child->schema.fields[groups[g]].type.id == TYPE_INTERVAL && random_chance(random, 99));
		if (child->schema.fields[groups[g]].type.id == TYPE_INTERVAL)
			group_count = g;
	}
	struct aggregate_call calls[8];
	size_t call_count = random_below(random, 9);
	call_count = call_count == 0 && group_count == 0 ? 1 : call_count;
	for (size_t i = 0; i < call_count; i++) {
		do {
			enum aggregate_kind kind = (enum aggregate_kind)random_below(random, AGGREGATE_BOOL_OR + 1);
			int32_t argument = kind == AGGREGATE_COUNT_STAR ? -1 : (int32_t)random_below(random, width);
			calls[i] = aggregate_call_of(child, kind, argument);
			calls[i].distinct = argument >= 0 && random_chance(random, 35);
			uint32_t filter = random_below(random, width);
			if (child->schema.fields[filter].type.id == TYPE_BOOL && random_chance(random, 60))
				calls[i].filter = (int32_t)filter;
		} while (!call_is_valid(&calls[i], child));
	}
	return plan_aggregate(arena, child, groups, group_count, calls, call_count);
}

/* A comparison between the sides, where there are columns to compare. */
static const struct expression *residual_random(
	struct random *random, struct arena *arena, const struct plan *both, size_t left_count)
{
	size_t right_count = both->schema.field_count - left_count;
	for (unsigned attempt = 0; attempt < 60; attempt++) {
		uint32_t l = random_below(random, (uint32_t)left_count);
		uint32_t r = (uint32_t)left_count + random_below(random, (uint32_t)right_count);
		if (both->schema.fields[l].type.id == both->schema.fields[r].type.id)
			return expression_compare(arena, random_chance(random, 50) ? "<" : "<>",
				column_of(arena, both, l), column_of(arena, both, r));
	}
	return predicate_random(random, arena, both);
}

static struct plan *join_random(
	struct random *random, struct arena *arena, const struct plan *left, const struct plan *right)
{
	uint32_t left_keys[2], right_keys[2];
	size_t key_count = 0;
	for (unsigned attempt = 0; attempt < 60 && key_count < 2; attempt++) {
		uint32_t l = random_below(random, (uint32_t)left->schema.field_count);
		uint32_t r = random_below(random, (uint32_t)right->schema.field_count);
		if (left->schema.fields[l].type.id != right->schema.fields[r].type.id)
			continue;
		left_keys[key_count] = l;
		right_keys[key_count++] = r;
		if (random_chance(random, 60))
			break;
	}
	enum join_kind kind = (enum join_kind)random_below(random, JOIN_ANTI + 1);
	if (random_chance(random, 40))
		kind = JOIN_INNER;
	struct plan *plan = plan_join(arena, kind, left, right, left_keys, right_keys, key_count);
	if (random_chance(random, 35)) {
		/* The residual sees both sides' columns, whatever the join gives. */
		const struct plan *both = plan_join(arena, JOIN_INNER, left, right, left_keys, right_keys, key_count);
		plan->join.residual = predicate_random(random, arena, both);
		if (random_chance(random, 50))
			plan->join.residual = residual_random(random, arena, both, left->schema.field_count);
	}
	return plan;
}

struct plan *plan_random(struct random *random, struct arena *arena, unsigned depth)
{
	if (depth == 0)
		return random_chance(random, 6) ? plan_values(arena, random_below(random, 6))
										: scan_random(random, arena);
	struct plan *child = plan_random(random, arena, depth - 1);
	switch (random_below(random, 8)) {
	case 0:
	case 1:
		return plan_filter(arena, child, predicate_random(random, arena, child));
	case 2:
		return project_random(random, arena, child);
	case 3:
		return plan_union(arena, child, plan_filter(arena, child, predicate_random(random, arena, child)));
	case 4:
	case 5:
		if (plan_join_count(child) < 2)
			return join_random(random, arena, child, plan_random(random, arena, random_below(random, depth)));
		return aggregate_random(random, arena, child);
	default:
		return aggregate_random(random, arena, child);
	}
}
