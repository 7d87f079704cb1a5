/* HTTP: ingest, views, deployments, diff, metrics, health.
 *
 * http_listener_open() is called by server_run() on the loop thread, after log and engine are open; the
 * listener is closed by the server (listener_close), which ends all connections.
 */
#ifndef KAPPA_SERVER_HTTP_H
#define KAPPA_SERVER_HTTP_H

#include "server/server.h"

status http_listener_open(struct server *server, struct listener **out) MUST_USE;

#endif
