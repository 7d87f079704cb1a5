/* See key_map.h. */
#include "log/key_map.h"

#include <sys/random.h>

#include "base/invariant.h"
#include "base/memory.h"

enum { CAPACITY_FIRST = 64 };

/* ---- SipHash (Aumasson, Bernstein) ---- */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

static uint64_t sip_finish(struct sip *s)
{
	for (int i = 0; i < 4; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

void siphash128(const uint64_t secret[2], struct slice bytes, uint64_t out[2])
{
	struct sip s = {secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)};
	size_t whole = bytes.size / 8 * 8;
	uint64_t word;
	for (size_t at = 0; at < whole; at += 8) {
		memcpy(&word, bytes.data + at, 8); /* little-endian */
		sip_word(&s, word);
	}
	word = (uint64_t)bytes.size << 56;
	for (size_t at = whole; at < bytes.size; at++)
		word |= (uint64_t)bytes.data[at] << (8 * (at - whole));
	sip_word(&s, word);
	s.v2 ^= 0xee;
	out[0] = sip_finish(&s);
	s.v1 ^= 0xdd;
	out[1] = sip_finish(&s);
}

/* ---- the map ---- */

static struct key_slot *slots_new(size_t capacity)
{
	struct key_slot *slots = mem_alloc(capacity * sizeof *slots);
	for (size_t i = 0; i < capacity; i++)
		slots[i].offset = -1;
	return slots;
}

status key_map_init(struct key_map *map, size_t bytes_max)
{
	size_t capacity = CAPACITY_FIRST;
	while (capacity * 2 * sizeof(struct key_slot) <= bytes_max)
		capacity *= 2;
	*map = (struct key_map){.count_max = capacity / 4 * 3};
	if (getrandom(map->secret, sizeof map->secret, 0) != (ssize_t)sizeof map->secret)
		return error_raise(STATUS_IO, "the system gives no random bytes");
	return STATUS_OK;
}

void key_map_deinit(struct key_map *map)
{
	mem_free(map->slots);
	map->slots = NULL;
	map->capacity = map->count = 0;
}

void key_map_clear(struct key_map *map)
{
	for (size_t i = 0; i < map->capacity; i++)
		map->slots[i].offset = -1;
	map->count = 0;
}

static struct key_slot *slot_of(const struct key_map *map, const uint64_t hash[2])
{
	size_t at = (size_t)hash[0] & (map->capacity - 1);
	while (map->slots[at].offset >= 0 &&
		   (map->slots[at].hash[0] != hash[0] || map->slots[at].hash[1] != hash[1]))
		at = (at + 1) & (map->capacity - 1);
	return &map->slots[at];
}

static void map_grow(struct key_map *map)
{
	struct key_slot *old = map->slots;
	size_t old_capacity = map->capacity;
	map->capacity = old_capacity == 0 ? CAPACITY_FIRST : old_capacity * 2;
	map->slots = slots_new(map->capacity);
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].offset >= 0)
			*slot_of(map, old[i].hash) = old[i];
	mem_free(old);
}

bool key_map_put(struct key_map *map, struct slice key, int64_t offset)
{
	uint64_t hash[2];
	INVARIANT(offset >= 0);
	siphash128(map->secret, key, hash);
	if (map->capacity != 0) {
		struct key_slot *slot = slot_of(map, hash);
		if (slot->offset >= 0) {
			slot->offset = offset;
			return true;
		}
	}
	if (map->count == map->count_max)
		return false;
	if (map->count >= map->capacity / 4 * 3)
		map_grow(map);
	*slot_of(map, hash) = (struct key_slot){{hash[0], hash[1]}, offset};
	map->count++;
	return true;
}

int64_t key_map_find(const struct key_map *map, struct slice key)
{
	uint64_t hash[2];
	if (map->capacity == 0)
		return -1;
	siphash128(map->secret, key, hash);
	return slot_of(map, hash)->offset;
}
