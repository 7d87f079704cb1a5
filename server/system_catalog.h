/* Schema kappa: what the appliance knows of itself as relations, its verbs as functions; and the little of
 * pg_catalog that drivers ask for when they connect.
 *
 * A system_catalog wraps a publication's catalog: names it does not know are looked up here. The relations
 * are computed when they are scanned. Functions do their work when they are scanned, once.
 *
 * Threads: the session's. Relations may block (verbs do): a worker's.
 */
#ifndef KAPPA_SERVER_SYSTEM_CATALOG_H
#define KAPPA_SERVER_SYSTEM_CATALOG_H

#include "processors/sql.h"
#include "zset/relation.h"

struct sql_session;
struct publication;

/* What relations and functions may look at; outlives the relation. */
struct system_context {
	struct sql_session *session;
	struct publication *publication;
	const struct value *parameters; /* of the statement */
	size_t parameter_count;
	bool (*cancelled)(void *context);
	void *cancel_context;
};

struct system_catalog {
	struct sql_catalog base; /* first */
	struct sql_catalog *inner;
	const struct sql_session *session;
};

void system_catalog_init(
	struct system_catalog *catalog, struct sql_catalog *inner, const struct sql_session *session);
/* The relation of a scan whose schema is not "public". */
status system_relation_open(
	const struct system_context *context, const struct plan *scan, struct relation **out) MUST_USE;

#endif
