/* Opening and closing a store, what is committed, and operators' reads of committed state.
 *
 * Opening trusts nothing: a directory with files but without CURRENT, a store without a meta value but with
 * other keys, a meta value that fails its checksum, another fingerprint, a weight that is none: all of it is
 * DAMAGED, and the caller rebuilds.
 *
 * A store lives while its owner or a snapshot refers to it.
 */
#include "views/store_internal.h"

#include "base/file.h"
#include "base/invariant.h"

enum { INGEST_ENTRIES_MIN = 50000 };

/* ---- what is committed ---- */

struct committed *committed_make(const struct view_meta *meta)
{
	struct committed *committed = mem_alloc_zeroed(1, sizeof *committed);
	atomic_init(&committed->references, 1);
	arena_init(&committed->arena);
	committed->meta = *meta;
	committed->meta.offsets = offset_vector_copy(&meta->offsets, &committed->arena);
	return committed;
}

struct committed *committed_retain(struct committed *committed)
{
	atomic_fetch_add(&committed->references, 1);
	return committed;
}

void committed_release(struct committed *committed)
{
	if (committed == NULL || atomic_fetch_sub(&committed->references, 1) != 1)
		return;
	arena_deinit(&committed->arena);
	mem_free(committed);
}

struct committed *store_committed(struct view_store *store)
{
	pthread_mutex_lock(&store->committed_lock);
	struct committed *committed = committed_retain(store->committed);
	pthread_mutex_unlock(&store->committed_lock);
	return committed;
}

void store_committed_replace(struct view_store *store, struct committed *committed)
{
	pthread_mutex_lock(&store->committed_lock);
	struct committed *old = store->committed;
	store->committed = committed;
	pthread_mutex_unlock(&store->committed_lock);
	committed_release(old);
}

status store_meta_read(
	struct view_store *store, rocksdb_readoptions_t *options, struct arena *arena, struct view_meta *out)
{
	static const char key[] = {TAG_META};
	char *message = NULL;
	rocksdb_pinnableslice_t *pinned = rocksdb_get_pinned(store->db, options, key, sizeof key, &message);
	if (message != NULL)
		return rocks_error(message, true, "reading the meta record of", store->dir);
	if (pinned == NULL)
		return STATUS_NOT_FOUND;
	size_t size;
	const char *value = rocksdb_pinnableslice_value(pinned, &size);
	status result = meta_decode(slice_of(value, size), arena, out);
	rocksdb_pinnableslice_destroy(pinned);
	return result;
}

void store_ingest_dir(const struct view_store *store, struct buffer *out)
{
	buffer_printf(out, "%s/ingest", store->dir);
	buffer_append_byte(out, 0);
}

/* ---- operators' reads ---- */

static void state_key(struct buffer *out, uint16_t space, struct slice key)
{
	buffer_append_byte(out, TAG_STATE);
	buffer_append_be16(out, space);
	buffer_append(out, key.data, key.size);
}

static status state_get(struct state_store *base, uint16_t space, struct slice key, struct buffer *out)
{
	struct view_store *store = (struct view_store *)base;
	uint8_t small[256];
	struct buffer large = {0};
	const uint8_t *at = small;
	if (key.size + 3 <= sizeof small) {
		small[0] = TAG_STATE;
		put_be16(small + 1, space);
		if (key.size != 0)
			memcpy(small + 3, key.data, key.size);
	} else {
		state_key(&large, space, key);
		at = large.data;
	}
	char *message = NULL;
	rocksdb_pinnableslice_t *pinned =
		rocksdb_get_pinned(store->db, store->read_latest, (const char *)at, key.size + 3, &message);
	buffer_deinit(&large);
	if (message != NULL)
		return rocks_error(message, false, "reading state of", store->dir);
	if (pinned == NULL)
		return STATUS_NOT_FOUND;
	size_t size;
	const char *value = rocksdb_pinnableslice_value(pinned, &size);
	buffer_append(out, value, size);
	rocksdb_pinnableslice_destroy(pinned);
	return STATUS_OK;
}

static bool starts_with(struct slice bytes, struct slice prefix)
{
	return bytes.size >= prefix.size && memcmp(bytes.data, prefix.data, prefix.size) == 0;
}

static status state_scan(struct state_store *base, uint16_t space, struct slice prefix,
	status (*visit)(void *context, struct slice key, struct slice value), void *context)
{
	struct view_store *store = (struct view_store *)base;
	struct buffer from = {0};
	state_key(&from, space, prefix);
	status result = STATUS_OK;
	rocksdb_iterator_t *iterator = rocksdb_create_iterator(store->db, store->read_prefix);
	for (rocksdb_iter_seek(iterator, (const char *)from.data, from.size); rocksdb_iter_valid(iterator) != 0;
		 rocksdb_iter_next(iterator)) {
		size_t key_size, value_size;
		const char *key = rocksdb_iter_key(iterator, &key_size);
		if (!starts_with(slice_of(key, key_size), buffer_slice(&from)))
			break;
		const char *value = rocksdb_iter_value(iterator, &value_size);
		result = visit(context, slice_of(key + 3, key_size - 3), slice_of(value, value_size));
		if (result != STATUS_OK)
			break;
	}
	char *message = NULL;
	if (result == STATUS_OK)
		rocksdb_iter_get_error(iterator, &message);
	rocksdb_iter_destroy(iterator);
	buffer_deinit(&from);
	return message == NULL ? result : rocks_error(message, false, "scanning state of", store->dir);
}

