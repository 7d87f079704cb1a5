/* What the verbs of the command line share: options, the connection to the server, tables, words for numbers.
 *
 * Verbs return the program's exit code; what they have to say about a failure is on standard error by then.
 * Single-threaded; everything lives until the program ends or its owner frees it.
 */
#ifndef KAPPA_SERVER_CLI_INTERNAL_H
#define KAPPA_SERVER_CLI_INTERNAL_H

#include <jansson.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_DIFFERENT = 1,   /* versions differ, a verification failed, a gate refused */
	CLI_USAGE = 2,       /* the arguments, or a local file */
	CLI_UNREACHABLE = 3, /* no server, or it went away */
	CLI_REFUSED = 4,     /* the server said no */
	CLI_INTERRUPTED = 130,
};

/* ---- options (cli_option.c) ---- */

enum cli_option_kind {
	CLI_FLAG,    /* bool */
	CLI_NO_FLAG, /* bool, set to false */
	CLI_TEXT,    /* const char * */
	CLI_INTEGER, /* int64_t ≥ 0 */
	CLI_NUMBER,  /* double ≥ 0 */
	CLI_TEXTS,   /* struct cli_texts: may be given more than once */
	CLI_OUTPUT,  /* enum cli_output */
};

enum { CLI_ARGUMENTS_MAX = 64 };

struct cli_texts {
	const char *texts[CLI_ARGUMENTS_MAX];
	size_t count;
};

enum cli_output { CLI_OUTPUT_TABLE, CLI_OUTPUT_JSON, CLI_OUTPUT_CSV };

struct cli_option {
	const char *name; /* "--topic" */
	char letter;      /* 'c' for -c; 0 = none */
	enum cli_option_kind kind;
	void *value;
};

/* Reads argv[2…]: options into their values, the rest into `arguments`. "--name value", "--name=value", "-c
 * value"; "--" ends options. INVALID with a hint. */
status cli_options_parse(const struct cli_option *options, size_t option_count, int argc, char **argv,
	struct cli_texts *arguments) MUST_USE;

/* ---- verbs (cli.c) ---- */

struct cli {
	const struct cli_verb *verb;
	const char *address; /* of the server's HTTP port: "127.0.0.1:8088", "https://…" */
	const char *user;    /* NULL = none; the password is KAPPA_PASSWORD's, or asked for */
	const char *tls_ca;  /* who signs the server's certificate; NULL = the system's authorities */
	enum cli_output output;
	int argc;
	char **argv;
};

typedef int cli_verb_run(struct cli *cli);

struct cli_verb {
	const char *name;    /* "topic" */
	const char *summary; /* for the list */
	const char *usage;   /* all of --help, but the options that every verb has */
	cli_verb_run *run;
	bool rows; /* has -o */
};

/* Parses the verb's options and those that all verbs have (--http, -o). CLI_OK, or the exit code to end with
 * after saying why. Checks the number of arguments. */
int cli_begin(struct cli *cli, const struct cli_option *options, size_t option_count,
	struct cli_texts *arguments, size_t argument_min, size_t argument_max);
/* Says the error on this thread's trace and returns CLI_USAGE. */
int cli_usage_error(const struct cli *cli);

cli_verb_run cli_sql, cli_topic, cli_produce, cli_consume, cli_deploy, cli_plan, cli_status, cli_diff,
	cli_user, cli_promote, cli_rollback, cli_drop, cli_verify, cli_pause, cli_resume, cli_replay, cli_connect;

/* From the first call on ^C and SIGTERM no longer end the program but make this true. */
void cli_interrupt_catch(void);
bool cli_interrupted(void);

/* ---- connection (cli_http.c) ---- */

struct cli_http;

/* For all connections of the program, before the first: who logs in, and whom to trust. */
void cli_http_identity(const char *user, const char *tls_ca);
/* Connects at first use. `address`: host:port, optionally with http:// or https:// and a slash. INVALID. */
status cli_http_create(const char *address, struct cli_http **out) MUST_USE;
void cli_http_destroy(struct cli_http *http); /* accepts NULL */
const char *cli_http_address(const struct cli_http *http);

/* Writes a request; answers come in the order of the requests, so several may be under way. IO. Connects when
 * not connected; with nothing under way also when the server has closed the idle connection meanwhile. */
status cli_http_send(struct cli_http *http, const char *method, const char *path, const char *content_type,
	struct slice body) MUST_USE;
struct cli_answer {
	int code;          /* HTTP status */
	struct slice body; /* valid until the next receive */
};
/* Waits for the next answer. IO: the connection is lost, and all that was under way with it. */
status cli_http_receive(struct cli_http *http, struct cli_answer *out) MUST_USE;
/* Requests sent and not answered. */
size_t cli_http_under_way(const struct cli_http *http);
/* To poll for an answer; −1 when not connected. Bytes may be buffered already: ask cli_http_buffered() first.
 */
