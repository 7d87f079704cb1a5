/* A partition: an array of segments, the last of them active. Inside log/ only.
 *
 *   segments  [ trimmed | … sealed …)[1000 … sealed …)[2000 … active …)
 *                       ^ log start                 ^ published size = high watermark   ^ write position
 *
 * Invariants
 *   P1  segments[i + 1]'s base offset is segments[i]'s next offset; only the last is not sealed.
 *   P2  What is published (sizes, watermark, index entries, producer positions) is durable.
 *       The high watermark is the active segment's next offset. The last stable offset moves with it:
 *       after a publication everything admitted is published, so `producers` then knows what is open.
 *   P3  Published bytes never change, so readers need the lock only to find them. Compaction replaces sealed
 *       segments by others that cover the same offsets; trimming takes the oldest away. Both retire them:
 *       whoever reads one goes on reading it, and frees it as its last user.
 *   P5  The log start is durable before it is visible, and lies in the first segment when what it leaves
 *       behind is reclaimed. Only the cleaner's thread replaces or takes away segments.
 *   P4  A poisoned partition is never written again; a deleted one is neither read nor written.
 *
 * Threads: fields are grouped by who may touch them.
 */
#ifndef KAPPA_LOG_PARTITION_H
#define KAPPA_LOG_PARTITION_H

#include <pthread.h>
#include <stdatomic.h>

#include "log/log.h"
#include "log/producer_state.h"
#include "log/segment.h"

enum {
	PARTITION_HINTS = 8,
	PARTITION_SEALED_OPEN_MAX = 4,                /* open files of sealed segments, when idle */
	PARTITION_INDEX_BYTES_MAX = 16 * 1024 * 1024, /* loaded indexes of sealed segments */
};

/* Where a reader that goes on at `offset` finds it: sequential readers need no index. */
struct partition_hint {
	int64_t offset;
	const struct segment *segment;
	int64_t position;
};

/* How far compaction has come. Derived: without it all is compacted again. */
struct clean_state {
	bool known;         /* read from the partition's directory, or begun anew */
	int64_t offset;     /* below it, no record has a newer one of its key below it */
	int64_t horizon_ms; /* when the next deleted key may be forgotten; INT64_MAX = none waits */
};

struct partition {
	/* Constant. */
	const struct topic *topic;
	int32_t number;
	char *dir;

	/* Any thread, under `lock`; the atomics are read without it. */
	pthread_mutex_t lock;
	struct segment **segments;
	size_t segment_count, segment_capacity;
	_Atomic int64_t high_watermark, last_stable_offset;
	_Atomic int64_t log_start;
	_Atomic uint64_t bytes;
	struct partition_hint hints[PARTITION_HINTS];
	unsigned hint_next;
	size_t sealed_open;        /* sealed segments with an open file */
	size_t sealed_index_bytes; /* in loaded indexes of sealed segments */
	struct producer_state producers;
	struct transaction_index aborted; /* of all segments, oldest marker first */
	bool deleted;
	int32_t users;       /* reads under way, and the writer while its group touches the partition */
	pthread_cond_t left; /* the last user of a deleted partition */
	_Atomic bool poisoned;
	struct error poison; /* the first failure */

	/* Held while the log start is made durable. */
	pthread_mutex_t start_lock;

	/* The cleaner thread's. */
	struct clean_state clean;

	/* The writer thread's. */
	int64_t next_offset;    /* to be assigned */
	int64_t write_position; /* in the active segment; ≥ its published size */
	struct append *pending, **pending_end;
	size_t pending_count;
	bool in_group;
	struct partition *group_next;
};

/* Memory only; `dir` is copied. */
struct partition *partition_allocate(const struct topic *topic, int32_t number, const char *dir);
/* Accepts NULL. No other thread may be using it. */
void partition_destroy(struct partition *partition);
/* Creates the directory and the first segment; durable but for the directory's own name, whose
 * parent the caller syncs. */
status partition_create(struct partition *partition) MUST_USE;
/* What recovery.c does: finds, verifies and repairs what is on disk. DAMAGED names file and byte. */
status partition_recover(struct partition *partition) MUST_USE;
void partition_segment_add(struct partition *partition, struct segment *segment);

static inline struct segment *partition_active(const struct partition *partition)
{
	return partition->segments[partition->segment_count - 1];
}

/* From now on reads and appends answer NOT_FOUND. Waits for those under way and closes all files: afterwards
 * nobody touches the directory's path, which a new topic may take over. Not on the writer thread. */
void partition_delete(struct partition *partition);

/* ---- the cleaner's and the trimmer's (partition_trim.c) ---- */

/* A user keeps partition_delete() waiting, so paths stay the partition's. False when it was deleted. */
bool partition_use(struct partition *partition);
void partition_unuse(struct partition *partition);
bool partition_is_deleted(struct partition *partition);
/* The start written by partition_start_move(), 0 when none was. DAMAGED. */
status partition_start_read(const char *dir, int64_t *offset) MUST_USE;
/* Moves the log start up to `offset` (≤ the high watermark), durably; never down. */
status partition_start_move(struct partition *partition, int64_t offset) MUST_USE;
/* Takes away and removes the segments before the log start. The cleaner's thread; the caller is a user. */
void partition_reclaim(struct partition *partition);
/* The sealed segments' summaries, oldest first; the caller frees. */
struct segment_summary *partition_sealed(struct partition *partition, size_t *count);
/* Puts `fresh`, whose bytes lie durably in "<base>.log.cleaned", in the place of `count` segments from its
 * base offset on. Afterwards (also after a failure) the caller does not own it. The cleaner's thread; the
 * caller is a user. */
status partition_replace(struct partition *partition, struct segment *fresh, size_t count) MUST_USE;

/* ---- the writer's ---- */

/* Seals the active segment and begins the next. Nothing may be pending. */
status partition_roll(struct partition *partition) MUST_USE;
/* Stops the partition after the failure on this thread's trace. Cuts away what was written but
 * not acknowledged, as far as that still works: after a failed sync the page cache may show
 * bytes that the disk does not have, and a restart must not believe them. */
void partition_poison(struct partition *partition);

#endif
