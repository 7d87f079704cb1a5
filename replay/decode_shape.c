/* The fast reader of JSON records: what stood between the values last time is expected again.
 *
 * Seen from its values, a record is a list of literals:
 *
 *   {"auction":  1007  ,"bidder":  1  ,"price":  ...  ,"channel":  "Apple"  }\n
 *   literal 0    value literal 1  value literal 2     literal 3    value    closing literal
 *
 * A node is a literal with the column its key names (−1: none) and the literals that have followed it. The reference
 * reader teaches: each record it accepts adds nodes and edges. This reader walks the graph: compares whole literals
 * (sixteen bytes at a time), reads the value after each in the form its column wants, and declines (returns
 * false) at whatever it does not expect; the reference reader then reads the record from its beginning.
 *
 * Why a walk that arrives is what the reference reader would have said:
 *   S1  In group 0 every first literal is  ws { ws key ws : ws , every middle one  ws , ws key ws : ws  and every closing one
 *       ws } ws , all validated before they were learned; so any path spells a well-formed object.
 *   S2  A record in Connect's envelope has its wrapper in its first and closing literals. Its nodes are in a group of their own
 *       per first literal, so that wrappers are never mixed. Records that name schema or payload without being an
 *       envelope are not learned while envelopes are opened: whether they are one depends on more than a path shows.
 *   S3  A column met twice in one record is declined: precedence is the reference reader's matter.
 *   S4  Values are validated here as strictly as there (grammar, UTF-8, type, NOT NULL).
 *   S5  Positions only grow and the closing literal must end where the record ends, so bytes read beyond it (padding,
 *       the next record) are never part of a walk that arrives.
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
	HEAD_SIZE = 32,
};

struct shape_node {
	uint8_t head[HEAD_SIZE]; /* the literal's first bytes, zeros after its end */
	uint8_t mask[HEAD_SIZE]; /* ff where head counts */
	const uint8_t *literal;  /* all of it; the graph's arena */
	uint32_t size;
	int32_t column;
	uint16_t edges[EDGES_MAX];
	uint16_t edge_count;
	uint32_t group;
	uint64_t hash;
};

struct shape {
	struct shape_node *nodes; /* nodes[0] is the start: no literal */
	uint32_t node_count;
	uint64_t *stamps; /* per visible column: the record it was last met in */
	uint64_t stamp;
	size_t stamp_count;
	uint64_t full_for; /* records still to go before a full graph is forgotten; 0 = not full */
	struct arena literals;
};

