/* The Kafka listener. */
#include "server/kafka_listener.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/group_log.h"
#include "ingest/kafka_session.h"
#include "ingest/transaction_log.h"

enum { TRANSACTIONS_TICK_MS = 200 };

struct kafka_server {
	struct kafka_server_options options;
	struct kafka_broker *broker;
	struct group_log *groups;
	struct transaction_log *transactions;
	struct listener *listener;
	struct kafka_client *clients;
	uv_timer_t transaction_timer;
	uv_timer_t group_timer;
	int64_t group_deadline_ms; /* the timer is set to; INT64_MAX = it is not */
	bool closing;
};

struct kafka_client {
	struct loop_task wake; /* first: tasks are cast back */
	atomic_bool wake_posted;
	struct kafka_server *server;
	struct kafka_client *next, **link;
	struct connection *connection;
	struct kafka_session *session; /* NULL once the connection is gone */
	bool failed;                   /* the session is not to be used again */
};

struct blocking_task {
	struct worker_task base; /* first */
	void (*function)(void *argument);
	void *argument;
};

static int64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

/* ---- what a session asks for ---- */

static void client_send(void *context, struct buffer *bytes)
{
	struct kafka_client *client = context;
	connection_write_buffer(client->connection, bytes);
}

static void client_send_range(void *context, struct file_range *range)
{
	struct kafka_client *client = context;
	connection_send_range(client->connection, range);
}

static bool client_clogged(void *context)
{
	struct kafka_client *client = context;
	return connection_is_clogged(client->connection, KAFKA_SESSION_SEND_BYTES_MAX);
}

static void client_wake(void *context)
{
	struct kafka_client *client = context;
	if (!atomic_exchange(&client->wake_posted, true))
		loop_post(client->server->options.loop, &client->wake);
}

static void blocking_run(struct worker_task *task)
{
	struct blocking_task *blocking = (struct blocking_task *)task;
	blocking->function(blocking->argument);
	mem_free(blocking);
}

static void client_run_blocking(void *context, void (*function)(void *argument), void *argument)
{
	struct kafka_client *client = context;
	struct blocking_task *blocking = mem_alloc_zeroed(1, sizeof *blocking);
	blocking->base.run = blocking_run;
	blocking->function = function;
	blocking->argument = argument;
	status submitted = workers_submit(client->server->options.listening.workers, &blocking->base);
	/* Workers stop after the loop has ended, and sessions live on the loop. */
	INVARIANT(submitted == STATUS_OK);
}

/* ---- memory for answers: the listener's budget ---- */

static bool memory_is_scarce(void *context)
{
	return output_budget_is_spent(context);
}

static void memory_take(void *context, size_t bytes)
{
	output_budget_take(context, bytes);
}

static void memory_give(void *context, size_t bytes)
{
	output_budget_give(context, bytes);
}

/* ---- groups: members that are silent, rebalances that take too long ---- */

static void groups_arm(struct kafka_server *server);

static void groups_tick(uv_timer_t *timer)
{
	struct kafka_server *server = timer->data;
	server->group_deadline_ms = INT64_MAX;
	group_coordinator_tick(group_log_coordinator(server->groups), now_ms());
	groups_arm(server);
}

