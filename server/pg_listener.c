/* The PostgreSQL listener.
 *
 *   loop: received ─► pgwire_run(inline) ─► READ: send, wait        worker: pgwire_run(may block) ─► send
 * through └─ WORK ─► workers_submit ───────────────►         the stream ─► loop_post(done)
 *
 * Invariant: while `working` is set a worker owns the client's pgwire, and the loop only holds back its
 * bytes.
 */
#include "server/pg_listener.h"

#include <sys/random.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "server/pgwire.h"

enum {
	START_MS_MAX = 60000,         /* for authentication */
	REFUSED_MS = 500,             /* before a failed one is answered */
	HELD_BYTES_MAX = 1024 * 1024, /* read ahead while a statement runs */
};

struct pg_server {
	struct pg_server_options options;
	struct listener *listener;
	struct pg_client *clients;
	int32_t pid_last;
	bool closing;
};

struct pg_client {
	struct worker_task work; /* first: tasks are cast back */
	struct loop_task done;
	struct pg_server *server;
	struct pg_client *next, **link;
	struct connection *connection; /* NULL once it is gone */
	struct connection_stream *stream;
	struct pgwire *pgwire;
	struct buffer held;       /* arrived while a worker is at it */
	enum pgwire_next outcome; /* of the worker's run */
	bool working, refused;
	int32_t pid, key;
};

static void client_free(struct pg_client *client)
{
	*client->link = client->next;
	if (client->next != NULL)
		client->next->link = client->link;
	pgwire_destroy(client->pgwire);
	connection_stream_release(client->stream);
	buffer_deinit(&client->held);
	mem_free(client);
}

static void output_send(struct pg_client *client)
{
	struct buffer *output = pgwire_output(client->pgwire);
	connection_write(client->connection, buffer_slice(output));
	output->size = 0;
}

static void client_finish(struct pg_client *client)
{
	connection_finish(client->connection);
}

static void client_submit(struct pg_client *client)
{
	client->working = true;
	if (workers_submit(client->server->options.listening.workers, &client->work) == STATUS_OK)
		return;
	client->working = false;
	pgwire_shutdown(client->pgwire);
	output_send(client);
	client_finish(client);
}

static void outcome_follow(struct pg_client *client, enum pgwire_next outcome)
{
	bool was_starting = pgwire_is_starting(client->pgwire);
	if (!was_starting)
		connection_timer_set(client->connection, -1);
	if (outcome == PGWIRE_ENCRYPT)
		connection_secure(client->connection);
	else if (outcome == PGWIRE_WORK)
		client_submit(client);
	else if (outcome == PGWIRE_FINISH)
		client_finish(client);
	else
		connection_read_resume(client->connection);
}

static void client_run(struct pg_client *client)
{
	if (client->held.size > 0) {
		pgwire_receive(client->pgwire, buffer_slice(&client->held));
		client->held.size = 0;
	}
	enum pgwire_next outcome = pgwire_run(client->pgwire, false);
	if (pgwire_is_refused(client->pgwire)) {
		client->refused = true; /* pg_timeout() goes on */
		connection_read_pause(client->connection);
		connection_timer_set(client->connection, REFUSED_MS);
		return;
	}
	output_send(client);
	outcome_follow(client, outcome);
}

/* ---- the worker's part ---- */

static status client_flush(void *context, struct buffer *bytes)
{
	struct pg_client *client = context;
	status written = connection_stream_write(client->stream, buffer_slice(bytes));
	bytes->size = 0;
	return written;
}

static void client_work(struct worker_task *task)
{
	struct pg_client *client = (struct pg_client *)task;
	client->outcome = pgwire_run(client->pgwire, true);
	struct buffer *output = pgwire_output(client->pgwire);
	if (output->size > 0 && client_flush(client, output) != STATUS_OK)
		client->outcome = PGWIRE_FINISH;
	loop_post(client->server->options.loop, &client->done);
}

static void client_done(struct loop_task *task)
{
	struct pg_client *client = (struct pg_client *)((char *)task - offsetof(struct pg_client, done));
	INVARIANT(client->working);
	client->working = false;
	if (client->connection == NULL) {
		client_free(client);
		return;
	}
	if (client->server->closing && client->outcome != PGWIRE_FINISH) {
		pgwire_shutdown(client->pgwire);
		output_send(client);
		client_finish(client);
	} else if (client->outcome == PGWIRE_FINISH) {
		client_finish(client);
	} else {
		client_run(client);
	}
}

