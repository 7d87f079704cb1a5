#include "replay/catalog.h"

#include <string.h>

#include "base/invariant.h"

struct catalog *catalog_create(void)
{
	struct catalog *catalog = mem_alloc_zeroed(1, sizeof *catalog);
	atomic_init(&catalog->references, 1);
	catalog->next_deployment = 1;
	return catalog;
}

struct catalog *catalog_retain(struct catalog *catalog)
{
	atomic_fetch_add(&catalog->references, 1);
	return catalog;
}

static void promotion_deinit(struct promotion *promotion)
{
	for (size_t i = 0; i < promotion->item_count; i++)
		mem_free(promotion->items[i].view);
	mem_free(promotion->items);
}

static void view_deinit(struct catalog_view *view)
{
	for (size_t i = 0; i < view->version_count; i++)
		version_release(view->versions[i]);
	mem_free(view->versions);
	mem_free(view->name);
}

void catalog_release(struct catalog *catalog)
{
	if (catalog == NULL || atomic_fetch_sub(&catalog->references, 1) != 1)
		return;
	for (size_t i = 0; i < catalog->table_count; i++)
		table_release(catalog->tables[i]);
	for (size_t i = 0; i < catalog->view_count; i++)
		view_deinit(&catalog->views[i]);
	for (size_t i = 0; i < catalog->promotion_count; i++)
		promotion_deinit(&catalog->promotions[i]);
	for (size_t i = 0; i < catalog->user_count; i++)
		user_release(catalog->users[i]);
	mem_free(catalog->users);
	mem_free(catalog->tables);
	mem_free(catalog->views);
	mem_free(catalog->promotions);
	mem_free(catalog);
}

static struct promotion promotion_copy(const struct promotion_item *items, size_t count)
{
	struct promotion copy = {mem_alloc_zeroed(count, sizeof *copy.items), count};
	for (size_t i = 0; i < count; i++) {
		copy.items[i] = items[i];
		copy.items[i].view = mem_copy_string(items[i].view);
	}
	return copy;
}

struct catalog *catalog_copy(const struct catalog *catalog)
{
	struct catalog *copy = catalog_create();
	copy->generation = catalog->generation + 1;
	copy->next_deployment = catalog->next_deployment;
	copy->tables = mem_alloc_zeroed(catalog->table_count, sizeof *copy->tables);
	for (size_t i = 0; i < catalog->table_count; i++)
		copy->tables[i] = table_retain(catalog->tables[i]);
	copy->table_count = catalog->table_count;
	copy->views = mem_alloc_zeroed(catalog->view_count, sizeof *copy->views);
	for (size_t i = 0; i < catalog->view_count; i++) {
		const struct catalog_view *from = &catalog->views[i];
		struct catalog_view *to = &copy->views[i];
		*to = *from;
		to->name = mem_copy_string(from->name);
		to->versions = mem_alloc_zeroed(from->version_count, sizeof(struct version *));
		for (size_t j = 0; j < from->version_count; j++)
			to->versions[j] = version_retain(from->versions[j]);
	}
	copy->view_count = catalog->view_count;
	copy->promotions = mem_alloc_zeroed(catalog->promotion_count, sizeof *copy->promotions);
	for (size_t i = 0; i < catalog->promotion_count; i++)
		copy->promotions[i] = promotion_copy(catalog->promotions[i].items, catalog->promotions[i].item_count);
	copy->promotion_count = catalog->promotion_count;
	copy->users = mem_alloc_zeroed(catalog->user_count + 1, sizeof(struct user *));
	for (size_t i = 0; i < catalog->user_count; i++)
		copy->users[i] = user_retain(catalog->users[i]);
	copy->user_count = catalog->user_count;
	memcpy(copy->user_secret, catalog->user_secret, sizeof copy->user_secret);
	return copy;
}

struct table_entry *catalog_table(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->table_count; i++)
		if (strcmp(catalog->tables[i]->table.name, name) == 0)
			return catalog->tables[i];
	return NULL;
}

struct catalog_view *catalog_view(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->view_count; i++)
		if (strcmp(catalog->views[i].name, name) == 0)
			return &catalog->views[i];
	return NULL;
}

