/* The beginning of a connection: encryption requests, cancel requests, protocol version, parameters, and the
 * greeting.
 *
 *   i32 size, i32 code:   80877103 SSLRequest │ 80877104 GSSENCRequest │ 80877102 CancelRequest: i32 pid, i32
 * key major << 16 | minor: (name 00 value 00)… 00
 */
#include <string.h>
#include <strings.h>

#include "server/pgwire_internal.h"

enum {
	CODE_CANCEL = 80877102,
	CODE_SSL = 80877103,
	CODE_GSS = 80877104,
	PROTOCOL_MAJOR = 3,
	OPTION_SIZE_MAX = 1024,
};

static void session_notice(void *context, enum sql_severity severity, const struct error *notice)
{
	struct pgwire *pgwire = context;
	message_error(&pgwire->output, 'N', severity == SQL_WARNING ? "WARNING" : "NOTICE", notice);
}

static void session_parameter_changed(void *context, const char *name, const char *value)
{
	struct pgwire *pgwire = context;
	message_parameter_status(&pgwire->output, name, value);
}

/* ---- start-up parameters ---- */

static status option_set(struct pgwire *pgwire, char *assignment)
{
	char *equals = strchr(assignment, '=');
	if (equals == NULL)
		return error_raise(STATUS_INVALID, "option \"%s\" in the start-up packet has no value", assignment);
	*equals = '\0';
	/* As in PostgreSQL: --work-mem=… means work_mem. */
	for (char *at = assignment; at < equals; at++)
		*at = *at == '-' ? '_' : *at;
	return sql_session_set(pgwire->session, assignment, equals + 1);
}

/* The next word of a command line; backslash escapes the next character. False at the end. */
static bool word_next(const char **text, char word[OPTION_SIZE_MAX])
{
	const char *at = *text + strspn(*text, " \t\n");
	size_t size = 0;
	bool any = *at != '\0';
	for (; *at != '\0' && strchr(" \t\n", *at) == NULL; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (size + 1 < OPTION_SIZE_MAX)
			word[size++] = *at;
	}
	word[size] = '\0';
	*text = at;
	return any;
}

/* "-c name=value --name=value …" */
static status options_set(struct pgwire *pgwire, const char *text)
{
	char word[OPTION_SIZE_MAX];
	while (word_next(&text, word)) {
		char *assignment = word + 2;
		if (strcmp(word, "-c") == 0) {
			if (!word_next(&text, word))
				return error_raise(STATUS_INVALID, "-c in the start-up packet has no setting");
			assignment = word;
		} else if (strncmp(word, "-c", 2) != 0 && strncmp(word, "--", 2) != 0) {
			return error_raise(STATUS_INVALID, "option \"%s\" in the start-up packet is unknown", word);
		}
		status set = option_set(pgwire, assignment);
		if (set != STATUS_OK)
			return set;
	}
	return STATUS_OK;
}

static status parameter_set(struct pgwire *pgwire, const char *name, const char *value)
{
	if (strcmp(name, "user") == 0 || strcmp(name, "database") == 0 || strncmp(name, "_pq_.", 5) == 0)
		return STATUS_OK;
	if (strcmp(name, "options") == 0)
		return options_set(pgwire, value);
	if (strcmp(name, "replication") == 0) {
		if (strcasecmp(value, "false") == 0 || strcasecmp(value, "off") == 0 || strcmp(value, "0") == 0)
			return STATUS_OK;
		return error_raise(STATUS_UNSUPPORTED, "replication connections are not supported");
	}
	return sql_session_set(pgwire->session, name, value);
}

/* ---- greeting ---- */

static void version_negotiate(struct pgwire *pgwire, struct cursor parameters)
{
	struct cursor counting = parameters;
	uint32_t count = 0;
	for (const char *name = cursor_string(&counting); name[0] != '\0'; name = cursor_string(&counting)) {
		count += strncmp(name, "_pq_.", 5) == 0;
		cursor_string(&counting);
	}
	size_t at = message_begin(&pgwire->output, 'v');
	buffer_append_be32(&pgwire->output, 0); /* the newest minor version we speak */
	buffer_append_be32(&pgwire->output, count);
	for (const char *name = cursor_string(&parameters); name[0] != '\0'; name = cursor_string(&parameters)) {
		if (strncmp(name, "_pq_.", 5) == 0)
			message_string(&pgwire->output, name);
		cursor_string(&parameters);
	}
	message_end(&pgwire->output, at);
}

static void greet(struct pgwire *pgwire)
{
	struct buffer *out = &pgwire->output;
	size_t at = message_begin(out, 'R');
	buffer_append_be32(out, 0); /* AuthenticationOk */
	message_end(out, at);
	const char *name = NULL;
	for (size_t i = 0; (name = sql_session_reported(i)) != NULL; i++) {
		const char *value = sql_session_get(pgwire->session, name);
		message_parameter_status(out, name, value != NULL ? value : "");
	}
	at = message_begin(out, 'K');
	buffer_append_be32(out, (uint32_t)pgwire->options.backend_pid);
	buffer_append_be32(out, (uint32_t)pgwire->options.cancel_key);
	message_end(out, at);
	message_ready_for_query(out, (char)sql_session_transaction(pgwire->session));
}

