/* The verbs that change definitions. Each checks, appends one record to the catalog topic, and applies it:
 * what is in the log happened, what is not did not.
 */
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"
#include "replay/engine_internal.h"

static status unknown_view(const char *view)
{
	status code = error_raise(STATUS_UNKNOWN_RELATION, "view \"%s\" does not exist", view);
	error_hint("SELECT * FROM kappa.views lists the views.");
	return code;
}

static status unknown_version(const char *view, int64_t number)
{
	status code = error_raise(STATUS_NOT_FOUND, "view \"%s\" has no version %lld", view, (long long)number);
	error_hint("SELECT * FROM kappa.versions WHERE view = '%s' lists its versions.", view);
	error_sqlstate("42704");
	return code;
}

static status record(struct engine *engine, json_t *json)
{
	INVARIANT(json != NULL);
	status code = engine_record(engine, json, NULL, 0);
	json_decref(json);
	return code;
}

/* ---- tables ---- */

static status table_topic(struct engine *engine, struct table_entry *table)
{
	const struct topic *topic;
	if (topic_find(engine->log, table->table.topic, &topic) != STATUS_OK) {
		struct topic_config config = topic_config_default();
		if (table->partitions != 0)
			config.partitions = table->partitions;
		status code = topic_create(engine->log, table->table.topic, &config);
		if (code != STATUS_OK && code != STATUS_EXISTS)
			return code;
		code = topic_find(engine->log, table->table.topic, &topic);
		if (code != STATUS_OK)
			return code;
	}
	if (topic->config->internal)
		return error_raise(STATUS_INVALID, "topic \"%s\" is internal", topic->name);
	if (table->partitions != 0 && table->partitions != topic->config->partitions) {
		status code = error_raise(STATUS_INVALID, "topic \"%s\" has %d partitions, not %d", topic->name,
			topic->config->partitions, table->partitions);
		error_hint("Leave the option partitions out, or give the table another topic.");
		return code;
	}
	table->incarnation = topic->incarnation;
	return STATUS_OK;
}

static status create_table_locked(struct engine *engine, const struct sql_statement *statement)
{
	const char *name = statement->create_table.name.name;
	struct catalog *catalog = engine_catalog(engine);
	bool taken = catalog_table(catalog, name) != NULL || catalog_view(catalog, name) != NULL;
	bool full = catalog->table_count >= CATALOG_TABLES_MAX;
	catalog_release(catalog);
	if (taken) {
		status code = error_raise(STATUS_EXISTS, "relation \"%s\" already exists", name);
		error_sqlstate("42P07");
		return code;
	}
	if (full)
		return error_raise(
			STATUS_TOO_LARGE, "there are %d tables already, the most there may be", CATALOG_TABLES_MAX);
	struct table_entry *table;
	status code = table_create(statement, &table);
	if (code != STATUS_OK)
		return code;
	code = table_topic(engine, table);
	if (code == STATUS_OK)
		code = record(engine, catalog_record_create_table(table));
	table_release(table);
	return code;
}

status engine_create_table(struct engine *engine, const struct sql_statement *statement)
{
	pthread_mutex_lock(&engine->ddl);
	status code = create_table_locked(engine, statement);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

static bool version_names(const struct version *version, const char *name, int64_t number)
{
	for (size_t i = 0; i < version->definition.use_count; i++) {
		const struct version_use *use = &version->definition.uses[i];
		if (strcmp(use->name, name) == 0 && (number == 0 || use->version == number))
			return true;
	}
	return false;
}

/* Names the versions (other than those of `except`) that read `name` (any version of it when number is 0). */
static bool find_dependents(
	const struct catalog *catalog, const char *name, int64_t number, const char *except, struct buffer *names)
{
	for (size_t i = 0; i < catalog->view_count; i++) {
		const struct catalog_view *view = &catalog->views[i];
		if (except != NULL && strcmp(view->name, except) == 0)
			continue;
		for (size_t j = 0; j < view->version_count; j++)
			if (version_names(view->versions[j], name, number))
				buffer_printf(names, "%s%s@%lld", names->size != 0 ? ", " : "", view->name,
					(long long)view->versions[j]->definition.number);
	}
	return names->size != 0;
}

static status drop_table_locked(struct engine *engine, const struct catalog *catalog, const char *name)
{
	if (catalog_table(catalog, name) == NULL)
		return error_raise(STATUS_UNKNOWN_RELATION, "table \"%s\" does not exist", name);
	struct buffer names;
	buffer_init(&names);
	if (find_dependents(catalog, name, 0, NULL, &names)) {
		status code = error_raise(STATUS_DEPENDENT, "cannot drop table \"%s\": it is read by %.*s", name,
			(int)names.size, (const char *)names.data);
		error_hint("Drop those views first.");
		buffer_deinit(&names);
		return code;
	}
	buffer_deinit(&names);
	return record(engine, json_pack("{s:s, s:s}", "op", "drop_table", "name", name));
}

status engine_drop_table(struct engine *engine, const char *name)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = drop_table_locked(engine, catalog, name);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

/* ---- promotion ---- */

static bool item_present(const struct promotion_item *items, size_t count, const char *view)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].view, view) == 0)
			return true;
	return false;
}

