/* A step's commit: entries are gathered encoded, sorted and netted when the step ends, and written in one
 * atomic act.
 *
 *   view_commit_rows ──► rows   (key, row, weight)   ┐ sort   ┌ few:  one WriteBatch (WAL, not synced)
 *   state put/remove ──► states (key, value)         ├─ net ──┤
 *   bad records      ──► bads                        ┘        └ many: sorted files, ingested in one call
 *   offsets, digest, counts ──► meta
 *
 * Netting, per key: weights of equal rows are added. A keyed view must come out at nothing, −old, +new or
 * −old +new; that is one delete or one put. An unkeyed row must come out at a weight: a positive one is
 * merged (added) without looking, a negative one is subtracted from the stored weight, so that a row of
 * weight 0 is deleted and a negative weight is seen.
 *
 * Atomicity of ingestion: every commit writes the meta key, so the files always overlap whatever is in the
 * memtable, which RocksDB therefore flushes first; then all files enter the manifest in one edit. A crash
 * leaves the state before or after, also after power loss, though the WAL is not synced.
 *
 * The digest and the row count are linear, so they are kept from the deltas as given, without netting.
 */
#include "base/file.h"
#include "base/invariant.h"
#include "views/store_internal.h"
#include "zset/key.h"

enum {
	CHUNK_SIZE = 256 * 1024,
	FILE_SIZE_MAX = 64 * 1024 * 1024, /* of one file to be ingested, before compression */
	PREFETCH_AHEAD = 8,
	KEPT_ENTRIES = 4096, /* memory that a commit keeps for the next */
};

struct entries {
	struct commit_entry *items;
	size_t count, capacity;
};

struct view_commit {
	struct state_writer state; /* first: its functions cast */
	struct view_store *store;
	bool open;
	struct arena arena;
	uint8_t *chunk; /* where the next bytes go */
	size_t chunk_left;
	struct entries rows, states, bads, scratch;
	struct buffer encoded;
	struct digest digest; /* of the deltas */
	int64_t row_count;    /* Σ weights of the deltas */
	rocksdb_writebatch_t *batch;
};

/* ---- gathering ---- */

static uint8_t *bytes_take(struct view_commit *commit, size_t size)
{
	if (size > commit->chunk_left) {
		size_t chunk = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		commit->chunk = arena_alloc(&commit->arena, chunk);
		commit->chunk_left = chunk;
	}
	uint8_t *bytes = commit->chunk;
	commit->chunk += size;
	commit->chunk_left -= size;
	return bytes;
}

static void entries_reserve(struct entries *entries, size_t count)
{
	if (count <= entries->capacity)
		return;
	size_t capacity = entries->capacity * 2 > 64 ? entries->capacity * 2 : 64;
	entries->capacity = capacity > count ? capacity : count;
	entries->items = mem_resize(entries->items, entries->capacity * sizeof *entries->items);
}

/* Adds what stands in commit->encoded: a key of `key_size` bytes, then a value. */
static struct commit_entry *entry_add(struct view_commit *commit, struct entries *entries, size_t key_size)
{
	size_t size = commit->encoded.size;
	INVARIANT(size <= UINT32_MAX);
	entries_reserve(entries, entries->count + 1);
	uint8_t *bytes = bytes_take(commit, size);
	memcpy(bytes, commit->encoded.data, size);
	struct commit_entry *entry = &entries->items[entries->count++];
	*entry = (struct commit_entry){
		.bytes = bytes, .key_size = (uint32_t)key_size, .value_size = (uint32_t)(size - key_size)};
	entry_order_set(entry);
	return entry;
}

