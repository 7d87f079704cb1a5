/* The transactions of an appliance: a coordinator whose records are those of the internal topic
 * "__kappa_transactions", and whose markers go to the partitions of the same log.
 *
 * Threads: open and close on one thread, before sessions are and after the log is closed; tick on the
 * network's.
 */
#ifndef KAPPA_INGEST_TRANSACTION_LOG_H
#define KAPPA_INGEST_TRANSACTION_LOG_H

#include "ingest/group_coordinator.h"
#include "ingest/transaction_coordinator.h"
#include "log/log.h"

#define TRANSACTIONS_TOPIC_NAME "__kappa_transactions"

struct transaction_log;

/* Creates the topic when it is missing and reads it through: blocks. An open transaction of some partition
 * that no record tells of (the topic was lost) is aborted, so that it does not hold back the partition's
 * readers for ever. The log and the groups (NULL = none) are borrowed. DAMAGED with the offset. */
status transaction_log_open(
	struct log *log, struct group_coordinator *groups, struct transaction_log **out) MUST_USE;
/* Begins to complete what was prepared; from now on appends are under way until log_close(). */
void transaction_log_begin(struct transaction_log *transactions, int64_t now_ms);
struct transaction_coordinator *transaction_log_coordinator(struct transaction_log *transactions);
/* After log_close(), before the groups are closed. Accepts NULL. */
void transaction_log_close(struct transaction_log *transactions);

#endif
