/* See cli_tls.h. */
#include "server/cli_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/invariant.h"
#include "base/memory.h"

struct cli_tls {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

static const char *reason(const SSL *ssl)
{
	long verified = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
	if (verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	unsigned long code = ERR_peek_last_error();
	const char *words = code != 0 ? ERR_reason_error_string(code) : NULL;
	return words != NULL ? words : "the server closed the connection";
}

static status trust_load(SSL_CTX *context, const char *ca_file)
{
	if (ca_file == NULL)
		return SSL_CTX_set_default_verify_paths(context) == 1
				   ? STATUS_OK
				   : error_raise(STATUS_IO, "the system's certificate authorities cannot be read");
	if (SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1)
		return STATUS_OK;
	return error_raise(STATUS_INVALID, "--tls-ca %s: %s", ca_file, reason(NULL));
}

static status handshake(struct cli_tls *tls, const char *host, const char *ca_file)
{
	uint8_t address[sizeof(struct in6_addr)];
	status code = trust_load(tls->context, ca_file);
	if (code != STATUS_OK)
		return code;
	tls->ssl = SSL_new(tls->context);
	INVARIANT(tls->ssl != NULL);
	bool numeric = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
	if (numeric) {
		INVARIANT(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1);
	} else {
		INVARIANT(SSL_set1_host(tls->ssl, host) == 1);
		(void)SSL_set_tlsext_host_name(tls->ssl, host);
	}
	if (SSL_set_fd(tls->ssl, tls->fd) == 1 && SSL_connect(tls->ssl) == 1)
		return STATUS_OK;
	code = error_raise(STATUS_IO, "TLS: %s", reason(tls->ssl));
	if (SSL_get_verify_result(tls->ssl) != X509_V_OK)
		error_hint("--tls-ca FILE (or KAPPA_TLS_CA) says who signs the server's certificate.");
	return code;
}

status cli_tls_connect(int fd, const char *host, const char *ca_file, struct cli_tls **out)
{
	struct cli_tls *tls = mem_alloc_zeroed(1, sizeof *tls);
	tls->fd = fd;
	tls->context = SSL_CTX_new(TLS_client_method());
	INVARIANT(tls->context != NULL);
	ERR_clear_error();
	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls->context, SSL_MODE_AUTO_RETRY);
	status code = handshake(tls, host, ca_file);
	if (code == STATUS_OK)
		*out = tls;
	else
		cli_tls_destroy(tls);
	return code;
}

void cli_tls_destroy(struct cli_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	mem_free(tls);
}

/* What OpenSSL says of a read or write as a socket would have said it. */
static ssize_t as_socket(struct cli_tls *tls, int count)
{
	if (count > 0)
		return count;
	int why = SSL_get_error(tls->ssl, count), number = errno;
	ERR_clear_error();
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = why == SSL_ERROR_SYSCALL && number != 0 ? number
			: why == SSL_ERROR_WANT_READ            ? EAGAIN
													: ECONNRESET;
	return -1;
}

ssize_t cli_tls_read(struct cli_tls *tls, void *room, size_t size)
{
	errno = 0;
	return as_socket(tls, SSL_read(tls->ssl, room, size < INT_MAX ? (int)size : INT_MAX));
}

ssize_t cli_tls_write(struct cli_tls *tls, const void *data, size_t size)
{
	errno = 0;
	return as_socket(tls, SSL_write(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX));
}

bool cli_tls_is_buffered(const struct cli_tls *tls)
{
	return SSL_pending(tls->ssl) > 0;
}

bool cli_tls_is_over(struct cli_tls *tls)
{
	char byte;
	int flags = fcntl(tls->fd, F_GETFL);
	(void)fcntl(tls->fd, F_SETFL, flags | O_NONBLOCK);
	int count = SSL_peek(tls->ssl, &byte, 1);
	bool nothing = count <= 0 && SSL_get_error(tls->ssl, count) == SSL_ERROR_WANT_READ;
	ERR_clear_error();
	(void)fcntl(tls->fd, F_SETFL, flags);
	return !nothing;
}
