/* pg_catalog: the objects there are, by id, in PostgreSQL 15's columns. psql's \d, JDBC's DatabaseMetaData
 * and tools like them read these with plain SQL.
 *
 * A table is a relation of kind r, a live view a materialized view (m), what is computed when it is read
 * (schema kappa, these catalogs) a view (v). A view whose rows a key identifies has a unique index on it: the
 * primary key when no column of it can be null. Columns PostgreSQL has no name for come last and are hidden:
 * functions such as pg_get_viewdef() are lookups of them (bind_catalog.c).
 */
#include "server/system_pg_catalog.h"

#include <string.h>

#include "base/invariant.h"
#include "log/log.h"
#include "processors/catalog_id.h"
#include "server/system_internal.h"

enum { OID_HEAP = 2, VARLENA_HEADER = 4 };

/* ---- the relations there are ---- */

struct catalog_relation {
	uint32_t oid, namespace_oid, index_oid; /* index 0 = none */
	const char *schema_name, *name, *kind;
	const char *index_name;
	const char *definition; /* views: the query; else NULL */
	struct schema schema;
	size_t visible_count;
	const uint32_t *key_columns; /* of the index */
	size_t key_count;
	bool key_not_null;
	int64_t row_count, size_bytes; /* −1 = unknown, 0 */
};

struct relation_set {
	struct catalog_relation *items;
	size_t count, capacity;
};

static struct catalog_relation *set_add(
	struct system_call *call, struct relation_set *set, struct catalog_relation relation)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity == 0 ? 128 : set->capacity * 2;
		struct catalog_relation *items = arena_alloc(&call->arena, capacity * sizeof *items);
		if (set->count > 0)
			memcpy(items, set->items, set->count * sizeof *items);
		set->items = items;
		set->capacity = capacity;
	}
	set->items[set->count] = relation;
	return &set->items[set->count++];
}

static int64_t topic_bytes(struct system_call *call, const char *name)
{
	const struct topic *topic = NULL;
	int64_t bytes = 0;
	if (topic_find(call->context.session->environment.log, name, &topic) != STATUS_OK)
		return 0;
	for (int32_t i = 0; i < topic->config->partitions; i++)
		bytes += (int64_t)partition_bytes(topic_partition(topic, i));
	return bytes;
}

static void tables_collect(struct system_call *call, struct relation_set *set)
{
	const struct table **tables = NULL;
	size_t count = 0;
	publication_tables(call->context.publication, &call->arena, &tables, &count);
	for (size_t i = 0; i < count; i++)
		set_add(call, set,
			(struct catalog_relation){.oid = catalog_oid('r', tables[i]->name),
				.namespace_oid = CATALOG_OID_PUBLIC,
				.schema_name = "public",
				.name = tables[i]->name,
				.kind = "r",
				.schema = tables[i]->schema,
				.visible_count = tables[i]->visible_count,
				.row_count = -1,
				.size_bytes = topic_bytes(call, tables[i]->topic)});
}

/* The index a view's key is; none when it has no key or a hidden column is in it. */
static void key_describe(
	struct system_call *call, const struct sql_relation *relation, struct catalog_relation *out)
{
	bool not_null = true;
	for (size_t k = 0; k < relation->key_count; k++) {
		if (relation->key_columns[k] >= relation->visible_count)
			return;
		not_null = not_null && relation->schema.fields[relation->key_columns[k]].not_null;
	}
	if (relation->key_count == 0)
		return;
	out->key_columns = relation->key_columns;
	out->key_count = relation->key_count;
	out->key_not_null = not_null;
	out->index_name = arena_printf(&call->arena, "%s_%s", out->name, not_null ? "pkey" : "key");
	out->index_oid = catalog_oid('i', out->index_name);
}

static void views_collect(struct system_call *call, struct relation_set *set)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	struct sql_catalog *catalog = publication_catalog(call->context.publication);
	for (size_t i = 0; i < count; i++) {
		struct sql_relation relation;
		const struct version_status *version = &versions[i];
		if (!version->live ||
			catalog->find(catalog, NULL, version->view, 0, &call->arena, &relation) != STATUS_OK)
			continue;
		struct catalog_relation *view = set_add(call, set,
			(struct catalog_relation){.oid = catalog_oid('r', version->view),
				.namespace_oid = CATALOG_OID_PUBLIC,
				.schema_name = "public",
				.name = version->view,
				.kind = "m",
				.definition = version->query,
				.schema = relation.schema,
				.visible_count = relation.visible_count,
				.row_count = version->row_count,
				.size_bytes = (int64_t)version->disk_bytes});
		key_describe(call, &relation, view);
	}
}

