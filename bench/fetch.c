/* A consumer that costs the machine little: fetches a partition from offset 0 over one connection and looks
 * at batch headers only.
 *
 *   bench_fetch HOST PORT TOPIC RECORDS [BYTES_PER_FETCH]
 *
 * Asks with Fetch v4 until RECORDS records have come. Prints one JSON line: records, bytes (of record
 * batches), seconds, bytes_per_second, records_per_second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "log/record_batch.h"

struct fetcher {
	int socket_fd;
	const char *topic;
	int32_t bytes_max;
	struct buffer request, answer;
	int64_t offset, bytes;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void refuse(const char *what, int number)
{
	(void)fprintf(stderr, "%s %d\n", what, number);
	exit(1);
}

static void request_send(struct fetcher *fetcher)
{
	struct buffer *out = &fetcher->request;
	out->size = 0;
	buffer_append_be32(out, 0); /* size, filled in below */
	buffer_append_be16(out, 1); /* Fetch */
	buffer_append_be16(out, 4);
	buffer_append_be32(out, 1);
	buffer_append_be16(out, 5);
	buffer_append_string(out, "fetch");
	buffer_append_be32(out, UINT32_MAX); /* replica: a consumer */
	buffer_append_be32(out, 500);        /* wait at most, ms */
	buffer_append_be32(out, 1);          /* for so many bytes */
	buffer_append_be32(out, (uint32_t)fetcher->bytes_max);
	buffer_append_byte(out, 0); /* read uncommitted */
	buffer_append_be32(out, 1);
	buffer_append_be16(out, (uint16_t)strlen(fetcher->topic));
	buffer_append_string(out, fetcher->topic);
	buffer_append_be32(out, 1);
	buffer_append_be32(out, 0); /* partition */
	buffer_append_be64(out, (uint64_t)fetcher->offset);
	buffer_append_be32(out, (uint32_t)fetcher->bytes_max);
	put_be32(out->data, (uint32_t)(out->size - 4));
	for (size_t sent = 0; sent < out->size;) {
		ssize_t written = write(fetcher->socket_fd, out->data + sent, out->size - sent);
		if (written <= 0)
			die("write");
		sent += (size_t)written;
	}
}

static void read_all(int socket_fd, uint8_t *data, size_t size)
{
	while (size != 0) {
		ssize_t got = recv(socket_fd, data, size, MSG_WAITALL);
		if (got <= 0)
			die("recv");
		data += got;
		size -= (size_t)got;
	}
}

/* Walks whole batches; one cut off at the end is asked for again. */
static void batches_count(struct fetcher *fetcher, struct slice records)
{
	while (records.size >= RECORD_BATCH_HEADER_SIZE) {
		int64_t base = (int64_t)get_be64(records.data);
		size_t size = (size_t)get_be32(records.data + 8) + 12;
		int32_t last_delta = (int32_t)get_be32(records.data + 23);
		if (size > records.size)
			return;
		fetcher->offset = base + last_delta + 1;
		fetcher->bytes += (int64_t)size;
		records = slice_of(records.data + size, records.size - size);
	}
}

static void answer_read(struct fetcher *fetcher)
{
	uint8_t head[4];
	read_all(fetcher->socket_fd, head, sizeof head);
	size_t size = get_be32(head);
	fetcher->answer.size = 0;
	read_all(fetcher->socket_fd, buffer_reserve(&fetcher->answer, size), size);
	struct cursor cursor = cursor_of(slice_of(fetcher->answer.data, size));
	(void)cursor_be32(&cursor); /* correlation */
	(void)cursor_be32(&cursor); /* throttle */
	(void)cursor_be32(&cursor); /* one topic */
	(void)cursor_bytes(&cursor, cursor_be16(&cursor));
	(void)cursor_be32(&cursor); /* one partition */
	(void)cursor_be32(&cursor);
	int16_t error = (int16_t)cursor_be16(&cursor);
	(void)cursor_bytes(&cursor, 16); /* high watermark, last stable offset */
	int32_t aborted = (int32_t)cursor_be32(&cursor);
	if (aborted > 0)
		(void)cursor_bytes(&cursor, (size_t)aborted * 16);
	int32_t bytes = (int32_t)cursor_be32(&cursor);
	struct slice records = cursor_bytes(&cursor, bytes > 0 ? (size_t)bytes : 0);
	if (cursor.failed || error != 0)
		refuse("the fetch was refused: error", error);
	batches_count(fetcher, records);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		(void)fprintf(stderr, "usage: bench_fetch HOST PORT TOPIC RECORDS [BYTES_PER_FETCH]\n");
		return 2;
	}
	struct fetcher fetcher = {.topic = argv[3], .bytes_max = argc > 5 ? atoi(argv[5]) : 8 * 1024 * 1024};
	int64_t records = strtoll(argv[4], NULL, 10);
	fetcher.socket_fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 ||
		connect(fetcher.socket_fd, (struct sockaddr *)&address, sizeof address) != 0)
		die("connect");
	int one = 1;
	(void)setsockopt(fetcher.socket_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	int64_t began_ns = clock_monotonic_ns();
	int idle = 0;
	while (fetcher.offset < records) {
		int64_t before = fetcher.offset;
		request_send(&fetcher);
		answer_read(&fetcher);
		idle = fetcher.offset == before ? idle + 1 : 0;
		if (idle > 20)
			refuse("nothing more comes after offset", (int)fetcher.offset);
	}
	double seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
	printf("{\"records\":%lld,\"bytes\":%lld,\"seconds\":%.3f,\"bytes_per_second\":%.0f,\"records_per_"
		   "second\":%.0f}\n",
		(long long)fetcher.offset, (long long)fetcher.bytes, seconds, (double)fetcher.bytes / seconds,
		(double)fetcher.offset / seconds);
	buffer_deinit(&fetcher.request);
	buffer_deinit(&fetcher.answer);
	(void)close(fetcher.socket_fd);
	return 0;
}
