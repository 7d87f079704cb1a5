/* Kafka Connect's REST interface over ingest/connectors.h: same paths, same shapes, same codes.
 *
 * An error is {"error_code": 404, "message": "Connector x not found"}. A body that changes something must say
 * Content-Type: application/json (415 otherwise): a browser asks before it sends that to another site, so a
 * web page cannot make connectors on the machine of whoever reads it.
 *
 * Handlers run on workers and block.
 */
#ifndef KAPPA_SERVER_HTTP_CONNECT_H
#define KAPPA_SERVER_HTTP_CONNECT_H

#include "server/http_message.h"

http_handler http_connect_list, http_connect_create, http_connect_info, http_connect_delete,
	http_connect_config, http_connect_configure, http_connect_status, http_connect_tasks,
	http_connect_task_status, http_connect_task_restart, http_connect_pause, http_connect_resume,
	http_connect_restart, http_connect_plugins;

#endif
