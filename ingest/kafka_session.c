/* See kafka_session.h. Framing, order, completion; what a request means is its handler's business.
 *
 *   queue: first ─► … ─► last     every one answered or waiting; sent from the front, removed
 *
 * Lifetime. The session is counted: its owner holds one reference, everything outside (an append under way, a
 * blocking call) one each. kafka_session_destroy() marks it closed; whoever lets go last frees it with its
 * requests. io.wake() is called under the mutex and only while open, so none comes after destroy returned.
 */
#include "ingest/kafka_session.h"

#include <pthread.h>
#include <stdio.h>

#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/kafka_request.h"
#include "ingest/kafka_sasl.h"

enum {
	ROOM_MIN = 32 * 1024,         /* offered to a read when nothing is known */
	INBOUND_KEPT_MAX = 64 * 1024, /* an empty inbound buffer larger than this is given back */
	FRAME_COPY_MAX = 4 * 1024,    /* frames up to this are always copied out, never handed over */
	SEND_TOGETHER = 256 * 1024,   /* answers ready at once leave in one buffer up to this */
	STALL_RETRY_MS = 5,           /* when nobody tells that the log's queue has room */
	INTAKE_RETRY_MS = 10,         /* … that memory for a large request was given back */
	INTAKE_LOOK_MS = 1000,        /* how often a request that should have come is looked at */
	INTAKE_MS_MAX = 60000,        /* for a large request to arrive, when others wait for its memory */
	FRAME_SIZE_MIN = 8,           /* key, version, correlation id */
};

struct kafka_session {
	struct kafka_broker *broker;
	struct kafka_session_io io;
	char host[64]; /* "/127.0.0.1", without the port */

	/* The network thread's. */
	struct buffer inbound;
	size_t inbound_at; /* where unconsumed bytes begin */
	struct kafka_request *first, *last;
	int32_t queued;
	bool stalled;     /* the last request could not append: the log's queue is full */
	bool resuming;    /* run() is under way: S1 would break if io called back */
	int64_t retry_ms; /* when stalled */
	bool failed;      /* nothing more is read; `failure` is reported when the queue is empty */
	struct error failure;
	struct kafka_sasl sasl;
	int64_t begun_ms;
	/* The frame at the front of the inbound buffer, when it is large. */
	struct kafka_intake_place intake;
	size_t intake_bytes;       /* taken for it; 0 = none yet, or it is small */
	int64_t intake_retry_ms;   /* waiting in line: when to ask again */
	int64_t intake_overdue_ms; /* taken: when to look whether it keeps others waiting */

	/* Any thread's. */
	_Atomic int32_t references;
	pthread_mutex_t mutex; /* guards `open` and io.wake() */
	bool open;
};

/* ---- requests ---- */

static void request_destroy(struct kafka_request *request)
{
	if (request->api != NULL && request->api->release != NULL && request->message != NULL)
		request->api->release(request);
	user_release(request->user);
	kafka_intake_give(&request->broker->intake, request->intake_bytes);
	buffer_deinit(&request->frame);
	arena_deinit(&request->arena);
	mem_free(request);
}

static void session_unref(struct kafka_session *session)
{
	if (atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) != 1)
		return;
	for (struct kafka_request *request = session->first; request != NULL;) {
		struct kafka_request *next = request->next;
		request_destroy(request);
		request = next;
	}
	kafka_sasl_deinit(&session->sasl);
	kafka_intake_give(&session->broker->intake, session->intake_bytes);
	buffer_deinit(&session->inbound);
	INVARIANT(pthread_mutex_destroy(&session->mutex) == 0);
	mem_free(session);
}

void kafka_request_enter(struct kafka_request *request)
{
	atomic_fetch_add_explicit(&request->outside, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&request->session->references, 1, memory_order_relaxed);
}

void kafka_request_leave(struct kafka_request *request)
{
	struct kafka_session *session = request->session;
	bool last = atomic_fetch_sub_explicit(&request->outside, 1, memory_order_acq_rel) == 1;
	/* From here on the network thread may free the request; the session we still hold. */
	if (last) {
		INVARIANT(pthread_mutex_lock(&session->mutex) == 0);
		if (session->open)
			session->io.wake(session->io.context);
		INVARIANT(pthread_mutex_unlock(&session->mutex) == 0);
	}
	session_unref(session);
}

