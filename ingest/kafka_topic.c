/* What several handlers ask about topics, names and errors. See kafka_request.h. */
#include "base/hash.h"
#include "ingest/kafka_request.h"

const char *kafka_text(struct arena *arena, struct slice bytes)
{
	char *text = arena_alloc(arena, bytes.size + 1);
	if (bytes.size != 0)
		memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	return text;
}

const struct topic *kafka_topic_find(struct log *log, struct slice name)
{
	char text[TOPIC_NAME_MAX + 1];
	if (name.size > TOPIC_NAME_MAX || name.size == 0 || memchr(name.data, 0, name.size) != NULL)
		return NULL;
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	const struct topic *topic;
	return topic_find(log, text, &topic) == STATUS_OK ? topic : NULL;
}

struct partition *kafka_partition_find(struct log *log, struct slice name, int32_t partition)
{
	const struct topic *topic = kafka_topic_find(log, name);
	if (topic == NULL || partition < 0 || partition >= topic->config->partitions)
		return NULL;
	return topic_partition(topic, partition);
}

bool kafka_topic_is_internal(struct slice name)
{
	return name.size >= 2 && name.data[0] == '_' && name.data[1] == '_';
}

void kafka_topic_uuid(const struct topic *topic, uint8_t uuid[16])
{
	put_be64(uuid, hash_bytes(topic->name, strlen(topic->name), topic->incarnation) | 1);
	put_be64(uuid + 8, topic->incarnation);
}

struct slice kafka_error_text(struct arena *arena)
{
	const struct error *error = error_current();
	return slice_of_string(error->hint[0] == '\0' ? arena_copy_string(arena, error->text)
												  : arena_printf(arena, "%s; %s", error->text, error->hint));
}

int16_t kafka_error_of(status code)
{
	/* SHUTDOWN: the client looks for the leader again, and finds us when we are back. */
	return code == STATUS_SHUTDOWN ? KAFKA_NOT_LEADER_OR_FOLLOWER : status_kafka_code(code);
}

int16_t kafka_leader_epoch_check(int32_t current_leader_epoch)
{
	if (current_leader_epoch < 0 || current_leader_epoch == KAFKA_LEADER_EPOCH)
		return KAFKA_NONE;
	return current_leader_epoch < KAFKA_LEADER_EPOCH ? KAFKA_FENCED_LEADER_EPOCH : KAFKA_UNKNOWN_LEADER_EPOCH;
}
