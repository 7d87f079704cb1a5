/* What all stores share: one block cache, a few background threads, the options every store is opened with,
 * and the translation of RocksDB's error texts.
 *
 * Memory: the block cache takes most of the budget; index and filter blocks are charged to it. What is left
 * is for write buffers: RocksDB 7.8's C interface has no write buffer manager, so each store's buffers are
 * small, begin with small blocks (an idle store takes next to nothing), and steps of any size go past them as
 * files.
 */
#include <string.h>

#include "base/invariant.h"
#include "views/store_internal.h"

enum {
	MEMORY_MIN = 8 * 1024 * 1024,
	WRITE_BUFFER_MIN = 2 * 1024 * 1024,
	WRITE_BUFFER_MAX = 32 * 1024 * 1024,
	BLOCK_SIZE = 8 * 1024,
	SST_SIZE = 64 * 1024 * 1024,
	WAL_SIZE_MAX = 128 * 1024 * 1024,
	BLOOM_BITS = 10,
	LOG_LEVEL_WARN = 2,
	INDEX_BINARY_AND_HASH = 1,
	/* A weight that is added to so often in a row is summed up when it is written. */
	SUCCESSIVE_MERGES_MAX = 16,
};

/* ---- the sum of weights ---- */

static bool weights_add(int64_t *sum, const char *const *operands, const size_t *sizes, int count)
{
	for (int i = 0; i < count; i++) {
		if (sizes[i] != WEIGHT_SIZE || __builtin_add_overflow(*sum, weight_read(operands[i]), sum))
			return false;
	}
	return true;
}

static char *weights_result(bool good, int64_t sum, unsigned char *success, size_t *size)
{
	*success = good;
	*size = WEIGHT_SIZE;
	/* Freed by weights_free; also when it is not used. */
	uint8_t *result = mem_alloc(WEIGHT_SIZE);
	weight_write(result, sum);
	return (char *)result;
}

static char *weights_full(void *state, const char *key, size_t key_size, const char *existing,
	size_t existing_size, const char *const *operands, const size_t *sizes, int count, unsigned char *success,
	size_t *size)
{
	(void)state, (void)key, (void)key_size;
	int64_t sum = 0;
	bool good = existing == NULL || existing_size == WEIGHT_SIZE;
	if (good && existing != NULL)
		sum = weight_read(existing);
	good = good && weights_add(&sum, operands, sizes, count);
	return weights_result(good, sum, success, size);
}

static char *weights_partial(void *state, const char *key, size_t key_size, const char *const *operands,
	const size_t *sizes, int count, unsigned char *success, size_t *size)
{
	(void)state, (void)key, (void)key_size;
	int64_t sum = 0;
	bool good = weights_add(&sum, operands, sizes, count);
	return weights_result(good, sum, success, size);
}

static void weights_free(void *state, const char *value, size_t size)
{
	(void)state, (void)size;
	mem_free((char *)(uintptr_t)value);
}

static const char *weights_name(void *state)
{
	(void)state;
	return "kappa.weights";
}

static void weights_destroy(void *state)
{
	(void)state;
}

/* ---- options ---- */

static rocksdb_block_based_table_options_t *table_options_make(rocksdb_cache_t *cache)
{
	rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
	rocksdb_block_based_options_set_block_cache(table, cache);
	rocksdb_block_based_options_set_block_size(table, BLOCK_SIZE);
	rocksdb_block_based_options_set_format_version(table, 5);
	rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
	rocksdb_block_based_options_set_data_block_index_type(table, INDEX_BINARY_AND_HASH);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
	return table;
}

