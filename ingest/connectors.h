/* Connectors: file sources and sinks that run inside the appliance, as Kafka Connect's worker runs them.
 *
 *   created ──► RUNNING ──pause──► PAUSED          one thread each while RUNNING
 *                 │  ▲   ◄─resume──
 *            error│  │restart, configure
 *                 ▼  │
 *               FAILED                             deleted from any of them
 *
 * Invariants
 *   N1  Which connectors there are, with which configuration and whether paused, and where sinks stand, are
 *       records of the internal topic "__kappa_connect" (where sources stand is in their own records,
 *       ingest/source.h). A change has happened when its record is durable. FAILED is not recorded: after a
 *       restart of the appliance every connector that is not paused is tried again.
 *   N2  A file is touched only if its real path is below one of the allowed directories and not below the
 *       appliance's own; asked whenever a connector starts. Who may make symbolic links there decides where
 *       they lead.
 *   N3  Deleting a connector keeps where it stands: one of the same name goes on.
 *
 * Records: key "connector/NAME": {"type":"connector","state":"running"|"paused","config":{…}}, null =
 * deleted; key "sink/NAME": see sink_position.h.
 *
 * Why in ingest/: a connector needs the log and a file and nothing else; sockets and REST are server/'s. The
 * sink leads out rather than in, but shares name, configuration, life and records with the source.
 *
 * Threads: all functions are thread-safe; those that change something block on the disk and on the step that
 * the connector is in.
 */
#ifndef KAPPA_INGEST_CONNECTORS_H
#define KAPPA_INGEST_CONNECTORS_H

#include "base/memory.h"
#include "ingest/connector_config.h"
#include "ingest/source.h"
#include "log/log.h"

#define CONNECTORS_TOPIC_NAME "__kappa_connect"

struct connectors;

struct connectors_options {
	struct log *log; /* borrowed, as `sources` is */
	struct sources *sources;
	const char *directories;       /* absolute, separated by ':'; "" = none; NULL = any. Copied */
	const char *private_directory; /* the appliance's own, never allowed; may be NULL. Copied */
	size_t count_max;              /* connectors, each of which has a thread; 0 = 500 */
};

/* Reads the records and starts what is to run. DAMAGED, IO. */
status connectors_open(const struct connectors_options *options, struct connectors **out) MUST_USE;
/* Ends the threads after the step they are in: before log_close(), when nobody else calls. Accepts NULL. */
void connectors_stop(struct connectors *connectors);
/* After log_close(), whose writer may call connectors_wake() until then. Accepts NULL. */
void connectors_close(struct connectors *connectors);
/* The log has moved on: sinks look again. Any thread, also the log's writer; never blocks for long. Accepts
 * NULL. */
void connectors_wake(struct connectors *connectors);

enum connector_state { CONNECTOR_RUNNING, CONNECTOR_PAUSED, CONNECTOR_FAILED };
const char *connector_state_name(enum connector_state state); /* "RUNNING" */

struct connector_status { /* everything lies in the arena */
	const char *name;
	enum connector_kind kind;
	enum connector_state state;
	const char *class_name, *topics, *file; /* topics with commas */
	int64_t records;      /* over all its life, as far as it was seen to run since the start; else 0 */
	const char *position; /* "byte 8", "connect-test-0@5"; "" when not known yet */
	const char *trace;    /* why it failed, and what to do about it; NULL */
	const struct property *properties;
	size_t property_count;
};

/* INVALID and the like: the configuration (its name included) is refused. EXISTS. Started when it returns;
 * what it then fails at is its status. */
status connectors_create(struct connectors *connectors, const struct properties *properties) MUST_USE;
/* The same, replacing the configuration of one that is there. */
status connectors_configure(
	struct connectors *connectors, const struct properties *properties, bool *created) MUST_USE;
/* NOT_FOUND, all of them. */
status connectors_find(struct connectors *connectors, const char *name, struct arena *arena,
	struct connector_status *out) MUST_USE;
status connectors_pause(struct connectors *connectors, const char *name) MUST_USE;
status connectors_resume(struct connectors *connectors, const char *name) MUST_USE;
status connectors_restart(struct connectors *connectors, const char *name) MUST_USE;
status connectors_delete(struct connectors *connectors, const char *name) MUST_USE;
/* By name. */
void connectors_list(
	struct connectors *connectors, struct arena *arena, struct connector_status **out, size_t *count);

#endif
