/* Schema kappa: relations. Names are nouns of the field, units stand last. */
#include <string.h>

#include "ingest/connectors.h"
#include "log/topic_config.h"
#include "server/config.h"
#include "server/group_lag.h"
#include "server/system_internal.h"

/* {"topic":{"0":17,"1":4},…}: an offset vector as JSON. */
static void offsets_append(struct buffer *out, const struct offset_vector *offsets)
{
	buffer_append_byte(out, '{');
	for (size_t i = 0; i < offsets->count; i++) {
		const struct offset_entry *entry = &offsets->entries[i];
		bool same = i > 0 && strcmp(entry->topic, offsets->entries[i - 1].topic) == 0;
		if (!same)
			buffer_printf(out, "%s\"%s\":{", i > 0 ? "}," : "", entry->topic);
		buffer_printf(out, "%s\"%d\":%lld", same ? "," : "", entry->partition, (long long)entry->offset);
	}
	buffer_append_string(out, offsets->count > 0 ? "}}" : "}");
}

void rows_offsets(struct system_rows *rows, const struct offset_vector *offsets)
{
	if (offsets == NULL) {
		rows_null(rows);
		return;
	}
	struct buffer text;
	buffer_init(&text);
	offsets_append(&text, offsets);
	rows_bytes(rows, buffer_slice(&text));
	buffer_deinit(&text);
}

void rows_digest(struct system_rows *rows, struct digest digest)
{
	char text[33];
	digest_format(digest, text);
	rows_text(rows, text);
}

static void rows_timestamp_us_or_null(struct system_rows *rows, int64_t timestamp_us)
{
	if (timestamp_us == INT64_MIN)
		rows_null(rows);
	else
		rows_i64(rows, timestamp_us);
}

static void rows_i64_or_null(struct system_rows *rows, int64_t value)
{
	if (value < 0)
		rows_null(rows);
	else
		rows_i64(rows, value);
}

/* ---- versions, replays, deployments, views ---- */

static void version_row(struct system_rows *rows, const struct version_status *version)
{
	rows_text(rows, version->view);
	rows_i64(rows, version->version);
	rows_text(rows, version->state_name);
	rows_bool(rows, version->live);
	rows_i64(rows, version->deployment);
	rows_i64_or_null(rows, version->row_count);
	rows_i64(rows, version->records_done);
	rows_i64(rows, version->records_total);
	rows_i64(rows, version->lag_records);
	rows_i64(rows, (int64_t)version->bad_records);
	rows_i64(rows, version->missed_records);
	rows_timestamp_us_or_null(rows, version->watermark_us);
	rows_offsets(rows, version->offsets);
	rows_digest(rows, version->digest);
	rows_i64(rows, (int64_t)version->memory_bytes);
	rows_i64(rows, (int64_t)version->disk_bytes);
	rows_timestamp_ms(rows, version->created_ms);
	rows_text(rows, version->upstreams);
	rows_text(rows, version->fingerprint);
	rows_text(rows, version->error);
	rows_text(rows, version->query);
}

static status versions_fill(struct system_call *call, struct system_rows *rows)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && (result = system_rows_begin(rows)) == STATUS_OK; i++)
		version_row(rows, &versions[i]);
	return result;
}

static status replays_fill(struct system_call *call, struct system_rows *rows)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	for (size_t i = 0; i < count; i++) {
		const struct version_status *version = &versions[i];
		if (version->state != VERSION_REPLAYING && version->state != VERSION_PAUSED)
			continue;
		status result = system_rows_begin(rows);
		if (result != STATUS_OK)
			return result;
		rows_text(rows, version->view);
		rows_i64(rows, version->version);
		rows_text(rows, version->state_name);
		rows_i64(rows, version->records_done);
		rows_i64(rows, version->records_total);
		rows_f64(rows, version->records_total > 0
						   ? 100.0 * (double)version->records_done / (double)version->records_total
						   : 100.0);
		rows_f64(rows, version->records_per_second);
		if (version->eta_seconds < 0)
			rows_null(rows);
		else
			rows_f64(rows, version->eta_seconds);
		rows_i64(rows, version->lag_records);
		rows_i64(rows, version->deployment);
		rows_timestamp_ms(rows, version->created_ms);
	}
	return STATUS_OK;
}

