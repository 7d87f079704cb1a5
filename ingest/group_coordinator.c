/* See group_coordinator.h: the table of groups, and the way of calls and records. Offsets are in
 * group_coordinator_offsets.c, administration in group_coordinator_admin.c.
 *
 *   records ──► builder ──► closed batches ──► store (one at a time) ──► durable
 *                  ▲ full, or nothing is in flight
 *
 * While one batch is on its way to the disk, all records of all groups gather in the next: as many commits as
 * come in meanwhile cost one fsync.
 */
#include "ingest/group_coordinator.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "ingest/group_coordinator_internal.h"

struct group_coordinator_options group_coordinator_options_default(void)
{
	return (struct group_coordinator_options){
		.group =
			{
				.session_timeout_ms_min = 6000,
				.session_timeout_ms_max = 30 * 60 * 1000,
				.initial_delay_ms = 100,
				.members_max = 1000,
			},
		.groups_max = 10000,
		.offsets_max = 100000,
		.staged_max = 10000,
		.offsets_retention_ms = INT64_C(7) * 24 * 60 * 60 * 1000,
	};
}

/* ---- life ---- */

struct group_coordinator *group_coordinator_create(const struct group_coordinator_options *options)
{
	INVARIANT(options->store.append != NULL && options->store.incarnation != NULL);
	struct group_coordinator *coordinator = mem_alloc_zeroed(1, sizeof *coordinator);
	coordinator->options = *options;
	INVARIANT(pthread_mutex_init(&coordinator->lock, NULL) == 0);
	record_batch_builder_init(&coordinator->builder);
	coordinator->building = 1;
	coordinator->closed_end = &coordinator->closed;
	coordinator->held_end = &coordinator->held;
	coordinator->ended_end = &coordinator->ended;
	coordinator->due_ms = coordinator->retry_ms = coordinator->sweep_ms = INT64_MAX;
	return coordinator;
}

void group_coordinator_destroy(struct group_coordinator *coordinator)
{
	if (coordinator == NULL)
		return;
	INVARIANT(coordinator->held == NULL && coordinator->ended == NULL && !coordinator->in_flight);
	stagings_free(coordinator);
	for (size_t i = 0; i < GROUP_BUCKETS; i++)
		while (coordinator->buckets[i] != NULL)
			coordinator_remove(coordinator, coordinator->buckets[i]);
	while (coordinator->closed != NULL) {
		struct group_batch *batch = coordinator->closed;
		coordinator->closed = batch->next;
		buffer_deinit(&batch->bytes);
		mem_free(batch);
	}
	record_batch_builder_deinit(&coordinator->builder);
	INVARIANT(pthread_mutex_destroy(&coordinator->lock) == 0);
	mem_free(coordinator);
}

/* ---- the table ---- */

static struct group **group_bucket(struct group_coordinator *coordinator, struct slice id)
{
	return &coordinator->buckets[hash_bytes(id.data, id.size, 0) % GROUP_BUCKETS];
}

struct group *coordinator_find(struct group_coordinator *coordinator, struct slice id)
{
	for (struct group *group = *group_bucket(coordinator, id); group != NULL; group = group->next)
		if (slice_equal(group->id, id))
			return group;
	return NULL;
}

static struct group *group_make(struct group_coordinator *coordinator, struct slice id)
{
	struct group *group = kafka_group_create(id, &coordinator->options.group);
	group->due_ms = INT64_MAX;
	struct group **bucket = group_bucket(coordinator, id);
	group->next = *bucket;
	*bucket = group;
	coordinator->group_count++;
	return group;
}

struct group *coordinator_get(struct group_coordinator *coordinator, struct slice id, int16_t *error_code)
{
	struct group *group = coordinator_find(coordinator, id);
	if (group != NULL)
		return group;
	if (id.size > GROUP_ID_SIZE_MAX) {
		*error_code = KAFKA_INVALID_GROUP_ID;
		return NULL;
	}
	if (coordinator->group_count >= coordinator->options.groups_max) {
		diag(DIAG_WARN, "groups", "too_many_groups", "groups_max=%d", coordinator->options.groups_max);
		*error_code = KAFKA_GROUP_MAX_SIZE_REACHED;
		return NULL;
	}
	return group_make(coordinator, id);
}

