/* Key lookups and key ranges out of WHERE.
 *
 * A relation ordered by key columns (k0, k1, …) is read as a byte range: equalities on k0…kn−1 make the
 * prefix, comparisons on kn the bounds. A comparison is taken when its other side has no columns and can be
 * had in the key column's own type: integer = bigint compares as bigint, but a constant that fits is still a
 * key. What the bounds say entirely leaves the filter. Nulls sort last and no comparison is true for them, so
 * an open upper end covers only columns that hold no nulls.
 */
#include "base/invariant.h"
#include "processors/plan_build.h"

/* column <op> value, as read off one conjunct. */
struct comparison {
	uint32_t column;
	char operation; /* '=' '<' '>' 'l' (<=) 'g' (>=) */
	const struct expression *value;
};

static bool value_is_fixed(const struct expression *value)
{
	if (value->kind == EXPR_COLUMN)
		return false;
	if (value->kind == EXPR_CALL &&
		(value->function->flags & (FUNCTION_VOLATILE | FUNCTION_STABLE)) == FUNCTION_VOLATILE)
		return false;
	for (size_t i = 0; i < value->argument_count; i++) {
		if (!value_is_fixed(value->arguments[i]))
			return false;
	}
	return true;
}

static const struct expression *relabel_strip(const struct expression *expression)
{
	while (expression->kind == EXPR_CALL && (expression->function->flags & FUNCTION_RELABEL) != 0)
		expression = expression->arguments[0];
	return expression;
}

static bool integer_fits(int64_t value, enum type_id id)
{
	switch (id) {
	case TYPE_INT2:
		return value >= INT16_MIN && value <= INT16_MAX;
	case TYPE_INT4:
		return value >= INT32_MIN && value <= INT32_MAX;
	default:
		return true;
	}
}

/* The value in the key column's own type; NULL when it may not be representable. */
static const struct expression *value_as(
	struct arena *arena, const struct expression *value, struct type type)
{
	if (value->type.id == type.id)
		return value;
	if (value->kind == EXPR_CONSTANT) {
		if (value->value.null || type_physical(value->type.id) != type_physical(type.id))
			return NULL;
		if (type_is_numeric(type.id) && type_physical(type.id) == PHYS_I64 &&
			!integer_fits(value->value.i64, type.id))
			return NULL;
		struct value converted = value->value;
		converted.type = type_of(type.id);
		struct expression *constant = expression_constant(arena, &converted);
		constant->position = value->position;
		return constant;
	}
	const struct function *cast;
	if (cast_find(value->type.id, type_of(type.id), CAST_EXPLICIT, &cast) != STATUS_OK || cast == NULL ||
		(cast->flags & FUNCTION_RELABEL) == 0)
		return NULL;
	return expression_call(arena, cast, &value, 1);
}

static bool operation_read(const struct expression *conjunct, bool flipped, char *out)
{
	static const struct {
		const char *name;
		char operation, flipped;
	} operations[] = {{"=", '=', '='}, {"<", '<', '>'}, {">", '>', '<'}, {"<=", 'l', 'g'}, {">=", 'g', 'l'}};
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
		if (expression_is_operator(conjunct, operations[i].name)) {
			*out = flipped ? operations[i].flipped : operations[i].operation;
			return true;
		}
	}
	return false;
}

/* Integers of all sizes compare as numbers; other pairs of types may have scales of their own. */
static bool types_compare_alike(enum type_id left, enum type_id right)
{
	return left == right || (type_is_numeric(left) && type_is_numeric(right) &&
								type_physical(left) == PHYS_I64 && type_physical(right) == PHYS_I64);
}

