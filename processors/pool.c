/* Segregated free lists over growing chunks; see pool.h. */
#include "processors/pool.h"

#include <stdint.h>
#include <string.h>

enum { POOL_CHUNK_MIN = 4 * 1024, POOL_CHUNK_MAX = 256 * 1024 };

struct pool_chunk {
	struct pool_chunk *older;
	size_t padding;
	uint8_t data[];
};

struct pool_large {
	struct pool_large *next, **link; /* doubly linked, so that one piece can leave */
	uint8_t data[];
};

_Static_assert(offsetof(struct pool_chunk, data) % POOL_GRAIN == 0, "pieces are aligned");
_Static_assert(offsetof(struct pool_large, data) % POOL_GRAIN == 0, "pieces are aligned");

void pool_init(struct pool *pool)
{
	*pool = (struct pool){.chunk_size = POOL_CHUNK_MIN};
}

void pool_reset(struct pool *pool)
{
	for (struct pool_chunk *chunk = pool->chunks; chunk != NULL;) {
		struct pool_chunk *older = chunk->older;
		mem_free(chunk);
		chunk = older;
	}
	for (struct pool_large *large = pool->large; large != NULL;) {
		struct pool_large *next = large->next;
		mem_free(large);
		large = next;
	}
	pool_init(pool);
}

void pool_deinit(struct pool *pool)
{
	pool_reset(pool);
}

static size_t size_round(size_t size)
{
	return size == 0 ? POOL_GRAIN : (size + POOL_GRAIN - 1) & ~(size_t)(POOL_GRAIN - 1);
}

static void *alloc_large(struct pool *pool, size_t size)
{
	struct pool_large *large = mem_alloc(sizeof *large + size);
	large->next = pool->large;
	large->link = &pool->large;
	if (large->next != NULL)
		large->next->link = &large->next;
	pool->large = large;
	pool->memory_bytes += sizeof *large + size;
	return large->data;
}

static void free_large(struct pool *pool, void *memory, size_t size)
{
	struct pool_large *large = (struct pool_large *)(void *)((uint8_t *)memory - sizeof *large);
	*large->link = large->next;
	if (large->next != NULL)
		large->next->link = large->link;
	pool->memory_bytes -= sizeof *large + size;
	mem_free(large);
}

/* What is left of the old chunk becomes free pieces rather than waste. */
static void chunk_open(struct pool *pool)
{
	while (pool->free_size >= POOL_GRAIN) {
		size_t size = pool->free_size < POOL_SMALL_MAX ? pool->free_size : POOL_SMALL_MAX;
		void *piece = pool->free_at;
		pool->free_at += size;
		pool->free_size -= size;
		pool_free(pool, piece, size);
	}
	struct pool_chunk *chunk = mem_alloc(sizeof *chunk + pool->chunk_size);
	chunk->older = pool->chunks;
	pool->chunks = chunk;
	pool->free_at = chunk->data;
	pool->free_size = pool->chunk_size;
	pool->memory_bytes += sizeof *chunk + pool->chunk_size;
	if (pool->chunk_size < POOL_CHUNK_MAX)
		pool->chunk_size *= 2;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	size = size_round(size);
	if (size > POOL_SMALL_MAX)
		return alloc_large(pool, size);
	void **list = &pool->free_lists[size / POOL_GRAIN];
	if (*list != NULL) {
		void *piece = *list;
		memcpy(list, piece, sizeof *list);
		return piece;
	}
	if (pool->free_size < size)
		chunk_open(pool);
	void *piece = pool->free_at;
	pool->free_at += size;
	pool->free_size -= size;
	return piece;
}

void pool_free(struct pool *pool, void *memory, size_t size)
{
	if (memory == NULL)
		return;
	size = size_round(size);
	if (size > POOL_SMALL_MAX) {
		free_large(pool, memory, size);
		return;
	}
	void **list = &pool->free_lists[size / POOL_GRAIN];
	memcpy(memory, list, sizeof *list);
	*list = memory;
}
