/* A circuit: the incremental form of a plan. Deltas of the tables go in, the delta of the view comes out.
 *
 * For a query Q and input collections I, a circuit keeps whatever of the integral of I it needs so that for
 * each step out = Q(I + ΔI) − Q(I) Linear operators (filter, project, union) pass deltas through; joins are
 * bilinear: Δ(L⋈R) = ΔL⋈R + L⋈ΔR + ΔL⋈ΔR; aggregates emit f(new) − f(old) for touched groups, once per step.
 * Hence one big step, many small ones, live and replay give the same sums.
 *
 * A step:  circuit_push(source, batch)…  any number of times, any order of sources
 *          circuit_step_end(sink)        stateful operators emit, bottom-up
 *          circuit_flush(writer)         changed state goes to the store's write batch
 *          circuit_committed()           the commit is durable or at least ordered; caches may be evicted
 * After a failure in between the circuit is dirty: destroy it and create it anew over the committed store.
 *
 * State lives in memory, in tables keyed by encoded keys, and is written back by flush; after a restart it is
 * read back on demand. Beyond memory_bytes_max clean entries are dropped and read back when needed.
 *
 * Not thread-safe: one circuit, one owner at a time.
 */
#ifndef KAPPA_PROCESSORS_CIRCUIT_H
#define KAPPA_PROCESSORS_CIRCUIT_H

#include "processors/plan.h"
#include "zset/state_store.h"

struct circuit;

struct circuit_options {
	struct state_store *store; /* committed state; borrowed */
	bool store_empty;          /* nothing committed yet: nothing to read back */
	size_t memory_bytes_max;   /* 0 = 256 MiB */
};

/* Where deltas go. The batch is valid during the call. */
struct circuit_sink {
	status (*push)(struct circuit_sink *sink, const struct batch *delta);
};

/* The plan must outlive the circuit. UNSUPPORTED with a hint for plans that have no incremental form yet. */
status circuit_create(
	const struct plan *plan, const struct circuit_options *options, struct circuit **out) MUST_USE;
/* Accepts NULL. */
void circuit_destroy(struct circuit *circuit);
/* Would circuit_create() accept it? The same refusals, without building anything. */
status circuit_check(const struct plan *plan) MUST_USE;

/* The scans of the plan, left to right; a table scanned twice is two sources. */
size_t circuit_source_count(const struct circuit *circuit);
const struct plan *circuit_source(const struct circuit *circuit, size_t source);

/* `batch` has all columns of the scanned relation (scan.columns picks; others may have values == NULL). It
 * and `arena`, from which intermediate batches come, are valid during this call ONLY: a bulk step pushes
 * millions of rows chunk by chunk and the pipeline resets the arena after each. So operators copy what they
 * keep, and outputs of linear paths and joins are pushed on (to the sink or the next stateful operator) at
 * once. */
status circuit_push(struct circuit *circuit, size_t source, const struct batch *batch, struct arena *arena,
	struct circuit_sink *sink) MUST_USE;
status circuit_step_end(struct circuit *circuit, struct arena *arena, struct circuit_sink *sink) MUST_USE;
/* Bytes of uncommitted changes held; the pipeline ends a step when it grows large. */
size_t circuit_dirty_bytes(const struct circuit *circuit);
status circuit_flush(struct circuit *circuit, struct state_writer *writer) MUST_USE;
void circuit_committed(struct circuit *circuit);
size_t circuit_memory_bytes(const struct circuit *circuit);

/* Changes whenever operators would compute or store differently: part of every version's fingerprint. */
enum { CIRCUIT_SEMANTICS_VERSION = 1 };

#endif
