/* See compress.h. One function pair per codec; all of them write through output_room(), the
 * only place that lets the output grow. */
#include "log/compress.h"

#include <lz4frame.h>
#include <pthread.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/invariant.h"
#include "base/memory.h"

enum {
	OUTPUT_STEP_MIN = 64 * 1024,
	/* The longest copy snappy can express is 64 bytes out of 3; a claim beyond that is a lie. */
	SNAPPY_RATIO_MAX = 22,
	XERIAL_HEADER_SIZE = 16,
	GZIP_WINDOW_BITS = 15 + 16, /* 16: gzip header and trailer */
	ZSTD_CONTEXT_KEPT_MAX = 16 * 1024 * 1024,
};

static const uint8_t xerial_magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

/* ---- one set of contexts per thread: making them costs more than a small batch ---- */

struct contexts {
	LZ4F_dctx *lz4;
	ZSTD_DCtx *unzstd;
	ZSTD_CCtx *zstd;
	z_stream inflate;
	bool inflate_ready;
};

static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static _Thread_local struct contexts *contexts_mine;

static void contexts_destroy(void *memory)
{
	struct contexts *contexts = memory;
	if (contexts->lz4 != NULL)
		(void)LZ4F_freeDecompressionContext(contexts->lz4);
	(void)ZSTD_freeDCtx(contexts->unzstd);
	(void)ZSTD_freeCCtx(contexts->zstd);
	if (contexts->inflate_ready)
		(void)inflateEnd(&contexts->inflate);
	mem_free(contexts);
	contexts_mine = NULL;
}

static void contexts_key_create(void)
{
	INVARIANT(pthread_key_create(&contexts_key, contexts_destroy) == 0);
}

static struct contexts *contexts_get(void)
{
	if (contexts_mine == NULL) {
		INVARIANT(pthread_once(&contexts_once, contexts_key_create) == 0);
		contexts_mine = mem_alloc_zeroed(1, sizeof *contexts_mine);
		INVARIANT(pthread_setspecific(contexts_key, contexts_mine) == 0);
	}
	return contexts_mine;
}

/* ---- bounded output ---- */

struct output {
	struct buffer *buffer;
	size_t base;     /* buffer->size when we began */
	size_t size_max; /* of what we append */
};

/* Room for more output in buffer->data + buffer->size; 0 when the limit is reached. Doubles what has been
 * produced so far, so memory asked for stays within twice the bytes the input really expands to. */
static size_t output_room(struct output *output, size_t wanted)
{
	size_t produced = output->buffer->size - output->base;
	size_t allowed = output->size_max - produced;
	size_t spare = output->buffer->capacity - output->buffer->size;
	if (spare < wanted)
		spare = wanted;
	if (spare > allowed)
		spare = allowed;
	(void)buffer_reserve(output->buffer, spare);
	return spare;
}

static size_t output_step(const struct output *output, size_t packed_size)
{
	size_t produced = output->buffer->size - output->base;
	size_t step = produced != 0 ? produced : packed_size * 4;
	return step < OUTPUT_STEP_MIN ? OUTPUT_STEP_MIN : step;
}

static status raise_too_large(enum codec codec, size_t size_max)
{
	return error_raise(
		STATUS_TOO_LARGE, "%s data expands beyond the limit of %zu bytes", codec_name(codec), size_max);
}

static status raise_damaged(enum codec codec, const char *why)
{
	return error_raise(STATUS_BAD_COMPRESSION, "%s data is damaged: %s", codec_name(codec), why);
}

/* ---- gzip ---- */

static status gzip_compress(struct slice plain, struct buffer *out)
{
	z_stream stream = {0};
	INVARIANT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
				  Z_DEFAULT_STRATEGY) == Z_OK);
	size_t bound = deflateBound(&stream, plain.size);
	INVARIANT(plain.size <= UINT32_MAX && bound <= UINT32_MAX);
	stream.next_out = buffer_reserve(out, bound);
	stream.avail_out = (uInt)bound;
	stream.next_in = (z_const Bytef *)plain.data;
	stream.avail_in = (uInt)plain.size;
	int result = deflate(&stream, Z_FINISH);
	INVARIANT(result == Z_STREAM_END);
	out->size += bound - stream.avail_out;
	(void)deflateEnd(&stream);
	return STATUS_OK;
}

