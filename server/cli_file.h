/* A file read line by line as it grows, is rotated and truncated, and found again after a restart.
 *
 *   position = device : inode : byte offset : fingerprint of the first bytes : last write, nanoseconds
 *
 * The name may come to stand for another file at any time (rotation); the position names the file itself.
 * Reading goes file of the position ──end──► files rotated after it, oldest first ──end──► the file that has
 * the name now A rotated file is one in the same directory whose name is the path's plus digits
 * ("flights.log.1", "flights-20260727.log") and that was written later than the one before.
 *
 * Invariants
 *   F1  Every byte belongs to exactly one line that is returned once per open(); a position is always a
 * line's end. F2  Bytes before a position never change, unless the file was truncated in place, which shows
 * as a smaller size or another fingerprint: it then counts as a new file and is read from 0. F3  A line
 * without newline is returned only when the file can no longer be expected to grow: its name stands for
 *       another file, or nobody follows it.
 *
 * What is said to people (truncated, lost) goes to standard error. Single-threaded.
 */
#ifndef KAPPA_SERVER_CLI_FILE_H
#define KAPPA_SERVER_CLI_FILE_H

#include "base/bytes.h"
#include "base/status.h"

enum {
	CLI_FILE_FINGERPRINT_BYTES = 1024,
	CLI_FILE_LINE_OVERHEAD = 32,       /* bytes that a record has besides its line, at most */
	CLI_FILE_ROTATION_GRACE_MS = 1000, /* a rotated file may get late writes for so long */
};

struct cli_file_position {
	uint64_t device, inode;
	int64_t offset;       /* byte */
	uint64_t fingerprint; /* of the first min(offset, CLI_FILE_FINGERPRINT_BYTES) bytes */
	int64_t written_ns;   /* the file's last write when it was read */
};

void cli_file_position_format(const struct cli_file_position *position, struct buffer *out);
/* INVALID: some other program's, or a later format. */
status cli_file_position_parse(const char *text, struct cli_file_position *out) MUST_USE;

struct cli_file;

/* `path` must exist unless `follow`. `from` NULL: from the beginning of what has the name now. INVALID naming
 * the path. */
status cli_file_open(
	const char *path, const struct cli_file_position *from, bool follow, struct cli_file **out) MUST_USE;
void cli_file_close(struct cli_file *file); /* accepts NULL */

struct cli_file_limits {
	size_t bytes_wanted; /* about what one read should return */
	size_t bytes_max;    /* of one line */
	int32_t lines_max;
};

/* Replaces `lines` by the next whole lines, each ended by '\n', without empty ones and without a '\r' at the
 * end, as many as fit with CLI_FILE_LINE_OVERHEAD each, at least one; *position is behind them. END: there
 * are none now (never will be, unless followed). TOO_LARGE: the next line does not fit bytes_max. */
status cli_file_read(struct cli_file *file, const struct cli_file_limits *limits, struct buffer *lines,
	int32_t *count, struct cli_file_position *position) MUST_USE;

/* Tests: the grace of rotated files. */
void cli_file_grace_set(struct cli_file *file, int64_t grace_ms);

#endif
