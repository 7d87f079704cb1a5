/* The PostgreSQL protocol against a fake session. Each test plays a client: bytes in, and the answers as a
 * line of text.
 *
 * An answer is shown by its type, with what matters of its body: "C(SELECT 3)", "E(42601)", "Z(I)", "D(1,row
 * 1)".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/pgwire.h"
#include "tests/server/fake_session.h"

struct client {
	struct pgwire *pgwire;
	struct buffer bytes; /* sent by the server, not yet looked at */
	struct buffer shown;
	size_t work_count; /* runs on a "worker" */
	int32_t cancelled_pid, cancelled_key;
	bool gone; /* flush fails */
	bool finished;
};

static status client_flush(void *context, struct buffer *bytes)
{
	struct client *client = context;
	if (client->gone)
		return error_raise(STATUS_CANCELLED, "gone");
	buffer_append(&client->bytes, bytes->data, bytes->size);
	bytes->size = 0;
	return STATUS_OK;
}

static void client_cancel(void *context, int32_t pid, int32_t key)
{
	struct client *client = context;
	client->cancelled_pid = pid;
	client->cancelled_key = key;
}

static void client_init(struct client *client)
{
	memset(client, 0, sizeof *client);
	struct pgwire_options options = {
		.io = {client, client_flush, client_cancel}, .backend_pid = 7, .cancel_key = 77};
	client->pgwire = pgwire_create(&options);
}

static void client_deinit(struct client *client)
{
	pgwire_destroy(client->pgwire);
	buffer_deinit(&client->bytes);
	buffer_deinit(&client->shown);
	assert_int_equal(fake_open_count, 0);
}

static void client_send(struct client *client, const struct buffer *bytes)
{
	pgwire_receive(client->pgwire, buffer_slice(bytes));
	enum pgwire_next next = pgwire_run(client->pgwire, false);
	while (next == PGWIRE_WORK) {
		client->work_count++;
		next = pgwire_run(client->pgwire, true);
	}
	struct buffer *output = pgwire_output(client->pgwire);
	buffer_append(&client->bytes, output->data, output->size);
	output->size = 0;
	client->finished = next == PGWIRE_FINISH;
}

/* ---- showing answers ---- */

static void row_show(struct buffer *out, struct cursor *body)
{
	uint16_t count = cursor_be16(body);
	for (uint16_t i = 0; i < count; i++) {
		uint32_t size = cursor_be32(body);
		if (i > 0)
			buffer_append_byte(out, ',');
		if (size == UINT32_MAX) {
			buffer_append_string(out, "null");
			continue;
		}
		struct slice cell = cursor_bytes(body, size);
		for (size_t at = 0; at < cell.size; at++) {
			if (cell.data[at] < 0x20)
				buffer_printf(out, "\\%u", cell.data[at]);
			else
				buffer_append_byte(out, cell.data[at]);
		}
	}
}

static void error_show(struct buffer *out, struct cursor *body)
{
	for (uint8_t code = cursor_u8(body); code != 0 && !body->failed; code = cursor_u8(body)) {
		const char *text = (const char *)body->at;
		body->at += strlen(text) + 1;
		if (code == 'C')
			buffer_append_string(out, text);
		else if (code == 'P' || code == 'H' || code == 'W')
			buffer_printf(out, " %c=%s", code, text);
		else if (code == 'S' && strcmp(text, "ERROR") != 0)
			buffer_printf(out, "%s ", text);
	}
}

static void message_show(struct buffer *out, char type, struct cursor body)
{
	buffer_append_byte(out, (uint8_t)type);
	size_t at = out->size;
	buffer_append_byte(out, '(');
	if (type == 'D')
		row_show(out, &body);
	else if (type == 'E' || type == 'N')
		error_show(out, &body);
	else if (type == 'Z')
		buffer_append_byte(out, cursor_u8(&body));
	else if (type == 'C')
		buffer_append_string(out, (const char *)body.at);
	else if (type == 'S')
		buffer_printf(
			out, "%s=%s", (const char *)body.at, (const char *)body.at + strlen((const char *)body.at) + 1);
	else if (type == 'T' || type == 't' || type == 'R' || type == 'K' || type == 'v')
		for (size_t i = 0; type != 'T' && type != 't' && cursor_left(&body) >= 4; i++)
			buffer_printf(out, "%s%d", i > 0 ? "," : "", (int)cursor_be32(&body));
	if (type == 'T' || type == 't')
		buffer_printf(out, "%u", cursor_be16(&body));
	if (out->size == at + 1)
		out->size = at;
	else
		buffer_append_byte(out, ')');
	assert_false(body.failed);
}

