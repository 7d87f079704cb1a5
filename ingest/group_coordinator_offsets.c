/* Offsets: committed, staged by transactions, fetched, deleted, expired. See group_coordinator.h. */
#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "ingest/group_coordinator_internal.h"

/* ---- staged offsets in memory ---- */

struct staging *staging_get(struct group_coordinator *coordinator, int64_t producer_id)
{
	struct staging *staging = coordinator->stagings;
	while (staging != NULL && staging->producer_id != producer_id)
		staging = staging->next;
	if (staging != NULL)
		return staging;
	staging = mem_alloc_zeroed(1, sizeof *staging);
	staging->producer_id = producer_id;
	staging->next = coordinator->stagings;
	coordinator->stagings = staging;
	return staging;
}

static struct staged *staged_find(
	struct staging *staging, const struct group *group, struct slice topic, int32_t partition)
{
	for (struct staged *staged = staging->staged; staged != NULL; staged = staged->next)
		if (staged->partition == partition && staged->group == group && slice_equal(staged->topic, topic))
			return staged;
	return NULL;
}

void staging_set(struct staging *staging, struct group *group, struct slice topic, int32_t partition,
	const struct offset_value *value)
{
	struct staged *staged = staged_find(staging, group, topic, partition);
	if (staged == NULL) {
		staged = mem_alloc_zeroed(1, sizeof *staged);
		staged->group = group;
		staged->topic = slice_own(topic);
		staged->partition = partition;
		staged->next = staging->staged;
		staging->staged = staged;
		staging->count++;
		group_offsets_slot(&group->offsets, topic, partition)->staged++;
		group->offsets.staged_count++;
	}
	struct slice metadata = slice_own(value->metadata);
	slice_free(&staged->value.metadata);
	staged->value = *value;
	staged->value.metadata = metadata;
}

static void staged_free(struct staging *staging, struct staged *staged)
{
	struct staged **link = &staging->staged;
	while (*link != staged)
		link = &(*link)->next;
	*link = staged->next;
	staging->count--;
	struct offset_slot *slot = group_offsets_find(&staged->group->offsets, staged->topic, staged->partition);
	INVARIANT(slot != NULL && slot->staged > 0);
	slot->staged--;
	staged->group->offsets.staged_count--;
	slice_free(&staged->topic);
	slice_free(&staged->value.metadata);
	mem_free(staged);
}

static void staging_free(struct group_coordinator *coordinator, struct staging *staging)
{
	struct staging **link = &coordinator->stagings;
	while (*link != staging)
		link = &(*link)->next;
	*link = staging->next;
	while (staging->staged != NULL)
		staged_free(staging, staging->staged);
	mem_free(staging);
}

void staging_remove(struct group_coordinator *coordinator, int64_t producer_id, struct group *group,
	struct slice topic, int32_t partition)
{
	struct staging *staging = staging_get(coordinator, producer_id);
	struct staged *staged = staged_find(staging, group, topic, partition);
	if (staged != NULL)
		staged_free(staging, staged);
	if (staging->staged == NULL)
		staging_free(coordinator, staging);
}

void stagings_free(struct group_coordinator *coordinator)
{
	while (coordinator->stagings != NULL)
		staging_free(coordinator, coordinator->stagings);
}

/* ---- committing ---- */

/* The group that offsets are for; a consumer that assigns partitions itself makes it by committing. */
static struct group *commit_group(struct group_coordinator *coordinator, const struct group_commit *commit,
	bool transactional, int64_t now_ms, int16_t *error_code)
{
	if (coordinator->failed) {
		*error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
		return NULL;
	}
	struct group *group = coordinator_find(coordinator, commit->group);
	if (group == NULL && commit->generation >= 0) {
		*error_code = KAFKA_ILLEGAL_GENERATION;
		return NULL;
	}
	if (group == NULL)
		group = coordinator_get(coordinator, commit->group, error_code);
	if (group != NULL)
		*error_code = group_commit_check(group, &commit->who, commit->generation, transactional, now_ms);
	return group;
}

