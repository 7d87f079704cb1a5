/* See cleaner.h. */
#include "log/cleaner.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/compaction.h"
#include "log/partition.h"
#include "log/topic_config.h"
#include "log/topics.h"
#include "log/topics_internal.h"
#include "log/writer.h"

enum {
	INTERVAL_MS_DEFAULT = 30000,
	MAP_BYTES_DEFAULT = 64 * 1024 * 1024,
	CLEANER_NICE = 5, /* appends and reads first */
};

struct cleaner {
	/* Constant. */
	struct log *log;
	int64_t interval_ms; /* −1 = only when asked */
	size_t map_bytes_max;
	pthread_t thread;

	/* Any thread, under `lock`. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t asked, done; /* looks */

	_Atomic bool stop;
	_Atomic uint64_t passes, segments_removed, segments_compacted, bytes_removed, failures, held;
};

/* ---- one partition ---- */

struct look {
	struct cleaner *cleaner;
	struct partition *partition;
	const struct topic_config *config;
	int64_t now_ms;
	bool needed; /* by somebody, and not forced */
	uint64_t *held;
};

static bool active_copy(struct partition *partition, struct segment_summary *summary, int64_t *began_ms)
{
	pthread_mutex_lock(&partition->lock);
	const struct segment *active = partition_active(partition);
	*summary = active->summary;
	*began_ms = active->began_ms;
	pthread_mutex_unlock(&partition->lock);
	return summary->size != 0;
}

static bool is_expired(const struct look *look, const struct segment_summary *summary)
{
	if ((look->config->cleanup_policy & CLEANUP_DELETE) == 0 || look->config->retention_ms < 0)
		return false;
	/* A segment without records has nothing to keep; one whose records have no time is kept. */
	return summary->max_timestamp_ms == SEGMENT_TIME_NONE ||
		   (summary->max_timestamp_ms >= 0 &&
			   look->now_ms - summary->max_timestamp_ms > look->config->retention_ms);
}

static bool active_is_due(const struct look *look)
{
	struct segment_summary active;
	int64_t began_ms, first_ms;
	if (!active_copy(look->partition, &active, &began_ms))
		return false;
	if (look->now_ms - began_ms > look->config->segment_ms ||
		partition_log_start(look->partition) >= active.next_offset)
		return true;
	if (is_expired(look, &active) && !look->needed)
		return true;
	return (look->config->cleanup_policy & CLEANUP_COMPACT) != 0 &&
		   look->config->compaction_lag_ms_max != INT64_MAX && !look->needed &&
		   partition_first_time(look->partition, active.base_offset, &first_ms) == STATUS_OK &&
		   first_ms >= 0 && look->now_ms - first_ms > look->config->compaction_lag_ms_max;
}

/* Where the log would start if retention took what it may. */
static int64_t retention_start(const struct look *look)
{
	const struct topic_config *config = look->config;
	int64_t start = partition_log_start(look->partition);
	size_t count;
	if ((config->cleanup_policy & CLEANUP_DELETE) == 0)
		return start;
	struct segment_summary *segments = partition_sealed(look->partition, &count);
	int64_t bytes = (int64_t)partition_bytes(look->partition);
	for (size_t i = 0; i < count; i++) {
		bool over = config->retention_bytes >= 0 && bytes - segments[i].size >= config->retention_bytes;
		if (!over && !is_expired(look, &segments[i]))
			break;
		bytes -= segments[i].size;
		if (segments[i].next_offset > start)
			start = segments[i].next_offset;
	}
	mem_free(segments);
	return start;
}

static status retain(const struct look *look)
{
	struct partition *partition = look->partition;
	struct cleaner *cleaner = look->cleaner;
	int64_t start = retention_start(look), old = partition_log_start(partition);
	size_t before, after;
	if (start > old && look->needed) {
		*look->held += 1;
	} else if (start > old) {
		status result = partition_start_move(partition, start);
		if (result != STATUS_OK)
			return result;
		diag(DIAG_INFO, "log", "retention", "topic=%s partition=%d log_start=%" PRId64,
			partition->topic->name, partition->number, start);
	}
	int64_t bytes = (int64_t)partition_bytes(partition);
	mem_free(partition_sealed(partition, &before));
	partition_reclaim(partition);
	mem_free(partition_sealed(partition, &after));
	if (before > after) {
		atomic_fetch_add(&cleaner->segments_removed, before - after);
		bytes -= (int64_t)partition_bytes(partition);
		atomic_fetch_add(&cleaner->bytes_removed, bytes > 0 ? (uint64_t)bytes : 0);
	}
	return STATUS_OK;
}

