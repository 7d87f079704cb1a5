/* TLS between ciphertext and plaintext, by OpenSSL over memory: no sockets here.
 *
 *   socket ─ bytes ─► tls_receive() ─► tls_read() ─► the protocol
 *   socket ◄─ bytes ─ tls_output()  ◄─ tls_write() ◄─ the protocol
 *
 * TLS 1.2 and 1.3, no renegotiation, no compression. A context (certificate, key, clients' authorities) is
 * immutable and shared by reference count: reloading makes another one, and connections keep theirs.
 *
 * Threads: a context any, a connection one at a time.
 */
#ifndef KAPPA_SERVER_TLS_H
#define KAPPA_SERVER_TLS_H

#include "base/bytes.h"
#include "base/status.h"

struct tls_context; /* reference counted */
struct tls;

struct tls_options {
	const char *certificate_file, *key_file; /* PEM; the certificate with its chain */
	const char *client_ca_file; /* PEM: who may sign clients' certificates; NULL = none are asked for */
	bool client_required;       /* a client without certificate is refused */
};

/* INVALID naming the file, when it cannot be read, is expired or does not fit. */
status tls_context_create(const struct tls_options *options, struct tls_context **out) MUST_USE;
struct tls_context *tls_context_retain(struct tls_context *context);
void tls_context_release(struct tls_context *context); /* accepts NULL */

struct tls *tls_create(struct tls_context *context); /* retains it */
void tls_destroy(struct tls *tls);                   /* accepts NULL */
/* Takes ciphertext in. */
void tls_receive(struct tls *tls, struct slice bytes);
/* Goes on with the handshake, then decrypts up to `size` bytes; *got 0: more ciphertext is needed. END: the
 * client said good-bye. PROTOCOL. Afterwards there may be output, also after a failure (an alert). */
status tls_read(struct tls *tls, uint8_t *room, size_t size, size_t *got) MUST_USE;
/* Encrypts into the output. Before the handshake is done nothing can be written: it is thrown away. */
void tls_write(struct tls *tls, struct slice bytes);
/* Good-bye into the output. */
void tls_finish(struct tls *tls);
/* Moves what is to be sent behind `out`. */
void tls_output(struct tls *tls, struct buffer *out);

bool tls_is_established(const struct tls *tls);
/* The common name in the client's certificate, if it showed one, which then was verified; else NULL. */
const char *tls_certificate_name(const struct tls *tls);

#endif
