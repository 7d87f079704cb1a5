/* See group_log.h. */
#include "ingest/group_log.h"

#include "base/memory.h"
#include "log/record_batch.h"

enum { READ_BYTES = 1024 * 1024 };

struct group_log {
	struct log *log;
	struct partition *partition;
	struct group_coordinator *coordinator;
	struct append append; /* the one under way */
	struct buffer batch;
};

/* The writer thread's. */
static void append_done(struct append *append)
{
	struct group_log *groups = append->context;
	status result = append->result;
	buffer_deinit(&groups->batch);
	group_coordinator_appended(groups->coordinator, result);
}

static status store_append(void *context, struct buffer *batch)
{
	struct group_log *groups = context;
	groups->batch = *batch;
	groups->append = (struct append){
		.partition = groups->partition,
		.batch = groups->batch.data,
		.batch_size = groups->batch.size,
		.done = append_done,
		.context = groups,
	};
	/* From here on the writer may have it, and end it: nothing of `groups` is touched after. */
	return log_append(groups->log, &groups->append);
}

static uint64_t store_incarnation(void *context, struct slice name, int32_t number)
{
	struct group_log *groups = context;
	char text[TOPIC_NAME_MAX + 1];
	if (name.size == 0 || name.size > TOPIC_NAME_MAX || memchr(name.data, 0, name.size) != NULL)
		return 0;
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	const struct topic *topic;
	if (topic_find(groups->log, text, &topic) != STATUS_OK || number < 0 ||
		number >= topic->config->partitions)
		return 0;
	return topic->incarnation;
}

static status topic_open(struct log *log, const struct topic **out)
{
	status result = topic_find(log, GROUPS_TOPIC_NAME, out);
	if (result == STATUS_NOT_FOUND) {
		struct topic_config config = topic_config_default();
		config.internal = true;
		result = topic_create(log, GROUPS_TOPIC_NAME, &config);
		if (result == STATUS_OK)
			result = topic_find(log, GROUPS_TOPIC_NAME, out);
	}
	if (result != STATUS_OK)
		return result;
	/* C2: only the newest record of a key counts. A log that cannot compact keeps them all. */
	struct topic_config config = *(*out)->config;
	if (config.cleanup_policy == CLEANUP_COMPACT)
		return STATUS_OK;
	config.cleanup_policy = CLEANUP_COMPACT;
	result = topic_alter(log, GROUPS_TOPIC_NAME, &config);
	return result == STATUS_UNSUPPORTED ? STATUS_OK : result;
}

/* The offset behind the last batch of `bytes`. */
static int64_t batches_end(struct slice bytes, int64_t offset)
{
	struct record_batch batch;
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK) {
		offset = batch.base_offset + batch.last_offset_delta + 1;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
	return offset;
}

static status records_read(struct group_log *groups)
{
	struct buffer bytes = {0};
	int64_t offset = partition_log_start(groups->partition);
	status result;
	while ((result = partition_read(groups->partition, offset, READ_BYTES, &bytes)) == STATUS_OK) {
		result = group_coordinator_load(groups->coordinator, buffer_slice(&bytes));
		if (result != STATUS_OK)
			break;
		offset = batches_end(buffer_slice(&bytes), offset);
		bytes.size = 0;
	}
	buffer_deinit(&bytes);
	return result == STATUS_END ? STATUS_OK : error_note(result, "while reading topic %s", GROUPS_TOPIC_NAME);
}

status group_log_open(
	struct log *log, const struct group_coordinator_options *options, int64_t now_ms, struct group_log **out)
{
	const struct topic *topic;
	status result = topic_open(log, &topic);
	if (result != STATUS_OK)
		return result;
	struct group_log *groups = mem_alloc_zeroed(1, sizeof *groups);
	groups->log = log;
	groups->partition = topic->partitions[0];
	struct group_coordinator_options own = *options;
	own.store = (struct group_store){groups, store_append, store_incarnation};
	groups->coordinator = group_coordinator_create(&own);
	result = records_read(groups);
	if (result != STATUS_OK) {
		group_log_close(groups);
		return result;
	}
	group_coordinator_loaded(groups->coordinator, now_ms);
	*out = groups;
	return STATUS_OK;
}

struct group_coordinator *group_log_coordinator(struct group_log *groups)
{
	return groups->coordinator;
}

void group_log_close(struct group_log *groups)
{
	if (groups == NULL)
		return;
	group_coordinator_destroy(groups->coordinator);
	mem_free(groups);
}
