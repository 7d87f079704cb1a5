#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t (*injected_wall_ms)(void);

int64_t clock_wall_ms(void)
{
	if (injected_wall_ms != NULL)
		return injected_wall_ms();
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void clock_inject_wall_ms(int64_t (*now)(void))
{
	injected_wall_ms = now;
}
