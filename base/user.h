/* Users and what they may do: the one principal of all listeners.
 *
 *   role      may                                                              on
 *   read      SELECT, Fetch, describe                                          relations, topics
 *   write     INSERT, Produce                                                  relations, topics
 *   deploy    create, change and drop tables, views, topics; deploy, promote   relations, topics
 *   admin     everything, users too                                            –
 *
 * A role is granted on everything ("read"), on one name ("read:orders") or on all names with a beginning
 * ("read:orders*"). What is not granted is refused. Names beginning with "__" (the appliance's own topics)
 * are never covered by anything but admin.
 *
 * A user is immutable once made, and shared by reference count; a change makes a new one. Any thread.
 */
#ifndef KAPPA_BASE_USER_H
#define KAPPA_BASE_USER_H

#include "base/scram.h"

enum user_role { USER_READ, USER_WRITE, USER_DEPLOY, USER_ADMIN, USER_ROLES };

enum { USER_NAME_SIZE_MAX = 63, USER_GRANTS_MAX = 64, USER_PATTERN_SIZE_MAX = 256 };

struct user_grant {
	enum user_role role;
	char *name;     /* NULL = everything */
	bool beginning; /* all names that begin with `name` */
};

struct user {
	int32_t references; /* atomic */
	char *name;
	bool has_password; /* without: by client certificate only */
	struct scram_verifier verifiers[SCRAM_HASHES];
	struct user_grant *grants;
	size_t grant_count;
};

/* No rights and no password yet. INVALID for an impossible name. */
status user_create(const char *name, struct user **out) MUST_USE;
struct user *user_copy(const struct user *user); /* not shared yet, to be changed */
struct user *user_retain(const struct user *user);
void user_release(const struct user *user); /* accepts NULL; wipes */

/* While not shared. Derives the verifiers: some 10 ms. INVALID; never quotes the password. */
status user_password_set(struct user *user, struct slice password) MUST_USE;
void user_password_clear(struct user *user);
/* "read:orders*". INVALID for what is no role, TOO_LARGE; nothing when it is granted already. */
status user_grant(struct user *user, const char *text) MUST_USE;
/* NOT_FOUND when it was not granted in these words. */
status user_revoke(struct user *user, const char *text) MUST_USE;

const char *user_role_name(enum user_role role); /* "read" */
void user_grant_format(const struct user_grant *grant, struct buffer *out);
/* May the user do what `role` is for with the topic or relation `name`? */
bool user_may(const struct user *user, enum user_role role, struct slice name);
/* … with everything there is? */
bool user_may_all(const struct user *user, enum user_role role);
/* … with anything at all? */
bool user_may_some(const struct user *user, enum user_role role);
/* Is the password the user's? Some milliseconds of work. user NULL: as much work, and no. */
bool user_accepts(const struct user *user, struct slice password);

/* A name that a stranger gave, for diagnostics: quotable, at most 63 characters, others are '?'. */
enum { USER_SHOWN_SIZE = 64 };
const char *user_name_show(struct slice name, char out[USER_SHOWN_SIZE]);

#endif
