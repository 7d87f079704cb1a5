/* What a statement says, read off its tree: kinds, names, columns, options. Binding of queries is bind.c's.
 * Everything is copied into the caller's arena.
 */
#include "processors/sql_internal.h"

#include <stdio.h>

#include "base/invariant.h"

/* ---- options: WITH (name = value, …) ---- */

static const char *option_value(const sql_node *node, struct arena *arena)
{
	if (node == NULL)
		return "true";
	const char *schema_name;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_STRING:
		return arena_copy_string(arena, node->string->sval);
	case PG_QUERY__NODE__NODE_INTEGER:
		return arena_printf(arena, "%d", node->integer->ival);
	case PG_QUERY__NODE__NODE_FLOAT:
		return arena_copy_string(arena, node->float_->fval);
	case PG_QUERY__NODE__NODE_BOOLEAN:
		return node->boolean->boolval ? "true" : "false";
	case PG_QUERY__NODE__NODE_TYPE_NAME:
		return arena_copy_string(
			arena, sql_qualified_of(node->type_name->names, node->type_name->n_names, &schema_name));
	default:
		return NULL;
	}
}

static status options_build(const struct sql_tree *tree, sql_node *const *nodes, size_t count,
	struct arena *arena, struct sql_option **out, size_t *out_count)
{
	struct sql_option *options = arena_alloc_zeroed(arena, count * sizeof *options);
	for (size_t i = 0; i < count; i++) {
		const PgQuery__DefElem *element = nodes[i]->def_elem;
		if (element->defnamespace != NULL && element->defnamespace[0] != '\0')
			return sql_unsupported(tree, element->location, "Write the option's name alone.",
				"the option \"%s.%s\"", element->defnamespace, element->defname);
		options[i].name = arena_copy_string(arena, element->defname);
		options[i].value = option_value(element->arg, arena);
		options[i].position = sql_tree_position(tree, element->location);
		if (options[i].value == NULL)
			return sql_fail(STATUS_SYNTAX, tree, element->location,
				"the value of option \"%s\" must be a string, a "
				"number or a word",
				element->defname);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(options[k].name, options[i].name) == 0)
				return sql_fail(STATUS_SYNTAX, tree, element->location,
					"option \"%s\" is given more than once", element->defname);
		}
	}
	*out = options;
	*out_count = count;
	return STATUS_OK;
}

/* ---- CREATE TABLE ---- */

struct table_build {
	const struct sql_tree *tree;
	struct sql_statement *statement;
	struct arena *arena;
};

static bool name_is_hidden(const char *name)
{
	return strcmp(name, "_partition") == 0 || strcmp(name, "_offset") == 0 ||
		   strcmp(name, "_timestamp") == 0 || strcmp(name, "_key") == 0;
}

static status constraint_refuse(const struct sql_tree *tree, const PgQuery__Constraint *constraint)
{
	static const char *const hint =
		"Columns may be NOT NULL, a table may have a PRIMARY KEY; a view can check or "
		"fill in the rest.";
	switch (constraint->contype) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
		return sql_unsupported(tree, constraint->location, hint, "DEFAULT");
	case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
		return sql_unsupported(tree, constraint->location, hint, "CHECK");
	case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
		return sql_unsupported(tree, constraint->location, hint, "UNIQUE");
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
		return sql_unsupported(tree, constraint->location, hint, "REFERENCES");
	default:
		return sql_unsupported(tree, constraint->location, hint, "this constraint");
	}
}

static status primary_key_add(struct table_build *build, const char *column, int32_t location)
{
	struct sql_statement *statement = build->statement;
	for (size_t i = 0; i < statement->create_table.primary_key_count; i++) {
		if (strcmp(statement->create_table.primary_key[i], column) == 0)
			return sql_fail(STATUS_INVALID, build->tree, location,
				"column \"%s\" appears twice in primary key constraint", column);
	}
	statement->create_table.primary_key[statement->create_table.primary_key_count++] =
		arena_copy_string(build->arena, column);
	return STATUS_OK;
}

static status primary_key_twice(struct table_build *build, const PgQuery__Constraint *constraint)
{
	(void)sql_fail(STATUS_INVALID, build->tree, constraint->location,
		"multiple primary keys for table \"%s\" are not allowed", build->statement->create_table.name.name);
	error_sqlstate("42P16");
	return STATUS_INVALID;
}

