/* A range of a file on its way to the socket.
 *
 *   begin ──► worker: sendfile until the socket is full ──► loop: all sent? ── yes ──► the next output
 *               ▲                                             │ no
 *               └──────── uv_poll: the socket takes more ◄────┘
 *
 * A worker sends, because a page that is not in memory makes sendfile(2) wait for the disk. It also waits for
 * a reader that keeps up, which saves the way over the loop; a slow one costs no thread.
 *
 * The transfer has descriptors of its own for file and socket: the connection may be closed while a worker
 * sends, who then notices, and libuv polls one descriptor for one handle only.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "server/connection_internal.h"

enum {
	QUICK_BYTES_MIN = 128 * 1024, /* taken at once by a reader that keeps up … */
	QUICK_WAIT_MS = 1,            /* … and is ready for more within that time */
};

struct transfer {
	union {
		struct worker_task send;
		struct loop_task sent;
	} task; /* first; one at a time */
	struct loop *loop;
	struct workers *workers;
	struct file_range range;
	int socket_fd;
	/* The worker's, then the loop's. */
	size_t sent;
	struct error failure;
	/* The loop's. */
	struct connection *connection; /* NULL: it is gone */
	uv_poll_t *poll;               /* NULL: never waited */
	bool working;
};

static void poll_free(uv_handle_t *poll)
{
	mem_free(poll);
}

static void poll_close(struct transfer *transfer)
{
	if (transfer->poll != NULL)
		uv_close((uv_handle_t *)transfer->poll, poll_free);
	transfer->poll = NULL;
}

static void transfer_free(struct transfer *transfer)
{
	poll_close(transfer);
	file_range_close(&transfer->range);
	if (transfer->socket_fd >= 0)
		(void)close(transfer->socket_fd);
	mem_free(transfer);
}

static void transfer_sent(struct loop_task *task);

static void transfer_send(struct worker_task *task)
{
	struct transfer *transfer = (struct transfer *)task;
	for (;;) {
		size_t sent;
		status result = file_range_send(&transfer->range, transfer->socket_fd, &sent);
		transfer->sent += sent;
		if (result != STATUS_OK)
			transfer->failure = *error_current();
		if (result != STATUS_OK || transfer->range.size == 0 || sent < QUICK_BYTES_MIN)
			break;
		struct pollfd more = {.fd = transfer->socket_fd, .events = POLLOUT};
		if (poll(&more, 1, QUICK_WAIT_MS) <= 0)
			break;
	}
	transfer->task.sent = (struct loop_task){.run = transfer_sent};
	loop_post(transfer->loop, &transfer->task.sent);
}

static void transfer_submit(struct transfer *transfer)
{
	transfer->working = true;
	transfer->task.send = (struct worker_task){.run = transfer_send};
	status submitted = workers_submit(transfer->workers, &transfer->task.send);
	/* Workers stop after the loop has ended, and transfers are begun on the loop. */
	INVARIANT(submitted == STATUS_OK);
}

static void transfer_writable(uv_poll_t *poll, int failed, int events)
{
	(void)failed; /* sending will say why */
	(void)events;
	uv_poll_stop(poll);
	transfer_submit(poll->data);
}

/* Goes on when the socket takes more. */
static status transfer_wait(struct transfer *transfer)
{
	int failed = 0;
	if (transfer->poll == NULL) {
		transfer->poll = mem_alloc_zeroed(1, sizeof *transfer->poll);
		failed = uv_poll_init(loop_uv(transfer->loop), transfer->poll, transfer->socket_fd);
		if (failed != 0) {
			mem_free(transfer->poll); /* no handle yet */
			transfer->poll = NULL;
			return error_raise(STATUS_IO, "waiting for a socket: %s", uv_strerror(failed));
		}
		transfer->poll->data = transfer;
	}
	failed = uv_poll_start(transfer->poll, UV_WRITABLE, transfer_writable);
	return failed == 0 ? STATUS_OK : error_raise(STATUS_IO, "waiting for a socket: %s", uv_strerror(failed));
}

static void transfer_fail(struct connection *connection, const struct error *failure)
{
	if (failure->code != STATUS_CANCELLED)
		diag(DIAG_ERROR, connection->set->protocol->name, "send_failed", "peer=%s error=\"%s\"",
			connection->peer, failure->text);
	connection_abort(connection);
}

static void transfer_sent(struct loop_task *task)
{
	struct transfer *transfer = (struct transfer *)task;
	struct connection *connection = transfer->connection;
	size_t sent = transfer->sent;
	transfer->working = false;
	transfer->sent = 0;
	if (connection == NULL) {
		transfer_free(transfer);
		return;
	}
	if (transfer->failure.code != STATUS_OK) {
		transfer_fail(connection, &transfer->failure); /* frees the transfer */
		return;
	}
	if (transfer->range.size == 0) {
		connection->transfer = NULL;
		transfer_free(transfer);
	} else if (transfer_wait(transfer) != STATUS_OK) {
		transfer_fail(connection, error_current());
		return;
	}
	connection_output_sent(connection, sent);
}

void connection_transfer_begin(struct connection *connection, struct file_range *range)
{
	struct transfer *transfer = mem_alloc_zeroed(1, sizeof *transfer);
	uv_os_fd_t socket_fd = -1;
	INVARIANT(connection->transfer == NULL);
	(void)uv_fileno((const uv_handle_t *)&connection->tcp, &socket_fd);
	transfer->loop = connection->set->loop;
	transfer->workers = connection->set->workers;
	transfer->connection = connection;
	transfer->range = *range;
	range->fd = -1;
	connection->transfer = transfer;
	transfer->socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, 0);
	if (transfer->socket_fd < 0) {
		error_from_errno(errno, "taking another descriptor of a socket");
		transfer_fail(connection, error_current());
		return;
	}
	transfer_submit(transfer);
}

void connection_transfer_abandon(struct connection *connection)
{
	struct transfer *transfer = connection->transfer;
	if (transfer == NULL)
		return;
	connection->transfer = NULL;
	transfer->connection = NULL;
	poll_close(transfer);
	if (!transfer->working)
		transfer_free(transfer);
}
