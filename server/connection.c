/* A connection's life, and its input.
 *
 *   open ──finish──► finishing ──► closing ──► freed
 *     └──────abort / error / end──────┘
 *   open       bytes go both ways
 *   finishing  what is queued is still written, then our side is shut down; input is read and thrown away
 *              until the peer closes too, so that the kernel does not reset the connection under the answer
 *   closing    handles are being closed; when all are, closed() is called and the memory freed
 */
#include "server/connection.h"

#include <string.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "server/connection_internal.h"

enum { FINISH_MS_MAX = 10000 };

/* ---- beginning ---- */

struct connection *connection_create(struct connection_set *set)
{
	struct connection *connection = mem_alloc_zeroed(1, sizeof *connection);
	uv_loop_t *uv = loop_uv(set->loop);
	connection->set = set;
	uv_tcp_init(uv, &connection->tcp);
	uv_timer_init(uv, &connection->timer);
	connection->tcp.data = connection;
	uv_idle_init(uv, &connection->again);
	connection->timer.data = connection;
	connection->again.data = connection;
	connection->handles = 3;
	connection->transport = TRANSPORT_PLAIN;
	if (!set->protocol->asks_for_tls)
		connection->transport = TRANSPORT_UNDECIDED;
	connection->next = set->list;
	connection->link = &set->list;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	set->list = connection;
	set->count++;
	return connection;
}

/* ---- closing ---- */

static void connection_handle_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	if (--connection->handles > 0)
		return;
	struct connection_set *set = connection->set;
	if (connection->state != NULL)
		set->protocol->closed(connection->state);
	tls_destroy(connection->tls);
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	mem_free(connection);
	set->freed(set);
}

void connection_abort(struct connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	connection->set->count--; /* those refused take nobody's place until they are freed */
	connection_streams_detach(connection);
	connection_output_drop(connection);
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

void connection_shut_down(struct connection *connection)
{
	if (uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, connection_shut) != 0)
		connection_abort(connection);
}

static void connection_timed_out(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	const struct protocol *protocol = connection->set->protocol;
	if (connection->finishing)
		connection_abort(connection);
	else if (protocol->timeout != NULL)
		protocol->timeout(connection->state);
}

void connection_finish(struct connection *connection)
{
	if (connection->closing || connection->finishing)
		return;
	connection_read_resume(connection);
	if (connection->tls != NULL) {
		tls_finish(connection->tls);
		connection_tls_flush(connection);
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
	struct connection_set *set = connection->set;
	size_t size = CONNECTION_READ_BYTES;
	uint8_t *room = set->input;
	bool direct = connection->transport == TRANSPORT_PLAIN;
	if (direct && !connection->finishing && set->protocol->room != NULL)
		room = set->protocol->room(connection->state, &size);
	*out = uv_buf_init((char *)room, (unsigned)(size < INT32_MAX ? size : INT32_MAX));
}

/* ---- TLS ---- */

/* Gives out what is decrypted, until there is no more or the protocol pauses. */
static void tls_pump(struct connection *connection)
{
	const struct protocol *protocol = connection->set->protocol;
	if (connection->pumping)
		return;
	connection->pumping = true;
	while (connection->reading && !connection->closing && !connection->finishing) {
		size_t size = CONNECTION_READ_BYTES, got = 0;
		uint8_t *room = connection->set->input;
		if (protocol->room != NULL)
			room = protocol->room(connection->state, &size);
		status result = tls_read(connection->tls, room, size, &got);
		connection_tls_flush(connection);
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
	connection->tls = tls_create(*connection->set->tls);
}

bool connection_offers_tls(const struct connection *connection)
{
	return connection->set->tls != NULL && *connection->set->tls != NULL;
}

/* ---- input ---- */

static void bytes_take(struct connection *connection, struct slice bytes)
{
	const struct protocol *protocol = connection->set->protocol;
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
	const struct protocol *protocol = connection->set->protocol;
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
	const struct connection_set *set = connection->set;
	bool tls = bytes.data[0] == TLS_HANDSHAKE;
	if (tls && connection_offers_tls(connection)) {
		connection_secure(connection);
		bytes_take(connection, bytes);
	} else if (!tls && set->tls_required && connection_offers_tls(connection)) {
		diag(DIAG_WARN, set->protocol->name, "plaintext_refused",
			"peer=%s error=\"this port speaks TLS; the client began without it\"", connection->peer);
		connection_abort(connection);
	} else if (tls) {
		diag(DIAG_WARN, set->protocol->name, "tls_refused",
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

const char *connection_peer(const struct connection *connection)
{
	return connection->peer;
}

struct loop *connection_loop(const struct connection *connection)
{
	return connection->set->loop;
}
