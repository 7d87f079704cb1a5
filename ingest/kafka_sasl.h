/* Who is at the other end of a Kafka connection, and how it shows that (KIP-12, KIP-43, KIP-152, KIP-368).
 *
 *   idle ──SaslHandshake──► chosen ──SaslAuthenticate──► challenged ──SaslAuthenticate──► idle, with a user
 *     ▲                       └──────────── PLAIN ──────────────────────────────────────────┘
 *     └──── again at any time, as the same user (re-authentication)
 *
 * After SaslHandshake 0 the tokens come raw: a size and the token, without a request around it, and so go the
 * answers; a failure is then said by closing the connection.
 *
 * While there are no users everybody may do everything and nobody has to log in. Owned by a session, on its
 * thread; a PLAIN password is checked on a worker, while the session waits for it.
 */
#ifndef KAPPA_INGEST_KAFKA_SASL_H
#define KAPPA_INGEST_KAFKA_SASL_H

#include "base/user.h"
#include "ingest/kafka_broker.h"

enum kafka_sasl_phase { KAFKA_SASL_IDLE, KAFKA_SASL_CHOSEN, KAFKA_SASL_CHALLENGED };

enum kafka_mechanism { KAFKA_MECHANISM_SCRAM_SHA_256, KAFKA_MECHANISM_SCRAM_SHA_512, KAFKA_MECHANISM_PLAIN };

enum { KAFKA_PEER_SIZE = 64 };

struct kafka_sasl {
	const struct kafka_security *security; /* the broker's */
	char peer[KAFKA_PEER_SIZE];            /* "127.0.0.1:4711", for diagnostics */
	bool encrypted;
	enum kafka_sasl_phase phase;
	enum kafka_mechanism mechanism;
	bool raw; /* tokens come without requests around them */
	struct scram_exchange scram;
	char name[USER_NAME_SIZE_MAX + 1]; /* who it is; "" = nobody yet */
	struct user *user;                 /* that one as of `generation`; NULL = nobody, or gone */
	uint64_t generation;               /* of the users; 0 = there are none */
};

/* `peer` is copied. */
void kafka_sasl_init(struct kafka_sasl *sasl, const struct kafka_security *security, const char *peer);
void kafka_sasl_deinit(struct kafka_sasl *sasl);
/* Looks the user up again if users changed. */
void kafka_sasl_refresh(struct kafka_sasl *sasl);
/* Is authentication needed, and has it not happened? */
bool kafka_sasl_is_needed(struct kafka_sasl *sasl);
/* The name in the client's certificate, which TLS has verified: it is that user, if there is one. */
void kafka_sasl_certificate(struct kafka_sasl *sasl, const char *name);

#endif
