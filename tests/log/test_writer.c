/* What the writer promises: nothing acknowledged is lost and nothing lost was acknowledged, whichever file
 * operation fails, however the process ends, and when the power goes. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/memory.h"

/* ---- faults ---- */

enum fault_kind {
	FAULT_WRITE, /* the nth write fails, perhaps half-way */
	FAULT_SYNC,  /* the nth sync of a file or directory fails */
	FAULT_ANY,   /* the nth operation fails */
	FAULT_DEAD,  /* from the nth operation on all fail: as if the process had ended there */
	FAULT_POWER, /* the same, and what was not synced is gone or not */
	FAULT_KINDS,
};

/* What the disk is known to have, for FAULT_POWER. */
struct known {
	char path[FIXTURE_PATH_MAX];
	bool name_durable, is_directory;
	int64_t size_durable;
};

static struct {
	enum fault_kind kind;
	int64_t nth;
	int error;
	_Atomic int64_t seen;
	_Atomic bool fired;
	struct random random;
	struct known known[256];
	size_t known_count;
} fault;

static bool fault_counts(enum file_operation operation)
{
	switch (fault.kind) {
	case FAULT_WRITE:
		return operation == FILE_OP_WRITE;
	case FAULT_SYNC:
		return operation == FILE_OP_SYNC || operation == FILE_OP_SYNC_DIRECTORY;
	default:
		return operation != FILE_OP_READ || fault.kind == FAULT_ANY;
	}
}

static struct known *known_find(const char *path)
{
	for (size_t i = 0; i < fault.known_count; i++)
		if (strcmp(fault.known[i].path, path) == 0)
			return &fault.known[i];
	return NULL;
}

/* The operation will happen: what does the disk know afterwards? */
static void known_follow(const struct file_event *event)
{
	struct stat about;
	struct known *known = known_find(event->path);
	switch (event->operation) {
	case FILE_OP_CREATE:
	case FILE_OP_MKDIR:
		if (known == NULL && stat(event->path, &about) != 0) {
			assert_true(fault.known_count < 256);
			known = &fault.known[fault.known_count++];
			*known = (struct known){.is_directory = event->operation == FILE_OP_MKDIR};
			(void)snprintf(known->path, sizeof known->path, "%s", event->path);
		} else if (known != NULL) {
			known->size_durable = 0;
		}
		break;
	case FILE_OP_SYNC:
		if (known != NULL && stat(event->path, &about) == 0)
			known->size_durable = about.st_size;
		break;
	case FILE_OP_TRUNCATE:
		if (known != NULL && known->size_durable > event->position)
			known->size_durable = event->position;
		break;
	case FILE_OP_SYNC_DIRECTORY:
		for (size_t i = 0; i < fault.known_count; i++) {
			const char *slash = strrchr(fault.known[i].path, '/');
			size_t length = (size_t)(slash - fault.known[i].path);
			if (strlen(event->path) == length && memcmp(event->path, fault.known[i].path, length) == 0)
				fault.known[i].name_durable = true;
		}
		break;
	default:
		break;
	}
}

static int fault_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context;
	if (fault_counts(event->operation)) {
		int64_t now = atomic_fetch_add(&fault.seen, 1) + 1;
		bool dead = fault.kind == FAULT_DEAD || fault.kind == FAULT_POWER;
		if (now == fault.nth || (dead && now > fault.nth)) {
			atomic_store(&fault.fired, true);
			if (event->operation == FILE_OP_WRITE && now == fault.nth)
				*written = (size_t)random_below(&fault.random, event->size + 1);
			return fault.error;
		}
	}
	if (fault.kind == FAULT_POWER)
		known_follow(event);
	return 0;
}

static void fault_set(enum fault_kind kind, int64_t nth, int error, uint64_t seed)
{
	fault.kind = kind;
	fault.nth = nth;
	fault.error = error;
	fault.random.state = seed;
	fault.known_count = 0;
	atomic_store(&fault.seen, 0);
	atomic_store(&fault.fired, false);
	file_inject(fault_hook, NULL);
}

/* Takes back what was not synced: names may or may not be there, files end anywhere between their durable and
 * their written size. */
