/* The engine's threads: boot, the live loop, the replay loop, joining.
 *
 *   live thread:    wait for the log → step the live group to the high watermarks → publish
 *   replay thread:  open submitted versions → chunk by chunk bring the furthest-behind group forward → groups
 * that meet merge → a group that has reached its end joins the live group under live_lock
 *
 * With workers = 1 the live thread also runs the replay loop's chunks, live work first.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "replay/engine_internal.h"

enum {
	REPLAY_STEP_BYTES_MAX = 96 * 1024 * 1024, /* held by an open bulk step before it is committed */
	REPLAY_STEP_MS_MAX = 10000,               /* a restart loses at most this much of a replay's work */
	REPLAY_NICE = 5,                          /* live freshness first */
	IDLE_WAIT_MS = 500,
};

/* ---- catalog records and publication ---- */

struct catalog *engine_catalog(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	struct catalog *catalog = catalog_retain(engine->catalog);
	pthread_mutex_unlock(&engine->lock);
	return catalog;
}

void engine_publish(struct engine *engine)
{
	struct group *live = engine->live;
	struct view_snapshot **snapshots = mem_alloc_zeroed(live->version_count, sizeof *snapshots);
	struct version **versions = mem_alloc_zeroed(live->version_count, sizeof *versions);
	size_t count = 0;
	for (size_t i = 0; i < live->version_count; i++) {
		struct version *version = live->versions[i];
		if (atomic_load(&version->failed) || atomic_load(&version->dropped))
			continue;
		versions[count] = version;
		snapshots[count++] = view_snapshot_take(version->store);
	}
	pthread_mutex_lock(&engine->lock);
	struct publication *old = engine->published;
	engine->published = publication_create(engine->log, engine->catalog, versions, snapshots, count);
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	publication_release(old);
	mem_free(snapshots);
	mem_free(versions);
	atomic_fetch_add(&engine->publications, 1);
	if (engine->published_callback != NULL)
		engine->published_callback(engine->published_context);
}

static status append_record(struct engine *engine, json_t *record)
{
	const struct topic *topic;
	status code = topic_find(engine->log, CATALOG_TOPIC, &topic);
	if (code != STATUS_OK)
		return code;
	char *text = json_dumps(record, JSON_COMPACT);
	INVARIANT(text != NULL);
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	record_batch_builder_add(&builder, clock_wall_ms(), (struct slice){0}, slice_of_string(text), NULL, 0);
	struct buffer batch;
	buffer_init(&batch);
	code = record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch);
	int64_t offset;
	if (code == STATUS_OK)
		code = log_append_wait(engine->log, topic_partition(topic, 0), batch.data, batch.size, &offset);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
	free(text);
	return code;
}

status engine_record(struct engine *engine, json_t *record, struct version *const *made, size_t made_count)
{
	status code = append_record(engine, record);
	if (code != STATUS_OK)
		return error_note(code, "while writing to the catalog");
	struct catalog *old = engine_catalog(engine);
	struct catalog *next = catalog_copy(old);
	code = catalog_apply(next, record, made, made_count);
	INVARIANT(code == STATUS_OK); /* it is in the log: it happened */
	pthread_mutex_lock(&engine->live_lock);
	pthread_mutex_lock(&engine->lock);
	engine->catalog = next;
	engine->membership_dirty = true;
	pthread_mutex_unlock(&engine->lock);
	engine_publish(engine);
	pthread_mutex_unlock(&engine->live_lock);
	catalog_release(old); /* ours */
	catalog_release(old); /* the engine's */
	engine_wake(engine);
	return STATUS_OK;
}

size_t engine_circuit_budget(struct engine *engine)
{
	if (engine->circuit_bytes_max != 0)
		return engine->circuit_bytes_max;
	size_t versions = 4;
	struct catalog *catalog = engine_catalog(engine);
	size_t present = 0;
	for (size_t i = 0; i < catalog->view_count; i++)
		present += catalog->views[i].version_count;
	catalog_release(catalog);
	if (present > versions)
		versions = present;
	return engine->memory_bytes_max / 4 * 3 / versions;
}

/* lock is held. The log advances thousands of times a second: a replay thread with nothing to replay is left
 * alone. */
static void wake_threads(struct engine *engine)
{
	pthread_cond_signal(&engine->live_wake);
	if (engine->replay_count != 0 || engine->incoming_count != 0)
		pthread_cond_signal(&engine->replay_wake);
}