struct version *catalog_version(const struct catalog *catalog, const char *name, int64_t number)
{
	const struct catalog_view *view = catalog_view(catalog, name);
	if (view == NULL)
		return NULL;
	if (number == 0)
		number = view->live;
	for (size_t i = 0; i < view->version_count; i++)
		if (view->versions[i]->definition.number == number)
			return view->versions[i];
	return NULL;
}

/* ---- changes ---- */

static void insert_table(struct catalog *catalog, struct table_entry *table)
{
	size_t at = 0;
	while (at < catalog->table_count && strcmp(catalog->tables[at]->table.name, table->table.name) < 0)
		at++;
	catalog->tables = mem_resize(catalog->tables, (catalog->table_count + 1) * sizeof *catalog->tables);
	memmove(&catalog->tables[at + 1], &catalog->tables[at],
		(catalog->table_count - at) * sizeof *catalog->tables);
	catalog->tables[at] = table;
	catalog->table_count++;
}

static struct catalog_view *insert_view(struct catalog *catalog, const char *name)
{
	size_t at = 0;
	while (at < catalog->view_count && strcmp(catalog->views[at].name, name) < 0)
		at++;
	catalog->views = mem_resize(catalog->views, (catalog->view_count + 1) * sizeof *catalog->views);
	memmove(
		&catalog->views[at + 1], &catalog->views[at], (catalog->view_count - at) * sizeof *catalog->views);
	catalog->views[at] = (struct catalog_view){.name = mem_copy_string(name), .next_version = 1};
	catalog->view_count++;
	return &catalog->views[at];
}

static void insert_version(struct catalog_view *view, struct version *version)
{
	view->versions = mem_resize(view->versions, (view->version_count + 1) * sizeof(struct version *));
	view->versions[view->version_count++] = version;
	if (version->definition.number >= view->next_version)
		view->next_version = version->definition.number + 1;
}

static void remove_view(struct catalog *catalog, size_t index)
{
	struct catalog_view *view = &catalog->views[index];
	for (size_t i = 0; i < view->version_count; i++)
		atomic_store(&view->versions[i]->dropped, true);
	view_deinit(view);
	memmove(view, view + 1, (catalog->view_count - index - 1) * sizeof *view);
	catalog->view_count--;
}

/* ---- applying records ---- */

static status record_damaged(const char *what)
{
	return error_raise(STATUS_DAMAGED, "catalog record makes no sense: %s", what);
}

