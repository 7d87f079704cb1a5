/* The decoder's life cycle and its walk over the records of raw batches.
 *
 * A run first adds up the record counts in the batch headers, so that columns are allocated once; then every
 * record is read into the slot after the last row. A row that is kept moves the slot on, a bad record cleans
 * it. Nothing is allocated per record but what the record itself needs (unescaped text).
 *
 * Memory: every record is followed by DECODE_PADDING readable bytes (see decode_scan.h). Within the batches
 * that is so anyhow; the records near the end are copied to the arena. A compressed batch is copied there
 * whole, since columns borrow text and the iterator's buffer serves the next batch.
 */
#include "replay/decode.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/invariant.h"
#include "log/record_batch.h"
#include "replay/decode_internal.h"
#include "zset/datetime.h"

enum { RECORD_SIZE_MIN = 7 }; /* a record with null key and null value and no headers */

static enum column_kind kind_of(enum type_id id)
{
	switch (id) {
	case TYPE_BOOL:
		return COLUMN_BOOL;
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		return COLUMN_INTEGER;
	case TYPE_FLOAT8:
		return COLUMN_FLOAT8;
	case TYPE_FLOAT4:
		return COLUMN_FLOAT4;
	case TYPE_NUMERIC:
		return COLUMN_NUMERIC;
	case TYPE_TEXT:
	case TYPE_VARCHAR:
	case TYPE_UNKNOWN:
		return COLUMN_TEXT;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return COLUMN_TIMESTAMP;
	case TYPE_DATE:
		return COLUMN_DATE;
	default:
		return COLUMN_OTHER;
	}
}

static void column_init(struct decode_column *column, const struct field *field, bool kept)
{
	*column = (struct decode_column){.name = field->name, .name_size = (uint32_t)strlen(field->name)};
	column->type = field->type;
	column->kind = kind_of(field->type.id);
	column->not_null = field->not_null;
	column->kept = kept;
	/* Dates reach to 5874897-12-31 and from 4713-11-24 BC. */
	bool date = column->kind == COLUMN_DATE, small = field->type.id == TYPE_INT2,
		 big = field->type.id == TYPE_INT8;
	column->min = date ? -2440588 : small ? INT16_MIN : big ? INT64_MIN : INT32_MIN;
	column->max = date ? 2145031948 : small ? INT16_MAX : big ? INT64_MAX : INT32_MAX;
}

static void names_build(struct decoder *decoder)
{
	size_t size = 16;
	while (size < 2 * decoder->options.visible_count)
		size *= 2;
	decoder->names_mask = size - 1;
	decoder->names = mem_alloc_zeroed(size, sizeof *decoder->names);
	for (uint32_t c = 0; c < decoder->options.visible_count; c++) {
		const struct decode_column *column = &decoder->columns[c];
		size_t at = hash_bytes(column->name, column->name_size, 0) & decoder->names_mask;
		while (decoder->names[at] != 0)
			at = (at + 1) & decoder->names_mask;
		decoder->names[at] = c + 1;
		decoder->envelope =
			decoder->envelope && strcmp(column->name, "schema") != 0 && strcmp(column->name, "payload") != 0;
	}
}

static status options_check(const struct decode_options *options)
{
	size_t visible = options->visible_count;
	if (visible == 0 || visible > SCHEMA_FIELDS_MAX)
		return error_raise(
			STATUS_INVALID, "a table has 1 to %d columns, not %zu", SCHEMA_FIELDS_MAX, visible);
	if (options->schema.field_count != visible + HIDDEN_COUNT)
		return error_raise(STATUS_INVALID, "%zu columns are visible, so %zu are expected in all, not %zu",
			visible, visible + HIDDEN_COUNT, options->schema.field_count);
	if (options->format == DECODE_TEXT && visible != 1) {
		status result =
			error_raise(STATUS_INVALID, "format text fills one column; the table has %zu", visible);
		error_hint("Declare one column of type text, or use format 'csv' or 'json'.");
		return result;
	}
	char delimiter = options->csv_delimiter;
	if (options->format == DECODE_CSV && (delimiter == '"' || delimiter == '\n' || delimiter == '\r'))
		return error_raise(STATUS_INVALID, "a quote or a line end cannot delimit CSV fields");
	if (options->event_time_column < 0)
		return STATUS_OK;
	if ((size_t)options->event_time_column >= visible)
		return error_raise(
			STATUS_INVALID, "event time column %d is not a visible column", options->event_time_column);
	enum column_kind kind = kind_of(options->schema.fields[options->event_time_column].type.id);
	if (kind != COLUMN_TIMESTAMP && kind != COLUMN_DATE)
		return error_raise(STATUS_INVALID, "event time column \"%s\" is neither a timestamp nor a date",
			options->schema.fields[options->event_time_column].name);
	return STATUS_OK;
}