static void power_lose(void)
{
	for (size_t i = fault.known_count; i-- > 0;) {
		const struct known *known = &fault.known[i];
		struct stat about;
		if (stat(known->path, &about) != 0)
			continue;
		if (!known->name_durable && random_below(&fault.random, 2) == 0) {
			assert_ok(known->is_directory ? directory_remove(known->path) : file_remove(known->path));
		} else if (!known->is_directory && about.st_size > known->size_durable) {
			uint64_t more = (uint64_t)(about.st_size - known->size_durable);
			off_t size = (off_t)known->size_durable + (off_t)random_below(&fault.random, more + 1);
			assert_int_equal(truncate(known->path, size), 0);
		}
	}
}

/* ---- a life of a log ---- */

enum { LIFE_APPENDS = 40, LIFE_TOPICS = 2, LIFE_VALUE_SIZE = 60 };

struct life_append {
	struct append append;
	struct buffer batch;
	int topic;
	int64_t value;
	bool queued;
	_Atomic bool done;
};

static struct life_append life[LIFE_APPENDS];
static const char *const life_topics[LIFE_TOPICS] = {"a", "b"};

static void life_done(struct append *append)
{
	struct life_append *mine = append->context;
	assert_false(mine->done);
	mine->done = true;
}

/* Opens, creates topics, appends to both in bursts. Everything may fail; what was acknowledged is in life[].
 */
static void life_live(struct fixture *fixture)
{
	bool made[LIFE_TOPICS];
	for (int i = 0; i < LIFE_APPENDS; i++)
		life[i] = (struct life_append){0};
	if (fixture_try_open(fixture) != STATUS_OK)
		return;
	for (int t = 0; t < LIFE_TOPICS; t++) {
		struct topic_config config = topic_config_default();
		made[t] = topic_create(fixture->log, life_topics[t], &config) == STATUS_OK;
	}
	for (int i = 0; i < LIFE_APPENDS; i++) {
		struct life_append *mine = &life[i];
		mine->topic = i % 3 == 0 ? 1 : 0;
		mine->value = i;
		if (!made[mine->topic])
			continue;
		batch_build(&mine->batch, mine->value, 1, LIFE_VALUE_SIZE, NULL);
		mine->append = (struct append){
			.partition = partition_of(fixture, life_topics[mine->topic], 0),
			.batch = mine->batch.data,
			.batch_size = mine->batch.size,
			.done = life_done,
			.context = mine,
		};
		mine->queued = log_append(fixture->log, &mine->append) == STATUS_OK;
		while (i % 4 == 3 && mine->queued && !mine->done)
			usleep(10);
	}
	fixture_close(fixture);
}

/* Each value at most once, and every acknowledged one at its offset. */
static void life_judge(struct fixture *fixture)
{
	int64_t found_at[LIFE_APPENDS];
	for (int i = 0; i < LIFE_APPENDS; i++)
		found_at[i] = -1;
	for (int t = 0; t < LIFE_TOPICS; t++) {
		const struct topic *topic;
		struct buffer bytes;
		struct record_iterator iterator;
		struct record record;
		int64_t offset = 0;
		status result;
		if (topic_find(fixture->log, life_topics[t], &topic) != STATUS_OK)
			continue;
		buffer_init(&bytes);
		record_iterator_init(&iterator, (struct slice){0});
		while ((result = partition_read(topic_partition(topic, 0), offset, 1000, &bytes)) == STATUS_OK) {
			record_iterator_reset(&iterator, buffer_slice(&bytes));
			while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
				int value = atoi((const char *)record.value.data);
				assert_true(value >= 0 && value < LIFE_APPENDS);
				assert_int_equal(life[value].topic, t);
				assert_int_equal(found_at[value], -1);
				found_at[value] = record.offset;
				offset = record.offset + 1;
			}
			bytes.size = 0;
		}
		assert_int_equal(result, STATUS_END);
		record_iterator_deinit(&iterator);
		buffer_deinit(&bytes);
	}
	for (int i = 0; i < LIFE_APPENDS; i++) {
		if (life[i].queued)
			assert_true(life[i].done); /* log_close() leaves nobody waiting */
		if (life[i].done && life[i].append.result == STATUS_OK)
			assert_int_equal(found_at[i], life[i].append.base_offset);
		buffer_deinit(&life[i].batch);
	}
}

