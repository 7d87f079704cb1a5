/* The PostgreSQL listener: connections of the loop, protocol state machines, and workers brought together.
 *
 * Threads: loop thread.
 */
#ifndef KAPPA_SERVER_PG_LISTENER_H
#define KAPPA_SERVER_PG_LISTENER_H

#include "server/listener.h"
#include "server/sql_session.h"
#include "server/workers.h"

struct pg_server;

struct pg_server_options {
	struct loop *loop;
	struct listener_options listening; /* but for protocol and context; with workers */
	const struct sql_environment *environment;
};

status pg_server_open(const struct pg_server_options *options, struct pg_server **out) MUST_USE;
struct listener *pg_server_listener(const struct pg_server *server);
/* Cancels what runs, tells the clients, closes all connections. Idempotent. */
void pg_server_close(struct pg_server *server);
/* After the loop has ended and the workers are gone. Accepts NULL. */
void pg_server_destroy(struct pg_server *server);

#endif
