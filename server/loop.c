/* The network loop: uv_loop_t, a queue of posted tasks and the async handle that wakes it. */
#include "server/loop.h"

#include <pthread.h>

#include "base/invariant.h"
#include "base/memory.h"

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	pthread_mutex_t mutex;
	struct loop_task *first, **last; /* guarded by mutex */
	bool stopping;                   /* loop thread */
};

static void tasks_run(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	struct loop_task *task = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->mutex);
	while (task != NULL) {
		struct loop_task *next = task->next;
		task->run(task);
		task = next;
	}
}

static void loop_woken(uv_async_t *wake)
{
	tasks_run(wake->data);
}

status loop_create(struct loop **out)
{
	struct loop *loop = mem_alloc_zeroed(1, sizeof *loop);
	int failed = uv_loop_init(&loop->uv);
	if (failed != 0) {
		mem_free(loop);
		return error_raise(STATUS_IO, "cannot start the network loop: %s", uv_strerror(failed));
	}
	failed = uv_async_init(&loop->uv, &loop->wake, loop_woken);
	if (failed != 0) {
		uv_loop_close(&loop->uv);
		mem_free(loop);
		return error_raise(STATUS_IO, "cannot start the network loop: %s", uv_strerror(failed));
	}
	loop->wake.data = loop;
	pthread_mutex_init(&loop->mutex, NULL);
	loop->last = &loop->first;
	*out = loop;
	return STATUS_OK;
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (!uv_is_closing((uv_handle_t *)&loop->wake))
		uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	tasks_run(loop);
	int busy = uv_loop_close(&loop->uv);
	INVARIANT(busy == 0);
	pthread_mutex_destroy(&loop->mutex);
	mem_free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&loop->mutex);
	bool was_empty = loop->first == NULL;
	*loop->last = task;
	loop->last = &task->next;
	/* Sent under the mutex: after loop_stop() took the last tasks nobody touches the handle. */
	if (was_empty)
		uv_async_send(&loop->wake);
	pthread_mutex_unlock(&loop->mutex);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	tasks_run(loop);
}

void loop_stop(struct loop *loop)
{
	if (loop->stopping)
		return;
	loop->stopping = true;
	/* From now on the handle still wakes the loop but no longer keeps it alive. */
	uv_unref((uv_handle_t *)&loop->wake);
}
