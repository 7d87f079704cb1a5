/* The worker pool. One mutex guards everything; tasks are long compared with it.
 *
 * Invariant: a waiting task means that every thread is busy or has been signalled.
 */
#include "server/workers.h"

#include <pthread.h>
#include <time.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "processors/sql.h"

enum {
	IDLE_SECONDS_MAX = 30,
	THREADS_TOTAL_MAX = 4000, /* whatever they wait for */
};

struct workers {
	pthread_mutex_t mutex;
	pthread_cond_t work; /* a task is waiting, or we stop */
	pthread_cond_t gone; /* a thread ended */
	struct worker_task *first, **last;
	unsigned threads, threads_max;
	unsigned idle;    /* threads waiting for `work` */
	unsigned outside; /* threads between wait_begin and wait_end */
	unsigned running; /* tasks */
	unsigned waiting; /* tasks */
	bool stopping;
};

struct workers *workers_create(unsigned threads_max)
{
	struct workers *workers = mem_alloc_zeroed(1, sizeof *workers);
	pthread_mutex_init(&workers->mutex, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->work, &attributes);
	pthread_cond_init(&workers->gone, &attributes);
	pthread_condattr_destroy(&attributes);
	workers->last = &workers->first;
	workers->threads_max = threads_max > 0 ? threads_max : 1;
	return workers;
}

/* Waits for a task; NULL when the thread should end. Mutex held. */
static struct worker_task *task_take(struct workers *workers)
{
	struct timespec deadline;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += IDLE_SECONDS_MAX;
	while (workers->first == NULL) {
		if (workers->stopping)
			return NULL;
		workers->idle++;
		int timed_out = pthread_cond_timedwait(&workers->work, &workers->mutex, &deadline);
		workers->idle--;
		if (timed_out != 0 && workers->first == NULL)
			return NULL;
	}
	struct worker_task *task = workers->first;
	workers->first = task->next;
	if (workers->first == NULL)
		workers->last = &workers->first;
	workers->waiting--;
	return task;
}

static _Thread_local struct workers *own_pool; /* NULL on other threads */

static void *thread_run(void *argument)
{
	struct workers *workers = argument;
	own_pool = workers;
	pthread_mutex_lock(&workers->mutex);
	struct worker_task *task;
	while ((task = task_take(workers)) != NULL) {
		workers->running++;
		pthread_mutex_unlock(&workers->mutex);
		task->run(task);
		pthread_mutex_lock(&workers->mutex);
		workers->running--;
	}
	workers->threads--;
	pthread_cond_broadcast(&workers->gone);
	pthread_mutex_unlock(&workers->mutex);
	return NULL;
}

static bool thread_start(struct workers *workers)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	/* Reserved, not used: pages of a stack are backed when they are touched. */
	pthread_attr_setstacksize(&attributes, SQL_STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_t thread;
	int failed = pthread_create(&thread, &attributes, thread_run, workers);
	pthread_attr_destroy(&attributes);
	if (failed != 0)
		diag(DIAG_WARN, "workers", "thread_not_started", "errno=%d threads=%u", failed, workers->threads);
	else
		workers->threads++;
	return failed == 0;
}

/* A task waits (or is about to), no thread is free for it, and there may be one more. */
static bool thread_is_wanted(const struct workers *workers, unsigned waiting)
{
	return waiting > workers->idle && workers->threads - workers->outside < workers->threads_max &&
		   workers->threads < THREADS_TOTAL_MAX;
}

void workers_wait_begin(void)
{
	struct workers *workers = own_pool;
	if (workers == NULL)
		return;
	pthread_mutex_lock(&workers->mutex);
	workers->outside++;
	if (thread_is_wanted(workers, workers->waiting))
		thread_start(workers);
	pthread_mutex_unlock(&workers->mutex);
}

void workers_wait_end(void)
{
	struct workers *workers = own_pool;
	if (workers == NULL)
		return;
	pthread_mutex_lock(&workers->mutex);
	INVARIANT(workers->outside > 0);
	workers->outside--;
	pthread_mutex_unlock(&workers->mutex);
}

status workers_submit(struct workers *workers, struct worker_task *task)
{
	pthread_mutex_lock(&workers->mutex);
	status result = STATUS_OK;
	if (workers->stopping) {
		result = error_raise(STATUS_SHUTDOWN, "the server is shutting down");
	} else if (thread_is_wanted(workers, workers->waiting + 1) && !thread_start(workers) &&
			   workers->threads == 0) {
		result = error_raise(STATUS_OUT_OF_MEMORY, "no thread can be started for the statement");
	}
	if (result == STATUS_OK) {
		task->next = NULL;
		*workers->last = task;
		workers->last = &task->next;
		workers->waiting++;
		pthread_cond_signal(&workers->work);
	}
	pthread_mutex_unlock(&workers->mutex);
	return result;
}

void workers_stop(struct workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->work);
	pthread_mutex_unlock(&workers->mutex);
}

void workers_destroy(struct workers *workers)
{
	if (workers == NULL)
		return;
	workers_stop(workers);
	pthread_mutex_lock(&workers->mutex);
	while (workers->threads > 0)
		pthread_cond_wait(&workers->gone, &workers->mutex);
	INVARIANT(workers->first == NULL);
	pthread_mutex_unlock(&workers->mutex);
	pthread_cond_destroy(&workers->gone);
	pthread_cond_destroy(&workers->work);
	pthread_mutex_destroy(&workers->mutex);
	mem_free(workers);
}

void workers_counts(struct workers *workers, unsigned *running, unsigned *waiting)
{
	pthread_mutex_lock(&workers->mutex);
	*running = workers->running;
	*waiting = workers->waiting;
	pthread_mutex_unlock(&workers->mutex);
}
