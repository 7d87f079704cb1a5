/* A followed file; see line_file.h. */
#include "ingest/line_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"

enum { READ_BYTES = 1024 * 1024, FINISHED_MAX = 16, NOTE_SIZE_MAX = 4096 + 200 };

struct identity {
	uint64_t device, inode;
};

struct line_file {
	char *path, *directory;
	const char *base; /* of the path */
	struct line_file_options options;
	int64_t grace_ms;

	/* The file being read; fd −1 = none. */
	int fd;
	struct identity identity;
	int64_t offset;        /* of pending.data[start] */
	struct buffer pending; /* read and not yet returned, from `start` on */
	size_t start, scanned; /* no newline in [start, scanned) */
	uint64_t fingerprint;  /* of the first fingerprint_size bytes */
	size_t fingerprint_size;
	bool idle;          /* the last read found nothing */
	int64_t rotated_ns; /* when the name was seen to be another file's and this one last grew; 0 = not */

	struct identity finished[FINISHED_MAX]; /* read to their end by this process, newest last */
	size_t finished_count;
};

static void note(const struct line_file *file, const char *format, ...) PRINTF_LIKE(2, 3);

static void note(const struct line_file *file, const char *format, ...)
{
	char text[NOTE_SIZE_MAX];
	va_list arguments;
	if (file->options.note == NULL)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	file->options.note(file->options.context, text);
}

/* ---- positions ---- */

void line_file_position_format(const struct line_file_position *position, struct buffer *out)
{
	buffer_printf(out, "%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%016" PRIx64 ":%" PRId64, position->device,
		position->inode, position->offset, position->fingerprint, position->written_ns);
}

status line_file_position_parse(const char *text, struct line_file_position *out)
{
	struct line_file_position position;
	int used = -1;
	int fields =
		sscanf(text, "%" SCNu64 ":%" SCNu64 ":%" SCNd64 ":%" SCNx64 ":%" SCNd64 "%n", &position.device,
			&position.inode, &position.offset, &position.fingerprint, &position.written_ns, &used);
	if (fields != 5 || used < 0 || text[used] != '\0' || position.offset < 0)
		return error_raise(STATUS_INVALID, "\"%s\" is no position in a file", text);
	*out = position;
	return STATUS_OK;
}

static struct identity identity_of(const struct stat *info)
{
	return (struct identity){(uint64_t)info->st_dev, (uint64_t)info->st_ino};
}

static bool identity_equal(struct identity left, struct identity right)
{
	return left.device == right.device && left.inode == right.inode;
}

static int64_t written_ns_of(const struct stat *info)
{
	return (int64_t)info->st_mtim.tv_sec * INT64_C(1000000000) + info->st_mtim.tv_nsec;
}

/* False when the file has fewer bytes or cannot be read. */
static bool fingerprint_read(int fd, size_t size, uint64_t *out)
{
	uint8_t bytes[LINE_FILE_FINGERPRINT_BYTES];
	size_t got = 0;
	while (got < size) {
		ssize_t part = pread(fd, bytes + got, size - got, (off_t)got);
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return false;
		got += (size_t)part;
	}
	*out = hash_bytes(bytes, size, 0);
	return true;
}

static size_t fingerprint_size_of(int64_t offset)
{
	return offset < LINE_FILE_FINGERPRINT_BYTES ? (size_t)offset : LINE_FILE_FINGERPRINT_BYTES;
}

/* Are the bytes before the position still those that were read? */
static bool position_fits(int fd, const struct line_file_position *position)
{
	struct stat info;
	uint64_t fingerprint;
	return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= position->offset &&
		   fingerprint_read(fd, fingerprint_size_of(position->offset), &fingerprint) &&
		   fingerprint == position->fingerprint;
}

/* ---- which file ---- */

static status path_failed(const char *path, int why)
{
	return error_raise(STATUS_INVALID, "%s: %s", path, strerror(why));
}

static int open_file(const char *path)
{
	/* Without waiting: something else than a regular file, which is refused, may not have anything to read.
	 */
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static void reading_begin(struct line_file *file, int fd, const struct stat *info, int64_t offset)
{
	file->fd = fd;
	file->identity = identity_of(info);
	file->offset = offset;
	file->pending.size = file->start = file->scanned = 0;
	file->fingerprint_size = 0;
	file->rotated_ns = 0;
}

/* What has the name now, from its beginning. NOT_FOUND when nothing has. */
static status current_open(struct line_file *file)
{
	struct stat info;
	int fd = open_file(file->path);
	if (fd < 0 && errno == ENOENT)
		return STATUS_NOT_FOUND;
	if (fd < 0)
		return path_failed(file->path, errno);
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		(void)close(fd);
		return error_raise(STATUS_INVALID, "%s is not a regular file", file->path);
	}
	reading_begin(file, fd, &info, 0);
	return STATUS_OK;
}

