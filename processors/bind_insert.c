/* INSERT: the source's columns cast to the target's, in its order, null where not given. */
#include "base/invariant.h"
#include "processors/bind.h"

struct insert {
	struct binder *binder;
	struct sql_relation target;
	uint32_t *columns;      /* [source column] target column */
	const sql_node **nodes; /* where each was named; NULL when implied */
	size_t count;
	bool explicit_columns;
};

static status target_find(struct insert *insert, const PgQuery__RangeVar *range)
{
	struct binder *binder = insert->binder;
	struct sql_name name;
	status code = sql_name_of(binder->tree, range, binder->arena, &name);
	if (code == STATUS_OK)
		code = bind_positioned(binder->catalog->find(binder->catalog, name.schema_name, name.name,
								   name.version, binder->arena, &insert->target),
			bind_position(binder, range->location));
	if (code != STATUS_OK)
		return code;
	if (insert->target.kind == SQL_TABLE)
		return STATUS_OK;
	bool view = insert->target.kind == SQL_VIEW;
	(void)bind_fail(STATUS_INVALID, binder, bind_position(binder, range->location),
		view ? "cannot change materialized view \"%s\"" : "cannot change system relation \"%s\"", name.name);
	error_sqlstate("42809");
	if (view)
		error_hint("Insert into the table it reads.");
	return STATUS_INVALID;
}

static status column_name_check(struct insert *insert, const PgQuery__ResTarget *target, uint32_t *column)
{
	struct binder *binder = insert->binder;
	int32_t position = bind_position(binder, target->location);
	int32_t found = schema_find(&insert->target.schema, target->name);
	if (target->n_indirection > 0)
		return bind_unsupported(binder, target->location, NULL, "an assignment to part of a column");
	if (found < 0)
		return bind_fail(STATUS_UNKNOWN_COLUMN, binder, position,
			"column \"%s\" of relation \"%s\" does not exist", target->name, insert->target.name);
	if ((size_t)found >= insert->target.visible_count)
		return bind_unsupported(binder, target->location, "The log fills it in.",
			"INSERT into the hidden column \"%s\"", target->name);
	for (size_t i = 0; i < insert->count; i++) {
		if (insert->columns[i] == (uint32_t)found) {
			(void)bind_fail(
				STATUS_SYNTAX, binder, position, "column \"%s\" specified more than once", target->name);
			error_sqlstate("42701");
			return STATUS_SYNTAX;
		}
	}
	*column = (uint32_t)found;
	return STATUS_OK;
}

static status columns_find(struct insert *insert, const PgQuery__InsertStmt *statement)
{
	struct arena *arena = insert->binder->arena;
	size_t visible = insert->target.visible_count;
	insert->explicit_columns = statement->n_cols > 0;
	insert->columns = arena_alloc(arena, (visible + 1) * sizeof *insert->columns);
	insert->nodes = arena_alloc_zeroed(arena, (visible + 1) * sizeof *insert->nodes);
	for (size_t i = 0; i < statement->n_cols; i++) {
		uint32_t column = 0;
		status code = column_name_check(insert, statement->cols[i]->res_target, &column);
		if (code != STATUS_OK)
			return code;
		insert->nodes[insert->count] = statement->cols[i];
		insert->columns[insert->count++] = column;
	}
	for (uint32_t i = 0; i < visible && !insert->explicit_columns; i++)
		insert->columns[insert->count++] = i;
	return STATUS_OK;
}

/* `given` expressions for the columns; fewer only when no columns were named. */
static status count_check(struct insert *insert, size_t given, int32_t location)
{
	struct binder *binder = insert->binder;
	if (given > insert->count)
		return bind_fail(STATUS_SYNTAX, binder, bind_position(binder, location),
			"INSERT has more expressions than target columns");
	if (given < insert->count && insert->explicit_columns)
		return bind_fail(STATUS_SYNTAX, binder, bind_position(binder, bind_location(insert->nodes[given])),
			"INSERT has more target columns than expressions");
	return STATUS_OK;
}

