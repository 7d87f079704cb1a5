/* Connections: an echo server on the loop, a worker that streams to a slow client, ranges of a file, and
 * clients that vanish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/listener.h"
#include "server/workers.h"

enum {
	STREAM_PIECES = 400,
	STREAM_PIECE_BYTES = 64 * 1024,
	RANGES = 3,
	RANGE_BYTES = 12 * 1024 * 1024, /* more than the kernel keeps for a client that does not read */
	FILE_BYTES = RANGES * RANGE_BYTES,
	BETWEEN_BYTES = RANGE_BYTES, /* zeros before each range */
};

struct fixture {
	struct loop *loop;
	struct workers *workers;
	struct listener *listener;
	struct loop_task stop;
	pthread_t thread;
	bool streams;          /* connections stream instead of echoing */
	atomic_int open;       /* connections */
	atomic_size_t written; /* by the streaming worker */
	atomic_int outcome;    /* its last status */
	atomic_bool stream_done;
	struct listener_refusals refusals;
};

struct peer {
	struct worker_task work; /* first */
	struct fixture *fixture;
	struct connection *connection;
	struct connection_stream *stream;
};

static void peer_work(struct worker_task *task)
{
	struct peer *peer = (struct peer *)task;
	struct fixture *fixture = peer->fixture;
	static uint8_t piece[STREAM_PIECE_BYTES];
	status result = STATUS_OK;
	for (int i = 0; i < STREAM_PIECES && result == STATUS_OK; i++) {
		result = connection_stream_write(peer->stream, slice_of(piece, sizeof piece));
		if (result == STATUS_OK)
			atomic_fetch_add(&fixture->written, sizeof piece);
	}
	atomic_store(&fixture->outcome, (int)result);
	connection_stream_release(peer->stream);
	mem_free(peer);
	atomic_store(&fixture->stream_done, true);
}

static void *peer_accepted(void *context, struct connection *connection)
{
	struct fixture *fixture = context;
	struct peer *peer = mem_alloc_zeroed(1, sizeof *peer);
	peer->work.run = peer_work;
	peer->fixture = fixture;
	peer->connection = connection;
	atomic_fetch_add(&fixture->open, 1);
	if (fixture->streams) {
		peer->stream = connection_stream_create(connection);
		assert_int_equal(workers_submit(fixture->workers, &peer->work), STATUS_OK);
		return fixture; /* the worker frees the peer */
	}
	return peer;
}

static void peer_received(void *state, struct slice bytes)
{
	struct peer *peer = state;
	connection_write(peer->connection, bytes);
	if (bytes.data[bytes.size - 1] == '.')
		connection_finish(peer->connection);
}

static void echo_closed(void *state)
{
	struct peer *peer = state;
	atomic_fetch_sub(&peer->fixture->open, 1);
	mem_free(peer);
}

static void stream_received(void *state, struct slice bytes)
{
	(void)state;
	(void)bytes;
}

static void stream_closed(void *state)
{
	struct fixture *fixture = state;
	atomic_fetch_sub(&fixture->open, 1);
}

static const struct protocol echo_protocol = {
	.name = "echo", .accepted = peer_accepted, .received = peer_received, .closed = echo_closed};
static const struct protocol stream_protocol = {
	.name = "stream", .accepted = peer_accepted, .received = stream_received, .closed = stream_closed};

/* ---- ranges of a file, with bytes before, between and behind them ---- */

static struct file file;

static uint8_t file_byte(size_t position)
{
	return (uint8_t)(position * 31 + position / 4093);
}

static void file_make(void)
{
	char path[] = "/tmp/kappa-listener-XXXXXX";
	uint8_t *bytes = mem_alloc(FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES; i++)
		bytes[i] = file_byte(i);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(file_open(&file, path, FILE_UPDATE), STATUS_OK);
	assert_int_equal(file_write(&file, 0, slice_of(bytes, FILE_BYTES)), STATUS_OK);
	assert_int_equal(file_remove(path), STATUS_OK);
	mem_free(bytes);
}

