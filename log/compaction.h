/* Compaction of one partition: of each key's records only the newest stays, at its offset. Inside log/ only;
 * the cleaner's thread.
 *
 *   sealed segments  [ compacted … ][ … dirty … ][ too new, open transactions ][ active ]
 *                     ^ log start    ^ clean.offset  ^ limit
 *
 *   1. The keys of the dirty part go into a bounded map: key → newest offset. When it is full, this pass ends
 *      there (map_end) and another follows: several passes rather than a failure.
 *   2. From the log start to map_end segments are rewritten. A record goes when the map knows a newer one of
 *      its key; a deletion (null value) goes when its time is over. Small neighbours become one segment.
 *   3. A rewritten segment is written aside (".log.cleaned"), synced, renamed over the first one it replaces,
 *      the directory synced, and only then others it replaces are removed: wherever this is cut short, the
 *      old or the new is there in full. It covers exactly the offsets of what it replaces.
 *
 * Kept whatever the map says: records without key, control batches, the newest batch of each producer
 * (without its records if need be). Records of aborted transactions replace nothing and go; beyond the last
 * stable offset, and in the active segment, nothing is touched.
 */
#ifndef KAPPA_LOG_COMPACTION_H
#define KAPPA_LOG_COMPACTION_H

#include "log/partition.h"

struct compaction_options {
	const struct topic_config *config;
	size_t map_bytes_max;
	int64_t now_ms; /* wall time */
	/* Asked now and then; true ends the run with CANCELLED. */
	bool (*cancelled)(void *context);
	void *context;
};

struct compaction_result {
	uint64_t passes, segments_compacted;
	int64_t bytes_removed;
};

/* Does what the configuration asks for now; nothing when nothing is due. The caller is a user of the
 * partition. CANCELLED, NOT_FOUND when the topic was deleted meanwhile; DAMAGED, IO, NO_SPACE: the partition
 * is as it was, or further. *result counts what was done, also on failure. */
status partition_compact(struct partition *partition, const struct compaction_options *options,
	struct compaction_result *result) MUST_USE;
/* The timestamp of the first batch at or after the segment's base offset; NOT_FOUND. */
status partition_first_time(struct partition *partition, int64_t base_offset, int64_t *timestamp_ms) MUST_USE;

#endif