static void request_blocking(void *argument)
{
	struct kafka_request *request = argument;
	request->blocking(request);
	kafka_request_leave(request);
}

void kafka_request_block(struct kafka_request *request, void (*function)(struct kafka_request *request))
{
	request->blocking = function;
	kafka_request_enter(request);
	request->session->io.run_blocking(request->session->io.context, request_blocking, request);
}

bool kafka_request_may_send_range(const struct kafka_request *request)
{
	const struct kafka_session *session = request->session;
	return session->io.send_range != NULL && !session->sasl.encrypted;
}

void kafka_request_wake(struct kafka_request *request)
{
	INVARIANT(request->session->open);
	request->session->io.wake(request->session->io.context);
}

struct slice kafka_request_host(const struct kafka_request *request)
{
	return slice_of_string(request->session->host);
}

/* ---- life ---- */

static void intake_turn(struct kafka_intake_place *place)
{
	struct kafka_session *session =
		(struct kafka_session *)(void *)((char *)place - offsetof(struct kafka_session, intake));
	session->io.wake(session->io.context);
}

static void session_host_set(struct kafka_session *session, const char *peer)
{
	const char *colon = strrchr(peer, ':');
	size_t size = colon != NULL ? (size_t)(colon - peer) : strlen(peer);
	(void)snprintf(session->host, sizeof session->host, "/%.*s", (int)size, peer);
}

struct kafka_session *kafka_session_create(struct kafka_broker *broker, const struct kafka_session_io *io)
{
	struct kafka_session *session = mem_alloc_zeroed(1, sizeof *session);
	session->broker = broker;
	session->io = *io;
	session_host_set(session, io->peer != NULL ? io->peer : "");
	kafka_sasl_init(&session->sasl, &broker->security, io->peer != NULL ? io->peer : "");
	session->io.peer = NULL;
	session->open = true;
	session->references = 1;
	session->begun_ms = INT64_MAX;
	session->intake.turn = intake_turn;
	INVARIANT(pthread_mutex_init(&session->mutex, NULL) == 0);
	return session;
}

void kafka_session_begin(struct kafka_session *session, int64_t now_ms)
{
	session->begun_ms = now_ms;
}

void kafka_session_secured(struct kafka_session *session, const char *certificate_name)
{
	session->sasl.encrypted = true;
	if (certificate_name != NULL)
		kafka_sasl_certificate(&session->sasl, certificate_name);
}

struct kafka_sasl *kafka_request_sasl(struct kafka_request *request)
{
	return &request->session->sasl;
}

void kafka_session_destroy(struct kafka_session *session)
{
	if (session == NULL)
		return;
	INVARIANT(pthread_mutex_lock(&session->mutex) == 0);
	session->open = false;
	INVARIANT(pthread_mutex_unlock(&session->mutex) == 0);
	kafka_intake_leave(&session->broker->intake, &session->intake);
	for (struct kafka_request *request = session->first; request != NULL; request = request->next) {
		kafka_waits_leave(request);
		if (request->cancel != NULL && atomic_load_explicit(&request->outside, memory_order_acquire) != 0)
			request->cancel(request);
	}
	session_unref(session);
}

/* Notes the current error trace; it is reported once all answers that are due have been sent. */
static void session_fail(struct kafka_session *session)
{
	if (session->failed)
		return;
	session->failed = true;
	session->failure = *error_current();
	kafka_intake_leave(&session->broker->intake, &session->intake);
}

/* ---- in: from bytes to requests ---- */

static size_t inbound_size(const struct kafka_session *session)
{
	return session->inbound.size - session->inbound_at;
}

/* Whole size of the frame at the front, with its length; 0 while the length is not there. */
static size_t inbound_frame_size(const struct kafka_session *session)
{
	if (inbound_size(session) < 4)
		return 0;
	return (size_t)get_be32(session->inbound.data + session->inbound_at) + 4;
}

static bool inbound_frame_complete(const struct kafka_session *session)
{
	size_t size = inbound_frame_size(session);
	return size != 0 && inbound_size(session) >= size;
}

