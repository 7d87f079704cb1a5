/* The fast reader of JSON records: what stood between the values last time is expected again.
 *
 * Seen from its values, a record is a list of literals:
 *
 *   {"auction":  1007  ,"bidder":  1  ,"price":  ...  ,"channel":  "Apple"  }\n
 *   literal 0    value literal 1  value literal 2     literal 3    value    closing literal
 *
 * A node is a literal with the column its key names (−1: none) and the literals that have followed it. The
 * reference reader teaches: each record it accepts adds nodes and edges. This reader walks the graph:
 * compares whole literals (sixteen bytes at a time), reads the value after each in the form its column wants,
 * and declines (returns false) at whatever it does not expect; the reference reader then reads the record
 * from its beginning.
 *
 * Why a walk that arrives is what the reference reader would have said:
 *   S1  In group 0 every first literal is  ws { ws key ws : ws , every middle one  ws , ws key ws : ws  and
 * every closing one ws } ws , all validated before they were learned; so any path spells a well-formed
 * object. S2  A record in Connect's envelope has its wrapper in its first and closing literals. Its nodes are
 * in a group of their own per first literal, so that wrappers are never mixed. A path through group 0 that
 * met no column is declined: only such a record could be an envelope (schema and payload are then no columns'
 * names). S3  A column met twice in one record is declined: precedence is the reference reader's matter. S4
 * Values are validated here as strictly as there (grammar, UTF-8, type, NOT NULL). S5  Positions only grow
 * and the closing literal must end where the record ends, so bytes read beyond it (padding, the next record)
 * are never part of a walk that arrives.
 *
 * The graph is bounded: when it is full it is kept for a while, then begun anew.
 */
#include "base/hash.h"
#include "base/invariant.h"
#include "replay/decode_internal.h"
#include "replay/decode_scan.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SHAPE_SUPPORTED 1
#else
#define SHAPE_SUPPORTED 0
#endif

enum {
	NODES_MAX = 1024,
	EDGES_MAX = 6,
	LITERAL_BYTES_MAX = 1 << 20, /* of all nodes together */
	FULL_RECORDS = 1 << 16,      /* records a full graph is kept for */
	COLUMN_NONE = -1,
	COLUMN_CLOSING = -2,
	GROUP_PLAIN = 0,
	GROUP_FIRST = 1, /* first literals of envelopes; the others are in group 2 + index of their first */
	HEAD_SIZE = 16,
};

struct shape_node {
	uint8_t head[HEAD_SIZE]; /* the literal's first bytes, zeros after its end */
	uint8_t mask[HEAD_SIZE]; /* ff where head counts */
	uint32_t size;
	int32_t column;
	uint64_t bit;                 /* of the first MET_COLUMNS in the set of columns met; 0 for the others */
	struct decode_column *target; /* NULL unless column ≥ 0 */
	const struct shape_node *edges[EDGES_MAX + 1]; /* what has followed, newest first; then NULL */
	/* not needed while reading */
	const uint8_t *literal; /* all of it; the graph's arena */
	uint32_t group;
	uint64_t hash;
};

struct shape {
	struct shape_node *nodes; /* nodes[0] is the start: no literal */
	uint32_t node_count;
	uint64_t *stamps; /* per visible column from MET_COLUMNS on: the record it was last met in */
	uint64_t stamp;
	bool (*walk)(struct decoder *decoder, struct slice record); /* for this processor */
	uint64_t full_for; /* records still to go before a full graph is forgotten; 0 = not full */
	struct arena literals;
};

/* ---- learning ---- */

static void shape_clear(struct shape *shape)
{
	memset(shape->nodes, 0, shape->node_count * sizeof *shape->nodes);
	shape->node_count = 1;
	arena_reset(&shape->literals);
	shape->full_for = 0;
}

/* The node, made if need be; 0 when there is no room. */
static uint32_t node_find(struct decoder *decoder, struct slice literal, int32_t column, uint32_t group)
{
	struct shape *shape = decoder->shape;
	uint64_t hash = hash_bytes(literal.data, literal.size, (uint64_t)group << 32 ^ (uint32_t)column);
	for (uint32_t i = 1; i < shape->node_count; i++) {
		const struct shape_node *node = &shape->nodes[i];
		if (node->hash == hash && node->column == column && node->group == group &&
			slice_equal(slice_of(node->literal, node->size), literal))
			return i;
	}
	if (shape->node_count == NODES_MAX || shape->literals.used_bytes + literal.size > LITERAL_BYTES_MAX)
		return 0;
	struct shape_node *node = &shape->nodes[shape->node_count];
	size_t head = literal.size < HEAD_SIZE ? literal.size : HEAD_SIZE;
	memcpy(node->head, literal.data, head);
	memset(node->mask, 0xff, head);
	node->literal = arena_copy(&shape->literals, literal.data, literal.size);
	node->size = (uint32_t)literal.size;
	node->column = column;
	node->bit = column >= 0 && column < MET_COLUMNS ? UINT64_C(1) << column : 0;
	node->target = column >= 0 ? &decoder->columns[column] : NULL;
	node->group = group;
	node->hash = hash;
	return shape->node_count++;
}

