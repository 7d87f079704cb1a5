/* SCRAM against the RFCs' own exchanges, and against those who cheat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/scram.h"

/* RFC 7677 section 3. */
static const char rfc_client_first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char rfc_server_nonce[] = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
static const char rfc_server_first[] =
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char rfc_client_final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
									   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char rfc_server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static void rfc_verifier(struct scram_verifier *out)
{
	struct buffer salt = {0};
	assert_int_equal(base64_decode(slice_of_string("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt), STATUS_OK);
	scram_verifier_derive(SCRAM_SHA_256, slice_of_string("pencil"), buffer_slice(&salt), 4096, out);
	buffer_deinit(&salt);
}

static void assert_text(const struct buffer *got, const char *expected)
{
	assert_int_equal(got->size, strlen(expected));
	assert_memory_equal(got->data, expected, got->size);
}

/* The same conversation with SHA-512, of which the RFCs have none: made by an independent implementation
 * (Python's hashlib and hmac). */
static void sha_512_exchange_succeeds(void **state)
{
	(void)state;
	static const char last[] =
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
	static const char signature[] =
		"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
	struct scram_verifier verifier;
	struct scram_exchange exchange;
	struct buffer out = {0}, salt = {0};
	assert_int_equal(base64_decode(slice_of_string("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt), STATUS_OK);
	scram_verifier_derive(SCRAM_SHA_512, slice_of_string("pencil"), buffer_slice(&salt), 4096, &verifier);
	buffer_deinit(&salt);
	scram_begin(&exchange, SCRAM_SHA_512);
	assert_int_equal(scram_first(&exchange, slice_of_string(rfc_client_first)), STATUS_OK);
	scram_answer(&exchange, &verifier, true, rfc_server_nonce, &out);
	out.size = 0;
	assert_int_equal(scram_final(&exchange, slice_of_string(last), &out), STATUS_OK);
	assert_text(&out, signature);
	scram_end(&exchange);
	buffer_deinit(&out);
}

static void rfc_7677_exchange_succeeds(void **state)
{
	(void)state;
	struct scram_verifier verifier;
	struct scram_exchange exchange;
	struct buffer out = {0};
	rfc_verifier(&verifier);
	scram_begin(&exchange, SCRAM_SHA_256);
	assert_int_equal(scram_first(&exchange, slice_of_string(rfc_client_first)), STATUS_OK);
	assert_string_equal(exchange.name, "user");
	scram_answer(&exchange, &verifier, true, rfc_server_nonce, &out);
	assert_text(&out, rfc_server_first);
	out.size = 0;
	assert_int_equal(scram_final(&exchange, slice_of_string(rfc_client_final), &out), STATUS_OK);
	assert_text(&out, rfc_server_final);
	assert_int_equal(exchange.phase, SCRAM_DONE);
	scram_end(&exchange);
	buffer_deinit(&out);
}

/* An exchange up to the challenge, then this last message. */
static status finish(const char *first, const char *last, bool known)
{
	struct scram_verifier verifier;
	struct scram_exchange exchange;
	struct buffer out = {0};
	rfc_verifier(&verifier);
	scram_begin(&exchange, SCRAM_SHA_256);
	assert_int_equal(scram_first(&exchange, slice_of_string(first)), STATUS_OK);
	scram_answer(&exchange, &verifier, known, rfc_server_nonce, &out);
	out.size = 0;
	status code = scram_final(&exchange, slice_of_string(last), &out);
	assert_int_equal(exchange.phase, code == STATUS_OK ? SCRAM_DONE : SCRAM_FAILED);
	if (code != STATUS_OK)
		assert_int_equal(out.size, 0);
	scram_end(&exchange);
	buffer_deinit(&out);
	return code;
}

static void the_right_proof_of_an_unknown_user_is_refused(void **state)
{
	(void)state;
	assert_int_equal(finish(rfc_client_first, rfc_client_final, true), STATUS_OK);
	assert_int_equal(finish(rfc_client_first, rfc_client_final, false), STATUS_UNAUTHENTICATED);
}

static void a_wrong_proof_is_refused(void **state)
{
	(void)state;
	char last[sizeof rfc_client_final];
	memcpy(last, rfc_client_final, sizeof last);
	last[strlen(last) - 10] ^= 1;
	assert_int_equal(finish(rfc_client_first, last, true), STATUS_UNAUTHENTICATED);
}

static void a_nonce_that_is_not_ours_is_refused(void **state)
{
	(void)state;
	static const char *const cheats[] = {
		"c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"c=biws,r=,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1,"
		"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	};
	for (size_t i = 0; i < sizeof cheats / sizeof cheats[0]; i++) {
		assert_int_equal(finish(rfc_client_first, cheats[i], true), STATUS_PROTOCOL);
		assert_non_null(strstr(error_current()->text, "nonce"));
	}
}

static void another_header_than_the_first_is_refused(void **state)
{
	(void)state;
	/* "y,," was said first, "n,," is repeated. */
	assert_int_equal(finish("y,,n=user,r=rOprNGfwEbeRWgbNEkqO", rfc_client_final, true), STATUS_PROTOCOL);
	assert_non_null(strstr(error_current()->text, "header"));
}

static void malformed_messages_are_refused(void **state)
{
	(void)state;
	static const char *const firsts[] = {"", "n", "n,", "n,,", "n,,n=user", "n,,r=x",
		"n,,n=user,r=", "x,,n=u,r=1", "n,,n=us=er,r=1", "n,,n=us=2,r=1", "n,,m=1,n=user,r=1",
		"p=tls-unique,,n=user,r=1", "n,a=other,n=user,r=1", "n,,n=user,r=a\x01"};
	for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
		struct scram_exchange exchange;
		scram_begin(&exchange, SCRAM_SHA_256);
		status code = scram_first(&exchange, slice_of_string(firsts[i]));
		assert_true(code == STATUS_PROTOCOL || code == STATUS_UNSUPPORTED);
		assert_int_equal(exchange.phase, SCRAM_FAILED);
		scram_end(&exchange);
	}
	static const char *const lasts[] = {"", "p=", "c=biws,p=AAAA", "c=biws,r=x", "c=biws",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=!!!!"};
	for (size_t i = 0; i < sizeof lasts / sizeof lasts[0]; i++)
		assert_int_equal(finish(rfc_client_first, lasts[i], true), STATUS_PROTOCOL);
}

static void names_are_unescaped(void **state)
{
	(void)state;
	struct scram_exchange exchange;
	scram_begin(&exchange, SCRAM_SHA_512);
	assert_int_equal(
		scram_first(&exchange, slice_of_string("n,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=x,tokenauth=true")), STATUS_OK);
	assert_string_equal(exchange.name, "a,b=c");
	scram_end(&exchange);
}

static void verifiers_accept_their_password_only(void **state)
{
	(void)state;
	for (enum scram_hash hash = 0; hash < SCRAM_HASHES; hash++) {
		struct scram_verifier verifier, other;
		scram_verifier_create(hash, slice_of_string("pencil"), &verifier);
		assert_true(verifier.iterations >= 15000);
		assert_true(scram_verifier_accepts(hash, &verifier, slice_of_string("pencil")));
		assert_false(scram_verifier_accepts(hash, &verifier, slice_of_string("pencils")));
		assert_false(scram_verifier_accepts(hash, &verifier, slice_of_string("")));
		scram_verifier_create(hash, slice_of_string("pencil"), &other);
		assert_memory_not_equal(verifier.salt, other.salt, SCRAM_SALT_SIZE);
	}
}

static void fake_salts_stay_the_same_for_a_name(void **state)
{
	(void)state;
	uint8_t secret[SCRAM_SECRET_SIZE] = {7};
	struct scram_verifier first, second, other;
	scram_verifier_fake(SCRAM_SHA_256, secret, slice_of_string("nobody"), &first);
	scram_verifier_fake(SCRAM_SHA_256, secret, slice_of_string("nobody"), &second);
	scram_verifier_fake(SCRAM_SHA_256, secret, slice_of_string("no one"), &other);
	assert_memory_equal(first.salt, second.salt, SCRAM_SALT_SIZE);
	assert_memory_not_equal(first.salt, other.salt, SCRAM_SALT_SIZE);
	assert_int_equal(first.iterations, SCRAM_ITERATIONS);
	assert_false(scram_verifier_accepts(SCRAM_SHA_256, &first, slice_of_string("")));
}

static void base64_is_strict(void **state)
{
	(void)state;
	static const struct {
		const char *text, *bytes;
	} good[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct buffer out = {0}, text = {0};
		assert_int_equal(base64_decode(slice_of_string(good[i].text), &out), STATUS_OK);
		assert_text(&out, good[i].bytes);
		base64_append(&text, buffer_slice(&out));
		assert_text(&text, good[i].text);
		buffer_deinit(&out);
		buffer_deinit(&text);
	}
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "=m9v", "Z===", "Zm9-"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buffer out = {0};
		assert_int_equal(base64_decode(slice_of_string(bad[i]), &out), STATUS_PROTOCOL);
		assert_int_equal(out.size, 0);
		buffer_deinit(&out);
	}
}

static void passwords_are_printable_ascii(void **state)
{
	(void)state;
	assert_int_equal(scram_password_check(slice_of_string("a b~!")), STATUS_OK);
	assert_int_equal(scram_password_check(slice_of_string("")), STATUS_INVALID);
	assert_int_equal(scram_password_check(slice_of_string("sch\xc3\xb6n")), STATUS_INVALID);
	assert_null(strstr(error_current()->text, "sch"));
	assert_int_equal(scram_password_check(slice_of_string("a\tb")), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_7677_exchange_succeeds),
		cmocka_unit_test(sha_512_exchange_succeeds),
		cmocka_unit_test(the_right_proof_of_an_unknown_user_is_refused),
		cmocka_unit_test(a_wrong_proof_is_refused),
		cmocka_unit_test(a_nonce_that_is_not_ours_is_refused),
		cmocka_unit_test(another_header_than_the_first_is_refused),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(names_are_unescaped),
		cmocka_unit_test(verifiers_accept_their_password_only),
		cmocka_unit_test(fake_salts_stay_the_same_for_a_name),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(passwords_are_printable_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