static int16_t offset_check(
	struct group_coordinator *coordinator, const struct group_offset *offset, uint64_t *incarnation)
{
	const struct group_store *store = &coordinator->options.store;
	if (offset->metadata.size > GROUP_OFFSET_METADATA_MAX)
		return KAFKA_OFFSET_METADATA_TOO_LARGE;
	/* kafkajs sets a group back to the earliest record by committing -2, what ListOffsets calls it. */
	if (offset->offset < -2)
		return KAFKA_INVALID_REQUEST;
	*incarnation = store->incarnation(store->context, offset->topic, offset->partition);
	return *incarnation == 0 ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_NONE;
}

/* Records and applies one; `staging` NULL: committed at once. */
static void offset_take(struct group_coordinator *coordinator, struct group *group, struct staging *staging,
	struct group_offset *offset, int64_t retention_ms)
{
	int64_t wall_ms = clock_wall_ms();
	struct offset_value value = {
		.offset = offset->offset,
		.leader_epoch = offset->leader_epoch,
		.metadata = offset->metadata.data != NULL ? offset->metadata : slice_of_string(""),
		.commit_wall_ms = wall_ms,
		.expire_wall_ms =
			retention_ms >= 0 && retention_ms < INT64_MAX - wall_ms ? wall_ms + retention_ms : -1,
	};
	offset->error_code = offset_check(coordinator, offset, &value.incarnation);
	if (offset->error_code != KAFKA_NONE)
		return;
	struct offset_slot *slot = group_offsets_find(&group->offsets, offset->topic, offset->partition);
	bool more = slot == NULL || !slot->committed;
	if ((more && group->offsets.committed_count >= coordinator->options.offsets_max) ||
		(staging != NULL && staging->count >= coordinator->options.staged_max &&
			staged_find(staging, group, offset->topic, offset->partition) == NULL)) {
		offset->error_code = KAFKA_INVALID_COMMIT_OFFSET_SIZE;
		return;
	}
	if (staging == NULL)
		group_offsets_commit(&group->offsets, offset->topic, offset->partition, &value);
	else
		staging_set(staging, group, offset->topic, offset->partition, &value);
	group_record_offset(coordinator_builder(coordinator), wall_ms,
		staging != NULL ? staging->producer_id : -1, group->id, offset->topic, offset->partition, &value);
	coordinator_recorded(coordinator, group);
}

static void commit_take(struct group_coordinator *coordinator, int64_t producer_id,
	const struct group_commit *commit, struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	int16_t error_code = KAFKA_NONE;
	bool transactional = producer_id >= 0;
	struct group *group = commit_group(coordinator, commit, transactional, now_ms, &error_code);
	if (group != NULL && error_code == KAFKA_NONE) {
		struct staging *staging = transactional ? staging_get(coordinator, producer_id) : NULL;
		for (int32_t i = 0; i < commit->count; i++)
			if (commit->offsets[i].error_code == KAFKA_NONE)
				offset_take(coordinator, group, staging, &commit->offsets[i], commit->retention_ms);
		if (staging != NULL && staging->staged == NULL)
			staging_free(coordinator, staging);
	}
	coordinator_end(coordinator, call, error_code, group != NULL ? group->recorded : 0);
	if (group != NULL)
		coordinator_settle(coordinator, group, now_ms);
	coordinator_unlock(coordinator);
}

void group_coordinator_commit(struct group_coordinator *coordinator, const struct group_commit *commit,
	struct group_call *call, int64_t now_ms)
{
	commit_take(coordinator, -1, commit, call, now_ms);
}

void group_coordinator_stage(struct group_coordinator *coordinator, int64_t producer_id,
	const struct group_commit *commit, struct group_call *call, int64_t now_ms)
{
	INVARIANT(producer_id >= 0);
	commit_take(coordinator, producer_id, commit, call, now_ms);
}

void group_coordinator_stage_end(struct group_coordinator *coordinator, int64_t producer_id, bool commit,
	struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	if (coordinator->failed) {
		coordinator_end(coordinator, call, KAFKA_COORDINATOR_NOT_AVAILABLE, 0);
		coordinator_unlock(coordinator);
		return;
	}
	int64_t wall_ms = clock_wall_ms();
	struct staging *staging = staging_get(coordinator, producer_id);
	while (staging->staged != NULL) {
		struct staged *staged = staging->staged;
		struct group *group = staged->group;
		struct record_batch_builder *builder = coordinator_builder(coordinator);
		if (commit) {
			group_offsets_commit(&group->offsets, staged->topic, staged->partition, &staged->value);
			group_record_offset(
				builder, wall_ms, -1, group->id, staged->topic, staged->partition, &staged->value);
		}
		group_record_offset(builder, wall_ms, producer_id, group->id, staged->topic, staged->partition, NULL);
		coordinator_recorded(coordinator, group);
		staged_free(staging, staged);
		coordinator_settle(coordinator, group, now_ms);
	}
	staging_free(coordinator, staging);
	/* Also when there was nothing left to do: another call may have done it, and not be durable yet. */
	bool clean = coordinator->builder.count == 0;
	coordinator_end(coordinator, call, KAFKA_NONE, coordinator->building - (clean ? 1 : 0));
	coordinator_unlock(coordinator);
}