/* What has come since the last look. */
static const char *client_answers(struct client *client)
{
	client->shown.size = 0;
	struct cursor cursor = cursor_of(buffer_slice(&client->bytes));
	while (cursor_left(&cursor) > 0) {
		char type = (char)cursor_u8(&cursor);
		struct slice body = cursor_bytes(&cursor, cursor_be32(&cursor) - 4);
		assert_false(cursor.failed);
		if (client->shown.size > 0)
			buffer_append_byte(&client->shown, ' ');
		message_show(&client->shown, type, cursor_of(body));
	}
	buffer_append_byte(&client->shown, 0);
	client->bytes.size = 0;
	return (const char *)client->shown.data;
}

/* ---- a client's messages ---- */

static void put_string(struct buffer *out, const char *text)
{
	buffer_append(out, text, strlen(text) + 1);
}

static void put_message(struct buffer *out, char type, const void *body, size_t size)
{
	buffer_append_byte(out, (uint8_t)type);
	buffer_append_be32(out, (uint32_t)size + 4);
	buffer_append(out, body, size);
}

static void put_startup(struct buffer *out, uint32_t version, const char *parameters, size_t size)
{
	buffer_append_be32(out, (uint32_t)(8 + size));
	buffer_append_be32(out, version);
	buffer_append(out, parameters, size);
}

#define STARTUP_PARAMETERS "user\0ann\0database\0shop\0application_name\0test\0"

static void client_start(struct client *client)
{
	struct buffer out = {0};
	client_init(client);
	put_startup(&out, 3 << 16, STARTUP_PARAMETERS, sizeof STARTUP_PARAMETERS);
	client_send(client, &out);
	buffer_deinit(&out);
	assert_string_equal(
		client_answers(client), "R(0) S(server_version=15.6) S(application_name=test) K(7,77) Z(I)");
}

static void put_query(struct buffer *out, const char *text)
{
	put_message(out, 'Q', text, strlen(text) + 1);
}

static void put_parse(struct buffer *out, const char *name, const char *text)
{
	struct buffer body = {0};
	put_string(&body, name);
	put_string(&body, text);
	buffer_append_be16(&body, 0);
	put_message(out, 'P', body.data, body.size);
	buffer_deinit(&body);
}

/* Parameters as text, NULL-terminated list; result_format for all columns. */
static void put_bind(
	struct buffer *out, const char *portal, const char *statement, unsigned result_format, ...)
{
	struct buffer body = {0};
	put_string(&body, portal);
	put_string(&body, statement);
	buffer_append_be16(&body, 0);
	size_t count_at = body.size;
	buffer_append_be16(&body, 0);
	va_list arguments;
	va_start(arguments, result_format);
	uint16_t count = 0;
	for (const char *text = va_arg(arguments, const char *); text != NULL;
		 text = va_arg(arguments, const char *)) {
		buffer_append_be32(&body, (uint32_t)strlen(text));
		buffer_append_string(&body, text);
		count++;
	}
	va_end(arguments);
	put_be16(body.data + count_at, count);
	buffer_append_be16(&body, 1);
	buffer_append_be16(&body, (uint16_t)result_format);
	put_message(out, 'B', body.data, body.size);
	buffer_deinit(&body);
}

static void put_named(struct buffer *out, char type, char kind, const char *name)
{
	struct buffer body = {0};
	buffer_append_byte(&body, (uint8_t)kind);
	put_string(&body, name);
	put_message(out, type, body.data, body.size);
	buffer_deinit(&body);
}

static void put_execute(struct buffer *out, const char *portal, uint32_t row_max)
{
	struct buffer body = {0};
	put_string(&body, portal);
	buffer_append_be32(&body, row_max);
	put_message(out, 'E', body.data, body.size);
	buffer_deinit(&body);
}

