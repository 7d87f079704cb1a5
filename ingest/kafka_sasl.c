/* SaslHandshake and SaslAuthenticate; see kafka_sasl.h.
 *
 * A failure is answered after a delay and ends the connection, so that guessing is slow. What failed is not
 * said to the client; the diagnostics say who tried, never what with.
 */
#include "ingest/kafka_sasl.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/kafka_request.h"

enum { FAILURE_DELAY_MS = 500 };

static const char *const mechanism_names[] = {"SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"};

/* ---- the connection's user ---- */

void kafka_sasl_init(struct kafka_sasl *sasl, const struct kafka_security *security, const char *peer)
{
	memset(sasl, 0, sizeof *sasl);
	sasl->security = security;
	(void)snprintf(sasl->peer, sizeof sasl->peer, "%.*s", (int)sizeof sasl->peer - 1, peer);
}

void kafka_sasl_deinit(struct kafka_sasl *sasl)
{
	scram_end(&sasl->scram);
	user_release(sasl->user);
}

void kafka_sasl_refresh(struct kafka_sasl *sasl)
{
	const struct kafka_security *security = sasl->security;
	uint64_t generation = security->generation != NULL ? security->generation(security->context) : 0;
	if (generation == sasl->generation)
		return;
	user_release(sasl->user);
	sasl->user =
		generation != 0 && sasl->name[0] != '\0' ? security->find(security->context, sasl->name) : NULL;
	sasl->generation = generation;
}

bool kafka_sasl_is_needed(struct kafka_sasl *sasl)
{
	kafka_sasl_refresh(sasl);
	return sasl->generation != 0 && sasl->user == NULL;
}

static void sasl_enter(struct kafka_sasl *sasl, struct user *user, const char *how)
{
	bool again = sasl->user != NULL;
	memcpy(sasl->name, user->name, strlen(user->name) + 1);
	user_release(sasl->user);
	sasl->user = user;
	diag(DIAG_INFO, "audit", again ? "authenticated_again" : "authenticated",
		"listener=kafka peer=%s principal=\"%s\" mechanism=%s encrypted=%s", sasl->peer, user->name, how,
		sasl->encrypted ? "true" : "false");
}

void kafka_sasl_certificate(struct kafka_sasl *sasl, const char *name)
{
	if (strlen(name) > USER_NAME_SIZE_MAX)
		return;
	kafka_sasl_refresh(sasl);
	memcpy(sasl->name, name, strlen(name) + 1);
	struct user *user = sasl->generation != 0 ? sasl->security->find(sasl->security->context, name) : NULL;
	if (user != NULL)
		sasl_enter(sasl, user, "certificate");
}

/* ---- SaslHandshake ---- */

static bool mechanism_offered(const struct kafka_sasl *sasl, enum kafka_mechanism mechanism)
{
	return mechanism != KAFKA_MECHANISM_PLAIN || sasl->encrypted || sasl->security->plain_in_clear;
}

static int16_t handshake_decide(struct kafka_request *request, struct kafka_sasl *sasl)
{
	const struct kafka_sasl_handshake_request *message = request->message;
	if (sasl->phase != KAFKA_SASL_IDLE || sasl->generation == 0)
		return KAFKA_ILLEGAL_SASL_STATE;
	for (enum kafka_mechanism mechanism = 0; mechanism <= KAFKA_MECHANISM_PLAIN; mechanism++) {
		if (!slice_equal(message->mechanism, slice_of_string(mechanism_names[mechanism])) ||
			!mechanism_offered(sasl, mechanism))
			continue;
		sasl->mechanism = mechanism;
		sasl->phase = KAFKA_SASL_CHOSEN;
		sasl->raw = request->layout.version == 0;
		return KAFKA_NONE;
	}
	return KAFKA_UNSUPPORTED_SASL_MECHANISM;
}

