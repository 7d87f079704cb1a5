/* Producer state of one partition: what idempotence and transactions remember.
 *
 * For each producer id the newest epoch, its last 5 batches (sequence and offset ranges), and where its open
 * transaction began. It is a function of the log's batches in order and of nothing else: recovery rebuilds it
 * by applying batches, from the newest snapshot on.
 *
 *   transactional batch ─► open ─┬─ commit marker ─► not open
 *                                └─ abort marker ──► not open, one more entry in the transaction index
 *
 * Invariants
 *   R1  A producer with an open transaction is never forgotten; `open` has exactly these, by first offset.
 *   R2  Batches of an open transaction are all of one epoch: markers alone may bring a newer one.
 *
 * Bounded: a partition remembers PRODUCERS_MAX producers; the one that appended longest ago and has no open
 * transaction is forgotten first, and is then as unknown as a new one (it may go on with any sequence). Time
 * plays no part in it: a producer whose records have no timestamps (−1) is remembered like any other.
 *
 * Owned by the partition, under its lock.
 */
#ifndef KAPPA_LOG_PRODUCER_STATE_H
#define KAPPA_LOG_PRODUCER_STATE_H

#include "base/bytes.h"
#include "base/status.h"
#include "log/log.h"
#include "log/record_batch.h"
#include "log/transaction_index.h"

enum {
	PRODUCER_BATCHES_MAX = 5, /* Kafka's bound on batches in flight with idempotence */
	PRODUCERS_MAX = 65536,
	TRANSACTIONS_OPEN_MAX = 16384, /* of one partition */
};

struct producer_batch {
	int32_t first_sequence, last_sequence;
	int64_t base_offset, last_offset;
};

struct producer {
	int64_t id;
	int16_t epoch;
	uint8_t batch_count;
	int64_t transaction_first_offset;                    /* −1 = no open transaction */
	struct producer_batch batches[PRODUCER_BATCHES_MAX]; /* oldest first */
	struct producer_position published;                  /* newest durable batch */
	bool is_published;
	int32_t chain;        /* next of the same bucket */
	int32_t newer, older; /* by last append */
};

struct producer_state {
	struct producer *producers; /* a heap: indices, not pointers, link them */
	int32_t count, capacity;
	int32_t *buckets;
	int32_t newest, oldest;
	struct open_transaction *open; /* by first offset */
	size_t open_count, open_capacity;
};

void producer_state_init(struct producer_state *state);
void producer_state_deinit(struct producer_state *state);

/* May `batch` be appended next? OK: yes. EXISTS: it is there already, *original says where.
 * STALE_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE, TRANSACTION_STATE: no; BACKPRESSURE: not while so many
 * transactions are open. Changes nothing. */
status producer_state_check(const struct producer_state *state, const struct record_batch *batch,
	struct producer_batch *original) MUST_USE;
/* Remembers a batch with its offset assigned; a transaction that it aborts goes to `index`. Batches without
 * a producer id are ignored. */
void producer_state_append(
	struct producer_state *state, const struct record_batch *batch, struct transaction_index *index);
/* Where the first open transaction begins; INT64_MAX when there is none. */
static inline int64_t producer_state_first_open(const struct producer_state *state)
{
	return state->open_count != 0 ? state->open[0].first_offset : INT64_MAX;
}
/* The batch is durable: producer_state_position() may tell of it. */
void producer_state_publish(struct producer_state *state, const struct record_batch *batch);
status producer_state_position(
	const struct producer_state *state, int64_t producer_id, struct producer_position *out) MUST_USE;

/* All producers, longest silent first; the array is the caller's. */
void producer_state_list(
	const struct producer_state *state, struct producer_description **out, size_t *count);

/* All producers, longest silent first; the same state gives the same bytes. */
void producer_state_encode(const struct producer_state *state, struct buffer *out);
/* Into an initialised, empty state; everything in it counts as published. DAMAGED. */
status producer_state_decode(struct producer_state *state, struct slice bytes) MUST_USE;

#endif
