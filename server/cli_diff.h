/* Differences between versions as words, and gates on them. */
#ifndef KAPPA_SERVER_CLI_DIFF_H
#define KAPPA_SERVER_CLI_DIFF_H

#include "server/cli_internal.h"

/* Appends what GET /views/V/diff answered, for people. */
void cli_diff_describe(const json_t *diff, struct buffer *out);
bool cli_diff_is_equal(const json_t *diff);
/* The sample rows: kind, key columns, and per compared column "old → new" where they differ. */
void cli_diff_samples(const json_t *diff, struct cli_table *table);

enum cli_operator { CLI_LESS, CLI_LESS_OR_EQUAL, CLI_GREATER, CLI_GREATER_OR_EQUAL, CLI_EQUAL };

/* "changed_rows < 100" */
struct cli_condition {
	const char *name;  /* static */
	const char *field; /* of the answer; static */
	enum cli_operator operator;
	double number;
};

/* INVALID naming what is wrong. */
status cli_condition_parse(const char *text, struct cli_condition *out) MUST_USE;
bool cli_condition_holds(const struct cli_condition *condition, const json_t *diff, double *value);

#endif
