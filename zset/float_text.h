/* Floating point as text. Pure functions; private to zset/. */
#ifndef KAPPA_ZSET_FLOAT_TEXT_H
#define KAPPA_ZSET_FLOAT_TEXT_H

#include "zset/type.h"

/* The fewest digits that read back as the same double (or float), as PostgreSQL prints them: 0.1, 1e+20,
 * 1e-05. */
void float_format(double value, bool is_float4, struct buffer *out);
/* BAD_TEXT; OUT_OF_RANGE when it overflows, or underflows to zero. */
status float_parse(struct slice text, bool is_float4, double *out) MUST_USE;

#endif
