/* Case mapping tables of Unicode: runs of characters that map by adding the same number. Data for utf8.c
 * only. */
#ifndef KAPPA_PROCESSORS_UTF8_CASE_H
#define KAPPA_PROCESSORS_UTF8_CASE_H

#include <stddef.h>
#include <stdint.h>

/* first, first + step, … last map to themselves + delta; ascending, disjoint. */
struct utf8_case_run {
	uint32_t first, last;
	int32_t delta;
	uint32_t step;
};

extern const struct utf8_case_run utf8_lower_runs[], utf8_upper_runs[];
extern const size_t utf8_lower_run_count, utf8_upper_run_count;

#endif