static bool comparison_read(
	struct arena *arena, const struct plan *scan, const struct expression *conjunct, struct comparison *out)
{
	if (conjunct->kind != EXPR_CALL || conjunct->argument_count != 2 ||
		!types_compare_alike(conjunct->arguments[0]->type.id, conjunct->arguments[1]->type.id))
		return false;
	for (size_t side = 0; side < 2; side++) {
		const struct expression *column = relabel_strip(conjunct->arguments[side]);
		const struct expression *value = conjunct->arguments[1 - side];
		if (column->kind != EXPR_COLUMN || !value_is_fixed(value))
			continue;
		out->column = column->column;
		out->value = value_as(arena, value, scan->schema.fields[column->column].type);
		return out->value != NULL && operation_read(conjunct, side == 1, &out->operation);
	}
	return false;
}

struct bounding {
	const struct plan *scan;
	struct comparison *comparisons; /* of each conjunct; column UINT32_MAX = none */
	bool *covered;
	size_t count;
	struct scan_bounds bounds;
};

static bool bounding_take_prefix(struct bounding *bounding, uint32_t column)
{
	for (size_t i = 0; i < bounding->count; i++) {
		if (bounding->comparisons[i].column == column && bounding->comparisons[i].operation == '=') {
			bounding->bounds.prefix[bounding->bounds.prefix_count++] = bounding->comparisons[i].value;
			bounding->covered[i] = true;
			return true;
		}
	}
	return false;
}

static void bounding_take_range(struct bounding *bounding, uint32_t column)
{
	struct scan_bounds *bounds = &bounding->bounds;
	size_t low_conjunct = 0;
	for (size_t i = 0; i < bounding->count; i++) {
		const struct comparison *comparison = &bounding->comparisons[i];
		if (comparison->column != column)
			continue;
		bool low = comparison->operation == '>' || comparison->operation == 'g';
		bool high = comparison->operation == '<' || comparison->operation == 'l';
		if (low && bounds->low == NULL) {
			bounds->low = comparison->value;
			bounds->low_inclusive = comparison->operation == 'g';
			low_conjunct = i;
		} else if (high && bounds->high == NULL) {
			bounds->high = comparison->value;
			bounds->high_inclusive = comparison->operation == 'l';
			bounding->covered[i] = true;
		}
	}
	if (bounds->low != NULL)
		bounding->covered[low_conjunct] =
			bounds->high != NULL || bounding->scan->schema.fields[column].not_null;
}

const struct plan *plan_bound_scan(
	struct arena *arena, const struct plan *scan, const struct expression **conjuncts, size_t *count)
{
	if (scan->key_count == 0 || scan->scan.unordered || *count == 0)
		return scan;
	struct bounding bounding = {.scan = scan, .count = *count};
	bounding.comparisons = arena_alloc_zeroed(arena, *count * sizeof *bounding.comparisons);
	bounding.covered = arena_alloc_zeroed(arena, *count * sizeof *bounding.covered);
	bounding.bounds.prefix = arena_alloc(arena, scan->key_count * sizeof *bounding.bounds.prefix);
	for (size_t i = 0; i < *count; i++) {
		if (!comparison_read(arena, scan, conjuncts[i], &bounding.comparisons[i]))
			bounding.comparisons[i].column = UINT32_MAX;
	}
	size_t k = 0;
	while (k < scan->key_count && bounding_take_prefix(&bounding, scan->key_columns[k]))
		k++;
	if (k < scan->key_count)
		bounding_take_range(&bounding, scan->key_columns[k]);
	bounding.bounds.names = arena_alloc_zeroed(arena, (scan->key_count + 1) * sizeof *bounding.bounds.names);
	for (size_t i = 0; i < scan->key_count; i++)
		bounding.bounds.names[i] = scan->schema.fields[scan->key_columns[i]].name;
	if (bounding.bounds.prefix_count == 0 && bounding.bounds.low == NULL && bounding.bounds.high == NULL)
		return scan;
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++) {
		if (!bounding.covered[i])
			conjuncts[kept++] = conjuncts[i];
	}
	*count = kept;
	return plan_make_bounded_scan(arena, scan, &bounding.bounds);
}
