/* What the files of the SQL front end share: the text a statement came from, its tree, names and types in
 * trees.
 *
 * Positions: libpg_query gives byte offsets within the one statement it was handed ("locations"); users get
 * 1-based character positions within the script. sql_tree_position() turns one into the other. Only sql*.c
 * and bind*.c include this header, and through it the parser's tree.
 */
#ifndef KAPPA_PROCESSORS_SQL_INTERNAL_H
#define KAPPA_PROCESSORS_SQL_INTERNAL_H

#include "processors/sql.h"

/* The generated header is not ours to fix. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <pg_query/pg_query.pb-c.h>
#pragma GCC diagnostic pop

typedef PgQuery__Node sql_node;

enum { SOURCE_MARK_BYTES = 256 };

/* A script's text, and where its characters begin. */
struct sql_source {
	const char *text;
	size_t size;
	uint32_t *marks; /* characters before byte i × SOURCE_MARK_BYTES; NULL when the text is all ASCII */
};

/* name@version, as the token pass found it. */
struct sql_version {
	int32_t location;    /* of the (dotted) name's first token, in the statement */
	int32_t at_location; /* of the @ */
	int64_t version;
};

struct sql_token {
	int32_t start, end; /* bytes, within the script */
	int32_t kind;       /* PG_QUERY__TOKEN__… */
	bool word;          /* may name something: an identifier or a keyword that is not reserved */
};

/* One statement's tree: sql_statement.tree. */
struct sql_tree {
	sql_node *node;
	const struct sql_source *source;
	size_t base;                    /* of the statement in the source, bytes */
	const struct sql_token *tokens; /* the statement's */
	size_t token_count;
	struct sql_version *versions;
	size_t version_count;
	bool or_replace;
};

/* 1-based character position of a byte of the source; of a location of the tree (0 for a location < 0). */
int32_t sql_source_position(const struct sql_source *source, size_t byte);
int32_t sql_tree_position(const struct sql_tree *tree, int32_t location);

/* Where the first token of this kind stands, for errors about nodes that have no location; −1. */
int32_t sql_token_location(const struct sql_tree *tree, int32_t kind);
/* Blanks what PostgreSQL's grammar does not know in `text` (the statement's bytes, changed in place) and
 * notes it in the tree. SYNTAX. */
status sql_token_pass(struct sql_tree *tree, char *text, struct arena *arena) MUST_USE;
/* Every version the token pass found must belong to a relation's name. SYNTAX. */
status sql_versions_check(const struct sql_tree *tree) MUST_USE;
/* The version noted for the name at `location`; 0 = none. */
int64_t sql_version_at(const struct sql_tree *tree, int32_t location);

/* Calls run(context) with at least stack_bytes of stack: directly if this thread has as much left, else on a
 * temporary thread, with its error trace brought back. */
status sql_stack_run(size_t stack_bytes, status (*run)(void *context), void *context) MUST_USE;

/* Fills in the statement from its tree. UNSUPPORTED, SYNTAX, … */
status sql_statement_build(struct sql_statement *statement, struct arena *arena) MUST_USE;

/* The same for statements about users (sql_user.c). */
status sql_user_build(
	const struct sql_tree *tree, struct sql_statement *statement, struct arena *arena) MUST_USE;

/* "name" or "name@2": splits off the version of a quoted name. */
void sql_name_split(const char *written, struct arena *arena, const char **name, int64_t *version);
status sql_name_of(const struct sql_tree *tree, const PgQuery__RangeVar *range, struct arena *arena,
	struct sql_name *out) MUST_USE;
/* The type a TypeName names. `interval_fields` (may be NULL) gets the mask of INTERVAL … DAY, 0 = none.
 * UNSUPPORTED. */
status sql_type_of(const struct sql_tree *tree, const PgQuery__TypeName *name, struct type *out,
	int32_t *interval_fields) MUST_USE;
/* Raises with the position of a location. */
status sql_fail(status code, const struct sql_tree *tree, int32_t location, const char *format, ...)
	PRINTF_LIKE(4, 5);
/* UNSUPPORTED "%s is not supported" with a hint and position. */
status sql_unsupported(const struct sql_tree *tree, int32_t location, const char *hint, const char *format,
	...) PRINTF_LIKE(4, 5);

/* The text of a String node; NULL for other nodes. */
const char *sql_string_of(const sql_node *node);
/* The last of a list of String nodes (a possibly qualified name); *schema_name gets the one before it or
 * NULL. */
const char *sql_qualified_of(sql_node *const *names, size_t count, const char **schema_name);

#endif
