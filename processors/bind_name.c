/* Columns by name, and what to say when there is none. */
#include "base/invariant.h"
#include "processors/bind.h"

enum { NAME_DISTANCE_MAX = 3, NAME_SIZE_COMPARED_MAX = 64 };

/* ---- ranges ---- */

/* delays, "delays@2" and public.delays all qualify columns of FROM delays@2. */
static bool range_answers(const struct bind_range *range, const char *schema_name, const char *alias,
	const char *bare, int64_t version)
{
	if (range->unreachable)
		return false;
	if (schema_name != NULL && (range->schema_name == NULL || strcmp(range->schema_name, schema_name) != 0))
		return false;
	if (strcmp(range->alias, alias) == 0)
		return true;
	return version != 0 && range->version == version && strcmp(range->alias, bare) == 0;
}

static const struct bind_range *find_range(const struct bind_scope *scope, struct arena *arena,
	const char *schema_name, const char *alias, bool *ambiguous)
{
	const char *bare = alias;
	int64_t version = 0;
	if (strchr(alias, '@') != NULL)
		sql_name_split(alias, arena, &bare, &version);
	const struct bind_range *found = NULL;
	*ambiguous = false;
	for (size_t i = 0; i < scope->range_count; i++) {
		if (!range_answers(&scope->ranges[i], schema_name, alias, bare, version))
			continue;
		*ambiguous = found != NULL;
		found = &scope->ranges[i];
		if (*ambiguous)
			break;
	}
	return found;
}

const struct bind_range *bind_find_range(
	const struct bind_scope *scope, const char *schema_name, const char *alias, bool *ambiguous)
{
	struct arena scratch;
	arena_init(&scratch);
	const struct bind_range *range = find_range(scope, &scratch, schema_name, alias, ambiguous);
	arena_deinit(&scratch);
	return range;
}

const char *bind_column_label(const struct bind_scope *scope, uint32_t column, struct arena *arena)
{
	for (size_t r = 0; r < scope->range_count; r++) {
		const struct bind_range *range = &scope->ranges[r];
		for (size_t c = 0; c < range->column_count && !range->unreachable; c++) {
			if (range->columns[c].index == column)
				return arena_printf(arena, "%s.%s", range->alias, range->columns[c].name);
		}
	}
	return column < scope->plan->schema.field_count ? scope->plan->schema.fields[column].name : "?";
}

/* ---- unknown names ---- */

/* Edit distance, given up at NAME_DISTANCE_MAX + 1. */
static unsigned name_distance(const char *left, const char *right)
{
	size_t left_size = strlen(left), right_size = strlen(right);
	if (left_size >= NAME_SIZE_COMPARED_MAX || right_size >= NAME_SIZE_COMPARED_MAX)
		return NAME_DISTANCE_MAX + 1;
	unsigned row[NAME_SIZE_COMPARED_MAX];
	for (unsigned j = 0; j <= right_size; j++)
		row[j] = j;
	for (unsigned i = 1; i <= left_size; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= right_size; j++) {
			unsigned above = row[j];
			unsigned least = diagonal + (left[i - 1] != right[j - 1]);
			least = above + 1 < least ? above + 1 : least;
			row[j] = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
			diagonal = above;
		}
	}
	return row[right_size];
}

struct near_names {
	const char *range[2], *column[2];
	unsigned distance;
	size_t count;
};

static void near_consider(struct near_names *near, const char *qualifier, const char *name,
	const struct bind_range *range, const struct bind_column *column)
{
	unsigned distance = name_distance(name, column->name);
	if (qualifier != NULL)
		distance += name_distance(qualifier, range->alias);
	/* Half of the name wrong is another name. */
	if (distance > NAME_DISTANCE_MAX ||
		distance * 2 > strlen(name) + (qualifier != NULL ? strlen(qualifier) : 0) ||
		distance > near->distance)
		return;
	if (distance < near->distance)
		near->count = 0;
	near->distance = distance;
	if (near->count < 2) {
		near->range[near->count] = range->alias;
		near->column[near->count] = column->name;
	}
	near->count++;
}

