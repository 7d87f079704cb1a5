/* Configuration: one table of options, three places they may be given. */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/invariant.h"
#include "base/memory.h"

enum option_type { OPTION_TEXT, OPTION_TEXT_OR_NONE, OPTION_NUMBER, OPTION_SWITCH };

struct option {
	const char *name; /* as in the file and kappa.settings; the flag has - for _ */
	enum option_type type;
	size_t at;
	const char *initial;
	int64_t least, most; /* numbers */
	const char *words;
};

#define AT(field) offsetof(struct server_config, field)

static const struct option options[] = {
	{"data_dir", OPTION_TEXT, AT(data_dir), "./kappa-data", 0, 0, "data directory"},
	{"listen_address", OPTION_TEXT, AT(listen_address), "127.0.0.1", 0, 0,
		"numeric address of all listeners"},
	{"kafka_advertised_host", OPTION_TEXT_OR_NONE, AT(kafka_advertised_host), "", 0, 0,
		"name or address that Kafka clients are told to connect to; none = the listen address"},
	{"kafka_port", OPTION_NUMBER, AT(kafka_port), "9092", 0, 65535, "Kafka protocol; 0 = any free port"},
	{"pg_port", OPTION_NUMBER, AT(pg_port), "5433", 0, 65535, "PostgreSQL protocol; 0 = any free port"},
	{"http_port", OPTION_NUMBER, AT(http_port), "8088", 0, 65535, "HTTP; 0 = any free port"},
	{"workers", OPTION_NUMBER, AT(workers), "2", 1, 64,
		"engine threads; 1 = live views and replays alternate on one"},
	{"memory_mb", OPTION_NUMBER, AT(memory_mb), "1024", 16, 1 << 20,
		"memory budget of operator state and view stores, MiB"},
	{"step_rows", OPTION_NUMBER, AT(step_rows), "16384", 1, 1 << 20,
		"largest live step, records; 1 = each record by itself"},
	{"step_delay_ms", OPTION_NUMBER, AT(step_delay_ms), "0", 0, 60000,
		"wait this long for more records before a live step"},
	{"segment_bytes", OPTION_NUMBER, AT(segment_bytes), "0", 0, INT64_C(1) << 31,
		"size of log segments of new topics; 0 = 256 MiB"},
	{"group_initial_delay_ms", OPTION_NUMBER, AT(group_initial_delay_ms), "100", 0, 60000,
		"how long the first member of a consumer group waits for others to join"},
	{"offsets_retention_minutes", OPTION_NUMBER, AT(offsets_retention_minutes), "10080", 1, 5256000,
		"how long committed offsets are kept after their group became empty"},
	{"clean_interval_ms", OPTION_NUMBER, AT(clean_interval_ms), "30000", 10, INT64_C(86400000),
		"how often to look for what retention and compaction ask for"},
	{"clean_memory_mb", OPTION_NUMBER, AT(clean_memory_mb), "64", 1, 65536,
		"memory for the keys that compaction compares at a time, MiB"},
	{"connections_max", OPTION_NUMBER, AT(connections_max), "5000", 1, 100000,
		"open connections of one listener"},
	{"connections_per_address_max", OPTION_NUMBER, AT(connections_per_address_max), "0", 0, 100000,
		"of them from one address; 0 = as many as connections_max"},
	{"input_memory_mb", OPTION_NUMBER, AT(input_memory_mb), "256", 128, 1 << 20,
		"memory for Kafka requests of more than 64 KiB, from their first byte to their answer, MiB; others "
		"wait in line"},
	{"output_memory_mb", OPTION_NUMBER, AT(output_memory_mb), "256", 1, 1 << 20,
		"memory for answers that clients have not taken yet, MiB; when it is spent, each connection is held "
		"to a "
		"quarter MiB"},
	{"connect_dirs", OPTION_TEXT, AT(connect_dirs), "loopback", 0, 0,
		"directories whose files connectors may read and write, separated by ':'; none; or loopback: any "
		"while "
		"only this machine can connect"},
	{"log_level", OPTION_TEXT, AT(log_level), "info", 0, 0, "debug, info, warn or error"},
	{"allow_insecure_listen", OPTION_SWITCH, AT(allow_insecure_listen), "false", 0, 0,
		"allow a listen address that other machines can reach, without TLS and users"},
	{"allow_plain_password", OPTION_SWITCH, AT(allow_plain_password), "false", 0, 0,
		"offer Kafka clients the mechanism PLAIN without TLS, too"},
	{"tls_cert_file", OPTION_TEXT_OR_NONE, AT(tls_cert_file), "", 0, 0,
		"certificate with its chain, PEM; with it all listeners speak TLS"},
	{"tls_key_file", OPTION_TEXT_OR_NONE, AT(tls_key_file), "", 0, 0, "its private key, PEM"},
	{"tls_client_ca_file", OPTION_TEXT_OR_NONE, AT(tls_client_ca_file), "", 0, 0,
		"who may sign clients' certificates, PEM; the common name is the user"},
	{"tls_client_required", OPTION_SWITCH, AT(tls_client_required), "false", 0, 0,
		"refuse clients without a certificate"},
	{"tls_required", OPTION_SWITCH, AT(tls_required), "true", 0, 0,
		"refuse clients without TLS, once there is a certificate"},
	{"admin_user", OPTION_TEXT, AT(admin_user), "admin", 0, 0, "name of the first user"},
	{"admin_password_file", OPTION_TEXT_OR_NONE, AT(admin_password_file), "", 0, 0,
		"file with the first user's password, made an admin if there are no users; or KAPPA_ADMIN_PASSWORD"},
};

