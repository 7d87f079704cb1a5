/* Connectors; see connectors.h.
 *
 * `changes` is held over everything that changes something, I/O included, so changes come one after the
 * other. `lock` is short: the list and what is told about its members. A connector's configuration changes
 * only while it has no thread.
 */
#include "ingest/connectors.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "ingest/connector_sink.h"
#include "ingest/connector_source.h"
#include "ingest/internal_topic.h"

enum {
	SOURCE_IDLE_MS = 50,
	SINK_IDLE_MS = 1000,   /* woken when the log moves; also how soon a topic that came is seen */
	SINK_GATHER_MS = 20,   /* between two plans, so that a trickle of records does not make one each */
	SINK_SETTLE_MS = 1000, /* idle for so long: what is done is saved */
	KEY_SIZE_MAX = CONNECTOR_NAME_SIZE_MAX + 32,
	CONNECTORS_COUNT_MAX = 500, /* when nobody says how many */
};

struct connector {
	struct connector *next;
	struct connectors *owner;
	char *name;          /* constant */
	char *sink_position; /* owner->lock: last saved; NULL = none */
	bool exists;         /* owner->lock; false: only its position is kept (N3) */

	/* Changed under owner->changes and owner->lock, while there is no thread. */
	struct properties properties;
	struct connector_config config; /* zeroed when it is refused */
	bool paused;

	bool has_thread; /* owner->changes */
	pthread_t thread;
	atomic_bool stop;

	/* owner->lock */
	enum connector_state state;
	struct error failure;
	int64_t records;
	struct buffer position;
};

struct connectors {
	struct log *log;
	struct sources *sources;
	char *directories, *private_directory;
	pthread_mutex_t changes, lock;
	struct connector *first; /* by name */
	size_t count;            /* that exist */
	size_t count_max;

	pthread_mutex_t wake_lock;
	pthread_cond_t woken;
	uint64_t wakes;
	atomic_int waiting; /* sinks that wait for the log */
};

const char *connector_state_name(enum connector_state state)
{
	static const char *const names[] = {"RUNNING", "PAUSED", "FAILED"};
	return names[state];
}

/* ---- waiting ---- */

static void wake_all(struct connectors *connectors)
{
	pthread_mutex_lock(&connectors->wake_lock);
	connectors->wakes++;
	pthread_cond_broadcast(&connectors->woken);
	pthread_mutex_unlock(&connectors->wake_lock);
}

void connectors_wake(struct connectors *connectors)
{
	if (connectors != NULL && atomic_load(&connectors->waiting) != 0)
		wake_all(connectors);
}

static uint64_t wakes_now(struct connectors *connectors)
{
	pthread_mutex_lock(&connectors->wake_lock);
	uint64_t wakes = connectors->wakes;
	pthread_mutex_unlock(&connectors->wake_lock);
	return wakes;
}

/* Until the log moves (if it matters), the connector is to stop, or the time is over. */
static void wait_ms(struct connector *connector, uint64_t wakes, bool for_log, int64_t ms)
{
	struct connectors *owner = connector->owner;
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&owner->wake_lock);
	while (!atomic_load(&connector->stop) && !(for_log && owner->wakes != wakes))
		if (pthread_cond_timedwait(&owner->woken, &owner->wake_lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&owner->wake_lock);
}

/* ---- which files ---- */

