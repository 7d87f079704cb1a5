/* Watching versions until they have caught up, for `kappa deploy --wait`. */
#ifndef KAPPA_SERVER_CLI_PROGRESS_H
#define KAPPA_SERVER_CLI_PROGRESS_H

#include "server/cli_internal.h"

struct cli_watched {
	const char *view; /* borrowed */
	int64_t version, from_version;
};

/* Shows the progress of the versions, redrawn in place on a terminal, else a line at most every second and a
 * final one, until all have caught up. `began_ns` is the monotonic time they are said to have begun at.
 * CLI_REFUSED when one fails or is dropped, CLI_INTERRUPTED on ^C (the replay goes on), CLI_UNREACHABLE. */
int cli_progress_watch(
	const struct cli *cli, const struct cli_watched *watched, size_t count, int64_t began_ns);
/* The version's entry in an answer of GET /versions; NULL. */
const json_t *cli_version_find(const json_t *answer, const char *view, int64_t version);

#endif