/* ---- fetching ---- */

static void offset_none(struct group_offset *to)
{
	to->offset = -1;
	to->leader_epoch = -1;
	to->metadata = slice_of_string("");
	to->error_code = KAFKA_NONE;
}

/* C4: what was committed for a topic that is no more, is not. */
static bool slot_counts(struct group_coordinator *coordinator, struct slice topic, int32_t partition,
	const struct offset_slot *slot)
{
	const struct group_store *store = &coordinator->options.store;
	return slot != NULL && slot->committed &&
		   store->incarnation(store->context, topic, partition) == slot->value.incarnation;
}

static void slot_read(struct group_coordinator *coordinator, const struct offset_slot *slot, bool stable,
	struct arena *arena, struct group_offset *to)
{
	offset_none(to);
	if (stable && slot != NULL && slot->staged > 0) {
		to->error_code = KAFKA_UNSTABLE_OFFSET_COMMIT;
	} else if (slot_counts(coordinator, to->topic, to->partition, slot)) {
		to->offset = slot->value.offset;
		to->leader_epoch = slot->value.leader_epoch;
		to->metadata = slice_keep(arena, slot->value.metadata);
	}
}

static void offsets_read_all(struct group_coordinator *coordinator, const struct group *group, bool stable,
	struct arena *arena, struct group_offset **out, int32_t *count)
{
	int32_t slots = 0;
	for (size_t t = 0; t < group->offsets.topic_count; t++)
		for (int32_t p = 0; p < group->offsets.topics[t].slot_count; p++)
			slots +=
				group->offsets.topics[t].slots[p].committed || group->offsets.topics[t].slots[p].staged > 0;
	*out = arena_alloc(arena, (size_t)slots * sizeof **out);
	*count = 0;
	for (size_t t = 0; t < group->offsets.topic_count; t++) {
		const struct offset_topic *topic = &group->offsets.topics[t];
		struct slice name = {0};
		for (int32_t p = 0; p < topic->slot_count; p++) {
			const struct offset_slot *slot = &topic->slots[p];
			bool unstable = stable && slot->staged > 0;
			if (!unstable && !slot_counts(coordinator, topic->name, p, slot))
				continue;
			if (name.data == NULL)
				name = slice_keep(arena, topic->name);
			struct group_offset *to = &(*out)[(*count)++];
			*to = (struct group_offset){.topic = name, .partition = p};
			slot_read(coordinator, slot, stable, arena, to);
		}
	}
}

void group_coordinator_fetch(struct group_coordinator *coordinator, struct slice id,
	struct group_offset **offsets, int32_t *count, bool all, bool stable, struct group_call *call)
{
	coordinator_lock(coordinator);
	const struct group *group = coordinator->failed ? NULL : coordinator_find(coordinator, id);
	if (all) {
		*offsets = NULL;
		*count = 0;
		if (group != NULL)
			offsets_read_all(coordinator, group, stable, call->arena, offsets, count);
	} else {
		for (int32_t i = 0; i < *count; i++) {
			struct group_offset *offset = &(*offsets)[i];
			slot_read(coordinator,
				group != NULL ? group_offsets_find(&group->offsets, offset->topic, offset->partition) : NULL,
				stable, call->arena, offset);
		}
	}
	coordinator_end(coordinator, call, coordinator->failed ? KAFKA_COORDINATOR_NOT_AVAILABLE : KAFKA_NONE,
		group != NULL ? group->recorded : 0);
	coordinator_unlock(coordinator);
}

void group_coordinator_offsets(struct group_coordinator *coordinator, struct slice id, struct arena *arena,
	struct group_offset **out, int32_t *count)
{
	coordinator_lock(coordinator);
	*out = NULL;
	*count = 0;
	const struct group *group = coordinator_find(coordinator, id);
	if (group != NULL)
		offsets_read_all(coordinator, group, false, arena, out, count);
	coordinator_unlock(coordinator);
}