void coordinator_remove(struct group_coordinator *coordinator, struct group *group)
{
	struct group **link = group_bucket(coordinator, group->id);
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	coordinator->group_count--;
	kafka_group_destroy(group);
}

/* ---- calls ---- */

static void call_append(struct group_call ***end, struct group_call *call)
{
	call->next = NULL;
	**end = call;
	*end = &call->next;
}

void coordinator_end(
	struct group_coordinator *coordinator, struct group_call *call, int16_t error_code, uint64_t after)
{
	call->error_code = error_code;
	call->group = NULL;
	call->member = NULL;
	call->after = after;
	call->held = after > coordinator->durable;
	call_append(call->held ? &coordinator->held_end : &coordinator->ended_end, call);
}

/* Whose batch has become durable, or never will. */
static void held_release(struct group_coordinator *coordinator)
{
	struct group_call *call = coordinator->held, *next;
	coordinator->held = NULL;
	coordinator->held_end = &coordinator->held;
	for (; call != NULL; call = next) {
		next = call->next;
		if (coordinator->failed) {
			call->error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
			call->members = NULL;
			call->member_count = 0;
		}
		call->held = !coordinator->failed && call->after > coordinator->durable;
		call_append(call->held ? &coordinator->held_end : &coordinator->ended_end, call);
	}
}

static void group_ended_pass_on(struct group_coordinator *coordinator, struct group *group)
{
	struct group_call *call = group_take_ended(group), *next;
	for (; call != NULL; call = next) {
		next = call->next;
		coordinator_end(coordinator, call, call->error_code, group->recorded);
	}
}

/* ---- records ---- */

struct record_batch_builder *coordinator_builder(struct group_coordinator *coordinator)
{
	return &coordinator->builder;
}

static void builder_close(struct group_coordinator *coordinator)
{
	struct group_batch *batch = mem_alloc_zeroed(1, sizeof *batch);
	status result = record_batch_builder_finish(&coordinator->builder, CODEC_NONE, NULL, &batch->bytes);
	INVARIANT(result == STATUS_OK); /* uncompressed, and not empty */
	*coordinator->closed_end = batch;
	coordinator->closed_end = &batch->next;
	coordinator->building++;
}

void coordinator_recorded(struct group_coordinator *coordinator, struct group *group)
{
	if (group != NULL)
		group->recorded = coordinator->building;
	if (record_batch_builder_size(&coordinator->builder) >= GROUP_BATCH_BYTES)
		builder_close(coordinator);
}

void coordinator_fail(struct group_coordinator *coordinator, status code)
{
	if (coordinator->failed)
		return;
	if (code != STATUS_SHUTDOWN)
		diag(DIAG_ERROR, "groups", "stopped", "error=\"%s\" hint=\"groups are served again after a restart\"",
			status_words(code));
	coordinator->failed = true;
	coordinator->due_ms = coordinator->retry_ms = coordinator->sweep_ms = INT64_MAX;
	for (size_t i = 0; i < GROUP_BUCKETS; i++)
		for (struct group *group = coordinator->buckets[i]; group != NULL; group = group->next) {
			group_kill(group, KAFKA_COORDINATOR_NOT_AVAILABLE);
			group_ended_pass_on(coordinator, group);
		}
	held_release(coordinator);
}

