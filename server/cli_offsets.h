/* Where produced records went, for the summary. */
#ifndef KAPPA_SERVER_CLI_OFFSETS_H
#define KAPPA_SERVER_CLI_OFFSETS_H

#include "server/cli_internal.h"

struct cli_offsets {
	int64_t count; /* records */
	struct cli_offset_range {
		int64_t partition, first, last;
	} * ranges; /* per partition that got some */
	size_t range_count, range_capacity;
};

void cli_offsets_add(struct cli_offsets *offsets, int64_t partition, int64_t base_offset, int64_t count);
/* "produced 3000000 records to flights (offsets 0–2999999)" */
void cli_offsets_describe(const struct cli_offsets *offsets, const char *topic, struct buffer *out);
void cli_offsets_deinit(struct cli_offsets *offsets);

/* kappa produce --file (cli_source.c). */
struct cli_source {
	const char *topic, *path, *id; /* id NULL: the absolute path */
	int64_t partition;             /* −1 = the source's */
	bool follow;
};
int cli_source_run(const struct cli *cli, const struct cli_source *source);

#endif
