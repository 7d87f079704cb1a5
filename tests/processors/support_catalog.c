#include "support_catalog.h"

struct relation_facts {
	enum sql_relation_kind kind;
	const char *schema_name, *name;
	int64_t version;
	bool live;
	const struct field *fields;
	size_t field_count, visible_count;
	const uint32_t *key_columns;
	size_t key_count;
	bool append_only;
	const char *definition;
};

#define HIDDEN                                                                                               \
	{"_partition", {TYPE_INT4, -1}, true}, {"_offset", {TYPE_INT8, -1}, true},                               \
		{"_timestamp", {TYPE_TIMESTAMPTZ, -1}, true},                                                        \
	{                                                                                                        \
		"_key", {TYPE_TEXT, -1}, false                                                                       \
	}

static const struct field flights[] = {{"date", {TYPE_TIMESTAMP, -1}, false},
	{"delay", {TYPE_INT4, -1}, false}, {"distance", {TYPE_INT4, -1}, false},
	{"origin", {TYPE_TEXT, -1}, false}, {"destination", {TYPE_TEXT, -1}, false}, HIDDEN};

static const struct field orders[] = {{"id", {TYPE_INT8, -1}, true}, {"customer", {TYPE_TEXT, -1}, false},
	{"amount", {TYPE_NUMERIC, 10 << 16 | 2}, false}, {"placed", {TYPE_TIMESTAMPTZ, -1}, false},
	{"qty", {TYPE_INT2, -1}, false}, {"price", {TYPE_FLOAT8, -1}, false}, {"ratio", {TYPE_FLOAT4, -1}, false},
	{"note", {TYPE_VARCHAR, 20}, false}, {"paid", {TYPE_BOOL, -1}, false}, {"raw", {TYPE_BYTEA, -1}, false},
	{"day", {TYPE_DATE, -1}, false}, {"span", {TYPE_INTERVAL, -1}, false},
	{"total", {TYPE_NUMERIC, -1}, false}, HIDDEN};

static const struct field airports[] = {
	{"code", {TYPE_TEXT, -1}, false}, {"name", {TYPE_TEXT, -1}, true}, HIDDEN};

static const struct field delays[] = {{"origin", {TYPE_TEXT, -1}, false}, {"flights", {TYPE_INT8, -1}, true},
	{"avg_delay", {TYPE_NUMERIC, -1}, false}};

static const struct field hourly[] = {
	{"origin", {TYPE_TEXT, -1}, true}, {"hour", {TYPE_INT4, -1}, false}, {"flights", {TYPE_INT8, -1}, true}};

static const struct field nested[] = {{"origin", {TYPE_TEXT, -1}, false}};

static const struct field versions[] = {
	{"view", {TYPE_TEXT, -1}, true}, {"version", {TYPE_INT8, -1}, true}, {"state", {TYPE_TEXT, -1}, true}};

static const struct field promoted[] = {{"result", {TYPE_TEXT, -1}, true}};

static const uint32_t first_column[] = {0}, two_columns[] = {0, 1};

#define FIELDS(name, hidden) name, sizeof(name) / sizeof(name)[0], sizeof(name) / sizeof(name)[0] - (hidden)

