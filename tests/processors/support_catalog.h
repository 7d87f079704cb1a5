/* A catalog in memory for tests of the SQL front end: a few tables, views, system relations and functions.
 *
 *   flights  date timestamp, delay int, distance int, origin text, destination text
 *   orders   one column of every type
 *   airports code text, name text not null
 *   delays   @1, @2 (live): origin, flights, avg_delay of flights; key origin
 *   hourly   @1: origin, hour, flights; key (origin, hour)
 *   nested   @1: a view on delays@2
 *   loop     @1: a view whose definition names itself
 *   kappa.versions, kappa.promote(text, int), kappa.diff(text, int, int), version()
 */
#ifndef KAPPA_TESTS_PROCESSORS_SUPPORT_CATALOG_H
#define KAPPA_TESTS_PROCESSORS_SUPPORT_CATALOG_H

#include "processors/sql.h"

struct sql_catalog *support_catalog(void);

/* "OK …", or "SQLSTATE @position: message [hint]"; out is emptied first. */
void support_describe_error(struct buffer *out);

#endif