static status column_add(struct table_build *build, const PgQuery__ColumnDef *definition)
{
	struct sql_statement *statement = build->statement;
	const struct sql_tree *tree = build->tree;
	struct field *field = &statement->create_table.columns[statement->create_table.column_count];
	for (size_t i = 0; i < statement->create_table.column_count; i++) {
		if (strcmp(statement->create_table.columns[i].name, definition->colname) == 0) {
			(void)sql_fail(STATUS_EXISTS, tree, definition->location,
				"column \"%s\" specified more than once", definition->colname);
			error_sqlstate("42701");
			return STATUS_EXISTS;
		}
	}
	if (name_is_hidden(definition->colname)) {
		(void)sql_fail(STATUS_EXISTS, tree, definition->location,
			"column name \"%s\" conflicts with a system column name", definition->colname);
		error_sqlstate("42701");
		return STATUS_EXISTS;
	}
	field->name = arena_copy_string(build->arena, definition->colname);
	status code = sql_type_of(tree, definition->type_name, &field->type, NULL);
	if (code != STATUS_OK)
		return code;
	if (definition->coll_clause != NULL)
		return sql_unsupported(
			tree, definition->coll_clause->location, "Text compares by bytes (collation \"C\").", "COLLATE");
	statement->create_table.column_count++;
	for (size_t i = 0; i < definition->n_constraints; i++) {
		const PgQuery__Constraint *constraint = definition->constraints[i]->constraint;
		if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NULL)
			continue;
		if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL) {
			field->not_null = true;
			continue;
		}
		if (constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
			return constraint_refuse(tree, constraint);
		if (statement->create_table.primary_key_count != 0)
			return primary_key_twice(build, constraint);
		code = primary_key_add(build, definition->colname, constraint->location);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static status table_constraint_add(struct table_build *build, const PgQuery__Constraint *constraint)
{
	if (constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
		return constraint_refuse(build->tree, constraint);
	if (build->statement->create_table.primary_key_count != 0)
		return primary_key_twice(build, constraint);
	for (size_t i = 0; i < constraint->n_keys; i++) {
		status code = primary_key_add(build, sql_string_of(constraint->keys[i]), constraint->location);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static status primary_key_check(struct table_build *build)
{
	struct sql_statement *statement = build->statement;
	for (size_t k = 0; k < statement->create_table.primary_key_count; k++) {
		const char *name = statement->create_table.primary_key[k];
		bool found = false;
		for (size_t i = 0; i < statement->create_table.column_count; i++) {
			if (strcmp(statement->create_table.columns[i].name, name) == 0)
				found = statement->create_table.columns[i].not_null = true;
		}
		if (!found)
			return sql_fail(
				STATUS_UNKNOWN_COLUMN, build->tree, 0, "column \"%s\" named in key does not exist", name);
	}
	return STATUS_OK;
}

static status create_table_refuse(const struct sql_tree *tree, const PgQuery__CreateStmt *create)
{
	int32_t at = create->relation->location;
	if (create->relation->relpersistence != NULL && strcmp(create->relation->relpersistence, "p") != 0)
		return sql_unsupported(
			tree, at, "A table is a typed reading of a topic; use CREATE TABLE.", "TEMPORARY or UNLOGGED");
	if (create->n_inh_relations > 0 || create->partbound != NULL || create->partspec != NULL)
		return sql_unsupported(tree, at, "A topic has partitions of its own: WITH (partitions = n).",
			"inheritance or partitioning of tables");
	if (create->of_typename != NULL)
		return sql_unsupported(tree, at, NULL, "CREATE TABLE OF");
	if (create->oncommit != PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP ||
		(create->tablespacename != NULL && create->tablespacename[0] != '\0') ||
		(create->access_method != NULL && create->access_method[0] != '\0'))
		return sql_unsupported(tree, at, NULL, "ON COMMIT, TABLESPACE or USING in CREATE TABLE");
	return STATUS_OK;
}

static status create_table_build(const struct sql_tree *tree, const PgQuery__CreateStmt *create,
	struct sql_statement *statement, struct arena *arena)
{
	statement->kind = SQL_CREATE_TABLE;
	statement->tag = "CREATE TABLE";
	status code = create_table_refuse(tree, create);
	if (code == STATUS_OK)
		code = sql_name_of(tree, create->relation, arena, &statement->create_table.name);
	if (code != STATUS_OK)
		return code;
	if (statement->create_table.name.version != 0)
		return sql_fail(STATUS_INVALID, tree, create->relation->location, "a table has no versions");
	if (create->n_table_elts > SCHEMA_FIELDS_MAX)
		return sql_fail(STATUS_TOO_LARGE, tree, create->relation->location,
			"tables can have at most %d columns", SCHEMA_FIELDS_MAX);
	struct table_build build = {tree, statement, arena};
	size_t keys_max = create->n_table_elts;
	for (size_t i = 0; i < create->n_table_elts; i++) {
		if (create->table_elts[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			keys_max += create->table_elts[i]->constraint->n_keys;
	}
	statement->create_table.if_not_exists = create->if_not_exists;
	statement->create_table.columns = arena_alloc_zeroed(arena, create->n_table_elts * sizeof(struct field));
	statement->create_table.primary_key = arena_alloc(arena, keys_max * sizeof(const char *));
	for (size_t i = 0; i < create->n_table_elts && code == STATUS_OK; i++) {
		const sql_node *element = create->table_elts[i];
		if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			code = column_add(&build, element->column_def);
		else if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			code = table_constraint_add(&build, element->constraint);
		else
			code = sql_unsupported(
				tree, create->relation->location, "Write the columns out.", "LIKE in CREATE TABLE");
	}
	if (code == STATUS_OK)
		code = primary_key_check(&build);
	if (code != STATUS_OK)
		return code;
	return options_build(tree, create->options, create->n_options, arena, &statement->create_table.options,
		&statement->create_table.option_count);
}

/* ---- CREATE MATERIALIZED VIEW ---- */

/* The defining query stands behind the first AS outside of parentheses, up to WITH [NO] DATA. */
static void view_query_find(const struct sql_tree *tree, struct sql_statement *statement, struct arena *arena)
{
	size_t first = 0, last = tree->token_count;
	int32_t depth = 0;
	for (size_t i = 0; i < tree->token_count && first == 0; i++) {
		depth += tree->tokens[i].kind == PG_QUERY__TOKEN__ASCII_40;
		depth -= tree->tokens[i].kind == PG_QUERY__TOKEN__ASCII_41;
		if (depth == 0 && tree->tokens[i].kind == PG_QUERY__TOKEN__AS)
			first = i + 1;
	}
	INVARIANT(first != 0 && first < last); /* the grammar demands both */
	if (tree->tokens[last - 1].kind == PG_QUERY__TOKEN__DATA_P && last >= first + 2 &&
		tree->tokens[last - 2].kind == PG_QUERY__TOKEN__WITH)
		last -= 2;
	size_t start = (size_t)tree->tokens[first].start - tree->base;
	size_t size = (size_t)tree->tokens[last - 1].end - tree->base - start;
	char *query = arena_alloc(arena, size + 1);
	memcpy(query, statement->text + start, size);
	query[size] = '\0';
	statement->create_view.query = query;
	statement->create_view.query_position = (int32_t)start;
}

static status create_view_build(const struct sql_tree *tree, const PgQuery__CreateTableAsStmt *create,
	struct sql_statement *statement, struct arena *arena)
{
	const PgQuery__IntoClause *into = create->into;
	int32_t at = into->rel->location;
	if (create->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW)
		return sql_unsupported(tree, at, "Use CREATE MATERIALIZED VIEW, or CREATE TABLE and INSERT … SELECT.",
			"CREATE TABLE AS");
	statement->kind = SQL_CREATE_VIEW;
	statement->tag = "CREATE MATERIALIZED VIEW";
	status code = sql_name_of(tree, into->rel, arena, &statement->create_view.name);
	if (code != STATUS_OK)
		return code;
	if (statement->create_view.name.version != 0) {
		(void)sql_fail(STATUS_INVALID, tree, at, "a view is created without a version number");
		error_hint("CREATE OR REPLACE MATERIALIZED VIEW %s deploys the next version.",
			statement->create_view.name.name);
		return STATUS_INVALID;
	}
	if (into->n_col_names > 0)
		return sql_unsupported(tree, at, "Name the columns in the query: SELECT … AS name.",
			"a list of column names in CREATE MATERIALIZED VIEW");
	if (into->skip_data)
		return sql_unsupported(tree, at, "A view is always filled by replay.", "WITH NO DATA");
	if ((into->access_method != NULL && into->access_method[0] != '\0') ||
		(into->table_space_name != NULL && into->table_space_name[0] != '\0'))
		return sql_unsupported(tree, at, NULL, "USING or TABLESPACE in CREATE MATERIALIZED VIEW");
	if (create->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return sql_unsupported(tree, at, "Define the view by a SELECT.", "a view of anything but a query");
	statement->create_view.if_not_exists = create->if_not_exists;
	statement->create_view.or_replace = tree->or_replace;
	view_query_find(tree, statement, arena);
	return options_build(tree, into->options, into->n_options, arena, &statement->create_view.options,
		&statement->create_view.option_count);
}

/* ---- DROP ---- */

/* DropStmt has no locations: the nth name starts the nth group of tokens between commas. */
static int32_t drop_location(const struct sql_tree *tree, size_t index)
{
	size_t token = 1;
	while (token < tree->token_count && (tree->tokens[token].kind == PG_QUERY__TOKEN__MATERIALIZED ||
											tree->tokens[token].kind == PG_QUERY__TOKEN__VIEW ||
											tree->tokens[token].kind == PG_QUERY__TOKEN__TABLE))
		token++;
	if (token + 1 < tree->token_count && tree->tokens[token].kind == PG_QUERY__TOKEN__IF_P &&
		tree->tokens[token + 1].kind == PG_QUERY__TOKEN__EXISTS)
		token += 2;
	for (size_t commas = 0; commas < index && token < tree->token_count; token++)
		commas += tree->tokens[token].kind == PG_QUERY__TOKEN__ASCII_44;
	return token < tree->token_count ? tree->tokens[token].start - (int32_t)tree->base : 0;
}

static status drop_build(const struct sql_tree *tree, const PgQuery__DropStmt *drop,
	struct sql_statement *statement, struct arena *arena)
{
	if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
		statement->kind = SQL_DROP_TABLE;
		statement->tag = "DROP TABLE";
	} else if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW) {
		statement->kind = SQL_DROP_VIEW;
		statement->tag = "DROP MATERIALIZED VIEW";
	} else {
		return sql_unsupported(tree, 0,
			"There are tables and materialized views: DROP TABLE, DROP MATERIALIZED VIEW.", "this DROP");
	}
	statement->drop.if_exists = drop->missing_ok;
	statement->drop.cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
	statement->drop.names = arena_alloc_zeroed(arena, drop->n_objects * sizeof *statement->drop.names);
	size_t versions = 0;
	for (size_t i = 0; i < drop->n_objects; i++) {
		struct sql_name *name = &statement->drop.names[i];
		const PgQuery__List *list = drop->objects[i]->list;
		int32_t location = drop_location(tree, i);
		const char *schema_name;
		const char *written = sql_qualified_of(list->items, list->n_items, &schema_name);
		sql_name_split(written, arena, &name->name, &name->version);
		name->schema_name = schema_name != NULL ? arena_copy_string(arena, schema_name) : NULL;
		name->position = sql_tree_position(tree, location);
		int64_t noted = sql_version_at(tree, location);
		versions += noted != 0;
		if (noted != 0)
			name->version = noted;
		if (name->version != 0 && statement->kind == SQL_DROP_TABLE)
			return sql_fail(STATUS_INVALID, tree, location, "a table has no versions");
	}
	if (versions != tree->version_count)
		return sql_fail(STATUS_SYNTAX, tree, tree->versions[0].at_location, "syntax error at or near \"@\"");
	statement->drop.name_count = drop->n_objects;
	return STATUS_OK;
}

/* ---- SET, SHOW, RESET ---- */

static void setting_append(const sql_node *node, struct buffer *out)
{
	if (node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) /* SET TIME ZONE INTERVAL '…' */
		node = node->type_cast->arg;
	if (node->node_case != PG_QUERY__NODE__NODE_A_CONST)
		return;
	const PgQuery__AConst *constant = node->a_const;
	switch (constant->val_case) {
	case PG_QUERY__A__CONST__VAL_IVAL:
		buffer_printf(out, "%d", constant->ival->ival);
		break;
	case PG_QUERY__A__CONST__VAL_FVAL:
		buffer_append_string(out, constant->fval->fval);
		break;
	case PG_QUERY__A__CONST__VAL_SVAL:
		buffer_append_string(out, constant->sval->sval);
		break;
	case PG_QUERY__A__CONST__VAL_BOOLVAL:
		buffer_append_string(out, constant->boolval->boolval ? "true" : "false");
		break;
	default:
		break;
	}
}

static void setting_build(
	const PgQuery__VariableSetStmt *set, struct sql_statement *statement, struct arena *arena)
{
	bool reset = set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ||
				 set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
	statement->kind = reset ? SQL_RESET : SQL_SET;
	statement->tag = reset ? "RESET" : "SET";
	statement->setting.name = "all";
	if (set->kind != PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL && set->name != NULL)
		statement->setting.name = arena_copy_string(arena, set->name);
	if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI) {
		/* SET TRANSACTION …, SET SESSION CHARACTERISTICS AS …: the characteristics are accepted. */
		statement->setting.value = "";
		return;
	}
	if (set->kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE)
		return;
	struct buffer value;
	buffer_init(&value);
	for (size_t i = 0; i < set->n_args; i++) {
		if (i > 0)
			buffer_append_string(&value, ", ");
		setting_append(set->args[i], &value);
	}
	buffer_append_byte(&value, 0);
	statement->setting.value = arena_copy(arena, value.data, value.size);
	buffer_deinit(&value);
}

/* ---- transactions ---- */

static status transaction_build(
	const struct sql_tree *tree, const PgQuery__TransactionStmt *transaction, struct sql_statement *statement)
{
	static const struct {
		PgQuery__TransactionStmtKind from;
		enum sql_statement_kind kind;
		const char *tag;
	} kinds[] = {
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN, SQL_BEGIN, "BEGIN"},
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START, SQL_BEGIN, "START TRANSACTION"},
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT, SQL_COMMIT, "COMMIT"},
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK, SQL_ROLLBACK, "ROLLBACK"},
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT, SQL_SAVEPOINT, "SAVEPOINT"},
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE, SQL_SAVEPOINT, "RELEASE"},
		{PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO, SQL_SAVEPOINT, "ROLLBACK"},
	};
	if (transaction->chain)
		return sql_unsupported(tree, 0, "End the transaction and begin another.", "AND CHAIN");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].from == transaction->kind) {
			statement->kind = kinds[i].kind;
			statement->tag = kinds[i].tag;
			return STATUS_OK;
		}
	}
	return sql_unsupported(tree, 0, "Use plain COMMIT and ROLLBACK.", "two-phase commit");
}

