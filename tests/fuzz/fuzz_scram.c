/* Hostile SCRAM messages: first byte = hash and how the rest is cut into first and last message. No crash, no
 * read out of bounds, and nobody gets in: the verifier's keys are of no password.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "base/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void exchange_run(enum scram_hash hash, struct slice first, struct slice last)
{
	static const uint8_t secret[SCRAM_SECRET_SIZE] = {1};
	struct scram_exchange exchange;
	struct scram_verifier verifier;
	struct buffer out = {0};
	scram_begin(&exchange, hash);
	if (scram_first(&exchange, first) == STATUS_OK) {
		if (strlen(exchange.name) > SCRAM_NAME_SIZE_MAX)
			abort();
		scram_verifier_fake(hash, secret, slice_of_string(exchange.name), &verifier);
		scram_answer(&exchange, &verifier, true, "server", &out);
		out.size = 0;
		if (scram_final(&exchange, last, &out) == STATUS_OK || out.size != 0 ||
			exchange.phase != SCRAM_FAILED)
			abort();
	}
	scram_end(&exchange);
	buffer_deinit(&out);
}

/* What is decoded encodes to the same text. */
static void base64_run(struct slice text)
{
	struct buffer bytes = {0}, again = {0};
	if (base64_decode(text, &bytes) == STATUS_OK) {
		base64_append(&again, buffer_slice(&bytes));
		if (!slice_equal(text, buffer_slice(&again)))
			abort();
	}
	buffer_deinit(&bytes);
	buffer_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct slice rest = slice_of(data + 1, size - 1);
	const uint8_t *cut = memchr(rest.data, '\n', rest.size);
	struct slice first = slice_of(rest.data, cut != NULL ? (size_t)(cut - rest.data) : rest.size);
	struct slice last = cut != NULL ? slice_of(cut + 1, rest.size - first.size - 1) : slice_of(rest.data, 0);
	exchange_run((data[0] & 1) != 0 ? SCRAM_SHA_512 : SCRAM_SHA_256, first, last);
	base64_run(rest);
	return 0;
}
