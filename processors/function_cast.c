/* Which types cast to which, when, and by which kernel: PostgreSQL's pg_cast plus casts through text form.
 * And what follows from that: categories, coercibility, the common type of several. Constant tables, any
 * thread.
 *
 * Kernels are in function_cast_numeric.c, function_cast_datetime.c and function_cast_text.c.
 */
#include "processors/function_cast.h"

#include "base/invariant.h"
#include "processors/function_family.h"

struct cast {
	enum type_id from;
	enum cast_context context; /* the weakest it may be used in */
	struct function function;
};

#define CAST(from, to, context, flags, kernel)                                                               \
	{                                                                                                        \
		TYPE_##from, CAST_##context,                                                                         \
		{                                                                                                    \
			"cast", TYPE_##to, 1, FUNCTION_CAST | FUNCTION_STRICT | (flags), {TYPE_##from}, kernel           \
		}                                                                                                    \
	}
#define RELABEL(from, to, context) CAST(from, to, context, FUNCTION_RELABEL, NULL)

static const struct cast casts[] = {
	RELABEL(INT2, INT4, IMPLICIT),
	RELABEL(INT2, INT8, IMPLICIT),
	RELABEL(INT4, INT8, IMPLICIT),
	CAST(INT4, INT2, ASSIGNMENT, FAILS, cast_integer_narrow),
	CAST(INT8, INT2, ASSIGNMENT, FAILS, cast_integer_narrow),
	CAST(INT8, INT4, ASSIGNMENT, FAILS, cast_integer_narrow),
	CAST(INT2, FLOAT4, IMPLICIT, 0, cast_integer_to_float4),
	CAST(INT4, FLOAT4, IMPLICIT, 0, cast_integer_to_float4),
	CAST(INT8, FLOAT4, IMPLICIT, 0, cast_integer_to_float4),
	CAST(INT2, FLOAT8, IMPLICIT, 0, cast_integer_to_float8),
	CAST(INT4, FLOAT8, IMPLICIT, 0, cast_integer_to_float8),
	CAST(INT8, FLOAT8, IMPLICIT, 0, cast_integer_to_float8),
	CAST(INT2, NUMERIC, IMPLICIT, FAILS, cast_integer_to_numeric),
	CAST(INT4, NUMERIC, IMPLICIT, FAILS, cast_integer_to_numeric),
	CAST(INT8, NUMERIC, IMPLICIT, FAILS, cast_integer_to_numeric),
	RELABEL(FLOAT4, FLOAT8, IMPLICIT),
	CAST(FLOAT8, FLOAT4, ASSIGNMENT, FAILS, cast_float8_to_float4),
	CAST(FLOAT4, INT2, ASSIGNMENT, FAILS, cast_float_to_integer),
	CAST(FLOAT4, INT4, ASSIGNMENT, FAILS, cast_float_to_integer),
	CAST(FLOAT4, INT8, ASSIGNMENT, FAILS, cast_float_to_integer),
	CAST(FLOAT8, INT2, ASSIGNMENT, FAILS, cast_float_to_integer),
	CAST(FLOAT8, INT4, ASSIGNMENT, FAILS, cast_float_to_integer),
	CAST(FLOAT8, INT8, ASSIGNMENT, FAILS, cast_float_to_integer),
	CAST(FLOAT4, NUMERIC, ASSIGNMENT, FAILS, cast_float_to_numeric),
	CAST(FLOAT8, NUMERIC, ASSIGNMENT, FAILS, cast_float_to_numeric),
	CAST(NUMERIC, FLOAT4, IMPLICIT, FAILS, cast_numeric_to_float),
	CAST(NUMERIC, FLOAT8, IMPLICIT, 0, cast_numeric_to_float),
	CAST(NUMERIC, INT2, ASSIGNMENT, FAILS, cast_numeric_to_integer),
	CAST(NUMERIC, INT4, ASSIGNMENT, FAILS, cast_numeric_to_integer),
	CAST(NUMERIC, INT8, ASSIGNMENT, FAILS, cast_numeric_to_integer),
	CAST(BOOL, INT4, EXPLICIT, 0, cast_boolean_to_integer),
	CAST(INT4, BOOL, EXPLICIT, 0, cast_integer_to_boolean),

	CAST(DATE, TIMESTAMP, IMPLICIT, FAILS, cast_date_to_timestamp),
	CAST(DATE, TIMESTAMPTZ, IMPLICIT, FAILS, cast_date_to_timestamp),
	CAST(TIMESTAMP, DATE, ASSIGNMENT, 0, cast_timestamp_to_date),
	CAST(TIMESTAMPTZ, DATE, ASSIGNMENT, 0, cast_timestamp_to_date),
	RELABEL(TIMESTAMP, TIMESTAMPTZ, IMPLICIT), /* sessions are in UTC */
	RELABEL(TIMESTAMPTZ, TIMESTAMP, ASSIGNMENT),

	RELABEL(TEXT, VARCHAR, IMPLICIT), /* without a length; see varchar_assign and varchar_cut */
	RELABEL(VARCHAR, TEXT, IMPLICIT),
};
enum { CASTS = sizeof casts / sizeof casts[0] };