static status gzip_decompress(struct slice packed, struct output *output)
{
	struct contexts *contexts = contexts_get();
	z_stream *stream = &contexts->inflate;
	int result = contexts->inflate_ready ? inflateReset(stream) : inflateInit2(stream, GZIP_WINDOW_BITS);
	INVARIANT(result == Z_OK);
	contexts->inflate_ready = true;
	INVARIANT(packed.size <= UINT32_MAX);
	stream->next_in = (z_const Bytef *)packed.data;
	stream->avail_in = (uInt)packed.size;
	for (;;) {
		size_t room = output_room(output, output_step(output, packed.size));
		uint8_t beyond;
		bool full = room == 0; /* the limit is reached: only the trailer may follow */
		if (room > UINT32_MAX)
			room = UINT32_MAX;
		stream->next_out = full ? &beyond : output->buffer->data + output->buffer->size;
		stream->avail_out = full ? 1 : (uInt)room;
		size_t offered = stream->avail_out;
		result = inflate(stream, Z_NO_FLUSH);
		if (full && stream->avail_out == 0)
			return raise_too_large(CODEC_GZIP, output->size_max);
		if (!full)
			output->buffer->size += offered - stream->avail_out;
		if (result == Z_STREAM_END) {
			if (stream->avail_in == 0)
				return STATUS_OK;
			if (inflateReset(stream) != Z_OK)
				return raise_damaged(CODEC_GZIP, "cannot begin the next member");
		} else if (result == Z_BUF_ERROR ||
				   (result == Z_OK && stream->avail_in == 0 && stream->avail_out != 0)) {
			return raise_damaged(CODEC_GZIP, "it ends too early");
		} else if (result != Z_OK) {
			return raise_damaged(CODEC_GZIP, stream->msg != NULL ? stream->msg : "not a gzip stream");
		}
	}
}

/* ---- snappy ---- */

static status snappy_pack(struct slice plain, struct buffer *out)
{
	size_t size = snappy_max_compressed_length(plain.size);
	uint8_t *at = buffer_reserve(out, size);
	snappy_status result = snappy_compress((const char *)plain.data, plain.size, (char *)at, &size);
	INVARIANT(result == SNAPPY_OK);
	out->size += size;
	return STATUS_OK;
}

static status snappy_raw_decompress(struct slice packed, struct output *output)
{
	size_t size = 0;
	const char *bytes = (const char *)packed.data;
	if (packed.size == 0 || snappy_uncompressed_length(bytes, packed.size, &size) != SNAPPY_OK)
		return raise_damaged(CODEC_SNAPPY, "no length");
	if (size > packed.size * SNAPPY_RATIO_MAX)
		return raise_damaged(CODEC_SNAPPY, "claims more bytes than it can hold");
	if (size > output->size_max - (output->buffer->size - output->base))
		return raise_too_large(CODEC_SNAPPY, output->size_max);
	uint8_t *at = buffer_reserve(output->buffer, size);
	if (snappy_uncompress(bytes, packed.size, (char *)at, &size) != SNAPPY_OK)
		return raise_damaged(CODEC_SNAPPY, "not a snappy block");
	output->buffer->size += size;
	return STATUS_OK;
}

