/* See scram.h. The keys, as RFC 5802 names them:
 *
 *   SaltedPassword = PBKDF2(password, salt, i)      ClientKey = HMAC(SaltedPassword, "Client Key")
 *   StoredKey      = H(ClientKey)                   ServerKey = HMAC(SaltedPassword, "Server Key")
 *   AuthMessage    = client-first-bare "," server-first "," client-final-without-proof
 *   proof = ClientKey XOR HMAC(StoredKey, AuthMessage): we get ClientKey back, and hash it to compare
 */
#include "base/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/invariant.h"

enum { NONCE_BYTES = 18 };

/* ---- primitives ---- */

static const EVP_MD *digest_of(enum scram_hash hash)
{
	return hash == SCRAM_SHA_512 ? EVP_sha512() : EVP_sha256();
}

size_t scram_key_size(enum scram_hash hash)
{
	return hash == SCRAM_SHA_512 ? 64 : 32;
}

const char *scram_mechanism_name(enum scram_hash hash)
{
	return hash == SCRAM_SHA_512 ? "SCRAM-SHA-512" : "SCRAM-SHA-256";
}

bool scram_mechanism_find(struct slice name, enum scram_hash *out)
{
	for (enum scram_hash hash = 0; hash < SCRAM_HASHES; hash++) {
		if (slice_equal(name, slice_of_string(scram_mechanism_name(hash)))) {
			*out = hash;
			return true;
		}
	}
	return false;
}

void scram_random(uint8_t *bytes, size_t size)
{
	INVARIANT(RAND_bytes(bytes, (int)size) == 1);
}

bool scram_equal(struct slice left, struct slice right)
{
	return left.size == right.size && CRYPTO_memcmp(left.data, right.data, left.size) == 0;
}

void scram_wipe(void *memory, size_t size)
{
	OPENSSL_cleanse(memory, size);
}

static void mac(enum scram_hash hash, struct slice key, struct slice data, uint8_t out[SCRAM_KEY_SIZE_MAX])
{
	unsigned size = 0;
	INVARIANT(HMAC(digest_of(hash), key.data, (int)key.size, data.data, data.size, out, &size) != NULL);
	INVARIANT(size == scram_key_size(hash));
}

static void digest(enum scram_hash hash, const uint8_t *key, uint8_t out[SCRAM_KEY_SIZE_MAX])
{
	INVARIANT(EVP_Digest(key, scram_key_size(hash), out, NULL, digest_of(hash), NULL) == 1);
}

/* ---- verifiers ---- */

status scram_password_check(struct slice password)
{
	if (password.size == 0)
		return error_raise(STATUS_INVALID, "the password is empty");
	if (password.size > SCRAM_PASSWORD_SIZE_MAX)
		return error_raise(
			STATUS_INVALID, "the password is longer than %d characters", SCRAM_PASSWORD_SIZE_MAX);
	for (size_t i = 0; i < password.size; i++) {
		if (password.data[i] < ' ' || password.data[i] > '~') {
			status code =
				error_raise(STATUS_INVALID, "the password has other than printable ASCII characters");
			error_hint("Clients disagree on how to prepare others; a longer password is as strong.");
			return code;
		}
	}
	return STATUS_OK;
}

void scram_verifier_derive(enum scram_hash hash, struct slice password, struct slice salt, int32_t iterations,
	struct scram_verifier *out)
{
	INVARIANT(salt.size <= SCRAM_SALT_SIZE_MAX && iterations > 0);
	uint8_t salted[SCRAM_KEY_SIZE_MAX], client_key[SCRAM_KEY_SIZE_MAX];
	size_t size = scram_key_size(hash);
	memset(out, 0, sizeof *out);
	memcpy(out->salt, salt.data, salt.size);
	out->salt_size = (uint8_t)salt.size;
	out->iterations = iterations;
	INVARIANT(PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.size, salt.data, (int)salt.size,
				  iterations, digest_of(hash), (int)size, salted) == 1);
	mac(hash, slice_of(salted, size), slice_of_string("Client Key"), client_key);
	digest(hash, client_key, out->stored_key);
	mac(hash, slice_of(salted, size), slice_of_string("Server Key"), out->server_key);
	scram_wipe(salted, sizeof salted);
	scram_wipe(client_key, sizeof client_key);
}

void scram_verifier_create(enum scram_hash hash, struct slice password, struct scram_verifier *out)
{
	uint8_t salt[SCRAM_SALT_SIZE];
	scram_random(salt, sizeof salt);
	scram_verifier_derive(hash, password, slice_of(salt, sizeof salt), SCRAM_ITERATIONS, out);
}

bool scram_verifier_accepts(
	enum scram_hash hash, const struct scram_verifier *verifier, struct slice password)
{
	struct scram_verifier other;
	scram_verifier_derive(
		hash, password, slice_of(verifier->salt, verifier->salt_size), verifier->iterations, &other);
	size_t size = scram_key_size(hash);
	bool equal = scram_equal(slice_of(verifier->stored_key, size), slice_of(other.stored_key, size));
	scram_wipe(&other, sizeof other);
	return equal;
}

