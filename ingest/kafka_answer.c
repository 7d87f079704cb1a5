/* What keeps an answer in proportion to its request: nothing is answered in full twice, and what is neither
 * short nor kept by the appliance is told only while there is room. See kafka_request.h.
 */
#include <stdlib.h>

#include "base/invariant.h"
#include "ingest/kafka_request.h"

/* ---- room ---- */

bool kafka_answer_has_room(const struct kafka_request *request, size_t bytes)
{
	size_t room = KAFKA_ANSWER_BYTES_FREE + KAFKA_ANSWER_BYTES_PER_BYTE * request->frame.size;
	return request->arena.used_bytes + bytes <= room;
}

enum kafka_progress kafka_request_answer(struct kafka_request *request, const void *answer)
{
	request->answer = answer;
	atomic_fetch_add_explicit(
		&request->broker->request_memory_bytes, request->arena.used_bytes, memory_order_relaxed);
	return KAFKA_ANSWERED;
}

/* ---- what is asked for more than once ---- */

struct kafka_mentions *kafka_mentions_new(struct arena *arena, int32_t count)
{
	struct kafka_mentions *mentions = arena_alloc_zeroed(arena, sizeof *mentions);
	mentions->list = arena_alloc(arena, (size_t)count * sizeof *mentions->list);
	mentions->kinds = arena_alloc_zeroed(arena, (size_t)count);
	mentions->capacity = count;
	return mentions;
}

void kafka_mentions_add(struct kafka_mentions *mentions, struct slice name, int32_t number)
{
	INVARIANT(mentions->count < mentions->capacity);
	mentions->list[mentions->count] = (struct kafka_mention){name, number, mentions->count};
	mentions->count += 1;
}

static bool mention_same(const struct kafka_mention *a, const struct kafka_mention *b)
{
	return a->number == b->number && slice_equal(a->name, b->name);
}

static int mention_compare(const void *left, const void *right)
{
	const struct kafka_mention *a = left, *b = right;
	int order = slice_compare(a->name, b->name);
	if (order == 0)
		order = (a->number > b->number) - (a->number < b->number);
	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

void kafka_mentions_finish(struct kafka_mentions *mentions)
{
	struct kafka_mention *list = mentions->list;
	qsort(list, (size_t)mentions->count, sizeof *list, mention_compare);
	for (int32_t i = 0, end; i < mentions->count; i = end) {
		for (end = i + 1; end < mentions->count && mention_same(&list[i], &list[end]); end++)
			mentions->kinds[list[end].index] = KAFKA_MENTIONED_AGAIN;
		mentions->kinds[list[i].index] = end == i + 1 ? KAFKA_MENTIONED_ONCE : KAFKA_MENTIONED_FIRST;
		mentions->unique += 1;
	}
}

const struct kafka_mentions *kafka_mentions_of_names(
	struct arena *arena, const struct slice *names, int32_t count)
{
	struct kafka_mentions *mentions = kafka_mentions_new(arena, count > 0 ? count : 0);
	for (int32_t i = 0; i < count; i++)
		kafka_mentions_add(mentions, names[i], 0);
	kafka_mentions_finish(mentions);
	return mentions;
}
