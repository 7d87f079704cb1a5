/* Health and Prometheus metrics (text exposition format 0.0.4). */
#include <string.h>

#include "base/clock.h"
#include "ingest/kafka_broker.h"
#include "server/group_lag.h"
#include "server/http_message.h"

status http_livez(struct server *server, const struct http_request *request, struct http_response *response)
{
	(void)server;
	(void)request;
	response->content_type = "text/plain; charset=utf-8";
	buffer_append_string(&response->body, "ok\n");
	return STATUS_OK;
}

status http_readyz(struct server *server, const struct http_request *request, struct http_response *response)
{
	(void)request;
	bool ready = engine_is_ready(server_engine(server)) && !server_is_stopping(server);
	response->code = ready ? 200 : 503;
	response->content_type = "text/plain; charset=utf-8";
	buffer_append_string(&response->body, ready ? "ok\n" : "views are catching up with the log\n");
	return STATUS_OK;
}

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Names are label values: backslash, quote and newline escaped. */
static void label(struct buffer *out, const char *name, const char *value)
{
	buffer_printf(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			buffer_append_byte(out, '\\');
		if (*value == '\n')
			buffer_append_string(out, "\\n");
		else
			buffer_append_byte(out, (uint8_t)*value);
	}
	buffer_append_byte(out, '"');
}

static void partition_metric(struct buffer *out, const char *name, const char *help,
	const struct topic **topics, size_t count, int64_t (*offset)(const struct partition *partition))
{
	head(out, name, "gauge", help);
	for (size_t i = 0; i < count; i++)
		for (int32_t number = 0; number < topics[i]->config->partitions; number++) {
			buffer_printf(out, "%s{", name);
			label(out, "topic", topics[i]->name);
			buffer_printf(out, ",partition=\"%d\"} %lld\n", number,
				(long long)offset(topic_partition(topics[i], number)));
		}
}

static void topic_metrics(struct server *server, struct buffer *out)
{
	const struct topic **topics;
	size_t count;
	topic_list(server_log(server), &topics, &count);
	partition_metric(out, "kappa_topic_high_watermark", "One past the last durable offset.", topics, count,
		partition_high_watermark);
	partition_metric(out, "kappa_topic_last_stable_offset",
		"Where the first open transaction begins, else the high watermark.", topics, count,
		partition_last_stable_offset);
	head(out, "kappa_topic_bytes", "gauge", "Bytes of the topic's segments on disk.");
	for (size_t i = 0; i < count; i++) {
		uint64_t bytes = 0;
		for (int32_t number = 0; number < topics[i]->config->partitions; number++)
			bytes += partition_bytes(topic_partition(topics[i], number));
		buffer_append_string(out, "kappa_topic_bytes{");
		label(out, "topic", topics[i]->name);
		buffer_printf(out, "} %llu\n", (unsigned long long)bytes);
	}
	mem_free(topics);
}

static void group_label(struct buffer *out, const char *name, const struct group_lag *lag)
{
	buffer_printf(out, "%s{", name);
	label(out, "group", lag->group);
}

static void group_metrics(struct server *server, struct arena *arena, struct buffer *out)
{
	struct group_lag *list = NULL;
	size_t count = 0;
	group_lag_list(server_groups(server), server_log(server), arena, &list, &count);
	head(out, "kappa_group_members", "gauge", "Members of a consumer group.");
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && strcmp(list[i].group, list[i - 1].group) == 0)
			continue;
		group_label(out, "kappa_group_members", &list[i]);
		buffer_printf(out, "} %d\n", list[i].member_count);
	}
	head(out, "kappa_group_lag_records", "gauge", "Records behind the committed offset of a consumer group.");
	for (size_t i = 0; i < count; i++) {
		if (list[i].topic == NULL)
			continue;
		group_label(out, "kappa_group_lag_records", &list[i]);
		buffer_append_byte(out, ',');
		label(out, "topic", list[i].topic);
		buffer_printf(out, ",partition=\"%d\"} %lld\n", list[i].partition, (long long)list[i].lag_records);
	}
}

struct version_metric {
	const char *name, *type, *help;
	double (*value)(const struct version_status *version);
};

static double metric_rows(const struct version_status *version)
{
	return (double)version->row_count;
}
static double metric_lag(const struct version_status *version)
{
	return (double)version->lag_records;
}
static double metric_done(const struct version_status *version)
{
	return (double)version->records_done;
}
static double metric_total(const struct version_status *version)
{
	return (double)version->records_total;
}
static double metric_bad(const struct version_status *version)
{
	return (double)version->bad_records;
}
static double metric_live(const struct version_status *version)
{
	return version->live ? 1 : 0;
}
static double metric_failed(const struct version_status *version)
{
	return version->state == VERSION_FAILED ? 1 : 0;
}
static double metric_memory(const struct version_status *version)
{
	return (double)version->memory_bytes;
}
static double metric_disk(const struct version_status *version)
{
	return (double)version->disk_bytes;
}

