/* Users in the catalog: their records, and the verbs that change them.
 *
 * While there are no users, everybody may do everything. Hence the first one has to be an admin, and as long
 * as there are users, one of them is, and has a password: otherwise nobody could ever let anybody in.
 */
#include <string.h>

#include "base/base64.h"
#include "base/invariant.h"
#include "replay/engine_internal.h"

struct user *catalog_user(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->user_count; i++)
		if (strcmp(catalog->users[i]->name, name) == 0)
			return catalog->users[i];
	return NULL;
}

/* ---- records ---- */

static json_t *json_base64(const uint8_t *bytes, size_t size)
{
	struct buffer text;
	buffer_init(&text);
	base64_append(&text, slice_of(bytes, size));
	json_t *json = json_stringn((const char *)text.data, text.size);
	buffer_deinit(&text);
	return json;
}

json_t *catalog_record_user(const char *op, const struct user *user)
{
	json_t *roles = json_array();
	for (size_t i = 0; i < user->grant_count; i++) {
		struct buffer text;
		buffer_init(&text);
		user_grant_format(&user->grants[i], &text);
		json_array_append_new(roles, json_stringn((const char *)text.data, text.size));
		buffer_deinit(&text);
	}
	json_t *verifiers = json_object();
	for (enum scram_hash hash = 0; user->has_password && hash < SCRAM_HASHES; hash++) {
		const struct scram_verifier *verifier = &user->verifiers[hash];
		json_object_set_new(verifiers, scram_mechanism_name(hash),
			json_pack("{s:o, s:i, s:o, s:o}", "salt", json_base64(verifier->salt, verifier->salt_size),
				"iterations", (int)verifier->iterations, "stored_key",
				json_base64(verifier->stored_key, scram_key_size(hash)), "server_key",
				json_base64(verifier->server_key, scram_key_size(hash))));
	}
	return json_pack(
		"{s:s, s:s, s:o, s:o}", "op", op, "name", user->name, "roles", roles, "verifiers", verifiers);
}

/* Base64 of `size_min` to `size_max` bytes; how many, 0 when it is anything else. */
static size_t bytes_read(json_t *object, const char *name, uint8_t *out, size_t size_min, size_t size_max)
{
	const char *text = json_string_value(json_object_get(object, name));
	struct buffer bytes;
	buffer_init(&bytes);
	size_t size = 0;
	if (text != NULL && base64_decode(slice_of_string(text), &bytes) == STATUS_OK && bytes.size >= size_min &&
		bytes.size <= size_max) {
		size = bytes.size;
		memcpy(out, bytes.data, size);
	}
	buffer_deinit(&bytes);
	return size;
}

static bool verifier_read(json_t *json, enum scram_hash hash, struct scram_verifier *out)
{
	size_t size = scram_key_size(hash);
	json_int_t iterations = json_integer_value(json_object_get(json, "iterations"));
	if (iterations < 1 || iterations > SCRAM_ITERATIONS_MAX)
		return false;
	out->iterations = (int32_t)iterations;
	out->salt_size = (uint8_t)bytes_read(json, "salt", out->salt, 1, SCRAM_SALT_SIZE_MAX);
	return out->salt_size != 0 && bytes_read(json, "stored_key", out->stored_key, size, size) == size &&
		   bytes_read(json, "server_key", out->server_key, size, size) == size;
}

static status user_read(json_t *record, const char *name, struct user **out)
{
	struct user *user = NULL;
	status code = user_create(name, &user);
	if (code != STATUS_OK)
		return code;
	json_t *roles = json_object_get(record, "roles"), *verifiers = json_object_get(record, "verifiers");
	for (size_t i = 0; code == STATUS_OK && i < json_array_size(roles); i++) {
		const char *role = json_string_value(json_array_get(roles, i));
		code = user_grant(user, role != NULL ? role : "");
	}
	user->has_password = json_object_size(verifiers) != 0;
	for (enum scram_hash hash = 0; code == STATUS_OK && user->has_password && hash < SCRAM_HASHES; hash++) {
		json_t *verifier = json_object_get(verifiers, scram_mechanism_name(hash));
		if (!verifier_read(verifier, hash, &user->verifiers[hash]))
			code = error_raise(STATUS_INVALID, "a verifier is incomplete");
	}
	if (code == STATUS_OK)
		*out = user;
	else
		user_release(user);
	return code;
}

