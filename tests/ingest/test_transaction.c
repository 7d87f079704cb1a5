/* The rules for one transactional id, on values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ingest/kafka_error.h"
#include "ingest/transaction.h"
#include "log/record_batch.h"

static struct transaction_value idle(int64_t producer_id, int16_t epoch)
{
	struct transaction_value value;
	transaction_value_init(&value);
	value.producer_id = producer_id;
	value.epoch = epoch;
	value.timeout_ms = 1000;
	return value;
}

static int16_t init(struct transaction_value *value, int64_t producer_id, int16_t epoch)
{
	struct transaction_init asked = {1000, producer_id, epoch, 500};
	struct transaction_value next;
	int16_t error_code = transaction_init_next(value, false, &asked, 7, &next);
	if (error_code == KAFKA_NONE) {
		transaction_value_deinit(value);
		*value = next;
	}
	return error_code;
}

static void a_new_id_begins_with_epoch_0_and_each_init_raises_it(void **state)
{
	(void)state;
	struct transaction_value value;
	transaction_value_init(&value);
	assert_int_equal(init(&value, -1, -1), KAFKA_NONE);
	assert_int_equal(value.producer_id, 500);
	assert_int_equal(value.epoch, 0);
	assert_int_equal(init(&value, -1, -1), KAFKA_NONE);
	assert_int_equal(value.producer_id, 500);
	assert_int_equal(value.epoch, 1);
}

/* KIP-360: a producer that recovers says what it has; the answer may be lost, and it asks again. */
static void a_producer_that_says_who_it_is_is_raised_once(void **state)
{
	(void)state;
	struct transaction_value value = idle(9, 4);
	assert_int_equal(init(&value, 9, 4), KAFKA_NONE);
	assert_int_equal(value.epoch, 5);
	assert_int_equal(init(&value, 9, 4), KAFKA_NONE);
	assert_int_equal(value.epoch, 5);
	assert_int_equal(init(&value, 9, 3), KAFKA_PRODUCER_FENCED);
	assert_int_equal(init(&value, 8, 5), KAFKA_PRODUCER_FENCED);
	assert_int_equal(init(&value, -1, -1), KAFKA_NONE); /* another producer takes over */
	assert_int_equal(init(&value, 9, 5), KAFKA_PRODUCER_FENCED);
}

static void used_up_epochs_give_a_new_producer_id(void **state)
{
	(void)state;
	struct transaction_value value = idle(9, INT16_MAX - 1);
	assert_int_equal(init(&value, 9, INT16_MAX - 1), KAFKA_NONE);
	assert_int_equal(value.producer_id, 500);
	assert_int_equal(value.epoch, 0);
	assert_int_equal(init(&value, 9, INT16_MAX - 1), KAFKA_NONE); /* the answer was lost */
	assert_int_equal(value.producer_id, 500);
	assert_int_equal(value.epoch, 0);
	assert_int_equal(init(&value, 500, 0), KAFKA_NONE);
	assert_int_equal(value.epoch, 1);
	assert_int_equal(init(&value, 9, INT16_MAX - 1), KAFKA_PRODUCER_FENCED);
	value = idle(9, INT16_MAX - 1);
	assert_int_equal(init(&value, -1, -1), KAFKA_NONE);
	assert_int_equal(value.producer_id, 500);
}

static void the_last_epoch_is_kept_for_fencing(void **state)
{
	(void)state;
	struct transaction_value value = idle(9, INT16_MAX - 1), next;
	value.state = TRANSACTION_ONGOING;
	transaction_fence_next(&value, 1, &next);
	assert_int_equal(next.epoch, INT16_MAX);
	assert_int_equal(next.state, TRANSACTION_PREPARE_ABORT);
	struct transaction_value complete;
	transaction_complete_next(&next, 2, &complete);
	assert_int_equal(init(&complete, -1, -1), KAFKA_NONE);
	assert_int_equal(complete.producer_id, 500);
	assert_int_equal(complete.epoch, 0);
}

static struct transaction_partition partition(const char *topic, int32_t number)
{
	return (struct transaction_partition){(char *)(uintptr_t)topic, number};
}

