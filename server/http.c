/* HTTP connections: bytes to requests, requests to workers, answers back in order.
 *
 *   reading ──complete──► working (one request on a worker; reading paused) ──answer──► reading …
 *
 * One request at a time per connection; pipelined ones wait unread in `input`. Limits: HTTP_BODY_SIZE_MAX,
 * HTTP_HEADER_SIZE_MAX, HTTP_IDLE_MS for a request to arrive.
 *
 * Threads: everything on the loop thread but exchange_run(), which is a worker's. The exchange is shared by
 * both and freed by the loop when the worker is done.
 */
#include "server/http.h"

#include <http_parser.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "server/http_message.h"

enum { HTTP_IDLE_MS = 60 * 1000 };

/* One request and its answer. */
struct exchange {
	struct worker_task work; /* first: tasks are cast back */
	struct loop_task back;
	struct server *server;
	struct http_client *client; /* the loop's; NULL once the connection is gone */
	atomic_bool gone;
	struct arena arena;
	struct http_request request;
	struct http_response response;
	struct buffer body;
	bool keep_alive;
};

enum header { HEADER_OTHER, HEADER_CONTENT_TYPE, HEADER_ACCEPT, HEADER_EXPECT };

struct http_client {
	struct server *server;
	struct connection *connection;
	http_parser parser;
	struct buffer input;       /* received and not parsed yet, while a request is being worked on */
	struct exchange *exchange; /* being read or worked on */
	struct buffer url, header_name, header_value;
	size_t header_bytes;
	bool complete, working, clogged, failed, header_has_value, expects_continue;
	char certificate_name[USER_NAME_SIZE_MAX + 1];
	int refuse_code; /* the request is not to be handled but answered with this */
};

static struct exchange *exchange_create(struct http_client *client)
{
	struct exchange *exchange = mem_alloc_zeroed(1, sizeof *exchange);
	exchange->server = client->server;
	exchange->client = client;
	arena_init(&exchange->arena);
	exchange->request.arena = &exchange->arena;
	exchange->request.content_type = "";
	exchange->request.accept = "";
	exchange->request.authorization = "";
	exchange->request.certificate_name = "";
	exchange->request.peer = "";
	exchange->response.code = 200;
	exchange->response.content_type = "application/json";
	return exchange;
}

static void exchange_destroy(struct exchange *exchange)
{
	if (exchange == NULL)
		return;
	user_release(exchange->request.user);
	buffer_deinit(&exchange->body);
	buffer_deinit(&exchange->response.body);
	arena_deinit(&exchange->arena);
	mem_free(exchange);
}

/* ---- parsing ---- */

static status count_header(struct http_client *client, size_t length)
{
	client->header_bytes += length;
	if (client->header_bytes <= HTTP_HEADER_SIZE_MAX)
		return STATUS_OK;
	client->refuse_code = 431;
	return error_raise(STATUS_TOO_LARGE, "URL and headers are larger than %d bytes", HTTP_HEADER_SIZE_MAX);
}

static void header_done(struct http_client *client)
{
	if (client->header_name.size == 0)
		return;
	struct http_request *request = &client->exchange->request;
	buffer_append_byte(&client->header_name, 0);
	buffer_append_byte(&client->header_value, 0);
	const char *name = (const char *)client->header_name.data;
	char *value = arena_copy_string(&client->exchange->arena, (const char *)client->header_value.data);
	if (strcasecmp(name, "content-type") == 0) {
		value[strcspn(value, "; ")] = '\0';
		request->content_type = value;
	} else if (strcasecmp(name, "accept") == 0) {
		request->accept = value;
	} else if (strcasecmp(name, "authorization") == 0) {
		request->authorization = value;
	} else if (strcasecmp(name, "expect") == 0) {
		client->expects_continue = strcasecmp(value, "100-continue") == 0;
	}
	client->header_name.size = 0;
	client->header_value.size = 0;
	client->header_has_value = false;
}

static int on_begin(http_parser *parser)
{
	struct http_client *client = parser->data;
	client->exchange = exchange_create(client);
	client->url.size = 0;
	client->header_name.size = 0;
	client->header_value.size = 0;
	client->header_bytes = 0;
	client->header_has_value = false;
	client->expects_continue = false;
	client->complete = false;
	return 0;
}

static int on_url(http_parser *parser, const char *at, size_t length)
{
	struct http_client *client = parser->data;
	buffer_append(&client->url, at, length);
	return count_header(client, length) == STATUS_OK ? 0 : 1;
}

static int on_header_field(http_parser *parser, const char *at, size_t length)
{
	struct http_client *client = parser->data;
	if (client->header_has_value)
		header_done(client);
	buffer_append(&client->header_name, at, length);
	return count_header(client, length) == STATUS_OK ? 0 : 1;
}

