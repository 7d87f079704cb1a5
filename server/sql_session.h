/* A SQL session: the one place where statements meet the engine. Used by the PostgreSQL protocol and by HTTP.
 *
 *   text ─ sql_prepare ─► sql_prepared ─ sql_execute(values) ─► sql_cursor ─ next, next, … ─► tag ─ close
 *
 * It holds what belongs to a client between statements: settings, the transaction (and the publication all
 * its SELECTs read), INSERTs waiting for COMMIT. A bound plan lives in its sql_prepared and is bound anew
 * when definitions changed.
 *
 * Consistency
 *   S1  A statement reads one publication; between BEGIN and COMMIT all SELECTs read the same one (repeatable
 *       read), until the transaction itself changes definitions.
 *   S2  INSERT outside a transaction is durable when sql_execute() returns; inside one, when COMMIT returns;
 *       ROLLBACK drops it.
 *   S3  After an INSERT or a definition, the session's next SELECT waits until the views have seen it
 *       (setting kappa.read_your_writes, on by default).
 *
 * Threads: one at a time, whichever; only sql_session_cancel() may come from another. sql_prepare,
 * sql_prepared_describe and sql_execute may block and need SQL_STACK_BYTES of stack: call them on a worker,
 * unless sql_prepared_is_inline() allows the loop.
 */
#ifndef KAPPA_SERVER_SQL_SESSION_H
#define KAPPA_SERVER_SQL_SESSION_H

#include "processors/sql.h"
#include "replay/engine.h"

struct sql_session;
struct sql_prepared;
struct sql_cursor;
struct server_config;
struct connectors;
struct group_coordinator;

/* What all sessions share; outlives them. */
struct sql_environment {
	struct log *log;
	struct engine *engine;
	const struct server_config *config; /* for kappa.settings; may be NULL */
	struct connectors *connectors;      /* for kappa.connectors; may be NULL */
	struct group_coordinator *groups;   /* for kappa.groups; may be NULL */
	size_t query_memory_bytes_max;      /* per query; 0 = 1 GiB */
};

enum sql_severity { SQL_NOTICE, SQL_WARNING };

/* What a client may have given names to. */
enum sql_named { SQL_NAMED_STATEMENT, SQL_NAMED_PORTAL };

struct sql_session_options {
	const char *user, *database; /* NULL = "kappa"; copied */
	bool authenticated; /* `user` has shown who it is; otherwise the session works only while there are no
						   users */
	int32_t backend_pid;
	/* Called during the functions below, on their thread. May be NULL. */
	void (*notice)(void *context, enum sql_severity severity, const struct error *notice);
	/* A setting that clients are told of (ParameterStatus) changed. May be NULL. */
	void (*parameter_changed)(void *context, const char *name, const char *value);
	/* DEALLOCATE, CLOSE, DISCARD: what the client named lives in the protocol. name NULL = all of the kind.
	 * NOT_FOUND. May be NULL. */
	status (*forget)(void *context, enum sql_named named, const char *name);
	void *context;
};

struct sql_session *sql_session_create(
	const struct sql_environment *environment, const struct sql_session_options *options);
void sql_session_destroy(
	struct sql_session *session); /* accepts NULL; prepared statements and cursors are gone by now */

/* Any thread: a statement being executed ends with CANCELLED (57014); nothing happens when none is. */
void sql_session_cancel(struct sql_session *session);

/* Settings, as SET and SHOW see them: names are case-insensitive. */
status sql_session_set(struct sql_session *session, const char *name, const char *value) MUST_USE;
/* Borrowed until the next set; NULL = unknown. */
const char *sql_session_get(const struct sql_session *session, const char *name);
/* The settings that clients are told of at start-up, in order; NULL past the last. */
const char *sql_session_reported(size_t index);

enum sql_transaction { SQL_TRANSACTION_IDLE = 'I', SQL_TRANSACTION_OPEN = 'T', SQL_TRANSACTION_FAILED = 'E' };
enum sql_transaction sql_session_transaction(const struct sql_session *session);
/* An error was reported to the client: an open transaction becomes failed. */
void sql_session_fail(struct sql_session *session);

/* The columns of a cursor declared by SQL, which clients may describe like a portal; NULL when there is none
 * of that name. */
const struct schema *sql_session_cursor_columns(struct sql_session *session, const char *name);

/* ---- statements ---- */

/* Parses one statement; white space and comments alone give an empty one. `types` declares parameters
 * (TYPE_UNKNOWN = infer). SYNTAX when there are several statements. */
status sql_prepare(struct sql_session *session, struct slice text, const enum type_id *types,
	size_t type_count, struct sql_prepared **out) MUST_USE;
/* Parses a script; one sql_prepared per statement, to be described and executed in turn. The array is the
 * caller's (mem_free), each element is released by sql_prepared_release(). An error in any statement refuses
 * the whole. */
status sql_prepare_script(
	struct sql_session *session, struct slice text, struct sql_prepared ***out, size_t *count) MUST_USE;
struct sql_prepared *sql_prepared_retain(struct sql_prepared *prepared);
void sql_prepared_release(struct sql_prepared *prepared); /* accepts NULL */

enum sql_statement_kind sql_prepared_kind(const struct sql_prepared *prepared);
bool sql_prepared_is_empty(const struct sql_prepared *prepared);
/* Binds it to the present definitions if it is not. columns->field_count 0: no rows come. Borrowed until the
 * next call with this prepared. */
status sql_prepared_describe(struct sql_session *session, struct sql_prepared *prepared,
	const enum type_id **parameter_types, size_t *parameter_count, const struct schema **columns) MUST_USE;
/* True when sql_execute() and sql_cursor_next() may run on the network loop: bound to the present
 * definitions, a key lookup, nothing to wait for. describe() then neither binds nor blocks. */
bool sql_prepared_is_inline(struct sql_session *session, struct sql_prepared *prepared);

/* Executes. Commands have done all their work when it returns; rows of SELECT come from sql_cursor_next().
 * `values` have the described types, are copied. The cursor retains what it needs. */
status sql_execute(struct sql_session *session, struct sql_prepared *prepared, const struct value *values,
	size_t value_count, struct sql_cursor **out) MUST_USE;
/* The columns of the rows; field_count 0: there are none. Valid until the cursor is closed. */
const struct schema *sql_cursor_columns(const struct sql_cursor *cursor);
/* Next batch, valid until the next call; weights are NULL. END. CANCELLED when cancelled or out of time. */
status sql_cursor_next(struct sql_cursor *cursor, const struct batch **out) MUST_USE;
/* The command tag, "SELECT 3", "INSERT 0 2", "CREATE TABLE"; `row_count` = rows handed to the client. */
void sql_cursor_tag(const struct sql_cursor *cursor, uint64_t row_count, char tag[64]);
void sql_cursor_close(struct sql_cursor *cursor); /* accepts NULL */

#endif