enum kafka_progress kafka_sasl_handshake_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	struct kafka_sasl *sasl = kafka_request_sasl(request);
	struct kafka_sasl_handshake_response *answer = KAFKA_NEW(&request->arena, sasl_handshake_response, 1);
	answer->error_code = handshake_decide(request, sasl);
	request->last = answer->error_code != KAFKA_NONE && sasl->generation != 0;
	answer->mechanisms = arena_alloc(&request->arena, 3 * sizeof *answer->mechanisms);
	for (enum kafka_mechanism mechanism = 0; sasl->generation != 0 && mechanism <= KAFKA_MECHANISM_PLAIN;
		 mechanism++) {
		if (mechanism_offered(sasl, mechanism))
			answer->mechanisms[answer->mechanisms_count++] = slice_of_string(mechanism_names[mechanism]);
	}
	return kafka_request_answer(request, answer);
}

/* ---- SaslAuthenticate ---- */

struct authentication {
	status result;     /* of this step */
	struct user *user; /* entered, once the answer goes out; released with the request otherwise */
	struct buffer token;
	bool plain_checked;
	char shown[USER_SHOWN_SIZE]; /* whom the client claims to be */
	char why[128];
};

static void authentication_fail(struct authentication *step, status code, const char *why)
{
	step->result = code;
	(void)snprintf(step->why, sizeof step->why, "%.*s", (int)sizeof step->why - 1, why);
}

/* "authzid 00 name 00 password": on a worker. */
static void plain_check(struct kafka_request *request)
{
	struct authentication *step = request->state;
	struct kafka_sasl *sasl = kafka_request_sasl(request);
	const struct kafka_sasl_authenticate_request *message = request->message;
	struct slice rest = message->auth_bytes, parts[2];
	step->plain_checked = true;
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *end = rest.size != 0 ? memchr(rest.data, 0, rest.size) : NULL;
		if (end == NULL) {
			authentication_fail(step, STATUS_PROTOCOL, "not a PLAIN token");
			return;
		}
		parts[i] = slice_of(rest.data, (size_t)(end - rest.data));
		rest = slice_of(end + 1, rest.size - parts[i].size - 1);
	}
	(void)user_name_show(parts[1], step->shown);
	if (parts[0].size != 0 && !slice_equal(parts[0], parts[1])) {
		authentication_fail(step, STATUS_PROTOCOL, "acting for another user is not supported");
		return;
	}
	struct user *user = NULL;
	if (parts[1].size <= USER_NAME_SIZE_MAX)
		user = sasl->security->find(sasl->security->context, kafka_text(&request->arena, parts[1]));
	if (user_accepts(user, rest)) {
		step->user = user;
		return;
	}
	user_release(user);
	authentication_fail(step, STATUS_UNAUTHENTICATED, "wrong password, or no such user");
}

static void scram_step_first(struct kafka_sasl *sasl, struct slice token, struct authentication *step)
{
	enum scram_hash hash = sasl->mechanism == KAFKA_MECHANISM_SCRAM_SHA_512 ? SCRAM_SHA_512 : SCRAM_SHA_256;
	scram_end(&sasl->scram);
	scram_begin(&sasl->scram, hash);
	status code = scram_first(&sasl->scram, token);
	if (code != STATUS_OK) {
		authentication_fail(step, code, error_current()->text);
		return;
	}
	struct user *user = sasl->security->find(sasl->security->context, sasl->scram.name);
	bool known = user != NULL && user->has_password;
	struct scram_verifier verifier;
	if (known) {
		verifier = user->verifiers[hash];
	} else {
		uint8_t secret[SCRAM_SECRET_SIZE];
		sasl->security->secret(sasl->security->context, secret);
		scram_verifier_fake(hash, secret, slice_of_string(sasl->scram.name), &verifier);
	}
	scram_answer(&sasl->scram, &verifier, known, NULL, &step->token);
	scram_wipe(&verifier, sizeof verifier);
	user_release(user);
	sasl->phase = KAFKA_SASL_CHALLENGED;
}

static void scram_step_final(struct kafka_sasl *sasl, struct slice token, struct authentication *step)
{
	(void)user_name_show(slice_of_string(sasl->scram.name), step->shown);
	status code = scram_final(&sasl->scram, token, &step->token);
	if (code != STATUS_OK) {
		authentication_fail(step, code,
			code == STATUS_UNAUTHENTICATED ? "wrong password, or no such user" : error_current()->text);
		return;
	}
	step->user = sasl->security->find(sasl->security->context, sasl->scram.name);
	if (step->user == NULL)
		authentication_fail(step, STATUS_UNAUTHENTICATED, "the user was dropped meanwhile");
}

