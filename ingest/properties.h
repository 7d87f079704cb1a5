/* Java's .properties syntax: what Kafka's own tools are configured with.
 *
 *   # comment     ! comment
 *   name=local-file-source          key ends at =, : or white space; `\=` does not end it
 *   topics = a,\
 *            b                      a line that ends with an odd number of backslashes goes on
 *   text=\u00e9\t                   \t \n \r \f \uXXXX; any other escaped character is itself
 *
 * As java.util.Properties.load(Reader) reads it, the text being UTF-8. A key given twice has its last value.
 * Plain value, owned by whoever parsed it; single-threaded.
 */
#ifndef KAPPA_INGEST_PROPERTIES_H
#define KAPPA_INGEST_PROPERTIES_H

#include "base/bytes.h"
#include "base/status.h"

enum { PROPERTIES_MAX = 1000, PROPERTIES_BYTES_MAX = 1024 * 1024 };

struct property {
	char *key, *value; /* owned, UTF-8, without NUL */
};

struct properties {
	struct property *list; /* in the order of their first appearance */
	size_t count, capacity;
};

void properties_init(struct properties *properties);
void properties_deinit(struct properties *properties);
/* Adds what the text says. SYNTAX with the line: a malformed \u escape, a NUL.
 * TOO_LARGE. */
status properties_parse(struct properties *properties, struct slice text) MUST_USE;
/* NULL when it is not there. */
const char *properties_get(const struct properties *properties, const char *key);
/* Adds or replaces; copies both. */
void properties_set(struct properties *properties, const char *key, const char *value);
void properties_copy(struct properties *to, const struct properties *from); /* `to` is initialised */
bool properties_equal(const struct properties *left, const struct properties *right); /* in any order */

#endif
