/* The Kafka protocol's messages: one description per struct, from which the C struct, the reader and
 * the writer all follow (kafka_schema.h, kafka_codec.c). Adding an API is adding its structs here, with the
 * struct's name in its KAFKA_STRUCTS list, and a line with a handler in kafka_api.c. This file holds what
 * carries records; groups, transactions, administration have files of their own, included at the end.
 *
 *   F(S, TYPE, name, from, to, nullable, default)       a field of versions from … to
 *   A(S, element, name, from, to, nullable)             an array of structs; name##_count items, −1 = null
 *   T(S, TYPE, name, from, to, nullable, default, tag)  a tagged field of flexible versions
 *
 * `nullable` is the first version in which null may be sent. A field outside its versions holds its default
 * after reading (null where null is possible, else empty, for strings and arrays) and is not written.
 * Types: BOOL INT8 INT16 INT32 INT64 UUID STRING BYTES INT32S INT64S STRINGS; see kafka_schema.h.
 * Names and versions are those of Apache Kafka's published message formats.
 */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_H
#define KAPPA_INGEST_KAFKA_MESSAGES_H

/* clang-format off */
#define UP INT16_MAX    /* every later version */
#define NEVER INT16_MAX /* never null */

/* ---- 18 ApiVersions ---- */

#define KAFKA_FIELDS_api_versions_request(S, F, A, T) \
	F(S, STRING, client_software_name, 3, UP, NEVER, 0) \
	F(S, STRING, client_software_version, 3, UP, NEVER, 0)

#define KAFKA_FIELDS_api_versions_key(S, F, A, T) \
	F(S, INT16, api_key, 0, UP, NEVER, 0) \
	F(S, INT16, min_version, 0, UP, NEVER, 0) \
	F(S, INT16, max_version, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_api_versions_response(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	A(S, api_versions_key, api_keys, 0, UP, NEVER) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0)

/* ---- 3 Metadata ---- */

#define KAFKA_FIELDS_metadata_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_metadata_request(S, F, A, T) \
	A(S, metadata_request_topic, topics, 0, UP, 1) \
	F(S, BOOL, allow_auto_topic_creation, 4, UP, NEVER, 1) \
	F(S, BOOL, include_cluster_authorized_operations, 8, 10, NEVER, 0) \
	F(S, BOOL, include_topic_authorized_operations, 8, UP, NEVER, 0)

#define KAFKA_FIELDS_metadata_broker(S, F, A, T) \
	F(S, INT32, node_id, 0, UP, NEVER, 0) \
	F(S, STRING, host, 0, UP, NEVER, 0) \
	F(S, INT32, port, 0, UP, NEVER, 0) \
	F(S, STRING, rack, 1, UP, 1, 0)

#define KAFKA_FIELDS_metadata_partition(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT32, leader_id, 0, UP, NEVER, 0) \
	F(S, INT32, leader_epoch, 7, UP, NEVER, -1) \
	F(S, INT32S, replica_nodes, 0, UP, NEVER, 0) \
	F(S, INT32S, isr_nodes, 0, UP, NEVER, 0) \
	F(S, INT32S, offline_replicas, 5, UP, NEVER, 0)

#define KAFKA_FIELDS_metadata_topic(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, BOOL, is_internal, 1, UP, NEVER, 0) \
	A(S, metadata_partition, partitions, 0, UP, NEVER) \
	F(S, INT32, topic_authorized_operations, 8, UP, NEVER, INT32_MIN)

#define KAFKA_FIELDS_metadata_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 3, UP, NEVER, 0) \
	A(S, metadata_broker, brokers, 0, UP, NEVER) \
	F(S, STRING, cluster_id, 2, UP, 2, 0) \
	F(S, INT32, controller_id, 1, UP, NEVER, -1) \
	A(S, metadata_topic, topics, 0, UP, NEVER) \
	F(S, INT32, cluster_authorized_operations, 8, 10, NEVER, INT32_MIN)

/* ---- 0 Produce ---- */

#define KAFKA_FIELDS_produce_request_partition(S, F, A, T) \
	F(S, INT32, index, 0, UP, NEVER, 0) \
	F(S, BYTES, records, 0, UP, 0, 0)

#define KAFKA_FIELDS_produce_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, produce_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_produce_request(S, F, A, T) \
	F(S, STRING, transactional_id, 3, UP, 3, 0) \
	F(S, INT16, acks, 0, UP, NEVER, 0) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 0) \
	A(S, produce_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_produce_record_error(S, F, A, T) \
	F(S, INT32, batch_index, 8, UP, NEVER, 0) \
	F(S, STRING, batch_index_error_message, 8, UP, 8, 0)

#define KAFKA_FIELDS_produce_response_partition(S, F, A, T) \
	F(S, INT32, index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT64, base_offset, 0, UP, NEVER, -1) \
	F(S, INT64, log_append_time_ms, 2, UP, NEVER, -1) \
	F(S, INT64, log_start_offset, 5, UP, NEVER, -1) \
	A(S, produce_record_error, record_errors, 8, UP, NEVER) \
	F(S, STRING, error_message, 8, UP, 8, 0)

#define KAFKA_FIELDS_produce_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, produce_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_produce_response(S, F, A, T) \
	A(S, produce_response_topic, topics, 0, UP, NEVER) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0)

