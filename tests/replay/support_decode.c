#include "support_decode.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add_field(
	struct table_fixture *table, size_t at, const char *name, enum type_id type, bool not_null)
{
	assert_true(at < TABLE_COLUMNS_MAX);
	assert_true(strlen(name) < sizeof table->names[at]);
	memcpy(table->names[at], name, strlen(name) + 1);
	table->fields[at] = (struct field){table->names[at], type_of(type), not_null};
	table->wanted[at] = 1;
}

void table_setup(struct table_fixture *table, enum decode_format format, const char *columns)
{
	*table = (struct table_fixture){0};
	arena_init(&table->arena);
	record_batch_builder_init(&table->builder);
	char text[4096];
	(void)snprintf(text, sizeof text, "%s", columns);
	size_t count = 0;
	for (char *state = NULL, *part = strtok_r(text, ",", &state); part != NULL;
		 part = strtok_r(NULL, ",", &state)) {
		char name[64], type_name[64], mark[4] = "";
		assert_true(sscanf(part, " %63s %63s %3s", name, type_name, mark) >= 2);
		enum type_id type;
		assert_int_equal(type_parse(type_name, &type), STATUS_OK);
		add_field(table, count++, name, type, mark[0] == '!');
	}
	table->options.format = format;
	table->options.event_time_column = -1;
	table->options.visible_count = count;
	table->options.wanted = table->wanted;
	add_field(table, count + HIDDEN_PARTITION, "_partition", TYPE_INT4, true);
	add_field(table, count + HIDDEN_OFFSET, "_offset", TYPE_INT8, true);
	add_field(table, count + HIDDEN_TIMESTAMP, "_timestamp", TYPE_TIMESTAMPTZ, true);
	add_field(table, count + HIDDEN_KEY, "_key", TYPE_BYTEA, false);
	table->options.schema = (struct schema){table->fields, count + HIDDEN_COUNT};
}

void table_teardown(struct table_fixture *table)
{
	record_batch_builder_deinit(&table->builder);
	buffer_deinit(&table->bytes);
	mem_free(table->exact);
	arena_deinit(&table->arena);
}

void table_add_slice(struct table_fixture *table, struct slice key, struct slice value)
{
	record_batch_builder_add(
		&table->builder, 1000 + table->next_offset + table->builder.count, key, value, NULL, 0);
}

void table_add(struct table_fixture *table, const char *text)
{
	table_add_slice(table, (struct slice){0}, slice_of_string(text));
}

void table_seal(struct table_fixture *table, enum codec codec)
{
	size_t at = table->bytes.size;
	int64_t count = table->builder.count;
	assert_int_equal(record_batch_builder_finish(&table->builder, codec, NULL, &table->bytes), STATUS_OK);
	put_be64(table->bytes.data + at, (uint64_t)table->next_offset);
	table->next_offset += count;
}

void table_decode(struct table_fixture *table, struct decoder *decoder)
{
	if (table->builder.count != 0)
		table_seal(table, CODEC_NONE);
	mem_free(table->exact);
	table->exact = mem_alloc(table->bytes.size);
	memcpy(table->exact, table->bytes.data, table->bytes.size);
	assert_int_equal(decoder_run(decoder, slice_of(table->exact, table->bytes.size), 3, 0, table->next_offset,
						 &table->arena, &table->result),
		STATUS_OK);
}

void table_run(struct table_fixture *table, bool reference)
{
	struct decoder *decoder;
	assert_int_equal(decoder_create(&table->options, &decoder), STATUS_OK);
	if (reference)
		decoder_disable_shapes(decoder);
	table_decode(table, decoder);
	decoder_destroy(decoder);
}

const char *table_row(struct table_fixture *table, uint32_t row, bool hidden)
{
	struct buffer text = {0};
	const struct batch *batch = table->result.batch;
	size_t count = hidden ? batch->column_count : table->options.visible_count;
	assert_true(row < batch->row_count);
	for (size_t c = 0; c < count; c++) {
		if (c != 0)
			buffer_append_byte(&text, '|');
		if (batch->columns[c].values == NULL) {
			buffer_append_string(&text, "-");
			continue;
		}
		struct value value = column_value(&batch->columns[c], row);
		if (value.null)
			buffer_append_string(&text, "null");
		else
			value_format(&value, &text);
	}
	buffer_append_byte(&text, 0);
	char *copy = arena_copy(&table->arena, text.data, text.size);
	buffer_deinit(&text);
	return copy;
}
