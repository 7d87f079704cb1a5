/* The coordinator: all groups, their offsets, and the records that keep both.
 *
 *   request ──► group (memory) ──► record ──► store ──► durable ──► call->done()
 *
 * Invariants
 *   C1  If it is not recorded, it did not happen: a call is ended only when every record its answer follows
 *       from is durable. So memory may run ahead of the disk, but nobody ever hears of it.
 *   C2  One key, one truth: the newest record of a key is what counts, a null value says that there is
 *       nothing. Reading all records in order gives the same state, whatever older ones were compacted away.
 *   C3  After a record could not be written the coordinator answers COORDINATOR_NOT_AVAILABLE until restart:
 *       its memory is ahead of what is recorded.
 *   C4  A partition's offset belongs to one incarnation of its topic; a topic that was deleted and created
 *       again has no committed offsets.
 *
 * Where records go is the store's business: group_log.h has the one on the log, tests have one in memory.
 *
 * Threads: any, unless said otherwise; a lock inside, never held over I/O or done(). now_ms is the monotonic
 * clock's; times that are recorded are the wall clock's.
 */
#ifndef KAPPA_INGEST_GROUP_COORDINATOR_H
#define KAPPA_INGEST_GROUP_COORDINATOR_H

#include "ingest/group.h"

struct group_coordinator;

struct group_store {
	void *context;
	/* Begins to append one record batch, whose memory the store takes over when it returns OK, and ends with
	 * one group_coordinator_appended() from any thread, also before returning. BACKPRESSURE: try again at the
	 * next tick. Any other failure is final (C3). Called under the coordinator's lock: must not block. */
	status (*append)(void *context, struct buffer *batch);
	/* The incarnation of a topic that has this partition; 0 = there is none. Must not block. */
	uint64_t (*incarnation)(void *context, struct slice topic, int32_t partition);
};

struct group_coordinator_options {
	struct group_options group;
	struct group_store store;
	int32_t groups_max;
	int32_t offsets_max;          /* partitions with an offset, of one group */
	int32_t staged_max;           /* partitions with an offset that one producer has staged, in all groups */
	int64_t offsets_retention_ms; /* after the group became empty, or the commit if it never had members */
};

/* 10 000 groups of 1 000 members, 100 000 offsets each, 10 000 staged by a producer; sessions from 6 s to 30
 * min; initial delay 100 ms; offsets kept for 7 days. No store. */
struct group_coordinator_options group_coordinator_options_default(void);

struct group_coordinator *group_coordinator_create(const struct group_coordinator_options *options);
/* Accepts NULL. No call is held, no append is under way: sessions are gone, the store has ended. */
void group_coordinator_destroy(struct group_coordinator *coordinator);

/* ---- start ---- */

/* Whole record batches as the store has them, in order. DAMAGED. */
status group_coordinator_load(struct group_coordinator *coordinator, struct slice batches) MUST_USE;
/* After the last: members get their session timeout from now on. */
void group_coordinator_loaded(struct group_coordinator *coordinator, int64_t now_ms);

/* ---- the store's and the timer's ---- */

void group_coordinator_appended(struct group_coordinator *coordinator, status result);
/* Expires members, ends rebalances, expires offsets, tries again what the store had no room for. */
void group_coordinator_tick(struct group_coordinator *coordinator, int64_t now_ms);
/* When to tick next. */
int64_t group_coordinator_deadline_ms(struct group_coordinator *coordinator);

/* ---- members ---- */

void group_coordinator_join(struct group_coordinator *coordinator, struct slice group,
	const struct group_join *join, struct group_call *call, int64_t now_ms);
void group_coordinator_sync(struct group_coordinator *coordinator, struct slice group,
	const struct group_sync *sync, struct group_call *call, int64_t now_ms);
void group_coordinator_heartbeat(struct group_coordinator *coordinator, struct slice group,
	const struct group_identity *who, int32_t generation, struct group_call *call, int64_t now_ms);
