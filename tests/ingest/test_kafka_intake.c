/* Memory for large requests: who gets it, in which order, and what becomes of those who keep it. */
#include "support_kafka.h"

enum { FRAME_BYTES = 2 * 1024 * 1024, INTAKE_BYTES = 5 * 1024 * 1024, SESSIONS = 4 };

/* ---- the line ---- */

static int turns;

static void turn_count(struct kafka_intake_place *place)
{
	(void)place;
	turns++;
}

static void the_line_is_served_in_its_order(void **state)
{
	(void)state;
	struct kafka_intake intake;
	struct kafka_intake_place places[4];
	kafka_intake_init(&intake, 100);
	for (size_t i = 0; i < 4; i++)
		places[i] = (struct kafka_intake_place){.turn = turn_count};
	turns = 0;
	assert_true(kafka_intake_take(&intake, &places[0], 60));
	assert_false(kafka_intake_take(&intake, &places[1], 60));
	/* Small enough, but not its turn. */
	assert_false(kafka_intake_take(&intake, &places[2], 10));
	assert_false(kafka_intake_take(&intake, &places[3], 10));
	assert_true(kafka_intake_has_line(&intake));
	assert_false(kafka_intake_take(&intake, &places[1], 60));
	kafka_intake_give(&intake, 60);
	assert_false(kafka_intake_take(&intake, &places[2], 10));
	assert_int_equal(turns, 0);
	assert_true(kafka_intake_take(&intake, &places[1], 60));
	assert_int_equal(turns, 1);
	kafka_intake_leave(&intake, &places[2]);
	assert_int_equal(turns, 2);
	assert_true(kafka_intake_take(&intake, &places[3], 10));
	assert_false(kafka_intake_has_line(&intake));
	kafka_intake_leave(&intake, &places[3]); /* nothing */
	assert_int_equal(intake.bytes, 70);
}

/* ---- sessions ---- */

struct peer {
	struct kafka_session *session;
	int answers, wakes;
};

static void peer_send(void *context, struct buffer *bytes)
{
	((struct peer *)context)->answers++;
	buffer_deinit(bytes);
}

static void peer_wake(void *context)
{
	((struct peer *)context)->wakes++;
}

static struct kafka_session *peer_open(struct kafka_fixture *fixture, struct peer *peer)
{
	struct kafka_session_io io = {.context = peer, .send = peer_send, .wake = peer_wake};
	*peer = (struct peer){.session = kafka_session_create(fixture->broker, &io)};
	return peer->session;
}

/* A request of FRAME_BYTES and a few, mostly a tail that is left alone. */
static struct buffer frame_make(struct kafka_fixture *fixture)
{
	struct buffer frame = {0};
	request_append(fixture, 18, 0, KAFKA_NEW(&fixture->arena, api_versions_request, 1), &frame);
	while (frame.size < FRAME_BYTES)
		buffer_append_be64(&frame, 0);
	put_be32(frame.data, (uint32_t)frame.size - 4);
	return frame;
}

static int intake_set_up(void **state)
{
	int failed = kafka_set_up(state);
	struct kafka_fixture *fixture = *state;
	kafka_intake_init(&fixture->broker->intake, INTAKE_BYTES);
	return failed;
}

static void large_requests_wait_until_others_are_answered(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct peer peers[SESSIONS];
	struct buffer frame = frame_make(fixture);
	struct slice begin = slice_of(frame.data, 1000), rest = slice_of(frame.data + 1000, frame.size - 1000);
	for (size_t i = 0; i < SESSIONS; i++)
		assert_int_equal(kafka_session_receive(peer_open(fixture, &peers[i]), begin, 0), STATUS_OK);
	/* Two of two MiB fit into five; the line is as long as it takes, and says when to ask again. */
	for (size_t i = 0; i < SESSIONS; i++)
		assert_int_equal(kafka_session_wants_bytes(peers[i].session), i < 2);
	assert_true(kafka_session_deadline_ms(peers[2].session) <= 10);
	assert_int_equal(fixture->broker->intake.bytes, 2 * frame.size);
	/* A small one needs none. */
	struct kafka_api_versions_request *small = KAFKA_NEW(&fixture->arena, api_versions_request, 1);
	(void)ask(fixture, 18, 0, small);
	/* One is answered, the first in line gets its memory; the last still waits. */
	assert_int_equal(kafka_session_receive(peers[0].session, rest, 1), STATUS_OK);
	assert_int_equal(peers[0].answers, 1);
	assert_int_equal(kafka_session_resume(peers[3].session, 1), STATUS_OK);
	assert_false(kafka_session_wants_bytes(peers[3].session));
	assert_int_equal(kafka_session_resume(peers[2].session, 1), STATUS_OK);
	assert_true(kafka_session_wants_bytes(peers[2].session));
	assert_int_equal(peers[3].wakes, 1);
	/* One that goes gives back, too. */
	kafka_session_destroy(peers[1].session);
	assert_int_equal(kafka_session_resume(peers[3].session, 2), STATUS_OK);
	assert_true(kafka_session_wants_bytes(peers[3].session));
	for (size_t i = 2; i < SESSIONS; i++) {
		assert_int_equal(kafka_session_receive(peers[i].session, rest, 2), STATUS_OK);
		assert_int_equal(peers[i].answers, 1);
	}
	assert_int_equal(fixture->broker->intake.bytes, 0);
	kafka_session_destroy(peers[0].session);
	kafka_session_destroy(peers[2].session);
	kafka_session_destroy(peers[3].session);
	buffer_deinit(&frame);
}

static void who_keeps_others_waiting_has_a_minute(void **state)
{
	struct kafka_fixture *fixture = *state;
	struct peer peers[3];
	struct buffer frame = frame_make(fixture);
	struct slice begin = slice_of(frame.data, 1000), more = slice_of(frame.data + 1000, 1000);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(kafka_session_receive(peer_open(fixture, &peers[i]), begin, 0), STATUS_OK);
	/* As long as nobody waits there is no hurry. */
	assert_int_equal(kafka_session_deadline_ms(peers[0].session), 60000);
	assert_int_equal(kafka_session_receive(peers[0].session, more, 60000), STATUS_OK);
	assert_int_equal(kafka_session_deadline_ms(peers[0].session), 61000);
	assert_int_equal(kafka_session_receive(peer_open(fixture, &peers[2]), begin, 60500), STATUS_OK);
	assert_false(kafka_session_wants_bytes(peers[2].session));
	assert_int_equal(kafka_session_resume(peers[0].session, 61000), STATUS_PROTOCOL);
	assert_non_null(strstr(error_current()->text, "while others wait"));
	kafka_session_destroy(peers[0].session);
	assert_int_equal(kafka_session_resume(peers[2].session, 61010), STATUS_OK);
	assert_true(kafka_session_wants_bytes(peers[2].session));
	kafka_session_destroy(peers[1].session);
	kafka_session_destroy(peers[2].session);
	assert_int_equal(fixture->broker->intake.bytes, 0);
	buffer_deinit(&frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, intake_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_served_in_its_order),
		TEST(large_requests_wait_until_others_are_answered),
		TEST(who_keeps_others_waiting_has_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