static bool is_below(const char *path, const char *directory, size_t size)
{
	while (size > 1 && directory[size - 1] == '/')
		size--;
	if (size == 1 && directory[0] == '/')
		return true;
	return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* Where the path really leads; of a file that is not there yet, its directory's and its name. */
static status path_resolve(const char *path, struct buffer *out)
{
	char *real = realpath(path, NULL);
	if (real != NULL) {
		buffer_printf(out, "%s%c", real, 0);
		free(real);
		return STATUS_OK;
	}
	const char *slash = strrchr(path, '/');
	struct buffer directory;
	buffer_init(&directory);
	buffer_printf(&directory, "%.*s/%c", (int)(slash - path), path, 0);
	real = realpath((char *)directory.data, NULL);
	buffer_deinit(&directory);
	if (real == NULL)
		return error_raise(STATUS_INVALID, "%s: its directory: %s", path, strerror(errno));
	buffer_printf(out, "%s%s%c", strcmp(real, "/") == 0 ? "" : real, slash, 0);
	free(real);
	return STATUS_OK;
}

static bool is_allowed(const struct connectors *connectors, const char *path)
{
	const char *list = connectors->directories;
	if (list == NULL)
		return true;
	bool allowed = false;
	while (*list != '\0' && !allowed) {
		size_t size = strcspn(list, ":");
		char *directory = size != 0 ? strndup(list, size) : NULL;
		char *real = directory != NULL ? realpath(directory, NULL) : NULL;
		allowed = real != NULL && is_below(path, real, strlen(real));
		free(real);
		free(directory);
		list += list[size] == ':' ? size + 1 : size;
	}
	return allowed;
}

/* N2 */
static status file_check(const struct connectors *connectors, const char *path)
{
	struct buffer real;
	buffer_init(&real);
	status result = path_resolve(path, &real);
	char *own = connectors->private_directory != NULL ? realpath(connectors->private_directory, NULL) : NULL;
	if (result == STATUS_OK && own != NULL && is_below((char *)real.data, own, strlen(own)))
		result = error_raise(STATUS_INVALID, "%s is in the appliance's own directory", path);
	if (result == STATUS_OK && !is_allowed(connectors, (char *)real.data)) {
		result = error_raise(STATUS_INVALID, "connectors may not touch %s", path);
		error_hint(
			"Start the appliance with --connect-dirs DIRECTORY[:DIRECTORY…] to allow the files below these "
			"directories.");
	}
	free(own);
	buffer_deinit(&real);
	return result;
}

/* ---- the thread ---- */

static void progress_tell(struct connector *connector, int64_t records, struct buffer *position)
{
	struct connectors *owner = connector->owner;
	pthread_mutex_lock(&owner->lock);
	connector->records = records;
	struct buffer old = connector->position;
	connector->position = *position;
	*position = old;
	pthread_mutex_unlock(&owner->lock);
	position->size = 0;
}

static status sink_save(void *context, const char *position)
{
	struct connector *connector = context;
	struct connectors *owner = connector->owner;
	char key[KEY_SIZE_MAX];
	(void)snprintf(key, sizeof key, "sink/%s", connector->name);
	status result = internal_topic_append(owner->log, CONNECTORS_TOPIC_NAME, key, position);
	if (result != STATUS_OK)
		return error_note(result, "while saving where sink \"%s\" stands", connector->name);
	char *copy = mem_copy_string(position), *old;
	pthread_mutex_lock(&owner->lock);
	old = connector->sink_position;
	connector->sink_position = copy;
	pthread_mutex_unlock(&owner->lock);
	mem_free(old);
	return STATUS_OK;
}

static status source_loop(struct connector *connector)
{
	struct connector_source *source;
	struct buffer position;
	int64_t records;
	status result =
		connector_source_open(connector->owner->log, connector->owner->sources, &connector->config, &source);
	if (result != STATUS_OK)
		return result;
	buffer_init(&position);
	bool did = true;
	while (result == STATUS_OK && !atomic_load(&connector->stop)) {
		if (did) {
			connector_source_progress(source, &records, &position);
			progress_tell(connector, records, &position);
		} else {
			wait_ms(connector, 0, false, SOURCE_IDLE_MS);
		}
		result = connector_source_step(source, &did);
	}
	connector_source_progress(source, &records, &position);
	progress_tell(connector, records, &position);
	buffer_deinit(&position);
	connector_source_close(source);
	return result;
}

static status sink_turns(struct connector *connector, struct connector_sink *sink, struct buffer *position)
{
	struct connectors *owner = connector->owner;
	int64_t records, did_ns = clock_monotonic_ns();
	status result = STATUS_OK;
	bool did = true;
	while (!atomic_load(&connector->stop)) {
		if (did) {
			connector_sink_progress(sink, &records, position);
			progress_tell(connector, records, position);
		}
		/* Seen before looking: what comes after that wakes. */
		uint64_t wakes = wakes_now(owner);
		result = connector_sink_step(sink, &did);
		if (result != STATUS_OK)
			return result;
		if (did) {
			did_ns = clock_monotonic_ns();
			wait_ms(connector, 0, false, SINK_GATHER_MS);
			continue;
		}
		if (clock_monotonic_ns() - did_ns >= SINK_SETTLE_MS * INT64_C(1000000))
			result = connector_sink_settle(sink);
		if (result != STATUS_OK)
			return result;
		wait_ms(connector, wakes, true, SINK_IDLE_MS);
	}
	return connector_sink_settle(sink);
}

static status sink_loop(struct connector *connector)
{
	struct connectors *owner = connector->owner;
	struct connector_sink *sink;
	struct buffer position;
	int64_t records;
	pthread_mutex_lock(&owner->lock);
	char *saved = connector->sink_position != NULL ? mem_copy_string(connector->sink_position) : NULL;
	pthread_mutex_unlock(&owner->lock);
	struct connector_sink_options options = {
		.log = owner->log,
		.config = &connector->config,
		.position = saved,
		.save = sink_save,
		.context = connector,
	};
	status result = connector_sink_open(&options, &sink);
	mem_free(saved);
	if (result != STATUS_OK)
		return result;
	buffer_init(&position);
	atomic_fetch_add(&owner->waiting, 1);
	result = sink_turns(connector, sink, &position);
	atomic_fetch_sub(&owner->waiting, 1);
	struct error failure = *error_current();
	connector_sink_progress(sink, &records, &position);
	progress_tell(connector, records, &position);
	buffer_deinit(&position);
	connector_sink_close(sink);
	return result == STATUS_OK ? STATUS_OK : error_restore(&failure);
}

static void connector_fail(struct connector *connector)
{
	diag(DIAG_ERROR, "connect", "connector_failed", "connector=\"%s\" error=\"%s\"", connector->name,
		error_current()->text);
	pthread_mutex_lock(&connector->owner->lock);
	connector->state = CONNECTOR_FAILED;
	connector->failure = *error_current();
	pthread_mutex_unlock(&connector->owner->lock);
}

static void *connector_main(void *argument)
{
	struct connector *connector = argument;
	status result =
		connector->config.kind == CONNECTOR_SOURCE ? source_loop(connector) : sink_loop(connector);
	if (result != STATUS_OK)
		connector_fail(connector);
	return NULL;
}

/* @locks owner->changes */
static void connector_stop(struct connector *connector)
{
	if (!connector->has_thread)
		return;
	atomic_store(&connector->stop, true);
	wake_all(connector->owner);
	INVARIANT(pthread_join(connector->thread, NULL) == 0);
	connector->has_thread = false;
}

/* Starts it unless it is paused; what prevents that is its failure. @locks owner->changes */
static void connector_start(struct connector *connector)
{
	struct connectors *owner = connector->owner;
	INVARIANT(!connector->has_thread);
	pthread_mutex_lock(&owner->lock);
	connector->state = connector->paused ? CONNECTOR_PAUSED : CONNECTOR_RUNNING;
	pthread_mutex_unlock(&owner->lock);
	if (connector->paused)
		return;
	/* Asked again: a later release may know the properties differently, a link may lead elsewhere. */
	connector_config_deinit(&connector->config);
	status result = connector_config_read(&connector->properties, &connector->config);
	if (result == STATUS_OK)
		result = file_check(owner, connector->config.file);
	if (result == STATUS_OK) {
		atomic_store(&connector->stop, false);
		int failed = pthread_create(&connector->thread, NULL, connector_main, connector);
		connector->has_thread = failed == 0;
		if (failed != 0)
			result = error_raise(STATUS_INTERNAL, "cannot start a thread: %s", strerror(failed));
	}
	if (result != STATUS_OK)
		connector_fail(connector);
}

/* ---- the list ---- */

/* @locks lock */
static struct connector *connector_entry(struct connectors *connectors, const char *name, bool make)
{
	struct connector **at = &connectors->first;
	while (*at != NULL && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->name, name) == 0)
		return *at;
	if (!make)
		return NULL;
	struct connector *connector = mem_alloc_zeroed(1, sizeof *connector);
	connector->owner = connectors;
	connector->name = mem_copy_string(name);
	connector->next = *at;
	*at = connector;
	return connector;
}

