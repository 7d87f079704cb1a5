#include "replay/version.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "replay/catalog.h"

static void copy_uses(struct version *version, const struct version_use *uses, size_t count)
{
	struct version_use *copy = arena_alloc(&version->arena, count * sizeof *copy);
	for (size_t i = 0; i < count; i++)
		copy[i] = (struct version_use){arena_copy_string(&version->arena, uses[i].name), uses[i].version};
	version->definition.uses = copy;
	version->definition.use_count = count;
}

struct version *version_create(const struct version_definition *definition)
{
	struct version *version = mem_alloc_zeroed(1, sizeof *version);
	arena_init(&version->arena);
	atomic_init(&version->references, 1);
	pthread_mutex_init(&version->status_lock, NULL);
	version->definition = *definition;
	version->definition.view = arena_copy_string(&version->arena, definition->view);
	version->definition.query = arena_copy_string(&version->arena, definition->query);
	copy_uses(version, definition->uses, definition->use_count);
	struct version_target *targets = arena_alloc(&version->arena, definition->target_count * sizeof *targets);
	for (size_t i = 0; i < definition->target_count; i++) {
		targets[i] = definition->targets[i];
		targets[i].topic = arena_copy_string(&version->arena, definition->targets[i].topic);
	}
	version->definition.targets = targets;
	return version;
}

struct version *version_retain(struct version *version)
{
	atomic_fetch_add(&version->references, 1);
	return version;
}

void version_release(struct version *version)
{
	if (version == NULL || atomic_fetch_sub(&version->references, 1) != 1)
		return;
	if (version->commit != NULL)
		view_commit_abandon(version->commit);
	circuit_destroy(version->circuit);
	view_store_close(version->store);
	if (version->dir != NULL && atomic_load(&version->dropped) &&
		view_store_destroy(version->dir) != STATUS_OK)
		diag(DIAG_WARN, "replay", "drop_left_files", "dir=\"%s\" error=\"%s\"", version->dir,
			error_current()->text);
	for (size_t i = 0; i < version->input_count; i++) {
		table_release(version->inputs[i].table);
		mem_free(version->inputs[i].wanted);
	}
	mem_free(version->inputs);
	mem_free(version->source_inputs);
	mem_free(version->missed);
	mem_free(version->dir);
	pthread_mutex_destroy(&version->status_lock);
	arena_deinit(&version->arena);
	mem_free(version);
}

/* ---- binding ---- */

static size_t input_of(struct version *version, struct table_entry *table)
{
	for (size_t i = 0; i < version->input_count; i++)
		if (version->inputs[i].table == table)
			return i;
	version->inputs = mem_resize(version->inputs, (version->input_count + 1) * sizeof *version->inputs);
	version->inputs[version->input_count] = (struct version_input){
		.table = table_retain(table),
		.wanted = mem_alloc_zeroed(table->table.schema.field_count, 1),
	};
	return version->input_count++;
}

/* The circuit's sources are the plan's scans from left to right. */
static void collect_inputs(struct version *version, const struct plan *plan)
{
	if (plan->kind == PLAN_SCAN) {
		struct table_entry *table = plan->scan.handle;
		size_t input = input_of(version, table);
		for (size_t i = 0; i < plan->schema.field_count; i++)
			version->inputs[input].wanted[plan->scan.columns[i]] = 1;
		version->source_inputs =
			mem_resize(version->source_inputs, (version->source_count + 1) * sizeof *version->source_inputs);
		version->source_inputs[version->source_count++] = input;
	}
	for (size_t i = 0; i < plan->child_count; i++)
		collect_inputs(version, plan->children[i]);
}

/* Names the logic: what the plan computes, what its tables mean, how operators compute. Formatting, comments
 * and inner aliases are gone by then. */
static void compute_fingerprint(struct version *version)
{
	struct buffer text;
	buffer_init(&text);
	buffer_printf(&text, "semantics %d\n", CIRCUIT_SEMANTICS_VERSION);
	plan_canonical(version->plan, &text);
	buffer_append_string(&text, "\nkey");
	for (size_t i = 0; i < version->plan->key_count; i++)
		buffer_printf(&text, " %u", version->plan->key_columns[i]);
	buffer_append_string(&text, version->plan->has_key ? " unique\n" : " none\n");
	for (size_t i = 0; i < version->input_count; i++)
		table_canonical(version->inputs[i].table, &text);
	(void)snprintf(version->fingerprint, sizeof version->fingerprint, "%016llx%016llx",
		(unsigned long long)hash_bytes(text.data, text.size, 1),
		(unsigned long long)hash_bytes(text.data, text.size, 2));
	buffer_deinit(&text);
}

status version_bind(struct version *version, const struct catalog *catalog, struct version *const *staged,
	size_t staged_count)
{
	INVARIANT(version->plan == NULL);
	struct sql_catalog *scope = catalog_scope(catalog, version, staged, staged_count, &version->arena);
	struct sql_use *uses = NULL;
	size_t use_count = 0;
	const struct plan *plan = NULL;
	status code = sql_bind_view(version->definition.query, scope, &version->arena, &plan, &uses, &use_count);
	if (code == STATUS_OK)
		code = circuit_check(plan);
	if (code != STATUS_OK)
		return code;
	version->plan = plan;
	if (version->definition.use_count == 0) {
		struct version_use *copy = arena_alloc(&version->arena, use_count * sizeof *copy);
		for (size_t i = 0; i < use_count; i++)
			copy[i] = (struct version_use){uses[i].name, uses[i].version};
		copy_uses(version, copy, use_count);
	}
	collect_inputs(version, plan);
	compute_fingerprint(version);
	return STATUS_OK;
}