status view_commit_rows(struct view_commit *commit, const struct batch *delta)
{
	const struct view_store *store = commit->store;
	INVARIANT(commit->open && delta->column_count == store->schema.field_count);
	for (uint32_t row = 0; row < delta->row_count; row++) {
		int64_t weight = batch_weight(delta, row);
		if (weight == 0)
			continue;
		struct buffer *encoded = &commit->encoded;
		encoded->size = 0;
		buffer_append_byte(encoded, TAG_ROW);
		if (store->has_key)
			key_encode(delta, row, store->key_columns, store->key_count, encoded);
		else
			row_encode(delta, row, encoded);
		size_t key_size = encoded->size;
		if (store->has_key)
			row_encode(delta, row, encoded);
		entry_add(commit, &commit->rows, key_size)->weight = weight;
		if (__builtin_add_overflow(commit->row_count, weight, &commit->row_count))
			return error_raise(STATUS_OUT_OF_RANGE, "a step changes more rows than 64 bits can count");
	}
	digest_add(&commit->digest, delta);
	return STATUS_OK;
}

void view_commit_bad_record(struct view_commit *commit, const struct bad_record *bad)
{
	INVARIANT(commit->open);
	struct buffer *encoded = &commit->encoded;
	encoded->size = 0;
	buffer_append_byte(encoded, TAG_BAD);
	buffer_append(encoded, bad->topic, strlen(bad->topic) + 1);
	/* Sign bits flipped: the order of bytes is the order of numbers. */
	buffer_append_be32(encoded, (uint32_t)bad->partition ^ 0x80000000u);
	buffer_append_be64(encoded, (uint64_t)bad->offset ^ UINT64_C(0x8000000000000000));
	size_t key_size = encoded->size;
	buffer_append_zigzag(encoded, bad->timestamp_ms);
	buffer_append_string(encoded, bad->error);
	entry_add(commit, &commit->bads, key_size)->weight = (int64_t)commit->bads.count;
}

static struct commit_entry *state_add(
	struct view_commit *commit, uint16_t space, struct slice key, struct slice value)
{
	INVARIANT(commit->open);
	struct buffer *encoded = &commit->encoded;
	encoded->size = 0;
	buffer_append_byte(encoded, TAG_STATE);
	buffer_append_be16(encoded, space);
	buffer_append(encoded, key.data, key.size);
	size_t key_size = encoded->size;
	buffer_append(encoded, value.data, value.size);
	struct commit_entry *entry = entry_add(commit, &commit->states, key_size);
	entry->weight = (int64_t)commit->states.count;
	return entry;
}

static void state_put(struct state_writer *writer, uint16_t space, struct slice key, struct slice value)
{
	(void)state_add((struct view_commit *)writer, space, key, value);
}

static void state_remove(struct state_writer *writer, uint16_t space, struct slice key)
{
	state_add((struct view_commit *)writer, space, key, (struct slice){0})->operation = OPERATION_REMOVE;
}

struct view_commit *view_commit_begin(struct view_store *store)
{
	struct view_commit *commit = store->commit;
	if (commit == NULL) {
		commit = store->commit = mem_alloc_zeroed(1, sizeof *commit);
		commit->state = (struct state_writer){state_put, state_remove};
		commit->store = store;
		commit->batch = rocksdb_writebatch_create();
		arena_init(&commit->arena);
	}
	INVARIANT(!commit->open);
	commit->open = true;
	return commit;
}

struct state_writer *view_commit_state(struct view_commit *commit)
{
	return &commit->state;
}

size_t view_commit_bytes(const struct view_commit *commit)
{
	/* Entries are counted twice: sorting needs room for as many. */
	size_t entries = commit->rows.count + commit->states.count + commit->bads.count;
	return commit->arena.used_bytes + 2 * entries * sizeof(struct commit_entry);
}

static void entries_forget(struct entries *entries)
{
	entries->count = 0;
	if (entries->capacity <= KEPT_ENTRIES)
		return;
	mem_free(entries->items);
	*entries = (struct entries){0};
}

void view_commit_abandon(struct view_commit *commit)
{
	if (commit == NULL)
		return;
	entries_forget(&commit->rows);
	entries_forget(&commit->states);
	entries_forget(&commit->bads);
	entries_forget(&commit->scratch);
	arena_reset(&commit->arena);
	commit->chunk = NULL;
	commit->chunk_left = 0;
	commit->digest = (struct digest){0, 0};
	commit->row_count = 0;
	commit->open = false;
}

