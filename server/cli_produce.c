/* kappa produce: lines from standard input to a topic, in pipelined batches. Files are cli_source.c's.
 *
 *   stdin ──read──► input ──whole lines──► request ─► … up to PRODUCE_WINDOW under way … ─► answer: offsets
 *
 * A batch goes out when it is large enough, or when nothing is under way and no more input is there at the
 * moment: slow input is sent line by line, fast input in large batches.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "server/cli_offsets.h"

enum {
	PRODUCE_BATCH_BYTES = 2 * 1024 * 1024,
	PRODUCE_READ_BYTES = 256 * 1024,
	PRODUCE_LINE_BYTES_MAX = 32 * 1024 * 1024,
	PRODUCE_WINDOW = 4, /* requests under way */
};

/* ---- the summary ---- */

void cli_offsets_add(struct cli_offsets *offsets, int64_t partition, int64_t base_offset, int64_t count)
{
	if (count <= 0)
		return;
	offsets->count += count;
	int64_t last = base_offset + count - 1;
	for (size_t i = 0; i < offsets->range_count; i++) {
		struct cli_offset_range *range = &offsets->ranges[i];
		if (range->partition != partition)
			continue;
		range->first = base_offset < range->first ? base_offset : range->first;
		range->last = last > range->last ? last : range->last;
		return;
	}
	if (offsets->range_count == offsets->range_capacity) {
		offsets->range_capacity = offsets->range_capacity == 0 ? 4 : offsets->range_capacity * 2;
		offsets->ranges = mem_resize(offsets->ranges, offsets->range_capacity * sizeof *offsets->ranges);
	}
	offsets->ranges[offsets->range_count++] = (struct cli_offset_range){partition, base_offset, last};
}

void cli_offsets_describe(const struct cli_offsets *offsets, const char *topic, struct buffer *out)
{
	buffer_printf(
		out, "produced %" PRId64 " record%s to %s", offsets->count, offsets->count == 1 ? "" : "s", topic);
	const struct cli_offset_range *first = offsets->ranges;
	if (offsets->range_count == 1 && first->first == first->last)
		buffer_printf(out, " (offset %" PRId64 ")", first->first);
	else if (offsets->range_count == 1)
		buffer_printf(out, " (offsets %" PRId64 "–%" PRId64 ")", first->first, first->last);
	else if (offsets->range_count > 1)
		buffer_printf(out, " (%zu partitions)", offsets->range_count);
}

void cli_offsets_deinit(struct cli_offsets *offsets)
{
	mem_free(offsets->ranges);
}

static void summary_print(const struct cli_offsets *offsets, const char *topic)
{
	struct buffer text;
	buffer_init(&text);
	cli_offsets_describe(offsets, topic, &text);
	buffer_append_byte(&text, '\n');
	(void)fwrite(text.data, 1, text.size, stdout);
	buffer_deinit(&text);
}

/* ---- keys ---- */

static void json_string_append(struct buffer *out, struct slice text)
{
	buffer_append_byte(out, '"');
	size_t plain = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		buffer_append(out, text.data + plain, i - plain);
		if (byte < 0x20)
			buffer_printf(out, "\\u%04x", byte);
		else
			buffer_printf(out, "\\%c", byte);
		plain = i + 1;
	}
	buffer_append(out, text.data + plain, text.size - plain);
	buffer_append_byte(out, '"');
}

/* Lines of key, separator, value as {"records": […]}. INVALID naming the line without separator, with those
 * before it encoded. */
static status keyed_lines_encode(
	struct slice lines, const char *separator, int64_t *line_number, struct buffer *out)
{
	size_t separator_size = strlen(separator);
	bool first = true;
	status result = STATUS_OK;
	buffer_append_string(out, "{\"records\":[");
	while (lines.size != 0) {
		const uint8_t *end = memchr(lines.data, '\n', lines.size);
		size_t size = end != NULL ? (size_t)(end - lines.data) : lines.size;
		struct slice line = slice_of(lines.data, size);
		size_t used = end != NULL ? size + 1 : size;
		lines = slice_of(lines.data + used, lines.size - used);
		*line_number += 1;
		if (line.size != 0 && line.data[line.size - 1] == '\r')
			line.size--;
		if (line.size == 0)
			continue;
		const uint8_t *at = memmem(line.data, line.size, separator, separator_size);
		if (at == NULL) {
			result = error_raise(
				STATUS_INVALID, "line %" PRId64 " has no key separator \"%s\"", *line_number, separator);
			break;
		}
		size_t key_size = (size_t)(at - line.data);
		buffer_append_string(out, first ? "{\"key\":" : ",{\"key\":");
		json_string_append(out, slice_of(line.data, key_size));
		buffer_append_string(out, ",\"value\":");
		json_string_append(out, slice_of(at + separator_size, line.size - key_size - separator_size));
		buffer_append_byte(out, '}');
		first = false;
	}
	buffer_append_string(out, "]}");
	return result;
}