static void range_received(void *state, struct slice bytes)
{
	struct peer *peer = state;
	(void)bytes;
	for (int i = 0; i < RANGES; i++) {
		struct file_range range;
		struct buffer between = {0};
		memset(buffer_reserve(&between, BETWEEN_BYTES), 0, BETWEEN_BYTES);
		between.size = BETWEEN_BYTES;
		connection_write_buffer(peer->connection, &between);
		assert_int_equal(file_range_open(&file, (int64_t)i * RANGE_BYTES, RANGE_BYTES, &range), STATUS_OK);
		connection_send_range(peer->connection, &range);
		assert_int_equal(range.fd, -1);
	}
	connection_write(peer->connection, slice_of_string("end"));
	connection_finish(peer->connection);
}

static const struct protocol range_protocol = {
	.name = "range", .accepted = peer_accepted, .received = range_received, .closed = echo_closed};

static unsigned descriptors_open(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void *loop_thread(void *argument)
{
	loop_run(((struct fixture *)argument)->loop);
	return NULL;
}

static void fixture_start_limited(
	struct fixture *fixture, const struct protocol *protocol, unsigned per_address_max)
{
	memset(fixture, 0, sizeof *fixture);
	fixture->streams = protocol == &stream_protocol;
	fixture->workers = workers_create(2);
	assert_int_equal(loop_create(&fixture->loop), STATUS_OK);
	struct listener_options options = {
		.address = "127.0.0.1",
		.connections_max = 3,
		.connections_per_address_max = per_address_max,
		.refusals = &fixture->refusals,
		.workers = fixture->workers,
		.protocol = protocol,
		.context = fixture,
	};
	assert_int_equal(listener_open(fixture->loop, &options, &fixture->listener), STATUS_OK);
	assert_int_equal(pthread_create(&fixture->thread, NULL, loop_thread, fixture), 0);
}

static void fixture_start(struct fixture *fixture, const struct protocol *protocol)
{
	fixture_start_limited(fixture, protocol, 0);
}

static void fixture_stop_run(struct loop_task *task)
{
	struct fixture *fixture = (struct fixture *)(void *)((char *)task - offsetof(struct fixture, stop));
	listener_close(fixture->listener);
	loop_stop(fixture->loop);
}

static void fixture_stop(struct fixture *fixture)
{
	fixture->stop.run = fixture_stop_run;
	loop_post(fixture->loop, &fixture->stop);
	pthread_join(fixture->thread, NULL);
	workers_destroy(fixture->workers);
	loop_run(fixture->loop); /* what workers posted */
	loop_destroy(fixture->loop);
	assert_int_equal(fixture->open, 0);
}

/* From 127.0.0.N. */
static int client_connect_from(const struct fixture *fixture, unsigned number)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval patience = {.tv_sec = 20}; /* a test that waits for ever fails */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	struct sockaddr_in from = {.sin_family = AF_INET};
	from.sin_addr.s_addr = htonl((INADDR_LOOPBACK & 0xffffff00) | number);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)listener_port(fixture->listener))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static int client_connect(const struct fixture *fixture)
{
	return client_connect_from(fixture, 1);
}

static void client_is_served(int fd)
{
	char answer = 0;
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(fd, &answer, 1, MSG_WAITALL), 1);
	assert_int_equal(answer, 'x');
}

static size_t client_read_all(int fd)
{
	static uint8_t bytes[256 * 1024];
	size_t total = 0;
	for (ssize_t got = 0; (got = read(fd, bytes, sizeof bytes)) > 0;)
		total += (size_t)got;
	return total;
}

static void bytes_come_back_and_the_connection_ends_after_the_last(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start(&fixture, &echo_protocol);
	int fd = client_connect(&fixture);
	char answer[16] = {0};
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(recv(fd, answer, 5, MSG_WAITALL), 5);
	assert_string_equal(answer, "hello");
	assert_int_equal(write(fd, "bye.", 4), 4);
	assert_int_equal(client_read_all(fd), 4);
	close(fd);
	fixture_stop(&fixture);
}

