/* SQL types: names, OIDs, wire sizes, physical forms. Constant tables made from TYPE_MAP; no state, any
 * thread. */
#include "zset/type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/invariant.h"

struct type_facts {
	const char *name;
	uint32_t oid;
	enum physical physical;
	int16_t wire_size;
};

static const struct type_facts facts[TYPE_COUNT] = {
#define X(name, spelling, oid, physical, size) [TYPE_##name] = {spelling, oid, physical, size},
	TYPE_MAP(X)
#undef X
};

/* What people write beside the names in TYPE_MAP. */
static const struct {
	const char *name;
	enum type_id id;
} aliases[] = {
	{"bool", TYPE_BOOL},
	{"int2", TYPE_INT2},
	{"int", TYPE_INT4},
	{"int4", TYPE_INT4},
	{"int8", TYPE_INT8},
	{"oid", TYPE_INT8}, /* as in casts of clients: '23'::pg_catalog.oid */
	{"name", TYPE_TEXT},
	{"float4", TYPE_FLOAT4},
	{"float8", TYPE_FLOAT8},
	{"float", TYPE_FLOAT8},
	{"decimal", TYPE_NUMERIC},
	{"dec", TYPE_NUMERIC},
	{"varchar", TYPE_VARCHAR},
	{"timestamp", TYPE_TIMESTAMP},
	{"timestamptz", TYPE_TIMESTAMPTZ},
};

_Static_assert(sizeof(struct decimal) == 32, "decimals are 16-byte aligned in columns");
_Static_assert(sizeof(struct text) == 16, "texts fill 16 bytes");
_Static_assert(sizeof(struct interval) == 16, "intervals fill 16 bytes");

static const struct type_facts *facts_of(enum type_id id)
{
	INVARIANT((unsigned)id < TYPE_COUNT);
	return &facts[id];
}

const char *type_name(enum type_id id)
{
	return facts_of(id)->name;
}

uint32_t type_oid(enum type_id id)
{
	return facts_of(id)->oid;
}

int16_t type_wire_size(enum type_id id)
{
	return facts_of(id)->wire_size;
}

enum physical type_physical(enum type_id id)
{
	return facts_of(id)->physical;
}

size_t physical_size(enum physical physical)
{
	switch (physical) {
	case PHYS_BOOL:
		return sizeof(uint8_t);
	case PHYS_I64:
		return sizeof(int64_t);
	case PHYS_F64:
		return sizeof(double);
	case PHYS_DECIMAL:
		return sizeof(struct decimal);
	case PHYS_TEXT:
		return sizeof(struct text);
	case PHYS_INTERVAL:
		return sizeof(struct interval);
	}
	INVARIANT(physical <= PHYS_INTERVAL);
	return 0;
}

const char *type_format(struct type type, struct arena *arena)
{
	const char *name = type_name(type.id);
	if (type.modifier < 0)
		return arena_copy_string(arena, name);
	if (type.id == TYPE_NUMERIC)
		return arena_printf(
			arena, "%s(%d,%d)", name, type.modifier >> 16, (int)(int16_t)(type.modifier & 0xffff));
	if (type.id == TYPE_VARCHAR)
		return arena_printf(arena, "%s(%d)", name, type.modifier);
	return arena_copy_string(arena, name);
}

status type_parse(const char *name, enum type_id *out)
{
	const char *bare = strncasecmp(name, "pg_catalog.", 11) == 0 ? name + 11 : name;
	for (unsigned id = 0; id < TYPE_COUNT; id++) {
		if (strcasecmp(bare, facts[id].name) == 0) {
			*out = (enum type_id)id;
			return STATUS_OK;
		}
	}
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
		if (strcasecmp(bare, aliases[i].name) == 0) {
			*out = aliases[i].id;
			return STATUS_OK;
		}
	}
	(void)error_raise(STATUS_NOT_FOUND, "type \"%s\" does not exist", name);
	error_hint(
		"Known types: boolean, smallint, integer, bigint, real, double precision, numeric, text, varchar, "
		"bytea, date, timestamp, timestamptz, interval.");
	error_sqlstate("42704");
	return STATUS_NOT_FOUND;
}

bool type_is_numeric(enum type_id id)
{
	return id >= TYPE_INT2 && id <= TYPE_NUMERIC;
}

bool type_is_string(enum type_id id)
{
	return id == TYPE_TEXT || id == TYPE_VARCHAR || id == TYPE_UNKNOWN;
}
