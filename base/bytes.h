/* Bytes: borrowed slices, growing buffers, integers in wire order, a reading cursor.
 *
 * A slice borrows memory that somebody else owns; whoever hands one out says until when it
 * is valid. A buffer owns its memory. A cursor reads untrusted bytes: a read past the end
 * sets `failed`, yields zeros from then on, and is checked once at the end.
 */
#ifndef KAPPA_BASE_BYTES_H
#define KAPPA_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data;
	size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
	return (struct slice){data, size};
}

static inline struct slice slice_of_string(const char *text)
{
	return (struct slice){(const uint8_t *)text, strlen(text)};
}

/* memcmp order, a prefix before its extensions. */
int slice_compare(struct slice left, struct slice right);
bool slice_equal(struct slice left, struct slice right);

struct buffer {
	uint8_t *data; /* NULL while capacity is 0 */
	size_t size;
	size_t capacity;
};

void buffer_init(struct buffer *buffer);
void buffer_deinit(struct buffer *buffer);
/* Makes room for `extra` more bytes and returns where they go; size is unchanged. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t extra);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_append_string(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_append_be16(struct buffer *buffer, uint16_t value);
void buffer_append_be32(struct buffer *buffer, uint32_t value);
void buffer_append_be64(struct buffer *buffer, uint64_t value);
/* Unsigned LEB128, and its zigzag form for signed values (Kafka's varint, varlong). */
void buffer_append_varint(struct buffer *buffer, uint64_t value);
void buffer_append_zigzag(struct buffer *buffer, int64_t value);
/* Drops the first `count` bytes. */
void buffer_consume(struct buffer *buffer, size_t count);
static inline struct slice buffer_slice(const struct buffer *buffer)
{
	return (struct slice){buffer->data, buffer->size};
}

static inline void put_be16(uint8_t *at, uint16_t value)
{
	value = __builtin_bswap16(value);
	memcpy(at, &value, sizeof value);
}
static inline void put_be32(uint8_t *at, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(at, &value, sizeof value);
}
static inline void put_be64(uint8_t *at, uint64_t value)
{
	value = __builtin_bswap64(value);
	memcpy(at, &value, sizeof value);
}
static inline uint16_t get_be16(const uint8_t *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof value);
	return __builtin_bswap16(value);
}
static inline uint32_t get_be32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return __builtin_bswap32(value);
}
static inline uint64_t get_be64(const uint8_t *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof value);
	return __builtin_bswap64(value);
}

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed; /* sticky */
};

static inline struct cursor cursor_of(struct slice bytes)
{
	/* NULL + 0 is not defined in C */
	return (struct cursor){bytes.data, bytes.size != 0 ? bytes.data + bytes.size : bytes.data, false};
}
static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_be16(struct cursor *cursor);
uint32_t cursor_be32(struct cursor *cursor);
uint64_t cursor_be64(struct cursor *cursor);
uint64_t cursor_varint(struct cursor *cursor); /* at most 10 bytes */
int64_t cursor_zigzag(struct cursor *cursor);
/* Borrows the next `size` bytes; an empty slice once failed. */
struct slice cursor_bytes(struct cursor *cursor, size_t size);

#endif
