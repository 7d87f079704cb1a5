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
 * What there is to say to people (truncated, lost) goes to the options' note(). One thread at a time.
 */
#ifndef KAPPA_INGEST_LINE_FILE_H
#define KAPPA_INGEST_LINE_FILE_H

#include "base/bytes.h"
#include "base/status.h"

enum {
	LINE_FILE_FINGERPRINT_BYTES = 1024,
	LINE_FILE_LINE_OVERHEAD = 32,       /* bytes that a record has besides its line, at most */
	LINE_FILE_ROTATION_GRACE_MS = 1000, /* a rotated file may get late writes for so long */
};

struct line_file_position {
	uint64_t device, inode;
	int64_t offset;       /* byte */
	uint64_t fingerprint; /* of the first min(offset, LINE_FILE_FINGERPRINT_BYTES) bytes */
	int64_t written_ns;   /* the file's last write when it was read */
};

void line_file_position_format(const struct line_file_position *position, struct buffer *out);
/* INVALID: some other program's, or a later format. */
status line_file_position_parse(const char *text, struct line_file_position *out) MUST_USE;

struct line_file;

struct line_file_options {
	bool follow;     /* the file may grow, be rotated, or not be there yet */
	bool keep_empty; /* an empty line is a line, too */
	/* Something was lost or began anew; `text` is one line without its end. NULL = nobody listens. */
	void (*note)(void *context, const char *text);
	void *context;
};

/* `path` must exist unless followed. `from` NULL: from the beginning of what has the name now. INVALID naming
 * the path. */
status line_file_open(const char *path, const struct line_file_position *from,
	const struct line_file_options *options, struct line_file **out) MUST_USE;
void line_file_close(struct line_file *file); /* accepts NULL */

struct line_file_limits {
	size_t bytes_wanted; /* about what one read should return */
	size_t bytes_max;    /* of one line */
	int32_t lines_max;
};

/* Replaces `lines` by the next whole lines, each ended by '\n', without empty ones (unless kept) and without
 * a '\r' at the end, as many as fit with LINE_FILE_LINE_OVERHEAD each, at least one; *position is behind
 * them. END: there are none now (never will be, unless followed). TOO_LARGE: the next line does not fit
 * bytes_max. */
status line_file_read(struct line_file *file, const struct line_file_limits *limits, struct buffer *lines,
	int32_t *count, struct line_file_position *position) MUST_USE;

/* Tests: the grace of rotated files. */
void line_file_grace_set(struct line_file *file, int64_t grace_ms);

#endif
