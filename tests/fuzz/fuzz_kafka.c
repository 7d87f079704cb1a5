/* Hostile Kafka connections against a real session and a real log, which is opened once.
 *
 * The first byte chooses how the bytes are cut into pieces; the rest are the connection's bytes. Frame
 * lengths are made right where they are absurd, so that the fuzzer spends its time behind the framing.
 * Whatever the requests say, they cost no more than a small multiple of their bytes, unless they ask for what
 * is stored.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/group_log.h"
#include "ingest/kafka_request.h"
#include "ingest/kafka_session.h"
#include "ingest/transaction_log.h"
#include "log/record_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char dir[64];
static struct kafka_broker *broker;
static struct group_log *groups;
static struct transaction_log *transactions;
static int64_t now_ms = 1;

struct call {
	void (*function)(void *argument);
	void *argument;
};

struct connection {
	struct call calls[8];
	int call_count;
	size_t sent;
	size_t answer_left; /* of an answer that comes in pieces: records are handed over, not copied */
};

static void io_send(void *context, struct buffer *bytes)
{
	struct connection *connection = context;
	/* One answer behind the other: each begins with its own length. */
	for (size_t at = 0; at < bytes->size;) {
		if (connection->answer_left == 0) {
			INVARIANT(bytes->size - at >= 8);
			connection->answer_left = (size_t)get_be32(bytes->data + at) + 4;
			INVARIANT(connection->answer_left >= 8);
		}
		size_t here = bytes->size - at;
		if (here > connection->answer_left)
			here = connection->answer_left;
		connection->answer_left -= here;
		at += here;
	}
	connection->sent += bytes->size;
	buffer_deinit(bytes);
}

static void io_wake(void *context)
{
	(void)context;
}

static void io_run_blocking(void *context, void (*function)(void *argument), void *argument)
{
	struct connection *connection = context;
	INVARIANT(connection->call_count < 8);
	connection->calls[connection->call_count++] = (struct call){function, argument};
}

static void calls_run(struct connection *connection)
{
	for (int i = 0; i < connection->call_count; i++)
		connection->calls[i].function(connection->calls[i].argument);
	connection->call_count = 0;
}

static int entry_remove(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)type, (void)walk;
	return remove(path);
}

static void clean_up(void)
{
	log_close(broker->log);
	transaction_log_close(transactions);
	group_log_close(groups);
	kafka_broker_destroy(broker);
	(void)nftw(dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	diag_set_level(DIAG_ERROR);
	(void)snprintf(
		dir, sizeof dir, "%s/kappa-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	INVARIANT(mkdtemp(dir) != NULL);
	struct log *log;
	struct log_options options = {.dir = dir};
	INVARIANT(log_open(&options, &log) == STATUS_OK);
	struct topic_config config = topic_config_default();
	INVARIANT(topic_create(log, "t", &config) == STATUS_OK);
	struct kafka_broker_options broker_options = kafka_broker_options_default();
	broker_options.log = log;
	struct group_coordinator_options group_options = group_coordinator_options_default();
	INVARIANT(group_log_open(log, &group_options, now_ms, &groups) == STATUS_OK);
	broker_options.groups = group_log_coordinator(groups);
	INVARIANT(transaction_log_open(log, broker_options.groups, &transactions) == STATUS_OK);
	transaction_log_begin(transactions, now_ms);
	broker_options.transactions = transaction_log_coordinator(transactions);
	broker_options.auto_create_topics = false; /* else the log fills with the fuzzer's ideas of names */
	broker = kafka_broker_create(&broker_options);
	INVARIANT(atexit(clean_up) == 0);
	return 0;
}

/* What makes files, or takes the topic away: CreateTopics, DeleteTopics, InitProducerId, CreatePartitions.
 * Their requests are fuzzed in fuzz_kafka_message.
 */
static bool frame_is_skipped(const uint8_t *frame, size_t size)
{
	static const uint16_t skipped[] = {19, 20, 22, 37};
	for (size_t i = 0; size >= 2 && i < sizeof skipped / sizeof skipped[0]; i++)
		if (get_be16(frame) == skipped[i])
			return true;
	return false;
}

/* What the connections before have left is asked for, or may be: Fetch, OffsetFetch, JoinGroup, SyncGroup,
 * DescribeGroups, ListGroups, DescribeProducers, DescribeTransactions, ListTransactions. */
static bool frame_asks_for_stored_data(const uint8_t *frame, size_t size)
{
	static const uint16_t keys[] = {1, 9, 11, 14, 15, 16, 61, 65, 66};
	for (size_t i = 0; size >= 2 && i < sizeof keys / sizeof keys[0]; i++)
		if (get_be16(frame) == keys[i])
			return true;
	return false;
}

/* What the connection's requests may cost together; UINT64_MAX: no bound. */
static uint64_t frames_cost_max(const uint8_t *bytes, size_t size)
{
	uint64_t cost = KAFKA_REQUEST_BYTES_PER_BYTE * (uint64_t)size;
	for (size_t at = 0; at + 4 < size;) {
		size_t length = get_be32(bytes + at);
		if (length > size - at - 4)
			break; /* never complete */
		if (frame_asks_for_stored_data(bytes + at + 4, length))
			return UINT64_MAX;
		cost += KAFKA_REQUEST_BYTES_FREE;
		at += 4 + length;
	}
	return cost;
}

static void frames_repair(uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + 4 < size;) {
		size_t length = get_be32(bytes + at);
		if (length < 8 || length > size - at - 4) {
			length = size - at - 4;
			put_be32(bytes + at, (uint32_t)length);
		}
		if (frame_is_skipped(bytes + at + 4, length))
			put_be16(bytes + at + 4, 3);
		at += 4 + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct connection connection = {0};
	struct kafka_session_io io = {
		.context = &connection, .send = io_send, .wake = io_wake, .run_blocking = io_run_blocking};
	struct kafka_session *session = kafka_session_create(broker, &io);
	size_t step = (data[0] & 0x7f) + 1u;
	uint8_t *bytes = mem_alloc(size - 1);
	memcpy(bytes, data + 1, size - 1);
	if ((data[0] & 0x80) == 0)
		frames_repair(bytes, size - 1);
	uint64_t cost_max = frames_cost_max(bytes, size - 1);
	uint64_t cost = broker->request_memory_bytes + broker->bytes_sent;
	status result = STATUS_OK;
	for (size_t at = 0; at < size - 1 && result == STATUS_OK; at += step) {
		size_t left = size - 1 - at;
		result = kafka_session_receive(session, slice_of(bytes + at, left < step ? left : step), now_ms);
		calls_run(&connection);
		if (result == STATUS_OK && kafka_session_deadline_ms(session) != INT64_MAX) {
			now_ms = kafka_session_deadline_ms(session);
			result = kafka_session_resume(session, now_ms);
			calls_run(&connection);
		}
	}
	INVARIANT(result == STATUS_OK || !kafka_session_wants_bytes(session));
	INVARIANT(broker->request_memory_bytes + broker->bytes_sent - cost <= cost_max);
	kafka_session_destroy(session);
	calls_run(&connection);
	mem_free(bytes);
	return 0;
}
