/* See group_offsets.h. Topics are few and sorted, partitions are dense: arrays. */
#include "ingest/group_offsets.h"

#include "base/invariant.h"
#include "base/memory.h"

static struct slice bytes_own(struct slice bytes)
{
	if (bytes.size == 0)
		return slice_of_string("");
	uint8_t *copy = mem_alloc(bytes.size);
	memcpy(copy, bytes.data, bytes.size);
	return slice_of(copy, bytes.size);
}

static void bytes_free(struct slice *bytes)
{
	if (bytes->size != 0)
		mem_free((void *)(uintptr_t)bytes->data);
	*bytes = (struct slice){0};
}

void group_offsets_deinit(struct group_offsets *offsets)
{
	for (size_t t = 0; t < offsets->topic_count; t++) {
		struct offset_topic *topic = &offsets->topics[t];
		for (int32_t p = 0; p < topic->slot_count; p++)
			bytes_free(&topic->slots[p].value.metadata);
		mem_free(topic->slots);
		bytes_free(&topic->name);
	}
	mem_free(offsets->topics);
	*offsets = (struct group_offsets){0};
}

/* Where the topic is, or would be. */
static size_t topic_place(const struct group_offsets *offsets, struct slice name)
{
	size_t from = 0, to = offsets->topic_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (slice_compare(offsets->topics[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct offset_slot *group_offsets_find(
	const struct group_offsets *offsets, struct slice topic, int32_t partition)
{
	size_t place = topic_place(offsets, topic);
	if (place == offsets->topic_count || !slice_equal(offsets->topics[place].name, topic) || partition < 0 ||
		partition >= offsets->topics[place].slot_count)
		return NULL;
	return &offsets->topics[place].slots[partition];
}

struct offset_slot *group_offsets_slot(struct group_offsets *offsets, struct slice name, int32_t partition)
{
	INVARIANT(partition >= 0 && partition <= GROUP_PARTITION_MAX);
	size_t place = topic_place(offsets, name);
	if (place == offsets->topic_count || !slice_equal(offsets->topics[place].name, name)) {
		if (offsets->topic_count == offsets->topic_capacity) {
			offsets->topic_capacity = offsets->topic_capacity == 0 ? 4 : offsets->topic_capacity * 2;
			offsets->topics = mem_resize(offsets->topics, offsets->topic_capacity * sizeof *offsets->topics);
		}
		memmove(&offsets->topics[place + 1], &offsets->topics[place],
			(offsets->topic_count - place) * sizeof *offsets->topics);
		offsets->topics[place] = (struct offset_topic){.name = bytes_own(name)};
		offsets->topic_count++;
	}
	struct offset_topic *topic = &offsets->topics[place];
	if (partition >= topic->slot_count) {
		int32_t count = partition + 1;
		topic->slots = mem_resize(topic->slots, (size_t)count * sizeof *topic->slots);
		for (int32_t p = topic->slot_count; p < count; p++)
			topic->slots[p] = (struct offset_slot){0};
		topic->slot_count = count;
	}
	return &topic->slots[partition];
}

void group_offsets_commit(
	struct group_offsets *offsets, struct slice topic, int32_t partition, const struct offset_value *value)
{
	struct offset_slot *slot = group_offsets_slot(offsets, topic, partition);
	struct slice metadata = bytes_own(value->metadata);
	bytes_free(&slot->value.metadata);
	slot->value = *value;
	slot->value.metadata = metadata;
	offsets->committed_count += slot->committed ? 0 : 1;
	slot->committed = true;
}

bool group_offsets_remove(struct group_offsets *offsets, struct slice topic, int32_t partition)
{
	struct offset_slot *slot = group_offsets_find(offsets, topic, partition);
	if (slot == NULL || !slot->committed)
		return false;
	bytes_free(&slot->value.metadata);
	slot->committed = false;
	offsets->committed_count--;
	return true;
}
