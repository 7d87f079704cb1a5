/* The worker pool: threads for whatever may block or take long (statements, deployments, appends), so that
 * the network loop never does.
 *
 * Threads are made as they are needed, up to threads_max, and end after a while without work. Each has a
 * stack of SQL_STACK_BYTES, because PostgreSQL's parser recurses. A task that finds no free thread waits its
 * turn; the queue is bounded by what can submit: a session submits one task at a time.
 *
 * Threads: workers_submit() from any; tasks run on a worker.
 */
#ifndef KAPPA_SERVER_WORKERS_H
#define KAPPA_SERVER_WORKERS_H

#include "base/status.h"

struct workers;

/* Embedded in what the task is about; owned by the submitter, the pool's until run() is called. */
struct worker_task {
	void (*run)(struct worker_task *task); /* may free or resubmit the task */
	struct worker_task *next;
};

struct workers *workers_create(unsigned threads_max);
/* SHUTDOWN once workers_stop() was called: run() is then not called. */
status workers_submit(struct workers *workers, struct worker_task *task) MUST_USE;
/* No more submissions; what is queued still runs. Idempotent. */
void workers_stop(struct workers *workers);
/* Waits for all tasks and joins the threads. Accepts NULL. */
void workers_destroy(struct workers *workers);
/* On a worker, around a wait that is not for the processor: its place is given to another task meanwhile.
 * Elsewhere they do nothing. */
void workers_wait_begin(void);
void workers_wait_end(void);
/* Tasks running and waiting, for metrics. */
void workers_counts(struct workers *workers, unsigned *running, unsigned *waiting);

#endif
