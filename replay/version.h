/* A view version: one definition and, once opened, what keeps it up to date.
 *
 *              version_create            version_bind              version_open
 *   definition ──────────────► created ──────────────► bound ──────────────► running ──► (dropped)
 *
 * The definition is immutable and read by anybody who holds a reference. The running part belongs to the
 * group that steps the version (one thread at a time); what other threads may look at is atomic or under
 * `status_lock`.
 *
 * Reference counted; the last release closes the store and, if the version was dropped, deletes its
 * directory.
 */
#ifndef KAPPA_REPLAY_VERSION_H
#define KAPPA_REPLAY_VERSION_H

#include <pthread.h>
#include <stdatomic.h>

#include "processors/circuit.h"
#include "replay/table.h"

struct catalog;

/* Which version of an upstream view a definition was bound to. */
struct version_use {
	const char *name;
	int64_t version; /* 0: a table */
};

/* One topic partition a replay has to reach; frozen when the version is deployed. */
struct version_target {
	const char *topic;
	int32_t partition;
	int64_t offset;
};

struct version_definition {
	const char *view;
	int64_t number;
	const char *query;
	int64_t deployment;
	int64_t from; /* the live version when it was deployed; 0 = none */
	int64_t created_ms;
	const struct version_use *uses;
	size_t use_count;
	const struct version_target *targets;
	size_t target_count;
};

/* Offsets of a partition that were trimmed from the log before the version had read them. */
struct version_missed {
	const struct topic *topic;
	int32_t partition;
	int64_t count;
};

/* A table the circuit reads, with the columns it needs. */
struct version_input {
	struct table_entry *table;
	uint8_t *wanted; /* per column of the table's schema */
};

struct version {
	/* definition */
	struct arena arena;
	struct version_definition definition;
	atomic_int references;

	/* bound */
	const struct plan *plan;
	char fingerprint[40];
	struct version_input *inputs; /* each table once */
	size_t input_count;
	size_t *source_inputs; /* per circuit source: index into inputs */
	size_t source_count;

	/* running; the stepping thread's */
	char *dir;
	struct view_store *store;
	struct circuit *circuit;
	struct view_commit *commit;    /* of the open step; NULL between steps */
	struct version_missed *missed; /* partitions of which it could not read all */
	size_t missed_count;

	/* anybody's */
	atomic_bool dropped; /* asked to go */
	atomic_bool paused;
	atomic_bool caught_up; /* member of the live group */
	atomic_bool failed;
	atomic_llong records_done, records_total; /* of the frozen target */
	atomic_llong records_read;                /* ever, for the rate */
	atomic_llong missed_records;              /* trimmed from the log before they were read */
	atomic_size_t memory_bytes;
	pthread_mutex_t status_lock; /* guards the following */
	struct error failure;
	double records_per_second;
	int64_t rate_at_ns, rate_records;
};

/* Copies the definition. One reference. */
struct version *version_create(const struct version_definition *definition);
struct version *version_retain(struct version *version);
void version_release(struct version *version); /* accepts NULL */

/* Names are resolved by the definition's uses when it has them, else to a staged version or the live one;
 * then the uses are filled in. `staged` are versions of the same deployment, bound already. On failure the
 * version stays unbound. */
status version_bind(struct version *version, const struct catalog *catalog, struct version *const *staged,
	size_t staged_count) MUST_USE;
/* Opens (or rebuilds, when it cannot be believed) the store under `dir` and creates the circuit. */
status version_open(struct version *version, struct view_environment *environment, const char *dir,
	size_t memory_bytes_max) MUST_USE;
/* "<dir>/<view>@<number>.<deployment>", characters that do not belong in file names escaped; the caller
 * frees. */
char *version_directory(const struct version *version, const char *dir);
/* Notes that offsets [from, to) are not there to be read any more, loudly. The stepping thread's. */
void version_miss(
	struct version *version, const struct topic *topic, int32_t partition, int64_t from, int64_t to);
/* What the version's store says of it; and to begin anew. The stepping thread's. */
void version_missed_restore(
	struct version *version, const struct topic *topic, const struct offset_entry *stored);
void version_missed_clear(struct version *version);
/* How many have been missed of the partition. The stepping thread's. */
int64_t version_missed(const struct version *version, const struct topic *topic, int32_t partition);
void version_fail(struct version *version, const struct error *error);
/* Recomputes the records/s figure at most twice a second. */
void version_measure_rate(struct version *version, int64_t now_ns);

#endif
