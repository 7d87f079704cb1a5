/* See security.h.
 *
 * HTTP's Basic brings name and password with every request, and checking one costs PBKDF2's milliseconds. So
 * those that were right are remembered, as a keyed hash (the key is random and dies with the process) with
 * the generation of users in which they were: any change of users forgets all.
 */
#include "server/security.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/invariant.h"
#include "base/memory.h"

enum { REMEMBERED = 64, HASH_SIZE = 32, PASSWORD_FILE_SIZE_MAX = 4096 };

struct remembered {
	uint64_t generation; /* 0 = free */
	uint8_t hash[HASH_SIZE];
};

struct security {
	struct engine *engine;
	const struct server_config *config;
	uint8_t key[HASH_SIZE];
	pthread_mutex_t mutex;
	struct remembered remembered[REMEMBERED]; /* by the hash's first byte */
};

struct security *security_create(struct engine *engine, const struct server_config *config)
{
	struct security *security = mem_alloc_zeroed(1, sizeof *security);
	security->engine = engine;
	security->config = config;
	scram_random(security->key, sizeof security->key);
	INVARIANT(pthread_mutex_init(&security->mutex, NULL) == 0);
	return security;
}

void security_destroy(struct security *security)
{
	if (security == NULL)
		return;
	pthread_mutex_destroy(&security->mutex);
	scram_wipe(security, sizeof *security);
	mem_free(security);
}

/* ---- the first admin ---- */

/* The password of the environment, else of the file; empty = none is given. */
static status password_read(const struct security *security, struct buffer *out)
{
	const char *given = getenv("KAPPA_ADMIN_PASSWORD");
	const char *path = security->config->admin_password_file;
	if (given != NULL && *given != '\0') {
		buffer_append_string(out, given);
		return STATUS_OK;
	}
	if (path == NULL || *path == '\0')
		return STATUS_OK;
	status code = file_read_all(path, PASSWORD_FILE_SIZE_MAX, out);
	while (code == STATUS_OK && out->size != 0 &&
		   (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
		out->size--;
	return code == STATUS_OK ? STATUS_OK : error_note(code, "while reading admin_password_file");
}

static status admin_create(struct security *security, struct slice password)
{
	struct user *user = NULL;
	status code = user_create(security->config->admin_user, &user);
	if (code == STATUS_OK)
		code = user_grant(user, "admin");
	if (code == STATUS_OK)
		code = user_password_set(user, password);
	if (code == STATUS_OK)
		code = engine_user_create(security->engine, user);
	if (code == STATUS_OK)
		diag(DIAG_INFO, "audit", "user_created", "listener=configuration principal=\"\" object=\"%s\"",
			user->name);
	user_release(user);
	return code == STATUS_OK ? STATUS_OK : error_note(code, "while making the first admin");
}

status security_bootstrap(struct security *security)
{
	const struct server_config *config = security->config;
	struct buffer password;
	buffer_init(&password);
	status code = STATUS_OK;
	if (engine_users_generation(security->engine) == 0) {
		code = password_read(security, &password);
		if (code == STATUS_OK && password.size != 0)
			code = admin_create(security, buffer_slice(&password));
	}
	if (password.data != NULL)
		scram_wipe(password.data, password.capacity);
	buffer_deinit(&password);
	(void)unsetenv("KAPPA_ADMIN_PASSWORD"); /* children have no need of it */
	if (code == STATUS_OK && engine_users_generation(security->engine) == 0 &&
		!server_config_is_loopback(config) && !config->allow_insecure_listen) {
		code = error_raise(STATUS_INVALID,
			"listen_address %s can be reached from other machines, and there are no users",
			config->listen_address);
		error_hint(
			"Give the first admin a password, in KAPPA_ADMIN_PASSWORD or admin_password_file; or create "
			"users while listening on 127.0.0.1.");
	}
	return code;
}

/* ---- Kafka ---- */

static uint64_t kafka_generation(void *context)
{
	const struct security *security = context;
	return engine_users_generation(security->engine);
}

static struct user *kafka_find(void *context, const char *name)
{
	const struct security *security = context;
	return engine_user(security->engine, name);
}

static void kafka_secret(void *context, uint8_t secret[SCRAM_SECRET_SIZE])
{
	const struct security *security = context;
	engine_user_secret(security->engine, secret);
}

struct kafka_security security_for_kafka(struct security *security)
{
	return (struct kafka_security){
		.context = security,
		.generation = kafka_generation,
		.find = kafka_find,
		.secret = kafka_secret,
		.plain_in_clear = security->config->allow_plain_password,
	};
}

/* ---- passwords ---- */

static void login_hash(
	const struct security *security, const char *name, struct slice password, uint8_t out[HASH_SIZE])
{
	struct buffer both;
	buffer_init(&both);
	buffer_append(&both, name, strlen(name) + 1);
	buffer_append(&both, password.data, password.size);
	INVARIANT(
		HMAC(EVP_sha256(), security->key, sizeof security->key, both.data, both.size, out, NULL) != NULL);
	scram_wipe(both.data, both.capacity);
	buffer_deinit(&both);
}

static bool login_recall(struct security *security, uint64_t generation, const uint8_t hash[HASH_SIZE])
{
	pthread_mutex_lock(&security->mutex);
	const struct remembered *slot = &security->remembered[hash[0] % REMEMBERED];
	bool known = slot->generation == generation &&
				 scram_equal(slice_of(slot->hash, HASH_SIZE), slice_of(hash, HASH_SIZE));
	pthread_mutex_unlock(&security->mutex);
	return known;
}

static void login_remember(struct security *security, uint64_t generation, const uint8_t hash[HASH_SIZE])
{
	pthread_mutex_lock(&security->mutex);
	struct remembered *slot = &security->remembered[hash[0] % REMEMBERED];
	slot->generation = generation;
	memcpy(slot->hash, hash, HASH_SIZE);
	pthread_mutex_unlock(&security->mutex);
}

struct user *security_login(struct security *security, const char *name, struct slice password)
{
	uint8_t hash[HASH_SIZE];
	uint64_t generation = engine_users_generation(security->engine);
	struct user *user = engine_user(security->engine, name);
	login_hash(security, name, password, hash);
	if (user != NULL && generation != 0 && login_recall(security, generation, hash))
		return user;
	if (!user_accepts(user, password)) {
		user_release(user);
		return NULL;
	}
	login_remember(security, generation, hash);
	return user;
}