static status deployments_fill(struct system_call *call, struct system_rows *rows)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && (result = system_rows_begin(rows)) == STATUS_OK; i++) {
		rows_i64(rows, versions[i].deployment);
		rows_text(rows, versions[i].view);
		rows_i64(rows, versions[i].version);
		rows_text(rows, versions[i].state_name);
		rows_bool(rows, versions[i].live);
		rows_timestamp_ms(rows, versions[i].created_ms);
	}
	return result;
}

static status views_fill(struct system_call *call, struct system_rows *rows)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	for (size_t i = 0; i < count;) {
		size_t end = i;
		const struct version_status *live = NULL;
		for (; end < count && strcmp(versions[end].view, versions[i].view) == 0; end++)
			live = versions[end].live ? &versions[end] : live;
		status result = system_rows_begin(rows);
		if (result != STATUS_OK)
			return result;
		rows_text(rows, versions[i].view);
		rows_i64_or_null(rows, live != NULL ? live->version : -1);
		rows_i64(rows, versions[end - 1].version);
		rows_i64(rows, (int64_t)(end - i));
		rows_i64_or_null(rows, live != NULL ? live->row_count : -1);
		rows_timestamp_us_or_null(rows, live != NULL ? live->watermark_us : INT64_MIN);
		rows_text(rows, live != NULL ? live->upstreams : versions[end - 1].upstreams);
		rows_text(rows, live != NULL ? live->query : versions[end - 1].query);
		i = end;
	}
	return STATUS_OK;
}

/* ---- tables, columns ---- */

static status tables_fill(struct system_call *call, struct system_rows *rows)
{
	const struct table **tables = NULL;
	size_t count = 0;
	publication_tables(call->context.publication, &call->arena, &tables, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && (result = system_rows_begin(rows)) == STATUS_OK; i++) {
		const struct table *table = tables[i];
		rows_text(rows, table->name);
		rows_text(rows, table->topic);
		rows_text(rows, table->format);
		rows_i64(rows, (int64_t)table->visible_count);
		rows_text(
			rows, table->event_time_column >= 0 ? table->schema.fields[table->event_time_column].name : NULL);
		rows_i64(rows, table->watermark_delay_us / 1000);
		rows_text(rows, table->sql);
	}
	return result;
}

static status columns_of(struct system_call *call, struct system_rows *rows, const char *name,
	const char *kind, const struct schema *schema, size_t visible_count)
{
	for (size_t i = 0; i < visible_count; i++) {
		status result = system_rows_begin(rows);
		if (result != STATUS_OK)
			return result;
		rows_text(rows, name);
		rows_text(rows, kind);
		rows_i64(rows, (int64_t)i + 1);
		rows_text(rows, schema->fields[i].name);
		rows_text(rows, type_format(schema->fields[i].type, &call->arena));
		rows_bool(rows, schema->fields[i].not_null);
	}
	return STATUS_OK;
}

static status columns_fill(struct system_call *call, struct system_rows *rows)
{
	const struct table **tables = NULL;
	size_t count = 0;
	struct publication *publication = call->context.publication;
	publication_tables(publication, &call->arena, &tables, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && result == STATUS_OK; i++)
		result =
			columns_of(call, rows, tables[i]->name, "table", &tables[i]->schema, tables[i]->visible_count);
	struct version_status *versions = NULL;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	struct sql_catalog *catalog = publication_catalog(publication);
	for (size_t i = 0; i < count && result == STATUS_OK; i++) {
		struct sql_relation relation;
		if (versions[i].live &&
			catalog->find(catalog, NULL, versions[i].view, 0, &call->arena, &relation) == STATUS_OK)
			result =
				columns_of(call, rows, versions[i].view, "view", &relation.schema, relation.visible_count);
	}
	return result;
}

