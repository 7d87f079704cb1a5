/* Partitions: life cycle, rolling, and reading by offset. See partition.h for the invariants. */
#include "log/partition.h"

#include <inttypes.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/snapshot.h"

/* ---- life cycle ---- */

struct partition *partition_allocate(const struct topic *topic, int32_t number, const char *dir)
{
	struct partition *partition = mem_alloc_zeroed(1, sizeof *partition);
	partition->topic = topic;
	partition->number = number;
	partition->dir = mem_copy_string(dir);
	partition->pending_end = &partition->pending;
	producer_state_init(&partition->producers);
	transaction_index_init(&partition->aborted);
	INVARIANT(
		pthread_mutex_init(&partition->lock, NULL) == 0 && pthread_cond_init(&partition->left, NULL) == 0);
	return partition;
}

void partition_destroy(struct partition *partition)
{
	if (partition == NULL)
		return;
	for (size_t i = 0; i < partition->segment_count; i++)
		segment_destroy(partition->segments[i]);
	mem_free(partition->segments);
	producer_state_deinit(&partition->producers);
	transaction_index_deinit(&partition->aborted);
	(void)pthread_cond_destroy(&partition->left);
	(void)pthread_mutex_destroy(&partition->lock);
	mem_free(partition->dir);
	mem_free(partition);
}

void partition_segment_add(struct partition *partition, struct segment *segment)
{
	if (partition->segment_count == partition->segment_capacity) {
		partition->segment_capacity = partition->segment_capacity == 0 ? 4 : partition->segment_capacity * 2;
		partition->segments =
			mem_resize(partition->segments, partition->segment_capacity * sizeof *partition->segments);
	}
	partition->segments[partition->segment_count++] = segment;
}

status partition_create(struct partition *partition)
{
	struct segment *segment = NULL;
	status result = directory_create(partition->dir);
	if (result == STATUS_OK)
		result = segment_create(&segment, partition->dir, 0);
	if (result == STATUS_OK)
		partition_segment_add(partition, segment);
	return result;
}

static status partition_missing(const struct partition *partition)
{
	return error_raise(STATUS_NOT_FOUND, "topic %s was deleted", partition->topic->name);
}

/* @locks held */
static status partition_enter(struct partition *partition)
{
	if (partition->deleted)
		return partition_missing(partition);
	partition->users++;
	return STATUS_OK;
}

/* @locks held */
static void partition_leave(struct partition *partition)
{
	INVARIANT(partition->users > 0);
	if (--partition->users == 0 && partition->deleted)
		pthread_cond_broadcast(&partition->left);
}

void partition_delete(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	partition->deleted = true;
	while (partition->users != 0)
		pthread_cond_wait(&partition->left, &partition->lock);
	for (size_t i = 0; i < partition->segment_count; i++)
		file_close(&partition->segments[i]->file);
	pthread_mutex_unlock(&partition->lock);
}

/* ---- the writer's ---- */

bool partition_writer_enter(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	bool there = partition_enter(partition) == STATUS_OK;
	pthread_mutex_unlock(&partition->lock);
	return there;
}

void partition_writer_leave(struct partition *partition)
{
	pthread_mutex_lock(&partition->lock);
	partition_leave(partition);
	pthread_mutex_unlock(&partition->lock);
}

static void segment_release(struct segment *segment)
{
	INVARIANT(segment->file_users > 0);
	segment->file_users--;
}

/* The sealed segments whose files were not read for longest are not tracked: any idle one may go. */
static void sealed_files_trim(struct partition *partition, const struct segment *keep)
{
	for (size_t i = 0; i < partition->segment_count; i++) {
		struct segment *segment = partition->segments[i];
		if (partition->sealed_open <= PARTITION_SEALED_OPEN_MAX)
			return;
		if (segment != keep && segment->sealed && segment->file_users == 0 && segment->file.fd >= 0) {
			file_close(&segment->file);
			partition->sealed_open--;
		}
	}
}

