/* Sources; see source.h. */
#include "ingest/source.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "log/record_batch.h"

enum { READ_BYTES = 1024 * 1024 };

struct source {
	struct source *next;
	char *id, *topic;     /* constant */
	pthread_mutex_t lock; /* of all below; held over the appends of the source: S3 */
	uint64_t incarnation; /* of the topic the rest is about; 0 = not registered */
	int64_t producer_id;
	int32_t partition;
	int64_t from_offset; /* the source has no record before it */
	int64_t session;     /* 0 = none since the start */
};

struct sources {
	struct log *log;
	pthread_mutex_t lock; /* of all below; taken before no source's lock is waited for */
	struct source *first;
	bool loaded;
	int64_t session_last;
};

struct sources *sources_create(struct log *log)
{
	struct sources *sources = mem_alloc_zeroed(1, sizeof *sources);
	sources->log = log;
	/* Sessions of an earlier life of the appliance are none of this one. */
	sources->session_last = clock_wall_ms() << 10;
	INVARIANT(pthread_mutex_init(&sources->lock, NULL) == 0);
	return sources;
}

void sources_destroy(struct sources *sources)
{
	if (sources == NULL)
		return;
	struct source *source = sources->first, *next;
	for (; source != NULL; source = next) {
		next = source->next;
		(void)pthread_mutex_destroy(&source->lock);
		mem_free(source->id);
		mem_free(source->topic);
		mem_free(source);
	}
	(void)pthread_mutex_destroy(&sources->lock);
	mem_free(sources);
}

/* The source's entry, made when missing. @locks sources->lock */
static struct source *source_entry(struct sources *sources, const char *id, size_t id_size, const char *topic)
{
	for (struct source *source = sources->first; source != NULL; source = source->next)
		if (strlen(source->id) == id_size && memcmp(source->id, id, id_size) == 0 &&
			strcmp(source->topic, topic) == 0)
			return source;
	struct source *source = mem_alloc_zeroed(1, sizeof *source);
	source->id = mem_alloc(id_size + 1);
	memcpy(source->id, id, id_size);
	source->id[id_size] = '\0';
	source->topic = mem_copy_string(topic);
	INVARIANT(pthread_mutex_init(&source->lock, NULL) == 0);
	source->next = sources->first;
	sources->first = source;
	return source;
}

/* ---- the records of __kappa_sources ---- */

static status registration_apply(struct sources *sources, const struct record *record)
{
	json_error_t why;
	const char *type = NULL, *topic = NULL;
	json_int_t incarnation = 0, partition = 0, producer_id = 0, from_offset = 0;
	json_t *json = record->value.data != NULL
					   ? json_loadb((const char *)record->value.data, record->value.size, 0, &why)
					   : NULL;
	bool valid = record->key.data != NULL && record->key.size <= SOURCE_ID_SIZE_MAX &&
				 json_unpack(json, "{s:s, s:s, s:I, s:I, s:I, s:I}", "type", &type, "topic", &topic,
					 "incarnation", &incarnation, "partition", &partition, "producer_id", &producer_id,
					 "from_offset", &from_offset) == 0;
	valid = valid && strcmp(type, "source") == 0 && topic_name_check(topic) == STATUS_OK && incarnation > 0 &&
			partition >= 0 && partition < TOPIC_PARTITIONS_MAX && producer_id >= 0 && from_offset >= 0;
	if (valid) {
		struct source *source =
			source_entry(sources, (const char *)record->key.data, record->key.size, topic);
		source->incarnation = (uint64_t)incarnation;
		source->producer_id = producer_id;
		source->partition = (int32_t)partition;
		source->from_offset = from_offset;
	}
	json_decref(json);
	if (!valid)
		return error_raise(STATUS_DAMAGED,
			"topic %s: the record at offset %" PRId64 " is no registration of a source", SOURCES_TOPIC_NAME,
			record->offset);
	return STATUS_OK;
}

