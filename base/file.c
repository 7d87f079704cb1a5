/* File I/O over POSIX calls; see file.h. The hook is asked first, then the kernel. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/invariant.h"
#include "base/memory.h"

enum { WRITE_PARTS_MAX = 256, PATH_BYTES_MAX = 4096 };

static _Atomic(file_hook) hook_now;
static void *hook_context;

void file_inject(file_hook hook, void *context)
{
	hook_context = context;
	atomic_store(&hook_now, hook);
}

/* 0 or the errno the operation has to fail with. */
static int hook_ask(const struct file_event *event, size_t *written)
{
	file_hook hook = atomic_load_explicit(&hook_now, memory_order_acquire);
	return hook != NULL ? hook(hook_context, event, written) : 0;
}

static int hook_ask_path(enum file_operation operation, const char *path)
{
	size_t written = 0;
	return hook_ask(&(struct file_event){.operation = operation, .path = path}, &written);
}

static status path_error(int saved_errno, const char *doing, const char *path)
{
	if (saved_errno == ENOENT)
		return error_raise(STATUS_NOT_FOUND, "%s %s: no such file or directory", doing, path);
	if (saved_errno == EEXIST)
		return error_raise(STATUS_EXISTS, "%s %s: exists already", doing, path);
	return error_from_errno(saved_errno, "%s %s", doing, path);
}

