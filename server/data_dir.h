/* The data directory: its lock and its format version.
 *
 *   <dir>/version  "kappa 1\n"     <dir>/lock  locked while the server runs     <dir>/log/     <dir>/views/
 *
 * Only log/ is the truth: a directory with nothing else in it is complete.
 */
#ifndef KAPPA_SERVER_DATA_DIR_H
#define KAPPA_SERVER_DATA_DIR_H

#include "base/file.h"

struct data_dir {
	char *path, *log_path, *views_path;
	struct file lock;
};

/* Creates what is missing, takes the lock. LOCKED, INVALID when it is some other directory, UNSUPPORTED for a
 * later format. */
status data_dir_open(const char *path, struct data_dir *out) MUST_USE;
/* Gives the lock back. Accepts a zeroed one. */
void data_dir_close(struct data_dir *dir);

#endif