/* ---- EXPLAIN ---- */

/* The statement inside of EXPLAIN or DECLARE, which must be a query. */
static status inner_build(const struct sql_tree *tree, sql_node *query, struct sql_statement *statement,
	struct arena *arena, const char *what)
{
	if (query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return sql_unsupported(tree, 0, "It takes a SELECT.", "%s of this statement", what);
	struct sql_tree *inner = arena_copy(arena, tree, sizeof *tree);
	inner->node = query;
	statement->explained = arena_alloc_zeroed(arena, sizeof *statement->explained);
	*statement->explained = (struct sql_statement){.kind = SQL_SELECT,
		.text = statement->text,
		.text_position = statement->text_position,
		.tag = "SELECT",
		.tree = inner};
	return STATUS_OK;
}

static status explain_build(const struct sql_tree *tree, const PgQuery__ExplainStmt *explain,
	struct sql_statement *statement, struct arena *arena)
{
	statement->kind = SQL_EXPLAIN;
	statement->tag = "EXPLAIN";
	for (size_t i = 0; i < explain->n_options; i++) {
		const PgQuery__DefElem *option = explain->options[i]->def_elem;
		const char *value = option_value(option->arg, arena);
		bool on = value != NULL && strcmp(value, "false") != 0 && strcmp(value, "off") != 0 &&
				  strcmp(value, "0") != 0;
		if (strcmp(option->defname, "analyze") == 0 && on)
			return sql_unsupported(tree, option->location,
				"Use EXPLAIN alone; it shows the plan without running it.", "EXPLAIN ANALYZE");
		if (strcmp(option->defname, "format") == 0 && (value == NULL || strcmp(value, "text") != 0))
			return sql_unsupported(tree, option->location, "Plans are shown as text.", "this EXPLAIN format");
	}
	return inner_build(tree, explain->query, statement, arena, "EXPLAIN");
}

/* ---- cursors ---- */

static status declare_build(const struct sql_tree *tree, const PgQuery__DeclareCursorStmt *declare,
	struct sql_statement *statement, struct arena *arena)
{
	/* PostgreSQL's CURSOR_OPT_… bits (nodes/parsenodes.h). */
	enum { OPTION_BINARY = 0x01, OPTION_SCROLL = 0x02, OPTION_HOLD = 0x20 };
	statement->kind = SQL_DECLARE;
	statement->tag = "DECLARE CURSOR";
	if ((declare->options & OPTION_BINARY) != 0)
		return sql_unsupported(
			tree, 0, "Ask for binary results by the extended protocol.", "a BINARY cursor");
	if ((declare->options & OPTION_SCROLL) != 0)
		return sql_unsupported(tree, 0, "Cursors go forward: declare it without SCROLL.", "a SCROLL cursor");
	statement->cursor.name = arena_copy_string(arena, declare->portalname);
	statement->cursor.hold = (declare->options & OPTION_HOLD) != 0;
	return inner_build(tree, declare->query, statement, arena, "DECLARE CURSOR");
}

static status fetch_build(const struct sql_tree *tree, const PgQuery__FetchStmt *fetch,
	struct sql_statement *statement, struct arena *arena)
{
	statement->kind = SQL_FETCH;
	statement->tag = fetch->ismove ? "MOVE" : "FETCH";
	if (fetch->direction != PG_QUERY__FETCH_DIRECTION__FETCH_FORWARD || fetch->how_many < 0)
		return sql_unsupported(tree, 0, "Cursors go forward: FETCH n, FETCH FORWARD n, FETCH ALL.",
			"this direction of %s", statement->tag);
	statement->cursor.name = arena_copy_string(arena, fetch->portalname);
	statement->cursor.move = fetch->ismove;
	statement->cursor.count = fetch->how_many;
	return STATUS_OK;
}

/* ---- everything else ---- */

static status unsupported_build(const struct sql_tree *tree)
{
	static const struct {
		PgQuery__Node__NodeCase kind;
		const char *what, *hint;
	} known[] = {
		{PG_QUERY__NODE__NODE_UPDATE_STMT, "UPDATE", "Tables are logs of records: INSERT a new record."},
		{PG_QUERY__NODE__NODE_DELETE_STMT, "DELETE",
			"Tables are logs of records: nothing is deleted from them."},
		{PG_QUERY__NODE__NODE_MERGE_STMT, "MERGE", "Tables are logs of records: INSERT a new record."},
		{PG_QUERY__NODE__NODE_TRUNCATE_STMT, "TRUNCATE", "Drop the table, or delete the topic."},
		{PG_QUERY__NODE__NODE_VIEW_STMT, "CREATE VIEW",
			"Use CREATE MATERIALIZED VIEW: views are kept up to date."},
		{PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, "REFRESH MATERIALIZED VIEW",
			"Views are always up to date; CREATE OR REPLACE MATERIALIZED VIEW deploys changed logic."},
		{PG_QUERY__NODE__NODE_INDEX_STMT, "CREATE INDEX",
			"A view is stored by its key (the GROUP BY columns); group by what is looked up."},
		{PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, "ALTER",
			"Create a new table over the same topic, or a new version of the view."},
		{PG_QUERY__NODE__NODE_RENAME_STMT, "ALTER … RENAME", "Create it under the new name."},
		{PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, "CREATE SCHEMA", "Everything lives in schema public."},
		{PG_QUERY__NODE__NODE_CREATEDB_STMT, "CREATE DATABASE",
			"A server is one database; start another with its own --data-dir."},
		{PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, "CREATE FUNCTION",
			"Write the expression out in the view."},
		{PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, "CREATE TRIGGER", "A view reacts to every record."},
		{PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, "CREATE SEQUENCE", "Records have _partition and _offset."},
		{PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT, "CREATE EXTENSION", NULL},
		{PG_QUERY__NODE__NODE_COPY_STMT, "COPY", "Use INSERT, HTTP ingest, or kappa produce."},
		{PG_QUERY__NODE__NODE_PREPARE_STMT, "PREPARE", "Prepare through the extended protocol."},
		{PG_QUERY__NODE__NODE_EXECUTE_STMT, "EXECUTE", "Execute through the extended protocol."},
		{PG_QUERY__NODE__NODE_LISTEN_STMT, "LISTEN", "Subscribe to a view's changes over HTTP."},
		{PG_QUERY__NODE__NODE_NOTIFY_STMT, "NOTIFY", "Subscribe to a view's changes over HTTP."},
		{PG_QUERY__NODE__NODE_LOCK_STMT, "LOCK", "Readers see snapshots; nothing needs a lock."},
		{PG_QUERY__NODE__NODE_VACUUM_STMT, "VACUUM or ANALYZE", "There is nothing to vacuum."},
		{PG_QUERY__NODE__NODE_GRANT_STMT, "GRANT or REVOKE",
			"Roles are granted: GRANT \"read:orders\" TO ann, GRANT admin TO bob."},
		{PG_QUERY__NODE__NODE_COMMENT_STMT, "COMMENT", NULL},
		{PG_QUERY__NODE__NODE_DO_STMT, "DO", NULL},
		{PG_QUERY__NODE__NODE_CALL_STMT, "CALL", "Verbs are functions: SELECT kappa.promote('view', 2)."},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].kind == tree->node->node_case)
			return sql_unsupported(tree, 0, known[i].hint, "%s", known[i].what);
	}
	return sql_unsupported(tree, 0,
		"Statements are SELECT, VALUES, INSERT, CREATE TABLE, CREATE MATERIALIZED VIEW, DROP, EXPLAIN, SET, "
		"SHOW, and "
		"those of transactions.",
		"this statement");
}

