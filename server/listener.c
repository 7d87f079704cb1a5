/* Listeners and connections over libuv.
 *
 * A connection's life:   open ──finish──► finishing ──► closing ──► freed
 *                          └──────abort / error / end──────┘
 *   open       bytes go both ways
 *   finishing  what is queued is still written, then our side is shut down; input is read and thrown away
 * until the peer closes too, so that the kernel does not reset the connection under the answer closing
 * handles are being closed; when both are, closed() is called and the memory freed
 *
 * Loop thread only, but for the streams, whose fields have a mutex.
 */
#include "server/listener.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "server/workers.h"

enum {
	BACKLOG = 511,
	READ_BYTES = 64 * 1024,
	FINISH_MS_MAX = 10000,
	CONNECTIONS_DEFAULT = 1000,
	PEER_TEXT_MAX = 64,
	REFUSAL_LOG_MS = 1000, /* between two lines on refused connections */
};

/* What the client speaks. */
enum transport {
	TRANSPORT_UNDECIDED, /* the first byte will say */
	TRANSPORT_PLAIN,
	TRANSPORT_TLS,
};

struct listener {
	uv_tcp_t tcp;
	struct loop *loop;
	const struct protocol *protocol;
	void *context;
	int64_t port;
	unsigned connections_max, connections_per_address_max;
	struct tls_context *const *tls;
	bool tls_required;
	size_t connection_count; /* not closing */
	struct connection *connections;
	struct listener_refusals *refusals, own_refusals; /* the first may be the second */
	unsigned long long refusals_logged;               /* told of */
	uint64_t refusal_logged_ms;
	bool closing, closed;
	uint8_t input[READ_BYTES]; /* of the connection whose read callback is running */
};

struct connection {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_shutdown_t shutdown;
	uv_idle_t again; /* TLS: what is decrypted already is given out after a pause */
	enum transport transport;
	struct tls *tls;
	bool pumping, secured;
	struct listener *listener;
	struct connection *next, **link;
	void *state; /* the protocol's */
	struct connection_stream *streams;
	size_t pending_bytes;
	unsigned handles; /* not yet closed */
	bool above_high, reading, finishing, closing;
	struct in6_addr address; /* IPv4: as IPv6 maps it */
	char peer[PEER_TEXT_MAX];
};

/* Output the socket did not take at once. */
struct pending_write {
	uv_write_t request;
	struct connection *connection;
	struct buffer bytes;
};

struct connection_stream {
	struct loop_task task;
	struct loop *loop;
	atomic_uint references;
	/* loop thread */
	struct connection *connection;
	struct connection_stream *next, **link;
	/* shared */
	pthread_mutex_t mutex;
	pthread_cond_t room;
	struct buffer waiting; /* from workers, not yet the loop's */
	size_t unsent_bytes;   /* the connection's, when last looked at */
	bool posted;
	atomic_bool detached;
};

/* ---- streams ---- */

static void stream_unsent_set(struct connection_stream *stream, size_t unsent_bytes)
{
	pthread_mutex_lock(&stream->mutex);
	stream->unsent_bytes = unsent_bytes;
	if (unsent_bytes <= CONNECTION_OUTPUT_LOW)
		pthread_cond_broadcast(&stream->room);
	pthread_mutex_unlock(&stream->mutex);
}

static void stream_detach(struct connection_stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	atomic_store(&stream->detached, true);
	pthread_cond_broadcast(&stream->room);
	pthread_mutex_unlock(&stream->mutex);
	stream->connection = NULL;
	*stream->link = stream->next;
	if (stream->next != NULL)
		stream->next->link = stream->link;
	connection_stream_release(stream);
}

static void stream_run(struct loop_task *task)
{
	struct connection_stream *stream = (struct connection_stream *)task;
	struct buffer bytes;
	pthread_mutex_lock(&stream->mutex);
	bytes = stream->waiting;
	buffer_init(&stream->waiting);
	stream->posted = false;
	if (stream->connection != NULL)
		stream->unsent_bytes = bytes.size + connection_pending(stream->connection);
	pthread_mutex_unlock(&stream->mutex);
	if (stream->connection != NULL) {
		connection_write_buffer(stream->connection, &bytes);
		if (stream->connection != NULL)
			stream_unsent_set(stream, connection_pending(stream->connection));
	}
	buffer_deinit(&bytes);
	connection_stream_release(stream);
}