/* Refuses a length before anything is allocated for it. */
static status inbound_check(struct kafka_session *session)
{
	if (inbound_size(session) < 4)
		return STATUS_OK;
	const uint8_t *at = session->inbound.data + session->inbound_at;
	uint32_t size = get_be32(at);
	uint32_t size_min = session->sasl.raw ? 0 : FRAME_SIZE_MIN;
	uint32_t size_max = (uint32_t)session->broker->request_bytes_max;
	if (kafka_sasl_is_needed(&session->sasl) && size_max > KAFKA_SESSION_UNKNOWN_BYTES_MAX)
		size_max = KAFKA_SESSION_UNKNOWN_BYTES_MAX;
	if (size >= size_min && size <= size_max)
		return STATUS_OK;
	status result = error_raise(size < size_min ? STATUS_PROTOCOL : STATUS_TOO_LARGE,
		"Kafka request of %u bytes; %u to %u are possible", size, size_min, size_max);
	if (memcmp(at, "GET ", 4) == 0 || memcmp(at, "POST", 4) == 0 || memcmp(at, "HEAD", 4) == 0)
		error_hint("this is the Kafka port; a client spoke HTTP to it");
	else if (at[0] == 0x16 && at[1] == 0x03)
		error_hint("this port speaks plain Kafka; the client tried TLS");
	return result;
}

/* Takes memory for a large frame at the front, or has it wait in line. One that has its memory and does not
 * come keeps others waiting; it has a minute. */
static void inbound_admit(struct kafka_session *session, int64_t now_ms)
{
	struct kafka_intake *intake = &session->broker->intake;
	size_t size = inbound_frame_size(session);
	if (session->failed || size <= KAFKA_INTAKE_FREE_BYTES)
		return;
	if (session->intake_bytes == 0) {
		if (!kafka_intake_take(intake, &session->intake, size))
			return;
		session->intake_bytes = size;
		session->intake_overdue_ms = now_ms + INTAKE_MS_MAX;
	} else if (now_ms >= session->intake_overdue_ms && !inbound_frame_complete(session)) {
		session->intake_overdue_ms = now_ms + INTAKE_LOOK_MS;
		if (kafka_intake_has_line(intake)) {
			(void)error_raise(STATUS_PROTOCOL,
				"a request of %zu bytes has not arrived in %d s while others wait for its memory", size,
				INTAKE_MS_MAX / 1000);
			session_fail(session);
		}
	}
}

uint8_t *kafka_session_room(struct kafka_session *session, size_t *size)
{
	if (session->inbound_at != 0) {
		buffer_consume(&session->inbound, session->inbound_at);
		session->inbound_at = 0;
	}
	/* Room for the rest of the frame, but at most as much again as has arrived of it: a length alone
	 * allocates nothing. */
	size_t have = session->inbound.size;
	size_t frame = inbound_frame_size(session);
	size_t room = frame > have ? frame - have : 0;
	size_t room_max = have > ROOM_MIN ? have : ROOM_MIN;
	if (room < ROOM_MIN)
		room = ROOM_MIN;
	if (room > room_max)
		room = room_max;
	uint8_t *at = buffer_reserve(&session->inbound, room);
	*size = session->inbound.capacity - session->inbound.size;
	return at;
}

/* Moves the frame at the front out of the inbound buffer: a small one by copying it, a large one by handing
 * over the whole buffer and copying what follows it. Returns the request's bytes after the length. */
static struct slice inbound_take(struct kafka_session *session, struct buffer *frame)
{
	size_t size = inbound_frame_size(session);
	size_t rest = inbound_size(session) - size;
	size_t at = session->inbound_at + 4;
	if (size <= FRAME_COPY_MAX || size < rest) {
		buffer_append(frame, session->inbound.data + at, size - 4);
		session->inbound_at += size;
		if (session->inbound_at == session->inbound.size) {
			session->inbound.size = session->inbound_at = 0;
			if (session->inbound.capacity > INBOUND_KEPT_MAX)
				buffer_deinit(&session->inbound);
		}
		return buffer_slice(frame);
	}
	*frame = session->inbound;
	session->inbound = (struct buffer){0};
	session->inbound_at = 0;
	if (rest != 0)
		buffer_append(&session->inbound, frame->data + at + size - 4, rest);
	return slice_of(frame->data + at, size - 4);
}

/* KIP-511: whoever asks for a version we do not know learns, in version 0, which ones we do. */
static bool request_downgrades(struct kafka_request *request, const struct kafka_api *api, int16_t version)
{
	if (api->key != 18 || version <= api->version_max)
		return false;
	request->layout = (struct kafka_layout){.version = 0};
	request->message = NULL;
	struct kafka_api_versions_response *answer = KAFKA_NEW(&request->arena, api_versions_response, 1);
	answer->error_code = KAFKA_UNSUPPORTED_VERSION;
	request->state = answer;
	return true;
}

