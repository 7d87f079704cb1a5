#include "support_store.h"

#include <stdlib.h>

#include "base/memory.h"

static int entry_compare(const struct store_entry *entry, uint16_t space, struct slice key)
{
	if (entry->space != space)
		return entry->space < space ? -1 : 1;
	return slice_compare(slice_of(entry->key, entry->key_size), key);
}

/* First entry not before (space, key). */
static size_t entry_find(const struct store_list *list, uint16_t space, struct slice key)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (entry_compare(&list->entries[middle], space, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint8_t *bytes_copy(struct slice bytes)
{
	uint8_t *copy = mem_alloc(bytes.size);
	if (bytes.size != 0)
		memcpy(copy, bytes.data, bytes.size);
	return copy;
}

static void entry_free(struct store_entry *entry)
{
	mem_free(entry->key);
	mem_free(entry->value);
}

static void list_reserve(struct store_list *list)
{
	if (list->count < list->capacity)
		return;
	list->capacity = list->capacity != 0 ? list->capacity * 2 : 64;
	list->entries = mem_resize(list->entries, list->capacity * sizeof *list->entries);
}

static void list_clear(struct store_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		entry_free(&list->entries[i]);
	list->count = 0;
}

static status store_get(struct state_store *base, uint16_t space, struct slice key, struct buffer *out)
{
	struct memory_store *store = (struct memory_store *)(void *)base;
	size_t at = entry_find(&store->committed, space, key);
	store->reads++;
	if (at == store->committed.count || entry_compare(&store->committed.entries[at], space, key) != 0)
		return STATUS_NOT_FOUND;
	buffer_append(out, store->committed.entries[at].value, store->committed.entries[at].value_size);
	return STATUS_OK;
}

static status store_scan(struct state_store *base, uint16_t space, struct slice prefix,
	status (*visit)(void *context, struct slice key, struct slice value), void *context)
{
	struct memory_store *store = (struct memory_store *)(void *)base;
	store->reads++;
	for (size_t at = entry_find(&store->committed, space, prefix); at < store->committed.count; at++) {
		const struct store_entry *entry = &store->committed.entries[at];
		bool inside = entry->space == space && entry->key_size >= prefix.size &&
					  (prefix.size == 0 || memcmp(entry->key, prefix.data, prefix.size) == 0);
		if (!inside)
			break;
		status code =
			visit(context, slice_of(entry->key, entry->key_size), slice_of(entry->value, entry->value_size));
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static struct memory_store *store_of_writer(struct state_writer *writer)
{
	return (struct memory_store *)(void *)((uint8_t *)writer - offsetof(struct memory_store, writer));
}

static void pend(
	struct memory_store *store, uint16_t space, struct slice key, struct slice value, bool removed)
{
	list_reserve(&store->pending);
	store->pending.entries[store->pending.count++] = (struct store_entry){
		.space = space,
		.key = bytes_copy(key),
		.value = bytes_copy(value),
		.key_size = key.size,
		.value_size = value.size,
		.removed = removed,
	};
}

static void writer_put(struct state_writer *writer, uint16_t space, struct slice key, struct slice value)
{
	pend(store_of_writer(writer), space, key, value, false);
}

static void writer_remove(struct state_writer *writer, uint16_t space, struct slice key)
{
	pend(store_of_writer(writer), space, key, slice_of("", 0), true);
}

void store_init(struct memory_store *store)
{
	*store = (struct memory_store){
		.store = {.get = store_get, .scan = store_scan},
		.writer = {.put = writer_put, .remove = writer_remove},
	};
}

void store_deinit(struct memory_store *store)
{
	list_clear(&store->committed);
	list_clear(&store->pending);
	mem_free(store->committed.entries);
	mem_free(store->pending.entries);
}

static void entry_apply(struct store_list *list, struct store_entry *entry)
{
	struct slice key = slice_of(entry->key, entry->key_size);
	size_t at = entry_find(list, entry->space, key);
	bool there = at < list->count && entry_compare(&list->entries[at], entry->space, key) == 0;
	if (there) {
		entry_free(&list->entries[at]);
		if (!entry->removed) {
			list->entries[at] = *entry;
			return;
		}
		list->count--;
		memmove(&list->entries[at], &list->entries[at + 1], (list->count - at) * sizeof *list->entries);
	}
	if (entry->removed) {
		entry_free(entry);
		return;
	}
	list_reserve(list);
	memmove(&list->entries[at + 1], &list->entries[at], (list->count - at) * sizeof *list->entries);
	list->entries[at] = *entry;
	list->count++;
}

void store_commit(struct memory_store *store)
{
	for (size_t i = 0; i < store->pending.count; i++)
		entry_apply(&store->committed, &store->pending.entries[i]);
	store->pending.count = 0;
}

void store_abandon(struct memory_store *store)
{
	list_clear(&store->pending);
}
