/* Topics over HTTP: list, create, describe, delete, append, read. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "log/record_batch.h"
#include "server/http_message.h"

enum {
	APPEND_BATCH_BYTES = 1024 * 1024, /* records of one batch, about */
	READ_RECORDS_MAX = 10000,
	READ_BYTES = 1024 * 1024,
	READ_WAIT_MS_MAX = 30000,
	READ_POLL_MS = 10,
};

static status find_topic(struct server *server, const char *name, const struct topic **out)
{
	status code = topic_find(server_log(server), name, out);
	if (code != STATUS_OK) {
		code = error_raise(STATUS_NOT_FOUND, "topic \"%s\" does not exist", name);
		error_hint("Create it: kappa topic create %s, or POST /topics {\"name\": …}.", name);
	}
	return code;
}

static json_t *topic_json(struct server *server, const struct topic *topic, struct arena *arena)
{
	int64_t records = 0;
	uint64_t bytes = 0;
	for (int32_t i = 0; i < topic->config->partitions; i++) {
		records += partition_high_watermark(topic_partition(topic, i)) -
				   partition_log_start(topic_partition(topic, i));
		bytes += partition_bytes(topic_partition(topic, i));
	}
	const char *tables = engine_topic_users(server_engine(server), topic->name, arena);
	return json_pack("{s:s, s:i, s:b, s:I, s:I, s:s?}", "name", topic->name, "partitions",
		(int)topic->config->partitions, "internal", (int)topic->config->internal, "records",
		(json_int_t)records, "bytes", (json_int_t)bytes, "tables", tables);
}

status http_topics_list(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic **topics;
	size_t count;
	topic_list(server_log(server), &topics, &count);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		struct slice name = slice_of_string(topics[i]->name);
		if (request->open || user_may(request->user, USER_READ, name) ||
			user_may(request->user, USER_WRITE, name) || user_may(request->user, USER_DEPLOY, name))
			json_array_append_new(list, topic_json(server, topics[i], request->arena));
	}
	mem_free(topics);
	http_answer_json(response, json_pack("{s:o}", "topics", list));
	return STATUS_OK;
}

static status create_topic(struct server *server, json_t *body, struct http_response *response)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	if (name == NULL)
		return error_raise(STATUS_INVALID, "the body needs a \"name\"");
	struct topic_config config = topic_config_default();
	const char *key;
	json_t *value;
	json_object_foreach(body, key, value)
	{
		if (strcmp(key, "name") == 0)
			continue;
		if (strcmp(key, "config") == 0) {
			status code = http_topic_config_apply(&config, value);
			if (code != STATUS_OK)
				return code;
			continue;
		}
		bool known = strcmp(key, "partitions") == 0 || strcmp(key, "segment_bytes") == 0;
		if (!known || !json_is_integer(value)) {
			status code = error_raise(STATUS_INVALID, "cannot use \"%s\" here", key);
			error_hint("A topic takes whole numbers partitions and segment_bytes, and an object config.");
			return code;
		}
		json_int_t number = json_integer_value(value);
		if (strcmp(key, "segment_bytes") == 0) {
			config.segment_bytes = number;
		} else if (number < 1 || number > TOPIC_PARTITIONS_MAX) {
			return error_raise(STATUS_INVALID, "partitions must be from 1 to %d", TOPIC_PARTITIONS_MAX);
		} else {
			config.partitions = (int32_t)number;
		}
	}
	if (strncmp(name, "__", 2) == 0)
		return error_raise(STATUS_INVALID, "topic names beginning with \"__\" are internal");
	status code = topic_create(server_log(server), name, &config);
	if (code != STATUS_OK)
		return code;
	response->code = 201;
	http_answer_json(response, json_pack("{s:s, s:i}", "name", name, "partitions", (int)config.partitions));
	return STATUS_OK;
}

status http_topic_create(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	json_t *body;
	status code = http_body_json(request, &body);
	if (code != STATUS_OK)
		return code;
	const char *name = json_string_value(json_object_get(body, "name"));
	code = name != NULL ? http_may(request, USER_DEPLOY, name) : STATUS_OK;
	if (code == STATUS_OK)
		code = create_topic(server, body, response);
	if (code == STATUS_OK)
		http_audit(request, "topic_created", name);
	json_decref(body);
	return code;
}

