/* Heap and arena memory.
 *
 * mem_* never return NULL: what can grow without bound is checked against its budget
 * before it asks (STATUS_OUT_OF_MEMORY, STATUS_TOO_LARGE); when the machine itself has no
 * memory left the program stops, which is as safe as kill -9.
 *
 * An arena hands out memory that lives until the arena is reset or deinitialised; single
 * pieces are never freed. Not thread-safe: one arena has one owner at a time. Batches of a
 * step, bound plans and parsed requests live in arenas.
 */
#ifndef KAPPA_BASE_MEMORY_H
#define KAPPA_BASE_MEMORY_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_alloc_zeroed(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *old, size_t size) __attribute__((returns_nonnull));
char *mem_copy_string(const char *text) __attribute__((malloc, returns_nonnull));
void mem_free(void *memory); /* accepts NULL */

struct arena_block;

struct arena {
	struct arena_block *block; /* newest first */
	size_t used_bytes;         /* in all blocks, for budgets */
};

void arena_init(struct arena *arena);
/* 16-byte aligned, not zeroed; size 0 gives a valid unique pointer. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_alloc_zeroed(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_copy(struct arena *arena, const void *data, size_t size) __attribute__((returns_nonnull));
char *arena_copy_string(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((returns_nonnull, format(printf, 2, 3)));
/* Forgets everything but keeps the largest block for reuse. */
void arena_reset(struct arena *arena);
void arena_deinit(struct arena *arena);

#endif
