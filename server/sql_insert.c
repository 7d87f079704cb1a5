/* INSERT: rows to records in the table's format, records to the table's topic.
 *
 * All records of a statement go into one partition, in one record batch as long as that fits
 * RECORDS_BYTES_MAX: then the statement is atomic. Statements of a session take the partitions in turn.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "server/sql_internal.h"
#include "server/workers.h"

/* Below the smallest default of message_bytes_max, with room for the last record. */
enum { RECORDS_BYTES_MAX = 8 * 1024 * 1024 };

/* ---- a row as a record's value ---- */

static void json_string_append(struct buffer *out, struct slice text)
{
	static const char hex[] = "0123456789abcdef";
	buffer_append_byte(out, '"');
	size_t plain = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		buffer_append(out, text.data + plain, i - plain);
		plain = i + 1;
		const char *named = byte == '"'    ? "\\\""
							: byte == '\\' ? "\\\\"
							: byte == '\n' ? "\\n"
							: byte == '\t' ? "\\t"
										   : NULL;
		if (named != NULL) {
			buffer_append_string(out, named);
		} else {
			buffer_append_string(out, "\\u00");
			buffer_append_byte(out, (uint8_t)hex[byte >> 4]);
			buffer_append_byte(out, (uint8_t)hex[byte & 15]);
		}
	}
	buffer_append(out, text.data + plain, text.size - plain);
	buffer_append_byte(out, '"');
}

static void json_value_append(struct buffer *out, const struct value *value, struct buffer *scratch)
{
	enum physical physical = type_physical(value->type.id);
	bool bare = physical == PHYS_BOOL || physical == PHYS_DECIMAL ||
				(physical == PHYS_F64 && isfinite(value->f64)) ||
				(physical == PHYS_I64 && type_is_numeric(value->type.id));
	if (physical == PHYS_BOOL) {
		buffer_append_string(out, value->boolean ? "true" : "false");
	} else if (bare) {
		value_format(value, out);
	} else {
		scratch->size = 0;
		value_format(value, scratch);
		json_string_append(out, buffer_slice(scratch));
	}
}

struct encoding {
	const struct table *table;
	const uint8_t *given;
	struct buffer value, scratch;
};

static void json_row_append(struct encoding *encoding, const struct batch *batch, uint32_t row)
{
	const struct table *table = encoding->table;
	struct buffer *out = &encoding->value;
	bool first = true;
	buffer_append_byte(out, '{');
	for (uint32_t i = 0; i < batch->column_count; i++) {
		if (!encoding->given[i])
			continue; /* a missing field reads as null */
		if (!first)
			buffer_append_byte(out, ',');
		first = false;
		json_string_append(out, slice_of_string(table->schema.fields[i].name));
		buffer_append_byte(out, ':');
		struct value value = column_value(&batch->columns[i], row);
		if (value.null)
			buffer_append_string(out, "null");
		else
			json_value_append(out, &value, &encoding->scratch);
	}
	buffer_append_byte(out, '}');
}

/* Text is always quoted, so that an empty one is not read back as null. */
static void csv_field_append(struct encoding *encoding, const struct value *value)
{
	struct buffer *out = &encoding->value;
	if (value->null)
		return;
	if (type_physical(value->type.id) != PHYS_TEXT) {
		/* Dates, numbers and intervals hold no quotes, but may hold the delimiter. */
		encoding->scratch.size = 0;
		value_format(value, &encoding->scratch);
		bool quote =
			memchr(encoding->scratch.data, encoding->table->csv_delimiter, encoding->scratch.size) != NULL;
		if (quote)
			buffer_append_byte(out, '"');
		buffer_append(out, encoding->scratch.data, encoding->scratch.size);
		if (quote)
			buffer_append_byte(out, '"');
		return;
	}
	encoding->scratch.size = 0;
	value_format(value, &encoding->scratch);
	buffer_append_byte(out, '"');
	for (size_t i = 0; i < encoding->scratch.size; i++) {
		if (encoding->scratch.data[i] == '"')
			buffer_append_byte(out, '"');
		buffer_append_byte(out, encoding->scratch.data[i]);
	}
	buffer_append_byte(out, '"');
}