/* Newest first; the oldest is dropped when there are too many. */
static void edge_add(struct shape_node *from, const struct shape_node *to)
{
	for (uint32_t i = 0; i < EDGES_MAX; i++) {
		if (from->edges[i] == to)
			return;
	}
	memmove(from->edges + 1, from->edges, (EDGES_MAX - 1) * sizeof from->edges[0]);
	from->edges[0] = to;
}

void shape_learn(struct decoder *decoder, struct slice record)
{
	struct shape *shape = decoder->shape;
	if (shape->full_for != 0 && --shape->full_for == 0)
		shape_clear(shape);
	if (shape->full_for != 0 || decoder->member_count == 0)
		return;
	uint32_t group = decoder->enveloped ? GROUP_FIRST : GROUP_PLAIN;
	uint32_t from = 0;
	const uint8_t *at = record.data;
	for (size_t m = 0; m <= decoder->member_count; m++) {
		bool closing = m == decoder->member_count;
		const struct json_member *member = &decoder->members[m];
		const uint8_t *end = closing ? record.data + record.size : member->value_begin;
		uint32_t to = node_find(decoder, slice_of(at, (size_t)(end - at)),
			closing              ? COLUMN_CLOSING
			: member->column < 0 ? COLUMN_NONE
								 : member->column,
			group);
		if (to == 0) {
			shape->full_for = FULL_RECORDS;
			return;
		}
		edge_add(&shape->nodes[from], &shape->nodes[to]);
		if (group == GROUP_FIRST)
			group = 2 + to;
		from = to;
		at = closing ? end : member->value_end;
	}
}

/* ---- reading ---- */

/* The general form of a value, for a column or for none; returns its end or NULL. */
static __attribute__((noinline)) const uint8_t *value_general(
	struct decoder *decoder, const uint8_t *at, const uint8_t *end, int32_t column)
{
	struct token token;
	if (at > end)
		return NULL;
	const uint8_t *value_end = json_value(decoder, at, end, false, &token);
	if (value_end == NULL || (column >= 0 && !decode_put_token(decoder, (uint32_t)column, &token)))
		return NULL;
	return value_end;
}

/* The record is complete; columns that were not in it are null. */
static __attribute__((noinline)) bool shape_finish(struct decoder *decoder, uint64_t met)
{
	const struct shape *shape = decoder->shape;
	for (uint32_t c = 0; c < decoder->options.visible_count; c++) {
		if (c < MET_COLUMNS ? (met >> c & 1) != 0 : shape->stamps[c] == shape->stamp)
			continue;
		if (decoder->columns[c].not_null)
			return false;
		decode_put_null(decoder, c);
	}
	return true;
}

#define WALK(name) name##_plain
#define WALK_TARGET
#define WALK_STRING scan_string
#include "replay/decode_walk.h"
#undef WALK
#undef WALK_TARGET
#undef WALK_STRING

#if defined(__x86_64__)
#define WALK(name) name##_wide
#define WALK_TARGET SCAN_WIDE_TARGET
#define WALK_STRING scan_string_wide
#include "replay/decode_walk.h"
#endif

struct shape *shape_create(size_t visible_count)
{
	if (!SHAPE_SUPPORTED)
		return NULL;
	struct shape *shape = mem_alloc_zeroed(1, sizeof *shape);
	shape->nodes = mem_alloc_zeroed(NODES_MAX, sizeof *shape->nodes);
	shape->node_count = 1;
	shape->stamps = mem_alloc_zeroed(visible_count, sizeof *shape->stamps);
	shape->walk = shape_walk_plain;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
		shape->walk = shape_walk_wide;
#endif
	arena_init(&shape->literals);
	return shape;
}

void shape_destroy(struct shape *shape)
{
	if (shape == NULL)
		return;
	arena_deinit(&shape->literals);
	mem_free(shape->nodes);
	mem_free(shape->stamps);
	mem_free(shape);
}

bool shape_read(struct decoder *decoder, struct slice record)
{
	return decoder->shape->walk(decoder, record);
}
