/* Who is this? SCRAM-SHA-256 as PostgreSQL carries it, or a verified client certificate of the user's name.
 *
 *   start-up packet (user=ann) ─► R 10 "SCRAM-SHA-256" ─► p client-first ─► R 11 server-first
 *                              ─► p client-final ─► R 12 server-final, R 0, greeting      or FATAL 28P01
 *
 * Whom the packet names counts; what SCRAM's own message says (libpq: nothing) does not. While there are no
 * users, everybody is let in, as the user he says he is, who may do everything.
 */
#include <string.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "server/pgwire_internal.h"

enum { REQUEST_SASL = 10, REQUEST_SASL_CONTINUE = 11, REQUEST_SASL_FINAL = 12 };

static const char mechanism[] = "SCRAM-SHA-256";

static struct engine *engine_of(const struct pgwire *pgwire)
{
	return pgwire->options.environment != NULL ? pgwire->options.environment->engine : NULL;
}

static void audit(const struct pgwire *pgwire, bool entered, const char *how, const char *why)
{
	char shown[USER_SHOWN_SIZE];
	user_name_show(slice_of_string(pgwire->user), shown);
	diag(entered ? DIAG_INFO : DIAG_WARN, "audit", entered ? "authenticated" : "authentication_failed",
		"listener=pg peer=%s principal=\"%s\" mechanism=%s encrypted=%s error=\"%s\"", pgwire->options.peer,
		shown, how, pgwire->encrypted ? "true" : "false", why);
}

static void refuse(struct pgwire *pgwire, const char *why)
{
	audit(pgwire, false, mechanism, why);
	error_raise(STATUS_UNAUTHENTICATED, "password authentication failed for user \"%s\"", pgwire->user);
	pgwire->refused = true;
	pgwire_fatal(pgwire);
}

static void request_append(struct pgwire *pgwire, uint32_t code, struct slice data)
{
	size_t at = message_begin(&pgwire->output, 'R');
	buffer_append_be32(&pgwire->output, code);
	buffer_append(&pgwire->output, data.data, data.size);
	message_end(&pgwire->output, at);
}

enum pgwire_identity pgwire_identify(struct pgwire *pgwire)
{
	struct engine *engine = engine_of(pgwire);
	if (engine == NULL || engine_users_generation(engine) == 0)
		return PGWIRE_IDENTITY_OPEN;
	if (strcmp(pgwire->certificate_name, pgwire->user) == 0) {
		struct user *user = engine_user(engine, pgwire->user);
		bool known = user != NULL;
		user_release(user);
		if (known) {
			audit(pgwire, true, "certificate", "");
			return PGWIRE_IDENTITY_SHOWN;
		}
	}
	/* The list of mechanisms: strings, closed by an empty one. */
	request_append(pgwire, REQUEST_SASL, slice_of("SCRAM-SHA-256\0", sizeof mechanism + 1));
	scram_begin(&pgwire->scram, SCRAM_SHA_256);
	return PGWIRE_IDENTITY_ASKED;
}

static void first_handle(struct pgwire *pgwire, struct cursor *body)
{
	const char *chosen = cursor_string(body);
	uint32_t size = cursor_be32(body);
	struct slice message = cursor_bytes(body, size == UINT32_MAX ? 0 : size);
	if (body->failed || cursor_left(body) != 0 || strcmp(chosen, mechanism) != 0) {
		refuse(pgwire, "another mechanism, or no SASL message");
		return;
	}
	if (scram_first(&pgwire->scram, message) != STATUS_OK) {
		refuse(pgwire, error_current()->text);
		return;
	}
	struct engine *engine = engine_of(pgwire);
	struct user *user = engine_user(engine, pgwire->user);
	bool known = user != NULL && user->has_password;
	struct scram_verifier verifier;
	if (known) {
		verifier = user->verifiers[SCRAM_SHA_256];
	} else {
		uint8_t secret[SCRAM_SECRET_SIZE];
		engine_user_secret(engine, secret);
		scram_verifier_fake(SCRAM_SHA_256, secret, slice_of_string(pgwire->user), &verifier);
	}
	struct buffer answer;
	buffer_init(&answer);
	scram_answer(&pgwire->scram, &verifier, known, NULL, &answer);
	request_append(pgwire, REQUEST_SASL_CONTINUE, buffer_slice(&answer));
	buffer_deinit(&answer);
	scram_wipe(&verifier, sizeof verifier);
	user_release(user);
}

static bool final_handle(struct pgwire *pgwire, struct cursor *body)
{
	struct buffer answer;
	buffer_init(&answer);
	status result = scram_final(&pgwire->scram, slice_of(body->at, cursor_left(body)), &answer);
	if (result == STATUS_OK) {
		request_append(pgwire, REQUEST_SASL_FINAL, buffer_slice(&answer));
		audit(pgwire, true, mechanism, "");
	} else {
		refuse(pgwire,
			result == STATUS_UNAUTHENTICATED ? "wrong password, or no such user" : error_current()->text);
	}
	buffer_deinit(&answer);
	return result == STATUS_OK;
}

bool pgwire_authenticate(struct pgwire *pgwire, struct slice bytes)
{
	enum { HEADER_SIZE = 5 };
	if (bytes.size < HEADER_SIZE)
		return false;
	uint32_t size = get_be32(bytes.data + 1);
	if (bytes.data[0] != 'p' || size < 4 || size > PGWIRE_STARTUP_BYTES_MAX) {
		error_raise(
			STATUS_PROTOCOL, "expected a SASL message, got message type %d of %u bytes", bytes.data[0], size);
		pgwire_fatal(pgwire);
		return true;
	}
	if (bytes.size < 1 + (size_t)size)
		return false;
	pgwire->input_at += 1 + (size_t)size;
	struct cursor body = cursor_of(slice_of(bytes.data + HEADER_SIZE, size - 4));
	if (pgwire->scram.phase == SCRAM_BEGUN)
		first_handle(pgwire, &body);
	else if (final_handle(pgwire, &body))
		pgwire_enter(pgwire, true);
	return true;
}
