#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"

enum { ARENA_BLOCK_MIN = 16 * 1024, ARENA_BLOCK_MAX = 4 * 1024 * 1024, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *older;
	size_t capacity;
	size_t used;
	size_t padding; /* keeps `data` 16-byte aligned */
	uint8_t data[];
};

_Static_assert(offsetof(struct arena_block, data) % ARENA_ALIGN == 0, "arena data is aligned");

static _Noreturn void out_of_memory(size_t size)
{
	(void)fprintf(
		stderr, "kappa: out of memory asking for %zu bytes; stopping (nothing acknowledged is lost)\n", size);
	abort();
}

void *mem_alloc(size_t size)
{
	void *memory = malloc(size != 0 ? size : 1);
	if (memory == NULL)
		out_of_memory(size);
	return memory;
}

void *mem_alloc_zeroed(size_t count, size_t size)
{
	void *memory = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
	if (memory == NULL)
		out_of_memory(count * size);
	return memory;
}

void *mem_resize(void *old, size_t size)
{
	void *memory = realloc(old, size != 0 ? size : 1);
	if (memory == NULL)
		out_of_memory(size);
	return memory;
}

char *mem_copy_string(const char *text)
{
	size_t size = strlen(text) + 1;
	return memcpy(mem_alloc(size), text, size);
}

void mem_free(void *memory)
{
	free(memory);
}

void arena_init(struct arena *arena)
{
	*arena = (struct arena){0};
}

static void arena_grow(struct arena *arena, size_t size)
{
	size_t capacity = ARENA_BLOCK_MIN;
	if (arena->block != NULL)
		capacity = arena->block->capacity * 2;
	if (capacity > ARENA_BLOCK_MAX)
		capacity = ARENA_BLOCK_MAX;
	if (capacity < size)
		capacity = size;
	struct arena_block *block = mem_alloc(sizeof *block + capacity);
	block->older = arena->block;
	block->capacity = capacity;
	block->used = 0;
	arena->block = block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	INVARIANT(size <= SIZE_MAX / 2);
	size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (size == 0)
		size = ARENA_ALIGN;
	if (arena->block == NULL || arena->block->capacity - arena->block->used < size)
		arena_grow(arena, size);
	void *memory = arena->block->data + arena->block->used;
	arena->block->used += size;
	arena->used_bytes += size;
	return memory;
}

void *arena_alloc_zeroed(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
	void *memory = arena_alloc(arena, size);
	if (size != 0)
		memcpy(memory, data, size);
	return memory;
}

char *arena_copy_string(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	INVARIANT(length >= 0);
	char *text = arena_alloc(arena, (size_t)length + 1);
	va_start(args, format);
	(void)vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->block;
	if (kept == NULL)
		return;
	for (struct arena_block *block = kept->older; block != NULL;) {
		struct arena_block *older = block->older;
		if (block->capacity > kept->capacity) {
			mem_free(kept);
			kept = block;
		} else {
			mem_free(block);
		}
		block = older;
	}
	kept->older = NULL;
	kept->used = 0;
	arena->block = kept;
	arena->used_bytes = 0;
}

void arena_deinit(struct arena *arena)
{
	for (struct arena_block *block = arena->block; block != NULL;) {
		struct arena_block *older = block->older;
		mem_free(block);
		block = older;
	}
	*arena = (struct arena){0};
}
