/* Hostile bytes for every API in every version: the decoder alone.
 *
 * The first byte is the API's key (or chooses one), the second chooses the version; the rest is a request's
 * body. What can be read takes memory in proportion to its bytes, and means the same when it is written and
 * read again.
 */
#include "base/invariant.h"
#include "ingest/kafka_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	/* The largest struct for its bytes is one of slices (16 bytes) that take a byte each on the wire, in
	 * arrays of which every level takes as much again. */
	MEMORY_PER_BYTE_MAX = 32,
	MEMORY_FREE = 20 * 1024, /* the arena's first block, and the outermost struct */
};

static bool body_read(const struct kafka_api *api, struct kafka_layout layout, struct slice bytes,
	struct arena *arena, void **out)
{
	struct cursor cursor = cursor_of(bytes);
	return kafka_read(&cursor, api->request, layout, arena, api->elements_max, out) == STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct kafka_api *api = kafka_api_find(data[0]);
	if (api == NULL)
		api = &kafka_apis[data[0] % kafka_api_count];
	int16_t version = (int16_t)(api->version_min + data[1] % (api->version_max - api->version_min + 1));
	struct kafka_layout layout = {.version = version, .flexible = version >= api->flexible_from};
	struct arena arena;
	arena_init(&arena);
	void *message;
	bool good = body_read(api, layout, slice_of(data + 2, size - 2), &arena, &message);
	INVARIANT(arena.used_bytes <= MEMORY_FREE + (size - 2) * MEMORY_PER_BYTE_MAX);
	if (good) {
		struct buffer written, again;
		buffer_init(&written);
		buffer_init(&again);
		kafka_write(&written, api->request, layout, message);
		INVARIANT(body_read(api, layout, buffer_slice(&written), &arena, &message));
		kafka_write(&again, api->request, layout, message);
		INVARIANT(slice_equal(buffer_slice(&written), buffer_slice(&again)));
		buffer_deinit(&written);
		buffer_deinit(&again);
	}
	arena_deinit(&arena);
	return 0;
}
