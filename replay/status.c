/* What is going on: versions, progress, waiting for it, counters. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "replay/engine_internal.h"

static const char *state_name(enum version_state state, bool live)
{
	switch (state) {
	case VERSION_REPLAYING:
		return "replaying";
	case VERSION_PAUSED:
		return "paused";
	case VERSION_FAILED:
		return "failed";
	case VERSION_CAUGHT_UP:
		break;
	}
	return live ? "live" : "standby";
}

static enum version_state state_of(struct version *version)
{
	if (atomic_load(&version->failed))
		return VERSION_FAILED;
	if (atomic_load(&version->caught_up))
		return VERSION_CAUGHT_UP;
	return atomic_load(&version->paused) ? VERSION_PAUSED : VERSION_REPLAYING;
}

static const char *describe_uses(const struct version *version, struct arena *arena)
{
	struct buffer text;
	buffer_init(&text);
	for (size_t i = 0; i < version->definition.use_count; i++) {
		const struct version_use *use = &version->definition.uses[i];
		buffer_printf(&text, "%s%s", i != 0 ? ", " : "", use->name);
		if (use->version != 0)
			buffer_printf(&text, "@%lld", (long long)use->version);
	}
	buffer_append_byte(&text, 0);
	const char *copy = arena_copy_string(arena, (const char *)text.data);
	buffer_deinit(&text);
	return copy;
}

static const struct offset_vector *copy_offsets(const struct offset_vector *offsets, struct arena *arena)
{
	struct offset_vector *copy = arena_alloc(arena, sizeof *copy);
	copy->count = offsets->count;
	copy->entries = arena_copy(arena, offsets->entries, offsets->count * sizeof *copy->entries);
	for (size_t i = 0; i < copy->count; i++)
		copy->entries[i].topic = arena_copy_string(arena, offsets->entries[i].topic);
	return copy;
}

/* Minimum over partitions that have seen an event, of each table that has an event time. */
static int64_t watermark_of(const struct version *version, const struct offset_vector *offsets)
{
	int64_t watermark = INT64_MIN;
	for (size_t i = 0; i < version->input_count; i++) {
		const struct table *table = &version->inputs[i].table->table;
		if (table->event_time_column < 0)
			continue;
		for (size_t j = 0; j < offsets->count; j++) {
			const struct offset_entry *entry = &offsets->entries[j];
			if (strcmp(entry->topic, table->topic) != 0 || entry->max_event_time_us == INT64_MIN)
				continue;
			int64_t mine = entry->max_event_time_us - table->watermark_delay_us;
			if (watermark == INT64_MIN || mine < watermark)
				watermark = mine;
		}
	}
	return watermark;
}

/* Records in the log that the version has not read; while it replays, those beyond its frozen target. */
static int64_t lag_of(
	struct engine *engine, const struct version *version, const struct offset_vector *offsets)
{
	int64_t lag = 0;
	for (size_t i = 0; i < version->input_count; i++) {
		const struct topic *topic;
		const char *name = version->inputs[i].table->table.topic;
		bool seen = false;
		for (size_t j = 0; j < i; j++)
			seen = seen || strcmp(version->inputs[j].table->table.topic, name) == 0;
		if (seen || topic_find(engine->log, name, &topic) != STATUS_OK)
			continue;
		for (int32_t number = 0; number < topic->config->partitions; number++) {
			int64_t read = 0;
			for (size_t j = 0; offsets != NULL && j < offsets->count; j++)
				if (offsets->entries[j].partition == number && strcmp(offsets->entries[j].topic, name) == 0)
					read = offsets->entries[j].offset;
			for (size_t j = 0; offsets == NULL && j < version->definition.target_count; j++)
				if (version->definition.targets[j].partition == number &&
					strcmp(version->definition.targets[j].topic, name) == 0)
					read = version->definition.targets[j].offset;
			int64_t end = partition_last_stable_offset(topic_partition(topic, number));
			lag += end > read ? end - read : 0;
		}
	}
	return lag;
}

static void describe_progress(struct version *version, struct version_status *out)
{
	out->records_done = atomic_load(&version->records_done);
	out->records_total = atomic_load(&version->records_total);
	pthread_mutex_lock(&version->status_lock);
	out->records_per_second = version->records_per_second;
	pthread_mutex_unlock(&version->status_lock);
	out->eta_seconds = -1;
	if (out->state == VERSION_CAUGHT_UP)
		out->eta_seconds = 0;
	else if (out->state == VERSION_REPLAYING && out->records_per_second > 0)
		out->eta_seconds = (double)(out->records_total - out->records_done) / out->records_per_second;
}

