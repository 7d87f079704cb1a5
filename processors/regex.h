/* Regular expressions: the common part of PostgreSQL's advanced regular expressions, compiled and run by the
 * C library's POSIX extended ones under the locale C.UTF-8.
 *
 * Translated: \d \D \w \W \s \S (also \d \w \s in brackets), \m \M \y \A \Z, escaped punctuation, \t \n \r
 * \f. Refused with UNSUPPORTED: non-greedy quantifiers, lookahead, back references, (?: … ), embedded
 * options, other escapes. Bounded: the pattern's size and the product of its repetition counts, since the
 * library builds the repetitions out.
 */
#ifndef KAPPA_PROCESSORS_REGEX_H
#define KAPPA_PROCESSORS_REGEX_H

#include <locale.h>
#include <regex.h>

#include "base/bytes.h"
#include "base/status.h"

enum { REGEX_GROUPS_MAX = 10, REGEX_PATTERN_SIZE_MAX = 1000, REGEX_REPETITIONS_MAX = 20000 };

struct regex {
	regex_t compiled;
	bool filled;
};

/* Sets the thread's locale for regex_compile() and regex_search(); the old one comes back with regex_leave().
 */
status regex_enter(locale_t *before) MUST_USE;
void regex_leave(locale_t before);
/* groups_used: the caller looks at groups[1…]. BAD_TEXT (SQLSTATE 2201B) for invalid patterns, UNSUPPORTED,
 * TOO_LARGE. Frees what the regex held before.
 */
status regex_compile(struct regex *regex, struct slice pattern, bool ignore_case, bool groups_used) MUST_USE;
/* Searches text[from…); groups[0] is the match, positions are from the text's start, −1 = not part of the
 * match. */
bool regex_search(
	const struct regex *regex, struct slice text, size_t from, regmatch_t groups[REGEX_GROUPS_MAX]);
void regex_free(struct regex *regex);

#endif