static rocksdb_options_t *options_make(rocksdb_env_t *env, size_t write_buffer_bytes)
{
	rocksdb_options_t *options = rocksdb_options_create();
	rocksdb_options_set_env(options, env);
	rocksdb_options_set_merge_operator(
		options, rocksdb_mergeoperator_create(
					 NULL, weights_destroy, weights_full, weights_partial, weights_free, weights_name));
	rocksdb_options_set_max_successive_merges(options, SUCCESSIVE_MERGES_MAX);
	rocksdb_options_set_compression(options, rocksdb_lz4_compression);
	rocksdb_options_set_write_buffer_size(options, write_buffer_bytes);
	rocksdb_options_set_max_write_buffer_number(options, 2);
	rocksdb_options_set_arena_block_size(options, 64 * 1024);
	rocksdb_options_set_max_total_wal_size(options, WAL_SIZE_MAX);
	rocksdb_options_set_target_file_size_base(options, SST_SIZE);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
	rocksdb_options_set_max_background_jobs(options, 2);
	rocksdb_options_set_bytes_per_sync(options, 1024 * 1024);
	/* All files stay open: snapshots can be read while a dropped version's directory is deleted. */
	rocksdb_options_set_max_open_files(options, -1);
	rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
	rocksdb_options_set_manifest_preallocation_size(options, 64 * 1024);
	rocksdb_options_set_info_log_level(options, LOG_LEVEL_WARN);
	rocksdb_options_set_keep_log_file_num(options, 2);
	rocksdb_options_set_max_log_file_size(options, 1024 * 1024);
	rocksdb_options_set_stats_dump_period_sec(options, 0);
	rocksdb_options_set_stats_persist_period_sec(options, 0);
	return options;
}

status view_environment_create(size_t memory_bytes_max, struct view_environment **out)
{
	if (memory_bytes_max < MEMORY_MIN)
		return error_raise(STATUS_INVALID, "views need at least %d MiB of memory, not %zu bytes",
			MEMORY_MIN / 1024 / 1024, memory_bytes_max);
	size_t write_buffer_bytes = memory_bytes_max / 16;
	if (write_buffer_bytes < WRITE_BUFFER_MIN)
		write_buffer_bytes = WRITE_BUFFER_MIN;
	if (write_buffer_bytes > WRITE_BUFFER_MAX)
		write_buffer_bytes = WRITE_BUFFER_MAX;
	struct view_environment *environment = mem_alloc_zeroed(1, sizeof *environment);
	environment->env = rocksdb_create_default_env();
	rocksdb_env_set_background_threads(environment->env, 1);
	rocksdb_env_set_high_priority_background_threads(environment->env, 1);
	environment->cache = rocksdb_cache_create_lru(memory_bytes_max - memory_bytes_max / 4);
	environment->table_options = table_options_make(environment->cache);
	environment->options = options_make(environment->env, write_buffer_bytes);
	rocksdb_options_set_block_based_table_factory(environment->options, environment->table_options);
	environment->file_options = rocksdb_envoptions_create();
	*out = environment;
	return STATUS_OK;
}

void view_environment_destroy(struct view_environment *environment)
{
	if (environment == NULL)
		return;
	rocksdb_envoptions_destroy(environment->file_options);
	rocksdb_options_destroy(environment->options);
	rocksdb_block_based_options_destroy(environment->table_options);
	rocksdb_cache_destroy(environment->cache);
	rocksdb_env_destroy(environment->env);
	mem_free(environment);
}

/* ---- errors ---- */

static status error_class(const char *message, bool opening)
{
	if (strstr(message, "No space left") != NULL || strstr(message, "NoSpace") != NULL)
		return STATUS_NO_SPACE;
	if (strstr(message, "lock ") != NULL && strncmp(message, "IO error", 8) == 0)
		return STATUS_LOCKED;
	if (strncmp(message, "Corruption", 10) == 0)
		return STATUS_DAMAGED;
	if (!opening)
		return STATUS_IO;
	/* The machine's trouble, not the directory's. */
	if (strstr(message, "Too many open files") != NULL || strstr(message, "Permission denied") != NULL ||
		strstr(message, "Input/output error") != NULL || strstr(message, "Read-only file system") != NULL)
		return STATUS_IO;
	return STATUS_DAMAGED;
}

status rocks_error(char *message, bool opening, const char *doing, const char *dir)
{
	status code = error_class(message, opening);
	(void)error_raise(code, "%s %s: %s", doing, dir, message);
	rocksdb_free(message);
	if (code == STATUS_DAMAGED)
		error_hint("The view can be rebuilt from the log.");
	return code;
}