/* ---- 1 Fetch ---- */

#define KAFKA_FIELDS_fetch_request_partition(S, F, A, T) \
	F(S, INT32, partition, 0, UP, NEVER, 0) \
	F(S, INT32, current_leader_epoch, 9, UP, NEVER, -1) \
	F(S, INT64, fetch_offset, 0, UP, NEVER, 0) \
	F(S, INT32, last_fetched_epoch, 12, UP, NEVER, -1) \
	F(S, INT64, log_start_offset, 5, UP, NEVER, -1) \
	F(S, INT32, partition_max_bytes, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_fetch_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, 12, NEVER, 0) \
	A(S, fetch_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_fetch_forgotten_topic(S, F, A, T) \
	F(S, STRING, name, 7, 12, NEVER, 0) \
	F(S, INT32S, partitions, 7, UP, NEVER, 0)

#define KAFKA_FIELDS_fetch_request(S, F, A, T) \
	F(S, INT32, replica_id, 0, 14, NEVER, -1) \
	F(S, INT32, max_wait_ms, 0, UP, NEVER, 0) \
	F(S, INT32, min_bytes, 0, UP, NEVER, 0) \
	F(S, INT32, max_bytes, 3, UP, NEVER, INT32_MAX) \
	F(S, INT8, isolation_level, 4, UP, NEVER, 0) \
	F(S, INT32, session_id, 7, UP, NEVER, 0) \
	F(S, INT32, session_epoch, 7, UP, NEVER, -1) \
	A(S, fetch_request_topic, topics, 0, UP, NEVER) \
	A(S, fetch_forgotten_topic, forgotten_topics, 7, UP, NEVER) \
	F(S, STRING, rack_id, 11, UP, NEVER, 0) \
	T(S, STRING, cluster_id, 12, UP, 12, 0, 0)

#define KAFKA_FIELDS_fetch_aborted_transaction(S, F, A, T) \
	F(S, INT64, producer_id, 4, UP, NEVER, 0) \
	F(S, INT64, first_offset, 4, UP, NEVER, 0)

#define KAFKA_FIELDS_fetch_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT64, high_watermark, 0, UP, NEVER, -1) \
	F(S, INT64, last_stable_offset, 4, UP, NEVER, -1) \
	F(S, INT64, log_start_offset, 5, UP, NEVER, -1) \
	A(S, fetch_aborted_transaction, aborted_transactions, 4, UP, 4) \
	F(S, INT32, preferred_read_replica, 11, UP, NEVER, -1) \
	F(S, BYTES, records, 0, UP, 0, 0)

#define KAFKA_FIELDS_fetch_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, 12, NEVER, 0) \
	A(S, fetch_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_fetch_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 7, UP, NEVER, 0) \
	F(S, INT32, session_id, 7, UP, NEVER, 0) \
	A(S, fetch_response_topic, topics, 0, UP, NEVER)

/* ---- 2 ListOffsets ---- */

#define KAFKA_FIELDS_list_offsets_request_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT32, current_leader_epoch, 4, UP, NEVER, -1) \
	F(S, INT64, timestamp, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_list_offsets_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, list_offsets_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_list_offsets_request(S, F, A, T) \
	F(S, INT32, replica_id, 0, UP, NEVER, 0) \
	F(S, INT8, isolation_level, 2, UP, NEVER, 0) \
	A(S, list_offsets_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_list_offsets_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT64, timestamp, 1, UP, NEVER, -1) \
	F(S, INT64, offset, 1, UP, NEVER, -1) \
	F(S, INT32, leader_epoch, 4, UP, NEVER, -1)

#define KAFKA_FIELDS_list_offsets_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, list_offsets_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_list_offsets_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 2, UP, NEVER, 0) \
	A(S, list_offsets_response_topic, topics, 0, UP, NEVER)

/* ---- 23 OffsetForLeaderEpoch ---- */

#define KAFKA_FIELDS_leader_epoch_request_partition(S, F, A, T) \
	F(S, INT32, partition, 0, UP, NEVER, 0) \
	F(S, INT32, current_leader_epoch, 2, UP, NEVER, -1) \
	F(S, INT32, leader_epoch, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_leader_epoch_request_topic(S, F, A, T) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	A(S, leader_epoch_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_leader_epoch_request(S, F, A, T) \
	F(S, INT32, replica_id, 3, UP, NEVER, -2) \
	A(S, leader_epoch_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_leader_epoch_response_partition(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT32, partition, 0, UP, NEVER, 0) \
	F(S, INT32, leader_epoch, 1, UP, NEVER, -1) \
	F(S, INT64, end_offset, 0, UP, NEVER, -1)

#define KAFKA_FIELDS_leader_epoch_response_topic(S, F, A, T) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	A(S, leader_epoch_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_leader_epoch_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 2, UP, NEVER, 0) \
	A(S, leader_epoch_response_topic, topics, 0, UP, NEVER)
/* clang-format on */

#include "ingest/kafka_messages_admin.h"
#include "ingest/kafka_messages_group.h"
#include "ingest/kafka_messages_security.h"
#include "ingest/kafka_messages_transaction.h"

/* clang-format off */
/* Every struct, elements before what holds them. */
#define KAFKA_STRUCTS(X) \
	X(api_versions_request) X(api_versions_key) X(api_versions_response) X(metadata_request_topic) \
	X(metadata_request) X(metadata_broker) X(metadata_partition) X(metadata_topic) X(metadata_response) \
	X(produce_request_partition) X(produce_request_topic) X(produce_request) X(produce_record_error) \
	X(produce_response_partition) X(produce_response_topic) X(produce_response) X(fetch_request_partition) \
	X(fetch_request_topic) X(fetch_forgotten_topic) X(fetch_request) X(fetch_aborted_transaction) \
	X(fetch_response_partition) X(fetch_response_topic) X(fetch_response) \
	X(list_offsets_request_partition) X(list_offsets_request_topic) X(list_offsets_request) \
	X(list_offsets_response_partition) X(list_offsets_response_topic) X(list_offsets_response) \
	X(leader_epoch_request_partition) X(leader_epoch_request_topic) X(leader_epoch_request) \
	X(leader_epoch_response_partition) X(leader_epoch_response_topic) X(leader_epoch_response) \
	KAFKA_STRUCTS_GROUP(X) KAFKA_STRUCTS_TRANSACTION(X) KAFKA_STRUCTS_ADMIN(X) KAFKA_STRUCTS_SECURITY(X)
/* clang-format on */

#endif