static void connector_destroy(struct connector *connector)
{
	properties_deinit(&connector->properties);
	connector_config_deinit(&connector->config);
	buffer_deinit(&connector->position);
	mem_free(connector->sink_position);
	mem_free(connector->name);
	mem_free(connector);
}

/* @locks changes */
static status connector_need(struct connectors *connectors, const char *name, struct connector **out)
{
	pthread_mutex_lock(&connectors->lock);
	struct connector *connector = connector_entry(connectors, name, false);
	bool found = connector != NULL && connector->exists;
	pthread_mutex_unlock(&connectors->lock);
	if (!found)
		return error_raise(STATUS_NOT_FOUND, "Connector %.200s not found", name);
	*out = connector;
	return STATUS_OK;
}

/* ---- records ---- */

static status definition_append(
	struct connectors *connectors, const char *name, const struct properties *properties, bool paused)
{
	char key[KEY_SIZE_MAX];
	(void)snprintf(key, sizeof key, "connector/%s", name);
	json_t *config = json_object();
	for (size_t i = 0; i < properties->count; i++)
		json_object_set_new(config, properties->list[i].key, json_string(properties->list[i].value));
	bool complete = json_object_size(config) == properties->count;
	json_t *json = json_pack(
		"{s:s, s:s, s:o}", "type", "connector", "state", paused ? "paused" : "running", "config", config);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	status result = STATUS_OK;
	if (!complete)
		result = error_raise(STATUS_INVALID, "a property of connector \"%s\" is not UTF-8", name);
	else
		result = internal_topic_append(connectors->log, CONNECTORS_TOPIC_NAME, key, text);
	free(text);
	return result;
}