void commit_destroy(struct view_commit *commit)
{
	if (commit == NULL)
		return;
	view_commit_abandon(commit);
	mem_free(commit->rows.items);
	mem_free(commit->states.items);
	mem_free(commit->bads.items);
	mem_free(commit->scratch.items);
	buffer_deinit(&commit->encoded);
	arena_deinit(&commit->arena);
	rocksdb_writebatch_destroy(commit->batch);
	mem_free(commit);
}

void view_store_set_ingest_entries_min(struct view_store *store, size_t entries)
{
	store->ingest_entries_min = entries;
}

/* ---- netting ---- */

static void entries_order(struct view_commit *commit, struct entries *entries, bool by_value)
{
	if (entries->count < 2)
		return;
	entries_reserve(&commit->scratch, entries->count);
	entries_sort(entries->items, commit->scratch.items, entries->count, by_value);
}

static bool same_key(const struct commit_entry *left, const struct commit_entry *right)
{
	return left->order[0] == right->order[0] && left->order[1] == right->order[1] &&
		   slice_equal(entry_key(left), entry_key(right));
}

/* Of each key the newest entry. */
static void states_net(struct entries *states)
{
	size_t kept = 0;
	for (size_t i = 0; i < states->count; i++) {
		if (kept != 0 && same_key(&states->items[kept - 1], &states->items[i]))
			kept--;
		states->items[kept++] = states->items[i];
	}
	states->count = kept;
}

/* Reads a row's stored value; NULL in *out when there is none. */
static status stored_read(struct view_store *store, struct slice key, rocksdb_pinnableslice_t **out)
{
	char *message = NULL;
	*out = rocksdb_get_pinned(store->db, store->read_latest, (const char *)key.data, key.size, &message);
	return message == NULL ? STATUS_OK : rocks_error(message, false, "reading a row of", store->dir);
}

#ifdef KAPPA_DEBUG
/* What the delta retracts is what is stored. */
static status stored_check(
	struct view_store *store, const struct commit_entry *old, const struct commit_entry *fresh)
{
	rocksdb_pinnableslice_t *pinned;
	status result = stored_read(store, entry_key(old != NULL ? old : fresh), &pinned);
	if (result != STATUS_OK)
		return result;
	size_t size = 0;
	const char *value = pinned != NULL ? rocksdb_pinnableslice_value(pinned, &size) : NULL;
	bool good =
		old == NULL ? pinned == NULL : pinned != NULL && slice_equal(entry_value(old), slice_of(value, size));
	if (pinned != NULL)
		rocksdb_pinnableslice_destroy(pinned);
	if (good)
		return STATUS_OK;
	return error_raise(STATUS_INTERNAL,
		old == NULL ? "a key of view %s would hold two rows"
					: "a row is retracted from view %s that is not in it",
		store->dir);
}
#endif

/* The entries [from, to) are one key of a keyed view, sorted by row. Leaves at most one entry at `out`. */
static status key_net(struct view_commit *commit, const struct commit_entry *from,
	const struct commit_entry *to, struct commit_entry *out, size_t *out_count)
{
	const struct commit_entry *old = NULL, *fresh = NULL;
	for (const struct commit_entry *at = from; at < to;) {
		const struct commit_entry *row = at;
		int64_t weight = at->weight;
		bool overflow = false;
		for (at++; at < to && slice_equal(entry_value(at), entry_value(row)); at++)
			overflow = __builtin_add_overflow(weight, at->weight, &weight) || overflow;
		if (weight == 0 && !overflow)
			continue;
		bool fits = !overflow && (weight == 1 || weight == -1) && (weight == 1 ? fresh : old) == NULL;
		if (!fits)
			return error_raise(STATUS_INTERNAL, "a key of view %s would hold %s", commit->store->dir,
				weight > 0 ? "two rows" : "less than no row");
		if (weight == 1)
			fresh = row;
		else
			old = row;
	}
	*out_count = 0;
	if (old == NULL && fresh == NULL)
		return STATUS_OK;
#ifdef KAPPA_DEBUG
	status result = stored_check(commit->store, old, fresh);
	if (result != STATUS_OK)
		return result;
#endif
	struct commit_entry entry = fresh != NULL ? *fresh : *old;
	entry.operation = fresh != NULL ? OPERATION_PUT : OPERATION_REMOVE;
	*out = entry;
	*out_count = 1;
	return STATUS_OK;
}

