/* What connection*.c and listener.c share. Loop thread only, but for the streams, whose fields have a mutex.
 */
#ifndef KAPPA_SERVER_CONNECTION_INTERNAL_H
#define KAPPA_SERVER_CONNECTION_INTERNAL_H

#include <netinet/in.h>

#include "server/connection.h"
#include "server/workers.h"

enum { CONNECTION_READ_BYTES = 64 * 1024, CONNECTION_PEER_TEXT_MAX = 64 };

/* What the client speaks. */
enum transport {
	TRANSPORT_UNDECIDED, /* the first byte will say */
	TRANSPORT_PLAIN,
	TRANSPORT_TLS,
};

/* The connections of one listener, and what they have in common. */
struct connection_set {
	struct loop *loop;
	const struct protocol *protocol;
	struct workers *workers;      /* NULL: no ranges are sent */
	struct output_budget *budget; /* or NULL */
	struct tls_context *const *tls;
	bool tls_required;
	size_t count;                              /* not closing */
	struct connection *list;                   /* newest first, until they are freed */
	void (*freed)(struct connection_set *set); /* after one was */
	uint8_t input[CONNECTION_READ_BYTES];      /* of the connection whose read callback is running */
};

struct connection {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_shutdown_t shutdown;
	uv_idle_t again; /* TLS: what is decrypted already is given out after a pause */
	enum transport transport;
	struct tls *tls;
	bool pumping, secured;
	struct connection_set *set;
	struct connection *next, **link;
	void *state; /* the protocol's */
	struct connection_stream *streams;
	size_t pending_bytes;
	unsigned writes;                       /* under way in libuv */
	struct output *waiting, **waiting_end; /* not begun; the first is a range */
	struct transfer *transfer;             /* the range being sent, or NULL */
	unsigned handles;                      /* not yet closed */
	bool above_high, reading, finishing, closing;
	struct in6_addr address; /* IPv4: as IPv6 maps it */
	char peer[CONNECTION_PEER_TEXT_MAX];
};

/* In the set, with its handles begun; not accepted yet. */
struct connection *connection_create(struct connection_set *set);

/* ---- output ---- */

/* All output is written: tell the peer, and wait for its end. */
void connection_shut_down(struct connection *connection);
/* Sends what TLS has to say. */
void connection_tls_flush(struct connection *connection);
/* So much of what was pending has left. */
void connection_output_sent(struct connection *connection, size_t size);
/* The connection is closing: frees what was not begun. */
void connection_output_drop(struct connection *connection);

/* ---- ranges ---- */

/* Takes over the range and sends it; connection_output_sent() tells of it. No other output is under way. */
void connection_transfer_begin(struct connection *connection, struct file_range *range);
/* The connection is closing. */
void connection_transfer_abandon(struct connection *connection);

/* ---- streams ---- */

/* The connection's output is that much now. */
void connection_streams_tell(struct connection *connection);
/* It is going; its writers wake up. */
void connection_streams_detach(struct connection *connection);

#endif
