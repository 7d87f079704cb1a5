/* ORDER BY: all rows are collected, an array of (prefix, row) is sorted, rows are given out in that order.
 *
 * The prefix holds the first sort key's leading bits so that most comparisons touch nothing else. The order
 * is total: sort keys, then the whole row, then the order of arrival, so that results are repeatable. Under a
 * LIMIT only the rows that can still be wanted are kept: whenever enough have come together, the rest is
 * dropped.
 *
 * row_number() is the same with one more column: the rows of a partition, the first sort keys, are counted in
 * that order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "processors/query_node.h"

enum { PRUNE_ROWS_MIN = 16 * 1024 };

struct sort_entry {
	uint64_t prefix;
	uint32_t row;
};

struct sort_node {
	struct query_node base;
	uint64_t row_limit;
	struct arena rows; /* collected batches, deep copies */
	const struct batch **batches;
	size_t batch_count, batch_capacity;
	uint64_t row_count;
	bool collected;
	struct batch *sorted;
	struct sort_entry *entries;
	uint32_t entry_count, given;
	int64_t number; /* PLAN_NUMBER: of the row given last */
};

/* ---- order ---- */

static uint64_t value_prefix(const struct column *column, uint32_t row)
{
	switch (type_physical(column->type.id)) {
	case PHYS_BOOL:
		return column->booleans[row] != 0;
	case PHYS_I64:
		return (uint64_t)column->i64[row] ^ UINT64_C(1) << 63;
	case PHYS_F64: {
		double value = column->f64[row] + 0.0;
		int64_t bits;
		memcpy(&bits, &value, sizeof bits);
		bits = isnan(value) ? INT64_MAX : bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
		return (uint64_t)bits ^ UINT64_C(1) << 63;
	}
	case PHYS_TEXT: {
		const struct text *text = &column->texts[row];
		uint8_t bytes[8] = {0};
		if (text->size != 0)
			memcpy(bytes, text->data, text->size < sizeof bytes ? text->size : sizeof bytes);
		return get_be64(bytes);
	}
	default:
		return 0; /* not shortened: every comparison looks at the values */
	}
}

/* Monotone in the first key's order: the top bits say whether nulls stand before, the rest is the value. */
static uint64_t entry_prefix(const struct column *column, uint32_t row, const struct sort_key *key)
{
	if (column_is_null(column, row))
		return key->nulls_first ? 0 : UINT64_MAX;
	uint64_t prefix = value_prefix(column, row);
	if (key->descending)
		prefix = ~prefix;
	return column->nulls == NULL ? prefix : (prefix >> 2) + (UINT64_C(1) << 62);
}

static int key_compare(const struct sort_key *key, const struct column *column, uint32_t left, uint32_t right)
{
	bool left_null = column_is_null(column, left), right_null = column_is_null(column, right);
	if (left_null || right_null) {
		if (left_null && right_null)
			return 0;
		return left_null == key->nulls_first ? -1 : 1;
	}
	struct value a = column_value(column, left), b = column_value(column, right);
	int order = value_compare(&a, &b);
	return key->descending ? -order : order;
}

static int entry_compare(const void *left_entry, const void *right_entry, void *context)
{
	const struct sort_entry *left = left_entry, *right = right_entry;
	if (left->prefix != right->prefix)
		return left->prefix < right->prefix ? -1 : 1;
	const struct sort_node *node = context;
	const struct plan *plan = node->base.plan;
	for (size_t k = 0; k < plan->sort.key_count; k++) {
		const struct sort_key *key = &plan->sort.keys[k];
		int order = key_compare(key, &node->sorted->columns[key->column], left->row, right->row);
		if (order != 0)
			return order;
	}
	int order = row_compare(node->sorted, left->row, node->sorted, right->row);
	return order != 0 ? order : left->row < right->row ? -1 : left->row > right->row;
}

/* A row of weight n is n rows, each with its number. */
static uint32_t entries_repeat(struct sort_node *node, uint32_t count)
{
	uint64_t total = 0;
	for (uint32_t i = 0; i < count; i++)
		total += (uint64_t)batch_weight(node->sorted, i);
	INVARIANT(total <= UINT32_MAX / 2);
	if (total == count)
		return count;
	struct sort_entry *repeated = arena_alloc(&node->rows, total * sizeof *repeated);
	uint32_t at = 0;
	for (uint32_t i = 0; i < count; i++) {
		for (int64_t n = batch_weight(node->sorted, i); n > 0; n--)
			repeated[at++] = node->entries[i];
	}
	node->entries = repeated;
	return at;
}

static bool partition_begins(const struct sort_node *node, uint32_t entry)
{
	const struct plan *plan = node->base.plan;
	for (size_t k = 0; k < plan->sort.partition_count && entry > 0; k++) {
		const struct sort_key *key = &plan->sort.keys[k];
		if (key_compare(key, &node->sorted->columns[key->column], node->entries[entry - 1].row,
				node->entries[entry].row) != 0)
			return true;
	}
	return entry == 0;
}