static status column_assign(
	struct insert *insert, size_t at, const struct expression *value, const struct expression **out)
{
	struct binder *binder = insert->binder;
	const struct field *field = &insert->target.schema.fields[insert->columns[at]];
	enum type_id given = value->type.id;
	status code = bind_coerce(binder, value, field->type, CAST_ASSIGNMENT, value->position, out);
	if (code == STATUS_TYPE_MISMATCH) {
		(void)bind_fail(STATUS_TYPE_MISMATCH, binder, value->position,
			"column \"%s\" is of type %s but expression is of type %s", field->name,
			type_format(field->type, binder->arena), type_name(given));
		error_hint("You will need to rewrite or cast the expression.");
	}
	if (code != STATUS_OK)
		return code;
	if (field->not_null && (*out)->kind == EXPR_CONSTANT && (*out)->value.null)
		return bind_fail(STATUS_NOT_NULL, binder, value->position,
			"null value in column \"%s\" of relation \"%s\" violates not-null constraint", field->name,
			insert->target.name);
	return STATUS_OK;
}

/* The target's columns in order from the assigned ones; typed nulls for the rest. */
static status row_complete(struct insert *insert, const struct expression *const *assigned, size_t given,
	const struct expression **row)
{
	struct binder *binder = insert->binder;
	for (size_t i = 0; i < insert->target.visible_count; i++)
		row[i] = NULL;
	for (size_t i = 0; i < given; i++)
		row[insert->columns[i]] = assigned[i];
	for (size_t i = 0; i < insert->target.visible_count; i++) {
		const struct field *field = &insert->target.schema.fields[i];
		if (row[i] != NULL)
			continue;
		if (field->not_null)
			return bind_fail(STATUS_NOT_NULL, binder, 0,
				"null value in column \"%s\" of relation \"%s\" violates not-null constraint", field->name,
				insert->target.name);
		row[i] = bind_null(binder, field->type);
	}
	return STATUS_OK;
}

static struct schema target_schema(const struct insert *insert)
{
	return (struct schema){insert->target.schema.fields, insert->target.visible_count};
}

static status values_row(struct insert *insert, const PgQuery__List *list, const struct expression **row)
{
	struct binder *binder = insert->binder;
	struct bind_scope scope = {0};
	struct bind_place place = {.scope = &scope, .clause = "VALUES"};
	struct schema none = {NULL, 0};
	scope.plan = plan_make_values(binder->arena, &none, NULL, 0);
	const struct expression **assigned = arena_alloc(binder->arena, list->n_items * sizeof *assigned);
	status code = count_check(insert, list->n_items,
		list->n_items > insert->count ? bind_location(list->items[insert->count]) : -1);
	for (size_t i = 0; i < list->n_items && code == STATUS_OK; i++) {
		const struct expression *value = bind_null(binder, type_of(TYPE_UNKNOWN));
		if (list->items[i]->node_case != PG_QUERY__NODE__NODE_SET_TO_DEFAULT)
			code = bind_expression(binder, &place, list->items[i], &value);
		if (code == STATUS_OK)
			code = column_assign(insert, i, value, &assigned[i]);
	}
	return code != STATUS_OK ? code : row_complete(insert, assigned, list->n_items, row);
}

static status insert_values(struct insert *insert, const PgQuery__SelectStmt *select, const struct plan **out)
{
	struct arena *arena = insert->binder->arena;
	size_t row_count = select != NULL ? select->n_values_lists : 1;
	size_t width = insert->target.visible_count;
	const struct expression ***rows = arena_alloc(arena, row_count * sizeof *rows);
	for (size_t r = 0; r < row_count; r++) {
		rows[r] = arena_alloc(arena, width * sizeof *rows[r]);
		status code = select != NULL ? values_row(insert, select->values_lists[r]->list, rows[r])
									 : row_complete(insert, NULL, 0, rows[r]);
		if (code != STATUS_OK)
			return code;
	}
	struct schema schema = target_schema(insert);
	*out = plan_make_values(arena, &schema, rows, row_count);
	return STATUS_OK;
}