static void put_sync(struct buffer *out)
{
	put_message(out, 'S', NULL, 0);
}

/* Sends and forgets the messages. */
static const char *client_play(struct client *client, struct buffer *out)
{
	client_send(client, out);
	out->size = 0;
	return client_answers(client);
}

static const char *client_query(struct client *client, const char *text)
{
	struct buffer out = {0};
	put_query(&out, text);
	const char *answers = client_play(client, &out);
	buffer_deinit(&out);
	return answers;
}

/* ---- start-up ---- */

static void encryption_is_declined_and_the_client_goes_on(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_init(&client);
	put_startup(&out, 80877103, NULL, 0);
	client_send(&client, &out);
	assert_int_equal(client.bytes.size, 1);
	assert_int_equal(client.bytes.data[0], 'N');
	client.bytes.size = out.size = 0;
	put_startup(&out, 80877104, NULL, 0);
	put_startup(&out, 3 << 16, STARTUP_PARAMETERS, sizeof STARTUP_PARAMETERS);
	client_send(&client, &out);
	assert_int_equal(client.bytes.data[0], 'N');
	buffer_consume(&client.bytes, 1);
	assert_non_null(strstr(client_answers(&client), "Z(I)"));
	buffer_deinit(&out);
	client_deinit(&client);
}

static void a_later_protocol_version_is_negotiated_down(void **state)
{
	(void)state;
	static const char parameters[] = "user\0ann\0_pq_.speed\0high\0";
	struct client client;
	struct buffer out = {0};
	client_init(&client);
	put_startup(&out, (3 << 16) + 2, parameters, sizeof parameters);
	const char *answers = client_play(&client, &out);
	assert_int_equal(strncmp(answers, "v(0,1", 5), 0);
	assert_non_null(strstr(answers, "Z(I)"));
	buffer_deinit(&out);
	client_deinit(&client);
}

static void startup_refuses(uint32_t version, const char *parameters, size_t size, const char *expected)
{
	struct client client;
	struct buffer out = {0};
	client_init(&client);
	put_startup(&out, version, parameters, size);
	assert_string_equal(client_play(&client, &out), expected);
	assert_true(client.finished);
	buffer_deinit(&out);
	client_deinit(&client);
}

static void a_bad_startup_ends_the_connection(void **state)
{
	(void)state;
	static const char nobody[] = "database\0shop\0";
	static const char latin[] = "user\0ann\0client_encoding\0LATIN1\0";
	static const char replication[] = "user\0ann\0replication\0true\0";
	startup_refuses(2 << 16, STARTUP_PARAMETERS, sizeof STARTUP_PARAMETERS, "E(FATAL 0A000)");
	startup_refuses(3 << 16, nobody, sizeof nobody, "E(FATAL 28000)");
	startup_refuses(3 << 16, latin, sizeof latin, "E(FATAL 22023)");
	startup_refuses(3 << 16, replication, sizeof replication, "E(FATAL 0A000)");
	startup_refuses(3 << 16, "user\0a", 6, "E(FATAL 08P01)");
	startup_refuses(3 << 16, STARTUP_PARAMETERS, 5, "E(FATAL 08P01)");
}

static void an_oversized_startup_packet_is_refused_before_it_is_received(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_init(&client);
	buffer_append_be32(&out, 10001);
	assert_string_equal(client_play(&client, &out), "E(FATAL 08P01)");
	assert_true(client.finished);
	buffer_deinit(&out);
	client_deinit(&client);
}

static void a_cancel_request_reaches_its_target_and_is_not_answered(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_init(&client);
	buffer_append_be32(&out, 16);
	buffer_append_be32(&out, 80877102);
	buffer_append_be32(&out, 12);
	buffer_append_be32(&out, 34);
	assert_string_equal(client_play(&client, &out), "");
	assert_true(client.finished);
	assert_int_equal(client.cancelled_pid, 12);
	assert_int_equal(client.cancelled_key, 34);
	buffer_deinit(&out);
	client_deinit(&client);
}

