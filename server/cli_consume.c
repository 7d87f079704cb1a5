/* kappa consume: a topic's records, as they are and as they come.
 *
 *   GET …/batches?offsets=… ──► record batches as on disk ──► decoded here ──► printed
 *        ▲   the next one is asked for before the last one is decoded      │
 *        └──────────────────────────────────────────────────────────────────┘
 *
 * One request covers all partitions; they take turns at being first. When an answer brought nothing, the next
 * request lets the server wait for records, so that an idle consumer costs nothing and sees them at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/cli_record.h"
#include "server/http_records.h"

enum {
	CONSUME_WAIT_MS = 10000,          /* for records */
	CONSUME_BYTES = 2 * 1024 * 1024,  /* of one answer, about */
	CONSUME_PRINT_BYTES = 256 * 1024, /* printed at once */
};

struct consumed {
	int64_t number, offset; /* partition, and what comes next of it */
};

struct consuming {
	const struct cli *cli;
	struct cli_http *http;
	const char *topic, *isolation;
	int64_t partition; /* −1 = all */
	bool from_beginning;
	int64_t offset;                   /* −1 = not given */
	int64_t messages_max, timeout_ms; /* INT64_MAX = none */
	struct cli_record_format format;

	struct consumed *partitions;
	size_t count, turn;
	int64_t messages;
	int64_t arrived_ns; /* the last record */
	struct record_iterator iterator;
	struct buffer answer, text;
	struct consumed *before; /* where the answer at hand begins */
};

/* ---- where to begin ---- */

static int partitions_find(struct consuming *consuming)
{
	json_t *answer, *entry;
	size_t i;
	char *path = cli_url("/topics/%s", consuming->topic);
	int code = cli_call(consuming->http, "GET", path, NULL, &answer);
	mem_free(path);
	if (code != CLI_OK)
		return code;
	const json_t *list = json_object_get(answer, "partitions");
	bool uncommitted = strcmp(consuming->isolation, "read_uncommitted") == 0;
	consuming->partitions = mem_alloc_zeroed(json_array_size(list) + 1, sizeof *consuming->partitions);
	consuming->before = mem_alloc_zeroed(json_array_size(list) + 1, sizeof *consuming->before);
	json_array_foreach(list, i, entry)
	{
		int64_t number = cli_json_integer(entry, "partition", 0);
		if (consuming->partition >= 0 && number != consuming->partition)
			continue;
		int64_t end = cli_json_integer(entry, "high_watermark", 0);
		if (!uncommitted)
			end = cli_json_integer(entry, "last_stable_offset", end);
		int64_t offset = consuming->from_beginning ? cli_json_integer(entry, "log_start", 0) : end;
		consuming->partitions[consuming->count++] =
			(struct consumed){number, consuming->offset >= 0 ? consuming->offset : offset};
	}
	if (consuming->count == 0) {
		error_raise(STATUS_INVALID, "topic %s has partitions 0 to %zu, not %" PRId64, consuming->topic,
			json_array_size(list) - 1, consuming->partition);
		code = cli_usage_error(consuming->cli);
	}
	json_decref(answer);
	return code;
}

/* ---- asking ---- */

static bool is_over(const struct consuming *consuming)
{
	return cli_interrupted() || consuming->messages >= consuming->messages_max;
}

static int64_t timeout_left_ms(const struct consuming *consuming)
{
	if (consuming->timeout_ms == INT64_MAX)
		return INT64_MAX;
	int64_t gone_ms = (clock_monotonic_ns() - consuming->arrived_ns) / 1000000;
	return gone_ms >= consuming->timeout_ms ? 0 : consuming->timeout_ms - gone_ms;
}

static status batches_ask(struct consuming *consuming, int64_t wait_ms)
{
	struct buffer offsets;
	buffer_init(&offsets);
	for (size_t i = 0; i < consuming->count; i++) {
		const struct consumed *next = &consuming->partitions[(consuming->turn + i) % consuming->count];
		buffer_printf(&offsets, "%s%" PRId64 ":%" PRId64, i != 0 ? "," : "", next->number, next->offset);
	}
	buffer_append_byte(&offsets, 0);
	consuming->turn = (consuming->turn + 1) % consuming->count;
	char *path =
		cli_url("/topics/%s/batches?offsets=%s&bytes=%lld&wait_ms=%lld&isolation=%s", consuming->topic,
			(const char *)offsets.data, (long long)CONSUME_BYTES, (long long)wait_ms, consuming->isolation);
	buffer_deinit(&offsets);
	status result = cli_http_send(consuming->http, "GET", path, NULL, (struct slice){0});
	mem_free(path);
	return result;
}

