/* A state store over a sorted array, for tests: what a writer puts becomes visible with store_commit(). */
#ifndef KAPPA_TESTS_PROCESSORS_SUPPORT_STORE_H
#define KAPPA_TESTS_PROCESSORS_SUPPORT_STORE_H

#include "zset/state_store.h"

struct store_entry {
	uint16_t space;
	uint8_t *key, *value;
	size_t key_size, value_size;
	bool removed; /* in the pending list */
};

struct store_list {
	struct store_entry *entries;
	size_t count, capacity;
};

struct memory_store {
	struct state_store store; /* first: hand out &memory_store.store */
	struct state_writer writer;
	struct store_list committed; /* sorted by space, key */
	struct store_list pending;
	uint64_t reads; /* gets and scans */
};

void store_init(struct memory_store *store);
void store_deinit(struct memory_store *store);
void store_commit(struct memory_store *store);
/* Forgets what was put since the last commit: a crash. */
void store_abandon(struct memory_store *store);

#endif
