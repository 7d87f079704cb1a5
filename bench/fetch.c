/* A consumer of the Kafka protocol that costs the machine little, and clients that only wait.
 *
 *   bench_fetch HOST PORT consume TOPIC [CONNECTIONS] [BYTES_MAX] [PASSES]
 *   bench_fetch HOST PORT wait TOPIC IDLE PARKED ROUNDS SERVER_PID [VALUE_BYTES]
 *
 * consume: each connection fetches partition 0 from its beginning to its end, PASSES times; record batches
 * are walked by their headers, not decoded. Prints bytes, seconds, bytes_per_second. wait: opens IDLE
 * connections that do nothing and PARKED fetches on partitions 1 and up of the topic, where nothing is
 * produced; then produces single records to partition 0 and measures the time from the request to the parked
 * fetch's answer and the server's processor time, and that of a second in which nothing happens. Each prints
 * one JSON line.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "log/record_batch.h"

static struct sockaddr_in server;
static const char *topic;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;
	if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
		die("connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void write_all(int fd, const struct buffer *bytes)
{
	for (size_t at = 0; at < bytes->size;) {
		ssize_t written = write(fd, bytes->data + at, bytes->size - at);
		if (written <= 0)
			die("write");
		at += (size_t)written;
	}
}

static void read_all(int fd, uint8_t *data, size_t size)
{
	while (size != 0) {
		ssize_t got = read(fd, data, size);
		if (got <= 0)
			die("read");
		data += got;
		size -= (size_t)got;
	}
}

static void request_begin(struct buffer *out, int16_t key, int16_t version)
{
	out->size = 0;
	buffer_append_be32(out, 0);
	buffer_append_be16(out, (uint16_t)key);
	buffer_append_be16(out, (uint16_t)version);
	buffer_append_be32(out, 7);
	buffer_append_be16(out, 5);
	buffer_append_string(out, "bench");
}

static void text_append(struct buffer *out, const char *text)
{
	buffer_append_be16(out, (uint16_t)strlen(text));
	buffer_append_string(out, text);
}

static void request_send(int fd, struct buffer *request)
{
	put_be32(request->data, (uint32_t)(request->size - 4));
	write_all(fd, request);
}

static void fetch_send(
	int fd, struct buffer *request, int32_t partition, int64_t offset, int32_t bytes_max, int32_t wait_ms)
{
	request_begin(request, 1, 4);
	buffer_append_be32(request, UINT32_MAX); /* replica −1 */
	buffer_append_be32(request, (uint32_t)wait_ms);
	buffer_append_be32(request, 1); /* min bytes */
	buffer_append_be32(request, (uint32_t)bytes_max);
	buffer_append_byte(request, 0); /* read_uncommitted */
	buffer_append_be32(request, 1);
	text_append(request, topic);
	buffer_append_be32(request, 1);
	buffer_append_be32(request, (uint32_t)partition);
	buffer_append_be64(request, (uint64_t)offset);
	buffer_append_be32(request, (uint32_t)bytes_max);
	request_send(fd, request);
}

/* The answer's record batches, borrowed from `answer`; *end is the high watermark. */
static struct slice fetch_receive(int fd, struct buffer *answer, int64_t *end)
{
	uint8_t size[4];
	read_all(fd, size, 4);
	answer->size = 0;
	uint8_t *at = buffer_reserve(answer, get_be32(size));
	read_all(fd, at, get_be32(size));
	answer->size = get_be32(size);
	struct cursor cursor = cursor_of(buffer_slice(answer));
	(void)cursor_bytes(&cursor, 4 + 4 + 4);
	(void)cursor_bytes(&cursor, cursor_be16(&cursor));
	(void)cursor_bytes(&cursor, 4 + 4);
	int16_t failed = (int16_t)cursor_be16(&cursor);
	*end = (int64_t)cursor_be64(&cursor);
	(void)cursor_bytes(&cursor, 8 + 4);
	size_t records = cursor_be32(&cursor);
	struct slice bytes = cursor_bytes(&cursor, records);
	if (cursor.failed || failed != 0) {
		(void)fprintf(stderr, "fetch refused: error %d\n", failed);
		exit(1);
	}
	return bytes;
}

/* ---- consume ---- */

struct consumer {
	pthread_t thread;
	int32_t bytes_max;
	int64_t passes, bytes, records;
};

static int64_t batches_walk(struct slice bytes, int64_t offset, int64_t *records)
{
	struct record_batch batch;
	while (bytes.size != 0 && record_batch_header(bytes, &batch) == STATUS_OK) {
		offset = batch.base_offset + batch.last_offset_delta + 1;
		*records += batch.count;
		bytes = slice_of(bytes.data + batch.size, bytes.size - batch.size);
	}
	return offset;
}

static void *consume(void *argument)
{
	struct consumer *consumer = argument;
	struct buffer request, answer;
	int fd = dial();
	buffer_init(&request);
	buffer_init(&answer);
	for (int64_t pass = 0; pass < consumer->passes; pass++) {
		int64_t offset = 0, end = 1;
		while (offset < end) {
			fetch_send(fd, &request, 0, offset, consumer->bytes_max, 0);
			struct slice bytes = fetch_receive(fd, &answer, &end);
			consumer->bytes += (int64_t)bytes.size;
			offset = batches_walk(bytes, offset, &consumer->records);
		}
	}
	buffer_deinit(&request);
	buffer_deinit(&answer);
	(void)close(fd);
	return NULL;
}

