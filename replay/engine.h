/* The engine: the catalog of tables, views and versions, the pipelines that keep versions up to date, and the
 * verbs.
 *
 *                     __kappa_catalog (log)                    publication (immutable, counted)
 *   verbs ──append──►  create, deploy, promote …  ──apply──►   catalog + one snapshot per version, all at one
 *                                                              log prefix; replaced after every live step
 *   live group     all caught-up versions, stepped together      ◄── readers retain one per query
 *   replay groups  versions on their way from offset zero; groups that meet share the scan
 *
 * A version's life:  replaying → caught up (live or standby) → dropped;  replaying → cancelled;  any → failed
 *   Version (F, N) = query F over exactly the records before offset vector N. A view's upstream views are
 * expanded into its own circuit, so that this holds by construction: nothing but the log feeds a version.
 *
 * Threads: all functions are thread-safe. Those marked "blocks" wait for disk or replay: never call them on
 * the network loop.
 */
#ifndef KAPPA_REPLAY_ENGINE_H
#define KAPPA_REPLAY_ENGINE_H

#include "base/user.h"
#include "log/log.h"
#include "processors/query.h"
#include "processors/sql.h"
#include "views/view_store.h"

struct engine;

struct engine_options {
	struct log *log; /* borrowed */
	const char *dir; /* derived data: <dir>/<view>@<version>/; may be deleted at any time while stopped */
	size_t memory_bytes_max;  /* operator state of all versions and RocksDB; 0 = 1 GiB */
	size_t circuit_bytes_max; /* operator state of one version; 0 = its share of memory_bytes_max */
	unsigned workers;         /* 1: live and replays alternate on one thread; 2: a thread each */
	uint32_t step_rows_max;   /* live step; 0 = 16384 */
	int64_t step_delay_ms;    /* wait this long for more records before a live step; 0 = at once */
	/* Called from engine threads after each publication; must not block. May be NULL. */
	void (*published)(void *context);
	void *context;
};

/* Reads the catalog topic, opens or rebuilds every version, starts the pipelines. */
status engine_open(const struct engine_options *options, struct engine **out) MUST_USE;
/* The log may call engine_wake() until it is closed, and the engine reads the log until it is stopped: hence
 * engine_stop(), log_close(), engine_close(), all three on the thread that owns the engine. */
void engine_stop(struct engine *engine);
void engine_close(struct engine *engine); /* stops it if need be; accepts NULL */
/* To be called when the log advanced (from its callback). Cheap. */
void engine_wake(struct engine *engine);
/* True once every live version that was caught up before the last stop is caught up again. */
bool engine_is_ready(struct engine *engine);

/* ---- publications: what a query reads ---- */

struct publication; /* reference counted */

struct publication *engine_publication(struct engine *engine); /* retained; never NULL */
void publication_release(struct publication *publication);
/* Grows with every change of definitions or live versions: a plan bound under one generation is valid in it.
 */
uint64_t publication_generation(const struct publication *publication);
/* Tables (SQL_TABLE, handle = const struct table *), views (SQL_VIEW). Lives as long as the publication.
 * find_function is NULL: the server wraps this catalog to add schema kappa. */
struct sql_catalog *publication_catalog(struct publication *publication);
/* The relation for a scan of a table (reads the log up to its high watermark now) or a view version (the
 * snapshot). Retains what it needs. NOT_READY when the version is still replaying (says how far) or failed
 * (says why). */
status publication_open_relation(
	struct publication *publication, const struct plan *scan, struct relation **out) MUST_USE;
/* Of what an answer from this view version is. NULL when there is none yet. Borrowed from the publication.
 * version 0 = live. */
struct view_snapshot *publication_snapshot(
	struct publication *publication, const char *view, int64_t version);
int64_t publication_live_version(struct publication *publication, const char *view); /* 0 = unknown view */

/* ---- definitions ---- */

struct table { /* immutable; owned by the catalog, valid as long as a publication that shows it */
	const char *name, *topic;
	struct schema schema; /* visible then hidden columns */
	size_t visible_count;
	const char *format; /* json, csv, text */
	char csv_delimiter;
	bool csv_header;
	int32_t event_time_column;  /* −1 = none */
	int64_t watermark_delay_us; /* 0 */
	const char *sql;            /* the CREATE TABLE statement */
};
/* Sorted by name; borrowed from the publication, the array lies in the arena. */
void publication_tables(
	struct publication *publication, struct arena *arena, const struct table ***out, size_t *count);

