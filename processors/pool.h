/* Small pieces of memory that come and go one by one: key bytes, rows, heaps of an operator's state.
 *
 * Sizes are rounded to 16 bytes; each size up to POOL_SMALL_MAX has a free list over bump-allocated chunks,
 * larger pieces are single allocations. Whoever frees a piece says how large it was. pool_reset() drops
 * everything at once, which is how an operator forgets what it can read back. Not thread-safe: one pool, one
 * owner at a time.
 */
#ifndef KAPPA_PROCESSORS_POOL_H
#define KAPPA_PROCESSORS_POOL_H

#include "base/memory.h"

enum { POOL_GRAIN = 16, POOL_SMALL_MAX = 1024 };

struct pool_chunk;
struct pool_large;

struct pool {
	unsigned char *free_at; /* rest of the newest chunk */
	size_t free_size;
	struct pool_chunk *chunks;
	struct pool_large *large;
	void *free_lists[POOL_SMALL_MAX / POOL_GRAIN + 1];
	size_t memory_bytes; /* asked of the heap */
	size_t chunk_size;   /* of the next chunk */
};

void pool_init(struct pool *pool);
void pool_deinit(struct pool *pool);
/* 16-byte aligned, not zeroed. */
void *pool_alloc(struct pool *pool, size_t size) __attribute__((returns_nonnull));
/* `size` as given to pool_alloc(). Accepts NULL. */
void pool_free(struct pool *pool, void *memory, size_t size);
/* Frees every piece. */
void pool_reset(struct pool *pool);

#endif
