/* What the parts of the system catalog share; only server/system_*.c include it. */
#ifndef KAPPA_SERVER_SYSTEM_INTERNAL_H
#define KAPPA_SERVER_SYSTEM_INTERNAL_H

#include "server/sql_internal.h"
#include "server/system_catalog.h"
#include "server/system_rows.h"

enum { SYSTEM_COLUMNS_MAX = 48, SYSTEM_ARGUMENTS_MAX = 4, SYSTEM_KEYS_MAX = 3 };

/* A scan being answered. */
struct system_call {
	struct system_fill base; /* first */
	struct system_context context;
	const struct system_definition *definition;
	struct arena arena;
	const char *arguments[SYSTEM_ARGUMENTS_MAX]; /* functions: as text; NULL = null */
	size_t argument_count;
};

/* Definitions end where they have nothing more to say. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* A relation or a function; static. */
struct system_definition {
	const char *schema_name, *name;
	/* Functions: least and most arguments, and their names for the error; relations: signature NULL. */
	const char *signature;
	uint8_t arguments_min, arguments_max;
	/* NULL: a relation that never has rows. */
	status (*fill)(struct system_call *call, struct system_rows *rows);
	struct system_column columns[SYSTEM_COLUMNS_MAX]; /* until name NULL */
	const char *keys[SYSTEM_KEYS_MAX];                /* columns that identify a row; NULL = not said */
	uint8_t hidden_count;                             /* of the last columns: * leaves them out */
	bool gives_rows;                                  /* a function of any number of rows */
};

/* Ends with a NULL name each. */
extern const struct system_definition system_relations[]; /* system_relations.c: schema kappa */
extern const struct system_definition system_functions[]; /* system_functions.c: schema kappa, its verbs */
extern const struct system_definition
	postgres_relations[]; /* system_postgres.c: pg_catalog, information_schema */
extern const struct system_definition postgres_functions[];
extern const struct system_definition postgres_catalogs[];       /* system_pg_catalog.c: objects by id */
extern const struct system_definition postgres_empty_catalogs[]; /* system_pg_empty.c: of what is not here */

/* The lists of relations in which names are looked up, in this order; ends with NULL. */
extern const struct system_definition *const system_relation_lists[]; /* system_catalog.c */

/* Arguments; `index` beyond those given yields the default. INVALID naming function and argument. */
status call_text(const struct system_call *call, size_t index, const char **out) MUST_USE; /* null refused */
status call_i64(const struct system_call *call, size_t index, int64_t if_absent, int64_t *out) MUST_USE;
status call_f64(const struct system_call *call, size_t index, double if_absent, double *out) MUST_USE;

/* A whole row by a format: b bool (int), i int, l int64_t, t const char * (NULL = null), n null. */
status rows_put(struct system_rows *rows, const char *format, ...) MUST_USE;
uint32_t system_relation_oid(const struct system_definition *definition);

/* Further columns: an offset vector as JSON (NULL = null), 32 hex digits. */
void rows_offsets(struct system_rows *rows, const struct offset_vector *offsets);
void rows_digest(struct system_rows *rows, struct digest digest);

static inline struct engine *call_engine(const struct system_call *call)
{
	return call->context.session->environment.engine;
}

#endif