static int on_header_value(http_parser *parser, const char *at, size_t length)
{
	struct http_client *client = parser->data;
	client->header_has_value = true;
	buffer_append(&client->header_value, at, length);
	return count_header(client, length) == STATUS_OK ? 0 : 1;
}

static int on_headers_complete(http_parser *parser)
{
	struct http_client *client = parser->data;
	header_done(client);
	if (parser->content_length != UINT64_MAX && parser->content_length > HTTP_BODY_SIZE_MAX) {
		client->refuse_code = 413;
		(void)error_raise(STATUS_TOO_LARGE, "the body is larger than %d bytes", HTTP_BODY_SIZE_MAX);
		error_hint("Send it in several requests.");
		return -1;
	}
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (client->expects_continue)
		connection_write(client->connection, slice_of(go_on, sizeof go_on - 1));
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
	struct http_client *client = parser->data;
	if (client->exchange->body.size + length > HTTP_BODY_SIZE_MAX) {
		client->refuse_code = 413;
		(void)error_raise(STATUS_TOO_LARGE, "the body is larger than %d bytes", HTTP_BODY_SIZE_MAX);
		return 1;
	}
	buffer_append(&client->exchange->body, at, length);
	return 0;
}

static int on_complete(http_parser *parser)
{
	struct http_client *client = parser->data;
	client->complete = true;
	client->exchange->keep_alive = http_should_keep_alive(parser) != 0;
	http_parser_pause(parser, 1); /* the next request waits for this one's answer */
	return 0;
}

static const http_parser_settings parser_settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* ---- answering ---- */

/* While many clients do not take their answers, those of this one are small. */
static void refuse_if_scarce(const struct http_client *client, struct http_response *response)
{
	if (response->body.size <= CONNECTION_OUTPUT_LOW || !connection_output_is_scarce(client->connection))
		return;
	status code = error_raise(STATUS_BACKPRESSURE,
		"an answer of %zu bytes while output_memory_mb is spent on answers that clients do not take",
		response->body.size);
	error_hint("Try again later, or ask for less than %d KiB.", CONNECTION_OUTPUT_LOW / 1024);
	buffer_deinit(&response->body);
	http_answer_error(response, code);
}

static void write_answer(struct http_client *client, struct http_response *response, bool keep_alive)
{
	char head[256];
	refuse_if_scarce(client, response);
	/* An answer without a body has no length either (RFC 9110, 8.6). */
	if (response->code == 204) {
		int wrote = snprintf(head, sizeof head, "HTTP/1.1 204 No Content\r\n%s\r\n",
			keep_alive ? "" : "Connection: close\r\n");
		connection_write(client->connection, slice_of(head, (size_t)wrote));
		return;
	}
	int size =
		snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
			response->code, http_code_words(response->code), response->content_type, response->body.size,
			response->challenge ? "WWW-Authenticate: Basic realm=\"kappa\"\r\n" : "",
			keep_alive ? "" : "Connection: close\r\n");
	INVARIANT(size > 0 && (size_t)size < sizeof head);
	connection_write(client->connection, slice_of(head, (size_t)size));
	connection_write_buffer(client->connection, &response->body);
}

static void client_fail(struct http_client *client, status code, int http_code)
{
	struct http_response response = {.code = 400, .content_type = "application/json"};
	http_answer_error(&response, code);
	if (http_code != 0)
		response.code = http_code;
	write_answer(client, &response, false);
	buffer_deinit(&response.body);
	client->failed = true;
	connection_finish(client->connection);
}

static bool exchange_gone(void *context)
{
	return atomic_load(&((struct exchange *)context)->gone);
}

static void exchange_run(struct worker_task *task)
{
	struct exchange *exchange = (struct exchange *)task;
	http_route(exchange->server, &exchange->request, &exchange->response);
	loop_post(server_loop(exchange->server), &exchange->back);
}

static void client_parse(struct http_client *client, struct slice bytes);

/* The next request: when enough of the answers before it was taken, see http_drained(). */
static void client_go_on(struct http_client *client)
{
	client->clogged = connection_is_clogged(client->connection, CONNECTION_OUTPUT_HIGH);
	if (client->clogged)
		return;
	connection_timer_set(client->connection, HTTP_IDLE_MS);
	connection_read_resume(client->connection);
	http_parser_pause(&client->parser, 0);
	if (client->input.size != 0) {
		struct buffer input = client->input;
		client->input = (struct buffer){0};
		client_parse(client, buffer_slice(&input));
		buffer_deinit(&input);
	}
}