static bool definition_parse(struct slice value, struct properties *properties, bool *paused)
{
	json_error_t why;
	const char *type, *state, *key;
	json_t *config, *text;
	json_t *json = json_loadb((const char *)value.data, value.size, 0, &why);
	bool valid =
		json_unpack(json, "{s:s, s:s, s:o}", "type", &type, "state", &state, "config", &config) == 0 &&
		strcmp(type, "connector") == 0 && json_is_object(config);
	if (valid) {
		*paused = strcmp(state, "paused") == 0;
		json_object_foreach(config, key, text)
		{
			valid = valid && json_is_string(text);
			if (valid)
				properties_set(properties, key, json_string_value(text));
		}
	}
	json_decref(json);
	return valid;
}

static status record_apply(void *context, const struct record *record)
{
	struct connectors *connectors = context;
	char key[KEY_SIZE_MAX] = "";
	if (record->key.data != NULL && record->key.size < sizeof key)
		memcpy(key, record->key.data, record->key.size);
	const char *slash = strchr(key, '/');
	bool is_connector = strncmp(key, "connector/", 10) == 0, is_sink = strncmp(key, "sink/", 5) == 0;
	bool valid = (is_connector || is_sink) && slash[1] != '\0';
	struct connector *connector = valid ? connector_entry(connectors, slash + 1, true) : NULL;
	if (valid && is_connector) {
		properties_deinit(&connector->properties);
		connector->exists = record->value.data != NULL;
		if (connector->exists)
			valid = definition_parse(record->value, &connector->properties, &connector->paused);
	} else if (valid) {
		mem_free(connector->sink_position);
		connector->sink_position = NULL;
		if (record->value.data != NULL) {
			connector->sink_position = mem_alloc(record->value.size + 1);
			memcpy(connector->sink_position, record->value.data, record->value.size);
			connector->sink_position[record->value.size] = '\0';
		}
	}
	if (!valid)
		return error_raise(STATUS_DAMAGED, "topic %s: the record at offset %lld is none of connectors",
			CONNECTORS_TOPIC_NAME, (long long)record->offset);
	return STATUS_OK;
}

/* ---- opening and closing ---- */

status connectors_open(const struct connectors_options *options, struct connectors **out)
{
	struct connectors *connectors = mem_alloc_zeroed(1, sizeof *connectors);
	pthread_condattr_t monotonic;
	connectors->log = options->log;
	connectors->sources = options->sources;
	connectors->directories = options->directories != NULL ? mem_copy_string(options->directories) : NULL;
	connectors->private_directory =
		options->private_directory != NULL ? mem_copy_string(options->private_directory) : NULL;
	connectors->count_max = options->count_max != 0 ? options->count_max : CONNECTORS_COUNT_MAX;
	INVARIANT(pthread_mutex_init(&connectors->changes, NULL) == 0);
	INVARIANT(pthread_mutex_init(&connectors->lock, NULL) == 0);
	INVARIANT(pthread_mutex_init(&connectors->wake_lock, NULL) == 0);
	INVARIANT(pthread_condattr_init(&monotonic) == 0);
	INVARIANT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
	INVARIANT(pthread_cond_init(&connectors->woken, &monotonic) == 0);
	(void)pthread_condattr_destroy(&monotonic);
	status result = internal_topic_read(options->log, CONNECTORS_TOPIC_NAME, record_apply, connectors);
	if (result != STATUS_OK) {
		connectors_close(connectors);
		return result;
	}
	pthread_mutex_lock(&connectors->changes);
	for (struct connector *connector = connectors->first; connector != NULL; connector = connector->next) {
		connectors->count += connector->exists;
		if (connector->exists)
			connector_start(connector);
	}
	pthread_mutex_unlock(&connectors->changes);
	*out = connectors;
	return STATUS_OK;
}