/* ---- the stream ---- */

struct producing {
	const struct cli *cli;
	struct cli_http *http;
	const char *topic, *key_separator;
	char *path;
	struct buffer input; /* read and not sent */
	size_t searched;     /* no newline in input[line_end, searched) */
	size_t line_end;     /* whole lines */
	struct buffer request;
	bool ended; /* standard input */
	int64_t line_number;
	struct cli_offsets offsets;
};

static int answer_take(struct producing *producing)
{
	struct cli_answer answer;
	json_error_t why;
	if (cli_http_receive(producing->http, &answer) != STATUS_OK) {
		cli_error_say();
		return CLI_UNREACHABLE;
	}
	if (answer.code >= 400)
		return cli_refused(&answer, NULL);
	json_t *json = json_loadb((const char *)answer.body.data, answer.body.size, 0, &why), *range;
	size_t i;
	json_array_foreach(json_object_get(json, "offsets"), i, range)
		cli_offsets_add(&producing->offsets, cli_json_integer(range, "partition", 0),
			cli_json_integer(range, "base_offset", 0), cli_json_integer(range, "count", 0));
	json_decref(json);
	return CLI_OK;
}

/* Sends the whole lines, or at the end all that is left. */
static int lines_send(struct producing *producing)
{
	size_t size = producing->ended ? producing->input.size : producing->line_end;
	struct slice lines = slice_of(producing->input.data, size);
	const char *type = "application/x-ndjson";
	int code = CLI_OK;
	if (producing->key_separator != NULL) {
		producing->request.size = 0;
		/* A line without separator ends it; those before it are sent. */
		if (keyed_lines_encode(
				lines, producing->key_separator, &producing->line_number, &producing->request) != STATUS_OK)
			code = cli_usage_error(producing->cli);
		lines = buffer_slice(&producing->request);
		type = "application/json";
	}
	if (cli_http_send(producing->http, "POST", producing->path, type, lines) != STATUS_OK) {
		cli_error_say();
		return CLI_UNREACHABLE;
	}
	buffer_consume(&producing->input, size);
	producing->searched -= producing->searched < size ? producing->searched : size;
	producing->line_end = 0;
	return code;
}

static int input_read(struct producing *producing)
{
	uint8_t *room = buffer_reserve(&producing->input, PRODUCE_READ_BYTES);
	ssize_t got = read(STDIN_FILENO, room, PRODUCE_READ_BYTES);
	if (got < 0 && errno == EINTR)
		return CLI_OK;
	if (got < 0) {
		error_raise(STATUS_INVALID, "standard input: %s", strerror(errno));
		return cli_usage_error(producing->cli);
	}
	producing->ended = got == 0;
	producing->input.size += (size_t)got;
	const uint8_t *from = producing->input.data + producing->searched;
	const uint8_t *end = got != 0 ? memrchr(from, '\n', producing->input.size - producing->searched) : NULL;
	if (end != NULL)
		producing->line_end = (size_t)(end - producing->input.data) + 1;
	producing->searched = producing->input.size;
	if (producing->input.size - producing->line_end > PRODUCE_LINE_BYTES_MAX) {
		error_raise(STATUS_TOO_LARGE, "a line is longer than %d bytes", PRODUCE_LINE_BYTES_MAX);
		return cli_usage_error(producing->cli);
	}
	return CLI_OK;
}

