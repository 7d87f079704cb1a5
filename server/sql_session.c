/* The session: what belongs to a client between its statements. */
#include "server/sql_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"
#include "server/sql_internal.h"
#include "server/workers.h"

enum { WRITES_WAIT_FIRST_MS = 100, WRITES_WAIT_MS_MAX = 30000 };

struct sql_session *sql_session_create(
	const struct sql_environment *environment, const struct sql_session_options *options)
{
	struct sql_session *session = mem_alloc_zeroed(1, sizeof *session);
	session->environment = *environment;
	session->options = *options;
	session->user = mem_copy_string(options->user != NULL ? options->user : "kappa");
	session->database = mem_copy_string(options->database != NULL ? options->database : "kappa");
	session->authenticated = options->authenticated;
	session->settings = sql_settings_create();
	sql_settings_force(session->settings, "session_authorization", session->user);
	session->transaction = SQL_TRANSACTION_IDLE;
	session->pending_last = &session->pending;
	session->insert_turn = (uint32_t)options->backend_pid;
	return session;
}

void sql_session_destroy(struct sql_session *session)
{
	if (session == NULL)
		return;
	transaction_clear(session);
	declared_close(session, NULL);
	sql_settings_destroy(session->settings);
	user_release(session->principal);
	mem_free(session->user);
	mem_free(session->database);
	mem_free(session);
}

void sql_session_cancel(struct sql_session *session)
{
	/* Cleared when the next statement begins. */
	atomic_store(&session->cancelled, true);
}

void session_notice(struct sql_session *session, enum sql_severity severity, const char *format, ...)
{
	if (session->options.notice == NULL)
		return;
	struct error notice = {.code = STATUS_OK};
	memcpy(notice.sqlstate, severity == SQL_WARNING ? "01000" : "00000", 6);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(notice.text, sizeof notice.text, format, arguments);
	va_end(arguments);
	session->options.notice(session->options.context, severity, &notice);
}

/* ---- settings ---- */

static void reported_all(struct sql_session *session)
{
	const char *name = NULL;
	for (size_t i = 0; (name = sql_settings_reported(i)) != NULL; i++)
		session->options.parameter_changed(
			session->options.context, name, sql_settings_get(session->settings, name, NULL));
}

status sql_session_set(struct sql_session *session, const char *name, const char *value)
{
	/* SET TRANSACTION …, SET SESSION CHARACTERISTICS …: every transaction reads one snapshot and may write.
	 */
	if (strcmp(name, "TRANSACTION") == 0 || strcmp(name, "SESSION CHARACTERISTICS") == 0)
		return STATUS_OK;
	const char *reported = NULL, *notice = NULL;
	status set = sql_settings_set(session->settings, name, value, &reported, &notice);
	if (set != STATUS_OK)
		return set;
	session->statement_timeout_ms = sql_settings_milliseconds(session->settings, "statement_timeout");
	if (notice != NULL)
		session_notice(session, SQL_WARNING, "%s", notice);
	if (session->options.parameter_changed == NULL)
		return STATUS_OK;
	if (reported != NULL)
		session->options.parameter_changed(
			session->options.context, reported, sql_settings_get(session->settings, reported, NULL));
	else if (value == NULL && strcmp(name, "all") == 0)
		reported_all(session);
	return STATUS_OK;
}

const char *sql_session_get(const struct sql_session *session, const char *name)
{
	return sql_settings_get(session->settings, name, NULL);
}

const char *sql_session_reported(size_t index)
{
	return sql_settings_reported(index);
}

/* ---- transactions and publications ---- */

enum sql_transaction sql_session_transaction(const struct sql_session *session)
{
	return session->transaction;
}

void sql_session_fail(struct sql_session *session)
{
	if (session->transaction == SQL_TRANSACTION_OPEN)
		session->transaction = SQL_TRANSACTION_FAILED;
}

status session_check(const struct sql_session *session)
{
	if (session->transaction != SQL_TRANSACTION_FAILED)
		return STATUS_OK;
	error_raise(
		STATUS_NOT_READY, "current transaction is aborted, commands ignored until end of transaction block");
	error_sqlstate("25P02");
	return STATUS_NOT_READY;
}

struct sql_reading *session_reading(struct sql_session *session, bool pin)
{
	struct sql_reading *reading = session->pinned;
	if (reading == NULL) {
		reading = mem_alloc(sizeof *reading);
		reading->references = 0;
		reading->publication = engine_publication(session->environment.engine);
		if (pin && session->transaction == SQL_TRANSACTION_OPEN) {
			session->pinned = reading;
			reading->references = 1;
		}
	}
	reading->references++;
	return reading;
}

void reading_release(struct sql_reading *reading)
{
	if (reading == NULL || --reading->references > 0)
		return;
	publication_release(reading->publication);
	mem_free(reading);
}

void session_definitions_changed(struct sql_session *session)
{
	reading_release(session->pinned);
	session->pinned = NULL;
	session->wrote = true;
}

status session_wait_for_writes(struct sql_session *session)
{
	if (!session->wrote || !sql_settings_is_on(session->settings, "kappa.read_your_writes"))
		return STATUS_OK;
	/* In portions, so that a cancel is seen; growing, so that a busy log cannot keep the end away for ever.
	 */
	int64_t waited_ms = 0;
	for (int64_t portion_ms = WRITES_WAIT_FIRST_MS; waited_ms < WRITES_WAIT_MS_MAX; portion_ms *= 2) {
		workers_wait_begin();
		status waited = engine_wait_for_log(session->environment.engine, portion_ms);
		workers_wait_end();
		if (waited == STATUS_OK) {
			session->wrote = false;
			return STATUS_OK;
		}
		if (waited != STATUS_NOT_READY)
			return waited;
		if (atomic_load(&session->cancelled))
			return error_raise(STATUS_CANCELLED, "canceling statement due to user request");
		waited_ms += portion_ms;
	}
	error_raise(STATUS_NOT_READY, "the views have not seen this session's writes within %d s",
		WRITES_WAIT_MS_MAX / 1000);
	error_hint("SET kappa.read_your_writes = off reads without waiting; kappa.versions shows the lag.");
	return STATUS_NOT_READY;
}
