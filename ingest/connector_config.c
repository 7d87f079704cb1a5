/* A connector's properties; see connector_config.h. */
#include "ingest/connector_config.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/memory.h"

const char *connector_kind_name(enum connector_kind kind)
{
	return kind == CONNECTOR_SOURCE ? "source" : "sink";
}

status connector_class_parse(const char *class_name, enum connector_kind *out)
{
	static const struct {
		const char *name;
		enum connector_kind kind;
	} known[] = {
		{CONNECTOR_SOURCE_CLASS, CONNECTOR_SOURCE},
		{"FileStreamSourceConnector", CONNECTOR_SOURCE},
		{"FileStreamSource", CONNECTOR_SOURCE},
		{CONNECTOR_SINK_CLASS, CONNECTOR_SINK},
		{"FileStreamSinkConnector", CONNECTOR_SINK},
		{"FileStreamSink", CONNECTOR_SINK},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(known[i].name, class_name) == 0) {
			*out = known[i].kind;
			return STATUS_OK;
		}
	}
	error_raise(STATUS_UNSUPPORTED, "connector.class %s is not served", class_name);
	error_hint("FileStreamSource and FileStreamSink are. Others run in Apache's connect-standalone.sh or "
			   "connect-distributed.sh with this appliance as their bootstrap.servers.");
	return STATUS_UNSUPPORTED;
}

/* ---- which properties there are ---- */

enum { OF_SOURCE = 1, OF_SINK = 2, OF_BOTH = 3 };

static const struct {
	const char *name;
	int of;
} properties_known[] = {
	{"name", OF_BOTH},
	{"connector.class", OF_BOTH},
	{"tasks.max", OF_BOTH},
	{"file", OF_BOTH},
	{"topic", OF_SOURCE},
	{"batch.size", OF_SOURCE},
	{"topics", OF_SINK},
	{"key.converter", OF_BOTH},
	{"key.converter.schemas.enable", OF_BOTH},
	{"value.converter", OF_BOTH},
	{"value.converter.schemas.enable", OF_BOTH},
	{"header.converter", OF_BOTH},
	{"errors.tolerance", OF_BOTH},
	{"config.action.reload", OF_BOTH},
};
enum { KNOWN_COUNT = sizeof properties_known / sizeof properties_known[0] };

static status property_check(const char *name, enum connector_kind kind)
{
	static const char *const prefixes[] = {"transforms", "predicates", "topics.regex", "errors.",
		"producer.override.", "consumer.override.", "admin.override.", "topic.creation.", "exactly.once.",
		"transaction.", "offsets.", "key.converter.", "value.converter.", "header.converter."};
	int of = kind == CONNECTOR_SOURCE ? OF_SOURCE : OF_SINK;
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if (strcmp(properties_known[i].name, name) != 0)
			continue;
		if ((properties_known[i].of & of) != 0)
			return STATUS_OK;
		return error_raise(
			STATUS_INVALID, "property \"%s\" is no property of a %s", name, connector_kind_name(kind));
	}
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return error_raise(
				STATUS_UNSUPPORTED, "property \"%.200s\" of Kafka Connect is not served", name);
	error_raise(STATUS_INVALID, "there is no property \"%.200s\"", name);
	error_hint("A %s has name, connector.class, tasks.max, file, %s, value.converter, "
			   "value.converter.schemas.enable, errors.tolerance.",
		connector_kind_name(kind), kind == CONNECTOR_SOURCE ? "topic" : "topics");
	return STATUS_INVALID;
}

/* ---- single values ---- */

static status value_missing(const char *name)
{
	return error_raise(
		STATUS_INVALID, "Missing required configuration \"%s\" which has no default value.", name);
}

static status value_need(const struct properties *properties, const char *name, const char **out)
{
	const char *value = properties_get(properties, name);
	if (value == NULL || *value == '\0')
		return value_missing(name);
	*out = value;
	return STATUS_OK;
}

static status count_check(const struct properties *properties, const char *name)
{
	const char *text = properties_get(properties, name);
	char *end;
	if (text == NULL)
		return STATUS_OK;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || number < 1 || number > INT32_MAX)
		return error_raise(STATUS_INVALID,
			"Invalid value %.100s for configuration %s: a whole number from 1 is expected", text, name);
	return STATUS_OK;
}

static status switch_read(const struct properties *properties, const char *name, bool *out)
{
	const char *text = properties_get(properties, name);
	if (text == NULL)
		return STATUS_OK;
	if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
		return error_raise(STATUS_INVALID,
			"Invalid value %.100s for configuration %s: true or false is expected", text, name);
	*out = strcasecmp(text, "true") == 0;
	return STATUS_OK;
}

static status converter_read(
	const struct properties *properties, const char *name, const char *schemas_name, struct converter *out)
{
	struct converter converter = {CONVERTER_JSON, true};
	const char *class_name = properties_get(properties, name);
	status result = class_name != NULL ? converter_kind_parse(class_name, &converter.kind) : STATUS_OK;
	if (result != STATUS_OK)
		return error_note(result, "in %s", name);
	result = switch_read(properties, schemas_name, &converter.schemas);
	if (result == STATUS_OK)
		*out = converter;
	return result;
}

