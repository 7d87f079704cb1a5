/* An engine over a real log in a temporary directory, spoken to in verbs. Failures are cmocka's, with the
 * error's text.
 */
#ifndef KAPPA_TESTS_REPLAY_SUPPORT_ENGINE_H
#define KAPPA_TESTS_REPLAY_SUPPORT_ENGINE_H

#include "replay/engine.h"

struct world {
	char dir[64];
	struct log *log;
	struct engine *engine;
	unsigned workers;
	uint32_t step_rows;
	size_t circuit_bytes;
};

/* Runs a test's body with a world of its own. */
void world_run(void (*body)(struct world *world));
/* main(): starts the program again with SQL_STACK_BYTES of stack, then runs the tests. */
int world_main(int argc, char **argv, int (*tests)(void));

void world_open(struct world *world, unsigned workers, uint32_t step_rows, size_t circuit_bytes);
void world_reopen(struct world *world); /* a clean stop and start */
void world_close(struct world *world);  /* and deletes the directory */
/* Removes everything but the log, while closed by the caller. */
void world_delete_views(struct world *world);

status world_try(struct world *world, const char *script); /* CREATE TABLE / VIEW, DROP */
void world_sql(struct world *world, const char *script);
void world_deploy(struct world *world, const char *script); /* several views as one deployment */
/* Appends each line of `lines` as one record of the topic's partition. */
void world_produce(struct world *world, const char *topic, int32_t partition, const char *lines);
void world_wait(struct world *world, const char *view, int64_t version); /* caught up, and with the log */
/* Rows as text, columns joined by '|', sorted, a line each; the caller mem_free()s. */
char *world_rows(struct world *world, const char *view, int64_t version);
struct digest world_digest(struct world *world, const char *view, int64_t version);

#endif
