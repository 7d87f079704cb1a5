/* One Kafka connection, bytes in and bytes out. Sockets, timers and threads are the server's.
 *
 *            server's network thread                              other threads
 *   socket ──► kafka_session_receive() ──► decode ──► handle ─┬──► log_append() ──► log writer ─┐
 *   socket ◄── io.send() ◄── encode ◄── in request order ◄────┤                                 │ io.wake()
 *              kafka_session_resume() ◄───────────────────────┴──► io.run_blocking() ──► worker ─┘
 *
 * A request's life:   frame ─► running ─► answered ─► sent.      Invariants:
 *   S1  Answers leave in the order of the requests, each exactly once (acks=0 produce: none).
 *   S2  Produce requests overlap with each other, up to the broker's in_flight_max; any other request starts
 *       when all before it are answered, and nothing starts until it is. So a client that does not wait sees
 *       its requests take effect in order, as with Kafka.
 *   S3  A produce is answered after its records are durable, whatever its acks.
 *   S4  Memory stays within a small multiple of the bytes received: frames grow as bytes arrive, decoding is
 *       bounded by the frame's size, fetched bytes by the broker's fetch_bytes_max. Records sent as ranges of
 *       files take no memory but a descriptor each, few in one answer; answers wait while unsent() is large.
 *
 * Threads: all functions are called on the session's one network thread.
 *
 * What the server does:
 *   - bytes arrived → kafka_session_receive(), or _room() + _received() to read without a copy;
 *   - io.wake() was called, a deadline passed, or the socket's write queue shrank → kafka_session_resume();
 *   - the log's `advanced` callback fired → kafka_waits_look() of the broker, which wakes those it concerns;
 *   - after any of these: read from the socket only while kafka_session_wants_bytes(), and arm a timer for
 *     kafka_session_deadline_ms();
 *   - receive, received or resume failed → close the connection (error_current() says why; log it) and
 * destroy.
 */
#ifndef KAPPA_INGEST_KAFKA_SESSION_H
#define KAPPA_INGEST_KAFKA_SESSION_H

#include "base/bytes.h"
#include "base/file_range.h"
#include "base/status.h"
#include "ingest/kafka_broker.h"

struct kafka_session;

/* What a session asks of its server; copied. */
struct kafka_session_io {
	void *context;
	/* Network thread, from inside receive or resume. Takes over the buffer's memory: answers, or pieces of
	 * one, to be written in order; the server calls buffer_deinit() once written. Must not call into the
	 * session. */
	void (*send)(void *context, struct buffer *bytes);
	/* Network thread, from inside receive or resume. Takes over the range: bytes to be written in order with
	 * those of send(), straight from the file. Not used on an encrypted connection. NULL = not possible: all
	 * is sent as bytes. */
	void (*send_range)(void *context, struct file_range *range);
	/* Does the client leave too much of what send() and send_range() were given untaken (usually
	 * SEND_BYTES_MAX)? Then no further request is started; call kafka_session_resume() when that changes.
	 * NULL = never. */
	bool (*clogged)(void *context);
	/* Any thread: something finished, call kafka_session_resume() soon on the network thread. Must not block
	 * or call into the session (uv_async_send does neither). Never called after kafka_session_destroy()
	 * returned. */
	void (*wake)(void *context);
	/* Network thread: has `function(argument)` called exactly once on some other thread, where it may block
	 * on the disk; also during shutdown, and even if the session is destroyed meanwhile; before log_close().
	 */
	void (*run_blocking)(void *context, void (*function)(void *argument), void *argument);
	/* Address of the client, "127.0.0.1:4711"; copied. NULL = not known. */
	const char *peer;
};

enum {
	KAFKA_SESSION_SEND_BYTES_MAX = 8 * 1024 * 1024,
	KAFKA_SESSION_UNKNOWN_BYTES_MAX = 10000, /* of a request before authentication */
	KAFKA_SESSION_UNKNOWN_MS_MAX = 60000,
};

/* The broker is borrowed; see there how long. */
struct kafka_session *kafka_session_create(struct kafka_broker *broker, const struct kafka_session_io *io);
/* Safe with appends and blocking calls under way: they finish, their answers go nowhere. Accepts NULL. */
void kafka_session_destroy(struct kafka_session *session);

/* Once, before the first bytes: who has to authenticate has a minute from now on. */
void kafka_session_begin(struct kafka_session *session, int64_t now_ms);
/* The connection is encrypted; `certificate_name`: whom the client's verified certificate names, or NULL. */
void kafka_session_secured(struct kafka_session *session, const char *certificate_name);

/* Takes any number of bytes, whole requests or not, and runs what is complete. now_ms is the monotonic
 * clock's. PROTOCOL, UNSUPPORTED, TOO_LARGE: close the connection; answers that were due before have been
 * sent. */
status kafka_session_receive(struct kafka_session *session, struct slice bytes, int64_t now_ms) MUST_USE;

/* The same without a copy: where the next bytes may be read to (*size ≥ 1 of them, valid until the next call
 * on this session), then how many have been. */
uint8_t *kafka_session_room(struct kafka_session *session, size_t *size);
status kafka_session_received(struct kafka_session *session, size_t size, int64_t now_ms) MUST_USE;

/* Sends what has become ready, looks at a parked fetch again, goes on after backpressure. Cheap when idle.
 * Fails like kafka_session_receive(). */
status kafka_session_resume(struct kafka_session *session, int64_t now_ms) MUST_USE;

/* False: leave bytes in the socket (backpressure); ask again after the next resume. */
bool kafka_session_wants_bytes(const struct kafka_session *session);
/* When to call resume() at the latest; INT64_MAX = no need. */
int64_t kafka_session_deadline_ms(struct kafka_session *session);

#endif