static void messages_may_arrive_byte_by_byte(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0}, one = {0};
	client_init(&client);
	put_startup(&out, 3 << 16, STARTUP_PARAMETERS, sizeof STARTUP_PARAMETERS);
	put_query(&out, "rows 2");
	for (size_t i = 0; i < out.size; i++) {
		one.size = 0;
		buffer_append_byte(&one, out.data[i]);
		client_send(&client, &one);
	}
	assert_non_null(strstr(client_answers(&client), "Z(I) T(2) D(0,row 0) D(1,row 1) C(SELECT 2) Z(I)"));
	buffer_deinit(&one);
	buffer_deinit(&out);
	client_deinit(&client);
}

/* ---- simple queries ---- */

static void a_simple_query_may_hold_several_statements(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	assert_string_equal(client_query(&client, "command; rows 1;notice;  set x"),
		"C(command) T(2) D(0,row 0) C(SELECT 1) N(NOTICE 00000) C(notice) S(application_name=x) C(set) Z(I)");
	client_deinit(&client);
}

static void a_query_without_a_statement_is_answered_as_empty(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	assert_string_equal(client_query(&client, ""), "I Z(I)");
	assert_string_equal(client_query(&client, " ; ;"), "I Z(I)");
	client_deinit(&client);
}

static void an_error_ends_the_rest_of_a_simple_query(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	assert_string_equal(client_query(&client, "command;fail;command"), "C(command) E(22012) Z(I)");
	assert_string_equal(
		client_query(&client, "command;syntax"), "E(42601 H=Write better. P=1 W=while parsing) Z(I)");
	client_deinit(&client);
}

static void an_error_in_a_transaction_is_told_until_rollback(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	assert_string_equal(client_query(&client, "begin"), "C(begin) Z(T)");
	assert_string_equal(client_query(&client, "fail"), "E(22012) Z(E)");
	assert_string_equal(client_query(&client, "rows 1"), "E(55000) Z(E)");
	assert_string_equal(client_query(&client, "rollback"), "C(rollback) Z(I)");
	client_deinit(&client);
}

static void an_error_may_come_after_rows(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	const char *answers = client_query(&client, "late");
	assert_non_null(strstr(answers, "D(9,row 9)"));
	assert_non_null(strstr(answers, "E(22003) Z(I)"));
	client_deinit(&client);
}

/* ---- extended queries ---- */