static void hint_near(const struct bind_scope *scope, const char *qualifier, const char *name)
{
	struct near_names near = {.distance = NAME_DISTANCE_MAX + 1};
	for (size_t r = 0; r < scope->range_count; r++) {
		const struct bind_range *range = &scope->ranges[r];
		for (size_t c = 0; c < range->column_count && !range->unreachable; c++)
			near_consider(&near, qualifier, name, range, &range->columns[c]);
	}
	if (near.count == 1)
		error_hint("Perhaps you meant to reference the column \"%s.%s\".", near.range[0], near.column[0]);
	else if (near.count == 2)
		error_hint("Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".",
			near.range[0], near.column[0], near.range[1], near.column[1]);
}

status bind_unknown_column(struct binder *binder, const struct bind_scope *scope, const char *qualifier,
	const char *name, int32_t location)
{
	int32_t position = bind_position(binder, location);
	if (qualifier != NULL)
		(void)bind_fail(
			STATUS_UNKNOWN_COLUMN, binder, position, "column %s.%s does not exist", qualifier, name);
	else
		(void)bind_fail(STATUS_UNKNOWN_COLUMN, binder, position, "column \"%s\" does not exist", name);
	if (scope != NULL)
		hint_near(scope, qualifier, name);
	return STATUS_UNKNOWN_COLUMN;
}

status bind_missing_range(
	struct binder *binder, const struct bind_scope *scope, const char *qualifier, int32_t location)
{
	int32_t position = bind_position(binder, location);
	for (size_t i = 0; scope != NULL && i < scope->range_count; i++) {
		const struct bind_range *range = &scope->ranges[i];
		if (range->relation_name == NULL || range->unreachable ||
			strcmp(range->relation_name, qualifier) != 0)
			continue;
		(void)bind_fail(STATUS_UNKNOWN_RELATION, binder, position,
			"invalid reference to FROM-clause entry for table \"%s\"", qualifier);
		error_hint("Perhaps you meant to reference the table alias \"%s\".", range->alias);
		return STATUS_UNKNOWN_RELATION;
	}
	return bind_fail(
		STATUS_UNKNOWN_RELATION, binder, position, "missing FROM-clause entry for table \"%s\"", qualifier);
}

/* ---- lookup in one scope ---- */

/* NOT_FOUND without raising when the scope has no such name. */
static status find_unqualified(
	struct binder *binder, const struct bind_scope *scope, const char *name, int32_t location, uint32_t *out)
{
	bool found = false;
	for (size_t i = 0; i < scope->name_count; i++) {
		if (strcmp(scope->names[i].name, name) != 0)
			continue;
		if (found)
			return bind_fail(STATUS_AMBIGUOUS, binder, bind_position(binder, location),
				"column reference \"%s\" is ambiguous", name);
		found = true;
		*out = scope->names[i].index;
	}
	return found ? STATUS_OK : STATUS_NOT_FOUND;
}

static status find_qualified(struct binder *binder, const struct bind_scope *scope, const char *schema_name,
	const char *qualifier, const char *name, int32_t location, uint32_t *out)
{
	bool ambiguous, found = false;
	const struct bind_range *range = find_range(scope, binder->arena, schema_name, qualifier, &ambiguous);
	if (ambiguous) {
		(void)bind_fail(STATUS_AMBIGUOUS, binder, bind_position(binder, location),
			"table reference \"%s\" is ambiguous", qualifier);
		error_sqlstate("42P09");
		error_hint("Give the relations aliases: FROM %s AS …", qualifier);
		return STATUS_AMBIGUOUS;
	}
	if (range == NULL)
		return STATUS_NOT_FOUND;
	for (size_t i = 0; i < range->column_count; i++) {
		if (strcmp(range->columns[i].name, name) != 0)
			continue;
		if (found)
			return bind_fail(STATUS_AMBIGUOUS, binder, bind_position(binder, location),
				"column reference \"%s\" is ambiguous", name);
		found = true;
		*out = range->columns[i].index;
	}
	return found ? STATUS_OK : bind_unknown_column(binder, scope, qualifier, name, location);
}

