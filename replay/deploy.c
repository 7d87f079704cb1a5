/* Deployments: what a set of CREATE MATERIALIZED VIEW statements would change, and making it so.
 *
 * Every view's logic is named by the fingerprint of its plan expanded down to tables. The views of the
 * statements, and all views that read a view whose logic changes, are bound again against the staged
 * versions; those whose fingerprint differs from their live version's become new versions of one deployment.
 * Hence formatting changes nothing, and what depends on a change is staged with it, by one rule. A deployment
 * that would make what an earlier one has made already, version for version, makes nothing either.
 */
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"
#include "replay/engine_internal.h"

struct staging {
	struct engine *engine;
	const struct catalog *catalog;
	struct arena *arena;
	struct version **versions; /* staged so far: new or changed, bound */
	struct deploy_item *items;
	size_t count; /* of versions */
	size_t item_count;
	size_t capacity;
	int64_t deployment;
	int64_t time_ms; /* one for the record and its versions */
	bool replaces;   /* some view that exists gets a new version */
};

static struct version *staged_version(const struct staging *staging, const char *view)
{
	for (size_t i = 0; i < staging->count; i++)
		if (strcmp(staging->versions[i]->definition.view, view) == 0)
			return staging->versions[i];
	return NULL;
}

static bool item_listed(const struct staging *staging, const char *view)
{
	for (size_t i = 0; i < staging->item_count; i++)
		if (strcmp(staging->items[i].view, view) == 0)
			return true;
	return false;
}

static void list_item(struct staging *staging, const struct deploy_item *item)
{
	INVARIANT(staging->item_count < staging->capacity);
	staging->items[staging->item_count] = *item;
	staging->items[staging->item_count++].view = arena_copy_string(staging->arena, item->view);
}

/* All partitions of all topics, up to where what is decided reaches now: an open transaction holds up no
 * replay. */
static void freeze_targets(struct engine *engine, struct version *version)
{
	size_t capacity = 0;
	struct version_target *targets = NULL;
	size_t count = 0;
	for (size_t i = 0; i < version->input_count; i++) {
		const struct topic *topic;
		if (topic_find(engine->log, version->inputs[i].table->table.topic, &topic) != STATUS_OK)
			continue;
		bool seen = false;
		for (size_t j = 0; j < count; j++)
			seen = seen || strcmp(targets[j].topic, topic->name) == 0;
		for (int32_t number = 0; !seen && number < topic->config->partitions; number++) {
			if (count == capacity) {
				capacity = capacity == 0 ? 8 : capacity * 2;
				targets = mem_resize(targets, capacity * sizeof *targets);
			}
			targets[count++] = (struct version_target){arena_copy_string(&version->arena, topic->name),
				number, partition_last_stable_offset(topic_partition(topic, number))};
		}
	}
	int64_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += targets[i].offset;
	version->definition.targets = arena_copy(&version->arena, targets, count * sizeof *targets);
	version->definition.target_count = count;
	atomic_store(&version->records_total, total);
	mem_free(targets);
}

/* Binds `query` as the next version of `view`; keeps it when its logic differs from the live version's. */
static status stage(struct staging *staging, const char *name, const char *query, enum deploy_action action,
	const char *reason)
{
	const struct catalog_view *view = catalog_view(staging->catalog, name);
	const struct version *live = catalog_version(staging->catalog, name, 0);
	struct version_definition definition = {
		.view = name,
		.number = view != NULL ? view->next_version : 1,
		.query = query,
		.deployment = staging->deployment,
		.from = live != NULL ? live->definition.number : 0,
		.created_ms = staging->time_ms,
	};
	if (view != NULL && view->version_count >= CATALOG_VERSIONS_MAX)
		return error_raise(
			STATUS_TOO_LARGE, "view \"%s\" has %d versions; drop some first", name, CATALOG_VERSIONS_MAX);
	struct version *version = version_create(&definition);
	status code = version_bind(version, staging->catalog, staging->versions, staging->count);
	if (code != STATUS_OK) {
		version_release(version);
		if (action == DEPLOY_DEPENDENT)
			return error_note(code, "view \"%s\" reads what this deployment changes, and would break", name);
		return error_note(code, "in the definition of view \"%s\"", name);
	}
	struct deploy_item item = {name, definition.number, definition.from, action, reason};
	if (live != NULL && strcmp(live->fingerprint, version->fingerprint) == 0) {
		version_release(version);
		if (action == DEPLOY_DEPENDENT)
			return STATUS_OK; /* untouched by the change: not worth a line */
		item.version = live->definition.number;
		item.action = DEPLOY_UNCHANGED;
		item.reason = "same logic";
		list_item(staging, &item);
		return STATUS_OK;
	}
	freeze_targets(staging->engine, version);
	staging->versions[staging->count++] = version;
	staging->replaces = staging->replaces || view != NULL;
	list_item(staging, &item);
	return STATUS_OK;
}

