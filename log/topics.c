/* The topic registry: creating, deleting, finding topics; producer ids. See topics.h. Starting it up
 * from the log's directory is in topics_open.c. */
#include "log/topics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/cleaner.h"
#include "log/partition.h"
#include "log/topic_config.h"
#include "log/topics_internal.h"
#include "log/writer.h"

/* ---- topics in memory ---- */

void topic_path(const struct log *log, const char *name, int32_t number, char path[SEGMENT_PATH_MAX])
{
	int length = snprintf(path, SEGMENT_PATH_MAX, "%s/%s-%d", log->dir, name, number);
	INVARIANT(length > 0 && length < SEGMENT_PATH_MAX);
}

static const struct topic_config *config_copy(const struct topic_config *config)
{
	struct topic_config *copy = mem_alloc(sizeof *copy);
	*copy = *config;
	return copy;
}

/* A new array: the first `old_count` partitions the topic has, then new ones. */
static struct partition **partitions_extend(
	const struct log *log, struct topic *topic, int32_t old_count, int32_t count)
{
	struct partition **old = topic->partition_array;
	struct partition **partitions = mem_alloc((size_t)count * sizeof(struct partition *));
	for (int32_t i = 0; i < count; i++) {
		char path[SEGMENT_PATH_MAX];
		topic_path(log, topic->name, i, path);
		partitions[i] = i < old_count ? old[i] : partition_allocate(topic, i, path);
	}
	return partitions;
}

struct topic *topic_allocate(
	const struct log *log, const char *name, const struct topic_config *config, uint64_t incarnation)
{
	struct topic *topic = mem_alloc_zeroed(1, sizeof *topic);
	size_t length = strlen(name);
	INVARIANT(length <= TOPIC_NAME_MAX);
	memcpy(topic->name, name, length + 1);
	topic->incarnation = incarnation;
	topic->config = config_copy(config);
	topic->partition_array = partitions_extend(log, topic, 0, config->partitions);
	return topic;
}

void topic_destroy(struct topic *topic)
{
	if (topic == NULL)
		return;
	for (int32_t i = 0; i < topic->config->partitions; i++)
		partition_destroy(topic_partition(topic, i));
	mem_free(topic->partition_array);
	mem_free((void *)(uintptr_t)topic->config);
	mem_free(topic);
}

