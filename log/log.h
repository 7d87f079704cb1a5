/* The log: topics of partitions, the only truth of the appliance.
 *
 *   append (any thread) --> bounded queue --> writer thread: assign offsets, write, fdatasync,
 *   publish the high watermark, call back.        readers (any thread): pread below the watermark
 *
 * Invariants
 *   L1  A record is visible (below the high watermark) only after its bytes, and the directory
 *       entry of its segment, are on stable storage. Acknowledged means durable.
 *   L2  Offsets of a partition are dense over batches: a batch's base offset is the previous
 *       batch's last offset + 1. Compaction takes records out of batches and leaves batches without
 *       records in the place of whole ones, so this holds for compacted topics, too.
 *   L3  A failed write or sync poisons its partition until restart; nothing is retried and believed.
 *   L4  Recovery cuts a torn tail of the active segment only; damage elsewhere makes
 *       log_open() fail with STATUS_DAMAGED, naming file and position.
 *   L5  Topics themselves are records of the internal topic "__kappa_topics" (partition 0);
 *       directories are derived from it.
 *   L6  Records go only from the beginning (the log start moves durably first) or by compaction (whole
 *       segments are replaced atomically); offsets are never given again.
 *
 * On disk: <dir>/<topic>-<partition>/<base offset, 20 digits>.{log,index,timeindex,snapshot},
 * Apache Kafka's own layout (record batch v2); .snapshot holds producer state and, like the
 * indexes, may be deleted. "log_start" tells where a trimmed partition begins.
 *
 * Threads: all functions are thread-safe unless said otherwise.
 */
#ifndef KAPPA_LOG_LOG_H
#define KAPPA_LOG_LOG_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
	TOPIC_NAME_MAX = 249,        /* Kafka's limit; characters [a-zA-Z0-9._-] */
	TOPIC_PARTITIONS_MAX = 1024, /* per topic */
};

struct log;
struct file_range;
struct partition; /* owned by the log; borrowed pointers stay valid until log_close() */

struct log_options {
	const char *dir;        /* created when missing (parents are not) */
	int64_t segment_bytes;  /* default for new topics; 0 = 256 MiB */
	size_t queue_bytes_max; /* appends waiting to be written; 0 = 64 MiB */
	/* Called on the writer thread after each group commit that moved some high watermark,
	 * and after a topic was created, altered or deleted. Must not block. NULL = nobody. */
	void (*advanced)(void *context);
	void *context;
	/* Does anybody need all records of the topic (a view, which a rebuild reads from zero)? Then writes who
	 * into `who`. Any thread that alters or trims topics, and the log's cleaner. NULL = nobody. */
	bool (*needed)(void *context, const char *topic, char *who, size_t who_size);
	void *needed_context;
	/* How often to look for what retention and compaction ask for; 0 = 30 s, −1 = only by log_clean(). */
	int64_t clean_interval_ms;
	size_t clean_bytes_max; /* for the keys that compaction compares at a time; 0 = 64 MiB */
};

status log_open(const struct log_options *options, struct log **out) MUST_USE;
/* Writes what is queued, syncs, joins the writer. No other call may be under way. */
void log_close(struct log *log);

/* ---- topics ---- */

/* What makes room in a topic; both may be set. */
enum cleanup_policy {
	CLEANUP_DELETE = 1,  /* whole old segments go, by retention_ms and retention_bytes */
	CLEANUP_COMPACT = 2, /* only the newest record of each key stays */
};

/* Begin with topic_config_default(). Names and text forms are in log/topic_config.h. */
struct topic_config {
	int32_t partitions;            /* ≥ 1 */
	bool internal;                 /* names starting with "__"; hidden from plain listings */
	bool trim_force;               /* records may go although views need them */
	unsigned cleanup_policy;       /* of enum cleanup_policy */
	int64_t segment_bytes;         /* 0 = the log's default */
	int64_t segment_ms;            /* an active segment older than this is sealed */
	int64_t retention_ms;          /* −1 = unlimited (the default) */
	int64_t retention_bytes;       /* −1 = unlimited (the default); of a partition */
	int32_t message_bytes_max;     /* largest batch; 0 = 16 MiB */
	int64_t delete_retention_ms;   /* how long a compacted topic shows that a key was deleted */
	int64_t compaction_lag_ms_min; /* newer records are not compacted */
	int64_t compaction_lag_ms_max; /* older ones are, whatever the ratio */
	double dirty_ratio_min;        /* compaction begins at this share of bytes not yet compacted */
};

/* Valid until log_close(). What can be altered is replaced as a whole and stays valid, too: a reader that
 * wants several values of one configuration loads the pointer once. Partitions are only ever added, and are
 * there before `config` counts them. */
struct topic {
	char name[TOPIC_NAME_MAX + 1];
	uint64_t incarnation; /* differs when a topic is deleted and created again */
	const struct topic_config *_Atomic config;
	struct partition **_Atomic partition_array; /* config->partitions of them; see topic_partition() */
};

/* One of config->partitions. (The load is spelt out because gcc makes a plain one of a subscript.) */
static inline struct partition *topic_partition(const struct topic *topic, int32_t number)
{
	return atomic_load_explicit(&topic->partition_array, memory_order_acquire)[number];
}