/* Subtracts from the stored weight. */
static status weight_subtract(struct view_store *store, struct commit_entry *entry)
{
	rocksdb_pinnableslice_t *pinned;
	status result = stored_read(store, entry_key(entry), &pinned);
	if (result != STATUS_OK)
		return result;
	int64_t stored = 0;
	size_t size = WEIGHT_SIZE;
	const char *value = pinned != NULL ? rocksdb_pinnableslice_value(pinned, &size) : NULL;
	if (value != NULL && size == WEIGHT_SIZE)
		stored = weight_read(value);
	if (pinned != NULL)
		rocksdb_pinnableslice_destroy(pinned);
	if (size != WEIGHT_SIZE)
		return error_raise(STATUS_DAMAGED, "a row of view %s has a malformed weight", store->dir);
	if (__builtin_add_overflow(stored, entry->weight, &entry->weight) || entry->weight < 0)
		return error_raise(STATUS_INTERNAL, "a row of view %s would have a negative weight", store->dir);
	entry->operation = entry->weight == 0 ? OPERATION_REMOVE : OPERATION_WEIGHT_PUT;
	return STATUS_OK;
}

/* The entries [from, to) are one row of an unkeyed view. */
static status weight_net(struct view_commit *commit, const struct commit_entry *from,
	const struct commit_entry *to, struct commit_entry *out, size_t *out_count)
{
	struct commit_entry entry = *from;
	for (const struct commit_entry *at = from + 1; at < to; at++) {
		if (__builtin_add_overflow(entry.weight, at->weight, &entry.weight))
			return error_raise(STATUS_OUT_OF_RANGE, "a row's weight leaves 64 bits");
	}
	*out_count = entry.weight != 0;
	entry.operation = OPERATION_WEIGHT_MERGE;
	if (entry.weight < 0) {
		status result = weight_subtract(commit->store, &entry);
		if (result != STATUS_OK)
			return result;
	}
	*out = entry;
	return STATUS_OK;
}

static status rows_net(struct view_commit *commit)
{
	struct entries *rows = &commit->rows;
	size_t kept = 0;
	for (size_t at = 0; at < rows->count;) {
		size_t from = at++;
		while (at < rows->count && same_key(&rows->items[from], &rows->items[at]))
			at++;
		struct commit_entry out = {0};
		size_t count;
		status result = (commit->store->has_key ? key_net : weight_net)(
			commit, rows->items + from, rows->items + at, &out, &count);
		if (result != STATUS_OK)
			return result;
		if (count != 0)
			rows->items[kept++] = out;
	}
	rows->count = kept;
	return STATUS_OK;
}

/* ---- writing ---- */

/* Where operations go, in key order: a batch, or files. */
struct writer {
	struct view_commit *commit;
	rocksdb_sstfilewriter_t *file; /* NULL while none is open */
	char **paths;
	size_t path_count;
	size_t file_bytes;
	char *message; /* the first failure */
	bool files;
};

static void file_finish(struct writer *writer)
{
	if (writer->file == NULL)
		return;
	if (writer->message == NULL)
		rocksdb_sstfilewriter_finish(writer->file, &writer->message);
	rocksdb_sstfilewriter_destroy(writer->file);
	writer->file = NULL;
}

