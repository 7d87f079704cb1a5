/* The command line's connection to the server: HTTP/1.1 over a blocking socket, with pipelining.
 *
 *   send ─► socket ─► … ─► socket ─► input ─► http_parser ─► one answer's body
 *
 * Invariant: under_way counts requests written and not answered; it is 0 whenever the socket is closed.
 * Answers come in order, so the next one belongs to the oldest request. What follows an answer stays in
 * `input`.
 */
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/invariant.h"
#include "server/cli_internal.h"
#include "server/cli_tls.h"

enum { READ_SIZE = 256 * 1024, HOST_SIZE_MAX = 256, PORT_SIZE_MAX = 32 };

struct cli_http {
	char address[HOST_SIZE_MAX + PORT_SIZE_MAX];
	char host[HOST_SIZE_MAX], port[PORT_SIZE_MAX];
	int fd;
	bool secure; /* https */
	struct cli_tls *tls;
	size_t under_way;
	http_parser parser;
	struct buffer input; /* received, from input_at on not parsed */
	size_t input_at;
	struct buffer body;
	bool reconnected;
	bool complete, last; /* of the answer being parsed */
};

/* ---- who we are ---- */

static struct {
	const char *user, *tls_ca;
	char *password;
} identity;

void cli_http_identity(const char *user, const char *tls_ca)
{
	identity.user = user;
	identity.tls_ca = tls_ca;
}

static void authorization_append(struct buffer *head)
{
	if (identity.user == NULL)
		return;
	if (identity.password == NULL) {
		const char *given = getenv("KAPPA_PASSWORD");
		if (given == NULL)
			given = cli_password_ask("password: ");
		identity.password = mem_copy_string(given != NULL ? given : "");
	}
	struct buffer both;
	buffer_init(&both);
	buffer_printf(&both, "%s:%s", identity.user, identity.password);
	buffer_append_string(head, "Authorization: Basic ");
	base64_append(head, buffer_slice(&both));
	buffer_append_string(head, "\r\n");
	buffer_deinit(&both);
}

static status address_parse(struct cli_http *http, const char *address)
{
	const char *at = strncmp(address, "http://", 7) == 0 ? address + 7 : address;
	http->secure = strncmp(address, "https://", 8) == 0;
	if (http->secure)
		at = address + 8;
	size_t size = strcspn(at, "/");
	bool only_slash = at[size] == '\0' || at[size + 1] == '\0';
	const char *host = at, *colon = NULL;
	for (size_t i = 0; i < size; i++)
		if (at[i] == ':')
			colon = at + i;
	size_t host_size = colon != NULL ? (size_t)(colon - at) : 0;
	size_t port_size = colon != NULL ? size - host_size - 1 : 0;
	if (host_size > 2 && host[0] == '[' && host[host_size - 1] == ']') { /* [::1]:8088 */
		host++;
		host_size -= 2;
	}
	bool numeric = port_size != 0 && strspn(colon + 1, "0123456789") == port_size;
	if (!only_slash || host_size == 0 || host_size >= HOST_SIZE_MAX || !numeric ||
		port_size >= PORT_SIZE_MAX) {
		error_raise(STATUS_INVALID, "\"%s\" is no server address", address);
		error_hint("Expected host:port, such as 127.0.0.1:8088.");
		return STATUS_INVALID;
	}
	memcpy(http->host, host, host_size);
	memcpy(http->port, colon + 1, port_size);
	memcpy(http->address, at, size);
	return STATUS_OK;
}

status cli_http_create(const char *address, struct cli_http **out)
{
	struct cli_http *http = mem_alloc_zeroed(1, sizeof *http);
	http->fd = -1;
	status result = address_parse(http, address);
	if (result != STATUS_OK) {
		mem_free(http);
		return result;
	}
	*out = http;
	return STATUS_OK;
}

static void socket_close(struct cli_http *http)
{
	cli_tls_destroy(http->tls);
	http->tls = NULL;
	if (http->fd >= 0)
		(void)close(http->fd);
	http->fd = -1;
	http->under_way = 0;
	http->input.size = http->input_at = 0;
}

void cli_http_close(struct cli_http *http)
{
	socket_close(http);
	http->reconnected = false;
}

bool cli_http_reconnected(const struct cli_http *http)
{
	return http->reconnected;
}

void cli_http_destroy(struct cli_http *http)
{
	if (http == NULL)
		return;
	cli_http_close(http);
	buffer_deinit(&http->input);
	buffer_deinit(&http->body);
	mem_free(http);
}

const char *cli_http_address(const struct cli_http *http)
{
	return http->address;
}

