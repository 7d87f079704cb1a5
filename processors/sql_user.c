/* What statements about users say: CREATE USER, ALTER USER, DROP USER, GRANT role TO, REVOKE role FROM.
 *
 * The grammar is PostgreSQL's, where a role is granted to a user by IN ROLE or GRANT; ours are the fixed ones
 * of base/user.h, with an optional name behind a colon: IN ROLE read, "write:orders*".
 */
#include "processors/sql_internal.h"

static status user_name_of(
	const struct sql_tree *tree, const PgQuery__RoleSpec *spec, struct arena *arena, const char **out)
{
	switch (spec->roletype) {
	case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING:
		*out = arena_copy_string(arena, spec->rolename);
		return STATUS_OK;
	case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_ROLE:
	case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_USER:
	case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_SESSION_USER:
		*out = NULL;
		return STATUS_OK;
	default:
		return sql_unsupported(
			tree, spec->location, "Grant to each user who shall have it.", "PUBLIC in place of a user");
	}
}

static status names_of(const struct sql_tree *tree, sql_node *const *nodes, size_t count, struct arena *arena,
	const char ***out, size_t *out_count)
{
	const char **names = arena_alloc(arena, count * sizeof *names);
	for (size_t i = 0; i < count; i++) {
		status code = user_name_of(tree, nodes[i]->role_spec, arena, &names[i]);
		if (code != STATUS_OK)
			return code;
	}
	*out = names;
	*out_count = count;
	return STATUS_OK;
}

static status option_build(const struct sql_tree *tree, const PgQuery__DefElem *option,
	struct sql_statement *statement, struct arena *arena)
{
	const sql_node *argument = option->arg;
	if (strcmp(option->defname, "password") == 0) {
		statement->user.password_given = true;
		if (argument != NULL && argument->node_case == PG_QUERY__NODE__NODE_STRING)
			statement->user.password = arena_copy_string(arena, argument->string->sval);
		return STATUS_OK;
	}
	if (strcmp(option->defname, "addroleto") == 0)
		return names_of(tree, argument->list->items, argument->list->n_items, arena, &statement->user.roles,
			&statement->user.role_count);
	bool on =
		argument == NULL || argument->node_case != PG_QUERY__NODE__NODE_BOOLEAN || argument->boolean->boolval;
	/* What is so anyway may be said. */
	static const char *const always[] = {"canlogin", "inherit"}, *const never[] = {"superuser", "createdb",
																	 "createrole", "isreplication",
																	 "bypassrls"};
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
		if (strcmp(option->defname, always[i]) == 0 && on)
			return STATUS_OK;
	}
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
		if (strcmp(option->defname, never[i]) == 0 && !on)
			return STATUS_OK;
	}
	return sql_unsupported(tree, option->location,
		"A user has a PASSWORD and is IN ROLE read, write, deploy or admin, each of the first three also for "
		"a name: \"read:orders\".",
		"this option of a user");
}

static status options_build(const struct sql_tree *tree, sql_node *const *nodes, size_t count,
	struct sql_statement *statement, struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		status code = option_build(tree, nodes[i]->def_elem, statement, arena);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static void name_set(struct sql_statement *statement, const char *name, struct arena *arena)
{
	statement->user.names = arena_copy(arena, &name, sizeof name);
	statement->user.name_count = 1;
}

static status create_build(const struct sql_tree *tree, const PgQuery__CreateRoleStmt *create,
	struct sql_statement *statement, struct arena *arena)
{
	statement->kind = SQL_CREATE_USER;
	statement->tag = "CREATE ROLE"; /* PostgreSQL's tag for CREATE USER, too */
	if (create->stmt_type != PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_USER)
		return sql_unsupported(tree, 0,
			"The roles are read, write, deploy and admin; CREATE USER makes a user in some of them.",
			"CREATE ROLE or CREATE GROUP");
	name_set(statement, arena_copy_string(arena, create->role), arena);
	return options_build(tree, create->options, create->n_options, statement, arena);
}

static status alter_build(const struct sql_tree *tree, const PgQuery__AlterRoleStmt *alter,
	struct sql_statement *statement, struct arena *arena)
{
	statement->kind = SQL_ALTER_USER;
	statement->tag = "ALTER ROLE";
	const char *name = NULL;
	status code = user_name_of(tree, alter->role, arena, &name);
	if (code != STATUS_OK)
		return code;
	name_set(statement, name, arena);
	return options_build(tree, alter->options, alter->n_options, statement, arena);
}

static status grant_build(const struct sql_tree *tree, const PgQuery__GrantRoleStmt *grant,
	struct sql_statement *statement, struct arena *arena)
{
	statement->kind = SQL_GRANT;
	statement->tag = grant->is_grant ? "GRANT ROLE" : "REVOKE ROLE";
	statement->user.revoke = !grant->is_grant;
	if (grant->admin_opt || grant->grantor != NULL)
		return sql_unsupported(tree, 0, "Only an admin grants roles.", "WITH ADMIN OPTION or GRANTED BY");
	statement->user.roles = arena_alloc(arena, grant->n_granted_roles * sizeof *statement->user.roles);
	for (size_t i = 0; i < grant->n_granted_roles; i++) {
		const PgQuery__AccessPriv *role = grant->granted_roles[i]->access_priv;
		if (role->n_cols != 0 || role->priv_name == NULL)
			return sql_unsupported(tree, 0, NULL, "a list of columns in GRANT");
		statement->user.roles[statement->user.role_count++] = arena_copy_string(arena, role->priv_name);
	}
	return names_of(tree, grant->grantee_roles, grant->n_grantee_roles, arena, &statement->user.names,
		&statement->user.name_count);
}

status sql_user_build(const struct sql_tree *tree, struct sql_statement *statement, struct arena *arena)
{
	const sql_node *node = tree->node;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
		return create_build(tree, node->create_role_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
		return alter_build(tree, node->alter_role_stmt, statement, arena);
	case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
		statement->kind = SQL_DROP_USER;
		statement->tag = "DROP ROLE";
		statement->user.if_exists = node->drop_role_stmt->missing_ok;
		return names_of(tree, node->drop_role_stmt->roles, node->drop_role_stmt->n_roles, arena,
			&statement->user.names, &statement->user.name_count);
	default:
		return grant_build(tree, node->grant_role_stmt, statement, arena);
	}
}
