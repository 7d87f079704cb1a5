/* TLS for the command line: OpenSSL over a blocking socket. The server's certificate must be signed by whom
 * we trust and be for the host we asked for. Single-threaded.
 */
#ifndef KAPPA_SERVER_CLI_TLS_H
#define KAPPA_SERVER_CLI_TLS_H

#include <sys/types.h>

#include "base/status.h"

struct cli_tls;

/* The handshake, over a connected socket that stays the caller's. `ca_file` NULL: the system's authorities.
 */
status cli_tls_connect(int fd, const char *host, const char *ca_file, struct cli_tls **out) MUST_USE;
void cli_tls_destroy(struct cli_tls *tls); /* accepts NULL */
/* As recv() and send(): −1 with errno, 0 at the end. */
ssize_t cli_tls_read(struct cli_tls *tls, void *room, size_t size);
ssize_t cli_tls_write(struct cli_tls *tls, const void *data, size_t size);
/* Are decrypted bytes waiting, which poll() does not know of? */
bool cli_tls_is_buffered(const struct cli_tls *tls);
/* Has the other side ended, or sent what nobody asked for? Does not wait. */
bool cli_tls_is_over(struct cli_tls *tls);

#endif