status decoder_create(const struct decode_options *options, struct decoder **out)
{
	status result = options_check(options);
	if (result != STATUS_OK)
		return result;
	struct decoder *decoder = mem_alloc_zeroed(1, sizeof *decoder);
	decoder->options = *options;
	if (decoder->options.csv_delimiter == 0)
		decoder->options.csv_delimiter = ',';
	decoder->column_count = options->schema.field_count;
	decoder->columns = mem_alloc_zeroed(decoder->column_count, sizeof *decoder->columns);
	for (size_t c = 0; c < decoder->column_count; c++)
		column_init(&decoder->columns[c], &options->schema.fields[c], options->wanted[c] != 0);
	decoder->envelope = true;
	names_build(decoder);
	decoder->winners = mem_alloc_zeroed(options->visible_count, sizeof *decoder->winners);
	size_t visible = options->visible_count;
	decoder->met_all = visible <= MET_COLUMNS ? (UINT64_C(1) << visible) - 1 : UINT64_C(1) << MET_COLUMNS;
	if (options->format == DECODE_JSON)
		decoder->shape = shape_create(options->visible_count);
	*out = decoder;
	return STATUS_OK;
}

void decoder_destroy(struct decoder *decoder)
{
	if (decoder == NULL)
		return;
	shape_destroy(decoder->shape);
	buffer_deinit(&decoder->text);
	mem_free(decoder->members);
	mem_free(decoder->winners);
	mem_free(decoder->names);
	mem_free(decoder->columns);
	mem_free(decoder);
}

void decoder_disable_shapes(struct decoder *decoder)
{
	shape_destroy(decoder->shape);
	decoder->shape = NULL;
}

/* ---- what the readers ask ---- */

static int32_t find_name(const struct decoder *decoder, struct slice key)
{
	size_t at = hash_bytes(key.data, key.size, 0) & decoder->names_mask;
	for (; decoder->names[at] != 0; at = (at + 1) & decoder->names_mask) {
		const struct decode_column *column = &decoder->columns[decoder->names[at] - 1];
		if (slice_equal(slice_of(column->name, column->name_size), key))
			return (int32_t)decoder->names[at] - 1;
	}
	return -1;
}

int32_t decode_find_column(const struct decoder *decoder, struct slice key, bool *exact)
{
	int32_t found = find_name(decoder, key);
	*exact = found >= 0;
	uint8_t folded[256]; /* longer than any name PostgreSQL takes (63 bytes) */
	if (found >= 0 || key.size > sizeof folded)
		return found;
	for (size_t i = 0; i < key.size; i++)
		folded[i] = key.data[i] >= 'A' && key.data[i] <= 'Z' ? key.data[i] | 0x20 : key.data[i];
	return find_name(decoder, slice_of(folded, key.size));
}

void decode_put_null(struct decoder *decoder, uint32_t index)
{
	struct decode_column *column = &decoder->columns[index];
	if (column->values == NULL)
		return;
	if (column->nulls == NULL)
		column->nulls = arena_alloc_zeroed(decoder->arena, decoder->capacity);
	column->nulls[decoder->row] = 1;
	size_t size = physical_size(type_physical(column->type.id));
	memset((uint8_t *)column->values + decoder->row * size, 0, size);
}

void decode_row_clear(struct decoder *decoder)
{
	for (size_t c = 0; c < decoder->column_count; c++) {
		if (decoder->columns[c].nulls != NULL)
			decoder->columns[c].nulls[decoder->row] = 0;
	}
}

void decode_fail(struct decoder *decoder, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	decoder->error = arena_copy_string(decoder->arena, text);
}

