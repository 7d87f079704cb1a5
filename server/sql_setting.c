/* Settings: one table, values as text. */
#include "server/sql_setting.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/invariant.h"
#include "base/memory.h"

enum {
	VALUE_SIZE_MAX = 1024,
	CUSTOM_MAX = 100, /* settings with a dot that clients may keep here */
};

enum setting_type {
	SETTING_FIXED,  /* cannot be changed */
	SETTING_SWITCH, /* on or off */
	SETTING_TIME,   /* milliseconds, or with a unit */
	SETTING_NUMBER,
	SETTING_TEXT,     /* any */
	SETTING_CHOICE,   /* one of `accepted`, separated by |; what is shown is the default */
	SETTING_ENCODING, /* a name of UTF-8 */
	SETTING_ZONE,     /* any zone is taken, UTC is kept */
};

enum setting_flags { REPORTED = 1 };

struct setting {
	const char *name;
	enum setting_type type;
	unsigned flags;
	const char *initial;
	const char *accepted;
	const char *words;
};

/* By name, whatever the case: kappa.settings and SHOW ALL list them in this order. */
static const struct setting settings_known[] = {
	{"application_name", SETTING_TEXT, REPORTED, "", NULL, "name of the client program"},
	{"bytea_output", SETTING_CHOICE, 0, "hex", "hex", "output of bytea"},
	{"client_encoding", SETTING_ENCODING, REPORTED, "UTF8", NULL, "encoding of the client"},
	{"client_min_messages", SETTING_TEXT, 0, "notice", NULL, "accepted; all notices are sent"},
	{"DateStyle", SETTING_CHOICE, REPORTED, "ISO, MDY",
		"ISO|ISO, MDY|ISO, DMY|ISO, YMD|ISO,MDY|MDY|ISO,DMY|ISO,YMD", "output of dates"},
	{"default_transaction_isolation", SETTING_TEXT, 0, "repeatable read", NULL,
		"accepted; transactions read one snapshot"},
	{"default_transaction_read_only", SETTING_CHOICE, REPORTED, "off", "off|false|no|0",
		"transactions may write"},
	{"extra_float_digits", SETTING_NUMBER, 0, "1", NULL,
		"accepted; floats are shown by their shortest exact text"},
	{"idle_in_transaction_session_timeout", SETTING_CHOICE, 0, "0", "0", "not limited"},
	{"in_hot_standby", SETTING_FIXED, REPORTED, "off", NULL, "the server takes writes"},
	{"integer_datetimes", SETTING_FIXED, REPORTED, "on", NULL, "timestamps are integers"},
	{"IntervalStyle", SETTING_CHOICE, REPORTED, "postgres", "postgres", "output of intervals"},
	{"is_superuser", SETTING_FIXED, REPORTED, "off", NULL, "there are no superusers"},
	{"kappa.read_your_writes", SETTING_SWITCH, 0, "on", NULL,
		"after an INSERT the next SELECT waits until the views have seen it"},
	{"kappa.version", SETTING_FIXED, 0, KAPPA_VERSION, NULL, "version of the appliance"},
	{"lc_collate", SETTING_FIXED, 0, "C", NULL, "text is ordered by bytes"},
	{"lc_ctype", SETTING_FIXED, 0, "C.UTF-8", NULL, "character classes"},
	{"lc_messages", SETTING_TEXT, 0, "C", NULL, "accepted; messages are in English"},
	{"lock_timeout", SETTING_TIME, 0, "0", NULL, "accepted; nothing waits for locks"},
	{"max_identifier_length", SETTING_FIXED, 0, "63", NULL, "longest name"},
	{"row_security", SETTING_CHOICE, 0, "on", "on|off", "there are no row policies"},
	{"search_path", SETTING_TEXT, 0, "\"$user\", public", NULL,
		"accepted; names are looked up in public, kappa, pg_catalog"},
	{"server_encoding", SETTING_FIXED, REPORTED, "UTF8", NULL, "encoding of the server"},
	{"server_version", SETTING_FIXED, REPORTED, "15.6 (Kappa " KAPPA_VERSION ")", NULL,
		"version of PostgreSQL whose dialect is spoken"},
	{"server_version_num", SETTING_FIXED, 0, "150006", NULL, "the same as a number"},
	{"session_authorization", SETTING_FIXED, REPORTED, "kappa", NULL, "the user"},
	{"standard_conforming_strings", SETTING_CHOICE, REPORTED, "on", "on|true|1", "backslashes are ordinary"},
	{"statement_timeout", SETTING_TIME, 0, "0", NULL, "longest run of a statement; 0 = unlimited"},
	{"synchronous_commit", SETTING_TEXT, 0, "on", NULL, "accepted; acknowledged is durable"},
	{"TimeZone", SETTING_ZONE, REPORTED, "UTC", NULL, "timestamps are shown in UTC"},
	{"transaction_isolation", SETTING_TEXT, 0, "repeatable read", NULL,
		"accepted; transactions read one snapshot"},
	{"transaction_read_only", SETTING_CHOICE, 0, "off", "off|false|no|0", "transactions may write"},
	{"work_mem", SETTING_TEXT, 0, "4MB", NULL, "accepted; memory is limited by the server's configuration"},
};