static status stage_statement(
	struct staging *staging, const struct sql_statement *statement, bool allow_replace)
{
	const char *name = statement->create_view.name.name;
	if (catalog_table(staging->catalog, name) != NULL) {
		status code = error_raise(STATUS_EXISTS, "\"%s\" is a table", name);
		error_sqlstate("42P07");
		return code;
	}
	if (statement->create_view.name.version != 0)
		return error_raise(STATUS_INVALID,
			"a version number is given by the deployment, not by its author: write \"%s\"", name);
	if (item_listed(staging, name))
		return error_raise(STATUS_INVALID, "view \"%s\" is defined twice in one deployment", name);
	const struct catalog_view *view = catalog_view(staging->catalog, name);
	if (view == NULL && staging->catalog->view_count >= CATALOG_VIEWS_MAX)
		return error_raise(
			STATUS_TOO_LARGE, "there are %d views already, the most there may be", CATALOG_VIEWS_MAX);
	if (view != NULL && !allow_replace && !statement->create_view.or_replace) {
		if (statement->create_view.if_not_exists) {
			struct deploy_item item = {name, view->live, view->live, DEPLOY_UNCHANGED, "exists already"};
			list_item(staging, &item);
			return STATUS_OK;
		}
		status code = error_raise(STATUS_EXISTS, "relation \"%s\" already exists", name);
		error_sqlstate("42P07");
		error_hint("CREATE OR REPLACE MATERIALIZED VIEW deploys a new version beside the live one.");
		return code;
	}
	status code = stage(staging, name, statement->create_view.query,
		view != NULL ? DEPLOY_REPLACE : DEPLOY_CREATE, view != NULL ? "logic changed" : "new view");
	if (code != STATUS_OK && error_current()->position > 0 && statement->create_view.query_position > 0) {
		/* the position is within the query: make it one of the script */
		error_position(
			error_current()->position + statement->create_view.query_position + statement->text_position - 1);
	}
	return code;
}

/* Live versions that read, directly, a view staged here. One pass stages one more layer; layers end. */
static status stage_dependents(struct staging *staging)
{
	bool grew = true;
	while (grew) {
		grew = false;
		for (size_t i = 0; i < staging->catalog->view_count; i++) {
			const struct catalog_view *view = &staging->catalog->views[i];
			const struct version *live = catalog_version(staging->catalog, view->name, 0);
			if (live == NULL || item_listed(staging, view->name))
				continue;
			const struct version *changed = NULL;
			for (size_t j = 0; j < live->definition.use_count && changed == NULL; j++)
				if (live->definition.uses[j].version != 0)
					changed = staged_version(staging, live->definition.uses[j].name);
			if (changed == NULL)
				continue;
			size_t before = staging->count;
			status code = stage(staging, view->name, live->definition.query, DEPLOY_DEPENDENT,
				arena_printf(staging->arena, "reads %s@%lld", changed->definition.view,
					(long long)changed->definition.number));
			if (code != STATUS_OK)
				return code;
			grew = grew || staging->count > before;
		}
	}
	return STATUS_OK;
}

