/* Hashes. hash_bytes is for tables and digests: 64-bit, stable across machines and releases
 * (digests are stored), not for untrusted-input security. crc32c is Castagnoli's, as in
 * Kafka's record batches (RFC 3720 B.4).
 */
#ifndef KAPPA_BASE_HASH_H
#define KAPPA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t size); /* start with crc = 0 */
uint64_t hash_bytes(const void *data, size_t size, uint64_t seed);

/* A full-avalanche mix of one word (the finaliser of MurmurHash3, public domain). */
static inline uint64_t hash_mix(uint64_t word)
{
	word ^= word >> 33;
	word *= 0xff51afd7ed558ccdULL;
	word ^= word >> 33;
	word *= 0xc4ceb9fe1a85ec53ULL;
	word ^= word >> 33;
	return word;
}

#endif