/* ---- topics, partitions ---- */

/* The views for whose sake the topic keeps records that its configuration would let go; null = none. */
static const char *kept_for(struct system_call *call, const char *topic, const struct topic_config *config)
{
	char who[512];
	if (!topic_config_removes_more(NULL, config) || config->trim_force ||
		!engine_needs_topic(call_engine(call), topic, who, sizeof who))
		return NULL;
	return arena_copy_string(&call->arena, who);
}

static status topics_fill(struct system_call *call, struct system_rows *rows)
{
	const struct topic **topics = NULL;
	size_t count = 0;
	topic_list(call->context.session->environment.log, &topics, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && (result = system_rows_begin(rows)) == STATUS_OK; i++) {
		const struct topic *topic = topics[i];
		const struct topic_config *config = topic->config;
		char text[TOPIC_CONFIG_TEXT_MAX];
		int64_t record_count = 0, trimmed_count = 0;
		uint64_t size_bytes = 0;
		for (int32_t number = 0; number < config->partitions; number++) {
			const struct partition *partition = topic_partition(topic, number);
			trimmed_count += partition_log_start(partition);
			record_count += partition_high_watermark(partition) - partition_log_start(partition);
			size_bytes += partition_bytes(partition);
		}
		rows_text(rows, topic->name);
		rows_i64(rows, config->partitions);
		rows_bool(rows, config->internal);
		rows_i64(rows, record_count);
		rows_i64(rows, (int64_t)size_bytes);
		rows_i64(rows, config->segment_bytes);
		rows_i64_or_null(rows, config->retention_ms);
		rows_i64_or_null(rows, config->retention_bytes);
		topic_config_text(topic_config_entry_find("cleanup.policy"), config, text);
		rows_text(rows, text);
		rows_i64(rows, trimmed_count);
		rows_bool(rows, config->trim_force);
		rows_text(rows, kept_for(call, topic->name, config));
		rows_text(rows, engine_topic_users(call_engine(call), topic->name, &call->arena));
	}
	mem_free(topics);
	return result;
}

static status partitions_fill(struct system_call *call, struct system_rows *rows)
{
	const struct topic **topics = NULL;
	size_t count = 0;
	topic_list(call->context.session->environment.log, &topics, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && result == STATUS_OK; i++) {
		for (int32_t number = 0; number < topics[i]->config->partitions; number++) {
			const struct partition *partition = topic_partition(topics[i], number);
			result = system_rows_begin(rows);
			if (result != STATUS_OK)
				break;
			rows_text(rows, topics[i]->name);
			rows_i64(rows, number);
			rows_i64(rows, partition_log_start(partition));
			rows_i64(rows, partition_high_watermark(partition));
			rows_i64(rows, partition_last_stable_offset(partition));
			rows_i64(rows, (int64_t)partition_bytes(partition));
		}
	}
	mem_free(topics);
	return result;
}

/* ---- consumer groups ---- */

static status groups_fill(struct system_call *call, struct system_rows *rows)
{
	const struct sql_environment *environment = &call->context.session->environment;
	struct group_lag *list = NULL;
	size_t count = 0;
	group_lag_list(environment->groups, environment->log, &call->arena, &list, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && (result = system_rows_begin(rows)) == STATUS_OK; i++) {
		const struct group_lag *lag = &list[i];
		rows_text(rows, lag->group);
		rows_text(rows, lag->state);
		rows_i64(rows, lag->member_count);
		rows_text(rows, lag->topic);
		rows_i64_or_null(rows, lag->topic != NULL ? lag->partition : -1);
		rows_i64_or_null(rows, lag->topic != NULL ? lag->committed_offset : -1);
		rows_i64_or_null(rows, lag->topic != NULL ? lag->high_watermark : -1);
		rows_i64_or_null(rows, lag->topic != NULL ? lag->lag_records : -1);
	}
	return result;
}

