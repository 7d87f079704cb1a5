/* A snapshot, <base offset>.snapshot: what is known just before that offset.
 *
 *   0  "KAPSNAP2"; what an earlier release wrote as "KAPSNAP1" lacks open transactions and is not believed
 *   8  u32 CRC-32C of bytes 12–91     summary of the segment that ends here
 *  12  i64 base offset  i64 next offset  i64 .log size  i64 largest timestamp  i64 its offset
 *  52  u32 .index size  u32 its CRC  u32 .timeindex size  u32 its CRC
 *  68  u32 CRC of the producers  u32 their size; 0 0 = unknown
 *  76  u32 .txnindex size  u32 its CRC; 0 0 = none  (84–91: zero)
 *  92  producers (producer_state_encode)
 *
 * Big-endian. It lets recovery believe a sealed segment without reading it, and rebuild producer
 * state from the newest segments only. Derived data: written without syncing, believed only
 * when its CRCs are right, deleted without harm. The format is ours, the name is Kafka's.
 */
#ifndef KAPPA_LOG_SNAPSHOT_H
#define KAPPA_LOG_SNAPSHOT_H

#include "base/status.h"
#include "log/producer_state.h"
#include "log/segment.h"

enum { SNAPSHOT_SUMMARY_SIZE = 92, SNAPSHOT_SIZE_MAX = 64 << 20 };

/* Best effort: a failure is reported, not returned. producers may be NULL: unknown. */
void snapshot_write(
	const char *dir, const struct segment_summary *summary, const struct producer_state *producers);
/* The segment before summary->next_offset was replaced: its new summary, the producers as they were. */
void snapshot_replace_summary(const char *dir, const struct segment_summary *summary);
/* The summary in <offset>.snapshot. NOT_FOUND when there is none to believe. */
status snapshot_read_summary(const char *dir, int64_t offset, struct segment_summary *out) MUST_USE;
/* The producers into an initialised, empty state. NOT_FOUND when there are none to believe; `out` is
 * then empty. */
status snapshot_read_producers(const char *dir, int64_t offset, struct producer_state *out) MUST_USE;

#endif
