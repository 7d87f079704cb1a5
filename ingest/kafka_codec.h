/* One reader and one writer for every message of the Kafka protocol, driven by kafka_schema.h's tables.
 * Flexible versions (KIP-482) use compact lengths and carry tagged fields; unknown tags are skipped.
 */
#ifndef KAPPA_INGEST_KAFKA_CODEC_H
#define KAPPA_INGEST_KAFKA_CODEC_H

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"
#include "ingest/kafka_schema.h"

struct kafka_layout {
	int16_t version;
	bool flexible;
};

/* `count` structs with their defaults set, in the arena. See KAFKA_NEW. */
void *kafka_struct_new(struct arena *arena, const struct kafka_schema *schema, int32_t count);
#define KAFKA_NEW(arena, name, count)                                                                        \
	((struct kafka_##name *)kafka_struct_new(arena, &kafka_##name##_schema, count))

/* Reads one struct from the cursor into new memory of the arena; strings and bytes borrow the cursor's
 * memory. PROTOCOL naming the field when bytes are missing or impossible; TOO_LARGE when its arrays have more
 * than `elements_max` elements together, so that a few bytes a piece cannot ask for much memory a piece.
 * Bytes after the struct are the caller's to judge. */
status kafka_read(struct cursor *cursor, const struct kafka_schema *schema, struct kafka_layout layout,
	struct arena *arena, int64_t elements_max, void **out) MUST_USE;

/* Long byte fields that kafka_write() leaves out of its buffer, so that they need not be copied: each goes
 * where it would have been. */
struct kafka_loose {
	struct kafka_loose_bytes {
		size_t at; /* position in the buffer written to */
		struct slice bytes;
	} * list;
	size_t count, capacity;
	size_t size; /* of all bytes */
};
enum { KAFKA_LOOSE_BYTES_MIN = 16 * 1024 };

/* Skips the tagged fields of a header. */
void kafka_skip_tags(struct cursor *cursor);

/* Appends one struct. A null in a field that may not be null in this version is written as empty. */
void kafka_write(
	struct buffer *out, const struct kafka_schema *schema, struct kafka_layout layout, const void *from);

/* The same, leaving long byte fields out: their bytes stay where they are, borrowed. */
void kafka_write_loose(struct buffer *out, struct kafka_loose *loose, const struct kafka_schema *schema,
	struct kafka_layout layout, const void *from);

#endif
