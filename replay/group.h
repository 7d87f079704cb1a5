/* A group: versions that stand at one offset vector and are stepped together. THE loop: read, decode once,
 * push into every circuit, commit. Live is a group whose end is the last stable offset; a replay is one whose
 * end is far away; verify is one of its own. Only committed records are read: what a transaction wrote is
 * seen once its marker is there, and never when it was aborted, live and replayed alike.
 *
 *   idle ──group_chunk──► open step ──group_chunk…──► ──group_step_finish──► idle
 *                                                        (everything committed at the new vector)
 *
 * Invariants
 *   G1  Between steps every version's store holds exactly the group's positions for the inputs it uses.
 *   G2  A step's rows, state, offsets of one version are one atomic commit; a version that fails leaves at
 *       its last one.
 *   G3  Membership changes between steps only.
 *
 * Not thread-safe: one owner at a time.
 */
#ifndef KAPPA_REPLAY_GROUP_H
#define KAPPA_REPLAY_GROUP_H

#include "log/record_batch.h"
#include "replay/version.h"

enum { GROUP_CHUNK_BYTES = 512 * 1024 };

struct group_input {
	const struct topic *topic; /* the log's, lives as long as it */
	struct partition *partition;
	int32_t number;
	int64_t position; /* next offset to read */
	int64_t max_event_time_us;
};

/* One decoder per table, for the union of the columns its versions want. */
struct group_reader {
	struct table_entry *table;
	uint8_t *wanted;
	struct decoder *decoder;
};

struct group {
	struct log *log;
	struct version **versions;
	size_t version_count;
	struct group_input *inputs; /* sorted by topic name, partition */
	size_t input_count;
	struct group_reader *readers;
	size_t reader_count;
	struct arena arena; /* of a chunk */
	struct buffer bytes;
	size_t next_input; /* round robin */
	/* the open step */
	bool open;
	uint64_t step_rows;
	int64_t step_began_ns;
};

struct group *group_create(struct log *log);
void group_destroy(struct group *group); /* releases its versions; accepts NULL */

/* Adds an opened version (retained); its stored offsets must equal the group's on shared inputs, and become
 * the positions of new ones. NOT_FOUND when a topic it reads is gone; DAMAGED when it has read further than
 * the log reaches. */
status group_add(struct group *group, struct version *version) MUST_USE;
/* Takes out versions for which `leaves` says so and releases them; unused inputs and readers go too. */
void group_remove(
	struct group *group, bool (*leaves)(const struct version *version, void *context), void *context);
/* Have partitions been added to a topic it reads? Then takes them in as inputs, from their beginning; before
 * two groups are compared or merged, and before `ends` are made. Between steps only. */
bool group_is_stale(const struct group *group);
void group_refresh(struct group *group);
/* Moves all versions of `other` here; positions must agree on shared inputs. `other` is left empty. */
status group_merge(struct group *group, struct group *other) MUST_USE;

/* Position of an input in `group`, or −1 when it has no such input. */
int64_t group_position(const struct group *group, const struct group_input *input);
/* True when both have the same position on every shared input, and share at least one. */
bool group_meets(const struct group *left, const struct group *right);

/* Reads and pushes one chunk of some input below ends[i] (at most the last stable offset); *progressed is
 * false when all inputs have reached their ends. A version that fails is marked and left out: alone when its
 * logic does, with all readers of the topic when the log cannot be read. */
void group_chunk(struct group *group, const int64_t *ends, bool *progressed);
/* Bytes the open step holds. */
size_t group_step_bytes(const struct group *group);
/* Ends and commits the open step, or an empty one (which emits what views hold before any input). Failed
 * versions are left out. */
void group_step_finish(struct group *group);

#endif