static bool compaction_cancelled(void *context)
{
	const struct look *look = context;
	return atomic_load(&look->cleaner->stop) || partition_is_deleted(look->partition);
}

static status compact(struct look *look)
{
	struct cleaner *cleaner = look->cleaner;
	struct compaction_result counts;
	struct compaction_options options = {
		.config = look->config,
		.map_bytes_max = cleaner->map_bytes_max,
		.now_ms = look->now_ms,
		.cancelled = compaction_cancelled,
		.context = look,
	};
	if ((look->config->cleanup_policy & CLEANUP_COMPACT) == 0)
		return STATUS_OK;
	if (look->needed) {
		*look->held += 1;
		return STATUS_OK;
	}
	status result = partition_compact(look->partition, &options, &counts);
	atomic_fetch_add(&cleaner->passes, counts.passes);
	atomic_fetch_add(&cleaner->segments_compacted, counts.segments_compacted);
	atomic_fetch_add(&cleaner->bytes_removed, counts.bytes_removed > 0 ? (uint64_t)counts.bytes_removed : 0);
	if (counts.segments_compacted != 0)
		diag(DIAG_INFO, "log", "compacted",
			"topic=%s partition=%d segments=%" PRIu64 " bytes_removed=%" PRId64, look->partition->topic->name,
			look->partition->number, counts.segments_compacted, counts.bytes_removed);
	/* The log start passed what was being read: the next look begins behind it. */
	return result == STATUS_CANCELLED || result == STATUS_OUT_OF_RANGE ? STATUS_OK : result;
}

static void partition_look(struct look *look)
{
	status result = STATUS_OK;
	struct partition *partition = look->partition;
	if (atomic_load(&partition->poisoned) || !partition_use(partition))
		return;
	if (active_is_due(look))
		result = log_roll_wait(look->cleaner->log, partition);
	if (result == STATUS_OK)
		result = retain(look);
	if (result == STATUS_OK)
		result = compact(look);
	if (result != STATUS_OK && !partition_is_deleted(partition) && !atomic_load(&look->cleaner->stop)) {
		atomic_fetch_add(&look->cleaner->failures, 1);
		diag(DIAG_WARN, "log", "cleaning_failed", "topic=%s partition=%d error=\"%s\"",
			partition->topic->name, partition->number, error_current()->text);
	}
	partition_unuse(partition);
}

/* ---- all of them ---- */

static void topic_look(struct cleaner *cleaner, const struct topic *topic, uint64_t *held)
{
	const struct topic_config *config = topic->config;
	char who[NEEDED_WHO_MAX];
	struct log *log = cleaner->log;
	struct look look = {
		.cleaner = cleaner,
		.config = config,
		.now_ms = clock_wall_ms(),
		.held = held,
		.needed = topic_config_removes_more(NULL, config) && !config->trim_force && log->needed != NULL &&
				  log->needed(log->needed_context, topic->name, who, sizeof who),
	};
	for (int32_t i = 0; i < config->partitions && !atomic_load(&cleaner->stop); i++) {
		look.partition = topic_partition(topic, i);
		partition_look(&look);
	}
}

static void cleaner_look(struct cleaner *cleaner)
{
	const struct topic **topics;
	uint64_t held = 0;
	size_t count;
	topic_list(cleaner->log, &topics, &count);
	for (size_t i = 0; i < count && !atomic_load(&cleaner->stop); i++)
		topic_look(cleaner, topics[i], &held);
	mem_free(topics);
	atomic_store(&cleaner->held, held);
}

