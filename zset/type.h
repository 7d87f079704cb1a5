/* SQL types and how their values lie in memory.
 *
 * A logical type (PostgreSQL's name, OID, text form) maps onto one of six physical forms; kernels are written
 * per physical form, range checks per logical type.
 *
 *   PHYS_BOOL     uint8_t 0/1           boolean
 *   PHYS_I64      int64_t               smallint, integer, bigint; date (days since 1970-01-01);
 *                                       timestamp, timestamptz (µs since 1970-01-01 00:00 UTC)
 *   PHYS_F64      double                real (every value rounded to float), double precision
 *   PHYS_DECIMAL  struct decimal        numeric
 *   PHYS_TEXT     struct text           text, varchar, bytea, int2vector, unknown (an untyped literal)
 *   PHYS_INTERVAL struct interval       interval
 *
 * Infinity: timestamps and dates use INT64_MAX / INT64_MIN for 'infinity' / '-infinity'. NaN numerics are not
 * supported (STATUS_OUT_OF_RANGE). Numerics hold 38 digits; what needs more is STATUS_OUT_OF_RANGE "numeric
 * field overflow".
 */
#ifndef KAPPA_ZSET_TYPE_H
#define KAPPA_ZSET_TYPE_H

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"

enum physical { PHYS_BOOL, PHYS_I64, PHYS_F64, PHYS_DECIMAL, PHYS_TEXT, PHYS_INTERVAL };

/* X(name, SQL spelling, PostgreSQL OID, physical, wire size (−1 variable)) */
#define TYPE_MAP(X)                                                                                          \
	X(UNKNOWN, "unknown", 705, PHYS_TEXT, -2)                                                                \
	X(BOOL, "boolean", 16, PHYS_BOOL, 1)                                                                     \
	X(INT2, "smallint", 21, PHYS_I64, 2)                                                                     \
	X(INT4, "integer", 23, PHYS_I64, 4)                                                                      \
	X(INT8, "bigint", 20, PHYS_I64, 8)                                                                       \
	X(FLOAT4, "real", 700, PHYS_F64, 4)                                                                      \
	X(FLOAT8, "double precision", 701, PHYS_F64, 8)                                                          \
	X(NUMERIC, "numeric", 1700, PHYS_DECIMAL, -1)                                                            \
	X(TEXT, "text", 25, PHYS_TEXT, -1)                                                                       \
	X(VARCHAR, "character varying", 1043, PHYS_TEXT, -1)                                                     \
	X(BYTEA, "bytea", 17, PHYS_TEXT, -1)                                                                     \
	X(DATE, "date", 1082, PHYS_I64, 4)                                                                       \
	X(TIMESTAMP, "timestamp without time zone", 1114, PHYS_I64, 8)                                           \
	X(TIMESTAMPTZ, "timestamp with time zone", 1184, PHYS_I64, 8)                                            \
	X(INTERVAL, "interval", 1186, PHYS_INTERVAL, 16)                                                         \
	X(INT2VECTOR, "int2vector", 22, PHYS_TEXT, -1) /* "1 2"; only columns of catalogs are of it */

enum type_id {
#define X(name, spelling, oid, physical, size) TYPE_##name,
	TYPE_MAP(X)
#undef X
		TYPE_COUNT
};

struct decimal {
	__int128 value; /* unscaled; |value| < 10^38 */
	int32_t scale;  /* digits after the point, 0…38; the display scale, as PostgreSQL's dscale */
	int32_t reserved[3];
};

struct interval {
	int64_t microseconds;
	int32_t days;
	int32_t months;
};

struct text {
	const char *data; /* borrowed; not NUL-terminated; valid as long as the batch or arena it lies in */
	uint32_t size;
	uint32_t reserved;
};

enum { TEXT_SIZE_MAX = 64 * 1024 * 1024 };

struct type {
	enum type_id id;
	/* NUMERIC: precision << 16 | scale, −1 = unconstrained. VARCHAR: greatest length in characters, −1 =
	 * unlimited. Otherwise −1. */
	int32_t modifier;
};

static inline struct type type_of(enum type_id id)
{
	return (struct type){id, -1};
}

const char *type_name(enum type_id id); /* "bigint" */
uint32_t type_oid(enum type_id id);
int16_t type_wire_size(enum type_id id); /* PostgreSQL's typlen */
enum physical type_physical(enum type_id id);
size_t physical_size(enum physical physical); /* bytes a value takes in a column */
/* "numeric(10,2)", "character varying(20)"; in the arena. */
const char *type_format(struct type type, struct arena *arena);
/* Accepts PostgreSQL's names and aliases (int, int4, bigint, float8, timestamptz, …), case-insensitive,
 * without modifier; NOT_FOUND. */
status type_parse(const char *name, enum type_id *out) MUST_USE;
bool type_is_numeric(enum type_id id); /* INT2…NUMERIC */
bool type_is_string(enum type_id id);  /* TEXT, VARCHAR, UNKNOWN */

/* One value outside of a column: a constant, a bound, a parameter. */
struct value {
	struct type type;
	bool null;
	union {
		bool boolean;
		int64_t i64;
		double f64;
		struct decimal decimal;
		struct text text;
		struct interval interval;
	};
};

/* PostgreSQL's input syntax for the type ("1e3", " t ", "2001-01-01 00:03", "1 day 02:00"); text results are
 * copied into the arena; the modifier is applied (rounded, length-checked). BAD_TEXT, BAD_DATETIME,
 * OUT_OF_RANGE, TOO_LARGE. */
status value_parse(struct type type, struct slice text, struct arena *arena, struct value *out) MUST_USE;
/* PostgreSQL's output text (ISO dates, UTC "+00", extra_float_digits = 1 shortest floats, bytea hex). Not for
 * null. */
void value_format(const struct value *value, struct buffer *out);
/* Binary wire form, as PostgreSQL's typsend / typreceive. */
void value_send(const struct value *value, struct buffer *out);
status value_receive(struct type type, struct slice bytes, struct arena *arena, struct value *out) MUST_USE;
/* Total order of PostgreSQL's btree for the type; both non-null and of the same type. NaN is greatest, text
 * by bytes (collation "C"). */
int value_compare(const struct value *left, const struct value *right);

#endif
