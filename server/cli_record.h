/* How `kappa consume` prints a record: as Kafka's console consumer does, as JSON, or as CSV.
 * Plain value; texts are borrowed. Single-threaded.
 */
#ifndef KAPPA_SERVER_CLI_RECORD_H
#define KAPPA_SERVER_CLI_RECORD_H

#include "log/record_batch.h"
#include "server/cli_internal.h"

struct cli_record_format {
	enum cli_output output; /* CLI_OUTPUT_TABLE: values, a line each */
	bool timestamp, partition, offset, headers, key, value;
	const char *key_separator, *header_separator, *line_separator, *null_literal;
};

void cli_record_format_init(struct cli_record_format *format);
/* "print.key=true" and the like, by Kafka's names. INVALID. */
status cli_record_property(struct cli_record_format *format, const char *property) MUST_USE;
/* The line of names that CSV begins with; nothing for others. */
void cli_record_head(const struct cli_record_format *format, struct buffer *out);
/* Appends the record. Its headers are used up. */
void cli_record_append(const struct cli_record_format *format, int32_t partition, bool log_append_time,
	struct record *record, struct buffer *out);

#endif