/* ---- column references ---- */

struct column_name {
	const char *schema_name, *qualifier, *name;
	int32_t location;
};

static status name_read(struct binder *binder, const PgQuery__ColumnRef *reference, struct column_name *out)
{
	const char *parts[3] = {NULL, NULL, NULL};
	size_t count = reference->n_fields;
	if (count == 0 || count > 3) {
		(void)bind_fail(STATUS_SYNTAX, binder, bind_position(binder, reference->location),
			"improper qualified name (too many dotted names)");
		error_hint("Write schema.table.column.");
		return STATUS_SYNTAX;
	}
	for (size_t i = 0; i < count; i++) {
		parts[3 - count + i] = sql_string_of(reference->fields[i]);
		if (parts[3 - count + i] == NULL)
			return bind_fail(STATUS_SYNTAX, binder, bind_position(binder, reference->location),
				"* is only allowed in the SELECT list and in count(*)");
	}
	*out = (struct column_name){parts[0], parts[1], parts[2], reference->location};
	return STATUS_OK;
}

static status find_in(
	struct binder *binder, const struct bind_scope *scope, const struct column_name *name, uint32_t *out)
{
	if (name->qualifier == NULL)
		return find_unqualified(binder, scope, name->name, name->location, out);
	return find_qualified(binder, scope, name->schema_name, name->qualifier, name->name, name->location, out);
}

static status column_missing(
	struct binder *binder, const struct bind_scope *scope, const struct column_name *name)
{
	bool ambiguous;
	if (name->qualifier != NULL)
		return bind_missing_range(binder, scope, name->qualifier, name->location);
	if (scope != NULL && bind_find_range(scope, NULL, name->name, &ambiguous) != NULL)
		return bind_unsupported(binder, name->location,
			"List its columns, or write name.* in the SELECT list.", "a whole row (\"%s\") as a value",
			name->name);
	return bind_unknown_column(binder, scope, NULL, name->name, name->location);
}

/* A name of the enclosing query: only where a semi or anti join can take it. */
static status bind_outer_column(struct binder *binder, const struct bind_scope *scope,
	const struct column_name *name, const struct expression **out)
{
	uint32_t column;
	bool allowed = scope->outer_allowed;
	for (const struct bind_scope *outer = scope->parent; outer != NULL; outer = outer->parent) {
		status code = find_in(binder, outer, name, &column);
		if (code == STATUS_NOT_FOUND) {
			allowed = false;
			continue;
		}
		if (code != STATUS_OK)
			return code;
		if (!allowed)
			return bind_unsupported(binder, name->location,
				"Only EXISTS and IN in WHERE may use the enclosing query's columns, in their own WHERE. "
				"Write a join.",
				"a correlated subquery of this form");
		*out =
			expression_column(binder->arena, COLUMN_OUTER + column, outer->plan->schema.fields[column].type);
		return STATUS_OK;
	}
	return STATUS_NOT_FOUND;
}

status bind_column(struct binder *binder, const struct bind_place *place, const PgQuery__ColumnRef *reference,
	const struct expression **out)
{
	struct column_name name = {0};
	uint32_t column;
	status code = name_read(binder, reference, &name);
	if (code != STATUS_OK)
		return code;
	if (place->scope == NULL)
		return column_missing(binder, NULL, &name);
	code = find_in(binder, place->scope, &name, &column);
	if (code == STATUS_NOT_FOUND)
		code = bind_outer_column(binder, place->scope, &name, out);
	else if (code == STATUS_OK)
		*out = expression_column(binder->arena, column, place->scope->plan->schema.fields[column].type);
	return code == STATUS_NOT_FOUND ? column_missing(binder, place->scope, &name) : code;
}
