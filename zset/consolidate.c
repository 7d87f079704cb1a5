/* Consolidation: sort the rows, merge equal neighbours, drop weights of zero. Pure function, any thread;
 * scratch memory is freed before it returns.
 *
 * The sort never compares rows while a 64-bit key can tell them apart. A position is a column and, in text, a
 * depth in bytes; at a position every value has an order-preserving key:
 *
 *   range of rows ── nulls go last ── keys of this position ── sort (key, row) ── runs of equal keys ── next
 * position
 *
 * Text takes seven bytes a key, its low byte counts how many there were (8: more follow), so that "a" and
 * "a\0" differ and a key below 8 settles the column. A range of a dozen rows is insertion-sorted by
 * row_compare instead. Rows that no position tells apart are equal; that is noted in `repeats` on the way, so
 * merging compares nothing.
 */
#include <string.h>

#include "base/invariant.h"
#include "zset/batch.h"
#include "zset/canonical.h"
#include "zset/datetime.h"
#include "zset/decimal.h"

enum { SMALL_RANGE = 12, RADIX_RANGE = 256, TEXT_STEP = 7 };

struct keyed {
	uint64_t key;
	uint32_t row;
	uint32_t reserved;
};

struct sorter {
	const struct batch *batch;
	uint32_t *rows;      /* the permutation being sorted */
	uint8_t *repeats;    /* 1 = equal to the row before it */
	struct keyed *keyed; /* row_count entries each */
	struct keyed *spare;
	uint32_t *spare_rows;
};

struct range {
	uint32_t from, to; /* in rows */
	uint32_t column;
	uint32_t depth; /* bytes of text known to be equal */
};

static void sort_small(struct sorter *sorter, struct range range)
{
	uint32_t *rows = sorter->rows;
	const struct batch *batch = sorter->batch;
	for (uint32_t i = range.from + 1; i < range.to; i++) {
		uint32_t row = rows[i], at = i;
		for (; at > range.from && row_compare_from(batch, rows[at - 1], batch, row, range.column) > 0; at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
	for (uint32_t i = range.from + 1; i < range.to; i++)
		sorter->repeats[i] = row_compare_from(batch, rows[i - 1], batch, rows[i], range.column) == 0;
}

/* Moves the rows whose value is null behind the others, keeping order; returns where they begin. */
static uint32_t partition_nulls(struct sorter *sorter, struct range range, const uint8_t *nulls)
{
	uint32_t *rows = sorter->rows, kept = range.from, null_count = 0;
	for (uint32_t i = range.from; i < range.to; i++) {
		uint32_t row = rows[i];
		if (nulls[row] != 0)
			sorter->spare_rows[null_count++] = row;
		else
			rows[kept++] = row;
	}
	memcpy(rows + kept, sorter->spare_rows, null_count * sizeof *rows);
	return kept;
}

static inline uint64_t text_key(const struct text *text, uint32_t depth)
{
	uint32_t left = text->size > depth ? text->size - depth : 0;
	uint64_t key = 0;
	if (left >= 8) {
		memcpy(&key, text->data + depth, 8);
		return (__builtin_bswap64(key) & ~UINT64_C(0xff)) | 8;
	}
	for (uint32_t i = 0; i < left; i++)
		key |= (uint64_t)(uint8_t)text->data[depth + i] << (56 - 8 * i);
	return key | left;
}

/* Decimals of one scale within 64 bits, and spans within 64 bits, have exact keys; others do not. */
static bool keys_wide(const struct sorter *sorter, struct range range, const struct column *column)
{
	const uint32_t *rows = sorter->rows;
	struct keyed *keyed = sorter->keyed;
	bool decimal = type_physical(column->type.id) == PHYS_DECIMAL;
	int32_t scale = decimal ? column->decimals[rows[range.from]].scale : 0;
	for (uint32_t i = range.from; i < range.to; i++) {
		uint32_t row = rows[i];
		__int128 value = decimal ? column->decimals[row].value : interval_span(&column->intervals[row]);
		if (value != (int64_t)value || (decimal && column->decimals[row].scale != scale))
			return false;
		keyed[i] = (struct keyed){.key = i64_order((int64_t)value), .row = row};
	}
	return true;
}

#define KEYS(expression)                                                                                     \
	for (uint32_t i = range.from; i < range.to; i++) {                                                       \
		uint32_t row = rows[i];                                                                              \
		keyed[i] = (struct keyed){.key = (expression), .row = row};                                          \
	}

static bool keys_make(const struct sorter *sorter, struct range range, const struct column *column)
{
	const uint32_t *rows = sorter->rows;
	struct keyed *keyed = sorter->keyed;
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		KEYS(column->booleans[row] != 0)
		return true;
	case PHYS_I64:
		KEYS(i64_order(column->i64[row]))
		return true;
	case PHYS_F64:
		KEYS(f64_order(column->f64[row]))
		return true;
	case PHYS_TEXT:
		KEYS(text_key(&column->texts[row], range.depth))
		return true;
	case PHYS_DECIMAL:
	case PHYS_INTERVAL:
		return keys_wide(sorter, range, column);
	}
	return false;
}

static void merge_sort_keyed(struct keyed *keyed, struct keyed *spare, uint32_t count)
{
	for (uint32_t from = 0; from < count; from += SMALL_RANGE) {
		uint32_t to = count - from < SMALL_RANGE ? count : from + SMALL_RANGE;
		for (uint32_t i = from + 1; i < to; i++) {
			struct keyed moving = keyed[i];
			uint32_t at = i;
			for (; at > from && keyed[at - 1].key > moving.key; at--)
				keyed[at] = keyed[at - 1];
			keyed[at] = moving;
		}
	}
	struct keyed *source = keyed, *target = spare;
	for (uint32_t width = SMALL_RANGE; width < count; width *= 2) {
		for (uint32_t from = 0; from < count; from += 2 * width) {
			uint32_t middle = count - from < width ? count : from + width;
			uint32_t to = count - from < 2 * width ? count : from + 2 * width;
			uint32_t left = from, right = middle;
			for (uint32_t at = from; at < to; at++) {
				bool take_left = right == to || (left < middle && source[left].key <= source[right].key);
				target[at] = source[take_left ? left++ : right++];
			}
		}
		struct keyed *swap = source;
		source = target;
		target = swap;
	}
	if (source != keyed)
		memcpy(keyed, source, count * sizeof *keyed);
}

/* Least significant byte first; `varying` has the bits in which keys differ, bytes without any are skipped.
 */
static void radix_sort_keyed(struct keyed *keyed, struct keyed *spare, uint32_t count, uint64_t varying)
{
	struct keyed *source = keyed, *target = spare;
	for (unsigned shift = 0; shift < 64; shift += 8) {
		if ((varying >> shift & 0xff) == 0)
			continue;
		uint32_t starts[256] = {0}, sum = 0;
		for (uint32_t i = 0; i < count; i++)
			starts[source[i].key >> shift & 0xff]++;
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t size = starts[byte];
			starts[byte] = sum;
			sum += size;
		}
		for (uint32_t i = 0; i < count; i++)
			target[starts[source[i].key >> shift & 0xff]++] = source[i];
		struct keyed *swap = source;
		source = target;
		target = swap;
	}
	if (source != keyed)
		memcpy(keyed, source, count * sizeof *keyed);
}

