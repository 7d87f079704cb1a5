/* Record batches that compaction makes of others. They keep base offset, last offset delta and producer, so
 * offsets stay dense over batches (L2), every record stays where it was, and producer state can still be read
 * off the headers.
 *
 *   filler   no records, no producer: stands for a run of batches whose records are all gone (61 bytes)
 *   empty    a batch without its records: the last of a producer that would otherwise be forgotten
 *   fewer    a batch with some of its records
 *
 * When a key's deletion (a record with null value) stays for a while, its batch carries the time when it may
 * go: attribute bit 6 set, base timestamp = that time, the records' timestamps as before (KIP-534).
 */
#ifndef KAPPA_LOG_BATCH_REWRITE_H
#define KAPPA_LOG_BATCH_REWRITE_H

#include "log/record_batch.h"

#define BATCH_HORIZON_NONE INT64_MAX

/* When the batch's deletions may go; BATCH_HORIZON_NONE when it does not say. `bytes` hold the whole batch.
 */
int64_t batch_horizon(struct slice bytes);

/* Appends a filler for offsets base … last; last − base ≤ INT32_MAX. */
void batch_append_filler(struct buffer *out, int64_t base_offset, int64_t last_offset);
/* Appends the batch without its records. */
void batch_append_empty(struct buffer *out, struct slice bytes);
/* Appends the batch with those of its records, in order, for which keep[] is set: at least one. Other than
 * BATCH_HORIZON_NONE, the horizon is written into it; one it has stays. DAMAGED when it cannot be unpacked.
 */
status batch_append_fewer(
	struct buffer *out, struct slice bytes, const uint8_t *keep, int64_t horizon_ms) MUST_USE;

#endif
