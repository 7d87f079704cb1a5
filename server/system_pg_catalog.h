/* PostgreSQL's names of our types, as its catalogs and information_schema spell them. Static; any thread. */
#ifndef KAPPA_SERVER_SYSTEM_PG_CATALOG_H
#define KAPPA_SERVER_SYSTEM_PG_CATALOG_H

#include "zset/type.h"

/* "int8", "timestamptz" */
const char *catalog_type_name(enum type_id id);

#endif
