/* Which handler answers a path; `*` stands for one segment. */
#include <string.h>

#include "server/http_connect.h"
#include "server/http_message.h"
#include "server/http_records.h"
#include "server/http_source.h"

/* Who may come here; what is not said is for admins. "On the second segment": a topic or a view. */
enum route_access {
	ROUTE_ADMIN,
	ROUTE_ANYBODY, /* nothing of anybody's is shown */
	ROUTE_USER,    /* every user; the handler asks for more */
	ROUTE_READ,    /* who has this role on the second segment */
	ROUTE_WRITE,
	ROUTE_DEPLOY,
};

struct route {
	enum request_method method;
	const char *segments[HTTP_SEGMENTS_MAX];
	http_handler *handler;
	const char *words; /* for the index */
	enum route_access access;
};

static const struct route routes[] = {
	{REQUEST_GET, {NULL}, http_index, "this list", ROUTE_ANYBODY},
	{REQUEST_GET, {"livez"}, http_livez, "the program runs", ROUTE_ANYBODY},
	{REQUEST_GET, {"readyz"}, http_readyz, "views that were live are live again", ROUTE_ANYBODY},
	{REQUEST_GET, {"metrics"}, http_metrics, "Prometheus text format", ROUTE_USER},
	{REQUEST_GET, {"topics"}, http_topics_list, "topics", ROUTE_USER},
	{REQUEST_POST, {"topics"}, http_topic_create,
		"create a topic: {\"name\", \"partitions\", \"segment_bytes\", \"config\"}", ROUTE_USER},
	{REQUEST_GET, {"topics", "*"}, http_topic_describe, "one topic's partitions and configuration",
		ROUTE_READ},
	{REQUEST_POST, {"topics", "*"}, http_topic_append,
		"append records: NDJSON, or {\"records\": [{\"key\", \"value\"}]}", ROUTE_WRITE},
	{REQUEST_POST, {"topics", "*", "config"}, http_topic_alter,
		"change its configuration: {\"config\": {name: value or null}, \"force\"}", ROUTE_DEPLOY},
	{REQUEST_POST, {"topics", "*", "partitions"}, http_topic_add_partitions,
		"add partitions: {\"partitions\": how many there shall be}", ROUTE_DEPLOY},
	{REQUEST_POST, {"topics", "*", "trim"}, http_topic_trim,
		"remove records: {\"before\": offset or \"end\", \"partition\", \"force\"}", ROUTE_DEPLOY},
	{REQUEST_DELETE, {"topics", "*"}, http_topic_delete, "delete a topic that no table reads", ROUTE_DEPLOY},
	{REQUEST_GET, {"topics", "*", "records"}, http_topic_records,
		"read records: partition, offset, limit, wait_ms", ROUTE_READ},
	{REQUEST_GET, {"topics", "*", "batches"}, http_topic_batches,
		"record batches as they lie on disk: offsets, bytes, wait_ms", ROUTE_READ},
	{REQUEST_POST, {"sources", "*"}, http_source_open, "where a file source stands: topic", ROUTE_USER},
	{REQUEST_POST, {"sources", "*", "records"}, http_source_append,
		"append a file source's records exactly once", ROUTE_USER},
	{REQUEST_GET, {"connectors"}, http_connect_list,
		"connectors, as in Kafka Connect: expand=status, expand=info", ROUTE_USER},
	{REQUEST_POST, {"connectors"}, http_connect_create, "create a connector: {\"name\", \"config\"}",
		ROUTE_ADMIN},
	{REQUEST_GET, {"connectors", "*"}, http_connect_info, "a connector's configuration and tasks",
		ROUTE_USER},
	{REQUEST_DELETE, {"connectors", "*"}, http_connect_delete, "delete a connector; where it stands is kept",
		ROUTE_ADMIN},
	{REQUEST_GET, {"connectors", "*", "config"}, http_connect_config, "its configuration", ROUTE_USER},
	{REQUEST_PUT, {"connectors", "*", "config"}, http_connect_configure,
		"create it, or change its configuration", ROUTE_ADMIN},
	{REQUEST_GET, {"connectors", "*", "status"}, http_connect_status, "RUNNING, PAUSED or FAILED, and why",
		ROUTE_USER},
	{REQUEST_GET, {"connectors", "*", "tasks"}, http_connect_tasks, "its one task", ROUTE_USER},
	{REQUEST_GET, {"connectors", "*", "tasks", "*", "status"}, http_connect_task_status, "the task's state",
		ROUTE_USER},
	{REQUEST_POST, {"connectors", "*", "tasks", "*", "restart"}, http_connect_task_restart, "restart it",
		ROUTE_ADMIN},
	{REQUEST_PUT, {"connectors", "*", "pause"}, http_connect_pause, "pause it", ROUTE_ADMIN},
	{REQUEST_PUT, {"connectors", "*", "resume"}, http_connect_resume, "resume it", ROUTE_ADMIN},
	{REQUEST_POST, {"connectors", "*", "restart"}, http_connect_restart, "restart it, failed or not",
		ROUTE_ADMIN},
	{REQUEST_GET, {"connector-plugins"}, http_connect_plugins, "the connectors there are", ROUTE_USER},
	{REQUEST_POST, {"sql"}, http_sql, "run SQL: {\"query\"}", ROUTE_USER},
	{REQUEST_GET, {"views"}, http_views_list, "views and their live versions", ROUTE_USER},
	{REQUEST_GET, {"views", "*"}, http_view_rows,
		"rows of a view (V or V@N): COLUMN=value, limit, offset, version", ROUTE_READ},
	{REQUEST_DELETE, {"views", "*"}, http_view_drop, "drop a view or a version: cascade", ROUTE_DEPLOY},
	{REQUEST_POST, {"views", "*", "promote"}, http_view_promote, "make a version live: {\"version\"}",
		ROUTE_DEPLOY},
	{REQUEST_POST, {"views", "*", "rollback"}, http_view_rollback, "back to the version that was live before",
		ROUTE_DEPLOY},
	{REQUEST_GET, {"views", "*", "diff"}, http_view_diff,
		"compare two versions: left, right, tolerance, samples", ROUTE_READ},
	{REQUEST_POST, {"views", "*", "verify"}, http_view_verify, "replay from zero and compare digests",
		ROUTE_READ},
	{REQUEST_POST, {"views", "*", "pause"}, http_view_pause, "pause a replaying version", ROUTE_DEPLOY},
	{REQUEST_POST, {"views", "*", "resume"}, http_view_resume, "resume it", ROUTE_DEPLOY},
	{REQUEST_GET, {"versions"}, http_versions, "all versions: state, progress, rate, ETA", ROUTE_USER},
	{REQUEST_POST, {"deployments"}, http_deploy, "deploy views: SQL text, or {\"sql\", \"plan_only\"}",
		ROUTE_USER},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

static bool path_matches(const struct route *route, const struct http_request *request)
{
	size_t i = 0;
	for (; i < request->segment_count; i++)
		if (i == HTTP_SEGMENTS_MAX || route->segments[i] == NULL ||
			(strcmp(route->segments[i], "*") != 0 && strcmp(route->segments[i], request->segments[i]) != 0))
			return false;
	return i == HTTP_SEGMENTS_MAX || route->segments[i] == NULL;
}

/* Where there is nothing of its own for it, PUT is as good as POST. */
static bool method_matches(enum request_method route, enum request_method asked)
{
	return route == asked || (route == REQUEST_POST && asked == REQUEST_PUT);
}

/* The topic or view of the path: "delays@2" is delays. */
static const char *object_of(const struct http_request *request)
{
	const char *name = request->segments[1], *at = strrchr(name, '@');
	if (at == NULL)
		return name;
	return arena_printf(request->arena, "%.*s", (int)(at - name), name);
}

static status access_check(const struct route *route, const struct http_request *request)
{
	switch (route->access) {
	case ROUTE_ANYBODY:
		return STATUS_OK;
	case ROUTE_USER:
		if (request->open || request->user != NULL)
			return STATUS_OK;
		return http_may(request, USER_READ, NULL); /* says that nobody asks */
	case ROUTE_READ:
		return http_may(request, USER_READ, object_of(request));
	case ROUTE_WRITE:
		return http_may(request, USER_WRITE, object_of(request));
	case ROUTE_DEPLOY:
		return http_may(request, USER_DEPLOY, object_of(request));
	default:
		return http_may(request, USER_ADMIN, NULL);
	}
}

static status route_run(const struct route *route, struct server *server, struct http_request *request,
	struct http_response *response)
{
	status code = route->access == ROUTE_ANYBODY ? STATUS_OK : http_identify(server, request);
	if (code == STATUS_OK)
		code = access_check(route, request);
	if (code == STATUS_OK)
		code = route->handler(server, request, response);
	if (code == STATUS_OK && response->code < 400 && route->access == ROUTE_DEPLOY)
		http_audit(
			request, request->segment_count > 2 ? request->segments[2] : "deleted", request->segments[1]);
	return code;
}

void http_route(struct server *server, struct http_request *request, struct http_response *response)
{
	bool path_known = false;
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		if (!path_matches(&routes[i], request))
			continue;
		path_known = true;
		if (!method_matches(routes[i].method, request->method))
			continue;
		status code = route_run(&routes[i], server, request, response);
		if (code != STATUS_OK)
			http_answer_error(response, code);
		return;
	}
	status code = path_known ? error_raise(STATUS_INVALID, "this path does not take that method")
							 : error_raise(STATUS_NOT_FOUND, "there is nothing at this path");
	error_hint("GET / lists the paths.");
	http_answer_error(response, code);
	if (path_known)
		response->code = 405;
}

status http_index(struct server *server, const struct http_request *request, struct http_response *response)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "?"};
	(void)server;
	(void)request;
	buffer_printf(&response->body, "kappa %s\n\n", KAPPA_VERSION);
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		char path[128] = "";
		for (size_t j = 0; j < HTTP_SEGMENTS_MAX && routes[i].segments[j] != NULL; j++) {
			bool hole = strcmp(routes[i].segments[j], "*") == 0;
			strcat(path, "/");
			strcat(path,
				hole ? (strcmp(routes[i].segments[0], "topics") == 0          ? "{topic}"
						   : strcmp(routes[i].segments[0], "views") == 0      ? "{view}"
						   : strcmp(routes[i].segments[0], "connectors") == 0 ? (j == 1 ? "{name}" : "{task}")
																			  : "{source}")
					 : routes[i].segments[j]);
		}
		buffer_printf(&response->body, "%-6s %-40s %s\n", methods[routes[i].method],
			path[0] != '\0' ? path : "/", routes[i].words);
	}
	response->content_type = "text/plain; charset=utf-8";
	return STATUS_OK;
}