static void exchange_back(struct loop_task *task)
{
	struct exchange *exchange = (struct exchange *)((char *)task - offsetof(struct exchange, back));
	struct http_client *client = exchange->client;
	if (client == NULL) {
		exchange_destroy(exchange);
		return;
	}
	bool keep_alive = exchange->keep_alive;
	write_answer(client, &exchange->response, keep_alive);
	client->exchange = NULL;
	client->working = false;
	exchange_destroy(exchange);
	if (!keep_alive) {
		connection_finish(client->connection);
		return;
	}
	client_go_on(client);
}

static void client_work(struct http_client *client)
{
	struct exchange *exchange = client->exchange;
	struct http_request *request = &exchange->request;
	switch (client->parser.method) {
	case HTTP_GET:
	case HTTP_HEAD:
		request->method = REQUEST_GET;
		break;
	case HTTP_POST:
		request->method = REQUEST_POST;
		break;
	case HTTP_PUT:
		request->method = REQUEST_PUT;
		break;
	case HTTP_DELETE:
		request->method = REQUEST_DELETE;
		break;
	default:
		request->method = REQUEST_OTHER;
	}
	request->body = buffer_slice(&exchange->body);
	request->gone = exchange_gone;
	request->gone_context = exchange;
	request->peer = arena_copy_string(&exchange->arena, connection_peer(client->connection));
	request->certificate_name = arena_copy_string(&exchange->arena, client->certificate_name);
	status code = http_request_parse_url(request, buffer_slice(&client->url));
	if (code == STATUS_OK) {
		exchange->work.run = exchange_run;
		exchange->back.run = exchange_back;
		code = workers_submit(server_workers(client->server), &exchange->work);
	}
	if (code != STATUS_OK) {
		client_fail(client, code, 0);
		return;
	}
	client->working = true;
	connection_timer_set(client->connection, -1);
	connection_read_pause(client->connection);
}

static void client_parse(struct http_client *client, struct slice bytes)
{
	if (client->working) {
		buffer_append(&client->input, bytes.data, bytes.size);
		return;
	}
	size_t used =
		http_parser_execute(&client->parser, &parser_settings, (const char *)bytes.data, bytes.size);
	if (client->complete) {
		client->complete = false;
		if (used < bytes.size)
			buffer_append(&client->input, bytes.data + used, bytes.size - used);
		client_work(client);
		return;
	}
	enum http_errno problem = HTTP_PARSER_ERRNO(&client->parser);
	if (problem == HPE_OK && !client->parser.upgrade)
		return;
	if (client->refuse_code == 0)
		(void)error_raise(STATUS_PROTOCOL, "not an HTTP request: %s", http_errno_description(problem));
	client_fail(client, error_current()->code, client->refuse_code);
}

/* ---- the protocol's callbacks ---- */

static void *http_accepted(void *context, struct connection *connection)
{
	struct http_client *client = mem_alloc_zeroed(1, sizeof *client);
	client->server = context;
	client->connection = connection;
	http_parser_init(&client->parser, HTTP_REQUEST);
	client->parser.data = client;
	connection_timer_set(connection, HTTP_IDLE_MS);
	return client;
}

static void http_received(void *state, struct slice bytes)
{
	struct http_client *client = state;
	if (!client->failed)
		client_parse(client, bytes);
}

static void http_secured(void *state, const char *certificate_name)
{
	struct http_client *client = state;
	if (certificate_name != NULL && strlen(certificate_name) <= USER_NAME_SIZE_MAX)
		memcpy(client->certificate_name, certificate_name, strlen(certificate_name) + 1);
}

static void http_timeout(void *state)
{
	struct http_client *client = state;
	if (client->working || client->failed)
		return;
	if (client->exchange == NULL) { /* an idle connection just closes */
		connection_finish(client->connection);
		return;
	}
	client_fail(client,
		error_raise(STATUS_PROTOCOL, "the request did not arrive within %d s", HTTP_IDLE_MS / 1000), 408);
}

static void http_closed(void *state)
{
	struct http_client *client = state;
	if (client->working) {
		client->exchange->client = NULL; /* the worker's answer frees it */
		atomic_store(&client->exchange->gone, true);
	} else {
		exchange_destroy(client->exchange);
	}
	buffer_deinit(&client->input);
	buffer_deinit(&client->url);
	buffer_deinit(&client->header_name);
	buffer_deinit(&client->header_value);
	mem_free(client);
}

static void http_drained(void *state)
{
	struct http_client *client = state;
	if (client->clogged)
		client_go_on(client);
}

static const struct protocol http_protocol = {
	.name = "http",
	.drained = http_drained,
	.accepted = http_accepted,
	.received = http_received,
	.secured = http_secured,
	.timeout = http_timeout,
	.closed = http_closed,
};

status http_listener_open(struct server *server, struct listener **out)
{
	struct listener_options options =
		server_listening(server, server_get_config(server)->http_port, &server_get_refusals(server)->http);
	options.protocol = &http_protocol;
	options.context = server;
	return listener_open(server_loop(server), &options, out);
}
