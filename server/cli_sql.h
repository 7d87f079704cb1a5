/* What `kappa sql` lends to other verbs: reading scripts, running statements. */
#ifndef KAPPA_SERVER_CLI_SQL_H
#define KAPPA_SERVER_CLI_SQL_H

#include "server/cli_internal.h"

/* Appends the file's text; "-" is standard input. INVALID naming the file. */
status cli_script_read(const char *path, struct buffer *out) MUST_USE;
/* Runs the statements and prints their answers; returns the exit code. */
int cli_sql_run(const struct cli *cli, const char *sql);
/* A result of POST /sql as a table. */
void cli_result_table(const json_t *result, struct cli_table *table);

#endif