void scram_verifier_fake(enum scram_hash hash, const uint8_t secret[SCRAM_SECRET_SIZE], struct slice name,
	struct scram_verifier *out)
{
	uint8_t bytes[SCRAM_KEY_SIZE_MAX];
	memset(out, 0, sizeof *out);
	mac(hash, slice_of(secret, SCRAM_SECRET_SIZE), name, bytes);
	memcpy(out->salt, bytes, SCRAM_SALT_SIZE);
	out->salt_size = SCRAM_SALT_SIZE;
	out->iterations = SCRAM_ITERATIONS;
	/* Keys that belong to no password: to find one would be to invert the hash. */
	scram_random(out->stored_key, sizeof out->stored_key);
	scram_random(out->server_key, sizeof out->server_key);
}

/* ---- messages ---- */

static status fail(struct scram_exchange *exchange, const char *what)
{
	exchange->phase = SCRAM_FAILED;
	return error_raise(STATUS_PROTOCOL, "%s: %s", scram_mechanism_name(exchange->hash), what);
}

/* The part up to the next comma; *rest begins behind it. */
static struct slice part_next(struct slice *rest)
{
	const uint8_t *comma = rest->size != 0 ? memchr(rest->data, ',', rest->size) : NULL;
	size_t size = comma != NULL ? (size_t)(comma - rest->data) : rest->size;
	struct slice part = slice_of(rest->data, size);
	size_t used = comma != NULL ? size + 1 : size;
	*rest = slice_of(rest->data + used, rest->size - used);
	return part;
}

/* "r=…": the value, or false. */
static bool part_value(struct slice part, char letter, struct slice *value)
{
	if (part.size < 2 || part.data[0] != (uint8_t)letter || part.data[1] != '=')
		return false;
	*value = slice_of(part.data + 2, part.size - 2);
	return true;
}

/* "=2C" and "=3D" are comma and equals sign; any other "=" is an error. */
static bool name_decode(struct slice text, char out[SCRAM_NAME_SIZE_MAX + 1])
{
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte == '=') {
			if (i + 2 >= text.size)
				return false;
			if (memcmp(text.data + i, "=2C", 3) == 0)
				byte = ',';
			else if (memcmp(text.data + i, "=3D", 3) != 0)
				return false;
			i += 2;
		}
		if (byte == 0 || size == SCRAM_NAME_SIZE_MAX)
			return false;
		out[size++] = (char)byte;
	}
	out[size] = '\0';
	return true;
}

static bool nonce_is_printable(struct slice nonce)
{
	for (size_t i = 0; i < nonce.size; i++) {
		if (nonce.data[i] < 0x21 || nonce.data[i] > 0x7e)
			return false;
	}
	return nonce.size != 0;
}

void scram_begin(struct scram_exchange *exchange, enum scram_hash hash)
{
	memset(exchange, 0, sizeof *exchange);
	exchange->hash = hash;
}

void scram_end(struct scram_exchange *exchange)
{
	buffer_deinit(&exchange->header);
	buffer_deinit(&exchange->message);
	buffer_deinit(&exchange->nonce);
	scram_wipe(exchange, sizeof *exchange);
}

status scram_first(struct scram_exchange *exchange, struct slice message)
{
	INVARIANT(exchange->phase == SCRAM_BEGUN);
	if (message.size > SCRAM_MESSAGE_SIZE_MAX)
		return fail(exchange, "the message is too large");
	struct slice rest = message, value, name, nonce;
	struct slice binding = part_next(&rest), authorized = part_next(&rest);
	if (binding.size >= 1 && binding.data[0] == 'p') {
		exchange->phase = SCRAM_FAILED;
		return error_raise(
			STATUS_UNSUPPORTED, "%s: channel binding is not offered", scram_mechanism_name(exchange->hash));
	}
	if (binding.size != 1 || (binding.data[0] != 'n' && binding.data[0] != 'y'))
		return fail(exchange, "the first message has no GS2 header");
	size_t header_size = message.size - rest.size;
	struct slice bare = rest;
	if (!part_value(part_next(&rest), 'n', &name))
		return fail(exchange, "the first message names no user"); /* also for an extension "m=" */
	if (!part_value(part_next(&rest), 'r', &nonce) || !nonce_is_printable(nonce))
		return fail(exchange, "the first message has no nonce");
	if (!name_decode(name, exchange->name))
		return fail(exchange, "the user's name is malformed");
	if (authorized.size != 0) {
		char other[SCRAM_NAME_SIZE_MAX + 1];
		if (!part_value(authorized, 'a', &value) || !name_decode(value, other))
			return fail(exchange, "the first message has no GS2 header");
		if (strcmp(other, exchange->name) != 0)
			return fail(exchange, "acting for another user is not supported");
	}
	buffer_append(&exchange->header, message.data, header_size);
	buffer_append(&exchange->message, bare.data, bare.size);
	buffer_append(&exchange->nonce, nonce.data, nonce.size);
	exchange->client_nonce_size = nonce.size;
	exchange->phase = SCRAM_NAMED;
	return STATUS_OK;
}

