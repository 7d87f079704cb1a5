/* See file_range.h. */
#include "base/file_range.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { PATH_BYTES = PATH_MAX };

status file_range_open(const struct file *file, int64_t position, size_t size, struct file_range *out)
{
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_from_errno(errno, "taking another descriptor of %s", file->path);
	*out = (struct file_range){fd, position, size};
	return STATUS_OK;
}

void file_range_close(struct file_range *range)
{
	if (range->fd >= 0)
		(void)close(range->fd);
	range->fd = -1;
}

/* Where the file is now; it may have been renamed or removed since. */
static const char *range_path(const struct file_range *range, char path[PATH_BYTES])
{
	char link[64];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", range->fd);
	ssize_t length = readlink(link, path, PATH_BYTES - 1);
	path[length < 0 ? 0 : length] = '\0';
	return path;
}

static bool peer_is_gone(int failed)
{
	return failed == EPIPE || failed == ECONNRESET || failed == ECONNABORTED || failed == ETIMEDOUT ||
		   failed == ENOTCONN;
}

status file_range_send(struct file_range *range, int socket_fd, size_t *sent)
{
	char path[PATH_BYTES];
	*sent = 0;
	while (range->size != 0) {
		off_t position = (off_t)range->position;
		ssize_t now = sendfile(socket_fd, range->fd, &position, range->size);
		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0 && errno == EAGAIN)
			break;
		if (now < 0 && peer_is_gone(errno))
			return error_raise(STATUS_CANCELLED, "the client closed the connection");
		if (now < 0)
			return error_from_errno(errno, "sending byte %lld and what follows of %s",
				(long long)range->position, range_path(range, path));
		if (now == 0)
			return error_raise(STATUS_DAMAGED, "%s is damaged at byte %lld: the file was cut off",
				range_path(range, path), (long long)range->position);
		range->position += now;
		range->size -= (size_t)now;
		*sent += (size_t)now;
	}
	return STATUS_OK;
}
