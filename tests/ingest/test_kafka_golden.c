/* tests/golden: what real clients sent, and what we answered (tests/peers/record_golden.py makes the files).
 *
 * Every recorded frame is read by our description of it and written back: the same bytes must come out. Then
 * the requests of a client are sent again, in their order, to a fresh broker, without the client. Ids, times
 * and offsets differ from one run to another, and a group's state does not come about by the first request of
 * each kind; so answers are compared in shape: what is null, what error where nothing but the request decides
 * it, and the shape of the first elements where both runs have any.
 */
#include "support_hex.h"
#include "support_kafka.h"

#include <dirent.h>
#include <string.h>

enum { LINE_SIZE_MAX = 16 * 1024, PAIRS_MAX = 200 };

struct frame_pair {
	int16_t key, version;
	struct slice request, answer;
};

struct conversation {
	char name[64];
	struct arena arena;
	struct frame_pair pairs[PAIRS_MAX];
	size_t count;
};

/* ---- reading the files ---- */

static void conversation_read(struct conversation *conversation, const char *name)
{
	static char line[LINE_SIZE_MAX], request[LINE_SIZE_MAX], answer[LINE_SIZE_MAX];
	char path[512];
	memset(conversation, 0, sizeof *conversation);
	(void)snprintf(conversation->name, sizeof conversation->name, "%s", name);
	(void)snprintf(path, sizeof path, "%s/../golden/%s", KAPPA_TEST_DIR, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		struct frame_pair *pair = &conversation->pairs[conversation->count];
		assert_true(conversation->count < PAIRS_MAX);
		assert_int_equal(sscanf(line, "%hd %hd %s %s", &pair->key, &pair->version, request, answer), 4);
		pair->request = hex_read(&conversation->arena, request);
		pair->answer = hex_read(&conversation->arena, answer);
		conversation->count++;
	}
	(void)fclose(file);
	assert_true(conversation->count > 0);
}

