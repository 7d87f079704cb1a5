/* How far consumer groups are behind: what kappa.groups and the metrics show.
 *
 * Threads: any. Everything is copied into the arena.
 */
#ifndef KAPPA_SERVER_GROUP_LAG_H
#define KAPPA_SERVER_GROUP_LAG_H

#include "ingest/group_coordinator.h"
#include "log/log.h"

struct group_lag {
	const char *group; /* bytes that are no text are shown as '?' */
	const char *state; /* Kafka's words */
	int32_t member_count;
	const char *topic; /* NULL: the group has committed nothing; nothing follows then */
	int32_t partition;
	int64_t committed_offset, high_watermark;
	int64_t lag_records; /* never below 0 */
};

/* By group, topic, partition. `coordinator` NULL: none. */
void group_lag_list(struct group_coordinator *coordinator, struct log *log, struct arena *arena,
	struct group_lag **out, size_t *count);

#endif
