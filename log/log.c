/* Opening, closing, and appending: the log's front door. The rest is behind it: topics.c (which topics),
 * partition.c (reading), writer.c (writing), recovery.c (starting up). */
#include "log/log.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/cleaner.h"
#include "log/partition.h"
#include "log/topics.h"
#include "log/writer.h"

static void log_free(struct log *log)
{
	topics_close(log);
	file_close(&log->lock_file);
	(void)pthread_mutex_destroy(&log->admin_lock);
	(void)pthread_mutex_destroy(&log->topics_lock);
	(void)pthread_mutex_destroy(&log->producer_ids_lock);
	mem_free(log->dir);
	mem_free(log);
}

static status log_directory_open(struct log *log)
{
	char path[SEGMENT_PATH_MAX];
	status result = STATUS_OK;
	if (!file_exists(log->dir)) {
		result = directory_create(log->dir);
		if (result == STATUS_OK)
			result = directory_sync_parent(log->dir);
	}
	if (result != STATUS_OK)
		return result;
	(void)snprintf(path, sizeof path, "%s/.lock", log->dir);
	return file_lock(&log->lock_file, path);
}

status log_open(const struct log_options *options, struct log **out)
{
	if (strlen(options->dir) > LOG_DIR_MAX)
		return error_raise(
			STATUS_INVALID, "the log's directory has a path of more than %d bytes", LOG_DIR_MAX);
	if (options->segment_bytes < 0 || options->segment_bytes > INT32_MAX)
		return error_raise(STATUS_INVALID, "the log's segment size is 1 to %d bytes, not %lld", INT32_MAX,
			(long long)options->segment_bytes);
	struct log *log = mem_alloc_zeroed(1, sizeof *log);
	log->dir = mem_copy_string(options->dir);
	log->segment_bytes = options->segment_bytes != 0 ? options->segment_bytes : SEGMENT_BYTES_DEFAULT;
	log->lock_file = (struct file){-1, NULL};
	log->needed = options->needed;
	log->needed_context = options->needed_context;
	INVARIANT(pthread_mutex_init(&log->admin_lock, NULL) == 0 &&
			  pthread_mutex_init(&log->topics_lock, NULL) == 0 &&
			  pthread_mutex_init(&log->producer_ids_lock, NULL) == 0);
	status result = log_directory_open(log);
	if (result == STATUS_OK)
		result = topics_open(log);
	if (result == STATUS_OK)
		result = writer_create(&log->writer,
			options->queue_bytes_max != 0 ? options->queue_bytes_max : QUEUE_BYTES_MAX_DEFAULT,
			options->advanced, options->context);
	if (result == STATUS_OK)
		result = cleaner_create(&log->cleaner, log, options->clean_interval_ms, options->clean_bytes_max);
	if (result != STATUS_OK) {
		writer_destroy(log->writer);
		log_free(log);
		return error_note(result, "while opening the log in %s", options->dir);
	}
	*out = log;
	return STATUS_OK;
}

void log_close(struct log *log)
{
	if (log == NULL)
		return;
	cleaner_destroy(log->cleaner); /* it appends to the registry and rolls segments */
	writer_destroy(log->writer);
	/* Nobody needs the active segments' index files but other programs that look at a stopped log. */
	for (size_t t = 0; t < log->topic_count; t++)
		for (int32_t i = 0; i < log->topics[t]->config->partitions; i++) {
			const struct partition *partition = topic_partition(log->topics[t], i);
			if (!atomic_load(&partition->poisoned) && partition_active(partition)->summary.size != 0)
				segment_index_write(&partition_active(partition)->index, partition->dir);
		}
	log_free(log);
}

const char *log_directory(const struct log *log)
{
	return log->dir;
}

status log_append(struct log *log, struct append *append)
{
	return writer_enqueue(log->writer, append, false);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
};

static void waiter_wake(struct append *append)
{
	struct waiter *waiter = append->context;
	pthread_mutex_lock(&waiter->lock);
	waiter->done = true;
	pthread_cond_signal(&waiter->ended); /* under the lock: the waiter's memory ends with its wait */
	pthread_mutex_unlock(&waiter->lock);
}

/* The words that append->result lacks. */
static status append_error(const struct partition *partition, status result)
{
	const char *name = partition->topic->name;
	switch (result) {
	case STATUS_OUT_OF_ORDER_SEQUENCE:
		return error_raise(result, "the batch's sequence does not follow the producer's last one in %s-%d",
			name, partition->number);
	case STATUS_STALE_PRODUCER_EPOCH:
		return error_raise(
			result, "%s-%d knows a newer epoch of the batch's producer", name, partition->number);
	case STATUS_TRANSACTION_STATE:
		return error_raise(result,
			"the batch's producer has an open transaction in %s-%d, which it is no part of", name,
			partition->number);
	case STATUS_NOT_FOUND:
		return error_raise(result, "topic %s was deleted", name);
	default:
		if (atomic_load(&partition->poisoned)) {
			error_raise(result, "%s", partition->poison.text);
			error_hint("The partition takes no more appends; restart to recover.");
			return error_note(result, "while appending to %s-%d", name, partition->number);
		}
		return error_raise(result, "appending to %s-%d: %s", name, partition->number, status_words(result));
	}
}

/* Without batch: see writer_enqueue(). */
static status append_wait(
	struct log *log, struct partition *partition, uint8_t *batch, size_t batch_size, int64_t *base_offset)
{
	struct waiter waiter = {.done = false};
	INVARIANT(pthread_mutex_init(&waiter.lock, NULL) == 0 && pthread_cond_init(&waiter.ended, NULL) == 0);
	struct append append = {
		.partition = partition,
		.batch = batch,
		.batch_size = batch_size,
		.done = waiter_wake,
		.context = &waiter,
	};
	status result = writer_enqueue(log->writer, &append, true);
	if (result == STATUS_OK) {
		pthread_mutex_lock(&waiter.lock);
		while (!waiter.done)
			pthread_cond_wait(&waiter.ended, &waiter.lock);
		pthread_mutex_unlock(&waiter.lock);
		if (append.result == STATUS_OK)
			*base_offset = append.base_offset;
		else
			result = append_error(partition, append.result);
	}
	(void)pthread_cond_destroy(&waiter.ended);
	(void)pthread_mutex_destroy(&waiter.lock);
	return result;
}

status log_append_wait(
	struct log *log, struct partition *partition, uint8_t *batch, size_t batch_size, int64_t *base_offset)
{
	INVARIANT(batch != NULL);
	return append_wait(log, partition, batch, batch_size, base_offset);
}

status log_roll_wait(struct log *log, struct partition *partition)
{
	int64_t none;
	return append_wait(log, partition, NULL, 0, &none);
}