/* One round: waits for input or an answer, takes what is there, sends what is due. */
static int stream_round(struct producing *producing)
{
	size_t under_way = cli_http_under_way(producing->http);
	bool full = producing->line_end >= PRODUCE_BATCH_BYTES;
	bool wants_input = !producing->ended && !full;
	bool has_lines = producing->line_end != 0 || (producing->ended && producing->input.size != 0);
	int code = CLI_OK;
	if (has_lines && under_way < PRODUCE_WINDOW && (full || producing->ended))
		return lines_send(producing);
	if (!wants_input || (under_way != 0 && cli_http_buffered(producing->http)))
		return under_way != 0 ? answer_take(producing) : CLI_OK;
	struct pollfd ready[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = under_way != 0 ? cli_http_descriptor(producing->http) : -1, .events = POLLIN},
	};
	int found = poll(ready, 2, has_lines && under_way == 0 ? 0 : -1);
	if (found == 0) /* nothing more for the moment */
		return lines_send(producing);
	if (found > 0 && ready[1].revents != 0)
		code = answer_take(producing);
	if (found > 0 && ready[0].revents != 0 && code == CLI_OK)
		code = input_read(producing);
	return code;
}

static int stream_run(struct producing *producing)
{
	int code = CLI_OK;
	while (code == CLI_OK && !cli_interrupted() && !(producing->ended && producing->input.size == 0))
		code = stream_round(producing);
	if (code == CLI_OK && cli_interrupted() && producing->line_end != 0)
		code = lines_send(producing);
	/* What is under way may succeed even when something else did not. */
	int first = code;
	while (cli_http_under_way(producing->http) != 0 && code != CLI_UNREACHABLE) {
		code = answer_take(producing);
		first = first == CLI_OK ? code : first;
	}
	return first;
}

static int produce_input(
	const struct cli *cli, const char *topic, const char *key_separator, int64_t partition)
{
	struct producing producing = {.cli = cli, .topic = topic, .key_separator = key_separator};
	if (cli_http_create(cli->address, &producing.http) != STATUS_OK)
		return cli_usage_error(cli);
	producing.path = partition >= 0 ? cli_url("/topics/%s?partition=%lld", topic, (long long)partition)
									: cli_url("/topics/%s", topic);
	cli_interrupt_catch();
	/* A wrong name is told before any input is waited for. */
	char *describe = cli_url("/topics/%s", topic);
	int code = cli_call(producing.http, "GET", describe, NULL, NULL);
	mem_free(describe);
	bool began = code == CLI_OK;
	if (began)
		code = stream_run(&producing);
	if (began)
		summary_print(&producing.offsets, topic);
	if (code == CLI_OK && cli_interrupted())
		code = CLI_INTERRUPTED;
	cli_http_destroy(producing.http);
	buffer_deinit(&producing.input);
	buffer_deinit(&producing.request);
	cli_offsets_deinit(&producing.offsets);
	mem_free(producing.path);
	return code;
}

int cli_produce(struct cli *cli)
{
	const char *key_separator = NULL;
	struct cli_source source = {.partition = -1};
	int64_t partition = INT64_MAX;
	const struct cli_option options[] = {
		{"--topic", 't', CLI_TEXT, &source.topic},
		{"--partition", 'p', CLI_INTEGER, &partition},
		{"--key-separator", 0, CLI_TEXT, &key_separator},
		{"--file", 'f', CLI_TEXT, &source.path},
		{"--follow", 0, CLI_FLAG, &source.follow},
		{"--source-id", 0, CLI_TEXT, &source.id},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 0, 0);
	if (code != CLI_OK)
		return code;
	status result = STATUS_OK;
	if (source.topic == NULL)
		result = error_raise(STATUS_INVALID, "--topic is missing");
	else if (source.path == NULL && (source.follow || source.id != NULL))
		result = error_raise(STATUS_INVALID, "--follow and --source-id need --file");
	else if (source.path != NULL && key_separator != NULL)
		result = error_raise(STATUS_UNSUPPORTED, "--key-separator with --file is not supported yet");
	else if (key_separator != NULL && *key_separator == '\0')
		result = error_raise(STATUS_INVALID, "--key-separator cannot be empty");
	if (result != STATUS_OK)
		return cli_usage_error(cli);
	source.partition = partition != INT64_MAX ? partition : -1;
	if (source.path != NULL)
		return cli_source_run(cli, &source);
	return produce_input(cli, source.topic, key_separator, source.partition);
}
