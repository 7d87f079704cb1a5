/* Who waits for which partition; see kafka_waits.h. */
#include "ingest/kafka_waits.h"

#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/kafka_request.h"

enum { BUCKETS_MIN = 64 };

/* A partition that somebody waits for. */
struct kafka_waited {
	struct partition *partition;
	int64_t high_watermark, last_stable_offset; /* seen by all who wait, or −1: look again */
	struct kafka_wait *first;
	struct kafka_waited *bucket_next;
	struct kafka_waited *next, **link; /* all of them */
};

struct kafka_waits {
	struct log *log;
	uint64_t topic_changes; /* at the last look */
	struct kafka_waited **buckets;
	size_t bucket_count, count; /* buckets: a power of two */
	struct kafka_waited *first;
	struct kafka_waited *spare; /* one, kept from the last who left */
};

struct kafka_waits *kafka_waits_create(struct log *log)
{
	struct kafka_waits *waits = mem_alloc_zeroed(1, sizeof *waits);
	waits->log = log;
	waits->topic_changes = log_topic_changes(log);
	waits->bucket_count = BUCKETS_MIN;
	waits->buckets = mem_alloc_zeroed(BUCKETS_MIN, sizeof(struct kafka_waited *));
	return waits;
}

void kafka_waits_destroy(struct kafka_waits *waits)
{
	if (waits == NULL)
		return;
	INVARIANT(waits->first == NULL);
	mem_free(waits->spare);
	mem_free(waits->buckets);
	mem_free(waits);
}

static struct kafka_waited **bucket_of(const struct kafka_waits *waits, const struct partition *partition)
{
	return &waits->buckets[hash_mix((uint64_t)(uintptr_t)partition) & (waits->bucket_count - 1)];
}

static void buckets_grow(struct kafka_waits *waits)
{
	mem_free(waits->buckets);
	waits->bucket_count *= 2;
	waits->buckets = mem_alloc_zeroed(waits->bucket_count, sizeof(struct kafka_waited *));
	for (struct kafka_waited *waited = waits->first; waited != NULL; waited = waited->next) {
		struct kafka_waited **bucket = bucket_of(waits, waited->partition);
		waited->bucket_next = *bucket;
		*bucket = waited;
	}
}

static struct kafka_waited *waited_need(struct kafka_waits *waits, const struct kafka_wait *wait)
{
	struct kafka_waited **bucket = bucket_of(waits, wait->partition);
	for (struct kafka_waited *waited = *bucket; waited != NULL; waited = waited->bucket_next) {
		if (waited->partition != wait->partition)
			continue;
		/* One who saw something else than the others has it looked at again. */
		if (waited->high_watermark != wait->high_watermark ||
			waited->last_stable_offset != wait->last_stable_offset)
			waited->high_watermark = waited->last_stable_offset = -1;
		return waited;
	}
	struct kafka_waited *waited = waits->spare != NULL ? waits->spare : mem_alloc(sizeof *waited);
	waits->spare = NULL;
	*waited = (struct kafka_waited){
		.partition = wait->partition,
		.high_watermark = wait->high_watermark,
		.last_stable_offset = wait->last_stable_offset,
		.bucket_next = *bucket,
		.next = waits->first,
		.link = &waits->first,
	};
	*bucket = waited;
	if (waited->next != NULL)
		waited->next->link = &waited->next;
	waits->first = waited;
	if (++waits->count > waits->bucket_count)
		buckets_grow(waits);
	return waited;
}

static void waited_forget(struct kafka_waits *waits, struct kafka_waited *waited)
{
	struct kafka_waited **at = bucket_of(waits, waited->partition);
	while (*at != waited)
		at = &(*at)->bucket_next;
	*at = waited->bucket_next;
	*waited->link = waited->next;
	if (waited->next != NULL)
		waited->next->link = waited->link;
	waits->count--;
	mem_free(waits->spare);
	waits->spare = waited;
}

void kafka_waits_park(
	struct kafka_waits *waits, struct kafka_request *request, struct kafka_wait *list, int32_t count)
{
	INVARIANT(request->waits == NULL); /* W2 */
	request->waits = list;
	request->wait_count = count;
	for (int32_t i = 0; i < count; i++) {
		struct kafka_wait *wait = &list[i];
		if (wait->partition == NULL)
			continue;
		struct kafka_waited *waited = waited_need(waits, wait);
		wait->request = request;
		wait->waited = waited;
		wait->next = waited->first;
		wait->link = &waited->first;
		if (wait->next != NULL)
			wait->next->link = &wait->next;
		waited->first = wait;
	}
}

void kafka_waits_leave(struct kafka_request *request)
{
	for (int32_t i = 0; request->waits != NULL && i < request->wait_count; i++) {
		struct kafka_wait *wait = &request->waits[i];
		if (wait->partition == NULL)
			continue;
		*wait->link = wait->next;
		if (wait->next != NULL)
			wait->next->link = wait->link;
		if (wait->waited->first == NULL)
			waited_forget(request->broker->waits, wait->waited);
	}
	request->waits = NULL;
}

void kafka_waits_look(struct kafka_waits *waits)
{
	/* Before the partitions: a change that comes meanwhile is seen at the next look. */
	uint64_t topic_changes = log_topic_changes(waits->log);
	bool all = topic_changes != waits->topic_changes;
	waits->topic_changes = topic_changes;
	for (struct kafka_waited *waited = waits->first; waited != NULL; waited = waited->next) {
		int64_t high_watermark = partition_high_watermark(waited->partition);
		int64_t last_stable_offset = partition_last_stable_offset(waited->partition);
		if (!all && high_watermark == waited->high_watermark &&
			last_stable_offset == waited->last_stable_offset)
			continue;
		waited->high_watermark = high_watermark;
		waited->last_stable_offset = last_stable_offset;
		/* They leave when they run, which is not now. */
		for (struct kafka_wait *wait = waited->first; wait != NULL; wait = wait->next)
			kafka_request_wake(wait->request);
	}
}