static void append_begin(struct group_coordinator *coordinator)
{
	coordinator->retry_ms = INT64_MAX;
	if (coordinator->failed || coordinator->in_flight)
		return;
	if (coordinator->closed == NULL && coordinator->builder.count > 0)
		builder_close(coordinator);
	struct group_batch *batch = coordinator->closed;
	if (batch == NULL)
		return;
	status result = coordinator->options.store.append(coordinator->options.store.context, &batch->bytes);
	if (result == STATUS_BACKPRESSURE) {
		coordinator->retry_ms = coordinator->now_ms + GROUP_RETRY_MS;
		return;
	}
	coordinator->closed = batch->next;
	if (coordinator->closed == NULL)
		coordinator->closed_end = &coordinator->closed;
	if (result != STATUS_OK)
		buffer_deinit(&batch->bytes);
	mem_free(batch);
	coordinator->in_flight = result == STATUS_OK;
	if (result != STATUS_OK)
		coordinator_fail(coordinator, result);
}

void group_coordinator_appended(struct group_coordinator *coordinator, status result)
{
	coordinator_lock(coordinator);
	INVARIANT(coordinator->in_flight);
	coordinator->in_flight = false;
	if (result == STATUS_OK) {
		coordinator->durable++;
		held_release(coordinator);
	} else {
		coordinator_fail(coordinator, result);
	}
	coordinator_unlock(coordinator);
}

/* ---- turns ---- */

void coordinator_lock(struct group_coordinator *coordinator)
{
	INVARIANT(pthread_mutex_lock(&coordinator->lock) == 0);
}

void coordinator_unlock(struct group_coordinator *coordinator)
{
	append_begin(coordinator);
	struct group_call *call = coordinator->ended, *next;
	coordinator->ended = NULL;
	coordinator->ended_end = &coordinator->ended;
	INVARIANT(pthread_mutex_unlock(&coordinator->lock) == 0);
	for (; call != NULL; call = next) {
		next = call->next;
		call->done(call);
	}
}

/* Nothing ever happened to it that is worth a record. */
static bool group_is_blank(const struct group *group)
{
	return group->state == GROUP_EMPTY && group->generation == 0 && group->pending == NULL &&
		   group->offsets.committed_count == 0 && group->offsets.staged_count == 0 && group->recorded == 0;
}

void coordinator_settle(struct group_coordinator *coordinator, struct group *group, int64_t now_ms)
{
	group_check(group);
	if (group->state == GROUP_EMPTY && group->state_seen != GROUP_EMPTY)
		group->state_wall_ms = clock_wall_ms();
	if (group->state != group->state_seen)
		diag(DIAG_DEBUG, "groups", "state", "group=\"%.*s\" state=%s generation=%d members=%d",
			(int)group->id.size, (const char *)group->id.data, group_state_name(group->state),
			group->generation, group->member_count);
	group->state_seen = group->state;
	if (group->changed) {
		group->changed = false;
		group_record_group(coordinator_builder(coordinator), clock_wall_ms(), group);
		coordinator_recorded(coordinator, group);
	}
	group_ended_pass_on(coordinator, group);
	group->due_ms = group_deadline_ms(group);
	if (group->due_ms < coordinator->due_ms)
		coordinator->due_ms = group->due_ms;
	if (now_ms > coordinator->now_ms)
		coordinator->now_ms = now_ms;
	if (group_is_blank(group))
		coordinator_remove(coordinator, group);
}

void group_coordinator_tick(struct group_coordinator *coordinator, int64_t now_ms)
{
	coordinator_lock(coordinator);
	if (now_ms > coordinator->now_ms)
		coordinator->now_ms = now_ms;
	coordinator->ticked_ms = now_ms;
	if (!coordinator->failed && now_ms >= coordinator->due_ms) {
		coordinator->due_ms = INT64_MAX;
		for (size_t i = 0; i < GROUP_BUCKETS; i++) {
			struct group *next;
			for (struct group *group = coordinator->buckets[i]; group != NULL; group = next) {
				next = group->next;
				if (group->due_ms > now_ms) {
					if (group->due_ms < coordinator->due_ms)
						coordinator->due_ms = group->due_ms;
					continue;
				}
				group_tick(group, now_ms);
				coordinator_settle(coordinator, group, now_ms);
			}
		}
	}
	if (!coordinator->failed && now_ms >= coordinator->sweep_ms) {
		int64_t retention_ms = coordinator->options.offsets_retention_ms;
		coordinator->sweep_ms =
			now_ms + (retention_ms < GROUP_SWEEP_MS_MAX ? retention_ms : GROUP_SWEEP_MS_MAX) + 1;
		coordinator_offsets_sweep(coordinator);
	}
	coordinator_unlock(coordinator);
}

