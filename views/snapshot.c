/* Consistent reads: a RocksDB snapshot together with what was committed at it (V3), reference counted,
 * readable from any thread.
 *
 * Taking one while no write is under way is two pointers and a RocksDB snapshot. While one is, the snapshot
 * may fall before or after it; then the meta value is read through the snapshot itself, and taking never
 * waits for a large step.
 */
#include "base/invariant.h"
#include "views/store_internal.h"

/* What the RocksDB snapshot shows, read through it. */
static struct committed *committed_through(struct view_store *store, rocksdb_readoptions_t *options)
{
	struct view_meta meta = {0};
	struct arena arena;
	arena_init(&arena);
	status result = store_meta_read(store, options, &arena, &meta);
	/* NOT_FOUND: before the first commit. Anything else: the value was readable when the store was opened;
	 * what is known of the step before is then the best answer, and rows will report the damage. */
	struct committed *committed;
	if (result == STATUS_OK || result == STATUS_NOT_FOUND)
		committed = committed_make(&meta);
	else
		committed = store_committed(store);
	arena_deinit(&arena);
	return committed;
}

struct view_snapshot *view_snapshot_take(struct view_store *store)
{
	struct view_snapshot *snapshot = mem_alloc_zeroed(1, sizeof *snapshot);
	atomic_init(&snapshot->references, 1);
	store_retain(store);
	snapshot->store = store;
	snapshot->read_options = rocksdb_readoptions_create();
	uint_fast64_t done = atomic_load(&store->writes_done);
	bool idle = atomic_load(&store->writes_begun) == done;
	if (idle)
		snapshot->committed = store_committed(store);
	snapshot->snapshot = rocksdb_create_snapshot(store->db);
	rocksdb_readoptions_set_snapshot(snapshot->read_options, snapshot->snapshot);
	if (!idle || atomic_load(&store->writes_begun) != done) {
		committed_release(snapshot->committed);
		snapshot->committed = committed_through(store, snapshot->read_options);
	}
	return snapshot;
}

struct view_snapshot *view_snapshot_retain(struct view_snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->references, 1);
	return snapshot;
}

void view_snapshot_release(struct view_snapshot *snapshot)
{
	if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) != 1)
		return;
	rocksdb_readoptions_destroy(snapshot->read_options);
	rocksdb_release_snapshot(snapshot->store->db, snapshot->snapshot);
	committed_release(snapshot->committed);
	store_release(snapshot->store);
	mem_free(snapshot);
}

const struct schema *view_snapshot_schema(const struct view_snapshot *snapshot)
{
	return &snapshot->store->schema;
}

const struct offset_vector *view_snapshot_offsets(const struct view_snapshot *snapshot)
{
	return &snapshot->committed->meta.offsets;
}

struct digest view_snapshot_digest(const struct view_snapshot *snapshot)
{
	return snapshot->committed->meta.digest;
}

int64_t view_snapshot_row_count(const struct view_snapshot *snapshot)
{
	return snapshot->committed->meta.row_count;
}

uint64_t view_snapshot_bad_count(const struct view_snapshot *snapshot)
{
	return snapshot->committed->meta.bad_count;
}

/* ---- bad records ---- */

/* The record behind a key and a value; strings in the arena. */
static status bad_decode(struct slice key, struct slice value, struct arena *arena, struct bad_record *out)
{
	const uint8_t *end = memchr(key.data, 0, key.size);
	struct cursor cursor = cursor_of(value);
	int64_t timestamp_ms = cursor_zigzag(&cursor);
	if (end == NULL || key.size - (size_t)(end + 1 - key.data) != 12 || cursor.failed)
		return error_raise(STATUS_DAMAGED, "a bad record's entry is malformed");
	char *error = arena_alloc(arena, cursor_left(&cursor) + 1);
	memcpy(error, cursor.at, cursor_left(&cursor));
	error[cursor_left(&cursor)] = 0;
	*out = (struct bad_record){
		.topic = arena_copy_string(arena, (const char *)key.data + 1),
		.partition = (int32_t)(get_be32(end + 1) ^ 0x80000000u),
		.offset = (int64_t)(get_be64(end + 5) ^ UINT64_C(0x8000000000000000)),
		.timestamp_ms = timestamp_ms,
		.error = error,
	};
	return STATUS_OK;
}

status view_snapshot_bad_records(struct view_snapshot *snapshot,
	status (*visit)(void *context, const struct bad_record *bad), void *context)
{
	static const char first[] = {TAG_BAD};
	struct arena arena;
	arena_init(&arena);
	status result = STATUS_OK;
	rocksdb_iterator_t *iterator = rocksdb_create_iterator(snapshot->store->db, snapshot->read_options);
	for (rocksdb_iter_seek(iterator, first, sizeof first);
		 result == STATUS_OK && rocksdb_iter_valid(iterator) != 0; rocksdb_iter_next(iterator)) {
		size_t key_size, value_size;
		const char *key = rocksdb_iter_key(iterator, &key_size);
		const char *value = rocksdb_iter_value(iterator, &value_size);
		if (key_size == 0 || key[0] != TAG_BAD)
			break;
		struct bad_record bad;
		result = bad_decode(slice_of(key, key_size), slice_of(value, value_size), &arena, &bad);
		if (result == STATUS_OK)
			result = visit(context, &bad);
		arena_reset(&arena);
	}
	char *message = NULL;
	if (result == STATUS_OK)
		rocksdb_iter_get_error(iterator, &message);
	rocksdb_iter_destroy(iterator);
	arena_deinit(&arena);
	return message == NULL ? result
						   : rocks_error(message, false, "reading bad records of", snapshot->store->dir);
}