static void connections_beyond_the_limit_are_closed(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start(&fixture, &echo_protocol);
	int fds[4];
	for (int i = 0; i < 4; i++)
		fds[i] = client_connect(&fixture);
	assert_int_equal(client_read_all(fds[3]), 0);
	assert_int_equal(fixture.refusals.connections, 1);
	assert_int_equal(fixture.refusals.per_address, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	fixture_stop(&fixture);
}

static void one_address_cannot_take_all_connections(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start_limited(&fixture, &echo_protocol, 2);
	int first = client_connect(&fixture), second = client_connect(&fixture);
	client_is_served(first);
	client_is_served(second);
	int third = client_connect(&fixture);
	assert_int_equal(client_read_all(third), 0);
	assert_int_equal(fixture.refusals.per_address, 1);
	assert_int_equal(fixture.refusals.connections, 0);
	int other = client_connect_from(&fixture, 2);
	client_is_served(other);
	client_is_served(first);
	close(third);
	close(other);
	/* With one of its own gone, the address is served again. */
	close(second);
	while (atomic_load(&fixture.open) > 1)
		usleep(1000);
	int again = client_connect(&fixture);
	client_is_served(again);
	close(again);
	close(first);
	fixture_stop(&fixture);
}

static void a_limit_per_address_that_is_not_lower_changes_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start_limited(&fixture, &echo_protocol, 3);
	int fds[4];
	for (int i = 0; i < 4; i++)
		fds[i] = client_connect(&fixture);
	assert_int_equal(client_read_all(fds[3]), 0);
	assert_int_equal(fixture.refusals.connections, 1);
	assert_int_equal(fixture.refusals.per_address, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	fixture_stop(&fixture);
}

/* Until the worker streams, and as long as it then takes to get stuck with a client that does not read. */
static void stream_wait(struct fixture *fixture, unsigned then_us)
{
	while (atomic_load(&fixture->written) == 0)
		usleep(1000);
	usleep(then_us);
}

static void a_slow_client_holds_the_worker_back_and_gets_everything(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start(&fixture, &stream_protocol);
	int fd = client_connect(&fixture);
	stream_wait(&fixture, 200000);
	size_t written = atomic_load(&fixture.written);
	/* What the worker may be ahead: the bounded queue and the kernel's socket buffers. */
	assert_in_range(written, 1, (size_t)STREAM_PIECES * STREAM_PIECE_BYTES - 1);
	size_t total = 0;
	uint8_t *bytes = mem_alloc(STREAM_PIECE_BYTES);
	while (total < (size_t)STREAM_PIECES * STREAM_PIECE_BYTES) {
		ssize_t got = read(fd, bytes, STREAM_PIECE_BYTES);
		assert_true(got > 0);
		total += (size_t)got;
	}
	mem_free(bytes);
	while (!atomic_load(&fixture.stream_done))
		usleep(1000);
	assert_int_equal(fixture.outcome, STATUS_OK);
	close(fd);
	fixture_stop(&fixture);
}

static void a_client_that_vanishes_wakes_the_worker(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start(&fixture, &stream_protocol);
	int fd = client_connect(&fixture);
	stream_wait(&fixture, 100000);
	close(fd);
	while (!atomic_load(&fixture.stream_done))
		usleep(1000);
	assert_int_equal(fixture.outcome, STATUS_CANCELLED);
	fixture_stop(&fixture);
}

static void stopping_frees_a_worker_that_waits_for_a_client(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start(&fixture, &stream_protocol);
	int fd = client_connect(&fixture);
	stream_wait(&fixture, 100000);
	fixture_stop(&fixture);
	assert_int_equal(fixture.outcome, STATUS_CANCELLED);
	close(fd);
}

/* Reads in pieces, with pauses when asked for. */
static void range_read(int fd, uint8_t *bytes, bool slow)
{
	for (size_t at = 0; at < RANGE_BYTES;) {
		size_t size = RANGE_BYTES - at < 1000000 ? RANGE_BYTES - at : 1000000;
		assert_int_equal(recv(fd, bytes + at, size, MSG_WAITALL), (ssize_t)size);
		at += size;
		if (slow)
			usleep(3000);
	}
}

static void range_answer_expect(int fd, bool slow)
{
	uint8_t *bytes = mem_alloc(RANGE_BYTES);
	for (size_t i = 0; i < RANGES; i++) {
		range_read(fd, bytes, slow);
		for (size_t at = 0; at < BETWEEN_BYTES; at++)
			if (bytes[at] != 0)
				fail_msg("byte %zu before range %zu is another", at, i);
		range_read(fd, bytes, slow);
		for (size_t at = 0; at < RANGE_BYTES; at++)
			if (bytes[at] != file_byte(i * RANGE_BYTES + at))
				fail_msg("byte %zu of range %zu is another", at, i);
	}
	assert_int_equal(recv(fd, bytes, 10, MSG_WAITALL), 3); /* and the end of the connection */
	assert_memory_equal(bytes, "end", 3);
	mem_free(bytes);
}

static void ranges_of_a_file_come_in_order_with_other_bytes(void **state)
{
	(void)state;
	struct fixture fixture;
	file_make();
	unsigned before = descriptors_open();
	fixture_start(&fixture, &range_protocol);
	for (int slow = 0; slow < 2; slow++) {
		int fd = client_connect(&fixture);
		assert_int_equal(write(fd, "go", 2), 2);
		range_answer_expect(fd, slow);
		close(fd);
	}
	fixture_stop(&fixture);
	assert_int_equal(descriptors_open(), before);
	file_close(&file);
}

static void a_client_that_vanishes_amid_a_range_leaves_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	file_make();
	unsigned before = descriptors_open();
	fixture_start(&fixture, &range_protocol);
	for (unsigned i = 0; i < 20; i++) {
		static char bytes[64 * 1024];
		int fd = client_connect(&fixture);
		assert_int_equal(write(fd, "go", 2), 2);
		for (size_t at = 0; i % 2 != 0 && at <= BETWEEN_BYTES;
			 at += sizeof bytes) /* a transfer is under way … */
			assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
		if (i % 4 == 3) /* … and waits for the client */
			usleep(20000);
		close(fd);
		while (atomic_load(&fixture.open) > 0)
			usleep(1000);
	}
	fixture_stop(&fixture);
	assert_int_equal(descriptors_open(), before);
	file_close(&file);
}