/* ---- a run ---- */

/* What the headers promise; a header that cannot be read is left for the iterator to report. */
static void headers_scan(struct slice bytes, uint64_t *records, int64_t *end_offset)
{
	struct record_batch batch;
	*records = 0;
	*end_offset = INT64_MIN;
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK && batch.size <= bytes.size) {
		/* No more than so many bytes can hold; compressed ones make the columns grow as they go. */
		uint64_t held = batch.size / RECORD_SIZE_MIN, count = batch.count > 0 ? (uint64_t)batch.count : 0;
		*records +=
			count < held || batch.codec != CODEC_NONE ? (count < batch.size ? count : batch.size) : held;
		*end_offset = batch.base_offset + batch.last_offset_delta + 1;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
}

/* Makes the run's arrays for `capacity` rows, keeping what is in them. */
static void columns_reserve(struct decoder *decoder, uint32_t capacity)
{
	for (size_t c = 0; c < decoder->column_count; c++) {
		struct decode_column *column = &decoder->columns[c];
		if (!column->kept && (int32_t)c != decoder->options.event_time_column)
			continue;
		size_t size = physical_size(type_physical(column->type.id));
		void *values = arena_alloc(decoder->arena, capacity * size);
		if (decoder->row != 0)
			memcpy(values, column->values, decoder->row * size);
		column->values = values;
		if (column->nulls != NULL) {
			uint8_t *nulls = arena_alloc_zeroed(decoder->arena, capacity);
			memcpy(nulls, column->nulls, decoder->row);
			column->nulls = nulls;
		}
	}
	decoder->capacity = capacity;
}

static void put_hidden(struct decoder *decoder, int32_t partition, const struct record *record)
{
	uint32_t row = decoder->row;
	const struct decode_column *hidden = decoder->columns + decoder->options.visible_count;
	if (hidden[HIDDEN_PARTITION].values != NULL)
		((int64_t *)hidden[HIDDEN_PARTITION].values)[row] = partition;
	if (hidden[HIDDEN_OFFSET].values != NULL)
		((int64_t *)hidden[HIDDEN_OFFSET].values)[row] = record->offset;
	if (hidden[HIDDEN_TIMESTAMP].values != NULL) {
		int64_t us;
		if (__builtin_mul_overflow(record->timestamp_ms, 1000, &us))
			us = record->timestamp_ms < 0 ? TIMESTAMP_MINUS_INFINITY : TIMESTAMP_INFINITY;
		((int64_t *)hidden[HIDDEN_TIMESTAMP].values)[row] = us;
	}
	if (hidden[HIDDEN_KEY].values == NULL)
		return;
	if (record->key.data == NULL)
		decode_put_null(decoder, (uint32_t)decoder->options.visible_count + HIDDEN_KEY);
	else
		((struct text *)hidden[HIDDEN_KEY].values)[row] =
			(struct text){.data = (const char *)record->key.data, .size = (uint32_t)record->key.size};
}

static enum read_result record_read(struct decoder *decoder, struct slice value)
{
	if (value.data == NULL) {
		decode_fail(decoder, "null value");
		return READ_BAD;
	}
	switch (decoder->options.format) {
	case DECODE_JSON:
		if (__builtin_expect(decoder->shape != NULL && value.size <= TEXT_SIZE_MAX, 1)) {
			if (__builtin_expect(shape_read(decoder, value), 1))
				return READ_ROW;
			decode_row_clear(decoder);
		}
		return json_read(decoder, value);
	case DECODE_CSV:
		return csv_read(decoder, value);
	case DECODE_TEXT:
		return text_read(decoder, value);
	}
	return READ_BAD;
}

struct run {
	struct record_iterator iterator;
	const uint8_t *readable_end; /* of the batch being walked */
	struct decode_bad *bad;
	size_t bad_count, bad_capacity;
};