/* Waits for the answer; false when ^C came first. */
static bool answer_wait(const struct consuming *consuming)
{
	struct pollfd ready = {.fd = cli_http_descriptor(consuming->http), .events = POLLIN};
	while (!cli_interrupted() && !cli_http_buffered(consuming->http))
		if (poll(&ready, 1, -1) > 0 || errno != EINTR)
			break;
	return !cli_interrupted();
}

/* ---- printing ---- */

static void text_print(struct consuming *consuming)
{
	if (consuming->text.size == 0)
		return;
	(void)fwrite(consuming->text.data, 1, consuming->text.size, stdout);
	consuming->text.size = 0;
}

static status batches_print(
	struct consuming *consuming, int32_t partition, int64_t offset, struct slice bytes)
{
	struct record record;
	status result;
	record_iterator_reset(&consuming->iterator, bytes);
	while (
		!is_over(consuming) && (result = record_iterator_next(&consuming->iterator, &record)) == STATUS_OK) {
		if (record.offset < offset)
			continue;
		cli_record_append(&consuming->format, partition, consuming->iterator.batch.log_append_time, &record,
			&consuming->text);
		consuming->messages++;
		if (consuming->text.size >= CONSUME_PRINT_BYTES)
			text_print(consuming);
	}
	if (is_over(consuming) || result == STATUS_END)
		return STATUS_OK;
	return result;
}

static struct consumed *partition_find(struct consumed *list, size_t count, int64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].number == number)
			return &list[i];
	return NULL;
}

/* One partition's part of an answer. False: it is none of ours, or cut. */
static bool part_take(
	struct consuming *consuming, struct cursor *cursor, int32_t *number, int64_t *next, struct slice *bytes)
{
	*number = (int32_t)cursor_be32(cursor);
	uint32_t size = cursor_be32(cursor);
	*next = (int64_t)cursor_be64(cursor);
	(void)cursor_be64(cursor);
	(void)cursor_be64(cursor);
	*bytes = cursor_bytes(cursor, size);
	return !cursor->failed && partition_find(consuming->partitions, consuming->count, *number) != NULL;
}

/* Moves on behind the answer, so that the next can be asked for. */
static bool offsets_advance(struct consuming *consuming)
{
	struct cursor cursor = cursor_of(buffer_slice(&consuming->answer));
	memcpy(consuming->before, consuming->partitions, consuming->count * sizeof *consuming->before);
	while (cursor_left(&cursor) != 0) {
		int32_t number;
		int64_t next;
		struct slice bytes;
		if (!part_take(consuming, &cursor, &number, &next, &bytes))
			return false;
		partition_find(consuming->partitions, consuming->count, number)->offset = next;
	}
	return true;
}

static status answer_print(struct consuming *consuming)
{
	struct cursor cursor = cursor_of(buffer_slice(&consuming->answer));
	int64_t had = consuming->messages;
	status result = STATUS_OK;
	while (cursor_left(&cursor) != 0 && result == STATUS_OK && !is_over(consuming)) {
		int32_t number;
		int64_t next;
		struct slice bytes;
		(void)part_take(consuming, &cursor, &number, &next, &bytes); /* checked by offsets_advance() */
		int64_t offset = partition_find(consuming->before, consuming->count, number)->offset;
		result = batches_print(consuming, number, offset, bytes);
	}
	text_print(consuming);
	(void)fflush(stdout);
	if (consuming->messages != had)
		consuming->arrived_ns = clock_monotonic_ns();
	return result;
}

/* ---- the loop ---- */

static int lost(void)
{
	cli_error_say();
	return CLI_UNREACHABLE;
}