/* ---- the protocol's callbacks ---- */

static void client_cancel(void *context, int32_t pid, int32_t key)
{
	struct pg_client *from = context;
	for (struct pg_client *client = from->server->clients; client != NULL; client = client->next) {
		if (client->pid == pid && client->key == key) {
			pgwire_cancel(client->pgwire);
			return;
		}
	}
	diag(DIAG_DEBUG, "pg", "cancel_ignored", "backend_pid=%d", pid);
}

static int32_t key_random(void)
{
	int32_t key = 0;
	/* Cannot fail or block for so few bytes once the system is up. */
	ssize_t got = getrandom(&key, sizeof key, 0);
	INVARIANT(got == sizeof key);
	return key;
}

static void *pg_accepted(void *context, struct connection *connection)
{
	struct pg_server *server = context;
	if (server->closing)
		return NULL;
	struct pg_client *client = mem_alloc_zeroed(1, sizeof *client);
	client->work.run = client_work;
	client->done.run = client_done;
	client->server = server;
	client->connection = connection;
	client->stream = connection_stream_create(connection);
	server->pid_last = server->pid_last == INT32_MAX ? 1 : server->pid_last + 1;
	client->pid = server->pid_last;
	client->key = key_random();
	buffer_init(&client->held);
	struct pgwire_options options = {
		.environment = server->options.environment,
		.io = {client, client_flush, client_cancel},
		.backend_pid = client->pid,
		.cancel_key = client->key,
		.peer = connection_peer(connection),
		.offers_tls = connection_offers_tls(connection),
		.requires_tls = server->options.listening.tls_required,
	};
	client->pgwire = pgwire_create(&options);
	client->next = server->clients;
	client->link = &server->clients;
	if (client->next != NULL)
		client->next->link = &client->next;
	server->clients = client;
	connection_timer_set(connection, START_MS_MAX);
	return client;
}

static void pg_received(void *state, struct slice bytes)
{
	struct pg_client *client = state;
	if (client->refused)
		return;
	if (!client->working) {
		pgwire_receive(client->pgwire, bytes);
		client_run(client);
		return;
	}
	buffer_append(&client->held, bytes.data, bytes.size);
	if (client->held.size > HELD_BYTES_MAX)
		connection_read_pause(client->connection);
}

static void pg_secured(void *state, const char *certificate_name)
{
	struct pg_client *client = state;
	pgwire_secured(client->pgwire, certificate_name);
}

static void pg_timeout(void *state)
{
	struct pg_client *client = state;
	if (client->refused) {
		output_send(client);
		client_finish(client);
		return;
	}
	diag(DIAG_INFO, "pg", "start_timed_out", "peer=%s", connection_peer(client->connection));
	connection_abort(client->connection);
}

static void pg_closed(void *state)
{
	struct pg_client *client = state;
	client->connection = NULL;
	if (client->working)
		pgwire_cancel(client->pgwire); /* client_done() frees */
	else
		client_free(client);
}

static const struct protocol pg_protocol = {
	.name = "pg",
	.asks_for_tls = true,
	.secured = pg_secured,
	.accepted = pg_accepted,
	.received = pg_received,
	.timeout = pg_timeout,
	.closed = pg_closed,
};

status pg_server_open(const struct pg_server_options *options, struct pg_server **out)
{
	struct pg_server *server = mem_alloc_zeroed(1, sizeof *server);
	server->options = *options;
	struct listener_options listening = options->listening;
	listening.protocol = &pg_protocol;
	listening.context = server;
	status opened = listener_open(options->loop, &listening, &server->listener);
	if (opened != STATUS_OK) {
		mem_free(server);
		return opened;
	}
	*out = server;
	return STATUS_OK;
}

struct listener *pg_server_listener(const struct pg_server *server)
{
	return server->listener;
}

void pg_server_close(struct pg_server *server)
{
	if (server == NULL || server->closing)
		return;
	server->closing = true;
	for (struct pg_client *client = server->clients; client != NULL; client = client->next) {
		if (client->working) {
			pgwire_cancel(client->pgwire);
		} else if (client->connection != NULL) {
			pgwire_shutdown(client->pgwire);
			output_send(client);
		}
	}
	listener_close(server->listener);
}

void pg_server_destroy(struct pg_server *server)
{
	if (server == NULL)
		return;
	INVARIANT(server->clients == NULL);
	mem_free(server);
}