status http_topic_describe(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	status code = find_topic(server, request->segments[1], &topic);
	if (code != STATUS_OK)
		return code;
	json_t *partitions = json_array();
	for (int32_t i = 0; i < topic->config->partitions; i++)
		json_array_append_new(partitions,
			json_pack("{s:i, s:I, s:I, s:I, s:I}", "partition", (int)i, "log_start",
				(json_int_t)partition_log_start(topic_partition(topic, i)), "high_watermark",
				(json_int_t)partition_high_watermark(topic_partition(topic, i)), "last_stable_offset",
				(json_int_t)partition_last_stable_offset(topic_partition(topic, i)), "bytes",
				(json_int_t)partition_bytes(topic_partition(topic, i))));
	json_t *answer = topic_json(server, topic, request->arena);
	json_object_set_new(answer, "partitions", partitions);
	json_object_set_new(answer, "config", http_topic_config_json(topic->config));
	char who[512];
	if (engine_needs_topic(server_engine(server), topic->name, who, sizeof who))
		json_object_set_new(answer, "views", json_string(who));
	http_answer_json(response, answer);
	return STATUS_OK;
}

status http_topic_delete(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	status code = find_topic(server, request->segments[1], &topic);
	if (code != STATUS_OK)
		return code;
	if (topic->config->internal)
		return error_raise(STATUS_INVALID, "topic \"%s\" is internal", topic->name);
	const char *tables = engine_topic_users(server_engine(server), topic->name, request->arena);
	if (tables != NULL) {
		code = error_raise(STATUS_DEPENDENT, "topic \"%s\" is read by table %s", topic->name, tables);
		error_hint("Drop the table first.");
		return code;
	}
	code = topic_delete(server_log(server), request->segments[1]);
	if (code == STATUS_OK)
		http_answer_json(response, json_pack("{s:s}", "deleted", request->segments[1]));
	return code;
}

/* ---- append ---- */

struct appending; /* one request */

struct outgoing {
	struct append append; /* first */
	struct buffer batch;
	int64_t count;
	struct appending *owner;
};

struct appending {
	struct log *log;
	const struct topic *topic;
	int32_t partitions;
	struct record_batch_builder *builders; /* per partition */
	struct outgoing **sent;
	size_t sent_count, sent_capacity;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t unfinished; /* lock */
};

static void append_done(struct append *append)
{
	struct appending *appending = ((struct outgoing *)append)->owner;
	pthread_mutex_lock(&appending->lock);
	appending->unfinished--;
	pthread_cond_signal(&appending->changed);
	pthread_mutex_unlock(&appending->lock);
}

static status send_batch(struct appending *appending, int32_t partition)
{
	struct record_batch_builder *builder = &appending->builders[partition];
	if (builder->count == 0)
		return STATUS_OK;
	struct outgoing *outgoing = mem_alloc_zeroed(1, sizeof *outgoing);
	outgoing->owner = appending;
	outgoing->count = builder->count;
	status code = record_batch_builder_finish(builder, CODEC_NONE, NULL, &outgoing->batch);
	if (code == STATUS_OK) {
		outgoing->append = (struct append){
			.partition = topic_partition(appending->topic, partition),
			.batch = outgoing->batch.data,
			.batch_size = outgoing->batch.size,
			.done = append_done,
		};
		pthread_mutex_lock(&appending->lock);
		appending->unfinished++;
		pthread_mutex_unlock(&appending->lock);
		while ((code = log_append(appending->log, &outgoing->append)) == STATUS_BACKPRESSURE) {
			struct timespec pause = {0, 2000000}; /* the queue drains at the disk's speed */
			(void)nanosleep(&pause, NULL);
		}
	}
	if (code != STATUS_OK) {
		pthread_mutex_lock(&appending->lock);
		appending->unfinished -= outgoing->append.done != NULL;
		pthread_mutex_unlock(&appending->lock);
		buffer_deinit(&outgoing->batch);
		mem_free(outgoing);
		return code;
	}
	if (appending->sent_count == appending->sent_capacity) {
		appending->sent_capacity = appending->sent_capacity == 0 ? 16 : appending->sent_capacity * 2;
		appending->sent = mem_resize(appending->sent, appending->sent_capacity * sizeof(struct outgoing *));
	}
	appending->sent[appending->sent_count++] = outgoing;
	return STATUS_OK;
}

static status add_record(struct appending *appending, int32_t partition, int64_t timestamp_ms,
	struct slice key, struct slice value)
{
	struct record_batch_builder *builder = &appending->builders[partition];
	record_batch_builder_add(builder, timestamp_ms, key, value, NULL, 0);
	return record_batch_builder_size(builder) >= APPEND_BATCH_BYTES ? send_batch(appending, partition)
																	: STATUS_OK;
}

