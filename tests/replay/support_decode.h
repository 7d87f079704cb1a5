/* Verbs for decoder tests: declare a table, append records to a batch, decode, look at cells as text. */
#ifndef KAPPA_TESTS_REPLAY_SUPPORT_DECODE_H
#define KAPPA_TESTS_REPLAY_SUPPORT_DECODE_H

#include "log/record_batch.h"
#include "replay/decode_internal.h"

enum { TABLE_COLUMNS_MAX = 96 };

struct table_fixture {
	struct field fields[TABLE_COLUMNS_MAX];
	char names[TABLE_COLUMNS_MAX][16];
	uint8_t wanted[TABLE_COLUMNS_MAX];
	struct decode_options options;
	struct arena arena;
	struct record_batch_builder builder;
	struct buffer bytes;
	uint8_t *exact; /* the bytes in a block of exactly their size, so that reading past them is seen */
	int64_t next_offset;
	struct decode_result result;
};

/* "name type [!], …", all wanted; ! = NOT NULL. Hidden columns are added. */
void table_setup(struct table_fixture *table, enum decode_format format, const char *columns);
void table_teardown(struct table_fixture *table);
void table_add(struct table_fixture *table, const char *text);
void table_add_slice(struct table_fixture *table, struct slice key, struct slice value);
/* Closes the batch. */
void table_seal(struct table_fixture *table, enum codec codec);
/* Decodes all that was added; the reader may be kept to the reference. */
void table_decode(struct table_fixture *table, struct decoder *decoder);
/* One decoder for one decode. */
void table_run(struct table_fixture *table, bool reference);
/* The row as "a|b|null|…" of visible columns (and hidden ones when asked); in the arena. */
const char *table_row(struct table_fixture *table, uint32_t row, bool hidden);

#endif
