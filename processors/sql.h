/* SQL text to bound plans. PostgreSQL's grammar (libpg_query), our binder.
 *
 *   text --token pass--> text (delays@2, CREATE OR REPLACE MATERIALIZED VIEW blanked in place, noted aside;
 * lengths and nesting bounded) --pg_query--> tree --binder + catalog--> plan
 *
 * All results lie in the caller's arena. Thread-safe. A long statement needs a big stack to parse: with less
 * than it could take left, the parse runs on a temporary thread of its own (see SQL_STACK_BYTES).
 */
#ifndef KAPPA_PROCESSORS_SQL_H
#define KAPPA_PROCESSORS_SQL_H

#include "processors/plan.h"

enum {
	SQL_TEXT_SIZE_MAX = 1024 * 1024,    /* bytes of one script */
	SQL_TOKENS_MAX = 20000,             /* of one statement: libpg_query recurses on long chains */
	SQL_DEPTH_MAX = 200,                /* nesting our own walkers accept */
	SQL_STACK_BYTES = 64 * 1024 * 1024, /* with this much every statement is parsed on the calling thread */
	SQL_PARAMETERS_MAX = 65535,
};

/* ---- what the binder asks of its surroundings ---- */

enum sql_relation_kind { SQL_TABLE, SQL_VIEW, SQL_SYSTEM };

struct sql_catalog;

struct sql_relation {
	enum sql_relation_kind kind;
	const char *schema_name, *name;
	int64_t version; /* views: the version found; else 0 */
	struct schema
		schema; /* visible fields, then hidden ones (tables: _partition, _offset, _timestamp, _key) */
	size_t visible_count; /* what * expands to */
	const uint32_t *key_columns;
	size_t key_count;
	bool has_key;
	bool append_only;
	bool unordered; /* the key identifies rows, but rows are not kept in its order */
	bool empty;     /* has no rows, ever: what it could describe does not exist here */
	uint32_t oid;   /* what ::regclass gives; 0 = the catalog has no ids */
	uint64_t row_estimate;
	void *handle; /* copied into the plan's scan node */
	/* Views: the defining query and the catalog its names are resolved by (the version's own upstream
	 * versions). */
	const char *definition;
	struct sql_catalog *scope;
};

/* Stands for the type of an argument that is a parameter, see find_function. */
#define SQL_ARGUMENT_PARAMETER TYPE_COUNT

struct sql_catalog {
	/* schema_name NULL = search path (public, kappa, pg_catalog). version 0 = live. UNKNOWN_RELATION.
	 * Results are valid as long as `arena`. */
	status (*find)(struct sql_catalog *catalog, const char *schema_name, const char *name, int64_t version,
		struct arena *arena, struct sql_relation *out);
	/* A function in FROM, or alone in the SELECT list (SELECT kappa.promote('delays', 2)). Arguments are
	 * constants; a parameter comes as a null of type SQL_ARGUMENT_PARAMETER, its index is type.modifier: its
	 * value is known when the relation is opened. The relation does its work when it is scanned.
	 * UNKNOWN_FUNCTION. May be NULL. */
	status (*find_function)(struct sql_catalog *catalog, const char *schema_name, const char *name,
		const struct value *arguments, size_t argument_count, struct arena *arena, struct sql_relation *out);
};

/* ---- statements ---- */

enum sql_statement_kind {
	SQL_SELECT, /* also VALUES, TABLE x */
	SQL_INSERT,
	SQL_CREATE_TABLE,
	SQL_CREATE_VIEW, /* CREATE [OR REPLACE] MATERIALIZED VIEW */
	SQL_DROP_TABLE,
	SQL_DROP_VIEW, /* DROP MATERIALIZED VIEW v, or "v@2": one version */
	SQL_EXPLAIN,
	SQL_SET,
	SQL_SHOW,
	SQL_RESET,
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVEPOINT, /* also RELEASE and ROLLBACK TO, told apart by the tag */
	SQL_DISCARD,
	SQL_DEALLOCATE,
	SQL_CLOSE,
	SQL_UNLISTEN,
	SQL_DECLARE,
	SQL_FETCH, /* cursors; MOVE is a FETCH that shows nothing */
	SQL_CREATE_USER,
	SQL_ALTER_USER,
	SQL_DROP_USER,
	SQL_GRANT, /* a role to users; REVOKE is one, too */
	SQL_EMPTY, /* only comments and white space */
};

struct sql_option {
	const char *name;  /* lower case */
	const char *value; /* text of the value */
	int32_t position;
};