void engine_submit(struct engine *engine, struct version *const *versions, size_t count)
{
	pthread_mutex_lock(&engine->lock);
	engine->incoming =
		mem_resize(engine->incoming, (engine->incoming_count + count) * sizeof(struct version *));
	for (size_t i = 0; i < count; i++)
		engine->incoming[engine->incoming_count++] = version_retain(versions[i]);
	wake_threads(engine);
	pthread_mutex_unlock(&engine->lock);
}

void engine_wake(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	atomic_fetch_add(&engine->wakes, 1);
	wake_threads(engine);
	pthread_mutex_unlock(&engine->lock);
}

/* ---- boot ---- */

static status read_catalog(struct engine *engine)
{
	const struct topic *topic;
	status code = topic_find(engine->log, CATALOG_TOPIC, &topic);
	if (code == STATUS_NOT_FOUND) {
		struct topic_config config = topic_config_default();
		config.internal = true;
		code = topic_create(engine->log, CATALOG_TOPIC, &config);
		if (code == STATUS_OK)
			code = topic_find(engine->log, CATALOG_TOPIC, &topic);
	}
	if (code != STATUS_OK)
		return code;
	struct partition *partition = topic_partition(topic, 0);
	struct buffer bytes;
	buffer_init(&bytes);
	for (int64_t at = 0; code == STATUS_OK && at < partition_high_watermark(partition);) {
		bytes.size = 0;
		code = partition_read(partition, at, GROUP_CHUNK_BYTES, &bytes);
		struct record_iterator iterator;
		record_iterator_init(&iterator, buffer_slice(&bytes));
		struct record record;
		while (code == STATUS_OK && (code = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			if (record.offset < at)
				continue;
			at = record.offset + 1;
			json_error_t why;
			json_t *value = json_loadb((const char *)record.value.data, record.value.size, 0, &why);
			code = value != NULL ? catalog_apply(engine->catalog, value, NULL, 0)
								 : error_raise(STATUS_DAMAGED, "not JSON: %s", why.text);
			json_decref(value);
			if (code != STATUS_OK)
				(void)error_note(code, "in topic %s at offset %lld", CATALOG_TOPIC, (long long)record.offset);
		}
		record_iterator_deinit(&iterator);
		if (code == STATUS_END)
			code = STATUS_OK;
	}
	buffer_deinit(&bytes);
	return code;
}

/* Upstream versions first; a definition that cannot be bound any more fails alone. */
static void bind_version(struct catalog *catalog, struct version *version, unsigned depth)
{
	if (version->plan != NULL || atomic_load(&version->failed))
		return;
	for (size_t i = 0; i < version->definition.use_count && depth < SQL_DEPTH_MAX; i++) {
		const struct version_use *use = &version->definition.uses[i];
		struct version *upstream =
			use->version != 0 ? catalog_version(catalog, use->name, use->version) : NULL;
		if (upstream != NULL)
			bind_version(catalog, upstream, depth + 1);
	}
	if (version_bind(version, catalog, NULL, 0) != STATUS_OK)
		version_fail(version, error_current());
}

static void sweep_directories(struct engine *engine)
{
	DIR *dir = opendir(engine->dir);
	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strchr(entry->d_name, '@') == NULL && strcmp(entry->d_name, "scratch") != 0)
			continue;
		struct buffer path;
		buffer_init(&path);
		buffer_printf(&path, "%s/%s", engine->dir, entry->d_name);
		buffer_append_byte(&path, 0);
		bool known = false;
		for (size_t i = 0; i < engine->catalog->view_count && !known; i++) {
			const struct catalog_view *view = &engine->catalog->views[i];
			for (size_t j = 0; j < view->version_count && !known; j++) {
				char *mine = version_directory(view->versions[j], engine->dir);
				known = strcmp(mine, (char *)path.data) == 0;
				mem_free(mine);
			}
		}
		if (!known && view_store_destroy((char *)path.data) != STATUS_OK)
			diag(DIAG_WARN, "replay", "sweep_failed", "dir=\"%s\" error=\"%s\"", (char *)path.data,
				error_current()->text);
		buffer_deinit(&path);
	}
	(void)closedir(dir);
}

