/* See group_record.h. The layouts are described in kafka_messages_group.h, like the protocol's. */
#include "ingest/group_record.h"

#include <inttypes.h>

#include "ingest/kafka_codec.h"

enum { VALUE_VERSION = 3, VALUE_VERSION_EXPIRY = 1, MEMBERS_READ_MAX = 1 << 20 };

/* ---- reading ---- */

static status record_refuse(const struct record *record, const char *what)
{
	return error_raise(
		STATUS_DAMAGED, "the record of groups at offset %" PRId64 ": %s", record->offset, what);
}

static void *part_read(
	struct cursor *cursor, const struct kafka_schema *schema, int16_t version, struct arena *arena)
{
	void *out = NULL;
	struct kafka_layout layout = {.version = version};
	return kafka_read(cursor, schema, layout, arena, MEMBERS_READ_MAX, &out) == STATUS_OK ? out : NULL;
}

static bool key_read(struct cursor *cursor, int16_t kind, struct arena *arena, struct group_record *out)
{
	const struct kafka_offset_record_key *offset;
	const struct kafka_group_record_key *group;
	const struct kafka_staged_record_key *staged;
	switch (kind) {
	case GROUP_RECORD_OFFSET:
		if ((offset = part_read(cursor, &kafka_offset_record_key_schema, kind, arena)) == NULL)
			return false;
		out->group = offset->group_id;
		out->topic = offset->topic;
		out->partition = offset->partition;
		break;
	case GROUP_RECORD_GROUP:
		if ((group = part_read(cursor, &kafka_group_record_key_schema, kind, arena)) == NULL)
			return false;
		out->group = group->group_id;
		break;
	case GROUP_RECORD_STAGED:
		if ((staged = part_read(cursor, &kafka_staged_record_key_schema, kind, arena)) == NULL)
			return false;
		out->producer_id = staged->producer_id;
		out->group = staged->group_id;
		out->topic = staged->topic;
		out->partition = staged->partition;
		break;
	default:
		return false;
	}
	out->kind = (enum group_record_kind)kind;
	return out->partition >= 0 && out->partition <= GROUP_PARTITION_MAX;
}

static bool offset_value_read(struct cursor *cursor, int16_t version, struct arena *arena,
	const struct record *record, struct offset_value *out)
{
	const struct kafka_offset_record_value *value =
		part_read(cursor, &kafka_offset_record_value_schema, version, arena);
	if (value == NULL)
		return false;
	*out = (struct offset_value){
		.offset = value->offset,
		.leader_epoch = value->leader_epoch,
		.metadata = value->metadata,
		.commit_wall_ms = value->commit_timestamp,
		.expire_wall_ms = value->expire_timestamp,
	};
	struct record headers = *record;
	struct record_header header;
	while (record_header_next(&headers, &header) == STATUS_OK)
		if (slice_equal(header.key, slice_of_string(GROUP_INCARNATION_HEADER)) && header.value.size == 8)
			out->incarnation = get_be64(header.value.data);
	return true;
}

status group_record_decode(const struct record *record, struct arena *arena, struct group_record *out)
{
	struct group_record decoded = {.producer_id = -1};
	struct cursor key = cursor_of(record->key);
	int16_t kind = (int16_t)cursor_be16(&key);
	if (key.failed)
		return record_refuse(record, "there is no key");
	if (!key_read(&key, kind, arena, &decoded)) {
		if (kind >= 0 && kind != GROUP_RECORD_OFFSET && kind != GROUP_RECORD_GROUP &&
			kind != GROUP_RECORD_STAGED)
			return error_raise(STATUS_UNSUPPORTED,
				"the record of groups at offset %" PRId64 " is of kind %d, which a later release wrote",
				record->offset, kind);
		return record_refuse(record, "the key is damaged");
	}
	decoded.gone = record->value.data == NULL;
	if (!decoded.gone) {
		struct cursor value = cursor_of(record->value);
		int16_t version = (int16_t)cursor_be16(&value);
		if (value.failed || version < 0 || version > VALUE_VERSION)
			return record_refuse(record, "the value is of a version that is not known");
		if (decoded.kind == GROUP_RECORD_GROUP)
			decoded.group_value = part_read(&value, &kafka_group_record_value_schema, version, arena);
		bool valid = decoded.kind == GROUP_RECORD_GROUP
						 ? decoded.group_value != NULL
						 : offset_value_read(&value, version, arena, record, &decoded.value);
		if (!valid)
			return record_refuse(record, "the value is damaged");
	}
	*out = decoded;
	return STATUS_OK;
}

/* ---- writing ---- */

static void part_write(
	struct buffer *out, int16_t version, const struct kafka_schema *schema, const void *from)
{
	buffer_append_be16(out, (uint16_t)version);
	kafka_write(out, schema, (struct kafka_layout){.version = version}, from);
}

