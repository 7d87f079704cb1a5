/* See transaction_index.h for the layout.
 *
 * Which aborted transactions have records in [from, to)? A marker before `from` excludes, and so does a first
 * offset from `to` on. Entries are in the order of their markers, so the first of interest is found by
 * halving, and the last stable offset says when to stop: a transaction that ends later than an entry whose
 * last stable offset is ≥ `to` was either open then, and so began at or after that, or began even later.
 */
#include "log/transaction_index.h"

#include <stdlib.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/segment.h"

enum { ENTRY_VERSION = 0 };

void transaction_index_init(struct transaction_index *index)
{
	*index = (struct transaction_index){0};
}

void transaction_index_deinit(struct transaction_index *index)
{
	mem_free(index->entries);
	transaction_index_init(index);
}

void transaction_index_add(struct transaction_index *index, const struct aborted_transaction *aborted)
{
	INVARIANT(aborted->first_offset < aborted->last_offset);
	INVARIANT(index->count == 0 || index->entries[index->count - 1].last_offset < aborted->last_offset);
	if (index->count == index->capacity) {
		index->capacity = index->capacity == 0 ? 4 : index->capacity * 2;
		index->entries = mem_resize(index->entries, index->capacity * sizeof *index->entries);
	}
	index->entries[index->count++] = *aborted;
}

/* The first entry whose marker is at or after `offset`. */
static size_t index_lower_bound(const struct transaction_index *index, int64_t offset)
{
	size_t low = 0, high = index->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->entries[middle].last_offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int by_first_offset(const void *left, const void *right)
{
	const struct aborted_transaction *l = left, *r = right;
	return l->first_offset < r->first_offset ? -1 : l->first_offset > r->first_offset;
}

void transaction_index_find(const struct transaction_index *index, int64_t from, int64_t to,
	struct aborted_transaction **out, size_t *count)
{
	size_t begin = index_lower_bound(index, from), end = begin, found = 0;
	*out = NULL;
	*count = 0;
	while (end < index->count && index->entries[end].last_stable_offset < to)
		end++;
	if (end < index->count)
		end++; /* the one that says "no further" may itself begin before `to` */
	for (size_t i = begin; i < end; i++)
		found += index->entries[i].first_offset < to;
	if (found == 0)
		return;
	*out = mem_alloc(found * sizeof **out);
	for (size_t i = begin; i < end; i++)
		if (index->entries[i].first_offset < to)
			(*out)[(*count)++] = index->entries[i];
	qsort(*out, *count, sizeof **out, by_first_offset);
}

void transaction_index_trim(struct transaction_index *index, int64_t offset)
{
	size_t gone = index_lower_bound(index, offset);
	if (gone == 0)
		return;
	index->count -= gone;
	memmove(index->entries, index->entries + gone, index->count * sizeof *index->entries);
}

/* ---- the file ---- */

static void entry_encode(const struct aborted_transaction *entry, struct buffer *out)
{
	buffer_append_be16(out, ENTRY_VERSION);
	buffer_append_be64(out, (uint64_t)entry->producer_id);
	buffer_append_be64(out, (uint64_t)entry->first_offset);
	buffer_append_be64(out, (uint64_t)entry->last_offset);
	buffer_append_be64(out, (uint64_t)entry->last_stable_offset);
}

void transaction_index_write(
	const struct transaction_index *index, const char *dir, struct segment_summary *summary)
{
	struct buffer bytes;
	char path[SEGMENT_PATH_MAX];
	buffer_init(&bytes);
	for (size_t i = index_lower_bound(index, summary->base_offset);
		 i < index->count && index->entries[i].last_offset < summary->next_offset; i++)
		entry_encode(&index->entries[i], &bytes);
	segment_path(path, dir, summary->base_offset, SEGMENT_TXNINDEX);
	summary->aborted_size = (uint32_t)bytes.size;
	summary->aborted_crc = crc32c(0, bytes.data, bytes.size);
	status result = STATUS_OK;
	if (bytes.size != 0)
		result = file_write_all(path, buffer_slice(&bytes));
	else if (file_exists(path))
		result = file_remove(path);
	if (result != STATUS_OK)
		diag(DIAG_WARN, "log", "index_not_written", "file=\"%s\" error=\"%s\"", path, error_current()->text);
	buffer_deinit(&bytes);
}

static bool entry_decode(
	struct cursor *cursor, const struct segment_summary *summary, struct aborted_transaction *out)
{
	uint16_t version = cursor_be16(cursor);
	out->producer_id = (int64_t)cursor_be64(cursor);
	out->first_offset = (int64_t)cursor_be64(cursor);
	out->last_offset = (int64_t)cursor_be64(cursor);
	out->last_stable_offset = (int64_t)cursor_be64(cursor);
	return !cursor->failed && version == ENTRY_VERSION && out->first_offset >= 0 &&
		   out->first_offset < out->last_offset && out->last_offset >= summary->base_offset &&
		   out->last_offset < summary->next_offset;
}

status transaction_index_load(
	struct transaction_index *index, const char *dir, const struct segment_summary *summary)
{
	char path[SEGMENT_PATH_MAX];
	struct buffer bytes;
	if (summary->aborted_size == 0)
		return STATUS_OK;
	buffer_init(&bytes);
	segment_path(path, dir, summary->base_offset, SEGMENT_TXNINDEX);
	bool intact = file_read_all(path, summary->aborted_size, &bytes) == STATUS_OK &&
				  bytes.size == summary->aborted_size && bytes.size % TRANSACTION_ENTRY_SIZE == 0 &&
				  crc32c(0, bytes.data, bytes.size) == summary->aborted_crc;
	struct cursor cursor = cursor_of(buffer_slice(&bytes));
	size_t had = index->count;
	while (intact && cursor_left(&cursor) != 0) {
		struct aborted_transaction entry;
		intact = entry_decode(&cursor, summary, &entry) &&
				 (index->count == 0 || index->entries[index->count - 1].last_offset < entry.last_offset);
		if (intact)
			transaction_index_add(index, &entry);
	}
	if (!intact)
		index->count = had;
	buffer_deinit(&bytes);
	return intact ? STATUS_OK : STATUS_NOT_FOUND;
}
