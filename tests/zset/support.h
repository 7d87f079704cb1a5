/* Seeded random values and batches for the tests of zset/. Values are drawn so that ties, near ties and
 * extremes are common: small domains, equal numbers of different scale, texts that are prefixes of each
 * other, embedded zeros.
 */
#ifndef KAPPA_TESTS_ZSET_SUPPORT_H
#define KAPPA_TESTS_ZSET_SUPPORT_H

#include "zset/batch.h"

struct random {
	uint64_t state;
};

/* Seeds from KAPPA_TEST_SEED, or a fixed default; prints the seed. */
struct random random_from_environment(const char *test);
uint64_t random_word(struct random *random);
uint32_t random_below(struct random *random, uint32_t limit);
int64_t random_i64(struct random *random); /* any magnitude, extremes included */
struct decimal random_decimal(struct random *random);
struct value random_value(struct random *random, struct arena *arena, enum type_id type);
/* A schema of 1…field_count_max random types. */
struct schema random_schema(struct random *random, struct arena *arena, uint32_t field_count_max);
struct batch *random_batch(
	struct random *random, struct arena *arena, const struct schema *schema, uint32_t row_count);

/* Lines of tests/zset/<name>, '\n' cut; calls visit(line number, fields split at tabs). Returns the number of
 * lines. */
enum { GOLDEN_FIELDS_MAX = 16 };
size_t golden_read(const char *name, void (*visit)(size_t line, char **fields, size_t field_count));
/* In golden files: \N is null, \t \n \\ are escapes (COPY's text format). Unescapes in place. */
void golden_unescape(char *field);

/* Counts, and prints the first few, differences between what was wanted and what came; golden_check() fails
 * when there were any and starts anew. `wanted` "!22003" is the SQLSTATE of an error. */
void golden_compare(size_t line, const char *what, const char *wanted, const char *got);
void golden_check(const char *name, size_t lines);
/* The buffer as text when code is OK, else "!SQLSTATE" of the current error; valid until the next call. */
const char *golden_result(status code, const struct buffer *text);

#endif
