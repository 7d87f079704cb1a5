/* kappa produce --file: a file's lines to a topic, exactly once.
 *
 *   open the source ──► position of the last durable batch ──► the file, from there on
 *     ▲                                                            │ read, send with sequence and position
 *     └────────────── the connection was lost ◄────────────────────┘
 *
 * Nothing is remembered here: after any failure the server is asked again where the source stands
 * (ingest/source.h), and reading begins there. So batches that were under way are sent again exactly if they
 * are not in the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ingest/line_file.h"
#include "server/cli_offsets.h"

enum {
	SOURCE_BATCH_BYTES = 1024 * 1024,
	SOURCE_BATCH_LINES_MAX = 200000,
	SOURCE_BATCH_RESERVE = 4096, /* of the topic's limit: batch header and position */
	SOURCE_BODY_BYTES_MAX = 48 * 1024 * 1024,
	SOURCE_WINDOW = 3,
	SOURCE_IDLE_MS = 50,
	SOURCE_RETRY_MS = 250,
};

struct reading {
	const struct cli *cli;
	const struct cli_source *source;
	const char *id;
	char *absolute_path;
	struct cli_http *http;
	struct line_file *file; /* NULL while the source is not open */
	int64_t session, next_sequence;
	int64_t acknowledged; /* sequence after the last batch that was answered; −1 = none yet */
	struct line_file_limits limits;
	struct buffer lines;
	struct cli_offsets offsets;
	bool away_said; /* that the server is not there */
	bool resumed;   /* there was a position */
};

enum outcome { OUTCOME_GO_ON, OUTCOME_IDLE, OUTCOME_REOPEN, OUTCOME_END };

static void pause_ms(int64_t ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	(void)nanosleep(&pause, NULL); /* ^C ends it early */
}

static void file_note(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "kappa: %s\n", text);
}

/* ---- opening ---- */

static int opened_take(struct reading *reading, const json_t *answer)
{
	const char *text = json_string_value(json_object_get(answer, "position"));
	struct line_file_position position;
	struct line_file_options options = {.follow = reading->source->follow, .note = file_note};
	reading->session = cli_json_integer(answer, "session", 0);
	reading->next_sequence = cli_json_integer(answer, "next_sequence", 0);
	/* What became durable although its answer was lost counts as sent, too. */
	int64_t unanswered = (reading->next_sequence - reading->acknowledged) & INT32_MAX;
	if (reading->acknowledged >= 0 && unanswered <= SOURCE_WINDOW * SOURCE_BATCH_LINES_MAX)
		reading->offsets.count += unanswered;
	reading->acknowledged = reading->next_sequence;
	int64_t bytes_max =
		cli_json_integer(answer, "batch_bytes_max", SOURCE_BODY_BYTES_MAX) - SOURCE_BATCH_RESERVE;
	bytes_max = bytes_max > SOURCE_BODY_BYTES_MAX ? SOURCE_BODY_BYTES_MAX
				: bytes_max < 1024                ? 1024
												  : bytes_max;
	reading->limits = (struct line_file_limits){
		.bytes_wanted = bytes_max < SOURCE_BATCH_BYTES ? (size_t)bytes_max : SOURCE_BATCH_BYTES,
		.bytes_max = (size_t)bytes_max,
		.lines_max = SOURCE_BATCH_LINES_MAX,
	};
	reading->resumed = reading->resumed || text != NULL;
	status result = text != NULL ? line_file_position_parse(text, &position) : STATUS_OK;
	if (result == STATUS_OK)
		result =
			line_file_open(reading->absolute_path, text != NULL ? &position : NULL, &options, &reading->file);
	return result == STATUS_OK ? CLI_OK : cli_usage_error(reading->cli);
}