static void fault_sweep(enum fault_kind kind)
{
	struct random random = random_begin();
	int64_t nth = 0;
	bool fired = true;
	int64_t acknowledged = 0;
	for (nth = 1; fired; nth++) {
		struct fixture fixture;
		fixture_begin(&fixture, 500);
		diag_set_level((enum diag_level)(DIAG_ERROR + 1)); /* failures are the point here */
		fixture_close(&fixture);
		fault_set(kind, nth, EIO, random.state + (uint64_t)nth);
		life_live(&fixture);
		fired = atomic_load(&fault.fired);
		file_inject(NULL, NULL);
		if (kind == FAULT_POWER && fired)
			power_lose();
		for (int i = 0; i < LIFE_APPENDS; i++)
			acknowledged += life[i].done && life[i].append.result == STATUS_OK;
		fixture_open(&fixture);
		life_judge(&fixture);
		/* And it goes on. */
		if (topic_find(fixture.log, "again", &(const struct topic *){NULL}) != STATUS_OK)
			topic_make(&fixture, "again", 1);
		append_values(fixture.log, partition_of(&fixture, "again", 0), 0, 3, 0);
		fixture_end(&fixture);
	}
	print_message("%lld places, %lld acknowledged\n", (long long)nth - 2, (long long)acknowledged);
	assert_true(nth > 20);
	assert_true(acknowledged > LIFE_APPENDS); /* the sweep did not only fail at once */
}

static void no_failing_write_loses_what_was_acknowledged(void **state)
{
	(void)state;
	fault_sweep(FAULT_WRITE);
}

static void no_failing_sync_loses_what_was_acknowledged(void **state)
{
	(void)state;
	fault_sweep(FAULT_SYNC);
}

static void no_failing_operation_loses_what_was_acknowledged(void **state)
{
	(void)state;
	fault_sweep(FAULT_ANY);
}

static void ending_at_any_operation_loses_nothing_acknowledged(void **state)
{
	(void)state;
	fault_sweep(FAULT_DEAD);
}

static void power_loss_at_any_operation_loses_nothing_acknowledged(void **state)
{
	(void)state;
	fault_sweep(FAULT_POWER);
}

static void recovery_may_fail_at_any_operation_and_be_tried_again(void **state)
{
	(void)state;
	bool fired = true;
	for (int64_t nth = 1; fired; nth++) {
		struct fixture fixture;
		struct buffer bytes;
		char path[FIXTURE_PATH_MAX], leftover[FIXTURE_PATH_MAX + 8];
		buffer_init(&bytes);
		fixture_begin(&fixture, 500);
		diag_set_level((enum diag_level)(DIAG_ERROR + 1));
		topic_make(&fixture, "t", 1);
		for (int64_t i = 0; i < 14; i++)
			append_values(fixture.log, partition_of(&fixture, "t", 0), i, 1, 60);
		topic_make(&fixture, "gone", 1);
		assert_ok(topic_delete(fixture.log, "gone"));
		fixture_close(&fixture);
		/* A torn tail, a lost index, a lost snapshot, a left-over directory. */
		segment_file(&fixture, "t", 12, "log", path);
		file_load(path, &bytes);
		bytes.size -= 10;
		file_store(path, &bytes);
		segment_file(&fixture, "t", 3, "timeindex", path);
		assert_ok(file_remove(path));
		segment_file(&fixture, "t", 9, "snapshot", path);
		assert_ok(file_remove(path));
		(void)snprintf(leftover, sizeof leftover, "%s/gone-0", fixture.log_dir);
		assert_ok(directory_create(leftover));
		fault_set(FAULT_ANY, nth, EIO, (uint64_t)nth);
		status first = fixture_try_open(&fixture);
		fired = atomic_load(&fault.fired);
		file_inject(NULL, NULL);
		if (first == STATUS_OK)
			fixture_close(&fixture);
		fixture_open(&fixture);
		assert_int_equal(check_values(partition_of(&fixture, "t", 0), 0, NULL), 13);
		assert_false(file_exists(leftover));
		buffer_deinit(&bytes);
		fixture_end(&fixture);
	}
}

static _Atomic int syncs_of_a;

static int watch_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context;
	(void)written;
	bool sync = event->operation == FILE_OP_SYNC || event->operation == FILE_OP_SYNC_DIRECTORY;
	syncs_of_a += sync && strstr(event->path, "/a-0") != NULL;
	return 0;
}

