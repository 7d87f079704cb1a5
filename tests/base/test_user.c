/* Users: names, roles, what they allow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/user.h"

static struct user *user_with(const char *const *roles)
{
	struct user *user = NULL;
	assert_int_equal(user_create("ann", &user), STATUS_OK);
	for (; *roles != NULL; roles++)
		assert_int_equal(user_grant(user, *roles), STATUS_OK);
	return user;
}

static bool may(const struct user *user, enum user_role role, const char *name)
{
	return user_may(user, role, slice_of_string(name));
}

static void what_is_not_granted_is_refused(void **state)
{
	(void)state;
	struct user *user = user_with((const char *const[]){"read:orders", "write:in.*", NULL});
	assert_true(may(user, USER_READ, "orders"));
	assert_false(may(user, USER_READ, "orders2"));
	assert_false(may(user, USER_READ, "order"));
	assert_false(may(user, USER_WRITE, "orders"));
	assert_true(may(user, USER_WRITE, "in.clicks"));
	assert_true(may(user, USER_WRITE, "in."));
	assert_false(may(user, USER_WRITE, "in"));
	assert_false(may(user, USER_DEPLOY, "orders"));
	assert_false(may(user, USER_ADMIN, ""));
	assert_true(user_may_some(user, USER_READ));
	assert_false(user_may_all(user, USER_READ));
	assert_false(user_may_some(user, USER_DEPLOY));
	user_release(user);
}

static void only_the_admin_reads_internal_topics(void **state)
{
	(void)state;
	struct user *reader = user_with((const char *const[]){"read", "read:__kappa_catalog", "read:*", NULL});
	struct user *admin = user_with((const char *const[]){"admin", NULL});
	assert_true(may(reader, USER_READ, "_x"));
	assert_false(may(reader, USER_READ, "__kappa_catalog"));
	assert_true(user_may_all(reader, USER_READ));
	assert_true(may(admin, USER_READ, "__kappa_catalog"));
	assert_true(may(admin, USER_DEPLOY, "anything"));
	user_release(reader);
	user_release(admin);
}

static void a_revoked_role_is_gone(void **state)
{
	(void)state;
	struct user *user = user_with((const char *const[]){"read", "write:a*", "write:a", NULL});
	assert_int_equal(user_revoke(user, "write:a*"), STATUS_OK);
	assert_true(may(user, USER_WRITE, "a"));
	assert_false(may(user, USER_WRITE, "ab"));
	assert_int_equal(user_revoke(user, "write:a*"), STATUS_NOT_FOUND);
	struct user *copy = user_copy(user);
	user_release(user);
	assert_int_equal(user_revoke(copy, "read"), STATUS_OK);
	assert_false(user_may_some(copy, USER_READ));
	user_release(copy);
}

static void impossible_roles_and_names_are_refused(void **state)
{
	(void)state;
	static const char *const roles[] = {
		"", "reader", "rea", "read:", "admin:x", "read:a*b", "read:a**", "READ", "read:a\"b"};
	struct user *user = user_with((const char *const[]){NULL});
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		assert_int_equal(user_grant(user, roles[i]), STATUS_INVALID);
	user_release(user);
	static const char *const names[] = {"", "a\nb", "a\"b", "a\\b", "a:b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(user_create(names[i], &user), STATUS_INVALID);
}

static void a_user_without_password_accepts_none(void **state)
{
	(void)state;
	struct user *user = user_with((const char *const[]){"read", NULL});
	assert_false(user_accepts(user, slice_of_string("")));
	assert_false(user_accepts(NULL, slice_of_string("secret")));
	assert_int_equal(user_password_set(user, slice_of_string("secret")), STATUS_OK);
	assert_true(user_accepts(user, slice_of_string("secret")));
	assert_false(user_accepts(user, slice_of_string("Secret")));
	user_password_clear(user);
	assert_false(user_accepts(user, slice_of_string("secret")));
	user_release(user);
}

static void strange_names_are_shown_harmless(void **state)
{
	(void)state;
	char shown[USER_SHOWN_SIZE];
	assert_string_equal(user_name_show(slice_of_string("a\" b\n\x80"), shown), "a? b??");
	char large[200];
	memset(large, 'x', sizeof large);
	assert_int_equal(strlen(user_name_show(slice_of(large, sizeof large), shown)), USER_SHOWN_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_granted_is_refused),
		cmocka_unit_test(only_the_admin_reads_internal_topics),
		cmocka_unit_test(a_revoked_role_is_gone),
		cmocka_unit_test(impossible_roles_and_names_are_refused),
		cmocka_unit_test(a_user_without_password_accepts_none),
		cmocka_unit_test(strange_names_are_shown_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
