/* The frame of the protocol: input to messages, messages to their handlers, errors, the end. */
#include "server/pgwire.h"

#include <stdio.h>
#include <string.h>

#include "base/invariant.h"
#include "server/pgwire_internal.h"

enum {
	MESSAGE_HEADER_SIZE = 5,
	/* On the loop the output is not sent before the run ends: with this much a worker takes over. */
	LOOP_OUTPUT_MAX = 4 * PGWIRE_OUTPUT_FLUSH,
};

struct pgwire *pgwire_create(const struct pgwire_options *options)
{
	struct pgwire *pgwire = mem_alloc_zeroed(1, sizeof *pgwire);
	pgwire->options = *options;
	(void)snprintf(pgwire->peer, sizeof pgwire->peer, "%.*s", PGWIRE_PEER_SIZE - 1,
		options->peer != NULL ? options->peer : "");
	pgwire->options.peer = pgwire->peer;
	buffer_init(&pgwire->input);
	buffer_init(&pgwire->output);
	return pgwire;
}

void pgwire_destroy(struct pgwire *pgwire)
{
	if (pgwire == NULL)
		return;
	pgwire_portals_clear(pgwire);
	pgwire_statements_clear(pgwire);
	sql_session_destroy(pgwire->session);
	scram_end(&pgwire->scram);
	buffer_deinit(&pgwire->parameters);
	buffer_deinit(&pgwire->input);
	buffer_deinit(&pgwire->output);
	mem_free(pgwire);
}

struct buffer *pgwire_output(struct pgwire *pgwire)
{
	return &pgwire->output;
}

bool pgwire_is_starting(const struct pgwire *pgwire)
{
	return pgwire->phase == PGWIRE_PHASE_STARTUP || pgwire->phase == PGWIRE_PHASE_AUTHENTICATING;
}

void pgwire_secured(struct pgwire *pgwire, const char *certificate_name)
{
	pgwire->encrypt = false;
	pgwire->encrypted = true;
	if (certificate_name != NULL && strlen(certificate_name) <= USER_NAME_SIZE_MAX)
		memcpy(pgwire->certificate_name, certificate_name, strlen(certificate_name) + 1);
}

bool pgwire_is_refused(const struct pgwire *pgwire)
{
	return pgwire->refused;
}

void pgwire_cancel(struct pgwire *pgwire)
{
	/* The session is made before anybody can know the cancel key, and lives as long as we do. */
	if (pgwire->session != NULL)
		sql_session_cancel(pgwire->session);
}

void pgwire_receive(struct pgwire *pgwire, struct slice bytes)
{
	/* Drop what was handled once it is most of the buffer, so that each byte moves a bounded number of times.
	 */
	if (pgwire->input_at > 0 && pgwire->input_at >= pgwire->input.size / 2) {
		buffer_consume(&pgwire->input, pgwire->input_at);
		pgwire->input_at = 0;
	}
	buffer_append(&pgwire->input, bytes.data, bytes.size);
}

void pgwire_error(struct pgwire *pgwire)
{
	message_error(&pgwire->output, 'E', "ERROR", error_current());
	sql_session_fail(pgwire->session);
	/* An aborted transaction takes its portals with it. */
	if (sql_session_transaction(pgwire->session) != SQL_TRANSACTION_OPEN)
		pgwire_portals_clear(pgwire);
}

void pgwire_fatal(struct pgwire *pgwire)
{
	message_error(&pgwire->output, 'E', "FATAL", error_current());
	pgwire->phase = PGWIRE_PHASE_FINISHED;
}

void pgwire_shutdown(struct pgwire *pgwire)
{
	if (pgwire->phase != PGWIRE_PHASE_READY)
		return;
	error_raise(STATUS_SHUTDOWN, "terminating connection: the server is shutting down");
	pgwire_fatal(pgwire);
}

static status flush(struct pgwire *pgwire)
{
	status flushed = pgwire->options.io.flush(pgwire->options.io.context, &pgwire->output);
	if (flushed != STATUS_OK)
		pgwire->phase = PGWIRE_PHASE_FINISHED;
	return flushed;
}

status pgwire_flush_large(struct pgwire *pgwire)
{
	if (!pgwire->may_block || pgwire->output.size < PGWIRE_OUTPUT_FLUSH)
		return STATUS_OK;
	return flush(pgwire);
}

/* Messages after an error in an extended query are read and forgotten until Sync. */
static bool is_skipped(const struct pgwire *pgwire, char type)
{
	return pgwire->skipping && type != 'S' && type != 'X';
}

