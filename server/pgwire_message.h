/* Messages of the PostgreSQL protocol as bytes: i8 type, i32 size (of itself and the body), body; integers
 * big-endian, strings closed by 00.
 *
 *   size_t at = message_begin(out, 'C');  append the body …;  message_end(out, at);
 *
 * Pure functions over buffers and cursors; any thread.
 */
#ifndef KAPPA_SERVER_PGWIRE_MESSAGE_H
#define KAPPA_SERVER_PGWIRE_MESSAGE_H

#include "base/bytes.h"
#include "base/status.h"
#include "zset/batch.h"

enum pgwire_format { PGWIRE_TEXT = 0, PGWIRE_BINARY = 1 };

/* Result formats as Bind gives them: none (all text), one for all, or one per column. */
struct pgwire_formats {
	uint16_t *codes;
	size_t count;
};

size_t message_begin(struct buffer *out, char type);
void message_end(struct buffer *out, size_t at);
/* With its closing 00. */
void message_string(struct buffer *out, const char *text);
/* A message without a body. */
void message_plain(struct buffer *out, char type);

void message_ready_for_query(struct buffer *out, char transaction);
void message_parameter_status(struct buffer *out, const char *name, const char *value);
void message_command_complete(struct buffer *out, const char *tag);
/* ErrorResponse ('E') or NoticeResponse ('N'); severity "ERROR", "FATAL", "NOTICE", "WARNING". */
void message_error(struct buffer *out, char type, const char *severity, const struct error *error);
void message_row_description(
	struct buffer *out, const struct schema *columns, const struct pgwire_formats *formats);
void message_parameter_description(struct buffer *out, const enum type_id *types, size_t count);
/* TOO_LARGE above what a message can hold; the buffer is then as before. */
status message_data_row(struct buffer *out, const struct batch *batch, uint32_t row,
	const struct pgwire_formats *formats) MUST_USE;

enum pgwire_format formats_of(const struct pgwire_formats *formats, size_t column);

/* Borrows a string up to its 00 from the cursor; fails the cursor when there is none. */
const char *cursor_string(struct cursor *cursor);
/* The parameter type a client declared; OID 0 and `unknown` are TYPE_UNKNOWN. UNSUPPORTED. */
status parameter_type_from_oid(uint32_t oid, enum type_id *out) MUST_USE;
/* A parameter's value; `type` as described (TYPE_UNKNOWN is read as text). Text is copied into the arena. */
status parameter_read(enum type_id type, enum pgwire_format format, struct slice bytes, struct arena *arena,
	struct value *out) MUST_USE;

#endif