/* Asks where the source stands. With --follow a server that is away is waited for. */
static int source_open(struct reading *reading)
{
	struct cli_answer answer;
	json_error_t why;
	const struct cli_source *source = reading->source;
	char *path = source->partition >= 0 ? cli_url("/sources/%s?topic=%s&partition=%lld", reading->id,
											  source->topic, (long long)source->partition)
										: cli_url("/sources/%s?topic=%s", reading->id, source->topic);
	status result = cli_http_send(reading->http, "POST", path, NULL, (struct slice){0});
	if (result == STATUS_OK)
		result = cli_http_receive(reading->http, &answer);
	mem_free(path);
	if (result != STATUS_OK || answer.code == 503) {
		cli_http_close(reading->http);
		if (!source->follow) {
			if (result != STATUS_OK)
				cli_error_say();
			return result != STATUS_OK ? CLI_UNREACHABLE : cli_refused(&answer, NULL);
		}
		if (!reading->away_said)
			fprintf(stderr, "kappa: no answer from %s; trying again until there is\n", reading->cli->address);
		reading->away_said = true;
		pause_ms(SOURCE_RETRY_MS);
		return CLI_OK;
	}
	if (answer.code >= 400)
		return cli_refused(&answer, NULL);
	if (reading->away_said)
		fprintf(stderr, "kappa: %s answers again\n", reading->cli->address);
	reading->away_said = false;
	json_t *json = json_loadb((const char *)answer.body.data, answer.body.size, 0, &why);
	int code = opened_take(reading, json);
	json_decref(json);
	return code;
}

static void source_close(struct reading *reading)
{
	line_file_close(reading->file);
	reading->file = NULL;
	cli_http_close(reading->http);
}

/* ---- appending ---- */

/* The connection is gone, or the server cannot now: the state of what was under way is unknown here, not
 * there. */
static int lost(struct reading *reading, enum outcome *outcome)
{
	*outcome = OUTCOME_REOPEN;
	if (reading->source->follow)
		return CLI_OK;
	cli_error_say();
	fprintf(stderr, "hint: run the same command again to go on where it stopped\n");
	return CLI_UNREACHABLE;
}

static int answer_take(struct reading *reading, enum outcome *outcome)
{
	struct cli_answer answer;
	json_error_t why;
	if (cli_http_receive(reading->http, &answer) != STATUS_OK)
		return lost(reading, outcome);
	if (answer.code == 503) {
		error_raise(STATUS_SHUTDOWN, "the server at %s is stopping or overloaded", reading->cli->address);
		return lost(reading, outcome);
	}
	/* The server forgets sessions when it restarts, which this connection may have missed while it was idle.
	 * When it has not restarted, somebody else took the source over. */
	if (answer.code == 409 && cli_http_reconnected(reading->http)) {
		*outcome = OUTCOME_REOPEN;
		return CLI_OK;
	}
	if (answer.code >= 400)
		return cli_refused(&answer, NULL);
	json_t *json = json_loadb((const char *)answer.body.data, answer.body.size, 0, &why);
	cli_offsets_add(&reading->offsets, cli_json_integer(json, "partition", 0),
		cli_json_integer(json, "base_offset", 0), cli_json_integer(json, "count", 0));
	reading->acknowledged = cli_json_integer(json, "next_sequence", reading->acknowledged);
	json_decref(json);
	return CLI_OK;
}

static int lines_send(
	struct reading *reading, const struct line_file_position *position, int32_t count, enum outcome *outcome)
{
	struct buffer token;
	buffer_init(&token);
	line_file_position_format(position, &token);
	buffer_append_byte(&token, 0);
	char *path = cli_url("/sources/%s/records?topic=%s&session=%lld&sequence=%lld&position=%s", reading->id,
		reading->source->topic, (long long)reading->session, (long long)reading->next_sequence,
		(const char *)token.data);
	status result =
		cli_http_send(reading->http, "POST", path, "application/x-ndjson", buffer_slice(&reading->lines));
	mem_free(path);
	buffer_deinit(&token);
	if (result != STATUS_OK)
		return lost(reading, outcome);
	reading->next_sequence = (reading->next_sequence + count) & INT32_MAX;
	return CLI_OK;
}

