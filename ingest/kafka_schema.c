/* The tables of kafka_schema.h, generated from kafka_messages.h. */
#include "ingest/kafka_schema.h"

/* clang-format off */
#define COUNT_BOOL(S, name) 0
#define COUNT_INT8(S, name) 0
#define COUNT_INT16(S, name) 0
#define COUNT_INT32(S, name) 0
#define COUNT_INT64(S, name) 0
#define COUNT_UUID(S, name) 0
#define COUNT_STRING(S, name) 0
#define COUNT_BYTES(S, name) 0
#define COUNT_INT32S(S, name) offsetof(struct kafka_##S, name##_count)
#define COUNT_INT64S(S, name) offsetof(struct kafka_##S, name##_count)
#define COUNT_STRINGS(S, name) offsetof(struct kafka_##S, name##_count)

#define TABLE_TAGGED(S, type_, name_, from_, to_, nullable_, default_, tag_) \
	{.name = #name_, .type = KAFKA_##type_, .from = from_, .to = to_, .nullable_from = nullable_, \
	 .tag = tag_, .default_value = default_, .offset = offsetof(struct kafka_##S, name_), \
	 .count_offset = COUNT_##type_(S, name_)},
#define TABLE_FIELD(S, type_, name_, from_, to_, nullable_, default_) \
	TABLE_TAGGED(S, type_, name_, from_, to_, nullable_, default_, -1)
#define TABLE_ELEMENTS(S, element_, name_, from_, to_, nullable_) \
	{.name = #name_, .type = KAFKA_ARRAY, .from = from_, .to = to_, .nullable_from = nullable_, .tag = -1, \
	 .element = &kafka_##element_##_schema, .offset = offsetof(struct kafka_##S, name_), \
	 .count_offset = offsetof(struct kafka_##S, name_##_count)},

#define TABLE(NAME) \
	static const struct kafka_field NAME##_fields[] = { \
		KAFKA_FIELDS_##NAME(NAME, TABLE_FIELD, TABLE_ELEMENTS, TABLE_TAGGED)}; \
	const struct kafka_schema kafka_##NAME##_schema = { \
		#NAME, sizeof(struct kafka_##NAME), NAME##_fields, sizeof NAME##_fields / sizeof NAME##_fields[0]};

KAFKA_STRUCTS(TABLE)
/* clang-format on */