enum { SETTING_COUNT = sizeof settings_known / sizeof settings_known[0] };

struct custom_setting {
	char *name;
	char *value;
};

struct sql_settings {
	char *values[SETTING_COUNT];
	char *base[SETTING_COUNT]; /* what RESET goes back to */
	struct custom_setting customs[CUSTOM_MAX];
	size_t custom_count;
};

static void text_replace(char **text, const char *with)
{
	char *copy = mem_copy_string(with);
	mem_free(*text);
	*text = copy;
}

struct sql_settings *sql_settings_create(void)
{
	struct sql_settings *settings = mem_alloc_zeroed(1, sizeof *settings);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		settings->values[i] = mem_copy_string(settings_known[i].initial);
		settings->base[i] = mem_copy_string(settings_known[i].initial);
	}
	return settings;
}

void sql_settings_destroy(struct sql_settings *settings)
{
	if (settings == NULL)
		return;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		mem_free(settings->values[i]);
		mem_free(settings->base[i]);
	}
	for (size_t i = 0; i < settings->custom_count; i++) {
		mem_free(settings->customs[i].name);
		mem_free(settings->customs[i].value);
	}
	mem_free(settings);
}

void sql_settings_rebase(struct sql_settings *settings)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		text_replace(&settings->base[i], settings->values[i]);
}

static size_t setting_find(const char *name)
{
	size_t index = 0;
	while (index < SETTING_COUNT && strcasecmp(settings_known[index].name, name) != 0)
		index++;
	return index;
}

static struct custom_setting *custom_find(const struct sql_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->custom_count; i++) {
		if (strcasecmp(settings->customs[i].name, name) == 0)
			return (struct custom_setting *)&settings->customs[i];
	}
	return NULL;
}

/* ---- values ---- */

static bool choice_has(const char *accepted, const char *value)
{
	size_t size = strlen(value);
	for (const char *at = accepted; at != NULL; at = strchr(at, '|') != NULL ? strchr(at, '|') + 1 : NULL) {
		size_t part = strcspn(at, "|");
		if (part == size && strncasecmp(at, value, size) == 0)
			return true;
	}
	return false;
}

/* "5s", "100ms", "1min", "2 h", "250"; −1 when it is none. */
static int64_t time_parse(const char *text)
{
	static const struct {
		const char *unit;
		int64_t milliseconds;
	} units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *end = NULL;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text || errno != 0 || number < 0 || number > INT32_MAX)
		return -1;
	end += strspn(end, " ");
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(end, units[i].unit) == 0)
			return number * units[i].milliseconds;
	}
	return -1;
}

static status value_refuse(const struct setting *setting, const char *value)
{
	error_raise(STATUS_INVALID, "invalid value for parameter \"%s\": \"%.100s\"", setting->name, value);
	if (setting->type == SETTING_CHOICE || setting->type == SETTING_ENCODING)
		error_hint("It can only be \"%s\": %s.", setting->initial, setting->words);
	else if (setting->type == SETTING_TIME)
		error_hint("A number of milliseconds, or with a unit: ms, s, min, h, d.");
	return STATUS_INVALID;
}

static bool is_one_of(const char *value, const char *const words[4])
{
	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(value, words[i]) == 0)
			return true;
	}
	return false;
}

/* As PostgreSQL, by letters and digits alone: utf-8, 'UTF8', Unicode. SQL_ASCII means "whatever the server
 * sends". */
static bool encoding_is_utf8(const char *name)
{
	static const char *const names[] = {"utf8", "unicode", "sqlascii"};
	char plain[16];
	size_t size = 0;
	for (; *name != '\0' && size + 1 < sizeof plain; name++) {
		if (isalnum((unsigned char)*name))
			plain[size++] = (char)tolower((unsigned char)*name);
	}
	plain[size] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (*name == '\0' && strcmp(plain, names[i]) == 0)
			return true;
	}
	return false;
}

/* What is kept of a value; NULL when it is refused. Static, or `value` itself. */
static const char *value_kept(const struct setting *setting, const char *value, const char **notice)
{
	static const char *const yes[4] = {"on", "true", "yes", "1"};
	static const char *const no[4] = {"off", "false", "no", "0"};
	static const char *const utc[4] = {"UTC", "Etc/UTC", "GMT", "default"};
	char *end = NULL;
	switch (setting->type) {
	case SETTING_SWITCH:
		return is_one_of(value, yes) ? "on" : is_one_of(value, no) ? "off" : NULL;
	case SETTING_TIME:
		return time_parse(value) >= 0 ? value : NULL;
	case SETTING_NUMBER:
		(void)strtol(value, &end, 10);
		return end != value && *end == '\0' ? value : NULL;
	case SETTING_TEXT:
		return strlen(value) <= VALUE_SIZE_MAX ? value : NULL;
	case SETTING_CHOICE:
		return choice_has(setting->accepted, value) ? setting->initial : NULL;
	case SETTING_ENCODING:
		return encoding_is_utf8(value) ? setting->initial : NULL;
	case SETTING_ZONE:
		if (!is_one_of(value, utc))
			*notice = "time zones other than UTC are not supported yet: TimeZone stays UTC";
		return setting->initial;
	case SETTING_FIXED:
		break;
	}
	return NULL;
}

