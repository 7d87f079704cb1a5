/* What the coordinator is made of. For ingest/group_coordinator*.c, and nobody else. */
#ifndef KAPPA_INGEST_GROUP_COORDINATOR_INTERNAL_H
#define KAPPA_INGEST_GROUP_COORDINATOR_INTERNAL_H

#include <pthread.h>

#include "ingest/group_coordinator.h"
#include "ingest/group_record.h"

enum {
	GROUP_BUCKETS = 4096,
	GROUP_BATCH_BYTES = 1024 * 1024, /* a batch is closed beyond this many; one record may be larger */
	GROUP_RETRY_MS = 10,             /* when the store has no room; also the shortest time between ticks */
	GROUP_SWEEP_MS_MAX = 10 * 60 * 1000, /* how often expired offsets are looked for */
};

/* An offset that waits for its transaction's end. */
struct staged {
	struct staged *next;
	struct group *group;
	struct slice topic;
	int32_t partition;
	struct offset_value value; /* metadata is owned */
};

struct staging {
	struct staging *next;
	int64_t producer_id;
	struct staged *staged;
	int32_t count;
};

/* A closed record batch, not yet given to the store. */
struct group_batch {
	struct group_batch *next;
	struct buffer bytes;
};

struct group_coordinator {
	struct group_coordinator_options options; /* constant */

	pthread_mutex_t lock; /* of all below */
	struct group *buckets[GROUP_BUCKETS];
	int32_t group_count;
	struct staging *stagings;

	/* Records. Batches are numbered from 1; `building` is the one being gathered. */
	struct record_batch_builder builder;
	uint64_t building, durable;
	struct group_batch *closed,
		**closed_end; /* numbers durable + 1 (+ 1 if one is in flight) … building − 1 */
	bool in_flight;
	bool failed; /* C3 */

	/* Calls. */
	struct group_call *held, **held_end;   /* until their batch is durable */
	struct group_call *ended, **ended_end; /* done() as soon as the lock is given back */

	/* Times. */
	int64_t now_ms; /* the newest anybody said */
	int64_t due_ms, retry_ms, sweep_ms, ticked_ms;
};

void coordinator_lock(struct group_coordinator *coordinator);
/* Begins to append what was recorded, gives the lock back, ends calls. */
void coordinator_unlock(struct group_coordinator *coordinator);

struct group *coordinator_find(struct group_coordinator *coordinator, struct slice id);
/* NULL: there are too many, or the id cannot be one; *error_code says which. */
struct group *coordinator_get(struct group_coordinator *coordinator, struct slice id, int16_t *error_code);
/* Not in the table any more, freed. */
void coordinator_remove(struct group_coordinator *coordinator, struct group *group);
/* After anything was done to a group: records it, passes its ended calls on, notes when it is due. A group
 * that nothing ever happened to is removed. */
void coordinator_settle(struct group_coordinator *coordinator, struct group *group, int64_t now_ms);
/* Ends the call once batch `after` is durable. */
void coordinator_end(
	struct group_coordinator *coordinator, struct group_call *call, int16_t error_code, uint64_t after);
/* Where to add a record; afterwards coordinator_recorded(), which closes a full batch. */
struct record_batch_builder *coordinator_builder(struct group_coordinator *coordinator);
void coordinator_recorded(struct group_coordinator *coordinator, struct group *group);
void coordinator_fail(struct group_coordinator *coordinator, status code);
/* Removes a committed offset, with a record that says so. False: there was none. */
bool coordinator_offset_remove(struct group_coordinator *coordinator, struct group *group, struct slice topic,
	int32_t partition, int64_t wall_ms);
void coordinator_offsets_sweep(struct group_coordinator *coordinator);

/* ---- staged offsets ---- */

struct staging *staging_get(struct group_coordinator *coordinator, int64_t producer_id);
void staging_set(struct staging *staging, struct group *group, struct slice topic, int32_t partition,
	const struct offset_value *value);
void staging_remove(struct group_coordinator *coordinator, int64_t producer_id, struct group *group,
	struct slice topic, int32_t partition);
void stagings_free(struct group_coordinator *coordinator);

#endif
