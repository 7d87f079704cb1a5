/* HTTP: ingest, views, deployments, diff, metrics, health.
 *
 * http_listener_open() is called by server_run() on the loop thread, after log and engine are open; the
 * listener is closed by the server (listener_close), which ends all connections; http_shutdown() frees what
 * they shared, after that.
 */
#ifndef KAPPA_SERVER_HTTP_H
#define KAPPA_SERVER_HTTP_H

#include "server/server.h"

status http_listener_open(struct server *server, struct listener **out) MUST_USE;
void http_shutdown(struct server *server);

#endif
