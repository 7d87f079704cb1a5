/* The worker pool: every task runs once, on a thread with a big stack, and stopping waits for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "processors/sql.h"
#include "server/workers.h"

struct counted_task {
	struct worker_task base;
	atomic_int *count, *running, *running_most;
	useconds_t sleep_us;
};

static void counted_run(struct worker_task *task)
{
	struct counted_task *counted = (struct counted_task *)task;
	int running = atomic_fetch_add(counted->running, 1) + 1;
	int most = atomic_load(counted->running_most);
	while (running > most && !atomic_compare_exchange_weak(counted->running_most, &most, running))
		;
	usleep(counted->sleep_us);
	atomic_fetch_sub(counted->running, 1);
	atomic_fetch_add(counted->count, 1);
}

static void every_task_runs_once_and_no_more_at_a_time_than_threads(void **state)
{
	(void)state;
	enum { TASKS = 200, THREADS = 4 };
	static struct counted_task tasks[TASKS];
	atomic_int count = 0, running = 0, most = 0;
	struct workers *workers = workers_create(THREADS);
	for (int i = 0; i < TASKS; i++) {
		tasks[i] = (struct counted_task){{counted_run, NULL}, &count, &running, &most, 500};
		assert_int_equal(workers_submit(workers, &tasks[i].base), STATUS_OK);
	}
	workers_destroy(workers);
	assert_int_equal(count, TASKS);
	assert_in_range(most, 2, THREADS);
}

static void a_stopped_pool_finishes_its_queue_and_takes_nothing_more(void **state)
{
	(void)state;
	struct counted_task tasks[3];
	atomic_int count = 0, running = 0, most = 0;
	struct workers *workers = workers_create(1);
	for (int i = 0; i < 2; i++) {
		tasks[i] = (struct counted_task){{counted_run, NULL}, &count, &running, &most, 20000};
		assert_int_equal(workers_submit(workers, &tasks[i].base), STATUS_OK);
	}
	workers_stop(workers);
	tasks[2] = tasks[0];
	assert_int_equal(workers_submit(workers, &tasks[2].base), STATUS_SHUTDOWN);
	workers_destroy(workers);
	assert_int_equal(count, 2);
}

struct waiting_task {
	struct worker_task base;
	atomic_int *count; /* to be waited for */
};

static void waiting_run(struct worker_task *task)
{
	struct waiting_task *waiting = (struct waiting_task *)task;
	workers_wait_begin();
	while (atomic_load(waiting->count) == 0)
		usleep(1000);
	workers_wait_end();
}

static void tasks_that_wait_for_somebody_leave_their_place_to_others(void **state)
{
	(void)state;
	struct waiting_task waiting[5];
	struct counted_task last;
	atomic_int count = 0, running = 0, most = 0;
	struct workers *workers = workers_create(1);
	for (int i = 0; i < 5; i++) {
		waiting[i] = (struct waiting_task){{waiting_run, NULL}, &count};
		assert_int_equal(workers_submit(workers, &waiting[i].base), STATUS_OK);
	}
	last = (struct counted_task){{counted_run, NULL}, &count, &running, &most, 0};
	assert_int_equal(workers_submit(workers, &last.base), STATUS_OK);
	workers_destroy(workers);
	assert_int_equal(count, 1);
}

struct deep_task {
	struct worker_task base;
	atomic_bool done;
};

static void deep_run(struct worker_task *task)
{
	/* Half the promised stack, touched at both ends. */
	volatile char bytes[SQL_STACK_BYTES / 2];
	bytes[0] = 1;
	bytes[sizeof bytes - 1] = 1;
	atomic_store(&((struct deep_task *)task)->done, bytes[0] + bytes[sizeof bytes - 1] == 2);
}

static void threads_have_the_stack_the_parser_needs(void **state)
{
	(void)state;
	struct deep_task task = {{deep_run, NULL}, false};
	struct workers *workers = workers_create(1);
	assert_int_equal(workers_submit(workers, &task.base), STATUS_OK);
	workers_destroy(workers);
	assert_true(task.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_task_runs_once_and_no_more_at_a_time_than_threads),
		cmocka_unit_test(a_stopped_pool_finishes_its_queue_and_takes_nothing_more),
		cmocka_unit_test(tasks_that_wait_for_somebody_leave_their_place_to_others),
		cmocka_unit_test(threads_have_the_stack_the_parser_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
