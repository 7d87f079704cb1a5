/* BEGIN … COMMIT. Reads: one publication, taken by the first SELECT. Writes: INSERTs wait for COMMIT;
 * definitions take effect at once and are not undone, which ROLLBACK says.
 *
 *   idle ──BEGIN──► open ──error──► failed
 *    ▲ COMMIT, ROLLBACK │ ▲  ROLLBACK TO  │
 *    ├─────────────────┘ └───────────────┤
 *    └──────────COMMIT (= ROLLBACK), ROLLBACK
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "server/sql_internal.h"

static void savepoints_truncate(struct sql_session *session, size_t count)
{
	while (session->savepoint_count > count)
		mem_free(session->savepoints[--session->savepoint_count].name);
}

void transaction_clear(struct sql_session *session)
{
	insert_pending_drop(session, 0);
	savepoints_truncate(session, 0);
	declared_end_transaction(session);
	reading_release(session->pinned);
	session->pinned = NULL;
	session->transaction = SQL_TRANSACTION_IDLE;
}

static status commit(struct sql_session *session, const char **tag)
{
	if (session->transaction == SQL_TRANSACTION_IDLE)
		session_notice(session, SQL_WARNING, "there is no transaction in progress");
	status committed = STATUS_OK;
	if (session->transaction == SQL_TRANSACTION_FAILED)
		*tag = "ROLLBACK";
	else
		committed = insert_commit(session);
	transaction_clear(session);
	return committed;
}

static void rollback(struct sql_session *session)
{
	if (session->transaction == SQL_TRANSACTION_IDLE)
		session_notice(session, SQL_WARNING, "there is no transaction in progress");
	transaction_clear(session);
}

/* ---- savepoints ---- */

/* The name is the statement's last word: SAVEPOINT s, RELEASE [SAVEPOINT] s, ROLLBACK [WORK] TO [SAVEPOINT]
 * s. */
static char *savepoint_name(const char *text)
{
	size_t end = strlen(text);
	while (end > 0 && isspace((unsigned char)text[end - 1]))
		end--;
	bool quoted = end > 0 && text[end - 1] == '"';
	size_t start = quoted ? end - 1 : end;
	while (start > 0 && (quoted ? text[start - 1] != '"' : !isspace((unsigned char)text[start - 1])))
		start--;
	size_t size = (quoted ? end - 1 : end) - start;
	char *name = mem_alloc(size + 1);
	for (size_t i = 0; i < size; i++)
		name[i] = quoted ? text[start + i] : (char)tolower((unsigned char)text[start + i]);
	name[size] = '\0';
	return name;
}

static status savepoint_find(const struct sql_session *session, const char *name, size_t *out)
{
	for (size_t i = session->savepoint_count; i-- > 0;) {
		if (strcmp(session->savepoints[i].name, name) == 0) {
			*out = i;
			return STATUS_OK;
		}
	}
	error_raise(STATUS_NOT_FOUND, "savepoint \"%.64s\" does not exist", name);
	error_sqlstate("3B001");
	return STATUS_NOT_FOUND;
}

static status savepoint_execute(struct sql_session *session, const struct sql_statement *statement)
{
	if (session->transaction == SQL_TRANSACTION_IDLE) {
		error_raise(STATUS_NOT_READY, "%s can only be used in transaction blocks", statement->tag);
		error_sqlstate("25P01");
		return STATUS_NOT_READY;
	}
	bool back = strcmp(statement->tag, "ROLLBACK") == 0;
	status result = back ? STATUS_OK : session_check(session);
	if (result != STATUS_OK)
		return result;
	char *name = savepoint_name(statement->text);
	size_t index = 0;
	if (strcmp(statement->tag, "SAVEPOINT") == 0) {
		if (session->savepoint_count == SAVEPOINTS_MAX) {
			mem_free(name);
			return error_raise(STATUS_TOO_LARGE, "a transaction can have %d savepoints", SAVEPOINTS_MAX);
		}
		session->savepoints[session->savepoint_count++] =
			(struct sql_savepoint){name, session->pending_count};
		return STATUS_OK;
	}
	result = savepoint_find(session, name, &index);
	mem_free(name);
	if (result != STATUS_OK)
		return result;
	if (back) {
		insert_pending_drop(session, session->savepoints[index].pending_count);
		savepoints_truncate(session, index + 1);
		session->transaction = SQL_TRANSACTION_OPEN;
	} else {
		savepoints_truncate(session, index);
	}
	return STATUS_OK;
}

status transaction_execute(
	struct sql_session *session, const struct sql_statement *statement, const char **tag)
{
	switch (statement->kind) {
	case SQL_BEGIN:
		if (session->transaction == SQL_TRANSACTION_FAILED)
			return session_check(session);
		if (session->transaction == SQL_TRANSACTION_OPEN)
			session_notice(session, SQL_WARNING, "there is already a transaction in progress");
		session->transaction = SQL_TRANSACTION_OPEN;
		session->transaction_start_us = clock_wall_ms() * 1000;
		return STATUS_OK;
	case SQL_COMMIT:
		return commit(session, tag);
	case SQL_ROLLBACK:
		rollback(session);
		return STATUS_OK;
	default:
		return savepoint_execute(session, statement);
	}
}
