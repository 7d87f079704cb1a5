#include "base/invariant.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void invariant_failed(const char *expression, const char *file, int line)
{
	(void)fprintf(stderr, "kappa: invariant broken: %s (%s:%d); stopping before a wrong byte is written\n",
		expression, file, line);
	abort();
}
