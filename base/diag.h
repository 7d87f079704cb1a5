/* Structured diagnostics on standard error: logfmt on a terminal, JSON lines otherwise.
 *
 *   diag(DIAG_WARN, "log", "torn_tail_cut", "topic=%s partition=%d bytes=%zu", …)
 *
 * `fields` is logfmt already; values with spaces are quoted by the caller with \"…\".
 * Thread-safe; never logs secrets or record contents.
 */
#ifndef KAPPA_BASE_DIAG_H
#define KAPPA_BASE_DIAG_H

enum diag_level { DIAG_DEBUG, DIAG_INFO, DIAG_WARN, DIAG_ERROR };

void diag(enum diag_level level, const char *component, const char *event, const char *fields, ...)
	__attribute__((format(printf, 4, 5)));
void diag_set_level(enum diag_level least);

#endif
