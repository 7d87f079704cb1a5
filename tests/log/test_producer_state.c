/* Idempotence rules of one partition, and their snapshot. */
#include "support.h"

#include "log/producer_state.h"

static struct producer_state state_now;
static int64_t offset_now;

static int setup(void **state)
{
	(void)state;
	producer_state_init(&state_now);
	offset_now = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	producer_state_deinit(&state_now);
	return 0;
}

static struct record_batch batch_of(int64_t id, int16_t epoch, int32_t sequence, int32_t count)
{
	return (struct record_batch){.base_offset = offset_now,
		.producer_id = id,
		.producer_epoch = epoch,
		.base_sequence = sequence,
		.last_offset_delta = count - 1,
		.count = count};
}

/* Checks, and appends when it may. */
static status offer(int64_t id, int16_t epoch, int32_t sequence, int32_t count, int64_t *original_offset)
{
	struct record_batch batch = batch_of(id, epoch, sequence, count);
	struct producer_batch original;
	status result = producer_state_check(&state_now, &batch, &original);
	if (result == STATUS_OK) {
		producer_state_append(&state_now, &batch, NULL);
		producer_state_publish(&state_now, &batch);
		offset_now += count;
	} else if (result == STATUS_EXISTS && original_offset != NULL) {
		*original_offset = original.base_offset;
	}
	return result;
}

static void the_last_five_batches_are_recognised(void **state)
{
	(void)state;
	int64_t original = -1;
	for (int32_t i = 0; i < 8; i++)
		assert_int_equal(offer(1, 0, i * 10, 10, NULL), STATUS_OK);
	for (int32_t i = 3; i < 8; i++) {
		assert_int_equal(offer(1, 0, i * 10, 10, &original), STATUS_EXISTS);
		assert_int_equal(original, i * 10);
	}
	assert_int_equal(offer(1, 0, 20, 10, NULL), STATUS_OUT_OF_ORDER_SEQUENCE); /* too long ago */
	assert_int_equal(offer(1, 0, 70, 9, NULL), STATUS_OUT_OF_ORDER_SEQUENCE);  /* another batch */
	assert_int_equal(offer(1, 0, 81, 1, NULL), STATUS_OUT_OF_ORDER_SEQUENCE);  /* a gap */
	assert_int_equal(offer(1, 0, 80, 1, NULL), STATUS_OK);
}

static void a_newer_epoch_starts_at_zero_and_fences_the_older(void **state)
{
	(void)state;
	assert_int_equal(offer(1, 3, 500, 1, NULL), STATUS_OK); /* unknown: may start anywhere */
	assert_int_equal(offer(1, 4, 501, 1, NULL), STATUS_OUT_OF_ORDER_SEQUENCE);
	assert_int_equal(offer(1, 4, 0, 1, NULL), STATUS_OK);
	assert_int_equal(offer(1, 3, 501, 1, NULL), STATUS_STALE_PRODUCER_EPOCH);
	assert_int_equal(offer(1, 3, 500, 1, NULL), STATUS_STALE_PRODUCER_EPOCH);
	assert_int_equal(offer(1, 4, 0, 1, NULL), STATUS_EXISTS);
	assert_int_equal(offer(1, 4, 1, 1, NULL), STATUS_OK);
}

static void sequences_wrap_to_zero(void **state)
{
	(void)state;
	int64_t original = -1;
	assert_int_equal(offer(1, 0, INT32_MAX - 9, 10, NULL), STATUS_OK);
	assert_int_equal(offer(1, 0, 0, 5, NULL), STATUS_OK);
	assert_int_equal(offer(2, 0, INT32_MAX - 2, 10, NULL), STATUS_OK); /* wraps inside: ends at 6 */
	assert_int_equal(offer(2, 0, INT32_MAX - 2, 10, &original), STATUS_EXISTS);
	assert_int_equal(original, 15);
	assert_int_equal(offer(2, 0, 8, 1, NULL), STATUS_OUT_OF_ORDER_SEQUENCE);
	assert_int_equal(offer(2, 0, 7, 1, NULL), STATUS_OK);
}

static void batches_without_a_producer_always_pass(void **state)
{
	(void)state;
	assert_int_equal(offer(-1, -1, -1, 3, NULL), STATUS_OK);
	assert_int_equal(offer(-1, -1, -1, 3, NULL), STATUS_OK);
	assert_int_equal(state_now.count, 0);
}