/* Opens the next file when there is none or it is full. */
static bool file_ready(struct writer *writer, size_t bytes)
{
	if (writer->file_bytes > FILE_SIZE_MAX)
		file_finish(writer);
	writer->file_bytes += bytes;
	if (writer->file != NULL || writer->message != NULL)
		return writer->message == NULL;
	struct view_store *store = writer->commit->store;
	struct buffer dir = {0};
	store_ingest_dir(store, &dir);
	writer->paths = mem_resize(writer->paths, (writer->path_count + 1) * sizeof *writer->paths);
	char *path = arena_printf(&writer->commit->arena, "%s/%08llu.sst", (const char *)dir.data,
		(unsigned long long)++store->ingest_serial);
	buffer_deinit(&dir);
	writer->paths[writer->path_count++] = path;
	writer->file =
		rocksdb_sstfilewriter_create(store->environment->file_options, store->environment->options);
	writer->file_bytes = bytes;
	rocksdb_sstfilewriter_open(writer->file, path, &writer->message);
	return writer->message == NULL;
}

static void write_put(struct writer *writer, struct slice key, struct slice value)
{
	const char *k = (const char *)key.data, *v = (const char *)value.data;
	if (!writer->files)
		rocksdb_writebatch_put(writer->commit->batch, k, key.size, v, value.size);
	else if (file_ready(writer, key.size + value.size))
		rocksdb_sstfilewriter_put(writer->file, k, key.size, v, value.size, &writer->message);
}

static void write_remove(struct writer *writer, struct slice key)
{
	const char *k = (const char *)key.data;
	if (!writer->files)
		rocksdb_writebatch_delete(writer->commit->batch, k, key.size);
	else if (file_ready(writer, key.size))
		rocksdb_sstfilewriter_delete(writer->file, k, key.size, &writer->message);
}

static void write_merge(struct writer *writer, struct slice key, struct slice value)
{
	const char *k = (const char *)key.data, *v = (const char *)value.data;
	if (!writer->files)
		rocksdb_writebatch_merge(writer->commit->batch, k, key.size, v, value.size);
	else if (file_ready(writer, key.size + value.size))
		rocksdb_sstfilewriter_merge(writer->file, k, key.size, v, value.size, &writer->message);
}

static void write_entries(struct writer *writer, const struct entries *entries)
{
	uint8_t weight[WEIGHT_SIZE];
	for (size_t i = 0; i < entries->count && writer->message == NULL; i++) {
		const struct commit_entry *entry = &entries->items[i];
		/* Sorted entries have their bytes all over the arena. */
		if (i + PREFETCH_AHEAD < entries->count)
			__builtin_prefetch(entry[PREFETCH_AHEAD].bytes);
		weight_write(weight, entry->weight);
		switch (entry->operation) {
		case OPERATION_PUT:
			write_put(writer, entry_key(entry), entry_value(entry));
			break;
		case OPERATION_REMOVE:
			write_remove(writer, entry_key(entry));
			break;
		case OPERATION_WEIGHT_PUT:
			write_put(writer, entry_key(entry), slice_of(weight, sizeof weight));
			break;
		case OPERATION_WEIGHT_MERGE:
			write_merge(writer, entry_key(entry), slice_of(weight, sizeof weight));
			break;
		}
	}
}

static void write_all(struct writer *writer, struct slice meta)
{
	static const uint8_t count_key[] = {TAG_COUNT}, meta_key[] = {TAG_META};
	uint8_t one[WEIGHT_SIZE];
	weight_write(one, 1);
	write_entries(writer, &writer->commit->bads);
	write_merge(writer, slice_of(count_key, sizeof count_key), slice_of(one, sizeof one));
	write_put(writer, slice_of(meta_key, sizeof meta_key), meta);
	write_entries(writer, &writer->commit->rows);
	write_entries(writer, &writer->commit->states);
}

static status ingest_dir_make(const struct view_store *store)
{
	struct buffer dir = {0};
	store_ingest_dir(store, &dir);
	status result = directory_create((const char *)dir.data);
	buffer_deinit(&dir);
	return result == STATUS_EXISTS ? STATUS_OK : result;
}

