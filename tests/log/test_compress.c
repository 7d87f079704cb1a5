/* Codecs: what goes in comes out; damaged, cut-off and bomb-like input is refused within its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/memory.h"
#include "log/compress.h"

enum { SIZE_MAX_ALLOWED = 64 * 1024 * 1024 };
static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD};
enum { CODECS = sizeof codecs / sizeof codecs[0] };

/* Half random, half repetitive, so that literals and matches both occur. */
static void fill(struct buffer *out, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t word = hash_mix(seed + i);
		buffer_append_byte(out, i % 64 < 32 ? (uint8_t)word : (uint8_t)('a' + i % 7));
	}
}

static void every_codec_returns_what_it_was_given(void **state)
{
	(void)state;
	const size_t sizes[] = {0, 1, 61, 1000, 65536, 65537, 300000, 3000000};
	for (size_t c = 0; c < CODECS; c++) {
		for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
			struct buffer plain = {0}, packed = {0}, back = {0};
			fill(&plain, sizes[s], 42);
			buffer_append_string(&back, "before");
			assert_int_equal(compress_append(codecs[c], buffer_slice(&plain), &packed), STATUS_OK);
			assert_int_equal(decompress_append(codecs[c], buffer_slice(&packed), sizes[s], &back), STATUS_OK);
			assert_int_equal(back.size, sizes[s] + 6);
			assert_true(slice_equal(slice_of(back.data + 6, sizes[s]), buffer_slice(&plain)));
			buffer_deinit(&plain);
			buffer_deinit(&packed);
			buffer_deinit(&back);
		}
	}
}

static void output_beyond_the_limit_is_refused(void **state)
{
	(void)state;
	for (size_t c = 0; c < CODECS; c++) {
		struct buffer plain = {0}, packed = {0}, back = {0};
		fill(&plain, 200000, 1);
		assert_int_equal(compress_append(codecs[c], buffer_slice(&plain), &packed), STATUS_OK);
		assert_int_equal(
			decompress_append(codecs[c], buffer_slice(&packed), 199999, &back), STATUS_TOO_LARGE);
		assert_int_equal(back.size, 0);
		buffer_deinit(&plain);
		buffer_deinit(&packed);
		buffer_deinit(&back);
	}
}

static void input_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t c = 1; c < CODECS; c++) {
		struct buffer plain = {0}, packed = {0}, back = {0};
		fill(&plain, 3000, 7);
		assert_int_equal(compress_append(codecs[c], buffer_slice(&plain), &packed), STATUS_OK);
		for (size_t size = 0; size < packed.size; size++) {
			/* A copy of exactly that size: a read beyond it is seen by the sanitizer. */
			uint8_t *cut = mem_alloc(size);
			memcpy(cut, packed.data, size);
			assert_int_equal(decompress_append(codecs[c], slice_of(cut, size), SIZE_MAX_ALLOWED, &back),
				STATUS_BAD_COMPRESSION);
			mem_free(cut);
		}
		buffer_deinit(&plain);
		buffer_deinit(&packed);
		buffer_deinit(&back);
	}
}

static void flipped_bits_never_escape_the_limit(void **state)
{
	(void)state;
	for (size_t c = 1; c < CODECS; c++) {
		struct buffer plain = {0}, packed = {0}, back = {0};
		fill(&plain, 2000, 9);
		assert_int_equal(compress_append(codecs[c], buffer_slice(&plain), &packed), STATUS_OK);
		for (size_t bit = 0; bit < packed.size * 8; bit++) {
			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			back.size = 0;
			status result = decompress_append(codecs[c], buffer_slice(&packed), 4096, &back);
			assert_true(
				result == STATUS_OK || result == STATUS_BAD_COMPRESSION || result == STATUS_TOO_LARGE);
			assert_true(back.size <= 4096);
			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		buffer_deinit(&plain);
		buffer_deinit(&packed);
		buffer_deinit(&back);
	}
}

static void java_framed_snappy_is_read(void **state)
{
	(void)state;
	struct buffer plain = {0}, packed = {0}, back = {0};
	fill(&plain, 100000, 3);
	buffer_append(&packed, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
	for (size_t at = 0; at < plain.size; at += 32768) {
		size_t size = plain.size - at < 32768 ? plain.size - at : 32768;
		struct buffer chunk = {0};
		assert_int_equal(compress_append(CODEC_SNAPPY, slice_of(plain.data + at, size), &chunk), STATUS_OK);
		buffer_append_be32(&packed, (uint32_t)chunk.size);
		buffer_append(&packed, chunk.data, chunk.size);
		buffer_deinit(&chunk);
	}
	assert_int_equal(decompress_append(CODEC_SNAPPY, buffer_slice(&packed), plain.size, &back), STATUS_OK);
	assert_true(slice_equal(buffer_slice(&back), buffer_slice(&plain)));
	back.size = 0;
	assert_int_equal(
		decompress_append(CODEC_SNAPPY, buffer_slice(&packed), plain.size - 1, &back), STATUS_TOO_LARGE);
	packed.size -= 1;
	assert_int_equal(
		decompress_append(CODEC_SNAPPY, buffer_slice(&packed), plain.size, &back), STATUS_BAD_COMPRESSION);
	buffer_deinit(&plain);
	buffer_deinit(&packed);
	buffer_deinit(&back);
}

static void a_claimed_size_allocates_nothing(void **state)
{
	(void)state;
	struct buffer back = {0};
	/* "200 MiB follow", says a snappy block of six bytes. */
	struct slice lie = slice_of("\x80\x80\x80\x64\x00\x61", 6);
	assert_int_equal(decompress_append(CODEC_SNAPPY, lie, 256 * 1024 * 1024, &back), STATUS_BAD_COMPRESSION);
	assert_true(back.capacity < 1024);
	buffer_deinit(&back);
}

static void concatenated_gzip_members_are_read_as_one(void **state)
{
	(void)state;
	struct buffer packed = {0}, back = {0};
	assert_int_equal(compress_append(CODEC_GZIP, slice_of_string("first "), &packed), STATUS_OK);
	assert_int_equal(compress_append(CODEC_GZIP, slice_of_string("second"), &packed), STATUS_OK);
	assert_int_equal(decompress_append(CODEC_GZIP, buffer_slice(&packed), 100, &back), STATUS_OK);
	assert_true(slice_equal(buffer_slice(&back), slice_of_string("first second")));
	buffer_deinit(&packed);
	buffer_deinit(&back);
}

static void an_unknown_codec_is_refused(void **state)
{
	(void)state;
	struct buffer back = {0};
	assert_int_equal(
		decompress_append((enum codec)5, slice_of_string("x"), 100, &back), STATUS_BAD_COMPRESSION);
	assert_int_equal(compress_append((enum codec)7, slice_of_string("x"), &back), STATUS_BAD_COMPRESSION);
	buffer_deinit(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec_returns_what_it_was_given),
		cmocka_unit_test(output_beyond_the_limit_is_refused),
		cmocka_unit_test(input_cut_anywhere_is_refused),
		cmocka_unit_test(flipped_bits_never_escape_the_limit),
		cmocka_unit_test(java_framed_snappy_is_read),
		cmocka_unit_test(a_claimed_size_allocates_nothing),
		cmocka_unit_test(concatenated_gzip_members_are_read_as_one),
		cmocka_unit_test(an_unknown_codec_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
