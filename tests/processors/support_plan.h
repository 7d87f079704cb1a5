/* Plans and rows for tests: builders, and a seeded generator of plans that are valid but otherwise arbitrary.
 */
#ifndef KAPPA_TESTS_PROCESSORS_SUPPORT_PLAN_H
#define KAPPA_TESTS_PROCESSORS_SUPPORT_PLAN_H

#include "support_naive.h"

/* splitmix64 */
struct random {
	uint64_t state;
};
uint64_t random_next(struct random *random);
uint32_t random_below(struct random *random, uint32_t limit);
bool random_chance(struct random *random, uint32_t percent);

/* The columns of all test tables. */
enum test_column {
	COLUMN_ID,       /* integer, not null, 0…11 */
	COLUMN_NAME,     /* text */
	COLUMN_AMOUNT,   /* bigint */
	COLUMN_RATE,     /* numeric of any scale */
	COLUMN_PRICE,    /* numeric(10,2) */
	COLUMN_MEASURE,  /* double precision: dyadic, −0, NaN, infinities */
	COLUMN_FLAG,     /* boolean */
	COLUMN_AT,       /* timestamp */
	COLUMN_SMALL,    /* smallint, not null */
	COLUMN_DURATION, /* interval */
	COLUMN_REAL,     /* real */
	COLUMN_COUNT,
};

/* "a" and "b" take retractions, "log" is append-only. */
enum test_table { TABLE_A, TABLE_B, TABLE_LOG, TABLE_COUNT };

const struct schema *test_schema(void);
const char *test_table_name(enum test_table table);
enum test_table test_table_of(const struct plan *scan);
struct value value_random(struct random *random, struct arena *arena, enum test_column column);

struct plan *plan_scan(struct arena *arena, enum test_table table, const uint32_t *columns, size_t count);
struct plan *plan_filter(struct arena *arena, const struct plan *child, const struct expression *predicate);
struct plan *plan_columns(
	struct arena *arena, const struct plan *child, const uint32_t *columns, size_t count);
struct plan *plan_aggregate(struct arena *arena, const struct plan *child, const uint32_t *groups,
	size_t group_count, const struct aggregate_call *calls, size_t call_count);
struct plan *plan_join(struct arena *arena, enum join_kind kind, const struct plan *left,
	const struct plan *right, const uint32_t *left_keys, const uint32_t *right_keys, size_t key_count);
struct plan *plan_union(struct arena *arena, const struct plan *left, const struct plan *right);
struct plan *plan_values(struct arena *arena, size_t row_count);
/* call(kind, column of child): the result type follows PostgreSQL. */
struct aggregate_call aggregate_call_of(const struct plan *child, enum aggregate_kind kind, int32_t argument);
/* left OP right over two columns or a column and a constant. */
const struct expression *expression_compare(
	struct arena *arena, const char *function, const struct expression *left, const struct expression *right);

struct plan *plan_random(struct random *random, struct arena *arena, unsigned depth);
size_t plan_join_count(const struct plan *plan);

#endif