struct sql_name {
	const char *schema_name; /* NULL = not written */
	const char *name;
	int64_t version; /* 0 = none written */
	int32_t position;
};

struct sql_statement {
	enum sql_statement_kind kind;
	const char *text;                /* the statement as written, without the semicolon; NUL-terminated */
	int32_t text_position;           /* 1-based position of its first character in the script */
	const char *tag;                 /* "CREATE MATERIALIZED VIEW": the command tag's beginning */
	void *tree;                      /* the parser's, in the script */
	struct sql_statement *explained; /* SQL_EXPLAIN, SQL_DECLARE: the query */
	union {
		struct {
			struct sql_name name;
			bool if_not_exists;
			struct field *columns;
			size_t column_count;
			const char **primary_key; /* column names */
			size_t primary_key_count;
			struct sql_option *options;
			size_t option_count;
		} create_table;
		struct {
			struct sql_name name;
			bool if_not_exists, or_replace;
			const char *query;      /* the defining SELECT as written, versions (@n) included */
			int32_t query_position; /* of it within text, 0-based bytes */
			struct sql_option *options;
			size_t option_count;
		} create_view;
		struct {
			struct sql_name *names;
			size_t name_count;
			bool if_exists, cascade;
		} drop;
		struct {
			/* "search_path", "all", "transaction_isolation"; of CLOSE and DEALLOCATE: what, NULL = all. SET
			 * TRANSACTION … is "TRANSACTION", SET SESSION CHARACTERISTICS is "SESSION CHARACTERISTICS", both
			 * with the value "". */
			const char *name;
			const char *value; /* SET; NULL = DEFAULT */
		} setting;
		struct {
			const char *name;
			bool hold; /* DECLARE … WITH HOLD: outlives its transaction */
			bool move;
			int64_t count; /* rows, ≥ 0; INT64_MAX = ALL */
		} cursor;
		struct {
			const char **names; /* of users; NULL = the session's own */
			size_t name_count;
			const char **roles; /* as written: "read:orders*" */
			size_t role_count;
			const char *password; /* a secret; NULL = none */
			bool password_given, if_exists, revoke;
		} user;
	};
};

struct sql_script {
	struct sql_statement *statements;
	size_t statement_count;
	void *parser_memory;
};

/* Splits and parses a script. SYNTAX with position; TOO_LARGE; UNSUPPORTED statements with position and hint.
 * sql_script_release() frees the parser's trees; statements stay readable but can no longer be bound. */
status sql_parse(struct slice text, struct arena *arena, struct sql_script **out) MUST_USE;
void sql_script_release(struct sql_script *script);

/* Parameter types: `types[i]` in: TYPE_UNKNOWN or declared; out: inferred. count grows to the highest $n
 * used. */
struct sql_parameters {
	enum type_id *types; /* SQL_PARAMETERS_MAX room is not needed: the binder reallocates in the arena */
	size_t count;
};

/* Binds SELECT/VALUES for running once: views are scans, key bounds are pushed down. */
status sql_bind_query(const struct sql_statement *statement, struct sql_catalog *catalog,
	struct sql_parameters *parameters, struct arena *arena, const struct plan **out) MUST_USE;
/* Binds a view's defining query for a circuit: views are expanded by their definitions down to tables, scans
 * are of tables only; now(), random(), LIMIT, parameters and what a circuit cannot do are refused with
 * position and hint. If `uses` is not NULL it gets the names of relations directly named in the query (views
 * and tables). */
struct sql_use {
	const char *name;
	enum sql_relation_kind kind;
	int64_t version; /* version that was resolved; 0 for tables */
};
status sql_bind_view(const char *query, struct sql_catalog *catalog, struct arena *arena,
	const struct plan **out, struct sql_use **uses, size_t *use_count) MUST_USE;

struct sql_insert {
	const struct plan
		*source; /* its schema = the target's visible columns in order, already cast; missing ones null */
	struct sql_relation target;
	uint8_t *given; /* per visible column: 1 = named in the INSERT */
};
status sql_bind_insert(const struct sql_statement *statement, struct sql_catalog *catalog,
	struct sql_parameters *parameters, struct arena *arena, struct sql_insert *out) MUST_USE;

/* psql's picture of a position: "LINE 2: " and the line (cut where it is long), a caret under the character.
 * Nothing for position 0. For the command line and HTTP. */
void sql_position_describe(const char *text, int32_t position, struct buffer *out);

#endif