struct connection_stream *connection_stream_create(struct connection *connection)
{
	struct connection_stream *stream = mem_alloc_zeroed(1, sizeof *stream);
	stream->task.run = stream_run;
	stream->loop = connection->listener->loop;
	atomic_init(&stream->references, 2); /* the caller's and the connection's */
	pthread_mutex_init(&stream->mutex, NULL);
	pthread_cond_init(&stream->room, NULL);
	buffer_init(&stream->waiting);
	stream->connection = connection;
	stream->next = connection->streams;
	stream->link = &connection->streams;
	if (stream->next != NULL)
		stream->next->link = &stream->next;
	connection->streams = stream;
	if (connection->closing)
		stream_detach(stream);
	return stream;
}

struct connection_stream *connection_stream_retain(struct connection_stream *stream)
{
	atomic_fetch_add(&stream->references, 1);
	return stream;
}

void connection_stream_release(struct connection_stream *stream)
{
	if (stream == NULL || atomic_fetch_sub(&stream->references, 1) > 1)
		return;
	buffer_deinit(&stream->waiting);
	pthread_cond_destroy(&stream->room);
	pthread_mutex_destroy(&stream->mutex);
	mem_free(stream);
}

static bool stream_is_full(struct connection_stream *stream)
{
	return !atomic_load(&stream->detached) &&
		   stream->waiting.size + stream->unsent_bytes > CONNECTION_OUTPUT_HIGH;
}

status connection_stream_write(struct connection_stream *stream, struct slice bytes)
{
	pthread_mutex_lock(&stream->mutex);
	if (stream_is_full(stream)) {
		workers_wait_begin();
		while (stream_is_full(stream))
			pthread_cond_wait(&stream->room, &stream->mutex);
		workers_wait_end();
	}
	bool detached = atomic_load(&stream->detached);
	if (!detached) {
		buffer_append(&stream->waiting, bytes.data, bytes.size);
		if (!stream->posted) {
			stream->posted = true;
			connection_stream_retain(stream);
			loop_post(stream->loop, &stream->task);
		}
	}
	pthread_mutex_unlock(&stream->mutex);
	return detached ? error_raise(STATUS_CANCELLED, "the client closed the connection") : STATUS_OK;
}

bool connection_stream_is_detached(struct connection_stream *stream)
{
	return atomic_load(&stream->detached);
}

/* ---- closing ---- */

static void listener_free_if_done(struct listener *listener)
{
	if (listener->closed && listener->connections == NULL)
		mem_free(listener);
}

static void connection_handle_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	if (--connection->handles > 0)
		return;
	struct listener *listener = connection->listener;
	if (connection->state != NULL)
		listener->protocol->closed(connection->state);
	tls_destroy(connection->tls);
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	mem_free(connection);
	listener_free_if_done(listener);
}

void connection_abort(struct connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	connection->listener->connection_count--; /* those refused take nobody's place until they are freed */
	while (connection->streams != NULL)
		stream_detach(connection->streams);
	uv_close((uv_handle_t *)&connection->tcp, connection_handle_closed);
	uv_close((uv_handle_t *)&connection->timer, connection_handle_closed);
	uv_close((uv_handle_t *)&connection->again, connection_handle_closed);
}

static void connection_shut(uv_shutdown_t *request, int failed)
{
	struct connection *connection = request->handle->data;
	if (failed != 0)
		connection_abort(connection);
}

/* All output is written: tell the peer, and wait for its end. */
static void connection_shut_down(struct connection *connection)
{
	if (uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, connection_shut) != 0)
		connection_abort(connection);
}

static void connection_timed_out(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	const struct protocol *protocol = connection->listener->protocol;
	if (connection->finishing)
		connection_abort(connection);
	else if (protocol->timeout != NULL)
		protocol->timeout(connection->state);
}

static void tls_flush(struct connection *connection);

void connection_finish(struct connection *connection)
{
	if (connection->closing || connection->finishing)
		return;
	connection_read_resume(connection);
	if (connection->tls != NULL) {
		tls_finish(connection->tls);
		tls_flush(connection);
		if (connection->closing)
			return;
	}
	connection->finishing = true;
	uv_timer_start(&connection->timer, connection_timed_out, FINISH_MS_MAX, 0);
	if (connection->pending_bytes == 0)
		connection_shut_down(connection);
}