/* errors[i] is who[i]'s; they and call->error_code are valid in done(). */
void group_coordinator_leave(struct group_coordinator *coordinator, struct slice group,
	const struct group_identity *who, int16_t *errors, int32_t count, struct group_call *call,
	int64_t now_ms);
/* The client of a call is gone: true: the call is the caller's again, done() is not called; false: done() was
 * called, or is being called. */
bool group_coordinator_drop(struct group_coordinator *coordinator, struct group_call *call, int64_t now_ms);

/* ---- offsets ---- */

struct group_offset {
	struct slice topic;
	int32_t partition;
	int64_t offset;        /* −1 = none was committed */
	int32_t leader_epoch;  /* −1 = not said */
	struct slice metadata; /* "" when there is none */
	int16_t error_code;    /* result; of a commit also an argument: not NONE = refused already */
};

struct group_commit {
	struct slice group;
	struct group_identity who;
	int32_t generation;           /* −1 = no member */
	int64_t retention_ms;         /* < 0 = the coordinator's */
	struct group_offset *offsets; /* error_code is set, valid in done() */
	int32_t count;
};

void group_coordinator_commit(struct group_coordinator *coordinator, const struct group_commit *commit,
	struct group_call *call, int64_t now_ms);

/* With `all`, *offsets and *count are results, in the call's arena; without, the topics and partitions asked
 * for. `stable`: what a transaction has staged and not yet ended is UNSTABLE_OFFSET_COMMIT. */
void group_coordinator_fetch(struct group_coordinator *coordinator, struct slice group,
	struct group_offset **offsets, int32_t *count, bool all, bool stable, struct group_call *call);

/* OffsetDelete. */
void group_coordinator_offsets_delete(struct group_coordinator *coordinator, struct slice group,
	struct group_offset *offsets, int32_t count, struct group_call *call);

/* ---- offsets of transactions (TxnOffsetCommit, EndTxn) ---- */

/* Stages offsets under a producer: durable, but not committed, when the call is done. A later stage of the
 * same producer and partition replaces the earlier one. A generation of −1 with no member id is not checked
 * (clients before TxnOffsetCommit 3). Which epoch of a producer is the valid one is the caller's to check. */
void group_coordinator_stage(struct group_coordinator *coordinator, int64_t producer_id,
	const struct group_commit *commit, struct group_call *call, int64_t now_ms);
/* All that the producer has staged, in all groups, becomes committed, or is forgotten; one record batch, so
 * all of it or nothing. With nothing staged (asked again after a restart) it is done at once: idempotent.
 * The caller records its own decision first. */
void group_coordinator_stage_end(struct group_coordinator *coordinator, int64_t producer_id, bool commit,
	struct group_call *call, int64_t now_ms);

/* ---- administration ---- */

struct group_member_description {
	struct slice member_id, instance_id, client_id, client_host;
	struct slice metadata, assignment; /* in a stable group */
};

struct group_description {
	struct slice group, protocol_type, protocol;
	enum group_state state; /* DEAD: there is no such group */
	int32_t generation;
	struct group_member_description *members;
	int32_t member_count;
};

/* Copied into the arena. */
void group_coordinator_describe(struct group_coordinator *coordinator, struct slice group,
	struct arena *arena, struct group_description *out);
/* All groups, sorted by name, without their members' descriptions (but their number). */
void group_coordinator_list(struct group_coordinator *coordinator, struct arena *arena,
	struct group_description **out, int32_t *count);
/* All committed offsets of a group, sorted by topic and partition; what SQL and metrics show. */
void group_coordinator_offsets(struct group_coordinator *coordinator, struct slice group, struct arena *arena,
	struct group_offset **out, int32_t *count);
/* DeleteGroups: errors[i] is groups[i]'s. */
void group_coordinator_delete(struct group_coordinator *coordinator, const struct slice *groups,
	int16_t *errors, int32_t count, struct group_call *call);
/* A record could not be written (C3). */
bool group_coordinator_failed(struct group_coordinator *coordinator);

#endif
