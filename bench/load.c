/* A load generator for the Kafka protocol that costs the machine little: record batches are encoded before
 * the clock starts, then sent as Produce v7 requests over one connection, several in flight, each
 * acknowledged after fsync.
 *
 *   bench_load HOST PORT TOPIC FILE [RECORDS_PER_BATCH] [IN_FLIGHT] [RECORDS_PER_SECOND]
 *
 * Prints one JSON line: records, began_s (wall clock), seconds, records_per_second, ack latency percentiles
 * (ms). RECORDS_PER_SECOND 0 = as fast as it goes; otherwise latencies count from when a request was due, so
 * that one that could not be sent because others waited is late, too.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "log/record_batch.h"

struct request {
	size_t offset, size; /* within the encoded bytes */
	int64_t records;
	int64_t sent_ns, acked_ns;
};

struct load {
	struct buffer bytes;
	struct request *requests;
	size_t count, capacity;
	int64_t records;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Produce v7: correlation id = request number, acks = −1, one topic, one partition. */
static void append_request(struct load *load, const char *topic, const struct buffer *batch, int64_t records)
{
	if (load->count == load->capacity) {
		load->capacity = load->capacity == 0 ? 1024 : load->capacity * 2;
		load->requests = mem_resize(load->requests, load->capacity * sizeof *load->requests);
	}
	struct buffer *out = &load->bytes;
	size_t begin = out->size;
	buffer_append_be32(out, 0); /* size, filled in below */
	buffer_append_be16(out, 0); /* Produce */
	buffer_append_be16(out, 7);
	buffer_append_be32(out, (uint32_t)load->count);
	buffer_append_be16(out, 4);
	buffer_append_string(out, "load");
	buffer_append_be16(out, 0xffff); /* no transactional id */
	buffer_append_be16(out, 0xffff); /* acks all */
	buffer_append_be32(out, 30000);
	buffer_append_be32(out, 1);
	buffer_append_be16(out, (uint16_t)strlen(topic));
	buffer_append_string(out, topic);
	buffer_append_be32(out, 1);
	buffer_append_be32(out, 0); /* partition */
	buffer_append_be32(out, (uint32_t)batch->size);
	buffer_append(out, batch->data, batch->size);
	put_be32(out->data + begin, (uint32_t)(out->size - begin - 4));
	load->requests[load->count++] =
		(struct request){.offset = begin, .size = out->size - begin, .records = records};
	load->records += records;
}

static void encode(struct load *load, const char *path, const char *topic, int64_t per_batch)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		die(path);
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	struct buffer batch;
	buffer_init(&batch);
	char *line = NULL;
	size_t room = 0;
	int64_t pending = 0;
	int64_t timestamp_ms = clock_wall_ms();
	for (;;) {
		ssize_t length = getline(&line, &room, file);
		if (length > 0) {
			record_batch_builder_add(
				&builder, timestamp_ms, (struct slice){0}, slice_of(line, (size_t)length - 1), NULL, 0);
			pending++;
		}
		if (pending == per_batch || (length <= 0 && pending != 0)) {
			batch.size = 0;
			if (record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch) != STATUS_OK)
				exit(1);
			append_request(load, topic, &batch, pending);
			pending = 0;
		}
		if (length <= 0)
			break;
	}
	free(line);
	(void)fclose(file);
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

static void write_all(int socket_fd, const uint8_t *data, size_t size)
{
	while (size != 0) {
		ssize_t written = write(socket_fd, data, size);
		if (written <= 0)
			die("write");
		data += written;
		size -= (size_t)written;
	}
}

static void read_all(int socket_fd, uint8_t *data, size_t size)
{
	while (size != 0) {
		ssize_t got = read(socket_fd, data, size);
		if (got <= 0)
			die("read");
		data += got;
		size -= (size_t)got;
	}
}