/* ---- connectors ---- */

static status connectors_fill(struct system_call *call, struct system_rows *rows)
{
	struct connector_status *list = NULL;
	size_t count = 0;
	status result = STATUS_OK;
	struct connectors *connectors = call->context.session->environment.connectors;
	if (connectors != NULL)
		connectors_list(connectors, &call->arena, &list, &count);
	for (size_t i = 0; i < count && (result = system_rows_begin(rows)) == STATUS_OK; i++) {
		rows_text(rows, list[i].name);
		rows_text(rows, connector_kind_name(list[i].kind));
		rows_text(rows, connector_state_name(list[i].state));
		rows_text(rows, list[i].topics);
		rows_text(rows, list[i].file);
		rows_i64(rows, list[i].records);
		rows_text(rows, list[i].position);
		rows_text(rows, list[i].trace);
	}
	return result;
}

/* ---- bad records ---- */

struct bad_visiting {
	struct system_rows *rows;
	const char *view;
	int64_t version;
};

static status bad_record_visit(void *context, const struct bad_record *bad)
{
	struct bad_visiting *visiting = context;
	struct system_rows *rows = visiting->rows;
	status result = system_rows_begin(rows);
	if (result != STATUS_OK)
		return result;
	rows_text(rows, visiting->view);
	rows_i64(rows, visiting->version);
	rows_text(rows, bad->topic);
	rows_i64(rows, bad->partition);
	rows_i64(rows, bad->offset);
	rows_timestamp_ms(rows, bad->timestamp_ms);
	rows_text(rows, bad->error);
	return STATUS_OK;
}

static status bad_records_fill(struct system_call *call, struct system_rows *rows)
{
	struct version_status *versions = NULL;
	size_t count = 0;
	engine_versions(call_engine(call), &call->arena, &versions, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count && result == STATUS_OK; i++) {
		struct view_snapshot *snapshot =
			publication_snapshot(call->context.publication, versions[i].view, versions[i].version);
		struct bad_visiting visiting = {rows, versions[i].view, versions[i].version};
		if (snapshot != NULL && session_is(call->context.session, USER_READ, versions[i].view))
			result = view_snapshot_bad_records(snapshot, bad_record_visit, &visiting);
	}
	return result;
}

/* ---- settings, counters ---- */

static status settings_fill(struct system_call *call, struct system_rows *rows)
{
	const struct sql_session *session = call->context.session;
	const struct server_config *config = session->environment.config;
	const char *name = NULL, *value = NULL, *words = NULL;
	status result = STATUS_OK;
	struct buffer text;
	buffer_init(&text);
	for (size_t i = 0; config != NULL && i < server_config_count(); i++) {
		result = system_rows_begin(rows);
		if (result != STATUS_OK)
			break;
		text.size = 0;
		server_config_describe(config, i, &name, &words, &text);
		rows_text(rows, name);
		rows_bytes(rows, buffer_slice(&text));
		rows_text(rows, "server");
		rows_text(rows, words);
	}
	buffer_deinit(&text);
	for (size_t i = 0;
		 result == STATUS_OK && sql_settings_describe(session->settings, i, &name, &value, &words); i++) {
		result = system_rows_begin(rows);
		if (result != STATUS_OK)
			break;
		rows_text(rows, name);
		rows_text(rows, value);
		rows_text(rows, "session");
		rows_text(rows, words);
	}
	return result;
}