static status snappy_decompress(struct slice packed, struct output *output)
{
	if (packed.size < XERIAL_HEADER_SIZE || memcmp(packed.data, xerial_magic, sizeof xerial_magic) != 0)
		return snappy_raw_decompress(packed, output);
	struct cursor chunks = cursor_of(packed);
	(void)cursor_bytes(&chunks, XERIAL_HEADER_SIZE); /* versions: all are alike */
	while (cursor_left(&chunks) != 0) {
		uint32_t size = cursor_be32(&chunks);
		struct slice chunk = cursor_bytes(&chunks, size);
		if (chunks.failed)
			return raise_damaged(CODEC_SNAPPY, "a framed chunk is cut off");
		status result = snappy_raw_decompress(chunk, output);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* ---- lz4 ---- */

static status lz4_compress(struct slice plain, struct buffer *out)
{
	LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
	};
	size_t bound = LZ4F_compressFrameBound(plain.size, &preferences);
	uint8_t *at = buffer_reserve(out, bound);
	size_t size = LZ4F_compressFrame(at, bound, plain.data, plain.size, &preferences);
	INVARIANT(!LZ4F_isError(size));
	out->size += size;
	return STATUS_OK;
}

static status lz4_decompress(struct slice packed, struct output *output)
{
	struct contexts *contexts = contexts_get();
	if (contexts->lz4 == NULL)
		INVARIANT(!LZ4F_isError(LZ4F_createDecompressionContext(&contexts->lz4, LZ4F_VERSION)));
	LZ4F_resetDecompressionContext(contexts->lz4);
	struct slice left = packed;
	size_t hint = 1;
	while (left.size != 0) {
		size_t room = output_room(output, output_step(output, packed.size));
		uint8_t beyond;
		bool full = room == 0;
		size_t produced = full ? 1 : room;
		size_t consumed = left.size;
		uint8_t *at = full ? &beyond : output->buffer->data + output->buffer->size;
		hint = LZ4F_decompress(contexts->lz4, at, &produced, left.data, &consumed, NULL);
		if (LZ4F_isError(hint))
			return raise_damaged(CODEC_LZ4, LZ4F_getErrorName(hint));
		if (full && produced != 0)
			return raise_too_large(CODEC_LZ4, output->size_max);
		if (!full)
			output->buffer->size += produced;
		left.data += consumed;
		left.size -= consumed;
		if (consumed == 0 && produced == 0)
			return raise_damaged(CODEC_LZ4, "it makes no progress");
	}
	/* The input may be used up while decoded bytes still wait inside the context. */
	while (hint != 0) {
		size_t room = output_room(output, output_step(output, packed.size));
		uint8_t beyond;
		bool full = room == 0;
		size_t produced = full ? 1 : room;
		size_t consumed = 0;
		uint8_t *at = full ? &beyond : output->buffer->data + output->buffer->size;
		hint = LZ4F_decompress(contexts->lz4, at, &produced, left.data, &consumed, NULL);
		if (LZ4F_isError(hint))
			return raise_damaged(CODEC_LZ4, LZ4F_getErrorName(hint));
		if (full && produced != 0)
			return raise_too_large(CODEC_LZ4, output->size_max);
		if (produced == 0)
			return hint == 0 ? STATUS_OK : raise_damaged(CODEC_LZ4, "it ends too early");
		output->buffer->size += produced;
	}
	return STATUS_OK;
}

/* ---- zstd ---- */

static status zstd_compress(struct slice plain, struct buffer *out)
{
	struct contexts *contexts = contexts_get();
	if (contexts->zstd == NULL)
		contexts->zstd = ZSTD_createCCtx();
	INVARIANT(contexts->zstd != NULL);
	size_t bound = ZSTD_compressBound(plain.size);
	uint8_t *at = buffer_reserve(out, bound);
	size_t size = ZSTD_compressCCtx(contexts->zstd, at, bound, plain.data, plain.size, ZSTD_CLEVEL_DEFAULT);
	INVARIANT(!ZSTD_isError(size));
	out->size += size;
	return STATUS_OK;
}

static status zstd_decompress_stream(ZSTD_DCtx *context, struct slice packed, struct output *output)
{
	ZSTD_inBuffer input = {packed.data, packed.size, 0};
	for (;;) {
		size_t room = output_room(output, output_step(output, packed.size));
		uint8_t beyond;
		bool full = room == 0;
		ZSTD_outBuffer chunk = {&beyond, 1, 0};
		if (!full)
			chunk = (ZSTD_outBuffer){output->buffer->data + output->buffer->size, room, 0};
		size_t consumed_before = input.pos;
		size_t left = ZSTD_decompressStream(context, &chunk, &input);
		if (ZSTD_isError(left))
			return raise_damaged(CODEC_ZSTD, ZSTD_getErrorName(left));
		if (full && chunk.pos != 0)
			return raise_too_large(CODEC_ZSTD, output->size_max);
		if (!full)
			output->buffer->size += chunk.pos;
		if (left == 0 && input.pos == input.size)
			return STATUS_OK;
		if (input.pos == input.size && chunk.pos < chunk.size)
			return raise_damaged(CODEC_ZSTD, "it ends too early");
		if (input.pos == consumed_before && chunk.pos == 0)
			return raise_damaged(CODEC_ZSTD, "it makes no progress");
	}
}

static status zstd_decompress(struct slice packed, struct output *output)
{
	struct contexts *contexts = contexts_get();
	if (contexts->unzstd == NULL)
		contexts->unzstd = ZSTD_createDCtx();
	INVARIANT(contexts->unzstd != NULL);
	(void)ZSTD_DCtx_reset(contexts->unzstd, ZSTD_reset_session_only);
	status result = zstd_decompress_stream(contexts->unzstd, packed, output);
	/* A frame's header can ask for a window of 128 MiB; do not keep it. */
	if (ZSTD_sizeof_DCtx(contexts->unzstd) > ZSTD_CONTEXT_KEPT_MAX) {
		(void)ZSTD_freeDCtx(contexts->unzstd);
		contexts->unzstd = NULL;
	}
	return result;
}

/* ---- dispatch ---- */

const char *codec_name(enum codec codec)
{
	static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
	return (unsigned)codec < sizeof names / sizeof names[0] ? names[codec] : "unknown";
}

status compress_append(enum codec codec, struct slice plain, struct buffer *out)
{
	if (plain.data == NULL)
		plain.data = (const uint8_t *)""; /* the codecs want a pointer even for nothing */
	if (plain.size > INT32_MAX)
		return error_raise(STATUS_TOO_LARGE, "cannot compress %zu bytes at once", plain.size);
	switch (codec) {
	case CODEC_NONE:
		buffer_append(out, plain.data, plain.size);
		return STATUS_OK;
	case CODEC_GZIP:
		return gzip_compress(plain, out);
	case CODEC_SNAPPY:
		return snappy_pack(plain, out);
	case CODEC_LZ4:
		return lz4_compress(plain, out);
	case CODEC_ZSTD:
		return zstd_compress(plain, out);
	}
	return error_raise(STATUS_BAD_COMPRESSION, "compression codec %d does not exist", (int)codec);
}

static status decompress(enum codec codec, struct slice packed, struct output *output)
{
	switch (codec) {
	case CODEC_NONE:
		if (packed.size > output->size_max)
			return raise_too_large(codec, output->size_max);
		buffer_append(output->buffer, packed.data, packed.size);
		return STATUS_OK;
	case CODEC_GZIP:
		return gzip_decompress(packed, output);
	case CODEC_SNAPPY:
		return snappy_decompress(packed, output);
	case CODEC_LZ4:
		return lz4_decompress(packed, output);
	case CODEC_ZSTD:
		return zstd_decompress(packed, output);
	}
	return error_raise(STATUS_BAD_COMPRESSION, "compression codec %d does not exist", (int)codec);
}

status decompress_append(enum codec codec, struct slice packed, size_t size_max, struct buffer *out)
{
	if (packed.data == NULL)
		packed.data = (const uint8_t *)"";
	if (packed.size > INT32_MAX)
		return error_raise(STATUS_TOO_LARGE, "cannot decompress %zu bytes at once", packed.size);
	struct output output = {.buffer = out, .base = out->size, .size_max = size_max};
	status result = decompress(codec, packed, &output);
	if (result != STATUS_OK)
		out->size = output.base;
	return result;
}
