/* The codec: what is written is read again, for every message in every version; the bytes are Kafka's. */
#include "support_kafka.h"

#include "base/hash.h"

static uint64_t seed = 0x5eed0001;

static uint64_t next_random(void)
{
	return hash_mix(seed += 0x9e3779b97f4a7c15ull);
}

static struct slice random_slice(struct arena *arena)
{
	size_t size = next_random() % 40;
	uint8_t *bytes = arena_alloc(arena, size + 1);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)next_random();
	return slice_of(bytes, size);
}

static void random_struct(
	struct arena *arena, const struct kafka_schema *schema, int16_t version, uint8_t *base);

static void random_array(
	struct arena *arena, const struct kafka_field *field, int16_t version, bool null, uint8_t *base)
{
	int32_t count = null ? -1 : (int32_t)(next_random() % 4);
	size_t size = field->type == KAFKA_ARRAY    ? field->element->size
				  : field->type == KAFKA_INT32S ? 4
				  : field->type == KAFKA_INT64S ? 8
												: sizeof(struct slice);
	uint8_t *items = count < 0 ? NULL : arena_alloc_zeroed(arena, (size_t)count * size);
	for (int32_t i = 0; i < count; i++) {
		uint8_t *item = items + (size_t)i * size;
		if (field->type == KAFKA_ARRAY)
			random_struct(arena, field->element, version, item);
		else if (field->type == KAFKA_INT32S)
			*(uint32_t *)(void *)item = (uint32_t)next_random();
		else if (field->type == KAFKA_INT64S)
			*(uint64_t *)(void *)item = next_random();
		else
			*(struct slice *)(void *)item = random_slice(arena);
	}
	memcpy(base + field->offset, &items, sizeof items);
	memcpy(base + field->count_offset, &count, sizeof count);
}

static void random_struct(
	struct arena *arena, const struct kafka_schema *schema, int16_t version, uint8_t *base)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		uint64_t word = next_random();
		bool null = version >= field->nullable_from && word % 3 == 0;
		switch (field->type) {
		case KAFKA_BOOL:
			base[field->offset] = word & 1;
			break;
		case KAFKA_INT8:
			memcpy(base + field->offset, &word, 1);
			break;
		case KAFKA_INT16:
			memcpy(base + field->offset, &word, 2);
			break;
		case KAFKA_INT32:
			memcpy(base + field->offset, &word, 4);
			break;
		case KAFKA_INT64:
			memcpy(base + field->offset, &word, 8);
			break;
		case KAFKA_UUID:
			memcpy(base + field->offset, &word, 8);
			memcpy(base + field->offset + 8, &word, 8);
			break;
		case KAFKA_STRING:
		case KAFKA_BYTES:
			*(struct slice *)(void *)(base + field->offset) = null ? (struct slice){0} : random_slice(arena);
			break;
		case KAFKA_INT32S:
		case KAFKA_INT64S:
		case KAFKA_STRINGS:
		case KAFKA_ARRAY:
			random_array(arena, field, version, null, base);
			break;
		}
	}
}

static void round_trip(const struct kafka_schema *schema, struct kafka_layout layout)
{
	struct arena arena;
	arena_init(&arena);
	uint8_t *from = kafka_struct_new(&arena, schema, 1);
	random_struct(&arena, schema, layout.version, from);
	struct buffer first = {0}, second = {0};
	kafka_write(&first, schema, layout, from);
	struct cursor cursor = cursor_of(buffer_slice(&first));
	void *to;
	assert_int_equal(kafka_read(&cursor, schema, layout, &arena, 100000, &to), STATUS_OK);
	assert_int_equal(cursor_left(&cursor), 0);
	kafka_write(&second, schema, layout, to);
	assert_true(slice_equal(buffer_slice(&first), buffer_slice(&second)));
	/* Cut anywhere it is refused; a copy of exactly that size lets the sanitizer see a read beyond it. */
	for (size_t size = 0; size < first.size; size++) {
		uint8_t *cut = mem_alloc(size);
		memcpy(cut, first.data, size);
		cursor = cursor_of(slice_of(cut, size));
		assert_int_equal(kafka_read(&cursor, schema, layout, &arena, 100000, &to), STATUS_PROTOCOL);
		mem_free(cut);
	}
	buffer_deinit(&first);
	buffer_deinit(&second);
	arena_deinit(&arena);
}

static void every_message_round_trips_in_every_version(void **state)
{
	(void)state;
	print_message("seed %llx\n", (unsigned long long)seed);
	for (size_t i = 0; i < kafka_api_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		for (int16_t version = api->version_min; version <= api->version_max; version++) {
			struct kafka_layout layout = {version, version >= api->flexible_from};
			for (int round = 0; round < 10; round++) {
				round_trip(api->request, layout);
				round_trip(api->response, layout);
			}
		}
	}
}

static void written_bytes_are(const struct kafka_schema *schema, int16_t version, bool flexible,
	const void *message, const char *bytes, size_t size)
{
	struct buffer out = {0};
	kafka_write(&out, schema, (struct kafka_layout){version, flexible}, message);
	assert_int_equal(out.size, size);
	assert_memory_equal(out.data, bytes, size);
	buffer_deinit(&out);
}