static void system_collect(struct system_call *call, struct relation_set *set)
{
	for (size_t list = 0; system_relation_lists[list] != NULL; list++) {
		for (const struct system_definition *at = system_relation_lists[list]; at->name != NULL; at++) {
			size_t count = 0;
			while (count < SYSTEM_COLUMNS_MAX && at->columns[count].name != NULL)
				count++;
			struct field *fields = arena_alloc_zeroed(&call->arena, count * sizeof *fields);
			for (size_t i = 0; i < count; i++)
				fields[i] = (struct field){at->columns[i].name, type_of(at->columns[i].type), false};
			bool ours = strcmp(at->schema_name, "kappa") == 0;
			bool information = strcmp(at->schema_name, "information_schema") == 0;
			set_add(call, set,
				(struct catalog_relation){.oid = system_relation_oid(at),
					.namespace_oid = (uint32_t)(ours          ? CATALOG_OID_KAPPA
												: information ? CATALOG_OID_INFORMATION_SCHEMA
															  : CATALOG_OID_PG_CATALOG),
					.schema_name = at->schema_name,
					.name = at->name,
					.kind = "v",
					.schema = {fields, count},
					.visible_count = count - at->hidden_count,
					.row_count = -1});
		}
	}
}

static struct relation_set relations_collect(struct system_call *call)
{
	struct relation_set set = {0};
	tables_collect(call, &set);
	views_collect(call, &set);
	system_collect(call, &set);
	return set;
}

/* Attribute numbers or names of a key's columns: "1 3", "1,3", "a, b". */
static const char *key_list(
	struct system_call *call, const struct catalog_relation *relation, bool names, const char *separator)
{
	struct buffer text;
	buffer_init(&text);
	for (size_t k = 0; k < relation->key_count; k++) {
		if (k > 0)
			buffer_append_string(&text, separator);
		if (names)
			buffer_append_string(&text, relation->schema.fields[relation->key_columns[k]].name);
		else
			buffer_printf(&text, "%u", relation->key_columns[k] + 1);
	}
	const char *copy = arena_printf(&call->arena, "%.*s", (int)text.size, (const char *)text.data);
	buffer_deinit(&text);
	return copy;
}

/* ---- pg_class ---- */

static status class_put(
	struct system_rows *rows, struct system_call *call, const struct catalog_relation *relation, bool index)
{
	const char *shown = relation->namespace_oid == CATALOG_OID_PUBLIC
							? relation->name
							: arena_printf(&call->arena, "%s.%s", relation->schema_name, relation->name);
	bool stored = relation->kind[0] != 'v';
	size_t width = index ? relation->key_count : relation->visible_count;
	status result = rows_put(rows, "ltliiiliiil", (int64_t)(index ? relation->index_oid : relation->oid),
		index ? relation->index_name : relation->name, (int64_t)relation->namespace_oid, 0, 0,
		CATALOG_OID_OWNER,
		(int64_t)(index    ? CATALOG_OID_BTREE
				  : stored ? OID_HEAP
						   : 0),
		0, 0, 0, relation->row_count);
	if (result != STATUS_OK)
		return result;
	rows_i64(rows, 0); /* relallvisible */
	rows_i64(rows, 0); /* reltoastrelid */
	rows_bool(rows, !index && relation->index_oid != 0);
	rows_bool(rows, false);
	rows_text(rows, "p");
	rows_text(rows, index ? "i" : relation->kind);
	rows_i64(rows, (int64_t)width);
	rows_i64(rows, 0);
	for (int flag = 0; flag < 5; flag++)
		rows_bool(rows, false); /* rules, triggers, subclasses, row security, forced */
	rows_bool(rows, true);
	rows_text(rows, index ? "n" : "d");
	rows_bool(rows, false);
	rows_i64(rows, 0);
	rows_null(rows);
	rows_null(rows);
	rows_null(rows);
	rows_text(rows, index ? NULL : relation->definition);
	rows_text(rows, index ? relation->index_name : shown);
	rows_i64(rows, index ? 0 : relation->size_bytes);
	return STATUS_OK;
}