/* Waits for every batch, reports the first failure. */
static status finish_appends(struct appending *appending, status code, json_t *offsets, int64_t *count)
{
	for (int32_t i = 0; code == STATUS_OK && i < appending->partitions; i++)
		code = send_batch(appending, i);
	struct error first = *error_current();
	pthread_mutex_lock(&appending->lock);
	while (appending->unfinished != 0)
		pthread_cond_wait(&appending->changed, &appending->lock);
	pthread_mutex_unlock(&appending->lock);
	for (size_t i = 0; i < appending->sent_count; i++) {
		struct outgoing *outgoing = appending->sent[i];
		int32_t partition = partition_number(outgoing->append.partition);
		if (outgoing->append.result == STATUS_OK) {
			json_array_append_new(
				offsets, json_pack("{s:i, s:I, s:I}", "partition", (int)partition, "base_offset",
							 (json_int_t)outgoing->append.base_offset, "count", (json_int_t)outgoing->count));
			*count += outgoing->count;
		} else if (code == STATUS_OK) {
			code = error_raise(outgoing->append.result, "partition %d of topic \"%s\" refused records: %s",
				partition, appending->topic->name, status_words(outgoing->append.result));
			first = *error_current();
		}
		buffer_deinit(&outgoing->batch);
		mem_free(outgoing);
	}
	return code == STATUS_OK ? STATUS_OK : error_restore(&first);
}

static status append_lines(struct appending *appending, const struct http_request *request, int32_t partition)
{
	int64_t now_ms = clock_wall_ms();
	struct slice body = request->body;
	status code = STATUS_OK;
	while (code == STATUS_OK && body.size != 0) {
		const uint8_t *end = memchr(body.data, '\n', body.size);
		size_t size = end != NULL ? (size_t)(end - body.data) : body.size;
		struct slice line = slice_of(body.data, size);
		if (line.size != 0 && line.data[line.size - 1] == '\r')
			line.size--;
		if (line.size != 0)
			code = add_record(appending, partition, now_ms, (struct slice){0}, line);
		size_t used = end != NULL ? size + 1 : size;
		body = slice_of(body.data + used, body.size - used);
	}
	return code;
}

/* Kafka's default partitioner for keyed records (murmur2 of the key, positive, modulo partitions), so that a
 * key goes where the Java client would put it. After the public-domain MurmurHash2 as Kafka's Utils.murmur2
 * parametrises it (seed 0x9747b28c). */
static uint32_t murmur2(struct slice key)
{
	const uint32_t multiplier = 0x5bd1e995;
	uint32_t hash = 0x9747b28cu ^ (uint32_t)key.size;
	const uint8_t *at = key.data;
	size_t left = key.size;
	for (; left >= 4; at += 4, left -= 4) {
		uint32_t word;
		memcpy(&word, at, 4);
		word *= multiplier;
		word ^= word >> 24;
		word *= multiplier;
		hash = hash * multiplier ^ word;
	}
	if (left >= 3)
		hash ^= (uint32_t)at[2] << 16;
	if (left >= 2)
		hash ^= (uint32_t)at[1] << 8;
	if (left >= 1)
		hash = (hash ^ at[0]) * multiplier;
	hash ^= hash >> 13;
	hash *= multiplier;
	return hash ^ hash >> 15;
}

/* Strings as they are, null as null, anything else as compact JSON text. */
static struct slice json_bytes(json_t *json, struct arena *arena)
{
	if (json == NULL || json_is_null(json))
		return (struct slice){0};
	if (json_is_string(json))
		return slice_of(json_string_value(json), json_string_length(json));
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	const char *copy = arena_copy_string(arena, text);
	free(text);
	return slice_of_string(copy);
}

static status append_record(
	struct appending *appending, json_t *record, size_t number, int32_t fallback, struct arena *arena)
{
	int32_t partitions = appending->partitions;
	if (!json_is_object(record) || json_object_get(record, "value") == NULL)
		return error_raise(STATUS_INVALID, "record %zu has no \"value\"", number);
	struct slice key = json_bytes(json_object_get(record, "key"), arena);
	struct slice value = json_bytes(json_object_get(record, "value"), arena);
	json_t *chosen = json_object_get(record, "partition");
	json_int_t partition =
		key.data != NULL ? (json_int_t)((murmur2(key) & 0x7fffffff) % (uint32_t)partitions) : fallback;
	if (chosen != NULL)
		partition = json_is_integer(chosen) ? json_integer_value(chosen) : -1;
	if (partition < 0 || partition >= partitions)
		return error_raise(STATUS_INVALID, "record %zu: topic \"%s\" has partitions 0 to %d", number,
			appending->topic->name, partitions - 1);
	json_t *time = json_object_get(record, "timestamp_ms");
	if (time != NULL && (!json_is_integer(time) || json_integer_value(time) < 0))
		return error_raise(STATUS_INVALID,
			"record %zu: timestamp_ms must be a whole number of milliseconds since 1970", number);
	return add_record(
		appending, (int32_t)partition, time != NULL ? json_integer_value(time) : clock_wall_ms(), key, value);
}