static void stopping_ends_a_transfer_that_waits_for_a_client(void **state)
{
	(void)state;
	struct fixture fixture;
	file_make();
	unsigned before = descriptors_open();
	fixture_start(&fixture, &range_protocol);
	int fds[2] = {client_connect(&fixture), client_connect(&fixture)};
	assert_int_equal(write(fds[0], "go", 2), 2);
	usleep(50000);
	assert_int_equal(write(fds[1], "go", 2), 2);
	fixture_stop(&fixture);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(descriptors_open(), before);
	file_close(&file);
}

static void a_range_that_cannot_be_read_ends_its_connection(void **state)
{
	(void)state;
	struct fixture fixture;
	file_make();
	assert_int_equal(file_truncate(&file, RANGE_BYTES / 2), STATUS_OK);
	fixture_start(&fixture, &range_protocol);
	int fd = client_connect(&fixture);
	assert_int_equal(write(fd, "go", 2), 2);
	assert_in_range(client_read_all(fd), 1, BETWEEN_BYTES + RANGE_BYTES / 2);
	close(fd);
	fixture_stop(&fixture);
	file_close(&file);
}

static void a_port_in_use_is_said(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_start(&fixture, &echo_protocol);
	struct loop *loop = NULL;
	assert_int_equal(loop_create(&loop), STATUS_OK);
	struct listener_options options = {
		.address = "127.0.0.1", .port = listener_port(fixture.listener), .protocol = &echo_protocol};
	struct listener *second = NULL;
	assert_int_equal(listener_open(loop, &options, &second), STATUS_IO);
	assert_non_null(strstr(error_current()->text, "for echo"));
	loop_destroy(loop);
	fixture_stop(&fixture);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back_and_the_connection_ends_after_the_last),
		cmocka_unit_test(connections_beyond_the_limit_are_closed),
		cmocka_unit_test(one_address_cannot_take_all_connections),
		cmocka_unit_test(a_limit_per_address_that_is_not_lower_changes_nothing),
		cmocka_unit_test(a_slow_client_holds_the_worker_back_and_gets_everything),
		cmocka_unit_test(a_client_that_vanishes_wakes_the_worker),
		cmocka_unit_test(stopping_frees_a_worker_that_waits_for_a_client),
		cmocka_unit_test(ranges_of_a_file_come_in_order_with_other_bytes),
		cmocka_unit_test(a_client_that_vanishes_amid_a_range_leaves_nothing),
		cmocka_unit_test(stopping_ends_a_transfer_that_waits_for_a_client),
		cmocka_unit_test(a_range_that_cannot_be_read_ends_its_connection),
		cmocka_unit_test(a_port_in_use_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
