/* Producer state of one partition: what idempotence remembers.
 *
 * For each producer id the newest epoch and its last 5 batches (sequence and offset ranges). It
 * is a function of the log's batches in order and of nothing else: recovery rebuilds it by
 * applying batch headers, from the newest snapshot on.
 *
 * Bounded: a partition remembers PRODUCERS_MAX producers; the one that appended longest ago is
 * forgotten first, and is then as unknown as a new one (it may go on with any sequence).
 *
 * Owned by the partition, under its lock.
 */
#ifndef KAPPA_LOG_PRODUCER_STATE_H
#define KAPPA_LOG_PRODUCER_STATE_H

#include "base/bytes.h"
#include "base/status.h"
#include "log/log.h"
#include "log/record_batch.h"

enum {
	PRODUCER_BATCHES_MAX = 5, /* Kafka's bound on batches in flight with idempotence */
	PRODUCERS_MAX = 65536,
};

struct producer_batch {
	int32_t first_sequence, last_sequence;
	int64_t base_offset, last_offset;
};

struct producer {
	int64_t id;
	int16_t epoch;
	uint8_t batch_count;
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
};

void producer_state_init(struct producer_state *state);
void producer_state_deinit(struct producer_state *state);

/* May `batch` be appended next? OK: yes. EXISTS: it is there already, *original says where.
 * STALE_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE: no. Changes nothing. */
status producer_state_check(const struct producer_state *state, const struct record_batch *batch,
	struct producer_batch *original) MUST_USE;
/* Remembers a batch with its offset assigned. Batches without a producer id are ignored. */
void producer_state_append(struct producer_state *state, const struct record_batch *batch);
/* The batch is durable: producer_state_position() may tell of it. */
void producer_state_publish(struct producer_state *state, const struct record_batch *batch);
status producer_state_position(
	const struct producer_state *state, int64_t producer_id, struct producer_position *out) MUST_USE;

/* All producers, longest silent first; the same state gives the same bytes. */
void producer_state_encode(const struct producer_state *state, struct buffer *out);
/* Into an initialised, empty state; everything in it counts as published. DAMAGED. */
status producer_state_decode(struct producer_state *state, struct slice bytes) MUST_USE;

#endif
