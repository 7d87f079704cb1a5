/* The appliance's own topics as tables: records keyed by text, the newest of a key counts, null deletes it.
 * One partition, compacted; made at the first append. Thread-safe; both functions block on the disk.
 */
#ifndef KAPPA_INGEST_INTERNAL_TOPIC_H
#define KAPPA_INGEST_INTERNAL_TOPIC_H

#include "log/log.h"
#include "log/record_batch.h"

/* Appends one record; `value` NULL = null. Durable when it returns. `name` begins with "__". */
status internal_topic_append(struct log *log, const char *name, const char *key, const char *value) MUST_USE;

/* Shows every record there is now, oldest first, until `visit` fails. A topic that is not there has none.
 * DAMAGED with file and byte. */
typedef status internal_topic_visit(void *context, const struct record *record);
status internal_topic_read(
	struct log *log, const char *name, internal_topic_visit *visit, void *context) MUST_USE;

#endif