int cli_http_descriptor(const struct cli_http *http);
bool cli_http_buffered(const struct cli_http *http);
void cli_http_close(struct cli_http *http);
/* Was an idle connection replaced by a new one since the last cli_http_close()? */
bool cli_http_reconnected(const struct cli_http *http);

/* Appends the text with everything but unreserved characters escaped. */
void cli_url_escape(struct buffer *out, const char *text);
/* "/views/%s" and such: every %s is escaped; %lld takes a long long. Only these two. The caller frees with
 * mem_free. */
char *cli_url(const char *format, ...);

/* One request and its JSON answer. `request` may be NULL; its reference is taken. On failure (not reachable,
 * error answer) says so and returns the exit code. *out may be NULL; else the caller json_decref()s it. */
int cli_call(struct cli_http *http, const char *method, const char *path, json_t *request, json_t **out);
/* The same for a verb: connects, calls, disconnects. */
int cli_ask(const struct cli *cli, const char *method, const char *path, json_t *request, json_t **out);

/* Reads a password from the terminal without showing it; NULL when there is none. Valid until the next. */
const char *cli_password_ask(const char *prompt);

/* ---- saying what went wrong (cli_error.c) ---- */

/* The error trace of this thread, on standard error, with its hint. */
void cli_error_say(void);
/* An error answer as psql shows it: ERROR, LINE and caret when `sql` is not NULL, DETAIL, HINT. */
void cli_error_answer(struct buffer *out, const json_t *answer, const char *sql);
/* Says an answer's error and returns CLI_REFUSED; `code` ≥ 400. */
int cli_refused(const struct cli_answer *answer, const char *sql);

/* The path of a file from the root: its directory resolved and its name. The file itself may not be there
 * yet, and a symbolic link is what is meant, not its target of the moment. NULL with INVALID on the trace;
 * the caller mem_free()s. (cli_source.c) */
char *cli_path_absolute(const char *path);

/* ---- fields of answers ---- */

const char *cli_json_text(const json_t *object, const char *name); /* "" when missing or null */
int64_t cli_json_integer(const json_t *object, const char *name, int64_t fallback);
double cli_json_real(const json_t *object, const char *name, double fallback);
bool cli_json_true(const json_t *object, const char *name);

/* ---- tables (cli_table.c) ---- */

enum cli_column_kind { CLI_COLUMN_TEXT, CLI_COLUMN_NUMBER, CLI_COLUMN_BOOL };

struct cli_table {
	struct arena arena; /* of all texts */
	const char **names;
	enum cli_column_kind *kinds;
	size_t column_count, column_capacity;
	const char **cells; /* row by row; NULL = null */
	size_t cell_count, cell_capacity;
};

void cli_table_init(struct cli_table *table);
void cli_table_deinit(struct cli_table *table);
/* All columns before the first cell. Text is copied. */
void cli_table_column(struct cli_table *table, const char *name, enum cli_column_kind kind);
void cli_table_cell(struct cli_table *table, const char *text);
void cli_table_cellf(struct cli_table *table, const char *format, ...) PRINTF_LIKE(2, 3);
size_t cli_table_rows(const struct cli_table *table);
/* As psql's aligned format prints it, with "(4 rows)" and an empty line when `footer`. */
void cli_table_aligned(const struct cli_table *table, bool footer, struct buffer *out);
void cli_table_csv(const struct cli_table *table, struct buffer *out); /* RFC 4180, with a header line */
void cli_table_json(
	const struct cli_table *table, struct buffer *out); /* an array of objects, one to a line */
/* In the format asked for, on standard output. */
void cli_table_print(const struct cli_table *table, enum cli_output output, bool footer);
/* Columns the text takes on a terminal. */
size_t cli_text_width(const char *text, size_t size);

/* ---- words for numbers (cli_format.c); append to a buffer ---- */

void cli_format_grouped(struct buffer *out, int64_t number);              /* 3,000,000 */
void cli_format_short(struct buffer *out, double number);                 /* 3.1M */
void cli_format_bytes(struct buffer *out, uint64_t bytes);                /* 3.1 MiB */
void cli_format_seconds(struct buffer *out, double seconds);              /* 0.3 s, 2 min 5 s, 1 h 2 min */
void cli_format_percent(struct buffer *out, int64_t done, int64_t total); /* 81.3%; 100.0% only when done */
enum { CLI_BAR_CELLS = 10 };
void cli_format_bar(struct buffer *out, int64_t done, int64_t total); /* ████████░░ */

/* A version's line while it replays, and when it is done:
 *   delays@2  replaying  ████████░░  81.3%  3.1M/3.8M records  2.4M rec/s  ETA 0.3 s   (delays@1 stays live)
 */
struct cli_progress {
	const char *view;
	int64_t version, from_version; /* 0 = replaces none */
	const char *state;             /* "replaying", "paused", "live", "standby", "failed" */
	int64_t done, total;
	double records_per_second, eta_seconds; /* −1 = unknown */
	double elapsed_seconds;                 /* since the first look; for the final line */
	size_t name_width;
};
void cli_format_progress(struct buffer *out, const struct cli_progress *progress);

#endif