static const struct relation_facts relations[] = {
	{SQL_TABLE, "public", "flights", 0, true, FIELDS(flights, 4), NULL, 0, true, NULL},
	{SQL_TABLE, "public", "orders", 0, true, FIELDS(orders, 4), NULL, 0, true, NULL},
	{SQL_TABLE, "public", "airports", 0, true, FIELDS(airports, 4), first_column, 1, false, NULL},
	{SQL_VIEW, "public", "delays", 1, false, FIELDS(delays, 0), first_column, 1, false,
		"SELECT origin, count(*) AS flights, avg(delay) AS avg_delay FROM flights GROUP BY origin"},
	{SQL_VIEW, "public", "delays", 2, true, FIELDS(delays, 0), first_column, 1, false,
		"SELECT origin, count(*) AS flights, avg(greatest(delay, 0)) AS avg_delay FROM flights GROUP BY "
		"origin"},
	{SQL_VIEW, "public", "hourly", 1, true, FIELDS(hourly, 0), two_columns, 2, false,
		"SELECT origin, delay AS hour, count(*) AS flights FROM flights GROUP BY 1, 2"},
	{SQL_VIEW, "public", "nested", 1, true, FIELDS(nested, 0), NULL, 0, false,
		"SELECT origin FROM delays WHERE flights > 10"},
	{SQL_VIEW, "public", "loop", 1, true, FIELDS(nested, 0), NULL, 0, false, "SELECT origin FROM loop"},
	{SQL_SYSTEM, "kappa", "versions", 0, true, FIELDS(versions, 0), NULL, 0, false, NULL},
};

static void relation_fill(const struct relation_facts *facts, struct arena *arena, struct sql_relation *out)
{
	struct schema schema = {(struct field *)(uintptr_t)facts->fields, facts->field_count};
	*out = (struct sql_relation){.kind = facts->kind,
		.schema_name = facts->schema_name,
		.name = facts->name,
		.version = facts->version,
		.schema = schema_copy(&schema, arena),
		.visible_count = facts->visible_count,
		.key_columns = facts->key_columns,
		.key_count = facts->key_count,
		.has_key = facts->key_count > 0,
		.append_only = facts->append_only,
		.row_estimate = 1000,
		.definition = facts->definition};
}

static status catalog_find(struct sql_catalog *catalog, const char *schema_name, const char *name,
	int64_t version, struct arena *arena, struct sql_relation *out)
{
	(void)catalog;
	for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
		const struct relation_facts *facts = &relations[i];
		if (strcmp(facts->name, name) != 0 ||
			(schema_name != NULL && strcmp(facts->schema_name, schema_name) != 0))
			continue;
		if (version == 0 ? !facts->live : facts->version != version)
			continue;
		relation_fill(facts, arena, out);
		return STATUS_OK;
	}
	return error_raise(STATUS_UNKNOWN_RELATION, "relation \"%s%s%s\" does not exist",
		schema_name != NULL ? schema_name : "", schema_name != NULL ? "." : "", name);
}

static status catalog_find_function(struct sql_catalog *catalog, const char *schema_name, const char *name,
	const struct value *arguments, size_t argument_count, struct arena *arena, struct sql_relation *out)
{
	(void)catalog;
	bool kappa = schema_name != NULL && strcmp(schema_name, "kappa") == 0;
	struct relation_facts facts = {
		SQL_SYSTEM, "kappa", name, 0, true, FIELDS(promoted, 0), NULL, 0, false, NULL};
	if (kappa && strcmp(name, "promote") == 0 && argument_count == 2 && arguments[0].type.id == TYPE_TEXT) {
		relation_fill(&facts, arena, out);
		return STATUS_OK;
	}
	if (kappa && strcmp(name, "diff") == 0 && argument_count == 3) {
		facts.fields = versions;
		facts.field_count = facts.visible_count = 3;
		relation_fill(&facts, arena, out);
		return STATUS_OK;
	}
	if (schema_name == NULL && strcmp(name, "version") == 0 && argument_count == 0) {
		relation_fill(&facts, arena, out);
		out->has_key = true;
		return STATUS_OK;
	}
	return error_raise(STATUS_UNKNOWN_FUNCTION, "no such function");
}

struct sql_catalog *support_catalog(void)
{
	static struct sql_catalog catalog = {catalog_find, catalog_find_function};
	return &catalog;
}

void support_describe_error(struct buffer *out)
{
	const struct error *error = error_current();
	out->size = 0;
	buffer_printf(out, "%s @%d: %s", error->sqlstate, error->position, error->text);
	if (error->hint[0] != '\0')
		buffer_printf(out, " [%s]", error->hint);
}
