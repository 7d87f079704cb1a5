/* Sources: files (or whatever has positions) whose lines are appended exactly once, over any number of
 * restarts of the one who reads them and of the appliance.
 *
 *   reader ── open ──────────────────────────────► session, next sequence, position of the last durable batch
 *          ── append(session, sequence, position, lines) ──► one record batch: the lines and the position
 * together
 *
 * Invariants
 *   S1  A batch and the position after it are durable together or not at all: the position is a header,
 *       "kappa.position", of the batch's last record. What open() answers is read back from the log, never
 * remembered. S2  A source has one durable producer id and one partition, so the log refuses a sequence that
 * does not follow, and answers a repeated batch without appending it again. S3  Only the newest session
 * appends. open() waits for an append under way, so nothing of an older session can become durable after it
 * has answered.
 *
 * Which producer id a source has is a record of the internal topic "__kappa_sources", keyed by source id:
 *   {"type":"source","topic":"flights","incarnation":7,"partition":0,"producer_id":2000,"from_offset":0}
 * The newest for a (source, topic) counts; one of another incarnation of the topic counts no more.
 *
 * Threads: all functions are thread-safe and block on the disk.
 */
#ifndef KAPPA_INGEST_SOURCE_H
#define KAPPA_INGEST_SOURCE_H

#include "base/bytes.h"
#include "base/memory.h"
#include "log/log.h"

#define SOURCES_TOPIC_NAME "__kappa_sources"
#define SOURCE_POSITION_HEADER "kappa.position"

enum {
	SOURCE_ID_SIZE_MAX = 4096,
	SOURCE_POSITION_SIZE_MAX = 1024,
};

struct sources;

/* The log is borrowed and outlives it. */
struct sources *sources_create(struct log *log);
void sources_destroy(struct sources *sources); /* accepts NULL; no call is under way */

struct source_state {
	int64_t producer_id;
	int64_t session;
	int32_t partition;
	int32_t next_sequence;
	int32_t batch_bytes_max; /* the topic's: what one append may hold */
	const char *position;    /* of the last durable batch, in the arena; NULL = nothing was appended yet */
};

/* Begins a session, ending any other of the source. `partition` −1: chosen by the source's id, or the one it
 * has. NOT_FOUND without the topic; INVALID for a bad id, an internal topic, or a partition that it is not
 * tied to. */
status source_open(struct sources *sources, const char *id, const char *topic, int32_t partition,
	struct arena *arena, struct source_state *out) MUST_USE;

struct source_appended {
	int64_t base_offset;
	int32_t count;
	int32_t partition;
};

/* Appends the lines (separated by '\n'; every one is a record, even an empty one) as one batch. Durable when
 * it returns. STALE_PRODUCER_EPOCH when another session was opened since (or the appliance restarted): open
 * again, if you are the only one. OUT_OF_ORDER_SEQUENCE; INVALID without lines; TOO_LARGE above
 * batch_bytes_max. */
status source_append(struct sources *sources, const char *id, const char *topic, int64_t session,
	int32_t sequence, struct slice position, struct slice lines, struct source_appended *out) MUST_USE;

#endif