/* The version and, within its deployment, everything it reads or that reads it, directly or through others.
 */
static struct promotion_item *promotion_closure(
	const struct catalog *catalog, const struct version *first, size_t *count)
{
	struct promotion_item *items = mem_alloc(catalog->view_count * sizeof *items);
	*count = 0;
	items[(*count)++] =
		(struct promotion_item){(char *)(uintptr_t)first->definition.view, first->definition.number, 0};
	for (size_t done = 0; done < *count; done++) {
		const struct version *member = catalog_version(catalog, items[done].view, items[done].version);
		for (size_t i = 0; i < catalog->view_count; i++) {
			const struct catalog_view *view = &catalog->views[i];
			for (size_t j = 0; j < view->version_count; j++) {
				const struct version_definition *other = &view->versions[j]->definition;
				bool linked =
					version_names(member, other->view, other->number) ||
					version_names(view->versions[j], member->definition.view, member->definition.number);
				if (other->deployment == first->definition.deployment && linked &&
					!item_present(items, *count, other->view))
					items[(*count)++] = (struct promotion_item){view->name, other->number, 0};
			}
		}
	}
	for (size_t i = 0; i < *count; i++)
		items[i].from = catalog_view(catalog, items[i].view)->live;
	return items;
}

static status check_caught_up(const struct catalog *catalog, const struct promotion_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct version *version = catalog_version(catalog, items[i].view, items[i].version);
		if (version == NULL)
			return unknown_version(items[i].view, items[i].version);
		if (atomic_load(&version->failed)) {
			pthread_mutex_lock(&version->status_lock);
			struct error failure = version->failure;
			pthread_mutex_unlock(&version->status_lock);
			return error_raise(STATUS_NOT_READY, "%s@%lld has failed: %s", items[i].view,
				(long long)items[i].version, failure.text);
		}
		if (!atomic_load(&version->caught_up)) {
			status code = error_raise(STATUS_NOT_READY, "%s@%lld is still replaying: %lld of %lld records",
				items[i].view, (long long)items[i].version, (long long)atomic_load(&version->records_done),
				(long long)atomic_load(&version->records_total));
			error_hint("Wait until it is caught up; SELECT * FROM kappa.replays shows progress and ETA.");
			return code;
		}
	}
	return STATUS_OK;
}

static struct version *newest_caught_up(const struct catalog_view *view)
{
	for (size_t i = view->version_count; i > 0; i--) {
		struct version *version = view->versions[i - 1];
		if (atomic_load(&version->caught_up) && !atomic_load(&version->failed))
			return version;
	}
	return NULL;
}

