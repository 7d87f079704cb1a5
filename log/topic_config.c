/* See topic_config.h. */
#include "log/topic_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/topics.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

enum { RATIO_SCALE = 1000000 }; /* get and set speak of ratios in millionths */

struct topic_config topic_config_default(void)
{
	return (struct topic_config){
		.partitions = 1,
		.cleanup_policy = CLEANUP_DELETE,
		.segment_ms = 7 * DAY_MS,
		.retention_ms = -1,
		.retention_bytes = -1,
		.delete_retention_ms = DAY_MS,
		.compaction_lag_ms_max = INT64_MAX,
		.dirty_ratio_min = 0.5,
	};
}

/* ---- the table ---- */

#define ACCESSORS(name, get_expression, set_statement)                                                       \
	static int64_t name##_get(const struct topic_config *config)                                             \
	{                                                                                                        \
		return get_expression;                                                                               \
	}                                                                                                        \
	static void name##_set(struct topic_config *config, int64_t value)                                       \
	{                                                                                                        \
		set_statement;                                                                                       \
	}

ACCESSORS(cleanup_policy, config->cleanup_policy, config->cleanup_policy = (unsigned)value)
ACCESSORS(delete_retention, config->delete_retention_ms, config->delete_retention_ms = value)
ACCESSORS(trim_force, config->trim_force, config->trim_force = value != 0)
ACCESSORS(lag_max, config->compaction_lag_ms_max, config->compaction_lag_ms_max = value)
ACCESSORS(lag_min, config->compaction_lag_ms_min, config->compaction_lag_ms_min = value)
ACCESSORS(message_bytes,
	config->message_bytes_max != 0 ? config->message_bytes_max : (int64_t)MESSAGE_BYTES_MAX_DEFAULT,
	config->message_bytes_max = (int32_t)value)
ACCESSORS(dirty_ratio, (int64_t)(config->dirty_ratio_min *RATIO_SCALE + 0.5),
	config->dirty_ratio_min = (double)value / RATIO_SCALE)
ACCESSORS(retention_bytes, config->retention_bytes, config->retention_bytes = value)
ACCESSORS(retention_ms, config->retention_ms, config->retention_ms = value)
ACCESSORS(segment_bytes, config->segment_bytes != 0 ? config->segment_bytes : (int64_t)SEGMENT_BYTES_DEFAULT,
	config->segment_bytes = value)
ACCESSORS(segment_ms, config->segment_ms, config->segment_ms = value)