/* Once. @locks sources->lock */
static status registrations_load(struct sources *sources)
{
	const struct topic *topic;
	if (topic_find(sources->log, SOURCES_TOPIC_NAME, &topic) != STATUS_OK)
		return STATUS_OK; /* no source yet */
	struct buffer bytes;
	buffer_init(&bytes);
	int64_t offset = 0;
	status result = STATUS_OK;
	while (result == STATUS_OK) {
		bytes.size = 0;
		result = partition_read(topic_partition(topic, 0), offset, READ_BYTES, &bytes);
		if (result != STATUS_OK)
			break;
		struct record_iterator iterator;
		struct record record;
		record_iterator_init(&iterator, buffer_slice(&bytes));
		while (result == STATUS_OK && (result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			result = registration_apply(sources, &record);
			offset = record.offset + 1;
		}
		record_iterator_deinit(&iterator);
		if (result == STATUS_END)
			result = STATUS_OK;
	}
	buffer_deinit(&bytes);
	return result == STATUS_END ? STATUS_OK : result;
}

static status registrations_topic(struct log *log, const struct topic **topic)
{
	if (topic_find(log, SOURCES_TOPIC_NAME, topic) == STATUS_OK)
		return STATUS_OK;
	struct topic_config config = topic_config_default();
	config.internal = true;
	status result = topic_create(log, SOURCES_TOPIC_NAME, &config);
	if (result != STATUS_OK && result != STATUS_EXISTS)
		return result;
	return topic_find(log, SOURCES_TOPIC_NAME, topic);
}

static status registration_append(struct log *log, const struct source *source)
{
	const struct topic *topic;
	status result = registrations_topic(log, &topic);
	if (result != STATUS_OK)
		return result;
	json_t *json = json_pack("{s:s, s:s, s:I, s:i, s:I, s:I}", "type", "source", "topic", source->topic,
		"incarnation", (json_int_t)source->incarnation, "partition", (int)source->partition, "producer_id",
		(json_int_t)source->producer_id, "from_offset", (json_int_t)source->from_offset);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	INVARIANT(text != NULL);
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t offset = 0;
	record_batch_builder_init(&builder);
	buffer_init(&batch);
	record_batch_builder_add(
		&builder, clock_wall_ms(), slice_of_string(source->id), slice_of_string(text), NULL, 0);
	result = record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch);
	if (result == STATUS_OK)
		result = log_append_wait(log, topic_partition(topic, 0), batch.data, batch.size, &offset);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
	free(text);
	return result;
}

/* ---- opening ---- */

static status topic_get(struct log *log, const char *name, const struct topic **out)
{
	status result = topic_find(log, name, out);
	if (result != STATUS_OK) {
		error_hint("Create it: kappa topic create %.200s", name);
		return result;
	}
	if ((*out)->config->internal)
		return error_raise(STATUS_INVALID, "topic \"%s\" is internal: only the appliance writes to it", name);
	return STATUS_OK;
}

static status source_get(struct sources *sources, const char *id, const char *topic, struct source **out)
{
	size_t size = strlen(id);
	status result = STATUS_OK;
	if (size == 0 || size > SOURCE_ID_SIZE_MAX)
		return error_raise(
			STATUS_INVALID, "a source's id has 1 to %d bytes, not %zu", SOURCE_ID_SIZE_MAX, size);
	pthread_mutex_lock(&sources->lock);
	if (!sources->loaded) {
		result = registrations_load(sources);
		sources->loaded = result == STATUS_OK;
	}
	if (result == STATUS_OK)
		*out = source_entry(sources, id, size, topic);
	pthread_mutex_unlock(&sources->lock);
	return result;
}

/* Gives the source its producer id and partition, durably, unless it has them. @locks source->lock */
static status source_register(
	struct sources *sources, struct source *source, const struct topic *topic, int32_t partition)
{
	if (partition >= topic->config->partitions)
		return error_raise(STATUS_INVALID, "topic \"%s\" has partitions 0 to %d, not %d", topic->name,
			topic->config->partitions - 1, partition);
	if (source->incarnation == topic->incarnation) {
		if (partition < 0 || partition == source->partition)
			return STATUS_OK;
		error_raise(STATUS_INVALID, "source \"%.200s\" is tied to partition %d of topic \"%s\", not %d",
			source->id, source->partition, topic->name, partition);
		error_hint("Leave the partition out, or use another source id.");
		return STATUS_INVALID;
	}
	uint64_t hash = hash_bytes(source->id, strlen(source->id), 0);
	struct source fresh = {
		.id = source->id,
		.topic = source->topic,
		.incarnation = topic->incarnation,
		.partition = partition >= 0 ? partition : (int32_t)(hash % (uint64_t)topic->config->partitions),
	};
	fresh.from_offset = partition_high_watermark(topic_partition(topic, fresh.partition));
	status result = log_producer_id_allocate(sources->log, &fresh.producer_id);
	if (result == STATUS_OK)
		result = registration_append(sources->log, &fresh);
	if (result != STATUS_OK)
		return error_note(result, "while registering source \"%.200s\"", source->id);
	source->incarnation = fresh.incarnation;
	source->producer_id = fresh.producer_id;
	source->partition = fresh.partition;
	source->from_offset = fresh.from_offset;
	return STATUS_OK;
}

