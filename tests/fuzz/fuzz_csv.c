/* Hostile CSV and text records: the whole input is one record. No crash, no read out of bounds; it is a row,
 * a bad record or the header. */
#include <stdlib.h>

#include "log/record_batch.h"
#include "replay/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(enum decode_format format, size_t visible, struct slice bytes)
{
	static struct field fields[] = {
		{"a", {TYPE_TEXT, -1}, false},
		{"b", {TYPE_INT4, -1}, false},
		{"c", {TYPE_TIMESTAMP, -1}, false},
		{"d", {TYPE_NUMERIC, 10 << 16 | 2}, false},
	};
	static const uint8_t wanted[] = {1, 1, 1, 1, 1, 1, 1, 1};
	struct field all[8];
	memcpy(all, fields, visible * sizeof all[0]);
	all[visible] = (struct field){"_partition", {TYPE_INT4, -1}, true};
	all[visible + 1] = (struct field){"_offset", {TYPE_INT8, -1}, true};
	all[visible + 2] = (struct field){"_timestamp", {TYPE_TIMESTAMPTZ, -1}, true};
	all[visible + 3] = (struct field){"_key", {TYPE_BYTEA, -1}, false};
	struct decode_options options = {.format = format, .event_time_column = -1, .csv_header = true};
	options.schema = (struct schema){all, visible + HIDDEN_COUNT};
	options.visible_count = visible;
	options.wanted = wanted;
	struct arena arena;
	arena_init(&arena);
	struct decoder *decoder;
	struct decode_result result;
	if (decoder_create(&options, &decoder) != STATUS_OK ||
		decoder_run(decoder, bytes, 0, 0, INT64_MAX, &arena, &result) != STATUS_OK)
		abort();
	if (result.batch->row_count + result.bad_count > 1 || result.record_count != 1)
		abort();
	decoder_destroy(decoder);
	arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	record_batch_builder_add(&builder, 0, (struct slice){0}, slice_of(data, size), NULL, 0);
	struct buffer bytes = {0};
	if (record_batch_builder_finish(&builder, CODEC_NONE, NULL, &bytes) != STATUS_OK)
		abort();
	record_batch_builder_deinit(&builder);
	uint8_t *exact = mem_alloc(bytes.size);
	memcpy(exact, bytes.data, bytes.size);
	decode(DECODE_CSV, 4, slice_of(exact, bytes.size));
	decode(DECODE_TEXT, 1, slice_of(exact, bytes.size));
	mem_free(exact);
	buffer_deinit(&bytes);
	return 0;
}
