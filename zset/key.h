/* Rows as bytes.
 *
 * Key codec: order-preserving. memcmp order of encoded keys = column by column order (row_compare's, nulls
 * last), so a key range is a byte range, and the encoding of a prefix of columns is a prefix of bytes. Equal
 * in GROUP BY's sense ⇔ equal bytes. Loses what equality ignores (1.0 / 1.00): rows keep the exact value in
 * their value part.
 *
 *   column   null: 02            value: 01 then
 *     bool   1 byte              i64: 8 bytes big-endian, sign bit flipped
 *     f64    8 bytes, IEEE total order (NaN greatest, −0 = 0)
 *     text   bytes with 00 → 00 FF, closed by 00 00
 *     decimal sign/exponent/digits (see key.c), interval: 16-byte comparable span
 *
 * Row codec: compact, exact, not ordered; for values. Null bitmap, then per column varint / raw /
 * length-prefixed.
 */
#ifndef KAPPA_ZSET_KEY_H
#define KAPPA_ZSET_KEY_H

#include "zset/batch.h"

void key_encode_column(const struct column *column, uint32_t row, struct buffer *out);
void key_encode_value(const struct value *value, struct buffer *out);
/* The listed columns of a row, in that order. */
void key_encode(const struct batch *batch, uint32_t row, const uint32_t *columns, size_t column_count,
	struct buffer *out);
/* Reads one value (canonical form) and advances; text is copied into the arena. DAMAGED. */
status key_decode_value(
	struct cursor *bytes, struct type type, struct arena *arena, struct value *out) MUST_USE;
/* The smallest byte string greater than every one starting with `prefix`; false if there is none (all FF). */
bool key_successor(struct slice prefix, struct buffer *out);

void row_encode(const struct batch *batch, uint32_t row, struct buffer *out);
/* Fills row `row` of the batch (made with nulls); text is copied into the arena unless borrow is true, then
 * it points into `bytes`. DAMAGED. */
status row_decode(
	struct slice bytes, struct arena *arena, bool borrow, struct batch *batch, uint32_t row) MUST_USE;

#endif