static status name_read(const struct properties *properties, struct connector_config *config)
{
	const char *name = NULL;
	status result = value_need(properties, "name", &name);
	if (result != STATUS_OK)
		return result;
	size_t size = strlen(name);
	bool valid = size <= CONNECTOR_NAME_SIZE_MAX && name[0] != ' ' && name[size - 1] != ' ';
	for (size_t i = 0; i < size; i++)
		valid = valid && (uint8_t)name[i] >= 0x20 && name[i] != 0x7f;
	if (!valid)
		return error_raise(STATUS_INVALID,
			"a connector's name has 1 to %d bytes, no control characters, and no space at its ends",
			CONNECTOR_NAME_SIZE_MAX);
	config->name = mem_copy_string(name);
	return STATUS_OK;
}

static status file_read(const struct properties *properties, struct connector_config *config)
{
	const char *file = properties_get(properties, "file");
	if (file == NULL || *file == '\0') {
		status result = value_missing("file");
		error_hint("Without a file Kafka's %s; here `kappa %s --topic …` does that.",
			config->kind == CONNECTOR_SOURCE ? "source reads standard input"
											 : "sink writes to standard output",
			config->kind == CONNECTOR_SOURCE ? "produce" : "consume");
		return result;
	}
	if (file[0] != '/') {
		error_raise(STATUS_INVALID, "file \"%.200s\" is not an absolute path", file);
		error_hint(
			"Connectors run in the appliance, whose directory is not yours. `kappa connect` makes paths "
			"absolute.");
		return STATUS_INVALID;
	}
	if (strlen(file) > CONNECTOR_PATH_SIZE_MAX || file[strlen(file) - 1] == '/')
		return error_raise(STATUS_INVALID, "file \"%.100s…\" is no file's path", file);
	config->file = mem_copy_string(file);
	return STATUS_OK;
}

static status topic_add(struct connector_config *config, const char *name)
{
	status result = topic_name_check(name);
	if (result == STATUS_OK && strncmp(name, "__", 2) == 0)
		result = error_raise(STATUS_INVALID, "topic \"%s\" is the appliance's own", name);
	if (result == STATUS_OK && config->topic_count == CONNECTOR_TOPICS_MAX)
		result = error_raise(STATUS_TOO_LARGE, "more than %d topics", CONNECTOR_TOPICS_MAX);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < config->topic_count; i++)
		if (strcmp(config->topics[i], name) == 0)
			return STATUS_OK;
	config->topics = mem_resize(config->topics, (config->topic_count + 1) * sizeof *config->topics);
	config->topics[config->topic_count++] = mem_copy_string(name);
	return STATUS_OK;
}

/* A list with commas, white space around names. */
static status topics_read(const struct properties *properties, struct connector_config *config)
{
	const char *list = NULL;
	status result = value_need(properties, "topics", &list);
	while (result == STATUS_OK && *list != '\0') {
		char name[TOPIC_NAME_MAX + 2] = "";
		size_t size = strcspn(list, ",");
		size_t from = strspn(list, " \t\r\n"), to = size;
		while (to > from && strchr(" \t\r\n", list[to - 1]) != NULL)
			to--;
		if (from < to) {
			size_t length = to - from < sizeof name ? to - from : sizeof name - 1;
			memcpy(name, list + from, length);
			result = topic_add(config, name);
		}
		list += list[size] == ',' ? size + 1 : size;
	}
	if (result == STATUS_OK && config->topic_count == 0)
		result = value_missing("topics");
	return result;
}

static status tolerance_read(const struct properties *properties, struct connector_config *config)
{
	const char *text = properties_get(properties, "errors.tolerance");
	if (text != NULL && strcmp(text, "none") != 0 && strcmp(text, "all") != 0)
		return error_raise(STATUS_INVALID,
			"Invalid value %.100s for configuration errors.tolerance: none or all is expected", text);
	config->tolerant = text != NULL && strcmp(text, "all") == 0;
	return STATUS_OK;
}

static status config_read(const struct properties *properties, struct connector_config *config)
{
	const char *text = NULL;
	struct converter key;
	status result = value_need(properties, "connector.class", &text);
	if (result == STATUS_OK)
		result = connector_class_parse(text, &config->kind);
	for (size_t i = 0; result == STATUS_OK && i < properties->count; i++)
		result = property_check(properties->list[i].key, config->kind);
	if (result == STATUS_OK)
		result = name_read(properties, config);
	if (result == STATUS_OK)
		result = file_read(properties, config);
	if (result == STATUS_OK && config->kind == CONNECTOR_SINK)
		result = topics_read(properties, config);
	if (result == STATUS_OK && config->kind == CONNECTOR_SOURCE)
		result = value_need(properties, "topic", &text);
	if (result == STATUS_OK && config->kind == CONNECTOR_SOURCE)
		result = topic_add(config, text);
	if (result == STATUS_OK)
		result = count_check(properties, "tasks.max");
	if (result == STATUS_OK)
		result = count_check(properties, "batch.size");
	/* The files have no keys; a wrong converter for them is a mistake all the same. */
	if (result == STATUS_OK)
		result = converter_read(properties, "key.converter", "key.converter.schemas.enable", &key);
	if (result == STATUS_OK)
		result =
			converter_read(properties, "value.converter", "value.converter.schemas.enable", &config->value);
	if (result == STATUS_OK)
		result = tolerance_read(properties, config);
	return result;
}

status connector_config_read(const struct properties *properties, struct connector_config *out)
{
	struct connector_config config = {0};
	status result = config_read(properties, &config);
	if (result == STATUS_OK)
		*out = config;
	else
		connector_config_deinit(&config);
	return result;
}

void connector_config_deinit(struct connector_config *config)
{
	for (size_t i = 0; i < config->topic_count; i++)
		mem_free(config->topics[i]);
	mem_free(config->topics);
	mem_free(config->name);
	mem_free(config->file);
	*config = (struct connector_config){0};
}