/* The newest version of that view with the same logic, or NULL. One that failed is worth another try. */
static const struct version *twin_of(const struct staging *staging, const struct version *version)
{
	const struct catalog_view *view = catalog_view(staging->catalog, version->definition.view);
	for (size_t i = view != NULL ? view->version_count : 0; i > 0; i--) {
		const struct version *other = view->versions[i - 1];
		if (strcmp(other->fingerprint, version->fingerprint) == 0 && !atomic_load(&other->failed))
			return other;
	}
	return NULL;
}

static size_t deployment_size(const struct catalog *catalog, int64_t deployment)
{
	size_t size = 0;
	for (size_t i = 0; i < catalog->view_count; i++)
		for (size_t j = 0; j < catalog->views[i].version_count; j++)
			size += catalog->views[i].versions[j]->definition.deployment == deployment;
	return size;
}

/* Is all of this there already, waiting beside what is live, as exactly one deployment? Deploying the same
 * script twice then replays nothing twice. */
static bool deployed_before(const struct staging *staging)
{
	int64_t deployment = 0;
	for (size_t i = 0; i < staging->count; i++) {
		const struct version *twin = twin_of(staging, staging->versions[i]);
		if (twin == NULL || (i != 0 && twin->definition.deployment != deployment))
			return false;
		deployment = twin->definition.deployment;
	}
	return staging->count != 0 && deployment_size(staging->catalog, deployment) == staging->count;
}

/* Lists the versions that are there instead of those staged, and stages nothing. */
static void keep_deployed(struct staging *staging)
{
	for (size_t i = 0; i < staging->item_count; i++) {
		struct deploy_item *item = &staging->items[i];
		const struct version *staged = staged_version(staging, item->view);
		if (staged == NULL)
			continue;
		item->version = twin_of(staging, staged)->definition.number;
		item->action = DEPLOY_UNCHANGED;
		item->reason = arena_printf(staging->arena, "deployed before; promote version %lld to make it live",
			(long long)item->version);
	}
	for (size_t i = 0; i < staging->count; i++)
		version_release(staging->versions[i]);
	staging->count = 0;
}

static status commit(struct staging *staging)
{
	/* New views alone go live at once; with replaced ones they wait for the promotion. */
	json_t *record = catalog_record_deploy(
		staging->versions, staging->count, staging->deployment, !staging->replaces, staging->time_ms);
	status code = engine_record(staging->engine, record, staging->versions, staging->count);
	json_decref(record);
	if (code == STATUS_OK)
		engine_submit(staging->engine, staging->versions, staging->count);
	return code;
}

static status deploy_locked(struct engine *engine, const struct catalog *catalog,
	const struct deploy_request *request, struct arena *arena, struct deploy_result *out)
{
	struct staging staging = {
		.engine = engine,
		.catalog = catalog,
		.arena = arena,
		.capacity = request->statement_count + catalog->view_count,
		.deployment = catalog->next_deployment,
		.time_ms = clock_wall_ms(),
	};
	staging.versions = mem_alloc_zeroed(staging.capacity, sizeof(struct version *));
	staging.items = arena_alloc_zeroed(arena, staging.capacity * sizeof *staging.items);
	status code = STATUS_OK;
	for (size_t i = 0; code == STATUS_OK && i < request->statement_count; i++)
		code = stage_statement(&staging, request->statements[i], request->allow_replace);
	if (code == STATUS_OK)
		code = stage_dependents(&staging);
	if (code == STATUS_OK && deployed_before(&staging))
		keep_deployed(&staging);
	if (code == STATUS_OK && !request->plan_only && staging.count != 0)
		code = commit(&staging);
	for (size_t i = 0; i < staging.count; i++)
		version_release(staging.versions[i]);
	if (code == STATUS_OK)
		*out = (struct deploy_result){
			.deployment = request->plan_only || staging.count == 0 ? 0 : staging.deployment,
			.items = staging.items,
			.item_count = staging.item_count,
		};
	mem_free(staging.versions);
	return code;
}

status engine_deploy(struct engine *engine, const struct deploy_request *request, struct arena *arena,
	struct deploy_result *out)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = deploy_locked(engine, catalog, request, arena, out);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

const char *deploy_action_name(enum deploy_action action)
{
	static const char *const names[] = {"create", "replace", "dependent", "unchanged"};
	return names[action];
}
