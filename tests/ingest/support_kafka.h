/* A Kafka connection without a socket: a real log in a temporary directory, one session, a fake server.
 * The fake server collects answers, runs blocking calls when told, and counts wakes.
 */
#ifndef KAPPA_TESTS_INGEST_SUPPORT_KAFKA_H
#define KAPPA_TESTS_INGEST_SUPPORT_KAFKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ingest/group_log.h"
#include "ingest/kafka_request.h"
#include "ingest/kafka_session.h"
#include "ingest/transaction_log.h"
#include "log/record_batch.h"

struct blocking_call {
	struct blocking_call *next;
	void (*function)(void *argument);
	void *argument;
};

struct kafka_fixture {
	char dir[64];
	struct log *log;
	struct group_log *groups;
	struct transaction_log *transactions;
	struct kafka_broker *broker;
	struct kafka_session *session;
	struct buffer sent; /* answers not yet taken */
	bool clogged;       /* what io.clogged() says */
	bool scarce;        /* what the broker's answer_memory says */
	atomic_size_t memory_taken;
	/* Does the session get an io.send_range()? Takes effect at the next renewal. */
	bool ranges_refused;
	int ranges_sent; /* their bytes are among `sent` */
	_Atomic int wakes, advances;
	struct blocking_call *calls; /* oldest first */
	bool calls_held;             /* do not run them */
	int64_t now_ms;
	struct arena arena; /* requests and answers of the test */
	int32_t correlation_id;
};

/* cmocka fixtures: a fresh log, broker (auto-creating) and session. */
int kafka_set_up(void **state);
/* … whose io cannot send ranges. */
int kafka_set_up_copying(void **state);
int kafka_tear_down(void **state);
/* Destroys the session, which answers are then lost, and creates another. */
void fixture_session_renew(struct kafka_fixture *fixture);
/* Closes and opens the log again; a new broker and session. */
void fixture_restart(struct kafka_fixture *fixture);
void fixture_open(struct kafka_fixture *fixture, size_t queue_bytes_max);
void fixture_close(struct kafka_fixture *fixture);

/* The bytes of a request: length, header, body; the correlation id is the fixture's next. */
void request_append(
	struct kafka_fixture *fixture, int16_t key, int16_t version, const void *message, struct buffer *out);
/* Runs blocking calls and waits for wakes until an answer is there; takes its correlation id and body.
 * The body is decoded by the API's response schema, and must be used up by it. */
void *answer_take(struct kafka_fixture *fixture, int16_t key, int16_t version, int32_t *correlation_id);
/* Both: what a client does. */
void *ask(struct kafka_fixture *fixture, int16_t key, int16_t version, const void *message);
/* The session fails within a second, with this code. */
void expect_failure(struct kafka_fixture *fixture, status expected);
bool answer_is_there(const struct kafka_fixture *fixture);
/* One turn of the server's loop: blocking calls, resume. */
status turn(struct kafka_fixture *fixture);

/* ---- verbs ---- */

void topic_make(struct kafka_fixture *fixture, const char *name, int32_t partitions);
/* A batch of `count` records "v<n>" with timestamps from `timestamp_ms` on, one millisecond apart. */
void batch_make(struct buffer *out, int32_t count, int64_t timestamp_ms, enum codec codec,
	const struct record_batch_producer *producer);
/* A produce request of one batch. */
struct kafka_produce_request *produce_make(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int16_t acks, struct slice batch);
/* Produces with version 9 and acks=all; the partition's answer. */
struct kafka_produce_response_partition *produce(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, struct slice batch);
struct kafka_fetch_request *fetch_make(struct kafka_fixture *fixture, const char *topic, int32_t partition,
	int64_t offset, int32_t min_bytes, int32_t max_wait_ms);
struct kafka_list_offsets_response_partition *list_offset(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int64_t timestamp);

#define MAKE(fixture, name) KAFKA_NEW(&(fixture)->arena, name, 1)

/* Produces `batches` of `records` each, timestamps from 1000, 2000, … on. */
void topic_fill(
	struct kafka_fixture *fixture, const char *topic, int32_t partition, int batches, int32_t records);

/* An offset of partition 0 of "t", for a group without members. */
struct kafka_offset_commit_request *offset_commit_make(struct kafka_fixture *fixture, const char *group);

#endif
