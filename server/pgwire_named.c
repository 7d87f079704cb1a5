/* What a client gives names to: prepared statements and portals. */
#include <string.h>

#include "base/hash.h"
#include "server/pgwire_internal.h"

/* ---- statements ---- */

static struct pgwire_statement **statement_link(struct pgwire *pgwire, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name), 0);
	struct pgwire_statement **link = &pgwire->statements[hash % PGWIRE_BUCKETS];
	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

struct pgwire_statement *pgwire_statement_find(struct pgwire *pgwire, const char *name)
{
	return *statement_link(pgwire, name);
}

static void statement_unlink(struct pgwire *pgwire, struct pgwire_statement **link)
{
	struct pgwire_statement *statement = *link;
	*link = statement->next;
	sql_prepared_release(statement->prepared);
	mem_free(statement->name);
	mem_free(statement);
	pgwire->statement_count--;
}

bool pgwire_statement_remove(struct pgwire *pgwire, const char *name)
{
	struct pgwire_statement **link = statement_link(pgwire, name);
	if (*link == NULL)
		return false;
	statement_unlink(pgwire, link);
	return true;
}

status pgwire_statement_add(struct pgwire *pgwire, const char *name, struct sql_prepared *prepared)
{
	if (name[0] == '\0') {
		pgwire_statement_remove(pgwire, name);
	} else if (pgwire_statement_find(pgwire, name) != NULL) {
		sql_prepared_release(prepared);
		error_raise(STATUS_EXISTS, "prepared statement \"%.64s\" already exists", name);
		error_sqlstate("42P05");
		return STATUS_EXISTS;
	}
	if (pgwire->statement_count >= PGWIRE_STATEMENTS_MAX) {
		sql_prepared_release(prepared);
		error_raise(
			STATUS_TOO_LARGE, "the connection has %d prepared statements already", PGWIRE_STATEMENTS_MAX);
		error_hint("Close or DEALLOCATE those that are not needed.");
		return STATUS_TOO_LARGE;
	}
	struct pgwire_statement *statement = mem_alloc_zeroed(1, sizeof *statement);
	statement->name = mem_copy_string(name);
	statement->prepared = prepared;
	struct pgwire_statement **link = statement_link(pgwire, name);
	statement->next = *link;
	*link = statement;
	pgwire->statement_count++;
	return STATUS_OK;
}

void pgwire_statements_clear(struct pgwire *pgwire)
{
	for (size_t bucket = 0; bucket < PGWIRE_BUCKETS; bucket++) {
		while (pgwire->statements[bucket] != NULL)
			statement_unlink(pgwire, &pgwire->statements[bucket]);
	}
}

/* ---- portals ---- */

static struct pgwire_portal **portal_link(struct pgwire *pgwire, const char *name)
{
	struct pgwire_portal **link = &pgwire->portals;
	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

struct pgwire_portal *pgwire_portal_find(struct pgwire *pgwire, const char *name)
{
	return *portal_link(pgwire, name);
}

static void portal_unlink(struct pgwire *pgwire, struct pgwire_portal **link)
{
	struct pgwire_portal *portal = *link;
	*link = portal->next;
	sql_cursor_close(portal->cursor);
	sql_prepared_release(portal->prepared);
	arena_deinit(&portal->arena);
	mem_free(portal->name);
	mem_free(portal);
	pgwire->portal_count--;
}

bool pgwire_portal_remove(struct pgwire *pgwire, const char *name)
{
	struct pgwire_portal **link = portal_link(pgwire, name);
	if (*link == NULL)
		return false;
	portal_unlink(pgwire, link);
	return true;
}

status pgwire_portal_add(
	struct pgwire *pgwire, const char *name, struct sql_prepared *prepared, struct pgwire_portal **out)
{
	if (name[0] == '\0') {
		pgwire_portal_remove(pgwire, name);
	} else if (pgwire_portal_find(pgwire, name) != NULL) {
		error_raise(STATUS_EXISTS, "cursor \"%.64s\" already exists", name);
		error_sqlstate("42P03");
		return STATUS_EXISTS;
	}
	if (pgwire->portal_count >= PGWIRE_PORTALS_MAX)
		return error_raise(
			STATUS_TOO_LARGE, "the connection has %d open portals already", PGWIRE_PORTALS_MAX);
	struct pgwire_portal *portal = mem_alloc_zeroed(1, sizeof *portal);
	portal->name = mem_copy_string(name);
	portal->prepared = sql_prepared_retain(prepared);
	arena_init(&portal->arena);
	portal->next = pgwire->portals;
	pgwire->portals = portal;
	pgwire->portal_count++;
	*out = portal;
	return STATUS_OK;
}

void pgwire_portals_clear(struct pgwire *pgwire)
{
	while (pgwire->portals != NULL)
		portal_unlink(pgwire, &pgwire->portals);
}

/* ---- DEALLOCATE, CLOSE, DISCARD ---- */

/* The portal that executes the CLOSE itself must stay: it is found by its cursor not being there yet. */
static void portals_close_started(struct pgwire *pgwire)
{
	for (struct pgwire_portal **link = &pgwire->portals; *link != NULL;) {
		if ((*link)->cursor != NULL)
			portal_unlink(pgwire, link);
		else
			link = &(*link)->next;
	}
}

status pgwire_forget(void *context, enum sql_named named, const char *name)
{
	struct pgwire *pgwire = context;
	if (named == SQL_NAMED_STATEMENT) {
		if (name == NULL) {
			pgwire_statements_clear(pgwire);
		} else if (!pgwire_statement_remove(pgwire, name)) {
			error_raise(STATUS_NOT_FOUND, "prepared statement \"%.64s\" does not exist", name);
			error_sqlstate("26000");
			return STATUS_NOT_FOUND;
		}
		return STATUS_OK;
	}
	if (name == NULL) {
		portals_close_started(pgwire);
		return STATUS_OK;
	}
	struct pgwire_portal *portal = pgwire_portal_find(pgwire, name);
	if (portal == NULL || portal->cursor == NULL) {
		error_raise(STATUS_NOT_FOUND, "cursor \"%.64s\" does not exist", name);
		error_sqlstate("34000");
		return STATUS_NOT_FOUND;
	}
	pgwire_portal_remove(pgwire, name);
	return STATUS_OK;
}
