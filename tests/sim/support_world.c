/* See support_world.h. */
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "log/record_batch.h"

static uint64_t seed_state;
int64_t sim_ms;

void chance_seed(uint64_t seed)
{
	seed_state = hash_mix(seed + 1);
}

uint64_t chance(uint64_t below)
{
	return hash_mix(seed_state += 0x9e3779b97f4a7c15ULL) % below;
}

bool once_in(uint64_t times)
{
	return chance(times) == 0;
}

int64_t wall_now(void)
{
	return 1700000000000 + sim_ms;
}

/* ---- the store ---- */

struct world_batch *durable, *flying;
int64_t flying_until_ms;
bool store_full;
static struct world_batch **durable_end = &durable;

status store_append(void *context, struct buffer *batch)
{
	(void)context;
	if (store_full)
		return error_raise(STATUS_BACKPRESSURE, "full");
	assert_null(flying);
	flying = mem_alloc_zeroed(1, sizeof *flying);
	flying->bytes = *batch;
	flying_until_ms = sim_ms + (int64_t)chance(40);
	return STATUS_OK;
}

uint64_t store_incarnation(void *context, struct slice topic, int32_t partition)
{
	(void)context, (void)topic;
	return partition <= WORLD_PARTITION_MAX ? 7 : 0;
}

void store_keep(struct world_batch *batch)
{
	*durable_end = batch;
	durable_end = &batch->next;
}

void store_clear(void)
{
	while (durable != NULL) {
		struct world_batch *batch = durable;
		durable = batch->next;
		buffer_deinit(&batch->bytes);
		mem_free(batch);
	}
	durable_end = &durable;
}

struct kept {
	struct kept *next;
	struct slice key, value;
	struct record_header header;
	bool has_header;
};

/* Only the newest record of each key stays; a key without a value may go altogether. */
void store_compact(void)
{
	struct arena arena;
	arena_init(&arena);
	struct kept *kept = NULL, **end = &kept;
	for (struct world_batch *batch = durable; batch != NULL; batch = batch->next) {
		struct record_iterator iterator;
		struct record record;
		record_iterator_init(&iterator, buffer_slice(&batch->bytes));
		while (record_iterator_next(&iterator, &record) == STATUS_OK) {
			struct kept **link = &kept;
			while (*link != NULL && !slice_equal((*link)->key, record.key))
				link = &(*link)->next;
			if (*link != NULL) {
				struct kept *old = *link;
				if (end == &old->next)
					end = link;
				*link = old->next;
			}
			struct kept *entry = arena_alloc_zeroed(&arena, sizeof *entry);
			entry->key = slice_of(arena_copy(&arena, record.key.data, record.key.size), record.key.size);
			if (record.value.data != NULL)
				entry->value =
					slice_of(arena_copy(&arena, record.value.data, record.value.size), record.value.size);
			struct record_header header;
			if (record_header_next(&record, &header) == STATUS_OK) {
				entry->has_header = true;
				entry->header.key =
					slice_of(arena_copy(&arena, header.key.data, header.key.size), header.key.size);
				entry->header.value =
					slice_of(arena_copy(&arena, header.value.data, header.value.size), header.value.size);
			}
			*end = entry;
			end = &entry->next;
		}
		record_iterator_deinit(&iterator);
	}
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	bool drop_gone = once_in(2);
	for (struct kept *entry = kept; entry != NULL; entry = entry->next)
		if (entry->value.data != NULL || !drop_gone)
			record_batch_builder_add(&builder, 1, entry->key, entry->value,
				entry->has_header ? &entry->header : NULL, entry->has_header ? 1 : 0);
	store_clear();
	if (builder.count > 0) {
		struct world_batch *batch = mem_alloc_zeroed(1, sizeof *batch);
		assert_int_equal(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch->bytes), STATUS_OK);
		store_keep(batch);
	}
	record_batch_builder_deinit(&builder);
	arena_deinit(&arena);
}