/* Takes an answer, or reads and sends a batch. */
static int source_round(struct reading *reading, enum outcome *outcome)
{
	struct line_file_position position;
	int32_t count;
	*outcome = OUTCOME_GO_ON;
	if (cli_http_under_way(reading->http) == SOURCE_WINDOW)
		return answer_take(reading, outcome);
	status result = line_file_read(reading->file, &reading->limits, &reading->lines, &count, &position);
	if (result == STATUS_OK)
		return lines_send(reading, &position, count, outcome);
	if (result != STATUS_END)
		return cli_usage_error(reading->cli);
	if (cli_http_under_way(reading->http) != 0)
		return answer_take(reading, outcome);
	*outcome = reading->source->follow ? OUTCOME_IDLE : OUTCOME_END;
	return CLI_OK;
}

static int source_loop(struct reading *reading)
{
	enum outcome outcome = OUTCOME_REOPEN;
	int code = CLI_OK;
	while (code == CLI_OK && outcome != OUTCOME_END && !cli_interrupted()) {
		if (outcome == OUTCOME_REOPEN)
			source_close(reading);
		if (reading->file == NULL) {
			code = source_open(reading);
			outcome = OUTCOME_GO_ON;
			continue;
		}
		code = source_round(reading, &outcome);
		if (code == CLI_OK && outcome == OUTCOME_IDLE)
			pause_ms(SOURCE_IDLE_MS);
	}
	/* ^C: what is under way is told of, too. */
	while (code == CLI_OK && reading->file != NULL && outcome != OUTCOME_REOPEN &&
		   cli_http_under_way(reading->http) != 0)
		code = answer_take(reading, &outcome);
	return code;
}

static void source_summary(const struct reading *reading)
{
	struct buffer text;
	buffer_init(&text);
	cli_offsets_describe(&reading->offsets, reading->source->topic, &text);
	if (reading->offsets.count == 0 && reading->resumed && !reading->source->follow)
		buffer_printf(&text, ": all of %s was there already", reading->source->path);
	buffer_append_byte(&text, '\n');
	(void)fwrite(text.data, 1, text.size, stdout);
	buffer_deinit(&text);
}

char *cli_path_absolute(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char *directory = slash == NULL   ? strdup(".")
					  : slash == path ? strdup("/")
									  : strndup(path, (size_t)(slash - path));
	char *real = *name != '\0' && directory != NULL ? realpath(directory, NULL) : NULL;
	if (real == NULL) {
		error_raise(STATUS_INVALID, "%s: %s", path, *name != '\0' ? strerror(errno) : "is a directory");
		free(directory);
		return NULL;
	}
	struct buffer joined;
	buffer_init(&joined);
	buffer_printf(&joined, "%s/%s%c", strcmp(real, "/") == 0 ? "" : real, name, 0);
	free(real);
	free(directory);
	return (char *)joined.data;
}

int cli_source_run(const struct cli *cli, const struct cli_source *source)
{
	struct reading reading = {.cli = cli, .source = source, .acknowledged = -1};
	reading.absolute_path = cli_path_absolute(source->path);
	if (reading.absolute_path == NULL || cli_http_create(cli->address, &reading.http) != STATUS_OK) {
		mem_free(reading.absolute_path);
		return cli_usage_error(cli);
	}
	reading.id = source->id != NULL ? source->id : reading.absolute_path;
	cli_interrupt_catch();
	int code = source_loop(&reading);
	if (code == CLI_OK || reading.offsets.count != 0)
		source_summary(&reading);
	line_file_close(reading.file);
	cli_http_destroy(reading.http);
	buffer_deinit(&reading.lines);
	cli_offsets_deinit(&reading.offsets);
	mem_free(reading.absolute_path);
	return code;
}