/* ---- opening ---- */

/* Whether there is a database; DAMAGED when there are the remains of one. */
static status directory_look(const char *dir, bool *found)
{
	*found = false;
	struct directory_list list;
	status result = directory_list(dir, &list);
	if (result == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < list.count; i++)
		*found = *found || strcmp(list.names[i], "CURRENT") == 0;
	bool remains = list.count != 0 && !*found;
	directory_list_free(&list);
	if (!remains)
		return STATUS_OK;
	result = error_raise(STATUS_DAMAGED, "view directory %s has files but no CURRENT", dir);
	error_hint("The view can be rebuilt from the log.");
	return result;
}

/* The directory and those above it. */
static status directory_make(const char *dir)
{
	status result = directory_create(dir);
	if (result == STATUS_EXISTS)
		return STATUS_OK;
	if (result == STATUS_NOT_FOUND) {
		struct buffer parent = {0};
		const char *slash = strrchr(dir, '/');
		if (slash == NULL || slash == dir)
			return result;
		buffer_append(&parent, dir, (size_t)(slash - dir));
		buffer_append_byte(&parent, 0);
		result = directory_make((const char *)parent.data);
		buffer_deinit(&parent);
		if (result == STATUS_OK)
			result = directory_create(dir);
	}
	return result == STATUS_OK ? directory_sync_parent(dir) : result;
}

static status rocks_open(struct view_store *store, bool found)
{
	rocksdb_options_t *options = rocksdb_options_create_copy(store->environment->options);
	rocksdb_options_set_create_if_missing(options, !found);
	char *message = NULL;
	store->db = rocksdb_open(options, store->dir, &message);
	rocksdb_options_destroy(options);
	return message == NULL ? STATUS_OK : rocks_error(message, found, "opening view directory", store->dir);
}

/* Without a meta value there must be nothing else. */
static status empty_check(struct view_store *store)
{
	rocksdb_iterator_t *iterator = rocksdb_create_iterator(store->db, store->read_prefix);
	rocksdb_iter_seek_to_first(iterator);
	bool any = rocksdb_iter_valid(iterator) != 0;
	char *message = NULL;
	rocksdb_iter_get_error(iterator, &message);
	rocksdb_iter_destroy(iterator);
	if (message != NULL)
		return rocks_error(message, true, "reading view directory", store->dir);
	if (any)
		return error_raise(STATUS_DAMAGED, "view directory %s has rows but no meta record", store->dir);
	return STATUS_OK;
}

/* Every commit that the meta value counts is there. */
static status count_check(struct view_store *store, uint64_t commit_count)
{
	static const char key[] = {TAG_COUNT};
	char *message = NULL;
	size_t size = 0;
	rocksdb_pinnableslice_t *pinned =
		rocksdb_get_pinned(store->db, store->read_latest, key, sizeof key, &message);
	if (message != NULL)
		return rocks_error(message, true, "counting the commits of", store->dir);
	const char *value = pinned != NULL ? rocksdb_pinnableslice_value(pinned, &size) : NULL;
	int64_t found = size == WEIGHT_SIZE ? weight_read(value) : 0;
	if (pinned != NULL)
		rocksdb_pinnableslice_destroy(pinned);
	if (found >= 0 && (uint64_t)found == commit_count)
		return STATUS_OK;
	status result = error_raise(STATUS_DAMAGED, "view directory %s has lost steps: %lld of %llu are there",
		store->dir, (long long)found, (unsigned long long)commit_count);
	error_hint("The view can be rebuilt from the log.");
	return result;
}

/* Believes the store or not (V2). */
static status meta_check(struct view_store *store)
{
	struct view_meta meta = {0};
	struct arena arena;
	arena_init(&arena);
	status result = store_meta_read(store, store->read_latest, &arena, &meta);
	if (result == STATUS_NOT_FOUND) {
		memcpy(meta.fingerprint, store->fingerprint, sizeof meta.fingerprint);
		result = empty_check(store);
	} else if (result == STATUS_OK && strcmp(meta.fingerprint, store->fingerprint) != 0) {
		result = error_raise(STATUS_DAMAGED, "view directory %s was built as %s, and %s is wanted",
			store->dir, meta.fingerprint, store->fingerprint);
	} else if (result == STATUS_OK) {
		result = count_check(store, meta.commit_count);
	}
	if (result == STATUS_OK)
		store->committed = committed_make(&meta);
	arena_deinit(&arena);
	return result;
}