static status named_build(struct sql_statement *statement, enum sql_statement_kind kind, const char *tag,
	const char *name, struct arena *arena)
{
	statement->kind = kind;
	statement->tag = tag;
	statement->setting.name = name != NULL && name[0] != '\0' ? arena_copy_string(arena, name) : NULL;
	return STATUS_OK;
}

status sql_statement_build(struct sql_statement *statement, struct arena *arena)
{
	const struct sql_tree *tree = statement->tree;
	const sql_node *node = tree->node;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		return named_build(statement, SQL_SELECT, "SELECT", NULL, arena);
	case PG_QUERY__NODE__NODE_INSERT_STMT:
		return named_build(statement, SQL_INSERT, "INSERT", NULL, arena);
	case PG_QUERY__NODE__NODE_CREATE_STMT:
		return create_table_build(tree, node->create_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
		return create_view_build(tree, node->create_table_as_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_DROP_STMT:
		return drop_build(tree, node->drop_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
		return explain_build(tree, node->explain_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
		return declare_build(tree, node->declare_cursor_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_FETCH_STMT:
		return fetch_build(tree, node->fetch_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
		setting_build(node->variable_set_stmt, statement, arena);
		return STATUS_OK;
	case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
		return named_build(statement, SQL_SHOW, "SHOW", node->variable_show_stmt->name, arena);
	case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
		return transaction_build(tree, node->transaction_stmt, statement);
	case PG_QUERY__NODE__NODE_DISCARD_STMT:
		return named_build(statement, SQL_DISCARD,
			node->discard_stmt->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL ? "DISCARD ALL" : "DISCARD",
			NULL, arena);
	case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
		return named_build(statement, SQL_DEALLOCATE, "DEALLOCATE", node->deallocate_stmt->name, arena);
	case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
		return named_build(statement, SQL_CLOSE, "CLOSE CURSOR", node->close_portal_stmt->portalname, arena);
	case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
	case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
	case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
	case PG_QUERY__NODE__NODE_GRANT_ROLE_STMT:
		return sql_user_build(tree, statement, arena);
	case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
		return named_build(statement, SQL_UNLISTEN, "UNLISTEN", NULL, arena);
	default:
		return unsupported_build(tree);
	}
}
