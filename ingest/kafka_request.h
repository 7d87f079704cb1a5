/* A request between its frame and its answer: what handlers see. Private to ingest/kafka_*.c.
 *
 *   run() is called on the network thread when the request starts and again whenever something may have
 * changed, until it returns KAFKA_ANSWERED with `answer` set. It never blocks: KAFKA_WAITS     for `outside`
 * (appends, a blocking call) to reach 0, or for the log, or for deadline_ms KAFKA_STALLED   for room in the
 * log's queue; nothing else of the session starts meanwhile
 *
 * Memory: everything lives in the request's arena or borrows its frame, until the answer is sent.
 * Threads: the network thread's, but for a blocking call's function, which has the request to itself, and
 * for kafka_request_leave().
 */
#ifndef KAPPA_INGEST_KAFKA_REQUEST_H
#define KAPPA_INGEST_KAFKA_REQUEST_H

#include <stdatomic.h>

#include "base/file_range.h"
#include "ingest/kafka_broker.h"
#include "ingest/kafka_codec.h"
#include "ingest/kafka_error.h"
#include "ingest/kafka_waits.h"

struct kafka_session;
struct kafka_request;

enum kafka_progress { KAFKA_ANSWERED, KAFKA_WAITS, KAFKA_STALLED };

/* Long bytes of an answer that are written without a copy: first the range's, then the buffer's. */
struct kafka_body {
	struct file_range range; /* fd −1 = none */
	struct buffer bytes;
};

/* One row of the table in kafka_api.c. */
struct kafka_api {
	int16_t key;
	int16_t version_min, version_max; /* advertised, and decoded */
	int16_t flexible_from;
	int32_t elements_max; /* array elements in one request; each may cost some hundred bytes */
	const char *name;
	const struct kafka_schema *request, *response;
	enum kafka_progress (*run)(struct kafka_request *request, int64_t now_ms);
	void (*release)(struct kafka_request *request); /* frees what is not in the arena; NULL = nothing */
};

extern const struct kafka_api kafka_apis[];
extern const size_t kafka_api_count;
const struct kafka_api *kafka_api_find(int16_t key); /* NULL */

struct kafka_request {
	struct kafka_request *next;
	struct kafka_session *session;
	struct kafka_broker *broker;
	const struct kafka_api *api;
	struct kafka_layout layout;
	int32_t correlation_id;
	bool answered;
	struct buffer frame; /* owns the request's bytes */
	size_t intake_bytes; /* taken for it */
	struct arena arena;
	void *message;          /* the decoded struct, of api->request */
	const void *answer;     /* of api->response */
	int64_t deadline_ms;    /* run() again then; INT64_MAX = no need */
	void *state;            /* the handler's, in the arena */
	struct slice client_id; /* of the request's header; data == NULL: none */

	bool open;           /* there are no users: everybody may do everything */
	struct user *user;   /* who asks; NULL = nobody known */
	const void *refusal; /* the answer to a user who may not ask this at all; the handler does not run */
	bool raw;            /* a SASL token without a request around it; so goes the answer */
	bool last;           /* the connection ends after the answer */

	bool silent;    /* acks=0: no answer is sent */
	status failure; /* not OK: close the connection instead of answering */
	char failure_text[256];

	void (*blocking)(struct kafka_request *request); /* see kafka_request_block() */
	_Atomic int32_t outside;                         /* appends and blocking calls under way */
	/* Parked until a partition moves, see kafka_waits.h; NULL = not. */
	struct kafka_wait *waits;
	int32_t wait_count;
	/* Gives away what the answer's long bytes (KAFKA_LOOSE_BYTES_MIN) at `data` stand for, which is then
	 * written without a copy; false: they are bytes like others, to be copied. Who gives them away need not
	 * have them at `data`, which is only compared. NULL = nothing to give. */
	bool (*hand_over)(struct kafka_request *request, const uint8_t *data, struct kafka_body *out);
	/* The session is going while something outside holds the request: have it let go soon, so that the
	 * memory is not held for as long as somebody else's answer takes. Called at most once; NULL = it does by
	 * itself. */
	void (*cancel)(struct kafka_request *request);
};

/* Runs `function` on a worker thread; run() is called again when it has returned. */
void kafka_request_block(struct kafka_request *request, void (*function)(struct kafka_request *request));
/* Can a body have a range? Not on an encrypted connection, whose bytes have to pass through us. */
bool kafka_request_may_send_range(const struct kafka_request *request);
/* Network thread: has the session look at its requests again soon. */
void kafka_request_wake(struct kafka_request *request);
/* Something outside (an append) is about to hold on to the request … */
void kafka_request_enter(struct kafka_request *request);
/* … and lets go of it; any thread, and the last touch of the request's memory by the caller. */
void kafka_request_leave(struct kafka_request *request);

/* Where the request came from, as Kafka's tools print it: "/127.0.0.1"; valid as long as the session. */
struct slice kafka_request_host(const struct kafka_request *request);

/* Answers with the request's struct of its API. */
enum kafka_progress kafka_request_answer(struct kafka_request *request, const void *answer);

/* ---- an answer in proportion to its request: kafka_answer.c ----
 *
 * What a request of n bytes costs – decoded, worked on and answered in its arena, and the answer's bytes –
 * stays below KAFKA_REQUEST_BYTES_FREE + KAFKA_REQUEST_BYTES_PER_BYTE × n. The exception is what the
 * appliance keeps and is asked for: records, topics and their configuration, groups, offsets, transactions,
 * producers; that is answered in full, but each thing once, however often it is asked for. The rest is short
 * (a code, a constant text), or told only while kafka_answer_has_room(). tests/ingest/test_kafka_cost.c and
 * tests/fuzz/fuzz_kafka.c hold every API to it.
 */
