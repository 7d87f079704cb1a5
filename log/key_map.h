/* Which is the newest offset of each key? What compaction asks. Keys are not kept: a 128-bit keyed hash
 * (SipHash-2-4 with a random key of the map's own) stands for them, so that neither chance nor a producer who
 * chooses keys can make two of them one. 24 bytes a slot, at most three quarters of the slots in use.
 *
 * Bounded: the table grows, doubling, while it fits bytes_max; then it takes no further keys. One owner.
 */
#ifndef KAPPA_LOG_KEY_MAP_H
#define KAPPA_LOG_KEY_MAP_H

#include "base/bytes.h"
#include "base/status.h"

struct key_slot {
	uint64_t hash[2];
	int64_t offset; /* −1 = free */
};

struct key_map {
	struct key_slot *slots; /* a power of two of them */
	size_t capacity, count, count_max;
	uint64_t secret[2];
};

/* At least a few keys fit, whatever bytes_max. IO when the machine gives no randomness. */
status key_map_init(struct key_map *map, size_t bytes_max) MUST_USE;
void key_map_deinit(struct key_map *map);
/* Forgets all keys. */
void key_map_clear(struct key_map *map);
/* The key's newest offset is now `offset`; offsets come in ascending order. False when there is no room. */
bool key_map_put(struct key_map *map, struct slice key, int64_t offset);
/* −1 when the key is not there. */
int64_t key_map_find(const struct key_map *map, struct slice key);

/* SipHash-2-4 with 128 bits of result. */
void siphash128(const uint64_t secret[2], struct slice bytes, uint64_t out[2]);

#endif