/* The iterator has just opened a compressed batch: its records move to memory that outlives the run. */
static void batch_keep(struct decoder *decoder, struct run *run, struct record *record)
{
	struct buffer *inflated = &run->iterator.inflated;
	uint8_t *copy = arena_alloc(decoder->arena, inflated->size + DECODE_PADDING);
	memcpy(copy, inflated->data, inflated->size);
	memset(copy + inflated->size, 0, DECODE_PADDING);
	const uint8_t *old = inflated->data;
	struct cursor *records = &run->iterator.records;
	records->at = copy + (records->at - old);
	records->end = copy + (records->end - old);
	if (record->key.data != NULL)
		record->key.data = copy + (record->key.data - old);
	if (record->value.data != NULL)
		record->value.data = copy + (record->value.data - old);
	run->readable_end = copy + inflated->size + DECODE_PADDING;
}

static void add_bad(struct decoder *decoder, struct run *run, const struct record *record)
{
	if (run->bad_count == run->bad_capacity) {
		size_t capacity = run->bad_capacity == 0 ? 16 : run->bad_capacity * 2;
		struct decode_bad *bad = arena_alloc(decoder->arena, capacity * sizeof *bad);
		if (run->bad_count != 0)
			memcpy(bad, run->bad, run->bad_count * sizeof *bad);
		run->bad = bad;
		run->bad_capacity = capacity;
	}
	run->bad[run->bad_count++] = (struct decode_bad){record->offset, record->timestamp_ms, decoder->error};
}

static int64_t event_time_max(const struct decoder *decoder)
{
	int32_t index = decoder->options.event_time_column;
	if (index < 0)
		return INT64_MIN;
	const struct decode_column *column = &decoder->columns[index];
	int64_t unit_us = column->kind == COLUMN_DATE ? MICROSECONDS_PER_DAY : 1, greatest = INT64_MIN;
	const int64_t *values = column->values;
	for (uint32_t row = 0; row < decoder->row; row++) {
		int64_t value = values[row] == TIMESTAMP_INFINITY ? INT64_MIN : values[row];
		if (value > greatest && (column->nulls == NULL || column->nulls[row] == 0))
			greatest = value;
	}
	/* Infinity is no time to wait for, and a date may lie beyond what microseconds can say. */
	if (greatest == INT64_MIN || __builtin_mul_overflow(greatest, unit_us, &greatest))
		return INT64_MIN;
	return greatest;
}

static struct batch *batch_take(struct decoder *decoder)
{
	struct batch *batch = arena_alloc_zeroed(decoder->arena, sizeof *batch);
	batch->row_count = decoder->row;
	batch->column_count = (uint32_t)decoder->column_count;
	batch->columns = arena_alloc_zeroed(decoder->arena, decoder->column_count * sizeof *batch->columns);
	for (size_t c = 0; c < decoder->column_count; c++) {
		struct decode_column *column = &decoder->columns[c];
		batch->columns[c].type = column->type;
		if (column->kept) {
			batch->columns[c].values = column->values;
			batch->columns[c].nulls = column->nulls;
		}
		column->values = NULL;
		column->nulls = NULL;
	}
	return batch;
}

/* A varint of at most three bytes at `at`; NULL when it is longer. */
static inline const uint8_t *varint_short(const uint8_t *at, int64_t *out)
{
	uint32_t value = at[0];
	at++;
	if (value >= 0x80) {
		value = (value & 0x7f) | (uint32_t)at[0] << 7;
		at++;
		if (value >= 0x80 << 7) {
			value = (value & 0x3fff) | (uint32_t)at[0] << 14;
			at++;
			if (value >= 0x80 << 14)
				return NULL;
		}
	}
	*out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
	return at;
}

/* The common record (within an open batch, without key and headers, short varints), in line; false: ask the
 * iterator. */
static inline bool record_next_simple(struct record_iterator *iterator, struct record *out)
{
	const uint8_t *at = iterator->records.at, *end = iterator->records.end;
	int64_t length, timestamp_delta_ms, offset_delta, size;
	/* Length, attributes, timestamp, offset, no key, size: at most 14 bytes. */
	if (iterator->left == 0 || end - at < 16 || (at = varint_short(at, &length)) == NULL || length < 6 ||
		length > end - at)
		return false;
	end = at + length;
	at = varint_short(at + 1, &timestamp_delta_ms);
	if (at == NULL || (at = varint_short(at, &offset_delta)) == NULL || *at != 1 ||
		(at = varint_short(at + 1, &size)) == NULL)
		return false;
	const struct record_batch *batch = &iterator->batch;
	if (size < 0 || size != end - at - 1 || at[size] != 0 || offset_delta < 0 ||
		offset_delta > batch->last_offset_delta)
		return false;
	iterator->records.at = end;
	iterator->left--;
	out->offset = batch->base_offset + offset_delta;
	out->timestamp_ms = batch->log_append_time
							? batch->max_timestamp_ms
							: (int64_t)((uint64_t)batch->base_timestamp_ms + (uint64_t)timestamp_delta_ms);
	out->key = (struct slice){0};
	out->value = slice_of(at, (size_t)size);
	return true;
}