/* Calls visit for each file; fails when there are none. */
static void each_conversation(void (*visit)(struct kafka_fixture *, struct conversation *), void **state)
{
	static struct conversation conversation;
	struct dirent **entries;
	size_t visited = 0;
	int count = scandir(KAPPA_TEST_DIR "/../golden", &entries, NULL, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(entries[i]->d_name, '.');
		if (dot != NULL && strcmp(dot, ".txt") == 0) {
			conversation_read(&conversation, entries[i]->d_name);
			visit(*state, &conversation);
			arena_deinit(&conversation.arena);
			visited++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_true(visited > 0);
}

static struct kafka_layout layout_of(const struct frame_pair *pair, bool request)
{
	const struct kafka_api *api = kafka_api_find(pair->key);
	assert_non_null(api);
	/* A version of ApiVersions that we do not know is answered in version 0. */
	bool unknown = pair->version > api->version_max;
	assert_true(!unknown || pair->key == 18);
	int16_t version = unknown && !request ? 0 : pair->version;
	return (struct kafka_layout){version, version >= api->flexible_from};
}

/* The body's first byte, behind the header of a request or an answer. */
static size_t header_size(const struct frame_pair *pair, bool request)
{
	struct cursor cursor = cursor_of(request ? pair->request : pair->answer);
	bool flexible = layout_of(pair, request).flexible;
	size_t size = (request ? pair->request : pair->answer).size;
	if (!request) {
		(void)cursor_be32(&cursor);
		if (flexible && pair->key != 18)
			kafka_skip_tags(&cursor);
		return size - cursor_left(&cursor);
	}
	(void)cursor_be32(&cursor);
	(void)cursor_be32(&cursor);
	int16_t client_id_size = (int16_t)cursor_be16(&cursor);
	if (client_id_size > 0)
		(void)cursor_bytes(&cursor, (size_t)client_id_size);
	if (flexible)
		kafka_skip_tags(&cursor);
	return size - cursor_left(&cursor);
}

static void *body_read(struct arena *arena, const struct frame_pair *pair, bool request)
{
	const struct kafka_api *api = kafka_api_find(pair->key);
	struct slice bytes = request ? pair->request : pair->answer;
	size_t header = header_size(pair, request);
	struct cursor cursor = cursor_of(slice_of(bytes.data + header, bytes.size - header));
	void *message = NULL;
	status result = kafka_read(&cursor, request ? api->request : api->response, layout_of(pair, request),
		arena, INT32_MAX, &message);
	if (result != STATUS_OK || cursor_left(&cursor) != 0)
		fail_msg("%s %d, %s: status %d, %zu bytes left: %s", api->name, pair->version,
			request ? "request" : "answer", (int)result, cursor_left(&cursor), error_current()->text);
	return message;
}

/* ---- the same bytes again ---- */

static void frame_round_trip(
	const struct conversation *conversation, const struct frame_pair *pair, bool request)
{
	struct arena arena = {0};
	struct buffer written = {0};
	const struct kafka_api *api = kafka_api_find(pair->key);
	struct slice bytes = request ? pair->request : pair->answer;
	size_t header = header_size(pair, request);
	void *message = body_read(&arena, pair, request);
	kafka_write(&written, request ? api->request : api->response, layout_of(pair, request), message);
	if (!slice_equal(buffer_slice(&written), slice_of(bytes.data + header, bytes.size - header)))
		fail_msg("%s: %s %d, %s: %zu bytes came out of %zu, or other ones", conversation->name, api->name,
			pair->version, request ? "request" : "answer", written.size, bytes.size - header);
	buffer_deinit(&written);
	arena_deinit(&arena);
}

static void conversation_round_trip(struct kafka_fixture *fixture, struct conversation *conversation)
{
	(void)fixture;
	for (size_t i = 0; i < conversation->count; i++) {
		frame_round_trip(conversation, &conversation->pairs[i], true);
		frame_round_trip(conversation, &conversation->pairs[i], false);
	}
}

static void recorded_frames_are_read_and_written_back_byte_by_byte(void **state)
{
	each_conversation(conversation_round_trip, state);
}

/* ---- none is missing ---- */

enum { API_KEYS_MAX = 128 };

static bool recorded_apis[API_KEYS_MAX];

static void conversation_note_apis(struct kafka_fixture *fixture, struct conversation *conversation)
{
	(void)fixture;
	for (size_t i = 0; i < conversation->count; i++) {
		const struct frame_pair *pair = &conversation->pairs[i];
		const struct kafka_api *api = kafka_api_find(pair->key);
		assert_non_null(api);
		/* A client asks with its newest ApiVersions first, and with ours when told. */
		bool is_newer_api_versions = pair->key == 18 && pair->version > api->version_max;
		if (pair->version < api->version_min || (pair->version > api->version_max && !is_newer_api_versions))
			fail_msg("%s: %s %d is not advertised", conversation->name, api->name, pair->version);
		assert_true(pair->key < API_KEYS_MAX && pair->request.size > 0 && pair->answer.size > 0);
		recorded_apis[pair->key] = true;
	}
}

static void every_api_has_recorded_frames_within_its_advertised_versions(void **state)
{
	memset(recorded_apis, 0, sizeof recorded_apis);
	each_conversation(conversation_note_apis, state);
	for (size_t i = 0; i < kafka_api_count; i++) {
		if (!recorded_apis[kafka_apis[i].key])
			fail_msg("no client of tests/golden uses %s", kafka_apis[i].name);
	}
}

/* ---- the same answers again ---- */

/* Nothing but the request, and topics made by requests before, decides the error. (Not so of SaslHandshake:
 * the scenes that log in were recorded where there are users.) */
static bool is_decided_by_request(int16_t key)
{
	static const int16_t keys[] = {3, 10, 18, 19, 20, 22, 23, 29, 32, 33, 37, 43, 44, 46, 60};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (keys[i] == key)
			return true;
	}
	return false;
}

struct comparison {
	const struct conversation *conversation;
	const struct frame_pair *pair;
};

static void shapes_compare(const struct comparison *comparison, const struct kafka_schema *schema,
	const uint8_t *recorded, const uint8_t *got);

static void array_compare(const struct comparison *comparison, const struct kafka_field *field,
	const uint8_t *recorded, const uint8_t *got)
{
	int32_t counts[2];
	const uint8_t *elements[2];
	memcpy(&counts[0], recorded + field->count_offset, sizeof counts[0]);
	memcpy(&counts[1], got + field->count_offset, sizeof counts[1]);
	memcpy(&elements[0], recorded + field->offset, sizeof elements[0]);
	memcpy(&elements[1], got + field->offset, sizeof elements[1]);
	if ((counts[0] < 0) != (counts[1] < 0))
		fail_msg("%s: API %d version %d: %s was %s, is %s", comparison->conversation->name,
			comparison->pair->key, comparison->pair->version, field->name,
			counts[0] < 0 ? "null" : "not null", counts[1] < 0 ? "null" : "not null");
	if (counts[0] > 0 && counts[1] > 0)
		shapes_compare(comparison, field->element, elements[0], elements[1]);
}

static void shapes_compare(const struct comparison *comparison, const struct kafka_schema *schema,
	const uint8_t *recorded, const uint8_t *got)
{
	int16_t version = layout_of(comparison->pair, false).version;
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		if (version < field->from || version > field->to)
			continue;
		if (field->type == KAFKA_ARRAY) {
			array_compare(comparison, field, recorded, got);
		} else if (strcmp(field->name, "error_code") == 0 && is_decided_by_request(comparison->pair->key)) {
			int16_t errors[2];
			memcpy(&errors[0], recorded + field->offset, sizeof errors[0]);
			memcpy(&errors[1], got + field->offset, sizeof errors[1]);
			if (errors[0] != errors[1])
				fail_msg("%s: API %d version %d: the error was %d, is %d", comparison->conversation->name,
					comparison->pair->key, comparison->pair->version, errors[0], errors[1]);
		}
	}
}

