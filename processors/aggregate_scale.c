/* The greatest display scale among the numerics of a group: what PostgreSQL gives a sum of them. Retractable,
 * so that the result is a function of the rows that are there, not of those that were: while all values have
 * one scale (the usual case) a count will do, else a histogram.
 */
#include "processors/aggregate.h"

enum { SCALE_COUNT = 39 };

struct scale_histogram {
	int64_t counts[SCALE_COUNT];
};

static status overflow(void)
{
	return error_raise(STATUS_OUT_OF_RANGE, "too many rows in a sum");
}

status scale_add(struct cell_scale *cell, int32_t scale, int64_t weight, struct pool *pool)
{
	if (cell->histogram == NULL && (cell->count == 0 || cell->scale == scale)) {
		cell->scale = (uint8_t)scale;
		return __builtin_add_overflow(cell->count, weight, &cell->count) ? overflow() : STATUS_OK;
	}
	if (cell->histogram == NULL) {
		cell->histogram = pool_alloc(pool, sizeof *cell->histogram);
		memset(cell->histogram, 0, sizeof *cell->histogram);
		cell->histogram->counts[cell->scale] = cell->count;
	}
	int64_t *count = &cell->histogram->counts[scale];
	return __builtin_add_overflow(*count, weight, count) ? overflow() : STATUS_OK;
}

void scale_raise(struct cell_scale *cell, int32_t scale)
{
	if (scale > cell->scale)
		cell->scale = (uint8_t)scale;
}

void scale_settle(struct cell_scale *cell)
{
	if (cell->histogram == NULL)
		return;
	cell->scale = 0;
	for (uint8_t scale = 0; scale < SCALE_COUNT; scale++) {
		if (cell->histogram->counts[scale] != 0)
			cell->scale = scale;
	}
}

bool scale_is_zero(const struct cell_scale *cell)
{
	for (int scale = 0; cell->histogram != NULL && scale < SCALE_COUNT; scale++) {
		if (cell->histogram->counts[scale] != 0)
			return false;
	}
	return cell->count == 0 || cell->histogram != NULL;
}

void scale_free(struct cell_scale *cell, struct pool *pool)
{
	pool_free(pool, cell->histogram, sizeof *cell->histogram);
}

/* Number of (scale, count) pairs; 0 pairs still carry the scale, which append-only sums keep without counts.
 */
void scale_encode(const struct cell_scale *cell, struct buffer *out)
{
	uint8_t pairs = 0;
	for (int scale = 0; cell->histogram != NULL && scale < SCALE_COUNT; scale++)
		pairs = (uint8_t)(pairs + (cell->histogram->counts[scale] != 0));
	if (cell->histogram == NULL)
		pairs = cell->count != 0;
	buffer_append_byte(out, pairs);
	buffer_append_byte(out, cell->scale);
	if (cell->histogram == NULL && pairs != 0)
		buffer_append_zigzag(out, cell->count);
	for (uint8_t scale = 0; cell->histogram != NULL && scale < SCALE_COUNT; scale++) {
		if (cell->histogram->counts[scale] == 0)
			continue;
		if (pairs > 1)
			buffer_append_byte(out, scale);
		buffer_append_zigzag(out, cell->histogram->counts[scale]);
	}
}

status scale_decode(struct cursor *bytes, struct cell_scale *cell, struct pool *pool)
{
	*cell = (struct cell_scale){0};
	uint8_t pairs = cursor_u8(bytes), greatest = cursor_u8(bytes);
	if (greatest >= SCALE_COUNT || pairs > SCALE_COUNT)
		return error_raise(STATUS_DAMAGED, "stored scales are damaged");
	cell->scale = greatest;
	if (pairs == 1)
		cell->count = cursor_zigzag(bytes);
	for (uint8_t i = 0; pairs > 1 && i < pairs; i++) {
		uint8_t scale = cursor_u8(bytes);
		int64_t count = cursor_zigzag(bytes);
		if (scale >= SCALE_COUNT || bytes->failed)
			return error_raise(STATUS_DAMAGED, "stored scales are damaged");
		status code = scale_add(cell, scale, count, pool);
		if (code != STATUS_OK)
			return code;
	}
	scale_settle(cell);
	return STATUS_OK;
}
