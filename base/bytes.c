#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/invariant.h"
#include "base/memory.h"

int slice_compare(struct slice left, struct slice right)
{
	size_t shared = left.size < right.size ? left.size : right.size;
	int order = shared != 0 ? memcmp(left.data, right.data, shared) : 0;
	if (order != 0)
		return order;
	return (left.size > right.size) - (left.size < right.size);
}

bool slice_equal(struct slice left, struct slice right)
{
	return left.size == right.size && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

void buffer_init(struct buffer *buffer)
{
	*buffer = (struct buffer){0};
}

void buffer_deinit(struct buffer *buffer)
{
	mem_free(buffer->data);
	*buffer = (struct buffer){0};
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
	INVARIANT(extra <= SIZE_MAX / 4 && buffer->size <= SIZE_MAX / 4);
	size_t needed = buffer->size + extra;
	if (needed > buffer->capacity || buffer->data == NULL) {
		size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity * 2;
		if (capacity < needed)
			capacity = needed;
		buffer->data = mem_resize(buffer->data, capacity);
		buffer->capacity = capacity;
	}
	return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	uint8_t *at = buffer_reserve(buffer, size);
	if (size != 0)
		memcpy(at, data, size);
	buffer->size += size;
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
	*buffer_reserve(buffer, 1) = byte;
	buffer->size += 1;
}

void buffer_append_string(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	INVARIANT(length >= 0);
	uint8_t *at = buffer_reserve(buffer, (size_t)length + 1);
	va_start(args, format);
	(void)vsnprintf((char *)at, (size_t)length + 1, format, args);
	va_end(args);
	buffer->size += (size_t)length;
}

void buffer_append_be16(struct buffer *buffer, uint16_t value)
{
	put_be16(buffer_reserve(buffer, sizeof value), value);
	buffer->size += sizeof value;
}

void buffer_append_be32(struct buffer *buffer, uint32_t value)
{
	put_be32(buffer_reserve(buffer, sizeof value), value);
	buffer->size += sizeof value;
}

void buffer_append_be64(struct buffer *buffer, uint64_t value)
{
	put_be64(buffer_reserve(buffer, sizeof value), value);
	buffer->size += sizeof value;
}

void buffer_append_varint(struct buffer *buffer, uint64_t value)
{
	uint8_t *at = buffer_reserve(buffer, 10);
	size_t length = 0;
	while (value >= 0x80) {
		at[length++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	at[length++] = (uint8_t)value;
	buffer->size += length;
}

void buffer_append_zigzag(struct buffer *buffer, int64_t value)
{
	buffer_append_varint(buffer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void buffer_consume(struct buffer *buffer, size_t count)
{
	INVARIANT(count <= buffer->size);
	buffer->size -= count;
	if (buffer->size != 0 && count != 0)
		memmove(buffer->data, buffer->data + count, buffer->size);
}

static const uint8_t *cursor_take(struct cursor *cursor, size_t size)
{
	if (cursor->failed || cursor_left(cursor) < size) {
		cursor->failed = true;
		return NULL;
	}
	const uint8_t *at = cursor->at;
	cursor->at += size;
	return at;
}

uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *at = cursor_take(cursor, 1);
	return at != NULL ? *at : 0;
}

uint16_t cursor_be16(struct cursor *cursor)
{
	const uint8_t *at = cursor_take(cursor, 2);
	return at != NULL ? get_be16(at) : 0;
}

uint32_t cursor_be32(struct cursor *cursor)
{
	const uint8_t *at = cursor_take(cursor, 4);
	return at != NULL ? get_be32(at) : 0;
}

uint64_t cursor_be64(struct cursor *cursor)
{
	const uint8_t *at = cursor_take(cursor, 8);
	return at != NULL ? get_be64(at) : 0;
}

uint64_t cursor_varint(struct cursor *cursor)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = cursor_u8(cursor);
		if (shift == 63 && byte > 1)
			break; /* would not fit 64 bits */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return cursor->failed ? 0 : value;
	}
	cursor->failed = true;
	return 0;
}

int64_t cursor_zigzag(struct cursor *cursor)
{
	uint64_t value = cursor_varint(cursor);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

struct slice cursor_bytes(struct cursor *cursor, size_t size)
{
	const uint8_t *at = cursor_take(cursor, size);
	return at != NULL ? slice_of(at, size) : (struct slice){0};
}
