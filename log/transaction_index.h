/* The aborted transactions of one partition. Inside log/ only.
 *
 * One entry per abort marker that ended something, in the order of the markers. Those of a sealed segment's
 * markers are kept in <base offset>.txnindex, in Apache Kafka's layout, 34 bytes each, big-endian:
 *
 *   i16 version 0 | i64 producer id | i64 first offset | i64 last offset (the marker's) | i64 last stable
 * offset
 *
 * The file is derived: it is believed when it has the size and CRC that the segment's summary tells, else the
 * segment is verified in full and the file written anew. A segment without abort markers has none.
 * All entries of a partition stay in memory: 32 bytes for each transaction that was aborted.
 *
 * Owned by the partition, under its lock.
 */
#ifndef KAPPA_LOG_TRANSACTION_INDEX_H
#define KAPPA_LOG_TRANSACTION_INDEX_H

#include "base/bytes.h"
#include "base/status.h"
#include "log/log.h"

struct segment_summary;

enum { TRANSACTION_ENTRY_SIZE = 34 };

struct transaction_index {
	struct aborted_transaction *entries; /* by last_offset; last_stable_offset does not fall either */
	size_t count, capacity;
};

void transaction_index_init(struct transaction_index *index);
void transaction_index_deinit(struct transaction_index *index);
/* Its marker comes after all that are there. */
void transaction_index_add(struct transaction_index *index, const struct aborted_transaction *aborted);
/* The entries with records in [from, to), by first offset; the array is the caller's, NULL when empty. */
void transaction_index_find(const struct transaction_index *index, int64_t from, int64_t to,
	struct aborted_transaction **out, size_t *count);
/* Forgets transactions that ended before `offset`: the partition begins there now. */
void transaction_index_trim(struct transaction_index *index, int64_t offset);

/* Writes the .txnindex of a sealed segment and sets the summary's aborted_size and aborted_crc. A failure to
 * write is only reported. Call before the snapshot is written. */
void transaction_index_write(
	const struct transaction_index *index, const char *dir, struct segment_summary *summary);
/* Adds the entries of a sealed segment. NOT_FOUND when its file cannot be believed; nothing is added then. */
status transaction_index_load(
	struct transaction_index *index, const char *dir, const struct segment_summary *summary) MUST_USE;

#endif
