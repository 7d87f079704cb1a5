/* The PostgreSQL protocol, version 3, server side: a state machine, bytes in and bytes out. Sockets and
 * threads are the glue's (pg_listener.c).
 *
 *   receive(bytes) ─► input ─► run ─► messages ─► sql_session ─► output ─► flush
 *
 *   startup ──► authenticating ───► ready ◄──────────┐
 *     │ SSLRequest, GSSENCRequest: N  │ error in an    │ Sync
 *     │ CancelRequest                 ▼ extended query │
 *     └────────► finished ◄─────── skipping ───────────┘
 *
 * Threads: owned by one thread at a time, handed over between the loop and a worker. The loop runs what
 * cannot block; when the next message may (parse, bind, anything but a key lookup of a bound statement),
 * run() says PGWIRE_WORK and leaves it for a worker. Only pgwire_cancel() may be called by others.
 *
 * Untrusted input: sizes are checked before anything is believed; memory is bounded by bytes received and by
 * limits below.
 */
#ifndef KAPPA_SERVER_PGWIRE_H
#define KAPPA_SERVER_PGWIRE_H

#include "server/sql_session.h"

enum {
	PGWIRE_STARTUP_BYTES_MAX = 10000,
	PGWIRE_MESSAGE_BYTES_MAX = TEXT_SIZE_MAX + 1024 * 1024,
	PGWIRE_STATEMENTS_MAX = 10000, /* named prepared statements of a connection */
	PGWIRE_PORTALS_MAX = 1000,     /* named portals */
	PGWIRE_OUTPUT_FLUSH = 64 * 1024,
};

struct pgwire;

struct pgwire_io {
	void *context;
	/* On a worker: takes the bytes over (empties the buffer); blocks while the client is slow. CANCELLED when
	 * it is gone. */
	status (*flush)(void *context, struct buffer *bytes);
	/* A CancelRequest came on this connection. */
	void (*cancel)(void *context, int32_t backend_pid, int32_t cancel_key);
};

struct pgwire_options {
	const struct sql_environment *environment;
	struct pgwire_io io;
	int32_t backend_pid, cancel_key;
	const char *peer;  /* "127.0.0.1:4711", for diagnostics; copied; NULL = not known */
	bool offers_tls;   /* SSLRequest is answered with S, and run() with PGWIRE_ENCRYPT */
	bool requires_tls; /* who does not ask for it is refused */
};

enum pgwire_next {
	PGWIRE_READ, /* all complete messages are done: send the output, read more */
	PGWIRE_WORK, /* the next message may block: send the output, call pgwire_run(pgwire, true) on a worker */
	PGWIRE_FINISH,  /* send the output, close */
	PGWIRE_ENCRYPT, /* send the output, do the TLS handshake; then pgwire_secured() */
};

struct pgwire *pgwire_create(const struct pgwire_options *options);
void pgwire_destroy(struct pgwire *pgwire); /* accepts NULL */
/* Appends to the input. */
void pgwire_receive(struct pgwire *pgwire, struct slice bytes);
/* Handles messages. may_block: the caller is a worker. */
enum pgwire_next pgwire_run(struct pgwire *pgwire, bool may_block);
/* What is to be sent; the caller empties it. */
struct buffer *pgwire_output(struct pgwire *pgwire);
/* True until authentication is over: a deadline applies. */
bool pgwire_is_starting(const struct pgwire *pgwire);
/* The connection is encrypted from here on; `certificate_name`: whom the client's verified certificate
 * names, or NULL. */
void pgwire_secured(struct pgwire *pgwire, const char *certificate_name);
/* Did authentication fail? Then the output is better sent a little later, so that guessing is slow. */
bool pgwire_is_refused(const struct pgwire *pgwire);
/* Tells the client that the server is shutting down (57P01); owner only. */
void pgwire_shutdown(struct pgwire *pgwire);
/* Any thread: cancels the running statement, if any. */
void pgwire_cancel(struct pgwire *pgwire);

#endif
