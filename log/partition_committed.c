/* Reading what is committed, and what a partition says of its transactions.
 *
 * The last stable offset is taken first and the aborted transactions after the bytes: whatever is aborted
 * later than that begins at or behind the last stable offset, which is where the bytes end.
 */
#include "base/invariant.h"
#include "base/memory.h"
#include "log/partition.h"

int64_t partition_last_stable_offset(const struct partition *partition)
{
	return atomic_load(&partition->last_stable_offset);
}

void partition_aborted(
	struct partition *partition, int64_t from, int64_t to, struct aborted_transaction **out, size_t *count)
{
	pthread_mutex_lock(&partition->lock);
	transaction_index_find(&partition->aborted, from, to, out, count);
	pthread_mutex_unlock(&partition->lock);
}

void partition_open_transactions(struct partition *partition, struct open_transaction **out, size_t *count)
{
	pthread_mutex_lock(&partition->lock);
	const struct producer_state *producers = &partition->producers;
	*out = NULL;
	*count = producers->open_count;
	if (*count != 0) {
		*out = mem_alloc(*count * sizeof **out);
		memcpy(*out, producers->open, *count * sizeof **out);
	}
	pthread_mutex_unlock(&partition->lock);
}

void partition_producers(struct partition *partition, struct producer_description **out, size_t *count)
{
	pthread_mutex_lock(&partition->lock);
	producer_state_list(&partition->producers, out, count);
	pthread_mutex_unlock(&partition->lock);
}

/* What a walk over headers finds; the bytes are whole batches, as partition_read_until() returns them. */
static void batches_survey(struct slice bytes, bool *transactional, int64_t *next_offset)
{
	*transactional = false;
	while (bytes.size != 0) {
		struct batch_extent extent;
		INVARIANT(batch_extent_read(bytes.data, &extent)); /* partition_read() checked it */
		*transactional = *transactional || extent.transactional;
		*next_offset = extent.last_offset + 1;
		bytes = slice_of(bytes.data + extent.size, bytes.size - (size_t)extent.size);
	}
}

static bool batch_is_aborted(
	const struct record_batch *batch, const struct aborted_transaction *aborted, size_t count)
{
	for (size_t i = 0; i < count && aborted[i].first_offset <= batch->base_offset; i++)
		if (aborted[i].producer_id == batch->producer_id && batch->base_offset < aborted[i].last_offset)
			return true;
	return false;
}

/* Takes markers and aborted batches out. What is taken out is verified first: a flipped attribute must not
 * make a batch disappear that its reader would have found to be damaged. */
static status batches_filter(
	struct buffer *bytes, size_t from, const struct aborted_transaction *aborted, size_t count)
{
	size_t kept = from;
	for (size_t at = from; at < bytes->size;) {
		struct record_batch batch;
		struct slice rest = slice_of(bytes->data + at, bytes->size - at);
		if (record_batch_header(rest, &batch) != STATUS_OK)
			return error_raise(STATUS_DAMAGED, "%s", error_current()->text);
		size_t size = batch.size;
		bool skip = batch.control || (batch.transactional && batch_is_aborted(&batch, aborted, count));
		if (skip && record_batch_verify(rest, &batch) != STATUS_OK)
			return error_raise(STATUS_DAMAGED, "%s", error_current()->text);
		if (!skip) {
			memmove(bytes->data + kept, bytes->data + at, size);
			kept += size;
		}
		at += size;
	}
	bytes->size = kept;
	return STATUS_OK;
}

status partition_read_committed(struct partition *partition, int64_t offset, int64_t end_offset,
	size_t bytes_max, struct buffer *out, int64_t *next_offset)
{
	size_t from = out->size;
	int64_t stable = partition_last_stable_offset(partition), next = offset;
	bool transactional = false;
	status result =
		partition_read_until(partition, offset, end_offset < stable ? end_offset : stable, bytes_max, out);
	if (result != STATUS_OK)
		return result;
	batches_survey(slice_of(out->data + from, out->size - from), &transactional, &next);
	if (transactional) {
		struct aborted_transaction *aborted;
		size_t count;
		partition_aborted(partition, offset, next, &aborted, &count);
		result = batches_filter(out, from, aborted, count);
		mem_free(aborted);
	}
	if (result != STATUS_OK) {
		struct error error = *error_current();
		(void)error_restore(&error);
		result = partition_note_damage(partition, slice_of(out->data + from, out->size - from), result);
		out->size = from;
		return result;
	}
	*next_offset = next;
	return STATUS_OK;
}
