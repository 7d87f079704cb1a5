/* What the files of views/ share. Not public.
 *
 *   environment.c  options and memory shared by all stores, RocksDB's errors as ours
 *   store.c        opening, closing, what is committed, operators' reads
 *   commit.c       a step: gathering, netting, one atomic write
 *   commit_sort.c  the order of a step's entries
 *   snapshot.c     consistent reads, bad records
 *   scan.c         the relation over a snapshot's rows
 *   meta.c         the meta value
 *
 * Key space: one byte says what a key is (TAG_…), see view_store.h. Of the row kinds:
 *
 *   keyed    'r' key_encode(key columns)  →  row_encode(row)
 *   unkeyed  'r' row_encode(row)          →  weight, 8 bytes big-endian; operands of the merge are the same
 * and are added
 *
 *   count    'c'                          →  the number of commits, each of which has added 1
 *
 * so that 1.0 and 1.00 stay two rows of an unkeyed view, and order is promised for keyed ones only.
 */
#ifndef KAPPA_VIEWS_STORE_INTERNAL_H
#define KAPPA_VIEWS_STORE_INTERNAL_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "views/meta.h"
#include "views/view_store.h"

enum { TAG_BAD = 'b', TAG_COUNT = 'c', TAG_META = 'm', TAG_ROW = 'r', TAG_STATE = 's' };

struct view_environment {
	rocksdb_env_t *env;
	rocksdb_cache_t *cache;
	rocksdb_options_t *options; /* copied by every store that opens */
	rocksdb_envoptions_t *file_options;
	rocksdb_block_based_table_options_t *table_options;
};

/* What has been committed, as of one step: immutable, reference counted. */
struct committed {
	atomic_uint references;
	struct arena arena;
	struct view_meta meta;
};

struct view_commit;

struct view_store {
	struct state_store state; /* first: state_store functions cast */
	struct arena arena;
	char *dir;
	struct schema schema;
	bool has_key;
	uint32_t *key_columns;
	size_t key_count;
	char fingerprint[FINGERPRINT_SIZE_MAX + 1];

	atomic_uint references; /* the owner's and one per snapshot */
	rocksdb_t *db;
	struct view_environment *environment;
	rocksdb_readoptions_t *read_latest;
	rocksdb_readoptions_t *read_prefix; /* for state scans; the writer's */
	rocksdb_writeoptions_t *write_options;

	/* the writer's */
	struct view_commit *commit; /* reused from step to step */
	size_t ingest_entries_min;  /* from this many entries on a commit is ingested as files */
	uint64_t ingest_serial;

	/* Writer and readers. A reader who finds begun == done before and after taking its RocksDB snapshot has
	 * one that belongs to `committed`; otherwise a write is under way and the meta value is read through the
	 * snapshot. */
	atomic_uint_fast64_t writes_begun, writes_done;
	pthread_mutex_t committed_lock; /* held for a pointer's copy only */
	struct committed *committed;
};

struct view_snapshot {
	atomic_uint references;
	struct view_store *store;
	const rocksdb_snapshot_t *snapshot;
	rocksdb_readoptions_t *read_options;
	struct committed *committed;
};

/* ---- environment.c ---- */

/* Raises what RocksDB said while doing something, and frees the message. `opening`: files that are missing
 * are damage. */
status rocks_error(char *message, bool opening, const char *doing, const char *dir);

/* ---- store.c ---- */

struct committed *committed_make(const struct view_meta *meta); /* deep copy; one reference */
struct committed *committed_retain(struct committed *committed);
void committed_release(struct committed *committed);         /* accepts NULL */
struct committed *store_committed(struct view_store *store); /* retained */
/* Takes over the reference. */
void store_committed_replace(struct view_store *store, struct committed *committed);
void store_retain(struct view_store *store);
void store_release(struct view_store *store);
/* Reads and decodes the meta value; NOT_FOUND when there is none. */
status store_meta_read(
	struct view_store *store, rocksdb_readoptions_t *options, struct arena *arena, struct view_meta *out);
/* Where files to be ingested are written. */
void store_ingest_dir(const struct view_store *store, struct buffer *out);

/* ---- commit.c ---- */

void commit_destroy(struct view_commit *commit); /* accepts NULL */
/* Tests: from how many entries on a commit is ingested. */
void view_store_set_ingest_entries_min(struct view_store *store, size_t entries);

/* ---- commit_sort.c ---- */

enum commit_operation {
	OPERATION_PUT, /* the value */
	OPERATION_REMOVE,
	OPERATION_WEIGHT_PUT,   /* the weight, replacing what is there */
	OPERATION_WEIGHT_MERGE, /* the weight, added to what is there */
};

struct commit_entry {
	uint64_t order[2];    /* the key's bytes 1…16, so that most comparisons need not look at it */
	const uint8_t *bytes; /* key, then value */
	uint32_t key_size, value_size;
	int64_t weight;                  /* of a row; position in the step of state */
	enum commit_operation operation; /* after netting */
};

static inline struct slice entry_key(const struct commit_entry *entry)
{
	return slice_of(entry->bytes, entry->key_size);
}
static inline struct slice entry_value(const struct commit_entry *entry)
{
	return slice_of(entry->bytes + entry->key_size, entry->value_size);
}
void entry_order_set(struct commit_entry *entry);
/* By key, then by value (rows) or by weight (state). `scratch` has room for as many entries. */
void entries_sort(struct commit_entry *entries, struct commit_entry *scratch, size_t count, bool by_value);

/* ---- weights ---- */

enum { WEIGHT_SIZE = 8 };

static inline void weight_write(uint8_t *at, int64_t weight)
{
	put_be64(at, (uint64_t)weight);
}
static inline int64_t weight_read(const void *at)
{
	return (int64_t)get_be64(at);
}

#endif