/* Blocks. Creates the topic when missing (option `partitions`, default 1). Options: topic, format, delimiter,
 * header, event_time, watermark, partitions. EXISTS, INVALID naming the option with its position. */
status engine_create_table(struct engine *engine, const struct sql_statement *statement) MUST_USE;
/* Blocks. DEPENDENT naming the views that read it. The topic and its records stay. */
status engine_drop_table(struct engine *engine, const char *name) MUST_USE;

/* ---- deployments ---- */

enum deploy_action { DEPLOY_CREATE, DEPLOY_REPLACE, DEPLOY_DEPENDENT, DEPLOY_UNCHANGED };
const char *deploy_action_name(enum deploy_action action); /* "create", "replace", "dependent", "unchanged" */

struct deploy_item {
	const char *view;
	int64_t version;      /* the new one; for unchanged the live one */
	int64_t from_version; /* the live one it would replace; 0 = none */
	enum deploy_action action;
	const char *reason; /* "logic changed", "new view", "reads delays@2", "same logic" */
};
struct deploy_request {
	const struct sql_statement *const *statements; /* SQL_CREATE_VIEW each */
	size_t statement_count;
	bool allow_replace; /* false: a view that exists is STATUS_EXISTS (unless IF NOT EXISTS) */
	bool plan_only;     /* say what would change, build nothing */
};
struct deploy_result {
	int64_t deployment; /* id; 0 when nothing changed or plan_only */
	struct deploy_item *items;
	size_t item_count;
};
/* Blocks only for the catalog record; the replay goes on in the background. New views go live as soon as they
 * are caught up; new versions of existing views stay standby until promoted. Dependents of replaced views are
 * staged with them in the same deployment. Results in the arena. */
status engine_deploy(struct engine *engine, const struct deploy_request *request, struct arena *arena,
	struct deploy_result *out) MUST_USE;
/* Blocks until the version is caught up; CANCELLED when `cancelled` says so or it was dropped; its error if
 * it failed. */
status engine_wait_caught_up(struct engine *engine, const char *view, int64_t version,
	bool (*cancelled)(void *), void *context) MUST_USE;
/* Blocks until everything in the log at the time of the call is in the publication (read your writes). */
status engine_wait_for_log(struct engine *engine, int64_t timeout_ms) MUST_USE;

/* Blocks. Makes the version live, with every other view of its deployment; NOT_READY while replaying;
 * NOT_FOUND. Atomic: one catalog record. version 0 = the newest caught up one. *promoted gets the version. */
status engine_promote(struct engine *engine, const char *view, int64_t version, int64_t *promoted) MUST_USE;
/* Blocks. Back to the version that was live before the last promotion (with its deployment). */
status engine_rollback(struct engine *engine, const char *view, int64_t *version) MUST_USE;
/* Blocks. version 0 drops the view with all versions (DEPENDENT unless cascade); the live version alone
 * cannot be dropped (INVALID). A replaying version is cancelled by dropping it. */
status engine_drop_view(struct engine *engine, const char *view, int64_t version, bool cascade) MUST_USE;
/* Blocks. Pauses or resumes a replaying version's progress. */
status engine_pause(struct engine *engine, const char *view, int64_t version, bool pause) MUST_USE;

/* ---- users ---- */

/* 0 while there are no users: then everybody may do everything. Else another number after every change of
 * users, so that what was found may be kept while it stays. Cheap. */
uint64_t engine_users_generation(struct engine *engine);
struct user *engine_user(struct engine *engine, const char *name); /* retained; NULL = there is none */
/* Of fake salts; the same as long as there are users. */
void engine_user_secret(struct engine *engine, uint8_t secret[SCRAM_SECRET_SIZE]);
/* Sorted by name, each retained; the array lies in the arena. */
void engine_users(struct engine *engine, struct arena *arena, struct user ***out, size_t *count);
/* Blocks. EXISTS; INVALID when it is the first user and no admin with a password. */
status engine_user_create(struct engine *engine, const struct user *user) MUST_USE;
/* Blocks. `change` alters a copy, under the lock of definitions; its failure leaves all as it was. NOT_FOUND;
 * INVALID when no admin with a password would be left. */
status engine_user_alter(struct engine *engine, const char *name,
	status (*change)(void *context, struct user *user), void *context) MUST_USE;
/* Blocks. NOT_FOUND; INVALID for the last admin, who may go only as the last user of all, and only with
 * `opens`: afterwards everybody may do everything. */
status engine_user_drop(struct engine *engine, const char *name, bool opens) MUST_USE;

