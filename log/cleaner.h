/* The cleaner: one thread that looks at every partition now and then and does what its topic's configuration
 * asks for. Inside log/ only.
 *
 *   seal      an active segment that is too old, or whose records are all to go
 *   retain    move the log start over segments that are too old or too many, then remove what lies before it
 *   compact   see compaction.h
 *
 * What would take records away that somebody needs (log_options.needed) is held until nobody does or the
 * topic allows it (kappa.trim.force). A failure is reported and tried again at the next look; nothing is ever
 * half done.
 */
#ifndef KAPPA_LOG_CLEANER_H
#define KAPPA_LOG_CLEANER_H

#include "base/status.h"
#include "log/log.h"

struct cleaner;

/* interval and bytes as in log_options. */
status cleaner_create(
	struct cleaner **out, struct log *log, int64_t interval_ms, size_t map_bytes_max) MUST_USE;
/* Ends the thread, in the middle of a compaction if need be. Accepts NULL. */
void cleaner_destroy(struct cleaner *cleaner);
/* Has it look soon, if it looks by itself at all; any thread. Accepts NULL. */
void cleaner_wake(struct cleaner *cleaner);

#endif