enum { OPTION_COUNT = sizeof options / sizeof options[0], FLAG_SIZE_MAX = 64 };

static void *field_of(const struct server_config *config, const struct option *option)
{
	return (char *)(uintptr_t)config + option->at;
}

static bool switch_parse(const char *text, bool *out)
{
	static const char *const yes[] = {"true", "on", "yes", "1", ""};
	static const char *const no[] = {"false", "off", "no", "0"};
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*out = true;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		if (strcasecmp(text, no[i]) == 0) {
			*out = false;
			return true;
		}
	}
	return false;
}

static bool option_is_text(const struct option *option)
{
	return option->type == OPTION_TEXT || option->type == OPTION_TEXT_OR_NONE;
}

/* `where` says who gave the value: "--pg-port", "KAPPA_PG_PORT", "kappa.ini line 3". */
static status option_set(
	struct server_config *config, const struct option *option, const char *value, const char *where)
{
	void *field = field_of(config, option);
	if (option->type == OPTION_SWITCH) {
		if (!switch_parse(value, field))
			return error_raise(STATUS_INVALID, "%s: \"%s\" is neither true nor false", where, value);
		return STATUS_OK;
	}
	if (option_is_text(option)) {
		if (value[0] == '\0' && option->type == OPTION_TEXT)
			return error_raise(STATUS_INVALID, "%s: a value is needed (%s)", where, option->words);
		char *copy = mem_copy_string(value);
		mem_free(*(char **)field);
		*(char **)field = copy;
		return STATUS_OK;
	}
	char *end = NULL;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || number < option->least || number > option->most)
		return error_raise(STATUS_INVALID, "%s: \"%s\" is not a number from %ld to %ld", where, value,
			(long)option->least, (long)option->most);
	*(int64_t *)field = number;
	return STATUS_OK;
}

void server_config_init(struct server_config *config)
{
	memset(config, 0, sizeof *config);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		status set = option_set(config, &options[i], options[i].initial, options[i].name);
		INVARIANT(set == STATUS_OK);
	}
}

void server_config_deinit(struct server_config *config)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (option_is_text(&options[i])) {
			mem_free(*(char **)field_of(config, &options[i]));
			*(char **)field_of(config, &options[i]) = NULL;
		}
	}
}

/* Names match whatever their case, with - or _. */
static const struct option *option_find(const char *name, size_t size)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		size_t at = 0;
		while (at < size && options[i].name[at] != '\0' &&
			   tolower((unsigned char)(name[at] == '-' ? '_' : name[at])) == options[i].name[at])
			at++;
		if (at == size && options[i].name[at] == '\0')
			return &options[i];
	}
	return NULL;
}