void group_record_offset(struct record_batch_builder *builder, int64_t wall_ms, int64_t producer_id,
	struct slice group, struct slice topic, int32_t partition, const struct offset_value *value)
{
	struct buffer key = {0}, bytes = {0};
	struct kafka_offset_record_key plain = {group, topic, partition};
	struct kafka_staged_record_key staged = {producer_id, group, topic, partition};
	if (producer_id < 0)
		part_write(&key, GROUP_RECORD_OFFSET, &kafka_offset_record_key_schema, &plain);
	else
		part_write(&key, GROUP_RECORD_STAGED, &kafka_staged_record_key_schema, &staged);
	uint8_t incarnation[8];
	struct record_header header = {
		slice_of_string(GROUP_INCARNATION_HEADER), slice_of(incarnation, sizeof incarnation)};
	if (value != NULL) {
		struct kafka_offset_record_value fields = {
			.offset = value->offset,
			.leader_epoch = value->leader_epoch,
			.metadata = value->metadata,
			.commit_timestamp = value->commit_wall_ms,
			.expire_timestamp = value->expire_wall_ms,
		};
		part_write(&bytes, value->expire_wall_ms >= 0 ? VALUE_VERSION_EXPIRY : VALUE_VERSION,
			&kafka_offset_record_value_schema, &fields);
		put_be64(incarnation, value->incarnation);
	}
	record_batch_builder_add(builder, wall_ms, buffer_slice(&key), buffer_slice(&bytes),
		value != NULL ? &header : NULL, value != NULL ? 1 : 0);
	buffer_deinit(&key);
	buffer_deinit(&bytes);
}

static void group_key_write(struct buffer *out, struct slice group)
{
	struct kafka_group_record_key key = {group};
	part_write(out, GROUP_RECORD_GROUP, &kafka_group_record_key_schema, &key);
}

void group_record_group(struct record_batch_builder *builder, int64_t wall_ms, const struct group *group)
{
	bool assigned = group->state == GROUP_STABLE && group->leader != NULL;
	struct kafka_group_record_value value = {
		.protocol_type = group->protocol_type,
		.generation = group->generation,
		.protocol = group->protocol,
		.leader = assigned ? group->leader->member_id : (struct slice){0},
		.current_state_timestamp = group->state_wall_ms,
		.members_count = group->member_count,
		.members = mem_alloc_zeroed((size_t)group->member_count + 1, sizeof *value.members),
	};
	int32_t count = 0;
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		value.members[count++] = (struct kafka_group_record_member){
			.member_id = member->member_id,
			.group_instance_id = member->instance_id,
			.client_id = member->client_id,
			.client_host = member->client_host,
			.rebalance_timeout = member->rebalance_timeout_ms,
			.session_timeout = member->session_timeout_ms,
			.subscription = member_metadata(member, group->protocol),
			.assignment = member->assignment,
		};
	struct buffer key = {0}, bytes = {0};
	group_key_write(&key, group->id);
	part_write(&bytes, VALUE_VERSION, &kafka_group_record_value_schema, &value);
	record_batch_builder_add(builder, wall_ms, buffer_slice(&key), buffer_slice(&bytes), NULL, 0);
	mem_free(value.members);
	buffer_deinit(&key);
	buffer_deinit(&bytes);
}

void group_record_group_gone(struct record_batch_builder *builder, int64_t wall_ms, struct slice group)
{
	struct buffer key = {0};
	group_key_write(&key, group);
	record_batch_builder_add(builder, wall_ms, buffer_slice(&key), (struct slice){0}, NULL, 0);
	buffer_deinit(&key);
}

/* ---- from a record to a group ---- */

static void member_restore(struct group *group, const struct kafka_group_record_value *value,
	const struct kafka_group_record_member *from)
{
	struct group_protocol protocol = {value->protocol, from->subscription};
	struct group_join join = {
		.who = {.member_id = from->member_id, .instance_id = from->group_instance_id},
		.client_id = from->client_id,
		.client_host = from->client_host,
		.session_timeout_ms = from->session_timeout,
		.rebalance_timeout_ms = from->rebalance_timeout,
		.protocol_type = value->protocol_type,
		.protocols = &protocol,
		.protocol_count = 1,
	};
	struct group_member *member = member_add(group, &join, slice_own(from->member_id), 0);
	slice_free(&member->assignment);
	member->assignment = slice_own(from->assignment);
	member->named = true;
	if (value->leader.data != NULL && slice_equal(value->leader, from->member_id))
		group->leader = member;
}

bool group_restore(struct group *group, const struct kafka_group_record_value *value)
{
	if (value->generation < 0 || (value->members_count > 0 && value->protocol.data == NULL))
		return false;
	while (group->members != NULL)
		member_free(group, group->members);
	slice_free(&group->protocol_type);
	slice_free(&group->protocol);
	group->protocol_type = slice_own(value->protocol_type);
	group->protocol = slice_own(value->protocol);
	group->generation = value->generation;
	group->state_wall_ms = value->current_state_timestamp;
	for (int32_t i = 0; i < value->members_count; i++)
		member_restore(group, value, &value->members[i]);
	/* Recorded before the leader had assigned: all must join again. */
	group->state = group->members == NULL  ? GROUP_EMPTY
				   : group->leader != NULL ? GROUP_STABLE
										   : GROUP_PREPARING;
	group->state_seen = group->state;
	for (struct group_member *member = group->members; member != NULL; member = member->next)
		member->synced = group->state == GROUP_STABLE;
	return true;
}
