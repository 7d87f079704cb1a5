/* Groups as administrators see them: described, listed, deleted. See group_coordinator.h. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/invariant.h"
#include "ingest/group_coordinator_internal.h"

static void group_head(const struct group *group, struct arena *arena, struct group_description *out)
{
	*out = (struct group_description){
		.group = slice_keep(arena, group->id),
		.protocol_type = slice_keep(arena, group->protocol_type),
		.state = group->state,
		.generation = group->generation,
		.member_count = group->member_count,
	};
	if (group->state == GROUP_STABLE)
		out->protocol = slice_keep(arena, group->protocol);
}

void group_coordinator_describe(struct group_coordinator *coordinator, struct slice id, struct arena *arena,
	struct group_description *out)
{
	coordinator_lock(coordinator);
	const struct group *group = coordinator_find(coordinator, id);
	*out = (struct group_description){.group = id, .state = GROUP_DEAD};
	if (group != NULL) {
		group_head(group, arena, out);
		bool stable = group->state == GROUP_STABLE;
		struct group_member_description *to = out->members =
			arena_alloc_zeroed(arena, (size_t)group->member_count * sizeof *to);
		for (const struct group_member *member = group->members; member != NULL;
			 member = member->next, to++) {
			to->member_id = slice_keep(arena, member->member_id);
			to->instance_id = slice_keep(arena, member->instance_id);
			to->client_id = slice_keep(arena, member->client_id);
			to->client_host = slice_keep(arena, member->client_host);
			if (!stable)
				continue;
			to->metadata = slice_keep(arena, member_metadata(member, group->protocol));
			to->assignment = slice_keep(arena, member->assignment);
		}
	}
	coordinator_unlock(coordinator);
}

static int description_compare(const void *left, const void *right)
{
	const struct group_description *a = left, *b = right;
	return slice_compare(a->group, b->group);
}

void group_coordinator_list(struct group_coordinator *coordinator, struct arena *arena,
	struct group_description **out, int32_t *count)
{
	coordinator_lock(coordinator);
	*out = arena_alloc(arena, (size_t)coordinator->group_count * sizeof **out);
	*count = 0;
	for (size_t i = 0; i < GROUP_BUCKETS; i++)
		for (const struct group *group = coordinator->buckets[i]; group != NULL; group = group->next)
			group_head(group, arena, &(*out)[(*count)++]);
	coordinator_unlock(coordinator);
	if (*count > 0)
		qsort(*out, (size_t)*count, sizeof **out, description_compare);
}

static int16_t group_delete(struct group_coordinator *coordinator, struct slice id)
{
	struct group *group = coordinator_find(coordinator, id);
	if (group == NULL)
		return KAFKA_GROUP_ID_NOT_FOUND;
	if (group->state != GROUP_EMPTY || group->pending != NULL || group->offsets.staged_count > 0)
		return KAFKA_NON_EMPTY_GROUP;
	int64_t wall_ms = clock_wall_ms();
	for (size_t t = 0; t < group->offsets.topic_count; t++) {
		struct offset_topic *topic = &group->offsets.topics[t];
		for (int32_t p = 0; p < topic->slot_count; p++)
			(void)coordinator_offset_remove(coordinator, group, topic->name, p, wall_ms);
	}
	group_record_group_gone(coordinator_builder(coordinator), wall_ms, group->id);
	coordinator_recorded(coordinator, group);
	coordinator_remove(coordinator, group);
	return KAFKA_NONE;
}

void group_coordinator_delete(struct group_coordinator *coordinator, const struct slice *groups,
	int16_t *errors, int32_t count, struct group_call *call)
{
	coordinator_lock(coordinator);
	bool deleted = false;
	for (int32_t i = 0; i < count; i++) {
		errors[i] =
			coordinator->failed ? KAFKA_COORDINATOR_NOT_AVAILABLE : group_delete(coordinator, groups[i]);
		deleted = deleted || errors[i] == KAFKA_NONE;
	}
	bool clean = coordinator->builder.count == 0;
	coordinator_end(coordinator, call, coordinator->failed ? KAFKA_COORDINATOR_NOT_AVAILABLE : KAFKA_NONE,
		deleted ? coordinator->building - (clean ? 1 : 0) : 0);
	coordinator_unlock(coordinator);
}
