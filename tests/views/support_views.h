/* A store beside a model of it: seeded random steps go into both, and a snapshot is compared with the model.
 *
 * Rows are (k bigint, t text, n numeric, f float8). In the keyed model a key k holds one row made from a
 * small number (its variant); in the unkeyed model every (k, variant) has a weight.
 */
#ifndef KAPPA_TESTS_VIEWS_SUPPORT_VIEWS_H
#define KAPPA_TESTS_VIEWS_SUPPORT_VIEWS_H

#include "views/store_internal.h"

enum { MODEL_KEYS = 150, MODEL_VARIANTS = 6, MODEL_STATES = 60 };

struct model {
	bool keyed;
	int64_t weights[MODEL_KEYS][MODEL_VARIANTS];
	uint32_t states[2][MODEL_STATES]; /* 0 = absent */
	int64_t offset;                   /* of t/0; t/1 stands at half of it */
	uint64_t bad_count;
};

struct fixture {
	char dir[64]; /* the test's own; removed by teardown */
	char path[96];
	struct view_environment *environment;
	struct view_store *store;
	struct arena arena;
	uint64_t random;
};

void fixture_setup(struct fixture *fixture, uint64_t seed);
void fixture_teardown(struct fixture *fixture);
struct view_layout fixture_layout(bool keyed);
void fixture_open(struct fixture *fixture, bool keyed);
void fixture_close(struct fixture *fixture);
uint32_t random_below(struct fixture *fixture, uint32_t limit);

/* A row's values, written into row `row` of a batch of the layout's schema. */
void row_fill(struct batch *batch, uint32_t row, int64_t k, uint32_t variant, struct arena *arena);
/* One step of about `changes` changes, applied to the model and given to a commit (not finished). */
struct view_commit *step_make(struct fixture *fixture, struct model *model, uint32_t changes);
/* Finishes it at the model's offset. */
void step_finish(struct fixture *fixture, struct model *model, struct view_commit *commit);
/* Every row, count, digest, offset, bad record of the snapshot is the model's. */
void snapshot_check(struct fixture *fixture, struct view_snapshot *snapshot, const struct model *model);
void states_check(struct fixture *fixture, const struct model *model);
/* A digest and a Σ of weights by scanning. */
status snapshot_scan(struct view_snapshot *snapshot, struct digest *digest, int64_t *row_count);
/* The rows are those that its digest and its row count are of. Any thread. */
bool snapshot_is_of_one_step(struct view_snapshot *snapshot);

#endif
