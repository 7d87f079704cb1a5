/* See user.h. */
#include "base/user.h"

#include "base/invariant.h"
#include "base/memory.h"

static const char *const role_names[] = {"read", "write", "deploy", "admin"};

const char *user_role_name(enum user_role role)
{
	return role_names[role];
}

/* ---- life ---- */

static status name_check(const char *name)
{
	size_t size = strlen(name);
	if (size == 0 || size > USER_NAME_SIZE_MAX)
		return error_raise(
			STATUS_INVALID, "a user's name has 1 to %d bytes, not %zu", USER_NAME_SIZE_MAX, size);
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)name[i];
		/* Names stand in diagnostics, in SCRAM messages and before the colon of HTTP's Basic. */
		if (byte < ' ' || byte == 0x7f || byte == '"' || byte == '\\' || byte == ':')
			return error_raise(STATUS_INVALID,
				"a user's name has no control characters, quotation marks, backslashes or colons");
	}
	return STATUS_OK;
}

status user_create(const char *name, struct user **out)
{
	status code = name_check(name);
	if (code != STATUS_OK)
		return code;
	struct user *user = mem_alloc_zeroed(1, sizeof *user);
	user->references = 1;
	user->name = mem_copy_string(name);
	*out = user;
	return STATUS_OK;
}

struct user *user_copy(const struct user *user)
{
	struct user *copy = mem_alloc_zeroed(1, sizeof *copy);
	*copy = *user;
	copy->references = 1;
	copy->name = mem_copy_string(user->name);
	copy->grants = mem_alloc_zeroed(user->grant_count + 1, sizeof *copy->grants);
	for (size_t i = 0; i < user->grant_count; i++) {
		copy->grants[i] = user->grants[i];
		if (user->grants[i].name != NULL)
			copy->grants[i].name = mem_copy_string(user->grants[i].name);
	}
	return copy;
}

struct user *user_retain(const struct user *user)
{
	struct user *shared = (struct user *)(uintptr_t)user;
	if (shared != NULL)
		__atomic_fetch_add(&shared->references, 1, __ATOMIC_RELAXED);
	return shared;
}

