/* The appliance's own topics; see internal_topic.h. */
#include "ingest/internal_topic.h"

#include "base/clock.h"

enum { READ_BYTES = 1024 * 1024, SEGMENT_BYTES = 16 * 1024 * 1024 };

static status topic_need(struct log *log, const char *name, const struct topic **topic)
{
	if (topic_find(log, name, topic) == STATUS_OK)
		return STATUS_OK;
	struct topic_config config = topic_config_default();
	config.internal = true;
	config.cleanup_policy = CLEANUP_COMPACT;
	config.segment_bytes = SEGMENT_BYTES;
	status result = topic_create(log, name, &config);
	if (result != STATUS_OK && result != STATUS_EXISTS)
		return result;
	return topic_find(log, name, topic);
}

status internal_topic_append(struct log *log, const char *name, const char *key, const char *value)
{
	const struct topic *topic;
	struct record_batch_builder builder;
	struct buffer batch;
	int64_t offset = 0;
	status result = topic_need(log, name, &topic);
	if (result != STATUS_OK)
		return result;
	record_batch_builder_init(&builder);
	buffer_init(&batch);
	record_batch_builder_add(&builder, clock_wall_ms(), slice_of_string(key),
		value != NULL ? slice_of_string(value) : (struct slice){0}, NULL, 0);
	result = record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch);
	if (result == STATUS_OK)
		result = log_append_wait(log, topic->partitions[0], batch.data, batch.size, &offset);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
	return result;
}

/* Behind the last batch, which may end with records that compaction took away, or have none left at all. */
static int64_t batches_end(struct slice bytes, int64_t otherwise)
{
	struct record_batch batch;
	int64_t end = otherwise;
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK) {
		end = batch.base_offset + batch.last_offset_delta + 1;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
	return end;
}

status internal_topic_read(struct log *log, const char *name, internal_topic_visit *visit, void *context)
{
	const struct topic *topic;
	if (topic_find(log, name, &topic) != STATUS_OK)
		return STATUS_OK;
	struct partition *partition = topic->partitions[0];
	int64_t offset = partition_log_start(partition);
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record;
	status result = STATUS_OK;
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	while (result == STATUS_OK) {
		bytes.size = 0;
		result = partition_read(partition, offset, READ_BYTES, &bytes);
		if (result != STATUS_OK)
			break;
		record_iterator_reset(&iterator, buffer_slice(&bytes));
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			result = record.offset >= offset ? visit(context, &record) : STATUS_OK;
			if (result != STATUS_OK)
				break;
		}
		if (result == STATUS_END) {
			offset = batches_end(buffer_slice(&bytes), offset);
			result = STATUS_OK;
		}
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	return result == STATUS_END ? STATUS_OK : result;
}