static status class_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count && result == STATUS_OK; i++) {
		result = class_put(rows, call, &set.items[i], false);
		if (result == STATUS_OK && set.items[i].index_oid != 0)
			result = class_put(rows, call, &set.items[i], true);
	}
	return result;
}

/* ---- pg_attribute ---- */

static int64_t type_modifier(struct type type)
{
	return type.modifier >= 0 ? type.modifier + VARLENA_HEADER : -1;
}

static int type_collation(enum type_id id)
{
	return type_is_string(id) ? CATALOG_OID_COLLATION_DEFAULT : 0;
}

static status attribute_put(
	struct system_rows *rows, uint32_t oid, const struct field *field, size_t number, bool not_null)
{
	int16_t size = type_wire_size(field->type.id);
	return rows_put(rows, "ltlilliilbtttbbbttbbiinnnn", (int64_t)oid, field->name,
		(int64_t)type_oid(field->type.id), -1, (int64_t)size, (int64_t)number, 0, -1,
		type_modifier(field->type), size > 0 && size <= 8, size == 8 ? "d" : "i", size < 0 ? "x" : "p", "",
		not_null, false, false, "", "", false, true, 0, type_collation(field->type.id));
}

static status attributes_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count; i++) {
		const struct catalog_relation *relation = &set.items[i];
		for (size_t c = 0; c < relation->visible_count && result == STATUS_OK; c++)
			result = attribute_put(
				rows, relation->oid, &relation->schema.fields[c], c + 1, relation->schema.fields[c].not_null);
		for (size_t k = 0; k < relation->key_count && result == STATUS_OK; k++)
			result = attribute_put(
				rows, relation->index_oid, &relation->schema.fields[relation->key_columns[k]], k + 1, false);
		if (result != STATUS_OK)
			break;
	}
	return result;
}

/* ---- pg_index, pg_constraint ---- */

static const char *zeros(struct system_call *call, size_t count)
{
	char *text = arena_alloc(&call->arena, 2 * count + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(text + 2 * i, "0 ", 2);
	text[count > 0 ? 2 * count - 1 : 0] = '\0';
	return text;
}

static status index_put(
	struct system_rows *rows, struct system_call *call, const struct catalog_relation *relation)
{
	int count = (int)relation->key_count;
	const char *columns = key_list(call, relation, true, ", ");
	const char *definition = arena_printf(&call->arena, "CREATE UNIQUE INDEX %s ON %s.%s USING btree (%s)%s",
		relation->index_name, relation->schema_name, relation->name, columns,
		relation->key_not_null ? "" : " NULLS NOT DISTINCT");
	return rows_put(rows, "lliibbbbbbbbbbbttttnntt", (int64_t)relation->index_oid, (int64_t)relation->oid,
		count, count, true, !relation->key_not_null, relation->key_not_null, false, true, false, true, false,
		true, true, false, key_list(call, relation, false, " "), zeros(call, relation->key_count),
		zeros(call, relation->key_count), zeros(call, relation->key_count), definition,
		arena_printf(&call->arena, "{%s}", key_list(call, relation, true, ",")));
}

static status indexes_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count && result == STATUS_OK; i++) {
		if (set.items[i].index_oid != 0)
			result = index_put(rows, call, &set.items[i]);
	}
	return result;
}

static status constraints_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count && result == STATUS_OK; i++) {
		const struct catalog_relation *relation = &set.items[i];
		if (relation->index_oid == 0 || !relation->key_not_null)
			continue;
		result = rows_put(rows, "ltltbbblilliltttbibtnnt", (int64_t)catalog_oid('c', relation->index_name),
			relation->index_name, (int64_t)relation->namespace_oid, "p", false, false, true,
			(int64_t)relation->oid, 0, (int64_t)relation->index_oid, (int64_t)0, 0, (int64_t)0, " ", " ", " ",
			true, 0, true, arena_printf(&call->arena, "{%s}", key_list(call, relation, false, ",")),
			arena_printf(&call->arena, "PRIMARY KEY (%s)", key_list(call, relation, true, ", ")));
	}
	return result;
}