/* A token of the SASL exchange that SaslHandshake 0 began: the bytes are all of it. */
static void request_take_token(struct kafka_request *request, struct slice bytes)
{
	struct kafka_sasl_authenticate_request *message =
		KAFKA_NEW(&request->arena, sasl_authenticate_request, 1);
	message->auth_bytes = bytes;
	request->api = kafka_api_find(36);
	request->message = message;
	request->raw = true;
}

static status request_decode(struct kafka_request *request, struct slice bytes)
{
	if (request->session->sasl.raw) {
		request_take_token(request, bytes);
		return STATUS_OK;
	}
	struct cursor cursor = cursor_of(bytes);
	int16_t key = (int16_t)cursor_be16(&cursor);
	int16_t version = (int16_t)cursor_be16(&cursor);
	request->correlation_id = (int32_t)cursor_be32(&cursor);
	const struct kafka_api *api = kafka_api_find(key);
	if (api == NULL)
		return error_raise(STATUS_UNSUPPORTED, "Kafka API %d is not served", key);
	request->api = api;
	if (version >= 0 && request_downgrades(request, api, version))
		return STATUS_OK;
	if (version < api->version_min || version > api->version_max)
		return error_raise(STATUS_UNSUPPORTED, "%s version %d is not served, only %d to %d", api->name,
			version, api->version_min, api->version_max);
	request->layout = (struct kafka_layout){.version = version, .flexible = version >= api->flexible_from};
	/* The client id keeps its old form even in flexible headers. */
	int16_t client_id_size = (int16_t)cursor_be16(&cursor);
	if (client_id_size >= 0)
		request->client_id = cursor_bytes(&cursor, (size_t)client_id_size);
	if (request->layout.flexible)
		kafka_skip_tags(&cursor);
	if (cursor.failed || client_id_size < -1)
		return error_raise(
			STATUS_PROTOCOL, "%s version %d: the request's header is cut off", api->name, version);
	status result = kafka_read(
		&cursor, api->request, request->layout, &request->arena, api->elements_max, &request->message);
	if (result != STATUS_OK)
		return result;
	/* Bytes after the last field are left alone, as Kafka does: some clients send a longer frame. */
	return STATUS_OK;
}

/* S2: may the request at the front of the inbound buffer start now? */
static bool session_may_start(const struct kafka_session *session)
{
	if (session->failed || session->stalled || !inbound_frame_complete(session))
		return false;
	if (session->io.clogged != NULL && session->io.clogged(session->io.context))
		return false;
	if (session->first == NULL)
		return true;
	int16_t next_key = (int16_t)get_be16(session->inbound.data + session->inbound_at + 4);
	return next_key == 0 && session->last->api->key == 0 && session->queued < session->broker->in_flight_max;
}

static void session_start(struct kafka_session *session)
{
	struct kafka_request *request = mem_alloc_zeroed(1, sizeof *request);
	request->session = session;
	request->broker = session->broker;
	request->deadline_ms = INT64_MAX;
	struct slice bytes = inbound_take(session, &request->frame);
	request->intake_bytes = session->intake_bytes;
	session->intake_bytes = 0;
	kafka_intake_leave(&session->broker->intake, &session->intake); /* it came faster than its turn */
	atomic_fetch_add_explicit(&session->broker->requests, 1, memory_order_relaxed);
	status result = request_decode(request, bytes);
	if (result == STATUS_OK) {
		kafka_sasl_refresh(&session->sasl);
		request->open = session->sasl.generation == 0;
		request->user = user_retain(session->sasl.user);
		result = kafka_access_check(request);
	}
	if (result != STATUS_OK) {
		atomic_fetch_add_explicit(&session->broker->requests_refused, 1, memory_order_relaxed);
		session_fail(session);
		request->message = NULL; /* nothing to release */
		request_destroy(request);
		return;
	}
	if (session->last != NULL)
		session->last->next = request;
	else
		session->first = request;
	session->last = request;
	session->queued += 1;
}

/* ---- on: what is queued ---- */

