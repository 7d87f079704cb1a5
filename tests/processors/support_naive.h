/* The naive evaluator: what a plan means, over lists of rows, by loops that are too simple to be wrong.
 * The reference for circuits and queries. It shares with them only expressions, values and decimals.
 */
#ifndef KAPPA_TESTS_PROCESSORS_SUPPORT_NAIVE_H
#define KAPPA_TESTS_PROCESSORS_SUPPORT_NAIVE_H

#include "processors/plan.h"

struct naive_row {
	struct value *values;
	int64_t weight;
};

struct naive_rows {
	struct naive_row *rows;
	size_t count, capacity;
	size_t width;
};

/* The rows of a scanned relation, all of its columns. */
typedef const struct naive_rows *(*naive_table)(void *context, const struct plan *scan);

void naive_add(struct arena *arena, struct naive_rows *rows, const struct value *values, int64_t weight);
struct naive_rows naive_evaluate(
	struct arena *arena, const struct plan *plan, naive_table table, void *context);
struct batch *naive_batch(struct arena *arena, const struct schema *schema, const struct naive_rows *rows,
	size_t from, size_t count);
void naive_add_batch(struct arena *arena, struct naive_rows *rows, const struct batch *batch);
/* Equal rows (exactly, as a reader sees them) merged, sorted by their bytes, weight 0 dropped. */
struct naive_rows naive_net(struct arena *arena, const struct schema *schema, const struct naive_rows *rows);
/* Are the nets equal? Prints the first difference. */
bool naive_same(const struct schema *schema, const struct naive_rows *left, const struct naive_rows *right);
void naive_print(const struct schema *schema, const struct naive_row *row);

#endif