/* Until somebody asks, or the interval is over. @locks lock */
static void cleaner_wait(struct cleaner *cleaner)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += cleaner->interval_ms / 1000;
	until.tv_nsec += (cleaner->interval_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	int timed_out = 0;
	while (!atomic_load(&cleaner->stop) && cleaner->asked == cleaner->done && timed_out == 0)
		timed_out = cleaner->interval_ms < 0
						? pthread_cond_wait(&cleaner->changed, &cleaner->lock)
						: pthread_cond_timedwait(&cleaner->changed, &cleaner->lock, &until);
}

static void *cleaner_run(void *argument)
{
	struct cleaner *cleaner = argument;
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), CLEANER_NICE);
	pthread_mutex_lock(&cleaner->lock);
	for (;;) {
		cleaner_wait(cleaner);
		if (atomic_load(&cleaner->stop))
			break;
		uint64_t asked = cleaner->asked;
		pthread_mutex_unlock(&cleaner->lock);
		cleaner_look(cleaner);
		pthread_mutex_lock(&cleaner->lock);
		cleaner->done = asked;
		pthread_cond_broadcast(&cleaner->changed);
	}
	pthread_mutex_unlock(&cleaner->lock);
	return NULL;
}

/* ---- any thread ---- */

void cleaner_wake(struct cleaner *cleaner)
{
	if (cleaner == NULL || cleaner->interval_ms < 0)
		return;
	pthread_mutex_lock(&cleaner->lock);
	cleaner->asked++;
	pthread_cond_broadcast(&cleaner->changed);
	pthread_mutex_unlock(&cleaner->lock);
}

void log_clean(struct log *log)
{
	struct cleaner *cleaner = log->cleaner;
	pthread_mutex_lock(&cleaner->lock);
	uint64_t mine = ++cleaner->asked;
	pthread_cond_broadcast(&cleaner->changed);
	while (!atomic_load(&cleaner->stop) && cleaner->done < mine)
		pthread_cond_wait(&cleaner->changed, &cleaner->lock);
	pthread_mutex_unlock(&cleaner->lock);
}

void log_clean_counters(struct log *log, struct clean_counters *out)
{
	struct cleaner *cleaner = log->cleaner;
	*out = (struct clean_counters){
		.passes = atomic_load(&cleaner->passes),
		.segments_removed = atomic_load(&cleaner->segments_removed),
		.segments_compacted = atomic_load(&cleaner->segments_compacted),
		.bytes_removed = atomic_load(&cleaner->bytes_removed),
		.failures = atomic_load(&cleaner->failures),
		.held = atomic_load(&cleaner->held),
	};
}

status cleaner_create(struct cleaner **out, struct log *log, int64_t interval_ms, size_t map_bytes_max)
{
	struct cleaner *cleaner = mem_alloc_zeroed(1, sizeof *cleaner);
	pthread_condattr_t monotonic;
	cleaner->log = log;
	cleaner->interval_ms = interval_ms != 0 ? interval_ms : INTERVAL_MS_DEFAULT;
	cleaner->map_bytes_max = map_bytes_max != 0 ? map_bytes_max : MAP_BYTES_DEFAULT;
	INVARIANT(pthread_mutex_init(&cleaner->lock, NULL) == 0 && pthread_condattr_init(&monotonic) == 0 &&
			  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
			  pthread_cond_init(&cleaner->changed, &monotonic) == 0);
	(void)pthread_condattr_destroy(&monotonic);
	int failed = pthread_create(&cleaner->thread, NULL, cleaner_run, cleaner);
	if (failed != 0) {
		mem_free(cleaner);
		return error_from_errno(failed, "starting the log's cleaner");
	}
	*out = cleaner;
	return STATUS_OK;
}

void cleaner_destroy(struct cleaner *cleaner)
{
	if (cleaner == NULL)
		return;
	pthread_mutex_lock(&cleaner->lock);
	atomic_store(&cleaner->stop, true);
	pthread_cond_broadcast(&cleaner->changed);
	pthread_mutex_unlock(&cleaner->lock);
	pthread_join(cleaner->thread, NULL);
	(void)pthread_cond_destroy(&cleaner->changed);
	(void)pthread_mutex_destroy(&cleaner->lock);
	mem_free(cleaner);
}
