/* What a group is made of. For ingest/group_*.c, and nobody else. */
#ifndef KAPPA_INGEST_GROUP_INTERNAL_H
#define KAPPA_INGEST_GROUP_INTERNAL_H

#include "ingest/group.h"
#include "ingest/group_offsets.h"
#include "ingest/kafka_error.h"

/* Slices of members and groups own their memory: slice_own(), slice_free(). */
struct group_member {
	struct group_member *next;
	struct slice member_id, instance_id, client_id, client_host;
	int32_t session_timeout_ms, rebalance_timeout_ms;
	struct group_protocol *protocols; /* one block with what they say */
	int32_t protocol_count;
	size_t bytes;                   /* that count against GROUP_METADATA_BYTES_MAX */
	struct slice assignment;        /* of the current generation; empty until it is known */
	struct group_call *join, *sync; /* parked; never both */
	int64_t deadline_ms;            /* dies then, unless parked */
	bool named;                     /* somebody was told its id, and may come again with it */
	bool synced;                    /* has asked for its assignment in this generation */
};

/* An id that was given out; its member has not come yet. */
struct group_pending {
	struct group_pending *next;
	struct slice member_id;
	int64_t deadline_ms;
};

struct group {
	struct slice id;
	const struct group_options *options;
	enum group_state state;
	int32_t generation;
	struct slice protocol_type, protocol; /* data == NULL: none */
	struct group_member *members;         /* in the order they came */
	int32_t member_count;
	size_t member_bytes;
	struct group_member *leader;
	struct group_pending *pending;
	int32_t pending_count;
	int64_t
		rebalance_deadline_ms; /* PREPARING: who has not joined by then is out; later: who has not synced */
	int64_t delay_ms,
		delay_until_ms; /* PREPARING from EMPTY: others may come until then; 0 = no such delay */

	/* Outputs, taken by the coordinator. */
	struct group_call *ended, **ended_end;
	bool changed; /* to be recorded before the ended calls may be told */

	/* The coordinator's. */
	struct group *next; /* in its bucket */
	uint64_t hash;
	struct group_offsets offsets;
	uint64_t recorded;     /* the newest batch with a record of this group */
	int64_t state_wall_ms; /* since when it is EMPTY */
	enum group_state state_seen;
	int64_t due_ms; /* no tick is needed before */
};

struct slice slice_own(struct slice bytes);
void slice_free(struct slice *bytes);
struct slice slice_keep(struct arena *arena, struct slice bytes);

/* ---- members: group_member.c ---- */

struct group_member *member_find(const struct group *group, struct slice member_id);
struct group_member *member_find_static(const struct group *group, struct slice instance_id);
/* KAFKA_NONE and the member; UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
int16_t member_identify(
	const struct group *group, const struct group_identity *who, struct group_member **out);
/* A member with what the join says, and that id (owned from now on). */
struct group_member *member_add(
	struct group *group, const struct group_join *join, struct slice member_id, int64_t now_ms);
void member_update(struct group *group, struct group_member *member, const struct group_join *join);
/* Unlinks and frees; its calls have been ended. */
void member_free(struct group *group, struct group_member *member);
/* Does the join say what the member has said before? */
bool member_matches(const struct group_member *member, const struct group_join *join);
void member_alive(struct group_member *member, int64_t now_ms);
bool member_is_parked(const struct group_member *member);
/* What it says for a protocol; empty if it does not know that one. */
struct slice member_metadata(const struct group_member *member, struct slice protocol);
size_t join_bytes(const struct group_join *join);
/* A new id: the client's, and 128 random bits. Owned by the caller. */
struct slice member_id_make(const struct group *group, const struct group_join *join);

/* The group's choice: most members prefer it among those that all know. data == NULL: there is none. */
struct slice group_protocol_choose(const struct group *group);
/* Could a member with these protocols be with the others? `self` is not counted. */
bool group_protocol_fits(
	const struct group *group, const struct group_join *join, const struct group_member *self);

/* ---- what is inside a consumer's metadata: group_subscription.c ---- */

/* The bytes of the list of topics; false when it is not a consumer's subscription. */
bool subscription_topics(struct slice metadata, struct slice *out);
bool subscription_has(struct slice metadata, struct slice topic);

/* ---- rebalance: group_rebalance.c ---- */

void call_end(struct group *group, struct group_call *call, int16_t error_code);
/* Ends a parked call of a member, if there is one. */
void member_calls_end(struct group *group, struct group_member *member, int16_t error_code);
void call_park_join(struct group *group, struct group_member *member, struct group_call *call);
void call_park_sync(struct group *group, struct group_member *member, struct group_call *call);
/* Ends the call with the current generation, as `member` is to see it. */
void call_end_joined(
	struct group *group, struct group_call *call, struct group_member *member, struct slice leader);
void call_end_synced(struct group *group, struct group_call *call, const struct group_member *member);
void rebalance_begin(struct group *group, int64_t now_ms);
/* A newcomer in the initial delay. */
void rebalance_newcomer(struct group *group, int64_t now_ms);
/* Goes on to COMPLETING if all have joined. */
void rebalance_check(struct group *group, int64_t now_ms);
void rebalance_tick(struct group *group, int64_t now_ms);
void member_remove(struct group *group, struct group_member *member, int16_t error_code, int64_t now_ms);
void group_stabilize(struct group *group, const struct group_sync *sync, int64_t now_ms);

/* ---- for the coordinator ---- */

/* All calls it holds end with this error; it takes no more. */
void group_kill(struct group *group, int16_t error_code);
struct group_call *group_take_ended(struct group *group);
/* What must always be true of it. */
void group_check(const struct group *group);

#endif
