/* kappa connect: Kafka Connect's properties files to connectors of the appliance.
 *
 *   files ──► properties ──► checked, paths made absolute ──► PUT /connectors/NAME/config ──► watched until
 * ^C ──► deleted
 *
 * The connectors run in the server. When this program is killed they go on there; the same command takes them
 * over again, `kappa connect delete` ends them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "ingest/connector_config.h"
#include "server/cli_sql.h"

enum { WATCH_MS = 500, CONNECTORS_OF_COMMAND_MAX = CLI_ARGUMENTS_MAX };

struct wanted {
	struct properties properties;
	struct connector_config config;
	bool created; /* by this run */
	bool gone, failed;
	int64_t records; /* last told; −1 = none yet */
};

struct connecting {
	const struct cli *cli;
	struct cli_http *http;
	struct properties worker;
	struct wanted wanted[CONNECTORS_OF_COMMAND_MAX];
	size_t count;
};

/* ---- the files ---- */

static status properties_load(const char *path, struct properties *properties)
{
	struct buffer text;
	buffer_init(&text);
	status result = file_read_all(path, PROPERTIES_BYTES_MAX, &text);
	if (result == STATUS_OK) {
		result = properties_parse(properties, buffer_slice(&text));
		if (result != STATUS_OK)
			result = error_note(result, "in %s", path);
	}
	buffer_deinit(&text);
	return result;
}

/* Of a worker file only the converters matter here; says so about the rest. */
static void worker_note(const char *path, const struct properties *worker)
{
	struct buffer names;
	buffer_init(&names);
	for (size_t i = 0; i < worker->count; i++) {
		const char *key = worker->list[i].key;
		if (strncmp(key, "key.converter", 13) == 0 || strncmp(key, "value.converter", 15) == 0)
			continue;
		buffer_printf(&names, "%s%s", names.size != 0 ? ", " : "", key);
	}
	if (names.size != 0)
		fprintf(stderr,
			"kappa: not needed in %s: %.*s\n"
			"hint: connectors run inside the appliance, and where they stand is in its log\n",
			path, (int)names.size, (const char *)names.data);
	buffer_deinit(&names);
}

/* A connector without a converter of its own has the worker's. */
static void converters_inherit(const struct properties *worker, struct properties *properties)
{
	static const char *const classes[] = {"key.converter", "value.converter"};
	static const char *const schemas[] = {"key.converter.schemas.enable", "value.converter.schemas.enable"};
	for (size_t i = 0; i < 2; i++) {
		if (properties_get(properties, classes[i]) != NULL)
			continue;
		const char *class_name = properties_get(worker, classes[i]),
				   *schema = properties_get(worker, schemas[i]);
		if (class_name != NULL)
			properties_set(properties, classes[i], class_name);
		if (schema != NULL && properties_get(properties, schemas[i]) == NULL)
			properties_set(properties, schemas[i], schema);
	}
}

static status connector_load(struct connecting *connecting, const char *path, struct wanted *wanted)
{
	wanted->records = -1;
	converters_inherit(&connecting->worker, &wanted->properties);
	const char *file = properties_get(&wanted->properties, "file");
	if (file != NULL && *file != '\0') {
		char *absolute = cli_path_absolute(file);
		if (absolute == NULL)
			return error_note(STATUS_INVALID, "in %s", path);
		properties_set(&wanted->properties, "file", absolute);
		mem_free(absolute);
	}
	status result = connector_config_read(&wanted->properties, &wanted->config);
	for (size_t i = 0; result == STATUS_OK && i < connecting->count; i++)
		if (strcmp(connecting->wanted[i].config.name, wanted->config.name) == 0)
			result = error_raise(STATUS_INVALID, "two connectors are called %s", wanted->config.name);
	return result == STATUS_OK ? STATUS_OK : error_note(result, "in %s", path);
}

static status files_load(struct connecting *connecting, const struct cli_texts *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct wanted *wanted = &connecting->wanted[connecting->count];
		status result = properties_load(paths->texts[i], &wanted->properties);
		if (result != STATUS_OK)
			return result;
		if (properties_get(&wanted->properties, "connector.class") == NULL && i == 0) {
			connecting->worker = wanted->properties;
			properties_init(&wanted->properties);
			worker_note(paths->texts[i], &connecting->worker);
			continue;
		}
		result = connector_load(connecting, paths->texts[i], wanted);
		if (result != STATUS_OK)
			return result;
		connecting->count++;
	}
	if (connecting->count == 0) {
		error_raise(STATUS_INVALID, "%s describes no connector: it has no connector.class", paths->texts[0]);
		error_hint("The first file may be the worker's; at least one connector's follows it.");
		return STATUS_INVALID;
	}
	return STATUS_OK;
}