void connection_timer_set(struct connection *connection, int64_t delay_ms)
{
	if (connection->closing || connection->finishing)
		return;
	if (delay_ms < 0)
		uv_timer_stop(&connection->timer);
	else
		uv_timer_start(&connection->timer, connection_timed_out, (uint64_t)delay_ms, 0);
}

/* ---- reading ---- */

static void read_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	struct connection *connection = handle->data;
	struct listener *listener = connection->listener;
	size_t size = READ_BYTES;
	uint8_t *room = listener->input;
	bool direct = connection->transport == TRANSPORT_PLAIN;
	if (direct && !connection->finishing && listener->protocol->room != NULL)
		room = listener->protocol->room(connection->state, &size);
	*out = uv_buf_init((char *)room, (unsigned)(size < INT32_MAX ? size : INT32_MAX));
}

/* ---- TLS ---- */

/* Gives out what is decrypted, until there is no more or the protocol pauses. */
static void tls_pump(struct connection *connection)
{
	const struct protocol *protocol = connection->listener->protocol;
	if (connection->pumping)
		return;
	connection->pumping = true;
	while (connection->reading && !connection->closing && !connection->finishing) {
		size_t size = READ_BYTES, got = 0;
		uint8_t *room = connection->listener->input;
		if (protocol->room != NULL)
			room = protocol->room(connection->state, &size);
		status result = tls_read(connection->tls, room, size, &got);
		tls_flush(connection);
		if (!connection->secured && tls_is_established(connection->tls)) {
			connection->secured = true;
			if (protocol->secured != NULL)
				protocol->secured(connection->state, tls_certificate_name(connection->tls));
		}
		if (result != STATUS_OK && !connection->closing) {
			if (result != STATUS_END)
				diag(DIAG_WARN, protocol->name, "tls_failed", "peer=%s error=\"%s\"", connection->peer,
					error_current()->text);
			connection_finish(connection); /* with an alert, where there is one */
			break;
		}
		if (got == 0)
			break;
		if (!connection->closing)
			protocol->received(connection->state, slice_of(room, got));
	}
	connection->pumping = false;
}

static void tls_pump_again(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	tls_pump(idle->data);
}

void connection_secure(struct connection *connection)
{
	INVARIANT(connection_offers_tls(connection) && connection->tls == NULL);
	connection->transport = TRANSPORT_TLS;
	connection->tls = tls_create(*connection->listener->tls);
}

bool connection_offers_tls(const struct connection *connection)
{
	return connection->listener->tls != NULL && *connection->listener->tls != NULL;
}

/* ---- input ---- */

static void bytes_take(struct connection *connection, struct slice bytes)
{
	const struct protocol *protocol = connection->listener->protocol;
	if (connection->transport == TRANSPORT_TLS) {
		tls_receive(connection->tls, bytes);
		tls_pump(connection);
	} else {
		protocol->received(connection->state, bytes);
	}
}

/* Plain bytes that were not read to where the protocol wanted them. */
static void bytes_give(struct connection *connection, struct slice bytes)
{
	const struct protocol *protocol = connection->listener->protocol;
	while (bytes.size != 0 && !connection->closing && !connection->finishing) {
		struct slice part = bytes;
		if (protocol->room != NULL) {
			size_t size = 0;
			uint8_t *room = protocol->room(connection->state, &size);
			if (part.size > size)
				part.size = size;
			memcpy(room, part.data, part.size);
			part.data = room;
		}
		bytes.data += part.size;
		bytes.size -= part.size;
		protocol->received(connection->state, part);
	}
}

static void transport_decide(struct connection *connection, struct slice bytes)
{
	enum { TLS_HANDSHAKE = 0x16 };
	const struct listener *listener = connection->listener;
	bool tls = bytes.data[0] == TLS_HANDSHAKE;
	if (tls && connection_offers_tls(connection)) {
		connection_secure(connection);
		bytes_take(connection, bytes);
	} else if (!tls && listener->tls_required && connection_offers_tls(connection)) {
		diag(DIAG_WARN, listener->protocol->name, "plaintext_refused",
			"peer=%s error=\"this port speaks TLS; the client began without it\"", connection->peer);
		connection_abort(connection);
	} else if (tls) {
		diag(DIAG_WARN, listener->protocol->name, "tls_refused",
			"peer=%s error=\"this port speaks no TLS; the client began with it\"", connection->peer);
		connection_abort(connection);
	} else {
		connection->transport = TRANSPORT_PLAIN;
		bytes_give(connection, bytes);
	}
}

