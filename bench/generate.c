/* Writes Nexmark events as JSON lines: bench_generate FILE COUNT [SEED] [bid|auction|person]
 * COUNT counts the written lines; of one kind when it is named, else of all kinds mixed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lib/nexmark.h"

int main(int argc, char **argv)
{
	if (argc < 3) {
		(void)fprintf(stderr, "usage: bench_generate FILE COUNT [SEED] [bid|auction|person]\n");
		return 2;
	}
	FILE *file = fopen(argv[1], "wb");
	if (file == NULL) {
		perror(argv[1]);
		return 1;
	}
	uint64_t count = strtoull(argv[2], NULL, 10);
	struct nexmark nexmark = nexmark_default(argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
	static const char *const names[] = {"person", "auction", "bid"};
	int only = -1;
	for (int i = 0; argc > 4 && i < 3; i++)
		if (strcmp(argv[4], names[i]) == 0)
			only = i;
	struct buffer lines;
	buffer_init(&lines);
	int failed = 0;
	for (uint64_t number = 0, written = 0; written < count && !failed; number++) {
		if (only >= 0 && nexmark_event_kind(number) != (enum nexmark_kind)only)
			continue;
		nexmark_event(&nexmark, number, &lines);
		buffer_append_byte(&lines, '\n');
		written++;
		if (lines.size > 1 << 20 || written == count) {
			failed = fwrite(lines.data, 1, lines.size, file) != lines.size;
			lines.size = 0;
		}
	}
	failed = fclose(file) != 0 || failed;
	if (failed)
		perror(argv[1]);
	buffer_deinit(&lines);
	return failed;
}