/* A process may end between write and sync: what it left in the page cache is not durable yet. */
static void recovery_syncs_what_it_makes_visible(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_begin(&fixture, 0);
	topic_make(&fixture, "a", 1);
	append_values(fixture.log, partition_of(&fixture, "a", 0), 0, 3, 0);
	fixture_close(&fixture);
	syncs_of_a = 0;
	file_inject(watch_hook, NULL);
	fixture_open(&fixture);
	file_inject(NULL, NULL);
	assert_int_equal(syncs_of_a, 2); /* the active segment, and its name */
	fixture_end(&fixture);
}

/* ---- poison ---- */

static void a_failed_sync_poisons_its_partition_until_reopen(void **state)
{
	(void)state;
	struct fixture fixture;
	int64_t base = -1;
	fixture_begin(&fixture, 0);
	diag_set_level((enum diag_level)(DIAG_ERROR + 1));
	topic_make(&fixture, "a", 1);
	topic_make(&fixture, "b", 1);
	struct partition *a = partition_of(&fixture, "a", 0);
	append_values(fixture.log, a, 0, 3, 0);
	fault_set(FAULT_SYNC, 1, EIO, 1);
	assert_int_equal(append_try(fixture.log, a, 3, 3, 0, NULL, &base), STATUS_IO);
	assert_non_null(strstr(error_current()->text, "syncing"));
	file_inject(NULL, NULL);
	assert_int_equal(append_try(fixture.log, a, 3, 3, 0, NULL, &base), STATUS_POISONED);
	assert_int_equal(base, -1);
	assert_int_equal(check_values(a, 0, NULL), 3);                       /* reads go on */
	append_values(fixture.log, partition_of(&fixture, "b", 0), 0, 3, 0); /* others, too */
	fixture_reopen(&fixture);
	assert_int_equal(append_values(fixture.log, partition_of(&fixture, "a", 0), 3, 3, 0), 3);
	assert_int_equal(check_values(partition_of(&fixture, "a", 0), 0, NULL), 6);
	fixture_end(&fixture);
}

static void a_full_disk_is_said_to_be_full(void **state)
{
	(void)state;
	struct fixture fixture;
	int64_t base = -1;
	fixture_begin(&fixture, 0);
	diag_set_level((enum diag_level)(DIAG_ERROR + 1));
	topic_make(&fixture, "a", 1);
	fault_set(FAULT_WRITE, 1, ENOSPC, 1);
	assert_int_equal(
		append_try(fixture.log, partition_of(&fixture, "a", 0), 0, 3, 0, NULL, &base), STATUS_NO_SPACE);
	file_inject(NULL, NULL);
	fixture_end(&fixture);
}

/* ---- queueing, with a disk that waits for us ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool closed;
	_Atomic int64_t syncs;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static int gate_hook(void *context, const struct file_event *event, size_t *written)
{
	(void)context;
	(void)written;
	if (event->operation == FILE_OP_SYNC) {
		gate.syncs++;
		pthread_mutex_lock(&gate.lock);
		while (gate.closed)
			pthread_cond_wait(&gate.opened, &gate.lock);
		pthread_mutex_unlock(&gate.lock);
	}
	return 0;
}

static void gate_set(bool closed)
{
	pthread_mutex_lock(&gate.lock);
	gate.closed = closed;
	pthread_cond_broadcast(&gate.opened);
	pthread_mutex_unlock(&gate.lock);
}

static _Atomic int advanced_calls;

static void count_advanced(void *context)
{
	(void)context;
	advanced_calls++;
}

static void count_done(struct append *append)
{
	assert_int_equal(append->result, STATUS_OK);
	(*(_Atomic int *)append->context)++;
}

static void a_full_queue_pushes_back_and_its_group_is_synced_at_once(void **state)
{
	(void)state;
	struct fixture fixture;
	enum { APPENDS_MAX = 200 };
	static struct append appends[APPENDS_MAX];
	struct buffer batch;
	_Atomic int done = 0;
	int queued = 0;
	fixture_begin(&fixture, 0);
	fixture_close(&fixture);
	struct log_options options = {
		.dir = fixture.log_dir, .queue_bytes_max = 5000, .advanced = count_advanced};
	assert_ok(log_open(&options, &fixture.log));
	topic_make(&fixture, "a", 1);
	buffer_init(&batch);
	gate.syncs = 0;
	gate_set(true);
	file_inject(gate_hook, NULL);
	static uint8_t copies[APPENDS_MAX][256];
	batch_build(&batch, 0, 1, 100, NULL);
	assert_true(batch.size <= 256);
	status result = STATUS_OK;
	while (result == STATUS_OK) {
		assert_true(queued < APPENDS_MAX);
		memcpy(copies[queued], batch.data, batch.size);
		appends[queued] = (struct append){.partition = partition_of(&fixture, "a", 0),
			.batch = copies[queued],
			.batch_size = batch.size,
			.done = count_done,
			.context = (void *)(uintptr_t)&done};
		result = log_append(fixture.log, &appends[queued]);
		queued += result == STATUS_OK;
		if (queued == 1) { /* the first is alone in its group, and waits for its sync */
			while (gate.syncs == 0)
				usleep(100);
		}
	}
	assert_int_equal(result, STATUS_BACKPRESSURE);
	assert_true(queued > 10);
	assert_int_equal(done, 0); /* nothing is acknowledged before its sync */
	assert_int_equal(partition_high_watermark(partition_of(&fixture, "a", 0)), 0);
	int advanced_before = advanced_calls;
	gate_set(false);
	while (done < queued)
		usleep(100);
	assert_int_equal(gate.syncs, 2); /* the one that waited, and one for all behind it */
	for (int i = 0; i < queued; i++)
		assert_int_equal(appends[i].base_offset, i);
	assert_int_equal(partition_high_watermark(partition_of(&fixture, "a", 0)), queued);
	file_inject(NULL, NULL);
	fixture_close(&fixture);
	assert_true(advanced_calls > advanced_before);
	buffer_deinit(&batch);
	fixture_open(&fixture);
	fixture_end(&fixture);
}