/* The step's outcome: the phase that follows, and who has entered. */
static void authentication_settle(struct kafka_sasl *sasl, struct authentication *step)
{
	if (step->result == STATUS_OK && step->user == NULL)
		return; /* a challenge */
	if (step->result == STATUS_OK && sasl->user != NULL && strcmp(sasl->user->name, step->user->name) != 0) {
		(void)user_name_show(slice_of_string(step->user->name), step->shown);
		user_release(step->user);
		step->user = NULL;
		authentication_fail(step, STATUS_UNAUTHENTICATED, "a connection cannot change its user");
	}
	sasl->phase = KAFKA_SASL_IDLE;
	sasl->raw = false;
	scram_end(&sasl->scram);
	if (step->result == STATUS_OK) {
		sasl_enter(sasl, step->user, mechanism_names[sasl->mechanism]);
		step->user = NULL;
	} else {
		diag(DIAG_WARN, "audit", "authentication_failed",
			"listener=kafka peer=%s principal=\"%s\" mechanism=%s error=\"%s\"", sasl->peer, step->shown,
			mechanism_names[sasl->mechanism], step->why);
	}
}

static enum kafka_progress authentication_answer(struct kafka_request *request, struct authentication *step)
{
	struct kafka_sasl_authenticate_response *answer =
		KAFKA_NEW(&request->arena, sasl_authenticate_response, 1);
	request->last = step->result != STATUS_OK;
	if (request->last) {
		answer->error_code = KAFKA_SASL_AUTHENTICATION_FAILED;
		answer->error_message =
			slice_of_string("Authentication failed: wrong user name, password or mechanism");
		if (request->raw)
			request->failure = STATUS_UNAUTHENTICATED;
		(void)snprintf(request->failure_text, sizeof request->failure_text, "authentication failed");
	} else {
		answer->auth_bytes =
			slice_of(arena_copy(&request->arena, step->token.data, step->token.size), step->token.size);
	}
	return kafka_request_answer(request, answer);
}

void kafka_sasl_authenticate_release(struct kafka_request *request)
{
	struct authentication *step = request->state;
	if (step == NULL)
		return;
	user_release(step->user);
	buffer_deinit(&step->token);
}

static enum kafka_progress authenticate_illegal(struct kafka_request *request)
{
	struct kafka_sasl_authenticate_response *answer =
		KAFKA_NEW(&request->arena, sasl_authenticate_response, 1);
	answer->error_code = KAFKA_ILLEGAL_SASL_STATE;
	answer->error_message = slice_of_string("SaslHandshake comes first");
	request->last = kafka_request_sasl(request)->generation != 0;
	return kafka_request_answer(request, answer);
}

enum kafka_progress kafka_sasl_authenticate_run(struct kafka_request *request, int64_t now_ms)
{
	struct kafka_sasl *sasl = kafka_request_sasl(request);
	const struct kafka_sasl_authenticate_request *message = request->message;
	struct authentication *step = request->state;
	if (step != NULL && step->result != STATUS_OK && request->deadline_ms != INT64_MAX)
		return now_ms >= request->deadline_ms ? authentication_answer(request, step) : KAFKA_WAITS;
	if (step == NULL) {
		if (sasl->phase == KAFKA_SASL_IDLE)
			return authenticate_illegal(request);
		request->state = step = arena_alloc_zeroed(&request->arena, sizeof *step);
		if (sasl->mechanism == KAFKA_MECHANISM_PLAIN) {
			kafka_request_block(request, plain_check);
			return KAFKA_WAITS;
		}
		if (sasl->phase == KAFKA_SASL_CHOSEN)
			scram_step_first(sasl, message->auth_bytes, step);
		else
			scram_step_final(sasl, message->auth_bytes, step);
	}
	authentication_settle(sasl, step);
	if (step->result == STATUS_OK)
		return authentication_answer(request, step);
	request->deadline_ms = now_ms + FAILURE_DELAY_MS;
	return KAFKA_WAITS;
}
