/* The transaction coordinator: all transactional ids, the records that keep them, and the markers that end
 * their transactions in the partitions.
 *
 *   EndTxn ──► record PREPARE ──► durable ──► marker to every partition, offsets ──► all durable
 *          ──► COMPLETE (its record follows) ──► call->done()
 *
 * Invariants
 *   C1  If it is not recorded, it did not happen: a call is ended, a batch admitted and a marker sent only
 * when the record that allows it is durable. The one exception is COMPLETE, which decides nothing: after a
 * crash the markers are written once more, which is harmless, before anything else can happen to the id. C2
 * A batch is admitted and given to the log under the coordinator's lock. So none is appended behind the
 *       marker of the transaction that it was admitted to.
 *   C3  A prepared transaction ends: markers that could not be written are tried again until they are, over
 *       restarts if need be. Only a partition that failed for good holds its own marker back, and nothing
 * else. C4  After a record could not be written the coordinator answers COORDINATOR_NOT_AVAILABLE until
 * restart.
 *
 * Where records and markers go is the store's business: transaction_log.h has the one on the log, tests have
 * one in memory.
 *
 * Threads: any, unless said otherwise; a lock inside, never held over I/O or done(). now_ms is the monotonic
 * clock's; times that are recorded are the wall clock's.
 */
#ifndef KAPPA_INGEST_TRANSACTION_COORDINATOR_H
#define KAPPA_INGEST_TRANSACTION_COORDINATOR_H

#include "base/memory.h"
#include "ingest/transaction.h"
#include "log/log.h"

struct transaction_coordinator;
struct transaction_entry; /* an id's */
struct transaction_mark;  /* a marker under way */

struct transaction_store {
	void *context;
	/* Each begins an append under the coordinator's lock: must not block, and ends with one call of
	 * transaction_coordinator_recorded() or _marked() from any thread, but never before it returns. The batch
	 * is taken over when it returns OK. BACKPRESSURE: try again at the next tick. */
	status (*record)(void *context, struct buffer *batch, struct transaction_entry *entry);
	/* NOT_FOUND: the partition is gone. */
	status (*mark)(void *context, const char *topic, int32_t partition, struct buffer *batch,
		struct transaction_mark *mark);
	/* Offsets that the producer has staged in groups become committed or are forgotten; ends with one
	 * transaction_coordinator_marked(), also before it returns. No lock is held. NULL = there are none. */
	void (*offsets_end)(void *context, int64_t producer_id, bool commit, struct transaction_mark *mark);
};

struct transaction_coordinator_options {
	struct transaction_store store;
	int32_t ids_max;
	int64_t id_expiry_ms; /* after the last use */
};
/* 100 000 ids, forgotten after 7 days. No store. */
struct transaction_coordinator_options transaction_coordinator_options_default(void);

struct transaction_coordinator *transaction_coordinator_create(
	const struct transaction_coordinator_options *options);
/* Accepts NULL. The store has ended: no append is under way. Calls that still wait are ended with
 * COORDINATOR_NOT_AVAILABLE. */
void transaction_coordinator_destroy(struct transaction_coordinator *coordinator);

/* ---- start ---- */

/* Whole record batches as the store has them, in order. DAMAGED. */
status transaction_coordinator_load(
	struct transaction_coordinator *coordinator, struct slice batches) MUST_USE;
/* After the last: prepared transactions are completed, ongoing ones get their timeout from now on. */
void transaction_coordinator_loaded(struct transaction_coordinator *coordinator, int64_t now_ms);
/* Is the producer's transaction in that partition known, and so certain to end? */
bool transaction_coordinator_knows(
	struct transaction_coordinator *coordinator, int64_t producer_id, const char *topic, int32_t partition);

/* ---- the store's and the timer's ---- */

void transaction_coordinator_recorded(
	struct transaction_coordinator *coordinator, struct transaction_entry *entry, status result);
void transaction_coordinator_marked(
	struct transaction_coordinator *coordinator, struct transaction_mark *mark, status result);
/* Aborts what takes too long, forgets ids, tries again what the store had no room for. To be called some ten
 * times a second; cheap when nothing is due. */
void transaction_coordinator_tick(struct transaction_coordinator *coordinator, int64_t now_ms);

/* ---- requests ---- */

/* The caller owns it and keeps it until done(). */
struct transaction_call {
	void (*done)(struct transaction_call *call); /* once; any thread; no lock is held */
	void *context;
	int16_t error_code;                   /* Kafka's */
	struct transaction_producer producer; /* result of InitProducerId */
	struct transaction_call *next;        /* the coordinator's */
};

void transaction_coordinator_init(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_init *asked, struct transaction_call *call, int64_t now_ms);
/* AddPartitionsToTxn; AddOffsetsToTxn with `offsets` and no partitions. */
void transaction_coordinator_add(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_producer *producer, const struct transaction_partition *partitions,
	int32_t count, bool offsets, struct transaction_call *call, int64_t now_ms);
void transaction_coordinator_end(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_producer *producer, bool commit, struct transaction_call *call, int64_t now_ms);

/* C2: calls write(context) if the producer may write to the partition (or stage offsets: topic.data == NULL)
 * as part of its transaction now. Returns a Kafka error code when it may not. write() must not block, or call
 * the coordinator. */
int16_t transaction_coordinator_write(struct transaction_coordinator *coordinator, struct slice id,
	const struct transaction_producer *producer, struct slice topic, int32_t partition,
	void (*write)(void *context), void *context);

/* ---- administration ---- */

struct transaction_description {
	struct slice id;
	struct transaction_value value; /* partitions: those in the transaction, also while it is prepared */
};

/* Copied into the arena; false: there is no such id. */
bool transaction_coordinator_describe(struct transaction_coordinator *coordinator, struct slice id,
	struct arena *arena, struct transaction_description *out);
/* All, by id; without partitions. */
void transaction_coordinator_list(struct transaction_coordinator *coordinator, struct arena *arena,
	struct transaction_description **out, int32_t *count);

#endif