static void users_put(struct catalog *catalog, struct user *user)
{
	size_t at = 0;
	while (at < catalog->user_count && strcmp(catalog->users[at]->name, user->name) < 0)
		at++;
	if (at < catalog->user_count && strcmp(catalog->users[at]->name, user->name) == 0) {
		user_release(catalog->users[at]);
		catalog->users[at] = user;
		return;
	}
	catalog->users = mem_resize(catalog->users, (catalog->user_count + 1) * sizeof *catalog->users);
	memmove(
		&catalog->users[at + 1], &catalog->users[at], (catalog->user_count - at) * sizeof *catalog->users);
	catalog->users[at] = user;
	catalog->user_count++;
}

static void users_remove(struct catalog *catalog, const struct user *user)
{
	size_t at = 0;
	while (catalog->users[at] != user)
		at++;
	memmove(&catalog->users[at], &catalog->users[at + 1],
		(catalog->user_count - at - 1) * sizeof *catalog->users);
	catalog->user_count--;
	user_release(user);
}

status catalog_apply_user(struct catalog *catalog, const char *op, json_t *record)
{
	const char *name = json_string_value(json_object_get(record, "name"));
	struct user *old = name != NULL ? catalog_user(catalog, name) : NULL;
	bool create = strcmp(op, "create_user") == 0;
	if (name == NULL || create == (old != NULL))
		return error_raise(STATUS_DAMAGED, "catalog record makes no sense: %s of %s", op,
			name == NULL ? "nobody"
			: create     ? "a user who is there"
						 : "no user");
	if (strcmp(op, "drop_user") == 0) {
		users_remove(catalog, old);
		return STATUS_OK;
	}
	struct user *user = NULL;
	status code = user_read(record, name, &user);
	if (code != STATUS_OK)
		return error_raise(
			STATUS_DAMAGED, "catalog record makes no sense: user \"%s\": %s", name, error_current()->text);
	users_put(catalog, user);
	(void)bytes_read(record, "secret", catalog->user_secret, SCRAM_SECRET_SIZE, SCRAM_SECRET_SIZE);
	return STATUS_OK;
}

/* ---- looking ---- */

uint64_t engine_users_generation(struct engine *engine)
{
	return atomic_load_explicit(&engine->users_generation, memory_order_acquire);
}

struct user *engine_user(struct engine *engine, const char *name)
{
	struct catalog *catalog = engine_catalog(engine);
	struct user *user = user_retain(catalog_user(catalog, name));
	catalog_release(catalog);
	return user;
}

void engine_user_secret(struct engine *engine, uint8_t secret[SCRAM_SECRET_SIZE])
{
	struct catalog *catalog = engine_catalog(engine);
	memcpy(secret, catalog->user_secret, SCRAM_SECRET_SIZE);
	catalog_release(catalog);
}

void engine_users(struct engine *engine, struct arena *arena, struct user ***out, size_t *count)
{
	struct catalog *catalog = engine_catalog(engine);
	*out = arena_alloc(arena, catalog->user_count * sizeof **out);
	for (size_t i = 0; i < catalog->user_count; i++)
		(*out)[i] = user_retain(catalog->users[i]);
	*count = catalog->user_count;
	catalog_release(catalog);
}

void engine_users_changed(struct engine *engine)
{
	struct catalog *catalog = engine_catalog(engine);
	engine->users_changes++;
	atomic_store_explicit(&engine->users_generation, catalog->user_count != 0 ? engine->users_changes : 0,
		memory_order_release);
	catalog_release(catalog);
}

/* ---- changing ---- */