/* Is `name` the base name with digits added: behind it, or before its extension? */
static bool name_is_rotated(const char *base, const char *name)
{
	const char *dot = strrchr(base, '.');
	size_t base_size = strlen(base), stem = dot != NULL && dot != base ? (size_t)(dot - base) : base_size;
	size_t size = strlen(name), extension = base_size - stem;
	const char *from = NULL, *to = NULL;
	if (size > base_size && memcmp(name, base, base_size) == 0) {
		from = name + base_size;
		to = name + size;
	} else if (size > base_size && memcmp(name, base, stem) == 0 &&
			   memcmp(name + size - extension, base + stem, extension) == 0) {
		from = name + stem;
		to = name + size - extension;
	}
	bool digit = false;
	for (; from != NULL && from < to; from++) {
		digit = digit || (*from >= '0' && *from <= '9');
		if ((*from < '0' || *from > '9') && strchr("-._:TZ", *from) == NULL)
			return false;
	}
	return digit;
}

struct candidate {
	char *path; /* NULL = none */
	struct stat info;
};

/* Read to its end by this process, or being read. */
static bool is_known(const struct line_file *file, struct identity identity)
{
	if (file->fd >= 0 && identity_equal(file->identity, identity))
		return true;
	for (size_t i = 0; i < file->finished_count; i++)
		if (identity_equal(file->finished[i], identity))
			return true;
	return false;
}

/* Remembers the file at hand as read to its end. */
static void file_finish(struct line_file *file)
{
	if (file->finished_count == FINISHED_MAX)
		memmove(file->finished, file->finished + 1, --file->finished_count * sizeof file->finished[0]);
	file->finished[file->finished_count++] = file->identity;
}

/* Goes through the path's directory. With `wanted`: the file that is it. Without: the first written of the
 * rotated files that were written at or after `written_ns` and not read yet. */
static void directory_search(
	const struct line_file *file, const struct identity *wanted, int64_t written_ns, struct candidate *out)
{
	DIR *directory = opendir(file->directory);
	struct dirent *entry;
	out->path = NULL;
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		struct stat info;
		struct buffer path;
		bool is_base = strcmp(entry->d_name, file->base) == 0;
		if (wanted == NULL && (is_base || !name_is_rotated(file->base, entry->d_name)))
			continue;
		buffer_init(&path);
		buffer_printf(&path, "%s/%s%c", file->directory, entry->d_name, 0);
		bool found = stat((char *)path.data, &info) == 0 && S_ISREG(info.st_mode);
		if (wanted != NULL)
			found = found && identity_equal(*wanted, identity_of(&info));
		else
			found = found && written_ns_of(&info) >= written_ns && !is_known(file, identity_of(&info)) &&
					(out->path == NULL || written_ns_of(&info) < written_ns_of(&out->info));
		if (found) {
			mem_free(out->path);
			out->path = mem_copy_string((char *)path.data);
			out->info = info;
		}
		buffer_deinit(&path);
	}
	if (directory != NULL)
		(void)closedir(directory);
}

/* The file after one that was last written at `written_ns`: a rotated one, else what has the name now.
 * NOT_FOUND. */
static status next_open(struct line_file *file, int64_t written_ns)
{
	struct stat info;
	for (int attempt = 0; attempt < 8; attempt++) {
		struct candidate candidate = {0};
		directory_search(file, NULL, written_ns, &candidate);
		if (candidate.path == NULL)
			return current_open(file);
		int fd = open_file(candidate.path);
		mem_free(candidate.path);
		bool same = fd >= 0 && fstat(fd, &info) == 0 &&
					identity_equal(identity_of(&info), identity_of(&candidate.info));
		if (same) {
			reading_begin(file, fd, &info, 0);
			return STATUS_OK;
		}
		if (fd >= 0) /* rotated again while we looked */
			(void)close(fd);
	}
	return current_open(file);
}