static void the_extended_protocol_binds_text_and_answers_in_order(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "s", "echo");
	put_named(&out, 'D', 'S', "s");
	put_bind(&out, "p", "s", 0, "41", "hello", NULL);
	put_named(&out, 'D', 'P', "p");
	put_execute(&out, "p", 0);
	put_named(&out, 'C', 'P', "p");
	put_named(&out, 'C', 'S', "s");
	put_named(&out, 'C', 'S', "never made");
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 t(2) T(2) 2 T(2) D(41,hello) C(SELECT 1) 3 3 3 Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void results_come_in_binary_when_asked(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "", "echo");
	put_bind(&out, "", "", 1, "258", "x", NULL);
	put_execute(&out, "", 0);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 2 D(\\0\\0\\0\\0\\0\\0\\1\\2,x) C(SELECT 1) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void a_portal_gives_its_rows_in_portions(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	assert_string_equal(client_query(&client, "begin"), "C(begin) Z(T)");
	put_parse(&out, "", "rows 5");
	put_bind(&out, "c", "", 0, NULL);
	put_execute(&out, "c", 2);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 2 D(0,row 0) D(1,row 1) s Z(T)");
	put_execute(&out, "c", 3);
	put_execute(&out, "c", 3);
	put_execute(&out, "c", 3);
	put_sync(&out);
	assert_string_equal(
		client_play(&client, &out), "D(2,row 2) D(3,row 3) D(4,row 4) s C(SELECT 0) C(SELECT 0) Z(T)");
	assert_string_equal(client_query(&client, "commit"), "C(commit) Z(I)");
	put_execute(&out, "c", 1);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "E(34000) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void outside_a_transaction_portals_end_at_sync(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "s", "rows 9");
	put_bind(&out, "c", "s", 0, NULL);
	put_execute(&out, "c", 1);
	put_message(&out, 'H', NULL, 0);
	assert_string_equal(client_play(&client, &out), "1 2 D(0,row 0) s");
	put_execute(&out, "c", 1);
	put_sync(&out);
	put_execute(&out, "c", 1);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "D(1,row 1) s Z(I) E(34000) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void after_an_error_messages_are_skipped_until_sync(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "", "fail");
	put_bind(&out, "", "", 0, NULL);
	put_execute(&out, "", 0);
	put_parse(&out, "", "rows 1");
	put_query(&out, "rows 1");
	put_message(&out, '?', "", 0);
	put_sync(&out);
	put_parse(&out, "", "command");
	put_bind(&out, "", "", 0, NULL);
	put_execute(&out, "", 0);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 2 E(22012) Z(I) 1 2 C(command) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void names_must_be_known_and_new(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_bind(&out, "", "nobody", 0, NULL);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "E(26000) Z(I)");
	put_parse(&out, "twice", "rows 1");
	put_parse(&out, "twice", "rows 1");
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 E(42P05) Z(I)");
	put_bind(&out, "c", "twice", 0, NULL);
	put_bind(&out, "c", "twice", 0, NULL);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "2 E(42P03) Z(I)");
	put_named(&out, 'D', 'P', "gone");
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "E(34000) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void parameters_must_fit_the_statement(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "s", "echo");
	put_bind(&out, "", "s", 0, "1", NULL);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 E(08P01) Z(I)");
	put_bind(&out, "", "s", 0, "many", "x", NULL);
	put_sync(&out);
	assert_non_null(strstr(client_play(&client, &out), "E(22P02 W=while reading parameter $1) Z(I)"));
	put_bind(&out, "", "s", 2, "1", "x", NULL);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "E(08P01) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void an_empty_statement_can_be_prepared(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "", "");
	put_named(&out, 'D', 'S', "");
	put_bind(&out, "", "", 0, NULL);
	put_execute(&out, "", 0);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 t(0) n 2 I Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void deallocate_reaches_the_clients_names(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "s", "rows 1");
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 Z(I)");
	assert_string_equal(client_query(&client, "forget s"), "C(forget) Z(I)");
	assert_string_equal(client_query(&client, "forget s"), "E(26000) Z(I)");
	assert_string_equal(client_query(&client, "forget"), "C(forget) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

/* ---- loop and worker ---- */

static void a_lookup_runs_without_a_worker_and_the_rest_does_not(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "fast", "lookup 1");
	put_parse(&out, "slow", "rows 1");
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "1 1 Z(I)");
	assert_int_equal(client.work_count, 1);
	put_bind(&out, "", "fast", 0, NULL);
	put_named(&out, 'D', 'P', "");
	put_execute(&out, "", 0);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "2 T(2) D(0,row 0) C(SELECT 1) Z(I)");
	assert_int_equal(client.work_count, 1);
	put_bind(&out, "", "fast", 0, NULL);
	put_execute(&out, "", 0);
	put_bind(&out, "", "slow", 0, NULL);
	put_execute(&out, "", 0);
	put_sync(&out);
	assert_string_equal(client_play(&client, &out), "2 D(0,row 0) C(SELECT 1) 2 D(0,row 0) C(SELECT 1) Z(I)");
	assert_int_equal(client.work_count, 2);
	buffer_deinit(&out);
	client_deinit(&client);
}

static void pipelined_lookups_do_not_pile_up_output_on_the_loop(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_parse(&out, "fast", "lookup 1");
	put_sync(&out);
	client_play(&client, &out);
	for (int i = 0; i < 20000; i++) {
		put_bind(&out, "", "fast", 0, NULL);
		put_execute(&out, "", 0);
		put_sync(&out);
	}
	pgwire_receive(client.pgwire, buffer_slice(&out));
	assert_int_equal(pgwire_run(client.pgwire, false), PGWIRE_WORK);
	assert_in_range(pgwire_output(client.pgwire)->size, 1, 512 * 1024);
	assert_int_equal(pgwire_run(client.pgwire, true), PGWIRE_READ);
	buffer_deinit(&out);
	client_deinit(&client);
}

static void a_client_that_goes_away_ends_the_statement(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	client.gone = true;
	struct buffer out = {0};
	put_query(&out, "rows 100000");
	client_send(&client, &out);
	assert_true(client.finished);
	buffer_deinit(&out);
	client_deinit(&client);
}

