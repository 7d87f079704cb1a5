/* CREATE USER, ALTER USER, DROP USER, GRANT, REVOKE. A password lives as long as its statement; what is kept
 * is its verifiers. Each statement is one record in the catalog, or one for each user it names.
 */
#include <string.h>

#include "server/sql_internal.h"

static status password_apply(struct user *user, const struct sql_statement *statement)
{
	if (!statement->user.password_given)
		return STATUS_OK;
	const char *password = statement->user.password;
	if (password == NULL) {
		user_password_clear(user);
		return STATUS_OK;
	}
	if (strncmp(password, "SCRAM-SHA-256$", 14) == 0 ||
		(strncmp(password, "md5", 3) == 0 && strlen(password) == 35)) {
		error_raise(STATUS_UNSUPPORTED, "a password that a client has hashed already is not supported");
		error_hint("Two kinds of verifier are made of a password. Write ALTER USER … PASSWORD '…' over a "
				   "connection you trust, or use kappa user.");
		return STATUS_UNSUPPORTED;
	}
	return user_password_set(user, slice_of_string(password));
}

static const char *name_of(const struct sql_session *session, const char *name)
{
	return name != NULL ? name : session->user;
}

static status create_execute(struct sql_session *session, const struct sql_statement *statement)
{
	struct user *user = NULL;
	status result = user_create(statement->user.names[0], &user);
	for (size_t i = 0; result == STATUS_OK && i < statement->user.role_count; i++)
		result = user_grant(user, statement->user.roles[i] != NULL ? statement->user.roles[i] : "");
	if (result == STATUS_OK)
		result = password_apply(user, statement);
	if (result == STATUS_OK)
		result = engine_user_create(session->environment.engine, user);
	if (result == STATUS_OK && !user->has_password)
		session_notice(session, SQL_NOTICE,
			"user \"%s\" has no password: only a client certificate of that name lets it in", user->name);
	user_release(user);
	return result;
}

static status change(void *context, struct user *user)
{
	const struct sql_statement *statement = context;
	status result = STATUS_OK;
	for (size_t i = 0; result == STATUS_OK && i < statement->user.role_count; i++)
		result = statement->user.revoke ? user_revoke(user, statement->user.roles[i])
										: user_grant(user, statement->user.roles[i]);
	return result == STATUS_OK ? password_apply(user, statement) : result;
}

static status alter_execute(
	struct sql_session *session, const struct sql_statement *statement, const char *name)
{
	return engine_user_alter(
		session->environment.engine, name_of(session, name), change, (void *)(uintptr_t)statement);
}

static status drop_execute(
	struct sql_session *session, const struct sql_statement *statement, const char *name)
{
	status result =
		engine_user_drop(session->environment.engine, name_of(session, name), session_opens_alone(session));
	if (result != STATUS_NOT_FOUND || !statement->user.if_exists)
		return result;
	session_notice(session, SQL_NOTICE, "user \"%s\" does not exist, skipping", name_of(session, name));
	return STATUS_OK;
}

status user_execute(struct sql_session *session, const struct sql_statement *statement)
{
	status result = STATUS_OK;
	for (size_t i = 0; result == STATUS_OK && i < statement->user.name_count; i++) {
		const char *name = statement->user.names[i];
		if (statement->kind == SQL_CREATE_USER)
			result = create_execute(session, statement);
		else if (statement->kind == SQL_DROP_USER)
			result = drop_execute(session, statement, name);
		else
			result = alter_execute(session, statement, name);
		if (result == STATUS_OK)
			session_audit(session,
				statement->kind == SQL_CREATE_USER  ? "user_created"
				: statement->kind == SQL_DROP_USER  ? "user_dropped"
				: statement->kind == SQL_ALTER_USER ? "user_altered"
				: statement->user.revoke            ? "role_revoked"
													: "role_granted",
				name_of(session, name));
	}
	return result;
}