static status row_encode_value(struct encoding *encoding, const struct batch *batch, uint32_t row)
{
	encoding->value.size = 0;
	buffer_reserve(&encoding->value, 1); /* an empty value is not a null one */
	if (strcmp(encoding->table->format, "json") == 0) {
		json_row_append(encoding, batch, row);
		return STATUS_OK;
	}
	if (strcmp(encoding->table->format, "csv") == 0) {
		for (uint32_t i = 0; i < batch->column_count; i++) {
			if (i > 0)
				buffer_append_byte(&encoding->value, (uint8_t)encoding->table->csv_delimiter);
			struct value value = column_value(&batch->columns[i], row);
			csv_field_append(encoding, &value);
		}
		return STATUS_OK;
	}
	struct value value = column_value(&batch->columns[0], row);
	if (value.null)
		return error_raise(
			STATUS_NOT_NULL, "a line of the text table \"%s\" cannot be null", encoding->table->name);
	value_format(&value, &encoding->value);
	return STATUS_OK;
}

static status nulls_check(const struct table *table, const struct batch *batch, uint32_t row)
{
	for (uint32_t i = 0; i < batch->column_count; i++) {
		if (table->schema.fields[i].not_null && column_is_null(&batch->columns[i], row))
			return error_raise(STATUS_NOT_NULL,
				"null value in column \"%s\" of table \"%s\" violates not-null constraint",
				table->schema.fields[i].name, table->name);
	}
	return STATUS_OK;
}

/* ---- records to batches ---- */

struct inserting {
	struct sql_cursor *cursor;
	struct partition *partition;
	struct encoding encoding;
	struct record_batch_builder builder;
	int64_t timestamp_ms;
};

static status pending_add(struct inserting *inserting)
{
	struct sql_session *session = inserting->cursor->session;
	struct sql_pending *pending = mem_alloc_zeroed(1, sizeof *pending);
	buffer_init(&pending->batch);
	status built = record_batch_builder_finish(&inserting->builder, CODEC_NONE, NULL, &pending->batch);
	if (built == STATUS_OK && session->pending_bytes + pending->batch.size > PENDING_INSERT_BYTES_MAX) {
		built = error_raise(STATUS_TOO_LARGE, "the INSERTs of one transaction take more than %d bytes",
			PENDING_INSERT_BYTES_MAX);
		error_hint("COMMIT more often, or INSERT outside a transaction.");
	}
	if (built != STATUS_OK) {
		buffer_deinit(&pending->batch);
		mem_free(pending);
		return built;
	}
	pending->table = mem_copy_string(inserting->encoding.table->name);
	pending->partition = inserting->partition;
	*session->pending_last = pending;
	session->pending_last = &pending->next;
	session->pending_count++;
	session->pending_bytes += pending->batch.size;
	return STATUS_OK;
}