static void describe_version(struct engine *engine, struct publication *publication, struct version *version,
	bool live, struct arena *arena, struct version_status *out)
{
	const struct version_definition *definition = &version->definition;
	enum version_state state = state_of(version);
	*out = (struct version_status){
		.view = arena_copy_string(arena, definition->view),
		.version = definition->number,
		.state = state,
		.state_name = state_name(state, live),
		.live = live,
		.deployment = definition->deployment,
		.query = arena_copy_string(arena, definition->query),
		.upstreams = describe_uses(version, arena),
		.row_count = -1,
		.watermark_us = INT64_MIN,
		.missed_records = atomic_load(&version->missed_records),
		.memory_bytes = atomic_load(&version->memory_bytes),
		.created_ms = definition->created_ms,
		.fingerprint = arena_copy_string(arena, version->fingerprint),
	};
	if (state == VERSION_FAILED) {
		pthread_mutex_lock(&version->status_lock);
		out->error = arena_copy_string(arena, version->failure.text);
		pthread_mutex_unlock(&version->status_lock);
	}
	describe_progress(version, out);
	struct view_snapshot *snapshot = publication_snapshot(publication, definition->view, definition->number);
	if (snapshot != NULL) {
		out->row_count = view_snapshot_row_count(snapshot);
		out->bad_records = view_snapshot_bad_count(snapshot);
		out->digest = view_snapshot_digest(snapshot);
		out->offsets = copy_offsets(view_snapshot_offsets(snapshot), arena);
		out->watermark_us = watermark_of(version, out->offsets);
		out->disk_bytes = view_store_disk_bytes(version->store);
	}
	out->lag_records = lag_of(engine, version, out->offsets);
}

void engine_versions(struct engine *engine, struct arena *arena, struct version_status **out, size_t *count)
{
	struct publication *publication = engine_publication(engine);
	const struct catalog *catalog = publication->catalog;
	size_t total = 0;
	for (size_t i = 0; i < catalog->view_count; i++)
		total += catalog->views[i].version_count;
	*out = arena_alloc(arena, total * sizeof **out);
	*count = 0;
	for (size_t i = 0; i < catalog->view_count; i++) {
		const struct catalog_view *view = &catalog->views[i];
		for (size_t j = 0; j < view->version_count; j++)
			describe_version(engine, publication, view->versions[j],
				view->versions[j]->definition.number == view->live, arena, &(*out)[(*count)++]);
	}
	publication_release(publication);
}

const char *engine_topic_users(struct engine *engine, const char *topic, struct arena *arena)
{
	struct catalog *catalog = engine_catalog(engine);
	struct buffer names;
	buffer_init(&names);
	for (size_t i = 0; i < catalog->table_count; i++)
		if (strcmp(catalog->tables[i]->table.topic, topic) == 0)
			buffer_printf(&names, "%s%s", names.size != 0 ? ", " : "", catalog->tables[i]->table.name);
	catalog_release(catalog);
	const char *text = NULL;
	if (names.size != 0) {
		buffer_append_byte(&names, 0);
		text = arena_copy_string(arena, (const char *)names.data);
	}
	buffer_deinit(&names);
	return text;
}

bool engine_needs_topic(struct engine *engine, const char *topic, char *who, size_t size)
{
	struct catalog *catalog = engine_catalog(engine);
	struct buffer names;
	buffer_init(&names);
	if (strcmp(topic, CATALOG_TOPIC) == 0)
		buffer_append_string(&names, "the catalog");
	for (size_t i = 0; i < catalog->view_count; i++) {
		for (size_t j = 0; j < catalog->views[i].version_count; j++) {
			const struct version *version = catalog->views[i].versions[j];
			bool reads = false;
			for (size_t k = 0; k < version->input_count; k++)
				reads = reads || strcmp(version->inputs[k].table->table.topic, topic) == 0;
			if (reads)
				buffer_printf(&names, "%s%s@%lld", names.size != 0 ? ", " : "", version->definition.view,
					(long long)version->definition.number);
		}
	}
	catalog_release(catalog);
	bool needs = names.size != 0;
	if (needs && size != 0) {
		size_t length = names.size < size ? names.size : size - 1;
		memcpy(who, names.data, length);
		who[length] = '\0';
	}
	buffer_deinit(&names);
	return needs;
}

bool engine_is_ready(struct engine *engine)
{
	struct catalog *catalog = engine_catalog(engine);
	bool ready = true;
	for (size_t i = 0; i < catalog->view_count; i++) {
		struct version *live = catalog_version(catalog, catalog->views[i].name, 0);
		if (live == NULL || atomic_load(&live->caught_up) || atomic_load(&live->failed))
			continue;
		int64_t total = atomic_load(&live->records_total);
		bool first_replay = total != 0 && atomic_load(&live->records_done) < total;
		ready = ready && first_replay;
	}
	catalog_release(catalog);
	return ready;
}

