/* The offsets of one group: for each topic and partition the newest that was committed, and how many
 * transactions have one staged. Memory only; no thread of its own.
 */
#ifndef KAPPA_INGEST_GROUP_OFFSETS_H
#define KAPPA_INGEST_GROUP_OFFSETS_H

#include <stdbool.h>

#include "base/bytes.h"

enum { GROUP_PARTITION_MAX = 65535 }; /* of a number in a record; topics have fewer */

struct offset_value {
	int64_t offset;
	int32_t leader_epoch;  /* −1 = not said */
	struct slice metadata; /* owned by the slot, borrowed in arguments */
	int64_t commit_wall_ms;
	int64_t expire_wall_ms; /* −1 = by the group's retention */
	uint64_t incarnation;   /* of the topic */
};

struct offset_slot {
	bool committed;
	int32_t staged; /* transactions that will decide about this partition */
	struct offset_value value;
};

struct offset_topic {
	struct slice name;
	struct offset_slot *slots; /* by partition */
	int32_t slot_count;
};

struct group_offsets {
	struct offset_topic *topics; /* by name */
	size_t topic_count, topic_capacity;
	int32_t committed_count, staged_count;
};

void group_offsets_deinit(struct group_offsets *offsets);
/* NULL when nothing was ever said of the partition. */
struct offset_slot *group_offsets_find(
	const struct group_offsets *offsets, struct slice topic, int32_t partition);
/* The slot, made if need be; valid until the next is made. */
struct offset_slot *group_offsets_slot(struct group_offsets *offsets, struct slice topic, int32_t partition);
void group_offsets_commit(
	struct group_offsets *offsets, struct slice topic, int32_t partition, const struct offset_value *value);
/* False: there was none. */
bool group_offsets_remove(struct group_offsets *offsets, struct slice topic, int32_t partition);

#endif
