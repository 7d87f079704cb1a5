/* A stretch of a file on its way to a socket without passing through our memory: sendfile(2) hands the pages
 * of the page cache to the socket.
 *
 * The range has a descriptor of its own, so that it stays readable when the file it was taken from is closed
 * or loses its name. Its bytes must not change until the peer has them: the log's published bytes never do.
 */
#ifndef KAPPA_BASE_FILE_RANGE_H
#define KAPPA_BASE_FILE_RANGE_H

#include "base/file.h"

struct file_range {
	int fd;           /* −1 = none */
	int64_t position; /* of the next byte to send */
	size_t size;      /* bytes from there on */
};

/* IO when the process has no descriptor left. */
status file_range_open(
	const struct file *file, int64_t position, size_t size, struct file_range *out) MUST_USE;
/* Accepts {.fd = −1}, and leaves that. */
void file_range_close(struct file_range *range);

/* Sends what a non-blocking socket takes now, from the front of the range; *sent says how much, 0 when it
 * takes nothing. Waits for the disk where pages are not in memory: never on the network thread. CANCELLED
 * when the peer is gone, IO naming the file when it cannot be read, DAMAGED when it ends too early. */
status file_range_send(struct file_range *range, int socket_fd, size_t *sent) MUST_USE;

#endif
