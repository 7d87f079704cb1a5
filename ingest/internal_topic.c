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

status internal_topic_open(struct log *log, const char *name, struct partition **out)
{
	const struct topic *topic;
	status result = topic_need(log, name, &topic);
	if (result == STATUS_OK)
		*out = topic_partition(topic, 0);
	return result;
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
		result = log_append_wait(log, topic_partition(topic, 0), batch.data, batch.size, &offset);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
	return result;
}

/* ---- reading ---- */

status internal_topic_scan(struct partition *partition, internal_topic_visit_batches *visit, void *context)
{
	struct buffer bytes;
	buffer_init(&bytes);
	int64_t offset = partition_log_start(partition);
	status result;
	while ((result = partition_read(partition, offset, READ_BYTES, &bytes)) == STATUS_OK) {
		result = visit(context, buffer_slice(&bytes));
		if (result != STATUS_OK)
			break;
		offset = record_batches_end(buffer_slice(&bytes), offset);
		bytes.size = 0;
	}
	buffer_deinit(&bytes);
	if (result == STATUS_END)
		return STATUS_OK;
	return error_note(result, "while reading topic %s", partition_topic(partition)->name);
}

struct reading {
	struct record_iterator iterator;
	internal_topic_visit *visit;
	void *context;
};

static status batches_read(void *context, struct slice batches)
{
	struct reading *reading = context;
	struct record record;
	status result;
	record_iterator_reset(&reading->iterator, batches);
	while ((result = record_iterator_next(&reading->iterator, &record)) == STATUS_OK) {
		result = reading->visit(reading->context, &record);
		if (result != STATUS_OK)
			return result;
	}
	return result == STATUS_END ? STATUS_OK : result;
}

status internal_topic_read(struct log *log, const char *name, internal_topic_visit *visit, void *context)
{
	const struct topic *topic;
	if (topic_find(log, name, &topic) != STATUS_OK)
		return STATUS_OK;
	struct reading reading = {.visit = visit, .context = context};
	record_iterator_init(&reading.iterator, (struct slice){0});
	status result = internal_topic_scan(topic_partition(topic, 0), batches_read, &reading);
	record_iterator_deinit(&reading.iterator);
	return result;
}
