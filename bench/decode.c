/* How fast records become columns: Nexmark-like bids (seeded, ~196 bytes of JSON each, uncompressed batches
 * of 500), decoded in runs of about 2 MiB with 1, 4 and 7 columns wanted, by the fast reader and by the
 * reference reader, and the same rows as CSV. One thread. Prints the median, least and greatest of several
 * passes in million events per second.
 *
 *   bench_decode [events] [passes]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log/record_batch.h"
#include "replay/decode_internal.h"

enum { BATCH_RECORDS = 500, RUN_BYTES = 2 * 1024 * 1024, PASSES_MAX = 64, VISIBLE = 7 };

static uint64_t random_state = 20240501;

static uint64_t random_next(void)
{
	random_state += 0x9e3779b97f4a7c15ULL;
	uint64_t word = random_state;
	word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
	word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
	return word ^ (word >> 31);
}

static size_t bid_format(char *text, size_t size, uint64_t number, bool csv)
{
	static const char *const channels[] = {"Google", "Facebook", "Baidu", "Apple", "channel-4711"};
	uint64_t ms = number / 10;
	char date[32], extra[64];
	(void)snprintf(date, sizeof date, "2024-05-01 %02d:%02d:%02d.%03d", (int)(ms / 3600000 % 24),
		(int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
	size_t extra_size = 8 + random_next() % 24;
	for (size_t i = 0; i < extra_size; i++)
		extra[i] = (char)('a' + random_next() % 26);
	extra[extra_size] = 0;
	uint64_t auction = 1000 + random_next() % 10000, bidder = 1000 + random_next() % 5000;
	uint64_t price = 100 + random_next() % 10000000;
	const char *channel = channels[random_next() % 5];
	const char *format =
		csv ? "%llu,%llu,%llu,%s,https://www.nexmark.com/%s/item.htm?query=%llu,%s,%s"
			: "{\"auction\":%llu,\"bidder\":%llu,\"price\":%llu,\"channel\":\"%s\",\"url\":\"https://"
			  "www.nexmark.com/%s/item.htm?query=%llu\",\"date_time\":\"%s\",\"extra\":\"%s\"}";
	/* The format is one of the two literals above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return (size_t)snprintf(text, size, format, (unsigned long long)auction, (unsigned long long)bidder,
		(unsigned long long)price, channel, extra, (unsigned long long)(number % 10), date, extra);
#pragma GCC diagnostic pop
}

/* All events as consecutive batches, and where runs of about RUN_BYTES begin. */
static void events_build(uint64_t events, bool csv, struct buffer *out, double *record_bytes)
{
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	uint64_t total = 0;
	for (uint64_t n = 0; n < events; n++) {
		char text[512];
		size_t size = bid_format(text, sizeof text, n, csv);
		total += size;
		record_batch_builder_add(
			&builder, 1714521600000 + (int64_t)n / 10, slice_of(NULL, 0), slice_of(text, size), NULL, 0);
		if (builder.count == BATCH_RECORDS || n + 1 == events) {
			size_t at = out->size;
			int64_t base = (int64_t)n + 1 - builder.count;
			if (record_batch_builder_finish(&builder, CODEC_NONE, NULL, out) != STATUS_OK)
				abort();
			put_be64(out->data + at, (uint64_t)base);
		}
	}
	record_batch_builder_deinit(&builder);
	*record_bytes = (double)total / (double)events;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static void measure(const char *name, struct slice bytes, uint64_t events, int passes,
	enum decode_format format, const char *wanted_names, bool reference)
{
	struct field fields[VISIBLE + HIDDEN_COUNT] = {
		{"auction", type_of(TYPE_INT8), false},
		{"bidder", type_of(TYPE_INT8), false},
		{"price", type_of(TYPE_INT8), false},
		{"channel", type_of(TYPE_TEXT), false},
		{"url", type_of(TYPE_TEXT), false},
		{"date_time", type_of(TYPE_TIMESTAMP), false},
		{"extra", type_of(TYPE_TEXT), false},
		{"_partition", type_of(TYPE_INT4), true},
		{"_offset", type_of(TYPE_INT8), true},
		{"_timestamp", type_of(TYPE_TIMESTAMPTZ), true},
		{"_key", type_of(TYPE_BYTEA), false},
	};
	uint8_t wanted[VISIBLE + HIDDEN_COUNT] = {0};
	for (size_t c = 0; c < VISIBLE; c++)
		wanted[c] = wanted_names[c] == '1';
	struct decode_options options = {
		.format = format, .event_time_column = 5, .visible_count = VISIBLE, .wanted = wanted};
	options.schema = (struct schema){fields, VISIBLE + HIDDEN_COUNT};
	struct decoder *decoder;
	if (decoder_create(&options, &decoder) != STATUS_OK)
		abort();
	if (reference)
		decoder_disable_shapes(decoder);
	struct arena arena;
	arena_init(&arena);
	double rates[PASSES_MAX];
	for (int pass = 0; pass < passes; pass++) {
		uint64_t rows = 0;
		int64_t begin = clock_monotonic_ns();
		struct slice left = bytes;
		while (left.size != 0) {
			size_t size = 0;
			struct record_batch batch;
			while (size < RUN_BYTES && size < left.size) {
				if (record_batch_header(slice_of(left.data + size, left.size - size), &batch) != STATUS_OK)
					abort();
				size += batch.size;
			}
			struct decode_result result;
			if (decoder_run(decoder, slice_of(left.data, size), 0, 0, INT64_MAX, &arena, &result) !=
				STATUS_OK)
				abort();
			rows += result.batch->row_count;
			arena_reset(&arena);
			left = slice_of(left.data + size, left.size - size);
		}
		rates[pass] = (double)events * 1e3 / (double)(clock_monotonic_ns() - begin);
		if (rows != events)
			abort();
	}
	qsort(rates, (size_t)passes, sizeof rates[0], compare_doubles);
	printf("%-34s %8.2f %8.2f %8.2f\n", name, rates[passes / 2], rates[0], rates[passes - 1]);
	arena_deinit(&arena);
	decoder_destroy(decoder);
}

int main(int argc, char **argv)
{
	uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	int passes = argc > 2 ? atoi(argv[2]) : 7;
	if (events == 0 || passes < 1 || passes > PASSES_MAX)
		return 2;
	struct buffer json = {0}, csv = {0};
	double json_bytes, csv_bytes;
	events_build(events, false, &json, &json_bytes);
	events_build(events, true, &csv, &csv_bytes);
	printf("decode: %llu bids, JSON %.0f bytes, CSV %.0f bytes each; million events/s on one thread\n",
		(unsigned long long)events, json_bytes, csv_bytes);
	printf("%-34s %8s %8s %8s   (limit measured for such a scanner: 11-15)\n", "", "median", "min", "max");
	struct slice bytes = buffer_slice(&json);
	measure("JSON, 1 column", bytes, events, passes, DECODE_JSON, "1000000", false);
	measure("JSON, 4 columns", bytes, events, passes, DECODE_JSON, "1110010", false);
	measure("JSON, 7 columns", bytes, events, passes, DECODE_JSON, "1111111", false);
	measure("JSON, 7 columns, reference reader", bytes, events, passes < 3 ? passes : 3, DECODE_JSON,
		"1111111", true);
	measure("CSV, 7 columns", buffer_slice(&csv), events, passes, DECODE_CSV, "1111111", false);
	buffer_deinit(&json);
	buffer_deinit(&csv);
	return 0;
}
