/* Hostile JSON records: the input is lines, each one a record of one batch, read by the fast and by the
 * reference reader. No crash, no read out of bounds, and both must give the same number of rows and bad
 * records.
 */
#include <stdlib.h>

#include "log/record_batch.h"
#include "replay/decode_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void records_add(struct record_batch_builder *builder, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	while (data < end) {
		const uint8_t *stop = memchr(data, '\n', (size_t)(end - data));
		if (stop == NULL)
			stop = end;
		/* Twice: the second time its shape may be known. */
		for (int i = 0; i < 2; i++)
			record_batch_builder_add(
				builder, 0, (struct slice){0}, slice_of(data, (size_t)(stop - data)), NULL, 0);
		data = stop < end ? stop + 1 : end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct field fields[] = {
		{"a", {TYPE_INT8, -1}, true},
		{"b", {TYPE_TEXT, -1}, false},
		{"c", {TYPE_TIMESTAMP, -1}, false},
		{"d", {TYPE_FLOAT8, -1}, false},
		{"e", {TYPE_NUMERIC, -1}, false},
		{"f", {TYPE_BOOL, -1}, false},
		{"g", {TYPE_VARCHAR, 5}, false},
		{"_partition", {TYPE_INT4, -1}, true},
		{"_offset", {TYPE_INT8, -1}, true},
		{"_timestamp", {TYPE_TIMESTAMPTZ, -1}, true},
		{"_key", {TYPE_BYTEA, -1}, false},
	};
	static const uint8_t wanted[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	struct decode_options options = {
		.format = DECODE_JSON, .event_time_column = 2, .visible_count = 7, .wanted = wanted};
	options.schema = (struct schema){fields, sizeof fields / sizeof fields[0]};
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	records_add(&builder, data, size);
	struct buffer bytes = {0};
	if (builder.count == 0 || record_batch_builder_finish(&builder, CODEC_NONE, NULL, &bytes) != STATUS_OK) {
		record_batch_builder_deinit(&builder);
		buffer_deinit(&bytes);
		return 0;
	}
	record_batch_builder_deinit(&builder);
	/* In a block of exactly its size, so that reading past it is seen. */
	uint8_t *exact = mem_alloc(bytes.size);
	memcpy(exact, bytes.data, bytes.size);
	struct arena arena;
	arena_init(&arena);
	struct decode_result results[2];
	for (int reference = 0; reference < 2; reference++) {
		struct decoder *decoder;
		if (decoder_create(&options, &decoder) != STATUS_OK)
			abort();
		if (reference)
			decoder_disable_shapes(decoder);
		if (decoder_run(decoder, slice_of(exact, bytes.size), 0, 0, INT64_MAX, &arena, &results[reference]) !=
			STATUS_OK)
			abort();
		decoder_destroy(decoder);
	}
	if (results[0].batch->row_count != results[1].batch->row_count ||
		results[0].bad_count != results[1].bad_count)
		abort();
	struct digest digests[2] = {{0, 0}, {0, 0}};
	digest_add(&digests[0], results[0].batch);
	digest_add(&digests[1], results[1].batch);
	if (!digest_equal(digests[0], digests[1]))
		abort();
	arena_deinit(&arena);
	mem_free(exact);
	buffer_deinit(&bytes);
	return 0;
}