/* ---- deleting ---- */

bool coordinator_offset_remove(struct group_coordinator *coordinator, struct group *group, struct slice topic,
	int32_t partition, int64_t wall_ms)
{
	if (!group_offsets_remove(&group->offsets, topic, partition))
		return false;
	group_record_offset(coordinator_builder(coordinator), wall_ms, -1, group->id, topic, partition, NULL);
	coordinator_recorded(coordinator, group);
	return true;
}

static bool group_is_subscribed(const struct group *group, struct slice topic)
{
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		for (int32_t i = 0; i < member->protocol_count; i++)
			if (subscription_has(member->protocols[i].metadata, topic))
				return true;
	return false;
}

void group_coordinator_offsets_delete(struct group_coordinator *coordinator, struct slice id,
	struct group_offset *offsets, int32_t count, struct group_call *call)
{
	coordinator_lock(coordinator);
	struct group *group = coordinator_find(coordinator, id);
	int16_t error_code = KAFKA_NONE;
	if (coordinator->failed)
		error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
	else if (group == NULL)
		error_code = KAFKA_GROUP_ID_NOT_FOUND;
	else if (group->members != NULL && !slice_equal(group->protocol_type, slice_of_string("consumer")))
		error_code = KAFKA_NON_EMPTY_GROUP;
	for (int32_t i = 0; i < count && error_code == KAFKA_NONE; i++) {
		struct group_offset *offset = &offsets[i];
		if (group_is_subscribed(group, offset->topic))
			offset->error_code = KAFKA_GROUP_SUBSCRIBED_TO_TOPIC;
		else
			(void)coordinator_offset_remove(
				coordinator, group, offset->topic, offset->partition, clock_wall_ms());
	}
	coordinator_end(coordinator, call, error_code, group != NULL ? group->recorded : 0);
	coordinator_unlock(coordinator);
}

/* ---- expiry: records, so that a restart does not bring anything back ---- */

static bool slot_is_expired(struct group_coordinator *coordinator, const struct group *group,
	struct slice topic, int32_t partition, const struct offset_slot *slot, int64_t wall_ms)
{
	if (!slot->committed || slot->staged > 0)
		return false;
	if (!slot_counts(coordinator, topic, partition, slot))
		return true;
	if (slot->value.expire_wall_ms >= 0)
		return wall_ms >= slot->value.expire_wall_ms;
	if (group->state != GROUP_EMPTY)
		return false;
	int64_t since_ms = slot->value.commit_wall_ms;
	if (group->protocol_type.size != 0 && group->state_wall_ms > since_ms)
		since_ms = group->state_wall_ms;
	return wall_ms - since_ms >= coordinator->options.offsets_retention_ms;
}

static void group_sweep(struct group_coordinator *coordinator, struct group *group, int64_t wall_ms)
{
	int32_t expired = 0;
	for (size_t t = 0; t < group->offsets.topic_count; t++) {
		struct offset_topic *topic = &group->offsets.topics[t];
		for (int32_t p = 0; p < topic->slot_count; p++)
			if (slot_is_expired(coordinator, group, topic->name, p, &topic->slots[p], wall_ms))
				expired += coordinator_offset_remove(coordinator, group, topic->name, p, wall_ms);
	}
	if (expired > 0)
		diag(DIAG_INFO, "groups", "offsets_expired", "group=\"%.*s\" offsets=%d", (int)group->id.size,
			(const char *)group->id.data, expired);
	if (group->state != GROUP_EMPTY || group->pending != NULL || group->offsets.committed_count > 0 ||
		group->offsets.staged_count > 0)
		return;
	group_record_group_gone(coordinator_builder(coordinator), wall_ms, group->id);
	coordinator_recorded(coordinator, group);
	coordinator_remove(coordinator, group);
}

void coordinator_offsets_sweep(struct group_coordinator *coordinator)
{
	int64_t wall_ms = clock_wall_ms();
	for (size_t i = 0; i < GROUP_BUCKETS; i++) {
		struct group *next;
		for (struct group *group = coordinator->buckets[i]; group != NULL; group = next) {
			next = group->next;
			group_sweep(coordinator, group, wall_ms);
		}
	}
}