static const char *text_member(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int64_t integer_member(json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

static status apply_create_table(struct catalog *catalog, json_t *record)
{
	const char *sql = text_member(record, "sql");
	if (sql == NULL)
		return record_damaged("create_table without sql");
	struct arena arena;
	arena_init(&arena);
	struct sql_script *script = NULL;
	struct table_entry *table = NULL;
	status code = sql_parse(slice_of_string(sql), &arena, &script);
	if (code == STATUS_OK) {
		if (script->statement_count != 1 || script->statements[0].kind != SQL_CREATE_TABLE)
			code = record_damaged("create_table holds another statement");
		else
			code = table_create(&script->statements[0], &table);
		sql_script_release(script);
	}
	arena_deinit(&arena);
	if (code != STATUS_OK)
		return error_note(code, "while reading the definition of a table from the catalog");
	table->incarnation = (uint64_t)integer_member(record, "incarnation");
	if (catalog_table(catalog, table->table.name) != NULL) {
		table_release(table);
		return record_damaged("table exists already");
	}
	insert_table(catalog, table);
	return STATUS_OK;
}

static status apply_drop_table(struct catalog *catalog, json_t *record)
{
	const char *name = text_member(record, "name");
	for (size_t i = 0; name != NULL && i < catalog->table_count; i++) {
		if (strcmp(catalog->tables[i]->table.name, name) != 0)
			continue;
		table_release(catalog->tables[i]);
		memmove(&catalog->tables[i], &catalog->tables[i + 1],
			(catalog->table_count - i - 1) * sizeof *catalog->tables);
		catalog->table_count--;
		return STATUS_OK;
	}
	return record_damaged("drop_table of no table");
}

static struct version *version_from_json(json_t *item, int64_t deployment, int64_t time_ms)
{
	struct arena arena;
	arena_init(&arena);
	json_t *uses = json_object_get(item, "uses");
	json_t *targets = json_object_get(item, "targets");
	size_t use_count = json_array_size(uses);
	size_t target_count = json_array_size(targets);
	struct version_use *use = arena_alloc(&arena, use_count * sizeof *use);
	struct version_target *target = arena_alloc(&arena, target_count * sizeof *target);
	for (size_t i = 0; i < use_count; i++) {
		json_t *entry = json_array_get(uses, i);
		use[i] = (struct version_use){text_member(entry, "name"), integer_member(entry, "version")};
	}
	for (size_t i = 0; i < target_count; i++) {
		json_t *entry = json_array_get(targets, i);
		target[i] = (struct version_target){text_member(entry, "topic"),
			(int32_t)integer_member(entry, "partition"), integer_member(entry, "offset")};
	}
	struct version_definition definition = {
		.view = text_member(item, "view"),
		.number = integer_member(item, "version"),
		.query = text_member(item, "query"),
		.deployment = deployment,
		.from = integer_member(item, "from"),
		.created_ms = time_ms,
		.uses = use,
		.use_count = use_count,
		.targets = target,
		.target_count = target_count,
	};
	bool sound = definition.view != NULL && definition.query != NULL && definition.number > 0;
	for (size_t i = 0; i < use_count; i++)
		sound = sound && use[i].name != NULL;
	for (size_t i = 0; i < target_count; i++)
		sound = sound && target[i].topic != NULL;
	struct version *version = sound ? version_create(&definition) : NULL;
	arena_deinit(&arena);
	return version;
}

static status apply_deploy(
	struct catalog *catalog, json_t *record, struct version *const *made, size_t made_count)
{
	json_t *items = json_object_get(record, "views");
	int64_t deployment = integer_member(record, "deployment");
	bool live = json_is_true(json_object_get(record, "live"));
	INVARIANT(made == NULL || made_count == json_array_size(items));
	for (size_t i = 0; i < json_array_size(items); i++) {
		struct version *version = made != NULL ? version_retain(made[i])
											   : version_from_json(json_array_get(items, i), deployment,
													 integer_member(record, "time_ms"));
		if (version == NULL)
			return record_damaged("deploy of an incomplete version");
		struct catalog_view *view = catalog_view(catalog, version->definition.view);
		if (view == NULL)
			view = insert_view(catalog, version->definition.view);
		insert_version(view, version);
		if (live)
			view->live = version->definition.number;
	}
	if (deployment >= catalog->next_deployment)
		catalog->next_deployment = deployment + 1;
	return STATUS_OK;
}

static status apply_promote(struct catalog *catalog, json_t *record, bool rollback)
{
	json_t *items = json_object_get(record, "views");
	size_t count = json_array_size(items);
	struct promotion_item *moved = mem_alloc_zeroed(count, sizeof *moved);
	status code = STATUS_OK;
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_array_get(items, i);
		const char *name = text_member(item, "view");
		struct catalog_view *view = name != NULL ? catalog_view(catalog, name) : NULL;
		if (view == NULL || catalog_version(catalog, name, integer_member(item, "version")) == NULL) {
			code = record_damaged("promotion of no version");
			break;
		}
		moved[i] = (struct promotion_item){view->name, integer_member(item, "version"), view->live};
	}
	if (code == STATUS_OK) {
		for (size_t i = 0; i < count; i++)
			catalog_view(catalog, moved[i].view)->live = moved[i].version;
		if (rollback) {
			size_t undone = (size_t)integer_member(record, "undoes");
			if (undone < catalog->promotion_count) {
				promotion_deinit(&catalog->promotions[undone]);
				memmove(&catalog->promotions[undone], &catalog->promotions[undone + 1],
					(catalog->promotion_count - undone - 1) * sizeof *catalog->promotions);
				catalog->promotion_count--;
			}
		} else {
			catalog->promotions =
				mem_resize(catalog->promotions, (catalog->promotion_count + 1) * sizeof *catalog->promotions);
			catalog->promotions[catalog->promotion_count++] = promotion_copy(moved, count);
		}
	}
	mem_free(moved);
	return code;
}

static status apply_drop_version(struct catalog *catalog, json_t *record)
{
	const char *name = text_member(record, "view");
	struct catalog_view *view = name != NULL ? catalog_view(catalog, name) : NULL;
	int64_t number = integer_member(record, "version");
	for (size_t i = 0; view != NULL && i < view->version_count; i++) {
		if (view->versions[i]->definition.number != number)
			continue;
		atomic_store(&view->versions[i]->dropped, true);
		version_release(view->versions[i]);
		memmove(&view->versions[i], &view->versions[i + 1],
			(view->version_count - i - 1) * sizeof(struct version *));
		view->version_count--;
		if (view->version_count == 0)
			remove_view(catalog, (size_t)(view - catalog->views));
		return STATUS_OK;
	}
	return record_damaged("drop of no version");
}

static status apply_drop_views(struct catalog *catalog, json_t *record)
{
	json_t *names = json_object_get(record, "views");
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		struct catalog_view *view = name != NULL ? catalog_view(catalog, name) : NULL;
		if (view == NULL)
			return record_damaged("drop of no view");
		remove_view(catalog, (size_t)(view - catalog->views));
	}
	return STATUS_OK;
}

