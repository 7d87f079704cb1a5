/* Names and types as the parser's trees spell them. Pure functions; any thread. */
#include "processors/sql_internal.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/invariant.h"

enum { NUMERIC_PRECISION_MAX = 38, NUMERIC_PRECISION_MAX_POSTGRES = 1000, VARCHAR_LENGTH_MAX = 10485760 };

const char *sql_string_of(const sql_node *node)
{
	return node != NULL && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : NULL;
}

const char *sql_qualified_of(sql_node *const *names, size_t count, const char **schema_name)
{
	*schema_name = count >= 2 ? sql_string_of(names[count - 2]) : NULL;
	const char *last = count >= 1 ? sql_string_of(names[count - 1]) : NULL;
	return last != NULL ? last : "";
}

void sql_name_split(const char *written, struct arena *arena, const char **name, int64_t *version)
{
	const char *at = strrchr(written, '@');
	*name = arena_copy_string(arena, written);
	*version = 0;
	if (at == NULL || at == written || at[1] == '\0' || at[1] == '0' || strlen(at + 1) > 9)
		return;
	int64_t number = 0;
	for (const char *digit = at + 1; *digit != '\0'; digit++) {
		if (!isdigit((unsigned char)*digit))
			return;
		number = number * 10 + (*digit - '0');
	}
	*version = number;
	char *bare = arena_copy_string(arena, written);
	bare[at - written] = '\0';
	*name = bare;
}

status sql_name_of(
	const struct sql_tree *tree, const PgQuery__RangeVar *range, struct arena *arena, struct sql_name *out)
{
	if (range->catalogname != NULL && range->catalogname[0] != '\0')
		return sql_unsupported(tree, range->location, "Write schema.name; there is one database.",
			"a database name in \"%s.%s.%s\"", range->catalogname, range->schemaname, range->relname);
	struct sql_name name = {.position = sql_tree_position(tree, range->location)};
	if (range->schemaname != NULL && range->schemaname[0] != '\0')
		name.schema_name = arena_copy_string(arena, range->schemaname);
	sql_name_split(range->relname, arena, &name.name, &name.version);
	int64_t noted = sql_version_at(tree, range->location);
	if (noted != 0 && name.version != 0)
		return sql_fail(STATUS_SYNTAX, tree, range->location, "\"%s\" has two versions", range->relname);
	if (noted != 0)
		name.version = noted;
	*out = name;
	return STATUS_OK;
}

/* ---- types ---- */