/* The user's name, and whether the packet is well-formed. */
static status user_read(struct pgwire *pgwire, struct cursor parameters)
{
	for (const char *name = cursor_string(&parameters); name[0] != '\0'; name = cursor_string(&parameters)) {
		const char *value = cursor_string(&parameters);
		if (strcmp(name, "user") != 0)
			continue;
		if (strlen(value) > SCRAM_NAME_SIZE_MAX)
			return error_raise(STATUS_PROTOCOL, "the user name in the start-up packet is too long");
		memcpy(pgwire->user, value, strlen(value) + 1);
	}
	if (parameters.failed || cursor_left(&parameters) != 0)
		return error_raise(STATUS_PROTOCOL, "the start-up packet is not a list of names and values");
	if (pgwire->user[0] == '\0') {
		error_raise(STATUS_PROTOCOL, "no user name in the start-up packet");
		error_sqlstate("28000");
		return STATUS_PROTOCOL;
	}
	return STATUS_OK;
}

static status session_start(struct pgwire *pgwire, struct cursor parameters, bool authenticated)
{
	struct sql_session_options options = {
		.backend_pid = pgwire->options.backend_pid,
		.notice = session_notice,
		.forget = pgwire_forget,
		.context = pgwire,
		.user = pgwire->user,
		.authenticated = authenticated,
	};
	struct cursor reading = parameters;
	for (const char *name = cursor_string(&reading); name[0] != '\0'; name = cursor_string(&reading)) {
		const char *value = cursor_string(&reading);
		if (strcmp(name, "database") == 0)
			options.database = value;
	}
	if (options.database == NULL || options.database[0] == '\0')
		options.database = options.user;
	/* The settings of the packet are told by the greeting, not one by one. */
	options.parameter_changed = session_parameter_changed;
	pgwire->session = sql_session_create(pgwire->options.environment, &options);
	size_t before = pgwire->output.size;
	reading = parameters;
	for (const char *name = cursor_string(&reading); name[0] != '\0'; name = cursor_string(&reading)) {
		status set = parameter_set(pgwire, name, cursor_string(&reading));
		if (set != STATUS_OK)
			return set;
	}
	pgwire->output.size = before;
	return STATUS_OK;
}

static void session_request(struct pgwire *pgwire, uint32_t version, struct cursor parameters)
{
	uint32_t major = version >> 16, minor = version & 0xffff;
	if (major != PROTOCOL_MAJOR) {
		error_raise(STATUS_UNSUPPORTED, "protocol version %u.%u is not supported: the server speaks 3.0",
			major, minor);
		pgwire_fatal(pgwire);
		return;
	}
	if (pgwire->options.requires_tls && !pgwire->encrypted) {
		error_raise(STATUS_UNAUTHENTICATED, "this server takes encrypted connections only");
		error_sqlstate("28000");
		error_hint("Connect with sslmode=require.");
		pgwire_fatal(pgwire);
		return;
	}
	if (user_read(pgwire, parameters) != STATUS_OK) {
		pgwire_fatal(pgwire);
		return;
	}
	pgwire->version = version;
	buffer_append(&pgwire->parameters, parameters.at, cursor_left(&parameters));
	enum pgwire_identity identity = pgwire_identify(pgwire);
	if (identity == PGWIRE_IDENTITY_ASKED)
		pgwire->phase = PGWIRE_PHASE_AUTHENTICATING;
	else
		pgwire_enter(pgwire, identity == PGWIRE_IDENTITY_SHOWN);
}

void pgwire_enter(struct pgwire *pgwire, bool authenticated)
{
	struct cursor parameters = cursor_of(buffer_slice(&pgwire->parameters));
	if (session_start(pgwire, parameters, authenticated) != STATUS_OK) {
		pgwire_fatal(pgwire);
		return;
	}
	if ((pgwire->version & 0xffff) != 0)
		version_negotiate(pgwire, parameters);
	greet(pgwire);
	scram_end(&pgwire->scram);
	pgwire->phase = PGWIRE_PHASE_READY;
}

/* 'N': encryption is not offered; the client goes on in the clear or leaves. */
static void encryption_refuse(struct pgwire *pgwire, bool *answered)
{
	if (*answered) {
		error_raise(STATUS_PROTOCOL, "encryption was asked for twice");
		pgwire_fatal(pgwire);
		return;
	}
	*answered = true;
	buffer_append_byte(&pgwire->output, 'N');
}

bool pgwire_startup(struct pgwire *pgwire, struct slice bytes)
{
	if (bytes.size < 4)
		return false;
	uint32_t size = get_be32(bytes.data);
	if (size < 8 || size > PGWIRE_STARTUP_BYTES_MAX) {
		error_raise(STATUS_PROTOCOL, "a start-up packet of %u bytes is invalid", size);
		pgwire_fatal(pgwire);
		return true;
	}
	if (bytes.size < size)
		return false;
	pgwire->input_at += size;
	struct cursor body = cursor_of(slice_of(bytes.data + 4, size - 4));
	uint32_t code = cursor_be32(&body);
	if (code == CODE_SSL && pgwire->options.offers_tls && !pgwire->ssl_answered && !pgwire->encrypted) {
		pgwire->ssl_answered = pgwire->encrypt = true;
		buffer_append_byte(&pgwire->output, 'S');
	} else if (code == CODE_SSL) {
		encryption_refuse(pgwire, &pgwire->ssl_answered);
	} else if (code == CODE_GSS) {
		encryption_refuse(pgwire, &pgwire->gss_answered);
	} else if (code == CODE_CANCEL) {
		int32_t backend_pid = (int32_t)cursor_be32(&body);
		int32_t cancel_key = (int32_t)cursor_be32(&body);
		if (!body.failed)
			pgwire->options.io.cancel(pgwire->options.io.context, backend_pid, cancel_key);
		pgwire->phase = PGWIRE_PHASE_FINISHED;
	} else {
		session_request(pgwire, code, body);
	}
	return true;
}