static void request_run(struct kafka_session *session, struct kafka_request *request, int64_t now_ms)
{
	kafka_waits_leave(request);
	enum kafka_progress progress = request->refusal != NULL ? kafka_request_answer(request, request->refusal)
															: request->api->run(request, now_ms);
	if (request == session->last) {
		session->stalled = progress == KAFKA_STALLED;
		session->retry_ms = now_ms + STALL_RETRY_MS;
	} else {
		INVARIANT(progress != KAFKA_STALLED); /* nothing starts behind a stalled request */
	}
	if (progress != KAFKA_ANSWERED)
		return;
	INVARIANT(request->answer != NULL);
	INVARIANT(atomic_load_explicit(&request->outside, memory_order_acquire) == 0);
	request->answered = true;
}

/* Runs every request that nothing outside holds; only the last one can be stalled, and goes on regardless. */
static void session_run(struct kafka_session *session, int64_t now_ms)
{
	for (struct kafka_request *request = session->first; request != NULL; request = request->next) {
		bool held = atomic_load_explicit(&request->outside, memory_order_acquire) != 0;
		bool stalled = session->stalled && request == session->last;
		if (!request->answered && (!held || stalled))
			request_run(session, request, now_ms);
	}
}

/* ---- out: answers in order ---- */

static void request_encode(const struct kafka_request *request, struct buffer *out, struct kafka_loose *loose)
{
	if (request->raw) {
		const struct kafka_sasl_authenticate_response *answer = request->answer;
		buffer_append_be32(out, (uint32_t)answer->auth_bytes.size);
		buffer_append(out, answer->auth_bytes.data, answer->auth_bytes.size);
		return;
	}
	size_t begin = out->size;
	buffer_append_be32(out, 0);
	buffer_append_be32(out, (uint32_t)request->correlation_id);
	/* ApiVersions answers with the old header always: its reader cannot know yet what we speak. */
	if (request->layout.flexible && request->api->key != 18)
		buffer_append_varint(out, 0);
	if (request->hand_over != NULL)
		kafka_write_loose(out, loose, request->api->response, request->layout, request->answer);
	else
		kafka_write(out, request->api->response, request->layout, request->answer);
	size_t size = out->size - begin - 4 + loose->size;
	INVARIANT(size <= INT32_MAX);
	put_be32(out->data + begin, (uint32_t)size);
}

static void session_flush(struct kafka_session *session, struct buffer *out)
{
	if (out->size == 0) {
		buffer_deinit(out);
		return;
	}
	atomic_fetch_add_explicit(&session->broker->bytes_sent, out->size, memory_order_relaxed);
	session->io.send(session->io.context, out);
	*out = (struct buffer){0};
}

static void session_flush_range(struct kafka_session *session, struct file_range *range)
{
	if (range->fd < 0)
		return;
	atomic_fetch_add_explicit(&session->broker->bytes_sent, range->size, memory_order_relaxed);
	session->io.send_range(session->io.context, range);
}

/* Sends what `out` holds with the loose bytes in their places; what stands behind the last of them stays. */
static void loose_send(struct kafka_session *session, struct kafka_request *request,
	struct kafka_loose *loose, struct buffer *out)
{
	size_t from = 0;
	for (size_t i = 0; i < loose->count; i++) {
		struct slice bytes = loose->list[i].bytes;
		struct buffer head = {0};
		struct kafka_body body = {.range = {.fd = -1}};
		buffer_append(&head, out->data + from, loose->list[i].at - from);
		from = loose->list[i].at;
		if (!request->hand_over(request, bytes.data, &body))
			buffer_append(&body.bytes, bytes.data, bytes.size);
		INVARIANT((body.range.fd < 0 ? 0 : body.range.size) + body.bytes.size == bytes.size);
		session_flush(session, &head);
		session_flush_range(session, &body.range);
		session_flush(session, &body.bytes);
	}
	buffer_consume(out, from);
	loose->count = 0;
	loose->size = 0;
}