static void only_published_batches_are_told_of(void **state)
{
	(void)state;
	struct producer_position position;
	struct record_batch batch = batch_of(1, 0, 0, 4);
	producer_state_append(&state_now, &batch, NULL);
	assert_int_equal(producer_state_position(&state_now, 1, &position), STATUS_NOT_FOUND);
	producer_state_publish(&state_now, &batch);
	struct record_batch next = batch_of(1, 0, 4, 2);
	next.base_offset = 4;
	producer_state_append(&state_now, &next, NULL);
	assert_int_equal(producer_state_position(&state_now, 1, &position), STATUS_OK);
	assert_int_equal(position.last_sequence, 3);
	assert_int_equal(position.last_base_offset, 0);
	assert_int_equal(position.last_offset, 3);
}

static void the_longest_silent_producer_is_forgotten_first(void **state)
{
	(void)state;
	for (int64_t id = 0; id < PRODUCERS_MAX; id++)
		assert_int_equal(offer(id, 0, 0, 1, NULL), STATUS_OK);
	assert_int_equal(offer(0, 0, 1, 1, NULL), STATUS_OK); /* 0 speaks, so 1 is the longest silent */
	assert_int_equal(offer(PRODUCERS_MAX, 0, 0, 1, NULL), STATUS_OK);
	assert_int_equal(state_now.count, PRODUCERS_MAX);
	struct producer_position position;
	assert_int_equal(producer_state_position(&state_now, 1, &position), STATUS_NOT_FOUND);
	for (int64_t id = 0; id <= PRODUCERS_MAX; id++)
		if (id != 1)
			assert_int_equal(producer_state_position(&state_now, id, &position), STATUS_OK);
	assert_int_equal(offer(1, 0, 700, 1, NULL), STATUS_OK); /* as good as new */
}

static void a_snapshot_brings_everything_back(void **state)
{
	(void)state;
	struct random random = random_begin();
	struct buffer first, second;
	buffer_init(&first);
	buffer_init(&second);
	for (int i = 0; i < 5000; i++) {
		int64_t id = (int64_t)random_below(&random, 200);
		struct producer_position position;
		int32_t sequence = producer_state_position(&state_now, id, &position) == STATUS_OK
							   ? (int32_t)(((uint32_t)position.last_sequence + 1) & INT32_MAX)
							   : (int32_t)random_below(&random, INT32_MAX);
		assert_int_equal(offer(id, 0, sequence, (int32_t)random_below(&random, 9) + 1, NULL), STATUS_OK);
	}
	producer_state_encode(&state_now, &first);
	struct producer_state copy;
	producer_state_init(&copy);
	assert_ok(producer_state_decode(&copy, buffer_slice(&first)));
	producer_state_encode(&copy, &second);
	assert_true(slice_equal(buffer_slice(&first), buffer_slice(&second)));
	for (int64_t id = 0; id < 200; id++) {
		struct producer_position left, right;
		assert_int_equal(
			producer_state_position(&state_now, id, &left), producer_state_position(&copy, id, &right));
		assert_int_equal(left.last_sequence, right.last_sequence);
		assert_int_equal(left.last_offset, right.last_offset);
		assert_int_equal(left.last_base_offset, right.last_base_offset);
	}
	producer_state_deinit(&copy);
	/* Any shorter or longer snapshot is refused. */
	for (size_t size = 0; size < first.size; size += 1 + size / 50) {
		producer_state_init(&copy);
		assert_int_equal(producer_state_decode(&copy, slice_of(first.data, size)), STATUS_DAMAGED);
		producer_state_deinit(&copy);
	}
	buffer_append_byte(&first, 0);
	producer_state_init(&copy);
	assert_int_equal(producer_state_decode(&copy, buffer_slice(&first)), STATUS_DAMAGED);
	producer_state_deinit(&copy);
	buffer_deinit(&first);
	buffer_deinit(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_five_batches_are_recognised, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newer_epoch_starts_at_zero_and_fences_the_older, setup, teardown),
		cmocka_unit_test_setup_teardown(sequences_wrap_to_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(batches_without_a_producer_always_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(only_published_batches_are_told_of, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_silent_producer_is_forgotten_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_brings_everything_back, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
