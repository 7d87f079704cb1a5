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
	X(describe_cluster_broker) X(describe_cluster_response)
/* clang-format on */

#endif