/* ---- pg_tables, pg_views, pg_matviews ---- */

static status tables_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count && result == STATUS_OK; i++) {
		if (set.items[i].kind[0] == 'r')
			result = rows_put(rows, "tttnbbbb", set.items[i].schema_name, set.items[i].name, "kappa", false,
				false, false, false);
	}
	return result;
}

static status views_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count && result == STATUS_OK; i++) {
		if (set.items[i].kind[0] == 'v')
			result = rows_put(rows, "tttn", set.items[i].schema_name, set.items[i].name, "kappa");
	}
	return result;
}

static status matviews_fill(struct system_call *call, struct system_rows *rows)
{
	struct relation_set set = relations_collect(call);
	status result = STATUS_OK;
	for (size_t i = 0; i < set.count && result == STATUS_OK; i++) {
		if (set.items[i].kind[0] == 'm')
			result = rows_put(rows, "tttnbbt", set.items[i].schema_name, set.items[i].name, "kappa",
				set.items[i].index_oid != 0, true, set.items[i].definition);
	}
	return result;
}

/* ---- pg_type ---- */

const char *catalog_type_name(enum type_id id)
{
	static const char *const names[TYPE_COUNT] = {
		[TYPE_UNKNOWN] = "unknown",
		[TYPE_BOOL] = "bool",
		[TYPE_INT2] = "int2",
		[TYPE_INT4] = "int4",
		[TYPE_INT8] = "int8",
		[TYPE_FLOAT4] = "float4",
		[TYPE_FLOAT8] = "float8",
		[TYPE_NUMERIC] = "numeric",
		[TYPE_TEXT] = "text",
		[TYPE_VARCHAR] = "varchar",
		[TYPE_BYTEA] = "bytea",
		[TYPE_DATE] = "date",
		[TYPE_TIMESTAMP] = "timestamp",
		[TYPE_TIMESTAMPTZ] = "timestamptz",
		[TYPE_INTERVAL] = "interval",
		[TYPE_INT2VECTOR] = "int2vector",
	};
	return names[id];
}

static const char *type_category_name(enum type_id id)
{
	switch (id) {
	case TYPE_BOOL:
		return "B";
	case TYPE_TEXT:
	case TYPE_VARCHAR:
		return "S";
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return "D";
	case TYPE_INTERVAL:
		return "T";
	case TYPE_BYTEA:
		return "U";
	case TYPE_INT2VECTOR:
		return "A";
	case TYPE_UNKNOWN:
		return "X";
	default:
		return "N";
	}
}

static status type_put(struct system_call *call, struct system_rows *rows, uint32_t oid, const char *name,
	int16_t size, const char *category, uint32_t element_oid)
{
	const char *routine = arena_printf(&call->arena, "%s%s", name, strchr(name, '_') != NULL ? "_" : "");
	bool text = category[0] == 'S';
	return rows_put(rows, "ltiilbttbbtlllttbtitbliit", (int64_t)oid, name, CATALOG_OID_PG_CATALOG,
		CATALOG_OID_OWNER, (int64_t)size, size > 0 && size <= 8, category[0] == 'X' ? "p" : "b", category,
		oid == 25, true, ",", (int64_t)0, (int64_t)element_oid, (int64_t)0,
		arena_printf(&call->arena, "%sin", routine), arena_printf(&call->arena, "%sout", routine), false,
		size < 0 ? "i" : "d", 0, size < 0 ? "x" : "p", false, (int64_t)0, -1,
		text ? CATALOG_OID_COLLATION_DEFAULT : 0, NULL);
}

static status types_fill(struct system_call *call, struct system_rows *rows)
{
	/* Drivers ask for these by name; no column here is of them. */
	static const struct {
		uint32_t oid;
		const char *name;
		int16_t size;
		const char *category;
	} others[] = {{18, "char", 1, "S"}, {19, "name", 64, "S"}, {26, "oid", 4, "N"}};
	enum { OID_INT2 = 21 };
	status result = STATUS_OK;
	for (enum type_id id = 0; id < TYPE_COUNT && result == STATUS_OK; id++)
		result = type_put(call, rows, type_oid(id), catalog_type_name(id), type_wire_size(id),
			type_category_name(id), id == TYPE_INT2VECTOR ? OID_INT2 : 0);
	for (size_t i = 0; i < sizeof others / sizeof others[0] && result == STATUS_OK; i++)
		result = type_put(call, rows, others[i].oid, others[i].name, others[i].size, others[i].category, 0);
	return result;
}

