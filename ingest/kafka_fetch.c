/* Fetch: whole batches as they lie on disk, now or when there are enough.
 *
 *             ┌───────────────── something new, or deadline ─────────────────┐
 *   start ─► look ─► enough? ── no: KAFKA_WAITS (parked until the log moves) ─┘
 *                       └────── yes, an error, or max_wait over ─► answer
 *
 * Parked it is in the lists of its partitions (kafka_waits.h): what happens elsewhere does not touch it.
 * Looking again never reads again: each partition keeps what it has read and goes on behind it, so a fetch
 * that waits for many small appends costs the sum of their bytes. Data close to the end is in the page cache
 * and read at once. A reader far behind may have to wait for the disk: a worker thread reads for it, or only
 * finds where the records lie, and the server has the kernel send them from there.
 */
#include "base/diag.h"
#include "base/invariant.h"
#include "ingest/kafka_request.h"
#include "log/record_batch.h"

enum {
	FETCH_NEAR_BYTES = 128 * 1024,     /* this close to the end they are in memory, and soon copied */
	FETCH_RANGE_BYTES_MIN = 64 * 1024, /* fewer are copied sooner than sent from the file */
	FETCH_RANGES_MAX = 64,             /* of one fetch: each holds a descriptor until it is sent */
	FETCH_SCARCE_BYTES = 256 * 1024,   /* copied at most while memory for answers is scarce */
	FETCH_PIECE_BYTES = 1024 * 1024,   /* copied before that is asked again */
	SESSION_EPOCH_FINAL = -1,
	ISOLATION_READ_COMMITTED = 1,
};

/* The codec must leave a range's bytes alone, which are not in memory. */
_Static_assert((int)FETCH_RANGE_BYTES_MIN >= (int)KAFKA_LOOSE_BYTES_MIN, "ranges are long bytes");

struct fetch_item {
	struct slice topic_name;
	const struct kafka_fetch_request_partition *from;
	struct kafka_fetch_response_partition *to;
	struct partition *partition;
	struct file_range range;                         /* fd −1 = none */
	struct buffer records;                           /* go behind the range's */
	int64_t next_offset;                             /* where to go on reading */
	int64_t seen_high_watermark, seen_stable_offset; /* when it was looked at last */
	bool full;                                       /* nothing more fits */
	bool committed;                                  /* up to the last stable offset only */
};

struct fetch {
	struct kafka_fetch_response *answer;
	struct fetch_item *items;
	struct kafka_wait *waits;           /* as many, made when it parks first */
	int32_t count, turn;                /* turn: which is read first */
	int32_t ranges_left;                /* 0 also where records can only be sent as bytes */
	size_t bytes, bytes_min, bytes_max; /* of all items; the first batch may exceed bytes_max */
	size_t copied;                      /* of them, those in memory */
	size_t bytes_before_block;
	bool blocked; /* a read on a worker thread was begun, and not yet looked at */
	bool failed;  /* some partition has an error to report */
	bool full;
};

static void memory_take(struct kafka_request *request, size_t bytes)
{
	const struct kafka_answer_memory *memory = &request->broker->answer_memory;
	if (memory->take != NULL)
		memory->take(memory->context, bytes);
}

static void memory_give(struct kafka_request *request, size_t bytes)
{
	const struct kafka_answer_memory *memory = &request->broker->answer_memory;
	if (memory->give != NULL)
		memory->give(memory->context, bytes);
}

/* How much more may be copied. */
static size_t memory_left(const struct kafka_request *request, const struct fetch *fetch)
{
	const struct kafka_answer_memory *memory = &request->broker->answer_memory;
	if (memory->is_scarce == NULL || !memory->is_scarce(memory->context))
		return SIZE_MAX;
	return fetch->copied < FETCH_SCARCE_BYTES ? FETCH_SCARCE_BYTES - fetch->copied : 0;
}