static status boot(void *context)
{
	struct engine *engine = context;
	status code = read_catalog(engine);
	if (code != STATUS_OK)
		return code;
	engine_users_changed(engine);
	sweep_directories(engine);
	for (size_t i = 0; i < engine->catalog->view_count; i++)
		for (size_t j = 0; j < engine->catalog->views[i].version_count; j++)
			bind_version(engine->catalog, engine->catalog->views[i].versions[j], 0);
	for (size_t i = 0; i < engine->catalog->view_count; i++)
		for (size_t j = 0; j < engine->catalog->views[i].version_count; j++)
			if (engine->catalog->views[i].versions[j]->plan != NULL)
				engine_submit(engine, &engine->catalog->views[i].versions[j], 1);
	return STATUS_OK;
}

struct big_stack {
	status (*work)(void *context);
	void *context;
	status result;
	struct error error;
};

static void *big_stack_main(void *argument)
{
	struct big_stack *call = argument;
	call->result = call->work(call->context);
	call->error = *error_current();
	return NULL;
}

status run_on_big_stack(status (*work)(void *context), void *context)
{
	struct big_stack call = {.work = work, .context = context};
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, SQL_STACK_BYTES);
	int failed = pthread_create(&thread, &attributes, big_stack_main, &call);
	pthread_attr_destroy(&attributes);
	if (failed != 0)
		return error_from_errno(failed, "cannot start a thread");
	pthread_join(thread, NULL);
	return call.result == STATUS_OK ? STATUS_OK : error_restore(&call.error);
}

/* ---- membership ---- */

static bool leaves(const struct version *version, void *context)
{
	(void)context;
	return atomic_load(&version->dropped) || atomic_load(&version->failed);
}

/* ---- replay ---- */

static void add_replay(struct engine *engine, struct group *group)
{
	pthread_mutex_lock(&engine->lock);
	engine->replays = mem_resize(engine->replays, (engine->replay_count + 1) * sizeof(struct group *));
	engine->replays[engine->replay_count++] = group;
	pthread_mutex_unlock(&engine->lock);
}

static void remove_replay(struct engine *engine, size_t index)
{
	pthread_mutex_lock(&engine->lock);
	memmove(&engine->replays[index], &engine->replays[index + 1],
		(engine->replay_count - index - 1) * sizeof(struct group *));
	engine->replay_count--;
	pthread_mutex_unlock(&engine->lock);
}

/* A store that contradicts the log is no better than a damaged one: it is rebuilt, once. */
static status rebuild(struct engine *engine, struct group *group, struct version *version)
{
	diag(DIAG_WARN, "replay", "view_rebuilt", "view=%s version=%lld reason=\"%s\"", version->definition.view,
		(long long)version->definition.number, error_current()->text);
	circuit_destroy(version->circuit);
	version->circuit = NULL;
	view_store_close(version->store);
	version->store = NULL;
	status code = view_store_destroy(version->dir);
	if (code == STATUS_OK)
		code = version_open(version, engine->environment, engine->dir, engine_circuit_budget(engine));
	return code == STATUS_OK ? group_add(group, version) : code;
}

static bool group_paused(const struct group *group)
{
	for (size_t i = 0; i < group->version_count; i++)
		if (atomic_load(&group->versions[i]->paused))
			return true;
	return false;
}

/* Groups that stand at the same offsets go on as one: one scan, one decode. */
static void merge_replays(struct engine *engine, struct group *group)
{
	group_refresh(group);
	for (size_t i = 0; i < engine->replay_count;) {
		struct group *other = engine->replays[i];
		if (other != group && group_is_stale(other)) {
			if (other->open)
				group_step_finish(other);
			group_refresh(other);
		}
		if (other == group || group_paused(other) || !group_meets(group, other)) {
			i++;
			continue;
		}
		if (other->open)
			group_step_finish(other);
		remove_replay(engine, i);
		status code = group_merge(group, other);
		INVARIANT(code == STATUS_OK);
		group_destroy(other);
	}
}

static void open_incoming(struct engine *engine)
{
	for (;;) {
		pthread_mutex_lock(&engine->lock);
		struct version *version = NULL;
		if (engine->incoming_count != 0) {
			version = engine->incoming[0];
			memmove(engine->incoming, engine->incoming + 1,
				(--engine->incoming_count) * sizeof(struct version *));
		}
		pthread_mutex_unlock(&engine->lock);
		if (version == NULL)
			return;
		struct group *group = group_create(engine->log);
		status code = STATUS_OK;
		if (!atomic_load(&version->dropped)) {
			code = version_open(version, engine->environment, engine->dir, engine_circuit_budget(engine));
			if (code == STATUS_OK) {
				code = group_add(group, version);
				if (code == STATUS_DAMAGED)
					code = rebuild(engine, group, version);
			}
		}
		if (code != STATUS_OK)
			version_fail(version, error_current());
		if (group->version_count != 0) {
			add_replay(engine, group);
			merge_replays(engine, group);
		} else {
			group_destroy(group);
		}
		version_release(version);
	}
}

