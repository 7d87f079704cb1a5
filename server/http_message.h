/* A request taken apart and an answer put together, for the handlers in server/http_*.c.
 *
 * A handler runs on a worker, may block, and fills the response. The request is borrowed during the call.
 * Errors: return a status; the caller turns the thread's error trace into {"error": {…}} with a fitting HTTP
 * status.
 */
#ifndef KAPPA_SERVER_HTTP_MESSAGE_H
#define KAPPA_SERVER_HTTP_MESSAGE_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "server/server.h"

enum {
	HTTP_BODY_SIZE_MAX = 64 * 1024 * 1024,
	HTTP_HEADER_SIZE_MAX = 32 * 1024, /* of the URL and all headers together */
	HTTP_PARAMETERS_MAX = 64,
	HTTP_SEGMENTS_MAX = 8,
	HTTP_ROWS_DEFAULT = 1000, /* of a view, unless limit= says otherwise */
};

enum request_method { REQUEST_GET, REQUEST_POST, REQUEST_PUT, REQUEST_DELETE, REQUEST_OTHER };

struct http_parameter {
	const char *name, *value; /* decoded */
};

struct http_request {
	enum request_method method;
	const char *segments[HTTP_SEGMENTS_MAX]; /* of the path, decoded: /views/delays → "views", "delays" */
	size_t segment_count;
	struct http_parameter parameters[HTTP_PARAMETERS_MAX];
	size_t parameter_count;
	const char *content_type; /* lower case without parameters; "" when not given */
	const char *accept;
	struct slice body;
	const char *authorization;    /* the header; "" when not given */
	const char *certificate_name; /* whom the client's verified certificate names; "" = none */
	const char *peer;
	bool open;                   /* there are no users: everybody may do everything */
	struct user *user;           /* who asks; NULL = nobody known; the exchange's */
	struct arena *arena;         /* lives as long as the request */
	bool (*gone)(void *context); /* the client has left: long work may stop */
	void *gone_context;
};

struct http_response {
	int code;                 /* 200 unless set */
	bool challenge;           /* ask for name and password (WWW-Authenticate) */
	const char *content_type; /* static */
	struct buffer body;
};

/* Splits and decodes the URL. INVALID for malformed escapes or too many parts. */
status http_request_parse_url(struct http_request *request, struct slice url) MUST_USE;
/* NULL when it was not given. */
const char *http_parameter(const struct http_request *request, const char *name);
/* `fallback` when it was not given; INVALID naming it when it is no number in the range. */
status http_integer(const struct http_request *request, const char *name, int64_t low, int64_t high,
	int64_t fallback, int64_t *out) MUST_USE;
/* The body as a JSON object (the caller json_decref()s); an empty body is {}. SYNTAX with the place. */
status http_body_json(const struct http_request *request, json_t **out) MUST_USE;

/* Takes over the reference. */
void http_answer_json(struct http_response *response, json_t *json);
/* {"error": {"code", "message", "detail", "position", "hint"}} from the thread's trace. */
void http_answer_error(struct http_response *response, status code);
const char *http_code_words(int code); /* "Not Found" */

/* ---- handlers; each answers or returns an error ---- */

typedef status http_handler(
	struct server *server, const struct http_request *request, struct http_response *response);

/* Whoever asks: sets request->open and user. UNAUTHENTICATED when what it brings is wrong, not when it brings
 * nothing. Some milliseconds of work. */
status http_identify(struct server *server, struct http_request *request) MUST_USE;
/* May the one who asks do this with the topic, table or view? name NULL: with all. FORBIDDEN; UNAUTHENTICATED
 * when nobody asks. */
status http_may(const struct http_request *request, enum user_role role, const char *name) MUST_USE;
/* A line of the audit trail. */
void http_audit(const struct http_request *request, const char *event, const char *object);

/* Finds and runs the handler; always leaves an answer. */
void http_route(struct server *server, struct http_request *request, struct http_response *response);

http_handler http_topics_list, http_topic_create, http_topic_describe, http_topic_delete, http_topic_append,
	http_topic_records, http_topic_alter, http_topic_add_partitions, http_topic_trim;

/* A topic's configuration as {"name": "text", …}; the caller owns it. And back: null = the default. */
json_t *http_topic_config_json(const struct topic_config *config);
status http_topic_config_apply(struct topic_config *config, json_t *changes) MUST_USE;
http_handler http_views_list, http_view_rows, http_view_drop, http_view_promote, http_view_rollback,
	http_view_diff, http_view_verify, http_view_pause, http_view_resume;
http_handler http_versions, http_deploy, http_sql, http_metrics, http_livez, http_readyz, http_index;

/* Shared by handlers: a value as JSON (numbers that a double holds exactly are numbers, others strings). */
json_t *http_value_json(const struct value *value);
json_t *http_offsets_json(const struct offset_vector *offsets);
/* "delays@2" → "delays", 2; without @: 0. The name lies in the arena. */
status http_view_name(
	const struct http_request *request, const char *segment, const char **name, int64_t *version) MUST_USE;

#endif
