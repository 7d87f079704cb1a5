/* The settings of a session: SET, SHOW, RESET, start-up parameters.
 *
 * A fixed table of what PostgreSQL clients ask for and what Kappa has of its own, plus custom ones (with a
 * dot in the name). Most accept only the values that say how things are anyway: a setting that would be
 * believed and not obeyed is refused.
 *
 * Threads: the session's.
 */
#ifndef KAPPA_SERVER_SQL_SETTING_H
#define KAPPA_SERVER_SQL_SETTING_H

#include "base/bytes.h"
#include "base/status.h"

struct sql_settings;

struct sql_settings *sql_settings_create(void);
void sql_settings_destroy(struct sql_settings *settings); /* accepts NULL */
/* value NULL = the default. *reported gets the name when clients must be told that the value changed, else
 * NULL; *notice gets a text when the value was taken differently than given, else NULL (both static).
 * INVALID, UNSUPPORTED. */
status sql_settings_set(struct sql_settings *settings, const char *name, const char *value,
	const char **reported, const char **notice) MUST_USE;
/* What RESET goes back to, from now on. */
void sql_settings_rebase(struct sql_settings *settings);
/* Bypasses the checks: for what the session knows itself (session_authorization). */
void sql_settings_force(struct sql_settings *settings, const char *name, const char *value);
/* Borrowed until the next set; NULL = unknown. *canonical (may be NULL) gets the name as PostgreSQL writes
 * it. */
const char *sql_settings_get(const struct sql_settings *settings, const char *name, const char **canonical);
bool sql_settings_is_on(const struct sql_settings *settings, const char *name);
int64_t sql_settings_milliseconds(const struct sql_settings *settings, const char *name);
/* All of them, by name; false past the last. */
bool sql_settings_describe(const struct sql_settings *settings, size_t index, const char **name,
	const char **value, const char **words);
/* Names of those told to clients at start-up; NULL past the last. */
const char *sql_settings_reported(size_t index);

#endif