static void sort_keyed(struct keyed *keyed, struct keyed *spare, uint32_t count)
{
	uint64_t varying = 0;
	bool sorted = true;
	for (uint32_t i = 1; i < count; i++) {
		varying |= keyed[i].key ^ keyed[0].key;
		sorted = sorted && keyed[i - 1].key <= keyed[i].key;
	}
	if (sorted)
		return;
	if (count < RADIX_RANGE)
		merge_sort_keyed(keyed, spare, count);
	else
		radix_sort_keyed(keyed, spare, count, varying);
}

/* For values without 64-bit keys: merge sort by comparison, then ranks as keys, so that runs are found alike.
 */
static void keys_by_rank(struct sorter *sorter, struct range range, const struct column *column)
{
	bool decimal = type_physical(column->type.id) == PHYS_DECIMAL;
#define ORDER(a, b)                                                                                          \
	(decimal ? decimal_compare(&column->decimals[a], &column->decimals[b])                                   \
			 : interval_compare(&column->intervals[a], &column->intervals[b]))
	uint32_t count = range.to - range.from;
	uint32_t *source = sorter->rows + range.from, *target = sorter->spare_rows;
	for (uint32_t width = 1; width < count; width *= 2) {
		for (uint32_t from = 0; from < count; from += 2 * width) {
			uint32_t middle = count - from < width ? count : from + width;
			uint32_t to = count - from < 2 * width ? count : from + 2 * width;
			uint32_t left = from, right = middle;
			for (uint32_t at = from; at < to; at++) {
				bool take_left = right == to || (left < middle && ORDER(source[left], source[right]) <= 0);
				target[at] = source[take_left ? left++ : right++];
			}
		}
		uint32_t *swap = source;
		source = target;
		target = swap;
	}
	struct keyed *keyed = sorter->keyed + range.from;
	uint64_t rank = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && ORDER(source[i - 1], source[i]) != 0)
			rank++;
		keyed[i] = (struct keyed){.key = rank, .row = source[i]};
	}
