/* A group's accumulators as bytes in the state store, and back.
 *
 *   key    the group columns in the order-preserving encoding of zset/key.h
 *   value  weight, then per cell in layout order:
 *            counts, sums of integers    zigzag varint; 128 bits: two words big-endian
 *            numeric sum                 128 bits, scale
 *            float sum, scales           aggregate_float.c, aggregate_scale.c
 *            extreme                     presence byte, then 8 bytes or sized bytes
 *
 * Heaps and value sets are not part of it: values have entries of their own (aggregate_values.c).
 */
#include <string.h>

#include "base/invariant.h"
#include "processors/aggregate.h"

void group_key(const struct aggregate *aggregate, uint32_t id, struct buffer *out)
{
	table_key_encode(&aggregate->groups, table_slot_at(&aggregate->groups, id), aggregate->group_types,
		aggregate->plan->aggregate.group_count, out);
}

static void encode_i128(__int128 value, struct buffer *out)
{
	buffer_append_be64(out, (uint64_t)((unsigned __int128)value >> 64));
	buffer_append_be64(out, (uint64_t)value);
}

static __int128 decode_i128(struct cursor *bytes)
{
	uint64_t high = cursor_be64(bytes), low = cursor_be64(bytes);
	return (__int128)((unsigned __int128)high << 64 | low);
}

static void cell_encode(const struct cell *cell, const uint8_t *payload, struct buffer *out)
{
	const void *at = cell_at(payload, cell);
	switch (cell->kind) {
	case CELL_COUNT:
	case CELL_SUM_I64:
	case CELL_TRUE:
		buffer_append_zigzag(out, *(const int64_t *)at);
		break;
	case CELL_SUM_I128:
		encode_i128(*(const cell_i128 *)at, out);
		break;
	case CELL_SUM_DECIMAL: {
		const struct cell_decimal *sum = at;
		encode_i128(sum->value, out);
		buffer_append_byte(out, (uint8_t)sum->scale);
		break;
	}
	case CELL_SUM_FLOAT:
		float_sum_encode(at, out);
		break;
	case CELL_SUM_INTERVAL: {
		const struct cell_interval *sum = at;
		buffer_append_zigzag(out, sum->months);
		buffer_append_zigzag(out, sum->days);
		buffer_append_zigzag(out, sum->microseconds);
		break;
	}
	case CELL_SCALE:
		scale_encode(at, out);
		break;
	case CELL_EXTREME: {
		buffer_append_byte(out, payload[cell->present]);
		if (payload[cell->present] == 0)
			break;
		if (!extreme_is_bytes(cell->physical)) {
			buffer_append_be64(out, (uint64_t) * (const int64_t *)at);
			break;
		}
		const struct cell_bytes *bytes = at;
		buffer_append_varint(out, bytes->size);
		buffer_append(out, bytes->data, bytes->size);
		break;
	}
	}
}

void group_encode(const struct aggregate *aggregate, const uint8_t *payload, struct buffer *out)
{
	buffer_append_zigzag(out, *payload_weight(payload));
	for (size_t i = 0; i < aggregate->cell_count; i++)
		cell_encode(&aggregate->cells[i], payload, out);
}

static void extreme_decode(
	struct aggregate *aggregate, const struct cell *cell, uint8_t *payload, struct cursor *bytes)
{
	uint8_t present = cursor_u8(bytes);
	payload[cell->present] = present != 0;
	if (present == 0)
		return;
	if (!extreme_is_bytes(cell->physical)) {
		*(int64_t *)cell_at(payload, cell) = (int64_t)cursor_be64(bytes);
		return;
	}
	uint64_t size = cursor_varint(bytes);
	if (size > cursor_left(bytes)) {
		bytes->failed = true;
		payload[cell->present] = 0;
		return;
	}
	struct slice value = cursor_bytes(bytes, (size_t)size);
	bytes_assign(&aggregate->pool, cell_at(payload, cell), value.data, (uint32_t)value.size);
}

static status cell_decode(
	struct aggregate *aggregate, const struct cell *cell, uint8_t *payload, struct cursor *bytes)
{
	void *at = cell_at(payload, cell);
	switch (cell->kind) {
	case CELL_COUNT:
	case CELL_SUM_I64:
	case CELL_TRUE:
		*(int64_t *)at = cursor_zigzag(bytes);
		break;
	case CELL_SUM_I128:
		*(cell_i128 *)at = decode_i128(bytes);
		break;
	case CELL_SUM_DECIMAL: {
		struct cell_decimal *sum = at;
		sum->value = decode_i128(bytes);
		sum->scale = cursor_u8(bytes);
		bytes->failed = bytes->failed || sum->scale > 38;
		break;
	}
	case CELL_SUM_FLOAT:
		return float_sum_decode(bytes, at, &aggregate->pool);
	case CELL_SUM_INTERVAL: {
		struct cell_interval *sum = at;
		sum->months = cursor_zigzag(bytes);
		sum->days = cursor_zigzag(bytes);
		sum->microseconds = cursor_zigzag(bytes);
		break;
	}
	case CELL_SCALE:
		return scale_decode(bytes, at, &aggregate->pool);
	case CELL_EXTREME:
		extreme_decode(aggregate, cell, payload, bytes);
		break;
	}
	return STATUS_OK;
}

static status group_decode(struct aggregate *aggregate, uint8_t *payload, struct slice stored)
{
	struct cursor bytes = cursor_of(stored);
	*payload_weight(payload) = cursor_zigzag(&bytes);
	for (size_t i = 0; i < aggregate->cell_count; i++) {
		status code = cell_decode(aggregate, &aggregate->cells[i], payload, &bytes);
		if (code != STATUS_OK)
			return code;
	}
	if (bytes.failed || cursor_left(&bytes) != 0)
		return error_raise(STATUS_DAMAGED, "stored state of an aggregate's group is damaged");
	return STATUS_OK;
}

status group_read_back(struct aggregate *aggregate, uint32_t id, bool *found)
{
	struct table_slot *slot = table_slot_at(&aggregate->groups, id);
	struct buffer key, value;
	buffer_init(&key);
	buffer_init(&value);
	group_key(aggregate, id, &key);
	status code = aggregate->store->get(aggregate->store, aggregate->space, buffer_slice(&key), &value);
	*found = code == STATUS_OK;
	if (code == STATUS_OK)
		code = group_decode(aggregate, table_payload(&aggregate->groups, slot), buffer_slice(&value));
	else if (code == STATUS_NOT_FOUND)
		code = STATUS_OK;
	if (*found)
		slot->flags |= GROUP_READ_BACK | GROUP_EMITTED;
	buffer_deinit(&key);
	buffer_deinit(&value);
	return code;
}
