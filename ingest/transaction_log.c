/* See transaction_log.h. */
#include "ingest/transaction_log.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/memory.h"
#include "ingest/internal_topic.h"
#include "ingest/kafka_error.h"
#include "log/record_batch.h"

struct transaction_log {
	struct log *log;
	struct group_coordinator *groups;
	struct partition *partition;
	struct transaction_coordinator *coordinator;
};

/* An append under way: of a record (entry) or a marker (mark). */
struct write {
	struct append append;
	struct buffer batch;
	struct transaction_coordinator *coordinator;
	struct transaction_entry *entry;
	struct transaction_mark *mark;
};

/* The writer thread's. */
static void write_done(struct append *append)
{
	struct write write = *(struct write *)append->context;
	status result = append->result;
	mem_free(append->context);
	buffer_deinit(&write.batch);
	if (write.entry != NULL)
		transaction_coordinator_recorded(write.coordinator, write.entry, result);
	else
		transaction_coordinator_marked(write.coordinator, write.mark, result);
}

static status write_begin(struct transaction_log *transactions, struct partition *partition,
	struct buffer *batch, struct transaction_entry *entry, struct transaction_mark *mark)
{
	struct write *write = mem_alloc_zeroed(1, sizeof *write);
	*write = (struct write){
		.append = {.partition = partition,
			.batch = batch->data,
			.batch_size = batch->size,
			.done = write_done,
			.context = write},
		.batch = *batch,
		.coordinator = transactions->coordinator,
		.entry = entry,
		.mark = mark,
	};
	/* From here on the writer may have it, and end it. */
	status result = log_append(transactions->log, &write->append);
	if (result != STATUS_OK)
		mem_free(write);
	return result;
}

static status store_record(void *context, struct buffer *batch, struct transaction_entry *entry)
{
	struct transaction_log *transactions = context;
	return write_begin(transactions, transactions->partition, batch, entry, NULL);
}

static status store_mark(void *context, const char *topic_name, int32_t partition, struct buffer *batch,
	struct transaction_mark *mark)
{
	struct transaction_log *transactions = context;
	const struct topic *topic;
	if (topic_find(transactions->log, topic_name, &topic) != STATUS_OK ||
		partition >= topic->config->partitions)
		return STATUS_NOT_FOUND;
	return write_begin(transactions, topic_partition(topic, partition), batch, NULL, mark);
}

/* ---- offsets of groups ---- */

struct offsets_write {
	struct group_call call;
	struct arena arena;
	struct transaction_coordinator *coordinator;
	struct transaction_mark *mark;
};

static void offsets_done(struct group_call *call)
{
	struct offsets_write *write = call->context;
	struct transaction_coordinator *coordinator = write->coordinator;
	struct transaction_mark *mark = write->mark;
	int16_t error_code = call->error_code;
	arena_deinit(&write->arena);
	mem_free(write);
	transaction_coordinator_marked(
		coordinator, mark, error_code == KAFKA_NONE ? STATUS_OK : STATUS_NOT_READY);
}

static void store_offsets_end(void *context, int64_t producer_id, bool commit, struct transaction_mark *mark)
{
	struct transaction_log *transactions = context;
	struct offsets_write *write = mem_alloc_zeroed(1, sizeof *write);
	arena_init(&write->arena);
	write->coordinator = transactions->coordinator;
	write->mark = mark;
	write->call = (struct group_call){.arena = &write->arena, .done = offsets_done, .context = write};
	group_coordinator_stage_end(
		transactions->groups, producer_id, commit, &write->call, clock_monotonic_ns() / 1000000);
}

/* ---- start ---- */

static status orphan_abort(
	struct transaction_log *transactions, struct partition *partition, const struct open_transaction *open)
{
	struct buffer batch = {0};
	int64_t offset;
	diag(DIAG_WARN, "transactions", "unknown_aborted",
		"topic=%s partition=%d producer_id=%lld first_offset=%lld", partition_topic(partition)->name,
		partition_number(partition), (long long)open->producer_id, (long long)open->first_offset);
	transaction_marker_build(
		open->producer_id, open->producer_epoch, MARKER_ABORT, 0, clock_wall_ms(), &batch);
	status result = log_append_wait(transactions->log, partition, batch.data, batch.size, &offset);
	buffer_deinit(&batch);
	return result;
}

/* A transaction that nobody will end. */
static status orphans_abort(struct transaction_log *transactions)
{
	const struct topic **topics;
	size_t topic_count;
	status result = STATUS_OK;
	topic_list(transactions->log, &topics, &topic_count);
	for (size_t t = 0; t < topic_count && result == STATUS_OK; t++) {
		for (int32_t i = 0; i < topics[t]->config->partitions && result == STATUS_OK; i++) {
			struct open_transaction *open;
			size_t count;
			partition_open_transactions(topic_partition(topics[t], i), &open, &count);
			for (size_t o = 0; o < count && result == STATUS_OK; o++)
				if (!transaction_coordinator_knows(
						transactions->coordinator, open[o].producer_id, topics[t]->name, i))
					result = orphan_abort(transactions, topic_partition(topics[t], i), &open[o]);
			mem_free(open);
		}
	}
	mem_free(topics);
	return result;
}

static status batches_load(void *context, struct slice batches)
{
	return transaction_coordinator_load(context, batches);
}

status transaction_log_open(struct log *log, struct group_coordinator *groups, struct transaction_log **out)
{
	struct partition *partition;
	status result = internal_topic_open(log, TRANSACTIONS_TOPIC_NAME, &partition);
	if (result != STATUS_OK)
		return result;
	struct transaction_log *transactions = mem_alloc_zeroed(1, sizeof *transactions);
	transactions->log = log;
	transactions->groups = groups;
	transactions->partition = partition;
	struct transaction_coordinator_options options = transaction_coordinator_options_default();
	options.store = (struct transaction_store){
		transactions, store_record, store_mark, groups != NULL ? store_offsets_end : NULL};
	transactions->coordinator = transaction_coordinator_create(&options);
	result = internal_topic_scan(partition, batches_load, transactions->coordinator);
	if (result == STATUS_OK)
		result = orphans_abort(transactions);
	if (result != STATUS_OK) {
		transaction_log_close(transactions);
		return result;
	}
	*out = transactions;
	return STATUS_OK;
}

void transaction_log_begin(struct transaction_log *transactions, int64_t now_ms)
{
	transaction_coordinator_loaded(transactions->coordinator, now_ms);
}

struct transaction_coordinator *transaction_log_coordinator(struct transaction_log *transactions)
{
	return transactions->coordinator;
}

void transaction_log_close(struct transaction_log *transactions)
{
	if (transactions == NULL)
		return;
	transaction_coordinator_destroy(transactions->coordinator);
	mem_free(transactions);
}
