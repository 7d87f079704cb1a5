/* The catalog: what is defined and which version of each view is live. Event-sourced: its only truth are the
 * JSON records of topic "__kappa_catalog" (partition 0), applied in order.
 *
 *   {"op":"create_table","name","sql"}
 *   {"op":"drop_table","name"}
 *   {"op":"deploy","deployment","time_ms","live":bool,"views":[{"view","version","from","query","uses":[{"name","version"}],
 *        "targets":[{"topic","partition","offset"}]}]}          live: the views are new and go live at once
 *   {"op":"promote"|"rollback","time_ms","views":[{"view","version","from"}]}
 *   {"op":"drop_version","view","version"}
 *   {"op":"drop_views","views":[name…]}
 *   {"op":"create_user"|"alter_user","name","roles":["read:orders*"…],"verifiers":{"SCRAM-SHA-256":
 *        {"salt","iterations","stored_key","server_key"}…},"secret"}      keys in base64; secret: of the
 * first user's
 *   {"op":"drop_user","name"}
 *
 * A catalog object is immutable once sealed and shared by reference count; a change copies it (pointers, not
 * versions), applies one record, and is published.
 */
#ifndef KAPPA_REPLAY_CATALOG_H
#define KAPPA_REPLAY_CATALOG_H

#include <jansson.h>

#include "base/user.h"
#include "replay/version.h"

enum {
	CATALOG_TABLES_MAX = 10000,
	CATALOG_VIEWS_MAX = 10000,
	CATALOG_VERSIONS_MAX = 1000, /* kept at a time, of one view */
	CATALOG_USERS_MAX = 10000,
};

struct catalog_view {
	char *name;
	int64_t live; /* 0 = none yet */
	int64_t next_version;
	struct version **versions; /* ascending */
	size_t version_count;
};

struct promotion_item {
	char *view;
	int64_t version, from;
};
struct promotion {
	struct promotion_item *items;
	size_t item_count;
};

struct catalog {
	atomic_int references;
	uint64_t generation;
	struct table_entry **tables; /* by name */
	size_t table_count;
	struct catalog_view *views; /* by name */
	size_t view_count;
	struct promotion *promotions; /* those a rollback can undo, oldest first */
	size_t promotion_count;
	int64_t next_deployment;
	struct user **users; /* by name */
	size_t user_count;
	uint8_t user_secret[SCRAM_SECRET_SIZE]; /* of fake salts; random, from the first user's record */
};

struct catalog *catalog_create(void);
struct catalog *catalog_copy(const struct catalog *catalog);
struct catalog *catalog_retain(struct catalog *catalog);
void catalog_release(struct catalog *catalog); /* accepts NULL */

struct table_entry *catalog_table(const struct catalog *catalog, const char *name); /* borrowed or NULL */
struct catalog_view *catalog_view(const struct catalog *catalog, const char *name);
/* version 0 = the live one. Borrowed or NULL. */
struct version *catalog_version(const struct catalog *catalog, const char *view, int64_t version);

struct user *catalog_user(const struct catalog *catalog, const char *name); /* borrowed or NULL */

/* Applies one record to an unsealed catalog. `made`: versions of a deploy record that exist already (bound),
 * used instead of creating unbound ones; may be NULL. Table statements are parsed: needs a SQL_STACK_BYTES
 * stack. DAMAGED when the record makes no sense here. */
status catalog_apply(
	struct catalog *catalog, json_t *record, struct version *const *made, size_t made_count) MUST_USE;

/* Records; the caller json_decref()s. */
json_t *catalog_record_create_table(const struct table_entry *table);
json_t *catalog_record_deploy(
	struct version *const *versions, size_t count, int64_t deployment, bool live, int64_t time_ms);
json_t *catalog_record_promote(
	const char *op, const struct promotion_item *items, size_t count, int64_t time_ms);

json_t *catalog_record_user(const char *op, const struct user *user);
/* Applies a record about users. DAMAGED. */
status catalog_apply_user(struct catalog *catalog, const char *op, json_t *record) MUST_USE;

/* A binder's view of the catalog. `version` NULL: names mean the live versions (queries). Otherwise names in
 * that version's definition: its uses, then staged ones, then live. Lies in the arena; borrows the catalog.
 */
struct sql_catalog *catalog_scope(const struct catalog *catalog, const struct version *version,
	struct version *const *staged, size_t staged_count, struct arena *arena);

#endif