/* ---- what is going on ---- */

enum version_state { VERSION_REPLAYING, VERSION_PAUSED, VERSION_CAUGHT_UP, VERSION_FAILED };

struct version_status {
	const char *view;
	int64_t version;
	enum version_state state;
	const char *state_name; /* "replaying", "paused", "live", "standby", "failed" */
	bool live;
	int64_t deployment;
	const char *query;     /* its SQL */
	const char *upstreams; /* "flights, delays@2" */
	const char *error;     /* failed: why; else NULL */
	/* Progress: the target offset vector is frozen when the replay starts, so these are exact. */
	int64_t records_done, records_total;
	int64_t lag_records;       /* records in the log beyond what the version has read (beyond the target while
								  replaying) */
	double records_per_second; /* over the last second or so; 0 when idle */
	double eta_seconds;        /* −1 = unknown */
	int64_t row_count;         /* −1 = none yet */
	uint64_t bad_records;
	int64_t missed_records; /* offsets trimmed from the log before they were read: the view lacks them */
	struct digest digest;
	const struct offset_vector *offsets;
	int64_t watermark_us; /* INT64_MIN = none */
	size_t memory_bytes;
	uint64_t disk_bytes;
	int64_t created_ms;
	const char *fingerprint;
};
/* Sorted by view, version; all in the arena. */
void engine_versions(struct engine *engine, struct arena *arena, struct version_status **out, size_t *count);
/* Views or tables that read the topic, comma separated, in the arena; NULL when none does. */
const char *engine_topic_users(struct engine *engine, const char *topic, struct arena *arena);

/* Does a view need the topic's records from the beginning (a rebuild of it reads them all)? Then writes its
 * versions, comma separated and cut at `size`, into `who`. Any thread; takes no lock that is held over I/O.
 */
bool engine_needs_topic(struct engine *engine, const char *topic, char *who, size_t size);

/* ---- diff ---- */

enum { DIFF_SAMPLES_MAX = 1000 };

struct diff_options {
	int64_t left, right; /* versions; 0, 0 = live and newest */
	double tolerance;    /* numeric columns closer than this are equal */
	size_t sample_max;   /* rows shown, ≤ DIFF_SAMPLES_MAX */
};
enum diff_kind { DIFF_ONLY_LEFT, DIFF_ONLY_RIGHT, DIFF_CHANGED };
struct diff_sample {
	enum diff_kind kind;
	const char **key; /* formatted; key_count, or all columns for unkeyed views; NULL entry = null */
	const char **left, **right; /* per compared column; NULL array on the absent side */
	int64_t weight;             /* unkeyed: how many copies */
};
struct diff_column {
	const char *name;
	bool numeric;
	int64_t changed;
	double delta_sum, delta_min, delta_max,
		delta_absolute_max; /* right − left over changed rows, numeric only */
};
struct diff_result {
	const char *view;
	int64_t left, right;
	const struct offset_vector *offsets; /* both are of this log prefix */
	bool keyed;
	int64_t rows_left, rows_right, equal, only_left, only_right, changed;
	double match_score; /* equal / rows of the union; 1 when both are empty */
	const char **columns_only_left, **columns_only_right;
	size_t columns_only_left_count, columns_only_right_count;
	const char **key_columns;
	size_t key_count;
	struct diff_column *columns;
	size_t column_count;
	struct diff_sample *samples;
	size_t sample_count;
};
/* Blocks. Both versions from one publication; NOT_READY when one is not caught up. Results in the arena. */
status engine_diff(struct engine *engine, const char *view, const struct diff_options *options,
	struct arena *arena, struct diff_result *out) MUST_USE;

/* ---- verify ---- */

struct verify_result {
	const char *view;
	int64_t version;
	bool equal;
	struct digest kept,
		rebuilt; /* of the version as served, of a replay from zero into a scratch directory */
	int64_t rows_kept, rows_rebuilt, records;
	double seconds;
};
/* Blocks. Replays from zero up to the published offset vector and compares digests. `progress` may be NULL.
 */
status engine_verify(struct engine *engine, const char *view, int64_t version,
	void (*progress)(void *context, int64_t done, int64_t total), void *context, struct arena *arena,
	struct verify_result *out) MUST_USE;

/* ---- counters, for metrics ---- */

struct engine_counters {
	uint64_t steps, records_read, rows_written, publications;
	uint64_t replayed_records;
	int64_t freshness_last_us; /* high watermark moved → published, of the last live step */
};
void engine_counters(struct engine *engine, struct engine_counters *out);

#endif
