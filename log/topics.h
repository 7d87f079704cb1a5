/* The topic registry: which topics there are. Inside log/ only.
 *
 * Truth is the internal topic "__kappa_topics", one record an event, a JSON value keyed by topic name:
 *
 *   orders          {"type":"topic_created","partitions":4,"segment_bytes":…,"retention_ms":-1,…}
 *   orders          {"type":"topic_altered", …the whole configuration again…}
 *   orders          {"type":"topic_deleted"}
 *   /producer_ids   {"type":"producer_ids","next":2000}       ids below 2000 may have been given out
 *
 * Directories follow from it. Creating: directories first, then the record; deleting: the record first,
 * then the directories (renamed to *.deleted, then removed). So a topic in the registry has all its
 * directories, and one that is missing is damage; a directory that no topic owns is a left-over of an
 * interrupted creation (empty) or deletion (the registry says so) and goes away at the next start, and
 * one that is neither is damage, too.
 *
 * Partitions are added like topics are created: directories first. A topic's incarnation is the offset of its
 * creation record + 1.
 */
#ifndef KAPPA_LOG_TOPICS_H
#define KAPPA_LOG_TOPICS_H

#include <pthread.h>

#include "base/file.h"
#include "log/log.h"

struct cleaner;
struct writer;

#define TOPICS_REGISTRY_NAME "__kappa_topics"

enum {
	MESSAGE_BYTES_MAX_DEFAULT = 16 * 1024 * 1024,
	SEGMENT_BYTES_DEFAULT = 256 * 1024 * 1024,
	QUEUE_BYTES_MAX_DEFAULT = 64 * 1024 * 1024,
	LOG_DIR_MAX = 3000, /* bytes of the directory's path; leaves room for names below it */
	PRODUCER_ID_BLOCK = 1000,
};

struct log {
	/* Constant after log_open(). */
	char *dir;
	int64_t segment_bytes;
	struct file lock_file;
	struct writer *writer;
	struct cleaner *cleaner;
	struct partition *registry;
	bool (*needed)(void *context, const char *topic, char *who, size_t who_size);
	void *needed_context;

	/* Serialises creation, alteration and deletion; held over I/O. */
	pthread_mutex_t admin_lock;

	/* Short; never held over I/O. */
	pthread_mutex_t topics_lock;
	struct topic **topics; /* by name */
	size_t topic_count, topic_capacity;
	_Atomic uint64_t topic_changes; /* any thread, without the lock */
	struct topic **retired;         /* deleted; their memory stays until log_close() */
	size_t retired_count, retired_capacity;
	void **replaced; /* old configurations and partition arrays of altered topics; likewise */
	size_t replaced_count, replaced_capacity;

	/* Held over the registry append that reserves a block. */
	pthread_mutex_t producer_ids_lock;
	int64_t producer_id_next, producer_id_end;
};

/* Seals the partition's active segment, if it has records, and begins the next. Blocks (log.c). */
status log_roll_wait(struct log *log, struct partition *partition) MUST_USE;
/* Recovers the registry, then every topic in it, then clears left-overs away. The writer does not run yet. */
status topics_open(struct log *log) MUST_USE;
/* Frees all topics. The writer has ended. */
void topics_close(struct log *log);

/* ---- the records (topic_record.c) ---- */

enum topic_event_kind { TOPIC_CREATED, TOPIC_ALTERED, TOPIC_DELETED, TOPIC_PRODUCER_IDS };

struct topic_event {
	enum topic_event_kind kind;
	char name[TOPIC_NAME_MAX + 1];
	struct topic_config config; /* of TOPIC_CREATED, TOPIC_ALTERED */
	int64_t producer_id_next;   /* of TOPIC_PRODUCER_IDS */
};

/* Appends the event as a record batch. */
status topic_event_encode(const struct topic_event *event, struct buffer *out) MUST_USE;
/* DAMAGED; UNSUPPORTED when a later release wrote it. */
status topic_event_decode(struct slice key, struct slice value, struct topic_event *out) MUST_USE;

#endif