/* A view reads no further than what is decided: see partition_last_stable_offset(). */
static void stable_ends(const struct group *group, int64_t *ends)
{
	for (size_t i = 0; i < group->input_count; i++)
		ends[i] = partition_last_stable_offset(group->inputs[i].partition);
}

static int64_t group_read(const struct group *group)
{
	int64_t read = 0;
	for (size_t i = 0; i < group->input_count; i++)
		read += group->inputs[i].position;
	return read;
}

/* The furthest behind goes first, so that replays catch up with each other and then share the scan. */
static struct group *choose_replay(struct engine *engine)
{
	struct group *chosen = NULL;
	for (size_t i = 0; i < engine->replay_count; i++) {
		struct group *group = engine->replays[i];
		if (group_paused(group))
			continue;
		if (chosen == NULL || group_read(group) < group_read(chosen))
			chosen = group;
	}
	return chosen;
}

/* The last stable offsets, or where the next group ahead stands on a shared input. */
static void replay_ends(struct engine *engine, const struct group *group, int64_t *ends)
{
	stable_ends(group, ends);
	for (size_t i = 0; i < group->input_count; i++) {
		for (size_t j = 0; j < engine->replay_count; j++) {
			struct group *other = engine->replays[j];
			if (other == group || group_paused(other))
				continue;
			int64_t position = group_position(other, &group->inputs[i]);
			if (position > group->inputs[i].position && position < ends[i])
				ends[i] = position;
		}
	}
}

/* Advances `group` to `ends`, as many steps as it takes, and commits. */
static void advance_to(struct group *group, const int64_t *ends)
{
	bool progressed = true;
	while (progressed) {
		group_chunk(group, ends, &progressed);
		if (group_step_bytes(group) > REPLAY_STEP_BYTES_MAX)
			group_step_finish(group);
	}
	if (group->open)
		group_step_finish(group);
}

/* Both groups go to the further of their positions on every shared input; then they are one. */
static void join_live(struct engine *engine, struct group *group)
{
	pthread_mutex_lock(&engine->live_lock);
	struct group *live = engine->live;
	group_refresh(live);
	group_refresh(group);
	int64_t *live_ends = mem_alloc_zeroed(live->input_count, sizeof *live_ends);
	int64_t *group_ends = mem_alloc_zeroed(group->input_count, sizeof *group_ends);
	for (size_t i = 0; i < live->input_count; i++) {
		int64_t other = group_position(group, &live->inputs[i]);
		live_ends[i] = other > live->inputs[i].position ? other : live->inputs[i].position;
	}
	for (size_t i = 0; i < group->input_count; i++) {
		int64_t other = group_position(live, &group->inputs[i]);
		group_ends[i] = other > group->inputs[i].position ? other : group->inputs[i].position;
	}
	advance_to(live, live_ends);
	advance_to(group, group_ends);
	mem_free(live_ends);
	mem_free(group_ends);
	bool never_stepped = false;
	for (size_t i = 0; i < group->version_count; i++)
		never_stepped = never_stepped || view_store_is_empty(group->versions[i]->store);
	if (never_stepped)
		group_step_finish(group); /* what a view holds before any input, such as count(*) = 0 */
	status code = group_merge(live, group);
	INVARIANT(code == STATUS_OK);
	engine_publish(engine);
	/* Who waits for it may read it: only now, when it is published. */
	for (size_t i = 0; i < live->version_count; i++)
		atomic_store(&live->versions[i]->caught_up, true);
	pthread_mutex_lock(&engine->lock);
	engine->membership_dirty = true; /* whoever has failed on the way leaves */
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	pthread_mutex_unlock(&engine->live_lock);
}

static void finish_replay(struct engine *engine, struct group *group)
{
	for (size_t i = 0; i < engine->replay_count; i++)
		if (engine->replays[i] == group)
			remove_replay(engine, i);
	join_live(engine, group);
	group_destroy(group);
}

static void discard_if_empty(struct engine *engine, struct group *group)
{
	if (group->version_count != 0)
		return;
	for (size_t i = 0; i < engine->replay_count; i++)
		if (engine->replays[i] == group)
			remove_replay(engine, i);
	group_destroy(group);
}

static void measure(const struct group *group)
{
	int64_t now = clock_monotonic_ns();
	for (size_t i = 0; i < group->version_count; i++)
		version_measure_rate(group->versions[i], now);
}

