/* What partition.c, partition_read.c and partition_trim.c share. */
#ifndef KAPPA_LOG_PARTITION_INTERNAL_H
#define KAPPA_LOG_PARTITION_INTERNAL_H

#include "log/partition.h"

/* Raises NOT_FOUND. */
status partition_missing(const struct partition *partition) MUST_USE;
/* A user keeps partition_delete() waiting. @locks held */
status partition_enter(struct partition *partition) MUST_USE;
void partition_leave(struct partition *partition);

/* Keeps the segment's file open until released. NOT_READY, without an error, when the segment was retired
 * meanwhile: what lies at its path may be another's. @locks held; dropped while the file is opened. */
status segment_acquire(struct partition *partition, struct segment *segment) MUST_USE;
/* Makes the index of an acquired segment available; NOT_READY as segment_acquire(). @locks held; dropped
 * while it is read. */
status segment_index_need(struct partition *partition, struct segment *segment) MUST_USE;
/* The last touch of the segment by the caller. @locks held */
void segment_release(struct segment *segment);
/* No longer the partition's; its last user frees it. @locks held */
void segment_retire(struct partition *partition, struct segment *segment);
/* partition_read() without passing over batches that have no records. */
status partition_read_all(
	struct partition *partition, int64_t offset, size_t bytes_max, struct buffer *out) MUST_USE;
/* Frees loaded indexes beyond the budget, but not `keep`'s. @locks held */
void sealed_indexes_trim(struct partition *partition, const struct segment *keep);

#endif