void kafka_fetch_release(struct kafka_request *request)
{
	struct fetch *fetch = request->state;
	for (int32_t i = 0; fetch != NULL && i < fetch->count; i++) {
		file_range_close(&fetch->items[i].range);
		memory_give(request, fetch->items[i].records.size);
		buffer_deinit(&fetch->items[i].records);
	}
}

static size_t item_bytes(const struct fetch_item *item)
{
	return (item->range.fd < 0 ? 0 : item->range.size) + item->records.size;
}

static void item_fail(struct fetch *fetch, struct fetch_item *item, int16_t error_code)
{
	item->to->error_code = error_code;
	item->full = true;
	fetch->failed = true;
}

/* Where reading ends for now: read_committed is bounded by the last stable offset, not the high watermark. */
static int64_t item_end(const struct fetch_item *item)
{
	return item->committed ? partition_last_stable_offset(item->partition)
						   : partition_high_watermark(item->partition);
}

/* Is there something to read, or to say? An offset behind the end is out of range. */
static bool item_is_due(const struct fetch_item *item)
{
	return item->next_offset < item_end(item) ||
		   item->next_offset > partition_high_watermark(item->partition);
}

static struct fetch *fetch_prepare(struct kafka_request *request)
{
	struct arena *arena = &request->arena;
	const struct kafka_fetch_request *message = request->message;
	struct fetch *fetch = arena_alloc_zeroed(arena, sizeof *fetch);
	int32_t bytes_max = request->broker->fetch_bytes_max;
	fetch->bytes_max = (size_t)(message->max_bytes < 0 ? 0 : message->max_bytes);
	if (fetch->bytes_max > (size_t)bytes_max)
		fetch->bytes_max = (size_t)bytes_max;
	fetch->bytes_min = (size_t)(message->min_bytes < 0 ? 0 : message->min_bytes);
	fetch->ranges_left = kafka_request_may_send_range(request) ? FETCH_RANGES_MAX : 0;
	fetch->answer = KAFKA_NEW(arena, fetch_response, 1);
	fetch->answer->topics_count = message->topics_count;
	fetch->answer->topics = KAFKA_NEW(arena, fetch_response_topic, message->topics_count);
	for (int32_t t = 0; t < message->topics_count; t++)
		fetch->count += message->topics[t].partitions_count;
	fetch->items = arena_alloc_zeroed(arena, (size_t)fetch->count * sizeof *fetch->items);
	struct fetch_item *item = fetch->items;
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_fetch_request_topic *from = &message->topics[t];
		struct kafka_fetch_response_topic *to = &fetch->answer->topics[t];
		to->name = from->name;
		to->partitions_count = from->partitions_count;
		to->partitions = KAFKA_NEW(arena, fetch_response_partition, from->partitions_count);
		for (int32_t p = 0; p < from->partitions_count; p++, item++) {
			item->range.fd = -1;
			item->topic_name = from->name;
			item->from = &from->partitions[p];
			item->to = &to->partitions[p];
			item->next_offset = item->from->fetch_offset;
			item->to->partition_index = item->from->partition;
			item->committed = message->isolation_level == ISOLATION_READ_COMMITTED;
			/* null says "not asked" */
			item->to->aborted_transactions_count = item->committed ? 0 : -1;
			/* Who may not read it is not told its offsets either: the item has no partition then. */
			bool may = kafka_may(request, USER_READ, from->name);
			if (may)
				item->partition =
					kafka_partition_find(request->broker->log, from->name, item->from->partition);
			int16_t epoch = kafka_leader_epoch_check(item->from->current_leader_epoch);
			if (!may)
				item_fail(fetch, item, KAFKA_TOPIC_AUTHORIZATION_FAILED);
			else if (item->partition == NULL)
				item_fail(fetch, item, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
			else if (epoch != KAFKA_NONE)
				item_fail(fetch, item, epoch);
		}
	}
	return fetch;
}

