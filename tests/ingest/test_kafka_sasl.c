/* Authentication on a Kafka session: what is refused before it, and for how long one may go without. Real
 * clients log in in tests/e2e/test_security.py.
 */
#include "support_kafka.h"

#include "base/user.h"
#include "ingest/kafka_error.h"

struct people {
	struct user *ann; /* reads "t" */
	uint64_t generation;
};

static uint64_t people_generation(void *context)
{
	return ((struct people *)context)->generation;
}

static struct user *people_find(void *context, const char *name)
{
	struct people *people = context;
	return people->ann != NULL && strcmp(name, "ann") == 0 ? user_retain(people->ann) : NULL;
}

static void people_secret(void *context, uint8_t secret[SCRAM_SECRET_SIZE])
{
	(void)context;
	memset(secret, 7, SCRAM_SECRET_SIZE);
}

static struct people people;

static struct kafka_fixture *with_people(void **state)
{
	struct kafka_fixture *fixture = *state;
	people.generation = 1;
	assert_int_equal(user_create("ann", &people.ann), STATUS_OK);
	assert_int_equal(user_grant(people.ann, "read:t"), STATUS_OK);
	assert_int_equal(user_password_set(people.ann, slice_of_string("secret")), STATUS_OK);
	fixture->broker->security = (struct kafka_security){
		.context = &people, .generation = people_generation, .find = people_find, .secret = people_secret};
	kafka_session_begin(fixture->session, fixture->now_ms);
	return fixture;
}

static void people_leave(void)
{
	user_release(people.ann);
	people = (struct people){0};
}

static int16_t handshake(struct kafka_fixture *fixture, const char *mechanism)
{
	struct kafka_sasl_handshake_request *request = MAKE(fixture, sasl_handshake_request);
	request->mechanism = slice_of_string(mechanism);
	return ((struct kafka_sasl_handshake_response *)ask(fixture, 17, 1, request))->error_code;
}

static int16_t authenticate(struct kafka_fixture *fixture, struct slice token)
{
	struct kafka_sasl_authenticate_request *request = MAKE(fixture, sasl_authenticate_request);
	request->auth_bytes = token;
	return ((struct kafka_sasl_authenticate_response *)ask(fixture, 36, 2, request))->error_code;
}

static void login(struct kafka_fixture *fixture)
{
	static const char token[] = "\0ann\0secret";
	kafka_session_secured(fixture->session, NULL);
	assert_int_equal(handshake(fixture, "PLAIN"), KAFKA_NONE);
	assert_int_equal(authenticate(fixture, slice_of(token, sizeof token - 1)), KAFKA_NONE);
}

static void who_does_not_authenticate_in_time_is_closed(void **state)
{
	struct kafka_fixture *fixture = with_people(state);
	int64_t until_ms = fixture->now_ms + KAFKA_SESSION_UNKNOWN_MS_MAX;
	assert_int_equal(kafka_session_deadline_ms(fixture->session), until_ms);
	(void)ask(fixture, 18, 3, MAKE(fixture, api_versions_request));
	assert_int_equal(kafka_session_resume(fixture->session, until_ms - 1), STATUS_OK);
	assert_int_equal(kafka_session_resume(fixture->session, until_ms), STATUS_UNAUTHENTICATED);
	people_leave();
}

static void who_has_authenticated_may_stay(void **state)
{
	struct kafka_fixture *fixture = with_people(state);
	login(fixture);
	assert_int_equal(kafka_session_deadline_ms(fixture->session), INT64_MAX);
	assert_int_equal(kafka_session_resume(fixture->session, fixture->now_ms + 1000000), STATUS_OK);
	people_leave();
}

static void plain_is_not_offered_in_the_clear(void **state)
{
	struct kafka_fixture *fixture = with_people(state);
	struct kafka_sasl_handshake_request *request = MAKE(fixture, sasl_handshake_request);
	request->mechanism = slice_of_string("PLAIN");
	struct buffer bytes = {0};
	request_append(fixture, 17, 1, request, &bytes);
	assert_int_equal(kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms),
		STATUS_UNAUTHENTICATED);
	buffer_deinit(&bytes);
	struct kafka_sasl_handshake_response *answer = answer_take(fixture, 17, 1, NULL);
	assert_int_equal(answer->error_code, KAFKA_UNSUPPORTED_SASL_MECHANISM);
	assert_int_equal(answer->mechanisms_count, 2);
	people_leave();
}

static void every_api_needs_a_user_but_three(void **state)
{
	struct kafka_fixture *fixture = with_people(state);
	for (size_t i = 0; i < kafka_api_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		if (api->key == 17 || api->key == 18 || api->key == 36)
			continue;
		fixture_session_renew(fixture);
		struct buffer bytes = {0};
		request_append(
			fixture, api->key, api->version_max, kafka_struct_new(&fixture->arena, api->request, 1), &bytes);
		assert_int_equal(kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms),
			STATUS_UNAUTHENTICATED);
		buffer_deinit(&bytes);
	}
	people_leave();
}

static void a_dropped_user_is_out(void **state)
{
	struct kafka_fixture *fixture = with_people(state);
	login(fixture);
	(void)ask(fixture, 3, 9, MAKE(fixture, metadata_request));
	user_release(people.ann);
	people.ann = NULL;
	people.generation++;
	struct buffer bytes = {0};
	request_append(fixture, 3, 9, MAKE(fixture, metadata_request), &bytes);
	assert_int_equal(kafka_session_receive(fixture->session, buffer_slice(&bytes), fixture->now_ms),
		STATUS_UNAUTHENTICATED);
	buffer_deinit(&bytes);
	people_leave();
}

static void a_reader_is_refused_what_writers_and_admins_do(void **state)
{
	struct kafka_fixture *fixture = with_people(state);
	topic_make(fixture, "t", 1);
	topic_make(fixture, "u", 1);
	login(fixture);
	struct kafka_metadata_request *all = MAKE(fixture, metadata_request);
	all->topics_count = -1;
	struct kafka_metadata_response *topics = ask(fixture, 3, 9, all);
	assert_int_equal(topics->topics_count, 1);
	assert_true(slice_equal(topics->topics[0].name, slice_of_string("t")));
	/* Who may not read a topic is not told how long it is either. */
	struct kafka_fetch_response *fetched = ask(fixture, 1, 12, fetch_make(fixture, "u", 0, 0, 1, 500));
	assert_int_equal(fetched->topics->partitions->error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(fetched->topics->partitions->high_watermark, -1);
	assert_int_equal(fetched->topics->partitions->last_stable_offset, -1);
	assert_int_equal(fetched->topics->partitions->log_start_offset, -1);
	struct kafka_init_producer_id_response *id = ask(fixture, 22, 4, MAKE(fixture, init_producer_id_request));
	assert_int_equal(id->error_code, KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	people_leave();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_does_not_authenticate_in_time_is_closed),
		TEST(who_has_authenticated_may_stay),
		TEST(plain_is_not_offered_in_the_clear),
		TEST(every_api_needs_a_user_but_three),
		TEST(a_dropped_user_is_out),
		TEST(a_reader_is_refused_what_writers_and_admins_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