static void sealed_indexes_trim(struct partition *partition, const struct segment *keep)
{
	for (size_t i = 0; i < partition->segment_count; i++) {
		struct segment *segment = partition->segments[i];
		if (partition->sealed_index_bytes <= PARTITION_INDEX_BYTES_MAX)
			return;
		if (segment != keep && segment->sealed && segment->file_users == 0 && segment->index_loaded) {
			partition->sealed_index_bytes -= segment_index_bytes(&segment->index);
			segment_index_deinit(&segment->index);
			segment->index_loaded = false;
		}
	}
}

status partition_roll(struct partition *partition)
{
	struct segment *old = partition_active(partition), *fresh = NULL;
	INVARIANT(partition->pending == NULL && partition->write_position == old->summary.size);
	status result = segment_create(&fresh, partition->dir, partition->next_offset);
	if (result != STATUS_OK)
		return result;
	/* Only this thread changes the active segment, producers and transactions: sealing may read them
	 * unlocked, but a reader looks at `sealed` and the index, so those change under the lock. */
	pthread_mutex_lock(&partition->lock);
	segment_seal(old);
	partition_segment_add(partition, fresh);
	partition->sealed_open++;
	partition->sealed_index_bytes += segment_index_bytes(&old->index);
	old->file_users++; /* its index stays while it is written below */
	sealed_files_trim(partition, NULL);
	pthread_mutex_unlock(&partition->lock);
	segment_index_write(&old->index, partition->dir);
	transaction_index_write(&partition->aborted, partition->dir, &old->summary);
	snapshot_write(partition->dir, &old->summary, &partition->producers);
	pthread_mutex_lock(&partition->lock);
	segment_release(old);
	sealed_indexes_trim(partition, old);
	pthread_mutex_unlock(&partition->lock);
	partition->write_position = 0;
	return STATUS_OK;
}

void partition_poison(struct partition *partition)
{
	struct error failure = *error_current();
	pthread_mutex_lock(&partition->lock);
	struct segment *active = partition_active(partition);
	int64_t size = active->summary.size;
	partition->poison = failure;
	atomic_store(&partition->poisoned, true);
	pthread_mutex_unlock(&partition->lock);
	diag(DIAG_ERROR, "log", "partition_poisoned",
		"topic=%s partition=%d high_watermark=%" PRId64 " error=\"%s\"", partition->topic->name,
		partition->number, atomic_load(&partition->high_watermark), failure.text);
	if (file_truncate(&active->file, size) != STATUS_OK)
		diag(DIAG_WARN, "log", "unacknowledged_not_cut", "error=\"%s\"", error_current()->text);
	error_restore(&failure);
}

/* ---- reading ---- */

struct place {
	struct segment *segment; /* acquired */
	int64_t position;        /* a batch boundary */
	int64_t limit;           /* published bytes of the segment */
	bool exact;              /* the batch at `position` contains the offset */
};

