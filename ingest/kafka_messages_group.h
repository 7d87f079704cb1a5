/* Messages of groups and their offsets; the notation is that of kafka_messages.h, which includes this. */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_GROUP_H
#define KAPPA_INGEST_KAFKA_MESSAGES_GROUP_H

/* clang-format off */
/* ---- 10 FindCoordinator ---- */

#define KAFKA_FIELDS_find_coordinator_request(S, F, A, T) \
	F(S, STRING, key, 0, 3, NEVER, 0) \
	F(S, INT8, key_type, 1, UP, NEVER, 0) \
	F(S, STRINGS, coordinator_keys, 4, UP, NEVER, 0)

#define KAFKA_FIELDS_find_coordinator_item(S, F, A, T) \
	F(S, STRING, key, 4, UP, NEVER, 0) \
	F(S, INT32, node_id, 4, UP, NEVER, -1) \
	F(S, STRING, host, 4, UP, NEVER, 0) \
	F(S, INT32, port, 4, UP, NEVER, -1) \
	F(S, INT16, error_code, 4, UP, NEVER, 0) \
	F(S, STRING, error_message, 4, UP, 4, 0)

#define KAFKA_FIELDS_find_coordinator_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, 3, NEVER, 0) \
	F(S, STRING, error_message, 1, 3, 1, 0) \
	F(S, INT32, node_id, 0, 3, NEVER, -1) \
	F(S, STRING, host, 0, 3, NEVER, 0) \
	F(S, INT32, port, 0, 3, NEVER, -1) \
	A(S, find_coordinator_item, coordinators, 4, UP, NEVER)

/* ---- 8 OffsetCommit ---- */

#define KAFKA_FIELDS_offset_commit_request_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT64, committed_offset, 0, UP, NEVER, 0) \
	F(S, INT32, committed_leader_epoch, 6, UP, NEVER, -1) \
	F(S, STRING, committed_metadata, 0, UP, 0, 0)

#define KAFKA_FIELDS_offset_commit_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, offset_commit_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_commit_request(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, INT32, generation_id, 1, UP, NEVER, -1) \
	F(S, STRING, member_id, 1, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 7, UP, 7, 0) \
	F(S, INT64, retention_time_ms, 2, 4, NEVER, -1) \
	A(S, offset_commit_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_commit_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_commit_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, offset_commit_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_commit_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 3, UP, NEVER, 0) \
	A(S, offset_commit_response_topic, topics, 0, UP, NEVER)

/* ---- 9 OffsetFetch ---- */

#define KAFKA_FIELDS_offset_fetch_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT32S, partition_indexes, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_fetch_request_group(S, F, A, T) \
	F(S, STRING, group_id, 8, UP, NEVER, 0) \
	A(S, offset_fetch_request_topic, topics, 8, UP, 8)

#define KAFKA_FIELDS_offset_fetch_request(S, F, A, T) \
	F(S, STRING, group_id, 0, 7, NEVER, 0) \
	A(S, offset_fetch_request_topic, topics, 0, 7, 2) \
	A(S, offset_fetch_request_group, groups, 8, UP, NEVER) \
	F(S, BOOL, require_stable, 7, UP, NEVER, 0)

/* The metadata may be null by the protocol, but some clients cannot read that: never sent. */
#define KAFKA_FIELDS_offset_fetch_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT64, committed_offset, 0, UP, NEVER, -1) \
	F(S, INT32, committed_leader_epoch, 5, UP, NEVER, -1) \
	F(S, STRING, metadata, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_fetch_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, offset_fetch_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_fetch_response_group(S, F, A, T) \
	F(S, STRING, group_id, 8, UP, NEVER, 0) \
	A(S, offset_fetch_response_topic, topics, 8, UP, NEVER) \
	F(S, INT16, error_code, 8, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_fetch_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 3, UP, NEVER, 0) \
	A(S, offset_fetch_response_topic, topics, 0, 7, NEVER) \
	F(S, INT16, error_code, 2, 7, NEVER, 0) \
	A(S, offset_fetch_response_group, groups, 8, UP, NEVER)

/* ---- 11 JoinGroup ---- */

#define KAFKA_FIELDS_join_group_request_protocol(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, BYTES, metadata, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_join_group_request(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, INT32, session_timeout_ms, 0, UP, NEVER, 0) \
	F(S, INT32, rebalance_timeout_ms, 1, UP, NEVER, -1) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 5, UP, 5, 0) \
	F(S, STRING, protocol_type, 0, UP, NEVER, 0) \
	A(S, join_group_request_protocol, protocols, 0, UP, NEVER)