static void item_took(struct fetch *fetch, struct fetch_item *item, size_t bytes, int64_t next_offset)
{
	item->next_offset = next_offset;
	fetch->bytes += bytes;
	fetch->full = fetch->bytes >= fetch->bytes_max;
}

/* Finds many records instead of reading them. False: nothing was taken; reading them will say what is wrong,
 * if anything is. */
static bool item_take_range(struct fetch *fetch, struct fetch_item *item, int64_t end, size_t left)
{
	struct file_range range;
	int64_t next_offset;
	if (fetch->ranges_left == 0 || left < FETCH_RANGE_BYTES_MIN || item_bytes(item) != 0)
		return false;
	if (partition_range(item->partition, item->next_offset, end, left, &range, &next_offset) != STATUS_OK ||
		range.fd < 0)
		return false;
	if (range.size < FETCH_RANGE_BYTES_MIN || (range.size > left && fetch->bytes != 0)) {
		file_range_close(&range);
		return false;
	}
	item->range = range;
	fetch->ranges_left -= 1;
	item_took(fetch, item, range.size, next_offset);
	return true;
}

/* Goes on behind what the item has. The first bytes of an answer are taken whatever the limits are, so that
 * a batch larger than a limit does not stop its reader for ever; all others keep within them. */
static void item_read(struct kafka_request *request, struct fetch_item *item, bool far)
{
	struct fetch *fetch = request->state;
	size_t partition_max = item->from->partition_max_bytes > 0 ? (size_t)item->from->partition_max_bytes : 0;
	size_t had = item->records.size, taken = item_bytes(item);
	size_t left = taken < partition_max ? partition_max - taken : 0;
	if (left > fetch->bytes_max - fetch->bytes)
		left = fetch->bytes_max - fetch->bytes;
	bool first = fetch->bytes == 0;
	if (left == 0 && !first) {
		item->full = true;
		return;
	}
	int64_t end = item->committed ? partition_last_stable_offset(item->partition) : INT64_MAX;
	if (far && item_take_range(fetch, item, end, left))
		return;
	size_t memory = memory_left(request, fetch);
	if (left > memory)
		left = memory;
	if (left == 0 && !first) {
		item->full = true;
		return;
	}
	size_t piece = left == 0 ? 1 : left < FETCH_PIECE_BYTES ? left : FETCH_PIECE_BYTES;
	status result = partition_read_until(item->partition, item->next_offset, end, piece, &item->records);
	if (result == STATUS_END)
		return;
	if (result != STATUS_OK) {
		diag(result == STATUS_OUT_OF_RANGE ? DIAG_DEBUG : DIAG_ERROR, "kafka", "fetch_failed",
			"topic=%.*s partition=%d offset=%lld error=\"%s\"", (int)item->topic_name.size,
			(const char *)item->topic_name.data, item->from->partition, (long long)item->next_offset,
			error_current()->text);
		/* What has been taken already is good, and goes out; the error comes next time. */
		if (taken == 0)
			item_fail(fetch, item, kafka_error_of(result));
		item->full = true;
		return;
	}
	size_t got = item->records.size - had;
	if (!first && got > left) {
		item->records.size = had;
		item->full = true;
		return;
	}
	fetch->copied += got;
	memory_take(request, got);
	item_took(
		fetch, item, got, record_batches_end(slice_of(item->records.data + had, got), item->next_offset));
}

static void fetch_read(struct kafka_request *request, bool far)
{
	struct fetch *fetch = request->state;
	/* Partitions take turns at being first: with small limits the others would wait for ever otherwise. */
	for (int32_t i = 0; i < fetch->count && !fetch->full; i++) {
		struct fetch_item *item = &fetch->items[(fetch->turn + i) % fetch->count];
		size_t had = SIZE_MAX;
		while (!item->full && !fetch->full && item_is_due(item) && item_bytes(item) != had) {
			had = item_bytes(item);
			item_read(request, item, far);
		}
	}
}

/* On a worker thread. */
static void fetch_read_far(struct kafka_request *request)
{
	fetch_read(request, true);
}

