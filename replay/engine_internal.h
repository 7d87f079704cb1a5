/* The engine's insides, shared by engine.c (threads, scheduling), verbs.c (definitions and deployments),
 * publication.c, status.c, diff.c and verify.c.
 *
 * Locks, in the order they may be taken together:
 *   ddl        one verb at a time; held across the catalog append and its application
 *   live_lock  the live group; held during a live step and while a replay joins it
 *   lock       published, catalog, replay lists, flags; never held across I/O. `changed` is signalled under
 * it
 */
#ifndef KAPPA_REPLAY_ENGINE_INTERNAL_H
#define KAPPA_REPLAY_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "replay/catalog.h"
#include "replay/engine.h"
#include "replay/group.h"

#define CATALOG_TOPIC "__kappa_catalog"

struct publication {
	atomic_int references;
	struct log *log;
	struct catalog *catalog;
	struct arena arena; /* the catalog's binder view */
	struct sql_catalog *scope;
	size_t snapshot_count;
	struct version **versions; /* those with a snapshot; borrowed from the catalog */
	struct view_snapshot **snapshots;
};

/* Retains the catalog; snapshots are handed over. */
struct publication *publication_create(struct log *log, struct catalog *catalog,
	struct version *const *versions, struct view_snapshot *const *snapshots, size_t count);

struct engine {
	struct log *log;
	char *dir;
	struct view_environment *environment;
	size_t memory_bytes_max, circuit_bytes_max;
	unsigned workers;
	uint32_t step_rows_max;
	int64_t step_delay_ms;
	void (*published_callback)(void *context);
	void *published_context;

	pthread_mutex_t ddl;
	pthread_mutex_t live_lock;
	struct group *live; /* live_lock */

	pthread_mutex_t lock;
	pthread_cond_t changed;                /* a publication, a state change, stop */
	pthread_cond_t live_wake, replay_wake; /* the threads': new work, stop */
	struct publication *published;
	struct catalog *catalog;
	struct version **incoming; /* opened by the replay thread */
	size_t incoming_count;
	bool membership_dirty; /* some member of a group was dropped */
	bool stopping;         /* set once, by engine_stop(); the threads return soon after */

	struct group **replays; /* the replay thread's; list changes under lock */
	size_t replay_count;

	atomic_ulong wakes;   /* log advanced, counted */
	atomic_bool advanced; /* since the last live step began */
	pthread_t live_thread, replay_thread;

	atomic_ullong users_generation; /* 0 = there are no users */
	uint64_t users_changes;         /* ddl */

	atomic_ullong steps, records_read, publications, replayed_records;
	atomic_llong freshness_last_us;
};

/* Appends one record to the catalog topic, durably, and applies it: publishes the catalog that results. ddl
 * is held. `made`: see catalog_apply(). */
status engine_record(
	struct engine *engine, json_t *record, struct version *const *made, size_t made_count) MUST_USE;
/* Replaces the publication: current catalog, fresh snapshots of the live group. live_lock is held. */
void engine_publish(struct engine *engine);
/* Hands bound versions to the replay thread; those handed over together begin together. */
void engine_submit(struct engine *engine, struct version *const *versions, size_t count);
struct catalog *engine_catalog(struct engine *engine); /* retained */
/* Runs `work` on a thread whose stack is large enough for sql_parse(). */
status run_on_big_stack(status (*work)(void *context), void *context) MUST_USE;
/* After the catalog's users changed, or were read; ddl is held, or nobody else is there yet. */
void engine_users_changed(struct engine *engine);
size_t engine_circuit_budget(struct engine *engine);

#endif
