#include "replay/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "zset/datetime.h"

static const struct field hidden_fields[HIDDEN_COUNT] = {
	{"_partition", {TYPE_INT4, -1}, true},
	{"_offset", {TYPE_INT8, -1}, true},
	{"_timestamp", {TYPE_TIMESTAMPTZ, -1}, true},
	{"_key", {TYPE_BYTEA, -1}, false},
};

static status option_invalid(const struct sql_option *option, const char *expected)
{
	status code =
		error_raise(STATUS_INVALID, "invalid value for option \"%s\": \"%s\"", option->name, option->value);
	error_position(option->position);
	error_hint("Expected %s.", expected);
	return code;
}

static status parse_bool(const struct sql_option *option, bool *out)
{
	if (strcmp(option->value, "true") == 0 || strcmp(option->value, "on") == 0 ||
		strcmp(option->value, "1") == 0) {
		*out = true;
		return STATUS_OK;
	}
	if (strcmp(option->value, "false") == 0 || strcmp(option->value, "off") == 0 ||
		strcmp(option->value, "0") == 0) {
		*out = false;
		return STATUS_OK;
	}
	return option_invalid(option, "true or false");
}

static status apply_format(struct table_entry *entry, const struct sql_option *option)
{
	static const char *const names[] = {[DECODE_JSON] = "json", [DECODE_CSV] = "csv", [DECODE_TEXT] = "text"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(option->value, names[i]) == 0) {
			entry->format = (enum decode_format)i;
			entry->table.format = names[i];
			return STATUS_OK;
		}
	}
	return option_invalid(option, "json, csv or text");
}

static status apply_event_time(struct table_entry *entry, const struct sql_option *option)
{
	int32_t column = schema_find(&entry->table.schema, option->value);
	if (column < 0 || (size_t)column >= entry->table.visible_count)
		return option_invalid(option, "the name of one of the table's columns");
	enum type_id type = entry->table.schema.fields[column].type.id;
	if (type != TYPE_TIMESTAMP && type != TYPE_TIMESTAMPTZ && type != TYPE_DATE)
		return option_invalid(option, "a column of type timestamp, timestamptz or date");
	entry->table.event_time_column = column;
	return STATUS_OK;
}

static status apply_watermark(struct table_entry *entry, const struct sql_option *option)
{
	struct interval delay;
	if (interval_parse(slice_of_string(option->value), &delay) != STATUS_OK || delay.months != 0)
		return option_invalid(option, "an interval without months, like '10 minutes'");
	int64_t delay_us = delay.days * MICROSECONDS_PER_DAY + delay.microseconds;
	if (delay_us < 0)
		return option_invalid(option, "a delay of zero or more");
	entry->table.watermark_delay_us = delay_us;
	return STATUS_OK;
}

static status apply_option(struct table_entry *entry, const struct sql_option *option)
{
	if (strcmp(option->name, "topic") == 0) {
		if (topic_name_check(option->value) != STATUS_OK) {
			error_position(option->position);
			return error_current()->code;
		}
		entry->table.topic = arena_copy_string(&entry->arena, option->value);
		return STATUS_OK;
	}
	if (strcmp(option->name, "format") == 0)
		return apply_format(entry, option);
	if (strcmp(option->name, "delimiter") == 0) {
		if (strcmp(option->value, "\\t") == 0 || strcmp(option->value, "tab") == 0) {
			entry->table.csv_delimiter = '\t';
			return STATUS_OK;
		}
		if (strlen(option->value) != 1 || strchr("\"\r\n", option->value[0]) != NULL)
			return option_invalid(option, "one character other than a quote or a line end");
		entry->table.csv_delimiter = option->value[0];
		return STATUS_OK;
	}
	if (strcmp(option->name, "header") == 0)
		return parse_bool(option, &entry->table.csv_header);
	if (strcmp(option->name, "event_time") == 0)
		return apply_event_time(entry, option);
	if (strcmp(option->name, "watermark") == 0)
		return apply_watermark(entry, option);
	if (strcmp(option->name, "partitions") == 0) {
		char *end;
		long partitions = strtol(option->value, &end, 10);
		if (*end != '\0' || partitions < 1 || partitions > TOPIC_PARTITIONS_MAX)
			return option_invalid(option, "a whole number from 1 to 1024");
		entry->partitions = (int32_t)partitions;
		return STATUS_OK;
	}
	status code = error_raise(STATUS_INVALID, "unknown table option \"%s\"", option->name);
	error_position(option->position);
	error_hint("Options are topic, format, delimiter, header, event_time, watermark and partitions.");
	return code;
}

