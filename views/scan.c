/* A snapshot's rows as a relation: everything in key order, a range of keys, or one key.
 *
 * A key range becomes a byte range, because the key codec keeps order and prefixes:
 *
 *   from   prefix · low  (inclusive) or its successor (exclusive); prefix alone when there is no low bound
 *   to     successor of prefix · high (inclusive) or itself (exclusive); without a high bound the successor
 * of the prefix, or, when there is a low bound, where the nulls begin: a comparison is not true of null
 *
 * Equality on the whole key is a get. Batches grow from small to BATCH_ROWS_TYPICAL, so that a reader of a
 * few rows pays for a few. Rows are copied from RocksDB's memory to the batch's arena once, and texts borrow
 * from there.
 */
#include "base/invariant.h"
#include "views/store_internal.h"
#include "zset/key.h"

enum {
	BATCH_ROWS_FIRST = 64,
	READAHEAD_BYTES = 1024 * 1024, /* of scans over everything */
	KEY_NULL_MARK = 2,             /* see zset/key.h */
};

struct view_relation {
	struct relation base;
	struct view_snapshot *snapshot;
};

struct view_scan {
	struct scan base;
	struct view_snapshot *snapshot;
	bool (*cancelled)(void *context);
	void *cancel_context;
	uint64_t rows_left; /* the reader's limit */
	uint32_t batch_rows;
	bool ended;
	bool one;               /* a get of `from` */
	struct buffer from, to; /* bounds; RocksDB borrows `to` */
	rocksdb_readoptions_t *options;
	rocksdb_iterator_t *iterator;
};

/* ---- rows ---- */

/* Reads one stored entry into a row of the batch; false in *present for a row of weight 0. */
static status row_read(struct view_scan *scan, struct slice key, struct slice value, struct arena *arena,
	struct batch *batch, uint32_t row, bool *present)
{
	bool has_key = scan->snapshot->store->has_key;
	struct slice bytes = has_key ? value : slice_of(key.data + 1, key.size - 1);
	int64_t weight = 1;
	*present = true;
	if (!has_key) {
		if (value.size != WEIGHT_SIZE)
			return error_raise(
				STATUS_DAMAGED, "a row of view %s has a malformed weight", scan->snapshot->store->dir);
		weight = weight_read(value.data);
		*present = weight != 0;
		if (weight < 0)
			return error_raise(
				STATUS_DAMAGED, "a row of view %s has a negative weight", scan->snapshot->store->dir);
		if (weight == 0)
			return STATUS_OK;
	}
	if (batch->weights == NULL && weight != 1) {
		/* All before had weight 1. */
		batch->weights = arena_alloc(arena, scan->batch_rows * sizeof *batch->weights);
		for (uint32_t i = 0; i < row; i++)
			batch->weights[i] = 1;
	}
	if (batch->weights != NULL)
		batch->weights[row] = weight;
	const uint8_t *kept = arena_copy(arena, bytes.data, bytes.size);
	status result = row_decode(slice_of(kept, bytes.size), arena, true, batch, row);
	return result == STATUS_OK
			   ? result
			   : error_note(result, "while reading a row of view %s", scan->snapshot->store->dir);
}

static status next_one(struct view_scan *scan, struct arena *arena, struct batch *batch)
{
	const struct view_store *store = scan->snapshot->store;
	char *message = NULL;
	scan->ended = true;
	rocksdb_pinnableslice_t *pinned = rocksdb_get_pinned(
		store->db, scan->snapshot->read_options, (const char *)scan->from.data, scan->from.size, &message);
	if (message != NULL)
		return rocks_error(message, false, "reading view", store->dir);
	if (pinned == NULL) {
		batch->row_count = 0;
		return STATUS_OK;
	}
	size_t size;
	const char *value = rocksdb_pinnableslice_value(pinned, &size);
	bool present;
	status result =
		row_read(scan, buffer_slice(&scan->from), slice_of(value, size), arena, batch, 0, &present);
	rocksdb_pinnableslice_destroy(pinned);
	batch->row_count = present;
	return result;
}

static status next_many(struct view_scan *scan, struct arena *arena, struct batch *batch)
{
	uint32_t row = 0;
	status result = STATUS_OK;
	for (; row < scan->batch_rows && rocksdb_iter_valid(scan->iterator) != 0;
		 rocksdb_iter_next(scan->iterator)) {
		size_t key_size, value_size;
		const char *key = rocksdb_iter_key(scan->iterator, &key_size);
		const char *value = rocksdb_iter_value(scan->iterator, &value_size);
		bool present;
		result =
			row_read(scan, slice_of(key, key_size), slice_of(value, value_size), arena, batch, row, &present);
		if (result != STATUS_OK)
			return result;
		row += present;
	}
	batch->row_count = row;
	if (rocksdb_iter_valid(scan->iterator) != 0)
		return STATUS_OK;
	scan->ended = true;
	char *message = NULL;
	rocksdb_iter_get_error(scan->iterator, &message);
	return message == NULL ? STATUS_OK
						   : rocks_error(message, false, "scanning view", scan->snapshot->store->dir);
}

