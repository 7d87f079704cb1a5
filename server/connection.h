/* Connections: bytes between sockets and protocol state machines, which own no sockets.
 *
 *   accepted ──► received* ──► closed          drained: after output fell below the low mark
 *
 * All on the loop thread, except the connection_stream: the way for a worker to write to a client, with
 * backpressure. The peer may vanish at any time: closed() is then the protocol's last call. A connection
 * pointer is valid from accepted() until closed() returns.
 */
#ifndef KAPPA_SERVER_CONNECTION_H
#define KAPPA_SERVER_CONNECTION_H

#include "base/bytes.h"
#include "base/file_range.h"
#include "server/loop.h"
#include "server/output_budget.h"
#include "server/tls.h"

struct connection;

enum {
	/* Bytes waiting: drained() is called when they fall to this; all that a connection should hold while the
	 * output budget is spent. */
	CONNECTION_OUTPUT_LOW = 256 * 1024,
	CONNECTION_OUTPUT_HIGH = 1024 * 1024, /* a protocol should stop producing above this */
};

struct protocol {
	const char *name; /* "pg", for diagnostics */
	/* TLS begins when the protocol says so, by connection_secure(); otherwise with the first byte. */
	bool asks_for_tls;
	/* A new connection: returns the protocol's state for it, or NULL to close it at once. */
	void *(*accepted)(void *context, struct connection *connection);
	/* Where the next bytes may be read to (*size ≥ 1), to save a copy: received() then gets a slice of it.
	 * NULL: into a buffer of the loop's. */
	uint8_t *(*room)(void *state, size_t *size);
	/* Bytes arrived; valid during the call. */
	void (*received)(void *state, struct slice bytes);
	/* The TLS handshake is done; `certificate_name`: whom the client's verified certificate names, or NULL;
	 * valid during the call. Before received(). May be NULL. */
	void (*secured)(void *state, const char *certificate_name);
	/* Output had been above the high mark, or clogged, and fell to the low mark. May be NULL. */
	void (*drained)(void *state);
	/* The time set by connection_timer_set() is over. May be NULL. */
	void (*timeout)(void *state);
	/* The connection is gone, whoever closed it: the last call; frees the state or lets it go. */
	void (*closed)(void *state);
};

/* Writes at once what the socket takes, copies and queues the rest. Never fails: a broken connection closes.
 */
void connection_write(struct connection *connection, struct slice bytes);
/* The same, taking over the buffer's memory; it is left empty. */
void connection_write_buffer(struct connection *connection, struct buffer *bytes);
/* Sends a range of a file behind what was written before, and before what is written later, without reading
 * it; takes it over. Not with TLS, and only where the listener has workers. */
void connection_send_range(struct connection *connection, struct file_range *range);
/* Bytes of output not yet written: whole buffers, those the socket has begun to take, too, and what is left
 * of ranges.
 */
size_t connection_pending(const struct connection *connection);
/* Has the client more to take than `usual_max` bytes, or than CONNECTION_OUTPUT_LOW while the budget is
 * spent? Then drained() will be called. */
bool connection_is_clogged(struct connection *connection, size_t usual_max);
/* The budget for all connections' output is spent: make answers small. */
bool connection_output_is_scarce(const struct connection *connection);
/* The handshake comes next; what was received until now has been used up. Only when listener has TLS. */
void connection_secure(struct connection *connection);
/* Does the listener offer TLS to new connections? */
bool connection_offers_tls(const struct connection *connection);
/* Stops and restarts received(). */
void connection_read_pause(struct connection *connection);
void connection_read_resume(struct connection *connection);
/* Calls timeout() once, that long from now; a negative time cancels. */
void connection_timer_set(struct connection *connection, int64_t delay_ms);
/* Closes after all output is written (or 10 s). No more received(), drained() or timeout(). */
void connection_finish(struct connection *connection);
/* Closes now. closed() is called later, from the loop. */
void connection_abort(struct connection *connection);
const char *connection_peer(const struct connection *connection); /* "127.0.0.1:4711" */
struct loop *connection_loop(const struct connection *connection);

/* ---- writing from a worker ---- */

struct connection_stream; /* reference counted */

/* Loop thread; one reference. When the connection is aborted or lost, writers wake up and get CANCELLED from
 * then on. */
struct connection_stream *connection_stream_create(struct connection *connection);
struct connection_stream *connection_stream_retain(struct connection_stream *stream);
void connection_stream_release(struct connection_stream *stream); /* accepts NULL */
/* Worker: hands bytes to the loop, in order; blocks while more than CONNECTION_OUTPUT_HIGH bytes wait for a
 * slow client. CANCELLED when the connection is gone. */
status connection_stream_write(struct connection_stream *stream, struct slice bytes) MUST_USE;
/* Any thread: has the connection gone? For polling by long queries. */
bool connection_stream_is_detached(struct connection_stream *stream);

#endif