status catalog_apply(struct catalog *catalog, json_t *record, struct version *const *made, size_t made_count)
{
	const char *op = text_member(record, "op");
	if (op == NULL)
		return record_damaged("no op");
	if (strcmp(op, "create_table") == 0)
		return apply_create_table(catalog, record);
	if (strcmp(op, "drop_table") == 0)
		return apply_drop_table(catalog, record);
	if (strcmp(op, "deploy") == 0)
		return apply_deploy(catalog, record, made, made_count);
	if (strcmp(op, "promote") == 0 || strcmp(op, "rollback") == 0)
		return apply_promote(catalog, record, op[0] == 'r');
	if (strcmp(op, "drop_version") == 0)
		return apply_drop_version(catalog, record);
	if (strcmp(op, "drop_views") == 0)
		return apply_drop_views(catalog, record);
	if (strcmp(op, "create_user") == 0 || strcmp(op, "alter_user") == 0 || strcmp(op, "drop_user") == 0)
		return catalog_apply_user(catalog, op, record);
	return error_raise(
		STATUS_DAMAGED, "catalog record of unknown kind \"%s\"; was it written by a newer release?", op);
}

/* ---- making records ---- */

json_t *catalog_record_create_table(const struct table_entry *table)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "op", "create_table", "name", table->table.name, "sql",
		table->table.sql, "incarnation", (json_int_t)table->incarnation);
}

json_t *catalog_record_deploy(
	struct version *const *versions, size_t count, int64_t deployment, bool live, int64_t time_ms)
{
	json_t *views = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct version_definition *definition = &versions[i]->definition;
		json_t *uses = json_array();
		for (size_t j = 0; j < definition->use_count; j++)
			json_array_append_new(uses, json_pack("{s:s, s:I}", "name", definition->uses[j].name, "version",
											(json_int_t)definition->uses[j].version));
		json_t *targets = json_array();
		for (size_t j = 0; j < definition->target_count; j++)
			json_array_append_new(targets, json_pack("{s:s, s:i, s:I}", "topic", definition->targets[j].topic,
											   "partition", (int)definition->targets[j].partition, "offset",
											   (json_int_t)definition->targets[j].offset));
		json_array_append_new(
			views, json_pack("{s:s, s:I, s:I, s:s, s:o, s:o}", "view", definition->view, "version",
					   (json_int_t)definition->number, "from", (json_int_t)definition->from, "query",
					   definition->query, "uses", uses, "targets", targets));
	}
	return json_pack("{s:s, s:I, s:I, s:b, s:o}", "op", "deploy", "deployment", (json_int_t)deployment,
		"time_ms", (json_int_t)time_ms, "live", (int)live, "views", views);
}

json_t *catalog_record_promote(
	const char *op, const struct promotion_item *items, size_t count, int64_t time_ms)
{
	json_t *views = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(views, json_pack("{s:s, s:I, s:I}", "view", items[i].view, "version",
										 (json_int_t)items[i].version, "from", (json_int_t)items[i].from));
	return json_pack("{s:s, s:I, s:o}", "op", op, "time_ms", (json_int_t)time_ms, "views", views);
}