struct shape *shape_create(void)
{
	if (!SHAPE_SUPPORTED)
		return NULL;
	struct shape *shape = mem_alloc_zeroed(1, sizeof *shape);
	shape->nodes = mem_alloc_zeroed(NODES_MAX, sizeof *shape->nodes);
	shape->node_count = 1;
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

/* ---- learning ---- */

static void shape_clear(struct shape *shape)
{
	memset(shape->nodes, 0, shape->node_count * sizeof *shape->nodes);
	shape->node_count = 1;
	arena_reset(&shape->literals);
	shape->full_for = 0;
}

/* The node, made if need be; 0 when there is no room. */
static uint32_t node_find(struct shape *shape, struct slice literal, int32_t column, uint32_t group)
{
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
	node->group = group;
	node->hash = hash;
	return shape->node_count++;
}

/* Newest first; the oldest is dropped when there are too many. */
static void edge_add(struct shape_node *from, uint32_t to)
{
	for (uint32_t i = 0; i < from->edge_count; i++) {
		if (from->edges[i] == to)
			return;
	}
	if (from->edge_count < EDGES_MAX)
		from->edge_count++;
	memmove(from->edges + 1, from->edges, (from->edge_count - 1u) * sizeof from->edges[0]);
	from->edges[0] = (uint16_t)to;
}

static bool names_envelope(const struct decoder *decoder)
{
	for (size_t m = 0; m < decoder->member_count; m++) {
		struct slice key = decoder->members[m].key;
		/* A key with escapes could be either; such records are rare. */
		if (slice_equal(key, slice_of_string("schema")) || slice_equal(key, slice_of_string("payload")) ||
			memchr(key.data, '\\', key.size) != NULL)
			return true;
	}
	return false;
}

void shape_learn(struct decoder *decoder, struct slice record)
{
	struct shape *shape = decoder->shape;
	if (shape->full_for != 0 && --shape->full_for == 0)
		shape_clear(shape);
	if (shape->full_for != 0 || decoder->member_count == 0)
		return;
	if (decoder->envelope && !decoder->enveloped && names_envelope(decoder))
		return;
	uint32_t group = decoder->enveloped ? GROUP_FIRST : GROUP_PLAIN;
	uint32_t from = 0;
	const uint8_t *at = record.data;
	for (size_t m = 0; m <= decoder->member_count; m++) {
		bool closing = m == decoder->member_count;
		const struct json_member *member = &decoder->members[m];
		const uint8_t *end = closing ? record.data + record.size : member->value_begin;
		uint32_t to = node_find(shape, slice_of(at, (size_t)(end - at)),
			closing              ? COLUMN_CLOSING
			: member->column < 0 ? COLUMN_NONE
								 : member->column,
			group);
		if (to == 0) {
			shape->full_for = FULL_RECORDS;
			return;
		}
		edge_add(&shape->nodes[from], to);
		if (group == GROUP_FIRST)
			group = 2 + to;
		from = to;
		at = closing ? end : member->value_end;
	}
}

/* ---- reading ---- */

static inline bool literal_matches(const struct shape_node *node, const uint8_t *at, const uint8_t *end)
{
	if (end - at < (ptrdiff_t)node->size)
		return false;
#if defined(__SSE2__)
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i head = _mm_loadu_si128((const __m128i *)(const void *)node->head);
	__m128i mask = _mm_loadu_si128((const __m128i *)(const void *)node->mask);
	if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(bytes, mask), head)) != 0xffff)
		return false;
	return node->size <= 16 || memcmp(at + 16, node->literal + 16, node->size - 16) == 0;
#else
	return memcmp(at, node->literal, node->size) == 0;
#endif
}

/* After a string's opening quote: its text, and where its closing quote stands; NULL: not of the simple kind. */
static inline const uint8_t *simple_string(const uint8_t *at, const uint8_t *end, struct slice *text)
{
	bool non_ascii = false;
	const uint8_t *stop = scan_string(at, end, &non_ascii);
	if (stop >= end || *stop != '"')
		return NULL;
	*text = slice_of(at, (size_t)(stop - at));
	if (non_ascii && !utf8_valid(at, text->size))
		return NULL;
	return stop;
}

/* The general form of a value, for a column or for none; returns its end or NULL. */
static __attribute__((noinline)) const uint8_t *value_general(
	struct decoder *decoder, const uint8_t *at, const uint8_t *end, int32_t column)
{
	struct token token;
	const uint8_t *value_end = json_value(decoder, at, end, false, &token);
	if (value_end == NULL || (column >= 0 && !decode_put_token(decoder, (uint32_t)column, &token)))
		return NULL;
	return value_end;
}

/* Whatever stands there is skipped, validated. */
static inline const uint8_t *value_skip(struct decoder *decoder, const uint8_t *at, const uint8_t *end)
{
	if (*at == '"') {
		struct slice text;
		const uint8_t *stop = simple_string(at + 1, end, &text);
		if (stop != NULL)
			return stop + 1;
	} else if (*at != 'n') {
		struct scan_number number;
		const uint8_t *stop = scan_number(at, &number);
		if (stop != NULL)
			return stop;
	}
	return value_general(decoder, at, end, COLUMN_NONE);
}

static inline const uint8_t *value_number(
	struct decoder *decoder, const struct decode_column *column, const uint8_t *at)
{
	struct scan_number number;
	const uint8_t *stop = scan_number(at, &number);
	if (stop == NULL || number.exponent != 0)
		return NULL;
	if (column->kind == COLUMN_FLOAT8) {
		if (number.mantissa > UINT64_C(1) << 53)
			return NULL;
		double value = (double)number.mantissa / (double)scan_power10[number.fraction];
		if (column->values != NULL)
			((double *)column->values)[decoder->row] = number.negative ? -value : value;
		return stop;
	}
	int64_t value = number.negative ? -(int64_t)number.mantissa : (int64_t)number.mantissa;
	if (column->type.modifier >= 0)
		return NULL;
	if (column->values != NULL)
		((struct decimal *)column->values)[decoder->row] =
			(struct decimal){.value = value, .scale = number.fraction};
	return stop;
}