static status copy_columns(struct table_entry *entry, const struct sql_statement *statement)
{
	size_t count = statement->create_table.column_count;
	if (count == 0)
		return error_raise(STATUS_INVALID, "table \"%s\" has no columns", entry->table.name);
	if (count + HIDDEN_COUNT > SCHEMA_FIELDS_MAX)
		return error_raise(STATUS_TOO_LARGE, "table \"%s\" has more than %d columns", entry->table.name,
			SCHEMA_FIELDS_MAX - HIDDEN_COUNT);
	struct field *fields = arena_alloc(&entry->arena, (count + HIDDEN_COUNT) * sizeof *fields);
	for (size_t i = 0; i < count; i++) {
		fields[i] = statement->create_table.columns[i];
		fields[i].name = arena_copy_string(&entry->arena, fields[i].name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(fields[i].name, fields[j].name) == 0) {
				status code =
					error_raise(STATUS_EXISTS, "column \"%s\" specified more than once", fields[i].name);
				error_sqlstate("42701");
				return code;
			}
		for (size_t j = 0; j < HIDDEN_COUNT; j++)
			if (strcmp(fields[i].name, hidden_fields[j].name) == 0) {
				status code = error_raise(STATUS_INVALID, "column name \"%s\" is reserved", fields[i].name);
				error_hint("Every table has the hidden columns _partition, _offset, _timestamp and _key.");
				return code;
			}
	}
	memcpy(fields + count, hidden_fields, sizeof hidden_fields);
	entry->table.schema = (struct schema){fields, count + HIDDEN_COUNT};
	entry->table.visible_count = count;
	return STATUS_OK;
}

static status build(struct table_entry *entry, const struct sql_statement *statement)
{
	struct table *table = &entry->table;
	table->name = arena_copy_string(&entry->arena, statement->create_table.name.name);
	table->topic = table->name;
	table->format = "json";
	table->csv_delimiter = ',';
	table->event_time_column = -1;
	table->sql = arena_copy_string(&entry->arena, statement->text);
	if (statement->create_table.primary_key_count != 0) {
		status code = error_raise(STATUS_UNSUPPORTED, "PRIMARY KEY is not supported yet");
		error_hint("Tables are append-only; take the newest row of a key with a view (max(_offset) … GROUP "
				   "BY key).");
		return code;
	}
	status code = copy_columns(entry, statement);
	for (size_t i = 0; code == STATUS_OK && i < statement->create_table.option_count; i++)
		code = apply_option(entry, &statement->create_table.options[i]);
	if (code != STATUS_OK)
		return code;
	if (entry->format == DECODE_TEXT &&
		(table->visible_count != 1 || !type_is_string(table->schema.fields[0].type.id)))
		return error_raise(STATUS_INVALID, "a table of format text has exactly one column of type text");
	return topic_name_check(table->topic);
}

status table_create(const struct sql_statement *statement, struct table_entry **out)
{
	INVARIANT(statement->kind == SQL_CREATE_TABLE);
	struct table_entry *entry = mem_alloc_zeroed(1, sizeof *entry);
	arena_init(&entry->arena);
	atomic_init(&entry->references, 1);
	status code = build(entry, statement);
	if (code != STATUS_OK) {
		table_release(entry);
		return code;
	}
	*out = entry;
	return STATUS_OK;
}

struct table_entry *table_retain(struct table_entry *table)
{
	atomic_fetch_add(&table->references, 1);
	return table;
}

void table_release(struct table_entry *table)
{
	if (table == NULL || atomic_fetch_sub(&table->references, 1) != 1)
		return;
	arena_deinit(&table->arena);
	mem_free(table);
}

void table_describe(const struct table_entry *entry, struct sql_relation *out)
{
	*out = (struct sql_relation){
		.kind = SQL_TABLE,
		.schema_name = "public",
		.name = entry->table.name,
		.schema = entry->table.schema,
		.visible_count = entry->table.visible_count,
		.append_only = true,
		.row_estimate = UINT64_MAX,
		.handle = (void *)(uintptr_t)entry,
	};
}

status table_decoder(const struct table_entry *entry, const uint8_t *wanted, struct decoder **out)
{
	const struct table *table = &entry->table;
	struct decode_options options = {
		.format = entry->format,
		.csv_delimiter = table->csv_delimiter,
		.csv_header = table->csv_header,
		.event_time_column = table->event_time_column,
		.schema = table->schema,
		.visible_count = table->visible_count,
		.wanted = wanted,
	};
	return decoder_create(&options, out);
}

void table_canonical(const struct table_entry *entry, struct buffer *out)
{
	const struct table *table = &entry->table;
	buffer_printf(out, "table %s topic=%s#%llx format=%s delimiter=%d header=%d event_time=%d (", table->name,
		table->topic, (unsigned long long)entry->incarnation, table->format, table->csv_delimiter,
		table->csv_header, table->event_time_column);
	for (size_t i = 0; i < table->visible_count; i++) {
		const struct field *field = &table->schema.fields[i];
		buffer_printf(out, "%s %s(%d)%s,", field->name, type_name(field->type.id), field->type.modifier,
			field->not_null ? " not null" : "");
	}
	buffer_append_string(out, ")\n");
}

/* ---- scanning the log ---- */

enum { SCAN_READ_BYTES = 1024 * 1024 };