#define KAFKA_FIELDS_join_group_response_member(S, F, A, T) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 5, UP, 5, 0) \
	F(S, BYTES, metadata, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_join_group_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 2, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT32, generation_id, 0, UP, NEVER, -1) \
	F(S, STRING, protocol_type, 7, UP, 7, 0) \
	F(S, STRING, protocol_name, 0, UP, 7, 0) \
	F(S, STRING, leader, 0, UP, NEVER, 0) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	A(S, join_group_response_member, members, 0, UP, NEVER)

/* ---- 12 Heartbeat ---- */

#define KAFKA_FIELDS_heartbeat_request(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, INT32, generation_id, 0, UP, NEVER, 0) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 3, UP, 3, 0)

#define KAFKA_FIELDS_heartbeat_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

/* ---- 13 LeaveGroup ---- */

#define KAFKA_FIELDS_leave_group_request_member(S, F, A, T) \
	F(S, STRING, member_id, 3, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 3, UP, 3, 0) \
	F(S, STRING, reason, 5, UP, 5, 0)

#define KAFKA_FIELDS_leave_group_request(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, STRING, member_id, 0, 2, NEVER, 0) \
	A(S, leave_group_request_member, members, 3, UP, NEVER)

#define KAFKA_FIELDS_leave_group_response_member(S, F, A, T) \
	F(S, STRING, member_id, 3, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 3, UP, 3, 0) \
	F(S, INT16, error_code, 3, UP, NEVER, 0)

#define KAFKA_FIELDS_leave_group_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	A(S, leave_group_response_member, members, 3, UP, NEVER)

/* ---- 14 SyncGroup ---- */

#define KAFKA_FIELDS_sync_group_request_assignment(S, F, A, T) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, BYTES, assignment, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_sync_group_request(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, INT32, generation_id, 0, UP, NEVER, 0) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 3, UP, 3, 0) \
	F(S, STRING, protocol_type, 5, UP, 5, 0) \
	F(S, STRING, protocol_name, 5, UP, 5, 0) \
	A(S, sync_group_request_assignment, assignments, 0, UP, NEVER)

#define KAFKA_FIELDS_sync_group_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, protocol_type, 5, UP, 5, 0) \
	F(S, STRING, protocol_name, 5, UP, 5, 0) \
	F(S, BYTES, assignment, 0, UP, NEVER, 0)

/* ---- 15 DescribeGroups ---- */