#undef ORDER
}

static struct range next_position(const struct column *column, struct range range, uint64_t key)
{
	if (type_physical(column->type.id) == PHYS_TEXT && (key & 0xff) == 8)
		range.depth += TEXT_STEP;
	else
		range = (struct range){range.from, range.to, range.column + 1, 0};
	return range;
}

static void sort_range(struct sorter *sorter, struct range range);

/* After sorting: recurses into all runs of equal keys but the longest and returns that one, so that the depth
 * of the recursion stays below log2(rows). */
static struct range sort_runs(struct sorter *sorter, struct range range, const struct column *column)
{
	const struct keyed *keyed = sorter->keyed;
	struct range longest = {range.from, range.from, range.column, 0};
	/* Recursion overwrites the keys of its own range only. */
	for (uint32_t from = range.from, to; from < range.to; from = to) {
		uint64_t key = keyed[from].key;
		for (to = from + 1; to < range.to && keyed[to].key == key;)
			to++;
		if (to - from < 2)
			continue;
		struct range run = next_position(column, (struct range){from, to, range.column, range.depth}, key);
		struct range other = run;
		if (to - from > longest.to - longest.from) {
			other = longest;
			longest = run;
		}
		sort_range(sorter, other);
	}
	return longest;
}

static void sort_range(struct sorter *sorter, struct range range)
{
	while (range.to - range.from > 1) {
		if (range.column == sorter->batch->column_count) {
			memset(sorter->repeats + range.from + 1, 1, range.to - range.from - 1);
			return;
		}
		if (range.to - range.from <= SMALL_RANGE) {
			sort_small(sorter, range);
			return;
		}
		const struct column *column = &sorter->batch->columns[range.column];
		if (column->nulls != NULL && range.depth == 0) {
			uint32_t nulls_from = partition_nulls(sorter, range, column->nulls);
			sort_range(sorter, (struct range){nulls_from, range.to, range.column + 1, 0});
			range.to = nulls_from;
			if (range.to == range.from)
				return;
		}
		if (keys_make(sorter, range, column))
			sort_keyed(sorter->keyed + range.from, sorter->spare + range.from, range.to - range.from);
		else
			keys_by_rank(sorter, range, column);
		for (uint32_t i = range.from; i < range.to; i++)
			sorter->rows[i] = sorter->keyed[i].row;
		range = sort_runs(sorter, range, column);
	}
}

/* Sums the weights of each group of equal rows; leaves in rows and weights the groups whose sum is not zero.
 */
static status merge_repeats(struct sorter *sorter, int64_t *weights, uint32_t *count_out, bool *merged_out)
{
	const struct batch *batch = sorter->batch;
	uint32_t *rows = sorter->rows, count = 0;
	bool merged = false;
	for (uint32_t from = 0, to; from < batch->row_count; from = to) {
		__int128 sum = batch_weight(batch, rows[from]);
		for (to = from + 1; to < batch->row_count && sorter->repeats[to] != 0; to++)
			sum += batch_weight(batch, rows[to]);
		merged = merged || to - from > 1;
		if (sum != (int64_t)sum)
			return error_raise(STATUS_OUT_OF_RANGE, "weight of a row leaves 64 bits");
		if (sum == 0)
			continue;
		rows[count] = rows[from];
		weights[count++] = (int64_t)sum;
	}
	*count_out = count;
	*merged_out = merged;
	return STATUS_OK;
}

status batch_consolidate(struct arena *arena, const struct batch *batch, struct batch **out)
{
	struct arena scratch;
	arena_init(&scratch);
	size_t row_count = batch->row_count;
	struct sorter sorter = {
		.batch = batch,
		.rows = arena_alloc(&scratch, row_count * sizeof(uint32_t)),
		.repeats = arena_alloc_zeroed(&scratch, row_count),
		.keyed = arena_alloc(&scratch, row_count * sizeof(struct keyed)),
		.spare = arena_alloc(&scratch, row_count * sizeof(struct keyed)),
		.spare_rows = arena_alloc(&scratch, row_count * sizeof(uint32_t)),
	};
	for (uint32_t row = 0; row < batch->row_count; row++)
		sorter.rows[row] = row;
	sort_range(&sorter, (struct range){0, batch->row_count, 0, 0});
	int64_t *weights = arena_alloc(arena, row_count * sizeof *weights);
	uint32_t count = 0;
	bool merged = false;
	status code = merge_repeats(&sorter, weights, &count, &merged);
	if (code == STATUS_OK) {
		struct batch *result = batch_gather(arena, batch, sorter.rows, count);
		result->weights = batch->weights != NULL || merged ? weights : NULL;
		*out = result;
	}
	arena_deinit(&scratch);
	return code;
}
