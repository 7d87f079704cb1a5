/* Where a sink stands, as a record of the log: JSON text.
 *
 *   {"type": "sink", "records": 3, "file": "/data/test.sink.txt", "device": 7, "inode": 42, "length": 12,
 *    "offsets": [{"topic": "connect-test", "incarnation": 9, "partition": 0, "offset": 3}, …],
 *    "plan": {"size": 8, "hash": "…", "records": 2,
 *             "ranges": [{"topic": "connect-test", "incarnation": 9, "partition": 0, "from": 3, "to": 5},
 * …]}}
 *
 * `length` is the size of the file when the plan was made (or all was done): where the plan's bytes go.
 * Without "plan" there is nothing to be done. Plain value; one thread at a time.
 */
#ifndef KAPPA_INGEST_SINK_POSITION_H
#define KAPPA_INGEST_SINK_POSITION_H

#include "base/bytes.h"
#include "log/log.h"

struct sink_range {
	char topic[TOPIC_NAME_MAX + 1];
	uint64_t incarnation;
	int32_t partition;
	int64_t from, to;
};

struct sink_ranges {
	struct sink_range *list;
	size_t count, capacity;
};

struct sink_position {
	int64_t records; /* written before the plan */
	char *file;      /* NULL = no file yet */
	uint64_t device, inode;
	int64_t length;
	struct sink_ranges offsets; /* `from` is what comes next; `to` is not used */
	bool planned;
	struct sink_ranges plan;
	uint64_t plan_size, plan_hash;
	int64_t plan_records;
};

void sink_position_init(struct sink_position *position);
void sink_position_deinit(struct sink_position *position);
/* Replaces an initialised one. DAMAGED: no position, or a later release's. */
status sink_position_parse(struct sink_position *position, const char *text) MUST_USE;
/* The caller frees with free(). */
char *sink_position_format(const struct sink_position *position);

void sink_ranges_add(struct sink_ranges *ranges, const struct sink_range *range);
/* What comes next in a partition; NULL: nothing was read of it. */
struct sink_range *sink_position_offset(
	const struct sink_position *position, const struct topic *topic, int32_t partition);
/* The plan is done: its ends are the offsets now, its bytes are in the file. */
void sink_position_settle(struct sink_position *position);

#endif
