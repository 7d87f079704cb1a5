/* The APIs we serve, one row each, and the handlers that need no file of their own.
 *
 * Version ranges are as wide as we can honour: librdkafka 2.0.2 switches features on by exact versions being
 * in range (Produce 3 with Fetch 4 for message format v2, Produce 7 with Fetch 10 for zstd, Produce 0 for the
 * other codecs, InitProducerId 0, FindCoordinator 0). Produce 0–2 are in the range for that reason alone and
 * answered with UNSUPPORTED_VERSION: they carry message formats we do not store.
 */
#include <string.h>

#include "ingest/kafka_request.h"

/* clang-format off */
#define MESSAGES(name) &kafka_##name##_request_schema, &kafka_##name##_response_schema

const struct kafka_api kafka_apis[] = {
	{0, 0, 9, 9, 100000, "Produce", MESSAGES(produce), kafka_produce_run, NULL},
	{1, 4, 12, 12, 100000, "Fetch", MESSAGES(fetch), kafka_fetch_run, kafka_fetch_release},
	{2, 1, 7, 6, 100000, "ListOffsets", MESSAGES(list_offsets), kafka_list_offsets_run, NULL},
	{3, 0, 9, 9, 100000, "Metadata", MESSAGES(metadata), kafka_metadata_run, NULL},
	{8, 2, 8, 8, 100000, "OffsetCommit", MESSAGES(offset_commit), kafka_offset_commit_run, NULL},
	{9, 1, 8, 6, 100000, "OffsetFetch", MESSAGES(offset_fetch), kafka_offset_fetch_run, NULL},
	{10, 0, 4, 3, 10000, "FindCoordinator", MESSAGES(find_coordinator), kafka_find_coordinator_run, NULL},
	{11, 0, 7, 6, 10000, "JoinGroup", MESSAGES(join_group), kafka_join_group_run, NULL},
	{12, 0, 4, 4, 10000, "Heartbeat", MESSAGES(heartbeat), kafka_heartbeat_run, NULL},
	{13, 0, 5, 4, 10000, "LeaveGroup", MESSAGES(leave_group), kafka_leave_group_run, NULL},
	{14, 0, 5, 4, 10000, "SyncGroup", MESSAGES(sync_group), kafka_sync_group_run, NULL},
	{15, 0, 5, 5, 10000, "DescribeGroups", MESSAGES(describe_groups), kafka_describe_groups_run, NULL},
	{16, 0, 4, 3, 10000, "ListGroups", MESSAGES(list_groups), kafka_list_groups_run, NULL},
	{17, 0, 1, INT16_MAX, 10000, "SaslHandshake", MESSAGES(sasl_handshake), kafka_sasl_handshake_run, NULL},
	{18, 0, 3, 3, 10000, "ApiVersions", MESSAGES(api_versions), kafka_api_versions_run, NULL},
	{19, 0, 7, 5, 10000, "CreateTopics", MESSAGES(create_topics), kafka_create_topics_run, NULL},
	{20, 0, 6, 4, 10000, "DeleteTopics", MESSAGES(delete_topics), kafka_delete_topics_run, NULL},
	{21, 0, 2, 2, 10000, "DeleteRecords", MESSAGES(delete_records), kafka_delete_records_run, NULL},
	{22, 0, 4, 2, 10000, "InitProducerId", MESSAGES(init_producer_id), kafka_init_producer_id_run, NULL},
	{23, 2, 4, 4, 10000, "OffsetForLeaderEpoch", MESSAGES(leader_epoch), kafka_leader_epoch_run, NULL},
	{24, 0, 3, 3, 10000, "AddPartitionsToTxn", MESSAGES(add_partitions), kafka_add_partitions_run, NULL},
	{25, 0, 3, 3, 10000, "AddOffsetsToTxn", MESSAGES(add_offsets), kafka_add_offsets_run, NULL},
	{26, 0, 3, 3, 10000, "EndTxn", MESSAGES(end_txn), kafka_end_txn_run, NULL},
	{28, 0, 3, 3, 10000, "TxnOffsetCommit", MESSAGES(txn_commit), kafka_txn_commit_run, NULL},
	{29, 0, 3, 2, 10000, "DescribeAcls", MESSAGES(describe_acls), kafka_describe_acls_run, NULL},
	{30, 0, 3, 2, 10000, "CreateAcls", MESSAGES(create_acls), kafka_create_acls_run, NULL},
	{31, 0, 3, 2, 10000, "DeleteAcls", MESSAGES(delete_acls), kafka_delete_acls_run, NULL},
	{32, 0, 4, 4, 10000, "DescribeConfigs", MESSAGES(describe_configs), kafka_describe_configs_run, NULL},
	{33, 0, 2, 2, 10000, "AlterConfigs", MESSAGES(alter_configs), kafka_alter_configs_run, NULL},
	{35, 0, 4, 2, 10000, "DescribeLogDirs", MESSAGES(describe_log_dirs), kafka_describe_log_dirs_run, NULL},
	{36, 0, 2, 2, 10000, "SaslAuthenticate", MESSAGES(sasl_authenticate), kafka_sasl_authenticate_run,
		kafka_sasl_authenticate_release},
	{37, 0, 3, 2, 10000, "CreatePartitions", MESSAGES(create_partitions), kafka_create_partitions_run, NULL},
	{42, 0, 2, 2, 10000, "DeleteGroups", MESSAGES(delete_groups), kafka_delete_groups_run, NULL},
	{43, 0, 2, 2, 10000, "ElectLeaders", MESSAGES(elect_leaders), kafka_elect_leaders_run, NULL},
	{44, 0, 1, 1, 10000, "IncrementalAlterConfigs", &kafka_incremental_alter_configs_request_schema,
		&kafka_alter_configs_response_schema, kafka_incremental_alter_configs_run, NULL},
	{45, 0, 0, 0, 10000, "AlterPartitionReassignments", MESSAGES(alter_reassignments),
		kafka_alter_reassignments_run, NULL},
	{46, 0, 0, 0, 10000, "ListPartitionReassignments", MESSAGES(list_reassignments),
		kafka_list_reassignments_run, NULL},
	{47, 0, 0, INT16_MAX, 10000, "OffsetDelete", MESSAGES(offset_delete), kafka_offset_delete_run, NULL},
	{60, 0, 1, 0, 10000, "DescribeCluster", MESSAGES(describe_cluster), kafka_describe_cluster_run, NULL},
	{61, 0, 0, 0, 10000, "DescribeProducers", MESSAGES(describe_producers), kafka_describe_producers_run, NULL},
	{65, 0, 0, 0, 10000, "DescribeTransactions", MESSAGES(describe_transactions), kafka_describe_transactions_run, NULL},
	{66, 0, 1, 0, 10000, "ListTransactions", MESSAGES(list_transactions), kafka_list_transactions_run, NULL},
};
/* clang-format on */

const size_t kafka_api_count = sizeof kafka_apis / sizeof kafka_apis[0];

const struct kafka_api *kafka_api_find(int16_t key)
{
	for (size_t i = 0; i < kafka_api_count; i++) {
		if (kafka_apis[i].key == key)
			return &kafka_apis[i];
	}
	return NULL;
}

/* ---- ApiVersions ---- */

enum kafka_progress kafka_api_versions_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	/* An answer begun already is the one to a version we do not know; see request_downgrades(). */
	struct kafka_api_versions_response *answer = request->state;
	if (answer == NULL)
		answer = KAFKA_NEW(&request->arena, api_versions_response, 1);
	answer->api_keys_count = (int32_t)kafka_api_count;
	answer->api_keys = KAFKA_NEW(&request->arena, api_versions_key, answer->api_keys_count);
	for (size_t i = 0; i < kafka_api_count; i++) {
		answer->api_keys[i].api_key = kafka_apis[i].key;
		answer->api_keys[i].min_version = kafka_apis[i].version_min;
		answer->api_keys[i].max_version = kafka_apis[i].version_max;
	}
	return kafka_request_answer(request, answer);
}