static void closing_writes_what_is_queued(void **state)
{
	(void)state;
	struct fixture fixture;
	enum { APPENDS = 50 };
	static struct append appends[APPENDS];
	static struct buffer batches[APPENDS];
	_Atomic int done = 0;
	fixture_begin(&fixture, 0);
	topic_make(&fixture, "a", 1);
	for (int i = 0; i < APPENDS; i++) {
		buffer_init(&batches[i]);
		batch_build(&batches[i], i, 1, 0, NULL);
		appends[i] = (struct append){.partition = partition_of(&fixture, "a", 0),
			.batch = batches[i].data,
			.batch_size = batches[i].size,
			.done = count_done,
			.context = (void *)(uintptr_t)&done};
		assert_ok(log_append(fixture.log, &appends[i]));
	}
	fixture_close(&fixture);
	assert_int_equal(done, APPENDS);
	fixture_open(&fixture);
	assert_int_equal(check_values(partition_of(&fixture, "a", 0), 0, NULL), APPENDS);
	for (int i = 0; i < APPENDS; i++)
		buffer_deinit(&batches[i]);
	fixture_end(&fixture);
}

/* ---- many threads ---- */

enum { PRODUCERS = 4, PRODUCER_BATCHES = 150, VALUE_STRIDE = 1000000 };

struct producer_thread {
	pthread_t thread;
	struct log *log;
	struct partition *partition;
	int64_t number;
};

static void *producer_run(void *argument)
{
	struct producer_thread *mine = argument;
	for (int32_t i = 0; i < PRODUCER_BATCHES; i++) {
		struct record_batch_producer producer = {mine->number, 0, i * 2, false};
		int64_t base, again;
		assert_ok(append_try(
			mine->log, mine->partition, mine->number * VALUE_STRIDE + i * 2, 2, 50, &producer, &base));
		if (i % 10 == 0) {
			assert_ok(append_try(
				mine->log, mine->partition, mine->number * VALUE_STRIDE + i * 2, 2, 50, &producer, &again));
			assert_int_equal(again, base);
		}
	}
	return NULL;
}

struct reader_thread {
	pthread_t thread;
	struct partition *partition;
	int64_t next_value[PRODUCERS];
};

/* Follows the log to its end; each producer's values come in order, once. */
static void *reader_run(void *argument)
{
	struct reader_thread *mine = argument;
	struct buffer bytes;
	struct record_iterator iterator;
	struct record record;
	int64_t offset = 0;
	buffer_init(&bytes);
	record_iterator_init(&iterator, (struct slice){0});
	while (offset < PRODUCERS * PRODUCER_BATCHES * 2) {
		bytes.size = 0;
		status result = partition_read(mine->partition, offset, 1500, &bytes);
		if (result == STATUS_END) {
			usleep(50);
			continue;
		}
		assert_ok(result);
		record_iterator_reset(&iterator, buffer_slice(&bytes));
		while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
			int64_t value = atoll((const char *)record.value.data);
			int64_t producer = value / VALUE_STRIDE;
			assert_int_equal(record.offset, offset);
			assert_int_equal(value % VALUE_STRIDE, mine->next_value[producer]);
			mine->next_value[producer]++;
			offset++;
		}
		assert_int_equal(result, STATUS_END);
		int64_t found, timestamp;
		if (offset % 16 == 0)
			assert_ok(partition_find_time(mine->partition, 1000, &found, &timestamp));
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&bytes);
	return NULL;
}