static struct batch *numbered(struct sort_node *node, struct batch *part, uint32_t from, struct arena *arena)
{
	size_t width = part->column_count;
	struct column *columns = arena_alloc(arena, (width + 1) * sizeof *columns);
	memcpy(columns, part->columns, width * sizeof *columns);
	columns[width] = column_make(arena, type_of(TYPE_INT8), part->row_count, false);
	for (uint32_t i = 0; i < part->row_count; i++) {
		node->number = partition_begins(node, from + i) ? 1 : node->number + 1;
		columns[width].i64[i] = node->number;
	}
	part->columns = columns;
	part->column_count++;
	part->weights = NULL;
	return part;
}

static void sort_collected(struct sort_node *node)
{
	node->sorted = batch_concatenate(&node->rows, node->batches, node->batch_count);
	uint32_t count = node->sorted->row_count;
	const struct sort_key *first =
		node->base.plan->sort.key_count != 0 ? &node->base.plan->sort.keys[0] : NULL;
	node->entries = arena_alloc(&node->rows, count * sizeof *node->entries);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t prefix = first != NULL ? entry_prefix(&node->sorted->columns[first->column], i, first) : 0;
		node->entries[i] = (struct sort_entry){prefix, i};
	}
	if (node->base.plan->kind == PLAN_NUMBER)
		count = entries_repeat(node, count);
	qsort_r(node->entries, count, sizeof *node->entries, entry_compare, node);
	node->entry_count = count;
	/* Enough is enough; a row of weight n is n rows. */
	uint64_t rows = 0;
	for (uint32_t i = 0; i < count && node->row_limit != UINT64_MAX; i++) {
		if (rows >= node->row_limit) {
			node->entry_count = i;
			break;
		}
		rows += (uint64_t)batch_weight(node->sorted, node->entries[i].row);
	}
}

static struct batch *sorted_part(struct sort_node *node, uint32_t from, uint32_t count, struct arena *arena)
{
	uint32_t *rows = arena_alloc(arena, count * sizeof *rows);
	for (uint32_t i = 0; i < count; i++)
		rows[i] = node->entries[from + i].row;
	return batch_gather(arena, node->sorted, rows, count);
}

/* ---- collecting ---- */

static void collect(struct sort_node *node, const struct batch *batch)
{
	if (node->batch_count == node->batch_capacity) {
		node->batch_capacity = node->batch_capacity != 0 ? node->batch_capacity * 2 : 16;
		node->batches = mem_resize(node->batches, node->batch_capacity * sizeof *node->batches);
	}
	node->batches[node->batch_count++] = batch;
	node->row_count += batch->row_count;
	if (node->base.plan->kind != PLAN_NUMBER || batch->weights == NULL)
		return;
	for (uint32_t i = 0; i < batch->row_count; i++) /* each of them gets a number */
		node->row_count += (uint64_t)batch->weights[i] - 1;
}

static void prune(struct sort_node *node)
{
	struct arena kept = {0}, scratch = {0};
	sort_collected(node);
	const struct batch *best = batch_copy(&kept, sorted_part(node, 0, node->entry_count, &scratch));
	arena_deinit(&scratch);
	arena_deinit(&node->rows);
	node->rows = kept;
	node->sorted = NULL;
	node->batch_count = 0;
	node->row_count = 0;
	collect(node, best);
}

static status collect_all(struct sort_node *node)
{
	uint64_t prune_at = node->row_limit < UINT32_MAX / 8 ? 4 * node->row_limit + PRUNE_ROWS_MIN : UINT64_MAX;
	const struct batch *batch;
	status code;
	while ((code = query_pull(node->base.children[0], &batch)) == STATUS_OK) {
		collect(node, batch_copy(&node->rows, batch));
		if (node->row_count > UINT32_MAX / 2)
			return error_raise(STATUS_TOO_LARGE, "ORDER BY over more than %u rows", UINT32_MAX / 2);
		if (node->row_count > prune_at)
			prune(node);
		code = query_account(&node->base, 2 * node->rows.used_bytes);
		if (code != STATUS_OK)
			return code;
	}
	if (code == STATUS_END && node->batch_count != 0)
		sort_collected(node);
	return code == STATUS_END ? STATUS_OK : code;
}

static status sort_next(struct query_node *base, const struct batch **out)
{
	struct sort_node *node = (struct sort_node *)(void *)base;
	status code = node->collected ? STATUS_OK : collect_all(node);
	node->collected = true;
	if (code == STATUS_OK && node->given == node->entry_count)
		code = STATUS_END;
	if (code == STATUS_OK)
		code = query_poll(base->query);
	if (code != STATUS_OK)
		return code;
	uint32_t count = node->entry_count - node->given;
	count = count < QUERY_ROWS ? count : QUERY_ROWS;
	arena_reset(&base->own);
	struct batch *part = sorted_part(node, node->given, count, &base->own);
	*out = base->plan->kind == PLAN_NUMBER ? numbered(node, part, node->given, &base->own) : part;
	node->given += count;
	return STATUS_OK;
}

static void sort_close(struct query_node *base)
{
	struct sort_node *node = (struct sort_node *)(void *)base;
	arena_deinit(&node->rows);
	mem_free(node->batches);
}

struct query_node *query_sort_make(struct query *query, uint64_t row_limit)
{
	struct sort_node *node = arena_alloc_zeroed(&query->memory, sizeof *node);
	node->base.next = sort_next;
	node->base.close = sort_close;
	node->row_limit = row_limit;
	return &node->base;
}