/* One chunk of replay work, or a step's end. False when there is nothing to do. */
static bool replay_work(struct engine *engine)
{
	open_incoming(engine);
	struct group *group = choose_replay(engine);
	if (group == NULL)
		return false;
	if (!group->open)
		group_refresh(group);
	int64_t *ends = mem_alloc_zeroed(group->input_count, sizeof *ends);
	replay_ends(engine, group, ends);
	bool progressed = false;
	int64_t before = group_read(group);
	group_chunk(group, ends, &progressed);
	atomic_fetch_add(&engine->replayed_records, (unsigned long long)(group_read(group) - before));
	bool dropped = false;
	for (size_t i = 0; i < group->version_count; i++)
		dropped = dropped || leaves(group->versions[i], NULL);
	measure(group);
	int64_t open_ms = (clock_monotonic_ns() - group->step_began_ns) / 1000000;
	bool full = group_step_bytes(group) > REPLAY_STEP_BYTES_MAX || open_ms > REPLAY_STEP_MS_MAX;
	if (group->open && (!progressed || full || dropped))
		group_step_finish(group);
	if (dropped)
		group_remove(group, leaves, NULL);
	if (!group->open)
		merge_replays(engine, group);
	bool at_end = !progressed && !group->open;
	for (size_t i = 0; at_end && i < group->input_count; i++)
		at_end = group->inputs[i].position >= partition_last_stable_offset(group->inputs[i].partition);
	mem_free(ends);
	if (group->version_count == 0)
		discard_if_empty(engine, group);
	else if (at_end)
		finish_replay(engine, group);
	return true;
}

/* ---- live ---- */

/* One live step. False when the log holds nothing new. */
static bool live_work(struct engine *engine)
{
	pthread_mutex_lock(&engine->live_lock);
	struct group *live = engine->live;
	pthread_mutex_lock(&engine->lock);
	bool membership_dirty = engine->membership_dirty;
	engine->membership_dirty = false;
	pthread_mutex_unlock(&engine->lock);
	if (membership_dirty)
		group_remove(live, leaves, NULL);
	group_refresh(live);
	int64_t *ends = mem_alloc_zeroed(live->input_count, sizeof *ends);
	stable_ends(live, ends);
	int64_t began_ns = clock_monotonic_ns();
	bool progressed = true;
	bool stepped = false;
	while (progressed) {
		for (size_t i = 0; i < live->input_count; i++) {
			int64_t room = (int64_t)engine->step_rows_max - (int64_t)(live->open ? live->step_rows : 0);
			if (ends[i] - live->inputs[i].position > room)
				ends[i] = live->inputs[i].position + (room > 0 ? room : 0);
		}
		group_chunk(live, ends, &progressed);
		stepped = stepped || progressed;
	}
	bool failed = false;
	if (live->open) {
		uint64_t rows = live->step_rows;
		group_step_finish(live);
		for (size_t i = 0; i < live->version_count; i++)
			failed = failed || atomic_load(&live->versions[i]->failed);
		atomic_fetch_add(&engine->steps, 1);
		atomic_fetch_add(&engine->records_read, rows);
	}
	if (failed)
		group_remove(live, leaves, NULL);
	if (stepped || membership_dirty || failed)
		engine_publish(engine);
	if (stepped)
		atomic_store(&engine->freshness_last_us, (clock_monotonic_ns() - began_ns) / 1000);
	measure(live);
	pthread_mutex_unlock(&engine->live_lock);
	mem_free(ends);
	return stepped;
}

/* ---- threads ---- */

static bool stopping(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	bool stop = engine->stopping;
	pthread_mutex_unlock(&engine->lock);
	return stop;
}

static void wait_for_work(struct engine *engine, pthread_cond_t *wake, unsigned long seen, int64_t ms)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&engine->lock);
	int timed_out = 0;
	while (!engine->stopping && engine->incoming_count == 0 && atomic_load(&engine->wakes) == seen &&
		   timed_out == 0)
		timed_out = pthread_cond_timedwait(wake, &engine->lock, &until);
	pthread_mutex_unlock(&engine->lock);
}

static void *live_main(void *context)
{
	struct engine *engine = context;
	while (!stopping(engine)) {
		unsigned long seen = atomic_load(&engine->wakes);
		bool worked = live_work(engine);
		if (engine->workers == 1)
			worked = replay_work(engine) || worked;
		if (!worked)
			wait_for_work(engine, &engine->live_wake, seen, IDLE_WAIT_MS);
		else if (engine->step_delay_ms > 0 && engine->workers > 1)
			(void)usleep((useconds_t)engine->step_delay_ms * 1000);
	}
	return NULL;
}