/* Defaults: 1 partition, nothing ever deleted. */
struct topic_config topic_config_default(void);
/* STATUS_INVALID with the rule broken; a name is checked before anything else uses it. */
status topic_name_check(const char *name) MUST_USE;

/* Durable when it returns. STATUS_EXISTS when there is one of that name. Blocks. */
status topic_create(struct log *log, const char *name, const struct topic_config *config) MUST_USE;
/* Blocks. Old `struct topic`/`partition` pointers stay readable memory; appends get NOT_FOUND. DEPENDENT when
 * views need its records, naming them, unless the topic's configuration says trim_force. */
status topic_delete(struct log *log, const char *name) MUST_USE;
/* Replaces the configuration, durably; `partitions` may only grow (INVALID), `internal` stays as it is. What
 * would let records go that views need is refused with DEPENDENT, naming them, unless config->trim_force.
 * NOT_FOUND. Blocks. */
status topic_alter(struct log *log, const char *name, const struct topic_config *config) MUST_USE;
/* Changes some of it, atomically: `change` edits a copy of the present configuration and may refuse. */
status topic_alter_with(struct log *log, const char *name,
	status (*change)(void *context, struct topic_config *config), void *context) MUST_USE;
/* Borrowed until log_close(). STATUS_NOT_FOUND. Never blocks on I/O. */
status topic_find(struct log *log, const char *name, const struct topic **out) MUST_USE;
/* Counts topics created, altered and deleted; advanced() follows. */
uint64_t log_topic_changes(const struct log *log);
/* Sorted by name; the array is the caller's (mem_free), the topics are borrowed. */
void topic_list(struct log *log, const struct topic ***out, size_t *count);

/* The directory it lies in; valid until log_close(). */
const char *log_directory(const struct log *log);
/* Has the cleaner look now: seal, remove and compact what is due. Blocks until it has done so. What fails is
 * reported and tried again at the next look. */
void log_clean(struct log *log);
/* What the cleaner has done since log_open(). */
struct clean_counters {
	uint64_t passes, segments_removed, segments_compacted, failures;
	uint64_t bytes_removed; /* by either */
	uint64_t held;          /* partitions at the last look whose records views need, and are kept for them */
};
void log_clean_counters(struct log *log, struct clean_counters *out);

/* ---- append ---- */

struct append {
	struct partition *partition;
	/* Exactly one record batch v2, checked by record_batch_check(); base offset and leader epoch
	 * are rewritten in place. Owned by the caller, who keeps it until done() is called. */
	uint8_t *batch;
	size_t batch_size;
	/* Called once on the writer thread, after the fsync or on failure. Must not block. */
	void (*done)(struct append *append);
	void *context; /* the caller's */

	/* Results, valid in and after done(). */
	status result; /* OK, OUT_OF_ORDER_SEQUENCE, STALE_PRODUCER_EPOCH, TRANSACTION_STATE, BACKPRESSURE (too
					* many open transactions), NOT_FOUND, POISONED, IO, NO_SPACE */
	int64_t base_offset; /* assigned; for an idempotent duplicate the original's */
	bool duplicate;
	struct append *next; /* the queue's */
};

/* Enqueues; STATUS_BACKPRESSURE when the queue is full (done() is then not called),
 * TOO_LARGE above message_bytes_max, POISONED, SHUTDOWN. */
status log_append(struct log *log, struct append *append) MUST_USE;
/* The same, waiting for the result. `batch` is rewritten in place. Not on the writer thread. */
status log_append_wait(struct log *log, struct partition *partition, uint8_t *batch, size_t batch_size,
	int64_t *base_offset) MUST_USE;

/* ---- read ---- */

const struct topic *partition_topic(const struct partition *partition);
int32_t partition_number(const struct partition *partition);
/* One past the last visible offset. */
int64_t partition_high_watermark(const struct partition *partition);
/* Every record before it is decided: not part of a transaction, or of one that was committed or aborted.
 * The first open transaction's first offset, else the high watermark. Never moves back. */
int64_t partition_last_stable_offset(const struct partition *partition);
/* The first offset still there (0 unless trimmed). */
int64_t partition_log_start(const struct partition *partition);
/* Removes the records before `offset`: from now on readers get OUT_OF_RANGE there, durably; the cleaner then
 * removes the segments that lie wholly before it. OUT_OF_RANGE beyond the high watermark; nothing happens
 * below the log start. DEPENDENT naming the views that need the records, unless forced (here, or by the
 * topic's trim_force); INVALID for a topic that is only compacted. Blocks. */
#define PARTITION_TRIM_ALL INT64_C(-1) /* up to the high watermark */
status partition_trim(struct log *log, struct partition *partition, int64_t offset, bool force) MUST_USE;
/* Bytes on disk of the partition's segments. */
uint64_t partition_bytes(const struct partition *partition);

