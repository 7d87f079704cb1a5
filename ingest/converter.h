/* Kafka Connect's converters between a line of text and a record's bytes.
 *
 *   StringConverter       foo  ⇄  foo
 *   JsonConverter         foo  ⇄  {"schema":{"type":"string","optional":false},"payload":"foo"}
 *     without schemas     foo  ⇄  "foo"
 *
 * What a source writes is byte for byte what Kafka's connectors write. Plain values; any thread.
 */
#ifndef KAPPA_INGEST_CONVERTER_H
#define KAPPA_INGEST_CONVERTER_H

#include "base/bytes.h"
#include "base/status.h"

enum converter_kind { CONVERTER_JSON, CONVERTER_STRING };

struct converter {
	enum converter_kind kind;
	bool schemas; /* JSON: the envelope of schema and payload */
};

/* By class name, with or without its package. INVALID. */
status converter_kind_parse(const char *class_name, enum converter_kind *out) MUST_USE;

/* Appends the record of a line. In JSON, bytes that are no UTF-8 become U+FFFD, as when Java reads them. */
void converter_encode(const struct converter *converter, struct slice line, struct buffer *out);

/* Appends the text of a record as a sink prints it, without a line end: a string's characters, `null` for
 * null, any other JSON value as JSON. BAD_RECORD in Kafka's words: no JSON, or not an envelope where one is
 * due. */
status converter_decode(const struct converter *converter, struct slice bytes, struct buffer *out) MUST_USE;

#endif
