/* Who may run which statement; see base/user.h for the roles. While there are no users, everybody may run
 * all.
 *
 *   SELECT, EXPLAIN, DECLARE   read on every table and view that is named; what a view itself reads is not
 * asked INSERT                     write on the table CREATE, DROP, verbs        deploy on the table or view;
 * who may define views reads what he likes by them users                      admin; everybody may change his
 * own password
 *
 * Checked at every execution: a right that is revoked is gone with the next statement. The user is looked up
 * again only after users changed.
 */
#include <string.h>

#include "base/diag.h"
#include "server/config.h"
#include "server/sql_internal.h"

static const struct user *user_refresh(struct sql_session *session, bool *open)
{
	uint64_t generation = engine_users_generation(session->environment.engine);
	if (generation != session->users_generation) {
		user_release(session->principal);
		session->principal = generation != 0 && session->authenticated
								 ? engine_user(session->environment.engine, session->user)
								 : NULL;
		session->users_generation = generation;
	}
	*open = generation == 0;
	return session->principal;
}

static status unauthenticated(void)
{
	error_raise(STATUS_UNAUTHENTICATED, "this session is not authenticated, and users exist by now");
	error_hint("Connect again, as one of them.");
	return STATUS_UNAUTHENTICATED;
}

status session_may(struct sql_session *session, enum user_role role, const char *kind, const char *name)
{
	bool open = false;
	const struct user *user = user_refresh(session, &open);
	if (open)
		return STATUS_OK;
	if (user == NULL)
		return unauthenticated();
	if (name != NULL ? user_may(user, role, slice_of_string(name)) : user_may_all(user, role))
		return STATUS_OK;
	if (name != NULL)
		error_raise(STATUS_FORBIDDEN, "permission denied for %s %s", kind, name);
	else
		error_raise(STATUS_FORBIDDEN, "permission denied for %s", kind);
	if (name != NULL && strpbrk(name, "\"*") == NULL)
		error_hint("An admin may GRANT \"%s:%s\" TO \"%s\".", user_role_name(role), name, user->name);
	else
		error_hint("An admin may GRANT %s TO \"%s\".", user_role_name(role), user->name);
	diag(DIAG_INFO, "audit", "refused", "listener=sql principal=\"%s\" role=%s object=\"%s\"", user->name,
		user_role_name(role), name != NULL ? name : "");
	return STATUS_FORBIDDEN;
}

bool session_is(struct sql_session *session, enum user_role role, const char *name)
{
	bool open = false;
	const struct user *user = user_refresh(session, &open);
	return open || (user != NULL && (name != NULL ? user_may(user, role, slice_of_string(name))
												  : user_may_all(user, role)));
}

void session_audit(struct sql_session *session, const char *event, const char *object)
{
	bool open = false;
	const struct user *user = user_refresh(session, &open);
	char shown[USER_SHOWN_SIZE];
	diag(DIAG_INFO, "audit", event, "listener=sql principal=\"%s\" object=\"%s\"",
		user != NULL ? user->name : "", user_name_show(slice_of_string(object), shown));
}

static status plan_check(struct sql_session *session, const struct plan *plan)
{
	if (plan->kind == PLAN_SCAN && strcmp(plan->scan.schema_name, "public") == 0)
		return session_may(session, USER_READ, "relation", plan->scan.name);
	status result = STATUS_OK;
	for (size_t i = 0; result == STATUS_OK && i < plan->child_count; i++)
		result = plan_check(session, plan->children[i]);
	return result;
}

static status names_check(
	struct sql_session *session, const char *kind, const struct sql_name *names, size_t count)
{
	status result = STATUS_OK;
	for (size_t i = 0; result == STATUS_OK && i < count; i++)
		result = session_may(session, USER_DEPLOY, kind, names[i].name);
	return result;
}

/* Is it ALTER USER … PASSWORD of the session's own user? */
static bool is_own_password(struct sql_session *session, const struct sql_statement *statement)
{
	const char *name = statement->user.names[0];
	return statement->kind == SQL_ALTER_USER &&
		   (name == NULL || (session->authenticated && strcmp(name, session->user) == 0));
}

status access_check(
	struct sql_session *session, const struct sql_statement *statement, const struct sql_bound *bound)
{
	bool open = false;
	const struct user *user = user_refresh(session, &open);
	if (open)
		return STATUS_OK;
	if (user == NULL)
		return unauthenticated();
	status result = STATUS_OK;
	switch (statement->kind) {
	case SQL_SELECT:
	case SQL_DECLARE:
	case SQL_EXPLAIN:
		return plan_check(session, bound->plan);
	case SQL_INSERT:
		result = session_may(session, USER_WRITE, "table", bound->insert.target.name);
		return result == STATUS_OK ? plan_check(session, bound->insert.source) : result;
	case SQL_CREATE_TABLE:
		return names_check(session, "table", &statement->create_table.name, 1);
	case SQL_CREATE_VIEW:
		return names_check(session, "materialized view", &statement->create_view.name, 1);
	case SQL_DROP_TABLE:
		return names_check(session, "table", statement->drop.names, statement->drop.name_count);
	case SQL_DROP_VIEW:
		return names_check(session, "materialized view", statement->drop.names, statement->drop.name_count);
	case SQL_CREATE_USER:
	case SQL_ALTER_USER:
	case SQL_DROP_USER:
	case SQL_GRANT:
		return statement->kind == SQL_ALTER_USER && is_own_password(session, statement)
				   ? STATUS_OK
				   : session_may(session, USER_ADMIN, "users", NULL);
	default: /* settings, transactions, cursors: they touch the session alone */
		return STATUS_OK;
	}
}

/* A table is made over a topic; with CREATE TABLE the topic is made, too. */
status access_check_topic(struct sql_session *session, const char *topic)
{
	return session_is(session, USER_READ, topic) ? STATUS_OK
												 : session_may(session, USER_DEPLOY, "topic", topic);
}

bool session_opens_alone(const struct sql_session *session)
{
	const struct server_config *config = session->environment.config;
	return config == NULL || config->allow_insecure_listen || server_config_is_loopback(config);
}
