/* What all Kafka connections of one appliance share: the log, the advertised address, limits, counters.
 *
 * Owned by the server; outlives every session *and* every append and blocking call they started, so it is
 * destroyed after log_close(). Immutable after creation but for the counters, which are atomic: any thread.
 */
#ifndef KAPPA_INGEST_KAFKA_BROKER_H
#define KAPPA_INGEST_KAFKA_BROKER_H

#include <stdatomic.h>

#include "base/user.h"
#include "ingest/kafka_intake.h"
#include "ingest/kafka_waits.h"
#include "log/log.h"

struct group_coordinator;
struct transaction_coordinator;

/* What the broker asks about users; any thread, must not block for long. All NULL: everybody may do
 * everything. */
struct kafka_security {
	void *context;
	uint64_t (*generation)(void *context); /* 0 = there are no users; else grows with every change of them */
	struct user *(*find)(void *context, const char *name);            /* retained; NULL = there is none */
	void (*secret)(void *context, uint8_t secret[SCRAM_SECRET_SIZE]); /* of fake salts */
	bool plain_in_clear;                                              /* mechanism PLAIN without TLS */
};

/* Memory for answers of all connections, which the server counts from when send() is called; before, we tell
 * of it. Any thread. All NULL: no limit. */
struct kafka_answer_memory {
	void *context;
	bool (*is_scarce)(void *context); /* keep answers small */
	void (*take)(void *context, size_t bytes);
	void (*give)(void *context, size_t bytes);
};

struct kafka_broker_options {
	struct log *log;                              /* borrowed */
	struct group_coordinator *groups;             /* borrowed; NULL = groups are not served */
	struct transaction_coordinator *transactions; /* borrowed; NULL = transactions are not served */
	const char *host;                             /* advertised to clients; copied */
	int32_t port;                                 /* advertised */
	int32_t node_id;                              /* this broker, also the controller; ≥ 0 */
	const char *cluster_id;                       /* copied; NULL = "kappa" */
	bool auto_create_topics;                      /* Metadata for an unknown topic creates it (1 partition) */
	int32_t request_bytes_max;                    /* 0 = 100 MiB, as Kafka's socket.request.max.bytes */
	int32_t fetch_bytes_max; /* of one response; 0 = 55 MiB, as Kafka's fetch.max.bytes */
	size_t
		intake_bytes_max;  /* of large requests of all connections; 0 = 256 MiB; at least request_bytes_max */
	int32_t in_flight_max; /* Produce requests of one connection under way at once; 0 = 32 */
	struct kafka_security security;
	struct kafka_answer_memory answer_memory;
};

/* The defaults: everything zero but node_id 1, auto_create_topics true, host "127.0.0.1", port 9092. */
struct kafka_broker_options kafka_broker_options_default(void);

struct kafka_broker {
	struct log *log;
	struct group_coordinator *groups;
	struct transaction_coordinator *transactions;
	char *host, *cluster_id;
	int32_t port, node_id, request_bytes_max, fetch_bytes_max, in_flight_max;
	bool auto_create_topics;
	struct kafka_security security;
	struct kafka_answer_memory answer_memory;
	struct kafka_intake intake;
	struct kafka_waits *waits; /* the network thread's */
	uint32_t fetch_turn;       /* the network thread's: which partition a fetch begins with */
	/* Counters since creation, for metrics. */
	_Atomic uint64_t requests, requests_refused, bytes_received, bytes_sent;
	_Atomic uint64_t batches_appended, batches_refused, records_appended;
	_Atomic uint64_t request_memory_bytes; /* what requests took while they were worked on */
};

struct kafka_broker *kafka_broker_create(const struct kafka_broker_options *options);
void kafka_broker_destroy(struct kafka_broker *broker); /* accepts NULL */

#endif
