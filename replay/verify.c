/* Verify: a replay from offset zero into a scratch directory, through the same group code, up to the vector
 * the served version stands at; then the digests must be equal. Runs on the caller's thread.
 */
#include <string.h>

#include "base/clock.h"
#include "replay/engine_internal.h"

enum { VERIFY_STEP_BYTES_MAX = 96 * 1024 * 1024 };

struct verification {
	struct engine *engine;
	struct publication *publication;
	struct version *served;
	struct view_snapshot *snapshot;
	void (*progress)(void *context, int64_t done, int64_t total);
	void *context;
};

static int64_t target_offset(const struct offset_vector *offsets, const struct group_input *input)
{
	for (size_t i = 0; i < offsets->count; i++)
		if (offsets->entries[i].partition == input->number &&
			strcmp(offsets->entries[i].topic, input->topic->name) == 0)
			return offsets->entries[i].offset;
	return 0;
}

static void replay_to(const struct verification *verification, struct group *group, int64_t *records)
{
	const struct offset_vector *offsets = view_snapshot_offsets(verification->snapshot);
	int64_t *ends = mem_alloc_zeroed(group->input_count, sizeof *ends);
	int64_t total = 0;
	for (size_t i = 0; i < group->input_count; i++)
		total += ends[i] = target_offset(offsets, &group->inputs[i]);
	bool progressed = true;
	while (progressed) {
		group_chunk(group, ends, &progressed);
		if (group_step_bytes(group) > VERIFY_STEP_BYTES_MAX)
			group_step_finish(group);
		int64_t done = 0;
		for (size_t i = 0; i < group->input_count; i++)
			done += group->inputs[i].position;
		if (verification->progress != NULL)
			verification->progress(verification->context, done, total);
	}
	group_step_finish(group);
	mem_free(ends);
	*records = total;
}

/* A replay can only be compared with what read the same records. */
static status history_check(
	const struct verification *verification, const struct version *scratch, const struct group *group)
{
	const struct offset_vector *offsets = view_snapshot_offsets(verification->snapshot);
	for (size_t i = 0; i < group->input_count; i++) {
		const struct group_input *input = &group->inputs[i];
		int64_t missed = 0, start = version_missed(scratch, input->topic, input->number);
		for (size_t j = 0; j < offsets->count; j++)
			if (offsets->entries[j].partition == input->number &&
				strcmp(offsets->entries[j].topic, input->topic->name) == 0)
				missed = offsets->entries[j].missed;
		if (missed == start)
			continue;
		error_raise(STATUS_OUT_OF_RANGE,
			"topic \"%s\" partition %d starts at offset %lld now; the view has read records that are gone",
			input->topic->name, input->number, (long long)start);
		error_hint("A view whose topic was trimmed cannot be verified by replay; what it shows is kept.");
		return STATUS_OUT_OF_RANGE;
	}
	return STATUS_OK;
}

static status rebuild(
	const struct verification *verification, struct version *scratch, struct verify_result *out)
{
	struct engine *engine = verification->engine;
	status code = version_bind(scratch, verification->publication->catalog, NULL, 0);
	if (code != STATUS_OK)
		return code;
	char *dir = version_directory(scratch, engine->dir);
	code = view_store_destroy(dir); /* what an interrupted verification may have left */
	mem_free(dir);
	if (code == STATUS_OK)
		code = version_open(scratch, engine->environment, engine->dir, engine_circuit_budget(engine));
	if (code != STATUS_OK)
		return code;
	struct group *group = group_create(engine->log);
	code = group_add(group, scratch);
	if (code == STATUS_OK)
		code = history_check(verification, scratch, group);
	if (code == STATUS_OK)
		replay_to(verification, group, &out->records);
	group_destroy(group);
	if (code == STATUS_OK && atomic_load(&scratch->failed))
		code = error_restore(&scratch->failure);
	if (code != STATUS_OK)
		return code;
	struct view_snapshot *rebuilt = view_snapshot_take(scratch->store);
	out->rebuilt = view_snapshot_digest(rebuilt);
	out->rows_rebuilt = view_snapshot_row_count(rebuilt);
	view_snapshot_release(rebuilt);
	return STATUS_OK;
}

/* The digest of the rows as a reader gets them, not the running one: what is on disk is checked too. */
static status digest_of_rows(struct view_snapshot *snapshot, struct digest *out)
{
	const struct schema *schema = view_snapshot_schema(snapshot);
	struct relation *relation = view_snapshot_relation(snapshot);
	uint32_t *columns = mem_alloc(schema->field_count * sizeof *columns);
	for (uint32_t i = 0; i < schema->field_count; i++)
		columns[i] = i;
	struct scan_request request = {
		.columns = columns, .column_count = schema->field_count, .row_limit = UINT64_MAX};
	struct scan *scan = NULL;
	struct arena arena;
	arena_init(&arena);
	*out = (struct digest){0};
	status code = relation->open(relation, &request, &scan);
	while (code == STATUS_OK) {
		struct batch *batch;
		arena_reset(&arena);
		code = scan->next(scan, &arena, &batch);
		if (code == STATUS_OK)
			digest_add(out, batch);
	}
	if (scan != NULL)
		scan->close(scan);
	relation->release(relation);
	arena_deinit(&arena);
	mem_free(columns);
	return code == STATUS_END ? STATUS_OK : code;
}

static status verify_served(
	struct verification *verification, const char *view, int64_t number, struct verify_result *out)
{
	verification->served = catalog_version(verification->publication->catalog, view, number);
	if (verification->served == NULL)
		return error_raise(
			STATUS_UNKNOWN_RELATION, "view \"%s\" has no version %lld", view, (long long)number);
	const struct version_definition *served = &verification->served->definition;
	verification->snapshot = publication_snapshot(verification->publication, view, served->number);
	if (verification->snapshot == NULL)
		return error_raise(STATUS_NOT_READY, "%s@%lld is not caught up", view, (long long)served->number);
	struct version_definition definition = *served;
	/* Deployment numbers grow from 1: a negative one gives a directory of its own to each verification. */
	static atomic_llong verifications;
	definition.deployment = -(int64_t)atomic_fetch_add(&verifications, 1) - 1;
	struct version *scratch = version_create(&definition);
	atomic_store(&scratch->dropped, false);
	int64_t began_ns = clock_monotonic_ns();
	status code = rebuild(verification, scratch, out);
	if (code == STATUS_OK)
		code = digest_of_rows(verification->snapshot, &out->kept);
	out->seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
	atomic_store(&scratch->dropped, true); /* the last release deletes its directory */
	version_release(scratch);
	if (code != STATUS_OK)
		return error_note(code, "while verifying %s@%lld", view, (long long)served->number);
	out->version = served->number;
	out->rows_kept = view_snapshot_row_count(verification->snapshot);
	out->equal = digest_equal(out->kept, out->rebuilt) && out->rows_kept == out->rows_rebuilt &&
				 digest_equal(out->kept, view_snapshot_digest(verification->snapshot));
	return STATUS_OK;
}

status engine_verify(struct engine *engine, const char *view, int64_t number,
	void (*progress)(void *context, int64_t done, int64_t total), void *context, struct arena *arena,
	struct verify_result *out)
{
	struct verification verification = {
		.engine = engine,
		.publication = engine_publication(engine),
		.progress = progress,
		.context = context,
	};
	struct verify_result result = {.view = arena_copy_string(arena, view)};
	status code = verify_served(&verification, view, number, &result);
	publication_release(verification.publication);
	if (code == STATUS_OK)
		*out = result;
	return code;
}