static status files_ingest(struct view_commit *commit, struct slice meta)
{
	struct view_store *store = commit->store;
	status result = ingest_dir_make(store);
	if (result != STATUS_OK)
		return error_note(result, "while writing a large step of view %s", store->dir);
	struct writer writer = {.commit = commit, .files = true};
	write_all(&writer, meta);
	file_finish(&writer);
	if (writer.message == NULL) {
		rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
		rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
		/* Files that overlap nothing would get no sequence number of their own, and snapshots taken while
		 * the manifest is written would see them later. They get one when any snapshot exists before. */
		const rocksdb_snapshot_t *before = rocksdb_create_snapshot(store->db);
		rocksdb_ingest_external_file(
			store->db, (const char *const *)writer.paths, writer.path_count, options, &writer.message);
		rocksdb_release_snapshot(store->db, before);
		rocksdb_ingestexternalfileoptions_destroy(options);
	}
	if (writer.message != NULL) {
		for (size_t i = 0; i < writer.path_count; i++)
			if (file_exists(writer.paths[i]) && file_remove(writer.paths[i]) != STATUS_OK)
				continue; /* removed when the store opens next */
		result = rocks_error(writer.message, false, "writing a large step of view", store->dir);
	}
	mem_free(writer.paths);
	return result;
}

static status batch_write(struct view_commit *commit, struct slice meta)
{
	struct view_store *store = commit->store;
	struct writer writer = {.commit = commit};
	rocksdb_writebatch_clear(commit->batch);
	write_all(&writer, meta);
	char *message = NULL;
	rocksdb_write(store->db, store->write_options, commit->batch, &message);
	rocksdb_writebatch_clear(commit->batch);
	return message == NULL ? STATUS_OK : rocks_error(message, false, "writing a step of view", store->dir);
}

static int offset_compare(const struct offset_entry *left, const struct offset_entry *right)
{
	int order = strcmp(left->topic, right->topic);
	return order != 0 ? order : (left->partition > right->partition) - (left->partition < right->partition);
}

/* Sorted by (topic, partition): few entries, mostly in order. */
static struct offset_vector offsets_sorted(struct view_commit *commit, const struct offset_vector *offsets)
{
	struct offset_vector sorted = offset_vector_copy(offsets, &commit->arena);
	for (size_t i = 1; i < sorted.count; i++) {
		struct offset_entry entry = sorted.entries[i];
		size_t at = i;
		for (; at > 0 && offset_compare(&entry, &sorted.entries[at - 1]) < 0; at--)
			sorted.entries[at] = sorted.entries[at - 1];
		sorted.entries[at] = entry;
	}
	return sorted;
}

static status commit_write(struct view_commit *commit, const struct offset_vector *offsets)
{
	struct view_store *store = commit->store;
	struct view_meta meta = store->committed->meta; /* only the writer replaces it */
	memcpy(meta.fingerprint, store->fingerprint, sizeof meta.fingerprint);
	meta.offsets = offsets_sorted(commit, offsets);
	meta.digest.low += commit->digest.low;
	meta.digest.high += commit->digest.high;
	meta.bad_count += commit->bads.count;
	meta.commit_count += 1;
	if (__builtin_add_overflow(meta.row_count, commit->row_count, &meta.row_count) || meta.row_count < 0)
		return error_raise(STATUS_INTERNAL, "view %s would have a negative number of rows", store->dir);
	struct buffer encoded = {0};
	meta_encode(&meta, &encoded);
	size_t entries = commit->rows.count + commit->states.count + commit->bads.count;
	atomic_fetch_add(&store->writes_begun, 1);
	status result = entries >= store->ingest_entries_min ? files_ingest(commit, buffer_slice(&encoded))
														 : batch_write(commit, buffer_slice(&encoded));
	if (result == STATUS_OK)
		store_committed_replace(store, committed_make(&meta));
	atomic_fetch_add(&store->writes_done, 1);
	buffer_deinit(&encoded);
	return result;
}

status view_commit_finish(struct view_commit *commit, const struct offset_vector *offsets)
{
	INVARIANT(commit->open);
	entries_order(commit, &commit->rows, true);
	entries_order(commit, &commit->states, false);
	entries_order(commit, &commit->bads, false);
	states_net(&commit->states);
	states_net(&commit->bads);
	status result = rows_net(commit);
	if (result == STATUS_OK)
		result = commit_write(commit, offsets);
	view_commit_abandon(commit);
	return result;
}
