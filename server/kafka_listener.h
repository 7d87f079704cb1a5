/* The Kafka listener: connections of the loop and Kafka sessions (ingest/) brought together.
 *
 * Threads: loop thread, but for kafka_server_broker()'s counters.
 */
#ifndef KAPPA_SERVER_KAFKA_LISTENER_H
#define KAPPA_SERVER_KAFKA_LISTENER_H

#include "ingest/kafka_broker.h"
#include "server/listener.h"
#include "server/workers.h"

struct kafka_server;

struct kafka_server_options {
	struct loop *loop;
	struct listener_options listening; /* but for protocol and context; with workers */
	struct log *log;
	const char *advertised_host; /* told to clients; NULL = the address */
	struct kafka_security security;
	int64_t group_initial_delay_ms; /* see group_options */
	int64_t offsets_retention_ms;
	size_t intake_bytes_max; /* see kafka_broker_options */
};

status kafka_server_open(const struct kafka_server_options *options, struct kafka_server **out) MUST_USE;
struct listener *kafka_server_listener(const struct kafka_server *server);
const struct kafka_broker *kafka_server_broker(const struct kafka_server *server);
/* Some high watermark moved: fetches that wait look again. */
void kafka_server_appended(struct kafka_server *server);
void kafka_server_close(struct kafka_server *server);
/* After the log is closed. Accepts NULL. */
void kafka_server_destroy(struct kafka_server *server);

#endif
