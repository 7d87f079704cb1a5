/* HTTP: a listener that answers 503 to everything, until the resources are there. */
#include "server/http.h"

static void *http_accepted(void *context, struct connection *connection)
{
	(void)context;
	return connection;
}

static void http_received(void *state, struct slice bytes)
{
	static const char answer[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	(void)bytes;
	connection_write(state, slice_of(answer, sizeof answer - 1));
	connection_finish(state);
}

static void http_closed(void *state)
{
	(void)state;
}

static const struct protocol http_protocol = {
	.name = "http", .accepted = http_accepted, .received = http_received, .closed = http_closed};

status http_listener_open(struct server *server, struct listener **out)
{
	const struct server_config *config = server_get_config(server);
	struct listener_options options = {
		.address = config->listen_address,
		.port = config->http_port,
		.connections_max = (unsigned)config->connections_max,
		.protocol = &http_protocol,
		.context = server,
	};
	return listener_open(server_loop(server), &options, out);
}

void http_shutdown(struct server *server)
{
	(void)server;
}