static status rows_add(struct inserting *inserting, const struct batch *batch)
{
	for (uint32_t row = 0; row < batch->row_count; row++) {
		status result = nulls_check(inserting->encoding.table, batch, row);
		if (result == STATUS_OK)
			result = row_encode_value(&inserting->encoding, batch, row);
		if (result != STATUS_OK)
			return result;
		record_batch_builder_add(&inserting->builder, inserting->timestamp_ms, slice_of(NULL, 0),
			buffer_slice(&inserting->encoding.value), NULL, 0);
		inserting->cursor->affected++;
		if (record_batch_builder_size(&inserting->builder) < RECORDS_BYTES_MAX &&
			inserting->builder.count < RECORD_BATCH_COUNT_MAX)
			continue;
		result = pending_add(inserting);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

static status source_read(struct inserting *inserting, const struct evaluation *evaluation)
{
	struct query_context context = cursor_query_context(inserting->cursor, evaluation);
	struct query *query = NULL;
	status result = query_open(inserting->cursor->bound->insert.source, &context, &query);
	if (result != STATUS_OK)
		return result;
	const struct batch *batch = NULL;
	while ((result = query_next(query, &batch)) == STATUS_OK &&
		   (result = rows_add(inserting, batch)) == STATUS_OK)
		;
	query_close(query);
	return result == STATUS_END ? STATUS_OK : result;
}

static status target_find(struct sql_cursor *cursor, const struct table **table, struct partition **partition)
{
	struct sql_session *session = cursor->session;
	const struct sql_relation *target = &cursor->bound->insert.target;
	if (target->kind != SQL_TABLE) {
		error_raise(
			STATUS_UNSUPPORTED, "\"%s\" is not a table: rows cannot be inserted into it", target->name);
		error_hint("INSERT into the tables it reads.");
		return STATUS_UNSUPPORTED;
	}
	*table = target->handle;
	const struct topic *topic = NULL;
	status found = topic_find(session->environment.log, (*table)->topic, &topic);
	if (found != STATUS_OK)
		return error_note(found, "while looking for the topic of table \"%s\"", target->name);
	*partition =
		topic_partition(topic, (int32_t)(session->insert_turn++ % (uint32_t)topic->config->partitions));
	return STATUS_OK;
}

status insert_execute(struct sql_cursor *cursor, const struct evaluation *evaluation)
{
	struct sql_session *session = cursor->session;
	struct inserting inserting = {.cursor = cursor, .timestamp_ms = clock_wall_ms()};
	status result = target_find(cursor, &inserting.encoding.table, &inserting.partition);
	if (result != STATUS_OK)
		return result;
	inserting.encoding.given = cursor->bound->insert.given;
	record_batch_builder_init(&inserting.builder);
	size_t pending_before = session->pending_count;
	result = source_read(&inserting, evaluation);
	if (result == STATUS_OK && inserting.builder.count > 0)
		result = pending_add(&inserting);
	record_batch_builder_deinit(&inserting.builder);
	buffer_deinit(&inserting.encoding.value);
	buffer_deinit(&inserting.encoding.scratch);
	if (result != STATUS_OK) {
		insert_pending_drop(session, pending_before);
		return result;
	}
	return session->transaction == SQL_TRANSACTION_IDLE ? insert_commit(session) : STATUS_OK;
}

/* ---- waiting for COMMIT ---- */

static void pending_free(struct sql_pending *pending)
{
	buffer_deinit(&pending->batch);
	mem_free(pending->table);
	mem_free(pending);
}

void insert_pending_drop(struct sql_session *session, size_t keep_count)
{
	struct sql_pending **link = &session->pending;
	for (size_t i = 0; i < keep_count && *link != NULL; i++)
		link = &(*link)->next;
	session->pending_last = link;
	struct sql_pending *next = NULL;
	for (struct sql_pending *pending = *link; pending != NULL; pending = next) {
		next = pending->next;
		session->pending_bytes -= pending->batch.size;
		session->pending_count--;
		pending_free(pending);
	}
	*link = NULL;
}

status insert_commit(struct sql_session *session)
{
	status result = STATUS_OK;
	size_t done = 0;
	for (struct sql_pending *pending = session->pending; pending != NULL; pending = pending->next, done++) {
		int64_t base_offset = 0;
		session->wrote = true;
		workers_wait_begin();
		result = log_append_wait(session->environment.log, pending->partition, pending->batch.data,
			pending->batch.size, &base_offset);
		workers_wait_end();
		if (result != STATUS_OK) {
			error_note(result, "while appending to the topic of table \"%s\"", pending->table);
			break;
		}
	}
	if (result != STATUS_OK && done > 0)
		error_note(result, "%zu of %zu record batches are durable and stay in the log", done,
			session->pending_count);
	insert_pending_drop(session, 0);
	return result;
}
