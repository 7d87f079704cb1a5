/* Messages of topics, their configuration, the cluster; the notation is that of kafka_messages.h, which
 * includes this. */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_ADMIN_H
#define KAPPA_INGEST_KAFKA_MESSAGES_ADMIN_H

/* clang-format off */
/* ---- 19 CreateTopics ---- */

#define KAFKA_FIELDS_create_topics_assignment(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT32S, broker_ids, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_create_topics_request_config(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, STRING, value, 0, UP, 0, 0)

#define KAFKA_FIELDS_create_topics_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT32, num_partitions, 0, UP, NEVER, 0) \
	F(S, INT16, replication_factor, 0, UP, NEVER, 0) \
	A(S, create_topics_assignment, assignments, 0, UP, NEVER) \
	A(S, create_topics_request_config, configs, 0, UP, NEVER)

#define KAFKA_FIELDS_create_topics_request(S, F, A, T) \
	A(S, create_topics_request_topic, topics, 0, UP, NEVER) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 60000) \
	F(S, BOOL, validate_only, 1, UP, NEVER, 0)

#define KAFKA_FIELDS_create_topics_response_config(S, F, A, T) \
	F(S, STRING, name, 5, UP, NEVER, 0) \
	F(S, STRING, value, 5, UP, 5, 0) \
	F(S, BOOL, read_only, 5, UP, NEVER, 0) \
	F(S, INT8, config_source, 5, UP, NEVER, -1) \
	F(S, BOOL, is_sensitive, 5, UP, NEVER, 0)

#define KAFKA_FIELDS_create_topics_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, UUID, topic_id, 7, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 1, UP, 0, 0) \
	F(S, INT32, num_partitions, 5, UP, NEVER, -1) \
	F(S, INT16, replication_factor, 5, UP, NEVER, -1) \
	A(S, create_topics_response_config, configs, 5, UP, 5) \
	T(S, INT16, topic_config_error_code, 5, UP, NEVER, 0, 0)

#define KAFKA_FIELDS_create_topics_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 2, UP, NEVER, 0) \
	A(S, create_topics_response_topic, topics, 0, UP, NEVER)

/* ---- 20 DeleteTopics ---- */