static status counters_fill(struct system_call *call, struct system_rows *rows)
{
	struct engine_counters counters = {0};
	engine_counters(call_engine(call), &counters);
	const struct {
		const char *name;
		int64_t value;
	} list[] = {
		{"steps", (int64_t)counters.steps},
		{"records_read", (int64_t)counters.records_read},
		{"records_replayed", (int64_t)counters.replayed_records},
		{"rows_written", (int64_t)counters.rows_written},
		{"publications", (int64_t)counters.publications},
		{"freshness_last_us", counters.freshness_last_us},
	};
	status result = STATUS_OK;
	for (size_t i = 0; i < sizeof list / sizeof list[0] && (result = system_rows_begin(rows)) == STATUS_OK;
		 i++) {
		rows_text(rows, list[i].name);
		rows_i64(rows, list[i].value);
	}
	return result;
}

/* ---- users ---- */

static void user_row(struct system_rows *rows, const struct user *user)
{
	struct buffer roles;
	buffer_init(&roles);
	for (size_t i = 0; i < user->grant_count; i++) {
		buffer_append_string(&roles, i > 0 ? ", " : "");
		user_grant_format(&user->grants[i], &roles);
	}
	rows_text(rows, user->name);
	rows_bytes(rows, buffer_slice(&roles));
	rows_bool(rows, user->has_password);
	buffer_deinit(&roles);
}

/* Admins see all users, others themselves. */
static status users_fill(struct system_call *call, struct system_rows *rows)
{
	struct sql_session *session = call->context.session;
	bool all = session_is(session, USER_ADMIN, NULL);
	struct user **users = NULL;
	size_t count = 0;
	engine_users(call_engine(call), &call->arena, &users, &count);
	status result = STATUS_OK;
	for (size_t i = 0; i < count; i++) {
		bool own = session->authenticated && strcmp(users[i]->name, session->user) == 0;
		if (result == STATUS_OK && (all || own) && (result = system_rows_begin(rows)) == STATUS_OK)
			user_row(rows, users[i]);
		user_release(users[i]);
	}
	return result;
}