void scram_answer(struct scram_exchange *exchange, const struct scram_verifier *verifier, bool known,
	const char *nonce, struct buffer *out)
{
	INVARIANT(exchange->phase == SCRAM_NAMED);
	exchange->verifier = *verifier;
	exchange->known = known;
	if (nonce != NULL) {
		buffer_append_string(&exchange->nonce, nonce);
	} else {
		uint8_t bytes[NONCE_BYTES];
		scram_random(bytes, sizeof bytes);
		base64_append(&exchange->nonce, slice_of(bytes, sizeof bytes));
	}
	size_t begin = out->size;
	buffer_append_string(out, "r=");
	buffer_append(out, exchange->nonce.data, exchange->nonce.size);
	buffer_append_string(out, ",s=");
	base64_append(out, slice_of(verifier->salt, verifier->salt_size));
	buffer_printf(out, ",i=%d", verifier->iterations);
	buffer_append_byte(&exchange->message, ',');
	buffer_append(&exchange->message, out->data + begin, out->size - begin);
	exchange->phase = SCRAM_CHALLENGED;
}

/* Is the base64 text what `expected` encodes to? The same bytes have only one encoding. */
static bool encodes(struct slice text, struct slice expected)
{
	struct buffer encoded = {0};
	base64_append(&encoded, expected);
	bool equal = slice_equal(text, buffer_slice(&encoded));
	buffer_deinit(&encoded);
	return equal;
}

/* Where ",p=" begins: the proof is the last attribute. */
static bool proof_split(struct slice message, struct slice *without, struct slice *proof)
{
	for (size_t at = message.size; at-- > 0;) {
		if (message.data[at] != ',')
			continue;
		*without = slice_of(message.data, at);
		return part_value(slice_of(message.data + at + 1, message.size - at - 1), 'p', proof);
	}
	return false;
}

/* librdkafka before 2.6.1 sends CNONCE CNONCE SNONCE: our half is there, whole and last, and the proof is
 * over it as sent. */
static bool nonce_is_ours(const struct scram_exchange *exchange, struct slice nonce)
{
	struct slice own = slice_of(exchange->nonce.data, exchange->client_nonce_size);
	if (nonce.size == exchange->nonce.size + own.size && scram_equal(slice_of(nonce.data, own.size), own))
		nonce = slice_of(nonce.data + own.size, nonce.size - own.size);
	return scram_equal(nonce, buffer_slice(&exchange->nonce));
}

static bool proof_is_right(const struct scram_exchange *exchange, struct slice proof)
{
	size_t size = scram_key_size(exchange->hash);
	uint8_t signature[SCRAM_KEY_SIZE_MAX], client_key[SCRAM_KEY_SIZE_MAX], stored_key[SCRAM_KEY_SIZE_MAX];
	mac(exchange->hash, slice_of(exchange->verifier.stored_key, size), buffer_slice(&exchange->message),
		signature);
	for (size_t i = 0; i < size; i++)
		client_key[i] = (uint8_t)(proof.data[i] ^ signature[i]);
	digest(exchange->hash, client_key, stored_key);
	bool right = scram_equal(slice_of(stored_key, size), slice_of(exchange->verifier.stored_key, size));
	scram_wipe(client_key, sizeof client_key);
	return right && exchange->known;
}

status scram_final(struct scram_exchange *exchange, struct slice message, struct buffer *out)
{
	INVARIANT(exchange->phase == SCRAM_CHALLENGED);
	struct slice without, proof, value;
	if (message.size > SCRAM_MESSAGE_SIZE_MAX || !proof_split(message, &without, &proof))
		return fail(exchange, "the last message has no proof");
	struct slice rest = without;
	if (!part_value(part_next(&rest), 'c', &value) || !encodes(value, buffer_slice(&exchange->header)))
		return fail(exchange, "the last message does not repeat the GS2 header");
	if (!part_value(part_next(&rest), 'r', &value) || !nonce_is_ours(exchange, value))
		return fail(exchange, "the nonce is not the one that was sent");
	struct buffer decoded = {0};
	status code = base64_decode(proof, &decoded);
	if (code != STATUS_OK || decoded.size != scram_key_size(exchange->hash)) {
		buffer_deinit(&decoded);
		return fail(exchange, "the proof has the wrong size");
	}
	buffer_append_byte(&exchange->message, ',');
	buffer_append(&exchange->message, without.data, without.size);
	bool right = proof_is_right(exchange, buffer_slice(&decoded));
	buffer_deinit(&decoded);
	if (!right) {
		exchange->phase = SCRAM_FAILED;
		return error_raise(STATUS_UNAUTHENTICATED, "authentication failed");
	}
	uint8_t signature[SCRAM_KEY_SIZE_MAX];
	size_t size = scram_key_size(exchange->hash);
	mac(exchange->hash, slice_of(exchange->verifier.server_key, size), buffer_slice(&exchange->message),
		signature);
	buffer_append_string(out, "v=");
	base64_append(out, slice_of(signature, size));
	exchange->phase = SCRAM_DONE;
	return STATUS_OK;
}
