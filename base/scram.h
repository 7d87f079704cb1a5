/* SCRAM (RFC 5802, RFC 7677), server side, and the verifiers it needs: what is kept of a password instead of
 * it.
 *
 *   client-first   n,,n=NAME,r=CNONCE            scram_first()    reads it: who wants in?
 *   server-first   r=CNONCE SNONCE,s=SALT,i=N    scram_answer()   with that user's verifier, or none
 *   client-final   c=GS2,r=CNONCE SNONCE,p=PROOF scram_final()    checks, answers
 *   server-final   v=SIGNATURE
 *
 *   begun ─first─► named ─answer─► challenged ─final─► done          any failure: failed, for good
 *
 * A user who is not there is asked for a proof like any other, with a salt that does not change, and fails at
 * the end, so that nobody learns who exists. The nonce that comes back must be the one that was sent
 * (CVE-2024-56128; librdkafka before 2.6.1 puts its own half
 * before it once more, which gives nothing away and is accepted), and the header the one that was received.
 * Channel binding is not offered: a client that could have bound ("y") is accepted, one that insists ("p") is
 * refused.
 *
 * Passwords are printable ASCII: there SASLprep, which PostgreSQL's clients apply and Kafka's do not, changes
 * nothing. Nothing here keeps a password or logs anything. Any thread; an exchange has one owner.
 */
#ifndef KAPPA_BASE_SCRAM_H
#define KAPPA_BASE_SCRAM_H

#include "base/bytes.h"
#include "base/status.h"

enum scram_hash { SCRAM_SHA_256, SCRAM_SHA_512, SCRAM_HASHES };

enum {
	SCRAM_KEY_SIZE_MAX = 64,
	SCRAM_SALT_SIZE = 16, /* of verifiers we make */
	SCRAM_SALT_SIZE_MAX = 64,
	SCRAM_ITERATIONS = 15000, /* of verifiers we make, and the least that are taken */
	SCRAM_ITERATIONS_MAX = 1000000,
	SCRAM_MESSAGE_SIZE_MAX = 4096,
	SCRAM_NAME_SIZE_MAX = 256,
	SCRAM_PASSWORD_SIZE_MAX = 256,
	SCRAM_SECRET_SIZE = 32,
};

const char *scram_mechanism_name(enum scram_hash hash);             /* "SCRAM-SHA-256" */
bool scram_mechanism_find(struct slice name, enum scram_hash *out); /* by that name */
size_t scram_key_size(enum scram_hash hash);

/* Plain value. The keys are as good as the password for logging in here once stolen together with a recorded
 * login: keep them where only the appliance reads. */
struct scram_verifier {
	uint8_t salt[SCRAM_SALT_SIZE_MAX];
	uint8_t salt_size;
	int32_t iterations;
	uint8_t stored_key[SCRAM_KEY_SIZE_MAX], server_key[SCRAM_KEY_SIZE_MAX];
};

/* INVALID when it is empty, too long, or has other than printable ASCII characters. Never quotes it. */
status scram_password_check(struct slice password) MUST_USE;
/* Some milliseconds of work. */
void scram_verifier_derive(enum scram_hash hash, struct slice password, struct slice salt, int32_t iterations,
	struct scram_verifier *out);
/* The same with a new random salt and SCRAM_ITERATIONS. */
void scram_verifier_create(enum scram_hash hash, struct slice password, struct scram_verifier *out);
/* Does the password fit? Some milliseconds of work, as long for a wrong one as for the right one. */
bool scram_verifier_accepts(
	enum scram_hash hash, const struct scram_verifier *verifier, struct slice password);
/* For a user who is not there: always the same for one secret and name; accepts no password. */
void scram_verifier_fake(enum scram_hash hash, const uint8_t secret[SCRAM_SECRET_SIZE], struct slice name,
	struct scram_verifier *out);

enum scram_phase { SCRAM_BEGUN, SCRAM_NAMED, SCRAM_CHALLENGED, SCRAM_DONE, SCRAM_FAILED };

struct scram_exchange {
	enum scram_phase phase;
	enum scram_hash hash;
	char name[SCRAM_NAME_SIZE_MAX + 1]; /* what the client calls itself; may be empty (PostgreSQL) */
	struct buffer header;               /* the GS2 header as received */
	struct buffer message;              /* the AuthMessage so far */
	struct buffer nonce;                /* both halves */
	size_t client_nonce_size;           /* of the client's */
	struct scram_verifier verifier;
	bool known; /* the verifier is somebody's */
};

void scram_begin(struct scram_exchange *exchange, enum scram_hash hash);
void scram_end(struct scram_exchange *exchange); /* wipes; accepts a zeroed one */
/* PROTOCOL when the message is not SCRAM's, UNSUPPORTED for what we do not do. */
status scram_first(struct scram_exchange *exchange, struct slice message) MUST_USE;
/* `known` false: the verifier is a fake. `nonce` is our half; NULL = a random one. */
void scram_answer(struct scram_exchange *exchange, const struct scram_verifier *verifier, bool known,
	const char *nonce, struct buffer *out);
/* UNAUTHENTICATED when the proof is wrong; PROTOCOL. On failure nothing is appended. */
status scram_final(struct scram_exchange *exchange, struct slice message, struct buffer *out) MUST_USE;

/* Random bytes for keys and nonces. */
void scram_random(uint8_t *bytes, size_t size);
/* Equal? In a time that depends on the sizes alone. */
bool scram_equal(struct slice left, struct slice right);
/* Overwrites memory that held a secret. */
void scram_wipe(void *memory, size_t size);

#endif
