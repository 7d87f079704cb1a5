/* A connection's output, in order: buffers, and ranges of files.
 *
 *   buffers ──► uv_try_write, uv_write ─────────────────────► socket      `writes`: what libuv holds
 *   waiting ──► from the first range on, until it is its turn:
 *               a range begins when libuv holds nothing, and what is behind it when it has been sent
 *
 * Invariant: while a range is being sent, libuv holds no write. pending_bytes counts all three.
 */
#include <stdint.h>

#include "base/invariant.h"
#include "base/memory.h"
#include "server/connection_internal.h"

/* What the socket did not take at once. */
struct output {
	uv_write_t request;
	struct connection *connection;
	struct output *next;     /* of those waiting */
	struct buffer bytes;     /* or … */
	struct file_range range; /* … fd −1: bytes */
};

static void output_free(struct output *output)
{
	file_range_close(&output->range);
	output_budget_give(output->connection->set->budget, output->bytes.capacity);
	buffer_deinit(&output->bytes);
	mem_free(output);
}

/* Takes over the bytes. */
static struct output *output_of(struct connection *connection, struct buffer *bytes)
{
	struct output *output = mem_alloc_zeroed(1, sizeof *output);
	output->request.data = output;
	output->connection = connection;
	output->bytes = *bytes;
	output->range.fd = -1;
	output_budget_take(connection->set->budget, bytes->capacity);
	buffer_init(bytes);
	return output;
}

static void pending_add(struct connection *connection, size_t size)
{
	connection->pending_bytes += size;
	if (connection->pending_bytes > CONNECTION_OUTPUT_HIGH)
		connection->above_high = true;
}

static bool output_is_held_up(const struct connection *connection)
{
	return connection->transfer != NULL || connection->waiting != NULL;
}

static void output_wait(struct connection *connection, struct output *output)
{
	output->next = NULL;
	if (connection->waiting == NULL)
		connection->waiting_end = &connection->waiting;
	*connection->waiting_end = output;
	connection->waiting_end = &output->next;
}

static void write_done(uv_write_t *request, int failed);

/* `from`: the bytes before it are written. */
static void output_write(struct connection *connection, struct output *output, size_t from)
{
	size_t left = output->bytes.size - from;
	INVARIANT(left <= UINT32_MAX);
	uv_buf_t part = uv_buf_init((char *)output->bytes.data + from, (unsigned)left);
	if (uv_write(&output->request, (uv_stream_t *)&connection->tcp, &part, 1, write_done) != 0) {
		output_free(output);
		connection_abort(connection);
		return;
	}
	connection->writes++;
}

/* Lets what waits have its turn. */
static void output_advance(struct connection *connection)
{
	while (!connection->closing && connection->transfer == NULL && connection->waiting != NULL) {
		struct output *output = connection->waiting;
		if (output->range.fd >= 0 && connection->writes > 0)
			break;
		connection->waiting = output->next;
		if (output->range.fd >= 0) {
			connection_transfer_begin(connection, &output->range);
			output_free(output);
		} else {
			output_write(connection, output, 0);
		}
	}
}

void connection_output_sent(struct connection *connection, size_t size)
{
	connection->pending_bytes -= size;
	if (connection->closing)
		return;
	connection_streams_tell(connection);
	output_advance(connection);
	if (connection->closing)
		return;
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

static void write_done(uv_write_t *request, int failed)
{
	struct output *output = request->data;
	struct connection *connection = output->connection;
	size_t size = output->bytes.size;
	output_free(output);
	connection->writes--;
	if (failed != 0)
		connection_abort(connection);
	connection_output_sent(connection, size);
}

void connection_output_drop(struct connection *connection)
{
	while (connection->waiting != NULL) {
		struct output *output = connection->waiting;
		connection->waiting = output->next;
		output_free(output);
	}
	connection_transfer_abandon(connection);
}

bool connection_output_is_scarce(const struct connection *connection)
{
	return output_budget_is_spent(connection->set->budget);
}

bool connection_is_clogged(struct connection *connection, size_t usual_max)
{
	size_t max = usual_max;
	if (max > CONNECTION_OUTPUT_LOW && connection_output_is_scarce(connection))
		max = CONNECTION_OUTPUT_LOW;
	if (connection->pending_bytes <= max)
		return false;
	if (connection->pending_bytes > CONNECTION_OUTPUT_LOW)
		connection->above_high = true;
	return true;
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
static void write_later(struct connection *connection, struct buffer *bytes, size_t from)
{
	struct output *output = output_of(connection, bytes);
	pending_add(connection, output->bytes.size); /* what was written before is held as long */
	if (output_is_held_up(connection))
		output_wait(connection, output);
	else
		output_write(connection, output, from);
}

static void raw_write(struct connection *connection, struct buffer *bytes)
{
	if (!connection->closing) {
		size_t written = write_now(connection, buffer_slice(bytes));
		if (written < bytes->size) {
			write_later(connection, bytes, written);
			return;
		}
	}
	buffer_deinit(bytes);
	buffer_init(bytes);
}

void connection_send_range(struct connection *connection, struct file_range *range)
{
	INVARIANT(connection->tls == NULL && connection->set->workers != NULL);
	struct file_range taken = *range;
	range->fd = -1;
	if (connection->closing) {
		file_range_close(&taken);
		return;
	}
	struct buffer none = {0};
	struct output *output = output_of(connection, &none);
	output->range = taken;
	pending_add(connection, taken.size);
	output_wait(connection, output);
	output_advance(connection);
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
	write_later(connection, &rest, 0);
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