int64_t group_coordinator_deadline_ms(struct group_coordinator *coordinator)
{
	coordinator_lock(coordinator);
	int64_t deadline_ms = coordinator->due_ms;
	if (coordinator->retry_ms < deadline_ms)
		deadline_ms = coordinator->retry_ms;
	if (coordinator->sweep_ms < deadline_ms)
		deadline_ms = coordinator->sweep_ms;
	if (deadline_ms < coordinator->ticked_ms + GROUP_RETRY_MS)
		deadline_ms = coordinator->ticked_ms + GROUP_RETRY_MS;
	INVARIANT(pthread_mutex_unlock(&coordinator->lock) == 0);
	return deadline_ms;
}

bool group_coordinator_failed(struct group_coordinator *coordinator)
{
	coordinator_lock(coordinator);
	bool failed = coordinator->failed;
	INVARIANT(pthread_mutex_unlock(&coordinator->lock) == 0);
	return failed;
}

/* ---- members ---- */

/* The group a member speaks of; else the call is ended with `missing`, or why there can be none. */
static struct group *member_group(struct group_coordinator *coordinator, struct slice id, bool create,
	int16_t missing, struct group_call *call)
{
	int16_t error_code = missing;
	struct group *group = NULL;
	if (coordinator->failed)
		error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
	else if (id.size == 0 || id.size > GROUP_ID_SIZE_MAX)
		error_code = KAFKA_INVALID_GROUP_ID;
	else if (create)
		group = coordinator_get(coordinator, id, &error_code);
	else
		group = coordinator_find(coordinator, id);
	if (group == NULL)
		coordinator_end(coordinator, call, error_code, 0);
	return group;
}

void group_coordinator_join(struct group_coordinator *coordinator, struct slice id,
	const struct group_join *join, struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	call->generation = -1;
	struct group *group =
		member_group(coordinator, id, join->who.member_id.size == 0, KAFKA_UNKNOWN_MEMBER_ID, call);
	if (group != NULL) {
		call->group = group;
		call->held = true;
		group_join(group, join, call, now_ms);
		coordinator_settle(coordinator, group, now_ms);
	}
	coordinator_unlock(coordinator);
}

void group_coordinator_sync(struct group_coordinator *coordinator, struct slice id,
	const struct group_sync *sync, struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	struct group *group = member_group(coordinator, id, false, KAFKA_UNKNOWN_MEMBER_ID, call);
	if (group != NULL) {
		call->group = group;
		call->held = true;
		group_sync(group, sync, call, now_ms);
		coordinator_settle(coordinator, group, now_ms);
	}
	coordinator_unlock(coordinator);
}

void group_coordinator_heartbeat(struct group_coordinator *coordinator, struct slice id,
	const struct group_identity *who, int32_t generation, struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	struct group *group = member_group(coordinator, id, false, KAFKA_UNKNOWN_MEMBER_ID, call);
	if (group != NULL) {
		int16_t error_code = group_heartbeat(group, who, generation, now_ms);
		coordinator_end(coordinator, call, error_code, group->recorded);
		coordinator_settle(coordinator, group, now_ms);
	}
	coordinator_unlock(coordinator);
}

