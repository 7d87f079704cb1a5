/* The groups of an appliance: a coordinator whose records are those of the internal topic "__kappa_groups".
 *
 * Threads: open and close on one thread, before sessions are and after the log is closed.
 */
#ifndef KAPPA_INGEST_GROUP_LOG_H
#define KAPPA_INGEST_GROUP_LOG_H

#include "ingest/group_coordinator.h"
#include "log/log.h"

#define GROUPS_TOPIC_NAME "__kappa_groups"

struct group_log;

/* Creates the topic when it is missing and reads it through: blocks. The options' store is set here. The log
 * is borrowed. DAMAGED with the offset. */
status group_log_open(struct log *log, const struct group_coordinator_options *options, int64_t now_ms,
	struct group_log **out) MUST_USE;
struct group_coordinator *group_log_coordinator(struct group_log *groups);
/* After log_close(): no append is under way. Accepts NULL. */
void group_log_close(struct group_log *groups);

#endif
