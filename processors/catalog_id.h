/* The ids by which PostgreSQL's catalogs name objects, as far as both functions and catalogs know them. Ids
 * are plain bigints here.
 */
#ifndef KAPPA_PROCESSORS_CATALOG_ID_H
#define KAPPA_PROCESSORS_CATALOG_ID_H

#include <stdint.h>

enum {
	CATALOG_OID_OWNER = 10, /* the role that owns everything */
	CATALOG_OID_PG_CATALOG = 11,
	CATALOG_OID_BTREE = 403,
	CATALOG_OID_COLLATION_DEFAULT = 100,
	CATALOG_OID_PUBLIC = 2200,
	CATALOG_OID_INFORMATION_SCHEMA = 2201,
	CATALOG_OID_KAPPA = 2202,
	CATALOG_OID_DATABASE = 5,
	/* System relations, by schema and place in their lists. */
	CATALOG_OID_SYSTEM_MIN = 10000,
	CATALOG_OID_SYSTEM_SCHEMA = 1000, /* ids of a schema: kappa, pg_catalog, information_schema */
	CATALOG_OID_USER_MIN = 16384,     /* what users made: from here on */
	CATALOG_ENCODING_UTF8 = 6,
};

/* The id of something users made: from its kind ('r' relation, 'i' index, 'c' constraint) and name alone, so
 * that it is the same in every session and process life without being kept. Two names may share one, which is
 * as likely as a collision of 31-bit hashes. */
static inline uint32_t catalog_oid(char kind, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)(unsigned char)kind;
	for (hash *= UINT64_C(1099511628211); *name != '\0'; name++)
		hash = (hash ^ (uint64_t)(unsigned char)*name) * UINT64_C(1099511628211);
	hash ^= hash >> 32;
	return CATALOG_OID_USER_MIN + (uint32_t)(hash % (INT32_MAX - CATALOG_OID_USER_MIN));
}

#endif