void group_coordinator_leave(struct group_coordinator *coordinator, struct slice id,
	const struct group_identity *who, int16_t *errors, int32_t count, struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	for (int32_t i = 0; i < count; i++)
		errors[i] = KAFKA_UNKNOWN_MEMBER_ID;
	struct group *group = member_group(coordinator, id, false, KAFKA_NONE, call);
	if (group != NULL) {
		for (int32_t i = 0; i < count; i++)
			errors[i] = group_leave(group, &who[i], now_ms);
		coordinator_end(coordinator, call, KAFKA_NONE, group->recorded);
		coordinator_settle(coordinator, group, now_ms);
	}
	coordinator_unlock(coordinator);
}

static bool held_remove(struct group_coordinator *coordinator, struct group_call *call)
{
	for (struct group_call **link = &coordinator->held; *link != NULL; link = &(*link)->next) {
		if (*link != call)
			continue;
		*link = call->next;
		if (*link == NULL)
			coordinator->held_end = link;
		call->held = false;
		return true;
	}
	return false;
}

bool group_coordinator_drop(struct group_coordinator *coordinator, struct group_call *call, int64_t now_ms)
{
	coordinator_lock(coordinator);
	bool dropped = call->held;
	if (dropped && !held_remove(coordinator, call)) {
		struct group *group = call->group;
		call->held = false;
		group_call_drop(group, call, now_ms);
		coordinator_settle(coordinator, group, now_ms);
	}
	coordinator_unlock(coordinator);
	return dropped;
}

/* ---- start ---- */

static status record_apply(struct group_coordinator *coordinator, const struct group_record *record)
{
	struct group *group = coordinator_find(coordinator, record->group);
	if (group == NULL && record->gone)
		return STATUS_OK;
	/* What is recorded was within the limits of its time: those of now do not count. */
	if (group == NULL)
		group = group_make(coordinator, record->group);
	switch (record->kind) {
	case GROUP_RECORD_OFFSET:
		if (record->gone)
			(void)group_offsets_remove(&group->offsets, record->topic, record->partition);
		else
			group_offsets_commit(&group->offsets, record->topic, record->partition, &record->value);
		return STATUS_OK;
	case GROUP_RECORD_STAGED:
		if (record->gone)
			staging_remove(coordinator, record->producer_id, group, record->topic, record->partition);
		else
			staging_set(staging_get(coordinator, record->producer_id), group, record->topic,
				record->partition, &record->value);
		return STATUS_OK;
	case GROUP_RECORD_GROUP:
		break;
	}
	static const struct kafka_group_record_value nothing = {0};
	if (!group_restore(group, record->gone ? &nothing : record->group_value))
		return error_raise(STATUS_DAMAGED, "a group's record contradicts itself");
	return STATUS_OK;
}

status group_coordinator_load(struct group_coordinator *coordinator, struct slice batches)
{
	struct arena arena;
	struct record_iterator iterator;
	struct record record;
	struct group_record decoded;
	arena_init(&arena);
	record_iterator_init(&iterator, batches);
	status result;
	while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
		arena_reset(&arena);
		result = group_record_decode(&record, &arena, &decoded);
		if (result == STATUS_OK)
			result = record_apply(coordinator, &decoded);
		if (result != STATUS_OK)
			break;
	}
	record_iterator_deinit(&iterator);
	arena_deinit(&arena);
	return result == STATUS_END ? STATUS_OK : result;
}

void group_coordinator_loaded(struct group_coordinator *coordinator, int64_t now_ms)
{
	coordinator_lock(coordinator);
	coordinator->sweep_ms = now_ms;
	for (size_t i = 0; i < GROUP_BUCKETS; i++) {
		struct group *next;
		for (struct group *group = coordinator->buckets[i]; group != NULL; group = next) {
			next = group->next;
			for (struct group_member *member = group->members; member != NULL; member = member->next) {
				member_alive(member, now_ms);
				if (group->rebalance_deadline_ms < now_ms + member->rebalance_timeout_ms)
					group->rebalance_deadline_ms = now_ms + member->rebalance_timeout_ms;
			}
			coordinator_settle(coordinator, group, now_ms);
		}
	}
	coordinator_unlock(coordinator);
}