void connectors_stop(struct connectors *connectors)
{
	if (connectors == NULL)
		return;
	struct connector *connector;
	pthread_mutex_lock(&connectors->changes);
	for (connector = connectors->first; connector != NULL; connector = connector->next)
		atomic_store(&connector->stop, true);
	for (connector = connectors->first; connector != NULL; connector = connector->next)
		connector_stop(connector);
	pthread_mutex_unlock(&connectors->changes);
}

void connectors_close(struct connectors *connectors)
{
	if (connectors == NULL)
		return;
	struct connector *connector = connectors->first, *next;
	for (; connector != NULL; connector = next) {
		next = connector->next;
		INVARIANT(!connector->has_thread);
		connector_destroy(connector);
	}
	(void)pthread_cond_destroy(&connectors->woken);
	(void)pthread_mutex_destroy(&connectors->wake_lock);
	(void)pthread_mutex_destroy(&connectors->lock);
	(void)pthread_mutex_destroy(&connectors->changes);
	mem_free(connectors->directories);
	mem_free(connectors->private_directory);
	mem_free(connectors);
}

/* ---- changes ---- */

/* Creates or replaces; `name` is the configuration's. @locks changes */
static status connector_define(struct connectors *connectors, const char *name,
	const struct properties *properties, bool replace, bool *created)
{
	pthread_mutex_lock(&connectors->lock);
	struct connector *connector = connector_entry(connectors, name, true);
	bool exists = connector->exists;
	pthread_mutex_unlock(&connectors->lock);
	if (exists && !replace)
		return error_raise(STATUS_EXISTS, "Connector %.200s already exists", name);
	if (!exists && connectors->count >= connectors->count_max)
		return error_raise(
			STATUS_TOO_LARGE, "there are %zu connectors, which is the limit", connectors->count);
	bool paused = exists && connector->paused;
	status result = definition_append(connectors, name, properties, paused);
	if (result != STATUS_OK)
		return result;
	connector_stop(connector);
	pthread_mutex_lock(&connectors->lock);
	struct properties copy;
	properties_init(&copy);
	properties_copy(&copy, properties);
	properties_deinit(&connector->properties);
	connector->properties = copy;
	connector->exists = true;
	connector->paused = paused;
	connector->records = 0;
	connector->position.size = 0;
	connectors->count += !exists;
	pthread_mutex_unlock(&connectors->lock);
	connector_start(connector);
	*created = !exists;
	return STATUS_OK;
}

static status connectors_define(
	struct connectors *connectors, const struct properties *properties, bool replace, bool *created)
{
	struct connector_config config;
	status result = connector_config_read(properties, &config);
	if (result != STATUS_OK)
		return result;
	result = file_check(connectors, config.file);
	if (result == STATUS_OK) {
		pthread_mutex_lock(&connectors->changes);
		result = connector_define(connectors, config.name, properties, replace, created);
		pthread_mutex_unlock(&connectors->changes);
	}
	connector_config_deinit(&config);
	return result;
}

status connectors_create(struct connectors *connectors, const struct properties *properties)
{
	bool created;
	return connectors_define(connectors, properties, false, &created);
}

status connectors_configure(struct connectors *connectors, const struct properties *properties, bool *created)
{
	return connectors_define(connectors, properties, true, created);
}

static status connectors_pause_set(struct connectors *connectors, const char *name, bool paused)
{
	struct connector *connector = NULL;
	pthread_mutex_lock(&connectors->changes);
	status result = connector_need(connectors, name, &connector);
	if (result == STATUS_OK && connector->paused != paused) {
		result = definition_append(connectors, name, &connector->properties, paused);
		if (result == STATUS_OK) {
			connector_stop(connector);
			pthread_mutex_lock(&connectors->lock);
			connector->paused = paused;
			pthread_mutex_unlock(&connectors->lock);
			connector_start(connector);
		}
	}
	pthread_mutex_unlock(&connectors->changes);
	return result;
}