#define KAFKA_FIELDS_describe_groups_request(S, F, A, T) \
	F(S, STRINGS, groups, 0, UP, NEVER, 0) \
	F(S, BOOL, include_authorized_operations, 3, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_groups_member(S, F, A, T) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 4, UP, 4, 0) \
	F(S, STRING, client_id, 0, UP, NEVER, 0) \
	F(S, STRING, client_host, 0, UP, NEVER, 0) \
	F(S, BYTES, member_metadata, 0, UP, NEVER, 0) \
	F(S, BYTES, member_assignment, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_groups_group(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_state, 0, UP, NEVER, 0) \
	F(S, STRING, protocol_type, 0, UP, NEVER, 0) \
	F(S, STRING, protocol_data, 0, UP, NEVER, 0) \
	A(S, describe_groups_member, members, 0, UP, NEVER) \
	F(S, INT32, authorized_operations, 3, UP, NEVER, INT32_MIN)

#define KAFKA_FIELDS_describe_groups_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	A(S, describe_groups_group, groups, 0, UP, NEVER)

/* ---- 16 ListGroups ---- */

#define KAFKA_FIELDS_list_groups_request(S, F, A, T) \
	F(S, STRINGS, states_filter, 4, UP, NEVER, 0)

#define KAFKA_FIELDS_list_groups_group(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, STRING, protocol_type, 0, UP, NEVER, 0) \
	F(S, STRING, group_state, 4, UP, NEVER, 0)

#define KAFKA_FIELDS_list_groups_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	A(S, list_groups_group, groups, 0, UP, NEVER)

/* ---- 42 DeleteGroups ---- */

#define KAFKA_FIELDS_delete_groups_request(S, F, A, T) \
	F(S, STRINGS, groups_names, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_groups_result(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_groups_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, delete_groups_result, results, 0, UP, NEVER)

/* ---- 47 OffsetDelete ---- */

#define KAFKA_FIELDS_offset_delete_request_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_delete_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, offset_delete_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_delete_request(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	A(S, offset_delete_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_delete_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_delete_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, offset_delete_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_offset_delete_response(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, offset_delete_response_topic, topics, 0, UP, NEVER)

/* ---- records of __kappa_groups, in the layout of Kafka's own __consumer_offsets (group_record.h) ---- */

#define KAFKA_FIELDS_offset_record_key(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	F(S, INT32, partition, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_offset_record_value(S, F, A, T) \
	F(S, INT64, offset, 0, UP, NEVER, 0) \
	F(S, INT32, leader_epoch, 3, UP, NEVER, -1) \
	F(S, STRING, metadata, 0, UP, NEVER, 0) \
	F(S, INT64, commit_timestamp, 0, UP, NEVER, 0) \
	F(S, INT64, expire_timestamp, 1, 1, NEVER, -1)

#define KAFKA_FIELDS_group_record_key(S, F, A, T) \
	F(S, STRING, group_id, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_group_record_member(S, F, A, T) \
	F(S, STRING, member_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 3, UP, 3, 0) \
	F(S, STRING, client_id, 0, UP, NEVER, 0) \
	F(S, STRING, client_host, 0, UP, NEVER, 0) \
	F(S, INT32, rebalance_timeout, 1, UP, NEVER, 0) \
	F(S, INT32, session_timeout, 0, UP, NEVER, 0) \
	F(S, BYTES, subscription, 0, UP, NEVER, 0) \
	F(S, BYTES, assignment, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_group_record_value(S, F, A, T) \
	F(S, STRING, protocol_type, 0, UP, NEVER, 0) \
	F(S, INT32, generation, 0, UP, NEVER, 0) \
	F(S, STRING, protocol, 0, UP, 0, 0) \
	F(S, STRING, leader, 0, UP, 0, 0) \
	F(S, INT64, current_state_timestamp, 2, UP, NEVER, -1) \
	A(S, group_record_member, members, 0, UP, NEVER)

/* Ours: an offset that a transaction has not committed yet; the value is an offset record's. */
#define KAFKA_FIELDS_staged_record_key(S, F, A, T) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	F(S, INT32, partition, 0, UP, NEVER, 0)

/* Elements before what holds them. */
#define KAFKA_STRUCTS_GROUP(X) \
	X(find_coordinator_request) X(find_coordinator_item) X(find_coordinator_response) \
	X(offset_commit_request_partition) X(offset_commit_request_topic) X(offset_commit_request) \
	X(offset_commit_response_partition) X(offset_commit_response_topic) X(offset_commit_response) \
	X(offset_fetch_request_topic) X(offset_fetch_request_group) X(offset_fetch_request) \
	X(offset_fetch_response_partition) X(offset_fetch_response_topic) X(offset_fetch_response_group) \
	X(offset_fetch_response) X(join_group_request_protocol) X(join_group_request) \
	X(join_group_response_member) X(join_group_response) X(heartbeat_request) X(heartbeat_response) \
	X(leave_group_request_member) X(leave_group_request) X(leave_group_response_member) \
	X(leave_group_response) X(sync_group_request_assignment) X(sync_group_request) X(sync_group_response) \
	X(describe_groups_request) X(describe_groups_member) X(describe_groups_group) \
	X(describe_groups_response) X(list_groups_request) X(list_groups_group) X(list_groups_response) \
	X(delete_groups_request) X(delete_groups_result) X(delete_groups_response) \
	X(offset_delete_request_partition) X(offset_delete_request_topic) X(offset_delete_request) \
	X(offset_delete_response_partition) X(offset_delete_response_topic) X(offset_delete_response) \
	X(offset_record_key) X(offset_record_value) X(group_record_key) X(group_record_member) \
	X(group_record_value) X(staged_record_key)
/* clang-format on */

#endif
