/* See group_log.h. */
#include "ingest/group_log.h"

#include "base/memory.h"
#include "ingest/internal_topic.h"

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

static status batches_load(void *context, struct slice batches)
{
	return group_coordinator_load(context, batches);
}

status group_log_open(
	struct log *log, const struct group_coordinator_options *options, int64_t now_ms, struct group_log **out)
{
	struct partition *partition;
	status result = internal_topic_open(log, GROUPS_TOPIC_NAME, &partition);
	if (result != STATUS_OK)
		return result;
	struct group_log *groups = mem_alloc_zeroed(1, sizeof *groups);
	groups->log = log;
	groups->partition = partition;
	struct group_coordinator_options own = *options;
	own.store = (struct group_store){groups, store_append, store_incarnation};
	groups->coordinator = group_coordinator_create(&own);
	result = internal_topic_scan(partition, batches_load, groups->coordinator);
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