enum {
	KAFKA_REQUEST_BYTES_FREE = 64 * 1024,
	KAFKA_REQUEST_BYTES_PER_BYTE = 128,
	/* Of those, what may be used up before something long is added. */
	KAFKA_ANSWER_BYTES_FREE = 32 * 1024,
	KAFKA_ANSWER_BYTES_PER_BYTE = 64,
};
/* Is there room for `bytes` more, of something that is not short? */
bool kafka_answer_has_room(const struct kafka_request *request, size_t bytes);

/* Which of the things that a request names it names again. new, add…, finish; then kinds[i] is of the i-th
 * that was added. */
enum kafka_mentioned {
	KAFKA_MENTIONED_ONCE,
	KAFKA_MENTIONED_FIRST /* of several times */,
	KAFKA_MENTIONED_AGAIN
};
struct kafka_mentions {
	struct kafka_mention {
		struct slice name; /* null is as empty */
		int32_t number;    /* a partition, a type */
		int32_t index;
	} * list;
	uint8_t *kinds;
	int32_t count, capacity;
	int32_t unique; /* different things */
};
struct kafka_mentions *kafka_mentions_new(struct arena *arena, int32_t count);
void kafka_mentions_add(struct kafka_mentions *mentions, struct slice name, int32_t number);
void kafka_mentions_finish(struct kafka_mentions *mentions);
/* All at once; a negative count is none. */
const struct kafka_mentions *kafka_mentions_of_names(
	struct arena *arena, const struct slice *names, int32_t count);

/* ---- users: kafka_access.c, kafka_sasl.c ---- */

/* May the one who asks do this with the topic? If not: TOPIC_AUTHORIZATION_FAILED, whether it exists or not.
 */
bool kafka_may(const struct kafka_request *request, enum user_role role, struct slice topic);
/* … anything at all with it? */
bool kafka_may_describe(const struct kafka_request *request, struct slice topic);
/* … with any topic? */
bool kafka_may_some(const struct kafka_request *request, enum user_role role);
const char *kafka_principal(const struct kafka_request *request); /* for the audit trail */
/* Before the handler runs: sets `refusal`, or fails when the connection is to be closed. */
status kafka_access_check(struct kafka_request *request) MUST_USE;
struct kafka_sasl;
struct kafka_sasl *kafka_request_sasl(struct kafka_request *request);

/* ---- shared by handlers: kafka_topic.c ---- */

/* The topic of that name, NULL when there is none (or no name of a topic at all). */
const struct topic *kafka_topic_find(struct log *log, struct slice name);
/* The partition, NULL when there is none. */
struct partition *kafka_partition_find(struct log *log, struct slice topic, int32_t partition);
/* Internal topics belong to the appliance: clients may read, not change them. */
bool kafka_topic_is_internal(struct slice name);
/* Identity of a topic's incarnation; never all zero. */
void kafka_topic_uuid(const struct topic *topic, uint8_t uuid[16]);
/* Copies into the arena, NUL-terminated. */
const char *kafka_text(struct arena *arena, struct slice bytes);
/* The current error trace's text and hint, copied into the arena. */
struct slice kafka_error_text(struct arena *arena);
/* The code a client gets for a status. */
int16_t kafka_error_of(status code);
/* Checks the leader epoch a client believes in (−1: no opinion); our only epoch is 0. */
int16_t kafka_leader_epoch_check(int32_t current_leader_epoch);

enum { KAFKA_LEADER_EPOCH = 0 };

/* ---- topic configuration: kafka_config.c ---- */

/* All entries of a topic as CreateTopics answers them. */
struct kafka_create_topics_response_config *kafka_config_list(
	struct arena *arena, const struct topic_config *config, int32_t *count);
/* About the memory it takes. */
size_t kafka_config_list_size(void);

/* One of the broker's settings. */
struct kafka_broker_value {
	const char *name, *value, *documentation;
	int8_t type;
};
enum { KAFKA_BROKER_VALUES_MAX = 40 };
/* All of them, in the request's arena. */
const struct kafka_broker_value *kafka_config_broker_values(struct kafka_request *request, size_t *count);
/* Is the resource of that name this broker (or, with no name, the defaults of all)? */
bool kafka_config_broker_is_named(const struct kafka_request *request, struct slice name);

/* ---- handlers ---- */

enum kafka_progress kafka_produce_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_fetch_run(struct kafka_request *request, int64_t now_ms);
void kafka_fetch_release(struct kafka_request *request);
enum kafka_progress kafka_list_offsets_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_leader_epoch_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_metadata_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_cluster_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_create_topics_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_delete_topics_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_configs_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_alter_configs_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_incremental_alter_configs_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_create_partitions_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_delete_records_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_log_dirs_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_elect_leaders_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_alter_reassignments_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_list_reassignments_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_acls_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_create_acls_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_delete_acls_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_api_versions_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_find_coordinator_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_offset_commit_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_offset_fetch_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_offset_delete_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_join_group_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_sync_group_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_heartbeat_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_leave_group_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_groups_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_list_groups_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_delete_groups_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_init_producer_id_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_add_partitions_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_add_offsets_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_end_txn_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_txn_commit_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_producers_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_describe_transactions_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_list_transactions_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_sasl_handshake_run(struct kafka_request *request, int64_t now_ms);
enum kafka_progress kafka_sasl_authenticate_run(struct kafka_request *request, int64_t now_ms);
void kafka_sasl_authenticate_release(struct kafka_request *request);

#endif