static _Atomic bool churn_stop;

/* Creates, fills, deletes a topic while others read and append to it. */
static void *churn_run(void *argument)
{
	struct fixture *fixture = argument;
	for (int64_t i = 0; !churn_stop; i++) {
		int64_t base;
		topic_make(fixture, "churn", 2);
		struct partition *partition = partition_of(fixture, "churn", 1);
		assert_ok(append_try(fixture->log, partition, i, 1, 500, NULL, &base));
		assert_int_equal(base, 0); /* nothing of an earlier life */
		assert_ok(topic_delete(fixture->log, "churn"));
		assert_int_equal(append_try(fixture->log, partition, i, 1, 0, NULL, &base), STATUS_NOT_FOUND);
	}
	return NULL;
}

static void *churn_visit(void *argument)
{
	struct fixture *fixture = argument;
	struct buffer bytes;
	buffer_init(&bytes);
	while (!churn_stop) {
		const struct topic *topic;
		if (topic_find(fixture->log, "churn", &topic) != STATUS_OK)
			continue;
		bytes.size = 0;
		status result = partition_read(topic_partition(topic, 1), 0, 100, &bytes);
		assert_true(result == STATUS_OK || result == STATUS_END || result == STATUS_NOT_FOUND);
		int64_t base;
		result = append_try(fixture->log, topic_partition(topic, 0), 0, 1, 1000, NULL, &base);
		if (result != STATUS_OK && result != STATUS_NOT_FOUND)
			assert_ok(result);
	}
	buffer_deinit(&bytes);
	return NULL;
}

static void producers_and_readers_do_not_disturb_each_other(void **state)
{
	(void)state;
	struct fixture fixture;
	struct producer_thread producers[PRODUCERS];
	struct reader_thread readers[2];
	pthread_t churn[2];
	fixture_begin(&fixture, 3000);
	topic_make(&fixture, "t", 1);
	struct partition *partition = partition_of(&fixture, "t", 0);
	churn_stop = false;
	assert_int_equal(pthread_create(&churn[0], NULL, churn_run, &fixture), 0);
	assert_int_equal(pthread_create(&churn[1], NULL, churn_visit, &fixture), 0);
	for (int i = 0; i < 2; i++) {
		readers[i] = (struct reader_thread){.partition = partition};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer_thread){.log = fixture.log, .partition = partition, .number = i};
		assert_int_equal(pthread_create(&producers[i].thread, NULL, producer_run, &producers[i]), 0);
	}
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i].thread, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i].thread, NULL);
	churn_stop = true;
	pthread_join(churn[0], NULL);
	pthread_join(churn[1], NULL);
	fixture_reopen(&fixture);
	readers[0] = (struct reader_thread){.partition = partition_of(&fixture, "t", 0)};
	reader_run(&readers[0]);
	fixture_end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_failing_write_loses_what_was_acknowledged),
		cmocka_unit_test(no_failing_sync_loses_what_was_acknowledged),
		cmocka_unit_test(no_failing_operation_loses_what_was_acknowledged),
		cmocka_unit_test(ending_at_any_operation_loses_nothing_acknowledged),
		cmocka_unit_test(power_loss_at_any_operation_loses_nothing_acknowledged),
		cmocka_unit_test(recovery_may_fail_at_any_operation_and_be_tried_again),
		cmocka_unit_test(recovery_syncs_what_it_makes_visible),
		cmocka_unit_test(a_failed_sync_poisons_its_partition_until_reopen),
		cmocka_unit_test(a_full_disk_is_said_to_be_full),
		cmocka_unit_test(a_full_queue_pushes_back_and_its_group_is_synced_at_once),
		cmocka_unit_test(closing_writes_what_is_queued),
		cmocka_unit_test(producers_and_readers_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
