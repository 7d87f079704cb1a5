/* kappa consume: a topic's records, as they are and as they come.
 *
 * One request at a time over one connection: partitions take turns. When a whole turn brought nothing, the
 * next request asks the server to wait for records, so that an idle consumer costs little.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "server/cli_internal.h"

enum {
	CONSUME_RECORDS = 5000,     /* of one request */
	CONSUME_WAIT_MS = 1000,     /* of one partition */
	CONSUME_TURN_WAIT_MS = 100, /* of several: the others wait meanwhile */
};

struct consuming {
	const struct cli *cli;
	struct cli_http *http;
	const char *topic;
	int64_t partition; /* −1 = all */
	bool from_beginning, print_key;
	int64_t offset;                   /* −1 = not given */
	int64_t messages_max, timeout_ms; /* INT64_MAX = none */

	int64_t *partitions, *offsets; /* the next of each */
	size_t count;
	int64_t messages;
	int64_t arrived_ns; /* the last record */
};

/* ---- printing ---- */

static int base64_digit(char digit)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = digit != '\0' ? strchr(digits, digit) : NULL;
	return at != NULL ? (int)(at - digits) : -1;
}

static void base64_print(const char *text)
{
	uint32_t bits = 0;
	int held = 0;
	for (; base64_digit(*text) >= 0; text++) {
		bits = (bits << 6) | (uint32_t)base64_digit(*text);
		held += 6;
		if (held >= 8) {
			held -= 8;
			(void)putchar((int)(bits >> held & 0xff));
		}
	}
}

/* The bytes as they are; null as the word, as Kafka's console consumer prints it. */
static void field_print(const json_t *record, const char *name, const char *name_base64)
{
	const json_t *text = json_object_get(record, name), *encoded = json_object_get(record, name_base64);
	if (json_is_string(text))
		(void)fwrite(json_string_value(text), 1, json_string_length(text), stdout);
	else if (json_is_string(encoded))
		base64_print(json_string_value(encoded));
	else
		(void)fputs("null", stdout);
}

static void csv_print(const json_t *record, int64_t partition)
{
	struct cli_table table;
	struct buffer text;
	cli_table_init(&table);
	for (int i = 0; i < 5; i++)
		cli_table_column(&table, "", CLI_COLUMN_TEXT);
	cli_table_cellf(&table, "%" PRId64, partition);
	cli_table_cellf(&table, "%" PRId64, cli_json_integer(record, "offset", 0));
	cli_table_cellf(&table, "%" PRId64, cli_json_integer(record, "timestamp_ms", 0));
	const char *const names[] = {"key", "value"}, *const encoded[] = {"key_base64", "value_base64"};
	for (int i = 0; i < 2; i++) {
		const char *plain = json_string_value(json_object_get(record, names[i]));
		cli_table_cell(
			&table, plain != NULL ? plain : json_string_value(json_object_get(record, encoded[i])));
	}
	buffer_init(&text);
	cli_table_csv(&table, &text);
	const uint8_t *end = memchr(text.data, '\n', text.size); /* the header's */
	(void)fwrite(end + 1, 1, text.size - (size_t)(end + 1 - text.data), stdout);
	buffer_deinit(&text);
	cli_table_deinit(&table);
}

static void record_print(const struct consuming *consuming, json_t *record, int64_t partition)
{
	if (consuming->cli->output == CLI_OUTPUT_JSON) {
		json_object_set_new(record, "partition", json_integer(partition));
		(void)json_dumpf(record, stdout, JSON_COMPACT);
		(void)putchar('\n');
	} else if (consuming->cli->output == CLI_OUTPUT_CSV) {
		csv_print(record, partition);
	} else {
		if (consuming->print_key) {
			field_print(record, "key", "key_base64");
			(void)putchar('\t');
		}
		field_print(record, "value", "value_base64");
		(void)putchar('\n');
	}
}

/* ---- reading ---- */

/* Where to begin in each partition. */
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
	consuming->partitions = mem_alloc_zeroed(json_array_size(list) + 1, sizeof *consuming->partitions);
	consuming->offsets = mem_alloc_zeroed(json_array_size(list) + 1, sizeof *consuming->offsets);
	json_array_foreach(list, i, entry)
	{
		int64_t number = cli_json_integer(entry, "partition", 0);
		if (consuming->partition >= 0 && number != consuming->partition)
			continue;
		const char *from = consuming->from_beginning ? "log_start" : "last_stable_offset";
		consuming->partitions[consuming->count] = number;
		consuming->offsets[consuming->count++] =
			consuming->offset >= 0 ? consuming->offset : cli_json_integer(entry, from, 0);
	}
	if (consuming->count == 0) {
		error_raise(STATUS_INVALID, "topic %s has partitions 0 to %zu, not %" PRId64, consuming->topic,
			json_array_size(list) - 1, consuming->partition);
		code = cli_usage_error(consuming->cli);
	}
	json_decref(answer);
	return code;
}

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

/* Waits for the answer; false when ^C came first. */
static bool answer_wait(const struct consuming *consuming)
{
	struct pollfd ready = {.fd = cli_http_descriptor(consuming->http), .events = POLLIN};
	while (!cli_interrupted() && !cli_http_buffered(consuming->http))
		if (poll(&ready, 1, -1) > 0 || errno != EINTR)
			break;
	return !cli_interrupted();
}

