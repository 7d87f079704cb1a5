/* From the descriptions of kafka_messages.h: a C struct `struct kafka_NAME` and a table
 * `kafka_NAME_schema` for every message part. The tables are constant data; any thread.
 *
 *   BOOL INT8 INT16 INT32 INT64   bool, int8_t … int64_t
 *   UUID                          uint8_t [16]
 *   STRING BYTES                  struct slice; data == NULL is null
 *   INT32S INT64S STRINGS         int32_t *, int64_t *, struct slice *, with name##_count; −1 is null
 */
#ifndef KAPPA_INGEST_KAFKA_SCHEMA_H
#define KAPPA_INGEST_KAFKA_SCHEMA_H

#include <stddef.h>

#include "base/bytes.h"
#include "ingest/kafka_messages.h"

enum kafka_type {
	KAFKA_BOOL,
	KAFKA_INT8,
	KAFKA_INT16,
	KAFKA_INT32,
	KAFKA_INT64,
	KAFKA_UUID,
	KAFKA_STRING,
	KAFKA_BYTES,
	KAFKA_INT32S,
	KAFKA_INT64S,
	KAFKA_STRINGS,
	KAFKA_ARRAY, /* of structs */
};

struct kafka_schema;

struct kafka_field {
	const char *name;
	const struct kafka_schema *element; /* of a KAFKA_ARRAY */
	int64_t default_value;              /* of numbers */
	int16_t from, to, nullable_from;    /* versions */
	int16_t tag;                        /* −1 = not tagged */
	uint16_t offset, count_offset;      /* in the struct */
	enum kafka_type type;
};

struct kafka_schema {
	const char *name;
	size_t size; /* of the C struct */
	const struct kafka_field *fields;
	size_t field_count;
};

/* clang-format off */
#define KAFKA_C_BOOL(name) bool name;
#define KAFKA_C_INT8(name) int8_t name;
#define KAFKA_C_INT16(name) int16_t name;
#define KAFKA_C_INT32(name) int32_t name;
#define KAFKA_C_INT64(name) int64_t name;
#define KAFKA_C_UUID(name) uint8_t name[16];
#define KAFKA_C_STRING(name) struct slice name;
#define KAFKA_C_BYTES(name) struct slice name;
#define KAFKA_C_INT32S(name) int32_t *name; int32_t name##_count;
#define KAFKA_C_INT64S(name) int64_t *name; int32_t name##_count;
#define KAFKA_C_STRINGS(name) struct slice *name; int32_t name##_count;

#define KAFKA_C_FIELD(S, type, name, ...) KAFKA_C_##type(name)
#define KAFKA_C_ELEMENTS(S, element, name, ...) struct kafka_##element *name; int32_t name##_count;
#define KAFKA_C_STRUCT(NAME) \
	struct kafka_##NAME { KAFKA_FIELDS_##NAME(NAME, KAFKA_C_FIELD, KAFKA_C_ELEMENTS, KAFKA_C_FIELD) }; \
	extern const struct kafka_schema kafka_##NAME##_schema;

KAFKA_STRUCTS(KAFKA_C_STRUCT)
/* clang-format on */

#endif
