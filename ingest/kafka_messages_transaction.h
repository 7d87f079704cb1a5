/* Messages of producer ids and transactions; the notation is that of kafka_messages.h, which includes this.
 */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_TRANSACTION_H
#define KAPPA_INGEST_KAFKA_MESSAGES_TRANSACTION_H

/* clang-format off */
/* ---- 22 InitProducerId ---- */

#define KAFKA_FIELDS_init_producer_id_request(S, F, A, T) \
	F(S, STRING, transactional_id, 0, UP, 0, 0) \
	F(S, INT32, transaction_timeout_ms, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 3, UP, NEVER, -1) \
	F(S, INT16, producer_epoch, 3, UP, NEVER, -1)

#define KAFKA_FIELDS_init_producer_id_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, -1) \
	F(S, INT16, producer_epoch, 0, UP, NEVER, 0)

/* ---- 24 AddPartitionsToTxn: since version 4 for brokers among themselves, not served ---- */

#define KAFKA_FIELDS_add_partitions_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT32S, partitions, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_add_partitions_request(S, F, A, T) \
	F(S, STRING, transactional_id, 0, 3, NEVER, 0) \
	F(S, INT64, producer_id, 0, 3, NEVER, 0) \
	F(S, INT16, producer_epoch, 0, 3, NEVER, 0) \
	A(S, add_partitions_request_topic, topics, 0, 3, NEVER)

#define KAFKA_FIELDS_add_partitions_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_add_partitions_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, add_partitions_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_add_partitions_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, add_partitions_response_topic, topics, 0, 3, NEVER)

/* ---- 25 AddOffsetsToTxn ---- */

#define KAFKA_FIELDS_add_offsets_request(S, F, A, T) \
	F(S, STRING, transactional_id, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, INT16, producer_epoch, 0, UP, NEVER, 0) \
	F(S, STRING, group_id, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_add_offsets_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

/* ---- 26 EndTxn ---- */

#define KAFKA_FIELDS_end_txn_request(S, F, A, T) \
	F(S, STRING, transactional_id, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, INT16, producer_epoch, 0, UP, NEVER, 0) \
	F(S, BOOL, committed, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_end_txn_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

/* ---- 28 TxnOffsetCommit ---- */

#define KAFKA_FIELDS_txn_commit_request_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT64, committed_offset, 0, UP, NEVER, 0) \
	F(S, INT32, committed_leader_epoch, 2, UP, NEVER, -1) \
	F(S, STRING, committed_metadata, 0, UP, 0, 0)

#define KAFKA_FIELDS_txn_commit_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, txn_commit_request_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_txn_commit_request(S, F, A, T) \
	F(S, STRING, transactional_id, 0, UP, NEVER, 0) \
	F(S, STRING, group_id, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, INT16, producer_epoch, 0, UP, NEVER, 0) \
	F(S, INT32, generation_id, 3, UP, NEVER, -1) \
	F(S, STRING, member_id, 3, UP, NEVER, 0) \
	F(S, STRING, group_instance_id, 3, UP, 3, 0) \
	A(S, txn_commit_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_txn_commit_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_txn_commit_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, txn_commit_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_txn_commit_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, txn_commit_response_topic, topics, 0, UP, NEVER)

/* ---- 61 DescribeProducers ---- */

#define KAFKA_FIELDS_describe_producers_request_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	F(S, INT32S, partition_indexes, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_producers_request(S, F, A, T) \
	A(S, describe_producers_request_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_producers_state(S, F, A, T) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, INT32, producer_epoch, 0, UP, NEVER, 0) \
	F(S, INT32, last_sequence, 0, UP, NEVER, -1) \
	F(S, INT64, last_timestamp, 0, UP, NEVER, -1) \
	F(S, INT32, coordinator_epoch, 0, UP, NEVER, 0) \
	F(S, INT64, current_txn_start_offset, 0, UP, NEVER, -1)

#define KAFKA_FIELDS_describe_producers_response_partition(S, F, A, T) \
	F(S, INT32, partition_index, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	A(S, describe_producers_state, active_producers, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_producers_response_topic(S, F, A, T) \
	F(S, STRING, name, 0, UP, NEVER, 0) \
	A(S, describe_producers_response_partition, partitions, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_producers_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, describe_producers_response_topic, topics, 0, UP, NEVER)

/* ---- 65 DescribeTransactions ---- */

#define KAFKA_FIELDS_describe_transactions_request(S, F, A, T) \
	F(S, STRINGS, transactional_ids, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_transactions_topic(S, F, A, T) \
	F(S, STRING, topic, 0, UP, NEVER, 0) \
	F(S, INT32S, partitions, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_describe_transactions_state(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, transactional_id, 0, UP, NEVER, 0) \
	F(S, STRING, transaction_state, 0, UP, NEVER, 0) \
	F(S, INT32, transaction_timeout_ms, 0, UP, NEVER, 0) \
	F(S, INT64, transaction_start_time_ms, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, INT16, producer_epoch, 0, UP, NEVER, 0) \
	A(S, describe_transactions_topic, topics, 0, UP, NEVER)

#define KAFKA_FIELDS_describe_transactions_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	A(S, describe_transactions_state, transaction_states, 0, UP, NEVER)

/* ---- 66 ListTransactions ---- */

#define KAFKA_FIELDS_list_transactions_request(S, F, A, T) \
	F(S, STRINGS, state_filters, 0, UP, NEVER, 0) \
	F(S, INT64S, producer_id_filters, 0, UP, NEVER, 0) \
	F(S, INT64, duration_filter, 1, UP, NEVER, -1)

#define KAFKA_FIELDS_list_transactions_state(S, F, A, T) \
	F(S, STRING, transactional_id, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, 0) \
	F(S, STRING, transaction_state, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_list_transactions_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRINGS, unknown_state_filters, 0, UP, NEVER, 0) \
	A(S, list_transactions_state, transaction_states, 0, UP, NEVER)

/* Elements before what holds them. */
#define KAFKA_STRUCTS_TRANSACTION(X) \
	X(init_producer_id_request) X(init_producer_id_response) X(add_partitions_request_topic) \
	X(add_partitions_request) X(add_partitions_response_partition) X(add_partitions_response_topic) \
	X(add_partitions_response) X(add_offsets_request) X(add_offsets_response) X(end_txn_request) \
	X(end_txn_response) X(txn_commit_request_partition) X(txn_commit_request_topic) X(txn_commit_request) \
	X(txn_commit_response_partition) X(txn_commit_response_topic) X(txn_commit_response) \
	X(describe_producers_request_topic) X(describe_producers_request) X(describe_producers_state) \
	X(describe_producers_response_partition) X(describe_producers_response_topic) \
	X(describe_producers_response) X(describe_transactions_request) X(describe_transactions_topic) \
	X(describe_transactions_state) X(describe_transactions_response) X(list_transactions_request) \
	X(list_transactions_state) X(list_transactions_response)
/* clang-format on */

#endif