static status file_open_flags(struct file *file, const char *path, int flags)
{
	int fd;
	bool creates = (flags & O_CREAT) != 0;
	int failed = hook_ask_path(creates ? FILE_OP_CREATE : FILE_OP_OPEN, path);
	if (failed != 0)
		return path_error(failed, "opening", path);
	do {
		fd = open(path, flags | O_CLOEXEC, 0640);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return path_error(errno, creates ? "creating" : "opening", path);
	file->fd = fd;
	file->path = mem_copy_string(path);
	return STATUS_OK;
}

status file_open(struct file *file, const char *path, enum file_mode mode)
{
	static const int flags[] = {
		[FILE_READ] = O_RDONLY,
		[FILE_UPDATE] = O_RDWR,
		[FILE_CREATE] = O_RDWR | O_CREAT | O_EXCL,
		[FILE_REPLACE] = O_RDWR | O_CREAT | O_TRUNC,
	};
	return file_open_flags(file, path, flags[mode]);
}

void file_close(struct file *file)
{
	if (file->fd >= 0)
		(void)close(file->fd); /* what matters was synced before */
	mem_free(file->path);
	*file = (struct file){-1, NULL};
}

status file_size(const struct file *file, int64_t *size)
{
	struct stat about;
	if (fstat(file->fd, &about) != 0)
		return path_error(errno, "asking the size of", file->path);
	*size = (int64_t)about.st_size;
	return STATUS_OK;
}

status file_read(const struct file *file, int64_t position, void *data, size_t size, size_t *got)
{
	size_t written = 0, done = 0;
	struct file_event event = {FILE_OP_READ, file->path, NULL, position, size};
	int failed = hook_ask(&event, &written);
	if (failed != 0)
		return error_from_errno(failed, "reading %s at byte %lld", file->path, (long long)position);
	while (done < size) {
		ssize_t now = pread(file->fd, (uint8_t *)data + done, size - done, (off_t)position + (off_t)done);
		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return error_from_errno(
				errno, "reading %s at byte %lld", file->path, (long long)position + (long long)done);
		if (now == 0)
			break;
		done += (size_t)now;
	}
	*got = done;
	return STATUS_OK;
}

/* Writes the first `limit` bytes of the parts. */
static status write_parts(
	const struct file *file, int64_t position, const struct slice *parts, size_t count, size_t limit)
{
	struct iovec vectors[WRITE_PARTS_MAX];
	size_t part = 0, skip = 0; /* `skip` bytes of parts[part] are written already */
	while (limit != 0) {
		int used = 0;
		size_t planned = 0;
		for (size_t i = part; i < count && used < WRITE_PARTS_MAX && planned < limit; i++) {
			size_t from = i == part ? skip : 0;
			size_t size = parts[i].size - from;
			if (size > limit - planned)
				size = limit - planned;
			if (size == 0)
				continue;
			vectors[used++] = (struct iovec){(void *)(uintptr_t)(parts[i].data + from), size};
			planned += size;
		}
		INVARIANT(used > 0);
		ssize_t now = pwritev(file->fd, vectors, used, (off_t)position);
		if (now < 0 && errno == EINTR)
			continue;
		if (now <= 0)
			return error_from_errno(
				now < 0 ? errno : EIO, "writing %s at byte %lld", file->path, (long long)position);
		position += now;
		limit -= (size_t)now;
		for (size_t left = (size_t)now; left != 0;) {
			size_t here = parts[part].size - skip;
			if (left < here) {
				skip += left;
				break;
			}
			left -= here;
			part++;
			skip = 0;
		}
	}
	return STATUS_OK;
}

status file_write_parts(const struct file *file, int64_t position, const struct slice *parts, size_t count)
{
	size_t size = 0, written = 0;
	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	struct file_event event = {FILE_OP_WRITE, file->path, NULL, position, size};
	int failed = hook_ask(&event, &written);
	if (failed != 0) {
		INVARIANT(written <= size);
		status torn = write_parts(file, position, parts, count, written);
		(void)torn;
		return error_from_errno(failed, "writing %s at byte %lld", file->path, (long long)position);
	}
	return write_parts(file, position, parts, count, size);
}

status file_write(const struct file *file, int64_t position, struct slice bytes)
{
	return file_write_parts(file, position, &bytes, 1);
}

void file_write_out(const struct file *file, int64_t position, int64_t size)
{
	(void)sync_file_range(file->fd, (off64_t)position, (off64_t)size, SYNC_FILE_RANGE_WRITE);
}

status file_sync(const struct file *file)
{
	int failed = hook_ask_path(FILE_OP_SYNC, file->path);
	if (failed == 0 && fdatasync(file->fd) != 0)
		failed = errno;
	if (failed != 0)
		return error_from_errno(failed, "syncing %s", file->path);
	return STATUS_OK;
}

status file_truncate(const struct file *file, int64_t size)
{
	size_t written = 0;
	struct file_event event = {FILE_OP_TRUNCATE, file->path, NULL, size, 0};
	int failed = hook_ask(&event, &written);
	while (failed == 0 && ftruncate(file->fd, (off_t)size) != 0)
		if (errno != EINTR)
			failed = errno;
	if (failed != 0)
		return error_from_errno(failed, "cutting %s to %lld bytes", file->path, (long long)size);
	return STATUS_OK;
}

status file_lock(struct file *file, const char *path)
{
	struct file locked = {-1, NULL};
	status result = file_open_flags(&locked, path, O_RDWR | O_CREAT);
	if (result != STATUS_OK)
		return result;
	if (flock(locked.fd, LOCK_EX | LOCK_NB) != 0) {
		int saved_errno = errno;
		file_close(&locked);
		if (saved_errno != EWOULDBLOCK)
			return error_from_errno(saved_errno, "locking %s", path);
		error_raise(STATUS_LOCKED, "%s is held by another process", path);
		error_hint("Stop the other server, or give this one a data directory of its own.");
		return STATUS_LOCKED;
	}
	*file = locked;
	return STATUS_OK;
}

status file_read_all(const char *path, size_t size_max, struct buffer *out)
{
	struct file file = {-1, NULL};
	int64_t size = 0;
	size_t got = 0;
	status result = file_open(&file, path, FILE_READ);
	if (result != STATUS_OK)
		return result;
	result = file_size(&file, &size);
	if (result == STATUS_OK && (uint64_t)size > size_max)
		result = error_raise(
			STATUS_TOO_LARGE, "%s has %lld bytes, at most %zu are expected", path, (long long)size, size_max);
	if (result == STATUS_OK)
		result = file_read(&file, 0, buffer_reserve(out, (size_t)size), (size_t)size, &got);
	if (result == STATUS_OK)
		out->size += got;
	file_close(&file);
	return result;
}

status file_write_all(const char *path, struct slice bytes)
{
	struct file file = {-1, NULL};
	status result = file_open(&file, path, FILE_REPLACE);
	if (result == STATUS_OK && bytes.size != 0)
		result = file_write(&file, 0, bytes);
	file_close(&file);
	return result;
}

status file_replace(const char *path, struct slice bytes)
{
	struct file file = {-1, NULL};
	char fresh[PATH_BYTES_MAX];
	if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
		return error_raise(STATUS_TOO_LARGE, "path too long: %s", path);
	status result = file_open(&file, fresh, FILE_REPLACE);
	if (result == STATUS_OK && bytes.size != 0)
		result = file_write(&file, 0, bytes);
	if (result == STATUS_OK)
		result = file_sync(&file);
	file_close(&file);
	if (result == STATUS_OK)
		result = file_rename(fresh, path);
	if (result == STATUS_OK)
		result = directory_sync_parent(path);
	return result;
}

status file_rename(const char *from, const char *to)
{
	size_t written = 0;
	struct file_event event = {.operation = FILE_OP_RENAME, .path = from, .target = to};
	int failed = hook_ask(&event, &written);
	if (failed == 0 && rename(from, to) != 0)
		failed = errno;
	return failed == 0 ? STATUS_OK : path_error(failed, "renaming", from);
}

status file_remove(const char *path)
{
	int failed = hook_ask_path(FILE_OP_REMOVE, path);
	if (failed == 0 && unlink(path) != 0)
		failed = errno;
	return failed == 0 ? STATUS_OK : path_error(failed, "removing", path);
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

status directory_create(const char *path)
{
	int failed = hook_ask_path(FILE_OP_MKDIR, path);
	if (failed == 0 && mkdir(path, 0750) != 0)
		failed = errno;
	return failed == 0 ? STATUS_OK : path_error(failed, "creating directory", path);
}

status directory_sync(const char *path)
{
	int failed = hook_ask_path(FILE_OP_SYNC_DIRECTORY, path);
	if (failed == 0) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0)
			failed = errno;
		if (fd >= 0)
			(void)close(fd);
	}
	return failed == 0 ? STATUS_OK : path_error(failed, "syncing directory", path);
}