/* ---- the file ---- */

struct file_reading {
	struct server_config *config;
	const char *path;
	status result;
};

/* Debian's inih says no line; the option's name is place enough. It goes on after a failure: the first one
 * counts. */
static int file_entry(void *context, const char *section, const char *name, const char *value)
{
	(void)section;
	struct file_reading *reading = context;
	if (reading->result != STATUS_OK)
		return 0;
	char where[PATH_MAX + FLAG_SIZE_MAX];
	snprintf(where, sizeof where, "%s: %.40s", reading->path, name);
	const struct option *option = option_find(name, strlen(name));
	if (option == NULL)
		reading->result = error_raise(STATUS_INVALID, "%s is not an option", where);
	else
		reading->result = option_set(reading->config, option, value != NULL ? value : "", where);
	return reading->result == STATUS_OK;
}

static status file_load(struct server_config *config, const char *path)
{
	struct file_reading reading = {config, path, STATUS_OK};
	int line = ini_parse(path, file_entry, &reading);
	if (reading.result != STATUS_OK)
		return reading.result;
	if (line < 0)
		return error_raise(STATUS_INVALID, "configuration file %s cannot be read", path);
	if (line > 0)
		return error_raise(
			STATUS_INVALID, "%s line %d: neither \"name = value\" nor a [section]", path, line);
	return STATUS_OK;
}

/* ---- the environment ---- */

static status environment_load(struct server_config *config)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char name[FLAG_SIZE_MAX] = "KAPPA_";
		for (size_t at = 0; options[i].name[at] != '\0'; at++)
			name[6 + at] = (char)toupper((unsigned char)options[i].name[at]);
		const char *value = getenv(name);
		if (value != NULL && option_set(config, &options[i], value, name) != STATUS_OK)
			return STATUS_INVALID;
	}
	return STATUS_OK;
}

/* ---- the flags ---- */

/* One flag at argv[*at]; "--name value", "--name=value", switches alone. `config_path` gets --config. With
 * config NULL only that one and --help are looked at. */
static status flag_load(
	struct server_config *config, int argc, char **argv, int *at, const char **config_path, bool *help)
{
	const char *flag = argv[(*at)++];
	if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
		*help = true;
		return STATUS_OK;
	}
	if (strncmp(flag, "--", 2) != 0)
		return error_raise(STATUS_INVALID, "\"%s\" is not an option of kappa serve", flag);
	const char *equals = strchr(flag, '=');
	size_t size = equals != NULL ? (size_t)(equals - flag) - 2 : strlen(flag) - 2;
	bool is_config = size == 6 && memcmp(flag + 2, "config", 6) == 0;
	const struct option *option = is_config ? NULL : option_find(flag + 2, size);
	if (!is_config && option == NULL) {
		error_raise(STATUS_INVALID, "\"%.*s\" is not an option of kappa serve", (int)size + 2, flag);
		error_hint("kappa serve --help lists them.");
		return STATUS_INVALID;
	}
	const char *value = equals != NULL ? equals + 1 : NULL;
	if (value == NULL && (is_config || option->type != OPTION_SWITCH)) {
		if (*at >= argc)
			return error_raise(STATUS_INVALID, "%s: a value is needed", flag);
		value = argv[(*at)++];
	}
	if (is_config)
		*config_path = value;
	else if (config != NULL)
		return option_set(config, option, value != NULL ? value : "true", flag);
	return STATUS_OK;
}

static status flags_load(
	struct server_config *config, int argc, char **argv, const char **config_path, bool *help)
{
	for (int at = 0; at < argc && !*help;) {
		if (flag_load(config, argc, argv, &at, config_path, help) != STATUS_OK)
			return STATUS_INVALID;
	}
	return STATUS_OK;
}

static bool address_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

bool server_config_is_loopback(const struct server_config *config)
{
	return address_is_loopback(config->listen_address);
}

