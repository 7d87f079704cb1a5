/* Checks that text must pass to become a value, from text input and binary input alike. Private to zset/. */
#ifndef KAPPA_ZSET_VALUE_CHECK_H
#define KAPPA_ZSET_VALUE_CHECK_H

#include "zset/type.h"

/* UTF-8 without NUL, within TEXT_SIZE_MAX and varchar's length (spaces past it are cut); *out borrows from
 * `text`. BAD_ENCODING, TOO_LARGE. */
status text_check(struct type type, struct slice text, struct text *out) MUST_USE;

#endif
