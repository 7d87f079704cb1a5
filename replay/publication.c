/* Publications: one immutable picture of definitions and rows, replaced after every live step. */
#include <string.h>

#include "base/invariant.h"
#include "replay/engine_internal.h"

struct publication *publication_create(struct log *log, struct catalog *catalog,
	struct version *const *versions, struct view_snapshot *const *snapshots, size_t count)
{
	struct publication *publication = mem_alloc_zeroed(1, sizeof *publication);
	atomic_init(&publication->references, 1);
	arena_init(&publication->arena);
	publication->log = log;
	publication->catalog = catalog_retain(catalog);
	publication->scope = catalog_scope(catalog, NULL, NULL, 0, &publication->arena);
	publication->versions = arena_copy(&publication->arena, versions, count * sizeof(struct version *));
	publication->snapshots =
		arena_copy(&publication->arena, snapshots, count * sizeof(struct view_snapshot *));
	publication->snapshot_count = count;
	return publication;
}

static struct publication *publication_retain(struct publication *publication)
{
	atomic_fetch_add(&publication->references, 1);
	return publication;
}

void publication_release(struct publication *publication)
{
	if (publication == NULL || atomic_fetch_sub(&publication->references, 1) != 1)
		return;
	/* Snapshots first: a dropped version's directory goes with the catalog's last reference to it. */
	for (size_t i = 0; i < publication->snapshot_count; i++)
		view_snapshot_release(publication->snapshots[i]);
	catalog_release(publication->catalog);
	arena_deinit(&publication->arena);
	mem_free(publication);
}

struct publication *engine_publication(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	struct publication *publication = publication_retain(engine->published);
	pthread_mutex_unlock(&engine->lock);
	return publication;
}

uint64_t publication_generation(const struct publication *publication)
{
	return publication->catalog->generation;
}

struct sql_catalog *publication_catalog(struct publication *publication)
{
	return publication->scope;
}

static struct view_snapshot *snapshot_of(const struct publication *publication, const struct version *version)
{
	for (size_t i = 0; i < publication->snapshot_count; i++)
		if (publication->versions[i] == version)
			return publication->snapshots[i];
	return NULL;
}

struct view_snapshot *publication_snapshot(struct publication *publication, const char *view, int64_t number)
{
	struct version *version = catalog_version(publication->catalog, view, number);
	return version != NULL ? snapshot_of(publication, version) : NULL;
}

int64_t publication_live_version(struct publication *publication, const char *name)
{
	const struct catalog_view *view = catalog_view(publication->catalog, name);
	return view != NULL ? view->live : 0;
}

void publication_tables(
	struct publication *publication, struct arena *arena, const struct table ***out, size_t *count)
{
	const struct catalog *catalog = publication->catalog;
	*out = arena_alloc(arena, catalog->table_count * sizeof **out);
	for (size_t i = 0; i < catalog->table_count; i++)
		(*out)[i] = &catalog->tables[i]->table;
	*count = catalog->table_count;
}

static status not_ready(struct version *version)
{
	const struct version_definition *definition = &version->definition;
	if (atomic_load(&version->failed)) {
		pthread_mutex_lock(&version->status_lock);
		struct error failure = version->failure;
		pthread_mutex_unlock(&version->status_lock);
		status code = error_raise(STATUS_NOT_READY, "view \"%s\" version %lld has stopped: %s",
			definition->view, (long long)definition->number, failure.text);
		error_hint(
			"%s", failure.hint[0] != '\0'
					  ? failure.hint
					  : "Deploy corrected logic: kappa deploy, or CREATE OR REPLACE MATERIALIZED VIEW.");
		return code;
	}
	long long done = atomic_load(&version->records_done);
	long long total = atomic_load(&version->records_total);
	status code =
		error_raise(STATUS_NOT_READY, "view \"%s\" version %lld is still replaying: %lld of %lld records",
			definition->view, (long long)definition->number, done, total);
	error_hint("SELECT * FROM kappa.replays shows progress and ETA.");
	return code;
}

status publication_open_relation(
	struct publication *publication, const struct plan *scan, struct relation **out)
{
	INVARIANT(scan->kind == PLAN_SCAN);
	if (scan->scan.version == 0) {
		struct table_entry *table = catalog_table(publication->catalog, scan->scan.name);
		if (table != NULL)
			return table_relation(publication->log, table, out);
	}
	struct version *version = catalog_version(publication->catalog, scan->scan.name, scan->scan.version);
	if (version == NULL)
		return error_raise(
			STATUS_UNKNOWN_RELATION, "relation \"%s\" does not exist any more", scan->scan.name);
	struct view_snapshot *snapshot = snapshot_of(publication, version);
	if (snapshot == NULL)
		return not_ready(version);
	*out = view_snapshot_relation(snapshot);
	return STATUS_OK;
}