static void message_handle(struct pgwire *pgwire, char type, struct cursor *body)
{
	switch (type) {
	case 'Q':
		pgwire_simple_query(pgwire, body);
		break;
	case 'P':
		pgwire_parse(pgwire, body);
		break;
	case 'B':
		pgwire_bind(pgwire, body);
		break;
	case 'D':
		pgwire_describe(pgwire, body);
		break;
	case 'E':
		pgwire_execute(pgwire, body);
		break;
	case 'C':
		pgwire_close(pgwire, body);
		break;
	case 'S':
		pgwire_sync(pgwire);
		break;
	case 'H': /* Flush: the output is sent when the run ends, and the client now waits for it */
		break;
	case 'X':
		pgwire->phase = PGWIRE_PHASE_FINISHED;
		break;
	case 'd':
	case 'c':
	case 'f': /* the rest of a COPY that was refused: ignored, as in PostgreSQL */
		break;
	case 'F':
		error_raise(STATUS_UNSUPPORTED, "function calls by message are not supported");
		error_hint("Call the function in a SELECT.");
		pgwire_error(pgwire);
		message_ready_for_query(&pgwire->output, (char)sql_session_transaction(pgwire->session));
		break;
	default:
		error_raise(STATUS_PROTOCOL, "invalid frontend message type %d", (unsigned char)type);
		pgwire_fatal(pgwire);
	}
}

/* One message: false when it is not all there yet, or is for a worker (*for_worker). */
static bool message_next(struct pgwire *pgwire, struct slice bytes, bool *for_worker)
{
	if (bytes.size < MESSAGE_HEADER_SIZE)
		return false;
	char type = (char)bytes.data[0];
	uint32_t size = get_be32(bytes.data + 1);
	if (size < 4 || size > PGWIRE_MESSAGE_BYTES_MAX) {
		error_raise(STATUS_PROTOCOL, "a message of %u bytes is invalid: at most %d are accepted", size,
			PGWIRE_MESSAGE_BYTES_MAX);
		pgwire_fatal(pgwire);
		return true;
	}
	if (bytes.size < 1 + (size_t)size)
		return false;
	struct slice body = slice_of(bytes.data + MESSAGE_HEADER_SIZE, size - 4);
	if (!is_skipped(pgwire, type)) {
		if (!pgwire->may_block && pgwire_is_for_worker(pgwire, type, body)) {
			*for_worker = true;
			return false;
		}
		struct cursor cursor = cursor_of(body);
		message_handle(pgwire, type, &cursor);
	}
	pgwire->input_at += 1 + (size_t)size;
	return true;
}

static struct slice input_left(const struct pgwire *pgwire)
{
	return slice_of(pgwire->input.data + pgwire->input_at, pgwire->input.size - pgwire->input_at);
}

enum pgwire_next pgwire_run(struct pgwire *pgwire, bool may_block)
{
	pgwire->may_block = may_block;
	bool for_worker = false;
	while (pgwire->phase == PGWIRE_PHASE_STARTUP && !pgwire->encrypt &&
		   pgwire_startup(pgwire, input_left(pgwire)))
		;
	if (pgwire->encrypt) {
		/* CVE-2021-23214: bytes behind the request came in the clear, and whoever sent them did not know of
		 * the key. */
		if (pgwire->input_at == pgwire->input.size)
			return PGWIRE_ENCRYPT;
		error_raise(STATUS_PROTOCOL, "received unencrypted data after SSL request");
		pgwire->output.size = 0;
		pgwire_fatal(pgwire);
	}
	while (pgwire->phase == PGWIRE_PHASE_AUTHENTICATING && pgwire_authenticate(pgwire, input_left(pgwire)))
		;
	while (pgwire->phase == PGWIRE_PHASE_READY && message_next(pgwire, input_left(pgwire), &for_worker)) {
		if (!may_block && pgwire->output.size > LOOP_OUTPUT_MAX)
			return PGWIRE_WORK;
		if (pgwire_flush_large(pgwire) != STATUS_OK)
			break;
	}
	DEBUG_INVARIANT(pgwire->input_at <= pgwire->input.size);
	if (pgwire->phase == PGWIRE_PHASE_FINISHED)
		return PGWIRE_FINISH;
	if (for_worker)
		return PGWIRE_WORK;
	if (pgwire->input_at == pgwire->input.size) {
		pgwire->input.size = 0;
		pgwire->input_at = 0;
	}
	return PGWIRE_READ;
}
