/* Rows of an arrangement as bytes: between arrangement.c and arrangement_row.c only. */
#ifndef KAPPA_PROCESSORS_ARRANGEMENT_ROW_H
#define KAPPA_PROCESSORS_ARRANGEMENT_ROW_H

#include "processors/arrangement.h"

uint32_t row_cell_size(enum physical physical);
/* The rows of a batch as table keys, each with its join key's slot in front. TOO_LARGE. */
status rows_encode(const struct arrangement *arrangement, const struct batch *batch, const uint32_t *key_ids,
	struct arena *arena, struct table_keys *out) MUST_USE;
/* Is it a row that rows_encode() could have written (without the key slot)? DAMAGED. */
status row_check(const struct arrangement *arrangement, struct slice row) MUST_USE;

#endif
