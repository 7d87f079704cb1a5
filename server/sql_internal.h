/* What the parts of a SQL session share; only server/sql_*.c include it. */
#ifndef KAPPA_SERVER_SQL_INTERNAL_H
#define KAPPA_SERVER_SQL_INTERNAL_H

#include <stdatomic.h>

#include "log/record_batch.h"
#include "server/sql_session.h"
#include "server/sql_setting.h"
#include "server/system_catalog.h"

enum {
	SAVEPOINTS_MAX = 64,
	DECLARED_MAX = 100,                          /* cursors of a session */
	PENDING_INSERT_BYTES_MAX = 64 * 1024 * 1024, /* of INSERTs in one transaction */
};

/* Records of one INSERT that wait for COMMIT. */
struct sql_pending {
	struct sql_pending *next;
	char *table;
	struct partition *partition;
	struct buffer batch; /* one finished record batch */
};

struct sql_savepoint {
	char *name;
	size_t pending_count; /* INSERTs before it */
};

/* A publication that a transaction and its cursors share. */
struct sql_reading {
	size_t references;
	struct publication *publication;
};

/* A cursor the client declared by SQL; on it FETCH goes forward. */
struct sql_declared {
	struct sql_declared *next;
	char *name;
	struct sql_prepared *prepared; /* retained */
	struct sql_cursor *cursor;
	const struct batch *batch; /* the cursor's, partly fetched */
	uint32_t row;              /* of it, next to be fetched */
	bool done;
	bool hold; /* outlives the transaction */
};

struct sql_session {
	struct sql_environment environment;
	struct sql_session_options options;
	char *user, *database;
	bool authenticated;
	struct user *principal;    /* the user as of users_generation; NULL = nobody, or gone */
	uint64_t users_generation; /* 0 = there are none */
	struct sql_settings *settings;
	int64_t statement_timeout_ms; /* of the settings; read by every statement */
	atomic_bool cancelled;

	enum sql_transaction transaction;
	int64_t transaction_start_us;
	struct sql_reading *pinned; /* what SELECTs of the open transaction read; NULL until the first */
	struct sql_pending *pending, **pending_last;
	size_t pending_count, pending_bytes;
	struct sql_savepoint savepoints[SAVEPOINTS_MAX];
	size_t savepoint_count;
	struct sql_declared *declared;
	size_t declared_count;

	bool wrote;           /* the next SELECT has to see what this session did (S3) */
	uint32_t insert_turn; /* partitions take turns */
};

/* A script's text and trees, shared by its statements. */
struct sql_text {
	size_t references;
	struct arena arena;
	struct sql_script *script;
};

/* What binding makes of a statement under one generation of definitions; shared by the prepared statement and
 * running cursors. */
struct sql_bound {
	size_t references;
	struct arena arena;
	uint64_t generation;
	bool keeps;     /* does not depend on definitions: never bound anew */
	bool is_lookup; /* a key lookup or a few literals: quick */
	struct sql_parameters parameters;
	const struct plan *plan;  /* SELECT, EXPLAIN */
	struct sql_insert insert; /* INSERT */
	struct schema columns;    /* of the result; none = no rows */
};

struct sql_prepared {
	size_t references;
	struct sql_text *text;
	const struct sql_statement *statement;
	enum type_id *declared;
	size_t declared_count;
	struct sql_bound *bound; /* NULL until first bound */
	bool shown;              /* the client knows the columns: they must not change */
};

struct sql_cursor {
	struct arena arena; /* values, static rows */
	struct sql_session *session;
	struct sql_bound *bound;
	struct sql_reading *reading; /* SELECT, INSERT … SELECT */
	struct query *query;         /* SELECT */
	const struct value *parameters;
	size_t parameter_count;
	struct schema columns;
	const struct batch *rows; /* SHOW, EXPLAIN: given once */
	const char *tag;
	enum sql_statement_kind kind;
	uint64_t affected;      /* INSERT; MOVE */
	const char *fetch_name; /* FETCH */
	int64_t fetch_left;
	struct arena fetched; /* part of a batch, until the next */
	int64_t timeout_ns, spent_ns, deadline_ns;
	bool timed_out;
};