/* Length coercions: a type to itself with a modifier. */
#define COERCION(type, flags, kernel)                                                                        \
	{                                                                                                        \
		"cast", TYPE_##type, 1, FUNCTION_CAST | FUNCTION_STRICT | (flags), {TYPE_##type}, kernel             \
	}
static const struct function numeric_apply = COERCION(NUMERIC, FAILS, cast_numeric_to_numeric);
static const struct function varchar_assign = COERCION(VARCHAR, FAILS, cast_varchar_assign);
static const struct function varchar_cut = COERCION(VARCHAR, 0, cast_varchar_cut);

/* To text and varchar; [from]. An assignment is allowed for every type. */
#define TO_TEXT(from, to, kernel)                                                                            \
	[TYPE_##from] = {                                                                                        \
		"cast", TYPE_##to, 1, FUNCTION_CAST | FUNCTION_STRICT | FUNCTION_FAILS, {TYPE_##from}, kernel}
#define TO_TEXT_ALL(to, boolean_kernel, kernel)                                                              \
	{                                                                                                        \
		TO_TEXT(BOOL, to, boolean_kernel), TO_TEXT(INT2, to, kernel), TO_TEXT(INT4, to, kernel),             \
			TO_TEXT(INT8, to, kernel), TO_TEXT(FLOAT4, to, kernel), TO_TEXT(FLOAT8, to, kernel),             \
			TO_TEXT(NUMERIC, to, kernel), TO_TEXT(BYTEA, to, kernel), TO_TEXT(DATE, to, kernel),             \
			TO_TEXT(TIMESTAMP, to, kernel), TO_TEXT(TIMESTAMPTZ, to, kernel), TO_TEXT(INTERVAL, to, kernel), \
	}
static const struct function to_text[TYPE_COUNT] = TO_TEXT_ALL(TEXT, cast_to_text, cast_to_text);
static const struct function to_varchar[TYPE_COUNT] =
	TO_TEXT_ALL(VARCHAR, cast_to_varchar_cut, cast_to_varchar_cut);
static const struct function to_varchar_assign[TYPE_COUNT] =
	TO_TEXT_ALL(VARCHAR, cast_to_varchar_assign, cast_to_varchar_assign);

/* From text, by input syntax; [to]. Explicit, but an untyped literal may become anything. */
#define FROM_TEXT(to)                                                                                        \
	[TYPE_##to] = {                                                                                          \
		"cast", TYPE_##to, 1, FUNCTION_CAST | FUNCTION_STRICT | FUNCTION_FAILS, {TYPE_TEXT}, cast_from_text}
static const struct function from_text[TYPE_COUNT] = {
	FROM_TEXT(BOOL),
	FROM_TEXT(INT2),
	FROM_TEXT(INT4),
	FROM_TEXT(INT8),
	FROM_TEXT(FLOAT4),
	FROM_TEXT(FLOAT8),
	FROM_TEXT(NUMERIC),
	FROM_TEXT(BYTEA),
	FROM_TEXT(DATE),
	FROM_TEXT(TIMESTAMP),
	FROM_TEXT(TIMESTAMPTZ),
	FROM_TEXT(INTERVAL),
};

/* A type to itself, for int4(x) of an integer x and its like; [type]. */
#define IDENTITY(type)                                                                                       \
	[TYPE_##type] = {                                                                                        \
		"cast", TYPE_##type, 1, FUNCTION_CAST | FUNCTION_STRICT | FUNCTION_RELABEL, {TYPE_##type}, NULL}
static const struct function identities[TYPE_COUNT] = {
	IDENTITY(BOOL),
	IDENTITY(INT2),
	IDENTITY(INT4),
	IDENTITY(INT8),
	IDENTITY(FLOAT4),
	IDENTITY(FLOAT8),
	IDENTITY(NUMERIC),
	IDENTITY(TEXT),
	IDENTITY(VARCHAR),
	IDENTITY(BYTEA),
	IDENTITY(DATE),
	IDENTITY(TIMESTAMP),
	IDENTITY(TIMESTAMPTZ),
	IDENTITY(INTERVAL),
};

const struct function *cast_by_name(const char *name, enum type_id from)
{
	enum type_id to;
	const struct function *cast;
	if (type_parse(name, &to) != STATUS_OK || to == TYPE_UNKNOWN ||
		cast_find(from, type_of(to), CAST_EXPLICIT, &cast) != STATUS_OK)
		return NULL;
	return cast != NULL ? cast : &identities[to];
}

char type_category(enum type_id id)
{
	switch (id) {
	case TYPE_BOOL:
		return 'B';
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
	case TYPE_NUMERIC:
		return 'N';
	case TYPE_TEXT:
	case TYPE_VARCHAR:
		return 'S';
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return 'D';
	case TYPE_INTERVAL:
		return 'T';
	case TYPE_BYTEA:
		return 'U';
	case TYPE_INT2VECTOR:
		return 'A';
	case TYPE_UNKNOWN:
	case TYPE_COUNT:
		return 'X';
	}
	return 'X';
}

bool type_preferred(enum type_id id)
{
	return id == TYPE_BOOL || id == TYPE_FLOAT8 || id == TYPE_TEXT || id == TYPE_TIMESTAMPTZ ||
		   id == TYPE_INTERVAL;
}

static const struct cast *cast_between(enum type_id from, enum type_id to)
{
	for (size_t i = 0; i < CASTS; i++) {
		if (casts[i].from == from && casts[i].function.result == to)
			return &casts[i];
	}
	return NULL;
}

bool type_coercible(enum type_id from, enum type_id to)
{
	if (from == to || from == TYPE_UNKNOWN || to == FUNCTION_TYPE_ANY)
		return true;
	const struct cast *cast = cast_between(from, to);
	return cast != NULL && cast->context == CAST_IMPLICIT;
}

static status cast_refused(enum type_id from, struct type to, enum cast_context context)
{
	if (context == CAST_EXPLICIT) {
		(void)error_raise(
			STATUS_TYPE_MISMATCH, "cannot cast type %s to %s", type_name(from), type_name(to.id));
		error_sqlstate("42846");
		return STATUS_TYPE_MISMATCH;
	}
	(void)error_raise(STATUS_TYPE_MISMATCH, "expression of type %s cannot be used as %s without a cast",
		type_name(from), type_name(to.id));
	error_hint("You will need to rewrite or cast the expression.");
	return STATUS_TYPE_MISMATCH;
}

static bool is_string(enum type_id id)
{
	return id == TYPE_TEXT || id == TYPE_VARCHAR;
}

/* To text or varchar: never refused in assignments. */
static status cast_to_string(
	enum type_id from, struct type to, enum cast_context context, const struct function **out)
{
	if (type_is_string(from)) {
		const struct cast *relabel = cast_between(from, to.id);
		if (to.id == TYPE_VARCHAR && to.modifier >= 0)
			*out = context == CAST_EXPLICIT ? &varchar_cut : &varchar_assign;
		else
			*out = from == to.id || from == TYPE_UNKNOWN ? NULL : &relabel->function;
		return STATUS_OK;
	}
	if (context == CAST_IMPLICIT)
		return cast_refused(from, to, context);
	if (to.id == TYPE_TEXT)
		*out = &to_text[from];
	else
		*out = context == CAST_EXPLICIT ? &to_varchar[from] : &to_varchar_assign[from];
	return STATUS_OK;
}

status cast_find(enum type_id from, struct type to, enum cast_context context, const struct function **out)
{
	if (to.id == FUNCTION_TYPE_ANY || to.id == TYPE_UNKNOWN) {
		*out = NULL;
		return STATUS_OK;
	}
	if (is_string(to.id))
		return cast_to_string(from, to, context, out);
	if (from == to.id) {
		*out = from == TYPE_NUMERIC && to.modifier >= 0 ? &numeric_apply : NULL;
		return STATUS_OK;
	}
	if (from == TYPE_UNKNOWN || (is_string(from) && context == CAST_EXPLICIT)) {
		*out = &from_text[to.id];
		return STATUS_OK;
	}
	const struct cast *cast = cast_between(from, to.id);
	if (cast == NULL || cast->context > context)
		return cast_refused(from, to, context);
	*out = &cast->function;
	return STATUS_OK;
}

status type_common(const enum type_id *types, size_t count, const char *construct, enum type_id *out)
{
	enum type_id common = TYPE_UNKNOWN;
	for (size_t i = 0; i < count; i++) {
		if (types[i] == TYPE_UNKNOWN || types[i] == common)
			continue;
		if (common == TYPE_UNKNOWN) {
			common = types[i];
			continue;
		}
		if (type_category(types[i]) != type_category(common))
			return error_raise(STATUS_TYPE_MISMATCH, "%s types %s and %s cannot be matched", construct,
				type_name(common), type_name(types[i]));
		if (!type_preferred(common) && type_coercible(common, types[i]) && !type_coercible(types[i], common))
			common = types[i];
	}
	*out = common == TYPE_UNKNOWN ? TYPE_TEXT : common;
	return STATUS_OK;
}