/* Durable before it is announced: the views' own unsynced commits are made so too. */
static status sync_versions(const struct catalog *catalog, const struct promotion_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct version *version = catalog_version(catalog, items[i].view, items[i].version);
		status code = view_store_sync(version->store);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

static status promote_locked(
	struct engine *engine, const struct catalog *catalog, const char *name, int64_t number, int64_t *promoted)
{
	const struct catalog_view *view = catalog_view(catalog, name);
	if (view == NULL)
		return unknown_view(name);
	struct version *version = number != 0 ? catalog_version(catalog, name, number) : newest_caught_up(view);
	if (version == NULL && number != 0)
		return unknown_version(name, number);
	if (version == NULL)
		return error_raise(STATUS_NOT_READY, "view \"%s\" has no version that is caught up", name);
	number = version->definition.number;
	if (view->live == number) {
		*promoted = number; /* nothing to do, and saying so twice is not a mistake */
		return STATUS_OK;
	}
	size_t count;
	struct promotion_item *items = promotion_closure(catalog, version, &count);
	status code = check_caught_up(catalog, items, count);
	if (code == STATUS_OK)
		code = sync_versions(catalog, items, count);
	if (code == STATUS_OK)
		code = record(engine, catalog_record_promote("promote", items, count, clock_wall_ms()));
	mem_free(items);
	if (code == STATUS_OK)
		*promoted = number;
	return code;
}

status engine_promote(struct engine *engine, const char *view, int64_t version, int64_t *promoted)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = promote_locked(engine, catalog, view, version, promoted);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

static bool promotion_holds(
	const struct catalog *catalog, const struct promotion *promotion, const char *name)
{
	for (size_t i = 0; i < promotion->item_count; i++) {
		const struct promotion_item *item = &promotion->items[i];
		const struct catalog_view *view = catalog_view(catalog, item->view);
		if (strcmp(item->view, name) == 0 && view != NULL && view->live == item->version && item->from != 0)
			return true;
	}
	return false;
}

static status rollback_locked(
	struct engine *engine, const struct catalog *catalog, const char *name, int64_t *version)
{
	if (catalog_view(catalog, name) == NULL)
		return unknown_view(name);
	size_t index = catalog->promotion_count;
	while (index > 0 && !promotion_holds(catalog, &catalog->promotions[index - 1], name))
		index--;
	if (index == 0)
		return error_raise(STATUS_INVALID, "view \"%s\" has no promotion to roll back", name);
	const struct promotion *promotion = &catalog->promotions[--index];
	struct promotion_item *items = mem_alloc(promotion->item_count * sizeof *items);
	size_t count = 0;
	for (size_t i = 0; i < promotion->item_count; i++) {
		const struct promotion_item *item = &promotion->items[i];
		const struct catalog_view *view = catalog_view(catalog, item->view);
		if (view == NULL || view->live != item->version || item->from == 0)
			continue; /* dropped, moved on since, or new with that deployment */
		items[count++] = (struct promotion_item){item->view, item->from, item->version};
		if (strcmp(item->view, name) == 0)
			*version = item->from;
	}
	status code = check_caught_up(catalog, items, count);
	if (code == STATUS_OK) {
		json_t *json = catalog_record_promote("rollback", items, count, clock_wall_ms());
		json_object_set_new(json, "undoes", json_integer((json_int_t)index));
		code = record(engine, json);
	}
	mem_free(items);
	return code;
}

status engine_rollback(struct engine *engine, const char *view, int64_t *version)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = rollback_locked(engine, catalog, view, version);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

/* ---- dropping ---- */

static status drop_version_locked(
	struct engine *engine, const struct catalog *catalog, const char *name, int64_t number)
{
	const struct catalog_view *view = catalog_view(catalog, name);
	struct version *version = catalog_version(catalog, name, number);
	if (version == NULL)
		return unknown_version(name, number);
	if (view->live == number && view->version_count > 1) {
		status code = error_raise(STATUS_INVALID, "%s@%lld is live", name, (long long)number);
		error_hint("Promote or roll back to another version first, or drop the whole view.");
		return code;
	}
	struct buffer names;
	buffer_init(&names);
	if (find_dependents(catalog, name, number, NULL, &names)) {
		status code = error_raise(STATUS_DEPENDENT, "cannot drop %s@%lld: it is read by %.*s", name,
			(long long)number, (int)names.size, (const char *)names.data);
		error_hint("Drop those versions first.");
		buffer_deinit(&names);
		return code;
	}
	buffer_deinit(&names);
	atomic_store(&version->paused, false);
	return record(engine,
		json_pack("{s:s, s:s, s:I}", "op", "drop_version", "view", name, "version", (json_int_t)number));
}

/* Views that read `name`, and those that read them, are put into `list` before it. */
static void collect_dependents(const struct catalog *catalog, const char *name, json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
			return;
	json_array_append_new(list, json_string(name));
	for (size_t i = 0; i < catalog->view_count; i++) {
		const struct catalog_view *view = &catalog->views[i];
		for (size_t j = 0; j < view->version_count; j++)
			if (version_names(view->versions[j], name, 0))
				collect_dependents(catalog, view->name, list);
	}
}

static status drop_view_locked(
	struct engine *engine, const struct catalog *catalog, const char *name, bool cascade)
{
	if (catalog_view(catalog, name) == NULL)
		return unknown_view(name);
	struct buffer names;
	buffer_init(&names);
	bool dependents = find_dependents(catalog, name, 0, name, &names);
	if (dependents && !cascade) {
		status code = error_raise(STATUS_DEPENDENT, "cannot drop view \"%s\": it is read by %.*s", name,
			(int)names.size, (const char *)names.data);
		error_hint("Use DROP MATERIALIZED VIEW … CASCADE to drop those too.");
		buffer_deinit(&names);
		return code;
	}
	buffer_deinit(&names);
	json_t *list = json_array();
	collect_dependents(catalog, name, list);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct catalog_view *view = catalog_view(catalog, json_string_value(json_array_get(list, i)));
		for (size_t j = 0; j < view->version_count; j++)
			atomic_store(&view->versions[j]->paused, false);
	}
	return record(engine, json_pack("{s:s, s:o}", "op", "drop_views", "views", list));
}

status engine_drop_view(struct engine *engine, const char *view, int64_t version, bool cascade)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = version != 0 ? drop_version_locked(engine, catalog, view, version)
							   : drop_view_locked(engine, catalog, view, cascade);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

status engine_pause(struct engine *engine, const char *view, int64_t number, bool pause)
{
	struct catalog *catalog = engine_catalog(engine);
	struct version *version = catalog_version(catalog, view, number);
	status code = STATUS_OK;
	if (version == NULL)
		code = unknown_version(view, number);
	else if (pause && atomic_load(&version->caught_up))
		code = error_raise(
			STATUS_INVALID, "%s@%lld is caught up; only a replay can be paused", view, (long long)number);
	else
		atomic_store(&version->paused, pause);
	catalog_release(catalog);
	engine_wake(engine);
	return code;
}
