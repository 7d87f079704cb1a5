/* Listening and accepting. See listener.h. */
#include "server/listener.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/memory.h"
#include "server/connection_internal.h"

enum {
	BACKLOG = 511,
	CONNECTIONS_DEFAULT = 1000,
	REFUSAL_LOG_MS = 1000, /* between two lines on refused connections */
};

struct listener {
	struct connection_set set; /* first */
	uv_tcp_t tcp;
	void *context;
	int64_t port;
	unsigned connections_max, connections_per_address_max;
	struct listener_refusals *refusals, own_refusals; /* the first may be the second */
	unsigned long long refusals_logged;               /* told of */
	uint64_t refusal_logged_ms;
	bool closing, closed;
};

static void listener_free_if_done(struct connection_set *set)
{
	struct listener *listener = (struct listener *)set;
	if (listener->closed && set->list == NULL)
		mem_free(listener);
}

static void address_format(const struct sockaddr_storage *address, char text[CONNECTION_PEER_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
		uv_ip6_name(six, ip, sizeof ip);
		snprintf(text, CONNECTION_PEER_TEXT_MAX, "[%s]:%u", ip, ntohs(six->sin6_port));
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)address;
		uv_ip4_name(four, ip, sizeof ip);
		snprintf(text, CONNECTION_PEER_TEXT_MAX, "%s:%u", ip, ntohs(four->sin_port));
	}
}

static struct in6_addr address_key(const struct sockaddr_storage *address)
{
	struct in6_addr key = {0};
	if (address->ss_family == AF_INET6) {
		key = ((const struct sockaddr_in6 *)address)->sin6_addr;
	} else {
		key.s6_addr[10] = key.s6_addr[11] = 0xff;
		memcpy(key.s6_addr + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	}
	return key;
}

/* Looks at every connection, which costs microseconds for thousands, and only where the limit can matter;
 * newer ones come first, so that a flood from one address is soon counted. */
static bool address_is_full(const struct connection *newest)
{
	const struct listener *listener = (const struct listener *)newest->set;
	unsigned limit = listener->connections_per_address_max;
	if (limit == 0 || limit >= listener->connections_max)
		return false;
	unsigned count = 0;
	for (const struct connection *other = listener->set.list; other != NULL && count <= limit;
		 other = other->next)
		if (!other->closing && memcmp(&other->address, &newest->address, sizeof other->address) == 0)
			count++;
	return count > limit;
}

/* Whoever is refused may come again at once, and often: one line a second says how many there were. */
static void connection_refuse(
	struct connection *connection, const char *option, unsigned limit, atomic_ullong *count)
{
	struct listener *listener = (struct listener *)connection->set;
	atomic_fetch_add(count, 1);
	uint64_t now_ms = uv_now(loop_uv(listener->set.loop));
	if (listener->refusals_logged == 0 || now_ms - listener->refusal_logged_ms >= REFUSAL_LOG_MS) {
		unsigned long long refused =
			atomic_load(&listener->refusals->connections) + atomic_load(&listener->refusals->per_address);
		diag(DIAG_WARN, listener->set.protocol->name, "connection_refused", "peer=%s %s=%u refused=%llu",
			connection->peer, option, limit, refused - listener->refusals_logged);
		listener->refusals_logged = refused;
		listener->refusal_logged_ms = now_ms;
	}
	connection_abort(connection);
}

static void accept_one(uv_stream_t *server, int failed)
{
	struct listener *listener = server->data;
	if (failed != 0) {
		diag(DIAG_WARN, listener->set.protocol->name, "accept_failed", "error=\"%s\"", uv_strerror(failed));
		return;
	}
	struct connection *connection = connection_create(&listener->set);
	if (uv_accept(server, (uv_stream_t *)&connection->tcp) != 0) {
		connection_abort(connection);
		return;
	}
	struct sockaddr_storage address = {0};
	int size = sizeof address;
	uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &size);
	address_format(&address, connection->peer);
	connection->address = address_key(&address);
	if (listener->set.count > listener->connections_max) {
		connection_refuse(
			connection, "connections_max", listener->connections_max, &listener->refusals->connections);
		return;
	}
	if (address_is_full(connection)) {
		connection_refuse(connection, "connections_per_address_max", listener->connections_per_address_max,
			&listener->refusals->per_address);
		return;
	}
	uv_tcp_nodelay(&connection->tcp, 1);
	connection->state = listener->set.protocol->accepted(listener->context, connection);
	if (connection->state == NULL)
		connection_abort(connection);
	else
		connection_read_resume(connection);
}

static void listener_handle_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;
	listener->closed = true;
	listener_free_if_done(&listener->set);
}

static int address_parse(const char *text, int64_t port, struct sockaddr_storage *out)
{
	int failed = uv_ip4_addr(text, (int)port, (struct sockaddr_in *)out);
	return failed == 0 ? 0 : uv_ip6_addr(text, (int)port, (struct sockaddr_in6 *)out);
}

status listener_open(struct loop *loop, const struct listener_options *options, struct listener **out)
{
	struct sockaddr_storage address = {0};
	if (address_parse(options->address, options->port, &address) != 0)
		return error_raise(STATUS_INVALID, "\"%s\" is not a numeric address", options->address);
	struct listener *listener = mem_alloc_zeroed(1, sizeof *listener);
	listener->set.freed = listener_free_if_done;
	listener->set.loop = loop;
	listener->set.workers = options->workers;
	listener->set.budget = options->budget;
	listener->set.protocol = options->protocol;
	listener->context = options->context;
	listener->set.tls = options->tls;
	listener->set.tls_required = options->tls_required;
	listener->connections_max = options->connections_max > 0 ? options->connections_max : CONNECTIONS_DEFAULT;
	listener->connections_per_address_max = options->connections_per_address_max;
	listener->refusals = options->refusals != NULL ? options->refusals : &listener->own_refusals;
	uv_tcp_init(loop_uv(loop), &listener->tcp);
	listener->tcp.data = listener;
	int failed = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&address, 0);
	if (failed == 0)
		failed = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, accept_one);
	if (failed == 0) {
		int size = sizeof address;
		failed = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&address, &size);
	}
	if (failed != 0) {
		listener_close(listener);
		error_raise(STATUS_IO, "cannot listen on %s port %ld for %s: %s", options->address,
			(long)options->port, options->protocol->name, uv_strerror(failed));
		if (failed == UV_EADDRINUSE)
			error_hint("Choose another port, or 0 for any free one.");
		return STATUS_IO;
	}
	/* The port is at the same place for IPv4 and IPv6. */
	listener->port = ntohs(((const struct sockaddr_in *)&address)->sin_port);
	*out = listener;
	return STATUS_OK;
}

int64_t listener_port(const struct listener *listener)
{
	return listener->port;
}

size_t listener_connection_count(const struct listener *listener)
{
	return listener->set.count;
}

void listener_close(struct listener *listener)
{
	if (listener == NULL || listener->closing)
		return;
	listener->closing = true;
	uv_close((uv_handle_t *)&listener->tcp, listener_handle_closed);
	struct connection *next = NULL;
	for (struct connection *connection = listener->set.list; connection != NULL; connection = next) {
		next = connection->next;
		connection_abort(connection);
	}
}
