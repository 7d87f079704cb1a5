/* Bound plans: what a query is, after names and types are resolved. Circuits (incremental) and queries (run
 * once) are both built from them. Immutable, in one arena.
 *
 * Every node has a schema; expressions refer to columns of the (first) child by index, except a join's
 * residual, which sees the left columns followed by the right ones.
 */
#ifndef KAPPA_PROCESSORS_PLAN_H
#define KAPPA_PROCESSORS_PLAN_H

#include "processors/expression.h"

enum plan_kind {
	PLAN_SCAN,      /* a table, a view version or a system relation; no child */
	PLAN_VALUES,    /* literal rows; no child */
	PLAN_FILTER,    /* predicate is true */
	PLAN_PROJECT,   /* expressions */
	PLAN_AGGREGATE, /* groups by columns; DISTINCT is one without aggregates */
	PLAN_JOIN,      /* two children */
	PLAN_UNION_ALL, /* two or more children of equal types */
	PLAN_SORT,  /* queries only; total up to equal sort keys, then by whole row so that results are repeatable
				 */
	PLAN_LIMIT, /* queries only */
	PLAN_NUMBER, /* row_number(): one more column, rows counted per partition; queries only */
};

enum aggregate_kind {
	AGGREGATE_COUNT_STAR,
	AGGREGATE_COUNT,
	AGGREGATE_SUM,
	AGGREGATE_AVG,
	AGGREGATE_MIN,
	AGGREGATE_MAX,
	AGGREGATE_BOOL_AND,
	AGGREGATE_BOOL_OR,
};
const char *aggregate_name(enum aggregate_kind kind); /* as SQL calls it: "count", "sum", … */

struct aggregate_call {
	enum aggregate_kind kind;
	int32_t argument; /* column of the child; −1 for count(*) */
	int32_t filter;   /* boolean column of the child; −1 = none */
	bool distinct;
	struct type
		type; /* PostgreSQL's result type: sum(int) bigint, sum(bigint) numeric, avg(int…) numeric, … */
};

enum join_kind { JOIN_INNER, JOIN_LEFT, JOIN_SEMI, JOIN_ANTI }; /* circuits: see circuit_create() */

struct sort_key {
	uint32_t column;
	bool descending, nulls_first;
};

/* A scan's key range, from WHERE: expressions over constants and parameters only. */
struct scan_bounds {
	const struct expression **prefix;
	size_t prefix_count;
	const struct expression *low, *high; /* NULL = open */
	bool low_inclusive, high_inclusive;
	const char *
		*names; /* of the key columns bounded: prefix_count, then the one of low and high; for EXPLAIN */
};

struct plan {
	enum plan_kind kind;
	struct schema schema;
	const struct plan **children;
	size_t child_count;

	bool append_only; /* no retraction can come out, whatever append-only tables bring */
	/* Columns that identify a row (at most one row of weight 1 per key). has_key with key_count 0: at most
	 * one row. */
	bool has_key;
	uint32_t *key_columns;
	size_t key_count;

	union {
		struct {
			const char *schema_name; /* "public", "kappa", … */
			const char *name;
			int64_t version;   /* of a view; 0 = the live one, or not a view */
			void *handle;      /* the catalog's, see struct sql_relation */
			uint32_t *columns; /* schema.fields[i] is column columns[i] of the relation */
			struct scan_bounds bounds;
			uint64_t row_estimate;
			bool unordered; /* the key identifies rows, but is not the order they are kept in */
			bool empty;     /* has no rows, ever */
		} scan;
		struct {
			const struct expression ***rows; /* [row][column] */
			size_t row_count;
		} values;
		struct {
			const struct expression *predicate;
		} filter;
		struct {
			const struct expression **expressions; /* one per field */
		} project;
		struct {
			uint32_t *groups; /* columns of the child; output: groups, then aggregates */
			size_t group_count;
			struct aggregate_call *calls;
			size_t call_count;
			bool global; /* no GROUP BY: one row even for no input */
		} aggregate;
		struct {
			enum join_kind kind;
			uint32_t *left_keys, *right_keys; /* equal types pairwise; key_count 0 = cross join */
			size_t key_count;
			const struct expression *residual; /* NULL = none */
		} join;
		struct {
			struct sort_key *keys;
			size_t key_count;
			size_t partition_count; /* PLAN_NUMBER: the first keys, whose rows are counted together */
		} sort;                     /* also PLAN_NUMBER's */
		struct {
			const struct expression *limit,
				*offset; /* bigint expressions of constants and parameters; NULL = none */
		} limit;
	};
};

/* Canonical text of the whole plan, independent of formatting, comments and alias names inside; output column
 * names included. Two definitions that give the same text are the same logic: its hash is a version's
 * fingerprint. */
void plan_canonical(const struct plan *plan, struct buffer *out);
/* EXPLAIN: an indented tree, one node per line, PostgreSQL's flavour ("Key Lookup on delays@2 (origin =
 * 'JFK')", "Range Scan", "Seq Scan", "Hash Aggregate", …). */
void plan_explain(const struct plan *plan, struct buffer *out);

#endif