#define KAFKA_FIELDS_delete_topics_request_topic(S, F, A, T) \
	F(S, STRING, name, 6, UP, 6, 0) \
	F(S, UUID, topic_id, 6, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_topics_request(S, F, A, T) \
	A(S, delete_topics_request_topic, topics, 6, UP, NEVER) \
	F(S, STRINGS, topic_names, 0, 5, NEVER, 0) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_topics_result(S, F, A, T) \
	F(S, STRING, name, 0, UP, 6, 0) \
	F(S, UUID, topic_id, 6, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 5, UP, 5, 0)

#define KAFKA_FIELDS_delete_topics_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	A(S, delete_topics_result, responses, 0, UP, NEVER)

/* ---- 32 DescribeConfigs ---- */

#define KAFKA_FIELDS_describe_configs_resource(S, F, A, T) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	F(S, STRINGS, configuration_keys, 0, UP, 0, 0)

#define KAFKA_FIELDS_describe_configs_request(S, F, A, T) \
	A(S, describe_configs_resource, resources, 0, UP, NEVER) \
	F(S, BOOL, include_synonyms, 1, UP, NEVER, 0) \
	F(S, BOOL, include_documentation, 3, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_configs_synonym(S, F, A, T) \
	F(S, STRING, name, 1, UP, NEVER, 0) \
	F(S, STRING, value, 1, UP, 0, 0) \
	F(S, INT8, source, 1, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_configs_config(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, STRING, value, 0, UP, 0, 0) \
	F(S, BOOL, read_only, 0, UP, NEVER, 0) \
	F(S, BOOL, is_default, 0, 0, NEVER, 0) \
	F(S, INT8, config_source, 1, UP, NEVER, -1) \
	F(S, BOOL, is_sensitive, 0, UP, NEVER, 0) \
	A(S, describe_configs_synonym, synonyms, 1, UP, NEVER) \
	F(S, INT8, config_type, 3, UP, NEVER, 0) \
	F(S, STRING, documentation, 3, UP, 0, 0)

#define KAFKA_FIELDS_describe_configs_result(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	A(S, describe_configs_config, configs, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_configs_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, describe_configs_result, results, 0, UP, NEVER)

/* ---- 21 DeleteRecords ---- */

#define KAFKA_FIELDS_delete_records_request_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT64, offset, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_records_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, delete_records_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_delete_records_request(S, F, A, T) \
	A(S, delete_records_request_topic, topics, 0, UP, NEVER) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_records_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT64, low_watermark, 0, UP, NEVER, -1) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_records_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, delete_records_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_delete_records_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, delete_records_response_topic, topics, 0, UP, NEVER)

/* ---- 29 DescribeAcls, 30 CreateAcls, 31 DeleteAcls ---- */

#define KAFKA_FIELDS_acl_filter(S, F, A, T) \
	F(S, INT8, resource_type_filter, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name_filter, 0, UP, 0, 0) \
	F(S, INT8, pattern_type_filter, 1, UP, NEVER, 3) \
	F(S, STRING, principal_filter, 0, UP, 0, 0) \
	F(S, STRING, host_filter, 0, UP, 0, 0) \
	F(S, INT8, operation, 0, UP, NEVER, 0) \
	F(S, INT8, permission_type, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_acls_request(S, F, A, T) KAFKA_FIELDS_acl_filter(S, F, A, T)

#define KAFKA_FIELDS_acl(S, F, A, T) \
	F(S, STRING, principal, 0, UP, NEVER, 0) \
	F(S, STRING, host, 0, UP, NEVER, 0) \
	F(S, INT8, operation, 0, UP, NEVER, 0) \
	F(S, INT8, permission_type, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_acl_resource(S, F, A, T) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	F(S, INT8, pattern_type, 1, UP, NEVER, 3) \
	A(S, acl, acls, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_acls_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	A(S, acl_resource, resources, 0, UP, NEVER)

#define KAFKA_FIELDS_acl_creation(S, F, A, T) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	F(S, INT8, resource_pattern_type, 1, UP, NEVER, 3) \
	F(S, STRING, principal, 0, UP, NEVER, 0) \
	F(S, STRING, host, 0, UP, NEVER, 0) \
	F(S, INT8, operation, 0, UP, NEVER, 0) \
	F(S, INT8, permission_type, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_create_acls_request(S, F, A, T) \
	A(S, acl_creation, creations, 0, UP, NEVER)

#define KAFKA_FIELDS_acl_creation_result(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0)

#define KAFKA_FIELDS_create_acls_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, acl_creation_result, results, 0, UP, NEVER)

#define KAFKA_FIELDS_delete_acls_request(S, F, A, T) \
	A(S, acl_filter, filters, 0, UP, NEVER)

#define KAFKA_FIELDS_matching_acl(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	F(S, INT8, pattern_type, 1, UP, NEVER, 3) \
	F(S, STRING, principal, 0, UP, NEVER, 0) \
	F(S, STRING, host, 0, UP, NEVER, 0) \
	F(S, INT8, operation, 0, UP, NEVER, 0) \
	F(S, INT8, permission_type, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_delete_acls_result(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	A(S, matching_acl, matching_acls, 0, UP, NEVER)

#define KAFKA_FIELDS_delete_acls_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, delete_acls_result, filter_results, 0, UP, NEVER)

/* ---- 33 AlterConfigs, 44 IncrementalAlterConfigs ---- */

#define KAFKA_FIELDS_alter_configs_config(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, STRING, value, 0, UP, 0, 0)

#define KAFKA_FIELDS_alter_configs_resource(S, F, A, T) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	A(S, alter_configs_config, configs, 0, UP, NEVER)

#define KAFKA_FIELDS_alter_configs_request(S, F, A, T) \
	A(S, alter_configs_resource, resources, 0, UP, NEVER) \
	F(S, BOOL, validate_only, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_incremental_alter_configs_config(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT8, config_operation, 0, UP, NEVER, 0) \
	F(S, STRING, value, 0, UP, 0, 0)

#define KAFKA_FIELDS_incremental_alter_configs_resource(S, F, A, T) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0) \
	A(S, incremental_alter_configs_config, configs, 0, UP, NEVER)

#define KAFKA_FIELDS_incremental_alter_configs_request(S, F, A, T) \
	A(S, incremental_alter_configs_resource, resources, 0, UP, NEVER) \
	F(S, BOOL, validate_only, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_alter_configs_result(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	F(S, INT8, resource_type, 0, UP, NEVER, 0) \
	F(S, STRING, resource_name, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_alter_configs_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, alter_configs_result, responses, 0, UP, NEVER)

/* ---- 35 DescribeLogDirs ---- */

#define KAFKA_FIELDS_describe_log_dirs_request_topic(S, F, A, T) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	F(S, INT32S, partitions, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_log_dirs_request(S, F, A, T) \
	A(S, describe_log_dirs_request_topic, topics, 0, UP, 0)

#define KAFKA_FIELDS_describe_log_dirs_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT64, partition_size, 0, UP, NEVER, 0) \
	F(S, INT64, offset_lag, 0, UP, NEVER, 0) \
	F(S, BOOL, is_future_key, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_log_dirs_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, describe_log_dirs_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_log_dirs_result(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, log_dir, 0, UP, NEVER, 0) \
	A(S, describe_log_dirs_topic, topics, 0, UP, NEVER) \
	F(S, INT64, total_bytes, 4, UP, NEVER, -1) \
	F(S, INT64, usable_bytes, 4, UP, NEVER, -1)

#define KAFKA_FIELDS_describe_log_dirs_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 3, UP, NEVER, 0) \
	A(S, describe_log_dirs_result, results, 0, UP, NEVER)

/* ---- 37 CreatePartitions ---- */

#define KAFKA_FIELDS_create_partitions_assignment(S, F, A, T) \
	F(S, INT32S, broker_ids, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_create_partitions_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT32, count, 0, UP, NEVER, 0) \
	A(S, create_partitions_assignment, assignments, 0, UP, 0)

#define KAFKA_FIELDS_create_partitions_request(S, F, A, T) \
	A(S, create_partitions_topic, topics, 0, UP, NEVER) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 0) \
	F(S, BOOL, validate_only, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_create_partitions_result(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0)

#define KAFKA_FIELDS_create_partitions_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, create_partitions_result, results, 0, UP, NEVER)

/* ---- 43 ElectLeaders ---- */

#define KAFKA_FIELDS_elect_leaders_request_topic(S, F, A, T) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	F(S, INT32S, partitions, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_elect_leaders_request(S, F, A, T) \
	F(S, INT8, election_type, 1, UP, NEVER, 0) \
	A(S, elect_leaders_request_topic, topic_partitions, 0, UP, 0) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 60000)

#define KAFKA_FIELDS_elect_leaders_partition(S, F, A, T) \
	F(S, INT32, partition_id, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0)

#define KAFKA_FIELDS_elect_leaders_topic(S, F, A, T) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	A(S, elect_leaders_partition, partition_result, 0, UP, NEVER)

#define KAFKA_FIELDS_elect_leaders_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 1, UP, NEVER, 0) \
	A(S, elect_leaders_topic, replica_election_results, 0, UP, NEVER)

/* ---- 45 AlterPartitionReassignments, 46 ListPartitionReassignments ---- */

#define KAFKA_FIELDS_alter_reassignments_request_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT32S, replicas, 0, UP, 0, 0)

#define KAFKA_FIELDS_alter_reassignments_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, alter_reassignments_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_alter_reassignments_request(S, F, A, T) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 60000) \
	A(S, alter_reassignments_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_alter_reassignments_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0)

#define KAFKA_FIELDS_alter_reassignments_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, alter_reassignments_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_alter_reassignments_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	A(S, alter_reassignments_topic, responses, 0, UP, NEVER)

#define KAFKA_FIELDS_list_reassignments_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT32S, partition_indexes, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_list_reassignments_request(S, F, A, T) \
	F(S, INT32, timeout_ms, 0, UP, NEVER, 60000) \
	A(S, list_reassignments_request_topic, topics, 0, UP, 0)

#define KAFKA_FIELDS_list_reassignments_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT32S, replicas, 0, UP, NEVER, 0) \
	F(S, INT32S, adding_replicas, 0, UP, NEVER, 0) \
	F(S, INT32S, removing_replicas, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_list_reassignments_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, list_reassignments_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_list_reassignments_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	A(S, list_reassignments_topic, topics, 0, UP, NEVER)

/* ---- 60 DescribeCluster ---- */

#define KAFKA_FIELDS_describe_cluster_request(S, F, A, T) \
	F(S, BOOL, include_cluster_authorized_operations, 0, UP, NEVER, 0) \
	F(S, INT8, endpoint_type, 1, UP, NEVER, 1)

#define KAFKA_FIELDS_describe_cluster_broker(S, F, A, T) \
	F(S, INT32, broker_id, 0, UP, NEVER, 0) \
	F(S, STRING, host, 0, UP, NEVER, 0) \
	F(S, INT32, port, 0, UP, NEVER, 0) \
	F(S, STRING, rack, 0, UP, 0, 0)

#define KAFKA_FIELDS_describe_cluster_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	F(S, INT8, endpoint_type, 1, UP, NEVER, 1) \
	F(S, STRING, cluster_id, 0, UP, NEVER, 0) \
	F(S, INT32, controller_id, 0, UP, NEVER, -1) \
	A(S, describe_cluster_broker, brokers, 0, UP, NEVER) \
	F(S, INT32, cluster_authorized_operations, 0, UP, NEVER, INT32_MIN)

/* Elements before what holds them. */
#define KAFKA_STRUCTS_ADMIN(X) \
	X(create_topics_assignment) X(create_topics_request_config) X(create_topics_request_topic) \
	X(create_topics_request) X(create_topics_response_config) X(create_topics_response_topic) \
	X(create_topics_response) X(delete_topics_request_topic) X(delete_topics_request) \
	X(delete_topics_result) X(delete_topics_response) X(describe_configs_resource) \
	X(describe_configs_request) X(describe_configs_synonym) X(describe_configs_config) \
	X(describe_configs_result) X(describe_configs_response) X(describe_cluster_request) \
	X(describe_cluster_broker) X(describe_cluster_response) \
	X(delete_records_request_partition) X(delete_records_request_topic) X(delete_records_request) \
	X(delete_records_response_partition) X(delete_records_response_topic) X(delete_records_response) \
	X(acl_filter) X(describe_acls_request) X(acl) X(acl_resource) X(describe_acls_response) \
	X(acl_creation) X(create_acls_request) X(acl_creation_result) X(create_acls_response) \
	X(delete_acls_request) X(matching_acl) X(delete_acls_result) X(delete_acls_response) \
	X(alter_configs_config) X(alter_configs_resource) X(alter_configs_request) \
	X(incremental_alter_configs_config) X(incremental_alter_configs_resource) \
	X(incremental_alter_configs_request) X(alter_configs_result) X(alter_configs_response) \
	X(describe_log_dirs_request_topic) X(describe_log_dirs_request) X(describe_log_dirs_partition) \
	X(describe_log_dirs_topic) X(describe_log_dirs_result) X(describe_log_dirs_response) \
	X(create_partitions_assignment) X(create_partitions_topic) X(create_partitions_request) \
	X(create_partitions_result) X(create_partitions_response) X(elect_leaders_request_topic) \
	X(elect_leaders_request) X(elect_leaders_partition) X(elect_leaders_topic) X(elect_leaders_response) \
	X(alter_reassignments_request_partition) X(alter_reassignments_request_topic) \
	X(alter_reassignments_request) X(alter_reassignments_partition) X(alter_reassignments_topic) \
	X(alter_reassignments_response) X(list_reassignments_request_topic) X(list_reassignments_request) \
	X(list_reassignments_partition) X(list_reassignments_topic) X(list_reassignments_response)
/* clang-format on */

#endif
