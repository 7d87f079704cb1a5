/* A circuit under test: fed with changes in steps, restarted, starved of memory, and compared with the naive
 * evaluator. */
#ifndef KAPPA_TESTS_PROCESSORS_SUPPORT_CIRCUIT_H
#define KAPPA_TESTS_PROCESSORS_SUPPORT_CIRCUIT_H

#include "processors/circuit.h"
#include "support_plan.h"
#include "support_store.h"

/* One row that comes or goes. */
struct change {
	enum test_table table;
	struct naive_row row;
};

struct bench {
	const struct plan *plan;
	struct memory_store store;
	struct circuit *circuit;
	size_t memory_bytes_max;
	bool committed;                        /* something is in the store */
	struct arena arena;                    /* of the run */
	struct naive_rows tables[TABLE_COUNT]; /* integrals of the inputs */
	struct naive_rows output;              /* Σ of deltas */
	struct digest digest;
	struct circuit_sink sink;
};

void bench_init(struct bench *bench, const struct plan *plan, size_t memory_bytes_max);
void bench_deinit(struct bench *bench);
/* Destroys the circuit and makes it anew over what was committed. */
void bench_restart(struct bench *bench);
/* One step of these changes (shuffled when `random` is not NULL), flushed and committed. */
status bench_step(struct bench *bench, const struct change *changes, size_t count, struct random *random);
/* Is the accumulated output what the naive evaluator says? */
bool bench_is_right(struct bench *bench);

/* Changes of which every prefix leaves collections without negative rows; every tenth or so of them are runs
 * of retractions. */
struct change *changes_random(struct random *random, struct arena *arena, size_t count);

#endif
