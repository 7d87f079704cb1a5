/* The writer: one thread that makes appends durable. Inside log/ only.
 *
 *   queue --take all--> per partition, in order: admit (producer rules, offsets) --> write --> sync
 *         --> publish --> done()          then advanced(), then take all again
 *
 * Group commit adapts by itself: while one group is synced the next gathers, so a slow disk makes
 * large groups and an idle log syncs at once. There is no timer.
 */
#ifndef KAPPA_LOG_WRITER_H
#define KAPPA_LOG_WRITER_H

#include "base/status.h"
#include "log/log.h"

struct writer;

/* advanced as in log_options. */
status writer_create(
	struct writer **out, size_t queue_bytes_max, void (*advanced)(void *context), void *context) MUST_USE;
/* Writes what is queued, then ends the thread. Accepts NULL. */
void writer_destroy(struct writer *writer);
/* An append without batch (NULL) seals the active segment, if it has records, and begins the next.
 * As log_append(), but with `wait` it waits for room instead of answering BACKPRESSURE. */
status writer_enqueue(struct writer *writer, struct append *append, bool wait) MUST_USE;
/* Has the writer thread call advanced() soon. */
void writer_notify(struct writer *writer);

#endif