void user_release(const struct user *user)
{
	struct user *shared = (struct user *)(uintptr_t)user;
	if (shared == NULL || __atomic_fetch_sub(&shared->references, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	for (size_t i = 0; i < shared->grant_count; i++)
		mem_free(shared->grants[i].name);
	mem_free(shared->grants);
	mem_free(shared->name);
	scram_wipe(shared, sizeof *shared);
	mem_free(shared);
}

/* ---- password ---- */

status user_password_set(struct user *user, struct slice password)
{
	status code = scram_password_check(password);
	if (code != STATUS_OK)
		return code;
	for (enum scram_hash hash = 0; hash < SCRAM_HASHES; hash++)
		scram_verifier_create(hash, password, &user->verifiers[hash]);
	user->has_password = true;
	return STATUS_OK;
}

void user_password_clear(struct user *user)
{
	scram_wipe(user->verifiers, sizeof user->verifiers);
	user->has_password = false;
}

bool user_accepts(const struct user *user, struct slice password)
{
	struct scram_verifier nobody = {.salt_size = SCRAM_SALT_SIZE, .iterations = SCRAM_ITERATIONS};
	bool known = user != NULL && user->has_password;
	if (password.size > SCRAM_PASSWORD_SIZE_MAX)
		return false;
	bool fits =
		scram_verifier_accepts(SCRAM_SHA_256, known ? &user->verifiers[SCRAM_SHA_256] : &nobody, password);
	return fits && known;
}

/* ---- roles ---- */

/* "read:orders*" to its parts; the name lies in `text`. */
static status grant_parse(const char *text, struct user_grant *out, size_t *name_size)
{
	size_t size = strcspn(text, ":");
	for (enum user_role role = 0; role < USER_ROLES; role++) {
		if (strlen(role_names[role]) != size || strncmp(text, role_names[role], size) != 0)
			continue;
		*out = (struct user_grant){.role = role};
		*name_size = 0;
		if (text[size] == '\0')
			return STATUS_OK;
		const char *name = text + size + 1;
		size_t length = strlen(name);
		if (role == USER_ADMIN || length == 0 || length > USER_PATTERN_SIZE_MAX)
			break;
		out->beginning = name[length - 1] == '*';
		out->name = (char *)(uintptr_t)name;
		*name_size = out->beginning ? length - 1 : length;
		if (memchr(name, '*', *name_size) != NULL || memchr(name, '"', length) != NULL)
			break;
		return STATUS_OK;
	}
	status code = error_raise(STATUS_INVALID, "\"%.100s\" is no role", text);
	error_sqlstate("42704");
	error_hint("Roles are read, write, deploy and admin; the first three also for a name, as in "
			   "\"read:orders\", or for all names with a beginning, as in \"read:orders*\".");
	return code;
}

/* Where the grant stands; grant_count when it does not. */
static size_t grant_find(const struct user *user, const struct user_grant *grant, size_t name_size)
{
	for (size_t i = 0; i < user->grant_count; i++) {
		const struct user_grant *have = &user->grants[i];
		if (have->role != grant->role || have->beginning != grant->beginning ||
			(have->name == NULL) != (grant->name == NULL))
			continue;
		if (have->name == NULL ||
			(strlen(have->name) == name_size && memcmp(have->name, grant->name, name_size) == 0))
			return i;
	}
	return user->grant_count;
}

status user_grant(struct user *user, const char *text)
{
	struct user_grant grant;
	size_t name_size;
	status code = grant_parse(text, &grant, &name_size);
	if (code != STATUS_OK)
		return code;
	if (grant_find(user, &grant, name_size) < user->grant_count)
		return STATUS_OK;
	if (user->grant_count >= USER_GRANTS_MAX)
		return error_raise(STATUS_TOO_LARGE, "user \"%s\" has %d roles already", user->name, USER_GRANTS_MAX);
	if (grant.name != NULL) {
		char *name = mem_alloc(name_size + 1);
		memcpy(name, grant.name, name_size);
		name[name_size] = '\0';
		grant.name = name;
	}
	user->grants = mem_resize(user->grants, (user->grant_count + 1) * sizeof *user->grants);
	user->grants[user->grant_count++] = grant;
	return STATUS_OK;
}

status user_revoke(struct user *user, const char *text)
{
	struct user_grant grant;
	size_t name_size;
	status code = grant_parse(text, &grant, &name_size);
	if (code != STATUS_OK)
		return code;
	size_t at = grant_find(user, &grant, name_size);
	if (at == user->grant_count) {
		code = error_raise(STATUS_NOT_FOUND, "user \"%s\" does not have the role \"%s\"", user->name, text);
		error_sqlstate("42704");
		return code;
	}
	mem_free(user->grants[at].name);
	memmove(&user->grants[at], &user->grants[at + 1], (user->grant_count - at - 1) * sizeof *user->grants);
	user->grant_count--;
	return STATUS_OK;
}

void user_grant_format(const struct user_grant *grant, struct buffer *out)
{
	buffer_append_string(out, role_names[grant->role]);
	if (grant->name != NULL)
		buffer_printf(out, ":%s%s", grant->name, grant->beginning ? "*" : "");
}

static bool grant_covers(const struct user_grant *grant, struct slice name)
{
	if (name.size >= 2 && name.data[0] == '_' && name.data[1] == '_')
		return false;
	if (grant->name == NULL)
		return true;
	size_t size = strlen(grant->name);
	return (grant->beginning ? name.size >= size : name.size == size) &&
		   memcmp(grant->name, name.data, size) == 0;
}

bool user_may(const struct user *user, enum user_role role, struct slice name)
{
	for (size_t i = 0; i < user->grant_count; i++) {
		const struct user_grant *grant = &user->grants[i];
		if (grant->role == USER_ADMIN || (grant->role == role && grant_covers(grant, name)))
			return true;
	}
	return false;
}

bool user_may_all(const struct user *user, enum user_role role)
{
	for (size_t i = 0; i < user->grant_count; i++) {
		const struct user_grant *grant = &user->grants[i];
		if (grant->role == USER_ADMIN ||
			(grant->role == role && (grant->name == NULL || (grant->beginning && grant->name[0] == '\0'))))
			return true;
	}
	return false;
}

bool user_may_some(const struct user *user, enum user_role role)
{
	for (size_t i = 0; i < user->grant_count; i++) {
		if (user->grants[i].role == USER_ADMIN || user->grants[i].role == role)
			return true;
	}
	return false;
}

const char *user_name_show(struct slice name, char out[USER_SHOWN_SIZE])
{
	size_t size = name.size < USER_SHOWN_SIZE - 1 ? name.size : USER_SHOWN_SIZE - 1;
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = name.data[i];
		out[i] = byte < ' ' || byte > '~' || byte == '"' || byte == '\\' ? '?' : (char)byte;
	}
	out[size] = '\0';
	return out;
}