#define WRITTEN(name, version, flexible, message, bytes)                                                     \
	written_bytes_are(&kafka_##name##_schema, version, flexible, message, bytes, sizeof bytes - 1)

static void the_bytes_are_kafkas(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct kafka_metadata_request *metadata = KAFKA_NEW(&arena, metadata_request, 1);
	WRITTEN(metadata_request, 1, false, metadata, "\xff\xff\xff\xff"); /* null: all topics */
	WRITTEN(metadata_request, 9, true, metadata, "\x00\x01\x00\x00\x00");
	metadata->topics = KAFKA_NEW(&arena, metadata_request_topic, 1);
	metadata->topics_count = 1;
	metadata->topics->name = slice_of_string("abc");
	WRITTEN(metadata_request, 4, false, metadata,
		"\0\0\0\x01\0\x03"
		"abc\x01");
	WRITTEN(metadata_request, 9, true, metadata,
		"\x02\x04"
		"abc\0\x01\0\0\0");
	struct kafka_produce_response *answer = KAFKA_NEW(&arena, produce_response, 1);
	answer->topics = KAFKA_NEW(&arena, produce_response_topic, 1);
	answer->topics_count = 1;
	answer->topics->name = slice_of_string("t");
	answer->topics->partitions = KAFKA_NEW(&arena, produce_response_partition, 1);
	answer->topics->partitions_count = 1;
	answer->topics->partitions->index = 3;
	answer->topics->partitions->base_offset = 258;
	answer->topics->partitions->log_start_offset = 0;
	WRITTEN(produce_response, 3, false, answer,
		"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x03\0\0\0\0\0\0\0\0\x01\x02"
		"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0");
	WRITTEN(produce_response, 9, true, answer,
		"\x02\x02t\x02\0\0\0\x03\0\0\0\0\0\0\0\0\x01\x02"
		"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0");
	arena_deinit(&arena);
}

static void tagged_fields_are_read_written_and_skipped(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct kafka_layout layout = {12, true};
	struct kafka_fetch_request *fetch = KAFKA_NEW(&arena, fetch_request, 1);
	struct buffer out = {0};
	kafka_write(&out, &kafka_fetch_request_schema, layout, fetch);
	size_t without = out.size;
	assert_int_equal(out.data[without - 1], 0); /* no tagged field while it is null */
	out.size = 0;
	fetch->cluster_id = slice_of_string("xy");
	kafka_write(&out, &kafka_fetch_request_schema, layout, fetch);
	assert_memory_equal(out.data + without - 1, "\x01\x00\x03\x03xy", 6);
	/* An unknown tag 200 of three bytes ahead of the known one. */
	out.size = without - 1;
	buffer_append(&out, "\x02\xc8\x01\x03zzz\x00\x03\x03xy", 12);
	struct cursor cursor = cursor_of(buffer_slice(&out));
	void *read;
	assert_int_equal(kafka_read(&cursor, &kafka_fetch_request_schema, layout, &arena, 100, &read), STATUS_OK);
	struct kafka_fetch_request *back = read;
	assert_true(slice_equal(back->cluster_id, slice_of_string("xy")));
	assert_int_equal(cursor_left(&cursor), 0);
	/* A tag whose size does not fit its value. */
	out.size = without - 1;
	buffer_append(&out, "\x01\x00\x04\x03xyz", 7);
	cursor = cursor_of(buffer_slice(&out));
	assert_int_equal(
		kafka_read(&cursor, &kafka_fetch_request_schema, layout, &arena, 100, &read), STATUS_PROTOCOL);
	buffer_deinit(&out);
	arena_deinit(&arena);
}

static void a_count_alone_allocates_nothing(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	void *read;
	struct cursor cursor = cursor_of(slice_of("\x7f\xff\xff\xff", 4));
	struct kafka_layout layout = {1, false};
	assert_int_equal(kafka_read(&cursor, &kafka_metadata_request_schema, layout, &arena, INT32_MAX, &read),
		STATUS_PROTOCOL);
	assert_true(arena.used_bytes < 256);
	/* Many real elements, more than the limit. */
	struct buffer bytes = {0};
	buffer_append_be32(&bytes, 1001);
	for (int i = 0; i < 1001; i++)
		buffer_append_be16(&bytes, 0);
	cursor = cursor_of(buffer_slice(&bytes));
	assert_int_equal(
		kafka_read(&cursor, &kafka_metadata_request_schema, layout, &arena, 1000, &read), STATUS_TOO_LARGE);
	cursor = cursor_of(buffer_slice(&bytes));
	assert_int_equal(
		kafka_read(&cursor, &kafka_metadata_request_schema, layout, &arena, 1001, &read), STATUS_OK);
	buffer_deinit(&bytes);
	arena_deinit(&arena);
}

static void null_where_it_may_not_be_is_refused(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	void *read;
	struct cursor cursor = cursor_of(slice_of("\xff\xff\xff\xff", 4)); /* topics, version 0 */
	assert_int_equal(kafka_read(&cursor, &kafka_metadata_request_schema, (struct kafka_layout){0, false},
						 &arena, 9, &read),
		STATUS_PROTOCOL);
	assert_non_null(strstr(error_current()->text, "topics"));
	cursor = cursor_of(slice_of("\x02\x00\x00\x01\x00\x00\x00", 7)); /* a topic's name */
	assert_int_equal(
		kafka_read(&cursor, &kafka_metadata_request_schema, (struct kafka_layout){9, true}, &arena, 9, &read),
		STATUS_PROTOCOL);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_round_trips_in_every_version),
		cmocka_unit_test(the_bytes_are_kafkas),
		cmocka_unit_test(tagged_fields_are_read_written_and_skipped),
		cmocka_unit_test(a_count_alone_allocates_nothing),
		cmocka_unit_test(null_where_it_may_not_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
