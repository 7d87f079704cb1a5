/* From a log's directory to its topics: recovers the registry, replays its records, recovers the
 * partitions they name, and clears away what is left of interrupted creations and deletions. */
#include <inttypes.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/partition.h"
#include "log/record_batch.h"
#include "log/topics.h"
#include "log/topics_internal.h"

enum { REGISTRY_READ_BYTES = 1 << 20 };

/* What the registry says of a name. */
struct name_state {
	char name[TOPIC_NAME_MAX + 1];
	bool alive;
	struct topic_config config;
	uint64_t incarnation;
};

struct replay {
	struct log *log;
	struct name_state *names; /* sorted */
	size_t count, capacity;
};

/* ---- replaying the registry ---- */

static size_t name_place(const struct replay *replay, const char *name)
{
	size_t low = 0, high = replay->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(replay->names[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct name_state *name_find(const struct replay *replay, const char *name)
{
	size_t place = name_place(replay, name);
	bool there = place < replay->count && strcmp(replay->names[place].name, name) == 0;
	return there ? &replay->names[place] : NULL;
}

static struct name_state *name_need(struct replay *replay, const char *name)
{
	size_t place = name_place(replay, name);
	if (place < replay->count && strcmp(replay->names[place].name, name) == 0)
		return &replay->names[place];
	if (replay->count == replay->capacity) {
		replay->capacity = replay->capacity == 0 ? 16 : replay->capacity * 2;
		replay->names = mem_resize(replay->names, replay->capacity * sizeof *replay->names);
	}
	struct name_state *at = &replay->names[place];
	memmove(at + 1, at, (replay->count - place) * sizeof *at);
	replay->count++;
	*at = (struct name_state){0};
	memcpy(at->name, name, strlen(name) + 1);
	return at;
}

static status event_apply(struct replay *replay, const struct record *record)
{
	struct topic_event event;
	status result = topic_event_decode(record->key, record->value, &event);
	if (result != STATUS_OK)
		return error_note(result, "at offset %" PRId64 " of %s", record->offset, TOPICS_REGISTRY_NAME);
	if (event.kind == TOPIC_PRODUCER_IDS) {
		replay->log->producer_id_next = replay->log->producer_id_end = event.producer_id_next;
		return STATUS_OK;
	}
	struct name_state *state = name_need(replay, event.name);
	if (event.kind == TOPIC_ALTERED && !state->alive)
		return error_raise(STATUS_DAMAGED, "%s alters topic %s at offset %" PRId64 ", which is not there",
			TOPICS_REGISTRY_NAME, event.name, record->offset);
	if (event.kind != TOPIC_DELETED)
		state->config = event.config;
	if (event.kind == TOPIC_CREATED)
		state->incarnation = (uint64_t)record->offset + 1;
	state->alive = event.kind != TOPIC_DELETED;
	return STATUS_OK;
}

static status registry_replay(struct replay *replay)
{
	struct partition *registry = replay->log->registry;
	struct record_iterator iterator;
	struct record record;
	struct buffer bytes;
	int64_t offset = 0;
	status result = STATUS_OK;
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	while (result == STATUS_OK) {
		bytes.size = 0;
		result = partition_read(registry, offset, REGISTRY_READ_BYTES, &bytes);
		if (result != STATUS_OK)
			break;
		record_iterator_reset(&iterator, buffer_slice(&bytes));
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			result = event_apply(replay, &record);
			if (result != STATUS_OK)
				break;
			offset = record.offset + 1;
		}
		if (result == STATUS_END)
			result = STATUS_OK;
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	return result == STATUS_END ? STATUS_OK : result;
}

/* ---- directories ---- */

/* "<topic>-<number>": fills name and number. */
static bool directory_name_parse(const char *text, char name[TOPIC_NAME_MAX + 1], int32_t *number)
{
	const char *dash = strrchr(text, '-');
	int32_t value = 0;
	if (dash == NULL || dash == text || (size_t)(dash - text) > TOPIC_NAME_MAX || dash[1] == '\0')
		return false;
	for (const char *at = dash + 1; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' || at - dash > 4)
			return false;
		value = value * 10 + (*at - '0');
	}
	memcpy(name, text, (size_t)(dash - text));
	name[dash - text] = '\0';
	*number = value;
	return topic_name_check(name) == STATUS_OK;
}

/* Does a partition's directory hold any record bytes? */
static status directory_holds_data(const char *path, bool *out)
{
	struct directory_list list;
	bool found = false;
	status result = directory_list(path, &list);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < list.count && result == STATUS_OK; i++) {
		char below[SEGMENT_PATH_MAX];
		struct file file = {-1, NULL};
		int64_t base, size = 0;
		if (!segment_name_parse(list.names[i], SEGMENT_LOG, &base))
			continue;
		segment_path(below, path, base, SEGMENT_LOG);
		result = file_open(&file, below, FILE_READ);
		if (result == STATUS_OK)
			result = file_size(&file, &size);
		file_close(&file);
		found = found || size != 0;
	}
	directory_list_free(&list);
	if (result == STATUS_OK)
		*out = found;
	return result;
}

static bool name_ends_deleted(const char *name)
{
	static const char suffix[] = ".deleted";
	size_t length = strlen(name);
	return length >= sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

/* One entry of the log's directory. */
static status leftover_clear(const struct replay *replay, const char *entry)
{
	struct log *log = replay->log;
	char path[SEGMENT_PATH_MAX], name[TOPIC_NAME_MAX + 1];
	int32_t number = 0;
	bool holds_data = false;
	if (directory_name_parse(entry, name, &number)) {
		const struct name_state *state = name_find(replay, name);
		if (strcmp(name, TOPICS_REGISTRY_NAME) == 0 ||
			(state != NULL && state->alive && number < state->config.partitions))
			return STATUS_OK;
		topic_path(log, name, number, path);
		if (state == NULL || state->alive) {
			status result = directory_holds_data(path, &holds_data);
			if (result != STATUS_OK)
				return result;
			if (holds_data) {
				error_raise(STATUS_DAMAGED, "%s holds records, but %s knows no such partition", path,
					TOPICS_REGISTRY_NAME);
				error_hint("Move the directory away, or restore the topic registry from a copy.");
				return STATUS_DAMAGED;
			}
		}
		diag(DIAG_INFO, "log", "leftover_removed", "dir=\"%s\"", path);
		return topic_directory_discard(log, path, name, 0, number);
	}
	if (name_ends_deleted(entry)) {
		if (snprintf(path, sizeof path, "%s/%s", log->dir, entry) >= (int)sizeof path)
			return STATUS_OK;
		return directory_remove(path);
	}
	return STATUS_OK; /* not ours */
}

static status leftovers_clear(const struct replay *replay)
{
	struct directory_list list;
	status result = directory_list(replay->log->dir, &list);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < list.count && result == STATUS_OK; i++)
		result = leftover_clear(replay, list.names[i]);
	directory_list_free(&list);
	return result;
}

/* ---- opening ---- */

static bool directory_is_empty(const char *path)
{
	struct directory_list list;
	if (directory_list(path, &list) != STATUS_OK)
		return false;
	bool empty = list.count == 0;
	directory_list_free(&list);
	return empty;
}

/* A log without its registry must be new: any partition with records in it means that the registry was lost.
 */
static status registry_absence_check(const struct log *log)
{
	struct directory_list list;
	char path[SEGMENT_PATH_MAX], name[TOPIC_NAME_MAX + 1];
	int32_t number;
	status result = directory_list(log->dir, &list);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < list.count && result == STATUS_OK; i++) {
		bool holds_data = false;
		if (!directory_name_parse(list.names[i], name, &number))
			continue;
		topic_path(log, name, number, path);
		result = directory_holds_data(path, &holds_data);
		if (result == STATUS_OK && holds_data) {
			result =
				error_raise(STATUS_DAMAGED, "%s holds records, but the topic registry %s/%s-0 is missing",
					path, log->dir, TOPICS_REGISTRY_NAME);
			error_hint("Restore the registry's directory from a copy.");
		}
	}
	directory_list_free(&list);
	return result;
}

static status registry_open(struct log *log)
{
	struct topic_config config = topic_config_default();
	char path[SEGMENT_PATH_MAX];
	config.internal = true;
	config.segment_bytes = log->segment_bytes;
	config.message_bytes_max = MESSAGE_BYTES_MAX_DEFAULT;
	struct topic *topic = topic_allocate(log, TOPICS_REGISTRY_NAME, &config, 0);
	topic_insert(log, topic);
	log->registry = topic_partition(topic, 0);
	topic_path(log, TOPICS_REGISTRY_NAME, 0, path);
	status result = STATUS_OK;
	if (file_exists(path) && directory_is_empty(path)) {
		/* The very first start ended between making the directory and its first file. */
		result = directory_remove(path);
	}
	if (result == STATUS_OK && !file_exists(path)) {
		result = registry_absence_check(log);
		if (result == STATUS_OK)
			result = partition_create(log->registry);
		if (result == STATUS_OK)
			result = directory_sync(log->dir);
		return result;
	}
	return result == STATUS_OK ? partition_recover(log->registry) : result;
}

static status topic_open(struct log *log, const struct name_state *state)
{
	struct topic *topic = topic_allocate(log, state->name, &state->config, state->incarnation);
	topic_insert(log, topic);
	for (int32_t i = 0; i < topic->config->partitions; i++) {
		status result = partition_recover(topic_partition(topic, i));
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

status topics_open(struct log *log)
{
	struct replay replay = {.log = log};
	status result = registry_open(log);
	if (result == STATUS_OK)
		result = registry_replay(&replay);
	for (size_t i = 0; i < replay.count && result == STATUS_OK; i++)
		if (replay.names[i].alive)
			result = topic_open(log, &replay.names[i]);
	if (result == STATUS_OK)
		result = leftovers_clear(&replay);
	mem_free(replay.names);
	return result;
}