status connectors_pause(struct connectors *connectors, const char *name)
{
	return connectors_pause_set(connectors, name, true);
}

status connectors_resume(struct connectors *connectors, const char *name)
{
	return connectors_pause_set(connectors, name, false);
}

status connectors_restart(struct connectors *connectors, const char *name)
{
	struct connector *connector = NULL;
	pthread_mutex_lock(&connectors->changes);
	status result = connector_need(connectors, name, &connector);
	if (result == STATUS_OK) {
		connector_stop(connector);
		connector_start(connector);
	}
	pthread_mutex_unlock(&connectors->changes);
	return result;
}

status connectors_delete(struct connectors *connectors, const char *name)
{
	struct connector *connector = NULL;
	char key[KEY_SIZE_MAX];
	(void)snprintf(key, sizeof key, "connector/%s", name);
	pthread_mutex_lock(&connectors->changes);
	status result = connector_need(connectors, name, &connector);
	if (result == STATUS_OK)
		result = internal_topic_append(connectors->log, CONNECTORS_TOPIC_NAME, key, NULL);
	if (result == STATUS_OK) {
		connector_stop(connector);
		pthread_mutex_lock(&connectors->lock);
		connector->exists = false;
		connector->paused = false;
		connectors->count--;
		pthread_mutex_unlock(&connectors->lock);
	}
	pthread_mutex_unlock(&connectors->changes);
	return result;
}

/* ---- asking ---- */

/* @locks lock */
static void status_fill(const struct connector *connector, struct arena *arena, struct connector_status *out)
{
	const struct properties *properties = &connector->properties;
	const char *class_name = properties_get(properties, "connector.class");
	const char *file = properties_get(properties, "file");
	struct connector_status status = {
		.name = arena_copy_string(arena, connector->name),
		.state = connector->state,
		.class_name = arena_copy_string(arena, class_name != NULL ? class_name : ""),
		.file = arena_copy_string(arena, file != NULL ? file : ""),
		.records = connector->records,
		.position = arena_printf(
			arena, "%.*s", (int)connector->position.size, (const char *)connector->position.data),
		.property_count = properties->count,
	};
	if (class_name == NULL || connector_class_parse(class_name, &status.kind) != STATUS_OK)
		status.kind = CONNECTOR_SOURCE;
	const char *topics = properties_get(properties, status.kind == CONNECTOR_SOURCE ? "topic" : "topics");
	status.topics = arena_copy_string(arena, topics != NULL ? topics : "");
	if (connector->state == CONNECTOR_FAILED) {
		const struct error *failure = &connector->failure;
		status.trace = failure->hint[0] != '\0'
						   ? arena_printf(arena, "%s\nHint: %s", failure->text, failure->hint)
						   : arena_copy_string(arena, failure->text);
	}
	struct property *list = arena_alloc(arena, (properties->count + 1) * sizeof *list);
	for (size_t i = 0; i < properties->count; i++)
		list[i] = (struct property){arena_copy_string(arena, properties->list[i].key),
			arena_copy_string(arena, properties->list[i].value)};
	status.properties = list;
	*out = status;
}

status connectors_find(
	struct connectors *connectors, const char *name, struct arena *arena, struct connector_status *out)
{
	pthread_mutex_lock(&connectors->lock);
	const struct connector *connector = connector_entry(connectors, name, false);
	bool found = connector != NULL && connector->exists;
	if (found)
		status_fill(connector, arena, out);
	pthread_mutex_unlock(&connectors->lock);
	return found ? STATUS_OK : error_raise(STATUS_NOT_FOUND, "Connector %.200s not found", name);
}

void connectors_list(
	struct connectors *connectors, struct arena *arena, struct connector_status **out, size_t *count)
{
	size_t at = 0;
	pthread_mutex_lock(&connectors->lock);
	struct connector_status *list = arena_alloc(arena, (connectors->count + 1) * sizeof *list);
	for (const struct connector *connector = connectors->first; connector != NULL;
		 connector = connector->next)
		if (connector->exists)
			status_fill(connector, arena, &list[at++]);
	pthread_mutex_unlock(&connectors->lock);
	*out = list;
	*count = at;
}
