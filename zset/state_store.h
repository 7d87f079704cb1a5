/* Where operators keep what they must remember, as they see it. Implemented by views/ over RocksDB and by
 * tests over a sorted array.
 *
 * An operator owns a numbered space of keys. It reads committed state with get/scan when it lacks something
 * in memory, and hands over changed entries once per step, in flush; they become visible to get/scan with the
 * step's commit.
 */
#ifndef KAPPA_ZSET_STATE_STORE_H
#define KAPPA_ZSET_STATE_STORE_H

#include "base/bytes.h"
#include "base/status.h"

struct state_store {
	/* Appends the value to `out`; NOT_FOUND. */
	status (*get)(struct state_store *store, uint16_t space, struct slice key, struct buffer *out);
	/* Visits entries whose key starts with `prefix`, in key order; slices are valid during the call only. A
	 * visit that returns other than OK stops the scan with that status. */
	status (*scan)(struct state_store *store, uint16_t space, struct slice prefix,
		status (*visit)(void *context, struct slice key, struct slice value), void *context);
};

struct state_writer {
	void (*put)(struct state_writer *writer, uint16_t space, struct slice key, struct slice value);
	void (*remove)(struct state_writer *writer, uint16_t space, struct slice key);
};

#endif