/* Files of an ingestion that a crash has interrupted. */
static status leftovers_remove(const struct view_store *store)
{
	struct buffer path = {0};
	store_ingest_dir(store, &path);
	status result =
		file_exists((const char *)path.data) ? directory_remove((const char *)path.data) : STATUS_OK;
	buffer_deinit(&path);
	return result;
}

static struct view_store *store_make(
	struct view_environment *environment, const char *dir, const struct view_layout *layout)
{
	struct view_store *store = mem_alloc_zeroed(1, sizeof *store);
	arena_init(&store->arena);
	store->state = (struct state_store){state_get, state_scan};
	store->environment = environment;
	store->dir = arena_copy_string(&store->arena, dir);
	store->schema = schema_copy(&layout->schema, &store->arena);
	store->has_key = layout->has_key;
	store->key_count = layout->has_key ? layout->key_count : 0;
	store->key_columns =
		arena_copy(&store->arena, layout->key_columns, store->key_count * sizeof *store->key_columns);
	memcpy(store->fingerprint, layout->fingerprint, strlen(layout->fingerprint) + 1);
	atomic_init(&store->references, 1);
	pthread_mutex_init(&store->committed_lock, NULL);
	store->read_latest = rocksdb_readoptions_create();
	store->read_prefix = rocksdb_readoptions_create();
	store->write_options = rocksdb_writeoptions_create();
	store->ingest_entries_min = INGEST_ENTRIES_MIN;
	return store;
}

static void store_free(struct view_store *store)
{
	commit_destroy(store->commit);
	if (store->db != NULL)
		rocksdb_close(store->db);
	rocksdb_readoptions_destroy(store->read_latest);
	rocksdb_readoptions_destroy(store->read_prefix);
	rocksdb_writeoptions_destroy(store->write_options);
	committed_release(store->committed);
	pthread_mutex_destroy(&store->committed_lock);
	arena_deinit(&store->arena);
	mem_free(store);
}

status view_store_open(struct view_environment *environment, const char *dir,
	const struct view_layout *layout, struct view_store **out)
{
	if (strlen(layout->fingerprint) > FINGERPRINT_SIZE_MAX)
		return error_raise(STATUS_INVALID, "a fingerprint has at most %d characters", FINGERPRINT_SIZE_MAX);
	for (size_t i = 0; layout->has_key && i < layout->key_count; i++)
		INVARIANT(layout->key_columns[i] < layout->schema.field_count);
	bool found;
	status result = directory_look(dir, &found);
	if (result == STATUS_OK && !found)
		result = directory_make(dir);
	if (result != STATUS_OK)
		return result;
	struct view_store *store = store_make(environment, dir, layout);
	result = rocks_open(store, found);
	if (result == STATUS_OK)
		result = leftovers_remove(store);
	if (result == STATUS_OK)
		result = meta_check(store);
	if (result != STATUS_OK) {
		store_free(store);
		return result;
	}
	*out = store;
	return STATUS_OK;
}

void store_retain(struct view_store *store)
{
	atomic_fetch_add(&store->references, 1);
}

void store_release(struct view_store *store)
{
	if (atomic_fetch_sub(&store->references, 1) == 1)
		store_free(store);
}

void view_store_close(struct view_store *store)
{
	if (store == NULL)
		return;
	commit_destroy(store->commit);
	store->commit = NULL;
	/* Snapshots go on reading, but nothing writes any more: the directory may be deleted under them. */
	if (atomic_load(&store->references) != 1)
		rocksdb_cancel_all_background_work(store->db, 1);
	store_release(store);
}

status view_store_destroy(const char *dir)
{
	if (!file_exists(dir))
		return STATUS_OK;
	/* CURRENT goes first: what a crash leaves of the rest is never taken for a store. */
	struct buffer path = {0};
	buffer_printf(&path, "%s/CURRENT", dir);
	buffer_append_byte(&path, 0);
	status result = file_exists((const char *)path.data) ? file_remove((const char *)path.data) : STATUS_OK;
	buffer_deinit(&path);
	return result == STATUS_OK ? directory_remove(dir) : result;
}

/* ---- small questions ---- */

bool view_store_is_empty(const struct view_store *store)
{
	return store->committed->meta.commit_count == 0;
}

struct state_store *view_store_state(struct view_store *store)
{
	return &store->state;
}

void view_store_offsets(const struct view_store *store, struct arena *arena, struct offset_vector *out)
{
	*out = offset_vector_copy(&store->committed->meta.offsets, arena);
}

status view_store_sync(struct view_store *store)
{
	char *message = NULL;
	rocksdb_flush_wal(store->db, 1, &message);
	return message == NULL ? STATUS_OK : rocks_error(message, false, "syncing view directory", store->dir);
}

uint64_t view_store_disk_bytes(const struct view_store *store)
{
	uint64_t files = 0, buffered = 0;
	if (rocksdb_property_int(store->db, "rocksdb.total-sst-files-size", &files) != 0)
		files = 0;
	if (rocksdb_property_int(store->db, "rocksdb.size-all-mem-tables", &buffered) != 0)
		buffered = 0;
	return files + buffered;
}