static void consume_run(int64_t connections, int32_t bytes_max, int64_t passes)
{
	struct consumer *consumers = mem_alloc_zeroed((size_t)connections, sizeof *consumers);
	int64_t began_ns = clock_monotonic_ns(), bytes = 0, records = 0;
	for (int64_t i = 0; i < connections; i++) {
		consumers[i] = (struct consumer){.bytes_max = bytes_max, .passes = passes};
		if (pthread_create(&consumers[i].thread, NULL, consume, &consumers[i]) != 0)
			die("pthread_create");
	}
	for (int64_t i = 0; i < connections; i++) {
		(void)pthread_join(consumers[i].thread, NULL);
		bytes += consumers[i].bytes;
		records += consumers[i].records;
	}
	double seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
	printf("{\"bytes\":%lld,\"records\":%lld,\"seconds\":%.3f,\"bytes_per_second\":%.0f,\"records_per_"
		   "second\":%.0f}\n",
		(long long)bytes, (long long)records, seconds, (double)bytes / seconds, (double)records / seconds);
	mem_free(consumers);
}

/* ---- wait ---- */

static double processor_seconds(const char *pid)
{
	char path[64], text[1024] = "";
	(void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		die(path);
	(void)!fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	unsigned long user = 0, kernel = 0;
	const char *at = strrchr(text, ')');
	if (at == NULL ||
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
		die("stat");
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static void produce_one(int fd, struct buffer *request, struct slice value)
{
	struct record_batch_builder builder;
	struct buffer batch;
	uint8_t size[4], answer[512];
	record_batch_builder_init(&builder);
	buffer_init(&batch);
	record_batch_builder_add(&builder, clock_wall_ms(), (struct slice){0}, value, NULL, 0);
	if (record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch) != STATUS_OK)
		exit(1);
	request_begin(request, 0, 7);
	buffer_append_be16(request, UINT16_MAX); /* no transactional id */
	buffer_append_be16(request, UINT16_MAX); /* acks=all */
	buffer_append_be32(request, 10000);
	buffer_append_be32(request, 1);
	text_append(request, topic);
	buffer_append_be32(request, 1);
	buffer_append_be32(request, 0);
	buffer_append_be32(request, (uint32_t)batch.size);
	buffer_append(request, batch.data, batch.size);
	request_send(fd, request);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
	read_all(fd, size, 4);
	if (get_be32(size) > sizeof answer)
		exit(1);
	read_all(fd, answer, get_be32(size));
}

static int order(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

static void wait_run(int64_t idle, int64_t parked, int64_t rounds, const char *pid, size_t value_bytes)
{
	struct buffer request, answer, value;
	int64_t end = 0, *latencies = mem_alloc((size_t)rounds * sizeof *latencies);
	buffer_init(&request);
	buffer_init(&answer);
	buffer_init(&value);
	memset(buffer_reserve(&value, value_bytes), 'x', value_bytes);
	value.size = value_bytes;
	for (int64_t i = 0; i < idle; i++)
		(void)dial();
	for (int64_t i = 0; i < parked; i++)
		fetch_send(dial(), &request, (int32_t)(1 + i), 0, 1 << 20, 600 * 1000);
	int consumer = dial(), producer = dial();
	fetch_send(consumer, &request, 0, 0, 1, 0); /* where it ends */
	(void)fetch_receive(consumer, &answer, &end);
	double before = processor_seconds(pid);
	(void)sleep(1);
	double idle_seconds = processor_seconds(pid) - before;
	before = processor_seconds(pid);
	for (int64_t i = 0; i < rounds; i++) {
		int64_t ignored;
		fetch_send(consumer, &request, 0, end + i, 1 << 20, 10000);
		(void)usleep(200); /* it parks */
		int64_t began_ns = clock_monotonic_ns();
		produce_one(producer, &request, buffer_slice(&value));
		(void)fetch_receive(consumer, &answer, &ignored);
		latencies[i] = clock_monotonic_ns() - began_ns;
	}
	double busy_seconds = processor_seconds(pid) - before;
	qsort(latencies, (size_t)rounds, sizeof *latencies, order);
	printf("{\"idle\":%lld,\"parked\":%lld,\"rounds\":%lld,\"latency_us_p50\":%.1f,\"latency_us_p99\":%.1f,"
		   "\"server_us_per_round\":%.1f,\"server_ms_per_idle_second\":%.1f}\n",
		(long long)idle, (long long)parked, (long long)rounds, (double)latencies[rounds / 2] / 1e3,
		(double)latencies[rounds * 99 / 100] / 1e3, busy_seconds / (double)rounds * 1e6, idle_seconds * 1e3);
	mem_free(latencies);
	buffer_deinit(&value);
	buffer_deinit(&request);
	buffer_deinit(&answer);
}

int main(int argc, char **argv)
{
	bool waits = argc > 3 && strcmp(argv[3], "wait") == 0;
	if (argc < (waits ? 9 : 5)) {
		(void)fprintf(stderr,
			"usage: bench_fetch HOST PORT consume TOPIC [CONNECTIONS] [BYTES_MAX] [PASSES]\n"
			"       bench_fetch HOST PORT wait TOPIC IDLE PARKED ROUNDS SERVER_PID [VALUE_BYTES]\n");
		return 2;
	}
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
		die("address");
	topic = argv[4];
	if (waits)
		wait_run(atoll(argv[5]), atoll(argv[6]), atoll(argv[7]), argv[8],
			argc > 9 ? strtoull(argv[9], NULL, 10) : 10);
	else
		consume_run(
			argc > 5 ? atoll(argv[5]) : 1, argc > 6 ? atoi(argv[6]) : 4 << 20, argc > 7 ? atoll(argv[7]) : 1);
	return 0;
}
