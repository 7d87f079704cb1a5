/* The appliance: owns the data directory, the log, the engine, the network loop, the worker pool and the
 * three listeners.
 *
 *   <data dir>/version   format of the directory      <data dir>/log/     the truth
 *   <data dir>/lock      held while we run            <data dir>/views/   derived; may be deleted while
 * stopped
 *
 * Start: lock, version, log, engine, loop, listeners; then one line on standard output:
 *     ready kafka=127.0.0.1:P pg=127.0.0.1:P http=127.0.0.1:P
 * Stop (SIGTERM, SIGINT): listeners, sessions (running statements are cancelled), workers, engine, log. A
 * second signal ends at once, which is as safe as kill -9.
 *
 * Threads: server_run() makes its caller the loop thread. Accessors are valid from any thread while the
 * server runs.
 */
#ifndef KAPPA_SERVER_SERVER_H
#define KAPPA_SERVER_SERVER_H

#include "log/log.h"
#include "replay/engine.h"
#include "server/config.h"
#include "server/listener.h"
#include "server/sql_session.h"
#include "server/workers.h"

struct server;

/* Runs until a signal stops it. LOCKED, DAMAGED, IO … when it cannot start. */
status server_run(const struct server_config *config) MUST_USE;

const struct server_config *server_get_config(const struct server *server);
struct log *server_log(const struct server *server);
struct engine *server_engine(const struct server *server);
struct loop *server_loop(const struct server *server);
struct workers *server_workers(const struct server *server);
/* Made when the log was opened, before anybody can connect. */
struct sources;
struct connectors;
struct sources *server_sources(const struct server *server);
struct connectors *server_connectors(const struct server *server);
/* How often the log has moved on. server_log_await() waits until it is no longer `advances`, or so long, and
 * returns what it is then. On a worker, whose place others take meanwhile. */
uint64_t server_log_advances(struct server *server);
uint64_t server_log_await(struct server *server, uint64_t advances, int64_t ms_max);
struct group_coordinator;
struct group_coordinator *server_groups(const struct server *server);
struct kafka_broker;
const struct kafka_broker *server_kafka_broker(const struct server *server); /* for metrics: its counters */
struct sql_environment *server_sql(const struct server *server);
struct security;
/* For new connections; replaced on the loop thread when files are read again. NULL: no TLS. */
struct tls_context *const *server_tls(const struct server *server);
struct security *server_security(const struct server *server);
int64_t server_start_ms(const struct server *server); /* wall clock */
bool server_is_stopping(const struct server *server);
/* Sockets open now, by listener, for metrics. Loop thread. */
struct server_connections {
	size_t kafka, pg, http;
};
struct server_connections server_connection_counts(const struct server *server);
/* What the listeners refused. Any thread. */
struct server_refusals {
	struct listener_refusals kafka, pg, http;
};
struct server_refusals *server_get_refusals(struct server *server);
/* For answers that clients have not taken yet. Any thread. */
struct output_budget *server_output_budget(struct server *server);
/* What the listeners have in common, for the one with that port; protocol and context are to be filled in. */
struct listener_options server_listening(
	struct server *server, int64_t port, struct listener_refusals *refusals);

/* Called on the loop thread after new publications (several may be folded into one call): change streams,
 * waiting fetches. The node is the caller's until it is removed. Loop thread. */
struct server_watch {
	void (*published)(void *context); /* a new publication can be had from the engine; may be NULL */
	void (*appended)(void *context);  /* some high watermark moved; may be NULL */
	void *context;
	struct server_watch *next, **link;
};
void server_watch_add(struct server *server, struct server_watch *watch);
void server_watch_remove(struct server_watch *watch);

#endif