size_t cli_http_under_way(const struct cli_http *http)
{
	return http->under_way;
}

int cli_http_descriptor(const struct cli_http *http)
{
	return http->fd;
}

bool cli_http_buffered(const struct cli_http *http)
{
	return http->input_at < http->input.size || (http->tls != NULL && cli_tls_is_buffered(http->tls));
}

/* ---- connecting ---- */

static status unreachable(const struct cli_http *http, const char *why)
{
	error_raise(STATUS_IO, "no server at %s: %s", http->address, why);
	error_hint("Start one with `kappa serve`, or name it with --http host:port or KAPPA_HTTP.");
	return STATUS_IO;
}

static status http_connect(struct cli_http *http)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
	int failed = getaddrinfo(http->host, http->port, &hints, &found);
	if (failed != 0)
		return unreachable(http, gai_strerror(failed));
	int why = 0;
	for (struct addrinfo *info = found; info != NULL && http->fd < 0; info = info->ai_next) {
		int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
		if (fd >= 0 && connect(fd, info->ai_addr, info->ai_addrlen) == 0) {
			http->fd = fd;
		} else {
			why = errno;
			if (fd >= 0)
				(void)close(fd);
		}
	}
	freeaddrinfo(found);
	if (http->fd < 0)
		return unreachable(http, strerror(why));
	int on = 1;
	(void)setsockopt(http->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(http->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (http->secure) {
		status secured = cli_tls_connect(http->fd, http->host, identity.tls_ca, &http->tls);
		if (secured != STATUS_OK) {
			socket_close(http);
			return error_note(secured, "while connecting to %s", http->address);
		}
	}
	http_parser_init(&http->parser, HTTP_RESPONSE);
	http->parser.data = http;
	http->input.size = http->input_at = 0;
	return STATUS_OK;
}

/* The server closes idle connections. Bytes or an end where no answer is due mean that this one is of no more
 * use. */
static bool is_stale(const struct cli_http *http)
{
	struct pollfd ready = {.fd = http->fd, .events = POLLIN};
	if (http->under_way != 0 || poll(&ready, 1, 0) <= 0)
		return false;
	/* With TLS they may be the server's session tickets. */
	return http->tls == NULL || cli_tls_is_over(http->tls);
}

static status lost(struct cli_http *http, const char *doing, const char *why)
{
	socket_close(http);
	error_raise(STATUS_IO, "the connection to %s was lost while %s: %s", http->address, doing, why);
	error_hint("Is the server still running? Its standard error tells why it stopped.");
	return STATUS_IO;
}

static status write_all(struct cli_http *http, struct iovec *parts, size_t count)
{
	size_t first = 0;
	while (first < count) {
		struct msghdr message = {.msg_iov = parts + first, .msg_iovlen = count - first};
		ssize_t wrote = http->tls != NULL
							? cli_tls_write(http->tls, parts[first].iov_base, parts[first].iov_len)
							: sendmsg(http->fd, &message, MSG_NOSIGNAL);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return lost(http, "sending a request", strerror(errno));
		size_t done = (size_t)wrote;
		while (first < count && done >= parts[first].iov_len)
			done -= parts[first++].iov_len;
		if (first < count) {
			parts[first].iov_base = (uint8_t *)parts[first].iov_base + done;
			parts[first].iov_len -= done;
		}
	}
	return STATUS_OK;
}

status cli_http_send(
	struct cli_http *http, const char *method, const char *path, const char *content_type, struct slice body)
{
	if (http->fd >= 0 && is_stale(http)) {
		socket_close(http);
		http->reconnected = true;
	}
	if (http->fd < 0) {
		status result = http_connect(http);
		if (result != STATUS_OK)
			return result;
	}
	struct buffer head;
	buffer_init(&head);
	buffer_printf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kappa/%s\r\n", method, path,
		http->address, KAPPA_VERSION);
	if (content_type != NULL)
		buffer_printf(&head, "Content-Type: %s\r\n", content_type);
	if (content_type != NULL || strcmp(method, "POST") == 0)
		buffer_printf(&head, "Content-Length: %zu\r\n", body.size);
	authorization_append(&head);
	buffer_append_string(&head, "\r\n");
	struct iovec parts[2] = {{head.data, head.size}, {(void *)(uintptr_t)body.data, body.size}};
	status result = write_all(http, parts, body.size != 0 ? 2 : 1);
	buffer_deinit(&head);
	if (result == STATUS_OK)
		http->under_way++;
	return result;
}

/* ---- answers ---- */

static int on_body(http_parser *parser, const char *at, size_t size)
{
	buffer_append(&((struct cli_http *)parser->data)->body, at, size);
	return 0;
}

