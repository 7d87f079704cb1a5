/* Records of groups and offsets, in the layout of Kafka's own __consumer_offsets, so that Kafka's tools can
 * read them. A key begins with its kind, a value with the version of its layout, both i16:
 *
 *   key {1, group, topic, partition}               value {3, offset, leader epoch, metadata, commit time}
 *                                                     or {1, offset, metadata, commit time, expiry time}
 *   key {2, group}                                 value {3, protocol type, generation, protocol, leader,
 *                                                         state's time, members}
 *   key {1000, producer id, group, topic, partition}   value as of an offset; ours: not committed yet
 *
 * A null value: there is nothing (any more). The header "kappa.incarnation" of an offset is the topic's
 * incarnation (u64). A group's leader is null while its members have no assignment yet.
 */
#ifndef KAPPA_INGEST_GROUP_RECORD_H
#define KAPPA_INGEST_GROUP_RECORD_H

#include "ingest/group_internal.h"
#include "ingest/kafka_schema.h"
#include "log/record_batch.h"

#define GROUP_INCARNATION_HEADER "kappa.incarnation"

enum group_record_kind { GROUP_RECORD_OFFSET = 1, GROUP_RECORD_GROUP = 2, GROUP_RECORD_STAGED = 1000 };

struct group_record {
	enum group_record_kind kind;
	struct slice group, topic;
	int32_t partition;
	int64_t producer_id;
	bool gone;                 /* a null value */
	struct offset_value value; /* metadata is borrowed */
	const struct kafka_group_record_value *group_value;
};

/* Everything is borrowed from the record and the arena. DAMAGED. UNSUPPORTED: a later release wrote it. */
status group_record_decode(
	const struct record *record, struct arena *arena, struct group_record *out) MUST_USE;

/* value NULL: there is none any more. A producer id ≥ 0: staged by that producer. */
void group_record_offset(struct record_batch_builder *builder, int64_t wall_ms, int64_t producer_id,
	struct slice group, struct slice topic, int32_t partition, const struct offset_value *value);
void group_record_group(struct record_batch_builder *builder, int64_t wall_ms, const struct group *group);
void group_record_group_gone(struct record_batch_builder *builder, int64_t wall_ms, struct slice group);

/* The group as the record says; its members have no deadlines yet. False: it cannot be. */
bool group_restore(struct group *group, const struct kafka_group_record_value *value);

#endif
