/* Bytes written as hexadecimal digits, as the files of tests/golden have them. */
#ifndef KAPPA_TESTS_INGEST_SUPPORT_HEX_H
#define KAPPA_TESTS_INGEST_SUPPORT_HEX_H

#include "base/bytes.h"
#include "base/memory.h"

/* "-" stands for no bytes; the test fails at anything else that is no digit. */
struct slice hex_read(struct arena *arena, const char *hex);

#endif