static void read_done(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	struct connection *connection = stream->data;
	if (size < 0) {
		connection_abort(connection);
	} else if (size > 0 && !connection->finishing) {
		struct slice bytes = slice_of(buffer->base, (size_t)size);
		if (connection->transport == TRANSPORT_UNDECIDED)
			transport_decide(connection, bytes);
		else
			bytes_take(connection, bytes);
	}
}

void connection_read_pause(struct connection *connection)
{
	if (connection->reading && !connection->closing && !connection->finishing) {
		connection->reading = false;
		uv_read_stop((uv_stream_t *)&connection->tcp);
	}
}

void connection_read_resume(struct connection *connection)
{
	if (connection->reading || connection->closing)
		return;
	connection->reading = true;
	if (connection->tls != NULL && !connection->finishing)
		uv_idle_start(&connection->again, tls_pump_again);
	if (uv_read_start((uv_stream_t *)&connection->tcp, read_room, read_done) != 0)
		connection_abort(connection);
}

/* ---- writing ---- */

static void write_done(uv_write_t *request, int failed)
{
	struct pending_write *write = request->data;
	struct connection *connection = write->connection;
	connection->pending_bytes -= write->bytes.size;
	buffer_deinit(&write->bytes);
	mem_free(write);
	if (connection->closing)
		return;
	if (failed != 0) {
		connection_abort(connection);
		return;
	}
	for (struct connection_stream *stream = connection->streams; stream != NULL; stream = stream->next)
		stream_unsent_set(stream, connection->pending_bytes);
	if (connection->finishing) {
		if (connection->pending_bytes == 0)
			connection_shut_down(connection);
		return;
	}
	const struct protocol *protocol = connection->listener->protocol;
	if (connection->above_high && connection->pending_bytes <= CONNECTION_OUTPUT_LOW) {
		connection->above_high = false;
		if (protocol->drained != NULL)
			protocol->drained(connection->state);
	}
}

/* Bytes the socket takes now; 0 while others wait before them. */
static size_t write_now(struct connection *connection, struct slice bytes)
{
	if (connection->pending_bytes > 0 || bytes.size == 0)
		return 0;
	uv_buf_t part = uv_buf_init(
		(char *)(uintptr_t)bytes.data, (unsigned)(bytes.size < INT32_MAX ? bytes.size : INT32_MAX));
	int written = uv_try_write((uv_stream_t *)&connection->tcp, &part, 1);
	return written > 0 ? (size_t)written : 0;
}

/* `from`: the bytes before it are written. */
static void write_queue(struct connection *connection, struct buffer *bytes, size_t from)
{
	struct pending_write *write = mem_alloc(sizeof *write);
	write->request.data = write;
	write->connection = connection;
	write->bytes = *bytes;
	buffer_init(bytes);
	size_t left = write->bytes.size - from;
	INVARIANT(left <= UINT32_MAX);
	uv_buf_t part = uv_buf_init((char *)write->bytes.data + from, (unsigned)left);
	if (uv_write(&write->request, (uv_stream_t *)&connection->tcp, &part, 1, write_done) != 0) {
		buffer_deinit(&write->bytes);
		mem_free(write);
		connection_abort(connection);
		return;
	}
	connection->pending_bytes += write->bytes.size; /* what was written before is held as long */
	if (connection->pending_bytes > CONNECTION_OUTPUT_HIGH)
		connection->above_high = true;
}

static void raw_write(struct connection *connection, struct buffer *bytes)
{
	if (!connection->closing) {
		size_t written = write_now(connection, buffer_slice(bytes));
		if (written < bytes->size) {
			write_queue(connection, bytes, written);
			return;
		}
	}
	buffer_deinit(bytes);
	buffer_init(bytes);
}

static void tls_flush(struct connection *connection)
{
	struct buffer out;
	buffer_init(&out);
	tls_output(connection->tls, &out);
	raw_write(connection, &out);
}