/* The records in [from, to) into rows and bad ones; *next is one past the last looked at. */
static status run_records(struct decoder *decoder, struct run *run, int32_t partition, int64_t from,
	int64_t to, int64_t *next, uint64_t *record_count)
{
	struct record record;
	const uint8_t *bytes_end = run->iterator.bytes.data + run->iterator.bytes.size;
	bool hidden_kept = false;
	for (size_t c = decoder->options.visible_count; c < decoder->column_count; c++)
		hidden_kept = hidden_kept || decoder->columns[c].kept;
	while (decoder->row < BATCH_ROWS_MAX) {
		if (!record_next_simple(&run->iterator, &record)) {
			bool opens = run->iterator.left == 0;
			status result = record_iterator_next(&run->iterator, &record);
			if (result != STATUS_OK)
				return result;
			if (opens) {
				run->readable_end = bytes_end;
				if (run->iterator.batch.codec != CODEC_NONE)
					batch_keep(decoder, run, &record);
			}
		}
		if (record.offset < from)
			continue;
		if (record.offset >= to)
			return STATUS_END;
		*next = record.offset + 1;
		*record_count += 1;
		if (decoder->row == decoder->capacity)
			columns_reserve(decoder, decoder->capacity * 2);
		struct slice value = record.value;
		if (value.data != NULL && run->readable_end - (value.data + value.size) < DECODE_PADDING) {
			uint8_t *copy = arena_alloc(decoder->arena, value.size + DECODE_PADDING);
			memcpy(copy, value.data, value.size);
			memset(copy + value.size, 0, DECODE_PADDING);
			value.data = copy;
		}
		enum read_result read = record_read(decoder, value);
		if (__builtin_expect(read == READ_ROW, 1)) {
			if (hidden_kept)
				put_hidden(decoder, partition, &record);
			decoder->row++;
			continue;
		}
		decode_row_clear(decoder);
		if (read == READ_BAD)
			add_bad(decoder, run, &record);
	}
	return STATUS_OK;
}

status decoder_run(struct decoder *decoder, struct slice bytes, int32_t partition, int64_t from, int64_t to,
	struct arena *arena, struct decode_result *out)
{
	uint64_t expected;
	int64_t end_offset;
	headers_scan(bytes, &expected, &end_offset);
	decoder->arena = arena;
	decoder->row = 0;
	uint64_t most = expected < BATCH_ROWS_MAX ? expected : BATCH_ROWS_MAX;
	if (to > from && most > (uint64_t)(to - from))
		most = (uint64_t)(to - from);
	columns_reserve(decoder, most != 0 ? (uint32_t)most : 1);
	struct run run = {0};
	record_iterator_init(&run.iterator, bytes);
	int64_t next = from;
	uint64_t record_count = 0;
	status result = run_records(decoder, &run, partition, from, to, &next, &record_count);
	record_iterator_deinit(&run.iterator);
	int64_t max_event_time_us = event_time_max(decoder);
	struct batch *batch = batch_take(decoder);
	decoder->arena = NULL;
	if (result != STATUS_OK && result != STATUS_END)
		return result;
	/* All bytes walked: gaps and control batches at the end count as read. */
	if (result == STATUS_END && end_offset > next)
		next = end_offset < to ? end_offset : to;
	*out = (struct decode_result){
		.batch = batch,
		.bad = run.bad,
		.bad_count = run.bad_count,
		.next_offset = next,
		.max_event_time_us = max_event_time_us,
		.record_count = record_count,
	};
	return STATUS_OK;
}
