/* One transactional id as a state machine: what may happen next, decided on values. No I/O, no clock, no
 * thread, no lock.
 *
 *             ┌──────────────── InitProducerId (epoch + 1) ◄───────────────────┐
 *             ▼                                                                │
 *   ──► EMPTY ── AddPartitions, AddOffsets ──► ONGOING ── EndTxn commit ──► PREPARE_COMMIT ──►
 * COMPLETE_COMMIT ▲                     │ EndTxn abort;                                  │ │ │
 * InitProducerId, time is up (both: epoch + 1)   │ │                     └──────────────► PREPARE_ABORT ──►
 * COMPLETE_ABORT│ └──────────────────────────────────────────────────────────┴───────────┘ DEAD: not used for
 * long; forgotten.
 *
 * Invariants
 *   T1  A value takes effect when it is recorded: each function says what the next value would be, and the
 *       coordinator records it before anything follows from it.
 *   T2  PREPARE is the decision. After it every partition gets the marker, however often it takes; nothing
 *       else happens to the id until then.
 *   T3  The epoch of a producer id never goes back; an abort that the producer did not ask for raises it, so
 *       that the markers fence the producer's late batches out of the partitions.
 *   T4  Partitions are sorted and unique, and there are none but in ONGOING and PREPARE.
 */
#ifndef KAPPA_INGEST_TRANSACTION_H
#define KAPPA_INGEST_TRANSACTION_H

#include "base/bytes.h"
#include "base/status.h"

enum transaction_state {
	TRANSACTION_EMPTY,
	TRANSACTION_ONGOING,
	TRANSACTION_PREPARE_COMMIT,
	TRANSACTION_PREPARE_ABORT,
	TRANSACTION_COMPLETE_COMMIT,
	TRANSACTION_COMPLETE_ABORT,
	TRANSACTION_DEAD,
};
const char *transaction_state_name(enum transaction_state state); /* Kafka's words: "PrepareCommit" */

enum {
	TRANSACTION_ID_SIZE_MAX = 4096,
	TRANSACTION_PARTITIONS_MAX = 10000,          /* in one transaction */
	TRANSACTION_TIMEOUT_MS_MAX = 15 * 60 * 1000, /* Kafka's transaction.max.timeout.ms */
};

struct transaction_partition {
	char *topic;
	int32_t number;
};

/* All that is known of an id; a record of the internal topic says just this. */
struct transaction_value {
	enum transaction_state state;
	int64_t producer_id;
	int64_t previous_producer_id; /* before its epochs were used up; −1 = none */
	int16_t epoch;                /* −1 = the id is new */
	int16_t previous_epoch;       /* whose InitProducerId led to `epoch`: it may come again; −1 = none */
	int32_t timeout_ms;
	int64_t start_wall_ms, update_wall_ms;
	bool offsets; /* the transaction commits offsets of a group, too */
	struct transaction_partition *partitions;
	int32_t partition_count;
};

void transaction_value_init(struct transaction_value *value); /* of a new id */
void transaction_value_deinit(struct transaction_value *value);
bool transaction_has(const struct transaction_value *value, struct slice topic, int32_t number);

/* ---- steps ----
 *
 * Each returns a Kafka error code; with KAFKA_NONE, *next is what is to be recorded, and the caller's to
 * deinit, or *same is set: nothing changes, the answer is yes at once. `pending`: another next value is being
 * recorded.
 */

struct transaction_init {
	int32_t timeout_ms;
	int64_t producer_id; /* what the producer believes it has; −1 = nothing */
	int16_t epoch;
	int64_t fresh_producer_id; /* unused so far */
};

/* When *next is PREPARE_ABORT, an older transaction has to be aborted first: the answer is
 * CONCURRENT_TRANSACTIONS, and the producer asks again. */
int16_t transaction_init_next(const struct transaction_value *now, bool pending,
	const struct transaction_init *asked, int64_t wall_ms, struct transaction_value *next);

struct transaction_producer {
	int64_t id;
	int16_t epoch;
};

int16_t transaction_add_next(const struct transaction_value *now, bool pending,
	const struct transaction_producer *producer, const struct transaction_partition *partitions,
	int32_t count, bool offsets, int64_t wall_ms, bool *same, struct transaction_value *next);
int16_t transaction_end_next(const struct transaction_value *now, bool pending,
	const struct transaction_producer *producer, bool commit, int64_t wall_ms, bool *same,
	struct transaction_value *next);
/* ONGOING to PREPARE_ABORT with a newer epoch. */
void transaction_fence_next(
	const struct transaction_value *now, int64_t wall_ms, struct transaction_value *next);
/* PREPARE to COMPLETE. */
void transaction_complete_next(
	const struct transaction_value *now, int64_t wall_ms, struct transaction_value *next);
/* May a batch, or offsets with topic.data == NULL, become part of the transaction now? */
int16_t transaction_write_check(const struct transaction_value *now, bool ending,
	const struct transaction_producer *producer, struct slice topic, int32_t number);

static inline bool transaction_is_prepared(const struct transaction_value *value)
{
	return value->state == TRANSACTION_PREPARE_COMMIT || value->state == TRANSACTION_PREPARE_ABORT;
}

/* ---- the record: key the id's bytes, value a JSON object; DEAD is a null value ---- */

/* Appends one record batch. */
status transaction_record_encode(
	struct slice id, const struct transaction_value *value, int64_t wall_ms, struct buffer *out) MUST_USE;
/* DAMAGED; UNSUPPORTED for what a later release wrote. */
status transaction_record_decode(struct slice value, struct transaction_value *out) MUST_USE;

#endif