/* In pieces, so that plaintext and ciphertext are not both whole in memory twice. */
static void tls_send(struct connection *connection, struct slice bytes)
{
	enum { PIECE = 256 * 1024 };
	struct buffer out;
	buffer_init(&out);
	while (bytes.size != 0) {
		struct slice piece = slice_of(bytes.data, bytes.size < PIECE ? bytes.size : PIECE);
		tls_write(connection->tls, piece);
		tls_output(connection->tls, &out);
		bytes.data += piece.size;
		bytes.size -= piece.size;
	}
	raw_write(connection, &out);
}

void connection_write(struct connection *connection, struct slice bytes)
{
	if (connection->closing)
		return;
	if (connection->tls != NULL) {
		tls_send(connection, bytes);
		return;
	}
	size_t written = write_now(connection, bytes);
	if (written == bytes.size)
		return;
	struct buffer rest;
	buffer_init(&rest);
	buffer_append(&rest, bytes.data + written, bytes.size - written);
	write_queue(connection, &rest, 0);
}

void connection_write_buffer(struct connection *connection, struct buffer *bytes)
{
	if (connection->tls == NULL) {
		raw_write(connection, bytes);
		return;
	}
	if (!connection->closing)
		tls_send(connection, buffer_slice(bytes));
	buffer_deinit(bytes);
	buffer_init(bytes);
}

size_t connection_pending(const struct connection *connection)
{
	return connection->pending_bytes;
}

const char *connection_peer(const struct connection *connection)
{
	return connection->peer;
}

struct loop *connection_loop(const struct connection *connection)
{
	return connection->listener->loop;
}

/* ---- accepting ---- */

static void address_format(const struct sockaddr_storage *address, char text[PEER_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
		uv_ip6_name(six, ip, sizeof ip);
		snprintf(text, PEER_TEXT_MAX, "[%s]:%u", ip, ntohs(six->sin6_port));
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)address;
		uv_ip4_name(four, ip, sizeof ip);
		snprintf(text, PEER_TEXT_MAX, "%s:%u", ip, ntohs(four->sin_port));
	}
}

static struct in6_addr address_key(const struct sockaddr_storage *address)
{
	struct in6_addr key = {0};
	if (address->ss_family == AF_INET6) {
		key = ((const struct sockaddr_in6 *)address)->sin6_addr;
	} else {
		key.s6_addr[10] = key.s6_addr[11] = 0xff;
		memcpy(key.s6_addr + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	}
	return key;
}

/* Looks at every connection, which costs microseconds for thousands, and only where the limit can matter;
 * newer ones come first, so that a flood from one address is soon counted. */
static bool address_is_full(const struct connection *newest)
{
	const struct listener *listener = newest->listener;
	unsigned limit = listener->connections_per_address_max;
	if (limit == 0 || limit >= listener->connections_max)
		return false;
	unsigned count = 0;
	for (const struct connection *other = listener->connections; other != NULL && count <= limit;
		 other = other->next)
		if (!other->closing && memcmp(&other->address, &newest->address, sizeof other->address) == 0)
			count++;
	return count > limit;
}

/* Whoever is refused may come again at once, and often: one line a second says how many there were. */
static void connection_refuse(
	struct connection *connection, const char *option, unsigned limit, atomic_ullong *count)
{
	struct listener *listener = connection->listener;
	atomic_fetch_add(count, 1);
	uint64_t now_ms = uv_now(loop_uv(listener->loop));
	if (listener->refusals_logged == 0 || now_ms - listener->refusal_logged_ms >= REFUSAL_LOG_MS) {
		unsigned long long refused =
			atomic_load(&listener->refusals->connections) + atomic_load(&listener->refusals->per_address);
		diag(DIAG_WARN, listener->protocol->name, "connection_refused", "peer=%s %s=%u refused=%llu",
			connection->peer, option, limit, refused - listener->refusals_logged);
		listener->refusals_logged = refused;
		listener->refusal_logged_ms = now_ms;
	}
	connection_abort(connection);
}

static struct connection *connection_create(struct listener *listener)
{
	struct connection *connection = mem_alloc_zeroed(1, sizeof *connection);
	uv_loop_t *uv = loop_uv(listener->loop);
	connection->listener = listener;
	uv_tcp_init(uv, &connection->tcp);
	uv_timer_init(uv, &connection->timer);
	connection->tcp.data = connection;
	uv_idle_init(uv, &connection->again);
	connection->timer.data = connection;
	connection->again.data = connection;
	connection->handles = 3;
	connection->transport = TRANSPORT_PLAIN;
	if (!listener->protocol->asks_for_tls)
		connection->transport = TRANSPORT_UNDECIDED;
	connection->next = listener->connections;
	connection->link = &listener->connections;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	listener->connections = connection;
	listener->connection_count++;
	return connection;
}

static void accept_one(uv_stream_t *server, int failed)
{
	struct listener *listener = server->data;
	if (failed != 0) {
		diag(DIAG_WARN, listener->protocol->name, "accept_failed", "error=\"%s\"", uv_strerror(failed));
		return;
	}
	struct connection *connection = connection_create(listener);
	if (uv_accept(server, (uv_stream_t *)&connection->tcp) != 0) {
		connection_abort(connection);
		return;
	}
	struct sockaddr_storage address = {0};
	int size = sizeof address;
	uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &size);
	address_format(&address, connection->peer);
	connection->address = address_key(&address);
	if (listener->connection_count > listener->connections_max) {
		connection_refuse(
			connection, "connections_max", listener->connections_max, &listener->refusals->connections);
		return;
	}
	if (address_is_full(connection)) {
		connection_refuse(connection, "connections_per_address_max", listener->connections_per_address_max,
			&listener->refusals->per_address);
		return;
	}
	uv_tcp_nodelay(&connection->tcp, 1);
	connection->state = listener->protocol->accepted(listener->context, connection);
	if (connection->state == NULL)
		connection_abort(connection);
	else
		connection_read_resume(connection);
}

