/* DescribeProducers, DescribeTransactions, ListTransactions: what kafka-transactions.sh shows. Each thing is
 * answered once, however often it was asked: a partition may have many producers, and asking costs four
 * bytes.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "ingest/kafka_request.h"
#include "ingest/transaction_coordinator.h"

/* Of one answer. */
enum { ANSWER_ITEMS_MAX = 1000000 };

/* ---- DescribeProducers ---- */

static void producers_answer(struct kafka_request *request, struct slice topic,
	struct kafka_describe_producers_response_partition *to, size_t *items_left)
{
	struct partition *partition = kafka_partition_find(request->broker->log, topic, to->partition_index);
	struct producer_description *list;
	size_t count;
	if (!kafka_may_describe(request, topic))
		to->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
	else if (partition == NULL)
		to->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (to->error_code != KAFKA_NONE)
		return;
	partition_producers(partition, &list, &count);
	if (count > *items_left) {
		to->error_code = KAFKA_INVALID_REQUEST;
		to->error_message = slice_of_string("too many producers for one answer; ask for fewer partitions");
		mem_free(list);
		return;
	}
	*items_left -= count;
	to->active_producers_count = (int32_t)count;
	to->active_producers = KAFKA_NEW(&request->arena, describe_producers_state, (int32_t)count);
	for (size_t i = 0; i < count; i++) {
		to->active_producers[i].producer_id = list[i].id;
		to->active_producers[i].producer_epoch = list[i].epoch;
		to->active_producers[i].last_sequence = list[i].last_sequence;
		to->active_producers[i].current_txn_start_offset = list[i].transaction_first_offset;
	}
	mem_free(list);
}

static struct kafka_mentions *producers_mentions(struct kafka_request *request)
{
	const struct kafka_describe_producers_request *message = request->message;
	int32_t count = 0;
	for (int32_t t = 0; t < message->topics_count; t++)
		count += message->topics[t].partition_indexes_count;
	struct kafka_mentions *mentions = kafka_mentions_new(&request->arena, count);
	for (int32_t t = 0; t < message->topics_count; t++)
		for (int32_t p = 0; p < message->topics[t].partition_indexes_count; p++)
			kafka_mentions_add(mentions, message->topics[t].name, message->topics[t].partition_indexes[p]);
	kafka_mentions_finish(mentions);
	return mentions;
}

enum kafka_progress kafka_describe_producers_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_describe_producers_request *message = request->message;
	struct kafka_describe_producers_response *answer =
		KAFKA_NEW(&request->arena, describe_producers_response, 1);
	const uint8_t *kind = producers_mentions(request)->kinds;
	answer->topics_count = message->topics_count;
	answer->topics = KAFKA_NEW(&request->arena, describe_producers_response_topic, message->topics_count);
	size_t items_left = ANSWER_ITEMS_MAX;
	for (int32_t t = 0; t < message->topics_count; t++) {
		const struct kafka_describe_producers_request_topic *from = &message->topics[t];
		struct kafka_describe_producers_response_topic *to = &answer->topics[t];
		to->name = from->name;
		to->partitions =
			KAFKA_NEW(&request->arena, describe_producers_response_partition, from->partition_indexes_count);
		for (int32_t p = 0; p < from->partition_indexes_count; p++) {
			if (*kind++ == KAFKA_MENTIONED_AGAIN)
				continue;
			struct kafka_describe_producers_response_partition *partition =
				&to->partitions[to->partitions_count++];
			partition->partition_index = from->partition_indexes[p];
			producers_answer(request, from->name, partition, &items_left);
		}
	}
	return kafka_request_answer(request, answer);
}

/* ---- DescribeTransactions ---- */

static void transaction_topics(struct kafka_request *request, const struct transaction_value *value,
	struct kafka_describe_transactions_state *to)
{
	to->topics = KAFKA_NEW(&request->arena, describe_transactions_topic, value->partition_count);
	for (int32_t i = 0, end; i < value->partition_count; i = end) {
		struct kafka_describe_transactions_topic *topic = &to->topics[to->topics_count++];
		for (end = i; end < value->partition_count &&
					  strcmp(value->partitions[end].topic, value->partitions[i].topic) == 0;)
			end++;
		topic->topic = slice_of_string(value->partitions[i].topic);
		topic->partitions_count = end - i;
		topic->partitions = arena_alloc(&request->arena, (size_t)(end - i) * sizeof *topic->partitions);
		for (int32_t p = i; p < end; p++)
			topic->partitions[p - i] = value->partitions[p].number;
	}
}