/* ---- the binder's view ---- */

struct scope {
	struct sql_catalog base;
	const struct catalog *catalog;
	const struct version *version; /* NULL: a query */
	struct version *const *staged;
	size_t staged_count;
};

static int64_t use_version(const struct version *version, const char *name)
{
	for (size_t i = 0; version != NULL && i < version->definition.use_count; i++)
		if (strcmp(version->definition.uses[i].name, name) == 0)
			return version->definition.uses[i].version;
	return 0;
}

static struct version *scope_version(const struct scope *scope, const char *name, int64_t number)
{
	if (number == 0)
		number = use_version(scope->version, name);
	for (size_t i = 0; i < scope->staged_count; i++) {
		const struct version_definition *staged = &scope->staged[i]->definition;
		if (strcmp(staged->view, name) == 0 && (number == 0 || number == staged->number))
			return scope->staged[i];
	}
	return catalog_version(scope->catalog, name, number);
}

static void describe_version(
	const struct scope *scope, struct version *version, struct arena *arena, struct sql_relation *out)
{
	const struct plan *plan = version->plan;
	*out = (struct sql_relation){
		.kind = SQL_VIEW,
		.schema_name = "public",
		.name = version->definition.view,
		.version = version->definition.number,
		.schema = plan->schema,
		.visible_count = plan->schema.field_count,
		.key_columns = plan->key_columns,
		.key_count = plan->key_count,
		.has_key = plan->has_key,
		.append_only = plan->append_only,
		.row_estimate = UINT64_MAX,
		.handle = version,
		.definition = version->definition.query,
	};
	if (scope->version != NULL)
		out->scope = catalog_scope(scope->catalog, version, scope->staged, scope->staged_count, arena);
}

static status unknown_relation(const struct scope *scope, const char *name, int64_t number)
{
	const struct catalog_view *view = catalog_view(scope->catalog, name);
	if (number != 0 && view != NULL) {
		status code =
			error_raise(STATUS_UNKNOWN_RELATION, "view \"%s\" has no version %lld", name, (long long)number);
		error_hint("SELECT * FROM kappa.versions WHERE view = '%s' lists its versions.", name);
		return code;
	}
	if (view != NULL) {
		status code = error_raise(STATUS_NOT_READY, "view \"%s\" has no live version yet", name);
		error_hint("Promote one: SELECT kappa.promote('%s'); or read one by name: \"%s@1\".", name, name);
		return code;
	}
	status code = error_raise(STATUS_UNKNOWN_RELATION, "relation \"%s\" does not exist", name);
	error_hint("SELECT * FROM kappa.tables and kappa.views list what there is.");
	return code;
}

static status scope_find(struct sql_catalog *base, const char *schema_name, const char *name, int64_t number,
	struct arena *arena, struct sql_relation *out)
{
	const struct scope *scope = (const struct scope *)base;
	if (schema_name != NULL && strcmp(schema_name, "public") != 0)
		return error_raise(STATUS_UNKNOWN_RELATION, "relation \"%s.%s\" does not exist", schema_name, name);
	struct table_entry *table = number == 0 ? catalog_table(scope->catalog, name) : NULL;
	if (table != NULL) {
		table_describe(table, out);
		return STATUS_OK;
	}
	struct version *version = scope_version(scope, name, number);
	if (version == NULL)
		return unknown_relation(scope, name, number);
	if (version->plan == NULL) { /* its definition could not be bound when the catalog was read */
		pthread_mutex_lock(&version->status_lock);
		struct error failure = version->failure;
		pthread_mutex_unlock(&version->status_lock);
		return error_raise(STATUS_NOT_READY, "view \"%s\" version %lld has failed: %s", name,
			(long long)version->definition.number, failure.text);
	}
	describe_version(scope, version, arena, out);
	return STATUS_OK;
}

struct sql_catalog *catalog_scope(const struct catalog *catalog, const struct version *version,
	struct version *const *staged, size_t staged_count, struct arena *arena)
{
	struct scope *scope = arena_alloc_zeroed(arena, sizeof *scope);
	scope->base.find = scope_find;
	scope->catalog = catalog;
	scope->version = version;
	scope->staged = staged;
	scope->staged_count = staged_count;
	return &scope->base;
}