/* Error code of the answer's only partition; the answer's layout up to it is fixed by our request. */
static void read_ack(int socket_fd, struct load *load, size_t topic_length)
{
	uint8_t head[4];
	read_all(socket_fd, head, 4);
	size_t size = get_be32(head);
	uint8_t *body = mem_alloc(size);
	read_all(socket_fd, body, size);
	size_t number = get_be32(body);
	size_t at = 4 + 4 + 2 + topic_length + 4 + 4;
	if (number >= load->count || at + 2 > size || get_be16(body + at) != 0) {
		(void)fprintf(stderr, "request %zu refused: error %d\n", number,
			at + 2 <= size ? (int16_t)get_be16(body + at) : -1);
		exit(1);
	}
	load->requests[number].acked_ns = clock_monotonic_ns();
	mem_free(body);
}

/* Waits until an acknowledgement can be read: true; or until then: false. */
static bool ack_arrives(int socket_fd, int64_t until_ns)
{
	int64_t wait_ns = until_ns - clock_monotonic_ns();
	if (wait_ns < 0)
		wait_ns = 0;
	struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
	struct pollfd poll = {.fd = socket_fd, .events = POLLIN};
	return ppoll(&poll, 1, &wait, NULL) == 1;
}

static void pause_until(int64_t until_ns)
{
	int64_t wait_ns = until_ns - clock_monotonic_ns();
	if (wait_ns <= 0)
		return;
	struct timespec pause = {wait_ns / 1000000000, wait_ns % 1000000000};
	(void)nanosleep(&pause, NULL);
}

static int order(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left;
	int64_t b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		(void)fprintf(stderr,
			"usage: bench_load HOST PORT TOPIC FILE [RECORDS_PER_BATCH] [IN_FLIGHT] [RECORDS_PER_SECOND]\n");
		return 2;
	}
	struct load load = {0};
	size_t in_flight = argc > 6 ? strtoull(argv[6], NULL, 10) : 8;
	double rate = argc > 7 ? strtod(argv[7], NULL) : 0;
	encode(&load, argv[4], argv[3], argc > 5 ? strtoll(argv[5], NULL, 10) : 1000);
	int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 ||
		connect(socket_fd, (struct sockaddr *)&address, sizeof address) != 0)
		die("connect");
	int one = 1;
	(void)setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	int64_t began_ms = clock_wall_ms();
	int64_t began_ns = clock_monotonic_ns();
	size_t acked = 0;
	int64_t sent_records = 0;
	for (size_t i = 0; i < load.count; i++) {
		while (i - acked >= in_flight) {
			read_ack(socket_fd, &load, strlen(argv[3]));
			acked++;
		}
		int64_t due_ns = 0;
		if (rate > 0) {
			due_ns = began_ns + (int64_t)((double)sent_records / rate * 1e9);
			while (acked < i && ack_arrives(socket_fd, due_ns)) {
				read_ack(socket_fd, &load, strlen(argv[3]));
				acked++;
			}
			pause_until(due_ns);
		}
		load.requests[i].sent_ns = rate > 0 ? due_ns : clock_monotonic_ns();
		write_all(socket_fd, load.bytes.data + load.requests[i].offset, load.requests[i].size);
		sent_records += load.requests[i].records;
	}
	while (acked < load.count) {
		read_ack(socket_fd, &load, strlen(argv[3]));
		acked++;
	}
	double seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
	int64_t *latencies = mem_alloc(load.count * sizeof *latencies);
	for (size_t i = 0; i < load.count; i++)
		latencies[i] = load.requests[i].acked_ns - load.requests[i].sent_ns;
	qsort(latencies, load.count, sizeof *latencies, order);
	printf("{\"records\":%lld,\"began_s\":%.3f,\"seconds\":%.3f,\"records_per_second\":%.0f,\"ack_ms_p50\":%."
		   "3f,\"ack_ms_"
		   "p99\":%.3f,\"ack_ms_max\":%.3f}\n",
		(long long)load.records, (double)began_ms / 1e3, seconds, (double)load.records / seconds,
		(double)latencies[load.count / 2] / 1e6, (double)latencies[load.count * 99 / 100] / 1e6,
		(double)latencies[load.count - 1] / 1e6);
	mem_free(latencies);
	mem_free(load.requests);
	buffer_deinit(&load.bytes);
	(void)close(socket_fd);
	return 0;
}