enum kafka_progress kafka_describe_transactions_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	const struct kafka_describe_transactions_request *message = request->message;
	struct kafka_describe_transactions_response *answer =
		KAFKA_NEW(&request->arena, describe_transactions_response, 1);
	const struct kafka_mentions *mentions = kafka_mentions_of_names(
		&request->arena, message->transactional_ids, message->transactional_ids_count);
	answer->transaction_states = KAFKA_NEW(&request->arena, describe_transactions_state, mentions->unique);
	int32_t items = 0;
	for (int32_t i = 0; i < message->transactional_ids_count; i++) {
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		struct kafka_describe_transactions_state *to =
			&answer->transaction_states[answer->transaction_states_count++];
		struct transaction_description about;
		to->transactional_id = message->transactional_ids[i];
		if (items > ANSWER_ITEMS_MAX) {
			to->error_code = KAFKA_INVALID_REQUEST;
			continue;
		}
		if (request->broker->transactions == NULL ||
			!transaction_coordinator_describe(
				request->broker->transactions, to->transactional_id, &request->arena, &about)) {
			to->error_code = KAFKA_TRANSACTIONAL_ID_NOT_FOUND;
			continue;
		}
		to->transaction_state = slice_of_string(transaction_state_name(about.value.state));
		to->transaction_timeout_ms = about.value.timeout_ms;
		to->transaction_start_time_ms = about.value.start_wall_ms;
		to->producer_id = about.value.producer_id;
		to->producer_epoch = about.value.epoch;
		transaction_topics(request, &about.value, to);
		items += about.value.partition_count;
	}
	return kafka_request_answer(request, answer);
}

/* ---- ListTransactions ---- */

/* The filters in a form that is quick to ask: there may be many of them, and many transactions. */
struct wanted {
	bool states[TRANSACTION_DEAD + 1];
	int64_t *producer_ids; /* sorted */
	size_t producer_id_count;
	bool any_producer;
	int64_t duration_ms; /* negative: any */
};

static int ids_compare(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;
	return (*a > *b) - (*a < *b);
}

static bool state_is_named(
	const struct kafka_list_transactions_request *message, enum transaction_state state)
{
	bool named = message->state_filters_count <= 0;
	for (int32_t i = 0; i < message->state_filters_count && !named; i++)
		named = slice_equal(message->state_filters[i], slice_of_string(transaction_state_name(state)));
	return named;
}

/* Sorts the message's producer ids. */
static struct wanted wanted_of(struct kafka_list_transactions_request *message)
{
	struct wanted wanted = {.any_producer = message->producer_id_filters_count <= 0,
		.producer_ids = message->producer_id_filters,
		.duration_ms = message->duration_filter};
	for (int state = TRANSACTION_EMPTY; state <= TRANSACTION_DEAD; state++)
		wanted.states[state] = state_is_named(message, (enum transaction_state)state);
	if (!wanted.any_producer) {
		wanted.producer_id_count = (size_t)message->producer_id_filters_count;
		qsort(wanted.producer_ids, wanted.producer_id_count, sizeof(int64_t), ids_compare);
	}
	return wanted;
}

static bool transaction_is_wanted(
	const struct wanted *wanted, const struct transaction_value *value, int64_t wall_ms)
{
	bool runs = value->state == TRANSACTION_ONGOING || transaction_is_prepared(value);
	if (wanted->duration_ms >= 0 && (!runs || wall_ms - value->start_wall_ms <= wanted->duration_ms))
		return false;
	if (!wanted->any_producer && bsearch(&value->producer_id, wanted->producer_ids, wanted->producer_id_count,
									 sizeof(int64_t), ids_compare) == NULL)
		return false;
	return wanted->states[value->state];
}

static bool state_is_known(struct slice name)
{
	for (int state = TRANSACTION_EMPTY; state <= TRANSACTION_DEAD; state++)
		if (slice_equal(name, slice_of_string(transaction_state_name((enum transaction_state)state))))
			return true;
	return false;
}

enum kafka_progress kafka_list_transactions_run(struct kafka_request *request, int64_t now_ms)
{
	(void)now_ms;
	struct kafka_list_transactions_request *message = request->message;
	struct kafka_list_transactions_response *answer =
		KAFKA_NEW(&request->arena, list_transactions_response, 1);
	struct wanted wanted = wanted_of(message);
	struct transaction_description *list = NULL;
	int32_t count = 0;
	int64_t wall_ms = clock_wall_ms();
	if (request->broker->transactions != NULL)
		transaction_coordinator_list(request->broker->transactions, &request->arena, &list, &count);
	answer->transaction_states = KAFKA_NEW(&request->arena, list_transactions_state, count);
	for (int32_t i = 0; i < count; i++) {
		if (!transaction_is_wanted(&wanted, &list[i].value, wall_ms))
			continue;
		struct kafka_list_transactions_state *to =
			&answer->transaction_states[answer->transaction_states_count++];
		to->transactional_id = list[i].id;
		to->producer_id = list[i].value.producer_id;
		to->transaction_state = slice_of_string(transaction_state_name(list[i].value.state));
	}
	int32_t filters = message->state_filters_count > 0 ? message->state_filters_count : 0;
	answer->unknown_state_filters =
		arena_alloc(&request->arena, (size_t)filters * sizeof *answer->unknown_state_filters);
	for (int32_t i = 0; i < filters; i++)
		if (!state_is_known(message->state_filters[i]))
			answer->unknown_state_filters[answer->unknown_state_filters_count++] = message->state_filters[i];
	return kafka_request_answer(request, answer);
}
