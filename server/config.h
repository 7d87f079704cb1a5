/* What `kappa serve` can be told: one list makes flags, environment variables, keys of the file, and
 * kappa.settings.
 *
 *   flag --data-dir  >  environment KAPPA_DATA_DIR  >  file data_dir = … (INI, section ignored)  >  default
 *
 * Plain value; owned by whoever loaded it (server_config_deinit). Immutable while the server runs.
 */
#ifndef KAPPA_SERVER_CONFIG_H
#define KAPPA_SERVER_CONFIG_H

#include "base/status.h"

struct buffer;

struct server_config {
	char *data_dir;
	char *listen_address;
	char *kafka_advertised_host;            /* "" = listen_address */
	int64_t kafka_port, pg_port, http_port; /* 0 = any free port */
	int64_t workers;                        /* engine threads, see engine_options */
	int64_t memory_mb;                      /* operator state and RocksDB */
	int64_t step_rows;
	int64_t step_delay_ms;
	int64_t segment_bytes;                                     /* 0 = the log's default */
	int64_t clean_interval_ms, clean_memory_mb;                /* retention and compaction */
	int64_t connections_max;                                   /* per listener */
	int64_t connections_per_address_max;                       /* per listener; 0: as connections_max */
	int64_t input_memory_mb, output_memory_mb;                 /* of all listeners */
	int64_t group_initial_delay_ms, offsets_retention_minutes; /* consumer groups */
	char *connect_dirs; /* "loopback", "none", or directories separated by ':' */
	char *log_level;    /* debug, info, warn, error */
	bool allow_insecure_listen;
	bool allow_plain_password;                               /* Kafka's PLAIN without TLS */
	char *tls_cert_file, *tls_key_file, *tls_client_ca_file; /* "" = none */
	bool tls_required, tls_client_required;
	char *admin_user;          /* the first user's name … */
	char *admin_password_file; /* … and where its password is; "" = none */
};

void server_config_init(struct server_config *config); /* the defaults */
void server_config_deinit(struct server_config *config);
/* Reads `--config F` (or KAPPA_CONFIG), then the environment, then the flags. Arguments begin after the verb.
 * INVALID naming the option and where it was given. *help is set when --help was asked for. */
status server_config_load(struct server_config *config, int argc, char **argv, bool *help) MUST_USE;
/* Can only this machine reach the listeners? */
bool server_config_is_loopback(const struct server_config *config);
/* Appends the text of `kappa serve --help`. */
void server_config_help(struct buffer *out);

/* For kappa.settings and SHOW: option `index`, 0 … server_config_count() − 1. The value's text is appended to
 * `value`. */
size_t server_config_count(void);
void server_config_describe(const struct server_config *config, size_t index, const char **name,
	const char **words, struct buffer *value);

#endif
