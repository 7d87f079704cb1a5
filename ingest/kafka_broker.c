/* See kafka_broker.h. */
#include "ingest/kafka_broker.h"

#include "base/invariant.h"
#include "base/memory.h"

struct kafka_broker_options kafka_broker_options_default(void)
{
	return (struct kafka_broker_options){
		.host = "127.0.0.1", .port = 9092, .node_id = 1, .auto_create_topics = true};
}

static int32_t or_default(int32_t value, int32_t instead)
{
	return value > 0 ? value : instead;
}

struct kafka_broker *kafka_broker_create(const struct kafka_broker_options *options)
{
	INVARIANT(options->log != NULL && options->host != NULL && options->node_id >= 0);
	struct kafka_broker *broker = mem_alloc_zeroed(1, sizeof *broker);
	broker->log = options->log;
	broker->groups = options->groups;
	broker->transactions = options->transactions;
	broker->host = mem_copy_string(options->host);
	broker->cluster_id = mem_copy_string(options->cluster_id != NULL ? options->cluster_id : "kappa");
	broker->port = options->port;
	broker->node_id = options->node_id;
	broker->auto_create_topics = options->auto_create_topics;
	broker->security = options->security;
	broker->answer_memory = options->answer_memory;
	broker->request_bytes_max = or_default(options->request_bytes_max, 100 * 1024 * 1024);
	size_t intake_bytes_max = options->intake_bytes_max > 0 ? options->intake_bytes_max : (size_t)256 << 20;
	if (intake_bytes_max < (size_t)broker->request_bytes_max + 4)
		intake_bytes_max = (size_t)broker->request_bytes_max + 4;
	kafka_intake_init(&broker->intake, intake_bytes_max);
	broker->fetch_bytes_max = or_default(options->fetch_bytes_max, 55 * 1024 * 1024);
	broker->in_flight_max = or_default(options->in_flight_max, 32);
	broker->waits = kafka_waits_create(options->log);
	return broker;
}

void kafka_broker_destroy(struct kafka_broker *broker)
{
	if (broker == NULL)
		return;
	mem_free(broker->host);
	kafka_waits_destroy(broker->waits);
	mem_free(broker->cluster_id);
	mem_free(broker);
}
