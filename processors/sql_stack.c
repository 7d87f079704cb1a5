/* libpg_query recurses on long operator, UNION and JOIN chains (about 2 KB a token at worst, measured), and
 * so do the packing and unpacking of its tree. A statement whose tokens could need more stack than this
 * thread has left is parsed on a temporary thread with enough of it, so that no caller has to think of it.
 */
#include <pthread.h>

#include "processors/sql_internal.h"

/* The lowest address of this thread's stack; found once per thread (it reads /proc for the main thread). */
static _Thread_local uintptr_t stack_low;

static uintptr_t stack_find_low(void)
{
	pthread_attr_t attributes;
	if (pthread_getattr_np(pthread_self(), &attributes) != 0)
		return UINTPTR_MAX;
	void *address = NULL;
	size_t size = 0;
	int failed = pthread_attr_getstack(&attributes, &address, &size);
	(void)pthread_attr_destroy(&attributes);
	return failed != 0 ? UINTPTR_MAX : (uintptr_t)address;
}

static size_t stack_left(void)
{
	if (stack_low == 0)
		stack_low = stack_find_low();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	return here > stack_low ? here - stack_low : 0;
}

struct stack_job {
	status (*run)(void *context);
	void *context;
	status result;
	struct error error;
};

static void *stack_thread(void *argument)
{
	struct stack_job *job = argument;
	job->result = job->run(job->context);
	if (job->result != STATUS_OK)
		job->error = *error_current();
	return NULL;
}

status sql_stack_run(size_t stack_bytes, status (*run)(void *context), void *context)
{
	if (stack_left() > stack_bytes)
		return run(context);
	struct stack_job job = {.run = run, .context = context};
	pthread_attr_t attributes;
	if (pthread_attr_init(&attributes) != 0)
		return error_raise(STATUS_OUT_OF_MEMORY, "cannot start a thread to parse a long statement");
	pthread_t thread;
	int failed = pthread_attr_setstacksize(&attributes, stack_bytes);
	if (failed == 0)
		failed = pthread_create(&thread, &attributes, stack_thread, &job);
	(void)pthread_attr_destroy(&attributes);
	if (failed != 0)
		return error_raise(STATUS_OUT_OF_MEMORY,
			"cannot start a thread with %zu bytes of stack to parse a long statement", stack_bytes);
	(void)pthread_join(thread, NULL);
	return job.result == STATUS_OK ? STATUS_OK : error_restore(&job.error);
}