static bool session_send(struct kafka_session *session)
{
	struct buffer out = {0};
	struct kafka_loose loose = {0};
	bool sent = false;
	while (session->first != NULL && session->first->answered) {
		struct kafka_request *request = session->first;
		if (request->failure != STATUS_OK) {
			(void)error_raise(request->failure, "%s", request->failure_text);
			session_fail(session);
		} else if (!request->silent) {
			request_encode(request, &out, &loose);
			if (loose.count != 0)
				loose_send(session, request, &loose, &out);
		}
		if (request->last && !session->failed) {
			(void)error_raise(STATUS_UNAUTHENTICATED, "%s refused", request->api->name);
			session_fail(session);
		}
		session->first = request->next;
		if (session->first == NULL)
			session->last = NULL;
		session->queued -= 1;
		request_destroy(request);
		sent = true;
		if (out.size >= SEND_TOGETHER)
			session_flush(session, &out);
	}
	session_flush(session, &out);
	mem_free(loose.list);
	return sent;
}

/* When a connection that has not authenticated is closed; INT64_MAX = not at all. */
static int64_t session_unknown_until_ms(struct kafka_session *session)
{
	if (session->begun_ms == INT64_MAX || !kafka_sasl_is_needed(&session->sasl))
		return INT64_MAX;
	return session->begun_ms + KAFKA_SESSION_UNKNOWN_MS_MAX;
}

static status session_advance(struct kafka_session *session, int64_t now_ms)
{
	INVARIANT(!session->resuming);
	session->resuming = true;
	if (!session->failed && session_unknown_until_ms(session) <= now_ms) {
		(void)error_raise(
			STATUS_UNAUTHENTICATED, "not authenticated within %d s", KAFKA_SESSION_UNKNOWN_MS_MAX / 1000);
		session_fail(session);
	}
	session_run(session, now_ms);
	for (;;) {
		bool progress = session_send(session);
		while (session_may_start(session)) {
			session_start(session);
			progress = true;
			if (session->last != NULL && !session->last->answered)
				request_run(session, session->last, now_ms);
			if (!session->failed && inbound_check(session) != STATUS_OK)
				session_fail(session);
		}
		if (!progress)
			break;
	}
	inbound_admit(session, now_ms);
	if (session->intake.link != NULL)
		session->intake_retry_ms = now_ms + INTAKE_RETRY_MS;
	session->resuming = false;
	if (session->failed && session->first == NULL)
		return error_restore(&session->failure);
	return STATUS_OK;
}

status kafka_session_received(struct kafka_session *session, size_t size, int64_t now_ms)
{
	INVARIANT(size <= session->inbound.capacity - session->inbound.size);
	session->inbound.size += size;
	atomic_fetch_add_explicit(&session->broker->bytes_received, size, memory_order_relaxed);
	if (!session->failed && inbound_check(session) != STATUS_OK)
		session_fail(session);
	return session_advance(session, now_ms);
}

status kafka_session_receive(struct kafka_session *session, struct slice bytes, int64_t now_ms)
{
	status result = STATUS_OK;
	do {
		size_t room;
		uint8_t *at = kafka_session_room(session, &room);
		size_t size = bytes.size < room ? bytes.size : room;
		if (size != 0)
			memcpy(at, bytes.data, size);
		bytes.data += size;
		bytes.size -= size;
		result = kafka_session_received(session, size, now_ms);
	} while (result == STATUS_OK && bytes.size != 0);
	return result;
}

status kafka_session_resume(struct kafka_session *session, int64_t now_ms)
{
	return session_advance(session, now_ms);
}

bool kafka_session_wants_bytes(const struct kafka_session *session)
{
	return !session->failed && !inbound_frame_complete(session) && session->intake.link == NULL;
}

int64_t kafka_session_deadline_ms(struct kafka_session *session)
{
	int64_t deadline_ms = session->stalled ? session->retry_ms : INT64_MAX;
	/* Only a request that is alone sets a deadline (S2). One that something outside holds cannot be run, and
	 * says so itself when it can: a deadline that is over would only be a loop. */
	if (session->first != NULL && session->first->deadline_ms < deadline_ms &&
		atomic_load_explicit(&session->first->outside, memory_order_acquire) == 0)
		deadline_ms = session->first->deadline_ms;
	if (session->intake.link != NULL && session->intake_retry_ms < deadline_ms)
		deadline_ms = session->intake_retry_ms;
	if (session->intake_bytes != 0 && !inbound_frame_complete(session) &&
		session->intake_overdue_ms < deadline_ms)
		deadline_ms = session->intake_overdue_ms;
	int64_t unknown_until_ms = session_unknown_until_ms(session);
	return unknown_until_ms < deadline_ms ? unknown_until_ms : deadline_ms;
}