static status tls_check(const struct server_config *config)
{
	bool tls = config->tls_cert_file[0] != '\0';
	if (tls != (config->tls_key_file[0] != '\0'))
		return error_raise(STATUS_INVALID, "tls_cert_file and tls_key_file go together");
	if (!tls && config->tls_client_ca_file[0] != '\0')
		return error_raise(STATUS_INVALID, "tls_client_ca_file needs tls_cert_file");
	if (config->tls_client_required && config->tls_client_ca_file[0] == '\0')
		return error_raise(STATUS_INVALID, "tls_client_required needs tls_client_ca_file");
	if (address_is_loopback(config->listen_address) || config->allow_insecure_listen ||
		(tls && config->tls_required))
		return STATUS_OK;
	error_raise(STATUS_INVALID, "listen_address %s can be reached from other machines, and %s",
		config->listen_address, tls ? "TLS is not required" : "there is no TLS");
	error_hint("Give a certificate (tls_cert_file, tls_key_file), listen on 127.0.0.1, or say "
			   "--allow-insecure-listen when the network is trusted.");
	return STATUS_INVALID;
}

static status config_check(const struct server_config *config)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	bool known = false;
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		known = known || strcmp(config->log_level, levels[i]) == 0;
	if (!known)
		return error_raise(
			STATUS_INVALID, "log_level: \"%s\" is none of debug, info, warn, error", config->log_level);
	if (strcmp(config->connect_dirs, "loopback") != 0 && strcmp(config->connect_dirs, "none") != 0 &&
		config->connect_dirs[0] != '/')
		return error_raise(STATUS_INVALID,
			"connect_dirs: \"%s\" is neither loopback, none nor absolute directories", config->connect_dirs);
	return tls_check(config);
}

status server_config_load(struct server_config *config, int argc, char **argv, bool *help)
{
	const char *config_path = getenv("KAPPA_CONFIG");
	bool wanted = false;
	/* First only to find the file, which the environment and the flags override. */
	if (flags_load(NULL, argc, argv, &config_path, &wanted) != STATUS_OK)
		return STATUS_INVALID;
	if (wanted) {
		*help = true;
		return STATUS_OK;
	}
	if (config_path != NULL && file_load(config, config_path) != STATUS_OK)
		return STATUS_INVALID;
	if (environment_load(config) != STATUS_OK)
		return STATUS_INVALID;
	if (flags_load(config, argc, argv, &config_path, &wanted) != STATUS_OK)
		return STATUS_INVALID;
	return config_check(config);
}

void server_config_help(struct buffer *out)
{
	buffer_append_string(out,
		"usage: kappa serve [options]\n\n"
		"Runs the appliance until SIGTERM or SIGINT. When everything listens it prints one line:\n"
		"ready kafka=127.0.0.1:9092 pg=127.0.0.1:5433 http=127.0.0.1:8088\n\noptions:\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char flag[FLAG_SIZE_MAX];
		snprintf(flag, sizeof flag, "--%s", options[i].name);
		for (char *at = flag + 2; *at != '\0'; at++)
			*at = *at == '_' ? '-' : *at;
		buffer_printf(out, "  %-24s %s (default %s)\n", flag, options[i].words, options[i].initial);
	}
	buffer_append_string(out,
		"  --config                 file of \"name = value\" lines, names as above with _ for -\n"
		"  --help                   this text\n\n"
		"A flag overrides the environment (KAPPA_DATA_DIR, KAPPA_PG_PORT, …), which overrides the file.\n");
}

size_t server_config_count(void)
{
	return OPTION_COUNT;
}

void server_config_describe(const struct server_config *config, size_t index, const char **name,
	const char **words, struct buffer *value)
{
	INVARIANT(index < OPTION_COUNT);
	const struct option *option = &options[index];
	const void *field = field_of(config, option);
	*name = option->name;
	*words = option->words;
	if (option_is_text(option))
		buffer_append_string(value, *(char *const *)field);
	else if (option->type == OPTION_NUMBER)
		buffer_printf(value, "%ld", (long)*(const int64_t *)field);
	else
		buffer_append_string(value, *(const bool *)field ? "on" : "off");
}