/* Where `name` is or belongs. @locks topics_lock */
static size_t topic_place(const struct log *log, const char *name)
{
	size_t low = 0, high = log->topic_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(log->topics[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct topic *topic_get(struct log *log, const char *name)
{
	pthread_mutex_lock(&log->topics_lock);
	size_t place = topic_place(log, name);
	bool there = place < log->topic_count && strcmp(log->topics[place]->name, name) == 0;
	struct topic *topic = there ? log->topics[place] : NULL;
	pthread_mutex_unlock(&log->topics_lock);
	return topic;
}

void topic_insert(struct log *log, struct topic *topic)
{
	pthread_mutex_lock(&log->topics_lock);
	if (log->topic_count == log->topic_capacity) {
		log->topic_capacity = log->topic_capacity == 0 ? 16 : log->topic_capacity * 2;
		log->topics = mem_resize(log->topics, log->topic_capacity * sizeof(struct topic *));
	}
	size_t place = topic_place(log, topic->name);
	memmove(
		&log->topics[place + 1], &log->topics[place], (log->topic_count - place) * sizeof(struct topic *));
	log->topics[place] = topic;
	log->topic_count++;
	pthread_mutex_unlock(&log->topics_lock);
}

/* Its memory stays: others may hold pointers. */
static void topic_retire(struct log *log, struct topic *topic)
{
	pthread_mutex_lock(&log->topics_lock);
	size_t place = topic_place(log, topic->name);
	INVARIANT(place < log->topic_count && log->topics[place] == topic);
	log->topic_count--;
	memmove(
		&log->topics[place], &log->topics[place + 1], (log->topic_count - place) * sizeof(struct topic *));
	if (log->retired_count == log->retired_capacity) {
		log->retired_capacity = log->retired_capacity == 0 ? 16 : log->retired_capacity * 2;
		log->retired = mem_resize(log->retired, log->retired_capacity * sizeof(struct topic *));
	}
	log->retired[log->retired_count++] = topic;
	pthread_mutex_unlock(&log->topics_lock);
}

void topics_close(struct log *log)
{
	for (size_t i = 0; i < log->topic_count; i++)
		topic_destroy(log->topics[i]);
	for (size_t i = 0; i < log->retired_count; i++)
		topic_destroy(log->retired[i]);
	mem_free(log->topics);
	for (size_t i = 0; i < log->replaced_count; i++)
		mem_free(log->replaced[i]);
	mem_free(log->retired);
	mem_free(log->replaced);
	log->topics = log->retired = NULL;
	log->replaced = NULL;
	log->topic_count = log->retired_count = log->replaced_count = 0;
}

status topic_find(struct log *log, const char *name, const struct topic **out)
{
	const struct topic *topic = topic_get(log, name);
	if (topic == NULL)
		return error_raise(STATUS_NOT_FOUND, "there is no topic \"%s\"", name);
	*out = topic;
	return STATUS_OK;
}

void topic_list(struct log *log, const struct topic ***out, size_t *count)
{
	pthread_mutex_lock(&log->topics_lock);
	const struct topic **topics = mem_alloc((log->topic_count + 1) * sizeof *topics);
	for (size_t i = 0; i < log->topic_count; i++)
		topics[i] = log->topics[i];
	*count = log->topic_count;
	*out = topics;
	pthread_mutex_unlock(&log->topics_lock);
}

uint64_t log_topic_changes(const struct log *log)
{
	return atomic_load(&log->topic_changes);
}

static void topics_changed(struct log *log)
{
	atomic_fetch_add(&log->topic_changes, 1);
	writer_notify(log->writer);
}

/* ---- creating ---- */

static status event_append(struct log *log, const struct topic_event *event, int64_t *offset)
{
	struct buffer batch;
	buffer_init(&batch);
	status result = topic_event_encode(event, &batch);
	if (result == STATUS_OK)
		result = log_append_wait(log, log->registry, batch.data, batch.size, offset);
	buffer_deinit(&batch);
	return result;
}

status topic_directory_discard(
	const struct log *log, const char *path, const char *name, uint64_t incarnation, int32_t number)
{
	char discarded[SEGMENT_PATH_MAX];
	int length = snprintf(
		discarded, sizeof discarded, "%s/%.200s-%d.%" PRIu64 ".deleted", log->dir, name, number, incarnation);
	INVARIANT(length > 0 && length < SEGMENT_PATH_MAX);
	/* A left-over of that name is a removal that failed; renaming onto it would fail, too. */
	status result = file_exists(discarded) ? directory_remove(discarded) : STATUS_OK;
	if (result == STATUS_OK)
		result = file_rename(path, discarded);
	if (result == STATUS_OK)
		result = directory_sync(log->dir);
	if (result == STATUS_OK && directory_remove(discarded) != STATUS_OK)
		diag(DIAG_WARN, "log", "deleted_not_removed", "dir=\"%s\" error=\"%s\"", discarded,
			error_current()->text);
	return result;
}

/* New, empty, durable directories for partitions from `first` on. What stands in their way belongs to no
 * topic: it is a left-over of a deletion or creation that did not end. */
static status topic_directories_create(struct log *log, const struct topic *topic,
	struct partition *const *partitions, int32_t first, int32_t count)
{
	status result = STATUS_OK;
	for (int32_t i = first; i < count && result == STATUS_OK; i++) {
		char path[SEGMENT_PATH_MAX];
		topic_path(log, topic->name, i, path);
		if (file_exists(path))
			result = topic_directory_discard(log, path, topic->name, 0, i);
		if (result == STATUS_OK)
			result = partition_create(partitions[i]);
	}
	return result == STATUS_OK ? directory_sync(log->dir) : result;
}

/* What is left to the defaults is settled now: a later release's do not change this topic. */
static void config_settle(const struct log *log, struct topic_config *config)
{
	if (config->segment_bytes == 0)
		config->segment_bytes = log->segment_bytes;
	if (config->message_bytes_max == 0)
		config->message_bytes_max = MESSAGE_BYTES_MAX_DEFAULT;
}

static bool config_equal(const struct topic_config *left, const struct topic_config *right)
{
	bool equal = left->partitions == right->partitions;
	for (size_t i = 0; i < topic_config_entry_count() && equal; i++) {
		const struct topic_config_entry *entry = topic_config_entry(i);
		equal = entry->fixed != NULL || entry->get(left) == entry->get(right);
	}
	return equal;
}

static status topic_create_locked(struct log *log, const struct topic_event *event)
{
	int64_t offset = 0;
	if (topic_get(log, event->name) != NULL)
		return error_raise(STATUS_EXISTS, "topic \"%s\" exists already", event->name);
	struct topic *topic = topic_allocate(log, event->name, &event->config, 0);
	status result = topic_directories_create(log, topic, topic->partition_array, 0, event->config.partitions);
	/* When the append fails, its record may be there after a restart all the same: the directories stay. */
	if (result == STATUS_OK)
		result = event_append(log, event, &offset);
	if (result != STATUS_OK) {
		topic_destroy(topic);
		return error_note(result, "while creating topic \"%s\"", event->name);
	}
	topic->incarnation = (uint64_t)offset + 1;
	topic_insert(log, topic);
	return STATUS_OK;
}

status topic_create(struct log *log, const char *name, const struct topic_config *config)
{
	struct topic_event event = {.kind = TOPIC_CREATED, .config = *config};
	status result = topic_name_check(name);
	if (result == STATUS_OK)
		result = topic_config_check(config);
	if (result != STATUS_OK)
		return result;
	memcpy(event.name, name, strlen(name) + 1);
	bool internal = strncmp(name, "__", 2) == 0;
	if (config->internal && !internal)
		return error_raise(STATUS_INVALID, "the name of internal topic \"%s\" does not begin with __", name);
	event.config.internal = internal;
	config_settle(log, &event.config);
	pthread_mutex_lock(&log->admin_lock);
	result = topic_create_locked(log, &event);
	pthread_mutex_unlock(&log->admin_lock);
	if (result == STATUS_OK)
		topics_changed(log);
	return result;
}

/* ---- altering ---- */

/* Readers may hold `memory` until log_close(). @locks admin_lock */
static void replaced_keep(struct log *log, const void *memory)
{
	if (log->replaced_count == log->replaced_capacity) {
		log->replaced_capacity = log->replaced_capacity == 0 ? 16 : log->replaced_capacity * 2;
		log->replaced = mem_resize(log->replaced, log->replaced_capacity * sizeof(void *));
	}
	log->replaced[log->replaced_count++] = (void *)(uintptr_t)memory;
}

status topic_needed_check(const struct log *log, const char *name, const char *what)
{
	char who[NEEDED_WHO_MAX];
	if (log->needed == NULL || !log->needed(log->needed_context, name, who, sizeof who))
		return STATUS_OK;
	error_raise(
		STATUS_DEPENDENT, "%s topic \"%s\" would take records away that are needed by %s", what, name, who);
	error_hint("A rebuild of these views could no longer begin at offset 0. Drop them, or force it: set the "
			   "topic's kappa.trim.force=true (`--force` on the command line).");
	return STATUS_DEPENDENT;
}

static status alteration_check(
	const struct log *log, const char *name, const struct topic_config *now, const struct topic_config *next)
{
	status result = topic_config_check(next);
	if (result != STATUS_OK)
		return result;
	if (next->partitions < now->partitions) {
		error_raise(STATUS_INVALID, "topic \"%s\" has %d partitions; they cannot become %d", name,
			now->partitions, next->partitions);
		error_hint("Partitions can only be added.");
		return STATUS_INVALID;
	}
	if (!next->trim_force && topic_config_removes_more(now, next))
		return topic_needed_check(log, name, "this configuration of");
	return STATUS_OK;
}

/* Directories of the partitions added, the record, and only then the topic in memory. */
static status alteration_apply(struct log *log, struct topic *topic, const struct topic_config *next)
{
	struct topic_event event = {.kind = TOPIC_ALTERED, .config = *next};
	const struct topic_config *old = topic->config;
	int64_t offset = 0;
	memcpy(event.name, topic->name, sizeof event.name);
	struct partition **partitions = partitions_extend(log, topic, old->partitions, next->partitions);
	status result = topic_directories_create(log, topic, partitions, old->partitions, next->partitions);
	/* As with creation: after a failed append the record may be there all the same, so directories stay. */
	if (result == STATUS_OK)
		result = event_append(log, &event, &offset);
	if (result != STATUS_OK) {
		for (int32_t i = old->partitions; i < next->partitions; i++)
			partition_destroy(partitions[i]);
		mem_free(partitions);
		return error_note(result, "while altering topic \"%s\"", topic->name);
	}
	replaced_keep(log, topic->partition_array);
	replaced_keep(log, old);
	topic->partition_array = partitions; /* before what counts them */
	topic->config = config_copy(next);
	return STATUS_OK;
}

static status topic_alter_locked(struct log *log, const char *name,
	status (*change)(void *context, struct topic_config *config), void *context)
{
	struct topic *topic = topic_get(log, name);
	if (topic == NULL)
		return error_raise(STATUS_NOT_FOUND, "there is no topic \"%s\"", name);
	const struct topic_config *now = topic->config;
	struct topic_config next = *now;
	status result = change(context, &next);
	next.internal = now->internal;
	config_settle(log, &next);
	if (result == STATUS_OK)
		result = alteration_check(log, name, now, &next);
	if (result == STATUS_OK && !config_equal(now, &next))
		result = alteration_apply(log, topic, &next);
	return result;
}

status topic_alter_with(struct log *log, const char *name,
	status (*change)(void *context, struct topic_config *config), void *context)
{
	if (strcmp(name, TOPICS_REGISTRY_NAME) == 0)
		return error_raise(STATUS_INVALID, "the topic registry \"%s\" cannot be altered", name);
	pthread_mutex_lock(&log->admin_lock);
	status result = topic_alter_locked(log, name, change, context);
	pthread_mutex_unlock(&log->admin_lock);
	if (result == STATUS_OK) {
		topics_changed(log);
		cleaner_wake(log->cleaner);
	}
	return result;
}

static status config_replace(void *context, struct topic_config *config)
{
	*config = *(const struct topic_config *)context;
	return STATUS_OK;
}

status topic_alter(struct log *log, const char *name, const struct topic_config *config)
{
	struct topic_config copy = *config;
	return topic_alter_with(log, name, config_replace, &copy);
}

/* ---- deleting ---- */

static status topic_delete_locked(struct log *log, const char *name)
{
	struct topic_event event = {.kind = TOPIC_DELETED};
	int64_t offset = 0;
	struct topic *topic = topic_get(log, name);
	if (topic == NULL)
		return error_raise(STATUS_NOT_FOUND, "there is no topic \"%s\"", name);
	if (!topic->config->trim_force) {
		status needed = topic_needed_check(log, name, "deleting");
		if (needed != STATUS_OK)
			return needed;
	}
	memcpy(event.name, topic->name, sizeof event.name);
	status result = event_append(log, &event, &offset);
	if (result != STATUS_OK)
		return error_note(result, "while deleting topic \"%s\"", name);
	topic_retire(log, topic);
	for (int32_t i = 0; i < topic->config->partitions; i++) {
		char path[SEGMENT_PATH_MAX];
		partition_delete(topic_partition(topic, i));
		topic_path(log, topic->name, i, path);
		/* The deletion is recorded; a directory that stays now goes at the next start. */
		if (topic_directory_discard(log, path, topic->name, topic->incarnation, i) != STATUS_OK)
			diag(DIAG_WARN, "log", "deleted_not_renamed", "dir=\"%s\" error=\"%s\"", path,
				error_current()->text);
	}
	return STATUS_OK;
}

status topic_delete(struct log *log, const char *name)
{
	if (strcmp(name, TOPICS_REGISTRY_NAME) == 0)
		return error_raise(STATUS_INVALID, "the topic registry \"%s\" cannot be deleted", name);
	pthread_mutex_lock(&log->admin_lock);
	status result = topic_delete_locked(log, name);
	pthread_mutex_unlock(&log->admin_lock);
	if (result == STATUS_OK)
		topics_changed(log);
	return result;
}

/* ---- producer ids ---- */

status log_producer_id_allocate(struct log *log, int64_t *producer_id)
{
	status result = STATUS_OK;
	pthread_mutex_lock(&log->producer_ids_lock);
	if (log->producer_id_next == log->producer_id_end) {
		struct topic_event event = {
			.kind = TOPIC_PRODUCER_IDS, .producer_id_next = log->producer_id_end + PRODUCER_ID_BLOCK};
		int64_t offset = 0;
		result = event_append(log, &event, &offset);
		if (result == STATUS_OK)
			log->producer_id_end = event.producer_id_next;
	}
	if (result == STATUS_OK)
		*producer_id = log->producer_id_next++;
	pthread_mutex_unlock(&log->producer_ids_lock);
	return result == STATUS_OK ? result : error_note(result, "while reserving producer ids");
}