/* ---- running ---- */

char *version_directory(const struct version *version, const char *dir)
{
	struct buffer path;
	buffer_init(&path);
	buffer_printf(&path, "%s/", dir);
	for (const char *at = version->definition.view; *at != '\0'; at++) {
		if (isalnum((unsigned char)*at) || *at == '_' || *at == '-')
			buffer_append_byte(&path, (uint8_t)*at);
		else
			buffer_printf(&path, "%%%02x", (unsigned char)*at);
	}
	buffer_printf(&path, "@%lld.%lld", (long long)version->definition.number,
		(long long)version->definition.deployment);
	buffer_append_byte(&path, 0);
	return (char *)path.data;
}

status version_open(
	struct version *version, struct view_environment *environment, const char *dir, size_t memory_bytes_max)
{
	INVARIANT(version->plan != NULL && version->store == NULL);
	struct view_layout layout = {
		.schema = version->plan->schema,
		.has_key = version->plan->has_key,
		.key_columns = version->plan->key_columns,
		.key_count = version->plan->key_count,
		.fingerprint = version->fingerprint,
	};
	mem_free(version->dir);
	version->dir = version_directory(version, dir);
	status code = view_store_open(environment, version->dir, &layout, &version->store);
	if (code == STATUS_DAMAGED) {
		diag(DIAG_WARN, "replay", "view_rebuilt", "view=%s version=%lld reason=\"%s\"",
			version->definition.view, (long long)version->definition.number, error_current()->text);
		code = view_store_destroy(version->dir);
		if (code == STATUS_OK)
			code = view_store_open(environment, version->dir, &layout, &version->store);
	}
	if (code != STATUS_OK)
		return error_note(code, "while opening view %s version %lld", version->definition.view,
			(long long)version->definition.number);
	struct circuit_options options = {
		.store = view_store_state(version->store),
		.store_empty = view_store_is_empty(version->store),
		.memory_bytes_max = memory_bytes_max,
	};
	code = circuit_create(version->plan, &options, &version->circuit);
	if (code != STATUS_OK)
		return code;
	INVARIANT(circuit_source_count(version->circuit) == version->source_count);
	atomic_store(&version->memory_bytes, circuit_memory_bytes(version->circuit));
	return STATUS_OK;
}

static void missed_add(struct version *version, const struct topic *topic, int32_t partition, int64_t count)
{
	atomic_fetch_add(&version->missed_records, count);
	for (size_t i = 0; i < version->missed_count; i++)
		if (version->missed[i].topic == topic && version->missed[i].partition == partition) {
			version->missed[i].count += count;
			return;
		}
	version->missed = mem_resize(version->missed, (version->missed_count + 1) * sizeof *version->missed);
	version->missed[version->missed_count++] = (struct version_missed){topic, partition, count};
}

void version_miss(
	struct version *version, const struct topic *topic, int32_t partition, int64_t from, int64_t to)
{
	missed_add(version, topic, partition, to - from);
	diag(DIAG_WARN, "replay", "history_trimmed",
		"view=%s version=%lld topic=%s partition=%d from=%lld to=%lld note=\"the log starts there: these "
		"offsets are missing from the view\"",
		version->definition.view, (long long)version->definition.number, topic->name, partition,
		(long long)from, (long long)to);
}

int64_t version_missed(const struct version *version, const struct topic *topic, int32_t partition)
{
	for (size_t i = 0; i < version->missed_count; i++)
		if (version->missed[i].topic == topic && version->missed[i].partition == partition)
			return version->missed[i].count;
	return 0;
}

void version_missed_restore(
	struct version *version, const struct topic *topic, const struct offset_entry *stored)
{
	if (stored->missed > 0)
		missed_add(version, topic, stored->partition, stored->missed);
}

void version_missed_clear(struct version *version)
{
	version->missed_count = 0;
	atomic_store(&version->missed_records, 0);
}

void version_fail(struct version *version, const struct error *error)
{
	pthread_mutex_lock(&version->status_lock);
	version->failure = *error;
	pthread_mutex_unlock(&version->status_lock);
	atomic_store(&version->failed, true);
	diag(DIAG_ERROR, "replay", "version_failed", "view=%s version=%lld error=\"%s\"",
		version->definition.view, (long long)version->definition.number, error->text);
}

void version_measure_rate(struct version *version, int64_t now_ns)
{
	int64_t read = atomic_load(&version->records_read);
	pthread_mutex_lock(&version->status_lock);
	int64_t elapsed_ns = now_ns - version->rate_at_ns;
	if (version->rate_at_ns == 0) {
		version->rate_at_ns = now_ns;
		version->rate_records = read;
	} else if (elapsed_ns >= 500 * INT64_C(1000000)) {
		double rate = (double)(read - version->rate_records) * 1e9 / (double)elapsed_ns;
		bool first = version->records_per_second <= 0;
		version->records_per_second = first ? rate : 0.5 * rate + 0.5 * version->records_per_second;
		if (read == version->rate_records)
			version->records_per_second = 0;
		version->rate_at_ns = now_ns;
		version->rate_records = read;
	}
	pthread_mutex_unlock(&version->status_lock);
}