/* ---- namespaces, databases, roles and the like ---- */

static status namespaces_fill(struct system_call *call, struct system_rows *rows)
{
	static const struct {
		int oid;
		const char *name;
	} namespaces[] = {{CATALOG_OID_PG_CATALOG, "pg_catalog"}, {CATALOG_OID_PUBLIC, "public"},
		{CATALOG_OID_INFORMATION_SCHEMA, "information_schema"}, {CATALOG_OID_KAPPA, "kappa"}};
	(void)call;
	status result = STATUS_OK;
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0] && result == STATUS_OK; i++)
		result = rows_put(rows, "itin", namespaces[i].oid, namespaces[i].name, CATALOG_OID_OWNER);
	return result;
}

static status databases_fill(struct system_call *call, struct system_rows *rows)
{
	return rows_put(rows, "itiitttntbbin", CATALOG_OID_DATABASE, call->context.session->database,
		CATALOG_OID_OWNER, CATALOG_ENCODING_UTF8, "C", "C", "c", NULL, false, true, -1);
}

static status role_put(struct system_rows *rows, int64_t oid, const char *name)
{
	return rows_put(
		rows, "ltbbbbbbintnb", oid, name, true, true, true, true, true, false, -1, "********", false);
}

/* The owner of everything, and who asks. */
static status roles_fill(struct system_call *call, struct system_rows *rows)
{
	const char *user = call->context.session->user;
	status result = role_put(rows, CATALOG_OID_OWNER, "kappa");
	if (result == STATUS_OK && strcmp(user, "kappa") != 0)
		result = role_put(rows, (int64_t)catalog_oid('u', user), user);
	return result;
}

static status access_methods_fill(struct system_call *call, struct system_rows *rows)
{
	(void)call;
	status result = rows_put(rows, "ittt", OID_HEAP, "heap", "heap_tableam_handler", "t");
	return result != STATUS_OK ? result
							   : rows_put(rows, "ittt", CATALOG_OID_BTREE, "btree", "bthandler", "i");
}

static status collations_fill(struct system_call *call, struct system_rows *rows)
{
	(void)call;
	return rows_put(rows, "itiittt", CATALOG_OID_COLLATION_DEFAULT, "default", CATALOG_OID_PG_CATALOG,
		CATALOG_OID_OWNER, "c", "C", "C");
}