/* A topic deleted while the fetch was parked: its partitions stay readable memory, but say so. */
static void fetch_check_deleted(struct kafka_request *request, struct fetch *fetch)
{
	for (int32_t i = 0; i < fetch->count; i++) {
		struct fetch_item *item = &fetch->items[i];
		if (!item->full && item_bytes(item) == 0 &&
			kafka_partition_find(request->broker->log, item->topic_name, item->from->partition) !=
				item->partition)
			item_fail(fetch, item, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	}
}

enum backlog { BACKLOG_NONE, BACKLOG_NEAR, BACKLOG_FAR };

static enum backlog fetch_backlog(struct fetch *fetch)
{
	int64_t behind = 0;
	bool any = false;
	for (int32_t i = 0; i < fetch->count && !fetch->full; i++) {
		struct fetch_item *item = &fetch->items[i];
		if (item->full)
			continue;
		item->seen_high_watermark = partition_high_watermark(item->partition);
		item->seen_stable_offset = partition_last_stable_offset(item->partition);
		int64_t end = item_end(item);
		any = any || item_is_due(item);
		if (item->next_offset < 0 || item->next_offset >= end)
			continue;
		int64_t ahead = partition_bytes_ahead(item->partition, item->next_offset);
		if (ahead > FETCH_NEAR_BYTES - behind)
			return BACKLOG_FAR;
		behind += ahead;
	}
	return any ? BACKLOG_NEAR : BACKLOG_NONE;
}

static bool fetch_is_enough(const struct fetch *fetch)
{
	if (fetch->failed || fetch->full || fetch->bytes >= fetch->bytes_min)
		return true;
	/* When nothing more can come, waiting would be for nothing. */
	bool open = fetch->count == 0;
	for (int32_t i = 0; i < fetch->count && !open; i++)
		open = !fetch->items[i].full;
	return !open;
}

/* What of the records the reader has to leave out, by first offset. */
static void item_list_aborted(struct kafka_request *request, struct fetch_item *item)
{
	struct aborted_transaction *aborted;
	size_t count;
	if (!item->committed || item_bytes(item) == 0)
		return;
	partition_aborted(item->partition, item->from->fetch_offset, item->next_offset, &aborted, &count);
	item->to->aborted_transactions_count = (int32_t)count;
	item->to->aborted_transactions = KAFKA_NEW(&request->arena, fetch_aborted_transaction, (int32_t)count);
	for (size_t i = 0; i < count; i++) {
		item->to->aborted_transactions[i].producer_id = aborted[i].producer_id;
		item->to->aborted_transactions[i].first_offset = aborted[i].first_offset;
	}
	mem_free(aborted);
}

/* What the codec sees of the records. Long ones are handed over when it is their turn; until then the item's
 * address stands for them, which tells whose they are and is never read from. */
static struct slice item_records(const struct fetch_item *item)
{
	size_t bytes = item_bytes(item);
	if (bytes >= KAFKA_LOOSE_BYTES_MIN)
		return slice_of((const uint8_t *)item, bytes);
	return bytes != 0 ? buffer_slice(&item->records) : slice_of_string("");
}

/* The records go out as they were found. */
static bool fetch_hand_over(struct kafka_request *request, const uint8_t *data, struct kafka_body *out)
{
	struct fetch *fetch = request->state;
	uintptr_t at = (uintptr_t)data, begin = (uintptr_t)fetch->items;
	if (at < begin || at >= begin + (size_t)fetch->count * sizeof *fetch->items)
		return false; /* a topic's name */
	struct fetch_item *item = &fetch->items[(at - begin) / sizeof *fetch->items];
	*out = (struct kafka_body){item->range, item->records};
	memory_give(request, item->records.size); /* the server counts it from now on */
	item->range.fd = -1;
	buffer_init(&item->records);
	return true;
}

static enum kafka_progress fetch_answer(struct kafka_request *request, struct fetch *fetch)
{
	request->hand_over = fetch_hand_over;
	for (int32_t i = 0; i < fetch->count; i++) {
		struct fetch_item *item = &fetch->items[i];
		item->to->records = item_records(item);
		if (item->partition == NULL)
			continue;
		item->to->high_watermark = partition_high_watermark(item->partition);
		item->to->last_stable_offset = partition_last_stable_offset(item->partition);
		item_list_aborted(request, item);
		item->to->log_start_offset = partition_log_start(item->partition);
	}
	return kafka_request_answer(request, fetch->answer);
}

/* Waits until one of its partitions moves. Everything there was up to what the items saw is read. */
static enum kafka_progress fetch_park(struct kafka_request *request, struct fetch *fetch)
{
	if (fetch->waits == NULL)
		fetch->waits = arena_alloc_zeroed(&request->arena, ((size_t)fetch->count + 1) * sizeof *fetch->waits);
	for (int32_t i = 0; i < fetch->count; i++) {
		const struct fetch_item *item = &fetch->items[i];
		fetch->waits[i] = (struct kafka_wait){
			.partition = item->full ? NULL : item->partition,
			.high_watermark = item->seen_high_watermark,
			.last_stable_offset = item->seen_stable_offset,
		};
	}
	kafka_waits_park(request->broker->waits, request, fetch->waits, fetch->count);
	/* What moved meanwhile has been told of already, to others. */
	for (int32_t i = 0; i < fetch->count; i++) {
		const struct fetch_item *item = &fetch->items[i];
		if (item->full || (partition_high_watermark(item->partition) == item->seen_high_watermark &&
							  partition_last_stable_offset(item->partition) == item->seen_stable_offset))
			continue;
		kafka_request_wake(request);
		break;
	}
	return KAFKA_WAITS;
}

/* We decline fetch sessions by answering session id 0: every fetch is then a full one. */
static int16_t fetch_session_refuse(const struct kafka_fetch_request *message)
{
	if (message->session_id != 0 && message->session_epoch != SESSION_EPOCH_FINAL)
		return KAFKA_FETCH_SESSION_ID_NOT_FOUND;
	return message->session_epoch > 0 ? KAFKA_INVALID_FETCH_SESSION_EPOCH : KAFKA_NONE;
}

enum kafka_progress kafka_fetch_run(struct kafka_request *request, int64_t now_ms)
{
	struct fetch *fetch = request->state;
	const struct kafka_fetch_request *message = request->message;
	if (fetch == NULL) {
		int16_t refused = fetch_session_refuse(message);
		if (refused != KAFKA_NONE) {
			struct kafka_fetch_response *answer = KAFKA_NEW(&request->arena, fetch_response, 1);
			answer->error_code = refused;
			return kafka_request_answer(request, answer);
		}
		request->state = fetch = fetch_prepare(request);
		if (fetch->count != 0)
			fetch->turn = (int32_t)(request->broker->fetch_turn++ % (uint32_t)fetch->count);
		request->deadline_ms = now_ms + (message->max_wait_ms > 0 ? message->max_wait_ms : 0);
	} else {
		fetch_check_deleted(request, fetch);
	}
	bool stuck = fetch->blocked && fetch->bytes == fetch->bytes_before_block;
	if (fetch->blocked && (stuck || fetch_is_enough(fetch))) {
		fetch->blocked = false;
	} else {
		enum backlog backlog = fetch_backlog(fetch);
		fetch->blocked = backlog == BACKLOG_FAR;
		fetch->bytes_before_block = fetch->bytes;
		if (backlog == BACKLOG_FAR) {
			kafka_request_block(request, fetch_read_far);
			return KAFKA_WAITS;
		}
		if (backlog == BACKLOG_NEAR)
			fetch_read(request, false);
	}
	if (fetch_is_enough(fetch) || now_ms >= request->deadline_ms)
		return fetch_answer(request, fetch);
	return fetch_park(request, fetch);
}