/* A partition remembers a bounded number of producers. One that it has forgotten is looked for in the log
 * itself, so that a source is never taken for a new one. NOT_FOUND when it has appended nothing. */
static status producer_search(
	struct partition *partition, const struct source *source, struct producer_position *out)
{
	struct buffer bytes;
	buffer_init(&bytes);
	int64_t offset = source->from_offset;
	bool found = false;
	status result;
	for (;;) {
		bytes.size = 0;
		result = partition_read(partition, offset, READ_BYTES, &bytes);
		if (result != STATUS_OK)
			break;
		struct record_batch batch;
		for (size_t at = 0; at < bytes.size; at += batch.size) {
			result = record_batch_header(slice_of(bytes.data + at, bytes.size - at), &batch);
			if (result != STATUS_OK)
				break;
			offset = batch.base_offset + batch.last_offset_delta + 1;
			if (batch.producer_id != source->producer_id)
				continue;
			found = true;
			*out = (struct producer_position){
				.epoch = batch.producer_epoch,
				.last_sequence =
					(int32_t)(((uint32_t)batch.base_sequence + (uint32_t)batch.last_offset_delta) &
							  INT32_MAX),
				.last_base_offset = batch.base_offset,
				.last_offset = offset - 1,
			};
		}
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&bytes);
	if (result != STATUS_END)
		return result;
	return found ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The position header of the record at `offset`, copied into the arena. */
static status position_read(
	struct partition *partition, int64_t base_offset, int64_t offset, struct arena *arena, const char **out)
{
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record = {.offset = -1};
	struct record_header header;
	const char *position = NULL;
	buffer_init(&bytes);
	status result = partition_read(partition, base_offset, 1, &bytes);
	record_iterator_init(&iterator, buffer_slice(&bytes));
	while (result == STATUS_OK && record.offset < offset)
		result = record_iterator_next(&iterator, &record);
	while (result == STATUS_OK && (result = record_header_next(&record, &header)) == STATUS_OK) {
		if (!slice_equal(header.key, slice_of_string(SOURCE_POSITION_HEADER)) || header.value.data == NULL)
			continue;
		char *copy = arena_alloc(arena, header.value.size + 1);
		memcpy(copy, header.value.data, header.value.size);
		copy[header.value.size] = '\0';
		position = copy;
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	if (result == STATUS_END && position == NULL)
		result = error_raise(STATUS_DAMAGED, "the record at offset %" PRId64 " of %s-%d has no header %s",
			offset, partition_topic(partition)->name, partition_number(partition), SOURCE_POSITION_HEADER);
	if (result != STATUS_OK && result != STATUS_END)
		return result;
	*out = position;
	return STATUS_OK;
}

/* @locks source->lock */
static status source_state_read(
	const struct source *source, const struct topic *topic, struct arena *arena, struct source_state *out)
{
	struct partition *partition = topic_partition(topic, source->partition);
	struct producer_position known;
	struct source_state state = {
		.producer_id = source->producer_id,
		.partition = source->partition,
		.batch_bytes_max = topic->config->message_bytes_max,
	};
	status result = partition_producer(partition, source->producer_id, &known);
	if (result == STATUS_NOT_FOUND)
		result = producer_search(partition, source, &known);
	if (result == STATUS_OK) {
		state.next_sequence = (int32_t)(((uint32_t)known.last_sequence + 1) & INT32_MAX);
		result = position_read(partition, known.last_base_offset, known.last_offset, arena, &state.position);
	} else if (result == STATUS_NOT_FOUND) {
		result = STATUS_OK;
	}
	if (result == STATUS_OK)
		*out = state;
	return result;
}

static int64_t session_next(struct sources *sources)
{
	pthread_mutex_lock(&sources->lock);
	int64_t session = ++sources->session_last;
	pthread_mutex_unlock(&sources->lock);
	return session;
}

status source_open(struct sources *sources, const char *id, const char *topic_name, int32_t partition,
	struct arena *arena, struct source_state *out)
{
	const struct topic *topic;
	struct source *source = NULL;
	status result = topic_get(sources->log, topic_name, &topic);
	if (result == STATUS_OK)
		result = source_get(sources, id, topic_name, &source);
	if (result != STATUS_OK)
		return result;
	pthread_mutex_lock(&source->lock);
	result = source_register(sources, source, topic, partition);
	struct source_state state;
	if (result == STATUS_OK)
		result = source_state_read(source, topic, arena, &state);
	if (result == STATUS_OK) {
		source->session = state.session = session_next(sources);
		*out = state;
	}
	pthread_mutex_unlock(&source->lock);
	return result;
}

/* ---- appending ---- */

static status batch_build(const struct source *source, int32_t sequence, struct slice position,
	struct slice lines, struct buffer *out, int32_t *count)
{
	struct record_batch_builder builder;
	struct record_header header = {slice_of_string(SOURCE_POSITION_HEADER), position};
	int64_t now_ms = clock_wall_ms();
	record_batch_builder_init(&builder);
	while (lines.size != 0 && builder.count <= RECORD_BATCH_COUNT_MAX) {
		const uint8_t *end = memchr(lines.data, '\n', lines.size);
		size_t size = end != NULL ? (size_t)(end - lines.data) : lines.size;
		size_t used = end != NULL ? size + 1 : size;
		bool last = used == lines.size;
		record_batch_builder_add(
			&builder, now_ms, (struct slice){0}, slice_of(lines.data, size), &header, last ? 1 : 0);
		lines = slice_of(lines.data + used, lines.size - used);
	}
	*count = builder.count;
	struct record_batch_producer producer = {source->producer_id, 0, sequence, false};
	status result = record_batch_builder_finish(&builder, CODEC_NONE, &producer, out);
	record_batch_builder_deinit(&builder);
	return result;
}

/* @locks source->lock */
static status source_append_locked(struct sources *sources, struct source *source, const struct topic *topic,
	int64_t session, int32_t sequence, struct slice position, struct slice lines, struct source_appended *out)
{
	if (source->session == 0 || source->session != session || source->incarnation != topic->incarnation) {
		error_raise(STATUS_STALE_PRODUCER_EPOCH, "session %" PRId64 " of source \"%.200s\" has ended",
			session, source->id);
		error_hint("Somebody else opened the source, the appliance restarted, or the topic was created anew: "
				   "open it again.");
		return STATUS_STALE_PRODUCER_EPOCH;
	}
	struct buffer batch;
	struct source_appended appended = {.partition = source->partition};
	buffer_init(&batch);
	status result = batch_build(source, sequence, position, lines, &batch, &appended.count);
	if (result == STATUS_OK)
		result = log_append_wait(sources->log, topic_partition(topic, source->partition), batch.data,
			batch.size, &appended.base_offset);
	buffer_deinit(&batch);
	if (result == STATUS_OK)
		*out = appended;
	return result;
}

status source_append(struct sources *sources, const char *id, const char *topic_name, int64_t session,
	int32_t sequence, struct slice position, struct slice lines, struct source_appended *out)
{
	if (lines.size == 0)
		return error_raise(STATUS_INVALID, "a source's batch needs at least one line");
	if (position.size == 0 || position.size > SOURCE_POSITION_SIZE_MAX)
		return error_raise(STATUS_INVALID, "a source's position has 1 to %d bytes, not %zu",
			SOURCE_POSITION_SIZE_MAX, position.size);
	if (sequence < 0)
		return error_raise(STATUS_INVALID, "a sequence cannot be negative");
	const struct topic *topic;
	struct source *source = NULL;
	status result = topic_get(sources->log, topic_name, &topic);
	if (result == STATUS_OK)
		result = source_get(sources, id, topic_name, &source);
	if (result != STATUS_OK)
		return result;
	pthread_mutex_lock(&source->lock);
	result = source_append_locked(sources, source, topic, session, sequence, position, lines, out);
	pthread_mutex_unlock(&source->lock);
	return result;
}