static status user_unknown(const char *name)
{
	status code = error_raise(STATUS_NOT_FOUND, "user \"%s\" does not exist", name);
	error_sqlstate("42704");
	error_hint("SELECT * FROM kappa.users lists the users.");
	return code;
}

static status user_record(struct engine *engine, json_t *record)
{
	INVARIANT(record != NULL);
	status code = engine_record(engine, record, NULL, 0);
	json_decref(record);
	if (code == STATUS_OK)
		engine_users_changed(engine);
	return code;
}

/* Can this one always let others in? */
static bool is_keeper(const struct user *user)
{
	return user->has_password && user_may_all(user, USER_ADMIN);
}

static status create_locked(struct engine *engine, const struct catalog *catalog, const struct user *user)
{
	if (catalog_user(catalog, user->name) != NULL)
		return error_raise(STATUS_EXISTS, "user \"%s\" already exists", user->name);
	if (catalog->user_count >= CATALOG_USERS_MAX)
		return error_raise(
			STATUS_TOO_LARGE, "there are %d users already, the most there may be", CATALOG_USERS_MAX);
	if (catalog->user_count == 0 && !is_keeper(user)) {
		status code = error_raise(STATUS_INVALID, "the first user must be an admin with a password");
		error_hint("From then on everybody has to log in: CREATE USER %s WITH PASSWORD '…' IN ROLE admin.",
			user->name);
		return code;
	}
	json_t *record = catalog_record_user("create_user", user);
	if (catalog->user_count == 0) {
		uint8_t secret[SCRAM_SECRET_SIZE];
		scram_random(secret, sizeof secret);
		json_object_set_new(record, "secret", json_base64(secret, sizeof secret));
	}
	return user_record(engine, record);
}

status engine_user_create(struct engine *engine, const struct user *user)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = create_locked(engine, catalog, user);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

static bool other_admin_exists(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->user_count; i++)
		if (strcmp(catalog->users[i]->name, name) != 0 && is_keeper(catalog->users[i]))
			return true;
	return false;
}

static status alter_locked(struct engine *engine, const struct catalog *catalog, const char *name,
	status (*change)(void *context, struct user *user), void *context)
{
	const struct user *old = catalog_user(catalog, name);
	if (old == NULL)
		return user_unknown(name);
	struct user *user = user_copy(old);
	status code = change(context, user);
	if (code == STATUS_OK && !is_keeper(user) && !other_admin_exists(catalog, name))
		code =
			error_raise(STATUS_INVALID, "\"%s\" is the last admin with a password and has to stay one", name);
	if (code == STATUS_OK)
		code = user_record(engine, catalog_record_user("alter_user", user));
	user_release(user);
	return code;
}

status engine_user_alter(struct engine *engine, const char *name,
	status (*change)(void *context, struct user *user), void *context)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = alter_locked(engine, catalog, name, change, context);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}

static status drop_locked(struct engine *engine, const struct catalog *catalog, const char *name, bool opens)
{
	const struct user *user = catalog_user(catalog, name);
	if (user == NULL)
		return user_unknown(name);
	bool last = catalog->user_count == 1;
	if (last && !opens) {
		status code = error_raise(STATUS_INVALID, "\"%s\" is the last user", name);
		error_hint("Without users everybody who reaches the listeners may do everything, and these ones can "
				   "be reached from other machines.");
		return code;
	}
	if (!last && !other_admin_exists(catalog, name)) {
		status code = error_raise(STATUS_INVALID, "\"%s\" is the last admin with a password", name);
		error_hint("Make another user an admin first, or drop the other users first.");
		return code;
	}
	return user_record(engine, json_pack("{s:s, s:s}", "op", "drop_user", "name", name));
}

status engine_user_drop(struct engine *engine, const char *name, bool opens)
{
	pthread_mutex_lock(&engine->ddl);
	struct catalog *catalog = engine_catalog(engine);
	status code = drop_locked(engine, catalog, name, opens);
	catalog_release(catalog);
	pthread_mutex_unlock(&engine->ddl);
	return code;
}