/* ---- sql_session.c ---- */

/* What statements read now: the transaction's publication, else the newest. One reference. `pin`: a
 * transaction that has none yet keeps it. */
struct sql_reading *session_reading(struct sql_session *session, bool pin);
void reading_release(struct sql_reading *reading); /* accepts NULL */
/* Raises 25P02 in a failed transaction. */
status session_check(const struct sql_session *session) MUST_USE;
void session_notice(struct sql_session *session, enum sql_severity severity, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Definitions changed by this session: its next statement sees them. */
void session_definitions_changed(struct sql_session *session);
/* S3: waits for the session's own writes, if there are any. */
status session_wait_for_writes(struct sql_session *session) MUST_USE;

/* ---- sql_transaction.c ---- */

status transaction_execute(
	struct sql_session *session, const struct sql_statement *statement, const char **tag) MUST_USE;
void transaction_clear(struct sql_session *session);

/* ---- sql_prepare.c ---- */

/* Binds to the definitions of `publication` unless it is bound to them already. */
status prepared_bind(
	struct sql_session *session, struct sql_prepared *prepared, struct publication *publication) MUST_USE;
struct sql_bound *bound_retain(struct sql_bound *bound);
void bound_release(struct sql_bound *bound); /* accepts NULL */

/* ---- sql_declare.c ---- */

/* 34000 when there is none of that name. */
status declared_find(struct sql_session *session, const char *name, struct sql_declared **out) MUST_USE;
status declare_execute(struct sql_cursor *cursor, struct sql_prepared *prepared) MUST_USE;
/* MOVE does its work here, FETCH in fetch_next(). */
status fetch_execute(struct sql_cursor *cursor, const struct sql_statement *statement) MUST_USE;
status fetch_next(struct sql_cursor *cursor, const struct batch **out) MUST_USE;
/* name NULL = all. False when there is none. */
bool declared_close(struct sql_session *session, const char *name);
/* The end of a transaction: closes those without hold. */
void declared_end_transaction(struct sql_session *session);

/* ---- sql_insert.c ---- */

status insert_execute(struct sql_cursor *cursor, const struct evaluation *evaluation) MUST_USE;
/* Appends what waits, durably. What came before a failure stays in the log. */
status insert_commit(struct sql_session *session) MUST_USE;
void insert_pending_drop(struct sql_session *session, size_t keep_count);

/* ---- sql_define.c ---- */

status define_execute(struct sql_cursor *cursor, const struct sql_statement *statement) MUST_USE;

/* ---- sql_access.c ---- */

/* May the statement, bound, be run by this session's user? FORBIDDEN, UNAUTHENTICATED. */
status access_check(struct sql_session *session, const struct sql_statement *statement,
	const struct sql_bound *bound) MUST_USE;
status access_check_topic(struct sql_session *session, const char *topic) MUST_USE;
/* `kind` for the error: "relation"; name NULL = everything. */
status session_may(
	struct sql_session *session, enum user_role role, const char *kind, const char *name) MUST_USE;
bool session_is(struct sql_session *session, enum user_role role, const char *name);
/* A line of the audit trail. */
void session_audit(struct sql_session *session, const char *event, const char *object);
/* Would it be safe if there were no users: do only this machine's programs reach the listeners? */
bool session_opens_alone(const struct sql_session *session);

/* ---- sql_user.c ---- */

status user_execute(struct sql_session *session, const struct sql_statement *statement) MUST_USE;

/* ---- sql_execute.c ---- */

bool session_is_cancelled(void *cursor);
/* Opens the query of the cursor's plan with these values, which are copied. */
status cursor_select(struct sql_cursor *cursor, const struct value *values, size_t value_count) MUST_USE;
/* query_context for reading at the cursor's publication. */
struct query_context cursor_query_context(struct sql_cursor *cursor, const struct evaluation *evaluation);

#endif
