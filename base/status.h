/* Status codes and the error trace.
 *
 * Every function that can fail returns `status`, must be checked, writes its results last
 * and leaves them untouched on failure. The code says what kind of failure it is (callers
 * branch on it, protocols map it); the words live in a bounded per-thread trace: the layer
 * that detects the failure raises it, layers above may add a line each that says what they
 * were doing. An error that crosses threads is carried as a `struct error` copy.
 *
 * One list below makes codes, names, SQLSTATEs and Kafka error codes.
 */
#ifndef KAPPA_BASE_STATUS_H
#define KAPPA_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first) __attribute__((format(printf, format_index, first)))

/* X(name, words, SQLSTATE, Kafka error code, retriable) */
#define STATUS_MAP(X)                                                                                        \
	X(OK, "ok", "00000", 0, false)                                                                           \
	/* not failures of the system: callers branch on these */                                                \
	X(NOT_FOUND, "not found", "02000", 3, false)                                                             \
	X(END, "end of data", "02000", 1, false)                                                                 \
	X(BACKPRESSURE, "queue full, try again", "53000", 7, true)                                               \
	X(INCOMPLETE, "more bytes are needed", "08P01", 2, false)                                                \
	X(EXISTS, "exists already", "42710", 36, false)                                                          \
	X(CANCELLED, "cancelled on user request", "57014", -1, false)                                            \
	/* the caller's mistake */                                                                               \
	X(INVALID, "invalid argument", "22023", 42, false)                                                       \
	X(OUT_OF_RANGE, "out of range", "22003", 1, false)                                                       \
	X(TOO_LARGE, "larger than a documented limit", "54000", 10, false)                                       \
	X(UNSUPPORTED, "not supported", "0A000", 35, false)                                                      \
	X(SYNTAX, "syntax error", "42601", 42, false)                                                            \
	X(UNKNOWN_COLUMN, "unknown column", "42703", 42, false)                                                  \
	X(UNKNOWN_RELATION, "unknown relation", "42P01", 3, false)                                               \
	X(UNKNOWN_FUNCTION, "unknown function", "42883", 42, false)                                              \
	X(AMBIGUOUS, "ambiguous reference", "42702", 42, false)                                                  \
	X(TYPE_MISMATCH, "datatype mismatch", "42804", 42, false)                                                \
	X(GROUPING, "grouping error", "42803", 42, false)                                                        \
	X(DEPENDENT, "other objects depend on it", "2BP01", 44, false)                                           \
	X(NOT_READY, "not in the required state", "55000", 5, true)                                              \
	X(BAD_TEXT, "invalid text representation", "22P02", 87, false)                                           \
	X(BAD_DATETIME, "invalid date/time format", "22007", 87, false)                                          \
	X(NOT_NULL, "null value not allowed", "23502", 87, false)                                                \
	X(DIVISION_BY_ZERO, "division by zero", "22012", 87, false)                                              \
	X(BAD_ENCODING, "invalid UTF-8", "22021", 87, false)                                                     \
	X(PROTOCOL, "protocol violation", "08P01", 42, false)                                                    \
	X(BAD_RECORD, "record cannot be read", "22P02", 87, false)                                               \
	X(BAD_BATCH, "record batch is damaged or invalid", "22P02", 2, false)                                    \
	X(BAD_COMPRESSION, "unsupported or damaged compression", "22P02", 76, false)                             \
	X(BAD_TIMESTAMP, "invalid record timestamp", "22P02", 32, false)                                         \
	X(OUT_OF_ORDER_SEQUENCE, "out of order sequence number", "22000", 45, false)                             \
	X(STALE_PRODUCER_EPOCH, "producer was fenced by a newer epoch", "22000", 47, false)                      \
	X(TRANSACTION_STATE, "not possible in the transaction's present state", "25000", 48, false)              \
	X(UNAUTHENTICATED, "authentication failed", "28P01", 58, false)                                          \
	X(FORBIDDEN, "permission denied", "42501", 29, false)                                                    \
	/* the world's failures */                                                                               \
	X(IO, "input/output error", "58030", 56, true)                                                           \
	X(NO_SPACE, "no space left on device", "53100", 56, true)                                                \
	X(POISONED, "stopped after a failed write; restart to recover", "58030", 56, false)                      \
	X(DAMAGED, "stored data is damaged", "XX001", 2, false)                                                  \
	X(OUT_OF_MEMORY, "memory budget exceeded", "53200", -1, true)                                            \
	X(LOCKED, "in use by another process", "55006", -1, false)                                               \
	X(SHUTDOWN, "server is shutting down", "57P01", -1, true)                                                \
	X(INTERNAL, "internal error", "XX000", -1, false)

typedef enum status {
#define X(name, words, sqlstate, kafka, retriable) STATUS_##name,
	STATUS_MAP(X)
#undef X
		STATUS_COUNT
} status;

const char *status_name(status code);     /* "OUT_OF_RANGE" */
const char *status_words(status code);    /* "out of range" */
const char *status_sqlstate(status code); /* five characters, static */
int16_t status_kafka_code(status code);   /* Kafka protocol error code */
bool status_retriable(status code);

enum { ERROR_TEXT_MAX = 1024, ERROR_HINT_MAX = 384 };

/* A plain value; copy it to carry an error to another thread. */
struct error {
	status code;
	int32_t position;          /* 1-based character position in SQL text; 0 = none */
	char sqlstate[6];          /* the code's, unless error_sqlstate() refined it */
	char text[ERROR_TEXT_MAX]; /* primary message; context lines follow, newline-separated */
	char hint[ERROR_HINT_MAX]; /* what to do about it; empty = none */
};

/* Starts a new trace on this thread and returns `code`: `return error_raise(STATUS_IO, …)`. */
status error_raise(status code, const char *format, ...) PRINTF_LIKE(2, 3);
/* Adds a context line ("while …") to the current trace and returns `code`. */
status error_note(status code, const char *format, ...) PRINTF_LIKE(2, 3);
/* Refinements of the current trace; call right after error_raise(). */
void error_hint(const char *format, ...) PRINTF_LIKE(1, 2);
void error_position(int32_t position_1based);
void error_sqlstate(const char *five);
/* The current trace of this thread; valid until the next raise on it. Never NULL. */
const struct error *error_current(void);
/* Re-raises a copied error on this thread; returns its code. */
status error_restore(const struct error *error);
/* Raises from errno: ENOSPC/EDQUOT become NO_SPACE, all else IO; text gets strerror. */
status error_from_errno(int saved_errno, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