static int consume_loop(struct consuming *consuming)
{
	consuming->arrived_ns = clock_monotonic_ns();
	if (batches_ask(consuming, 0) != STATUS_OK)
		return lost();
	while (!is_over(consuming) && answer_wait(consuming)) {
		struct cli_answer answer;
		if (cli_http_receive(consuming->http, &answer) != STATUS_OK)
			return lost();
		if (answer.code >= 400)
			return cli_refused(&answer, NULL);
		bool empty = answer.body.size == 0;
		consuming->answer.size = 0;
		buffer_append(&consuming->answer, answer.body.data, answer.body.size);
		if (!offsets_advance(consuming)) {
			fprintf(stderr, "kappa: the server's answer cannot be read\n");
			return CLI_REFUSED;
		}
		int64_t left_ms = timeout_left_ms(consuming);
		if (empty && left_ms == 0)
			break;
		int64_t wait_ms = !empty ? 0 : left_ms < CONSUME_WAIT_MS ? left_ms : CONSUME_WAIT_MS;
		if (batches_ask(consuming, wait_ms) != STATUS_OK)
			return lost();
		if (answer_print(consuming) != STATUS_OK) {
			cli_error_say();
			return CLI_REFUSED;
		}
	}
	return CLI_OK;
}

static int consume_run(struct consuming *consuming)
{
	if (cli_http_create(consuming->cli->address, &consuming->http) != STATUS_OK)
		return cli_usage_error(consuming->cli);
	int code = partitions_find(consuming);
	bool began = code == CLI_OK;
	cli_interrupt_catch();
	if (began) {
		cli_record_head(&consuming->format, &consuming->text);
		text_print(consuming);
		record_iterator_init(&consuming->iterator, (struct slice){0});
		code = consume_loop(consuming);
		record_iterator_deinit(&consuming->iterator);
	}
	(void)fflush(stdout);
	if (began)
		fprintf(stderr, "Processed a total of %" PRId64 " messages\n", consuming->messages);
	cli_http_destroy(consuming->http);
	buffer_deinit(&consuming->answer);
	buffer_deinit(&consuming->text);
	mem_free(consuming->partitions);
	mem_free(consuming->before);
	return code;
}

/* earliest, latest, or a number. */
static status offset_parse(struct consuming *consuming, const char *text)
{
	char *end;
	if (text == NULL || strcmp(text, "latest") == 0)
		return STATUS_OK;
	if (consuming->from_beginning)
		return error_raise(STATUS_INVALID, "--from-beginning and --offset exclude each other");
	if (strcmp(text, "earliest") == 0) {
		consuming->from_beginning = true;
		return STATUS_OK;
	}
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || number < 0)
		return error_raise(
			STATUS_INVALID, "--offset: \"%s\" is neither earliest, latest nor an offset", text);
	consuming->offset = number;
	return STATUS_OK;
}

int cli_consume(struct cli *cli)
{
	struct consuming consuming = {
		.cli = cli, .messages_max = INT64_MAX, .timeout_ms = INT64_MAX, .isolation = "read_committed"};
	int64_t partition = INT64_MAX;
	const char *offset = NULL;
	struct cli_texts properties = {0};
	cli_record_format_init(&consuming.format);
	const struct cli_option options[] = {
		{"--topic", 't', CLI_TEXT, &consuming.topic},
		{"--partition", 'p', CLI_INTEGER, &partition},
		{"--from-beginning", 0, CLI_FLAG, &consuming.from_beginning},
		{"--offset", 0, CLI_TEXT, &offset},
		{"--max-messages", 'n', CLI_INTEGER, &consuming.messages_max},
		{"--timeout-ms", 0, CLI_INTEGER, &consuming.timeout_ms},
		{"--print-key", 0, CLI_FLAG, &consuming.format.key},
		{"--property", 0, CLI_TEXTS, &properties},
		{"--isolation-level", 0, CLI_TEXT, &consuming.isolation},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 0, 0);
	if (code != CLI_OK)
		return code;
	consuming.offset = -1;
	status result = consuming.topic == NULL ? error_raise(STATUS_INVALID, "--topic is missing")
											: offset_parse(&consuming, offset);
	for (size_t i = 0; i < properties.count && result == STATUS_OK; i++)
		result = cli_record_property(&consuming.format, properties.texts[i]);
	if (result != STATUS_OK)
		return cli_usage_error(cli);
	consuming.format.output = cli->output;
	consuming.partition = partition != INT64_MAX ? partition : -1;
	return consume_run(&consuming);
}
