/* Where in which segment a partition's batches lie: the search under the lock, and steps from batch to batch
 * without it. Inside log/ only; what partition_read.c and partition_range.c begin with.
 *
 *   place_find() ─► place_advance() ─► place_read(), place_extent() … ─► place_leave()
 *
 * Between find and leave the caller is a user of the partition, and the segment's file and loaded index stay.
 */
#ifndef KAPPA_LOG_PARTITION_PLACE_H
#define KAPPA_LOG_PARTITION_PLACE_H

#include "log/partition.h"

struct place {
	struct segment *segment; /* acquired */
	int64_t position;        /* a batch boundary */
	int64_t limit;           /* published bytes of the segment */
	bool exact;              /* the batch at `position` contains the offset */
};

/* Enters the partition and acquires the segment that holds `offset`, with its index loaded if `indexed`; the
 * caller calls place_leave(). END at the high watermark and from `end_offset` on, OUT_OF_RANGE, NOT_FOUND. */
status place_find(struct partition *partition, int64_t offset, int64_t end_offset, bool indexed,
	struct place *out) MUST_USE;
/* Releases both. A reader that goes on at `next_offset` (−1 = none) will find it at `position` of the segment
 * without an index. */
void place_leave(
	struct partition *partition, const struct place *place, int64_t next_offset, int64_t position);

/* Walks from a boundary before it to the batch that contains `offset`. DAMAGED. */
status place_advance(struct place *place, int64_t offset) MUST_USE;
/* Reads exactly `size` published bytes. DAMAGED when the file has fewer. */
status place_read(const struct place *place, int64_t position, uint8_t *at, size_t size) MUST_USE;
/* Reads the header at `at`, `position` in the file; all of its batch must be published. DAMAGED. */
status place_extent(
	const struct place *place, const uint8_t *at, int64_t position, struct batch_extent *extent) MUST_USE;
/* Raises DAMAGED naming the file and the byte. */
status place_damage(const struct place *place, int64_t position, const char *why);

#endif
