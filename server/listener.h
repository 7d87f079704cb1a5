/* TCP listeners: accept connections within their limits and give them to a protocol. Loop thread. */
#ifndef KAPPA_SERVER_LISTENER_H
#define KAPPA_SERVER_LISTENER_H

#include <stdatomic.h>

#include "server/connection.h"
#include "server/workers.h"

struct listener;

/* Connections closed as they came, by the limit they were beyond. Written by the loop, read by any thread. */
struct listener_refusals {
	atomic_ullong connections, per_address;
};

struct listener_options {
	const char *address;      /* numeric */
	int64_t port;             /* 0 = any free one */
	unsigned connections_max; /* more are closed as they come; 0 = 1000 */
	/* The same for those of one peer address, a whole IPv4 or IPv6 address; 0 = no limit of its own. */
	unsigned connections_per_address_max;
	struct listener_refusals *refusals; /* counts there, the caller's, who frees it later; may be NULL */
	struct workers *workers;            /* for connection_send_range(); may be NULL */
	struct output_budget *budget;       /* outlives the listener; NULL = no limit for all together */
	const struct protocol *protocol;    /* static */
	void *context;
	/* Of new connections: what it points to may be replaced on the loop thread. NULL, or to NULL: no TLS. */
	struct tls_context *const *tls;
	bool tls_required; /* a client that does not begin with TLS is refused */
};

/* Before loop_run() or on the loop thread. IO naming address and port. */
status listener_open(
	struct loop *loop, const struct listener_options *options, struct listener **out) MUST_USE;
int64_t listener_port(const struct listener *listener);
size_t listener_connection_count(const struct listener *listener);
/* Stops accepting and aborts all connections; frees itself when they are closed. Accepts NULL. */
void listener_close(struct listener *listener);

#endif