status directory_sync_parent(const char *path)
{
	char parent[PATH_BYTES_MAX];
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 0 && path[length - 1] != '/')
		length--;
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length >= sizeof parent)
		return error_raise(STATUS_TOO_LARGE, "path too long: %s", path);
	if (length == 0)
		return directory_sync(".");
	memcpy(parent, path, length);
	parent[length] = '\0';
	return directory_sync(parent);
}

static int name_compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

status directory_list(const char *path, struct directory_list *out)
{
	struct directory_list list = {NULL, 0};
	size_t capacity = 0;
	DIR *directory = opendir(path);
	if (directory == NULL)
		return path_error(errno, "listing", path);
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(directory);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (list.count == capacity) {
			capacity = capacity == 0 ? 16 : capacity * 2;
			list.names = mem_resize(list.names, capacity * sizeof *list.names);
		}
		list.names[list.count++] = mem_copy_string(entry->d_name);
	}
	int failed = errno;
	(void)closedir(directory);
	if (failed != 0) {
		directory_list_free(&list);
		return path_error(failed, "listing", path);
	}
	if (list.count != 0)
		qsort(list.names, list.count, sizeof *list.names, name_compare);
	*out = list;
	return STATUS_OK;
}

void directory_list_free(struct directory_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->names[i]);
	mem_free(list->names);
	*list = (struct directory_list){NULL, 0};
}

status directory_remove(const char *path)
{
	struct directory_list list;
	status result = directory_list(path, &list);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < list.count && result == STATUS_OK; i++) {
		char below[PATH_BYTES_MAX];
		struct stat about;
		if (snprintf(below, sizeof below, "%s/%s", path, list.names[i]) >= (int)sizeof below)
			result = error_raise(STATUS_TOO_LARGE, "path too long below %s", path);
		else if (lstat(below, &about) != 0)
			result = path_error(errno, "removing", below);
		else
			result = S_ISDIR(about.st_mode) ? directory_remove(below) : file_remove(below);
	}
	directory_list_free(&list);
	if (result != STATUS_OK)
		return result;
	int failed = hook_ask_path(FILE_OP_REMOVE, path);
	if (failed == 0 && rmdir(path) != 0)
		failed = errno;
	return failed == 0 ? STATUS_OK : path_error(failed, "removing directory", path);
}
