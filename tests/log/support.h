/* What the log's tests share: a log in a directory of its own, and verbs to act on it. Every verb that
 * has no status result fails the test when it fails. */
#ifndef KAPPA_TESTS_LOG_SUPPORT_H
#define KAPPA_TESTS_LOG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "log/log.h"
#include "log/record_batch.h"

enum { FIXTURE_PATH_MAX = 512 };

struct fixture {
	char dir[FIXTURE_PATH_MAX]; /* temporary; the log is in "<dir>/log" */
	char log_dir[FIXTURE_PATH_MAX];
	int64_t segment_bytes; /* of the log's options, as are the next two; the cleaner only looks when asked */
	size_t clean_bytes_max;
	bool (*needed)(void *fixture, const char *topic, char *who, size_t who_size);
	struct log *log; /* NULL while closed */
};

#define assert_ok(call) assert_ok_at((call), #call, __FILE__, __LINE__)
void assert_ok_at(status result, const char *call, const char *file, int line);

/* Makes the directory and opens the log. */
void fixture_begin(struct fixture *fixture, int64_t segment_bytes);
void fixture_open(struct fixture *fixture);
status fixture_try_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture); /* accepts a closed one */
void fixture_reopen(struct fixture *fixture);
/* Closes the log, removes the directory. */
void fixture_end(struct fixture *fixture);

struct partition *partition_of(struct fixture *fixture, const char *topic, int32_t number);
void topic_make(struct fixture *fixture, const char *topic, int32_t partitions);
/* "<log dir>/<topic>-0/<base>.<suffix>" */
void segment_file(const struct fixture *fixture, const char *topic, int64_t base, const char *suffix,
	char path[FIXTURE_PATH_MAX]);

/* A batch of `count` records with values "<first>", "<first + 1>", … padded with dots to value_size (0 =
 * not), timestamps 1000 + value; producer may be NULL. */
void batch_build(struct buffer *out, int64_t first, int32_t count, size_t value_size,
	const struct record_batch_producer *producer);
/* Appends such a batch and waits; returns the base offset. */
int64_t append_values(
	struct log *log, struct partition *partition, int64_t first, int32_t count, size_t value_size);
status append_try(struct log *log, struct partition *partition, int64_t first, int32_t count,
	size_t value_size, const struct record_batch_producer *producer, int64_t *base_offset);

/* Reads everything from `from` to the high watermark, verifying CRCs and dense offsets, and checks that the
 * record at each offset o has the number value_at(o). NULL: the number is the offset. Returns the records
 * read. */
int64_t check_values(struct partition *partition, int64_t from, int64_t (*value_at)(int64_t offset));

void file_load(const char *path, struct buffer *out);
void file_store(const char *path, const struct buffer *bytes);
/* Copies a directory tree of plain files. */
void directory_copy(const char *from, const char *to);

/* Seeded randomness: the seed is printed. */
struct random {
	uint64_t state;
};
struct random random_begin(void);
uint64_t random_below(struct random *random, uint64_t bound);

#endif
