/* The seam between the program and its files: every write, sync, rename and removal of durable
 * data goes through here, so that a test can fail the nth of them, or watch them and later take
 * back what was not synced.
 *
 * Errors name the path. ENOENT is NOT_FOUND, EEXIST is EXISTS, ENOSPC and EDQUOT are NO_SPACE, all
 * else is IO. Nothing is retried but EINTR and short transfers. Nothing syncs behind the caller's
 * back: a file's bytes are durable after file_sync(), its name after directory_sync() of its parent.
 *
 * Threads: positions are explicit, so one `struct file` may be read and written by several
 * threads; opening and closing is the owner's.
 */
#ifndef KAPPA_BASE_FILE_H
#define KAPPA_BASE_FILE_H

#include "base/bytes.h"
#include "base/status.h"

struct file {
	int fd;     /* −1 = closed */
	char *path; /* NULL = closed */
};

enum file_mode {
	FILE_READ,    /* must exist */
	FILE_UPDATE,  /* must exist; read and write */
	FILE_CREATE,  /* must not exist (EXISTS); read and write */
	FILE_REPLACE, /* created or emptied; read and write */
};

status file_open(struct file *file, const char *path, enum file_mode mode) MUST_USE;
/* Accepts a closed file ({-1, NULL}). */
void file_close(struct file *file);
status file_size(const struct file *file, int64_t *size) MUST_USE;
/* Reads until `size` bytes are there or the file ends. */
status file_read(const struct file *file, int64_t position, void *data, size_t size, size_t *got) MUST_USE;
status file_write(const struct file *file, int64_t position, struct slice bytes) MUST_USE;
/* The parts one behind the other, in as few system calls as will do. */
status file_write_parts(
	const struct file *file, int64_t position, const struct slice *parts, size_t count) MUST_USE;
/* Asks the kernel to begin writing a range out; a hint that cannot fail and promises nothing. */
void file_write_out(const struct file *file, int64_t position, int64_t size);
/* fdatasync. After a failure the bytes written since the last success are in an unknown state. */
status file_sync(const struct file *file) MUST_USE;
status file_truncate(const struct file *file, int64_t size) MUST_USE;
/* Creates the file when missing and holds an exclusive lock until it is closed (or the process
 * ends). LOCKED when another holder is there. */
status file_lock(struct file *file, const char *path) MUST_USE;

/* Appends the whole file to `out`; TOO_LARGE above size_max. */
status file_read_all(const char *path, size_t size_max, struct buffer *out) MUST_USE;
/* Replaces the file's content, in place and unsynced: for data that may be lost or torn. */
status file_write_all(const char *path, struct slice bytes) MUST_USE;
/* Replaces the file's content atomically and durably: writes `<path>.new`, syncs, renames, syncs the parent.
 */
status file_replace(const char *path, struct slice bytes) MUST_USE;

status file_rename(const char *from, const char *to) MUST_USE;
status file_remove(const char *path) MUST_USE;
bool file_exists(const char *path);

/* EXISTS when it does. The parent is not synced. */
status directory_create(const char *path) MUST_USE;
status directory_sync(const char *path) MUST_USE;
/* Syncs the directory that holds `path`. */
status directory_sync_parent(const char *path) MUST_USE;
/* Names in a directory without "." and "..", sorted; the caller frees with directory_list_free(). */
struct directory_list {
	char **names;
	size_t count;
};
status directory_list(const char *path, struct directory_list *out) MUST_USE;
void directory_list_free(struct directory_list *list);
/* The directory and all below it; symbolic links are removed, not followed. */
status directory_remove(const char *path) MUST_USE;

/* ---- injection, for tests ---- */

enum file_operation {
	FILE_OP_OPEN,
	FILE_OP_CREATE, /* an open that may make a new name */
	FILE_OP_READ,
	FILE_OP_WRITE,
	FILE_OP_SYNC,
	FILE_OP_TRUNCATE,
	FILE_OP_RENAME,
	FILE_OP_REMOVE,
	FILE_OP_MKDIR,
	FILE_OP_SYNC_DIRECTORY,
};

struct file_event {
	enum file_operation operation;
	const char *path;
	const char *target; /* of a rename, else NULL */
	int64_t position;   /* reads and writes; the new size of a truncate */
	size_t size;
};

/* Asked before each operation: 0 lets it happen, an errno makes it fail with that. A failing
 * write may first write `*written` bytes (0 unless set): a torn write. Must be thread-safe. */
typedef int (*file_hook)(void *context, const struct file_event *event, size_t *written);

/* NULL takes the hook away. Set it while no other thread is doing I/O. */
void file_inject(file_hook hook, void *context);

#endif
