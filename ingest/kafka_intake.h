/* Memory for large requests, from their first bytes until they are answered: one budget for all connections
 * of a broker.
 *
 *   length known ──► taken ──► arriving ──► worked on ──► given back
 *                └─► waiting in line, not read from ──┘
 *
 * Requests up to KAFKA_INTAKE_FREE_BYTES take nothing: the number of connections bounds them. The line is
 * served in its order, so that a large request is not passed by small ones for ever.
 *
 * Threads: the network thread's, but for kafka_intake_give().
 */
#ifndef KAPPA_INGEST_KAFKA_INTAKE_H
#define KAPPA_INGEST_KAFKA_INTAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { KAFKA_INTAKE_FREE_BYTES = 64 * 1024 };

/* Who asks, embedded in the asker. */
struct kafka_intake_place {
	struct kafka_intake_place *next, **link;        /* link NULL: not in line */
	void (*turn)(struct kafka_intake_place *place); /* it is the first now: ask again soon */
};

struct kafka_intake {
	size_t bytes_max;
	atomic_size_t bytes;
	struct kafka_intake_place *first, **end;
};

void kafka_intake_init(struct kafka_intake *intake, size_t bytes_max);
/* True: `bytes` (≤ bytes_max) are the asker's until given back, and it is in line no more. False: it is in
 * line, and may ask again whenever it likes; with turn() it is told when nobody is before it. */
bool kafka_intake_take(struct kafka_intake *intake, struct kafka_intake_place *place, size_t bytes);
/* Any thread. */
void kafka_intake_give(struct kafka_intake *intake, size_t bytes);
/* Out of the line, if it is there. */
void kafka_intake_leave(struct kafka_intake *intake, struct kafka_intake_place *place);
bool kafka_intake_has_line(const struct kafka_intake *intake);

#endif
