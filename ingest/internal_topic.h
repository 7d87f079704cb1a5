/* The appliance's own topics as tables: records keyed by text, the newest of a key counts, null deletes it.
 * One partition, compacted; made at the first opening or append. Thread-safe; all functions block on the
 * disk.
 */
#ifndef KAPPA_INGEST_INTERNAL_TOPIC_H
#define KAPPA_INGEST_INTERNAL_TOPIC_H

#include "log/log.h"
#include "log/record_batch.h"

/* Its partition, borrowed until log_close(); the topic is made when it is not there. */
status internal_topic_open(struct log *log, const char *name, struct partition **out) MUST_USE;
/* Hands over everything there is now as whole batches, oldest first, until `visit` fails. DAMAGED with file
 * and byte. */
typedef status internal_topic_visit_batches(void *context, struct slice batches);
status internal_topic_scan(
	struct partition *partition, internal_topic_visit_batches *visit, void *context) MUST_USE;

/* Appends one record; `value` NULL = null. Durable when it returns. `name` begins with "__". */
status internal_topic_append(struct log *log, const char *name, const char *key, const char *value) MUST_USE;

/* Shows every record there is now, oldest first, until `visit` fails. A topic that is not there has none.
 * DAMAGED with file and byte. */
typedef status internal_topic_visit(void *context, const struct record *record);
status internal_topic_read(
	struct log *log, const char *name, internal_topic_visit *visit, void *context) MUST_USE;

#endif