static void listener_handle_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;
	listener->closed = true;
	listener_free_if_done(listener);
}

static int address_parse(const char *text, int64_t port, struct sockaddr_storage *out)
{
	int failed = uv_ip4_addr(text, (int)port, (struct sockaddr_in *)out);
	return failed == 0 ? 0 : uv_ip6_addr(text, (int)port, (struct sockaddr_in6 *)out);
}

status listener_open(struct loop *loop, const struct listener_options *options, struct listener **out)
{
	struct sockaddr_storage address = {0};
	if (address_parse(options->address, options->port, &address) != 0)
		return error_raise(STATUS_INVALID, "\"%s\" is not a numeric address", options->address);
	struct listener *listener = mem_alloc_zeroed(1, sizeof *listener);
	listener->loop = loop;
	listener->protocol = options->protocol;
	listener->context = options->context;
	listener->tls = options->tls;
	listener->tls_required = options->tls_required;
	listener->connections_max = options->connections_max > 0 ? options->connections_max : CONNECTIONS_DEFAULT;
	listener->connections_per_address_max = options->connections_per_address_max;
	listener->refusals = options->refusals != NULL ? options->refusals : &listener->own_refusals;
	uv_tcp_init(loop_uv(loop), &listener->tcp);
	listener->tcp.data = listener;
	int failed = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&address, 0);
	if (failed == 0)
		failed = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, accept_one);
	if (failed == 0) {
		int size = sizeof address;
		failed = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&address, &size);
	}
	if (failed != 0) {
		listener_close(listener);
		error_raise(STATUS_IO, "cannot listen on %s port %ld for %s: %s", options->address,
			(long)options->port, options->protocol->name, uv_strerror(failed));
		if (failed == UV_EADDRINUSE)
			error_hint("Choose another port, or 0 for any free one.");
		return STATUS_IO;
	}
	/* The port is at the same place for IPv4 and IPv6. */
	listener->port = ntohs(((const struct sockaddr_in *)&address)->sin_port);
	*out = listener;
	return STATUS_OK;
}

int64_t listener_port(const struct listener *listener)
{
	return listener->port;
}

size_t listener_connection_count(const struct listener *listener)
{
	return listener->connection_count;
}

void listener_close(struct listener *listener)
{
	if (listener == NULL || listener->closing)
		return;
	listener->closing = true;
	uv_close((uv_handle_t *)&listener->tcp, listener_handle_closed);
	struct connection *next = NULL;
	for (struct connection *connection = listener->connections; connection != NULL; connection = next) {
		next = connection->next;
		connection_abort(connection);
	}
}