static status append_json(struct appending *appending, const struct http_request *request, int32_t partition)
{
	json_t *body;
	status code = http_body_json(request, &body);
	if (code != STATUS_OK)
		return code;
	json_t *records = json_object_get(body, "records");
	if (!json_is_array(records)) {
		code = error_raise(STATUS_INVALID, "the body needs a list \"records\"");
		error_hint("{\"records\": [{\"key\": …, \"value\": …}]}, or lines as application/x-ndjson.");
	}
	for (size_t i = 0; code == STATUS_OK && i < json_array_size(records); i++)
		code = append_record(appending, json_array_get(records, i), i, partition, request->arena);
	json_decref(body);
	return code;
}

status http_topic_append(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	static atomic_uint turn;
	const struct topic *topic;
	status code = find_topic(server, request->segments[1], &topic);
	if (code != STATUS_OK)
		return code;
	if (topic->config->internal)
		return error_raise(
			STATUS_INVALID, "topic \"%s\" is internal: only the appliance writes to it", topic->name);
	int64_t partition;
	int32_t partitions = topic->config->partitions; /* it may grow meanwhile */
	int64_t next = (int64_t)(atomic_fetch_add(&turn, 1) % (unsigned)partitions);
	code = http_integer(request, "partition", 0, partitions - 1, next, &partition);
	if (code != STATUS_OK)
		return code;
	struct appending appending = {.log = server_log(server), .topic = topic, .partitions = partitions};
	pthread_mutex_init(&appending.lock, NULL);
	pthread_cond_init(&appending.changed, NULL);
	appending.builders = mem_alloc_zeroed((size_t)partitions, sizeof *appending.builders);
	for (int32_t i = 0; i < partitions; i++)
		record_batch_builder_init(&appending.builders[i]);
	bool json = strcmp(request->content_type, "application/json") == 0;
	code = json ? append_json(&appending, request, (int32_t)partition)
				: append_lines(&appending, request, (int32_t)partition);
	json_t *offsets = json_array();
	int64_t count = 0;
	code = finish_appends(&appending, code, offsets, &count);
	for (int32_t i = 0; i < partitions; i++)
		record_batch_builder_deinit(&appending.builders[i]);
	mem_free(appending.builders);
	mem_free(appending.sent);
	pthread_mutex_destroy(&appending.lock);
	pthread_cond_destroy(&appending.changed);
	if (code != STATUS_OK) {
		json_decref(offsets);
		return count != 0 ? error_note(code, "%lld records of this request are in the log", (long long)count)
						  : code;
	}
	http_answer_json(response,
		json_pack("{s:s, s:I, s:o}", "topic", topic->name, "count", (json_int_t)count, "offsets", offsets));
	return STATUS_OK;
}

/* ---- read ---- */

static void set_bytes(json_t *object, const char *name, struct slice bytes)
{
	if (bytes.data == NULL) {
		json_object_set_new(object, name, json_null());
		return;
	}
	json_t *text = json_stringn((const char *)bytes.data, bytes.size); /* NULL unless UTF-8 */
	if (text != NULL) {
		json_object_set_new(object, name, text);
		return;
	}
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buffer encoded;
	buffer_init(&encoded);
	for (size_t i = 0; i < bytes.size; i += 3) {
		uint32_t group = (uint32_t)bytes.data[i] << 16;
		group |= i + 1 < bytes.size ? (uint32_t)bytes.data[i + 1] << 8 : 0;
		group |= i + 2 < bytes.size ? bytes.data[i + 2] : 0;
		for (unsigned j = 0; j < 4; j++)
			buffer_append_byte(
				&encoded, i + j > bytes.size ? '=' : (uint8_t)digits[group >> (18 - 6 * j) & 63]);
	}
	char label[32];
	(void)snprintf(label, sizeof label, "%s_base64", name);
	json_object_set_new(object, label, json_stringn((const char *)encoded.data, encoded.size));
	buffer_deinit(&encoded);
}