static int records_take(
	struct consuming *consuming, size_t at, const struct cli_answer *answer, size_t *taken)
{
	json_error_t why;
	json_t *json = json_loadb((const char *)answer->body.data, answer->body.size, JSON_ALLOW_NUL, &why),
		   *record;
	size_t i;
	if (json == NULL) {
		fprintf(stderr, "kappa: the server's answer is not JSON: %s\n", why.text);
		return CLI_REFUSED;
	}
	json_array_foreach(json_object_get(json, "records"), i, record)
	{
		if (consuming->messages >= consuming->messages_max)
			break;
		record_print(consuming, record, consuming->partitions[at]);
		consuming->messages++;
		*taken += 1;
	}
	consuming->offsets[at] = cli_json_integer(json, "next_offset", consuming->offsets[at]);
	json_decref(json);
	if (*taken != 0) {
		consuming->arrived_ns = clock_monotonic_ns();
		(void)fflush(stdout);
	}
	return CLI_OK;
}

static int partition_read_next(struct consuming *consuming, size_t at, int64_t wait_ms, size_t *taken)
{
	struct cli_answer answer;
	char *path = cli_url("/topics/%s/records?partition=%lld&offset=%lld&limit=%lld&wait_ms=%lld",
		consuming->topic, (long long)consuming->partitions[at], (long long)consuming->offsets[at],
		(long long)CONSUME_RECORDS, (long long)wait_ms);
	status result = cli_http_send(consuming->http, "GET", path, NULL, (struct slice){0});
	mem_free(path);
	if (result == STATUS_OK && !answer_wait(consuming))
		return CLI_OK;
	if (result == STATUS_OK)
		result = cli_http_receive(consuming->http, &answer);
	if (result != STATUS_OK) {
		cli_error_say();
		return CLI_UNREACHABLE;
	}
	if (answer.code >= 400)
		return cli_refused(&answer, NULL);
	return records_take(consuming, at, &answer, taken);
}

static int consume_loop(struct consuming *consuming)
{
	size_t at = 0, idle = 0; /* partitions that brought nothing, one after the other */
	int code = CLI_OK;
	consuming->arrived_ns = clock_monotonic_ns();
	while (code == CLI_OK && !is_over(consuming)) {
		size_t taken = 0;
		int64_t wait_ms = 0, left_ms = timeout_left_ms(consuming);
		if (idle >= consuming->count)
			wait_ms = consuming->count == 1 ? CONSUME_WAIT_MS : CONSUME_TURN_WAIT_MS;
		wait_ms = wait_ms < left_ms ? wait_ms : left_ms;
		code = partition_read_next(consuming, at, wait_ms, &taken);
		/* After a wait every partition is asked again before the next one. */
		idle = taken != 0 || wait_ms != 0 ? (taken == 0 && consuming->count == 1) : idle + 1;
		if (taken == 0)
			at = (at + 1) % consuming->count;
		if (taken == 0 && idle >= consuming->count && timeout_left_ms(consuming) == 0)
			break;
	}
	return code;
}

static int consume_run(struct consuming *consuming)
{
	if (cli_http_create(consuming->cli->address, &consuming->http) != STATUS_OK)
		return cli_usage_error(consuming->cli);
	int code = partitions_find(consuming);
	bool began = code == CLI_OK;
	cli_interrupt_catch();
	if (began && consuming->cli->output == CLI_OUTPUT_CSV)
		printf("partition,offset,timestamp_ms,key,value\n");
	if (began)
		code = consume_loop(consuming);
	(void)fflush(stdout);
	if (began)
		fprintf(stderr, "Processed a total of %" PRId64 " messages\n", consuming->messages);
	cli_http_destroy(consuming->http);
	mem_free(consuming->partitions);
	mem_free(consuming->offsets);
	return code;
}

int cli_consume(struct cli *cli)
{
	struct consuming consuming = {.cli = cli, .messages_max = INT64_MAX, .timeout_ms = INT64_MAX};
	int64_t partition = INT64_MAX, offset = INT64_MAX;
	const struct cli_option options[] = {
		{"--topic", 't', CLI_TEXT, &consuming.topic},
		{"--partition", 'p', CLI_INTEGER, &partition},
		{"--from-beginning", 0, CLI_FLAG, &consuming.from_beginning},
		{"--offset", 0, CLI_INTEGER, &offset},
		{"--max-messages", 'n', CLI_INTEGER, &consuming.messages_max},
		{"--timeout-ms", 0, CLI_INTEGER, &consuming.timeout_ms},
		{"--print-key", 0, CLI_FLAG, &consuming.print_key},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 0, 0);
	if (code != CLI_OK)
		return code;
	if (consuming.topic == NULL || (consuming.from_beginning && offset != INT64_MAX)) {
		error_raise(STATUS_INVALID, consuming.topic == NULL
										? "--topic is missing"
										: "--from-beginning and --offset exclude each other");
		return cli_usage_error(cli);
	}
	consuming.partition = partition != INT64_MAX ? partition : -1;
	consuming.offset = offset != INT64_MAX ? offset : -1;
	return consume_run(&consuming);
}