/* The file of the position. */
static status position_open(struct line_file *file, const struct line_file_position *from)
{
	struct identity wanted = {from->device, from->inode};
	struct candidate candidate = {0};
	directory_search(file, &wanted, 0, &candidate);
	int fd = candidate.path != NULL ? open_file(candidate.path) : -1;
	mem_free(candidate.path);
	struct stat info;
	if (fd >= 0 && fstat(fd, &info) == 0 && identity_equal(identity_of(&info), wanted)) {
		if (position_fits(fd, from)) {
			reading_begin(file, fd, &info, from->offset);
			file->fingerprint = from->fingerprint;
			file->fingerprint_size = fingerprint_size_of(from->offset);
			return STATUS_OK;
		}
		struct stat named;
		if (stat(file->path, &named) == 0 && identity_equal(identity_of(&named), wanted)) {
			note(file, "%s was truncated: reading it from its beginning", file->path);
			reading_begin(file, fd, &info, 0);
			return STATUS_OK;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	note(file,
		"the file that was read up to byte %" PRId64 " is no longer in %s; what it got after that is lost",
		from->offset, file->directory);
	return next_open(file, from->written_ns + 1);
}

/* ---- opening and closing ---- */

status line_file_open(const char *path, const struct line_file_position *from,
	const struct line_file_options *options, struct line_file **out)
{
	struct line_file *file = mem_alloc_zeroed(1, sizeof *file);
	const char *slash = strrchr(path, '/');
	file->path = mem_copy_string(path);
	file->base = slash != NULL ? file->path + (slash - path) + 1 : file->path;
	file->directory = mem_copy_string(slash == NULL ? "." : slash == path ? "/" : path);
	if (slash != NULL && slash != path)
		file->directory[slash - path] = '\0';
	file->options = *options;
	file->grace_ms = LINE_FILE_ROTATION_GRACE_MS;
	file->fd = -1;
	status result = from != NULL ? position_open(file, from) : current_open(file);
	if (result == STATUS_NOT_FOUND && options->follow)
		result = STATUS_OK; /* it will come */
	if (result == STATUS_NOT_FOUND)
		result = path_failed(path, ENOENT);
	if (result != STATUS_OK) {
		line_file_close(file);
		return result;
	}
	*out = file;
	return STATUS_OK;
}

void line_file_close(struct line_file *file)
{
	if (file == NULL)
		return;
	if (file->fd >= 0)
		(void)close(file->fd);
	buffer_deinit(&file->pending);
	mem_free(file->path);
	mem_free(file->directory);
	mem_free(file);
}

void line_file_grace_set(struct line_file *file, int64_t grace_ms)
{
	file->grace_ms = grace_ms;
}

/* ---- reading ---- */

static size_t pending_left(const struct line_file *file)
{
	return file->pending.size - file->start;
}

/* Reads on; *ended when the file has no more bytes now. */
static status pending_fill(struct line_file *file, size_t size, bool *ended)
{
	*ended = false;
	if (file->start != 0) {
		buffer_consume(&file->pending, file->start);
		file->scanned -= file->start;
		file->start = 0;
	}
	while (pending_left(file) < size && !*ended) {
		uint8_t *room = buffer_reserve(&file->pending, READ_BYTES);
		ssize_t got = pread(file->fd, room, READ_BYTES, (off_t)(file->offset + (int64_t)file->pending.size));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return path_failed(file->path, errno);
		file->pending.size += (size_t)got;
		*ended = got == 0;
		if (got != 0)
			file->rotated_ns = 0; /* late writes: wait again */
	}
	return STATUS_OK;
}

static status line_too_large(const struct line_file *file, size_t size, size_t bytes_max)
{
	error_raise(STATUS_TOO_LARGE,
		"%s: the line at byte %" PRId64 " has %zu bytes or more; the topic takes %zu at most", file->path,
		file->offset, size, bytes_max);
	error_hint("Create the topic with a larger max.message.bytes, or split the line.");
	return STATUS_TOO_LARGE;
}

/* Moves whole lines from pending to `lines`; `all`: also what stands behind the last newline. */
static status lines_take(struct line_file *file, const struct line_file_limits *limits, bool all,
	struct buffer *lines, int32_t *count)
{
	size_t cost = 0;
	while (*count < limits->lines_max && pending_left(file) != 0) {
		const uint8_t *line = file->pending.data + file->start, *from = file->pending.data + file->scanned;
		const uint8_t *end = memchr(from, '\n', file->pending.size - file->scanned);
		size_t size = end != NULL ? (size_t)(end - line) : pending_left(file);
		size_t used = end != NULL ? size + 1 : size;
		if (end == NULL)
			file->scanned = file->pending.size;
		if (size + LINE_FILE_LINE_OVERHEAD > limits->bytes_max)
			return *count == 0 ? line_too_large(file, size, limits->bytes_max) : STATUS_OK;
		if (end == NULL && !all)
			return STATUS_OK;
		if (size != 0 && line[size - 1] == '\r')
			size--;
		if (size != 0 || file->options.keep_empty) {
			cost += size + LINE_FILE_LINE_OVERHEAD;
			if (*count != 0 && cost > limits->bytes_wanted)
				return STATUS_OK;
			buffer_append(lines, line, size);
			buffer_append_byte(lines, '\n');
			*count += 1;
		}
		file->start += used;
		file->offset += (int64_t)used;
		file->scanned = file->start;
	}
	return STATUS_OK;
}

/* Has the file become smaller than what was read, or other at its beginning? Asked when there is nothing more
 * to read. */
static bool is_truncated(struct line_file *file)
{
	struct stat info;
	uint64_t fingerprint;
	if (fstat(file->fd, &info) != 0)
		return false;
	if (info.st_size < file->offset + (int64_t)pending_left(file))
		return true;
	return file->fingerprint_size != 0 &&
		   (!fingerprint_read(file->fd, file->fingerprint_size, &fingerprint) ||
			   fingerprint != file->fingerprint);
}

/* Does the name stand for another file now? A name that is gone for the moment is not that yet. */
static bool is_rotated(const struct line_file *file)
{
	struct stat named;
	return stat(file->path, &named) == 0 && !identity_equal(identity_of(&named), file->identity);
}

static void truncated_begin(struct line_file *file)
{
	note(file, "%s was truncated: reading it from its beginning", file->path);
	file->offset = 0;
	file->pending.size = file->start = file->scanned = 0;
	file->fingerprint_size = 0;
}

/* The file at hand is finished: goes on with the one after it. */
static status rotated_leave(struct line_file *file)
{
	struct stat info;
	int64_t written_ns = fstat(file->fd, &info) == 0 ? written_ns_of(&info) : 0;
	file_finish(file);
	(void)close(file->fd);
	file->fd = -1;
	status result = next_open(file, written_ns);
	return result == STATUS_NOT_FOUND ? STATUS_END : result;
}

/* May the rotated file still get writes from somebody who has not noticed? Not when it was rotated long
 * enough ago, or when another file was rotated after it. A renamed file's change time is that of its
 * renaming, where the file system keeps one; otherwise the time since we saw it counts. */
static bool may_grow(struct line_file *file)
{
	struct stat info;
	struct candidate later;
	int64_t now_ns = clock_monotonic_ns(), grace_ns = file->grace_ms * INT64_C(1000000);
	if (file->rotated_ns == 0)
		file->rotated_ns = now_ns;
	if (!file->options.follow || now_ns - file->rotated_ns >= grace_ns || fstat(file->fd, &info) != 0)
		return false;
	int64_t changed_ms = (int64_t)info.st_ctim.tv_sec * 1000 + info.st_ctim.tv_nsec / 1000000;
	if (clock_wall_ms() - changed_ms >= file->grace_ms)
		return false;
	directory_search(file, NULL, written_ns_of(&info), &later);
	bool newest = later.path == NULL;
	mem_free(later.path);
	return newest;
}

/* The file at hand is read to its end. OK: `lines` got its last line, or reading goes on, perhaps with
 * another file. END: nothing now. */
static status end_handle(
	struct line_file *file, const struct line_file_limits *limits, struct buffer *lines, int32_t *count)
{
	if (is_truncated(file)) {
		truncated_begin(file);
		return STATUS_OK;
	}
	bool rotated = is_rotated(file);
	if (!rotated && file->options.follow)
		return STATUS_END;
	if (rotated && may_grow(file))
		return STATUS_END;
	status result = lines_take(file, limits, true, lines, count);
	if (result != STATUS_OK || *count != 0)
		return result;
	return rotated ? rotated_leave(file) : STATUS_END;
}

static void position_get(struct line_file *file, struct line_file_position *out)
{
	struct stat info;
	size_t size = fingerprint_size_of(file->offset);
	if (size != file->fingerprint_size && fingerprint_read(file->fd, size, &file->fingerprint))
		file->fingerprint_size = size;
	*out = (struct line_file_position){
		.device = file->identity.device,
		.inode = file->identity.inode,
		.offset = file->offset,
		.fingerprint = file->fingerprint,
		.written_ns = fstat(file->fd, &info) == 0 ? written_ns_of(&info) : 0,
	};
}

static status lines_read(
	struct line_file *file, const struct line_file_limits *limits, struct buffer *lines, int32_t *count)
{
	size_t wanted = limits->bytes_wanted;
	while (*count == 0) {
		bool ended = false;
		status result = file->fd < 0 ? current_open(file) : STATUS_OK;
		if (result == STATUS_NOT_FOUND)
			return STATUS_END;
		if (result == STATUS_OK)
			result = pending_fill(file, wanted, &ended);
		if (result == STATUS_OK)
			result = lines_take(file, limits, false, lines, count);
		if (result == STATUS_OK && *count == 0 && ended)
			result = end_handle(file, limits, lines, count);
		else
			wanted += limits->bytes_wanted; /* not one newline in so much: a long line */
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

status line_file_read(struct line_file *file, const struct line_file_limits *limits, struct buffer *lines,
	int32_t *count, struct line_file_position *position)
{
	lines->size = 0;
	*count = 0;
	/* While nobody looked the file may have been truncated and grown beyond the old place. */
	if (file->idle && file->fd >= 0 && is_truncated(file))
		truncated_begin(file);
	status result = lines_read(file, limits, lines, count);
	file->idle = result == STATUS_END;
	if (result == STATUS_OK)
		position_get(file, position);
	return result;
}