/* After anything that may have changed when the coordinator wants to be called. */
static void groups_arm(struct kafka_server *server)
{
	int64_t deadline_ms = group_coordinator_deadline_ms(group_log_coordinator(server->groups));
	if (deadline_ms == server->group_deadline_ms || server->closing)
		return;
	server->group_deadline_ms = deadline_ms;
	int64_t left_ms = deadline_ms - now_ms();
	if (deadline_ms == INT64_MAX)
		uv_timer_stop(&server->group_timer);
	else
		uv_timer_start(&server->group_timer, groups_tick, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

/* ---- transactions: those that take too long, markers to be tried again ---- */

static void transactions_tick(uv_timer_t *timer)
{
	struct kafka_server *server = timer->data;
	transaction_coordinator_tick(transaction_log_coordinator(server->transactions), now_ms());
}

/* ---- the session's turns ---- */

static void deadline_arm(struct kafka_client *client)
{
	int64_t deadline_ms = kafka_session_deadline_ms(client->session);
	int64_t left_ms = deadline_ms == INT64_MAX ? -1 : deadline_ms - now_ms();
	connection_timer_set(client->connection, deadline_ms != INT64_MAX && left_ms < 0 ? 0 : left_ms);
}

/* After anything was done with the session: `result` is its. */
static void client_follow(struct kafka_client *client, status result)
{
	if (result != STATUS_OK) {
		client->failed = true;
		diag(DIAG_INFO, "kafka", "connection_closed", "peer=%s error=\"%s\"",
			connection_peer(client->connection), error_current()->text);
		connection_finish(client->connection);
		return;
	}
	if (kafka_session_wants_bytes(client->session))
		connection_read_resume(client->connection);
	else
		connection_read_pause(client->connection);
	deadline_arm(client);
	groups_arm(client->server);
}

static void client_resume(struct kafka_client *client)
{
	if (client->session != NULL && !client->failed)
		client_follow(client, kafka_session_resume(client->session, now_ms()));
}

static void client_woken(struct loop_task *task)
{
	struct kafka_client *client = (struct kafka_client *)task;
	atomic_store(&client->wake_posted, false);
	if (client->connection == NULL)
		mem_free(client);
	else
		client_resume(client);
}

/* ---- the protocol's callbacks ---- */

static void *kafka_accepted(void *context, struct connection *connection)
{
	struct kafka_server *server = context;
	if (server->closing)
		return NULL;
	struct kafka_client *client = mem_alloc_zeroed(1, sizeof *client);
	client->wake.run = client_woken;
	client->server = server;
	client->connection = connection;
	struct kafka_session_io io = {
		.context = client,
		.send = client_send,
		.send_range = client_send_range,
		.clogged = client_clogged,
		.wake = client_wake,
		.run_blocking = client_run_blocking,
		.peer = connection_peer(connection),
	};
	client->session = kafka_session_create(server->broker, &io);
	kafka_session_begin(client->session, now_ms());
	client->next = server->clients;
	client->link = &server->clients;
	if (client->next != NULL)
		client->next->link = &client->next;
	server->clients = client;
	deadline_arm(client);
	return client;
}

static uint8_t *kafka_room(void *state, size_t *size)
{
	struct kafka_client *client = state;
	return kafka_session_room(client->session, size);
}

static void kafka_received(void *state, struct slice bytes)
{
	struct kafka_client *client = state;
	if (!client->failed)
		client_follow(client, kafka_session_received(client->session, bytes.size, now_ms()));
}

static void kafka_secured(void *state, const char *certificate_name)
{
	struct kafka_client *client = state;
	kafka_session_secured(client->session, certificate_name);
}

static void kafka_turn(void *state)
{
	client_resume(state);
}

static void kafka_closed(void *state)
{
	struct kafka_client *client = state;
	/* No wake() comes after this returns, but one may be waiting in the loop: then that one frees the client.
	 */
	kafka_session_destroy(client->session);
	groups_arm(client->server);
	client->session = NULL;
	client->connection = NULL;
	*client->link = client->next;
	if (client->next != NULL)
		client->next->link = client->link;
	if (!atomic_load(&client->wake_posted))
		mem_free(client);
}

static const struct protocol kafka_protocol = {
	.name = "kafka",
	.accepted = kafka_accepted,
	.room = kafka_room,
	.received = kafka_received,
	.secured = kafka_secured,
	.drained = kafka_turn,
	.timeout = kafka_turn,
	.closed = kafka_closed,
};

status kafka_server_open(const struct kafka_server_options *options, struct kafka_server **out)
{
	struct kafka_server *server = mem_alloc_zeroed(1, sizeof *server);
	server->options = *options;
	struct listener_options listening = options->listening;
	listening.protocol = &kafka_protocol;
	listening.context = server;
	struct group_coordinator_options groups = group_coordinator_options_default();
	groups.group.initial_delay_ms = (int32_t)options->group_initial_delay_ms;
	groups.offsets_retention_ms = options->offsets_retention_ms;
	status opened = group_log_open(options->log, &groups, now_ms(), &server->groups);
	if (opened == STATUS_OK)
		opened =
			transaction_log_open(options->log, group_log_coordinator(server->groups), &server->transactions);
	if (opened == STATUS_OK)
		opened = listener_open(options->loop, &listening, &server->listener);
	if (opened != STATUS_OK) {
		transaction_log_close(server->transactions);
		group_log_close(server->groups);
		mem_free(server);
		return opened;
	}
	uv_timer_init(loop_uv(options->loop), &server->group_timer);
	server->group_timer.data = server;
	server->group_deadline_ms = INT64_MAX;
	groups_arm(server);
	transaction_log_begin(server->transactions, now_ms());
	uv_timer_init(loop_uv(options->loop), &server->transaction_timer);
	server->transaction_timer.data = server;
	uv_timer_start(&server->transaction_timer, transactions_tick, TRANSACTIONS_TICK_MS, TRANSACTIONS_TICK_MS);
	/* Nobody is accepted before the loop runs; by then the broker knows the port it advertises. */
	struct kafka_broker_options broker = kafka_broker_options_default();
	broker.log = options->log;
	broker.groups = group_log_coordinator(server->groups);
	broker.transactions = transaction_log_coordinator(server->transactions);
	broker.host = options->advertised_host != NULL ? options->advertised_host : options->listening.address;
	broker.port = (int32_t)listener_port(server->listener);
	broker.security = options->security;
	broker.intake_bytes_max = options->intake_bytes_max;
	broker.answer_memory =
		(struct kafka_answer_memory){options->listening.budget, memory_is_scarce, memory_take, memory_give};
	server->broker = kafka_broker_create(&broker);
	*out = server;
	return STATUS_OK;
}

struct listener *kafka_server_listener(const struct kafka_server *server)
{
	return server->listener;
}

const struct kafka_broker *kafka_server_broker(const struct kafka_server *server)
{
	return server->broker;
}

void kafka_server_appended(struct kafka_server *server)
{
	kafka_waits_look(server->broker->waits);
	groups_arm(server);
}

void kafka_server_close(struct kafka_server *server)
{
	if (server == NULL || server->closing)
		return;
	server->closing = true;
	uv_close((uv_handle_t *)&server->group_timer, NULL);
	uv_close((uv_handle_t *)&server->transaction_timer, NULL);
	listener_close(server->listener);
}

void kafka_server_destroy(struct kafka_server *server)
{
	if (server == NULL)
		return;
	INVARIANT(server->clients == NULL);
	kafka_broker_destroy(server->broker);
	transaction_log_close(server->transactions);
	group_log_close(server->groups);
	mem_free(server);
}