static json_t *record_json(const struct record *record)
{
	json_t *object = json_pack(
		"{s:I, s:I}", "offset", (json_int_t)record->offset, "timestamp_ms", (json_int_t)record->timestamp_ms);
	set_bytes(object, "key", record->key);
	set_bytes(object, "value", record->value);
	return object;
}

/* Committed records only, unless asked otherwise: as a Kafka consumer at isolation.level=read_committed. */
static int64_t records_end(const struct partition *partition, bool uncommitted)
{
	return uncommitted ? partition_high_watermark(partition) : partition_last_stable_offset(partition);
}

static status collect_records(
	struct partition *partition, bool uncommitted, int64_t *offset, int64_t limit, json_t *records)
{
	struct buffer bytes;
	buffer_init(&bytes);
	struct record_iterator iterator;
	record_iterator_init(&iterator, (struct slice){0});
	status code = STATUS_OK;
	size_t size = 0;
	while (code == STATUS_OK && (int64_t)json_array_size(records) < limit && size < READ_BYTES * 4 &&
		   *offset < records_end(partition, uncommitted)) {
		int64_t next_offset = *offset;
		bytes.size = 0;
		code = uncommitted ? partition_read(partition, *offset, READ_BYTES, &bytes)
						   : partition_read_committed(
								 partition, *offset, INT64_MAX, READ_BYTES, &bytes, &next_offset);
		if (code != STATUS_OK)
			break;
		size += bytes.size;
		if (uncommitted)
			next_offset = record_batches_end(buffer_slice(&bytes), *offset);
		record_iterator_reset(&iterator, buffer_slice(&bytes));
		struct record record;
		while ((int64_t)json_array_size(records) < limit &&
			   (code = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			if (record.offset < *offset)
				continue;
			json_array_append_new(records, record_json(&record));
			*offset = record.offset + 1;
		}
		if (code == STATUS_END) {
			*offset = next_offset; /* behind what was not shown, too */
			code = STATUS_OK;
		}
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	return code;
}

static status isolation_parse(const struct http_request *request, bool *uncommitted)
{
	const char *text = http_parameter(request, "isolation");
	*uncommitted = text != NULL && strcmp(text, "read_uncommitted") == 0;
	if (text == NULL || *uncommitted || strcmp(text, "read_committed") == 0)
		return STATUS_OK;
	return error_raise(STATUS_INVALID, "isolation is read_committed or read_uncommitted, not \"%s\"", text);
}

status http_topic_records(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	int64_t number;
	int64_t offset;
	int64_t limit;
	int64_t wait_ms;
	status code = find_topic(server, request->segments[1], &topic);
	if (code == STATUS_OK)
		code = http_integer(request, "partition", 0, topic->config->partitions - 1, 0, &number);
	if (code == STATUS_OK)
		code = http_integer(request, "offset", 0, INT64_MAX, 0, &offset);
	if (code == STATUS_OK)
		code = http_integer(request, "limit", 1, READ_RECORDS_MAX, 100, &limit);
	if (code == STATUS_OK)
		code = http_integer(request, "wait_ms", 0, READ_WAIT_MS_MAX, 0, &wait_ms);
	bool uncommitted = false;
	if (code == STATUS_OK)
		code = isolation_parse(request, &uncommitted);
	if (code != STATUS_OK)
		return code;
	struct partition *partition = topic_partition(topic, (int32_t)number);
	if (offset < partition_log_start(partition))
		offset = partition_log_start(partition);
	int64_t until_ns = clock_monotonic_ns() + wait_ms * 1000000;
	while (records_end(partition, uncommitted) <= offset && clock_monotonic_ns() < until_ns &&
		   !request->gone(request->gone_context) && !server_is_stopping(server)) {
		struct timespec pause = {0, READ_POLL_MS * 1000000};
		(void)nanosleep(&pause, NULL);
	}
	json_t *records = json_array();
	code = collect_records(partition, uncommitted, &offset, limit, records);
	if (code != STATUS_OK) {
		json_decref(records);
		return code;
	}
	http_answer_json(response, json_pack("{s:i, s:I, s:I, s:I, s:I, s:o}", "partition", (int)number,
								   "log_start", (json_int_t)partition_log_start(partition), "high_watermark",
								   (json_int_t)partition_high_watermark(partition), "last_stable_offset",
								   (json_int_t)partition_last_stable_offset(partition), "next_offset",
								   (json_int_t)offset, "records", records));
	return STATUS_OK;
}