static status insert_select(struct insert *insert, const PgQuery__SelectStmt *select, const struct plan **out)
{
	struct binder *binder = insert->binder;
	const struct plan *plan;
	status code = bind_select(binder, select, NULL, false, &plan);
	if (code == STATUS_OK)
		code = count_check(insert, plan->schema.field_count,
			select->n_target_list > 0 ? select->target_list[0]->res_target->location : -1);
	if (code != STATUS_OK)
		return code;
	size_t given = plan->schema.field_count, width = insert->target.visible_count;
	const struct expression **assigned = arena_alloc(binder->arena, given * sizeof *assigned);
	const struct expression **row = arena_alloc(binder->arena, width * sizeof *row);
	const char **names = arena_alloc(binder->arena, width * sizeof *names);
	for (uint32_t i = 0; i < given && code == STATUS_OK; i++) {
		/* Untyped literals of the select list take the target's type. */
		bool literal = plan->kind == PLAN_PROJECT && plan->schema.fields[i].type.id == TYPE_UNKNOWN &&
					   plan->project.expressions[i]->argument_count == 0 &&
					   plan->project.expressions[i]->kind != EXPR_COLUMN;
		const struct expression *value =
			literal ? plan->project.expressions[i]
					: expression_column(binder->arena, i, plan->schema.fields[i].type);
		if (!literal && i < select->n_target_list && select->n_target_list == given) {
			struct expression *placed = arena_copy(binder->arena, value, sizeof *value);
			placed->position = bind_position(binder, select->target_list[i]->res_target->location);
			value = placed;
		}
		code = column_assign(insert, i, value, &assigned[i]);
	}
	if (code == STATUS_OK)
		code = row_complete(insert, assigned, given, row);
	if (code != STATUS_OK)
		return code;
	for (size_t i = 0; i < width; i++)
		names[i] = insert->target.schema.fields[i].name;
	*out = plan_make_project(binder->arena, plan, row, names, width);
	return STATUS_OK;
}

static status insert_refuse(struct binder *binder, const PgQuery__InsertStmt *statement)
{
	if (statement->on_conflict_clause != NULL)
		return bind_unsupported(binder, statement->on_conflict_clause->location,
			"A table is a log: every record is appended.", "ON CONFLICT");
	if (statement->n_returning_list > 0)
		return bind_unsupported(binder, bind_location(statement->returning_list[0]),
			"Read the table, or a view of it.", "RETURNING");
	if (statement->override != PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET &&
		statement->override != PG_QUERY__OVERRIDING_KIND__OVERRIDING_KIND_UNDEFINED)
		return bind_unsupported(binder, -1, NULL, "OVERRIDING");
	if (statement->with_clause != NULL)
		return bind_unsupported(binder, statement->with_clause->location,
			"Put it into the query: INSERT INTO t WITH … SELECT ….", "WITH before INSERT");
	return STATUS_OK;
}

status bind_insert(struct binder *binder, const PgQuery__InsertStmt *statement, struct sql_insert *out)
{
	struct insert insert = {.binder = binder};
	const PgQuery__SelectStmt *select =
		statement->select_stmt != NULL ? statement->select_stmt->select_stmt : NULL;
	status code = insert_refuse(binder, statement);
	if (code == STATUS_OK)
		code = target_find(&insert, statement->relation);
	if (code == STATUS_OK)
		code = columns_find(&insert, statement);
	if (code != STATUS_OK)
		return code;
	bool values = select == NULL ||
				  (select->n_values_lists > 0 && select->n_sort_clause == 0 && select->limit_count == NULL &&
					  select->limit_offset == NULL && select->with_clause == NULL);
	out->source = NULL;
	code =
		values ? insert_values(&insert, select, &out->source) : insert_select(&insert, select, &out->source);
	if (code != STATUS_OK)
		return code;
	out->target = insert.target;
	out->given = arena_alloc_zeroed(binder->arena, insert.target.visible_count);
	for (size_t i = 0; i < insert.count && select != NULL; i++)
		out->given[insert.columns[i]] = 1;
	return STATUS_OK;
}