/* clang-format off */
const struct system_definition system_relations[] = {
	{"kappa", "versions", NULL, 0, 0, versions_fill, {
		{"view", TYPE_TEXT}, {"version", TYPE_INT8}, {"state", TYPE_TEXT}, {"is_live", TYPE_BOOL},
		{"deployment", TYPE_INT8}, {"row_count", TYPE_INT8}, {"records_done", TYPE_INT8}, {"records_total", TYPE_INT8},
		{"lag_records", TYPE_INT8}, {"bad_record_count", TYPE_INT8},
		{"missed_record_count", TYPE_INT8}, {"watermark", TYPE_TIMESTAMPTZ},
		{"offsets", TYPE_TEXT}, {"digest", TYPE_TEXT}, {"memory_bytes", TYPE_INT8}, {"disk_bytes", TYPE_INT8},
		{"created_at", TYPE_TIMESTAMPTZ}, {"upstreams", TYPE_TEXT}, {"fingerprint", TYPE_TEXT}, {"error", TYPE_TEXT},
		{"query", TYPE_TEXT}}},
	{"kappa", "replays", NULL, 0, 0, replays_fill, {
		{"view", TYPE_TEXT}, {"version", TYPE_INT8}, {"state", TYPE_TEXT}, {"records_done", TYPE_INT8},
		{"records_total", TYPE_INT8}, {"progress_percent", TYPE_FLOAT8}, {"records_per_second", TYPE_FLOAT8},
		{"eta_seconds", TYPE_FLOAT8}, {"lag_records", TYPE_INT8}, {"deployment", TYPE_INT8},
		{"created_at", TYPE_TIMESTAMPTZ}}},
	{"kappa", "deployments", NULL, 0, 0, deployments_fill, {
		{"deployment", TYPE_INT8}, {"view", TYPE_TEXT}, {"version", TYPE_INT8}, {"state", TYPE_TEXT},
		{"is_live", TYPE_BOOL}, {"created_at", TYPE_TIMESTAMPTZ}}},
	{"kappa", "views", NULL, 0, 0, views_fill, {
		{"view", TYPE_TEXT}, {"live_version", TYPE_INT8}, {"newest_version", TYPE_INT8}, {"version_count", TYPE_INT8},
		{"row_count", TYPE_INT8}, {"watermark", TYPE_TIMESTAMPTZ}, {"upstreams", TYPE_TEXT}, {"query", TYPE_TEXT}}},
	{"kappa", "tables", NULL, 0, 0, tables_fill, {
		{"table_name", TYPE_TEXT}, {"topic", TYPE_TEXT}, {"format", TYPE_TEXT}, {"column_count", TYPE_INT8},
		{"event_time_column", TYPE_TEXT}, {"watermark_delay_ms", TYPE_INT8}, {"definition", TYPE_TEXT}}},
	{"kappa", "columns", NULL, 0, 0, columns_fill, {
		{"relation", TYPE_TEXT}, {"kind", TYPE_TEXT}, {"ordinal", TYPE_INT8}, {"column_name", TYPE_TEXT},
		{"type", TYPE_TEXT}, {"not_null", TYPE_BOOL}}},
	{"kappa", "topics", NULL, 0, 0, topics_fill, {
		{"topic", TYPE_TEXT}, {"partition_count", TYPE_INT4}, {"is_internal", TYPE_BOOL}, {"record_count", TYPE_INT8},
		{"size_bytes", TYPE_INT8}, {"segment_bytes", TYPE_INT8}, {"retention_ms", TYPE_INT8},
		{"retention_bytes", TYPE_INT8}, {"cleanup_policy", TYPE_TEXT}, {"trimmed_count", TYPE_INT8},
		{"trim_force", TYPE_BOOL}, {"kept_for", TYPE_TEXT}, {"used_by", TYPE_TEXT}}},
	{"kappa", "partitions", NULL, 0, 0, partitions_fill, {
		{"topic", TYPE_TEXT}, {"partition", TYPE_INT4}, {"log_start_offset", TYPE_INT8}, {"high_watermark", TYPE_INT8},
		{"last_stable_offset", TYPE_INT8}, {"size_bytes", TYPE_INT8}}},
	{"kappa", "groups", NULL, 0, 0, groups_fill, {
		{"group_id", TYPE_TEXT}, {"state", TYPE_TEXT}, {"member_count", TYPE_INT8}, {"topic", TYPE_TEXT},
		{"partition", TYPE_INT4}, {"committed_offset", TYPE_INT8}, {"high_watermark", TYPE_INT8},
		{"lag_records", TYPE_INT8}}},
	{"kappa", "connectors", NULL, 0, 0, connectors_fill, {
		{"connector", TYPE_TEXT}, {"type", TYPE_TEXT}, {"state", TYPE_TEXT}, {"topics", TYPE_TEXT}, {"file", TYPE_TEXT},
		{"record_count", TYPE_INT8}, {"position", TYPE_TEXT}, {"error", TYPE_TEXT}}},
	{"kappa", "bad_records", NULL, 0, 0, bad_records_fill, {
		{"view", TYPE_TEXT}, {"version", TYPE_INT8}, {"topic", TYPE_TEXT}, {"partition", TYPE_INT4},
		{"record_offset", TYPE_INT8}, {"record_timestamp", TYPE_TIMESTAMPTZ}, {"error", TYPE_TEXT}}},
	{"kappa", "settings", NULL, 0, 0, settings_fill, {
		{"name", TYPE_TEXT}, {"setting", TYPE_TEXT}, {"scope", TYPE_TEXT}, {"description", TYPE_TEXT}}},
	{"kappa", "users", NULL, 0, 0, users_fill, {
		{"user_name", TYPE_TEXT}, {"roles", TYPE_TEXT}, {"has_password", TYPE_BOOL}}},
	{"kappa", "counters", NULL, 0, 0, counters_fill, {{"name", TYPE_TEXT}, {"value", TYPE_INT8}}},
	{0},
};
/* clang-format on */
