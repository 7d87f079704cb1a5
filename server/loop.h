/* The network loop: one thread, libuv, all sockets and timers. Nothing on it may block.
 *
 * Other threads reach it with loop_post() only. Tasks posted before loop_stop() run before loop_run()
 * returns.
 */
#ifndef KAPPA_SERVER_LOOP_H
#define KAPPA_SERVER_LOOP_H

#include <uv.h>

#include "base/status.h"

struct loop;

/* Embedded in what the task is about; the loop's from loop_post() until run() is called. */
struct loop_task {
	void (*run)(struct loop_task *task); /* on the loop thread; may free or repost the task */
	struct loop_task *next;
};

status loop_create(struct loop **out) MUST_USE;
void loop_destroy(struct loop *loop); /* accepts NULL; all handles are closed by now */
/* For uv_*_init() of timers and sockets; loop thread only, except before loop_run(). */
uv_loop_t *loop_uv(struct loop *loop);
/* Any thread. Tasks run in the order they were posted. */
void loop_post(struct loop *loop, struct loop_task *task);
/* Runs until loop_stop() was called and every handle is closed. */
void loop_run(struct loop *loop);
/* Loop thread: lets loop_run() return once all other handles are closed. */
void loop_stop(struct loop *loop);

#endif
