/* CRC-32C and the 64-bit table hash. Leaf functions, no state but constant tables.
 *
 * CRC: the register is linear over GF(2), so three neighbouring blocks can be summed at once
 * (the SSE4.2 instruction has a latency of three cycles and a throughput of one) and joined by
 * "append n zero bytes" operators, which are 4 × 256 word tables for the two block sizes used.
 * Machines without the instruction take the byte-table loop.
 *
 * hash_bytes: words are folded by 64 × 64 → 128 bit multiplication, whose two halves are
 * xored. Words are read little-endian everywhere, so that stored digests mean the same on
 * every machine. Changing a constant changes stored digests: it must not be done lightly.
 */
#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

enum { CRC_BLOCK_LONG = 4096, CRC_BLOCK_SHORT = 256 };

static uint32_t crc_bytes[256];         /* one byte through the register */
static uint32_t crc_zeros_long[4][256]; /* CRC_BLOCK_LONG zero bytes through the register */
static uint32_t crc_zeros_short[4][256];

static uint32_t crc_portable(uint32_t state, const uint8_t *at, size_t size)
{
	for (; size != 0; size--)
		state = crc_bytes[(state ^ *at++) & 0xff] ^ (state >> 8);
	return state;
}

/* The operator is linear: the images of 32 single bits give the whole table. */
static void crc_zeros_build(uint32_t table[4][256], size_t zeros)
{
	static const uint8_t nothing[CRC_BLOCK_LONG];
	for (unsigned byte = 0; byte < 4; byte++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			uint32_t image = crc_portable((uint32_t)1 << (8 * byte + bit), nothing, zeros);
			for (unsigned value = 0; value < 256; value++)
				if ((value >> bit & 1) != 0)
					table[byte][value] ^= image;
		}
	}
}

/* Runs before main(): the tables are constant for every thread. */
__attribute__((constructor)) static void crc_tables_build(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t state = byte;
		for (int bit = 0; bit < 8; bit++)
			state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78u : 0);
		crc_bytes[byte] = state;
	}
	crc_zeros_build(crc_zeros_long, CRC_BLOCK_LONG);
	crc_zeros_build(crc_zeros_short, CRC_BLOCK_SHORT);
}

#if defined(__x86_64__)
#define CRC_HARDWARE 1

static inline uint32_t crc_zeros_append(const uint32_t table[4][256], uint32_t state)
{
	return table[0][state & 0xff] ^ table[1][state >> 8 & 0xff] ^ table[2][state >> 16 & 0xff] ^
		   table[3][state >> 24];
}

static inline uint64_t crc_load(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

/* Three blocks of `block` bytes at once; returns the register after all of them. */
__attribute__((target("sse4.2"))) static inline uint32_t crc_three(
	uint32_t state, const uint8_t *at, size_t block, const uint32_t table[4][256])
{
	uint64_t first = state, second = 0, third = 0;
	for (const uint8_t *end = at + block; at < end; at += 8) {
		first = __builtin_ia32_crc32di(first, crc_load(at));
		second = __builtin_ia32_crc32di(second, crc_load(at + block));
		third = __builtin_ia32_crc32di(third, crc_load(at + 2 * block));
	}
	uint32_t joined = crc_zeros_append(table, (uint32_t)first) ^ (uint32_t)second;
	return crc_zeros_append(table, joined) ^ (uint32_t)third;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t state, const uint8_t *at, size_t size)
{
	for (; size >= (size_t)3 * CRC_BLOCK_LONG; size -= (size_t)3 * CRC_BLOCK_LONG) {
		state = crc_three(state, at, CRC_BLOCK_LONG, crc_zeros_long);
		at += (size_t)3 * CRC_BLOCK_LONG;
	}
	for (; size >= (size_t)3 * CRC_BLOCK_SHORT; size -= (size_t)3 * CRC_BLOCK_SHORT) {
		state = crc_three(state, at, CRC_BLOCK_SHORT, crc_zeros_short);
		at += (size_t)3 * CRC_BLOCK_SHORT;
	}
	uint64_t wide = state;
	for (; size >= 8; size -= 8, at += 8)
		wide = __builtin_ia32_crc32di(wide, crc_load(at));
	state = (uint32_t)wide;
	for (; size != 0; size--)
		state = __builtin_ia32_crc32qi(state, *at++);
	return state;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef CRC_HARDWARE
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_sse42(~crc, data, size);
#endif
	return ~crc_portable(~crc, data, size);
}

static const uint64_t hash_key[4] = {
	0x9ddfea08eb382d69ULL, 0xc3a5c85c97cb3127ULL, 0xb492b66fbe98f273ULL, 0x8ebc6af09c88c6e3ULL};

static inline uint64_t hash_load64(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline uint64_t hash_load32(const uint8_t *at)
{
	uint32_t word;
	memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap32(word);
#endif
	return word;
}

static inline uint64_t hash_fold(uint64_t left, uint64_t right)
{
	unsigned __int128 product = (unsigned __int128)left * right;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed)
{
	const uint8_t *at = data;
	uint64_t low = 0, high = 0;
	seed ^= hash_fold(seed ^ hash_key[0], hash_key[1]);
	if (size > 16) {
		size_t left = size;
		if (left > 48) {
			uint64_t lane1 = seed, lane2 = seed;
			do {
				seed = hash_fold(hash_load64(at) ^ hash_key[1], hash_load64(at + 8) ^ seed);
				lane1 = hash_fold(hash_load64(at + 16) ^ hash_key[2], hash_load64(at + 24) ^ lane1);
				lane2 = hash_fold(hash_load64(at + 32) ^ hash_key[3], hash_load64(at + 40) ^ lane2);
				at += 48;
				left -= 48;
			} while (left > 48);
			seed ^= lane1 ^ (lane2 << 17 | lane2 >> 47);
		}
		for (; left > 16; left -= 16, at += 16)
			seed = hash_fold(hash_load64(at) ^ hash_key[1], hash_load64(at + 8) ^ seed);
		/* The last 16 bytes, overlapping those before. */
		low = hash_load64(at + left - 16);
		high = hash_load64(at + left - 8);
	} else if (size >= 8) {
		low = hash_load64(at);
		high = hash_load64(at + size - 8);
	} else if (size >= 4) {
		low = hash_load32(at) << 32 | hash_load32(at + size - 4);
	} else if (size > 0) {
		low = (uint64_t)at[0] << 16 | (uint64_t)at[size >> 1] << 8 | at[size - 1];
	}
	uint64_t mixed = hash_fold(low ^ hash_key[2], high ^ seed);
	return hash_fold(mixed ^ hash_key[0] ^ (uint64_t)size, hash_key[3] ^ seed);
}
