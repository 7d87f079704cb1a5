/* A connection's output: what the socket does not take at once waits in libuv's queue. */
#include <stdint.h>

#include "base/invariant.h"
#include "base/memory.h"
#include "server/connection_internal.h"

/* Output the socket did not take at once. */
struct pending_write {
	uv_write_t request;
	struct connection *connection;
	struct buffer bytes;
};

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
	connection_streams_tell(connection);
	if (connection->finishing) {
		if (connection->pending_bytes == 0)
			connection_shut_down(connection);
		return;
	}
	const struct protocol *protocol = connection->set->protocol;
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

void connection_tls_flush(struct connection *connection)
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