/* Appends to `out` whole batches beginning with the one that contains `offset`, below the high watermark:
 * at least one, then as many as fit `bytes_max`. Batches without records, which compaction leaves, are passed
 * over at the beginning if others follow: the first batch may begin after `offset`. A reader goes on behind
 * the last batch's last offset, whatever records it saw. Batch CRCs are not checked here (consumers do;
 * record_iterate() does). STATUS_END at the high watermark, OUT_OF_RANGE outside [start, hw],
 * DAMAGED with file and position. */
status partition_read(
	struct partition *partition, int64_t offset, size_t bytes_max, struct buffer *out) MUST_USE;

/* The same, but nothing from `end_offset` on (a batch's first offset, or beyond the end); END when `offset`
 * has reached it. */
status partition_read_until(struct partition *partition, int64_t offset, int64_t end_offset, size_t bytes_max,
	struct buffer *out) MUST_USE;
/* The same without reading the bytes: where they lie, for a reader that has the kernel send them.
 * *next_offset is where reading goes on. The range is the caller's, who closes it: it has a descriptor of its
 * own and stays readable whatever becomes of the topic. Only a few of the headers are looked at. out->fd is
 * −1, also with STATUS_OK: then the first batch has no records, and partition_read_until() passes over it. IO
 * also when the process has no descriptor left. */
status partition_range(struct partition *partition, int64_t offset, int64_t end_offset, size_t bytes_max,
	struct file_range *out, int64_t *next_offset) MUST_USE;
/* What a reader shows who shows no aborted record: as partition_read_until(), ending at the last stable
 * offset at the latest, and without the batches of aborted transactions and the markers. What it adds may
 * be empty; reading goes on at *next_offset all the same. A pure function of the records before the end. */
status partition_read_committed(struct partition *partition, int64_t offset, int64_t end_offset,
	size_t bytes_max, struct buffer *out, int64_t *next_offset) MUST_USE;

/* How many published bytes a reader at `offset` has before it, as far as memory tells: a few KiB too many
 * when it begins in the middle of the active segment; INT64_MAX from a sealed one. No I/O. */
int64_t partition_bytes_ahead(struct partition *partition, int64_t offset);

/* For a reader that found a batch of what partition_read() returned to be damaged: adds to the current error
 * in which file and at which byte it lies. Returns `code`. */
status partition_note_damage(struct partition *partition, struct slice bytes, status code);

/* First record with timestamp ≥ `timestamp_ms`: its offset and timestamp, NOT_FOUND when there is none. */
status partition_find_time(
	struct partition *partition, int64_t timestamp_ms, int64_t *offset, int64_t *found_timestamp_ms) MUST_USE;
/* The record of the largest timestamp (ListOffsets −3). NOT_FOUND when empty. */
status partition_find_max_time(struct partition *partition, int64_t *offset, int64_t *timestamp_ms) MUST_USE;

/* ---- producers (idempotence) ---- */

/* A producer id never given out before; durable (a record of "__kappa_topics"). Blocks. */
status log_producer_id_allocate(struct log *log, int64_t *producer_id) MUST_USE;

struct producer_position {
	int16_t epoch;
	int32_t last_sequence;    /* of the newest batch */
	int64_t last_base_offset; /* where that batch begins */
	int64_t last_offset;
};
/* What the partition knows of a producer's newest batch; NOT_FOUND. */
status partition_producer(
	struct partition *partition, int64_t producer_id, struct producer_position *out) MUST_USE;

/* ---- transactions ----
 *
 * A transaction of a producer in one partition begins with its first transactional batch after the last
 * marker, and ends with the next marker: a control batch that says commit or abort. Who decides, and makes
 * sure that a marker comes, is a coordinator above the log (ingest/transaction.h).
 */

enum transaction_marker { MARKER_NONE, MARKER_ABORT, MARKER_COMMIT };

/* Builds the control batch that ends a producer's transaction, to be given to log_append(). An append of a
 * marker where the producer has no open transaction is harmless: it takes an offset and nothing else. */
void transaction_marker_build(int64_t producer_id, int16_t producer_epoch, enum transaction_marker marker,
	int32_t coordinator_epoch, int64_t timestamp_ms, struct buffer *out);

struct aborted_transaction {
	int64_t producer_id;
	int64_t first_offset;       /* of its first batch */
	int64_t last_offset;        /* the marker's */
	int64_t last_stable_offset; /* the partition's, after the marker */
};
/* The aborted transactions with records in [from, to), by first offset. Complete when `to` is at most the
 * last stable offset. The array is the caller's (mem_free); NULL when there are none. */
void partition_aborted(
	struct partition *partition, int64_t from, int64_t to, struct aborted_transaction **out, size_t *count);

struct open_transaction {
	int64_t producer_id, first_offset;
	int16_t producer_epoch;
};
/* The open transactions by first offset, durable or about to be; the array as above. */
void partition_open_transactions(struct partition *partition, struct open_transaction **out, size_t *count);

struct producer_description {
	int64_t id;
	int16_t epoch;
	int32_t last_sequence;            /* −1 = none of this epoch */
	int64_t transaction_first_offset; /* −1 = no open transaction */
};
/* The producers that the partition remembers, longest silent first; the array as above. */
void partition_producers(struct partition *partition, struct producer_description **out, size_t *count);

#endif
