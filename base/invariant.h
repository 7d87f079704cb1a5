/* Assertions that stay on in release builds.
 *
 * INVARIANT states what must be true whatever the input; external bytes never trip one.
 * Stopping is safe at any time (kill -9 is a supported way to stop), so a broken invariant
 * stops the program before a wrong byte is written.
 */
#ifndef KAPPA_BASE_INVARIANT_H
#define KAPPA_BASE_INVARIANT_H

_Noreturn void invariant_failed(const char *expression, const char *file, int line);

#define INVARIANT(expression) ((expression) ? (void)0 : invariant_failed(#expression, __FILE__, __LINE__))

/* Whole-structure checks, too slow for release. */
#ifdef KAPPA_DEBUG
#define DEBUG_INVARIANT(expression) INVARIANT(expression)
#else
#define DEBUG_INVARIANT(expression) ((void)0)
#endif

#endif
