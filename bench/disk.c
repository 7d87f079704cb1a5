/* What the disk itself makes of a log's writes: the limit beside which a broker's acknowledgements are
 * measured.
 *
 *   bench_disk FILE BATCH_BYTES BATCHES_PER_SECOND SECONDS
 *
 * Batches become due at that rate; all that are due are appended by one write and one fdatasync, as a log's
 * group commit does, and a batch is acknowledged when that returns. Prints one JSON line: latency percentiles
 * from the time a batch was due. The file is removed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { GROUP_MAX = 1000 }; /* batches in one write */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int order(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left;
	int64_t b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

static void append(int fd, const uint8_t *bytes, size_t size)
{
	while (size != 0) {
		ssize_t written = write(fd, bytes, size);
		if (written <= 0)
			die("write");
		bytes += written;
		size -= (size_t)written;
	}
	if (fdatasync(fd) != 0)
		die("fdatasync");
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		(void)fprintf(stderr, "usage: bench_disk FILE BATCH_BYTES BATCHES_PER_SECOND SECONDS\n");
		return 2;
	}
	size_t size = strtoull(argv[2], NULL, 10);
	double rate = strtod(argv[3], NULL);
	size_t count = (size_t)(rate * strtod(argv[4], NULL)), done = 0;
	if (size == 0 || count == 0) {
		(void)fprintf(stderr, "bench_disk: nothing to write\n");
		return 2;
	}
	int fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		die(argv[1]);
	(void)unlink(argv[1]);
	uint8_t *bytes = mem_alloc(size * GROUP_MAX);
	int64_t *latencies = mem_alloc(count * sizeof *latencies);
	memset(bytes, 'x', size * GROUP_MAX);
	int64_t began_ns = clock_monotonic_ns();
	while (done < count) {
		int64_t now_ns = clock_monotonic_ns() - began_ns;
		size_t due = (size_t)((double)now_ns / 1e9 * rate) + 1, first = done;
		if (due > count)
			due = count;
		if (due > done + GROUP_MAX)
			due = done + GROUP_MAX;
		if (due == done) {
			(void)usleep(50);
			continue;
		}
		append(fd, bytes, (due - done) * size);
		int64_t acked_ns = clock_monotonic_ns() - began_ns;
		for (done = due; first < done; first++)
			latencies[first] = acked_ns - (int64_t)((double)first / rate * 1e9);
	}
	qsort(latencies, count, sizeof *latencies, order);
	printf("{\"batches\":%zu,\"ack_ms_p50\":%.3f,\"ack_ms_p99\":%.3f,\"ack_ms_max\":%.3f}\n", count,
		(double)latencies[count / 2] / 1e6, (double)latencies[count * 99 / 100] / 1e6,
		(double)latencies[count - 1] / 1e6);
	mem_free(latencies);
	mem_free(bytes);
	(void)close(fd);
	return 0;
}
