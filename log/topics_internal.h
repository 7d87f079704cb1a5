/* What topics.c and topics_open.c share. */
#ifndef KAPPA_LOG_TOPICS_INTERNAL_H
#define KAPPA_LOG_TOPICS_INTERNAL_H

#include "log/segment.h"
#include "log/topics.h"

enum { NEEDED_WHO_MAX = 512 };

/* "<dir>/<name>-<number>" */
void topic_path(const struct log *log, const char *name, int32_t number, char path[SEGMENT_PATH_MAX]);
/* Memory for a topic and its partitions. */
struct topic *topic_allocate(
	const struct log *log, const char *name, const struct topic_config *config, uint64_t incarnation);
/* Accepts NULL. */
void topic_destroy(struct topic *topic);
/* Makes the topic findable. */
void topic_insert(struct log *log, struct topic *topic);
/* OK unless somebody needs all records of the topic: then DEPENDENT, saying who, and what was refused. */
status topic_needed_check(const struct log *log, const char *name, const char *what) MUST_USE;
/* Renames a directory that no topic owns to "<name>-<number>.<incarnation>.deleted", durably, and removes
 * it; a failure to remove is only reported. */
status topic_directory_discard(
	const struct log *log, const char *path, const char *name, uint64_t incarnation, int32_t number) MUST_USE;

#endif