/* clang-format off */
#define FIXED(name, value, broker_name, type, documentation) \
	{name, value, broker_name, documentation, TOPIC_CONFIG_##type, 0, 0, NULL, NULL}
#define ENTRY(name, field, min, max, broker_name, type, documentation) \
	{name, NULL, broker_name, documentation, TOPIC_CONFIG_##type, min, max, field##_get, field##_set}

static const struct topic_config_entry entries[] = {
	ENTRY("cleanup.policy", cleanup_policy, 0, 0, "log.cleanup.policy", LIST,
		"delete: old segments go by retention.ms and retention.bytes; compact: only the newest record of each key "
		"stays; or both."),
	FIXED("compression.type", "producer", "compression.type", STRING,
		"Batches are kept as the producer sent them."),
	ENTRY("delete.retention.ms", delete_retention, 0, INT64_MAX, "log.cleaner.delete.retention.ms", LONG,
		"How long compaction keeps a key's deletion (a record with null value) for readers to see."),
	ENTRY("kappa.trim.force", trim_force, 0, 1, NULL, BOOLEAN,
		"Retention, compaction and DeleteRecords may remove records although views need them from the beginning."),
	ENTRY("max.compaction.lag.ms", lag_max, 1, INT64_MAX, "log.cleaner.max.compaction.lag.ms", LONG,
		"A record older than this is compacted whatever min.cleanable.dirty.ratio says."),
	ENTRY("max.message.bytes", message_bytes, 1024, 1024 * 1024 * 1024, "message.max.bytes", INT,
		"The largest record batch, compressed."),
	FIXED("message.timestamp.type", "CreateTime", "log.message.timestamp.type", STRING,
		"Timestamps are the producer's: a record's bytes are stored as they came."),
	ENTRY("min.cleanable.dirty.ratio", dirty_ratio, 0, RATIO_SCALE, "log.cleaner.min.cleanable.ratio", DOUBLE,
		"Compaction begins when this share of a partition's bytes has not been compacted yet."),
	ENTRY("min.compaction.lag.ms", lag_min, 0, INT64_MAX, "log.cleaner.min.compaction.lag.ms", LONG,
		"A record younger than this is not compacted."),
	FIXED("min.insync.replicas", "1", "min.insync.replicas", INT, "Acknowledged means on this machine's disk."),
	ENTRY("retention.bytes", retention_bytes, -1, INT64_MAX, "log.retention.bytes", LONG,
		"Bytes kept of a partition; -1 = unlimited."),
	ENTRY("retention.ms", retention_ms, -1, INT64_MAX, "log.retention.ms", LONG,
		"Milliseconds a record is kept; -1 = unlimited."),
	ENTRY("segment.bytes", segment_bytes, 64 * 1024, INT32_MAX, "log.segment.bytes", INT,
		"The size at which a new segment file is begun. Only whole, finished segments are removed or compacted."),
	ENTRY("segment.ms", segment_ms, 1, INT64_MAX, "log.roll.ms", LONG,
		"The age at which a new segment file is begun."),
	FIXED("unclean.leader.election.enable", "false", "unclean.leader.election.enable", BOOLEAN,
		"There is no election."),
};
/* clang-format on */

enum { ENTRIES = sizeof entries / sizeof entries[0] };

size_t topic_config_entry_count(void)
{
	return ENTRIES;
}

const struct topic_config_entry *topic_config_entry(size_t index)
{
	return &entries[index];
}

const struct topic_config_entry *topic_config_entry_find(const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (strcmp(entries[i].name, name) == 0)
			return &entries[i];
	return NULL;
}

/* ---- texts ---- */

void topic_config_text(const struct topic_config_entry *entry, const struct topic_config *config,
	char text[TOPIC_CONFIG_TEXT_MAX])
{
	static const char *const policies[] = {"", "delete", "compact", "compact,delete"};
	if (entry->fixed != NULL) {
		(void)snprintf(text, TOPIC_CONFIG_TEXT_MAX, "%s", entry->fixed);
		return;
	}
	int64_t value = entry->get(config);
	if (entry->type == TOPIC_CONFIG_LIST)
		(void)snprintf(text, TOPIC_CONFIG_TEXT_MAX, "%s", policies[value & 3]);
	else if (entry->type == TOPIC_CONFIG_BOOLEAN)
		(void)snprintf(text, TOPIC_CONFIG_TEXT_MAX, "%s", value != 0 ? "true" : "false");
	else if (entry->type == TOPIC_CONFIG_DOUBLE)
		(void)snprintf(text, TOPIC_CONFIG_TEXT_MAX, "%g", (double)value / RATIO_SCALE);
	else
		(void)snprintf(text, TOPIC_CONFIG_TEXT_MAX, "%" PRId64, value);
}

bool topic_config_is_default(const struct topic_config_entry *entry, const struct topic_config *config)
{
	struct topic_config defaults = topic_config_default();
	return entry->fixed != NULL || entry->get(config) == entry->get(&defaults);
}

static status policy_parse(const char *text, int64_t *out)
{
	int64_t policy = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		const char *at = text;
		text += length + (text[length] == ',');
		while (length > 0 && *at == ' ') {
			at++;
			length--;
		}
		while (length > 0 && at[length - 1] == ' ')
			length--;
		if (length == 6 && memcmp(at, "delete", 6) == 0)
			policy |= CLEANUP_DELETE;
		else if (length == 7 && memcmp(at, "compact", 7) == 0)
			policy |= CLEANUP_COMPACT;
		else
			return error_raise(STATUS_INVALID, "cleanup.policy has no \"%.*s\"", (int)length, at);
	}
	if (policy == 0)
		return error_raise(STATUS_INVALID, "cleanup.policy is empty");
	*out = policy;
	return STATUS_OK;
}

static status number_parse(const struct topic_config_entry *entry, const char *text, int64_t *out)
{
	char *end;
	errno = 0;
	if (entry->type == TOPIC_CONFIG_DOUBLE) {
		double ratio = strtod(text, &end);
		if (errno != 0 || end == text || *end != '\0' || !(ratio >= 0 && ratio <= 1))
			return error_raise(
				STATUS_INVALID, "%s=%.100s is not a number between 0 and 1", entry->name, text);
		*out = (int64_t)(ratio * RATIO_SCALE + 0.5);
		return STATUS_OK;
	}
	long long number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return error_raise(STATUS_INVALID, "%s=%.100s is not a number", entry->name, text);
	if (number < entry->min || number > entry->max)
		return error_raise(STATUS_INVALID, "%s=%lld is not between %" PRId64 " and %" PRId64, entry->name,
			number, entry->min, entry->max);
	*out = number;
	return STATUS_OK;
}

static status value_parse(const struct topic_config_entry *entry, const char *text, int64_t *out)
{
	if (entry->type == TOPIC_CONFIG_LIST)
		return policy_parse(text, out);
	if (entry->type != TOPIC_CONFIG_BOOLEAN)
		return number_parse(entry, text, out);
	bool truth = strcmp(text, "true") == 0;
	if (!truth && strcmp(text, "false") != 0)
		return error_raise(STATUS_INVALID, "%s=%.100s is neither true nor false", entry->name, text);
	*out = truth;
	return STATUS_OK;
}

status topic_config_set(struct topic_config *config, const char *name, const char *value)
{
	const struct topic_config_entry *entry = topic_config_entry_find(name);
	if (entry == NULL) {
		error_raise(STATUS_INVALID, "unknown topic config name: %.200s", name);
		error_hint("`kappa topic describe TOPIC` or Kafka's DescribeConfigs list the names.");
		return STATUS_INVALID;
	}
	if (entry->fixed != NULL) {
		if (value == NULL || strcmp(value, entry->fixed) == 0)
			return STATUS_OK;
		return error_raise(STATUS_INVALID, "%s=%.100s is not supported, only %s (%s)", name, value,
			entry->fixed, entry->documentation);
	}
	struct topic_config defaults = topic_config_default();
	int64_t number = entry->get(&defaults);
	status result = value != NULL ? value_parse(entry, value, &number) : STATUS_OK;
	if (result == STATUS_OK)
		entry->set(config, number);
	return result;
}

/* ---- rules ---- */

status topic_config_check(const struct topic_config *config)
{
	if (config->partitions < 1 || config->partitions > TOPIC_PARTITIONS_MAX)
		return error_raise(STATUS_INVALID, "a topic has 1 to %d partitions, not %d", TOPIC_PARTITIONS_MAX,
			config->partitions);
	if (config->cleanup_policy < CLEANUP_DELETE ||
		config->cleanup_policy > (CLEANUP_DELETE | CLEANUP_COMPACT))
		return error_raise(STATUS_INVALID, "cleanup.policy is delete, compact, or both");
	if (config->segment_bytes < 0 || config->segment_bytes > INT32_MAX)
		return error_raise(
			STATUS_INVALID, "segment.bytes is 1 to %d, not %" PRId64, INT32_MAX, config->segment_bytes);
	if (config->segment_ms < 1)
		return error_raise(STATUS_INVALID, "segment.ms is at least 1, not %" PRId64, config->segment_ms);
	if (config->message_bytes_max < 0)
		return error_raise(
			STATUS_INVALID, "max.message.bytes is at least 1, not %d", config->message_bytes_max);
	if (config->retention_ms < -1 || config->retention_bytes < -1)
		return error_raise(STATUS_INVALID, "retention is -1 (unlimited) or more");
	if (config->delete_retention_ms < 0)
		return error_raise(STATUS_INVALID, "delete.retention.ms is 0 or more");
	if (config->compaction_lag_ms_min < 0 || config->compaction_lag_ms_max < 1 ||
		config->compaction_lag_ms_min > config->compaction_lag_ms_max)
		return error_raise(STATUS_INVALID,
			"min.compaction.lag.ms (%" PRId64 ") is 0 or more and at most max.compaction.lag.ms (%" PRId64
			")",
			config->compaction_lag_ms_min, config->compaction_lag_ms_max);
	if (!(config->dirty_ratio_min >= 0 && config->dirty_ratio_min <= 1))
		return error_raise(STATUS_INVALID, "min.cleanable.dirty.ratio is between 0 and 1");
	return STATUS_OK;
}

/* What the policy keeps at least; −1 is unlimited. */
static uint64_t kept(const struct topic_config *config, int64_t limit)
{
	return (config->cleanup_policy & CLEANUP_DELETE) != 0 ? (uint64_t)limit : UINT64_MAX;
}

bool topic_config_removes_more(const struct topic_config *now, const struct topic_config *next)
{
	struct topic_config all = topic_config_default();
	if (now == NULL)
		now = &all;
	return (next->cleanup_policy & ~now->cleanup_policy & CLEANUP_COMPACT) != 0 ||
		   kept(next, next->retention_ms) < kept(now, now->retention_ms) ||
		   kept(next, next->retention_bytes) < kept(now, now->retention_bytes);
}
