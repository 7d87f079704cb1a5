/* A table: the typed reading of a topic. Made from a CREATE TABLE statement, immutable, reference counted.
 *
 * Its schema is the declared (visible) columns followed by the hidden ones of replay/decode.h.
 */
#ifndef KAPPA_REPLAY_TABLE_H
#define KAPPA_REPLAY_TABLE_H

#include <stdatomic.h>

#include "replay/decode.h"
#include "replay/engine.h"

struct table_entry {
	struct table table; /* what a publication shows */
	enum decode_format format;
	int32_t partitions;   /* for a topic that has to be made; 0 = not said */
	uint64_t incarnation; /* of the topic */
	struct arena arena;
	atomic_int references;
};

/* Checks columns and options; errors carry positions. The topic is not looked at. One reference. */
status table_create(const struct sql_statement *statement, struct table_entry **out) MUST_USE;
struct table_entry *table_retain(struct table_entry *table);
void table_release(struct table_entry *table); /* accepts NULL */

/* What the binder sees. */
void table_describe(const struct table_entry *table, struct sql_relation *out);
/* Decoder for the columns wanted (one byte per column of the schema; borrowed). */
status table_decoder(const struct table_entry *table, const uint8_t *wanted, struct decoder **out) MUST_USE;
/* Everything about the table that decides what a record means: part of a version's fingerprint. */
void table_canonical(const struct table_entry *table, struct buffer *out);

/* The table as a relation: decodes the topic's committed records from its start up to the last stable offsets
 * at open. Bad records are skipped (kappa.bad_records lists them). The relation retains the table. */
status table_relation(struct log *log, struct table_entry *table, struct relation **out) MUST_USE;

#endif
