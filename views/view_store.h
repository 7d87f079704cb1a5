/* One view version on disk: its rows, its operators' state, its offset vector, in one RocksDB. The only
 * folder that includes RocksDB.
 *
 * Key space (one column family):
 *   'm' …            meta: fingerprint, offset vector, digest, row count, watermarks
 *   'b' topic partition offset   a bad record this version met
 *   'c'              how many commits there are, added up by merging; must agree with meta
 *   'r' key          a row. Keyed view: order-preserving key columns → row bytes. Unkeyed view: the whole row
 * → weight, kept by a merge operator (sum; a row of weight 0 is not there) 's' space key    operator state
 *
 * Invariants
 *   V1  Everything of a step – rows, state, bad records, offsets, digest – is one atomic write (one
 * WriteBatch with the WAL on, or one ingested SST file): a crash leaves an exact earlier step. V2  A
 * directory is believed only if its fingerprint matches and it opens cleanly; else STATUS_DAMAGED or
 * NOT_FOUND and the caller rebuilds it from the log (view_store_destroy, open again). V3  Rows seen through a
 * snapshot are those of exactly one step.
 *
 * Threads: one writer (the version's pipeline); snapshots may be taken and read from any thread.
 */
#ifndef KAPPA_VIEWS_VIEW_STORE_H
#define KAPPA_VIEWS_VIEW_STORE_H

#include "base/status.h"
#include "zset/batch.h"
#include "zset/relation.h"
#include "zset/state_store.h"

struct view_environment; /* block cache, write buffer budget, threads: shared by all stores */

status view_environment_create(size_t memory_bytes_max, struct view_environment **out) MUST_USE;
void view_environment_destroy(struct view_environment *environment);

/* How far a version has read: sorted by (topic, partition). `offset` is the next to be read. */
struct offset_entry {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t max_event_time_us; /* INT64_MIN = none seen; with the table's delay this gives the watermark */
	int64_t missed;            /* offsets before it that were trimmed from the log before they were read */
};
struct offset_vector {
	struct offset_entry *entries;
	size_t count;
};

struct view_layout {
	struct schema schema; /* the view's columns; copied */
	bool has_key;
	const uint32_t *key_columns; /* copied; has_key with count 0: at most one row */
	size_t key_count;
	const char *fingerprint; /* ≤ 128 characters */
};

struct view_store;

/* Opens or creates. DAMAGED when it exists but cannot be believed (V2), IO, NO_SPACE, LOCKED. */
status view_store_open(struct view_environment *environment, const char *dir,
	const struct view_layout *layout, struct view_store **out) MUST_USE;
void view_store_close(
	struct view_store *store); /* accepts NULL; open snapshots keep it alive until released */
/* Deletes a version's directory. OK if it is not there. */
status view_store_destroy(const char *dir) MUST_USE;

/* True when nothing has ever been committed. */
bool view_store_is_empty(const struct view_store *store);
/* Committed state for operators; borrowed. */
struct state_store *view_store_state(struct view_store *store);
/* The committed offset vector; entries and names in the arena. */
void view_store_offsets(const struct view_store *store, struct arena *arena, struct offset_vector *out);

/* ---- a step's commit ---- */

struct bad_record {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;
	const char *error;
};

/* begin → rows/bad/state in any order → finish, or abandon. Rows may be given in several deltas; they are
 * netted per key before they are written. */
struct view_commit;
struct view_commit *view_commit_begin(struct view_store *store);
/* Copies what it needs; consolidation happens in finish. */
status view_commit_rows(struct view_commit *commit, const struct batch *delta) MUST_USE;
void view_commit_bad_record(struct view_commit *commit, const struct bad_record *bad);
/* Borrowed from the commit; hand it to circuit_flush(). */
struct state_writer *view_commit_state(struct view_commit *commit);
size_t view_commit_bytes(const struct view_commit *commit); /* memory held, for ending bulk steps in time */
/* Atomic (V1). Large commits are written as one sorted SST file and ingested, small ones as a WriteBatch. Not
 * synced: a crash may lose the newest commits, never part of one. INTERNAL if a row's weight would become
 * negative or a key would hold two rows. */
status view_commit_finish(struct view_commit *commit, const struct offset_vector *offsets) MUST_USE;
void view_commit_abandon(struct view_commit *commit);

/* Makes all commits so far survive power loss (shutdown, promotion). */
status view_store_sync(struct view_store *store) MUST_USE;

/* ---- snapshots ---- */

struct view_snapshot; /* reference counted; immutable */

struct view_snapshot *view_snapshot_take(struct view_store *store);
struct view_snapshot *view_snapshot_retain(struct view_snapshot *snapshot);
void view_snapshot_release(struct view_snapshot *snapshot); /* accepts NULL */
const struct schema *view_snapshot_schema(const struct view_snapshot *snapshot);
const struct offset_vector *view_snapshot_offsets(const struct view_snapshot *snapshot);
struct digest view_snapshot_digest(const struct view_snapshot *snapshot);
/* Σ weights: rows as SELECT count(*) sees them. */
int64_t view_snapshot_row_count(const struct view_snapshot *snapshot);
uint64_t view_snapshot_bad_count(const struct view_snapshot *snapshot);
/* The rows; keyed views come in key order and take key ranges. The relation retains the snapshot. */
struct relation *view_snapshot_relation(struct view_snapshot *snapshot);
/* Bad records in (topic, partition, offset) order; strings valid during the call. A visit that returns other
 * than OK ends it. */
status view_snapshot_bad_records(struct view_snapshot *snapshot,
	status (*visit)(void *context, const struct bad_record *bad), void *context) MUST_USE;

/* Bytes on disk and in memory, for status and metrics. */
uint64_t view_store_disk_bytes(const struct view_store *store);

#endif
