/* The coordinator's limits, on a store in memory. Its states and crashes are test_transaction_sim.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ingest/kafka_error.h"
#include "ingest/transaction_coordinator.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static int64_t wall_ms;

static int64_t wall_now(void)
{
	return wall_ms;
}

static struct {
	struct transaction_coordinator *coordinator;
	struct transaction_entry *entry; /* whose record is under way */
} test;

static status store_record(void *context, struct buffer *batch, struct transaction_entry *entry)
{
	(void)context;
	assert_null(test.entry);
	test.entry = entry;
	buffer_deinit(batch);
	return STATUS_OK;
}

static void land(void)
{
	struct transaction_entry *entry = test.entry;
	test.entry = NULL;
	if (entry != NULL)
		transaction_coordinator_recorded(test.coordinator, entry, STATUS_OK);
}

static void call_done(struct transaction_call *call)
{
	*(bool *)call->context = true;
}

static int16_t init(const char *id, int64_t fresh)
{
	bool done = false;
	struct transaction_call call = {.done = call_done, .context = &done};
	struct transaction_init asked = {
		.timeout_ms = 1000, .producer_id = -1, .epoch = -1, .fresh_producer_id = fresh};
	transaction_coordinator_init(test.coordinator, slice_of_string(id), &asked, &call, 1);
	land();
	assert_true(done);
	return call.error_code;
}

static void ids_beyond_the_limit_are_refused_until_others_are_forgotten(void **state)
{
	(void)state;
	struct transaction_coordinator_options options = transaction_coordinator_options_default();
	assert_int_equal(options.ids_max, 100000);
	options.ids_max = 2;
	options.store.record = store_record;
	clock_inject_wall_ms(wall_now);
	wall_ms = 1700000000000;
	test.coordinator = transaction_coordinator_create(&options);
	transaction_coordinator_loaded(test.coordinator, 1);
	assert_int_equal(init("a", 1), KAFKA_NONE);
	assert_int_equal(init("b", 2), KAFKA_NONE);
	assert_int_equal(init("c", 3), KAFKA_COORDINATOR_NOT_AVAILABLE);
	wall_ms += 6 * (int64_t)DAY_MS;
	assert_int_equal(init("a", 4), KAFKA_NONE); /* those there are go on */
	wall_ms += 2 * (int64_t)DAY_MS;
	for (int64_t now_ms = 1; now_ms < 20 * 60 * 1000; now_ms += 60 * 1000) {
		transaction_coordinator_tick(test.coordinator, now_ms);
		land();
	}
	assert_int_equal(init("c", 5), KAFKA_NONE); /* in the place of "b" */
	assert_int_equal(init("b", 6), KAFKA_COORDINATOR_NOT_AVAILABLE);
	transaction_coordinator_destroy(test.coordinator);
	clock_inject_wall_ms(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_beyond_the_limit_are_refused_until_others_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