static void partitions_are_sorted_unique_and_gone_at_the_end(void **state)
{
	(void)state;
	struct transaction_value value = idle(9, 1), next, prepared, complete;
	struct transaction_producer producer = {9, 1};
	struct transaction_partition list[] = {
		partition("b", 1), partition("a", 10), partition("b", 0), partition("a", 10), partition("a", 9)};
	bool same;
	assert_int_equal(transaction_add_next(&value, false, &producer, list, 5, false, 3, &same, &next), 0);
	assert_false(same);
	assert_int_equal(next.partition_count, 4);
	assert_string_equal(next.partitions[0].topic, "a");
	assert_int_equal(next.partitions[0].number, 9);
	assert_true(transaction_has(&next, slice_of_string("b"), 1));
	assert_false(transaction_has(&next, slice_of_string("b"), 2));
	assert_int_equal(
		transaction_add_next(&next, false, &producer, list, 5, false, 3, &same, &prepared), KAFKA_NONE);
	assert_true(same); /* known: nothing to record */
	assert_int_equal(transaction_add_next(&next, true, &producer, list, 5, false, 3, &same, &prepared),
		KAFKA_CONCURRENT_TRANSACTIONS);
	assert_int_equal(transaction_end_next(&next, false, &producer, true, 4, &same, &prepared), KAFKA_NONE);
	assert_int_equal(prepared.partition_count, 4);
	assert_int_equal(transaction_add_next(&prepared, false, &producer, list, 1, false, 3, &same, &complete),
		KAFKA_CONCURRENT_TRANSACTIONS);
	assert_int_equal(transaction_end_next(&prepared, false, &producer, true, 4, &same, &complete),
		KAFKA_CONCURRENT_TRANSACTIONS);
	assert_int_equal(transaction_end_next(&prepared, false, &producer, false, 4, &same, &complete),
		KAFKA_INVALID_TXN_STATE);
	transaction_complete_next(&prepared, 5, &complete);
	assert_int_equal(complete.state, TRANSACTION_COMPLETE_COMMIT);
	assert_int_equal(complete.partition_count, 0);
	transaction_value_deinit(&next);
	transaction_value_deinit(&prepared);
}

static void partitions_beyond_10000_are_refused_and_the_transaction_goes_on(void **state)
{
	(void)state;
	enum { LIMIT = 10000 };
	struct transaction_value value = idle(9, 1), full, none;
	struct transaction_producer producer = {9, 1};
	struct transaction_partition *list = mem_alloc((LIMIT + 1) * sizeof *list);
	bool same;
	for (int32_t i = 0; i <= LIMIT; i++)
		list[i] = partition("t", i);
	assert_int_equal(transaction_add_next(&value, false, &producer, list, LIMIT + 1, false, 3, &same, &none),
		KAFKA_INVALID_REQUEST);
	assert_int_equal(
		transaction_add_next(&value, false, &producer, list, LIMIT, false, 3, &same, &full), KAFKA_NONE);
	assert_int_equal(full.partition_count, LIMIT);
	assert_int_equal(transaction_add_next(&full, false, &producer, &list[LIMIT], 1, false, 3, &same, &none),
		KAFKA_INVALID_REQUEST);
	assert_int_equal(
		transaction_add_next(&full, false, &producer, list, LIMIT, false, 3, &same, &none), KAFKA_NONE);
	assert_true(same);
	assert_int_equal(transaction_end_next(&full, false, &producer, true, 4, &same, &none), KAFKA_NONE);
	assert_int_equal(none.partition_count, LIMIT);
	transaction_value_deinit(&none);
	transaction_value_deinit(&full);
	mem_free(list);
}

static void a_record_reads_back_as_it_was(void **state)
{
	(void)state;
	struct transaction_partition list[] = {
		partition("a.b-c_d", 0), partition("a.b-c_d", 7), partition("z", 3)};
	struct transaction_value value = idle(12345678901, 77), next, back;
	struct transaction_producer producer = {12345678901, 77};
	bool same;
	assert_int_equal(transaction_add_next(&value, false, &producer, list, 3, true, 99, &same, &next), 0);
	struct buffer batch = {0};
	assert_int_equal(transaction_record_encode(slice_of_string("id"), &next, 5, &batch), STATUS_OK);
	struct record_iterator iterator;
	struct record record;
	record_iterator_init(&iterator, buffer_slice(&batch));
	assert_int_equal(record_iterator_next(&iterator, &record), STATUS_OK);
	assert_int_equal(transaction_record_decode(record.value, &back), STATUS_OK);
	assert_int_equal(back.state, TRANSACTION_ONGOING);
	assert_int_equal(back.producer_id, 12345678901);
	assert_int_equal(back.epoch, 77);
	assert_int_equal(back.previous_epoch, -1);
	assert_int_equal(back.start_wall_ms, 99);
	assert_true(back.offsets);
	assert_int_equal(back.partition_count, 3);
	for (int i = 0; i < 3; i++)
		assert_true(transaction_has(&back, slice_of_string(list[i].topic), list[i].number));
	/* Cut anywhere it is no record, and says so. */
	for (size_t size = 1; size < record.value.size; size++) {
		struct transaction_value none;
		assert_int_not_equal(transaction_record_decode(slice_of(record.value.data, size), &none), STATUS_OK);
	}
	record_iterator_deinit(&iterator);
	buffer_deinit(&batch);
	transaction_value_deinit(&next);
	transaction_value_deinit(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_id_begins_with_epoch_0_and_each_init_raises_it),
		cmocka_unit_test(a_producer_that_says_who_it_is_is_raised_once),
		cmocka_unit_test(used_up_epochs_give_a_new_producer_id),
		cmocka_unit_test(the_last_epoch_is_kept_for_fencing),
		cmocka_unit_test(partitions_are_sorted_unique_and_gone_at_the_end),
		cmocka_unit_test(partitions_beyond_10000_are_refused_and_the_transaction_goes_on),
		cmocka_unit_test(a_record_reads_back_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