static void pair_replay(
	struct kafka_fixture *fixture, const struct conversation *conversation, const struct frame_pair *pair)
{
	struct buffer frame = {0};
	struct arena arena = {0};
	buffer_append_be32(&frame, (uint32_t)pair->request.size);
	buffer_append(&frame, pair->request.data, pair->request.size);
	assert_int_equal(
		kafka_session_receive(fixture->session, buffer_slice(&frame), fixture->now_ms), STATUS_OK);
	/* Fetches and joins wait for more: time passes quickly. */
	for (int i = 0; i < 5000 && !answer_is_there(fixture); i++) {
		fixture->now_ms += 10;
		if (turn(fixture) != STATUS_OK)
			fail_msg(
				"%s: API %d version %d ends the connection", conversation->name, pair->key, pair->version);
	}
	const void *got = answer_take(fixture, pair->key, layout_of(pair, false).version, NULL);
	const struct comparison comparison = {conversation, pair};
	shapes_compare(&comparison, kafka_api_find(pair->key)->response, body_read(&arena, pair, false), got);
	arena_deinit(&arena);
	buffer_deinit(&frame);
}

static void conversation_replay(struct kafka_fixture *fixture, struct conversation *conversation)
{
	fixture_session_renew(fixture);
	for (size_t i = 0; i < conversation->count; i++)
		pair_replay(fixture, conversation, &conversation->pairs[i]);
}

static void recorded_requests_are_answered_in_the_recorded_shape(void **state)
{
	each_conversation(conversation_replay, state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_api_has_recorded_frames_within_its_advertised_versions, kafka_set_up, kafka_tear_down),
		cmocka_unit_test_setup_teardown(
			recorded_frames_are_read_and_written_back_byte_by_byte, kafka_set_up, kafka_tear_down),
		cmocka_unit_test_setup_teardown(
			recorded_requests_are_answered_in_the_recorded_shape, kafka_set_up, kafka_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
