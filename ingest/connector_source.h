/* A file source: the lines of a file, as it grows and is rotated, to a topic, exactly once.
 *
 *   line_file (where the lines are) ──► converter ──► source (lines and position durable together)
 *
 * Where it stands is asked of the log whenever it opens (ingest/source.h), under the id "connect:NAME:FILE":
 * a connector that is deleted and created again goes on; another file begins anew, as with Kafka's offsets.
 * One thread at a time; blocks on the disk.
 */
#ifndef KAPPA_INGEST_CONNECTOR_SOURCE_H
#define KAPPA_INGEST_CONNECTOR_SOURCE_H

#include "ingest/connector_config.h"
#include "ingest/source.h"

struct connector_source;

/* Creates the topic (one partition) when it is not there. Log, sources and configuration are borrowed. */
status connector_source_open(struct log *log, struct sources *sources, const struct connector_config *config,
	struct connector_source **out) MUST_USE;
void connector_source_close(struct connector_source *source); /* accepts NULL */
/* Appends at most one batch, durable when it returns; *did tells whether there was any. */
status connector_source_step(struct connector_source *source, bool *did) MUST_USE;
/* Records appended over all its life, modulo 2^31; where the next line begins ("byte 8"). */
void connector_source_progress(
	const struct connector_source *source, int64_t *records, struct buffer *position);

#endif
