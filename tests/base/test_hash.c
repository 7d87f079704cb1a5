/* CRC-32C against known answers and its bytewise self; the table hash's stability and spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/hash.h"

static void crc_gives_the_known_answers(void **state)
{
	(void)state;
	uint8_t bytes[32];
	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof bytes); /* RFC 3720, B.4 */
	assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46dd794e);
}

static void crc_of_parts_is_the_crc_of_the_whole(void **state)
{
	(void)state;
	static uint8_t bytes[40000];
	uint64_t word = 1;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(word = hash_mix(word + i));
	for (size_t size = 0; size < sizeof bytes; size += 1 + size / 20) {
		uint32_t bytewise = 0, whole = crc32c(0, bytes + 3, size < sizeof bytes - 3 ? size : 0);
		if (size >= sizeof bytes - 3)
			break;
		for (size_t i = 0; i < size; i++)
			bytewise = crc32c(bytewise, bytes + 3 + i, 1);
		assert_int_equal(whole, bytewise);
		assert_int_equal(
			whole, crc32c(crc32c(0, bytes + 3, size / 3), bytes + 3 + size / 3, size - size / 3));
	}
}

/* Stored digests depend on these: a change of the hash is a change of formats. */
static void the_table_hash_is_what_it_was(void **state)
{
	(void)state;
	static const char text[] =
		"The quick brown fox jumps over the lazy dog, and then over the whole kennel again.";
	struct {
		size_t size;
		uint64_t expected;
	} const known[] = {
		{0, 0x1a31a2baf196304cULL},
		{1, 0x33ae2ca45a7bad39ULL},
		{3, 0x0b28c218311f2b74ULL},
		{4, 0xb8794a44169fd1e3ULL},
		{7, 0x187a44eb8343fc13ULL},
		{8, 0x3a6004ac36dedc8cULL},
		{16, 0x6c762ab5c635ab1eULL},
		{17, 0x553a1a9cb9c81a3cULL},
		{33, 0x8339ac4ded75ff43ULL},
		{48, 0x999b87843c000c40ULL},
		{49, 0xa4bb4bbae6e2f37bULL},
		{82, 0x84087e3cdaab3790ULL},

	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_true(hash_bytes(text, known[i].size, 42) == known[i].expected);
}

static void every_bit_and_the_size_and_the_seed_matter(void **state)
{
	(void)state;
	uint8_t bytes[200];
	for (size_t size = 1; size < sizeof bytes; size++) {
		memset(bytes, 0, sizeof bytes);
		uint64_t before = hash_bytes(bytes, size, 0);
		assert_true(before != hash_bytes(bytes, size - 1, 0));
		assert_true(before != hash_bytes(bytes, size, 1));
		int changed = 0;
		for (size_t bit = 0; bit < size * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			uint64_t after = hash_bytes(bytes, size, 0);
			assert_true(after != before);
			changed += __builtin_popcountll(after ^ before);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		double mean = (double)changed / (double)(size * 8);
		assert_true(mean > 26 && mean < 38);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_gives_the_known_answers),
		cmocka_unit_test(crc_of_parts_is_the_crc_of_the_whole),
		cmocka_unit_test(the_table_hash_is_what_it_was),
		cmocka_unit_test(every_bit_and_the_size_and_the_seed_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
