/* Time, injected: production uses the system's clocks, tests and simulations their own.
 * Wall time is only ever a record's timestamp or a line in a report; no result depends on it.
 */
#ifndef KAPPA_BASE_CLOCK_H
#define KAPPA_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);      /* milliseconds since 1970-01-01 UTC */
int64_t clock_monotonic_ns(void); /* never goes back; unrelated to wall time */

/* Tests: replaces wall time; NULL restores the system's. Set before threads start. */
void clock_inject_wall_ms(int64_t (*now)(void));

#endif
