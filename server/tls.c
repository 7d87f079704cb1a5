/* See tls.h. */
#include "server/tls.h"

#include <limits.h>
#include <stdatomic.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/invariant.h"
#include "base/memory.h"

enum { NAME_SIZE_MAX = 256 };

struct tls_context {
	atomic_int references;
	SSL_CTX *ssl;
};

struct tls {
	struct tls_context *context;
	SSL *ssl;
	BIO *incoming, *outgoing; /* the SSL's */
	char certificate_name[NAME_SIZE_MAX];
	bool established, failed;
};

/* ---- contexts ---- */

static status context_fail(const char *what, const char *file)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	if (code != 0 && ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	status result =
		error_raise(STATUS_INVALID, "%s %s: %s", what, file, reason != NULL ? reason : "it cannot be used");
	ERR_clear_error();
	return result;
}

/* A key with a passphrase is an error, not a question on the terminal. */
static int passphrase_refuse(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return 0;
}

static status clients_load(SSL_CTX *ssl, const struct tls_options *options)
{
	if (options->client_ca_file == NULL)
		return STATUS_OK;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(options->client_ca_file);
	if (names == NULL || SSL_CTX_load_verify_locations(ssl, options->client_ca_file, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return context_fail("tls_client_ca_file", options->client_ca_file);
	}
	SSL_CTX_set_client_CA_list(ssl, names);
	SSL_CTX_set_verify(
		ssl, SSL_VERIFY_PEER | (options->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	return STATUS_OK;
}

static status context_load(SSL_CTX *ssl, const struct tls_options *options)
{
	static const unsigned char session_context[] = "kappa";
	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(
		ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_default_passwd_cb(ssl, passphrase_refuse);
	SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context - 1);
	if (SSL_CTX_use_certificate_chain_file(ssl, options->certificate_file) != 1)
		return context_fail("tls_cert_file", options->certificate_file);
	if (SSL_CTX_use_PrivateKey_file(ssl, options->key_file, SSL_FILETYPE_PEM) != 1)
		return context_fail("tls_key_file", options->key_file);
	if (SSL_CTX_check_private_key(ssl) != 1)
		return context_fail("tls_key_file", options->key_file);
	if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ssl))) < 0)
		return error_raise(
			STATUS_INVALID, "tls_cert_file %s: the certificate has expired", options->certificate_file);
	return clients_load(ssl, options);
}

status tls_context_create(const struct tls_options *options, struct tls_context **out)
{
	ERR_clear_error();
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
	INVARIANT(ssl != NULL);
	status result = context_load(ssl, options);
	if (result != STATUS_OK) {
		SSL_CTX_free(ssl);
		return result;
	}
	struct tls_context *context = mem_alloc_zeroed(1, sizeof *context);
	atomic_init(&context->references, 1);
	context->ssl = ssl;
	*out = context;
	return STATUS_OK;
}

struct tls_context *tls_context_retain(struct tls_context *context)
{
	atomic_fetch_add(&context->references, 1);
	return context;
}

void tls_context_release(struct tls_context *context)
{
	if (context == NULL || atomic_fetch_sub(&context->references, 1) != 1)
		return;
	SSL_CTX_free(context->ssl);
	mem_free(context);
}

/* ---- connections ---- */

struct tls *tls_create(struct tls_context *context)
{
	struct tls *tls = mem_alloc_zeroed(1, sizeof *tls);
	tls->context = tls_context_retain(context);
	tls->ssl = SSL_new(context->ssl);
	tls->incoming = BIO_new(BIO_s_mem());
	tls->outgoing = BIO_new(BIO_s_mem());
	INVARIANT(tls->ssl != NULL && tls->incoming != NULL && tls->outgoing != NULL);
	/* An empty BIO means "not yet", not "the end". */
	BIO_set_mem_eof_return(tls->incoming, -1);
	BIO_set_mem_eof_return(tls->outgoing, -1);
	SSL_set_bio(tls->ssl, tls->incoming, tls->outgoing);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

void tls_destroy(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	tls_context_release(tls->context);
	mem_free(tls);
}

void tls_receive(struct tls *tls, struct slice bytes)
{
	INVARIANT(bytes.size <= INT_MAX);
	if (bytes.size != 0 && !tls->failed)
		INVARIANT(BIO_write(tls->incoming, bytes.data, (int)bytes.size) == (int)bytes.size);
}

/* The last of the subject's common names, as text; a zero byte inside is a trick, and the name none. */
static void certificate_name_read(struct tls *tls)
{
	X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
	if (certificate == NULL || SSL_get_verify_result(tls->ssl) != X509_V_OK)
		return;
	X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1, last = -1;
	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return;
	unsigned char *text = NULL;
	int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
	if (size > 0 && size < NAME_SIZE_MAX && memchr(text, 0, (size_t)size) == NULL) {
		memcpy(tls->certificate_name, text, (size_t)size);
		tls->certificate_name[size] = '\0';
	}
	OPENSSL_free(text);
}

static status read_fail(struct tls *tls, int code)
{
	unsigned long why = ERR_peek_last_error();
	const char *reason = why != 0 ? ERR_reason_error_string(why) : NULL;
	tls->failed = true;
	if (code == SSL_ERROR_ZERO_RETURN)
		return STATUS_END;
	status result = error_raise(STATUS_PROTOCOL, "TLS: %s", reason != NULL ? reason : "the connection broke");
	if (why != 0 && ERR_GET_REASON(why) == SSL_R_HTTP_REQUEST)
		error_hint("this port speaks TLS; a client spoke HTTP without it");
	return result;
}

status tls_read(struct tls *tls, uint8_t *room, size_t size, size_t *got)
{
	*got = 0;
	if (tls->failed)
		return STATUS_END;
	ERR_clear_error();
	int count = SSL_read(tls->ssl, room, size < INT_MAX ? (int)size : INT_MAX);
	int code = count > 0 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, count);
	if (!tls->established && SSL_is_init_finished(tls->ssl)) {
		tls->established = true;
		certificate_name_read(tls);
	}
	if (count > 0)
		*got = (size_t)count;
	if (code == SSL_ERROR_NONE || code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
		return STATUS_OK;
	status result = read_fail(tls, code);
	ERR_clear_error();
	return result;
}

void tls_write(struct tls *tls, struct slice bytes)
{
	ERR_clear_error();
	while (bytes.size != 0 && tls->established && !tls->failed) {
		int count = SSL_write(tls->ssl, bytes.data, bytes.size < INT_MAX ? (int)bytes.size : INT_MAX);
		if (count <= 0) { /* a memory BIO always takes all: only a broken session refuses */
			tls->failed = true;
			return;
		}
		bytes.data += count;
		bytes.size -= (size_t)count;
	}
}

void tls_finish(struct tls *tls)
{
	ERR_clear_error();
	if (tls->established && !tls->failed)
		(void)SSL_shutdown(tls->ssl);
}

void tls_output(struct tls *tls, struct buffer *out)
{
	for (size_t waiting; (waiting = BIO_ctrl_pending(tls->outgoing)) != 0;) {
		uint8_t *room = buffer_reserve(out, waiting);
		int count = BIO_read(tls->outgoing, room, waiting < INT_MAX ? (int)waiting : INT_MAX);
		INVARIANT(count > 0);
		out->size += (size_t)count;
	}
}

bool tls_is_established(const struct tls *tls)
{
	return tls->established;
}

const char *tls_certificate_name(const struct tls *tls)
{
	return tls->certificate_name[0] != '\0' ? tls->certificate_name : NULL;
}
