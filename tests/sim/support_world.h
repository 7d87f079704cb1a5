/* What a simulation stands on: chance from one seed, a clock, and a store of record batches that is slow, now
 * and then full, loses what was on its way when the power goes, and may be compacted. One world per process.
 */
#ifndef KAPPA_TESTS_SIM_SUPPORT_WORLD_H
#define KAPPA_TESTS_SIM_SUPPORT_WORLD_H

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"

enum { WORLD_PARTITION_MAX = 8 };

extern int64_t sim_ms;
void chance_seed(uint64_t seed);
uint64_t chance(uint64_t below);
bool once_in(uint64_t times);
int64_t wall_now(void);

struct world_batch {
	struct world_batch *next;
	struct buffer bytes;
};

extern struct world_batch *durable, *flying; /* flying: on its way to the disk until then */
extern int64_t flying_until_ms;
extern bool store_full;

/* As struct group_store asks. */
status store_append(void *context, struct buffer *batch);
uint64_t store_incarnation(void *context, struct slice topic, int32_t partition);
void store_keep(struct world_batch *batch);
void store_clear(void);
/* Only the newest record of each key stays. */
void store_compact(void);

#endif