/* The last segment whose base offset is ≤ offset. */
static struct segment *segment_of_offset(const struct partition *partition, int64_t offset)
{
	size_t low = 0, high = partition->segment_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (partition->segments[middle]->summary.base_offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return partition->segments[low];
}

/* Keeps the segment's file open until released. @locks held; dropped while the file is opened. */
static status segment_acquire(struct partition *partition, struct segment *segment)
{
	segment->file_users++;
	if (segment->file.fd >= 0)
		return STATUS_OK;
	char path[SEGMENT_PATH_MAX];
	struct file file = {-1, NULL};
	segment_path(path, partition->dir, segment->summary.base_offset, SEGMENT_LOG);
	pthread_mutex_unlock(&partition->lock);
	status result = file_open(&file, path, FILE_READ);
	pthread_mutex_lock(&partition->lock);
	if (result == STATUS_NOT_FOUND)
		result = error_raise(STATUS_DAMAGED, "segment %s is missing", path);
	if (result != STATUS_OK || segment->file.fd >= 0) {
		file_close(&file); /* failed, or another reader was faster */
	} else {
		segment->file = file;
		partition->sealed_open++;
		sealed_files_trim(partition, segment);
	}
	if (result != STATUS_OK)
		segment_release(segment);
	return result;
}

/* Makes the index of an acquired segment available. @locks held; dropped while it is read. */
static status segment_index_need(struct partition *partition, struct segment *segment)
{
	if (segment->index_loaded)
		return STATUS_OK;
	struct segment_summary summary = segment->summary; /* sealed: constant */
	struct segment_index index;
	pthread_mutex_unlock(&partition->lock);
	status result = segment_index_load(partition->dir, &summary, &index);
	pthread_mutex_lock(&partition->lock);
	if (result != STATUS_OK)
		return result;
	if (segment->index_loaded) {
		segment_index_deinit(&index); /* another reader was faster */
		return STATUS_OK;
	}
	segment->index = index;
	segment->index_loaded = true;
	partition->sealed_index_bytes += segment_index_bytes(&index);
	sealed_indexes_trim(partition, segment);
	return STATUS_OK;
}

/* @locks held */
static status offset_check(const struct partition *partition, int64_t offset)
{
	int64_t start = partition->segments[0]->summary.base_offset;
	int64_t end = atomic_load(&partition->high_watermark);
	if (offset == end)
		return STATUS_END;
	if (offset < start || offset > end)
		return error_raise(STATUS_OUT_OF_RANGE,
			"offset %" PRId64 " of %s-%d is outside of %" PRId64 " … %" PRId64, offset,
			partition->topic->name, partition->number, start, end);
	return STATUS_OK;
}

/* @locks held; may be dropped meanwhile */
static status place_find_locked(
	struct partition *partition, int64_t offset, struct place *out, int64_t end_offset)
{
	status result = offset_check(partition, offset);
	if (result != STATUS_OK)
		return result;
	if (offset >= end_offset)
		return STATUS_END;
	struct segment *segment = segment_of_offset(partition, offset);
	result = segment_acquire(partition, segment);
	if (result != STATUS_OK)
		return result;
	struct place place = {segment, 0, 0, offset == segment->summary.base_offset};
	for (size_t i = 0; i < PARTITION_HINTS && !place.exact; i++) {
		const struct partition_hint *hint = &partition->hints[i];
		if (hint->segment == segment && hint->offset == offset) {
			place.position = hint->position;
			place.exact = true;
		}
	}
	if (!place.exact) {
		result = segment_index_need(partition, segment);
		if (result != STATUS_OK) {
			segment_release(segment);
			return result;
		}
		place.position = segment_index_position(&segment->index, offset);
	}
	place.limit = segment->summary.size;
	*out = place;
	return STATUS_OK;
}

/* Enters the partition and acquires the segment; the caller releases both. END from `end_offset` on. */
static status place_find(struct partition *partition, int64_t offset, struct place *out, int64_t end_offset)
{
	pthread_mutex_lock(&partition->lock);
	status result = partition_enter(partition);
	if (result == STATUS_OK) {
		result = place_find_locked(partition, offset, out, end_offset);
		if (result != STATUS_OK)
			partition_leave(partition);
	}
	pthread_mutex_unlock(&partition->lock);
	return result;
}

static status damage_raise(const struct place *place, int64_t position, const char *why)
{
	error_raise(
		STATUS_DAMAGED, "%s is damaged at byte %" PRId64 ": %s", place->segment->file.path, position, why);
	error_hint("Restore the file from a copy; what was derived from it can be rebuilt.");
	return STATUS_DAMAGED;
}

/* Reads exactly `size` published bytes. */
static status place_read(const struct place *place, int64_t position, uint8_t *at, size_t size)
{
	size_t got = 0;
	status result = file_read(&place->segment->file, position, at, size, &got);
	if (result == STATUS_OK && got < size)
		result = damage_raise(place, position + (int64_t)got, "the file was cut off");
	return result;
}

/* Reads the header at `at`, `position` in the file; all of its batch must be published. */
static status extent_at(
	const struct place *place, const uint8_t *at, int64_t position, struct batch_extent *extent)
{
	if (!batch_extent_read(at, extent))
		return damage_raise(place, position, "no batch begins here");
	if (extent->size > place->limit - position)
		return damage_raise(place, position, "the batch runs past the end of the segment");
	return STATUS_OK;
}

/* Walks from the index's boundary to the batch that contains `offset`. */
static status place_advance(struct place *place, int64_t offset)
{
	uint8_t bytes[2 * SEGMENT_INDEX_INTERVAL];
	while (!place->exact) {
		size_t size = sizeof bytes, at = 0;
		if (place->limit - place->position < (int64_t)size)
			size = (size_t)(place->limit - place->position);
		if (size < RECORD_BATCH_HEADER_SIZE)
			return damage_raise(place, place->position, "the offset is missing");
		status result = place_read(place, place->position, bytes, size);
		if (result != STATUS_OK)
			return result;
		while (!place->exact && size - at >= RECORD_BATCH_HEADER_SIZE) {
			struct batch_extent extent;
			result = extent_at(place, bytes + at, place->position, &extent);
			if (result != STATUS_OK)
				return result;
			if (extent.base_offset > offset)
				return damage_raise(place, place->position, "the offsets have a gap");
			if (extent.last_offset >= offset) {
				place->exact = true;
			} else {
				place->position += extent.size;
				if ((size_t)extent.size > size - at)
					break;
				at += (size_t)extent.size;
			}
		}
	}
	return STATUS_OK;
}

/* Reads whole batches from place->position on, but none from `end_offset` on, into the room after out->size;
 * sets *total and the offset that follows them. */
static status batches_read(const struct place *place, int64_t offset, int64_t end_offset, size_t bytes_max,
	struct buffer *out, size_t *total, int64_t *next_offset)
{
	size_t left = (size_t)(place->limit - place->position), size = bytes_max, end = 0;
	int64_t expected = -1;
	if (size < RECORD_BATCH_HEADER_SIZE)
		size = RECORD_BATCH_HEADER_SIZE;
	if (size > left)
		size = left;
	uint8_t *at = buffer_reserve(out, size);
	status result = place_read(place, place->position, at, size);
	while (result == STATUS_OK && size - end >= RECORD_BATCH_HEADER_SIZE) {
		struct batch_extent extent;
		int64_t position = place->position + (int64_t)end;
		result = extent_at(place, at + end, position, &extent);
		if (result != STATUS_OK)
			break;
		if (expected < 0 ? extent.base_offset > offset || extent.last_offset < offset
						 : extent.base_offset != expected) {
			result = damage_raise(place, position, "the base offset does not follow the batch before");
			break;
		}
		if (end != 0 && extent.base_offset >= end_offset)
			break;
		if ((size_t)extent.size > size - end) {
			if (end != 0)
				break;
			/* At least one batch, whatever the limit. */
			at = buffer_reserve(out, (size_t)extent.size);
			result =
				place_read(place, place->position + (int64_t)size, at + size, (size_t)extent.size - size);
			size = (size_t)extent.size;
		}
		end += (size_t)extent.size;
		expected = extent.last_offset + 1;
	}
	if (result == STATUS_OK && end == 0)
		result = damage_raise(place, place->position, "less than a batch header is left");
	if (result == STATUS_OK) {
		*total = end;
		*next_offset = expected;
	}
	return result;
}

status partition_read(struct partition *partition, int64_t offset, size_t bytes_max, struct buffer *out)
{
	return partition_read_until(partition, offset, INT64_MAX, bytes_max, out);
}

status partition_read_until(
	struct partition *partition, int64_t offset, int64_t end_offset, size_t bytes_max, struct buffer *out)
{
	struct place place;
	size_t total = 0;
	int64_t next_offset = 0;
	status result = place_find(partition, offset, &place, end_offset);
	if (result != STATUS_OK)
		return result;
	result = place_advance(&place, offset);
	if (result == STATUS_OK)
		result = batches_read(&place, offset, end_offset, bytes_max, out, &total, &next_offset);
	pthread_mutex_lock(&partition->lock);
	segment_release(place.segment);
	partition_leave(partition);
	if (result == STATUS_OK) {
		partition->hints[partition->hint_next++ % PARTITION_HINTS] =
			(struct partition_hint){next_offset, place.segment, place.position + (int64_t)total};
		out->size += total;
	}
	pthread_mutex_unlock(&partition->lock);
	return result;
}

status partition_note_damage(struct partition *partition, struct slice bytes, status code)
{
	struct error error = *error_current();
	struct record_batch batch;
	int64_t offset = -1; /* of the damaged batch */
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK) {
		offset = batch.base_offset;
		if (record_batch_verify(bytes, &batch) != STATUS_OK)
			break;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
	struct place place;
	if (bytes.size == 0 || offset < 0 || place_find(partition, offset, &place, INT64_MAX) != STATUS_OK)
		return error_restore(&error);
	status found = place_advance(&place, offset);
	char path[SEGMENT_PATH_MAX];
	segment_path(path, partition->dir, place.segment->summary.base_offset, SEGMENT_LOG);
	pthread_mutex_lock(&partition->lock);
	segment_release(place.segment);
	partition_leave(partition);
	pthread_mutex_unlock(&partition->lock);
	code = error_restore(&error);
	if (found != STATUS_OK)
		return code;
	code = error_note(code, "in %s at byte %" PRId64, path, place.position);
	error_hint("Restore the file from a copy; what was derived from it can be rebuilt.");
	return code;
}

/* ---- reading by time ---- */

enum { TIME_READ_BYTES = 256 * 1024 };

/* The first record with timestamp ≥ timestamp_ms in whole batches; END when there is none. Skips batches
 * that cannot hold it without unpacking them. */
static status batches_find_time(
	struct slice bytes, int64_t timestamp_ms, int64_t *next_offset, struct record *out)
{
	struct record_iterator iterator;
	status result = STATUS_END;
	while (bytes.size != 0) {
		struct batch_extent extent;
		INVARIANT(batch_extent_read(bytes.data, &extent)); /* partition_read() checked it */
		if (extent.max_timestamp_ms >= timestamp_ms) {
			record_iterator_init(&iterator, slice_of(bytes.data, (size_t)extent.size));
			while ((result = record_iterator_next(&iterator, out)) == STATUS_OK)
				if (out->timestamp_ms >= timestamp_ms)
					break;
			record_iterator_deinit(&iterator);
			if (result != STATUS_END)
				return result;
		}
		*next_offset = extent.last_offset + 1;
		bytes = slice_of(bytes.data + extent.size, bytes.size - (size_t)extent.size);
	}
	return result;
}

/* From `offset` on; NOT_FOUND. */
static status records_find_time(
	struct partition *partition, int64_t offset, int64_t timestamp_ms, struct record *out)
{
	struct buffer bytes;
	buffer_init(&bytes);
	status result;
	do {
		bytes.size = 0;
		result = partition_read(partition, offset, TIME_READ_BYTES, &bytes);
		if (result != STATUS_OK)
			break;
		result = batches_find_time(buffer_slice(&bytes), timestamp_ms, &offset, out);
	} while (result == STATUS_END);
	buffer_deinit(&bytes);
	if (result == STATUS_END)
		result = error_raise(STATUS_NOT_FOUND, "no record of %s-%d has timestamp %" PRId64 " or later",
			partition->topic->name, partition->number, timestamp_ms);
	return result;
}

/* Where to begin looking: an offset before which all records are older. @locks held; may be dropped */
static status time_start(struct partition *partition, int64_t timestamp_ms, int64_t *offset)
{
	*offset = atomic_load(&partition->high_watermark);
	for (size_t i = 0; i < partition->segment_count; i++) {
		struct segment *segment = partition->segments[i];
		if (segment->summary.max_timestamp_ms < timestamp_ms || segment->summary.size == 0)
			continue;
		status result = segment_acquire(partition, segment);
		if (result != STATUS_OK)
			return result;
		result = segment_index_need(partition, segment);
		if (result == STATUS_OK)
			*offset = segment_index_offset_of_time(&segment->index, timestamp_ms);
		segment_release(segment);
		return result;
	}
	return STATUS_OK;
}

status partition_find_time(
	struct partition *partition, int64_t timestamp_ms, int64_t *offset, int64_t *found_timestamp_ms)
{
	int64_t start = 0;
	struct record record;
	pthread_mutex_lock(&partition->lock);
	status result = partition_enter(partition);
	if (result == STATUS_OK) {
		result = time_start(partition, timestamp_ms, &start);
		partition_leave(partition);
	}
	pthread_mutex_unlock(&partition->lock);
	if (result == STATUS_OK)
		result = records_find_time(partition, start, timestamp_ms, &record);
	if (result != STATUS_OK)
		return result;
	*offset = record.offset;
	*found_timestamp_ms = record.timestamp_ms;
	return STATUS_OK;
}

status partition_find_max_time(struct partition *partition, int64_t *offset, int64_t *timestamp_ms)
{
	const struct segment_summary *latest = NULL;
	int64_t max_ms = 0, max_offset = 0;
	struct record record;
	pthread_mutex_lock(&partition->lock);
	for (size_t i = 0; i < partition->segment_count; i++) {
		const struct segment_summary *summary = &partition->segments[i]->summary;
		if (summary->size != 0 && (latest == NULL || summary->max_timestamp_ms > latest->max_timestamp_ms))
			latest = summary;
	}
	if (latest != NULL) {
		max_ms = latest->max_timestamp_ms;
		max_offset = latest->max_timestamp_offset;
	}
	bool deleted = partition->deleted;
	pthread_mutex_unlock(&partition->lock);
	if (deleted)
		return partition_missing(partition);
	if (latest == NULL)
		return error_raise(STATUS_NOT_FOUND, "%s-%d is empty", partition->topic->name, partition->number);
	status result = records_find_time(partition, max_offset, max_ms, &record);
	if (result != STATUS_OK)
		return result;
	*offset = record.offset;
	*timestamp_ms = record.timestamp_ms;
	return STATUS_OK;
}

/* ---- what a partition says of itself ---- */

const struct topic *partition_topic(const struct partition *partition)
{
	return partition->topic;
}

int32_t partition_number(const struct partition *partition)
{
	return partition->number;
}

int64_t partition_high_watermark(const struct partition *partition)
{
	return atomic_load(&partition->high_watermark);
}

int64_t partition_log_start(const struct partition *partition)
{
	(void)partition;
	return 0; /* nothing is ever trimmed: topic_create() refuses retention */
}

uint64_t partition_bytes(const struct partition *partition)
{
	return atomic_load(&partition->bytes);
}

status partition_producer(struct partition *partition, int64_t producer_id, struct producer_position *out)
{
	pthread_mutex_lock(&partition->lock);
	status result = producer_state_position(&partition->producers, producer_id, out);
	pthread_mutex_unlock(&partition->lock);
	if (result != STATUS_OK)
		return error_raise(result, "%s-%d does not know producer %" PRId64, partition->topic->name,
			partition->number, producer_id);
	return STATUS_OK;
}
