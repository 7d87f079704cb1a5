/* Requests and answers; see http_message.h. */
#include "server/http_message.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte = (uint8_t)tolower(byte);
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static status decode(struct arena *arena, struct slice text, bool plus_is_space, const char **out)
{
	char *decoded = arena_alloc(arena, text.size + 1);
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte == '%') {
			int high = i + 1 < text.size ? hex_digit(text.data[i + 1]) : -1;
			int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;
			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return error_raise(STATUS_INVALID, "malformed escape in the URL at \"%.*s\"",
					(int)(text.size - i), (const char *)text.data + i);
			byte = (uint8_t)(high * 16 + low);
			i += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		decoded[size++] = (char)byte;
	}
	decoded[size] = '\0';
	*out = decoded;
	return STATUS_OK;
}

/* The text up to `stop` or the end; *rest begins after the stop. */
static struct slice cut(struct slice *rest, uint8_t stop)
{
	const uint8_t *at = rest->size != 0 ? memchr(rest->data, stop, rest->size) : NULL;
	size_t size = at != NULL ? (size_t)(at - rest->data) : rest->size;
	struct slice part = slice_of(rest->data, size);
	size_t used = at != NULL ? size + 1 : size;
	*rest = slice_of(rest->data + used, rest->size - used);
	return part;
}

static status parse_parameters(struct http_request *request, struct slice query)
{
	while (query.size != 0) {
		struct slice pair = cut(&query, '&');
		if (pair.size == 0)
			continue;
		if (request->parameter_count == HTTP_PARAMETERS_MAX)
			return error_raise(STATUS_TOO_LARGE, "more than %d parameters in the URL", HTTP_PARAMETERS_MAX);
		struct slice name = cut(&pair, '=');
		struct http_parameter *parameter = &request->parameters[request->parameter_count];
		status code = decode(request->arena, name, true, &parameter->name);
		if (code == STATUS_OK)
			code = decode(request->arena, pair, true, &parameter->value);
		if (code != STATUS_OK)
			return code;
		request->parameter_count++;
	}
	return STATUS_OK;
}

status http_request_parse_url(struct http_request *request, struct slice url)
{
	struct slice path = cut(&url, '?');
	while (path.size != 0) {
		struct slice segment = cut(&path, '/');
		if (segment.size == 0)
			continue;
		if (request->segment_count == HTTP_SEGMENTS_MAX)
			return error_raise(STATUS_INVALID, "the path has more than %d parts", HTTP_SEGMENTS_MAX);
		status code = decode(request->arena, segment, false, &request->segments[request->segment_count]);
		if (code != STATUS_OK)
			return code;
		request->segment_count++;
	}
	return parse_parameters(request, url);
}

const char *http_parameter(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->parameter_count; i++)
		if (strcmp(request->parameters[i].name, name) == 0)
			return request->parameters[i].value;
	return NULL;
}

status http_integer(const struct http_request *request, const char *name, int64_t low, int64_t high,
	int64_t fallback, int64_t *out)
{
	const char *text = http_parameter(request, name);
	if (text == NULL) {
		*out = fallback;
		return STATUS_OK;
	}
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (*text == '\0' || *end != '\0' || errno != 0 || number < low || number > high) {
		status code = error_raise(STATUS_INVALID, "parameter %s is \"%s\"", name, text);
		error_hint("Expected a whole number from %lld to %lld.", (long long)low, (long long)high);
		return code;
	}
	*out = number;
	return STATUS_OK;
}

status http_body_json(const struct http_request *request, json_t **out)
{
	if (request->body.size == 0) {
		*out = json_object();
		return STATUS_OK;
	}
	json_error_t why;
	json_t *json =
		json_loadb((const char *)request->body.data, request->body.size, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL)
		return error_raise(
			STATUS_SYNTAX, "the body is not JSON: %s (line %d, column %d)", why.text, why.line, why.column);
	if (!json_is_object(json)) {
		json_decref(json);
		return error_raise(STATUS_SYNTAX, "the body must be a JSON object");
	}
	*out = json;
	return STATUS_OK;
}

void http_answer_json(struct http_response *response, json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(json);
	response->content_type = "application/json";
	response->body.size = 0;
	buffer_append_string(&response->body, text != NULL ? text : "null");
	buffer_append_byte(&response->body, '\n');
	free(text);
}

static int code_of(status code)
{
	switch (code) {
	case STATUS_UNAUTHENTICATED:
		return 401;
	case STATUS_FORBIDDEN:
		return 403;
	case STATUS_NOT_FOUND:
	case STATUS_UNKNOWN_RELATION:
		return 404;
	case STATUS_EXISTS:
	case STATUS_DEPENDENT:
	case STATUS_NOT_READY:
	case STATUS_OUT_OF_ORDER_SEQUENCE:
	case STATUS_STALE_PRODUCER_EPOCH:
		return 409;
	case STATUS_TOO_LARGE:
		return 413;
	case STATUS_UNSUPPORTED:
		return 422;
	case STATUS_BACKPRESSURE:
	case STATUS_SHUTDOWN:
		return 503;
	case STATUS_IO:
	case STATUS_NO_SPACE:
	case STATUS_POISONED:
	case STATUS_DAMAGED:
	case STATUS_INTERNAL:
	case STATUS_OUT_OF_MEMORY:
		return 500;
	default:
		return 400;
	}
}

void http_answer_error(struct http_response *response, status code)
{
	const struct error *error = error_current();
	json_t *body = json_object();
	const char *end = strchr(error->text, '\n');
	size_t size = end != NULL ? (size_t)(end - error->text) : strlen(error->text);
	json_object_set_new(body, "code", json_string(error->sqlstate));
	json_t *message = json_stringn(error->text, size);
	json_object_set_new(body, "message", message != NULL ? message : json_string(status_words(code)));
	if (end != NULL)
		json_object_set_new(body, "detail", json_string(end + 1));
	if (error->position > 0)
		json_object_set_new(body, "position", json_integer(error->position));
	if (error->hint[0] != '\0')
		json_object_set_new(body, "hint", json_string(error->hint));
	response->code = code_of(code);
	response->challenge = code == STATUS_UNAUTHENTICATED;
	http_answer_json(response, json_pack("{s:o}", "error", body));
}

const char *http_code_words(int code)
{
	static const struct {
		int code;
		const char *words;
	} known[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {400, "Bad Request"},
		{401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
		{408, "Request Timeout"}, {409, "Conflict"}, {413, "Content Too Large"},
		{415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
		{431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{503, "Service Unavailable"}};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].code == code)
			return known[i].words;
	return "Unknown";
}