/* A value of a column in the form expected; NULL: in some other form. */
static inline __attribute__((always_inline)) const uint8_t *value_expected(
	struct decoder *decoder, const struct decode_column *column, const uint8_t *at, const uint8_t *end)
{
	struct slice text;
	const uint8_t *stop;
	switch (column->kind) {
	case COLUMN_INTEGER: {
		bool negative = *at == '-';
		unsigned count;
		at += negative;
		int64_t value = (int64_t)scan_digits(at, &count);
		stop = at + count;
		if (count - 1 >= 18 || (*at == '0' && count != 1) || *stop == '.' || (*stop | 0x20) == 'e')
			return NULL;
		value = negative ? -value : value;
		if (value < column->min || value > column->max)
			return NULL;
		if (column->values != NULL)
			((int64_t *)column->values)[decoder->row] = value;
		return stop;
	}
	case COLUMN_TEXT:
		if (*at != '"')
			return NULL;
		stop = simple_string(at + 1, end, &text);
		if (stop == NULL || (column->type.modifier >= 0 && text.size > (size_t)column->type.modifier))
			return NULL;
		if (column->values != NULL)
			((struct text *)column->values)[decoder->row] =
				(struct text){.data = (const char *)text.data, .size = (uint32_t)text.size};
		return stop + 1;
	case COLUMN_TIMESTAMP: {
		int64_t value;
		if (*at != '"')
			return NULL;
		stop = simple_string(at + 1, end, &text);
		if (stop == NULL || !decode_timestamp_simple(decoder, text, &value))
			return NULL;
		if (column->values != NULL)
			((int64_t *)column->values)[decoder->row] = value;
		return stop + 1;
	}
	case COLUMN_FLOAT8:
	case COLUMN_NUMERIC:
		return value_number(decoder, column, at);
	case COLUMN_BOOL: {
		bool truth = *at == 't';
		if (memcmp(at, truth ? "true" : "fals", 4) != 0 || (!truth && at[4] != 'e'))
			return NULL;
		if (column->values != NULL)
			((uint8_t *)column->values)[decoder->row] = truth;
		return at + 4 + !truth;
	}
	default:
		return NULL;
	}
}

/* The record is complete; columns that were not in it are null. */
static bool shape_finish(struct decoder *decoder, const struct shape *shape)
{
	for (uint32_t c = 0; c < shape->stamp_count; c++) {
		if (shape->stamps[c] == shape->stamp)
			continue;
		if (decoder->columns[c].not_null)
			return false;
		decode_put_null(decoder, c);
	}
	return true;
}

bool shape_read(struct decoder *decoder, struct slice record)
{
	struct shape *shape = decoder->shape;
	if (shape->stamps == NULL) {
		shape->stamp_count = decoder->options.visible_count;
		shape->stamps = mem_alloc_zeroed(shape->stamp_count, sizeof *shape->stamps);
	}
	uint64_t stamp = ++shape->stamp;
	size_t met = 0;
	const uint8_t *at = record.data, *end = record.data + record.size;
	const struct shape_node *node = shape->nodes;
	for (;;) {
		const struct shape_node *from = node;
		uint32_t edge = 0;
		for (;; edge++) {
			if (edge == from->edge_count)
				return false;
			node = &shape->nodes[from->edges[edge]];
			if (__builtin_expect(literal_matches(node, at, end), 1))
				break;
		}
		at += node->size;
		if (node->column >= 0) {
			uint32_t index = (uint32_t)node->column;
			if (shape->stamps[index] == stamp)
				return false;
			shape->stamps[index] = stamp;
			met++;
			const uint8_t *stop = value_expected(decoder, &decoder->columns[index], at, end);
			if (__builtin_expect(stop == NULL, 0))
				stop = value_general(decoder, at, end, node->column);
			at = stop;
		} else if (node->column == COLUMN_NONE) {
			at = value_skip(decoder, at, end);
		} else {
			return at == end && (met == shape->stamp_count || shape_finish(decoder, shape));
		}
		if (at == NULL)
			return false;
	}
}