/* ---- the server ---- */

static int connector_put(struct connecting *connecting, struct wanted *wanted)
{
	json_t *config = json_object();
	for (size_t i = 0; i < wanted->properties.count; i++) {
		const struct property *property = &wanted->properties.list[i];
		if (json_object_set_new(config, property->key, json_string(property->value)) != 0) {
			json_decref(config);
			error_raise(STATUS_INVALID, "connector %s: a property is not UTF-8", wanted->config.name);
			return cli_usage_error(connecting->cli);
		}
	}
	char *text = json_dumps(config, JSON_COMPACT);
	char *path = cli_url("/connectors/%s/config", wanted->config.name);
	struct cli_answer answer;
	status result = cli_http_send(connecting->http, "PUT", path, "application/json", slice_of_string(text));
	if (result == STATUS_OK)
		result = cli_http_receive(connecting->http, &answer);
	json_decref(config);
	free(text);
	mem_free(path);
	if (result != STATUS_OK) {
		cli_error_say();
		return CLI_UNREACHABLE;
	}
	wanted->created = answer.code == 201;
	return answer.code >= 400 ? cli_refused(&answer, NULL) : CLI_OK;
}

static int connector_delete(struct cli_http *http, const char *name)
{
	char *path = cli_url("/connectors/%s", name);
	struct cli_answer answer;
	status result = cli_http_send(http, "DELETE", path, NULL, (struct slice){0});
	if (result == STATUS_OK)
		result = cli_http_receive(http, &answer);
	mem_free(path);
	if (result != STATUS_OK) {
		cli_error_say();
		return CLI_UNREACHABLE;
	}
	return answer.code >= 400 && answer.code != 404 ? cli_refused(&answer, NULL) : CLI_OK;
}

static int connectors_create_all(struct connecting *connecting)
{
	int code = CLI_OK;
	for (size_t i = 0; i < connecting->count && code == CLI_OK; i++) {
		struct wanted *wanted = &connecting->wanted[i];
		code = connector_put(connecting, wanted);
		if (code != CLI_OK)
			break;
		bool source = wanted->config.kind == CONNECTOR_SOURCE;
		const char *topics = properties_get(&wanted->properties, source ? "topic" : "topics");
		printf("%s: %s → %s\n", wanted->config.name, source ? wanted->config.file : topics,
			source ? topics : wanted->config.file);
	}
	/* All or none of what this command brought. */
	for (size_t i = 0; i < connecting->count && code == CLI_REFUSED; i++)
		if (connecting->wanted[i].created)
			(void)connector_delete(connecting->http, connecting->wanted[i].config.name);
	(void)fflush(stdout);
	return code;
}

/* ---- watching ---- */

static void row_tell(struct wanted *wanted, const json_t *row)
{
	const char *state = json_string_value(json_array_get(row, 1));
	const char *records = json_string_value(json_array_get(row, 2));
	const char *trace = json_string_value(json_array_get(row, 3));
	bool failed = state != NULL && strcmp(state, "FAILED") == 0;
	int64_t count = records != NULL ? strtoll(records, NULL, 10) : 0;
	wanted->gone = false;
	if (count != wanted->records && count != 0)
		printf("%s: %" PRId64 " record%s\n", wanted->config.name, count, count == 1 ? "" : "s");
	wanted->records = count;
	(void)fflush(stdout);
	if (failed && !wanted->failed)
		fprintf(stderr, "kappa: connector %s failed: %s\n", wanted->config.name, trace != NULL ? trace : "");
	wanted->failed = failed;
}

static void answer_tell(struct connecting *connecting, const struct cli_answer *answer)
{
	json_error_t why;
	json_t *json = json_loadb((const char *)answer->body.data, answer->body.size, 0, &why), *row;
	const json_t *results = json_object_get(json, "results");
	if (answer->code < 400 && json_array_size(results) == 1) {
		const json_t *rows = json_object_get(json_array_get(results, 0), "rows");
		size_t at;
		for (size_t i = 0; i < connecting->count; i++)
			connecting->wanted[i].gone = true;
		json_array_foreach(rows, at, row)
		{
			const char *name = json_string_value(json_array_get(row, 0));
			for (size_t i = 0; i < connecting->count && name != NULL; i++)
				if (strcmp(connecting->wanted[i].config.name, name) == 0)
					row_tell(&connecting->wanted[i], row);
		}
	}
	json_decref(json);
}

