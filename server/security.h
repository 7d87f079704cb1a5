/* Users as the listeners ask for them: names and passwords to users, for the Kafka side and for HTTP, and the
 * first admin.
 *
 * Owned by the server, outlives the listeners; any thread.
 */
#ifndef KAPPA_SERVER_SECURITY_H
#define KAPPA_SERVER_SECURITY_H

#include "ingest/kafka_broker.h"
#include "replay/engine.h"
#include "server/config.h"

struct security;

struct security *security_create(struct engine *engine, const struct server_config *config);
void security_destroy(struct security *security); /* accepts NULL */

/* Makes the first user, an admin, if there are none and the configuration has a password for one; refuses to
 * go on (INVALID) if other machines reach the listeners and there is nobody who could log in. Blocks. */
status security_bootstrap(struct security *security) MUST_USE;

/* What the Kafka broker asks. */
struct kafka_security security_for_kafka(struct security *security);

/* The user of that name and password, retained; NULL = wrong. Takes some milliseconds, unless the same was
 * right a moment ago: a worker's. */
struct user *security_login(struct security *security, const char *name, struct slice password);

#endif