/* clang-format off */
const struct system_definition postgres_catalogs[] = {
	{"pg_catalog", "pg_class", NULL, 0, 0, class_fill, {
		{"oid", TYPE_INT8}, {"relname", TYPE_TEXT}, {"relnamespace", TYPE_INT8}, {"reltype", TYPE_INT8},
		{"reloftype", TYPE_INT8}, {"relowner", TYPE_INT8}, {"relam", TYPE_INT8}, {"relfilenode", TYPE_INT8},
		{"reltablespace", TYPE_INT8}, {"relpages", TYPE_INT4}, {"reltuples", TYPE_INT8}, {"relallvisible", TYPE_INT4},
		{"reltoastrelid", TYPE_INT8}, {"relhasindex", TYPE_BOOL}, {"relisshared", TYPE_BOOL},
		{"relpersistence", TYPE_TEXT}, {"relkind", TYPE_TEXT}, {"relnatts", TYPE_INT2}, {"relchecks", TYPE_INT2},
		{"relhasrules", TYPE_BOOL}, {"relhastriggers", TYPE_BOOL}, {"relhassubclass", TYPE_BOOL},
		{"relrowsecurity", TYPE_BOOL}, {"relforcerowsecurity", TYPE_BOOL}, {"relispopulated", TYPE_BOOL},
		{"relreplident", TYPE_TEXT}, {"relispartition", TYPE_BOOL}, {"relrewrite", TYPE_INT8}, {"relacl", TYPE_TEXT},
		{"reloptions", TYPE_TEXT}, {"relpartbound", TYPE_TEXT}, {"viewdef", TYPE_TEXT}, {"regclass", TYPE_TEXT},
		{"relsize", TYPE_INT8}}, .keys = {"oid"}, .hidden_count = 3},
	{"pg_catalog", "pg_attribute", NULL, 0, 0, attributes_fill, {
		{"attrelid", TYPE_INT8}, {"attname", TYPE_TEXT}, {"atttypid", TYPE_INT8}, {"attstattarget", TYPE_INT4},
		{"attlen", TYPE_INT2}, {"attnum", TYPE_INT2}, {"attndims", TYPE_INT4}, {"attcacheoff", TYPE_INT4},
		{"atttypmod", TYPE_INT4}, {"attbyval", TYPE_BOOL}, {"attalign", TYPE_TEXT}, {"attstorage", TYPE_TEXT},
		{"attcompression", TYPE_TEXT}, {"attnotnull", TYPE_BOOL}, {"atthasdef", TYPE_BOOL},
		{"atthasmissing", TYPE_BOOL}, {"attidentity", TYPE_TEXT}, {"attgenerated", TYPE_TEXT},
		{"attisdropped", TYPE_BOOL}, {"attislocal", TYPE_BOOL}, {"attinhcount", TYPE_INT4},
		{"attcollation", TYPE_INT8}, {"attacl", TYPE_TEXT}, {"attoptions", TYPE_TEXT}, {"attfdwoptions", TYPE_TEXT},
		{"attmissingval", TYPE_TEXT}}, .keys = {"attrelid", "attnum"}},
	{"pg_catalog", "pg_index", NULL, 0, 0, indexes_fill, {
		{"indexrelid", TYPE_INT8}, {"indrelid", TYPE_INT8}, {"indnatts", TYPE_INT2}, {"indnkeyatts", TYPE_INT2},
		{"indisunique", TYPE_BOOL}, {"indnullsnotdistinct", TYPE_BOOL}, {"indisprimary", TYPE_BOOL},
		{"indisexclusion", TYPE_BOOL}, {"indimmediate", TYPE_BOOL}, {"indisclustered", TYPE_BOOL},
		{"indisvalid", TYPE_BOOL}, {"indcheckxmin", TYPE_BOOL}, {"indisready", TYPE_BOOL}, {"indislive", TYPE_BOOL},
		{"indisreplident", TYPE_BOOL}, {"indkey", TYPE_INT2VECTOR}, {"indcollation", TYPE_INT2VECTOR},
		{"indclass", TYPE_INT2VECTOR}, {"indoption", TYPE_INT2VECTOR}, {"indexprs", TYPE_TEXT}, {"indpred", TYPE_TEXT},
		{"indexdef", TYPE_TEXT}, {"indexcolumns", TYPE_TEXT}}, .keys = {"indexrelid"}, .hidden_count = 2},
	{"pg_catalog", "pg_constraint", NULL, 0, 0, constraints_fill, {
		{"oid", TYPE_INT8}, {"conname", TYPE_TEXT}, {"connamespace", TYPE_INT8}, {"contype", TYPE_TEXT},
		{"condeferrable", TYPE_BOOL}, {"condeferred", TYPE_BOOL}, {"convalidated", TYPE_BOOL}, {"conrelid", TYPE_INT8},
		{"contypid", TYPE_INT8}, {"conindid", TYPE_INT8}, {"conparentid", TYPE_INT8}, {"confrelid", TYPE_INT8},
		{"conbin", TYPE_INT8}, {"confupdtype", TYPE_TEXT}, {"confdeltype", TYPE_TEXT}, {"confmatchtype", TYPE_TEXT},
		{"conislocal", TYPE_BOOL}, {"coninhcount", TYPE_INT4}, {"connoinherit", TYPE_BOOL},
		{"conkey", TYPE_INT2VECTOR}, {"confkey", TYPE_INT2VECTOR}, {"conexclop", TYPE_TEXT}, {"condef", TYPE_TEXT}},
		.keys = {"oid"}, .hidden_count = 1},
	{"pg_catalog", "pg_tables", NULL, 0, 0, tables_fill, {
		{"schemaname", TYPE_TEXT}, {"tablename", TYPE_TEXT}, {"tableowner", TYPE_TEXT}, {"tablespace", TYPE_TEXT},
		{"hasindexes", TYPE_BOOL}, {"hasrules", TYPE_BOOL}, {"hastriggers", TYPE_BOOL}, {"rowsecurity", TYPE_BOOL}}},
	{"pg_catalog", "pg_views", NULL, 0, 0, views_fill, {
		{"schemaname", TYPE_TEXT}, {"viewname", TYPE_TEXT}, {"viewowner", TYPE_TEXT}, {"definition", TYPE_TEXT}}},
	{"pg_catalog", "pg_matviews", NULL, 0, 0, matviews_fill, {
		{"schemaname", TYPE_TEXT}, {"matviewname", TYPE_TEXT}, {"matviewowner", TYPE_TEXT}, {"tablespace", TYPE_TEXT},
		{"hasindexes", TYPE_BOOL}, {"ispopulated", TYPE_BOOL}, {"definition", TYPE_TEXT}}},
	{"pg_catalog", "pg_type", NULL, 0, 0, types_fill, {
		{"oid", TYPE_INT8}, {"typname", TYPE_TEXT}, {"typnamespace", TYPE_INT8}, {"typowner", TYPE_INT8},
		{"typlen", TYPE_INT2}, {"typbyval", TYPE_BOOL}, {"typtype", TYPE_TEXT}, {"typcategory", TYPE_TEXT},
		{"typispreferred", TYPE_BOOL}, {"typisdefined", TYPE_BOOL}, {"typdelim", TYPE_TEXT}, {"typrelid", TYPE_INT8},
		{"typelem", TYPE_INT8}, {"typarray", TYPE_INT8}, {"typinput", TYPE_TEXT}, {"typoutput", TYPE_TEXT},
		{"typnotnull", TYPE_BOOL}, {"typalign", TYPE_TEXT}, {"typndims", TYPE_INT4}, {"typstorage", TYPE_TEXT},
		{"typhasdefault", TYPE_BOOL}, {"typbasetype", TYPE_INT8}, {"typtypmod", TYPE_INT4},
		{"typcollation", TYPE_INT8}, {"typdefault", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_namespace", NULL, 0, 0, namespaces_fill, {
		{"oid", TYPE_INT8}, {"nspname", TYPE_TEXT}, {"nspowner", TYPE_INT8}, {"nspacl", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_database", NULL, 0, 0, databases_fill, {
		{"oid", TYPE_INT8}, {"datname", TYPE_TEXT}, {"datdba", TYPE_INT8}, {"encoding", TYPE_INT4},
		{"datcollate", TYPE_TEXT}, {"datctype", TYPE_TEXT}, {"datlocprovider", TYPE_TEXT}, {"daticulocale", TYPE_TEXT},
		{"datcollversion", TYPE_TEXT}, {"datistemplate", TYPE_BOOL}, {"datallowconn", TYPE_BOOL},
		{"datconnlimit", TYPE_INT4}, {"datacl", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_roles", NULL, 0, 0, roles_fill, {
		{"oid", TYPE_INT8}, {"rolname", TYPE_TEXT}, {"rolsuper", TYPE_BOOL}, {"rolinherit", TYPE_BOOL},
		{"rolcreaterole", TYPE_BOOL}, {"rolcreatedb", TYPE_BOOL}, {"rolcanlogin", TYPE_BOOL},
		{"rolreplication", TYPE_BOOL}, {"rolconnlimit", TYPE_INT4}, {"rolvaliduntil", TYPE_TIMESTAMPTZ},
		{"rolpassword", TYPE_TEXT}, {"rolconfig", TYPE_TEXT}, {"rolbypassrls", TYPE_BOOL}}, .keys = {"oid"}},
	{"pg_catalog", "pg_am", NULL, 0, 0, access_methods_fill, {
		{"oid", TYPE_INT8}, {"amname", TYPE_TEXT}, {"amhandler", TYPE_TEXT}, {"amtype", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_collation", NULL, 0, 0, collations_fill, {
		{"oid", TYPE_INT8}, {"collname", TYPE_TEXT}, {"collnamespace", TYPE_INT8}, {"collowner", TYPE_INT8},
		{"collprovider", TYPE_TEXT}, {"collcollate", TYPE_TEXT}, {"collctype", TYPE_TEXT}}, .keys = {"oid"}},
	{0},
};
/* clang-format on */
