/* What a connector's properties mean: Kafka Connect's own names for its file source and sink.
 *
 *   name=local-file-source                     name=local-file-sink
 *   connector.class=FileStreamSource           connector.class=FileStreamSink
 *   tasks.max=1                                tasks.max=1
 *   file=/data/test.txt                        file=/data/test.sink.txt
 *   topic=connect-test                         topics=connect-test
 *
 * A property that would change what happens and is not served is refused, not ignored. Plain value; borrows
 * nothing. Any thread.
 */
#ifndef KAPPA_INGEST_CONNECTOR_CONFIG_H
#define KAPPA_INGEST_CONNECTOR_CONFIG_H

#include "ingest/converter.h"
#include "ingest/properties.h"
#include "log/log.h"

#define CONNECTOR_SOURCE_CLASS "org.apache.kafka.connect.file.FileStreamSourceConnector"
#define CONNECTOR_SINK_CLASS "org.apache.kafka.connect.file.FileStreamSinkConnector"

enum { CONNECTOR_NAME_SIZE_MAX = 200, CONNECTOR_TOPICS_MAX = 100, CONNECTOR_PATH_SIZE_MAX = 3000 };

enum connector_kind { CONNECTOR_SOURCE, CONNECTOR_SINK };

struct connector_config {
	enum connector_kind kind;
	char *name, *file; /* owned */
	char **topics;     /* owned; a source has one */
	size_t topic_count;
	struct converter value;
	bool tolerant; /* errors.tolerance=all: a sink leaves out records it cannot convert */
};

/* INVALID naming the property; UNSUPPORTED for one that Kafka has and this has not. */
status connector_config_read(const struct properties *properties, struct connector_config *out) MUST_USE;
/* Accepts a zeroed one. */
void connector_config_deinit(struct connector_config *config);

/* The kind that a connector.class names, short or in full. UNSUPPORTED. */
status connector_class_parse(const char *class_name, enum connector_kind *out) MUST_USE;
const char *connector_kind_name(enum connector_kind kind); /* "source", "sink" */

#endif
