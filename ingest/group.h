/* One group of the classic protocol as a state machine: no I/O, no clock, no thread of its own. Requests and
 * times go in; ended calls and the wish to be recorded come out.
 *
 *                 ┌──────────── all have left or died ◄─────────────┐
 *                 ▼                                                 │
 *   ──► EMPTY ── join ──► PREPARING ── all joined, or time ──► COMPLETING ── leader's sync ──► STABLE
 *                            ▲             is up                    │                            │
 *                            └── join, leave, death, new metadata ◄─┴────────────────────────────┘
 *   DEAD: deleted, or expired; nothing holds it any more.
 *
 * Invariants
 *   G1  A generation never goes back. It grows when PREPARING ends, and only then.
 *   G2  In one generation there is one leader and one protocol, which all members support; the leader's
 *       assignment is taken once.
 *   G3  A call is ended exactly once, or dropped. PREPARING holds calls of joins only, COMPLETING of syncs.
 *   G4  Every member that is not parked has a time at which it dies, and every state but EMPTY and STABLE a
 *       time at which it ends: no group waits for ever.
 *   G5  Whatever is said of a generation, an assignment or a static member's id follows from what `changed`
 *       asks to be recorded first (the coordinator holds calls back until that is durable).
 *
 * Threads: none of its own; the coordinator's lock guards it.
 */
#ifndef KAPPA_INGEST_GROUP_H
#define KAPPA_INGEST_GROUP_H

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE, GROUP_DEAD };
const char *group_state_name(enum group_state state); /* Kafka's words: "PreparingRebalance" */

/* Documented limits; the rest of the protocol's sizes follows from the request's. */
enum {
	GROUP_ID_SIZE_MAX = 1024,                   /* also of member and instance ids */
	GROUP_METADATA_BYTES_MAX = 4 * 1024 * 1024, /* of all members of a group; as much again of assignments */
	GROUP_OFFSET_METADATA_MAX = 4096,           /* Kafka's offset.metadata.max.bytes */
};

struct group_options {
	int32_t session_timeout_ms_min, session_timeout_ms_max;
	/* After the first member of an empty group has joined: how long others are waited for, again after each
	 * new one, but at most the rebalance timeout. */
	int32_t initial_delay_ms;
	int32_t members_max;                              /* of a group, with those that were only given an id */
	void (*random)(void *context, uint8_t bytes[16]); /* member ids; NULL = the system's */
	void *random_context;
};

struct group;
struct group_member;

/* A request and its result, while a group has it. The caller owns it and keeps it until done(). */
struct group_call {
	/* Set by the caller. */
	struct arena *arena;                   /* results are copied into it; nobody else's until done() */
	void (*done)(struct group_call *call); /* once; any thread; no lock is held */
	void *context;

	/* Results. */
	int16_t error_code;
	int32_t generation;
	struct slice protocol_type, protocol, leader, member_id, assignment;
	struct group_call_member *members; /* for the leader */
	int32_t member_count;

	/* The group's, then the coordinator's. */
	struct group_call *next;
	struct group *group;
	struct group_member *member; /* where it is parked */
	uint64_t after;              /* held back until that record is durable */
	bool held;                   /* parked or held back: group_coordinator_drop() still finds it */
};

struct group_call_member {
	struct slice member_id, instance_id, metadata; /* instance_id.data == NULL: none */
};

struct group_protocol {
	struct slice name, metadata;
};

struct group_identity {
	struct slice member_id;   /* empty: none */
	struct slice instance_id; /* data == NULL: not static */
};

struct group_join {
	struct group_identity who;
	struct slice client_id, client_host;
	int32_t session_timeout_ms, rebalance_timeout_ms;
	struct slice protocol_type;
	const struct group_protocol *protocols; /* in the member's order of preference */
	int32_t protocol_count;
	bool id_first; /* a new dynamic member is given an id and asked to come again with it */
};

struct group_assignment {
	struct slice member_id, assignment;
};

struct group_sync {
	struct group_identity who;
	int32_t generation;
	struct slice protocol_type, protocol; /* data == NULL: not said */
	const struct group_assignment *assignments;
	int32_t assignment_count;
};

struct group *kafka_group_create(struct slice id, const struct group_options *options);
void kafka_group_destroy(struct group *group); /* accepts NULL; no call is parked */

/* Inputs. What they end is in group_take_ended(). */
void group_join(struct group *group, const struct group_join *join, struct group_call *call, int64_t now_ms);
void group_sync(struct group *group, const struct group_sync *sync, struct group_call *call, int64_t now_ms);
int16_t group_heartbeat(
	struct group *group, const struct group_identity *who, int32_t generation, int64_t now_ms);
int16_t group_leave(struct group *group, const struct group_identity *who, int64_t now_ms);
/* May this member commit offsets now? A generation below 0 is a consumer that assigns partitions itself. */
int16_t group_commit_check(struct group *group, const struct group_identity *who, int32_t generation,
	bool transactional, int64_t now_ms);
/* The client is gone: the call is forgotten, not ended; its member gets its session timeout to come back. */
void group_call_drop(struct group *group, struct group_call *call, int64_t now_ms);
/* Whatever is due by now. */
void group_tick(struct group *group, int64_t now_ms);
int64_t group_deadline_ms(const struct group *group); /* INT64_MAX: nothing is due */

#endif