static void *replay_main(void *context)
{
	struct engine *engine = context;
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), REPLAY_NICE);
	while (!stopping(engine)) {
		unsigned long seen = atomic_load(&engine->wakes);
		if (!replay_work(engine))
			wait_for_work(engine, &engine->replay_wake, seen, IDLE_WAIT_MS);
	}
	return NULL;
}

static void engine_free(struct engine *engine)
{
	for (size_t i = 0; i < engine->incoming_count; i++)
		version_release(engine->incoming[i]);
	mem_free(engine->incoming);
	for (size_t i = 0; i < engine->replay_count; i++)
		group_destroy(engine->replays[i]);
	mem_free(engine->replays);
	group_destroy(engine->live);
	publication_release(engine->published);
	catalog_release(engine->catalog);
	view_environment_destroy(engine->environment);
	pthread_mutex_destroy(&engine->ddl);
	pthread_mutex_destroy(&engine->live_lock);
	pthread_mutex_destroy(&engine->lock);
	pthread_cond_destroy(&engine->live_wake);
	pthread_cond_destroy(&engine->replay_wake);
	pthread_cond_destroy(&engine->changed);
	mem_free(engine->dir);
	mem_free(engine);
}

status engine_open(const struct engine_options *options, struct engine **out)
{
	struct engine *engine = mem_alloc_zeroed(1, sizeof *engine);
	engine->log = options->log;
	engine->dir = mem_copy_string(options->dir);
	engine->memory_bytes_max = options->memory_bytes_max != 0 ? options->memory_bytes_max : (size_t)1 << 30;
	engine->circuit_bytes_max = options->circuit_bytes_max;
	engine->workers = options->workers == 1 ? 1 : 2;
	engine->step_rows_max = options->step_rows_max != 0 ? options->step_rows_max : 16384;
	engine->step_delay_ms = options->step_delay_ms;
	engine->published_callback = options->published;
	engine->published_context = options->context;
	pthread_mutex_init(&engine->ddl, NULL);
	pthread_mutex_init(&engine->live_lock, NULL);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->changed, &monotonic);
	pthread_cond_init(&engine->live_wake, &monotonic);
	pthread_cond_init(&engine->replay_wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	engine->live = group_create(engine->log);
	engine->catalog = catalog_create();
	engine->published = publication_create(engine->log, engine->catalog, NULL, NULL, 0);
	status code = STATUS_OK;
	if (mkdir(engine->dir, 0755) != 0 && errno != EEXIST)
		code = error_from_errno(errno, "cannot create \"%s\"", engine->dir);
	if (code == STATUS_OK)
		code = view_environment_create(engine->memory_bytes_max / 4, &engine->environment);
	if (code == STATUS_OK)
		code = run_on_big_stack(boot, engine);
	if (code != STATUS_OK) {
		engine_free(engine);
		return error_note(code, "while starting the engine");
	}
	pthread_mutex_lock(&engine->live_lock);
	engine_publish(engine); /* the catalog as read */
	pthread_mutex_unlock(&engine->live_lock);
	int failed = pthread_create(&engine->live_thread, NULL, live_main, engine);
	INVARIANT(failed == 0);
	if (engine->workers > 1) {
		failed = pthread_create(&engine->replay_thread, NULL, replay_main, engine);
		INVARIANT(failed == 0);
	}
	*out = engine;
	return STATUS_OK;
}

void engine_stop(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	bool again = engine->stopping;
	engine->stopping = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_cond_broadcast(&engine->live_wake);
	pthread_cond_broadcast(&engine->replay_wake);
	pthread_mutex_unlock(&engine->lock);
	if (again)
		return;
	pthread_join(engine->live_thread, NULL);
	if (engine->workers > 1)
		pthread_join(engine->replay_thread, NULL);
	for (size_t i = 0; i < engine->replay_count; i++)
		if (engine->replays[i]->open)
			group_step_finish(engine->replays[i]); /* keep the work done so far */
	for (size_t i = 0; i < engine->live->version_count; i++)
		if (view_store_sync(engine->live->versions[i]->store) != STATUS_OK)
			diag(DIAG_WARN, "replay", "sync_failed", "error=\"%s\"", error_current()->text);
}

void engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	engine_stop(engine);
	engine_free(engine);
}
