/* What the parts of pgwire share; nobody else includes it. */
#ifndef KAPPA_SERVER_PGWIRE_INTERNAL_H
#define KAPPA_SERVER_PGWIRE_INTERNAL_H

#include "server/pgwire.h"
#include "server/pgwire_message.h"

enum { PGWIRE_BUCKETS = 64 };

/* A prepared statement under the client's name; "" is the unnamed one. */
struct pgwire_statement {
	struct pgwire_statement *next;
	char *name;
	struct sql_prepared *prepared; /* retained */
};

/* A bound statement: parameters, result formats and, once executing, how far it is. */
struct pgwire_portal {
	struct pgwire_portal *next;
	char *name;
	struct sql_prepared *prepared; /* retained */
	struct arena arena;            /* values and formats */
	struct value *values;
	size_t value_count;
	struct pgwire_formats formats;
	struct sql_cursor *cursor; /* NULL until the first Execute */
	const struct batch *batch; /* the cursor's, partly sent */
	uint32_t row;              /* of it, next to be sent */
	bool done;
};

enum pgwire_phase {
	PGWIRE_PHASE_STARTUP,
	PGWIRE_PHASE_AUTHENTICATING,
	PGWIRE_PHASE_READY,
	PGWIRE_PHASE_FINISHED
};

enum { PGWIRE_PEER_SIZE = 64 };

struct pgwire {
	struct pgwire_options options;
	enum pgwire_phase phase;
	bool ssl_answered, gss_answered;
	bool encrypt; /* S was answered to SSLRequest: nothing is read before the handshake */
	bool encrypted, refused;
	char peer[PGWIRE_PEER_SIZE];
	char certificate_name[USER_NAME_SIZE_MAX + 1]; /* "" = none */
	char user[SCRAM_NAME_SIZE_MAX + 1];            /* of the start-up packet */
	uint32_t version;
	struct buffer parameters; /* of the start-up packet, while the client authenticates */
	struct scram_exchange scram;
	bool skipping;  /* an extended query failed: nothing counts until Sync */
	bool may_block; /* this run is on a worker */
	struct buffer input;
	size_t input_at; /* bytes of input already handled */
	struct buffer output;
	struct sql_session *session; /* NULL until started */
	struct pgwire_statement *statements[PGWIRE_BUCKETS];
	size_t statement_count;
	struct pgwire_portal *portals; /* newest first */
	size_t portal_count;
};

/* Reports the current error (ErrorResponse) and fails an open transaction. */
void pgwire_error(struct pgwire *pgwire);
/* The same as FATAL, after which the connection ends. */
void pgwire_fatal(struct pgwire *pgwire);
/* On a worker: sends the output once it is large. On the loop: leaves it. */
status pgwire_flush_large(struct pgwire *pgwire) MUST_USE;

/* ---- pgwire_startup.c ---- */

/* Handles one start-up packet if it is there: false when more bytes are needed. */
bool pgwire_startup(struct pgwire *pgwire, struct slice bytes);

/* The user is who he says: makes the session and greets. */
void pgwire_enter(struct pgwire *pgwire, bool authenticated);

/* ---- pgwire_authenticate.c ---- */

enum pgwire_identity {
	PGWIRE_IDENTITY_OPEN,  /* there are no users */
	PGWIRE_IDENTITY_SHOWN, /* by the certificate */
	PGWIRE_IDENTITY_ASKED, /* SASL messages follow */
};
enum pgwire_identity pgwire_identify(struct pgwire *pgwire);
/* Handles one SASL message if it is there: false when more bytes are needed. */
bool pgwire_authenticate(struct pgwire *pgwire, struct slice bytes);

/* ---- pgwire_query.c ---- */

void pgwire_simple_query(struct pgwire *pgwire, struct cursor *body);
void pgwire_parse(struct pgwire *pgwire, struct cursor *body);
void pgwire_bind(struct pgwire *pgwire, struct cursor *body);
void pgwire_describe(struct pgwire *pgwire, struct cursor *body);
void pgwire_execute(struct pgwire *pgwire, struct cursor *body);
void pgwire_close(struct pgwire *pgwire, struct cursor *body);
void pgwire_sync(struct pgwire *pgwire);
/* May this message block or take long? Then it is for a worker. */
bool pgwire_is_for_worker(struct pgwire *pgwire, char type, struct slice body);

/* ---- pgwire_named.c ---- */

/* NULL when there is none. */
struct pgwire_statement *pgwire_statement_find(struct pgwire *pgwire, const char *name);
/* Takes over the reference. EXISTS for a named one, TOO_LARGE when there are too many. */
status pgwire_statement_add(struct pgwire *pgwire, const char *name, struct sql_prepared *prepared) MUST_USE;
bool pgwire_statement_remove(struct pgwire *pgwire, const char *name);
struct pgwire_portal *pgwire_portal_find(struct pgwire *pgwire, const char *name);
/* An empty portal; replaces the unnamed one. EXISTS, TOO_LARGE. */
status pgwire_portal_add(struct pgwire *pgwire, const char *name, struct sql_prepared *prepared,
	struct pgwire_portal **out) MUST_USE;
bool pgwire_portal_remove(struct pgwire *pgwire, const char *name);
void pgwire_statements_clear(struct pgwire *pgwire);
void pgwire_portals_clear(struct pgwire *pgwire);
/* sql_session_options.forget */
status pgwire_forget(void *context, enum sql_named named, const char *name);

#endif