static status scan_next(struct scan *base, struct arena *arena, struct batch **out)
{
	struct view_scan *scan = (struct view_scan *)base;
	if (scan->cancelled != NULL && scan->cancelled(scan->cancel_context))
		return error_raise(STATUS_CANCELLED, "cancelled while scanning a view");
	if (scan->ended)
		return STATUS_END;
	if (scan->rows_left < scan->batch_rows)
		scan->batch_rows = scan->rows_left != 0 ? (uint32_t)scan->rows_left : 1;
	struct batch *batch = batch_make(arena, &scan->snapshot->store->schema, scan->batch_rows, true, false);
	status result = scan->one ? next_one(scan, arena, batch) : next_many(scan, arena, batch);
	if (result != STATUS_OK)
		return result;
	if (batch->row_count == 0)
		return STATUS_END;
	/* A reader who takes more than the limit it hinted at gets more. */
	scan->rows_left = batch->row_count < scan->rows_left ? scan->rows_left - batch->row_count : UINT64_MAX;
	scan->batch_rows = scan->batch_rows * 4 < BATCH_ROWS_TYPICAL ? scan->batch_rows * 4 : BATCH_ROWS_TYPICAL;
	*out = batch;
	return STATUS_OK;
}

static void scan_close(struct scan *base)
{
	struct view_scan *scan = (struct view_scan *)base;
	if (scan->iterator != NULL)
		rocksdb_iter_destroy(scan->iterator);
	if (scan->options != NULL)
		rocksdb_readoptions_destroy(scan->options);
	buffer_deinit(&scan->from);
	buffer_deinit(&scan->to);
	view_snapshot_release(scan->snapshot);
	mem_free(scan);
}

/* ---- bounds ---- */

static bool has_bounds(const struct key_range *range)
{
	return range->low != NULL || range->high != NULL;
}

/* The smallest key above all that begin with `prefix`. The tag makes one exist. */
static void append_successor(struct buffer *out, struct slice prefix)
{
	bool found = key_successor(prefix, out);
	INVARIANT(found);
}

static void append_prefix(struct buffer *out, const struct key_range *range)
{
	buffer_append_byte(out, TAG_ROW);
	for (size_t i = 0; i < range->prefix_count; i++)
		key_encode_value(&range->prefix[i], out);
}

/* Fills from and to; false when no key can lie between. */
static bool bounds_set(struct view_scan *scan, const struct key_range *range)
{
	struct buffer prefix = {0}, bound = {0};
	append_prefix(&prefix, range);
	if (range->low != NULL) {
		buffer_append(&bound, prefix.data, prefix.size);
		key_encode_value(range->low, &bound);
		if (range->low_inclusive)
			buffer_append(&scan->from, bound.data, bound.size);
		else
			append_successor(&scan->from, buffer_slice(&bound));
	} else {
		buffer_append(&scan->from, prefix.data, prefix.size);
	}
	bound.size = 0;
	if (range->high != NULL) {
		buffer_append(&bound, prefix.data, prefix.size);
		key_encode_value(range->high, &bound);
		if (range->high_inclusive)
			append_successor(&scan->to, buffer_slice(&bound));
		else
			buffer_append(&scan->to, bound.data, bound.size);
	} else if (range->low != NULL) {
		buffer_append(&scan->to, prefix.data, prefix.size);
		buffer_append_byte(&scan->to, KEY_NULL_MARK);
	} else {
		append_successor(&scan->to, buffer_slice(&prefix));
	}
	buffer_deinit(&prefix);
	buffer_deinit(&bound);
	return slice_compare(buffer_slice(&scan->from), buffer_slice(&scan->to)) < 0;
}

static void iterator_open(struct view_scan *scan, bool everything)
{
	const struct view_snapshot *snapshot = scan->snapshot;
	scan->options = rocksdb_readoptions_create();
	rocksdb_readoptions_set_snapshot(scan->options, snapshot->snapshot);
	rocksdb_readoptions_set_iterate_upper_bound(scan->options, (const char *)scan->to.data, scan->to.size);
	if (everything) {
		rocksdb_readoptions_set_readahead_size(scan->options, READAHEAD_BYTES);
		rocksdb_readoptions_set_fill_cache(scan->options, 0);
	}
	scan->iterator = rocksdb_create_iterator(snapshot->store->db, scan->options);
	rocksdb_iter_seek(scan->iterator, (const char *)scan->from.data, scan->from.size);
}

static status relation_open(struct relation *base, const struct scan_request *request, struct scan **out)
{
	struct view_snapshot *snapshot = ((struct view_relation *)base)->snapshot;
	const struct key_range *range = &request->range;
	bool bounds = has_bounds(range);
	INVARIANT(range->prefix_count + bounds <= base->key_count);
	struct view_scan *scan = mem_alloc_zeroed(1, sizeof *scan);
	scan->base = (struct scan){scan_next, scan_close};
	scan->snapshot = view_snapshot_retain(snapshot);
	scan->cancelled = request->cancelled;
	scan->cancel_context = request->cancel_context;
	scan->rows_left = request->row_limit;
	scan->batch_rows = BATCH_ROWS_FIRST;
	scan->one = base->key_count != 0 && range->prefix_count == base->key_count;
	if (scan->one) {
		append_prefix(&scan->from, range);
		scan->batch_rows = 1;
	} else if (bounds_set(scan, range)) {
		iterator_open(scan, range->prefix_count == 0 && !bounds && request->row_limit == UINT64_MAX);
	} else {
		scan->ended = true;
	}
	*out = &scan->base;
	return STATUS_OK;
}

static void relation_release(struct relation *base)
{
	struct view_relation *relation = (struct view_relation *)base;
	view_snapshot_release(relation->snapshot);
	mem_free(relation);
}

struct relation *view_snapshot_relation(struct view_snapshot *snapshot)
{
	const struct view_store *store = snapshot->store;
	struct view_relation *relation = mem_alloc_zeroed(1, sizeof *relation);
	relation->snapshot = view_snapshot_retain(snapshot);
	relation->base = (struct relation){
		.schema = store->schema,
		.key_columns = store->key_columns,
		.key_count = store->key_count,
		.row_estimate = (uint64_t)snapshot->committed->meta.row_count,
		.open = relation_open,
		.release = relation_release,
	};
	return &relation->base;
}