/* True when none of them can do anything any more. */
static bool all_over(const struct connecting *connecting)
{
	for (size_t i = 0; i < connecting->count; i++)
		if (!connecting->wanted[i].gone && !connecting->wanted[i].failed)
			return false;
	return true;
}

static int watch(struct connecting *connecting)
{
	static const char query[] =
		"{\"query\":\"SELECT connector, state, record_count, error FROM kappa.connectors\"}";
	bool away = false;
	while (!cli_interrupted()) {
		struct cli_answer answer;
		status result = cli_http_send(
			connecting->http, "POST", "/sql", "application/json", slice_of(query, sizeof query - 1));
		if (result == STATUS_OK)
			result = cli_http_receive(connecting->http, &answer);
		if (result == STATUS_OK)
			answer_tell(connecting, &answer);
		else
			cli_http_close(connecting->http);
		if (away != (result != STATUS_OK) && !cli_interrupted())
			fprintf(stderr,
				result == STATUS_OK ? "kappa: %s answers again\n"
									: "kappa: no answer from %s; connectors go on when it is back\n",
				connecting->cli->address);
		away = result != STATUS_OK;
		if (all_over(connecting)) {
			bool failed = false;
			for (size_t i = 0; i < connecting->count; i++)
				failed = failed || connecting->wanted[i].failed;
			return failed ? CLI_REFUSED : CLI_OK;
		}
		struct timespec pause = {WATCH_MS / 1000, WATCH_MS % 1000 * 1000000};
		(void)nanosleep(&pause, NULL);
	}
	return CLI_OK;
}

static int connect_run(struct connecting *connecting, bool detach)
{
	int code = connectors_create_all(connecting);
	if (code != CLI_OK || detach)
		return code;
	cli_interrupt_catch();
	code = watch(connecting);
	for (size_t i = 0; i < connecting->count; i++) {
		int deleted = connecting->wanted[i].gone
						  ? CLI_OK
						  : connector_delete(connecting->http, connecting->wanted[i].config.name);
		code = code == CLI_OK ? deleted : code;
	}
	if (code == CLI_OK)
		fprintf(stderr, "stopped; the same command goes on where they were\n");
	return code;
}

static int connect_files(const struct cli *cli, const struct cli_texts *paths, bool detach)
{
	struct connecting connecting = {.cli = cli};
	int code;
	if (cli_http_create(cli->address, &connecting.http) != STATUS_OK)
		return cli_usage_error(cli);
	if (files_load(&connecting, paths) != STATUS_OK)
		code = cli_usage_error(cli);
	else
		code = connect_run(&connecting, detach);
	for (size_t i = 0; i < CONNECTORS_OF_COMMAND_MAX; i++) {
		properties_deinit(&connecting.wanted[i].properties);
		connector_config_deinit(&connecting.wanted[i].config);
	}
	properties_deinit(&connecting.worker);
	cli_http_destroy(connecting.http);
	return code;
}

/* ---- one connector ---- */

static int connect_change(const struct cli *cli, const char *verb, const char *name)
{
	bool restart = strcmp(verb, "restart") == 0, delete = strcmp(verb, "delete") == 0;
	const char *method = delete ? "DELETE" : restart ? "POST" : "PUT";
	char *path = delete ? cli_url("/connectors/%s", name) : cli_url("/connectors/%s/%s", name, verb);
	int code = cli_ask(cli, method, path, NULL, NULL);
	mem_free(path);
	return code;
}

int cli_connect(struct cli *cli)
{
	static const char *const changes[] = {"pause", "resume", "restart", "delete"};
	bool detach = false;
	const struct cli_option options[] = {{"--detach", 0, CLI_FLAG, &detach}};
	struct cli_texts arguments;
	int code = cli_begin(
		cli, options, sizeof options / sizeof options[0], &arguments, 1, CONNECTORS_OF_COMMAND_MAX - 1);
	if (code != CLI_OK)
		return code;
	if (strcmp(arguments.texts[0], "list") == 0 && arguments.count == 1)
		return cli_sql_run(cli, "SELECT * FROM kappa.connectors ORDER BY connector");
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		if (strcmp(arguments.texts[0], changes[i]) != 0)
			continue;
		if (arguments.count == 2)
			return connect_change(cli, changes[i], arguments.texts[1]);
		error_raise(STATUS_INVALID, "%s takes the name of one connector", changes[i]);
		return cli_usage_error(cli);
	}
	return connect_files(cli, &arguments, detach);
}