struct log_relation {
	struct relation relation;
	struct log *log;
	struct table_entry *table;
};

struct log_scan {
	struct scan scan;
	struct table_entry *table;
	struct decoder *decoder;
	uint8_t *wanted;
	const struct topic *topic; /* NULL: the topic is gone, nothing to read */
	int64_t *ends;             /* last stable offset per partition at open */
	int32_t partitions;        /* at open */
	int32_t partition;
	int64_t position;
	struct buffer bytes; /* what the newest batch's text borrows from */
	bool (*cancelled)(void *context);
	void *cancel_context;
};

static status log_scan_next(struct scan *base, struct arena *arena, struct batch **out)
{
	struct log_scan *scan = (struct log_scan *)base;
	for (;;) {
		if (scan->cancelled != NULL && scan->cancelled(scan->cancel_context))
			return error_raise(STATUS_CANCELLED, "canceling statement due to user request");
		if (scan->topic == NULL || scan->partition == scan->partitions)
			return STATUS_END;
		struct partition *partition = topic_partition(scan->topic, scan->partition);
		int64_t end = scan->ends[scan->partition];
		int64_t start = partition_log_start(partition);
		if (scan->position < start)
			scan->position = start;
		if (scan->position >= end) {
			scan->partition++;
			scan->position = 0;
			continue;
		}
		/* Text of earlier batches may borrow from earlier bytes: keep those alive with the caller's arena. */
		scan->bytes.size = 0;
		int64_t next = 0;
		status code =
			partition_read_committed(partition, scan->position, end, SCAN_READ_BYTES, &scan->bytes, &next);
		if (code != STATUS_OK)
			return code;
		struct slice bytes =
			slice_of(arena_copy(arena, scan->bytes.data, scan->bytes.size), scan->bytes.size);
		struct decode_result result;
		code = decoder_run(scan->decoder, bytes, scan->partition, scan->position, end, arena, &result);
		if (code != STATUS_OK) {
			code = partition_note_damage(partition, bytes, code);
			return error_note(code, "while reading table \"%s\"", scan->table->table.name);
		}
		/* The decoder knows of what it was given only; what was left out has been read, too. */
		if (result.batch->row_count < BATCH_ROWS_MAX)
			result.next_offset = next < end ? next : end;
		if (result.next_offset <= scan->position)
			return error_raise(STATUS_DAMAGED, "topic \"%s\" partition %d does not advance at offset %lld",
				scan->topic->name, scan->partition, (long long)scan->position);
		scan->position = result.next_offset;
		if (result.batch->row_count != 0) {
			*out = result.batch;
			return STATUS_OK;
		}
	}
}

static void log_scan_close(struct scan *base)
{
	struct log_scan *scan = (struct log_scan *)base;
	decoder_destroy(scan->decoder);
	buffer_deinit(&scan->bytes);
	table_release(scan->table);
	mem_free(scan->wanted);
	mem_free(scan->ends);
	mem_free(scan);
}

static status log_relation_open(struct relation *base, const struct scan_request *request, struct scan **out)
{
	struct log_relation *relation = (struct log_relation *)base;
	struct log_scan *scan = mem_alloc_zeroed(1, sizeof *scan);
	scan->scan = (struct scan){log_scan_next, log_scan_close};
	scan->table = table_retain(relation->table);
	scan->cancelled = request->cancelled;
	scan->cancel_context = request->cancel_context;
	scan->wanted = mem_alloc_zeroed(relation->relation.schema.field_count, 1);
	for (size_t i = 0; i < request->column_count; i++)
		scan->wanted[request->columns[i]] = 1;
	status code = table_decoder(relation->table, scan->wanted, &scan->decoder);
	if (code == STATUS_OK) {
		code = topic_find(relation->log, relation->table->table.topic, &scan->topic);
		if (code == STATUS_NOT_FOUND)
			code = STATUS_OK;
	}
	if (code != STATUS_OK) {
		log_scan_close(&scan->scan);
		return code;
	}
	if (scan->topic != NULL) {
		scan->partitions = scan->topic->config->partitions;
		scan->ends = mem_alloc_zeroed((size_t)scan->partitions, sizeof *scan->ends);
		for (int32_t i = 0; i < scan->partitions; i++)
			scan->ends[i] = partition_last_stable_offset(topic_partition(scan->topic, i));
	}
	*out = &scan->scan;
	return STATUS_OK;
}

static void log_relation_release(struct relation *base)
{
	struct log_relation *relation = (struct log_relation *)base;
	table_release(relation->table);
	mem_free(relation);
}

status table_relation(struct log *log, struct table_entry *table, struct relation **out)
{
	struct log_relation *relation = mem_alloc_zeroed(1, sizeof *relation);
	relation->relation = (struct relation){
		.schema = table->table.schema,
		.row_estimate = UINT64_MAX,
		.open = log_relation_open,
		.release = log_relation_release,
	};
	relation->log = log;
	relation->table = table_retain(table);
	*out = &relation->relation;
	return STATUS_OK;
}