void engine_counters(struct engine *engine, struct engine_counters *out)
{
	*out = (struct engine_counters){
		.steps = atomic_load(&engine->steps),
		.records_read = atomic_load(&engine->records_read),
		.publications = atomic_load(&engine->publications),
		.replayed_records = atomic_load(&engine->replayed_records),
		.freshness_last_us = atomic_load(&engine->freshness_last_us),
	};
}

/* ---- waiting ---- */

static void wait_changed(struct engine *engine, int64_t ms)
{
	int64_t until_ns = clock_monotonic_ns() + ms * 1000000;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
	(void)pthread_cond_timedwait(&engine->changed, &engine->lock, &until);
}

status engine_wait_caught_up(
	struct engine *engine, const char *view, int64_t number, bool (*cancelled)(void *), void *context)
{
	for (;;) {
		struct catalog *catalog = engine_catalog(engine);
		struct version *version = catalog_version(catalog, view, number);
		status code = STATUS_NOT_READY;
		if (version == NULL) {
			code = error_raise(STATUS_CANCELLED, "%s@%lld was dropped", view, (long long)number);
		} else if (atomic_load(&version->failed)) {
			pthread_mutex_lock(&version->status_lock);
			code = error_restore(&version->failure);
			pthread_mutex_unlock(&version->status_lock);
		} else if (atomic_load(&version->caught_up)) {
			code = STATUS_OK;
		}
		catalog_release(catalog);
		if (code != STATUS_NOT_READY)
			return code;
		if (cancelled != NULL && cancelled(context))
			return error_raise(STATUS_CANCELLED, "canceling statement due to user request");
		pthread_mutex_lock(&engine->lock);
		bool stopping = engine->stopping;
		if (!stopping)
			wait_changed(engine, 100);
		pthread_mutex_unlock(&engine->lock);
		if (stopping)
			return error_raise(STATUS_SHUTDOWN, "the server is shutting down");
	}
}

/* Where the version stands in the partition; 0 in one that was added after its last step, −1 when it does not
 * read the topic. */
static int64_t read_up_to(const struct offset_vector *offsets, const struct version_target *end)
{
	int64_t read = -1;
	for (size_t i = 0; i < offsets->count; i++) {
		if (strcmp(offsets->entries[i].topic, end->topic) != 0)
			continue;
		if (offsets->entries[i].partition == end->partition)
			return offsets->entries[i].offset;
		read = 0;
	}
	return read;
}

/* Every caught-up version has read at least `ends` of its topics. */
static bool reached(struct publication *publication, const struct version_target *ends, size_t count)
{
	for (size_t i = 0; i < publication->snapshot_count; i++) {
		const struct offset_vector *offsets = view_snapshot_offsets(publication->snapshots[i]);
		for (size_t j = 0; j < count; j++) {
			int64_t read = read_up_to(offsets, &ends[j]);
			if (read >= 0 && read < ends[j].offset)
				return false;
		}
	}
	return true;
}

status engine_wait_for_log(struct engine *engine, int64_t timeout_ms)
{
	struct arena arena;
	arena_init(&arena);
	const struct topic **topics;
	size_t topic_count;
	topic_list(engine->log, &topics, &topic_count);
	size_t count = 0;
	const struct topic_config **configs = arena_alloc(&arena, topic_count * sizeof *configs);
	for (size_t i = 0; i < topic_count; i++) {
		configs[i] = topics[i]->config; /* partitions may be added meanwhile */
		count += (size_t)configs[i]->partitions;
	}
	struct version_target *ends = arena_alloc(&arena, count * sizeof *ends);
	count = 0;
	for (size_t i = 0; i < topic_count; i++)
		for (int32_t number = 0; number < configs[i]->partitions; number++)
			ends[count++] = (struct version_target){
				topics[i]->name, number, partition_last_stable_offset(topic_partition(topics[i], number))};
	int64_t until_ns = clock_monotonic_ns() + timeout_ms * 1000000;
	status code = STATUS_OK;
	for (;;) {
		struct publication *publication = engine_publication(engine);
		bool done = reached(publication, ends, count);
		publication_release(publication);
		if (done)
			break;
		if (clock_monotonic_ns() > until_ns) {
			code = error_raise(STATUS_NOT_READY, "the views did not catch up with the log within %lld ms",
				(long long)timeout_ms);
			break;
		}
		pthread_mutex_lock(&engine->lock);
		if (engine->stopping)
			code = error_raise(STATUS_SHUTDOWN, "the server is shutting down");
		else
			wait_changed(engine, 20);
		pthread_mutex_unlock(&engine->lock);
		if (code != STATUS_OK)
			break;
	}
	mem_free(topics);
	arena_deinit(&arena);
	return code;
}