static int on_complete(http_parser *parser)
{
	struct cli_http *http = parser->data;
	http->complete = true;
	http->last = !http_should_keep_alive(parser);
	http_parser_pause(parser, 1); /* the next answer is not asked for yet */
	return 0;
}

static const http_parser_settings settings = {.on_body = on_body, .on_message_complete = on_complete};

static status input_read(struct cli_http *http)
{
	http->input.size = http->input_at = 0;
	uint8_t *room = buffer_reserve(&http->input, READ_SIZE);
	ssize_t got;
	do
		got =
			http->tls != NULL ? cli_tls_read(http->tls, room, READ_SIZE) : recv(http->fd, room, READ_SIZE, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return lost(http, "waiting for an answer", strerror(errno));
	if (got == 0) {
		/* An answer without a length ends here. */
		(void)http_parser_execute(&http->parser, &settings, NULL, 0);
		return http->complete ? STATUS_OK : lost(http, "waiting for an answer", "the server closed it");
	}
	http->input.size = (size_t)got;
	return STATUS_OK;
}

status cli_http_receive(struct cli_http *http, struct cli_answer *out)
{
	INVARIANT(http->under_way != 0);
	http->complete = http->last = false;
	http->body.size = 0;
	while (!http->complete) {
		if (http->input_at == http->input.size) {
			status result = input_read(http);
			if (result != STATUS_OK)
				return result;
			if (http->complete)
				break;
		}
		http->input_at += http_parser_execute(&http->parser, &settings,
			(char *)http->input.data + http->input_at, http->input.size - http->input_at);
		enum http_errno failed = HTTP_PARSER_ERRNO(&http->parser);
		if (failed != HPE_OK && failed != HPE_PAUSED)
			return lost(http, "reading an answer", http_errno_description(failed));
	}
	http_parser_pause(&http->parser, 0);
	http->under_way--;
	*out = (struct cli_answer){.code = (int)http->parser.status_code, .body = buffer_slice(&http->body)};
	/* What was asked after an answer that ends the connection is lost; the next receive must say so. */
	if (http->last && http->under_way == 0) {
		socket_close(http);
		http->reconnected = true;
	}
	return STATUS_OK;
}

/* ---- paths ---- */

void cli_url_escape(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
					 (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL;
		if (plain)
			buffer_append_byte(out, byte);
		else
			buffer_printf(out, "%%%02X", byte);
	}
}

char *cli_url(const char *format, ...)
{
	struct buffer out;
	va_list args;
	buffer_init(&out);
	va_start(args, format);
	for (const char *at = format; *at != '\0'; at++) {
		if (strncmp(at, "%s", 2) == 0) {
			cli_url_escape(&out, va_arg(args, const char *));
			at += 1;
		} else if (strncmp(at, "%lld", 4) == 0) {
			buffer_printf(&out, "%lld", va_arg(args, long long));
			at += 3;
		} else {
			buffer_append_byte(&out, (uint8_t)*at);
		}
	}
	va_end(args);
	buffer_append_byte(&out, 0);
	return (char *)out.data; /* from mem_*, so mem_free() frees it */
}

/* ---- one question, one answer ---- */

int cli_call(struct cli_http *http, const char *method, const char *path, json_t *request, json_t **out)
{
	char *text = NULL;
	if (request != NULL)
		text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	struct cli_answer answer;
	status result = cli_http_send(http, method, path, text != NULL ? "application/json" : NULL,
		text != NULL ? slice_of_string(text) : (struct slice){0});
	free(text);
	if (result == STATUS_OK)
		result = cli_http_receive(http, &answer);
	if (result != STATUS_OK) {
		cli_error_say();
		return CLI_UNREACHABLE;
	}
	if (answer.code >= 400)
		return cli_refused(&answer, NULL);
	if (out == NULL)
		return CLI_OK;
	json_error_t why;
	*out = json_loadb((const char *)answer.body.data, answer.body.size, 0, &why);
	if (*out == NULL) {
		fprintf(stderr, "kappa: %s answered %s %s with something that is not JSON: %s\n", http->address,
			method, path, why.text);
		return CLI_REFUSED;
	}
	return CLI_OK;
}

int cli_ask(const struct cli *cli, const char *method, const char *path, json_t *request, json_t **out)
{
	struct cli_http *http;
	if (cli_http_create(cli->address, &http) != STATUS_OK) {
		json_decref(request);
		cli_error_say();
		return CLI_USAGE;
	}
	int code = cli_call(http, method, path, request, out);
	cli_http_destroy(http);
	return code;
}