static bool typmod_integer(const sql_node *node, int32_t *out)
{
	if (node->node_case != PG_QUERY__NODE__NODE_A_CONST ||
		node->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
		return false;
	*out = node->a_const->ival->ival;
	return true;
}

static status numeric_modifier(const struct sql_tree *tree, const PgQuery__TypeName *name, struct type *out)
{
	int32_t precision = 0, scale = 0;
	if (name->n_typmods > 2 || !typmod_integer(name->typmods[0], &precision) ||
		(name->n_typmods == 2 && !typmod_integer(name->typmods[1], &scale)))
		return sql_fail(STATUS_INVALID, tree, name->location, "invalid NUMERIC type modifier");
	if (precision < 1 || precision > NUMERIC_PRECISION_MAX_POSTGRES)
		return sql_fail(STATUS_INVALID, tree, name->location, "NUMERIC precision %d must be between 1 and %d",
			precision, NUMERIC_PRECISION_MAX_POSTGRES);
	if (precision > NUMERIC_PRECISION_MAX || scale < 0 || scale > NUMERIC_PRECISION_MAX)
		return sql_unsupported(tree, name->location,
			"Numerics hold up to 38 digits, with a scale of 0 to 38.", "numeric(%d,%d)", precision, scale);
	out->modifier = precision << 16 | scale;
	return STATUS_OK;
}

static status varchar_modifier(const struct sql_tree *tree, const PgQuery__TypeName *name, struct type *out)
{
	int32_t length = 0;
	if (name->n_typmods != 1 || !typmod_integer(name->typmods[0], &length))
		return sql_fail(STATUS_INVALID, tree, name->location, "invalid type modifier");
	if (length < 1)
		return sql_fail(STATUS_INVALID, tree, name->location, "length for type varchar must be at least 1");
	if (length > VARCHAR_LENGTH_MAX)
		return sql_fail(STATUS_INVALID, tree, name->location, "length for type varchar cannot exceed %d",
			VARCHAR_LENGTH_MAX);
	out->modifier = length;
	return STATUS_OK;
}

/* INTERVAL … DAY, INTERVAL(p): the mask of fields, then the precision. */
static status interval_modifier(const struct sql_tree *tree, const PgQuery__TypeName *name, int32_t *fields)
{
	enum { INTERVAL_FULL_RANGE = 0x7fff };
	int32_t mask = 0, precision = 6;
	if (fields == NULL || !typmod_integer(name->typmods[0], &mask) ||
		(name->n_typmods == 2 && !typmod_integer(name->typmods[1], &precision)) || precision != 6)
		return sql_unsupported(
			tree, name->location, "Intervals keep microseconds.", "interval with a precision");
	*fields = mask == INTERVAL_FULL_RANGE ? 0 : mask;
	return STATUS_OK;
}

static status type_modifier(
	const struct sql_tree *tree, const PgQuery__TypeName *name, struct type *out, int32_t *interval_fields)
{
	int32_t precision = 0;
	switch (out->id) {
	case TYPE_NUMERIC:
		return numeric_modifier(tree, name, out);
	case TYPE_VARCHAR:
		return varchar_modifier(tree, name, out);
	case TYPE_INTERVAL:
		return interval_modifier(tree, name, interval_fields);
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		if (typmod_integer(name->typmods[0], &precision) && precision == 6)
			return STATUS_OK;
		return sql_unsupported(tree, name->location,
			"Timestamps keep microseconds; use date_trunc() to round them.", "%s with a precision",
			type_name(out->id));
	default:
		return sql_fail(STATUS_SYNTAX, tree, name->location, "type modifier is not allowed for type \"%s\"",
			type_name(out->id));
	}
}

/* Types of PostgreSQL's that we know of but do not have, and what to use instead. */
static const char *type_instead(const char *name)
{
	static const struct {
		const char *name, *instead;
	} known[] = {
		{"bpchar", "Use text or varchar(n)."},
		{"char", "Use text or varchar(n)."},
		{"name", "Use text."},
		{"json", "Use text; the fields of JSON records become columns of a table."},
		{"jsonb", "Use text; the fields of JSON records become columns of a table."},
		{"uuid", "Use text."},
		{"time", "Use timestamp or interval."},
		{"timetz", "Use timestamptz."},
		{"money", "Use numeric."},
		{"oid", "Use bigint."},
		{"serial", "Records have _partition and _offset; a table needs no serial."},
		{"bigserial", "Records have _partition and _offset; a table needs no serial."},
		{"inet", "Use text."},
		{"xml", "Use text."},
		{"bit", "Use bytea or bigint."},
		{"varbit", "Use bytea."},
		{"point", "Use two columns of double precision."},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(name, known[i].name) == 0)
			return known[i].instead;
	}
	return strncmp(name, "reg", 3) == 0 ? "Use text." : NULL;
}

status sql_type_of(
	const struct sql_tree *tree, const PgQuery__TypeName *name, struct type *out, int32_t *interval_fields)
{
	const char *schema_name;
	const char *bare = sql_qualified_of(name->names, name->n_names, &schema_name);
	struct type type = type_of(TYPE_UNKNOWN);
	if (interval_fields != NULL)
		*interval_fields = 0;
	if (name->setof || name->pct_type)
		return sql_unsupported(tree, name->location, NULL, "%s", name->setof ? "SETOF" : "%TYPE");
	if (name->n_array_bounds > 0)
		return sql_unsupported(tree, name->location, "Use one row per element.", "an array type");
	bool ours = schema_name == NULL || strcmp(schema_name, "pg_catalog") == 0;
	if (!ours || type_parse(bare, &type.id) != STATUS_OK || type.id == TYPE_UNKNOWN ||
		type.id == TYPE_INT2VECTOR) {
		const char *instead = ours ? type_instead(bare) : NULL;
		if (instead != NULL)
			return sql_unsupported(tree, name->location, instead, "type %s", bare);
		(void)error_raise(
			STATUS_INVALID, "type \"%s%s%s\" does not exist", ours ? "" : schema_name, ours ? "" : ".", bare);
		error_sqlstate("42704");
		error_position(sql_tree_position(tree, name->location));
		error_hint(
			"Types are boolean, smallint, integer, bigint, real, double precision, numeric, text, varchar, "
			"bytea, date, timestamp, timestamptz, interval.");
		return STATUS_INVALID;
	}
	if (name->n_typmods > 0) {
		status code = type_modifier(tree, name, &type, interval_fields);
		if (code != STATUS_OK)
			return code;
	}
	*out = type;
	return STATUS_OK;
}
