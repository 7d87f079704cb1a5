/* A file sink: the records of topics as lines at the end of a file, each exactly once, whatever is killed.
 *
 *   topics ──[from, to)──► text ──► ① plan durable in the log ──► ② write at its place ──► ③ fdatasync ──►
 * next
 *
 * Invariants
 *   K1  A plan (sink_position.h) says which records [from, to) of which partitions go to which byte of which
 *       file. It is durable in the log before the first of these bytes is written, so after a restart the
 *       same bytes are written to the same place again: a redo, which may be repeated any number of times.
 *   K2  There is one plan at a time; the next one is made only after the file was synced, and says by its own
 *       beginning that the one before is done.
 *   K3  The sink removes nothing from the file, except the torn rest of its own plan. What somebody else
 *       appends between two plans stays; while a plan is being carried out the end of the file is the sink's.
 *   K4  Only records below the last stable offset are read, and none of aborted transactions.
 *
 * One thread at a time; blocks on the disk.
 */
#ifndef KAPPA_INGEST_CONNECTOR_SINK_H
#define KAPPA_INGEST_CONNECTOR_SINK_H

#include "ingest/connector_config.h"
#include "log/log.h"

struct connector_sink;

struct connector_sink_options {
	struct log *log;
	const struct connector_config *config; /* borrowed, as the log is */
	const char *position;                  /* the last text given to save(), or NULL; not kept */
	/* Makes the text durable as the sink's position. */
	status (*save)(void *context, const char *position) MUST_USE;
	void *context;
};

/* Carries out what a killed predecessor had planned. */
status connector_sink_open(
	const struct connector_sink_options *options, struct connector_sink **out) MUST_USE;
/* Accepts NULL. Does not save. */
void connector_sink_close(struct connector_sink *sink);
/* Writes at most one batch; *did tells whether there was any. BAD_RECORD naming topic, partition, offset. */
status connector_sink_step(struct connector_sink *sink, bool *did) MUST_USE;
/* Saves that the last plan is done, unless that is saved. Saves the redo after a restart. */
status connector_sink_settle(struct connector_sink *sink) MUST_USE;
/* Lines written over all its life; the offsets that come next ("connect-test-0@5"). */
void connector_sink_progress(const struct connector_sink *sink, int64_t *records, struct buffer *position);

#endif