static status custom_set(struct sql_settings *settings, const char *name, const char *value)
{
	struct custom_setting *custom = custom_find(settings, name);
	if (custom == NULL) {
		if (settings->custom_count == CUSTOM_MAX || strlen(name) > VALUE_SIZE_MAX)
			return error_raise(STATUS_TOO_LARGE, "a session can have %d custom settings", CUSTOM_MAX);
		custom = &settings->customs[settings->custom_count++];
		custom->name = mem_copy_string(name);
		custom->value = NULL;
	}
	if (value != NULL && strlen(value) > VALUE_SIZE_MAX)
		return error_raise(STATUS_TOO_LARGE, "a custom setting holds at most %d bytes", VALUE_SIZE_MAX);
	text_replace(&custom->value, value != NULL ? value : "");
	return STATUS_OK;
}

static status name_refuse(const char *name)
{
	error_raise(STATUS_INVALID, "unrecognized configuration parameter \"%.100s\"", name);
	error_sqlstate("42704");
	error_hint("SHOW ALL lists the settings.");
	return STATUS_INVALID;
}

static status all_reset(struct sql_settings *settings)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		text_replace(&settings->values[i], settings->base[i]);
	return STATUS_OK;
}

status sql_settings_set(struct sql_settings *settings, const char *name, const char *value,
	const char **reported, const char **notice)
{
	*reported = NULL;
	*notice = NULL;
	if (value == NULL && strcasecmp(name, "all") == 0)
		return all_reset(settings);
	size_t index = setting_find(name);
	if (index == SETTING_COUNT) {
		const char *dot = strchr(name, '.');
		if (dot == NULL || dot == name || strncasecmp(name, "kappa.", 6) == 0)
			return name_refuse(name);
		return custom_set(settings, name, value);
	}
	const struct setting *setting = &settings_known[index];
	const char *kept = value == NULL || strcasecmp(value, settings->values[index]) == 0
						   ? (value == NULL ? settings->base[index] : settings->values[index])
						   : value_kept(setting, value, notice);
	if (kept == NULL && setting->type == SETTING_FIXED) {
		error_raise(STATUS_INVALID, "parameter \"%s\" cannot be changed", setting->name);
		error_sqlstate("55P02");
		return STATUS_INVALID;
	}
	if (kept == NULL)
		return value_refuse(setting, value);
	bool changed = strcmp(kept, settings->values[index]) != 0;
	if (changed)
		text_replace(&settings->values[index], kept);
	if (changed && (setting->flags & REPORTED) != 0)
		*reported = setting->name;
	return STATUS_OK;
}

void sql_settings_force(struct sql_settings *settings, const char *name, const char *value)
{
	size_t index = setting_find(name);
	INVARIANT(index < SETTING_COUNT);
	text_replace(&settings->values[index], value);
	text_replace(&settings->base[index], value);
}

const char *sql_settings_get(const struct sql_settings *settings, const char *name, const char **canonical)
{
	size_t index = setting_find(name);
	if (index < SETTING_COUNT) {
		if (canonical != NULL)
			*canonical = settings_known[index].name;
		return settings->values[index];
	}
	const struct custom_setting *custom = custom_find(settings, name);
	if (custom == NULL)
		return NULL;
	if (canonical != NULL)
		*canonical = custom->name;
	return custom->value;
}

bool sql_settings_is_on(const struct sql_settings *settings, const char *name)
{
	const char *value = sql_settings_get(settings, name, NULL);
	return value != NULL && strcmp(value, "on") == 0;
}

int64_t sql_settings_milliseconds(const struct sql_settings *settings, const char *name)
{
	const char *value = sql_settings_get(settings, name, NULL);
	int64_t milliseconds = value != NULL ? time_parse(value) : 0;
	return milliseconds > 0 ? milliseconds : 0;
}

bool sql_settings_describe(const struct sql_settings *settings, size_t index, const char **name,
	const char **value, const char **words)
{
	if (index >= SETTING_COUNT)
		return false;
	*name = settings_known[index].name;
	*value = settings->values[index];
	*words = settings_known[index].words;
	return true;
}

const char *sql_settings_reported(size_t index)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if ((settings_known[i].flags & REPORTED) != 0 && index-- == 0)
			return settings_known[i].name;
	}
	return NULL;
}