static void version_metrics(struct server *server, struct arena *arena, struct buffer *out)
{
	static const struct version_metric metrics[] = {
		{"kappa_version_rows", "gauge", "Rows of the view version; -1 before it is caught up.", metric_rows},
		{"kappa_version_lag_records", "gauge", "Records in the log that the version has not read.",
			metric_lag},
		{"kappa_version_replay_records_done", "gauge", "Records of its replay target that it has read.",
			metric_done},
		{"kappa_version_replay_records_total", "gauge", "Records of its replay target.", metric_total},
		{"kappa_version_bad_records", "gauge", "Records that could not be read.", metric_bad},
		{"kappa_version_live", "gauge", "1 if it is the view's live version.", metric_live},
		{"kappa_version_failed", "gauge", "1 if it has stopped with an error.", metric_failed},
		{"kappa_version_memory_bytes", "gauge", "Operator state in memory.", metric_memory},
		{"kappa_version_disk_bytes", "gauge", "Its directory on disk.", metric_disk},
	};
	struct version_status *versions;
	size_t count;
	engine_versions(server_engine(server), arena, &versions, &count);
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
		head(out, metrics[i].name, metrics[i].type, metrics[i].help);
		for (size_t j = 0; j < count; j++) {
			buffer_printf(out, "%s{", metrics[i].name);
			label(out, "view", versions[j].view);
			buffer_printf(out, ",version=\"%lld\"} %.17g\n", (long long)versions[j].version,
				metrics[i].value(&versions[j]));
		}
	}
}

static void single(struct buffer *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	buffer_printf(out, "%s %.17g\n", name, value);
}

static void refusals(struct buffer *out, const char *listener, struct listener_refusals *counts)
{
	static const char name[] = "kappa_connections_refused_total";
	buffer_printf(out, "%s{listener=\"%s\",limit=\"connections_max\"} %llu\n", name, listener,
		atomic_load(&counts->connections));
	buffer_printf(out, "%s{listener=\"%s\",limit=\"connections_per_address_max\"} %llu\n", name, listener,
		atomic_load(&counts->per_address));
}

static void refusal_metrics(struct server *server, struct buffer *out)
{
	struct server_refusals *all = server_get_refusals(server);
	head(out, "kappa_connections_refused_total", "counter", "Connections closed as they came, by the limit.");
	refusals(out, "kafka", &all->kafka);
	refusals(out, "pg", &all->pg);
	refusals(out, "http", &all->http);
}

status http_metrics(struct server *server, const struct http_request *request, struct http_response *response)
{
	struct buffer *out = &response->body;
	struct engine_counters counters;
	engine_counters(server_engine(server), &counters);
	head(out, "kappa_build_info", "gauge", "Version of the program.");
	buffer_printf(out, "kappa_build_info{version=\"%s\"} 1\n", KAPPA_VERSION);
	single(out, "kappa_uptime_seconds", "gauge", "Since the program started.",
		(double)(clock_wall_ms() - server_start_ms(server)) / 1000);
	single(out, "kappa_live_steps_total", "counter", "Steps of the live group.", (double)counters.steps);
	single(out, "kappa_live_records_total", "counter", "Records that live steps read.",
		(double)counters.records_read);
	single(out, "kappa_replayed_records_total", "counter", "Records that replays read.",
		(double)counters.replayed_records);
	single(out, "kappa_publications_total", "counter", "Publications of live views.",
		(double)counters.publications);
	single(out, "kappa_live_step_seconds", "gauge", "Duration of the last live step, reading to publication.",
		(double)counters.freshness_last_us / 1e6);
	unsigned running;
	unsigned waiting;
	workers_counts(server_workers(server), &running, &waiting);
	single(out, "kappa_worker_tasks_running", "gauge", "Statements and requests on workers.", running);
	single(
		out, "kappa_worker_tasks_waiting", "gauge", "Statements and requests waiting for a worker.", waiting);
	refusal_metrics(server, out);
	struct output_budget *output = server_output_budget(server);
	const struct kafka_broker *broker = server_kafka_broker(server);
	single(out, "kappa_kafka_request_bytes", "gauge",
		"Kafka requests of more than 64 KiB in memory, arriving ones as a whole.",
		(double)atomic_load(&broker->intake.bytes));
	single(out, "kappa_kafka_request_bytes_max", "gauge", "Above it they wait in line (input_memory_mb).",
		(double)broker->intake.bytes_max);
	single(out, "kappa_output_bytes", "gauge", "Answers in memory that clients have not taken yet.",
		(double)atomic_load(&output->bytes));
	single(out, "kappa_output_bytes_max", "gauge",
		"Above it each connection is held to a quarter MiB (output_memory_mb).", (double)output->bytes_max);
	topic_metrics(server, out);
	group_metrics(server, request->arena, out);
	version_metrics(server, request->arena, out);
	response->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return STATUS_OK;
}
