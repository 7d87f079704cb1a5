/* What a version knows of itself, stored under the key "m" in every commit.
 *
 *   0      4        8          12       …
 *   |magic |version |CRC-32C   |varint-coded fields, see meta.c|
 *
 * The checksum covers everything after it, so a meta value that decodes is the one that was written.
 */
#ifndef KAPPA_VIEWS_META_H
#define KAPPA_VIEWS_META_H

#include "base/bytes.h"
#include "base/memory.h"
#include "base/status.h"
#include "views/view_store.h"

enum { FINGERPRINT_SIZE_MAX = 128 };

struct view_meta {
	char fingerprint[FINGERPRINT_SIZE_MAX + 1];
	struct offset_vector offsets; /* in somebody's arena */
	struct digest digest;
	int64_t row_count; /* Σ weights */
	uint64_t bad_count;
	uint64_t commit_count; /* commits so far: 0 = nothing ever committed */
};

void meta_encode(const struct view_meta *meta, struct buffer *out);
/* Offsets and names are copied into the arena. DAMAGED. */
status meta_decode(struct slice bytes, struct arena *arena, struct view_meta *out) MUST_USE;
/* A deep copy of an offset vector. */
struct offset_vector offset_vector_copy(const struct offset_vector *offsets, struct arena *arena);

#endif