static void cancelling_ends_the_statement_with_an_error(void **state)
{
	(void)state;
	struct client client;
	client_start(&client);
	pgwire_cancel(client.pgwire);
	assert_string_equal(client_query(&client, "rows 3"), "T(2) E(57014) Z(I)");
	client_deinit(&client);
}

/* ---- what is refused ---- */

static void unknown_and_oversized_messages_end_the_connection(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	put_message(&out, '?', "", 0);
	assert_string_equal(client_play(&client, &out), "E(FATAL 08P01)");
	assert_true(client.finished);
	client_deinit(&client);
	client_start(&client);
	buffer_append_byte(&out, 'Q');
	buffer_append_be32(&out, 0x7fffffff);
	assert_string_equal(client_play(&client, &out), "E(FATAL 08P01)");
	assert_true(client.finished);
	client_deinit(&client);
	client_start(&client);
	buffer_append_byte(&out, 'Q');
	buffer_append_be32(&out, 3);
	assert_string_equal(client_play(&client, &out), "E(FATAL 08P01)");
	client_deinit(&client);
	buffer_deinit(&out);
}

static void malformed_bodies_are_errors_of_their_message(void **state)
{
	(void)state;
	static const char types[] = "QPBDEC";
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	for (const char *type = types; *type != '\0'; type++) {
		put_message(&out, *type, "abc", 3);
		put_sync(&out);
		const char *answers = client_play(&client, &out);
		assert_int_equal(strncmp(answers, "E(08P01)", 8), 0);
		assert_false(client.finished);
	}
	put_message(&out, 'F', "", 0);
	assert_string_equal(client_play(&client, &out), "E(0A000 H=Call the function in a SELECT.) Z(I)");
	assert_string_equal(client_query(&client, "rows 1"), "T(2) D(0,row 0) C(SELECT 1) Z(I)");
	buffer_deinit(&out);
	client_deinit(&client);
}

static void shutdown_is_told_to_the_client(void **state)
{
	(void)state;
	struct client client;
	struct buffer out = {0};
	client_start(&client);
	pgwire_shutdown(client.pgwire);
	assert_string_equal(client_play(&client, &out), "E(FATAL 57P01)");
	assert_true(client.finished);
	buffer_deinit(&out);
	client_deinit(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encryption_is_declined_and_the_client_goes_on),
		cmocka_unit_test(a_later_protocol_version_is_negotiated_down),
		cmocka_unit_test(a_bad_startup_ends_the_connection),
		cmocka_unit_test(an_oversized_startup_packet_is_refused_before_it_is_received),
		cmocka_unit_test(a_cancel_request_reaches_its_target_and_is_not_answered),
		cmocka_unit_test(messages_may_arrive_byte_by_byte),
		cmocka_unit_test(a_simple_query_may_hold_several_statements),
		cmocka_unit_test(a_query_without_a_statement_is_answered_as_empty),
		cmocka_unit_test(an_error_ends_the_rest_of_a_simple_query),
		cmocka_unit_test(an_error_in_a_transaction_is_told_until_rollback),
		cmocka_unit_test(an_error_may_come_after_rows),
		cmocka_unit_test(the_extended_protocol_binds_text_and_answers_in_order),
		cmocka_unit_test(results_come_in_binary_when_asked),
		cmocka_unit_test(a_portal_gives_its_rows_in_portions),
		cmocka_unit_test(outside_a_transaction_portals_end_at_sync),
		cmocka_unit_test(after_an_error_messages_are_skipped_until_sync),
		cmocka_unit_test(names_must_be_known_and_new),
		cmocka_unit_test(parameters_must_fit_the_statement),
		cmocka_unit_test(an_empty_statement_can_be_prepared),
		cmocka_unit_test(deallocate_reaches_the_clients_names),
		cmocka_unit_test(a_lookup_runs_without_a_worker_and_the_rest_does_not),
		cmocka_unit_test(pipelined_lookups_do_not_pile_up_output_on_the_loop),
		cmocka_unit_test(a_client_that_goes_away_ends_the_statement),
		cmocka_unit_test(cancelling_ends_the_statement_with_an_error),
		cmocka_unit_test(unknown_and_oversized_messages_end_the_connection),
		cmocka_unit_test(malformed_bodies_are_errors_of_their_message),
		cmocka_unit_test(shutdown_is_told_to_the_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
