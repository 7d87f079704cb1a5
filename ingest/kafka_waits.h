/* Who waits for records of which partition: so that the log's advance wakes those it concerns and nobody
 * else.
 *
 *   fetch with nothing to answer ──park──► partition ──► waiting requests      kafka_waits_look(): partitions
 *        ▲                                                                     that moved since, their
 * sessions └──────────────────────── session's io.wake() ◄────────────────────── are woken
 *
 * A look costs a comparison for each partition that somebody waits for, whatever number of clients is
 * connected or waits for others.
 *
 * Invariants
 *   W1  A parked request is woken when a partition it waits for has another high watermark or last stable
 *       offset than it saw, or when topics were created, altered or deleted: what it saw is compared, so a
 *       move between its look and its parking is noticed.
 *   W2  A request is parked at most once, only while nothing outside holds it, and leaves before it is run
 *       again or its session goes.
 *
 * Threads: the network thread's, all of it.
 */
#ifndef KAPPA_INGEST_KAFKA_WAITS_H
#define KAPPA_INGEST_KAFKA_WAITS_H

#include <stdint.h>

#include "base/status.h"

struct kafka_request;
struct kafka_waits;
struct partition;
struct log;

struct kafka_waits *kafka_waits_create(struct log *log);
void kafka_waits_destroy(struct kafka_waits *waits); /* accepts NULL; nobody waits any more */

/* What a request is to wait for, as it saw it; `count` ≥ 1, in the request's arena. */
struct kafka_wait {
	struct partition *partition; /* NULL: none */
	int64_t high_watermark, last_stable_offset;
	/* private */
	struct kafka_request *request;
	struct kafka_waited *waited;
	struct kafka_wait *next, **link;
};
void kafka_waits_park(
	struct kafka_waits *waits, struct kafka_request *request, struct kafka_wait *list, int32_t count);
/* Does nothing when it is not parked. */
void kafka_waits_leave(struct kafka_request *request);
/* The log has moved on, perhaps. */
void kafka_waits_look(struct kafka_waits *waits);

#endif
